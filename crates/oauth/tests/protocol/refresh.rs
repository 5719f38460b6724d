//! Refresh tokens: rotation, the grace for lost answers, theft.

use std::sync::Arc;

use serde_json::json;
use vestibule_oauth::TokenAnswer;

use crate::world::{Texts as _, World, claims, param, query, sixteen};

async fn offline(world: &World) -> TokenAnswer {
    let code = param(&world.sign_in(&query(&[("scope", "openid email offline_access")])).await.0, "code").unwrap();
    world.exchange("shop", &code, &[]).await.unwrap()
}

async fn refused(world: &World, token: &str) {
    assert_eq!(world.refresh("shop", token).await.unwrap_err().code(), "invalid_grant");
}

#[tokio::test]
async fn each_use_gives_a_successor() {
    let world = World::new().await;
    let first = world.tokens().await;
    world.wait(300);
    let second = world.refresh("shop", &first.refresh()).await.unwrap();
    assert_ne!(second.refresh(), first.refresh());
    let (before, after) = (claims(&first.id()), claims(&second.id()));
    assert_eq!(
        (&before["sub"], &before["auth_time"], &before["sid"]),
        (&after["sub"], &after["auth_time"], &after["sid"])
    );
    assert!(after.get("nonce").is_none());
    assert_eq!(after["iat"].as_i64().unwrap(), before["iat"].as_i64().unwrap() + 300);
    assert!(world.refresh("shop", &second.refresh()).await.is_ok());
}

#[tokio::test]
async fn a_025_a_rotated_token_after_the_grace_ends_the_family() {
    let world = World::new().await;
    let first = world.tokens().await;
    let second = world.refresh("shop", &first.refresh()).await.unwrap();
    world.wait(31);
    refused(&world, &first.refresh()).await;
    assert_eq!(world.audited("refresh.replayed").await, 1);
    refused(&world, &second.refresh()).await;
    assert_eq!(world.userinfo(&second.access()).await, Err(401));
    refused(&world, &first.refresh()).await;
    assert_eq!(world.audited("refresh.replayed").await, 1, "a dead family is not replayed");
}

#[tokio::test]
async fn a_025_a_rotated_token_whose_successor_was_used_ends_the_family() {
    let world = World::new().await;
    let first = world.tokens().await;
    let second = world.refresh("shop", &first.refresh()).await.unwrap();
    let third = world.refresh("shop", &second.refresh()).await.unwrap();
    refused(&world, &first.refresh()).await;
    refused(&world, &third.refresh()).await;
    assert_eq!(world.audited("refresh.replayed").await, 1);
}

#[tokio::test]
async fn a_026_a_lost_answer_is_given_again() {
    let world = World::new().await;
    let first = world.tokens().await;
    let second = world.refresh("shop", &first.refresh()).await.unwrap();
    world.wait(30);
    let again = world.refresh("shop", &first.refresh()).await.unwrap();
    assert_eq!(again.refresh(), second.refresh());
    assert!(world.refresh("shop", &second.refresh()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_026_sixteen_at_once_get_one_successor() {
    let world = Arc::new(World::new().await);
    let first = world.tokens().await.refresh();
    let successors = sixteen(&world, |world| {
        let first = first.clone();
        async move { world.refresh("shop", &first).await.unwrap().refresh() }
    })
    .await;
    assert!(successors.iter().all(|token| *token == successors[0]));
    assert!(successors[0].contains(".2."), "one generation, not sixteen");
    assert!(world.refresh("shop", &successors[0]).await.is_ok());
}

#[tokio::test]
async fn a_027_another_client_gets_nothing_and_harms_nobody() {
    let world = World::new().await;
    let first = world.tokens().await;
    let second = world.refresh("shop", &first.refresh()).await.unwrap();
    for token in [first.refresh(), second.refresh()] {
        assert_eq!(world.refresh("bank", &token).await.unwrap_err().code(), "invalid_grant");
    }
    world.wait(100);
    assert_eq!(world.refresh("bank", &first.refresh()).await.unwrap_err().code(), "invalid_grant");
    assert_eq!(world.audited("refresh.replayed").await, 0);
    assert!(world.refresh("shop", &second.refresh()).await.is_ok());
}

#[tokio::test]
async fn a_028_a_disabled_user_is_not_refreshed() {
    let world = World::new().await;
    let tokens = offline(&world).await;
    world.disable_alice().await;
    refused(&world, &tokens.refresh()).await;
    assert_eq!(world.userinfo(&tokens.access()).await, Err(401));
}

#[tokio::test]
async fn a_028_a_disabled_client_is_not_refreshed() {
    let world = World::new().await;
    let tokens = offline(&world).await;
    world.change_client("shop", json!({ "disabled": true })).await;
    assert_eq!(world.refresh("shop", &tokens.refresh()).await.unwrap_err().code(), "invalid_client");
    assert_eq!(world.userinfo(&tokens.access()).await, Err(401));
}

#[tokio::test]
async fn without_offline_access_a_refresh_token_dies_with_its_session() {
    let world = World::new().await;
    let (url, session) = world.sign_in(&query(&[])).await;
    let bound = world.exchange("shop", &param(&url, "code").unwrap(), &[]).await.unwrap();
    let url = world.ask(&query(&[("scope", "openid offline_access")]), Some(session)).await.url();
    let free = world.exchange("shop", &param(&url, "code").unwrap(), &[]).await.unwrap();
    world.engine.end_session(session.id, &crate::world::cx()).await.unwrap();
    refused(&world, &bound.refresh()).await;
    assert_eq!(world.userinfo(&bound.access()).await, Err(401));
    assert!(world.refresh("shop", &free.refresh()).await.is_ok());
}

#[tokio::test]
async fn without_offline_access_a_refresh_token_ends_with_an_expired_session() {
    let world = World::new().await;
    let tokens = world.tokens().await;
    world.wait(13 * 3600);
    refused(&world, &tokens.refresh()).await;
}

#[tokio::test]
async fn a_029_wider_scopes_are_refused_and_cost_nothing() {
    let world = World::new().await;
    let first = offline(&world).await;
    let ask = |scope| {
        let refresh = first.refresh();
        let world = &world;
        async move {
            let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str()), ("scope", scope)];
            world.token("shop", &form).await
        }
    };
    for wider in ["openid phone", "admin", "openid email offline_access profile"] {
        assert_eq!(ask(wider).await.unwrap_err().code(), "invalid_scope", "{wider}");
    }
    let narrow = ask("email").await.unwrap();
    assert_eq!(narrow.scope, "email");
    assert!(narrow.id_token.is_none());
    assert!(narrow.refresh().contains(".2."), "the refusals spent nothing");
    let wide = world.refresh("shop", &narrow.refresh()).await.unwrap();
    assert_eq!(wide.scope, "email offline_access openid", "what was granted is not forgotten");
}

#[tokio::test]
async fn a_029_rotation_never_extends_the_grant() {
    let world = World::with(json!({ "refresh_token_life": 3600, "access_token_life": 600 })).await;
    let mut tokens = offline(&world).await;
    for _ in 0..5 {
        world.wait(590);
        tokens = world.refresh("shop", &tokens.refresh()).await.unwrap();
    }
    world.wait(400);
    tokens = world.refresh("shop", &tokens.refresh()).await.unwrap();
    assert_eq!(tokens.expires_in, 3600 - 5 * 590 - 400, "an access token lives no longer than its grant");
    world.wait(250);
    refused(&world, &tokens.refresh()).await;
    assert_eq!(world.userinfo(&tokens.access()).await, Err(401));
}
