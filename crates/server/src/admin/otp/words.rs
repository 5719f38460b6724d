//! The words of a message that confirms a transaction. What is confirmed comes first, since it is what its reader agrees to.

use vestibule_core::engine::Words;

const ENGLISH: (&str, &str) = (
    "To confirm at {{client}}",
    "{{purpose}}\nTo confirm this at {{client}}: {{code}}. Good for {{minutes}} min. Tell it to nobody. If it was not you, do nothing.",
);
const GERMAN: (&str, &str) = (
    "Zum Bestätigen bei {{client}}",
    "{{purpose}}\nZum Bestätigen bei {{client}}: {{code}}. Gilt {{minutes}} min. Sagen Sie ihn niemandem. Waren Sie es nicht, tun Sie nichts.",
);

/// The words for somebody with this language (BCP 47).
pub(super) fn words(locale: Option<&str>) -> Words {
    let language = locale.and_then(|tag| tag.split(['-', '_']).next()).unwrap_or_default();
    let (subject, template) = if language.eq_ignore_ascii_case("de") { GERMAN } else { ENGLISH };
    Words { subject: subject.to_owned(), template: template.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_says_what_is_confirmed_first_and_leads_nowhere() {
        for (tag, said) in
            [(Some("de-AT"), "niemandem"), (Some("DE"), "niemandem"), (Some("den"), "nobody"), (None, "nobody")]
        {
            let words = words(tag);
            assert!(words.template.starts_with("{{purpose}}\n") && words.template.contains(said), "{tag:?}");
            assert!(words.template.contains("{{code}}") && words.template.contains("{{client}}"));
            assert!(!words.template.contains("{{link}}") && !words.template.contains("@{{host}}"), "{tag:?}");
            assert!(!words.subject.contains("{{code}}") && !words.subject.contains("{{purpose}}"));
        }
    }
}
