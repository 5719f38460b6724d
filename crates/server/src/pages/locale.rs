//! Which language a page is in.

/// The languages that pages are written in; the first is the default.
pub const LOCALES: &[&str] = &["en", "de"];

/// The language for a page: the first that the application asked for (`ui_locales`, OpenID Connect Core, section 3.1.2.1)
/// and that we have, else the browser's favourite that we have, else English. A region is no obstacle: `de-AT` gets `de`.
pub fn negotiate(ui_locales: &[String], accept_language: Option<&str>) -> &'static str {
    let asked = ui_locales.iter().find_map(|tag| ours(tag));
    asked.or_else(|| accepted(accept_language?)).unwrap_or("en")
}

fn ours(tag: &str) -> Option<&'static str> {
    let language = tag.split(['-', '_']).next()?;
    LOCALES.iter().copied().find(|locale| language.eq_ignore_ascii_case(locale))
}

/// The best of an `Accept-Language` header (RFC 9110, section 12.5.4). Of equals the first; what cannot be read counts nothing.
fn accepted(header: &str) -> Option<&'static str> {
    let mut best: Option<(f32, &'static str)> = None;
    for range in header.split(',').take(32) {
        let (tag, parameter) = range.split_once(';').unwrap_or((range, "q=1"));
        let weight = parameter.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok());
        let weight = weight.filter(|q| (0.0..=1.0).contains(q) && *q > 0.0);
        if let (Some(weight), Some(locale)) = (weight, ours(tag.trim()))
            && best.is_none_or(|(most, _)| weight > most)
        {
            best = Some((weight, locale));
        }
    }
    best.map(|(_, locale)| locale)
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
    fn what_nobody_has_or_can_read_is_english() {
        for header in ["", "fr", "*", "de;q=0", "de;q=2", "de;q=x", "de;;", "\u{0}", "deutsch"] {
            assert_eq!(asked(&[], header), "en", "{header:?}");
        }
        assert_eq!(negotiate(&[], None), "en");
    }
}
