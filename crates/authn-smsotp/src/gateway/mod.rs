//! The gateway: one channel for every vendor's HTTP interface.
//!
//! A vendor is configuration: a URL, a body, headers, and a rule that says what the answer means. The road not taken is a
//! type per vendor, each with its own idea of time-outs, escaping and what a 200 means. Here there is one idea of each:
//! what is filled in never becomes structure ([`template`]), a redirect is not followed, an answer is read for ten seconds
//! and 64 KiB and no more, and what may have been sent is never called refused ([`rule`]).

mod address;
mod advice;
mod circuit;
mod exchange;
#[cfg(test)]
mod fuzz;
mod mask;
mod prepare;
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
    Client, Request,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use vestibule_core::{
    Channel, Connection,
    channel::{ConnectionError, Message, SendOutcome, Settings, Tried},
};

use self::{
    address::Address,
    circuit::Watched,
    exchange::{NoAnswer, bearing, exchange, no_answer, trouble, written_down},
    mask::Mask,
    prepare::{Facts, authorization, body, checked, client, content_type, headers, mask, method, timeouts, tokens},
    preset::{Preset, VONAGE_HOST, vonage_answers},
    rule::{Answer, JsonPath, SuccessRule, Verdict},
    settings::{NumberFormat, Written},
    template::{Place, Template, Values},
    token::Tokens,
};
pub use self::{
    advice::{Advice, advise},
    circuit::Circuits,
    reach::Unreachable,
    receipt::{Call, Receipt, Receipts},
    route::{Route, is_route, members},
    settings::settings_schema,
};
use crate::{Outbox, SmsOtp, allowed::Allowed, tariff};

const REFERENCE_CHARACTERS: usize = 64;
/// How much later than the client we give up.
const GRACE: Duration = Duration::from_millis(250);
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
    let (name, channel) = (connection.name.clone(), gateway(connection, outbox)?);
    Ok(Arc::new(Watched { name, channel, circuits: circuits.clone() }))
}

/// The channel of a connection that goes by no other.
fn gateway(connection: &Connection, outbox: Option<&Outbox>) -> Result<Arc<dyn Channel>, ConnectionError> {
    if Written::read(&connection.settings)?.preset != Some(Preset::Outbox) {
        return Ok(Arc::new(SmsGateway::from_settings(&connection.settings)?));
    }
    if let Some(other) =
        connection.settings.0.keys().find(|name| *name != "preset" && !tariff::NAMES.contains(&name.as_str()))
    {
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
        // The client has this limit too, and knows how far it came, so it gives up first; here it holds whatever the client counts.
        let (asked, mask) = match tokio::time::timeout(self.timeout + GRACE, self.ask(request, mask.clone())).await {
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

#[async_trait]
impl Channel for SmsGateway {
    async fn deliver(&self, message: &Message) -> SendOutcome {
        self.send(message, None).await
    }

    fn area(&self, to: &str) -> Option<String> {
        crate::area(to)
    }
}

#[cfg(test)]
mod tests;
