//! What is asked of a new password: length, and nothing about its characters (NIST SP 800-63B-4, section 3.1.1.2).

use secrecy::{ExposeSecret as _, SecretString};

use crate::MAX_BYTES;

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// It is short enough to be found by trying.
    #[error("a password has at least {} characters", Length::MINIMUM)]
    TooShort,
    /// It is longer than is looked at when somebody signs in with it.
    #[error("a password has at most {MAX_BYTES} bytes")]
    TooLong,
}

/// What the length of an accepted password is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Long enough to be the only factor.
    Alone,
    /// Long enough beside a second factor; where it is the only one, NIST asks for 15 characters. Worth a warning, not a
    /// refusal: whether there is a second factor is decided by chains, not here.
    BesideAnother,
}

impl Length {
    /// The fewest characters of a password that is used together with another factor.
    pub const MINIMUM: usize = 8;
    /// The fewest characters of a password that stands alone.
    pub const MINIMUM_ALONE: usize = 15;
}

/// Checks a new password. A character is a Unicode code point, as NIST counts.
///
/// # Errors
/// When it is too short or too long.
pub fn check_new(password: &SecretString) -> Result<Length, PasswordRefused> {
    let password = password.expose_secret();
    if password.len() > MAX_BYTES {
        return Err(PasswordRefused::TooLong);
    }
    match password.chars().count() {
        0..Length::MINIMUM => Err(PasswordRefused::TooShort),
        Length::MINIMUM..Length::MINIMUM_ALONE => Ok(Length::BesideAnother),
        _ => Ok(Length::Alone),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_alone_decides() {
        let check = |text: &str| check_new(&SecretString::from(text));
        assert_eq!(check("1234567"), Err(PasswordRefused::TooShort));
        assert_eq!(check("🔑🔑🔑🔑🔑🔑🔑"), Err(PasswordRefused::TooShort));
        assert_eq!(check("12345678"), Ok(Length::BesideAnother));
        assert_eq!(check("🔑🔑🔑🔑🔑🔑🔑🔑"), Ok(Length::BesideAnother));
        assert_eq!(check("all lower case."), Ok(Length::Alone));
        assert_eq!(check(&"x".repeat(MAX_BYTES)), Ok(Length::Alone));
        assert_eq!(check(&"x".repeat(MAX_BYTES + 1)), Err(PasswordRefused::TooLong));
    }
}
