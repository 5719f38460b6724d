//! What the service says in English, in the words of the catalogue.
//!
//! A refusal is told once, by whoever refuses, in English: that is what the API, the log and a terminal show, beside a code that
//! stays. The sentences that people meet in the console stand in the catalogue under `said.`, with the same places to fill in;
//! here a sentence is found there again, so that the page says it in the reader's language. One that is not there, such as a
//! plug-in's, is shown as it is. A key in each refusal was the road not taken: every sentence would have two homes.

use std::{collections::HashMap, sync::LazyLock};

use vestibule_core::{Registry, authenticator::label, prompt::Text};

use super::{
    console::Say,
    messages::{Piece, pieces},
};

const ENGLISH: &str = include_str!("messages/said/en.json");

/// The sentences, the more wordy first: of two that fit, the one with less to fill in says more.
static SENTENCES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let sentences: HashMap<String, String> = serde_json::from_str(ENGLISH).unwrap_or_default();
    let mut sentences: Vec<_> = sentences.into_iter().collect();
    let words = |sentence: &str| -> usize { pieces(sentence).iter().map(Piece::words).map(str::len).sum() };
    sentences.sort_by_key(|(_, sentence)| std::cmp::Reverse(words(sentence)));
    sentences
});

/// A sentence of the service, for a page.
pub fn said(english: &str) -> Say {
    found(english).map_or_else(|| english.into(), Say::Text)
}

/// The same of one that is made of several, as a denial is that says what each alternative lacks: `what: this; that`.
pub fn told(english: &str, registry: &Registry) -> Vec<Say> {
    if let Some(text) = found(english) {
        return vec![text.into()];
    }
    if let Some((head, rest)) = english.split_once("; ") {
        return [told(head, registry), told(rest, registry)].concat();
    }
    if let Some((head, rest)) = english.split_once(": ") {
        return [told(head, registry), told(rest, registry)].concat();
    }
    let name = registry.iter().map(|known| &known.descriptor().name).find(|name| name.as_str() == english);
    vec![name.map_or_else(|| english.into(), |name| label(name).into())]
}

fn found(english: &str) -> Option<Text> {
    SENTENCES.iter().find_map(|(key, sentence)| {
        let filled = fits(&pieces(sentence), english)?;
        Some(filled.into_iter().fold(Text::new(key), |text, (name, value)| text.with(name, value)))
    })
}

/// What stands at each place to fill in, if the sentence is this one.
fn fits<'a>(pieces: &[Piece<'a>], text: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    match pieces {
        [] => text.is_empty().then(Vec::new),
        [Piece::Words(words), rest @ ..] => fits(rest, text.strip_prefix(words)?),
        [Piece::Slot(name)] => (!text.is_empty()).then(|| vec![(*name, text)]),
        [Piece::Slot(name), rest @ ..] => {
            let Some(Piece::Words(next)) = rest.first() else { return None };
            // The first place that lets the rest fit as well.
            text.match_indices(next).filter(|(at, _)| *at > 0).find_map(|(at, _)| {
                let (value, after) = text.split_at_checked(at)?;
                let mut filled = fits(rest, after)?;
                filled.insert(0, (name, value));
                Some(filled)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn key(say: &Say) -> &str {
        match say {
            Say::Text(text) => &text.key,
            _ => "",
        }
    }

    #[test]
    fn a_sentence_is_found_with_what_was_filled_in() {
        assert_eq!(said("At most 20 steps."), Text::new("said.most_steps").with("n", "20").into());
        assert_eq!(said("At most 20."), Text::new("said.most").with("n", "20").into());
        let kind =
            Text::new("said.wrong_kind").with("connection", "is of kind").with("kind", "mail").with("wanted", "sms");
        assert_eq!(said("the connection is of kind is of kind mail, not sms"), kind.into());
        assert_eq!(said("a plug-in's own words"), Say::Plain("a plug-in's own words".to_owned()));
    }

    #[test]
    fn a_denial_is_told_part_by_part() {
        let registry = Registry::default();
        let denial = "alice: no alternative of step 2 is open to this user: totp: the user has none; card: lost";
        let parts = told(denial, &registry);
        let plain = |text: &str| Say::Plain(text.to_owned());
        let step = Text::new("said.no_alternative").with("step", "2").into();
        let none = Text::new("said.has_none").into();
        assert_eq!(parts, [plain("alice"), step, plain("totp"), none, plain("card"), plain("lost")]);
    }

    /// Every literal of what chains refuse is in the catalogue; a new one is reminded of here.
    #[test]
    fn what_chains_refuse_is_in_the_catalogue() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = sources(&root.join("admin/chains"));
        files.push(fs::read_to_string(root.join("console/chains/mod.rs")).unwrap());
        let mut checked = 0;
        for text in files {
            for call in ["FieldFault::new(", "AdminError::Refused("] {
                let calls = text.split(call).skip(1).filter_map(|rest| rest.split([';', '}']).next());
                for words in calls.flat_map(|call| call.split('"').skip(1).step_by(2)).filter(|words| words.len() > 12)
                {
                    assert!(!key(&said(words)).is_empty() || words.contains('{'), "{words}");
                    checked += 1;
                }
            }
        }
        assert!(checked > 6, "{checked}");
    }

    /// And nothing is in the catalogue that nobody says.
    #[test]
    fn every_sentence_is_said_somewhere() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let said: Vec<String> = fs::read_dir(crates)
            .unwrap()
            .flat_map(|entry| sources(&entry.unwrap().path().join("src")))
            .filter(|text| !text.contains("every_sentence_is_said_somewhere"))
            .collect();
        for (key, sentence) in &*SENTENCES {
            let words = pieces(sentence).iter().map(Piece::words).max_by_key(|words| words.len()).unwrap_or_default();
            let literal = words.trim().trim_matches(['`', '.']);
            assert!(said.iter().any(|text| text.contains(literal)), "{key}: {literal}");
        }
    }

    /// Every source file of a folder.
    fn sources(folder: &Path) -> Vec<String> {
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .flat_map(|path| match path.extension() {
                _ if path.is_dir() => sources(&path),
                Some(extension) if extension == "rs" => vec![fs::read_to_string(&path).unwrap()],
                _ => Vec::new(),
            })
            .collect()
    }
}
