//! What an admin can set for a step: the shape of the code, and the words around it.

use serde_json::{Map, Value, json};
use vestibule_core::{
    code::{
        CodeSpec,
        message::{Longest, MessageSize},
        settings::{NAMES as SHAPE, Words},
        texts::{BuiltIn, Texts},
    },
    nearest,
};

use crate::segments::count;

/// The settings of a `smsotp` alternative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepSettings {
    pub(crate) spec: CodeSpec,
    template: Texts,
}

/// The text of a message. Ten parts: more is a mistake, and each is paid for.
const WORDS: Words =
    Words { may: &["code", "client", "minutes", "host"], must: &["code"], longest: 1000, one_line: false };
const TEMPLATE: &BuiltIn = &[
    ("en", "{{code}} is your code for {{client}}. It is good for {{minutes}} min. Nobody will ever ask you for it."),
    ("de", "{{code}} ist Ihr Code für {{client}}. Er gilt {{minutes}} Minuten. Niemand wird Sie je danach fragen."),
];

impl Default for StepSettings {
    fn default() -> Self {
        Self { spec: CodeSpec::default(), template: TEMPLATE.into() }
    }
}

impl StepSettings {
    /// Reads the settings; the error names the setting and what it may be.
    pub(crate) fn read(written: &Map<String, Value>) -> Result<Self, String> {
        let mut settings = Self::default();
        for (name, value) in written {
            let told = |why: String| format!("{name}: {why}");
            if name == "template" {
                settings.template = Texts::read(value, &WORDS, TEMPLATE).map_err(told)?;
            } else if !settings.spec.set(name, value).map_err(told)? {
                let hint = nearest::hint(name, SHAPE.into_iter().chain(["template"]));
                return Err(told(format!("there is no such setting{hint}")));
            }
        }
        Ok(settings)
    }

    /// The whole text for somebody who reads these languages.
    pub(crate) fn template<'w>(&self, languages: impl IntoIterator<Item = &'w str>) -> String {
        whole(self.template.of(languages))
    }

    /// How long the messages are at their longest, by language.
    pub(crate) fn sizes(&self, longest: &Longest) -> Vec<MessageSize> {
        self.template.iter().map(|(language, text)| self.size(language, text, longest)).collect()
    }

    fn size(&self, language: &str, text: &str, longest: &Longest) -> MessageSize {
        // All characters of a code take the same room.
        let plain = whole(text)
            .replace("{{code}}", &"0".repeat(self.spec.length.into()))
            .replace("{{minutes}}", &self.spec.minutes().to_string())
            .replace("{{host}}", &longest.host);
        let nobody = [String::new()];
        let clients = if longest.clients.is_empty() { &nobody } else { longest.clients.as_slice() };
        let texts = clients.iter().map(|client| plain.replace("{{client}}", client));
        let counted = texts.map(|text| (count(&text), text.chars().count()));
        let (segments, characters) =
            counted.max_by_key(|(segments, _)| (segments.parts, segments.units)).unwrap_or((count(""), 0));
        let (language, parts, wide) = (language.to_owned(), segments.parts, segments.wide);
        MessageSize { setting: "template", language, characters, wide, parts }
    }

    /// The JSON Schema from which the console draws its form.
    pub(crate) fn schema() -> Value {
        let mut properties = CodeSpec::schema();
        let description =
            "Must hold {{code}}; may hold {{client}}, {{minutes}} and {{host}}. A last line for the phone is appended.";
        let template = Texts::schema("Text of the message", &WORDS, TEMPLATE, description);
        properties.insert("template".to_owned(), template);
        json!({ "type": "object", "additionalProperties": false, "properties": properties })
    }
}

/// A text with its last line: the origin-bound one, by which a phone fills in the code for this host only (WICG, "Origin-bound one-time
/// codes delivered via SMS"). It has no language, and no template can remove or precede it.
fn whole(text: &str) -> String {
    format!("{}\n\n@{{{{host}}}} #{{{{code}}}}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: impl Into<Value>) -> Result<StepSettings, String> {
        StepSettings::read(&Map::from_iter([(name.to_owned(), value.into())]))
    }

    #[test]
    fn a_setting_out_of_range_is_refused_by_name_and_never_replaced() {
        for (name, bad) in [
            ("length", json!(3)),
            ("life_seconds", json!(29)),
            ("tries", json!(0)),
            ("alphabet", json!("Numeric")),
            ("template", json!("no code")),
            ("template", json!("{{code")),
            ("template", json!("{{code}} {{name}}")),
            ("template", json!("{{code}}\r")),
            ("template", json!("{{code}}".to_owned() + &"x".repeat(1000))),
            ("template", json!(1)),
            ("template", json!({ "de": "kein Code" })),
        ] {
            let refused = read(name, bad.clone()).unwrap_err();
            assert!(refused.starts_with(name), "{bad}: {refused}");
        }
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_nearest() {
        assert_eq!(read("lenght", 6).unwrap_err(), "lenght: there is no such setting; did you mean `length`?");
        let refused = read("template", "{{cod}}").unwrap_err();
        assert_eq!(refused, "template: there is no placeholder {{cod}}; did you mean `code`?");
        assert!(read("mandatory", false).is_err());
    }

    #[test]
    fn the_origin_bound_line_is_always_the_last() {
        for template in ["{{code}}", "{{code}}\n", "@evil.example #{{code}}\n\n", "{{code}} for {{client}} at {{host}}"]
        {
            for written in [json!(template), json!({ "de": template })] {
                let settings = read("template", written).unwrap();
                for language in ["de", "en", "fr"] {
                    let whole = settings.template([language]);
                    assert_eq!(whole.lines().last(), Some("@{{host}} #{{code}}"), "{template:?} {language}");
                }
            }
        }
    }

    #[test]
    fn the_size_of_a_message_is_that_of_the_longest_names() {
        let longest = |clients: &[&str], host: &str| Longest {
            clients: clients.iter().map(|&client| client.to_owned()).collect(),
            host: host.to_owned(),
        };
        let size = |settings: &StepSettings, clients: &[&str]| {
            let sizes = settings.sizes(&longest(clients, "auth.example.com")).into_iter();
            sizes.map(|size| (size.language, size.characters, size.wide, size.parts)).collect::<Vec<_>>()
        };
        let own = StepSettings::default();
        assert_eq!(size(&own, &["Books & Co"])[1], ("en".to_owned(), 117, false, 1));
        assert!(size(&own, &[]).iter().all(|(.., parts)| *parts == 1));
        // One name of many is written in letters that take twice the room.
        let mixed = size(&own, &["A rather long name of a shop", "Книги"]);
        assert!(mixed.iter().all(|(.., wide, parts)| *wide && *parts == 2), "{mixed:?}");
        let long = size(&own, &["B", &"n".repeat(60)]);
        assert!(long.iter().all(|(.., parts)| *parts == 2), "{long:?}");
        // The longest code, and the last line.
        let ten = StepSettings::read(&Map::from_iter([
            ("length".to_owned(), json!(10)),
            ("template".to_owned(), json!({ "*": "{{code}}" })),
        ]));
        assert_eq!(size(&ten.unwrap(), &[]), [("*".to_owned(), 10 + 2 + 17 + 2 + 10, false, 1)]);
    }

    #[test]
    fn the_schema_knows_every_setting() {
        let schema = StepSettings::schema();
        let named: Vec<_> = schema["properties"].as_object().unwrap().keys().cloned().collect();
        let mut names: Vec<_> = SHAPE.into_iter().chain(["template"]).map(str::to_owned).collect();
        names.sort();
        assert_eq!(named, names);
        let defaults = schema["properties"].as_object().unwrap();
        let defaults = defaults.iter().map(|(name, schema)| (name.clone(), schema["default"].clone())).collect();
        assert_eq!(StepSettings::read(&defaults), Ok(StepSettings::default()));
    }
}
