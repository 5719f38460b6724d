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
    /// The user is in none of the groups that the client is for.
    #[error("the user is in none of the groups that may use the client")]
    Group,
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
        () if !admitted(user, client) => Err(Dead::Group),
        () => Ok(()),
    }
}

/// Whether the client is for everybody, or for a group of the user. Names are compared to the letter, as by conditions.
fn admitted(user: &User, client: &Client) -> bool {
    client.groups.is_empty() || user.groups.iter().any(|group| client.groups.contains(group))
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vestibule_core::{id::UserId, user::LoginName};

    use super::*;

    fn client(groups: &[&str]) -> Client {
        serde_json::from_value(json!({ "id": "shop", "name": "Shop", "groups": groups })).unwrap()
    }

    fn user(groups: &[&str]) -> User {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        let name = LoginName::parse("alice").unwrap();
        User { groups, ..User::new(UserId(uuid::Uuid::nil()), name, Time::from_unix_seconds(0)) }
    }

    #[test]
    fn a_client_without_groups_is_for_everybody() {
        assert_eq!(may_act(&user(&[]), &client(&[])), Ok(()));
        assert_eq!(may_act(&user(&["staff"]), &client(&[])), Ok(()));
    }

    #[test]
    fn one_group_of_several_is_enough() {
        assert_eq!(may_act(&user(&["guests", "staff"]), &client(&["admins", "staff"])), Ok(()));
    }

    #[test]
    fn a_028_who_is_in_none_of_the_groups_gives_nothing() {
        for groups in [&[][..], &["guests"], &["Staff"], &["staff "], &["staf"], &[""]] {
            assert_eq!(may_act(&user(groups), &client(&["staff"])), Err(Dead::Group), "{groups:?}");
        }
    }

    #[test]
    fn a_group_revives_nothing_that_is_disabled() {
        let disabled = User { disabled: true, ..user(&["staff"]) };
        assert_eq!(may_act(&disabled, &client(&["staff"])), Err(Dead::User));
        let off = Client { disabled: true, ..client(&["staff"]) };
        assert_eq!(may_act(&user(&["staff"]), &off), Err(Dead::Client));
    }
}
