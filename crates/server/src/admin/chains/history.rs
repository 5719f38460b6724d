//! The revisions of a chain: `chains.history` and `chains.revision`.

use schemars::JsonSchema;
use serde::Serialize;
use vestibule_core::{chain::ChainDocument, draft::HistoryEntry, id::ChainName, store::StoreExt as _, time::Timestamp};

use super::{
    diff::{Diff, diff},
    get,
    view::ChainView,
};
use crate::{
    admin::{
        Actor, AdminError,
        paging::{Listing, PageQuery},
    },
    state::{State, Transaction},
};

/// A revision in the history.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HistoryView {
    /// Counted from 1.
    pub revision: i64,
    /// Who published it.
    pub author: Option<String>,
    /// Why.
    pub note: Option<String>,
    /// When, RFC 3339.
    pub published_at: Timestamp,
    /// Whether it holds now.
    pub current: bool,
    /// How it differs from the one before.
    pub changes: usize,
    /// What.
    pub document: ChainDocument,
}

/// One revision, and how the published one differs from it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RevisionView {
    /// It.
    #[serde(flatten)]
    pub revision: HistoryView,
    /// From the published document to this one: what restoring it would change.
    pub diff: Diff,
}

/// `chains.history`: newest first.
///
/// # Errors
/// When the actor may not, there is no such chain, the page is none, or the database fails.
pub async fn history(
    state: &State,
    actor: &Actor,
    name: &ChainName,
    query: &PageQuery,
) -> Result<Listing<HistoryView>, AdminError> {
    history_of(state, &get(state, actor, name).await?.value, query).await
}

/// The same of a chain that was read already, by somebody who may.
///
/// # Errors
/// When the page is none, or the database fails.
pub async fn history_of(
    state: &State,
    view: &ChainView,
    query: &PageQuery,
) -> Result<Listing<HistoryView>, AdminError> {
    let name = &view.name;
    let list = ("chains.history", name);
    let asked = query.read::<i64>(&list, &state.prf)?;
    let (before, chain) = (asked.after, name.clone());
    // One more than has to be read to know of a next page: it is what the last one shown is compared with.
    let limit = asked.and_one();
    let entries = state.store.read(move |tx: &mut Transaction| tx.chain_history(&chain, before, limit)).await?;
    let older = |at: usize| entries.get(at.saturating_add(1)).map(|older| &older.document);
    let shown = entries.iter().enumerate();
    let shown = shown.map(|(at, entry)| HistoryView::of(entry, view.revision(), older(at))).collect();
    Ok(asked.page(shown, &list, &state.prf, |entry: &HistoryView| entry.revision, |entry| entry))
}

/// `chains.revision`.
///
/// # Errors
/// When the actor may not, there is no such revision, or the database fails.
pub async fn revision(
    state: &State,
    actor: &Actor,
    name: &ChainName,
    revision: i64,
) -> Result<RevisionView, AdminError> {
    revision_of(state, &get(state, actor, name).await?.value, revision).await
}

/// The same of a chain that was read already, by somebody who may.
///
/// # Errors
/// When there is no such revision, or the database fails.
pub async fn revision_of(state: &State, view: &ChainView, revision: i64) -> Result<RevisionView, AdminError> {
    let chain = view.name.clone();
    let read = move |tx: &mut Transaction| tx.chain_history(&chain, Some(revision.saturating_add(1)), 2);
    let entries = state.store.read(read).await?;
    let entry = entries.first().filter(|entry| entry.revision == revision).ok_or(AdminError::NotFound("revision"))?;
    let published = view.published.as_ref().map(|published| &published.document);
    Ok(RevisionView {
        revision: HistoryView::of(entry, view.revision(), entries.get(1).map(|older| &older.document)),
        diff: diff(published, &entry.document),
    })
}

impl HistoryView {
    fn of(entry: &HistoryEntry, current: i64, older: Option<&ChainDocument>) -> Self {
        Self {
            revision: entry.revision,
            author: entry.byline.author.clone(),
            note: entry.byline.note.clone(),
            published_at: entry.published_at.into(),
            current: entry.revision == current,
            changes: diff(older, &entry.document).count(),
            document: entry.document.clone(),
        }
    }
}
