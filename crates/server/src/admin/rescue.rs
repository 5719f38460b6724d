//! What is done at the machine for somebody who has lost every factor, when nobody is left who could do it at the console.
//!
//! The last owner is not held here: whoever has the machine can become an owner, and came because the owner cannot get in. It is
//! said instead whether anybody can now. The telephone that is taken away gets no last word, since the server that would send it is
//! not here; everything else that is theirs is told by the server, which follows the audit log.

use vestibule_authn_password::Password;
use vestibule_core::{
    id::AuthenticatorName,
    random::Random,
    store::{StoreError, StoreResult},
    time::Time,
    user::{LoginName, User},
};
use vestibule_oauth::sign_out;

use super::{
    guard::Guard,
    record::{By, Change},
    users::{FactorView, PHONE_FACTOR, factor, numberless, phone_of},
};
use crate::state::Transaction;

/// Which factors are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Everything but the password.
    All,
    /// Those that this authenticator asks for.
    Of(AuthenticatorName),
}

impl Which {
    fn means(&self, factor: &FactorView) -> bool {
        match self {
            Self::All => factor.authenticator != Password::NAME,
            Self::Of(name) => factor.authenticator == name.as_str(),
        }
    }
}

/// What was taken away, and what that ended.
#[derive(Clone, Debug)]
pub struct Rescued {
    /// The factors, as they were.
    pub removed: Vec<FactorView>,
    /// How many browsers were signed out.
    pub signed_out: usize,
    /// Whether an owner can sign in to the console now; why not.
    pub owner: Result<(), String>,
}

/// The factors of somebody that are meant; `None` when there is nobody of that name.
///
/// # Errors
/// When the store fails.
pub fn meant(tx: &mut Transaction, name: &LoginName, which: &Which) -> StoreResult<Option<Vec<FactorView>>> {
    let Some(user) = tx.user_by_login(name)? else { return Ok(None) };
    of(tx, &user, which).map(Some)
}

fn of(tx: &mut Transaction, user: &User, which: &Which) -> StoreResult<Vec<FactorView>> {
    let credentials = tx.credentials_of(user.id)?;
    let all = phone_of(user).into_iter().chain(credentials.iter().map(factor));
    Ok(all.filter(|factor| which.means(factor)).collect())
}

/// Takes them away, and signs the user out everywhere: whoever has what was lost may be signed in with it. `None` when there is
/// nobody of that name.
///
/// # Errors
/// When the store fails.
pub fn remove(
    tx: &mut Transaction,
    name: &LoginName,
    which: &Which,
    by: &By,
    guard: &Guard,
    random: &dyn Random,
    now: Time,
) -> StoreResult<Option<Rescued>> {
    let Some(user) = tx.user_by_login(name)? else { return Ok(None) };
    let removed = of(tx, &user, which)?;
    for factor in &removed {
        if factor.id == PHONE_FACTOR {
            tx.update_user(&numberless(&user, now))?;
        } else {
            let id = factor.id.parse().map_err(|_| StoreError::Damaged("a credential without an id".to_owned()))?;
            tx.delete_credential(id)?;
        }
        let change = Change::new("user.factor_removed", &user.username, factor, &serde_json::Value::Null);
        by.record(tx, (&change.about(user.id)).into(), random, now)?;
    }
    let signed_out = if removed.is_empty() { 0 } else { sign_out::everywhere(tx, user.id, now)? };
    Ok(Some(Rescued { removed, signed_out, owner: guard.look(tx)? }))
}
