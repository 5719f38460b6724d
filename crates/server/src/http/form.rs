//! Bodies: read once, bounded in size and time. What stands in them is read by `oauth::params`, strictly.
//!
//! The framework's own extractors were not taken: they fold repeated parameters into one and put a replacement character for
//! what is not UTF-8, and both decide about security here (RFC 6749, section 3.1: a parameter must not be repeated).

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::CONTENT_TYPE},
    web::{Bytes, Payload},
};
use vestibule_oauth::params::{Params, ParamsError};

use crate::state::State;

/// Everybody takes a URI of this length (RFC 9110, section 4.1). Longer ones may get lost at a proxy in between.
const URI_FOR_ALL: usize = 8000;
/// Nobody types a form into the connection by hand.
const BODY_TIME: Duration = Duration::from_secs(10);

/// Why a body or a query could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormError {
    /// It is longer than allowed.
    #[error("the request is too large")]
    TooLarge,
    /// It came too slowly.
    #[error("the request took too long")]
    TooSlow,
    /// The connection broke.
    #[error("the request ended early")]
    Broken,
    /// It is not a form.
    #[error("the content type must be application/x-www-form-urlencoded")]
    NotAForm,
    /// It cannot be read as one.
    #[error(transparent)]
    Unreadable(#[from] ParamsError),
}

impl FormError {
    /// Its HTTP status.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge | Self::Unreadable(ParamsError::TooLong) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Broken | Self::Unreadable(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The answer of an endpoint for programs: 400 and `invalid_request` (RFC 6749, section 5.2), but for what is HTTP's own
    /// business.
    pub fn answer(self) -> HttpResponse {
        let status = if self == Self::NotAForm { StatusCode::BAD_REQUEST } else { self.status() };
        HttpResponse::build(status).json(serde_json::json!({
            "error": "invalid_request",
            "error_description": self.to_string(),
        }))
    }
}

/// Whether the request says that its body is of this type.
pub fn is(req: &HttpRequest, media_type: &str) -> bool {
    let said = req.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    said.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
}

/// The body, whatever it is, up to the configured size.
///
/// # Errors
/// When it is too large or does not come.
pub async fn body(state: &State, payload: Payload) -> Result<Bytes, FormError> {
    body_up_to(payload, state.sizes.body).await
}

/// The same up to another size.
///
/// # Errors
/// When it is too large or does not come.
pub async fn body_up_to(payload: Payload, most: usize) -> Result<Bytes, FormError> {
    let read = tokio::time::timeout(BODY_TIME, payload.to_bytes_limited(most));
    match read.await {
        Err(_) => Err(FormError::TooSlow),
        Ok(Err(_)) => Err(FormError::TooLarge),
        Ok(Ok(Err(_))) => Err(FormError::Broken),
        Ok(Ok(Ok(bytes))) => Ok(bytes),
    }
}

/// The form in a body.
///
/// # Errors
/// When it is none.
pub async fn read(state: &State, req: &HttpRequest, payload: Payload) -> Result<Params, FormError> {
    if !is(req, "application/x-www-form-urlencoded") {
        return Err(FormError::NotAForm);
    }
    Ok(Params::parse(&body(state, payload).await?)?)
}

/// Parameters, and nothing else of a request, as the query of an address.
pub fn to_query<'a>(params: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(params).finish()
}

/// Whether a browser may be sent to `path` with this query. A form that another site posts comes without the session's
/// cookie, which is `SameSite=Lax`; the GET that the browser is sent to brings it.
pub fn fits(state: &State, path: &str, query: &str) -> bool {
    query.len() <= state.sizes.query && path.len() + 1 + query.len() <= URI_FOR_ALL
}

/// The query of a request.
///
/// # Errors
/// When it is no clean text.
pub fn query(req: &HttpRequest) -> Result<Params, FormError> {
    Ok(Params::parse(req.query_string().as_bytes())?)
}
