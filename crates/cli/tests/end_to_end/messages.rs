//! Codes by SMS over a gateway that really receives them, and what people see when that gateway does not do its work.

use super::{
    database::Database,
    gateway::{Behaviour, Gateway},
    house::House,
    person::{ALICE, BOB, CAROL, Person, another},
    program::Running,
    relying_party::Shop,
    visitor::Page,
};

struct Scene {
    house: House,
    server: Running,
    shop: Shop,
}

impl Scene {
    async fn open(database: Database) -> Self {
        let house = House::build(database, None);
        let server = house.serve().await;
        let shop = Shop::new(&server.url).await;
        Self { house, server, shop }
    }

    fn gateway(&self) -> &Gateway {
        &self.house.gateway
    }

    fn person(&self, who: super::person::Who) -> Person {
        Person::new(who, &self.server.url, &self.house.gateway)
    }
}

/// Longer than the time between two messages in these tests.
async fn cooldown() {
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
}

fn shows(page: &Page, text: &str) {
    shows_with(page, 200, text);
}

fn shows_with(page: &Page, status: u16, text: &str) {
    assert_eq!(page.status.as_u16(), status);
    assert!(page.body.contains(text), "no {text:?} in:\n{}", page.body);
}

fn signed_in(page: &Page) {
    let place = page.location().unwrap_or_else(|| panic!("not signed in:\n{}", page.body));
    assert!(place.query_pairs().any(|(name, _)| name == "code"), "{place}");
}

/// No code, no session: a page that only looks like one.
fn not_signed_in(person: &Person, page: &Page) {
    assert!(page.location().is_none());
    assert_eq!(person.browser.cookie("vestibule-session"), None, "half a login is no login");
}

async fn right_and_wrong(database: Database) {
    if !database.is_there() {
        return;
    }
    let scene = Scene::open(database).await;
    let mut alice = scene.person(ALICE);
    let asked = scene.shop.ask(false).url;

    // A wrong password sends nothing.
    let page = alice.browser.open(asked.as_str()).await;
    let page = alice.give_password(&page, "a wrong password").await;
    shows(&page, "is not right");
    assert!(scene.gateway().to(ALICE.number).is_empty());

    let page = alice.give_password(&page, super::person::Who::PASSWORD).await;
    let message = scene.gateway().latest_to(ALICE.number).await;
    // The request is the seed's own line, filled in.
    assert_eq!((message.method.as_str(), message.path.as_str()), ("GET", "/sms/json"));
    let names: Vec<_> = message.query.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["api_key", "api_secret", "from", "to", "text"]);
    assert_eq!((message.get("api_key"), message.get("api_secret"), message.get("from")), ("K", "S", "NEXMO"));
    assert!(message.get("text").ends_with(&format!("@127.0.0.1 #{}", message.code())), "{message:?}");
    assert!(!page.body.contains(&message.code()) && !page.body.contains(ALICE.number));

    // A wrong code says so, and how many tries are left.
    let page = alice.give_code(&page, &another(&message.code())).await;
    shows(&page, "That is not the code. You have 4 tries left.");
    not_signed_in(&alice, &page);
    let page = alice.give_code(&page, &another(&another(&message.code()))).await;
    shows(&page, "You have 3 tries left.");

    // Asked for again, it is the same code. It may be typed with a space in it.
    cooldown().await;
    let page = alice.ask_again(&page).await;
    let codes: Vec<_> = scene.gateway().to(ALICE.number).iter().map(super::gateway::Received::code).collect();
    assert_eq!(codes, [message.code(), message.code()]);
    let spaced = format!("{} {}", &codes[0][..3], &codes[0][3..]);
    let page = alice.give_code(&page, &spaced).await;
    signed_in(&page);
    assert!(alice.browser.cookie("vestibule-session").is_some());
    let log = scene.server.log();
    assert!(!log.contains(&message.code()) && !log.contains("12025550142"), "the log holds a code or a number:\n{log}");
}

/// The gateway says no. Nobody pays for it: the one message that may be asked for again is there still.
async fn refused(database: Database) {
    if !database.is_there() {
        return;
    }
    let scene = Scene::open(database).await;
    let mut bob = scene.person(BOB);
    scene.gateway().behave(Behaviour::Refuse);
    let mut page = bob.reach_code(&scene.shop.ask(false).url).await;
    for _ in 0..3 {
        shows(&page, "Your message could not be sent.");
        assert!(!page.body.contains("quota"), "what the gateway said is not for everybody");
        not_signed_in(&bob, &page);
        page = bob.ask_again(&page).await;
    }
    shows(&page, "Your message could not be sent.");
    assert_eq!(scene.gateway().to(BOB.number).len(), 4, "each was tried at once: a refused one begins no wait");
    scene.gateway().behave(Behaviour::Accept);
    let page = bob.ask_again(&page).await;
    shows(&page, "We sent");
    // Now it is spent.
    cooldown().await;
    let page = bob.ask_again(&page).await;
    shows_with(&page, 429, "You can ask for the next message at");
    assert_eq!(scene.gateway().to(BOB.number).len(), 5);
    let code = bob.code().await;
    signed_in(&bob.give_code(&page, &code).await);
}

/// Nobody knows whether the message went out. The person is told so, may ask again, and either message works.
async fn unknown(database: Database, behaviour: Behaviour) {
    if !database.is_there() {
        return;
    }
    let scene = Scene::open(database).await;
    let mut carol = scene.person(CAROL);
    scene.gateway().behave(behaviour);
    let page = carol.reach_code(&scene.shop.ask(false).url).await;
    shows(&page, "We could not find out whether your message was sent.");
    not_signed_in(&carol, &page);
    scene.gateway().behave(Behaviour::Accept);
    cooldown().await;
    let page = carol.ask_again(&page).await;
    let messages = scene.gateway().to(CAROL.number);
    assert_eq!(messages.len(), 2, "the one that may be asked for again was not spent");
    assert_eq!(messages[0].code(), messages[1].code());
    signed_in(&carol.give_code(&page, &messages[0].code()).await);
}

#[tokio::test]
async fn right_and_wrong_codes_on_sqlite() {
    right_and_wrong(Database::Sqlite).await;
}

#[tokio::test]
async fn right_and_wrong_codes_on_postgresql() {
    right_and_wrong(Database::Postgres).await;
}

#[tokio::test]
async fn a_refused_message_costs_nothing_on_sqlite() {
    refused(Database::Sqlite).await;
}

#[tokio::test]
async fn a_refused_message_costs_nothing_on_postgresql() {
    refused(Database::Postgres).await;
}

#[tokio::test]
async fn a_gateway_that_breaks_is_told_on_sqlite() {
    unknown(Database::Sqlite, Behaviour::Break).await;
}

#[tokio::test]
async fn a_gateway_that_breaks_is_told_on_postgresql() {
    unknown(Database::Postgres, Behaviour::Break).await;
}

#[tokio::test]
async fn a_gateway_that_hangs_is_told_on_sqlite() {
    unknown(Database::Sqlite, Behaviour::Hang).await;
}

#[tokio::test]
async fn a_gateway_that_hangs_is_told_on_postgresql() {
    unknown(Database::Postgres, Behaviour::Hang).await;
}
