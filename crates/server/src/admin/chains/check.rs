//! `chains.check`: what is wrong with a document, whom it would keep out, and whether it would lock the last owner out.
//!
//! What is wrong is core's to say. Whom it keeps out is counted in the database: for each step, those whom it is for and
//! who have none of its ways. The count looks at the newest users only and says so, and a document that would need many
//! counts gets the first few of them, so that the work of a check is bounded however large the server is.

use serde::Serialize;
use vestibule_core::{
    Registry,
    chain::{self, ChainDocument, ChainProblem, EnrolPolicy, Severity, Step},
    channel::Connection,
    condition::Test,
    draft::{LackCount, Means, Membership},
    id::ChainName,
    store::StoreExt as _,
};

use crate::{
    admin::{
        Actor, AdminError, FieldFault, Permission,
        error::all_right,
        transact::{Work, write},
    },
    state::{State, Transaction},
};

/// So many different counts are made for one check.
const COUNTS: usize = 6;

/// What a check found.
#[derive(Clone, Debug, Serialize)]
pub struct Checked {
    /// What is wrong. Errors keep it from being published, warnings do not.
    pub problems: Vec<ChainProblem>,
    /// Whom it keeps out.
    pub keeps_out: Vec<KeptOut>,
    /// Why nobody could sign in to the console as an owner any more, if that is so: then it cannot be published.
    pub locks_out: Option<String>,
}

/// The users who cannot pass a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
    let document = match document {
        Some(document) => {
            all_right(super::size(&document, "/document"))?;
            document
        }
        None => super::get(state, actor, name).await?.value.editable(),
    };
    let (registry, counted) = (state.engine.registry().clone(), document.clone());
    let read = move |tx: &mut Transaction| {
        let keeps_out = keeps_out(tx, &counted, &registry)?;
        Ok((problems(&counted, &registry, &tx.connections()?), keeps_out))
    };
    let (problems, keeps_out) = state.store.read(read).await?;
    let locks_out = lockout(state, actor, name, document).await?;
    Ok(Checked { problems, keeps_out, locks_out })
}

/// What is wrong with a document.
pub(super) fn problems(document: &ChainDocument, registry: &Registry, connections: &[Connection]) -> Vec<ChainProblem> {
    chain::check(document, registry, connections, None)
}

/// The errors alone, as faults of what is published.
pub(super) fn errors(document: &ChainDocument, registry: &Registry, connections: &[Connection]) -> Vec<FieldFault> {
    let problems = problems(document, registry, connections).into_iter();
    let errors = problems.filter(|problem| problem.severity == Severity::Error);
    errors.map(|problem| FieldFault::new(format!("/draft/document{}", problem.pointer), problem.detail)).collect()
}

/// Tries the publication in a transaction that is taken back, and asks the guard.
async fn lockout(
    state: &State,
    actor: &Actor,
    name: &ChainName,
    document: ChainDocument,
) -> Result<Option<String>, AdminError> {
    let (work, name) = (Work::new(state, actor), name.clone());
    let tried: Result<(), AdminError> = write(state, move |tx| {
        let owners = work.guard.before(tx)?;
        tx.publish_chain(&name, &document, work.now)?;
        work.guard.hold(tx, owners)?;
        Err(AdminError::Refused(String::new()))
    })
    .await;
    match tried {
        Err(AdminError::LocksOut(why)) => Ok(Some(why)),
        Ok(()) | Err(AdminError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whom a step is for, and what they need one of.
type Question = (Vec<Membership>, Vec<Means>);

fn keeps_out(
    tx: &mut Transaction,
    document: &ChainDocument,
    registry: &Registry,
) -> Result<Vec<KeptOut>, vestibule_core::store::StoreError> {
    let mut known: Vec<(Question, LackCount)> = Vec::new();
    let mut kept = Vec::new();
    for (position, step) in document.steps.iter().enumerate() {
        let Some(means) = means(step, position, registry) else { continue };
        let (members, sometimes) = members(step);
        let question = (members, means);
        let count = match known.iter().find(|(asked, _)| *asked == question) {
            Some((_, count)) => *count,
            None if known.len() >= COUNTS => continue,
            None => {
                let count = tx.users_lacking(&question.0, &question.1)?;
                known.push((question.clone(), count));
                count
            }
        };
        if count.lacking > 0 {
            kept.push(KeptOut { step: position.saturating_add(1), means: question.1, count, sometimes });
        }
    }
    Ok(kept)
}

/// What one needs one of to pass a step; `None` when that cannot be told, or can be got on the way.
fn means(step: &Step, position: usize, registry: &Registry) -> Option<Vec<Means>> {
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
