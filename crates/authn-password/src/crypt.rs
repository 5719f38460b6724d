//! Hashes of `crypt(3)`, as `/etc/shadow` has them: SHA-crypt (`$5$`, `$6$`) and yescrypt (`$y$`).
//!
//! The text is read and bounded here, in the shape that libxcrypt writes and no other; what computes them is RustCrypto's. yescrypt
//! has parameters (`t`, `p`, a ROM) that no `crypt_gensalt` ever wrote: they are refused rather than bounded.

use secrecy::{ExposeSecret as _, SecretString};
use sha_crypt::{PasswordVerifier as _, ShaCrypt};
use vestibule_core::crypto::same_secret;
use yescrypt::{Mode, Params};
use zeroize::Zeroizing;

use crate::hash::{HashError, unreadable};

/// The most rounds of SHA-crypt: some seconds of a core with the longest password.
const MAX_ROUNDS: u32 = 1_000_000;
/// The fewest that there are.
const LEAST_ROUNDS: u32 = 1_000;
/// The longest password of which libxcrypt makes a hash, in bytes. SHA-crypt takes longer the longer it is, so none is tried that
/// cannot be right.
const LONGEST: usize = 512;
/// The most memory of yescrypt in bytes.
const MAX_BYTES: u64 = 256 << 20;
/// The longest salt of SHA-crypt, in characters; what is longer is cut off by whoever made it.
const SHA_SALT: std::ops::RangeInclusive<usize> = 1..=16;
/// How many bytes yescrypt puts out.
const OUTPUT: usize = 32;

/// The digits of `crypt(3)`, in their order.
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A hash of `crypt(3)`, read and found bearable.
pub(crate) enum Crypt {
    Sha(String),
    Yescrypt { params: Params, salt: Vec<u8>, output: Vec<u8> },
}

impl Crypt {
    pub(crate) fn read(kind: &str, text: &str) -> Result<Self, HashError> {
        if kind == "y" { yescrypt(text) } else { sha(kind, text) }
    }

    pub(crate) fn verify(&self, password: &SecretString) -> Result<bool, HashError> {
        let password = password.expose_secret().as_bytes();
        if password.len() > LONGEST {
            return Ok(false);
        }
        match self {
            Self::Sha(text) => Ok(ShaCrypt::default().verify_password(password, text.as_str()).is_ok()),
            Self::Yescrypt { params, salt, output } => {
                let mut made = Zeroizing::new([0; OUTPUT]);
                yescrypt::yescrypt(password, salt, params, made.as_mut()).map_err(unreadable)?;
                Ok(same_secret(made.as_ref(), output))
            }
        }
    }
}

/// `$6$rounds=500000$SALT$HASH`; without rounds they are 5,000.
fn sha(kind: &str, text: &str) -> Result<Crypt, HashError> {
    let parts: Vec<&str> = text.split('$').skip(2).collect();
    let (rounds, salt, output) = match parts.as_slice() {
        [salt, output] => (None, *salt, *output),
        [rounds, salt, output] => (Some(*rounds), *salt, *output),
        _ => return Err(unreadable("it has no salt or no hash")),
    };
    let length = if kind == "5" { 43 } else { 86 };
    if output.len() != length || !SHA_SALT.contains(&salt.len()) || !digits(output) || !digits(salt) {
        return Err(unreadable("its salt or its hash is too short or too long"));
    }
    if let Some(rounds) = rounds {
        let rounds = rounds.strip_prefix("rounds=").ok_or_else(|| unreadable("its rounds are no rounds"))?;
        match crate::foreign::number(rounds)? {
            LEAST_ROUNDS..=MAX_ROUNDS => {}
            0..LEAST_ROUNDS => return Err(unreadable("it has too few rounds")),
            rounds => return Err(HashError::TooCostly(format!("SHA-crypt with {rounds} rounds"))),
        }
    }
    Ok(Crypt::Sha(text.to_owned()))
}

/// `$y$j9T$SALT$HASH`: the flavour `j`, then the memory cost and the size of a block, a digit each.
fn yescrypt(text: &str) -> Result<Crypt, HashError> {
    let parts: Vec<&str> = text.split('$').skip(2).collect();
    let [params, salt, output] = parts.as_slice() else {
        return Err(unreadable("it has no parameters, no salt or no hash"));
    };
    let [b'j', log_n, block] = params.as_bytes() else {
        return Err(unreadable("its parameters are none that crypt(3) writes"));
    };
    // A digit beyond the 48th says that more follow.
    let small = |digit: u8| value(digit).filter(|value| *value < 48).map(|value| value + 1);
    let (Some(log_n), Some(block)) = (small(*log_n), small(*block)) else {
        return Err(unreadable("its parameters are none that crypt(3) writes"));
    };
    let bytes = 1_u64.checked_shl(log_n).and_then(|n| n.checked_mul(128 * u64::from(block)));
    if bytes.is_none_or(|bytes| bytes > MAX_BYTES) {
        return Err(HashError::TooCostly(format!("yescrypt with N=2^{log_n}, r={block}")));
    }
    let params = Params::new(Mode::Rw, 1 << log_n, block, 1).map_err(unreadable)?;
    let (salt, output) = (decode(salt)?, decode(output)?);
    if output.len() != OUTPUT || salt.is_empty() || salt.len() > 64 {
        return Err(unreadable("its salt or its hash is too short or too long"));
    }
    Ok(Crypt::Yescrypt { params, salt, output })
}

fn value(digit: u8) -> Option<u32> {
    DIGITS.iter().position(|known| *known == digit).and_then(|position| u32::try_from(position).ok())
}

fn digits(text: &str) -> bool {
    text.bytes().all(|digit| value(digit).is_some())
}

/// Six bits a digit, the lowest first, three bytes at a time.
fn decode(text: &str) -> Result<Vec<u8>, HashError> {
    let mut bytes = Vec::with_capacity(text.len());
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for (place, digit) in group.iter().enumerate() {
            bits |= value(*digit).ok_or_else(|| unreadable("it has a character that crypt(3) has not"))? << (6 * place);
        }
        let whole = group.len().saturating_sub(1);
        if whole == 0 || bits >> (8 * whole) != 0 {
            return Err(unreadable("it has been cut off"));
        }
        bytes.extend(bits.to_le_bytes().into_iter().take(whole));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use crate::{
        HashParams, check_hash,
        hash::{HashError, Memory, StoredHash},
    };

    fn verify(password: &str, hash: &str) -> Result<bool, HashError> {
        Memory::default().verify(&password.into(), &StoredHash::read(hash)?)
    }

    /// Made by libxcrypt of `lètmein`.
    const OF_LIBXCRYPT: [&str; 6] = [
        "$5$sixteenbytes....$ZEm9GOvABfhhZYdP0wkQdnjDLuGrYJbuVdD0CxSJ/b9",
        "$5$rounds=1000$saltstring$Km08H85XPP64cNB7MIYBbfh.2TZRH6icvHsPRlLVecC",
        "$6$sixteenbytes....$NDryvF/RIdcsxPaduf.asCpJcQSsN0/7YuG50pdfFgksa.GlM7GnWHZJD/Mp1PGNhC/uzm38dj7zCQyhHZQYY/",
        "$6$rounds=1400$anotherlongsalts$941XtGnUU5n3aSkx7Fj/mOQ.09ppGWKfOV0Tf6dWH279q.CZiecbSufTeVVgaHEaqGvWlmRUY0es0EnBvXe9Y/",
        "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$yBh2GduheHBvOjZdMFfO9lH6OiwStgqWyGS5UGTov55",
        "$y$j75$F5Jx5fExrKuPp53xLKQ..1$DAmGQtr.Q891X0r9N8DKWMDvwnpFg5P6l5T.naKbA2C",
    ];

    #[test]
    fn hashes_of_crypt_verify_and_are_to_be_made_anew() {
        for hash in OF_LIBXCRYPT {
            assert_eq!(check_hash(hash), Ok(()), "{hash}");
            assert_eq!(verify("lètmein", hash), Ok(true), "{hash}");
            for wrong in ["letmein", "", "lètmein "] {
                assert_eq!(verify(wrong, hash), Ok(false), "{wrong} {hash}");
            }
            assert!(StoredHash::read(hash).unwrap().outdated(HashParams::default()), "{hash}");
        }
    }

    #[test]
    fn the_published_vectors_of_sha_crypt_verify() {
        // Ulrich Drepper, "Unix crypt using SHA-256 and SHA-512", the table of tests.
        for (password, hash) in [
            ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
            ("Hello world!", "$5$rounds=10000$saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA"),
            (
                "Hello world!",
                "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
            ),
            (
                "Hello world!",
                "$6$rounds=10000$saltstringsaltst$OW1/O6BYHV6BcXZu8QVeXbDWra3Oeqh0sbHbbMCVNSnCM/UrjmM0Dp8vOuZeHBy/YTBmSK6H9qs/y3RnOaw5v.",
            ),
        ] {
            assert_eq!(verify(password, hash), Ok(true), "{hash}");
        }
    }

    #[test]
    fn a_069_what_would_take_minutes_is_refused() {
        let out = "3xv.VbSCBX41eDL9L3voZedOQ/SmCcQu37n8x7X3Uu8";
        for costly in [
            format!("$5$rounds=999999999$saltstring${out}"),
            format!("$6$rounds=1000001$saltstring${out}{out}"),
            format!("$5$rounds=99999999999999$saltstring${out}"),
            // 512 MiB, and a terabyte.
            format!("$y$jET$F5Jx5fExrKuPp53xLKQ..1${out}"),
            format!("$y$jTT$F5Jx5fExrKuPp53xLKQ..1${out}"),
        ] {
            assert!(matches!(check_hash(&costly), Err(HashError::TooCostly(_))), "{costly}");
        }
    }

    #[test]
    fn what_crypt_does_not_write_is_refused() {
        let out = "3xv.VbSCBX41eDL9L3voZedOQ/SmCcQu37n8x7X3Uu8";
        for bad in [
            "$5$saltstring$".to_owned(),
            format!("$6$saltstring${out}"),
            format!("$5$rounds=10$saltstring${out}"),
            format!("$5$rounds=-1$saltstring${out}"),
            format!("$5$salt=1$saltstring${out}"),
            format!("$5$seventeencharacte${out}"),
            format!("$5$salt string${out}"),
            format!("$5$a$b$c${out}"),
            // With more parameters: p, t and a ROM; and another flavour.
            format!("$y$j95.0$F5Jx5fExrKuPp53xLKQ..1${out}"),
            format!("$y$j953/2$F5Jx5fExrKuPp53xLKQ..1${out}"),
            format!("$y$/9T$F5Jx5fExrKuPp53xLKQ..1${out}"),
            format!("$y$j9$F5Jx5fExrKuPp53xLKQ..1${out}"),
            format!("$y$jzT$F5Jx5fExrKuPp53xLKQ..1${out}"),
            format!("$y$j.T$F5Jx5fExrKuPp53xLKQ..1${out}z"),
            "$y$j9T$$".to_owned(),
        ] {
            assert!(matches!(check_hash(&bad), Err(HashError::Unreadable(_))), "{bad}");
        }
    }

    #[test]
    fn what_is_longer_than_crypt_takes_is_wrong_at_once() {
        let costly = "$5$rounds=1000000$saltstring$3xv.VbSCBX41eDL9L3voZedOQ/SmCcQu37n8x7X3Uu8";
        let began = std::time::Instant::now();
        assert_eq!(verify(&"x".repeat(513), costly), Ok(false));
        assert!(began.elapsed() < std::time::Duration::from_millis(500));
    }
}
