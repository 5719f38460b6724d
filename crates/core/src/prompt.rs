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
    /// What is shown above the inputs, to be kept or to be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exhibit: Option<Exhibit>,
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

/// What a page shows for the person to keep, or hands to the browser. Printing it tells none of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Exhibit {
    /// The key of an authenticator app: a picture to be scanned, and the same to be typed.
    OtpKey {
        /// What the picture says: an `otpauth:` URI.
        uri: String,
        /// The key in base32.
        key: String,
    },
    /// Codes to be kept in a safe place, each good for once.
    Codes {
        /// The codes.
        codes: Vec<String>,
    },
    /// What the browser is asked by `navigator.credentials` (Web Authentication, sections 5.1.3 and 5.1.4); its answer goes into
    /// the field of kind [`FieldKind::PublicKey`] as JSON.
    PublicKey {
        /// Whether a credential is to be made, rather than used.
        create: bool,
        /// `PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON`.
        options: serde_json::Value,
    },
}

impl std::fmt::Debug for Exhibit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::OtpKey { .. } => "OtpKey(…)",
            Self::Codes { .. } => "Codes(…)",
            Self::PublicKey { .. } => "PublicKey(…)",
        })
    }
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
    /// A password that is to be (`autocomplete=new-password`).
    NewPassword,
    /// A telephone number (`autocomplete=tel`).
    PhoneNumber,
    /// An e-mail address (`autocomplete=email`).
    Email,
    /// What its owner calls a device; may be left empty.
    Label,
    /// What the browser answers to [`Exhibit::PublicKey`]; filled in by the page's script, and not shown.
    PublicKey,
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
