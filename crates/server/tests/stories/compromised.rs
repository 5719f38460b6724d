//! A password that others may know is changed at the next sign-in, when everything that is due has passed.

use secrecy::ExposeSecret as _;
use serde_json::json;
use vestibule_authn_password::marked;
use vestibule_core::{audit::AuditEvent, user::User};

use crate::support::{Browser, PHONE, Page, TestApp};

const NEW: &str = "quiet otters juggle";

/// As an admin or an import says it.
async fn require(app: &TestApp, user: &User) {
    let user = user.id;
    app.write(move |tx| {
        let own = tx.credentials(user, &"password".into())?.pop().unwrap();
        let marked = marked(own.secret.expose_secret());
        assert!(tx.renew_credential(own.id, own.version, &marked)?);
        Ok(())
    })
    .await;
}

async fn password(app: &TestApp, browser: &mut Browser, password: &str) -> Page {
    let page = browser.open(&app.authorize(&[])).await;
    browser.submit(&page, "password", &[("username", "alice"), ("password", password)]).await
}

async fn events(app: &TestApp, kind: &str) -> Vec<AuditEvent> {
    let page = app.read(|tx| tx.audit_page(&Default::default(), None, 500)).await;
    page.entries.into_iter().map(|entry| entry.event).filter(|event| event.kind == kind).collect()
}

fn asks(page: &Page, field: &str) -> bool {
    page.forms().iter().any(|form| form.inputs.iter().any(|(name, _)| name == field))
}

#[tokio::test]
async fn another_password_is_asked_for_when_all_steps_have_passed_and_before_anything_is_given() {
    let app = TestApp::start().await;
    let alice = app.alice().await;
    let mut elsewhere = app.browser();
    assert!(app.log_in(&mut elsewhere, "alice", "alice", PHONE).await.answer("code").is_some());
    app.advance(60);
    require(&app, &alice).await;

    let mut browser = app.browser();
    let page = password(&app, &mut browser, "alice").await;
    assert!(asks(&page, "code") && !asks(&page, "new_password"), "the due steps come first: {}", page.body);
    let code = app.sms().code_to(PHONE).await;
    let page = browser.submit(&page, "code", &[("code", &code)]).await;
    assert!(page.answer("code").is_none() && asks(&page, "new_password"), "{}", page.body);
    assert!(page.body.contains("Others may know this password"), "it says why: {}", page.body);
    let none = browser.open(&app.authorize(&[("prompt", "none")])).await;
    assert_eq!(none.answer("error").as_deref(), Some("login_required"), "half a login is no login");
    let mut page = browser.open(page.url.as_str()).await;
    for (bad, why) in [("alice", "too short"), ("password123", "first passwords that are tried")] {
        page = browser.submit(&page, "new_password", &[("new_password", bad)]).await;
        assert!(page.answer("code").is_none() && page.body.contains(why), "{bad}: {}", page.body);
    }
    let back = browser.submit(&page, "new_password", &[("new_password", NEW)]).await;
    let tokens = app.exchange(&back).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let gone = elsewhere.open(&app.authorize(&[("prompt", "none")])).await;
    assert_eq!(gone.answer("error").as_deref(), Some("login_required"), "whoever was signed in elsewhere is not");
    let [event] = events(&app, "password.changed").await.try_into().unwrap();
    assert_eq!(event.user, Some(alice.id));

    let again = browser.open(&app.authorize(&[("prompt", "none")])).await;
    assert!(again.answer("code").is_some(), "the login that changed it counts: {:?}", again.location());
    let old = password(&app, &mut app.browser(), "alice").await;
    assert!(!asks(&old, "code"), "{}", old.body);
    let mut fresh = app.browser();
    app.advance(60);
    let back = app.log_in(&mut fresh, "alice", NEW, PHONE).await;
    assert!(back.answer("code").is_some(), "it is asked once: {}", back.body);
}

#[tokio::test]
async fn a_025_what_was_granted_for_long_ends_with_the_password_that_others_knew() {
    let app = TestApp::start().await;
    app.chain("default", json!([["password"]])).await;
    let alice = app.user("alice", "correct horse battery", None).await;
    let mut elsewhere = app.browser();
    let page = elsewhere.open(&app.authorize(&[("scope", "openid offline_access")])).await;
    let typed = [("username", "alice"), ("password", "correct horse battery")];
    let back = elsewhere.submit(&page, "password", &typed).await;
    let tokens = app.exchange(&back).await.json();
    let refresh = tokens["refresh_token"].as_str().unwrap().to_owned();
    // As an import says it, which signs nobody out.
    require(&app, &alice).await;
    let mut browser = app.browser();
    let page = password(&app, &mut browser, "correct horse battery").await;
    let back = browser.submit(&page, "new_password", &[("new_password", NEW)]).await;
    assert_eq!(app.exchange(&back).await.status, 200, "what the change itself gives works");
    let form = [("grant_type", "refresh_token"), ("client_id", "shop"), ("refresh_token", &*refresh)];
    let refused = app.browser().post("/oauth2/token", &form).await;
    assert_eq!(refused.status, 400, "{}", refused.body);
}

#[tokio::test]
async fn a_068_a_page_left_open_from_before_asks_for_another_password_too() {
    let app = TestApp::start().await;
    let alice = app.alice().await;
    let mut browser = app.browser();
    let page = password(&app, &mut browser, "alice").await;
    let code = app.sms().code_to(PHONE).await;
    require(&app, &alice).await;
    let page = browser.submit(&page, "code", &[("code", &code)]).await;
    assert!(page.answer("code").is_none() && asks(&page, "new_password"), "{:?} {}", page.location(), page.body);
    let none = browser.open(&app.authorize(&[("prompt", "none")])).await;
    assert_eq!(none.answer("error").as_deref(), Some("login_required"));
    let page = browser.open(page.url.as_str()).await;
    let back = browser.submit(&page, "new_password", &[("new_password", NEW)]).await;
    assert!(back.answer("code").is_some(), "{}", back.body);
}

#[tokio::test]
async fn the_password_that_others_know_is_not_chosen_again() {
    let app = TestApp::start().await;
    app.chain("default", json!([["password"]])).await;
    let alice = app.user("alice", "correct horse battery", None).await;
    require(&app, &alice).await;
    let mut browser = app.browser();
    let page = password(&app, &mut browser, "correct horse battery").await;
    let page = browser.submit(&page, "new_password", &[("new_password", "correct horse battery")]).await;
    assert!(page.answer("code").is_none() && page.body.contains("that others may know"), "{}", page.body);
    let back = browser.submit(&page, "new_password", &[("new_password", NEW)]).await;
    assert!(back.answer("code").is_some(), "{}", back.body);
}

#[tokio::test]
async fn a_068_whoever_knows_the_password_alone_does_not_change_that_of_somebody_with_more() {
    let app = TestApp::start().await;
    let alice = app.alice().await;
    let sms = json!({ "authenticator": "smsotp", "connection": "SMSOTP" });
    app.chain("two", json!([["password"], [sms]])).await;
    app.chain("default", json!([["password"]])).await;
    require(&app, &alice).await;
    let mut browser = app.browser();
    let page = password(&app, &mut browser, "alice").await;
    assert!(!asks(&page, "new_password"), "the number is asked for first: {}", page.body);
    let page =
        if asks(&page, "code") { page } else { browser.submit(&page, "alternative", &[("alternative", "0")]).await };
    let code = app.sms().code_to(PHONE).await;
    let page = browser.submit(&page, "code", &[("code", &code)]).await;
    assert!(asks(&page, "new_password"), "{}", page.body);
    let back = browser.submit(&page, "new_password", &[("new_password", NEW)]).await;
    assert!(back.answer("code").is_some(), "{}", back.body);
}

#[tokio::test]
async fn a_known_password_must_change_where_the_operator_says_so() {
    let app = TestApp::start_with(|settings| settings.password.rules.change_known = true).await;
    app.chain("default", json!([["password"]])).await;
    app.user("alice", "password123", None).await;
    let mut browser = app.browser();
    let page = password(&app, &mut browser, "password123").await;
    assert!(page.answer("code").is_none() && asks(&page, "new_password"), "{}", page.body);
    let back = browser.submit(&page, "new_password", &[("new_password", NEW)]).await;
    assert!(back.answer("code").is_some(), "{}", back.body);
}

#[tokio::test]
async fn old_hashes_are_counted_by_kind_and_shown_on_the_management_listener() {
    let app = TestApp::start().await;
    let alice = app.alice().await;
    app.user("bob", "bob", None).await;
    let bcrypt = "$2b$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG";
    app.write(move |tx| {
        let own = tx.credentials(alice.id, &"password".into())?.pop().unwrap();
        assert!(tx.renew_credential(own.id, own.version, bcrypt)?);
        Ok(())
    })
    .await;
    vestibule_server::census::count(&app.state).await.unwrap();
    let url = format!("http://{}/metrics", app.addresses.management.unwrap());
    let text = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(text.contains("vestibule_passwords{kind=\"bcrypt\"} 1\n"), "{text}");
    assert!(text.contains("vestibule_passwords{kind=\"argon2id\"} 1\n"), "{text}");
    assert!(!text.contains("alice"), "{text}");
    let page = app.browser().open("/metrics").await;
    assert_eq!(page.status, 404, "not for the public");
    assert!(password(&app, &mut app.browser(), "lètmein").await.body.contains("name=\"code\""));
    vestibule_server::census::count(&app.state).await.unwrap();
    assert_eq!(app.state.census.last().unwrap().old().count(), 0, "a sign-in renews it");
}
