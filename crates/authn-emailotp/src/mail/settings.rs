//! The settings of a mail server, as an admin writes them.
//!
//! ```json
//! { "host": "mail.example.com", "username": "vestibule", "secrets": { "password": "…" },
//!   "from": "login@example.com", "from_name": "Example" }
//! ```

use std::net::IpAddr;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use vestibule_core::{
    channel::{ConnectionError, Settings},
    nearest,
};

use super::refused;

/// What was written.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    /// What stands in for a mail server in development.
    pub(super) preset: Option<Preset>,
    /// The mail server.
    pub(super) host: Option<String>,
    /// 587 with STARTTLS, 465 with TLS from the first byte, 25 without.
    pub(super) port: Option<u16>,
    /// How what is said is protected.
    pub(super) tls: Tls,
    /// Whose certificates are trusted besides those of the machine, as PEM.
    pub(super) authority: Option<String>,
    /// How the mail server knows us.
    pub(super) username: Option<String>,
    /// Sealed at rest, never shown again, masked in everything.
    pub(super) secrets: Secrets,
    /// The address that mails come from.
    pub(super) from: Option<String>,
    /// The name beside it.
    pub(super) from_name: Option<String>,
    /// Where answers go.
    pub(super) reply_to: Option<String>,
    /// How long connecting may take; 5 s by default.
    pub(super) connect_timeout_seconds: Option<u64>,
    /// How long the whole may take; 10 s by default, and no more.
    pub(super) timeout_seconds: Option<u64>,
}

const NAMES: [&str; 12] = [
    "preset",
    "host",
    "port",
    "tls",
    "authority",
    "username",
    "secrets",
    "from",
    "from_name",
    "reply_to",
    "connect_timeout_seconds",
    "timeout_seconds",
];

/// What is written instead of the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Preset {
    /// Mails are kept and shown, in development alone.
    Outbox,
}

/// How what is said is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Tls {
    /// TLS after a greeting in the clear (RFC 3207). A server that does not offer it gets nothing.
    #[default]
    Starttls,
    /// TLS from the first byte (RFC 8314, section 3.3).
    Implicit,
    /// None, to this machine alone.
    None,
}

/// What is a secret.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Secrets {
    pub(super) password: Option<Secret>,
}

/// A secret as written.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub(super) struct Secret(pub(super) SecretString);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Tls {
    pub(super) fn port(self) -> u16 {
        match self {
            Self::Starttls => 587,
            Self::Implicit => 465,
            Self::None => 25,
        }
    }
}

impl Written {
    /// Reads settings; the error names the setting, and quotes no value: it may be a secret in the wrong place.
    pub(super) fn read(settings: &Settings) -> Result<Self, ConnectionError> {
        if let Some(unknown) = settings.0.keys().find(|name| !NAMES.contains(&name.as_str())) {
            return Err(refused(
                unknown,
                format!("a mail server has no such setting{}", nearest::hint(unknown, NAMES)),
            ));
        }
        serde_path_to_error::deserialize(Value::Object(settings.0.clone())).map_err(|error| {
            let setting = error.path().to_string();
            let why = error.into_inner().to_string();
            match why.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected ")) {
                Some((_, expected)) => refused(&setting, format!("{expected} is expected")),
                None if setting.starts_with("secrets") => {
                    refused(&setting, "`secrets` has `password` and nothing else")
                }
                None => refused(&setting, why),
            }
        })
    }
}

/// Whether a host is this machine, whatever a name server says.
pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The JSON Schema of a mail server's settings. What is `writeOnly` is a secret.
pub fn settings_schema() -> Value {
    let schema = |name: &str| match name {
        "preset" => json!({ "enum": ["outbox"] }),
        "port" => json!({ "type": "integer", "minimum": 1, "maximum": 65535 }),
        "tls" => json!({ "enum": ["starttls", "implicit", "none"], "default": "starttls" }),
        "secrets" => json!({
            "type": "object",
            "properties": { "password": { "type": "string", "writeOnly": true } },
            "additionalProperties": false,
        }),
        "connect_timeout_seconds" | "timeout_seconds" => json!({ "type": "integer", "minimum": 1, "maximum": 10 }),
        _ => json!({ "type": "string" }),
    };
    let properties: serde_json::Map<_, _> = NAMES.iter().map(|name| ((*name).to_owned(), schema(name))).collect();
    json!({ "type": "object", "properties": properties, "required": [], "additionalProperties": false })
}
