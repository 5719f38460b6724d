//! `/oauth2/userinfo` (OpenID Connect Core, section 5.3).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    web::{Data, Payload},
};
use serde_json::json;
use vestibule_oauth::{
    Params,
    userinfo::{BearerError, userinfo},
};

use super::token::authorization;
use crate::{
    http::{cors, form, gate::request_id},
    state::State,
};

/// `GET /oauth2/userinfo`.
pub async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    tell(&state, &req, None).await
}

/// `POST /oauth2/userinfo`: the token is in the header here, too, or in a form (RFC 6750, section 2.2). A body of another kind
/// is nobody's business.
pub async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    if !form::is(&req, "application/x-www-form-urlencoded") {
        return tell(&state, &req, None).await;
    }
    match form::read(&state, &req, payload).await {
        Ok(form) => tell(&state, &req, Some(&form)).await,
        Err(error) => cors::open(&req, error.answer(), &state.live),
    }
}

async fn tell(state: &State, req: &HttpRequest, form: Option<&Params>) -> HttpResponse {
    let snapshot = state.live.snapshot();
    let response = match userinfo(&state.deps(&snapshot), authorization(req), form).await {
        Ok(claims) => HttpResponse::Ok().json(claims),
        Err(error) => refuse(req, &error),
    };
    cors::open(req, response, &state.live)
}

fn refuse(req: &HttpRequest, error: &BearerError) -> HttpResponse {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let code = match error {
        BearerError::Missing | BearerError::Invalid => "invalid_token",
        BearerError::Malformed => "invalid_request",
        BearerError::Scope => "insufficient_scope",
        BearerError::Store(error) => {
            tracing::error!(%error, request_id = request_id(req), "userinfo could not answer");
            "temporarily_unavailable"
        }
    };
    let mut response = HttpResponse::build(status).json(json!({ "error": code }));
    if let Some(challenge) = error.challenge() {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}
