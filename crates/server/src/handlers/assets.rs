//! The style sheet, the scripts and the logo.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::CACHE_CONTROL,
    web::{Bytes, Data},
};

use crate::{answer, pages::Cause, state::State};

/// `GET /assets/{name}`: the name changes with the content, so a browser may keep it for ever.
pub async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    match state.pages.assets().at(req.path()) {
        Some(asset) => HttpResponse::Ok()
            .content_type(asset.content_type)
            .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
            .body(Bytes::from_static(asset.body.as_bytes())),
        None => answer::error(&state, &req, Cause::NotFound),
    }
}

/// `GET /favicon.ico`: browsers read the media type, not the name.
pub async fn favicon(state: Data<State>) -> HttpResponse {
    match state.pages.assets().logo() {
        Some(logo) => HttpResponse::Ok()
            .content_type(logo.content_type)
            .insert_header((CACHE_CONTROL, "public, max-age=86400"))
            .body(Bytes::from_static(logo.body.as_bytes())),
        None => HttpResponse::NotFound().finish(),
    }
}
