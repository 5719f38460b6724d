//! When keys come and go: a pure function from keys and time to what is due, and its execution.
//!
//! The times of a handover are written when the successor is made, at least [`RotationPolicy::publish_ahead`] before it:
//! then every relying party that reads the JWK Set once a day knows a key before its first token, and the handover itself
//! happens by the clock, on all instances at once, with nobody awake. The road not taken is a job that promotes at the
//! right moment: when it is late, keys are late.
//!
//! ```text
//! let due = rotation::due(&metas, &policy, now);
//! for change in rotation::carry_out(&due, &stored, now, SigningKey::generate)? { /* put or delete */ }
//! ```
//!
//! Read, decide and write in one transaction: sixteen instances that start at once on an empty database then make one set
//! of keys, since fifteen of them find it made.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    algorithm::Algorithm,
    jwk::KeyId,
    key::{KeyError, SigningKey},
    ring::{KeyMeta, KeyState, StoredKey},
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// When keys come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationPolicy {
    /// The algorithms that are in use; each has its own line of keys.
    pub algorithms: BTreeSet<Algorithm>,
    /// How long a key signs.
    pub rotate_every: Duration,
    /// How long a key is published before it signs.
    pub publish_ahead: Duration,
    /// How long a key verifies after it signed last: longer than any token lives.
    pub keep_after: Duration,
}

impl RotationPolicy {
    /// A key signs for 90 days, is published a day before, and stays for a day longer than the longest token that the
    /// server issues.
    pub fn new(algorithms: impl IntoIterator<Item = Algorithm>, longest_token_life: Duration) -> Self {
        Self {
            algorithms: algorithms.into_iter().collect(),
            rotate_every: 90 * DAY,
            publish_ahead: DAY,
            keep_after: longest_token_life.saturating_add(DAY),
        }
    }
}

/// What has to be done to the stored keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a key, publish it now, sign with it from `activates_at`.
    Generate {
        /// For which algorithm.
        algorithm: Algorithm,
        /// From when it signs.
        activates_at: i64,
    },
    /// Sign with a published key earlier than was planned.
    Promote {
        /// Which.
        id: KeyId,
        /// From when it signs.
        activates_at: i64,
    },
    /// Write down when a key stops.
    Retire {
        /// Which.
        id: KeyId,
        /// From when it signs no more.
        retires_at: i64,
        /// From when it neither verifies nor is published.
        removed_at: i64,
    },
    /// Delete a key that neither signs nor verifies.
    Delete {
        /// Which.
        id: KeyId,
    },
}

/// What is due at `now`. Carried out, nothing more is due until time passes.
pub fn due(keys: &[KeyMeta], policy: &RotationPolicy, now: i64) -> Vec<Action> {
    let mut actions = Vec::new();
    for algorithm in Algorithm::ALL {
        let line = Line::of(keys, algorithm, now);
        if policy.algorithms.contains(&algorithm) {
            line.keep_going(policy, now, &mut actions);
        } else {
            line.keys.iter().for_each(|key| retire(key, now, policy, &mut actions));
        }
    }
    let dead = keys.iter().filter(|key| key.state(now) == KeyState::Retired);
    actions.extend(dead.map(|key| Action::Delete { id: key.id.clone() }));
    actions
}

/// Hands over now, as an admin may ask: to the published next key, or to a new one when none was published.
///
/// **Caveat**: a relying party that has cached the JWK Set does not know a new key. Most fetch the set again when they see
/// an unknown `kid`; one that does not refuses our tokens until its cache ends. Where there is time, let [`due`] publish
/// the next key a day ahead instead.
pub fn rotate_now(keys: &[KeyMeta], policy: &RotationPolicy, algorithm: Algorithm, now: i64) -> Vec<Action> {
    let line = Line::of(keys, algorithm, now);
    let next = line.keys.iter().find(|key| key.activates_at > now);
    let mut actions = vec![match next {
        Some(next) => Action::Promote { id: next.id.clone(), activates_at: now },
        None => Action::Generate { algorithm, activates_at: now },
    }];
    let signing = line.keys.iter().filter(|key| key.activates_at <= now);
    signing.for_each(|key| retire(key, now, policy, &mut actions));
    actions
}

/// Withdraws a key that may be known to somebody else: it neither signs nor verifies from now on, so every token that it
/// signed dies, and if it was signing, another one takes over as in [`rotate_now`].
pub fn withdraw(keys: &[KeyMeta], policy: &RotationPolicy, id: &KeyId, now: i64) -> Vec<Action> {
    let Some(key) = keys.iter().find(|key| key.id == *id) else { return Vec::new() };
    let gone = Action::Retire { id: id.clone(), retires_at: now, removed_at: now };
    let others: Vec<KeyMeta> = keys.iter().filter(|other| other.id != *id).cloned().collect();
    let mut actions = vec![gone];
    let still_signs = Line::of(&others, key.algorithm, now).keys.iter().any(|other| other.activates_at <= now);
    if key.state(now) == KeyState::Current && !still_signs {
        actions.extend(rotate_now(&others, policy, key.algorithm, now));
    }
    actions
}

/// The keys of one algorithm that sign now or later, in the order in which they take over.
struct Line<'a> {
    algorithm: Algorithm,
    keys: Vec<&'a KeyMeta>,
}

impl<'a> Line<'a> {
    fn of(keys: &'a [KeyMeta], algorithm: Algorithm, now: i64) -> Self {
        let signs = |key: &&KeyMeta| matches!(key.state(now), KeyState::Current | KeyState::Next);
        let mut keys: Vec<_> = keys.iter().filter(|key| key.algorithm == algorithm).filter(signs).collect();
        keys.sort_by(|a, b| a.seniority().cmp(&b.seniority()));
        Self { algorithm, keys }
    }

    fn keep_going(&self, policy: &RotationPolicy, now: i64, actions: &mut Vec<Action>) {
        let algorithm = self.algorithm;
        let (Some(first), Some(last)) = (self.keys.first(), self.keys.last()) else {
            // The first start, or the only key was withdrawn: nobody can be told ahead.
            actions.push(Action::Generate { algorithm, activates_at: now });
            return;
        };
        if first.activates_at > now {
            // Nothing signs at the moment. A key that was published an hour ago is better than none.
            actions.push(Action::Promote { id: first.id.clone(), activates_at: now });
        }
        for (key, successor) in self.keys.iter().zip(self.keys.iter().skip(1)) {
            retire(key, successor.activates_at, policy, actions);
        }
        if last.activates_at <= now {
            self.plan_successor(last, policy, now, actions);
        }
    }

    /// Makes the next key when it is time to publish it.
    fn plan_successor(&self, last: &KeyMeta, policy: &RotationPolicy, now: i64, actions: &mut Vec<Action>) {
        let soonest = after(now, policy.publish_ahead);
        let end = after(last.activates_at, policy.rotate_every);
        let activates_at = last.retires_at.unwrap_or_else(|| end.max(soonest));
        if activates_at <= soonest {
            actions.push(Action::Generate { algorithm: self.algorithm, activates_at });
            retire(last, activates_at, policy, actions);
        }
    }
}

/// Has a key stop at `at`, unless it stops earlier anyhow. What was decided is never put off, so a key that was withdrawn
/// does not come back.
fn retire(key: &KeyMeta, at: i64, policy: &RotationPolicy, actions: &mut Vec<Action>) {
    if key.retires_at.is_none_or(|planned| planned > at) {
        let kept = after(at, policy.keep_after);
        let removed_at = key.removed_at.map_or(kept, |planned| planned.min(kept));
        actions.push(Action::Retire { id: key.id.clone(), retires_at: at, removed_at });
    }
}

fn after(time: i64, duration: Duration) -> i64 {
    time.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX))
}

/// One row to be written or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Make this key or replace the one of that id.
    Put(StoredKey),
    /// Delete the key of that id.
    Delete(KeyId),
}

/// Turns actions into rows. `make` generates a key ([`SigningKey::generate`]); it is a parameter because an RSA key takes
/// a tenth of a second, and whoever has a transaction open may want to have made it before.
///
/// # Errors
/// When a key cannot be made; then nothing was changed.
pub fn carry_out(
    actions: &[Action],
    keys: &[StoredKey],
    now: i64,
    mut make: impl FnMut(Algorithm) -> Result<SigningKey, KeyError>,
) -> Result<Vec<Change>, KeyError> {
    let mut changes: Vec<Change> = Vec::new();
    for action in actions {
        match action {
            Action::Generate { algorithm, activates_at } => {
                changes.push(Change::Put(StoredKey::new(&make(*algorithm)?, now, *activates_at)?));
            }
            Action::Promote { id, activates_at } => {
                edit(&mut changes, keys, id, |key| key.activates_at = *activates_at);
            }
            Action::Retire { id, retires_at, removed_at } => edit(&mut changes, keys, id, |key| {
                key.retires_at = Some(*retires_at);
                key.removed_at = Some(*removed_at);
            }),
            Action::Delete { id } => changes.push(Change::Delete(id.clone())),
        }
    }
    Ok(changes)
}

/// Edits the row that is already to be written, or else a copy of the stored one.
fn edit(changes: &mut Vec<Change>, keys: &[StoredKey], id: &KeyId, edit: impl FnOnce(&mut StoredKey)) {
    let pending = changes.iter_mut().find_map(|change| match change {
        Change::Put(key) if key.id == *id => Some(key),
        _ => None,
    });
    if let Some(key) = pending {
        edit(key);
    } else if let Some(mut key) = keys.iter().find(|key| key.id == *id).cloned() {
        edit(&mut key);
        changes.push(Change::Put(key));
    }
}
