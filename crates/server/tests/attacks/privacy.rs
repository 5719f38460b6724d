//! What is written down, and what is told.

use std::{
    io::Write,
    sync::{Mutex, Once, PoisonError},
};

use serde_json::json;
use tracing_subscriber::{fmt::MakeWriter, layer::SubscriberExt as _, util::SubscriberInitExt as _};
use vestibule_authn_smsotp::testing::FakeGateway;

use crate::{
    house::{Database, at_the_code, dump, error_page, on_both_databases, program, raw, tamper, text},
    support::{CALLBACK, Page, TestApp, VERIFIER},
};

on_both_databases! { a_137_no_secret_of_a_run_is_written_down }

/// Everything that this process logs, down to the last detail of every crate.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

#[derive(Clone, Copy)]
struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

fn listen() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let layer = tracing_subscriber::fmt::layer().compact().with_ansi(false).with_writer(Log);
        let filter = tracing_subscriber::filter::Targets::new().with_default(tracing::Level::DEBUG);
        tracing_subscriber::registry().with(filter).with(layer).init();
    });
}

fn logged() -> String {
    String::from_utf8_lossy(&LOG.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
}

fn holds(bytes: &[u8], needle: &str) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle.as_bytes())
}

async fn a_137_no_secret_of_a_run_is_written_down(database: Database) {
    listen();
    let Some(app) = database.start().await else { return };
    // Of its own for each run, so that what is found is found here.
    let (password, secret, number) = match database {
        Database::Sqlite => ("pa55-horse-sqlite", "vss_sqlite-client-secret-of-43-characters", "+491701112233"),
        Database::Postgres => ("pa55-horse-postgres", "vss_postgres-client-secret-43-characters", "+491704445566"),
    };
    app.user("carol", password, Some(number)).await;
    app.client(json!({
        "id": "bank", "name": "Bank", "secret": secret, "redirect_uris": [CALLBACK], "scopes": ["openid", "phone", "offline_access"],
    }))
    .await;
    let gateway = FakeGateway::start().await.unwrap();
    let url = gateway.url("/send?key={{secret.key}}&to=$ctx.num&text=$ctx.msg");
    let key = format!("gateway-key-{}", secret.len());
    app.connection("SMSOTP", json!({ "url": url, "secrets": { "key": key } })).await;

    let mut pages: Vec<Page> = Vec::new();
    let mut browser = app.browser();
    let more = [("client_id", "bank"), ("scope", "openid phone offline_access")];
    let page = browser.open(&app.authorize(&more)).await;
    pages.push(page.clone());
    let page =
        browser.submit(&page, "password", &[("username", "carol"), ("password", "wrong-guess-of-a-secret")]).await;
    pages.push(page.clone());
    let page = browser.submit(&page, "password", &[("username", "carol"), ("password", password)]).await;
    pages.push(page.clone());
    let message = gateway.received().pop().unwrap().query("text").unwrap();
    let otp = message.rsplit_once('#').unwrap().1.to_owned();
    let interaction = page.url.path().trim_start_matches("/interaction/").to_owned();
    let binding = browser.cookie(&format!("vestibule-i-{interaction}")).unwrap();
    let page = browser.submit(&page, "code", &[("code", "0000000")]).await;
    pages.push(page.clone());
    let page = browser.submit(&page, "code", &[("code", &otp)]).await;
    pages.push(page.clone());
    let back = browser.submit(&page, "version", &[("decision", "allow")]).await;
    let code = back.answer("code").unwrap_or_else(|| panic!("{}", back.body));
    let mut bank = program(&app.place(), "bank", secret);
    let spend = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let tokens = bank.post("/oauth2/token", &spend).await.json();
    let (access, refresh, id) =
        (text(&tokens, "access_token"), text(&tokens, "refresh_token"), text(&tokens, "id_token"));
    let next = bank.post("/oauth2/token", &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await.json();
    bank.post("/oauth2/introspect", &[("token", &access)]).await;
    crate::house::bearer(&app.place(), &access).get("/oauth2/userinfo").await;
    let mut wrong = program(&app.place(), "bank", "wrong-client-secret-guess");
    wrong.post("/oauth2/token", &spend).await;
    pages.push(bank.post("/oauth2/token", &spend).await);
    pages.push(browser.get(&app.authorize(&[("client_id", "bank"), ("redirect_uri", "https://evil.example/")])).await);
    pages.push(browser.open("/portal").await);
    let session = browser.cookie("vestibule-session").unwrap();
    let master = std::fs::read_to_string(app.settings.data_dir.join("master.key")).unwrap();

    let access_signature = access.rsplit('.').next().unwrap().to_owned();
    let secrets = [
        ("password", password.to_owned()),
        ("wrong password", "wrong-guess-of-a-secret".to_owned()),
        ("client secret", secret.to_owned()),
        ("wrong client secret", "wrong-client-secret-guess".to_owned()),
        ("gateway key", key),
        ("code", code.clone()),
        ("access token", access_signature),
        ("refresh token", refresh),
        ("next refresh token", text(&next, "refresh_token")),
        ("id token", id.rsplit('.').next().unwrap().to_owned()),
        ("verifier", VERIFIER.to_owned()),
        ("session cookie", session),
        ("interaction cookie", binding),
        ("master key", master.trim().to_owned()),
    ];
    let log = logged();
    assert!(log.contains("vestibule"), "something was logged");
    for (name, secret) in &secrets {
        assert!(!log.contains(secret.as_str()), "{name} in the log");
    }
    assert!(!log.contains(number) && !log.contains(&number[1..]), "the whole number in the log");
    for line in log.lines().filter(|line| line.contains("text=") || line.contains("otp")) {
        assert!(!line.contains(&otp), "the one-time code in the log: {line}");
    }

    let database = match database {
        // By another process: when this one closes a handle to the file, SQLite's locks in it end.
        Database::Sqlite => {
            let files = ["vestibule.db", "vestibule.db-wal"].map(|name| app.settings.data_dir.join(name));
            std::process::Command::new("cat").args(files).output().unwrap().stdout
        }
        Database::Postgres => dump(&app),
    };
    assert!(holds(&database, "login.completed"), "the search finds what is there");
    for (name, secret) in &secrets {
        assert!(!holds(&database, secret), "{name} in the database");
    }
    let audit = app.read(|tx| tx.latest_audit(1000)).await;
    let audit = serde_json::to_string(&audit).unwrap();
    assert!(audit.contains("otp.sent"));
    for (name, secret) in
        secrets.iter().map(|(name, secret)| (*name, secret.as_str())).chain([("number", number), ("otp", &otp)])
    {
        assert!(!audit.contains(secret), "{name} in the audit log");
    }
    for page in &pages {
        for (name, secret) in &secrets {
            assert!(!page.body.contains(secret.as_str()), "{name} on {}", page.url);
        }
        assert!(!page.body.contains(number), "the whole number on {}", page.url);
        assert!(!page.body.contains(&otp), "the one-time code on {}", page.url);
    }
}

#[tokio::test]
async fn a_138_what_strangers_write_makes_no_line_of_the_log() {
    listen();
    let app = TestApp::start().await;
    app.alice().await;
    let evil = "mark138\r\n2026-01-01T00:00:00Z  INFO forged: admin signed in\u{1b}[31m\u{2028}";
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[("login_hint", evil)])).await;
    if page.status == 200 {
        browser.submit(&page, "password", &[("username", evil), ("password", evil)]).await;
    }
    for name in ["client_id", "redirect_uri", "scope", "prompt", "nonce", "state", "response_type"] {
        app.browser().get(&app.authorize(&[(name, evil)])).await;
    }
    let mut stranger = program(&app.place(), evil, evil);
    stranger.post("/oauth2/token", &[("grant_type", evil), ("scope", evil)]).await;
    let public = [("client_id", evil), ("grant_type", evil), ("code", evil), ("refresh_token", evil)];
    app.browser().post("/oauth2/token", &public).await;
    let shop = [("client_id", "shop"), ("grant_type", evil)];
    app.browser().post("/oauth2/token", &shop).await;
    app.browser().get(&format!("/{}", url::form_urlencoded::byte_serialize(evil.as_bytes()).collect::<String>())).await;
    // Agents and ids that no client library would send.
    for header in ["User-Agent", "X-Request-Id", "Accept-Language", "Referer", "X-Forwarded-For"] {
        let request = format!(
            "GET /oauth2/authorize HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}: mark138\u{1b}[31m\r\n\r\n"
        );
        raw(app.addresses.public, request.as_bytes());
    }
    let log = logged();
    assert!(log.contains("mark138"), "some of it is logged, escaped");
    assert!(!log.contains('\u{1b}'), "no escape sequence");
    for line in log.lines() {
        assert!(!line.starts_with("2026-01-01T00:00:00Z  INFO forged"), "{line}");
    }
    let audit = app.read(|tx| tx.latest_audit(1000)).await;
    for event in &audit {
        let told = event.details.values().chain(event.client.as_ref()).chain(event.request_id.as_ref());
        assert!(told.flat_map(|text| text.chars()).all(|c| !c.is_control()), "{event:?}");
    }
    assert!(audit.len() < 60, "and they fill nothing");
}

#[tokio::test]
async fn a_140_our_own_trouble_is_told_by_a_reference_alone() {
    listen();
    let Some(app) = Database::Sqlite.start().await else { return };
    app.alice().await;
    let mut browser = app.browser();
    let page = at_the_code(&app, &mut browser).await;
    tamper(&app, "UPDATE interactions SET body = x'00010203'; UPDATE users SET body = '{\"no\": \"user\"}';");
    let broken = browser.get(page.url.as_str()).await;
    error_page(&broken, 500);
    let reference = broken.header("x-request-id").to_owned();
    browser.headers.push(("accept".into(), "application/json".into()));
    let json = browser.get(page.url.as_str()).await;
    assert_eq!(json.status, 500);
    assert_eq!(json.json()["reference"], json.header("x-request-id"));
    let mut other = app.browser();
    let login = other.open(&app.authorize(&[])).await;
    let failed = other.submit_once(&login, "password", &[("username", "alice"), ("password", "alice")]).await;
    assert_eq!(failed.status, 500, "{}", failed.body);
    let ways = "UPDATE sessions SET body = '?'; UPDATE grants SET body = '?'; UPDATE codes SET body = '?';";
    tamper(&app, ways);
    for page in [&broken, &json, &failed] {
        for told in
            ["panicked", "src/", "SELECT", "diesel", "serde", "missing field", "sealed", "0.1.0", "interactions"]
        {
            assert!(!page.body.contains(told), "{told}: {}", page.body);
        }
        assert!(page.header("server").is_empty());
    }
    assert!(logged().contains(&reference), "the log knows it by its reference");
}
