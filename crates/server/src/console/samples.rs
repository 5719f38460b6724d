//! Every screen of the console in each of its states, for the gallery and for the test of accessibility: drawn by the same
//! functions as the real ones, of values that are made here.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use vestibule_authn_smsotp::SmsOtp;
use vestibule_core::{
    Time,
    audit::AuditEvent,
    channel::SendOutcome,
    id::{AuditId, UserId},
    prompt::Text,
    time::Timestamp,
};
use vestibule_oauth::{Params, model::Client};

use super::{
    audit, chains, clients, connections, denied,
    desk::{Base, DONE, Place},
    doctor, entry, groups, home, import, keys,
    live::{Doing, Live},
    messages, proof, registration, sessions, settings, trials, users,
};
use crate::{
    admin::{
        AdminError, FieldFault, Permission, Role, Versioned,
        audit::{
            AuditList, AuditView,
            health::{Health, SinkHealth},
        },
        bypass::BypassCode,
        clients::{ClientView, SecretView},
        connections::{Circuit, ConnectionView, GatewayHealth, HealthView, LastFailure, TestView},
        groups::GroupView,
        invitations::{InvitationView, Standing},
        keys::{KeyView, KeyWord},
        messages::{Cost, Figures, GatewayFigures, MessageFigures, PrefixFigures, Raised, TimeFigures, Today},
        overview::{
            Concern, Ending, EndingKind, Failing, FirstStep, Funnel, Messages, OldPasswords, Overview, Slot, Step,
            Things, Window,
        },
        paging::Listing,
        registration::RegistrationView,
        sessions::SessionView,
        settings::SettingView,
        users::{FactorView, PasswordLink, UserView},
    },
    import::{Becomes, Line, Refused, Report},
    pages::{
        Page, Sample, Tone,
        console::{Block, Console, Say, Screen, Shell, Visitor},
    },
};

const USER: &str = "01936b5e-7c1a-7e40-9d1f-3f2b8a6c4d21";
const NOW: Time = Time(1_795_442_570_000_000);
const WRITTEN: Timestamp = Timestamp(NOW);

/// Every screen in every state.
pub(crate) fn all() -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut add = |place: Place, page: &'static str, state: &'static str, screen: Screen| {
        samples.push(Sample {
            page,
            state,
            value: Page::Console(Console { shell: shell(place, Role::Owner), screen }),
        });
    };
    for (state, screen) in chains::samples::samples() {
        add(Place::Chains, "console-chains", state, screen);
    }
    let base = Base::default();
    add(Place::Home, "console-overview", "busy", home::screen(&overview(), None, &base));
    add(Place::Home, "console-overview", "month", home::screen(&month(), None, &base));
    let week = Overview { window: Window::Week, ..overview() };
    add(Place::Home, "console-overview", "week", home::screen(&week, None, &base));
    add(Place::Home, "console-overview", "first-steps-again", home::screen(&overview(), Some("yes"), &base));
    add(Place::Home, "console-overview", "empty", home::screen(&quiet(), None, &base));
    let new = Overview { first_steps: Step::ALL.map(|step| FirstStep { step, done: false }).to_vec(), ..quiet() };
    add(Place::Home, "console-overview", "new-house", home::screen(&new, None, &base));
    add(Place::Home, "console-overview", "without-first-steps", home::screen(&quiet(), Some("no"), &base));
    add(Place::Home, "console-overview", "without-permission", home::plain());
    for done in DONE {
        let says = Say::key(&format!("console.done.{done}"));
        add(Place::Home, "console-done", done, home::plain().flash(Tone::Good, says));
    }
    people(&mut add, &base);
    applications(&mut add, &base);
    gateways(&mut add, &base);
    log(&mut add, &base);
    for (state, seen, may) in [
        ("day", sent(Window::Day), true),
        ("month", sent(Window::Month), false),
        ("alarms", alarmed(), true),
        ("empty", MessageFigures { today: sent(Window::Day).today, ..MessageFigures::default() }, true),
        ("without-connections", MessageFigures::default(), false),
    ] {
        add(Place::Messages, "console-messages", state, messages::screen(&seen, may, &base));
    }
    for (state, report) in crate::doctor::samples() {
        add(Place::Doctor, "console-doctor", state, doctor::screen(&report, &base));
    }
    refusals(&mut add, &base);
    let entry_form = entry::form_to("/admin/enter/x".to_owned());
    let wrong = entry_form
        .clone()
        .refused(&faults(&[("/password", "too short: 8 characters at least"), ("/again", "this is another password")]));
    let alone = |screen: Screen| {
        Page::Console(Console { shell: Shell { home: "/admin".to_owned(), ..Shell::default() }, screen })
    };
    for (state, screen) in [
        ("asked", entry::entry_screen("ada", entry_form)),
        ("wrong", entry::entry_screen("ada", wrong)),
        ("over", entry::over()),
    ] {
        samples.push(Sample { page: "console-entry", state, value: alone(screen) });
    }
    for role in Role::ALL {
        let page = Page::Console(Console { shell: shell(Place::Home, role), screen: home::plain() });
        samples.push(Sample { page: "console-role", state: role.name().trim_start_matches("vestibule:"), value: page });
    }
    let mut nobody = shell(Place::Home, Role::Auditor);
    nobody.nav = Vec::new();
    if let Some(visitor) = &mut nobody.visitor {
        visitor.role = Text::new("console.role.none");
    }
    let page = Page::Console(Console { shell: nobody, screen: denied::without_role() });
    samples.push(Sample { page: "console-refused", state: "no-role", value: page });
    samples
}

type Add<'a> = dyn FnMut(Place, &'static str, &'static str, Screen) + 'a;

fn people(add: &mut Add<'_>, base: &Base) {
    let none = Params::default();
    let found = Listing { items: vec![user(false), user(true)], next: Some("x".to_owned()) };
    let may = users::May::ALL;
    let page: Params = [("q", "a"), ("after", "y")].into_iter().collect();
    add(Place::Users, "console-users", "found", users::list_screen(&found, &page, may, base));
    let nobody = Listing { items: Vec::new(), next: None };
    add(Place::Users, "console-users", "empty", users::list_screen(&nobody, &none, may, base));
    add(Place::Users, "console-users", "new", users::new_screen(&none, &[], may, base));
    let typed: Params = [("username", "alice"), ("phone_number", "0555")].into_iter().collect();
    let wrong = faults(&[
        ("/username", "somebody has this name"),
        ("/phone_number", "begin with + and the country code"),
        ("/x", "odd"),
    ]);
    add(Place::Users, "console-users", "new-wrong", users::new_screen(&typed, &wrong, may, base));
    add(Place::Users, "console-import", "new", import::new_screen(&[], base));
    add(
        Place::Users,
        "console-import",
        "wrong",
        import::new_screen(&faults(&[("/csv", "choose a file, or paste one")]), base),
    );
    let look = |bad, skip_bad, changed| import::Look {
        report: import_report(bad),
        csv: "username\nada\n",
        skip_bad,
        invite: skip_bad,
        changed,
        seal: "x".to_owned(),
    };
    for (state, look) in [
        ("good", look(0, false, false)),
        ("kept-out", look(1, false, false)),
        ("skipped", look(1, true, false)),
        ("changed-meanwhile", look(0, false, true)),
        ("many", look(300, true, false)),
        ("nothing", import::Look { report: Report { unchanged: 1, ..Report::default() }, ..look(0, false, false) }),
    ] {
        add(Place::Users, "console-import", state, import::look_screen(&look, base));
    }
    for (state, locked) in [("detail", false), ("locked", true)] {
        add(Place::Users, "console-user", state, users::detail_screen(&detail(locked), None, &[], may, base));
    }
    add(Place::Users, "console-user", "wrong", users::detail_screen(&detail(false), Some(&typed), &wrong, may, base));
    let link = PasswordLink { url: format!("https://login.example.com/set-password/{USER}"), expires_at: WRITTEN };
    add(Place::Users, "console-user", "prove-first", proof::screen("/admin/users/1", base));
    add(Place::Users, "console-user", "link", users::link_screen(&link, "/admin/users", base));
    let invited =
        |standing| users::Detail { factors: Vec::new(), invitation: Some(invitation(standing)), ..detail(false) };
    for (state, standing) in [
        ("invited", Standing::Open),
        ("invitation-accepted", Standing::Accepted),
        ("invitation-revoked", Standing::Revoked),
        ("invitation-ended", Standing::Ended),
    ] {
        add(Place::Users, "console-user", state, users::detail_screen(&invited(standing), None, &[], may, base));
    }
    let bare = users::Detail { factors: Vec::new(), ..detail(false) };
    add(Place::Users, "console-user", "to-be-invited", users::detail_screen(&bare, None, &[], may, base));
    add(Place::Users, "console-user", "invitation-link", users::invited_screen(&link, "/admin/users", base));
    let open = RegistrationView {
        allowed: true,
        open: true,
        contact: "email",
        domains: vec!["example.com".to_owned()],
        groups: vec!["guests".to_owned()],
        per_network: 20,
    };
    let closed = RegistrationView { open: false, contact: "phone", domains: Vec::new(), ..open.clone() };
    let off = RegistrationView { allowed: false, groups: Vec::new(), ..closed.clone() };
    let events: &[AuditView] = &[];
    for (state, found) in [("open", open), ("closed", closed), ("off", off)] {
        add(Place::Users, "console-registration", state, registration::screen(&found, Some(events), true, base));
    }
    let code = BypassCode { code: "7KMPX-40QZT".to_owned(), expires_at: WRITTEN };
    add(Place::Users, "console-user", "bypass", users::bypass_screen(&code, "/admin/users", base));
    let groups =
        Listing { items: vec![GroupView { name: "staff".to_owned(), members: 312 }], next: Some("x".to_owned()) };
    add(Place::Groups, "console-groups", "some", groups::screen(&groups, true, base));
    let none = Listing { items: Vec::new(), next: None };
    add(Place::Groups, "console-groups", "empty", groups::screen(&none, false, base));
    let some = Listing { items: vec![session()], next: None };
    add(Place::Sessions, "console-sessions", "some", sessions::screen(&some, false, true, base));
    let none = Listing { items: Vec::new(), next: None };
    add(Place::Sessions, "console-sessions", "empty", sessions::screen(&none, false, false, base));
}

fn applications(add: &mut Add<'_>, base: &Base) {
    let chains = ["demo".to_owned(), "two-doors".to_owned()];
    let views = [
        client("shop", "client_secret_basic"),
        client("app", "none"),
        client("job", "client_secret_post"),
        client("signer", "private_key_jwt"),
    ];
    add(Place::Clients, "console-clients", "some", clients::list_screen(&more(&views), true, true, base));
    add(Place::Clients, "console-clients", "empty", clients::list_screen(&more(&[]), false, true, base));
    add(Place::Clients, "console-clients", "new", clients::new_screen(&Params::default(), &[], &chains, base));
    let typed: Params = [("id", "a b"), ("redirect_uris", "http://app.example.com/*")].into_iter().collect();
    let wrong = faults(&[("/id", "an id has letters and digits"), ("/redirect_uris", "no wildcard can be registered")]);
    add(Place::Clients, "console-clients", "new-wrong", clients::new_screen(&typed, &wrong, &chains, base));
    let around =
        clients::Around { chains: &chains, issuer: "https://login.example.com", may: true, log: true, trial: None };
    let show = |view: &ClientView, typed: Option<&Params>, faults: &[FieldFault]| {
        clients::detail_screen(&Versioned::new(view.clone()), typed, faults, &around, base)
    };
    let [shop, app, job, signer] = &views;
    add(Place::Clients, "console-client", "detail", show(shop, None, &[]));
    add(Place::Clients, "console-client", "public", show(app, None, &[]));
    add(Place::Clients, "console-client", "without-secret", show(job, None, &[]));
    add(Place::Clients, "console-client", "built-in", show(signer, None, &[]));
    add(Place::Clients, "console-client", "wrong", show(shop, Some(&typed), &wrong));
    let managed = ClientView { managed_by: Some("clients.toml".to_owned()), ..shop.clone() };
    add(Place::Clients, "console-client", "managed", show(&managed, None, &[]));
    let secret = clients::secret_screen(&shop.client, "vss_example", around.issuer, base);
    add(Place::Clients, "console-client", "secret", secret);
    let tried: Params = [("max_age", "a day"), ("prompt", "login"), ("single_sign_on", "yes")].into_iter().collect();
    let wrong = faults(&[("/max_age", "a number of seconds is expected")]);
    let refused = clients::Around { trial: Some((&tried, &wrong)), log: false, ..around };
    let mut several = shop.clone();
    several.client.redirect_uris.push("https://shop.example.com/other".to_owned());
    let found = Versioned::new(several);
    add(Place::Clients, "console-client", "trial-wrong", clients::detail_screen(&found, None, &[], &refused, base));
    for (state, view) in trials::samples() {
        add(Place::Clients, "console-trial", state, trials::screen(&view, base));
    }
}

fn gateways(add: &mut Add<'_>, base: &Base) {
    let views = [connection(false), connection(true), route(), receiving()];
    let health = [closed(), HealthView::default(), mixed(), HealthView::default()];
    let list =
        |add: &mut Add<'_>, state: &'static str, screen| add(Place::Connections, "console-connections", state, screen);
    list(add, "some", connections::list_screen(&more(&views), &health, true, true, base));
    list(add, "empty", connections::list_screen(&more(&[]), &[], false, true, base));
    let all = ["LOCAL".to_owned(), "WORLD".to_owned()];
    for preset in ["generic", "route", "vonage", "twilio", "plivo", "mail"] {
        let typed: Params = [("preset", preset)].into_iter().collect();
        add(Place::Connections, "console-connection-new", preset, connections::new_screen(&typed, &all, &[], base));
    }
    let typed: Params = [("url", "sms.example.com")].into_iter().collect();
    let wrong = faults(&[("/settings/url", "this is no address"), ("/name", "there is a connection of this name")]);
    add(Place::Connections, "console-connection-new", "wrong", connections::new_screen(&typed, &all, &wrong, base));
    let (typed, wrong) = odd_gateway();
    add(Place::Connections, "console-connection-new", "odd", connections::new_screen(&typed, &all, &wrong, base));
    let (typed, wrong) = odd_route();
    add(Place::Connections, "console-connection-new", "odd-route", connections::new_screen(&typed, &all, &wrong, base));
    let told = connections::told(
        "SMSOTP",
        "https://auth.example.com/gateways/SMSOTP/receipts/0A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p",
        base,
    );
    add(Place::Connections, "console-connection", "receipts", told);
    let [used, off, routed, receiving] = views.map(Versioned::new);
    let show = |found: &Versioned<ConnectionView>, extra: &connections::Extra<'_>, health: &HealthView| {
        let issuer = "https://auth.example.com";
        connections::detail_screen(
            found,
            extra,
            &connections::Around { base, issuer, may: true, gateways: &all, health },
        )
    };
    let plain = connections::Extra::default();
    add(Place::Connections, "console-connection", "detail", show(&used, &plain, &closed()));
    add(Place::Connections, "console-connection", "off", show(&off, &plain, &HealthView::default()));
    add(Place::Connections, "console-connection", "route", show(&routed, &plain, &mixed()));
    add(Place::Connections, "console-connection", "receiving", show(&receiving, &plain, &closed()));
    let mail = Versioned::new(mail_server());
    add(Place::Connections, "console-connection", "mail", show(&mail, &plain, &HealthView::default()));
    let typed: Params = [("url", "sms.example.com")].into_iter().collect();
    let wrong = faults(&[("/settings/url", "this is no address"), ("/name", "there is a connection of this name")]);
    let extra = connections::Extra { typed: Some(&typed), faults: &wrong, to_faults: &wrong, ..plain };
    add(Place::Connections, "console-connection", "wrong", show(&used, &extra, &closed()));
    for (state, outcome) in [
        ("accepted", SendOutcome::Accepted { reference: Some("0A0000000123ABCD1".to_owned()) }),
        ("refused", SendOutcome::Refused { why: "HTTP 200, but messages[*].status is \"9\"".to_owned() }),
        ("unknown", SendOutcome::Unknown { why: "no answer within 10 s".to_owned() }),
    ] {
        let request = Some("GET https://sms.example.com/json?api_key=•••&to=•••&text=•••".to_owned());
        let tested =
            TestView { outcome, request, answer: Some("HTTP 200\n{\"messages\":[]}".to_owned()), took_ms: 132 };
        let extra = connections::Extra { tested: Some(&tested), ..connections::Extra::default() };
        add(Place::Connections, "console-connection", state, show(&used, &extra, &closed()));
    }
}

/// What somebody typed of a gateway that cannot be used, with what is wrong in groups that open for it.
fn odd_gateway() -> (Params, Vec<FieldFault>) {
    let typed = [
        ("url", "https://sms.example.com/send?key={{secret.key}}"),
        ("auth.type", "oauth2"),
        ("auth.token_url", "http://id.example.com/token"),
        ("receipts.type", "generic"),
        ("receipts.reference", "id"),
        ("success.body.0.rule", "json"),
        ("success.body.0.path", "a..b"),
        ("success.body.0.value", "0"),
        ("timeout_seconds", "soon"),
    ];
    let wrong = faults(&[
        ("/settings/auth/token_url", "https is wanted"),
        ("/settings/receipts/reference", "a JSON pointer is wanted, such as /message/id"),
        ("/settings/success/body/0/json/path", "this is no path"),
        ("/settings/timeout_seconds", "a number is expected"),
        ("/settings/secrets/key", "is missing, and `url` needs it"),
    ]);
    (typed.into_iter().collect(), wrong)
}

fn odd_route() -> (Params, Vec<FieldFault>) {
    let typed = [
        ("preset", "route"),
        ("via.0.connection", "LOCAL"),
        ("via.0.prefixes", "49"),
        ("via.1.connection", "GONE"),
        ("after_unknown", "yes"),
    ];
    let wrong = faults(&[
        ("/settings/via/0/prefixes", "a list of + and digits is wanted, such as [\"+49\"]"),
        ("/settings/via/1/connection", "there is no connection GONE of kind sms"),
    ]);
    (typed.into_iter().collect(), wrong)
}

fn log(add: &mut Add<'_>, base: &Base) {
    let key = |algorithm: &str, state: KeyWord| KeyView {
        id: "uWoKSyT4dAcZTM9n1gIvyMRl6cX1-KhuI93a3kMO4Ig".to_owned(),
        algorithm: algorithm.to_owned(),
        state,
        created_at: WRITTEN,
        activates_at: WRITTEN,
        retires_at: None,
    };
    let words = [KeyWord::Previous, KeyWord::Current, KeyWord::Next, KeyWord::Retired];
    let all: Vec<_> = words.into_iter().map(|word| key("RS256", word)).collect();
    add(Place::Keys, "console-keys", "some", keys::screen(&more(&all), true, true, base));
    add(Place::Keys, "console-keys", "empty", keys::screen(&more(&[]), false, false, base));
    let found = AuditList { items: events(), next: Some("x".to_owned()) };
    let query: Params = [("kind", "otp."), ("after", "x")].into_iter().collect();
    let sink = |name: &str, served: i64, behind: i64| SinkHealth { name: name.to_owned(), served, behind };
    let well = Health { sealed: Some(4711), finding: None, waiting_since: None, sinks: vec![sink("file", 4711, 0)] };
    add(Place::Audit, "console-audit", "found", audit::screen(&found, &well, &query, NOW, base));
    let none = AuditList { items: Vec::new(), next: None };
    let begun = Health { sealed: Some(0), sinks: Vec::new(), ..well.clone() };
    add(Place::Audit, "console-audit", "empty", audit::screen(&none, &begun, &Params::default(), NOW, base));
    let late = Health {
        waiting_since: Some(Timestamp(Time(0))),
        sinks: vec![sink("stdout", 4711, 0), sink("http", 4242, 469)],
        ..well.clone()
    };
    add(Place::Audit, "console-audit", "late", audit::screen(&found, &late, &Params::default(), NOW, base));
    let finding = Some("event 4711 is missing".to_owned());
    let damaged = Health { sealed: None, finding, ..late };
    add(Place::Audit, "console-audit", "damaged", audit::screen(&found, &damaged, &Params::default(), NOW, base));
    for doing in Doing::ALL {
        let lines = if doing == Doing::Quiet { Vec::new() } else { events() };
        let mut screen = audit::screen(&found, &well, &Params::default(), NOW, base);
        for block in &mut screen.blocks {
            if matches!(block, Block::Own { .. }) {
                *block = Live::seen(doing, &lines, base).block();
            }
        }
        add(Place::Audit, "console-audit", doing.word(), screen);
    }
    let setting = |key: &str, value: Option<&str>, set: bool| SettingView {
        key: key.to_owned(),
        value: value.map(str::to_owned),
        source: "vestibule.toml:3".to_owned(),
        set,
    };
    let all = [
        setting("listen", Some("127.0.0.1:8080"), true),
        setting("log.level", Some("info"), false),
        setting("tls.key", None, false),
    ];
    add(Place::Settings, "console-settings", "some", settings::screen(&all));
    add(Place::Settings, "console-settings", "empty", settings::screen(&[]));
}

fn refusals(add: &mut Add<'_>, _: &Base) {
    let errors: [(&'static str, AdminError); 7] = [
        ("forbidden", AdminError::Forbidden(Permission::UsersWrite)),
        ("above", AdminError::Above),
        ("missing", AdminError::NotFound("user")),
        ("managed", AdminError::Managed("clients.toml".to_owned())),
        ("busy", AdminError::Busy),
        ("no-version", AdminError::VersionWanted),
        ("lockout", AdminError::LocksOut("ada: has no telephone number".to_owned())),
    ];
    for (state, error) in errors {
        add(Place::Users, "console-refused", state, denied::refusal(&error));
    }
    let current = json!({ "name": "Market", "disabled": false, "scopes": ["openid"] });
    let mine: Params = [("name", "Shop"), ("scopes", "openid"), ("secrets.key", "x")].into_iter().collect();
    add(Place::Clients, "console-refused", "conflict", denied::conflict("/admin/clients/shop", "tag", &current, &mine));
}

/// A page in the middle of a list; of nothing, there is no other.
fn more<T: Clone>(items: &[T]) -> Listing<T> {
    Listing { items: items.to_vec(), next: (!items.is_empty()).then(|| "x".to_owned()) }
}

fn shell(place: Place, role: Role) -> Shell {
    Shell {
        home: "/admin".to_owned(),
        nav: place.nav(&role.permissions(), str::to_owned),
        visitor: Some(Visitor {
            name: "Ada Lovelace".to_owned(),
            role: super::desk::role_text(role),
            logout: "/admin/sign-out".to_owned(),
        }),
    }
}

fn faults(all: &[(&str, &str)]) -> Vec<FieldFault> {
    all.iter().map(|(pointer, detail)| FieldFault::new(*pointer, *detail)).collect()
}

fn overview() -> Overview {
    let slot = |n: u64| Slot { at: WRITTEN, logins: n * 7 % 40, wrong: n % 5 };
    let funnel = |chain: &str, median_seconds| Funnel {
        chain: chain.to_owned(),
        started: 402,
        first_step: 391,
        code_sent: 380,
        code_passed: 373,
        completed: 371,
        tokens: 512,
        wrong: 41,
        median_seconds,
    };
    let ending = |kind, name: &str| Ending { kind, name: name.to_owned(), at: WRITTEN };
    let failing =
        |client: Option<&str>, refused, logins| Failing { client: client.map(str::to_owned), refused, logins };
    let messages = |connection: &str, taken, refused| Messages { connection: connection.to_owned(), taken, refused };
    Overview {
        window: Window::Day,
        spans: (0..24).map(slot).collect(),
        chains: vec![funnel("two-doors", Some(23.5)), Funnel { code_sent: 0, code_passed: 0, ..funnel("admin", None) }],
        messages: vec![messages("SMSOTP", 380, 3), messages("old", 0, 12)],
        failing: vec![failing(None, 61, 0), failing(Some("shop"), 9, 371)],
        ending: vec![
            ending(EndingKind::Secret, "shop"),
            ending(EndingKind::Key, "uWoKSyT4dAcZTM9n1gIvyMRl6cX1-KhuI93a3kMO4Ig"),
            ending(EndingKind::Certificate, "login.example.com"),
        ],
        concerns: vec![
            Concern::CodesUnused { connection: "SMSOTP".to_owned(), prefix: "+1 JM".to_owned() },
            Concern::ConsoleOneStep,
            Concern::ConsoleOneFactor { people: vec!["admin".to_owned(), "grace".to_owned()] },
            Concern::SecretEnds { client: "shop".to_owned(), at: WRITTEN },
            Concern::CertificateEnds { at: WRITTEN },
            Concern::ConnectionOff { connection: "SMSOTP".to_owned() },
        ],
        things: Things { clients: 12, connections: 2, chains: 3 },
        old_passwords: vec![
            OldPasswords { kind: "bcrypt".to_owned(), number: 312 },
            OldPasswords { kind: "sha-crypt".to_owned(), number: 4 },
        ],
        first_steps: Step::ALL.map(|step| FirstStep { step, done: true }).to_vec(),
    }
}

/// What became of messages.
fn sent(window: Window) -> MessageFigures {
    let cost = |amount: &str| vec![Cost { currency: "EUR".to_owned(), amount: amount.to_owned() }];
    let figures = |sent, used, amount: &str| Figures {
        sent,
        used,
        unknown: sent / 50,
        delivered: used,
        undelivered: sent / 20,
        refused: sent / 40,
        conversion: Some(if sent == used { 1.0 } else { 0.5 }).filter(|_| sent > 0),
        cost: cost(amount),
        unpriced: 3,
    };
    let gateway = |gateway: &str, figures| GatewayFigures {
        connection: "SMSOTP".to_owned(),
        gateway: gateway.to_owned(),
        figures,
    };
    let prefix = |prefix: Option<&str>, figures| PrefixFigures { prefix: prefix.map(str::to_owned), figures };
    let (length, count) = if window == Window::Day { (3600, 24_u32) } else { (86_400, 30) };
    let time = |back: u32| TimeFigures {
        at: (NOW - Duration::from_secs(length) * back).into(),
        figures: figures(u64::from(back * 7 % 40), u64::from(back * 5 % 31).min(u64::from(back * 7 % 40)), "1.20"),
    };
    MessageFigures {
        window,
        total: figures(1_240, 1_013, "93.075"),
        by_gateway: vec![
            gateway("LOCAL", figures(1_100, 950, "82.50")),
            gateway("WORLD", figures(120, 60, "10.575")),
            GatewayFigures {
                connection: "MAIL".to_owned(),
                gateway: "MAIL".to_owned(),
                figures: Figures { sent: 20, used: 3, conversion: Some(0.15), ..Figures::default() },
            },
        ],
        by_prefix: vec![
            prefix(Some("+49 DE"), figures(1_100, 950, "82.50")),
            prefix(Some("+1 JM"), figures(120, 4, "10.575")),
            prefix(None, Figures { sent: 20, used: 20, conversion: Some(1.0), ..Figures::default() }),
        ],
        by_time: (0..count).rev().map(time).collect(),
        today: vec![
            Today { connection: "SMSOTP".to_owned(), sent: 1_220, limit: 5_000, cost: cost("93.075") },
            Today { connection: "old".to_owned(), sent: 0, limit: 20_000, cost: Vec::new() },
        ],
        alarms: Vec::new(),
    }
}

/// Hardly any code is used.
fn alarmed() -> MessageFigures {
    let raised = |prefix: &str, stopped| Raised {
        at: WRITTEN,
        connection: "SMSOTP".to_owned(),
        prefix: prefix.to_owned(),
        stopped,
    };
    MessageFigures { alarms: vec![raised("+1 JM", true), raised("+7 KZ", false)], ..sent(Window::Week) }
}

fn month() -> Overview {
    let slot = |n: u64| Slot { at: WRITTEN, logins: n * 7 % 40, wrong: n % 5 };
    Overview { window: Window::Month, spans: (0..30).map(slot).collect(), concerns: Vec::new(), ..overview() }
}

fn quiet() -> Overview {
    let done = |step| step == Step::Connection;
    Overview {
        spans: (0..24).map(|_| Slot { at: WRITTEN, ..Slot::default() }).collect(),
        concerns: vec![Concern::NoClient],
        things: Things { clients: 2, connections: 0, chains: 1 },
        first_steps: Step::ALL.map(|step| FirstStep { step, done: done(step) }).to_vec(),
        ..Overview::default()
    }
}

fn invitation(standing: Standing) -> InvitationView {
    InvitationView {
        standing,
        by: "Grace Hopper".to_owned(),
        client: Some("shop".to_owned()),
        sent_to: Some("a•••@example.com".to_owned()),
        created_at: WRITTEN,
        expires_at: WRITTEN,
        accepted_at: (standing == Standing::Accepted).then_some(WRITTEN),
        revoked_at: (standing == Standing::Revoked).then_some(WRITTEN),
    }
}

/// What would become of a file; `bad` of its lines are refused.
fn import_report(bad: usize) -> Report {
    let line = |line, becomes, fields: &[&str]| Line {
        line,
        username: format!("user{line}"),
        becomes,
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
    };
    let refused =
        Refused { line: 3, column: "roles".to_owned(), why: "this needs the permission admin:roles.write".to_owned() };
    Report {
        created: 1,
        changed: 1,
        unchanged: 1,
        refused: vec![refused; bad],
        applied: false,
        invited: 0,
        lines: vec![
            line(2, Becomes::Created, &[]),
            line(4, Becomes::Changed, &["display_name", "groups"]),
            line(5, Becomes::Unchanged, &[]),
        ],
    }
}

fn user(locked: bool) -> UserView {
    UserView {
        id: USER.to_owned(),
        username: if locked { "eve" } else { "ada" }.to_owned(),
        display_name: Some("Ada Lovelace".to_owned()),
        email: Some("ada@example.com".to_owned()),
        email_verified: true,
        phone_number: Some("+12025550142".to_owned()),
        phone_number_verified: true,
        locale: None,
        groups: vec!["staff".to_owned()],
        roles: vec!["editor".to_owned(), Role::Admin.name().to_owned()],
        preferred: vec!["passkey".to_owned(), "smsotp".to_owned()],
        disabled: locked,
        created_at: WRITTEN,
        updated_at: WRITTEN,
    }
}

fn detail(locked: bool) -> users::Detail {
    let factor = |id: &str, authenticator: &str, usable: bool| FactorView {
        id: id.to_owned(),
        authenticator: authenticator.to_owned(),
        label: Some("+1 ••• ••• ••42".to_owned()),
        usable,
        must_change: authenticator == "password",
        created_at: usable.then_some(WRITTEN),
        about: (authenticator == "passkey").then(|| Text::new("passkey.synced")),
    };
    let factors = ["password", "smsotp", "passkey"].map(|name| match name {
        "smsotp" => factor("phone", name, false),
        _ => factor(USER, name, true),
    });
    let factors = if locked { Vec::new() } else { factors.to_vec() };
    let (sessions, timeline) = if locked { (Vec::new(), Vec::new()) } else { (vec![session()], events()) };
    users::Detail {
        user: Versioned::new(user(locked)),
        factors,
        invitation: None,
        sessions: Some(sessions),
        timeline: Some(timeline),
    }
}

fn session() -> SessionView {
    SessionView {
        id: USER.to_owned(),
        user: USER.to_owned(),
        username: "ada".to_owned(),
        user_agent: Some("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned()),
        network: "198.51.100.0/24".to_owned(),
        proved: vec!["password".to_owned(), SmsOtp::CONNECTION_KIND.to_owned()],
        created_at: WRITTEN,
        renewed_at: WRITTEN,
        expires_at: WRITTEN,
    }
}

fn events() -> Vec<AuditView> {
    use vestibule_core::audit::{Actor, Change, Via};
    let plain = AuditEvent {
        id: AuditId(uuid::Uuid::nil()),
        at: NOW,
        kind: "otp.sent".to_owned(),
        client: Some("shop".to_owned()),
        user: Some(UserId(uuid::Uuid::nil())),
        network: Some("198.51.100.0/24".to_owned()),
        request_id: None,
        details: BTreeMap::from([("outcome".to_owned(), "accepted".to_owned())]),
        actor: None,
        changes: Vec::new(),
    };
    let changed = AuditEvent {
        kind: "admin.client.changed".to_owned(),
        user: None,
        actor: Some(Actor { user: None, username: "ada".to_owned(), via: Via::Console }),
        changes: vec![Change::new("name", None, Some("Shop".into())), Change::new("scopes", Some(json!([])), None)],
        ..plain.clone()
    };
    let many = (0..14).map(|n| (format!("detail{n}"), "x".to_owned())).collect();
    let long = AuditEvent { client: None, details: many, ..plain.clone() };
    [plain, changed, long].into_iter().map(|event| AuditView { seq: Some(1), event }).collect()
}

fn client(id: &str, auth: &str) -> ClientView {
    let fields = json!({
        "id": id, "name": "The shop", "auth": auth, "redirect_uris": ["https://shop.example/callback"],
        "disabled": auth == "client_secret_post", "chain": if auth == "none" { Value::Null } else { "two-doors".into() },
    });
    #[expect(
        clippy::expect_used,
        reason = "the fields above are those of a service provider: a test draws every sample"
    )]
    let client: Client = serde_json::from_value(fields).expect("a service provider");
    let secrets = if auth == "client_secret_basic" {
        vec![SecretView { expires_at: None }, SecretView { expires_at: Some(WRITTEN) }]
    } else {
        Vec::new()
    };
    ClientView { client, secrets, managed_by: None, built_in: auth == "private_key_jwt" }
}

fn mail_server() -> ConnectionView {
    let settings = json!({
        "host": "mail.example.com", "username": "vestibule", "secrets": { "password": "•••" }, "from": "login@example.com",
        "from_name": "Example",
    });
    let settings = settings.as_object().cloned().unwrap_or_default();
    ConnectionView { name: "Mail".to_owned(), kind: "mail".to_owned(), settings, ..connection(false) }
}

fn route() -> ConnectionView {
    let via = json!([{ "connection": "LOCAL", "prefixes": ["+49", "+43"] }, { "connection": "WORLD" }]);
    let settings = json!({ "via": via, "allowed_prefixes": ["+49", "+43", "+1"], "messages_a_day": 5000 });
    let settings = settings.as_object().cloned().unwrap_or_default();
    ConnectionView { name: "SMS everywhere".to_owned(), settings, advice: Vec::new(), ..connection(false) }
}

/// A gateway with everything that it may have.
fn receiving() -> ConnectionView {
    let settings = json!({
        "url": "https://sms.example.net/v2/messages", "method": "POST", "content_type": "json",
        "body": "{\"to\": \"$ctx.num\", \"text\": \"$ctx.msg\"}", "headers": "•••", "timeout_seconds": 5,
        "auth": { "type": "oauth2", "token_url": "https://id.example.net/token", "client_id": "•••", "client_secret": "•••", "scope": "sms" },
        "secrets": { "receipts": "•••" }, "reference": "id", "mask": "•••",
        "success": { "status": [202], "body": [{ "json": { "path": "state", "equals": "queued" } }, { "json_not": { "path": "code", "none_of": [4, "5"] } }] },
        "receipts": { "type": "generic", "reference": "/id", "state": "/state", "delivered": ["DELIVRD"], "undelivered": ["EXPIRED"] },
        "currency": "EUR", "price": 0.075, "prices": { "+49": 0.06 },
    });
    let settings = settings.as_object().cloned().unwrap_or_default();
    ConnectionView { name: "WORLD".to_owned(), settings, advice: Vec::new(), ..connection(false) }
}

fn gateway(name: &str, circuit: Circuit, failures: u32) -> GatewayHealth {
    let at = WRITTEN;
    let (since, until) = match circuit {
        Circuit::Closed => (None, None),
        Circuit::Open => (Some(at), Some(at)),
        Circuit::HalfOpen => (Some(at), None),
    };
    let last_failure =
        (failures > 0).then(|| LastFailure { at, why: "HTTP 503: try again later, •••".to_owned() });
    GatewayHealth { gateway: name.to_owned(), circuit, since, until, failures, last_failure }
}

fn closed() -> HealthView {
    HealthView { gateways: vec![gateway("SMSOTP", Circuit::Closed, 0)] }
}

fn mixed() -> HealthView {
    let all = [("LOCAL", Circuit::Open, 7), ("WORLD", Circuit::HalfOpen, 5), ("SPARE", Circuit::Closed, 1)];
    HealthView { gateways: all.map(|(name, circuit, failures)| gateway(name, circuit, failures)).into() }
}

fn connection(off: bool) -> ConnectionView {
    let settings = json!({
        "url": "http://sms.example.com/json?api_key={{secret.api_key}}&to=$ctx.num&text=$ctx.msg",
        "secrets": { "api_key": "•••" }, "allow_plain_http": true,
    });
    ConnectionView {
        name: if off { "old" } else { "SMSOTP" }.to_owned(),
        kind: "sms".to_owned(),
        settings: settings.as_object().cloned().unwrap_or_default(),
        disabled: off,
        used_by: if off { Vec::new() } else { vec!["two-doors".to_owned()] },
        advice: if off {
            Vec::new()
        } else {
            vec!["Write down what the gateway answers when it took a message.".to_owned()]
        },
        managed_by: off.then(|| "connections.toml".to_owned()),
    }
}
