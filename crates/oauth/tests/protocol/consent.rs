//! Consent: asked once, remembered, refused, taken back.

use serde_json::{Value, json};
use vestibule_core::engine::Body;
use vestibule_oauth::consent::{self, Decision};

use crate::world::{Texts as _, Told, World, param, query};

async fn asking() -> World {
    World::with(json!({ "consent": "ask" })).await
}

fn all() -> Decision {
    Decision { allow: true, scopes: None }
}

#[tokio::test]
async fn consent_is_asked_once() {
    let world = asking().await;
    let told = world.ask(&query(&[]), None).await;
    let Body::Closed { answer, session, .. } = world.decide(told, &all()).await else { panic!("not closed") };
    assert!(param(&world.answer_url(&answer), "code").is_some());
    assert!(param(&world.ask(&query(&[]), session).await.url(), "code").is_some(), "remembered");
    let Told::Asked { .. } = world.ask(&query(&[("scope", "openid email")]), session).await else {
        panic!("not asked")
    };
    let Told::Asked { .. } = world.ask(&query(&[("prompt", "consent")]), session).await else { panic!("not asked") };
}

#[tokio::test]
async fn the_page_names_who_asks_and_for_what() {
    let world = asking().await;
    let (view, ..) = world.open(world.ask(&query(&[]), None).await).await;
    let page = consent::view(&view.request).unwrap();
    assert_eq!((page.client_name.as_str(), page.host.as_str()), ("The shop", "shop.example"));
    let scopes: Vec<_> = page.scopes.iter().map(|scope| (scope.name.as_str(), scope.optional)).collect();
    assert_eq!(scopes, [("openid", false), ("profile", true)]);
}

#[tokio::test]
async fn who_does_not_agree_gives_nothing() {
    let world = asking().await;
    let told = world.ask(&query(&[]), None).await;
    let Body::Denied { answer, .. } = world.decide(told, &Decision { allow: false, scopes: None }).await else {
        panic!()
    };
    assert_eq!(Told::Sent(world.answer_url(&answer)).error(), "access_denied");
    assert_eq!(world.audited("grant.made").await, 0);
}

#[tokio::test]
async fn a_decision_that_cannot_be_read_is_asked_again() {
    let world = asking().await;
    let (_, id, binding) = world.open(world.ask(&query(&[]), None).await).await;
    for garbage in
        [Value::Null, json!(true), json!("allow"), json!({ "allow": "true" }), json!({ "allow": true, "x": 1 })]
    {
        let view = world.conclude(id, &binding, garbage).await;
        assert!(matches!(view.body, Body::Held { .. }), "{:?}", view.body);
    }
}

#[tokio::test]
async fn only_what_was_agreed_to_is_granted() {
    let world = asking().await;
    let told = world.ask(&query(&[("scope", "openid profile email")]), None).await;
    let some = Decision { allow: true, scopes: Some(["email".to_owned(), "phone".to_owned()].into()) };
    let Body::Closed { answer, .. } = world.decide(told, &some).await else { panic!("not closed") };
    let code = param(&world.answer_url(&answer), "code").unwrap();
    let tokens = world.exchange("shop", &code, &[]).await.unwrap();
    assert_eq!(tokens.scope, "email openid");
    let told = world.userinfo(&tokens.access()).await.unwrap();
    assert_eq!(told["email"], "alice@shop.example");
    assert!(told.get("name").is_none() && told.get("phone_number").is_none());
}

#[tokio::test]
async fn a_018_who_ticks_nothing_gives_nothing_but_the_sign_in() {
    let none = Decision { allow: true, scopes: Some([].into()) };
    let world = asking().await;
    let told = world.ask(&query(&[("scope", "openid profile email")]), None).await;
    let Body::Closed { answer, .. } = world.decide(told, &none).await else { panic!("not closed") };
    let code = param(&world.answer_url(&answer), "code").unwrap();
    assert_eq!(world.exchange("shop", &code, &[]).await.unwrap().scope, "openid");

    let told = world.ask(&query(&[("scope", "profile email")]), None).await;
    let Body::Denied { answer, .. } = world.decide(told, &none).await else { panic!("not denied") };
    assert_eq!(Told::Sent(world.answer_url(&answer)).error(), "access_denied", "there is nothing to agree to");
}

#[tokio::test]
async fn a_028_taking_consent_back_ends_what_it_gave() {
    let world = asking().await;
    let told = world.ask(&query(&[("scope", "openid offline_access")]), None).await;
    let Body::Closed { answer, .. } = world.decide(told, &all()).await else { panic!("not closed") };
    let code = param(&world.answer_url(&answer), "code").unwrap();
    let tokens = world.exchange("shop", &code, &[]).await.unwrap();
    assert!(world.userinfo(&tokens.access()).await.is_ok());

    let (alice, now, random) = (world.alice, vestibule_core::Clock::now(&*world.clock), world.random.clone());
    assert!(world.write(move |tx| consent::withdraw(tx, alice, &"shop".into(), now, &*random)).await);
    assert_eq!(world.refresh("shop", &tokens.refresh()).await.unwrap_err().code(), "invalid_grant");
    assert_eq!(world.userinfo(&tokens.access()).await, Err(401));
    assert_eq!(world.audited("consent.withdrawn").await, 1);
}

#[tokio::test]
async fn a_client_that_was_changed_meanwhile_gets_no_code() {
    for change in [json!({ "disabled": true }), json!({ "redirect_uris": ["https://shop.example/new"] })] {
        let world = World::new().await;
        let told = world.ask(&query(&[]), None).await;
        world.change_client("shop", change).await;
        let Body::Denied { answer, .. } = world.open(told).await.0.body else { panic!("not denied") };
        let url = world.answer_url(&answer);
        assert!(param(&url, "code").is_none() && param(&url, "error").is_some(), "{url}");
    }
}

#[tokio::test]
async fn a_scope_that_the_client_lost_meanwhile_is_not_granted() {
    let world = World::new().await;
    let told = world.ask(&query(&[("scope", "openid email")]), None).await;
    world.change_client("shop", json!({ "scopes": ["openid"] })).await;
    let Body::Closed { answer, .. } = world.open(told).await.0.body else { panic!("not closed") };
    let code = param(&world.answer_url(&answer), "code").unwrap();
    assert_eq!(world.exchange("shop", &code, &[]).await.unwrap().scope, "openid");
}

#[tokio::test]
async fn a_chain_that_does_not_exist_is_our_trouble() {
    let world = World::with(json!({ "chain": "gone" })).await;
    assert_eq!(world.ask(&query(&[]), None).await.error(), "server_error");
}
