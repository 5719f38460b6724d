//! A value of every page in every state that it can be in: what the tests draw, and what the gallery shows.

mod account;
mod joining;
mod own;

use vestibule_core::{Time, chain::Seconds, prompt::Text};

use super::{
    App, Cause, Choose, Claim, CodeState, CodeStatus, ConfirmLogout, Consent, Demo, DemoUser, End, Ended, ErrorPage,
    ForgotPassword, Form, Hidden, Input, InputKind, Lack, Landing, Later, Link, Moment, NewPassword, NoWay, Notice,
    Outbox, OutboxRow, Page, Person, Progress, Remember, Resend, Scope, SignedOut, Step, Way, unbroken,
};

/// The name of a state, and the page in it.
type State = (&'static str, Page);

/// A page in one of its states.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The page's name.
    pub page: &'static str,
    /// The state's name, in words joined by dashes.
    pub state: &'static str,
    /// The value.
    pub value: Page,
}

const REFERENCE: &str = "01936b5e-7c1a-7e40-9d1f-3f2b8a6c4d21";
const MASKED: &str = "+1 ••• ••• ••42";
const OTHER: &str = "+49 ••• ••••• ••07";

impl Page {
    /// Every page in every state.
    pub fn samples() -> Vec<Sample> {
        let pages: [(&'static str, Vec<State>); 28] = [
            ("sign-in", sign_in()),
            ("identify", identify()),
            ("choose", choose()),
            ("code", code()),
            ("own-authenticator", own()),
            ("consent", consent()),
            ("no-way", no_way()),
            ("ended", ended()),
            ("sign-out", sign_out()),
            ("new-password", new_password()),
            ("register", joining::register()),
            ("invitation", joining::invitation()),
            ("forgot-password", forgot_password()),
            ("error", error()),
            ("enrol", account::enrolment()),
            ("passkey", account::passkey()),
            ("portal", account::portal()),
            ("ways-to-sign-in", account::factors()),
            ("way-to-sign-in", account::one_factor()),
            ("change-password", account::change_password()),
            ("activity", account::what_happened()),
            ("apps", own::apps()),
            ("profile", own::profile()),
            ("own-data", own::data()),
            ("account-deleted", own::deleted()),
            ("landing", landing()),
            ("outbox", outbox()),
            ("demo", demo()),
        ];
        let named = |(page, states): (&'static str, Vec<State>)| {
            states.into_iter().map(move |(state, value)| Sample { page, state, value })
        };
        pages.into_iter().flat_map(named).chain(crate::console::samples::all()).chain([docs()]).collect()
    }
}

/// The document as it is: what is in it, the page has to be able to show.
fn docs() -> Sample {
    // The gallery makes all samples for each that it shows, and this one is large.
    static MADE: std::sync::OnceLock<Page> = std::sync::OnceLock::new();
    let made = MADE.get_or_init(|| {
        let document = crate::api::document("https://login.example.com");
        crate::api::docs::page(&document, "/api/v1/openapi.json".to_owned())
    });
    Sample { page: "api-docs", state: "all", value: made.clone() }
}

fn at(seconds: i64) -> Moment {
    // 2026-11-23 14:02:50 UTC.
    Time::from_unix_seconds(1_795_442_570 + seconds).into()
}

fn form() -> Form {
    Form { action: format!("/interaction/{REFERENCE}"), version: 3, challenge: String::new() }
}

fn app() -> App {
    App { name: "Grafana".to_owned(), host: Some("metrics.example.com".to_owned()) }
}

fn ada() -> Person {
    Person { name: "Ada Lovelace".to_owned(), username: "ada".to_owned() }
}

fn link() -> Link {
    Link { href: "https://metrics.example.com/".to_owned(), name: "Grafana".to_owned() }
}

fn way(index: usize, authenticator: &str, target: Option<&str>) -> Way {
    Way {
        index,
        authenticator: authenticator.to_owned(),
        label: Text::new(&format!("{authenticator}.label")),
        target: target.map(unbroken),
    }
}

fn password() -> Step {
    Step {
        form: form(),
        app: Some(app()),
        progress: Progress::new(1, 2),
        user_name: None,
        title: Text::new("password.title"),
        lead: None,
        username: Some(String::new()),
        exhibit: None,
        passkey: None,
        beside: None,
        fields: vec![Input {
            name: "password".to_owned(),
            label: Text::new("password.field"),
            kind: InputKind::Password,
            focus: false,
        }],
        submit: Text::new("password.submit"),
        code: None,
        remember: None,
        notice: None,
        others: Vec::new(),
        later: Vec::new(),
        besides: Vec::new(),
        wished: None,
        forgot: None,
        join: None,
    }
}

fn later() -> Vec<Later> {
    vec![Later { label: Text::new("smsotp.label"), from: Moment::from(Time::from_unix_seconds(1_795_529_000)) }]
}

fn besides() -> Vec<Way> {
    vec![way(3, "totp", None), way(4, "passkey", None)]
}

fn wished() -> Option<Text> {
    Some(Text::new("totp.label"))
}

fn named(name: &str) -> Step {
    let mut step = Step { username: Some(name.to_owned()), ..password() };
    step.fields.iter_mut().for_each(|field| field.focus = true);
    step
}

fn sign_in() -> Vec<(&'static str, Page)> {
    let told = |notice| Page::Step(Step { notice: Some(notice), ..named("ada") });
    let again = Step { username: None, user_name: Some("Ada Lovelace".to_owned()), progress: None, ..named("") };
    vec![
        ("fresh", Page::Step(password())),
        ("name-known", Page::Step(named("ada"))),
        ("wrong", told(Notice::wrong_credentials().in_words_of("password", "wrong"))),
        ("empty", told(Notice::empty().in_words_of("password", "empty"))),
        ("too-long", told(Notice::malformed().in_words_of("password", "malformed"))),
        ("wait", told(Notice::wait(Some(at(120))))),
        ("stopped", told(Notice::wait(None))),
        ("busy", told(Notice::trouble(REFERENCE.to_owned(), true).in_words_of("password", "busy"))),
        ("trouble", told(Notice::trouble(REFERENCE.to_owned(), false))),
        ("once-more", Page::Step(again.clone())),
        ("once-more-wrong", Page::Step(Step { notice: Some(Notice::wrong_password()), ..again })),
        ("other-ways", Page::Step(Step { others: vec![way(1, "smsotp", None)], ..password() })),
        ("number-changed", Page::Step(Step { later: later(), ..named("ada") })),
        ("may-be-forgotten", Page::Step(named("ada")).with_reset("/forgot-password")),
        ("may-join", Page::Step(password()).with_reset("/forgot-password").with_join("/register")),
    ]
}

fn identify() -> Vec<(&'static str, Page)> {
    let asked = Step {
        title: Text::new("identify.title"),
        submit: Text::new("identify.submit"),
        fields: Vec::new(),
        progress: None,
        ..password()
    };
    let told = Step { notice: Some(Notice::empty()), ..asked.clone() };
    vec![("fresh", Page::Step(asked)), ("empty", Page::Step(told))]
}

fn choose() -> Vec<(&'static str, Page)> {
    let ways = vec![way(0, "smsotp", Some(MASKED)), way(1, "smsotp", Some(OTHER)), way(2, "password", None)];
    let choice = Choose {
        form: form(),
        app: Some(app()),
        progress: Progress::new(2, 2),
        user_name: Some("Ada Lovelace".to_owned()),
        enrolling: false,
        ways,
        notice: None,
        later: Vec::new(),
        besides: Vec::new(),
        wished: None,
    };
    let told = |notice| Page::Choose(Choose { notice: Some(notice), ..choice.clone() });
    let one = Choose { ways: vec![way(0, "smsotp", Some(MASKED))], ..choice.clone() };
    vec![
        ("three-ways", Page::Choose(choice.clone())),
        ("number-changed", Page::Choose(Choose { later: later(), ..choice.clone() })),
        ("may-set-up-more", Page::Choose(Choose { besides: besides(), ..choice.clone() })),
        ("sets-up-more", Page::Choose(Choose { wished: wished(), ..choice.clone() })),
        ("one-way", Page::Choose(Choose { notice: Some(Notice::trouble(REFERENCE.to_owned(), false)), ..one })),
        ("wait-for-messages", told(Notice::wait_for_messages(Some(at(900))))),
        ("number-not-allowed", told(Notice::number_not_allowed())),
        ("other-tab", told(Notice::moved())),
    ]
}

fn code() -> Vec<(&'static str, Page)> {
    let field = Input {
        name: "code".to_owned(),
        label: Text::new("smsotp.field"),
        kind: InputKind::Code { length: 6, room: 9, numeric: true },
        focus: true,
    };
    let status = CodeStatus {
        state: CodeState::Sent,
        to: Some(unbroken(MASKED)),
        minutes: 5,
        until: at(300),
        resend: Some(Resend { at: at(30), wait: 30 }),
        reference: REFERENCE.to_owned(),
        sms: true,
        filled: None,
    };
    let now = Resend { at: at(-5), wait: 0 };
    let step = Step {
        form: Form { challenge: REFERENCE.to_owned(), ..form() },
        progress: Progress::new(2, 2),
        user_name: Some("Ada Lovelace".to_owned()),
        title: Text::new("smsotp.title"),
        username: None,
        fields: vec![field.clone()],
        submit: Text::new("smsotp.submit"),
        code: Some(status.clone()),
        others: vec![way(1, "smsotp", Some(OTHER)), way(2, "password", None)],
        ..password()
    };
    let told = |notice| Page::Step(Step { notice: Some(notice), ..step.clone() });
    let in_state = |state| {
        let code = CodeStatus { state, resend: Some(now.clone()), ..status.clone() };
        Page::Step(Step { code: Some(code), ..step.clone() })
    };
    let cooling = |resend, notice| {
        let code = CodeStatus { resend, ..status.clone() };
        Page::Step(Step { code: Some(code), notice: Some(notice), ..step.clone() })
    };
    let remembering = |remember| {
        let notice = Some(Notice::wrong_code(3));
        Page::Step(Step { remember: Some(remember), notice, ..step.clone() })
    };
    let last = CodeStatus { minutes: 1, until: at(40), resend: Some(now.clone()), ..status.clone() };
    let linked = CodeStatus { filled: Some("482913".to_owned()), ..status.clone() };
    let asked = CodeStatus { state: CodeState::Asked, to: None, ..status.clone() };
    let anonymous = Step { code: Some(asked), user_name: None, others: Vec::new(), ..step.clone() };
    let letters = Input { kind: InputKind::Code { length: 8, room: 11, numeric: false }, ..field };
    let waiting =
        CodeStatus { state: CodeState::Dead, resend: Some(Resend { at: at(20), wait: 20 }), ..status.clone() };
    let hopeless = CodeStatus { state: CodeState::Expired, resend: None, ..status.clone() };
    vec![
        ("sent", Page::Step(step.clone())),
        ("may-set-up-more", Page::Step(Step { besides: besides(), ..step.clone() })),
        ("sets-up-more", Page::Step(Step { wished: wished(), ..step.clone() })),
        ("remember", Page::Step(Step { remember: Some(Remember::new(Seconds(30 * 86_400), false)), ..step.clone() })),
        ("remember-wished", remembering(Remember::new(Seconds(7200), true))),
        ("remember-shortly", remembering(Remember::new(Seconds(900), false))),
        ("remember-a-day", remembering(Remember::new(Seconds(86_400), false))),
        ("remember-an-hour", remembering(Remember::new(Seconds(3600), false))),
        ("remember-a-minute", remembering(Remember::new(Seconds(60), false))),
        ("from-a-link", Page::Step(Step { code: Some(linked), notice: Some(Notice::filled()), ..step.clone() })),
        ("sending", in_state(CodeState::Sending)),
        ("asked-for", Page::Step(anonymous)),
        ("resent-same-code", told(Notice::resent())),
        ("new-code", told(Notice::renewed())),
        ("last-minute", Page::Step(Step { code: Some(last), ..step.clone() })),
        ("wrong-3-left", told(Notice::wrong_code(3))),
        ("wrong-1-left", told(Notice::wrong_code(1))),
        ("empty", told(Notice::empty())),
        ("expired", in_state(CodeState::Expired)),
        ("expired-no-resend", Page::Step(Step { code: Some(hopeless), others: Vec::new(), ..step.clone() })),
        ("dead", in_state(CodeState::Dead)),
        ("dead-and-cooling", Page::Step(Step { code: Some(waiting), ..step.clone() })),
        ("wait", told(Notice::wait(Some(at(240))))),
        ("stopped", told(Notice::wait(None))),
        (
            "messages-wait",
            cooling(Some(Resend { at: at(1800), wait: 1800 }), Notice::wait_for_messages(Some(at(1800)))),
        ),
        ("messages-stopped", cooling(None, Notice::wait_for_messages(None))),
        ("gateway-refused", in_state(CodeState::Refused)),
        ("outcome-unknown", in_state(CodeState::Unknown)),
        ("other-tab", told(Notice::moved())),
        ("letters", Page::Step(Step { fields: vec![letters], ..step })),
    ]
}

/// What an authenticator of one's own looks like, that brings no words for what went wrong.
fn own() -> Vec<(&'static str, Page)> {
    let input =
        |name: &str, label: &str, kind, focus| Input { name: name.to_owned(), label: Text::new(label), kind, focus };
    let asked = Step {
        title: Text::new("smsotp.title"),
        lead: Some(Text::new("smsotp.lead").with("minutes", 5)),
        username: None,
        user_name: Some("Ada Lovelace".to_owned()),
        progress: Progress::new(3, 4),
        fields: vec![
            input("username", "identify.label", InputKind::Username, true),
            input("code", "smsotp.field", InputKind::Code { length: 6, room: 9, numeric: true }, false),
        ],
        ..password()
    };
    let told = |notice| Page::Step(Step { notice: Some(notice), ..asked.clone() });
    vec![
        ("asked", Page::Step(asked.clone())),
        ("wrong", told(Notice::wrong())),
        ("wrong-credentials", told(Notice::wrong_credentials())),
        ("expired", told(Notice::expired())),
        ("malformed", told(Notice::malformed())),
        ("busy", told(Notice::trouble(REFERENCE.to_owned(), true))),
    ]
}

fn consent() -> Vec<(&'static str, Page)> {
    let asking_for = |names: &[&str], host: bool, more| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let (needed, optional) = Scope::sorted(&names);
        let app = App { host: app().host.filter(|_| host), ..app() };
        Page::Consent(Consent { form: form(), app, user: ada(), needed, optional, more })
    };
    let much = ["openid", "profile", "email", "phone", "address", "offline_access", "reports.read"];
    vec![
        ("asked", asking_for(&much, true, false)),
        ("more-than-before", asking_for(&["openid", "phone"], true, true)),
        ("little", asking_for(&["openid"], false, false)),
    ]
}

fn no_way() -> Vec<(&'static str, Page)> {
    let because = |why| {
        let reference = REFERENCE.to_owned();
        let from = (why == Lack::NotYet).then(|| Moment::from(Time::from_unix_seconds(1_795_529_000)));
        Page::NoWay(NoWay { app: Some(app()), why, from, back: Some(link()), reference })
    };
    vec![
        ("no-number-and-none-may-be-added", because(Lack::Way)),
        ("account-off", because(Lack::Account)),
        ("other-user", because(Lack::OtherUser)),
        ("not-a-member", because(Lack::Membership)),
        ("number-changed", because(Lack::NotYet)),
        ("not-strong-enough", because(Lack::Strength)),
        ("not-set-up", because(Lack::Setup)),
    ]
}

fn ended() -> Vec<(&'static str, Page)> {
    let ended = |how, back| Page::Ended(Ended { how, back });
    vec![
        ("expired", ended(End::Expired, Some(link()))),
        ("expired-without-a-way-back", ended(End::Expired, None)),
        ("finished", ended(End::Finished, Some(link()))),
    ]
}

fn sign_out() -> Vec<(&'static str, Page)> {
    let hidden = vec![Hidden { name: "state".to_owned(), value: "af0ifjsldkj".to_owned() }];
    let action = "/oauth2/logout".to_owned();
    let confirm = ConfirmLogout { action, user: Some(ada()), app: Some(app()), hidden };
    let alone = ConfirmLogout { app: None, user: None, hidden: Vec::new(), ..confirm.clone() };
    vec![
        ("confirm", Page::ConfirmLogout(confirm)),
        ("confirm-alone", Page::ConfirmLogout(alone)),
        ("done", Page::SignedOut(SignedOut { back: None })),
        ("done-with-a-way-back", Page::SignedOut(SignedOut { back: Some(link()) })),
    ]
}

fn new_password() -> Vec<(&'static str, Page)> {
    let (action, username) = ("/set-password/x".to_owned(), "ada".to_owned());
    let empty = NewPassword { action, username, minimum: 10, fault: None, done: false, back: None };
    let at_fault = |why| {
        Page::NewPassword(NewPassword { fault: Some(Text::new(&format!("new-password.{why}"))), ..empty.clone() })
    };
    let short = Text::new("new-password.short").with("minimum", 10);
    let short = NewPassword { fault: Some(short), ..empty.clone() };
    vec![
        ("empty", Page::NewPassword(empty.clone())),
        ("too-short", Page::NewPassword(short)),
        ("too-long", at_fault("long")),
        ("common", at_fault("common")),
        ("named", at_fault("named")),
        ("breached", at_fault("breached")),
        ("unchecked", at_fault("unchecked")),
        ("busy", at_fault("busy")),
        ("known", at_fault("known")),
        ("done", Page::NewPassword(NewPassword { done: true, back: Some(link()), ..empty.clone() })),
    ]
}

fn forgot_password() -> Vec<(&'static str, Page)> {
    let empty = ForgotPassword {
        action: "/forgot-password".to_owned(),
        username: String::new(),
        minutes: 30,
        fault: None,
        at: None,
        asked: false,
    };
    let known = ForgotPassword { username: "ada".to_owned(), ..empty.clone() };
    let fault = |why: &str, at| ForgotPassword { fault: Some(Text::new(why)), at, ..known.clone() };
    vec![
        ("empty", Page::ForgotPassword(empty.clone())),
        ("name-known", Page::ForgotPassword(known.clone())),
        ("no-name", Page::ForgotPassword(ForgotPassword { fault: Some(Text::new("forgot-password.empty")), ..empty })),
        ("wait", Page::ForgotPassword(fault("forgot-password.limited", Some(at(1800))))),
        ("busy", Page::ForgotPassword(fault("forgot-password.busy", None))),
        ("asked", Page::ForgotPassword(ForgotPassword { asked: true, ..known })),
    ]
}

fn error() -> Vec<(&'static str, Page)> {
    let of = |cause, hint: Option<&str>, back| {
        let mut page = ErrorPage::new(cause, REFERENCE);
        (page.hint, page.back) = (hint.map(str::to_owned), back);
        Page::Error(page)
    };
    let hint = "redirect_uri \"https://metrics.example.com/cb/\" is not registered for client \"grafana\". \
                Registered: https://metrics.example.com/login/generic_oauth";
    vec![
        ("unknown-app", of(Cause::UnknownApp, None, None)),
        ("wrong-address", of(Cause::WrongAddress, Some(hint), Some(link()))),
        ("bad-request", of(Cause::BadRequest, None, Some(link()))),
        ("wrong-browser", of(Cause::WrongBrowser, None, None)),
        ("link-in-another-browser", of(Cause::OtherBrowser, None, None)),
        ("forbidden", of(Cause::Forbidden, None, None)),
        ("not-found", of(Cause::NotFound, None, None)),
        ("gone", of(Cause::Gone, None, None)),
        ("too-large", of(Cause::TooLarge, None, None)),
        ("too-many", of(Cause::TooMany, None, None)),
        ("internal", of(Cause::Internal, None, None)),
        ("unavailable", of(Cause::Unavailable, None, None)),
    ]
}

fn landing() -> Vec<(&'static str, Page)> {
    vec![
        ("signed-out", Page::Landing(Landing { user: None, dev: false })),
        ("signed-in", Page::Landing(Landing { user: Some(ada()), dev: false })),
        ("development", Page::Landing(Landing { user: None, dev: true })),
    ]
}

fn outbox() -> Vec<(&'static str, Page)> {
    let message = |seconds, code: &str| OutboxRow {
        at: at(seconds),
        to: "+15550100042".to_owned(),
        subject: None,
        body: format!("Your Grafana code is {code}. It works for 5 minutes.\n@localhost #{code}"),
        code: Some(code.to_owned()),
    };
    let plain = OutboxRow { code: None, body: "Your phone number was changed.".to_owned(), ..message(-90, "") };
    let mail = OutboxRow {
        to: "ada@example.com".to_owned(),
        subject: Some("Your code for Grafana".to_owned()),
        body: "592847 is your code for Grafana. It is good for 5 min.".to_owned(),
        ..message(-30, "592847")
    };
    let some = vec![message(0, "482913"), mail, message(-60, "071254"), plain];
    vec![
        ("messages", Page::Outbox(Outbox { messages: some })),
        ("empty", Page::Outbox(Outbox { messages: Vec::new() })),
    ]
}

fn demo() -> Vec<(&'static str, Page)> {
    let claim = |name: &str, value: &str, moment| Claim { name: name.to_owned(), value: value.to_owned(), moment };
    let claims = vec![
        claim("acr", r#""urn:vestibule:acr:2fa""#, None),
        claim("amr", r#"["otp","pwd","sms"]"#, None),
        claim("aud", r#""demo""#, None),
        claim("auth_time", "1795442570", Some(at(0))),
        claim("exp", "1795442870", Some(at(300))),
        claim("iss", r#""http://localhost:8080""#, None),
        claim("name", r#""Ada Lovelace""#, None),
        claim("sub", r#""01936b5e-7c1a-7e40-9d1f-3f2b8a6c4d21""#, None),
    ];
    let user = DemoUser {
        name: "Ada Lovelace".to_owned(),
        amr: ["otp", "pwd", "sms"].map(str::to_owned).into(),
        acr: Some("urn:vestibule:acr:2fa".to_owned()),
        claims,
    };
    let out = Demo {
        signed_in: None,
        login: "/demo/login".to_owned(),
        again: "/demo/login?prompt=login".to_owned(),
        logout: "/demo/logout".to_owned(),
        problem: None,
    };
    let problem = Demo { problem: Some("access_denied: the person did not allow it".to_owned()), ..out.clone() };
    vec![
        ("signed-in", Page::Demo(Demo { signed_in: Some(user), ..out.clone() })),
        ("signed-out", Page::Demo(out)),
        ("problem", Page::Demo(problem)),
    ]
}
