//! What is kept of a passkey: its public key and how it was last used.
//!
//! It is the credential's secret, as JSON, sealed in the database. The counter and the challenge that was answered last are part of
//! it, so that using a passkey is one conditional update: of two answers at once the second finds it changed.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use webauthn_rs_core::proto::{AuthenticationResult, AuthenticatorTransport, Credential};

/// What is kept of a passkey.
#[derive(Clone, Serialize, Deserialize)]
pub struct Key {
    pub(crate) credential: Credential,
    /// The model that it says it is.
    #[serde(default)]
    pub(crate) aaguid: Uuid,
    /// The challenge that it answered last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered: Option<String>,
}

/// What is kept cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("what is kept of the passkey cannot be read")]
pub struct Unusable;

impl Key {
    /// A passkey that was never used. By which way a browser reaches it is its own word, and no more than a hint.
    pub(crate) fn new(credential: Credential, aaguid: Uuid, transports: Vec<AuthenticatorTransport>) -> Self {
        let mut known: Vec<AuthenticatorTransport> = Vec::new();
        for transport in transports {
            if transport != AuthenticatorTransport::Unknown && !known.contains(&transport) {
                known.push(transport);
            }
        }
        let credential = Credential { transports: (!known.is_empty()).then_some(known), ..credential };
        Self { credential, aaguid, answered: None }
    }

    /// Reads what is kept.
    ///
    /// # Errors
    /// When it is no passkey.
    pub fn read(secret: &SecretString) -> Result<Self, Unusable> {
        serde_json::from_str(secret.expose_secret()).map_err(|_| Unusable)
    }

    /// What is kept.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn secret(&self) -> Result<SecretString, Unusable> {
        serde_json::to_string(self).map(SecretString::from).map_err(|_| Unusable)
    }

    /// The same after an answer to `challenge`.
    pub(crate) fn used(mut self, challenge: &[u8], result: &AuthenticationResult) -> Self {
        self.credential.counter = result.counter();
        self.credential.backup_state = result.backup_state();
        self.answered = Some(URL_SAFE_NO_PAD.encode(challenge));
        self
    }

    /// Whether it answered this challenge before.
    pub(crate) fn answered(&self, challenge: &[u8]) -> bool {
        self.answered.as_deref() == Some(&URL_SAFE_NO_PAD.encode(challenge))
    }

    /// Whether it may be kept on several devices: then its key is one of software (RFC 8176, `swk`).
    pub fn synced(&self) -> bool {
        self.credential.backup_eligible
    }

    /// The id by which browsers and devices know it, as they write it.
    pub fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.credential.cred_id)
    }

    /// What its model is called.
    pub fn model(&self) -> Option<&'static str> {
        crate::model(self.aaguid)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Key").field("id", &self.id()).field("aaguid", &self.aaguid).finish_non_exhaustive()
    }
}
