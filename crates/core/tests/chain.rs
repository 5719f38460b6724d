//! What is wrong with a chain as it is written: each problem at its place, and nothing said of a chain that is right.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::needless_pass_by_value, reason = "a document that is written out reads better without a `&`")]

mod described;

use serde_json::json;
use vestibule_core::{
    Connection,
    chain::{ChainDocument, Demand, Severity, check},
    channel::Settings,
};

fn connections() -> Vec<Connection> {
    let connection = |name: &str, kind: &str, disabled| Connection {
        name: name.into(),
        kind: kind.to_owned(),
        settings: Settings::default(),
        disabled,
    };
    vec![connection("SMSOTP", "sms", false), connection("OLD", "sms", true), connection("MAIL", "smtp", false)]
}

/// Every problem as `pointer: key`, warnings in brackets.
fn problems_under(document: serde_json::Value, floor: Option<&[Demand]>) -> Vec<String> {
    let document: ChainDocument = serde_json::from_value(document).unwrap();
    let problems = check(&document, &described::registry(), &connections(), floor);
    let line = |problem: vestibule_core::chain::ChainProblem| {
        assert!(!problem.detail.is_empty());
        let key = problem.text.key.trim_start_matches("chain.problem.").to_owned();
        let key = if problem.severity == Severity::Warning { format!("({key})") } else { key };
        format!("{}: {key}", problem.pointer)
    };
    problems.into_iter().map(line).collect()
}

fn problems(steps: serde_json::Value) -> Vec<String> {
    problems_under(json!({ "steps": steps }), None)
}

fn sms() -> serde_json::Value {
    json!({ "authenticator": "smsotp", "connection": "SMSOTP", "settings": { "tries": 3 } })
}

#[test]
fn of_a_chain_that_is_right_nothing_is_said() {
    assert!(problems(json!([["password", "passkey"], [sms(), "totp"]])).is_empty());
    let careful = json!([
        ["password"],
        { "alternatives": [sms()], "when": [{ "network": "10.0.0.0/8", "not": true }, { "group": "staff" }] },
        { "alternatives": ["passkey"], "on_request": ["urn:vestibule:acr:phr"] },
    ]);
    assert!(problems(careful).is_empty());
}

#[test]
fn a_049_what_is_missing_is_named_at_its_place() {
    assert_eq!(problems(json!([])), ["/steps: no_steps"]);
    assert_eq!(problems(json!([["password"], []])), ["/steps/1/alternatives: no_alternatives"]);
    let alternative = |alternative: serde_json::Value| problems(json!([["password"], [alternative]]));
    let at = "/steps/1/alternatives/0";
    assert_eq!(alternative(json!("retina")), [format!("{at}/authenticator: unknown_authenticator")]);
    assert_eq!(alternative(json!("smsotp")), [format!("{at}/connection: needs_connection")]);
    let with = |connection: &str| alternative(json!({ "authenticator": "smsotp", "connection": connection }));
    assert_eq!(with("GONE"), [format!("{at}/connection: unknown_connection")]);
    assert_eq!(with("MAIL"), [format!("{at}/connection: wrong_kind")]);
    assert_eq!(with("OLD"), [format!("{at}/connection: (disabled_connection)")]);
    let totp = json!({ "authenticator": "totp", "connection": "SMSOTP" });
    assert_eq!(alternative(totp), [format!("{at}/connection: needs_no_connection")]);
    let settings = json!({ "authenticator": "totp", "settings": { "length": 6 } });
    assert_eq!(alternative(settings), [format!("{at}/settings: settings")]);
}

#[test]
fn a_condition_that_cannot_be_read_is_named_with_its_part() {
    let condition = |condition: serde_json::Value| {
        problems(json!([["password"], { "alternatives": ["totp"], "when": [{ "group": "staff" }, condition] }]))
    };
    let at = "/steps/1/when/1";
    assert_eq!(condition(json!({ "network": "10.0.0.0/99" })), [format!("{at}/network: condition.fault.network")]);
    let time = |from: &str, to: &str, day: &str, zone: &str| {
        condition(json!({ "time": { "from": from, "to": to, "days": [day], "zone": zone } }))
    };
    assert_eq!(time("8", "18:00", "mon", "Etc/UTC"), [format!("{at}/time/from: condition.fault.minute")]);
    assert_eq!(time("08:00", "18:61", "mon", "Etc/UTC"), [format!("{at}/time/to: condition.fault.minute")]);
    assert_eq!(time("08:00", "18:00", "Mon", "Etc/UTC"), [format!("{at}/time/days: condition.fault.day")]);
    assert_eq!(time("08:00", "18:00", "mon", "Berlin"), [format!("{at}/time/zone: condition.fault.zone")]);
    assert_eq!(condition(json!({ "cel": "grups == 1" })), [format!("{at}/cel: condition.fault.cel")]);
}

#[test]
fn a_step_that_can_never_run_is_found() {
    let when = |when: serde_json::Value| problems(json!([["password"], { "alternatives": ["totp"], "when": when }]));
    let never = ["/steps/1/when/1: contradiction"];
    for (a, b) in [
        (json!({ "group": "staff" }), json!({ "group": "staff", "not": true })),
        (json!({ "client": "portal" }), json!({ "client": "shop" })),
        (json!({ "known_device": true }), json!({ "known_device": false })),
        (json!({ "known_device": true }), json!({ "known_device": true, "not": true })),
        (json!({ "network": "10.0.0.0/8" }), json!({ "network": "192.0.2.0/24" })),
        (json!({ "network": "10.1.0.0/16" }), json!({ "network": "10.0.0.0/8", "not": true })),
        (json!({ "cel": "now > 0" }), json!({ "cel": "now > 0", "not": true })),
        (json!({ "evidence_age": { "older_than": 60 } }), json!({ "evidence_age": { "older_than": 60 }, "not": true })),
        (json!({ "evidence_age": { "older_than": 90 } }), json!({ "evidence_age": { "older_than": 60 }, "not": true })),
    ] {
        assert_eq!(when(json!([a, b])), never, "{a} {b}");
        assert_eq!(when(json!([b, a])), never, "{b} {a}");
    }
    for (a, b) in [
        (json!({ "group": "staff" }), json!({ "group": "admins", "not": true })),
        (json!({ "client": "portal", "not": true }), json!({ "client": "shop", "not": true })),
        (json!({ "known_device": true }), json!({ "known_device": false, "not": true })),
        (json!({ "network": "10.0.0.0/8" }), json!({ "network": "10.1.0.0/16", "not": true })),
        (json!({ "evidence_age": { "older_than": 60 } }), json!({ "evidence_age": { "older_than": 90 }, "not": true })),
    ] {
        assert!(when(json!([a, b])).is_empty(), "{a} {b}");
    }
    let asked = |on_request: &str, when: serde_json::Value| {
        problems(json!([["password"], { "alternatives": ["totp"], "on_request": [on_request], "when": when }]))
    };
    assert_eq!(asked("loa-17", json!([])), ["/steps/1/on_request/0: unknown_acr"]);
    let phr = "urn:vestibule:acr:phr";
    assert_eq!(asked(phr, json!([{ "acr": phr, "not": true }])), ["/steps/1/on_request: excluded_acr"]);
    let again = json!([["passkey"], { "alternatives": ["totp"], "distinct": false }]);
    assert_eq!(problems(again), ["/steps/1: (already_proved)"]);
    assert_eq!(problems(json!([["passkey"], { "alternatives": ["password"], "distinct": false }])), [""; 0]);
    assert_eq!(problems(json!([["passkey"], ["passkey"]])), ["/steps/1: (same_again)"]);
}

#[test]
fn a_step_for_which_nothing_can_be_left_is_refused() {
    let refused = |steps: serde_json::Value, at: usize| {
        assert_eq!(problems(steps.clone()), [format!("/steps/{at}: used_up")], "{steps}");
    };
    refused(json!([["password"], ["password"]]), 1);
    // Two credentials for three steps, whoever takes which.
    refused(json!([["password", sms()], ["password", sms()], [sms(), "password"]]), 2);
    let staff = json!({ "alternatives": ["password"], "when": [{ "group": "staff" }] });
    refused(json!([["password"], ["totp"], staff]), 2);
    let again = json!({ "alternatives": ["password"], "distinct": false });
    let fine = |steps: serde_json::Value| !problems(steps).iter().any(|problem| problem.contains("used_up"));
    assert!(fine(json!([["password"], again])), "it counts twice");
    assert!(fine(json!([["password", "passkey"], ["password"]])), "who comes by a passkey has the password left");
    assert!(fine(json!([["password"], ["password", "passkey"]])));
    let office = json!({ "alternatives": ["password"], "when": [{ "network": "10.0.0.0/8" }] });
    assert!(fine(json!([office, ["password", "totp"], ["password"]])), "the first may not run");
}

#[test]
fn the_first_step_has_to_find_out_who_it_is() {
    assert_eq!(problems(json!([["totp"], ["password"]])), ["/steps/0/alternatives: nobody_known"]);
    assert!(problems(json!([["totp", "password"]])).is_empty());
    let office = json!([{ "alternatives": ["password"], "when": [{ "network": "10.0.0.0/8" }] }, ["totp"]]);
    assert_eq!(problems(office), ["/steps/1/alternatives: nobody_known"]);
    let staff = json!([{ "alternatives": ["password"], "when": [{ "group": "staff" }] }, ["totp"]]);
    assert_eq!(problems(staff), ["/steps/0/when/0: (asks_the_user_first)"]);
    let all = json!([{ "alternatives": ["password"], "when": [{ "client": "portal" }] }]);
    assert_eq!(problems(all), ["/steps: (may_ask_nothing)"]);
}

#[test]
fn a_054_demands_are_held_against_every_way_through_the_chain() {
    let two = json!([{ "factors": 2 }]);
    let with = |steps: serde_json::Value, demands: &serde_json::Value, floor| {
        problems_under(json!({ "steps": steps, "demands": demands }), floor)
    };
    let none = json!([]);
    let floor = Some([Demand::Factors(2)].as_slice());
    let unreachable = ["/demands/0: demand_not_reachable"];
    assert_eq!(with(json!([["password"]]), &two, None), unreachable);
    assert_eq!(with(json!([["password"], ["totp"]]), &json!(["phishing_resistant"]), None), unreachable);
    // Each could be met, and not by the same way.
    let either = json!([["password", "passkey"]]);
    let all = json!(["phishing_resistant", { "factors": 3 }]);
    assert_eq!(with(either, &all, None), ["/demands/1: demand_not_reachable"]);
    // A step that never runs proves nothing.
    let never = json!({ "alternatives": ["totp"], "when": [{ "group": "a" }, { "group": "a", "not": true }] });
    assert!(with(json!([["password"], never]), &two, None).contains(&unreachable[0].to_owned()));

    let below = ["/demands: below_floor"];
    assert_eq!(with(json!([["password"]]), &none, floor), below);
    assert_eq!(with(json!([["password", "passkey"]]), &none, floor), below);
    assert!(with(json!([["emailotp"]]), &none, floor).contains(&below[0].to_owned()), "it proves no factor");
    let unless = json!({ "alternatives": ["totp"], "when": [{ "network": "10.0.0.0/8", "not": true }] });
    assert_eq!(with(json!([["password"], unless]), &none, floor), below);
    assert!(with(json!([["password"], unless]), &two, floor).is_empty(), "the chain demands it itself");
    assert!(with(json!([["password"], ["totp", sms()]]), &none, floor).is_empty());
    assert!(with(json!([["passkey"]]), &none, floor).is_empty());
}
