//! `[[chain]]`: the ordered steps of service providers.
//!
//! The document is walked before it is read, because serde's word for anything wrong inside `steps` would be "did not match
//! any variant", and because a misspelt key in a condition must not be passed over: it could be the `not`.

use serde_json::{Map, Value as Json, json};
use vestibule_core::{
    Registry,
    chain::{ACR_VALUES, Alternative, ChainDocument, ChainFault, check_alternative},
    condition::Condition,
    id::ChainName,
};

use super::{diff::Fields, inline::to_json};
use crate::config::{
    Leaf, Reader, nearest,
    tree::{Node, Place, Table, Value},
};

/// A declared chain.
#[derive(Clone, Debug)]
pub struct DeclaredChain {
    /// Its name.
    pub name: ChainName,
    /// Its steps.
    pub document: ChainDocument,
    /// Where it is declared.
    pub place: Place,
}

const STEP: &[&str] = &["alternatives", "when", "distinct", "enrol", "remember_device", "on_request", "cool_off"];
const ALTERNATIVE: &[&str] = &["authenticator", "connection", "settings", "max_age"];
const CONDITION: &[&str] = &[
    "group",
    "role",
    "client",
    "scope",
    "network",
    "acr",
    "known_device",
    "enrolled",
    "time",
    "evidence_age",
    "cel",
    "not",
];
const TIME: &[&str] = &["from", "to", "days", "zone"];
const EVIDENCE_AGE: &[&str] = &["older_than", "authenticator"];
const DEMAND: &[&str] = &["factors"];

pub(super) fn read(reader: &Reader<'_>, place: &Place, registry: &Registry) -> Option<DeclaredChain> {
    let name = reader.required::<String>("name", place);
    reader.describe("steps", steps_schema(registry));
    reader.describe_required("steps");
    reader.describe("demands", json!({ "type": "array", "items": demand_schema() }));
    let walk = Walk { reader, registry };
    let steps = match reader.raw("steps") {
        Some(node) => walk.steps(node),
        None => {
            walk.wrong(place, "steps", "is not set", "Write steps = [[\"password\"]], one inner list for each step.")
        }
    };
    let demands = reader.raw("demands").map_or(Some(Json::Array(Vec::new())), |node| walk.demands(node));
    let document = [("steps", steps?), ("demands", demands?)].map(|(key, value)| (key.to_owned(), value));
    match serde_json::from_value(Json::Object(document.into_iter().collect())) {
        Ok(document) => Some(DeclaredChain { name: ChainName::from(name?), document, place: place.clone() }),
        Err(error) => {
            reader.refuse("steps", error.to_string(), "");
            None
        }
    }
}

struct Walk<'a> {
    reader: &'a Reader<'a>,
    registry: &'a Registry,
}

impl Walk<'_> {
    fn wrong<T>(&self, place: &Place, key: &str, what: impl Into<String>, advice: impl Into<String>) -> Option<T> {
        self.reader.refuse_at(place, key, what, advice);
        None
    }

    fn steps(&self, node: &Node) -> Option<Json> {
        let Value::List(items) = &node.value else {
            return self.wrong(&node.place, "steps", "is no list", "Write steps = [[\"password\"]].");
        };
        // An empty chain would let everybody pass.
        if items.is_empty() {
            return self.wrong(&node.place, "steps", "is empty", "A chain needs at least one step.");
        }
        all(items, |item| self.step(item))
    }

    fn step(&self, node: &Node) -> Option<Json> {
        match &node.value {
            Value::List(_) => self.alternatives(node),
            Value::Table(table) => self.table(table, "steps", STEP, |key, node| match key {
                "alternatives" => self.alternatives(node),
                "when" => self.list(node, "steps.when", |node| self.condition(node)),
                "remember_device" => self.seconds(node, "steps.remember_device"),
                "cool_off" => self.seconds(node, "steps.cool_off"),
                "on_request" => self.list(node, "steps.on_request", |node| self.acr(node)),
                _ => Some(to_json(node)),
            }),
            _ => self.wrong(
                &node.place,
                "steps",
                "is no step",
                "Write a list of alternatives, [\"password\", \"passkey\"].",
            ),
        }
    }

    fn alternatives(&self, node: &Node) -> Option<Json> {
        let alternatives = self.list(node, "steps", |node| self.alternative(node))?;
        if alternatives.as_array().is_some_and(Vec::is_empty) {
            return self.wrong(
                &node.place,
                "steps",
                "has a step without alternatives",
                "Nobody could pass it: name one.",
            );
        }
        Some(alternatives)
    }

    fn alternative(&self, node: &Node) -> Option<Json> {
        let table = match &node.value {
            Value::Text(name) => {
                self.authenticator(node, &Alternative::plain(name))?;
                return Some(to_json(node));
            }
            Value::Table(table) => table,
            _ => return self.wrong(&node.place, "steps", "is no alternative", "Write the name of an authenticator."),
        };
        let read = self.table(table, "steps", ALTERNATIVE, |key, node| match key {
            "max_age" => self.seconds(node, "steps.max_age"),
            _ => Some(to_json(node)),
        })?;
        if read.get("authenticator").is_none_or(|name| !name.is_string()) {
            return self.wrong(&node.place, "steps.authenticator", "is not set", "Write the name of an authenticator.");
        }
        match serde_json::from_value(read.clone()) {
            Ok(alternative) => self.authenticator(node, &alternative).map(|()| read),
            Err(_) => self.wrong(&node.place, "steps", "is no alternative", "Its settings are a table."),
        }
    }

    /// The rule is the one that every chain is checked by; here it gets its place and what to do.
    fn authenticator(&self, node: &Node, alternative: &Alternative) -> Option<()> {
        let Err(fault) = check_alternative(alternative, self.registry) else { return Some(()) };
        let (key, advice) = match &fault {
            ChainFault::UnknownAuthenticator { name } => {
                let names: Vec<_> = self.registry.iter().map(|a| a.descriptor().name.to_string()).collect();
                let near = nearest(name, names.iter().map(String::as_str));
                let near = near.map(|near| format!("The nearest is {near}. ")).unwrap_or_default();
                ("steps", format!("{near}There are {}.", names.join(", ")))
            }
            ChainFault::NeedsConnection { authenticator: name, kind } => {
                let written = format!("{{ authenticator = {name:?}, connection = \"…\" }}");
                ("steps.connection", format!("Write {written} with one of kind {kind:?}."))
            }
            ChainFault::NeedsNoConnection { .. } => ("steps.connection", "Remove it.".to_owned()),
            _ => ("steps.settings", String::new()),
        };
        self.wrong(&node.place, key, fault.to_string(), advice)
    }

    fn condition(&self, node: &Node) -> Option<Json> {
        let advice = "Write one such as { group = \"staff\" } or { network = \"10.0.0.0/8\", not = true }.";
        let Value::Table(table) = &node.value else {
            return self.wrong(&node.place, "steps.when", "is no condition", advice);
        };
        let read = self.table(table, "steps.when", CONDITION, |key, node| match key {
            "not" | "known_device" | "enrolled" => Some(to_json(node)),
            "time" => self.inner(node, "steps.when.time", TIME, |_, node| Some(to_json(node))),
            "evidence_age" => self.inner(node, "steps.when.evidence_age", EVIDENCE_AGE, |key, node| match key {
                "older_than" => self.seconds(node, "steps.when.evidence_age.older_than"),
                _ => Some(to_json(node)),
            }),
            _ => node.text().map(|text| Json::String(text.to_owned())),
        })?;
        let tests = read.as_object().map_or(0, |map| map.keys().filter(|key| *key != "not").count());
        if tests != 1 {
            return self.wrong(&node.place, "steps.when", "asks not exactly one thing", advice);
        }
        let Ok(condition) = serde_json::from_value::<Condition>(read.clone()) else {
            return self.wrong(&node.place, "steps.when", "is no condition", advice);
        };
        match condition.check() {
            Ok(()) => Some(read),
            Err(fault) => {
                let asked = read.as_object().and_then(|map| map.keys().find(|key| *key != "not"));
                let key = format!("steps.when.{}", asked.map(String::as_str).unwrap_or_default());
                self.wrong(&node.place, &key, fault.to_string(), "")
            }
        }
    }

    /// A table that is a value.
    fn inner(
        &self,
        node: &Node,
        path: &str,
        known: &[&str],
        read: impl FnMut(&str, &Node) -> Option<Json>,
    ) -> Option<Json> {
        match &node.value {
            Value::Table(table) => self.table(table, path, known, read),
            _ => self.wrong(
                &node.place,
                path,
                "is no table",
                format!("Write it in {{braces}}, with {}.", known.join(", ")),
            ),
        }
    }

    fn acr(&self, node: &Node) -> Option<Json> {
        let known = || ACR_VALUES.iter().map(|acr| acr.value);
        match node.text() {
            Some(value) if known().any(|acr| acr == value) => Some(value.into()),
            _ => {
                let advice = format!("There are {}.", known().collect::<Vec<_>>().join(", "));
                self.wrong(&node.place, "steps.on_request", "is no authentication context class", advice)
            }
        }
    }

    fn demands(&self, node: &Node) -> Option<Json> {
        self.list(node, "demands", |node| match &node.value {
            Value::Table(table) => self.table(table, "demands", DEMAND, |_, node| Some(to_json(node))),
            _ if matches!(node.text(), Some("phishing_resistant" | "user_verified")) => Some(to_json(node)),
            _ => {
                let advice = "Write { factors = 2 }, \"phishing_resistant\" or \"user_verified\".";
                self.wrong(&node.place, "demands", "is no demand", advice)
            }
        })
    }

    fn seconds(&self, node: &Node, key: &str) -> Option<Json> {
        let seconds = node.text().and_then(|text| {
            let plain = text.parse().ok();
            plain.or_else(|| std::time::Duration::read(text).and_then(|life| u32::try_from(life.as_secs()).ok()))
        });
        match seconds {
            Some(seconds) => Some(seconds.into()),
            None => self.wrong(&node.place, key, "is no duration", format!("Write {}.", std::time::Duration::WANTED)),
        }
    }

    fn list(&self, node: &Node, key: &str, read: impl FnMut(&Node) -> Option<Json>) -> Option<Json> {
        match &node.value {
            Value::List(items) => all(items, read),
            _ => self.wrong(&node.place, key, "is no list", "Write it in [brackets]."),
        }
    }

    fn table(
        &self,
        table: &Table,
        path: &str,
        known: &[&str],
        mut read: impl FnMut(&str, &Node) -> Option<Json>,
    ) -> Option<Json> {
        let mut map = Map::new();
        for (key, node) in table {
            if !known.contains(&key.as_str()) {
                let near = nearest(key, known.iter().copied());
                let advice = near.map_or_else(
                    || format!("There are {}.", known.join(", ")),
                    |near| format!("The nearest is {near}."),
                );
                return self.wrong(&node.place, &format!("{path}.{key}"), "there is no such setting", advice);
            }
            map.insert(key.clone(), read(key, node)?);
        }
        Some(map.into())
    }
}

/// A JSON Schema of a table with these keys; `schema` says what each is.
fn table_schema(keys: &[&str], required: &[&str], schema: impl Fn(&str) -> Json) -> Json {
    let properties: Map<_, _> = keys.iter().map(|key| ((*key).to_owned(), schema(key))).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn seconds_schema() -> Json {
    json!({ "type": ["string", "integer"], "description": std::time::Duration::WANTED })
}

fn acr_schema() -> Json {
    json!({ "enum": ACR_VALUES.iter().map(|acr| acr.value).collect::<Vec<_>>() })
}

fn steps_schema(registry: &Registry) -> Json {
    let names: Vec<_> = registry.iter().map(|authenticator| authenticator.descriptor().name.to_string()).collect();
    let tables = registry.iter().map(|authenticator| {
        let descriptor = authenticator.descriptor();
        table_schema(ALTERNATIVE, &["authenticator"], |key| match key {
            "authenticator" => json!({ "const": descriptor.name.as_str() }),
            "connection" => json!({ "type": "string" }),
            "settings" => descriptor.settings.clone(),
            "max_age" => seconds_schema(),
            _ => json!({}),
        })
    });
    let alternative: Vec<Json> = std::iter::once(json!({ "enum": names })).chain(tables).collect();
    let alternatives = json!({ "type": "array", "minItems": 1, "items": { "anyOf": alternative } });
    let table = table_schema(STEP, &["alternatives"], |key| match key {
        "alternatives" => alternatives.clone(),
        "when" => json!({ "type": "array", "items": condition_schema() }),
        "distinct" => json!({ "type": "boolean", "default": true }),
        "enrol" => json!({ "enum": ["refuse", "allow", "require"], "default": "refuse" }),
        "remember_device" | "cool_off" => seconds_schema(),
        "on_request" => json!({ "type": "array", "items": acr_schema() }),
        _ => json!({}),
    });
    json!({ "type": "array", "minItems": 1, "items": { "anyOf": [alternatives, table] } })
}

fn condition_schema() -> Json {
    table_schema(CONDITION, &[], |key| match key {
        "not" => json!({ "type": "boolean", "default": false }),
        "known_device" | "enrolled" => json!({ "type": "boolean" }),
        "time" => table_schema(TIME, &["from", "to", "zone"], |key| match key {
            "days" => {
                json!({ "type": "array", "items": { "enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] } })
            }
            _ => json!({ "type": "string" }),
        }),
        "evidence_age" => table_schema(EVIDENCE_AGE, &["older_than"], |key| match key {
            "older_than" => seconds_schema(),
            _ => json!({ "type": "string" }),
        }),
        "group" | "role" | "client" | "scope" | "network" | "cel" => json!({ "type": "string" }),
        "acr" => json!({ "type": "string", "examples": ACR_VALUES.iter().map(|acr| acr.value).collect::<Vec<_>>() }),
        _ => json!({}),
    })
}

fn demand_schema() -> Json {
    let table = table_schema(DEMAND, &[], |_| json!({ "type": "integer", "minimum": 1 }));
    json!({ "anyOf": [{ "enum": ["phishing_resistant", "user_verified"] }, table] })
}

fn all(items: &[Node], read: impl FnMut(&Node) -> Option<Json>) -> Option<Json> {
    let read: Vec<Option<Json>> = items.iter().map(read).collect();
    read.into_iter().collect::<Option<Vec<_>>>().map(Json::Array)
}

/// The fields of a chain under the names that a declaration gives them.
pub(super) fn fields(document: &ChainDocument) -> Fields {
    let mut fields = Fields::default();
    if let Ok(Json::Object(map)) = serde_json::to_value(document) {
        map.into_iter().for_each(|(key, value)| fields.plain(&key, value));
    }
    fields
}
