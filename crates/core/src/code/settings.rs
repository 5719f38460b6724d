//! What an admin can set for the codes of a step, whichever way they are sent: their shape, and the words around them.
//!
//! A value out of range is refused by name when the chain is saved, and never replaced.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use super::{Alphabet, CodeSpec};
use crate::{chain::Seconds, nearest};

/// The settings that [`CodeSpec::set`] knows.
pub const NAMES: [&str; 4] = ["length", "life_seconds", "alphabet", "tries"];

const LENGTH: RangeInclusive<u32> = 4..=10;
const LIFE: RangeInclusive<u32> = 30..=3600;
const TRIES: RangeInclusive<u32> = 1..=10;

impl Default for CodeSpec {
    fn default() -> Self {
        Self { length: 6, alphabet: Alphabet::Numeric, life: Seconds(300), tries: 5 }
    }
}

impl CodeSpec {
    /// Takes a setting; whether it is one of [`NAMES`].
    ///
    /// # Errors
    /// What it may be.
    pub fn set(&mut self, name: &str, value: &Value) -> Result<bool, String> {
        match name {
            "length" => self.length = number(value, LENGTH)?.try_into().unwrap_or(u8::MAX),
            "life_seconds" => self.life = Seconds(number(value, LIFE)?),
            "tries" => self.tries = number(value, TRIES)?,
            "alphabet" => self.alphabet = alphabet(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Its life in minutes, for people.
    pub fn minutes(&self) -> u32 {
        self.life.0.div_ceil(60)
    }

    /// The JSON Schema of its settings, by name.
    pub fn schema() -> Map<String, Value> {
        let range = |title: &str, range: RangeInclusive<u32>, default: u32| json!({ "type": "integer", "title": title, "minimum": range.start(), "maximum": range.end(), "default": default });
        let alphabet = json!({ "type": "string", "title": "Characters", "enum": ["numeric", "alphanumeric"], "default": "numeric" });
        Map::from_iter([
            ("length".to_owned(), range("Characters of a code", LENGTH, 6)),
            ("life_seconds".to_owned(), range("Life of a code in seconds", LIFE, 300)),
            ("alphabet".to_owned(), alphabet),
            ("tries".to_owned(), range("Wrong tries until a code is dead", TRIES, 5)),
        ])
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

/// What a text around a code may hold.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// Its placeholders, without the braces.
    pub may: &'static [&'static str],
    /// Those of them of which it must hold at least one; none, where it must not.
    pub must: &'static [&'static str],
    /// So many characters, and no more.
    pub longest: usize,
    /// Whether it has but one line.
    pub one_line: bool,
}

impl Words {
    /// Reads a text.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(&self, value: &Value) -> Result<String, String> {
        let text = value.as_str().ok_or("a text is wanted")?;
        if text.chars().count() > self.longest {
            return Err(format!("it has more than {} characters", self.longest));
        }
        if text.chars().any(|c| c.is_control() && (c != '\n' || self.one_line)) {
            return Err("it holds a control character".to_owned());
        }
        let mut found = self.must.is_empty();
        for opened in text.split("{{").skip(1) {
            let (name, _) = opened.split_once("}}").ok_or("a `{{` is not closed")?;
            if !self.may.contains(&name) {
                let hint = nearest::hint(name, self.may.iter().copied());
                return Err(format!("there is no placeholder {{{{{name}}}}}{hint}"));
            }
            found |= self.must.contains(&name);
        }
        if !found {
            let must: Vec<_> = self.must.iter().map(|name| format!("{{{{{name}}}}}")).collect();
            return Err(format!("it must hold {}", must.join(" or ")));
        }
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(name: &str, value: impl Into<Value>) -> Result<CodeSpec, String> {
        let mut spec = CodeSpec::default();
        spec.set(name, &value.into()).map(|known| known.then_some(spec).expect("it is known"))
    }

    #[test]
    fn a_setting_in_range_is_taken() {
        assert_eq!(set("length", 4).unwrap().length, 4);
        assert_eq!(set("length", 10).unwrap().length, 10);
        assert_eq!(set("life_seconds", 3600).unwrap().life, Seconds(3600));
        assert_eq!(set("alphabet", "alphanumeric").unwrap().alphabet, Alphabet::Alphanumeric);
        assert_eq!(set("tries", 1).unwrap().tries, 1);
        assert_eq!(CodeSpec::default().set("template", &json!("x")), Ok(false));
    }

    #[test]
    fn a_setting_out_of_range_is_refused_and_never_replaced() {
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
        ] {
            assert!(set(name, bad.clone()).is_err(), "{name} = {bad}");
        }
    }

    #[test]
    fn the_schema_has_every_name_and_the_defaults() {
        let schema = CodeSpec::schema();
        let mut spec = CodeSpec { length: 4, alphabet: Alphabet::Alphanumeric, life: Seconds(30), tries: 1 };
        for name in NAMES {
            assert_eq!(spec.set(name, &schema[name]["default"]), Ok(true), "{name}");
        }
        assert_eq!((spec, schema.len()), (CodeSpec::default(), NAMES.len()));
    }

    #[test]
    fn words_hold_what_they_must_and_nothing_unknown() {
        let body = Words { may: &["code", "link", "host"], must: &["code", "link"], longest: 30, one_line: false };
        let line = Words { may: &["host"], must: &[], longest: 30, one_line: true };
        assert_eq!(body.read(&json!("{{code}}\n{{host}}")).unwrap(), "{{code}}\n{{host}}");
        assert!(body.read(&json!("{{link}}")).is_ok() && line.read(&json!("to {{host}}")).is_ok());
        assert_eq!(body.read(&json!("{{host}}")).unwrap_err(), "it must hold {{code}} or {{link}}");
        let typo = body.read(&json!("{{cod}}")).unwrap_err();
        assert_eq!(typo, "there is no placeholder {{cod}}; did you mean `code`?");
        for bad in [json!(1), json!("{{code"), json!("{{code}}\r"), json!("{{code}}".to_owned() + &"x".repeat(30))] {
            assert!(body.read(&bad).is_err(), "{bad}");
        }
        for bad in ["{{code}}", "a\nb", "a\r\nBcc: x@example.com"] {
            assert!(line.read(&json!(bad)).is_err(), "{bad}");
        }
    }
}
