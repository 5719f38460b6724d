//! From settings to the parts of a gateway, each checked before there is a message: whatever can be wrong is said when it is saved,
//! by the setting's name.

use std::{collections::BTreeMap, time::Duration};

use reqwest::{
    Client,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use vestibule_core::channel::ConnectionError;

use super::{
    address::Address,
    advice::{names_a_secret, written_out},
    mask::Mask,
    refused,
    rule::SuccessRule,
    settings::{Auth, ContentType, Header, Method, Written},
    template::{Place, Slot, Template, Values},
    token::Tokens,
};

const CONNECT_SECONDS: u64 = 5;
const TOTAL_SECONDS: u64 = 10;

/// What is known before there is a message.
pub(super) struct Facts<'a> {
    pub(super) secrets: &'a BTreeMap<String, SecretString>,
    pub(super) from: Option<&'a str>,
}

impl Facts<'_> {
    /// Refuses a template that asks for what was not given.
    pub(super) fn cover<'s>(
        &self,
        setting: &str,
        slots: impl Iterator<Item = &'s Slot>,
    ) -> Result<(), ConnectionError> {
        for slot in slots {
            match slot {
                Slot::Secret(name) if !self.secrets.contains_key(name) => {
                    return Err(refused(&format!("secrets.{name}"), format!("is missing, and `{setting}` needs it")));
                }
                Slot::From if self.from.is_none() => {
                    return Err(refused("from", format!("is missing, and `{setting}` needs it")));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Fills in what is the same for every message.
    fn fill(&self, setting: &str, text: &SecretString) -> Result<String, ConnectionError> {
        let template = Template::read(setting, text.expose_secret())?;
        self.cover(setting, template.slots())?;
        if template.slots().any(|slot| !matches!(slot, Slot::Secret(_) | Slot::From)) {
            return Err(refused(setting, "only {{secret.NAME}} and {{from}} can stand here"));
        }
        let values = Values { number: "", body: "", code: "", from: self.from.unwrap_or(""), secrets: self.secrets };
        template.fill(&values, Place::Header).map_err(|_| refused(setting, "a secret in it holds a control character"))
    }

    /// Values with everything in them that could break a text.
    fn nasty(&self) -> Values<'_> {
        Values {
            number: "12025550142",
            body: "\"}]\\\n{,",
            code: "1",
            from: self.from.unwrap_or(""),
            secrets: self.secrets,
        }
    }
}

pub(super) fn body(written: &Written, facts: &Facts<'_>) -> Result<Option<(Place, Template)>, ConnectionError> {
    let Some(text) = &written.body else { return Ok(None) };
    let place = match written.content_type {
        Some(ContentType::Json) => Place::Json,
        Some(ContentType::Form) => Place::Form,
        Some(ContentType::Xml) => Place::Xml,
        Some(ContentType::None) | None => return Err(refused("content_type", "a body is `json`, `form` or `xml`")),
    };
    let template = Template::read("body", text)?;
    facts.cover("body", template.slots())?;
    let filled = template.fill(&facts.nasty(), place).unwrap_or_default();
    if place == Place::Json && serde_json::from_str::<Value>(&filled).is_err() {
        return Err(refused("body", "this is no JSON once it is filled in; placeholders belong between quotes"));
    }
    Ok(Some((place, template)))
}

pub(super) fn content_type(place: Place) -> HeaderValue {
    HeaderValue::from_static(match place {
        Place::Json => "application/json",
        Place::Xml => "application/xml; charset=utf-8",
        Place::Form | Place::Url | Place::Header => "application/x-www-form-urlencoded",
    })
}

pub(super) fn headers(written: &[Header], facts: &Facts<'_>) -> Result<Vec<(HeaderName, Template)>, ConnectionError> {
    const OURS: [&str; 5] = ["host", "content-length", "transfer-encoding", "connection", "content-type"];
    let mut headers = Vec::new();
    for (position, Header { name, value }) in written.iter().enumerate() {
        let at = |field: &str| format!("headers[{position}].{field}");
        let name: HeaderName = name.trim().parse().map_err(|_| refused(&at("name"), "this is no name of a header"))?;
        if OURS.contains(&name.as_str()) {
            return Err(refused(&at("name"), format!("{name} is set by the server (see `content_type`)")));
        }
        let template = Template::read(&at("value"), value)?;
        facts.cover(&at("value"), template.slots())?;
        if template.slots().any(|slot| *slot == Slot::Body) {
            return Err(refused(&at("value"), "the text of a message has several lines, which a header cannot hold"));
        }
        if template.fill(&facts.nasty(), Place::Header).map_or(true, |value| value.chars().any(char::is_control)) {
            return Err(refused(&at("value"), "a header holds no control characters"));
        }
        headers.push((name, template));
    }
    Ok(headers)
}

/// The header by which the gateway knows us, and what in it must not be seen.
pub(super) fn authorization(
    auth: Option<&Auth>,
    facts: &Facts<'_>,
) -> Result<(HeaderMap, Vec<String>), ConnectionError> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let (name, value, hidden) = match auth {
        None | Some(Auth::None) => return Ok((HeaderMap::new(), Vec::new())),
        Some(Auth::OAuth2 { client_id, client_secret, .. }) => {
            let id = facts.fill("auth.client_id", &client_id.0)?;
            let secret = facts.fill("auth.client_secret", &client_secret.0)?;
            return Ok((HeaderMap::new(), vec![format!("{id}:{secret}"), secret]));
        }
        Some(Auth::Basic { username, password }) => {
            let (username, password) =
                (facts.fill("auth.username", &username.0)?, facts.fill("auth.password", &password.0)?);
            if username.contains(':') {
                return Err(refused("auth.username", "a colon cannot stand in it (RFC 7617)"));
            }
            let encoded = STANDARD.encode(format!("{username}:{password}"));
            (AUTHORIZATION, format!("Basic {encoded}"), vec![encoded, username, password])
        }
        Some(Auth::Bearer { token }) => {
            let token = facts.fill("auth.token", &token.0)?;
            (AUTHORIZATION, format!("Bearer {token}"), vec![token])
        }
        Some(Auth::Header { name, value }) => {
            let name: HeaderName =
                name.trim().parse().map_err(|_| refused("auth.name", "this is no name of a header"))?;
            let value = facts.fill("auth.value", &value.0)?;
            (name, value.clone(), vec![value])
        }
    };
    let mut value = HeaderValue::from_str(&value).map_err(|_| refused("auth", "it does not fit into a header"))?;
    value.set_sensitive(true);
    Ok((HeaderMap::from_iter([(name, value)]), hidden))
}

/// Where the tokens come from by which the gateway knows us.
pub(super) fn tokens(
    auth: Option<&Auth>,
    plain_http: bool,
    facts: &Facts<'_>,
) -> Result<Option<Tokens>, ConnectionError> {
    let Some(Auth::OAuth2 { token_url, client_id, client_secret, scope }) = auth else { return Ok(None) };
    let elsewhere = |error: ConnectionError| refused("auth.token_url", error.why);
    let address = Address::read(token_url, plain_http).map_err(elsewhere)?;
    if address.slots().next().is_some() {
        return Err(refused("auth.token_url", "no placeholder can stand here"));
    }
    let at = token_url.trim().parse().map_err(|_| refused("auth.token_url", "this is no URL"))?;
    let id = facts.fill("auth.client_id", &client_id.0)?;
    let secret = facts.fill("auth.client_secret", &client_secret.0)?;
    let tokens = Tokens::new(at, &id, &secret, scope.as_deref());
    tokens.map(Some).ok_or_else(|| refused("auth", "it does not fit into a header"))
}

pub(super) fn method(written: &Written, has_body: bool) -> Result<reqwest::Method, ConnectionError> {
    match written.method {
        Some(Method::Get) if has_body => Err(refused("method", "a GET has no body")),
        Some(Method::Get) => Ok(reqwest::Method::GET),
        Some(Method::Put) => Ok(reqwest::Method::PUT),
        Some(Method::Post) => Ok(reqwest::Method::POST),
        None if has_body => Ok(reqwest::Method::POST),
        None => Ok(reqwest::Method::GET),
    }
}

pub(super) fn checked(success: SuccessRule) -> Result<SuccessRule, ConnectionError> {
    if success.status.is_empty() || !success.status.iter().all(|status| (200..300).contains(status)) {
        return Err(refused("success.status", "numbers from 200 to 299 are wanted: no other says that it was done"));
    }
    Ok(success)
}

pub(super) fn timeouts(written: &Written) -> Result<(Duration, Duration), ConnectionError> {
    let total = written.timeout_seconds.unwrap_or(TOTAL_SECONDS);
    if !(1..=TOTAL_SECONDS).contains(&total) {
        return Err(refused(
            "timeout_seconds",
            format!("a number from 1 to {TOTAL_SECONDS} is wanted: somebody waits for it"),
        ));
    }
    let connect = written.connect_timeout_seconds.unwrap_or(CONNECT_SECONDS.min(total));
    if !(1..=total).contains(&connect) {
        return Err(refused("connect_timeout_seconds", format!("a number from 1 to {total} is wanted")));
    }
    Ok((Duration::from_secs(connect), Duration::from_secs(total)))
}

/// Everything that an answer may say back and nobody may see: secrets, wherever they were written, and what the admin named.
pub(super) fn mask(written: &Written, url: &str, credentials: &[String]) -> Mask {
    let in_url: Vec<_> = written_out(url).into_iter().flat_map(|(_, as_written, plain)| [as_written, plain]).collect();
    let in_headers = written.headers.iter().flatten().filter(|header| names_a_secret(&header.name));
    Mask::default()
        .hide(written.secrets.values().map(|secret| secret.0.expose_secret()))
        .hide(written.mask.iter().map(String::as_str))
        .hide(credentials.iter().map(String::as_str))
        .hide(in_url.iter().map(String::as_str))
        .hide(in_headers.map(|header| header.value.as_str()))
}

/// One client for the life of the gateway. The roots of trust are the machine's (`ca-certificates` on Debian); where only http
/// is spoken none are read, so that a development machine without them works.
pub(super) fn client(connect: Duration, total: Duration, is_tls: bool) -> Result<Client, ConnectionError> {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Whoever was faster installed the same one.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
    let builder = Client::builder()
        .connect_timeout(connect)
        .timeout(total)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        // Sent twice is paid twice.
        .retry(reqwest::retry::never())
        .user_agent(concat!("vestibule/", env!("CARGO_PKG_VERSION")));
    let builder = if is_tls { builder } else { builder.tls_certs_only([]) };
    builder.build().map_err(|error| {
        let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
        refused("url", format!("TLS cannot be used here: {why} (is the package ca-certificates installed?)"))
    })
}
