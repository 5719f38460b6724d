//! From what the engine says is to be shown, to the page that shows it.

use vestibule_core::{
    Rejection, Time,
    channel::SendOutcome,
    engine::{AlternativeView, Body, ChallengeView, StepView, View},
    id::InteractionId,
    interaction::Notice as Outcome,
    plan::Denial,
    prompt::{Field, FieldKind, Prompt},
    user::User,
};

use super::{
    App, Choose, CodeState, CodeStatus, Consent, End, Ended, Form, Input, InputKind, Lack, Link, Moment, NoWay, Notice,
    Page, Person, Progress, Resend, Scope, Step, Way,
};

/// What a page shows that the engine does not know.
#[derive(Clone, Copy, Debug)]
pub struct Beside<'a> {
    /// The service provider's host, from a registered address of it.
    pub host: Option<&'a str>,
    /// Where the service provider is told of a refusal, or its home page.
    pub back: Option<&'a str>,
    /// What to quote when asking for help.
    pub reference: &'a str,
    /// The time.
    pub now: Time,
}

/// The page for a view; `None` when there is nothing to show and the browser goes back to the service provider.
pub fn page_of(view: &View, beside: Beside<'_>) -> Option<Page> {
    Some(match &view.body {
        Body::Step(step) => step_page(view, step, beside),
        Body::Held { user, .. } => Page::Consent(Consent {
            form: form(view, None),
            app: app(view, beside),
            user: user.as_ref().into(),
            scopes: view.request.scopes.iter().map(|scope| Scope::new(scope)).collect(),
            more: false,
        }),
        Body::Denied { denial: Some(denial), .. } => Page::NoWay(NoWay {
            app: Some(app(view, beside)),
            why: denial.into(),
            back: back(view, beside),
            reference: beside.reference.to_owned(),
        }),
        Body::Expired => Page::Ended(Ended { how: End::Expired, back: back(view, beside) }),
        Body::Closed { .. } | Body::Denied { denial: None, .. } => return None,
    })
}

/// The path of an interaction's page, where its forms are posted to.
pub fn path(id: InteractionId) -> String {
    format!("/interaction/{id}")
}

fn step_page(view: &View, step: &StepView, beside: Beside<'_>) -> Page {
    let Some(prompt) = &step.prompt else { return choose_page(view, step, beside) };
    let code = step.challenge.as_ref().and_then(|challenge| code_status(view, step, challenge, beside.now));
    let dead = code.as_ref().is_some_and(|code| matches!(code.state, CodeState::Expired | CodeState::Dead));
    let undone = code.as_ref().is_some_and(|code| matches!(code.state, CodeState::Refused | CodeState::Unknown));
    let notice = step.notice.as_ref().filter(|outcome| match outcome {
        // What became of the code says it already.
        Outcome::Rejected { .. } => !dead,
        Outcome::Resent | Outcome::Renewed => !undone && !dead,
        Outcome::Limited { .. } | Outcome::Trouble { .. } => true,
    });
    Page::Step(Step {
        form: form(view, step.challenge.as_ref()),
        app: Some(app(view, beside)),
        progress: Progress::new(step.number, step.of),
        user_name: step.user.as_ref().map(shown_name),
        title: prompt.title.clone(),
        // Where the message stands is told from its outcome, which the authenticator did not know when it asked.
        lead: prompt.lead.clone().filter(|_| code.is_none()),
        username: step.username.clone(),
        fields: inputs(prompt, step.username.as_deref()),
        submit: prompt.submit.clone(),
        code,
        notice: notice.map(|outcome| notice_of(outcome, step)),
        others: step.alternatives.iter().filter(|way| !way.chosen).map(Way::from).collect(),
    })
}

fn choose_page(view: &View, step: &StepView, beside: Beside<'_>) -> Page {
    Page::Choose(Choose {
        form: form(view, None),
        app: Some(app(view, beside)),
        progress: Progress::new(step.number, step.of),
        user_name: step.user.as_ref().map(shown_name),
        ways: step.alternatives.iter().map(Way::from).collect(),
        notice: step.notice.as_ref().map(|outcome| notice_of(outcome, step)),
    })
}

fn form(view: &View, challenge: Option<&ChallengeView>) -> Form {
    let challenge = challenge.map(|challenge| challenge.id.to_string()).unwrap_or_default();
    Form { action: path(view.id), version: view.version, challenge }
}

fn app(view: &View, beside: Beside<'_>) -> App {
    App { name: view.request.client_name.clone(), host: beside.host.map(str::to_owned) }
}

fn back(view: &View, beside: Beside<'_>) -> Option<Link> {
    beside.back.map(|href| Link { href: href.to_owned(), name: view.request.client_name.clone() })
}

fn shown_name(user: &User) -> String {
    user.display_name.clone().unwrap_or_else(|| user.username.to_string())
}

impl From<&User> for Person {
    fn from(user: &User) -> Self {
        Self { name: shown_name(user), username: user.username.to_string() }
    }
}

/// Typing begins in the first input that is empty.
fn inputs(prompt: &Prompt, username: Option<&str>) -> Vec<Input> {
    let mut free = username.is_none_or(|name| !name.is_empty());
    let mut input = |field: &Field| Input {
        name: field.name.clone(),
        label: field.label.clone(),
        kind: (&field.kind).into(),
        focus: std::mem::take(&mut free),
    };
    prompt.fields.iter().map(&mut input).collect()
}

impl From<&FieldKind> for InputKind {
    fn from(kind: &FieldKind) -> Self {
        match kind {
            FieldKind::Username => Self::Username,
            FieldKind::Password => Self::Password,
            FieldKind::Code { length, numeric } => {
                Self::Code { length: *length, room: length.saturating_add(3), numeric: *numeric }
            }
        }
    }
}

impl From<&AlternativeView> for Way {
    fn from(way: &AlternativeView) -> Self {
        let AlternativeView { index, authenticator, label, target, .. } = way;
        Self { index: *index, authenticator: authenticator.to_string(), label: label.clone(), target: target.clone() }
    }
}

/// Where the message stands that carries a code; `None` for a challenge that sends none.
fn code_status(view: &View, step: &StepView, challenge: &ChallengeView, now: Time) -> Option<CodeStatus> {
    let resend_at = challenge.resend_at?;
    let state = match &challenge.sent {
        _ if challenge.tries_left == 0 => CodeState::Dead,
        _ if challenge.expired => CodeState::Expired,
        _ if step.user.is_none() => CodeState::Asked,
        None => CodeState::Sending,
        Some(SendOutcome::Accepted { .. }) => CodeState::Sent,
        Some(SendOutcome::Refused { .. }) => CodeState::Refused,
        Some(SendOutcome::Unknown { .. }) => CodeState::Unknown,
    };
    let minutes = (challenge.expires_at.since(now).as_secs() + 30) / 60;
    Some(CodeStatus {
        state,
        to: challenge.masked.clone(),
        minutes: u32::try_from(minutes).unwrap_or(u32::MAX).max(1),
        until: challenge.expires_at.into(),
        resend: Some(resend(resend_at, now)),
        reference: view.id.to_string(),
    })
}

fn resend(at: Time, now: Time) -> Resend {
    // Rounded up: a button that wakes up a moment too early would be refused.
    let wait = at.since(now).as_millis().div_ceil(1000);
    Resend { at: at.into(), wait: u64::try_from(wait).unwrap_or(u64::MAX) }
}

fn notice_of(outcome: &Outcome, step: &StepView) -> Notice {
    let own = |notice: Notice, what: &str| match step.alternatives.iter().find(|way| way.chosen) {
        Some(way) => notice.in_words_of(way.authenticator.as_str(), what),
        None => notice,
    };
    match outcome {
        Outcome::Rejected { why: Rejection::Wrong, tries_left: Some(left) } => Notice::wrong_code(*left),
        Outcome::Rejected { why: Rejection::Wrong, .. } if asks_password(step) => match step.username {
            Some(_) => own(Notice::wrong_credentials(), "wrong"),
            None => Notice::wrong_password(),
        },
        Outcome::Rejected { why: Rejection::Wrong, .. } => own(Notice::wrong(), "wrong"),
        Outcome::Rejected { why: Rejection::Expired, .. } => own(Notice::expired(), "expired"),
        Outcome::Rejected { why: Rejection::Empty, .. } if step.username.as_deref() == Some("") => Notice::empty(),
        Outcome::Rejected { why: Rejection::Empty, .. } => own(Notice::empty(), "empty"),
        Outcome::Rejected { why: Rejection::Malformed, .. } => own(Notice::malformed(), "malformed"),
        Outcome::Limited { retry_at, sends: true } => Notice::wait_for_messages(retry_at.map(Moment::from)),
        Outcome::Limited { retry_at, sends: false } => Notice::wait(retry_at.map(Moment::from)),
        Outcome::Resent => Notice::resent(),
        Outcome::Renewed => Notice::renewed(),
        Outcome::Trouble { reference, busy: true } => own(Notice::trouble(reference.clone(), true), "busy"),
        Outcome::Trouble { reference, busy: false } => Notice::trouble(reference.clone(), false),
    }
}

fn asks_password(step: &StepView) -> bool {
    step.prompt.iter().flat_map(|prompt| &prompt.fields).any(|field| field.kind == FieldKind::Password)
}

impl From<&Denial> for Lack {
    fn from(denial: &Denial) -> Self {
        match denial {
            Denial::NoAlternative { .. } => Self::Way,
            Denial::MayNotAct => Self::Account,
            Denial::OtherUser => Self::OtherUser,
            Denial::DemandNotMet | Denial::AcrNotReached => Self::Strength,
            Denial::NoChain { .. } | Denial::NothingDue | Denial::UnknownAuthenticator { .. } => Self::Setup,
        }
    }
}
