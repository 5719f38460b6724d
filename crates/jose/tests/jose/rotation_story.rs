//! The life of keys as a story with times.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use vestibule_jose::{
    Algorithm, Expect, KeyId, KeyMeta, KeyRing, KeyState, RotationPolicy, SigningKey, StoredKey, VerifyError,
    rotation::{self, Action, Change},
};

use crate::support::*;

const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;

fn policy() -> RotationPolicy {
    RotationPolicy::new([Algorithm::ES256], Duration::from_secs(3600))
}

/// A table of keys, as the store has one.
#[derive(Default)]
struct Table(Vec<StoredKey>);

impl Table {
    fn metas(&self) -> Vec<KeyMeta> {
        self.0.iter().map(StoredKey::meta).collect()
    }

    fn apply(&mut self, actions: &[Action], now: i64) {
        for change in rotation::carry_out(actions, &self.0, now, SigningKey::generate).unwrap() {
            match change {
                Change::Put(key) => {
                    self.0.retain(|old| old.id != key.id);
                    self.0.push(key);
                }
                Change::Delete(id) => self.0.retain(|old| old.id != id),
            }
        }
    }

    /// What a rotation job does; what was due.
    fn tick(&mut self, now: i64) -> Vec<Action> {
        self.tick_with(&policy(), now)
    }

    fn tick_with(&mut self, policy: &RotationPolicy, now: i64) -> Vec<Action> {
        let due = rotation::due(&self.metas(), policy, now);
        self.apply(&due, now);
        assert_eq!(rotation::due(&self.metas(), policy, now), [], "nothing is due twice");
        due
    }

    fn ring(&self, now: i64) -> KeyRing {
        KeyRing::new(&self.0, now).unwrap()
    }

    fn current(&self, now: i64) -> KeyId {
        self.ring(now).current(Algorithm::ES256).unwrap().id().clone()
    }

    fn states(&self, now: i64) -> Vec<KeyState> {
        self.ring(now).keys().map(|(_, state)| state).collect()
    }
}

#[test]
fn a_115_keys_rotate_and_old_tokens_verify_until_they_expire() {
    use KeyState::{Current, Next, Previous};
    let mut table = Table::default();

    // The first start makes one key, at once in use; fifteen more instances find it made.
    assert_eq!(table.tick(NOW), [Action::Generate { algorithm: Algorithm::ES256, activates_at: NOW }]);
    for _ in 0..15 {
        assert_eq!(table.tick(NOW), []);
    }
    let first = table.current(NOW);
    assert_eq!(table.states(NOW), [Current]);

    // Nothing happens for 89 days. Then the next key is published, a day before it signs, and all times are written.
    assert_eq!(table.tick(NOW + 89 * DAY - 1), []);
    let handover = NOW + 90 * DAY;
    assert_eq!(table.tick(NOW + 89 * DAY).len(), 2);
    assert_eq!(table.states(NOW + 89 * DAY), [Current, Next]);
    let ring = table.ring(NOW + 89 * DAY);
    assert_eq!(ring.changes_at(), Some(handover));
    assert_eq!(ring.current(Algorithm::ES256).unwrap().id(), &first);

    // The last token of the first key, a microsecond before the handover, which needs nobody.
    let last = handover - 1;
    let mut claims = claims();
    claims["iat"] = (last / SECOND).into();
    claims["nbf"] = (last / SECOND).into();
    claims["exp"] = (last / SECOND + 3600).into();
    let signer = ring.at(last);
    let token = signer.current(Algorithm::ES256).unwrap().sign(Some("at+jwt"), &claims).unwrap();
    assert_eq!(table.current(last), first);
    let second = table.current(handover);
    assert_ne!(first, second);
    assert_eq!(ring.at(handover).current(Algorithm::ES256).unwrap().id(), &second);
    assert_eq!(table.states(handover), [Current, Previous]);
    assert_eq!(table.tick(handover), []);

    // It verifies until it expires, and the key stays a day longer than the longest token.
    let at = |now| table.ring(now).verify::<Value>(&token, &Expect { now, ..expect() }).map(drop);
    assert_eq!(at(handover), Ok(()));
    assert_eq!(at(last + HOUR - SECOND), Ok(()));
    assert_eq!(at(last + HOUR), Err(VerifyError::Expired));
    assert_eq!(at(handover + 25 * HOUR - 1), Err(VerifyError::Expired));
    assert_eq!(at(handover + 25 * HOUR), Err(VerifyError::UnknownKey));

    // Then it is deleted.
    assert_eq!(table.tick(handover + 25 * HOUR - 1), []);
    assert_eq!(table.tick(handover + 25 * HOUR), [Action::Delete { id: first }]);
    assert_eq!(table.states(handover + 25 * HOUR), [Current]);
}

#[test]
fn a_115_a_job_that_slept_for_a_year_still_publishes_ahead() {
    let mut table = Table::default();
    table.tick(NOW);
    let late = NOW + 365 * DAY;
    let first = table.current(late);
    table.tick(late);
    assert_eq!(table.current(late), first, "the old key signs on until the new one was published for a day");
    assert_eq!(table.current(late + DAY - 1), first);
    assert_ne!(table.current(late + DAY), first);
}

#[test]
fn rotate_now_prefers_the_key_that_was_published() {
    let mut table = Table::default();
    table.tick(NOW);
    table.tick(NOW + 89 * DAY);
    let now = NOW + 89 * DAY + HOUR;
    let ring = table.ring(now);
    let (next, _) = ring.keys().find(|(_, state)| *state == KeyState::Next).unwrap();
    let before = table.current(now);
    table.apply(&rotation::rotate_now(&table.metas(), &policy(), Algorithm::ES256, now), now);
    assert_eq!(table.current(now), next.id);
    assert_eq!(table.states(now), [KeyState::Current, KeyState::Previous]);
    let old = table.metas().into_iter().find(|key| key.id == before).unwrap();
    assert_eq!((old.retires_at, old.removed_at), (Some(now), Some(now + 25 * HOUR)));
    assert_eq!(table.tick(now), []);
}

#[test]
fn rotate_now_makes_a_key_where_none_was_published() {
    let mut table = Table::default();
    table.tick(NOW);
    let first = table.current(NOW);
    table.apply(&rotation::rotate_now(&table.metas(), &policy(), Algorithm::ES256, NOW + HOUR), NOW + HOUR);
    assert_ne!(table.current(NOW + HOUR), first);
    assert_eq!(table.states(NOW + HOUR), [KeyState::Current, KeyState::Previous]);
    assert_eq!(table.tick(NOW + HOUR), []);
}

#[test]
fn a_withdrawn_key_is_gone_at_once_and_stays_gone() {
    let mut table = Table::default();
    table.tick(NOW);
    let stolen = table.current(NOW);
    let token = table.ring(NOW).current(Algorithm::ES256).unwrap().sign(Some("at+jwt"), &claims()).unwrap();
    let now = NOW + 60 * SECOND;
    let later = Expect { now, ..expect() };
    assert!(table.ring(now).verify::<Value>(&token, &later).is_ok());
    table.apply(&rotation::withdraw(&table.metas(), &policy(), &stolen, now), now);
    assert_eq!(table.ring(now).verify::<Value>(&token, &later), Err(VerifyError::UnknownKey));
    assert!(!String::from_utf8_lossy(table.ring(now).jwks()).contains(stolen.as_str()));
    assert_ne!(table.current(now), stolen);
    assert_eq!(table.tick(now), [Action::Delete { id: stolen }]);
    assert_eq!(rotation::withdraw(&table.metas(), &policy(), &KeyId::from("nobody"), now), []);
}

#[test]
fn withdrawing_a_previous_key_leaves_the_current_one_alone() {
    let mut table = Table::default();
    table.tick(NOW);
    let old = table.current(NOW);
    table.apply(&rotation::rotate_now(&table.metas(), &policy(), Algorithm::ES256, NOW + HOUR), NOW + HOUR);
    let current = table.current(NOW + HOUR);
    table.apply(&rotation::withdraw(&table.metas(), &policy(), &old, NOW + HOUR), NOW + HOUR);
    assert_eq!(table.current(NOW + HOUR), current);
    assert_eq!(table.states(NOW + HOUR), [KeyState::Current]);
}

#[test]
fn an_algorithm_that_is_needed_no_more_fades_out_and_one_that_is_needed_comes() {
    let mut table = Table::default();
    table.tick(NOW);
    let other = RotationPolicy { algorithms: [Algorithm::EdDSA].into(), ..policy() };
    table.tick_with(&other, NOW + HOUR);
    let ring = table.ring(NOW + HOUR);
    assert!(ring.current(Algorithm::ES256).is_none(), "it signs no more");
    assert!(ring.current(Algorithm::EdDSA).is_some());
    assert_eq!(table.states(NOW + HOUR), [KeyState::Current, KeyState::Previous]);
    assert_eq!(table.tick_with(&other, NOW + 26 * HOUR).len(), 1);
    assert_eq!(table.states(NOW + 26 * HOUR), [KeyState::Current]);
}

#[test]
fn a_published_key_steps_in_when_nothing_signs() {
    let mut table = Table::default();
    table.tick(NOW);
    let now = NOW + 89 * DAY;
    table.tick(now);
    let lost = table.current(now);
    table.0.retain(|key| key.id != lost);
    let next = table.0[0].id.clone();
    assert!(table.ring(now).current(Algorithm::ES256).is_none());
    assert_eq!(table.tick(now), [Action::Promote { id: next.clone(), activates_at: now }]);
    assert_eq!(table.current(now), next);
}

#[test]
fn an_end_that_was_decided_is_never_put_off() {
    let mut table = Table::default();
    table.tick(NOW);
    // An admin wants it to stop in an hour, and to be gone in two: a successor comes at that hour, not a day later.
    table.0[0].retires_at = Some(NOW + HOUR);
    table.0[0].removed_at = Some(NOW + 2 * HOUR);
    let due = table.tick(NOW);
    assert_eq!(due, [Action::Generate { algorithm: Algorithm::ES256, activates_at: NOW + HOUR }]);
    let first = table.metas().into_iter().find(|key| key.activates_at == NOW).unwrap();
    // A successor that comes later than that end does not move it, and one that comes sooner keeps its deletion.
    let mut successor = table.metas().into_iter().find(|key| key.id != first.id).unwrap();
    successor.activates_at = NOW + 2 * HOUR;
    assert_eq!(rotation::due(&[first.clone(), successor], &policy(), NOW), []);
    let sooner = rotation::rotate_now(&table.metas(), &policy(), Algorithm::ES256, NOW + 60 * SECOND);
    let retire = Action::Retire { id: first.id, retires_at: NOW + 60 * SECOND, removed_at: NOW + 2 * HOUR };
    assert!(sooner.contains(&retire), "{sooner:?}");
}

#[test]
fn without_keys_nothing_is_signed() {
    let ring = KeyRing::new(&[], NOW).unwrap();
    assert!(Algorithm::ALL.into_iter().all(|algorithm| ring.current(algorithm).is_none()));
    assert_eq!((ring.jwks(), ring.changes_at()), (&br#"{"keys":[]}"#[..], None));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    /// However irregularly the job runs and whatever the admin does: there is always a key that signs, and the table
    /// does not grow.
    #[test]
    fn there_is_always_one_key_that_signs(steps in prop::collection::vec((0_i64..60, 0_u8..4), 1..25)) {
        let mut table = Table::default();
        let mut now = NOW;
        for (days, what) in steps {
            now += days * DAY + days * HOUR;
            table.tick(now);
            let metas = table.metas();
            match what {
                0 => table.apply(&rotation::rotate_now(&metas, &policy(), Algorithm::ES256, now), now),
                1 => table.apply(&rotation::withdraw(&metas, &policy(), &table.current(now), now), now),
                _ => {}
            }
            let ring = table.ring(now);
            prop_assert!(ring.current(Algorithm::ES256).is_some());
            let signing = ring.keys().filter(|(_, state)| *state == KeyState::Current).count();
            prop_assert_eq!(signing, 1);
            prop_assert!(table.0.len() <= 5, "{:?}", table.metas());
        }
    }
}
