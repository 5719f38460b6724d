//! Hashes that other programs made, so that people who come from there keep their passwords.
//!
//! They are read, bounded and compared here, and never made: at the next login the password is hashed as all of ours. What is
//! stored is the text as it came, but for `{SSHA}`: one round of SHA-1 is as good as the password itself to whoever steals the
//! database, so it is put into an argon2id hash before it is stored.
//!
//! The password is taken byte by byte as it was typed, as those programs do; ours alone bring it to Unicode NFC.

use std::num::NonZeroU32;

use aws_lc_rs::{digest, pbkdf2};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use vestibule_core::crypto::same_secret;
use zeroize::Zeroizing;

use crate::{
    crypt::Crypt,
    firebase::{self, Firebase},
    hash::{Argon2Hash, HashError, unreadable},
    mark::{must_change, unmarked},
};

/// The most rounds of PBKDF2, times the blocks of its output: a second or two of one core.
const MAX_ROUNDS: u64 = 5_000_000;
/// The highest cost of bcrypt, as a power of two: two seconds.
const MAX_BCRYPT: u32 = 15;
/// The most memory of scrypt in bytes.
const MAX_SCRYPT_BYTES: u64 = 256 << 20;
/// The most memory of scrypt times its lanes: a few seconds.
const MAX_SCRYPT_WORK: u64 = 1 << 30;
/// How long an output may be. A shorter one has been cut off, and an empty one would be everybody's.
pub(crate) const OUTPUT: std::ops::RangeInclusive<usize> = 16..=64;
/// The longest salt.
const MAX_SALT: usize = 256;
/// How an `{SSHA}` hash begins in LDAP (RFC 2307).
const SSHA: &str = "{SSHA}";
/// How one begins that was put into an argon2id hash.
const WRAPPED: &str = "{SSHA-ARGON2}";

/// A hash of another program, read and found bearable.
pub(crate) enum Foreign {
    Pbkdf2 { algorithm: pbkdf2::Algorithm, rounds: NonZeroU32, salt: Vec<u8>, output: Vec<u8> },
    Scrypt { params: scrypt::Params, salt: Vec<u8>, output: Vec<u8> },
    Bcrypt(String),
    Crypt(Crypt),
    Firebase(Firebase),
}

impl Foreign {
    /// Reads a hash by what it begins with; `None` when it is of none of these kinds.
    pub(crate) fn read(text: &str) -> Result<Option<Self>, HashError> {
        let kind = text.split('$').nth(1).filter(|_| text.starts_with('$')).unwrap_or_default();
        match kind {
            "2a" | "2b" | "2y" => bcrypt(text).map(Some),
            "scrypt" => self::scrypt(text).map(Some),
            "5" | "6" | "y" => Crypt::read(kind, text).map(|hash| Some(Self::Crypt(hash))),
            firebase::KIND => Firebase::read(text).map(|hash| Some(Self::Firebase(hash))),
            "pbkdf2" | "pbkdf2-sha1" | "pbkdf2-sha256" | "pbkdf2-sha512" => phc_pbkdf2(kind, text).map(Some),
            _ if text.starts_with("pbkdf2_sha") => django(text).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether this is the password, compared in constant time.
    pub(crate) fn verify(&self, typed: &SecretString) -> Result<bool, HashError> {
        let password = typed.expose_secret().as_bytes();
        match self {
            Self::Pbkdf2 { algorithm, rounds, salt, output } => {
                let mut made = Zeroizing::new(vec![0; output.len()]);
                pbkdf2::derive(*algorithm, *rounds, salt, password, &mut made);
                Ok(same_secret(&made, output))
            }
            Self::Scrypt { params, salt, output } => {
                let mut made = Zeroizing::new(vec![0; output.len()]);
                scrypt::scrypt(password, salt, params, &mut made).map_err(unreadable)?;
                Ok(same_secret(&made, output))
            }
            // It looks at 72 bytes, as the program did that made it; our own hash, made of all of them, follows.
            Self::Bcrypt(text) => bcrypt::verify(password, text).map_err(unreadable),
            Self::Crypt(hash) => hash.verify(typed),
            Self::Firebase(hash) => hash.verify(typed),
        }
    }
}

/// `$2b$12$` with 22 characters of salt and 31 of hash.
fn bcrypt(text: &str) -> Result<Foreign, HashError> {
    let parts: bcrypt::HashParts = text.parse().map_err(unreadable)?;
    if text.len() != 60 {
        return Err(unreadable("a bcrypt hash has 60 characters"));
    }
    match parts.get_cost() {
        4..=MAX_BCRYPT => Ok(Foreign::Bcrypt(text.to_owned())),
        cost => Err(HashError::TooCostly(format!("bcrypt with a cost of {cost}"))),
    }
}

/// `$scrypt$ln=17,r=8,p=1$SALT$HASH`.
fn scrypt(text: &str) -> Result<Foreign, HashError> {
    let [params, salt, output] = fields(text)?;
    let (mut log_n, mut block, mut lanes) = (None, None, None);
    for (name, value) in pairs(params) {
        match name {
            "ln" => log_n = Some(number(value)?),
            "r" => block = Some(number(value)?),
            "p" => lanes = Some(number(value)?),
            _ => return Err(unreadable("it has a parameter that scrypt has not")),
        }
    }
    let (Some(log_n), Some(block), Some(lanes)) = (log_n, block, lanes) else {
        return Err(unreadable("a parameter of scrypt is missing"));
    };
    let params = scrypt_params(log_n, block, lanes)?;
    Ok(Foreign::Scrypt { params, salt: salt_of(salt)?, output: output_of(output)? })
}

/// The parameters of scrypt, if they are bearable.
pub(crate) fn scrypt_params(log_n: u32, block: u32, lanes: u32) -> Result<scrypt::Params, HashError> {
    let bytes = 1_u64.checked_shl(log_n).and_then(|n| n.checked_mul(128)).and_then(|n| n.checked_mul(block.into()));
    let bytes = bytes.filter(|bytes| log_n < 32 && *bytes <= MAX_SCRYPT_BYTES);
    let work = bytes.and_then(|bytes| bytes.checked_mul(lanes.into()));
    if work.is_none_or(|work| work > MAX_SCRYPT_WORK) {
        return Err(HashError::TooCostly(format!("scrypt with ln={log_n}, r={block}, p={lanes}")));
    }
    let log_n = u8::try_from(log_n).map_err(unreadable)?;
    scrypt::Params::new(log_n, block, lanes).map_err(unreadable)
}

/// `$pbkdf2-sha256$i=600000,l=32$SALT$HASH`, and as passlib writes it, `$pbkdf2-sha256$29000$SALT$HASH`.
fn phc_pbkdf2(kind: &str, text: &str) -> Result<Foreign, HashError> {
    let [params, salt, output] = fields(text)?;
    let output = output_of(output)?;
    let mut rounds = params;
    if params.contains('=') {
        rounds = "";
        for (name, value) in pairs(params) {
            match name {
                "i" => rounds = value,
                "l" if usize::try_from(number(value)?) == Ok(output.len()) => {}
                _ => return Err(unreadable("it has a parameter that does not fit")),
            }
        }
    }
    pbkdf2(kind.trim_start_matches("pbkdf2").trim_start_matches('-'), number(rounds)?, salt_of(salt)?, output)
}

/// `pbkdf2_sha256$870000$SALT$HASH`: the salt is text, the hash in base64.
fn django(text: &str) -> Result<Foreign, HashError> {
    let mut parts = text.split('$');
    let (Some(kind), Some(rounds), Some(salt), Some(output), None) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(unreadable("a hash of Django has four parts"));
    };
    let digest = match kind {
        "pbkdf2_sha1" => "sha1",
        "pbkdf2_sha256" => "sha256",
        _ => return Err(unreadable("it is of no kind that is known")),
    };
    pbkdf2(digest, number(rounds)?, bounded(salt.as_bytes().to_vec())?, output_of(output)?)
}

fn pbkdf2(digest: &str, rounds: u32, salt: Vec<u8>, output: Vec<u8>) -> Result<Foreign, HashError> {
    let (algorithm, block) = match digest {
        "" | "sha1" => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
        "sha256" => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
        "sha512" => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
        _ => return Err(unreadable("it is of no kind that is known")),
    };
    let blocks = u64::try_from(output.len().div_ceil(block)).map_err(unreadable)?;
    if u64::from(rounds).saturating_mul(blocks) > MAX_ROUNDS {
        return Err(HashError::TooCostly(format!("PBKDF2 with {rounds} rounds")));
    }
    let rounds = NonZeroU32::new(rounds).ok_or_else(|| unreadable("it has no rounds"))?;
    Ok(Foreign::Pbkdf2 { algorithm, rounds, salt, output })
}

/// What Keycloak exports of a credential: JSON with JSON in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Keycloak {
    #[serde(rename = "type", default)]
    kind: Option<String>,
    secret_data: String,
    credential_data: String,
}

#[derive(Deserialize)]
struct KeycloakSecret {
    value: String,
    salt: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KeycloakMethod {
    hash_iterations: u32,
    algorithm: String,
    #[serde(default)]
    additional_parameters: std::collections::BTreeMap<String, Vec<String>>,
}

/// Of what kind a credential of Keycloak is.
pub(crate) enum FromKeycloak {
    Argon2(Argon2Hash),
    Foreign(Foreign),
}

/// Reads a credential of Keycloak.
pub(crate) fn keycloak(text: &str) -> Result<FromKeycloak, HashError> {
    // What serde says of an error may repeat what is there, so it is not said.
    let broken = |_: serde_json::Error| unreadable("it is no credential of Keycloak");
    let credential: Keycloak = serde_json::from_str(text).map_err(broken)?;
    if credential.kind.is_some_and(|kind| kind != "password") {
        return Err(unreadable("this credential of Keycloak is no password"));
    }
    let secret: KeycloakSecret = serde_json::from_str(&credential.secret_data).map_err(broken)?;
    let method: KeycloakMethod = serde_json::from_str(&credential.credential_data).map_err(broken)?;
    let (salt, output) = (salt_of(&secret.salt)?, output_of(&secret.value)?);
    if method.algorithm == "argon2" {
        let more = |name: &str| method.additional_parameters.get(name).and_then(|values| values.first());
        let kind = more("type").map_or("id", String::as_str);
        let version = match more("version").map_or("1.3", String::as_str) {
            "1.3" => 0x13,
            "1.0" => 0x10,
            _ => return Err(unreadable("this version of argon2 is not known")),
        };
        let memory_kib = number(more("memory").map_or("7168", String::as_str))?;
        let lanes = number(more("parallelism").map_or("1", String::as_str))?;
        let params = crate::HashParams { memory_kib, passes: method.hash_iterations, lanes };
        return Argon2Hash::of(&format!("argon2{kind}"), version, params, &salt, &output).map(FromKeycloak::Argon2);
    }
    let digest = match method.algorithm.as_str() {
        "pbkdf2" => "sha1",
        "pbkdf2-sha256" => "sha256",
        "pbkdf2-sha512" => "sha512",
        _ => return Err(unreadable("this algorithm of Keycloak is not known")),
    };
    pbkdf2(digest, method.hash_iterations, salt, output).map(FromKeycloak::Foreign)
}

/// A hash of LDAP: of the password and a salt, one round of SHA-1.
pub(crate) struct Ssha {
    /// What argon2id is made of, as if it were the password.
    pub(crate) digest: SecretString,
    salt: Vec<u8>,
}

impl Ssha {
    /// Reads `{SSHA}` with the hash and then the salt in base64.
    pub(crate) fn read(text: &str) -> Option<Result<Self, HashError>> {
        let encoded = text.strip_prefix(SSHA)?;
        let read = || {
            let bytes = base64(encoded)?;
            let (hash, salt) = bytes.split_at_checked(20).ok_or_else(|| unreadable("its hash is too short"))?;
            if salt.is_empty() {
                return Err(unreadable("it has no salt"));
            }
            Ok(Self { digest: hex(hash), salt: bounded(salt.to_vec())? })
        };
        Some(read())
    }

    /// What is stored, when `argon2` is the hash of the digest.
    pub(crate) fn wrapped(&self, argon2: &str) -> String {
        format!("{WRAPPED}{}{argon2}", STANDARD_NO_PAD.encode(&self.salt))
    }

    /// The salt and the argon2 hash of what is stored.
    pub(crate) fn unwrap(text: &str) -> Option<Result<(Vec<u8>, &str), HashError>> {
        let (salt, argon2) =
            text.strip_prefix(WRAPPED)?.split_at_checked(text.find('$')?.checked_sub(WRAPPED.len())?)?;
        Some(salt_of(salt).map(|salt| (salt, argon2)))
    }

    /// What a password is to such an argon2 hash.
    pub(crate) fn digest_of(password: &SecretString, salt: &[u8]) -> SecretString {
        let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        context.update(password.expose_secret().as_bytes());
        context.update(salt);
        hex(context.finish().as_ref())
    }

    /// The salt of such a hash, as it came or as it is stored.
    fn salt_in(text: &str) -> Option<Vec<u8>> {
        let came = Self::read(text).and_then(Result::ok).map(|ssha| ssha.salt);
        came.or_else(|| Self::unwrap(text).and_then(Result::ok).map(|(salt, _)| salt))
    }
}

/// Whether `stored` is what was made of `hash` when that was stored. Of an `{SSHA}` hash the salt tells: each has its own. That it must
/// change was said since, unless `hash` says it.
pub fn same_hash(stored: &str, hash: &str) -> bool {
    if must_change(hash) && !must_change(stored) {
        return false;
    }
    let (stored, hash) = (unmarked(stored), unmarked(hash));
    stored == hash || Ssha::salt_in(stored).is_some_and(|salt| Ssha::salt_in(hash) == Some(salt))
}

fn hex(bytes: &[u8]) -> SecretString {
    SecretString::from(bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// Parameters, salt and hash of a PHC string without a version.
pub(crate) fn fields(text: &str) -> Result<[&str; 3], HashError> {
    let mut parts = text.split('$').skip(2);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(params), Some(salt), Some(output), None) => Ok([params, salt, output]),
        _ => Err(unreadable("it has no parameters, no salt or no hash")),
    }
}

pub(crate) fn pairs(params: &str) -> impl Iterator<Item = (&str, &str)> {
    params.split(',').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// A number without a sign. One that is too large for us costs too much, whatever it is the number of.
pub(crate) fn number(text: &str) -> Result<u32, HashError> {
    if text.is_empty() || text.len() > 20 || !text.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(unreadable("a parameter is no number"));
    }
    text.parse().map_err(|_| HashError::TooCostly("a parameter of it".to_owned()))
}

/// Base64 with and without padding, and with the `.` that passlib writes for `+`.
fn base64(text: &str) -> Result<Vec<u8>, HashError> {
    let text = text.trim_end_matches('=').replace('.', "+");
    STANDARD_NO_PAD.decode(text).map_err(|_| unreadable("it is not in base64"))
}

fn salt_of(text: &str) -> Result<Vec<u8>, HashError> {
    bounded(base64(text)?)
}

pub(crate) fn bounded(salt: Vec<u8>) -> Result<Vec<u8>, HashError> {
    if salt.len() > MAX_SALT { Err(unreadable("its salt is too long")) } else { Ok(salt) }
}

fn output_of(text: &str) -> Result<Vec<u8>, HashError> {
    let output = base64(text)?;
    if OUTPUT.contains(&output.len()) { Ok(output) } else { Err(unreadable("its hash is too short or too long")) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        HashParams,
        hash::{Memory, StoredHash, check_hash},
    };

    fn verify(password: &str, hash: &str) -> Result<bool, HashError> {
        Memory::default().verify(&password.into(), &StoredHash::read(hash)?)
    }

    /// Of `lètmein`; made by OpenSSL through Python's hashlib, by libxcrypt, and by the argon2 reference implementation.
    const MADE_ELSEWHERE: [&str; 9] = [
        "$pbkdf2-sha256$i=2000,l=32$c2l4dGVlbiBieXRlcyAuLg$jL4yo3qHacO6RTyHzti9EJ8VG/dEQygv7ZVmQfX4BZ0",
        "$pbkdf2-sha512$i=1000,l=64$c2l4dGVlbiBieXRlcyAuLg$HODQAssaKxcpOCRWq6XynA39PtWpKY3qqYlFpYHXNaa3iRWLUJorIu+/ttHj+c2Ra4vjsVzA0+a19FJHlowEzQ",
        "$pbkdf2-sha256$2900$c2l4dGVlbiBieXRlcyAuLg$lykA3Uulr.H6QLgCCdi3WaWZoz6B4L7Zmw7Z1.qJ6og",
        "pbkdf2_sha256$2600$seasalt$4A1UR6ZWkfnWicMLF/9JEY5nbjwI/KqeaJDYzdsqM9U=",
        "$scrypt$ln=10,r=8,p=1$c2l4dGVlbiBieXRlcyAuLg$iHuCQ/UVjciH923ko22WW84dENw+wrVFMqH46LVVnOU",
        "$2a$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG",
        "$2b$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG",
        "$2y$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG",
        "$argon2id$v=19$m=7168,t=5,p=1$c2l4dGVlbiBieXRlcyAuLg$gGNiMn1qsGJNfA2Xabf2MBsyYztV3+B5nXA7q0hbNwc",
    ];

    #[test]
    fn hashes_of_other_programs_verify_and_are_to_be_made_anew() {
        for hash in MADE_ELSEWHERE {
            assert_eq!(check_hash(hash), Ok(()), "{hash}");
            assert_eq!(verify("lètmein", hash), Ok(true), "{hash}");
            for wrong in ["letmein", "lètmein ", "", "Lètmein"] {
                assert_eq!(verify(wrong, hash), Ok(false), "{wrong} {hash}");
            }
            assert!(StoredHash::read(hash).unwrap().outdated(HashParams::default()), "{hash}");
        }
    }

    #[test]
    fn published_vectors_verify() {
        // RFC 7914, sections 11 and 12, and the tests of crypt_blowfish.
        let scrypt = "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA";
        assert_eq!(verify("password", scrypt), Ok(true));
        assert_eq!(verify("Password", scrypt), Ok(false));
        let pbkdf2 = "$pbkdf2-sha256$i=80000,l=64$TmFDbA$TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1ah1CWhIlgzVJrbhBtRybMXaicr3ruh0HhHj2Kzl/M8jQ";
        assert_eq!(verify("Password", pbkdf2), Ok(true));
        assert_eq!(verify("U*U", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"), Ok(true));
    }

    #[test]
    fn bcrypt_looks_at_72_bytes_as_its_maker_did() {
        let hash = "$2b$04$abcdefghijklmnopqrstuubzadhGtS2zEF.gu0yd0opP6cVzb.e0i";
        assert_eq!(verify(&"x".repeat(80), hash), Ok(true));
        assert_eq!(verify(&"x".repeat(72), hash), Ok(true));
        assert_eq!(verify(&"x".repeat(71), hash), Ok(false));
    }

    fn of_keycloak(algorithm: &str, rounds: u64, value: &str, more: &str) -> String {
        serde_json::json!({
            "type": "password",
            "secretData": format!(r#"{{"value":"{value}","salt":"c2l4dGVlbiBieXRlcyAuLg==","additionalParameters":{{}}}}"#),
            "credentialData": format!(r#"{{"hashIterations":{rounds},"algorithm":"{algorithm}","additionalParameters":{{{more}}}}}"#),
        })
        .to_string()
    }

    const OF_ARGON2: &str = "gGNiMn1qsGJNfA2Xabf2MBsyYztV3+B5nXA7q0hbNwc=";
    const OF_SHA256: &str = "ZxarHme1/rvZmyQ80gsmHPAeUt9bbDB2QgpT12RRaN78bwdvYARn10/Ip4jvDoTPE0k3Npev7zLexTKAfbqj1A==";

    #[test]
    fn credentials_of_keycloak_verify() {
        let argon2 = r#""hashLength":["32"],"memory":["7168"],"type":["id"],"version":["1.3"],"parallelism":["1"]"#;
        let sha512 = "HODQAssaKxcpOCRWq6XynA39PtWpKY3qqYlFpYHXNaa3iRWLUJorIu+/ttHj+c2Ra4vjsVzA0+a19FJHlowEzQ==";
        for hash in [
            of_keycloak("pbkdf2-sha256", 2750, OF_SHA256, ""),
            of_keycloak("pbkdf2-sha512", 1000, sha512, ""),
            of_keycloak("argon2", 5, OF_ARGON2, argon2),
        ] {
            assert_eq!(check_hash(&hash), Ok(()), "{hash}");
            assert_eq!((verify("lètmein", &hash), verify("letmein", &hash)), (Ok(true), Ok(false)), "{hash}");
        }
    }

    #[test]
    fn a_069_no_hash_of_absurd_cost_is_taken_over() {
        let salted = "c2l4dGVlbiBieXRlcyAuLg";
        let out = "jL4yo3qHacO6RTyHzti9EJ8VG/dEQygv7ZVmQfX4BZ0";
        for costly in [
            format!("$pbkdf2-sha256$i=1000000000,l=32${salted}${out}"),
            format!("$pbkdf2-sha256$1000000000${salted}${out}"),
            format!("$pbkdf2-sha256$99999999999999${salted}${out}"),
            format!("pbkdf2_sha256$1000000000$seasalt${out}"),
            format!("$scrypt$ln=22,r=8,p=1${salted}${out}"),
            format!("$scrypt$ln=32,r=1,p=1${salted}${out}"),
            format!("$scrypt$ln=63,r=8,p=1${salted}${out}"),
            format!("$scrypt$ln=4294967295,r=8,p=1${salted}${out}"),
            format!("$scrypt$ln=15,r=8,p=4294967295${salted}${out}"),
            format!("$scrypt$ln=10,r=4294967295,p=1${salted}${out}"),
            "$2b$16$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG".to_owned(),
            "$2b$31$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG".to_owned(),
            of_keycloak("pbkdf2-sha256", 1_000_000_000, OF_SHA256, ""),
            // Two blocks of output: each round counts twice.
            of_keycloak("pbkdf2-sha256", 2_600_000, OF_SHA256, ""),
            of_keycloak("argon2", 1, OF_ARGON2, r#""memory":["4194304"]"#),
            of_keycloak("argon2", 1_000_000_000, OF_ARGON2, ""),
        ] {
            assert!(matches!(check_hash(&costly), Err(HashError::TooCostly(_))), "{costly}");
        }
    }

    #[test]
    fn what_is_cut_off_empty_or_of_another_kind_is_refused_and_not_repeated() {
        let salted = "c2l4dGVlbiBieXRlcyAuLg";
        for bad in [
            "hunter2".to_owned(),
            "{SSHA}".to_owned(),
            "{SSHA}5iK7YuNaw/Q3abqX7Uhz8joACVU=".to_owned(),
            "{MD5}5iK7YuNaw/Q3abqX7Uhz8joACVVzYWx0c2FsdA==".to_owned(),
            "{SSHA-ARGON2}c2FsdA".to_owned(),
            "{SSHA-ARGON2}$argon2id$".to_owned(),
            format!("$pbkdf2-sha256$i=2000,l=0${salted}$"),
            format!("$pbkdf2-sha256$i=2000${salted}$AAAA"),
            format!("$pbkdf2-sha256$i=0${salted}$jL4yo3qHacO6RTyHzti9EJ8VG/dEQygv7ZVmQfX4BZ0"),
            format!("$pbkdf2-sha256$i=2000,l=64${salted}$jL4yo3qHacO6RTyHzti9EJ8VG/dEQygv7ZVmQfX4BZ0"),
            format!("$pbkdf2-md5$i=2000${salted}$jL4yo3qHacO6RTyHzti9EJ8VG/dEQygv7ZVmQfX4BZ0"),
            format!("$scrypt$ln=10,r=8${salted}$jL4yo3qHacO6RTyHzti9EJ8VG/dEQygv7ZVmQfX4BZ0"),
            format!("$scrypt$ln=10,r=0,p=1${salted}$jL4yo3qHacO6RTyHzti9EJ8VG/dEQygv7ZVmQfX4BZ0"),
            "$2b$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbt".to_owned(),
            "$2b$03$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG".to_owned().replace("03", "xx"),
            "pbkdf2_sha256$2600$seasalt".to_owned(),
            "pbkdf2_md5$2600$seasalt$4A1UR6ZWkfnWicMLF/9JEY5nbjwI/KqeaJDYzdsqM9U=".to_owned(),
            "{}".to_owned(),
            of_keycloak("md5", 1, OF_SHA256, ""),
            of_keycloak("pbkdf2-sha256", 1, "hunter2=", ""),
            of_keycloak("pbkdf2-sha256", 1, OF_SHA256, "").replace("password", "otp"),
            format!("$pbkdf2-sha256$i=2000${}$jL4yo3qHacO6RTyHzti9EJ8VG/dEQygv7ZVmQfX4BZ0", "A".repeat(4000)),
        ] {
            let refused = check_hash(&bad);
            assert!(matches!(refused, Err(HashError::Unreadable(_))), "{bad}: {refused:?}");
            assert!(!refused.unwrap_err().to_string().contains("hunter2"));
        }
        assert!(check_hash("$2b$03$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG").is_err());
    }

    const OF_LDAP: &str = "{SSHA}5iK7YuNaw/Q3abqX7Uhz8joACVVzYWx0c2FsdA==";

    #[tokio::test]
    async fn a_hash_of_ldap_is_stored_within_argon2_and_once() {
        let params = HashParams { memory_kib: 64, passes: 1, lanes: 1 };
        let pool = crate::HashPool::new(crate::PoolSettings { params, ..Default::default() }).unwrap();
        assert_eq!(check_hash(OF_LDAP), Ok(()));
        assert!(StoredHash::read(OF_LDAP).is_err(), "as it came it is compared with nothing");
        let kept = pool.keep(OF_LDAP).await.unwrap();
        assert!(kept.starts_with("{SSHA-ARGON2}c2FsdHNhbHQ$argon2id$v=19$m=64,"), "{kept}");
        assert_eq!(pool.verify(&"lètmein".into(), &kept).await, Ok(true));
        assert_eq!(pool.verify(&"letmein".into(), &kept).await, Ok(false));
        assert_eq!(pool.outdated(&kept), Ok(true));
        let again = pool.keep(OF_LDAP).await.unwrap();
        assert_ne!(again, kept);
        assert!(same_hash(&kept, OF_LDAP) && same_hash(&kept, &again));
        assert!(
            !same_hash(&kept, "{SSHA}5iK7YuNaw/Q3abqX7Uhz8joACVVzYWx0c2FsdB==") && !same_hash(&kept, MADE_ELSEWHERE[0])
        );
        assert_eq!(pool.keep(MADE_ELSEWHERE[0]).await.as_deref(), Ok(MADE_ELSEWHERE[0]));
        assert!(!same_hash(MADE_ELSEWHERE[0], MADE_ELSEWHERE[1]));
    }
}
