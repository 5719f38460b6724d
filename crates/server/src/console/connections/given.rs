//! From a form to settings, as a patch (RFC 7396): what the form has and was emptied goes, dots and secrets that were left empty
//! stay, and what the form does not have is not touched.

use serde_json::{Map, Value, json};
use vestibule_oauth::Params;

use super::{
    fields::{GATEWAY, How, MAIN, PARTS, ROUTE},
    rows::{read_rules, read_via, words},
};
use crate::{
    admin::connections::MASK,
    console::form::{self, ticked},
};

/// How a form calls a route: it has other settings than a gateway.
pub(super) const ROUTES: &str = "route";

/// The settings of a form.
pub(super) fn settings(params: &Params) -> Map<String, Value> {
    let mut settings = Map::new();
    let is_route = params.get("preset") == Some(ROUTES);
    let (main, groups) = if is_route { (&[][..], ROUTE) } else { (MAIN, GATEWAY) };
    let all = main.iter().chain(groups.iter().flat_map(|(_, settings)| *settings));
    for (path, how, _) in all {
        if let Some(value) = value(params, path, *how) {
            put(&mut settings, path, value);
        }
    }
    if is_route {
        put(&mut settings, "after_unknown", tick(params, "after_unknown"));
        settings.extend(read_via(params).map(|via| ("via".to_owned(), via)));
        return settings;
    }
    if let Some(preset) = params.get("preset").filter(|preset| !["", "generic"].contains(preset)) {
        settings.insert("preset".to_owned(), preset.into());
    }
    settings.extend(value(params, "mask", How::Lines).map(|mask| ("mask".to_owned(), mask)));
    if let Some(rules) = read_rules(params) {
        put(&mut settings, "success.body", rules);
    }
    if settings.get("success").and_then(Value::as_object).is_some_and(|rule| rule.values().all(Value::is_null)) {
        settings.insert("success".to_owned(), Value::Null);
    }
    for name in ["auth", "receipts"] {
        chosen(&mut settings, params, name);
    }
    secrets(&mut settings, params);
    settings
}

/// What stands in a field, be it nothing; `None` where the form has no such field.
fn given<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    params.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// What a field says; `None` where the form has none, or what is there is to stay.
fn value(params: &Params, path: &str, how: How) -> Option<Value> {
    if let How::Tick = how {
        return Some(tick(params, path));
    }
    let text = given(params, path)?;
    let typed = text.trim();
    if typed == MASK || matches!(how, How::Secret) && text.is_empty() {
        return None;
    }
    if typed.is_empty() {
        return Some(Value::Null);
    }
    let number =
        |text: &str| serde_json::from_str::<serde_json::Number>(text).map_or_else(|_| text.into(), Value::Number);
    Some(match how {
        How::Line | How::OneOf(_) => typed.into(),
        How::Text => typed.replace("\r\n", "\n").into(),
        How::Secret => text.into(),
        // What is no number is refused at its field.
        How::Number => number(typed),
        How::Words => words(typed).collect(),
        How::Numbers => words(typed).map(number).collect(),
        How::Lines => form::lines(params, path).into(),
        How::Headers => form::lines(params, path).iter().map(|line| header(line)).collect(),
        How::Prices => prices(params, path, &number),
        How::Tick => return None,
    })
}

/// A box that is not ticked is the setting taken away: it is off without it.
fn tick(params: &Params, path: &str) -> Value {
    if ticked(params, path) { true.into() } else { Value::Null }
}

fn header(line: &str) -> Value {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    json!({ "name": name.trim(), "value": value.trim() })
}

/// A table that is merged: what the form was drawn with and is no longer in it goes.
fn prices(params: &Params, path: &str, number: &dyn Fn(&str) -> Value) -> Value {
    let were = form::lines(params, &format!("{path}.were")).into_iter().map(|area| (area, Value::Null));
    let lines = form::lines(params, path);
    let now = lines.iter().map(|line| {
        let (area, price) = line.rsplit_once(' ').unwrap_or((line, ""));
        (area.trim().to_owned(), number(price))
    });
    Value::Object(were.chain(now).collect())
}

/// What is of one of several types: the chosen one has its own parts, and those of the others go.
fn chosen(settings: &mut Map<String, Value>, params: &Params, name: &str) {
    let Some(kind) = given(params, &format!("{name}.type")) else { return };
    let typed = settings.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let secret = |(part, value): (&String, &Value)| {
        !value.is_null() && ["password", "token", "value", "client_secret"].contains(&part.as_str())
    };
    if kind.is_empty() && !typed.iter().any(secret) {
        settings.insert(name.to_owned(), Value::Null);
        return;
    }
    // A secret that was typed for nothing is refused, by a type that there is not.
    let own = PARTS.iter().find(|(of, known, _)| *of == name && *known == kind).map(|(.., own)| *own);
    let others = PARTS.iter().filter(|(of, ..)| *of == name).flat_map(|(.., parts)| *parts);
    let mut object = typed;
    for part in others.filter(|part| own.is_some_and(|own| !own.contains(part))) {
        object.insert((*part).to_owned(), Value::Null);
    }
    object.insert("type".to_owned(), kind.into());
    settings.insert(name.to_owned(), object.into());
}

fn secrets(settings: &mut Map<String, Value>, params: &Params) {
    let mut all = settings.remove("secrets").and_then(|given| given.as_object().cloned()).unwrap_or_default();
    for (name, value) in params.iter().filter(|(_, value)| !value.is_empty()) {
        if let Some(name) = name.strip_prefix("secrets.") {
            all.insert(name.to_owned(), value.into());
        }
    }
    if let Some(name) = form::some(params, "more_secret.name") {
        all.insert(name, params.get("more_secret.value").unwrap_or_default().into());
    }
    all.extend(form::all(params, "forget_secret").map(|name| (name.to_owned(), Value::Null)));
    // Who wants no receipts any more has no use for their secret.
    if given(params, "receipts.type") == Some("") && params.get("receipts.kept").is_some() {
        all.insert("receipts".to_owned(), Value::Null);
    }
    all.retain(|_, value| value != MASK);
    if !all.is_empty() {
        settings.insert("secrets".to_owned(), all.into());
    }
}

fn put(settings: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            settings.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let slot = settings.entry(first).or_insert_with(|| Value::Object(Map::new()));
            if let Some(inner) = slot.as_object_mut() {
                put(inner, rest, value);
            }
        }
    }
}
