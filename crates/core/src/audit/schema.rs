//! The JSON Schema of an event as a sink gives it, for those who read the log with a program.

use serde_json::{Value, json};

use super::kinds::KINDS;

/// The schema (JSON Schema 2020-12).
pub fn schema() -> Value {
    let kinds: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
    let text = |meaning: &str| json!({ "type": "string", "description": meaning });
    let perhaps = |meaning: &str| json!({ "type": ["string", "null"], "description": meaning });
    let user = |meaning: &str| json!({ "type": ["string", "null"], "format": "uuid", "description": meaning });
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An audit event of Vestibule",
        "type": "object",
        "required": ["seq", "mac", "id", "at", "kind", "client", "user", "network", "request_id", "details"],
        "properties": {
            "seq": { "type": "integer", "minimum": 1, "description": "Its number: one more than that of the event before, without a gap. Who has seen a number needs it no second time." },
            "mac": text("The keyed hash that seals it and all before it, in base64url."),
            "id": { "type": "string", "format": "uuid", "description": "Its id." },
            "at": { "type": "integer", "description": "When: microseconds since the Unix epoch." },
            "kind": { "description": "What happened.", "anyOf": [
                { "enum": kinds },
                { "pattern": "^admin\\.[a-z_]+\\.[a-z_]+$", "description": "An admin's change: the object and the verb." },
                { "type": "string", "description": "A kind that a later version knows." },
            ] },
            "client": perhaps("The client_id of the service provider that it concerns."),
            "user": user("The user that it concerns."),
            "network": perhaps("Where it came from: an IPv4 address, or the /64 of an IPv6 address."),
            "request_id": perhaps("The request's id, as in the log and on error pages."),
            "details": { "type": "object", "additionalProperties": { "type": "string" }, "description": "More, by name; never a secret." },
            "actor": {
                "type": "object",
                "description": "Who did it, where that is an admin.",
                "required": ["user", "username", "via"],
                "properties": {
                    "user": user("The user that they are; null where nobody signed in."),
                    "username": text("Their name as it was then, the client_id, or the account of the machine."),
                    "via": { "enum": ["console", "api", "cli", "file", "server"], "description": "How they came in." },
                },
            },
            "changes": {
                "type": "array",
                "description": "What an admin changed, field by field.",
                "items": {
                    "type": "object",
                    "required": ["field"],
                    "properties": {
                        "field": text("The dotted path of the field."),
                        "before": { "description": "What it was; missing when it was not there. A secret is written as •••." },
                        "after": { "description": "What it is now; missing when it is gone. A secret is written as •••." },
                    },
                },
            },
            "unproven": { "const": true, "description": "There when the server cannot tell that it wrote the row: somebody put it into the database or changed it before it was sealed, or it is of a version that left no proof." },
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        Time,
        audit::{Actor, AuditEvent, Change, Via},
        random::SystemRandom,
    };

    fn names(value: &Value) -> BTreeSet<&str> {
        value.as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn the_schema_has_every_field_of_an_event_and_no_other() {
        let event = AuditEvent {
            actor: Some(Actor { user: None, username: "ada".to_owned(), via: Via::Api }),
            changes: vec![Change::masked("secret", true, true)],
            ..AuditEvent::new("admin.client.changed", Time(1), &SystemRandom::default())
        };
        let (event, schema) = (serde_json::to_value(&event).unwrap(), schema());
        let mut known = names(&schema["properties"]);
        for added in ["seq", "mac", "unproven"] {
            assert!(known.remove(added), "{added}");
        }
        assert_eq!(known, names(&event));
        assert_eq!(names(&schema["properties"]["actor"]["properties"]), names(&event["actor"]));
        assert_eq!(names(&schema["properties"]["changes"]["items"]["properties"]), names(&event["changes"][0]));
    }

    #[test]
    fn the_schema_has_every_way_in() {
        let ways = [Via::Console, Via::Api, Via::Cli, Via::File, Via::Server];
        let ways: Vec<_> = ways.map(|via| serde_json::to_value(via).unwrap()).into();
        assert_eq!(schema()["properties"]["actor"]["properties"]["via"]["enum"], Value::from(ways));
    }
}
