//! The log as it grows: every event that is sealed from now on, in the order of the chain.
//!
//! Where a tail stands is a number of the chain, so whoever comes back with the last one they saw misses nothing and gets
//! nothing twice: numbers have no gaps and never change. To go on by time was not taken: an event may be committed after a
//! later one. To be told by the sealer was not either: it may be another instance's.

use std::time::Duration;

use tokio::time::sleep;
use vestibule_core::{audit::page::AuditFilter, time::Time};

use super::{
    super::{Actor, AdminError, FieldFault, Permission, transact},
    AuditView, Still,
    places::Place,
};
use crate::state::State;

/// How often the log is looked at.
const TICK: Duration = Duration::from_secs(1);
/// So many rows are looked at in one go.
const BATCH: usize = 250;
/// After so much silence something is said, so that nothing in between takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// After this the tail ends, and whoever still looks comes back.
pub const LIFE: Duration = Duration::from_secs(10 * 60);
/// So many tails at a time.
pub const IN_ALL: usize = 32;
/// So many of one person or program: a few windows.
pub const EACH: usize = 4;

/// What a tail says next.
#[derive(Debug)]
pub enum Step {
    /// These were sealed, and the tail stands at this number now.
    Events(Vec<AuditView>, i64),
    /// Nothing that is wanted; the tail stands at this number.
    Quiet(i64),
    /// The actor may not look any longer.
    Over,
}

/// The log as it grows.
pub struct Tail {
    filter: AuditFilter,
    after: i64,
    ends: Time,
    told: Time,
    _place: Place,
}

impl Tail {
    /// Begins behind the event of that number; without one, behind the last that is sealed.
    ///
    /// # Errors
    /// When the actor may not, there is no place, there is no such number yet, or the store fails.
    pub async fn begin(
        state: &State,
        actor: &Actor,
        filter: AuditFilter,
        after: Option<i64>,
    ) -> Result<Self, AdminError> {
        actor.needs(Permission::AuditRead)?;
        let place = state.audit.tails.take(actor).ok_or(AdminError::Busy)?;
        let last = transact::read(state, |tx| Ok(tx.last_sealed_audit()?)).await?.map_or(0, |(seq, _)| seq);
        let after = after.unwrap_or(last);
        if !(0..=last).contains(&after) {
            let wrong = FieldFault::new("/after", "the log has no event of this number yet");
            return Err(AdminError::Invalid(vec![wrong]));
        }
        let now = state.clock.now();
        Ok(Self { filter, after, ends: now + LIFE, told: now, _place: place })
    }

    /// Where it stands.
    pub fn at(&self) -> i64 {
        self.after
    }

    /// Waits for what is next; `None` when the tail is at its end, and may be begun anew where it stood. Whether the actor may
    /// still look is asked before every look.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn next(&mut self, state: &State, still: &Still) -> Result<Option<Step>, AdminError> {
        loop {
            let now = state.clock.now();
            if now >= self.ends || state.readiness.draining() {
                return Ok(None);
            }
            if !still().await {
                return Ok(Some(Step::Over));
            }
            let (after, silent) = (self.after, now >= self.told + HEARTBEAT);
            let rows = transact::read(state, move |tx| Ok(tx.audit_after(after, BATCH)?)).await?;
            let last = rows.last().and_then(|row| row.seq);
            self.after = last.unwrap_or(after);
            let views = rows.iter().filter_map(|row| Some(AuditView { seq: row.seq, event: row.event()? }));
            let wanted: Vec<_> = views.filter(|view| self.filter.matches(&view.event)).collect();
            match () {
                () if !wanted.is_empty() => {
                    self.told = now;
                    return Ok(Some(Step::Events(wanted, self.after)));
                }
                () if silent => {
                    self.told = now;
                    return Ok(Some(Step::Quiet(self.after)));
                }
                () if last.is_none() => sleep(TICK).await,
                () => {}
            }
        }
    }
}
