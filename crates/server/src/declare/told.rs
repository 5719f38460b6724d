//! What files, sheets and commands change, as the audit log keeps it: the kinds of event are those of the console, and the
//! fields are those that a declaration has.

use vestibule_core::{audit, random::Random, store::StoreResult, time::Time, user::User};

use super::{
    diff::{Action, Change, Kind},
    user::fields,
};
use crate::{
    admin::{
        profile::own_roles,
        record::{By, Told},
    },
    state::Transaction,
};

/// What became of a thing that is no user.
pub(super) fn thing(change: &Change) -> Option<Told> {
    let what = match (change.kind, change.action) {
        (_, Action::Unchanged) | (Kind::User, _) => return None,
        (Kind::Client, Action::Created) => "client.created",
        (Kind::Client, Action::Changed) => "client.changed",
        (Kind::Client, Action::Removed) => "client.deleted",
        (Kind::Connection, Action::Created) => "connection.created",
        (Kind::Connection, Action::Changed) => "connection.changed",
        (Kind::Connection, Action::Removed) => "connection.deleted",
        (Kind::Chain, Action::Created | Action::Changed) => "chain.published",
        (Kind::Chain, Action::Removed) => "chain.deleted",
    };
    Some(Told { what, object: change.name.clone(), user: None, changes: change.told.clone() })
}

/// Writes down what became of a user, if anything did. That somebody got or lost a role of this server is an event of its own.
pub(crate) fn user(
    tx: &mut Transaction,
    by: &By,
    before: Option<&User>,
    after: &User,
    password: Option<audit::Change>,
    random: &dyn Random,
    now: Time,
) -> StoreResult<()> {
    let mut changes = before.map(fields).unwrap_or_default().told(&fields(after));
    changes.extend(password);
    let own = |user: &User| own_roles(&user.roles);
    let roles = if before.map(own).unwrap_or_default() == own(after) {
        Vec::new()
    } else {
        changes.extract_if(.., |change| change.field == "roles").collect()
    };
    let what = if before.is_none() { "user.created" } else { "user.changed" };
    for (what, changes) in [(what, changes), ("user.roles", roles)] {
        if what == "user.created" || !changes.is_empty() {
            let object = after.username.to_string();
            by.record(tx, Told { what, object, user: Some(after.id), changes }, random, now)?;
        }
    }
    Ok(())
}
