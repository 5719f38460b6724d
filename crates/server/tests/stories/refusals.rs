//! What must not pass, over HTTP, named after the attacks of the catalogue.
use std::{
    io::{Read as _, Write},
    net::TcpStream,
    sync::Mutex,
};

use crate::support::{Browser, CALLBACK, PHONE, Page, TestApp, VERIFIER};
use serde_json::json;
use vestibule_server::{
    config::Settings,
    dev::leftovers::{self, Leftover},
};

/// Alice at the second step, her password given.
async fn at_the_code(app: &TestApp, browser: &mut Browser) -> Page {
    let page = browser.open(&app.authorize(&[])).await;
    browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await
}

/// An error page: its status, nowhere to go, nothing of ours in it.
fn assert_error_page(page: &Page, status: u16) {
    assert_eq!(page.status, status, "{}", page.body);
    assert!(page.location().is_none());
    assert!(page.header("content-type").starts_with("text/html"));
    assert!(page.body.contains(page.header("x-request-id")), "A-140: the reference is on the page");
    for told in ["panicked", "src/", "SELECT", "vestibule 0", "actix"] {
        assert!(!page.body.contains(told), "A-140: {told}");
    }
}

/// A raw request, for what no HTTP client would send.
fn raw(app: &TestApp, request: &str) -> String {
    let mut stream = TcpStream::connect(app.addresses.public).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(8))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_001_an_unregistered_address_gets_nothing_and_the_person_a_page() {
    let app = TestApp::start().await;
    let variants = [
        "https://shop.example/Callback",
        "https://shop.example/callback/",
        "https://shop.example/callback?x=1",
        "https://shop.example/../callback",
        "https://shop.example/..;/callback",
        "https://shop.example/%2e%2e/callback",
        "https://shop.example@evil.example/callback",
        "https://shop.example\\@evil.example/callback",
        "https://shop.example:8443/callback",
        "http://shop.example/callback",
        "https://xn--shp-1qa.example/callback",
        "https://shop.example.evil.example/callback",
        "https://shop.example/callback#x",
        "javascript:alert(1)",
        " https://shop.example/callback",
    ];
    for uri in variants {
        assert_error_page(&app.browser().get(&app.authorize(&[("redirect_uri", uri)])).await, 400);
        //
        assert_error_page(&app.browser().get(&app.authorize(&[("redirect_uri", uri), ("prompt", "none")])).await, 400);
    }
    assert_error_page(&app.browser().get(&app.authorize(&[("client_id", "nobody")])).await, 400);
}

#[tokio::test]
async fn a_004_a_repeated_parameter_is_refused_where_it_may_be_told() {
    let app = TestApp::start().await;
    let page = app.browser().get(&format!("{}&client_id=shop", app.authorize(&[]))).await;
    assert_error_page(&page, 400);
    let told = app.browser().get(&format!("{}&nonce=other", app.authorize(&[]))).await;
    assert_eq!(told.answer("error").as_deref(), Some("invalid_request"));
}

#[tokio::test]
async fn a_012_every_answer_names_the_issuer() {
    let app = TestApp::start().await;
    for more in [("response_type", "token"), ("scope", "admin"), ("prompt", "none"), ("code_challenge", "")] {
        let told = app.browser().get(&app.authorize(&[more])).await;
        assert_eq!(told.status, 303, "{more:?}: {}", told.body);
        assert_eq!(told.answer("iss").as_deref(), Some(app.url.as_str()), "{more:?}");
        assert_eq!(told.answer("state").as_deref(), Some("the-state"), "{more:?}");
        assert!(told.answer("error").is_some(), "{more:?}");
    }
}

#[tokio::test]
async fn a_013_what_follows_a_password_is_303() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let answer = browser.submit_once(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.location().unwrap().path(), page.url.path());
    let page = browser.follow(answer).await;
    let code = app.sms().code_to(PHONE).await;
    let answer = browser.submit_once(&page, "code", &[("code", &code)]).await;
    assert_eq!(answer.status, 303);
    assert!(answer.location().unwrap().as_str().starts_with(CALLBACK));
}

#[tokio::test]
async fn a_014_what_strangers_write_is_escaped() {
    let app = TestApp::start().await;
    let evil = "\"><script>alert(1)</script>";
    app.client(json!({ "id": "evil", "name": evil, "redirect_uris": [CALLBACK], "consent": "skip" })).await;
    let page =
        app.browser().open(&app.authorize(&[("client_id", "evil"), ("login_hint", evil), ("state", evil)])).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(!page.body.contains("<script>alert"));
    assert!(page.body.contains("&lt;script&gt;alert"), "the name is shown as it is");
    let policy = page.header("content-security-policy");
    assert!(!policy.contains("unsafe") && policy.contains("default-src 'none'"), "{policy}");
    let refused = app.browser().get(&app.authorize(&[("client_id", evil)])).await;
    assert!(!refused.body.contains("<script>alert"));
}

#[tokio::test]
async fn a_015_pages_are_not_framed_and_not_kept() {
    let app = TestApp::start().await;
    let login = app.browser().open(&app.authorize(&[])).await;
    let error = app.browser().get("/oauth2/authorize").await;
    for page in [login, error] {
        assert!(page.header("content-security-policy").contains("frame-ancestors 'none'"), "{}", page.url);
        assert_eq!(page.header("cache-control"), "no-store");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
    }
}

#[tokio::test]
async fn a_016_the_host_header_decides_nothing() {
    let app = TestApp::start().await;
    let honest = app.browser().get("/.well-known/openid-configuration").await;
    let mut browser = app.browser();
    for (name, value) in [
        ("host", "evil.example"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-original-url", "/admin"),
    ] {
        browser.headers.push((name.into(), value.into()));
    }
    let forged = browser.get("/.well-known/openid-configuration").await;
    assert_eq!(forged.body, honest.body);
    assert_eq!(forged.json()["issuer"], app.url);
    let told = browser.get(&app.authorize(&[("prompt", "none")])).await;
    assert_eq!(told.answer("iss").as_deref(), Some(app.url.as_str()));
    let begun = browser.get(&app.authorize(&[])).await;
    assert!(begun.header("location").starts_with("/interaction/"), "relative to where the browser is");
}

#[tokio::test]
async fn a_018_consent_is_given_by_the_person_in_their_browser_alone() {
    let app = TestApp::start().await;
    app.alice().await;
    app.client(json!({ "id": "asks", "name": "Asks", "redirect_uris": [CALLBACK], "consent": "ask" })).await;
    app.chain("default", json!([["password"]])).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[("client_id", "asks"), ("scope", "openid email")])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let form = page.forms().into_iter().find(|form| form.has_button("decision", "allow")).expect("a consent page");
    assert!(page.body.contains("shop.example"), "the page names the host");
    let allow = form.filled(&[("decision", "allow")]);
    let allow: Vec<_> = allow.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let without: Vec<_> = allow.iter().copied().filter(|(name, _)| *name != "csrf").collect();
    assert_error_page(&browser.post(&form.action, &without).await, 403);
    assert_error_page(&app.browser().post(&form.action, &allow).await, 403);
    let deny: Vec<_> = allow.iter().copied().map(|(n, v)| if n == "decision" { (n, "deny") } else { (n, v) }).collect();
    let told = browser.clone().post(&form.action, &deny).await;
    assert_eq!(told.answer("error").as_deref(), Some("access_denied"));
}

#[tokio::test]
async fn a_018_consent_allowed_gives_a_code() {
    let app = TestApp::start().await;
    app.alice().await;
    app.client(json!({ "id": "asks", "name": "Asks", "redirect_uris": [CALLBACK], "consent": "ask" })).await;
    app.chain("default", json!([["password"]])).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[("client_id", "asks")])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let back = browser.submit(&page, "version", &[("decision", "allow")]).await;
    assert!(back.answer("code").is_some(), "{}", back.body);
}

#[tokio::test]
async fn a_018_consent_with_nothing_ticked_gives_nothing() {
    let app = TestApp::start().await;
    app.alice().await;
    app.client(json!({ "id": "asks", "name": "Asks", "redirect_uris": [CALLBACK], "consent": "ask" })).await;
    app.chain("default", json!([["password"]])).await;
    for (asked, error) in [("openid email", None), ("email", Some("access_denied"))] {
        let mut browser = app.browser();
        let page = browser.open(&app.authorize(&[("client_id", "asks"), ("scope", asked)])).await;
        let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
        let form = page.forms().into_iter().find(|form| form.has_button("decision", "allow")).unwrap();
        let mut sent = form.filled(&[("decision", "allow")]);
        sent.retain(|(name, value)| name != "scope" || value == "openid");
        let sent: Vec<_> = sent.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let back = browser.post(&form.action, &sent).await;
        assert_eq!(back.answer("error").as_deref(), error, "{asked}");
        let Some(code) = back.answer("code") else { continue };
        let exchange = [
            ("grant_type", "authorization_code"),
            ("client_id", "asks"),
            ("code", &*code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        assert_eq!(browser.post("/oauth2/token", &exchange).await.json()["scope"], "openid");
    }
}

#[tokio::test]
async fn a_039_the_token_endpoint_takes_a_form_by_post_and_no_password() {
    let app = TestApp::start().await;
    let mut client = app.browser();
    let got = client.get("/oauth2/token?grant_type=authorization_code").await;
    assert_eq!(got.status, 405);
    assert!(got.header("allow").contains("POST"), "{}", got.header("allow"));
    let json = client.post_json("/oauth2/token", &json!({ "grant_type": "authorization_code" })).await;
    assert_eq!((json.status.as_u16(), json.json()["error"].as_str()), (400, Some("invalid_request")));
    let form = [("grant_type", "password"), ("client_id", "shop"), ("username", "alice"), ("password", "alice")];
    let password = client.post("/oauth2/token", &form).await;
    assert_eq!((password.status.as_u16(), password.json()["error"].as_str()), (400, Some("unsupported_grant_type")));
    assert_eq!(password.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_040_only_registered_origins_read_answers() {
    let app = TestApp::start().await;
    for path in ["/.well-known/openid-configuration", "/oauth2/jwks", "/oauth2/userinfo"] {
        for (origin, allowed) in [
            ("https://shop.example", true),
            ("null", false),
            ("https://shop.example.evil", false),
            ("https://evilshop.example", false),
            ("http://shop.example", false),
        ] {
            let mut page = app.browser();
            page.headers.push(("origin".into(), origin.into()));
            let answer = page.get(path).await;
            let told = answer.header("access-control-allow-origin");
            assert_eq!(told == origin, allowed, "{path} from {origin}: {told:?}");
            assert!(allowed || told.is_empty());
            assert!(answer.header("access-control-allow-credentials").is_empty());
        }
    }
    let mut page = app.browser();
    page.headers.push(("origin".into(), "https://shop.example".into()));
    let asked = page.request(reqwest::Method::OPTIONS, "/oauth2/token", None).await;
    assert_eq!((asked.status.as_u16(), asked.header("access-control-allow-methods")), (204, "POST"));
    let pages = page.get(&app.authorize(&[])).await;
    assert!(pages.header("access-control-allow-origin").is_empty(), "no page is for another origin");
}

#[tokio::test]
async fn a_041_a_later_step_cannot_be_opened_early() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let first = browser.open(&app.authorize(&[])).await;
    for jump in [
        vec![("code", "123456")],
        vec![("alternative", "1")],
        vec![("action", "resend")],
        vec![("decision", "allow")],
        vec![("action", "choose")],
    ] {
        let page = browser.submit(&first, "password", &jump).await;
        assert!(page.form_with("password").has_input("username"), "still at the first step after {jump:?}");
    }
    assert_eq!(app.sms().count_to(PHONE), 0);
}

#[tokio::test]
async fn a_042_an_empty_answer_is_asked_again() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[]).await;
    assert!(page.form_with("password").has_input("username"));
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let page = browser.submit(&page, "code", &[("code", "")]).await;
    assert!(page.form_with("code").has_input("csrf"));
}

#[tokio::test]
async fn a_045_another_browser_gets_nothing_of_an_interaction() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let page = at_the_code(&app, &mut browser).await;
    let code = app.sms().code_to(PHONE).await;
    let mut other = app.browser();
    assert_error_page(&other.get(page.url.as_str()).await, 403);
    assert_error_page(&other.submit_once(&page, "code", &[("code", &code)]).await, 403);
    // With a cookie of its own, for another interaction, and that value under our name.
    let own = other.open(&app.authorize(&[])).await;
    let name = |page: &Page| format!("vestibule-i-{}", page.url.path().trim_start_matches("/interaction/"));
    let value = other.cookie(&name(&own)).unwrap();
    other.set_cookie(&name(&page), &value);
    assert_error_page(&other.submit_once(&page, "code", &[("code", &code)]).await, 403);
    let back = browser.submit(&page, "code", &[("code", &code)]).await;
    assert!(back.answer("code").is_some(), "its owner goes on");
}

#[tokio::test]
async fn a_046_the_subject_is_fixed_after_the_first_step() {
    let app = TestApp::start().await;
    let alice = app.alice().await;
    app.user("bob", "bob", Some("+491707654321")).await;
    let mut browser = app.browser();
    let page = at_the_code(&app, &mut browser).await;
    let code = app.sms().code_to(PHONE).await;
    let back = browser.submit(&page, "code", &[("code", &code), ("username", "bob"), ("user", "bob")]).await;
    let tokens = app.exchange(&back).await.json();
    let mut application = app.browser();
    application.headers.push(("authorization".into(), format!("Bearer {}", tokens["access_token"].as_str().unwrap())));
    assert_eq!(application.get("/oauth2/userinfo").await.json()["sub"], alice.id.to_string());
}

#[tokio::test]
async fn a_057_what_is_finished_gives_no_second_code() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let page = at_the_code(&app, &mut browser).await;
    let code = app.sms().code_to(PHONE).await;
    let first = browser.submit(&page, "code", &[("code", &code)]).await;
    let again = browser.submit(&page, "code", &[("code", &code)]).await;
    let reloaded = browser.get(page.url.as_str()).await;
    assert_eq!(again.answer("code"), first.answer("code"), "a lost answer is given again");
    assert_eq!(reloaded.answer("code"), first.answer("code"));
    app.advance(61);
    let late = browser.get(page.url.as_str()).await;
    assert_eq!(late.status, 410);
    assert!(late.location().is_none());
}

#[tokio::test]
async fn a_101_cookies_are_hidden_lax_and_new_after_a_login() {
    let app = TestApp::start_with(|settings| settings.public_url = "https://auth.example.com".parse().unwrap()).await;
    app.alice().await;
    let mut browser = Browser::new(&format!("http://{}", app.addresses.public));
    let begun = browser.get(&app.authorize(&[])).await;
    let cookie = begun.cookies_set().remove(0);
    assert!(cookie.starts_with("__Host-vestibule-i-"), "{cookie}");
    for attribute in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.contains("Domain"));
    assert_eq!(begun.header("strict-transport-security"), "max-age=31536000");
    browser.set_cookie("__Host-vestibule-session", "planted");
    let page = browser.follow(begun).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let code = app.sms().code_to(PHONE).await;
    let back = browser.submit(&page, "code", &[("code", &code)]).await;
    let session =
        back.cookies_set().into_iter().find(|cookie| cookie.starts_with("__Host-vestibule-session=")).unwrap();
    assert!(!session.contains("planted") && session.contains("; HttpOnly") && session.contains("; Secure"));
    let first = browser.cookie("__Host-vestibule-session").unwrap();
    app.advance(60);
    let page = browser.open(&app.authorize(&[("prompt", "login")])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    app.sms().wait_for(PHONE, 2).await;
    let code = app.sms().code_to(PHONE).await;
    let back = browser.submit(&page, "code", &[("code", &code)]).await;
    assert!(back.answer("code").is_some(), "{}", back.body);
    assert_ne!(browser.cookie("__Host-vestibule-session").unwrap(), first, "renewed");
}

#[tokio::test]
async fn a_102_a_form_of_another_site_is_refused() {
    let app = TestApp::start().await;
    app.alice().await;
    let answers = [("username", "alice"), ("password", "alice")];
    for (name, value) in
        [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")]
    {
        let mut browser = app.browser();
        let page = browser.open(&app.authorize(&[])).await;
        browser.headers.push((name.into(), value.into()));
        assert_error_page(&browser.submit_once(&page, "password", &answers).await, 403);
    }
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let stale = [("username", "alice"), ("password", "alice"), ("csrf", "x")];
    assert_error_page(&browser.submit_once(&page, "password", &stale).await, 403);
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    browser.headers.push(("sec-fetch-site".into(), "same-origin".into()));
    browser.headers.push(("origin".into(), "null".into()));
    assert_eq!(browser.submit_once(&page, "password", &answers).await.status, 303, "our own form passes");
}

#[tokio::test]
async fn a_103_nobody_is_signed_out_without_being_asked() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    app.log_in(&mut browser, "alice", "alice", PHONE).await;
    let asked = browser.get("/oauth2/logout").await;
    assert_eq!(asked.status, 200);
    assert!(browser.get(&app.authorize(&[("prompt", "none")])).await.answer("code").is_some(), "still signed in");
    let foreign = browser.get(&format!("/oauth2/logout?client_id=shop&post_logout_redirect_uri={CALLBACK}")).await;
    assert_error_page(&foreign, 400);
    let no_token = browser.post("/oauth2/logout", &[("decision", "allow"), ("csrf", "x")]).await;
    assert_error_page(&no_token, 403);
    let out = browser.submit(&asked, "csrf", &[("decision", "allow")]).await;
    assert_eq!(out.status, 200, "{}", out.body);
    let none = browser.get(&app.authorize(&[("prompt", "none")])).await;
    assert_eq!(none.answer("error").as_deref(), Some("login_required"), "A-104");
}

#[tokio::test]
async fn a_112_what_is_for_development_is_absent_under_serve() {
    let app = TestApp::start().await;
    for path in ["/dev/outbox", "/dev/outbox.json", "/dev/gallery", "/demo", "/demo/login", "/demo/callback"] {
        assert_error_page(&app.browser().get(path).await, 404);
    }
    assert!(!app.browser().open(&app.authorize(&[])).await.body.contains("/dev/"));
    let told = app.browser().get(&app.authorize(&[("client_id", "demo")])).await;
    assert_error_page(&told, 400);
}

#[tokio::test]
async fn a_122_a_stranger_does_not_choose_its_network() {
    let app = TestApp::start().await;
    app.alice().await;
    let guess = async |number: u32, password: &str| {
        let mut browser = app.browser();
        browser.headers.push(("x-forwarded-for".into(), format!("198.51.100.{number}")));
        let page = browser.open(&app.authorize(&[])).await;
        let page = browser.submit(&page, "password", &[("username", "alice"), ("password", password)]).await;
        page.forms().iter().any(|form| form.has_input("code"))
    };
    assert!(guess(0, "alice").await);
    for number in 1..=10 {
        assert!(!guess(number, "wrong").await);
    }
    assert!(!guess(11, "alice").await, "every guess came from a network of its own");
}

#[tokio::test]
async fn a_122_a_forged_header_makes_nobody_internal() {
    let trusting = |settings: &mut Settings| settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let app = TestApp::start_with(trusting).await;
    app.alice().await;
    let sms = json!({ "authenticator": "smsotp", "connection": "SMSOTP" });
    let outside = json!([{ "network": "127.0.0.0/8", "not": true }]);
    app.chain("default", json!([["password"], { "alternatives": [sms], "when": outside }])).await;
    let code_is_asked = async |headers: &[(&str, &str)]| {
        app.advance(31);
        let mut browser = app.browser();
        browser.headers.extend(headers.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let page = browser.open(&app.authorize(&[])).await;
        let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
        page.forms().iter().any(|form| form.has_input("code"))
    };
    assert!(!code_is_asked(&[]).await, "nothing was forwarded: it is the proxy's own request");
    assert!(code_is_asked(&[("x-forwarded-for", "203.0.113.7")]).await);
    let forged = [("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=198.51.100.1")];
    assert!(code_is_asked(&forged).await, "the proxy writes one header and passes the other on");
    assert!(code_is_asked(&[("x-forwarded-for", "203.0.113.7"), ("forwarded", "for=_x")]).await);
    assert!(code_is_asked(&[("x-forwarded-for", "203.0.113.7, nonsense")]).await);
}

#[tokio::test]
async fn a_123_what_is_no_clean_http_is_refused() {
    let app = TestApp::start().await;
    let status = |answer: &str| answer.split(' ').nth(1).map(str::to_owned).unwrap_or_default();
    let both = "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let two = "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd";
    for smuggled in [both, two] {
        let answer = raw(&app, smuggled);
        assert!(answer.is_empty() || status(&answer).starts_with('4'), "{answer}");
    }
    let long = app.browser().get(&format!("/oauth2/authorize?state={}", "x".repeat(60_000))).await;
    assert!(long.status.is_client_error(), "{}", long.status);
    for query in ["client_id=%ff", "client_id=a%00b", "client_id=%zz"] {
        assert_error_page(&app.browser().get(&format!("/oauth2/authorize?{query}")).await, 400);
    }
    let body: String = "a=".to_owned() + &"x".repeat(70_000);
    let request = format!(
        "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = raw(&app, &request);
    assert_eq!(status(&answer), "413", "{answer}");
}

#[tokio::test]
async fn a_119_the_sizes_of_requests_are_what_is_set() {
    let app = TestApp::start_with(|settings| {
        settings.limits.body = 4 << 10;
        settings.limits.query = 1 << 10;
    })
    .await;
    let mut browser = app.browser();
    let state = "x".repeat(2000);
    assert_eq!(browser.get(&app.authorize(&[("state", &state)])).await.status, 414);
    assert_eq!(browser.get(&app.authorize(&[("state", &state[..300])])).await.status, 303);
    assert_eq!(browser.get(&format!("/{}", "x".repeat(3000))).await.status, 414);
    let value = "x".repeat(5000);
    assert_eq!(browser.post("/oauth2/token", &[("code", &value)]).await.status, 413);
    assert_eq!(browser.post("/oauth2/token", &[("code", &value[..3000])]).await.status, 401);
    assert_eq!(browser.post("/oauth2/authorize", &[("state", &value)]).await.status, 413);
    let larger = TestApp::start_with(|settings| settings.limits.query = 30 << 10).await;
    let hints = [("state", &*value), ("nonce", &value), ("login_hint", &value), ("id_token_hint", &value)];
    assert_eq!(larger.browser().get(&larger.authorize(&hints)).await.status, 303, "20 kB of query");
}

#[tokio::test]
async fn a_119_slow_heads_are_cut_off() {
    let app = TestApp::start_with(|settings| settings.limits.request_timeout = std::time::Duration::from_secs(1)).await;
    let began = std::time::Instant::now();
    raw(&app, "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    assert!(began.elapsed() < std::time::Duration::from_secs(5));
}

#[tokio::test]
async fn a_140_an_error_says_a_reference_and_nothing_of_ours() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    for (path, status) in [
        ("/nowhere", 404),
        ("/interaction/x", 404),
        ("/interaction/018f0000-0000-7000-8000-000000000000", 403),
        ("/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200", 404),
        ("/assets/site.css", 404),
        ("/oauth2/authorize", 400),
    ] {
        assert_error_page(&browser.get(path).await, status);
    }
    browser.headers.push(("accept".into(), "application/json".into()));
    let json = browser.get("/nowhere").await;
    assert_eq!((json.status.as_u16(), json.json()["error"].as_str()), (404, Some("not_found")));
    assert_eq!(json.json()["reference"], json.header("x-request-id"));
    assert!(json.header("server").is_empty());
}

#[tokio::test]
async fn the_interaction_cookies_of_a_browser_are_bounded() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let first = browser.open(&app.authorize(&[])).await;
    for _ in 0..12 {
        app.advance(1);
        browser.open(&app.authorize(&[])).await;
    }
    assert_error_page(&browser.get(first.url.as_str()).await, 403);
}

#[tokio::test]
async fn forms_may_end_at_the_service_provider() {
    let app = TestApp::start().await;
    let uris = json!(["com.example.app:/cb", "http://127.0.0.1/cb", "https://b.example/cb"]);
    app.client(json!({ "id": "native", "name": "Native", "redirect_uris": uris, "consent": "skip" })).await;
    let page =
        app.browser().open(&app.authorize(&[("client_id", "native"), ("redirect_uri", "com.example.app:/cb")])).await;
    let policy = page.header("content-security-policy").to_owned();
    let sources = policy.split("form-action ").nth(1).unwrap();
    assert_eq!(sources, "'self' com.example.app: http://127.0.0.1:* https://b.example");
}

/// The parameters of an authorization request as a form.
fn form_of(address: &str) -> Vec<(String, String)> {
    let (_, query) = address.split_once('?').unwrap();
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

#[tokio::test]
async fn a_posted_request_becomes_a_get_that_brings_the_session() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    app.log_in(&mut browser, "alice", "alice", PHONE).await;
    for prompt in ["none", ""] {
        let form = form_of(&app.authorize(&[("prompt", prompt), ("state", "a&b=c +%")]));
        // From another site, the form comes without a cookie that is `SameSite=Lax`; the GET behind it comes with it.
        let sent = app.browser().request(reqwest::Method::POST, "/oauth2/authorize", Some(&form)).await;
        assert_eq!(sent.status, 303);
        let next = sent.location().unwrap();
        assert_eq!((next.host_str(), next.path()), (Some("localhost"), "/oauth2/authorize"));
        assert_eq!(next.query_pairs().into_owned().collect::<Vec<_>>(), form, "the parameters and nothing else");
        let back = browser.get(next.as_str()).await;
        assert!(back.answer("code").is_some(), "prompt={prompt}: {:?}", back.location());
        assert_eq!(back.answer("state").as_deref(), Some("a&b=c +%"));
    }
    let long = "x".repeat(8000);
    let form = form_of(&app.authorize(&[("login_hint", &long)]));
    let page = browser.request(reqwest::Method::POST, "/oauth2/authorize", Some(&form)).await;
    assert_ne!(page.location().map(|next| next.path().to_owned()).as_deref(), Some("/oauth2/authorize"), "too long");
    let odd = browser.post("/oauth2/authorize", &[("client_id", "nobody")]).await;
    assert_error_page(&browser.follow(odd).await, 400);
}

#[tokio::test]
async fn a_session_cookie_that_was_lost_is_given_again() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    app.log_in(&mut browser, "alice", "alice", PHONE).await;
    let before = browser.cookie("vestibule-session").unwrap();
    app.advance(31);
    app.outbox.clear();
    let page = browser.open(&app.authorize(&[("prompt", "login")])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let code = app.sms().code_to(PHONE).await;
    browser.submit(&page, "code", &[("code", &code)]).await;
    let after = browser.cookie("vestibule-session").unwrap();
    assert_ne!(before, after);
    browser.set_cookie("vestibule-session", &before);
    let silent = app.authorize(&[("prompt", "none")]);
    assert!(browser.get(&silent).await.answer("code").is_some());
    assert_eq!(browser.cookie("vestibule-session"), Some(after), "single sign-on gives the present one");
    let again = browser.get(&silent).await;
    assert!(again.answer("code").is_some() && again.cookies_set().is_empty(), "it has it");
}

#[tokio::test]
async fn a_138_a_stranger_does_not_choose_the_id_of_a_request() {
    let strict = TestApp::start().await;
    let trusting = |settings: &mut Settings| settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    let behind = TestApp::start_with(trusting).await;
    for (app, taken) in [(&strict, false), (&behind, true)] {
        let mut browser = app.browser();
        browser.headers.push(("x-request-id".into(), "somebody-elses".into()));
        assert_eq!(browser.get("/nowhere").await.header("x-request-id") == "somebody-elses", taken);
    }
}

/// What this process logs.
static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_138_a_refusal_is_one_short_line_of_the_log() {
    tracing_subscriber::fmt().with_ansi(false).with_writer(|| Log).init();
    let app = TestApp::start().await;
    let mut browser = app.browser();
    let name = format!("the-stranger\r\nforged\u{1b}[2J{}", "x".repeat(6000));
    browser.get(&app.authorize(&[("client_id", &name)])).await;
    browser.get(&app.authorize(&[("redirect_uri", &format!("https://evil.example/the-stranger{name}"))])).await;
    browser.post("/oauth2/token", &[("grant_type", &name), ("client_id", "shop")]).await;
    let log = String::from_utf8(LOG.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("the-stranger")).collect();
    assert_eq!(lines.len(), 3, "{log}");
    assert!(lines.iter().all(|line| line.len() < 500 && !line.contains('\u{1b}')), "{lines:#?}");
    assert!(!log.lines().any(|line| line.starts_with("forged")));
}

#[tokio::test]
async fn userinfo_takes_the_token_in_a_form_but_not_in_two_ways() {
    let app = TestApp::start().await;
    let alice = app.alice().await;
    let mut browser = app.browser();
    let back = app.log_in(&mut browser, "alice", "alice", PHONE).await;
    let token = app.exchange(&back).await.json()["access_token"].as_str().unwrap().to_owned();
    let mut program = app.browser();
    let told = program.post("/oauth2/userinfo", &[("access_token", &token)]).await;
    assert_eq!(told.json()["sub"], alice.id.to_string());
    let none = program.post("/oauth2/userinfo", &[("token", &token)]).await;
    assert_eq!((none.status.as_u16(), none.header("www-authenticate")), (401, "Bearer"));
    assert_eq!(program.get(&format!("/oauth2/userinfo?access_token={token}")).await.status, 401, "never in a query");
    program.headers.push(("authorization".into(), format!("Bearer {token}")));
    assert_eq!(program.post("/oauth2/userinfo", &[]).await.status, 200, "in the header as before");
    let both = program.post("/oauth2/userinfo", &[("access_token", &token)]).await;
    assert_eq!((both.status.as_u16(), both.json()["error"].as_str()), (400, Some("invalid_request")));
}

#[tokio::test]
async fn a_112_what_development_left_behind_is_found() {
    let app = TestApp::start().await;
    assert_eq!(leftovers::find(&app.state).await.unwrap(), []);
    let secret = leftovers::TRY_SECRET;
    app.client(json!({ "id": "try", "name": "Try", "redirect_uris": [CALLBACK], "secret": secret })).await;
    let there = format!("{}/demo/callback", app.url);
    app.client(json!({ "id": "demo", "name": "Demo", "redirect_uris": [there] })).await;
    app.alice().await;
    let mut found = leftovers::find(&app.state).await.unwrap();
    found.sort_by_key(|leftover| leftover.to_string());
    assert_eq!(found, [Leftover::DemoClient, Leftover::TryClient, Leftover::User]);
    app.client(json!({ "id": "try", "name": "Try", "redirect_uris": [CALLBACK], "secret": "another secret" })).await;
    app.client(json!({ "id": "demo", "name": "Demo", "redirect_uris": [CALLBACK] })).await;
    assert_eq!(
        leftovers::find(&app.state).await.unwrap(),
        [Leftover::User],
        "things of the same name are no leftovers"
    );

    let other = TestApp::start().await;
    other.user("alice", "not the name of this cat", None).await;
    assert_eq!(leftovers::find(&other.state).await.unwrap(), []);
}

#[tokio::test]
async fn who_went_on_in_another_tab_is_told() {
    let told = |page: &Page| page.body.contains("That page was answered already");
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let answers = [("username", "alice"), ("password", "alice")];
    let first = browser.open(&app.authorize(&[])).await;
    let second = browser.submit(&first, "password", &answers).await;
    assert!(second.form_with("code").has_input("csrf") && !told(&second), "nobody went anywhere else");
    let stale = browser.submit(&first, "password", &answers).await;
    assert!(stale.form_with("code").has_input("csrf") && told(&stale), "{}", stale.body);
    assert_eq!(app.sms().count_to(PHONE), 1, "the notice is all that came of it");
    assert!(!told(&browser.get(first.url.as_str()).await));

    // An older page of the same code: its own page says what became of it.
    browser.submit(&stale, "code", &[("code", "000000")]).await;
    let same = browser.submit(&stale, "code", &[("code", "000001")]).await;
    assert!(!told(&same) && !same.url.as_str().contains("moved"), "{}", same.url);
}
