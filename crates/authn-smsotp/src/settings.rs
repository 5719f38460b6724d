//! What an admin can set for a step: the shape of the code, and the words around it.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};
use vestibule_core::{
    chain::Seconds,
    code::{Alphabet, CodeSpec},
};

use crate::nearest;

/// The settings of a `smsotp` alternative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StepSettings {
    pub(crate) spec: CodeSpec,
    template: String,
}

const LENGTH: RangeInclusive<u32> = 4..=10;
const LIFE: RangeInclusive<u32> = 30..=3600;
const TRIES: RangeInclusive<u32> = 1..=10;
/// Ten parts of a message: more is a mistake, and each is paid for.
const TEMPLATE_CHARACTERS: usize = 1000;
const TEMPLATE: &str =
    "{{code}} is your code for {{client}}. It is good for {{minutes}} min. Nobody will ever ask you for it.";
const PLACEHOLDERS: [&str; 4] = ["code", "client", "minutes", "host"];
const NAMES: [&str; 5] = ["length", "life_seconds", "alphabet", "tries", "template"];

impl Default for StepSettings {
    fn default() -> Self {
        let spec = CodeSpec { length: 6, alphabet: Alphabet::Numeric, life: Seconds(300), tries: 5 };
        Self { spec, template: TEMPLATE.to_owned() }
    }
}

impl StepSettings {
    /// Reads the settings; the error names the setting and what it may be.
    pub(crate) fn read(written: &Map<String, Value>) -> Result<Self, String> {
        let mut settings = Self::default();
        let spec = &mut settings.spec;
        for (name, value) in written {
            let told = |why: String| format!("{name}: {why}");
            match name.as_str() {
                "length" => spec.length = number(value, LENGTH).map_err(told)?.try_into().unwrap_or(u8::MAX),
                "life_seconds" => spec.life = Seconds(number(value, LIFE).map_err(told)?),
                "tries" => spec.tries = number(value, TRIES).map_err(told)?,
                "alphabet" => spec.alphabet = alphabet(value).map_err(told)?,
                "template" => settings.template = template(value).map_err(told)?,
                _ => return Err(told(format!("there is no such setting{}", nearest::hint(name, NAMES)))),
            }
        }
        Ok(settings)
    }

    /// The whole text. Its last line is the origin-bound one, by which a phone fills in the code for this host only
    /// (WICG, "Origin-bound one-time codes delivered via SMS"); no template can remove or precede it.
    pub(crate) fn template(&self) -> String {
        format!("{}\n\n@{{{{host}}}} #{{{{code}}}}", self.template.trim_end())
    }

    /// Its life in minutes, for people.
    pub(crate) fn minutes(&self) -> u32 {
        self.spec.life.0.div_ceil(60)
    }

    /// The JSON Schema from which the console draws its form.
    pub(crate) fn schema() -> Value {
        let range = |title: &str, range: RangeInclusive<u32>, default: u32| json!({ "type": "integer", "title": title, "minimum": range.start(), "maximum": range.end(), "default": default });
        json!({
            "type": "object",
            "additionalProperties": false,
            "properties": {
                "length": range("Characters of a code", LENGTH, 6),
                "life_seconds": range("Life of a code in seconds", LIFE, 300),
                "alphabet": {
                    "type": "string", "title": "Characters", "enum": ["numeric", "alphanumeric"], "default": "numeric",
                },
                "tries": range("Wrong tries until a code is dead", TRIES, 5),
                "template": {
                    "type": "string", "title": "Text of the message", "default": TEMPLATE, "maxLength": TEMPLATE_CHARACTERS,
                    "description": "Must hold {{code}}; may hold {{client}}, {{minutes}} and {{host}}. A last line for the phone is appended.",
                },
            },
        })
    }
}

fn number(value: &Value, range: RangeInclusive<u32>) -> Result<u32, String> {
    let whole = value.as_u64().and_then(|number| u32::try_from(number).ok());
    whole
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("a whole number from {} to {} is wanted, not {value}", range.start(), range.end()))
}

fn alphabet(value: &Value) -> Result<Alphabet, String> {
    match value.as_str() {
        Some("numeric") => Ok(Alphabet::Numeric),
        Some("alphanumeric") => Ok(Alphabet::Alphanumeric),
        _ => Err(format!("`numeric` or `alphanumeric` is wanted, not {value}")),
    }
}

fn template(value: &Value) -> Result<String, String> {
    let text = value.as_str().ok_or("a text is wanted")?;
    if text.chars().count() > TEMPLATE_CHARACTERS {
        return Err(format!("it has more than {TEMPLATE_CHARACTERS} characters"));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err("it holds a control character".to_owned());
    }
    let mut holds_code = false;
    for opened in text.split("{{").skip(1) {
        let (name, _) = opened.split_once("}}").ok_or("a `{{` is not closed")?;
        if !PLACEHOLDERS.contains(&name) {
            return Err(format!("there is no placeholder {{{{{name}}}}}{}", nearest::hint(name, PLACEHOLDERS)));
        }
        holds_code |= name == "code";
    }
    if !holds_code {
        return Err("it must hold {{code}}".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: impl Into<Value>) -> Result<StepSettings, String> {
        StepSettings::read(&Map::from_iter([(name.to_owned(), value.into())]))
    }

    #[test]
    fn a_setting_in_range_is_taken() {
        assert_eq!(read("length", 4).unwrap().spec.length, 4);
        assert_eq!(read("length", 10).unwrap().spec.length, 10);
        assert_eq!(read("life_seconds", 3600).unwrap().spec.life, Seconds(3600));
        assert_eq!(read("alphabet", "alphanumeric").unwrap().spec.alphabet, Alphabet::Alphanumeric);
        assert_eq!(read("tries", 1).unwrap().spec.tries, 1);
    }

    #[test]
    fn a_setting_out_of_range_is_refused_by_name_and_never_replaced() {
        for (name, bad) in [
            ("length", json!(3)),
            ("length", json!(11)),
            ("length", json!("6")),
            ("length", json!(6.5)),
            ("length", json!(-6)),
            ("life_seconds", json!(29)),
            ("life_seconds", json!(3601)),
            ("life_seconds", json!(u64::MAX)),
            ("tries", json!(0)),
            ("tries", json!(11)),
            ("tries", json!(null)),
            ("alphabet", json!("Numeric")),
            ("alphabet", json!(true)),
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
        let mut names = NAMES.map(str::to_owned).to_vec();
        names.sort();
        assert_eq!(named, names);
        let defaults = schema["properties"].as_object().unwrap();
        let defaults = defaults.iter().map(|(name, schema)| (name.clone(), schema["default"].clone())).collect();
        assert_eq!(StepSettings::read(&defaults), Ok(StepSettings::default()));
    }
}
