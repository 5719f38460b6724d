//! Password hashes: PHC strings, their parameters, and how one is computed in memory that is reused.
//!
//! A password is brought to Unicode NFC first, as RFC 8265 (section 4.2) asks, so that an `é` typed on one keyboard is the
//! `é` of another. NFKC, the road not taken, would make different passwords equal (`２` and `2`).

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;
use vestibule_core::{
    crypto::same_secret,
    random::{Random, RandomExt as _},
};
use zeroize::Zeroizing;

use crate::{
    foreign::{Foreign, FromKeycloak, Ssha, keycloak},
    mark::unmarked,
};

/// What a hash costs. The default is what OWASP and the `argon2` crate recommend: 19 MiB, 2 passes, 1 lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HashParams {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// How often the memory is gone through.
    pub passes: u32,
    /// How many lanes it is divided into. They are filled one after the other: each thread of the pool has one core.
    pub lanes: u32,
}

impl Default for HashParams {
    fn default() -> Self {
        Self { memory_kib: Params::DEFAULT_M_COST, passes: Params::DEFAULT_T_COST, lanes: Params::DEFAULT_P_COST }
    }
}

/// Why a hash could not be made or compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many are waiting, or this one waited too long.
    #[error("too many passwords are being hashed at the moment")]
    Busy,
    /// The text is no hash of a kind that is known.
    #[error("this is no password hash that is known here: {0}")]
    Unreadable(String),
    /// Its parameters would keep a core or the memory busy for too long.
    #[error("{0} costs more than this server is willing to spend on one password")]
    TooCostly(String),
    /// The machine has no memory for it.
    #[error("there is no memory for it")]
    NoMemory,
    /// The pool has stopped.
    #[error("the pool has stopped")]
    Stopped,
}

impl HashParams {
    /// The most memory of one hash.
    pub const MAX_MEMORY_KIB: u32 = 1024 * 1024;
    /// The most passes of one hash.
    pub const MAX_PASSES: u32 = 64;
    /// The most lanes of one hash.
    pub const MAX_LANES: u32 = 16;
    /// The most memory times passes: a few seconds of one core.
    const MAX_WORK: u64 = 4 * 1024 * 1024;

    /// Refuses parameters with which one login could stop the server: a hash may come from an import.
    ///
    /// # Errors
    /// [`HashError::TooCostly`] beyond the limits, [`HashError::Unreadable`] below what argon2 allows.
    pub fn check(self) -> Result<Self, HashError> {
        let work = u64::from(self.memory_kib) * u64::from(self.passes);
        let bearable = self.memory_kib <= Self::MAX_MEMORY_KIB
            && self.passes <= Self::MAX_PASSES
            && self.lanes <= Self::MAX_LANES
            && work <= Self::MAX_WORK;
        if !bearable {
            let Self { memory_kib, passes, lanes } = self;
            return Err(HashError::TooCostly(format!("argon2 with m={memory_kib}, t={passes}, p={lanes}")));
        }
        self.to_argon2().map(|_| self)
    }

    fn to_argon2(self) -> Result<Params, HashError> {
        Params::new(self.memory_kib, self.passes, self.lanes, None).map_err(unreadable)
    }

    /// A hash that no password has, at the cost of a real one: compared with when there is nobody to compare with.
    pub(crate) fn decoy(self, random: &dyn Random) -> Result<String, HashError> {
        Ok(phc(&self.to_argon2()?, &random.bytes::<SALT>(), &random.bytes::<OUTPUT>())?.to_string())
    }
}

const SALT: usize = 16;
const OUTPUT: usize = Params::DEFAULT_OUTPUT_LEN;

pub(crate) fn unreadable(why: impl std::fmt::Display) -> HashError {
    HashError::Unreadable(why.to_string())
}

fn phc(params: &Params, salt: &[u8], output: &[u8]) -> Result<PasswordHash, HashError> {
    Ok(PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).map_err(unreadable)?,
        salt: Some(Salt::new(salt).map_err(unreadable)?),
        hash: Some(Output::new(output).map_err(unreadable)?),
    })
}

/// A stored hash, read and found bearable.
pub(crate) enum StoredHash {
    /// One of ours, or of another program that uses argon2.
    Argon2(Argon2Hash),
    /// One of another kind.
    Foreign(Foreign),
    /// Argon2 of an `{SSHA}` hash with this salt.
    Wrapped(Vec<u8>, Argon2Hash),
}

/// An argon2 hash, read and found bearable.
pub(crate) struct Argon2Hash {
    argon2: Argon2<'static>,
    params: HashParams,
    current_kind: bool,
    salt: Vec<u8>,
    output: Vec<u8>,
}

/// The longest text that is looked at.
const MAX_TEXT: usize = 4096;

impl StoredHash {
    /// Reads what is stored of a password.
    pub(crate) fn read(text: &str) -> Result<Self, HashError> {
        if text.len() > MAX_TEXT {
            return Err(unreadable("it is too long"));
        }
        let text = unmarked(text);
        if let Some(wrapped) = Ssha::unwrap(text) {
            let (salt, argon2) = wrapped?;
            return Ok(Self::Wrapped(salt, Argon2Hash::read(argon2)?));
        }
        if text.starts_with('{') {
            return keycloak(text).map(|read| match read {
                FromKeycloak::Argon2(hash) => Self::Argon2(hash),
                FromKeycloak::Foreign(hash) => Self::Foreign(hash),
            });
        }
        match Foreign::read(text)? {
            Some(foreign) => Ok(Self::Foreign(foreign)),
            None => Argon2Hash::read(text).map(Self::Argon2),
        }
    }

    /// Whether a hash made today would be made otherwise.
    pub(crate) fn outdated(&self, wanted: HashParams) -> bool {
        match self {
            Self::Argon2(hash) => !hash.current_kind || hash.params != wanted,
            Self::Foreign(_) | Self::Wrapped(..) => true,
        }
    }
}

/// Whether a hash may be taken over from elsewhere: it is of a kind that is known, and not too costly.
///
/// # Errors
/// Why not. It repeats nothing of the text, which may be a password in the wrong place.
pub fn check_hash(text: &str) -> Result<(), HashError> {
    match Ssha::read(unmarked(text)) {
        Some(ssha) => ssha.map(drop),
        None => StoredHash::read(text).map(drop),
    }
}

impl Argon2Hash {
    fn read(text: &str) -> Result<Self, HashError> {
        let hash = PasswordHash::new(text).map_err(unreadable)?;
        // A hash without a version is of the first one (PHC string format of argon2).
        let version = hash.version.unwrap_or(Version::V0x10.into());
        let params = Params::try_from(&hash).map_err(unreadable)?;
        let params = HashParams { memory_kib: params.m_cost(), passes: params.t_cost(), lanes: params.p_cost() };
        let (Some(salt), Some(output)) = (hash.salt, hash.hash) else {
            return Err(unreadable("it has no salt or no hash"));
        };
        Self::of(hash.algorithm.as_str(), version, params, &salt, output.as_bytes())
    }

    /// From its parts.
    pub(crate) fn of(
        algorithm: &str,
        version: u32,
        params: HashParams,
        salt: &[u8],
        output: &[u8],
    ) -> Result<Self, HashError> {
        let algorithm = Algorithm::try_from(algorithm).map_err(unreadable)?;
        let version = Version::try_from(version).map_err(unreadable)?;
        let params = params.check()?;
        if !(Output::MIN_LENGTH..=Output::MAX_LENGTH).contains(&output.len()) {
            return Err(unreadable("its hash is too short or too long"));
        }
        Ok(Self {
            argon2: Argon2::new(algorithm, version, params.to_argon2()?),
            params,
            current_kind: algorithm == Algorithm::Argon2id && version == Version::V0x13 && output.len() == OUTPUT,
            salt: salt.to_vec(),
            output: output.to_vec(),
        })
    }
}

/// The memory of one thread, kept from one hash to the next: asking the system for 19 MiB and having it zeroed each time
/// costs a few per cent of a hash when the machine is idle (see `benches/hash.rs`), and much more when all threads ask at once.
///
/// It is not wiped in between: that would cost again what reusing it gains, the next hash overwrites it, and whoever reads the
/// memory of this process finds passwords in plain text where they arrive. What is derived from the password alone
/// (the first hash, the last block) is wiped, by the `zeroize` feature of `argon2`.
#[derive(Default)]
pub(crate) struct Memory(Vec<Block>);

impl Memory {
    fn blocks(&mut self, count: usize) -> Result<&mut [Block], HashError> {
        if let Some(missing) = count.checked_sub(self.0.len()) {
            self.0.try_reserve_exact(missing).map_err(|_| HashError::NoMemory)?;
            self.0.resize(count, Block::new());
        }
        self.0.get_mut(..count).ok_or(HashError::NoMemory)
    }

    /// Gives back what a hash beyond the usual size has taken.
    pub(crate) fn shrink_to(&mut self, params: HashParams) {
        let usual = usize::try_from(params.memory_kib).unwrap_or(0);
        if self.0.len() > usual {
            self.0.truncate(usual);
            self.0.shrink_to_fit();
        }
    }

    /// Hashes a new password.
    pub(crate) fn hash(
        &mut self,
        password: &SecretString,
        params: HashParams,
        salt: [u8; SALT],
    ) -> Result<String, HashError> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.to_argon2()?);
        let output = self.compute::<OUTPUT>(&argon2, password, &salt, OUTPUT)?;
        Ok(phc(argon2.params(), &salt, output.as_slice())?.to_string())
    }

    /// Whether this is the password of that hash, compared in constant time.
    pub(crate) fn verify(&mut self, password: &SecretString, stored: &StoredHash) -> Result<bool, HashError> {
        match stored {
            StoredHash::Argon2(hash) => self.verify_argon2(password, hash),
            StoredHash::Foreign(hash) => hash.verify(password),
            StoredHash::Wrapped(salt, hash) => self.verify_argon2(&Ssha::digest_of(password, salt), hash),
        }
    }

    fn verify_argon2(&mut self, password: &SecretString, stored: &Argon2Hash) -> Result<bool, HashError> {
        let wanted = stored.output.as_slice();
        let output = self.compute::<{ Output::MAX_LENGTH }>(&stored.argon2, password, &stored.salt, wanted.len())?;
        Ok(output.get(..wanted.len()).is_some_and(|output| same_secret(output, wanted)))
    }

    fn compute<const N: usize>(
        &mut self,
        argon2: &Argon2<'_>,
        password: &SecretString,
        salt: &[u8],
        length: usize,
    ) -> Result<Zeroizing<[u8; N]>, HashError> {
        let password = Zeroizing::new(password.expose_secret().nfc().collect::<String>());
        let mut buffer = Zeroizing::new([0; N]);
        let output = buffer.get_mut(..length).ok_or_else(|| unreadable("its hash is too long"))?;
        let blocks = self.blocks(argon2.params().block_count())?;
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, output, blocks).map_err(unreadable)?;
        Ok(buffer)
    }
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier as _;

    use super::*;

    const CHEAP: HashParams = HashParams { memory_kib: 64, passes: 1, lanes: 1 };

    fn verify(password: &str, hash: &str) -> Result<bool, HashError> {
        Memory::default().verify(&password.into(), &StoredHash::read(hash)?)
    }

    #[test]
    fn a_hash_is_an_ordinary_phc_string() {
        let hash = Memory::default().hash(&"correct horse".into(), HashParams::default(), [7; 16]).unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(Argon2::default().verify_password(b"correct horse", hash.as_str()).is_ok());
        assert_eq!(verify("correct horse", &hash), Ok(true));
        assert_eq!(verify("correct hors", &hash), Ok(false));
    }

    #[test]
    fn a_hash_of_another_program_verifies() {
        // The reference implementation's: echo -n password | argon2 somesalt -t 2 -m 16 -p 4 -l 24
        let reference = "$argon2i$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$RdescudvJCsgt3ub+b+dWRWJTmaaJObG";
        assert_eq!(verify("password", reference), Ok(true));
        assert_eq!(verify("Password", reference), Ok(false));
        assert!(StoredHash::read(reference).unwrap().outdated(HashParams { memory_kib: 65536, passes: 2, lanes: 4 }));
    }

    #[test]
    fn memory_that_was_used_before_gives_the_same_hash() {
        let mut memory = Memory::default();
        let fresh = memory.hash(&"a".into(), CHEAP, [1; 16]).unwrap();
        memory.hash(&"b".into(), HashParams { memory_kib: 256, passes: 2, lanes: 2 }, [2; 16]).unwrap();
        assert_eq!(memory.hash(&"a".into(), CHEAP, [1; 16]).unwrap(), fresh);
        memory.shrink_to(CHEAP);
        assert_eq!(memory.0.len(), 64);
    }

    #[test]
    fn composed_and_decomposed_are_one_password_and_full_width_is_another() {
        let hash = Memory::default().hash(&"caf\u{e9} 2".into(), CHEAP, [1; 16]).unwrap();
        assert_eq!(verify("cafe\u{301} 2", &hash), Ok(true));
        assert_eq!(verify("caf\u{e9} ２", &hash), Ok(false));
    }

    #[test]
    fn a_069_a_hash_of_absurd_cost_is_refused_before_any_work() {
        let hash = |params: &str| format!("$argon2id$v=19${params}$c29tZXNhbHRzYWx0$RdescudvJCsgt3ub+b+dWRWJTmaaJObG");
        assert!(StoredHash::read(&hash("m=1048576,t=4,p=1")).is_ok());
        for absurd in [
            "m=4194304,t=1,p=1",
            "m=1048577,t=1,p=1",
            "m=64,t=65,p=1",
            "m=1024,t=1000000000,p=1",
            "m=1024,t=1,p=17",
            "m=1048576,t=5,p=1",
        ] {
            assert!(matches!(StoredHash::read(&hash(absurd)), Err(HashError::TooCostly(_))), "{absurd}");
        }
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for bad in [
            "",
            "plain",
            "$argon2id$v=19$m=64,t=1,p=1",
            "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzYWx0",
            "$argon2id$v=18$m=64,t=1,p=1$c29tZXNhbHRzYWx0$RdescudvJCsgt3ub+b+dWRWJTmaaJObG",
            "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHRzYWx0$RdescudvJCsgt3ub+b+dWRWJTmaaJObG",
        ] {
            assert!(matches!(StoredHash::read(bad), Err(HashError::Unreadable(_))), "{bad:?}");
        }
    }

    #[test]
    fn a_decoy_is_bearable_current_and_nobodys() {
        let random = vestibule_core::random::SystemRandom::default();
        let decoy = CHEAP.decoy(&random).unwrap();
        assert!(!StoredHash::read(&decoy).unwrap().outdated(CHEAP));
        assert_ne!(decoy, CHEAP.decoy(&random).unwrap());
        assert_eq!(verify("", &decoy), Ok(false));
    }
}
