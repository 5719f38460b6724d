//! The security headers of every answer.
//!
//! The content security policy has no `unsafe-*` and no nonce: scripts and styles are files of our own, so `'self'` is enough.
//! Its `form-action` has to name where the person goes in the end: Chromium applies it to the redirect that answers a form.
//! So the pages of an interaction list the origins that their service provider registered. An interstitial page that
//! navigates by itself was the road not taken: programs and people without JavaScript would stop there, and custom schemes
//! need the person's gesture, which only the form carries over. A service provider whose callback redirects on to another
//! origin of its own names that origin as its `client_uri`.

use actix_web::{
    HttpResponse,
    http::header::{self, HeaderMap, HeaderName, HeaderValue},
};
use url::{Host, Url};

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const PERMISSIONS: HeaderValue = HeaderValue::from_static(
    "camera=(), geolocation=(), microphone=(), payment=(), usb=(), publickey-credentials-get=(self), publickey-credentials-create=(self), otp-credentials=(self)",
);
const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const CORP: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
const POLICY_HEAD: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                           connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; \
                           form-action 'self'";

/// Adds what every answer has. What a handler set itself stays.
pub fn secure(headers: &mut HeaderMap, https: bool) {
    let html = headers.get(header::CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    set(headers, header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    set(headers, header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    set(headers, header::CACHE_CONTROL, NO_STORE);
    if https {
        set(headers, header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
    if html {
        set(headers, header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY_HEAD));
        set(headers, header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        set(headers, PERMISSIONS_POLICY, PERMISSIONS);
        set(headers, COOP, HeaderValue::from_static("same-origin"));
        set(headers, CORP, HeaderValue::from_static("same-origin"));
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if !headers.contains_key(&name) {
        headers.insert(name, value);
    }
}

/// Lets the forms of a page end at these places.
pub fn allow_forms_to(response: &mut HttpResponse, sources: &[String]) {
    let policy = sources.iter().fold(POLICY_HEAD.to_owned(), |policy, source| policy + " " + source);
    if let Ok(value) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, value);
    }
}

/// What `form-action` must say so that a redirect to `uri` passes: its origin; any port of a loopback address, since a native
/// application listens where it can (RFC 8252, section 7.3); the scheme alone where there is no host that the policy's
/// grammar can say (custom schemes, IPv6).
pub fn form_action_source(uri: &str) -> Option<String> {
    let url = Url::parse(uri).ok()?;
    let scheme = url.scheme();
    match url.host() {
        Some(Host::Ipv6(_)) => Some(format!("{scheme}:")),
        Some(Host::Ipv4(ip)) if ip.is_loopback() => Some(format!("{scheme}://{ip}:*")),
        Some(Host::Domain("localhost")) => Some(format!("{scheme}://localhost:*")),
        Some(_) if matches!(scheme, "http" | "https") => Some(url.origin().ascii_serialization()),
        Some(_) | None => Some(format!("{scheme}:")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_may_end_where_the_service_provider_is_answered() {
        for (uri, source) in [
            ("https://app.example.com/cb?x=1", "https://app.example.com"),
            ("https://app.example.com:8443/cb", "https://app.example.com:8443"),
            ("http://127.0.0.1/cb", "http://127.0.0.1:*"),
            ("http://localhost:3000/cb", "http://localhost:*"),
            ("http://[::1]:3000/cb", "http:"),
            ("com.example.app:/cb", "com.example.app:"),
            ("com.example.app://host/cb", "com.example.app:"),
        ] {
            assert_eq!(form_action_source(uri).as_deref(), Some(source), "{uri}");
        }
        assert_eq!(form_action_source("not a uri"), None);
    }

    #[test]
    fn a_015_pages_cannot_be_framed_or_stored() {
        let mut page = HttpResponse::Ok().content_type("text/html; charset=utf-8").finish();
        secure(page.headers_mut(), true);
        let header = |name: &str| page.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        assert!(header("content-security-policy").contains("frame-ancestors 'none'"));
        assert!(!header("content-security-policy").contains("unsafe"));
        let allowed = header("permissions-policy");
        assert!(["get", "create"].iter().all(|verb| allowed.contains(&format!("publickey-credentials-{verb}=(self)"))));
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("strict-transport-security"), "max-age=31536000");
    }
}
