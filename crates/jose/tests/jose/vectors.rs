//! The examples of the RFCs.

use std::time::Duration;

use serde_json::{Value, json};
use vestibule_jose::{Algorithm, Expect, KeyParts, PublicKeys, SigningKey, Typ, VerifyError};

use crate::support::*;

/// The payload of RFC 7515, A.2 and A.3: issuer `joe`, expiring in 2011.
const JOE: &str = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn joe(now: i64) -> Expect<'static> {
    Expect {
        typ: Typ::Plain,
        issuer: "joe",
        audience: None,
        now: now * SECOND,
        leeway: Duration::ZERO,
        accept_expired: false,
    }
}

fn check(jwk: &Value, algorithm: Algorithm, token: &str) {
    let keys = PublicKeys::from_jwks(json!({ "keys": [jwk] }).to_string().as_bytes()).unwrap();
    let claims: Value = keys.verify(token, &[algorithm], &joe(1_300_819_379)).unwrap();
    assert_eq!(claims["http://example.com/is_root"], true);
    assert_eq!(keys.verify::<Value>(token, &[algorithm], &joe(1_300_819_380)), Err(VerifyError::Expired));
}

#[test]
fn rfc_7515_a_2_rs256() {
    let jwk = json!({
        "kty": "RSA",
        "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        "e": "AQAB"
    });
    let signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
    check(&jwk, Algorithm::RS256, &format!("eyJhbGciOiJSUzI1NiJ9.{JOE}.{signature}"));
}

#[test]
fn rfc_7515_a_3_es256() {
    let jwk = json!({
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    });
    let signature = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    check(&jwk, Algorithm::ES256, &format!("eyJhbGciOiJFUzI1NiJ9.{JOE}.{signature}"));
}

#[test]
fn rfc_7515_a_1_hs256_and_a_5_none_are_refused() {
    let hs256 = format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{JOE}.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let keys = PublicKeys::from_jwks(ring().jwks()).unwrap();
    assert_eq!(keys.verify::<Value>(&hs256, &Algorithm::ALL, &joe(0)), Err(VerifyError::Algorithm));
    let none = format!("eyJhbGciOiJub25lIn0.{JOE}.");
    assert_eq!(keys.verify::<Value>(&none, &Algorithm::ALL, &joe(0)), Err(VerifyError::Malformed));
}

#[test]
fn rfc_7638_3_1_thumbprint_of_an_rsa_key() {
    let parts = KeyParts::Rsa {
        n: "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw".into(),
        e: "AQAB".into(),
    };
    assert_eq!(parts.thumbprint().as_str(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn rfc_8037_a_3_thumbprint_and_a_4_signature_of_an_ed25519_key() {
    let parts = KeyParts::Okp { crv: "Ed25519".into(), x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".into() };
    assert_eq!(parts.thumbprint().as_str(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    // A.1's private key in the smallest PKCS#8, as `openssl genpkey` writes it. Ed25519 is deterministic, so what our key
    // signs can be compared with an independent signature over the same bytes.
    let seed = decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
    let prefix = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    let key = SigningKey::from_pkcs8(Algorithm::EdDSA, &[&prefix[..], &seed].concat()).unwrap();
    assert_eq!(key.id(), &parts.thumbprint());
    let token = key.sign(Some("at+jwt"), &claims()).unwrap();
    assert_eq!(token, key.sign(Some("at+jwt"), &claims()).unwrap());
    // A.4's payload is plain text and so no JWT: the right signature gets as far as the claims, a wrong one does not.
    let example = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    let keys = PublicKeys::from_jwks(json!({ "keys": [key.public_jwk()] }).to_string().as_bytes()).unwrap();
    let verify = |token: &str| keys.verify::<Value>(token, &[Algorithm::EdDSA], &joe(0));
    assert_eq!(verify(example), Err(VerifyError::Claims));
    assert_eq!(verify(&example.replace("hgyY", "hgyZ")), Err(VerifyError::Signature));
}
