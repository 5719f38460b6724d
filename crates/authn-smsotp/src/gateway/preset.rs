//! Vendors whose interface is known. A preset is nothing but settings that need not be written.

use serde::Deserialize;
use serde_json::json;

use super::{
    rule::{BodyRule, JsonIs, JsonIsNot, JsonPath, SuccessRule},
    settings::{Auth, ContentType, Header, Method, NumberFormat, Written},
};

/// A known vendor, or none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Preset {
    Vonage,
    Twilio,
    Clickatell,
    Plivo,
    Bulksms,
    /// Nothing is known: everything is written.
    Generic,
    /// The built-in outbox, in development alone.
    Outbox,
}

/// The host of Vonage's interface, whose rule holds for it even where no preset is named: it answers 200 to everything.
pub(super) const VONAGE_HOST: &str = "rest.nexmo.com";

impl Preset {
    /// Its settings.
    pub(super) fn settings(self) -> Written {
        match self {
            Self::Vonage => vonage(),
            Self::Twilio => twilio(),
            Self::Clickatell => clickatell(),
            Self::Plivo => plivo(),
            Self::Bulksms => bulksms(),
            Self::Generic | Self::Outbox => Written::default(),
        }
    }
}

/// What Vonage's answers mean, whatever the request looked like: `messages[*].status` is the string `"0"`, for every part.
pub(super) fn vonage_answers() -> Written {
    Written {
        number_format: Some(NumberFormat::Digits),
        success: Some(SuccessRule {
            status: vec![200],
            body: vec![BodyRule::Json(JsonIs { path: path("messages[*].status"), equals: json!("0") })],
        }),
        reference: Some(path("messages[0].message-id")),
        explanation: Some(vec![path("messages[*].error-text")]),
        ..Written::default()
    }
}

fn vonage() -> Written {
    let request = Written {
        url: Some(format!("https://{VONAGE_HOST}/sms/json")),
        body: Some(
            "api_key={{secret.api_key}}&api_secret={{secret.api_secret}}&from={{from}}&to={{mobile}}&text={{body}}"
                .into(),
        ),
        ..posted(ContentType::Form)
    };
    request.or(vonage_answers())
}

fn twilio() -> Written {
    Written {
        url: Some("https://api.twilio.com/2010-04-01/Accounts/{{secret.account_sid}}/Messages.json".into()),
        body: Some("To={{mobile}}&From={{from}}&Body={{body}}".into()),
        auth: Some(basic("account_sid", "auth_token")),
        success: Some(SuccessRule {
            status: vec![201],
            body: vec![BodyRule::JsonNot(JsonIsNot {
                path: path("status"),
                none_of: vec![json!("failed"), json!("undelivered")],
            })],
        }),
        reference: Some(path("sid")),
        explanation: Some(vec![path("code"), path("error_code"), path("message"), path("error_message")]),
        ..posted(ContentType::Form)
    }
}

fn clickatell() -> Written {
    Written {
        url: Some("https://api.clickatell.com/rest/message".into()),
        headers: Some(vec![header("X-Version", "1"), header("Accept", "application/json")]),
        body: Some(r#"{"text":"{{body}}","to":["{{mobile}}"]}"#.into()),
        auth: Some(Auth::Bearer { token: "{{secret.token}}".to_owned().into() }),
        number_format: Some(NumberFormat::Digits),
        success: Some(SuccessRule {
            status: vec![202],
            body: vec![BodyRule::Json(JsonIs { path: path("data.message[*].accepted"), equals: json!(true) })],
        }),
        reference: Some(path("data.message[0].apiMessageId")),
        explanation: Some(vec![path("data.message[*].error.description"), path("error.description")]),
        ..posted(ContentType::Json)
    }
}

fn plivo() -> Written {
    Written {
        url: Some("https://api.plivo.com/v1/Account/{{secret.auth_id}}/Message/".into()),
        body: Some(r#"{"src":"{{from}}","dst":"{{mobile}}","text":"{{body}}"}"#.into()),
        auth: Some(basic("auth_id", "auth_token")),
        number_format: Some(NumberFormat::Digits),
        success: Some(SuccessRule { status: vec![202], body: Vec::new() }),
        reference: Some(path("message_uuid[0]")),
        explanation: Some(vec![path("error")]),
        ..posted(ContentType::Json)
    }
}

fn bulksms() -> Written {
    Written {
        url: Some("https://bulksms.vsms.net/eapi/submission/send_sms/2/2.0".into()),
        body: Some(
            "username={{secret.username}}&password={{secret.password}}&message={{body}}&msisdn={{mobile}}".into(),
        ),
        number_format: Some(NumberFormat::Digits),
        success: Some(SuccessRule { status: vec![200], body: vec![BodyRule::StartsWith("0|".into())] }),
        ..posted(ContentType::Form)
    }
}

fn posted(content_type: ContentType) -> Written {
    Written { method: Some(Method::Post), content_type: Some(content_type), ..Written::default() }
}

fn header(name: &str, value: &str) -> Header {
    Header { name: name.to_owned(), value: value.to_owned() }
}

fn basic(username: &str, password: &str) -> Auth {
    let secret = |name| format!("{{{{secret.{name}}}}}").into();
    Auth::Basic { username: secret(username), password: secret(password) }
}

#[expect(clippy::expect_used, reason = "the paths above are paths: a test reads every preset")]
fn path(text: &str) -> JsonPath {
    text.to_owned().try_into().expect("a path")
}
