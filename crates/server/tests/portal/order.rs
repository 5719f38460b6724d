//! The order of one's ways to sign in: what it opens first, and what it does not.

use serde_json::json;
use vestibule_core::id::UserId;

use super::{Browser, PHONE, Page, TestApp, app_code, app_key, audited, csrf, easy, enters, posts, proves};

const ORDER: &str = "/portal/factors/order";

async fn preferred(app: &TestApp, user: UserId) -> Vec<String> {
    let user = app.read(move |tx| tx.user(user)).await.unwrap();
    user.preferred.iter().map(|way| way.as_str().to_owned()).collect()
}

/// A second step with a choice, for a service provider.
async fn either(app: &TestApp) {
    let sms = json!({ "authenticator": "smsotp", "connection": "SMSOTP" });
    app.chain("either", json!([["password"], { "alternatives": [sms, "totp"] }])).await;
    let document = json!({
        "id": "either", "name": "Either", "redirect_uris": [super::support::CALLBACK], "chain": "either", "consent": "skip",
    });
    app.client(document).await;
}

/// The page behind the password there, in a browser that was never here.
async fn behind_the_password(app: &TestApp, browser: &mut Browser) -> Page {
    let page = browser.open(&app.authorize(&[("client_id", "either")])).await;
    browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await
}

fn offers(page: &Page, name: &str, value: &str) -> bool {
    page.forms().iter().any(|form| form.has_button(name, value))
}

#[tokio::test]
async fn the_way_that_one_put_first_is_opened_and_the_choice_is_one_button_away() {
    let (app, alice) = easy().await;
    either(&app).await;
    app_key(&app, alice.id).await;
    let page = behind_the_password(&app, &mut app.browser()).await;
    assert!(offers(&page, "alternative", "0") && offers(&page, "alternative", "1"), "both: {}", page.body);

    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/factors").await;
    assert!(offers(&page, "up", "totp") && !offers(&page, "action", "forget"), "{}", page.body);
    let done = posts(&mut browser, &page, ORDER, &[("up", "totp")]).await;
    let done = if preferred(&app, alice.id).await[0] == "totp" {
        done
    } else {
        posts(&mut browser, &done, ORDER, &[("up", "totp")]).await
    };
    assert_eq!((done.status.as_u16(), done.url.path()), (200, "/portal/factors"), "{}", done.body);
    assert_eq!(preferred(&app, alice.id).await[0], "totp");
    assert_eq!(audited(&app, "factors.ordered").await[0].user, Some(alice.id));

    let sent = app.sms().count_to(PHONE);
    let mut other = app.browser();
    let page = behind_the_password(&app, &mut other).await;
    assert!(page.forms().iter().any(|form| form.has_input("code")), "the app is asked: {}", page.body);
    assert!(offers(&page, "alternative", "0") && offers(&page, "action", "choose"), "{}", page.body);
    assert_eq!(app.sms().count_to(PHONE), sent, "and nothing is sent");
    let choice = other.submit(&page, "csrf", &[("action", "choose")]).await;
    assert!(offers(&choice, "alternative", "0") && offers(&choice, "alternative", "1"), "{}", choice.body);
    let page = other.submit(&choice, "csrf", &[("alternative", "1")]).await;
    let back = other.submit(&page, "code", &[("code", &app_code(&app))]).await;
    assert!(back.answer("code").is_some(), "{}", back.body);

    // Asked each time again.
    let page = browser.open("/portal/factors").await;
    let done = posts(&mut browser, &page, ORDER, &[("action", "forget")]).await;
    assert!(done.body.contains("asks you each time"), "{}", done.body);
    assert!(!offers(&done, "action", "forget"), "{}", done.body);
    assert!(preferred(&app, alice.id).await.is_empty());
    let page = behind_the_password(&app, &mut app.browser()).await;
    assert!(offers(&page, "alternative", "0") && offers(&page, "alternative", "1"), "{}", page.body);
}

#[tokio::test]
async fn a_way_goes_up_and_down_by_one_and_the_order_is_no_longer_than_what_one_has() {
    let (app, alice) = easy().await;
    app_key(&app, alice.id).await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/factors").await;
    posts(&mut browser, &page, ORDER, &[("up", "smsotp")]).await;
    let first = preferred(&app, alice.id).await;
    let mut sorted = first.clone();
    sorted.sort();
    assert_eq!(sorted, ["password", "smsotp", "totp"]);
    posts(&mut browser, &page, ORDER, &[("down", &first[0])]).await;
    assert_eq!(preferred(&app, alice.id).await, [&*first[1], &*first[0], &*first[2]]);
    for _ in 0..5 {
        posts(&mut browser, &page, ORDER, &[("down", &first[0])]).await;
    }
    assert_eq!(preferred(&app, alice.id).await, [&*first[1], &*first[2], &*first[0]], "the end is the end");
    for _ in 0..5 {
        posts(&mut browser, &page, ORDER, &[("up", &first[0])]).await;
    }
    assert_eq!(preferred(&app, alice.id).await, first, "and the beginning is the beginning");
}

#[tokio::test]
async fn an_order_is_changed_by_its_owner_with_the_form_and_by_what_they_have_alone() {
    let (app, alice) = easy().await;
    app_key(&app, alice.id).await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/factors").await;
    let token = csrf(&page);
    assert_eq!(browser.get(ORDER).await.status, 405);
    for form in [vec![("up", "totp")], vec![("up", "totp"), ("csrf", "x")]] {
        assert_eq!(browser.post(ORDER, &form).await.status, 403, "{form:?}");
    }
    let mut foreign = browser.clone();
    foreign.headers.push(("sec-fetch-site".into(), "cross-site".into()));
    assert_eq!(foreign.post(ORDER, &[("csrf", &token), ("up", "totp")]).await.status, 403);
    let long = "x".repeat(200);
    for (name, way, status) in [
        ("up", "passkey", 404),
        ("down", "recovery", 404),
        ("up", "", 403),
        ("up", long.as_str(), 404),
        ("action", "empty", 403),
        ("preferred", "totp", 403),
    ] {
        assert_eq!(posts(&mut browser, &page, ORDER, &[(name, way)]).await.status, status, "{name} {:.9}", way);
    }
    assert_eq!(posts(&mut browser, &page, ORDER, &[("up", "totp"), ("down", "totp")]).await.status, 403);
    let gone = app.browser().post(ORDER, &[("csrf", &token), ("up", "totp")]).await;
    assert_ne!(gone.status, 200, "nor by somebody who is not signed in");
    assert!(preferred(&app, alice.id).await.is_empty());
    assert!(audited(&app, "factors.ordered").await.is_empty());
}

#[tokio::test]
async fn the_order_goes_with_what_one_takes_along() {
    let (app, alice) = easy().await;
    app.write(move |tx| {
        let user = tx.user(alice.id)?.unwrap();
        tx.update_user(&vestibule_core::user::User { preferred: vec!["smsotp".into(), "password".into()], ..user })
    })
    .await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/data").await;
    let page = proves(&app, &mut browser, &page, "/portal/data").await;
    let given = posts(&mut browser, &page, "/portal/data/export", &[]).await.json();
    assert_eq!(given["profile"]["preferred"], json!(["smsotp", "password"]), "{given}");
}
