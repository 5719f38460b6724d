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

/// The algorithms that are in use: that of access tokens, RS256 as OpenID Connect requires, and what clients ask for.
pub fn policy<'a>(clients: impl IntoIterator<Item = &'a Client>) -> RotationPolicy {
    let mut algorithms: BTreeSet<Algorithm> = [access_token::ALGORITHM, Algorithm::RS256].into();
    let mut longest = Duration::from_secs(3600);
    for client in clients {
        algorithms.insert(client.id_token_signed_response_alg);
        longest = longest.max(client.access_token_life.into());
    }
    RotationPolicy::new(algorithms, longest)
}

/// Brings the keys in order: at the start, and from time to time. Whether anything changed.
///
/// # Errors
/// When the database fails or a key cannot be made or read.
pub async fn keep(store: &Store, now: Time) -> Result<bool, KeysError> {
    carry_out(store, Task::Due, now).await
}

/// Replaces the key of an algorithm now. See [`rotation::rotate_now`] for who may be surprised.
///
/// # Errors
/// As [`keep`].
pub async fn rotate_now(store: &Store, algorithm: Algorithm, now: Time) -> Result<bool, KeysError> {
    carry_out(store, Task::Rotate(algorithm), now).await
}

/// Withdraws a key that somebody else may know: all that it signed dies.
///
/// # Errors
/// As [`keep`].
pub async fn withdraw(store: &Store, id: &KeyId, now: Time) -> Result<bool, KeysError> {
    carry_out(store, Task::Withdraw(id.clone()), now).await
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

    fn read(&self, tx: &mut dyn Tx, now: Time) -> StoreResult<(Vec<StoredKey>, Vec<Action>)> {
        let policy = policy(&tx.clients()?);
        let keys = tx.signing_keys()?;
        let actions = self.actions(&keys, &policy, now);
        Ok((keys, actions))
    }
}

async fn carry_out(store: &Store, task: Task, now: Time) -> Result<bool, KeysError> {
    let look = task.clone();
    let (_, actions) = store.read(move |tx| look.read(tx, now)).await?;
    if actions.is_empty() {
        return Ok(false);
    }
    let made = make(&actions).await?;
    let apply = move |tx: &mut (dyn Tx + 'static)| {
        let (keys, actions) = task.read(tx, now)?;
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
        Ok(Ok(!changes.is_empty()))
    };
    Ok(store.write(apply).await??)
}

/// Makes the keys that `actions` want, away from the threads that answer requests.
async fn make(actions: &[Action]) -> Result<Vec<SigningKey>, KeysError> {
    let wanted: Vec<Algorithm> = actions
        .iter()
        .filter_map(|action| match action {
            Action::Generate { algorithm, .. } => Some(*algorithm),
            _ => None,
        })
        .collect();
    let making = tokio::task::spawn_blocking(move || wanted.into_iter().map(SigningKey::generate).collect());
    let made: Result<Vec<SigningKey>, KeyError> =
        making.await.map_err(|error| StoreError::Unavailable(format!("no keys were made: {error}")))?;
    Ok(made?)
}
