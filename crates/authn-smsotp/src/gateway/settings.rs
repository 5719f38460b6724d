//! The settings of a gateway, as an admin writes them.
//!
//! ```json
//! { "preset": "vonage", "from": "NEXMO", "secrets": { "api_key": "…", "api_secret": "…" } }
//! ```
//! is enough for a vendor that is known; whatever is written besides replaces what the preset has. The line that the seed
//! product calls its SMS URL is a whole gateway too: `{ "url": "https://…?to=$ctx.num&text=$ctx.msg" }`.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use vestibule_core::{
    channel::{ConnectionError, Settings},
    nearest,
};

use super::{
    preset::Preset,
    receipt::Form,
    refused,
    route::{AFTER_UNKNOWN, VIA},
    rule::{JsonPath, SuccessRule},
};
use crate::{
    allowed::{Allowed, COUNTRY, LIMITS, PREFIXES},
    tariff,
};

/// What was written. What is `None` comes from the preset, or has a default.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    /// A vendor whose interface is known.
    pub(super) preset: Option<Preset>,
    /// Where to, as a template.
    pub(super) url: Option<String>,
    /// GET without a body, POST with one.
    pub(super) method: Option<Method>,
    /// Headers, their values as templates.
    pub(super) headers: Option<Vec<Header>>,
    /// What the body is, which decides how values are escaped in it.
    pub(super) content_type: Option<ContentType>,
    /// The body, as a template.
    pub(super) body: Option<String>,
    /// How the gateway knows us.
    pub(super) auth: Option<Auth>,
    /// Keys and passwords, for `{{secret.NAME}}`: sealed at rest, never shown again, masked in everything.
    pub(super) secrets: BTreeMap<String, Secret>,
    /// The sender, for `{{from}}`.
    pub(super) from: Option<String>,
    /// How numbers are written.
    pub(super) number_format: Option<NumberFormat>,
    /// When a message counts as accepted.
    pub(super) success: Option<SuccessRule>,
    /// Where a JSON answer has the gateway's own id of the message.
    pub(super) reference: Option<JsonPath>,
    /// Where a JSON answer says what went wrong.
    pub(super) explanation: Option<Vec<JsonPath>>,
    /// More texts that must not be seen in outcomes.
    pub(super) mask: Vec<String>,
    /// How long connecting may take; 5 s by default.
    pub(super) connect_timeout_seconds: Option<u64>,
    /// How long the whole may take; 10 s by default, and no more.
    pub(super) timeout_seconds: Option<u64>,
    /// The network up to the gateway is ours, so http without TLS is no risk.
    pub(super) allow_plain_http: bool,
    /// How the numbers begin that messages go to; read by [`Allowed`](crate::allowed::Allowed), as the next.
    pub(super) allowed_prefixes: serde::de::IgnoredAny,
    /// The country of a number without a country code.
    pub(super) default_country: serde::de::IgnoredAny,
    /// How many messages may go by it a day, and an hour to numbers that begin alike.
    pub(super) messages_a_day: serde::de::IgnoredAny,
    pub(super) messages_to_prefix: serde::de::IgnoredAny,
    /// How the gateway says what became of a message.
    pub(super) receipts: Option<Form>,
}

/// Every name of [`Written`].
const NAMES: [&str; 22] = [
    "preset",
    "url",
    "method",
    "headers",
    "content_type",
    "body",
    "auth",
    "secrets",
    "from",
    "number_format",
    "success",
    "reference",
    "explanation",
    "mask",
    "connect_timeout_seconds",
    "timeout_seconds",
    "allow_plain_http",
    PREFIXES,
    COUNTRY,
    "receipts",
    LIMITS[0],
    LIMITS[1],
];

/// The JSON Schema of a gateway's settings. What is `writeOnly` is a secret.
pub fn settings_schema() -> Value {
    let text = || json!({ "type": "string" });
    let secret = || json!({ "type": "string", "writeOnly": true });
    let table = |properties: Value, required: &[&str]| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let texts = || json!({ "type": "array", "items": text() });
    let auth = |kind: &str, names: &[&str]| {
        let values = names.iter().map(|name| ((*name).to_owned(), text()));
        let properties: serde_json::Map<_, _> = values.chain([("type".to_owned(), json!({ "const": kind }))]).collect();
        table(properties.into(), &[&["type"], names].concat())
    };
    let oauth2 = || {
        let known = json!({ "type": { "const": "oauth2" }, "token_url": text(), "client_id": text(), "client_secret": text(), "scope": text() });
        table(known, &["type", "token_url", "client_id", "client_secret"])
    };
    let receipts = || {
        let known = |kind: &str| table(json!({ "type": { "const": kind } }), &["type"]);
        let generic = json!({ "type": { "const": "generic" }, "reference": text(), "state": text(), "why": text(), "delivered": texts(), "undelivered": texts() });
        let wanted = ["type", "reference", "state", "delivered", "undelivered"];
        json!({ "anyOf": [known("vonage"), known("twilio"), table(generic, &wanted)] })
    };
    let via = json!({ "connection": text(), "prefixes": { "type": "array", "items": text() } });
    let seconds = || json!({ "type": "integer", "minimum": 1, "maximum": 10 });
    let rules = [
        table(json!({ "json": table(json!({ "path": text(), "equals": {} }), &["path", "equals"]) }), &["json"]),
        table(
            json!({ "json_not": table(json!({ "path": text(), "none_of": { "type": "array" } }), &["path", "none_of"]) }),
            &["json_not"],
        ),
        table(json!({ "starts_with": text() }), &["starts_with"]),
        table(json!({ "contains": text() }), &["contains"]),
    ];
    let schema = |name: &str| match name {
        "preset" => json!({ "enum": ["vonage", "twilio", "clickatell", "plivo", "bulksms", "generic", "outbox"] }),
        "method" => json!({ "enum": ["GET", "POST", "PUT"] }),
        "headers" => {
            json!({ "type": "array", "items": table(json!({ "name": text(), "value": text() }), &["name", "value"]) })
        }
        "content_type" => json!({ "enum": ["json", "form", "xml", "none"] }),
        "auth" => json!({ "anyOf": [
            auth("none", &[]), auth("basic", &["username", "password"]), auth("bearer", &["token"]), auth("header", &["name", "value"]),
            oauth2(),
        ] }),
        "secrets" => json!({ "type": "object", "additionalProperties": secret() }),
        "number_format" => json!({ "enum": ["e164", "digits"], "default": "e164" }),
        "success" => table(
            json!({
                "status": { "type": "array", "items": { "type": "integer" }, "default": [200, 201, 202] },
                "body": { "type": "array", "items": { "anyOf": rules } },
            }),
            &[],
        ),
        "explanation" | "mask" => texts(),
        "receipts" => receipts(),
        name if LIMITS.contains(&name) => json!({ "type": "integer", "minimum": 1 }),
        "connect_timeout_seconds" | "timeout_seconds" => seconds(),
        "allow_plain_http" => json!({ "type": "boolean", "default": false }),
        PREFIXES => json!({ "type": "array", "items": { "type": "string", "pattern": "^\\+[0-9]{1,15}$" } }),
        COUNTRY => json!({ "type": "string", "pattern": "^[A-Z]{2}$" }),
        _ => text(),
    };
    let mut properties: serde_json::Map<_, _> = NAMES.iter().map(|name| ((*name).to_owned(), schema(name))).collect();
    properties.extend(tariff::NAMES.map(|name| (name.to_owned(), tariff::schema(name))));
    // A route has these, and none of a gateway's.
    properties.insert(VIA.to_owned(), json!({ "type": "array", "items": table(via, &["connection"]) }));
    properties.insert(AFTER_UNKNOWN.to_owned(), json!({ "type": "boolean", "default": false }));
    table(properties.into(), &[])
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

/// The methods that send something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Method {
    Get,
    Post,
    Put,
}

/// A header.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) name: String,
    pub(super) value: String,
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ContentType {
    Json,
    Form,
    Xml,
    /// There is no body.
    None,
}

/// How the gateway knows us. Each value may be a template of `{{secret.NAME}}`; what is written out instead is masked all the
/// same.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", deny_unknown_fields)]
pub(super) enum Auth {
    None,
    Basic {
        username: Secret,
        password: Secret,
    },
    Bearer {
        token: Secret,
    },
    Header {
        name: String,
        value: Secret,
    },
    /// By an access token that is fetched with the client's credentials (RFC 6749, section 4.4).
    #[serde(rename = "oauth2")]
    OAuth2 {
        token_url: String,
        client_id: Secret,
        client_secret: Secret,
        scope: Option<String>,
    },
}

/// How numbers are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NumberFormat {
    /// With the leading `+`.
    #[default]
    E164,
    /// Without it.
    Digits,
}

impl Written {
    /// Reads settings; the error names the setting.
    pub(super) fn read(settings: &Settings) -> Result<Self, ConnectionError> {
        let known = || NAMES.into_iter().chain(tariff::NAMES);
        if let Some(unknown) = settings.0.keys().find(|name| !known().any(|known| known == name.as_str())) {
            return Err(refused(unknown, format!("a gateway has no such setting{}", nearest::hint(unknown, known()))));
        }
        Allowed::of(settings)?;
        tariff::check(settings)?;
        // What messages cost is for whoever counts them; nothing is sent by it.
        let own = settings.0.iter().filter(|(name, _)| !tariff::NAMES.contains(&name.as_str()));
        let own = own.map(|(name, value)| (name.clone(), value.clone())).collect();
        serde_path_to_error::deserialize(Value::Object(own)).map_err(|error| {
            let setting = error.path().to_string();
            refused(&setting, without_values(&error.into_inner().to_string()))
        })
    }

    /// The same, with what is missing taken from `other`.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            preset: self.preset.or(other.preset),
            url: self.url.or(other.url),
            method: self.method.or(other.method),
            headers: self.headers.or(other.headers),
            content_type: self.content_type.or(other.content_type),
            body: self.body.or(other.body),
            auth: self.auth.or(other.auth),
            from: self.from.or(other.from),
            number_format: self.number_format.or(other.number_format),
            success: self.success.or(other.success),
            reference: self.reference.or(other.reference),
            explanation: self.explanation.or(other.explanation),
            connect_timeout_seconds: self.connect_timeout_seconds.or(other.connect_timeout_seconds),
            timeout_seconds: self.timeout_seconds.or(other.timeout_seconds),
            secrets: self.secrets,
            mask: self.mask,
            allow_plain_http: self.allow_plain_http,
            allowed_prefixes: self.allowed_prefixes,
            default_country: self.default_country,
            receipts: self.receipts,
            messages_a_day: self.messages_a_day,
            messages_to_prefix: self.messages_to_prefix,
        }
    }
}

/// serde quotes the value that it did not like, and that may be a secret in the wrong place.
pub(super) fn without_values(error: &str) -> String {
    match error.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected ")) {
        Some((_, expected)) => format!("{expected} is expected"),
        None => error.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: Value) -> Result<Written, ConnectionError> {
        Written::read(&serde_json::from_value(settings).unwrap())
    }

    fn error(settings: Value) -> ConnectionError {
        read(settings).err().unwrap()
    }

    #[test]
    fn every_name_is_known_and_no_other() {
        for name in NAMES {
            let why = error(json!({ name: { "a": [] } })).why;
            assert!(!why.contains(&format!("unknown field `{name}`")), "{name}: {why}");
        }
        let unknown = error(json!({ "methd": "GET" }));
        assert_eq!(unknown.to_string(), "methd: a gateway has no such setting; did you mean `method`?");
    }

    #[test]
    fn the_schema_offers_what_can_be_read() {
        let schema = settings_schema();
        let words = |name: &str| schema["properties"][name]["enum"].as_array().cloned().unwrap();
        for name in ["preset", "method", "content_type", "number_format"] {
            for word in words(name) {
                assert!(read(json!({ name: word })).is_ok(), "{name} = {word}");
            }
        }
        for auth in schema["properties"]["auth"]["anyOf"].as_array().unwrap() {
            let value = |(name, schema): (&String, &Value)| {
                (name.clone(), schema.get("const").cloned().unwrap_or_else(|| "x".into()))
            };
            let auth: serde_json::Map<_, _> = auth["properties"].as_object().unwrap().iter().map(value).collect();
            assert!(read(json!({ "auth": auth })).is_ok(), "{auth:?}");
        }
        for rule in schema["properties"]["success"]["properties"]["body"]["items"]["anyOf"].as_array().unwrap() {
            let name = rule["required"][0].as_str().unwrap();
            let why = error(json!({ "success": { "body": [{ name: 1 }] } })).why;
            assert!(!why.contains("unknown variant"), "{name}: {why}");
        }
    }

    #[test]
    fn an_error_names_the_setting_by_its_path() {
        for (settings, path) in [
            (json!({ "method": "DELETE" }), "method"),
            (json!({ "headers": [{ "name": "a", "value": "b" }, { "name": "a" }] }), "headers[1]"),
            (json!({ "headers": [{ "name": "a", "value": 1 }] }), "headers[0].value"),
            (
                json!({ "success": { "body": [{ "json": { "path": "a..b", "equals": 1 } }] } }),
                "success.body[0].json.path",
            ),
            (json!({ "success": { "stat": [200] } }), "success.stat"),
            (json!({ "auth": { "type": "digest" } }), "auth.type"),
            (json!({ "preset": "vonnage" }), "preset"),
            (json!({ "timeout_seconds": -1 }), "timeout_seconds"),
        ] {
            assert_eq!(error(settings).setting, path);
        }
    }

    #[test]
    fn a_110_an_error_does_not_repeat_a_secret() {
        for settings in [json!({ "secrets": "hunter2" }), json!({ "headers": "hunter2" }), json!({ "auth": "hunter2" })]
        {
            let error = error(settings);
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
