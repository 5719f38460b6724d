//! `chains.delete`.

use serde_json::Value;
use vestibule_core::id::ChainName;

use super::view::view;
use crate::{
    admin::{
        Actor, AdminError, Etag, Permission,
        record::Change,
        transact::{Work, configure},
    },
    state::{State, Transaction},
};

/// `chains.delete`: of a chain that no service provider uses. Its revisions stay for logins under way.
///
/// # Errors
/// When the actor may not, there is no such chain, it is used, somebody else changed it since, a file manages it, or the
/// database fails.
pub async fn delete(state: &State, actor: &Actor, name: &ChainName, expected: Option<&Etag>) -> Result<(), AdminError> {
    actor.needs(Permission::ChainsWrite)?;
    let work = {
        let (work, snapshot) = (Work::new(state, actor), state.live.snapshot());
        let (name, expected) = (name.clone(), expected.cloned());
        move |tx: &mut Transaction| {
            let before = view(tx, &snapshot, &name)?.ok_or(AdminError::NotFound("chain"))?;
            before.ours()?;
            before.unchanged(expected.as_ref())?;
            if *snapshot.default_chain() == name {
                let why = "It is the chain of every service provider that names none.";
                return Err(AdminError::Refused(why.to_owned()));
            }
            // Not from memory: another instance may have given it to a client a moment ago.
            let clients = tx.clients()?.into_iter().filter(|client| snapshot.chain(client) == name);
            let clients: Vec<String> = clients.map(|client| client.id.to_string()).collect();
            if !clients.is_empty() {
                return Err(AdminError::Refused(format!("It is used by {}.", clients.join(", "))));
            }
            tx.delete_chain_draft(&name)?;
            tx.delete_chain(&name)?;
            work.record(tx, &Change::new("chain.deleted", &name, &before, &Value::Null))
        }
    };
    configure(state, work).await
}
