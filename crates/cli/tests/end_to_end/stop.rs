//! SIGTERM: who is being answered is answered, nobody new is taken, and the program ends with 0.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    database::Database,
    gateway::Behaviour,
    house::{House, SECRET},
    person::{ALICE, Person},
    relying_party::Shop,
};

/// A request of the load: when it began, and the status that it got, if any.
type Request = (Instant, Option<u16>);

/// Asks for tokens, each time over a new connection, until told to stop.
async fn load(token: String, enough: Arc<AtomicBool>) -> Vec<Request> {
    vestibule_server::http::tls::install_provider();
    // A connection for each request: one that was accepted is answered, and none is kept for the next.
    let http = reqwest::Client::builder().pool_max_idle_per_host(0).build().unwrap();
    let mut requests = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let began = Instant::now();
        let form = [("grant_type", "client_credentials"), ("scope", "stock.read")];
        let answer = http.post(&token).basic_auth("shop", Some(SECRET)).form(&form).send().await;
        requests.push((began, answer.ok().map(|answer| answer.status().as_u16())));
        if requests.last().is_some_and(|(_, status)| status.is_none()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    requests
}

#[tokio::test]
async fn a_134_sigterm_under_load_answers_who_is_waiting_and_exits_0() {
    let house = House::build(Database::Sqlite, None);
    let mut server = house.serve().await;
    let shop = Shop::new(&server.url).await;
    let mut alice = Person::new(ALICE, &server.url, &house.gateway);
    let page = alice.browser.open(shop.ask(false).url.as_str()).await;

    let enough = Arc::new(AtomicBool::new(false));
    let token = format!("{}/oauth2/token", server.url);
    let loads: Vec<_> = (0..4).map(|_| tokio::spawn(load(token.clone(), Arc::clone(&enough)))).collect();
    // A person whose message takes its time: her page is being made when the signal comes.
    house.gateway.behave(Behaviour::Slow(Duration::from_millis(1500)));
    let waiting = tokio::spawn(async move {
        alice
            .browser
            .submit_once(&page, "password", &[("username", "alice"), ("password", super::person::Who::PASSWORD)])
            .await
    });
    house.gateway.latest_to(ALICE.number).await;

    let told = Instant::now();
    server.terminate();
    let answered = waiting.await.unwrap();
    assert!(answered.status.is_redirection(), "she was in the middle of it: {}", answered.status);
    let status = server.ended(Duration::from_secs(25)).await;
    enough.store(true, Ordering::Relaxed);
    assert_eq!(status.code(), Some(0), "{}", server.log());

    let mut requests = Vec::new();
    for load in loads {
        requests.extend(load.await.unwrap());
    }
    // What was surely accepted before the signal was answered, and well.
    let margin = Duration::from_millis(100);
    let before: Vec<_> = requests.iter().filter(|(began, _)| *began + margin < told).collect();
    assert!(before.len() > 20, "only {} requests: that is no load", before.len());
    assert!(before.iter().all(|(_, status)| *status == Some(200)), "{before:?}");
    // Nobody got half an answer or a fault while it stopped.
    assert!(requests.iter().all(|(_, status)| matches!(status, Some(200 | 503) | None)), "{requests:?}");

    // And what was under way is there after the next start.
    house.gateway.behave(Behaviour::Accept);
    let _server = house.serve().await;
    assert_eq!(house.gateway.to(ALICE.number).len(), 1);
}
