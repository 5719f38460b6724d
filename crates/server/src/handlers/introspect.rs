//! `POST /oauth2/introspect` (RFC 7662).

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use vestibule_oauth::{TokenRequest, introspect::introspect};

use super::token::{authorization, refuse};
use crate::{context, http::form, state::State};

/// What a token is good for.
pub async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let form = match form::read(&state, &req, payload).await {
        Ok(form) => form,
        Err(error) => return error.answer(),
    };
    let snapshot = state.live.snapshot();
    let cx = context::of(&state, &req);
    let request = TokenRequest { authorization: authorization(&req), form: &form, cx: &cx };
    match introspect(&state.deps(&snapshot), request).await {
        Ok(said) => HttpResponse::Ok().json(said),
        Err(error) => refuse(&state, &req, &error),
    }
}
