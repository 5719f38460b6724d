//! The authorization endpoint (RFC 6749, section 3.1; OpenID Connect Core, section 3.1.2) as an ordered list of small checks,
//! to be compared with the specifications line by line. Each check is a file.
//!
//! ```text
//! RawRequest ── trust ──▶ TrustedRequest ── validate ──▶ ValidRequest ── to_engine_request ──▶ the engine
//!                 │                            │
//!                 ▼                            ▼
//!             ErrorPage                   ClientAnswer
//! ```
//! The three are different types, and so are the two kinds of errors: before the redirect URI is known to be the client's,
//! there is nothing that a [`ClientAnswer`] could be made from.

mod claims;
mod client;
mod hints;
mod id_token_hint;
mod max_age;
mod not_supported;
mod once;
mod pkce;
mod prompt;
mod redirect_uri;
mod response_mode;
mod response_type;
mod scope;

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use vestibule_core::{
    engine::{NotInteractive, RequestContext},
    id::{ChainName, UserId},
    interaction::Request,
    store::StoreError,
    time::Time,
};

pub use self::{
    claims::ClaimsAsked,
    hints::{DISPLAY_VALUES, Hints},
    pkce::CODE_CHALLENGE_METHODS,
    prompt::Prompts,
    response_mode::RESPONSE_MODES,
    response_type::RESPONSE_TYPES,
};
use crate::{
    audit::{self, Facts},
    deps::Deps,
    errors::{ClientAnswer, ErrorCode, ErrorPage, Problem},
    params::Params,
    snapshot::{Registered, Snapshot},
    trial::{Outcome, Trial},
};

/// What came, readable and no more.
#[derive(Clone, Debug)]
pub struct RawRequest(Params);

/// A request whose client exists and whose redirect URI is that client's: from here on the client may be told.
#[derive(Clone, Debug)]
pub struct TrustedRequest {
    client: Arc<Registered>,
    redirect_uri: String,
    state: Option<String>,
    params: Params,
}

/// A request that can be granted, if the person passes the chain and agrees.
#[derive(Clone, Debug)]
pub struct ValidRequest {
    trusted: TrustedRequest,
    /// What is asked for.
    pub asked: Asked,
}

/// What a valid request asks for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The scopes that this client may have, of those asked for.
    pub scopes: BTreeSet<String>,
    /// The S256 challenge.
    pub code_challenge: Option<String>,
    /// What the client wants of the person.
    pub prompts: Prompts,
    /// A login that ended before this does not count (`prompt=login`, `max_age`).
    pub not_before: Option<Time>,
    /// Only this user will do (`id_token_hint`).
    pub required_user: Option<UserId>,
    /// What the `claims` parameter asks for.
    pub claims: ClaimsAsked,
    /// What is only carried.
    pub hints: Hints,
}

/// Why a request was refused, and who is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The person alone.
    Page(ErrorPage),
    /// The client.
    Client(ClientAnswer),
}

/// The whole endpoint up to the engine.
///
/// # Errors
/// [`Refusal`] says who is told.
pub fn authorize(query: &[u8], snapshot: &Snapshot, now: Time) -> Result<ValidRequest, Refusal> {
    let raw = RawRequest::parse(query).map_err(Refusal::Page)?;
    let trusted = raw.trust(snapshot).map_err(Refusal::Page)?;
    trusted.validate(snapshot, now).map_err(Refusal::Client)
}

impl Refusal {
    /// Leaves one event in the audit log, within the budget that refusals of this client from this network have.
    pub async fn note(&self, query: &[u8], deps: &Deps<'_>, cx: &RequestContext) {
        // A name that nobody has is not written down as a client.
        let params = Params::parse(query).unwrap_or_default();
        let client = params.get("client_id").and_then(|id| deps.snapshot.client(id));
        let facts = Facts { client: client.map(|client| &client.id), ..Facts::default() };
        let facts = match self {
            Self::Page(page) => facts.with("error", page.key()).with("why", page),
            Self::Client(answer) => {
                let problem = answer.problem();
                let code = problem.map_or("", |problem| problem.code.as_str());
                facts.with("error", code).with("why", problem.map_or("", |problem| &problem.description))
            }
        };
        audit::note_refusal(deps, cx, "authorize.refused", facts).await;
    }
}

impl RawRequest {
    /// Reads a query (GET) or a form body (POST).
    ///
    /// # Errors
    /// When it is too long or no text.
    pub fn parse(query: &[u8]) -> Result<Self, ErrorPage> {
        Ok(Self(Params::parse(query)?))
    }

    /// Finds out who asks and where the answer goes.
    ///
    /// # Errors
    /// [`ErrorPage`]: nobody but the person may be told.
    pub fn trust(self, snapshot: &Snapshot) -> Result<TrustedRequest, ErrorPage> {
        let params = self.0;
        let client = client::check(&params, snapshot)?;
        let redirect_uri = redirect_uri::check(&params, &client)?;
        // A repeated state is refused below; it is then not sent back, since nobody knows which one it is.
        let state = params.get("state").filter(|_| !params.is_repeated("state")).map(str::to_owned);
        Ok(TrustedRequest { client, redirect_uri, state, params })
    }
}

impl TrustedRequest {
    /// The client.
    pub fn client(&self) -> &Arc<Registered> {
        &self.client
    }

    /// The error that the client is told.
    pub fn refuse(&self, problem: Problem) -> ClientAnswer {
        ClientAnswer::error(&self.redirect_uri, self.state.as_deref(), problem)
    }

    /// Checks the rest.
    ///
    /// # Errors
    /// The error that the client is told.
    pub fn validate(self, snapshot: &Snapshot, now: Time) -> Result<ValidRequest, ClientAnswer> {
        match self.checks(snapshot, now) {
            Ok(asked) => Ok(ValidRequest { trusted: self, asked }),
            Err(problem) => Err(self.refuse(problem)),
        }
    }

    /// The list.
    fn checks(&self, snapshot: &Snapshot, now: Time) -> Result<Asked, Problem> {
        let (params, client) = (&self.params, &*self.client);
        once::check(params)?;
        not_supported::check(params)?;
        response_type::check(params, client)?;
        response_mode::check(params)?;
        let scopes = scope::check(params, client)?;
        let code_challenge = pkce::check(params, client)?;
        let prompts = prompt::check(params, snapshot.registration())?;
        let not_before = max_age::check(params, prompts, now)?;
        let claims = claims::check(params)?;
        let required_user = id_token_hint::check(params, client, snapshot, now)?;
        let required_user = same_user(required_user, claims.sub)?;
        let hints = hints::check(params)?;
        Ok(Asked { scopes, code_challenge, prompts, not_before, required_user, claims, hints })
    }
}

/// The user whom `id_token_hint` and the claim `sub` both mean: they are two ways to say the same (OpenID Connect Core, section
/// 3.1.2.2).
fn same_user(hint: Option<UserId>, claim: Option<UserId>) -> Result<Option<UserId>, Problem> {
    match (hint, claim) {
        (Some(hint), Some(claim)) if hint != claim => {
            Err(Problem::invalid("id_token_hint and the claim sub mean different users"))
        }
        (hint, claim) => Ok(hint.or(claim)),
    }
}

/// The protocol's own part of a request, frozen in the interaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// Where the answer goes, as the client wrote it.
    pub redirect_uri: String,
    /// What the client wants to have back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The `nonce` claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The S256 challenge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_challenge: Option<String>,
    /// Whether the person is asked for consent whatever they agreed to before (`prompt=consent`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ask_consent: bool,
    /// The claims about the person that are asked for in the ID token.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub id_token_claims: BTreeSet<String>,
    /// Whose trial it is. No parameter of a request sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trial: Option<Trial>,
}

impl Frozen {
    /// The protocol's part of an engine's request.
    pub fn of(request: &Request) -> Option<Self> {
        Self::deserialize(&request.payload).ok()
    }

    /// The record of a refusal: what the client is told, or in a trial would be told.
    pub(crate) fn refuse(&self, problem: Problem) -> Value {
        match self.trial {
            Some(_) => Outcome::Refused(problem).to_value(),
            None => ClientAnswer::error(&self.redirect_uri, self.state.as_deref(), problem).to_value(),
        }
    }
}

impl ValidRequest {
    /// The client.
    pub fn client(&self) -> &Arc<Registered> {
        &self.trusted.client
    }

    /// The chain that its people pass.
    pub fn chain(&self, snapshot: &Snapshot) -> ChainName {
        snapshot.chain(&self.trusted.client)
    }

    /// Whether the person may be shown anything (`prompt=none`).
    pub fn interactive(&self) -> bool {
        !self.asked.prompts.none
    }

    /// Whether the person comes to create an account (`prompt=create`).
    pub fn creates(&self) -> bool {
        self.asked.prompts.create
    }

    /// The error that the client is told.
    pub fn refuse(&self, problem: Problem) -> ClientAnswer {
        self.trusted.refuse(problem)
    }

    /// The error that the client is told when the person would have had to be asked.
    pub fn not_interactive(&self, why: NotInteractive) -> ClientAnswer {
        self.refuse(match why {
            NotInteractive::LoginRequired => Problem::new(ErrorCode::LoginRequired, "nobody is signed in"),
            NotInteractive::InteractionRequired => {
                Problem::new(ErrorCode::InteractionRequired, "a step of the sign-in is due")
            }
            NotInteractive::ConsentRequired => Problem::new(ErrorCode::ConsentRequired, "the user has to be asked"),
        })
    }

    /// The error that the client is told when our trouble is in the way.
    pub fn trouble(&self, error: &StoreError) -> ClientAnswer {
        self.refuse(match error {
            StoreError::Damaged(_) => Problem::new(ErrorCode::ServerError, "the server cannot answer"),
            _ => Problem::new(ErrorCode::TemporarilyUnavailable, "the server cannot answer at present"),
        })
    }
}

/// What the engine is asked.
pub fn to_engine_request(valid: ValidRequest) -> Request {
    frozen(valid, None)
}

/// What the engine is asked in a trial: the same, and what comes of it is for whoever began it.
pub fn to_trial_request(valid: ValidRequest, trial: Trial) -> Request {
    frozen(valid, Some(trial))
}

fn frozen(valid: ValidRequest, trial: Option<Trial>) -> Request {
    let TrustedRequest { client, redirect_uri, state, .. } = valid.trusted;
    let Asked { scopes, code_challenge, prompts, not_before, required_user, claims, hints } = valid.asked;
    let frozen = Frozen {
        redirect_uri,
        state,
        nonce: hints.nonce,
        code_challenge,
        ask_consent: prompts.consent,
        id_token_claims: claims.id_token,
        trial,
    };
    Request {
        client: client.id.clone(),
        client_name: client.name.clone(),
        scopes: scopes.into_iter().collect(),
        acr_values: hints.acr_values,
        acr_claim: claims.acr,
        not_before,
        required_user,
        // Whoever comes to create an account is none of those who are signed in.
        ignore_session: prompts.select_account || prompts.create,
        login_hint: hints.login_hint,
        errand: None,
        locales: hints.ui_locales,
        // A struct of strings: writing it cannot fail. If it did, reading it back would, and nothing is granted.
        payload: serde_json::to_value(frozen).unwrap_or_default(),
    }
}
