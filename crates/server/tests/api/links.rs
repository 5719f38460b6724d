//! The link by which somebody chooses their password.

use serde_json::json;
use vestibule_server::admin::Role;

use crate::{
    house::{Caller, admin, server},
    support::TestApp,
};

async fn link(helper: &Caller, user: impl ToString) -> String {
    let made = helper.post(&format!("/users/{}/password-link", user.to_string()), &json!({})).await.ok().json();
    made["url"].as_str().unwrap().to_owned()
}

async fn signs_in(app: &TestApp, password: &str) -> bool {
    let mut browser = app.browser();
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", password)]).await;
    page.answer("code").is_some()
}

#[tokio::test]
async fn a_link_sets_a_password_once_and_signs_everybody_out() {
    let app = server().await;
    let alice = app.alice().await;
    let helper = admin(&app, Role::Helpdesk).await;
    let owner = admin(&app, Role::Owner).await;
    assert!(signs_in(&app, "alice").await);
    let url = link(&helper, alice.id).await;
    let mut browser = app.browser();
    // Whoever scans mail opens it, and uses nothing up.
    for _ in 0..3 {
        assert_eq!(browser.get(&url).await.status, 200);
    }
    let page = browser.get(&url).await;
    assert!(page.body.contains("alice"));
    let short = browser.submit(&page, "password", &[("password", "short")]).await;
    assert_eq!(short.status, 422);
    assert!(short.body.contains("at least 10 characters"), "{}", short.body);
    for (bad, told) in [("qwertyuiop", "first passwords that are tried"), ("alice alice!", "name of the account")] {
        let refused = browser.submit(&short, "password", &[("password", bad)]).await;
        assert_eq!(refused.status, 422, "{bad}");
        assert!(refused.body.contains(told), "{bad}: {}", refused.body);
    }
    let set = browser.submit(&short, "password", &[("password", "a new password")]).await;
    assert_eq!(set.status, 200, "{}", set.body);
    let sessions = owner.get(&format!("/users/{}/sessions", alice.id)).await.json();
    assert_eq!(sessions["items"], json!([]));
    assert!(!signs_in(&app, "alice").await && signs_in(&app, "a new password").await);
    assert_eq!(browser.get(&url).await.status, 404);
    let again = browser.submit(&page, "password", &[("password", "another password")]).await;
    assert_eq!(again.status, 404);
    assert!(!signs_in(&app, "another password").await);
}

#[tokio::test]
async fn a_link_ends_and_an_older_one_and_a_made_up_one_are_none() {
    let app = server().await;
    let alice = app.alice().await;
    let helper = admin(&app, Role::Helpdesk).await;
    let (first, second) = (link(&helper, alice.id).await, link(&helper, alice.id).await);
    let mut browser = app.browser();
    assert_eq!(browser.get(&first).await.status, 404, "the last one alone works");
    assert_eq!(browser.get(&second).await.status, 200);
    let made_up = format!("{}x", &second[..second.len() - 1]);
    assert_eq!(browser.get(&made_up).await.status, 404);
    let page = browser.get(&second).await;
    let foreign = browser.post(&second, &[("password", "a new password"), ("csrf", "x")]).await;
    assert_eq!(foreign.status, 403);
    app.advance(24 * 3600);
    assert_eq!(browser.get(&second).await.status, 404);
    assert_eq!(browser.submit(&page, "password", &[("password", "a new password")]).await.status, 404);
}

#[tokio::test]
async fn of_64_who_use_a_link_one_does() {
    let app = server().await;
    let alice = app.alice().await;
    let helper = admin(&app, Role::Helpdesk).await;
    let url = link(&helper, alice.id).await;
    let page = app.browser().get(&url).await;
    let mut all = tokio::task::JoinSet::new();
    for number in 0..64 {
        let (mut browser, page) = (app.browser(), page.at(&app.place()));
        all.spawn(async move {
            browser
                .submit(&page, "password", &[("password", &format!("password number {number}"))])
                .await
                .status
                .as_u16()
        });
    }
    let answers = all.join_all().await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    // There is no room for all in the queue of hashes: some are told to come again.
    assert!(answers.iter().all(|status| [200, 404, 503].contains(status)), "{answers:?}");
}
