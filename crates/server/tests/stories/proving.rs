//! What makes a way in, takes one away or gives rights is done at the console by whoever proved a moment ago that it is them.
use crate::support::{Browser, PHONE, Page, TestApp};
use vestibule_core::{
    id::{AuthenticatorName, UserId},
    user::{LoginName, User},
};
use vestibule_server::state::Transaction;

/// Ada, an owner with a password, at the console; and Bea, whom she looks after.
async fn house() -> (TestApp, Browser, User) {
    let app = TestApp::start().await;
    let ada = app.user("ada", "ada", None).await;
    app.write(move |tx| tx.update_user(&User { roles: vec!["vestibule:owner".to_owned()], ..ada.clone() })).await;
    let bea = app.user("bea", "bea", Some(PHONE)).await;
    let mut browser = app.browser();
    let home = signs_in(&mut browser, "/admin").await;
    assert_eq!((home.status.as_u16(), home.url.path()), (200, "/admin"), "{}", home.body);
    (app, browser, bea)
}

async fn signs_in(browser: &mut Browser, door: &str) -> Page {
    let page = browser.open(door).await;
    browser.submit(&page, "password", &[("username", "ada"), ("password", "ada")]).await
}

/// A form of a page.
async fn posts(browser: &mut Browser, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
    let csrf = page.form_with("csrf").filled(&[]).into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    let etag = page.forms().into_iter().find(|form| form.has_input("etag"));
    let etag = etag.and_then(|form| form.filled(&[]).into_iter().find(|(name, _)| name == "etag"));
    let mut all = vec![("csrf", csrf.as_str())];
    all.extend(etag.as_ref().map(|(name, value)| (name.as_str(), value.as_str())));
    all.extend_from_slice(fields);
    let answer = browser.post(path, &all).await;
    browser.follow(answer).await
}

/// The button of the page that asks for a proof, and the proof.
async fn proves(browser: &mut Browser, asked: &Page) -> Page {
    let page = browser.submit(asked, "to", &[]).await;
    assert!(page.url.path().starts_with("/interaction/"), "{} {}", page.url, page.body);
    browser.submit(&page, "password", &[("username", "ada"), ("password", "ada")]).await
}

/// What signs Bea in: her credentials, her number, her roles, and how many links and codes were made.
async fn standing(app: &TestApp, id: UserId) -> (usize, Option<String>, Vec<String>, usize) {
    app.read(move |tx: &mut Transaction| {
        let user = tx.user(id)?.unwrap();
        let made = ["admin.user.password_link", "admin.user.bypass_code", "admin.user.invited"];
        let made = tx.latest_audit(200)?.iter().filter(|event| made.contains(&event.kind.as_str())).count();
        Ok((tx.credentials_of(id)?.len(), user.phone_number, user.roles, made))
    })
    .await
}

async fn credential(app: &TestApp, id: UserId, name: &'static str) -> Option<String> {
    let own = app.read(move |tx| tx.credentials(id, &AuthenticatorName::from(name))).await;
    own.first().map(|own| own.id.to_string())
}

#[tokio::test]
async fn a_console_left_open_makes_no_way_in() {
    let (app, mut ada, bea) = house().await;
    let here = format!("/admin/users/{}", bea.id);
    let page = ada.open(&here).await;
    let password = credential(&app, bea.id, "password").await.unwrap();
    let before = standing(&app, bea.id).await;
    app.advance(301);
    for (below, fields) in [
        ("bypass-code", vec![("life", "3600")]),
        ("password-link", vec![]),
        ("invitation", vec![("show", "yes")]),
        ("factors", vec![("factor", password.as_str())]),
        ("factors", vec![("factor", "phone")]),
        ("roles", vec![("own_roles", "vestibule:owner")]),
    ] {
        let asked = posts(&mut ada, &page, &format!("{here}/{below}"), &fields).await;
        assert_eq!(asked.status, 403, "{below}: {}", asked.body);
        assert!(asked.body.contains("Confirm that it is you"), "{below}: {}", asked.body);
        assert_eq!(standing(&app, bea.id).await, before, "{below}");
    }
    let new = [("username", "eve"), ("own_roles", "vestibule:owner")];
    let asked = posts(&mut ada, &page, "/admin/users/new", &new).await;
    assert_eq!(asked.status, 403, "{}", asked.body);
    let eve = LoginName::parse("eve").unwrap();
    assert!(app.read(move |tx| tx.user_by_login(&eve)).await.is_none());
    let sheet = "username,roles\r\nbea,vestibule:owner\r\n";
    let csrf = page.form_with("csrf").filled(&[]).into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    let asked = ada.upload("/admin/users/import", &[("csrf", &csrf), ("csv", sheet)]).await;
    assert!(asked.status == 403 && asked.body.contains("Confirm that it is you"), "{}", asked.body);
    // What makes no way in goes on as before.
    let saved = posts(&mut ada, &page, &here, &[("edit", "yes"), ("username", "bea"), ("display_name", "Bea")]).await;
    assert_eq!((saved.status.as_u16(), saved.url.path()), (200, here.as_str()), "{}", saved.body);
}

#[tokio::test]
async fn after_the_proof_it_is_done_when_it_is_asked_for_again_and_not_before() {
    let (app, mut ada, bea) = house().await;
    let here = format!("/admin/users/{}", bea.id);
    let page = ada.open(&here).await;
    app.advance(301);
    let asked = posts(&mut ada, &page, &format!("{here}/bypass-code"), &[("life", "3600")]).await;
    let mut before = ada.clone();
    let back = proves(&mut ada, &asked).await;
    assert_eq!((back.status.as_u16(), back.url.path()), (200, here.as_str()), "{}", back.body);
    assert!(back.body.contains("Now do it again"), "{}", back.body);
    assert_eq!(credential(&app, bea.id, "recovery").await, None, "the way back does nothing");
    // Who holds an earlier cookie of this browser has no part in what was proved since.
    let earlier = before.open(&here).await;
    let stolen = posts(&mut before, &earlier, &format!("{here}/bypass-code"), &[("life", "3600")]).await;
    assert_eq!((stolen.status.as_u16(), credential(&app, bea.id, "recovery").await), (403, None), "{}", stolen.body);

    let made = posts(&mut ada, &back, &format!("{here}/bypass-code"), &[("life", "3600")]).await;
    assert_eq!(made.status, 200, "{}", made.body);
    assert!(credential(&app, bea.id, "recovery").await.is_some());
    app.advance(301);
    let late = posts(&mut ada, &back, &format!("{here}/password-link"), &[]).await;
    assert_eq!(late.status, 403, "that was a while ago");
}

#[tokio::test]
async fn a_102_the_way_to_the_proof_is_a_form_of_ours_and_leads_nowhere_else() {
    let (app, mut ada, _) = house().await;
    assert_eq!(ada.post("/admin/confirm", &[("to", "/admin/users")]).await.status, 403, "without a token");
    app.advance(301);
    for to in ["https://elsewhere.example/", "//elsewhere.example", "/portal", "/adminelsewhere"] {
        let page = ada.open("/admin/users").await;
        let asked = posts(&mut ada, &page, "/admin/confirm", &[("to", to)]).await;
        let back = ada.submit(&asked, "password", &[("username", "ada"), ("password", "ada")]).await;
        assert_eq!((back.status.as_u16(), back.url.path()), (200, "/admin"), "{to}: {}", back.body);
        app.advance(301);
    }
    // Somebody else's proof is none of hers, and does not open the console as them.
    app.user("eve", "eve", None).await;
    let page = ada.open("/admin").await;
    let asked = posts(&mut ada, &page, "/admin/confirm", &[("to", "/admin")]).await;
    let denied = ada.submit(&asked, "password", &[("username", "eve"), ("password", "eve")]).await;
    assert!(denied.body.contains("asked for a different account"), "{} {}", denied.url, denied.body);
    assert_eq!(ada.open("/admin/users").await.status, 200, "her own session stays");
}
