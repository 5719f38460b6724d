//! The words of the pages, by language and key.
//!
//! A catalogue is one flat JSON object. `{name}` in a message is filled in; a message whose key ends in `.one` is taken instead
//! of its namesake when `{n}` is 1, which is all the grammar of number that English and German have. Fluent was the road not
//! taken: its grammar is worth its weight with a language that needs it.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use vestibule_core::{Registry, prompt::Text};

use super::{PagesError, locale::LOCALES};

/// The files of each language, in the order of [`LOCALES`].
const FILES: [&[&str]; 2] = [
    &[
        include_str!("messages/en.json"),
        include_str!("messages/account/en.json"),
        include_str!("messages/console/en.json"),
        include_str!("messages/chains/en.json"),
        include_str!("messages/said/en.json"),
        include_str!("messages/doctor/en.json"),
        include_str!("messages/own/en.json"),
        include_str!("messages/joining/en.json"),
        include_str!("messages/post/en.json"),
    ],
    &[
        include_str!("messages/de.json"),
        include_str!("messages/account/de.json"),
        include_str!("messages/console/de.json"),
        include_str!("messages/chains/de.json"),
        include_str!("messages/said/de.json"),
        include_str!("messages/doctor/de.json"),
        include_str!("messages/own/de.json"),
        include_str!("messages/joining/de.json"),
        include_str!("messages/post/de.json"),
    ],
];

/// All words in all languages.
pub(super) struct Catalogue(HashMap<&'static str, HashMap<String, String>>);

impl Catalogue {
    /// The built-in words, and the English ones that each authenticator brings.
    pub(super) fn new(registry: &Registry) -> Result<Self, PagesError> {
        let mut all = HashMap::new();
        for (locale, files) in LOCALES.iter().zip(FILES) {
            all.insert(*locale, parse(locale, files)?);
        }
        let english = all.entry("en").or_default();
        for (key, message) in registry.iter().flat_map(|authenticator| authenticator.descriptor().messages) {
            english.entry((*key).to_owned()).or_insert_with(|| (*message).to_owned());
        }
        Ok(Self(all))
    }

    /// A catalogue of these messages alone.
    #[cfg(test)]
    pub(super) fn of(locale: &'static str, messages: HashMap<String, String>) -> Self {
        Self(HashMap::from([(locale, messages)]))
    }

    /// All keys of a language.
    #[cfg(test)]
    pub(super) fn keys(&self, locale: &str) -> std::collections::BTreeSet<String> {
        self.0.get(locale).into_iter().flat_map(HashMap::keys).cloned().collect()
    }

    /// The message for `key` in `locale`, else in English; `n` decides between one and many.
    pub(super) fn find(&self, locale: &str, key: &str, n: Option<u64>) -> Option<&str> {
        let find = |locale: &str| {
            let messages = self.0.get(locale)?;
            let one = (n == Some(1)).then(|| messages.get(&format!("{key}.one"))).flatten();
            one.or_else(|| messages.get(key)).map(String::as_str)
        };
        find(locale).or_else(|| find("en"))
    }
}

/// A text of the server's own in English, for what is no page: a terminal, or an answer to a program.
pub fn english(text: &Text) -> String {
    static CATALOGUE: OnceLock<Option<Catalogue>> = OnceLock::new();
    // The built-in files are read by every test, so that they can be read.
    let catalogue = CATALOGUE.get_or_init(|| Catalogue::new(&Registry::default()).ok()).as_ref();
    filled(catalogue, "en", text)
}

/// The words of the pages for what is no page: a message to somebody.
#[derive(Clone)]
pub struct Words(pub(super) Arc<Catalogue>);

impl Words {
    /// A text in the language of that person.
    pub fn say(&self, locale: &str, text: &Text) -> String {
        filled(Some(&self.0), locale, text)
    }
}

fn filled(catalogue: Option<&Catalogue>, locale: &str, text: &Text) -> String {
    let Some(message) = catalogue.and_then(|catalogue| catalogue.find(locale, &text.key, None)) else {
        return format!("[{}]", text.key);
    };
    let filled = |piece: &Piece<'_>| match piece {
        Piece::Words(words) => (*words).to_owned(),
        Piece::Slot(name) => text.args.get(*name).cloned().unwrap_or_else(|| format!("{{{name}}}")),
    };
    pieces(message).iter().map(filled).collect()
}

fn parse(locale: &'static str, files: &[&str]) -> Result<HashMap<String, String>, PagesError> {
    let mut all = HashMap::new();
    for text in files {
        let words: HashMap<String, String> =
            serde_json::from_str(text).map_err(|source| PagesError::Messages { locale, source })?;
        all.extend(words);
    }
    Ok(all)
}

/// A piece of a message.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Words.
    Words(&'a str),
    /// The name of what is filled in.
    Slot(&'a str),
}

impl<'a> Piece<'a> {
    /// Its words; nothing, where something is filled in.
    pub(super) fn words(&self) -> &'a str {
        match self {
            Self::Words(words) => words,
            Self::Slot(_) => "",
        }
    }
}

/// The pieces of a message. A brace without its twin is a word like any other.
pub(super) fn pieces(message: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = message;
    while let Some((before, name, after)) = next_slot(rest) {
        found.push(Piece::Words(before));
        found.push(Piece::Slot(name));
        rest = after;
    }
    found.push(Piece::Words(rest));
    found.retain(|piece| *piece != Piece::Words(""));
    found
}

fn next_slot(text: &str) -> Option<(&str, &str, &str)> {
    let (before, tail) = text.split_once('{')?;
    let (name, after) = tail.split_once('}')?;
    Some((before, name, after))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn slots(message: &str) -> BTreeSet<&str> {
        pieces(message).into_iter().filter_map(|p| if let Piece::Slot(name) = p { Some(name) } else { None }).collect()
    }

    #[test]
    fn a_message_falls_into_pieces() {
        use Piece::{Slot, Words};
        assert_eq!(pieces("Hi {name}, {n}"), [Words("Hi "), Slot("name"), Words(", "), Slot("n")]);
        assert_eq!(pieces("a { b"), [Words("a { b")]);
    }

    #[test]
    fn every_language_says_everything_and_fills_in_the_same() {
        let [en, de] = [("en", FILES[0]), ("de", FILES[1])].map(|(locale, files)| parse(locale, files).unwrap());
        for (key, message) in &en {
            let german = de.get(key).unwrap_or_else(|| panic!("de has no {key}"));
            assert_eq!(slots(message), slots(german), "{key}");
        }
    }

    #[test]
    fn one_is_not_many() {
        let catalogue = Catalogue::new(&Registry::default()).unwrap();
        assert_ne!(catalogue.find("en", "notice.code", Some(1)), catalogue.find("en", "notice.code", Some(2)));
        assert_ne!(catalogue.find("de", "notice.code", Some(1)), catalogue.find("de", "notice.code", Some(2)));
    }
}
