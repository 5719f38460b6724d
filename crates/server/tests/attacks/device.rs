//! Attacks on remembered devices.

use serde_json::{Value, json};
use vestibule_oauth::sign_out;
use vestibule_server::config::Settings;

use crate::{
    house::{Database, ask_tokens, audited, claims, on_both_databases, spending, text},
    support::{Browser, PHONE, Page, TestApp},
};

on_both_databases! { a_056_a_device_spares_its_own_user_one_step_until_it_ends }

const DEVICE: &str = "vestibule-device";
/// So long after each other the logins come.
const PAUSE: u64 = 60;

const BOX: &str = r#"type="checkbox" name="remember_device""#;

/// A server whose second step may be spared for thirty days.
async fn remembering(app: &TestApp) -> vestibule_core::user::User {
    let sms = json!({ "authenticator": "smsotp", "connection": "SMSOTP" });
    app.chain("default", json!([["password"], { "alternatives": [sms], "remember_device": 2_592_000 }])).await;
    app.alice().await
}

async fn password(app: &TestApp, browser: &mut Browser, name: &str, more: &[(&str, &str)]) -> Page {
    let page = browser.open(&app.authorize(more)).await;
    browser.submit(&page, "password", &[("username", name), ("password", name)]).await
}

/// A whole login with the box ticked.
async fn remember(app: &TestApp, browser: &mut Browser) -> Page {
    app.advance(PAUSE);
    app.outbox.clear();
    let page = password(app, browser, "alice", &[]).await;
    let code = app.sms().code_to(PHONE).await;
    let back = browser.submit(&page, "code", &[("code", &code), ("remember_device", "yes")]).await;
    assert!(back.answer("code").is_some() && browser.cookie(DEVICE).is_some(), "{}", back.body);
    back
}

/// Whether the password is enough in a browser that shows this cookie; it takes the one that it is given.
async fn spared(app: &TestApp, name: &str, cookie: &mut String, more: &[(&str, &str)]) -> bool {
    app.advance(PAUSE);
    let mut browser = app.browser();
    browser.set_cookie(DEVICE, cookie);
    let back = password(app, &mut browser, name, more).await;
    cookie.clone_from(&browser.cookie(DEVICE).unwrap_or_default());
    back.answer("code").is_some()
}

/// Messages without end: these tests are about something else.
fn generous(settings: &mut Settings) {
    let budgets = &mut settings.limits.budgets;
    for rule in [&mut budgets.sends_to_user, &mut budgets.sends_to, &mut budgets.sends_daily, &mut budgets.sends_from] {
        rule.limit = 1000;
    }
}

async fn a_056_a_device_spares_its_own_user_one_step_until_it_ends(database: Database) {
    let Some(app) = database.start_with(generous).await else { return };
    let alice = remembering(&app).await.id;
    app.user("mallory", "mallory", Some("+491707654321")).await;
    let mut browser = app.browser();
    let back = remember(&app, &mut browser).await;
    let set = back.cookies_set().into_iter().find(|cookie| cookie.starts_with(DEVICE)).unwrap();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(set.contains(attribute), "{set}");
    }
    let mut cookie = browser.cookie(DEVICE).unwrap();
    assert!(spared(&app, "alice", &mut cookie, &[]).await);

    // Another user, a guess, a session's cookie, a request for today's proof.
    assert!(!spared(&app, "mallory", &mut cookie.clone(), &[]).await);
    let session = browser.cookie("vestibule-session").unwrap();
    let (id, rest) = cookie.split_once('.').unwrap();
    let (_, mac) = rest.split_once('.').unwrap();
    for mut bad in [session.clone(), format!("{id}.9.{mac}"), cookie[..cookie.len() - 1].to_owned(), String::new()] {
        assert!(!spared(&app, "alice", &mut bad, &[]).await);
    }
    assert!(!spared(&app, "alice", &mut cookie, &[("prompt", "login")]).await);
    assert!(!spared(&app, "alice", &mut cookie, &[("acr_values", "urn:vestibule:acr:2fa")]).await);
    let mut nobody = app.browser();
    nobody.set_cookie(DEVICE, &cookie);
    let page = nobody.open(&app.authorize(&[])).await;
    assert!(page.form_with("password").has_input("username"), "a device alone signs nobody in, and names nobody");

    // A cookie that was replaced: somebody has a copy, so the device is forgotten, the owner's cookie too.
    app.advance(301);
    let mut owner = app.browser();
    owner.set_cookie(DEVICE, &cookie);
    assert!(password(&app, &mut owner, "alice", &[]).await.answer("code").is_some());
    let mut renewed = owner.cookie(DEVICE).unwrap();
    assert_ne!(renewed, cookie);
    app.advance(301);
    assert!(!spared(&app, "alice", &mut cookie, &[]).await, "a copy");
    assert_eq!(audited(&app, "device.replayed").await.len(), 1);
    assert!(!spared(&app, "alice", &mut renewed, &[]).await);

    // A new password signs out everywhere; so does another number, and a user who was disabled in between.
    let mut cookie = kept(&app).await;
    let now = vestibule_core::Clock::now(&*app.clock);
    app.write(move |tx| sign_out::everywhere(tx, alice, now)).await;
    assert!(!spared(&app, "alice", &mut cookie, &[]).await, "a new password");
    let mut cookie = kept(&app).await;
    for (disabled, then) in [(true, false), (false, false)] {
        app.write(move |tx| {
            let user = tx.user(alice)?.unwrap();
            tx.update_user(&vestibule_core::user::User { disabled, ..user })
        })
        .await;
        assert_eq!(spared(&app, "alice", &mut cookie, &[]).await, then, "disabled: {disabled}");
    }
    let mut cookie = kept(&app).await;
    for (number, then) in [("+491701111111", false), (PHONE, true)] {
        app.write(move |tx| {
            let user = tx.user(alice)?.unwrap();
            tx.update_user(&vestibule_core::user::User { phone_number: Some(number.to_owned()), ..user })
        })
        .await;
        assert_eq!(spared(&app, "alice", &mut cookie, &[]).await, then, "{number}");
    }
    app.advance(2_592_000);
    assert!(!spared(&app, "alice", &mut cookie, &[]).await, "its time is over");
}

async fn kept(app: &TestApp) -> String {
    let mut browser = app.browser();
    remember(app, &mut browser).await;
    browser.cookie(DEVICE).unwrap()
}

#[tokio::test]
async fn a_056_a_token_does_not_claim_what_a_device_spared() {
    let app = TestApp::start_with(generous).await;
    remembering(&app).await;
    let said = |back: Page| {
        let place = app.place();
        async move { claims(&text(&ask_tokens(&place, spending(&back.answer("code").unwrap())).await.json(), "id_token")) }
    };
    let mut browser = app.browser();
    let first = said(remember(&app, &mut browser).await).await;
    assert_eq!((&first["amr"], &first["acr"]), (&json!(["otp", "pwd", "sms"]), &json!("urn:vestibule:acr:2fa")));
    let cookie = browser.cookie(DEVICE).unwrap();
    app.advance(86_400);
    let mut later = app.browser();
    later.set_cookie(DEVICE, &cookie);
    let second: Value = said(password(&app, &mut later, "alice", &[]).await).await;
    assert_eq!((&second["amr"], &second["acr"]), (&json!(["pwd"]), &json!("urn:vestibule:acr:1fa")));
    assert!(second["auth_time"].as_i64() > first["auth_time"].as_i64());
    assert!(!audited(&app, "device.remembered").await.is_empty());
}

#[tokio::test]
async fn the_portal_lists_the_devices_and_forgets_them() {
    let app = TestApp::start_with(generous).await;
    remembering(&app).await;
    let mut there = app.browser();
    remember(&app, &mut there).await;
    let mut cookie = there.cookie(DEVICE).unwrap();
    let mut here = app.browser();
    remember(&app, &mut here).await;
    let home = here.open("/portal").await;
    assert_eq!(home.status, 200, "{}", home.body);
    let buttons = |page: &Page| {
        let all = page.forms().into_iter().flat_map(|form| form.buttons);
        all.filter(|(name, _)| name == "device").map(|(_, id)| id).collect::<Vec<_>>()
    };
    let ids = buttons(&home);
    assert_eq!(ids.len(), 2);
    let other = ids.iter().find(|id| cookie.starts_with(id.as_str())).unwrap();
    let csrf = home.form_with("csrf").inputs[0].1.clone();

    // A device of somebody else is not theirs to forget.
    app.user("mallory", "mallory", Some("+491707654321")).await;
    let mut mallory = app.browser();
    app.outbox.clear();
    let page = mallory.open("/portal").await;
    let page = mallory.submit(&page, "password", &[("username", "mallory"), ("password", "mallory")]).await;
    let code = app.sms().code_to("+491707654321").await;
    let hers = mallory.submit(&page, "code", &[("code", &code)]).await;
    assert!(buttons(&hers).is_empty(), "{}", hers.body);
    let token = hers.form_with("csrf").inputs[0].1.clone();
    mallory.post("/portal", &[("csrf", &token), ("device", other)]).await;
    assert!(spared(&app, "alice", &mut cookie, &[]).await);

    assert_eq!(here.post("/portal", &[("csrf", &csrf), ("device", other)]).await.status, 303);
    assert!(!spared(&app, "alice", &mut cookie, &[]).await);
    assert_eq!(audited(&app, "device.forgotten").await.len(), 1);
    let left = buttons(&here.open("/portal").await);
    assert_eq!(left.len(), 1);
    // Signing out everywhere else forgets everywhere else.
    let mut again = kept(&app).await;
    here.post("/portal", &[("csrf", &csrf), ("everywhere", "yes")]).await;
    assert!(!spared(&app, "alice", &mut again, &[]).await);
    assert_eq!(buttons(&here.open("/portal").await), left, "this browser stays remembered");
}

#[tokio::test]
async fn the_box_is_on_the_page_and_in_json_and_only_where_the_chain_says_so() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let page = password(&app, &mut browser, "alice", &[]).await;
    assert!(!page.body.contains(BOX), "the chain does not remember");
    let sms = json!({ "authenticator": "smsotp", "connection": "SMSOTP" });
    app.chain("default", json!([["password"], { "alternatives": [sms], "remember_device": 2_592_000 }])).await;
    app.advance(60);
    app.outbox.clear();
    let mut browser = app.browser();
    let first = browser.open(&app.authorize(&[])).await;
    assert!(!first.body.contains(BOX), "nothing is proved yet");
    let page = browser.submit(&first, "password", &[("username", "alice"), ("password", "alice")]).await;
    assert!(page.body.contains("30 days") && page.body.contains(BOX), "{}", page.body);

    browser.headers.push(("accept".into(), "application/json".into()));
    let shown = browser.get(page.url.as_str()).await.json();
    assert_eq!(shown["remember"], json!({ "seconds": 2_592_000, "wished": false }));
    let code = app.sms().code_to(PHONE).await;
    let body = json!({
        "version": shown["version"],
        "csrf": shown["csrf"],
        "challenge": shown["challenge"]["id"],
        "code": code,
        "remember_device": true,
    });
    let done = browser.post_json(page.url.as_str(), &body).await;
    assert_eq!(done.json()["state"], "closed", "{}", done.body);
    assert!(spared(&app, "alice", &mut browser.cookie(DEVICE).unwrap(), &[]).await);
}
