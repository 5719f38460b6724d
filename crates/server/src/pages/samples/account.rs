//! Samples of setting up a way to sign in, and of the user portal.

use vestibule_core::prompt::Text;

use super::{MASKED, OTHER, REFERENCE, State, ada, app, at, form, password, way};
use crate::{
    pages::{
        Activity, Better, ChangePassword, Check, Choose, DeviceRow, Done, Enrol, EventRow, Exhibit, Factor, FactorRow,
        Factors, Form, Home, Input, InputKind, Moment, Notice, Page, Passkey, Paths, Progress, SessionRow, Step, Tone,
        unbroken,
    },
    portal::activity,
};

const URI: &str =
    "otpauth://totp/login.example.com:ada?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=login.example.com";
const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn input(name: &str, label: &str, kind: InputKind, focus: bool) -> Input {
    Input { name: name.to_owned(), label: Text::new(label), kind, focus }
}

fn code(label: &str, length: u8, numeric: bool, focus: bool) -> Input {
    input("code", label, InputKind::Code { length, room: length + 3, numeric }, focus)
}

/// A step at which Ada sets something up.
fn set_up(title: &str, fields: Vec<Input>) -> Step {
    Step {
        form: Form { challenge: REFERENCE.to_owned(), ..form() },
        progress: Progress::new(2, 2),
        user_name: Some("Ada Lovelace".to_owned()),
        title: Text::new(title),
        username: None,
        fields,
        ..password()
    }
}

/// Setting up a way to sign in.
pub(super) fn enrolment() -> Vec<State> {
    let choice = Choose {
        form: form(),
        app: Some(app()),
        progress: Progress::new(2, 2),
        user_name: Some("Ada Lovelace".to_owned()),
        enrolling: true,
        ways: vec![way(0, "password", None), way(1, "smsotp", None)],
        notice: None,
        later: Vec::new(),
        besides: Vec::new(),
        wished: None,
    };
    let one = Choose { ways: vec![way(1, "smsotp", None)], ..choice.clone() };
    let fields = vec![input("label", "factor.label", InputKind::Label, false), code("smsotp.field", 6, true, true)];
    let key = Step { exhibit: Some(Exhibit::otp_key(URI, KEY)), ..set_up("choose.enrol", fields) };
    let typed = Step { exhibit: Some(Exhibit::otp_key(&"x".repeat(8000), KEY)), ..key.clone() };
    let codes: Vec<String> = (0..10).map(|n| format!("k7m{n}-q2xd-94vn")).collect();
    let now = vestibule_core::Time::from_unix_seconds(1_795_442_570);
    let codes = Step {
        exhibit: Some(Exhibit::codes(codes, now)),
        ..set_up("choose.enrol", vec![code("smsotp.field", 14, false, true)])
    };
    let phone = vec![input("number", "home.phone", InputKind::PhoneNumber, true)];
    let email = vec![input("email", "home.email", InputKind::Email, true)];
    let new = vec![input("password", "new-password.field", InputKind::NewPassword, true)];
    let told = |step: &Step, notice| Page::Step(Step { notice: Some(notice), ..step.clone() });
    vec![
        ("choose", Page::Choose(choice)),
        ("one-way", Page::Choose(one)),
        ("app-key", Page::Step(key.clone())),
        ("app-key-wrong-code", told(&key, Notice::wrong_code(4))),
        ("app-key-without-a-picture", Page::Step(typed)),
        ("codes", Page::Step(codes.clone())),
        ("codes-wrong", told(&codes, Notice::wrong())),
        ("phone", Page::Step(set_up("choose.enrol", phone.clone()))),
        (
            "phone-empty",
            told(&set_up("choose.enrol", phone.clone()), Notice::empty().in_words_of("smsotp", "number_empty")),
        ),
        (
            "phone-malformed",
            told(&set_up("choose.enrol", phone.clone()), Notice::malformed().in_words_of("smsotp", "number_malformed")),
        ),
        (
            "phone-not-allowed",
            told(&set_up("choose.enrol", phone), Notice::malformed().in_words_of("smsotp", "not_allowed")),
        ),
        ("email", Page::Step(set_up("choose.enrol", email))),
        ("password", Page::Step(set_up("choose.enrol", new))),
    ]
}

/// What the browser is asked about a passkey.
pub(super) fn passkey() -> Vec<State> {
    let options = r#"{"challenge":"AAEC","rpId":"login.example.com","timeout":60000}"#;
    let submit = Text::new("passkey.submit");
    let asked = |create| Passkey {
        create,
        field: "credential".to_owned(),
        options: options.to_owned(),
        submit: submit.clone(),
        unknown: None,
    };
    let field = input("credential", "choose.set_up", InputKind::PublicKey, false);
    let use_one = Step {
        title: Text::new("identify.title"),
        passkey: Some(asked(false)),
        fields: vec![field.clone()],
        username: None,
        user_name: Some("Ada Lovelace".to_owned()),
        others: vec![way(1, "smsotp", Some(MASKED))],
        ..password()
    };
    let first = Step { username: Some(String::new()), user_name: None, others: Vec::new(), ..use_one.clone() };
    let create = vec![input("label", "factor.label", InputKind::Label, true), field];
    let create = Step { passkey: Some(asked(true)), ..set_up("choose.enrol", create) };
    let wrong = Step { notice: Some(Notice::wrong()), ..use_one.clone() };
    let unknown = Step { passkey: Some(asked(false).unknown()), ..wrong.clone() };
    let beside = Step { beside: Some(asked(false)), others: vec![way(0, "passkey", None)], ..password() };
    vec![
        ("beside-a-password", Page::Step(beside)),
        ("use", Page::Step(use_one)),
        ("use-with-a-name", Page::Step(first)),
        ("use-wrong", Page::Step(wrong)),
        ("use-unknown", Page::Step(unknown)),
        ("set-up", Page::Step(create)),
    ]
}

pub(super) fn paths() -> Paths {
    let path = |path: &str| path.to_owned();
    Paths {
        home: path("/portal"),
        logout: path("/portal/logout"),
        factors: path("/portal/factors"),
        password: path("/portal/password"),
        activity: path("/portal/activity"),
        apps: path("/portal/apps"),
        profile: path("/portal/profile"),
        data: path("/portal/data"),
        confirm: path("/portal/confirm"),
    }
}

fn check(tone: Tone, text: &str, at: Option<Moment>, better: Option<(&str, &str)>) -> Check {
    let better = better.map(|(href, text)| Better { href: href.to_owned(), text: Text::new(text) });
    Check { tone, text: Text::new(text), at, better }
}

/// The portal's first page.
pub(super) fn portal() -> Vec<State> {
    let session = |id: &str, browser: &str, network: &str, current| SessionRow {
        id: id.to_owned(),
        browser: browser.to_owned(),
        network: network.to_owned(),
        since: at(-86_400),
        renewed: at(-300),
        current,
    };
    let device = |id: &str, browser: &str, current| DeviceRow {
        id: id.to_owned(),
        browser: browser.to_owned(),
        network: "192.0.2.17".to_owned(),
        until: at(20 * 86_400),
        current,
    };
    let (add, change) = (Some(("/portal/factors", "check.add")), Some(("/portal/password", "check.look")));
    let here = session("a", "Firefox on Linux", "192.0.2.17", true);
    let home = Home {
        user: ada(),
        checks: vec![
            Check {
                text: Text::new("check.codes_few").with("left", 2),
                ..check(Tone::Bad, "check.codes_few", None, add)
            },
            check(Tone::Good, "check.more", None, None),
            check(Tone::Good, "check.password", Some(at(-90 * 86_400)), change),
        ],
        email: Some("ada@example.com".to_owned()),
        phone: Some(unbroken(MASKED)),
        sessions: vec![
            here.clone(),
            session("b", "Safari on iPhone", "2001:db8:1:2::/64", false),
            session("c", "Chrome on Windows", "198.51.100.4", false),
        ],
        devices: vec![device("d", "Firefox on Linux", true), device("e", "Safari on iPhone", false)],
        notice: None,
        paths: paths(),
    };
    let alone = Home {
        sessions: vec![here],
        devices: Vec::new(),
        email: None,
        phone: None,
        checks: vec![
            check(Tone::Bad, "check.password_only", None, add),
            check(Tone::Plain, "check.phishing", None, add),
            check(Tone::Plain, "check.number", None, None),
            check(Tone::Good, "check.password", Some(at(-90 * 86_400)), change),
        ],
        notice: Some(Notice::session_ended()),
        ..home.clone()
    };
    let checks =
        vec![check(Tone::Plain, "check.single", None, add), check(Tone::Good, "check.no_password", None, None)];
    let single = Home { checks, ..alone.clone() };
    vec![
        ("three-browsers", Page::Home(home)),
        ("this-browser-only", Page::Home(alone)),
        ("one-way-and-no-password", Page::Home(single)),
    ]
}

fn factor(label: &str, name: Option<&str>, usable: bool, href: &str) -> FactorRow {
    FactorRow {
        label: Text::new(label),
        name: name.map(str::to_owned),
        about: (label == "passkey.label").then(|| Text::new("passkey.synced")),
        since: Some(at(-90 * 86_400)),
        usable,
        left: None,
        href: href.to_owned(),
    }
}

/// The ways to sign in.
pub(super) fn factors() -> Vec<State> {
    let enrol = |name: &str| Enrol {
        action: format!("/portal/factors/add/{name}"),
        label: Text::new(&format!("{name}.label")),
    };
    let list = Factors {
        factors: vec![
            factor("password.label", None, true, "/portal/password"),
            FactorRow { since: None, ..factor("smsotp.label", Some(&unbroken(OTHER)), true, "/portal/factors/phone") },
            factor("smsotp.label", Some("Pixel 9"), true, "/portal/factors/x"),
        ],
        order: ["smsotp", "password"].map(|name| Enrol { action: name.to_owned(), ..enrol(name) }).into(),
        reorder: "/portal/factors/order".to_owned(),
        ordered: true,
        ways: vec![enrol("smsotp"), enrol("password")],
        notice: None,
        accepted: Some(
            r#"{"rpId":"login.example.com","userId":"AAEC","allAcceptedCredentialIds":["AAEC"]}"#.to_owned(),
        ),
        paths: paths(),
    };
    let done = |text: &str, which: Option<&str>| {
        let notice = Some(Done { text: Text::new(text), which: which.map(Text::new) });
        Page::Factors(Factors { notice, ..list.clone() })
    };
    let unproven =
        FactorRow { since: None, ..factor("smsotp.label", Some(&unbroken(OTHER)), false, "/portal/factors/phone") };
    let about = Some(Text::new("factors.number_changed").with("from", "2026-11-24 14:03 UTC"));
    let changed = FactorRow {
        since: None,
        about,
        ..factor("smsotp.label", Some(&unbroken(OTHER)), true, "/portal/factors/phone")
    };
    let changed = Factors { factors: vec![changed], ..list.clone() };
    let few = Factors { factors: vec![unproven], ways: Vec::new(), ..list.clone() };
    let none = Factors { factors: Vec::new(), ..list.clone() };
    let sheet = |left| FactorRow { left: Some(left), ..factor("recovery.label", None, true, "/portal/factors/y") };
    let sheets = Factors { factors: vec![sheet(10), sheet(1), sheet(0)], ..list.clone() };
    vec![
        ("codes-on-paper", Page::Factors(sheets)),
        ("three", Page::Factors(list.clone())),
        ("one-not-confirmed", Page::Factors(few)),
        ("number-changed", Page::Factors(changed)),
        ("none", Page::Factors(none)),
        ("added", done("factors.added", Some("smsotp.label"))),
        ("works", done("factors.tested", Some("smsotp.label"))),
        ("removed", done("factors.removed", None)),
        ("renamed", done("factors.renamed", None)),
        ("ordered", done("factors.ordered", None)),
        ("asked", done("factors.asked", None)),
    ]
}

/// One way to sign in.
pub(super) fn one_factor() -> Vec<State> {
    let own = Factor {
        factor: factor("smsotp.label", Some("Pixel 9"), true, "/portal/factors/x"),
        rename: Some("/portal/factors/x/rename".to_owned()),
        test: Some("/portal/factors/x/test".to_owned()),
        remove: "/portal/factors/x/remove".to_owned(),
        fresh: true,
        fault: None,
        paths: paths(),
    };
    let fault = |fresh, text: &str| Page::Factor(Factor { fresh, fault: Some(Text::new(text)), ..own.clone() });
    let number =
        FactorRow { since: None, ..factor("smsotp.label", Some(&unbroken(OTHER)), true, "/portal/factors/phone") };
    let number = Factor { factor: number, rename: None, ..own.clone() };
    let sheet = FactorRow { left: Some(7), ..factor("recovery.label", None, true, "/portal/factors/x") };
    let sheet = Factor { factor: sheet, test: None, ..own.clone() };
    vec![
        ("proved", Page::Factor(own.clone())),
        ("to-be-proved", Page::Factor(Factor { fresh: false, ..own.clone() })),
        ("number", Page::Factor(number)),
        ("codes-on-paper", Page::Factor(sheet)),
        ("proved-too-long-ago", fault(false, "factor.prove_first")),
        ("the-last", fault(true, "factor.last")),
        ("the-last-owner", fault(true, "factor.last_owner")),
    ]
}

/// Changing the password.
pub(super) fn change_password() -> Vec<State> {
    let asked = ChangePassword {
        username: "ada".to_owned(),
        minimum: 10,
        has_password: true,
        fresh: true,
        fault: None,
        at: None,
        done: false,
        paths: paths(),
    };
    let fault = |key: &str| {
        let at = key.ends_with("limited").then(|| at(120));
        Page::ChangePassword(ChangePassword { fault: Some(Text::new(key)), at, ..asked.clone() })
    };
    let short = Text::new("new-password.short").with("minimum", 10);
    let short = Page::ChangePassword(ChangePassword { fault: Some(short), ..asked.clone() });
    let stale = ChangePassword { fresh: false, ..asked.clone() };
    let too_late = ChangePassword { fault: Some(Text::new("change-password.prove_first")), ..stale.clone() };
    vec![
        ("asked", Page::ChangePassword(asked.clone())),
        ("first-password", Page::ChangePassword(ChangePassword { has_password: false, ..asked.clone() })),
        ("to-be-proved", Page::ChangePassword(stale)),
        ("proved-too-long-ago", Page::ChangePassword(too_late)),
        ("wrong", fault("change-password.wrong")),
        ("same", fault("change-password.same")),
        ("too-short", short),
        ("common", fault("new-password.common")),
        ("too-many", fault("change-password.limited")),
        ("stopped", fault("change-password.stopped")),
        ("trouble", fault("change-password.trouble")),
        ("done", Page::ChangePassword(ChangePassword { done: true, ..asked })),
    ]
}

/// What happened.
pub(super) fn what_happened() -> Vec<State> {
    let event = |(n, kind): (usize, &str)| EventRow {
        id: format!("{REFERENCE}-{n}"),
        at: at(-3600 * i64::try_from(n).unwrap_or_default()),
        text: activity::words(kind),
        way: (n % 3 == 0).then(|| Text::new("smsotp.label")),
        app: (n % 2 == 0).then(|| "Grafana".to_owned()),
        network: Some("192.0.2.17".to_owned()),
        deniable: activity::deniable(kind),
    };
    let kinds = activity::TOLD.iter().copied().chain(["admin.user.changed", "something.new"]);
    let confirming = activity::CONFIRMING.iter().enumerate();
    let confirming = confirming.map(|(n, kind)| EventRow { text: activity::confirming(kind), ..event((2 * n, kind)) });
    let some = Activity {
        events: kinds.enumerate().map(event).chain(confirming).collect(),
        older: Some("/portal/activity?before=1.x".to_owned()),
        newest: Some("/portal/activity".to_owned()),
        disowned: false,
        paths: paths(),
    };
    let disowned = Activity { disowned: true, older: None, newest: None, ..some.clone() };
    let none = Activity { events: Vec::new(), older: None, newest: None, ..some.clone() };
    vec![
        ("everything", Page::Activity(some)),
        ("this-was-not-me", Page::Activity(disowned)),
        ("nothing-yet", Page::Activity(none)),
    ]
}
