//! A private key that signs with one algorithm.
//!
//! It is parsed once; after that a token costs one signature, two base64url encodings and one allocation that grows no
//! more. An RSA key could sign with RS256 and with PS256, but a key here has one algorithm, so that nobody downstream has
//! to ask which (RFC 8725, section 3.1).

use std::sync::Arc;

use aws_lc_rs::{
    encoding::{AsDer as _, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair as RsaKeyPair, KeySize},
    signature::{self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    algorithm::Algorithm,
    compact::MAX_TOKEN,
    jwk::{Jwk, JwkError, KeyId, KeyParts, Verifier},
};

/// A private key that signs with one algorithm. Cloning it costs nothing.
#[derive(Clone)]
pub struct SigningKey(Arc<Inner>);

struct Inner {
    id: KeyId,
    jwk: Jwk,
    pair: Pair,
    verifier: Verifier,
    /// Headers that are needed again and again, encoded.
    headers: Vec<(Option<&'static str>, String)>,
}

enum Pair {
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The machine could not make one.
    #[error("no {0} key could be generated")]
    Generate(Algorithm),
    /// The bytes hold no private key for that algorithm.
    #[error("these bytes hold no {0} private key in PKCS#8")]
    NotAKey(Algorithm),
    /// The public half is no use.
    #[error(transparent)]
    Public(#[from] JwkError),
    /// What is stored under a name is a key of another name.
    #[error("the key stored as {stored} is {found}")]
    OtherKey {
        /// The name it was stored by.
        stored: KeyId,
        /// The thumbprint of what was found.
        found: KeyId,
    },
}

/// Why a token was not signed.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The claims cannot be written as JSON.
    #[error("the claims cannot be written as JSON")]
    Claims(#[from] serde_json::Error),
    /// Nobody should be given a token that we would not read ourselves.
    #[error("the token would have more than {MAX_TOKEN} bytes")]
    TooLong,
    /// The key did not sign.
    #[error("the key did not sign")]
    Key,
}

/// The types that this server gives its tokens: JWT, access token (RFC 9068), logout token, introspection (RFC 9701).
const COMMON_TYPES: [Option<&str>; 5] =
    [None, Some("JWT"), Some("at+jwt"), Some("logout+jwt"), Some("token-introspection+jwt")];

impl SigningKey {
    /// A new key from the machine's random source (this library takes no other). RSA gets 2048 bits: good until 2030 by
    /// NIST SP 800-57, keys here live for months, and 3072 bits would cost three times as much for each signature.
    ///
    /// # Errors
    /// When the machine has no randomness or no memory.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyError> {
        let failed = |_| KeyError::Generate(algorithm);
        let pair = match algorithm {
            Algorithm::RS256 | Algorithm::PS256 => {
                Pair::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?, padding(algorithm))
            }
            Algorithm::ES256 | Algorithm::ES384 => Pair::Ec(EcdsaKeyPair::generate(curve(algorithm)).map_err(failed)?),
            Algorithm::EdDSA => Pair::Ed(Ed25519KeyPair::generate().map_err(failed)?),
        };
        Self::from_pair(algorithm, pair)
    }

    /// Reads a key in PKCS#8 (RFC 5208; RFC 5958 for Ed25519), DER.
    ///
    /// # Errors
    /// When the bytes hold no private key for that algorithm, or one that is too small.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, KeyError> {
        let failed = |_| KeyError::NotAKey(algorithm);
        let pair = match algorithm {
            Algorithm::RS256 | Algorithm::PS256 => {
                Pair::Rsa(RsaKeyPair::from_pkcs8(pkcs8).map_err(failed)?, padding(algorithm))
            }
            Algorithm::ES256 | Algorithm::ES384 => {
                Pair::Ec(EcdsaKeyPair::from_pkcs8(curve(algorithm), pkcs8).map_err(failed)?)
            }
            Algorithm::EdDSA => Pair::Ed(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(failed)?),
        };
        Self::from_pair(algorithm, pair)
    }

    fn from_pair(algorithm: Algorithm, pair: Pair) -> Result<Self, KeyError> {
        let parts = pair.public_parts(algorithm);
        let verifier = Verifier::new(algorithm, &parts)?;
        let id = parts.thumbprint();
        let headers = COMMON_TYPES.map(|typ| (typ, header(algorithm, &id, typ))).into();
        let jwk =
            Jwk { parts, kid: Some(id.to_string()), alg: Some(algorithm.to_string()), usage: Some("sig".to_owned()) };
        Ok(Self(Arc::new(Inner { id, jwk, pair, verifier, headers })))
    }

    /// The private key in PKCS#8, for the store, which seals it.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der = match &self.0.pair {
            Pair::Rsa(pair, _) => {
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| self.unreadable())?;
                der.as_ref().to_vec()
            }
            Pair::Ec(pair) => pair.to_pkcs8v1().map_err(|_| self.unreadable())?.as_ref().to_vec(),
            Pair::Ed(pair) => pair.to_pkcs8().map_err(|_| self.unreadable())?.as_ref().to_vec(),
        };
        Ok(Zeroizing::new(der))
    }

    /// Its name.
    pub fn id(&self) -> &KeyId {
        &self.0.id
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.0.verifier.algorithm
    }

    /// Its public half, as it stands in the JWK Set.
    pub fn public_jwk(&self) -> &Jwk {
        &self.0.jwk
    }

    fn unreadable(&self) -> KeyError {
        KeyError::NotAKey(self.algorithm())
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// Signs `claims` into a compact JWS whose header is `alg`, `kid` and, when there is one, `typ`.
    ///
    /// # Errors
    /// When the claims are no JSON or the token would be longer than [`MAX_TOKEN`].
    pub fn sign(&self, typ: Option<&str>, claims: &impl Serialize) -> Result<String, SignError> {
        let payload = serde_json::to_vec(claims)?;
        let known = self.0.headers.iter().find(|(known, _)| *known == typ);
        let mut token = String::with_capacity(payload.len() * 4 / 3 + 600);
        match known {
            Some((_, header)) => token.push_str(header),
            None => token.push_str(&header(self.algorithm(), self.id(), typ)),
        }
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(&payload, &mut token);
        self.0.pair.append_signature(&mut token)?;
        if token.len() > MAX_TOKEN { Err(SignError::TooLong) } else { Ok(token) }
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKey({} {})", self.algorithm(), self.id())
    }
}

impl Pair {
    fn public_parts(&self, algorithm: Algorithm) -> KeyParts {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::Rsa(pair, _) => {
                let public = pair.public_key();
                KeyParts::Rsa {
                    n: text(public.modulus().big_endian_without_leading_zero()),
                    e: text(public.exponent().big_endian_without_leading_zero()),
                }
            }
            Self::Ec(pair) => {
                // 4, then both coordinates in their full length.
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len() / 2);
                let crv = if algorithm == Algorithm::ES384 { "P-384" } else { "P-256" };
                KeyParts::Ec { crv: crv.to_owned(), x: text(x), y: text(y) }
            }
            Self::Ed(pair) => KeyParts::Okp { crv: "Ed25519".to_owned(), x: text(pair.public_key().as_ref()) },
        }
    }

    /// Signs what `token` holds and appends a dot and the signature. ECDSA signatures are the two numbers in their full
    /// length, not DER (RFC 7518, section 3.4).
    fn append_signature(&self, token: &mut String) -> Result<(), SignError> {
        let failed = |_| SignError::Key;
        let random = SystemRandom::new();
        let mut rsa = Vec::new();
        let short;
        let signature = match self {
            Self::Rsa(pair, padding) => {
                rsa.resize(pair.public_modulus_len(), 0);
                pair.sign(*padding, &random, token.as_bytes(), &mut rsa).map_err(failed)?;
                rsa.as_slice()
            }
            Self::Ec(pair) => {
                short = pair.sign(&random, token.as_bytes()).map_err(failed)?;
                short.as_ref()
            }
            Self::Ed(pair) => {
                short = pair.try_sign(token.as_bytes()).map_err(failed)?;
                short.as_ref()
            }
        };
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, token);
        Ok(())
    }
}

const fn curve(algorithm: Algorithm) -> &'static EcdsaSigningAlgorithm {
    match algorithm {
        Algorithm::ES384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        _ => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
    }
}

fn padding(algorithm: Algorithm) -> &'static dyn RsaEncoding {
    match algorithm {
        Algorithm::PS256 => &signature::RSA_PSS_SHA256,
        _ => &signature::RSA_PKCS1_SHA256,
    }
}

/// An encoded header: `alg` and `kid` first, as people expect to see them.
fn header(algorithm: Algorithm, id: &KeyId, typ: Option<&str>) -> String {
    // Neither name needs escaping: one is ours, the other base64url. The type is written by serde_json.
    let typ = typ.map(|typ| format!(",\"typ\":{}", serde_json::Value::from(typ))).unwrap_or_default();
    URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"{algorithm}\",\"kid\":\"{id}\"{typ}}}"))
}
