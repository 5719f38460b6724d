//! What is wrong with a chain as it is written, and where: asked when a draft is shown, when a chain is published and when a
//! declaration is applied.
//!
//! A pure function over the document and what it names. Each problem has a JSON Pointer (RFC 6901) into the long form of the
//! document, so that a form can say it at the field; what can be decided of every run is decided here, and what cannot
//! (this user has no phone) is the simulator's.
//!
//! All ways through a chain are not walked one by one: what they can prove is a set of factor classes and properties, of which
//! there are 64, so the sets that a chain can end with are carried from step to step, with what was used up on the way.

use std::collections::BTreeSet;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ACR_VALUES, Alternative, ChainDocument, Demand, Step};
use crate::{
    authenticator::{Authenticator, Descriptor, Opening, Registry},
    channel::Connection,
    condition::{Condition, EvidenceAge, Fault, Test},
    evidence::{FactorClass, Property},
    id::AuthenticatorName,
    prompt::Text,
};

/// Something that is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChainProblem {
    /// Where, such as `/steps/1/alternatives/0/connection`.
    pub pointer: String,
    /// How bad it is.
    pub severity: Severity,
    /// What, for a person.
    pub text: Text,
    /// The same in English, for machines and logs.
    pub detail: String,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The chain cannot be published.
    Error,
    /// It can, and somebody should look.
    Warning,
}

/// What can be wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// It has no steps: everybody would pass, were it not refused.
    #[error("a chain needs at least one step")]
    NoSteps,
    /// A step has no alternatives: nobody could pass it.
    #[error("the step has no alternatives: nobody could pass it")]
    NoAlternatives,
    /// There is no such authenticator.
    #[error("there is no authenticator {name:?}")]
    UnknownAuthenticator {
        /// What is written.
        name: String,
    },
    /// The settings are not in the authenticator's schema.
    #[error("{why}")]
    Settings {
        /// The setting, and why.
        why: String,
    },
    /// The authenticator needs a connection, and none is named.
    #[error("{authenticator} needs a connection")]
    NeedsConnection {
        /// Which.
        authenticator: String,
        /// Of which kind.
        kind: &'static str,
    },
    /// The authenticator uses no connection, and one is named.
    #[error("{authenticator} uses no connection")]
    NeedsNoConnection {
        /// Which.
        authenticator: String,
    },
    /// There is no such connection.
    #[error("there is no connection {connection:?}")]
    UnknownConnection {
        /// What is written.
        connection: String,
    },
    /// The connection is of another kind.
    #[error("the connection {connection:?} is of kind {kind}, and {wanted} is needed")]
    WrongKind {
        /// Which.
        connection: String,
        /// What it is.
        kind: String,
        /// What is needed.
        wanted: &'static str,
    },
    /// The connection is disabled.
    #[error("the connection {connection:?} is disabled")]
    DisabledConnection {
        /// Which.
        connection: String,
    },
    /// A condition is not written as it should be.
    #[error(transparent)]
    Condition(#[from] Fault),
    /// Two conditions of a step never hold together.
    #[error("this never holds together with condition {with} of the step: the step never runs")]
    Contradiction {
        /// The other one, counted from 1.
        with: usize,
    },
    /// The step waits for an authentication context class that it excludes.
    #[error("the step runs only for authentication context classes that it excludes: it never runs")]
    ExcludedAcr,
    /// There is no such authentication context class.
    #[error("{value:?} is no authentication context class of this server")]
    UnknownAcr {
        /// What is written.
        value: String,
    },
    /// Whatever passes an earlier step passes this one too.
    #[error("whatever passes step {step} passes this step as well: it is never asked")]
    AlreadyProved {
        /// The earlier one, counted from 1.
        step: usize,
    },
    /// Whoever comes to the step has used up what could pass it.
    #[error("nobody can pass this step: whatever could was used by an earlier step, and nobody has it twice")]
    UsedUp,
    /// The step has the same single way as an earlier one, and the same credential does not count twice.
    #[error("step {step} asks for the same: who has one such credential cannot pass both")]
    SameAgain {
        /// The earlier one, counted from 1.
        step: usize,
    },
    /// No way through the chain meets a demand.
    #[error("no way through the chain meets this demand")]
    DemandNotReachable,
    /// Somebody may come through with less than the policy of this server demands.
    #[error("somebody may come through with less than the policy demands: {demand}")]
    BelowFloor {
        /// What is demanded.
        demand: Demand,
    },
    /// The step may be the first, and none of its alternatives says who somebody is.
    #[error("no alternative of this step can tell who somebody is: the first step needs one that asks for the name")]
    NobodyKnown,
    /// The first step hangs on who the user is.
    #[error(
        "this asks who the user is, and nobody is known yet: the step is asked of everybody, and may then count for nothing"
    )]
    AsksTheUserFirst,
    /// Every step has a condition.
    #[error("every step has conditions: who meets none of them is refused")]
    MayAskNothing,
    /// A message is paid for more than once.
    #[error(
        "the message in the language {language} has up to {characters} characters and is sent, and paid for, as {parts}{}",
        if *wide { ": a character of it is not in the alphabet of text messages, so there is room for 70 and not 160" } else { "" }
    )]
    LongMessage {
        /// In which language; `*` is any other.
        language: String,
        /// How many characters it has at its longest.
        characters: usize,
        /// How many messages are paid for.
        parts: usize,
        /// Whether a character takes more room than the usual.
        wide: bool,
    },
}

impl ChainFault {
    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            // It can be enabled again, and the chain need not change for that.
            Self::DisabledConnection { .. }
            | Self::AlreadyProved { .. }
            | Self::SameAgain { .. }
            | Self::AsksTheUserFirst
            | Self::MayAskNothing
            | Self::LongMessage { .. } => Severity::Warning,
            _ => Severity::Error,
        }
    }

    /// The same for a person.
    pub fn text(&self) -> Text {
        let text = |kind: &str| Text::new(&format!("chain.problem.{kind}"));
        match self {
            Self::NoSteps => text("no_steps"),
            Self::NoAlternatives => text("no_alternatives"),
            Self::UnknownAuthenticator { name } => text("unknown_authenticator").with("authenticator", name),
            Self::Settings { why } => text("settings").with("why", why),
            Self::NeedsConnection { authenticator, kind } => {
                text("needs_connection").with("authenticator", authenticator).with("kind", kind)
            }
            Self::NeedsNoConnection { authenticator } => {
                text("needs_no_connection").with("authenticator", authenticator)
            }
            Self::UnknownConnection { connection } => text("unknown_connection").with("connection", connection),
            Self::WrongKind { connection, kind, wanted } => {
                text("wrong_kind").with("connection", connection).with("kind", kind).with("wanted", wanted)
            }
            Self::DisabledConnection { connection } => text("disabled_connection").with("connection", connection),
            Self::Condition(fault) => fault.text(),
            Self::Contradiction { with } => text("contradiction").with("with", with),
            Self::ExcludedAcr => text("excluded_acr"),
            Self::UnknownAcr { value } => text("unknown_acr").with("acr", value),
            Self::AlreadyProved { step } => text("already_proved").with("step", step),
            Self::UsedUp => text("used_up"),
            Self::SameAgain { step } => text("same_again").with("step", step),
            Self::DemandNotReachable => text("demand_not_reachable"),
            Self::BelowFloor { demand } => text("below_floor").with("demand", demand),
            Self::NobodyKnown => text("nobody_known"),
            Self::AsksTheUserFirst => text("asks_the_user_first"),
            Self::MayAskNothing => text("may_ask_nothing"),
            Self::LongMessage { language, characters, parts, wide } => {
                let kind = if *wide { "wide_message" } else { "long_message" };
                text(kind).with("language", language).with("characters", characters).with("parts", parts)
            }
        }
    }

    /// The problem that it is at a place of the document.
    pub(super) fn at(self, pointer: impl Into<String>) -> ChainProblem {
        let (severity, text, detail) = (self.severity(), self.text(), self.to_string());
        ChainProblem { pointer: pointer.into(), severity, text, detail }
    }

    /// Which part of an alternative it is about, as the rest of a JSON Pointer.
    fn in_alternative(&self) -> &'static str {
        match self {
            Self::UnknownAuthenticator { .. } => "/authenticator",
            Self::Settings { .. } => "/settings",
            _ => "/connection",
        }
    }
}

/// Checks one alternative by itself: the authenticator, its settings, and whether a connection is named where one is needed.
///
/// # Errors
/// What is wrong.
pub fn check_alternative(alternative: &Alternative, registry: &Registry) -> Result<(), ChainFault> {
    let name = alternative.authenticator.to_string();
    let Some(authenticator) = registry.get(&alternative.authenticator) else {
        return Err(ChainFault::UnknownAuthenticator { name });
    };
    authenticator.check_settings(&alternative.settings).map_err(|why| ChainFault::Settings { why })?;
    match (authenticator.descriptor().connection, &alternative.connection) {
        (Some(kind), None) => Err(ChainFault::NeedsConnection { authenticator: name, kind }),
        (None, Some(_)) => Err(ChainFault::NeedsNoConnection { authenticator: name }),
        _ => Ok(()),
    }
}

/// Everything that is wrong with a chain, in the order of the document. `floor` is what every chain of this server has to
/// demand or to reach.
pub fn check(
    document: &ChainDocument,
    registry: &Registry,
    connections: &[Connection],
    floor: Option<&[Demand]>,
) -> Vec<ChainProblem> {
    let (ways, used_up) = ways(document, registry);
    let mut check = Check { document, registry, connections, ways, used_up, problems: Vec::new() };
    if document.steps.is_empty() {
        check.say("/steps", ChainFault::NoSteps);
        return check.problems;
    }
    for (position, step) in document.steps.iter().enumerate() {
        check.step(position, step);
    }
    check.first_step();
    check.demands(floor.unwrap_or_default());
    check.problems
}

/// What of `floor` the weakest way through a chain does not reach. What the chain demands itself is refused at run time, so
/// that a way without it is none.
pub fn below_floor(document: &ChainDocument, registry: &Registry, floor: &[Demand]) -> Vec<Demand> {
    let (mut ways, _) = ways(document, registry);
    ways.retain(|way| document.demands.iter().all(|demand| way.meets(*demand)));
    missed(&ways, floor)
}

fn missed(ways: &BTreeSet<Way<'_>>, floor: &[Demand]) -> Vec<Demand> {
    floor.iter().copied().filter(|demand| !ways.iter().all(|way| way.meets(*demand))).collect()
}

/// What comes of a way through the chain: ways of which the same comes are one.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Way<'a> {
    /// What it proves.
    factors: BTreeSet<FactorClass>,
    properties: BTreeSet<Property>,
    /// What it used of which nobody has a second.
    used: BTreeSet<&'a AuthenticatorName>,
    /// Whether a step was passed at all: of a login without one nothing comes.
    passed: bool,
}

struct Check<'a> {
    document: &'a ChainDocument,
    registry: &'a Registry,
    connections: &'a [Connection],
    ways: BTreeSet<Way<'a>>,
    used_up: BTreeSet<usize>,
    problems: Vec<ChainProblem>,
}

impl<'a> Check<'a> {
    fn say(&mut self, pointer: impl Into<String>, fault: impl Into<ChainFault>) {
        self.problems.push(fault.into().at(pointer));
    }

    fn step(&mut self, position: usize, step: &'a Step) {
        let here = format!("/steps/{position}");
        if step.alternatives.is_empty() {
            self.say(format!("{here}/alternatives"), ChainFault::NoAlternatives);
        }
        for (index, alternative) in step.alternatives.iter().enumerate() {
            let checked = check_alternative(alternative, self.registry).and_then(|()| self.connection(alternative));
            if let Err(fault) = checked {
                self.say(format!("{here}/alternatives/{index}{}", fault.in_alternative()), fault);
            }
        }
        for (index, condition) in step.when.iter().enumerate() {
            if let Err(fault) = condition.check() {
                self.say(format!("{here}/when/{index}{}", fault.pointer()), fault);
            }
            let earlier = step.when.iter().take(index).position(|other| excludes(condition, other));
            if let Some(other) = earlier {
                self.say(format!("{here}/when/{index}"), ChainFault::Contradiction { with: other + 1 });
            }
        }
        for (index, value) in step.on_request.iter().enumerate() {
            if !ACR_VALUES.iter().any(|acr| acr.value == value) {
                self.say(format!("{here}/on_request/{index}"), ChainFault::UnknownAcr { value: value.clone() });
            }
        }
        if excludes_what_it_waits_for(step) {
            self.say(format!("{here}/on_request"), ChainFault::ExcludedAcr);
        }
        let used_up = self.used_up.contains(&position).then_some(ChainFault::UsedUp);
        if let Some(fault) = used_up.or_else(|| self.already(position, step)) {
            self.say(here, fault);
        }
    }

    fn connection(&self, alternative: &Alternative) -> Result<(), ChainFault> {
        let Some(name) = &alternative.connection else { return Ok(()) };
        let connection = name.to_string();
        let Some(found) = self.connections.iter().find(|connection| connection.name == *name) else {
            return Err(ChainFault::UnknownConnection { connection });
        };
        match self.descriptor(alternative).and_then(|descriptor| descriptor.connection) {
            Some(wanted) if wanted != found.kind => {
                Err(ChainFault::WrongKind { connection, kind: found.kind.clone(), wanted })
            }
            _ if found.disabled => Err(ChainFault::DisabledConnection { connection }),
            _ => Ok(()),
        }
    }

    fn descriptor(&self, alternative: &Alternative) -> Option<&'a Descriptor> {
        self.registry.get(&alternative.authenticator).map(|authenticator| authenticator.descriptor())
    }

    fn descriptors(&self, step: &'a Step) -> impl Iterator<Item = &'a Descriptor> {
        step.alternatives.iter().filter_map(|alternative| self.descriptor(alternative))
    }

    /// Whether an earlier step, which always runs, makes this one pointless or impossible.
    fn already(&self, position: usize, step: &Step) -> Option<ChainFault> {
        let earlier = self.document.steps.iter().take(position).enumerate();
        earlier.filter(|(_, earlier)| always_runs(earlier) && !earlier.alternatives.is_empty()).find_map(
            |(at, earlier)| {
                let covered = |alternative| {
                    let given = self.descriptor(alternative);
                    given.is_some_and(|given| step.alternatives.iter().any(|wanted| self.covers(given, wanted)))
                };
                if !step.distinct {
                    return earlier
                        .alternatives
                        .iter()
                        .all(covered)
                        .then_some(ChainFault::AlreadyProved { step: at + 1 });
                }
                let [only] = step.alternatives.as_slice() else { return None };
                let same = earlier.alternatives.iter().all(|other| other.authenticator == only.authenticator);
                same.then_some(ChainFault::SameAgain { step: at + 1 })
            },
        )
    }

    /// Whether evidence of `given` passes `wanted`, by the rule of the plan.
    fn covers(&self, given: &Descriptor, wanted: &Alternative) -> bool {
        let Some(descriptor) = self.descriptor(wanted) else { return false };
        let enough =
            given.factors.is_superset(&descriptor.factors) && given.properties.is_superset(&descriptor.properties);
        if descriptor.factors.is_empty() { given.name == descriptor.name } else { enough }
    }

    /// Whoever comes is not known: the first step that runs has to find out who it is.
    fn first_step(&mut self) {
        for (position, step) in self.document.steps.iter().enumerate().filter(|(_, step)| !never_runs(step)) {
            let knows = self.descriptors(step).any(|descriptor| descriptor.opening == Opening::Free);
            if !knows && self.descriptors(step).next().is_some() {
                self.say(format!("/steps/{position}/alternatives"), ChainFault::NobodyKnown);
            }
            for (index, condition) in step.when.iter().enumerate() {
                if condition.asks_the_user() {
                    self.say(format!("/steps/{position}/when/{index}"), ChainFault::AsksTheUserFirst);
                }
            }
            // What cannot be decided is due: a step that asks nothing but who the user is runs for everybody.
            if step.on_request.is_empty() && step.when.iter().all(Condition::asks_the_user) {
                break;
            }
        }
        if !self.document.steps.iter().any(always_runs) {
            self.say("/steps", ChainFault::MayAskNothing);
        }
    }

    fn demands(&mut self, floor: &[Demand]) {
        let mut left = std::mem::take(&mut self.ways);
        for (index, demand) in self.document.demands.iter().enumerate() {
            left.retain(|way| way.meets(*demand));
            if left.is_empty() {
                self.say(format!("/demands/{index}"), ChainFault::DemandNotReachable);
                return;
            }
        }
        for demand in missed(&left, floor) {
            self.say("/demands", ChainFault::BelowFloor { demand });
        }
    }
}

impl<'a> Way<'a> {
    fn meets(&self, demand: Demand) -> bool {
        demand.met_by(&self.factors, &self.properties)
    }

    /// The same way and then this, if that can be.
    fn then(&self, authenticator: &'a dyn Authenticator, distinct: bool) -> Option<Self> {
        let given = authenticator.descriptor();
        let own = authenticator.one_each().then_some(&given.name);
        let used = &self.used;
        (!(distinct && own.is_some_and(|own| used.contains(own)))).then(|| Self {
            factors: &self.factors | &given.factors,
            properties: &self.properties | &given.properties,
            used: used.iter().copied().chain(own).collect(),
            passed: true,
        })
    }
}

/// What the ways through the chain come to, and the steps that nobody can pass in a login of its own, since every way to them
/// uses up what they ask for. What may not be due is passed by, whatever its conditions are: the weakest way is one of these.
fn ways<'a>(document: &'a ChainDocument, registry: &'a Registry) -> (BTreeSet<Way<'a>>, BTreeSet<usize>) {
    let (mut ways, mut used_up) = (BTreeSet::from([Way::default()]), BTreeSet::new());
    for (position, step) in document.steps.iter().enumerate().filter(|(_, step)| !never_runs(step)) {
        let known: Vec<_> = step.alternatives.iter().filter_map(|way| registry.get(&way.authenticator)).collect();
        let passed = |way: &Way<'a>| known.iter().filter_map(|one| way.then(*one, step.distinct)).collect::<Vec<_>>();
        let mut after: BTreeSet<Way<'a>> = ways.iter().flat_map(passed).collect();
        if after.is_empty() {
            // One without alternatives is another fault.
            used_up.extend((!known.is_empty()).then_some(position));
        } else if always_runs(step) {
            ways = after;
        } else {
            ways.append(&mut after);
        }
    }
    ways.retain(|way| way.passed);
    (ways, used_up)
}

fn always_runs(step: &Step) -> bool {
    step.when.is_empty() && step.on_request.is_empty()
}

fn never_runs(step: &Step) -> bool {
    let contradicts = |(index, condition)| step.when.iter().take(index).any(|other| excludes(condition, other));
    step.when.iter().enumerate().any(contradicts) || excludes_what_it_waits_for(step)
}

fn excludes_what_it_waits_for(step: &Step) -> bool {
    let excluded = |value: &String| step.when.iter().any(|c| c.not && c.test == Test::Acr(value.clone()));
    !step.on_request.is_empty() && step.on_request.iter().all(excluded)
}

/// Whether two conditions never hold together, as far as that can be told from what they say.
fn excludes(a: &Condition, b: &Condition) -> bool {
    if a.test == b.test {
        return a.not != b.not;
    }
    match (&a.test, a.not, &b.test, b.not) {
        (Test::Client(_), false, Test::Client(_), false) => true,
        // They differ, so they contradict each other unless one is turned round.
        (Test::KnownDevice(_), a, Test::KnownDevice(_), b) | (Test::Enrolled(_), a, Test::Enrolled(_), b) => a == b,
        (Test::Network(a), false, Test::Network(b), false) => {
            ranges(a, b).is_some_and(|(a, b)| !a.contains(&b) && !b.contains(&a))
        }
        (Test::Network(inside), false, Test::Network(outside), true)
        | (Test::Network(outside), true, Test::Network(inside), false) => {
            ranges(inside, outside).is_some_and(|(inside, outside)| outside.contains(&inside))
        }
        (Test::EvidenceAge(older), false, Test::EvidenceAge(younger), true)
        | (Test::EvidenceAge(younger), true, Test::EvidenceAge(older), false) => age_excludes(older, younger),
        _ => false,
    }
}

fn ranges(a: &str, b: &str) -> Option<(IpNet, IpNet)> {
    a.parse().ok().zip(b.parse().ok())
}

/// Whether nothing is older than the one and not older than the other.
fn age_excludes(older: &EvidenceAge, younger: &EvidenceAge) -> bool {
    older.authenticator == younger.authenticator && younger.older_than <= older.older_than
}
