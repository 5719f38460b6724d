//! Signing in at the portal: the authorization code flow with PKCE, as any service provider does it.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web::Data};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use vestibule_core::{id::SessionId, random::RandomExt as _};
use vestibule_jose::{Expect, Typ};
use vestibule_oauth::{Params, Snapshot, TokenRequest, issuer::path, token};

use super::{CALLBACK, session};
use crate::{answer, context, http::form, pages::Cause, state::State};

/// The plain name of the cookie that a sign-in under way has.
const COOKIE: &str = "vestibule-portal-login";

/// What the browser keeps while it is away: which answer is ours, and what proves that the code is.
struct Pending {
    state: String,
    nonce: String,
    verifier: String,
}

impl Pending {
    fn new(state: &State) -> Self {
        let word = || URL_SAFE_NO_PAD.encode(state.random.bytes::<32>());
        Self { state: word(), nonce: word(), verifier: word() }
    }

    fn read(cookie: &str) -> Option<Self> {
        let mut words = cookie.split('.').map(str::to_owned);
        let pending = Self { state: words.next()?, nonce: words.next()?, verifier: words.next()? };
        words.next().is_none().then_some(pending)
    }

    fn cookie(&self) -> String {
        format!("{}.{}.{}", self.state, self.nonce, self.verifier)
    }
}

/// What the portal wants to know from an ID token.
#[derive(Deserialize)]
struct Claims {
    nonce: String,
    sid: SessionId,
}

/// Sends somebody to sign in.
pub(super) fn begin(state: &State) -> HttpResponse {
    let pending = Pending::new(state);
    let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, pending.verifier.as_bytes()));
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", &state.portal_client)
        .append_pair("redirect_uri", &state.public.url(CALLBACK))
        .append_pair("scope", "openid")
        .append_pair("state", &pending.state)
        .append_pair("nonce", &pending.nonce)
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    let mut response = answer::see_other(&format!("{}?{}", state.public.path(path::AUTHORIZE), query.finish()));
    let cookie = state.cookies.make(COOKIE, pending.cookie());
    if let Err(error) = response.add_cookie(&cookie) {
        tracing::error!(%error, "a cookie could not be set");
    }
    response
}

/// `GET /portal/callback`.
pub async fn callback(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let pending = state.cookies.read(&req, COOKIE).as_deref().and_then(Pending::read);
    let (Ok(params), Some(pending)) = (form::query(&req), pending) else {
        // Reloaded, or come from nowhere: begin anew.
        return answer::see_other(&state.public.path("/portal"));
    };
    let ours = params.get("state") == Some(&pending.state) && params.get("iss") == Some(state.public.issuer.as_str());
    let Some(code) = params.get("code").filter(|_| ours) else {
        let hint = params.get("error").filter(|_| ours).map(str::to_owned);
        let cause = if hint.is_some() { Cause::Forbidden } else { Cause::BadRequest };
        return answer::error_with(&state, &req, cause, None, hint);
    };
    match exchange(&state, &req, code, &pending).await {
        Some(session) => arrive(&state, session),
        None => answer::error(&state, &req, Cause::BadRequest),
    }
}

/// The code for an ID token, through the token endpoint's own function; then the token is checked as a client must (OpenID
/// Connect Core, section 3.1.3.7). The session that it names.
async fn exchange(state: &State, req: &HttpRequest, code: &str, pending: &Pending) -> Option<SessionId> {
    let redirect_uri = state.public.url(CALLBACK);
    let form: Params = [
        ("grant_type", "authorization_code"),
        ("client_id", &state.portal_client),
        ("code", code),
        ("redirect_uri", &redirect_uri),
        ("code_verifier", &pending.verifier),
    ]
    .into_iter()
    .collect();
    let cx = context::of(state, req);
    let snapshot = state.live.snapshot();
    let request = TokenRequest { authorization: None, form: &form, cx: &cx };
    let answer = token(&state.deps(&snapshot), request).await;
    let answer = answer.inspect_err(|error| tracing::warn!(%error, "the portal's code was refused")).ok()?;
    let claims = check(state, &snapshot, answer.id_token?.expose_secret())?;
    (claims.nonce == pending.nonce).then_some(claims.sid)
}

fn check(state: &State, snapshot: &Snapshot, id_token: &str) -> Option<Claims> {
    let expect = Expect {
        typ: Typ::Plain,
        issuer: snapshot.issuer().as_str(),
        audience: Some(&[&state.portal_client]),
        now: state.clock.now().0,
        leeway: Duration::ZERO,
        accept_expired: false,
    };
    let checked = snapshot.keys().verify(id_token, &expect);
    checked.inspect_err(|error| tracing::error!(%error, "the portal's ID token is no good")).ok()
}

fn arrive(state: &State, session: SessionId) -> HttpResponse {
    let mut response = answer::see_other(&state.public.path("/portal"));
    let value = session::cookie(session, &state.prf, state.clock.now());
    for cookie in [state.cookies.make(session::COOKIE, value), state.cookies.remove(COOKIE)] {
        if let Err(error) = response.add_cookie(&cookie) {
            tracing::error!(%error, "a cookie could not be set");
        }
    }
    response
}
