//! The discovery document (OpenID Connect Discovery, section 4; RFC 8414, section 3).

use actix_web::{HttpRequest, HttpResponse, web::Data};

use crate::{
    http::{conditional, cors},
    state::State,
};

/// Where it is.
pub const PATHS: [&str; 2] = ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

/// `GET /.well-known/openid-configuration`.
pub async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let snapshot = state.live.snapshot();
    let document = snapshot.discovery();
    cors::open(&req, conditional::json(&req, document.body(), document.etag()), &state.live)
}
