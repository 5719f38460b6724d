//! Templates: text with placeholders, each filled in as the place where it stands demands.
//!
//! Both notations of the placeholders are one: `$ctx.num` and `{{mobile}}`, `$ctx.msg` and `{{body}}`, `$ctx.otp` and
//! `{{code}}`. There are `{{from}}` and `{{secret.NAME}}` besides. What is filled in never becomes structure: a quote
//! cannot end a JSON string, an ampersand cannot begin a parameter, a line break cannot begin a header.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret as _, SecretString};
use vestibule_core::{channel::ConnectionError, nearest};

use super::refused;

/// What can be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Number,
    Body,
    Code,
    From,
    Secret(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Slot(Slot),
}

/// A text with placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

/// Where a value stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The path or the query of a URL.
    Url,
    /// The value of a header.
    Header,
    /// Inside the quotes of a JSON string.
    Json,
    /// A name or value of a form.
    Form,
    /// Text or an attribute of XML.
    Xml,
}

/// What is filled in.
#[derive(Clone, Copy)]
pub(super) struct Values<'a> {
    pub(super) number: &'a str,
    pub(super) body: &'a str,
    pub(super) code: &'a str,
    pub(super) from: &'a str,
    pub(super) secrets: &'a BTreeMap<String, SecretString>,
}

/// A header would hold a line break or another control character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BreaksHeader;

const NAMES: [&str; 4] = ["mobile", "body", "code", "from"];
const SEED_NAMES: [&str; 3] = ["num", "msg", "otp"];
/// Everything but the unreserved characters of RFC 3986, section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Template {
    /// Reads a template; `setting` is where it was written.
    pub(super) fn read(setting: &str, text: &str) -> Result<Self, ConnectionError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = opening(rest) {
            let (before, opened) = rest.split_at_checked(at).unwrap_or((rest, ""));
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (slot, after) = slot(setting, opened)?;
            parts.push(Part::Slot(slot));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// What it asks for.
    pub(super) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.0.iter().filter_map(|part| match part {
            Part::Slot(slot) => Some(slot),
            Part::Text(_) => None,
        })
    }

    /// The text with everything filled in.
    pub(super) fn fill(&self, values: &Values<'_>, place: Place) -> Result<String, BreaksHeader> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Slot(slot) => text.push_str(&place.escape(values.of(slot))?),
            }
        }
        Ok(text)
    }
}

/// Where the next placeholder begins. Looked for once for both notations: looking for each would go through the rest of the
/// text anew for every placeholder of the other.
fn opening(text: &str) -> Option<usize> {
    let begins = |at: &usize| text.get(*at..).is_some_and(|rest| rest.starts_with("{{") || rest.starts_with("$ctx."));
    text.match_indices(['{', '$']).map(|(at, _)| at).find(begins)
}

/// The placeholder at the beginning of `opened`, and what follows it.
fn slot<'a>(setting: &str, opened: &'a str) -> Result<(Slot, &'a str), ConnectionError> {
    if let Some(named) = opened.strip_prefix("$ctx.") {
        let end = named.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(named.len());
        let (name, after) = named.split_at_checked(end).unwrap_or((named, ""));
        let slot = match name {
            "num" => Slot::Number,
            "msg" => Slot::Body,
            "otp" => Slot::Code,
            _ => {
                return Err(refused(
                    setting,
                    format!("there is no placeholder $ctx.{name}{}", nearest::hint(name, SEED_NAMES)),
                ));
            }
        };
        return Ok((slot, after));
    }
    let inside = opened.strip_prefix("{{").and_then(|opened| opened.split_once("}}"));
    let (name, after) = inside.ok_or_else(|| refused(setting, "a `{{` is not closed"))?;
    let slot = match name.trim() {
        "mobile" => Slot::Number,
        "body" => Slot::Body,
        "code" => Slot::Code,
        "from" => Slot::From,
        name => match name.strip_prefix("secret.") {
            Some(secret) if !secret.is_empty() => Slot::Secret(secret.to_owned()),
            _ => {
                return Err(refused(
                    setting,
                    format!("there is no placeholder {{{{{name}}}}}{}", nearest::hint(name, NAMES)),
                ));
            }
        },
    };
    Ok((slot, after))
}

impl Values<'_> {
    fn of(&self, slot: &Slot) -> &str {
        match slot {
            Slot::Number => self.number,
            Slot::Body => self.body,
            Slot::Code => self.code,
            Slot::From => self.from,
            Slot::Secret(name) => self.secrets.get(name).map_or("", |secret| secret.expose_secret()),
        }
    }
}

impl Place {
    /// The value, made harmless for this place.
    pub(super) fn escape(self, value: &str) -> Result<String, BreaksHeader> {
        Ok(match self {
            Self::Url => utf8_percent_encode(value, RESERVED).to_string(),
            Self::Form => url::form_urlencoded::byte_serialize(value.as_bytes()).collect(),
            Self::Json => {
                let quoted = serde_json::Value::from(value).to_string();
                quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or("").to_owned()
            }
            Self::Xml => value.chars().map(xml).collect(),
            Self::Header if value.chars().any(char::is_control) => return Err(BreaksHeader),
            Self::Header => value.to_owned(),
        })
    }
}

fn xml(c: char) -> std::borrow::Cow<'static, str> {
    match c {
        '&' => "&amp;".into(),
        '<' => "&lt;".into(),
        '>' => "&gt;".into(),
        '"' => "&quot;".into(),
        '\'' => "&apos;".into(),
        '\n' | '\t' => c.to_string().into(),
        // XML 1.0 has no way to write these (section 2.2).
        c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => "\u{fffd}".into(),
        c => c.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(template: &str, place: Place, body: &str) -> Result<String, BreaksHeader> {
        let secrets = BTreeMap::from([("key".to_owned(), SecretString::from("k&=\""))]);
        let values = Values { number: "+12025550142", body, code: "123456", from: "A&B", secrets: &secrets };
        Template::read("body", template).unwrap().fill(&values, place)
    }

    #[test]
    fn both_notations_are_one() {
        let (seed, own) = ("to=$ctx.num&text=$ctx.msg&code=$ctx.otp", "to={{mobile}}&text={{ body }}&code={{code}}");
        assert_eq!(Template::read("url", seed), Template::read("url", own));
        assert_eq!(fill(seed, Place::Url, "a b").unwrap(), "to=%2B12025550142&text=a%20b&code=123456");
        assert_eq!(fill("$ctx.num-$ctx.otp.", Place::Json, "").unwrap(), "+12025550142-123456.");
    }

    #[test]
    fn an_unknown_placeholder_is_refused_with_the_nearest() {
        for (bad, hint) in [
            ("$ctx.number", ""),
            ("$ctx.mgs", "`msg`"),
            ("{{mobil}}", "`mobile`"),
            ("{{secret.}}", ""),
            ("{{code", ""),
            ("{{}}", ""),
        ] {
            let refused = Template::read("headers.0.value", bad).unwrap_err();
            assert!(refused.setting == "headers.0.value" && refused.why.contains(hint), "{bad}: {refused}");
        }
    }

    #[test]
    fn a_081_what_is_filled_in_never_becomes_structure() {
        let nasty = "a&b=c\"}{\\<x>'\r\nX-Evil: 1\0#?%26 é";
        assert_eq!(
            fill("{{body}}", Place::Url, nasty).unwrap(),
            "a%26b%3Dc%22%7D%7B%5C%3Cx%3E%27%0D%0AX-Evil%3A%201%00%23%3F%2526%20%C3%A9"
        );
        let form = fill("text={{body}}&from={{from}}", Place::Form, nasty).unwrap();
        let pairs: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        assert_eq!(pairs, [("text".to_owned(), nasty.to_owned()), ("from".to_owned(), "A&B".to_owned())]);
        let json = fill(r#"{"text":"{{body}}","key":"{{secret.key}}"}"#, Place::Json, nasty).unwrap();
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json, serde_json::json!({ "text": nasty, "key": "k&=\"" }));
        let xml = fill("<t a=\"{{body}}\"/>", Place::Xml, nasty).unwrap();
        assert_eq!(xml, "<t a=\"a&amp;b=c&quot;}{\\&lt;x&gt;&apos;\u{fffd}\nX-Evil: 1\u{fffd}#?%26 é\"/>");
        assert_eq!(fill("{{body}}", Place::Header, nasty), Err(BreaksHeader));
        assert_eq!(fill("{{from}}", Place::Header, "").unwrap(), "A&B");
    }

    #[test]
    fn what_is_filled_in_is_not_read_again() {
        assert_eq!(fill("{{body}}", Place::Json, "{{secret.key}} $ctx.otp").unwrap(), "{{secret.key}} $ctx.otp");
    }
}
