//! The other faces: portal, demo, outbox, well-known documents, health.

use std::{sync::Arc, time::Duration};

use crate::support::{PHONE, TestApp};
use serde_json::json;
use vestibule_core::{Clock as _, id::SessionId, random::SystemRandom, session::Session};
use vestibule_server::configuration;

#[tokio::test]
async fn the_portal_signs_in_shows_sessions_and_signs_out() {
    let app = TestApp::start().await;
    app.alice().await;
    let (mut here, mut there) = (app.browser(), app.browser());
    app.log_in(&mut there, "alice", "alice", PHONE).await;
    app.advance(31);
    app.outbox.clear();

    let page = here.open("/portal").await;
    let page = here.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let code = app.sms().code_to(PHONE).await;
    let home = here.submit(&page, "code", &[("code", &code)]).await;
    assert_eq!((home.status.as_u16(), home.url.path()), (200, "/portal"), "{}", home.body);
    assert!(home.body.contains("Alice") && !home.body.contains(PHONE));
    let sessions: Vec<_> =
        home.forms().into_iter().flat_map(|form| form.buttons).filter(|(name, _)| name == "session").collect();
    assert_eq!(sessions.len(), 1, "the other browser, not this one");

    let other = there.open("/portal").await;
    assert_eq!(other.status, 200, "single sign-on: {}", other.body);
    let form = other.forms().into_iter().find(|form| form.buttons.iter().any(|(name, _)| name == "session")).unwrap();
    let stolen: Vec<_> = form.inputs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let cross = here.post("/portal", &[("csrf", stolen[0].1), ("everywhere", "yes")]).await;
    assert_eq!(cross.status, 403, "a token of another browser");

    let csrf = home.form_with("csrf").inputs[0].1.clone();
    let done = here.post("/portal", &[("csrf", &csrf), ("everywhere", "yes")]).await;
    assert_eq!(done.status, 303);
    let out = there.get(&app.authorize(&[("prompt", "none")])).await;
    assert_eq!(out.answer("error").as_deref(), Some("login_required"), "signed out there at once");
    assert!(there.open("/portal").await.url.path().starts_with("/interaction/"));

    let bye = here.post("/portal/logout", &[("csrf", &csrf)]).await;
    assert_eq!(bye.status, 200, "{}", bye.body);
    assert!(here.open("/portal").await.url.path().starts_with("/interaction/"));
}

#[tokio::test]
async fn everywhere_is_everywhere() {
    let app = TestApp::start().await;
    let alice = app.alice().await.id;
    let mut here = app.browser();
    app.log_in(&mut here, "alice", "alice", PHONE).await;
    let home = here.open("/portal").await;
    let now = app.clock.now();
    app.write(move |tx| {
        let model = tx.sessions_of(alice, now)?.remove(0);
        let random = SystemRandom::default();
        (0..150).try_for_each(|_| tx.insert_session(&Session { id: SessionId::new(now, &random), ..model.clone() }))
    })
    .await;
    let csrf = home.form_with("csrf").inputs[0].1.clone();
    assert_eq!(here.post("/portal", &[("csrf", &csrf), ("everywhere", "yes")]).await.status, 303);
    let left = app.read(move |tx| tx.sessions_of(alice, now)).await;
    assert_eq!(left.len(), 1, "this browser's own, though a list shows a hundred at most");
    assert_eq!(here.open("/portal").await.url.path(), "/portal");
}

#[tokio::test]
async fn a_104_a_disabled_user_is_gone_from_the_portal_at_once() {
    let app = TestApp::start().await;
    let mut alice = app.alice().await;
    let mut browser = app.browser();
    app.log_in(&mut browser, "alice", "alice", PHONE).await;
    assert_eq!(browser.open("/portal").await.status, 200);
    alice.disabled = true;
    app.write(move |tx| tx.update_user(&alice)).await;
    assert!(browser.open("/portal").await.url.path().starts_with("/interaction/"));
}

#[tokio::test]
async fn the_demo_is_an_application_like_any_other() {
    let app = TestApp::start_dev().await;
    app.alice().await;
    let mut browser = app.browser();
    let page = browser.open("/demo").await;
    assert_eq!(page.status, 200);
    let page = browser.open("/demo/login").await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let outbox = browser.get("/dev/outbox.json").await.json();
    let code = outbox[0]["code"].as_str().unwrap().to_owned();
    assert_eq!(code, app.sms().code_to(PHONE).await);
    let back = browser.submit(&page, "code", &[("code", &code)]).await;
    assert_eq!((back.status.as_u16(), back.url.path()), (200, "/demo"), "{}", back.body);
    for shown in ["Alice", "<code class=\"tag\">otp</code>", "urn:vestibule:acr:2fa", "sid"] {
        assert!(back.body.contains(shown), "{shown}: {}", back.body);
    }
    let out = browser.submit(&back, "csrf", &[]).await;
    assert_eq!(out.url.path(), "/demo", "{}", out.body);
    assert!(!out.body.contains("Alice"));
}

#[tokio::test]
async fn the_outbox_answers_to_loopback_names_alone() {
    let app = TestApp::start_dev().await;
    let mut browser = app.browser();
    assert_eq!(browser.get("/dev/outbox").await.status, 200);
    assert_eq!(browser.get("/").await.status, 200);
    assert_eq!(browser.get("/dev/gallery").await.status, 200);
    browser.headers.push(("host".into(), "evil.example".into()));
    assert_eq!(browser.get("/dev/outbox.json").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_here_holds_here_at_once() {
    let app = TestApp::start().await;
    let others: Vec<_> = (0..4)
        .map(|_| {
            let state = Arc::clone(&app.state);
            tokio::spawn(async move {
                loop {
                    configuration::refresh(&state).await.unwrap();
                }
            })
        })
        .collect();
    for number in 0..100 {
        let id = format!("shop-{number}");
        app.client(json!({ "id": id, "name": "Shop", "redirect_uris": ["https://shop.example/cb"] })).await;
        for _ in 0..5 {
            assert!(app.state.live.snapshot().client(&id).is_some(), "{id}: an older configuration came back");
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }
    others.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn documents_are_kept_by_who_has_them() {
    let app = TestApp::start().await;
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/oauth2/jwks",
        "/.well-known/jwks.json",
    ] {
        let mut browser = app.browser();
        let first = browser.get(path).await;
        assert_eq!(first.header("cache-control"), "public, max-age=300", "{path}");
        browser.headers.push(("if-none-match".into(), first.header("etag").to_owned()));
        assert_eq!(browser.get(path).await.status, 304, "{path}");
    }
    let document = app.browser().get("/.well-known/openid-configuration").await.json();
    assert_eq!(document["issuer"], app.url);
    assert!(document["id_token_signing_alg_values_supported"].as_array().unwrap().contains(&"RS256".into()));
    let change = app.browser().get("/.well-known/change-password").await;
    assert_eq!((change.status.as_u16(), change.header("location")), (302, "/portal/password"));
    assert!(app.browser().get("/robots.txt").await.body.contains("Disallow: /"));
}

#[tokio::test]
async fn an_issuer_with_a_path_has_both_forms_of_its_document() {
    let app = TestApp::start_with(|settings| {
        settings.public_url = format!("{}auth", settings.public_url).parse().unwrap();
    })
    .await;
    let mut browser = app.browser();
    for path in [
        "/auth/.well-known/openid-configuration",
        "/.well-known/openid-configuration/auth",
        "/.well-known/oauth-authorization-server/auth",
    ] {
        let document = browser.get(path).await;
        assert_eq!(document.status, 200, "{path}");
        assert_eq!(document.json()["issuer"], app.url, "{path}");
    }
    assert_eq!(browser.get("/auth/oauth2/jwks").await.status, 200);
}

#[tokio::test]
async fn health_is_told_on_the_management_listener_alone() {
    let app = TestApp::start().await;
    let mut probe = crate::support::Browser::new(&format!("http://{}", app.addresses.management.unwrap()));
    for path in ["/healthz/live", "/healthz/ready", "/healthz/startup", "/health", "/ready", "/version"] {
        assert_eq!(probe.get(path).await.status, 200, "{path}");
    }
    assert_eq!(app.browser().get("/healthz/ready").await.status, 404);
    app.state.readiness.drain();
    assert_eq!(probe.get("/ready").await.status, 503);
    assert_eq!(probe.get("/healthz/live").await.status, 200);
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_a_name_of_their_content() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let style = page.body.split('"').find(|word| word.starts_with("/assets/site.")).unwrap().to_owned();
    let asset = browser.get(&style).await;
    assert_eq!(asset.header("cache-control"), "public, max-age=31536000, immutable");
    assert!(asset.header("content-type").starts_with("text/css"));
    assert_eq!(browser.get("/favicon.ico").await.status, 200);
}

#[tokio::test]
async fn a_134_who_is_being_answered_when_the_server_stops_is_answered() {
    use std::io::{Read as _, Write as _};
    let mut app = TestApp::start().await;
    let mut stream = std::net::TcpStream::connect(app.addresses.public).unwrap();
    let head = "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 19\r\n\r\ngrant_";
    stream.write_all(head.as_bytes()).unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    app.tell_to_stop();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let mut probe = crate::support::Browser::new(&format!("http://{}", app.addresses.management.unwrap()));
    assert_eq!(probe.get("/ready").await.status, 503);
    assert!(std::net::TcpStream::connect(app.addresses.public).is_err(), "nobody new is taken");
    stream.write_all(b"type=password").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 401") || answer.starts_with("HTTP/1.1 400"), "{answer}");
}
