//! The one rule of what still gives something, asked on every path that grants anything: a disabled thing is disabled
//! everywhere, at once.

use vestibule_core::{store::StoreResult, time::Time, user::User};

use crate::{
    consent,
    model::{Client, Grant},
    store::Tx,
};

/// Why a grant gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dead {
    /// The client is disabled.
    #[error("the client is disabled")]
    Client,
    /// It was revoked.
    #[error("the grant was revoked")]
    Revoked,
    /// Its time is over.
    #[error("the grant expired")]
    Expired,
    /// The user is disabled or gone.
    #[error("the user is disabled or gone")]
    User,
    /// The session that it does not outlive ended.
    #[error("the session ended")]
    Session,
    /// The person took their consent back.
    #[error("the consent was withdrawn")]
    Consent,
}

/// Whether `user` may be told about to `client`.
pub fn may_act(user: &User, client: &Client) -> Result<(), Dead> {
    match () {
        () if client.disabled => Err(Dead::Client),
        () if !vestibule_core::engine::may_act(user) => Err(Dead::User),
        () => Ok(()),
    }
}

/// The user of a grant that still gives something, or why it does not.
pub(crate) fn living(tx: &mut dyn Tx, grant: &Grant, client: &Client, now: Time) -> StoreResult<Result<User, Dead>> {
    if grant.revoked_at.is_some() {
        return Ok(Err(Dead::Revoked));
    }
    if !grant.alive(now) {
        return Ok(Err(Dead::Expired));
    }
    let Some(user) = tx.user(grant.user)? else { return Ok(Err(Dead::User)) };
    if let Err(dead) = may_act(&user, client) {
        return Ok(Err(dead));
    }
    if !grant.offline() && !tx.session(grant.session)?.is_some_and(|session| session.alive(now)) {
        return Ok(Err(Dead::Session));
    }
    // Withdrawing a consent revokes its grants; this is the second lock on that door.
    if consent::is_asked(client) && !consent::covers(tx, grant.user, client, &grant.scopes)? {
        return Ok(Err(Dead::Consent));
    }
    Ok(Ok(user))
}
