//! The built-in relying party of a development server: an application like any other, to see what a sign-in gives.
//!
//! It speaks to its own server over real HTTP with the `openidconnect` crate, so what it shows is what an application of
//! one's own will get. The whole of it, in six lines:
//!
//! ```text
//! let metadata = CoreProviderMetadata::discover_async(issuer, &http).await?;
//! let client = CoreClient::from_provider_metadata(metadata, ClientId::new("demo".into()), None).set_redirect_uri(callback);
//! let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
//! let (url, state, nonce) = client.authorize_url(AuthenticationFlow::<CoreResponseType>::AuthorizationCode, CsrfToken::new_random, Nonce::new_random).set_pkce_challenge(challenge).url();
//! let tokens = client.exchange_code(code)?.set_pkce_verifier(verifier).request_async(&http).await?;
//! let claims = tokens.id_token().unwrap().claims(&client.id_token_verifier(), &nonce)?;
//! ```

mod party;

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use vestibule_core::{
    random::RandomExt as _,
    store::{StoreError, StoreResult},
    time::Time,
};
use vestibule_oauth::store::Store;

use self::party::{Going, Party};
use crate::{
    answer::{self, Drawing},
    http::{csrf, form},
    insider::ensure_client,
    pages::{self, Cause, Claim, DemoUser, Page},
    state::{Public, State},
};

/// The demo's `client_id`.
pub const CLIENT: &str = "demo";
/// Where its codes go.
pub(crate) const CALLBACK: &str = "/demo/callback";
/// The plain name of its cookie.
const COOKIE: &str = "vestibule-demo";
const FORM: &str = "demo";
/// So many visitors are remembered.
const KEPT: usize = 200;

/// The built-in relying party.
pub struct Demo {
    party: Party,
    visitors: Mutex<VecDeque<(String, Visitor)>>,
}

/// What it knows of a browser.
#[derive(Clone)]
enum Visitor {
    /// Away to sign in.
    Going(std::sync::Arc<Going>),
    /// Signed in: the ID token's claims, and the token itself for signing out.
    Here { claims: Map<String, Value>, id_token: String },
    /// Came back with an error.
    Failed(String),
}

/// Makes the demo's client.
///
/// # Errors
/// When the database fails.
pub async fn ensure(store: &Store, public: &Public) -> StoreResult<()> {
    let wanted = json!({
        "id": CLIENT,
        "name": "Demo app",
        "auth": "none",
        "redirect_uris": [public.url(CALLBACK)],
        "post_logout_redirect_uris": [public.url("/demo")],
        "consent": "skip",
    });
    let wanted =
        serde_json::from_value(wanted).map_err(|error| StoreError::Damaged(format!("the demo's client: {error}")))?;
    ensure_client(store, wanted).await
}

impl Demo {
    /// The relying party of this server.
    ///
    /// # Errors
    /// When its addresses or its HTTP client cannot be made.
    pub fn new(public: &Public) -> Result<Self, String> {
        let party = Party::new(public.issuer.as_str(), CLIENT, &public.url(CALLBACK))?;
        Ok(Self { party, visitors: Mutex::default() })
    }

    fn visitor(&self, key: &str) -> Option<Visitor> {
        let visitors = self.visitors.lock().unwrap_or_else(PoisonError::into_inner);
        visitors.iter().find(|(known, _)| known == key).map(|(_, visitor)| visitor.clone())
    }

    fn remember(&self, key: &str, visitor: Option<Visitor>) {
        let mut visitors = self.visitors.lock().unwrap_or_else(PoisonError::into_inner);
        visitors.retain(|(known, _)| known != key);
        visitors.truncate(KEPT);
        if let Some(visitor) = visitor {
            visitors.push_front((key.to_owned(), visitor));
        }
    }
}

/// `GET /demo`.
pub async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let Some(dev) = &state.dev else { return answer::error(&state, &req, Cause::NotFound) };
    let key = state.cookies.read(&req, COOKIE).unwrap_or_default();
    let (signed_in, problem) = match dev.demo.visitor(&key) {
        Some(Visitor::Here { claims, .. }) => (Some(shown(&claims)), None),
        Some(Visitor::Failed(problem)) => (None, Some(problem)),
        Some(Visitor::Going(_)) | None => (None, None),
    };
    let page = Page::Demo(pages::Demo {
        signed_in,
        login: state.public.path("/demo/login"),
        again: state.public.path("/demo/login?again=yes"),
        logout: state.public.path("/demo/logout"),
        problem,
    });
    let drawing = Drawing { csrf: csrf::token(&state.prf, FORM, &key), ..Drawing::default() };
    answer::page(&state, &req, StatusCode::OK, &page, drawing)
}

/// `GET /demo/login`: with `again`, every step is asked for anew.
pub async fn login(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let Some(dev) = &state.dev else { return answer::error(&state, &req, Cause::NotFound) };
    let again = form::query(&req).is_ok_and(|params| params.get("again").is_some());
    let key = URL_SAFE_NO_PAD.encode(state.random.bytes::<16>());
    let mut response = match dev.demo.party.go(again).await {
        Ok((url, going)) => {
            dev.demo.remember(&key, Some(Visitor::Going(going.into())));
            answer::see_other(url.as_str())
        }
        Err(problem) => {
            dev.demo.remember(&key, Some(Visitor::Failed(problem)));
            answer::see_other(&state.public.path("/demo"))
        }
    };
    if let Err(error) = response.add_cookie(&state.cookies.make(COOKIE, key)) {
        tracing::error!(%error, "a cookie could not be set");
    }
    response
}

/// `GET /demo/callback`.
pub async fn callback(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let Some(dev) = &state.dev else { return answer::error(&state, &req, Cause::NotFound) };
    let key = state.cookies.read(&req, COOKIE).unwrap_or_default();
    if let (Some(Visitor::Going(going)), Ok(params)) = (dev.demo.visitor(&key), form::query(&req)) {
        let came = match dev.demo.party.back(&going, &params, state.clock.now()).await {
            Ok((claims, id_token)) => Visitor::Here { claims, id_token },
            Err(problem) => Visitor::Failed(problem),
        };
        dev.demo.remember(&key, Some(came));
    }
    answer::see_other(&state.public.path("/demo"))
}

/// `POST /demo/logout`: signs out here and at the server.
pub async fn logout(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let Some(dev) = &state.dev else { return answer::error(&state, &req, Cause::NotFound) };
    let key = state.cookies.read(&req, COOKIE).unwrap_or_default();
    let token = form::read(&state, &req, payload).await.ok();
    let token = token.as_ref().and_then(|params| params.get(csrf::FIELD)).unwrap_or_default();
    if !csrf::same_site(&req, &state.public.origin) || !csrf::right(&state.prf, FORM, &key, token) {
        return answer::error(&state, &req, Cause::Forbidden);
    }
    let Some(Visitor::Here { id_token, .. }) = dev.demo.visitor(&key) else {
        return answer::see_other(&state.public.path("/demo"));
    };
    dev.demo.remember(&key, None);
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("id_token_hint", &id_token).append_pair("post_logout_redirect_uri", &state.public.url("/demo"));
    answer::see_other(&format!("{}?{}", state.public.path("/oauth2/logout"), query.finish()))
}

fn shown(claims: &Map<String, Value>) -> DemoUser {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let words = |name: &str| {
        let list = claims.get(name).and_then(Value::as_array).into_iter().flatten();
        list.filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let claim = |(name, value): (&String, &Value)| Claim {
        name: name.clone(),
        value: value.to_string(),
        moment: instant(name, value).map(Into::into),
    };
    DemoUser {
        name: text("name").or_else(|| text("preferred_username")).or_else(|| text("sub")).unwrap_or_default(),
        amr: words("amr"),
        acr: text("acr"),
        claims: claims.iter().map(claim).collect(),
    }
}

fn instant(name: &str, value: &Value) -> Option<Time> {
    let is_time = matches!(name, "iat" | "exp" | "nbf" | "auth_time" | "updated_at");
    value.as_i64().filter(|_| is_time).map(Time::from_unix_seconds)
}
