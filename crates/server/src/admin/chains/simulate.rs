//! `chains.plan`: a login that nobody makes. It calls core's simulator, which asks the engine's own `plan`; here is who it is
//! about, what they have, and the same for what is published, so that a difference shows before it is one.

use std::{collections::BTreeMap, net::IpAddr};

use chrono::DateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vestibule_core::{
    Connection, Time,
    chain::{ChainDocument, ChainRevision},
    condition::{Context, Facts},
    evidence::{Evidence, Via},
    id::{ChainName, ClientId, InteractionId, UserId},
    plan::Availability,
    prompt::Text,
    simulate::{Asked, Fate, Outcome, Scenario, Simulation, simulate},
    store::StoreExt as _,
    time::Timestamp,
    user::{Credential, LoginName, User},
};

use super::words::{self, Sentence};
use crate::{
    admin::{Actor, AdminError, FieldFault, Permission, error::all_right},
    state::{State, Transaction},
};

/// The most authentication context classes and scopes that are looked at.
const VALUES: usize = 20;

/// Which document is tried.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum DocumentChoice {
    /// `"draft"` or `"published"`.
    Named(Named),
    /// One that is kept nowhere.
    Inline(ChainDocument),
    /// The draft, or what is published where there is none.
    #[default]
    Editable,
}

/// A document that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Named {
    /// The draft.
    Draft,
    /// What is published.
    Published,
}

/// A login to be simulated.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanRequest {
    /// Which document.
    #[serde(default)]
    pub document: DocumentChoice,
    /// Who, by the name that they sign in with; `null` for somebody new, who is in no group and has whatever is asked for.
    #[serde(default)]
    pub user: Option<String>,
    /// For which service provider; one of those that use the chain, when nothing is said.
    #[serde(default)]
    pub client: Option<String>,
    /// The scopes asked for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The browser's address.
    #[serde(default)]
    pub ip: Option<IpAddr>,
    /// Whether the device is one that was remembered for the user.
    #[serde(default)]
    pub known_device: bool,
    /// The authentication context classes asked for.
    #[serde(default)]
    pub acr_values: Vec<String>,
    /// When, RFC 3339; now, when nothing is said.
    #[serde(default)]
    #[schemars(with = "Option<Timestamp>")]
    pub time: Option<String>,
    /// The alternative to be taken in a step, both counted from 0; otherwise the first that is ready.
    #[serde(default)]
    pub choices: BTreeMap<usize, usize>,
}

/// What the login would be.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Simulated {
    /// By the document that was asked about.
    #[serde(flatten)]
    pub run: SimulatedRun,
    /// By what is published, where that is another document.
    pub published: Option<SimulatedRun>,
    /// Whether the login would be the same as by what is published.
    pub same: bool,
}

/// A login, step by step.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SimulatedRun {
    /// The steps.
    pub steps: Vec<SimulatedStep>,
    /// What comes of it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What becomes of a step.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SimulatedStep {
    /// Counted from 1.
    pub step: usize,
    /// How it ends: `runs`, `satisfied`, `not_due`, `blocked` or `not_reached`.
    #[serde(flatten)]
    pub fate: Fate,
    /// The authenticators that are offered, in order.
    pub offered: Vec<String>,
    /// The one that is taken.
    pub chosen: Option<String>,
    /// Those that could be set up besides.
    pub besides: Vec<String>,
    /// Why a condition had no answer: the step is due then.
    pub condition_error: Option<String>,
    /// The condition that does not hold, where that is why it is not due.
    #[serde(skip)]
    pub unmet: Option<Text>,
    /// The step in words.
    #[serde(skip)]
    pub sentence: Sentence,
}

/// Everything that is read for a simulation.
struct Subject {
    user: Option<User>,
    credentials: Vec<Credential>,
    connections: Vec<Connection>,
}

/// `chains.plan`.
///
/// # Errors
/// When the actor may not, there is no such chain, user or service provider, something cannot be read, or the database fails.
pub async fn plan(
    state: &State,
    actor: &Actor,
    name: &ChainName,
    request: &PlanRequest,
) -> Result<Simulated, AdminError> {
    plan_of(state, actor, &super::open(state, actor, name).await?, request).await
}

/// The same of a chain that was read already, by somebody who may.
///
/// # Errors
/// When there is no such user or service provider, something cannot be read, or the database fails.
pub async fn plan_of(
    state: &State,
    actor: &Actor,
    opened: &super::Opened,
    request: &PlanRequest,
) -> Result<Simulated, AdminError> {
    let view = &opened.view;
    let published = view.published.as_ref().map(|published| &published.document);
    let document = match &request.document {
        DocumentChoice::Editable => view.editable(),
        DocumentChoice::Named(Named::Draft) => {
            view.draft.as_ref().map(|draft| draft.document.clone()).ok_or(AdminError::NotFound("draft"))?
        }
        DocumentChoice::Named(Named::Published) => {
            published.cloned().ok_or(AdminError::NotFound("published revision"))?
        }
        DocumentChoice::Inline(document) => {
            all_right(super::size::size(document, "/document"))?;
            document.clone()
        }
    };
    let now = instant(state, request)?;
    let client = client(state, view, request)?;
    let subject = subject(state, actor, request, opened.connections.clone()).await?;
    let revision = |document: &ChainDocument| ChainRevision {
        chain: view.name.clone(),
        revision: view.revision(),
        document: document.clone(),
    };
    let run = run(state, request, &revision(&document), &client, &subject, now).await;
    let published = match published.filter(|published| **published != document) {
        Some(published) => Some(self::run(state, request, &revision(published), &client, &subject, now).await),
        None => None,
    };
    let same = published.as_ref().is_none_or(|published| alike(published, &run));
    Ok(Simulated { run, published, same })
}

/// Whether two logins are the same for whoever makes them.
fn alike(one: &SimulatedRun, other: &SimulatedRun) -> bool {
    let asked = |run: &SimulatedRun| {
        let steps = run.steps.iter().filter(|step| !step.offered.is_empty());
        steps.map(|step| (step.offered.clone(), step.chosen.clone(), step.besides.clone())).collect::<Vec<_>>()
    };
    one.outcome == other.outcome && asked(one) == asked(other)
}

fn instant(state: &State, request: &PlanRequest) -> Result<Time, AdminError> {
    let wrong = || AdminError::Invalid(vec![FieldFault::new("/time", "A time is written 2026-11-23T14:03:20Z.")]);
    match &request.time {
        None => Ok(state.clock.now()),
        Some(text) => {
            let at = DateTime::parse_from_rfc3339(text).map_err(|_| wrong())?;
            Ok(Time::from_unix_seconds(at.timestamp()))
        }
    }
}

fn client(state: &State, view: &super::ChainView, request: &PlanRequest) -> Result<ClientId, AdminError> {
    let mut faults = Vec::new();
    for (values, pointer) in [(&request.acr_values, "/acr_values"), (&request.scopes, "/scopes")] {
        if values.len() > VALUES {
            faults.push(FieldFault::new(pointer, format!("At most {VALUES}.")));
        }
    }
    all_right(faults)?;
    match &request.client {
        Some(id) if state.live.snapshot().client(id).is_some() => Ok(ClientId::from(id)),
        Some(_) => {
            Err(AdminError::Invalid(vec![FieldFault::new("/client", "There is no service provider of this id.")]))
        }
        None => Ok(view.clients.first().cloned().unwrap_or_else(|| ClientId::from(""))),
    }
}

async fn subject(
    state: &State,
    actor: &Actor,
    request: &PlanRequest,
    connections: Vec<Connection>,
) -> Result<Subject, AdminError> {
    let unknown = || AdminError::Invalid(vec![FieldFault::new("/user", "There is nobody of this name.")]);
    let name = match &request.user {
        None => None,
        Some(typed) => {
            // What somebody has is told about a person.
            actor.needs(Permission::UsersRead)?;
            Some(LoginName::parse(typed).ok_or_else(unknown)?)
        }
    };
    let read = move |tx: &mut Transaction| {
        let user = name.as_ref().map(|name| tx.user_by_login(name)).transpose()?.flatten();
        let credentials = user.as_ref().map(|user| tx.credentials_of(user.id)).transpose()?.unwrap_or_default();
        Ok((user, credentials))
    };
    let (user, credentials) = state.store.read(read).await?;
    let subject = Subject { user, credentials, connections };
    if request.user.is_some() && subject.user.is_none() {
        return Err(unknown());
    }
    Ok(subject)
}

async fn run(
    state: &State,
    request: &PlanRequest,
    chain: &ChainRevision,
    client: &ClientId,
    subject: &Subject,
    now: Time,
) -> SimulatedRun {
    let Subject { user, credentials, connections } = subject;
    let availability = state.engine.availability(chain, connections, user.as_ref(), credentials).await;
    let none: &[String] = &[];
    let context = Context {
        client,
        scopes: &request.scopes,
        acr_values: &request.acr_values,
        ip: request.ip,
        username: Some(user.as_ref().map_or("", |user| user.username.as_str())),
        groups: Some(user.as_ref().map_or(none, |user| &user.groups)),
        roles: Some(user.as_ref().map_or(none, |user| &user.roles)),
        known_device: request.known_device,
    };
    let id = user.as_ref().map_or(UserId(uuid::Uuid::max()), |user| user.id);
    let evidence = if request.known_device { remembered(state, chain, id, now) } else { Vec::new() };
    let known = user.as_ref().map(|user| state.engine.registry().strength_of(user, credentials));
    let protected = known.unwrap_or_default();
    let simulation = simulate(&Scenario {
        protected,
        chain,
        registry: state.engine.registry(),
        user: id,
        context: &context,
        evidence: &evidence,
        availability: &availability,
        choices: &request.choices,
        acr_claim: None,
        not_before: None,
        now,
    });
    let disabled = user.as_ref().is_some_and(|user| user.disabled);
    told(state, chain, &availability, &context, id, now, if disabled { may_not_act(simulation) } else { simulation })
}

/// What a device stands for that was remembered a moment ago: the first way of every step that lets it.
fn remembered(state: &State, chain: &ChainRevision, user: UserId, now: Time) -> Vec<Evidence> {
    let steps = chain.document.steps.iter().enumerate().filter(|(_, step)| step.remember_device.is_some());
    let given = steps.filter_map(|(position, step)| {
        let way = step.alternatives.first()?;
        let descriptor = state.engine.registry().get(&way.authenticator)?.descriptor();
        Some(Evidence {
            user,
            authenticator: way.authenticator.clone(),
            credential: way.authenticator.to_string(),
            factors: descriptor.factors.clone(),
            properties: descriptor.properties.clone(),
            amr: [].into(),
            at: now,
            via: Via::TrustedDevice,
            interaction: InteractionId(uuid::Uuid::nil()),
            step: position,
            changed_at: None,
            unfit: Vec::new(),
        })
    });
    given.collect()
}

/// A disabled user is nobody: whatever they pass, nothing is granted.
fn may_not_act(simulation: Simulation) -> Simulation {
    Simulation { outcome: Outcome::Refused { denial: vestibule_core::plan::Denial::MayNotAct }, ..simulation }
}

fn told(
    state: &State,
    chain: &ChainRevision,
    availability: &Availability,
    context: &Context<'_>,
    user: UserId,
    now: Time,
    simulation: Simulation,
) -> SimulatedRun {
    let interaction = InteractionId(uuid::Uuid::max());
    let steps = chain.document.steps.iter().zip(simulation.steps).enumerate().map(|(position, (step, simulated))| {
        let name = |index: &usize| step.alternatives.get(*index).map(|way| way.authenticator.to_string());
        let enrolled = availability.enrolled(position);
        let facts = Facts { context, user: Some(user), enrolled, evidence: &[], not_before: None, interaction, now };
        let unmet = step.when.iter().find(|condition| condition.holds(&facts) == Ok(false));
        let unmet = unmet.filter(|_| matches!(simulated.fate, Fate::NotDue { .. }));
        let Asked { offered, chosen, condition_error, besides } = simulated.asked.unwrap_or(Asked {
            offered: Vec::new(),
            chosen: None,
            condition_error: None,
            besides: Vec::new(),
        });
        SimulatedStep {
            step: position.saturating_add(1),
            fate: simulated.fate,
            offered: offered.iter().filter_map(name).collect(),
            chosen: chosen.as_ref().and_then(name),
            besides: besides.iter().filter_map(name).collect(),
            condition_error,
            unmet: unmet.map(vestibule_core::condition::Condition::sentence),
            sentence: words::sentence(step, state.engine.registry()),
        }
    });
    SimulatedRun { steps: steps.collect(), outcome: simulation.outcome }
}
