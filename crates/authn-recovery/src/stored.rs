//! What is kept of codes: keyed hashes, inside a credential that is sealed besides.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use vestibule_core::{
    StepError, Time,
    authenticator::opaque_id,
    crypto::{Prf, same_secret},
    random::Random,
    user::{Credential, User},
};

use crate::codes;

/// What a credential of `recovery` holds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is")]
pub(crate) enum Stored {
    /// A set of codes: those that are left.
    Codes {
        /// Keyed hashes.
        left: Vec<String>,
    },
    /// A bypass code.
    Bypass {
        /// The keyed hash; none when it was used.
        code: Option<String>,
        /// Until when it is good.
        expires_at: Time,
        /// The roles of whom it was made for.
        #[serde(default)]
        roles: Vec<String>,
    },
}

impl Stored {
    pub(crate) fn of(credential: &Credential) -> Result<Self, StepError> {
        serde_json::from_str(credential.secret.expose_secret())
            .map_err(|_| StepError::Misconfigured("a stored recovery credential cannot be read".to_owned()))
    }

    pub(crate) fn secret(&self) -> Result<SecretString, StepError> {
        let text = serde_json::to_string(self);
        text.map(SecretString::from).map_err(|error| StepError::Misconfigured(error.to_string()))
    }

    /// How many codes are left at `now`.
    pub(crate) fn left(&self, now: Time) -> usize {
        match self {
            Self::Codes { left } => left.len(),
            Self::Bypass { code, expires_at, .. } => usize::from(code.is_some() && now < *expires_at),
        }
    }

    /// Whether it is of any use to `user` as they are now. A bypass code for somebody is none for who they became: whoever made it
    /// might not make one for somebody with more rights.
    pub(crate) fn fits(&self, user: Option<&User>) -> bool {
        match self {
            Self::Codes { .. } => true,
            Self::Bypass { roles, .. } => user.is_some_and(|user| user.roles.iter().all(|role| roles.contains(role))),
        }
    }

    /// The same without `code`, when it is one of these and may be used at `now`.
    pub(crate) fn without(self, kept: &str, now: Time) -> Option<Self> {
        let is = |ours: &String| same_secret(ours.as_bytes(), kept.as_bytes());
        match self {
            Self::Codes { mut left } => {
                // Every one is looked at: how long it takes does not tell which it was.
                let found =
                    left.iter().enumerate().fold(None, |found, (at, ours)| if is(ours) { Some(at) } else { found })?;
                left.remove(found);
                Some(Self::Codes { left })
            }
            Self::Bypass { code: Some(code), expires_at, roles } if is(&code) && now < expires_at => {
                Some(Self::Bypass { code: None, expires_at, roles })
            }
            Self::Bypass { .. } => None,
        }
    }
}

/// A bypass code that was made: what the person is told, and what is kept.
pub struct Bypass {
    /// The code, to be told once.
    pub code: SecretString,
    /// The secret of the credential of `recovery` that holds it.
    pub secret: SecretString,
}

/// Whether a credential of `recovery` is a bypass code, used or not. What cannot be read is none.
pub fn is_bypass(credential: &Credential) -> bool {
    matches!(Stored::of(credential), Ok(Stored::Bypass { .. }))
}

/// Makes a bypass code for `user`, good for once, until `expires_at`, and as long as they get no further role.
///
/// # Errors
/// When what is to be kept cannot be written.
pub fn bypass(prf: &Prf, user: &User, random: &dyn Random, expires_at: Time) -> Result<Bypass, StepError> {
    let code = codes::draw(random);
    let kept = opaque_id(prf, Some(user.id), &codes::kept(&code));
    let secret = Stored::Bypass { code: Some(kept), expires_at, roles: user.roles.clone() }.secret()?;
    Ok(Bypass { code: codes::shown(&code).into(), secret })
}
