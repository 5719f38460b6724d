//! A change as one transaction that may still be refused in the middle: then nothing of it stays.
//!
//! A job of the store is rolled back when it fails; a refusal is none of the store's failures, so it is laid aside and the
//! store is told to go back.

use std::sync::{Arc, Mutex, PoisonError};

use vestibule_core::{
    random::Random,
    store::{StoreError, StoreExt as _},
    time::Time,
};

use super::{
    Actor, AdminError,
    guard::Guard,
    record::{self, Change},
};
use crate::state::{State, Transaction};

/// What a change needs inside its transaction, which outlives the request.
#[derive(Clone)]
pub struct Work {
    /// Who does it.
    pub actor: Actor,
    /// Keeps the last owner from being locked out.
    pub guard: Guard,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// The time.
    pub now: Time,
}

impl Work {
    /// What a change by `actor` needs.
    pub fn new(state: &State, actor: &Actor) -> Self {
        let (guard, random) = (Guard::new(state), Arc::clone(&state.random));
        Self { actor: actor.clone(), guard, random, now: state.clock.now() }
    }

    /// Writes a change down.
    ///
    /// # Errors
    /// When the store fails.
    pub fn record(&self, tx: &mut Transaction, change: &Change<'_>) -> Result<(), AdminError> {
        Ok(record::record(tx, &self.actor, change, &*self.random, self.now)?)
    }
}

/// Runs `work` in a transaction. When it is refused, nothing of it stays.
///
/// # Errors
/// What `work` says, or what the store says.
pub async fn write<R, F>(state: &State, mut work: F) -> Result<R, AdminError>
where
    R: Send + 'static,
    F: FnMut(&mut Transaction) -> Result<R, AdminError> + Send + 'static,
{
    let refusal: Arc<Mutex<Option<AdminError>>> = Arc::default();
    let aside = Arc::clone(&refusal);
    let job = move |tx: &mut Transaction| {
        work(tx).map_err(|error| match error {
            AdminError::Store(error) => error,
            refused => {
                *aside.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused);
                StoreError::Conflict("refused".to_owned())
            }
        })
    };
    let done = state.store.write(job).await;
    let refused = refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (done, refused) {
        (Ok(done), _) => Ok(done),
        (Err(StoreError::Conflict(_)), Some(refused)) => Err(refused),
        (Err(error), _) => Err(error.into()),
    }
}
