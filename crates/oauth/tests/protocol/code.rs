//! Codes: what they give, and every way in which they do not.

use std::sync::Arc;

use serde_json::json;
use vestibule_core::time::Clock as _;
use vestibule_oauth::{consent, model::GrantId};

use crate::world::{ISSUER, Texts as _, VERIFIER, World, claims, param, query, sixteen};

#[tokio::test]
async fn a_code_gives_tokens_that_say_who_and_how() {
    let world = World::with(json!({ "audiences": ["https://api.example"] })).await;
    let tokens = world.tokens().await;
    let now = world.clock.now().unix_seconds();

    let access = claims(&tokens.access());
    assert_eq!(access["iss"], ISSUER);
    assert_eq!(access["aud"], json!(["https://api.example", ISSUER]), "and UserInfo, since openid was granted");
    assert_eq!((&access["sub"], &access["client_id"]), (&json!(world.alice), &json!("shop")));
    assert_eq!((&access["scope"], &access["amr"]), (&json!("openid profile"), &json!(["pwd"])));
    assert_eq!((&access["iat"], &access["exp"], &access["auth_time"]), (&json!(now), &json!(now + 600), &json!(now)));
    assert_eq!(access["acr"], "urn:vestibule:acr:1fa");
    assert!(access["jti"].is_string() && access["sid"].is_string() && access["grant"].is_string());

    let id = claims(&tokens.id());
    assert_eq!((&id["iss"], &id["aud"], &id["nonce"]), (&json!(ISSUER), &json!("shop"), &json!("no")));
    assert_eq!((&id["sub"], &id["sid"], &id["acr"]), (&access["sub"], &access["sid"], &access["acr"]));
    assert!(id["at_hash"].is_string() && id.get("name").is_none());

    let body = tokens.body();
    assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(600)));
    assert!(!format!("{tokens:?}").contains(&tokens.refresh()), "tokens do not print");
    assert_eq!(world.userinfo(&tokens.access()).await.unwrap()["name"], "Alice");
}

#[tokio::test]
async fn without_openid_there_is_no_id_token() {
    let world = World::new().await;
    let code = param(&world.sign_in(&query(&[("scope", "email")])).await.0, "code").unwrap();
    let tokens = world.exchange("shop", &code, &[]).await.unwrap();
    assert!(tokens.id_token.is_none());
    assert_eq!(world.userinfo(&tokens.access()).await, Err(403));
}

#[tokio::test]
async fn a_client_without_refresh_tokens_gets_none() {
    let world = World::with(json!({ "grant_types": ["authorization_code"] })).await;
    assert!(world.tokens().await.refresh_token.is_none());
}

#[tokio::test]
async fn a_020_a_replayed_code_takes_its_tokens_along() {
    let world = World::new().await;
    let code = world.code().await;
    let tokens = world.exchange("shop", &code, &[]).await.unwrap();
    world.wait(40);
    for _ in 0..3 {
        assert_eq!(world.exchange("shop", &code, &[]).await.unwrap_err().code(), "invalid_grant");
    }
    assert_eq!(world.audited("code.replayed").await, 1);
    assert_eq!(world.userinfo(&tokens.access()).await, Err(401));
    assert_eq!(world.refresh("shop", &tokens.refresh()).await.unwrap_err().code(), "invalid_grant");
}

#[tokio::test]
async fn a_021_another_client_neither_gets_nor_spends_a_code() {
    let world = World::new().await;
    let code = world.code().await;
    assert_eq!(world.exchange("bank", &code, &[]).await.unwrap_err().code(), "invalid_grant");
    assert_eq!(world.audited("token.refused").await, 1);
    let tokens = world.exchange("shop", &code, &[]).await.unwrap();
    // Nor does it take anything along afterwards.
    assert_eq!(world.exchange("bank", &code, &[]).await.unwrap_err().code(), "invalid_grant");
    assert!(world.userinfo(&tokens.access()).await.is_ok());
}

#[tokio::test]
async fn a_022_redirect_uri_and_verifier_must_be_those_of_the_request() {
    let world = World::new().await;
    let code = world.code().await;
    let other = VERIFIER.replace('d', "e");
    for change in [
        [("redirect_uri", "https://shop.example/cb2")],
        [("redirect_uri", "https://shop.example/CB")],
        [("redirect_uri", "")],
        [("code_verifier", "")],
        [("code_verifier", &other)],
        [("code_verifier", "short")],
    ] {
        assert_eq!(world.exchange("shop", &code, &change).await.unwrap_err().code(), "invalid_grant", "{change:?}");
    }
    assert!(world.exchange("shop", &code, &[]).await.is_ok(), "none of these spent it");
}

#[tokio::test]
async fn a_022_a_verifier_without_a_challenge_is_refused() {
    let world = World::with(json!({ "require_pkce": false })).await;
    let without = query(&[("code_challenge", ""), ("code_challenge_method", "")]);
    let code = param(&world.sign_in(&without).await.0, "code").unwrap();
    assert_eq!(world.exchange("shop", &code, &[]).await.unwrap_err().code(), "invalid_grant");
    assert!(world.exchange("shop", &code, &[("code_verifier", "")]).await.is_ok());
}

#[tokio::test]
async fn a_023_a_code_lives_for_a_minute() {
    let world = World::new().await;
    let (early, late) = (world.code().await, world.code().await);
    world.wait(59);
    assert!(world.exchange("shop", &early, &[]).await.is_ok());
    world.wait(2);
    assert_eq!(world.exchange("shop", &late, &[]).await.unwrap_err().code(), "invalid_grant");
}

#[tokio::test]
async fn a_023_a_disabled_user_gets_nothing() {
    let world = World::new().await;
    let code = world.code().await;
    world.disable_alice().await;
    assert_eq!(world.exchange("shop", &code, &[]).await.unwrap_err().code(), "invalid_grant");
}

#[tokio::test]
async fn a_023_a_disabled_client_gets_nothing() {
    let world = World::new().await;
    let code = world.code().await;
    world.change_client("shop", json!({ "disabled": true })).await;
    let error = world.exchange("shop", &code, &[]).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("invalid_client", 401));
}

#[tokio::test]
async fn a_023_a_withdrawn_consent_gives_nothing() {
    let world = World::new().await;
    let code = world.code().await;
    let (alice, now, random) = (world.alice, world.clock.now(), world.random.clone());
    world.write(move |tx| consent::withdraw(tx, alice, &"shop".into(), now, &*random)).await;
    assert_eq!(world.exchange("shop", &code, &[]).await.unwrap_err().code(), "invalid_grant");
}

#[tokio::test]
async fn a_023_a_client_that_must_ask_now_gives_nothing_unasked() {
    let world = World::new().await;
    let code = world.code().await;
    world.change_client("shop", json!({ "consent": "ask" })).await;
    assert_eq!(world.exchange("shop", &code, &[]).await.unwrap_err().code(), "invalid_grant");
}

#[tokio::test]
async fn a_023_a_code_dies_with_its_session() {
    let world = World::new().await;
    let (url, session) = world.sign_in(&query(&[])).await;
    assert!(world.engine.end_session(session.id, &crate::world::cx()).await.unwrap());
    let code = param(&url, "code").unwrap();
    assert_eq!(world.exchange("shop", &code, &[]).await.unwrap_err().code(), "invalid_grant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_024_one_code_gives_tokens_once() {
    let world = Arc::new(World::new().await);
    let code = world.code().await;
    let done = sixteen(&world, |world| {
        let code = code.clone();
        async move { world.exchange("shop", &code, &[]).await.is_ok() }
    })
    .await;
    assert_eq!(done.iter().filter(|ok| **ok).count(), 1);
}

#[tokio::test]
async fn a_033_what_is_no_code_is_unknown() {
    let world = World::new().await;
    let code = world.code().await;
    let tokens = world.tokens().await;
    let (refresh, access) = (tokens.refresh(), tokens.access());
    for other in ["x", &code[..code.len() - 1], &code.to_uppercase(), &refresh, &access] {
        assert_eq!(world.exchange("shop", other, &[]).await.unwrap_err().code(), "invalid_grant", "{other}");
    }
    for other in [code.as_str(), &access, "vsr_"] {
        assert_eq!(world.refresh("shop", other).await.unwrap_err().code(), "invalid_grant", "{other}");
    }
    assert!(world.exchange("shop", &code, &[]).await.is_ok());
    assert!(world.refresh("shop", &refresh).await.is_ok());
}

#[tokio::test]
async fn the_code_is_not_in_the_database() {
    let world = World::new().await;
    let code = world.code().await;
    let grant = claims(&world.exchange("shop", &code, &[]).await.unwrap().access())["grant"].clone();
    let grant: GrantId = serde_json::from_value(grant).unwrap();
    assert_eq!(vestibule_oauth::code::text(grant, &world.prf), code, "it is derived");
    let hash = vestibule_oauth::code::hash(&code, &world.prf);
    let stored = world.write(move |tx| tx.code(&hash)).await.unwrap();
    assert!(!serde_json::to_string(&stored).unwrap().contains(&code));
}

#[tokio::test]
async fn refusals_of_a_grant_are_noted_within_a_budget() {
    let world = World::with(json!({ "auth": "none" })).await;
    for _ in 0..70 {
        let form = [("client_id", "shop"), ("grant_type", "authorization_code"), ("code", "guess")];
        let refused = world.raw_token(None, &form.into_iter().collect()).await;
        assert_eq!(refused.unwrap_err().code(), "invalid_grant");
    }
    assert_eq!(world.audited("token.refused").await, 60);
    assert!(!format!("{:?}", world.audit().await).contains("guess"), "what was shown is not written down");
}
