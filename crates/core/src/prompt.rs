//! Prompts: what a person is shown and asked, as data. HTML pages and JSON are two renderings of the same prompt.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A text to be shown: a key into the message catalogue, and what is filled in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Text {
    /// Such as `smsotp.sent`.
    pub key: String,
    /// Values for the placeholders of the message.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub args: BTreeMap<String, String>,
}

impl Text {
    /// A text without placeholders.
    pub fn new(key: &str) -> Self {
        Self { key: key.to_owned(), args: BTreeMap::new() }
    }

    /// The same with a placeholder filled in.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "a number or a text reads better without a `&`")]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.args.insert(name.to_owned(), value.to_string());
        self
    }
}

/// What a step asks of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// The heading.
    pub title: Text,
    /// What to do, below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lead: Option<Text>,
    /// The inputs, in their order.
    pub fields: Vec<Field>,
    /// The word on the main button.
    pub submit: Text,
}

/// One input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// The name under which [`Fields`] carries the answer.
    pub name: String,
    /// Its label.
    pub label: Text,
    /// What kind of value it takes.
    pub kind: FieldKind,
}

/// What kind of value a field takes; decides keyboard, autocomplete and masking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum FieldKind {
    /// A name to sign in with (`autocomplete=username`).
    Username,
    /// A password (`autocomplete=current-password`).
    Password,
    /// A one-time code (`autocomplete=one-time-code`).
    Code {
        /// How many characters it has.
        length: u8,
        /// Whether they are all digits.
        numeric: bool,
    },
}

/// What a person answered: the values of the fields by name. Printing it shows the names alone.
#[derive(Clone, Default)]
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// The value of a field; empty when it was not sent.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
