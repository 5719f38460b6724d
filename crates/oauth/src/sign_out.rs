//! Signs a user out of everything: after a new password, or when they say so.

use vestibule_core::{id::UserId, store::StoreResult, time::Time};

use crate::store::Tx;

/// Ends every session of a user, revokes every grant, those with `offline_access` too, and forgets every remembered device; how
/// many sessions there were.
///
/// # Errors
/// When the store fails.
pub fn everywhere(tx: &mut dyn Tx, user: UserId, now: Time) -> StoreResult<usize> {
    let mut ended = 0;
    loop {
        // The list is bounded; what was ended is not in the next one.
        let living = tx.sessions_of(user, now)?;
        if living.is_empty() {
            break;
        }
        for session in living {
            tx.end_session(session.id, now)?;
            tx.revoke_session_grants(session.id, now)?;
            ended += 1;
        }
    }
    for client in tx.clients()? {
        tx.revoke_consent_grants(user, &client.id, now)?;
    }
    tx.revoke_devices(user, now)?;
    Ok(ended)
}
