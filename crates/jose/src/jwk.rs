//! Public keys as JSON (RFC 7517), their names (RFC 7638) and what verifies by them. A private part has no place in these
//! types.
//!
//! Whether a signature is right is for `jsonwebtoken` to say. Its keys are bytes that nobody has looked at, so what makes a
//! good key is asked here, once. `docs/decisions/0004-jose.md` has the border between that library and this crate.

use std::collections::BTreeMap;

use aws_lc_rs::{
    digest,
    signature::{self, EcdsaVerificationAlgorithm, ParsedPublicKey, RsaPublicKeyComponents, VerificationAlgorithm},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, crypto, errors::ErrorKind};
use serde::{Deserialize, Serialize};

use crate::{algorithm::Algorithm, verify::VerifyError};

/// The name of a key of ours, the `kid` of a token's header: the RFC 7638 thumbprint of its public half, so that two keys
/// never share a name and nobody has to invent one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

impl KeyId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<String>> From<T> for KeyId {
    fn from(text: T) -> Self {
        Self(text.into())
    }
}

impl std::fmt::Display for KeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A public key as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// What the key is made of.
    #[serde(flatten)]
    pub parts: KeyParts,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// The algorithm that it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// What it is for: `sig` or `enc`.
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub usage: Option<String>,
}

/// The members of a public key that make it that key (RFC 7638, section 3.2), in base64url.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum KeyParts {
    /// RSA: modulus and exponent.
    #[serde(rename = "RSA")]
    Rsa {
        /// The modulus.
        n: String,
        /// The exponent.
        e: String,
    },
    /// A point on an elliptic curve.
    #[serde(rename = "EC")]
    Ec {
        /// `P-256` or `P-384`.
        crv: String,
        /// One coordinate.
        x: String,
        /// The other.
        y: String,
    },
    /// An octet key pair (RFC 8037).
    #[serde(rename = "OKP")]
    Okp {
        /// `Ed25519`.
        crv: String,
        /// The public key.
        x: String,
    },
}

/// Why a JSON Web Key is no use.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum JwkError {
    /// The key and the algorithm are of different kinds.
    #[error("this key is not one of {0}")]
    OtherKind(Algorithm),
    /// The members are not base64url, have the wrong length or are no point of the curve.
    #[error("the members of this key make no key")]
    Invalid,
    /// RSA of fewer than 2048 bits is broken within reach (RFC 7518, section 3.3), of more than 8192 a waste of our time.
    #[error("an RSA key has between 2048 and 8192 bits and an odd public exponent from 3 to 2^33")]
    RsaSize,
}

impl KeyParts {
    /// The RFC 7638 thumbprint with SHA-256.
    pub fn thumbprint(&self) -> KeyId {
        let members: BTreeMap<&str, &str> = match self {
            Self::Rsa { n, e } => [("kty", "RSA"), ("n", n), ("e", e)].into(),
            Self::Ec { crv, x, y } => [("kty", "EC"), ("crv", crv), ("x", x), ("y", y)].into(),
            Self::Okp { crv, x } => [("kty", "OKP"), ("crv", crv), ("x", x)].into(),
        };
        // A sorted map of strings: this is the canonical form, and writing it cannot fail.
        let canonical = serde_json::to_vec(&members).unwrap_or_default();
        KeyId(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, &canonical)))
    }

    /// The algorithms that a key of this kind can be used with; none when the kind is unknown here.
    pub(crate) fn algorithms(&self) -> &'static [Algorithm] {
        match self {
            Self::Rsa { .. } => &[Algorithm::RS256, Algorithm::PS256],
            Self::Ec { crv, .. } if crv == "P-256" => &[Algorithm::ES256],
            Self::Ec { crv, .. } if crv == "P-384" => &[Algorithm::ES384],
            Self::Okp { crv, .. } if crv == "Ed25519" => &[Algorithm::EdDSA],
            Self::Ec { .. } | Self::Okp { .. } => &[],
        }
    }
}

/// A public key that was looked at, for exactly one algorithm.
#[derive(Debug)]
pub(crate) struct Verifier {
    pub(crate) algorithm: Algorithm,
    key: DecodingKey,
}

impl Verifier {
    /// Looks at a key once for all checks to come.
    pub(crate) fn new(algorithm: Algorithm, parts: &KeyParts) -> Result<Self, JwkError> {
        if !parts.algorithms().contains(&algorithm) {
            return Err(JwkError::OtherKind(algorithm));
        }
        let key = match (algorithm, parts) {
            (_, KeyParts::Rsa { n, e }) => rsa(n, e)?,
            (Algorithm::ES384, KeyParts::Ec { x, y, .. }) => point(&signature::ECDSA_P384_SHA384_FIXED, 48, x, y)?,
            (_, KeyParts::Ec { x, y, .. }) => point(&signature::ECDSA_P256_SHA256_FIXED, 32, x, y)?,
            (_, KeyParts::Okp { x, .. }) => edwards(x)?,
        };
        Ok(Self { algorithm, key })
    }

    /// Whether `signature`, in base64url, is this key's signature of `message`.
    pub(crate) fn check(&self, message: &str, signature: &str) -> Result<(), VerifyError> {
        match crypto::verify(signature, message.as_bytes(), &self.key, theirs(self.algorithm)) {
            Ok(true) => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::Base64(_)) => Err(VerifyError::Malformed),
            Ok(false) | Err(_) => Err(VerifyError::Signature),
        }
    }
}

const fn theirs(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    match algorithm {
        Algorithm::RS256 => jsonwebtoken::Algorithm::RS256,
        Algorithm::PS256 => jsonwebtoken::Algorithm::PS256,
        Algorithm::ES256 => jsonwebtoken::Algorithm::ES256,
        Algorithm::ES384 => jsonwebtoken::Algorithm::ES384,
        Algorithm::EdDSA => jsonwebtoken::Algorithm::EdDSA,
    }
}

/// The size is looked at only when something is verified; a key that can never verify is refused when it is registered.
/// How the signature is padded makes no difference to the key.
fn rsa(n: &str, e: &str) -> Result<DecodingKey, JwkError> {
    let (n, e) = (decode(n)?, decode(e)?);
    let zeros = n.first().map_or(0, |byte| byte.leading_zeros());
    let bits = (n.len() * 8).saturating_sub(usize::try_from(zeros).unwrap_or(0));
    let exponent = e.iter().take(9).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    if !(2048..=8192).contains(&bits) || exponent % 2 == 0 || !(3..1 << 33).contains(&exponent) {
        return Err(JwkError::RsaSize);
    }
    let key = DecodingKey::from_rsa_raw_components(&n, &e);
    let parsed = RsaPublicKeyComponents { n, e }.to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256);
    parsed.map(|_| key).map_err(|_| JwkError::Invalid)
}

/// Coordinates have their full length (RFC 7518, section 6.2.1.2), and together they lie on the curve.
fn point(curve: &'static EcdsaVerificationAlgorithm, length: usize, x: &str, y: &str) -> Result<DecodingKey, JwkError> {
    sized(length, x)?;
    sized(length, y)?;
    parsed(curve, DecodingKey::from_ec_components(x, y))
}

fn edwards(x: &str) -> Result<DecodingKey, JwkError> {
    sized(32, x)?;
    parsed(&signature::ED25519, DecodingKey::from_ed_components(x))
}

/// The key again, if its bytes are one of that kind.
fn parsed(
    kind: &'static dyn VerificationAlgorithm,
    key: jsonwebtoken::errors::Result<DecodingKey>,
) -> Result<DecodingKey, JwkError> {
    let key = key.map_err(|_| JwkError::Invalid)?;
    let bytes = key.try_get_as_bytes().map_err(|_| JwkError::Invalid)?;
    ParsedPublicKey::new(kind, bytes).map_err(|_| JwkError::Invalid)?;
    Ok(key)
}

fn sized(length: usize, text: &str) -> Result<(), JwkError> {
    if decode(text)?.len() == length { Ok(()) } else { Err(JwkError::Invalid) }
}

fn decode(text: &str) -> Result<Vec<u8>, JwkError> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| JwkError::Invalid)
}
