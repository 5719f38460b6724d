//! ID tokens (OpenID Connect Core, section 2): who signed in, when and how, for the client that asked. What else is known of
//! the person is at UserInfo, since an access token is always issued beside (section 5.4), unless the `claims` parameter asks for it
//! here (section 5.5).

use std::time::Duration;

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use vestibule_core::time::Time;
use vestibule_jose::{Algorithm, Expect, Typ, VerifyError};

use crate::{
    access_token::Audience,
    errors::TokenError,
    model::{Client, Grant},
    snapshot::Snapshot,
};

/// What an ID token says.
#[derive(Serialize)]
pub(crate) struct IdClaims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    acr: Option<&'a str>,
    amr: Vec<&'a str>,
    sid: String,
    at_hash: String,
    /// What the client asked to be told of the person here, beside UserInfo.
    #[serde(flatten)]
    about: Map<String, Value>,
}

/// What an ID token says that its grant does not know.
#[derive(Default)]
pub(crate) struct Asked<'a> {
    /// The `nonce` claim.
    pub(crate) nonce: Option<&'a str>,
    /// What the client asked to be told of the person, and the granted scopes cover.
    pub(crate) about: Map<String, Value>,
}

/// The ID token of a grant, in its client's algorithm.
pub(crate) fn sign(
    grant: &Grant,
    client: &Client,
    asked: Asked<'_>,
    access_token: &str,
    snapshot: &Snapshot,
    now: Time,
) -> Result<String, TokenError> {
    let algorithm = client.id_token_signed_response_alg;
    let key = snapshot.keys().current(algorithm);
    let key = key.ok_or_else(|| TokenError::Signing(format!("there is no {algorithm} key")))?;
    let claims = claims(grant, client, asked, half_hash(algorithm, access_token), snapshot, now);
    key.sign(Some("JWT"), &claims).map_err(|error| TokenError::Signing(error.to_string()))
}

/// What the ID token of a grant says.
pub(crate) fn claims<'a>(
    grant: &'a Grant,
    client: &'a Client,
    asked: Asked<'a>,
    at_hash: String,
    snapshot: &'a Snapshot,
    now: Time,
) -> IdClaims<'a> {
    let life: Duration = client.access_token_life.into();
    IdClaims {
        iss: snapshot.issuer().as_str(),
        sub: grant.user.to_string(),
        aud: client.id.as_str(),
        exp: (now + life).unix_seconds(),
        iat: now.unix_seconds(),
        auth_time: grant.auth_time.unix_seconds(),
        nonce: asked.nonce,
        acr: grant.acr.as_deref(),
        amr: grant.amr.iter().map(String::as_str).collect(),
        sid: grant.session.to_string(),
        at_hash,
        about: asked.about,
    }
}

/// The left half of the digest that belongs to the algorithm (OpenID Connect Core, section 3.1.3.6).
fn half_hash(algorithm: Algorithm, token: &str) -> String {
    let kind = match algorithm {
        Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => &digest::SHA256,
        Algorithm::ES384 => &digest::SHA384,
        // Ed25519 hashes with SHA-512 inside.
        Algorithm::EdDSA => &digest::SHA512,
    };
    let digest = digest::digest(kind, token.as_bytes());
    let bytes = digest.as_ref();
    URL_SAFE_NO_PAD.encode(bytes.get(..bytes.len() / 2).unwrap_or_default())
}

/// What an ID token says that comes back as a hint.
#[derive(Clone, Debug, Deserialize)]
pub struct HintClaims {
    /// The person.
    pub sub: String,
    /// The client that it was given to.
    pub aud: Audience,
    /// The session.
    #[serde(default)]
    pub sid: Option<String>,
}

/// Reads an ID token of ours that comes back as a hint, expired or not. The type keeps an access token from being one.
///
/// # Errors
/// When it is not ours.
pub fn read_hint(token: &str, snapshot: &Snapshot, now: Time) -> Result<HintClaims, VerifyError> {
    let expect = Expect {
        typ: Typ::Plain,
        issuer: snapshot.issuer().as_str(),
        audience: None,
        now: now.0,
        leeway: Duration::ZERO,
        accept_expired: true,
    };
    snapshot.keys().verify(token, &expect)
}

/// What a token says that was signed by a key which is no more, if it says that it is ours. Anybody can write that: it may
/// refuse, and never permit.
pub(crate) fn unverified_hint(token: &str, snapshot: &Snapshot) -> Option<HintClaims> {
    #[derive(Deserialize)]
    struct Unverified {
        iss: String,
        #[serde(flatten)]
        claims: HintClaims,
    }
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let read: Unverified = serde_json::from_slice(&payload).ok()?;
    (read.iss == snapshot.issuer().as_str()).then_some(read.claims)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_specification() {
        // OpenID Connect Core, appendix A.3 (its token, and the value that stands in its ID token).
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash(Algorithm::RS256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(half_hash(Algorithm::EdDSA, token).len(), 43);
    }
}
