//! How strongly and how lately somebody authenticated: `acr_values`, `max_age`, `prompt`, the `claims` parameter, and what tokens
//! say of it. Alice passes a door, and for two factors a gate behind it.

use serde_json::{Value, json};
use vestibule_core::{engine::Body, session::SessionRef, store::StoreExt as _, time::Clock as _};
use vestibule_oauth::{Params, TokenRequest, Tx, consent::Decision, introspect::introspect};

use crate::world::{Texts as _, Told, World, basic, claims, client, cx, param, query};

const ONE: &str = "urn:vestibule:acr:1fa";
const TWO: &str = "urn:vestibule:acr:2fa";
const PHR: &str = "urn:vestibule:acr:phr";

/// The gate is due only for those who ask for two factors.
async fn world() -> World {
    let steps = json!([["door"], { "alternatives": ["gate"], "on_request": [TWO] }]);
    World::behind(steps, vec![client("shop", &json!({})), client("bank", &json!({}))]).await
}

/// The steps that Alice passes until she is done, where she is sent, and her session.
async fn walk(world: &World, told: Told) -> (Vec<usize>, String, Option<SessionRef>) {
    let (id, binding) = match told {
        Told::Asked { id, binding } => (id, binding),
        told => return (Vec::new(), told.url().into(), None),
    };
    let mut passed = Vec::new();
    let mut view = world.engine.view(id, Some(&binding), &cx()).await.unwrap();
    loop {
        view = match view.body {
            Body::Step(step) => {
                passed.push(step.number);
                world.pass(id, &binding).await
            }
            Body::Closed { answer, session, .. } => return (passed, world.answer_url(&answer).into(), session),
            Body::Denied { answer, .. } => return (passed, world.answer_url(&answer).into(), None),
            other => panic!("{other:?}"),
        };
    }
}

/// Alice goes through a request: the steps that she was asked for, what the ID token says of it, and her session.
async fn login(world: &World, change: &[(&str, &str)], session: Option<SessionRef>) -> (Vec<usize>, Value, SessionRef) {
    let (passed, url, renewed) = walk(world, world.ask(&query(change), session).await).await;
    let code = param(&url.parse().unwrap(), "code").unwrap_or_else(|| panic!("no code: {url}"));
    let id = claims(&world.exchange("shop", &code, &[]).await.unwrap().id());
    (passed, id, renewed.or(session).unwrap())
}

/// The error that the client is told when nobody is asked anything.
async fn silently(world: &World, change: &[(&str, &str)], session: SessionRef) -> String {
    let change = [change, &[("prompt", "none")]].concat();
    match world.ask(&query(&change), Some(session)).await {
        Told::Sent(url) => param(&url, "error").unwrap_or_else(|| "none".to_owned()),
        told => panic!("prompt=none shows something: {told:?}"),
    }
}

fn acr_claim(essential: bool, values: &[&str]) -> String {
    json!({ "id_token": { "acr": { "essential": essential, "values": values } } }).to_string()
}

#[tokio::test]
async fn a_step_up_asks_only_the_step_that_is_missing_and_once() {
    let world = world().await;
    let (passed, id, session) = login(&world, &[], None).await;
    assert_eq!((passed, &id["acr"], &id["amr"]), (vec![1], &json!(ONE), &json!(["pwd"])));
    let first = id["auth_time"].clone();
    world.wait(100);
    assert_eq!(silently(&world, &[("acr_values", TWO)], session).await, "interaction_required");
    let (passed, id, session) = login(&world, &[("acr_values", TWO)], Some(session)).await;
    assert_eq!((passed, &id["acr"], &id["amr"]), (vec![2], &json!(TWO), &json!(["otp", "pwd"])));
    assert_eq!(id["auth_time"], first, "the password is as old as it was");
    // Reached by the session: nothing is asked.
    world.wait(100);
    assert_eq!(silently(&world, &[("acr_values", TWO)], session).await, "none");
    let (passed, id, _) = login(&world, &[("acr_values", TWO)], Some(session)).await;
    assert_eq!((passed, &id["acr"]), (vec![], &json!(TWO)));
    // And who asks for less is told that.
    let (passed, id, _) = login(&world, &[("acr_values", ONE)], Some(session)).await;
    assert_eq!((passed, &id["acr"]), (vec![], &json!(ONE)));
}

#[tokio::test]
async fn a_051_an_acr_that_no_step_reaches_is_refused_with_its_registered_code() {
    let world = world().await;
    let session = login(&world, &[("acr_values", TWO)], None).await.2;
    assert_eq!(silently(&world, &[("acr_values", PHR)], session).await, "unmet_authentication_requirements");
    let essential = acr_claim(true, &[PHR]);
    assert_eq!(silently(&world, &[("claims", &essential)], session).await, "unmet_authentication_requirements");
    let unknown = acr_claim(true, &["urn:mace:incommon:iap:silver"]);
    assert_eq!(silently(&world, &[("claims", &unknown)], session).await, "unmet_authentication_requirements");
    // After a whole login too.
    let (passed, url, _) = walk(&world, world.ask(&query(&[("claims", &essential)]), None).await).await;
    assert_eq!(passed, [1]);
    assert_eq!(param(&url.parse().unwrap(), "error").unwrap(), "unmet_authentication_requirements");
}

#[tokio::test]
async fn an_acr_claim_steps_up_and_only_an_essential_one_refuses() {
    let world = world().await;
    let session = login(&world, &[], None).await.2;
    for essential in [true, false] {
        let asked = acr_claim(essential, &[TWO]);
        assert_eq!(silently(&world, &[("claims", &asked)], session).await, "interaction_required");
        let (passed, id, _) = login(&world, &[("claims", &asked)], None).await;
        assert_eq!((passed, &id["acr"]), (vec![1, 2], &json!(TWO)));
    }
    let wish = acr_claim(false, &[PHR]);
    let (passed, id, _) = login(&world, &[("claims", &wish)], Some(session)).await;
    assert_eq!((passed, &id["acr"]), (vec![], &json!(ONE)), "the present one (section 5.5.1.1)");
}

#[tokio::test]
async fn malformed_claims_are_told_to_the_client() {
    let world = world().await;
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    for bad in ["x", "[]", r#"{"id_token":{"acr":"2fa"}}"#, &deep] {
        assert_eq!(world.ask(&query(&[("claims", bad)]), None).await.error(), "invalid_request", "{bad}");
    }
}

#[tokio::test]
async fn auth_time_is_there_asked_for_or_not() {
    let world = world().await;
    let now = world.clock.now().unix_seconds();
    let essential = r#"{"id_token":{"auth_time":{"essential":true}}}"#;
    for change in [&[][..], &[("claims", essential)], &[("max_age", "10000")]] {
        assert_eq!(login(&world, change, None).await.1["auth_time"], json!(now), "{change:?}");
    }
}

#[tokio::test]
async fn a_claim_in_the_id_token_is_told_where_the_consent_covers_it() {
    let steps = json!([["door"]]);
    let world = World::behind(steps, vec![client("shop", &json!({ "consent": "ask" }))]).await;
    let asked = json!({ "id_token": { "email": { "essential": true }, "name": null, "groups": null } }).to_string();
    let request = query(&[("scope", "openid email profile"), ("claims", &asked)]);
    let told = world.ask(&request, None).await;
    // The person leaves the address out.
    let scopes = ["openid", "profile"].map(str::to_owned).into();
    let body = world.decide(told, &Decision { allow: true, scopes: Some(scopes) }).await;
    let Body::Closed { answer, .. } = body else { panic!("{body:?}") };
    let code = param(&world.answer_url(&answer), "code").unwrap();
    let tokens = world.exchange("shop", &code, &[]).await.unwrap();
    let id = claims(&tokens.id());
    assert_eq!((id.get("email"), &id["name"], id.get("groups")), (None, &json!("Alice"), None), "{id}");
    assert!(world.userinfo(&tokens.access()).await.unwrap().get("email").is_none());
    assert!(id.get("preferred_username").is_none(), "what was not asked for is at UserInfo");
    let refreshed = world.refresh("shop", &tokens.refresh()).await.unwrap();
    assert!(claims(&refreshed.id()).get("name").is_none());
}

#[tokio::test]
async fn a_053_max_age_and_the_time_of_the_login_agree() {
    let world = world().await;
    let both = [("acr_values", TWO)];
    let (_, id, session) = login(&world, &both, None).await;
    let first = id["auth_time"].as_i64().unwrap();
    world.wait(60);
    // Not older than allowed: nothing is asked, and the time is the same.
    let (passed, id, _) = login(&world, &[("max_age", "60"), both[0]], Some(session)).await;
    assert_eq!((passed.len(), &id["auth_time"]), (0, &json!(first)));
    assert_eq!(silently(&world, &[("max_age", "60")], session).await, "none");
    // Older: the login is asked for again, all of it, and its time is new.
    for age in ["59", "1", "0"] {
        assert_eq!(silently(&world, &[("max_age", age)], session).await, "login_required", "max_age={age}");
    }
    let (passed, id, session) = login(&world, &[("max_age", "59"), both[0]], Some(session)).await;
    assert_eq!((passed, &id["auth_time"]), (vec![1, 2], &json!(first + 60)));
    world.wait(2);
    let (passed, id, _) = login(&world, &[("max_age", "1")], Some(session)).await;
    assert_eq!((passed, &id["auth_time"]), (vec![1], &json!(first + 62)));
}

#[tokio::test]
async fn a_053_a_login_that_took_a_while_is_as_old_as_its_end() {
    let steps = json!([["door"], ["gate"]]);
    let world = World::behind(steps, vec![client("shop", &json!({}))]).await;
    let Told::Asked { id, binding } = world.ask(&query(&[]), None).await else { panic!() };
    world.pass(id, &binding).await;
    world.wait(120);
    let view = world.pass(id, &binding).await;
    let Body::Closed { session: Some(session), .. } = view.body else { panic!("{:?}", view.body) };
    let end = world.clock.now().unix_seconds();
    world.wait(30);
    // The first step is 150 seconds old, and the login 30.
    let (passed, id, _) = login(&world, &[("max_age", "60")], Some(session)).await;
    assert_eq!((passed.len(), &id["auth_time"]), (0, &json!(end)));
    assert_eq!(silently(&world, &[("max_age", "29")], session).await, "login_required");
}

#[tokio::test]
async fn a_055_a_step_up_makes_the_login_before_it_no_younger() {
    let world = world().await;
    let session = login(&world, &[], None).await.2;
    world.wait(300);
    let session = login(&world, &[("acr_values", TWO)], Some(session)).await.2;
    world.wait(10);
    let fresh = [("acr_values", TWO), ("max_age", "60")];
    assert_eq!(silently(&world, &fresh, session).await, "login_required");
    let now = world.clock.now().unix_seconds();
    let (passed, id, _) = login(&world, &fresh, Some(session)).await;
    assert_eq!(passed, [1], "the gate was passed ten seconds ago");
    assert_eq!((&id["acr"], &id["auth_time"]), (&json!(TWO), &json!(now - 10)));
}

#[tokio::test]
async fn a_053_prompt_login_asks_again_at_once_and_the_time_is_new() {
    let world = world().await;
    let (_, id, session) = login(&world, &[], None).await;
    let first = id["auth_time"].as_i64().unwrap();
    // In the same microsecond: what was proved was proved before.
    for change in [("prompt", "login"), ("max_age", "0")] {
        assert_eq!(login(&world, &[change], Some(session)).await.0, [1], "{change:?}");
    }
    world.wait(5);
    let (passed, id, _) = login(&world, &[("prompt", "login")], Some(session)).await;
    assert_eq!((passed, &id["auth_time"]), (vec![1], &json!(first + 5)));
}

#[tokio::test]
async fn a_user_whom_the_client_did_not_mean_has_to_sign_in() {
    let world = world().await;
    let (_, id, session) = login(&world, &[], None).await;
    let sub = |sub: &str| json!({ "id_token": { "sub": { "value": sub } } }).to_string();
    let (own, other) = (sub(id["sub"].as_str().unwrap()), sub("01890000-0000-7000-8000-000000000000"));
    assert_eq!(silently(&world, &[("claims", &own)], session).await, "none");
    assert_eq!(silently(&world, &[("claims", &other)], session).await, "login_required");
    assert_eq!(silently(&world, &[("claims", &sub("nobody"))], session).await, "login_required");
    // Somebody signs in, and it is not them.
    let (passed, url, _) = walk(&world, world.ask(&query(&[("claims", &other)]), Some(session)).await).await;
    assert_eq!((passed, param(&url.parse().unwrap(), "error").unwrap()), (vec![1], "login_required".to_owned()));
}

#[tokio::test]
async fn a_017_a_hint_and_a_sub_that_differ_are_a_mistake() {
    let world = world().await;
    let (url, session) = world.sign_in(&query(&[])).await;
    let hint = world.exchange("shop", &param(&url, "code").unwrap(), &[]).await.unwrap().id();
    let other = json!({ "id_token": { "sub": { "value": "01890000-0000-7000-8000-000000000000" } } }).to_string();
    assert_eq!(silently(&world, &[("id_token_hint", &hint)], session).await, "none");
    assert_eq!(silently(&world, &[("id_token_hint", &hint), ("claims", &other)], session).await, "invalid_request");
}

/// The same token as if another key had signed it, with what `change` says.
fn by_another_key(token: &str, change: &Value) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let mut payload = claims(token);
    payload.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    let head = json!({ "alg": "ES256", "typ": "JWT", "kid": "gone" });
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.{}", part(&head), part(&payload), URL_SAFE_NO_PAD.encode([7; 64]))
}

#[tokio::test]
async fn a_017_a_hint_whose_key_is_gone_narrows_who_will_do_and_permits_nothing() {
    let world = world().await;
    let (url, session) = world.sign_in(&query(&[])).await;
    let hint = world.exchange("shop", &param(&url, "code").unwrap(), &[]).await.unwrap().id();
    let kids = world.store.read(|tx: &mut (dyn Tx + 'static)| tx.signing_keys()).await.unwrap();
    let kids: Vec<_> = kids.iter().map(|key| key.id.to_string()).collect();
    world.write(move |tx| kids.iter().try_for_each(|kid| tx.delete_signing_key(kid))).await;
    world.reload().await;
    assert_eq!(
        silently(&world, &[("id_token_hint", &hint)], session).await,
        "none",
        "it was for Alice, and she is there"
    );

    let other = "01890000-0000-7000-8000-000000000000";
    for (change, error) in [
        (json!({}), "none"),
        (json!({ "sub": other }), "login_required"),
        (json!({ "sub": "alice" }), "invalid_request"),
        (json!({ "aud": "bank" }), "invalid_request"),
        (json!({ "iss": "https://evil.example" }), "invalid_request"),
        (json!({ "aud": 7 }), "invalid_request"),
    ] {
        let hint = by_another_key(&hint, &change);
        assert_eq!(silently(&world, &[("id_token_hint", &hint)], session).await, error, "{change}");
        // Without a session it opens nothing, whoever it names.
        let alone = world.ask(&query(&[("id_token_hint", &hint), ("prompt", "none")]), None).await.error();
        assert!(["login_required", "invalid_request"].contains(&alone.as_str()), "{alone}");
    }
    for bad in ["a.b.c", "..", "eyJraWQiOiJ4IiwiYWxnIjoiRVMyNTYifQ.e30.AAAA"] {
        assert_eq!(silently(&world, &[("id_token_hint", bad)], session).await, "invalid_request", "{bad}");
    }
}

#[tokio::test]
async fn rfc_9470_access_tokens_and_introspection_say_how_strongly_and_when() {
    let world = world().await;
    let now = world.clock.now().unix_seconds();
    let told = world.ask(&query(&[("acr_values", TWO), ("max_age", "300")]), None).await;
    let (_, url, _) = walk(&world, told).await;
    let tokens = world.exchange("shop", &param(&url.parse().unwrap(), "code").unwrap(), &[]).await.unwrap();
    let access = claims(&tokens.access());
    assert_eq!((&access["acr"], &access["auth_time"]), (&json!(TWO), &json!(now)));
    let snapshot = world.current.get();
    let form: Params = [("token", tokens.access())].into_iter().collect();
    let request = TokenRequest { authorization: Some(&basic("shop")), form: &form, cx: &cx() };
    let said = introspect(&world.deps(&snapshot), request).await.unwrap();
    assert_eq!((&said["active"], &said["acr"], &said["auth_time"]), (&json!(true), &json!(TWO), &json!(now)));
    // A refresh is no authentication.
    world.wait(120);
    let refreshed = claims(&world.refresh("shop", &tokens.refresh()).await.unwrap().access());
    assert_eq!((&refreshed["acr"], &refreshed["auth_time"]), (&json!(TWO), &json!(now)));
}
