//! Answers for people and programs: a page drawn in their language, or JSON for who asked for that.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, ACCEPT, ACCEPT_LANGUAGE, HeaderValue},
    },
};
use vestibule_core::{engine::EngineError, store::StoreError};

use crate::{
    http::{form::FormError, gate::request_id},
    pages::{Cause, ErrorPage, Link, Page, PageContext, accepted, negotiate},
    state::State,
};

/// So long a program should wait when the database does not answer.
const RETRY_AFTER: &str = "2";

/// What a page is drawn with, beside itself.
#[derive(Default)]
pub struct Drawing<'a> {
    /// The token of its forms.
    pub csrf: String,
    /// The languages that the application asked for.
    pub ui_locales: &'a [String],
}

/// Whether the caller wants JSON rather than a page.
pub fn wants_json(req: &HttpRequest) -> bool {
    let accept = req.headers().get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("application/json") && !accept.contains("text/html")
}

/// The language for this request.
pub fn locale(req: &HttpRequest, ui_locales: &[String]) -> &'static str {
    negotiate(ui_locales, accept_language(req))
}

/// The languages that the browser asks for, best first.
pub fn languages(req: &HttpRequest) -> Vec<String> {
    accepted(accept_language(req).unwrap_or_default())
}

fn accept_language(req: &HttpRequest) -> Option<&str> {
    req.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok())
}

/// A page.
pub fn page(state: &State, req: &HttpRequest, status: StatusCode, page: &Page, drawing: Drawing<'_>) -> HttpResponse {
    let locale = locale(req, drawing.ui_locales);
    let cx = PageContext {
        locale,
        nonce: None,
        csrf: drawing.csrf,
        dev_banner: state.dev.is_some(),
        host: state.public.host.clone(),
    };
    match state.pages.render(page, &cx) {
        Ok(html) => html_answer(status, html, locale),
        Err(error) => {
            tracing::error!(%error, request_id = request_id(req), "a page could not be drawn");
            HttpResponse::InternalServerError().content_type("text/plain; charset=utf-8").body(request_id(req))
        }
    }
}

fn html_answer(status: StatusCode, html: String, locale: &'static str) -> HttpResponse {
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_LANGUAGE, HeaderValue::from_static(locale)))
        .append_header((header::VARY, HeaderValue::from_static("Accept, Accept-Language, Cookie")))
        .body(html)
}

/// Something cannot be done: a page with a reference, or the same as JSON.
pub fn error(state: &State, req: &HttpRequest, cause: Cause) -> HttpResponse {
    error_with(state, req, cause, None, None)
}

/// The same with a way back and, in development, a hint for the developer.
pub fn error_with(
    state: &State,
    req: &HttpRequest,
    cause: Cause,
    back: Option<Link>,
    hint: Option<String>,
) -> HttpResponse {
    let status = StatusCode::from_u16(cause.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let reference = request_id(req);
    let hint = hint.filter(|_| state.dev.is_some());
    let mut response = if wants_json(req) {
        let error = serde_json::to_value(cause).unwrap_or_default();
        let body =
            serde_json::json!({ "error": error, "reference": reference, "hint": hint, "back": back.map(|b| b.href) });
        HttpResponse::build(status).json(body)
    } else {
        let mut shown = ErrorPage::new(cause, reference);
        (shown.hint, shown.back) = (hint, back);
        page(state, req, status, &Page::Error(shown), Drawing::default())
    };
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    }
    response
}

/// What the engine could not do.
pub fn engine_error(state: &State, req: &HttpRequest, error: &EngineError, back: Option<Link>) -> HttpResponse {
    match error {
        EngineError::NotFound => error_with(state, req, Cause::NotFound, back, None),
        EngineError::WrongBrowser => error_with(state, req, Cause::WrongBrowser, back, None),
        EngineError::Store(error) => store_error(state, req, error),
    }
}

/// What the database did not do. The cause is for the log alone.
pub fn store_error(state: &State, req: &HttpRequest, error: &StoreError) -> HttpResponse {
    let request_id = request_id(req);
    match error {
        StoreError::Unavailable(_) | StoreError::Conflict(_) => {
            tracing::warn!(%error, request_id, "the database did not answer");
            self::error(state, req, Cause::Unavailable)
        }
        StoreError::Damaged(_) => {
            tracing::error!(%error, request_id, "stored data cannot be read");
            self::error(state, req, Cause::Internal)
        }
    }
}

/// A form that cannot be read.
pub fn form_error(state: &State, req: &HttpRequest, error: FormError) -> HttpResponse {
    let cause = if error.status() == StatusCode::PAYLOAD_TOO_LARGE { Cause::TooLarge } else { Cause::BadRequest };
    let mut response = error_with(state, req, cause, None, Some(error.to_string()));
    *response.status_mut() = error.status();
    response
}

/// After a panic, when nothing of the request is left but its id.
pub fn broken(state: &State, reference: &str) -> HttpResponse {
    let cx = PageContext {
        locale: "en",
        nonce: None,
        csrf: String::new(),
        dev_banner: state.dev.is_some(),
        host: state.public.host.clone(),
    };
    let shown = Page::Error(ErrorPage::new(Cause::Internal, reference));
    let html = state.pages.render(&shown, &cx).unwrap_or_else(|_| reference.to_owned());
    html_answer(StatusCode::INTERNAL_SERVER_ERROR, html, "en")
}

/// 303: whatever was posted, the next request is a GET (RFC 9700, section 4.12).
pub fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish()
}
