//! Redirect URIs: which may be registered, and which of those a request means.
//!
//! They are compared as text, to the letter (RFC 9700, section 2.1). Normalising before comparing was the road not taken:
//! every normaliser that differs from a browser's is a way round it. The one exception is the port of a loopback address,
//! which a native application cannot know beforehand (RFC 8252, section 7.3).

use std::net::IpAddr;

use url::{Host, Url};

use crate::model::{Client, ClientAuthMethod};

/// Whether `asked` is the registered one, to the letter but for the port of a loopback address.
pub fn matches(registered: &str, asked: &str) -> bool {
    registered == asked || without_loopback_port(registered).is_some_and(|r| without_loopback_port(asked) == Some(r))
}

/// The two parts of `http://127.0.0.1:port/path` round its port, when it is that. Read as text and not with a URL parser,
/// so that `127.0.0.1.evil`, `127.0.0.1@evil`, `0x7f.1` and the like are simply something else.
fn without_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let host = ["http://127.0.0.1", "http://[::1]"].into_iter().find(|host| uri.starts_with(host))?;
    let (host, rest) = uri.split_at_checked(host.len())?;
    let Some(after_colon) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest));
    };
    let end = after_colon.find(|c: char| !c.is_ascii_digit()).unwrap_or(after_colon.len());
    let (port, rest) = after_colon.split_at_checked(end)?;
    let valid = port.parse::<u16>().is_ok_and(|port| port != 0) && !port.starts_with('0');
    (valid && (rest.is_empty() || rest.starts_with(['/', '?']))).then_some((host, rest))
}

/// Why a redirect URI may not be registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectUriError {
    /// It is not an absolute URI, or holds what no URI holds.
    #[error("this is not an absolute URI in plain ASCII")]
    NotAUri,
    /// It is longer than [`MAX_LENGTH`].
    #[error("this URI is too long")]
    TooLong,
    /// It has a fragment (RFC 6749, section 3.1.2).
    #[error("a redirect URI must not have a fragment")]
    Fragment,
    /// It has a wildcard.
    #[error("wildcards are not possible: redirect URIs are compared to the letter")]
    Wildcard,
    /// It has a user name or a password.
    #[error("a redirect URI must not have a user name or password")]
    UserInfo,
    /// Its path is not the one that a browser would ask for.
    #[error("a redirect URI must be written as a browser would: no `..`, no backslash")]
    NotNormal,
    /// `http` to somewhere else than a loopback address.
    #[error("use https; http is possible for a loopback address only")]
    PlainHttp,
    /// A scheme that is neither `https` nor private to an application.
    #[error("use https, or (public clients only) a private-use scheme with a dot such as com.example.app:/callback")]
    Scheme,
}

/// The longest redirect URI that may be registered.
pub const MAX_LENGTH: usize = 2048;

/// Whether `uri` may be registered as a redirect URI of `client`.
///
/// # Errors
/// [`RedirectUriError`] says what to change.
pub fn validate_redirect_uri(uri: &str, client: &Client) -> Result<(), RedirectUriError> {
    let url = plain(uri)?;
    match url.scheme() {
        "https" => Ok(()),
        "http" if loopback(&url) => Ok(()),
        "http" => Err(RedirectUriError::PlainHttp),
        // RFC 8252, section 7.1: the reverse of a domain name. The dot also keeps `javascript`, `data` and the like out.
        scheme if scheme.contains('.') && client.auth == ClientAuthMethod::None => Ok(()),
        _ => Err(RedirectUriError::Scheme),
    }
}

/// What holds for every address that a browser is sent to, whatever its scheme.
fn plain(uri: &str) -> Result<Url, RedirectUriError> {
    if uri.len() > MAX_LENGTH {
        return Err(RedirectUriError::TooLong);
    }
    if !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(RedirectUriError::NotAUri);
    }
    if uri.contains('*') {
        return Err(RedirectUriError::Wildcard);
    }
    if uri.contains('#') {
        return Err(RedirectUriError::Fragment);
    }
    let url = Url::parse(uri).map_err(|_| RedirectUriError::NotAUri)?;
    if !url.username().is_empty() || url.password().is_some() || uri.contains('@') && url.has_host() {
        return Err(RedirectUriError::UserInfo);
    }
    // Of a private-use scheme the parser leaves it as it is, and no URI has one (RFC 3986, section 2).
    if uri.contains('\\') {
        return Err(RedirectUriError::NotNormal);
    }
    // `https:/host`, `HTTPS://Host` and `/a/../b` are repaired by the parser, and then differ.
    let same = url.as_str() == uri || url.path() == "/" && url.as_str().strip_suffix('/') == Some(uri);
    if same || url.path() == "/" && url.as_str().replacen("/?", "?", 1) == uri {
        Ok(url)
    } else {
        Err(RedirectUriError::NotNormal)
    }
}

fn loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn client(auth: &str) -> Client {
        serde_json::from_value(serde_json::json!({ "id": "shop", "name": "Shop", "auth": auth })).unwrap()
    }

    #[test]
    fn a_001_only_the_registered_letters_match() {
        let registered = "https://shop.example/cb";
        for off in [
            "https://shop.example/CB",
            "https://SHOP.example/cb",
            "HTTPS://shop.example/cb",
            "http://shop.example/cb",
            "https://shop.example/cb/",
            "https://shop.example//cb",
            "https://shop.example/cb?",
            "https://shop.example/cb?a=b",
            "https://shop.example/cb#",
            "https://shop.example/cb#f",
            "https://shop.example/x/../cb",
            "https://shop.example/cb/../cb",
            "https://shop.example/cb/..;/cb",
            "https://shop.example/cb/.",
            "https://shop.example/%63b",
            "https://shop.example/%2e/cb",
            "https://shop.example/cb%2e%2e",
            "https://shop.example/cb%00",
            "https://shop.example/cb%0a",
            "https://shop.example/cb ",
            " https://shop.example/cb",
            "https://shop.example/cb\t",
            "https://shop.example:443/cb",
            "https://shop.example:8443/cb",
            "https://shop.example./cb",
            "https://evil@shop.example/cb",
            "https://shop.example@evil.example/cb",
            "https://shop.example:@evil.example/cb",
            "https://evil.example/https://shop.example/cb",
            "https://evil.example#https://shop.example/cb",
            "https://evil.example\\shop.example/cb",
            "https:\\\\shop.example\\cb",
            "https:/shop.example/cb",
            "https:///shop.example/cb",
            "//shop.example/cb",
            "/cb",
            "shop.example/cb",
            "https://shop.example.evil.example/cb",
            "https://www.shop.example/cb",
            "https://xn--shp-tna.example/cb",
            "https://sh\u{43e}p.example/cb",
            "https://shop.example/cb;x",
            "",
        ] {
            assert!(!matches(registered, off), "{off:?}");
        }
        assert!(matches(registered, registered));
    }

    #[test]
    fn a_003_only_the_port_of_a_loopback_address_is_free() {
        let registered = "http://127.0.0.1/cb";
        for same in ["http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb"] {
            assert!(matches(registered, same), "{same}");
        }
        assert!(matches("http://127.0.0.1:8080/cb", "http://127.0.0.1:9090/cb"));
        assert!(matches("http://[::1]/cb", "http://[::1]:5000/cb"));
        for off in [
            "http://127.0.0.1.evil/cb",
            "http://127.0.0.1:80.evil/cb",
            "http://127.0.0.1:80@evil/cb",
            "http://127.0.0.1@evil/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:0/cb",
            "http://127.0.0.1:080/cb",
            "http://127.0.0.1:65536/cb",
            "http://127.0.0.1:80/cb/",
            "http://127.0.0.1:80/cb?x",
            "http://127.0.0.1:80\\cb",
            "http://127.0.0.2/cb",
            "http://[::1]/cb",
            "http://localhost/cb",
            "http://localhost.evil/cb",
            "https://127.0.0.1/cb",
            "http://0x7f.1/cb",
            "http://2130706433/cb",
        ] {
            assert!(!matches(registered, off), "{off}");
        }
        // A name is resolved by somebody else, so its port is not free.
        assert!(!matches("http://localhost/cb", "http://localhost:8080/cb"));
        assert!(!matches("http://localhost/cb", "http://localhost.evil/cb"));
    }

    #[test]
    fn a_005_what_may_not_be_registered() {
        let (web, native) = (client("client_secret_basic"), client("none"));
        for (bad, why) in [
            ("JaVaScript:alert(1)", RedirectUriError::NotNormal),
            ("javascript:alert(1)", RedirectUriError::Scheme),
            ("data:text/html,x", RedirectUriError::Scheme),
            ("vbscript:x", RedirectUriError::Scheme),
            ("file:///etc/passwd", RedirectUriError::Scheme),
            ("blob:https://shop.example/x", RedirectUriError::Scheme),
            ("ftp://shop.example/cb", RedirectUriError::Scheme),
            ("urn:ietf:wg:oauth:2.0:oob", RedirectUriError::Scheme),
            ("https://shop.example/cb#", RedirectUriError::Fragment),
            ("https://shop.example/cb#x", RedirectUriError::Fragment),
            ("https://*.shop.example/cb", RedirectUriError::Wildcard),
            ("https://shop.example/*", RedirectUriError::Wildcard),
            ("http://shop.example/cb", RedirectUriError::PlainHttp),
            ("http://localhost.evil/cb", RedirectUriError::PlainHttp),
            ("http://127.0.0.1.evil.example/cb", RedirectUriError::PlainHttp),
            ("https://user@shop.example/cb", RedirectUriError::UserInfo),
            ("https://user:pw@shop.example/cb", RedirectUriError::UserInfo),
            ("https://@shop.example/cb", RedirectUriError::UserInfo),
            ("https://shop.example/a/../cb", RedirectUriError::NotNormal),
            ("https://shop.example\\cb", RedirectUriError::NotNormal),
            ("https://Shop.example/cb", RedirectUriError::NotNormal),
            ("https://shop.example:443/cb", RedirectUriError::NotNormal),
            ("https://sh\u{f6}p.example/cb", RedirectUriError::NotAUri),
            ("https://shop.example/c b", RedirectUriError::NotAUri),
            ("https://shop.example/cb\r\nX: y", RedirectUriError::NotAUri),
            ("https://", RedirectUriError::NotAUri),
            ("/cb", RedirectUriError::NotAUri),
            ("", RedirectUriError::NotAUri),
        ] {
            assert_eq!(validate_redirect_uri(bad, &web), Err(why), "{bad:?}");
            assert!(validate_redirect_uri(bad, &native).is_err(), "{bad:?}");
        }
        assert_eq!(validate_redirect_uri("com.example.app:/cb\\x", &native), Err(RedirectUriError::NotNormal));
        assert_eq!(validate_redirect_uri("com.example.app:/cb", &web), Err(RedirectUriError::Scheme));
        assert_eq!(
            validate_redirect_uri(&format!("https://a.example/{}", "a".repeat(2048)), &web),
            Err(RedirectUriError::TooLong)
        );
    }

    #[test]
    fn what_may_be_registered() {
        for good in [
            "https://shop.example",
            "https://shop.example/",
            "https://shop.example?a=b",
            "https://shop.example/cb?a=b",
            "https://shop.example:8443/cb",
            "http://127.0.0.1/cb",
            "http://127.0.0.1:8080/cb",
            "http://[::1]/cb",
            "http://localhost:8080/cb",
        ] {
            assert_eq!(validate_redirect_uri(good, &client("client_secret_basic")), Ok(()), "{good}");
        }
        assert_eq!(validate_redirect_uri("com.example.app:/cb", &client("none")), Ok(()));
    }

    proptest! {
        #[test]
        fn nothing_else_matches(uri in ".{0,60}") {
            prop_assert_eq!(matches("https://shop.example/cb", &uri), uri == "https://shop.example/cb");
            let _ = validate_redirect_uri(&uri, &client("none"));
        }

        #[test]
        fn what_matches_a_loopback_address_is_one(rest in "[:@/.0-9a-z\\\\?#]{0,20}") {
            let uri = format!("http://127.0.0.1{rest}");
            if matches("http://127.0.0.1/cb", &uri) {
                let url = Url::parse(&uri).unwrap();
                prop_assert_eq!((url.host_str(), url.path(), url.query()), (Some("127.0.0.1"), "/cb", None));
            }
        }
    }
}
