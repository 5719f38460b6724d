//! A password that others may know.

use serde_json::{Value, json};
use vestibule_server::admin::Role;

use crate::{
    house::{admin, person, server},
    support::{PHONE, Page, TestApp},
};

async fn password(app: &TestApp) -> Page {
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await
}

#[tokio::test]
async fn another_password_is_required_by_the_help_desk_and_whoever_is_signed_in_is_not_any_more() {
    let app = server().await;
    let alice = app.alice().await;
    let (helper, auditor) = (admin(&app, Role::Helpdesk).await, admin(&app, Role::Auditor).await);
    app.chain("default", json!([["password"]])).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let path = format!("/users/{}/password-change", alice.id);
    assert_eq!(auditor.post(&path, &json!({})).await.status, 403);
    let done = helper.post(&path, &json!({})).await.ok().json();
    assert_eq!(done["sessions"], 1);
    helper.post(&path, &json!({})).await.ok();
    let gone = browser.open(&app.authorize(&[("prompt", "none")])).await;
    assert_eq!(gone.answer("error").as_deref(), Some("login_required"));
    // She has a number, so the password alone does not choose the next one.
    let page = password(&app).await;
    assert!(page.answer("code").is_none(), "{}", page.body);
    let log = auditor.get("/audit?limit=50").await.ok().json();
    let events = log["items"].as_array().unwrap();
    let event = events.iter().find(|event| event["kind"] == "admin.user.password_compromised").unwrap();
    assert_ne!(event["actor"], Value::Null, "{event}");
    assert!(!log.to_string().contains("argon2"), "{log}");
    assert!(!log.to_string().contains(PHONE));
}

#[tokio::test]
async fn a_068_a_run_that_was_begun_with_it_before_gives_nothing_after() {
    let app = server().await;
    let alice = app.alice().await;
    let helper = admin(&app, Role::Helpdesk).await;
    let sms = json!({ "authenticator": "smsotp", "connection": "SMSOTP" });
    app.chain("default", json!([["password"], [sms]])).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let code = app.sms().code_to(PHONE).await;
    helper.post(&format!("/users/{}/password-change", alice.id), &json!({})).await.ok();
    let after = browser.submit(&page, "code", &[("code", &code)]).await;
    assert!(after.answer("code").is_none(), "{:?}", after.location());
}

#[tokio::test]
async fn it_is_required_of_nobody_above_and_of_nobody_without_a_password() {
    let app = server().await;
    let helper = admin(&app, Role::Helpdesk).await;
    let owner = person(&app, "theo", &["vestibule:owner"]).await;
    let above = helper.post(&format!("/users/{}/password-change", owner.id), &json!({})).await;
    assert_eq!(above.status, 403);
    let alice = app.alice().await;
    app.write(move |tx| {
        let own = tx.credentials(alice.id, &"password".into())?;
        own.iter().try_for_each(|own| tx.delete_credential(own.id).map(drop))
    })
    .await;
    assert_eq!(helper.post(&format!("/users/{}/password-change", alice.id), &json!({})).await.status, 409);
    let nobody = helper.post("/users/01936b5e-7c1a-7e40-9d1f-3f2b8a6c4d21/password-change", &json!({})).await;
    assert_eq!(nobody.status, 404);
}
