//! Chains: the ordered steps of a service provider, as one document.
//!
//! The simple case is one line, `steps = [["password"], ["totp", "smsotp"]]`: each inner list is a step, each name in it
//! an alternative. Whatever is more than a name is a table.

mod check;
mod demand;
mod length;

use std::{collections::BTreeSet, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{
    check::{ChainFault, ChainProblem, Severity, below_floor, check, check_alternative},
    demand::NoDemand,
    length::{long_messages, sizes},
};
use crate::{
    authenticator::Readiness,
    condition::Condition,
    evidence::{Evidence, FactorClass, Property},
    id::{AuthenticatorName, ChainName, ConnectionName},
    time::Time,
};

/// One published state of a chain. Never changed: an edit makes the next revision, and an interaction keeps the one that it
/// began with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainRevision {
    /// The chain's name.
    pub chain: ChainName,
    /// Counted from 1.
    pub revision: i64,
    /// What the admin wrote.
    #[serde(flatten)]
    pub document: ChainDocument,
}

impl ChainRevision {
    /// The same with further steps behind its own.
    #[must_use]
    pub(crate) fn with_tail(mut self, tail: &[Step]) -> Self {
        self.document.steps.extend_from_slice(tail);
        self
    }
}

/// What an admin writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChainDocument {
    /// The steps, in their order.
    pub steps: Vec<Step>,
    /// Demands on the whole, met by all evidence that counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub demands: Vec<Demand>,
}

/// One door: one or more alternatives, of which one must pass.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "StepForm", into = "StepForm")]
pub struct Step {
    /// The ways to pass it, in the order offered.
    pub alternatives: Vec<Alternative>,
    /// The step is due when all of these hold; always, when there are none.
    pub when: Vec<Condition>,
    /// Whether a credential that an earlier step used counts here again: `true` (the default) means it does not.
    pub distinct: bool,
    /// Whether one of the alternatives may be set up here.
    pub enrol: EnrolPolicy,
    /// For how long a device may be remembered instead of this step; `None` means never.
    pub remember_device: Option<Seconds>,
    /// The step is due only when one of these authentication context classes is asked for.
    pub on_request: Vec<String>,
    /// How long something that came in the place of something else (a changed telephone number) passes the step not yet; `None`
    /// means that it does at once.
    pub cool_off: Option<Seconds>,
}

/// One way to pass a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "AlternativeForm", into = "AlternativeForm")]
pub struct Alternative {
    /// Which authenticator judges it.
    pub authenticator: AuthenticatorName,
    /// What it needs outside, such as an SMS gateway.
    pub connection: Option<ConnectionName>,
    /// Its settings, in the shape of the descriptor's schema.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// How old evidence from an earlier login may be to count here; `None` means as old as the session.
    pub max_age: Option<Seconds>,
}

/// A duration in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Seconds(pub u32);

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Self {
        Self::from_secs(seconds.0.into())
    }
}

/// Whether one of a step's alternatives may be set up on the way. Who has none and may set up one must do so: no policy lets anybody
/// past a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EnrolPolicy {
    /// No: who has none is refused, and told whom to ask.
    #[default]
    Refuse,
    /// Who has none sets one up; who has one may set up another besides.
    Allow,
    /// Who has none sets one up; others are not offered it.
    Require,
}

/// A predicate over all evidence that counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// At least so many different factor classes.
    Factors(usize),
    /// At least one proof that a proxy cannot reuse.
    PhishingResistant,
    /// At least one proof whose device verified its holder.
    UserVerified,
}

impl Demand {
    /// Whether `evidence` meets it.
    pub fn met<'a>(self, evidence: impl Iterator<Item = &'a Evidence> + Clone) -> bool {
        let factors = evidence.clone().flat_map(|e| &e.factors).copied().collect();
        let properties = evidence.flat_map(|e| &e.properties).copied().collect();
        self.met_by(&factors, &properties)
    }

    /// Whether these, proved together, meet it.
    pub fn met_by(self, factors: &BTreeSet<FactorClass>, properties: &BTreeSet<Property>) -> bool {
        match self {
            Self::Factors(wanted) => factors.len() >= wanted,
            Self::PhishingResistant => properties.contains(&Property::PhishingResistant),
            Self::UserVerified => properties.contains(&Property::UserVerified),
        }
    }
}

/// A named authentication context class: a predicate over evidence, not a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acr {
    /// The value of the `acr` claim.
    pub value: &'static str,
    /// All of these must be met.
    pub demands: &'static [Demand],
}

/// The authentication context classes of this server, from the weakest to the strongest.
pub const ACR_VALUES: &[Acr] = &[
    Acr { value: "urn:vestibule:acr:1fa", demands: &[Demand::Factors(1)] },
    Acr { value: "urn:vestibule:acr:2fa", demands: &[Demand::Factors(2)] },
    Acr { value: "urn:vestibule:acr:phr", demands: &[Demand::Factors(2), Demand::PhishingResistant] },
];

/// The forms in which a step may be written.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum StepForm {
    Short(Vec<Alternative>),
    Long(StepTable),
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StepTable {
    alternatives: Vec<Alternative>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    when: Vec<Condition>,
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    distinct: bool,
    #[serde(default, skip_serializing_if = "EnrolPolicy::is_default")]
    enrol: EnrolPolicy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remember_device: Option<Seconds>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    on_request: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cool_off: Option<Seconds>,
}

const fn yes() -> bool {
    true
}

impl EnrolPolicy {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl From<StepForm> for Step {
    fn from(form: StepForm) -> Self {
        let table = match form {
            StepForm::Short(alternatives) => return alternatives.into(),
            StepForm::Long(table) => table,
        };
        let StepTable { alternatives, when, distinct, enrol, remember_device, on_request, cool_off } = table;
        Self { alternatives, when, distinct, enrol, remember_device, on_request, cool_off }
    }
}

impl From<Vec<Alternative>> for Step {
    fn from(alternatives: Vec<Alternative>) -> Self {
        Self {
            alternatives,
            when: Vec::new(),
            distinct: true,
            enrol: EnrolPolicy::default(),
            remember_device: None,
            on_request: Vec::new(),
            cool_off: None,
        }
    }
}

impl Step {
    /// From when on the step takes what came in the place of something else at `changed_at`; `None` when it does by now.
    pub fn takes_from(&self, changed_at: Option<Time>, now: Time) -> Option<Time> {
        not_before(self.cool_off, changed_at, now)
    }

    /// What a way can do here that is `readiness` elsewhere.
    pub(crate) fn cooled(&self, readiness: Readiness, changed_at: Option<Time>, now: Time) -> Readiness {
        match (readiness, self.takes_from(changed_at, now)) {
            (Readiness::Ready { .. }, Some(from)) => Readiness::NotYet { from },
            (readiness, _) => readiness,
        }
    }
}

/// From when on what was changed counts; `None` when it does by now.
pub(crate) fn not_before(cool_off: Option<Seconds>, changed_at: Option<Time>, now: Time) -> Option<Time> {
    let from = changed_at? + cool_off?.into();
    (now < from).then_some(from)
}

impl From<Step> for StepForm {
    fn from(step: Step) -> Self {
        if step == Step::from(step.alternatives.clone()) {
            return Self::Short(step.alternatives);
        }
        let Step { alternatives, when, distinct, enrol, remember_device, on_request, cool_off } = step;
        Self::Long(StepTable { alternatives, when, distinct, enrol, remember_device, on_request, cool_off })
    }
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum AlternativeForm {
    Short(AuthenticatorName),
    Long(AlternativeTable),
}

#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AlternativeTable {
    authenticator: AuthenticatorName,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connection: Option<ConnectionName>,
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    settings: serde_json::Map<String, serde_json::Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<Seconds>,
}

impl Alternative {
    /// An alternative with nothing but its authenticator.
    pub fn plain(authenticator: &str) -> Self {
        Self { authenticator: authenticator.into(), connection: None, settings: serde_json::Map::new(), max_age: None }
    }
}

impl From<AlternativeForm> for Alternative {
    fn from(form: AlternativeForm) -> Self {
        let table = match form {
            AlternativeForm::Short(name) => return Self::plain(name.as_str()),
            AlternativeForm::Long(table) => table,
        };
        let AlternativeTable { authenticator, connection, settings, max_age } = table;
        Self { authenticator, connection, settings, max_age }
    }
}

impl From<Alternative> for AlternativeForm {
    fn from(alternative: Alternative) -> Self {
        let Alternative { authenticator, connection, settings, max_age } = alternative;
        if connection.is_none() && settings.is_empty() && max_age.is_none() {
            return Self::Short(authenticator);
        }
        Self::Long(AlternativeTable { authenticator, connection, settings, max_age })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_simple_case_is_one_line() {
        let written = r#"{"steps":[["password"],["totp",{"authenticator":"smsotp","connection":"SMSOTP"}]]}"#;
        let document: ChainDocument = serde_json::from_str(written).unwrap();
        assert_eq!(document.steps.len(), 2);
        assert!(document.steps.iter().all(|step| step.distinct && step.enrol == EnrolPolicy::Refuse));
        assert_eq!(document.steps[1].alternatives[1].connection, Some("SMSOTP".into()));
        assert_eq!(serde_json::to_string(&document).unwrap(), written);
    }

    #[test]
    fn a_step_with_more_to_say_is_a_table() {
        let written =
            r#"{"steps":[{"alternatives":["password"],"when":[{"network":"10.0.0.0/8","not":true}],"enrol":"allow"}]}"#;
        let document: ChainDocument = serde_json::from_str(written).unwrap();
        assert_eq!(serde_json::to_string(&document).unwrap(), written);
    }

    #[test]
    fn an_unknown_word_is_refused() {
        assert!(
            serde_json::from_str::<ChainDocument>(r#"{"steps":[{"alternatives":["password"],"mandatory":false}]}"#)
                .is_err()
        );
    }
}
