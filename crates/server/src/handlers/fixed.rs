//! Answers that are the same for everybody: `robots.txt`, where a password is changed, and what is not there.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CACHE_CONTROL, LOCATION},
    web::Data,
};

use crate::{answer, pages::Cause, state::State};

/// `GET /robots.txt`: nothing here is for a search engine.
pub async fn robots() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/plain; charset=utf-8")
        .insert_header((CACHE_CONTROL, "public, max-age=86400"))
        .body("User-agent: *\nDisallow: /\n")
}

/// `GET /.well-known/change-password` (W3C, "A Well-Known URL for Changing Passwords").
pub async fn change_password(state: Data<State>) -> HttpResponse {
    HttpResponse::Found().insert_header((LOCATION, state.public.path("/portal/password"))).finish()
}

/// `GET /.well-known/webauthn`: whose pages may use the passkeys of this server (Web Authentication, Level 3, section 5.11.1).
/// Where there are none, there is no such document either.
pub async fn related_origins(req: HttpRequest, state: Data<State>) -> HttpResponse {
    if state.related_origins.is_empty() {
        return not_found(req, state).await;
    }
    let origins: Vec<_> = state.related_origins.iter().map(|url| url.origin().ascii_serialization()).collect();
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "public, max-age=3600"))
        .json(serde_json::json!({ "origins": origins }))
}

/// Whatever is not there. Password managers ask for a made-up well-known resource to learn whether our 404 is honest.
pub async fn not_found(req: HttpRequest, state: Data<State>) -> HttpResponse {
    answer::error(&state, &req, Cause::NotFound)
}
