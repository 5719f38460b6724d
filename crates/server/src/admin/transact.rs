//! Reading on one consistent view, and changes as one transaction that may still be refused in the middle: then nothing of it
//! stays. What is changed in the configuration holds on this instance when the operation returns.
//!
//! A job of the store is rolled back when it fails; a refusal is none of the store's failures, so it is laid aside and the
//! store is told to go back.

use std::sync::{Arc, Mutex, PoisonError};

use vestibule_core::{
    random::Random,
    store::{StoreError, StoreExt as _, StoreResult},
    time::Time,
};
use vestibule_oauth::store::Store;

use super::{
    Actor, AdminError,
    guard::Guard,
    record::{By, Change},
};
use crate::{
    configuration,
    state::{State, Transaction},
};

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
    pub fn record(&self, tx: &mut Transaction, change: &Change) -> Result<(), AdminError> {
        Ok(By::from(&self.actor).record(tx, change.into(), &*self.random, self.now)?)
    }
}

/// Reads on one consistent view.
///
/// # Errors
/// What `work` says, or what the store says.
pub async fn read<R, F>(state: &State, work: F) -> Result<R, AdminError>
where
    R: Send + 'static,
    F: FnMut(&mut Transaction) -> Result<R, AdminError> + Send + 'static,
{
    state.store.read(refusable(work)).await?
}

/// Changes configuration, all of it or nothing, and takes it up.
///
/// # Errors
/// What `work` says, or what the store says.
pub async fn configure<R, F>(state: &State, work: F) -> Result<R, AdminError>
where
    R: Send + 'static,
    F: FnMut(&mut Transaction) -> Result<R, AdminError> + Send + 'static,
{
    let done = write(state, work).await?;
    take_up(state).await;
    Ok(done)
}

/// Lets a configuration that was changed hold here at once. It is saved, and every instance takes it up within two seconds.
pub async fn take_up(state: &State) {
    if let Err(error) = configuration::refresh(state).await {
        tracing::warn!(%error, "a change of the configuration could not be taken up at once");
    }
}

/// Runs `work` in a transaction. When it is refused, nothing of it stays.
///
/// # Errors
/// What `work` says, or what the store says.
pub async fn write<R, F>(state: &State, work: F) -> Result<R, AdminError>
where
    R: Send + 'static,
    F: FnMut(&mut Transaction) -> Result<R, AdminError> + Send + 'static,
{
    all_or_nothing(&*state.store, refusable(work)).await?
}

/// The work as the store takes it: a refusal is an answer, and only what the store says fails.
fn refusable<R>(
    mut work: impl FnMut(&mut Transaction) -> Result<R, AdminError>,
) -> impl FnMut(&mut Transaction) -> StoreResult<Result<R, AdminError>> {
    move |tx| match work(tx) {
        Err(AdminError::Store(error)) => Err(error),
        other => Ok(other),
    }
}

/// Runs `work` in a transaction of which nothing stays when its answer is an `Err`.
///
/// # Errors
/// What the store says.
pub async fn all_or_nothing<R, E, F>(store: &Store, mut work: F) -> StoreResult<Result<R, E>>
where
    R: Send + 'static,
    E: Send + 'static,
    F: FnMut(&mut Transaction) -> StoreResult<Result<R, E>> + Send + 'static,
{
    let refusal: Arc<Mutex<Option<E>>> = Arc::default();
    let aside = Arc::clone(&refusal);
    let job = move |tx: &mut Transaction| {
        work(tx)?.map_err(|refused| {
            *aside.lock().unwrap_or_else(PoisonError::into_inner) = Some(refused);
            StoreError::Conflict("refused".to_owned())
        })
    };
    let done = store.write(job).await;
    let refused = refusal.lock().unwrap_or_else(PoisonError::into_inner).take();
    match (done, refused) {
        (Ok(done), _) => Ok(Ok(done)),
        (Err(StoreError::Conflict(_)), Some(refused)) => Ok(Err(refused)),
        (Err(error), _) => Err(error),
    }
}
