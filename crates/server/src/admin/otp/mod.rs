//! Codes that confirm a transaction, for programs: what `/api/v1/otp` does.
//!
//! A program asks for a code to be sent to a person, with a short text of what is confirmed, and brings back what the person
//! typed. It runs on the engine's own codes and budgets (`vestibule_core::engine`, `confirmation`). It is for programs with
//! a token of their own: a person's token could be used by a page, and then the page would hold both the question and the answer.
//!
//! A program with this permission alone learns nothing of who there is: it is answered the same for somebody and for nobody.
//! One that may also read users is told what it could look up anyhow.

mod words;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vestibule_authn_emailotp::EmailOtp;
use vestibule_authn_smsotp::SmsOtp;
use vestibule_core::{
    chain::Seconds,
    channel::SendOutcome,
    engine::{Asked, Confirmation, ConfirmationState, NotConfirmed, Verified, Whom, WhyNot},
    id::{AuthenticatorName, ClientId, InteractionId},
    purpose::Purpose,
    time::{Time, Timestamp},
    user::LoginName,
};

use super::{Actor, AdminError, FieldFault, Permission, Who};
use crate::state::State;

/// A code that is to be sent.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOtp {
    /// Who is to confirm: their id, or a name that they sign in with.
    pub user: String,
    /// What they confirm: one line of at most 140 characters, without braces. It stands first in the message, as it is here.
    pub purpose: String,
    /// How the code is sent; by SMS, when nothing is said.
    #[serde(default)]
    pub authenticator: OtpWay,
    /// The connection that it is sent by; the one that a chain has, when nothing is said.
    #[serde(default)]
    pub connection: Option<String>,
    /// For how many seconds the code is good: at least 30, and no more than it is in a login, which it is when nothing is said.
    #[serde(default)]
    pub life: Option<u32>,
}

/// How a code is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OtpWay {
    /// To the person's verified number.
    #[default]
    SmsOtp,
    /// To the person's verified address.
    EmailOtp,
}

impl OtpWay {
    fn name(self) -> &'static str {
        match self {
            Self::SmsOtp => SmsOtp::NAME,
            Self::EmailOtp => EmailOtp::NAME,
        }
    }
}

/// A code that was asked for, without the code.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct OtpView {
    /// Its id.
    pub id: String,
    /// Where it stands.
    pub state: OtpState,
    /// What is confirmed.
    pub purpose: String,
    /// How it was sent.
    pub authenticator: String,
    /// Where it went, masked. Only for a program that may read users (`admin:users.read`), or once it was confirmed.
    pub to: Option<String>,
    /// What became of the message; `null` while it is under way, and for a program that may not read users.
    pub sent: Option<OtpSent>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Until when the code is good.
    pub expires_at: Timestamp,
    /// From when on the same code may be sent again; `null` once it is over.
    pub resend_at: Option<Timestamp>,
    /// How many wrong tries the code still has.
    pub tries_left: u32,
    /// When it was confirmed.
    pub verified_at: Option<Timestamp>,
}

/// Where a code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OtpState {
    /// It can be verified.
    Open,
    /// It was.
    Passed,
    /// Its time is over.
    Expired,
    /// It was wrong too often.
    Dead,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OtpSent {
    /// The gateway took it.
    Accepted,
    /// It was not sent.
    Refused,
    /// It may or may not have been sent.
    Unknown,
}

/// What a person typed.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TypedOtp {
    /// The code, as it was typed: spaces and dashes do not count.
    pub code: String,
}

/// What a code came to.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct VerifiedOtp {
    /// Whether it confirms what it was sent for.
    pub result: OtpResult,
    /// Why it does not.
    pub reason: Option<OtpReason>,
    /// How many wrong tries are left.
    pub tries_left: u32,
}

/// Whether a code confirms something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OtpResult {
    /// It does, this once.
    Passed,
    /// It does not.
    Rejected,
}

/// Why a code confirms nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OtpReason {
    /// It is not the code.
    Wrong,
    /// Its time is over.
    Expired,
    /// There were too many wrong ones: not even the right one counts any more.
    Dead,
    /// It was used before.
    Replayed,
}

impl From<Confirmation> for OtpView {
    fn from(shown: Confirmation) -> Self {
        Self {
            id: shown.id.to_string(),
            state: match shown.state {
                ConfirmationState::Open => OtpState::Open,
                ConfirmationState::Passed => OtpState::Passed,
                ConfirmationState::Expired => OtpState::Expired,
                ConfirmationState::Dead => OtpState::Dead,
            },
            purpose: shown.purpose,
            authenticator: shown.authenticator.to_string(),
            to: shown.to,
            // Why a gateway refused is for admins: the audit log has it.
            sent: shown.sent.map(|sent| match sent {
                SendOutcome::Accepted { .. } => OtpSent::Accepted,
                SendOutcome::Refused { .. } => OtpSent::Refused,
                SendOutcome::Unknown { .. } => OtpSent::Unknown,
            }),
            created_at: shown.created_at.into(),
            expires_at: shown.expires_at.into(),
            resend_at: shown.resend_at.map(Timestamp),
            tries_left: shown.tries_left,
            verified_at: shown.verified_at.map(Timestamp),
        }
    }
}

impl From<Verified> for VerifiedOtp {
    fn from(verified: Verified) -> Self {
        match verified {
            Verified::Passed => Self { result: OtpResult::Passed, reason: None, tries_left: 0 },
            Verified::Rejected { why, tries_left } => {
                let reason = match why {
                    WhyNot::Wrong => OtpReason::Wrong,
                    WhyNot::Expired => OtpReason::Expired,
                    WhyNot::Dead => OtpReason::Dead,
                    WhyNot::Replayed => OtpReason::Replayed,
                };
                Self { result: OtpResult::Rejected, reason: Some(reason), tries_left }
            }
        }
    }
}

/// `otp.create`.
///
/// # Errors
/// Without permission, for what makes no sense, and when a budget is used up. A program that may not read users is told nothing
/// that depends on the user.
pub async fn create(state: &State, actor: &Actor, new: NewOtp) -> Result<OtpView, AdminError> {
    let program = program(actor)?;
    let fault = |pointer: &str, why: String| AdminError::Invalid(vec![FieldFault::new(pointer, why)]);
    let purpose = Purpose::parse(&new.purpose).map_err(|why| fault("/purpose", why.to_string()))?;
    let whom = whom(&new.user).ok_or_else(|| fault("/user", "this is no id and no name".to_owned()))?;
    let snapshot = state.live.snapshot();
    let client = snapshot.client(program.as_str()).ok_or(AdminError::NotFound("service provider"))?;
    let asked = Asked {
        program: program.clone(),
        program_name: client.name.clone(),
        told: actor.permissions.has(Permission::UsersRead),
        whom,
        authenticator: AuthenticatorName::from(new.authenticator.name()),
        connection: new.connection.map(Into::into),
        chain: snapshot.chain(client),
        purpose,
        life: new.life.map(Seconds),
        words: words::words,
    };
    let made = state.engine.confirm(asked, &actor.cx).await;
    Ok(made.map_err(|why| refusal(state, why))?.into())
}

/// `otp.resend`.
///
/// # Errors
/// Without permission, for what is another program's, too early, and when it is over.
pub async fn resend(state: &State, actor: &Actor, id: InteractionId) -> Result<OtpView, AdminError> {
    let program = program(actor)?;
    let sent = state.engine.confirm_again(id, &program, &actor.cx).await;
    Ok(sent.map_err(|why| refusal(state, why))?.into())
}

/// `otp.verify`.
///
/// # Errors
/// Without permission, for what is another program's or no code at all, and when a budget is used up.
pub async fn verify(
    state: &State,
    actor: &Actor,
    id: InteractionId,
    typed: &TypedOtp,
) -> Result<VerifiedOtp, AdminError> {
    let program = program(actor)?;
    let verified = state.engine.confirmed(id, &program, &typed.code, &actor.cx).await;
    Ok(verified.map_err(|why| refusal(state, why))?.into())
}

/// `otp.get`.
///
/// # Errors
/// Without permission, and for what is another program's.
pub async fn get(state: &State, actor: &Actor, id: InteractionId) -> Result<OtpView, AdminError> {
    let program = program(actor)?;
    let found = state.engine.confirmation_of(id, &program).await;
    Ok(found.map_err(|why| refusal(state, why))?.into())
}

/// The program that asks.
fn program(actor: &Actor) -> Result<ClientId, AdminError> {
    actor.needs(Permission::OtpSend)?;
    match &actor.who {
        Who::Program(client) => Ok(client.clone()),
        Who::Person { .. } => Err(AdminError::Refused(
            "this is for a program with a token of its own (client credentials), not for a person's token".to_owned(),
        )),
    }
}

fn whom(given: &str) -> Option<Whom> {
    given.trim().parse().map(Whom::Id).ok().or_else(|| LoginName::parse(given).map(Whom::Login))
}

fn refusal(state: &State, why: NotConfirmed) -> AdminError {
    let said = why.to_string();
    let fault = |pointer: &str| AdminError::Invalid(vec![FieldFault::new(pointer, said.clone())]);
    match why {
        NotConfirmed::NotFound => AdminError::NotFound("code"),
        NotConfirmed::NoUser => AdminError::NotFound("user"),
        NotConfirmed::NoWay => fault("/connection"),
        NotConfirmed::Life { .. } => fault("/life"),
        NotConfirmed::Malformed => fault("/code"),
        NotConfirmed::Limited(limited) => {
            AdminError::Limited { seconds: limited.retry_at.map(|at| seconds(at, state.clock.now())) }
        }
        NotConfirmed::Over => AdminError::Refused(said),
        NotConfirmed::Unavailable(why) => AdminError::Refused(why),
        NotConfirmed::Busy => AdminError::Busy,
        NotConfirmed::Store(error) => AdminError::Store(error),
    }
}

/// Whole seconds until then: who comes after them is not too early.
fn seconds(until: Time, now: Time) -> u64 {
    let left = until.since(now);
    left.as_secs().saturating_add(u64::from(left.subsec_nanos() > 0)).max(1)
}
