//! E-mail addresses: what can be written to without a way to say anything else to a mail server.

use std::str::FromStr as _;

use lettre::Address;

/// The longest address that a mail server must take (RFC 5321, section 4.5.3.1.3, without the brackets).
const LONGEST: usize = 254;
const DOTS: &str = "•••";

/// An address that mail can be sent to.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(Address);

/// Why something is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing is there.
    #[error("there is no address")]
    Empty,
    /// It is longer than an address can be.
    #[error("an address has at most 254 characters")]
    TooLong,
    /// A line break, or what else could be read as something besides an address.
    #[error("it holds a control character")]
    Control,
    /// It does not have the form of one.
    #[error("this is no e-mail address")]
    Malformed,
}

/// Reads an address.
///
/// # Errors
/// Why it is none.
pub fn parse_address(text: &str) -> Result<EmailAddress, AddressError> {
    // Spaces at the ends alone: a line break is not taken off but refused, whoever wrote it.
    let text = text.trim_matches(' ');
    match () {
        () if text.is_empty() => Err(AddressError::Empty),
        () if text.len() > LONGEST => Err(AddressError::TooLong),
        () if text.chars().any(char::is_control) => Err(AddressError::Control),
        () if text.contains(['<', '>', '"', ' ', ',', ';']) => Err(AddressError::Malformed),
        () => Address::from_str(text).map(EmailAddress).map_err(|_| AddressError::Malformed),
    }
}

impl EmailAddress {
    /// The address.
    pub fn as_str(&self) -> &str {
        self.0.as_ref()
    }

    /// How it is shown: whoever knows it recognises it, and nobody else could write to it.
    pub fn masked(&self) -> String {
        let first: String = self.0.user().chars().take(1).collect();
        format!("{first}{DOTS}@{}", self.0.domain())
    }

    pub(crate) fn domain(&self) -> &str {
        self.0.domain()
    }

    pub(crate) fn to_lettre(&self) -> Address {
        self.0.clone()
    }
}

impl std::fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_as_it_is_and_shown_masked() {
        for (address, masked) in [
            ("alice@example.com", "a•••@example.com"),
            ("Alice.O'Neil+books@mail.example.co.uk", "A•••@mail.example.co.uk"),
            (" a@example.com ", "a•••@example.com"),
            ("ülker@bücher.example", "ü•••@bücher.example"),
        ] {
            let parsed = parse_address(address).unwrap();
            assert_eq!((parsed.as_str(), parsed.masked().as_str()), (address.trim(), masked));
            assert_eq!(format!("{parsed:?}"), masked, "it is not printed either");
        }
    }

    #[test]
    fn a_118_what_could_say_more_than_an_address_is_refused() {
        for bad in [
            "alice@example.com\r\nBcc: all@example.com",
            "alice@example.com\n",
            "\ralice@example.com",
            "alice@exam\0ple.com",
            "alice@example.com> SIZE=1 <x@example.com",
            "Alice <alice@example.com>",
            "\"a\r\nRCPT TO:<x@example.com>\"@example.com",
            "a@example.com,b@example.com",
            "alice",
            "@example.com",
            "alice@",
            "alice@@example.com",
            "alice@exa mple.com",
        ] {
            assert!(parse_address(bad).is_err(), "{bad:?}");
        }
        assert_eq!(parse_address("  "), Err(AddressError::Empty));
        assert_eq!(parse_address(&format!("{}@example.com", "a".repeat(250))), Err(AddressError::TooLong));
    }
}
