//! What a token costs to make: ours, `jsonwebtoken`'s, and for ES256 what either consists of. Then what it costs to verify, which
//! is `jsonwebtoken`'s work, beside the bare verification by a parsed key. `docs/decisions/0004-jose.md` draws the conclusions.
//!
//! `cargo bench -p vestibule-jose`

use std::time::Duration;

use aws_lc_rs::{
    rand::SystemRandom,
    rsa::{self, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
        RSA_PKCS1_SHA256,
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use divan::Bencher;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, crypto};
use serde::{Deserialize, Serialize};
use vestibule_jose::{Algorithm, Expect, KeyRing, SigningKey, StoredKey, Typ, VerifiedCache};

fn main() {
    divan::main();
}

const ISSUER: &str = "https://id.example";
const NOW: i64 = 1_760_000_000;

/// The claims of an access token of the client credentials grant (RFC 9068).
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    client_id: String,
    scope: String,
    iat: i64,
    exp: i64,
    jti: String,
}

fn claims() -> Claims {
    Claims {
        iss: ISSUER.into(),
        aud: "https://api.example".into(),
        sub: "client-1".into(),
        client_id: "client-1".into(),
        scope: "orders.read orders.write".into(),
        iat: NOW,
        exp: NOW + 600,
        jti: "019a5c1e-7b1c-7d3e-9a43-5f0f5d2c1b7a".into(),
    }
}

#[divan::bench(args = Algorithm::ALL)]
fn sign(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    let Ok(key) = SigningKey::generate(algorithm) else { return };
    let claims = claims();
    bencher.bench(|| key.sign(Some("at+jwt"), &claims));
}

#[divan::bench]
fn sign_es256_bare(bencher: Bencher<'_, '_>) {
    let Ok(key) = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING) else { return };
    let (random, message) = (SystemRandom::new(), vec![b'a'; 500]);
    bencher.bench(|| key.sign(&random, &message));
}

/// The library takes RSA keys in PKCS#1 or PEM only.
fn encoding_key(algorithm: Algorithm) -> Option<EncodingKey> {
    let pkcs8 = SigningKey::generate(algorithm).ok()?.to_pkcs8().ok()?;
    let pem = || format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&*pkcs8));
    match algorithm {
        Algorithm::RS256 | Algorithm::PS256 => EncodingKey::from_rsa_pem(pem().as_bytes()).ok(),
        Algorithm::ES256 | Algorithm::ES384 => Some(EncodingKey::from_ec_der(&pkcs8)),
        Algorithm::EdDSA => Some(EncodingKey::from_ed_der(&pkcs8)),
    }
}

#[divan::bench(args = Algorithm::ALL)]
fn sign_jsonwebtoken(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    let (Some(key), Ok(theirs)) = (encoding_key(algorithm), algorithm.as_str().parse()) else { return };
    let mut header = Header::new(theirs);
    header.kid = Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".into());
    header.typ = Some("at+jwt".into());
    let claims = claims();
    bencher.bench(|| jsonwebtoken::encode(&header, &claims, &key));
}

/// The library's signature alone, by a key made before.
#[divan::bench]
fn sign_es256_jsonwebtoken_bare(bencher: Bencher<'_, '_>) {
    let Some(key) = encoding_key(Algorithm::ES256) else { return };
    let message = vec![b'a'; 500];
    bencher.bench(|| crypto::sign(&message, &key, jsonwebtoken::Algorithm::ES256));
}

/// The same by a signer made before, which no two threads can share.
#[divan::bench]
fn sign_es256_jsonwebtoken_signer(bencher: Bencher<'_, '_>) {
    let Some(key) = encoding_key(Algorithm::ES256) else { return };
    let provider = &crypto::aws_lc::DEFAULT_PROVIDER;
    let Ok(signer) = (provider.signer_factory)(&jsonwebtoken::Algorithm::ES256, &key) else { return };
    let message = vec![b'a'; 500];
    bencher.bench_local(|| signer.try_sign(&message));
}

/// What more bits would cost.
#[divan::bench(args = [KeySize::Rsa2048, KeySize::Rsa3072, KeySize::Rsa4096])]
fn sign_rs256_bare(bencher: Bencher<'_, '_>, size: KeySize) {
    let Ok(key) = rsa::KeyPair::generate(size) else { return };
    let (random, message) = (SystemRandom::new(), vec![b'a'; 500]);
    let mut signature = vec![0; key.public_modulus_len()];
    bencher.bench_local(|| key.sign(&RSA_PKCS1_SHA256, &random, &message, &mut signature));
}

fn ring_and_token(algorithm: Algorithm) -> Option<(KeyRing, String)> {
    let key = SigningKey::generate(algorithm).ok()?;
    let ring = KeyRing::new(&[StoredKey::new(&key, 0, 0).ok()?], NOW * 1_000_000).ok()?;
    Some((ring, key.sign(Some("at+jwt"), &claims()).ok()?))
}

fn expect() -> Expect<'static> {
    Expect {
        typ: Typ::Is("at+jwt"),
        issuer: ISSUER,
        audience: Some(&["https://api.example"]),
        now: NOW * 1_000_000,
        leeway: Duration::ZERO,
        accept_expired: false,
    }
}

#[divan::bench(args = Algorithm::ALL)]
fn verify(bencher: Bencher<'_, '_>, algorithm: Algorithm) {
    let Some((ring, token)) = ring_and_token(algorithm) else { return };
    bencher.bench(|| ring.verify::<Claims>(&token, &expect()));
}

#[divan::bench]
fn verify_es256_bare(bencher: Bencher<'_, '_>) {
    let Ok(pair) = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING) else { return };
    let message = vec![b'a'; 500];
    let Ok(signature) = pair.sign(&SystemRandom::new(), &message) else { return };
    let Ok(key) = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref()) else { return };
    bencher.bench(|| key.verify_sig(&message, signature.as_ref()));
}

#[divan::bench]
fn verify_es256_cached(bencher: Bencher<'_, '_>) {
    let Some((ring, token)) = ring_and_token(Algorithm::ES256) else { return };
    let cache = VerifiedCache::<Claims>::default();
    bencher.bench(|| cache.verify(&ring, &token, &expect()));
}

#[divan::bench]
fn verify_es256_jsonwebtoken(bencher: Bencher<'_, '_>) {
    let Some((ring, token)) = ring_and_token(Algorithm::ES256) else { return };
    let Ok(set) = serde_json::from_slice::<jsonwebtoken::jwk::JwkSet>(ring.jwks()) else { return };
    let Some(Ok(key)) = set.keys.first().map(DecodingKey::from_jwk) else { return };
    let mut validation = Validation::new(jsonwebtoken::Algorithm::ES256);
    validation.set_audience(&["https://api.example"]);
    validation.set_issuer(&[ISSUER]);
    validation.validate_exp = false;
    bencher.bench(|| jsonwebtoken::decode::<Claims>(&token, &key, &validation));
}
