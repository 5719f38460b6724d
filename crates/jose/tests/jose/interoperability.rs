//! What we write, another library reads, and the other way round.

use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, jwk::JwkSet};
use serde_json::Value;
use vestibule_jose::{Algorithm, PublicKeys};

use crate::support::*;

fn theirs(algorithm: Algorithm) -> jsonwebtoken::Algorithm {
    algorithm.as_str().parse().unwrap()
}

#[test]
fn jsonwebtoken_reads_our_tokens_by_our_jwk_set() {
    let set: JwkSet = serde_json::from_slice(ring().jwks()).unwrap();
    for algorithm in Algorithm::ALL {
        let token = access_token(algorithm);
        let kid = jsonwebtoken::decode_header(&token).unwrap().kid.unwrap();
        let jwk = set.find(&kid).unwrap();
        assert_eq!(jwk.thumbprint(jsonwebtoken::jwk::ThumbprintHash::SHA256).unwrap(), kid);
        let mut validation = Validation::new(theirs(algorithm));
        validation.set_audience(&["https://api.example"]);
        validation.set_issuer(&[ISSUER]);
        validation.validate_exp = false;
        let read = jsonwebtoken::decode::<Value>(&token, &DecodingKey::from_jwk(jwk).unwrap(), &validation);
        assert_eq!(read.unwrap().claims, claims(), "{algorithm}");
    }
}

#[test]
fn we_read_the_tokens_of_jsonwebtoken() {
    let keys = PublicKeys::from_jwks(ring().jwks()).unwrap();
    for algorithm in [Algorithm::ES256, Algorithm::ES384, Algorithm::EdDSA] {
        let pkcs8 = key(algorithm).to_pkcs8().unwrap();
        let pair = match algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_der(&pkcs8),
            _ => EncodingKey::from_ec_der(&pkcs8),
        };
        let mut header = Header::new(theirs(algorithm));
        header.typ = Some("at+jwt".into());
        let token = jsonwebtoken::encode(&header, &claims(), &pair).unwrap();
        assert_eq!(keys.verify::<Value>(&token, &[algorithm], &expect()), Ok(claims()), "{algorithm}");
    }
}
