//! The gateway: one channel for every vendor's HTTP interface.
//!
//! A vendor is configuration: a URL, a body, headers, and a rule that says what the answer means. The road not taken is a
//! type per vendor, each with its own idea of time-outs, escaping and what a 200 means. Here there is one idea of each:
//! what is filled in never becomes structure ([`template`]), a redirect is not followed, an answer is read for ten seconds
//! and 64 KiB and no more, and what may have been sent is never called refused ([`rule`]).

mod address;
mod advice;
mod circuit;
#[cfg(test)]
mod fuzz;
mod mask;
mod preset;
mod reach;
mod receipt;
mod route;
mod rule;
mod settings;
mod template;
mod token;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use reqwest::{
    Client, Request, Response,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use vestibule_core::{
    Channel, Connection,
    channel::{ConnectionError, Message, SendOutcome, Settings, Tried},
};

use self::{
    address::Address,
    advice::{names_a_secret, written_out},
    mask::Mask,
    preset::{Preset, VONAGE_HOST, vonage_answers},
    rule::{Answer, JsonPath, SuccessRule, Verdict},
    settings::{Auth, ContentType, Header, Method, NumberFormat, Written},
    template::{Place, Slot, Template, Values},
    token::Tokens,
};
pub use self::{
    advice::{Advice, advise},
    circuit::{CircuitState, Circuits},
    reach::Unreachable,
    receipt::{Call, Receipt, Receipts},
    route::{Route, is_route, members},
    settings::settings_schema,
};
use crate::{Outbox, SmsOtp, allowed::Allowed};

/// So much of an answer is read: a gateway's explanation is short, and what is longer is none.
const ANSWER_BYTES: usize = 64 * 1024;
const CONNECT_SECONDS: u64 = 5;
const TOTAL_SECONDS: u64 = 10;
const REFERENCE_CHARACTERS: usize = 64;
/// How a refusal begins where nobody took the connection.
const NO_CONNECTION: &str = "no connection";
/// The gateway does not know us (any more): nothing was sent.
const UNAUTHORIZED: u16 = 401;

/// Builds the channel of a connection of kind `sms`; one that is a route goes by others of `among`. `outbox` is the server's in
/// development, and nothing otherwise.
///
/// # Errors
/// The setting that is wrong, and why; nothing is sent to find out.
pub fn build(
    connection: &Connection,
    among: &[Connection],
    outbox: Option<&Outbox>,
    circuits: &Circuits,
) -> Result<Arc<dyn Channel>, ConnectionError> {
    if connection.kind != SmsOtp::CONNECTION_KIND {
        return Err(refused("kind", format!("`sms` is wanted, not `{}`", connection.kind)));
    }
    if is_route(&connection.settings) {
        return Ok(Arc::new(Route::new(connection, among, outbox, circuits)?));
    }
    if Written::read(&connection.settings)?.preset != Some(Preset::Outbox) {
        return Ok(Arc::new(SmsGateway::from_settings(&connection.settings)?));
    }
    if let Some(other) = connection.settings.0.keys().find(|name| *name != "preset") {
        return Err(refused(other, "the outbox has no settings of its own"));
    }
    let outbox = outbox.ok_or_else(|| refused("preset", "the outbox exists in development alone; name a gateway"))?;
    Ok(Arc::new(outbox.clone()))
}

fn refused(setting: &str, why: impl Into<String>) -> ConnectionError {
    ConnectionError { setting: setting.to_owned(), why: why.into() }
}

/// Sends text messages by HTTP.
pub struct SmsGateway {
    client: Client,
    method: reqwest::Method,
    address: Address,
    /// Headers that are the same for every message.
    fixed: HeaderMap,
    headers: Vec<(HeaderName, Template)>,
    body: Option<(Place, Template)>,
    secrets: BTreeMap<String, SecretString>,
    from: String,
    number_format: NumberFormat,
    success: SuccessRule,
    reference: Option<JsonPath>,
    explanation: Vec<JsonPath>,
    mask: Mask,
    allowed: Allowed,
    tokens: Option<Tokens>,
    timeout: Duration,
    connect: Duration,
}

impl std::fmt::Debug for SmsGateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmsGateway").field("host", &self.address.host()).finish_non_exhaustive()
    }
}

impl SmsGateway {
    /// A gateway with these settings.
    ///
    /// # Errors
    /// The setting that is wrong, and why.
    pub fn from_settings(settings: &Settings) -> Result<Self, ConnectionError> {
        let written = Written::read(settings)?;
        let preset = written.preset.map(Preset::settings).unwrap_or_default();
        if written.preset == Some(Preset::Outbox) {
            return Err(refused("preset", "the outbox is no gateway"));
        }
        Receipts::written(&written)?;
        let named = written.preset.is_some();
        let written = written.or(preset);
        let url = written.url.clone().ok_or_else(|| refused("url", "where is the message sent to?"))?;
        let address = Address::read(&url, written.allow_plain_http)?;
        let written = if !named && address.host() == VONAGE_HOST { written.or(vonage_answers()) } else { written };

        let secrets: BTreeMap<_, _> =
            written.secrets.iter().map(|(name, secret)| (name.clone(), secret.0.clone())).collect();
        let facts = Facts { secrets: &secrets, from: written.from.as_deref() };
        facts.cover("url", address.slots())?;
        let body = body(&written, &facts)?;
        let headers = headers(written.headers.as_deref().unwrap_or_default(), &facts)?;
        let (mut fixed, credentials) = authorization(written.auth.as_ref(), &facts)?;
        if let Some((place, _)) = &body {
            fixed.insert(CONTENT_TYPE, content_type(*place));
        }
        let success = checked(written.success.clone().unwrap_or_default())?;
        let (connect, timeout) = timeouts(&written)?;
        let mask = mask(&written, &url, &credentials);
        let tokens = tokens(written.auth.as_ref(), written.allow_plain_http, &facts)?;
        let is_tls = address.place().tls || tokens.is_some();
        Ok(Self {
            client: client(connect, timeout, is_tls)?,
            method: method(&written, body.is_some())?,
            address,
            fixed,
            headers,
            body,
            from: written.from.unwrap_or_default(),
            secrets,
            number_format: written.number_format.unwrap_or_default(),
            success,
            reference: written.reference,
            explanation: written.explanation.unwrap_or_default(),
            mask,
            allowed: Allowed::of(settings)?,
            tokens,
            timeout,
            connect,
        })
    }

    fn request(&self, values: &Values<'_>) -> Result<Request, String> {
        let mut request = Request::new(self.method.clone(), self.address.fill(values).map_err(|why| why.to_string())?);
        *request.headers_mut() = self.fixed.clone();
        for (name, template) in &self.headers {
            let value = template.fill(values, Place::Header).ok();
            let value = value.and_then(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
            let value = value.ok_or_else(|| format!("the header {name} would hold a control character"))?;
            request.headers_mut().append(name, value);
        }
        if let Some((place, template)) = &self.body {
            let body = template.fill(values, *place).map_err(|_| "the body cannot be filled in".to_owned())?;
            *request.body_mut() = Some(body.into());
        }
        Ok(request)
    }

    fn outcome(&self, answer: &Answer, mask: &Mask) -> SendOutcome {
        let json = serde_json::from_str::<Value>(&answer.body).ok();
        match self.success.judge(answer) {
            Verdict::Accepted => SendOutcome::Accepted { reference: self.reference(json.as_ref(), mask) },
            Verdict::Refused(why) => SendOutcome::Refused { why: self.why(&why, answer, json.as_ref(), mask) },
            Verdict::Unclear(why) => SendOutcome::Unknown { why: self.why(&why, answer, json.as_ref(), mask) },
        }
    }

    fn reference(&self, json: Option<&Value>, mask: &Mask) -> Option<String> {
        let found = self.reference.as_ref()?.find(json?).first().and_then(|value| rule::text_of(value))?;
        let readable: String = found.chars().filter(|c| !c.is_control()).take(REFERENCE_CHARACTERS).collect();
        Some(mask.apply(&readable)).filter(|reference| !reference.is_empty())
    }

    /// Our words, then the gateway's, masked and short.
    fn why(&self, ours: &str, answer: &Answer, json: Option<&Value>, mask: &Mask) -> String {
        let explained = |path: &JsonPath| json.map(|json| path.find(json)).unwrap_or_default();
        let explained: Vec<_> = self.explanation.iter().flat_map(explained).filter_map(rule::text_of).collect();
        let theirs = if explained.is_empty() { answer.body.clone() } else { explained.join(": ") };
        match mask.excerpt(&theirs) {
            theirs if theirs.is_empty() => mask.excerpt(ours),
            theirs => format!("{}: {theirs}", mask.excerpt(ours)),
        }
    }
}

impl SmsGateway {
    /// Delivers `message` and shows how that went.
    pub async fn try_out(&self, message: &Message) -> Tried {
        let mut seen = (None, None);
        let outcome = self.send(message, Some(&mut seen)).await;
        let (request, answer) = seen;
        Tried { request, answer, outcome }
    }

    /// `seen` takes request and answer, masked.
    async fn send(&self, message: &Message, mut seen: Option<&mut (Option<String>, Option<String>)>) -> SendOutcome {
        if !self.allowed.reaches(&message.to) {
            return SendOutcome::Refused { why: "no messages go to such numbers by this connection".to_owned() };
        }
        let number = match self.number_format {
            NumberFormat::E164 => message.to.as_str(),
            NumberFormat::Digits => message.to.trim_start_matches('+'),
        };
        let (body, code) = (message.body.expose_secret(), message.code.expose_secret());
        let mask = self.mask.clone().hide([message.to.as_str(), number, body, code]);
        let values = Values { number, body, code, from: &self.from, secrets: &self.secrets };
        let request = match self.request(&values) {
            Ok(request) => request,
            Err(why) => return SendOutcome::Refused { why },
        };
        if let Some((shown, _)) = seen.as_deref_mut() {
            *shown = Some(mask.apply(&written_down(&request)));
        }
        // The client has this limit too; here it holds whatever the client counts.
        let (asked, mask) = match tokio::time::timeout(self.timeout, self.ask(request, mask.clone())).await {
            Ok(asked) => asked,
            Err(_) => return SendOutcome::Unknown { why: no_answer(self.timeout) },
        };
        match asked {
            Ok(answer) => {
                if let Some((_, shown)) = seen {
                    *shown = Some(format!("HTTP {}\n{}", answer.status, mask.excerpt(&answer.body)));
                }
                self.outcome(&answer, &mask)
            }
            Err(NoAnswer::Broken(error)) => trouble(error, &mask),
            Err(NoAnswer::NoToken(why)) => SendOutcome::Refused { why: mask.excerpt(&format!("no token: {why}")) },
        }
    }

    /// The answer of the gateway, and the mask that hides the token in it. A token that it does not take is renewed once: what it
    /// answers with 401 it has not sent.
    async fn ask(&self, request: Request, mut mask: Mask) -> (Result<Answer, NoAnswer>, Mask) {
        let Some(tokens) = &self.tokens else {
            return (exchange(&self.client, request).await.map_err(NoAnswer::Broken), mask);
        };
        let mut spoilt = None;
        loop {
            let token = match tokens.get(&self.client, spoilt.as_ref()).await {
                Ok(token) => token,
                Err(why) => return (Err(NoAnswer::NoToken(why)), mask),
            };
            mask = mask.hide([token.expose_secret()]);
            let Some(with_token) = bearing(&request, &token) else {
                return (Err(NoAnswer::NoToken("it does not fit into a header".to_owned())), mask);
            };
            match exchange(&self.client, with_token).await {
                Ok(answer) if answer.status == UNAUTHORIZED && spoilt.is_none() => spoilt = Some(token),
                answer => return (answer.map_err(NoAnswer::Broken), mask),
            }
        }
    }
}

/// Why there is no answer of the gateway.
enum NoAnswer {
    Broken(reqwest::Error),
    /// There is no token for it, and why.
    NoToken(String),
}

/// The request with a token; a body of ours can always be sent once more.
fn bearing(request: &Request, token: &SecretString) -> Option<Request> {
    let mut request = request.try_clone()?;
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret())).ok()?;
    value.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, value);
    Some(request)
}

#[async_trait]
impl Channel for SmsGateway {
    async fn deliver(&self, message: &Message) -> SendOutcome {
        self.send(message, None).await
    }
}

/// A request as text. Headers that are marked as sensitive are dots.
fn written_down(request: &Request) -> String {
    let mut text = format!("{} {}", request.method(), request.url());
    for (name, value) in request.headers() {
        let value = if value.is_sensitive() { "•••" } else { value.to_str().unwrap_or("•••") };
        text += &format!("\n{name}: {value}");
    }
    if let Some(body) = request.body().and_then(reqwest::Body::as_bytes) {
        text += &format!("\n\n{}", String::from_utf8_lossy(body));
    }
    text
}

fn no_answer(timeout: Duration) -> String {
    format!("no answer within {} s", timeout.as_secs())
}

async fn exchange(client: &Client, request: Request) -> Result<Answer, reqwest::Error> {
    let response = client.execute(request).await?;
    let status = response.status().as_u16();
    let (body, whole) = read_body(response).await;
    Ok(Answer { status, body: String::from_utf8_lossy(&body).into_owned(), whole })
}

/// The beginning of the body, and whether that is all of it. A body that breaks off is no error: the status may say enough.
async fn read_body(mut response: Response) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                let room = ANSWER_BYTES.saturating_sub(body.len());
                body.extend(chunk.iter().take(room));
                if chunk.len() > room {
                    return (body, false);
                }
            }
            Ok(None) => return (body, true),
            Err(_) => return (body, false),
        }
    }
}

/// What an exchange that failed means. Before there was a connection nothing was sent; after that anything may have been.
fn trouble(error: reqwest::Error, mask: &Mask) -> SendOutcome {
    let (connecting, timed_out, building) = (error.is_connect(), error.is_timeout(), error.is_builder());
    // The URL in the text of the error holds whatever was filled in.
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let cause = mask.excerpt(&cause.to_string());
    match (connecting, timed_out) {
        (true, true) => SendOutcome::Refused { why: format!("{NO_CONNECTION} in time") },
        (true, false) => SendOutcome::Refused { why: format!("{NO_CONNECTION}: {cause}") },
        (false, _) if building => SendOutcome::Refused { why: format!("the request could not be made: {cause}") },
        (false, true) => SendOutcome::Unknown { why: "no answer in time".to_owned() },
        (false, false) => SendOutcome::Unknown { why: format!("the connection broke: {cause}") },
    }
}

/// What is known before there is a message.
struct Facts<'a> {
    secrets: &'a BTreeMap<String, SecretString>,
    from: Option<&'a str>,
}

impl Facts<'_> {
    /// Refuses a template that asks for what was not given.
    fn cover<'s>(&self, setting: &str, slots: impl Iterator<Item = &'s Slot>) -> Result<(), ConnectionError> {
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

fn body(written: &Written, facts: &Facts<'_>) -> Result<Option<(Place, Template)>, ConnectionError> {
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

fn content_type(place: Place) -> HeaderValue {
    HeaderValue::from_static(match place {
        Place::Json => "application/json",
        Place::Xml => "application/xml; charset=utf-8",
        Place::Form | Place::Url | Place::Header => "application/x-www-form-urlencoded",
    })
}

fn headers(written: &[Header], facts: &Facts<'_>) -> Result<Vec<(HeaderName, Template)>, ConnectionError> {
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
fn authorization(auth: Option<&Auth>, facts: &Facts<'_>) -> Result<(HeaderMap, Vec<String>), ConnectionError> {
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
fn tokens(auth: Option<&Auth>, plain_http: bool, facts: &Facts<'_>) -> Result<Option<Tokens>, ConnectionError> {
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

fn method(written: &Written, has_body: bool) -> Result<reqwest::Method, ConnectionError> {
    match written.method {
        Some(Method::Get) if has_body => Err(refused("method", "a GET has no body")),
        Some(Method::Get) => Ok(reqwest::Method::GET),
        Some(Method::Put) => Ok(reqwest::Method::PUT),
        Some(Method::Post) => Ok(reqwest::Method::POST),
        None if has_body => Ok(reqwest::Method::POST),
        None => Ok(reqwest::Method::GET),
    }
}

fn checked(success: SuccessRule) -> Result<SuccessRule, ConnectionError> {
    if success.status.is_empty() || !success.status.iter().all(|status| (200..300).contains(status)) {
        return Err(refused("success.status", "numbers from 200 to 299 are wanted: no other says that it was done"));
    }
    Ok(success)
}

fn timeouts(written: &Written) -> Result<(Duration, Duration), ConnectionError> {
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
fn mask(written: &Written, url: &str, credentials: &[String]) -> Mask {
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
fn client(connect: Duration, total: Duration, is_tls: bool) -> Result<Client, ConnectionError> {
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

#[cfg(test)]
mod tests;
