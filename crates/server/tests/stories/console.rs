//! The console refuses: who has no role, a form of another browser, an older version, and a link that was used.
use crate::support::{Browser, TestApp};
use secrecy::ExposeSecret as _;
use vestibule_core::{Clock as _, Time, audit::AuditEvent, id::UserId, random::SystemRandom, user::LoginName};
use vestibule_server::{
    admin::{audit::tail::EACH, record::By},
    console::entry,
};

const WORD: &str = "a door of one's own";

/// A link for `name`, and its secret part.
async fn link(app: &TestApp, name: &str) -> String {
    let (prf, now, name) = (app.state.prf.clone(), app.clock.now(), LoginName::parse(name).unwrap());
    let made =
        app.write(move |tx| entry::make_link(tx, &name, &By::default(), &prf, &SystemRandom::default(), now)).await;
    made.path.expose_secret().to_owned()
}

/// An owner at the console.
async fn owner(app: &TestApp) -> Browser {
    let (mut browser, link) = (app.browser(), link(app, "ada").await);
    let page = browser.open(&link).await;
    let page = browser.submit(&page, "password", &[("password", WORD), ("again", WORD)]).await;
    let home = browser.submit(&page, "password", &[("username", "ada"), ("password", WORD)]).await;
    assert_eq!((home.status.as_u16(), home.url.path()), (200, "/admin"), "{}", home.body);
    browser
}

async fn roles(app: &TestApp, name: &str, roles: &[&str]) -> UserId {
    let (name, roles) =
        (LoginName::parse(name).unwrap(), roles.iter().map(|role| (*role).to_owned()).collect::<Vec<_>>());
    app.write(move |tx| {
        let mut user = tx.user_by_login(&name)?.unwrap();
        user.roles.clone_from(&roles);
        tx.update_user(&user)?;
        Ok(user.id)
    })
    .await
}

#[tokio::test]
async fn a_link_lets_one_in_once() {
    let app = TestApp::start().await;
    let link = link(&app, "ada").await;
    let (mut one, mut other) = (app.browser(), app.browser());
    let (page, late) = (one.open(&link).await, other.open(&link).await);
    let wrong = one.submit(&page, "password", &[("password", WORD), ("again", "another")]).await;
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    assert!(!wrong.body.contains(WORD), "a password is not sent back");
    one.submit(&page, "password", &[("password", WORD), ("again", WORD)]).await;
    let late = other.submit(&late, "password", &[("password", WORD), ("again", WORD)]).await;
    assert_eq!((late.status.as_u16(), one.open(&link).await.status.as_u16()), (410, 410));
    let old = self::link(&app, "ada").await;
    app.advance(entry::LIFE.as_secs());
    assert_eq!(one.open(&old).await.status, 410, "its time is over");
    assert_eq!(one.open("/admin/enter/guessed").await.status, 410);
}

#[tokio::test]
async fn who_has_no_role_is_told_what_to_ask_for_and_a_role_that_is_taken_is_gone_at_once() {
    let app = TestApp::start().await;
    let mut ada = owner(&app).await;
    assert_eq!(ada.open("/admin/users").await.status, 200);
    roles(&app, "ada", &["vestibule:helpdesk", "editor"]).await;
    let users = ada.open("/admin/users").await;
    assert!(users.status == 200 && !users.body.contains("/admin/clients"), "{}", users.body);
    for forbidden in
        ["/admin/clients", "/admin/connections", "/admin/keys", "/admin/settings", "/admin/audit", "/admin/users/new"]
    {
        assert_eq!(ada.open(forbidden).await.status, 403, "{forbidden}");
    }
    roles(&app, "ada", &["owner", "admin"]).await;
    let denied = ada.open("/admin/users").await;
    assert_eq!(denied.status, 403);
    assert!(denied.body.contains("vestibule:helpdesk") && !denied.body.contains("/admin/users"), "{}", denied.body);
}

#[tokio::test]
async fn a_102_a_form_of_another_browser_or_of_none_changes_nothing() {
    let app = TestApp::start().await;
    let (mut ada, mut other) = (owner(&app).await, app.browser());
    for path in ["/admin/users/new", "/admin/clients/new", "/admin/connections/new", "/admin/keys", "/admin/sign-out"] {
        assert_eq!(ada.post(path, &[("username", "eve")]).await.status, 403, "{path} without a token");
        assert_eq!(ada.post(path, &[("csrf", "x"), ("username", "eve")]).await.status, 403, "{path}");
        assert_eq!(other.post(path, &[("csrf", "x"), ("username", "eve")]).await.status, 303, "{path}: sign in first");
    }
    let eve = LoginName::parse("eve").unwrap();
    assert!(app.read(move |tx| tx.user_by_login(&eve)).await.is_none());
}

#[tokio::test]
async fn a_108_of_two_who_edit_the_second_sees_both_versions() {
    let app = TestApp::start().await;
    let mut ada = owner(&app).await;
    let form = ada.open("/admin/clients/userportal").await;
    let saved = ada.submit(&form, "redirect_uris", &[("name", "User Portal")]).await;
    assert!(saved.status == 200 && saved.body.contains("User Portal"), "{}", saved.body);
    let late = ada.submit(&form, "redirect_uris", &[("name", "Late")]).await;
    assert_eq!(late.status, 409);
    assert!(late.body.contains("User Portal") && late.body.contains("Late"), "{}", late.body);
    assert_eq!(app.state.live.snapshot().clients().filter(|client| client.name == "Late").count(), 0);
}

/// Reads a stream until it ends, or says this.
async fn read_until(stream: &mut reqwest::Response, said: &str) -> String {
    let mut text = String::new();
    let reading = async {
        while !text.contains(said) {
            match stream.chunk().await {
                Ok(Some(chunk)) => text.push_str(std::str::from_utf8(&chunk).unwrap()),
                Ok(None) | Err(_) => break,
            }
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), reading).await.unwrap();
    text
}

/// Lets something happen that the log tells of.
async fn happen(app: &TestApp, kind: &'static str, count: i64) {
    let now = app.clock.now();
    app.write(move |tx| {
        (0..count).try_for_each(|n| tx.append_audit(&AuditEvent::new(kind, Time(now.0 + n), &SystemRandom::default())))
    })
    .await;
}

#[tokio::test]
async fn the_page_of_the_audit_log_has_a_tail_that_ends_with_the_session() {
    let app = TestApp::start().await;
    let mut ada = owner(&app).await;
    let page = ada.open("/admin/audit?kind=otp.").await;
    assert!(page.body.contains("/assets/live-tail.") && page.body.contains("up to event"), "{}", page.body);
    let address = page.body.split("data-url=\"").nth(1).unwrap().split('"').next().unwrap();
    let address = address.replace("&amp;", "&").replace("&#x3D;", "=");
    assert!(address.starts_with("/admin/audit/tail?kind=otp.&after="), "{address}");
    let mut stream = ada.stream(&address).await;
    assert_eq!(
        (stream.status().as_u16(), stream.headers()["content-type"].to_str().unwrap()),
        (200, "text/event-stream")
    );
    happen(&app, "otp.sent", 1).await;
    happen(&app, "step.passed", 1).await;
    let said = read_until(&mut stream, "data: ").await;
    assert!(said.contains("\"kind\":\"otp.sent\"") && !said.contains("step.passed"), "{said}");
    let csrf = page.form_with("csrf").inputs[0].1.clone();
    assert_eq!(ada.post("/admin/sign-out", &[("csrf", &csrf)]).await.status, 200);
    let said = read_until(&mut stream, "never said").await;
    assert!(said.contains("event: over"), "{said}");
}

#[tokio::test]
async fn a_tail_is_for_who_may_read_the_log_and_from_here() {
    let app = TestApp::start().await;
    let mut ada = owner(&app).await;
    assert_eq!(app.browser().get("/admin/audit/tail").await.status, 401, "nobody is led to a login by a stream");
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        ada.headers = vec![(name.to_owned(), value.to_owned())];
        assert_eq!(ada.get("/admin/audit/tail").await.status, 403, "{name}");
    }
    ada.headers.clear();
    assert_eq!(ada.get("/admin/audit/tail?after=x").await.status, 400);
    let mut streams = Vec::new();
    for _ in 0..EACH {
        streams.push(ada.stream("/admin/audit/tail").await);
    }
    assert_eq!(ada.get("/admin/audit/tail").await.status, 503, "one more than they have places");
    roles(&app, "ada", &["vestibule:helpdesk"]).await;
    for stream in &mut streams {
        assert!(read_until(stream, "event: over").await.contains("event: over"), "the role is gone");
    }
    assert_eq!(ada.get("/admin/audit/tail").await.status, 403);
    assert_eq!(ada.get("/admin/audit").await.status, 403);
}

#[tokio::test]
async fn the_audit_log_is_exported_by_a_form_of_the_page() {
    let app = TestApp::start().await;
    let mut ada = owner(&app).await;
    happen(&app, "otp.sent", 60).await;
    let page = ada.open("/admin/audit?kind=otp.").await;
    let file = ada.submit(&page, "format", &[("format", "csv")]).await;
    assert_eq!((file.status.as_u16(), file.body.lines().count()), (200, 61), "{}", file.body);
    assert!(file.header("content-disposition").contains("attachment"));
    for (csrf, status) in [("", 403), ("x", 403)] {
        assert_eq!(ada.post("/admin/audit/export", &[("csrf", csrf), ("format", "csv")]).await.status, status);
    }
    assert_eq!(ada.submit(&page, "format", &[("format", "xlsx")]).await.status, 422);
    assert_eq!(ada.get("/admin/audit/export").await.status, 405, "a link exports nothing");
    let events = app.read(|tx| tx.latest_audit(1000)).await;
    assert_eq!(events.iter().filter(|event| event.kind == "admin.audit.exported").count(), 1, "the log tells of it");
    roles(&app, "ada", &["vestibule:helpdesk"]).await;
    assert_eq!(ada.submit(&page, "format", &[("format", "csv")]).await.status, 403);
}

#[tokio::test]
async fn a_109_a_forged_place_in_the_log_is_refused() {
    let app = TestApp::start().await;
    let mut ada = owner(&app).await;
    happen(&app, "otp.sent", 60).await;
    let page = ada.open("/admin/audit?kind=otp.").await;
    let next = page.body.split("rel=\"next\"").next().unwrap().rsplit("href=\"").next().unwrap();
    let next = next.split('"').next().unwrap().replace("&amp;", "&").replace("&#x3D;", "=");
    let older = ada.open(&next).await;
    assert!(older.status == 200 && !older.body.contains("live-tail"), "an older page has no tail: {}", older.body);
    assert_eq!(ada.open(&next.replace("kind=otp.", "kind=otp")).await.status, 400, "of another question");
    for forged in ["x", "1795442600000000.018bcfe5-6800-7000-8000-000000000000"] {
        assert_eq!(ada.open(&format!("/admin/audit?kind=otp.&after={forged}")).await.status, 400, "{forged}");
    }
}
