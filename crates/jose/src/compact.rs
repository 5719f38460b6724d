//! The compact serialisation, taken apart (RFC 7515, section 7.1): size, dots, base64url and header.
//!
//! A header can ask for things: another key (`jwk`), a download (`jku`, `x5u`), an extension (`crit`). All of these are
//! refused here, before anything else is looked at. `x5c`, `x5t` and members that nobody knows are not read at all.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, IgnoredAny},
};

use crate::verify::VerifyError;

/// The longest token that is looked at or made, in bytes.
pub const MAX_TOKEN: usize = 16 * 1024;

/// What the header of a token says. Nothing of it is proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The word for an algorithm; it chooses nothing, it must agree with the key.
    pub alg: String,
    /// The type of the token.
    pub typ: Option<String>,
    /// The name of a key; only ever compared with names that we have.
    pub kid: Option<String>,
}

/// Reads a token's header without verifying anything, for example to tell a JWT from an opaque token.
///
/// # Errors
/// When it is no compact JWS of at most [`MAX_TOKEN`] bytes, or its header asks for what is refused.
pub fn peek_header(token: &str) -> Result<Header, VerifyError> {
    Compact::split(token)?.header()
}

/// Reads the `iss` claim without verifying anything: the one thing that a server must know before it can choose the keys
/// that verify a client assertion (RFC 7523). Never to be used for more.
///
/// # Errors
/// When it is no compact JWS of at most [`MAX_TOKEN`] bytes, or has no `iss`.
pub fn peek_issuer(token: &str) -> Result<String, VerifyError> {
    #[derive(Deserialize)]
    struct Issuer {
        iss: String,
    }
    let payload = Compact::split(token)?.payload()?;
    object::<Issuer>(&payload).map(|claims| claims.iss).ok_or(VerifyError::Malformed)
}

/// The three parts of a token, still encoded.
pub(crate) struct Compact<'a> {
    header: &'a str,
    payload: &'a str,
    /// Not decoded here: the verification does that, as strictly as [`decode`].
    pub(crate) signature: &'a str,
    /// What the signature is about: header, dot, payload.
    pub(crate) signed: &'a str,
}

impl<'a> Compact<'a> {
    pub(crate) fn split(token: &'a str) -> Result<Self, VerifyError> {
        if token.len() > MAX_TOKEN {
            return Err(VerifyError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(VerifyError::Malformed)?;
        let (header, payload) = signed.split_once('.').ok_or(VerifyError::Malformed)?;
        let parts = [header, payload, signature];
        if payload.contains('.') || parts.iter().any(|part| part.is_empty()) {
            return Err(VerifyError::Malformed);
        }
        Ok(Self { header, payload, signature, signed })
    }

    pub(crate) fn header(&self) -> Result<Header, VerifyError> {
        let raw: RawHeader = object(&decode(self.header)?).ok_or(VerifyError::Malformed)?;
        let forbidden = [("crit", raw.crit), ("jwk", raw.jwk), ("jku", raw.jku), ("x5u", raw.x5u), ("b64", raw.b64)];
        match forbidden.into_iter().find(|(_, there)| *there) {
            Some((name, _)) => Err(VerifyError::HeaderMember(name)),
            None => Ok(Header { alg: raw.alg, typ: raw.typ, kid: raw.kid }),
        }
    }

    pub(crate) fn payload(&self) -> Result<Vec<u8>, VerifyError> {
        decode(self.payload)
    }
}

/// Unpadded base64url in its one canonical form: what has stray bits or characters is refused, so a token has one text.
fn decode(part: &str) -> Result<Vec<u8>, VerifyError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| VerifyError::Malformed)
}

/// Reads a JSON object. serde would also fill a struct from an array.
pub(crate) fn object<T: DeserializeOwned>(json: &[u8]) -> Option<T> {
    if json.trim_ascii_start().first() != Some(&b'{') {
        return None;
    }
    serde_json::from_slice(json).ok()
}

#[derive(Deserialize)]
struct RawHeader {
    alg: String,
    typ: Option<String>,
    kid: Option<String>,
    #[serde(default, deserialize_with = "there")]
    crit: bool,
    #[serde(default, deserialize_with = "there")]
    jwk: bool,
    #[serde(default, deserialize_with = "there")]
    jku: bool,
    #[serde(default, deserialize_with = "there")]
    x5u: bool,
    #[serde(default, deserialize_with = "there")]
    b64: bool,
}

/// Whatever its value, even null, the member is there.
fn there<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}
