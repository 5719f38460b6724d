//! `enrol = "allow"`: who can pass the step may wish to set up another way besides, and passes it all the same.

use serde_json::{Value, json};
use vestibule_core::{
    engine::{Acted, Body, StepView, View, Wish},
    id::UserId,
    store::StoreExt as _,
    user::Credential,
};
use vestibule_oauth::store::Tx;

use crate::house::{House, Visitor, closed, from, step};

fn either(policy: &str) -> Value {
    json!([["word"], { "alternatives": [{ "authenticator": "code", "connection": "SMSOTP" }, "key"], "enrol": policy }])
}

async fn keys(house: &House, user: UserId) -> Vec<Credential> {
    let keys = move |tx: &mut (dyn Tx + 'static)| tx.credentials(user, &"key".into());
    house.store.read(keys).await.unwrap()
}

fn besides(shown: &StepView) -> Vec<&str> {
    shown.besides.iter().map(|way| way.authenticator.as_str()).collect()
}

async fn wishes(house: &House, visitor: &Visitor, alternative: Option<usize>) -> (Acted, View) {
    let version = house.view(visitor).await.version;
    wishes_from(house, visitor, alternative, version).await
}

async fn wishes_from(house: &House, visitor: &Visitor, alternative: Option<usize>, version: i64) -> (Acted, View) {
    let (id, binding) = (visitor.id, Some(visitor.binding.as_str()));
    let acted = house.engine.wish(id, binding, Wish { version, alternative }, &visitor.cx).await.unwrap();
    let view = house.engine.after(&acted, id, binding, &visitor.cx).await.unwrap();
    (acted, view)
}

#[tokio::test]
async fn who_wishes_proves_what_they_have_and_then_sets_up_the_other() {
    let house = House::with(either("allow")).await;
    let alice = house.visit(from("192.0.2.1")).await;
    let asked = step(house.word(&alice).await);
    assert!(!asked.enrolling && asked.of == 2, "{asked:?}");
    assert_eq!(besides(&asked), ["key"]);
    let wished = step(wishes(&house, &alice, Some(1)).await.1);
    assert!(!wished.enrolling, "the step is passed by what she has: {wished:?}");
    assert!(wished.wished.is_some() && besides(&wished).is_empty());
    let key = house.answer(&alice, &[("number", "17")]).await;
    assert!(!step(key).enrolling);
    assert!(keys(&house, house.alice).await.is_empty(), "nothing is bound before");
    if wished.challenge.is_none() {
        house.choose(&alice, Some(0)).await;
    }
    let set_up = step(house.answer(&alice, &[("code", &house.gateway.code())]).await);
    assert!(set_up.enrolling && set_up.prompt.is_some() && set_up.wished.is_some(), "{set_up:?}");
    house.answer(&alice, &[("number", "17")]).await;
    let (answer, _) = closed(house.answer(&alice, &[("key", "17")]).await);
    assert_eq!(answer["amr"], json!(["code", "key", "word"]));
    assert_eq!(keys(&house, house.alice).await.len(), 1);
    assert_eq!(house.audited("factor.enrolled").await, 1);
}

#[tokio::test]
async fn a_wish_can_be_taken_back_at_any_time_and_costs_nothing() {
    let house = House::with(either("allow")).await;
    // Before the step is passed, it is as if there had been none.
    let alice = house.visit(from("192.0.2.1")).await;
    let asked = step(house.word(&alice).await);
    wishes(&house, &alice, Some(1)).await;
    let back = step(wishes(&house, &alice, None).await.1);
    assert!(back.wished.is_none() && back.of == asked.of, "{back:?}");
    closed(house.answer(&alice, &[("code", &house.gateway.code())]).await);
    // After it, that was the last thing to do.
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    wishes(&house, &alice, Some(1)).await;
    let set_up = step(house.answer(&alice, &[("code", &house.gateway.code())]).await);
    assert!(set_up.enrolling);
    house.answer(&alice, &[("number", "17")]).await;
    let (acted, _) = wishes(&house, &alice, None).await;
    assert!(matches!(acted, Acted::Closed { .. }), "{acted:?}");
    assert!(keys(&house, house.alice).await.is_empty());
}

#[tokio::test]
async fn a_050_a_wish_taken_back_lets_nobody_past_a_step() {
    let house = House::with(either("allow")).await;
    let thief = house.visit(from("198.51.100.1")).await;
    house.word(&thief).await;
    wishes(&house, &thief, Some(1)).await;
    for _ in 0..2 {
        let shown = step(wishes(&house, &thief, None).await.1);
        assert!(!shown.enrolling && shown.number == 2, "{shown:?}");
    }
    // Nor does an answer to what is not asked yet bind anything.
    wishes(&house, &thief, Some(1)).await;
    for fields in [[("number", "17")], [("key", "17")]] {
        assert!(!step(house.answer(&thief, &fields).await).enrolling);
    }
    assert!(keys(&house, house.alice).await.is_empty());
}

#[tokio::test]
async fn nobody_is_offered_another_way_where_the_chain_does_not_say_so_or_before_they_proved_anything() {
    for policy in ["require", "refuse"] {
        let house = House::with(either(policy)).await;
        let alice = house.visit(from("192.0.2.1")).await;
        assert!(besides(&step(house.word(&alice).await)).is_empty(), "{policy}");
        let (acted, view) = wishes(&house, &alice, Some(1)).await;
        assert!(matches!(acted, Acted::Nothing { .. }) && step(view).wished.is_none(), "{policy}");
    }
    let house = House::with(json!([{ "alternatives": ["word", "key"], "enrol": "allow" }])).await;
    let stranger = house.visit(from("192.0.2.1")).await;
    assert!(besides(&house.step(&stranger).await).is_empty());
    assert!(matches!(wishes(&house, &stranger, Some(1)).await.0, Acted::Nothing { .. }));
}

#[tokio::test]
async fn what_is_had_or_is_not_there_cannot_be_wished_for_and_an_old_page_wishes_nothing() {
    let house = House::with(either("allow")).await;
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    for alternative in [0, 2, usize::MAX] {
        assert!(matches!(wishes(&house, &alice, Some(alternative)).await.0, Acted::Nothing { stale: false }));
    }
    assert!(matches!(wishes_from(&house, &alice, Some(1), 1).await.0, Acted::Nothing { stale: true }));
    assert!(matches!(wishes(&house, &alice, None).await.0, Acted::Nothing { stale: false }), "there is none");
}

#[tokio::test]
async fn who_has_none_sets_one_up_as_where_it_is_required() {
    let house = House::with(either("allow")).await;
    house.change("alice", |user| user.phone_number = None).await;
    let alice = house.visit(from("192.0.2.1")).await;
    let set_up = step(house.word(&alice).await);
    assert!(set_up.enrolling && set_up.wished.is_none() && besides(&set_up).is_empty(), "{set_up:?}");
    let (acted, view) = wishes(&house, &alice, None).await;
    assert!(matches!(acted, Acted::Nothing { .. }), "there is nothing to take back");
    assert!(matches!(view.body, Body::Step(_)));
}
