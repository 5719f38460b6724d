//! Whatever is sent, the answer is an answer.

use proptest::prelude::*;
use serde_json::Value;
use vestibule_jose::{Algorithm, PublicKeys, VerifiedCache, peek_header, peek_issuer};

use crate::support::*;

/// Looks at it from every side; none may accept it.
fn refused_by_all(token: &str) -> bool {
    let ring = ring();
    let others = PublicKeys::from_jwks(ring.jwks()).unwrap();
    let _ = (peek_header(token), peek_issuer(token));
    ring.verify::<Value>(token, &expect()).is_err()
        && others.verify::<Value>(token, &Algorithm::ALL, &expect()).is_err()
        && VerifiedCache::<Value>::default().verify(&ring, token, &expect()).is_err()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn any_text(token in any::<String>()) {
        prop_assert!(refused_by_all(&token));
    }

    #[test]
    fn any_bytes_in_three_parts(header in any::<Vec<u8>>(), payload in any::<Vec<u8>>(), signature in any::<Vec<u8>>()) {
        let token = [header, payload, signature].map(encode).join(".");
        prop_assert!(refused_by_all(&token));
    }

    #[test]
    fn a_good_token_with_one_character_changed(position in any::<prop::sample::Index>(), with in "[A-Za-z0-9_.=-]") {
        let token = access_token(Algorithm::EdDSA);
        let position = position.index(token.len());
        let changed = format!("{}{with}{}", &token[..position], &token[position + 1..]);
        prop_assume!(changed != token);
        prop_assert!(refused_by_all(&changed));
    }

    #[test]
    fn any_signed_payload(payload in any::<String>()) {
        let token = forge(&header_with(&serde_json::json!({})), &payload);
        prop_assert!(refused_by_all(&token));
    }

    #[test]
    fn any_set_of_keys(json in any::<Vec<u8>>(), n in "[A-Za-z0-9_-]{0,400}", e in "[A-Za-z0-9_-]{0,12}", x in "[A-Za-z0-9_-]{43}") {
        prop_assert!(PublicKeys::from_jwks(&json).is_err());
        for jwk in [
            serde_json::json!({ "kty": "RSA", "n": n, "e": e }),
            serde_json::json!({ "kty": "EC", "crv": "P-256", "x": x, "y": x }),
            serde_json::json!({ "kty": "OKP", "crv": "Ed25519", "x": x }),
        ] {
            let _ = PublicKeys::from_jwks(serde_json::json!({ "keys": [jwk] }).to_string().as_bytes());
        }
    }
}
