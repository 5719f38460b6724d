//! `/oauth2/logout` (OpenID Connect RP-Initiated Logout).

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use vestibule_core::{session::Session, user::User};
use vestibule_oauth::{
    Params,
    issuer::path,
    logout::{LogoutPlan, Then, plan_logout},
};

use super::refusals;
use crate::{
    answer::{self, Drawing},
    context,
    http::{cookies::SESSION, csrf, form, headers},
    pages::{App, Cause, ConfirmLogout, Hidden, Page, SignedOut},
    state::State,
};

const FORM: &str = "logout";
/// Our own form's inputs, which are no parameters of the protocol.
const OURS: [&str; 2] = [csrf::FIELD, "decision"];

/// `GET /oauth2/logout`.
pub async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    log_out(&state, &req, req.query_string(), false).await
}

/// `POST /oauth2/logout`: the person's answer on our page, or a client's request in a form. The latter is turned into a GET,
/// since it comes without the session's cookie.
pub async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let params = match form::read(&state, &req, payload).await {
        Ok(params) => params,
        Err(error) => return answer::form_error(&state, &req, error),
    };
    let query = form::to_query(params.iter().filter(|(name, _)| !OURS.contains(name)));
    let Some(given) = params.get(csrf::FIELD) else {
        let path = state.public.path(path::LOGOUT);
        if form::fits(&state, &path, &query) {
            return answer::see_other(&format!("{path}?{query}"));
        }
        return log_out(&state, &req, &query, false).await;
    };
    let cookie = state.cookies.read(&req, SESSION).unwrap_or_default();
    if !csrf::same_site(&req, &state.public.origin) || !csrf::right(&state.prf, FORM, &cookie, given) {
        return answer::error(&state, &req, Cause::Forbidden);
    }
    if params.get("decision") != Some("allow") {
        return answer::see_other(&state.public.path("/portal"));
    }
    log_out(&state, &req, &query, true).await
}

async fn log_out(state: &State, req: &HttpRequest, query: &str, confirmed: bool) -> HttpResponse {
    let cookie = state.cookies.read(req, SESSION).unwrap_or_default();
    let session = match state.engine.session_ref(&cookie) {
        Some(reference) => state.engine.session(reference).await,
        None => Ok(None),
    };
    let session = match session {
        Ok(session) => session,
        Err(error) => return answer::engine_error(state, req, &error, None),
    };
    let snapshot = state.live.snapshot();
    let living = session.as_ref().map(|(session, _): &(Session, User)| session);
    match plan_logout(query.as_bytes(), living, confirmed, &snapshot, state.clock.now()) {
        Err(error) => refusals::page(state, req, &error),
        Ok(LogoutPlan::SignedOut(then)) => signed_out(state, req, &then),
        Ok(LogoutPlan::End { session, then }) => {
            match state.engine.end_session(session, &context::of(state, req)).await {
                Ok(_) => signed_out(state, req, &then),
                Err(error) => answer::engine_error(state, req, &error, None),
            }
        }
        Ok(LogoutPlan::Confirm { client_name }) => {
            let user = session.as_ref().map(|(_, user)| user.into());
            let app = client_name.map(|name| App { name, host: None });
            confirm(
                state,
                req,
                query,
                ConfirmLogout { user, app, action: state.public.path("/oauth2/logout"), hidden: Vec::new() },
                &cookie,
            )
        }
    }
}

/// Asks the person, with all that the client sent along.
fn confirm(state: &State, req: &HttpRequest, query: &str, asked: ConfirmLogout, cookie: &str) -> HttpResponse {
    let params = Params::parse(query.as_bytes()).unwrap_or_default();
    let hidden = params.iter().filter(|(name, _)| !OURS.contains(name));
    let hidden = hidden.map(|(name, value)| Hidden { name: name.to_owned(), value: value.to_owned() }).collect();
    let page = Page::ConfirmLogout(ConfirmLogout { hidden, ..asked });
    let drawing = Drawing { csrf: csrf::token(&state.prf, FORM, cookie), ..Drawing::default() };
    let mut response = answer::page(state, req, StatusCode::OK, &page, drawing);
    // It is registered: the plan would have refused it otherwise.
    let place = params.get("post_logout_redirect_uri").and_then(headers::form_action_source);
    headers::allow_forms_to(&mut response, place.as_slice());
    response
}

fn signed_out(state: &State, req: &HttpRequest, then: &Then) -> HttpResponse {
    let mut response = match then {
        Then::Redirect(url) => answer::see_other(url.as_str()),
        Then::Page => {
            let page = Page::SignedOut(SignedOut { back: None });
            answer::page(state, req, StatusCode::OK, &page, Drawing::default())
        }
    };
    if let Err(error) = response.add_cookie(&state.cookies.remove(SESSION)) {
        tracing::error!(%error, "a cookie could not be removed");
    }
    response
}
