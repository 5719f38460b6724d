//! Users, and the names that they sign in with.

use std::collections::BTreeSet;

use diesel::{Connection as _, prelude::*};
use vestibule_core::{
    id::UserId,
    time::Time,
    user::{LoginName, User},
};

use super::{from_json, rows, to_json, written};
use crate::{
    error::{Failure, Verdict},
    schema::{grants, invitations, login_names, one_time_links, sessions, trusted_devices, users},
};

/// The names that open a user's account. An address too odd to be typed as a name is none.
fn names(user: &User) -> BTreeSet<LoginName> {
    let email = user.email.as_deref().and_then(LoginName::parse);
    email.into_iter().chain([user.username.clone()]).collect()
}

on_both! {
    pub(crate) fn user(tx: &mut Tx, id: UserId) -> Verdict<Option<User>> {
        let body = users::table.find(id.to_string()).select(users::body);
        let body: Option<String> = body.get_result(&mut tx.connection).optional()?;
        body.map(|body| from_json("users", &body)).transpose()
    }

    pub(crate) fn user_by_login(tx: &mut Tx, name: &LoginName) -> Verdict<Option<User>> {
        let owner = login_names::table.inner_join(users::table).filter(login_names::name.eq(name.as_str()));
        let body: Option<String> = owner.select(users::body).get_result(&mut tx.connection).optional()?;
        body.map(|body| from_json("users", &body)).transpose()
    }

    pub(crate) fn users(tx: &mut Tx, after: Option<UserId>, limit: usize) -> Verdict<Vec<User>> {
        // No id is smaller than the empty text.
        let after = after.map_or_else(String::new, |id| id.to_string());
        let page = users::table.filter(users::id.gt(after)).order(users::id).limit(rows(limit));
        let bodies: Vec<String> = page.select(users::body).load(&mut tx.connection)?;
        bodies.iter().map(|body| from_json("users", body)).collect()
    }

    pub(crate) fn insert_user(tx: &mut Tx, user: &User) -> Verdict<()> {
        let body = to_json(user)?;
        (*tx.connection).transaction::<(), Failure, _>(|connection| {
            let row = (users::id.eq(user.id.to_string()), users::body.eq(body));
            let new = diesel::insert_into(users::table).values(row).on_conflict_do_nothing().execute(connection)?;
            written(new, "the user's id is taken")?;
            take_names(connection, user)
        })?;
        tx.list_user(user)
    }

    pub(crate) fn update_user(tx: &mut Tx, user: &User) -> Verdict<()> {
        let (id, body) = (user.id.to_string(), to_json(user)?);
        (*tx.connection).transaction::<(), Failure, _>(|connection| {
            let changed = diesel::update(users::table.find(&id)).set(users::body.eq(body)).execute(connection)?;
            written(changed, "the user is gone")?;
            diesel::delete(login_names::table.filter(login_names::user_id.eq(&id))).execute(connection)?;
            take_names(connection, user)
        })?;
        if user.disabled {
            tx.end_all_of(&id, user.updated_at)?;
        }
        tx.list_user(user)
    }

    impl Tx {
        /// Ends what somebody has: here, so that it is so on every path that disables them, and who is let in again begins anew.
        fn end_all_of(&mut self, user: &str, now: Time) -> Verdict<()> {
            let (at, connection) = (now.0, &mut self.connection);
            let living = sessions::table.filter(sessions::user_id.eq(user)).filter(sessions::ended_at.is_null());
            diesel::update(living.filter(sessions::expires_at.gt(at))).set(sessions::ended_at.eq(at)).execute(connection)?;
            let given = grants::table.filter(grants::user_id.eq(user)).filter(grants::revoked_at.is_null());
            diesel::update(given).set(grants::revoked_at.eq(at)).execute(connection)?;
            let devices = trusted_devices::table.filter(trusted_devices::user_id.eq(user));
            let devices = devices.filter(trusted_devices::revoked_at.is_null());
            diesel::update(devices).set(trusted_devices::revoked_at.eq(at)).execute(connection)?;
            let links = one_time_links::table.filter(one_time_links::user_id.eq(user));
            let links = links.filter(one_time_links::consumed_at.is_null());
            diesel::update(links).set(one_time_links::consumed_at.eq(at)).execute(connection)?;
            let open = invitations::table.find(user).filter(invitations::accepted_at.is_null());
            let open = open.filter(invitations::revoked_at.is_null());
            diesel::update(open).set(invitations::revoked_at.eq(at)).execute(connection)?;
            Ok(())
        }
    }

    fn take_names(connection: &mut Connection, user: &User) -> Verdict<()> {
        for name in names(user) {
            let row = (login_names::name.eq(name.as_str()), login_names::user_id.eq(user.id.to_string()));
            let new = diesel::insert_into(login_names::table).values(row).on_conflict_do_nothing().execute(connection)?;
            written(new, "the login name is taken")?;
        }
        Ok(())
    }
}
