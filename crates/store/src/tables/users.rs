//! Users, and the names that they sign in with.

use std::collections::BTreeSet;

use diesel::{Connection as _, prelude::*};
use vestibule_core::{
    id::UserId,
    user::{LoginName, User},
};

use super::{from_json, rows, to_json, written};
use crate::{
    error::{Failure, Verdict},
    schema::{login_names, trusted_devices, users},
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
            // On every path that disables somebody: who is let in again is remembered nowhere.
            let alive = trusted_devices::table
                .filter(trusted_devices::user_id.eq(&id))
                .filter(trusted_devices::revoked_at.is_null());
            diesel::update(alive).set(trusted_devices::revoked_at.eq(user.updated_at.0)).execute(&mut tx.connection)?;
        }
        tx.list_user(user)
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
