//! Circuits: a gateway that fails time after time is not asked first for a while, so that nobody waits for what will not come.
//!
//! They are kept in memory, by the name of the connection: an instance learns within a few messages what another has learnt, and
//! a row to write for every message would cost more than that. They decide about the order alone. When every gateway is away the
//! message is tried all the same: a breaker that refuses would be one more thing that can be down.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use vestibule_core::id::ConnectionName;

/// So many failures in a row open it.
const FAILURES: u32 = 5;
/// So long it stays open; then one message tries it.
const PAUSE: Duration = Duration::from_secs(30);
/// A message that tries it has ended by then, whatever became of it.
const PROBE: Duration = Duration::from_secs(15);

/// The circuits of an instance. A clone is the same ones.
#[derive(Clone, Default)]
pub struct Circuits(Arc<Mutex<BTreeMap<ConnectionName, Circuit>>>);

#[derive(Clone, Copy, Default)]
struct Circuit {
    failures: u32,
    opened: Option<Instant>,
    probed: Option<Instant>,
}

/// Where a circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// Messages go by it.
    Closed,
    /// None goes by it that can go by another.
    Open,
    /// The next message tries it.
    HalfOpen,
}

impl Circuits {
    fn all(&self) -> MutexGuard<'_, BTreeMap<ConnectionName, Circuit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the circuit of a gateway stands.
    pub fn state(&self, name: &ConnectionName) -> CircuitState {
        self.all().get(name).map_or(CircuitState::Closed, |circuit| circuit.state(Instant::now()))
    }

    /// Whether a message goes by it before others. One at a time tries a gateway that was away.
    pub(super) fn lets_through(&self, name: &ConnectionName) -> bool {
        let (mut all, now) = (self.all(), Instant::now());
        let Some(circuit) = all.get_mut(name) else { return true };
        match circuit.state(now) {
            CircuitState::Closed => true,
            CircuitState::Open => false,
            CircuitState::HalfOpen => {
                circuit.probed = Some(now);
                true
            }
        }
    }

    /// It took a message.
    pub(super) fn succeeded(&self, name: &ConnectionName) {
        let before = self.all().remove(name);
        if before.is_some_and(|circuit| circuit.opened.is_some()) {
            tracing::info!(connection = %name, "a gateway takes messages again");
        }
    }

    /// It failed.
    pub(super) fn failed(&self, name: &ConnectionName) {
        let now = Instant::now();
        let mut all = self.all();
        let circuit = all.entry(name.clone()).or_default();
        circuit.failures = circuit.failures.saturating_add(1);
        circuit.probed = None;
        if circuit.failures >= FAILURES {
            let first = circuit.opened.is_none();
            circuit.opened = Some(now);
            if first {
                tracing::warn!(connection = %name, failures = circuit.failures, "a gateway fails: others come first");
            }
        }
    }
}

impl Circuit {
    fn state(&self, now: Instant) -> CircuitState {
        let within = |since: Option<Instant>, length| since.is_some_and(|since| now.duration_since(since) < length);
        match self.opened {
            None => CircuitState::Closed,
            Some(_) if within(self.opened, PAUSE) || within(self.probed, PROBE) => CircuitState::Open,
            Some(_) => CircuitState::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_is_tried_by_one_and_closes_by_a_success() {
        let (circuits, name) = (Circuits::default(), ConnectionName::from("A"));
        for _ in 1..FAILURES {
            circuits.failed(&name);
        }
        assert_eq!(circuits.state(&name), CircuitState::Closed);
        circuits.succeeded(&name);
        for _ in 1..FAILURES {
            circuits.failed(&name);
        }
        assert!(circuits.lets_through(&name), "a success in between counts them anew");
        circuits.failed(&name);
        assert_eq!(circuits.state(&name), CircuitState::Open);
        assert!(!circuits.lets_through(&name));
        assert!(circuits.lets_through(&ConnectionName::from("B")), "another one is another one");
        tokio::time::advance(PAUSE).await;
        assert_eq!(circuits.state(&name), CircuitState::HalfOpen);
        assert!(circuits.lets_through(&name));
        assert!(!circuits.lets_through(&name), "one at a time tries it");
        circuits.failed(&name);
        assert!(!circuits.lets_through(&name), "one failure is enough to open it again");
        tokio::time::advance(PAUSE).await;
        assert!(circuits.lets_through(&name));
        // A message that was given up on tells nothing; the next may try.
        tokio::time::advance(PROBE).await;
        assert!(circuits.lets_through(&name));
        circuits.succeeded(&name);
        assert_eq!(circuits.state(&name), CircuitState::Closed);
    }
}
