//! Our own tokens: made, verified, and refused.

use std::time::Duration;

use aws_lc_rs::signature;
use serde_json::{Value, json};
use vestibule_jose::{
    Algorithm, Expect, KeyError, KeyRing, MAX_TOKEN, SignError, SigningKey, StoredKey, Typ, VerifiedCache, VerifyError,
    peek_header, peek_issuer,
};

use crate::support::*;

fn verify(token: &str) -> Result<Value, VerifyError> {
    ring().verify(token, &expect())
}

#[test]
fn every_algorithm_signs_is_stored_and_verifies() {
    for algorithm in Algorithm::ALL {
        let stored = key(algorithm).to_pkcs8().unwrap();
        let again = SigningKey::from_pkcs8(algorithm, &stored).unwrap();
        assert_eq!(again.id(), key(algorithm).id());
        let token = again.sign(Some("at+jwt"), &claims()).unwrap();
        assert_eq!(verify(&token).as_ref(), Ok(&claims()), "{algorithm}");
        let header = peek_header(&token).unwrap();
        assert_eq!((header.alg.as_str(), header.kid.as_deref()), (algorithm.as_str(), Some(again.id().as_str())));
        assert_eq!(peek_issuer(&token).as_deref(), Ok(ISSUER));
    }
}

#[test]
fn the_header_is_written_once_and_the_same_for_known_and_other_types() {
    let key = key(Algorithm::ES256);
    for typ in [None, Some("JWT"), Some("at+jwt"), Some("logout+jwt"), Some("custom+jwt"), Some("a\"b\\")] {
        let token = key.sign(typ, &claims()).unwrap();
        let header: Value = serde_json::from_slice(&decode(token.split('.').next().unwrap())).unwrap();
        let mut wanted = json!({ "alg": "ES256", "kid": key.id() });
        typ.into_iter().for_each(|typ| wanted["typ"] = typ.into());
        assert_eq!(header, wanted);
    }
}

#[test]
fn a_jwk_set_holds_nothing_private_and_its_tag_follows_its_content() {
    let ring = ring();
    let set: Value = serde_json::from_slice(ring.jwks()).unwrap();
    assert_eq!(set["keys"].as_array().unwrap().len(), 5);
    for jwk in set["keys"].as_array().unwrap() {
        let allowed = ["kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"];
        assert!(jwk.as_object().unwrap().keys().all(|name| allowed.contains(&name.as_str())), "{jwk}");
        assert_eq!(jwk["use"], "sig");
        let signer = ring.verify_key(jwk["kid"].as_str().unwrap()).unwrap();
        assert_eq!(serde_json::to_value(signer.public_jwk()).unwrap(), *jwk);
    }
    assert_eq!(ring.etag(), ring.at(NOW + SECOND).etag());
    let fewer = KeyRing::new(&[StoredKey::new(&key(Algorithm::ES256), NOW, NOW).unwrap()], NOW).unwrap();
    assert_ne!(ring.etag(), fewer.etag());
    assert!(ring.etag().starts_with('"') && ring.etag().ends_with('"'));
}

#[test]
fn secrets_do_not_print() {
    let key = key(Algorithm::EdDSA);
    let stored = StoredKey::new(&key, 1, 2).unwrap();
    assert_eq!(format!("{key:?}"), format!("SigningKey(EdDSA {})", key.id()));
    assert!(format!("{stored:?}").starts_with("StoredKey(KeyMeta {"));
    assert!(!format!("{stored:?}").contains("pkcs8"));
}

#[test]
fn a_key_of_another_kind_is_no_key() {
    for stored in Algorithm::ALL {
        let pkcs8 = key(stored).to_pkcs8().unwrap();
        for asked in Algorithm::ALL {
            let same_kind = [stored, asked].iter().all(|alg| matches!(alg, Algorithm::RS256 | Algorithm::PS256));
            let read = SigningKey::from_pkcs8(asked, &pkcs8);
            assert_eq!(read.is_ok(), stored == asked || same_kind, "{stored} as {asked}");
        }
    }
    assert!(matches!(SigningKey::from_pkcs8(Algorithm::ES256, b"rubbish"), Err(KeyError::NotAKey(_))));
}

#[test]
fn a_stored_key_under_another_name_is_refused() {
    let mut stored = StoredKey::new(&key(Algorithm::ES256), NOW, NOW).unwrap();
    stored.pkcs8 = SigningKey::generate(Algorithm::ES256).unwrap().to_pkcs8().unwrap();
    assert!(matches!(KeyRing::new(&[stored], NOW), Err(KeyError::OtherKey { .. })));
}

#[test]
fn nobody_is_given_a_token_that_we_would_not_read() {
    let fat = claims_but("groups", "x".repeat(MAX_TOKEN).into());
    assert!(matches!(key(Algorithm::EdDSA).sign(None, &fat), Err(SignError::TooLong)));
    assert_eq!(verify(&"a".repeat(MAX_TOKEN + 1)), Err(VerifyError::TooLong));
    assert_eq!(peek_header(&"a".repeat(MAX_TOKEN + 1)), Err(VerifyError::TooLong));
}

#[test]
fn a_032_a_token_of_another_type_is_refused() {
    let key = key(Algorithm::ES256);
    for typ in [None, Some("JWT"), Some("logout+jwt"), Some("at"), Some("at+jwt "), Some("")] {
        assert_eq!(verify(&key.sign(typ, &claims()).unwrap()), Err(VerifyError::Type), "{typ:?}");
    }
    let as_id_token = Expect { typ: Typ::Is("JWT"), ..expect() };
    let access: Result<Value, _> = ring().verify(&access_token(Algorithm::ES256), &as_id_token);
    assert_eq!(access, Err(VerifyError::Type));
    for same in ["AT+JWT", "application/at+jwt", "Application/AT+jwt"] {
        assert!(verify(&key.sign(Some(same), &claims()).unwrap()).is_ok(), "{same}");
    }
}

#[test]
fn a_113_none_is_refused_in_every_spelling() {
    for alg in ["none", "None", "NONE", "nOnE", "", " ES256", "es256"] {
        let header = header_with(&json!({ "alg": alg }));
        assert_eq!(verify(&forge(&header, &claims().to_string())), Err(VerifyError::Algorithm), "{alg:?}");
        let bare = format!("{}.{}.", encode(&header), encode(claims().to_string()));
        assert_eq!(verify(&bare), Err(VerifyError::Malformed));
    }
}

#[test]
fn a_113_an_hmac_over_the_public_key_is_refused() {
    let jwk = serde_json::to_vec(key(Algorithm::RS256).public_jwk()).unwrap();
    for alg in ["HS256", "HS384", "HS512", "RS256"] {
        let kid = key(Algorithm::RS256).id().to_string();
        let refused = verify(&hmac_token(alg, &kid, &jwk, &claims().to_string()));
        let wanted = if alg == "RS256" { VerifyError::Signature } else { VerifyError::Algorithm };
        assert_eq!(refused, Err(wanted), "{alg}");
    }
}

#[test]
fn a_113_the_header_does_not_choose_the_algorithm() {
    // Rightly signed with ES256, but the header says otherwise: both ways of reading it must not pass.
    for alg in ["ES384", "RS256", "PS256", "EdDSA"] {
        let token = forge(&header_with(&json!({ "alg": alg })), &claims().to_string());
        assert_eq!(verify(&token), Err(VerifyError::Algorithm), "{alg}");
    }
    // The same key pair, once for RS256 and once for PS256: each name takes only its own algorithm.
    let pss = SigningKey::from_pkcs8(Algorithm::PS256, &key(Algorithm::RS256).to_pkcs8().unwrap()).unwrap();
    assert_eq!(pss.id(), key(Algorithm::RS256).id());
    assert_eq!(verify(&pss.sign(Some("at+jwt"), &claims()).unwrap()), Err(VerifyError::Algorithm));
}

#[test]
fn a_113_headers_that_bring_or_fetch_a_key_are_refused() {
    let own = serde_json::to_value(key(Algorithm::ES256).public_jwk()).unwrap();
    let cases = [
        ("jwk", own),
        ("jku", json!("https://attacker.example/jwks")),
        ("x5u", json!("https://attacker.example/cert")),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", Value::Null),
        ("jku", Value::Null),
        ("b64", json!(false)),
    ];
    for (name, value) in cases {
        let token = forge(&header_with(&json!({ name: value })), &claims().to_string());
        assert_eq!(verify(&token), Err(VerifyError::HeaderMember(name)));
        assert_eq!(peek_header(&token), Err(VerifyError::HeaderMember(name)));
    }
    // What is not read does no harm, and does not help either.
    assert!(verify(&forge(&header_with(&json!({ "x5t": "abc", "x5c": ["abc"] })), &claims().to_string())).is_ok());
}

#[test]
fn a_113_a_kid_is_a_name_and_nothing_else() {
    for kid in ["", "../../dev/null", "/etc/passwd", "' OR 1=1 --", "https://attacker.example/key", "\0", "*"] {
        let token = forge(&header_with(&json!({ "kid": kid })), &claims().to_string());
        assert_eq!(verify(&token), Err(VerifyError::UnknownKey), "{kid:?}");
    }
    let token = forge(r#"{"alg":"ES256","typ":"at+jwt"}"#, &claims().to_string());
    assert_eq!(verify(&token), Err(VerifyError::UnknownKey), "our tokens always name their key");
    for kid in [json!(1), json!(["a"]), json!({})] {
        let token = forge(&header_with(&json!({ "kid": kid })), &claims().to_string());
        assert_eq!(verify(&token), Err(VerifyError::Malformed));
    }
}

#[test]
fn a_changed_token_is_refused() {
    for algorithm in Algorithm::ALL {
        let token = access_token(algorithm);
        let parts: Vec<_> = token.split('.').collect();
        let other = encode(claims_but("sub", "mallory".into()).to_string());
        assert_eq!(verify(&format!("{}.{other}.{}", parts[0], parts[2])), Err(VerifyError::Signature));
        let mut signature = decode(parts[2]);
        for position in [0, signature.len() / 2, signature.len() - 1] {
            signature[position] ^= 1;
            let changed = format!("{}.{}.{}", parts[0], parts[1], encode(&signature));
            assert_eq!(verify(&changed), Err(VerifyError::Signature), "{algorithm} at {position}");
            signature[position] ^= 1;
        }
        for length in [0, 1, signature.len() - 1] {
            let shortened = format!("{}.{}.{}", parts[0], parts[1], encode(&signature[..length]));
            assert!(verify(&shortened).is_err(), "{algorithm} with {length} bytes");
        }
        let zeros = format!("{}.{}.{}", parts[0], parts[1], encode(vec![0; signature.len()]));
        assert_eq!(verify(&zeros), Err(VerifyError::Signature));
    }
}

#[test]
fn an_ecdsa_signature_in_der_is_refused() {
    let token = access_token(Algorithm::ES256);
    let (signed, _) = token.rsplit_once('.').unwrap();
    let der = es256(&signature::ECDSA_P256_SHA256_ASN1_SIGNING, signed);
    assert_eq!(verify(&format!("{signed}.{}", encode(der))), Err(VerifyError::Signature));
    let fixed = es256(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, signed);
    assert!(verify(&format!("{signed}.{}", encode(fixed))).is_ok());
}

#[test]
fn a_token_has_one_text() {
    let token = access_token(Algorithm::ES256);
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let with = |signature: &str| format!("{signed}.{signature}");
    let cases = [
        format!("{token}."),
        format!("{token}.."),
        format!("{token}.AA"),
        format!(".{token}"),
        format!(" {token}"),
        format!("{token}\n"),
        format!("{token}="),
        with(&format!("{signature}==")),
        with(""),
        signed.to_owned(),
        token.replacen('.', "..", 1),
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        "a.b.c".to_owned(),
    ];
    for case in cases {
        assert_eq!(verify(&case), Err(VerifyError::Malformed), "{case}");
    }
    // 64 bytes are 86 characters, of the last of which four bits are not used: they must be zero.
    let last = signature.chars().last().unwrap();
    let twin = char::from(u8::try_from(last).unwrap() + 1);
    assert_eq!(verify(&with(&format!("{}{twin}", &signature[..85]))), Err(VerifyError::Malformed));
    // The standard alphabet is another encoding.
    let (header, rest) = token.split_once('.').unwrap();
    assert_eq!(verify(&format!("{}.{rest}", header.replace('e', "+"))), Err(VerifyError::Malformed));
}

#[test]
fn times_are_looked_at_to_the_microsecond() {
    let token = access_token(Algorithm::EdDSA);
    let at = |now, leeway| {
        let expect = Expect { now, leeway: Duration::from_secs(leeway), ..expect() };
        ring().verify::<Value>(&token, &expect).map(drop)
    };
    assert_eq!(at(NOW + 600 * SECOND - 1, 0), Ok(()));
    assert_eq!(at(NOW + 600 * SECOND, 0), Err(VerifyError::Expired));
    assert_eq!(at(NOW + 609 * SECOND, 10), Ok(()));
    assert_eq!(at(NOW + 610 * SECOND, 10), Err(VerifyError::Expired));
    assert_eq!(at(NOW - 1, 0), Err(VerifyError::NotYetValid));
    assert_eq!(at(NOW - 10 * SECOND, 10), Ok(()));
    assert_eq!(at(NOW - 11 * SECOND, 10), Err(VerifyError::NotYetValid));
    for name in ["nbf", "iat"] {
        let early = key(Algorithm::EdDSA).sign(Some("at+jwt"), &claims_but(name, (NOW / SECOND + 1).into())).unwrap();
        assert_eq!(verify(&early), Err(VerifyError::NotYetValid), "{name}");
    }
}

#[test]
fn a_hint_may_have_expired_but_nothing_else() {
    let hint = Expect { typ: Typ::Is("JWT"), now: NOW + 86_400 * SECOND, accept_expired: true, ..expect() };
    let id_token = key(Algorithm::RS256).sign(Some("JWT"), &claims()).unwrap();
    assert!(ring().verify::<Value>(&id_token, &hint).is_ok());
    let elsewhere = Expect { issuer: "https://other.example", ..hint };
    assert_eq!(ring().verify::<Value>(&id_token, &elsewhere), Err(VerifyError::Issuer));
    assert_eq!(ring().verify::<Value>(&access_token(Algorithm::RS256), &hint), Err(VerifyError::Type));
}

#[test]
fn issuer_and_audience_are_compared_to_the_letter() {
    let key = key(Algorithm::EdDSA);
    let with = |name, value| verify(&key.sign(Some("at+jwt"), &claims_but(name, value)).unwrap()).map(drop);
    for issuer in ["https://id.example/", "https://ID.example", "", "https://id.example.attacker.example"] {
        assert_eq!(with("iss", issuer.into()), Err(VerifyError::Issuer), "{issuer}");
    }
    for audience in [json!("https://other.example"), json!([]), json!(["https://api.example/"]), Value::Null] {
        assert_eq!(with("aud", audience.clone()), Err(VerifyError::Audience), "{audience}");
    }
    assert_eq!(with("aud", "https://api.example".into()), Ok(()));
    assert_eq!(with("aud", json!(["x", "https://api.example"])), Ok(()));
    let nobody = Expect { audience: Some(&[]), ..expect() };
    assert_eq!(ring().verify::<Value>(&access_token(Algorithm::EdDSA), &nobody), Err(VerifyError::Audience));
}

#[test]
fn claims_of_the_wrong_kind_are_refused() {
    let wrong = [
        ("exp", Value::Null),
        ("exp", json!("1760000600")),
        ("exp", json!("never")),
        ("exp", json!(true)),
        ("exp", json!([9_999_999_999_i64])),
        ("nbf", json!("0")),
        ("iat", json!("0")),
        ("iss", Value::Null),
        ("iss", json!([ISSUER])),
        ("aud", json!(1)),
        ("aud", json!([1])),
        ("sub", json!(1)),
        ("jti", json!({})),
    ];
    for (name, value) in wrong {
        let token = key(Algorithm::EdDSA).sign(Some("at+jwt"), &claims_but(name, value.clone())).unwrap();
        assert_eq!(verify(&token), Err(VerifyError::Claims), "{name}: {value}");
    }
    let good = claims().to_string();
    let texts = [
        good.replacen('{', r#"{"exp":null,"#, 1),
        good.replacen('{', r#"{"exp":9999999999,"#, 1),
        good.replace(r#""nbf":1760000000"#, r#""nbf":null"#),
        good.replacen('{', r#"{"sub":"mallory","#, 1),
        good.replacen('{', r#"{"iss":"https://id.example","#, 1),
        format!("[{good}]"),
        r#"["https://id.example",["https://api.example"],9999999999]"#.to_owned(),
        "null".to_owned(),
        "\"text\"".to_owned(),
        format!("{good} {good}"),
        good.replace('}', ""),
        "[".repeat(5000),
    ];
    assert!(verify(&forge(&header_with(&json!({})), &good)).is_ok());
    for text in texts {
        assert_ne!(text, good);
        assert_eq!(verify(&forge(&header_with(&json!({})), &text)), Err(VerifyError::Claims), "{text}");
    }
}

#[test]
fn a_date_may_have_a_fraction_and_a_huge_one_does_not_wrap() {
    let until = |exp: Value, now| {
        let token = key(Algorithm::EdDSA).sign(Some("at+jwt"), &claims_but("exp", exp)).unwrap();
        ring().verify::<Value>(&token, &Expect { now, ..expect() }).map(drop)
    };
    assert_eq!(until(json!(1_760_000_000.5), NOW + SECOND / 2 - 1), Ok(()));
    assert_eq!(until(json!(1_760_000_000.5), NOW + SECOND / 2), Err(VerifyError::Expired));
    for huge in [json!(i64::MAX), json!(u64::MAX), json!(1e300)] {
        assert_eq!(until(huge, NOW), Ok(()));
    }
    for low in [json!(i64::MIN), json!(-1e300), json!(-1), json!(0)] {
        assert_eq!(until(low, NOW), Err(VerifyError::Expired));
    }
}

#[test]
fn a_header_that_is_an_array_or_says_a_thing_twice_is_refused() {
    let kid = key(Algorithm::ES256).id().to_string();
    for header in [
        format!(r#"["ES256","at+jwt","{kid}"]"#),
        format!(r#"{{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","typ":"JWT","typ":"at+jwt","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","typ":"at+jwt","kid":"{kid}","kid":"{kid}"}}"#),
        format!(r#"{{"typ":"at+jwt","kid":"{kid}"}}"#),
    ] {
        assert_eq!(verify(&forge(&header, &claims().to_string())), Err(VerifyError::Malformed), "{header}");
    }
}

#[test]
fn the_cache_says_what_the_ring_says() {
    let cache = VerifiedCache::<Value>::default();
    let (ring, token) = (ring(), access_token(Algorithm::ES256));
    let first = cache.verify(&ring, &token, &expect()).unwrap();
    let second = cache.verify(&ring, &token, &expect()).unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &second), "the second time is from memory");
    assert_eq!(*second, claims());
    let cases = [
        (Expect { now: NOW + 600 * SECOND, ..expect() }, VerifyError::Expired),
        (Expect { typ: Typ::Is("JWT"), ..expect() }, VerifyError::Type),
        (Expect { typ: Typ::Plain, ..expect() }, VerifyError::Type),
        (Expect { issuer: "https://other.example", ..expect() }, VerifyError::Issuer),
        (Expect { audience: Some(&["https://other.example"]), ..expect() }, VerifyError::Audience),
        (Expect { audience: Some(&[]), ..expect() }, VerifyError::Audience),
    ];
    for (expect, error) in cases {
        assert_eq!(cache.verify(&ring, &token, &expect), Err(error), "{expect:?}");
    }
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let bad = format!("{signed}.{}", signature.chars().rev().skip(1).chain(['A']).collect::<String>());
    assert!(cache.verify(&ring, &bad, &expect()).is_err() && cache.verify(&ring, &bad, &expect()).is_err());
}

#[test]
fn a_withdrawn_key_takes_along_what_it_verified() {
    let cache = VerifiedCache::<Value>::default();
    let mut stored = StoredKey::new(&key(Algorithm::ES256), NOW - SECOND, NOW - SECOND).unwrap();
    let ring = KeyRing::new(std::slice::from_ref(&stored), NOW).unwrap();
    let token = access_token(Algorithm::ES256);
    assert!(cache.verify(&ring, &token, &expect()).is_ok());
    stored.retires_at = Some(NOW + SECOND);
    stored.removed_at = Some(NOW + 2 * SECOND);
    let planned = KeyRing::new(std::slice::from_ref(&stored), NOW).unwrap();
    let at = |seconds| Expect { now: NOW + seconds * SECOND, ..expect() };
    let unknown = Err(VerifyError::UnknownKey);
    // Neither a ring that is a moment old believes it any longer, nor a cache that verified it before all this was planned,
    // nor one that verified it since.
    assert_eq!(planned.verify::<Value>(&token, &at(2)), Err(VerifyError::UnknownKey));
    assert_eq!(cache.verify(&planned, &token, &at(2)), unknown);
    assert!(cache.verify(&planned, &token, &at(1)).is_ok());
    assert_eq!(cache.verify(&planned, &token, &at(2)), unknown);
    assert_eq!(cache.verify(&planned.at(NOW + 2 * SECOND), &token, &at(2)), unknown);
}
