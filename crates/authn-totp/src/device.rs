//! A device: what is kept of one, and whether a code is its own.
//!
//! It is the credential's secret, as JSON, sealed in the database. The last time step that was used is part of it, so that
//! using a step is one conditional update: of two answers with one code the second finds the credential changed (RFC 6238,
//! section 5.2: a code is accepted once).

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use totp_rs::{Builder, Secret};
use vestibule_core::time::Time;
use zeroize::Zeroizing;

/// The length of a time step: the one that every app knows.
const PERIOD: u64 = 30;

/// The hash function of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Algorithm {
    /// The default: many apps take another for this one and then show other codes. That SHA-1 collides does not weaken it
    /// (RFC 4226, appendix B.2).
    #[default]
    #[serde(rename = "SHA1")]
    Sha1,
    /// SHA-256.
    #[serde(rename = "SHA256")]
    Sha256,
    /// SHA-512.
    #[serde(rename = "SHA512")]
    Sha512,
}

impl Algorithm {
    /// How many bytes a new key has: as many as the hash (RFC 4226, section 4, R6; RFC 6238, section 5.1).
    pub(crate) fn key_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl From<Algorithm> for totp_rs::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Sha1 => Self::SHA1,
            Algorithm::Sha256 => Self::SHA256,
            Algorithm::Sha512 => Self::SHA512,
        }
    }
}

/// How many digits the codes of a device have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Digits {
    /// Six, the default.
    #[default]
    Six,
    /// Eight.
    Eight,
}

impl From<Digits> for u8 {
    fn from(digits: Digits) -> Self {
        match digits {
            Digits::Six => 6,
            Digits::Eight => 8,
        }
    }
}

impl TryFrom<u8> for Digits {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        match number {
            6 => Ok(Self::Six),
            8 => Ok(Self::Eight),
            other => Err(format!("6 or 8 is wanted, not {other}")),
        }
    }
}

/// What is kept of a device.
#[derive(Clone, Serialize, Deserialize)]
pub struct Device {
    #[serde(serialize_with = "as_base32", deserialize_with = "from_base32")]
    key: Secret,
    algorithm: Algorithm,
    digits: Digits,
    /// The last time step of which a code was used.
    #[serde(default)]
    last_step: Option<u64>,
}

/// What is kept cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// It cannot be read or written.
    #[error("what is kept of the device cannot be read")]
    Unreadable,
    /// Its key is shorter than RFC 4226 allows (section 4, R6).
    #[error("the device's key is too short")]
    Short,
    /// Its codes cannot be said to an app.
    #[error("the device's key cannot be written for an app")]
    Unsayable,
    /// There is no time step before 1970.
    #[error("the clock is before 1970")]
    Clock,
}

/// What a code is to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The code of this time step, which was not used.
    Fresh(u64),
    /// The code of a time step that was used, or of one before it.
    Used,
    /// None of its codes of this time.
    Nothing,
}

impl Device {
    /// A device with this key, of which no code was used yet.
    pub fn new(key: Vec<u8>, algorithm: Algorithm, digits: Digits) -> Self {
        Self { key: Secret::from(key), algorithm, digits, last_step: None }
    }

    /// Reads what a credential keeps.
    ///
    /// # Errors
    /// When it is no device.
    pub fn read(secret: &SecretString) -> Result<Self, Unusable> {
        serde_json::from_str(secret.expose_secret()).map_err(|_| Unusable::Unreadable)
    }

    /// What a credential keeps.
    ///
    /// # Errors
    /// Never, for a device that was made or read here.
    pub fn secret(&self) -> Result<SecretString, Unusable> {
        serde_json::to_string(self).map(SecretString::from).map_err(|_| Unusable::Unreadable)
    }

    /// How many digits its codes have.
    pub fn digits(&self) -> Digits {
        self.digits
    }

    /// Its key, as it is typed into an app.
    pub fn key(&self) -> String {
        self.key.to_base32()
    }

    /// The same after the code of `step` was used.
    #[must_use]
    pub fn used(self, step: u64) -> Self {
        Self { last_step: Some(step), ..self }
    }

    /// What `code` is to it, `drift` time steps before and after now. Compared in constant time.
    ///
    /// # Errors
    /// When the device cannot be used.
    pub fn find(&self, code: &str, drift: u16, now: Time) -> Result<Found, Unusable> {
        let generator = self.generator().with_skew(drift).build().map_err(|_| Unusable::Short)?;
        let seconds = u64::try_from(now.unix_seconds()).map_err(|_| Unusable::Clock)?;
        Ok(match generator.check(code, seconds) {
            None => Found::Nothing,
            Some(step) if self.last_step.is_some_and(|last| step <= last) => Found::Used,
            Some(step) => Found::Fresh(step),
        })
    }

    /// The `otpauth:` URI by which an app takes it up, for an account at an issuer.
    ///
    /// # Errors
    /// When the device cannot be used.
    pub fn uri(&self, issuer: &str, account: &str) -> Result<String, Unusable> {
        // In the URI a colon parts the two.
        let (issuer, account) = (issuer.replace(':', "-"), account.replace(':', "-"));
        let named = self.generator().with_issuer(Some(issuer)).with_account_name(account);
        named.build().and_then(|named| named.to_url()).map_err(|_| Unusable::Unsayable)
    }

    fn generator(&self) -> Builder {
        Builder::new()
            .with_algorithm(self.algorithm.into())
            .with_digits(self.digits.into())
            .with_step_duration(PERIOD)
            .with_secret(self.key.clone())
    }
}

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Device")
            .field("algorithm", &self.algorithm)
            .field("digits", &self.digits)
            .finish_non_exhaustive()
    }
}

fn as_base32<S: Serializer>(key: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    Zeroizing::new(key.to_base32()).serialize(serializer)
}

fn from_base32<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret, D::Error> {
    let text = Zeroizing::new(String::deserialize(deserializer)?);
    Secret::try_from_base32(text.as_str()).map_err(|_| de::Error::custom("it is not base32"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the ASCII digits, as often as the hash has room.
    fn of_the_rfc(algorithm: Algorithm) -> Device {
        let key = b"1234567890".iter().copied().cycle().take(algorithm.key_bytes()).collect();
        Device::new(key, algorithm, Digits::Eight)
    }

    fn at(seconds: i64) -> Time {
        Time::from_unix_seconds(seconds)
    }

    #[test]
    fn the_vectors_of_rfc_6238_appendix_b_are_found() {
        let vectors = [
            (59, "94287082", "46119246", "90693936"),
            (1_111_111_109, "07081804", "68084774", "25091201"),
            (1_111_111_111, "14050471", "67062674", "99943326"),
            (1_234_567_890, "89005924", "91819424", "93441116"),
            (2_000_000_000, "69279037", "90698825", "38618901"),
            (20_000_000_000, "65353130", "77737706", "47863826"),
        ];
        for (time, sha1, sha256, sha512) in vectors {
            let codes = [(Algorithm::Sha1, sha1), (Algorithm::Sha256, sha256), (Algorithm::Sha512, sha512)];
            for (algorithm, code) in codes {
                let device = of_the_rfc(algorithm);
                let step = u64::try_from(time).unwrap() / 30;
                assert_eq!(device.find(code, 0, at(time)).unwrap(), Found::Fresh(step), "{algorithm:?} at {time}");
                for other in [Algorithm::Sha1, Algorithm::Sha256, Algorithm::Sha512] {
                    let found = of_the_rfc(other).find(code, 0, at(time)).unwrap();
                    assert_eq!(found == Found::Fresh(step), other == algorithm, "{algorithm:?} by {other:?}");
                }
            }
        }
    }

    #[test]
    fn six_digits_are_the_last_six_of_eight() {
        let six = Device { digits: Digits::Six, ..of_the_rfc(Algorithm::Sha1) };
        assert_eq!(six.find("287082", 0, at(59)).unwrap(), Found::Fresh(1));
        for wrong in ["94287082", "942870", "28708", "+87082", "２８７０８２"] {
            assert_eq!(six.find(wrong, 0, at(59)).unwrap(), Found::Nothing, "{wrong}");
        }
    }

    #[test]
    fn a_084_a_code_is_good_for_its_time_and_the_drift_and_no_longer() {
        let device = of_the_rfc(Algorithm::Sha1);
        // The code of the step that begins at 30 s and ends at 60 s.
        for (drift, good) in [(0, 30..=59), (1, 0..=89), (2, 0..=119)] {
            for time in [0, 29, 30, 59, 60, 89, 90, 119, 120, 149] {
                let found = device.find("94287082", drift, at(time)).unwrap();
                assert_eq!(found == Found::Fresh(1), good.contains(&time), "drift {drift} at {time}: {found:?}");
            }
        }
    }

    #[test]
    fn a_084_the_same_and_an_older_time_step_are_used_up() {
        let device = of_the_rfc(Algorithm::Sha1);
        let (older, newer) = ("07081804", "14050471");
        assert_eq!(device.find(older, 1, at(1_111_111_111)).unwrap(), Found::Fresh(37_037_036));
        let device = device.used(37_037_036);
        assert_eq!(device.find(older, 1, at(1_111_111_111)).unwrap(), Found::Used);
        assert_eq!(device.find(newer, 1, at(1_111_111_111)).unwrap(), Found::Fresh(37_037_037));
        let device = device.used(37_037_037);
        for code in [older, newer] {
            assert_eq!(device.find(code, 1, at(1_111_111_111)).unwrap(), Found::Used, "{code}");
        }
    }

    #[test]
    fn what_is_kept_can_be_read_again_and_is_not_printed() {
        let device = Device::new(vec![7; 32], Algorithm::Sha256, Digits::Eight).used(37_037_036);
        let kept = device.secret().unwrap();
        let json: serde_json::Value = serde_json::from_str(kept.expose_secret()).unwrap();
        assert_eq!(json["algorithm"], "SHA256");
        assert_eq!((json["digits"].as_u64(), json["last_step"].as_u64()), (Some(8), Some(37_037_036)));
        let again = Device::read(&kept).unwrap();
        assert_eq!(again.secret().unwrap().expose_secret(), kept.expose_secret());
        assert!(!format!("{device:?}").contains(&device.key()[..8]), "{device:?}");
    }

    #[test]
    fn what_is_no_device_is_refused() {
        let key = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let kept = |key: &str, algorithm: &str, digits: u8| {
            SecretString::from(format!(r#"{{"key":"{key}","algorithm":"{algorithm}","digits":{digits}}}"#))
        };
        assert!(Device::read(&kept(key, "SHA1", 6)).is_ok());
        for bad in [kept("1", "SHA1", 6), kept(key, "MD5", 6), kept(key, "SHA1", 7), "".into(), "{}".into()] {
            assert!(matches!(Device::read(&bad), Err(Unusable::Unreadable)));
        }
        let short = Device::read(&kept("GEZDGNBVGY3TQOJQ", "SHA1", 6)).unwrap();
        assert!(matches!(short.find("123456", 1, at(0)), Err(Unusable::Short)));
        let early = of_the_rfc(Algorithm::Sha1).find("94287082", 1, at(-1));
        assert!(matches!(early, Err(Unusable::Clock)));
    }

    #[test]
    fn an_app_reads_the_uri() {
        let plain = Device::new(vec![b'1'; 20], Algorithm::Sha1, Digits::Six);
        let uri = plain.uri("login.example.org", "alice@example.org").unwrap();
        assert_eq!(
            uri,
            format!(
                "otpauth://totp/login.example.org:alice%40example.org?secret={}&issuer=login.example.org",
                plain.key()
            )
        );
        let other = Device::new(vec![b'1'; 64], Algorithm::Sha512, Digits::Eight);
        let uri = other.uri("[::1]", "a:b&c").unwrap();
        assert!(uri.starts_with("otpauth://totp/%5B--1%5D:a-b%26c?secret="), "{uri}");
        assert!(uri.contains("&digits=8") && uri.contains("&algorithm=SHA512"), "{uri}");
    }
}
