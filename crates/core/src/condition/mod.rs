//! When a step is due: a flat list of conditions, all of which must hold. "Or" is a second step, or an expression.
//!
//! What a condition says is kept as it was written, so that a draft with a mistake in it can be shown again with the mistake
//! named ([`Condition::check`]); what cannot be decided when it matters is an error, and an error makes the step due.

mod expression;
mod types;
mod window;

use std::{net::IpAddr, time::Duration};

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::{expression::Expression, window::Window};
use crate::{
    chain::Seconds,
    evidence::{Evidence, Via},
    id::{AuthenticatorName, ClientId, InteractionId, UserId},
    prompt::Text,
    time::Time,
};

/// One condition of a step, which may be negated with `not = true`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "ConditionTable")]
#[schemars(!try_from, deny_unknown_fields)]
pub struct Condition {
    /// What is asked.
    #[serde(flatten)]
    pub test: Test,
    /// Whether the answer is turned round.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not: bool,
}

/// What a condition asks. Written as a table with one key: `{ group = "staff" }`, `{ network = "10.0.0.0/8", not = true }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// The user is in this group.
    Group(String),
    /// The user has this role.
    Role(String),
    /// The request comes from this service provider.
    Client(String),
    /// The request asks for this scope.
    Scope(String),
    /// The browser's address lies in this range.
    Network(String),
    /// The request asks for this authentication context class.
    Acr(String),
    /// Whether the device is one that was remembered for the user.
    KnownDevice(bool),
    /// Whether the user has one of the step's alternatives. What nobody can tell at the moment (a gateway is switched off) counts as
    /// had, so that trouble of ours opens no door.
    Enrolled(bool),
    /// It is a time of day, and a day of the week.
    Time(Window),
    /// What was proved before this run is older than so long.
    EvidenceAge(EvidenceAge),
    /// An expression is true.
    Cel(Expression),
}

/// The newest evidence from before this run, of the user or of one authenticator, is older than so long. Where there is
/// none, it is older than anything.
///
/// Evidence of the run itself does not count: a step that was due because the last proof was old would no longer be due once
/// it was passed, and what was proved in it would be worth nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceAge {
    /// So long.
    pub older_than: Seconds,
    /// Of this authenticator alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticator: Option<AuthenticatorName>,
}

/// The form in which a condition is written. Read by hand because a flattened enum passes over what it does not know: of a
/// mistyped `not` nothing would be left, and the step would be due in exactly the wrong places.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionTable {
    group: Option<String>,
    role: Option<String>,
    client: Option<String>,
    scope: Option<String>,
    network: Option<String>,
    acr: Option<String>,
    known_device: Option<bool>,
    enrolled: Option<bool>,
    time: Option<Window>,
    evidence_age: Option<EvidenceAge>,
    cel: Option<Expression>,
    #[serde(default)]
    not: bool,
}

impl TryFrom<ConditionTable> for Condition {
    type Error = &'static str;

    fn try_from(table: ConditionTable) -> Result<Self, Self::Error> {
        let ConditionTable {
            group,
            role,
            client,
            scope,
            network,
            acr,
            known_device,
            enrolled,
            time,
            evidence_age,
            cel,
            not,
        } = table;
        let tests = [
            group.map(Test::Group),
            role.map(Test::Role),
            client.map(Test::Client),
            scope.map(Test::Scope),
            network.map(Test::Network),
            acr.map(Test::Acr),
            known_device.map(Test::KnownDevice),
            enrolled.map(Test::Enrolled),
            time.map(Test::Time),
            evidence_age.map(Test::EvidenceAge),
            cel.map(Test::Cel),
        ];
        let mut tests = tests.into_iter().flatten();
        match (tests.next(), tests.next()) {
            (Some(test), None) => Ok(Self { test, not }),
            (None, _) => Err(
                "a condition asks for a group, role, client, scope, network, acr, known_device, enrolled, time, evidence_age or cel",
            ),
            (Some(_), Some(_)) => Err("a condition asks one thing; what must hold besides is another condition"),
        }
    }
}

/// What conditions look at. Kept as text where it comes from outside: what cannot be read is an error, and an error
/// makes the step due.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The service provider.
    pub client: &'a ClientId,
    /// The scopes asked for.
    pub scopes: &'a [String],
    /// The authentication context classes asked for.
    pub acr_values: &'a [String],
    /// The browser's address; `None` when it is not known.
    pub ip: Option<IpAddr>,
    /// The name that the user signs in with; `None` as long as nobody is known.
    pub username: Option<&'a str>,
    /// The user's groups and roles; `None` as long as nobody is known.
    pub groups: Option<&'a [String]>,
    /// See `groups`.
    pub roles: Option<&'a [String]>,
    /// Whether the device is one that was remembered for the user.
    pub known_device: bool,
}

/// All that a condition is decided from: the context, the time, and what was proved before this run.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The request and the user.
    pub context: &'a Context<'a>,
    /// Who was proved to be there.
    pub user: Option<UserId>,
    /// Whether the user has one of the step's alternatives, as far as anybody can tell.
    pub enrolled: bool,
    /// Everything that was proved.
    pub evidence: &'a [Evidence],
    /// A login that ended before this does not count.
    pub not_before: Option<Time>,
    /// The run, whose own evidence has no age.
    pub interaction: InteractionId,
    /// The time.
    pub now: Time,
}

impl<'a> Facts<'a> {
    /// What counts of what was proved before this run. A device that stood in proved nothing.
    fn earlier(self) -> Result<impl Iterator<Item = &'a Evidence>, ConditionError> {
        let user = self.user.ok_or(ConditionError::NoUser)?;
        let proved = move |e: &&Evidence| e.user == user && e.via != Via::TrustedDevice;
        // As everywhere: a login counts from its end.
        let ended = move |run| self.evidence.iter().filter(proved).filter(|e| e.interaction == run).map(|e| e.at).max();
        let counts = move |e: &&Evidence| {
            proved(e)
                && e.interaction != self.interaction
                && self.not_before.is_none_or(|limit| ended(e.interaction) >= Some(limit))
        };
        Ok(self.evidence.iter().filter(counts))
    }
}

/// Why a condition has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// It asks about the user, and no user is known yet.
    #[error("the user is not known yet")]
    NoUser,
    /// It asks about the network, and no address is known.
    #[error("the browser's address is not known")]
    NoAddress,
    /// It is not written as it should be.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The expression has no answer.
    #[error("the expression has no answer: {0}")]
    Expression(String),
}

/// What is wrong with a condition as it is written; said when a chain is saved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its range is not one.
    #[error("this is not an IP range")]
    BadRange,
    /// A time of day is not one.
    #[error("{value:?} is no time of day: it is written 08:00, up to 24:00")]
    BadMinute {
        /// `from` or `to`.
        field: &'static str,
        /// What is written.
        value: String,
    },
    /// A day is not one.
    #[error("{value:?} is no day: they are mon, tue, wed, thu, fri, sat and sun")]
    BadDay {
        /// What is written.
        value: String,
    },
    /// There is no such time zone.
    #[error("{value:?} is no time zone: one is written as Europe/Berlin or Etc/UTC")]
    BadZone {
        /// What is written.
        value: String,
    },
    /// The window has no length.
    #[error("the time begins and ends in the same minute")]
    EmptyWindow,
    /// The clock shows a time that no calendar has.
    #[error("the time is out of the calendar")]
    BadTime,
    /// The expression cannot be read, or is of the wrong shape.
    #[error("line {line}, column {column}: {what}")]
    Expression {
        /// Counted from 1.
        line: usize,
        /// Counted from 1, in characters.
        column: usize,
        /// What is wrong.
        what: String,
    },
}

impl Fault {
    /// Which part of the condition it is about, as the rest of a JSON Pointer.
    pub fn pointer(&self) -> &'static str {
        match self {
            Self::BadRange => "/network",
            Self::BadMinute { field: "from", .. } => "/time/from",
            Self::BadMinute { .. } | Self::EmptyWindow => "/time/to",
            Self::BadDay { .. } => "/time/days",
            Self::BadZone { .. } => "/time/zone",
            Self::BadTime => "/time",
            Self::Expression { .. } => "/cel",
        }
    }

    /// The same for a person.
    pub fn text(&self) -> Text {
        match self {
            Self::BadRange => Text::new("condition.fault.network"),
            Self::BadMinute { value, .. } => Text::new("condition.fault.minute").with("value", value),
            Self::BadDay { value } => Text::new("condition.fault.day").with("value", value),
            Self::BadZone { value } => Text::new("condition.fault.zone").with("value", value),
            Self::EmptyWindow => Text::new("condition.fault.window"),
            Self::BadTime => Text::new("condition.fault.time"),
            Self::Expression { line, column, what } => {
                Text::new("condition.fault.cel").with("line", line).with("column", column).with("what", what)
            }
        }
    }
}

impl Condition {
    /// Whether the condition holds.
    ///
    /// # Errors
    /// When there is no answer; the caller then treats the step as due.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, ConditionError> {
        let context = facts.context;
        let has = |list: Option<&[String]>, name| list.map(|list| list.contains(name)).ok_or(ConditionError::NoUser);
        let holds = match &self.test {
            Test::Group(name) => has(context.groups, name)?,
            Test::Role(name) => has(context.roles, name)?,
            Test::Client(name) => context.client.as_str() == name,
            Test::Scope(name) => context.scopes.contains(name),
            Test::Acr(value) => context.acr_values.contains(value),
            Test::Network(range) => in_network(context.ip, range)?,
            Test::KnownDevice(known) => context.known_device == *known,
            Test::Enrolled(wanted) => facts.user.map(|_| facts.enrolled == *wanted).ok_or(ConditionError::NoUser)?,
            Test::Time(window) => window.open(facts.now)?,
            Test::EvidenceAge(age) => age.holds(facts)?,
            Test::Cel(expression) => expression.holds(facts)?,
        };
        Ok(holds != self.not)
    }

    /// Whether it is written as it should be.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn check(&self) -> Result<(), Fault> {
        match &self.test {
            Test::Network(range) => range.parse::<IpNet>().map(drop).map_err(|_| Fault::BadRange),
            Test::Time(window) => window.check(),
            Test::Cel(expression) => expression.check(),
            _ => Ok(()),
        }
    }

    /// Whether it asks who the user is: as long as nobody is known it has no answer.
    pub(crate) fn asks_the_user(&self) -> bool {
        matches!(self.test, Test::Group(_) | Test::Role(_) | Test::Enrolled(_) | Test::EvidenceAge(_))
    }

    /// How it reads, as the rest of a sentence that begins with "when": `condition.network` is "on the network {network}",
    /// `condition.network.not` is "not on the network {network}".
    pub fn sentence(&self) -> Text {
        let (kind, args): (_, Vec<(_, String)>) = match &self.test {
            Test::Group(name) => ("group", vec![("group", name.clone())]),
            Test::Role(name) => ("role", vec![("role", name.clone())]),
            Test::Client(name) => ("client", vec![("client", name.clone())]),
            Test::Scope(name) => ("scope", vec![("scope", name.clone())]),
            Test::Network(range) => ("network", vec![("network", range.clone())]),
            Test::Acr(value) => ("acr", vec![("acr", value.clone())]),
            Test::KnownDevice(_) => ("known_device", vec![]),
            Test::Enrolled(_) => ("enrolled", vec![]),
            Test::Time(Window { from, to, days, zone }) => {
                let kind = if days.is_empty() { "time" } else { "time_on_days" };
                let args = [("from", from), ("to", to), ("zone", zone), ("days", &days.join(", "))];
                (kind, args.map(|(name, value)| (name, value.clone())).into())
            }
            Test::EvidenceAge(EvidenceAge { older_than, authenticator: None }) => {
                ("evidence_age", vec![("seconds", older_than.0.to_string())])
            }
            Test::EvidenceAge(EvidenceAge { older_than, authenticator: Some(name) }) => {
                ("evidence_age_of", vec![("seconds", older_than.0.to_string()), ("authenticator", name.to_string())])
            }
            Test::Cel(expression) => ("cel", vec![("expression", expression.as_str().to_owned())]),
        };
        // "On a device that is not known" is the same said in two ways.
        let turned = matches!(self.test, Test::KnownDevice(false) | Test::Enrolled(false));
        let not = self.not != turned;
        let key = format!("condition.{kind}{}", if not { ".not" } else { "" });
        args.into_iter().fold(Text::new(&key), |text, (name, value)| text.with(name, value))
    }
}

impl EvidenceAge {
    fn holds(&self, facts: &Facts<'_>) -> Result<bool, ConditionError> {
        let ours =
            |evidence: &&Evidence| self.authenticator.as_ref().is_none_or(|name| *name == evidence.authenticator);
        let newest = facts.earlier()?.filter(ours).map(|evidence| evidence.at).max();
        Ok(newest.is_none_or(|at| facts.now.since(at) > Duration::from(self.older_than)))
    }
}

fn in_network(ip: Option<IpAddr>, range: &str) -> Result<bool, ConditionError> {
    let range: IpNet = range.parse().map_err(|_| Fault::BadRange)?;
    Ok(range.contains(&ip.ok_or(ConditionError::NoAddress)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_asks_one_thing_and_a_mistyped_word_is_refused() {
        let read = |text: &str| serde_json::from_str::<Condition>(text);
        let inside = Test::Network("10.0.0.0/8".to_owned());
        let outside = Condition { test: inside, not: true };
        assert_eq!(read(r#"{"network":"10.0.0.0/8","not":true}"#).unwrap(), outside);
        assert_eq!(read(&serde_json::to_string(&outside).unwrap()).unwrap(), outside);
        for bad in [
            r#"{"network":"10.0.0.0/8","nto":true}"#,
            r#"{"network":"10.0.0.0/8","group":"staff"}"#,
            r#"{"netwrok":"10.0.0.0/8"}"#,
            r#"{"time":{"from":"08:00","to":"18:00","zone":"Etc/UTC","day":["mon"]}}"#,
            r#"{"time":{"from":"08:00","to":"18:00"}}"#,
            r#"{"evidence_age":{"authenticator":"smsotp"}}"#,
            r#"{"evidence_age":{"older_than":60,"older":1}}"#,
            r#"{"known_device":"yes"}"#,
            r#"{"cel":"true","known_device":true}"#,
            r#"{"not":true}"#,
            "{}",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_kind_is_written_as_it_was_read() {
        for written in [
            r#"{"known_device":true,"not":true}"#,
            r#"{"enrolled":true}"#,
            r#"{"time":{"from":"08:00","to":"18:00","days":["mon","tue"],"zone":"Europe/Berlin"}}"#,
            r#"{"evidence_age":{"older_than":900,"authenticator":"smsotp"}}"#,
            r#"{"cel":"'staff' in groups","not":true}"#,
        ] {
            let condition: Condition = serde_json::from_str(written).unwrap();
            assert_eq!(condition.check(), Ok(()), "{written}");
            assert_eq!(serde_json::to_string(&condition).unwrap(), written);
        }
    }

    #[test]
    fn a_condition_reads_as_a_sentence() {
        let sentence = |text: &str| serde_json::from_str::<Condition>(text).unwrap().sentence();
        let network = Text::new("condition.network.not").with("network", "10.0.0.0/8");
        assert_eq!(sentence(r#"{"network":"10.0.0.0/8","not":true}"#), network);
        assert_eq!(sentence(r#"{"known_device":false}"#), Text::new("condition.known_device.not"));
        assert_eq!(sentence(r#"{"known_device":false,"not":true}"#), Text::new("condition.known_device"));
        let age = Text::new("condition.evidence_age_of").with("seconds", 900).with("authenticator", "smsotp");
        assert_eq!(sentence(r#"{"evidence_age":{"older_than":900,"authenticator":"smsotp"}}"#), age);
    }
}
