//! The second factor of those who look after the house: the console and the portal ask for it whoever has one, and until then a
//! password is enough.
use crate::support::{Browser, Page, TestApp};
use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use serde_json::{Value, json};
use totp_rs::Totp;
use vestibule_core::{Clock as _, audit::Via, chain::ChainRevision, user::User};

/// What the app shows.
fn shown(device: &Totp, app: &TestApp) -> String {
    device.generate(u64::try_from(app.clock.now().unix_seconds()).unwrap()).to_string()
}

/// Ada, an owner with a password.
async fn ada(app: &TestApp) -> User {
    let user = app.user("ada", "ada", None).await;
    let owner = User { roles: vec!["vestibule:owner".to_owned()], ..user };
    let saved = owner.clone();
    app.write(move |tx| tx.update_user(&saved)).await;
    owner
}

/// The password at `door`.
async fn password(browser: &mut Browser, door: &str) -> Page {
    let page = browser.open(door).await;
    browser.submit(&page, "password", &[("username", "ada"), ("password", "ada")]).await
}

/// The same page as JSON.
async fn view(browser: &mut Browser, page: &Page) -> Value {
    browser.headers.push(("accept".into(), "application/json".into()));
    let view = browser.get(page.url.as_str()).await.json();
    browser.headers.pop();
    view
}

/// Sets up an app at a shop whose chain wants that, and signs in by it.
async fn sets_up(app: &TestApp) -> Totp {
    app.chain("default", json!([["password"], { "alternatives": ["totp"], "enrol": "require" }])).await;
    let mut browser = app.browser();
    let page = password(&mut browser, &app.authorize(&[])).await;
    let view = view(&mut browser, &page).await;
    assert_eq!(view["enrolling"], true, "{view}");
    let device = Totp::from_url(view["prompt"]["exhibit"]["uri"].as_str().unwrap()).unwrap();
    assert_eq!((device.issuer(), device.account_name()), (Some("localhost"), "ada"));
    let answer = |code: &str| json!({ "version": view["version"], "csrf": view["csrf"], "challenge": view["challenge"]["id"], "code": code, "label": "Pixel 9" });
    browser.headers.push(("accept".into(), "application/json".into()));
    let done = browser.post_json(page.url.as_str(), &answer(&shown(&device, app))).await.json();
    assert_eq!(done["state"], "closed", "{done}");
    assert!(done["redirect_to"].as_str().unwrap().contains("code="), "{done}");
    app.advance(30);
    device
}

async fn published(app: &TestApp, name: &'static str) -> ChainRevision {
    app.read(move |tx| Ok(tx.published_chains()?.into_iter().find(|chain| chain.chain.as_str() == name).unwrap())).await
}

fn usual() -> Value {
    json!([["password"], { "alternatives": ["passkey", "totp", "recovery"], "when": [{ "enrolled": true }] }])
}

fn steps(chain: &ChainRevision) -> Value {
    serde_json::to_value(&chain.document).unwrap()["steps"].clone()
}

#[tokio::test]
async fn the_console_and_the_portal_ask_for_the_app_of_whoever_set_one_up() {
    let app = TestApp::start().await;
    app.portal_obeys(Some(vestibule_server::portal::CHAIN)).await;
    let ada = ada(&app).await;
    for door in ["/admin", "/portal"] {
        let home = password(&mut app.browser(), door).await;
        assert_eq!((home.url.path(), home.status.as_u16()), (door, 200), "a password is enough: {}", home.body);
    }
    let mut before = app.browser();
    let home = password(&mut before, "/admin").await;
    assert!(home.body.contains("For <bdi>ada</bdi> a password alone opens this console"), "{}", home.body);

    let device = sets_up(&app).await;
    for door in ["/admin", "/portal"] {
        let mut browser = app.browser();
        let asked = password(&mut browser, door).await;
        assert!(asked.url.path().starts_with("/interaction/"), "a password is not enough: {}", asked.url);
        let code = shown(&device, &app);
        let wrong = if code.starts_with('9') { "812345" } else { "912345" };
        let refused = browser.submit(&asked, "code", &[("code", wrong)]).await;
        assert!(refused.url.path().starts_with("/interaction/") && refused.body.contains("This is not the code"));
        let home = browser.submit(&refused, "code", &[("code", &code)]).await;
        assert_eq!((home.url.path(), home.status.as_u16()), (door, 200), "{}", home.body);
        assert!(!home.body.contains("a password alone opens this console"), "{}", home.body);
        let mut again = app.browser();
        let used = password(&mut again, door).await;
        let used = again.submit(&used, "code", &[("code", &code)]).await;
        assert!(used.body.contains("This code was used already"), "{}", used.body);
        app.advance(30);
    }

    // An owner takes it away again: then a password is enough.
    let mut browser = app.browser();
    let asked = password(&mut browser, "/admin").await;
    browser.submit(&asked, "code", &[("code", &shown(&device, &app))]).await;
    let id = ada.id;
    let own = app.read(move |tx| tx.credentials(id, &"totp".into())).await;
    assert_eq!(own[0].label.as_deref(), Some("Pixel 9"));
    let person = browser.open(&format!("/admin/users/{id}")).await;
    let token = person.form_with("csrf").inputs.into_iter().find(|(name, _)| name == "csrf").unwrap().1;
    let factor = own[0].id.to_string();
    let removed = browser
        .post(&format!("/admin/users/{id}/factors"), &[("csrf", &token), ("factor", &factor), ("sure", "yes")])
        .await;
    assert_eq!(removed.status, 303, "{}", removed.body);
    assert!(app.read(move |tx| tx.credentials(id, &"totp".into())).await.is_empty(), "{}", removed.body);
    let home = password(&mut app.browser(), "/admin").await;
    assert_eq!((home.url.path(), home.status.as_u16()), ("/admin", 200));
}

#[tokio::test]
async fn a_new_house_begins_with_a_chain_that_asks_whoever_has_more() {
    let app = TestApp::start().await;
    for name in ["admin", "portal"] {
        let chain = published(&app, name).await;
        assert_eq!((steps(&chain), chain.revision), (usual(), 1), "{name}");
    }
    let app = app.restarted().await;
    assert_eq!(published(&app, "portal").await.revision, 1);
    let portal = app.state.live.snapshot().client("userportal").unwrap().chain.clone();
    assert_eq!(portal, None, "what was set of it stays");
}

#[tokio::test]
async fn a_chain_that_an_earlier_server_made_is_renewed_once_and_what_anybody_wrote_stays() {
    let app = TestApp::start_with(|settings| {
        settings.database.url = format!("sqlite://{}", settings.data_dir.join("vestibule.db").display()).into();
    })
    .await;
    let file = app.settings.data_dir.join("vestibule.db");
    let mut beside = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    let former = r#"UPDATE chain_revisions SET body = '{"steps":[["password"]]}' WHERE chain = 'admin'"#;
    beside.batch_execute(former).unwrap();
    drop(beside);
    let app = app.restarted().await;
    let renewed = published(&app, "admin").await;
    assert_eq!((steps(&renewed), renewed.revision), (usual(), 2));
    let events = app.read(|tx| tx.latest_audit(100)).await;
    let told: Vec<_> = events.iter().filter(|event| event.kind == "admin.chain.published").collect();
    assert_eq!(told.len(), 1);
    let actor = told[0].actor.as_ref().unwrap();
    assert_eq!((actor.via, actor.user), (Via::Server, None));
    let app = app.restarted().await;
    assert_eq!(published(&app, "admin").await.revision, 2, "once");

    // Somebody wants it back as it was: that is theirs to say.
    app.chain("admin", json!([["password"]])).await;
    let app = app.restarted().await;
    let chain = published(&app, "admin").await;
    assert_eq!((steps(&chain), chain.revision), (json!([["password"]]), 3));
}
