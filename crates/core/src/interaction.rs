//! Interactions and challenges: what is remembered of one run of a chain.
//!
//! ```text
//!            start                 answer, until every due step passed
//! request ──────────▶ Open ──────────────────────────────────────────▶ Closed   (a grant was made)
//!                      │                                       │
//!                      │ consent is due                        └▶ Denied  (told to the client)
//!                      ▼
//!                     Held ── conclude ──▶ Closed or Denied
//! ```
//! There is no "current step": what is due is planned anew from the evidence. `version` is raised by every change, and a
//! change names the version it read, so of two tabs that answer at once one wins and the other is shown what is due now.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    authenticator::{Outgoing, Rejection},
    chain::Step,
    channel::SendOutcome,
    code::IssuedCode,
    evidence::Evidence,
    id::{
        AuthenticatorName, ChainName, ChallengeId, ClientId, ConnectionName, DeviceId, InteractionId, SessionId, UserId,
    },
    plan::Denial,
    prompt::Prompt,
    purpose::Purpose,
    time::Time,
    user::LoginName,
};

/// One run of a chain by one browser for one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interaction {
    /// In the path of its pages. Known to others it is worth nothing: a cookie binds it to the browser.
    pub id: InteractionId,
    /// Raised by every change.
    pub version: i64,
    /// What was asked, frozen.
    pub request: Request,
    /// The chain that it began with.
    pub chain: ChainName,
    /// The revision of that chain.
    pub revision: i64,
    /// The session that the browser had: its evidence counts for its own user, and the login renews or ends it.
    pub session: Option<SessionId>,
    /// Who is authenticating.
    pub subject: Subject,
    /// What was proved in this run.
    pub evidence: Vec<Evidence>,
    /// The steps that the errand, or the wish to set up another way, adds behind those of the chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tail: Vec<Step>,
    /// The steps behind all others by which a credential that was used and must change is replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub renewal: Vec<Step>,
    /// Which alternative the person is at.
    pub chosen: Option<Chosen>,
    /// Whether they went back to the choice: then none is opened by itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub choosing: bool,
    /// What the last answer came to, shown until the next.
    pub notice: Option<Notice>,
    /// How many codes were issued.
    pub issues: u32,
    /// When it began.
    pub created_at: Time,
    /// When it ends unanswered.
    pub expires_at: Time,
    /// The positions of the steps that passed with the wish to be remembered: the device is made at the end, since half a login
    /// is no login.
    #[serde(default)]
    pub remember: BTreeSet<usize>,
    /// The device whose cookie goes with the answer.
    #[serde(default)]
    pub device: Option<DeviceId>,
    /// Where it stands.
    pub stage: Stage,
}

/// What a client asked for, as far as the engine cares; the protocol's own part is `payload`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Who asks.
    pub client: ClientId,
    /// How the service provider is called on pages and in messages.
    pub client_name: String,
    /// The scopes asked for.
    pub scopes: Vec<String>,
    /// The authentication context classes asked for, in order of preference.
    pub acr_values: Vec<String>,
    /// The authentication context class asked for as a claim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr_claim: Option<AcrClaim>,
    /// A login that ended before this does not count (`prompt=login`, `max_age`).
    pub not_before: Option<Time>,
    /// Only this user will do (`id_token_hint`).
    pub required_user: Option<UserId>,
    /// The session's user must be confirmed or changed by signing in (`prompt=select_account`).
    pub ignore_session: bool,
    /// A name to fill in (`login_hint`).
    pub login_hint: Option<String>,
    /// What the person comes for besides signing in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errand: Option<Errand>,
    /// The languages asked for, best first (BCP 47).
    pub locales: Vec<String>,
    /// The protocol's frozen request. The engine carries it and does not look inside.
    pub payload: Value,
}

impl Interaction {
    /// The position of the step that replaces a credential, the last of all `steps`.
    pub(crate) fn renews(&self, steps: usize) -> Option<usize> {
        steps.checked_sub(1).filter(|_| !self.renewal.is_empty())
    }

    /// The position of the step that adds a factor, the last of `steps` with the tail.
    pub(crate) fn adds(&self, steps: usize) -> Option<usize> {
        let steps = steps.checked_sub(self.renewal.len())?;
        let enrols = self.wishes() || matches!(self.request.errand, Some(Errand::Enrol { .. }));
        steps.checked_sub(1).filter(|_| enrols && !self.tail.is_empty())
    }

    /// Whether the person wished to set up another way, and did not come for that.
    pub(crate) fn wishes(&self) -> bool {
        self.request.errand.is_none() && !self.tail.is_empty()
    }

    /// What it confirms, and whether its program is told of accounts; `None` for what a browser runs.
    pub(crate) fn transaction(&self) -> Option<(&Purpose, bool)> {
        match &self.request.errand {
            Some(Errand::Transaction { purpose, told }) => Some((purpose, *told)),
            _ => None,
        }
    }
}

/// What a person comes for besides signing in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "errand")]
pub enum Errand {
    /// To prove, with the strongest of what they have, that it is them and now: before a factor is taken away.
    Confirm,
    /// The same, and then to enrol one more factor.
    Enrol {
        /// Which.
        authenticator: AuthenticatorName,
    },
    /// To see whether one of their factors works, by using it. It comes to nothing but a proof.
    Test {
        /// Which.
        authenticator: AuthenticatorName,
    },
    /// Nobody comes: a program asks for a code that confirms a transaction, and there is no browser and no login.
    Transaction {
        /// What is confirmed.
        purpose: Purpose,
        /// Whether the program may know who there is: else it is told nothing that would tell one account from another.
        told: bool,
    },
}

/// The `acr` claim as a client asks for it (OpenID Connect Core, section 5.5.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcrClaim {
    /// Any of these, in order of preference.
    pub values: Vec<String>,
    /// Whether one of them must be reached. Otherwise it is a wish: steps that only it needs are due, and nothing is refused.
    pub essential: bool,
}

/// Who an interaction is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Nobody yet.
    #[default]
    Nobody,
    /// Somebody said who they are, and has proved nothing. `user` is `None` when nobody has that name.
    Claimed {
        /// What they said.
        name: LoginName,
        /// Who that is.
        user: Option<UserId>,
    },
    /// A step passed for this user, or the session is theirs: fixed for the rest of the run.
    Proven(UserId),
}

impl Subject {
    /// The user, proven or claimed.
    pub fn user(&self) -> Option<UserId> {
        match self {
            Self::Nobody => None,
            Self::Claimed { user, .. } => *user,
            Self::Proven(user) => Some(*user),
        }
    }
}

/// The alternative that a person is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// The position of the step.
    pub step: usize,
    /// The position of the alternative in it.
    pub alternative: usize,
    /// Its challenge, where it has one.
    pub challenge: Option<ChallengeId>,
}

/// What the last answer came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Notice {
    /// It was not accepted.
    Rejected {
        /// Why.
        why: Rejection,
        /// How many tries the code still has, where it is a code.
        tries_left: Option<u32>,
    },
    /// Too many tries or messages: wait.
    Limited {
        /// Until when; `None` when waiting does not help.
        retry_at: Option<Time>,
        /// Whether it is messages that were too many.
        sends: bool,
    },
    /// The same code was sent again.
    Resent,
    /// A new code was sent, since the old one was used up or too old.
    Renewed,
    /// Our trouble; the reference is in the log.
    Trouble {
        /// The request's id.
        reference: String,
        /// Whether waiting a few seconds helps.
        busy: bool,
    },
}

/// Where an interaction stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "stage")]
pub enum Stage {
    /// Steps are due.
    Open,
    /// Every due step passed; the protocol waits for the person (consent).
    Held,
    /// Done: `answer` is the protocol's own, enough to give the same answer again.
    Closed {
        /// The protocol's own record of what it answered.
        answer: Value,
        /// When.
        at: Time,
        /// The session that holds the evidence.
        session: SessionId,
    },
    /// Refused, and told to the client.
    Denied {
        /// Why; `None` when the person or the protocol refused.
        denial: Option<Denial>,
        /// The protocol's own record of what it answered.
        answer: Value,
        /// When.
        at: Time,
    },
}

/// One begun alternative of a step. Spent once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Challenge {
    /// Its id.
    pub id: ChallengeId,
    /// Whose it is.
    pub interaction: InteractionId,
    /// The position of the step.
    pub step: usize,
    /// The position of the alternative in it.
    pub alternative: usize,
    /// Whether a factor is enrolled by it, rather than used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enrols: bool,
    /// What to ask.
    pub prompt: Prompt,
    /// What the authenticator keeps; sealed in the database.
    pub state: Value,
    /// The code, without the code.
    pub code: Option<IssuedCode>,
    /// The message; sealed in the database.
    pub outgoing: Option<Outgoing>,
    /// How the last send went; `None` while it is under way.
    pub sent: Option<SendOutcome>,
    /// Which connection carried it, where its own is made of several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried_by: Option<ConnectionName>,
    /// When it was last sent.
    pub sent_at: Option<Time>,
    /// How often it was sent.
    pub sends: u32,
    /// How many wrong tries it had.
    pub tries: u32,
    /// After how many it is dead.
    pub max_tries: u32,
    /// When it began.
    pub created_at: Time,
    /// When it ends.
    pub expires_at: Time,
    /// When it passed or was given up.
    pub consumed_at: Option<Time>,
}

impl Challenge {
    /// Whether it can still pass.
    pub fn alive(&self, now: Time) -> bool {
        self.consumed_at.is_none() && self.tries < self.max_tries && now < self.expires_at
    }

    /// How many tries are left.
    pub fn tries_left(&self) -> u32 {
        self.max_tries.saturating_sub(self.tries)
    }
}
