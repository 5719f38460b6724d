//! Attacks on passwords.

use std::time::{Duration, Instant};

use serde_json::json;
use vestibule_server::config::Settings;

use crate::{
    house::{
        at_once, audited, behind_a_proxy, browser_in, claims, confidential, program, quick, rows, text, view, waits,
    },
    support::{Browser, Page, TestApp},
};

/// Hashes that take long enough to be seen in the time of an answer.
fn slow(settings: &mut Settings) {
    behind_a_proxy(settings);
    settings.password.memory_kib = 16 * 1024;
    settings.password.iterations = 2;
}

/// A wrong guess from a network of its own: the time of its answer, and the answer.
async fn guess(app: &TestApp, name: &str, network: &str) -> (Duration, Page, Page) {
    let mut browser = browser_in(app, network);
    let page = browser.open(&app.authorize(&[])).await;
    let began = Instant::now();
    let answer = browser.submit_once(&page, "password", &[("username", name), ("password", "wrong")]).await;
    let took = began.elapsed();
    let shown = browser.follow(answer.clone()).await;
    (took, answer, shown)
}

/// A page without what differs from one interaction to the next, and without the name that was typed.
fn stripped(page: &Page, name: &str) -> String {
    let csrf = page.form_with("csrf").inputs.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
    page.body.replace(page.url.path(), "").replace(&csrf, "").replace(name, "")
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::test]
async fn a_060_nobody_disabled_and_wrong_look_the_same_and_take_as_long() {
    const ROUNDS: usize = 25;
    let app = TestApp::start_with(slow).await;
    app.alice().await;
    let mut bob = app.user("bobby", "bobby", None).await;
    bob.disabled = true;
    app.write(move |tx| tx.update_user(&bob)).await;
    let names = ["alice", "bobby", "nobod"];
    let mut times: [Vec<Duration>; 3] = Default::default();
    let mut seen: Vec<(u16, Vec<String>, u16, String)> = Vec::new();
    for round in 0..ROUNDS {
        for (number, name) in names.iter().enumerate() {
            let (took, answer, shown) = guess(&app, name, &format!("192.0.{number}.{round}")).await;
            times[number].push(took);
            let headers: Vec<String> = shown.headers.keys().map(ToString::to_string).collect();
            let kind = (answer.status.as_u16(), headers, shown.status.as_u16(), stripped(&shown, name));
            if seen.first().is_none_or(|first| *first != kind) {
                seen.push(kind);
            }
        }
    }
    assert_eq!(seen.len(), 1, "the same status, headers and bytes: {seen:#?}");
    let [alice, bob, nobody] = times.map(median);
    // A machine under test is noisy: what is looked for is a hash that was not made, which would be most of the time.
    let slowest = alice.max(bob).max(nobody);
    for (name, time) in names.iter().zip([alice, bob, nobody]) {
        assert!(time * 3 > slowest * 2, "{name}: {time:?} of {slowest:?}");
    }
    assert!(alice > Duration::from_millis(8), "the hash is what takes the time: {alice:?}");
}

#[tokio::test]
async fn a_061_one_user_however_spelt_has_one_budget() {
    let app = TestApp::start_with(behind_a_proxy).await;
    let alice = quick(&app).await;
    let spellings =
        ["Alice", "ALICE", "alice@example.com", "Alice@Example.COM", "ａｌｉｃｅ", " alice ", "alice\u{3000}"];
    for (number, name) in spellings.iter().enumerate() {
        let mut browser = browser_in(&app, &format!("198.51.100.{number}"));
        let page = browser.open(&app.authorize(&[])).await;
        let back = browser.submit(&page, "password", &[("username", name), ("password", "alice")]).await;
        let tokens = app.exchange(&back).await.json();
        assert_eq!(claims(&text(&tokens, "id_token"))["sub"], alice.id.to_string(), "{name:?}");
    }
    for name in spellings.iter().cycle().take(10) {
        guess(&app, name, "203.0.113.7").await;
    }
    let mut browser = browser_in(&app, "203.0.113.7");
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    assert!(page.answer("code").is_none(), "ten guesses are ten guesses");
    assert!(waits(&mut browser, &page).await);
}

#[tokio::test]
async fn a_062_a_guesser_waits_and_the_owner_elsewhere_signs_in() {
    let app = TestApp::start_with(behind_a_proxy).await;
    quick(&app).await;
    let right = async |network: &str| {
        let mut browser = browser_in(&app, network);
        let page = browser.open(&app.authorize(&[])).await;
        let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
        (page.answer("code").is_some(), browser, page)
    };
    for _ in 0..10 {
        guess(&app, "alice", "203.0.113.7").await;
    }
    let (passed, mut browser, page) = right("203.0.113.7").await;
    assert!(!passed && waits(&mut browser, &page).await, "the guesser waits, whatever they know by now");
    assert!(right("203.0.113.8").await.0, "the owner does not");
    assert_eq!(audited(&app, "step.limited").await.len(), 1);
    app.advance(31);
    assert!(right("203.0.113.7").await.0, "and after the wait the network is let in again");
    // The whole /64 of an IPv6 network is one.
    for host in 1..=10 {
        guess(&app, "alice", &format!("2001:db8:1:2::{host}")).await;
    }
    assert!(!right("2001:db8:1:2:ffff::1").await.0);
    assert!(right("2001:db8:1:3::1").await.0);
}

#[tokio::test]
async fn a_063_spraying_many_names_meets_the_networks_budget() {
    let app = TestApp::start_with(behind_a_proxy).await;
    quick(&app).await;
    let mut browser = browser_in(&app, "203.0.113.7");
    let mut page = browser.open(&app.authorize(&[])).await;
    for number in 0..200 {
        let name = format!("user{number}");
        page = browser.submit(&page, "password", &[("username", &name), ("password", "Spring2026")]).await;
    }
    assert!(waits(&mut browser, &page).await);
    assert_eq!(audited(&app, "step.rejected").await.len(), 100, "no more were judged than the network has");
    let right = [("username", "alice"), ("password", "alice")];
    assert!(browser.submit(&page, "password", &right).await.answer("code").is_none());
    let mut elsewhere = browser_in(&app, "203.0.113.8");
    let page = elsewhere.open(&app.authorize(&[])).await;
    assert!(elsewhere.submit(&page, "password", &right).await.answer("code").is_some());
}

#[tokio::test]
async fn a_064_fifty_at_once_are_no_more_than_the_budget() {
    let app = TestApp::start_with(|settings| settings.password.queue = 64).await;
    quick(&app).await;
    let mut runs = Vec::new();
    for _ in 0..50 {
        let mut browser = app.browser();
        let page = browser.open(&app.authorize(&[])).await;
        runs.push((browser, page));
    }
    let answer = |(mut browser, page): (Browser, Page)| async move {
        browser.submit(&page, "password", &[("username", "alice"), ("password", "wrong")]).await;
    };
    at_once(runs.into_iter().map(answer)).await;
    assert_eq!(audited(&app, "step.rejected").await.len(), 10, "verified");
    assert_eq!(audited(&app, "step.limited").await.len(), 40, "told to wait");
}

#[tokio::test]
async fn a_065_a_password_counts_to_its_last_character_and_an_endless_one_costs_nothing() {
    let app = TestApp::start().await;
    quick(&app).await;
    let long = "Pässwörd-".repeat(14) + "xy";
    assert_eq!(long.chars().count(), 128);
    let emoji = "🔑🧿🗝️👩‍👩‍👧‍👦".repeat(8);
    app.user("long", &long, None).await;
    app.user("emoji", &emoji, None).await;
    let mut browser = app.browser();
    let mut passes = async |name: &str, password: &str| {
        browser.forget();
        let page = browser.open(&app.authorize(&[])).await;
        browser.submit(&page, "password", &[("username", name), ("password", password)]).await.answer("code").is_some()
    };
    let cut: String = long.chars().take(127).collect();
    for (name, password, right) in [
        ("long", long.as_str(), true),
        ("long", cut.as_str(), false),
        ("long", &format!("{cut}z"), false),
        ("long", &format!("{long} "), false),
        ("emoji", emoji.as_str(), true),
        ("emoji", &emoji[..emoji.len() - "👦".len()], false),
    ] {
        assert_eq!(passes(name, password).await, right, "{name}: {password}");
    }
    let before = audited(&app, "step.rejected").await.len();
    assert!(!passes("long", &"x".repeat(5000)).await);
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", &"x".repeat(4097))]).await;
    assert_eq!(page.status, 422);
    let (_, shown) = view(&mut browser, &page).await;
    assert_eq!(shown["notice"], json!({ "kind": "rejected", "why": "malformed", "tries_left": null }));
    assert_eq!(audited(&app, "step.rejected").await.len(), before, "not judged, so not counted");
}

#[tokio::test]
async fn a_066_a_storm_of_logins_is_told_to_come_again_and_tokens_go_on() {
    let app = TestApp::start_with(|settings| {
        slow(settings);
        settings.password.queue = 8;
        settings.password.deadline = Duration::from_millis(700);
    })
    .await;
    quick(&app).await;
    confidential(&app, "bank", "bank-secret").await;
    let grant = [("grant_type", "client_credentials")];
    let mut runs = Vec::new();
    for number in 0..120 {
        let mut browser = browser_in(&app, &format!("203.0.113.{number}"));
        browser.headers.push(("accept".into(), "application/json".into()));
        let begun = browser.get(&app.authorize(&[])).await;
        let page = browser.follow(begun).await;
        let shown = page.json();
        let body = json!({
            "version": shown["version"], "csrf": shown["csrf"], "username": format!("user{number}"), "password": "wrong",
        });
        runs.push((browser, page.url.to_string(), body));
    }
    let answer = |(mut browser, at, body): (Browser, String, serde_json::Value)| async move {
        let began = Instant::now();
        let answer = browser.post_json(&at, &body).await;
        (answer.json()["notice"]["kind"] == "trouble", answer, began.elapsed())
    };
    let storm = tokio::spawn(at_once(runs.into_iter().map(answer)));
    let mut bank = program(&app.place(), "bank", "bank-secret");
    let mut tokens = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        assert_eq!(bank.post("/oauth2/token", &grant).await.status, 200);
        tokens.push(began.elapsed());
    }
    let answers = storm.await.unwrap();
    let busy: Vec<_> = answers.iter().filter(|(busy, ..)| *busy).collect();
    assert!(busy.len() >= 20, "the queue is bounded: {} of 120 were turned away", busy.len());
    assert!(busy.len() < 120, "some were served");
    for (_, answer, took) in &busy {
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
        assert!(*took < Duration::from_secs(8), "{took:?}");
    }
    tokens.sort();
    assert!(tokens[tokens.len() - 1] < Duration::from_secs(2), "tokens do not wait for passwords: {tokens:?}");
    let counted = i64::try_from(audited(&app, "step.rejected").await.len()).unwrap();
    assert_eq!(counted, 120 - i64::try_from(busy.len()).unwrap(), "who was turned away was not counted");
    assert_eq!(rows(&app, "grants"), 0);
}

/// Asks for a link by which a forgotten password is replaced, from a network of its own.
async fn forgotten(app: &TestApp, name: &str, network: &str) -> (Duration, Page) {
    let mut browser = browser_in(app, network);
    let page = browser.open("/forgot-password").await;
    let began = Instant::now();
    let answer = browser.submit_once(&page, "username", &[("username", name)]).await;
    (began.elapsed(), answer)
}

/// Status, headers and body of an answer.
type Seen = (u16, Vec<(String, String)>, String);

#[tokio::test]
async fn a_060_whoever_forgot_their_password_looks_the_same_as_nobody_and_takes_as_long() {
    const ROUNDS: usize = 60;
    let app = TestApp::start_with(|settings| {
        behind_a_proxy(settings);
        settings.password.reset = true;
        settings.post.mail = Some("Mail".into());
    })
    .await;
    let mail = json!({ "name": "Mail", "kind": "mail", "settings": { "preset": "outbox" } });
    let mail = serde_json::from_value(mail).unwrap();
    app.write(move |tx| tx.put_connection(&mail)).await;
    app.alice().await;
    let mut bob = app.user("bobby", "bobby", None).await;
    bob.disabled = true;
    app.write(move |tx| tx.update_user(&bob)).await;
    // Whose tries are used up, from everywhere.
    app.user("carol", "carol", None).await;
    for number in 0..10 {
        guess(&app, "carol", &format!("198.51.100.{number}")).await;
    }
    let names = ["alice", "bobby", "carol", "nobod"];
    let mut times: [Vec<Duration>; 4] = Default::default();
    let mut seen: Vec<Seen> = Vec::new();
    for round in 0..ROUNDS {
        for turn in 0..names.len() {
            // Whoever comes after somebody for whom there was work must not always be the same.
            let number = (turn + round) % names.len();
            let (took, answer) = forgotten(&app, names[number], &format!("10.{number}.0.{round}")).await;
            times[number].push(took);
            let headers = answer.headers.iter().filter(|(name, _)| !["date", "x-request-id"].contains(&name.as_str()));
            let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
            let kind = (answer.status.as_u16(), headers, answer.body.clone());
            if seen.first().is_none_or(|first| *first != kind) {
                seen.push(kind);
            }
        }
    }
    assert_eq!(seen.len(), 1, "the same status, headers, cookies and bytes: {seen:#?}");
    let medians = times.map(median);
    let slowest = medians.iter().max().unwrap();
    // A machine under test is noisy: what is looked for is work that is done for somebody alone while they wait.
    for (name, time) in names.iter().zip(&medians) {
        assert!(*time * 2 > *slowest, "{name}: {time:?} of {slowest:?}");
    }
}
