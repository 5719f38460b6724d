//! The audit event of an admin's change, by a click, a request, a command or a file: who, by which way, what, and each field
//! before and after. What must not be read
//! again is masked before it comes here: the views that operations answer with hold no secret, and they are what is
//! compared.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use vestibule_authn_smsotp::parse_number;
use vestibule_core::{
    audit::{self, AuditEvent},
    id::UserId,
    random::Random,
    store::StoreResult,
    time::Time,
};

use super::{Actor, Via, Who};
use crate::state::Transaction;

/// A change about to be recorded.
pub struct Change {
    /// What was done, as `object.verb`: `user.created`.
    pub what: &'static str,
    /// The name or id of what it was done to.
    pub object: String,
    /// The user that it was done to, if it was one.
    pub user: Option<UserId>,
    /// The view before; `Null` when there was nothing.
    pub before: Value,
    /// The view after; `Null` when nothing is left.
    pub after: Value,
}

impl Change {
    /// A change of `object` from one view to another.
    pub fn new(
        what: &'static str,
        object: &(impl ToString + ?Sized),
        before: &impl Serialize,
        after: &impl Serialize,
    ) -> Self {
        let value = |view: Result<Value, serde_json::Error>| view.unwrap_or_default();
        Self {
            what,
            object: object.to_string(),
            user: None,
            before: value(serde_json::to_value(before)),
            after: value(serde_json::to_value(after)),
        }
    }

    /// The user that it is done to.
    #[must_use]
    pub fn about(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// The fields that differ, each with what it was and what it is.
    pub fn fields(&self) -> BTreeMap<String, (Value, Value)> {
        let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
        let (before, after) = (fields(&self.before), fields(&self.after));
        let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
        let of = |map: &serde_json::Map<String, Value>, name: &str| map.get(name).cloned().unwrap_or_default();
        let pairs = names.into_iter().map(|name| {
            let pair = (of(&before, &name), of(&after, &name));
            (name, pair)
        });
        pairs.filter(|(_, (before, after))| before != after).collect()
    }
}

/// Who did it, as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    actor: audit::Actor,
    client: Option<String>,
    network: Option<String>,
    request_id: Option<String>,
}

impl By {
    /// Somebody at the machine, under the name of their account there.
    pub fn account(name: impl Into<String>, via: audit::Via) -> Self {
        let actor = audit::Actor { user: None, username: name.into(), via };
        Self { actor, client: None, network: None, request_id: None }
    }

    /// This server, by itself.
    pub fn server() -> Self {
        Self::account("vestibule", audit::Via::Server)
    }

    /// Writes down what they did, in the transaction that does it.
    ///
    /// # Errors
    /// When the store fails: then nothing is changed either.
    pub fn record(&self, tx: &mut Transaction, told: Told, random: &dyn Random, now: Time) -> StoreResult<()> {
        let By { actor, client, network, request_id } = self.clone();
        let changes = told.changes.into_iter().map(without_number).collect();
        tx.append_audit(&AuditEvent {
            client,
            user: told.user,
            network,
            request_id,
            details: BTreeMap::from([("object".to_owned(), told.object)]),
            actor: Some(actor),
            changes,
            ..AuditEvent::new(format!("{}{}", audit::kinds::ADMIN, told.what), now, random)
        })
    }
}

impl Default for By {
    fn default() -> Self {
        Self::account("cli", audit::Via::Cli)
    }
}

impl From<&Actor> for By {
    fn from(actor: &Actor) -> Self {
        let via = match actor.via {
            Via::Console => audit::Via::Console,
            Via::Api => audit::Via::Api,
        };
        let (user, client) = match &actor.who {
            Who::Person { user, .. } => (Some(*user), None),
            Who::Program(client) => (None, Some(client.to_string())),
        };
        Self {
            actor: audit::Actor { user, username: actor.name(), via },
            client,
            network: Some(actor.cx.network().as_str().to_owned()),
            request_id: Some(actor.cx.request_id.clone()),
        }
    }
}

/// What was done, ready for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What was done, as `object.verb`: `user.created`.
    pub what: &'static str,
    /// The name or id of what it was done to.
    pub object: String,
    /// The user that it was done to, if it was one.
    pub user: Option<UserId>,
    /// The fields that differ; secrets are masked.
    pub changes: Vec<audit::Change>,
}

impl From<&Change> for Told {
    fn from(change: &Change) -> Self {
        let shown = |value: Value| (!value.is_null()).then_some(value);
        let field =
            |(name, (before, after)): (String, (Value, Value))| audit::Change::new(&name, shown(before), shown(after));
        let changes = change.fields().into_iter().map(field).collect();
        Self { what: change.what, object: change.object.clone(), user: change.user, changes }
    }
}

/// The log holds no whole telephone number.
fn without_number(change: audit::Change) -> audit::Change {
    if change.field != "phone_number" {
        return change;
    }
    let masked = |value: Value| {
        let number = value.as_str().and_then(|text| parse_number(text, None).ok());
        Value::from(number.map_or_else(|| audit::MASKED.to_owned(), |number| number.masked()))
    };
    audit::Change { before: change.before.map(masked), after: change.after.map(masked), ..change }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_telephone_number_is_not_told_whole() {
        let told = |value: Value| without_number(audit::Change::new("phone_number", None, Some(value))).after.unwrap();
        let number = told(json!("+12025550142"));
        assert!(number.as_str().unwrap().ends_with("42") && !number.to_string().contains("5550"), "{number}");
        assert_eq!(told(json!("nonsense")), audit::MASKED);
    }

    #[test]
    fn only_what_differs_is_written_down() {
        let (before, after) = (json!({ "a": 1, "b": [1], "gone": true }), json!({ "a": 1, "b": [2], "new": "x" }));
        let fields = Change::new("user.changed", "x", &before, &after).fields();
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["b", "gone", "new"]);
        assert_eq!(fields["gone"], (json!(true), Value::Null));
    }
}
