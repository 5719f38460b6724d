//! What a text message is paid for: how many parts it is carried in.
//!
//! A part has 140 octets: 160 characters of the 7-bit default alphabet (3GPP TS 23.038, section 6.2.1), or 70 of UCS-2 as soon as one
//! character is in neither that alphabet nor its extension. In a message of several parts six octets of each are the header that puts
//! them together again (3GPP TS 23.040, section 9.2.3.24.1), so that 153 or 67 are left. A character is never divided between two
//! parts: not the two septets of an extended one, nor the two units of a surrogate pair.

/// The characters of the default alphabet, a septet each.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
                     abcdefghijklmnopqrstuvwxyzäöñüà";
/// Those of its extension, after an escape: two septets each.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

/// How a message is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segments {
    /// Whether a character of it is not in the 7-bit alphabet, so that all of it takes 16 bits each.
    pub(crate) wide: bool,
    /// How many septets or 16-bit units it has.
    pub(crate) units: usize,
    /// How many parts.
    pub(crate) parts: usize,
}

/// Counts the parts of a message.
pub(crate) fn count(text: &str) -> Segments {
    let septets: Option<Vec<usize>> = text.chars().map(septets).collect();
    let (wide, widths) = match septets {
        Some(widths) => (false, widths),
        None => (true, text.chars().map(char::len_utf16).collect()),
    };
    let (one, each) = if wide { (70, 67) } else { (160, 153) };
    let units = widths.iter().sum();
    Segments { wide, units, parts: if units <= one { 1 } else { filled(&widths, each) } }
}

/// How many septets a character takes; none where it has no place in the alphabet.
fn septets(character: char) -> Option<usize> {
    let plain = character.is_ascii_alphanumeric() || BASIC.contains(character);
    plain.then_some(1).or_else(|| EXTENDED.contains(character).then_some(2))
}

/// How many parts of `each` units these characters fill, in their order.
fn filled(widths: &[usize], each: usize) -> usize {
    let (mut parts, mut used) = (1_usize, 0);
    for width in widths {
        used += width;
        if used > each {
            (parts, used) = (parts.saturating_add(1), *width);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> usize {
        count(text).parts
    }

    #[test]
    fn the_alphabet_has_127_characters_and_an_escape() {
        assert_eq!(BASIC.chars().count(), 127);
        assert!(BASIC.chars().all(|c| septets(c) == Some(1)) && EXTENDED.chars().all(|c| septets(c) == Some(2)));
        // Of these the lower or upper twin is in it.
        for wide in ["ç", "À", "`", "„", "–", "…", "\t", "ş", "Ж", "\u{a0}"] {
            assert!(count(wide).wide, "{wide:?}");
        }
    }

    #[test]
    fn up_to_160_characters_are_one_part_and_from_then_on_153_each() {
        assert_eq!(count(""), Segments { wide: false, units: 0, parts: 1 });
        for (length, wanted) in [(160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (460, 4)] {
            assert_eq!(parts(&"ü".repeat(length)), wanted, "{length}");
        }
    }

    #[test]
    fn one_character_outside_makes_all_of_them_wide() {
        assert_eq!(count(&("a".repeat(159) + "ç")), Segments { wide: true, units: 160, parts: 3 });
        for (length, wanted) in [(70, 1), (71, 2), (134, 2), (135, 3)] {
            assert_eq!(parts(&"Ж".repeat(length)), wanted, "{length}");
        }
    }

    #[test]
    fn an_extended_character_counts_twice_and_is_not_divided() {
        assert_eq!(count(&"€".repeat(80)), Segments { wide: false, units: 160, parts: 1 });
        assert_eq!(parts(&("a".repeat(159) + "€")), 2);
        // 76 of them fill 152 of 153 septets: the last one stays empty.
        assert_eq!((count(&"€".repeat(152)).units, parts(&"€".repeat(152))), (304, 2));
        assert_eq!((count(&"€".repeat(153)).units, parts(&"€".repeat(153))), (306, 3));
    }

    #[test]
    fn a_surrogate_pair_counts_twice_and_is_not_divided() {
        assert_eq!(count(&"🙂".repeat(35)), Segments { wide: true, units: 70, parts: 1 });
        assert_eq!(parts(&"🙂".repeat(66)), 2);
        assert_eq!((count(&"🙂".repeat(67)).units, parts(&"🙂".repeat(67))), (134, 3));
    }
}
