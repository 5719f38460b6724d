//! A server with an admin of each role, and a program for the API.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use vestibule_core::user::User;
use vestibule_server::{
    admin::{Permission, Role},
    state::Transaction,
};

use crate::support::{CALLBACK, TestApp, VERIFIER};

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The problem's word; that it is one.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["reference"], self.header("x-request-id"));
        problem["type"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
    }

    /// Where something is wrong.
    pub(crate) fn pointers(&self) -> Vec<String> {
        let errors = self.json()["errors"].as_array().cloned().unwrap_or_default();
        errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn ok(self) -> Self {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self
    }
}

/// Somebody who calls.
#[derive(Clone)]
pub(crate) struct Caller {
    http: reqwest::Client,
    base: String,
    headers: BTreeMap<String, String>,
}

impl Caller {
    pub(crate) fn nobody(app: &TestApp) -> Self {
        vestibule_server::http::tls::install_provider();
        let base = format!("{}/api/v1", app.place());
        Self { http: reqwest::Client::new(), base, headers: BTreeMap::new() }
    }

    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut other = self.clone();
        other.headers.insert(name.to_owned(), value.to_owned());
        other
    }

    pub(crate) fn bearer(app: &TestApp, token: &str) -> Self {
        Self::nobody(app).with("authorization", &format!("Bearer {token}"))
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        let text = body.map(ToString::to_string);
        self.send(method, path, text.as_deref(), "application/json").await
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: Option<&str>, kind: &str) -> Reply {
        let method: Method = method.parse().unwrap();
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = body {
            request = request.header("content-type", kind).body(body.to_owned());
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        Reply { status, headers, text: answer.text().await.unwrap() }
    }

    /// An answer that is read part by part.
    pub(crate) async fn open(&self, path: &str) -> reqwest::Response {
        let mut request = self.http.get(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.send().await.unwrap()
    }

    /// The beginning of an answer that has no end.
    pub(crate) async fn begun(&self, path: &str) -> Reply {
        let mut request = self.http.get(format!("{}{path}", self.base));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        Reply { status: answer.status(), headers: answer.headers().clone(), text: String::new() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.call("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Reply {
        self.call("POST", path, Some(body)).await
    }

    /// Reads a thing, and changes it from that version.
    pub(crate) async fn patch(&self, path: &str, body: &Value) -> Reply {
        let tag = self.get(path).await.ok().header("etag").to_owned();
        self.with("if-match", &tag).call("PATCH", path, Some(body)).await
    }
}

/// Every scope of the API.
pub(crate) fn all_scopes() -> String {
    Permission::ALL.map(Permission::scope).join(" ")
}

/// A server with a client for people, and one for programs, that may have every scope.
pub(crate) async fn server() -> TestApp {
    let app = TestApp::start().await;
    prepare(&app).await;
    app
}

pub(crate) async fn prepare(app: &TestApp) {
    app.chain("default", json!([["password"]])).await;
    let scopes: Vec<String> = format!("openid {}", all_scopes()).split(' ').map(str::to_owned).collect();
    let people = json!({
        "id": "tool", "name": "Tool", "redirect_uris": [CALLBACK], "consent": "skip", "scopes": scopes, "chain": "admin",
    });
    app.client(people).await;
    let program = json!({
        "id": "batch", "name": "Batch", "secret": "batch-secret-batch-secret", "scopes": scopes,
        "grant_types": ["client_credentials"],
    });
    app.client(program).await;
}

/// Somebody with these roles, whose password is their name.
pub(crate) async fn person(app: &TestApp, name: &str, roles: &[&str]) -> User {
    let user = app.user(name, name, None).await;
    let roles = roles.iter().map(|&role| role.to_owned()).collect();
    let user = User { roles, ..user };
    let saved = user.clone();
    app.write(move |tx: &mut Transaction| tx.update_user(&saved)).await;
    user
}

/// The token of somebody for some scopes, by the whole login.
pub(crate) async fn token(app: &TestApp, name: &str, scope: &str) -> String {
    let mut browser = app.browser();
    let scope = format!("openid {scope}");
    let page = browser.open(&app.authorize(&[("client_id", "tool"), ("scope", &scope)])).await;
    let page = browser.submit(&page, "password", &[("username", name), ("password", name)]).await;
    let code = page.answer("code").unwrap_or_else(|| panic!("no code: {:?} {}", page.location(), page.body));
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "tool"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let answer = app.browser().post("/oauth2/token", &form).await;
    answer.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned()
}

/// A person of a role, with a token for everything.
pub(crate) async fn admin(app: &TestApp, role: Role) -> Caller {
    let name = role.name().rsplit(':').next().unwrap().to_owned();
    person(app, &name, &[role.name()]).await;
    Caller::bearer(app, &token(app, &name, &all_scopes()).await)
}

/// A program with some scopes.
pub(crate) async fn program(app: &TestApp, scope: &str) -> Caller {
    let form = [
        ("grant_type", "client_credentials"),
        ("client_id", "batch"),
        ("client_secret", "batch-secret-batch-secret"),
        ("scope", scope),
    ];
    let answer = with_basic(app, &form).await;
    Caller::bearer(app, answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")))
}

/// Asks for a token as `batch`.
pub(crate) async fn with_basic(app: &TestApp, form: &[(&str, &str)]) -> Value {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let mut browser = app.browser();
    let basic = STANDARD.encode("batch:batch-secret-batch-secret");
    browser.headers.push(("authorization".into(), format!("Basic {basic}")));
    let form: Vec<_> = form.iter().copied().filter(|(name, _)| !name.starts_with("client_")).collect();
    browser.post("/oauth2/token", &form).await.json()
}
