//! The JWK Set (RFC 7517).

use actix_web::{HttpRequest, HttpResponse, web::Data};

use crate::{
    http::{conditional, cors},
    state::State,
};

/// `GET /oauth2/jwks`. At the first start it waits for the first keys.
pub async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    state.live.keys().await;
    let snapshot = state.live.snapshot();
    let keys = snapshot.keys();
    cors::open(&req, conditional::json(&req, keys.jwks(), keys.etag()), &state.live)
}
