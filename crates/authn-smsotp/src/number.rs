//! Telephone numbers: E.164, parsed with the metadata of libphonenumber.
//!
//! A number is accepted when it is *possible*: its country code exists and numbers of that country have its length. It need
//! not be *valid*, that is inside a range that the metadata knows: ranges are opened every month, metadata ages inside a
//! released binary, and refusing a person's real number locks them out, while a number that does not exist costs one message
//! that the gateway refuses. Numbers that cost whoever writes to them (premium rate, shared cost) are refused by their range.
//! So `+1 202 555 0142`, from the range set aside for fiction, is accepted as any number of Washington is. The short form
//! `+1 555 0100` to `0199`, which demonstrations use and no exchange can reach, is accepted by a rule of its own.

use phonenumber::{Metadata, country, metadata::DATABASE};

/// A telephone number as `+` and 5 to 15 digits (ITU-T E.164). Printing it for debugging masks it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct E164 {
    text: String,
    calling_code: u16,
}

/// Why a text is no number that messages go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NumberError {
    /// It cannot be read as a number.
    #[error("this is no telephone number")]
    NotANumber,
    /// It does not begin with `+` and a country code, and no country was given.
    #[error("a telephone number begins with + and the country code")]
    NoCountry,
    /// There is no country of that name.
    #[error("this is no country: two capital letters are wanted, such as DE")]
    UnknownCountry,
    /// No number of its country has its length.
    #[error("no telephone number of that country has this length")]
    WrongLength,
    /// Whoever writes to it pays for it.
    #[error("messages to a premium-rate or shared-cost number are not sent")]
    Costly,
}

impl E164 {
    /// The number: `+`, country code, national number.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it is shown: the country code and the last two digits. What is between is three dots, three dots, two dots,
    /// however long it is.
    pub fn masked(&self) -> String {
        let last: String = self.text.chars().skip(self.text.len().saturating_sub(2)).collect();
        format!("+{} ••• ••• ••{last}", self.calling_code)
    }
}

impl E164 {
    /// Whether somebody reads messages there: not at a number that is free to call, nor at a pager or a mailbox.
    pub(crate) fn takes_messages(&self) -> bool {
        let national: String =
            self.text.trim_start_matches('+').chars().skip(self.calling_code.to_string().len()).collect();
        let regions = DATABASE.by_code(&self.calling_code).unwrap_or_default();
        !regions.iter().any(|region| deaf(region, &national))
    }
}

impl std::fmt::Debug for E164 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked())
    }
}

/// Reads a number. Without a leading `+` it is read as somebody in `default_country` (such as `DE`) would dial it.
///
/// # Errors
/// When it is no number, or one that messages do not go to.
pub fn parse_number(text: &str, default_country: Option<&str>) -> Result<E164, NumberError> {
    let text = text.trim();
    // Vanity letters, extensions and RFC 3966 parameters are not for text messages, so the parser never sees them.
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}');
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let international = text.starts_with('+');
    if !text.chars().all(plain) || text.len() > 40 || digits.is_empty() || text.chars().skip(1).any(|c| c == '+') {
        return Err(NumberError::NotANumber);
    }
    if international && for_demonstrations(&digits) {
        return Ok(E164 { text: format!("+{digits}"), calling_code: 1 });
    }
    let country = match default_country {
        Some(name) => Some(name.parse::<country::Id>().map_err(|_| NumberError::UnknownCountry)?),
        None if international => None,
        None => return Err(NumberError::NoCountry),
    };
    let written = if international { format!("+{digits}") } else { digits };
    let number = phonenumber::parse(country, &written).map_err(|_| NumberError::NotANumber)?;
    let (calling_code, national) = (number.code().value(), number.national().to_string());
    let regions = DATABASE.by_code(&calling_code).ok_or(NumberError::UnknownCountry)?;
    if !regions.iter().any(|region| possible_length(region, national.len())) {
        return Err(NumberError::WrongLength);
    }
    if regions.iter().any(|region| costly(region, &national)) {
        return Err(NumberError::Costly);
    }
    Ok(E164 { text: format!("+{calling_code}{national}"), calling_code })
}

/// `1 555 0100` to `1 555 0199`: no area code, so it reaches nobody.
fn for_demonstrations(digits: &str) -> bool {
    digits.len() == 8 && digits.starts_with("155501")
}

fn possible_length(region: &Metadata, length: usize) -> bool {
    let descriptors = region.descriptors();
    let kinds = [descriptors.mobile(), descriptors.fixed_line(), descriptors.voip(), descriptors.personal_number()];
    let mut lengths = std::iter::once(descriptors.general())
        .chain(kinds.into_iter().flatten())
        .flat_map(|descriptor| descriptor.possible_length());
    lengths.any(|possible| usize::from(*possible) == length)
}

fn costly(region: &Metadata, national: &str) -> bool {
    let descriptors = region.descriptors();
    [descriptors.premium_rate(), descriptors.shared_cost()]
        .into_iter()
        .flatten()
        .any(|descriptor| descriptor.is_match(national))
}

/// A number of a kind that nobody reads messages at.
fn deaf(region: &Metadata, national: &str) -> bool {
    let descriptors = region.descriptors();
    [descriptors.toll_free(), descriptors.uan(), descriptors.pager(), descriptors.voicemail()]
        .into_iter()
        .flatten()
        .any(|descriptor| descriptor.is_match(national))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Result<String, NumberError> {
        parse_number(text, None).map(|number| number.as_str().to_owned())
    }

    #[test]
    fn one_number_has_one_spelling() {
        for twin in ["+12025550142", "+1 202 555 0142", " +1 (202) 555-0142 ", "+1.202.555.0142", "+1/202/5550142"] {
            assert_eq!(number(twin).as_deref(), Ok("+12025550142"), "{twin}");
        }
        for twin in ["+49 30 123456", "030 123456", "0049 30 123456", "030/12 34 56"] {
            assert_eq!(parse_number(twin, Some("DE")).unwrap().as_str(), "+4930123456", "{twin}");
        }
        assert_eq!(number("+39 06 698 12345").as_deref(), Ok("+390669812345"), "an Italian zero stays");
    }

    #[test]
    fn what_is_possible_is_enough() {
        for possible in [
            "+1 202 555 0142",
            "+1 555 555 0100",
            "+15550100",
            "+44 7700 900123",
            "+49 151 23456789",
            "+65 8123 4567",
            "+870 773 111 632",
        ] {
            assert!(number(possible).is_ok(), "{possible}: {:?}", number(possible));
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let cases = [
            ("", NumberError::NotANumber),
            ("alice", NumberError::NotANumber),
            ("+1 800 FLOWERS", NumberError::NotANumber),
            ("+12025550142;ext=5", NumberError::NotANumber),
            ("+12025550142\r\nX: y", NumberError::NotANumber),
            ("+１２０２５５５０１４２", NumberError::NotANumber),
            ("++12025550142", NumberError::NotANumber),
            ("202 555 0142", NumberError::NoCountry),
            ("+1 202 555 014", NumberError::WrongLength),
            ("+1 202 555 01422", NumberError::WrongLength),
            ("+15550200", NumberError::WrongLength),
        ];
        for (bad, why) in cases {
            assert_eq!(number(bad), Err(why), "{bad:?}");
        }
        for bad in [
            "+0 123 456 789",
            "+999 123 456 789",
            "+1",
            "+",
            "+11111111111111111111",
            &"+1".repeat(50),
            &"9".repeat(39),
        ] {
            assert!(number(bad).is_err(), "{bad:?}");
        }
        assert_eq!(parse_number("030 123456", Some("Germany")), Err(NumberError::UnknownCountry));
    }

    #[test]
    fn a_078_a_number_that_costs_whoever_writes_is_refused() {
        for premium in
            ["+1 900 234 5678", "+49 900 1 234567", "+44 909 879 0123", "+33 899 123 456", "+49 180 5 123456"]
        {
            assert_eq!(number(premium), Err(NumberError::Costly), "{premium}");
        }
    }

    #[test]
    fn no_text_makes_it_panic() {
        let mut state = 1_u32;
        let alphabet: Vec<char> = "+0123456789 -()/.".chars().collect();
        for _ in 0..3_000 {
            let text: String = (0..state % 24)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    alphabet[(state >> 16) as usize % alphabet.len()]
                })
                .collect();
            state = state.wrapping_add(1);
            for country in [None, Some("US"), Some("IT"), Some("AR")] {
                if let Ok(number) = parse_number(&text, country) {
                    let digits = number.as_str().strip_prefix('+').unwrap();
                    assert!(digits.len() <= 17 && digits.bytes().all(|b| b.is_ascii_digit()), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn a_number_is_masked() {
        let number = parse_number("+49 151 23456742", None).unwrap();
        assert_eq!(number.masked(), "+49 ••• ••• ••42");
        assert_eq!(format!("{number:?}"), "+49 ••• ••• ••42");
        assert_eq!(parse_number("+15550100", None).unwrap().masked(), "+1 ••• ••• ••00");
    }
}
