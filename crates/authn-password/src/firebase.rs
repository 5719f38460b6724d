//! Firebase's own scrypt: a key is made of the password, and with it the signer key of the project is encrypted; that is the hash.
//!
//! What belongs to the project (its "password hash parameters") is written into each hash, since a hash has to be whole by itself:
//! `$firebase-scrypt$ln=14,r=8,ss=SEPARATOR,sk=SIGNER_KEY$SALT$HASH`, all of it in base64. The signer key alone opens nothing, and
//! what is stored is sealed like every hash.

use aws_lc_rs::cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use vestibule_core::crypto::same_secret;
use zeroize::Zeroizing;

use crate::{
    foreign::{OUTPUT, bounded, fields, number, pairs, scrypt_params},
    hash::{HashError, unreadable},
};

/// How such a hash is called.
pub(crate) const KIND: &str = "firebase-scrypt";

/// A hash of Firebase, read and found bearable.
pub(crate) struct Firebase {
    params: scrypt::Params,
    salt: Vec<u8>,
    signer_key: Vec<u8>,
    output: Vec<u8>,
}

impl Firebase {
    pub(crate) fn read(text: &str) -> Result<Self, HashError> {
        let [params, salt, output] = fields(text)?;
        let (mut log_n, mut block, mut separator, mut signer_key) = (None, None, None, None);
        for (name, value) in pairs(params) {
            match name {
                "ln" => log_n = Some(number(value)?),
                "r" => block = Some(number(value)?),
                "ss" => separator = Some(decode(value)?),
                "sk" => signer_key = Some(decode(value)?),
                _ => return Err(unreadable("it has a parameter that Firebase has not")),
            }
        }
        let (Some(log_n), Some(block), Some(separator), Some(signer_key)) = (log_n, block, separator, signer_key)
        else {
            return Err(unreadable("a parameter of Firebase is missing"));
        };
        let params = scrypt_params(log_n, block, 1)?;
        let (salt, output) = ([decode(salt)?, separator].concat(), decode(output)?);
        if !OUTPUT.contains(&output.len()) || signer_key.len() != output.len() {
            return Err(unreadable("its hash is not as long as the signer key"));
        }
        Ok(Self { params, salt: bounded(salt)?, signer_key, output })
    }

    pub(crate) fn verify(&self, password: &SecretString) -> Result<bool, HashError> {
        let mut key = Zeroizing::new([0; 32]);
        let password = password.expose_secret().as_bytes();
        scrypt::scrypt(password, &self.salt, &self.params, key.as_mut()).map_err(unreadable)?;
        // In counter mode to decrypt is to encrypt. What comes out is the signer key, if the password is right.
        let key = UnboundCipherKey::new(&AES_256, key.as_ref()).and_then(DecryptingKey::ctr);
        let mut made = Zeroizing::new(self.output.clone());
        let context = DecryptionContext::Iv128([0; 16].into());
        let made = key.and_then(|key| key.decrypt(&mut made, context).map(|made| same_secret(made, &self.signer_key)));
        made.map_err(|_| unreadable("it could not be decrypted"))
    }
}

/// Base64 as the console of Firebase shows it, and as its export may write it (for addresses).
fn decode(text: &str) -> Result<Vec<u8>, HashError> {
    let text = text.trim_end_matches('=').replace('-', "+").replace('_', "/");
    STANDARD_NO_PAD.decode(text).map_err(|_| unreadable("it is not in base64"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        HashParams, check_hash,
        hash::{Memory, StoredHash},
    };

    const SIGNER_KEY: &str = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==";
    const HASH: &str = "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";

    fn of_firebase(params: &str, hash: &str) -> String {
        format!("$firebase-scrypt${params},ss=Bw==,sk={SIGNER_KEY}$42xEC+ixf3L2lw==${hash}")
    }

    #[test]
    fn the_published_vector_verifies() {
        // The README of github.com/firebase/scrypt.
        let hash = of_firebase("ln=14,r=8", HASH);
        let verify = |password: &str| Memory::default().verify(&password.into(), &StoredHash::read(&hash).unwrap());
        assert_eq!(check_hash(&hash), Ok(()));
        assert_eq!((verify("user1password"), verify("user2password"), verify("")), (Ok(true), Ok(false), Ok(false)));
        assert!(StoredHash::read(&hash).unwrap().outdated(HashParams::default()));
        assert_eq!(check_hash(&hash.replace('+', "-").replace("95/s", "95_s")), Ok(()));
    }

    #[test]
    fn a_069_firebase_with_absurd_memory_is_refused() {
        for costly in ["ln=25,r=8", "ln=63,r=8", "ln=14,r=4294967295", "ln=99999999999,r=8"] {
            let hash = of_firebase(costly, HASH);
            assert!(matches!(check_hash(&hash), Err(HashError::TooCostly(_))), "{hash}");
        }
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        for bad in [
            of_firebase("ln=14", HASH),
            of_firebase("ln=14,r=8,p=1", HASH),
            of_firebase("ln=14,r=8", "lSrfV15cpx95/sZS2W9c9A=="),
            of_firebase("ln=14,r=8", ""),
            of_firebase("ln=14,r=8", HASH).replace("sk=", "xx="),
            of_firebase("ln=14,r=8", HASH).replace(SIGNER_KEY, ""),
            format!("$firebase-scrypt$ln=14,r=8$42xEC+ixf3L2lw==${HASH}"),
        ] {
            assert!(matches!(check_hash(&bad), Err(HashError::Unreadable(_))), "{bad}");
        }
    }
}
