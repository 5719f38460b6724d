//! One-time codes: derived, not stored.
//!
//! A code is a keyed pseudo-random function of the interaction, the step, where it is sent, and an issue number. So a
//! resend inside its life repeats the same code, and neither the database nor a log ever holds one.

pub mod message;
pub mod settings;
pub mod texts;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::{
    chain::Seconds,
    crypto::{Prf, same_secret},
    id::InteractionId,
    time::Time,
};

/// The shape of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeSpec {
    /// How many characters, 4 to 10.
    pub length: u8,
    /// Which characters.
    pub alphabet: Alphabet,
    /// How long it may be used.
    pub life: Seconds,
    /// After how many wrong tries it is dead.
    pub tries: u32,
}

/// The characters of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alphabet {
    /// 0 to 9.
    Numeric,
    /// Digits and capital letters without those that look alike (0 O, 1 I L, 2 Z, 5 S, 8 B, U V).
    Alphanumeric,
}

impl Alphabet {
    const fn characters(self) -> &'static [u8] {
        match self {
            Self::Numeric => b"0123456789",
            Self::Alphanumeric => b"34679ACDEFGHJKMNPQRTWXY",
        }
    }
}

/// A code that was issued, without the code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedCode {
    /// Its shape.
    pub spec: CodeSpec,
    /// Where it was sent: part of what it is derived from, so that a code sent to one number is worth nothing for another.
    pub destination: String,
    /// Which code of the interaction it is; a new code has a new number.
    pub issue: u32,
    /// Until when it may be used.
    pub expires_at: Time,
}

impl IssuedCode {
    /// The code itself.
    pub fn reveal(&self, prf: &Prf, interaction: InteractionId, step: usize) -> SecretString {
        let step = u64::try_from(step).unwrap_or(u64::MAX).to_be_bytes();
        let parts: [&[u8]; 4] =
            [interaction.0.as_bytes(), &step, self.destination.as_bytes(), &self.issue.to_be_bytes()];
        let alphabet = self.spec.alphabet.characters();
        let base = alphabet.len() as u128;
        // 128 bits hold ten characters with a bias far below anything that could be measured.
        let mut number = prf
            .bytes("one-time code", &parts)
            .iter()
            .take(16)
            .fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        let mut code = String::with_capacity(self.spec.length.into());
        for _ in 0..self.spec.length {
            let index = usize::try_from(number % base).unwrap_or(0);
            code.extend(alphabet.get(index).map(|byte| char::from(*byte)));
            number /= base;
        }
        code.into()
    }

    /// Whether what was typed is the code, compared in constant time.
    pub fn matches(&self, typed: &str, prf: &Prf, interaction: InteractionId, step: usize) -> bool {
        use secrecy::ExposeSecret as _;
        let typed = canonical(typed);
        same_secret(typed.as_bytes(), self.reveal(prf, interaction, step).expose_secret().as_bytes())
    }
}

/// What was typed as a code, in one spelling. Spaces and dashes do not count, since people paste `123 456`; neither does the width
/// or the case of a letter or digit.
pub fn canonical(typed: &str) -> String {
    typed
        .nfkc()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'))
        .take(32)
        .flat_map(char::to_uppercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::{
        crypto::MasterKey,
        random::{RandomExt, SystemRandom},
    };

    fn issued(alphabet: Alphabet, length: u8, issue: u32, destination: &str) -> IssuedCode {
        let spec = CodeSpec { length, alphabet, life: Seconds(300), tries: 5 };
        IssuedCode { spec, destination: destination.into(), issue, expires_at: Time(0) }
    }

    #[test]
    fn a_code_repeats_for_the_same_run_and_differs_for_any_other() {
        let random = SystemRandom::default();
        let prf = MasterKey::generate(&random).prf();
        let id = InteractionId(random.uuid(Time(0)));
        let code = |issue, to: &str, id, step| {
            issued(Alphabet::Alphanumeric, 10, issue, to).reveal(&prf, id, step).expose_secret().to_owned()
        };
        let first = code(1, "+15550100", id, 1);
        assert_eq!(first, code(1, "+15550100", id, 1));
        assert_ne!(first, code(2, "+15550100", id, 1));
        assert_ne!(first, code(1, "+15550101", id, 1));
        assert_ne!(first, code(1, "+15550100", id, 2));
        assert_ne!(first, code(1, "+15550100", InteractionId(random.uuid(Time(0))), 1));
    }

    #[test]
    fn a_076_an_odd_code_is_normalised_or_rejected() {
        let random = SystemRandom::default();
        let prf = MasterKey::generate(&random).prf();
        let id = InteractionId(random.uuid(Time(0)));
        let code = issued(Alphabet::Numeric, 6, 1, "+15550100");
        let right = code.reveal(&prf, id, 1).expose_secret().to_owned();
        assert!(right.len() == 6 && right.bytes().all(|b| b.is_ascii_digit()));
        let spaced = format!(" {} {}-{} ", &right[..2], &right[2..4], &right[4..]);
        let full_width: String =
            right.chars().filter_map(|c| char::from_u32(c as u32 - '0' as u32 + '０' as u32)).collect();
        for good in [&right, &spaced, &full_width] {
            assert!(code.matches(good, &prf, id, 1), "{good:?}");
        }
        for bad in ["", "null", "[]", &right[..5], &format!("{right}0"), &format!("{full_width}０")] {
            assert!(!code.matches(bad, &prf, id, 1), "{bad:?}");
        }
    }
}
