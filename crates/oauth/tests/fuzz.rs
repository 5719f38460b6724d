//! odd input for everything in the protocol that reads what strangers wrote. In any number, see
//! [`vestibule_core::testing::fuzz`].

#![expect(clippy::unwrap_used, reason = "a test that meets what it did not expect fails")]

use std::{sync::LazyLock, time::Duration};

use serde_json::json;
use vestibule_core::{
    Time,
    testing::fuzz::{fuzz, fuzz_text},
};
use vestibule_jose::{
    Algorithm, Expect, PublicKeys, SigningKey, StoredKey, Typ, VerifyError, peek_header, peek_issuer,
};
use vestibule_oauth::{
    Issuer, Params, Settings, Snapshot,
    authorize::{Refusal, authorize},
    logout::plan_logout,
    model::Client,
    redirect_uri::{matches, validate_redirect_uri},
};

const ISSUER: &str = "https://id.example";
const NOW: Time = Time::from_unix_seconds(1_800_000_000);
const CALLBACK: &str = "https://shop.example/cb";
const AUTHORIZE: &str = "response_type=code&client_id=shop&redirect_uri=https%3A%2F%2Fshop.example%2Fcb&scope=openid+profile&\
    state=s%C3%A4%26&nonce=n&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256";

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::ES256).unwrap());

fn client() -> Client {
    let client = json!({ "id": "shop", "name": "Shop", "auth": "none", "redirect_uris": [CALLBACK] });
    serde_json::from_value(client).unwrap()
}

fn snapshot() -> Snapshot {
    let settings = Settings {
        issuer: Issuer::parse(ISSUER).unwrap(),
        default_chain: "default".into(),
        keys: vestibule_oauth::keys::KeyRules::default(),
        registration: false,
    };
    let keys = [StoredKey::new(&KEY, 0, 0).unwrap()];
    Snapshot::new(&settings, vec![client()], &keys, 1, NOW).unwrap()
}

/// An ID token of this server for that client.
fn id_token() -> String {
    let now = NOW.unix_seconds();
    let claims = json!({ "iss": ISSUER, "aud": "shop", "sub": "01890000-0000-7000-8000-000000000000", "iat": now, "exp": now + 60 });
    KEY.sign(None, &claims).unwrap()
}

#[test]
fn a_120_odd_authorization_requests_go_to_the_registered_uri_or_nowhere() {
    let snapshot = snapshot();
    let more = format!(
        "{AUTHORIZE}&prompt=login+consent&max_age=60&display=page&ui_locales=de+en&login_hint=alice&acr_values=1+2&claims=%7B%22id_token%22:%7B%22acr%22:%7B%22essential%22:true,%22values%22:%5B%221%22%5D%7D%7D%7D"
    );
    let hinted = format!("{AUTHORIZE}&prompt=none&id_token_hint={}", id_token());
    assert!([AUTHORIZE, &hinted].iter().all(|good| authorize(good.as_bytes(), &snapshot, NOW).is_ok()));
    fuzz(&[AUTHORIZE, &more, &hinted], |input| {
        if let Err(Refusal::Client(answer)) = authorize(input, &snapshot, NOW) {
            assert_eq!(answer.to_value()["redirect_uri"], CALLBACK);
        }
    });
}

#[test]
fn a_120_odd_forms_are_read_or_refused() {
    let samples = [
        "grant_type=authorization_code&code=abc&redirect_uri=https%3A%2F%2Fshop.example%2Fcb&code_verifier=v",
        "grant_type=refresh_token&refresh_token=abc&scope=openid+offline_access",
        "token=abc&token_type_hint=access_token&client_id=shop&client_secret=s",
    ];
    fuzz(&samples, |input| {
        let Ok(params) = Params::parse(input) else { return };
        assert!(input.len() <= Params::MAX_BYTES && params.iter().count() <= Params::MAX_COUNT);
        assert!(params.iter().all(|(name, value)| !name.contains('\0') && !value.contains('\0')));
    });
}

#[test]
fn a_120_odd_logout_requests_go_to_a_registered_uri_or_nowhere() {
    let snapshot = snapshot();
    let bare = "client_id=shop&post_logout_redirect_uri=https%3A%2F%2Fshop.example%2Fbye&state=s";
    let hinted = format!("{bare}&id_token_hint={}&ui_locales=de", id_token());
    fuzz(&[bare, &hinted], |input| {
        let _ = plan_logout(input, None, false, &snapshot, NOW);
    });
}

#[test]
fn a_120_odd_redirect_uris_match_nothing() {
    let loopback = "http://127.0.0.1/cb";
    let samples =
        [CALLBACK, "http://127.0.0.1:8080/cb", "http://[::1]:1/cb", "com.example.app:/cb", "https://a.example?x=y"];
    let client = client();
    fuzz_text(&samples, |uri| {
        assert_eq!(matches(CALLBACK, uri), uri == CALLBACK, "{uri}");
        if matches(loopback, uri) {
            let url = url::Url::parse(uri).unwrap();
            assert_eq!(
                (url.scheme(), url.host_str(), url.path(), url.query()),
                ("http", Some("127.0.0.1"), "/cb", None)
            );
        }
        if validate_redirect_uri(uri, &client).is_ok() {
            assert!(!uri.contains(['#', '*', '\\', '\r', '\n', ' ']), "{uri}");
        }
    });
}

/// What is expected of a client's assertion.
fn expect() -> Expect<'static> {
    Expect {
        typ: Typ::PlainOr("client-authentication+jwt"),
        issuer: "shop",
        audience: Some(&[ISSUER, "https://id.example/oauth2/token"]),
        now: NOW.0,
        leeway: Duration::from_secs(30),
        accept_expired: false,
    }
}

#[test]
fn a_120_an_odd_jwt_is_refused() {
    let keys = [StoredKey::new(&KEY, 0, 0).unwrap()];
    let ring = vestibule_jose::KeyRing::new(&keys, NOW.0).unwrap();
    let keys = PublicKeys::from_jwks(ring.jwks()).unwrap();
    let verify = |jwt: &str| keys.verify::<serde_json::Value>(jwt, &Algorithm::ALL, &expect());
    let now = NOW.unix_seconds();
    let claims = json!({ "iss": "shop", "sub": "shop", "aud": ISSUER, "jti": "1", "iat": now, "exp": now + 60 });
    let good = KEY.sign(None, &claims).unwrap();
    assert!(verify(&good).is_ok());
    fuzz_text(&[&good, &id_token()], |jwt| {
        let _ = (peek_header(jwt), peek_issuer(jwt));
        assert!(jwt == good || verify(jwt).is_err(), "{jwt}");
    });
}

/// Claims that are rightly signed and still anything.
#[test]
fn a_120_odd_claims_of_a_good_key_are_read_or_refused() {
    let keys = [StoredKey::new(&KEY, 0, 0).unwrap()];
    let keys = PublicKeys::from_jwks(vestibule_jose::KeyRing::new(&keys, NOW.0).unwrap().jwks()).unwrap();
    let now = NOW.unix_seconds();
    let whole =
        json!({ "iss": "shop", "sub": "shop", "aud": ISSUER, "jti": "1", "nbf": now, "iat": now, "exp": now + 60 });
    let lists = json!({ "iss": "shop", "aud": [ISSUER, "x"], "exp": 1.8e9 + 1.5, "cnf": { "jkt": [[{}]] } });
    let mut read = 0_u32;
    fuzz_text(&[&whole.to_string(), &lists.to_string()], |claims| {
        // What is no JSON cannot be signed by us, but by somebody who has a key.
        let Ok(claims) = serde_json::from_str::<serde_json::Value>(claims) else { return };
        let Ok(jwt) = KEY.sign(None, &claims) else { return };
        match keys.verify::<serde_json::Value>(&jwt, &Algorithm::ALL, &expect()) {
            Ok(back) => {
                read += 1;
                assert_eq!((&back["iss"], back["exp"].as_f64() > Some(0.0)), (&json!("shop"), true));
            }
            Err(why) => assert_ne!(why, VerifyError::Signature),
        }
    });
    assert!(read > 0);
}
