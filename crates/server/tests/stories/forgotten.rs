//! Somebody forgot their password and chooses another by a link that is mailed to them: in a browser without scripts.

use std::time::Duration;

use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::json;
use vestibule_core::{audit::AuditEvent, user::User};
use vestibule_server::config::Settings;

use crate::support::{Browser, PHONE, Page, TestApp};

const ADDRESS: &str = "alice@example.com";
const NEW: &str = "quiet otters juggle";

/// A house in which passwords may be forgotten.
async fn house() -> TestApp {
    house_with(|_| {}).await
}

async fn house_with(change: impl FnOnce(&mut Settings)) -> TestApp {
    let app = TestApp::start_with(|settings| {
        settings.password.reset = true;
        settings.post.mail = Some("Mail".into());
        // What is told of it besides is another story.
        settings.post.notices = false;
        change(settings);
    })
    .await;
    let mail = json!({ "name": "Mail", "kind": "mail", "settings": { "preset": "outbox" } });
    let mail = serde_json::from_value(mail).unwrap();
    app.write(move |tx| tx.put_connection(&mail)).await;
    app
}

async fn ask(browser: &mut Browser, name: &str) -> Page {
    let page = browser.open("/forgot-password").await;
    browser.submit(&page, "username", &[("username", name)]).await
}

async fn events(app: &TestApp, kind: &str) -> Vec<AuditEvent> {
    let page = app.read(|tx| tx.audit_page(&Default::default(), None, 500)).await;
    page.entries.into_iter().map(|entry| entry.event).filter(|event| event.kind == kind).collect()
}

/// Waits until so many wishes were looked up.
async fn looked_up(app: &TestApp, count: usize) {
    for _ in 0..500 {
        if events(app, "password.reset_asked").await.len() >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not all {count} wishes were looked up");
}

/// The links that were mailed to an address, the newest last.
async fn links(app: &TestApp, to: &str, count: usize) -> Vec<String> {
    app.sms().wait_for(to, count).await;
    let all = app.outbox.messages().into_iter().filter(|message| message.to == to);
    let mut links: Vec<String> = all
        .map(|message| message.body.lines().find(|line| line.contains("/reset-password/")).unwrap().to_owned())
        .collect();
    if app.outbox.messages().first().map(|message| message.at) > app.outbox.messages().last().map(|message| message.at)
    {
        links.reverse();
    }
    links
}

/// Whether a password opens the first door. A minute later, so that the next code may be sent.
async fn signed_in(app: &TestApp, password: &str) -> bool {
    app.advance(60);
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", password)]).await;
    page.forms().iter().any(|form| form.inputs.iter().any(|(name, _)| name == "code"))
}

#[tokio::test]
async fn a_067_a_link_is_good_once_ends_what_was_begun_and_leaves_the_other_steps_due() {
    let app = house().await;
    let alice = app.alice().await;
    let mut before = app.browser();
    assert!(app.log_in(&mut before, "alice", "alice", PHONE).await.answer("code").is_some());
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "forgotten")]).await;
    assert!(page.body.contains("/forgot-password?username&#x3D;alice"), "the name is known: {}", page.body);
    let page = browser.open("/forgot-password?username=alice").await;
    assert!(page.body.contains(r#"value="alice""#), "{}", page.body);
    let page = browser.submit(&page, "username", &[("username", "alice")]).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let [link] = links(&app, ADDRESS, 1).await.try_into().unwrap();

    // A program that looks at mail opens the link, in any way but by posting.
    let mut scanner = app.browser();
    for method in [Method::GET, Method::GET, Method::HEAD, Method::OPTIONS] {
        scanner.request(method, &link, None).await;
    }
    let mut mailbox = app.browser();
    let page = mailbox.open(&link).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let short = mailbox.submit(&page, "password", &[("password", "short")]).await;
    assert_eq!(short.status, 422, "a password that is refused spends nothing: {}", short.body);
    assert!(signed_in(&app, "alice").await, "until then the old one is good");
    let done = mailbox.submit(&page, "password", &[("password", NEW)]).await;
    assert_eq!(done.status, 200, "{}", done.body);
    assert!(done.cookies_set().is_empty(), "nobody is signed in by it: {:?}", done.cookies_set());

    assert_eq!(mailbox.open(&link).await.status, 404, "once");
    let again = mailbox.submit(&page, "password", &[("password", "another quiet otter")]).await;
    assert_eq!(again.status, 404, "once");
    assert!(!signed_in(&app, "alice").await);
    assert!(signed_in(&app, NEW).await, "and the code is asked for as before");
    let page = before.open(&app.authorize(&[("prompt", "none")])).await;
    assert_eq!(page.answer("error").as_deref(), Some("login_required"), "whoever was signed in is not any more");
    let [event] = events(&app, "password.reset").await.try_into().unwrap();
    assert_eq!(event.user, Some(alice.id));
}

#[tokio::test]
async fn a_password_that_others_may_know_is_not_chosen_again_behind_a_link() {
    let app = house().await;
    let alice = app.user("alice", "correct horse battery", None).await;
    app.write(move |tx| {
        let own = tx.credentials(alice.id, &"password".into())?.pop().unwrap();
        let marked = vestibule_authn_password::marked(own.secret.expose_secret());
        assert!(tx.renew_credential(own.id, own.version, &marked)?);
        Ok(())
    })
    .await;
    ask(&mut app.browser(), "alice").await;
    let link = links(&app, ADDRESS, 1).await.remove(0);
    let mut browser = app.browser();
    let page = browser.open(&link).await;
    let same = browser.submit(&page, "password", &[("password", "correct horse battery")]).await;
    assert!(same.status == 422 && same.body.contains("Others may know this password"), "{}", same.body);
    assert_eq!(browser.submit(&page, "password", &[("password", NEW)]).await.status, 200);
}

#[tokio::test]
async fn a_067_whoever_got_another_password_is_told_by_their_other_ways() {
    let app = house_with(|settings| {
        settings.post.notices = true;
        settings.post.sms = Some("SMSOTP".into());
    })
    .await;
    app.alice().await;
    ask(&mut app.browser(), "alice").await;
    let link = links(&app, ADDRESS, 1).await.remove(0);
    let mut browser = app.browser();
    let page = browser.open(&link).await;
    assert_eq!(app.sms().count_to(PHONE), 0, "nothing has happened yet");
    assert_eq!(browser.submit(&page, "password", &[("password", NEW)]).await.status, 200);
    for _ in 0..1000 {
        if app.sms().count_to(PHONE) > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let told = app.sms().latest_to(PHONE).await;
    assert!(told.contains("localhost") && !told.contains("/reset-password/") && !told.contains(NEW), "{told}");
}

#[tokio::test]
async fn a_067_of_several_links_the_newest_alone_works_and_none_for_long() {
    let app = house().await;
    app.alice().await;
    ask(&mut app.browser(), "alice").await;
    let first = links(&app, ADDRESS, 1).await.remove(0);
    app.advance(1);
    ask(&mut app.browser(), "ALICE@example.com ").await;
    let both = links(&app, ADDRESS, 2).await;
    let second = both.iter().find(|link| **link != first).unwrap();
    assert_eq!(app.browser().open(&first).await.status, 404);
    assert_eq!(app.browser().open(second).await.status, 200);
    app.advance(30 * 60 + 1);
    assert_eq!(app.browser().open(second).await.status, 404, "after half an hour");
}

#[tokio::test]
async fn a_067_a_link_dies_with_the_mailbox_and_the_password_that_it_was_for() {
    let app = house().await;
    let alice = app.alice().await;
    ask(&mut app.browser(), "alice").await;
    let link = links(&app, ADDRESS, 1).await.remove(0);
    let put = async |user: User| app.write(move |tx| tx.update_user(&user)).await;
    for other in [
        User { email: Some("other@example.com".to_owned()), ..alice.clone() },
        User { email_verified: false, ..alice.clone() },
        User { roles: vec!["vestibule:owner".to_owned()], ..alice.clone() },
    ] {
        put(other.clone()).await;
        assert_eq!(app.browser().open(&link).await.status, 404, "{other:?}");
    }
    put(alice.clone()).await;
    assert_eq!(app.browser().open(&link).await.status, 200, "as it was");
    put(User { disabled: true, ..alice.clone() }).await;
    put(alice.clone()).await;
    assert_eq!(app.browser().open(&link).await.status, 404, "to be disabled ends it for good");
}

#[tokio::test]
async fn nobody_gets_a_link_who_is_disabled_looks_after_the_server_or_has_no_mailbox_or_no_password() {
    let app = house().await;
    let of = async |name: &str, change: fn(User) -> User| {
        let user = change(app.user(name, "password", None).await);
        app.write(move |tx| tx.update_user(&user)).await;
    };
    of("disabled", |user| User { disabled: true, ..user }).await;
    of("owner", |user| User { roles: vec!["vestibule:owner".to_owned()], ..user }).await;
    of("unproved", |user| User { email_verified: false, ..user }).await;
    of("mailless", |user| User { email: None, email_verified: false, ..user }).await;
    let keyed = app.user("keyed", "password", None).await;
    app.write(move |tx| {
        let own = tx.credentials(keyed.id, &"password".into())?;
        own.iter().try_for_each(|own| tx.delete_credential(own.id).map(drop))
    })
    .await;
    let names = ["disabled", "owner", "unproved", "mailless", "keyed", "nobody"];
    for name in names {
        assert_eq!(ask(&mut app.browser(), name).await.status, 200, "{name}");
    }
    looked_up(&app, names.len()).await;
    let now = vestibule_core::Clock::now(&*app.clock);
    assert_eq!(app.read(move |tx| tx.due_posts(now, 10)).await.len(), 0);
    assert_eq!(app.outbox.messages().len(), 0);
}

#[tokio::test]
async fn too_many_wishes_are_refused_by_network_and_name_and_one_mailbox_is_not_flooded() {
    let app = house_with(|settings| settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]).await;
    app.alice().await;
    let from = |network: &str| {
        let mut browser = app.browser();
        browser.headers.push(("x-forwarded-for".to_owned(), network.to_owned()));
        browser
    };
    for name in ["alice", "Alice", "ALICE", " alice", "alice "] {
        assert_eq!(ask(&mut from("192.0.2.1"), name).await.status, 200, "{name:?}");
    }
    let refused = ask(&mut from("192.0.2.1"), "ａｌｉｃｅ").await;
    assert_eq!(refused.status, 429, "one name however spelt");
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(ask(&mut from("192.0.2.2"), "alice").await.status, 200, "elsewhere it goes on");
    for number in 0..15 {
        assert_eq!(ask(&mut from("192.0.2.1"), &format!("nobody{number}")).await.status, 200);
    }
    assert_eq!(ask(&mut from("192.0.2.1"), "nobody").await.status, 429, "twenty from one network");
    looked_up(&app, 21).await;
    links(&app, ADDRESS, 5).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(app.sms().count_to(ADDRESS), 5, "and no more to one person, from wherever it was asked");
    app.advance(3601);
    assert_eq!(ask(&mut from("192.0.2.1"), "alice").await.status, 200, "after an hour");
}

#[tokio::test]
async fn what_is_off_is_not_there_and_what_is_no_name_is_said() {
    let off = TestApp::start().await;
    off.alice().await;
    let mut browser = off.browser();
    assert_eq!(browser.open("/forgot-password").await.status, 404);
    assert_eq!(browser.post("/forgot-password", &[("username", "alice")]).await.status, 404);
    let page = browser.open(&off.authorize(&[])).await;
    assert!(!page.body.contains("forgot"), "{}", page.body);

    let on = house().await;
    let mut browser = on.browser();
    assert!(browser.open(&on.authorize(&[])).await.body.contains("\"/forgot-password\""));
    assert_eq!(ask(&mut browser, " ").await.status, 422);
    let page = browser.open("/forgot-password").await;
    let forged = on.browser().submit(&page, "username", &[("username", "alice")]).await;
    assert_ne!(forged.status, 200, "a form of another browser");
    assert_eq!(browser.post("/forgot-password", &[("username", "alice")]).await.status, 403, "no token");
    browser.headers.push(("sec-fetch-site".to_owned(), "cross-site".to_owned()));
    assert_eq!(browser.submit(&page, "username", &[("username", "alice")]).await.status, 403);
    assert_eq!(events(&on, "password.reset_asked").await.len(), 0);
}

#[tokio::test]
async fn a_067_of_64_who_use_one_link_one_does() {
    let app = house().await;
    let alice = app.alice().await;
    ask(&mut app.browser(), "alice").await;
    let link = links(&app, ADDRESS, 1).await.remove(0);
    let mut browser = app.browser();
    let page = browser.open(&link).await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..64 {
        let (mut browser, page) = (browser.clone(), page.clone());
        let word = format!("quiet otters juggle {number}");
        all.spawn(async move { browser.submit(&page, "password", &[("password", &word)]).await.status.as_u16() });
    }
    let answers = all.join_all().await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    // There is no room for all in the queue of hashes: some are told to come again.
    assert!(answers.iter().all(|status| [200, 404, 503].contains(status)), "{answers:?}");
    assert_eq!(events(&app, "password.reset").await.len(), 1);
    assert_eq!(app.read(move |tx| tx.credentials(alice.id, &"password".into())).await.len(), 1);
}
