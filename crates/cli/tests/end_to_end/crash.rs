//! SIGKILL in the middle of things, on SQLite: what was answered holds, and what was not can be asked for again.
//!
//! Each test kills the server several times at moments that nobody chose, with the load running, and starts it again on the
//! same folder.

use std::time::Duration;

use openidconnect::{OAuth2TokenResponse as _, RefreshToken, core::CoreErrorResponseType};
use vestibule_core::random::{RandomExt as _, SystemRandom};

use super::{
    database::Database,
    gateway::Received,
    house::House,
    person::{ALICE, BOB, Person, another},
    program::Running,
    relying_party::{Came, Shop, refresh_token, refusal},
};

const ROUNDS: usize = 6;

/// Kills the server after a moment that nobody chose.
async fn kill_soon(server: Running) {
    let [a, b] = SystemRandom::default().bytes::<2>();
    tokio::time::sleep(Duration::from_micros(u64::from(u16::from_be_bytes([a, b])) * 3)).await;
    server.kill();
}

/// Refreshes as fast as it can, until nobody answers; the last token that arrived.
async fn refresh_until_dead(shop: &Shop, mut token: RefreshToken) -> (RefreshToken, usize) {
    let mut answered = 0;
    while let Ok(tokens) = shop.refresh(&token).await {
        token = refresh_token(&tokens);
        answered += 1;
    }
    (token, answered)
}

#[tokio::test]
async fn a_125_kill_in_refresh_leaves_one_working_pair() {
    let house = House::build(Database::Sqlite, None);
    let mut server = house.serve().await;
    let shop = Shop::new(&server.url).await;
    let mut alice = Person::new(ALICE, &server.url, &house.gateway);
    let asked = shop.ask(false);
    let callback = alice.sign_in(&asked.url).await;
    let tokens = shop.exchange(&shop.came(asked, &callback).unwrap()).await.unwrap();
    let mut token = refresh_token(&tokens);
    let mut answered = 0;
    for _ in 0..ROUNDS {
        let ((last, count), ()) = tokio::join!(refresh_until_dead(&shop, token), kill_soon(server));
        answered += count;
        server = house.serve().await;
        // The client that had no answer asks again with what it has, and everything goes on.
        let pair = shop.refresh(&last).await.unwrap_or_else(|error| panic!("the retry was refused: {error:?}"));
        assert!(shop.user_info(pair.access_token()).await.is_some());
        let next = shop.refresh(&refresh_token(&pair)).await.unwrap();
        token = refresh_token(&next);
    }
    assert!(answered > 0, "nothing was refreshed between the kills, so nothing was tested");
    // One pair, not two: the token before the last is spent by now.
    let next = shop.refresh(&token).await.unwrap();
    let after = shop.refresh(&refresh_token(&next)).await.unwrap();
    assert_eq!(refusal(shop.refresh(&token).await), CoreErrorResponseType::InvalidGrant);
    assert_eq!(refusal(shop.refresh(&refresh_token(&after)).await), CoreErrorResponseType::InvalidGrant);
    still_signed_in(&shop, &mut alice).await;
}

/// Nobody was logged out: a new authorization is answered without a question.
async fn still_signed_in(shop: &Shop, person: &mut Person) {
    let asked = shop.ask(true);
    let callback = person.browser.open(asked.url.as_str()).await.location().unwrap();
    let came = shop.came(asked, &callback).unwrap_or_else(|error| panic!("signed out: {error}"));
    shop.exchange(&came).await.unwrap();
}

/// Authorizes and exchanges as fast as it can, until nobody answers: the codes whose tokens arrived, and the one under way.
async fn exchange_until_dead(shop: &Shop, person: &Person) -> (Vec<Came>, Option<Came>) {
    let mut spent = Vec::new();
    loop {
        let asked = shop.ask(true);
        let callback = match super::program::http_client()
            .get(asked.url.as_str())
            .header("cookie", session(person))
            .send()
            .await
        {
            Ok(answer) => answer.headers().get("location").map(|place| place.to_str().unwrap().parse().unwrap()),
            Err(_) => None,
        };
        let Some(callback) = callback else { return (spent, None) };
        let came = shop.came(asked, &callback).unwrap();
        match shop.exchange(&came).await {
            Ok(_) => spent.push(came),
            Err(_) => return (spent, Some(came)),
        }
    }
}

fn session(person: &Person) -> String {
    format!("vestibule-session={}", person.browser.cookie("vestibule-session").unwrap())
}

#[tokio::test]
async fn a_124_kill_in_code_exchange_leaves_at_most_one_grant_for_a_code() {
    let house = House::build(Database::Sqlite, None);
    let mut server = house.serve().await;
    let shop = Shop::new(&server.url).await;
    let mut alice = Person::new(ALICE, &server.url, &house.gateway);
    alice.sign_in(&shop.ask(false).url).await;
    let mut answered = 0;
    for _ in 0..ROUNDS {
        let ((spent, open), ()) = tokio::join!(exchange_until_dead(&shop, &alice), kill_soon(server));
        answered += spent.len();
        server = house.serve().await;
        // What was answered was on the disk before.
        for came in spent.iter().rev().take(3) {
            assert_eq!(
                refusal(shop.exchange(came).await),
                CoreErrorResponseType::InvalidGrant,
                "a code was good for two"
            );
        }
        if let Some(came) = open {
            // Spent or not, never both; and if it was spent, by nobody else.
            if let Err(refused) = shop.exchange(&came).await {
                assert_eq!(refusal::<()>(Err(refused)), CoreErrorResponseType::InvalidGrant);
            }
            assert_eq!(refusal(shop.exchange(&came).await), CoreErrorResponseType::InvalidGrant);
        }
        still_signed_in(&shop, &mut alice).await;
    }
    assert!(answered > 0, "nothing was exchanged between the kills, so nothing was tested");
}

#[tokio::test]
async fn a_126_kill_in_a_step_keeps_the_tries_and_the_code() {
    let house = House::build(Database::Sqlite, None);
    let server = house.serve().await;
    let shop = Shop::new(&server.url).await;
    let mut bob = Person::new(BOB, &server.url, &house.gateway);
    let asked = shop.ask(false);
    let page = bob.reach_code(&asked.url).await;
    let code = bob.code().await;
    let page = bob.give_code(&page, &another(&code)).await;
    assert!(page.body.contains("4 tries left"), "{}", page.body);
    server.kill();

    // The try stays counted, the page is where it was, and the code is the same.
    let server = house.serve().await;
    let page = bob.browser.open(page.url.as_str()).await;
    let page = bob.give_code(&page, &another(&another(&code))).await;
    assert!(page.body.contains("3 tries left"), "{}", page.body);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let page = bob.ask_again(&page).await;
    let codes: Vec<_> = house.gateway.to(BOB.number).iter().map(Received::code).collect();
    assert_eq!(codes, [code.clone(), code.clone()]);

    // Killed while the right code is on its way: passed or not, and the person can go on from either.
    let place = page.url.clone();
    let form = page.form_with("code");
    let target = page.url.join(&form.action).unwrap();
    let binding = format!("vestibule-i-{}", place.path_segments().unwrap().next_back().unwrap());
    let cookie = format!("{binding}={}", bob.browser.cookie(&binding).unwrap());
    let http = super::program::http_client();
    let answer = http.post(target).header("cookie", cookie).form(&form.filled(&[("code", &code)])).send();
    let (_, ()) = tokio::join!(answer, kill_soon(server));
    let _server = house.serve().await;
    let mut page = bob.browser.open(place.as_str()).await;
    if page.location().is_none() {
        page = bob.give_code(&page, &code).await;
    }
    let callback = page.location().unwrap_or_else(|| panic!("{}", page.body));
    let came = shop.came(asked, &callback).unwrap();
    shop.exchange(&came).await.unwrap();
    assert_eq!(refusal(shop.exchange(&came).await), CoreErrorResponseType::InvalidGrant);
}
