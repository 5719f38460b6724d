//! Attacks on the codes of authenticator apps.

use serde_json::json;
use vestibule_authn_totp::{Algorithm, Device, Digits};
use vestibule_core::{Clock as _, id::CredentialId, random::SystemRandom, user::Credential};

use crate::{
    house::{Database, at_once, audited, on_both_databases, sixteen_places},
    support::{Browser, Page, TestApp},
};

on_both_databases! {
    a_084_a_code_of_an_app_passes_once_on_any_instance_and_after_a_restart,
    a_084_of_sixteen_answers_with_one_code_one_passes,
}

const KEY: [u8; 20] = *b"12345678901234567890";

/// What the app shows, so many time steps from now.
fn shown(app: &TestApp, steps: i64) -> String {
    let at = u64::try_from(app.clock.now().unix_seconds() + 30 * steps).unwrap();
    totp_rs::Builder::new().with_secret(KEY).build().unwrap().generate(at).to_string()
}

/// A server whose shop asks for a password and the code of an app, and alice with both.
async fn furnished(app: &TestApp) {
    app.chain("default", json!([["password"], ["totp"]])).await;
    let user = app.user("alice", "alice", None).await;
    let (now, random) = (app.clock.now(), SystemRandom::default());
    let device = Credential {
        id: CredentialId::new(now, &random),
        user: user.id,
        authenticator: "totp".into(),
        label: Some("Pixel 9".to_owned()),
        secret: Device::new(KEY.into(), Algorithm::Sha1, Digits::Six).secret().unwrap(),
        version: 1,
        created_at: now,
    };
    app.write(move |tx| tx.insert_credential(&device)).await;
}

/// After the password, where the code is asked for.
async fn at_the_app(app: &TestApp, browser: &mut Browser) -> Page {
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    assert!(page.form_with("code").has_input("version"), "{}", page.body);
    page
}

/// A whole login with this code; whether it passed.
async fn passes(app: &TestApp, code: &str) -> bool {
    let mut browser = app.browser().elsewhere(&app.place());
    let page = at_the_app(app, &mut browser).await;
    browser.submit(&page, "code", &[("code", code)]).await.answer("code").is_some()
}

async fn a_084_a_code_of_an_app_passes_once_on_any_instance_and_after_a_restart(database: Database) {
    let Some(mut app) = database.start().await else { return };
    furnished(&app).await;
    for steps in [-3, -2, 2, 3] {
        assert!(!passes(&app, &shown(&app, steps)).await, "{steps} steps are more than the drift");
    }
    let (older, code) = (shown(&app, -1), shown(&app, 0));
    assert!(passes(&app, &code).await);
    assert!(!passes(&app, &code).await, "the same");
    assert!(!passes(&app, &older).await, "an older one");
    let other = match database {
        Database::Postgres => Some(app.beside().await),
        Database::Sqlite => {
            app = app.restarted().await;
            None
        }
    };
    let elsewhere = other.as_ref().unwrap_or(&app);
    assert!(!passes(elsewhere, &code).await, "the same, at another door");
    assert!(!passes(elsewhere, &older).await, "an older one, at another door");
    assert!(passes(elsewhere, &shown(&app, 1)).await, "the next");
    assert_eq!(audited(&app, "login.completed").await.len(), 2);
}

async fn a_084_of_sixteen_answers_with_one_code_one_passes(database: Database) {
    let Some((app, second)) = database.start_two().await else { return };
    furnished(&app).await;
    let mut ready = Vec::new();
    for place in sixteen_places(&app, second.as_ref()) {
        let mut browser = Browser::new(&app.url);
        let page = at_the_app(&app, &mut browser).await;
        ready.push((browser.elsewhere(&place), page.at(&place)));
    }
    let code = shown(&app, 0);
    let jobs = ready.into_iter().map(|(mut browser, page)| {
        let code = code.clone();
        async move { browser.submit(&page, "code", &[("code", &code)]).await.answer("code").is_some() }
    });
    let passed = at_once(jobs).await.into_iter().filter(|passed| *passed).count();
    assert_eq!(passed, 1);
    assert_eq!(audited(&app, "login.completed").await.len(), 1);
}

#[tokio::test]
async fn nobody_learns_who_has_an_app() {
    let app = TestApp::start().await;
    app.chain("default", json!([["totp"]])).await;
    app.user("bob", "bob", None).await;
    let mut seen = Vec::new();
    for name in ["bob", "nobody"] {
        let mut browser = app.browser();
        let page = browser.open(&app.authorize(&[])).await;
        let page = browser.submit(&page, "code", &[("username", name), ("code", "123456")]).await;
        seen.push((page.status, page.body.replace(name, "…").contains("This is not the code")));
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].1, "{seen:?}");
}
