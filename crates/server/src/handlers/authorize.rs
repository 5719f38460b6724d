//! `/oauth2/authorize`: where every sign-in begins.

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::Cookie,
    web::{Data, Payload},
};
use vestibule_core::{
    engine::{EngineError, FRESH, Start, Started},
    id::{InteractionId, UserId},
    interaction::{Errand, Request},
    session::SessionRef,
};
use vestibule_oauth::{
    ClientAnswer, Params, Snapshot,
    authorize::{Refusal, ValidRequest, authorize, to_engine_request},
    issuer::path,
};

use super::refusals;
use crate::{
    answer, context,
    http::{
        cookies::{Cookies, SESSION},
        form::{self, FormError},
        gate::about,
    },
    joining,
    pages::{Cause, interaction},
    state::State,
    tally,
};

/// `GET /oauth2/authorize`.
pub async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    begin(&state, &req, req.query_string().as_bytes()).await
}

/// `POST /oauth2/authorize` (OpenID Connect Core, section 3.1.2.1): the same parameters in a form. They are turned into a GET
/// where they fit: from the page of a service provider, a form comes without the session's cookie, and whoever is signed in
/// would have to sign in again, or be unknown to `prompt=none`.
pub async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    if !form::is(&req, "application/x-www-form-urlencoded") {
        return answer::form_error(&state, &req, FormError::NotAForm);
    }
    let body = match form::body(&state, payload).await {
        Ok(body) => body,
        Err(error) => return answer::form_error(&state, &req, error),
    };
    if let Ok(params) = Params::parse(&body) {
        let (path, query) = (state.public.path(path::AUTHORIZE), form::to_query(params.iter()));
        if form::fits(&state, &path, &query) {
            return answer::see_other(&format!("{path}?{query}"));
        }
    }
    begin(&state, &req, &body).await
}

async fn begin(state: &State, req: &HttpRequest, parameters: &[u8]) -> HttpResponse {
    let snapshot = state.live.snapshot();
    let valid = match authorize(parameters, &snapshot, state.clock.now()) {
        Ok(valid) => valid,
        Err(refusal) => {
            refusal.note(parameters, &state.deps(&snapshot), &context::of(state, req)).await;
            return match &refusal {
                Refusal::Page(error) => refusals::page(state, req, error),
                Refusal::Client(told) => to_client(state, req, told),
            };
        }
    };
    run(state, req, &snapshot, valid, None).await
}

/// An errand of this server's own pages. No parameter names one: who calls this has made the request itself, for `user`, whom
/// they have in front of them.
pub(crate) async fn on_errand(
    state: &State,
    req: &HttpRequest,
    query: &str,
    errand: Errand,
    user: UserId,
) -> HttpResponse {
    let (snapshot, now) = (state.live.snapshot(), state.clock.now());
    let mut valid = match authorize(query.as_bytes(), &snapshot, now) {
        Ok(valid) => valid,
        Err(refusal) => {
            tracing::error!(?refusal, "a request of our own is refused");
            return answer::error(state, req, Cause::Internal);
        }
    };
    valid.asked.required_user = Some(user);
    // What was proved in this browser this morning says nothing of who sits there now.
    valid.asked.not_before = Some(now - FRESH);
    run(state, req, &snapshot, valid, Some(errand)).await
}

async fn run(
    state: &State,
    req: &HttpRequest,
    snapshot: &Snapshot,
    valid: ValidRequest,
    errand: Option<Errand>,
) -> HttpResponse {
    about(req, &valid.client().id);
    let shown = state.cookies.read(req, SESSION).and_then(|cookie| state.engine.session_ref(&cookie));
    let mut request = Request { errand, ..to_engine_request(valid.clone()) };
    // Frozen with it: a message that leaves later is in the language of the page.
    request.locales.extend(answer::languages(req));
    let start = Start { chain: valid.chain(snapshot), session: shown, interactive: valid.interactive(), request };
    match state.engine.start(start, &context::of(state, req)).await {
        Ok(Started::Finished { answer, session, device }) => {
            let mut response = refusals::to_answer(state, req, &answer);
            if shown != Some(session) {
                sign_in(state, session, &mut response);
            }
            if let Some(device) = device {
                add(&context::device_cookie(state, device), &mut response);
            }
            response
        }
        Ok(Started::Refused { answer, .. }) => refusals::to_answer(state, req, &answer),
        Ok(Started::Interaction { id, binding }) => {
            tally::note(state, snapshot, tally::words::STARTED, valid.client().id.as_str());
            let page = if valid.creates() { joining::path_from(state, id) } else { interaction::path(id) };
            to_interaction(state, req, id, binding, page)
        }
        Ok(Started::NotInteractive(why)) => to_client(state, req, &valid.not_interactive(why)),
        Err(EngineError::Store(error)) => {
            tracing::warn!(%error, "an authorization request could not be planned");
            to_client(state, req, &valid.trouble(&error))
        }
        Err(error) => answer::engine_error(state, req, &error, None),
    }
}

fn to_client(state: &State, req: &HttpRequest, told: &ClientAnswer) -> HttpResponse {
    match told.url(&state.prf, &state.public.issuer) {
        Ok(url) => answer::see_other(url.as_str()),
        Err(error) => {
            tracing::error!(%error, "the client cannot be told");
            answer::error(state, req, Cause::Internal)
        }
    }
}

/// The browser showed an older generation, since the answer with this one was lost: it gets it now, before the older one is
/// honoured no longer.
fn sign_in(state: &State, session: SessionRef, response: &mut HttpResponse) {
    add(&state.cookies.make(SESSION, state.engine.session_cookie(session)), response);
}

fn add(cookie: &Cookie<'_>, response: &mut HttpResponse) {
    if let Err(error) = response.add_cookie(cookie) {
        tracing::error!(%error, "a cookie could not be set");
    }
}

/// To the first page, with the cookie that binds it to this browser.
fn to_interaction(state: &State, req: &HttpRequest, id: InteractionId, binding: String, page: String) -> HttpResponse {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((actix_web::http::header::LOCATION, page));
    for old in state.cookies.surplus_interactions(req) {
        response.cookie(state.cookies.remove(&old));
    }
    response.cookie(state.cookies.make(&Cookies::interaction(id), binding)).finish()
}
