//! Who we are: the issuer, and where our endpoints are.

use std::sync::Arc;

use serde::Serialize;
use url::{Host, Url};

/// The issuer identifier: the public URL without a slash at its end (RFC 8414, section 2). Everything that names this
/// server is made from it, and nothing from a `Host` header.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Issuer(Arc<str>);

/// Why a public URL is no issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IssuerError {
    /// It is not a URL.
    #[error("the public URL is not a URL in its normal form")]
    NotAUrl,
    /// It is neither https nor http on this machine.
    #[error("the public URL must be https; http is possible for localhost and loopback addresses only")]
    NotHttps,
    /// It has a query, a fragment, a user name or a password (RFC 8414, section 2).
    #[error("the public URL must be no more than scheme, host, port and path")]
    TooMuch,
}

impl Issuer {
    /// Reads a public URL.
    ///
    /// # Errors
    /// [`IssuerError`] says what is wrong with it.
    pub fn parse(public_url: &str) -> Result<Self, IssuerError> {
        let text = public_url.strip_suffix('/').unwrap_or(public_url);
        let url = Url::parse(text).map_err(|_| IssuerError::NotAUrl)?;
        let loopback = match url.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            None => false,
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && loopback) {
            return Err(IssuerError::NotHttps);
        }
        if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(IssuerError::TooMuch);
        }
        if url.as_str().strip_suffix('/').unwrap_or(url.as_str()) != text {
            return Err(IssuerError::NotAUrl);
        }
        Ok(Self(text.into()))
    }

    /// Its text, the `iss` of every token and every answer.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its path, without a slash at its end; empty when there is none.
    pub fn path(&self) -> &str {
        let after_scheme = self.0.find("://").map_or(0, |at| at + 3);
        let rest = self.0.get(after_scheme..).unwrap_or_default();
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
    }
}

impl std::fmt::Display for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The paths below the issuer. The server routes them, and [`Endpoints`] advertises them.
pub mod path {
    /// Authorization (RFC 6749, section 3.1).
    pub const AUTHORIZE: &str = "/oauth2/authorize";
    /// Token (RFC 6749, section 3.2).
    pub const TOKEN: &str = "/oauth2/token";
    /// Revocation (RFC 7009).
    pub const REVOKE: &str = "/oauth2/revoke";
    /// Introspection (RFC 7662).
    pub const INTROSPECT: &str = "/oauth2/introspect";
    /// The JWK Set (RFC 7517).
    pub const JWKS: &str = "/oauth2/jwks";
    /// UserInfo (OpenID Connect Core, section 5.3).
    pub const USERINFO: &str = "/oauth2/userinfo";
    /// Logout (OpenID Connect RP-Initiated Logout).
    pub const LOGOUT: &str = "/oauth2/logout";
}

/// Where our endpoints are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// See [`path::AUTHORIZE`].
    pub authorize: String,
    /// See [`path::TOKEN`].
    pub token: String,
    /// See [`path::REVOKE`].
    pub revoke: String,
    /// See [`path::INTROSPECT`].
    pub introspect: String,
    /// See [`path::JWKS`].
    pub jwks: String,
    /// See [`path::USERINFO`].
    pub userinfo: String,
    /// See [`path::LOGOUT`].
    pub logout: String,
}

impl Endpoints {
    /// Those of `issuer`.
    pub fn of(issuer: &Issuer) -> Self {
        let at = |path: &str| format!("{issuer}{path}");
        Self {
            authorize: at(path::AUTHORIZE),
            token: at(path::TOKEN),
            revoke: at(path::REVOKE),
            introspect: at(path::INTROSPECT),
            jwks: at(path::JWKS),
            userinfo: at(path::USERINFO),
            logout: at(path::LOGOUT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_loses_its_slash() {
        for (url, issuer, path) in [
            ("https://id.example", "https://id.example", ""),
            ("https://id.example/", "https://id.example", ""),
            ("https://id.example/auth/", "https://id.example/auth", "/auth"),
            ("http://localhost:8080", "http://localhost:8080", ""),
            ("http://127.0.0.1:8080/a/b", "http://127.0.0.1:8080/a/b", "/a/b"),
        ] {
            let parsed = Issuer::parse(url).unwrap();
            assert_eq!((parsed.as_str(), parsed.path()), (issuer, path));
        }
    }

    #[test]
    fn what_is_no_issuer() {
        for (url, why) in [
            ("http://id.example", IssuerError::NotHttps),
            ("http://localhost.evil.example", IssuerError::NotHttps),
            ("ftp://id.example", IssuerError::NotHttps),
            ("https://id.example?a", IssuerError::TooMuch),
            ("https://id.example/#a", IssuerError::TooMuch),
            ("https://user@id.example", IssuerError::TooMuch),
            ("https://ID.example", IssuerError::NotAUrl),
            ("https://id.example//", IssuerError::NotAUrl),
            ("id.example", IssuerError::NotAUrl),
        ] {
            assert_eq!(Issuer::parse(url), Err(why), "{url}");
        }
    }
}
