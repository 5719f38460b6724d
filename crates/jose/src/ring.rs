//! The keys of this server at one instant.
//!
//! A key's life is four times, and its state is a pure function of them and the present:
//!
//! ```text
//! created_at ──── Next ──── activates_at ──── Current ──── retires_at ──── Previous ──── removed_at ──── Retired
//!             published                    published, signs            published, verifies           deleted
//! ```
//!
//! So a promotion needs nobody to be awake: the times are written days before. A [`KeyRing`] is immutable; when
//! [`KeyRing::changes_at`] has come, [`KeyRing::at`] makes the next one without parsing a key again.

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    algorithm::Algorithm,
    compact::Compact,
    jwk::{Jwk, KeyId},
    key::{KeyError, SigningKey},
    verify::{Expect, Verified, VerifyError, verify},
};

/// A signing key as the store keeps it (it seals `pkcs8`). Times are microseconds since the Unix epoch.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// Its name: the thumbprint, checked again when it is read.
    pub id: KeyId,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// The private key in PKCS#8.
    pub pkcs8: Zeroizing<Vec<u8>>,
    /// When it was made, and from when it is published.
    pub created_at: i64,
    /// From when it signs.
    pub activates_at: i64,
    /// From when it signs no more, since another one does; `None` while none is planned.
    pub retires_at: Option<i64>,
    /// From when it neither verifies nor is published.
    pub removed_at: Option<i64>,
}

impl std::fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("StoredKey").field(&self.meta()).finish()
    }
}

impl StoredKey {
    /// A new key's record.
    ///
    /// # Errors
    /// When the key cannot be written as PKCS#8.
    pub fn new(key: &SigningKey, created_at: i64, activates_at: i64) -> Result<Self, KeyError> {
        Ok(Self {
            id: key.id().clone(),
            algorithm: key.algorithm(),
            pkcs8: key.to_pkcs8()?,
            created_at,
            activates_at,
            retires_at: None,
            removed_at: None,
        })
    }

    /// Everything but the secret.
    pub fn meta(&self) -> KeyMeta {
        KeyMeta {
            id: self.id.clone(),
            algorithm: self.algorithm,
            created_at: self.created_at,
            activates_at: self.activates_at,
            retires_at: self.retires_at,
            removed_at: self.removed_at,
        }
    }

    fn parse(&self) -> Result<SigningKey, KeyError> {
        let key = SigningKey::from_pkcs8(self.algorithm, &self.pkcs8)?;
        if *key.id() != self.id {
            return Err(KeyError::OtherKey { stored: self.id.clone(), found: key.id().clone() });
        }
        Ok(key)
    }
}

/// What is known of a key without its secret: for rotation, and for pages that list keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeyMeta {
    /// Its name.
    pub id: KeyId,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// When it was made, and from when it is published.
    pub created_at: i64,
    /// From when it signs.
    pub activates_at: i64,
    /// From when it signs no more; `None` while no successor is planned.
    pub retires_at: Option<i64>,
    /// From when it neither verifies nor is published.
    pub removed_at: Option<i64>,
}

/// Where a key stands in its life. The order is the order in the JWK Set: some old clients take the first key that they see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// Published and signing.
    Current,
    /// Published, so that everybody knows it before it is used; not signing yet.
    Next,
    /// Published and verifying until the last token that it signed has expired.
    Previous,
    /// Neither published nor verifying.
    Retired,
}

impl KeyMeta {
    /// Where it stands at `now`.
    pub fn state(&self, now: i64) -> KeyState {
        let past = |at: Option<i64>| at.is_some_and(|at| at <= now);
        if past(self.removed_at) {
            KeyState::Retired
        } else if past(self.retires_at) {
            KeyState::Previous
        } else if now < self.activates_at {
            KeyState::Next
        } else {
            KeyState::Current
        }
    }

    /// What decides between two keys that both could sign: the one that became current last.
    pub(crate) fn seniority(&self) -> (i64, i64, &str) {
        (self.activates_at, self.created_at, self.id.as_str())
    }
}

/// The keys of this server at one instant. Cheap to clone, to be held in an `Arc` and swapped.
#[derive(Clone, Debug)]
pub struct KeyRing {
    /// In the order of the JWK Set; no retired ones.
    keys: Vec<RingKey>,
    jwks: Box<[u8]>,
    etag: String,
    /// Differs whenever this ring could verify otherwise than another.
    fingerprint: [u8; 32],
    changes_at: Option<i64>,
}

#[derive(Clone, Debug)]
struct RingKey {
    meta: KeyMeta,
    state: KeyState,
    key: SigningKey,
}

impl KeyRing {
    /// Parses what is stored. Retired keys are left out, and not even parsed.
    ///
    /// # Errors
    /// When one of the keys cannot be read: a server that forgot one of its keys would refuse good tokens.
    pub fn new(stored: &[StoredKey], now: i64) -> Result<Self, KeyError> {
        let living = stored.iter().filter(|stored| stored.meta().state(now) != KeyState::Retired);
        let keys: Result<Vec<_>, _> = living.map(|stored| Ok((stored.meta(), stored.parse()?))).collect();
        keys.map(|keys| Self::of(keys, now))
    }

    /// The same keys at another instant.
    #[must_use]
    pub fn at(&self, now: i64) -> Self {
        Self::of(self.keys.iter().map(|key| (key.meta.clone(), key.key.clone())).collect(), now)
    }

    fn of(keys: Vec<(KeyMeta, SigningKey)>, now: i64) -> Self {
        let mut keys: Vec<RingKey> =
            keys.into_iter().map(|(meta, key)| RingKey { state: meta.state(now), meta, key }).collect();
        keys.retain(|key| key.state != KeyState::Retired);
        keys.sort_by(|a, b| a.state.cmp(&b.state).then_with(|| b.meta.seniority().cmp(&a.meta.seniority())));
        let times = keys.iter().flat_map(|key| [Some(key.meta.activates_at), key.meta.retires_at, key.meta.removed_at]);
        let changes_at = times.flatten().filter(|at| *at > now).min();
        let jwks = jwk_set(&keys);
        // Half a digest tells versions of one document apart.
        let digest = digest::digest(&digest::SHA256, &jwks);
        let half = digest.as_ref().get(..16).unwrap_or_default();
        Self {
            etag: format!("\"{}\"", URL_SAFE_NO_PAD.encode(half)),
            fingerprint: fingerprint(&keys),
            keys,
            jwks,
            changes_at,
        }
    }

    /// The key that signs with this algorithm; `None` when there is none, and then nothing can be signed.
    pub fn current(&self, algorithm: Algorithm) -> Option<&SigningKey> {
        let mut current = self.keys.iter().filter(|key| key.state == KeyState::Current);
        current.find(|key| key.key.algorithm() == algorithm).map(|key| &key.key)
    }

    /// The key of that name, if it is published.
    pub fn verify_key(&self, kid: &str) -> Option<&SigningKey> {
        self.find(kid).map(|key| &key.key)
    }

    fn find(&self, kid: &str) -> Option<&RingKey> {
        self.keys.iter().find(|key| key.meta.id.as_str() == kid)
    }

    /// The keys and where they stand, in the order of the JWK Set.
    pub fn keys(&self) -> impl Iterator<Item = (&KeyMeta, KeyState)> {
        self.keys.iter().map(|key| (&key.meta, key.state))
    }

    /// The JWK Set (RFC 7517, section 5), ready to be sent.
    pub fn jwks(&self) -> &[u8] {
        &self.jwks
    }

    /// The entity tag of [`KeyRing::jwks`], quotes included (RFC 9110, section 8.8.3).
    pub fn etag(&self) -> &str {
        &self.etag
    }

    pub(crate) fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// When one of the keys changes its state: then it is time for [`KeyRing::at`].
    pub fn changes_at(&self) -> Option<i64> {
        self.changes_at
    }

    /// Verifies a token of our own. The key is the one that `kid` names among ours, the algorithm is that key's.
    ///
    /// # Errors
    /// [`VerifyError`] says what is wrong, for the log.
    pub fn verify<T: DeserializeOwned>(&self, token: &str, expect: &Expect<'_>) -> Result<T, VerifyError> {
        self.verify_until(token, expect).map(|verified| verified.claims)
    }

    /// As [`KeyRing::verify`], with the instant from which the token is refused.
    pub(crate) fn verify_until<T: DeserializeOwned>(
        &self,
        token: &str,
        expect: &Expect<'_>,
    ) -> Result<Verified<T>, VerifyError> {
        let compact = Compact::split(token)?;
        let header = compact.header()?;
        let key = header.kid.as_deref().and_then(|kid| self.find(kid)).ok_or(VerifyError::UnknownKey)?;
        // The ring may be a moment old; a key that was withdrawn is not believed a moment longer.
        if key.meta.state(expect.now) == KeyState::Retired {
            return Err(VerifyError::UnknownKey);
        }
        let mut verified = verify(&compact, &header.alg, header.typ.as_deref(), key.key.verifier(), expect)?;
        verified.ends_at = key.meta.removed_at.map_or(verified.ends_at, |removed| removed.min(verified.ends_at));
        Ok(verified)
    }
}

/// The names of the keys and until when each is believed. A name has one length, so no two lists meet.
fn fingerprint(keys: &[RingKey]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for key in keys {
        context.update(key.meta.id.as_str().as_bytes());
        context.update(key.key.algorithm().as_str().as_bytes());
        context.update(&key.meta.removed_at.unwrap_or(i64::MAX).to_be_bytes());
    }
    to_array(&context.finish())
}

/// A SHA-256 digest as an array.
pub(crate) fn to_array(digest: &digest::Digest) -> [u8; 32] {
    let mut array = [0; 32];
    array.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    array
}

fn jwk_set(keys: &[RingKey]) -> Box<[u8]> {
    #[derive(Serialize)]
    struct Set<'a> {
        keys: Vec<&'a Jwk>,
    }
    let set = Set { keys: keys.iter().map(|key| key.key.public_jwk()).collect() };
    // Strings in structs: writing them to memory cannot fail.
    serde_json::to_vec(&set).unwrap_or_default().into()
}
