//! A number that came in the place of another: whoever steals an account begins with that.

use std::time::Duration;

use serde_json::{Value, json};
use vestibule_core::{
    chain::ChainDocument,
    engine::{Body, LaterView, Started, Wish},
    interaction::Errand,
    plan::Denial,
    prompt::Text,
    store::StoreExt as _,
    time::Clock as _,
};
use vestibule_oauth::store::Tx;

use crate::house::{House, Visitor, closed, from, request, step};

const DAY: u64 = 24 * 3600;

fn code() -> Value {
    json!({ "authenticator": "code", "connection": "SMSOTP" })
}

fn cooled(ways: &Value) -> Value {
    json!([["word"], { "alternatives": ways, "enrol": "allow", "cool_off": DAY }])
}

/// Alice's number becomes another.
async fn changed(house: &House) {
    let now = house.clock.now();
    house
        .change("alice", move |user| {
            user.phone_number_changed_at = user.number_changed_at(Some("+15550199"), now);
            user.phone_number = Some("+15550199".to_owned());
        })
        .await;
}

async fn at_the_second_door(house: &House) -> (Visitor, Body) {
    let visitor = house.visit(from("192.0.2.1")).await;
    let body = house.word(&visitor).await.body;
    (visitor, body)
}

#[tokio::test]
async fn a_080_who_has_the_password_and_a_new_number_waits_and_the_other_ways_stay_open() {
    let house = House::with(cooled(&json!([code(), "key"]))).await;
    house.holds_a_key("17").await;
    changed(&house).await;
    let from = house.clock.now() + Duration::from_secs(DAY);
    for wait in [0, DAY - 1] {
        house.wait(wait);
        let (visitor, _) = at_the_second_door(&house).await;
        let page = house.step(&visitor).await;
        assert_eq!(page.alternatives.iter().map(|way| way.index).collect::<Vec<_>>(), [1], "the key alone");
        assert_eq!(page.later, [LaterView { label: Text::new("code.label"), from }]);
        house.choose(&visitor, Some(0)).await;
        assert_eq!(house.gateway.count(), 0, "nothing is sent to the new number");
    }
    house.wait(1);
    let (visitor, _) = at_the_second_door(&house).await;
    let page = house.step(&visitor).await;
    assert_eq!((page.alternatives.len(), page.later.len()), (2, 0));
    house.choose(&visitor, Some(0)).await;
    let code = house.gateway.code();
    closed(house.answer(&visitor, &[("code", &code)]).await);
}

#[tokio::test]
async fn a_080_without_another_way_the_page_says_from_when_and_none_is_set_up_meanwhile() {
    // Somebody who has no key could set one up, which would be the way round.
    let house = House::with(cooled(&json!([code(), "key"]))).await;
    changed(&house).await;
    let from = house.clock.now() + Duration::from_secs(DAY);
    let (_, body) = at_the_second_door(&house).await;
    assert!(matches!(body, Body::Denied { denial: Some(Denial::NotYet { step: 2, from: told }), .. } if told == from));
    house.wait(DAY);
    let (visitor, _) = at_the_second_door(&house).await;
    assert_eq!(house.step(&visitor).await.alternatives.len(), 1);
}

#[tokio::test]
async fn the_first_number_counts_at_once() {
    let house = House::with(cooled(&json!([code()]))).await;
    let (visitor, _) = at_the_second_door(&house).await;
    let code = house.gateway.code();
    closed(house.answer(&visitor, &[("code", &code)]).await);
}

#[tokio::test]
async fn a_080_what_a_new_number_proved_elsewhere_opens_no_door_with_a_cool_off() {
    for (is_changed, opens) in [(false, true), (true, false)] {
        let house = House::with(json!([["word"], [code()]])).await;
        if is_changed {
            changed(&house).await;
        }
        let (visitor, _) = at_the_second_door(&house).await;
        let code = house.gateway.code();
        let (_, session) = closed(house.answer(&visitor, &[("code", &code)]).await);
        let document: ChainDocument =
            serde_json::from_value(json!({ "steps": cooled(&json!([self::code()])) })).unwrap();
        let now = house.clock.now();
        let chains = house.store.write(move |tx: &mut (dyn Tx + 'static)| {
            tx.publish_chain(&"portal".into(), &document, now)?;
            tx.published_chains()
        });
        house.reconfigure(chains.await.unwrap());
        let started = house.start(request(), Some(session), &from("192.0.2.1")).await;
        assert_eq!(matches!(started, Started::Finished { .. }), opens, "{started:?}");
    }
}

#[tokio::test]
async fn of_whom_nothing_is_proved_the_page_does_not_tell_that_the_number_is_new() {
    let page = |is_changed: bool| async move {
        let house = House::with(json!([{ "alternatives": [code(), "word"], "cool_off": DAY }])).await;
        if is_changed {
            changed(&house).await;
        }
        let visitor = house.visit(from("192.0.2.1")).await;
        house.choose(&visitor, Some(0)).await;
        let page = step(house.answer(&visitor, &[("username", "alice")]).await);
        let shown = (page.alternatives.len(), page.later.len(), page.prompt, page.challenge.is_some());
        (shown, house.gateway.count())
    };
    let ((known, sent), (new, not_sent)) = (page(false).await, page(true).await);
    assert_eq!(known, new);
    assert!(sent <= 1 && not_sent == 0);
}

/// The portal has these steps and asks for no patience; another service provider does.
async fn beside_one_that_waits(portal: Value) -> House {
    let house = House::with(json!([["word"]])).await;
    let chain = |name: &str, steps: Value| {
        serde_json::from_value(json!({ "chain": name, "revision": 1, "steps": steps })).unwrap()
    };
    let bank = cooled(&json!([code(), "key"]));
    house.reconfigure(vec![chain("portal", portal), chain("bank", bank)]);
    changed(&house).await;
    house
}

async fn keys(house: &House) -> usize {
    let owner = house.alice;
    let keys = move |tx: &mut (dyn Tx + 'static)| tx.credentials(owner, &"key".into());
    house.store.read(keys).await.unwrap().len()
}

#[tokio::test]
async fn a_080_a_new_number_sets_up_no_other_way_where_nothing_waits() {
    let house = beside_one_that_waits(json!([["word"], [code()]])).await;
    let from_then = house.clock.now() + Duration::from_secs(DAY);
    let mut wanted = request();
    wanted.errand = Some(Errand::Enrol { authenticator: "key".into() });
    let thief = || async {
        let cx = from("192.0.2.1");
        let Started::Interaction { id, binding } = house.start(wanted.clone(), None, &cx).await else { panic!() };
        let visitor = Visitor { id, binding, cx };
        house.word(&visitor).await;
        let code = house.gateway.code();
        (house.answer(&visitor, &[("code", &code)]).await, visitor)
    };
    let (told, visitor) = thief().await;
    let later = |body: &Body| matches!(body, Body::Denied { denial: Some(Denial::NotYet { from: told, .. }), .. } if *told == from_then);
    assert!(later(&told.body), "{told:?}");
    house.answer(&visitor, &[("number", "17")]).await;
    house.answer(&visitor, &[("key", "17")]).await;
    assert_eq!(keys(&house).await, 0);
    house.wait(DAY);
    let (told, visitor) = thief().await;
    assert!(step(told).enrolling, "the day is over");
    house.answer(&visitor, &[("number", "17")]).await;
    closed(house.answer(&visitor, &[("key", "17")]).await);
    assert_eq!(keys(&house).await, 1);
}

#[tokio::test]
async fn a_080_a_new_number_sets_up_no_other_way_behind_a_step_that_it_passes() {
    let house =
        beside_one_that_waits(json!([["word"], [code()], { "alternatives": ["key"], "enrol": "require" }])).await;
    let (visitor, _) = at_the_second_door(&house).await;
    let told = house.answer(&visitor, &[("code", &house.gateway.code())]).await;
    assert!(matches!(told.body, Body::Denied { denial: Some(Denial::NotYet { step: 3, .. }), .. }), "{told:?}");
}

#[tokio::test]
async fn a_080_a_wish_with_a_new_number_sets_up_nothing_and_costs_no_login() {
    let house = beside_one_that_waits(json!([["word"], { "alternatives": [code(), "key"], "enrol": "allow" }])).await;
    let (visitor, _) = at_the_second_door(&house).await;
    let version = house.view(&visitor).await.version;
    let (id, binding) = (visitor.id, Some(visitor.binding.as_str()));
    let wish = Wish { version, alternative: Some(1) };
    house.engine.wish(id, binding, wish, &visitor.cx).await.unwrap();
    closed(house.answer(&visitor, &[("code", &house.gateway.code())]).await);
    assert_eq!(keys(&house).await, 0);
}
