//! What became of messages today, kept in memory for whoever asks every few seconds (metrics), so that asking costs nothing.

use std::sync::{Mutex, PoisonError};

use vestibule_core::{
    store::{StoreExt as _, StoreResult},
    tally::{Span, Tally},
};

use super::messages::{ALARM, FATES};
use crate::state::{State, Transaction};

/// What was counted since the day of UTC began, when it was looked at last.
#[derive(Debug, Default)]
pub struct Latest(Mutex<Vec<Tally>>);

impl Latest {
    /// It.
    pub fn tallies(&self) -> Vec<Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Looks at it.
///
/// # Errors
/// When the store fails.
pub async fn look(state: &State) -> StoreResult<()> {
    let today = Span::Day.of(state.clock.now());
    let what = [FATES.as_slice(), &[ALARM]].concat();
    let tallies = state.store.read(move |tx: &mut Transaction| tx.tallies_since(Span::Day, today, &what)).await?;
    *state.latest.0.lock().unwrap_or_else(PoisonError::into_inner) = tallies;
    Ok(())
}
