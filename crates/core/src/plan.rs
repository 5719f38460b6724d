//! The plan: which step is due, as a pure function of the chain, the request and the evidence.
//!
//! The engine, the console's simulator and the API's dry run call this one function. It is total (it answers for every
//! input), fails closed (what cannot be decided is due or denied, never skipped) and says why.
//!
//! A step pointer was the road not taken: with one, reload, back, single sign-on, step-up and a crash are five special
//! cases, each of which can be got wrong; without one they are the same question asked again.

mod binding;
mod reaching;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::binding::Binding;
use self::reaching::Goal;
use crate::{
    authenticator::{Readiness, Registry},
    chain::{ACR_VALUES, Alternative, ChainRevision, EnrolPolicy, Step},
    condition::{Context, Facts},
    evidence::{Evidence, Via},
    id::{AuthenticatorName, InteractionId, UserId},
    interaction::AcrClaim,
    time::Time,
};

/// What the plan is made from.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The steps.
    pub chain: &'a ChainRevision,
    /// The authenticators that exist.
    pub registry: &'a Registry,
    /// Who it is about, once somebody proved to be.
    pub user: Option<UserId>,
    /// Everything that was proved, in this run and in the session.
    pub evidence: &'a [Evidence],
    /// What each alternative of each step can do for this user.
    pub availability: &'a Availability,
    /// What conditions look at.
    pub context: &'a Context<'a>,
    /// The authentication context class that the client asked for as a claim; those of `acr_values` are in the context.
    pub acr_claim: Option<&'a AcrClaim>,
    /// A login that ended before this does not count.
    pub not_before: Option<Time>,
    /// The run, whose own evidence passes the step it was given for.
    pub interaction: InteractionId,
    /// How a factor may come to be in this run.
    pub binding: Binding,
    /// The time.
    pub now: Time,
}

impl<'a> Inputs<'a> {
    /// What the conditions of a step are decided from.
    fn facts(&self, step: usize) -> Facts<'a> {
        let Self { context, user, evidence, not_before, interaction, now, .. } = *self;
        let enrolled = self.availability.enrolled(step);
        Facts { context, user, enrolled, evidence, not_before, interaction, now }
    }
}

/// What each alternative of each step can do for a user; what is not listed is unavailable.
#[derive(Clone, Debug, Default)]
pub struct Availability(pub Vec<Vec<Readiness>>);

impl Availability {
    /// Every alternative of `chain` is ready.
    pub fn all_ready(chain: &ChainRevision) -> Self {
        let ready = Readiness::Ready { target: None };
        Self(chain.document.steps.iter().map(|s| vec![ready.clone(); s.alternatives.len()]).collect())
    }

    /// Whether the user has one of a step's alternatives. One that nobody can pass at present may be had: it counts, so that a
    /// gateway in trouble spares nobody a step.
    pub fn enrolled(&self, step: usize) -> bool {
        let had = |readiness: &Readiness| {
            matches!(readiness, Readiness::Ready { .. } | Readiness::NotYet { .. } | Readiness::Broken { .. })
        };
        self.0.get(step).is_none_or(|row| row.iter().any(had))
    }

    /// When what the user has of an authenticator came in the place of something else, as far as a step of the chain is not yet
    /// passed with it.
    pub(crate) fn changed_at(&self, chain: &ChainRevision, name: &AuthenticatorName) -> Option<Time> {
        chain.document.steps.iter().enumerate().find_map(|(position, step)| {
            let own = step.alternatives.iter().position(|alternative| alternative.authenticator == *name)?;
            match self.of(position, own) {
                Readiness::NotYet { from } => Some(from - step.cool_off?.into()),
                _ => None,
            }
        })
    }

    /// What one alternative can do.
    pub fn of(&self, step: usize, alternative: usize) -> Readiness {
        let unknown = || Readiness::Broken { why: "not looked up".to_owned() };
        self.0.get(step).and_then(|s| s.get(alternative)).cloned().unwrap_or_else(unknown)
    }
}

/// The plan: what comes next, and why, step by step.
#[derive(Debug)]
pub struct Plan {
    /// What comes next.
    pub next: Next,
    /// A line for each step.
    pub steps: Vec<StepReport>,
    /// The positions of the alternatives of the step that is asked, that its person has not and may set up besides, once every
    /// step is passed.
    pub besides: Vec<usize>,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// This step is due; these of its alternatives can pass it.
    Ask {
        /// The position of the step.
        step: usize,
        /// The positions of the alternatives, in the order offered; never empty.
        alternatives: Vec<usize>,
    },
    /// This step is due, and the person has to enrol one of these first.
    Enrol {
        /// The position of the step.
        step: usize,
        /// The positions of the alternatives that can be enrolled; never empty.
        alternatives: Vec<usize>,
    },
    /// Every due step passed.
    Done(Completed),
    /// This request cannot be granted.
    Deny(Denial),
}

/// The step that is due, and how it can be passed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its position.
    pub step: usize,
    /// The positions of the alternatives, in the order offered.
    pub alternatives: Vec<usize>,
    /// Whether it is passed by enrolling one of them.
    pub enrolling: bool,
}

impl Next {
    /// The step that is due.
    pub fn due(self) -> Option<Due> {
        match self {
            Self::Ask { step, alternatives } => Some(Due { step, alternatives, enrolling: false }),
            Self::Enrol { step, alternatives } => Some(Due { step, alternatives, enrolling: true }),
            Self::Done(_) | Self::Deny(_) => None,
        }
    }
}

/// The proof that every due step passed. Only [`plan`] makes one, and a grant needs one: before the last factor there is
/// nothing that a code could be made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    user: UserId,
    acr: Option<&'static str>,
    amr: BTreeSet<String>,
    auth_time: Time,
    remembered: bool,
}

impl Completed {
    /// For whom.
    pub fn user(&self) -> UserId {
        self.user
    }

    /// The authentication context class reached: of those asked for the one preferred, otherwise the strongest.
    pub fn acr(&self) -> Option<&'static str> {
        self.acr
    }

    /// The authentication method references of the evidence that counted (RFC 8176).
    pub fn amr(&self) -> &BTreeSet<String> {
        &self.amr
    }

    /// When the person authenticated: the end of the earliest login whose evidence counted. Never before the limit that the
    /// client set by `max_age` or `prompt=login`.
    pub fn auth_time(&self) -> Time {
        self.auth_time
    }

    /// Whether a remembered device stood in for a step.
    pub fn remembered(&self) -> bool {
        self.remembered
    }
}

/// Why a request cannot be granted. For the log and the client; the person reads plainer words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "why")]
pub enum Denial {
    /// The service provider's chain does not exist.
    #[error("there is no chain `{chain}`")]
    NoChain {
        /// Its name.
        chain: String,
    },
    /// The chain has no steps, or none is due and nothing was proved in person: that would be a login without a proof.
    #[error("no step of the chain is due")]
    NothingDue,
    /// A due step names an authenticator that does not exist.
    #[error("step {step} names the unknown authenticator `{authenticator}`")]
    UnknownAuthenticator {
        /// Counted from 1.
        step: usize,
        /// Its name.
        authenticator: String,
    },
    /// The user cannot pass a due step.
    #[error("no alternative of step {step} is open to this user: {why}")]
    NoAlternative {
        /// Counted from 1.
        step: usize,
        /// What each alternative lacks.
        #[serde(rename = "reason")]
        why: String,
    },
    /// What the user would pass a due step with is new in the place of something else, and the step has a cool-off.
    #[error("what the user could pass step {step} with was changed a short time ago")]
    NotYet {
        /// Counted from 1.
        step: usize,
        /// From then on it can be used.
        #[schemars(with = "i64")]
        from: Time,
    },
    /// A due step has no alternative that works at present, for anybody: a connection is missing, disabled or broken.
    #[error("no alternative of step {step} works at present: {why}")]
    Broken {
        /// Counted from 1.
        step: usize,
        /// What is wrong with each alternative.
        #[serde(rename = "reason")]
        why: String,
    },
    /// Every step passed, but together they do not meet a demand of the chain.
    #[error("the chain's demands are not met")]
    DemandNotMet,
    /// Every step passed, but the authentication context class asked for is not reached.
    #[error("none of the requested acr values was reached")]
    AcrNotReached,
    /// The user is disabled, or gone.
    #[error("the user may not act")]
    MayNotAct,
    /// The client asked for somebody else.
    #[error("the client asked for another user")]
    OtherUser,
    /// The client is not for this user, says the protocol.
    #[error("the client is not for this user")]
    NotAdmitted,
}

/// What the plan says of one step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum StepReport {
    /// It has to be passed.
    Due {
        /// Why it could not be decided that it is not due, where a condition erred.
        #[serde(skip_serializing_if = "Option::is_none")]
        condition_error: Option<String>,
    },
    /// It passed, by this authenticator's evidence.
    Satisfied {
        /// Which.
        by: String,
        /// When.
        at: Time,
        /// Whether a remembered device stood in.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
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
}

/// Decides what comes next. A remembered device spares a step and never costs a login: where what it stands for is not
/// enough (alone, or for what is demanded), the step is asked as if there were no device.
pub fn plan(inputs: &Inputs<'_>) -> Plan {
    let plan = fresh_enough(inputs);
    let besides = match plan.next {
        Next::Ask { step, .. } => binding::besides(step, inputs),
        Next::Enrol { .. } | Next::Done(_) | Next::Deny(_) => Vec::new(),
    };
    Plan { besides, ..plan }
}

fn fresh_enough(inputs: &Inputs<'_>) -> Plan {
    let plan = with_device(inputs);
    // What a browser proved this morning is no reason to bind a factor to the account now.
    let limit = inputs.now - binding::FRESH;
    if matches!(plan.next, Next::Enrol { .. }) && inputs.not_before.is_none_or(|before| before < limit) {
        return with_device(&Inputs { not_before: Some(limit), ..*inputs });
    }
    plan
}

fn with_device(inputs: &Inputs<'_>) -> Plan {
    let plan = planned(inputs);
    let too_weak = matches!(plan.next, Next::Deny(Denial::NothingDue | Denial::DemandNotMet | Denial::AcrNotReached));
    if !too_weak || !inputs.evidence.iter().any(of_device) {
        return plan;
    }
    let in_person: Vec<Evidence> = inputs.evidence.iter().filter(|evidence| !of_device(evidence)).cloned().collect();
    planned(&Inputs { evidence: &in_person, ..*inputs })
}

fn of_device(evidence: &Evidence) -> bool {
    evidence.via == Via::TrustedDevice
}

fn planned(inputs: &Inputs<'_>) -> Plan {
    let steps = &inputs.chain.document.steps;
    // A class asked for as a claim makes steps due as one of `acr_values` does.
    let acr_values: Vec<String> = named(inputs).cloned().collect();
    let context = Context { acr_values: &acr_values, ..inputs.context.clone() };
    let asked = Inputs { context: &context, ..*inputs };
    let mut reports = Vec::with_capacity(steps.len());
    let mut counted: Vec<&Evidence> = Vec::new();
    let mut next = None;
    for (position, step) in steps.iter().enumerate() {
        let adds = [inputs.binding.adds, inputs.binding.renews].contains(&Some(position));
        let (report, outcome) = match due(position, step, &asked) {
            Err(because) => (StepReport::NotDue { because }, None),
            Ok(condition_error) if adds => match binding::given(position, inputs) {
                Some(evidence) => satisfied(evidence, &mut counted),
                None => not_passed(binding::open(position, step, inputs, &counted), condition_error),
            },
            Ok(condition_error) => match satisfying(position, step, inputs, &counted) {
                Some(evidence) if !Goal::of(inputs, position, &counted).missed_by(step, evidence) => {
                    satisfied(evidence, &mut counted)
                }
                given => not_passed(open(position, step, inputs, &counted, given.is_some()), condition_error),
            },
        };
        reports.push(report);
        // The first step that is not passed decides; the rest is reported all the same.
        next = next.or(outcome);
    }
    Plan { next: next.unwrap_or_else(|| finish(inputs, &counted)), steps: reports, besides: Vec::new() }
}

fn satisfied<'a>(evidence: &'a Evidence, counted: &mut Vec<&'a Evidence>) -> (StepReport, Option<Next>) {
    counted.push(evidence);
    let (by, remembered) = (evidence.authenticator.to_string(), of_device(evidence));
    (StepReport::Satisfied { by, at: evidence.at, remembered }, None)
}

fn not_passed(open: Result<Next, Denial>, condition_error: Option<String>) -> (StepReport, Option<Next>) {
    match open {
        Ok(next) => (StepReport::Due { condition_error }, Some(next)),
        Err(denial) => (StepReport::Blocked { because: denial.to_string() }, Some(Next::Deny(denial))),
    }
}

/// Whether a step is due: `Ok` with the condition's error where there was one, or `Err` with the reason why not.
fn due(position: usize, step: &Step, inputs: &Inputs<'_>) -> Result<Option<String>, String> {
    let asked = |value: &String| inputs.context.acr_values.contains(value);
    if !step.on_request.is_empty() && !step.on_request.iter().any(asked) {
        return Err("no authentication context class that needs it was asked for".to_owned());
    }
    let mut error = None;
    let facts = inputs.facts(position);
    for condition in &step.when {
        match condition.holds(&facts) {
            Ok(true) => {}
            Ok(false) => return Err(format!("a condition does not hold: {condition:?}")),
            // What cannot be decided is due.
            Err(err) => error = Some(err.to_string()),
        }
    }
    Ok(error)
}

/// Every authentication context class asked for, what must be reached first, then in the client's order.
fn named<'a>(inputs: &Inputs<'a>) -> impl Iterator<Item = &'a String> + use<'a> {
    let (values, claim) = (inputs.context.acr_values, inputs.acr_claim);
    let claimed = move |essential| claim.into_iter().filter(move |c| c.essential == essential).flat_map(|c| &c.values);
    claimed(true).chain(values).chain(claimed(false))
}

/// The evidence that passes a step: what was given for it in this run, else the weakest of what was proved before that will
/// do, so that stronger evidence is left for later steps.
fn satisfying<'a>(position: usize, step: &Step, inputs: &Inputs<'a>, counted: &[&'a Evidence]) -> Option<&'a Evidence> {
    let user = inputs.user?;
    let free = |evidence: &&Evidence| {
        let used = |earlier: &&Evidence| {
            earlier.authenticator == evidence.authenticator && earlier.credential == evidence.credential
        };
        !step.distinct || !counted.iter().any(used)
    };
    let counts = |evidence: &&'a Evidence| {
        evidence.user == user
            && late_enough(evidence, inputs)
            && step.takes_from(evidence.changed_at, inputs.now).is_none()
            && (!of_device(evidence) || remembers(step, evidence, inputs.now))
            && step.alternatives.iter().any(|alternative| passes(alternative, evidence, inputs))
    };
    let own = |evidence: &&Evidence| evidence.interaction == inputs.interaction && evidence.step == position;
    let candidates = || inputs.evidence.iter().filter(counts).filter(free);
    candidates().filter(own).max_by_key(|evidence| evidence.at).or_else(|| {
        let last = |e: &&Evidence| (e.factors.len(), e.properties.len(), of_device(e), e.at);
        candidates().min_by_key(last)
    })
}

/// Whether a step lets a device stand in with `evidence`: for as long as it says itself, whatever was promised elsewhere.
fn remembers(step: &Step, evidence: &Evidence, now: Time) -> bool {
    step.remember_device.is_some_and(|age| evidence.fresh(age.into(), now))
}

/// Whether `evidence` is of a login that the client's limit lets count. What counts is when that login ended, which is also what
/// `auth_time` says: measured by the first step, a client would be refused for a login that is no older than it allows.
fn late_enough(evidence: &Evidence, inputs: &Inputs<'_>) -> bool {
    let this_run = evidence.interaction == inputs.interaction && !of_device(evidence);
    this_run || inputs.not_before.is_none_or(|limit| login_ended(evidence, inputs) >= limit)
}

/// Whether `evidence` does what `alternative` would have asked for.
fn passes(alternative: &Alternative, evidence: &Evidence, inputs: &Inputs<'_>) -> bool {
    let Some(authenticator) = inputs.registry.get(&alternative.authenticator) else { return false };
    let descriptor = authenticator.descriptor();
    let fresh = alternative.max_age.is_none_or(|age| evidence.fresh(age.into(), inputs.now));
    // An authenticator that proves no factor (a code to a mailbox that can reset the password) is met by itself alone:
    // every evidence covers nothing.
    let same = evidence.authenticator == alternative.authenticator;
    let enough = evidence.covers(&descriptor.factors, &descriptor.properties);
    fresh && !evidence.unfit.contains(alternative) && if descriptor.factors.is_empty() { same } else { enough }
}

/// Whether an alternative of a step that is not passed was passed for this very step in this run: to ask for the same again would
/// be to ask for ever. What has become too old since is another matter, and is asked for once more.
fn spent(position: usize, alternative: &Alternative, inputs: &Inputs<'_>) -> bool {
    let given = |evidence: &&Evidence| {
        evidence.interaction == inputs.interaction && evidence.step == position && !of_device(evidence)
    };
    inputs.evidence.iter().filter(given).any(|evidence| {
        Some(evidence.user) == inputs.user
            && evidence.authenticator == alternative.authenticator
            && alternative.max_age.is_none_or(|age| evidence.fresh(age.into(), inputs.now))
    })
}

/// How a due step can be passed. `again` when an earlier login would pass it, were that not too little for what was asked.
fn open(position: usize, step: &Step, inputs: &Inputs<'_>, counted: &[&Evidence], again: bool) -> Result<Next, Denial> {
    let number = position + 1;
    let unknown = step.alternatives.iter().find(|a| inputs.registry.get(&a.authenticator).is_none());
    if let Some(alternative) = unknown {
        let authenticator = alternative.authenticator.to_string();
        return Err(Denial::UnknownAuthenticator { step: number, authenticator });
    }
    let (mut ready, mut enrollable, mut lacking, mut broken) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut not_yet = BTreeSet::new();
    for (index, alternative) in step.alternatives.iter().enumerate() {
        if spent(position, alternative, inputs) {
            let why = "what was given for it does not count: an earlier step used it up, or it proves too little";
            lacking.push(format!("{}: {why}", alternative.authenticator));
            continue;
        }
        match inputs.availability.of(position, index) {
            Readiness::Ready { .. } => ready.push(index),
            Readiness::CanEnrol if binding::possible(alternative, inputs) => enrollable.push(index),
            Readiness::CanEnrol => lacking.push(format!("{}: the user has none", alternative.authenticator)),
            Readiness::NotYet { from } => drop(not_yet.insert(from)),
            Readiness::Unavailable { why } => lacking.push(format!("{}: {why}", alternative.authenticator)),
            Readiness::Broken { why } => broken.push(format!("{}: {why}", alternative.authenticator)),
        }
    }
    let ready = match Goal::of(inputs, position, counted).offered(step, &ready) {
        Some(leading) => leading,
        // To ask for what was proved before would lead nowhere.
        None if again && !ready.is_empty() => return Err(Denial::AcrNotReached),
        None => ready,
    };
    let may_enrol = step.enrol != EnrolPolicy::Refuse && position > 0;
    if may_enrol && !enrollable.is_empty() && !binding::allowed(inputs, counted) {
        not_yet.extend(binding::allowed_from(inputs, counted));
    }
    // To set up another way at once would be the way round the cool-off.
    let may_enrol = may_enrol && not_yet.is_empty() && binding::allowed(inputs, counted);
    match () {
        () if !ready.is_empty() => Ok(Next::Ask { step: position, alternatives: ready }),
        () if may_enrol && !enrollable.is_empty() => Ok(Next::Enrol { step: position, alternatives: enrollable }),
        // Our trouble is said first: with it mended the person might have had a way.
        () if !broken.is_empty() => Err(Denial::Broken { step: number, why: broken.join("; ") }),
        () if let Some(from) = not_yet.first() => Err(Denial::NotYet { step: number, from: *from }),
        () => {
            let none = enrollable.iter().filter_map(|i| step.alternatives.get(*i));
            lacking.extend(none.map(|a| format!("{}: the user has none", a.authenticator)));
            Err(Denial::NoAlternative { step: number, why: lacking.join("; ") })
        }
    }
}

/// What follows when no step is left.
fn finish(inputs: &Inputs<'_>, counted: &[&Evidence]) -> Next {
    let evidence = || counted.iter().copied();
    // What a device stands for was proved at another time: it says nothing of when and how this person authenticated.
    let in_person: Vec<&Evidence> = evidence().filter(|evidence| !of_device(evidence)).collect();
    let auth_time = in_person.iter().map(|evidence| login_ended(evidence, inputs)).min();
    let (Some(user), Some(auth_time)) = (inputs.user, auth_time) else {
        return Next::Deny(Denial::NothingDue);
    };
    if !inputs.chain.document.demands.iter().all(|demand| demand.met(evidence())) {
        return Next::Deny(Denial::DemandNotMet);
    }
    let reached: Vec<&'static str> = ACR_VALUES
        .iter()
        .filter(|acr| acr.demands.iter().all(|demand| demand.met(in_person.iter().copied())))
        .map(|acr| acr.value)
        .collect();
    // A value that this server does not know is a wish of no meaning here (OpenID Connect Core, section 3.1.2.1: a
    // voluntary claim). One that it knows is a demand (RFC 9470, section 5).
    let known = |value: &&String| ACR_VALUES.iter().any(|acr| acr.value == value.as_str());
    let mut asked = inputs.context.acr_values.iter().filter(known).peekable();
    if asked.peek().is_some() && !asked.any(|value| reached.contains(&value.as_str())) {
        return Next::Deny(Denial::AcrNotReached);
    }
    let reaches = |value: &String| reached.iter().copied().find(|acr| *acr == value.as_str());
    // As an essential claim even one that is not known here has to be reached (section 5.5.1.1): nobody does, so it is refused.
    let essential = inputs.acr_claim.filter(|claim| claim.essential && !claim.values.is_empty());
    if essential.is_some_and(|claim| !claim.values.iter().any(|value| reaches(value).is_some())) {
        return Next::Deny(Denial::AcrNotReached);
    }
    // The client compares with what it asked for, so it is told that and not something stronger (section 5.5.1.1; RFC 9470,
    // section 6).
    let acr = named(inputs).find_map(reaches).or(reached.last().copied());
    let amr = in_person.iter().flat_map(|e| e.amr.iter().cloned()).collect();
    let remembered = in_person.len() < counted.len();
    Next::Done(Completed { user, acr, amr, auth_time, remembered })
}

/// When the login ended in which `evidence` was given: a login ends with its last step, so the steps of one run share its time.
fn login_ended(evidence: &Evidence, inputs: &Inputs<'_>) -> Time {
    let run = |e: &Evidence| (e.user, e.interaction, of_device(e));
    let same_login = |other: &&Evidence| !of_device(evidence) && run(other) == run(evidence);
    inputs.evidence.iter().filter(same_login).map(|other| other.at).max().unwrap_or(evidence.at)
}
