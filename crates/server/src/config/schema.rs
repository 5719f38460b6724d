//! The JSON Schema of what is read, so that an editor can complete, explain and check it (taplo, for example).
//!
//! Nothing here lists a key: [`Reader`](super::Reader) notes every key that it is asked for together with what it may be, so
//! reading nothing once describes everything. A schema file written by hand would be one more thing to forget.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

/// What a key is.
#[derive(Clone, Debug, PartialEq)]
pub enum Shape {
    /// A value, by its schema.
    Value(Json),
    /// A table.
    Section,
    /// A list of tables.
    Tables,
}

/// Every key by its path.
#[derive(Clone, Debug, Default)]
pub struct Described {
    pub(super) shapes: BTreeMap<String, Shape>,
    pub(super) required: BTreeSet<String>,
}

/// What is said of each setting in the reference, so that an editor shows the same words.
pub(super) fn meanings() -> BTreeMap<String, String> {
    let page = include_str!("../../../../docs/reference/configuration.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    rows.filter_map(|row| {
        let (key, rest) = row.split_once('`')?;
        Some((key.to_owned(), rest.rsplit_once(" | ")?.1.to_owned()))
    })
    .collect()
}

impl Described {
    /// The paths of all keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.shapes.keys().map(String::as_str)
    }

    /// The schema of a document; `meanings` are better words for keys than their own.
    pub fn document(&self, title: &str, meanings: &BTreeMap<String, String>) -> Json {
        let mut schema = self.table("", meanings);
        if let Json::Object(map) = &mut schema {
            map.insert("$schema".to_owned(), "http://json-schema.org/draft-07/schema#".into());
            map.insert("title".to_owned(), title.into());
        }
        schema
    }

    fn table(&self, path: &str, meanings: &BTreeMap<String, String>) -> Json {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (full, shape) in &self.shapes {
            let below = if path.is_empty() {
                Some(full.as_str())
            } else {
                full.strip_prefix(path).and_then(|rest| rest.strip_prefix('.'))
            };
            let Some(key) = below.filter(|key| !key.contains('.')) else { continue };
            let mut schema = match shape {
                Shape::Value(schema) => schema.clone(),
                Shape::Section => self.table(full, meanings),
                Shape::Tables => json!({ "type": "array", "items": self.table(full, meanings) }),
            };
            if let (Json::Object(schema), Some(meaning)) = (&mut schema, meanings.get(full)) {
                schema.insert("description".to_owned(), meaning.as_str().into());
            }
            properties.insert(key.to_owned(), schema);
            required.extend(self.required.contains(full).then(|| key.to_owned()));
        }
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if let (Json::Object(schema), false) = (&mut schema, required.is_empty()) {
            schema.insert("required".to_owned(), required.into());
        }
        schema
    }
}
