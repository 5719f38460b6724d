//! The password of a declared user: a reference to it, or its hash.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use vestibule_authn_password::{HashError, HashPool, Policy, check_hash, same_hash};
use vestibule_core::user::Credential;

use super::secret::{Secrets, is_reference, reference_schema};
use crate::config::Reader;

/// A declared password.
#[derive(Clone, Debug)]
pub enum DeclaredPassword {
    /// The password itself.
    Plain(SecretString),
    /// Its hash, of a kind that [`check_hash`] knows.
    Hash(SecretString),
}

/// Reads it. A password is held against `policy`, where there is one, for somebody of these names.
pub(super) fn read(
    reader: &Reader<'_>,
    secrets: &Secrets<'_>,
    policy: Option<&Policy>,
    names: &[&str],
) -> Option<DeclaredPassword> {
    let plain = secrets.read(reader, "password");
    if let Some(password) = &plain
        && let Some(policy) = policy
        && let Err(refused) = policy.check_here(password, names)
    {
        reader.refuse("password", refused.to_string(), "");
    }
    reader.describe("password_hash", json!({ "anyOf": [{ "type": "string" }, reference_schema()] }));
    let hash = match reader.raw("password_hash") {
        Some(node) if is_reference(node) => secrets.resolve(reader, "password_hash", node),
        Some(node) => node.text().map(SecretString::from),
        None => None,
    };
    if let Some(Err(wrong)) = hash.as_ref().map(|hash| check_hash(hash.expose_secret())) {
        let advice = "Write one of the kinds in docs/passwords.md; `vestibule user add` hashes a password for you.";
        reader.refuse("password_hash", wrong.to_string(), advice);
    }
    match (plain, hash) {
        (Some(_), Some(_)) => {
            reader.refuse("password_hash", "stands beside password", "Set one of the two.");
            None
        }
        (Some(plain), None) => Some(DeclaredPassword::Plain(plain)),
        (None, Some(hash)) => Some(DeclaredPassword::Hash(hash)),
        (None, None) => None,
    }
}

impl DeclaredPassword {
    /// The hash to be stored; `None` when the one that is stored is right.
    pub(super) async fn renewed(
        &self,
        stored: Option<&Credential>,
        pool: &HashPool,
    ) -> Result<Option<SecretString>, HashError> {
        match self {
            Self::Hash(hash) => {
                // Refuses a string that nobody could log in with, before it is stored.
                check_hash(hash.expose_secret())?;
                if stored.is_some_and(|stored| same_hash(stored.secret.expose_secret(), hash.expose_secret())) {
                    return Ok(None);
                }
                pool.keep(hash.expose_secret()).await.map(|kept| Some(kept.into()))
            }
            Self::Plain(plain) => {
                if let Some(stored) = stored
                    && pool.verify(plain, stored.secret.expose_secret()).await?
                {
                    return Ok(None);
                }
                pool.hash(plain).await.map(|hash| Some(hash.into()))
            }
        }
    }
}
