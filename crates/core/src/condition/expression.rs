//! The condition `cel`: an expression of the Common Expression Language, for what the other conditions cannot say.
//!
//! It sees these, and nothing else: `client`, `scopes`, `acr_values`, `ip`, `username`, `groups`, `roles`, `known_device`, `now`
//! (seconds since 1970) and `ages` (the seconds since each authenticator last proved something, by its name), and the function
//! `network("10.0.0.0/8")`. What is not known (the groups of nobody) has no value: an expression that needs it has no answer,
//! and its step is due.
//!
//! It is read once, with the chain that it is in, and kept beside its text. A cache of its own, keyed by the text, was not
//! made: it would need a bound and a lock, and a chain is read seldom.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use cel::{Env, ExecutionError, Program, Value, objects::Key};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConditionError, Facts, Fault, in_network, types};

/// An expression, as it was written and as it was read.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
pub struct Expression {
    text: Arc<str>,
    read: Result<Arc<Read>, Fault>,
}

struct Read {
    program: Program,
    uses: Vec<&'static str>,
}

/// What the language has built in.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

impl Expression {
    /// The longest expression that is looked at, in bytes.
    pub const MAX_LENGTH: usize = 1000;
    /// How deep its brackets may be nested: the reader calls itself for each.
    const MAX_NESTING: usize = 16;

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it can be read, and is of the right shape.
    ///
    /// # Errors
    /// What is wrong with it, and at which line and column.
    pub fn check(&self) -> Result<(), Fault> {
        self.read.as_ref().map(drop).map_err(Clone::clone)
    }

    pub(super) fn holds(&self, facts: &Facts<'_>) -> Result<bool, ConditionError> {
        let Read { program, uses } = &**self.read.as_ref().map_err(Clone::clone)?;
        let mut context = cel::Context::with_env(Arc::clone(&LANGUAGE));
        for name in uses {
            if let Some(value) = value(name, facts) {
                context.add_variable_from_value(*name, value);
            }
        }
        let ip = facts.context.ip;
        let network = move |range: Arc<String>| match in_network(ip, &range) {
            Ok(inside) => Ok(Value::Bool(inside)),
            Err(error) => Err(ExecutionError::function_error(types::NETWORK, error)),
        };
        let declared = context.add_function(types::NETWORK, network);
        declared.map_err(|error| ConditionError::Expression(error.to_string()))?;
        match program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(ConditionError::Expression(format!("it is {other:?}"))),
            Err(ExecutionError::UndeclaredReference(name)) => {
                Err(ConditionError::Expression(format!("`{name}` is not known yet")))
            }
            Err(error) => Err(ConditionError::Expression(error.to_string())),
        }
    }
}

impl<T: AsRef<str>> From<T> for Expression {
    fn from(text: T) -> Self {
        let text = text.as_ref();
        Self { read: read(text).map(Arc::new), text: text.into() }
    }
}

fn read(text: &str) -> Result<Read, Fault> {
    let start = |what: String| Fault::Expression { line: 1, column: 1, what };
    if text.len() > Expression::MAX_LENGTH {
        return Err(start(format!("an expression has at most {} bytes", Expression::MAX_LENGTH)));
    }
    if nesting(text) > Expression::MAX_NESTING {
        return Err(start(format!("brackets are nested at most {} deep", Expression::MAX_NESTING)));
    }
    let program = Program::compile(text).map_err(|errors| match errors.errors.first() {
        Some(error) => Fault::Expression {
            line: usize::try_from(error.pos.0).unwrap_or(1).max(1),
            column: usize::try_from(error.pos.1).unwrap_or(1).max(1),
            what: error.msg.clone(),
        },
        None => start("this cannot be read".to_owned()),
    })?;
    let uses = types::check(program.expression(), program.source_info())?;
    Ok(Read { program, uses })
}

/// How deep brackets are nested. Those within quotes count as well: nobody needs sixteen.
fn nesting(text: &str) -> usize {
    let depths = text.chars().scan(0_usize, |depth, c| {
        match c {
            '(' | '[' | '{' => *depth += 1,
            ')' | ']' | '}' => *depth = depth.saturating_sub(1),
            _ => {}
        }
        Some(*depth)
    });
    depths.max().unwrap_or(0)
}

/// Whether a pattern can be read: it is asked of a text of nothing.
pub(super) fn try_pattern(pattern: &str) -> Result<(), String> {
    let mut context = cel::Context::with_env(Arc::clone(&LANGUAGE));
    context.add_variable_from_value("pattern", pattern.to_owned());
    let program = Program::compile("''.matches(pattern)").map_err(|errors| errors.to_string())?;
    program.execute(&context).map(drop).map_err(|error| error.to_string())
}

fn value(name: &str, facts: &Facts<'_>) -> Option<Value> {
    let context = facts.context;
    let list = |names: &[String]| Value::from(names.to_vec());
    Some(match name {
        "client" => Value::from(context.client.as_str().to_owned()),
        "scopes" => list(context.scopes),
        "acr_values" => list(context.acr_values),
        "ip" => Value::from(context.ip?.to_string()),
        "username" => Value::from(context.username?.to_owned()),
        "groups" => list(context.groups?),
        "roles" => list(context.roles?),
        "known_device" => Value::Bool(context.known_device),
        "now" => Value::Int(facts.now.unix_seconds()),
        "ages" => ages(facts)?,
        _ => return None,
    })
}

fn ages(facts: &Facts<'_>) -> Option<Value> {
    let mut ages: HashMap<Key, i64> = HashMap::new();
    for evidence in facts.earlier().ok()? {
        let age = i64::try_from(facts.now.since(evidence.at).as_secs()).unwrap_or(i64::MAX);
        let newest = ages.entry(Key::from(evidence.authenticator.to_string())).or_insert(age);
        *newest = age.min(*newest);
    }
    Some(Value::from(ages))
}

impl From<Expression> for String {
    fn from(expression: Expression) -> Self {
        expression.text.to_string()
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

impl std::fmt::Debug for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.text.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        condition::Context,
        id::{ClientId, InteractionId},
        time::Time,
    };

    fn holds_at(text: &str, ip: [u8; 4], groups: Option<&[String]>) -> Result<bool, ConditionError> {
        let client = ClientId::from("portal");
        let context = Context {
            client: &client,
            scopes: &["openid".to_owned()],
            acr_values: &[],
            ip: Some(ip.into()),
            username: groups.map(|_| "alice"),
            groups,
            roles: groups,
            known_device: true,
        };
        let expression = Expression::from(text);
        expression.check().map_err(ConditionError::from)?;
        expression.holds(&Facts {
            context: &context,
            enrolled: false,
            user: groups.map(|_| crate::id::UserId(Uuid::from_u128(1))),
            evidence: &[],
            not_before: None,
            interaction: InteractionId(Uuid::from_u128(2)),
            now: Time::from_unix_seconds(1000),
        })
    }

    fn holds(text: &str) -> Result<bool, ConditionError> {
        holds_at(text, [10, 0, 0, 1], Some(&["staff".to_owned(), "admins".to_owned()]))
    }

    #[test]
    fn an_expression_sees_the_request_and_the_user() {
        for text in [
            "client == 'portal' && 'openid' in scopes && size(acr_values) == 0",
            "ip == '10.0.0.1' && network('10.0.0.0/8') && !network('192.0.2.0/24')",
            "username.startsWith('al') && 'staff' in groups && !('x' in roles)",
            "known_device && now == 1000 && !('password' in ages)",
            "groups.exists(g, g.startsWith('adm')) && groups.all(g, size(g) > 3) && groups.exists_one(g, g == 'staff')",
            "username.matches('^[a-z]+$') && (now % 2 == 0 ? true : false)",
            "client in ['portal', 'shop'] && !has(ages.password)",
        ] {
            assert_eq!(holds(text), Ok(true), "{text}");
            assert_eq!(holds(&format!("!({text})")), Ok(false), "{text}");
        }
    }

    #[test]
    fn a_048_what_errs_at_run_time_has_no_answer() {
        for text in ["ages['password'] < 60", "ages.password < 60", "1 / (now - 1000) == 1", "groups[7] == 'x'"] {
            assert!(matches!(holds(text), Err(ConditionError::Expression(_))), "{text}: {:?}", holds(text));
        }
        let nobody = |text| holds_at(text, [10, 0, 0, 1], None);
        let unknown = |name: &str| Err(ConditionError::Expression(format!("`{name}` is not known yet")));
        assert_eq!(nobody("!('staff' in groups)"), unknown("groups"));
        assert_eq!(nobody("'password' in ages"), unknown("ages"));
        // What does not hang on it has one.
        assert_eq!(nobody("known_device || 'staff' in groups"), Ok(true));
    }

    #[test]
    fn what_does_not_parse_or_is_of_the_wrong_type_is_refused_with_its_place() {
        for (text, place) in [
            ("client ==", (1, 10)),
            ("known_device &&\n  grups == roles", (2, 3)),
            ("client", (1, 1)),
            ("'ü' == client && client == 1", (1, 25)),
            ("now < '5'", (1, 5)),
            ("network('10.0.0.0/99')", (1, 9)),
            ("network(ip)", (1, 9)),
            ("username.matches('(')", (1, 18)),
            ("username.matches('a{1000}')", (1, 18)),
            ("username.matches(client)", (1, 18)),
            ("groups.exists(g, g.matches('a'))", (1, 28)),
            ("groups.exists(g, roles.exists(r, r == g))", (1, 30)),
            ("size(groups.map(g, g)) > 0", (1, 16)),
            ("groups.exists(now, now == 'a')", (1, 14)),
            ("groups.exists(g, g)", (1, 14)),
            ("environment('PATH') == ''", (1, 12)),
            ("client.password == ''", (1, 7)),
            ("now < 1.5", (1, 7)),
            ("{'a': 1}.a == 1", (1, 1)),
            ("duration('1s') == duration('1s')", (1, 9)),
            ("", (1, 1)),
        ] {
            match Expression::from(text).check() {
                Err(Fault::Expression { line, column, what }) => assert_eq!((line, column), place, "{text}: {what}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn an_expression_is_bounded_in_length_and_in_work() {
        let work = std::thread::Builder::new().stack_size(1 << 20).spawn(|| {
            for piece in [
                "(", "[", "!", "-", "!!(", "a.", "1+", "1?1:", "a&&", "'", "\\", "a[", "f(", "{1:", "\u{0}", "size(",
                "a.b(",
            ] {
                for tail in ["", "1", "a"] {
                    let text = piece.repeat(Expression::MAX_LENGTH / piece.len() - 1) + tail;
                    assert!(Expression::from(text).check().is_err(), "{piece}");
                }
            }
            let long = "now == 1 || ".repeat(300) + "true";
            assert!(Expression::from(long).check().is_err());
            let many = (0..8).map(|_| "username.matches('a')").collect::<Vec<_>>().join(" || ");
            assert!(Expression::from(many).check().is_err());
        });
        work.unwrap().join().unwrap();
    }
}
