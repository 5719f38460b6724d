//! Which error belongs to whom.
//!
//! - [`ErrorPage`]: before the redirect URI is trusted, the person is told, and nobody else.
//! - [`ClientAnswer`]: after that, the client is told, through the browser. It can be made only from a
//!   [`TrustedRequest`](crate::authorize::TrustedRequest) or from a record of one, so that mixing the two up does not compile.
//! - [`TokenError`]: a client that speaks to us directly.
//! - [`BearerError`](crate::userinfo::BearerError): whoever shows an access token.
//!
//! Their `Display` is for the log and names ids; what goes over the wire is a registered code and a fixed description.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use vestibule_core::{crypto::Prf, id::ClientId, plan::Denial, store::StoreError, time::Time};

use crate::{
    client_auth::ClientAuthError, code, issuer::Issuer, model::GrantId, params::ParamsError, token::GrantError,
};

/// An error that only the person is told, on a page with status 400 and without a `Location`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ErrorPage {
    /// The request is too long or no text.
    #[error("the request cannot be read: {0}")]
    Unreadable(#[from] ParamsError),
    /// Whom to trust would depend on who reads.
    #[error("the parameter `{0}` was sent more than once")]
    Repeated(&'static str),
    /// There is no `client_id`.
    #[error("no client_id was sent")]
    NoClient,
    /// Nobody has that `client_id`.
    #[error("there is no client {0:?}")]
    UnknownClient(String),
    /// The client is disabled.
    #[error("the client `{0}` is disabled")]
    DisabledClient(ClientId),
    /// There is no `redirect_uri`.
    #[error("client `{0}` sent no redirect_uri")]
    NoRedirectUri(ClientId),
    /// The URI is not a registered one.
    #[error("the URI {uri:?} is not registered for client `{client}`")]
    UnregisteredUri {
        /// The client.
        client: ClientId,
        /// What was sent.
        uri: String,
    },
    /// The `id_token_hint` of a logout is not ours.
    #[error("the id_token_hint is not a token of this server")]
    BadHint,
    /// The `id_token_hint` of a logout was given to another client.
    #[error("the id_token_hint was not given to client `{0}`")]
    HintOfOtherClient(ClientId),
}

impl ErrorPage {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        400
    }

    /// A stable word for the message catalogue.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::Repeated(_) => "repeated_parameter",
            Self::NoClient => "no_client",
            Self::UnknownClient(_) => "unknown_client",
            Self::DisabledClient(_) => "disabled_client",
            Self::NoRedirectUri(_) => "no_redirect_uri",
            Self::UnregisteredUri { .. } => "unregistered_redirect_uri",
            Self::BadHint => "bad_hint",
            Self::HintOfOtherClient(_) => "hint_of_other_client",
        }
    }

    /// The client, once it is known to exist.
    pub fn client(&self) -> Option<&ClientId> {
        match self {
            Self::DisabledClient(client)
            | Self::NoRedirectUri(client)
            | Self::UnregisteredUri { client, .. }
            | Self::HintOfOtherClient(client) => Some(client),
            _ => None,
        }
    }
}

/// The registered codes of errors that a client is told through the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// RFC 6749, section 4.1.2.1.
    InvalidRequest,
    /// RFC 6749, section 4.1.2.1.
    UnauthorizedClient,
    /// RFC 6749, section 4.1.2.1.
    AccessDenied,
    /// RFC 6749, section 4.1.2.1.
    UnsupportedResponseType,
    /// RFC 6749, section 4.1.2.1.
    InvalidScope,
    /// RFC 6749, section 4.1.2.1.
    ServerError,
    /// RFC 6749, section 4.1.2.1.
    TemporarilyUnavailable,
    /// OpenID Connect Core, section 3.1.2.6.
    LoginRequired,
    /// OpenID Connect Core, section 3.1.2.6.
    InteractionRequired,
    /// OpenID Connect Core, section 3.1.2.6.
    ConsentRequired,
    /// OpenID Connect Core, section 3.1.2.6.
    RequestNotSupported,
    /// OpenID Connect Core, section 3.1.2.6.
    RequestUriNotSupported,
    /// OpenID Connect Core, section 3.1.2.6.
    RegistrationNotSupported,
    /// OpenID Connect Core Error Code unmet_authentication_requirements 1.0.
    UnmetAuthenticationRequirements,
}

impl ErrorCode {
    /// The code as it is sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::LoginRequired => "login_required",
            Self::InteractionRequired => "interaction_required",
            Self::ConsentRequired => "consent_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
        }
    }
}

/// What is wrong with a request whose client is known: the code and a fixed description, in the characters that RFC 6749
/// (section 4.1.2.1) allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{}: {description}", code.as_str())]
pub struct Problem {
    /// The registered code.
    pub code: ErrorCode,
    /// For the client's developer.
    pub description: String,
}

impl Problem {
    /// A problem.
    pub fn new(code: ErrorCode, description: &str) -> Self {
        Self { code, description: description.to_owned() }
    }

    /// `invalid_request`.
    pub fn invalid(description: &str) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }
}

impl From<&Denial> for Problem {
    /// What the client is told of a refusal by the engine. A misconfiguration is our trouble and says no more.
    fn from(denial: &Denial) -> Self {
        match denial {
            Denial::NoChain { .. }
            | Denial::NothingDue
            | Denial::UnknownAuthenticator { .. }
            | Denial::Broken { .. } => {
                Self::new(ErrorCode::ServerError, "the server cannot authenticate anybody for this client at present")
            }
            Denial::NoAlternative { .. } | Denial::NotYet { .. } | Denial::DemandNotMet => {
                Self::new(ErrorCode::AccessDenied, "the user cannot authenticate as this client demands")
            }
            Denial::MayNotAct => Self::new(ErrorCode::AccessDenied, "the user may not sign in"),
            Denial::NotAdmitted => Self::new(ErrorCode::AccessDenied, "the user may not use this client"),
            Denial::AcrNotReached => {
                Self::new(ErrorCode::UnmetAuthenticationRequirements, "none of the requested acr_values was reached")
            }
            Denial::OtherUser => {
                Self::new(ErrorCode::LoginRequired, "another user than the one of the id_token_hint signed in")
            }
        }
    }
}

/// What the client is told through the browser: a code or an error. Its JSON is what an interaction keeps of it, so that
/// the same answer can be given again; the code itself is not in it but derived anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientAnswer {
    redirect_uri: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Grant(GrantId),
    Error(Problem),
}

/// A stored answer cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the stored answer cannot be read: {0}")]
pub struct UnreadableAnswer(String);

impl ClientAnswer {
    pub(crate) fn code(redirect_uri: &str, state: Option<&str>, grant: GrantId) -> Self {
        Self::new(redirect_uri, state, Outcome::Grant(grant))
    }

    pub(crate) fn error(redirect_uri: &str, state: Option<&str>, problem: Problem) -> Self {
        Self::new(redirect_uri, state, Outcome::Error(problem))
    }

    fn new(redirect_uri: &str, state: Option<&str>, outcome: Outcome) -> Self {
        Self { redirect_uri: redirect_uri.to_owned(), state: state.map(str::to_owned), outcome }
    }

    /// The error, when it is one.
    pub fn problem(&self) -> Option<&Problem> {
        match &self.outcome {
            Outcome::Grant(_) => None,
            Outcome::Error(problem) => Some(problem),
        }
    }

    /// The record of it that an interaction keeps.
    pub fn to_value(&self) -> Value {
        // A struct of strings: writing it cannot fail. If it did, reading it back would, and nobody is sent anywhere.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// Where to send the browser: `response_mode=query`, with `iss` in every answer (RFC 9207), errors included.
    ///
    /// # Errors
    /// When the redirect URI is no URL after all.
    pub fn url(&self, prf: &Prf, issuer: &Issuer) -> Result<Url, UnreadableAnswer> {
        let mut url = Url::parse(&self.redirect_uri).map_err(|err| UnreadableAnswer(err.to_string()))?;
        {
            let mut query = url.query_pairs_mut();
            match &self.outcome {
                Outcome::Grant(grant) => {
                    query.append_pair("code", &code::text(*grant, prf));
                }
                Outcome::Error(problem) => {
                    query.append_pair("error", problem.code.as_str());
                    query.append_pair("error_description", &problem.description);
                }
            }
            if let Some(state) = &self.state {
                query.append_pair("state", state);
            }
            query.append_pair("iss", issuer.as_str());
        }
        Ok(url)
    }
}

/// Where a record of an answer sends the browser; the same place each time.
///
/// # Errors
/// When the record is not one of ours.
pub fn answer_url(answer: &Value, prf: &Prf, issuer: &Issuer) -> Result<Url, UnreadableAnswer> {
    let answer = ClientAnswer::deserialize(answer).map_err(|err| UnreadableAnswer(err.to_string()))?;
    answer.url(prf, issuer)
}

/// An error that a client is told directly, as JSON (RFC 6749, section 5.2).
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The request is not one.
    #[error("invalid request: {0}")]
    Request(String),
    /// The client did not authenticate.
    #[error("client authentication failed: {0}")]
    Client(#[from] ClientAuthError),
    /// The client may not do this.
    #[error("client `{client}` may not use {what}")]
    Unauthorized {
        /// The client.
        client: ClientId,
        /// What.
        what: &'static str,
    },
    /// There is no such grant type here.
    #[error("unsupported grant type {0:?}")]
    UnsupportedGrantType(String),
    /// What the client showed gives nothing.
    #[error("invalid grant: {0}")]
    Grant(#[from] GrantError),
    /// More was asked for than there is.
    #[error("client `{client}` may not have the scope {scope:?}")]
    Scope {
        /// The client.
        client: ClientId,
        /// The first scope that it may not have.
        scope: String,
    },
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A token could not be signed.
    #[error("no token could be signed: {0}")]
    Signing(String),
}

impl TokenError {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Client(ClientAuthError::Limited { .. }) => 429,
            Self::Client(ClientAuthError::Store(StoreError::Damaged(_))) => 500,
            Self::Client(ClientAuthError::Store(_)) => 503,
            Self::Client(_) => 401,
            Self::Store(StoreError::Damaged(_)) | Self::Signing(_) => 500,
            Self::Store(_) => 503,
            _ => 400,
        }
    }

    /// The registered code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Request(_) => "invalid_request",
            Self::Client(ClientAuthError::Store(_)) => self.trouble(),
            Self::Client(_) => "invalid_client",
            Self::Unauthorized { .. } => "unauthorized_client",
            Self::UnsupportedGrantType(_) => "unsupported_grant_type",
            Self::Grant(_) => "invalid_grant",
            Self::Scope { .. } => "invalid_scope",
            Self::Store(_) | Self::Signing(_) => self.trouble(),
        }
    }

    fn trouble(&self) -> &'static str {
        if self.status() == 503 { "temporarily_unavailable" } else { "server_error" }
    }

    /// A fixed description for the client's developer. What exactly was wrong with a secret or a grant is in our log: it
    /// would help a guesser more than anybody else.
    pub fn description(&self) -> &'static str {
        match self {
            Self::Request(_) => "a parameter is missing, malformed or sent more than once",
            Self::Client(ClientAuthError::Limited { .. }) => "too many failed attempts; wait",
            Self::Client(ClientAuthError::Store(_)) | Self::Store(_) | Self::Signing(_) => {
                "the server cannot answer at present"
            }
            Self::Client(_) => "the client did not authenticate as it is registered",
            Self::Unauthorized { .. } => "the client may not use this",
            Self::UnsupportedGrantType(_) => "this grant type is not supported",
            Self::Grant(_) => {
                "what was shown is unknown, used, expired, revoked, or belongs to another client or request"
            }
            Self::Scope { .. } => "the client may not have one of these scopes",
        }
    }

    /// Whether the answer needs `WWW-Authenticate: Basic` (RFC 6749, section 5.2).
    pub fn challenges_basic(&self) -> bool {
        self.status() == 401
    }

    /// When to try again, where waiting helps.
    pub fn retry_at(&self, now: Time) -> Option<Time> {
        match self {
            Self::Client(ClientAuthError::Limited { retry_at }) => *retry_at,
            _ if self.status() == 503 => Some(now + std::time::Duration::from_secs(2)),
            _ => None,
        }
    }

    /// The JSON body.
    pub fn body(&self) -> Value {
        serde_json::json!({ "error": self.code(), "error_description": self.description() })
    }
}

impl From<ParamsError> for TokenError {
    fn from(err: ParamsError) -> Self {
        Self::Request(err.to_string())
    }
}

#[cfg(test)]
mod tests {
    use vestibule_core::{crypto::MasterKey, random::SystemRandom};

    use super::*;

    fn prf() -> Prf {
        MasterKey::generate(&SystemRandom::default()).prf()
    }

    fn issuer() -> Issuer {
        Issuer::parse("https://id.example").unwrap()
    }

    #[test]
    fn a_012_every_answer_names_the_issuer() {
        let grant = GrantId(uuid::Uuid::from_u128(7));
        let answers = [
            ClientAnswer::code("https://shop.example/cb?x=1", Some("a&b=c"), grant),
            ClientAnswer::error("https://shop.example/cb?x=1", Some("a&b=c"), Problem::invalid("no")),
        ];
        for answer in answers {
            let url = answer.url(&prf(), &issuer()).unwrap();
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            assert_eq!(pairs[0], ("x".into(), "1".into()));
            assert!(pairs.contains(&("iss".into(), "https://id.example".into())), "{url}");
            assert!(pairs.contains(&("state".into(), "a&b=c".into())), "{url}");
        }
    }

    #[test]
    fn an_answer_is_given_again_from_its_record() {
        let (prf, grant) = (prf(), GrantId(uuid::Uuid::from_u128(7)));
        let answer = ClientAnswer::code("com.example.app:/cb", None, grant);
        let again = answer_url(&answer.to_value(), &prf, &issuer()).unwrap();
        assert_eq!(again, answer.url(&prf, &issuer()).unwrap());
        assert!(again.as_str().starts_with("com.example.app:/cb?code=vsc_"), "{again}");
        assert!(!answer.to_value().to_string().contains("vsc_"), "the code is not kept");
        assert!(answer_url(&Value::Null, &prf, &issuer()).is_err());
    }

    #[test]
    fn refusals_of_the_engine_have_registered_codes() {
        let none = Denial::NoAlternative { step: 1, why: "secret reason".into() };
        for (denial, code) in [
            (Denial::NothingDue, "server_error"),
            (Denial::UnknownAuthenticator { step: 1, authenticator: "x".into() }, "server_error"),
            (Denial::Broken { step: 1, why: "secret reason".into() }, "server_error"),
            (none, "access_denied"),
            (Denial::AcrNotReached, "unmet_authentication_requirements"),
            (Denial::OtherUser, "login_required"),
            (Denial::NotAdmitted, "access_denied"),
        ] {
            let problem = Problem::from(&denial);
            assert_eq!(problem.code.as_str(), code);
            assert!(!problem.description.contains("secret"));
            assert_eq!(serde_json::to_value(problem.code).unwrap(), code);
        }
    }

    #[test]
    fn a_035_trouble_is_not_the_clients_fault() {
        let unavailable = TokenError::Store(StoreError::Unavailable("disk".into()));
        assert_eq!((unavailable.status(), unavailable.code()), (503, "temporarily_unavailable"));
        let damaged = TokenError::Store(StoreError::Damaged("row".into()));
        assert_eq!((damaged.status(), damaged.code()), (500, "server_error"));
        assert!(!damaged.body().to_string().contains("row"));
        let counting = TokenError::Client(ClientAuthError::Store(StoreError::Conflict("x".into())));
        assert_eq!((counting.status(), counting.code()), (503, "temporarily_unavailable"));
    }
}
