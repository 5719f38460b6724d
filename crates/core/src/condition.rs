//! When a step is due: a flat list of conditions, all of which must hold. "Or" is a second step.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::id::ClientId;

/// One condition of a step, which may be negated with `not = true`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "ConditionTable")]
pub struct Condition {
    /// What is asked.
    #[serde(flatten)]
    pub test: Test,
    /// Whether the answer is turned round.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not: bool,
}

/// What a condition asks. Written as a table with one key: `{ group = "staff" }`, `{ network = "10.0.0.0/8", not = true }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    #[serde(default)]
    not: bool,
}

impl TryFrom<ConditionTable> for Condition {
    type Error = &'static str;

    fn try_from(table: ConditionTable) -> Result<Self, Self::Error> {
        let ConditionTable { group, role, client, scope, network, acr, not } = table;
        let tests = [
            group.map(Test::Group),
            role.map(Test::Role),
            client.map(Test::Client),
            scope.map(Test::Scope),
            network.map(Test::Network),
            acr.map(Test::Acr),
        ];
        let mut tests = tests.into_iter().flatten();
        match (tests.next(), tests.next()) {
            (Some(test), None) => Ok(Self { test, not }),
            (None, _) => Err("a condition asks for a group, role, client, scope, network or acr"),
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
    /// The user's groups and roles; `None` as long as nobody is known.
    pub groups: Option<&'a [String]>,
    /// See `groups`.
    pub roles: Option<&'a [String]>,
}

/// Why a condition has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConditionError {
    /// It asks about the user, and no user is known yet.
    #[error("the user is not known yet")]
    NoUser,
    /// It asks about the network, and no address is known.
    #[error("the browser's address is not known")]
    NoAddress,
    /// Its range is not one.
    #[error("this is not an IP range")]
    BadRange,
}

impl Condition {
    /// Whether the condition holds.
    ///
    /// # Errors
    /// When there is no answer; the caller then treats the step as due.
    pub fn holds(&self, context: &Context<'_>) -> Result<bool, ConditionError> {
        let has = |list: Option<&[String]>, name: &String| Ok(list.ok_or(ConditionError::NoUser)?.contains(name));
        let holds = match &self.test {
            Test::Group(name) => has(context.groups, name)?,
            Test::Role(name) => has(context.roles, name)?,
            Test::Client(name) => context.client.as_str() == name,
            Test::Scope(name) => context.scopes.contains(name),
            Test::Acr(value) => context.acr_values.contains(value),
            Test::Network(range) => {
                let range: IpNet = range.parse().map_err(|_| ConditionError::BadRange)?;
                range.contains(&context.ip.ok_or(ConditionError::NoAddress)?)
            }
        };
        Ok(holds != self.not)
    }
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
            r#"{"not":true}"#,
            "{}",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
