//! Tokens of others, verified by the keys that they published.

use std::time::Duration;

use aws_lc_rs::signature;
use serde_json::{Value, json};
use vestibule_jose::{Algorithm, Expect, JwkError, JwksError, PublicKeys, SigningKey, Typ, VerifyError};

use crate::support::*;

const ALLOWED: [Algorithm; 2] = [Algorithm::ES256, Algorithm::RS256];

fn set(keys: &[Value]) -> Result<PublicKeys, JwksError> {
    PublicKeys::from_jwks(json!({ "keys": keys }).to_string().as_bytes())
}

fn jwk(algorithm: Algorithm) -> Value {
    serde_json::to_value(key(algorithm).public_jwk()).unwrap()
}

fn jwk_with(algorithm: Algorithm, changes: &[(&str, Value)]) -> Value {
    let mut jwk = jwk(algorithm);
    for (name, value) in changes {
        jwk[*name] = value.clone();
        if value.is_null() {
            jwk.as_object_mut().unwrap().remove(*name);
        }
    }
    jwk
}

/// What a token endpoint expects of a client assertion (RFC 7523, section 3).
fn assertion() -> Expect<'static> {
    Expect {
        typ: Typ::PlainOr("client-authentication+jwt"),
        issuer: "client-1",
        audience: Some(&[ISSUER]),
        now: NOW,
        leeway: Duration::from_secs(10),
        accept_expired: false,
    }
}

fn assertion_claims() -> Value {
    let now = NOW / SECOND;
    json!({ "iss": "client-1", "sub": "client-1", "aud": ISSUER, "jti": "1", "iat": now, "exp": now + 60 })
}

fn verify(keys: &PublicKeys, token: &str) -> Result<Value, VerifyError> {
    keys.verify(token, &ALLOWED, &assertion())
}

#[test]
fn every_algorithm_verifies_where_it_is_allowed() {
    for algorithm in Algorithm::ALL {
        let keys = set(&Algorithm::ALL.map(jwk)).unwrap();
        let token = key(algorithm).sign(None, &assertion_claims()).unwrap();
        let allowed: Result<Value, _> = keys.verify(&token, &[algorithm], &assertion());
        assert_eq!(allowed, Ok(assertion_claims()));
        let others: Vec<_> = Algorithm::ALL.into_iter().filter(|other| *other != algorithm).collect();
        let refused: Result<Value, _> = keys.verify(&token, &others, &assertion());
        assert_eq!(refused, Err(VerifyError::Algorithm));
        let nothing: Result<Value, _> = keys.verify(&token, &[], &assertion());
        assert_eq!(nothing, Err(VerifyError::Algorithm));
    }
}

#[test]
fn the_types_of_an_assertion() {
    let keys = set(&[jwk(Algorithm::ES256)]).unwrap();
    let of = |typ| verify(&keys, &key(Algorithm::ES256).sign(typ, &assertion_claims()).unwrap()).map(drop);
    for typ in [None, Some("JWT"), Some("client-authentication+jwt")] {
        assert_eq!(of(typ), Ok(()), "{typ:?}");
    }
    for typ in ["at+jwt", "dpop+jwt", "logout+jwt", ""] {
        assert_eq!(of(Some(typ)), Err(VerifyError::Type), "{typ}");
    }
}

#[test]
fn a_031_none_and_an_hmac_with_the_public_key_are_refused() {
    let keys = set(&[jwk(Algorithm::ES256), jwk(Algorithm::RS256)]).unwrap();
    let payload = assertion_claims().to_string();
    for secret in [jwk(Algorithm::RS256).to_string(), jwk(Algorithm::RS256)["n"].to_string(), String::new()] {
        let kid = key(Algorithm::RS256).id().to_string();
        for alg in ["HS256", "HS384", "HS512"] {
            let token = hmac_token(alg, &kid, secret.as_bytes(), &payload);
            for algorithms in [&ALLOWED[..], &Algorithm::ALL[..]] {
                let refused: Result<Value, _> = keys.verify(&token, algorithms, &assertion());
                assert_eq!(refused, Err(VerifyError::Algorithm));
            }
        }
    }
    for alg in ["none", "None", ""] {
        let header = json!({ "alg": alg, "kid": key(Algorithm::ES256).id() }).to_string();
        assert_eq!(verify(&keys, &forge(&header, &payload)), Err(VerifyError::Algorithm), "{alg}");
        let bare = format!("{}.{}.", encode(&header), encode(&payload));
        assert_eq!(verify(&keys, &bare), Err(VerifyError::Malformed));
    }
}

#[test]
fn a_031_claims_of_an_assertion_are_looked_at() {
    let keys = set(&[jwk(Algorithm::ES256)]).unwrap();
    let with = |name: &str, value: Value| {
        let mut claims = assertion_claims();
        claims[name] = value;
        verify(&keys, &key(Algorithm::ES256).sign(None, &claims).unwrap()).map(drop)
    };
    assert_eq!(with("aud", "https://other.example".into()), Err(VerifyError::Audience));
    assert_eq!(with("iss", "client-2".into()), Err(VerifyError::Issuer));
    assert_eq!(with("exp", "9999999999".into()), Err(VerifyError::Claims));
    assert_eq!(with("exp", (NOW / SECOND - 10).into()), Err(VerifyError::Expired));
    assert_eq!(with("exp", (NOW / SECOND - 9).into()), Ok(()), "inside the leeway");
}

#[test]
fn a_113_a_key_in_the_header_is_refused() {
    let attacker = SigningKey::generate(Algorithm::ES256).unwrap();
    let keys = set(&[jwk(Algorithm::ES256)]).unwrap();
    let own = serde_json::to_value(attacker.public_jwk()).unwrap();
    for (name, value) in [("jwk", own), ("jku", json!("https://a.example")), ("x5u", json!("https://a.example"))] {
        let header = json!({ "alg": "ES256", name: value }).to_string();
        let token = forge(&header, &assertion_claims().to_string());
        assert_eq!(verify(&keys, &token), Err(VerifyError::HeaderMember(name)));
    }
    let token = attacker.sign(None, &assertion_claims()).unwrap();
    assert_eq!(verify(&keys, &token), Err(VerifyError::UnknownKey));
}

#[test]
fn an_ecdsa_signature_in_der_is_refused() {
    let keys = set(&[jwk(Algorithm::ES256)]).unwrap();
    let signed = format!("{}.{}", encode(r#"{"alg":"ES256"}"#), encode(assertion_claims().to_string()));
    let der = es256(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, &signed);
    assert_eq!(verify(&keys, &format!("{signed}.{}", encode(der))), Err(VerifyError::Signature));
    let fixed = es256(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, &signed);
    assert!(verify(&keys, &format!("{signed}.{}", encode(fixed))).is_ok());
}

#[test]
fn without_a_kid_every_key_of_the_algorithm_is_tried() {
    let other = serde_json::to_value(SigningKey::generate(Algorithm::ES256).unwrap().public_jwk()).unwrap();
    let keys = set(&[other.clone(), jwk_with(Algorithm::ES256, &[("kid", Value::Null)])]).unwrap();
    let token = forge(r#"{"alg":"ES256"}"#, &assertion_claims().to_string());
    assert!(verify(&keys, &token).is_ok());
    assert_eq!(verify(&set(&[other]).unwrap(), &token), Err(VerifyError::Signature));
    let named = key(Algorithm::ES256).sign(None, &assertion_claims()).unwrap();
    assert_eq!(verify(&keys, &named), Err(VerifyError::UnknownKey), "a key without a name has not that name");
}

#[test]
fn a_key_is_used_for_what_it_says_only() {
    let rs256 = key(Algorithm::RS256).sign(None, &assertion_claims()).unwrap();
    let pss = SigningKey::from_pkcs8(Algorithm::PS256, &key(Algorithm::RS256).to_pkcs8().unwrap()).unwrap();
    let ps256 = pss.sign(None, &assertion_claims()).unwrap();
    let open = set(&[jwk_with(Algorithm::RS256, &[("alg", Value::Null)])]).unwrap();
    let bound = set(&[jwk(Algorithm::RS256)]).unwrap();
    let all = |keys: &PublicKeys, token: &str| keys.verify::<Value>(token, &Algorithm::ALL, &assertion()).map(drop);
    assert_eq!((all(&open, &rs256), all(&open, &ps256)), (Ok(()), Ok(())));
    assert_eq!((all(&bound, &rs256), all(&bound, &ps256)), (Ok(()), Err(VerifyError::UnknownKey)));
}

#[test]
fn a_set_that_gives_away_a_secret_is_refused() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        let leaked = jwk_with(Algorithm::RS256, &[(member, "AQAB".into())]);
        let refused = set(&[jwk(Algorithm::ES256), leaked]).err();
        assert_eq!(refused, Some(JwksError::Private(1)), "{member}");
    }
    let symmetric = json!({ "kty": "oct", "alg": "HS256" });
    assert_eq!(set(&[symmetric]).err(), Some(JwksError::Private(0)));
}

#[test]
fn keys_that_make_no_sense_are_refused() {
    let (rsa, ec, ed) = (Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA);
    let p384_x = jwk(Algorithm::ES384)["x"].clone();
    let short = encode([0x80; 128]);
    let cases = [
        (jwk_with(rsa, &[("n", short.into())]), JwkError::RsaSize),
        (jwk_with(rsa, &[("n", encode([vec![1], vec![0xff; 1024]].concat()).into())]), JwkError::RsaSize),
        (jwk_with(rsa, &[("n", encode([vec![0], vec![0xff; 256]].concat()).into())]), JwkError::Invalid),
        (jwk_with(rsa, &[("e", "AQ".into())]), JwkError::RsaSize),
        (jwk_with(rsa, &[("e", "Ag".into())]), JwkError::RsaSize),
        (jwk_with(rsa, &[("e", encode([0xff; 9]).into())]), JwkError::RsaSize),
        (jwk_with(rsa, &[("e", encode([1, 0, 0, 0, 0, 0, 0, 0, 3]).into())]), JwkError::RsaSize),
        (jwk_with(rsa, &[("n", "not base64!".into())]), JwkError::Invalid),
        (jwk_with(rsa, &[("n", Value::Null)]), JwkError::Invalid),
        (jwk_with(ec, &[("x", encode([1; 32]).into())]), JwkError::Invalid),
        (jwk_with(ec, &[("x", p384_x)]), JwkError::Invalid),
        (jwk_with(ec, &[("y", Value::Null)]), JwkError::Invalid),
        (jwk_with(ed, &[("x", encode([1; 31]).into())]), JwkError::Invalid),
    ];
    for (jwk, error) in cases {
        assert_eq!(set(std::slice::from_ref(&jwk)).err(), Some(JwksError::Key(0, error)), "{jwk}");
    }
}

/// Put together they are the very point, so only their lengths tell that these are not its coordinates.
#[test]
fn coordinates_have_their_full_length() {
    let [x, y] = ["x", "y"].map(|name| decode(jwk(Algorithm::ES256)[name].as_str().unwrap()));
    let point = [x, y].concat();
    for border in [0, 31, 33, 64] {
        let (x, y) = point.split_at(border);
        let jwk = jwk_with(Algorithm::ES256, &[("x", encode(x).into()), ("y", encode(y).into())]);
        assert_eq!(set(&[jwk]).err(), Some(JwksError::Key(0, JwkError::Invalid)), "{border}");
    }
}

#[test]
fn keys_that_are_none_of_our_business_are_passed_over() {
    let strange = [
        json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" }),
        jwk_with(Algorithm::ES256, &[("crv", "secp256k1".into())]),
        jwk_with(Algorithm::EdDSA, &[("crv", "X25519".into())]),
        jwk_with(Algorithm::RS256, &[("use", "enc".into())]),
        jwk_with(Algorithm::RS256, &[("alg", "RS512".into())]),
        json!({}),
    ];
    assert_eq!(set(&strange).err(), Some(JwksError::NoUsableKey));
    let mut with_one = strange.to_vec();
    with_one.push(jwk(Algorithm::ES256));
    let token = key(Algorithm::ES256).sign(None, &assertion_claims()).unwrap();
    assert!(verify(&set(&with_one).unwrap(), &token).is_ok());
}

#[test]
fn what_is_no_set_or_too_large_is_refused() {
    for text in ["", "null", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[1]}"#, r#"[[{"kty":"RSA"}]]"#, "{\"keys\":["] {
        assert_eq!(PublicKeys::from_jwks(text.as_bytes()).err(), Some(JwksError::Malformed), "{text}");
    }
    assert_eq!(set(&[]).err(), Some(JwksError::NoUsableKey));
    assert!(set(&vec![jwk(Algorithm::ES256); 50]).is_ok());
    assert_eq!(set(&vec![jwk(Algorithm::ES256); 51]).err(), Some(JwksError::TooLarge));
    let long = jwk_with(Algorithm::ES256, &[("note", "x".repeat(64 * 1024).into())]);
    assert_eq!(set(&[long]).err(), Some(JwksError::TooLarge));
}
