//! Secrets in declarations: named, never written.

use std::{fs, path::Path};

use secrecy::SecretString;
use serde_json::{Value as Json, json};

use crate::config::{
    Reader,
    tree::{Node, Value},
};

/// Where secrets are looked for.
pub(super) struct Secrets<'a> {
    /// Files are named from here.
    pub(super) folder: &'a Path,
    /// An environment variable.
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
}

const ADVICE: &str = "A secret does not belong into this file: write { file = \"path\" } or { env = \"NAME\" }, which names where it is.";

impl Secrets<'_> {
    /// The secret that `key` names, if it is set.
    pub(super) fn read(&self, reader: &Reader<'_>, key: &str) -> Option<SecretString> {
        reader.describe(key, reference_schema());
        self.resolve(reader, key, reader.raw(key)?)
    }

    /// The secret that `node` names; anything but a name is refused.
    pub(super) fn resolve(&self, reader: &Reader<'_>, key: &str, node: &Node) -> Option<SecretString> {
        let refuse = |what: String, advice: &str| {
            reader.refuse_at(&node.place, key, what, advice);
            None
        };
        let Some((source, name)) = reference(node) else {
            return refuse("is written out".to_owned(), ADVICE);
        };
        let found = match source {
            Source::File => {
                fs::read_to_string(self.folder.join(name)).map_err(|error| format!("cannot read {name}: {error}"))
            }
            Source::Env => {
                (self.environment)(name).ok_or_else(|| format!("the environment variable {name} is not set"))
            }
        };
        match found.map(|text| text.trim_end_matches(['\r', '\n']).to_owned()) {
            Ok(text) if text.is_empty() => refuse(format!("{name} is empty"), "Put the secret there."),
            Ok(text) => Some(text.into()),
            Err(what) => refuse(what, "Put the secret there, or name where it is."),
        }
    }
}

/// What names a secret, in a JSON Schema.
pub(super) fn reference_schema() -> Json {
    let one = |key: &str| json!({ "type": "object", "properties": { key: { "type": "string" } }, "required": [key], "additionalProperties": false });
    json!({ "anyOf": [one("file"), one("env")], "description": "Where the secret is: { file = \"path\" } or { env = \"NAME\" }." })
}

enum Source {
    File,
    Env,
}

/// Whether `node` names a secret instead of being something.
pub(super) fn is_reference(node: &Node) -> bool {
    reference(node).is_some()
}

fn reference(node: &Node) -> Option<(Source, &str)> {
    let Value::Table(table) = &node.value else { return None };
    let (key, value) = table.iter().next().filter(|_| table.len() == 1)?;
    let source = match key.as_str() {
        "file" => Source::File,
        "env" => Source::Env,
        _ => return None,
    };
    Some((source, value.text()?))
}
