//! Connections: what authenticators need outside, such as SMS gateways. A secret goes in and never comes out again.

mod given;
mod health;
mod secrets;
mod trial;
mod view;

use serde_json::{Map, Value};
use vestibule_authn_smsotp::members;
use vestibule_core::channel::Connection;
use vestibule_oauth::managed::{Managed, ObjectKind};

pub use self::{
    given::NewConnection,
    health::{Circuit, GatewayHealth, HealthView, LastFailure, health},
    secrets::MASK,
    trial::{TestView, test},
    view::ConnectionView,
};
use self::{
    given::{check, read},
    secrets::{changed, sealed, with_secrets_told},
    view::{editable, shown, tagged},
};
pub(crate) use self::{
    health::{gateways, known_health},
    secrets::destination,
};
use super::{
    Actor, AdminError, Etag, FieldFault, Permission, Versioned, gate,
    paging::{Listing, PageQuery},
    record::Change,
    transact::{self, Work},
};
use crate::state::{State, Transaction};

/// Connections, by name.
///
/// # Errors
/// When the actor may not, the page makes no sense, or the store fails.
pub async fn list(state: &State, actor: &Actor, page: &PageQuery) -> Result<Listing<ConnectionView>, AdminError> {
    actor.needs(Permission::ConnectionsRead)?;
    let asked = page.read::<String>(&"connections", &state.prf)?;
    let prf = state.prf.clone();
    transact::read(state, move |tx| {
        let (mut all, marks, chains) = (tx.connections()?, tx.managed_all()?, tx.published_chains()?);
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let mark = |connection: &Connection| {
            let of = |mark: &&Managed| mark.kind == ObjectKind::Connection && mark.name == connection.name.as_str();
            marks.iter().find(of).map(|mark| mark.source.clone())
        };
        let view = |connection: Connection| shown(&connection, mark(&connection), &chains);
        Ok(asked.page_of(all, &"connections", &prf, |connection| connection.name.to_string(), view))
    })
    .await
}

/// One connection.
///
/// # Errors
/// When the actor may not, there is none, or the store fails.
pub async fn get(state: &State, actor: &Actor, name: &str) -> Result<Versioned<ConnectionView>, AdminError> {
    actor.needs(Permission::ConnectionsRead)?;
    let (name, prf) = (name.to_owned(), state.prf.clone());
    transact::read(state, move |tx| {
        let found = find(tx, &name)?;
        tagged(tx, &found, &prf)
    })
    .await
}

/// Makes a connection of `name`, `kind`, `settings` and `disabled`.
///
/// # Errors
/// When the actor may not, or what was given is wrong; nothing is sent to find out.
pub async fn create(
    state: &State,
    actor: &Actor,
    given: &Map<String, Value>,
) -> Result<Versioned<ConnectionView>, AdminError> {
    actor.needs(Permission::ConnectionsWrite)?;
    let connection = sealed(read(given, None)?);
    let (channels, prf) = (state.live.channels().clone(), state.prf.clone());
    let (job, snapshot) = (Work::new(state, actor), state.live.snapshot());
    transact::configure(state, move |tx| {
        check(&channels, &connection, &tx.connections()?)?;
        if tx.connections()?.iter().any(|known| known.name == connection.name) {
            return Err(AdminError::Taken(FieldFault::new("/name", "there is a connection of this name")));
        }
        gate::may_carry(tx, &snapshot, &job.actor, &connection.name)?;
        tx.put_connection(&connection)?;
        let made = tagged(tx, &connection, &prf)?;
        job.record(tx, &Change::new("connection.created", &connection.name, &Value::Null, &made.value))?;
        Ok(made)
    })
    .await
}

/// Changes a connection (RFC 7396): what is left out stays, dots stay what they stand for, `null` takes a setting away.
///
/// # Errors
/// When the actor may not, somebody else was faster, or what was given is wrong.
pub async fn update(
    state: &State,
    actor: &Actor,
    name: &str,
    patch: &Map<String, Value>,
    expected: Option<&Etag>,
) -> Result<Versioned<ConnectionView>, AdminError> {
    actor.needs(Permission::ConnectionsWrite)?;
    let (name, patch, expected) = (name.to_owned(), patch.clone(), expected.cloned());
    let (channels, prf, job) = (state.live.channels().clone(), state.prf.clone(), Work::new(state, actor));
    let snapshot = state.live.snapshot();
    transact::configure(state, move |tx| {
        let before = find(tx, &name)?;
        let old = editable(tx, &before, expected.as_ref(), &prf)?;
        gate::may_carry(tx, &snapshot, &job.actor, &before.name)?;
        let after = changed(&before, &patch)?;
        check(&channels, &after, &tx.connections()?)?;
        let guarded = job.guard.before(tx)?;
        tx.put_connection(&after)?;
        job.guard.hold(tx, guarded)?;
        let new = tagged(tx, &after, &prf)?;
        let mut told = Change::new("connection.changed", &name, &old, &new.value);
        told.after = with_secrets_told(told.after, &before, &after);
        job.record(tx, &told)?;
        Ok(new)
    })
    .await
}

/// Removes a connection that no chain uses.
///
/// # Errors
/// When the actor may not, somebody else was faster, or a chain uses it.
pub async fn delete(state: &State, actor: &Actor, name: &str, expected: Option<&Etag>) -> Result<(), AdminError> {
    actor.needs(Permission::ConnectionsWrite)?;
    let (name, expected, job) = (name.to_owned(), expected.cloned(), Work::new(state, actor));
    let (prf, snapshot) = (state.prf.clone(), state.live.snapshot());
    transact::configure(state, move |tx| {
        let found = find(tx, &name)?;
        let old = editable(tx, &found, expected.as_ref(), &prf)?;
        gate::may_carry(tx, &snapshot, &job.actor, &found.name)?;
        if !old.used_by.is_empty() {
            return Err(AdminError::Refused(format!("these chains use it: {}", old.used_by.join(", "))));
        }
        let connections = tx.connections()?;
        let routes = connections.iter().filter(|known| members(&known.settings).contains(&found.name));
        let routes: Vec<_> = routes.map(|known| known.name.as_str()).collect();
        if !routes.is_empty() {
            return Err(AdminError::Refused(format!("these routes go by it: {}", routes.join(", "))));
        }
        tx.delete_connection(&found.name)?;
        job.record(tx, &Change::new("connection.deleted", &name, &old, &Value::Null))?;
        Ok(())
    })
    .await
}

fn find(tx: &mut Transaction, name: &str) -> Result<Connection, AdminError> {
    let found = tx.connections()?.into_iter().find(|connection| connection.name.as_str() == name);
    found.ok_or(AdminError::NotFound("connection"))
}
