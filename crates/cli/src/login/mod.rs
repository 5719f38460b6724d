//! `vestibule try login`: a whole sign-in over real HTTP, hop by hop, as a browser and a relying party would do it.
//!
//! The relying party is the `openidconnect` crate, which none of our code knows: what it accepts, others will accept. The
//! browser is a cookie jar and a reader of forms ([`page`]), so the pages themselves are walked through.

pub(crate) mod page;
mod party;
mod trace;

use std::{process::ExitCode, time::Duration};

use clap::{Args, Subcommand};
use openidconnect::{Nonce, PkceCodeVerifier};
use reqwest::{Method, StatusCode, header};
use url::Url;

use self::{
    page::{Credentials, Jar, Step},
    party::{Party, Tokens},
    trace::Trace,
};
use crate::exit::Failure;

/// The secret of the service provider `try` on a development server. `serve` warns of it.
pub(crate) use vestibule_server::dev::leftovers::TRY_SECRET;

/// What can be tried.
#[derive(Subcommand)]
pub(crate) enum Try {
    /// Sign in from start to end and show each hop; exit status 1 when anything is not as it must be.
    Login(Login),
}

/// Flags of `vestibule try login`.
#[derive(Args, Clone)]
pub(crate) struct Login {
    /// The server.
    #[arg(long, default_value = "http://localhost:8080")]
    issuer: String,
    /// The name to sign in with.
    #[arg(long, default_value = "alice")]
    user: String,
    /// The password.
    #[arg(long, default_value = "alice", env = "VESTIBULE_TRY_PASSWORD", hide_env_values = true)]
    password: String,
    /// The service provider to sign in to.
    #[arg(long, default_value = "try")]
    client: String,
    /// Its secret; empty for a public one.
    #[arg(long, default_value = TRY_SECRET, env = "VESTIBULE_TRY_SECRET", hide_env_values = true, hide_default_value = true)]
    secret: String,
    /// One of its redirect URIs. Nobody has to listen there.
    #[arg(long, default_value = "http://127.0.0.1/callback")]
    redirect_uri: String,
    /// The one-time code, where there is no outbox to read it from.
    #[arg(long)]
    code: Option<String>,
    /// Print one JSON object instead.
    #[arg(long)]
    json: bool,
}

/// More pages than any sign-in has.
const MOST_PAGES: usize = 20;
/// How long a message may take to the outbox.
const PATIENCE: Duration = Duration::from_secs(5);

impl Login {
    pub(crate) async fn run(self) -> Result<ExitCode, Failure> {
        vestibule_server::http::tls::install_provider();
        let mut trace = Trace::new(self.json);
        let outcome = self.walk(&mut trace).await;
        Ok(trace.finish(&self.issuer, outcome))
    }

    async fn walk(&self, trace: &mut Trace) -> Result<(), String> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(30))
            .build()
            .map_err(|error| error.to_string())?;
        let secret = Some(self.secret.as_str()).filter(|secret| !secret.is_empty());
        let party = Party::discover(&self.issuer, &self.client, secret, &self.redirect_uri, &http, trace).await?;
        let mut browser = Browser { http: http.clone(), jar: Jar::default(), seen: 0, login: self, party: &party };
        browser.seen = browser.messages().await.iter().map(|message| message.id).max().unwrap_or(0);

        let (url, going) = party.authorize_url(false);
        let answer = browser.sign_in(url, trace).await?;
        let code = party.read_answer(&answer, &going.state)?;
        let nonce = Nonce::new(going.nonce.clone());
        let verifier = PkceCodeVerifier::new(going.verifier.clone());
        let tokens = party.exchange(code, verifier, &nonce, &http, trace).await?;
        party.userinfo(&tokens, &http, trace).await?;
        let tokens = party.refresh(tokens, &http, trace).await?;
        if secret.is_some() {
            party.introspect(&tokens, &http, trace).await?;
        }
        self.sign_out(&mut browser, &party, &tokens, trace).await
    }

    /// Signs out, and sees that nobody is signed in any more.
    async fn sign_out(
        &self,
        browser: &mut Browser<'_>,
        party: &Party,
        tokens: &Tokens,
        trace: &mut Trace,
    ) -> Result<(), String> {
        let Some(url) = party.logout_url(tokens) else { return Ok(()) };
        let mut answer = browser.get(url, "logout", trace).await?;
        if let Some(step) = page::next(&answer.body).filter(|_| answer.status == StatusCode::OK) {
            answer = browser.submit(step, &answer.url, "logout confirmed", trace).await?;
        }
        if !answer.status.is_redirection() && answer.status != StatusCode::OK {
            return Err(format!("the logout was answered with {}", answer.status));
        }
        let (url, _) = party.authorize_url(true);
        let answer = browser.get(url, "authorize with prompt=none", trace).await?;
        match answer.location.as_ref().and_then(|url| parameter(url, "error")).as_deref() {
            Some("login_required") => Ok(()),
            other => Err(format!("after the logout, prompt=none should say login_required, and says {other:?}")),
        }
    }
}

/// A browser: cookies, forms, and nothing else.
struct Browser<'a> {
    http: reqwest::Client,
    jar: Jar,
    /// The latest message in the outbox before this sign-in.
    seen: u64,
    login: &'a Login,
    party: &'a Party,
}

/// What a request was answered with.
struct Answer {
    status: StatusCode,
    url: Url,
    location: Option<Url>,
    body: String,
}

/// A message in the outbox.
#[derive(serde::Deserialize)]
struct Message {
    id: u64,
    code: Option<String>,
}

impl Browser<'_> {
    /// Walks from the authorization request to the answer to the relying party.
    async fn sign_in(&mut self, start: Url, trace: &mut Trace) -> Result<Url, String> {
        let mut answer = self.get(start, "authorize", trace).await?;
        for _ in 0..MOST_PAGES {
            if let Some(location) = answer.location.clone() {
                if self.party.is_answer(&location) {
                    return Ok(location);
                }
                answer = self.get(location, "page", trace).await?;
                continue;
            }
            if let Some(notice) = page::notice(&answer.body) {
                return Err(format!("the page says: {notice}"));
            }
            let step = page::next(&answer.body).ok_or_else(|| stuck(&answer))?;
            let name = step.name();
            answer = self.submit(step, &answer.url, name, trace).await?;
        }
        Err("this sign-in does not end".to_owned())
    }

    async fn get(&mut self, url: Url, name: &str, trace: &mut Trace) -> Result<Answer, String> {
        self.request(Method::GET, url, None, name, trace).await
    }

    async fn submit(&mut self, step: Step, page: &Url, name: &str, trace: &mut Trace) -> Result<Answer, String> {
        let code = if step.wants_code() { self.code().await? } else { String::new() };
        let who = Credentials { username: &self.login.user, password: &self.login.password, code: &code };
        let url = page.join(step.action()).map_err(|error| error.to_string())?;
        self.request(Method::POST, url, Some(step.fill(&who)), name, trace).await
    }

    async fn request(
        &mut self,
        method: Method,
        url: Url,
        form: Option<Vec<(String, String)>>,
        name: &str,
        trace: &mut Trace,
    ) -> Result<Answer, String> {
        let hop = trace.begin(name, method.as_str(), &url);
        let mut request = self.http.request(method, url.clone()).header(header::COOKIE, self.jar.header());
        if let Some(form) = &form {
            request = request.form(form);
        }
        let response = request.send().await.map_err(|error| unreachable_words(&url, &error))?;
        let status = response.status();
        for cookie in response.headers().get_all(header::SET_COOKIE) {
            self.jar.take(cookie.to_str().unwrap_or_default());
        }
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let location = location.and_then(|text| url.join(text).ok());
        let body = response.text().await.map_err(|error| error.to_string())?;
        trace.end(hop, status.as_u16());
        Ok(Answer { status, url, location, body })
    }

    /// The code: given, or the latest that came to the outbox since this sign-in began.
    async fn code(&self) -> Result<String, String> {
        if let Some(code) = &self.login.code {
            return Ok(code.clone());
        }
        let began = std::time::Instant::now();
        while began.elapsed() < PATIENCE {
            let mut messages = self.messages().await;
            messages.retain(|message| message.id > self.seen);
            if let Some(code) = messages.into_iter().rev().find_map(|message| message.code) {
                return Ok(code);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Err("no code came to the outbox within 5 s. Without `vestibule dev` give it by --code.".to_owned())
    }

    async fn messages(&self) -> Vec<Message> {
        let url = format!("{}/dev/outbox.json", self.login.issuer.trim_end_matches('/'));
        match self.http.get(url).send().await {
            Ok(response) => response.json().await.unwrap_or_default(),
            Err(_) => Vec::new(),
        }
    }
}

fn stuck(answer: &Answer) -> String {
    let title = page::title(&answer.body).unwrap_or_default();
    format!("{} was answered with {} ({title:?}), and there is nothing to fill in", answer.url.path(), answer.status)
}

/// A parameter of a URL.
fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

fn unreachable_words(url: &Url, error: &reqwest::Error) -> String {
    if error.is_connect() {
        let place =
            format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        return format!(
            "nothing answers at {place}. Start `vestibule dev` in another terminal, or name a server with --issuer URL."
        );
    }
    error.to_string()
}
