//! A page costs a handful of statements, however much there is to show: every GET of the console and of the API, counted by
//! diesel's own instrumentation in a house where nothing is there only once. And what a second factor costs a sign-in.
//!
//! The instrumentation is set for this process before the store connects, so the store needs no door for it. What is counted is
//! of the whole process, so the tests of this file wait for each other.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use serde_json::json;
use support::{Browser, TestApp};
use vestibule_core::{
    Clock as _,
    audit::AuditEvent,
    draft::ChainDraft,
    id::{CredentialId, UserId},
    joining::{Invitation, Invited},
    random::SystemRandom,
    user::{Credential, LoginName, User},
};
use vestibule_oauth::managed::{Managed, ObjectKind};
use vestibule_server::admin::{
    Permission, Role,
    operations::{self, Method},
};

/// So many statements may a page cost.
const MOST: usize = 8;
/// So many there are of everything: one statement for each would be seen.
const MANY: usize = 12;
/// What the server does by itself meanwhile is counted too, and only ever adds: the least of so many counts.
const TIMES: usize = 4;
/// What frames a transaction, and what a new connection is set up with.
const FRAME: [&str; 7] = ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE", "PRAGMA", "SET "];

static STATEMENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());
/// Transactions that write.
static WRITES: AtomicUsize = AtomicUsize::new(0);
/// Who counts.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
/// How they begin on either database.
const WRITING: [&str; 2] = ["BEGIN IMMEDIATE", "BEGIN ISOLATION LEVEL SERIALIZABLE"];

fn counting() -> Option<Box<dyn Instrumentation>> {
    Some(Box::new(|event: InstrumentationEvent<'_>| {
        let InstrumentationEvent::StartQuery { query, .. } = event else { return };
        let text = query.to_string();
        if WRITING.iter().any(|begin| text.starts_with(begin)) {
            WRITES.fetch_add(1, Ordering::SeqCst);
        }
        if !FRAME.iter().any(|frame| text.starts_with(frame)) {
            STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        }
    }))
}

fn taken() -> Vec<String> {
    std::mem::take(&mut *STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The status of a page, and what it asked of the database.
async fn cost(browser: &mut Browser, path: &str) -> (u16, Vec<String>) {
    let mut least: Option<(u16, Vec<String>)> = None;
    for _ in 0..TIMES {
        drop(taken());
        let status = browser.get(path).await.status.as_u16();
        let asked = taken();
        if least.as_ref().is_none_or(|(_, least)| asked.len() < least.len()) {
            least = Some((status, asked));
        }
    }
    least.unwrap()
}

/// Many of everything. The id of a user of whom there is much to tell.
async fn furnish(app: &TestApp) -> UserId {
    for n in 0..MANY {
        app.connection(&format!("SMS{n}"), json!({ "preset": "outbox" })).await;
        let sms = json!({ "authenticator": "smsotp", "connection": format!("SMS{n}") });
        app.chain(&format!("chain{n}"), json!([["password"], [sms]])).await;
        let staff = json!({ "alternatives": [sms], "when": [{ "group": format!("g{n}") }] });
        app.chain("default", json!([["password"], [sms], staff])).await;
        let client = json!({
            "id": format!("app{n}"), "name": "App", "chain": format!("chain{n}"), "redirect_uris": [support::CALLBACK],
        });
        app.client(client).await;
    }
    let scopes = Permission::ALL.map(Permission::scope);
    let batch = json!({
        "id": "batch", "name": "Batch", "secret": "batch-secret-batch-secret", "scopes": scopes,
        "grant_types": ["client_credentials"],
    });
    app.client(batch).await;
    let (now, random) = (app.clock.now(), SystemRandom::default());
    app.write(move |tx| {
        let mut people = Vec::new();
        for n in 0..MANY * 10 {
            let user = User {
                email: Some(format!("person{n}@example.com")),
                groups: vec![format!("g{}", n % MANY)],
                ..User::new(UserId::new(now, &random), LoginName::parse(&format!("person{n}")).unwrap(), now)
            };
            tx.insert_user(&user)?;
            people.push(user.id);
        }
        let first = *people.first().unwrap();
        for (n, user) in people.into_iter().enumerate().take(MANY * 5) {
            let event = AuditEvent { user: Some(user), ..AuditEvent::new("login.completed", now, &random) };
            tx.append_audit(&event)?;
            tx.append_audit(&AuditEvent { user: Some(first), ..AuditEvent::new("otp.sent", now, &random) })?;
            let kind = if n % 2 == 0 { ObjectKind::Client } else { ObjectKind::Connection };
            let source = "house.toml".to_owned();
            tx.set_managed(&Managed { kind, name: format!("app{n}"), source, applied_at: now })?;
            tx.insert_credential(&Credential {
                id: CredentialId::new(now, &random),
                user: first,
                authenticator: "password".into(),
                label: Some(n.to_string()),
                secret: "$nothing".into(),
                version: 1,
                created_at: now,
            })?;
        }
        let about = Invited { by: "Ada".to_owned(), sent_to: None, client: None, rank: None };
        tx.put_invitation(&Invitation {
            user: first,
            hash: "hash".to_owned(),
            about,
            created_at: now,
            expires_at: now,
            accepted_at: None,
            revoked_at: None,
        })?;
        let published = tx.published_chains()?;
        for revision in published {
            let mut document = revision.document.clone();
            document.steps.extend(document.steps.clone());
            let (chain, base) = (revision.chain.clone(), revision.revision);
            tx.put_chain_draft(&ChainDraft { chain, base, author: None, updated_at: now, document })?;
        }
        let filed =
            Managed { kind: ObjectKind::Chain, name: "chain1".into(), source: "house.toml".into(), applied_at: now };
        tx.set_managed(&filed)?;
        Ok(first)
    })
    .await
}

/// An owner at the console, and others whom its lists have to name.
async fn people(app: &TestApp) -> Browser {
    let mut last = None;
    for n in 0..MANY {
        let (name, word) = (format!("owner{n}"), "a door of one's own");
        let user = app.user(&name, word, None).await;
        let user = User { roles: vec![Role::Owner.name().to_owned()], ..user };
        app.write(move |tx| tx.update_user(&user)).await;
        let mut browser = app.browser();
        let page = browser.open("/admin").await;
        let home = browser.submit(&page, "password", &[("username", &name), ("password", word)]).await;
        assert_eq!((home.status.as_u16(), home.url.path()), (200, "/admin"), "{}", home.body);
        last = Some(browser);
    }
    last.unwrap()
}

/// A program at the API.
async fn program(app: &TestApp) -> Browser {
    let mut browser = app.browser();
    let basic = STANDARD.encode("batch:batch-secret-batch-secret");
    browser.headers = vec![("authorization".to_owned(), format!("Basic {basic}"))];
    let scope = Permission::ALL.map(Permission::scope).join(" ");
    let form = [("grant_type", "client_credentials"), ("scope", scope.as_str())];
    let token = browser.post("/oauth2/token", &form).await.json();
    browser.headers = vec![("authorization".to_owned(), format!("Bearer {}", token["access_token"].as_str().unwrap()))];
    browser
}

/// A path of the list of operations with real names in it.
fn filled(path: &str, user: &str) -> String {
    let name = if path.contains("connections") { "SMS1" } else { "default" };
    let id = if path.contains("clients") { "app1" } else { user };
    let numbers = path.replace("{number}", "1").replace("{revision}", "2");
    numbers.replace("{id}", id).replace("{name}", name)
}

#[tokio::test]
async fn no_page_asks_the_database_more_than_eight_things() {
    let _turn = TURN.lock().await;
    set_default_instrumentation(counting).unwrap();
    let app = TestApp::start().await;
    let user = furnish(&app).await.to_string();
    let (mut console, mut api) = (people(&app).await, program(&app).await);

    let listed: BTreeSet<_> = operations::ALL.iter().flat_map(|operation| operation.console).collect();
    let mut pages: Vec<String> = listed.into_iter().map(|path| filled(path, &user)).collect();
    let more = [
        "/admin/users?q=person1&group=g1&disabled=no",
        "/admin/chains/chain1",
        "/admin/chains/chain2/publish",
        "/admin/chains/admin/publish",
        "/admin/chains/default/history?revision=2",
        "/admin/chains/default?try=yes&user=person1&client=shop",
        "/admin/clients/app2",
        "/admin/audit?kind=login.completed",
    ];
    pages.extend(more.map(str::to_owned));
    // A tail does not end; of a confirmation only the program is told that asked for it.
    let apart = ["audit.tail", "otp.get"];
    let reading =
        operations::ALL.iter().filter(|operation| operation.method == Method::Get && !apart.contains(&operation.id));
    let mut calls: Vec<String> = reading.map(|operation| format!("/api/v1{}", filled(operation.path, &user))).collect();
    for list in ["/api/v1/users?limit=20", "/api/v1/users?limit=5&q=person"] {
        let next = api.get(list).await.json()["next"].as_str().unwrap().to_owned();
        calls.extend([list.to_owned(), format!("{list}&after={next}")]);
    }

    let (mut opened, mut dear) = (0, Vec::new());
    for (browser, paths) in [(&mut console, pages), (&mut api, calls)] {
        for path in paths {
            let (status, asked) = cost(browser, &path).await;
            match status {
                200 => opened += 1,
                // A place of the console where something is only done, by a form on another page.
                405 => continue,
                _ => panic!("{path}: {status}"),
            }
            assert!(!asked.is_empty(), "{path}: even who asks is looked up at every request");
            if asked.len() > MOST {
                dear.push(format!("{path}: {}\n  {}", asked.len(), asked.join("\n  ")));
            }
        }
    }
    assert!(opened > 45, "{opened} pages were opened");
    assert!(dear.is_empty(), "{}", dear.join("\n"));
}

const KEY: [u8; 20] = *b"12345678901234567890";

/// A sign-in of alice from the application to its code: how many transactions wrote, and how many requests it took.
async fn sign_in(app: &TestApp, second: Option<&str>) -> (usize, usize) {
    app.advance(60);
    app.outbox.clear();
    let mut browser = app.browser();
    WRITES.store(0, Ordering::SeqCst);
    let begun = browser.get(&app.authorize(&[])).await;
    let page = browser.get(begun.location().unwrap().as_str()).await;
    let mut answer = browser.submit_once(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let mut requests = 3;
    if let Some(second) = second {
        let page = browser.get(answer.location().unwrap().as_str()).await;
        let code = if second == "totp" {
            let at = u64::try_from(app.clock.now().unix_seconds()).unwrap();
            totp_rs::Builder::new().with_secret(KEY).build().unwrap().generate(at).to_string()
        } else {
            app.sms().code_to(support::PHONE).await
        };
        answer = browser.submit_once(&page, "code", &[("code", &code)]).await;
        requests += 2;
    }
    assert!(answer.answer("code").is_some(), "{second:?}: {} {}", answer.status, answer.body);
    (WRITES.load(Ordering::SeqCst), requests)
}

/// What is there besides, such as a count for the overview, only ever adds.
async fn cheapest(app: &TestApp, second: Option<&str>) -> (usize, usize) {
    let steps = match second {
        None => json!([["password"]]),
        Some("totp") => json!([["password"], ["totp"]]),
        Some(other) => json!([["password"], [{ "authenticator": other, "connection": "SMSOTP" }]]),
    };
    app.chain("default", steps).await;
    let mut least = (usize::MAX, usize::MAX);
    for _ in 0..TIMES {
        least = least.min(sign_in(app, second).await);
    }
    least
}

#[tokio::test]
async fn a_second_factor_costs_one_transaction_that_writes_and_one_page() {
    let _turn = TURN.lock().await;
    set_default_instrumentation(counting).unwrap();
    let app = TestApp::start().await;
    let alice = app.alice().await;
    let device = vestibule_authn_totp::Device::new(
        KEY.into(),
        vestibule_authn_totp::Algorithm::Sha1,
        vestibule_authn_totp::Digits::Six,
    );
    let device = Credential {
        id: CredentialId::new(app.clock.now(), &SystemRandom::default()),
        user: alice.id,
        authenticator: "totp".into(),
        label: None,
        secret: device.secret().unwrap(),
        version: 1,
        created_at: app.clock.now(),
    };
    app.write(move |tx| tx.insert_credential(&device)).await;
    let password = cheapest(&app, None).await;
    assert!(password.0 > 0, "nothing was counted");
    let (writes, requests) = cheapest(&app, Some("totp")).await;
    assert_eq!((writes - password.0, requests - password.1), (1, 2), "a page and its answer");
    // A message has an outcome besides, which is known only after it left: the code is opened with the password, and spent with the
    // last step.
    let (writes, requests) = cheapest(&app, Some("smsotp")).await;
    assert_eq!((writes - password.0, requests - password.1), (2, 2), "its answer, and what the gateway said");
}
