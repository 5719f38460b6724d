//! Attacks by input that is too much, too odd, or not HTTP.

use std::time::{Duration, Instant};

use serde_json::json;
use vestibule_core::{Clock as _, Time};

use crate::{
    house::{
        Database, ask_tokens, audited, behind_a_proxy, browser_in, error_page, new_code, new_tokens, on_both_databases,
        quick, raw, refreshing, refused, rows, spending, text,
    },
    support::TestApp,
};

on_both_databases! { a_121_requests_that_nobody_finishes_leave_nothing }

#[tokio::test]
async fn a_120_deep_and_odd_json_is_refused_at_once() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let at = page.url.path().to_owned();
    let id = at.trim_start_matches("/interaction/");
    let cookie = format!("vestibule-i-{id}={}", browser.cookie(&format!("vestibule-i-{id}")).unwrap());
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let objects = "{\"a\":".repeat(10_000) + "1" + &"}".repeat(10_000);
    let bodies = [
        deep.as_str(),
        objects.as_str(),
        "{\"version\":1e999}",
        "{\"version\":99999999999999999999}",
        "{\"password\":\"\\ud800\"}",
        "{\"a\":1,",
        "",
        "\u{feff}{}",
        "null",
    ];
    for body in bodies {
        let request = format!(
            "POST {at} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: application/json\r\nCookie: {cookie}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let began = Instant::now();
        let answer = raw(app.addresses.public, request.as_bytes());
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(["400", "422"].contains(&status), "{}: {answer}", &body[..body.len().min(30)]);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    }
    let page = browser.get(&at).await;
    assert!(page.form_with("password").has_input("username"), "the interaction is as it was");
}

async fn a_121_requests_that_nobody_finishes_leave_nothing(database: Database) {
    const REQUESTS: i64 = 300;
    let Some(app) = database.start_with(behind_a_proxy).await else { return };
    let before = rows(&app, "audit_events");
    for number in 0..REQUESTS {
        let page = browser_in(&app, &format!("203.0.{}.{}", number / 250, number % 250)).get(&app.authorize(&[])).await;
        assert!(page.header("location").starts_with("/interaction/"));
    }
    assert_eq!(rows(&app, "interactions"), REQUESTS);
    for table in ["challenges", "sessions", "grants", "codes", "budgets"] {
        assert_eq!(rows(&app, table), 0, "{table}");
    }
    assert_eq!(rows(&app, "audit_events"), before, "a stranger fills no log");
    let sweep = async |now: Time| app.write(move |tx| tx.sweep(now, 500)).await;
    app.advance(29 * 60);
    assert_eq!(sweep(app.clock.now()).await, 0, "who is slow is not thrown out");
    app.advance(2 * 60);
    assert_eq!(sweep(app.clock.now()).await, usize::try_from(REQUESTS).unwrap());
    assert_eq!(rows(&app, "interactions"), 0);
}

#[tokio::test]
async fn a_122_only_what_our_own_proxy_says_is_believed() {
    let app = TestApp::start_with(behind_a_proxy).await;
    quick(&app).await;
    let guess = async |header: &str, value: &str| {
        // Events of one instant have no order.
        app.advance(1);
        let mut browser = app.browser();
        browser.headers.push((header.to_owned(), value.to_owned()));
        let page = browser.open(&app.authorize(&[])).await;
        browser.submit(&page, "password", &[("username", "alice"), ("password", "wrong")]).await;
        audited(&app, "step.rejected").await[0].network.clone().unwrap()
    };
    // What stands left of the first stranger was written by the stranger.
    assert_eq!(guess("x-forwarded-for", "198.51.100.1, 203.0.113.7").await, "203.0.113.7");
    assert_eq!(guess("x-forwarded-for", "198.51.100.1, 203.0.113.7, 127.0.0.9").await, "203.0.113.7");
    assert_eq!(guess("forwarded", "for=198.51.100.1, for=203.0.113.7").await, "203.0.113.7");
    // Names are never looked up.
    let began = Instant::now();
    for unreadable in ["attacker.example", "203.0.113.7, attacker.example"] {
        let told = guess("x-forwarded-for", unreadable).await;
        assert!(["unknown", "127.0.0.1"].contains(&told.as_str()), "{unreadable}: {told}");
    }
    assert!(began.elapsed() < Duration::from_secs(2));
    for other in ["x-real-ip", "x-client-ip", "cf-connecting-ip", "true-client-ip", "x-cluster-client-ip"] {
        assert_eq!(guess(other, "203.0.113.7").await, "127.0.0.1", "{other}");
    }
}

#[tokio::test]
async fn a_123_what_is_no_clean_http_gets_no_further() {
    let app = TestApp::start().await;
    let status = |answer: &str| answer.split(' ').nth(1).unwrap_or_default().to_owned();
    let head = "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let cases: Vec<Vec<u8>> = vec![
        format!("{head}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n").into(),
        format!("{head}Transfer-Encoding: x, chunked\r\n\r\n0\r\n\r\n").into(),
        format!("{head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n").into(),
        format!("{head}{form}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n").into(),
        format!("{head}{form}Transfer-Encoding: chunked\r\n\r\nzz\r\n").into(),
        format!("{head}Content-Length: -1\r\n\r\n").into(),
        format!("{head}Content-Length: 99999999999999999999\r\n\r\n").into(),
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n".to_vec(),
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(5000)).into(),
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03".to_vec(),
    ];
    for case in cases {
        let answer = raw(app.addresses.public, &case);
        let shown = String::from_utf8_lossy(&case[..case.len().min(120)]).into_owned();
        assert!(answer.is_empty() || status(&answer).starts_with('4'), "{shown:?}: {answer}");
    }
    for query in ["state=%00", "state=%ff", "nonce=a%0d%0aSet-Cookie:%20x=y", "%00=x"] {
        let page = app.browser().get(&format!("{}&{query}", app.authorize(&[("state", ""), ("nonce", "")]))).await;
        assert!(page.cookies_set().iter().all(|cookie| cookie.starts_with("vestibule-i-")), "{query}");
        assert!(page.status == 303 || page.status == 400, "{query}: {}", page.status);
    }
    let form = [("grant_type", "authorization_code"), ("client_id", "shop"), ("code", "a\0b")];
    assert_eq!(app.browser().post("/oauth2/token", &form).await.status, 400);
    error_page(&app.browser().get("/interaction/%00").await, 404);
}

#[tokio::test]
async fn a_130_a_clock_set_back_revives_nothing() {
    let app = TestApp::start().await;
    quick(&app).await;
    let spent = new_code(&app, &[]).await;
    assert_eq!(ask_tokens(&app.place(), spending(&spent)).await.status, 200);
    let tokens = new_tokens(&app, &[("scope", "openid offline_access")]).await;
    let used = text(&tokens, "refresh_token");
    let second = text(&ask_tokens(&app.place(), refreshing(&used)).await.json(), "refresh_token");
    let third = text(&ask_tokens(&app.place(), refreshing(&second)).await.json(), "refresh_token");
    let now = app.clock.now();
    for (hours, back) in [(1, true), (1, false)] {
        let hour = Duration::from_secs(hours * 3600);
        app.clock.set(if back { now - hour } else { now });
        refused(&ask_tokens(&app.place(), spending(&spent)).await, "invalid_grant");
        let again = ask_tokens(&app.place(), refreshing(&third)).await;
        if again.status == 200 {
            let said = again.json();
            let claims = crate::house::claims(&text(&said, "access_token"));
            assert!(said["expires_in"].as_i64().unwrap() > 0, "no negative life");
            assert!(claims["exp"].as_i64() > claims["iat"].as_i64());
            break;
        }
    }
    refused(&ask_tokens(&app.place(), refreshing(&used)).await, "invalid_grant");
    // The machine's own clock does not run backwards within one process.
    let clock = vestibule_core::time::SystemClock::default();
    let first = clock.now();
    assert!(clock.now() >= first);
}

#[tokio::test]
async fn a_119_many_slow_connections_keep_nobody_out() {
    use std::{io::Write as _, net::TcpStream};
    let app = TestApp::start().await;
    let slow: Vec<TcpStream> = (0..500)
        .map(|_| {
            let mut stream = TcpStream::connect(app.addresses.public).unwrap();
            stream.write_all(b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nX-Slow: ").unwrap();
            stream
        })
        .collect();
    let mut browser = app.browser();
    let began = Instant::now();
    for _ in 0..20 {
        let answer = browser.get("/.well-known/openid-configuration").await;
        assert_eq!((answer.status.as_u16(), &answer.json()["issuer"]), (200, &json!(app.url)));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    drop(slow);
}
