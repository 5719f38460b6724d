//! Keys that are made once, and a forge for tokens that no honest key would make.

use std::{sync::LazyLock, time::Duration};

use aws_lc_rs::{
    hmac,
    rand::SystemRandom,
    signature::{self, EcdsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use vestibule_jose::{Algorithm, Expect, KeyRing, SigningKey, StoredKey, Typ};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const SECOND: i64 = 1_000_000;
/// A Tuesday in 2025.
pub(crate) const NOW: i64 = 1_760_000_000 * SECOND;

static KEYS: LazyLock<Vec<SigningKey>> =
    LazyLock::new(|| Algorithm::ALL.iter().map(|algorithm| SigningKey::generate(*algorithm).unwrap()).collect());

/// The test's key of that algorithm.
pub(crate) fn key(algorithm: Algorithm) -> SigningKey {
    KEYS.iter().find(|key| key.algorithm() == algorithm).unwrap().clone()
}

/// A ring of all of them, current since an hour.
pub(crate) fn ring() -> KeyRing {
    let since = NOW - 3600 * SECOND;
    let stored: Vec<_> = KEYS.iter().map(|key| StoredKey::new(key, since, since).unwrap()).collect();
    KeyRing::new(&stored, NOW).unwrap()
}

/// Claims that pass [`expect`].
pub(crate) fn claims() -> Value {
    let now = NOW / SECOND;
    json!({ "iss": ISSUER, "aud": ["https://api.example"], "sub": "alice", "iat": now, "nbf": now, "exp": now + 600 })
}

/// [`claims`] with one of them replaced, or taken away by null.
pub(crate) fn claims_but(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    if claims[name].is_null() {
        claims.as_object_mut().unwrap().remove(name);
    }
    claims
}

/// What an API expects of an access token.
pub(crate) fn expect() -> Expect<'static> {
    Expect {
        typ: Typ::Is("at+jwt"),
        issuer: ISSUER,
        audience: Some(&["https://api.example"]),
        now: NOW,
        leeway: Duration::ZERO,
        accept_expired: false,
    }
}

/// A good access token.
pub(crate) fn access_token(algorithm: Algorithm) -> String {
    key(algorithm).sign(Some("at+jwt"), &claims()).unwrap()
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

/// Any header over any payload, rightly signed by the test's ES256 key.
pub(crate) fn forge(header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", encode(header), encode(payload));
    let signature = es256(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &signed);
    format!("{signed}.{}", encode(signature))
}

/// A raw ES256 signature in the given format.
pub(crate) fn es256(format: &'static signature::EcdsaSigningAlgorithm, message: &str) -> Vec<u8> {
    let pkcs8 = key(Algorithm::ES256).to_pkcs8().unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(format, &pkcs8).unwrap();
    pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec()
}

/// A token whose "signature" is an HMAC keyed with something public.
pub(crate) fn hmac_token(alg: &str, kid: &str, secret: &[u8], payload: &str) -> String {
    let header = json!({ "alg": alg, "kid": kid, "typ": "at+jwt" }).to_string();
    let signed = format!("{}.{}", encode(header), encode(payload));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
    format!("{signed}.{}", encode(tag))
}

/// A header for [`forge`] that is right but for the members given.
pub(crate) fn header_with(more: &Value) -> String {
    let mut header = json!({ "alg": "ES256", "kid": key(Algorithm::ES256).id(), "typ": "at+jwt" });
    for (name, value) in more.as_object().unwrap() {
        header[name] = value.clone();
    }
    header.to_string()
}
