//! Masking: what a gateway said, with everything taken out that must stand in no log.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::template::Place;

const DOTS: &str = "•••";
/// As long as an explanation is useful.
const EXCERPT_CHARACTERS: usize = 160;
/// From so many digits on a number may be a telephone number.
const NUMBER_DIGITS: usize = 7;

/// Texts that must not be seen.
#[derive(Clone, Default)]
pub(super) struct Mask(Vec<String>);

impl Mask {
    /// Hides these too, in every form in which a gateway may say them back.
    pub(super) fn hide<'a>(mut self, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        for secret in secrets.into_iter().filter(|secret| !secret.is_empty()) {
            let url = Place::Url.escape(secret).unwrap_or_default();
            let others = [Place::Form, Place::Json, Place::Xml].map(|place| place.escape(secret).unwrap_or_default());
            self.0.extend([secret.to_owned(), STANDARD.encode(secret), url.to_lowercase(), url]);
            self.0.extend(others);
        }
        // The longest first: a part of one may be another.
        self.0.sort_by_key(|text| std::cmp::Reverse(text.len()));
        self.0.dedup();
        self
    }

    /// Takes out what must not be seen, and nothing else.
    pub(super) fn apply(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), DOTS))
    }

    /// A short excerpt of what a gateway said: one line, without secrets, and without anything that may be a number.
    pub(super) fn excerpt(&self, said: &str) -> String {
        let masked = without_numbers(&self.apply(said));
        let line = masked.chars().map(|c| if c.is_control() { ' ' } else { c });
        let line: String = line.collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(EXCERPT_CHARACTERS).and_then(|(end, _)| line.get(..end)) {
            Some(start) => format!("{start}…"),
            None => line,
        }
    }
}

/// Replaces each run of digits, with what people write between them, that is long enough for a telephone number.
fn without_numbers(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    for c in text.chars().chain(['\0']) {
        let between = matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '+');
        if c.is_numeric() || (between && !run.is_empty()) || c == '+' {
            run.push(c);
            continue;
        }
        if run.chars().filter(|c| c.is_numeric()).count() >= NUMBER_DIGITS {
            let kept: String = run.chars().rev().take_while(|c| !c.is_numeric()).collect();
            out.push_str(DOTS);
            out.extend(kept.chars().rev());
        } else {
            out.push_str(&run);
        }
        run.clear();
        out.push(c);
    }
    out.pop();
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_hidden_in_every_form() {
        let mask = Mask::default().hide(["s3cr&t \"x", "s3cr"]);
        for said in [
            "the key s3cr&t \"x is wrong",
            "key=s3cr%26t%20%22x",
            "key=s3cr%26t+%22x",
            r#"{"key":"s3cr&t \"x"}"#,
            "<k>s3cr&amp;t &quot;x</k>",
            "Basic czNjciZ0ICJ4",
            "s3cr",
        ] {
            let masked = mask.excerpt(said);
            assert!(masked.contains(DOTS) && !masked.contains("s3cr") && !masked.contains("czNj"), "{said}: {masked}");
        }
    }

    #[test]
    fn numbers_are_hidden_however_they_are_written() {
        let mask = Mask::default();
        for number in ["+12025550142", "12025550142", "(202) 555-0142", "202.555.0142", "+1 202 555 0142"] {
            let masked = mask.excerpt(&format!("to {number}, sorry"));
            assert!(masked.ends_with(&format!("{DOTS}, sorry")) && !masked.contains(char::is_numeric), "{masked}");
        }
        assert_eq!(mask.excerpt("error 29 in part 1 of 2"), "error 29 in part 1 of 2");
    }

    #[test]
    fn a_138_an_excerpt_is_one_short_line() {
        let excerpt = Mask::default().excerpt(&format!("a\r\nlevel=error \u{1b}[31m{}", "x".repeat(500)));
        assert!(excerpt.starts_with("a level=error [31mx") && excerpt.chars().count() == EXCERPT_CHARACTERS + 1);
    }
}
