//! The console's people in bulk and its overview: what is shown is what is done, and what happened is counted once.
use crate::support::{Browser, Page, TestApp};
use secrecy::ExposeSecret as _;
use serde_json::json;
use vestibule_core::{
    Clock as _,
    audit::{AuditEvent, chain, page::AuditFilter},
    random::SystemRandom,
    tally::Span,
    user::{LoginName, User},
};
use vestibule_server::{
    admin::{Role, import::BOUNDS, record::By},
    console::entry,
    tally::{self, words},
};

const WORD: &str = "a door of one's own";
const FILE: &str = "username,display_name,groups\r\nbea,Bea,staff\r\ncarl,\"Carl, \"\"the\"\" third\",\r\n";

/// An owner at the console.
async fn owner(app: &TestApp) -> Browser {
    let (prf, now, name) = (app.state.prf.clone(), app.clock.now(), LoginName::parse("ada").unwrap());
    let made =
        app.write(move |tx| entry::make_link(tx, &name, &By::default(), &prf, &SystemRandom::default(), now)).await;
    let mut browser = app.browser();
    let page = browser.open(made.path.expose_secret()).await;
    let page = browser.submit(&page, "password", &[("password", WORD), ("again", WORD)]).await;
    let home = browser.submit(&page, "password", &[("username", "ada"), ("password", WORD)]).await;
    assert_eq!((home.status.as_u16(), home.url.path()), (200, "/admin"), "{}", home.body);
    browser
}

async fn user(app: &TestApp, name: &str) -> Option<User> {
    let name = LoginName::parse(name).unwrap();
    app.read(move |tx| tx.user_by_login(&name)).await
}

fn csrf(page: &Page) -> String {
    page.form_with("csv").filled(&[]).into_iter().find(|(name, _)| name == "csrf").unwrap().1
}

/// The fields of the form that would do it.
fn to_do(page: &Page) -> Vec<(String, String)> {
    page.form_with("seal").filled(&[])
}

async fn send(browser: &mut Browser, fields: &[(String, String)]) -> Page {
    let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    browser.upload("/admin/users/import", &fields).await
}

#[tokio::test]
async fn a_file_is_looked_at_and_then_taken_by_one_click() {
    let app = TestApp::start().await;
    let mut ada = owner(&app).await;
    let page = ada.open("/admin/users/import").await;
    let token = csrf(&page);
    let look = ada.upload("/admin/users/import", &[("csrf", &token), ("file", FILE), ("csv", "")]).await;
    assert!(look.status == 200 && look.body.contains("bea") && look.body.contains("carl"), "{}", look.body);
    assert!(user(&app, "bea").await.is_none(), "looking changes nothing");
    let done = send(&mut ada, &to_do(&look)).await;
    assert_eq!(done.location().unwrap().query(), Some("done=imported"), "{}", done.body);
    assert_eq!(user(&app, "carl").await.unwrap().display_name.as_deref(), Some("Carl, \"the\" third"));
    // Each of them is in the log, with who did it and how.
    let filter = AuditFilter { kind: Some("admin.user.created".to_owned()), ..AuditFilter::default() };
    let events = app.read(move |tx| tx.audit_page(&filter, None, 9)).await.entries;
    let by: Vec<_> = events.iter().filter_map(|entry| entry.event.actor.as_ref()).collect();
    assert_eq!(by.iter().filter(|actor| actor.username == "ada").count(), 2);
    // The same once more has nothing to do, and no button.
    let again = ada.upload("/admin/users/import", &[("csrf", &token), ("csv", FILE)]).await;
    assert!(again.forms().iter().all(|form| !form.has_input("seal")), "{}", again.body);
}

#[tokio::test]
async fn what_was_not_shown_is_not_done() {
    let app = TestApp::start().await;
    let mut ada = owner(&app).await;
    let token = csrf(&ada.open("/admin/users/import").await);
    let look = ada.upload("/admin/users/import", &[("csrf", &token), ("csv", FILE)]).await;
    let fields = to_do(&look);
    // Another file with the seal of this one, and a seal that somebody made up.
    for (name, value) in [("csv", "username,roles\nbea,vestibule:owner\n"), ("seal", "made-up")] {
        let other: Vec<_> = fields
            .iter()
            .map(|(key, kept)| (key.clone(), if key == name { value.to_owned() } else { kept.clone() }))
            .collect();
        let shown = send(&mut ada, &other).await;
        assert_eq!(shown.status, 200, "{}", shown.body);
        assert!(user(&app, "bea").await.is_none(), "{name}");
    }
    // Somebody made one of them in the meantime.
    app.user("bea", "bea", None).await;
    let shown = send(&mut ada, &fields).await;
    assert!(shown.status == 200 && user(&app, "carl").await.is_none(), "{}", shown.body);
    let done = send(&mut ada, &to_do(&shown)).await;
    assert!(done.status == 303 && user(&app, "carl").await.is_some());
}

#[tokio::test]
async fn a_bad_line_is_named_and_skipped_only_when_that_was_asked_for() {
    let app = TestApp::start().await;
    let mut ada = owner(&app).await;
    let token = csrf(&ada.open("/admin/users/import").await);
    let file = "username,email\nbea,bea@example.com\ncarl,<b>nobody</b>\n";
    let look = ada.upload("/admin/users/import", &[("csrf", &token), ("csv", file)]).await;
    assert!(look.body.contains("is no e-mail address") && !look.body.contains("<b>nobody"), "{}", look.body);
    assert!(look.forms().iter().all(|form| !form.has_input("seal")), "there is no button");
    let skipping = look.form_with("skip_bad").filled(&[]);
    let look = send(&mut ada, &skipping).await;
    let done = send(&mut ada, &to_do(&look)).await;
    assert_eq!((done.status.as_u16(), user(&app, "bea").await.is_some(), user(&app, "carl").await), (303, true, None));
}

#[tokio::test]
async fn a_102_an_import_is_of_our_own_form_and_bounded() {
    let app = TestApp::start().await;
    let (mut ada, mut other) = (owner(&app).await, app.browser());
    let token = csrf(&ada.open("/admin/users/import").await);
    for fields in [vec![("csv", FILE)], vec![("csrf", "x"), ("csv", FILE)]] {
        assert_eq!(ada.upload("/admin/users/import", &fields).await.status, 403);
        assert_eq!(other.upload("/admin/users/import", &fields).await.status, 303, "sign in first");
    }
    let mut cross = ada.clone();
    cross.headers = vec![("origin".to_owned(), "https://evil.example".to_owned())];
    assert_eq!(cross.upload("/admin/users/import", &[("csrf", &token), ("csv", FILE)]).await.status, 403);
    assert_eq!(ada.post("/admin/users/import", &[("csrf", &token), ("csv", FILE)]).await.status, 415, "another form");
    let large = "x".repeat(BOUNDS.bytes + (1 << 20));
    assert_eq!(ada.upload("/admin/users/import", &[("csrf", &token), ("csv", &large)]).await.status, 413);
    for fields in [vec![("csrf", token.as_str())], vec![("csrf", &token), ("csv", FILE), ("file", FILE)]] {
        assert_eq!(ada.upload("/admin/users/import", &fields).await.status, 422);
    }
    assert!(user(&app, "bea").await.is_none());
}

#[tokio::test]
async fn a_106_a_help_desk_imports_nobody() {
    let app = TestApp::start().await;
    let mut ada = owner(&app).await;
    let token = csrf(&ada.open("/admin/users/import").await);
    let helper = User { roles: vec![Role::Helpdesk.name().to_owned()], ..user(&app, "ada").await.unwrap() };
    app.write(move |tx| tx.update_user(&helper)).await;
    assert_eq!(ada.open("/admin/users/import").await.status, 403);
    let raised = "username,roles\nada,vestibule:owner\nbea,vestibule:owner\n";
    assert_eq!(ada.upload("/admin/users/import", &[("csrf", &token), ("csv", raised)]).await.status, 403);
    assert_eq!(user(&app, "ada").await.unwrap().roles, [Role::Helpdesk.name()]);
}

#[tokio::test]
async fn a_user_is_made_with_their_roles_or_not_at_all() {
    let app = TestApp::start().await;
    let mut ada = owner(&app).await;
    let page = ada.open("/admin/users/new").await;
    let csrf = page.form_with("username").filled(&[]).into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    let new =
        |role: &'static str| [("csrf", csrf.clone()), ("username", "bea".to_owned()), ("own_roles", role.to_owned())];
    let post = async |browser: &mut Browser, role| {
        let fields = new(role);
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post("/admin/users/new", &fields).await
    };
    let refused = post(&mut ada, "vestibule:emperor").await;
    assert_eq!((refused.status.as_u16(), user(&app, "bea").await), (422, None), "nobody is made by halves");
    // Who may not give roles smuggles none.
    let owner = user(&app, "ada").await.unwrap();
    let admin = User { roles: vec![Role::Admin.name().to_owned()], ..owner.clone() };
    app.write(move |tx| tx.update_user(&admin)).await;
    let refused = post(&mut ada, "vestibule:auditor").await;
    assert_eq!((refused.status.as_u16(), user(&app, "bea").await), (403, None));
    app.write(move |tx| tx.update_user(&owner)).await;
    assert_eq!(post(&mut ada, "vestibule:auditor").await.status, 303);
    assert_eq!(user(&app, "bea").await.unwrap().roles, [Role::Auditor.name()]);
    let bea = user(&app, "bea").await.unwrap().id;
    let filter = AuditFilter { user: Some(bea), ..AuditFilter::default() };
    let events = app.read(move |tx| tx.audit_page(&filter, None, 9)).await.entries;
    let kinds: std::collections::BTreeSet<_> = events.iter().map(|entry| entry.event.kind.as_str()).collect();
    assert_eq!(kinds, ["admin.user.created", "admin.user.roles"].into());
}

async fn totals(app: &TestApp) -> std::collections::BTreeMap<(String, String), i64> {
    let found = app.read(|tx| tx.tallies_by_subject(Span::Day, vestibule_core::Time(0))).await;
    found.into_iter().map(|total| ((total.what, total.about), total.number)).collect()
}

#[tokio::test]
async fn what_happened_is_counted_once_by_however_many_instances() {
    let app = TestApp::start().await;
    app.alice().await;
    let (mut browser, before) = (app.browser(), totals(&app).await);
    let page = app.log_in(&mut browser, "alice", "alice", crate::support::PHONE).await;
    assert!(page.answer("code").is_some(), "{}", page.body);
    assert_eq!(app.exchange(&page).await.status, 200);
    // Strangers: their made-up names are no rows.
    let random = SystemRandom::default();
    let now = app.clock.now();
    app.write(move |tx| {
        (0..50).try_for_each(|n| {
            let client = Some(format!("made-up-{n}"));
            tx.append_audit(&AuditEvent { client, ..AuditEvent::new("client.refused", now, &random) })
        })
    })
    .await;
    chain::seal(&*app.state.store, &app.state.prf).await.unwrap();
    let counts = (0..6).map(|_| {
        let state = std::sync::Arc::clone(&app.state);
        tokio::spawn(async move { tally::count(&state).await })
    });
    for count in counts.collect::<Vec<_>>() {
        count.await.unwrap().unwrap();
    }
    tally::count(&app.state).await.unwrap();
    let (after, log) = (totals(&app).await, app.read(|tx| Ok((tx.tally_mark()?, tx.last_sealed_audit()?))).await);
    assert_eq!(Some(log.0), log.1.map(|(seq, _)| seq), "to the end of the log");
    let grown = |what: &str, about: &str| {
        let key = (what.to_owned(), about.to_owned());
        after.get(&key).unwrap_or(&0) - before.get(&key).unwrap_or(&0)
    };
    for (what, about, number) in [
        (words::STARTED, "default", 1),
        (words::FIRST_STEP, "default", 1),
        (words::CODE_SENT, "default", 1),
        (words::CODE_PASSED, "default", 1),
        (words::COMPLETED, "default", 1),
        (words::TOKENS, "default", 1),
        (words::LOGIN, "shop", 1),
        (words::FAILED, "", 50),
    ] {
        assert_eq!(grown(what, about), number, "{what} {about}: {after:?}");
    }
    assert!(!after.keys().any(|(_, about)| about.starts_with("made-up")), "{after:?}");
    let never = vestibule_core::directory::UserSearch { signed_in: Some(true), ..Default::default() };
    let found = app.read(move |tx| tx.find_users(&never, None, 9)).await;
    assert_eq!(found[0].1.username.as_str(), "alice", "who signed in is taken off the list of those who never did");
}

#[tokio::test]
async fn the_overview_shows_its_window_and_the_first_steps_until_somebody_signed_in() {
    let app = TestApp::start().await;
    let mut ada = owner(&app).await;
    for (window, bars) in [("24h", 24), ("7d", 168), ("30d", 30)] {
        let page = ada.open(&format!("/admin?window={window}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert_eq!(page.body.matches("<rect class=\"bad\"").count(), bars, "{window}");
    }
    assert!(ada.open("/admin?window=1y").await.status.is_client_error());
    let guided = |page: &Page| page.body.contains("class=\"guide\"");
    assert!(guided(&ada.open("/admin").await) && !guided(&ada.open("/admin?steps=no").await));
    app.client(json!({ "id": "till", "name": "Till", "redirect_uris": [crate::support::CALLBACK] })).await;
    let (now, random) = (app.clock.now(), SystemRandom::default());
    app.write(move |tx| {
        let client = Some("till".to_owned());
        tx.append_audit(&AuditEvent { client, ..AuditEvent::new("login.completed", now, &random) })
    })
    .await;
    chain::seal(&*app.state.store, &app.state.prf).await.unwrap();
    tally::count(&app.state).await.unwrap();
    let busy = ada.open("/admin").await;
    assert!(!guided(&busy), "{}", busy.body);
    assert!(guided(&ada.open("/admin?steps=yes").await), "it can be opened again");
}
