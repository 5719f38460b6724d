//! Every state of every screen of chains, for the gallery and the tests of pages.

use std::sync::Arc;

use serde_json::{Value, json};
use vestibule_authn_smsotp::SmsOtp;
use vestibule_authn_totp::Totp;
use vestibule_core::{
    Connection, Registry, Time,
    chain::{ChainDocument, ChainFault, ChainProblem, Demand},
    code::message::Longest,
    condition::Fault,
    draft::{LackCount, Means},
    plan::Denial,
    prompt::Text,
    simulate::{Fate, Outcome},
    time::Timestamp,
};
use vestibule_oauth::Params;

use super::{
    edit::Wrong,
    screens::{Editor, Moved, Typed, list, new},
};
use crate::{
    admin::{
        FieldFault,
        chains::{
            ChainSummary, ChainView, Checked, DraftView, HistoryView, KeptOut, PublishedView, RevisionView, Simulated,
            SimulatedRun, SimulatedStep, diff, templates::Template, words,
        },
        paging::Listing,
    },
    pages::{
        Tone,
        console::{Say, Screen},
    },
};

const WRITTEN: Timestamp = Timestamp(Time::from_unix_seconds(1_795_442_600));
const HOME: &str = "/admin/chains";
const FILE: &str = "chains.toml";

#[expect(clippy::needless_pass_by_value, reason = "a value written in place reads better without a `&`")]
fn document(steps: Value) -> ChainDocument {
    serde_json::from_value(json!({ "steps": steps })).unwrap_or_default()
}

fn sms() -> Value {
    json!({ "authenticator": "smsotp", "connection": "SMSOTP" })
}

fn published() -> ChainDocument {
    document(json!([["password"], [sms()]]))
}

/// A document that has every kind of condition, each both ways, and every part of a sentence.
fn everything() -> ChainDocument {
    let window = |days: Value| json!({ "from": "08:00", "to": "18:00", "days": days, "zone": "Europe/Berlin" });
    let conditions = [
        json!({ "group": "staff" }),
        json!({ "role": "editor" }),
        json!({ "client": "grafana" }),
        json!({ "scope": "email" }),
        json!({ "network": "10.0.0.0/8" }),
        json!({ "acr": "urn:vestibule:acr:2fa" }),
        json!({ "known_device": true }),
        json!({ "enrolled": true }),
        json!({ "time": window(json!([])) }),
        json!({ "time": window(json!(["mon", "tue"])) }),
        json!({ "evidence_age": { "older_than": 900 } }),
        json!({ "evidence_age": { "older_than": 3600, "authenticator": "smsotp" } }),
        json!({ "cel": "'staff' in groups && !known_device" }),
    ];
    let turned = |condition: &Value| {
        let mut turned = condition.clone();
        if let Some(fields) = turned.as_object_mut() {
            fields.insert("not".to_owned(), true.into());
        }
        turned
    };
    // Short and long, for everybody and for some: each is told how long it is.
    let long = format!("{{{{code}}}} {}", "is your code. ".repeat(12));
    let texts = json!({ "fr": "{{code}} : votre code pour {{client}}", "pl": format!("ł {long}") });
    let worded =
        |texts: Value| json!({ "authenticator": "smsotp", "connection": "SMSOTP", "settings": { "template": texts } });
    let (one, all) = (worded(json!({ "*": long, "en": "{{code}}" })), worded("{{code}}".into()));
    let with_settings = json!({
        "authenticator": "smsotp", "connection": "SMSOTP", "max_age": 900,
        "settings": { "tries": 3, "alphabet": "alphanumeric", "template": texts },
    });
    let mut steps = vec![
        json!({ "alternatives": ["password"], "when": conditions }),
        json!({ "alternatives": [with_settings, "password"], "when": conditions.iter().map(turned).collect::<Vec<_>>() }),
        json!({ "alternatives": [sms(), "smsotp", "totp", one, all], "on_request": ["urn:vestibule:acr:2fa"], "enrol": "allow" }),
        json!({ "alternatives": [], "enrol": "require", "distinct": false }),
    ];
    // Every duration, one and many.
    for seconds in [86_400, 3_600, 60, 1] {
        for life in [seconds, seconds * 2] {
            let way = json!({ "authenticator": "password", "max_age": life });
            steps.push(json!({ "alternatives": [way], "remember_device": life, "cool_off": life }));
        }
    }
    document(steps.into())
}

fn view() -> ChainView {
    ChainView {
        name: "default".into(),
        published: Some(PublishedView { revision: 4, document: published() }),
        draft: None,
        clients: vec!["grafana".into(), "userportal".into()],
        managed_by: None,
    }
}

fn drafted(document: ChainDocument, base: i64) -> ChainView {
    let updated_at = WRITTEN;
    let draft = DraftView { base, author: Some("ada".to_owned()), updated_at, document };
    ChainView { draft: Some(draft), ..view() }
}

/// Everything that can be wrong.
fn problems() -> Vec<ChainProblem> {
    let text = |text: &str| text.to_owned();
    let faults = [
        ChainFault::NoSteps,
        ChainFault::NoAlternatives,
        ChainFault::UnknownAuthenticator { name: text("smotp") },
        ChainFault::Settings { why: text("tries: a whole number from 1 to 10 is wanted, not 99") },
        ChainFault::NeedsConnection { authenticator: text("smsotp"), kind: "sms" },
        ChainFault::NeedsNoConnection { authenticator: text("password") },
        ChainFault::UnknownConnection { connection: text("SMS") },
        ChainFault::WrongKind { connection: text("Mail"), kind: text("mail"), wanted: "sms" },
        ChainFault::DisabledConnection { connection: text("SMSOTP") },
        ChainFault::Condition(Fault::BadRange),
        ChainFault::Condition(Fault::BadMinute { field: "from", value: text("8") }),
        ChainFault::Condition(Fault::BadDay { value: text("monday") }),
        ChainFault::Condition(Fault::BadZone { value: text("Berlin") }),
        ChainFault::Condition(Fault::EmptyWindow),
        ChainFault::Condition(Fault::BadTime),
        ChainFault::Condition(Fault::Expression { line: 1, column: 9, what: text("there is no `grups`") }),
        ChainFault::Contradiction { with: 1 },
        ChainFault::ExcludedAcr,
        ChainFault::UnknownAcr { value: text("urn:example:gold") },
        ChainFault::UsedUp,
        ChainFault::AlreadyProved { step: 1 },
        ChainFault::UsedUp,
        ChainFault::SameAgain { step: 1 },
        ChainFault::DemandNotReachable,
        ChainFault::BelowFloor { demand: Demand::Factors(2) },
        ChainFault::NobodyKnown,
        ChainFault::AsksTheUserFirst,
        ChainFault::MayAskNothing,
        ChainFault::LongMessage { language: text("de"), characters: 171, parts: 2, wide: false },
        ChainFault::LongMessage { language: text("*"), characters: 90, parts: 2, wide: true },
    ];
    let problem = |(at, fault): (usize, ChainFault)| {
        let pointer = if at == 0 { "/steps".to_owned() } else { format!("/steps/{}", at % 2) };
        ChainProblem { pointer, severity: fault.severity(), text: fault.text(), detail: fault.to_string() }
    };
    faults.into_iter().enumerate().map(problem).collect()
}

fn kept_out() -> Vec<KeptOut> {
    let means = [
        vec![Means::Phone],
        vec![Means::Email],
        vec![Means::Credential("password".into())],
        vec![Means::Phone, Means::Credential("password".into())],
    ];
    let both = means.into_iter().flat_map(|means| [(means.clone(), false), (means, true)]);
    let kept =
        |(means, more)| KeptOut { step: 2, means, count: LackCount { lacking: 312, of: 4210, more }, sometimes: more };
    both.map(kept).collect()
}

fn simulated() -> Simulated {
    let registry = registry();
    let document = published();
    let unmet = Text::new("condition.network.not").with("network", "10.0.0.0/8");
    let fates = [
        (Fate::Runs, None),
        (
            Fate::Satisfied {
                by: "password".to_owned(),
                at: Time::from_unix_seconds(1_795_442_570),
                remembered: false,
            },
            None,
        ),
        (Fate::NotDue { because: "a condition does not hold".to_owned() }, Some(unmet)),
        (Fate::NotDue { because: "no authentication context class that needs it was asked for".to_owned() }, None),
        (Fate::Blocked { because: "smsotp: the number is not verified".to_owned() }, None),
        (Fate::NotReached, None),
    ];
    let step = |(at, (fate, unmet)): (usize, (Fate, Option<Text>))| SimulatedStep {
        step: at.saturating_add(1),
        offered: if at == 0 { vec!["password".to_owned(), "smsotp".to_owned()] } else { Vec::new() },
        chosen: (at == 0).then(|| "password".to_owned()),
        besides: (at == 0).then(|| "totp".to_owned()).into_iter().collect(),
        condition_error: (at == 0).then(|| "the browser's address is not known".to_owned()),
        fate,
        unmet,
        sentence: document.steps.get(at % 2).map(|step| words::sentence(step, &registry)).unwrap_or_default(),
    };
    let run = SimulatedRun {
        steps: fates.into_iter().enumerate().map(step).collect(),
        outcome: Outcome::Granted {
            acr: Some("urn:vestibule:acr:1fa"),
            amr: vec!["pwd".to_owned()],
            auth_time: Time::from_unix_seconds(1_795_442_570),
        },
    };
    let refused = Outcome::Refused { denial: Denial::DemandNotMet };
    Simulated { published: Some(SimulatedRun { outcome: refused, ..run.clone() }), run, same: false }
}

fn registry() -> Registry {
    Registry::new(vec![Arc::new(SmsOtp::new()), Arc::new(Totp::new())])
}

/// Every state, by its name.
pub(in crate::console) fn samples() -> Vec<(&'static str, Screen)> {
    let registry = registry();
    let connection = json!({ "name": "SMSOTP", "kind": "sms", "settings": {} });
    let connections: Vec<Connection> = serde_json::from_value(connection).into_iter().collect();
    let longest = Longest { clients: vec!["Grafana".to_owned()], host: "auth.example.com".to_owned() };
    let mut samples = vec![
        ("list", list(HOME, &listed(), true, true)),
        ("list-empty", list(HOME, &Listing { items: Vec::new(), next: None }, false, false)),
        ("new", new(HOME, "", None, &[])),
        (
            "new-taken",
            new(HOME, "default", Some(Template::StepUp), &[FieldFault::new("/name", "There is a chain of this name.")]),
        ),
    ];
    let of = |view: &ChainView, draw: &dyn Fn(&Editor<'_>) -> Screen| {
        draw(&Editor {
            view,
            registry: &registry,
            connections: &connections,
            longest: &longest,
            home: HOME.to_owned(),
            may: true,
            floor: &[Demand::Factors(2), Demand::PhishingResistant],
            floor_set_in: Some("vestibule.toml, line 9"),
        })
    };
    let draft = drafted(everything(), 4);
    let typed = |pairs: &[(&str, &str)]| pairs.iter().copied().collect::<Params>();
    let query = typed(&[("try", "yes"), ("user", "ada"), ("ip", "192.0.2.17"), ("known", "yes")]);
    samples.extend([
        (
            "editor",
            of(&view(), &|editor| {
                let simulator = editor.simulator(&query, &[], Some(&simulated()));
                editor.overview(&[], None, None).with_all(simulator)
            }),
        ),
        ("editor-draft", of(&draft, &|editor| editor.overview(&[], Some(Moved { step: 1, up: true }), None))),
        ("editor-empty", of(&drafted(ChainDocument::default(), 0), &|editor| editor.overview(&[], None, None))),
        (
            "editor-problems",
            of(&drafted(published(), 4), &|editor| {
                editor.overview(&problems(), Some(Moved { step: 0, up: true }), None)
            }),
        ),
        ("editor-overtaken", of(&drafted(everything(), 3), &|editor| editor.overview(&[], None, None))),
        (
            "editor-refused",
            of(&view(), &|editor| {
                let params = typed(&[("act", "demands"), ("factors", "nine"), ("demand", "user_verified")]);
                let wrong = [wrong("factors", "chains.wrong.factors")];
                editor.overview_again(&[], Typed { params: &params, wrong: &wrong })
            }),
        ),
        (
            "editor-refused-step",
            of(&view(), &|editor| {
                let params = typed(&[("act", "add"), ("authenticator", "smotp")]);
                let wrong = [wrong("authenticator", "chains.wrong.authenticator")];
                editor.overview_again(&[], Typed { params: &params, wrong: &wrong })
            }),
        ),
        (
            "managed",
            of(&managed(), &|editor| {
                editor.overview(&[], None, Some("[[chain]]\nname = \"default\"\nsteps = [[\"password\"]]\n".to_owned()))
            }),
        ),
    ]);
    for (name, position) in [("step", 0), ("step-turned", 1), ("step-on-request", 2), ("step-without-ways", 3)] {
        let screen = of(&draft, &|editor| editor.step(position, &[], Some("cel"), None).unwrap_or_else(nothing));
        samples.push((name, screen));
    }
    samples.push((
        "step-refused",
        of(&draft, &|editor| {
            let params = typed(&[("act", "when_add"), ("step", "0"), ("kind", "cel"), ("value", "'staff' in grups")]);
            let fault = Fault::Expression { line: 1, column: 12, what: "there is no `grups`".to_owned() };
            let wrong = [Wrong { field: "value".to_owned(), says: fault.text().into() }];
            editor.step(0, &problems(), None, Some(Typed { params: &params, wrong: &wrong })).unwrap_or_else(nothing)
        }),
    ));
    samples.push((
        "step-refused-fields",
        of(&draft, &|editor| {
            let params = typed(&[("act", "step"), ("step", "0"), ("remember_device", "soon")]);
            let wrong = ["duration", "choice", "number", "empty"]
                .map(|what| wrong("remember_device", &format!("chains.wrong.{what}")));
            editor.step(0, &[], None, Some(Typed { params: &params, wrong: &wrong })).unwrap_or_else(nothing)
        }),
    ));
    samples.extend(publications(&of));
    samples
}

fn wrong(field: &str, key: &str) -> Wrong {
    Wrong { field: field.to_owned(), says: Say::key(key) }
}

fn nothing() -> Screen {
    Screen::new(Text::new("chains.title"))
}

fn managed() -> ChainView {
    let mut view = ChainView { managed_by: Some(FILE.to_owned()), ..view() };
    if let Some(published) = &mut view.published {
        let demands =
            json!({ "steps": [["password"]], "demands": [{ "factors": 2 }, { "factors": 1 }, "user_verified"] });
        published.document = serde_json::from_value(demands).unwrap_or_default();
    }
    view
}

fn listed() -> Listing<ChainSummary> {
    let chain = |name: &str, revision, draft, managed_by: Option<&str>| ChainSummary {
        name: name.into(),
        revision,
        document: published(),
        draft,
        clients: vec!["grafana".into()],
        managed_by: managed_by.map(str::to_owned),
    };
    let items = vec![
        chain("admin", Some(1), false, None),
        chain("default", Some(4), true, None),
        chain("portal", Some(2), false, Some(FILE)),
        chain("step-up", None, true, None),
    ];
    Listing { items, next: Some("token".to_owned()) }
}

type Draw<'a> = dyn Fn(&ChainView, &dyn Fn(&Editor<'_>) -> Screen) -> Screen + 'a;

/// Publication, history and conflicts.
fn publications(of: &Draw<'_>) -> Vec<(&'static str, Screen)> {
    let checked = |problems, keeps_out, locks_out| Checked { problems, keeps_out, locks_out };
    // Something of everything: a step that stays, one that is new, changed, moved, and one that is gone.
    let staff = json!({ "alternatives": ["password"], "when": [{ "group": "staff" }] });
    let remembered = json!({ "alternatives": ["password"], "remember_device": 60 });
    let twice = json!({ "alternatives": [sms()], "distinct": false });
    let before = document(json!([staff, ["password"], remembered, [sms()], twice]));
    let new = json!({ "alternatives": ["password", sms()], "enrol": "allow" });
    let asked = json!({ "alternatives": [sms()], "on_request": ["urn:vestibule:acr:2fa"] });
    let mut after = document(json!([["password"], new, remembered, asked, staff]));
    after.demands = managed().editable().demands;
    let changes = diff(Some(&before), &after);
    let draft = drafted(after, 4);
    let entry = |revision: i64, note: Option<&str>| HistoryView {
        revision,
        author: note.map(|_| "ada".to_owned()),
        note: note.map(str::to_owned),
        published_at: WRITTEN,
        current: revision == 4,
        changes: 1,
        document: published(),
    };
    let page =
        Listing { items: vec![entry(4, Some("Codes for everybody")), entry(3, None)], next: Some("token".to_owned()) };
    let compared = RevisionView { revision: entry(3, None), diff: changes.clone() };
    let nothing = Listing { items: Vec::new(), next: None };
    let sent = [("act", "way"), ("step", "1"), ("way", "0"), ("setting.tries", "3"), ("csrf", "x"), ("etag", "y")];
    let sent: Params = sent.into_iter().collect();
    vec![
        ("publish", of(&draft, &|editor| editor.publish(&changes, &checked(Vec::new(), kept_out(), None), "", &[]))),
        (
            "publish-problems",
            of(&draft, &|editor| editor.publish(&changes, &checked(problems(), Vec::new(), None), "", &[])),
        ),
        (
            "publish-lockout",
            of(&draft, &|editor| {
                let why = "root: no alternative of step 2 is available to the user".to_owned();
                editor.publish(
                    &diff(None, &ChainDocument::default()),
                    &checked(Vec::new(), Vec::new(), Some(why)),
                    "",
                    &[],
                )
            }),
        ),
        (
            "publish-note",
            of(&draft, &|editor| {
                let faults = [FieldFault::new("/note", "At most 500 characters.")];
                let screen = editor.publish(&changes, &checked(Vec::new(), Vec::new(), None), "…", &faults);
                screen.flash(Tone::Bad, "/note: At most 500 characters.")
            }),
        ),
        ("overtaken", of(&drafted(published(), 3), &|editor| editor.overtaken(&changes, &changes))),
        ("conflict", of(&draft, &|editor| editor.conflict(&sent))),
        ("history", of(&view(), &|editor| editor.history(&page, true, Some(&compared)))),
        ("history-over-draft", of(&draft, &|editor| editor.history(&page, false, Some(&compared)))),
        ("history-empty", of(&view(), &|editor| editor.history(&nothing, false, None))),
        ("discard", of(&draft, &|editor| editor.sure("discard"))),
        ("delete", of(&view(), &|editor| editor.sure("delete"))),
        (
            "simulator-stuck",
            of(&view(), &|editor| {
                let stuck = Outcome::Stuck { step: 1, because: "the user has none of the alternatives".to_owned() };
                let run = SimulatedRun { outcome: stuck, ..simulated().run };
                let same = Simulated { published: Some(run.clone()), run, same: true };
                editor.overview(&[], None, None).with_all(editor.simulator(&Params::default(), &[], Some(&same)))
            }),
        ),
        (
            "simulator-enrols",
            of(&view(), &|editor| {
                let enrols = Outcome::Enrols { step: 1, alternatives: vec![0] };
                let same =
                    Simulated { published: None, run: SimulatedRun { outcome: enrols, ..simulated().run }, same: true };
                editor.overview(&[], None, None).with_all(editor.simulator(&Params::default(), &[], Some(&same)))
            }),
        ),
        (
            "simulator-refused",
            of(&view(), &|editor| {
                let faults = [FieldFault::new("/user", "There is nobody of this name.")];
                editor.overview(&[], None, None).with_all(editor.simulator(&Params::default(), &faults, None))
            }),
        ),
    ]
}
