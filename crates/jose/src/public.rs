//! The public keys of somebody else: of a client that signs its assertions, of an upstream provider.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{
    algorithm::Algorithm,
    compact::Compact,
    jwk::{Jwk, JwkError, Verifier},
    verify::{Expect, VerifyError, allowed, verify},
};

/// The largest JWK Set that is read, in bytes.
const MAX_SET: usize = 64 * 1024;
/// The most keys in one.
const MAX_KEYS: usize = 50;
/// What only a private or symmetric key has (RFC 7518, section 6; RFC 8037, section 2).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The usable keys of a JWK Set, parsed.
#[derive(Debug)]
pub struct PublicKeys(Vec<Key>);

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    verifier: Verifier,
}

/// Why a JWK Set is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum JwksError {
    /// Larger than anything that is read.
    #[error("a JWK Set has at most 64 kB and 50 keys")]
    TooLarge,
    /// Not an object with an array `keys` of objects.
    #[error("this is no JWK Set (RFC 7517, section 5)")]
    Malformed,
    /// Its owner has published a secret: that key is worth nothing now, and its owner must hear of it.
    #[error("key {0} of the set holds a private or symmetric key; publish only the public part, and replace that key")]
    Private(usize),
    /// A key that makes no sense.
    #[error("key {0} of the set: {1}")]
    Key(usize, JwkError),
    /// Nothing that could verify anything.
    #[error("no key of the set can verify RS256, PS256, ES256, ES384 or EdDSA")]
    NoUsableKey,
}

impl PublicKeys {
    /// Reads a JWK Set. Keys of a kind, curve, algorithm or use that is unknown here are passed over, as RFC 7517,
    /// section 5, asks; a private, symmetric or weak one has the whole set refused.
    ///
    /// # Errors
    /// [`JwksError`] says what is wrong, for whoever registers the set.
    pub fn from_jwks(json: &[u8]) -> Result<Self, JwksError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Map<String, Value>>,
        }
        if json.len() > MAX_SET {
            return Err(JwksError::TooLarge);
        }
        let set: Set = crate::compact::object(json).ok_or(JwksError::Malformed)?;
        if set.keys.len() > MAX_KEYS {
            return Err(JwksError::TooLarge);
        }
        let mut keys = Vec::new();
        for (index, jwk) in set.keys.into_iter().enumerate() {
            let symmetric = jwk.get("kty").is_some_and(|kty| kty == "oct");
            if symmetric || PRIVATE.iter().any(|member| jwk.contains_key(*member)) {
                return Err(JwksError::Private(index));
            }
            keys.append(&mut usable(jwk).map_err(|error| JwksError::Key(index, error))?);
        }
        if keys.is_empty() { Err(JwksError::NoUsableKey) } else { Ok(Self(keys)) }
    }

    /// Verifies a token by one of these keys: one of that `kid` if the token names one, and for an algorithm that is both
    /// allowed here and the key's own.
    ///
    /// # Errors
    /// [`VerifyError`] says what is wrong, for the log.
    pub fn verify<T: DeserializeOwned>(
        &self,
        token: &str,
        algorithms: &[Algorithm],
        expect: &Expect<'_>,
    ) -> Result<T, VerifyError> {
        let compact = Compact::split(token)?;
        let header = compact.header()?;
        let algorithm = allowed(&header.alg, algorithms)?;
        let named = |key: &&Key| header.kid.is_none() || key.kid == header.kid;
        let mut outcome = Err(VerifyError::UnknownKey);
        for key in self.0.iter().filter(named).filter(|key| key.verifier.algorithm == algorithm) {
            outcome = verify(&compact, &header.alg, header.typ.as_deref(), &key.verifier, expect);
            if !matches!(outcome, Err(VerifyError::Signature)) {
                break;
            }
        }
        outcome.map(|verified| verified.claims)
    }
}

/// The key once for each algorithm that it may be used with: an RSA key that does not say is for RS256 and PS256.
fn usable(jwk: Map<String, Value>) -> Result<Vec<Key>, JwkError> {
    let known = jwk.get("kty").is_some_and(|kty| ["RSA", "EC", "OKP"].iter().any(|name| kty == name));
    if !known {
        return Ok(Vec::new());
    }
    let jwk: Jwk = serde_json::from_value(Value::Object(jwk)).map_err(|_| JwkError::Invalid)?;
    let for_signatures = jwk.usage.as_deref().is_none_or(|usage| usage == "sig");
    let fits = |algorithm: &&Algorithm| jwk.alg.as_deref().is_none_or(|alg| alg == algorithm.as_str());
    let algorithms = jwk.parts.algorithms().iter().filter(|_| for_signatures).filter(fits);
    algorithms
        .map(|algorithm| Ok(Key { kid: jwk.kid.clone(), verifier: Verifier::new(*algorithm, &jwk.parts)? }))
        .collect()
}
