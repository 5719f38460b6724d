//! The order in which somebody prefers their ways to sign in: it opens one of what a step offers, and nothing else.

use serde_json::json;
use vestibule_core::engine::StepView;

use crate::house::{House, Visitor, closed, from, step};

fn either() -> serde_json::Value {
    json!([["word"], [{ "authenticator": "code", "connection": "SMSOTP" }, "key"]])
}

/// Somebody who has both, and prefers these.
async fn who_prefers(ways: &'static [&'static str], steps: serde_json::Value) -> House {
    let house = House::with(steps).await;
    house.holds_a_key("17").await;
    house.change("alice", |user| user.preferred = ways.iter().copied().map(Into::into).collect()).await;
    house
}

async fn second(house: &House) -> (Visitor, StepView) {
    let alice = house.visit(from("192.0.2.1")).await;
    let shown = step(house.word(&alice).await);
    (alice, shown)
}

fn offered(shown: &StepView) -> Vec<(usize, &str)> {
    shown.alternatives.iter().map(|way| (way.index, way.authenticator.as_str())).collect()
}

#[tokio::test]
async fn what_is_liked_best_is_opened_and_the_choice_is_one_button_away() {
    let house = who_prefers(&["code"], either()).await;
    let (alice, shown) = second(&house).await;
    assert!(shown.challenge.is_some() && house.gateway.count() == 1, "{shown:?}");
    assert_eq!(offered(&shown), [(0, "code"), (1, "key")]);
    let choice = step(house.choose(&alice, None).await);
    assert!(choice.prompt.is_none(), "who goes back to the choice gets it: {choice:?}");
    assert!(house.step(&alice).await.prompt.is_none(), "also when the page is loaded again");
    let key = step(house.choose(&alice, Some(1)).await);
    assert!(key.prompt.is_some());
    closed(house.answer(&alice, &[("key", "17")]).await);
    assert_eq!(house.gateway.count(), 1);
}

#[tokio::test]
async fn what_needs_no_challenge_is_shown_and_can_be_answered_at_once() {
    let house = who_prefers(&["retina", "key", "code"], either()).await;
    let (alice, shown) = second(&house).await;
    assert!(shown.prompt.is_some() && shown.challenge.is_none(), "{shown:?}");
    assert_eq!(offered(&shown), [(1, "key"), (0, "code")], "in the order that they prefer");
    assert_eq!(house.gateway.count(), 0, "nothing is sent for what was not asked for");
    closed(house.answer(&alice, &[("key", "17")]).await);
}

#[tokio::test]
async fn without_a_liking_and_for_what_the_step_has_not_there_is_the_choice() {
    for ways in [&[][..], &["retina"], &["word"]] {
        let house = who_prefers(ways, either()).await;
        let (_, shown) = second(&house).await;
        assert!(shown.prompt.is_none() && house.gateway.count() == 0, "{ways:?}: {shown:?}");
        assert_eq!(offered(&shown), [(0, "code"), (1, "key")]);
    }
}

#[tokio::test]
async fn a_liking_widens_nothing_and_what_cannot_be_had_is_not_opened() {
    let house = who_prefers(&["code"], json!([["word"], ["key"]])).await;
    let (alice, shown) = second(&house).await;
    assert_eq!(offered(&shown), [(0, "key")]);
    house.choose(&alice, Some(1)).await;
    assert_eq!(house.gateway.count(), 0);
    let house = who_prefers(&["code"], either()).await;
    house.change("alice", |user| user.phone_number = None).await;
    let (_, shown) = second(&house).await;
    assert_eq!(offered(&shown), [(1, "key")]);
}

#[tokio::test]
async fn a_079_of_whom_nothing_is_proved_no_liking_is_looked_at() {
    let steps = json!([[{ "authenticator": "code", "connection": "SMSOTP" }, "key", "word"]]);
    let house = who_prefers(&["key"], steps).await;
    for name in ["alice", "nobody"] {
        let visitor = house.visit(from("192.0.2.1")).await;
        assert!(house.step(&visitor).await.prompt.is_none(), "they choose before they say who they are");
        house.choose(&visitor, Some(0)).await;
        house.answer(&visitor, &[("username", name)]).await;
        let back = step(house.choose(&visitor, None).await);
        assert_eq!(offered(&back), [(0, "code"), (1, "key"), (2, "word")], "{name}");
        assert!(back.prompt.is_none(), "{name}");
    }
}
