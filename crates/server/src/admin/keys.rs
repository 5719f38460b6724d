//! Signing keys: which there are, and making the next one.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use vestibule_core::{Time, random::Random, time::Timestamp};
use vestibule_jose::{Algorithm, KeyState, StoredKey};
use vestibule_oauth::{
    keys::{self as protocol, KeyRules, KeysError},
    store::Store,
};

use super::{
    Actor, AdminError, FieldFault, Permission,
    paging::{Listing, PageQuery},
    record::{By, Change},
    transact,
};
use crate::state::{State, Transaction};

/// A signing key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct KeyView {
    /// Its `kid`.
    pub id: String,
    /// Its algorithm.
    pub algorithm: String,
    /// Whether it signs, will sign, or only verifies.
    pub state: KeyWord,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when it signs.
    pub activates_at: Timestamp,
    /// From when it signs no more.
    pub retires_at: Option<Timestamp>,
}

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeyWord {
    /// It signs.
    Current,
    /// It is published, and will sign.
    Next,
    /// It verifies what it signed.
    Previous,
    /// It does nothing any more.
    Retired,
}

fn view(key: &StoredKey, now: Time) -> KeyView {
    let state = match key.meta().state(now.0) {
        KeyState::Current => KeyWord::Current,
        KeyState::Next => KeyWord::Next,
        KeyState::Previous => KeyWord::Previous,
        KeyState::Retired => KeyWord::Retired,
    };
    KeyView {
        id: key.id.as_str().to_owned(),
        algorithm: key.algorithm.to_string(),
        state,
        created_at: Time(key.created_at).into(),
        activates_at: Time(key.activates_at).into(),
        retires_at: key.retires_at.map(|at| Time(at).into()),
    }
}

/// The signing keys, by algorithm, then by when they sign.
///
/// # Errors
/// When the actor may not, the page makes no sense, or the store fails.
pub async fn list(state: &State, actor: &Actor, page: &PageQuery) -> Result<Listing<KeyView>, AdminError> {
    actor.needs(Permission::KeysRead)?;
    let asked = page.read::<(String, i64, String)>(&"keys", &state.prf)?;
    let place = |key: &KeyView| (key.algorithm.clone(), key.activates_at.0.0, key.id.clone());
    let mut keys = list_unasked(state).await?;
    keys.sort_by_key(place);
    Ok(asked.page_of(keys, &"keys", &state.prf, place, |key| key))
}

/// Makes the next key of an algorithm. It signs once relying parties can have read it.
///
/// # Errors
/// When the actor may not, the algorithm is not in use, or no key could be made.
pub async fn rotate(state: &State, actor: &Actor, algorithm: &str) -> Result<Vec<KeyView>, AdminError> {
    actor.needs(Permission::KeysWrite)?;
    let before = list_unasked(state).await?;
    let wanted: Option<Algorithm> = algorithm.parse().ok();
    let Some(wanted) = wanted.filter(|_| before.iter().any(|key| key.algorithm == algorithm)) else {
        return Err(AdminError::Invalid(vec![FieldFault::new("/algorithm", "there is no key of this algorithm")]));
    };
    let (rules, random) = (state.live.key_rules(), Arc::clone(&state.random));
    match rotate_by(&*state.store, rules, wanted, &By::from(actor), random, state.clock.now()).await {
        Ok(true) => {}
        Ok(false) => return Err(AdminError::Refused("the next key of this algorithm is made already".to_owned())),
        Err(KeysError::Store(error)) => return Err(error.into()),
        Err(KeysError::Key(error)) => return Err(AdminError::Refused(error.to_string())),
    }
    transact::take_up(state).await;
    list_unasked(state).await
}

/// The same on a store, without asking whether they may; whether one was made. The key and the word of it in the log are one
/// transaction: neither is there without the other.
///
/// # Errors
/// When the store fails, or no key could be made.
pub async fn rotate_by(
    store: &Store,
    rules: &KeyRules,
    algorithm: Algorithm,
    by: &By,
    random: Arc<dyn Random>,
    now: Time,
) -> Result<bool, KeysError> {
    let names = move |keys: &[StoredKey]| {
        let of = keys.iter().filter(|key| key.algorithm == algorithm);
        json!({ "keys": of.map(|key| key.id.as_str().to_owned()).collect::<Vec<_>>() })
    };
    let by = by.clone();
    let tell = move |tx: &mut Transaction, old: &[StoredKey]| {
        let change = Change::new("key.rotated", &algorithm, &names(old), &names(&tx.signing_keys()?));
        by.record(tx, (&change).into(), &*random, now)
    };
    protocol::rotate_now(store, rules, algorithm, now, tell).await
}

async fn list_unasked(state: &State) -> Result<Vec<KeyView>, AdminError> {
    let now = state.clock.now();
    transact::read(state, move |tx| Ok(tx.signing_keys()?.iter().map(|key| view(key, now)).collect())).await
}
