//! Attacks on the chain: skipping, repeating and mixing up steps.

use serde_json::{Value, json};

use crate::{
    house::{
        Database, ask_tokens, at_once, at_the_code, audited, bearer, claims, confidential, lives, program, rows,
        sign_in, spending, text, told, told_by_a_page,
    },
    support::{Browser, CALLBACK, PHONE, Page, TestApp},
};

fn sms() -> Value {
    json!({ "authenticator": "smsotp", "connection": "SMSOTP" })
}

/// What the ID token of the code in this redirect says.
async fn id_token(app: &TestApp, client: &str, back: &Page) -> Value {
    let code = back.answer("code").unwrap_or_else(|| panic!("no code: {:?} {}", back.location(), back.body));
    let form = crate::house::but(spending(&code), "client_id", client);
    claims(&text(&ask_tokens(&app.place(), form).await.json(), "id_token"))
}

/// A service provider with a chain of its own.
async fn with_chain(app: &TestApp, id: &str, steps: Value) {
    app.chain(id, steps).await;
    app.client(json!({ "id": id, "name": id, "redirect_uris": [CALLBACK], "consent": "skip", "chain": id })).await;
}

#[tokio::test]
async fn a_043_after_a_change_of_ways_only_what_was_proved_counts() {
    let app = TestApp::start().await;
    app.alice().await;
    app.user("mallory", "mallory", Some("+491707654321")).await;
    app.chain("default", json!([["password", sms()]])).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    // A code is asked for, and then the password is given.
    let page = browser.submit(&page, "version", &[("alternative", "1")]).await;
    let by_code = browser.submit(&page, "version", &[("username", "alice")]).await;
    let code = app.sms().code_to(PHONE).await;
    let page = browser.submit(&by_code, "version", &[("alternative", "0")]).await;
    let back = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let said = id_token(&app, "shop", &back).await;
    assert_eq!((&said["amr"], &said["acr"]), (&json!(["pwd"]), &json!("urn:vestibule:acr:1fa")));
    let late = browser.submit(&by_code, "code", &[("code", &code)]).await;
    assert_eq!(late.answer("code"), back.answer("code"), "the first way opens nothing more");

    // Mallory's code, after bob's name was given in the other way.
    app.user("bob", "bob", None).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "version", &[("alternative", "1")]).await;
    let by_code = browser.submit(&page, "version", &[("username", "mallory")]).await;
    let code = app.sms().code_to("+491707654321").await;
    let page = browser.submit(&by_code, "version", &[("alternative", "0")]).await;
    let page = browser.submit(&page, "password", &[("username", "bob"), ("password", "wrong")]).await;
    let form = by_code.form_with("code");
    let challenge = form.inputs.iter().find(|(name, _)| name == "challenge").unwrap().1.clone();
    let answer = [("challenge", challenge.as_str()), ("code", code.as_str())];
    let page = browser.submit(&page, "version", &answer).await;
    assert!(page.answer("code").is_none(), "mallory's phone proves nothing about bob");
}

#[tokio::test]
async fn a_044_a_failed_step_stays_due_and_half_a_login_is_no_login() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let page = at_the_code(&app, &mut browser).await;
    let page = browser.submit(&page, "code", &[("code", "000000")]).await;
    assert!(page.form_with("code").has_input("version"));
    let page = browser.get(page.url.as_str()).await;
    assert!(page.form_with("code").has_input("version"), "still due");
    assert!(browser.cookie("vestibule-session").is_none());
    told(&app, &browser.get(&app.authorize(&[("prompt", "none")])).await, "login_required");
    let anew = browser.open(&app.authorize(&[])).await;
    assert!(anew.form_with("password").has_input("username"), "a new run begins at its first step");
    assert_eq!((rows(&app, "sessions"), rows(&app, "grants")), (0, 0));
}

#[tokio::test]
async fn a_049_a_chain_that_cannot_run_lets_nobody_pass() {
    let app = TestApp::start().await;
    app.alice().await;
    with_chain(&app, "empty", json!([])).await;
    with_chain(&app, "unknown", json!([["password"], ["retina"]])).await;
    with_chain(&app, "lost", json!([["password"], [{ "authenticator": "smsotp", "connection": "GONE" }]])).await;
    app.client(
        json!({ "id": "none", "name": "none", "redirect_uris": [CALLBACK], "consent": "skip", "chain": "none" }),
    )
    .await;
    let mut browser = app.browser();
    for client in ["empty", "none"] {
        let page = browser.open(&app.authorize(&[("client_id", client)])).await;
        told(&app, &page, "server_error");
    }
    // What is lost is seen when it is due.
    for client in ["unknown", "lost"] {
        let page = browser.open(&app.authorize(&[("client_id", client)])).await;
        let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
        told_by_a_page(&mut browser, &page, "server_error").await;
    }
    // A connection deleted in the middle of a login.
    let page = browser.open(&app.authorize(&[])).await;
    app.write(|tx| tx.delete_connection(&"SMSOTP".into())).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    assert!(page.answer("code").is_none(), "{:?}", page.location());
    assert_eq!(rows(&app, "grants"), 0);
}

#[tokio::test]
async fn a_050_who_lacks_the_factor_is_refused_after_the_password_and_not_before() {
    let app = TestApp::start().await;
    app.user("bob", "bob", None).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let wrong = browser.submit(&page, "password", &[("username", "bob"), ("password", "wrong")]).await;
    assert!(wrong.form_with("password").has_input("username"), "nothing is told to who proved nothing");
    let page = browser.submit(&wrong, "password", &[("username", "bob"), ("password", "bob")]).await;
    assert!(page.answer("code").is_none());
    told_by_a_page(&mut browser, &page, "access_denied").await;
    assert_eq!(rows(&app, "sessions"), 0);
}

#[tokio::test]
async fn a_051_what_was_asked_for_is_reached_or_refused() {
    let app = TestApp::start().await;
    app.alice().await;
    with_chain(&app, "one", json!([["password"]])).await;
    for asked in ["urn:vestibule:acr:2fa", "urn:vestibule:acr:phr"] {
        let more = [("client_id", "one"), ("acr_values", asked)];
        let mut browser = app.browser();
        let page = browser.open(&app.authorize(&more)).await;
        if page.location().is_some() {
            told(&app, &page, "unmet_authentication_requirements");
        } else {
            let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
            told_by_a_page(&mut browser, &page, "unmet_authentication_requirements").await;
        }
    }
    // A value that means nothing here is a wish, and is not said to be met.
    for asked in ["urn:vestibule:acr:1fa", "gold"] {
        let back = sign_in(&app, &mut app.browser(), &[("client_id", "one"), ("acr_values", asked)]).await;
        let said = id_token(&app, "one", &back).await;
        assert_eq!((&said["acr"], &said["amr"]), (&json!("urn:vestibule:acr:1fa"), &json!(["pwd"])));
    }
    let back = sign_in(&app, &mut app.browser(), &[("acr_values", "urn:vestibule:acr:2fa")]).await;
    assert_eq!(id_token(&app, "shop", &back).await["acr"], "urn:vestibule:acr:2fa");
}

#[tokio::test]
async fn a_052_a_055_old_weaker_and_foreign_evidence_is_asked_for_again() {
    let app = TestApp::start().await;
    app.alice().await;
    with_chain(&app, "weak", json!([["password"]])).await;
    let mut browser = app.browser();
    // Weaker: the password alone does not open a chain with a code.
    assert!(sign_in(&app, &mut browser, &[("client_id", "weak")]).await.answer("code").is_some());
    let page = second_step(&app, &mut browser, &[]).await;
    let code = app.sms().code_to(PHONE).await;
    let back = browser.submit(&page, "code", &[("code", &code)]).await;
    let first = id_token(&app, "shop", &back).await;
    // Old: and a fresh but weaker login does not make the code fresh.
    app.advance(600);
    assert!(sign_in(&app, &mut browser, &[("client_id", "weak"), ("prompt", "login")]).await.answer("code").is_some());
    assert!(browser.open(&app.authorize(&[("max_age", "3600")])).await.answer("code").is_some());
    app.outbox.clear();
    let page = second_step(&app, &mut browser, &[("max_age", "300")]).await;
    let code = app.sms().code_to(PHONE).await;
    let back = browser.submit(&page, "code", &[("code", &code)]).await;
    let second = id_token(&app, "shop", &back).await;
    assert!(second["auth_time"].as_i64() > first["auth_time"].as_i64());
    // Of another user: who signs in instead of alice has everything to prove.
    app.user("bob", "bob", Some("+491707654321")).await;
    let page = browser.open(&app.authorize(&[("prompt", "select_account")])).await;
    let page = browser.submit(&page, "password", &[("username", "bob"), ("password", "bob")]).await;
    assert!(page.form_with("code").has_input("version"), "alice's code is not bob's");
    assert_eq!(app.sms().count_to("+491707654321"), 1);
}

/// The second step, which alone is due: its message leaves when the person asks for it.
async fn second_step(app: &TestApp, browser: &mut Browser, more: &[(&str, &str)]) -> Page {
    let page = browser.open(&app.authorize(more)).await;
    assert!(page.forms().iter().all(|form| !form.has_input("password")), "{}", page.body);
    let page = browser.submit(&page, "version", &[("alternative", "0")]).await;
    assert!(page.form_with("code").has_input("version"));
    page
}

#[tokio::test]
async fn a_053_everything_is_due_again_when_it_is_asked_for() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let first = id_token(&app, "shop", &sign_in(&app, &mut browser, &[]).await).await;
    for more in [("prompt", "login"), ("max_age", "0")] {
        app.advance(60);
        let page = browser.open(&app.authorize(&[more])).await;
        assert!(page.form_with("password").has_input("version"), "{more:?}: {}", page.body);
        let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
        assert!(page.form_with("code").has_input("version"), "{more:?}: the second step, too");
        let code = app.sms().code_to(PHONE).await;
        let back = browser.submit(&page, "code", &[("code", &code)]).await;
        let again = id_token(&app, "shop", &back).await;
        assert!(again["auth_time"].as_i64() > first["auth_time"].as_i64(), "{more:?}");
    }
    for odd in ["-1", "x", "1e9", "99999999999999999999"] {
        told(&app, &browser.get(&app.authorize(&[("max_age", odd)])).await, "invalid_request");
    }
}

#[tokio::test]
async fn a_054_one_credential_is_one_factor() {
    let app = TestApp::start().await;
    app.alice().await;
    with_chain(&app, "twice", json!([["password"], ["password"]])).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[("client_id", "twice")])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let page = match page.forms().iter().any(|form| form.has_input("password")) {
        true => browser.submit(&page, "password", &[("password", "alice")]).await,
        false => page,
    };
    assert!(page.answer("code").is_none(), "the same password does not open the second door");
    assert_eq!(rows(&app, "grants"), 0);
}

#[tokio::test]
async fn a_057_eight_times_the_same_button_is_one_login() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let press = |_| {
        let (mut browser, page) = (browser.clone(), page.clone());
        async move { browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await.status }
    };
    // Fewer than the budget of tries has: who is told to wait is no double submit.
    at_once((0..8).map(press)).await;
    assert_eq!(app.sms().count_to(PHONE), 1, "one message");
    assert_eq!(rows(&app, "challenges"), 1);
}

#[tokio::test]
async fn a_136_each_request_may_go_to_another_instance() {
    let Some(a) = Database::Postgres.start().await else { return };
    let mut alice = a.alice().await;
    confidential(&a, "bank", "bank-secret").await;
    let (b, c) = (a.beside().await, a.beside().await);
    let mut at_a = a.browser();
    let page = at_a.open(&a.authorize(&[("scope", "openid offline_access")])).await;
    let mut at_b = at_a.elsewhere(&b.place());
    let page = at_b.submit(&page.at(&b.place()), "password", &[("username", "alice"), ("password", "alice")]).await;
    let code = a.sms().code_to(PHONE).await;
    let mut at_c = at_b.elsewhere(&c.place());
    let back = at_c.submit(&page.at(&c.place()), "code", &[("code", &code)]).await;
    let code = back.answer("code").unwrap_or_else(|| panic!("{}", back.body));
    let tokens = ask_tokens(&b.place(), spending(&code)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let (access, refresh) = (text(&tokens.json(), "access_token"), text(&tokens.json(), "refresh_token"));
    let mut everywhere = vec![at_c.elsewhere(&a.place()), at_c.elsewhere(&b.place())];
    for browser in &mut everywhere {
        assert!(browser.get(&a.authorize(&[("prompt", "none")])).await.answer("code").is_some(), "the session, too");
    }
    for app in [&a, &b, &c] {
        assert!(lives(&app.place(), &access).await);
    }
    // What ends at one instance has ended at all of them, whatever they remember.
    let revoked = Browser::new(&a.place()).post("/oauth2/revoke", &[("client_id", "shop"), ("token", &access)]).await;
    assert_eq!(revoked.status, 200);
    for app in [&a, &b, &c] {
        ends(|| async { !lives(&app.place(), &access).await }).await;
    }
    alice.disabled = true;
    a.write(move |tx| tx.update_user(&alice)).await;
    ends(|| async { ask_tokens(&c.place(), crate::house::refreshing(&refresh)).await.status == 400 }).await;
    // Configuration is taken up within two seconds.
    let mut bank: Vec<_> = [&a, &b, &c].iter().map(|app| program(&app.place(), "bank", "bank-secret")).collect();
    for program in &mut bank {
        let grant = [("grant_type", "client_credentials")];
        assert_eq!(program.post("/oauth2/token", &grant).await.status, 200);
    }
    a.write(|tx| tx.delete_client(&"bank".into(), vestibule_core::Time(0)).map(drop)).await;
    for app in [&b, &c] {
        let gone = || async {
            let grant = [("grant_type", "client_credentials")];
            program(&app.place(), "bank", "bank-secret").post("/oauth2/token", &grant).await.status == 401
        };
        ends(gone).await;
    }
    assert_eq!(bearer(&c.place(), &access).get("/oauth2/userinfo").await.status, 401);
    assert_eq!(audited(&a, "token.revoked").await.len(), 1);
}

/// Within two seconds.
async fn ends<F: Future<Output = bool>>(question: impl Fn() -> F) {
    let began = std::time::Instant::now();
    while !question().await {
        assert!(began.elapsed() < std::time::Duration::from_millis(2500), "it took too long");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
