//! The simulator: what a run of a chain would be, without a run.
//!
//! It decides nothing itself: it asks [`plan`](crate::plan::plan()) again and again, and gives it the evidence that a passed
//! alternative would give, which is the most that its authenticator's descriptor allows. So what it says is what the
//! engine does; a property test over a hundred thousand chains holds the two together.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    authenticator::{Opening, Readiness, Registry},
    chain::ChainRevision,
    condition::Context,
    evidence::{Evidence, Strength, Via},
    id::{AuthenticatorName, InteractionId, UserId},
    interaction::AcrClaim,
    plan::{Availability, Binding, Denial, Inputs, Next, Plan, StepReport, plan},
    time::{Time, Timestamp},
};

/// A login to be simulated.
#[derive(Clone, Copy)]
pub struct Scenario<'a> {
    /// The steps: of a draft, or published.
    pub chain: &'a ChainRevision,
    /// The authenticators that exist.
    pub registry: &'a Registry,
    /// Who signs in. A new user is one whose groups and roles are empty.
    pub user: UserId,
    /// The request, the browser and what is known of the user. As long as nobody is proven, the user's part is hidden.
    pub context: &'a Context<'a>,
    /// What the session of the browser holds, as far as the user still has what they proved it with, and what its device stands
    /// in with; empty, when there is neither.
    pub evidence: &'a [Evidence],
    /// What each alternative of each step can do for this user.
    pub availability: &'a Availability,
    /// The best that the user has: with less they enrol no other.
    pub protected: Strength,
    /// The alternative to be taken in a step, by positions; otherwise the first that is offered.
    pub choices: &'a BTreeMap<usize, usize>,
    /// The authentication context class asked for as a claim; those of `acr_values` are in the context.
    pub acr_claim: Option<&'a AcrClaim>,
    /// A login that ended before this does not count.
    pub not_before: Option<Time>,
    /// The time.
    pub now: Time,
}

/// What a login would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Simulation {
    /// What becomes of each step.
    pub steps: Vec<SimulatedStep>,
    /// What comes of it.
    pub outcome: Outcome,
}

/// What becomes of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SimulatedStep {
    /// How it ends.
    #[serde(flatten)]
    pub fate: Fate,
    /// What was asked there, when something was. A step can be asked and then not be due: its condition is about the user,
    /// whom nobody knew.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
}

/// How a step ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Fate {
    /// It is asked, and passes.
    Runs,
    /// It is passed already, by this authenticator's evidence of this time.
    Satisfied {
        /// Which.
        by: String,
        /// When.
        #[serde(serialize_with = "Timestamp::write")]
        #[schemars(with = "Timestamp")]
        at: Time,
        /// Whether a remembered device stands in.
        remembered: bool,
    },
    /// It is not due.
    NotDue {
        /// Why.
        because: String,
    },
    /// It is due and cannot be passed.
    Blocked {
        /// Why.
        because: String,
    },
    /// The login ends before it.
    NotReached,
}

/// What is asked of the person in a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// The positions of the alternatives that are offered.
    pub offered: Vec<usize>,
    /// The one that is taken; `None` when the user can pass none.
    pub chosen: Option<usize>,
    /// Why it could not be decided that the step is not due, where a condition erred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition_error: Option<String>,
    /// The positions of the alternatives that the user may set up besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub besides: Vec<usize>,
}

/// What comes of a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum Outcome {
    /// Every due step passed.
    Granted {
        /// The authentication context class reached.
        acr: Option<&'static str>,
        /// The authentication method references (RFC 8176).
        amr: Vec<String>,
        /// When the person authenticated.
        #[serde(serialize_with = "Timestamp::write")]
        #[schemars(with = "Timestamp")]
        auth_time: Time,
    },
    /// The request is refused.
    Refused {
        /// Why.
        denial: Denial,
    },
    /// The person has to enrol one of these first.
    Enrols {
        /// The position of the step.
        step: usize,
        /// The positions of its alternatives.
        alternatives: Vec<usize>,
    },
    /// The person is asked, and cannot pass.
    Stuck {
        /// The position of the step.
        step: usize,
        /// Why.
        because: String,
    },
}

/// Simulates a login.
pub fn simulate(scenario: &Scenario<'_>) -> Simulation {
    let steps = scenario.chain.document.steps.len();
    // A device that was remembered stands in for its owner, and does not say who that is.
    let known = |evidence: &Evidence| evidence.user == scenario.user && evidence.via != Via::TrustedDevice;
    let user = scenario.evidence.iter().any(known).then_some(scenario.user);
    let mut run = Run { scenario, user, evidence: scenario.evidence.to_vec(), asked: vec![None; steps] };
    // Every round asks a step that was not asked before, so there are no more rounds than steps.
    loop {
        let plan = run.plan();
        let outcome = match plan.next {
            Next::Ask { step, ref alternatives } => match run.pass(step, alternatives, &plan) {
                Ok(()) => continue,
                Err(because) => Outcome::Stuck { step, because },
            },
            Next::Enrol { step, alternatives } => Outcome::Enrols { step, alternatives },
            Next::Deny(denial) => Outcome::Refused { denial },
            Next::Done(completed) => Outcome::Granted {
                acr: completed.acr(),
                amr: completed.amr().iter().cloned().collect(),
                auth_time: completed.auth_time(),
            },
        };
        return run.end(plan.steps, outcome);
    }
}

/// The run that is simulated: an id that no other has.
const RUN: InteractionId = InteractionId(Uuid::max());

struct Run<'a> {
    scenario: &'a Scenario<'a>,
    user: Option<UserId>,
    evidence: Vec<Evidence>,
    asked: Vec<Option<Asked>>,
}

impl Run<'_> {
    fn plan(&self) -> Plan {
        let Scenario { chain, registry, context, acr_claim, not_before, now, .. } = *self.scenario;
        let known = self.user.is_some();
        let context = Context {
            username: context.username.filter(|_| known),
            groups: context.groups.filter(|_| known),
            roles: context.roles.filter(|_| known),
            known_device: context.known_device && known,
            ..context.clone()
        };
        let availability = self.availability();
        let (user, evidence) = (self.user, self.evidence.as_slice());
        let inputs = Inputs {
            chain,
            registry,
            user,
            evidence,
            availability: &availability,
            context: &context,
            acr_claim,
            not_before,
            binding: Binding { protected: self.scenario.protected, ..Binding::default() },
            interaction: RUN,
            now,
        };
        plan(&inputs)
    }

    /// Of whom nothing is proved, nothing may be told: what they have looks like what anybody has.
    fn availability(&self) -> Availability {
        let seen = |readiness: &Readiness| match readiness {
            Readiness::Broken { .. } => readiness.clone(),
            _ if self.user.is_some() => readiness.clone(),
            _ => Readiness::Ready { target: None },
        };
        Availability(self.scenario.availability.0.iter().map(|step| step.iter().map(seen).collect()).collect())
    }

    /// Takes an alternative of the due step, and gives its evidence.
    fn pass(&mut self, step: usize, offered: &[usize], plan: &Plan) -> Result<(), String> {
        let chosen = self.choose(step, offered);
        let condition_error = match plan.steps.get(step) {
            Some(StepReport::Due { condition_error }) => condition_error.clone(),
            _ => None,
        };
        let asked = self.asked.get_mut(step).ok_or_else(|| "there is no such step".to_owned())?;
        if asked.is_some() {
            return Err("the same credential does not count twice".to_owned());
        }
        *asked = Some(Asked { offered: offered.to_vec(), chosen, condition_error, besides: plan.besides.clone() });
        let given = chosen.and_then(|alternative| self.given(step, alternative));
        self.evidence.push(given.ok_or_else(|| "the user has none of the alternatives".to_owned())?);
        self.user = Some(self.scenario.user);
        Ok(())
    }

    fn choose(&self, step: usize, offered: &[usize]) -> Option<usize> {
        let ready =
            |alternative: &usize| matches!(self.scenario.availability.of(step, *alternative), Readiness::Ready { .. });
        let asks_for_the_name = |alternative: &usize| self.opening(step, *alternative) == Some(Opening::Free);
        let named = self.scenario.choices.get(&step).filter(|named| offered.contains(named));
        // Somebody has to say who they are before a message can be sent to them.
        if self.user.is_none() && !offered.iter().any(asks_for_the_name) {
            return None;
        }
        if let Some(named) = named {
            return Some(*named).filter(ready);
        }
        let first = |alternative: &&usize| self.user.is_some() || asks_for_the_name(alternative);
        let can = || offered.iter().filter(|alternative| ready(alternative));
        can().find(first).or_else(|| can().next()).copied()
    }

    fn opening(&self, step: usize, alternative: usize) -> Option<Opening> {
        let alternative = self.scenario.chain.document.steps.get(step)?.alternatives.get(alternative)?;
        Some(self.scenario.registry.get(&alternative.authenticator)?.descriptor().opening)
    }

    /// The evidence that an alternative gives. Each authenticator is taken to have one credential of the user.
    fn given(&self, step: usize, alternative: usize) -> Option<Evidence> {
        let alternative = self.scenario.chain.document.steps.get(step)?.alternatives.get(alternative)?;
        let descriptor = self.scenario.registry.get(&alternative.authenticator)?.descriptor();
        Some(Evidence {
            user: self.scenario.user,
            authenticator: descriptor.name.clone(),
            credential: self.credential(&alternative.authenticator),
            factors: descriptor.factors.clone(),
            properties: descriptor.properties.clone(),
            amr: descriptor.amr.clone(),
            at: self.scenario.now,
            via: Via::Direct,
            interaction: RUN,
            step,
            changed_at: self.scenario.availability.changed_at(self.scenario.chain, &alternative.authenticator),
            unfit: Vec::new(),
        })
    }

    /// The one that the session knows, if it knows one.
    fn credential(&self, authenticator: &AuthenticatorName) -> String {
        let mut ours = self.scenario.evidence.iter().filter(|evidence| evidence.user == self.scenario.user);
        let known = ours.find(|evidence| evidence.authenticator == *authenticator);
        known.map(|evidence| evidence.credential.clone()).unwrap_or_default()
    }

    fn end(self, reports: Vec<StepReport>, outcome: Outcome) -> Simulation {
        let fate = |(position, report): (usize, StepReport)| {
            let asked = self.asked.get(position).cloned().flatten();
            let fate = match report {
                StepReport::Satisfied { .. } if asked.is_some() => Fate::Runs,
                StepReport::Satisfied { by, at, remembered } => Fate::Satisfied { by, at, remembered },
                StepReport::NotDue { because } => Fate::NotDue { because },
                StepReport::Blocked { because } => Fate::Blocked { because },
                StepReport::Due { .. } => match &outcome {
                    Outcome::Stuck { step, because } if *step == position => Fate::Blocked { because: because.clone() },
                    Outcome::Enrols { step, .. } if *step == position => {
                        Fate::Blocked { because: "one has to be enrolled first".to_owned() }
                    }
                    _ => Fate::NotReached,
                },
            };
            SimulatedStep { fate, asked }
        };
        let steps = reports.into_iter().enumerate().map(fate).collect();
        Simulation { steps, outcome }
    }
}
