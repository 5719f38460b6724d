//! The console refuses: who has no role, a form of another browser, an older version, and a link that was used.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use secrecy::ExposeSecret as _;
use support::{Browser, TestApp};
use vestibule_core::{Clock as _, id::UserId, random::SystemRandom, user::LoginName};
use vestibule_server::{admin::record::By, console::entry};

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
