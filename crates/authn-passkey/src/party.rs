//! For whom passkeys are made, and the checks of what a browser answers: all of them a library's.
//!
//! The library draws a challenge of its own for every question, and wants its state kept until the answer. A sign-in page keeps
//! nothing, so the challenge is derived by the engine and put where the library's stood, before the question and before the
//! check: `docs/decisions` says why that is as good. The layer above that library was the road not taken: it has no
//! question for everybody and no user verification of our own choosing.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;
use uuid::Uuid;
use vestibule_core::user::User;
use webauthn_rs_core::{
    WebauthnCore,
    error::WebauthnError,
    internals::AuthenticatorData,
    proto::{
        AttestationCaList, AttestationConveyancePreference, AuthenticationResult, AuthenticationState,
        CollectedClientData, Credential, PublicKeyCredential, RegisterPublicKeyCredential, Registration,
        RegistrationState, RequestRegistrationExtensions, UserVerificationPolicy,
    },
};

use crate::Key;

/// How long a browser may wait for its person.
const TIMEOUT: Duration = Duration::from_secs(300);

/// The relying party: the name to which passkeys are bound, and the pages that may use it.
#[derive(Clone, Debug)]
pub struct Party {
    core: WebauthnCore,
    id: String,
}

/// The server's address is none that passkeys could be bound to.
#[derive(Debug, thiserror::Error)]
#[error("passkeys cannot be bound to {0}: it has no host")]
pub struct NoParty(Url);

/// Why an answer was not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It answers another question, or one that is too old.
    Stale,
    /// It is not right.
    Wrong(WebauthnError),
    /// The library's state is not what it was when this was written.
    Broken,
}

/// A question, and what has to be kept until it is answered.
pub(crate) struct Asked {
    pub(crate) options: Value,
    pub(crate) state: Value,
}

impl From<WebauthnError> for Refused {
    fn from(error: WebauthnError) -> Self {
        match error {
            WebauthnError::MismatchedChallenge => Self::Stale,
            error => Self::Wrong(error),
        }
    }
}

impl Party {
    /// For the server at `public_url`; pages at the `related` origins may use its passkeys too (Web Authentication, Level 3,
    /// section 5.11).
    ///
    /// # Errors
    /// When the address has no host.
    pub fn new(public_url: &Url, related: &[Url]) -> Result<Self, NoParty> {
        let id = public_url.host_str().ok_or_else(|| NoParty(public_url.clone()))?;
        Ok(Self::of(id, std::iter::once(public_url).chain(related).cloned().collect()))
    }

    /// For nobody: to be asked what there is to be set, where there is no server yet.
    pub fn nowhere() -> Self {
        Self::of("localhost", Vec::new())
    }

    fn of(id: &str, origins: Vec<Url>) -> Self {
        let (subdomains, any_port) = (Some(false), Some(false));
        let core = WebauthnCore::new_unsafe_experts_only(id, id, origins, TIMEOUT, subdomains, any_port);
        Self { core, id: id.to_owned() }
    }

    /// The name to which passkeys are bound.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What a browser is asked to be signed in: by one of these passkeys, or by any that it knows.
    pub(crate) fn ask(
        &self,
        challenge: &[u8],
        policy: UserVerificationPolicy,
        keys: Vec<Credential>,
    ) -> Result<Value, Refused> {
        let builder = self.core.new_challenge_authenticate_builder(keys, Some(policy))?;
        let (mut asked, _) = self.core.generate_challenge_authenticate(builder)?;
        asked.public_key.challenge = challenge.to_vec();
        serde_json::to_value(asked.public_key).map_err(|_| Refused::Broken)
    }

    /// Whether `answer` is the answer of `key` to one of these challenges, and to which.
    pub(crate) fn verify<'a>(
        &self,
        answer: &PublicKeyCredential,
        challenges: &'a [[u8; 32]],
        policy: UserVerificationPolicy,
        key: &Credential,
    ) -> Result<(&'a [u8; 32], AuthenticationResult), Refused> {
        refuse_frames(&answer.response.client_data_json)?;
        for challenge in challenges {
            let builder = self.core.new_challenge_authenticate_builder(Vec::new(), Some(policy))?;
            let (_, state) = self.core.generate_challenge_authenticate(builder)?;
            let state: AuthenticationState = with_challenge(&state, challenge)?;
            match self.core.authenticate_single_credential(answer, &state, key) {
                Err(WebauthnError::MismatchedChallenge) => {}
                other => return Ok((challenge, other?)),
            }
        }
        Err(Refused::Stale)
    }

    /// What a browser is asked to make a passkey for `user`, who has `own` already.
    pub(crate) fn ask_new(
        &self,
        challenge: &[u8],
        user: &User,
        policy: UserVerificationPolicy,
        own: &[Key],
        attested: bool,
    ) -> Result<Asked, Refused> {
        let name = user.username.as_str();
        let shown = user.display_name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(name);
        let attestation = match attested {
            true => AttestationConveyancePreference::Direct,
            false => AttestationConveyancePreference::None,
        };
        let extensions = RequestRegistrationExtensions { uvm: None, ..RequestRegistrationExtensions::default() };
        let builder = self
            .core
            .new_challenge_register_builder(user.id.0.as_bytes(), name, shown)?
            .attestation(attestation)
            .user_verification_policy(policy)
            .require_resident_key(true)
            .exclude_credentials(Some(own.iter().map(|key| key.credential.cred_id.clone()).collect()))
            .extensions(Some(extensions));
        let (mut asked, state) = self.core.generate_challenge_register(builder)?;
        asked.public_key.challenge = challenge.to_vec();
        let options = serde_json::to_value(asked.public_key).map_err(|_| Refused::Broken)?;
        Ok(Asked { options, state: replaced(&state, challenge)? })
    }

    /// The passkey that was made.
    pub(crate) fn made(
        &self,
        answer: &RegisterPublicKeyCredential,
        state: &Value,
        attestation: Option<&AttestationCaList>,
    ) -> Result<Key, Refused> {
        refuse_frames(&answer.response.client_data_json)?;
        let state: RegistrationState = serde_json::from_value(state.clone()).map_err(|_| Refused::Broken)?;
        let credential = self.core.register_credential(answer, &state, attestation)?;
        // A passkey that its device does not keep cannot sign anybody in by itself. A browser says so without being asked.
        let kept = answer.extensions.cred_props.as_ref().and_then(|said| said.rk) != Some(false);
        if credential.cred_id.is_empty() || !kept {
            return Err(Refused::Wrong(WebauthnError::CredentialNotFound));
        }
        let transports = answer.response.transports.clone().unwrap_or_default();
        Ok(Key::new(credential, aaguid(&answer.response.attestation_object), transports))
    }
}

/// What a page in somebody else's frame was answered is none of ours: no page of this server may be framed. The library looks at
/// that when a passkey is made, and not when one is used.
fn refuse_frames(client_data: &[u8]) -> Result<(), Refused> {
    let data: CollectedClientData =
        serde_json::from_slice(client_data).map_err(|error| Refused::Wrong(WebauthnError::ParseJSONFailure(error)))?;
    let framed = data.cross_origin.unwrap_or(false) || data.unknown_keys.contains_key("topOrigin");
    if framed { Err(Refused::Wrong(WebauthnError::CredentialCrossOrigin)) } else { Ok(()) }
}

/// The model that the device says it is. The library has looked at the whole already, and keeps this to itself.
fn aaguid(attestation: &[u8]) -> Uuid {
    use serde_cbor_2::Value::{Bytes, Map, Text};
    let said = match serde_cbor_2::from_slice(attestation) {
        Ok(Map(entries)) => match entries.get(&Text("authData".to_owned())) {
            Some(Bytes(data)) => AuthenticatorData::<Registration>::try_from(data.as_slice()).ok(),
            _ => None,
        },
        _ => None,
    };
    said.and_then(|data| data.acd).map(|made| Uuid::from_bytes(made.aaguid)).unwrap_or_default()
}

/// The library's state, with our challenge where its own stood.
fn replaced(state: &impl Serialize, challenge: &[u8]) -> Result<Value, Refused> {
    let mut state = serde_json::to_value(state).map_err(|_| Refused::Broken)?;
    let ours = Value::from(URL_SAFE_NO_PAD.encode(challenge));
    let theirs = state.as_object_mut().and_then(|state| state.insert("challenge".to_owned(), ours));
    // A library that keeps it elsewhere would go on with a challenge that nobody was asked.
    theirs.is_some_and(|theirs| theirs.is_string()).then_some(state).ok_or(Refused::Broken)
}

fn with_challenge<T: Serialize + DeserializeOwned>(state: &T, challenge: &[u8]) -> Result<T, Refused> {
    serde_json::from_value(replaced(state, challenge)?).map_err(|_| Refused::Broken)
}
