//! The master key and what is derived from it: a [`Sealer`] for secrets at rest, and a [`Prf`] for every keyed hash.
//!
//! One key, kept outside the database, protects what is inside it. Each use has a domain of its own, so that a value
//! made for one purpose means nothing for another (a code is never found as a refresh token). All cryptography is
//! aws-lc-rs: AES-256-GCM-SIV (RFC 8452), which forgives a repeated nonce, HKDF (RFC 5869) and HMAC-SHA256 (RFC 2104).

use aws_lc_rs::{
    aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey},
    digest, hkdf, hmac,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::random::{Random, RandomExt};

/// The key from which all others are derived: 32 random bytes from a file, the environment, or the data folder.
pub struct MasterKey(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// Why a master key could not be read.
#[derive(Debug, thiserror::Error)]
#[error("a master key is 32 bytes, written as 43 characters of base64url without padding")]
pub struct NotAMasterKey;

impl MasterKey {
    /// A new key.
    pub fn generate(random: &dyn Random) -> Self {
        Self(Zeroizing::new(random.bytes()))
    }

    /// Reads the text form; white space at the ends is ignored, since editors add a line end.
    ///
    /// # Errors
    /// When the text is not 32 bytes in base64url.
    pub fn from_text(text: &str) -> Result<Self, NotAMasterKey> {
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| NotAMasterKey)?);
        let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| NotAMasterKey)?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// The text form that [`MasterKey::from_text`] reads.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0.as_slice()))
    }

    /// The sealer of this key.
    pub fn sealer(&self) -> Sealer {
        let key = self.derive("vestibule seal v1");
        let id = key_id(&self.derive("vestibule key id v1"));
        Sealer { id, key: aead_key(&key) }
    }

    /// The keyed hash of this key.
    pub fn prf(&self) -> Prf {
        Prf(hmac::Key::new(hmac::HMAC_SHA256, self.derive("vestibule prf v1").as_slice()))
    }

    #[expect(clippy::expect_used, reason = "HKDF-SHA256 always gives 32 bytes")]
    fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"vestibule").extract(self.0.as_slice());
        let mut out = Zeroizing::new([0; 32]);
        let info = [purpose.as_bytes()];
        prk.expand(&info, hkdf::HKDF_SHA256).and_then(|okm| okm.fill(out.as_mut_slice())).expect("32 bytes");
        out
    }
}

#[expect(clippy::expect_used, reason = "the key is 32 bytes, as the algorithm wants")]
fn aead_key(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM_SIV, key).expect("32 bytes"))
}

fn key_id(bytes: &[u8; 32]) -> [u8; 4] {
    let digest = digest::digest(&digest::SHA256, bytes);
    let mut id = [0; 4];
    id.iter_mut().zip(digest.as_ref()).for_each(|(to, from)| *to = *from);
    id
}

/// Encrypts secrets for the database. A sealed value is `version (1) || key id (4) || nonce (12) || ciphertext and tag`.
pub struct Sealer {
    id: [u8; 4],
    key: LessSafeKey,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

/// Why a sealed value could not be opened.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OpenError {
    /// It was sealed with another master key.
    #[error("this was sealed with another master key")]
    OtherKey,
    /// It is damaged, or belongs to another row.
    #[error("this sealed value is damaged or belongs to another record")]
    Damaged,
}

impl Sealer {
    const VERSION: u8 = 1;
    const HEAD: usize = 1 + 4 + 12;

    /// Seals `plain` for the record named by `record` (for example `signing_key/2f…`): it opens for no other record, so
    /// that rows cannot be swapped inside the database.
    #[expect(clippy::expect_used, reason = "sealing fails only beyond 64 GiB")]
    pub fn seal(&self, record: &str, plain: &[u8], random: &dyn Random) -> Vec<u8> {
        let nonce: [u8; 12] = random.bytes();
        let mut body = plain.to_vec();
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(record.as_bytes()), &mut body)
            .expect("a short message");
        let mut sealed = Vec::with_capacity(Self::HEAD + body.len());
        sealed.push(Self::VERSION);
        sealed.extend_from_slice(&self.id);
        sealed.extend_from_slice(&nonce);
        sealed.append(&mut body);
        sealed
    }

    /// Opens what [`Sealer::seal`] made for the same `record`.
    ///
    /// # Errors
    /// [`OpenError`] tells another master key from a damaged value.
    pub fn open(&self, record: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (head, body) = sealed.split_at_checked(Self::HEAD).ok_or(OpenError::Damaged)?;
        let [version, head @ ..] = head else { return Err(OpenError::Damaged) };
        let (id, nonce) = head.split_at_checked(4).ok_or(OpenError::Damaged)?;
        if *version != Self::VERSION {
            return Err(OpenError::Damaged);
        }
        if id != self.id {
            return Err(OpenError::OtherKey);
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OpenError::Damaged)?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self
            .key
            .open_in_place(nonce, Aad::from(record.as_bytes()), body.as_mut_slice())
            .map_err(|_| OpenError::Damaged)?
            .len();
        body.truncate(length);
        Ok(body)
    }
}

/// A keyed pseudo-random function with a domain for each use.
#[derive(Clone)]
pub struct Prf(hmac::Key);

impl std::fmt::Debug for Prf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Prf(…)")
    }
}

impl Prf {
    /// The 32 bytes for `parts` in `domain`. Each part is preceded by its length, so that no two lists of parts meet.
    pub fn bytes(&self, domain: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in std::iter::once(&domain.as_bytes()).chain(parts) {
            context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(part);
        }
        let tag = context.sign();
        let mut out = [0; 32];
        out.iter_mut().zip(tag.as_ref()).for_each(|(to, from)| *to = *from);
        out
    }

    /// [`Prf::bytes`] as 43 characters of base64url: the form in which hashes of secrets are stored and looked up.
    pub fn text(&self, domain: &str, parts: &[&[u8]]) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes(domain, parts))
    }
}

/// Compares two secrets in a time that does not depend on where they differ.
pub fn same_secret(a: &[u8], b: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(a, b).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn a_sealed_value_opens_only_for_its_record_and_its_key() {
        let random = SystemRandom::default();
        let (key, other) = (MasterKey::generate(&random), MasterKey::generate(&random));
        let sealed = key.sealer().seal("key/1", b"secret", &random);
        assert_eq!(key.sealer().open("key/1", &sealed).unwrap().as_slice(), b"secret");
        assert_eq!(key.sealer().open("key/2", &sealed), Err(OpenError::Damaged));
        assert_eq!(other.sealer().open("key/1", &sealed), Err(OpenError::OtherKey));
        assert_eq!(key.sealer().open("key/1", &sealed[..10]), Err(OpenError::Damaged));
    }

    #[test]
    fn the_master_key_survives_its_text_form() {
        let random = SystemRandom::default();
        let key = MasterKey::generate(&random);
        let read = MasterKey::from_text(&format!("{}\n", *key.to_text())).unwrap();
        assert_eq!(key.prf().text("a", &[b"b"]), read.prf().text("a", &[b"b"]));
        assert!(MasterKey::from_text("short").is_err());
    }

    #[test]
    fn domains_and_parts_do_not_meet() {
        let prf = MasterKey::generate(&SystemRandom::default()).prf();
        assert_ne!(prf.text("a", &[b"bc"]), prf.text("ab", &[b"c"]));
        assert_ne!(prf.text("a", &[b"b", b"c"]), prf.text("a", &[b"bc"]));
    }

    #[test]
    fn secrets_do_not_print() {
        let key = MasterKey::generate(&SystemRandom::default());
        assert_eq!(format!("{key:?} {:?} {:?}", key.sealer(), key.prf()), "MasterKey(…) Sealer(…) Prf(…)");
    }
}
