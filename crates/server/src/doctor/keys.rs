//! Signing keys: one for each algorithm in use, how old it is, and when the next one signs.

use std::time::Duration;

use vestibule_core::Time;
use vestibule_jose::{Algorithm, KeyMeta, KeyState};
use vestibule_oauth::keys::policy;

use super::{
    Patient, Seat, date,
    outcome::{Finding, KEY_CURRENT, KEY_FUTURE, KEY_MISSING, KEY_OVERDUE, KEYS_NONE_YET, UNREAD},
};
use crate::configuration::key_rules;

/// A rotation is asked for every ten minutes. One that is late by more does not happen.
const GRACE: Duration = Duration::from_secs(2 * 86_400);
/// Clocks of two instances are never quite the same.
const AHEAD: Duration = Duration::from_secs(60);

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let Some(configured) = &patient.configured else { return vec![UNREAD.found().of(super::Group::Keys)] };
    if configured.keys.is_empty() && patient.seat == Seat::Command {
        return vec![KEYS_NONE_YET.found()];
    }
    let policy = policy(&configured.clients, &key_rules(&patient.settings.keys));
    let mut found: Vec<_> =
        policy.algorithms.iter().map(|of| line(*of, &configured.keys, policy.rotate_every, patient.now)).collect();
    let future =
        configured.keys.iter().map(|key| Time(key.created_at)).filter(|made| *made > patient.now + AHEAD).max();
    found.extend(future.map(|made| KEY_FUTURE.found().with("at", date(made.unix_seconds()))));
    found
}

fn line(algorithm: Algorithm, keys: &[KeyMeta], rotate_every: Duration, now: Time) -> Finding {
    let mut signing = keys.iter().filter(|key| key.algorithm == algorithm && key.state(now.0) == KeyState::Current);
    let named = |finding: Finding| finding.with("algorithm", algorithm);
    let Some(first) = signing.next() else { return named(KEY_MISSING.found()) };
    let key = signing.fold(first, |one, other| if other.activates_at > one.activates_at { other } else { one });
    let age = now.since(Time(key.activates_at));
    let days = age.as_secs() / 86_400;
    if age > rotate_every + GRACE {
        return named(KEY_OVERDUE.found()).with("days", days);
    }
    let next = key.retires_at.map_or_else(|| Time(key.activates_at) + rotate_every, Time);
    named(KEY_CURRENT.found()).with("days", days).with("next", date(next.unix_seconds()))
}

#[cfg(test)]
mod tests {
    use vestibule_jose::SigningKey;

    use super::*;
    use crate::doctor::patient::tests::{House, keys};

    const DAY: i64 = 86_400_000_000;

    fn key(algorithm: Algorithm, activates_at: i64) -> KeyMeta {
        let id = SigningKey::generate(Algorithm::EdDSA).unwrap().id().clone();
        KeyMeta { id, algorithm, created_at: activates_at, activates_at, retires_at: None, removed_at: None }
    }

    #[test]
    fn a_key_for_each_algorithm_is_right() {
        let mut house = House::new();
        let old = house.now.0 - 10 * DAY;
        house.configured.as_mut().unwrap().keys = vec![key(Algorithm::RS256, old), key(Algorithm::ES256, old)];
        assert_eq!(keys(&check(&house.patient())), ["keys.current", "keys.current"]);
    }

    #[test]
    fn one_that_is_missing_overdue_or_from_the_future_is_named() {
        let mut house = House::new();
        assert_eq!(keys(&check(&house.patient())), ["keys.missing", "keys.missing"]);
        let (old, late) = (house.now.0 - 100 * DAY, house.now.0 + DAY);
        house.configured.as_mut().unwrap().keys = vec![key(Algorithm::RS256, old), key(Algorithm::ES256, late)];
        let mut found = keys(&check(&house.patient()));
        found.sort_unstable();
        assert_eq!(found, ["keys.future", "keys.missing", "keys.overdue"]);
    }

    #[test]
    fn before_the_first_start_there_are_none() {
        let mut house = House::new();
        house.seat = Seat::Command;
        assert_eq!(keys(&check(&house.patient())), ["keys.none_yet"]);
        house.configured = None;
        assert_eq!(keys(&check(&house.patient())), ["unread"]);
    }
}
