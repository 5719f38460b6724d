//! The user portal: setting up, renaming and taking away ways to sign in, the password, and what happened.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod order;
mod own;
mod trying;

#[path = "../support/mod.rs"]
mod support;

use serde_json::json;
use support::{Browser, PHONE, Page, TestApp, html};
use vestibule_core::{
    Clock as _,
    audit::AuditEvent,
    id::{CredentialId, InteractionId, UserId},
    random::SystemRandom,
    user::{Credential, User},
};
use vestibule_server::config::Settings;

/// A server whose portal lets in with a password alone, though it can send codes.
async fn easy() -> (TestApp, User) {
    easy_with(|_| {}).await
}

/// The same with other settings.
async fn easy_with(change: impl FnOnce(&mut Settings)) -> (TestApp, User) {
    let app = TestApp::start_with(|settings| {
        settings.limits.budgets.cooldown = std::time::Duration::ZERO;
        change(settings);
    })
    .await;
    let sms = json!({ "authenticator": "smsotp", "connection": "SMSOTP" });
    app.chain("strong", json!([["password"], [sms]])).await;
    app.chain("default", json!([["password"]])).await;
    app.write(|tx| {
        let mut portal = tx.clients()?.into_iter().find(|client| client.id.as_str() == "userportal").unwrap();
        portal.chain = Some("default".into());
        tx.put_client(&portal)
    })
    .await;
    let alice = app.alice().await;
    (app, alice)
}

async fn enters(browser: &mut Browser, path: &str) -> Page {
    let page = browser.open(path).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    assert_eq!((page.status.as_u16(), page.url.path()), (200, path), "{}", page.body);
    page
}

fn csrf(page: &Page) -> String {
    page.form_with("csrf").inputs.iter().find(|(name, _)| name == "csrf").unwrap().1.clone()
}

/// Posts a form of the portal and goes where that leads.
async fn posts(browser: &mut Browser, page: &Page, path: &str, more: &[(&str, &str)]) -> Page {
    let token = csrf(page);
    let form: Vec<_> = [("csrf", token.as_str())].into_iter().chain(more.iter().copied()).collect();
    let answer = browser.post(path, &form).await;
    browser.follow(answer).await
}

/// Takes the way that is offered, where one has to say so: nothing is sent before.
async fn takes_the_way(browser: &mut Browser, page: Page) -> Page {
    let buttons = page.forms().into_iter().flat_map(|form| form.buttons);
    let ways: Vec<_> = buttons.filter(|(name, _)| name == "alternative").map(|(_, way)| way).collect();
    match ways.as_slice() {
        [way] => browser.submit(&page, "csrf", &[("alternative", way)]).await,
        _ => page,
    }
}

/// Proves once more that it is Alice, by the code that is sent to her.
async fn proves(app: &TestApp, browser: &mut Browser, page: &Page, to: &str) -> Page {
    let sent = app.sms().count_to(PHONE);
    let page = posts(browser, page, "/portal/confirm", &[("to", to)]).await;
    assert!(page.url.path().starts_with("/interaction/"), "{} {}", page.url, page.body);
    let page = if page.forms().iter().any(|form| form.has_input("password")) {
        browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await
    } else {
        page
    };
    let page = takes_the_way(browser, page).await;
    app.sms().wait_for(PHONE, sent + 1).await;
    let code = app.sms().code_to(PHONE).await;
    browser.submit(&page, "code", &[("code", &code)]).await
}

async fn audited(app: &TestApp, kind: &'static str) -> Vec<AuditEvent> {
    let events = app.read(|tx| tx.latest_audit(200)).await;
    events.into_iter().filter(|event| event.kind == kind).collect()
}

async fn number(app: &TestApp, user: UserId) -> Option<String> {
    app.read(move |tx| tx.user(user)).await.unwrap().phone_number
}

/// What the app of [`app_key`] shows now: its key is twenty times a seven.
fn app_code(app: &TestApp) -> String {
    let uri = format!("otpauth://totp/x:alice?secret={}&issuer=x", "A4DQOBYH".repeat(4));
    let at = u64::try_from(app.clock.now().unix_seconds()).unwrap();
    totp_rs::Totp::from_url(uri).unwrap().generate(at).to_string()
}

async fn app_key(app: &TestApp, user: UserId) -> Credential {
    let now = app.clock.now();
    let credential = Credential {
        id: CredentialId::new(now, &SystemRandom::default()),
        user,
        authenticator: "totp".into(),
        label: Some("Old phone".to_owned()),
        secret: vestibule_authn_totp::Device::new(
            vec![7; 20],
            vestibule_authn_totp::Algorithm::Sha1,
            vestibule_authn_totp::Digits::Six,
        )
        .secret()
        .unwrap(),
        version: 1,
        created_at: now,
    };
    let saved = credential.clone();
    app.write(move |tx| tx.insert_credential(&saved)).await;
    credential
}

#[tokio::test]
async fn an_app_is_set_up_with_a_picture_after_a_proof_and_the_page_says_so() {
    let (app, alice) = easy().await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/factors").await;
    assert!(page.body.contains("/portal/factors/add/totp"), "{}", page.body);

    let page = posts(&mut browser, &page, "/portal/factors/add/totp", &[]).await;
    assert!(!page.body.contains("<svg"), "a password alone binds nothing beside a telephone: {}", page.body);
    let page = takes_the_way(&mut browser, page).await;
    app.sms().wait_for(PHONE, 1).await;
    let code = app.sms().code_to(PHONE).await;
    let page = browser.submit(&page, "code", &[("code", &code)]).await;
    let page = takes_the_way(&mut browser, page).await;
    assert!(page.body.contains("<svg role=\"img\""), "{}", page.body);
    let uri = html::links(&page.body).into_iter().find(|href| href.starts_with("otpauth://")).unwrap();
    let at = u64::try_from(app.clock.now().unix_seconds()).unwrap();
    let code = totp_rs::Totp::from_url(&uri).unwrap().generate(at).to_string();
    let done = browser.submit(&page, "label", &[("code", &code), ("label", "Pixel <9>")]).await;
    assert_eq!((done.status.as_u16(), done.url.path()), (200, "/portal/factors"), "{}", done.body);
    assert!(done.body.contains("This is set up.") && done.body.contains("Pixel &lt;9&gt;"), "{}", done.body);
    assert_eq!(audited(&app, "factor.enrolled").await.len(), 1);
    let own = app.read(move |tx| tx.credentials(alice.id, &"totp".into())).await;
    assert_eq!(own.len(), 1);

    // The address alone makes nobody believe that something was set up.
    app.advance(301);
    let page = browser.open("/portal/factors?added=totp").await;
    assert!(!page.body.contains("This is set up."), "{}", page.body);
}

#[tokio::test]
async fn a_085_a_factor_is_not_taken_away_by_a_password_alone_and_not_by_a_proof_of_before() {
    let (app, alice) = easy().await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/factors/phone").await;
    assert!(!page.body.contains("/portal/factors/phone/remove"), "no button before the proof: {}", page.body);
    let refused = posts(&mut browser, &page, "/portal/factors/phone/remove", &[]).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert_eq!(number(&app, alice.id).await.as_deref(), Some(PHONE));

    let mut before = browser.clone();
    let page = proves(&app, &mut browser, &page, "/portal/factors/phone").await;
    assert_eq!(page.url.path(), "/portal/factors/phone", "{}", page.body);
    assert!(page.body.contains("/portal/factors/phone/remove"), "{}", page.body);
    // Who holds an earlier cookie of this browser has no part in what was proved since.
    let earlier = before.open("/portal/factors/phone").await;
    let stolen = posts(&mut before, &earlier, "/portal/factors/phone/remove", &[]).await;
    assert_eq!(stolen.status, 403);
    app.advance(301);
    let late = posts(&mut browser, &page, "/portal/factors/phone/remove", &[]).await;
    assert_eq!(late.status, 403, "that was a while ago");
    assert_eq!(number(&app, alice.id).await.as_deref(), Some(PHONE));

    let page = proves(&app, &mut browser, &late, "/portal/factors/phone").await;
    let gone = posts(&mut browser, &page, "/portal/factors/phone/remove", &[]).await;
    assert_eq!((gone.status.as_u16(), gone.url.path()), (200, "/portal/factors"), "{}", gone.body);
    assert_eq!(number(&app, alice.id).await, None);
    let told = audited(&app, "factor.removed").await;
    assert_eq!(told[0].details["authenticator"], "smsotp");
}

#[tokio::test]
async fn nobody_takes_away_or_renames_what_is_not_theirs_or_without_the_form() {
    let (app, _) = easy().await;
    let mallory = app.user("mallory", "mallory", None).await;
    let hers = app_key(&app, mallory.id).await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/factors").await;
    let page = proves(&app, &mut browser, &page, "/portal/factors").await;
    for path in ["remove", "rename"] {
        let path = format!("/portal/factors/{}/{path}", hers.id);
        assert_eq!(posts(&mut browser, &page, &path, &[("label", "x")]).await.status, 404);
        assert_eq!(browser.post(&path, &[("csrf", "x")]).await.status, 403);
        assert_eq!(browser.get(&path).await.status, 405);
    }
    assert_eq!(browser.open(&format!("/portal/factors/{}", hers.id)).await.status, 404);
    let kept = app.read(move |tx| tx.credentials(mallory.id, &"totp".into())).await;
    assert_eq!(kept[0].label.as_deref(), Some("Old phone"));
}

#[tokio::test]
async fn a_device_gets_another_name_and_keeps_its_key() {
    let (app, alice) = easy().await;
    let own = app_key(&app, alice.id).await;
    let mut browser = app.browser();
    let page = enters(&mut browser, &format!("/portal/factors/{}", own.id)).await;
    let path = format!("/portal/factors/{}/rename", own.id);
    let done = posts(&mut browser, &page, &path, &[("label", &format!(" Pixel\u{7} {}", "x".repeat(100)))]).await;
    assert!(done.body.contains("It has its new name."), "{}", done.body);
    let renamed = app.read(move |tx| tx.credentials(alice.id, &"totp".into())).await.remove(0);
    let label = renamed.label.unwrap();
    assert!(label.starts_with("Pixel x") && label.chars().count() == 64, "{label}");
    assert_eq!((renamed.id, renamed.version, renamed.created_at), (own.id, own.version, own.created_at));
    use secrecy::ExposeSecret as _;
    assert_eq!(renamed.secret.expose_secret(), own.secret.expose_secret());
}

#[tokio::test]
async fn the_last_way_to_sign_in_stays() {
    let app = TestApp::start_with(|settings| settings.limits.budgets.cooldown = std::time::Duration::ZERO).await;
    app.write(|tx| {
        let mut portal = tx.clients()?.into_iter().find(|client| client.id.as_str() == "userportal").unwrap();
        portal.chain = Some("default".into());
        tx.put_client(&portal)
    })
    .await;
    let alice = app.alice().await;
    let mut browser = app.browser();
    let page = browser.open("/portal/factors/phone").await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let code = app.sms().code_to(PHONE).await;
    let page = browser.submit(&page, "code", &[("code", &code)]).await;
    let kept = posts(&mut browser, &page, "/portal/factors/phone/remove", &[]).await;
    assert_eq!(kept.status, 409, "{}", kept.body);
    assert!(kept.body.contains("Set up another way first"), "{}", kept.body);
    assert_eq!(number(&app, alice.id).await.as_deref(), Some(PHONE));
    assert!(audited(&app, "factor.removed").await.is_empty());
}

#[tokio::test]
async fn nobody_outside_sends_anybody_on_an_errand() {
    let (app, _) = easy().await;
    let mut browser = app.browser();
    let errand = r#"{"errand":"enrol","authenticator":"totp"}"#;
    let asked: [&[(&str, &str)]; 4] = [
        &[("errand", errand)],
        &[("errand", "enrol"), ("authenticator", "totp")],
        &[("errand", "confirm")],
        &[("request_errand", errand), ("payload", errand)],
    ];
    for client in ["shop", "userportal"] {
        let callback = format!("{}/portal/callback", app.url);
        let usual: &[(&str, &str)] = if client == "shop" {
            &[]
        } else {
            &[("client_id", client), ("redirect_uri", &callback), ("scope", "openid")]
        };
        for more in asked {
            let page = browser.open(&app.authorize(&[usual, more].concat())).await;
            let id: InteractionId = page.url.path().rsplit_once('/').unwrap().1.parse().unwrap();
            let begun = app.read(move |tx| tx.interaction(id)).await.unwrap();
            assert_eq!((begun.request.errand, begun.tail.len()), (None, 0), "{client} {more:?}");
        }
    }
    // Nor another page, nor a link.
    let page = enters(&mut browser, "/portal/factors").await;
    let token = csrf(&page);
    for path in ["/portal/factors/add/totp", "/portal/confirm"] {
        assert_eq!(browser.get(path).await.status, 405, "{path}");
        assert_eq!(browser.post(path, &[]).await.status, 403, "{path}");
        let mut foreign = browser.clone();
        foreign.headers.push(("sec-fetch-site".into(), "cross-site".into()));
        assert_eq!(foreign.post(path, &[("csrf", &token)]).await.status, 403, "{path}");
    }
    assert_eq!(browser.post("/portal/factors/add/password2", &[("csrf", &token)]).await.status, 404);
    let away = posts(&mut browser, &page, "/portal/confirm", &[("to", "https://evil.example/")]).await;
    assert!(away.url.as_str().starts_with(&app.url), "{}", away.url);
}

#[tokio::test]
async fn an_errand_is_for_whoever_set_out_on_it() {
    let (app, alice) = easy().await;
    app.user("mallory", "mallory", None).await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/factors").await;
    app.advance(301);
    let page = posts(&mut browser, &page, "/portal/confirm", &[("to", "/portal/factors/phone")]).await;
    assert!(page.forms().iter().any(|form| form.has_input("password")), "asked anew: {}", page.body);
    let told = browser.submit(&page, "password", &[("username", "mallory"), ("password", "mallory")]).await;
    assert!(!told.url.path().starts_with("/portal"), "{} {}", told.url, told.body);
    assert_eq!(number(&app, alice.id).await.as_deref(), Some(PHONE));
}

#[tokio::test]
async fn a_068_a_password_is_changed_with_the_present_one_and_a_proof_only() {
    let (app, alice) = easy().await;
    let (mut here, mut there) = (app.browser(), app.browser());
    enters(&mut there, "/portal").await;
    let page = enters(&mut here, "/portal/password").await;
    let new = "three words and one";
    let hash = |app: &TestApp| {
        let read = app.state.clone();
        async move {
            use vestibule_core::store::StoreExt as _;
            let own = move |tx: &mut vestibule_server::state::Transaction| tx.credentials(alice.id, &"password".into());
            read.store.read(own).await.unwrap().remove(0).id
        }
    };
    let old = hash(&app).await;
    let refused = posts(&mut here, &page, "/portal/password", &[("current", "alice"), ("password", new)]).await;
    assert_eq!(refused.status, 403, "her telephone was not asked for: {}", refused.body);

    let page = proves(&app, &mut here, &page, "/portal/password").await;
    assert!(page.forms().iter().any(|form| form.has_input("current")), "{}", page.body);
    for (current, password) in [
        ("wrong", new),
        ("", new),
        ("alice", "short"),
        ("alice", "alice"),
        ("alice", "alice-1984"),
        ("alice", "password123"),
    ] {
        let told = posts(&mut here, &page, "/portal/password", &[("current", current), ("password", password)]).await;
        assert_eq!(told.status, 422, "{current} {password}: {}", told.body);
    }
    assert_eq!(hash(&app).await, old);
    let done = posts(&mut here, &page, "/portal/password", &[("current", "alice"), ("password", new)]).await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert_ne!(hash(&app).await, old);
    assert_eq!(audited(&app, "password.changed").await.len(), 1);
    assert_eq!(here.open("/portal").await.url.path(), "/portal", "this browser stays");
    assert!(there.open("/portal").await.url.path().starts_with("/interaction/"), "every other is signed out");
    let mut again = app.browser();
    let page = again.open("/portal").await;
    let page = again.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    assert!(page.url.path().starts_with("/interaction/"), "the old one is no good");
    let page = again.submit(&page, "password", &[("username", "alice"), ("password", new)]).await;
    assert_eq!(page.url.path(), "/portal", "{}", page.body);
}

#[tokio::test]
async fn guessing_the_present_password_ends() {
    let (app, _) = easy().await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/password").await;
    let page = proves(&app, &mut browser, &page, "/portal/password").await;
    let mut last = page.clone();
    for n in 0..12 {
        let guess = format!("guess {n}");
        last =
            posts(&mut browser, &page, "/portal/password", &[("current", &guess), ("password", "three words")]).await;
    }
    assert_eq!(last.status, 429, "{}", last.body);
    let right = [("current", "alice"), ("password", "three words")];
    assert_eq!(posts(&mut browser, &page, "/portal/password", &right).await.status, 429);
    assert!(!audited(&app, "step.rejected").await.is_empty());
}

#[tokio::test]
async fn one_sees_ones_own_activity_page_by_page_and_says_that_it_was_not_oneself() {
    let (app, alice) = easy().await;
    let mallory = app.user("mallory", "mallory", None).await;
    let (mut here, mut there) = (app.browser(), app.browser());
    enters(&mut there, "/portal").await;
    enters(&mut here, "/portal").await;
    let now = app.clock.now();
    app.write(move |tx| {
        for n in 0..70_i64 {
            for (user, network) in [(alice.id, format!("192.0.2.{n}")), (mallory.id, "203.0.113.9".to_owned())] {
                let at = vestibule_core::Time(now.0 - n * 1_000_000);
                let event = AuditEvent {
                    user: Some(user),
                    network: Some(network),
                    ..AuditEvent::new("session.ended", at, &SystemRandom::default())
                };
                tx.append_audit(&event)?;
            }
        }
        Ok(())
    })
    .await;
    let mut page = here.open("/portal/activity").await;
    let first = page.clone();
    let mut seen = std::collections::BTreeSet::new();
    for turn in 0..10 {
        assert!(!page.body.contains("203.0.113.9"), "what is somebody else's: {}", page.body);
        let before = seen.len();
        seen.extend((0..70).map(|n| format!("192.0.2.{n}<")).filter(|network| page.body.contains(network.as_str())));
        assert!(turn == 9 || seen.len() > before || !page.body.contains("before="), "a page says something new");
        let older = html::links(&page.body).into_iter().find(|href| href.contains("before="));
        let Some(older) = older else { break };
        page = here.open(&older).await;
    }
    assert_eq!(seen.len(), 70);

    let button = first.forms().into_iter().flat_map(|form| form.buttons).find(|(name, _)| name == "event").unwrap();
    assert_eq!(here.post("/portal/activity", &[("event", &button.1)]).await.status, 403, "not without the form");
    let done = posts(&mut here, &first, "/portal/activity", &[("event", &button.1)]).await;
    assert!(done.body.contains("You are signed out everywhere else"), "{}", done.body);
    assert!(there.open("/portal").await.url.path().starts_with("/interaction/"));
    assert_eq!(here.open("/portal").await.url.path(), "/portal");
    assert_eq!(audited(&app, "activity.disowned").await[0].details["event"], button.1);
}

#[tokio::test]
async fn the_overview_says_what_is_missing() {
    let (app, mut alice) = easy().await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal").await;
    assert!(page.body.contains("You have one way besides your password."), "{}", page.body);
    app_key(&app, alice.id).await;
    assert!(browser.open("/portal").await.body.contains("Your password alone opens nothing."));
    let keys = app.read(move |tx| tx.credentials(alice.id, &"totp".into())).await;
    alice.phone_number = None;
    alice.phone_number_verified = false;
    app.write(move |tx| {
        keys.iter().try_for_each(|key| tx.delete_credential(key.id).map(drop))?;
        tx.update_user(&alice)
    })
    .await;
    let page = browser.open("/portal").await;
    assert!(page.body.contains("Only your password protects this account."), "{}", page.body);
}
