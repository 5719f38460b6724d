//! `chains.check`: what is wrong with a document, whom it would keep out, and whether it would lock the last owner out.
//!
//! What is wrong is core's to say. Whom it keeps out is counted in the database: for each step, those whom it is for and
//! who have none of its ways. The count looks at the newest users only and says so, and a document that would need many
//! counts gets the first few of them, so that the work of a check is bounded however large the server is.

use schemars::JsonSchema;
use serde::Serialize;
use vestibule_core::{
    Registry,
    chain::{self, ChainDocument, ChainProblem, ChainRevision, Demand, EnrolPolicy, Severity, Step},
    channel::Connection,
    code::message::Longest,
    condition::Test,
    draft::{LackCount, LackQuestion, Means, Membership},
    id::ChainName,
    store::{StoreExt as _, StoreResult},
};
use vestibule_oauth::model::Client;

use super::Opened;
use crate::{
    admin::{
        Actor, AdminError, FieldFault, Permission,
        error::all_right,
        guard::{CONSOLE, Guard},
    },
    state::{State, Transaction},
};

/// So many different counts are made for one check.
const COUNTS: usize = 6;

/// What a check found.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Checked {
    /// What is wrong. Errors keep it from being published, warnings do not.
    pub problems: Vec<ChainProblem>,
    /// Whom it keeps out.
    pub keeps_out: Vec<KeptOut>,
    /// Why nobody could sign in to the console as an owner any more, if that is so: then it cannot be published.
    pub locks_out: Option<String>,
}

/// The users who cannot pass a step.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct KeptOut {
    /// The step, counted from 1.
    pub step: usize,
    /// What they would need one of.
    pub means: Vec<Means>,
    /// How many.
    #[serde(flatten)]
    pub count: LackCount,
    /// Whether the step also hangs on something that a count cannot know, such as the network.
    pub sometimes: bool,
}

impl Checked {
    /// Whether it may be published.
    pub fn passes(&self) -> bool {
        self.locks_out.is_none() && !self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

/// `chains.check`: of a document, or else of the draft, or else of what is published.
///
/// # Errors
/// When the actor may not, there is no such chain, the document is too large, or the database fails.
pub async fn check(
    state: &State,
    actor: &Actor,
    name: &ChainName,
    document: Option<ChainDocument>,
) -> Result<Checked, AdminError> {
    actor.needs(Permission::ChainsRead)?;
    if let Some(document) = &document {
        all_right(super::size::size(document, "/document"))?;
    }
    let opened = super::open(state, actor, name).await?;
    let document = document.unwrap_or_else(|| opened.view.editable());
    check_of(state, &opened, document).await
}

/// The same of a chain that was read already, by somebody who may. It writes nothing, so that it may stand on a page that is
/// only looked at.
///
/// # Errors
/// When the database fails.
pub async fn check_of(state: &State, opened: &Opened, document: ChainDocument) -> Result<Checked, AdminError> {
    let (registry, snapshot) = (state.engine.registry().clone(), state.live.snapshot());
    let problems = problems(&document, &registry, &opened.connections, &state.policy.floor, &opened.longest);
    // No other chain opens the console. Publishing asks again, of what is true in its transaction.
    let console = snapshot.client(CONSOLE).filter(|console| snapshot.chain(console) == opened.view.name).cloned();
    let (guard, opened) = (Guard::new(state), opened.clone());
    let read = move |tx: &mut Transaction| {
        let keeps_out = keeps_out(tx, &document, &registry)?;
        let locks_out = match &console {
            Some(console) => locks_out(tx, &guard, console, &opened, &document)?,
            None => None,
        };
        Ok((keeps_out, locks_out))
    };
    let (keeps_out, locks_out) = state.store.read(read).await?;
    Ok(Checked { problems, keeps_out, locks_out })
}

/// The published chains that are weaker than the policy allows: they were published before it said so, and go on as they are.
///
/// # Errors
/// When the database fails.
pub async fn below_floor(state: &State) -> StoreResult<Vec<ChainName>> {
    let chains = state.store.read(|tx: &mut Transaction| tx.published_chains()).await?;
    let (registry, floor) = (state.engine.registry(), &state.policy.floor);
    let weaker = |chain: &ChainRevision| !chain::below_floor(&chain.document, registry, floor).is_empty();
    Ok(chains.into_iter().filter(weaker).map(|chain| chain.chain).collect())
}

/// What is wrong with a document.
pub(super) fn problems(
    document: &ChainDocument,
    registry: &Registry,
    connections: &[Connection],
    floor: &[Demand],
    longest: &Longest,
) -> Vec<ChainProblem> {
    let mut problems = chain::check(document, registry, connections, Some(floor));
    problems.extend(chain::long_messages(document, registry, longest));
    problems
}

/// The errors alone, as faults of what is published.
pub(super) fn errors(
    document: &ChainDocument,
    registry: &Registry,
    connections: &[Connection],
    floor: &[Demand],
) -> Vec<FieldFault> {
    let problems = chain::check(document, registry, connections, Some(floor)).into_iter();
    let errors = problems.filter(|problem| problem.severity == Severity::Error);
    errors.map(|problem| FieldFault::new(format!("/draft/document{}", problem.pointer), problem.detail)).collect()
}

/// Why no owner could enter the console by this document any more, if one can by what is published.
fn locks_out(
    tx: &mut Transaction,
    guard: &Guard,
    console: &Client,
    opened: &Opened,
    document: &ChainDocument,
) -> StoreResult<Option<String>> {
    let revision = |document: &ChainDocument| ChainRevision {
        chain: opened.view.name.clone(),
        revision: opened.view.revision(),
        document: document.clone(),
    };
    let published = opened.view.published.as_ref().map(|published| revision(&published.document));
    let chains: Vec<_> = [revision(document)].into_iter().chain(published).collect();
    let mut verdicts = guard.look_through(tx, console, &chains, &opened.connections)?.into_iter();
    let (after, before) = (verdicts.next(), verdicts.next());
    Ok(after.and_then(Result::err).filter(|_| before.is_some_and(|before| before.is_ok())))
}

fn keeps_out(tx: &mut Transaction, document: &ChainDocument, registry: &Registry) -> StoreResult<Vec<KeptOut>> {
    let mut questions: Vec<LackQuestion> = Vec::new();
    let mut asked = Vec::new();
    for (position, step) in document.steps.iter().enumerate() {
        let Some(means) = means(step, position, registry) else { continue };
        let (members, sometimes) = members(step);
        let question = LackQuestion { members, means };
        let known = questions.iter().position(|known| *known == question);
        if known.is_none() && questions.len() >= COUNTS {
            continue;
        }
        asked.push((position, sometimes, known.unwrap_or(questions.len())));
        if known.is_none() {
            questions.push(question);
        }
    }
    let counts = tx.users_lacking(&questions)?;
    let kept = asked.into_iter().filter_map(|(position, sometimes, at)| {
        let (question, count) = (questions.get(at)?, *counts.get(at)?);
        let kept = KeptOut { step: position.saturating_add(1), means: question.means.clone(), count, sometimes };
        (count.lacking > 0).then_some(kept)
    });
    Ok(kept.collect())
}

/// What one needs one of to pass a step; `None` when that cannot be told, or can be got on the way.
fn means(step: &Step, position: usize, registry: &Registry) -> Option<Vec<Means>> {
    if step.when.iter().any(|condition| condition.test == Test::Enrolled(!condition.not)) {
        return None;
    }
    let mut means = Vec::new();
    for alternative in &step.alternatives {
        let authenticator = registry.get(&alternative.authenticator)?;
        if step.enrol != EnrolPolicy::Refuse && position > 0 && authenticator.enrolment().is_some() {
            return None;
        }
        means.push(match authenticator.descriptor().connection {
            Some("sms") => Means::Phone,
            Some("mail" | "email" | "smtp") => Means::Email,
            Some(_) => return None,
            None => Means::Credential(alternative.authenticator.clone()),
        });
    }
    (!means.is_empty()).then_some(means)
}

/// Whom a step is for, as far as the database knows; and whether that is not all.
fn members(step: &Step) -> (Vec<Membership>, bool) {
    let mut members = Vec::new();
    let mut sometimes = !step.on_request.is_empty();
    for condition in &step.when {
        let (group, name) = match &condition.test {
            Test::Group(name) => (true, name),
            Test::Role(name) => (false, name),
            _ => {
                sometimes = true;
                continue;
            }
        };
        members.push(Membership { group, name: name.clone(), not: condition.not });
    }
    (members, sometimes)
}
