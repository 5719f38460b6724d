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

use async_trait::async_trait;
use tokio::time::Instant;
use vestibule_core::{
    Channel,
    channel::{Carried, Circuit, Health, Message, SendOutcome},
    id::ConnectionName,
};

use super::exchange::NO_CONNECTION;

/// So many failures in a row open it.
const FAILURES: u32 = 5;
/// So long it stays open; then one message tries it.
const PAUSE: Duration = Duration::from_secs(30);
/// A message that tries it has ended by then, whatever became of it.
const PROBE: Duration = Duration::from_secs(15);

/// The circuits of an instance. A clone is the same ones.
#[derive(Clone, Default)]
pub struct Circuits(Arc<Mutex<BTreeMap<ConnectionName, Seen>>>);

/// What was seen of a gateway.
#[derive(Clone, Default)]
struct Seen {
    failures: u32,
    /// When it opened, as long as it is not closed again.
    since: Option<Instant>,
    /// When it failed last while it was open.
    opened: Option<Instant>,
    probed: Option<Instant>,
    /// When it failed last, and why; masked.
    last: Option<(Instant, String)>,
}

impl Circuits {
    fn all(&self) -> MutexGuard<'_, BTreeMap<ConnectionName, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the circuit of a gateway stands.
    pub fn circuit(&self, name: &ConnectionName) -> Circuit {
        self.all().get(name).map_or(Circuit::Closed, |seen| seen.circuit(Instant::now()))
    }

    /// How a gateway does.
    pub fn health(&self, name: &ConnectionName) -> Health {
        let (all, now) = (self.all(), Instant::now());
        let seen = all.get(name).cloned().unwrap_or_default();
        Health {
            gateway: name.clone(),
            circuit: seen.circuit(now),
            failures: seen.failures,
            last_failure: seen.last.map(|(at, why)| (now.duration_since(at), why)),
        }
    }

    /// Whether a message goes by it before others. One at a time tries a gateway that was away.
    pub(super) fn lets_through(&self, name: &ConnectionName) -> bool {
        let (mut all, now) = (self.all(), Instant::now());
        let Some(seen) = all.get_mut(name) else { return true };
        match seen.circuit(now) {
            Circuit::Closed => true,
            Circuit::Open { .. } => false,
            Circuit::HalfOpen { .. } => {
                seen.probed = Some(now);
                true
            }
        }
    }

    /// It took a message. What went wrong before is still told.
    pub(super) fn succeeded(&self, name: &ConnectionName) {
        let mut all = self.all();
        let Some(seen) = all.get_mut(name) else { return };
        if seen.opened.is_some() {
            tracing::info!(connection = %name, "a gateway takes messages again");
        }
        *seen = Seen { last: seen.last.take(), ..Seen::default() };
    }

    /// It failed; `why` is masked.
    pub(super) fn failed(&self, name: &ConnectionName, why: &str) {
        let now = Instant::now();
        let mut all = self.all();
        let seen = all.entry(name.clone()).or_default();
        seen.failures = seen.failures.saturating_add(1);
        seen.probed = None;
        seen.last = Some((now, why.to_owned()));
        if seen.failures >= FAILURES {
            if seen.opened.is_none() {
                tracing::warn!(connection = %name, failures = seen.failures, "a gateway fails: others come first");
                seen.since = Some(now);
            }
            seen.opened = Some(now);
        }
    }

    /// What the outcome of one message says of the gateway alone: that it refused may be because of the number.
    pub fn learn(&self, name: &ConnectionName, outcome: &SendOutcome) {
        match outcome {
            SendOutcome::Accepted { .. } => self.succeeded(name),
            SendOutcome::Unknown { why } => self.failed(name, why),
            SendOutcome::Refused { why } if why.starts_with(NO_CONNECTION) => self.failed(name, why),
            SendOutcome::Refused { .. } => {}
        }
    }
}

impl Seen {
    fn circuit(&self, now: Instant) -> Circuit {
        let left = |from: Option<Instant>, length: Duration| {
            let passed = now.duration_since(from?);
            Some(length.saturating_sub(passed)).filter(|left| !left.is_zero())
        };
        let Some(since) = self.since.map(|since| now.duration_since(since)) else { return Circuit::Closed };
        match left(self.opened, PAUSE).max(left(self.probed, PROBE)) {
            Some(until) => Circuit::Open { since, until },
            None => Circuit::HalfOpen { since },
        }
    }
}

/// A gateway alone, with what is seen of it. Nothing is refused because of that: it is there to be looked at.
pub(super) struct Watched {
    pub(super) name: ConnectionName,
    pub(super) channel: Arc<dyn Channel>,
    pub(super) circuits: Circuits,
}

#[async_trait]
impl Channel for Watched {
    async fn deliver(&self, message: &Message) -> SendOutcome {
        self.carry(message).await.outcome
    }

    async fn carry(&self, message: &Message) -> Carried {
        let carried = self.channel.carry(message).await;
        self.circuits.learn(&self.name, &carried.outcome);
        carried
    }

    fn area(&self, to: &str) -> Option<String> {
        self.channel.area(to)
    }

    fn health(&self) -> Vec<Health> {
        vec![self.circuits.health(&self.name)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_is_tried_by_one_and_closes_by_a_success() {
        let (circuits, name) = (Circuits::default(), ConnectionName::from("A"));
        for _ in 1..FAILURES {
            circuits.failed(&name, "HTTP 503");
        }
        assert_eq!(circuits.circuit(&name), Circuit::Closed);
        circuits.succeeded(&name);
        for _ in 1..FAILURES {
            circuits.failed(&name, "HTTP 503");
        }
        assert!(circuits.lets_through(&name), "a success in between counts them anew");
        circuits.failed(&name, "HTTP 503");
        tokio::time::advance(Duration::from_secs(10)).await;
        let open = Circuit::Open { since: Duration::from_secs(10), until: Duration::from_secs(20) };
        let last_failure = Some((Duration::from_secs(10), "HTTP 503".to_owned()));
        assert_eq!(
            circuits.health(&name),
            Health { gateway: name.clone(), circuit: open, failures: FAILURES, last_failure }
        );
        assert!(!circuits.lets_through(&name));
        assert!(circuits.lets_through(&ConnectionName::from("B")), "another one is another one");
        tokio::time::advance(PAUSE - Duration::from_secs(10)).await;
        assert_eq!(circuits.circuit(&name), Circuit::HalfOpen { since: PAUSE });
        assert!(circuits.lets_through(&name));
        assert!(!circuits.lets_through(&name), "one at a time tries it");
        circuits.failed(&name, "HTTP 503");
        assert!(!circuits.lets_through(&name), "one failure is enough to open it again");
        tokio::time::advance(PAUSE).await;
        assert!(circuits.lets_through(&name));
        // A message that was given up on tells nothing; the next may try.
        tokio::time::advance(PROBE).await;
        assert!(circuits.lets_through(&name));
        circuits.succeeded(&name);
        assert_eq!(circuits.circuit(&name), Circuit::Closed);
        let told = circuits.health(&name);
        assert_eq!((told.failures, told.last_failure.map(|(_, why)| why)), (0, Some("HTTP 503".to_owned())));
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_circuit_says_since_when_it_is_away_and_not_since_it_was_last_tried() {
        let (circuits, name) = (Circuits::default(), ConnectionName::from("A"));
        for _ in 0..FAILURES {
            circuits.failed(&name, "no connection");
        }
        tokio::time::advance(PAUSE * 2).await;
        circuits.failed(&name, "HTTP 500");
        assert_eq!(circuits.circuit(&name), Circuit::Open { since: PAUSE * 2, until: PAUSE });
        assert_eq!(circuits.health(&name).last_failure, Some((Duration::ZERO, "HTTP 500".to_owned())));
    }

    #[test]
    fn a_gateway_alone_is_not_blamed_for_a_number_that_it_refuses() {
        let (circuits, name) = (Circuits::default(), ConnectionName::from("A"));
        let refused = |why: &str| SendOutcome::Refused { why: why.to_owned() };
        circuits.learn(&name, &refused("HTTP 400: bad number"));
        assert_eq!(circuits.health(&name).failures, 0);
        circuits.learn(&name, &refused("no connection in time"));
        circuits.learn(&name, &SendOutcome::Unknown { why: "no answer in time".to_owned() });
        assert_eq!(circuits.health(&name).failures, 2);
        circuits.learn(&name, &SendOutcome::Accepted { reference: None });
        assert_eq!(circuits.health(&name).failures, 0);
    }
}
