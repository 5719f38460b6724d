//! What a text message says to whom, and a number that was changed.
use crate::support::{Browser, PHONE, Page, TestApp};
use serde_json::{Value, json};
use vestibule_core::{Clock as _, user::LoginName};

const DAY: u64 = 24 * 3600;
const OTHER: &str = "+12025550199";

fn sms(settings: &Value) -> Value {
    json!({ "authenticator": "smsotp", "connection": "SMSOTP", "settings": settings })
}

async fn password(browser: &mut Browser, app: &TestApp, more: &[(&str, &str)]) -> Page {
    let page = browser.open(&app.authorize(more)).await;
    browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await
}

/// The message that Alice gets, who has this in her profile, from a browser and an application that ask for these languages.
async fn message(app: &TestApp, own: Option<&str>, browsers: &str, applications: &[(&str, &str)]) -> String {
    let mut alice = app.read(|tx| Ok(tx.user_by_login(&LoginName::parse("alice").unwrap())?.unwrap())).await;
    alice.locale = own.map(str::to_owned);
    app.write(move |tx| tx.update_user(&alice)).await;
    app.advance(3600);
    let mut browser = app.browser();
    browser.headers.push(("accept-language".into(), browsers.into()));
    let before = app.sms().count_to(PHONE);
    password(&mut browser, app, applications).await;
    app.sms().wait_for(PHONE, before + 1).await;
    app.sms().latest_to(PHONE).await
}

#[tokio::test]
async fn a_message_is_in_the_language_of_its_reader_and_ends_alike_in_all() {
    let app = TestApp::start().await;
    app.alice().await;
    let in_french = json!({ "template": { "fr": "{{code}} : votre code" } });
    app.chain("default", json!([["password"], [sms(&in_french)]])).await;
    for (own, browsers, applications, wanted) in [
        (None, "it", &[][..], "is your code for"),
        (None, "de-CH, en;q=0.5", &[], "ist Ihr Code für"),
        (None, "en;q=0.3, fr-CA;q=0.9", &[], ": votre code"),
        (None, "en", &[("ui_locales", "de-AT fr")], "ist Ihr Code für"),
        (Some("fr"), "en", &[("ui_locales", "de")], ": votre code"),
    ] {
        let text = message(&app, own, browsers, applications).await;
        assert!(text.contains(wanted), "{own:?} {browsers} {applications:?}: {text}");
        let code = app.sms().code_to(PHONE).await;
        assert_eq!(text.lines().last().unwrap(), format!("@localhost #{code}"));
    }
}

#[tokio::test]
async fn a_080_a_changed_number_waits_a_day_where_the_step_says_so() {
    let app = TestApp::start().await;
    let mut alice = app.alice().await;
    let careful = json!([["password"], { "alternatives": [sms(&json!({}))], "cool_off": DAY }]);
    app.chain("default", careful).await;
    let page = password(&mut app.browser(), &app, &[]).await;
    assert!(page.body.contains("data-sms"), "the first number counts at once: {}", page.body);

    alice.phone_number_changed_at = alice.number_changed_at(Some(OTHER), app.clock.now());
    alice.phone_number = Some(OTHER.to_owned());
    app.write(move |tx| tx.update_user(&alice)).await;
    for wait in [1, DAY - 61] {
        app.advance(wait);
        let page = password(&mut app.browser(), &app, &[]).await;
        assert!(page.body.contains("changed a short time ago") && page.body.contains("You can sign in from"));
        assert!(!page.body.contains("name=\"code\""));
        assert_eq!(app.sms().count_to(OTHER), 0, "nothing goes to the new number");
    }
    app.advance(60);
    let mut browser = app.browser();
    let page = password(&mut browser, &app, &[]).await;
    let code = app.sms().code_to(OTHER).await;
    let back = browser.submit(&page, "code", &[("code", &code)]).await;
    assert!(back.answer("code").is_some(), "{}", back.body);
}
