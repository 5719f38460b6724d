//! Access tokens of a gateway that wants OAuth 2.0 (RFC 6749, section 4.4): fetched with the client's credentials, kept until
//! shortly before their end, and thrown away when the gateway no longer takes them.
//!
//! They are kept in memory alone, and fetched by one message at a time: the others wait for it, since they would want the same.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::{
    Client, Request,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::{sync::Mutex, time::Instant};
use url::Url;

use super::{exchange, settings::Secret, template::Place};

/// A token is renewed so long before its end, that it does not end on the way.
const MARGIN: Duration = Duration::from_secs(30);
/// How long one is kept whose life is not told.
const UNTOLD: u64 = 300;
/// No token is trusted for longer.
const LONGEST: u64 = 86_400;

/// Where tokens come from, and the present one.
pub(super) struct Tokens {
    at: Url,
    /// The client's credentials, as a header has them.
    credentials: HeaderValue,
    form: String,
    present: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    value: SecretString,
    until: Instant,
}

#[derive(Deserialize)]
struct Granted {
    access_token: Secret,
    token_type: String,
    expires_in: Option<u64>,
}

impl Tokens {
    /// Tokens from `at` for this client; `None` when its credentials do not fit into a header.
    pub(super) fn new(at: Url, id: &str, secret: &str, scope: Option<&str>) -> Option<Self> {
        let escaped = |text: &str| Place::Form.escape(text).ok();
        // Section 2.3.1: both are encoded as in a form before they are joined.
        let encoded = STANDARD.encode(format!("{}:{}", escaped(id)?, escaped(secret)?));
        let mut credentials = HeaderValue::from_str(&format!("Basic {encoded}")).ok()?;
        credentials.set_sensitive(true);
        let scope = match scope {
            Some(scope) => format!("&scope={}", escaped(scope)?),
            None => String::new(),
        };
        let form = format!("grant_type=client_credentials{scope}");
        Some(Self { at, credentials, form, present: Mutex::new(None) })
    }

    /// A token that the gateway takes; one that it took no longer is replaced.
    ///
    /// # Errors
    /// Why there is none: nothing was sent then. It holds no secret.
    pub(super) async fn get(&self, client: &Client, spoilt: Option<&SecretString>) -> Result<SecretString, String> {
        let mut present = self.present.lock().await;
        let same = |token: &Token| spoilt.is_some_and(|spoilt| spoilt.expose_secret() == token.value.expose_secret());
        if let Some(token) = present.as_ref().filter(|token| Instant::now() < token.until && !same(token)) {
            return Ok(token.value.clone());
        }
        *present = None;
        let token = self.fetch(client).await?;
        let value = token.value.clone();
        *present = Some(token);
        Ok(value)
    }

    async fn fetch(&self, client: &Client) -> Result<Token, String> {
        let mut request = Request::new(reqwest::Method::POST, self.at.clone());
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.credentials.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        *request.body_mut() = Some(self.form.clone().into());
        let asked = Instant::now();
        let answer = exchange(client, request).await.map_err(|_| "there is no answer".to_owned())?;
        if answer.status != 200 {
            return Err(format!("HTTP {}", answer.status));
        }
        // serde would quote what it did not like.
        let granted: Granted =
            serde_json::from_str(&answer.body).map_err(|_| "the answer holds no token".to_owned())?;
        if !granted.token_type.eq_ignore_ascii_case("bearer") || granted.access_token.0.expose_secret().is_empty() {
            return Err("the token is no bearer token".to_owned());
        }
        let life = Duration::from_secs(granted.expires_in.unwrap_or(UNTOLD).min(LONGEST));
        Ok(Token { value: granted.access_token.0, until: asked + life.saturating_sub(MARGIN) })
    }
}
