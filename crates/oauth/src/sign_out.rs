//! Signs a user out of everything: after a new password, or when they say so.

use vestibule_core::{
    id::{SessionId, UserId},
    store::StoreResult,
    time::Time,
};

use crate::store::Tx;

/// Ends every session of a user, revokes every grant, those with `offline_access` too, and forgets every remembered device; how
/// many sessions there were.
///
/// # Errors
/// When the store fails.
pub fn everywhere(tx: &mut dyn Tx, user: UserId, now: Time) -> StoreResult<usize> {
    but(tx, user, None, now)
}

/// The same, but for one session, which stays: that of the browser in which they say so. What was granted in it with
/// `offline_access` is revoked all the same, since it outlives every session.
///
/// # Errors
/// When the store fails.
pub fn elsewhere(tx: &mut dyn Tx, user: UserId, here: SessionId, now: Time) -> StoreResult<usize> {
    but(tx, user, Some(here), now)
}

fn but(tx: &mut dyn Tx, user: UserId, here: Option<SessionId>, now: Time) -> StoreResult<usize> {
    let mut ended = 0;
    loop {
        // The list is bounded; what was ended is not in the next one.
        let mut living = tx.sessions_of(user, now)?;
        living.retain(|session| Some(session.id) != here);
        if living.is_empty() {
            break;
        }
        for session in living {
            tx.end_session(session.id, now)?;
            tx.revoke_session_grants(session.id, now)?;
            ended += 1;
        }
    }
    take_back(tx, user, now)?;
    tx.revoke_devices(user, now)?;
    Ok(ended)
}

/// Revokes every grant of a user, those with `offline_access` too.
pub(crate) fn take_back(tx: &mut dyn Tx, user: UserId, now: Time) -> StoreResult<()> {
    for client in tx.clients()? {
        tx.revoke_consent_grants(user, &client.id, now)?;
    }
    Ok(())
}
