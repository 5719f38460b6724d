//! What is answered when something cannot be done: RFC 9457. Each kind has one status and an address of its own, where it is
//! explained.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{ACCEPT, ALLOW, ETAG, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    web::Data,
};
use serde_json::{Value, json};
use vestibule_core::store::StoreError;
use vestibule_oauth::userinfo::BearerError;

use super::BASE;
use crate::{
    admin::{AdminError, FieldFault, Permission},
    http::{form::FormError, gate::request_id},
    state::State,
};

macro_rules! kinds {
    ($($name:ident $status:literal $word:literal $title:literal $meaning:literal;)*) => {
        /// The kinds of problems.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind {
            $(#[doc = $meaning] $name,)*
        }

        impl Kind {
            /// Each.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The last part of its address.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// What it is, in a few words.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// What it means and what to do.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)* }
            }

            /// Its HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

kinds! {
    Unauthenticated 401 "unauthenticated" "No good access token" "Send an access token of this server in the Authorization header, made for the issuer or for `/api/v1` below it. A token is no good any more once it expired, was revoked, or its user or client was disabled.";
    Forbidden 403 "forbidden" "A permission is missing" "The token lacks the scope, or its user has no role that gives the permission now. Both are needed.";
    Above 403 "above" "The user stands above you" "Users with a role of this server are changed only by somebody of the same or a higher rank.";
    CrossSite 403 "cross-site" "Not for browsers of other sites" "The request comes from a page of another site, or carries a cookie instead of a token. Cookies open nothing here.";
    NotFound 404 "not-found" "There is no such thing" "The thing does not exist, or not any more.";
    NotAllowed 405 "method-not-allowed" "No such method here" "The header Allow says which methods there are.";
    TooSlow 408 "timeout" "The request came too slowly" "Send it again.";
    Malformed 400 "malformed" "The request cannot be read" "The body is no JSON, a header or a parameter makes no sense, or a parameter is unknown.";
    Invalid 400 "invalid" "Something in the request is wrong" "Each entry of errors names a field by a JSON Pointer (RFC 6901), or a parameter, and says what is wrong with it. Nothing was changed.";
    Taken 409 "taken" "What must be unique is taken" "Somebody or something else has this name.";
    LocksOut 409 "locks-out" "Nobody could administer the server any more" "After this change no owner could sign in to the console. Give somebody else the role and what the chain of the console asks for first.";
    Managed 409 "managed-by-file" "A file says how it is" "Change it in the file that is named, and apply it.";
    Refused 409 "refused" "It cannot be done as things stand" "The detail says what stands against it.";
    InProgress 409 "in-progress" "The same request is being done" "A request with this Idempotency-Key was begun and has no answer yet. It may have been done: look before sending it with another key.";
    Stale 412 "stale" "Somebody else changed it" "The version in If-Match is not the present one, which is in current and in the header ETag. Nothing was changed.";
    TooLarge 413 "too-large" "The request is too large" "Send less at a time.";
    MediaType 415 "media-type" "Not a body of this kind" "Send application/json, or application/merge-patch+json with PATCH.";
    KeyReused 422 "idempotency-key-reused" "The key belongs to another request" "This Idempotency-Key was used for a request that said something else. Take a new key for each thing to be done.";
    VersionWanted 428 "version-wanted" "If-Match is missing" "Read the thing, and send its ETag in If-Match, so that nobody's change is overwritten unseen.";
    TooMany 429 "too-many-requests" "Too many requests" "The budget of this caller from this network is used up, or that of this network for requests without a good token. The headers RateLimit and RateLimit-Policy say how large it is. At `/otp` it may be a budget of messages or of wrong codes, as in a login. Come again after Retry-After.";
    Internal 500 "internal" "Something went wrong here" "The log says more, by the reference.";
    Busy 503 "busy" "Too much to do at the moment" "Send it again after Retry-After.";
}

/// Something that cannot be done.
#[derive(Debug)]
pub struct Problem {
    /// What kind.
    pub kind: Kind,
    /// What exactly, for whoever reads it.
    pub detail: String,
    /// What is wrong with which field.
    pub errors: Vec<FieldFault>,
    /// The scope that is missing.
    pub scope: Option<Permission>,
    /// What is there now, and its entity tag.
    pub current: Option<Box<(Value, String)>>,
    challenge: Option<String>,
    retry_after: Option<u64>,
}

impl Problem {
    /// A problem of that kind.
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            scope: None,
            current: None,
            challenge: None,
            retry_after: None,
        }
    }

    /// When to come again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// Something that is wrong with fields.
    pub fn fields(errors: Vec<FieldFault>) -> Self {
        Self { errors, ..Self::new(Kind::Invalid, "nothing was changed") }
    }

    /// The answer.
    pub fn respond(&self, state: &State, req: &HttpRequest) -> HttpResponse {
        let status = StatusCode::from_u16(self.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut body = json!({
            "type": state.public.url(&format!("{BASE}/problems/{}", self.kind.word())),
            "title": self.kind.title(),
            "status": self.kind.status(),
            "detail": self.detail,
            "instance": format!("urn:request:{}", request_id(req)),
            "reference": request_id(req),
        });
        let mut add = |name: &str, value: Value| {
            if let Some(body) = body.as_object_mut() {
                body.insert(name.to_owned(), value);
            }
        };
        if !self.errors.is_empty() {
            add("errors", serde_json::to_value(&self.errors).unwrap_or_default());
        }
        if let Some(scope) = self.scope {
            add("scope", scope.scope().into());
        }
        if let Some((current, _)) = self.current.as_deref() {
            add("current", current.clone());
        }
        let mut response = HttpResponse::build(status);
        response.content_type("application/problem+json");
        if let Some((_, etag)) = self.current.as_deref() {
            response.insert_header((ETAG, format!("\"{etag}\"")));
        }
        if let Some(seconds) = self.retry_after.or((self.kind == Kind::Busy).then_some(2)) {
            response.insert_header((RETRY_AFTER, seconds));
        }
        let missing =
            self.scope.map(|scope| format!("Bearer error=\"insufficient_scope\", scope=\"{}\"", scope.scope()));
        if let Some(challenge) = self.challenge.clone().or(missing) {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        response.body(body.to_string())
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let detail = error.to_string();
        match error {
            AdminError::Forbidden(permission) => Self { scope: Some(permission), ..Self::new(Kind::Forbidden, detail) },
            AdminError::Above => Self::new(Kind::Above, detail),
            AdminError::NotFound(_) => Self::new(Kind::NotFound, detail),
            AdminError::Invalid(faults) => Self::fields(faults),
            AdminError::Taken(fault) => Self { errors: vec![fault], ..Self::new(Kind::Taken, "nothing was changed") },
            AdminError::Stale { etag, current } => {
                Self { current: Some(Box::new((current, etag.0))), ..Self::new(Kind::Stale, detail) }
            }
            AdminError::VersionWanted => Self::new(Kind::VersionWanted, detail),
            AdminError::LocksOut(_) => Self::new(Kind::LocksOut, detail),
            AdminError::Managed(_) => Self::new(Kind::Managed, detail),
            AdminError::Refused(_) => Self::new(Kind::Refused, detail),
            AdminError::Limited { seconds } => Self { retry_after: seconds, ..Self::new(Kind::TooMany, detail) },
            AdminError::Busy => Self::new(Kind::Busy, detail),
            AdminError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        // The cause is for the log alone.
        match error {
            StoreError::Damaged(_) => {
                tracing::error!(%error, "stored data cannot be read");
                Self::new(Kind::Internal, "the reference leads to the log")
            }
            StoreError::Unavailable(_) | StoreError::Conflict(_) => {
                tracing::warn!(%error, "the database did not do it");
                Self::new(Kind::Busy, "the database did not answer in time, or somebody else was faster")
            }
        }
    }
}

impl From<BearerError> for Problem {
    fn from(error: BearerError) -> Self {
        let (detail, challenge) = (error.to_string(), error.challenge().map(str::to_owned));
        match error {
            BearerError::Store(error) => error.into(),
            BearerError::Malformed => Self { challenge, ..Self::new(Kind::Malformed, detail) },
            _ => Self { challenge, ..Self::new(Kind::Unauthenticated, detail) },
        }
    }
}

impl From<FormError> for Problem {
    fn from(error: FormError) -> Self {
        let kind = match error.status().as_u16() {
            413 => Kind::TooLarge,
            408 => Kind::TooSlow,
            _ => Kind::Malformed,
        };
        Self::new(kind, error.to_string())
    }
}

/// 405, with the methods that there are.
pub(super) fn not_allowed(state: &State, req: &HttpRequest, allow: &str) -> HttpResponse {
    let mut response = Problem::new(Kind::NotAllowed, format!("here is {allow}")).respond(state, req);
    if let Ok(allow) = HeaderValue::from_str(allow) {
        response.headers_mut().insert(ALLOW, allow);
    }
    response
}

/// `GET /api/v1/problems/{name}`: what a problem means, for whoever follows its `type`.
pub(super) async fn page(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let name = req.match_info().get("name").unwrap_or_default();
    let Some(kind) = Kind::ALL.iter().find(|kind| kind.word() == name) else {
        return Problem::new(Kind::NotFound, "there is no problem of that name").respond(&state, &req);
    };
    // Who follows the address with a browser gets the page where it stands among the others.
    let accepted = req.headers().get(ACCEPT).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
    if accepted.contains("text/html") {
        let page = format!("{}#problem-{name}", state.public.path(super::docs::PLACE));
        return crate::answer::see_other(&page);
    }
    let text = format!("{} ({})\n\n{}\n", kind.title(), kind.status(), kind.meaning());
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(text)
}
