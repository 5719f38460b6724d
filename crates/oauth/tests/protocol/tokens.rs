//! UserInfo, introspection, revocation.

use serde_json::{Value, json};
use vestibule_core::time::Clock as _;
use vestibule_oauth::{Params, TokenError, TokenRequest, introspect::introspect, revoke::revoke, userinfo::userinfo};

use crate::world::{Gone, Texts as _, World, basic, claims, client, cx};

async fn ask(world: &World, client: &str, token: &str) -> Result<Value, TokenError> {
    let snapshot = world.current.get();
    let form: Params = [("token", token)].into_iter().collect();
    let request = TokenRequest { authorization: Some(&basic(client)), form: &form, cx: &cx() };
    introspect(&world.deps(&snapshot), request).await
}

async fn give_back(world: &World, client: &str, token: &str) -> Result<(), TokenError> {
    let snapshot = world.current.get();
    let form: Params = [("token", token), ("token_type_hint", "nonsense")].into_iter().collect();
    let request = TokenRequest { authorization: Some(&basic(client)), form: &form, cx: &cx() };
    revoke(&world.deps(&snapshot), request).await
}

fn inactive() -> Value {
    json!({ "active": false })
}

#[tokio::test]
async fn a_032_only_an_access_token_is_one() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    let access = tokens.access();
    let (head, tail) = access.rsplit_once('.').unwrap();
    let flipped = format!("{head}.{}", tail.chars().rev().collect::<String>());
    for other in
        [tokens.id(), tokens.refresh(), access[..access.len() - 1].to_owned(), flipped, format!("{head}."), "x".into()]
    {
        assert_eq!(world.userinfo(&other).await, Err(401), "{other}");
    }
    assert!(world.userinfo(&access).await.is_ok());
    world.wait(602);
    assert_eq!(world.userinfo(&access).await, Err(401), "too old, however the clocks of two instances differ");
}

#[tokio::test]
async fn a_token_for_somebody_else_is_not_for_userinfo() {
    let machine = json!({ "grant_types": ["client_credentials"], "scopes": ["stock.read"] });
    let world = World::with(machine).await;
    let token = world.token("shop", &[("grant_type", "client_credentials")]).await.unwrap();
    assert_eq!(world.userinfo(&token.access()).await, Err(403));
}

#[tokio::test]
async fn userinfo_without_a_database_is_trouble() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    let snapshot = world.current.get();
    let header = format!("Bearer {}", tokens.access());
    let error = userinfo(&world.deps_over(&snapshot, &Gone), Some(&header), None).await.unwrap_err();
    assert_eq!((error.status(), error.challenge()), (503, None));
}

#[tokio::test]
async fn a_034_introspection_tells_the_owner_and_the_audience() {
    let shop = client("shop", &json!({ "audiences": ["api"] }));
    let world = World::of(vec![shop, client("bank", &json!({})), client("api", &json!({}))]).await;
    let tokens = world.tokens().await;
    for who in ["shop", "api"] {
        let told = ask(&world, who, &tokens.access()).await.unwrap();
        assert_eq!(
            (&told["active"], &told["client_id"], &told["username"]),
            (&json!(true), &json!("shop"), &json!("alice"))
        );
        assert_eq!((&told["scope"], &told["token_type"]), (&json!("openid profile"), &json!("Bearer")));
        assert!(told.get("grant").is_none());
    }
    assert_eq!(ask(&world, "bank", &tokens.access()).await.unwrap(), inactive());
    let refresh = ask(&world, "shop", &tokens.refresh()).await.unwrap();
    assert_eq!((&refresh["active"], &refresh["sub"]), (&json!(true), &json!(world.alice)));
    for who in ["api", "bank"] {
        assert_eq!(ask(&world, who, &tokens.refresh()).await.unwrap(), inactive());
    }
}

#[tokio::test]
async fn a_034_what_is_bad_is_not_active() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    let forged = format!("{}AAAA", &tokens.access()[..tokens.access().len() - 4]);
    for bad in [forged, tokens.id(), "x".to_owned(), "vsr_x.1.y".to_owned()] {
        assert_eq!(ask(&world, "shop", &bad).await.unwrap(), inactive(), "{bad}");
    }
    let second = world.refresh("shop", &tokens.refresh()).await.unwrap();
    world.wait(31);
    assert_eq!(ask(&world, "shop", &tokens.refresh()).await.unwrap(), inactive(), "a used one");
    assert_eq!(ask(&world, "shop", &second.refresh()).await.unwrap()["active"], true);
    world.disable_alice().await;
    for dead in [second.refresh(), second.access()] {
        assert_eq!(ask(&world, "shop", &dead).await.unwrap(), inactive());
    }
}

#[tokio::test]
async fn a_034_a_public_client_may_not_ask() {
    let world = World::with(json!({ "auth": "none" })).await;
    let snapshot = world.current.get();
    let form: Params = [("token", "x"), ("client_id", "shop")].into_iter().collect();
    let request = TokenRequest { authorization: None, form: &form, cx: &cx() };
    let error = introspect(&world.deps(&snapshot), request).await.unwrap_err();
    assert_eq!((error.code(), error.status()), ("invalid_client", 401));
}

#[tokio::test]
async fn a_revoked_access_token_dies_alone() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    give_back(&world, "shop", &tokens.access()).await.unwrap();
    give_back(&world, "shop", &tokens.access()).await.unwrap();
    assert_eq!(world.audited("token.revoked").await, 1);
    assert_eq!(world.userinfo(&tokens.access()).await, Err(401));
    assert_eq!(ask(&world, "shop", &tokens.access()).await.unwrap(), inactive());
    assert!(world.refresh("shop", &tokens.refresh()).await.is_ok());
}

#[tokio::test]
async fn a_revoked_refresh_token_takes_its_grant_along() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    give_back(&world, "shop", &tokens.refresh()).await.unwrap();
    assert_eq!(world.userinfo(&tokens.access()).await, Err(401));
    assert_eq!(world.refresh("shop", &tokens.refresh()).await.unwrap_err().code(), "invalid_grant");
}

#[tokio::test]
async fn a_034_revoking_what_is_not_ones_own_does_nothing() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    for token in [tokens.access(), tokens.refresh(), "x".to_owned()] {
        give_back(&world, "bank", &token).await.unwrap();
    }
    assert_eq!(world.audited("token.revoked").await, 0);
    assert!(world.userinfo(&tokens.access()).await.is_ok());
    assert!(world.refresh("shop", &tokens.refresh()).await.is_ok());
}

#[tokio::test]
async fn a_035_revocation_without_a_database_is_no_success() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    let snapshot = world.current.get();
    for token in [tokens.access(), tokens.refresh()] {
        let form: Params = [("token", token.as_str())].into_iter().collect();
        let request = TokenRequest { authorization: Some(&basic("shop")), form: &form, cx: &cx() };
        let error = revoke(&world.deps_over(&snapshot, &Gone), request).await.unwrap_err();
        assert_eq!((error.status(), error.code()), (503, "temporarily_unavailable"));
        assert!(error.retry_at(world.clock.now()).is_some());
    }
}

#[tokio::test]
async fn a_deleted_client_leaves_no_living_token() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    assert_eq!(claims(&tokens.access())["client_id"], "shop");
    let now = world.clock.now();
    assert!(world.write(move |tx| tx.delete_client(&"shop".into(), now)).await);
    world.reload().await;
    assert_eq!(world.userinfo(&tokens.access()).await, Err(401));
}
