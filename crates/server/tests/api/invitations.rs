//! Invitations: a link for who has nothing to sign in with.

use serde_json::{Value, json};
use vestibule_core::user::{LoginName, User};
use vestibule_server::{admin::Role, post, state::Transaction};

use crate::{
    house::{Caller, Reply, admin, person, prepare},
    support::{Page, TestApp},
};

const PASSWORD: &str = "a door of one's own";
const MAILBOX: &str = "ada@example.org";

/// A server that can write mail; what it writes is kept.
async fn server() -> TestApp {
    let app = TestApp::start_with(|settings| settings.post.mail = Some("Mail".into())).await;
    prepare(&app).await;
    let mail = json!({ "name": "Mail", "kind": "mail", "settings": { "preset": "outbox" } });
    let mail = serde_json::from_value(mail).unwrap();
    app.write(move |tx| tx.put_connection(&mail)).await;
    app
}

/// Somebody who is there and has nothing to sign in with.
async fn bare(admin: &Caller) -> String {
    let made = admin.post("/users", &json!({ "username": "ada", "email": MAILBOX })).await.ok().json();
    made["id"].as_str().unwrap().to_owned()
}

async fn invite(caller: &Caller, id: &str, body: &Value) -> Reply {
    caller.post(&format!("/users/{id}/invitation"), body).await
}

async fn shown(caller: &Caller, id: &str) -> String {
    invite(caller, id, &json!({ "show": true })).await.ok().json()["url"].as_str().unwrap().to_owned()
}

async fn mailed(app: &TestApp) -> String {
    post::deliver(&app.state).await.unwrap();
    let text = app.sms().latest_to(MAILBOX).await;
    text.lines().find(|line| line.contains("/invitation/")).unwrap_or_else(|| panic!("{text}")).to_owned()
}

async fn ada(app: &TestApp) -> User {
    let name = LoginName::parse("ada").unwrap();
    app.read(move |tx: &mut Transaction| tx.user_by_login(&name)).await.unwrap()
}

async fn accept(app: &TestApp, page: &Page) -> u16 {
    app.browser().submit(page, "password", &[("password", PASSWORD)]).await.status.as_u16()
}

async fn standing(caller: &Caller, id: &str) -> String {
    caller.get(&format!("/users/{id}/invitation")).await.ok().json()["standing"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_invitation_goes_by_mail_and_proves_the_mailbox() {
    let app = server().await;
    let (owner, helper) = (admin(&app, Role::Owner).await, admin(&app, Role::Helpdesk).await);
    let id = bare(&owner).await;
    assert_eq!(owner.get(&format!("/users/{id}/invitation")).await.status, 404);
    let made = invite(&helper, &id, &json!({ "client": "shop" })).await.ok().json();
    assert!(made["url"].is_null() && made["sent_to"].as_str().unwrap().contains("•••"), "{made}");
    let url = mailed(&app).await;
    // A_083: whoever scans mail opens it, and uses nothing up.
    let mut browser = app.browser();
    for _ in 0..3 {
        assert_eq!(browser.get(&url).await.status, 200);
    }
    let page = browser.get(&url).await;
    assert!(page.body.contains("Shop") && page.body.contains("ada"), "{}", page.body);
    assert_eq!(standing(&owner, &id).await, "open");
    assert!(!ada(&app).await.email_verified);
    let common = browser.submit(&page, "password", &[("password", "qwertyuiop")]).await;
    assert_eq!(common.status, 422);
    assert_eq!(accept(&app, &page).await, 200);
    assert!(ada(&app).await.email_verified);
    assert_eq!(standing(&owner, &id).await, "accepted");
    // A_091: the link again is dead, and the page says so to somebody who opens it twice.
    let dead = browser.get(&url).await;
    assert_eq!(dead.status, 404);
    assert!(dead.body.contains("does not work any more") && dead.body.contains("sign in"), "{}", dead.body);
    assert_eq!(accept(&app, &page).await, 404);
    let events = app.read(|tx| tx.latest_audit(100)).await;
    let kinds: Vec<_> = events.iter().map(|event| event.kind.as_str()).collect();
    assert!(kinds.contains(&"admin.user.invited") && kinds.contains(&"user.accepted"), "{kinds:?}");
    let log = serde_json::to_string(&events).unwrap();
    assert!(!log.contains(url.rsplit('/').next().unwrap()), "no link in the log");
    let again = invite(&helper, &id, &json!({})).await;
    assert_eq!(
        (again.status.as_u16(), again.problem().as_str()),
        (409, "refused"),
        "who has a password is not invited"
    );
}

#[tokio::test]
async fn a_link_that_an_admin_saw_proves_no_mailbox() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let id = bare(&owner).await;
    let url = shown(&owner, &id).await;
    let page = app.browser().get(&url).await;
    assert_eq!(accept(&app, &page).await, 200);
    assert!(!ada(&app).await.email_verified);
    post::deliver(&app.state).await.unwrap();
    assert_eq!(app.sms().count_to(MAILBOX), 0);
}

#[tokio::test]
async fn a_091_a_link_that_went_to_an_address_that_is_not_theirs_any_more_is_dead() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let id = bare(&owner).await;
    invite(&owner, &id, &json!({})).await.ok();
    let url = mailed(&app).await;
    let page = app.browser().get(&url).await;
    let changed = User { email: Some("other@example.org".to_owned()), ..ada(&app).await };
    app.write(move |tx| tx.update_user(&changed)).await;
    assert_eq!(app.browser().get(&url).await.status, 404, "it went to the wrong person");
    assert_eq!(accept(&app, &page).await, 404);
    let id = ada(&app).await.id;
    assert_eq!(app.read(move |tx| tx.credentials_of(id)).await.len(), 0);
}

#[tokio::test]
async fn a_091_an_older_link_a_revoked_one_and_one_whose_time_is_over_are_dead() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let id = bare(&owner).await;
    let (first, second) = (shown(&owner, &id).await, shown(&owner, &id).await);
    let mut browser = app.browser();
    assert_eq!(browser.get(&first).await.status, 404, "the last one alone works");
    let page = browser.get(&second).await;
    assert_eq!(page.status, 200);
    let made_up = format!("{}x", &second[..second.len() - 1]);
    assert_eq!(browser.get(&made_up).await.status, 404);
    assert_eq!(browser.post(&second, &[("password", PASSWORD), ("csrf", "x")]).await.status, 403);
    assert_eq!(owner.call("DELETE", &format!("/users/{id}/invitation"), None).await.status, 204);
    assert_eq!(owner.call("DELETE", &format!("/users/{id}/invitation"), None).await.status, 404);
    assert_eq!(browser.get(&second).await.status, 404);
    assert_eq!(accept(&app, &page).await, 404);
    assert_eq!(standing(&owner, &id).await, "revoked");
    let third = shown(&owner, &id).await;
    let page = browser.get(&third).await;
    app.advance(7 * 86_400);
    assert_eq!(browser.get(&third).await.status, 404);
    assert_eq!(accept(&app, &page).await, 404);
    let id = ada(&app).await.id;
    let left = app.read(move |tx| tx.invitation_of(id)).await.unwrap();
    assert!(left.accepted_at.is_none() && !left.alive(vestibule_core::Clock::now(&*app.clock)));
}

#[tokio::test]
async fn an_invitation_opens_no_account_that_is_locked_or_became_more() {
    let app = server().await;
    let (owner, helper) = (admin(&app, Role::Owner).await, admin(&app, Role::Helpdesk).await);
    let id = bare(&owner).await;
    let url = shown(&helper, &id).await;
    let promoted = User { roles: vec![Role::Owner.name().to_owned()], ..ada(&app).await };
    app.write(move |tx| tx.update_user(&promoted)).await;
    assert_eq!(app.browser().get(&url).await.status, 404, "whoever made it might not make one for an owner");
    assert_eq!(invite(&helper, &id, &json!({})).await.status, 403);
    let back = User { roles: Vec::new(), ..ada(&app).await };
    app.write(move |tx| tx.update_user(&back)).await;
    assert_eq!(app.browser().get(&url).await.status, 200);
    let locked = User { disabled: true, ..ada(&app).await };
    app.write(move |tx| tx.update_user(&locked)).await;
    assert_eq!(app.browser().get(&url).await.status, 404);
    assert_eq!(invite(&owner, &id, &json!({})).await.status, 409);
    let free = User { disabled: false, ..ada(&app).await };
    app.write(move |tx| tx.update_user(&free)).await;
    assert_eq!(app.browser().get(&url).await.status, 404, "who is let in again begins anew");
    let lived_in = person(&app, "bob", &[]).await;
    assert_eq!(invite(&owner, &lived_in.id.to_string(), &json!({})).await.status, 409);
    assert_eq!(invite(&owner, &id, &json!({ "client": "nowhere" })).await.status, 400);
}

#[tokio::test]
async fn of_64_who_accept_one_does() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let id = bare(&owner).await;
    let url = shown(&owner, &id).await;
    let page = app.browser().get(&url).await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..64 {
        let (mut browser, page) = (app.browser(), page.at(&app.place()));
        all.spawn(async move {
            let word = format!("a door of number {number}");
            browser.submit(&page, "password", &[("password", &word)]).await.status.as_u16()
        });
    }
    let answers = all.join_all().await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    // There is no room for all in the queue of hashes: some are told to come again.
    assert!(answers.iter().all(|status| [200, 404, 503].contains(status)), "{answers:?}");
    let id = ada(&app).await.id;
    assert_eq!(app.read(move |tx| tx.credentials_of(id)).await.len(), 1);
}

#[tokio::test]
async fn those_of_a_file_are_invited_who_have_an_address_and_no_password() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let file = "username,email\nada,ada@example.org\nbea,\n";
    let report = owner.send("POST", "/users/import?invite=true", Some(file), "text/csv").await.ok().json();
    assert_eq!((&report["created"], &report["invited"]), (&json!(2), &json!(1)), "{report}");
    let url = mailed(&app).await;
    assert_eq!(app.browser().get(&url).await.status, 200);
    let again = owner.send("POST", "/users/import?invite=true", Some(file), "text/csv").await.ok().json();
    assert!(again["invited"].is_null(), "who was there is not invited again: {again}");
}

#[tokio::test]
async fn registration_is_closed_and_opened_again_where_the_settings_allow_it() {
    let app = server().await;
    let owner = admin(&app, Role::Owner).await;
    let found = owner.get("/registration").await.ok().json();
    assert_eq!((&found["allowed"], &found["open"]), (&json!(false), &json!(false)));
    assert_eq!(owner.call("PUT", "/registration", Some(&json!({ "open": true }))).await.status, 409);
    let app = TestApp::start_with(|settings| settings.registration.enabled = true).await;
    prepare(&app).await;
    let owner = admin(&app, Role::Owner).await;
    assert_eq!(app.browser().get("/register").await.status, 200);
    let closed = owner.call("PUT", "/registration", Some(&json!({ "open": false }))).await.ok().json();
    assert_eq!(closed["open"], json!(false));
    assert_eq!(app.browser().get("/register").await.status, 404);
    assert!(!app.browser().open(&app.authorize(&[])).await.body.contains("/register"));
    owner.call("PUT", "/registration", Some(&json!({ "open": true }))).await.ok();
    assert_eq!(app.browser().get("/register").await.status, 200);
}
