//! `POST /oauth2/token`.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{AUTHORIZATION, HeaderValue, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    web::{Data, Payload},
};
use vestibule_oauth::{TokenError, TokenRequest, model::GrantType, token};

use crate::{
    context,
    http::{cors, form, gate::request_id},
    logging::brief,
    state::State,
    tally,
};

/// The token endpoint (RFC 6749, section 3.2).
pub async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let form = match form::read(&state, &req, payload).await {
        Ok(form) => form,
        Err(error) => return cors::open(&req, error.answer(), &state.live),
    };
    state.live.keys().await;
    let snapshot = state.live.snapshot();
    let cx = context::of(&state, &req);
    let request = TokenRequest { authorization: authorization(&req), form: &form, cx: &cx };
    let response = match token(&state.deps(&snapshot), request).await {
        Ok(answer) => {
            if form.get("grant_type") == Some(GrantType::AuthorizationCode.as_str()) {
                tally::note(&state, &snapshot, tally::words::TOKENS, answer.client.as_str());
            }
            HttpResponse::Ok().insert_header((PRAGMA, "no-cache")).json(answer.body())
        }
        Err(error) => refuse(&state, &req, &error),
    };
    cors::open(&req, response, &state.live)
}

/// The `Authorization` header; one that is no text is shown as something that nobody can mean.
pub(super) fn authorization(req: &HttpRequest) -> Option<&str> {
    req.headers().get(AUTHORIZATION).map(|value| value.to_str().unwrap_or("?"))
}

/// The registered code for the client, everything else for the log.
pub(super) fn refuse(state: &State, req: &HttpRequest, error: &TokenError) -> HttpResponse {
    let request_id = request_id(req);
    if error.status() >= 500 {
        tracing::error!(error = brief(error), request_id, "the token endpoint could not answer");
    } else {
        tracing::info!(error = brief(error), request_id, "a token request was refused");
    }
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status).insert_header((PRAGMA, "no-cache")).json(error.body());
    let headers = response.headers_mut();
    if error.challenges_basic() {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"vestibule\", charset=\"UTF-8\""));
    }
    if let Some(at) = error.retry_at(state.clock.now()) {
        let wait = at.since(state.clock.now()).as_secs().max(1);
        headers.insert(RETRY_AFTER, HeaderValue::from(wait));
    }
    response
}
