//! The story that everything is for: a password, then a code by SMS, then tokens.
use crate::support::{PHONE, TestApp};
use serde_json::Value;

fn claims(token: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

#[tokio::test]
async fn a_password_and_a_code_give_tokens() {
    let app = TestApp::start().await;
    let alice = app.alice().await;
    let mut browser = app.browser();

    let first = browser.open(&app.authorize(&[])).await;
    assert!(first.url.path().starts_with("/interaction/"), "{}", first.url);
    assert!(first.body.contains("Shop"));
    assert_eq!(app.sms().count_to(PHONE), 0, "nothing is sent before the password");

    let second = browser.submit(&first, "password", &[("username", "alice"), ("password", "alice")]).await;
    assert!(second.form_with("code").has_input("version"));
    assert!(!second.body.contains(PHONE), "the number is masked");
    let sms = app.sms().latest_to(PHONE).await;
    let code = app.sms().code_to(PHONE).await;
    assert_eq!(sms.lines().last().unwrap(), format!("@localhost #{code}"));

    let back = browser.submit(&second, "code", &[("code", &code)]).await;
    assert_eq!(back.status, 303);
    assert!(back.location().unwrap().as_str().starts_with(crate::support::CALLBACK));
    assert_eq!(back.answer("state").as_deref(), Some("the-state"));
    assert_eq!(back.answer("iss").as_deref(), Some(app.url.as_str()));

    let tokens = app.exchange(&back).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    assert_eq!(tokens.header("cache-control"), "no-store");
    let id_token = claims(tokens.json()["id_token"].as_str().unwrap());
    assert_eq!(id_token["sub"], alice.id.to_string());
    assert_eq!(id_token["aud"], "shop");
    assert_eq!(id_token["nonce"], "the-nonce");
    assert_eq!(id_token["amr"], serde_json::json!(["otp", "pwd", "sms"]));
    assert_eq!(id_token["acr"], "urn:vestibule:acr:2fa");

    let mut application = app.browser();
    let access_token = tokens.json()["access_token"].as_str().unwrap().to_owned();
    application.headers.push(("authorization".into(), format!("Bearer {access_token}")));
    let info = application.get("/oauth2/userinfo").await;
    assert_eq!(info.json()["name"], "Alice");
}

#[tokio::test]
async fn a_wrong_code_is_told_and_counted_and_the_right_one_still_passes() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let code = app.sms().code_to(PHONE).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let page = browser.submit(&page, "code", &[("code", wrong)]).await;
    assert!(page.body.contains('4'), "four tries are left: {}", page.body);
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    let back = browser.submit(&page, "code", &[("code", &spaced)]).await;
    assert!(back.answer("code").is_some(), "{}", back.body);
}

#[tokio::test]
async fn a_070_after_five_wrong_codes_the_right_one_is_dead() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let mut page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let code = app.sms().code_to(PHONE).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let form = page.form_with("code");
    for _ in 0..5 {
        page = browser.submit(&page, "version", &[("code", wrong)]).await;
    }
    let values = form.filled(&[("code", &code)]);
    let version = page.form_with("version").inputs.iter().find(|(name, _)| name == "version").unwrap().1.clone();
    let values: Vec<_> =
        values.iter().map(|(n, v)| (n.as_str(), if n == "version" { version.as_str() } else { v.as_str() })).collect();
    let answer = browser.post(page.url.as_str(), &values).await;
    let answer = browser.follow(answer).await;
    assert!(answer.answer("code").is_none(), "a dead code passed");
}

#[tokio::test]
async fn a_resend_comes_after_the_cooldown_and_brings_the_same_code() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let code = app.sms().code_to(PHONE).await;
    let again = [("action", "resend")];

    let early = browser.submit(&page, "version", &again).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(app.sms().count_to(PHONE), 1, "A-077: nothing is sent while it cools down");

    app.advance(31);
    let page = browser.submit(&early, "version", &again).await;
    app.sms().wait_for(PHONE, 2).await;
    assert_eq!(app.sms().code_to(PHONE).await, code);
    let back = browser.submit(&page, "code", &[("code", &code)]).await;
    assert!(back.answer("code").is_some(), "{}", back.body);
}

#[tokio::test]
async fn a_wrong_password_sends_nothing_and_says_nothing_about_the_account() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut pages = Vec::new();
    for name in ["alice", "nobody"] {
        let mut browser = app.browser();
        let page = browser.open(&app.authorize(&[])).await;
        let page = browser.submit(&page, "password", &[("username", name), ("password", "wrong")]).await;
        assert!(page.form_with("password").has_input("username"));
        let id = page.url.path().to_owned();
        let csrf = page.form_with("csrf").inputs.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
        pages.push(page.body.replace(&id, "").replace(&csrf, "").replace(name, ""));
    }
    assert_eq!(pages[0], pages[1], "A-060: the same bytes");
    assert_eq!(app.sms().count_to(PHONE), 0, "A-079");
}

#[tokio::test]
async fn a_second_application_asks_nothing_of_who_is_signed_in() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    app.log_in(&mut browser, "alice", "alice", PHONE).await;
    let back = browser.open(&app.authorize(&[])).await;
    assert!(back.answer("code").is_some(), "single sign-on: {}", back.body);
    app.advance(1);
    let page = browser.open(&app.authorize(&[("prompt", "login")])).await;
    assert!(page.form_with("password").has_input("csrf"), "A-053: all steps are due");
}

#[tokio::test]
async fn the_same_login_as_json() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let begun = browser.get(&app.authorize(&[])).await;
    let at = begun.location().unwrap().to_string();
    browser.headers.push(("accept".into(), "application/json".into()));
    let view = browser.get(&at).await.json();
    assert_eq!(view["state"], "step");
    assert_eq!(view["prompt"]["fields"][0]["name"], "password");

    let mut body = serde_json::json!({ "csrf": view["csrf"], "version": view["version"], "username": "alice", "password": "alice" });
    let view = browser.post_json(&at, &body).await.json();
    assert_eq!(view["prompt"]["fields"][0]["name"], "code", "{view}");
    let code = app.sms().code_to(PHONE).await;

    body = serde_json::json!({ "csrf": view["csrf"], "version": view["version"], "challenge": view["challenge"]["id"], "code": [code.clone()] });
    let refused = browser.post_json(&at, &body).await;
    assert_eq!((refused.status.as_u16(), refused.json()["member"].as_str()), (422, Some("code")), "A-058");

    body["code"] = code.into();
    let view = browser.post_json(&at, &body).await;
    assert_eq!(view.json()["state"], "closed", "{}", view.body);
    let target: url::Url = view.json()["redirect_to"].as_str().unwrap().parse().unwrap();
    let code = target.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    assert_eq!(app.exchange_code(&code).await.status, 200);
}
