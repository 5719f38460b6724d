//! The password of a declared user: a reference to it, or its hash.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use vestibule_authn_password::{HashError, HashPool, check_new};
use vestibule_core::user::Credential;

use super::secret::{Secrets, is_reference, reference_schema};
use crate::config::Reader;

/// A declared password.
#[derive(Clone, Debug)]
pub enum DeclaredPassword {
    /// The password itself.
    Plain(SecretString),
    /// Its argon2 hash as a PHC string.
    Hash(SecretString),
}

pub(super) fn read(reader: &Reader<'_>, secrets: &Secrets<'_>, weak: bool) -> Option<DeclaredPassword> {
    let plain = secrets.read(reader, "password");
    if let Some(password) = &plain
        && !weak
        && let Err(refused) = check_new(password)
    {
        reader.refuse("password", refused.to_string(), "");
    }
    reader.describe("password_hash", json!({ "anyOf": [{ "type": "string" }, reference_schema()] }));
    let hash = match reader.raw("password_hash") {
        Some(node) if is_reference(node) => secrets.resolve(reader, "password_hash", node),
        Some(node) => node.text().map(SecretString::from),
        None => None,
    };
    // Whether the string can be read and is not too costly is asked by a pool, when it is applied.
    if hash.as_ref().is_some_and(|hash| !hash.expose_secret().starts_with("$argon2")) {
        let advice = "Write \"$argon2id$v=19$…\"; `vestibule user add` hashes a password for you.";
        reader.refuse("password_hash", "is no argon2 hash", advice);
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
                pool.outdated(hash.expose_secret())?;
                let same = stored.is_some_and(|stored| stored.secret.expose_secret() == hash.expose_secret());
                Ok((!same).then(|| hash.clone()))
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
