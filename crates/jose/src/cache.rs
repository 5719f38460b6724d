//! Tokens that were verified a moment ago: checking an ES256 signature costs three times what making it does, and the same
//! access token comes again and again.
//!
//! An entry is found by a digest over the token, what was expected of it and the key ring that verified it. So another
//! expectation is another entry, and a key that is withdrawn takes all that it verified along. Whether an entry still
//! counts is decided by the caller's `now`, as in every other place; moka's own clock only frees the memory.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::digest;
use moka::{Expiry, sync::Cache};
use serde::de::DeserializeOwned;

use crate::{
    compact::MAX_TOKEN,
    ring::{KeyRing, to_array},
    verify::{Expect, Typ, VerifyError},
};

/// What an entry costs beside its claims: the digest, the counters and links of the cache.
const OVERHEAD: usize = 256;

/// Verified tokens, bounded in memory. Choose a lean `T`: it is what the memory goes to.
pub struct VerifiedCache<T> {
    entries: Cache<[u8; 32], Entry<T>>,
}

struct Entry<T> {
    claims: Arc<T>,
    /// From when the token is refused.
    ends_at: i64,
    life: Duration,
    weight: u32,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { claims: Arc::clone(&self.claims), ..*self }
    }
}

impl<T> std::fmt::Debug for VerifiedCache<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerifiedCache({} entries)", self.entries.entry_count())
    }
}

impl<T: Send + Sync + 'static> Default for VerifiedCache<T> {
    /// 4 MiB: some 5,000 tokens of usual size.
    fn default() -> Self {
        Self::new(4 * 1024 * 1024)
    }
}

impl<T: Send + Sync + 'static> VerifiedCache<T> {
    /// A cache of about that many bytes, reckoned by the length of the tokens.
    pub fn new(bytes: u64) -> Self {
        let entries = Cache::builder()
            .max_capacity(bytes)
            .weigher(|_, entry: &Entry<T>| entry.weight)
            .expire_after(AsTheToken)
            .build();
        Self { entries }
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> VerifiedCache<T> {
    /// As [`KeyRing::verify`], from memory where that says the same. A refusal is never remembered: whoever sends bad
    /// tokens would fill the cache with them.
    ///
    /// # Errors
    /// [`VerifyError`] says what is wrong, for the log.
    pub fn verify(&self, ring: &KeyRing, token: &str, expect: &Expect<'_>) -> Result<Arc<T>, VerifyError> {
        if expect.accept_expired || token.len() > MAX_TOKEN {
            return ring.verify(token, expect).map(Arc::new);
        }
        let name = name(ring, token, expect);
        if let Some(entry) = self.entries.get(&name).filter(|entry| expect.now < entry.ends_at) {
            return Ok(entry.claims);
        }
        let verified = ring.verify_until(token, expect)?;
        let claims = Arc::new(verified.claims);
        let life = u64::try_from(verified.ends_at.saturating_sub(expect.now)).unwrap_or(0);
        let entry = Entry {
            claims: Arc::clone(&claims),
            ends_at: verified.ends_at,
            life: Duration::from_micros(life),
            weight: u32::try_from(token.len() + OVERHEAD).unwrap_or(u32::MAX),
        };
        self.entries.insert(name, entry);
        Ok(claims)
    }
}

/// The digest of everything that the outcome depends on but the time. Each part is preceded by its length.
fn name(ring: &KeyRing, token: &str, expect: &Expect<'_>) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut add = |part: &[u8]| {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    };
    let (kind, typ): (&[u8], &str) = match expect.typ {
        Typ::Is(typ) => (b"is", typ),
        Typ::Plain => (b"plain", ""),
        Typ::PlainOr(typ) => (b"plain or", typ),
    };
    for part in [ring.fingerprint().as_slice(), token.as_bytes(), kind, typ.as_bytes(), expect.issuer.as_bytes()] {
        add(part);
    }
    add(&expect.leeway.as_micros().to_be_bytes());
    // No audience asked for is not the same as an empty list of them.
    add(if expect.audience.is_some() { b"audience" } else { b"" });
    expect.audience.into_iter().flatten().for_each(|audience| add(audience.as_bytes()));
    to_array(&context.finish())
}

struct AsTheToken;

impl<T> Expiry<[u8; 32], Entry<T>> for AsTheToken {
    fn expire_after_create(&self, _: &[u8; 32], entry: &Entry<T>, _: Instant) -> Option<Duration> {
        Some(entry.life)
    }
}
