//! The operations that are measured, each as one function of a connection.

use std::cell::RefCell;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use openidconnect::{PkceCodeChallenge, PkceCodeVerifier};
use url::form_urlencoded::Serializer;

use super::{http::Http, sink::Sink};
use crate::login::{TRY_SECRET, page};

/// The service provider of the measurements.
const CLIENT: &str = "try";
const REDIRECT: &str = "http://127.0.0.1/callback";
const VERIFIER: &str = "a-code-verifier-of-the-bench-with-enough-characters";
const MOST_PAGES: usize = 8;

/// One kind of operation, with what it needs.
pub(super) enum Work {
    /// The same request again and again; with several, each worker has one of them.
    Fixed {
        /// The requests, as they are sent.
        requests: Vec<String>,
        /// What they are answered with.
        status: u16,
    },
    /// A refresh; each worker has its own token.
    Refresh(RefCell<Vec<String>>),
    /// A code is exchanged; ends when there is none left.
    Exchange(RefCell<Vec<String>>),
    /// A whole sign-in with password, SMS code, consent-free answer and tokens; each worker is a user of its own.
    Login {
        /// Where messages arrive.
        sink: Sink,
    },
}

impl Work {
    /// A GET.
    pub(super) fn get(path: &str, headers: &str) -> Self {
        Self::fixed(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}\r\n"))
    }

    /// A POST of a form.
    pub(super) fn post(path: &str, headers: &str, body: &str) -> Self {
        let length = body.len();
        let form = super::http::FORM;
        let request =
            format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n{form}{headers}\r\n{body}");
        Self::fixed(request)
    }

    /// An authorization request of somebody new, answered by the way to its page.
    pub(super) fn authorize() -> Self {
        match Self::get(&authorize_path(), "") {
            Self::Fixed { requests, .. } => Self::Fixed { requests, status: 303 },
            other => other,
        }
    }

    /// Some workers do this, some that.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fixed { mut requests, status }, Self::Fixed { requests: others, .. }) => {
                requests.extend(others);
                Self::Fixed { requests, status }
            }
            (this, _) => this,
        }
    }

    fn fixed(request: String) -> Self {
        Self::Fixed { requests: vec![request], status: 200 }
    }

    /// Does it once; whether there is more to do.
    pub(super) async fn once(&self, worker: usize, http: &mut Http) -> Result<bool, String> {
        match self {
            Self::Fixed { requests, status } => {
                let request = requests.get(worker % requests.len().max(1)).ok_or("no request")?;
                http.exchange(request).await.map_err(|error| error.to_string())?.expect(*status, "request")?;
            }
            Self::Refresh(tokens) => {
                let token = tokens.borrow().get(worker).cloned().ok_or("no refresh token")?;
                let next = refresh(http, &token).await?;
                if let Some(kept) = tokens.borrow_mut().get_mut(worker) {
                    *kept = next;
                }
            }
            Self::Exchange(codes) => {
                let code = codes.borrow_mut().pop();
                let Some(code) = code else { return Ok(false) };
                exchange(http, &code).await?;
            }
            Self::Login { sink } => {
                let (_, code) = sign_in(http, worker, sink).await?;
                exchange(http, &code).await?;
            }
        }
        Ok(true)
    }
}

/// The `Authorization` header of the client.
pub(super) fn basic() -> String {
    format!("authorization: Basic {}\r\n", STANDARD.encode(format!("{CLIENT}:{TRY_SECRET}")))
}

/// The name of a worker's user.
pub(super) fn user(worker: usize) -> String {
    format!("load{worker}")
}

/// The number of a worker's user, without its plus.
pub(super) fn number(worker: usize) -> String {
    format!("1202555{:04}", 100 + worker)
}

/// The password of every user.
pub(super) const PASSWORD: &str = "correct horse battery staple";

pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

pub(super) fn authorize_path() -> String {
    let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(VERIFIER.to_owned()));
    let query = form(&[
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", REDIRECT),
        ("scope", "openid profile email offline_access"),
        ("state", "state"),
        ("nonce", "nonce"),
        ("code_challenge", challenge.as_str()),
        ("code_challenge_method", "S256"),
    ]);
    format!("/oauth2/authorize?{query}")
}

/// Signs a worker's user in: the cookies of the session, and a code.
pub(super) async fn sign_in(http: &mut Http, worker: usize, sink: &Sink) -> Result<(String, String), String> {
    let mut jar = page::Jar::default();
    let user = user(worker);
    let mut reply = http.get(&authorize_path(), "").await.map_err(|error| error.to_string())?;
    let mut path = String::new();
    for _ in 0..MOST_PAGES {
        reply.cookies.iter().for_each(|cookie| jar.take(cookie));
        let cookies = format!("cookie: {}\r\n", jar.header());
        if let Some(location) = &reply.location {
            if let Some(code) = code_in(location) {
                return Ok((cookies, code));
            }
            path = relative(location);
            reply = http.get(&path, &cookies).await.map_err(|error| error.to_string())?;
            continue;
        }
        let html = reply.text();
        let step =
            page::next(&html).ok_or_else(|| format!("nothing to fill in at {path}: {:?}", page::title(&html)))?;
        let code = if step.wants_code() { wait_for(sink, worker).await? } else { String::new() };
        let who = page::Credentials { username: &user, password: PASSWORD, code: &code };
        let action = relative(step.action());
        let filled = step.fill(&who);
        let pairs: Vec<_> = filled.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        reply = http.post(&action, &cookies, &form(&pairs)).await.map_err(|error| error.to_string())?;
        if reply.status >= 400 {
            return Err(format!("{action} was answered with {}: {:?}", reply.status, page::notice(&reply.text())));
        }
    }
    Err(format!("the sign-in of {user} does not end"))
}

/// A code by single sign-on.
pub(super) async fn next_code(http: &mut Http, cookies: &str) -> Result<String, String> {
    let reply =
        http.get(&authorize_path(), cookies).await.map_err(|error| error.to_string())?.expect(303, "authorize")?;
    reply.location.as_deref().and_then(code_in).ok_or_else(|| "single sign-on gave no code".to_owned())
}

/// Exchanges a code: the access token and the refresh token.
pub(super) async fn exchange(http: &mut Http, code: &str) -> Result<(String, String), String> {
    let body = form(&[
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]);
    let reply = http
        .post("/oauth2/token", &basic(), &body)
        .await
        .map_err(|error| error.to_string())?
        .expect(200, "code exchange")?;
    let access = reply.member("access_token").ok_or("no access token")?;
    Ok((access, reply.member("refresh_token").unwrap_or_default()))
}

async fn refresh(http: &mut Http, token: &str) -> Result<String, String> {
    let body = form(&[("grant_type", "refresh_token"), ("refresh_token", token)]);
    let reply =
        http.post("/oauth2/token", &basic(), &body).await.map_err(|error| error.to_string())?.expect(200, "refresh")?;
    reply.member("refresh_token").ok_or_else(|| "no refresh token".to_owned())
}

async fn wait_for(sink: &Sink, worker: usize) -> Result<String, String> {
    let number = number(worker);
    for _ in 0..5000 {
        if let Some(code) = sink.take(&number) {
            return Ok(code);
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    Err(format!("no message came for {number}"))
}

fn code_in(location: &str) -> Option<String> {
    let query = location.strip_prefix(REDIRECT)?.strip_prefix('?')?;
    url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "code").map(|(_, value)| value.into_owned())
}

pub(super) fn relative(location: &str) -> String {
    match location.split_once("://").and_then(|(_, rest)| rest.split_once('/')) {
        Some((_, path)) => format!("/{path}"),
        None => location.to_owned(),
    }
}
