//! `POST /oauth2/revoke` (RFC 7009).

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use vestibule_oauth::{TokenRequest, revoke::revoke};

use super::token::{authorization, refuse};
use crate::{
    context,
    http::{cors, form},
    state::State,
};

/// A client gives a token back. 200 says that it is dead, durably.
pub async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let form = match form::read(&state, &req, payload).await {
        Ok(form) => form,
        Err(error) => return cors::open(&req, error.answer(), &state.live),
    };
    let snapshot = state.live.snapshot();
    let cx = context::of(&state, &req);
    let request = TokenRequest { authorization: authorization(&req), form: &form, cx: &cx };
    let response = match revoke(&state.deps(&snapshot), request).await {
        Ok(()) => HttpResponse::Ok().finish(),
        Err(error) => refuse(&state, &req, &error),
    };
    cors::open(&req, response, &state.live)
}
