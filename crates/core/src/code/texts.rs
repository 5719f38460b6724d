//! The texts around a code in the languages of those who read them.
//!
//! A way to authenticate brings its own texts, and an admin writes others: one for everybody, or one for a language. For a language
//! that they did not write, the own text stays; one for everybody (`*`) takes the place of all.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::settings::Words;
use crate::language::{is_tag, lookup};

/// The texts that an authenticator brings, by language; the first is for those who read none of them.
pub type BuiltIn = [(&'static str, &'static str)];

/// A text in several languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    by: BTreeMap<String, String>,
    other: String,
}

/// The name of the text for every other language.
pub const OTHER: &str = "*";

/// So many languages, and no more: each is a text that is kept with every revision.
const MOST: usize = 40;

impl From<&BuiltIn> for Texts {
    fn from(built_in: &BuiltIn) -> Self {
        let by = built_in.iter().map(|(language, text)| ((*language).to_owned(), (*text).to_owned())).collect();
        Self { by, other: built_in.first().map(|(_, text)| (*text).to_owned()).unwrap_or_default() }
    }
}

impl Texts {
    /// Reads what an admin wrote: a text, or a table of texts by language (BCP 47).
    ///
    /// # Errors
    /// What is wrong with it, after the language where there is one.
    pub fn read(written: &Value, words: &Words, built_in: &BuiltIn) -> Result<Self, String> {
        let Some(table) = written.as_object() else {
            return Ok(Self { by: BTreeMap::new(), other: words.read(written)? });
        };
        if table.is_empty() || table.len() > MOST {
            return Err(format!("1 to {MOST} languages are wanted"));
        }
        let mut texts = Self::from(built_in);
        if let Some(other) = table.get(OTHER) {
            texts = Self { by: BTreeMap::new(), other: words.read(other).map_err(|why| format!("{OTHER}: {why}"))? };
        }
        let mut seen = BTreeMap::new();
        for (language, text) in table.iter().filter(|(language, _)| *language != OTHER) {
            let told = |why: &str| format!("{language}: {why}");
            if !is_tag(language) {
                return Err(told("this is no language tag such as `de` or `pt-BR`"));
            }
            let tag = language.to_ascii_lowercase();
            if let Some(twin) = seen.insert(tag.clone(), language) {
                return Err(told(&format!("this is the same language as `{twin}`")));
            }
            texts.by.insert(tag, words.read(text).map_err(|why| told(&why))?);
        }
        Ok(texts)
    }

    /// The text for somebody who reads these languages, best first.
    pub fn of<'w>(&self, languages: impl IntoIterator<Item = &'w str>) -> &str {
        lookup(languages, |tag| self.by.get(tag)).unwrap_or(&self.other)
    }

    /// Every text, with its language; the one for the others only where it is none of them.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let other = (!self.by.values().any(|text| *text == self.other)).then_some((OTHER, self.other.as_str()));
        self.by.iter().map(|(language, text)| (language.as_str(), text.as_str())).chain(other)
    }

    /// The JSON Schema of such a setting. `x-by-language` tells the console to draw a field for each language.
    pub fn schema(title: &str, words: &Words, built_in: &BuiltIn, description: &str) -> Value {
        let text = json!({ "type": "string", "maxLength": words.longest });
        let table =
            json!({ "type": "object", "minProperties": 1, "maxProperties": MOST, "additionalProperties": text });
        let default: BTreeMap<_, _> = built_in.iter().copied().collect();
        json!({
            "title": title, "description": description, "default": default, "x-by-language": true,
            "oneOf": [text, table],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Words = Words { may: &["code"], must: &["code"], longest: 30, one_line: false };
    const OWN: &BuiltIn = &[("en", "Your code: {{code}}"), ("de", "Ihr Code: {{code}}")];

    fn read(written: &Value) -> Result<Texts, String> {
        Texts::read(written, &WORDS, OWN)
    }

    #[test]
    fn everybody_gets_the_text_of_their_language_and_one_that_nobody_wrote_the_first() {
        let own = Texts::from(OWN);
        assert_eq!(own.of(["de-AT", "en"]), OWN[1].1);
        assert_eq!(own.of(["fr"]), OWN[0].1);
        assert_eq!(own.of([]), OWN[0].1);
    }

    #[test]
    fn one_text_is_for_all_and_a_table_changes_its_languages_alone() {
        assert_eq!(read(&json!("{{code}}!")).unwrap().of(["de"]), "{{code}}!");
        let table = read(&json!({ "de-CH": "{{code}} gäll", "fr": "{{code}} fr" })).unwrap();
        assert_eq!(table.of(["de-ch"]), "{{code}} gäll");
        assert_eq!(table.of(["de"]), OWN[1].1);
        assert_eq!(table.of(["it", "fr"]), "{{code}} fr");
        assert_eq!(table.of(["it"]), OWN[0].1);
        let all = read(&json!({ "*": "{{code}} *", "fr": "{{code}} fr" })).unwrap();
        assert_eq!((all.of(["de"]), all.of(["fr"])), ("{{code}} *", "{{code}} fr"));
        assert_eq!(all.iter().collect::<Vec<_>>(), [("fr", "{{code}} fr"), ("*", "{{code}} *")]);
        assert_eq!(table.iter().map(|(language, _)| language).collect::<Vec<_>>(), ["de", "de-ch", "en", "fr"]);
    }

    #[test]
    fn what_is_wrong_is_told_by_language() {
        for (written, why) in [
            (json!({}), "1 to 40 languages are wanted"),
            (json!({ "de": "no code" }), "de: it must hold {{code}}"),
            (json!({ "*": 1 }), "*: a text is wanted"),
            (json!({ "de_CH": "{{code}}" }), "de_CH: this is no language tag such as `de` or `pt-BR`"),
            (json!({ "DE": "{{code}}", "de": "{{code}}" }), "de: this is the same language as `DE`"),
            (json!(["{{code}}"]), "a text is wanted"),
        ] {
            assert_eq!(read(&written).unwrap_err(), why);
        }
        let many: serde_json::Map<_, _> = (0..41).map(|n| (format!("aa-{n}"), json!("{{code}}"))).collect();
        assert!(read(&many.into()).is_err());
    }

    #[test]
    fn the_default_of_the_schema_is_what_is_built_in() {
        let schema = Texts::schema("Text", &WORDS, OWN, "");
        assert_eq!(read(&schema["default"]), Ok(Texts::from(OWN)));
    }
}
