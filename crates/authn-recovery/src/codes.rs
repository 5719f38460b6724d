//! The codes themselves: ten characters of Crockford's base32, which has no two that look alike.

use vestibule_core::{code::canonical, random::Random};

/// So many codes are in a set.
pub(crate) const IN_A_SET: usize = 10;
/// So many characters are in a code: fifty bits.
const LENGTH: usize = 10;
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// A new code.
pub(crate) fn draw(random: &dyn Random) -> String {
    let mut bytes = [0; LENGTH];
    random.fill(&mut bytes);
    // 256 is a multiple of 32: every character is as likely as any other.
    bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32))).map(|c| char::from(*c)).collect()
}

/// A code as it is shown: two groups of five.
pub(crate) fn shown(code: &str) -> String {
    let (first, second) = code.split_at_checked(LENGTH / 2).unwrap_or((code, ""));
    format!("{first}-{second}")
}

/// What was typed, as the code that it stands for: in one case, without spaces and dashes, and with the letters that people
/// write for digits read as these. `None` when it cannot be one.
pub(crate) fn read(typed: &str) -> Option<String> {
    let code: String = canonical(typed)
        .chars()
        .map(|c| match c {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    let fits = code.len() == LENGTH && code.bytes().all(|byte| ALPHABET.contains(&byte));
    fits.then_some(code)
}

/// What of a code is kept, as the thing that an opaque id of its user names. Fifty bits are few for a plain hash; under the
/// server's key they are not to be searched.
pub(crate) fn kept(code: &str) -> String {
    format!("recovery code {code}")
}

#[cfg(test)]
mod tests {
    use vestibule_core::testing::SeededRandom;

    use super::*;

    #[test]
    fn a_code_is_read_however_it_is_written() {
        let code = draw(&SeededRandom::new(3));
        assert_eq!(read(&shown(&code)), Some(code.clone()));
        assert_eq!(read(&code.to_lowercase()), Some(code.clone()));
        assert_eq!(read(&format!(" {} {} ", &code[..3], &code[3..])), Some(code));
        assert_eq!(read("OIL00-00000").as_deref(), Some("0110000000"));
        for bad in ["", "123456", "0123456789A", "01234-5678U", "01234567\u{1f600}9"] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_093_a_code_has_fifty_bits_and_no_two_are_alike() {
        let random = SeededRandom::new(1);
        let drawn: std::collections::BTreeSet<_> = (0..10_000).map(|_| draw(&random)).collect();
        assert_eq!(drawn.len(), 10_000);
        for position in 0..LENGTH {
            let seen: std::collections::BTreeSet<_> = drawn.iter().map(|code| code.as_bytes()[position]).collect();
            assert_eq!(seen.len(), 32, "position {position}");
        }
    }
}
