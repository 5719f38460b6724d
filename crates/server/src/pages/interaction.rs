//! From what the engine says is to be shown, to the page that shows it.

use vestibule_authn_smsotp::SmsOtp;
use vestibule_core::{
    Rejection, Time,
    channel::SendOutcome,
    engine::{AlternativeView, Body, ChallengeView, LaterView, StepView, View},
    id::InteractionId,
    interaction::Notice as Outcome,
    plan::Denial,
    prompt::{Field, FieldKind, Prompt},
    user::User,
};

use super::{
    App, Choose, CodeState, CodeStatus, Consent, End, Ended, Exhibit, Form, Input, InputKind, Lack, Later, Link,
    Moment, NoWay, Notice, Page, Passkey, Person, Progress, Remember, Resend, Scope, Step, Way, unbroken,
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
        Body::Held { user, .. } => {
            let (needed, optional) = Scope::sorted(&view.request.scopes);
            Page::Consent(Consent {
                form: form(view, None),
                app: app(view, beside),
                user: user.as_ref().into(),
                needed,
                optional,
                more: false,
            })
        }
        Body::Denied { denial: Some(denial), .. } => Page::NoWay(NoWay {
            app: Some(app(view, beside)),
            why: denial.into(),
            from: if let Denial::NotYet { from, .. } = denial { Some((*from).into()) } else { None },
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
    let unknown = matches!(step.notice, Some(Outcome::Rejected { why: Rejection::Unknown, .. }));
    let signalled = |passkey: Passkey| if unknown && !passkey.create { passkey.unknown() } else { passkey };
    Page::Step(Step {
        form: form(view, step.challenge.as_ref()),
        app: Some(app(view, beside)),
        progress: Progress::new(step.number, step.of),
        user_name: step.user.as_ref().map(shown_name),
        title: prompt.title.clone(),
        // Where the message stands is told from its outcome, which the authenticator did not know when it asked.
        lead: prompt.lead.clone().filter(|_| code.is_none()),
        username: step.username.clone(),
        exhibit: Exhibit::of(prompt, beside.now),
        passkey: Passkey::of(prompt).map(signalled),
        beside: step.beside.as_ref().and_then(Passkey::of).map(signalled),
        fields: inputs(prompt, step.username.as_deref()),
        submit: prompt.submit.clone(),
        code,
        remember: step.remember.filter(|_| !dead).map(|remember| Remember::new(remember.life, remember.wished)),
        notice: notice.map(|outcome| notice_of(outcome, step)),
        others: step.alternatives.iter().filter(|way| !way.chosen).map(Way::from).collect(),
        later: step.later.iter().map(Later::from).collect(),
        besides: step.besides.iter().map(Way::from).collect(),
        wished: step.wished.clone(),
        join: None,
        forgot: None,
    })
}

fn choose_page(view: &View, step: &StepView, beside: Beside<'_>) -> Page {
    Page::Choose(Choose {
        form: form(view, None),
        app: Some(app(view, beside)),
        progress: Progress::new(step.number, step.of),
        user_name: step.user.as_ref().map(shown_name),
        enrolling: step.enrolling,
        ways: step.alternatives.iter().map(Way::from).collect(),
        later: step.later.iter().map(Later::from).collect(),
        besides: step.besides.iter().map(Way::from).collect(),
        wished: step.wished.clone(),
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
        // What is not shown takes no typing.
        focus: field.kind != FieldKind::PublicKey && std::mem::take(&mut free),
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
            FieldKind::NewPassword => Self::NewPassword,
            FieldKind::PhoneNumber => Self::PhoneNumber,
            FieldKind::Email => Self::Email,
            FieldKind::Label => Self::Label,
            FieldKind::PublicKey => Self::PublicKey,
        }
    }
}

impl From<&AlternativeView> for Way {
    fn from(way: &AlternativeView) -> Self {
        let AlternativeView { index, authenticator, label, target, .. } = way;
        Self {
            index: *index,
            authenticator: authenticator.to_string(),
            label: label.clone(),
            target: target.as_deref().map(unbroken),
        }
    }
}

/// Where the message stands that carries a code; `None` for a challenge that sends none.
fn code_status(view: &View, step: &StepView, challenge: &ChallengeView, now: Time) -> Option<CodeStatus> {
    let cooled = challenge.resend_at?;
    // A budget of messages that is used up makes the wait longer than the pause between two of them, or without end.
    let resend_at = match &step.notice {
        Some(Outcome::Limited { retry_at, sends: true }) => retry_at.map(|at| at.max(cooled)),
        _ => Some(cooled),
    };
    let state = match &challenge.sent {
        _ if challenge.tries_left == 0 => CodeState::Dead,
        _ if challenge.expired => CodeState::Expired,
        _ if challenge.masked.is_none() => CodeState::Asked,
        None => CodeState::Sending,
        Some(SendOutcome::Accepted { .. }) => CodeState::Sent,
        Some(SendOutcome::Refused { .. }) => CodeState::Refused,
        Some(SendOutcome::Unknown { .. }) => CodeState::Unknown,
    };
    let minutes = (challenge.expires_at.since(now).as_secs() + 30) / 60;
    Some(CodeStatus {
        state,
        to: challenge.masked.as_deref().map(unbroken),
        minutes: u32::try_from(minutes).unwrap_or(u32::MAX).max(1),
        until: challenge.expires_at.into(),
        resend: resend_at.map(|at| resend(at, now)),
        reference: view.id.to_string(),
        filled: None,
        sms: step.alternatives.iter().any(|way| way.chosen && way.authenticator.as_str() == SmsOtp::NAME),
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
    let number = asks(step, &FieldKind::PhoneNumber);
    let address = asks(step, &FieldKind::Email);
    match outcome {
        Outcome::Rejected { why: Rejection::Empty, .. } if number => own(Notice::empty(), "number_empty"),
        Outcome::Rejected { why: Rejection::Malformed, .. } if number => own(Notice::malformed(), "number_malformed"),
        Outcome::Rejected { why: Rejection::Empty, .. } if address => own(Notice::empty(), "address_empty"),
        Outcome::Rejected { why: Rejection::Malformed, .. } if address => own(Notice::malformed(), "address_malformed"),
        Outcome::Rejected { why: Rejection::NotAllowed, .. } => own(Notice::malformed(), "not_allowed"),
        Outcome::Rejected { why: Rejection::Wrong, tries_left: Some(left) } => Notice::wrong_code(*left),
        Outcome::Rejected { why: Rejection::Wrong, .. } if asks(step, &FieldKind::Password) => match step.username {
            Some(_) => own(Notice::wrong_credentials(), "wrong"),
            None => Notice::wrong_password(),
        },
        Outcome::Rejected { why: Rejection::Wrong, .. } => own(Notice::wrong(), "wrong"),
        Outcome::Rejected { why: Rejection::Unknown, .. } => own(Notice::wrong(), "unknown"),
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

fn asks(step: &StepView, kind: &FieldKind) -> bool {
    step.prompt.iter().flat_map(|prompt| &prompt.fields).any(|field| field.kind == *kind)
}

impl From<&LaterView> for Later {
    fn from(later: &LaterView) -> Self {
        Self { label: later.label.clone(), from: later.from.into() }
    }
}

impl From<&Denial> for Lack {
    fn from(denial: &Denial) -> Self {
        match denial {
            Denial::NoAlternative { .. } => Self::Way,
            Denial::NotYet { .. } => Self::NotYet,
            Denial::MayNotAct => Self::Account,
            Denial::OtherUser => Self::OtherUser,
            Denial::NotAdmitted => Self::Membership,
            Denial::DemandNotMet | Denial::AcrNotReached => Self::Strength,
            Denial::NoChain { .. }
            | Denial::NothingDue
            | Denial::UnknownAuthenticator { .. }
            | Denial::Broken { .. } => Self::Setup,
        }
    }
}

#[cfg(test)]
mod tests {
    use vestibule_core::{
        id::{AuthenticatorName, ChallengeId, UserId},
        interaction::Request,
        prompt::Text,
        user::LoginName,
    };

    use super::*;
    use crate::pages::Tone;

    const NOW: Time = Time::from_unix_seconds(1_795_442_570);

    fn ada() -> User {
        let user = User::new(UserId(uuid::Uuid::nil()), LoginName::parse("ada").unwrap(), NOW);
        User { display_name: Some("Ada Lovelace".to_owned()), ..user }
    }

    fn view(body: Body) -> View {
        let request = Request {
            client: "grafana".into(),
            client_name: "Grafana".to_owned(),
            scopes: vec!["openid".to_owned(), "email".to_owned()],
            acr_values: Vec::new(),
            acr_claim: None,
            not_before: None,
            required_user: None,
            ignore_session: false,
            login_hint: None,
            errand: None,
            locales: Vec::new(),
            payload: serde_json::Value::Null,
        };
        View { id: InteractionId(uuid::Uuid::nil()), version: 7, request, body, stale: false }
    }

    fn way(index: usize, name: &str, chosen: bool) -> AlternativeView {
        let authenticator = AuthenticatorName::from(name);
        let label = vestibule_core::authenticator::label(&authenticator);
        AlternativeView { index, authenticator, label, target: Some("+1 ••42".to_owned()), chosen }
    }

    fn prompt(kind: FieldKind) -> Prompt {
        let field = Field { name: "code".to_owned(), label: Text::new("smsotp.field"), kind };
        let lead = Some(Text::new("smsotp.lead"));
        let (title, submit) = (Text::new("smsotp.title"), Text::new("smsotp.submit"));
        Prompt { title, lead, exhibit: None, fields: vec![field], submit }
    }

    fn challenge() -> ChallengeView {
        ChallengeView {
            id: ChallengeId(uuid::Uuid::nil()),
            masked: Some("+1 ••42".to_owned()),
            sent: Some(SendOutcome::Accepted { reference: None }),
            tries_left: 5,
            expired: false,
            expires_at: NOW + std::time::Duration::from_secs(299),
            resend_at: Some(NOW + std::time::Duration::from_millis(29_100)),
        }
    }

    fn code_step() -> StepView {
        StepView {
            number: 2,
            of: 2,
            enrolling: false,
            prompt: Some(prompt(FieldKind::Code { length: 6, numeric: true })),
            beside: None,
            username: None,
            user: Some(ada()),
            challenge: Some(challenge()),
            remember: None,
            alternatives: vec![way(0, "smsotp", true), way(1, "totp", false)],
            later: Vec::new(),
            besides: Vec::new(),
            wished: None,
            notice: None,
        }
    }

    fn shown(body: Body) -> Option<Page> {
        let beside = Beside { host: Some("metrics.example.com"), back: None, reference: "r-1", now: NOW };
        page_of(&view(body), beside)
    }

    fn step(step: StepView) -> Step {
        match shown(Body::Step(Box::new(step))) {
            Some(Page::Step(step)) => step,
            other => panic!("{other:?}"),
        }
    }

    fn state(challenge: ChallengeView) -> CodeState {
        step(StepView { challenge: Some(challenge), ..code_step() }).code.unwrap().state
    }

    #[test]
    fn what_is_shown_to_be_kept_and_what_the_browser_is_asked_come_from_the_prompt() {
        use vestibule_core::prompt::Exhibit as Shown;
        let with = |exhibit, kind| {
            let prompt = Prompt { exhibit: Some(exhibit), ..prompt(kind) };
            step(StepView { enrolling: true, prompt: Some(prompt), challenge: None, ..code_step() })
        };
        let key = Shown::OtpKey { uri: "otpauth://totp/x?secret=GEZDGNBV".to_owned(), key: "GEZDGNBV".to_owned() };
        let page = with(key, FieldKind::Code { length: 6, numeric: true });
        assert!(matches!(page.exhibit, Some(Exhibit::OtpKey { .. })) && page.passkey.is_none());
        assert!(!format!("{page:?}").contains("GEZD"), "printing a page tells no key");
        let asked = || Shown::PublicKey { create: true, options: serde_json::json!({ "challenge": "AAEC" }) };
        let page = with(asked(), FieldKind::PublicKey);
        let passkey = page.passkey.unwrap();
        assert_eq!((passkey.create, passkey.field.as_str()), (true, "code"));
        assert!(
            page.exhibit.is_none() && page.fields.iter().all(|field| !field.focus),
            "nothing hidden takes the focus"
        );
        assert!(with(asked(), FieldKind::Label).passkey.is_none(), "an answer needs an input");
    }

    #[test]
    fn the_browser_is_told_of_a_passkey_that_is_nowhere_here_and_of_no_other() {
        use vestibule_core::prompt::Exhibit as Shown;
        let options = || serde_json::json!({ "challenge": "AAEC", "rpId": "login.example.com" });
        let asked = |create| Prompt {
            exhibit: Some(Shown::PublicKey { create, options: options() }),
            ..prompt(FieldKind::PublicKey)
        };
        let told = |create, why: Option<Rejection>| {
            let notice = why.map(|why| Outcome::Rejected { why, tries_left: None });
            let page = StepView { prompt: Some(asked(create)), challenge: None, notice, ..code_step() };
            step(page).passkey.unwrap().unknown
        };
        assert_eq!(told(false, Some(Rejection::Unknown)).as_deref(), Some(r#"{"rpId":"login.example.com"}"#));
        for why in [None, Some(Rejection::Wrong), Some(Rejection::Expired), Some(Rejection::NotAllowed)] {
            assert_eq!(told(false, why), None, "{why:?}");
        }
        assert_eq!(told(true, Some(Rejection::Unknown)), None, "one that is made is sent nowhere else");
        let notice = Some(Outcome::Rejected { why: Rejection::Unknown, tries_left: None });
        let beside = StepView { beside: Some(asked(false)), challenge: None, notice, ..code_step() };
        assert!(step(beside).beside.unwrap().unknown.is_some(), "beside a password too");
    }

    #[test]
    fn nothing_chosen_yet_is_a_choice_of_what_to_set_up() {
        let shown =
            shown(Body::Step(Box::new(StepView { enrolling: true, prompt: None, challenge: None, ..code_step() })));
        let Some(Page::Choose(choice)) = shown else { panic!("{shown:?}") };
        assert!(choice.enrolling && choice.ways.len() == 2);
    }

    #[test]
    fn a_code_page_says_where_the_message_stands() {
        let why = || "the gateway's own words".to_owned();
        assert_eq!(state(challenge()), CodeState::Sent);
        assert_eq!(state(ChallengeView { sent: None, ..challenge() }), CodeState::Sending);
        let refused = Some(SendOutcome::Refused { why: why() });
        assert_eq!(state(ChallengeView { sent: refused, ..challenge() }), CodeState::Refused);
        let unknown = Some(SendOutcome::Unknown { why: why() });
        assert_eq!(state(ChallengeView { sent: unknown.clone(), ..challenge() }), CodeState::Unknown);
        assert_eq!(state(ChallengeView { expired: true, ..challenge() }), CodeState::Expired);
        assert_eq!(state(ChallengeView { tries_left: 0, expired: true, ..challenge() }), CodeState::Dead);
        let page = shown(Body::Step(Box::new(StepView {
            challenge: Some(ChallengeView { sent: unknown, ..challenge() }),
            ..code_step()
        })));
        assert!(!format!("{page:?}").contains("own words"), "what a gateway says is for the log");
    }

    #[test]
    fn a_079_somebody_who_has_proved_nothing_is_not_told_whether_a_message_was_sent() {
        let told = step(StepView {
            user: None,
            challenge: Some(ChallengeView { masked: None, sent: None, ..challenge() }),
            ..code_step()
        });
        assert_eq!(told.code.unwrap().state, CodeState::Asked);
        assert_eq!(told.user_name, None);
    }

    #[test]
    fn times_are_rounded_so_that_nothing_is_promised_too_early() {
        let code = step(code_step()).code.unwrap();
        assert_eq!(code.minutes, 5);
        assert_eq!(code.resend.unwrap().wait, 30);
        assert!(step(code_step()).lead.is_none(), "the outcome is told instead of the authenticator's guess");
    }

    #[test]
    fn a_used_up_budget_moves_the_time_of_the_next_message() {
        let until = NOW + std::time::Duration::from_secs(1800);
        let limited =
            |retry_at| step(StepView { notice: Some(Outcome::Limited { retry_at, sends: true }), ..code_step() });
        assert_eq!(limited(Some(until)).code.unwrap().resend.unwrap().wait, 1800);
        assert!(limited(None).code.unwrap().resend.is_none());
    }

    #[test]
    fn a_notice_does_not_contradict_what_became_of_the_code() {
        let refused = Some(SendOutcome::Refused { why: String::new() });
        let of = |challenge, notice| step(StepView { challenge: Some(challenge), notice: Some(notice), ..code_step() });
        assert!(of(ChallengeView { sent: refused, ..challenge() }, Outcome::Resent).notice.is_none());
        let wrong = |left| Outcome::Rejected { why: Rejection::Wrong, tries_left: Some(left) };
        assert!(of(ChallengeView { tries_left: 0, ..challenge() }, wrong(0)).notice.is_none());
        let notice = of(ChallengeView { tries_left: 1, ..challenge() }, wrong(1)).notice.unwrap();
        assert!(notice.n == Some(1) && notice.about_field && notice.tone == Tone::Bad);
        assert_eq!(of(challenge(), Outcome::Resent).notice.unwrap().tone, Tone::Good);
    }

    #[test]
    fn the_form_says_what_was_seen_and_the_other_ways_are_offered() {
        let page = step(code_step());
        assert_eq!(
            (page.form.version, page.form.action.as_str()),
            (7, "/interaction/00000000-0000-0000-0000-000000000000")
        );
        assert_eq!(page.form.challenge, "00000000-0000-0000-0000-000000000000");
        assert_eq!(page.others.iter().map(|way| way.index).collect::<Vec<_>>(), [1]);
        assert_eq!(page.others[0].target.as_deref(), Some("+1\u{a0}••42"));
    }

    #[test]
    fn what_may_be_set_up_besides_is_offered_and_a_wish_can_be_taken_back_on_both_pages() {
        let wishing = || StepView { besides: vec![way(1, "totp", false)], ..code_step() };
        let page = step(wishing());
        assert_eq!((page.besides.iter().map(|way| way.index).collect::<Vec<_>>(), page.wished), (vec![1], None));
        let wished = || Some(Text::new("totp.label"));
        let page = step(StepView { wished: wished(), ..code_step() });
        assert!(page.besides.is_empty() && page.wished.is_some());
        for (besides, wished) in [(1, None), (0, wished())] {
            let mut choice = StepView { prompt: None, challenge: None, wished: wished.clone(), ..wishing() };
            choice.besides.truncate(besides);
            let Some(Page::Choose(page)) = shown(Body::Step(Box::new(choice))) else { panic!("a choice") };
            assert_eq!((page.besides.len(), page.wished.is_some()), (besides, wished.is_some()));
        }
    }

    #[test]
    fn a_box_offers_to_be_remembered_in_a_unit_that_people_count_in() {
        use vestibule_core::{chain::Seconds, engine::RememberView};
        let offered = |life, challenge| {
            let remember = Some(RememberView { life: Seconds(life), wished: true });
            step(StepView { remember, challenge: Some(challenge), ..code_step() }).remember
        };
        let said = |life| {
            let remember = offered(life, challenge()).unwrap();
            assert!(remember.wished);
            (remember.text.key, remember.n)
        };
        assert_eq!(said(30 * 86_400), ("remember.days".to_owned(), 30));
        assert_eq!(said(36 * 3600), ("remember.hours".to_owned(), 36));
        assert_eq!(said(7200), ("remember.hours".to_owned(), 2));
        assert_eq!(said(90), ("remember.minutes".to_owned(), 1));
        assert_eq!(said(10), ("remember.minutes".to_owned(), 1));
        assert!(step(code_step()).remember.is_none());
        assert!(offered(60, ChallengeView { tries_left: 0, ..challenge() }).is_none(), "there is nothing to answer");
    }

    #[test]
    fn typing_begins_where_something_is_missing() {
        let password = |username: Option<&str>| {
            let prompt = Some(prompt(FieldKind::Password));
            let username = username.map(str::to_owned);
            step(StepView { prompt, username, challenge: None, user: None, ..code_step() }).fields[0].focus
        };
        assert!(password(None) && password(Some("ada")) && !password(Some("")));
    }

    #[test]
    fn a_wrong_password_never_tells_whether_the_name_exists() {
        let rejected = |username: Option<&str>| {
            let notice = Some(Outcome::Rejected { why: Rejection::Wrong, tries_left: None });
            let prompt = Some(prompt(FieldKind::Password));
            let username = username.map(str::to_owned);
            step(StepView { prompt, username, notice, challenge: None, ..code_step() }).notice.unwrap().text.key
        };
        assert_eq!(rejected(Some("ada")), "notice.credentials");
        assert_eq!(rejected(None), "notice.password");
    }

    #[test]
    fn without_a_prompt_the_person_chooses() {
        let page = shown(Body::Step(Box::new(StepView { prompt: None, challenge: None, ..code_step() })));
        assert!(matches!(page, Some(Page::Choose(choose)) if choose.ways.len() == 2));
    }

    #[test]
    fn what_is_over_is_told_or_goes_back_to_the_application() {
        let answer = || serde_json::Value::Null;
        assert!(shown(Body::Closed { answer: answer(), session: None, device: None }).is_none());
        assert!(shown(Body::Denied { answer: answer(), denial: None }).is_none());
        let denied = Body::Denied { answer: answer(), denial: Some(Denial::AcrNotReached) };
        assert!(matches!(shown(denied), Some(Page::NoWay(NoWay { why: Lack::Strength, .. }))));
        let lacking = Denial::NoAlternative { step: 2, why: "no number".to_owned() };
        let lacking = shown(Body::Denied { answer: answer(), denial: Some(lacking) }).unwrap();
        assert!(matches!(&lacking, Page::NoWay(NoWay { why: Lack::Way, .. })) && lacking.status() == 403);
        assert!(matches!(shown(Body::Expired), Some(Page::Ended(Ended { how: End::Expired, .. }))));
    }
}
