//! `[[connection]]`: what an authenticator needs outside, such as an SMS gateway.
//!
//! A setting is named by its path, `secrets.api_key`. What is a secret is decided by [`hidden`], and by the declaration
//! itself: whatever is given by a reference is one. A secret that is left out stays as it is.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};
use vestibule_authn_smsotp::{SmsOtp, advise, is_route, settings_schema};
use vestibule_core::{Connection, channel::Settings, id::ConnectionName};

use super::{
    diff::{Advice, Fields},
    inline::to_json,
    secret::{Secrets, is_reference, reference_schema},
};
use crate::{
    admin::connections::destination,
    config::{
        Reader,
        tree::{Node, Place, Table, Value},
    },
};

/// A declared connection.
#[derive(Clone, Debug)]
pub struct DeclaredConnection {
    /// All of it, but for secrets that are left out.
    pub connection: Connection,
    /// The paths of settings that were given by a reference.
    pub references: BTreeSet<String>,
    /// Where it is declared.
    pub place: Place,
}

pub(super) fn read(reader: &Reader<'_>, place: &Place, secrets: &Secrets<'_>) -> Option<DeclaredConnection> {
    let name = reader.required::<String>("name", place);
    let kind = reader.leaf("kind", "sms".to_owned());
    let disabled = reader.leaf("disabled", false);
    let kinds = [settings_schema(), vestibule_authn_emailotp::settings_schema()];
    reader.describe("settings", json!({ "anyOf": kinds.map(|schema| with_references(&schema)) }));
    let mut walk = Walk { reader, secrets, references: BTreeSet::new() };
    let settings = match reader.raw("settings").map(|node| &node.value) {
        Some(Value::Table(table)) => walk.table(table, ""),
        Some(_) => {
            reader.refuse("settings", "is no table", "Write [connection.settings] and its keys below.");
            None
        }
        None => Some(Map::new()),
    };
    let references = walk.references;
    let settings = Settings(settings?);
    let connection = Connection { name: ConnectionName::from(name?), kind, settings, disabled };
    Some(DeclaredConnection { connection, references, place: place.clone() })
}

/// The schema of settings in a file: any text may be named instead of written, and a secret must be.
fn with_references(schema: &Json) -> Json {
    match schema {
        Json::Object(map) if map.get("writeOnly") == Some(&Json::Bool(true)) => reference_schema(),
        Json::Object(map) if map.get("type") == Some(&json!("string")) => json!({ "anyOf": [map, reference_schema()] }),
        Json::Object(map) => map.iter().map(|(key, value)| (key.clone(), with_references(value))).collect(),
        Json::Array(items) => items.iter().map(with_references).collect(),
        other => other.clone(),
    }
}

struct Walk<'a> {
    reader: &'a Reader<'a>,
    secrets: &'a Secrets<'a>,
    references: BTreeSet<String>,
}

impl Walk<'_> {
    fn table(&mut self, table: &Table, path: &str) -> Option<Map<String, Json>> {
        let read: Vec<_> = table.iter().map(|(key, node)| (key.clone(), self.value(node, &join(path, key)))).collect();
        read.into_iter().map(|(key, value)| Some((key, value?))).collect()
    }

    fn value(&mut self, node: &Node, path: &str) -> Option<Json> {
        use secrecy::ExposeSecret as _;
        if is_reference(node) || path.starts_with(SECRETS) {
            let secret = self.secrets.resolve(self.reader, &format!("settings.{path}"), node)?;
            self.references.insert(path.to_owned());
            return Some(secret.expose_secret().into());
        }
        match &node.value {
            Value::Table(table) => self.table(table, path).map(Json::Object),
            _ => Some(to_json(node)),
        }
    }
}

/// Everything below this path is a secret: that is what it is for.
const SECRETS: &str = "secrets.";

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// The settings as paths and values; lists are values.
pub(crate) fn leaves(settings: &Map<String, Json>) -> Vec<(String, Json)> {
    fn walk(path: &str, map: &Map<String, Json>, out: &mut Vec<(String, Json)>) {
        for (key, value) in map {
            let path = join(path, key);
            match value {
                Json::Object(map) if !map.is_empty() => walk(&path, map, out),
                value => out.push((path, value.clone())),
            }
        }
    }
    let mut out = Vec::new();
    walk("", settings, &mut out);
    out
}

/// The settings that hold credentials, where they are written out.
const CREDENTIALS: [&str; 6] =
    ["auth.username", "auth.password", "auth.token", "auth.value", "auth.client_id", "auth.client_secret"];

/// Whether the setting at `path` must not be shown. A template that names a secret is none; but for the values of secrets
/// and of credentials, whatever is written out may be one, as may be a header's value or a URL with a key in it.
pub(crate) fn hidden(settings: &Settings, path: &str, value: &Json) -> bool {
    let template = value.as_str().is_some_and(|text| text.starts_with("{{secret.") && text.ends_with("}}"));
    let credential = CREDENTIALS.contains(&path);
    let headers = path == "headers"
        && value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|header| header.get("value")?.as_str())
            .any(|v| !v.contains("{{"));
    let advised = || path == "url" && advise(settings).iter().any(|advice| advice.setting == "url");
    path.starts_with(SECRETS) || path == "mask" || !template && (credential || headers || advised())
}

impl DeclaredConnection {
    /// The connection as it shall be, given what it is.
    pub(super) fn wanted(&self, current: Option<&Connection>) -> Connection {
        let mut wanted = self.connection.clone();
        for (path, value) in current.map(|current| leaves(&current.settings.0)).into_iter().flatten() {
            let kept =
                current.is_some_and(|current| hidden(&current.settings, &path, &value) && self.keeps(current, &path));
            if kept {
                put(&mut wanted.settings.0, &path, value);
            }
        }
        wanted
    }

    /// A secret is kept as long as what it belongs to is still the same. Like in the console, it does not follow to another
    /// host: whoever may change the file would have it sent to themselves.
    fn keeps(&self, current: &Connection, path: &str) -> bool {
        // What was a gateway and is a route sends nothing itself any more.
        if is_route(&self.connection.settings) != is_route(&current.settings) {
            return false;
        }
        let (old, new) = (&current.settings.0, &self.connection.settings.0);
        if path != "url" && self.moves(current) {
            return false;
        }
        let auth = |settings: &Map<String, Json>| settings.get("auth").and_then(|auth| auth.get("type")).cloned();
        match path.split('.').next() {
            Some("auth") => auth(new).is_some() && auth(old) == auth(new),
            Some("url") => !new.contains_key("preset"),
            _ => old.get("preset") == new.get("preset"),
        }
    }
}

impl DeclaredConnection {
    /// Whether messages go elsewhere. A URL that is left out, because it is secret itself, is the one that is there.
    fn moves(&self, current: &Connection) -> bool {
        let mut wanted = self.connection.settings.clone();
        if !wanted.0.contains_key("preset")
            && let Some(url) = current.settings.0.get("url")
        {
            wanted.0.entry("url").or_insert_with(|| url.clone());
        }
        destination(&wanted) != destination(&current.settings)
    }
}

/// Puts a value where there is none.
fn put(settings: &mut Map<String, Json>, path: &str, value: Json) {
    match path.split_once('.') {
        None => {
            settings.entry(path).or_insert(value);
        }
        Some((key, rest)) => {
            if let Json::Object(inner) = settings.entry(key).or_insert_with(|| Json::Object(Map::new())) {
                put(inner, rest, value);
            }
        }
    }
}

/// What would be better about a connection.
pub(super) fn advice(connection: &Connection) -> Vec<Advice> {
    let given = match connection.kind.as_str() {
        SmsOtp::CONNECTION_KIND => advise(&connection.settings),
        _ => Vec::new(),
    };
    given.into_iter().map(|advice| Advice { field: format!("settings.{}", advice.setting), why: advice.why }).collect()
}

/// The fields of a connection under the names that a declaration gives them. `references` are settings that a declaration
/// gave by a reference.
pub(super) fn fields(connection: &Connection, references: Option<&BTreeSet<String>>) -> Fields {
    let mut fields = Fields::default();
    fields.plain("kind", connection.kind.clone().into());
    if connection.disabled {
        fields.plain("disabled", true.into());
    }
    for (path, value) in leaves(&connection.settings.0) {
        let name = format!("settings.{path}");
        if hidden(&connection.settings, &path, &value) || references.is_some_and(|known| known.contains(&path)) {
            fields.secret(&name, &value.to_string());
        } else {
            fields.plain(&name, value);
        }
    }
    fields
}
