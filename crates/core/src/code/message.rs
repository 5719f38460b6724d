//! What ways to authenticate by a code in a message have in common, whatever carries it: when nothing can be sent, what the page asks,
//! and what is taken as a code.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Alphabet, CodeSpec};
use crate::{
    authenticator::{Rejection, StepContext},
    id::AuthenticatorName,
    prompt::{Field, FieldKind, Fields, Prompt, Text},
};

/// The name of the field.
pub const FIELD: &str = "code";

/// Ten characters with room for spaces and dashes.
const LONGEST: usize = 64;

/// What may be filled into the messages of a chain, at its longest.
#[derive(Clone, Debug, Default)]
pub struct Longest {
    /// The names of the service providers that use it.
    pub clients: Vec<String>,
    /// The host of this server.
    pub host: String,
}

/// How long a message is at its longest, for the channels whose messages are paid for by their length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct MessageSize {
    /// The setting that its words come from.
    pub setting: &'static str,
    /// In which language (BCP 47); `*` is any other.
    pub language: String,
    /// How many characters.
    pub characters: usize,
    /// Whether one of them takes more room than the usual, and so all do.
    pub wide: bool,
    /// How many messages are paid for.
    pub parts: usize,
}

/// Why nothing can be sent by a connection of this kind, whoever it is for.
pub fn closed(cx: &StepContext<'_>, kind: &str) -> Option<String> {
    match cx.connection {
        None => Some("there is no connection to send by".to_owned()),
        Some(connection) if connection.kind != kind => {
            Some(format!("the connection {} is of kind {}, not {kind}", connection.name, connection.kind))
        }
        Some(connection) if connection.disabled => Some(format!("the connection {} is disabled", connection.name)),
        Some(_) => None,
    }
}

/// Asks for the code that was sent, in the words of the authenticator: its messages `title`, `lead`, `field` and `submit`.
pub fn prompt(authenticator: &AuthenticatorName, spec: &CodeSpec) -> Prompt {
    let words = |which: &str| Text::new(&format!("{authenticator}.{which}"));
    let numeric = spec.alphabet == Alphabet::Numeric;
    Prompt {
        title: words("title"),
        lead: Some(words("lead").with("minutes", spec.minutes())),
        exhibit: None,
        fields: vec![Field {
            name: FIELD.to_owned(),
            label: words("field"),
            kind: FieldKind::Code { length: spec.length, numeric },
        }],
        submit: words("submit"),
    }
}

/// Judges what was typed as the code.
///
/// # Errors
/// What is wrong with it.
pub fn check(cx: &StepContext<'_>, input: &Fields) -> Result<(), Rejection> {
    let typed = input.get(FIELD);
    match () {
        () if typed.trim().is_empty() => Err(Rejection::Empty),
        () if typed.len() > LONGEST => Err(Rejection::Malformed),
        () => cx.check_code(typed),
    }
}
