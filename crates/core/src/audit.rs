//! Audit events: what happened, for people who must be able to tell later. Never a secret, a code or a whole number.
//!
//! An event is appended in the transaction of what it tells of, and is never changed. A moment later it is sealed into a
//! [`chain`], so that whoever edits the database is found out, and only then given to those outside who listen. Which
//! kinds there are is a list of its own ([`kinds`]), published as a JSON Schema ([`schema`]). It is read page by page
//! ([`page`]).
//!
//! To seal in the transaction that appends was not taken: every login of every instance would wait for the one before,
//! since each link needs the last.

pub mod chain;
pub mod kinds;
pub mod page;
pub mod schema;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    id::{AuditId, UserId},
    random::Random,
    time::Time,
};

/// What stands where a secret would: that it changed may be told, what it is may not.
pub const MASKED: &str = "•••";

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: Time,
    /// What, such as `otp.sent` or `code.replayed`: one of [`kinds`].
    pub kind: String,
    /// The service provider that it concerns.
    pub client: Option<String>,
    /// The user that it concerns.
    pub user: Option<UserId>,
    /// Where it came from.
    pub network: Option<String>,
    /// The request's id, as in the log.
    pub request_id: Option<String>,
    /// More, by name; masked where it must be.
    pub details: BTreeMap<String, String>,
    /// Who did it, where that is an admin and not the user themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<Actor>,
    /// What an admin changed, field by field.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// Who changed something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    /// The user that they are; none where nobody signed in, as on the command line, or where a client acted for itself.
    pub user: Option<UserId>,
    /// Their name as it was then, or the `client_id`, or the account of the machine.
    pub username: String,
    /// How they came in.
    pub via: Via,
}

/// How an actor came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The admin console.
    Console,
    /// The admin API.
    Api,
    /// A command on the machine.
    Cli,
    /// A declaration in a file.
    File,
    /// Nobody: the server itself did it, such as when it took up what a newer version begins with.
    Server,
}

/// One field of an object before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Its dotted path, such as `settings.url`.
    pub field: String,
    /// What it was; none when the object or the field was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is now; none when it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl Change {
    /// A field that changed.
    pub fn new(field: &str, before: Option<Value>, after: Option<Value>) -> Self {
        Self { field: field.to_owned(), before, after }
    }

    /// A secret that changed: [`MASKED`] stands for it on either side where there was one.
    pub fn masked(field: &str, before: bool, after: bool) -> Self {
        let shown = |there: bool| there.then(|| Value::from(MASKED));
        Self::new(field, shown(before), shown(after))
    }
}

impl AuditEvent {
    /// An event of which nothing is told yet but what and when.
    pub fn new(kind: impl Into<String>, now: Time, random: &dyn Random) -> Self {
        Self {
            id: AuditId::new(now, random),
            at: now,
            kind: kind.into(),
            client: None,
            user: None,
            network: None,
            request_id: None,
            details: BTreeMap::new(),
            actor: None,
            changes: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn an_event_of_before_actors_and_changes_is_read_and_an_ordinary_one_is_written_as_then() {
        let old = r#"{"id":"018bcfe5-6800-7000-8000-000000000000","at":1,"kind":"otp.sent","client":"shop","user":null,"network":null,"request_id":null,"details":{}}"#;
        let event: AuditEvent = serde_json::from_str(old).unwrap();
        assert_eq!((event.actor.as_ref(), event.changes.len()), (None, 0));
        assert_eq!(serde_json::to_string(&event).unwrap(), old);
    }

    #[test]
    fn a_masked_change_says_only_that_there_was_one() {
        let event = AuditEvent {
            actor: Some(Actor { user: None, username: "root".to_owned(), via: Via::Cli }),
            changes: vec![Change::masked("settings.password", false, true)],
            ..AuditEvent::new("admin.connection.created", Time(1), &SystemRandom::default())
        };
        let json = serde_json::to_value(&event).unwrap();
        assert_eq!(json["changes"], serde_json::json!([{ "field": "settings.password", "after": MASKED }]));
        assert_eq!(json["actor"]["via"], "cli");
        assert_eq!(serde_json::from_value::<AuditEvent>(json).unwrap(), event);
    }
}
