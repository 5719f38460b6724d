//! The rows of a form that are as many as somebody fills: the gateways of a route, and the rules by which an answer is judged. There
//! is always room for one or two more; a row that was left empty is none, so that no script is needed to add or to remove one.

use serde_json::{Map, Value, json};
use vestibule_core::prompt::Text;
use vestibule_oauth::Params;

use super::fields::{Source, plain};
use crate::pages::console::{Choice, Field};

/// What a rule is called that was not chosen: the server says that there is none of this name, and which there are.
const NO_RULE: &str = "?";
/// The most gateways of a route.
const MOST: usize = 8;
/// No form is read any further.
const MANY: usize = 16;
/// How a rule looks at an answer.
const RULES: [&str; 4] = ["json", "json_not", "starts_with", "contains"];

/// What was typed in rows; empty ones are left out, so that a row is where the list has it.
fn typed(params: &Params, list: &str, parts: &[&str]) -> Vec<Vec<String>> {
    let row = |at: usize| -> Vec<String> {
        let value = |part: &&str| params.get(&format!("{list}.{at}.{part}")).unwrap_or_default().to_owned();
        parts.iter().map(value).collect()
    };
    (0..MANY).map(row).filter(|row| row.iter().any(|text| !text.trim().is_empty())).collect()
}

/// Whether a form has rows of this list.
fn has(params: &Params, list: &str) -> bool {
    params.iter().any(|(name, _)| name.starts_with(&format!("{list}.")))
}

/// The gateways of a route, in order.
pub(super) fn via(source: &Source<'_>, gateways: &[String]) -> Vec<Field> {
    let of = |entry: &Value| {
        let text = |value: Option<&Value>| value.map(plain).unwrap_or_default();
        let prefixes = entry.get("prefixes").and_then(Value::as_array).into_iter().flatten().map(plain);
        vec![text(entry.get("connection")), prefixes.collect::<Vec<_>>().join(" ")]
    };
    let mut rows = match source.typed {
        Some(params) => typed(params, "via", &["connection", "prefixes"]),
        None => source.there("via").and_then(Value::as_array).into_iter().flatten().map(of).collect(),
    };
    let room = (rows.len() + 2).min(MOST).max(rows.len());
    rows.resize(room, vec![String::new(); 2]);
    let row = |(at, row): (usize, Vec<String>)| {
        let [name, prefixes] = <[String; 2]>::try_from(row).unwrap_or_default();
        let label = |part: &str| Text::new(&format!("console.gateway.via.{part}")).with("number", at + 1);
        let none = Choice::new("", Text::new("console.gateway.via.none"), name.is_empty());
        // One that is gone is still named: it is not dropped unseen.
        let gone = (!name.is_empty() && !gateways.contains(&name)).then(|| name.clone());
        let all = gateways.iter().chain(&gone).map(|known| Choice::new(known.as_str(), known.as_str(), *known == name));
        let mut gateway = Field::select(format!("via.{at}.connection"), "", std::iter::once(none).chain(all));
        gateway.label = label("connection");
        let mut prefixes = Field::text(format!("via.{at}.prefixes"), "", prefixes);
        prefixes.label = label("prefixes");
        [gateway, prefixes.hint("console.gateway.via.prefixes.hint")]
    };
    rows.into_iter().enumerate().flat_map(row).collect()
}

/// The gateways of a route as they were typed.
pub(super) fn read_via(params: &Params) -> Option<Value> {
    let entry = |row: Vec<String>| {
        let [name, prefixes] = <[String; 2]>::try_from(row).unwrap_or_default();
        let prefixes: Vec<_> = words(&prefixes).collect();
        let entry = json!({ "connection": name.trim() });
        if prefixes.is_empty() { entry } else { json!({ "connection": name.trim(), "prefixes": prefixes }) }
    };
    let rows = typed(params, "via", &["connection", "prefixes"]);
    has(params, "via").then(|| rows.into_iter().map(entry).collect())
}

/// Words between spaces or commas.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split([' ', ',', ';', '\n', '\r', '\t']).filter(|word| !word.is_empty())
}

/// The rules by which the body of an answer is judged.
pub(super) fn rules(source: &Source<'_>) -> Vec<Field> {
    const PARTS: [&str; 3] = ["rule", "path", "value"];
    let mut rows = match source.typed {
        Some(params) => typed(params, "success.body", &PARTS),
        None => source.there("success.body").and_then(Value::as_array).into_iter().flatten().map(row_of).collect(),
    };
    rows.push(vec![String::new(); 3]);
    let row = |(at, row): (usize, Vec<String>)| {
        let [rule, path, value] = <[String; 3]>::try_from(row).unwrap_or_default();
        let name = |part: &str| format!("success.body.{at}.{part}");
        let label = |part: &str| Text::new(&format!("console.gateway.success.body.{part}")).with("number", at + 1);
        let choice = |word: &&str| {
            let key = if word.is_empty() { "unset" } else { *word };
            Choice::new(*word, Text::new(&format!("console.gateway.success.body.rule.{key}")), *word == rule)
        };
        let mut fields = [
            Field::select(name("rule"), "", std::iter::once(&"").chain(&RULES).map(choice)),
            Field::text(name("path"), "", path).hint("console.gateway.success.body.path.hint"),
            Field::text(name("value"), "", value).hint("console.gateway.success.body.value.hint"),
        ];
        for (field, part) in fields.iter_mut().zip(PARTS) {
            field.label = label(part);
        }
        fields
    };
    rows.into_iter().enumerate().flat_map(row).collect()
}

fn row_of(rule: &Value) -> Vec<String> {
    let (name, what) = rule.as_object().and_then(|rule| rule.iter().next()).map_or(("", &Value::Null), |(n, w)| (n, w));
    let path = what.get("path").map(plain).unwrap_or_default();
    let value = match name {
        "json" => what.get("equals").map(written).unwrap_or_default(),
        "json_not" => {
            let none = what.get("none_of").and_then(Value::as_array).into_iter().flatten();
            none.map(written).collect::<Vec<_>>().join(", ")
        }
        _ => plain(what),
    };
    vec![name.to_owned(), path, value]
}

/// A value as it is typed: a text that would be read as something else stands between quotes.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) if read(text) == *value && !text.contains(',') => text.clone(),
        other => other.to_string(),
    }
}

/// What is typed as a value: a number, `true`, `false`, `null` or a text between quotes is that, whatever else a text.
fn read(text: &str) -> Value {
    let text = text.trim();
    let scalar = serde_json::from_str(text).ok().filter(|value: &Value| !value.is_object() && !value.is_array());
    scalar.unwrap_or_else(|| text.into())
}

/// The rules as they were typed.
pub(super) fn read_rules(params: &Params) -> Option<Value> {
    let rule = |row: Vec<String>| {
        let [name, path, value] = <[String; 3]>::try_from(row).unwrap_or_default();
        let what = match name.as_str() {
            "json" => json!({ "path": path.trim(), "equals": read(&value) }),
            "json_not" => {
                let none: Vec<Value> =
                    value.split(',').map(str::trim).filter(|one| !one.is_empty()).map(read).collect();
                json!({ "path": path.trim(), "none_of": none })
            }
            _ => value.into(),
        };
        Value::Object(Map::from_iter([(if name.is_empty() { NO_RULE.to_owned() } else { name }, what)]))
    };
    let rows: Vec<Value> = typed(params, "success.body", &["rule", "path", "value"]).into_iter().map(rule).collect();
    has(params, "success.body").then(|| if rows.is_empty() { Value::Null } else { rows.into() })
}
