//! What is answered when something was done.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, LINK, LOCATION},
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    BASE,
    problem::{Kind, Problem},
};
use crate::{
    admin::{Etag, Versioned, paging::Listing},
    state::State,
};

const PREFER: HeaderName = HeaderName::from_static("prefer");
const APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// What a function of the table gives: an answer that is there as a whole, or one that is given part by part.
pub(super) enum Reply {
    Whole(Answer),
    Parts(HttpResponse),
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Whole(answer)
    }
}

impl From<HttpResponse> for Reply {
    fn from(response: HttpResponse) -> Self {
        Self::Parts(response)
    }
}

impl Reply {
    /// The answer, to be kept or rehearsed: what changes something is never given part by part.
    pub(super) fn whole(self) -> Result<Answer, Problem> {
        match self {
            Self::Whole(answer) => Ok(answer),
            Self::Parts(_) => Err(Problem::new(Kind::Internal, "this cannot be kept")),
        }
    }
}

/// What is answered when something was done. It can be kept, to be given again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Answer {
    status: u16,
    body: Option<Value>,
    etag: Option<String>,
    location: Option<String>,
    next: Option<String>,
}

impl Answer {
    /// A value.
    pub(super) fn json(value: &impl Serialize) -> Self {
        let body = Some(serde_json::to_value(value).unwrap_or_default());
        Self { status: 200, body, etag: None, location: None, next: None }
    }

    /// A value with its version.
    pub(super) fn versioned<T: Serialize>(value: &Versioned<T>) -> Self {
        Self::json(&value.value).tagged(&value.etag)
    }

    /// With a version.
    #[must_use]
    pub(super) fn tagged(mut self, etag: &Etag) -> Self {
        self.etag = Some(etag.0.clone());
        self
    }

    /// A page of a list.
    pub(super) fn list<T: Serialize>(listing: &Listing<T>) -> Self {
        Self { next: listing.next.clone(), ..Self::json(listing) }
    }

    /// With a page that follows.
    #[must_use]
    pub(super) fn and_next(self, next: Option<String>) -> Self {
        Self { next, ..self }
    }

    /// A whole list, which is short enough for one page.
    pub(super) fn all<T: Serialize>(items: &[T]) -> Self {
        Self::json(&serde_json::json!({ "items": items, "next": Value::Null }))
    }

    /// Something that was made, and where it is.
    #[must_use]
    pub(super) fn created(mut self, path: &str) -> Self {
        (self.status, self.location) = (201, Some(path.to_owned()));
        self
    }

    /// Nothing to say.
    pub(super) fn none() -> Self {
        Self { status: 204, body: None, etag: None, location: None, next: None }
    }

    /// The answer.
    pub(super) fn respond(&self, state: &State, req: &HttpRequest, changes: bool) -> HttpResponse {
        let said = |name: &HeaderName| req.headers().get(name).and_then(|value| value.to_str().ok());
        let quoted = self.etag.as_ref().map(|etag| format!("\"{etag}\""));
        let known = !changes && quoted.is_some() && said(&IF_NONE_MATCH) == quoted.as_deref();
        // What is shown once is in the body: it is never left out.
        let minimal = changes && self.etag.is_some() && wants_minimal(req);
        let minimal = minimal && self.body.as_ref().is_some_and(|body| body.get("secret").is_none());
        let status = match () {
            () if known => 304,
            () if minimal && self.status == 200 => 204,
            () => self.status,
        };
        let mut response = HttpResponse::build(StatusCode::from_u16(status).unwrap_or(StatusCode::OK));
        if let Some(etag) = quoted {
            response.insert_header((ETAG, etag));
        }
        if let Some(path) = &self.location {
            response.insert_header((LOCATION, state.public.url(&format!("{BASE}{path}"))));
        }
        if let Some(next) = &self.next {
            response.insert_header((LINK, format!("<{}>; rel=\"next\"", next_page(state, req, next))));
        }
        if minimal {
            response.insert_header((APPLIED, HeaderValue::from_static("return=minimal")));
        }
        match &self.body {
            Some(body) if !known && !minimal => response.json(body),
            _ => response.finish(),
        }
    }
}

/// Whether the caller would rather not have what was changed (RFC 7240, section 4.2). There may be several preferences, in
/// several headers.
fn wants_minimal(req: &HttpRequest) -> bool {
    let lines = req.headers().get_all(&PREFER).filter_map(|line| line.to_str().ok());
    let wanted = lines.flat_map(|line| line.split(',')).find_map(|preference| {
        let (name, value) = preference.split(';').next()?.split_once('=')?;
        name.trim().eq_ignore_ascii_case("return").then(|| value.trim().trim_matches('"').to_owned())
    });
    // The first counts (section 2).
    wanted.as_deref() == Some("minimal")
}

/// The address of the next page: the same question, behind another place.
fn next_page(state: &State, req: &HttpRequest, next: &str) -> String {
    let asked = url::form_urlencoded::parse(req.query_string().as_bytes());
    let kept = asked.filter(|(name, _)| name != "after");
    let query =
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair("after", next).finish();
    let below = state.public.issuer.path();
    let path = req.path().strip_prefix(below).unwrap_or(req.path());
    format!("{}?{query}", state.public.url(path))
}
