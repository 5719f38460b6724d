//! Passkeys beside a sign-in: whose pages may use them, what the browser is told of them, and what an admin sees.
use crate::support::{Browser, Page, TestApp};
use serde_json::{Value, json};
use vestibule_authn_passkey::testing::SoftKey;
use vestibule_core::user::User;

/// What the page carries in an attribute for its script.
fn told(page: &Page, name: &str) -> Option<Value> {
    let (_, rest) = page.body.split_once(&format!("data-{name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(serde_json::from_str(&crate::support::html::unescape(value)).unwrap())
}

/// The same page as JSON.
async fn view(browser: &mut Browser, page: &Page) -> Value {
    browser.headers.push(("accept".into(), "application/json".into()));
    let view = browser.get(page.url.as_str()).await.json();
    browser.headers.pop();
    view
}

/// A user who has a password and this passkey.
async fn with_a_passkey(app: &TestApp, name: &str, device: &mut SoftKey) -> User {
    let user = app.user(name, name, None).await;
    app.chain("default", json!([["password"], { "alternatives": ["passkey"], "enrol": "require" }])).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", name), ("password", name)]).await;
    let made = device.create(&view(&mut browser, &page).await["prompt"]["exhibit"]["options"]);
    let done = browser.submit(&page, "credential", &[("credential", &made), ("label", "Pixel 9")]).await;
    assert!(done.answer("code").is_some(), "{}", done.body);
    user
}

fn id(device_answer: &str) -> String {
    let answer: Value = serde_json::from_str(device_answer).unwrap();
    answer["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_related_origins_are_told_where_some_are_named_and_nowhere_else() {
    let none = TestApp::start().await;
    assert_eq!(none.browser().get("/.well-known/webauthn").await.status, 404);
    let app = TestApp::start_with(|settings| {
        let origins = ["https://login.example.de", "https://login.example.fr:8443/"];
        settings.passkey.related_origins = origins.iter().map(|origin| origin.parse().unwrap()).collect();
    })
    .await;
    let mut browser = app.browser();
    let told = browser.get("/.well-known/webauthn").await;
    assert_eq!((told.status.as_u16(), told.header("content-type")), (200, "application/json"));
    assert_eq!(told.json(), json!({ "origins": ["https://login.example.de", "https://login.example.fr:8443"] }));
    assert!(told.header("cache-control").starts_with("public"));
    assert_eq!(browser.post("/.well-known/webauthn", &[]).await.status, 405);
}

#[tokio::test]
async fn the_browser_is_told_of_the_passkey_that_it_just_sent_and_nobody_has_and_of_no_other() {
    let app = TestApp::start().await;
    let mut device = SoftKey::new(&app.url);
    with_a_passkey(&app, "alice", &mut device).await;
    app.chain("default", json!([["passkey"]])).await;
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    assert!(told(&page, "unknown").is_none() && !page.body.contains("/assets/signal."), "{}", page.body);
    let version = |page: &Page| {
        let inputs = page.form_with("version").inputs;
        inputs.into_iter().find(|(name, _)| name == "version").unwrap().1.parse::<i64>().unwrap()
    };
    let mut stranger = SoftKey::new(&app.url);
    stranger.handle.clone_from(&device.handle);
    let sent = stranger.get(&view(&mut browser, &page).await["prompt"]["exhibit"]["options"]);
    let refused = browser.submit(&page, "credential", &[("username", ""), ("credential", &sent)]).await;
    assert_eq!(told(&refused, "unknown"), Some(json!({ "rpId": "localhost" })), "{}", refused.body);
    assert!(refused.body.contains("/assets/signal.") && !refused.body.contains(&id(&sent)), "the tab knows which");
    assert_eq!(version(&refused), version(&page) + 1, "by that the script knows what was answered");

    // One that is known and signs wrongly stays in its owner's list.
    let right = device.get(&json!({ "challenge": "AAEC", "rpId": "localhost" }));
    let refused = browser.submit(&refused, "credential", &[("username", ""), ("credential", &right)]).await;
    assert!(refused.url.path().starts_with("/interaction/") && told(&refused, "unknown").is_none(), "{}", refused.body);
}

#[tokio::test]
async fn who_is_signed_in_has_their_browser_told_which_passkeys_are_theirs_and_what_they_are_called() {
    let app = TestApp::start().await;
    let mut device = SoftKey::new(&app.url);
    let alice = with_a_passkey(&app, "alice", &mut device).await;
    with_a_passkey(&app, "mallory", &mut SoftKey::new(&app.url)).await;
    app.portal_obeys(Some("default")).await;
    app.chain("default", json!([["password"]])).await;
    let mut browser = app.browser();
    let page = browser.open("/portal/factors").await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    let own = id(&device.get(&json!({ "challenge": "AAEC", "rpId": "localhost" })));
    let handle = device.handle.clone().unwrap();
    let all = json!({ "rpId": "localhost", "userId": handle, "allAcceptedCredentialIds": [own] });
    assert_eq!(told(&page, "accepted"), Some(all), "{}", page.body);
    assert!(page.body.contains("/assets/signal."));

    let page = browser.open("/portal/profile").await;
    assert!(told(&page, "named").is_none(), "nothing was changed");
    let saved = browser.submit(&page, "display_name", &[("display_name", "Alice <B>")]).await;
    let named = json!({ "rpId": "localhost", "userId": handle, "name": "alice", "displayName": "Alice <B>" });
    assert_eq!(told(&saved, "named"), Some(named), "{}", saved.body);

    // One that cannot be read is not told to be gone.
    let credentials = app.read(move |tx| tx.credentials(alice.id, &"passkey".into())).await;
    let broken = vestibule_core::user::Credential { secret: "broken".to_owned().into(), ..credentials[0].clone() };
    app.write(move |tx| {
        tx.delete_credential(broken.id)?;
        tx.insert_credential(&broken)
    })
    .await;
    assert!(told(&browser.open("/portal/factors").await, "accepted").is_none());
}

#[tokio::test]
async fn an_admin_sees_where_a_passkey_is_kept_and_what_somebody_would_rather_be_asked_for() {
    let app = TestApp::start().await;
    let mut device = SoftKey { synced: true, ..SoftKey::new(&app.url) };
    let alice = with_a_passkey(&app, "alice", &mut device).await;
    let owner = User { roles: vec!["vestibule:owner".to_owned()], ..app.user("ada", "ada", None).await };
    app.write(move |tx| {
        let user = tx.user(alice.id)?.unwrap();
        tx.update_user(&User { preferred: vec!["passkey".into()], ..user })?;
        tx.update_user(&owner)
    })
    .await;
    let mut browser = app.browser();
    let page = browser.open("/admin").await;
    browser.submit(&page, "password", &[("username", "ada"), ("password", "ada")]).await;
    let person = browser.open(&format!("/admin/users/{}", alice.id)).await;
    for shown in ["Kept in an account, on several devices", "Asked for first"] {
        assert!(person.body.contains(shown), "{shown}: {}", person.body);
    }
}
