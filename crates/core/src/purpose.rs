//! What a code confirms, in the words that its reader sees.
//!
//! What is confirmed must be what is seen: the text stands in the message as it was given, on one line, and nothing in it can look
//! like something else. So there is no character in it that is not seen or that moves others about, and no brace, which could
//! become a placeholder for the code.

use serde::{Deserialize, Serialize};

/// What a code confirms: a short text on one line, such as `Transfer of 120 EUR to X`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Purpose(String);

/// Why a text is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurposeError {
    /// Nothing is said.
    #[error("say what is confirmed")]
    Empty,
    /// It would not fit into a message.
    #[error("it has more than {} characters", Purpose::LONGEST)]
    TooLong,
    /// It has a line break, another character that is not seen, or one that changes how others are seen.
    #[error("it holds a line break or another character that is not seen")]
    Hidden,
    /// It has a brace.
    #[error("it holds a brace, which could be taken for a placeholder")]
    Brace,
}

impl Purpose {
    /// The most characters that it has: with the words around it a message of two parts.
    pub const LONGEST: usize = 140;

    /// Reads a text. Nothing of it is changed but space around it.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(text: &str) -> Result<Self, PurposeError> {
        let text = text.trim_matches(' ');
        match () {
            () if text.chars().all(char::is_whitespace) => Err(PurposeError::Empty),
            () if text.chars().count() > Self::LONGEST => Err(PurposeError::TooLong),
            () if text.chars().any(hidden) => Err(PurposeError::Hidden),
            () if text.contains(['{', '}']) => Err(PurposeError::Brace),
            () => Ok(Self(text.to_owned())),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// It may name whom somebody pays.
impl std::fmt::Debug for Purpose {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Purpose(…)")
    }
}

/// Whether a character is not seen, or changes how others are seen (Unicode's controls, format characters, line ends, and the
/// spaces that are none).
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{2800}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_is_one_line_that_is_seen_as_it_is() {
        for good in
            ["Transfer of 120 EUR to X", " Überweisung: 1.200,00 € an Łukasz ", "振込 10,000円", &"x".repeat(140)]
        {
            assert_eq!(Purpose::parse(good).unwrap().as_str(), good.trim(), "{good}");
        }
    }

    #[test]
    fn a_081_what_could_look_like_something_else_is_none() {
        for (bad, why) in [
            ("", PurposeError::Empty),
            ("   ", PurposeError::Empty),
            ("\u{a0}\u{3000}", PurposeError::Empty),
            ("\u{2800}\u{2800}", PurposeError::Hidden),
            (&*"x".repeat(141), PurposeError::TooLong),
            ("120 EUR\nto X", PurposeError::Hidden),
            ("120 EUR\r\n@evil.example #123456", PurposeError::Hidden),
            ("120 EUR\u{2028}to X", PurposeError::Hidden),
            ("120 EUR \u{202e}X ot", PurposeError::Hidden),
            ("12\u{200b}0 EUR", PurposeError::Hidden),
            ("120 EUR\0", PurposeError::Hidden),
            ("{{code}}", PurposeError::Brace),
            ("120 EUR}", PurposeError::Brace),
        ] {
            assert_eq!(Purpose::parse(bad), Err(why), "{bad:?}");
        }
        assert!(!format!("{:?}", Purpose::parse("to X").unwrap()).contains('X'));
    }
}
