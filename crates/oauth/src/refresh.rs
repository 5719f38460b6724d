//! The text of refresh tokens: `vsr_<grant>.<generation>.<keyed hash of both>`.
//!
//! A token is derived from its grant and its place in the family, so nothing of it is stored, and a successor whose answer
//! was lost can be given again as it was. The hash is checked before anything is looked up.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use vestibule_core::crypto::{Prf, same_secret};

use crate::model::GrantId;

/// What a refresh token says, after its keyed hash was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its family.
    pub grant: GrantId,
    /// Its place in it, counted from 1.
    pub generation: i64,
}

impl RefreshToken {
    /// What every refresh token begins with.
    pub const PREFIX: &str = "vsr_";

    /// The token.
    pub fn to_text(self, prf: &Prf) -> String {
        let id = URL_SAFE_NO_PAD.encode(self.grant.0.as_bytes());
        let parts: [&[u8]; 2] = [self.grant.0.as_bytes(), &self.generation.to_be_bytes()];
        format!("{}{id}.{}.{}", Self::PREFIX, self.generation, prf.text("refresh token", &parts))
    }

    /// Reads a token; `None` when we did not make it.
    pub fn from_text(text: &str, prf: &Prf) -> Option<Self> {
        let mut parts = text.strip_prefix(Self::PREFIX)?.splitn(3, '.');
        let id: [u8; 16] = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?.try_into().ok()?;
        let grant = GrantId(uuid::Uuid::from_bytes(id));
        let token = Self { grant, generation: parts.next()?.parse().ok()? };
        same_secret(token.to_text(prf).as_bytes(), text.as_bytes()).then_some(token)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vestibule_core::{crypto::MasterKey, random::SystemRandom};

    use super::*;

    fn prf() -> Prf {
        MasterKey::generate(&SystemRandom::default()).prf()
    }

    #[test]
    fn only_our_own_token_is_read() {
        let (prf, other) = (prf(), prf());
        let token = RefreshToken { grant: GrantId(uuid::Uuid::from_u128(7)), generation: 3 };
        let text = token.to_text(&prf);
        assert_eq!(RefreshToken::from_text(&text, &prf), Some(token));
        assert_eq!(RefreshToken::from_text(&text, &other), None);
        for off in [
            text.replacen(".3.", ".4.", 1),
            text.replacen(".3.", ".03.", 1),
            text.replacen(".3.", ".+3.", 1),
            text.replacen("vsr_", "vsc_", 1),
            format!("{text}."),
            text[..text.len() - 1].to_owned(),
        ] {
            assert_eq!(RefreshToken::from_text(&off, &prf), None, "{off}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_the_reader_panic(text in "(vsr_)?[A-Za-z0-9_.-]{0,80}") {
            prop_assert_eq!(RefreshToken::from_text(&text, &prf()), None);
        }
    }
}
