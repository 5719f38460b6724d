//! Values between TOML and JSON: JSON is what the store and the authenticators speak, TOML is what admins write.

use serde_json::{Map, Value as Json};

use crate::config::tree::{Node, Value};

/// A node as JSON.
pub(super) fn to_json(node: &Node) -> Json {
    match &node.value {
        Value::Text(text) => Json::String(text.clone()),
        Value::Bare(text) => bare(text),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Table(table) => {
            table.iter().map(|(key, node)| (key.clone(), to_json(node))).collect::<Map<_, _>>().into()
        }
    }
}

/// TOML's `true` and whole numbers are JSON's; other bare words (dates, `inf`) stay text.
fn bare(text: &str) -> Json {
    match serde_json::from_str::<Json>(text) {
        Ok(value @ (Json::Bool(_) | Json::Number(_))) => value,
        _ => Json::String(text.to_owned()),
    }
}

/// A JSON value as TOML on one line; `null` is nothing, and left out by whoever holds it.
pub(super) fn to_toml(value: &Json) -> String {
    match value {
        Json::Null => "\"\"".to_owned(),
        Json::Bool(truth) => truth.to_string(),
        Json::Number(number) => number.to_string(),
        Json::String(text) => toml::Value::from(text.as_str()).to_string(),
        Json::Array(items) => format!("[{}]", items.iter().map(to_toml).collect::<Vec<_>>().join(", ")),
        Json::Object(map) if map.is_empty() => "{}".to_owned(),
        Json::Object(map) => {
            let pairs = map.iter().filter(|(_, value)| !value.is_null());
            let pairs: Vec<_> = pairs.map(|(key, value)| format!("{} = {}", to_key(key), to_toml(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
    }
}

/// A TOML key, quoted where it must be.
pub(super) fn to_key(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if bare { key.to_owned() } else { toml::Value::from(key).to_string().replace('\n', "\\n") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::tree;

    #[test]
    fn what_is_written_is_read_again() {
        let value = json!({
            "text": "a \"quoted\"\nline", "number": 7, "fraction": 0.5, "truth": true, "odd key": [],
            "list": [1, "two", ["three"], { "four": 4 }], "empty": {},
        });
        let text = format!("value = {}\n", to_toml(&value));
        let table = tree::parse("x", &text).unwrap_or_else(|problem| panic!("{problem}: {text}"));
        assert_eq!(to_json(&table["value"]), value);
    }
}
