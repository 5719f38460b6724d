//! Who decides how one signs in somewhere: whoever may do there themselves what can be done there.
//!
//! A chain that lets everybody in lets its author in as an owner. To ask for the right to edit chains alone was the road not
//! taken: every admin would be an owner in two steps. The same for the connections that a chain sends by.

use vestibule_authn_smsotp::members;
use vestibule_core::id::{ChainName, ConnectionName};
use vestibule_oauth::Snapshot;

use super::{Actor, AdminError, Permission, guard::CONSOLE};
use crate::state::Transaction;

/// Goes on when the actor may do what every service provider of a chain may be given; the console gives roles.
///
/// # Errors
/// [`AdminError::Forbidden`] with what they lack.
pub(super) fn may_open(
    tx: &mut Transaction,
    snapshot: &Snapshot,
    actor: &Actor,
    chain: &ChainName,
) -> Result<(), AdminError> {
    for client in tx.clients()?.iter().filter(|client| snapshot.chain(client) == *chain) {
        if client.id.as_str() == CONSOLE {
            actor.needs(Permission::RolesWrite)?;
        }
        actor.may_grant(&client.scopes)?;
    }
    Ok(())
}

/// Goes on when the actor may do what every chain that sends by a connection opens: whoever leads its messages to themselves
/// reads the codes.
///
/// # Errors
/// [`AdminError::Forbidden`] with what they lack.
pub(super) fn may_carry(
    tx: &mut Transaction,
    snapshot: &Snapshot,
    actor: &Actor,
    connection: &ConnectionName,
) -> Result<(), AdminError> {
    // A gateway carries what is sent by the routes that it is part of.
    let connections = tx.connections()?;
    let routes = connections.iter().filter(|known| members(&known.settings).contains(connection));
    let carried: Vec<_> = routes.map(|known| &known.name).chain([connection]).collect();
    for chain in tx.published_chains()? {
        let mut alternatives = chain.document.steps.iter().flat_map(|step| &step.alternatives);
        if alternatives.any(|alternative| alternative.connection.as_ref().is_some_and(|name| carried.contains(&name))) {
            may_open(tx, snapshot, actor, &chain.chain)?;
        }
    }
    Ok(())
}
