//! Languages: of the texts that there are, the one that somebody reads best.

/// So many wishes are looked at, of so many characters: what a browser sends is bounded by nobody else.
const WISHES: usize = 32;
const LONGEST: usize = 64;

/// Looks up what there is in the first of `wanted` that there is something in (RFC 4647, section 3.4): each is cut from its end until
/// it fits, so that `de-AT` finds `de`. `find` is asked for tags in lower case.
pub fn lookup<'w, T>(wanted: impl IntoIterator<Item = &'w str>, find: impl Fn(&str) -> Option<T>) -> Option<T> {
    let wanted = wanted.into_iter().take(WISHES).filter(|range| range.len() <= LONGEST && *range != "*");
    wanted.map(|range| range.to_ascii_lowercase().replace('_', "-")).find_map(|range| {
        let mut tag = range.as_str();
        loop {
            if let Some(found) = find(tag) {
                return Some(found);
            }
            tag = shorter(tag)?;
        }
    })
}

/// A tag without its last part. One of a single character says what follows it, and is nothing alone.
fn shorter(tag: &str) -> Option<&str> {
    let (head, _) = tag.rsplit_once('-')?;
    Some(head.rsplit_once('-').filter(|(_, last)| last.len() == 1).map_or(head, |(before, _)| before))
}

/// Whether a text is a language tag (RFC 5646, section 2.1), as far as its form goes: which languages there are, nobody asks.
pub fn is_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let language = parts.next().unwrap_or_default();
    let fits = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (2..=8).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && text.len() <= LONGEST
        && parts.all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(wanted: &[&str], have: &[&'static str]) -> Option<&'static str> {
        lookup(wanted.iter().copied(), |tag| have.iter().copied().find(|one| *one == tag))
    }

    #[test]
    fn a_wish_is_cut_until_it_fits_and_the_first_that_does_is_taken() {
        let have = ["de", "de-ch", "en", "zh-hant"];
        assert_eq!(found(&["de-CH-1996"], &have), Some("de-ch"));
        assert_eq!(found(&["de_AT"], &have), Some("de"));
        assert_eq!(found(&["fr", "DE"], &have), Some("de"));
        assert_eq!(found(&["zh-Hant-CN-x-private1-private2"], &have), Some("zh-hant"));
        assert_eq!(found(&["en", "de"], &have), Some("en"));
    }

    #[test]
    fn what_is_not_there_is_not_found() {
        let have = ["de-ch", "x"];
        let long = "de-".repeat(100) + "de";
        for nobody in ["de", "*", "", "-", "fr-x-de", &long, "deutsch"] {
            assert_eq!(found(&[nobody], &have), None, "{nobody}");
        }
        assert_eq!(found(&vec!["fr"; 40].into_iter().chain(["de-ch"]).collect::<Vec<_>>(), &have), None);
    }

    #[test]
    fn a_tag_has_the_form_of_one() {
        for good in ["de", "de-CH", "zh-Hant-TW", "sr-Latn", "es-419"] {
            assert!(is_tag(good), "{good}");
        }
        for bad in ["", "d", "de_CH", "*", "de-", "-de", "de CH", "deutschland", "1e", "de-\u{e4}"] {
            assert!(!is_tag(bad), "{bad}");
        }
    }
}
