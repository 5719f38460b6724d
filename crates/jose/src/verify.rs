//! What is asked of a token once its signature is right, and the ways in which a token can be wrong.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::{
    algorithm::Algorithm,
    compact::{Compact, object},
    jwk::Verifier,
};

/// What a token must be. Everything that is not asked for is written out as such: there are no defaults to forget.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// Its `typ` header (RFC 8725, section 3.11): what keeps an ID token from being an access token.
    pub typ: Typ<'a>,
    /// Its `iss` claim, to the letter.
    pub issuer: &'a str,
    /// One of these must be in its `aud` claim; `None` when the caller looks at the audience itself.
    pub audience: Option<&'a [&'a str]>,
    /// The present instant, in microseconds since the Unix epoch.
    pub now: i64,
    /// How far the clocks of others may be off. Zero for our own tokens.
    pub leeway: Duration,
    /// Whether it may have expired: only for an ID token given as a hint (OpenID Connect RP-Initiated Logout, section 2).
    pub accept_expired: bool,
}

/// What a `typ` header may be. Names are compared without case, and `application/` may stand before one (RFC 7515,
/// section 4.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typ<'a> {
    /// Exactly this one.
    Is(&'a str),
    /// `JWT` or nothing: tokens of others that have no type of their own.
    Plain,
    /// `JWT`, nothing, or this one: where a type was invented late, as for client assertions.
    PlainOr(&'a str),
}

impl Typ<'_> {
    fn accepts(self, typ: Option<&str>) -> bool {
        let is = |name: &str| typ.is_some_and(|typ| short(typ).eq_ignore_ascii_case(name));
        match self {
            Self::Is(name) => is(name),
            Self::Plain => typ.is_none() || is("JWT"),
            Self::PlainOr(name) => typ.is_none() || is("JWT") || is(name),
        }
    }
}

fn short(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => typ,
    }
}

/// Why a token was refused: for the log. On the wire all of them are one answer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VerifyError {
    /// Longer than anything that is looked at.
    #[error("the token is too long")]
    TooLong,
    /// Not three parts of canonical base64url, or JSON that is none.
    #[error("this is no compact JWS")]
    Malformed,
    /// A header member that asks for another key, a download or an extension.
    #[error("the header has {0}, which is refused")]
    HeaderMember(&'static str),
    /// The header's algorithm is none of ours, not allowed here, or not that of the key.
    #[error("the algorithm is not one that this key may verify")]
    Algorithm,
    /// No key of that name, or none any more.
    #[error("no such key")]
    UnknownKey,
    /// Another kind of token.
    #[error("the token is of another type")]
    Type,
    /// It was not signed by that key, or changed since.
    #[error("the signature is wrong")]
    Signature,
    /// A claim is missing or has the wrong JSON type.
    #[error("the claims are incomplete or of the wrong type")]
    Claims,
    /// Made by somebody else.
    #[error("the token has another issuer")]
    Issuer,
    /// Made for somebody else.
    #[error("the token is for somebody else")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come, or it comes from the future.
    #[error("the token is not valid yet")]
    NotYetValid,
}

/// A token that passed.
pub(crate) struct Verified<T> {
    pub(crate) claims: T,
    /// From when it is refused, the leeway included.
    pub(crate) ends_at: i64,
}

/// Everything after the key was chosen, in order of cost. The header's `alg` is compared with the key's and has no other use.
pub(crate) fn verify<T: DeserializeOwned>(
    compact: &Compact<'_>,
    alg: &str,
    typ: Option<&str>,
    key: &Verifier,
    expect: &Expect<'_>,
) -> Result<Verified<T>, VerifyError> {
    if alg.parse() != Ok(key.algorithm) {
        return Err(VerifyError::Algorithm);
    }
    if !expect.typ.accepts(typ) {
        return Err(VerifyError::Type);
    }
    key.check(compact.signed, compact.signature)?;
    let payload = compact.payload()?;
    let ends_at = object::<Registered>(&payload).ok_or(VerifyError::Claims)?.check(expect)?;
    let claims = object(&payload).ok_or(VerifyError::Claims)?;
    Ok(Verified { claims, ends_at })
}

/// Whether an algorithm's name is one of these.
pub(crate) fn allowed(alg: &str, algorithms: &[Algorithm]) -> Result<Algorithm, VerifyError> {
    alg.parse().ok().filter(|algorithm| algorithms.contains(algorithm)).ok_or(VerifyError::Algorithm)
}

/// The registered claims (RFC 7519, section 4.1). A member that occurs twice is refused, since two readers might each
/// believe another one.
#[derive(Deserialize)]
struct Registered {
    iss: String,
    #[serde(default)]
    aud: Audience,
    exp: NumericDate,
    #[serde(default, deserialize_with = "date")]
    nbf: Option<NumericDate>,
    #[serde(default, deserialize_with = "date")]
    iat: Option<NumericDate>,
    #[serde(rename = "sub", default, deserialize_with = "text")]
    _sub: (),
    #[serde(rename = "jti", default, deserialize_with = "text")]
    _jti: (),
}

impl Registered {
    /// From when the token is refused.
    fn check(&self, expect: &Expect<'_>) -> Result<i64, VerifyError> {
        let leeway = i64::try_from(expect.leeway.as_micros()).unwrap_or(i64::MAX);
        let ends_at = self.exp.0.saturating_add(leeway);
        let starts = [&self.nbf, &self.iat].into_iter().flatten().map(|at| at.0.saturating_sub(leeway));
        if self.iss != expect.issuer {
            Err(VerifyError::Issuer)
        } else if expect.audience.is_some_and(|wanted| !self.aud.has_one_of(wanted)) {
            Err(VerifyError::Audience)
        } else if expect.now >= ends_at && !expect.accept_expired {
            Err(VerifyError::Expired)
        } else if starts.into_iter().any(|at| expect.now < at) {
            Err(VerifyError::NotYetValid)
        } else {
            Ok(ends_at)
        }
    }
}

/// One audience or several (RFC 7519, section 4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Audience {
    fn has_one_of(&self, wanted: &[&str]) -> bool {
        match self {
            Self::One(one) => wanted.contains(&one.as_str()),
            Self::Several(several) => several.iter().any(|one| wanted.contains(&one.as_str())),
        }
    }
}

/// Seconds since the Unix epoch, whole or not (RFC 7519, section 2), as microseconds. A string is no number: a server that
/// took `"exp": "never"` for no limit has existed.
struct NumericDate(i64);

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        let number = serde_json::Number::deserialize(value)?;
        let whole = number.as_i64().map(|seconds| seconds.saturating_mul(1_000_000));
        // The cast saturates; what is lost are fractions of a microsecond.
        let micros = whole.or_else(|| number.as_f64().map(|seconds| (seconds * 1e6) as i64));
        micros.map(Self).ok_or_else(|| serde::de::Error::custom("no number of seconds"))
    }
}

/// An absent date is none; null is no date.
fn date<'de, D: Deserializer<'de>>(value: D) -> Result<Option<NumericDate>, D::Error> {
    NumericDate::deserialize(value).map(Some)
}

fn text<'de, D: Deserializer<'de>>(value: D) -> Result<(), D::Error> {
    String::deserialize(value).map(|_| ())
}
