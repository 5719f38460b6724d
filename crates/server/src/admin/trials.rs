//! Test sign-in: an admin tries an application's own chain for real, and sees what the application would get.
//!
//! In two halves. [`offer`] checks what is to be tried, writes it down in the audit log and answers an address; [`begin`] is that
//! address being opened at the console. What goes from one to the other is a ticket: sealed by a keyed hash, for a few minutes,
//! for the admin who made it. So the API offers what the console does, the mark of a trial is set by nobody from outside, and
//! nobody else is led into one. How a trial ends, [`vestibule_oauth::trial`] says; that nothing is left of it, the engine.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vestibule_core::{
    crypto::{Prf, same_secret},
    engine::{EngineError, RequestContext, Start, Started},
    id::{InteractionId, UserId},
    plan::{Denial, StepReport},
    random::{Random, RandomExt as _},
    session::SessionRef,
    time::{Time, Timestamp},
};
use vestibule_oauth::{
    Problem, Snapshot,
    authorize::{Frozen, Refusal, ValidRequest, authorize, to_trial_request},
    model::{Client, GrantType},
    trial::{self, Outcome, Trial},
};

use super::{
    Actor, AdminError, FieldFault, Permission, Who,
    record::Change,
    transact::{self, Work},
};
use crate::{http::form::to_query, rehearsal::is_rehearsal, state::State};

/// How long the address can be opened.
const LIFE: Duration = Duration::from_secs(600);
/// The longest ticket that is read: an address of this length is opened by everybody.
const LONGEST: usize = 4000;
/// What the keyed hash of a ticket is for.
const PURPOSE: &str = "trial ticket";

/// What is asked for in a test sign-in. The scopes are those of the service provider.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTrial {
    /// One of its redirect URIs; the first, when nothing is said. Nobody is sent there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// The authentication context classes asked for, in order of preference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<String>,
    /// How old the login may be, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u32>,
    /// What the application would send as `prompt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Whether what was proved in this browser before counts (single sign-on). Otherwise it is as if nobody were signed in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub single_sign_on: bool,
}

/// Where a test sign-in begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrialLink {
    /// To be opened in a browser that is signed in to the console as whoever asked for it.
    pub url: String,
    /// Until when.
    pub expires_at: Timestamp,
}

/// What goes from [`offer`] to [`begin`].
#[derive(Debug, Serialize, Deserialize)]
struct Ticket {
    client: String,
    /// Who asked for it; `None` when a program did, and then any admin who may try it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<UserId>,
    until: i64,
    trial: NewTrial,
}

impl Ticket {
    fn seal(&self, prf: &Prf) -> String {
        // A struct of texts and numbers: writing it cannot fail. Were it empty, nothing could be begun with it.
        let json = serde_json::to_vec(self).unwrap_or_default();
        format!("{}.{}", URL_SAFE_NO_PAD.encode(&json), prf.text(PURPOSE, &[&json]))
    }

    fn open(text: &str, prf: &Prf) -> Option<Self> {
        let (json, mac) = text.split_once('.').filter(|_| text.len() <= LONGEST)?;
        let json = URL_SAFE_NO_PAD.decode(json).ok()?;
        let ours = same_secret(prf.text(PURPOSE, &[&json]).as_bytes(), mac.as_bytes());
        ours.then(|| serde_json::from_slice(&json).ok()).flatten()
    }
}

/// Offers a test sign-in: the address to be opened.
///
/// # Errors
/// When the actor may not, it is switched off, or an application could not ask for this.
pub async fn offer(state: &State, actor: &Actor, id: &str, asked: &NewTrial) -> Result<TrialLink, AdminError> {
    actor.needs(Permission::ClientsWrite)?;
    let snapshot = state.live.snapshot();
    let now = state.clock.now();
    validate(&snapshot, id, asked, now, &*state.random)?;
    // A rehearsal is written down nowhere, so what it offers is over already.
    let until = if is_rehearsal() { now } else { now + LIFE };
    let by = match &actor.who {
        Who::Person { user, .. } => Some(*user),
        Who::Program(_) => None,
    };
    let ticket =
        Ticket { client: id.to_owned(), by, until: until.unix_seconds(), trial: asked.clone() }.seal(&state.prf);
    if ticket.len() > LONGEST {
        return Err(AdminError::Invalid(vec![FieldFault::new("", "this is too long")]));
    }
    let (job, object, told) = (Work::new(state, actor), id.to_owned(), asked.clone());
    transact::write(state, move |tx| job.record(tx, &Change::new("client.tried", &object, &Value::Null, &told)))
        .await?;
    Ok(TrialLink { url: state.public.url(&format!("/admin/trials/new/{ticket}")), expires_at: Timestamp(until) })
}

/// The request that the application would make; the same checks as at its own.
fn validate(
    snapshot: &Snapshot,
    id: &str,
    asked: &NewTrial,
    now: Time,
    random: &dyn Random,
) -> Result<ValidRequest, AdminError> {
    let client = snapshot.client(id).ok_or(AdminError::NotFound("service provider"))?;
    if client.disabled {
        return Err(AdminError::Refused("this service provider is switched off: nobody gets in".to_owned()));
    }
    if !client.grant_types.contains(&GrantType::AuthorizationCode) {
        return Err(AdminError::Refused("nobody signs in to this service provider: it acts for itself".to_owned()));
    }
    authorize(query(client, asked, random).as_bytes(), snapshot, now).map_err(|refusal| {
        let why = match refusal {
            Refusal::Page(page) => page.to_string(),
            Refusal::Client(answer) => answer.problem().map(|problem| problem.description.clone()).unwrap_or_default(),
        };
        let fields = ["redirect_uri", "acr_values", "max_age", "prompt"];
        let named = |field: &&&str| why.contains(**field) || **field == "redirect_uri" && why.contains("URI");
        let pointer = fields.iter().find(named).map(|field| format!("/{field}")).unwrap_or_default();
        AdminError::Invalid(vec![FieldFault::new(pointer, why)])
    })
}

/// Nobody knows what the PKCE challenge is the digest of: if there ever were a code, nobody could exchange it.
fn query(client: &Client, asked: &NewTrial, random: &dyn Random) -> String {
    let text = || URL_SAFE_NO_PAD.encode(random.bytes::<32>());
    let scope = client.scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let first = || client.redirect_uris.first().cloned().unwrap_or_default();
    let more = [
        ("acr_values", asked.acr_values.join(" ")),
        ("max_age", asked.max_age.map(|age| age.to_string()).unwrap_or_default()),
        ("prompt", asked.prompt.clone().unwrap_or_default()),
    ];
    let usual = [
        ("response_type", "code".to_owned()),
        ("client_id", client.id.to_string()),
        ("redirect_uri", asked.redirect_uri.clone().unwrap_or_else(first)),
        ("scope", scope),
        ("state", text()),
        ("nonce", text()),
        ("code_challenge", text()),
        ("code_challenge_method", "S256".to_owned()),
    ];
    let all = usual.iter().chain(more.iter().filter(|(_, value)| !value.is_empty()));
    to_query(all.map(|(name, value)| (*name, value.as_str())))
}

/// What came of a test sign-in at once.
#[derive(Debug)]
pub enum Begun {
    /// Somebody has to do something, or it was enough and is over: the pages of this run tell.
    Run {
        /// In the path of its pages.
        id: InteractionId,
        /// The value of the cookie that binds it to the browser.
        binding: String,
    },
    /// The application is told this at once, and nobody sees a page.
    Over(Box<TrialView>),
}

/// Begins a test sign-in in the browser of whoever asked for it. `session` is what its cookie says; it counts where that was
/// asked for, and stays as it is.
///
/// # Errors
/// When the actor may not, it is somebody else's or over, or the application could not ask for this any more.
pub async fn begin(
    state: &State,
    actor: &Actor,
    ticket: &str,
    session: Option<SessionRef>,
) -> Result<Begun, AdminError> {
    actor.needs(Permission::ClientsWrite)?;
    let Who::Person { user, .. } = actor.who else { return Err(AdminError::NotFound("test sign-in")) };
    let ticket = Ticket::open(ticket, &state.prf).ok_or(AdminError::NotFound("test sign-in"))?;
    if ticket.by.is_some_and(|by| by != user) {
        return Err(AdminError::Refused("somebody else began this test sign-in".to_owned()));
    }
    let now = state.clock.now();
    if now.unix_seconds() >= ticket.until {
        return Err(AdminError::Refused("this test sign-in was not opened in time: begin another".to_owned()));
    }
    let snapshot = state.live.snapshot();
    let valid = validate(&snapshot, &ticket.client, &ticket.trial, now, &*state.random)?;
    let request = to_trial_request(valid.clone(), Trial { by: user });
    let start = Start {
        chain: valid.chain(&snapshot),
        session: session.filter(|_| ticket.trial.single_sign_on),
        interactive: valid.interactive(),
        request: request.clone(),
    };
    let over = |problem: Problem, denial| {
        let view = TrialView {
            url: Frozen::of(&request)
                .and_then(|frozen| trial::refusal_url(&frozen, &problem, &snapshot, &state.prf))
                .map(String::from),
            denial,
            ..TrialView::new(&request.client, &request.client_name, Verdict::Refused(problem), now)
        };
        Begun::Over(Box::new(view))
    };
    let contradiction = || AdminError::Refused("the sign-in ended in no way that a trial can".to_owned());
    match state.engine.start(start, &actor.cx).await {
        Ok(Started::Interaction { id, binding }) => Ok(Begun::Run { id, binding }),
        Ok(Started::NotInteractive(why)) => {
            let told = valid.not_interactive(why);
            told.problem().cloned().map(|problem| over(problem, None)).ok_or_else(contradiction)
        }
        Ok(Started::Refused { answer, denial }) => match Outcome::of(&answer) {
            Some(Outcome::Refused(problem)) => Ok(over(problem, denial)),
            _ => Err(contradiction()),
        },
        // The engine ends no trial so.
        Ok(Started::Finished { .. }) => Err(contradiction()),
        Err(EngineError::Store(error)) => Err(error.into()),
        Err(error) => Err(AdminError::Refused(error.to_string())),
    }
}

/// What came of a test sign-in.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialView {
    /// The service provider.
    pub client: String,
    /// How it is called.
    pub client_name: String,
    /// Who signed in: their name and their id.
    pub user: Option<(String, UserId)>,
    /// The chain and its revision.
    pub chain: Option<(String, i64)>,
    /// The steps: the ways to pass each, and what became of it.
    pub steps: Vec<(Vec<String>, StepReport)>,
    /// Where the browser would have gone.
    pub url: Option<String>,
    /// What the application would have got.
    pub verdict: Verdict,
    /// Why the engine refused, where it did.
    pub denial: Option<Denial>,
    /// When it ended.
    pub at: Time,
}

/// What an application would have got.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Tokens that say this.
    Passed {
        /// The authentication context class.
        acr: Option<String>,
        /// By what.
        amr: Vec<String>,
        /// When the person authenticated.
        auth_time: Time,
        /// The claims of the ID token.
        id_token: Option<Map<String, Value>>,
        /// The claims of the access token.
        access_token: Map<String, Value>,
        /// The answer of UserInfo.
        userinfo: Option<Map<String, Value>>,
    },
    /// This error.
    Refused(Problem),
    /// Nothing that can be told any more: the service provider or the user is gone.
    Gone,
}

impl TrialView {
    fn new(client: &impl ToString, name: &str, verdict: Verdict, at: Time) -> Self {
        let (user, chain, url, denial) = (None, None, None, None);
        Self {
            client: client.to_string(),
            client_name: name.to_owned(),
            user,
            chain,
            steps: Vec::new(),
            url,
            verdict,
            denial,
            at,
        }
    }
}

/// What came of a run, for the admin who began it, in the browser that it ran in; `None` while it goes on.
///
/// # Errors
/// When the actor may not, or there is no such test sign-in of theirs.
pub async fn result(
    state: &State,
    actor: &Actor,
    run: InteractionId,
    binding: Option<&str>,
    cx: &RequestContext,
) -> Result<Option<TrialView>, AdminError> {
    actor.needs(Permission::ClientsWrite)?;
    let none = || AdminError::NotFound("test sign-in");
    let trace = match state.engine.trace(run, binding, cx).await {
        Ok(Some(trace)) => trace,
        Ok(None) => return Ok(None),
        Err(EngineError::Store(error)) => return Err(error.into()),
        Err(EngineError::NotFound | EngineError::WrongBrowser) => return Err(none()),
    };
    let frozen = Frozen::of(&trace.request).ok_or_else(none)?;
    let by = frozen.trial.ok_or_else(none)?.by;
    if !matches!(actor.who, Who::Person { user, .. } if user == by) {
        return Err(none());
    }
    let snapshot = state.live.snapshot();
    let outcome = Outcome::of(&trace.answer).ok_or_else(none)?;
    let preview = trace
        .user
        .as_ref()
        .and_then(|user| trial::preview(&trace.request, &outcome, user, trace.at, &snapshot, &*state.random));
    let (url, verdict) = match (outcome, preview) {
        (Outcome::Refused(problem), _) => {
            let url = trial::refusal_url(&frozen, &problem, &snapshot, &state.prf);
            (url, Verdict::Refused(problem))
        }
        (Outcome::Passed { acr, amr, auth_time, .. }, Some(preview)) => {
            let trial::Preview { url, id_token, access_token, userinfo } = preview;
            let amr = amr.into_iter().collect();
            (Some(url), Verdict::Passed { acr, amr, auth_time, id_token, access_token, userinfo })
        }
        (Outcome::Passed { .. }, None) => (None, Verdict::Gone),
    };
    let ways = trace.chain.document.steps.iter().map(|step| {
        step.alternatives.iter().map(|alternative| alternative.authenticator.to_string()).collect::<Vec<_>>()
    });
    Ok(Some(TrialView {
        user: trace.user.map(|user| (user.display_name.unwrap_or_else(|| user.username.to_string()), user.id)),
        chain: Some((trace.chain.chain.to_string(), trace.chain.revision)),
        steps: ways.zip(trace.steps).collect(),
        url: url.map(String::from),
        denial: trace.denial,
        ..TrialView::new(&trace.request.client, &trace.request.client_name, verdict, trace.at)
    }))
}

/// Whether a record of an answer is that of a trial, of which the admin is told, and no client.
pub(crate) fn is_of_trial(answer: &Value) -> bool {
    Outcome::of(answer).is_some()
}

/// The path of the page that says what came of a run.
pub(crate) fn path(run: InteractionId) -> String {
    format!("/admin/trials/{run}")
}

#[cfg(test)]
mod tests {
    use vestibule_core::{crypto::MasterKey, random::SystemRandom};

    use super::*;

    #[test]
    fn only_a_ticket_of_ours_is_read_and_only_whole() {
        let random = SystemRandom::default();
        let prf = MasterKey::generate(&random).prf();
        let trial = NewTrial { max_age: Some(60), ..NewTrial::default() };
        let ticket = Ticket { client: "shop".to_owned(), by: None, until: 9, trial: trial.clone() }.seal(&prf);
        let opened = Ticket::open(&ticket, &prf).unwrap();
        assert_eq!((opened.client.as_str(), opened.trial), ("shop", trial));
        let (json, mac) = ticket.split_once('.').unwrap();
        let other = Ticket { client: "bank".to_owned(), by: None, until: 9, trial: NewTrial::default() }.seal(&prf);
        let swapped = format!("{}.{mac}", other.split_once('.').unwrap().0);
        for wrong in [swapped.as_str(), json, "", ".", &format!("{ticket}x"), &"x".repeat(LONGEST + 1)] {
            assert!(Ticket::open(wrong, &prf).is_none(), "{wrong}");
        }
        assert!(Ticket::open(&ticket, &MasterKey::generate(&random).prf()).is_none());
    }
}
