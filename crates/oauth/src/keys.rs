//! Signing keys in the database: made at the first start, replaced by age, and now when an admin asks.
//!
//! What is due is decided by [`vestibule_jose::rotation`], in the transaction that carries it out: of sixteen instances that
//! start at once, one makes the keys and fifteen find them made. Keys are made before that transaction, since an RSA key
//! takes a while and everybody who writes would wait for it.

use std::{collections::BTreeSet, time::Duration};

use vestibule_core::{
    store::{StoreError, StoreExt as _, StoreResult},
    time::Time,
};
use vestibule_jose::{
    Algorithm, KeyError, KeyId, RotationPolicy, SigningKey, StoredKey,
    rotation::{self, Action, Change},
};

use crate::{
    access_token,
    model::Client,
    store::{Store, Tx},
};

/// Why the keys are not in order.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key could not be made or read.
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// What an operator decides about keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRules {
    /// Keys are kept for these, too.
    pub algorithms: BTreeSet<Algorithm>,
    /// How long a key signs.
    pub rotate_every: Duration,
}

impl Default for KeyRules {
    fn default() -> Self {
        Self { algorithms: BTreeSet::new(), rotate_every: Duration::from_secs(90 * 24 * 3600) }
    }
}

/// The algorithms that are in use: that of access tokens, RS256 as OpenID Connect requires, what clients ask for, and what
/// the operator wants.
pub fn policy<'a>(clients: impl IntoIterator<Item = &'a Client>, rules: &KeyRules) -> RotationPolicy {
    let mut algorithms: BTreeSet<Algorithm> = [access_token::ALGORITHM, Algorithm::RS256].into();
    algorithms.extend(&rules.algorithms);
    let mut longest = Duration::from_secs(3600);
    for client in clients {
        algorithms.insert(client.id_token_signed_response_alg);
        longest = longest.max(client.access_token_life.into());
    }
    RotationPolicy { rotate_every: rules.rotate_every, ..RotationPolicy::new(algorithms, longest) }
}

/// Brings the keys in order: at the start, and from time to time. Whether anything changed. `stock` are keys that were made
/// beforehand and may be used.
///
/// # Errors
/// When the database fails or a key cannot be made or read.
pub async fn keep(store: &Store, rules: &KeyRules, stock: Vec<SigningKey>, now: Time) -> Result<bool, KeysError> {
    carry_out(store, rules, Task::Due, stock, now, |_, _| Ok(())).await
}

/// Replaces the key of an algorithm now. See [`rotation::rotate_now`] for who may be surprised. `also` is written in the same
/// transaction, such as who did it; it is told the keys as they were, and it is not asked when nothing changes.
///
/// # Errors
/// As [`keep`], and when `also` fails: then no key was replaced.
pub async fn rotate_now(
    store: &Store,
    rules: &KeyRules,
    algorithm: Algorithm,
    now: Time,
    also: impl FnMut(&mut (dyn Tx + 'static), &[StoredKey]) -> StoreResult<()> + Send + 'static,
) -> Result<bool, KeysError> {
    carry_out(store, rules, Task::Rotate(algorithm), Vec::new(), now, also).await
}

/// Withdraws a key that somebody else may know: all that it signed dies.
///
/// # Errors
/// As [`keep`].
pub async fn withdraw(store: &Store, rules: &KeyRules, id: &KeyId, now: Time) -> Result<bool, KeysError> {
    carry_out(store, rules, Task::Withdraw(id.clone()), Vec::new(), now, |_, _| Ok(())).await
}

#[derive(Clone)]
enum Task {
    Due,
    Rotate(Algorithm),
    Withdraw(KeyId),
}

impl Task {
    fn actions(&self, keys: &[StoredKey], policy: &RotationPolicy, now: Time) -> Vec<Action> {
        let metas: Vec<_> = keys.iter().map(StoredKey::meta).collect();
        match self {
            Self::Due => rotation::due(&metas, policy, now.0),
            Self::Rotate(algorithm) => rotation::rotate_now(&metas, policy, *algorithm, now.0),
            Self::Withdraw(id) => rotation::withdraw(&metas, policy, id, now.0),
        }
    }

    fn read(&self, tx: &mut dyn Tx, rules: &KeyRules, now: Time) -> StoreResult<(Vec<StoredKey>, Vec<Action>)> {
        let policy = policy(&tx.clients()?, rules);
        let keys = tx.signing_keys()?;
        let actions = self.actions(&keys, &policy, now);
        Ok((keys, actions))
    }
}

async fn carry_out(
    store: &Store,
    rules: &KeyRules,
    task: Task,
    stock: Vec<SigningKey>,
    now: Time,
    mut also: impl FnMut(&mut (dyn Tx + 'static), &[StoredKey]) -> StoreResult<()> + Send + 'static,
) -> Result<bool, KeysError> {
    let (look, wanted) = (task.clone(), rules.clone());
    let (_, actions) = store.read(move |tx| look.read(tx, &wanted, now)).await?;
    if actions.is_empty() {
        return Ok(false);
    }
    let (made, rules) = (make(&actions, stock).await?, rules.clone());
    let apply = move |tx: &mut (dyn Tx + 'static)| {
        let (keys, actions) = task.read(tx, &rules, now)?;
        let mut stock = made.clone();
        let take = |algorithm| match stock.iter().position(|key| key.algorithm() == algorithm) {
            Some(at) => Ok(stock.swap_remove(at)),
            // Something else became due since it was looked at.
            None => SigningKey::generate(algorithm),
        };
        let changes = match rotation::carry_out(&actions, &keys, now.0, take) {
            Ok(changes) => changes,
            Err(error) => return Ok(Err(error)),
        };
        for change in &changes {
            match change {
                Change::Put(key) => tx.put_signing_key(key)?,
                Change::Delete(id) => tx.delete_signing_key(id.as_str())?,
            }
        }
        if !changes.is_empty() {
            also(tx, &keys)?;
        }
        Ok(Ok(!changes.is_empty()))
    };
    Ok(store.write(apply).await??)
}

/// Makes the keys that `actions` want and `stock` does not have, away from the threads that answer requests.
async fn make(actions: &[Action], mut stock: Vec<SigningKey>) -> Result<Vec<SigningKey>, KeysError> {
    let wanted: Vec<Algorithm> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Generate { algorithm, .. } => Some(*algorithm),
            _ => None,
        })
        .filter(|algorithm| !stock.iter().any(|key| key.algorithm() == *algorithm))
        .collect();
    if wanted.is_empty() {
        return Ok(stock);
    }
    let making = tokio::task::spawn_blocking(move || wanted.into_iter().map(SigningKey::generate).collect());
    let made: Result<Vec<SigningKey>, KeyError> =
        making.await.map_err(|error| StoreError::Unavailable(format!("no keys were made: {error}")))?;
    stock.extend(made?);
    Ok(stock)
}
