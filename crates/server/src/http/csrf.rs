//! Cross-site requests: every page that changes something carries a token bound to the browser, and the browser's own word
//! on where the request comes from is heard too.
//!
//! The token is derived by the server's keyed function from the cookie that the form belongs to, so there is nothing to
//! store and nothing to expire apart from the cookie. `Origin` alone would not do: our pages send no referrer, and then the
//! Fetch standard makes browsers say `null` for a form of our own.

use actix_web::{
    HttpRequest,
    http::header::{HeaderName, ORIGIN},
};
use vestibule_core::crypto::{Prf, same_secret};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The name of the form field that carries the token.
pub const FIELD: &str = "csrf";

/// The token of the form named `form`, in the browser that holds `secret`.
pub fn token(prf: &Prf, form: &str, secret: &str) -> String {
    prf.text("csrf", &[form.as_bytes(), secret.as_bytes()])
}

/// Whether `given` is the token of that form in that browser.
pub fn right(prf: &Prf, form: &str, secret: &str, given: &str) -> bool {
    same_secret(token(prf, form, secret).as_bytes(), given.as_bytes())
}

/// Whether the browser lets this pass as a request from our own pages. A program that says nothing passes: what protects
/// then is the token.
pub fn same_site(req: &HttpRequest, public_origin: &str) -> bool {
    let said = |name: &HeaderName| req.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = said(&SEC_FETCH_SITE) {
        // `none`: typed, bookmarked or reloaded by the person.
        return matches!(site, "same-origin" | "none");
    }
    said(&ORIGIN).is_none_or(|origin| origin == "null" || origin == public_origin)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use vestibule_core::{crypto::MasterKey, random::SystemRandom};

    use super::*;

    fn passes(headers: &[(&'static str, &'static str)]) -> bool {
        let request = headers.iter().fold(TestRequest::post(), |request, header| request.append_header(*header));
        same_site(&request.to_http_request(), "https://auth.example.com")
    }

    #[test]
    fn a_102_the_browser_s_word_on_a_foreign_page_is_heard() {
        assert!(!passes(&[("sec-fetch-site", "cross-site")]));
        assert!(!passes(&[("sec-fetch-site", "same-site")]));
        assert!(!passes(&[("origin", "https://evil.example")]));
        assert!(!passes(&[("origin", "https://auth.example.com.evil.example")]));
        assert!(!passes(&[("sec-fetch-site", "cross-site"), ("origin", "https://auth.example.com")]));
    }

    #[test]
    fn our_own_forms_pass() {
        assert!(passes(&[("sec-fetch-site", "same-origin"), ("origin", "null")]));
        assert!(passes(&[("origin", "https://auth.example.com")]));
        assert!(passes(&[]));
    }

    #[test]
    fn a_018_a_token_is_worth_nothing_in_another_browser_or_form() {
        let prf = MasterKey::generate(&SystemRandom::default()).prf();
        let given = token(&prf, "interaction/1", "binding");
        assert!(right(&prf, "interaction/1", "binding", &given));
        assert!(!right(&prf, "interaction/2", "binding", &given));
        assert!(!right(&prf, "interaction/1", "other", &given));
        assert!(!right(&prf, "interaction/1", "binding", ""));
    }
}
