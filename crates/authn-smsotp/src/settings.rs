//! What an admin can set for a step: the shape of the code, and the words around it.

use serde_json::{Map, Value, json};
use vestibule_core::{
    code::{
        CodeSpec,
        settings::{NAMES as SHAPE, Words},
    },
    nearest,
};

/// The settings of a `smsotp` alternative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepSettings {
    pub(crate) spec: CodeSpec,
    template: String,
}

/// The text of a message. Ten parts: more is a mistake, and each is paid for.
const WORDS: Words =
    Words { may: &["code", "client", "minutes", "host"], must: &["code"], longest: 1000, one_line: false };
const TEMPLATE: &str =
    "{{code}} is your code for {{client}}. It is good for {{minutes}} min. Nobody will ever ask you for it.";

impl Default for StepSettings {
    fn default() -> Self {
        Self { spec: CodeSpec::default(), template: TEMPLATE.to_owned() }
    }
}

impl StepSettings {
    /// Reads the settings; the error names the setting and what it may be.
    pub(crate) fn read(written: &Map<String, Value>) -> Result<Self, String> {
        let mut settings = Self::default();
        for (name, value) in written {
            let told = |why: String| format!("{name}: {why}");
            if name == "template" {
                settings.template = WORDS.read(value).map_err(told)?;
            } else if !settings.spec.set(name, value).map_err(told)? {
                let hint = nearest::hint(name, SHAPE.into_iter().chain(["template"]));
                return Err(told(format!("there is no such setting{hint}")));
            }
        }
        Ok(settings)
    }

    /// The whole text. Its last line is the origin-bound one, by which a phone fills in the code for this host only
    /// (WICG, "Origin-bound one-time codes delivered via SMS"); no template can remove or precede it.
    pub(crate) fn template(&self) -> String {
        format!("{}\n\n@{{{{host}}}} #{{{{code}}}}", self.template.trim_end())
    }

    /// The JSON Schema from which the console draws its form.
    pub(crate) fn schema() -> Value {
        let mut properties = CodeSpec::schema();
        let template = json!({
            "type": "string", "title": "Text of the message", "default": TEMPLATE, "maxLength": WORDS.longest,
            "description": "Must hold {{code}}; may hold {{client}}, {{minutes}} and {{host}}. A last line for the phone is appended.",
        });
        properties.insert("template".to_owned(), template);
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
            let whole = read("template", template).unwrap().template();
            assert_eq!(whole.lines().last(), Some("@{{host}} #{{code}}"), "{template:?}");
        }
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
