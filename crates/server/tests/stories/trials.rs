//! Test sign-in: what the application would get is shown, and nothing that it could use is there.
use crate::support::{Browser, CALLBACK, PHONE, Page, TestApp};
use serde_json::{Value, json};
use vestibule_core::{Clock as _, id::UserId, user::User};
use vestibule_server::{admin::Role, state::Transaction};

/// An admin at the console, whose password is their name. The console asks for a password alone.
async fn admin(app: &TestApp, name: &str, role: Role) -> Browser {
    let user = app.user(name, name, None).await;
    let user = User { roles: vec![role.name().to_owned()], ..user };
    app.write(move |tx: &mut Transaction| tx.update_user(&user)).await;
    let mut browser = app.browser();
    let page = browser.open("/admin").await;
    let home = browser.submit(&page, "password", &[("username", name), ("password", name)]).await;
    assert_eq!((home.status.as_u16(), home.url.path()), (200, "/admin"), "{}", home.body);
    browser
}

/// Clicks *Test sign-in* on the page of `shop`.
async fn click(browser: &mut Browser, given: &[(&str, &str)]) -> Page {
    let page = browser.open("/admin/clients/shop").await;
    browser.submit(&page, "max_age", given).await
}

/// The whole trial of alice, in this browser.
async fn alice(app: &TestApp, browser: &mut Browser) -> Page {
    let page = click(browser, &[]).await;
    assert!(page.url.path().starts_with("/interaction/"), "{} {}", page.url, page.body);
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let code = app.sms().code_to(PHONE).await;
    browser.submit(&page, "code", &[("code", &code)]).await
}

async fn sessions(app: &TestApp, user: UserId) -> usize {
    let now = app.clock.now();
    app.read(move |tx: &mut Transaction| tx.sessions_of(user, now)).await.len()
}

async fn events(app: &TestApp, kind: &'static str) -> usize {
    let all = app.read(|tx: &mut Transaction| tx.latest_audit(500)).await;
    all.iter().filter(|event| event.kind == kind).count()
}

#[tokio::test]
async fn it_ends_on_a_page_that_says_what_the_application_would_get() {
    let app = TestApp::start().await;
    let user = app.alice().await;
    let mut ada = admin(&app, "ada", Role::Admin).await;
    let result = alice(&app, &mut ada).await;
    assert_eq!(result.status, 200, "{}", result.body);
    assert!(result.url.path().starts_with("/admin/trials/"), "{}", result.url);
    let id = user.id.to_string();
    let shown = [
        "Alice",
        &id,
        "urn:vestibule:acr:2fa",
        "&quot;pwd&quot;",
        "&quot;otp&quot;",
        "auth_time",
        "preferred_username",
        CALLBACK,
    ];
    for shown in shown {
        assert!(result.body.contains(shown), "{shown} is not in {}", result.body);
    }
    assert!(!result.body.contains("eyJ"), "no token is made: {}", result.body);
    // It stays there for a while, and the console knows who is at it.
    app.advance(120);
    let again = ada.open(result.url.path()).await;
    assert_eq!(again.status, 200, "{}", again.body);
    assert!(ada.open("/admin/clients").await.body.contains("Ada"));
}

#[tokio::test]
async fn a_trial_leaves_no_session_no_grant_and_no_code() {
    let app = TestApp::start().await;
    let user = app.alice().await;
    let mut ada = admin(&app, "ada", Role::Admin).await;
    let result = alice(&app, &mut ada).await;
    assert_eq!(result.status, 200, "{}", result.body);
    assert_eq!(sessions(&app, user.id).await, 0, "nobody was signed in");
    let (granted, tried) = (events(&app, "grant.made").await, events(&app, "login.tried").await);
    assert_eq!((granted, tried), (1, 1), "the console's own grant, and the trial");
    assert_eq!(events(&app, "admin.client.tried").await, 1);
    // The browser is who it was: ada at the console, ada for single sign-on.
    assert_eq!(ada.open("/admin").await.url.path(), "/admin");
    let silent = ada.get(&app.authorize(&[("prompt", "none")])).await;
    assert!(silent.answer("code").is_none(), "what alice proved does not count for ada: {:?}", silent.location());
    // Nor does the result lead to a code: what it shows is no code, and the run gives none.
    let run = result.url.path().rsplit('/').next().unwrap().to_owned();
    let page = ada.get(&format!("/interaction/{run}")).await;
    let location = page.location().unwrap();
    assert!(location.path().starts_with("/admin/trials/") && location.query().is_none(), "{location}");
    for code in ["(not made in a trial)", run.as_str(), &run.replace('-', "")] {
        let answer = app.exchange_code(code).await;
        assert_eq!((answer.status.as_u16(), answer.json()["error"].as_str()), (400, Some("invalid_grant")), "{code}");
    }
}

#[tokio::test]
async fn it_runs_as_json_to_the_same_end() {
    let app = TestApp::start().await;
    app.chain("default", json!([["password"]])).await;
    app.alice().await;
    let mut ada = admin(&app, "ada", Role::Admin).await;
    let page = click(&mut ada, &[]).await;
    let run = page.url.path().to_owned();
    let result = ada.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    assert!(result.url.path().starts_with("/admin/trials/"), "{}", result.body);
    ada.headers.push(("accept".to_owned(), "application/json".to_owned()));
    let json = ada.get(&run).await.json();
    assert_eq!(json["state"], "closed", "{json}");
    let to = json["redirect_to"].as_str().unwrap();
    assert!(to.contains("/admin/trials/") && !to.contains("code"), "{to}");
}

#[tokio::test]
async fn no_parameter_of_a_request_makes_a_trial_and_none_of_a_trial_makes_a_grant() {
    let app = TestApp::start().await;
    let user = app.alice().await;
    let mut browser = app.browser();
    let by = user.id.to_string();
    let more = [("trial", "true"), ("trial[by]", by.as_str()), ("payload", r#"{"trial":{}}"#)];
    let page = browser.open(&app.authorize(&more)).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let code = app.sms().code_to(PHONE).await;
    let back = browser.submit(&page, "code", &[("code", &code)]).await;
    assert_eq!(app.exchange(&back).await.status, 200, "a sign-in like any other");
    // Its run is nobody's trial, not even an admin's.
    let run = page.url.path().rsplit('/').next().unwrap().to_owned();
    let mut ada = admin(&app, "ada", Role::Owner).await;
    assert_eq!(ada.get(&format!("/admin/trials/{run}")).await.status, 404);
}

#[tokio::test]
async fn only_who_may_change_it_tries_it_and_only_what_is_switched_on() {
    let app = TestApp::start().await;
    let mut auditor = admin(&app, "otto", Role::Auditor).await;
    let page = auditor.open("/admin/clients/shop").await;
    assert!(page.status == 200 && !page.body.contains("/admin/clients/shop/try"), "{}", page.body);
    let csrf = page.forms().into_iter().flat_map(|form| form.inputs).find(|(name, _)| name == "csrf").unwrap().1;
    assert_eq!(auditor.post("/admin/clients/shop/try", &[("csrf", &csrf)]).await.status, 403);

    let mut ada = admin(&app, "ada", Role::Admin).await;
    assert_eq!(ada.post("/admin/clients/shop/try", &[]).await.status, 403, "without the form's token");
    let page = ada.open("/admin/clients/shop").await;
    app.client(json!({ "id": "shop", "name": "Shop", "redirect_uris": [CALLBACK], "disabled": true })).await;
    assert_eq!(ada.submit(&page, "max_age", &[]).await.status, 409, "switched off in the meantime");
    let page = ada.open("/admin/clients/shop").await;
    assert!(!page.body.contains("/admin/clients/shop/try"), "{}", page.body);
    app.client(json!({
        "id": "shop", "name": "Shop", "secret": "a-secret-a-secret-a-secret", "grant_types": ["client_credentials"], "scopes": ["x"],
    }))
    .await;
    let csrf = page.forms().into_iter().flat_map(|form| form.inputs).find(|(name, _)| name == "csrf").unwrap().1;
    assert_eq!(ada.post("/admin/clients/shop/try", &[("csrf", &csrf)]).await.status, 409, "it acts for itself");
    assert_eq!(events(&app, "admin.client.tried").await, 0);
}

/// The address that the form leads to, not opened.
async fn ticket(browser: &mut Browser) -> String {
    let page = browser.open("/admin/clients/shop").await;
    let csrf = page.form_with("max_age").inputs.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
    let answer = browser.post("/admin/clients/shop/try", &[("csrf", &csrf)]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer.location().unwrap().path().to_owned()
}

#[tokio::test]
async fn a_ticket_is_for_who_made_it_for_a_while_and_whole() {
    let app = TestApp::start().await;
    let mut ada = admin(&app, "ada", Role::Admin).await;
    let mut bert = admin(&app, "bert", Role::Owner).await;
    let path = ticket(&mut ada).await;
    assert_eq!(bert.get(&path).await.status, 409, "somebody else's");
    let mut nobody = app.browser();
    let answer = nobody.get(&path).await;
    assert!(answer.status == 303 && !answer.location().unwrap().path().starts_with("/interaction/"), "sign in first");
    for wrong in [format!("{path}x"), path.replacen("/new/", "/new/x", 1), "/admin/trials/new/guessed".to_owned()] {
        assert_eq!(ada.get(&wrong).await.status, 404, "{wrong}");
    }
    assert_eq!(ada.get(&path).await.status, 303);
    app.advance(601);
    assert_eq!(ada.get(&path).await.status, 409, "too late");
    let late = ticket(&mut ada).await;
    app.client(json!({ "id": "shop", "name": "Shop", "redirect_uris": [CALLBACK], "disabled": true })).await;
    assert_eq!(ada.get(&late).await.status, 409, "switched off in the meantime");
}

#[tokio::test]
async fn what_came_of_it_is_for_who_began_it_in_the_browser_that_it_ran_in() {
    let app = TestApp::start().await;
    app.alice().await;
    let mut ada = admin(&app, "ada", Role::Admin).await;
    let result = alice(&app, &mut ada).await;
    let path = result.url.path().to_owned();
    let mut bert = admin(&app, "bert", Role::Owner).await;
    assert_eq!(bert.get(&path).await.status, 404, "another admin in another browser");
    let mut again = app.browser();
    let page = again.open("/admin").await;
    again.submit(&page, "password", &[("username", "ada"), ("password", "ada")]).await;
    assert_eq!(again.get(&path).await.status, 404, "the same admin in another browser");
    assert_eq!(app.browser().get(&path).await.status, 303, "nobody");
    // Who may not try it any more does not see it any more.
    app.write(|tx: &mut Transaction| {
        let mut user = tx.user_by_login(&vestibule_core::user::LoginName::parse("ada").unwrap())?.unwrap();
        user.roles = vec![Role::Auditor.name().to_owned()];
        tx.update_user(&user)
    })
    .await;
    assert_eq!(ada.get(&path).await.status, 403);
}

#[tokio::test]
async fn somebody_who_may_not_use_it_ends_on_the_refusal_and_the_application_would_be_told() {
    let app = TestApp::start().await;
    app.chain("default", json!([["password"]])).await;
    app.client(
        json!({ "id": "shop", "name": "Shop", "redirect_uris": [CALLBACK], "consent": "skip", "groups": ["staff"] }),
    )
    .await;
    app.alice().await;
    let mut ada = admin(&app, "ada", Role::Admin).await;
    let page = click(&mut ada, &[]).await;
    let denied = ada.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let run = denied.url.path().rsplit('/').next().unwrap().to_owned();
    let result = ada.open(&format!("/admin/trials/{run}")).await;
    assert!(result.status == 200 && result.body.contains("access_denied"), "{}", result.body);
    assert!(denied.body.contains(&format!("/admin/trials/{run}")), "the way on leads there: {}", denied.body);
    assert!(!denied.body.contains("shop.example/callback?error"), "and not to the application");
}

#[tokio::test]
async fn consent_is_asked_for_and_remembered_nowhere() {
    let app = TestApp::start().await;
    app.chain("default", json!([["password"]])).await;
    app.client(json!({ "id": "shop", "name": "Shop", "redirect_uris": [CALLBACK], "consent": "ask" })).await;
    let user = app.alice().await.id;
    let mut ada = admin(&app, "ada", Role::Admin).await;
    for _ in 0..2 {
        let page = click(&mut ada, &[]).await;
        let held = ada.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
        assert!(held.url.path().starts_with("/interaction/"), "asked each time: {}", held.body);
        let form = held.forms().into_iter().find(|form| form.has_button("decision", "allow")).expect("a consent page");
        let fields = form.filled(&[("decision", "allow")]);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let path = held.url.path().to_owned();
        let done = ada.post(&path, &fields).await;
        assert!(done.location().unwrap().path().starts_with("/admin/trials/"), "{:?}", done.location());
        app.advance(5);
    }
    let none = app.read(move |tx: &mut Transaction| tx.consent(user, &"shop".into())).await;
    assert!(none.is_none(), "what was agreed to in a trial was agreed to for nobody");
}

#[tokio::test]
async fn single_sign_on_counts_only_where_it_is_asked_for_and_is_not_used_up() {
    let app = TestApp::start().await;
    app.chain("default", json!([["password"]])).await;
    let mut ada = admin(&app, "ada", Role::Admin).await;
    let asked = click(&mut ada, &[("prompt", "none")]).await;
    assert!(asked.status == 200 && asked.body.contains("login_required"), "{}", asked.body);
    let silent = click(&mut ada, &[("prompt", "none"), ("single_sign_on", "yes")]).await;
    assert!(silent.url.path().starts_with("/admin/trials/"), "{} {}", silent.url, silent.body);
    assert!(silent.body.contains("Ada") && silent.body.contains("auth_time"), "{}", silent.body);
    let fresh = click(&mut ada, &[("prompt", "login"), ("single_sign_on", "yes")]).await;
    assert!(fresh.url.path().starts_with("/interaction/"), "asked anew: {}", fresh.body);
    // Proved anew in a trial, the session is no younger for it.
    app.advance(100);
    let page = click(&mut ada, &[("prompt", "login"), ("single_sign_on", "yes")]).await;
    ada.submit(&page, "password", &[("username", "ada"), ("password", "ada")]).await;
    let real = ada.get(&app.authorize(&[("prompt", "none"), ("max_age", "50")])).await;
    assert_eq!(real.answer("error").as_deref(), Some("login_required"), "{:?}", real.location());
    assert_eq!(ada.open("/admin").await.url.path(), "/admin", "and ada is still there");
}

#[tokio::test]
async fn what_cannot_be_asked_is_said_at_its_field() {
    let app = TestApp::start().await;
    let mut ada = admin(&app, "ada", Role::Admin).await;
    let wrong = click(&mut ada, &[("max_age", "a day")]).await;
    assert!(
        wrong.status == 422 && wrong.body.contains("trial-max_age-fault") && wrong.body.contains("a day"),
        "{}",
        wrong.body
    );
    let wrong = click(&mut ada, &[("prompt", "sing")]).await;
    assert!(wrong.status == 422 && wrong.body.contains("trial-prompt-fault"), "{}", wrong.body);
    let wrong = click(&mut ada, &[("redirect_uri", "https://evil.example/")]).await;
    assert_eq!(wrong.status, 422, "{}", wrong.body);
    assert_eq!(events(&app, "admin.client.tried").await, 0);
}

#[tokio::test]
async fn addresses_are_checked_while_typed_by_the_rule_that_saving_goes_by() {
    let app = TestApp::start().await;
    let mut ada = admin(&app, "ada", Role::Admin).await;
    let page = ada.open("/admin/clients/new").await;
    assert!(page.body.contains("data-checks=\"/admin/clients/new/check\""), "{}", page.body);
    let csrf = page.form_with("redirect_uris").inputs.iter().find(|(name, _)| name == "csrf").unwrap().1.clone();
    let typed = "https://ok.example/cb\nhttps://*.example/cb\ncom.example.app:/cb";
    let check = |auth: &'static str| {
        vec![("csrf", csrf.clone()), ("auth", auth.to_owned()), ("redirect_uris", typed.to_owned())]
    };
    for (auth, count) in [("none", 1), ("client_secret_basic", 2)] {
        let fields = check(auth);
        let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let told: Value = ada.post("/admin/clients/new/check", &fields).await.json();
        let told: Vec<_> = told["faults"].as_array().unwrap().iter().map(|fault| fault.as_str().unwrap()).collect();
        assert_eq!(told.len(), count, "{told:?}");
        assert!(told[0].contains("wildcards"), "{told:?}");
        let mut whole = fields.clone();
        whole.extend([("id", "new-one"), ("name", "New")]);
        let saved = ada.post("/admin/clients/new", &whole).await;
        assert_eq!(saved.status, 422);
        for fault in told {
            let escaped = fault.replace('"', "&quot;");
            assert!(saved.body.contains(&escaped), "{fault} is not what saving says: {}", saved.body);
        }
    }
    assert_eq!(ada.post("/admin/clients/new/check", &[("redirect_uris", typed)]).await.status, 403, "no token");
    let mut auditor = admin(&app, "otto", Role::Auditor).await;
    let page = auditor.open("/admin").await;
    let csrf = page.forms().into_iter().flat_map(|form| form.inputs).find(|(name, _)| name == "csrf").unwrap().1;
    assert_eq!(auditor.post("/admin/clients/new/check", &[("csrf", &csrf)]).await.status, 403);
}
