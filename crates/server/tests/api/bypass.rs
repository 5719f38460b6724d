//! The temporary bypass code.

use serde_json::{Value, json};
use vestibule_server::admin::Role;

use crate::{
    house::{Caller, admin, person, server},
    support::{Page, TestApp},
};

async fn made(helper: &Caller, user: impl ToString, life: u32) -> String {
    let path = format!("/users/{}/bypass-code", user.to_string());
    let made = helper.post(&path, &json!({ "life": life })).await.ok().json();
    made["code"].as_str().unwrap().to_owned()
}

/// A server whose portal asks for a password and then for what the person has.
async fn strict() -> TestApp {
    let app = server().await;
    app.chain("default", json!([["password"], ["totp", "recovery"]])).await;
    app
}

async fn with_code(app: &TestApp, code: &str) -> Page {
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    if !page.forms().iter().any(|form| form.has_input("code")) {
        return page;
    }
    browser.submit(&page, "code", &[("code", code)]).await
}

#[tokio::test]
async fn a_095_a_bypass_code_passes_one_step_once_and_the_password_is_asked_all_the_same() {
    let app = strict().await;
    let alice = app.alice().await;
    let helper = admin(&app, Role::Helpdesk).await;
    assert!(with_code(&app, "00000-00000").await.answer("code").is_none(), "she has nothing yet");
    let code = made(&helper, alice.id, 600).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", &code)]).await;
    assert!(page.answer("code").is_none(), "it is no password");
    assert!(with_code(&app, "00000-00000").await.answer("code").is_none());
    assert!(with_code(&app, &code.to_lowercase()).await.answer("code").is_some());
    assert!(with_code(&app, &code).await.answer("code").is_none(), "once");
}

#[tokio::test]
async fn a_095_a_bypass_code_ends_and_a_new_one_ends_the_one_before() {
    let app = strict().await;
    let alice = app.alice().await;
    let helper = admin(&app, Role::Helpdesk).await;
    let first = made(&helper, alice.id, 600).await;
    let second = made(&helper, alice.id, 600).await;
    assert!(with_code(&app, &first).await.answer("code").is_none());
    app.advance(601);
    assert!(with_code(&app, &second).await.answer("code").is_none());
}

#[tokio::test]
async fn a_095_a_bypass_code_is_audited_and_shown_once_and_made_for_nobody_above() {
    let app = strict().await;
    let alice = app.alice().await;
    let (helper, auditor) = (admin(&app, Role::Helpdesk).await, admin(&app, Role::Auditor).await);
    let code = made(&helper, alice.id, 600).await;
    let path = format!("/users/{}/bypass-code", alice.id);
    assert_eq!(auditor.post(&path, &json!({})).await.status, 403);
    for bad in [0, 299, 86_401] {
        assert_eq!(helper.post(&path, &json!({ "life": bad })).await.pointers(), ["/life"], "{bad}");
    }
    let owner = person(&app, "theo", &["vestibule:owner"]).await;
    let above = helper.post(&format!("/users/{}/bypass-code", owner.id), &json!({})).await;
    assert_eq!(above.status, 403, "who stands above is not let in by those below");
    let log = auditor.get("/audit?limit=50").await.ok().json();
    let events = log["items"].as_array().unwrap();
    let event = events.iter().find(|event| event["kind"] == "admin.user.bypass_code").unwrap();
    assert!(event["details"]["actor"] != Value::Null || event["actor"] != Value::Null, "{event}");
    let told = format!("{log} {}", auditor.get(&format!("/users/{}/factors", alice.id)).await.ok().json());
    assert!(!told.contains(&code) && !told.contains(&code.replace('-', "")));
}

#[tokio::test]
async fn a_092_of_sixteen_answers_with_one_code_one_passes() {
    let app = strict().await;
    let alice = app.alice().await;
    let code = made(&admin(&app, Role::Helpdesk).await, alice.id, 600).await;
    let mut waiting = Vec::new();
    for _ in 0..8 {
        let mut browser = app.browser();
        let page = browser.open(&app.authorize(&[])).await;
        let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
        waiting.push((browser, page));
    }
    let mut all = tokio::task::JoinSet::new();
    for (mut browser, page) in waiting {
        let code = code.clone();
        all.spawn(async move { browser.submit(&page, "code", &[("code", &code)]).await.answer("code").is_some() });
    }
    let passed = all.join_all().await.into_iter().filter(|passed| *passed).count();
    assert_eq!(passed, 1);
}
