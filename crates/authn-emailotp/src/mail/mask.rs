//! Masking: what a mail server said, with everything taken out that must stand in no log.

const DOTS: &str = "•••";
/// As long as an explanation is useful.
const EXCERPT_CHARACTERS: usize = 160;

/// Texts that must not be seen.
#[derive(Clone, Default)]
pub(super) struct Mask(Vec<String>);

impl Mask {
    /// Hides these too.
    pub(super) fn hide<'a>(mut self, secrets: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.extend(secrets.into_iter().filter(|secret| !secret.trim().is_empty()).map(str::to_owned));
        // The longest first: a part of one may be another.
        self.0.sort_by_key(|text| std::cmp::Reverse(text.len()));
        self
    }

    /// Takes out what must not be seen, and every address.
    pub(super) fn apply(&self, text: &str) -> String {
        let masked = self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), DOTS));
        let word = |word: &str| {
            let (found, rest) = word.split_at(word.trim_end().len());
            if found.contains('@') { format!("{DOTS}{rest}") } else { word.to_owned() }
        };
        masked.split_inclusive(char::is_whitespace).map(word).collect()
    }

    /// A short excerpt of what was said, in one line.
    pub(super) fn excerpt(&self, said: &str) -> String {
        let line: String = self.apply(said).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(EXCERPT_CHARACTERS).and_then(|(end, _)| line.get(..end)) {
            Some(start) => format!("{start}…"),
            None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_138_secrets_and_addresses_are_taken_out_and_it_is_one_short_line() {
        let mask = Mask::default().hide(["hunter2", "hunter", ""]);
        let said = "550 5.1.1 <alice@example.com>:\r\nRecipient unknown, hunter2 \u{1b}[31m";
        assert_eq!(mask.excerpt(said), "550 5.1.1 ••• Recipient unknown, ••• [31m");
        assert_eq!(mask.excerpt(&"x".repeat(500)).chars().count(), EXCERPT_CHARACTERS + 1);
    }
}
