//! The draft of a chain: begun, saved, made of an old revision, discarded.

use schemars::JsonSchema;
use serde::Deserialize;
use vestibule_core::{chain::ChainDocument, draft::ChainDraft, id::ChainName};

use super::{
    size::size,
    view::{ChainView, view},
};
use crate::{
    admin::{
        Actor, AdminError, Etag, FieldFault, Permission, Versioned,
        error::all_right,
        record::Change,
        transact::{Work, write},
    },
    state::{State, Transaction},
};

/// A chain to be begun.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChain {
    /// Its name.
    pub name: String,
    /// What it begins with; empty, when nothing is said.
    #[serde(default)]
    pub document: ChainDocument,
}

/// A draft to be saved.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveDraft {
    /// The whole document.
    pub document: ChainDocument,
    /// The published revision that it is to replace. Only needed after somebody else published: by naming their revision one
    /// says that one has seen it.
    #[serde(default)]
    pub base: Option<i64>,
}

/// `chains.create`: begins a chain as a draft. It holds nobody up until it is published.
///
/// # Errors
/// When the actor may not, the name is no name or is taken, or the database fails.
pub async fn create(state: &State, actor: &Actor, new: NewChain) -> Result<Versioned<ChainView>, AdminError> {
    actor.needs(Permission::ChainsWrite)?;
    let mut faults = size(&new.document, "/document");
    if !name_allowed(&new.name) {
        let what = "A name has up to 64 letters, digits, dots, dashes and underscores, begins with a letter or digit, and is not `new`.";
        faults.push(FieldFault::new("/name", what));
    }
    all_right(faults)?;
    let name = ChainName::from(&new.name);
    change(state, actor, &name, "chain.begun", move |_, found, draft| match found {
        Some(_) => Err(AdminError::Taken(FieldFault::new("/name", "There is a chain of this name."))),
        None => Ok(Some(draft(0, new.document.clone()))),
    })
    .await
}

/// `chains.save_draft`.
///
/// # Errors
/// When the actor may not, somebody else changed the chain since, a file manages it, or the database fails.
pub async fn save_draft(
    state: &State,
    actor: &Actor,
    name: &ChainName,
    expected: Option<&Etag>,
    save: SaveDraft,
) -> Result<Versioned<ChainView>, AdminError> {
    actor.needs(Permission::ChainsWrite)?;
    all_right(size(&save.document, "/document"))?;
    let expected = expected.cloned();
    change(state, actor, name, "chain.drafted", move |_, found, draft| {
        let view = found.ok_or(AdminError::NotFound("chain"))?;
        view.ours()?;
        view.unchanged(expected.as_ref())?;
        let base = match (save.base, &view.draft) {
            (Some(base), _) if base != view.revision() => return Err(view.stale()),
            (None, Some(draft)) => draft.base,
            (Some(_), _) | (None, None) => view.revision(),
        };
        Ok(Some(draft(base, save.document.clone())))
    })
    .await
}

/// `chains.restore`: makes an old revision the draft. A draft that was there is replaced.
///
/// # Errors
/// When the actor may not, there is no such revision, somebody else changed the chain since, a file manages it, or the
/// database fails.
pub async fn restore(
    state: &State,
    actor: &Actor,
    name: &ChainName,
    revision: i64,
    expected: Option<&Etag>,
) -> Result<Versioned<ChainView>, AdminError> {
    actor.needs(Permission::ChainsWrite)?;
    let (expected, chain) = (expected.cloned(), name.clone());
    change(state, actor, name, "chain.restored", move |tx, found, draft| {
        let view = found.ok_or(AdminError::NotFound("chain"))?;
        view.ours()?;
        view.unchanged(expected.as_ref())?;
        let old = tx.chain_revision(&chain, revision)?.ok_or(AdminError::NotFound("revision"))?;
        Ok(Some(draft(view.revision(), old.document)))
    })
    .await
}

/// `chains.discard_draft`. A chain that was never published is gone with it.
///
/// # Errors
/// When the actor may not, there is no draft, somebody else changed it since, or the database fails.
pub async fn discard_draft(
    state: &State,
    actor: &Actor,
    name: &ChainName,
    expected: Option<&Etag>,
) -> Result<(), AdminError> {
    actor.needs(Permission::ChainsWrite)?;
    let expected = expected.cloned();
    let discarded = change(state, actor, name, "chain.discarded", move |_, found, _| {
        let view = found.filter(|view| view.draft.is_some()).ok_or(AdminError::NotFound("draft"))?;
        view.unchanged(expected.as_ref())?;
        Ok(None)
    });
    match discarded.await {
        Ok(_) | Err(AdminError::NotFound("chain")) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes a draft of a document, in the actor's name and at this time.
type MakeDraft<'a> = &'a dyn Fn(i64, ChainDocument) -> ChainDraft;

/// A change of the draft: `decide` sees the chain as it is and says what its draft shall be; `None` takes it away.
async fn change<F>(
    state: &State,
    actor: &Actor,
    name: &ChainName,
    what: &'static str,
    mut decide: F,
) -> Result<Versioned<ChainView>, AdminError>
where
    F: FnMut(&mut Transaction, Option<ChainView>, MakeDraft<'_>) -> Result<Option<ChainDraft>, AdminError>
        + Send
        + 'static,
{
    let (work, snapshot, name) = (Work::new(state, actor), state.live.snapshot(), name.clone());
    let after = write(state, move |tx| {
        let before = view(tx, &snapshot, &name)?;
        let draft = |base, document| {
            let author = Some(work.actor.name());
            ChainDraft { chain: name.clone(), base, author, updated_at: work.now, document }
        };
        let old = drafted(before.as_ref());
        match decide(tx, before, &draft)? {
            Some(draft) => tx.put_chain_draft(&draft)?,
            None => drop(tx.delete_chain_draft(&name)?),
        }
        let after = view(tx, &snapshot, &name)?;
        work.record(tx, &Change::new(what, &name, &old, &drafted(after.as_ref())))?;
        Ok(after)
    });
    after.await?.map(ChainView::versioned).ok_or(AdminError::NotFound("chain"))
}

fn drafted(view: Option<&ChainView>) -> Option<ChainDocument> {
    view?.draft.as_ref().map(|draft| draft.document.clone())
}

fn name_allowed(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let begins = name.chars().next().is_some_and(|first| first.is_ascii_alphanumeric());
    // `/admin/chains/new` is a page.
    begins && name.len() <= 64 && name.chars().all(allowed) && name != "new"
}
