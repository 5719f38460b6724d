//! Signing in at an insider: the authorization code flow with PKCE, as any service provider does it.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use vestibule_core::{
    id::SessionId,
    interaction::Errand,
    random::RandomExt as _,
    session::SessionRef,
    store::{StoreExt as _, StoreResult},
};
use vestibule_jose::{Expect, Typ};
use vestibule_oauth::{Params, Snapshot, TokenRequest, issuer::path, token};

use super::{Insider, Visitor};
use crate::{
    answer, context,
    handlers::authorize,
    http::form,
    pages::Cause,
    state::{State, Transaction},
};

/// What the browser keeps while it is away: which answer is ours, what proves that the code is, and where it was going.
struct Pending {
    state: String,
    nonce: String,
    verifier: String,
    to: String,
}

impl Pending {
    fn new(state: &State, to: &str) -> Self {
        let word = || URL_SAFE_NO_PAD.encode(state.random.bytes::<32>());
        Self { state: word(), nonce: word(), verifier: word(), to: to.to_owned() }
    }

    fn read(cookie: &str) -> Option<Self> {
        let mut words = cookie.split('.').map(str::to_owned);
        let (state, nonce, verifier, to) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let to = String::from_utf8(URL_SAFE_NO_PAD.decode(to).ok()?).ok()?;
        words.next().is_none().then_some(Self { state, nonce, verifier, to })
    }

    fn cookie(&self) -> String {
        format!("{}.{}.{}.{}", self.state, self.nonce, self.verifier, URL_SAFE_NO_PAD.encode(&self.to))
    }
}

/// What an insider wants to know from an ID token.
#[derive(Deserialize)]
struct Claims {
    nonce: String,
    sid: SessionId,
}

impl Insider<'_> {
    /// Sends somebody to sign in, and back to `to`, a path of this insider. `more` are further parameters of the request.
    pub(crate) fn begin(&self, state: &State, to: &str, more: &[(&str, &str)]) -> HttpResponse {
        let pending = Pending::new(state, to);
        let query = self.query(state, &pending, more);
        let response = answer::see_other(&format!("{}?{query}", state.public.path(path::AUTHORIZE)));
        self.remembering(state, &pending, response)
    }

    /// Sends somebody who is here on an errand, such as to set up one more way to sign in, and back to `to`.
    ///
    /// The request is made, checked and handed to the engine here, without the way over an address: an errand is set by no
    /// parameter, so nobody outside can send anybody on one. A sealed hint in the query was the road not taken, as it would have to
    /// be single-use, bound and kept somewhere to be worth as much.
    pub(crate) async fn send_on(
        &self,
        state: &State,
        req: &HttpRequest,
        visitor: &Visitor,
        errand: Errand,
        to: &str,
    ) -> HttpResponse {
        let pending = Pending::new(state, to);
        let query = self.query(state, &pending, &[("login_hint", visitor.user.username.as_str())]);
        let response = authorize::on_errand(state, req, &query, errand, visitor.user.id).await;
        self.remembering(state, &pending, response)
    }

    fn query(&self, state: &State, pending: &Pending, more: &[(&str, &str)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, pending.verifier.as_bytes()));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", self.client)
            .append_pair("redirect_uri", &state.public.url(self.callback))
            .append_pair("scope", "openid")
            .append_pair("state", &pending.state)
            .append_pair("nonce", &pending.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .extend_pairs(more);
        query.finish()
    }

    fn remembering(&self, state: &State, pending: &Pending, mut response: HttpResponse) -> HttpResponse {
        let cookie = state.cookies.make(self.login_cookie, pending.cookie());
        if let Err(error) = response.add_cookie(&cookie) {
            tracing::error!(%error, "a cookie could not be set");
        }
        response
    }

    /// Takes somebody in who comes back.
    pub(crate) async fn callback(&self, req: &HttpRequest, state: &State) -> HttpResponse {
        let pending = state.cookies.read(req, self.login_cookie).as_deref().and_then(Pending::read);
        let (Ok(params), Some(pending)) = (form::query(req), pending) else {
            // Reloaded, or come from nowhere: begin anew.
            return answer::see_other(&state.public.path(self.home));
        };
        let ours =
            params.get("state") == Some(&pending.state) && params.get("iss") == Some(state.public.issuer.as_str());
        let Some(code) = params.get("code").filter(|_| ours) else {
            let hint = params.get("error").filter(|_| ours).map(str::to_owned);
            let cause = if hint.is_some() { Cause::Forbidden } else { Cause::BadRequest };
            return answer::error_with(state, req, cause, None, hint);
        };
        let Some(session) = self.exchange(state, req, code, &pending).await else {
            return answer::error(state, req, Cause::BadRequest);
        };
        match present(state, session).await {
            Ok(Some(session)) => self.arrive(state, session, &pending.to),
            Ok(None) => answer::see_other(&state.public.path(self.home)),
            Err(error) => answer::store_error(state, req, &error),
        }
    }

    /// The code for an ID token, through the token endpoint's own function; then the token is checked as a client must
    /// (OpenID Connect Core, section 3.1.3.7). The session that it names.
    async fn exchange(&self, state: &State, req: &HttpRequest, code: &str, pending: &Pending) -> Option<SessionId> {
        let redirect_uri = state.public.url(self.callback);
        let form: Params = [
            ("grant_type", "authorization_code"),
            ("client_id", self.client),
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
        let answer =
            answer.inspect_err(|error| tracing::warn!(%error, client = self.client, "a code was refused")).ok()?;
        let claims = self.check(state, &snapshot, answer.id_token?.expose_secret())?;
        (claims.nonce == pending.nonce).then_some(claims.sid)
    }

    fn check(&self, state: &State, snapshot: &Snapshot, id_token: &str) -> Option<Claims> {
        let expect = Expect {
            typ: Typ::Plain,
            issuer: snapshot.issuer().as_str(),
            audience: Some(&[self.client]),
            now: state.clock.now().0,
            leeway: Duration::ZERO,
            accept_expired: false,
        };
        let checked = snapshot.keys().verify(id_token, &expect);
        checked.inspect_err(|error| tracing::error!(%error, client = self.client, "an ID token is no good")).ok()
    }

    /// The cookie is the browser's, so where it leads is looked at again: a path below the insider's own.
    fn arrive(&self, state: &State, session: SessionRef, to: &str) -> HttpResponse {
        let below = |rest: &str| rest.is_empty() || rest.starts_with(['/', '?']);
        let plain = |path: &str| !path.contains(['\\', '#']) && path.is_ascii() && !path.contains(char::is_control);
        let to = if to.strip_prefix(self.home).is_some_and(below) && plain(to) { to } else { self.home };
        let mut response = answer::see_other(&state.public.path(to));
        let value = self.cookie_value(session, &state.prf, state.clock.now());
        for cookie in [state.cookies.make(self.cookie, value), state.cookies.remove(self.login_cookie)] {
            if let Err(error) = response.add_cookie(&cookie) {
                tracing::error!(%error, "a cookie could not be set");
            }
        }
        response
    }
}

/// A session as it is after the login that just ended.
async fn present(state: &State, id: SessionId) -> StoreResult<Option<SessionRef>> {
    let now = state.clock.now();
    let read = move |tx: &mut Transaction| Ok(tx.session(id)?.filter(|session| session.alive(now)));
    Ok(state.store.read(read).await?.map(|session| session.reference()))
}
