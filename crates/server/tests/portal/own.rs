//! What is one's own: the applications that one let in, the profile, the data, and leaving.

use serde_json::json;
use vestibule_core::{
    Clock as _,
    id::UserId,
    user::{LoginName, User},
};
use vestibule_oauth::{
    managed::{Managed, ObjectKind},
    model::Consent,
};

use super::{
    Browser, Page, TestApp, app_code, app_key, audited, csrf, easy, easy_with, enters, posts, proves,
    support::{CALLBACK, PHONE, VERIFIER},
};

/// An application that people are asked about.
async fn reports(app: &TestApp) {
    app.client(json!({
        "id": "reports", "name": "Reports <1>", "redirect_uris": [CALLBACK], "chain": "default",
        "scopes": ["openid", "email", "offline_access"], "client_uri": "https://reports.example/home",
    }))
    .await;
}

fn asks(app: &TestApp) -> String {
    app.authorize(&[("client_id", "reports"), ("scope", "openid email offline_access"), ("prompt", "")])
}

async fn redeemed(app: &TestApp, form: &[(&str, &str)]) -> Page {
    let form: Vec<_> = [("client_id", "reports")].into_iter().chain(form.iter().copied()).collect();
    app.browser().post("/oauth2/token", &form).await
}

/// Lets it in; its access token and its refresh token.
async fn lets_in(app: &TestApp, browser: &mut Browser) -> (String, String) {
    let page = browser.open(&asks(app)).await;
    assert!(page.forms().iter().any(|form| form.buttons.iter().any(|(name, _)| name == "decision")), "{}", page.body);
    let given = browser.submit(&page, "csrf", &[("decision", "allow")]).await;
    let code = given.answer("code").unwrap();
    let form = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let tokens = redeemed(app, &form).await.json();
    let text = |name: &str| tokens[name].as_str().unwrap_or_else(|| panic!("{tokens}")).to_owned();
    (text("access_token"), text("refresh_token"))
}

async fn person(app: &TestApp, id: UserId) -> User {
    app.read(move |tx| tx.user(id)).await.unwrap()
}

#[tokio::test]
async fn an_app_is_shut_out_with_all_that_it_was_given_and_has_to_ask_again() {
    let (app, alice) = easy().await;
    reports(&app).await;
    let mallory = app.user("mallory", "mallory", None).await;
    let theirs = Consent {
        user: mallory.id,
        client: "reports".into(),
        scopes: ["openid".to_owned()].into(),
        at: app.clock.now(),
    };
    app.write(move |tx| tx.put_consent(&theirs)).await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/apps").await;
    assert!(page.body.contains("None yet.") && !page.body.contains("My account"), "{}", page.body);

    let (access, refresh) = lets_in(&app, &mut browser).await;
    let page = browser.open("/portal/apps").await;
    for told in ["Reports &lt;1&gt;", "reports.example", "See your e-mail address", "Stay connected"] {
        assert!(page.body.contains(told), "{told}: {}", page.body);
    }
    let mut bearer = app.browser();
    bearer.headers.push(("authorization".into(), format!("Bearer {access}")));
    assert_eq!(bearer.get("/oauth2/userinfo").await.status, 200);

    // Not without the form, not what is not there, and not this server itself.
    assert_eq!(browser.post("/portal/apps", &[("client", "reports")]).await.status, 403);
    for (client, status) in [("shop", 404), ("userportal", 404), ("admin-console", 404)] {
        assert_eq!(posts(&mut browser, &page, "/portal/apps", &[("client", client)]).await.status, status, "{client}");
    }
    assert_eq!(posts(&mut browser, &page, "/portal/apps", &[]).await.status, 400);
    assert!(audited(&app, "consent.withdrawn").await.is_empty());

    let done = posts(&mut browser, &page, "/portal/apps", &[("client", "reports")]).await;
    assert_eq!((done.status.as_u16(), done.url.path()), (200, "/portal/apps"));
    assert!(done.body.contains("It is shut out.") && !done.body.contains("Reports"), "{}", done.body);
    assert_eq!(bearer.get("/oauth2/userinfo").await.status, 401);
    let refused = redeemed(&app, &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;
    assert_eq!(refused.json()["error"], "invalid_grant", "{}", refused.body);
    assert_eq!(audited(&app, "consent.withdrawn").await[0].user, Some(alice.id));
    let kept = app.read(move |tx| tx.consents_of(mallory.id)).await;
    assert_eq!(kept.len(), 1, "what somebody else agreed to stays");
    assert_eq!(browser.open("/portal").await.url.path(), "/portal", "they stay signed in");
    lets_in(&app, &mut browser).await;
}

#[tokio::test]
async fn a_107_a_person_changes_their_name_and_language_and_nothing_else() {
    let (app, alice) = easy().await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/profile").await;
    let before = person(&app, alice.id).await;
    for more in [
        ("role", "vestibule:owner"),
        ("roles", "vestibule:owner"),
        ("email_verified", "true"),
        ("email", "root@example.com"),
        ("username", "root"),
        ("phone_number", "+12025550142"),
        ("phone_number_verified", "true"),
        ("groups", "staff"),
        ("disabled", "false"),
        ("id", "x"),
        ("tenant", "x"),
    ] {
        let told = posts(&mut browser, &page, "/portal/profile", &[("display_name", "Root"), more]).await;
        assert_eq!(told.status, 403, "{more:?}");
        assert_eq!(person(&app, alice.id).await, before, "{more:?}");
    }
    assert_eq!(browser.post("/portal/profile", &[("display_name", "Root")]).await.status, 403);
    let (long, invisible) = ("x".repeat(129), "a\u{0}b");
    for bad in
        [[("display_name", long.as_str())], [("display_name", invisible)], [("locale", "xx")], [("locale", "de_DE")]]
    {
        let told = posts(&mut browser, &page, "/portal/profile", &bad).await;
        assert!([400, 422].contains(&told.status.as_u16()), "{bad:?} {}", told.status);
    }
    assert_eq!(person(&app, alice.id).await, before);
    assert!(audited(&app, "profile.changed").await.is_empty());

    app.advance(5);
    let wanted = [("display_name", " Alice <3 "), ("locale", "de")];
    let done = posts(&mut browser, &page, "/portal/profile", &wanted).await;
    assert_eq!((done.status.as_u16(), done.url.path()), (200, "/portal/profile"), "{}", done.body);
    assert!(done.body.contains("<html lang=\"de\"") && done.body.contains("Gespeichert."), "{}", done.body);
    let after = person(&app, alice.id).await;
    let (display_name, locale) = (Some("Alice <3".to_owned()), Some("de".to_owned()));
    assert_eq!(after, User { display_name, locale, updated_at: app.clock.now(), ..before });
    assert_eq!(audited(&app, "profile.changed").await[0].details["fields"], "display_name locale");

    // Nothing to change is nothing that happened; empty takes away.
    posts(&mut browser, &done, "/portal/profile", &wanted).await;
    assert_eq!(audited(&app, "profile.changed").await.len(), 1);
    posts(&mut browser, &done, "/portal/profile", &[("display_name", " "), ("locale", "")]).await;
    let after = person(&app, alice.id).await;
    assert_eq!((after.display_name, after.locale), (None, None));
}

#[tokio::test]
async fn who_is_kept_in_a_file_is_not_changed_past_it() {
    let (app, alice) = easy_with(|settings| settings.portal.delete_account = true).await;
    app.write(|tx| {
        let (name, source, applied_at) = ("alice".to_owned(), "house.toml".to_owned(), vestibule_core::Time(0));
        tx.set_managed(&Managed { kind: ObjectKind::User, name, source, applied_at })
    })
    .await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/profile").await;
    assert!(page.body.contains("keep it in a file") && !page.body.contains("name=\"display_name\""), "{}", page.body);
    let page = browser.open("/portal/factors").await;
    let told = posts(&mut browser, &page, "/portal/profile", &[("display_name", "Root")]).await;
    assert_eq!(told.status, 409);
    let page = proves(&app, &mut browser, &page, "/portal/data").await;
    let told = posts(&mut browser, &page, "/portal/data/delete", &[("username", "alice")]).await;
    assert_eq!(told.status, 409, "{}", told.body);
    assert_eq!(person(&app, alice.id).await.display_name.as_deref(), Some("Alice"));
}

#[tokio::test]
async fn one_takes_ones_data_along_after_a_proof_and_no_secret_with_it() {
    let (app, alice) = easy().await;
    reports(&app).await;
    let key = app_key(&app, alice.id).await;
    app.user("mallory", "mallory", None).await;
    let mut mallory = app.browser();
    let hers = mallory.open("/portal").await;
    mallory.submit(&hers, "password", &[("username", "mallory"), ("password", "mallory")]).await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/data").await;
    lets_in(&app, &mut browser).await;
    assert!(!page.body.contains("/portal/data/export"), "no button before the proof: {}", page.body);
    let refused = posts(&mut browser, &page, "/portal/data/export", &[]).await;
    assert_eq!((refused.status.as_u16(), refused.header("content-disposition")), (403, ""), "{}", refused.body);
    assert!(audited(&app, "data.exported").await.is_empty());

    let page = proves_by_app(&app, &mut browser, &page, "/portal/data").await;
    assert_eq!(browser.post("/portal/data/export", &[("csrf", "x")]).await.status, 403);
    assert_eq!(browser.get("/portal/data/export").await.status, 405);
    let file = posts(&mut browser, &page, "/portal/data/export", &[]).await;
    assert_eq!(file.status, 200, "{}", file.body);
    assert_eq!(file.header("content-type"), "application/json");
    assert!(file.header("content-disposition").starts_with("attachment;"), "{}", file.header("content-disposition"));
    assert_eq!(file.header("cache-control"), "no-store");
    let all = file.json();
    assert_eq!(all["profile"]["username"], "alice");
    assert_eq!(all["profile"]["phone_number"], PHONE);
    let kinds = all["factors"].as_array().unwrap().iter().map(|one| one["authenticator"].as_str().unwrap());
    let kinds: std::collections::BTreeSet<_> = kinds.collect();
    assert_eq!(kinds, ["password", "smsotp", "totp"].into());
    assert!(all["apps"].as_array().unwrap().iter().any(|one| one["client"] == "reports"), "{all}");
    assert_eq!(all["sessions"].as_array().unwrap().len(), 1, "only her own");
    assert_eq!(all["older_events_left_out"], false);
    let events = all["events"].as_array().unwrap();
    assert!(events.iter().any(|one| one["kind"] == "login.completed"));
    assert_eq!(events.iter().filter(|one| one["kind"] == "data.exported").count(), 1, "that too is told");
    use secrecy::ExposeSecret as _;
    let hash = app.read(move |tx| tx.credentials(alice.id, &"password".into())).await.remove(0);
    for secret in [hash.secret.expose_secret(), key.secret.expose_secret(), "argon2", "mallory"] {
        assert!(!file.body.contains(secret), "{secret}");
    }
    app.advance(301);
    let late = posts(&mut browser, &page, "/portal/data/export", &[]).await;
    assert_eq!(late.status, 403, "that was a while ago");
}

/// The same as [`proves`] for who has an app: it is asked for, and what a gateway carries will not do.
async fn proves_by_app(app: &TestApp, browser: &mut Browser, page: &Page, to: &str) -> Page {
    let page = posts(browser, page, "/portal/confirm", &[("to", to)]).await;
    assert!(!page.body.contains("••"), "no number is offered: {}", page.body);
    let page = browser.submit(&page, "code", &[("code", &app_code(app))]).await;
    assert_eq!(page.url.path(), to, "{}", page.body);
    page
}

#[tokio::test]
async fn nobody_deletes_an_account_where_that_is_not_switched_on() {
    let (app, alice) = easy().await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/data").await;
    let page = proves(&app, &mut browser, &page, "/portal/data").await;
    assert!(!page.body.contains("/portal/data/delete"), "{}", page.body);
    assert_eq!(posts(&mut browser, &page, "/portal/data/delete", &[("username", "alice")]).await.status, 404);
    person(&app, alice.id).await;
}

#[tokio::test]
async fn a_141_who_deletes_their_account_leaves_nothing_and_their_sub_goes_to_nobody() {
    let (app, alice) = easy_with(|settings| settings.portal.delete_account = true).await;
    reports(&app).await;
    app_key(&app, alice.id).await;
    let (mut browser, mut there) = (app.browser(), app.browser());
    enters(&mut there, "/portal").await;
    let page = enters(&mut browser, "/portal/data").await;
    let (access, refresh) = lets_in(&app, &mut browser).await;
    let refused = posts(&mut browser, &page, "/portal/data/delete", &[("username", "alice")]).await;
    assert_eq!(refused.status, 403, "a password alone: {}", refused.body);
    let page = proves_by_app(&app, &mut browser, &page, "/portal/data").await;
    for wrong in ["", "bob", "alice@example.com", "alic"] {
        let told = posts(&mut browser, &page, "/portal/data/delete", &[("username", wrong)]).await;
        assert_eq!(told.status, 422, "{wrong}");
    }
    assert_eq!(browser.post("/portal/data/delete", &[("username", "alice")]).await.status, 403);
    assert!(audited(&app, "account.deleted").await.is_empty());

    let done = posts(&mut browser, &page, "/portal/data/delete", &[("username", " Alice")]).await;
    assert!(done.status == 200 && done.body.contains("Your account is deleted"), "{}", done.body);
    let (id, now) = (alice.id, app.clock.now());
    let left = app
        .read(move |tx| {
            let name = LoginName::parse("alice").unwrap();
            let counts = [
                tx.credentials_of(id)?.len(),
                tx.sessions_of(id, now)?.len(),
                tx.devices_of(id, now)?.len(),
                tx.consents_of(id)?.len(),
                tx.newest_grants(id, now)?.len(),
            ];
            Ok((tx.user(id)?, tx.user_by_login(&name)?, counts))
        })
        .await;
    assert_eq!(left, (None, None, [0; 5]));
    let mut bearer = app.browser();
    bearer.headers.push(("authorization".into(), format!("Bearer {access}")));
    assert_eq!(bearer.get("/oauth2/userinfo").await.status, 401);
    let refused = redeemed(&app, &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).await;
    assert_eq!(refused.json()["error"], "invalid_grant");
    for one in [&mut browser, &mut there] {
        let page = one.open("/portal").await;
        assert!(page.url.path().starts_with("/interaction/"), "{}", page.url);
        let told = one.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
        assert!(told.url.path().starts_with("/interaction/"), "{}", told.url);
    }
    let told = audited(&app, "account.deleted").await;
    assert_eq!((told.len(), told[0].user), (1, Some(id)));
    assert!(told[0].details.is_empty(), "what they were called goes along: {told:?}");
    assert_ne!(app.alice().await.id, id);
}

#[tokio::test]
async fn the_last_owner_does_not_leave() {
    let (app, alice) = easy_with(|settings| settings.portal.delete_account = true).await;
    let owner = User { roles: vec!["vestibule:owner".to_owned()], ..alice.clone() };
    app.write(move |tx| {
        tx.update_user(&owner)?;
        let mut console = tx.clients()?.into_iter().find(|client| client.id.as_str() == "admin-console").unwrap();
        console.chain = Some("default".into());
        tx.put_client(&console)
    })
    .await;
    let mut browser = app.browser();
    let page = enters(&mut browser, "/portal/data").await;
    let page = proves(&app, &mut browser, &page, "/portal/data").await;
    let kept = posts(&mut browser, &page, "/portal/data/delete", &[("username", "alice")]).await;
    assert_eq!(kept.status, 409, "{}", kept.body);
    assert!(kept.body.contains("Make somebody else an owner first"), "{}", kept.body);
    person(&app, alice.id).await;
    assert!(audited(&app, "account.deleted").await.is_empty());
    // The form is still good: nothing was lost.
    assert!(!csrf(&kept).is_empty());
}
