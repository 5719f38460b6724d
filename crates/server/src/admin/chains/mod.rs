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
mod delete;
mod diff;
mod draft;
mod history;
mod list;
mod publish;
mod simulate;
mod size;
pub mod templates;
mod view;
pub mod words;

use vestibule_core::{Connection, chain::ChainProblem, code::message::Longest, id::ChainName, store::StoreExt as _};

pub use self::{
    check::{Checked, KeptOut, below_floor, check, check_of},
    delete::delete,
    diff::{Diff, FieldChange, StepChange, diff},
    draft::{NewChain, SaveDraft, create, discard_draft, restore, save_draft},
    history::{HistoryView, RevisionView, history, history_of, revision, revision_of},
    list::{ChainSummary, list},
    publish::{Publish, publish},
    simulate::{DocumentChoice, PlanRequest, Simulated, SimulatedRun, SimulatedStep, plan, plan_of},
    view::{ChainView, DraftView, PublishedView},
};
use super::{Actor, AdminError, Permission, Versioned};
use crate::state::{State, Transaction};

/// `chains.get`.
///
/// # Errors
/// When the actor may not, there is no such chain, or the database fails.
pub async fn get(state: &State, actor: &Actor, name: &ChainName) -> Result<Versioned<ChainView>, AdminError> {
    actor.needs(Permission::ChainsRead)?;
    let (snapshot, name) = (state.live.snapshot(), name.clone());
    let view = state.store.read(move |tx: &mut Transaction| view::view(tx, &snapshot, &name)).await?;
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
    /// What is filled into its messages, at its longest.
    pub longest: Longest,
}

/// `chains.get`, with what an editor needs beside it.
///
/// # Errors
/// When the actor may not, there is no such chain, or the database fails.
pub async fn open(state: &State, actor: &Actor, name: &ChainName) -> Result<Opened, AdminError> {
    actor.needs(Permission::ChainsRead)?;
    let (snapshot, name) = (state.live.snapshot(), name.clone());
    let read = move |tx: &mut Transaction| Ok((view::view(tx, &snapshot, &name)?, tx.connections()?));
    let (view, connections) = state.store.read(read).await?;
    let view = view.ok_or(AdminError::NotFound("chain"))?;
    let longest = longest(state, &view);
    let problems =
        check::problems(&view.editable(), state.engine.registry(), &connections, &state.policy.floor, &longest);
    Ok(Opened { view, connections, problems, longest })
}

/// What is filled into the messages of a chain, at its longest.
fn longest(state: &State, view: &ChainView) -> Longest {
    let snapshot = state.live.snapshot();
    let clients = view.clients.iter().filter_map(|id| snapshot.client(id.as_str()));
    Longest { clients: clients.map(|client| client.name.clone()).collect(), host: state.public.host.clone() }
}
