//! Counting what happens, off the way of those to whom it happens: the overview's numbers.
//!
//! What is in the audit log is counted once it is sealed, by a task of its own: a second after it happened, in a transaction that
//! no login waits for, and once by however many instances, since how far the log is counted is a mark that moves in that
//! transaction. What is in no log (a login that was begun, a code that became tokens) is noted in memory and added in that
//! transaction too; a process that is killed forgets the last second of it.
//!
//! A table that every login adds a row to was the road not taken: it would be one more write in the transaction of each.

pub mod alarm;
mod count;
pub mod latest;
pub mod messages;
pub mod words;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use vestibule_core::{
    store::{StoreError, StoreExt as _, StoreResult},
    tally::{Span, Tally},
    time::Time,
};
use vestibule_oauth::Snapshot;

pub use self::count::{Counted, counted};
use crate::state::{State, Transaction};

/// How often is counted.
const COUNT: Duration = Duration::from_secs(1);
/// So many events at a time.
const BATCH: usize = 500;
/// So many different things are noted in memory between two counts; a flood of new ones is not.
const NOTED_AT_MOST: usize = 10_000;

/// What was noted and is not added yet: what happened, to what, in which hour.
type Noted = BTreeMap<(Time, &'static str, String), i64>;

/// What happened since the last count and is in no log.
#[derive(Debug, Default)]
pub struct Notes(Mutex<Noted>);

impl Notes {
    /// Notes that something happened. It costs a lock for the time of an addition.
    pub fn note(&self, now: Time, what: &'static str, about: &str) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (Span::Hour.of(now), what, about.to_owned());
        if noted.len() < NOTED_AT_MOST || noted.contains_key(&key) {
            *noted.entry(key).or_default() += 1;
        }
    }

    fn take(&self) -> Noted {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what could not be added for the next time.
    fn put_back(&self, taken: Noted) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, number) in taken {
            *noted.entry(key).or_default() += number;
        }
    }
}

/// Notes something that concerns a service provider under its chain. One that there is not is nobody's.
pub fn note(state: &State, snapshot: &Snapshot, what: &'static str, client: &str) {
    if let Some(client) = snapshot.client(client) {
        state.notes.note(state.clock.now(), what, snapshot.chain(client).as_str());
    }
}

/// Counts as long as the server runs.
pub async fn keep_counted(state: Arc<State>) {
    loop {
        tokio::time::sleep(COUNT).await;
        if let Err(error) = count(&state).await {
            tracing::warn!(%error, "what happened could not be counted; it is tried again");
        }
    }
}

/// Counts what was sealed and noted since the last time; how many events this call counted.
///
/// # Errors
/// When the store fails: then nothing of what was not counted is lost.
pub async fn count(state: &State) -> StoreResult<usize> {
    add_noted(state).await?;
    let mut all = 0;
    loop {
        match some(state).await? {
            Some(number) if number == BATCH => all += number,
            // Whoever was faster goes on with it.
            None => return Ok(all),
            Some(number) => return Ok(all + number),
        }
    }
}

async fn add_noted(state: &State) -> StoreResult<()> {
    let noted = state.notes.take();
    if noted.is_empty() {
        return Ok(());
    }
    let mut counted = Counted::default();
    for ((at, what, about), number) in &noted {
        counted.add(*at, what, about, *number);
    }
    let tallies = counted.tallies();
    let added = state.store.write(move |tx: &mut Transaction| tx.add_tallies(&tallies)).await;
    if added.is_err() {
        state.notes.put_back(noted);
    }
    added
}

/// Counts the next events; how many, or nothing when another instance was faster.
async fn some(state: &State) -> StoreResult<Option<usize>> {
    let next = |tx: &mut Transaction| {
        let mark = tx.tally_mark()?;
        Ok((mark, tx.audit_after(mark, BATCH)?))
    };
    let (mark, rows) = state.store.read(next).await?;
    let Some(last) = rows.last().and_then(|row| row.seq) else { return Ok(Some(0)) };
    let counted = counted(&rows, &state.live.snapshot());
    let (tallies, signed_in): (Vec<Tally>, _) = (counted.tallies(), counted.signed_in);
    let add = move |tx: &mut Transaction| {
        if !tx.move_tally_mark(mark, last)? {
            return Ok(false);
        }
        tx.add_tallies(&tallies)?;
        tx.note_signed_in(&signed_in)?;
        Ok(true)
    };
    match state.store.write(add).await {
        Ok(true) => Ok(Some(rows.len())),
        Ok(false) | Err(StoreError::Conflict(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_given_once_and_not_without_bound() {
        let notes = Notes::default();
        let now = Time::from_unix_seconds(7_300);
        notes.note(now, words::STARTED, "default");
        notes.note(now, words::STARTED, "default");
        let taken = notes.take();
        assert_eq!(taken.values().copied().collect::<Vec<_>>(), [2]);
        assert!(notes.take().is_empty());
        notes.note(now, words::STARTED, "default");
        notes.put_back(taken);
        assert_eq!(notes.take().into_values().collect::<Vec<_>>(), [3]);
        for number in 0..NOTED_AT_MOST + 5 {
            notes.note(now, words::STARTED, &number.to_string());
        }
        notes.note(now, words::STARTED, "7");
        let taken = notes.take();
        assert_eq!((taken.len(), taken.values().sum::<i64>()), (NOTED_AT_MOST, NOTED_AT_MOST as i64 + 1));
    }
}
