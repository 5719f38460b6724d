//! What the attacks have in common: the databases, a quick way in, and the three kinds of refusals.

use std::{future::Future, net::SocketAddr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection, connection::SimpleConnection as _};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use vestibule_core::audit::AuditEvent;
use vestibule_server::config::Settings;

use crate::support::{Browser, CALLBACK, PHONE, Page, TestApp, VERIFIER, postgres_database};

/// Which database a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

/// Runs a test on both databases, as `sqlite::<name>` and `postgres::<name>`.
macro_rules! on_both_databases {
    ($($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(crate::house::Database::Sqlite).await; })+
        }
        mod postgres {
            $(#[tokio::test] async fn $name() { super::$name(crate::house::Database::Postgres).await; })+
        }
    };
}
pub(crate) use on_both_databases;

impl Database {
    /// The address of a new database; `None` when PostgreSQL shall be left out.
    pub(crate) fn address(self, folder: &std::path::Path) -> Option<String> {
        if self == Self::Sqlite {
            return Some(format!("sqlite://{}", folder.join("vestibule.db").display()));
        }
        if std::env::var_os("VESTIBULE_TEST_POSTGRES").is_none() {
            assert!(
                std::env::var("VESTIBULE_SKIP_POSTGRES").as_deref() == Ok("1"),
                "VESTIBULE_TEST_POSTGRES is not set: run the tests by `.ci/with-postgres cargo test`; \
                 VESTIBULE_SKIP_POSTGRES=1 leaves PostgreSQL out"
            );
            println!("skipped on PostgreSQL, since VESTIBULE_SKIP_POSTGRES=1");
            return None;
        }
        Some(postgres_database())
    }

    /// A server on this database.
    pub(crate) async fn start(self) -> Option<TestApp> {
        self.start_with(|_| {}).await
    }

    /// The same with other settings.
    pub(crate) async fn start_with(self, change: impl FnOnce(&mut Settings)) -> Option<TestApp> {
        let folder = tempfile::tempdir().unwrap();
        let address = self.address(folder.path())?;
        let app = TestApp::start_with(|settings| {
            settings.database.url = match self {
                Self::Sqlite => format!("sqlite://{}", settings.data_dir.join("vestibule.db").display()).into(),
                Self::Postgres => address.into(),
            };
            change(settings);
        });
        Some(app.await)
    }

    /// A server, and where there is room for it a second instance on the same database.
    pub(crate) async fn start_two(self) -> Option<(TestApp, Option<TestApp>)> {
        let first = self.start().await?;
        let second = match self {
            Self::Sqlite => None,
            Self::Postgres => Some(first.beside().await),
        };
        Some((first, second))
    }
}

/// Where each of sixteen requests goes: in turn to the two instances, or all to the only one.
pub(crate) fn sixteen_places(first: &TestApp, second: Option<&TestApp>) -> Vec<String> {
    let places = [Some(first), second].map(|app| app.map(TestApp::place));
    places.iter().flatten().cycle().take(16).cloned().collect()
}

/// Runs all of them at once.
pub(crate) async fn at_once<T: Send + 'static>(
    jobs: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let mut set = JoinSet::new();
    for job in jobs {
        set.spawn(job);
    }
    set.join_all().await
}

/// Believes what the test says of where it comes from.
pub(crate) fn behind_a_proxy(settings: &mut Settings) {
    settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
}

/// A browser in that network; its server must be [`behind_a_proxy`].
pub(crate) fn browser_in(app: &TestApp, network: &str) -> Browser {
    let mut browser = app.browser();
    browser.headers.push(("x-forwarded-for".into(), network.into()));
    browser
}

/// A program that authenticates by its secret.
pub(crate) fn program(place: &str, id: &str, secret: &str) -> Browser {
    use base64::engine::general_purpose::STANDARD;
    let mut program = Browser::new(place);
    program.headers.push(("authorization".into(), format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))));
    program
}

/// Whoever shows this access token.
pub(crate) fn bearer(place: &str, token: &str) -> Browser {
    let mut program = Browser::new(place);
    program.headers.push(("authorization".into(), format!("Bearer {token}")));
    program
}

/// A service provider that authenticates, and that may do everything.
pub(crate) async fn confidential(app: &TestApp, id: &str, secret: &str) {
    app.client(json!({
        "id": id,
        "name": "Confidential",
        "secret": secret,
        "redirect_uris": [CALLBACK],
        "consent": "skip",
        "scopes": ["openid", "profile", "offline_access", "orders:read"],
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
    }))
    .await;
}

/// A chain of the password alone, and alice: the quick way in, where the login itself is not what is attacked.
pub(crate) async fn quick(app: &TestApp) -> vestibule_core::user::User {
    app.chain("default", json!([["password"]])).await;
    app.alice().await
}

/// Signs in by the password and, where it is asked for, the code that came by SMS.
pub(crate) async fn sign_in(app: &TestApp, browser: &mut Browser, more: &[(&str, &str)]) -> Page {
    let page = browser.open(&app.authorize(more)).await;
    if page.location().is_some() {
        return page;
    }
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    if page.location().is_some() {
        return page;
    }
    let code = app.sms().code_to(PHONE).await;
    browser.submit(&page, "code", &[("code", &code)]).await
}

/// Alice at the second step, her password given.
pub(crate) async fn at_the_code(app: &TestApp, browser: &mut Browser) -> Page {
    let page = browser.open(&app.authorize(&[])).await;
    browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await
}

/// A code for `shop` from a new browser.
pub(crate) async fn new_code(app: &TestApp, more: &[(&str, &str)]) -> String {
    let back = sign_in(app, &mut app.browser(), more).await;
    back.answer("code").unwrap_or_else(|| panic!("no code: {:?} {}", back.location(), back.body))
}

/// The form by which `shop` spends a code.
pub(crate) fn spending(code: &str) -> Vec<(String, String)> {
    [
        ("grant_type", "authorization_code"),
        ("client_id", "shop"),
        ("code", code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// The form by which `shop` refreshes.
pub(crate) fn refreshing(token: &str) -> Vec<(String, String)> {
    [("grant_type", "refresh_token"), ("client_id", "shop"), ("refresh_token", token)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// A form with another value for a field; an empty one takes the field away.
pub(crate) fn but(mut form: Vec<(String, String)>, name: &str, value: &str) -> Vec<(String, String)> {
    form.retain(|(known, _)| known != name);
    if !value.is_empty() {
        form.push((name.to_owned(), value.to_owned()));
    }
    form
}

/// Posts a form to the token endpoint.
pub(crate) async fn ask_tokens(place: &str, form: Vec<(String, String)>) -> Page {
    Browser::new(place).request(reqwest::Method::POST, "/oauth2/token", Some(&form)).await
}

/// The tokens of a new login at `shop`.
pub(crate) async fn new_tokens(app: &TestApp, more: &[(&str, &str)]) -> Value {
    let tokens = ask_tokens(&app.place(), spending(&new_code(app, more).await)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    tokens.json()
}

/// A member of an answer that is a text.
pub(crate) fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}")).to_owned()
}

/// What a JWT says.
pub(crate) fn claims(token: &str) -> Value {
    part(token, 1)
}

/// A part of a JWT: 0 is the header, 1 the claims.
pub(crate) fn part(token: &str, number: usize) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(number).unwrap()).unwrap()).unwrap()
}

/// **P**: a page, and nowhere to go.
pub(crate) fn error_page(page: &Page, status: u16) {
    assert_eq!(page.status, status, "{}: {}", page.url, page.body);
    assert!(page.location().is_none(), "{:?}", page.location());
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.body.contains(page.header("x-request-id")), "the reference is on the page");
}

/// **R**: the client is told, with its state and our issuer, and gets no code.
pub(crate) fn told(app: &TestApp, page: &Page, error: &str) {
    assert_eq!(page.status, 303, "{}", page.body);
    assert!(page.location().unwrap().as_str().starts_with(CALLBACK), "{:?}", page.location());
    assert_eq!(page.answer("error").as_deref(), Some(error), "{:?}", page.location());
    assert_eq!(page.answer("state").as_deref(), Some("the-state"));
    assert_eq!(page.answer("iss").as_deref(), Some(app.url.as_str()));
    assert_eq!(page.answer("code"), None);
}

/// **R** by way of a page: the person is told why, and the way back tells the client.
pub(crate) async fn told_by_a_page(browser: &mut Browser, page: &Page, error: &str) {
    let (status, shown) = view(browser, page).await;
    assert_eq!((status, shown["state"].as_str()), (200, Some("denied")), "{shown}");
    let target: url::Url = shown["redirect_to"].as_str().unwrap().parse().unwrap();
    assert!(target.as_str().starts_with(CALLBACK), "{target}");
    let answer = |name: &str| target.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!((answer("error").as_deref(), answer("code")), (Some(error), None), "{target}");
}

/// **T**: a registered code as JSON, not to be kept.
pub(crate) fn refused(page: &Page, error: &str) {
    let status = if error == "invalid_client" { 401 } else { 400 };
    assert_eq!((page.status.as_u16(), page.json()["error"].as_str()), (status, Some(error)), "{}", page.body);
    assert_eq!(page.header("cache-control"), "no-store");
    assert!(page.json().get("access_token").is_none());
}

/// Whether an access token is good for anything at userinfo.
pub(crate) async fn lives(place: &str, access_token: &str) -> bool {
    let page = bearer(place, access_token).get("/oauth2/userinfo").await;
    assert!([200, 401].contains(&page.status.as_u16()), "{}", page.body);
    page.status == 200
}

/// What is shown of an interaction, as JSON.
pub(crate) async fn view(browser: &mut Browser, page: &Page) -> (u16, Value) {
    browser.headers.push(("accept".into(), "application/json".into()));
    let view = browser.get(page.url.as_str()).await;
    browser.headers.pop();
    (view.status.as_u16(), view.json())
}

/// Whether what was posted was answered by the order to wait: 429, and the page says so.
pub(crate) async fn waits(browser: &mut Browser, page: &Page) -> bool {
    let (_, view) = view(browser, page).await;
    let limited = view["notice"]["kind"] == "limited";
    assert_eq!(page.status == 429, limited, "{view}");
    let forever = view["notice"]["retry_at"].is_null();
    assert!(!limited || forever || page.header("retry-after").parse::<u64>().unwrap() > 0);
    limited
}

/// The events of a kind.
pub(crate) async fn audited(app: &TestApp, kind: &str) -> Vec<AuditEvent> {
    let events = app.read(|tx| tx.latest_audit(1000)).await;
    events.into_iter().filter(|event| event.kind == kind).collect()
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

/// The file or the address of a server's database.
fn database_of(app: &TestApp) -> (bool, String) {
    let url = app.settings.database.url.expose_secret().to_owned();
    match url.strip_prefix("sqlite://") {
        Some(file) => (true, file.to_owned()),
        None => (false, url),
    }
}

/// How many rows a table has, seen from beside the server.
pub(crate) fn rows(app: &TestApp, table: &str) -> i64 {
    let query = diesel::sql_query(format!("SELECT COUNT(*) AS count FROM {table}"));
    let rows: Count = match database_of(app) {
        (true, file) => query.get_result(&mut SqliteConnection::establish(&file).unwrap()).unwrap(),
        (false, url) => query.get_result(&mut PgConnection::establish(&url).unwrap()).unwrap(),
    };
    rows.count
}

/// Runs a statement beside the server, as somebody with a shell would.
pub(crate) fn tamper(app: &TestApp, statement: &str) {
    match database_of(app) {
        (true, file) => SqliteConnection::establish(&file).unwrap().batch_execute(statement).unwrap(),
        (false, url) => PgConnection::establish(&url).unwrap().batch_execute(statement).unwrap(),
    }
}

/// A hold on the whole database file, as a backup or a forgotten shell has one.
pub(crate) fn hold(app: &TestApp) -> SqliteConnection {
    let mut other = SqliteConnection::establish(&database_of(app).1).unwrap();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    other
}

/// Everything that the database holds, as bytes in which a plain value would be found. Users are left out: they have names
/// and numbers.
pub(crate) fn dump(app: &TestApp) -> Vec<u8> {
    #[derive(diesel::QueryableByName)]
    struct Line {
        #[diesel(sql_type = diesel::sql_types::Text)]
        line: String,
    }
    let (file, url) = database_of(app);
    assert!(!file, "a file is read whole");
    let mut connection = PgConnection::establish(&url).unwrap();
    connection.batch_execute("SET bytea_output = 'escape'").unwrap();
    let tables = "SELECT tablename::text AS line FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'users'";
    let tables: Vec<Line> = diesel::sql_query(tables).load(&mut connection).unwrap();
    let mut dump = Vec::new();
    for Line { line: table } in tables {
        let rows = diesel::sql_query(format!("SELECT t::text AS line FROM {table} t"));
        rows.load::<Line>(&mut connection).unwrap().iter().for_each(|row| dump.extend_from_slice(row.line.as_bytes()));
    }
    dump
}

/// A raw request, for what no HTTP client would send, and the raw answer.
pub(crate) fn raw(to: SocketAddr, request: &[u8]) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(8))).unwrap();
    // The server may close before everything is written: that is an answer, too.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}
