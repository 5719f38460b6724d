//! Attacks on sessions and cookies.

use std::time::{Duration, Instant};

use crate::{
    house::{
        Database, ask_tokens, audited, lives, on_both_databases, quick, refreshing, refused, rows, sign_in, spending,
        text, told,
    },
    support::TestApp,
};

on_both_databases! { a_104_what_ends_has_ended_everywhere }

const SESSION: &str = "vestibule-session";

#[tokio::test]
async fn a_101_a_planted_session_is_replaced_and_an_old_one_is_worth_nothing() {
    let app = TestApp::start().await;
    quick(&app).await;
    // The attacker's own session, planted in the victim's browser.
    app.user("mallory", "mallory", None).await;
    let mut mallory = app.browser();
    let page = mallory.open(&app.authorize(&[])).await;
    mallory.submit(&page, "password", &[("username", "mallory"), ("password", "mallory")]).await;
    let planted = mallory.cookie(SESSION).unwrap();
    app.advance(1);
    let mut alice = app.browser();
    alice.set_cookie(SESSION, &planted);
    assert!(sign_in(&app, &mut alice, &[("prompt", "login")]).await.answer("code").is_some());
    let own = alice.cookie(SESSION).unwrap();
    assert_ne!(own, planted);
    told(&app, &mallory.get(&app.authorize(&[("prompt", "none")])).await, "login_required");
    // Every login has a new value, and the one before dies once the new one was seen.
    app.advance(60);
    assert!(sign_in(&app, &mut alice, &[("prompt", "login")]).await.answer("code").is_some());
    let renewed = alice.cookie(SESSION).unwrap();
    assert_ne!(renewed, own);
    let none = app.authorize(&[("prompt", "none")]);
    assert!(alice.get(&none).await.answer("code").is_some());
    let mut thief = app.browser();
    for stale in [own.as_str(), planted.as_str(), "x", "", &renewed[..renewed.len() - 1]] {
        thief.set_cookie(SESSION, stale);
        told(&app, &thief.get(&none).await, "login_required");
    }
    assert!(alice.get(&none).await.answer("code").is_some(), "hers is alive");
}

async fn a_104_what_ends_has_ended_everywhere(database: Database) {
    let Some((app, second)) = database.start_two().await else { return };
    let mut alice = quick(&app).await;
    if let Some(second) = &second {
        vestibule_server::configuration::refresh(&second.state).await.unwrap();
    }
    let there = second.as_ref().unwrap_or(&app).place();
    let none = app.authorize(&[("prompt", "none")]);

    // A logout here: the session, an unspent code, the tokens.
    let mut browser = app.browser();
    let back = sign_in(&app, &mut browser, &[]).await;
    let tokens = ask_tokens(&app.place(), spending(&back.answer("code").unwrap())).await.json();
    let unspent = browser.get(&none).await.answer("code").unwrap();
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    assert!(lives(&there, &access).await);
    let stolen = browser.clone();
    let page = browser.get("/oauth2/logout").await;
    assert_eq!(browser.submit(&page, "csrf", &[("decision", "allow")]).await.status, 200);
    let began = Instant::now();
    for place in [app.place(), there.clone()] {
        told(&app, &stolen.elsewhere(&place).get(&none).await, "login_required");
        refused(&ask_tokens(&place, spending(&unspent)).await, "invalid_grant");
        refused(&ask_tokens(&place, refreshing(&refresh)).await, "invalid_grant");
        while lives(&place, &access).await {
            assert!(began.elapsed() < Duration::from_secs(2));
        }
    }
    assert_eq!(audited(&app, "session.ended").await.len(), 1);

    // A disabled user, with a token that outlives sessions.
    let mut browser = app.browser();
    let back = sign_in(&app, &mut browser, &[("scope", "openid offline_access")]).await;
    let tokens = ask_tokens(&there, spending(&back.answer("code").unwrap())).await.json();
    let unspent = browser.get(&none).await.answer("code").unwrap();
    let (access, refresh) = (text(&tokens, "access_token"), text(&tokens, "refresh_token"));
    assert!(lives(&there, &access).await);
    alice.disabled = true;
    app.write(move |tx| tx.update_user(&alice)).await;
    let began = Instant::now();
    for place in [app.place(), there.clone()] {
        let answer = browser.elsewhere(&place).get(&none).await;
        assert!(answer.answer("code").is_none() && answer.answer("error").is_some(), "{:?}", answer.location());
        refused(&ask_tokens(&place, spending(&unspent)).await, "invalid_grant");
        refused(&ask_tokens(&place, refreshing(&refresh)).await, "invalid_grant");
        while lives(&place, &access).await {
            assert!(began.elapsed() < Duration::from_secs(2));
        }
    }
    let mut browser = app.browser();
    assert!(sign_in_fails(&app, &mut browser).await, "nor does the password open anything");
    assert_eq!(rows(&app, "codes"), 4, "two spent, two that died unspent");
}

async fn sign_in_fails(app: &TestApp, browser: &mut crate::support::Browser) -> bool {
    let page = browser.open(&app.authorize(&[])).await;
    let page = browser.submit(&page, "password", &[("username", "alice"), ("password", "alice")]).await;
    page.answer("code").is_none() && browser.cookie(SESSION).is_none()
}
