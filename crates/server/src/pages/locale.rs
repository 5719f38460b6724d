//! Which language a page is in.

use vestibule_core::language::{is_tag, lookup};

/// The languages that pages are written in; the first is the default.
pub const LOCALES: &[&str] = &["en", "de"];

/// The language for a page: the first that the application asked for (`ui_locales`, OpenID Connect Core, section 3.1.2.1)
/// and that we have, else the browser's favourite that we have, else English. A region is no obstacle: `de-AT` gets `de`.
pub fn negotiate(ui_locales: &[String], accept_language: Option<&str>) -> &'static str {
    let browser = accepted(accept_language.unwrap_or_default());
    let ours = |tag: &str| LOCALES.iter().copied().find(|locale| *locale == tag);
    lookup(ui_locales.iter().chain(&browser).map(String::as_str), ours).unwrap_or("en")
}

/// The languages of an `Accept-Language` header (RFC 9110, section 12.5.4), the browser's favourite first. Of equals the first; what
/// cannot be read counts nothing.
pub fn accepted(header: &str) -> Vec<String> {
    let mut all: Vec<(f32, String)> = header.split(',').take(32).filter_map(weighted).collect();
    all.sort_by(|(one, _), (other, _)| other.total_cmp(one));
    all.into_iter().map(|(_, tag)| tag).collect()
}

fn weighted(range: &str) -> Option<(f32, String)> {
    let (tag, parameter) = range.split_once(';').unwrap_or((range, "q=1"));
    let weight = parameter.trim().strip_prefix("q=")?.trim().parse::<f32>().ok()?;
    let tag = tag.trim();
    (weight > 0.0 && weight <= 1.0 && is_tag(tag)).then(|| (weight, tag.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(tags: &[&str], header: &str) -> &'static str {
        negotiate(&tags.iter().map(|&tag| tag.to_owned()).collect::<Vec<_>>(), Some(header))
    }

    #[test]
    fn the_application_is_asked_before_the_browser() {
        assert_eq!(asked(&["fr", "de-AT"], "en"), "de");
        assert_eq!(asked(&[], "de-CH, en;q=0.5"), "de");
        assert_eq!(asked(&["fr"], "en;q=0.4, de;q=0.6"), "de");
    }

    #[test]
    fn the_browsers_favourite_is_the_first() {
        assert_eq!(
            accepted("de-CH, fr;q=0.7, *;q=0.1, en;q=0.8, it;q=0, x;q=1, pt;q=0.8"),
            ["de-CH", "en", "pt", "fr"]
        );
        assert_eq!(accepted(&"de,".repeat(100)).len(), 32);
    }

    #[test]
    fn what_nobody_has_or_can_read_is_english() {
        for header in ["", "fr", "*", "de;q=0", "de;q=2", "de;q=x", "de;;", "\u{0}", "deutsch"] {
            assert_eq!(asked(&[], header), "en", "{header:?}");
        }
        assert_eq!(negotiate(&[], None), "en");
    }
}
