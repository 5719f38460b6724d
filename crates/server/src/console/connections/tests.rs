//! What is drawn and what is read of the forms of gateways and routes.

use serde_json::{Map, Value, json};
use vestibule_authn_smsotp::settings_schema;
use vestibule_core::random::SystemRandom;
use vestibule_oauth::Params;

use super::{
    ROUTES, body,
    fields::Source,
    given::settings,
    pointed,
    receipts::{secret_of, with_secret},
};
use crate::{
    admin::FieldFault,
    pages::console::{Field, Form, Kind},
};

fn map(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("no object: {value}") };
    map
}

fn drawn(settings: &Value, preset: &str, faults: &[FieldFault]) -> Form {
    let settings = map(settings.clone());
    let source = Source { settings: &settings, typed: None };
    let gateways = ["A".to_owned(), "B".to_owned()];
    body(Form::new("connection", "/", "console.save"), &source, preset, &gateways, faults).refused(faults)
}

fn fields(form: &Form) -> impl Iterator<Item = &Field> {
    form.fields.iter().chain(form.groups.iter().flat_map(|group| &group.fields))
}

/// What a browser posts of a form in which nothing was changed.
fn posted(form: &Form) -> Vec<(String, String)> {
    let hidden = form.hidden.iter().map(|hidden| (hidden.name.clone(), hidden.value.clone()));
    let typed = fields(form).filter_map(|field| {
        let value = match field.kind {
            Kind::Select => field.choices.iter().find(|choice| choice.chosen).map(|choice| choice.value.clone()),
            Kind::Check => (!field.value.is_empty()).then(|| "yes".to_owned()),
            Kind::Checks => None,
            Kind::Password => Some(String::new()),
            _ => Some(field.value.replace('\n', "\r\n")),
        };
        Some((field.name.clone(), value?))
    });
    hidden.chain(typed).collect()
}

fn read(pairs: &[(String, String)]) -> Map<String, Value> {
    let params: Params = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    settings(&params)
}

fn of(pairs: &[(&str, &str)]) -> Value {
    settings(&pairs.iter().copied().collect()).into()
}

/// RFC 7396, as the service does it; dots stay what they stand for.
fn merge(settings: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => drop(settings.remove(name)),
            Value::Object(inner) => {
                let slot = settings.entry(name.clone()).or_insert_with(|| json!({}));
                merge(slot.as_object_mut().unwrap(), inner);
            }
            Value::String(dots) if dots == "•••" => {}
            value => drop(settings.insert(name.clone(), value.clone())),
        }
    }
}

fn whole() -> Value {
    json!({
        "url": "https://sms.example.net/v2/messages", "from": "Example", "allow_plain_http": true, "method": "POST",
        "content_type": "json", "body": "{\n \"to\": \"$ctx.num\"\n}", "number_format": "digits",
        "headers": [{ "name": "X-A", "value": "a: b" }, { "name": "X-B", "value": "{{secret.key}}" }],
        "connect_timeout_seconds": 2, "timeout_seconds": 5, "mask": "•••", "explanation": ["error.message", "code"],
        "auth": { "type": "oauth2", "token_url": "https://id.example.net/token", "client_id": "•••", "client_secret": "•••", "scope": "sms" },
        "secrets": { "receipts": "•••", "key": "•••" }, "reference": "id",
        "success": { "status": [200, 202], "body": [
            { "json": { "path": "state", "equals": "queued" } }, { "json": { "path": "n", "equals": "0" } },
            { "json_not": { "path": "code", "none_of": [4, "5", true, "x"] } }, { "starts_with": "0|" }, { "contains": "OK" },
        ] },
        "receipts": { "type": "generic", "reference": "/id", "state": "/state", "why": "/e", "delivered": ["A", "B"], "undelivered": ["C"] },
        "allowed_prefixes": ["+49", "+43"], "default_country": "DE", "messages_a_day": 5000, "messages_to_prefix": 10,
        "currency": "EUR", "price": 0.075, "prices": { "+1 JM": 0.21, "+49": 0.06 }, "alarm_messages": 9,
        "alarm_used_percent": 0, "alarm_stops": true,
    })
}

fn route() -> Value {
    json!({
        "via": [{ "connection": "B", "prefixes": ["+49", "+43"] }, { "connection": "A" }, { "connection": "GONE" }],
        "after_unknown": true, "allowed_prefixes": ["+49"], "messages_a_day": 100,
    })
}

#[test]
fn every_setting_that_can_be_declared_has_a_field() {
    let (gateway, route) = (drawn(&json!({}), "generic", &[]), drawn(&json!({}), ROUTES, &[]));
    let names: Vec<_> = fields(&gateway).chain(fields(&route)).map(|field| field.name.as_str()).collect();
    let has = |path: &str| names.iter().any(|name| *name == path || name.starts_with(&format!("{path}.")));
    let schema = settings_schema();
    for (name, of) in schema["properties"].as_object().unwrap() {
        // The vendor is chosen before there is a form; secrets have as many fields as there are secrets.
        assert!(["preset", "secrets"].contains(&name.as_str()) || has(name), "{name} has no field");
        let forms = of["anyOf"].as_array().cloned().unwrap_or_else(|| vec![of.clone()]);
        for part in forms.iter().filter_map(|form| form["properties"].as_object()).flat_map(Map::keys) {
            assert!(has(&format!("{name}.{part}")), "{name}.{part} has no field");
        }
    }
    assert!(names.contains(&"more_secret.value") && names.contains(&"secrets.receipts"));
}

#[test]
fn a_form_that_is_saved_as_it_is_changes_nothing() {
    for (settings, preset) in [(whole(), "generic"), (route(), ROUTES), (json!({ "preset": "twilio" }), "twilio")] {
        let mut pairs = posted(&drawn(&settings, preset, &[]));
        if preset == ROUTES {
            pairs.push(("preset".to_owned(), preset.to_owned()));
        }
        let mut after = map(settings.clone());
        merge(&mut after, &read(&pairs));
        assert_eq!(Value::Object(after), settings);
    }
}

#[test]
fn what_was_emptied_goes() {
    let emptied = |form: Form| {
        let keep = |name: &str| ["preset", "receipts.kept", "prices.were"].contains(&name);
        posted(&form).into_iter().map(move |(name, value)| (if keep(&name) { value } else { String::new() }, name))
    };
    let pairs: Vec<_> = emptied(drawn(&whole(), "generic", &[]))
        .filter(|(_, name)| !["allow_plain_http", "alarm_stops"].contains(&name.as_str()))
        .map(|(value, name)| (name, value))
        .collect();
    let mut after = map(whole());
    merge(&mut after, &read(&pairs));
    assert_eq!(Value::Object(after), json!({ "secrets": { "key": "•••" } }), "a secret stays until it is forgotten");
    assert_eq!(of(&[("forget_secret", "key")])["secrets"], json!({ "key": null }));
}

#[test]
fn of_the_ways_to_sign_in_at_a_gateway_the_chosen_one_alone_is_kept() {
    let typed = [("auth.username", "me"), ("auth.password", "hunter2"), ("auth.token_url", "https://id.example/")];
    let with = |kind| of(&[&[("auth.type", kind)], &typed[..]].concat())["auth"].clone();
    let basic = with("basic");
    assert_eq!((&basic["username"], &basic["password"]), (&json!("me"), &json!("hunter2")));
    assert!(basic["token_url"].is_null() && basic.as_object().unwrap().contains_key("token_url"));
    // A secret that was typed for nothing is not lost without a word: there is no such type.
    assert_eq!(with("")["type"], json!(""));
    assert_eq!(
        of(&[("auth.type", ""), ("auth.token_url", "https://id.example/"), ("auth.password", "")])["auth"],
        json!(null)
    );
}

#[test]
fn rows_that_were_left_empty_are_none_and_those_behind_move_up() {
    let typed =
        [("preset", ROUTES), ("via.0.connection", ""), ("via.1.connection", "B"), ("via.3.prefixes", "+49, +43")];
    let wanted = json!([{ "connection": "B" }, { "connection": "", "prefixes": ["+49", "+43"] }]);
    assert_eq!(of(&typed)["via"], wanted, "what is half filled is for the server to refuse");
    assert_eq!(of(&[("preset", ROUTES), ("via.0.connection", "")])["via"], json!([]));
    assert!(of(&[("url", "https://x.example")]).get("via").is_none());
}

#[test]
fn a_fault_stands_at_its_field_and_opens_its_group() {
    let faults = pointed(&[
        FieldFault::new("/settings/auth/token_url", "1"),
        FieldFault::new("/settings/success/body/0/json/path", "2"),
        FieldFault::new("/settings/secrets/absent", "3"),
        FieldFault::new("/settings/headers/1/value", "4"),
        FieldFault::new("/settings/auth", "5"),
    ]);
    let form = drawn(&json!({}), "generic", &faults);
    let at: Vec<_> = fields(&form).filter(|field| !field.faults.is_empty()).map(|field| field.name.as_str()).collect();
    assert_eq!(at, ["secrets.absent", "headers", "auth.type", "auth.token_url", "success.body.0.rule"]);
    assert!(form.faults.is_empty());
    let open: Vec<_> = form.groups.iter().map(|group| (group.title.key.as_str(), group.open)).collect();
    assert!(open.contains(&("console.gateway.oauth2", true)) && open.contains(&("console.gateway.cost", false)));
    let form = drawn(&json!({}), ROUTES, &pointed(&[FieldFault::new("/settings/via", "from 1 to 8")]));
    assert_eq!(fields(&form).find(|field| !field.faults.is_empty()).unwrap().name, "via.0.connection");
}

#[test]
fn a_110_no_secret_is_drawn_into_a_form() {
    let settings = json!({
        "url": "https://sms.example/", "secrets": { "k": "hunter2", "receipts": "hunter2" },
        "auth": { "type": "basic", "username": "{{secret.k}}", "password": "hunter2" },
    });
    let form = drawn(&settings, "generic", &[]);
    assert!(!serde_json::to_string(&form).unwrap().contains("hunter2"));
    let kept = fields(&form).find(|field| field.name == "auth.password").unwrap();
    assert_eq!(kept.hint.as_ref().unwrap().key, "console.connections.secret.kept");
}

#[test]
fn the_address_of_receipts_has_a_secret_that_is_made_where_there_is_none() {
    let random = SystemRandom::default();
    let made = |pairs: &[(&str, &str)]| {
        let params: Params = pairs.iter().copied().collect();
        secret_of(&with_secret(settings(&params), &params, &random))
    };
    let secret = made(&[("receipts.type", "vonage"), ("secrets.receipts", "")]).unwrap();
    assert!(secret.len() >= 32 && secret.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{secret}");
    assert_eq!(
        made(&[("receipts.type", "vonage"), ("secrets.receipts", "my-own-secret-12")]).unwrap(),
        "my-own-secret-12"
    );
    assert_eq!(made(&[("receipts.type", "vonage"), ("receipts.kept", "yes")]), None, "the one that is there stays");
    assert!(made(&[("receipts.type", "vonage"), ("receipts.kept", "yes"), ("receipts.renew", "yes")]).is_some());
    assert_eq!(made(&[("receipts.type", "")]), None);
    let gone = of(&[("receipts.type", ""), ("receipts.kept", "yes")]);
    assert_eq!((&gone["receipts"], &gone["secrets"]), (&json!(null), &json!({ "receipts": null })));
}
