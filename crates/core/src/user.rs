//! Users, the names they sign in with, and their credentials.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::{
    id::{AuthenticatorName, CredentialId, UserId},
    time::Time,
};

/// A person (or a test of one) who can sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Never reused; its text is the `sub` claim.
    pub id: UserId,
    /// The name to sign in with, in canonical form.
    pub username: LoginName,
    /// The name to show, the `name` claim.
    pub display_name: Option<String>,
    /// The `email` claim; also a name to sign in with.
    pub email: Option<String>,
    /// Whether somebody proved that the mailbox is theirs.
    pub email_verified: bool,
    /// E.164, the `phone_number` claim.
    pub phone_number: Option<String>,
    /// Whether the number may receive codes: an admin vouched for it, or its owner proved it.
    pub phone_number_verified: bool,
    /// When another number came in the place of one that they had; `None` as long as they keep the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number_changed_at: Option<Time>,
    /// BCP 47 language tag, the `locale` claim.
    pub locale: Option<String>,
    /// By which authenticators they would rather sign in, the best liked first: where a step leaves a choice, the first of these
    /// that it offers is opened. It adds none to what a step offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preferred: Vec<AuthenticatorName>,
    /// Groups, for conditions and the `groups` claim.
    pub groups: Vec<String>,
    /// Roles, for conditions and the `roles` claim.
    pub roles: Vec<String>,
    /// A disabled user gets nothing on any path.
    pub disabled: bool,
    /// When the user was made.
    pub created_at: Time,
    /// When any of this last changed, the `updated_at` claim.
    pub updated_at: Time,
}

impl User {
    /// A user of whom nothing but the name is known.
    pub fn new(id: UserId, username: LoginName, now: Time) -> Self {
        Self {
            id,
            username,
            display_name: None,
            email: None,
            email_verified: false,
            phone_number: None,
            phone_number_verified: false,
            phone_number_changed_at: None,
            locale: None,
            preferred: Vec::new(),
            groups: Vec::new(),
            roles: Vec::new(),
            disabled: false,
            created_at: now,
            updated_at: now,
        }
    }
}

impl User {
    /// When the number was changed last, should it become `number` now. The first one changes nothing; one that was taken away is
    /// remembered by this, so that nobody has a first one twice.
    pub fn number_changed_at(&self, number: Option<&str>, now: Time) -> Option<Time> {
        let had_one = self.phone_number.is_some() || self.phone_number_changed_at.is_some();
        let other = number != self.phone_number.as_deref();
        if had_one && other { Some(now) } else { self.phone_number_changed_at }
    }
}

/// A name that somebody signs in with, in canonical form: trimmed, NFKC, lower case. `Alice`, `ALICE ` and the full-width
/// twin are one name, so they share one budget.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LoginName(String);

impl LoginName {
    /// The longest name that is looked at, in bytes after normalisation.
    pub const MAX_LENGTH: usize = 255;

    /// The canonical form of what was typed; `None` when nothing is left, or it is too long, or holds control characters.
    pub fn parse(typed: &str) -> Option<Self> {
        if typed.len() > 4 * Self::MAX_LENGTH {
            return None;
        }
        let name: String = typed.nfkc().flat_map(char::to_lowercase).nfkc().collect();
        let name = name.trim();
        let fits = !name.is_empty() && name.len() <= Self::MAX_LENGTH && !name.chars().any(char::is_control);
        fits.then(|| Self(name.to_owned()))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<UserId> for LoginName {
    /// What stands for the name of somebody of whom only an id was said.
    fn from(id: UserId) -> Self {
        Self(id.to_string())
    }
}

impl std::fmt::Display for LoginName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a user has for one authenticator: a password hash, a TOTP seed, a passkey.
#[derive(Clone, Debug)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// Whose it is.
    pub user: UserId,
    /// Which authenticator reads it.
    pub authenticator: AuthenticatorName,
    /// The name its owner gave it, such as "Pixel 9".
    pub label: Option<String>,
    /// What the authenticator keeps; sealed in the database.
    pub secret: SecretString,
    /// Raised by every change; a change names the version that it read.
    pub version: i64,
    /// When it was made.
    pub created_at: Time,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_one_name() {
        let alice = LoginName::parse("alice").unwrap();
        for twin in ["Alice", "ALICE", " alice ", "ａｌｉｃｅ", "alice\u{3000}"] {
            assert_eq!(LoginName::parse(twin), Some(alice.clone()), "{twin:?}");
        }
    }

    #[test]
    fn a_number_is_the_first_only_once() {
        use crate::random::SystemRandom;
        let (one, other, at) = (Some("+12025550142"), Some("+12025550143"), Time::from_unix_seconds);
        let mut user =
            User::new(UserId::new(at(0), &SystemRandom::default()), LoginName::parse("alice").unwrap(), at(0));
        let mut becomes = |number: Option<&str>, now| {
            user.phone_number_changed_at = user.number_changed_at(number, at(now));
            user.phone_number = number.map(str::to_owned);
            user.phone_number_changed_at
        };
        assert_eq!(becomes(one, 1), None);
        assert_eq!(becomes(one, 2), None);
        assert_eq!(becomes(other, 3), Some(at(3)));
        assert_eq!(becomes(other, 4), Some(at(3)));
        assert_eq!(becomes(None, 5), Some(at(5)));
        assert_eq!(becomes(one, 6), Some(at(6)), "the old one too, once it was gone");
    }

    #[test]
    fn a_name_of_nothing_is_no_name() {
        for bad in ["", "   ", "a\0b", "a\nb", &"x".repeat(256)] {
            assert_eq!(LoginName::parse(bad), None, "{bad:?}");
        }
    }
}
