//! `enrol = "allow"`: who signs in by what they have may set up another way on the way, and may leave it.
use crate::support::{Browser, PHONE, Page, TestApp};
use serde_json::{Value, json};
use totp_rs::Totp;
use vestibule_core::{Clock as _, user::Credential};

/// A house whose second step is a code by SMS or an app, with that word on setting up.
async fn house(policy: &str) -> TestApp {
    let app = TestApp::start().await;
    let sms = json!({ "authenticator": "smsotp", "connection": "SMSOTP" });
    app.chain("default", json!([["password"], { "alternatives": [sms, "totp"], "enrol": policy }])).await;
    app
}

async fn password(app: &TestApp, browser: &mut Browser) -> Page {
    let page = browser.open(&app.authorize(&[])).await;
    browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await
}

fn offers(page: &Page, name: &str, value: &str) -> bool {
    page.forms().iter().any(|form| form.has_button(name, value))
}

/// Presses a button of the page, after its form was changed so.
async fn presses(browser: &mut Browser, page: &Page, (name, value): (&str, &str), more: &[(&str, &str)]) -> Page {
    let form = page.forms().into_iter().find(|form| form.has_button(name, value));
    let form = form.unwrap_or_else(|| panic!("no button {name}={value}: {}", page.body));
    let values: Vec<_> = more.iter().copied().chain([(name, value)]).collect();
    let filled = form.filled(&values);
    let filled: Vec<_> = filled.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let answer = browser.post(page.url.as_str(), &filled).await;
    browser.follow(answer).await
}

/// The same page as JSON.
async fn view(browser: &mut Browser, page: &Page) -> Value {
    browser.headers.push(("accept".into(), "application/json".into()));
    let view = browser.get(page.url.as_str()).await.json();
    browser.headers.pop();
    view
}

async fn apps(app: &TestApp, user: &vestibule_core::user::User) -> Vec<Credential> {
    let id = user.id;
    app.read(move |tx| tx.credentials(id, &"totp".into())).await
}

#[tokio::test]
async fn somebody_with_a_phone_sets_up_an_app_on_the_way() {
    let app = house("allow").await;
    let alice = app.alice().await;
    let mut browser = app.browser();
    let page = password(&app, &mut browser).await;
    assert!(page.body.contains("Set up another way") && !page.body.contains("Not now"), "{}", page.body);
    assert!(!offers(&page, "besides", "0"), "what one has is not set up");
    let wished = presses(&mut browser, &page, ("besides", "1"), &[]).await;
    assert!(wished.body.contains("Not now") && !offers(&wished, "besides", "1"), "{}", wished.body);
    assert!(wished.form_with("code").has_input("version"), "the step is passed as ever");
    assert!(apps(&app, &alice).await.is_empty());

    let code = app.sms().code_to(PHONE).await;
    let page = browser.submit(&wished, "code", &[("code", &code)]).await;
    let shown = view(&mut browser, &page).await;
    assert_eq!((&shown["enrolling"], &shown["wished"]["key"]), (&json!(true), &json!("totp.label")), "{shown}");
    assert!(offers(&page, "action", "not_now"));
    let device = Totp::from_url(shown["prompt"]["exhibit"]["uri"].as_str().unwrap()).unwrap();
    let now = u64::try_from(app.clock.now().unix_seconds()).unwrap();
    let fields = [("code", &*device.generate(now).to_string()), ("label", "Pixel 9")];
    let back = browser.submit(&page, "code", &fields).await;
    assert!(back.answer("code").is_some(), "{}", back.body);
    assert_eq!(apps(&app, &alice).await[0].label.as_deref(), Some("Pixel 9"));
    assert_eq!(app.exchange(&back).await.status, 200);

    // From then on there is a choice, and nothing left to set up.
    let mut again = app.browser();
    let page = password(&app, &mut again).await;
    assert!(!page.body.contains("Set up another way"), "{}", page.body);
}

#[tokio::test]
async fn a_wish_is_taken_back_before_the_step_and_after_it() {
    let app = house("allow").await;
    let alice = app.alice().await;
    let mut browser = app.browser();
    let page = password(&app, &mut browser).await;
    let wished = presses(&mut browser, &page, ("besides", "1"), &[]).await;
    let plain = presses(&mut browser, &wished, ("action", "not_now"), &[]).await;
    assert!(offers(&plain, "besides", "1") && !plain.body.contains("Not now"), "{}", plain.body);
    let code = app.sms().code_to(PHONE).await;
    let back = browser.submit(&plain, "code", &[("code", &code)]).await;
    assert!(back.answer("code").is_some(), "signed in as ever: {}", back.body);

    app.advance(60);
    let mut browser = app.browser();
    let page = password(&app, &mut browser).await;
    let wished = presses(&mut browser, &page, ("besides", "1"), &[]).await;
    let code = app.sms().code_to(PHONE).await;
    let page = browser.submit(&wished, "code", &[("code", &code)]).await;
    assert_eq!(view(&mut browser, &page).await["enrolling"], true);
    let back = presses(&mut browser, &page, ("action", "not_now"), &[]).await;
    assert!(back.answer("code").is_some(), "that was all that was left: {}", back.body);
    assert_eq!(app.exchange(&back).await.status, 200);
    assert!(apps(&app, &alice).await.is_empty());
}

#[tokio::test]
async fn nothing_is_offered_or_taken_up_where_the_chain_does_not_say_allow() {
    for policy in ["require", "refuse"] {
        let app = house(policy).await;
        app.alice().await;
        let mut browser = app.browser();
        let page = password(&app, &mut browser).await;
        assert!(!page.body.contains("Set up another way"), "{policy}");
        let told = browser.submit(&page, "version", &[("besides", "1")]).await;
        assert!(!told.body.contains("Not now"), "{policy}: {}", told.body);
        let shown = view(&mut browser, &told).await;
        assert_eq!((&shown["besides"], &shown["wished"]), (&json!([]), &Value::Null), "{policy}");
        let code = app.sms().code_to(PHONE).await;
        assert!(browser.submit(&told, "code", &[("code", &code)]).await.answer("code").is_some(), "{policy}");
    }
}

#[tokio::test]
async fn a_wish_needs_the_form_of_the_present_page() {
    let app = house("allow").await;
    app.alice().await;
    let mut browser = app.browser();
    let page = password(&app, &mut browser).await;
    let version = page.form_with("version").inputs.into_iter().find(|(name, _)| name == "version").unwrap().1;
    for csrf in ["", "x"] {
        let fields = [("version", version.as_str()), ("csrf", csrf), ("besides", "1")];
        assert_eq!(browser.post(page.url.as_str(), &fields).await.status, 403, "{csrf:?}");
    }
    let mut foreign = browser.clone();
    foreign.headers.push(("sec-fetch-site".into(), "cross-site".into()));
    let answer = presses(&mut foreign, &page, ("besides", "1"), &[]).await;
    assert_eq!(answer.status, 403);
    let mut other = app.browser();
    let answer = presses(&mut other, &page, ("besides", "1"), &[]).await;
    assert!(answer.status.is_client_error(), "not from another browser: {}", answer.status);
    // The page of before, and what is not there.
    let told = presses(&mut browser, &page, ("besides", "1"), &[("version", "1")]).await;
    assert!(!told.body.contains("Not now"), "{}", told.body);
    for wish in ["0", "2", "18446744073709551615"] {
        let told = browser.submit(&page, "version", &[("besides", wish)]).await;
        assert!(!told.body.contains("Not now"), "{wish}: {}", told.body);
    }
    assert_eq!(view(&mut browser, &page).await["wished"], Value::Null);
}

#[tokio::test]
async fn a_program_wishes_too() {
    let app = house("allow").await;
    app.alice().await;
    let mut browser = app.browser();
    let page = password(&app, &mut browser).await;
    browser.headers.push(("accept".into(), "application/json".into()));
    let shown = browser.get(page.url.as_str()).await.json();
    assert_eq!(
        shown["besides"],
        json!([{ "besides": 1, "authenticator": "totp", "label": shown["besides"][0]["label"] }])
    );
    let act = |shown: &Value, more: (&str, Value)| {
        let mut body = json!({ "version": shown["version"], "csrf": shown["csrf"] });
        body[more.0] = more.1;
        body
    };
    let wished = browser.post_json(page.url.as_str(), &act(&shown, ("besides", json!(1)))).await.json();
    assert_eq!((&wished["besides"], &wished["wished"]["key"]), (&json!([]), &json!("totp.label")), "{wished}");
    let back = browser.post_json(page.url.as_str(), &act(&wished, ("action", json!("not_now")))).await.json();
    assert_eq!((&back["wished"], &back["besides"]), (&Value::Null, &shown["besides"]), "{back}");
}
