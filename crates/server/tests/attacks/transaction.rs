//! Attacks on codes that confirm a transaction (`/api/v1/otp`): by whoever holds the phone, by a program that wants to learn more
//! than it may, and by one that writes to the world at somebody else's cost.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use vestibule_authn_emailotp::testing::{MailServer, Security};
use vestibule_core::user::{LoginName, User};

use crate::{
    house::{Database, at_once, at_the_code, audited, on_both_databases, program, rows, sixteen_places},
    support::{Browser, PHONE, Page, TestApp},
};

on_both_databases! {
    a_071_the_budgets_of_transactions_outlive_a_restart_and_hold_on_another_instance,
    a_074_of_two_hundred_right_codes_for_a_transaction_one_passes,
}

const PURPOSE: &str = "Transfer of 120 EUR to X";

/// A program with these scopes.
async fn bank(app: &TestApp, place: &str, id: &str, scope: &str) -> Browser {
    let secret = format!("{id}-secret-{id}-secret-{id}");
    app.client(json!({
        "id": id, "name": "Bank", "secret": secret, "grant_types": ["client_credentials"],
        "scopes": ["otp:send", "admin:users.read"],
    }))
    .await;
    let form = [("grant_type", "client_credentials"), ("scope", scope)];
    let answer = program(place, id, &secret).post("/oauth2/token", &form).await;
    let token = answer.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned();
    crate::house::bearer(place, &token)
}

/// A bank that may read users, and alice.
async fn start() -> (TestApp, Browser) {
    let app = TestApp::start().await;
    app.alice().await;
    let bank = bank(&app, &app.place(), "bank", "otp:send admin:users.read").await;
    (app, bank)
}

async fn ask(bank: &mut Browser, user: &str) -> Page {
    bank.post_json("/api/v1/otp", &json!({ "user": user, "purpose": PURPOSE })).await
}

fn id(page: &Page) -> String {
    assert_eq!(page.status, 201, "{}", page.body);
    page.json()["id"].as_str().unwrap().to_owned()
}

async fn verify(bank: &mut Browser, id: &str, code: &str) -> Page {
    bank.post_json(&format!("/api/v1/otp/{id}/verify"), &json!({ "code": code })).await
}

async fn result(bank: &mut Browser, id: &str, code: &str) -> (String, Option<String>, u64) {
    let page = verify(bank, id, code).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let answer = page.json();
    let text = |name: &str| answer[name].as_str().map(str::to_owned);
    (text("result").unwrap(), text("reason"), answer["tries_left"].as_u64().unwrap())
}

fn no(reason: &str, tries_left: u64) -> (String, Option<String>, u64) {
    ("rejected".to_owned(), Some(reason.to_owned()), tries_left)
}

fn yes() -> (String, Option<String>, u64) {
    ("passed".to_owned(), None, 0)
}

/// That it is a refusal which says when to come again.
fn has_to_wait(page: &Page) -> u64 {
    assert_eq!(page.status, 429, "{}", page.body);
    assert!(page.json()["type"].as_str().unwrap().ends_with("/too-many-requests"));
    page.header("retry-after").parse().unwrap()
}

/// The code in the latest message to a number.
async fn code_to(app: &TestApp, phone: &str) -> String {
    let body = app.sms().latest_to(phone).await;
    let line = body.lines().nth(1).unwrap_or_else(|| panic!("{body}"));
    line.split(": ").nth(1).unwrap().chars().take_while(char::is_ascii_digit).collect()
}

fn wrong(code: &str) -> String {
    let other = if code.starts_with('9') { "8" } else { "9" };
    format!("{other}{}", &code[1..])
}

#[tokio::test]
async fn a_070_after_five_wrong_codes_for_a_transaction_the_right_one_is_dead() {
    let (app, mut bank) = start().await;
    let made = ask(&mut bank, "alice").await;
    let shown = made.json();
    assert_eq!((shown["to"].as_str(), shown["sent"].as_str()), (Some("+49 ••• ••• ••67"), Some("accepted")));
    assert_eq!((shown["purpose"].as_str(), shown["tries_left"].as_u64()), (Some(PURPOSE), Some(5)));
    let id = id(&made);
    let code = code_to(&app, PHONE).await;
    for left in (0..5).rev() {
        assert_eq!(result(&mut bank, &id, &wrong(&code)).await, no("wrong", left));
    }
    assert_eq!(result(&mut bank, &id, &code).await, no("dead", 0));
    let shown = bank.get(&format!("/api/v1/otp/{id}")).await.json();
    assert_eq!((shown["state"].as_str(), shown["verified_at"].is_null()), (Some("dead"), true));
    let again = bank.post_json(&format!("/api/v1/otp/{id}/resend"), &json!({})).await;
    assert_eq!(again.status, 409, "{}", again.body);
}

#[tokio::test]
async fn a_070_a_rehearsal_judges_no_code_and_sends_none() {
    let (app, mut bank) = start().await;
    let rehearsed = json!({ "user": "alice", "purpose": PURPOSE });
    assert_eq!(bank.post_json("/api/v1/otp?dry_run=true", &rehearsed).await.status, 400);
    assert_eq!(app.sms().count_to(PHONE), 0);
    let id = id(&ask(&mut bank, "alice").await);
    let code = code_to(&app, PHONE).await;
    for typed in [wrong(&code), code] {
        let path = format!("/api/v1/otp/{id}/verify?dry_run=true");
        let refused = bank.post_json(&path, &json!({ "code": typed })).await;
        assert_eq!((refused.status.as_u16(), refused.body.contains("passed")), (400, false), "{}", refused.body);
    }
    let shown = bank.get(&format!("/api/v1/otp/{id}")).await.json();
    assert_eq!((shown["state"].as_str(), shown["tries_left"].as_u64()), (Some("open"), Some(5)));
}

async fn a_071_the_budgets_of_transactions_outlive_a_restart_and_hold_on_another_instance(database: Database) {
    let Some(mut app) = database.start().await else { return };
    app.alice().await;
    let scope = "otp:send admin:users.read";
    let mut first = bank(&app, &app.place(), "bank", scope).await;
    for _ in 0..2 {
        let id = id(&ask(&mut first, "alice").await);
        let code = code_to(&app, PHONE).await;
        app.advance(31);
        for _ in 0..5 {
            verify(&mut first, &id, &wrong(&code)).await;
        }
        app.outbox.clear();
    }
    // Ten wrong tries are the budget; neither another instance nor a restart knows less.
    let other = match database {
        Database::Postgres => Some(app.beside().await),
        Database::Sqlite => {
            app = app.restarted().await;
            None
        }
    };
    let mut second = bank(&app, &other.as_ref().unwrap_or(&app).place(), "bank", scope).await;
    let id = id(&ask(&mut second, "alice").await);
    let code = code_to(&app, PHONE).await;
    let wait = has_to_wait(&verify(&mut second, &id, &code).await);
    assert!((1..=30).contains(&wait), "{wait}: the right code has to wait, too");
    assert!(!audited(&app, "otp.limited").await.is_empty());
    app.advance(31);
    assert_eq!(result(&mut second, &id, &code).await, yes());
}

#[tokio::test]
async fn a_071_a_number_has_one_budget_for_logins_and_transactions() {
    let (app, mut bank) = start().await;
    at_the_code(&app, &mut app.browser()).await;
    assert_eq!(app.sms().count_to(PHONE), 1);
    let wait = has_to_wait(&ask(&mut bank, "alice").await);
    assert!((1..=30).contains(&wait), "{wait}");
    assert_eq!(app.sms().count_to(PHONE), 1, "a message was just sent there");
    // However often a program asks, one person gets five an hour that they do not use.
    for _ in 0..8 {
        app.advance(31);
        ask(&mut bank, "alice").await;
    }
    assert_eq!(app.sms().count_to(PHONE), 6);
    has_to_wait(&ask(&mut bank, "alice").await);
    assert!(!audited(&app, "otp.limited").await.is_empty());
}

#[tokio::test]
async fn a_073_a_code_for_a_transaction_is_for_that_one_and_its_program() {
    let (app, mut first) = start().await;
    let mut other = bank(&app, &app.place(), "other", "otp:send").await;
    let old = id(&ask(&mut first, "alice").await);
    let old_code = code_to(&app, PHONE).await;
    app.advance(31);
    app.outbox.clear();
    let new = id(&ask(&mut first, "alice").await);
    let new_code = code_to(&app, PHONE).await;
    assert_ne!(old_code, new_code);
    assert_eq!(result(&mut first, &new, &old_code).await, no("wrong", 4));
    for (path, body) in [("verify", json!({ "code": new_code })), ("resend", json!({}))] {
        let refused = other.post_json(&format!("/api/v1/otp/{new}/{path}"), &body).await;
        assert_eq!(refused.status, 404, "{path}: {}", refused.body);
    }
    assert_eq!(other.get(&format!("/api/v1/otp/{new}")).await.status, 404);
    // It opens no login either, and a login's code confirms nothing.
    let mut browser = app.browser();
    app.advance(31);
    let page = at_the_code(&app, &mut browser).await;
    assert!(browser.submit(&page, "code", &[("code", &new_code)]).await.answer("code").is_none());
    assert_eq!(app.browser().get(&format!("/interaction/{new}")).await.status.as_u16() / 100, 4);
    assert_eq!(result(&mut first, &new, &new_code).await, yes());
    assert_eq!(result(&mut first, &old, &old_code).await, yes(), "two transactions wait side by side");
    assert_eq!((rows(&app, "sessions"), rows(&app, "grants"), rows(&app, "codes")), (0, 0, 0));
}

async fn a_074_of_two_hundred_right_codes_for_a_transaction_one_passes(database: Database) {
    let Some((app, second)) = database.start_two().await else { return };
    app.alice().await;
    let mut bank = bank(&app, &app.place(), "bank", "otp:send").await;
    let id = id(&ask(&mut bank, "alice").await);
    let code = code_to(&app, PHONE).await;
    let places = sixteen_places(&app, second.as_ref());
    // Another instance takes a new client up within two seconds.
    for place in &places[..2] {
        while bank.elsewhere(place).get(&format!("/api/v1/otp/{id}")).await.status == 401 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let places = places.into_iter().cycle().take(200);
    let press = |place: String| {
        let (mut bank, id, code) = (bank.elsewhere(&place), id.clone(), code.clone());
        async move { verify(&mut bank, &id, &code).await }
    };
    let answers = at_once(places.map(press)).await;
    let passed = answers.iter().filter(|answer| answer.status == 200 && answer.json()["result"] == "passed").count();
    assert_eq!(passed, 1);
    let others: BTreeSet<_> =
        answers.iter().map(|answer| (answer.status.as_u16(), answer.json()["reason"].to_string())).collect();
    let known = |answer: &(u16, String)| match answer {
        (200, reason) => ["null", "\"replayed\""].contains(&reason.as_str()),
        // Where instances race for a row, the loser may be told to come again: nothing of it was done.
        (status, _) => [429, 503].contains(status),
    };
    assert!(others.iter().all(known), "{others:?}");
    assert_eq!(audited(&app, "otp.passed").await.len(), 1);
    assert_eq!(result(&mut bank, &id, &code).await, no("replayed", 0));
}

#[tokio::test]
async fn a_075_a_code_for_a_transaction_a_second_too_old_is_rejected() {
    let (app, mut bank) = start().await;
    for (age, passes) in [(59, true), (61, false)] {
        app.outbox.clear();
        let body = json!({ "user": "alice", "purpose": PURPOSE, "life": 60 });
        let made = id(&bank.post_json("/api/v1/otp", &body).await);
        let code = code_to(&app, PHONE).await;
        app.advance(age);
        let expected = if passes { yes() } else { no("expired", 0) };
        assert_eq!(result(&mut bank, &made, &code).await, expected, "{age} s");
    }
    for life in [29, 301] {
        let body = json!({ "user": "alice", "purpose": PURPOSE, "life": life });
        let refused = bank.post_json("/api/v1/otp", &body).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["pointer"]), (400, &json!("/life")));
    }
}

#[tokio::test]
async fn a_076_an_odd_code_for_a_transaction_is_normalised_or_refused_uncounted() {
    let (app, mut bank) = start().await;
    let id = id(&ask(&mut bank, "alice").await);
    let code = code_to(&app, PHONE).await;
    for odd in [json!(null), json!([code]), json!(123_456), json!(""), json!("  "), json!("1".repeat(100))] {
        let refused = bank.post_json(&format!("/api/v1/otp/{id}/verify"), &json!({ "code": odd })).await;
        assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["pointer"]), (400, &json!("/code")), "{odd}");
    }
    assert_eq!(result(&mut bank, &id, &format!("{code}0")).await, no("wrong", 4), "those were no tries");
    assert_eq!(result(&mut bank, &id, &format!(" {}-{}\u{a0}", &code[..3], &code[3..])).await, yes());
}

#[tokio::test]
async fn a_077_a_message_for_a_transaction_too_soon_never_reaches_the_gateway() {
    let (app, mut bank) = start().await;
    let id = id(&ask(&mut bank, "alice").await);
    let code = code_to(&app, PHONE).await;
    let path = format!("/api/v1/otp/{id}/resend");
    for _ in 0..3 {
        has_to_wait(&bank.post_json(&path, &json!({})).await);
    }
    assert_eq!(app.sms().count_to(PHONE), 1);
    app.advance(31);
    let again = bank.post_json(&path, &json!({})).await;
    assert_eq!((again.status.as_u16(), again.json()["state"].as_str()), (200, Some("open")), "{}", again.body);
    assert_eq!((app.sms().count_to(PHONE), code_to(&app, PHONE).await), (2, code), "it is the same code");
}

#[tokio::test]
async fn a_078_a_program_that_pumps_a_range_of_numbers_runs_dry() {
    let app = TestApp::start_with(|settings| {
        settings.limits.budgets.sends_to_prefix.limit = 3;
        settings.limits.budgets.sends_for_program.limit = 6;
    })
    .await;
    let mut told = bank(&app, &app.place(), "bank", "otp:send admin:users.read").await;
    for number in 0..5 {
        let (name, phone) = (format!("u{number}"), format!("+49170123450{number}"));
        app.user(&name, "secret", Some(&phone)).await;
        let made = ask(&mut told, &name).await;
        assert_eq!((made.status.as_u16(), app.sms().count_to(&phone)), if number < 3 { (201, 1) } else { (429, 0) });
    }
    app.user("costly", "secret", Some("+4990012345678")).await;
    let refused = ask(&mut told, "costly").await;
    assert_eq!(refused.status, 409, "a premium number is never written to: {}", refused.body);
    assert_eq!(app.outbox.messages().len(), 3);
    assert!(!audited(&app, "otp.limited").await.is_empty());
    // What one program asks for has an end, wherever it goes.
    for (number, prefix) in ["151", "152", "157", "159", "160"].into_iter().enumerate() {
        let (name, phone) = (format!("v{number}"), format!("+49{prefix}12345678"));
        app.user(&name, "secret", Some(&phone)).await;
        ask(&mut told, &name).await;
    }
    assert_eq!(app.outbox.messages().len(), 6);
    has_to_wait(&ask(&mut told, "v4").await);
    let mut other = bank(&app, &app.place(), "other", "otp:send admin:users.read").await;
    assert_eq!(ask(&mut other, "v4").await.status, 201, "another one goes on");
}

/// An answer without what is another's each time.
fn shape(page: &Page) -> Value {
    let mut answer = page.json();
    for name in ["id", "reference", "instance", "created_at", "expires_at", "resend_at"] {
        if let Some(field) = answer.get_mut(name) {
            *field = json!("•");
        }
    }
    json!([page.status.as_u16(), answer])
}

#[tokio::test]
async fn a_079_a_program_that_may_not_read_users_finds_nobody_out() {
    let app = TestApp::start().await;
    let alice = app.alice().await;
    app.user("gone", "gone", Some("+491707654321")).await;
    app.user("bare", "bare", None).await;
    let gone = LoginName::parse("gone").unwrap();
    app.write(move |tx| {
        let user = tx.user_by_login(&gone)?.unwrap();
        tx.update_user(&User { disabled: true, ..user })
    })
    .await;
    let mut bank = bank(&app, &app.place(), "bank", "otp:send").await;
    let id_of_nobody = "018bcfe5-6800-7000-8000-000000000000";
    let seen = async |bank: &mut Browser, user: &str| {
        let made = ask(bank, user).await;
        let at = id(&made);
        let mut seen = vec![shape(&made), shape(&ask(bank, user).await)];
        seen.push(shape(&bank.get(&format!("/api/v1/otp/{at}")).await));
        seen.push(shape(&bank.post_json(&format!("/api/v1/otp/{at}/resend"), &json!({})).await));
        app.advance(31);
        seen.push(shape(&bank.post_json(&format!("/api/v1/otp/{at}/resend"), &json!({})).await));
        for _ in 0..6 {
            seen.push(shape(&verify(bank, &at, "0000000").await));
        }
        seen.push(shape(&bank.get(&format!("/api/v1/otp/{at}")).await));
        seen
    };
    let of_alice = seen(&mut bank, "alice").await;
    assert_eq!((&of_alice[0][1]["to"], &of_alice[0][1]["sent"]), (&Value::Null, &Value::Null));
    app.sms().wait_for(PHONE, 2).await;
    for other in ["nobody", "gone", "bare", id_of_nobody, "nobody@example.com"] {
        assert_eq!(seen(&mut bank, other).await, of_alice, "{other}");
    }
    app.advance(31);
    assert_eq!(seen(&mut bank, &alice.id.to_string()).await[0], of_alice[0]);
    let to: BTreeSet<_> = app.outbox.messages().into_iter().map(|message| message.to).collect();
    assert_eq!(to, BTreeSet::from([PHONE.to_owned()]), "nobody else was written to");
    // One that may read users is told.
    let mut told = self::bank(&app, &app.place(), "told", "otp:send admin:users.read").await;
    for other in ["nobody", "gone", id_of_nobody] {
        assert_eq!(ask(&mut told, other).await.status, 404, "{other}");
    }
    assert_eq!(ask(&mut told, "bare").await.status, 409);
}

#[tokio::test]
async fn a_081_what_is_confirmed_is_seen_as_it_is_and_splits_nothing() {
    let (app, mut bank) = start().await;
    for odd in ["", "a\nb", "a\r\n@evil.example #123456", "{{code}}", "12\u{202e}0", "x\u{200b}", &"x".repeat(141)] {
        let refused = bank.post_json("/api/v1/otp", &json!({ "user": "alice", "purpose": odd })).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.json()["errors"][0]["pointer"]),
            (400, &json!("/purpose")),
            "{odd:?}"
        );
    }
    assert_eq!(app.outbox.messages().len(), 0);
    let purpose = "120,00 € & \"more\" <to> 'X' $ctx.otp %0a";
    id(&bank.post_json("/api/v1/otp", &json!({ "user": "alice", "purpose": purpose })).await);
    let body = app.sms().latest_to(PHONE).await;
    assert_eq!(body.lines().next(), Some(purpose), "{body}");
    assert!(body.contains("Bank") && !body.contains("@localhost") && !body.contains('#'), "{body}");
    let log = format!("{:?}", app.read(|tx| tx.latest_audit(100)).await);
    assert!(!log.contains("120,00"), "what is confirmed is the program's, and stays out of the log");
}

#[tokio::test]
async fn a_106_a_persons_token_confirms_no_transaction_and_no_other_scope_does() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut reader = bank(&app, &app.place(), "bank", "admin:users.read").await;
    let refused = ask(&mut reader, "alice").await;
    assert_eq!((refused.status.as_u16(), &refused.json()["scope"]), (403, &json!("otp:send")));
    assert_eq!(app.outbox.messages().len(), 0);
}

#[tokio::test]
async fn who_confirmed_something_sees_it_among_what_happened() {
    let (app, mut bank) = start().await;
    app.chain("default", json!([["password"]])).await;
    let id = id(&ask(&mut bank, "alice").await);
    let code = code_to(&app, PHONE).await;
    assert_eq!(result(&mut bank, &id, &wrong(&code)).await, no("wrong", 4));
    assert_eq!(result(&mut bank, &id, &code).await, yes());
    let shown = bank.get(&format!("/api/v1/otp/{id}")).await.json();
    assert_eq!((shown["state"].as_str(), shown["verified_at"].is_string()), (Some("passed"), true));
    let mut browser = app.browser();
    let page = browser.open("/portal/activity").await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let page = browser.follow(page).await;
    for said in [
        "A code was sent to you to confirm something",
        "A code to confirm something was wrong",
        "You confirmed something with a code",
    ] {
        assert!(page.body.contains(said), "{said}: {}", page.body);
    }
    assert!(page.body.contains("Bank") && !page.body.contains(PURPOSE));
}

/// The manual's requests in the order that it has them, as method, path and body: those of `curl` at the API.
fn requests_of_the_manual() -> Vec<(String, Option<Value>)> {
    let manual = include_str!("../../../../docs/reference/api.md");
    let shown = manual.split("## Codes that confirm a transaction").nth(1).unwrap();
    let block = shown.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let request = |line: &str| {
        let path = line.split("$ISSUER").nth(1)?.split_whitespace().next()?;
        let body = line.split("--json '").nth(1).and_then(|rest| rest.split('\'').next());
        let at_the_api = line.starts_with("curl ") && line.contains("-H \"Authorization: Bearer $TOKEN\"");
        at_the_api.then(|| (path.to_owned(), body.map(|body| serde_json::from_str(body).unwrap())))
    };
    block.lines().filter_map(request).collect()
}

#[tokio::test]
async fn the_requests_of_the_manual_do_what_it_says() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut bank = bank(&app, &app.place(), "bank", "otp:send").await;
    let (mut id, mut states) = (String::new(), Vec::new());
    for (path, body) in requests_of_the_manual() {
        let path = path.replace("$ID", &id);
        if path.ends_with("/resend") {
            app.advance(31);
        }
        let page = match body {
            None => bank.get(&path).await,
            Some(mut body) => {
                if let Some(code) = body.get_mut("code") {
                    *code = code_to(&app, PHONE).await.into();
                }
                bank.post_json(&path, &body).await
            }
        };
        assert!(page.status.is_success(), "{path}: {} {}", page.status, page.body);
        let answer = page.json();
        if let Some(made) = answer["id"].as_str() {
            id = made.to_owned();
        }
        states.push(answer["state"].as_str().or(answer["result"].as_str()).unwrap().to_owned());
    }
    assert_eq!(states, ["open", "open", "open", "passed"]);
}

#[tokio::test]
async fn a_code_by_mail_confirms_without_a_link_and_in_the_persons_language() {
    let (app, mut bank) = start().await;
    let mail = MailServer::start(Security::None).await.unwrap();
    let connection = json!({ "name": "Mail", "kind": "mail", "settings": mail.settings() });
    let connection = serde_json::from_value(connection).unwrap();
    app.write(move |tx| tx.put_connection(&connection)).await;
    app.chain("mailed", json!([["password"], [{ "authenticator": "emailotp", "connection": "Mail" }]])).await;
    app.write(|tx| {
        let alice = tx.user_by_login(&LoginName::parse("alice").unwrap())?.unwrap();
        let (email, locale) = (Some("alice@example.com".to_owned()), Some("de-AT".to_owned()));
        tx.update_user(&User { email, email_verified: true, locale, ..alice })
    })
    .await;
    let asked = json!({ "user": "alice", "purpose": PURPOSE, "authenticator": "emailotp" });
    let made = bank.post_json("/api/v1/otp", &asked).await;
    let id = id(&made);
    assert_eq!(made.json()["sent"], "accepted", "{}", made.body);
    let text = mail.received()[0].text();
    assert_eq!(text.lines().next(), Some(PURPOSE), "{text}");
    assert!(text.contains("Zum Bestätigen bei Bank: ") && !text.contains("http"), "{text}");
    let code = text.split(": ").nth(1).unwrap()[..6].to_owned();
    assert_eq!(result(&mut bank, &id, &code).await, yes());
}
