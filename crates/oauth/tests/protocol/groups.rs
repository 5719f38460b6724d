//! A client for some groups: who is in none of them gets nothing, and who leaves the last of them has nothing any more.

use serde_json::{Value, json};
use vestibule_core::{
    engine::{Body, View},
    plan::Denial,
};
use vestibule_oauth::{Params, TokenAnswer, TokenRequest, consent::Decision, introspect::introspect};

use crate::world::{Texts as _, Told, World, basic, cx, param, query};

/// A shop for the staff, with what `change` says; alice is of the staff.
async fn staffed(change: Value) -> World {
    let mut change = change;
    change["groups"] = json!(["admins", "staff"]);
    let world = World::with(change).await;
    world.groups_of_alice(&["guests", "staff"]).await;
    world
}

async fn offline(world: &World) -> TokenAnswer {
    let code = param(&world.sign_in(&query(&[("scope", "openid offline_access")])).await.0, "code").unwrap();
    world.exchange("shop", &code, &[]).await.unwrap()
}

async fn active(world: &World, token: &str) -> bool {
    let (snapshot, authorization) = (world.current.get(), basic("shop"));
    let form: Params = [("token", token)].into_iter().collect();
    let request = TokenRequest { authorization: Some(&authorization), form: &form, cx: &cx() };
    introspect(&world.deps(&snapshot), request).await.unwrap()["active"] == true
}

/// The person is told why, the client that it gets nothing, and the log both; there is no grant.
async fn turned_away(world: &World, view: View) {
    let Body::Denied { answer, denial } = view.body else { panic!("not denied: {:?}", view.body) };
    assert_eq!(denial, Some(Denial::NotAdmitted));
    let url = world.answer_url(&answer);
    assert!(param(&url, "code").is_none(), "{url}");
    assert_eq!(param(&url, "state").as_deref(), Some("st"));
    assert!(!url.as_str().contains("staff"), "which groups there are is not the client's business: {url}");
    assert_eq!(Told::Sent(url).error(), "access_denied");
    let events = world.audit().await;
    let refused: Vec<_> = events.iter().filter(|event| event.kind == "grant.refused").collect();
    let [event] = refused[..] else { panic!("not one event: {refused:?}") };
    assert_eq!((event.client.as_deref(), event.user), (Some("shop"), Some(world.alice)));
    assert_eq!(event.details["why"], "the user is in none of the groups that may use the client");
}

#[tokio::test]
async fn a_member_gets_what_everybody_gets() {
    let world = staffed(json!({})).await;
    let tokens = offline(&world).await;
    assert!(world.userinfo(&tokens.access()).await.is_ok());
    assert!(active(&world, &tokens.access()).await && active(&world, &tokens.refresh()).await);
    assert!(world.refresh("shop", &tokens.refresh()).await.is_ok());
    assert_eq!(world.audited("grant.refused").await, 0);
}

#[tokio::test]
async fn a_028_who_lost_the_group_is_not_refreshed() {
    let world = staffed(json!({})).await;
    let tokens = offline(&world).await;
    world.groups_of_alice(&["guests"]).await;
    assert_eq!(world.refresh("shop", &tokens.refresh()).await.unwrap_err().code(), "invalid_grant");
    assert_eq!(world.userinfo(&tokens.access()).await, Err(401));
    assert!(!active(&world, &tokens.access()).await && !active(&world, &tokens.refresh()).await);
    // Nothing was spent or revoked by asking in vain: the group decides, and nothing else.
    world.groups_of_alice(&["staff"]).await;
    assert!(world.refresh("shop", &tokens.refresh()).await.is_ok());
}

#[tokio::test]
async fn a_028_a_client_that_becomes_a_groups_own_refreshes_nobody_else() {
    let world = World::new().await;
    let tokens = offline(&world).await;
    world.change_client("shop", json!({ "groups": ["staff"] })).await;
    assert_eq!(world.refresh("shop", &tokens.refresh()).await.unwrap_err().code(), "invalid_grant");
    assert_eq!(world.userinfo(&tokens.access()).await, Err(401));
}

#[tokio::test]
async fn a_023_a_code_of_who_lost_the_group_gives_nothing() {
    let world = staffed(json!({})).await;
    let code = world.code().await;
    world.groups_of_alice(&[]).await;
    assert_eq!(world.exchange("shop", &code, &[]).await.unwrap_err().code(), "invalid_grant");
}

#[tokio::test]
async fn a_028_a_login_without_the_group_ends_in_a_refusal() {
    let world = staffed(json!({})).await;
    world.groups_of_alice(&["guests"]).await;
    let view = world.open(world.ask(&query(&[]), None).await).await.0;
    turned_away(&world, view).await;
    assert_eq!((world.audited("grant.made").await, world.audited("login.completed").await), (0, 0));
}

#[tokio::test]
async fn a_028_who_lost_the_group_is_not_asked_for_consent() {
    let world = staffed(json!({ "consent": "ask" })).await;
    world.groups_of_alice(&["guests"]).await;
    let view = world.open(world.ask(&query(&[]), None).await).await.0;
    turned_away(&world, view).await;
}

#[tokio::test]
async fn a_028_who_loses_the_group_at_the_consent_page_gives_nothing() {
    let world = staffed(json!({ "consent": "ask" })).await;
    let (view, id, binding) = world.open(world.ask(&query(&[]), None).await).await;
    assert!(matches!(view.body, Body::Held { .. }), "{:?}", view.body);
    world.groups_of_alice(&["guests"]).await;
    let all = Decision { allow: true, scopes: None }.to_value();
    let view = world.conclude(id, &binding, all).await;
    turned_away(&world, view).await;
    let again = world.engine.view(id, Some(&binding), &cx()).await.unwrap();
    assert!(matches!(again.body, Body::Denied { denial: Some(Denial::NotAdmitted), .. }), "{:?}", again.body);
}

#[tokio::test]
async fn a_028_who_lost_the_group_is_not_signed_in_by_the_session() {
    let world = staffed(json!({})).await;
    let (_, session) = world.sign_in(&query(&[])).await;
    world.groups_of_alice(&["guests"]).await;
    let Told::Asked { id, binding } = world.ask(&query(&[]), Some(session)).await else { panic!("no page") };
    let view = world.engine.view(id, Some(&binding), &cx()).await.unwrap();
    turned_away(&world, view).await;
    assert_eq!(world.audited("grant.made").await, 1, "the first one");
    let other = [("client_id", "bank"), ("redirect_uri", "https://bank.example/cb")];
    let url = world.ask(&query(&other), Some(session)).await.url();
    assert!(param(&url, "code").is_some(), "the session itself is good elsewhere: {url}");
}

#[tokio::test]
async fn a_028_in_silence_the_client_is_told() {
    let world = staffed(json!({})).await;
    let (_, session) = world.sign_in(&query(&[])).await;
    world.groups_of_alice(&["guests"]).await;
    assert_eq!(world.ask(&query(&[("prompt", "none")]), Some(session)).await.error(), "access_denied");
    assert_eq!(world.audited("grant.made").await, 1, "the first one");
}
