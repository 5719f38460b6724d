//! The portal's door: who is here, whether a form is one of ours, and the way out.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use vestibule_core::audit::AuditEvent;
use vestibule_oauth::Params;

use super::{ACTIVITY, APPS, CONFIRM, DATA, FACTORS, HOME, LOGOUT, PASSWORD, PROFILE};
use crate::{
    answer::{self, Drawing},
    context,
    http::{cookies::SESSION, csrf, form},
    insider::{Insider, Visitor},
    pages::{Cause, Page, Paths, SignedOut},
    state::State,
};

const FORM: &str = "portal";

pub(super) fn insider(state: &State) -> Insider<'_> {
    Insider::portal(&state.portal_client)
}

/// Who is here; who is not signed in is sent to do that, and then back.
pub(super) async fn enter(state: &State, req: &HttpRequest) -> Result<Visitor, HttpResponse> {
    match insider(state).visitor(state, req).await {
        Ok(Some(visitor)) => Ok(visitor),
        Ok(None) => Err(insider(state).begin(state, here(state, req), &[])),
        Err(error) => Err(answer::store_error(state, req, &error)),
    }
}

/// The path of this page, as it is without what an issuer's address puts before it.
fn here<'a>(state: &State, req: &'a HttpRequest) -> &'a str {
    let path = req.path();
    let below = state.public.issuer.path();
    path.strip_prefix(below).filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

/// Who posts, when the form is one of ours in this browser.
pub(super) async fn admitted(
    state: &State,
    req: &HttpRequest,
    payload: Payload,
) -> Result<(Visitor, Params), HttpResponse> {
    if !csrf::same_site(req, &state.public.origin) {
        return Err(answer::error(state, req, Cause::Forbidden));
    }
    let params = form::read(state, req, payload).await.map_err(|error| answer::form_error(state, req, error))?;
    let visitor = insider(state).visitor(state, req).await.map_err(|error| answer::store_error(state, req, &error))?;
    let visitor = visitor.ok_or_else(|| insider(state).begin(state, HOME, &[]))?;
    let given = params.get(csrf::FIELD).unwrap_or_default();
    if !csrf::right(&state.prf, FORM, &visitor.cookie, given) {
        return Err(answer::error(state, req, Cause::Forbidden));
    }
    Ok((visitor, params))
}

/// A page of the portal, with the token of its forms, in the language that its owner chose.
pub(super) fn show(
    state: &State,
    req: &HttpRequest,
    visitor: &Visitor,
    status: StatusCode,
    page: &Page,
) -> HttpResponse {
    let csrf = csrf::token(&state.prf, FORM, &visitor.cookie);
    let drawing = Drawing { csrf, ui_locales: visitor.user.locale.as_slice() };
    answer::page(state, req, status, page, drawing)
}

/// The portal's paths, as its pages link to them.
pub(super) fn paths(state: &State) -> Paths {
    let path = |path: &str| state.public.path(path);
    Paths {
        home: path(HOME),
        logout: path(LOGOUT),
        factors: path(FACTORS),
        password: path(PASSWORD),
        activity: path(ACTIVITY),
        apps: path(APPS),
        profile: path(PROFILE),
        data: path(DATA),
        confirm: path(CONFIRM),
    }
}

/// What the log tells of something that a visitor did.
pub(super) fn event(state: &State, req: &HttpRequest, visitor: &Visitor, kind: &str) -> AuditEvent {
    let cx = context::of(state, req);
    AuditEvent {
        user: Some(visitor.user.id),
        network: Some(cx.network().as_str().to_owned()),
        request_id: Some(cx.request_id),
        ..AuditEvent::new(kind, state.clock.now(), &*state.random)
    }
}

/// `GET /portal/callback`.
pub(super) async fn callback(req: HttpRequest, state: Data<State>) -> HttpResponse {
    insider(&state).callback(&req, &state).await
}

/// `POST /portal/logout`: signs out of this browser.
pub(super) async fn logout(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (visitor, _) = match admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    if let Err(error) = state.engine.end_session(visitor.session.id, &context::of(&state, &req)).await {
        return answer::engine_error(&state, &req, &error, None);
    }
    let page = Page::SignedOut(SignedOut { back: None });
    let mut response = answer::page(&state, &req, StatusCode::OK, &page, Drawing::default());
    for cookie in [state.cookies.remove(insider(&state).cookie), state.cookies.remove(SESSION)] {
        if let Err(error) = response.add_cookie(&cookie) {
            tracing::error!(%error, "a cookie could not be removed");
        }
    }
    response
}
