//! What an admin can set for a step: the shape of the code, and the words around it.

use serde_json::{Map, Value, json};
use vestibule_core::{
    StepContext,
    code::{
        CodeSpec,
        settings::{NAMES as SHAPE, Words},
        texts::{BuiltIn, Texts},
    },
    nearest,
};

/// The settings of an `emailotp` alternative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepSettings {
    pub(crate) spec: CodeSpec,
    pub(crate) subject: Texts,
    pub(crate) template: Texts,
}

const SUBJECT: &BuiltIn = &[("en", "Your code for {{client}}"), ("de", "Ihr Code für {{client}}")];
const TEMPLATE: &BuiltIn = &[
    (
        "en",
        "{{code}} is your code for {{client}}. It is good for {{minutes}} min.\n\n\
         You can also open this page, in the browser in which you began:\n{{link}}\n\n\
         Nobody will ever ask you for this code. If it was not you who wanted it, do nothing: without it nobody gets in.\n\n\
         {{host}}\n",
    ),
    (
        "de",
        "{{code}} ist Ihr Code für {{client}}. Er gilt {{minutes}} Minuten.\n\n\
         Sie können auch diese Seite öffnen, in dem Browser, in dem Sie begonnen haben:\n{{link}}\n\n\
         Niemand wird Sie je nach diesem Code fragen. Wenn nicht Sie ihn wollten, tun Sie nichts: Ohne ihn kommt niemand hinein.\n\n\
         {{host}}\n",
    ),
];
const OWN: [&str; 2] = ["subject", "template"];

/// The subject is seen where the message is not: on a locked screen, in a list, in a mail server's log. It never holds the code.
const SUBJECT_WORDS: Words = Words { may: &["client", "minutes", "host"], must: &[], longest: 200, one_line: true };
const WORDS: Words = Words {
    may: &["code", "link", "client", "minutes", "host"],
    must: &["code", "link"],
    longest: 5000,
    one_line: false,
};

impl Default for StepSettings {
    fn default() -> Self {
        Self { spec: CodeSpec::default(), subject: SUBJECT.into(), template: TEMPLATE.into() }
    }
}

impl StepSettings {
    /// Reads the settings; the error names the setting and what it may be.
    pub(crate) fn read(written: &Map<String, Value>) -> Result<Self, String> {
        let mut settings = Self::default();
        for (name, value) in written {
            let told = |why: String| format!("{name}: {why}");
            match name.as_str() {
                "subject" => settings.subject = Texts::read(value, &SUBJECT_WORDS, SUBJECT).map_err(told)?,
                "template" => settings.template = Texts::read(value, &WORDS, TEMPLATE).map_err(told)?,
                _ if settings.spec.set(name, value).map_err(told)? => {}
                _ => {
                    let hint = nearest::hint(name, SHAPE.into_iter().chain(OWN));
                    return Err(told(format!("there is no such setting{hint}")));
                }
            }
        }
        Ok(settings)
    }

    /// What a message is about and what it says, in the language of whom it is for.
    pub(crate) fn texts(&self, cx: &StepContext<'_>) -> (&str, &str) {
        (self.subject.of(cx.languages()), self.template.of(cx.languages()))
    }

    /// The JSON Schema from which the console draws its form.
    pub(crate) fn schema() -> Value {
        let mut properties = CodeSpec::schema();
        let about = "May hold {{client}}, {{minutes}} and {{host}}, and never the code.";
        let subject = Texts::schema("Subject", &SUBJECT_WORDS, SUBJECT, about);
        let about = "Must hold {{code}} or {{link}}; may hold {{client}}, {{minutes}} and {{host}}.";
        let template = Texts::schema("Text of the message", &WORDS, TEMPLATE, about);
        properties.extend([("subject".to_owned(), subject), ("template".to_owned(), template)]);
        json!({ "type": "object", "additionalProperties": false, "properties": properties })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: impl Into<Value>) -> Result<StepSettings, String> {
        StepSettings::read(&Map::from_iter([(name.to_owned(), value.into())]))
    }

    #[test]
    fn settings_are_taken_or_refused_by_name() {
        assert_eq!(read("length", 8).unwrap().spec.length, 8);
        assert_eq!(read("subject", "{{client}}: sign in").unwrap().subject.of([]), "{{client}}: sign in");
        assert_eq!(read("template", "Go to {{link}}").unwrap().template.of(["de"]), "Go to {{link}}");
        for (name, bad) in [
            ("length", json!(3)),
            ("life_seconds", json!(29)),
            ("subject", json!("{{code}}")),
            ("subject", json!("{{link}}")),
            ("subject", json!({ "de": "{{code}}" })),
            ("subject", json!("a\r\nBcc: x@example.com")),
            ("template", json!("nothing to go on with")),
            ("template", json!("{{code}} {{name}}")),
        ] {
            let refused = read(name, bad.clone()).unwrap_err();
            assert!(refused.starts_with(name), "{bad}: {refused}");
        }
        assert_eq!(read("subjct", "x").unwrap_err(), "subjct: there is no such setting; did you mean `subject`?");
    }

    #[test]
    fn the_schema_knows_every_setting_and_its_default() {
        let schema = StepSettings::schema();
        let properties = schema["properties"].as_object().unwrap();
        let defaults = properties.iter().map(|(name, schema)| (name.clone(), schema["default"].clone())).collect();
        assert_eq!(StepSettings::read(&defaults), Ok(StepSettings::default()));
        assert_eq!(properties.len(), SHAPE.len() + OWN.len());
    }
}
