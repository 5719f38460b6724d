//! Attacks on one-time codes and on the messages that carry them.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use vestibule_authn_smsotp::testing::{FakeGateway, Reply};
use vestibule_core::{
    Clock as _, Time,
    channel::Message,
    id::MessageId,
    outbox::{self, Posted},
    random::SystemRandom,
    store::StoreExt as _,
    user::User,
};
use vestibule_server::state::Transaction;

use crate::{
    house::{
        Database, at_once, at_the_code, audited, behind_a_proxy, browser_in, on_both_databases, quick, rows,
        sixteen_places, view, waits,
    },
    support::{Browser, PHONE, Page, TestApp},
};

on_both_databases! {
    a_071_budgets_outlive_logins_and_restarts,
    a_074_the_right_code_sixteen_times_passes_once,
    a_135_an_outbox_behind_a_gateway_that_hangs_holds_no_connection,
}

/// A code of the same length that is not the right one.
fn wrong(code: &str) -> String {
    let other = if code.starts_with('9') { "8" } else { "9" };
    format!("{other}{}", &code[1..])
}

/// Gives wrong codes until the challenge is dead.
async fn burn(browser: &mut Browser, mut page: Page, code: &str) -> Page {
    for _ in 0..5 {
        page = browser.submit(&page, "version", &[("code", &wrong(code))]).await;
    }
    page
}

async fn a_071_budgets_outlive_logins_and_restarts(database: Database) {
    let Some(mut app) = database.start().await else { return };
    app.alice().await;
    for _ in 0..2 {
        let mut browser = app.browser();
        let page = at_the_code(&app, &mut browser).await;
        let code = app.sms().code_to(PHONE).await;
        // The wait for another try shall be longer than the one for another message.
        app.advance(20);
        let page = burn(&mut browser, page, &code).await;
        let dead = browser.submit(&page, "version", &[("code", &code)]).await;
        assert!(dead.answer("code").is_none(), "the code is dead");
        app.advance(11);
    }
    // Ten wrong tries are the budget; neither another instance nor a restart knows less.
    let other = match database {
        Database::Postgres => Some(app.beside().await),
        Database::Sqlite => {
            app = app.restarted().await;
            None
        }
    };
    let place = other.as_ref().unwrap_or(&app).place();
    let mut browser = Browser::new(&place);
    app.outbox.clear();
    let page = at_the_code(&app, &mut browser).await;
    let code = app.sms().code_to(PHONE).await;
    let page = browser.submit(&page, "code", &[("code", &code)]).await;
    assert!(page.answer("code").is_none(), "the right code has to wait, too");
    assert!(waits(&mut browser, &page).await);
    assert_eq!(audited(&app, "otp.limited").await.len(), 2, "this one, and the one for the dead code");
    app.advance(31);
    let page = browser.get(page.url.as_str()).await;
    let back = browser.submit(&page, "code", &[("code", &code)]).await;
    assert!(back.answer("code").is_some(), "the wait is over, and the code is still alive");
}

#[tokio::test]
async fn a_072_a_hundred_failures_over_many_networks_close_the_way() {
    let app = TestApp::start_with(behind_a_proxy).await;
    app.alice().await;
    let sms = json!({ "authenticator": "smsotp", "connection": "SMSOTP", "settings": { "tries": 10 } });
    app.chain("default", json!([["password"], [sms]])).await;
    let mut wrongs = 0;
    for network in 0..10 {
        let mut browser = browser_in(&app, &format!("203.0.113.{network}"));
        let mut page = at_the_code(&app, &mut browser).await;
        let code = app.sms().code_to(PHONE).await;
        for _ in 0..10 {
            page = browser.submit(&page, "code", &[("code", &wrong(&code))]).await;
            wrongs += 1;
        }
        app.advance(400);
        app.outbox.clear();
    }
    assert_eq!((wrongs, audited(&app, "otp.rejected").await.len()), (100, 100));
    let mut browser = browser_in(&app, "203.0.113.200");
    let page = at_the_code(&app, &mut browser).await;
    let code = app.sms().code_to(PHONE).await;
    let page = browser.submit(&page, "code", &[("code", &code)]).await;
    assert_eq!(page.status, 429);
    let (_, shown) = view(&mut browser, &page).await;
    assert_eq!(shown["notice"], json!({ "kind": "limited", "retry_at": null, "sends": false }));
    assert_eq!(audited(&app, "otp.limited").await.len(), 1);
}

#[tokio::test]
async fn a_073_a_code_is_for_one_run_of_one_person() {
    let app = TestApp::start().await;
    app.alice().await;
    app.user("bob", "bob", Some("+491707654321")).await;
    let mut first = app.browser();
    let page_of_first = at_the_code(&app, &mut first).await;
    let old = app.sms().code_to(PHONE).await;
    app.advance(31);
    app.outbox.clear();
    let mut second = app.browser();
    let page = at_the_code(&app, &mut second).await;
    let new = app.sms().code_to(PHONE).await;
    assert_ne!(old, new);
    let page = second.submit(&page, "code", &[("code", &old)]).await;
    assert!(page.answer("code").is_none(), "a code of an earlier run");
    // With the challenge of the other run named, too.
    let form = page_of_first.form_with("code");
    let foreign = form.inputs.iter().find(|(name, _)| name == "challenge").unwrap().1.clone();
    let page = second.submit(&page, "code", &[("code", &old), ("challenge", &foreign)]).await;
    assert!(page.answer("code").is_none());
    let mut bob = app.browser();
    let at_bob = bob.open(&app.authorize(&[])).await;
    let at_bob = bob.submit(&at_bob, "password", &[("username", "bob"), ("password", "bob")]).await;
    assert!(bob.submit(&at_bob, "code", &[("code", &new)]).await.answer("code").is_none(), "alice's code for bob");
    let page = second.get(page.url.as_str()).await;
    assert!(second.submit(&page, "code", &[("code", &new)]).await.answer("code").is_some());
}

async fn a_074_the_right_code_sixteen_times_passes_once(database: Database) {
    let Some((app, second)) = database.start_two().await else { return };
    app.alice().await;
    let mut browser = app.browser();
    let page = at_the_code(&app, &mut browser).await;
    let code = app.sms().code_to(PHONE).await;
    let press = |place: String| {
        let (mut browser, page, code) = (browser.elsewhere(&place), page.at(&place), code.clone());
        async move { browser.submit(&page, "code", &[("code", &code)]).await }
    };
    let answers = at_once(sixteen_places(&app, second.as_ref()).into_iter().map(press)).await;
    let codes: std::collections::BTreeSet<_> = answers.iter().filter_map(|answer| answer.answer("code")).collect();
    assert_eq!(codes.len(), 1, "whoever is answered is answered the same");
    assert_eq!(audited(&app, "otp.passed").await.len(), 1);
    assert_eq!(audited(&app, "login.completed").await.len(), 1);
    assert_eq!((rows(&app, "grants"), rows(&app, "sessions"), rows(&app, "codes")), (1, 1, 1));
}

#[tokio::test]
async fn a_075_a_code_a_second_too_old_is_rejected() {
    let app = TestApp::start().await;
    app.alice().await;
    for (age, passes) in [(299, true), (301, false)] {
        app.outbox.clear();
        let mut browser = app.browser();
        let page = at_the_code(&app, &mut browser).await;
        let code = app.sms().code_to(PHONE).await;
        app.advance(age);
        let page = browser.submit(&page, "code", &[("code", &code)]).await;
        assert_eq!(page.answer("code").is_some(), passes, "{age} s");
    }
}

#[tokio::test]
async fn a_076_an_odd_code_is_normalised_or_rejected() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let page = at_the_code(&app, &mut browser).await;
    let code = app.sms().code_to(PHONE).await;
    let (status, shown) = view(&mut browser, &page).await;
    assert_eq!(status, 200);
    let at = page.url.to_string();
    browser.headers.push(("accept".into(), "application/json".into()));
    let body = |value: Value| json!({ "version": shown["version"], "csrf": shown["csrf"], "challenge": shown["challenge"]["id"], "code": value });
    for odd in [json!(null), json!([code]), json!({ "is": code }), json!(true), json!(1.5)] {
        let answer = browser.post_json(&at, &body(odd.clone())).await;
        assert_eq!((answer.status.as_u16(), answer.json()["member"].as_str()), (422, Some("code")), "{odd}");
    }
    browser.headers.pop();
    let tries = async |browser: &mut Browser, typed: &str| {
        let page = browser.get(&at).await;
        browser.submit(&page, "code", &[("code", typed)]).await
    };
    for empty in ["", " ", "\u{3000}\t"] {
        assert!(tries(&mut browser, empty).await.answer("code").is_none());
    }
    assert!(audited(&app, "otp.rejected").await.is_empty(), "nothing typed is no try");
    let full_width: String = code.chars().map(|c| char::from_u32(c as u32 + 0xfee0).unwrap()).collect();
    for odd in [&format!("{full_width}0"), &format!("{code}0"), &code[..5].to_owned()] {
        assert!(tries(&mut browser, odd).await.answer("code").is_none(), "{odd:?}");
    }
    assert_eq!(audited(&app, "otp.rejected").await.len(), 3);
    assert_eq!(tries(&mut browser, &format!("{code}\0")).await.status, 400, "no form at all");
    let wide: String = full_width.chars().take(3).collect();
    let spaced = format!(" {wide} {}\u{a0}", &code[3..]);
    let passed = tries(&mut browser, &spaced).await;
    assert!(passed.answer("code").is_some(), "as people paste it: {}", passed.body);
    // The same code in another spelling is the same code.
    let again = browser.submit(&page, "code", &[("code", &format!("{}-{}", &code[..3], &code[3..]))]).await;
    assert_eq!(again.answer("code"), passed.answer("code"));
    assert_eq!((audited(&app, "otp.passed").await.len(), rows(&app, "grants")), (1, 1));
}

#[tokio::test]
async fn a_077_a_message_too_soon_or_too_often_never_reaches_the_gateway() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let mut page = at_the_code(&app, &mut browser).await;
    let again = [("action", "resend")];
    for _ in 0..3 {
        page = browser.submit(&page, "version", &again).await;
        assert!(waits(&mut browser, &page).await);
    }
    assert_eq!(app.sms().count_to(PHONE), 1, "it cools down");
    for _ in 0..5 {
        app.advance(31);
        page = browser.submit(&page, "version", &again).await;
    }
    assert_eq!(app.sms().count_to(PHONE), 6);
    app.advance(31);
    page = browser.submit(&page, "version", &again).await;
    assert!(waits(&mut browser, &page).await);
    // Nor by the button of an old page, or in another tab.
    let (mut tab, old) = (browser.clone(), page.clone());
    tab.submit(&old, "version", &again).await;
    assert_eq!(app.sms().count_to(PHONE), 6, "five more an hour");
    assert!(!audited(&app, "otp.limited").await.is_empty());
}

#[tokio::test]
async fn a_078_pumping_a_range_of_numbers_runs_dry() {
    let app = TestApp::start_with(|settings| settings.limits.budgets.sends_to_prefix.limit = 3).await;
    for number in 0..5 {
        app.user(&format!("u{number}"), "secret", Some(&format!("+49170123450{number}"))).await;
    }
    app.user("costly", "secret", Some("+4990012345678")).await;
    for number in 0..5 {
        let mut browser = app.browser();
        let page = browser.open(&app.authorize(&[])).await;
        let name = format!("u{number}");
        let page = browser.submit(&page, "password", &[("username", &name), ("password", "secret")]).await;
        let sent = app.sms().count_to(&format!("+49170123450{number}"));
        assert_eq!(sent, usize::from(number < 3), "{name}");
        assert_eq!(waits(&mut browser, &page).await, number >= 3, "{name}");
    }
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "costly"), ("password", "secret")]).await;
    assert!(page.answer("code").is_none());
    assert_eq!(app.outbox.messages().len(), 3, "a premium number is never written to");
}

/// Takes the way that is offered, where one has to say so.
async fn takes_the_way(browser: &mut Browser, page: Page) -> Page {
    let buttons = page.forms().into_iter().flat_map(|form| form.buttons);
    let ways: Vec<_> = buttons.filter(|(name, _)| name == "alternative").map(|(_, way)| way).collect();
    match ways.as_slice() {
        [way] => browser.submit(&page, "csrf", &[("alternative", way)]).await,
        _ => page,
    }
}

/// Alice's page after her password, where a phone is asked for.
async fn at_the_number(app: &TestApp, browser: &mut Browser) -> Page {
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    assert!(page.form_with("csrf").has_input("number"), "{}", page.body);
    page
}

/// A server that captures a number at a login, by a connection with these settings.
async fn capturing(settings: Value) -> (TestApp, User) {
    let app = TestApp::start_with(|settings| settings.limits.budgets.cooldown = Duration::ZERO).await;
    app.connection("SMSOTP", settings).await;
    let way = json!([{ "authenticator": "smsotp", "connection": "SMSOTP" }]);
    app.chain("default", json!([["password"], { "alternatives": way, "enrol": "require" }])).await;
    let alice = app.user("alice", "alice", None).await;
    (app, alice)
}

#[tokio::test]
async fn a_078_a_number_that_is_not_allowed_is_refused_in_words_and_no_gateway_is_called() {
    let fake = FakeGateway::start().await.unwrap();
    let url = fake.url("/send?to=$ctx.num&text=$ctx.msg");
    let (app, alice) = capturing(json!({ "url": url, "allowed_prefixes": ["+49"] })).await;
    let mut browser = app.browser();
    let mut page = at_the_number(&app, &mut browser).await;
    for (typed, words) in [
        ("", "enter a phone number"),
        ("alice", "no phone number that we can read"),
        ("0170 1234567", "no phone number that we can read"),
        ("+1 202 555 0142", "do not send messages to numbers of this kind"),
        ("+49 900 1 234567", "do not send messages to numbers of this kind"),
        ("+1 900 234 5678", "do not send messages to numbers of this kind"),
    ] {
        page = browser.submit(&page, "number", &[("number", typed)]).await;
        assert!(page.body.contains(words), "{typed}: {}", page.body);
        assert!(page.form_with("csrf").has_input("number"), "asked again: {}", page.body);
    }
    assert_eq!(fake.received(), []);
    assert_eq!(app.read(move |tx| tx.user(alice.id)).await.unwrap().phone_number, None);
    browser.submit(&page, "number", &[("number", "+49 170 1234567")]).await;
    assert_eq!(fake.received().len(), 1, "this one is");
}

#[tokio::test]
async fn a_080_a_number_is_captured_by_its_code_and_changed_only_by_a_proof_of_the_old_one_which_is_told() {
    let (app, alice) = capturing(json!({ "preset": "outbox" })).await;
    let number = async || app.read(move |tx| tx.user(alice.id)).await.unwrap().phone_number;
    let mut browser = app.browser();
    let page = at_the_number(&app, &mut browser).await;
    let page = browser.submit(&page, "number", &[("number", "+49 170 1234567")]).await;
    let code = app.sms().code_to(PHONE).await;
    let page = browser.submit(&page, "code", &[("code", &wrong(&code))]).await;
    assert_eq!(number().await, None, "nothing before the code");
    assert!(browser.submit(&page, "code", &[("code", &code)]).await.answer("code").is_some());
    assert_eq!((number().await.as_deref(), audited(&app, "number.captured").await.len()), (Some(PHONE), 1));

    // The next time the number is used, and no other is asked for.
    let mut thief = app.browser();
    let page = at_the_code(&app, &mut thief).await;
    let page = thief.submit(&page, "version", &[("number", "+491709999999"), ("code", "")]).await;
    assert!(!page.form_with("csrf").has_input("number"));
    // Nor in a chain where the password alone would do, which the portal obeys: the old phone is asked first.
    app.chain("plain", json!([["password"]])).await;
    app.portal_obeys(Some("plain")).await;
    let mut browser = app.browser();
    let page = browser.open("/portal/factors").await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let csrf = page.form_with("csrf").inputs.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
    let sent = app.sms().count_to(PHONE);
    let answer = browser.post("/portal/factors/add/smsotp", &[("csrf", &csrf)]).await;
    let mut page = browser.follow(answer).await;
    assert!(page.url.path().starts_with("/interaction/"), "{}", page.url);
    assert!(!page.form_with("csrf").has_input("number"), "{}", page.body);
    page = takes_the_way(&mut browser, page).await;
    app.sms().wait_for(PHONE, sent + 1).await;
    let code = app.sms().code_to(PHONE).await;
    let page = browser.submit(&page, "code", &[("code", &code)]).await;
    let page = takes_the_way(&mut browser, page).await;
    let page = browser.submit(&page, "number", &[("number", "+49 170 7654321")]).await;
    let code = app.sms().code_to("+491707654321").await;
    assert_eq!(number().await.as_deref(), Some(PHONE));
    browser.submit(&page, "code", &[("code", &code)]).await;
    assert_eq!(number().await.as_deref(), Some("+491707654321"));
    app.sms().wait_for(PHONE, sent + 2).await;
    let told = app.sms().latest_to(PHONE).await;
    assert!(told.contains("another phone number") && !told.contains('#'), "{told}");
    let [changed] = audited(&app, "number.changed").await.try_into().unwrap();
    assert_eq!(changed.details["told"], "+49 ••• ••• ••67");
}

#[tokio::test]
async fn a_078_a_connection_has_limits_of_its_own_a_day_and_for_numbers_that_begin_alike() {
    for (limits, sent, later) in [
        (json!({ "messages_a_day": 2 }), [true, true, false, false], 86_401),
        (json!({ "messages_to_prefix": 1 }), [true, false, true, false], 3_601),
    ] {
        let app = TestApp::start().await;
        let fake = FakeGateway::start().await.unwrap();
        let mut settings = limits.clone();
        settings["url"] = fake.url("/send?to=$ctx.num&text=$ctx.msg").into();
        app.connection("SMSOTP", settings).await;
        let numbers = ["+491701234500", "+491701234501", "+491519876500", "+491519876501"];
        for (number, phone) in numbers.into_iter().enumerate() {
            app.user(&format!("u{number}"), "secret", Some(phone)).await;
        }
        for (number, leaves) in sent.into_iter().enumerate() {
            let before = fake.received().len();
            let mut browser = app.browser();
            let page = browser.open(&app.authorize(&[])).await;
            let name = format!("u{number}");
            let page = browser.submit(&page, "password", &[("username", &name), ("password", "secret")]).await;
            assert_eq!(fake.received().len() - before, usize::from(leaves), "{limits} {name}");
            assert_eq!(waits(&mut browser, &page).await, !leaves, "{limits} {name}");
        }
        assert!(!audited(&app, "otp.limited").await.is_empty());
        app.advance(later);
        let before = fake.received().len();
        let mut browser = app.browser();
        let page = browser.open(&app.authorize(&[])).await;
        browser.submit(&page, "password", &[("username", "u3"), ("password", "secret")]).await;
        assert_eq!(fake.received().len() - before, 1, "another day: {limits}");
    }
}

#[tokio::test]
async fn a_message_goes_by_the_next_gateway_and_the_log_says_who_carried_it() {
    let app = TestApp::start().await;
    app.alice().await;
    let (first, second) = (FakeGateway::start().await.unwrap(), FakeGateway::start().await.unwrap());
    first.answer(403, "no credit");
    for (name, fake) in [("FIRST", &first), ("SECOND", &second)] {
        app.connection(name, json!({ "url": fake.url("/send?to=$ctx.num&text=$ctx.msg") })).await;
    }
    app.connection("SMSOTP", json!({ "via": [{ "connection": "FIRST" }, { "connection": "SECOND" }] })).await;
    at_the_code(&app, &mut app.browser()).await;
    assert_eq!((first.received().len(), second.received().len()), (1, 1));
    let [sent] = audited(&app, "otp.sent").await.try_into().unwrap();
    assert_eq!((sent.details["connection"].as_str(), sent.details["gateway"].as_str()), ("SMSOTP", "SECOND"));
    assert_eq!(sent.details["passed_over"], "FIRST: HTTP 403: no credit");
}

#[tokio::test]
async fn a_receipt_is_taken_once_from_whoever_knows_the_secret() {
    let app = TestApp::start().await;
    app.alice().await;
    let fake = FakeGateway::start().await.unwrap();
    fake.answer(200, r#"{"id":"m-1"}"#);
    let secret = "0123456789abcdef";
    let told = json!({ "type": "generic", "reference": "/id", "state": "/state", "why": "/why", "delivered": ["ok"], "undelivered": ["gone"] });
    let settings = json!({ "url": fake.url("/send?to=$ctx.num&text=$ctx.msg"), "reference": "id", "receipts": told, "secrets": { "receipts": secret } });
    app.connection("GATEWAY", settings.clone()).await;
    app.connection("OTHER", settings).await;
    app.connection("SMSOTP", json!({ "via": [{ "connection": "GATEWAY" }] })).await;
    let mut browser = app.browser();
    let page = at_the_code(&app, &mut browser).await;
    let mut vendor = app.browser();
    let gone = json!({ "id": "m-1", "state": "gone", "why": "barred" });
    for (path, body, status) in [
        (format!("/gateways/GATEWAY/receipts/{secret}0"), gone.clone(), 404),
        (format!("/gateways/NOBODY/receipts/{secret}"), gone.clone(), 404),
        (format!("/gateways/OTHER/receipts/{secret}"), gone.clone(), 404),
        (format!("/gateways/SMSOTP/receipts/{secret}"), gone.clone(), 404),
        (format!("/gateways/GATEWAY/receipts/{secret}"), json!({ "id": "m-2", "state": "gone" }), 404),
        (format!("/gateways/GATEWAY/receipts/{secret}"), json!(["m-1"]), 404),
        (format!("/gateways/GATEWAY/receipts/{secret}"), json!({ "id": "m-1", "state": "on its way" }), 204),
        (format!("/gateways/GATEWAY/receipts/{secret}"), json!({ "id": "m".repeat(20_000), "state": "gone" }), 413),
    ] {
        assert_eq!(vendor.post_json(&path, &body).await.status, status, "{path} {body}");
    }
    let (_, shown) = view(&mut browser, &page).await;
    assert_eq!(shown["challenge"]["sent"], "accepted", "{shown}");
    assert!(audited(&app, "otp.undelivered").await.is_empty());

    let path = format!("/gateways/GATEWAY/receipts/{secret}");
    assert_eq!(vendor.post_json(&path, &gone).await.status, 204);
    assert_eq!(vendor.post_json(&path, &gone).await.status, 404, "once");
    let [event] = audited(&app, "otp.undelivered").await.try_into().unwrap();
    assert_eq!((event.details["answer"].as_str(), event.client.as_deref()), ("gone (barred)", Some("shop")));
    let (_, shown) = view(&mut browser, &page).await;
    assert_eq!(shown["challenge"]["sent"], "refused", "{shown}");
    // Another one may be asked for at once, and that one arrives.
    fake.answer(200, r#"{"id":"m-3"}"#);
    let page = browser.get(page.url.as_str()).await;
    browser.submit(&page, "version", &[("action", "resend")]).await;
    assert_eq!(fake.received().len(), 1, "the number still cools down");
    app.advance(31);
    let page = browser.get(page.url.as_str()).await;
    browser.submit(&page, "version", &[("action", "resend")]).await;
    assert_eq!(vendor.post_json(&path, &json!({ "id": "m-3", "state": "ok" })).await.status, 204);
    assert_eq!(audited(&app, "otp.delivered").await.len(), 1);
}

/// Two gateways of one route that call their messages alike: what one of them says is of its own messages alone.
#[tokio::test]
async fn a_082_the_receipt_of_one_gateway_settles_no_message_of_another() {
    let app = TestApp::start().await;
    app.alice().await;
    let (first, second) = (FakeGateway::start().await.unwrap(), FakeGateway::start().await.unwrap());
    first.answer(403, "no credit");
    second.answer(200, r#"{"id":"m-1"}"#);
    let told = json!({ "type": "generic", "reference": "/id", "state": "/state", "delivered": ["ok"], "undelivered": ["gone"] });
    let (own, other) = ("0123456789abcdef", "fedcba9876543210");
    for (name, fake, secret) in [("FIRST", &first, own), ("SECOND", &second, other)] {
        let settings = json!({ "url": fake.url("/send?to=$ctx.num&text=$ctx.msg"), "reference": "id", "receipts": told, "secrets": { "receipts": secret } });
        app.connection(name, settings).await;
    }
    app.connection("SMSOTP", json!({ "via": [{ "connection": "FIRST" }, { "connection": "SECOND" }] })).await;
    let mut browser = app.browser();
    let page = at_the_code(&app, &mut browser).await;
    let (mut vendor, gone) = (app.browser(), json!({ "id": "m-1", "state": "gone" }));
    let path = format!("/gateways/FIRST/receipts/{own}");
    assert_eq!(vendor.post_json(&path, &gone).await.status, 404, "SECOND carried it");
    let (_, shown) = view(&mut browser, &page).await;
    assert_eq!(shown["challenge"]["sent"], "accepted", "{shown}");
    let path = format!("/gateways/SECOND/receipts/{other}");
    assert_eq!(vendor.post_json(&path, &gone).await.status, 204);
    let [event] = audited(&app, "otp.undelivered").await.try_into().unwrap();
    assert_eq!(event.details["gateway"], "SECOND");
}

#[tokio::test]
async fn a_079_who_proved_nothing_sends_nothing_and_sees_the_same() {
    let app = TestApp::start().await;
    app.alice().await;
    app.user("bobby", "bobby", None).await;
    // By password first: nothing is sent before it is right.
    for (name, password) in [("alice", "wrong"), ("nobod", "wrong"), ("alice", "")] {
        let mut browser = app.browser();
        let page = browser.open(&app.authorize(&[])).await;
        browser.submit(&page, "password", &[("username", name), ("password", password)]).await;
    }
    assert!(app.outbox.messages().is_empty());
    // By code first: somebody with a number, somebody without one, and nobody are answered alike.
    app.chain("default", json!([[{ "authenticator": "smsotp", "connection": "SMSOTP" }]])).await;
    let mut seen = Vec::new();
    for name in ["alice", "bobby", "nobod"] {
        let mut browser = app.browser();
        let page = browser.open(&app.authorize(&[])).await;
        let mut page = browser.submit(&page, "username", &[("username", name)]).await;
        for step in 0..7 {
            let form = page.form_with("csrf");
            let secret = |wanted: &str| form.inputs.iter().find(|(name, _)| name == wanted).map(|(_, v)| v.clone());
            let mut body =
                page.body.replace(page.url.path(), "").replace(&secret("csrf").unwrap(), "").replace(name, "");
            if let Some(challenge) = secret("challenge").filter(|challenge| !challenge.is_empty()) {
                body = body.replace(&challenge, "");
            }
            let id = page.url.path().trim_start_matches("/interaction/").to_owned();
            seen.push((step, page.status.as_u16(), body.replace(&id, "")));
            if form.has_input("code") {
                page = browser.submit(&page, "code", &[("code", "000000")]).await;
            }
        }
    }
    let (first, others) = seen.split_at(7);
    for other in others.chunks(7) {
        assert_eq!(first, other);
    }
    assert_eq!(app.outbox.messages().len(), 1, "alice's own");
}

/// A gateway of the test's own, and the settings of a connection to it.
async fn gateway(app: &TestApp, more: Value) -> FakeGateway {
    let gateway = FakeGateway::start().await.unwrap();
    let mut settings = json!({ "url": gateway.url("/send?to=$ctx.num&text=$ctx.msg"), "timeout_seconds": 1 });
    for (name, value) in more.as_object().unwrap() {
        settings[name] = value.clone();
    }
    app.connection("SMSOTP", settings).await;
    gateway
}

#[tokio::test]
async fn a_081_a_name_full_of_syntax_stays_text_in_what_is_sent() {
    let app = TestApp::start().await;
    app.alice().await;
    let name = "S\"h&o'p</x>\\ {{code}} $ctx.otp %0d%0aX-Evil: 1";
    let shop = json!({ "id": "shop", "name": name, "redirect_uris": [crate::support::CALLBACK], "consent": "skip" });
    app.client(shop).await;
    let headers = json!([{ "name": "X-To", "value": "{{mobile}}" }]);
    let json = json!({
        "url": "", "content_type": "json", "headers": headers, "body": r#"{"text":"{{body}}","to":["{{mobile}}"]}"#,
    });
    for (more, as_json) in [(json!({ "headers": headers }), false), (json, true)] {
        let gateway = FakeGateway::start().await.unwrap();
        let mut settings = more;
        let path = if as_json { "/send" } else { "/send?to=$ctx.num&text=$ctx.msg" };
        settings["url"] = gateway.url(path).into();
        app.connection("SMSOTP", settings).await;
        app.advance(31);
        let mut browser = app.browser();
        let page = at_the_code(&app, &mut browser).await;
        let received = gateway.received();
        assert_eq!(received.len(), 1, "{}", page.body);
        let received = &received[0];
        let (message, to) = if as_json {
            let body: Value = serde_json::from_str(&received.body).unwrap();
            assert_eq!(body.as_object().unwrap().len(), 2);
            (body["text"].as_str().unwrap().to_owned(), body["to"][0].as_str().unwrap().to_owned())
        } else {
            assert_eq!(received.query.matches('&').count(), 1);
            (received.query("text").unwrap(), received.query("to").unwrap())
        };
        assert_eq!(to, PHONE);
        assert_eq!((received.header("x-to"), received.header("x-evil")), (Some(PHONE), None));
        let code = message.lines().last().unwrap().rsplit_once('#').unwrap().1.to_owned();
        assert_eq!(message.matches(&code).count(), 2, "in the text and for the phone, and nowhere else: {message}");
        assert!(message.contains("S\"h&o'p</x>\\"), "{message}");
        assert!(browser.submit(&page, "code", &[("code", &code)]).await.answer("code").is_some());
    }
}

#[tokio::test]
async fn a_082_a_gateway_on_a_bad_day_is_told_in_time_and_costs_nothing() {
    let app = TestApp::start_with(|settings| settings.limits.budgets.sends_to.limit = 100).await;
    app.alice().await;
    let rule = json!({ "success": { "body": [{ "json": { "path": "ok", "equals": true } }] } });
    let gateway = gateway(&app, rule).await;
    app.connection("SECOND", json!({ "preset": "outbox" })).await;
    let ways = ["SMSOTP", "SECOND"].map(|name| json!({ "authenticator": "smsotp", "connection": name }));
    app.chain("default", json!([["password"], ways])).await;
    let answer = |status, body: &str| Reply::Answer { status, body: body.to_owned() };
    let days = [
        (answer(200, r#"{"ok":false}"#), "refused"),
        (answer(200, "<html>It works!</html>"), "unknown"),
        (answer(500, r#"{"ok":true}"#), "unknown"),
        (Reply::Hang, "unknown"),
        (Reply::HangUp, "unknown"),
        (Reply::Drip(200), "unknown"),
        (Reply::Huge(200), "unknown"),
        (Reply::Redirect("http://127.0.0.1:9/elsewhere".to_owned()), "refused"),
    ];
    let mut calls = 0;
    for (reply, outcome) in days {
        gateway.reply(reply.clone());
        app.advance(31);
        let mut browser = app.browser();
        let page = at_the_code(&app, &mut browser).await;
        let began = Instant::now();
        let page = browser.submit(&page, "version", &[("alternative", "0")]).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{reply:?}: {:?}", began.elapsed());
        let (status, shown) = view(&mut browser, &page).await;
        assert_eq!((status, shown["challenge"]["sent"].as_str()), (200, Some(outcome)), "{reply:?}: {shown}");
        assert_eq!(shown["challenge"]["tries_left"], 5, "nothing is spent");
        assert!(!shown.to_string().contains("127.0.0.1"), "why is for the admin");
        calls += 1;
        assert_eq!(gateway.received().len(), calls, "one message, and no redirect followed");
        // The other way works. A message that may have come makes its number cool down.
        app.advance(31);
        app.outbox.clear();
        let page = browser.get(page.url.as_str()).await;
        let page = browser.submit(&page, "version", &[("alternative", "1")]).await;
        let code = app.sms().code_to(PHONE).await;
        assert!(browser.submit(&page, "code", &[("code", &code)]).await.answer("code").is_some(), "{reply:?}");
    }
    gateway.answer(200, r#"{"ok":true}"#);
    app.advance(31);
    let mut browser = app.browser();
    let page = at_the_code(&app, &mut browser).await;
    let page = browser.submit(&page, "version", &[("alternative", "0")]).await;
    let message = gateway.received().pop().unwrap().query("text").unwrap();
    let code = message.rsplit_once('#').unwrap().1.to_owned();
    assert!(browser.submit(&page, "code", &[("code", &code)]).await.answer("code").is_some(), "the next day");
}

#[tokio::test]
async fn a_135_hanging_gateways_do_not_slow_the_token_endpoint() {
    let app = TestApp::start_with(behind_a_proxy).await;
    quick(&app).await;
    crate::house::confidential(&app, "bank", "bank-secret").await;
    let gateway = gateway(&app, json!({ "timeout_seconds": 3 })).await;
    gateway.reply(Reply::Hang);
    app.chain("default", json!([[{ "authenticator": "smsotp", "connection": "SMSOTP" }]])).await;
    for number in 0..40 {
        app.user(&format!("u{number}"), "x", Some(&format!("+4917012345{number:02}"))).await;
    }
    let mut bank = crate::house::program(&app.place(), "bank", "bank-secret");
    let mut took = async || {
        let mut times = Vec::new();
        for _ in 0..20 {
            let began = Instant::now();
            let answer = bank.post("/oauth2/token", &[("grant_type", "client_credentials")]).await;
            assert_eq!(answer.status, 200);
            times.push(began.elapsed());
        }
        times.sort();
        times[10]
    };
    let before = took().await;
    let storm: Vec<_> = (0..40)
        .map(|number| {
            let mut browser = browser_in(&app, &format!("203.0.113.{number}"));
            let begin = app.authorize(&[]);
            tokio::spawn(async move {
                let page = browser.open(&begin).await;
                browser.submit(&page, "username", &[("username", &format!("u{number}"))]).await.status
            })
        })
        .collect();
    let began = Instant::now();
    while gateway.received().len() < 40 {
        assert!(began.elapsed() < Duration::from_secs(10), "only {} were asked for", gateway.received().len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let during = took().await;
    for login in storm {
        assert_eq!(login.await.unwrap(), 200, "who proved nothing does not wait for the gateway");
    }
    assert!(during < before * 4 + Duration::from_millis(50), "{before:?} before, {during:?} while they hang");
}

async fn a_135_an_outbox_behind_a_gateway_that_hangs_holds_no_connection(database: Database) {
    const MESSAGES: usize = 16;
    let Some(app) = database.start().await else { return };
    crate::house::confidential(&app, "bank", "bank-secret").await;
    let gateway = gateway(&app, json!({ "timeout_seconds": 8 })).await;
    gateway.reply(Reply::Hang);
    let (now, random) = (app.clock.now(), SystemRandom::default());
    let posted = (0..MESSAGES).map(|number| Posted {
        id: MessageId::new(now, &random),
        user: None,
        kind: "notice".to_owned(),
        connection: "SMSOTP".into(),
        message: Message {
            to: format!("+4917012345{number:02}"),
            subject: None,
            body: "Your number was changed.".into(),
            code: "".into(),
        },
        created_at: now,
        due_at: now,
        expires_at: now + outbox::LIFE,
        tries: 0,
    });
    let posted: Vec<_> = posted.collect();
    app.write(move |tx| posted.iter().try_for_each(|message| tx.post(message))).await;
    let began = Instant::now();
    while gateway.received().len() < MESSAGES {
        assert!(began.elapsed() < Duration::from_secs(6), "only {} are on their way", gateway.received().len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // More hang than the database has connections, and everybody else is served.
    let began = Instant::now();
    let jobs = (0..MESSAGES).map(|_| {
        let state = Arc::clone(&app.state);
        async move {
            state.store.write(|tx: &mut Transaction| tx.use_assertion(&"bank".into(), "once", Time(i64::MAX))).await
        }
    });
    let written = at_once(jobs).await;
    assert_eq!(written.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 1);
    let mut bank = crate::house::program(&app.place(), "bank", "bank-secret");
    for _ in 0..20 {
        assert_eq!(bank.post("/oauth2/token", &[("grant_type", "client_credentials")]).await.status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
}
