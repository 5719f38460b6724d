//! UserInfo (OpenID Connect Core, section 5.3), protected as RFC 6750 says.

use serde_json::{Map, Value};
use vestibule_core::store::StoreError;

use crate::{access_token, claims, deps::Deps, params::Params};

/// The token in a form (RFC 6750, section 2.2).
const FIELD: &str = "access_token";

/// Why whoever shows an access token gets nothing (RFC 6750, section 3.1).
#[derive(Debug, thiserror::Error)]
pub enum BearerError {
    /// No token was shown.
    #[error("no access token was sent")]
    Missing,
    /// It was shown in more than one way, or the header makes no sense.
    #[error("the access token was sent in a wrong way")]
    Malformed,
    /// It is not ours, or not an access token, or expired, or revoked.
    #[error("the access token is not good")]
    Invalid,
    /// It is good, and not for this.
    #[error("the access token is not for this: it lacks the scope `openid`, or our audience")]
    Scope,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl BearerError {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Missing | Self::Invalid => 401,
            Self::Malformed => 400,
            Self::Scope => 403,
            Self::Store(StoreError::Damaged(_)) => 500,
            Self::Store(_) => 503,
        }
    }

    /// The `WWW-Authenticate` header. Without a token it names no error (RFC 6750, section 3.1).
    pub fn challenge(&self) -> Option<&'static str> {
        match self {
            Self::Missing => Some("Bearer"),
            Self::Malformed => Some(r#"Bearer error="invalid_request""#),
            Self::Invalid => Some(r#"Bearer error="invalid_token""#),
            Self::Scope => Some(r#"Bearer error="insufficient_scope", scope="openid""#),
            Self::Store(_) => None,
        }
    }
}

/// The endpoint: the token is in the `Authorization` header, or in the form of a POST. Never in a query, where it would be in
/// the logs of whatever stands between.
///
/// # Errors
/// [`BearerError`].
pub async fn userinfo(
    deps: &Deps<'_>,
    authorization: Option<&str>,
    form: Option<&Params>,
) -> Result<Map<String, Value>, BearerError> {
    let token = shown(authorization, form)?;
    let living = access_token::living(deps, token).await?.ok_or(BearerError::Invalid)?;
    // A token that a client has for itself is about nobody.
    let user = living.user.ok_or(BearerError::Scope)?;
    let scopes = living.claims.scopes().map(str::to_owned).collect();
    let for_us = living.claims.aud.contains(deps.snapshot.issuer().as_str());
    if !for_us || !living.claims.scopes().any(|scope| scope == "openid") {
        return Err(BearerError::Scope);
    }
    Ok(claims::about(&user, &scopes))
}

/// The token, however it is shown; in two ways at once it is refused (RFC 6750, section 2), since two readers could each
/// believe another one.
fn shown<'a>(authorization: Option<&'a str>, form: Option<&'a Params>) -> Result<&'a str, BearerError> {
    let Some(form) = form.filter(|form| form.iter().any(|(name, _)| name == FIELD)) else {
        return bearer(authorization);
    };
    if authorization.is_some() || form.is_repeated(FIELD) {
        return Err(BearerError::Malformed);
    }
    form.get(FIELD).ok_or(BearerError::Malformed)
}

/// The token in the header (RFC 6750, section 2.1).
pub(crate) fn bearer(authorization: Option<&str>) -> Result<&str, BearerError> {
    let (scheme, token) = authorization.ok_or(BearerError::Missing)?.split_once(' ').ok_or(BearerError::Malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(BearerError::Missing);
    }
    let token = token.trim_matches(' ');
    if token.is_empty() || token.contains(' ') { Err(BearerError::Malformed) } else { Ok(token) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_in_the_header() {
        assert_eq!(bearer(Some("Bearer abc")).unwrap(), "abc");
        assert_eq!(bearer(Some("bEARER  abc ")).unwrap(), "abc");
        for (header, status) in [
            (None, 401),
            (Some("Basic abc"), 401),
            (Some("Bearer"), 400),
            (Some("Bearer "), 400),
            (Some("Bearer a b"), 400),
        ] {
            assert_eq!(bearer(header).unwrap_err().status(), status, "{header:?}");
        }
    }

    #[test]
    fn the_token_may_be_in_a_form_but_not_in_two_places() {
        let form = |body: &str| Params::parse(body.as_bytes()).unwrap();
        assert_eq!(shown(None, Some(&form("access_token=abc"))).unwrap(), "abc");
        assert_eq!(shown(Some("Bearer abc"), Some(&form("x=y"))).unwrap(), "abc");
        assert_eq!(shown(None, Some(&form("x=y"))).unwrap_err().status(), 401);
        for (header, body) in [
            (Some("Bearer abc"), "access_token=abc"),
            (Some("Bearer abc"), "access_token="),
            (Some("Basic abc"), "access_token=abc"),
            (None, "access_token=abc&access_token=abc"),
            (None, "access_token="),
        ] {
            assert_eq!(shown(header, Some(&form(body))).unwrap_err().status(), 400, "{header:?} {body}");
        }
    }

    #[test]
    fn without_a_token_there_is_no_error_to_name() {
        assert_eq!(BearerError::Missing.challenge(), Some("Bearer"));
        assert!(BearerError::Invalid.challenge().unwrap().contains("invalid_token"));
    }
}
