//! The settings of a gateway and of a route as fields. One table is drawn as the form and read from it, so that neither forgets what
//! the other has; a test asks for every setting of the declaration. A setting's field has its path as its name: a fault finds it.

use serde_json::{Map, Value};
use vestibule_core::prompt::Text;
use vestibule_oauth::Params;

use super::rows;
use crate::pages::console::{Choice, Field, Form, Group, Kind};

/// How a setting is typed.
#[derive(Clone, Copy)]
pub(super) enum How {
    /// A line.
    Line,
    /// One text of several lines.
    Text,
    /// A number.
    Number,
    /// Words between spaces or commas.
    Words,
    /// Numbers between them.
    Numbers,
    /// A list, one in a line.
    Lines,
    /// `Name: value`, one in a line.
    Headers,
    /// A name and a number, one in a line.
    Prices,
    /// One of these; an empty one is none.
    OneOf(&'static [&'static str]),
    /// Yes or no.
    Tick,
    /// What is never shown again.
    Secret,
}

use How::{Headers, Line, Lines, Number, Numbers, OneOf, Prices, Secret, Text as Area, Tick, Words};

/// A setting: its path, how it is typed, and whether there is something to know before.
pub(super) type Setting = (&'static str, How, bool);

/// What a gateway by its URL is mostly made of.
pub(super) const MAIN: &[Setting] = &[("url", Area, true), ("from", Line, false), ("allow_plain_http", Tick, false)];

/// A group of settings: what it is called, and what it has.
pub(super) type Settings = (&'static str, &'static [Setting]);

const NUMBERS: Settings = (
    "numbers",
    &[
        ("allowed_prefixes", Words, true),
        ("default_country", Line, true),
        ("messages_a_day", Number, true),
        ("messages_to_prefix", Number, true),
    ],
);
const COST: Settings = (
    "cost",
    &[
        ("currency", Line, true),
        ("price", Number, false),
        ("prices", Prices, true),
        ("alarm_messages", Number, true),
        ("alarm_used_percent", Number, true),
        ("alarm_stops", Tick, false),
    ],
);

/// What else a gateway has.
pub(super) const GATEWAY: &[Settings] = &[
    (
        "request",
        &[
            ("method", OneOf(&["", "GET", "POST", "PUT"]), true),
            ("content_type", OneOf(&["", "json", "form", "xml", "none"]), false),
            ("body", Area, true),
            ("headers", Headers, true),
            ("number_format", OneOf(&["", "e164", "digits"]), false),
            ("connect_timeout_seconds", Number, true),
            ("timeout_seconds", Number, true),
        ],
    ),
    (
        "auth",
        &[
            ("auth.type", OneOf(&["", "none", "basic", "bearer", "header", "oauth2"]), true),
            ("auth.username", Line, false),
            ("auth.password", Secret, false),
            ("auth.token", Secret, false),
            ("auth.name", Line, false),
            ("auth.value", Secret, false),
        ],
    ),
    (
        "oauth2",
        &[
            ("auth.token_url", Line, false),
            ("auth.client_id", Line, false),
            ("auth.client_secret", Secret, false),
            ("auth.scope", Line, true),
        ],
    ),
    ("answers", &[("success.status", Numbers, true), ("reference", Line, true), ("explanation", Lines, true)]),
    (
        "receipts",
        &[
            ("receipts.type", OneOf(&["", "vonage", "twilio", "generic"]), true),
            ("secrets.receipts", Secret, true),
            ("receipts.reference", Line, true),
            ("receipts.state", Line, true),
            ("receipts.why", Line, true),
            ("receipts.delivered", Lines, true),
            ("receipts.undelivered", Lines, true),
        ],
    ),
    NUMBERS,
    COST,
];

/// What a route has beside its gateways.
pub(super) const ROUTE: &[Settings] = &[NUMBERS, COST];

/// By which fields each kind of credentials goes, and each kind of receipts.
pub(super) const PARTS: &[(&str, &str, &[&str])] = &[
    ("auth", "none", &[]),
    ("auth", "basic", &["username", "password"]),
    ("auth", "bearer", &["token"]),
    ("auth", "header", &["name", "value"]),
    ("auth", "oauth2", &["token_url", "client_id", "client_secret", "scope"]),
    ("receipts", "vonage", &[]),
    ("receipts", "twilio", &[]),
    ("receipts", "generic", &["reference", "state", "why", "delivered", "undelivered"]),
];

/// What a form is drawn from: the settings that there are, or what was typed and refused.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) settings: &'a Map<String, Value>,
    pub(super) typed: Option<&'a Params>,
}

impl<'a> Source<'a> {
    /// The setting at a path.
    pub(super) fn there(&self, path: &str) -> Option<&'a Value> {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let value = self.settings.get(first)?;
        rest.map_or(Some(value), |rest| value.get(rest))
    }

    /// What stands in a field.
    fn value(&self, path: &str, how: How) -> String {
        match self.typed {
            Some(typed) => typed.get(path).unwrap_or_default().to_owned(),
            None => self.there(path).map(|value| shown(value, how)).unwrap_or_default(),
        }
    }

    fn ticked(&self, path: &str) -> bool {
        match self.typed {
            Some(typed) => typed.get(path).is_some(),
            None => self.there(path).and_then(Value::as_bool).unwrap_or(false),
        }
    }

    /// Whether something stands in one of these.
    fn has(&self, settings: &[Setting]) -> bool {
        settings.iter().any(|(path, how, _)| match how {
            Tick => self.ticked(path),
            Secret => self.there(path).is_some(),
            how => !self.value(path, *how).is_empty(),
        })
    }

    /// The field of a setting.
    pub(super) fn field(&self, (path, how, hinted): &Setting) -> Field {
        let label = format!("console.gateway.{path}");
        let value = || self.value(path, *how);
        let field = match how {
            Line | Number | Words | Numbers => Field::text(*path, &label, value()),
            Area | Lines | Headers | Prices => Field::area(*path, &label, value()),
            OneOf(words) => {
                let chosen = value();
                let word = |word: &&str| {
                    let name = if word.is_empty() { "unset" } else { *word };
                    Choice::new(*word, Text::new(&format!("{label}.{name}")), *word == chosen)
                };
                Field::select(*path, &label, words.iter().map(word))
            }
            Tick => Field::check(*path, &label, self.ticked(path)),
            Secret => Field::new(Kind::Password, *path, &label, "").autocomplete("new-password"),
        };
        match how {
            Secret if self.there(path).is_some() => field.hint("console.connections.secret.kept"),
            _ if *hinted => field.hint(&format!("{label}.hint")),
            _ => field,
        }
    }

    /// The form with these groups. Where something is set, a group is open.
    pub(super) fn groups(&self, form: Form, groups: &[Settings]) -> Form {
        groups.iter().fold(form, |form, (name, settings)| {
            let fields = settings.iter().map(|setting| self.field(setting));
            let rules = if *name == "answers" { rows::rules(self) } else { Vec::new() };
            let has_rules = rules.iter().any(|field| !field.value.is_empty());
            // What is there can be replaced without a word being typed.
            let renew = *name == "receipts" && self.there("secrets.receipts").is_some();
            let renew = renew.then(|| Field::check("receipts.renew", "console.gateway.receipts.renew", false));
            let group = Group::new(&format!("console.gateway.{name}"), fields.chain(rules).chain(renew));
            form.group(group.hint(&format!("console.gateway.{name}.hint")).open(self.has(settings) || has_rules))
        })
    }
}

/// A setting as text to be typed. A secret is dots; left as they are, they keep it.
fn shown(value: &Value, how: How) -> String {
    match (value, how) {
        (Value::Array(items), Headers) => {
            let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            lines(items, |item| format!("{}: {}", text(item, "name"), text(item, "value")))
        }
        (Value::Array(items), Words | Numbers) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        (Value::Array(items), _) => lines(items, plain),
        (Value::Object(table), Prices) => {
            let line = |(area, price): (&String, &Value)| format!("{area} {}", plain(price));
            table.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        (value, _) => plain(value),
    }
}

fn lines(items: &[Value], line: impl Fn(&Value) -> String) -> String {
    items.iter().map(line).collect::<Vec<_>>().join("\n")
}

pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
