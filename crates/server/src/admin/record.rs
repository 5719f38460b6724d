//! The audit event of an admin's change: who, by which face, what, and each field before and after. What must not be read
//! again is masked before it comes here: the views that operations answer with hold no secret, and they are what is
//! compared.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
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
pub struct Change<'a> {
    /// What was done, as `object.verb`: `user.created`.
    pub what: &'a str,
    /// The name or id of what it was done to.
    pub object: String,
    /// The user that it was done to, if it was one.
    pub user: Option<UserId>,
    /// The view before; `Null` when there was nothing.
    pub before: Value,
    /// The view after; `Null` when nothing is left.
    pub after: Value,
}

impl<'a> Change<'a> {
    /// A change of `object` from one view to another.
    pub fn new(what: &'a str, object: impl ToString, before: &impl Serialize, after: &impl Serialize) -> Self {
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

/// Writes a change down, in the transaction that makes it.
///
/// # Errors
/// When the store fails: then nothing is changed either.
pub fn record(
    tx: &mut Transaction,
    actor: &Actor,
    change: &Change<'_>,
    random: &dyn Random,
    now: Time,
) -> StoreResult<()> {
    tx.append_audit(&event(actor, change, random, now))
}

fn event(actor: &Actor, change: &Change<'_>, random: &dyn Random, now: Time) -> AuditEvent {
    let via = match actor.via {
        Via::Console => audit::Via::Console,
        Via::Api => audit::Via::Api,
    };
    let (user, client) = match &actor.who {
        Who::Person { user, .. } => (Some(*user), None),
        Who::Program(client) => (None, Some(client.to_string())),
    };
    let shown = |value: Value| (!value.is_null()).then_some(value);
    let field = |(name, (before, after)): (String, (Value, Value))| {
        audit::Change::new(&name, shown(before), shown(after))
    };
    AuditEvent {
        client,
        user: change.user,
        network: Some(actor.cx.network().as_str().to_owned()),
        request_id: Some(actor.cx.request_id.clone()),
        details: BTreeMap::from([("object".to_owned(), change.object.clone())]),
        actor: Some(audit::Actor { user, username: actor.name(), via }),
        changes: change.fields().into_iter().map(field).collect(),
        ..AuditEvent::new(format!("admin.{}", change.what), now, random)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_written_down() {
        let (before, after) = (json!({ "a": 1, "b": [1], "gone": true }), json!({ "a": 1, "b": [2], "new": "x" }));
        let fields = Change::new("user.changed", "x", &before, &after).fields();
        assert_eq!(fields.keys().collect::<Vec<_>>(), ["b", "gone", "new"]);
        assert_eq!(fields["gone"], (json!(true), Value::Null));
    }
}
