//! Chains for admins: the draft, what is wrong with it, its publication, the history, and the simulator.
//!
//! A chain has at most one draft. It is the whole next document and it remembers the revision that it was made from, so a
//! publication of somebody else in between is noticed ([`AdminError::Stale`]) and both can be shown; who wants to go on with
//! their own says so by saving the draft with the new base. Saving takes whatever has the shape of a document, because
//! a draft is where mistakes are made; publishing takes only what [`check()`] finds no error in.
//!
//! The operations of `chains.*`, each `(state, actor, …)`:
//!
//! | operation | function |
//! |---|---|
//! | `chains.list` | [`list`]`(PageQuery) -> Listing<ChainSummary>` |
//! | `chains.create` | [`create`]`(NewChain) -> Versioned<ChainView>` |
//! | `chains.get` | [`get`]`(name) -> Versioned<ChainView>` |
//! | `chains.save_draft` | [`save_draft`]`(name, If-Match, SaveDraft) -> Versioned<ChainView>` |
//! | `chains.discard_draft` | [`discard_draft`]`(name, If-Match)` |
//! | `chains.check` | [`check()`]`(name, Option<document>) -> Checked` |
//! | `chains.publish` | [`publish`]`(name, If-Match, Publish) -> Versioned<ChainView>` |
//! | `chains.history` | [`history`]`(name, PageQuery) -> Listing<HistoryView>` |
//! | `chains.revision` | [`revision`]`(name, revision) -> RevisionView` |
//! | `chains.restore` | [`restore`]`(name, revision, If-Match) -> Versioned<ChainView>` |
//! | `chains.delete` | [`delete`]`(name, If-Match)` |
//! | `chains.plan` | [`plan`]`(name, PlanRequest) -> Simulated` |
//!
//! The entity tag of a chain is that of what is published and of its draft; which service providers use it does not change it.

mod check;
mod diff;
mod simulate;
pub mod templates;
pub mod words;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vestibule_core::{
    Connection,
    chain::{ChainDocument, ChainProblem},
    draft::{Byline, ChainDraft, HistoryEntry},
    id::{ChainName, ClientId},
    store::{StoreError, StoreExt as _},
};
use vestibule_oauth::{Snapshot, managed::ObjectKind};

pub use self::{
    check::{Checked, KeptOut, check, check_of},
    diff::{Diff, FieldChange, StepChange, diff},
    simulate::{DocumentChoice, PlanRequest, Simulated, SimulatedRun, SimulatedStep, plan, plan_of},
};
use super::{
    Actor, AdminError, Etag, FieldFault, Permission, Versioned,
    error::all_right,
    gate,
    paging::{Listing, PageQuery},
    record::Change,
    transact::{Work, configure, write},
    view::instant,
};
use crate::state::{State, Transaction};

/// A chain is read by people: more than this is a mistake or an attack.
const STEPS: usize = 20;
const ALTERNATIVES: usize = 10;
const CONDITIONS: usize = 20;
/// The longest note, in characters.
const NOTE: usize = 500;

/// A chain in a list.
#[derive(Clone, Debug, Serialize)]
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

/// A chain: what is published, and the draft.
#[derive(Clone, Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
pub struct PublishedView {
    /// Counted from 1.
    pub revision: i64,
    /// What.
    pub document: ChainDocument,
}

/// What is being written.
#[derive(Clone, Debug, Serialize)]
pub struct DraftView {
    /// The revision that it was made from; 0 when there was none.
    pub base: i64,
    /// Who saved it last.
    pub author: Option<String>,
    /// When.
    pub updated_at: String,
    /// What.
    pub document: ChainDocument,
}

/// A revision in the history.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryView {
    /// Counted from 1.
    pub revision: i64,
    /// Who published it.
    pub author: Option<String>,
    /// Why.
    pub note: Option<String>,
    /// When, RFC 3339.
    pub published_at: String,
    /// Whether it holds now.
    pub current: bool,
    /// How it differs from the one before.
    pub changes: usize,
    /// What.
    pub document: ChainDocument,
}

/// One revision, and how the published one differs from it.
#[derive(Clone, Debug, Serialize)]
pub struct RevisionView {
    /// It.
    #[serde(flatten)]
    pub revision: HistoryView,
    /// From the published document to this one: what restoring it would change.
    pub diff: Diff,
}

/// A chain to be begun.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewChain {
    /// Its name.
    pub name: String,
    /// What it begins with; empty, when nothing is said.
    #[serde(default)]
    pub document: ChainDocument,
}

/// A draft to be saved.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SaveDraft {
    /// The whole document.
    pub document: ChainDocument,
    /// The published revision that it is to replace. Only needed after somebody else published: by naming their revision one
    /// says that one has seen it.
    #[serde(default)]
    pub base: Option<i64>,
}

/// A publication.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// Why, for whoever reads the history.
    #[serde(default)]
    pub note: Option<String>,
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

    fn versioned(self) -> Versioned<Self> {
        Versioned { etag: self.etag(), value: self }
    }

    /// Goes on when the change was made from this.
    fn unchanged(&self, expected: Option<&Etag>) -> Result<(), AdminError> {
        let expected = expected.ok_or(AdminError::VersionWanted)?;
        if self.etag() == *expected { Ok(()) } else { Err(self.stale()) }
    }

    fn stale(&self) -> AdminError {
        AdminError::Stale { etag: self.etag(), current: serde_json::to_value(self).unwrap_or_default() }
    }

    /// Goes on when it is changed here and not in a file.
    fn ours(&self) -> Result<(), AdminError> {
        self.managed_by.clone().map_or(Ok(()), |file| Err(AdminError::Managed(file)))
    }
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

/// `chains.get`.
///
/// # Errors
/// When the actor may not, there is no such chain, or the database fails.
pub async fn get(state: &State, actor: &Actor, name: &ChainName) -> Result<Versioned<ChainView>, AdminError> {
    actor.needs(Permission::ChainsRead)?;
    let (snapshot, name) = (state.live.snapshot(), name.clone());
    let view = state.store.read(move |tx: &mut Transaction| view(tx, &snapshot, &name)).await?;
    view.map(ChainView::versioned).ok_or(AdminError::NotFound("chain"))
}

/// A chain with everything that its editor shows.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The chain.
    pub view: ChainView,
    /// The connections that its steps may name.
    pub connections: Vec<Connection>,
    /// What is wrong with what the editor begins with.
    pub problems: Vec<ChainProblem>,
}

/// `chains.get`, with what an editor needs beside it.
///
/// # Errors
/// When the actor may not, there is no such chain, or the database fails.
pub async fn open(state: &State, actor: &Actor, name: &ChainName) -> Result<Opened, AdminError> {
    actor.needs(Permission::ChainsRead)?;
    let (snapshot, name) = (state.live.snapshot(), name.clone());
    let read = move |tx: &mut Transaction| Ok((view(tx, &snapshot, &name)?, tx.connections()?));
    let (view, connections) = state.store.read(read).await?;
    let view = view.ok_or(AdminError::NotFound("chain"))?;
    let problems = check::problems(&view.editable(), state.engine.registry(), &connections);
    Ok(Opened { view, connections, problems })
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

/// `chains.publish`: the draft becomes the next revision. Logins under way keep the one that they began with.
///
/// # Errors
/// When the actor may not, there is no draft, it has errors, somebody else published or changed it since, it would lock the
/// last owner out, a file manages it, or the database fails.
pub async fn publish(
    state: &State,
    actor: &Actor,
    name: &ChainName,
    expected: Option<&Etag>,
    publication: Publish,
) -> Result<Versioned<ChainView>, AdminError> {
    actor.needs(Permission::ChainsWrite)?;
    let note = publication.note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
    if note.as_ref().is_some_and(|note| note.chars().count() > NOTE) {
        return Err(AdminError::Invalid(vec![FieldFault::new("/note", format!("At most {NOTE} characters."))]));
    }
    let work = {
        let (work, snapshot, registry) =
            (Work::new(state, actor), state.live.snapshot(), state.engine.registry().clone());
        let (byline, name, expected) = (Byline { author: Some(actor.name()), note }, name.clone(), expected.cloned());
        move |tx: &mut Transaction| {
            let before = view(tx, &snapshot, &name)?.ok_or(AdminError::NotFound("chain"))?;
            before.ours()?;
            before.unchanged(expected.as_ref())?;
            let draft = before.draft.as_ref().ok_or(AdminError::NotFound("draft"))?;
            if before.overtaken() {
                return Err(before.stale());
            }
            if before.published.as_ref().is_some_and(|published| published.document == draft.document) {
                return Err(AdminError::Refused("The draft says what is published already.".to_owned()));
            }
            all_right(check::errors(&draft.document, &registry, &tx.connections()?))?;
            gate::may_open(tx, &snapshot, &work.actor, &name)?;
            let owners = work.guard.before(tx)?;
            tx.publish_chain_by(&name, &draft.document, &byline, work.now)?;
            tx.delete_chain_draft(&name)?;
            work.guard.hold(tx, owners)?;
            let after = view(tx, &snapshot, &name)?.ok_or(AdminError::NotFound("chain"))?;
            work.record(tx, &Change::new("chain.published", &name, &before.published, &after.published))?;
            Ok(after)
        }
    };
    Ok(configure(state, work).await?.versioned())
}

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
            published_at: instant(entry.published_at),
            current: entry.revision == current,
            changes: diff(older, &entry.document).count(),
            document: entry.document.clone(),
        }
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

/// A chain as it stands in the database; which service providers use it is known from memory.
fn view(tx: &mut Transaction, snapshot: &Snapshot, name: &ChainName) -> Result<Option<ChainView>, StoreError> {
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
            updated_at: instant(draft.updated_at),
            document: draft.document,
        }),
        clients: clients_of(snapshot, name),
        managed_by: tx.managed(ObjectKind::Chain, name.as_str())?.map(|managed| managed.source),
    }))
}

fn clients_of(snapshot: &Snapshot, name: &ChainName) -> Vec<ClientId> {
    let clients = snapshot.clients().filter(|client| snapshot.chain(client) == *name);
    let mut ids: Vec<ClientId> = clients.map(|client| client.id.clone()).collect();
    ids.sort();
    ids
}

fn name_allowed(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let begins = name.chars().next().is_some_and(|first| first.is_ascii_alphanumeric());
    // `/admin/chains/new` is a page.
    begins && name.len() <= 64 && name.chars().all(allowed) && name != "new"
}

/// What is too much.
fn size(document: &ChainDocument, at: &str) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let mut bounded = |length: usize, most: usize, pointer: String, what: &str| {
        if length > most {
            faults.push(FieldFault::new(pointer, format!("At most {most} {what}.")));
        }
    };
    bounded(document.steps.len(), STEPS, format!("{at}/steps"), "steps");
    for (number, step) in document.steps.iter().enumerate() {
        let step_at = format!("{at}/steps/{number}");
        bounded(step.alternatives.len(), ALTERNATIVES, format!("{step_at}/alternatives"), "alternatives");
        bounded(step.when.len(), CONDITIONS, format!("{step_at}/when"), "conditions");
    }
    faults
}
