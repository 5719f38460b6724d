//! How many passwords there are of each kind of hash: what was imported and has not been used since is older than it should be,
//! and nobody sees it otherwise.
//!
//! They are counted by walking through the users in the background, a page at a time, once an hour. A hash is sealed, so the database
//! cannot count by itself; a column that says the kind beside it was the road not taken, since it would tell whoever steals a copy
//! which accounts are cheapest to guess, and every login that renews a hash would have to keep it right. Nothing on the way of a
//! login knows of this.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use secrecy::ExposeSecret as _;
use vestibule_authn_password::{KINDS, Password, kind_of};
use vestibule_core::{
    id::UserId,
    store::{StoreExt as _, StoreResult},
    time::Time,
};

use crate::state::{State, Transaction};

/// When the first count begins: a server that starts has something better to do.
const FIRST: Duration = Duration::from_secs(20);
/// How long a count is good.
const GOOD: Duration = Duration::from_secs(3600);
/// So many users at a time.
const PAGE: usize = 200;
/// The pause between two pages: whoever signs in goes first.
const PAUSE: Duration = Duration::from_millis(50);

/// How many passwords there are of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// When.
    pub at: Time,
    /// Of each kind; of those that there are not, none.
    pub kinds: BTreeMap<&'static str, u64>,
}

impl Counted {
    /// Those that are not as they would be made today, by kind.
    pub fn old(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let all = self.kinds.iter().map(|(kind, number)| (*kind, *number));
        all.filter(|(kind, number)| *kind != vestibule_authn_password::CURRENT && *number > 0)
    }
}

/// What was counted last.
#[derive(Debug, Default)]
pub struct Census(Mutex<Option<Counted>>);

impl Census {
    /// What was counted last; nothing before the first time.
    pub fn last(&self) -> Option<Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Counts as long as the server runs.
pub async fn keep_counted(state: Arc<State>) {
    tokio::time::sleep(FIRST).await;
    loop {
        if let Err(error) = count(&state).await {
            tracing::warn!(%error, "passwords could not be counted; it is tried again");
        }
        tokio::time::sleep(GOOD).await;
    }
}

/// Counts all passwords by the kind of their hash.
///
/// # Errors
/// When the store fails: then what was counted last stays.
pub async fn count(state: &State) -> StoreResult<()> {
    let mut counted = Counted { at: state.clock.now(), kinds: KINDS.iter().map(|kind| (*kind, 0)).collect() };
    let mut after = None;
    loop {
        let (last, kinds) = state.store.read(move |tx: &mut Transaction| page(tx, after)).await?;
        kinds.into_iter().for_each(|kind| *counted.kinds.entry(kind).or_default() += 1);
        if last.is_none() {
            break;
        }
        after = last;
        tokio::time::sleep(PAUSE).await;
    }
    *state.census.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted);
    Ok(())
}

/// The kinds of the passwords of one page of users, and the last of them where more may follow.
fn page(tx: &mut Transaction, after: Option<UserId>) -> StoreResult<(Option<UserId>, Vec<&'static str>)> {
    let users: Vec<UserId> = tx.users(after, PAGE)?.iter().map(|user| user.id).collect();
    let credentials = tx.credentials_of_all(&users)?;
    let passwords = credentials.iter().filter(|own| own.authenticator.as_str() == Password::NAME);
    let kinds = passwords.map(|own| kind_of(own.secret.expose_secret())).collect();
    Ok((users.last().copied().filter(|_| users.len() == PAGE), kinds))
}
