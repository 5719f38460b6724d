//! What a token costs: the bare signature, ours, and `jsonwebtoken`'s; then the same for verifying.
//!
//! `cargo bench -p vestibule-jose`

use std::time::Duration;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use divan::Bencher;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
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

#[divan::bench]
fn sign_es256_jsonwebtoken(bencher: Bencher<'_, '_>) {
    let Ok(pkcs8) = SigningKey::generate(Algorithm::ES256).and_then(|key| key.to_pkcs8()) else { return };
    let key = EncodingKey::from_ec_der(&pkcs8);
    let mut header = Header::new(jsonwebtoken::Algorithm::ES256);
    header.kid = Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".into());
    header.typ = Some("at+jwt".into());
    let claims = claims();
    bencher.bench(|| jsonwebtoken::encode(&header, &claims, &key));
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
