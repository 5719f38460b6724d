//! A connection from what somebody gave: its fields, merged over what there is (RFC 7396), and whether it can be used.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use vestibule_authn_smsotp::SmsOtp;
use vestibule_core::{
    channel::{Connection, ConnectionError, Settings},
    id::ConnectionName,
};

use super::secrets::MASK;
use crate::{
    admin::{AdminError, FieldFault, error::all_right},
    authenticators::Channels,
};

/// A connection to be made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is there for its schema: what is read is a merge, over what there is")]
pub struct NewConnection {
    /// Its name: 1 to 64 letters, digits, spaces, `-`, `_` or `.`.
    name: String,
    /// What it is; `sms`, when nothing is said.
    #[serde(default = "sms")]
    kind: String,
    /// Its settings, which the kind knows. Dots stand for a secret that is kept.
    #[serde(default)]
    settings: Map<String, Value>,
    /// Whether it is switched off.
    #[serde(default)]
    disabled: bool,
}

fn sms() -> String {
    SmsOtp::CONNECTION_KIND.to_owned()
}

/// A connection from its fields, over `before` where there is one.
pub(super) fn read(given: &Map<String, Value>, before: Option<&Connection>) -> Result<Connection, AdminError> {
    let mut found = Vec::new();
    let mut connection = before.cloned().unwrap_or_else(|| Connection {
        name: ConnectionName::from(String::new()),
        kind: sms(),
        settings: Settings::default(),
        disabled: false,
    });
    for (name, value) in given {
        match (name.as_str(), value) {
            ("name", Value::String(text)) if before.is_none() => {
                connection.name = ConnectionName::from(text.trim().to_owned());
            }
            ("kind", Value::String(text)) if before.is_none() => connection.kind.clone_from(text),
            ("disabled", Value::Bool(disabled)) => connection.disabled = *disabled,
            ("settings", Value::Object(settings)) => merge(&mut connection.settings.0, settings),
            ("name" | "kind", _) if before.is_some() => {
                found.push(FieldFault::new(format!("/{name}"), "this is not changed: make another connection"));
            }
            ("name" | "kind" | "disabled" | "settings", _) => {
                found.push(FieldFault::new(format!("/{name}"), "this cannot be read"));
            }
            _ => found.push(FieldFault::new(format!("/{name}"), "a connection has no such field")),
        }
    }
    let name = connection.name.as_str();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    if name.is_empty() || name.chars().count() > 64 || !name.chars().all(plain) {
        found.push(FieldFault::new("/name", "a name has 1 to 64 letters, digits, spaces, `-`, `_` or `.`"));
    }
    all_right(found)?;
    Ok(connection)
}

/// RFC 7396, but dots are no value: they stand for one that is kept.
fn merge(settings: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                settings.remove(name);
            }
            Value::String(text) if text == MASK => {}
            Value::Object(inner) => {
                let slot = settings.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Some(slot) = slot.as_object_mut() {
                    merge(slot, inner);
                }
            }
            value => {
                settings.insert(name.clone(), value.clone());
            }
        }
    }
}

pub(super) fn check(channels: &Channels, connection: &Connection, among: &[Connection]) -> Result<(), AdminError> {
    match channels.build(connection, among) {
        Err(error) => Err(wrong(&error)),
        Ok(None) => Err(AdminError::Invalid(vec![FieldFault::new("/kind", "there is no such kind of connection")])),
        Ok(Some(_)) => Ok(()),
    }
}

pub(super) fn wrong(error: &ConnectionError) -> AdminError {
    let setting = error.setting.replace(['.', '['], "/").replace(']', "");
    AdminError::Invalid(vec![FieldFault::new(format!("/settings/{setting}"), error.why.clone())])
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;

    pub(in crate::admin::connections) fn map(value: Value) -> Map<String, Value> {
        let Value::Object(fields) = value else { panic!("no object: {value}") };
        fields
    }

    #[test]
    fn dots_and_what_is_left_out_stay_and_null_goes() {
        let given = json!({ "name": "a", "settings": { "url": "https://x.example", "from": "US", "secrets": { "k": "1", "l": "2" } } });
        let before = read(&map(given), None).unwrap();
        let patch = json!({ "settings": { "from": null, "secrets": { "k": MASK, "l": "3" } }, "disabled": true });
        let after = read(&map(patch), Some(&before)).unwrap();
        assert_eq!(
            Value::Object(after.settings.0),
            json!({ "url": "https://x.example", "secrets": { "k": "1", "l": "3" } })
        );
        assert!(after.disabled);
    }

    #[test]
    fn what_is_read_is_what_the_schema_says() {
        let schema = schemars::schema_for!(NewConnection);
        let fields = schema.get("properties").and_then(Value::as_object).unwrap();
        let of = |field: &str| match field {
            "settings" => json!({ "url": "https://x.example" }),
            "disabled" => json!(true),
            _ => json!("x"),
        };
        let all: Map<String, Value> = fields.keys().map(|field| (field.clone(), of(field))).collect();
        let made = read(&all, None).unwrap();
        let made = serde_json::to_value((&made.name, made.kind, made.settings.0, made.disabled)).unwrap();
        assert_eq!(made, json!(["x", "x", { "url": "https://x.example" }, true]));
        assert_eq!(fields.len(), 4);
        assert_eq!(read(&map(json!({ "name": "a" })), None).unwrap().kind, fields["kind"]["default"]);
    }

    #[test]
    fn what_is_wrong_names_its_field() {
        for (given, pointer) in [
            (json!({ "name": "" }), "/name"),
            (json!({ "name": "a/b" }), "/name"),
            (json!({ "name": "a", "colour": 1 }), "/colour"),
            (json!({ "name": "a", "settings": [] }), "/settings"),
        ] {
            let Err(AdminError::Invalid(faults)) = read(&map(given.clone()), None) else { panic!("{given}") };
            assert_eq!(faults[0].pointer, pointer);
        }
        let bad =
            read(&map(json!({ "name": "a", "settings": { "url": "https://x.example?{{secret.k}}" } })), None).unwrap();
        let Err(AdminError::Invalid(faults)) = check(&Channels::default(), &bad, &[]) else { panic!("taken") };
        assert_eq!(faults[0].pointer, "/settings/secrets/k");
    }
}
