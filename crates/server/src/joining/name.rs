//! The names that people may give themselves. An admin may give any; who comes by themselves gets one that cannot be taken for
//! somebody else's.

use vestibule_core::user::LoginName;

/// The fewest and the most characters.
const LENGTH: std::ops::RangeInclusive<usize> = 3..=64;

/// Names that speak for the service, or that a program might take for something else. Written as [`skeleton`] has them.
const RESERVED: &[&str] = &[
    "abuse",
    "admin",
    "administrator",
    "anonymous",
    "guest",
    "heip",
    "heipdesk",
    "hostmaster",
    "info",
    "maiierdaemon",
    "me",
    "moderator",
    "nobody",
    "norepiy",
    "nuii",
    "officiai",
    "operator",
    "owner",
    "postmaster",
    "root",
    "security",
    "seif",
    "service",
    "staff",
    "support",
    "sysadmin",
    "system",
    "undefined",
    "user",
    "vestibuie",
    "webmaster",
];

/// A name that somebody gives themselves; `None` when it cannot be one.
///
/// ASCII alone: whoever wants a name in another script has it as the name to show, and there is no `аdmin` with a Cyrillic
/// letter. No `@`: an address as a name would be somebody's address, proved or not.
pub(super) fn parse(typed: &str) -> Option<LoginName> {
    let name = LoginName::parse(typed)?;
    let text = name.as_str();
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
    let fits =
        LENGTH.contains(&text.len()) && text.bytes().all(plain) && text.starts_with(|c: char| c.is_ascii_lowercase());
    // What has the form of an id would be read as one.
    let id = text.parse::<vestibule_core::id::UserId>().is_ok();
    (fits && !id && !RESERVED.contains(&skeleton(text).as_str())).then_some(name)
}

/// A name without what separates and with one letter for those that look alike: `Adm1n` and `ad-min` are `admin`.
fn skeleton(name: &str) -> String {
    let one = |c: char| match c {
        '.' | '-' | '_' => None,
        '0' => Some('o'),
        '1' | 'l' => Some('i'),
        '3' => Some('e'),
        '4' => Some('a'),
        '5' => Some('s'),
        other => Some(other),
    };
    name.chars().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_061_one_name_however_it_is_typed() {
        for typed in ["Ada.Lovelace", " ada.lovelace ", "ＡＤＡ.lovelace"] {
            assert_eq!(parse(typed).unwrap().as_str(), "ada.lovelace", "{typed}");
        }
    }

    #[test]
    fn what_could_be_taken_for_another_is_no_name() {
        for bad in [
            "",
            "ab",
            "1ada",
            "ada lovelace",
            "ada@example.com",
            "аda",
            "ädä",
            "admin",
            "Adm1n",
            "ad-min",
            "r00t",
            "vestibu1e",
            "he1p.desk",
            "no-reply",
            "a\u{202e}da",
            "a\r\nda",
            "{{code}}",
            "<b>ada",
            "019ab8e2-7c1a-7e40-9d1f-3f2b8a6c4d21",
            "abababab-7c1a-7e40-9d1f-3f2b8a6c4d21",
            &"a".repeat(65),
        ] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn reserved_names_are_written_as_they_are_compared() {
        assert!(RESERVED.iter().all(|name| skeleton(name) == *name), "{RESERVED:?}");
    }
}
