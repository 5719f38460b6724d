//! Client authentication and what the token endpoint refuses before any grant.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use vestibule_core::{store::StoreExt as _, time::Clock as _};
use vestibule_jose::{Algorithm, SigningKey};
use vestibule_oauth::{Params, TokenError, TokenRequest, model::HashedSecret, token};

use crate::world::{Gone, ISSUER, Texts as _, World, basic, claims, client, cx};

fn form(pairs: &[(&str, &str)]) -> Params {
    pairs.iter().copied().collect()
}

fn machine() -> Value {
    json!({
        "grant_types": ["client_credentials", "authorization_code"],
        "scopes": ["stock.read", "openid"],
        "audiences": ["https://stock.example"],
    })
}

async fn machine_token(
    world: &World,
    authorization: Option<&str>,
    more: &[(&str, &str)],
) -> Result<String, TokenError> {
    let form = [&[("grant_type", "client_credentials")], more].concat();
    world.raw_token(authorization, &self::form(&form)).await.map(|tokens| tokens.access())
}

#[tokio::test]
async fn a_client_for_itself() {
    let world = World::with(machine()).await;
    let access = claims(&machine_token(&world, Some(&basic("shop")), &[]).await.unwrap());
    assert_eq!((&access["sub"], &access["client_id"]), (&json!("shop"), &json!("shop")));
    assert_eq!((&access["aud"], &access["scope"]), (&json!("https://stock.example"), &json!("stock.read")));
    assert!(access.get("grant").is_none() && access.get("auth_time").is_none());
}

#[tokio::test]
async fn client_credentials_do_no_database_work() {
    let world = World::with(machine()).await;
    let snapshot = world.current.get();
    let form = form(&[("grant_type", "client_credentials")]);
    let request = TokenRequest { authorization: Some(&basic("shop")), form: &form, cx: &cx() };
    assert!(token(&world.deps_over(&snapshot, &Gone), request).await.is_ok());
}

#[tokio::test]
async fn a_037_a_client_gets_no_scope_of_others() {
    let world = World::with(machine()).await;
    for scope in ["openid", "offline_access", "admin:users.read", "stock.write", "stock.read openid"] {
        let error = machine_token(&world, Some(&basic("shop")), &[("scope", scope)]).await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("invalid_scope", 400), "{scope}");
    }
    let error = machine_token(&world, Some(&basic("bank")), &[]).await.unwrap_err();
    assert_eq!(error.code(), "unauthorized_client");
}

#[tokio::test]
async fn a_037_a_public_client_has_nothing_for_itself() {
    let world = World::with(json!({ "auth": "none", "grant_types": ["client_credentials"] })).await;
    let error = machine_token(&world, None, &[("client_id", "shop")]).await.unwrap_err();
    assert_eq!(error.code(), "unauthorized_client");
}

#[tokio::test]
async fn a_030_only_the_registered_method_and_the_right_secret() {
    let world = World::with(machine()).await;
    let encoded = |text: &str| format!("Basic {}", STANDARD.encode(text));
    let bad = [
        encoded("shop:wrong"),
        encoded("shop:"),
        encoded("shop:bank-secret"),
        encoded("nobody:shop-secret"),
        encoded("shop:SHOP-SECRET"),
        "Bearer shop-secret".to_owned(),
    ];
    for header in &bad {
        let error = machine_token(&world, Some(header), &[]).await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("invalid_client", 401), "{header}");
        assert!(error.challenges_basic());
    }
    let post = [("client_id", "shop"), ("client_secret", "shop-secret")];
    assert_eq!(machine_token(&world, None, &post).await.unwrap_err().code(), "invalid_client", "not registered");
    assert_eq!(machine_token(&world, None, &post[..1]).await.unwrap_err().code(), "invalid_client", "no proof");
    assert_eq!(machine_token(&world, None, &[]).await.unwrap_err().code(), "invalid_client", "nobody");
    let both = machine_token(&world, Some(&basic("shop")), &post).await.unwrap_err();
    assert_eq!(both.code(), "invalid_client", "two methods");
    assert_eq!(world.audited("client.refused").await, bad.len() + 4);
    assert!(!format!("{:?}", world.audit().await).contains("-secret"), "no secret in the audit log");
}

#[tokio::test]
async fn a_030_post_is_not_basic() {
    let mut change = machine();
    change["auth"] = json!("client_secret_post");
    let world = World::with(change).await;
    assert!(machine_token(&world, None, &[("client_id", "shop"), ("client_secret", "shop-secret")]).await.is_ok());
    assert_eq!(machine_token(&world, Some(&basic("shop")), &[]).await.unwrap_err().code(), "invalid_client");
}

#[tokio::test]
async fn a_030_failures_have_a_budget_that_keeps_nobody_out() {
    let world = World::with(machine()).await;
    let wrong = format!("Basic {}", STANDARD.encode("shop:wrong"));
    for _ in 0..60 {
        assert_eq!(machine_token(&world, Some(&wrong), &[]).await.unwrap_err().status(), 401);
    }
    let over = machine_token(&world, Some(&wrong), &[]).await.unwrap_err();
    assert_eq!((over.code(), over.status()), ("invalid_client", 429));
    assert!(over.retry_at(world.clock.now()).is_some_and(|at| at > world.clock.now()));
    assert_eq!(world.audited("client.refused").await, 60, "beyond the budget nothing is written");
    assert!(machine_token(&world, Some(&basic("shop")), &[]).await.is_ok());
    world.wait(600);
    assert_eq!(machine_token(&world, Some(&wrong), &[]).await.unwrap_err().status(), 401);
}

#[tokio::test]
async fn a_030_a_failure_that_cannot_be_counted_is_trouble() {
    let world = World::with(machine()).await;
    let snapshot = world.current.get();
    let form = form(&[("grant_type", "client_credentials")]);
    let wrong = format!("Basic {}", STANDARD.encode("shop:wrong"));
    let request = TokenRequest { authorization: Some(&wrong), form: &form, cx: &cx() };
    let error = token(&world.deps_over(&snapshot, &Gone), request).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("temporarily_unavailable", 503));
}

#[tokio::test]
async fn a_secret_that_is_replaced_works_until_it_ends() {
    let world = World::with(machine()).await;
    let (prf, end) = (world.prf.clone(), world.clock.now() + std::time::Duration::from_secs(60));
    world
        .write(move |tx| {
            let mut client = tx.clients()?.into_iter().find(|client| client.id.as_str() == "shop").unwrap();
            client.secrets[0].expires_at = Some(end);
            client.secrets.push(HashedSecret::of(&client.id, "new", &prf));
            tx.put_client(&client)
        })
        .await;
    world.reload().await;
    let new = format!("Basic {}", STANDARD.encode("shop:new"));
    assert!(machine_token(&world, Some(&basic("shop")), &[]).await.is_ok());
    assert!(machine_token(&world, Some(&new), &[]).await.is_ok());
    world.wait(60);
    assert_eq!(machine_token(&world, Some(&basic("shop")), &[]).await.unwrap_err().code(), "invalid_client");
    assert!(machine_token(&world, Some(&new), &[]).await.is_ok());
}

/// A world whose shop signs assertions with this key.
async fn signing() -> (World, SigningKey) {
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let mut change = machine();
    change["auth"] = json!("private_key_jwt");
    change["jwks"] = json!({ "keys": [key.public_jwk()] });
    (World::of(vec![client("shop", &change), client("bank", &json!({}))]).await, key)
}

fn assertion(world: &World, key: &SigningKey, change: &Value) -> String {
    let now = world.clock.now().unix_seconds();
    let mut claims = json!({ "iss": "shop", "sub": "shop", "aud": ISSUER, "jti": "j-1", "exp": now + 60, "iat": now });
    for (name, value) in change.as_object().unwrap() {
        claims[name] = value.clone();
    }
    key.sign(None, &claims).unwrap()
}

async fn assert_by(world: &World, jwt: &str) -> Result<String, TokenError> {
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    machine_token(world, None, &[("client_assertion_type", kind), ("client_assertion", jwt)]).await
}

#[tokio::test]
async fn a_031_an_assertion_works_once() {
    let (world, key) = signing().await;
    let jwt = assertion(&world, &key, &json!({}));
    assert!(assert_by(&world, &jwt).await.is_ok());
    assert_eq!(assert_by(&world, &jwt).await.unwrap_err().code(), "invalid_client");
    let endpoint = json!({ "jti": "j-2", "aud": [format!("{ISSUER}/oauth2/token"), "other"] });
    assert!(assert_by(&world, &assertion(&world, &key, &endpoint)).await.is_ok());
}

#[tokio::test]
async fn a_031_a_used_assertion_is_remembered_as_long_as_it_lives() {
    let (world, key) = signing().await;
    let now = world.clock.now().unix_seconds();
    let jwt = assertion(&world, &key, &json!({ "exp": now + 300 }));
    assert!(assert_by(&world, &jwt).await.is_ok());
    world.wait(329);
    let now = world.clock.now();
    world.store.write(move |tx: &mut (dyn vestibule_oauth::Tx + 'static)| tx.sweep(now, 100)).await.unwrap();
    assert_eq!(assert_by(&world, &jwt).await.unwrap_err().code(), "invalid_client");
}

#[tokio::test]
async fn a_031_what_is_no_assertion_for_us() {
    let (world, key) = signing().await;
    let now = world.clock.now().unix_seconds();
    for change in [
        json!({ "aud": "https://other.example" }),
        json!({ "aud": [] }),
        json!({ "aud": format!("{ISSUER}/") }),
        json!({ "iss": "bank" }),
        json!({ "sub": "bank" }),
        json!({ "exp": now - 60 }),
        json!({ "exp": (now + 60).to_string() }),
        json!({ "exp": null }),
        json!({ "exp": now + 3600 }),
        json!({ "exp": 1e300 }),
        json!({ "jti": "" }),
        json!({ "jti": null }),
        json!({ "jti": "x".repeat(300) }),
        json!({ "nbf": now + 3600 }),
    ] {
        let refused = assert_by(&world, &assertion(&world, &key, &change)).await;
        assert_eq!(refused.unwrap_err().code(), "invalid_client", "{change}");
    }
    let stranger = SigningKey::generate(Algorithm::ES256).unwrap();
    assert_eq!(
        assert_by(&world, &assertion(&world, &stranger, &json!({}))).await.unwrap_err().code(),
        "invalid_client"
    );
    let good = assertion(&world, &key, &json!({}));
    let (head, rest) = good.split_once('.').unwrap();
    for header in [r#"{"alg":"none"}"#, r#"{"alg":"HS256"}"#] {
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let off = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header));
        assert_eq!(assert_by(&world, &off).await.unwrap_err().code(), "invalid_client", "{head}");
    }
    assert!(assert_by(&world, &good).await.is_ok(), "none of these used it up");
}

#[tokio::test]
async fn a_031_a_secret_does_not_do_for_a_client_with_keys() {
    let (world, _) = signing().await;
    assert_eq!(machine_token(&world, Some(&basic("shop")), &[]).await.unwrap_err().code(), "invalid_client");
}

#[tokio::test]
async fn a_039_other_grant_types() {
    let world = World::new().await;
    for grant_type in ["password", "implicit", "urn:ietf:params:oauth:grant-type:token-exchange", "AUTHORIZATION_CODE"]
    {
        let error = world.token("shop", &[("grant_type", grant_type)]).await.unwrap_err();
        assert_eq!((error.code(), error.status()), ("unsupported_grant_type", 400), "{grant_type}");
    }
    for form in
        [&[][..], &[("grant_type", "")], &[("grant_type", "authorization_code")], &[("grant_type", "refresh_token")]]
    {
        assert_eq!(world.token("shop", form).await.unwrap_err().code(), "invalid_request", "{form:?}");
    }
    let twice = [("grant_type", "refresh_token"), ("grant_type", "authorization_code")];
    assert_eq!(world.token("shop", &twice).await.unwrap_err().code(), "invalid_request");
}
