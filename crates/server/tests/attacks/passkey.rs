//! Attacks on passkeys, and the ways in that they are for: as the first and only step without any name, as a second step, and
//! beside a password.

use serde_json::{Value, json};
use vestibule_authn_passkey::testing::SoftKey;
use vestibule_core::{id::CredentialId, user::User};

use crate::{
    house::{Database, audited, on_both_databases},
    support::{Browser, Page, TestApp},
};

on_both_databases! {
    a_passkey_alone_signs_in_without_a_name,
    a_passkey_is_a_second_step_and_is_offered_beside_a_password,
    a_086_an_answer_is_good_once_for_its_own_run_and_for_five_minutes,
    a_087_a_page_elsewhere_signs_nobody_in,
    a_088_what_says_less_than_was_asked_signs_nobody_in,
    a_089_a_passkey_belongs_to_one_user_and_goes_with_them,
    a_090_a_disabled_user_is_refused_by_passkey_as_by_password,
    a_090_nobody_sees_by_a_passkey_who_exists,
}

/// The same page as JSON.
async fn view(browser: &mut Browser, page: &Page) -> Value {
    browser.headers.push(("accept".into(), "application/json".into()));
    let view = browser.get(page.url.as_str()).await.json();
    browser.headers.pop();
    view
}

/// Answers a page with these fields beside what every form carries.
async fn answers(browser: &mut Browser, page: &Page, view: &Value, fields: &[(&str, &str)]) -> Value {
    let mut body = json!({ "version": view["version"], "csrf": view["csrf"] });
    if let Some(challenge) = view["challenge"]["id"].as_str() {
        body["challenge"] = json!(challenge);
    }
    for (name, value) in fields {
        body[*name] = json!(value);
    }
    browser.headers.push(("accept".into(), "application/json".into()));
    let answer = browser.post_json(page.url.as_str(), &body).await.json();
    browser.headers.pop();
    answer
}

fn options(view: &Value) -> &Value {
    &view["prompt"]["exhibit"]["options"]
}

fn signed_in(answer: &Value) -> bool {
    answer["redirect_to"].as_str().is_some_and(|to| to.contains("code="))
}

fn why(answer: &Value) -> &str {
    answer["notice"]["why"].as_str().unwrap_or_else(|| panic!("{answer}"))
}

/// A user who sets up a passkey on the way in by a password; what the last answer was.
async fn sets_up(app: &TestApp, name: &str, device: &mut SoftKey) -> Value {
    let both = json!([["password"], { "alternatives": ["passkey"], "enrol": "require" }]);
    app.chain("default", both).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", name), ("password", name)]).await;
    let view = view(&mut browser, &page).await;
    assert_eq!(view["enrolling"], true, "{view}");
    let made = device.create(options(&view));
    answers(&mut browser, &page, &view, &[("credential", &made), ("label", "Pixel 9")]).await
}

/// A server with alice and her passkey, at whose shop a passkey is enough.
async fn furnished(database: Database) -> Option<(TestApp, User, SoftKey)> {
    let app = database.start().await?;
    let alice = app.alice().await;
    let mut device = SoftKey::new(&app.url);
    let done = sets_up(&app, "alice", &mut device).await;
    assert!(signed_in(&done), "{done}");
    app.chain("default", json!([["passkey"]])).await;
    Some((app, alice, device))
}

/// A browser of nobody, at the page that asks for a passkey.
async fn asked(app: &TestApp) -> (Browser, Page, Value) {
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let view = view(&mut browser, &page).await;
    (browser, page, view)
}

/// A whole sign-in by a passkey and nothing else.
async fn signs_in(app: &TestApp, device: &mut SoftKey) -> Value {
    let (mut browser, page, view) = asked(app).await;
    let used = device.get(options(&view));
    answers(&mut browser, &page, &view, &[("credential", &used)]).await
}

async fn a_passkey_alone_signs_in_without_a_name(database: Database) {
    let Some((app, alice, mut device)) = furnished(database).await else { return };
    let (mut browser, page, view) = asked(&app).await;
    assert!(page.body.contains("autocomplete=\"username webauthn\""), "{}", page.body);
    assert_eq!(options(&view)["allowCredentials"], json!([]), "no name, so no list");
    assert_eq!(
        options(&view)["challenge"],
        view_again(&mut browser, &page).await["challenge"],
        "a reload asks the same"
    );
    // By the form of the page, without the name that nobody typed.
    let used = device.get(options(&view));
    let done = browser.submit(&page, "credential", &[("username", ""), ("credential", &used)]).await;
    let tokens = app.exchange(&done).await.json();
    let id_token = tokens["id_token"].as_str().unwrap_or_else(|| panic!("{tokens}"));
    let claims = claims(id_token);
    assert_eq!(claims["sub"], alice.id.to_string());
    let amr: Vec<_> = claims["amr"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for method in ["hwk", "user"] {
        assert!(amr.contains(&method), "{claims}");
    }
    // And it is two factors.
    let steps = json!({ "steps": [["passkey"]], "demands": [{ "factors": 2 }] });
    let document = serde_json::from_value(steps).unwrap();
    let now = vestibule_core::Clock::now(&*app.clock);
    app.write(move |tx| tx.publish_chain(&"default".into(), &document, now)).await;
    assert!(signed_in(&signs_in(&app, &mut device).await));
}

async fn view_again(browser: &mut Browser, page: &Page) -> Value {
    options(&view(browser, page).await).clone()
}

fn claims(token: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

async fn a_passkey_is_a_second_step_and_is_offered_beside_a_password(database: Database) {
    let Some((app, _, mut device)) = furnished(database).await else { return };
    app.chain("default", json!([["password"], { "alternatives": ["passkey"], "distinct": true }])).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let second = view(&mut browser, &page).await;
    assert_eq!(options(&second)["allowCredentials"].as_array().unwrap().len(), 1, "she is known now: {second}");
    let used = device.get(options(&second));
    assert!(signed_in(&answers(&mut browser, &page, &second, &[("credential", &used)]).await));

    // Where either will do, the page of the password offers the passkey too.
    app.chain("default", json!([["password", "passkey"]])).await;
    let (mut browser, page, _) = asked(&app).await;
    let page = browser.submit(&page, "version", &[("alternative", "0")]).await;
    assert!(
        page.body.contains("autocomplete=\"username webauthn\"") && page.body.contains("data-passkey"),
        "{}",
        page.body
    );
    let both = view(&mut browser, &page).await;
    assert!(both["prompt"]["exhibit"].is_null(), "{both}");
    let beside = &both["beside"]["exhibit"]["options"];
    assert_eq!(beside["allowCredentials"], json!([]));
    let mut other = SoftKey::new(&app.url);
    other.handle.clone_from(&device.handle);
    let refused = answers(&mut browser, &page, &both, &[("credential", &other.get(beside))]).await;
    assert_eq!(why(&refused), "unknown", "so the browser may forget it");
    let chosen = refused["alternatives"].as_array().unwrap().iter().find(|way| way["chosen"] == true).unwrap();
    assert_eq!(chosen["authenticator"], "passkey", "told in the words of what was tried");
    let used = device.get(options(&refused));
    assert!(signed_in(&answers(&mut browser, &page, &refused, &[("credential", &used)]).await));
}

async fn a_086_an_answer_is_good_once_for_its_own_run_and_for_five_minutes(database: Database) {
    let Some((app, _, mut device)) = furnished(database).await else { return };
    // The answer of one run in another.
    let (_, _, one) = asked(&app).await;
    let (mut browser, page, other) = asked(&app).await;
    let used = device.get(options(&one));
    let refused = answers(&mut browser, &page, &other, &[("credential", &used)]).await;
    assert_eq!(why(&refused), "expired");
    // The same answer a second time, from the browser that sent it first, and from another.
    let (mut browser, page, asked_for) = asked(&app).await;
    let used = device.get(options(&asked_for));
    assert!(signed_in(&answers(&mut browser, &page, &asked_for, &[("credential", &used)]).await));
    let (mut thief, elsewhere, there) = asked(&app).await;
    assert_eq!(why(&answers(&mut thief, &elsewhere, &there, &[("credential", &used)]).await), "expired");
    // Five minutes later, in its own run.
    let (mut browser, page, asked_for) = asked(&app).await;
    let used = device.get(options(&asked_for));
    app.advance(301);
    let refused = answers(&mut browser, &page, &asked_for, &[("credential", &used)]).await;
    assert_eq!(why(&refused), "expired");
    // The page asks anew.
    let used = device.get(options(&refused));
    assert!(signed_in(&answers(&mut browser, &page, &refused, &[("credential", &used)]).await));
}

async fn a_087_a_page_elsewhere_signs_nobody_in(database: Database) {
    let Some((app, _, mut device)) = furnished(database).await else { return };
    let home = device.origin.clone();
    for origin in
        ["https://badexample.com", "http://badlocalhost", "http://localhost.badexample.com", "http://localhost:1"]
    {
        device.origin = origin.to_owned();
        assert_eq!(why(&signs_in(&app, &mut device).await), "wrong", "{origin}");
    }
    device.origin = home;
    device.party = Some("badexample.com".to_owned());
    assert_eq!(why(&signs_in(&app, &mut device).await), "wrong");
    device.party = None;
    assert!(signed_in(&signs_in(&app, &mut device).await));
    assert!(audited(&app, "step.rejected").await.len() >= 5);
}

async fn a_088_what_says_less_than_was_asked_signs_nobody_in(database: Database) {
    let Some((app, _, mut device)) = furnished(database).await else { return };
    device.verified = false;
    assert_eq!(why(&signs_in(&app, &mut device).await), "wrong");
    device.verified = true;
    assert!(signed_in(&signs_in(&app, &mut device).await));
    device.counter = Some(0);
    assert_eq!(why(&signs_in(&app, &mut device).await), "wrong", "it counts backwards");
    device.counter = Some(40);
    assert!(signed_in(&signs_in(&app, &mut device).await));
    // A new one, for an algorithm that was not offered.
    app.user("bob", "bob", None).await;
    let mut other = SoftKey::new(&app.url);
    other.algorithm = -8;
    assert_eq!(why(&sets_up(&app, "bob", &mut other).await), "wrong");
    other.algorithm = -7;
    other.verified = false;
    assert_eq!(why(&sets_up(&app, "bob", &mut other).await), "wrong");
    other.verified = true;
    assert!(signed_in(&sets_up(&app, "bob", &mut other).await));
}

async fn a_089_a_passkey_belongs_to_one_user_and_goes_with_them(database: Database) {
    let Some((app, alice, mut device)) = furnished(database).await else { return };
    let bob = app.user("bob", "bob", None).await;
    // The id of alice's, brought by bob: with her key, and with one of his own.
    let mut own = SoftKey::new(&app.url);
    own.id.clone_from(&device.id);
    let refused = sets_up(&app, "bob", &mut own).await;
    assert_eq!(why(&refused), "wrong", "{refused}");
    let passkeys = |user: User| app.read(move |tx| tx.credentials(user.id, &"passkey".into()));
    assert!(passkeys(bob.clone()).await.is_empty());
    let [kept] = passkeys(alice.clone()).await.try_into().unwrap();
    assert_eq!(kept.id, CredentialId::of_mark(&device.id));
    // Hers, that says it is bob's.
    app.chain("default", json!([["passkey"]])).await;
    let whose = device.handle.clone();
    device.handle = own.handle.clone();
    assert_eq!(why(&signs_in(&app, &mut device).await), "unknown");
    device.handle = whose;
    assert!(signed_in(&signs_in(&app, &mut device).await));
    // She goes; who has her name after her is somebody else.
    let id = alice.id;
    assert!(app.write(move |tx| tx.delete_user(id)).await);
    app.alice().await;
    assert_eq!(why(&signs_in(&app, &mut device).await), "unknown");
    // And her device may be set up anew, by whoever holds it.
    assert!(signed_in(&sets_up(&app, "alice", &mut device).await));
}

async fn a_090_a_disabled_user_is_refused_by_passkey_as_by_password(database: Database) {
    let Some((app, alice, mut device)) = furnished(database).await else { return };
    let disabled = User { disabled: true, ..alice };
    app.write(move |tx| tx.update_user(&disabled)).await;
    let by_passkey = signs_in(&app, &mut device).await;
    app.chain("default", json!([["password"]])).await;
    let (mut browser, page, asked_for) = asked(&app).await;
    let fields = [("username", "alice"), ("password", "alice")];
    let by_password = answers(&mut browser, &page, &asked_for, &fields).await;
    assert!(!signed_in(&by_passkey) && !signed_in(&by_password));
    assert_eq!(by_passkey["notice"], by_password["notice"], "{by_passkey} {by_password}");
    assert_eq!(by_passkey["state"], by_password["state"]);
}

async fn a_090_nobody_sees_by_a_passkey_who_exists(database: Database) {
    let Some((app, _, _)) = furnished(database).await else { return };
    app.user("bob", "bob", None).await;
    let mut stranger = SoftKey::new(&app.url);
    let mut told = Vec::new();
    for name in ["alice", "bob", "nobody"] {
        let (mut browser, page, asked_for) = asked(&app).await;
        let used = stranger.get(options(&asked_for));
        let mut answer = answers(&mut browser, &page, &asked_for, &[("username", name), ("credential", &used)]).await;
        assert_eq!(why(&answer), "wrong");
        assert_eq!(options(&answer)["allowCredentials"], json!([]), "{name}");
        for own in ["csrf", "username", "id", "version"] {
            answer.as_object_mut().unwrap().remove(own);
        }
        answer["prompt"]["exhibit"]["options"]["challenge"] = Value::Null;
        told.push(answer.to_string().replace(page.url.path(), ""));
    }
    assert!(told.iter().all(|answer| *answer == told[0]), "{told:#?}");
}
