//! Nothing tells whether an account, a number or an address exists: in words, status, headers, cookies or time.
//!
//! Each door is asked about somebody and about nobody, in random order, one at a time. The answers must be the same to the byte but
//! for what is drawn at random, and their times must not differ by more than chance (`judge`). In the suite there are some
//! hundred tries; `VESTIBULE_TRIES=10000` makes as many as it says, on a calm machine and in a release build (`docs/performance.md`).

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::json;
use vestibule_core::{
    Clock as _,
    budget::Rule,
    id::{CredentialId, UserId},
    random::SystemRandom,
    user::{Credential, LoginName, User},
};
use vestibule_server::config::Settings;

use crate::{
    house::{behind_a_proxy, program},
    judge::{compare, shuffle},
    support::{Browser, CALLBACK, Page, TestApp},
};

/// So many tries in the suite, of all kinds together.
const TRIES: usize = 550;
/// What is not seen over a network, in milliseconds: a row that is there is read, and a send is counted for its number. A debug build takes
/// ten times as long for a statement: in it only work is found that somebody waits for, such as a hash or a message.
const UNSEEN: f64 = if cfg!(debug_assertions) { 4.0 } else { 0.5 };
/// What every answer has of its own: when it was given, its number, and how many calls are left.
const OWN: [&str; 3] = ["date", "x-request-id", "ratelimit"];

/// A door, and whom it is asked about. The name of each begins with a word of its own, so that no try uses up what another needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Door {
    SignIn,
    Forgotten,
    Register,
    Confirmation,
    Number,
}

/// Whom each door is asked about; the first is there.
const KINDS: [(Door, &str); 11] = [
    (Door::SignIn, "have"),
    (Door::SignIn, "none"),
    (Door::SignIn, "gone"),
    (Door::Forgotten, "lost"),
    (Door::Forgotten, "nona"),
    (Door::Register, "regi"),
    (Door::Register, "nonb"),
    (Door::Confirmation, "bank"),
    (Door::Confirmation, "nonc"),
    (Door::Number, "used"),
    (Door::Number, "free"),
];
/// Those who are there.
const THERE: [&str; 6] = ["have", "gone", "lost", "regi", "bank", "used"];
const PASSWORD: &str = "a door of one's own";

fn name(word: &str, number: usize) -> String {
    format!("{word}{number:05}")
}

fn address(word: &str, number: usize) -> String {
    format!("{word}{number:05}@example.com")
}

/// Valid, of one length, and with one end, which is what a masked number shows.
fn number_of(word: &str, number: usize) -> String {
    let network = match word {
        "used" => "170",
        "free" => "171",
        "bank" => "172",
        _ => "173",
    };
    format!("+49{network}{number:05}42")
}

/// Everything on, and budgets that none of this meets: that they are spent alike is asked elsewhere.
fn open(settings: &mut Settings) {
    behind_a_proxy(settings);
    settings.password.reset = true;
    settings.post.mail = Some("Mail".into());
    settings.registration.enabled = true;
    settings.registration.per_network = 1_000_000;
    let budgets = &mut settings.limits.budgets;
    budgets.cooldown = Duration::ZERO;
    for rule in [
        &mut budgets.tries,
        &mut budgets.ceiling,
        &mut budgets.network,
        &mut budgets.sends_to_user,
        &mut budgets.sends_to,
        &mut budgets.sends_daily,
        &mut budgets.sends_from,
        &mut budgets.sends_to_prefix,
        &mut budgets.sends_by,
        &mut budgets.client,
        &mut budgets.sends_for_program,
        &mut budgets.program,
    ] {
        *rule = Rule { limit: 1_000_000, ..*rule };
    }
}

/// The house, with so many of each who are there, and one who gives their number.
async fn furnished(rounds: usize) -> TestApp {
    let app = TestApp::start_with(open).await;
    let mail = json!({ "name": "Mail", "kind": "mail", "settings": { "preset": "outbox" } });
    let mail = serde_json::from_value(mail).unwrap();
    app.write(move |tx| tx.put_connection(&mail)).await;
    let sms = json!({ "authenticator": "smsotp", "connection": "SMSOTP" });
    app.chain("capture", json!([["password"], { "alternatives": [sms], "enrol": "require" }])).await;
    let catcher = json!({ "id": "catcher", "name": "Catcher", "redirect_uris": [CALLBACK], "chain": "capture" });
    app.client(catcher).await;
    app.client(json!({
        "id": "bank", "name": "Bank", "secret": "bank-secret-bank-secret", "grant_types": ["client_credentials"],
        "scopes": ["otp:send"],
    }))
    .await;
    app.user("catcher", PASSWORD, None).await;
    let (now, random) = (app.clock.now(), SystemRandom::default());
    let hash = app.state.hash_pool.hash(&PASSWORD.into()).await.unwrap();
    app.write(move |tx| {
        for (word, number) in THERE.iter().flat_map(|word| (0..rounds).map(move |number| (word, number))) {
            let user = User {
                display_name: Some("Somebody".to_owned()),
                email: Some(address(word, number)),
                email_verified: true,
                phone_number: Some(number_of(word, number)).filter(|_| ["bank", "used"].contains(word)),
                phone_number_verified: true,
                disabled: *word == "gone",
                ..User::new(UserId::new(now, &random), LoginName::parse(&name(word, number)).unwrap(), now)
            };
            tx.insert_user(&user)?;
            tx.insert_credential(&Credential {
                id: CredentialId::new(now, &random),
                user: user.id,
                authenticator: "password".into(),
                label: None,
                secret: hash.clone().into(),
                version: 1,
                created_at: now,
            })?;
        }
        Ok(())
    })
    .await;
    app
}

/// A program that may send codes, and may not know users.
async fn token(app: &TestApp) -> String {
    let form = [("grant_type", "client_credentials"), ("scope", "otp:send")];
    let answer = program(&app.place(), "bank", "bank-secret-bank-secret").post("/oauth2/token", &form).await;
    answer.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned()
}

/// One try, in a new browser: how long its answer took, and the answer with the page that it leads to.
async fn ask(app: &TestApp, browser: &mut Browser, door: Door, word: &str, number: usize) -> (f64, Vec<Page>) {
    let (name, address) = (name(word, number), address(word, number));
    let (page, field, fields) = match door {
        Door::SignIn => {
            let page = browser.open(&app.authorize(&[])).await;
            (page, "password", vec![("username", name), ("password", "a wrong one".to_owned())])
        }
        Door::Forgotten => (browser.open("/forgot-password").await, "username", vec![("username", address)]),
        Door::Register => {
            (browser.open("/register").await, "contact", vec![("name", "Ada".to_owned()), ("contact", address)])
        }
        Door::Number => {
            let page = browser.open(&app.authorize(&[("client_id", "catcher")])).await;
            let page = browser.submit(&page, "password", &[("username", "catcher"), ("password", PASSWORD)]).await;
            (page, "number", vec![("number", number_of(word, number))])
        }
        Door::Confirmation => {
            let wanted = json!({ "user": name, "purpose": "Transfer of 120 EUR" });
            let began = Instant::now();
            let answer = browser.post_json("/api/v1/otp", &wanted).await;
            let took = began.elapsed();
            assert_eq!(answer.status, 201, "{}", answer.body);
            return (took.as_secs_f64() * 1000.0, vec![answer]);
        }
    };
    let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let began = Instant::now();
    let answer = browser.submit_once(&page, field, &fields).await;
    let shown = browser.follow(answer.clone()).await;
    let took = began.elapsed();
    assert!(shown.status.as_u16() < 500 && shown.status != 429, "{door:?} {word}: {} {}", shown.status, shown.body);
    (took.as_secs_f64() * 1000.0, vec![answer, shown])
}

/// A text without what is drawn at random: every long run of letters and digits, which ids, tokens and codes are. And without
/// what the door was asked about.
fn blanked(text: &str, asked: &[String]) -> String {
    let text = asked.iter().fold(text.to_owned(), |text, asked| text.replace(asked, "…"));
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut out = String::new();
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        out.push_str(if run.len() >= 20 { "#" } else { run });
        let next = after.find(part).unwrap_or(after.len());
        out.push_str(&after[..next]);
        rest = &after[next..];
    }
    out
}

/// All of an answer that could tell something.
fn seen(pages: &[Page], asked: &[String]) -> String {
    let one = |page: &Page| {
        let headers = page.headers.iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
        let headers: Vec<_> =
            headers.map(|(name, value)| format!("{name}: {}", blanked(value.to_str().unwrap(), asked))).collect();
        format!("{}\n{}\n\n{}", page.status, headers.join("\n"), blanked(&page.body, asked))
    };
    pages.iter().map(one).collect::<Vec<_>>().join("\n----\n")
}

#[tokio::test]
async fn a_060_nothing_tells_who_has_an_account_a_number_or_an_address() {
    let tries = std::env::var("VESTIBULE_TRIES").ok().map_or(TRIES, |tries| tries.parse().unwrap());
    let rounds = tries.div_ceil(KINDS.len());
    let app = furnished(rounds).await;
    let random = SystemRandom::default();
    let mut times: BTreeMap<(Door, &str), Vec<f64>> = BTreeMap::new();
    let mut answers: BTreeMap<Door, Vec<String>> = BTreeMap::new();
    // The clock stands still: one token is good for all of them.
    let (fresh, bearer) = (app.browser(), token(&app).await);
    let mut order = KINDS;
    for round in 0..rounds {
        shuffle(&mut order, &random);
        for (turn, (door, word)) in order.into_iter().enumerate() {
            let mut browser = fresh.clone();
            let network = format!("10.{turn}.{}.{}", round / 250, round % 250);
            browser.headers = vec![("x-forwarded-for".to_owned(), network)];
            if door == Door::Confirmation {
                browser.headers.push(("authorization".to_owned(), format!("Bearer {bearer}")));
            }
            let (took, pages) = ask(&app, &mut browser, door, word, round).await;
            times.entry((door, word)).or_default().push(took);
            let asked = [address(word, round), name(word, round), number_of(word, round)];
            let answer = seen(&pages, &asked);
            let known = answers.entry(door).or_default();
            if known.is_empty() {
                known.push(answer);
            } else {
                assert_eq!(known[0], answer, "{door:?}: {word} is answered differently");
            }
        }
    }
    let mut told = Vec::new();
    for ((door, word), lot) in &times {
        let (_, there) = KINDS.iter().find(|(known, _)| known == door).unwrap();
        let compared = compare(&times[&(*door, *there)], lot, &random);
        println!("{door:?} {there}/{word}: {compared:?} ms of {}", lot.len());
        if compared.differ(UNSEEN) {
            told.push(format!("{door:?}: {word} is told from {there} by {compared:?}"));
        }
    }
    assert!(told.is_empty(), "{told:#?}");
}
