//! Where a number is, as coarsely as messages are paid: the calling code and the country, `+49 DE`. It is what is counted by, what
//! an alarm is raised about and what a price is of, and it tells nobody from anybody.
//!
//! The first digits were not taken: in a small country they and the last two, which the log has, would be nearly the whole number.

use phonenumber::metadata::DATABASE;

/// The area of a number (E.164): its calling code, and its country where the number tells that.
pub fn area(number: &str) -> Option<String> {
    let parsed = phonenumber::parse(None, number).ok()?;
    let code = parsed.code().value();
    let told = parsed.country().id().map(|id| id.as_ref().to_owned());
    // A range that is newer than the metadata is of the one country that there is.
    let only = || match DATABASE.by_code(&code).as_deref() {
        Some([region]) => Some(region.id().to_owned()).filter(|id| id.len() == 2),
        _ => None,
    };
    Some(told.or_else(only).map_or_else(|| format!("+{code}"), |country| format!("+{code} {country}")))
}

/// Whether there is such an area: a calling code, alone or with one of its countries. There are a few hundred.
pub fn is_area(text: &str) -> bool {
    let (code, country) = text.split_once(' ').map_or((text, None), |(code, country)| (code, Some(country)));
    let digits = code.strip_prefix('+').filter(|digits| !digits.starts_with(['0', '+']));
    let Some(regions) = digits.and_then(|code| code.parse::<u16>().ok()).and_then(|code| DATABASE.by_code(&code))
    else {
        return false;
    };
    country.is_none_or(|country| regions.iter().any(|region| region.id() == country))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_is_the_calling_code_and_the_country() {
        for (number, wanted) in [
            ("+4915123456789", "+49 DE"),
            ("+12025550142", "+1 US"),
            ("+18762345678", "+1 JM"),
            ("+77012345678", "+7 KZ"),
            ("+447400123456", "+44 GB"),
            ("+393123456789", "+39 IT"),
        ] {
            assert_eq!(area(number).as_deref(), Some(wanted), "{number}");
        }
        assert_eq!(area("alice@example.com"), None);
        for number in ["+15550100", "+870773111632", "+447700900123", "+4930123456"] {
            assert!(area(number).is_none_or(|area| is_area(&area)), "{number}");
        }
    }

    #[test]
    fn what_is_no_area_is_known() {
        for good in ["+49", "+49 DE", "+1 JM", "+1"] {
            assert!(is_area(good), "{good}");
        }
        for bad in ["", "+", "49", "+049", "+999", "+49 US", "+49 de", "+1 JM ", "+1  JM", "++1", "+4915", "other"] {
            assert!(!is_area(bad), "{bad:?}");
        }
    }
}
