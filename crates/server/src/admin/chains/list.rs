//! `chains.list`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use vestibule_core::{
    chain::ChainDocument,
    id::{ChainName, ClientId},
    store::StoreExt as _,
};
use vestibule_oauth::managed::ObjectKind;

use super::view::clients_of;
use crate::{
    admin::{
        Actor, AdminError, Permission,
        paging::{Listing, PageQuery},
    },
    state::{State, Transaction},
};

/// A chain in a list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChainSummary {
    /// Its name.
    pub name: ChainName,
    /// The published revision.
    pub revision: Option<i64>,
    /// What is published, or else the draft.
    pub document: ChainDocument,
    /// Whether there is a draft.
    pub draft: bool,
    /// The service providers whose people pass it.
    pub clients: Vec<ClientId>,
    /// The file that it is managed by.
    pub managed_by: Option<String>,
}

/// `chains.list`: by name.
///
/// # Errors
/// When the actor may not, the page is none, or the database fails.
pub async fn list(state: &State, actor: &Actor, query: &PageQuery) -> Result<Listing<ChainSummary>, AdminError> {
    actor.needs(Permission::ChainsRead)?;
    let asked = query.read::<String>(&"chains", &state.prf)?;
    let read = |tx: &mut Transaction| Ok((tx.published_chains()?, tx.chain_drafts()?, tx.managed_all()?));
    let (published, drafts, managed) = state.store.read(read).await?;
    let snapshot = state.live.snapshot();
    let summary = |name: &ChainName| {
        let published = published.iter().find(|revision| revision.chain == *name);
        let draft = drafts.iter().find(|draft| draft.chain == *name);
        let managed = managed.iter().find(|m| m.kind == ObjectKind::Chain && m.name == name.as_str());
        ChainSummary {
            name: name.clone(),
            revision: published.map(|revision| revision.revision),
            document: published.map(|p| &p.document).or(draft.map(|d| &d.document)).cloned().unwrap_or_default(),
            draft: draft.is_some(),
            clients: clients_of(&snapshot, name),
            managed_by: managed.map(|managed| managed.source.clone()),
        }
    };
    let behind = |name: &&ChainName| asked.after.as_ref().is_none_or(|after| name.as_str() > after.as_str());
    let names = published.iter().map(|p| &p.chain).chain(drafts.iter().map(|d| &d.chain)).filter(behind);
    let names: BTreeSet<&ChainName> = names.collect();
    let read = names.into_iter().take(asked.and_one()).collect();
    Ok(asked.page(read, &"chains", &state.prf, |name: &&ChainName| name.to_string(), summary))
}
