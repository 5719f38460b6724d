//! A chain as it stands: what is published, and the draft.

use schemars::JsonSchema;
use serde::Serialize;
use vestibule_core::{
    chain::ChainDocument,
    id::{ChainName, ClientId},
    store::StoreError,
    time::Timestamp,
};
use vestibule_oauth::{Snapshot, managed::ObjectKind};

use crate::{
    admin::{AdminError, Etag, Versioned},
    state::Transaction,
};

/// A chain: what is published, and the draft.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ChainView {
    /// Its name.
    pub name: ChainName,
    /// What holds now.
    pub published: Option<PublishedView>,
    /// What is being written.
    pub draft: Option<DraftView>,
    /// The service providers whose people pass it.
    pub clients: Vec<ClientId>,
    /// The file that it is managed by: then it is changed there.
    pub managed_by: Option<String>,
}

/// What holds now.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PublishedView {
    /// Counted from 1.
    pub revision: i64,
    /// What.
    pub document: ChainDocument,
}

/// What is being written.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DraftView {
    /// The revision that it was made from; 0 when there was none.
    pub base: i64,
    /// Who saved it last.
    pub author: Option<String>,
    /// When.
    pub updated_at: Timestamp,
    /// What.
    pub document: ChainDocument,
}

impl ChainView {
    /// Its entity tag.
    pub fn etag(&self) -> Etag {
        Etag::of(&(&self.published, &self.draft))
    }

    /// What an editor begins with: the draft, or else what is published.
    pub fn editable(&self) -> ChainDocument {
        let draft = self.draft.as_ref().map(|draft| &draft.document);
        draft.or(self.published.as_ref().map(|published| &published.document)).cloned().unwrap_or_default()
    }

    /// The published revision; 0 when there is none.
    pub fn revision(&self) -> i64 {
        self.published.as_ref().map_or(0, |published| published.revision)
    }

    /// Whether somebody else published since the draft was begun.
    pub fn overtaken(&self) -> bool {
        self.draft.as_ref().is_some_and(|draft| draft.base != self.revision())
    }

    pub(super) fn versioned(self) -> Versioned<Self> {
        Versioned { etag: self.etag(), value: self }
    }

    /// Goes on when the change was made from this.
    pub(super) fn unchanged(&self, expected: Option<&Etag>) -> Result<(), AdminError> {
        let expected = expected.ok_or(AdminError::VersionWanted)?;
        if self.etag() == *expected { Ok(()) } else { Err(self.stale()) }
    }

    pub(super) fn stale(&self) -> AdminError {
        AdminError::Stale { etag: self.etag(), current: serde_json::to_value(self).unwrap_or_default() }
    }

    /// Goes on when it is changed here and not in a file.
    pub(super) fn ours(&self) -> Result<(), AdminError> {
        self.managed_by.clone().map_or(Ok(()), |file| Err(AdminError::Managed(file)))
    }
}

/// A chain as it stands in the database; which service providers use it is known from memory.
pub(super) fn view(
    tx: &mut Transaction,
    snapshot: &Snapshot,
    name: &ChainName,
) -> Result<Option<ChainView>, StoreError> {
    let published = tx.published_chains()?.into_iter().find(|revision| revision.chain == *name);
    let draft = tx.chain_draft(name)?;
    if published.is_none() && draft.is_none() {
        return Ok(None);
    }
    Ok(Some(ChainView {
        name: name.clone(),
        published: published.map(|found| PublishedView { revision: found.revision, document: found.document }),
        draft: draft.map(|draft| DraftView {
            base: draft.base,
            author: draft.author,
            updated_at: draft.updated_at.into(),
            document: draft.document,
        }),
        clients: clients_of(snapshot, name),
        managed_by: tx.managed(ObjectKind::Chain, name.as_str())?.map(|managed| managed.source),
    }))
}

pub(super) fn clients_of(snapshot: &Snapshot, name: &ChainName) -> Vec<ClientId> {
    let clients = snapshot.clients().filter(|client| snapshot.chain(client) == *name);
    let mut ids: Vec<ClientId> = clients.map(|client| client.id.clone()).collect();
    ids.sort();
    ids
}
