//! The audit log: whether rows are sealed as they come, and whether its sinks keep up.

use std::time::Duration;

use vestibule_core::Time;

use super::{
    Patient, Seat,
    outcome::{AUDIT_SEALED, AUDIT_UNSEALED, AUDIT_WAITING, Finding, SINK_BEHIND, SINK_SERVED, SINKS_NONE, UNREAD},
    span,
};

/// Rows are sealed every second.
const SEALED: Duration = Duration::from_secs(30);
/// A sink that fails is tried again once a minute at the latest.
const SERVED: Duration = Duration::from_secs(180);

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let Some(records) = &patient.records else { return vec![UNREAD.found().of(super::Group::Audit)] };
    let late = |since: Option<Time>, patience: Duration| {
        since.map(|at| patient.now.since(at)).filter(|waits| *waits > patience).map(span)
    };
    let mut found = vec![match (late(records.unsealed, SEALED), patient.seat) {
        (None, _) => AUDIT_SEALED.found(),
        (Some(since), Seat::Server) => AUDIT_UNSEALED.found().with("since", since),
        // A command writes rows too, and where no server runs nobody seals them before the next one does.
        (Some(since), Seat::Command) => AUDIT_WAITING.found().with("since", since),
    }];
    if records.sinks.is_empty() {
        found.push(SINKS_NONE.found());
    }
    found.extend(records.sinks.iter().map(|(sink, waits)| match late(*waits, SERVED) {
        None => SINK_SERVED.found().with("sink", sink),
        Some(since) => SINK_BEHIND.found().with("sink", sink).with("since", since),
    }));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::patient::tests::{House, keys};

    #[test]
    fn rows_that_are_sealed_and_sinks_that_keep_up_are_right() {
        let mut house = House::new();
        assert_eq!(keys(&check(&house.patient())), ["audit.sealed", "audit.no_sink"]);
        let now = house.now;
        let records = house.records.as_mut().unwrap();
        (records.unsealed, records.sinks) = (Some(now), vec![("stdout", None), ("file", Some(now))]);
        assert_eq!(keys(&check(&house.patient())), ["audit.sealed", "audit.served", "audit.served"]);
    }

    #[test]
    fn rows_that_wait_for_their_seal_and_a_sink_that_is_behind_are_named() {
        let mut house = House::new();
        let then = house.now - Duration::from_secs(600);
        let records = house.records.as_mut().unwrap();
        (records.unsealed, records.sinks) = (Some(then), vec![("http", Some(then))]);
        assert_eq!(keys(&check(&house.patient())), ["audit.unsealed", "audit.behind"]);
        house.seat = Seat::Command;
        assert_eq!(keys(&check(&house.patient()))[0], "audit.waiting");
    }
}
