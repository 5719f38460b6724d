//! A factor comes to be: in the flow, or because somebody came for that.

use serde_json::json;
use vestibule_core::{
    authenticator::Rejection,
    engine::{Body, Started},
    id::{CredentialId, UserId},
    interaction::{Errand, Notice},
    plan::Denial,
    store::StoreExt as _,
    testing::SeededRandom,
    time::Clock as _,
    user::Credential,
};
use vestibule_oauth::store::Tx;

use crate::house::{House, Visitor, closed, from, request, step};

fn in_the_flow() -> serde_json::Value {
    json!([["word"], { "alternatives": ["key"], "enrol": "require" }])
}

async fn without_a_phone(steps: serde_json::Value) -> House {
    let house = House::with(steps).await;
    house.change("alice", |user| user.phone_number = None).await;
    house
}

async fn keys(house: &House, user: UserId) -> Vec<Credential> {
    let keys = move |tx: &mut (dyn Tx + 'static)| tx.credentials(user, &"key".into());
    house.store.read(keys).await.unwrap()
}

/// Somebody comes for `errand`.
async fn comes(house: &House, errand: Errand) -> Visitor {
    let mut wanted = request();
    wanted.errand = Some(errand);
    let cx = from("192.0.2.1");
    match house.start(wanted, None, &cx).await {
        Started::Interaction { id, binding } => Visitor { id, binding, cx },
        other => panic!("no interaction: {other:?}"),
    }
}

async fn sets_up(house: &House, visitor: &Visitor, number: &str) -> vestibule_core::engine::View {
    house.answer(visitor, &[("number", number)]).await;
    house.answer(visitor, &[("key", number)]).await
}

#[tokio::test]
async fn who_has_none_sets_one_up_and_goes_on_and_the_next_time_is_asked_for_it() {
    let house = without_a_phone(in_the_flow()).await;
    let alice = house.visit(from("192.0.2.1")).await;
    let set_up = step(house.word(&alice).await);
    assert!(set_up.enrolling && set_up.prompt.is_some(), "the only way is opened at once: {set_up:?}");
    let confirm = step(house.answer(&alice, &[("number", "17")]).await);
    assert!(confirm.enrolling && confirm.notice.is_none(), "one more question: {confirm:?}");
    assert!(keys(&house, house.alice).await.is_empty(), "nothing counts before it was verified");
    let wrong = step(house.answer(&alice, &[("key", "18")]).await);
    assert!(matches!(wrong.notice, Some(Notice::Rejected { why: Rejection::Wrong, tries_left: Some(4) })));
    let (answer, _) = closed(house.answer(&alice, &[("key", "17")]).await);
    assert_eq!(answer["amr"], json!(["key", "word"]));
    let [key] = keys(&house, house.alice).await.try_into().unwrap();
    assert_eq!((key.label.as_deref(), key.version), (Some("mine"), 1));
    assert_eq!(house.audited("factor.enrolled").await, 1);

    let alice = house.visit(from("192.0.2.1")).await;
    let asked = step(house.word(&alice).await);
    assert!(!asked.enrolling);
    closed(house.answer(&alice, &[("key", "17")]).await);
    // It was used up: the same again is wrong.
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    assert!(step(house.answer(&alice, &[("key", "17")]).await).notice.is_some());
}

#[tokio::test]
async fn a_050_nobody_enrols_before_the_steps_before_it() {
    let house = without_a_phone(in_the_flow()).await;
    let alice = house.visit(from("192.0.2.1")).await;
    for fields in [[("number", "17")], [("key", "17")]] {
        let shown = step(house.answer(&alice, &fields).await);
        assert_eq!((shown.number, shown.enrolling), (1, false));
    }
    house.choose(&alice, Some(0)).await;
    assert!(keys(&house, house.alice).await.is_empty());
}

#[tokio::test]
async fn a_080_a_password_alone_binds_no_factor_beside_one_that_is_more() {
    // Another chain knows her telephone; this one would let a thief of the password set up a key.
    let house = House::with(in_the_flow()).await;
    let other = serde_json::from_value(json!({ "chain": "shop", "revision": 1,
        "steps": [["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]] }));
    let portal = serde_json::from_value(json!({ "chain": "portal", "revision": 1, "steps": in_the_flow() }));
    house.reconfigure(vec![portal.unwrap(), other.unwrap()]);
    let thief = house.visit(from("192.0.2.1")).await;
    let told = house.word(&thief).await;
    assert!(matches!(told.body, Body::Denied { denial: Some(Denial::NoAlternative { step: 2, .. }), .. }), "{told:?}");
    assert!(keys(&house, house.alice).await.is_empty());
}

#[tokio::test]
async fn who_came_for_it_proves_what_they_have_and_sets_up_one_more() {
    let house = House::with(json!([["word"]])).await;
    let other = serde_json::from_value(json!({ "chain": "shop", "revision": 1,
        "steps": [["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]] }));
    let portal = serde_json::from_value(json!({ "chain": "portal", "revision": 1, "steps": [["word"]] }));
    house.reconfigure(vec![portal.unwrap(), other.unwrap()]);
    let alice = comes(&house, Errand::Enrol { authenticator: "key".into() }).await;
    let asked = step(house.word(&alice).await);
    assert!(!asked.enrolling && asked.of == 3, "first her telephone: {asked:?}");
    let ways: Vec<_> = asked.alternatives.iter().map(|way| way.authenticator.to_string()).collect();
    assert_eq!(ways, ["code"]);
    house.choose(&alice, Some(asked.alternatives[0].index)).await;
    let set_up = step(house.answer(&alice, &[("code", &house.gateway.code())]).await);
    assert!(set_up.enrolling, "{set_up:?}");
    closed(sets_up(&house, &alice, "17").await);
    assert_eq!(keys(&house, house.alice).await.len(), 1);

    // A second one beside it: proved by either.
    let alice = comes(&house, Errand::Enrol { authenticator: "key".into() }).await;
    let asked = step(house.word(&alice).await);
    let key = asked.alternatives.iter().find(|way| way.authenticator.as_str() == "key").unwrap().index;
    house.choose(&alice, Some(key)).await;
    let set_up = step(house.answer(&alice, &[("key", "17")]).await);
    assert!(set_up.enrolling, "what was just proved is not what was come for: {set_up:?}");
    closed(sets_up(&house, &alice, "99").await);
    assert_eq!(keys(&house, house.alice).await.len(), 2);
}

#[tokio::test]
async fn a_080_what_a_gateway_carries_binds_nothing_beside_what_nobody_carries() {
    let house = House::with(json!([["word"]])).await;
    let other = serde_json::from_value(json!({ "chain": "shop", "revision": 1,
        "steps": [["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]] }));
    let portal = serde_json::from_value(json!({ "chain": "portal", "revision": 1, "steps": [["word"]] }));
    house.reconfigure(vec![portal.unwrap(), other.unwrap()]);
    house.holds_a_key("17").await;
    // Whoever runs the gateway knows her word, and comes without a session.
    let mut wanted = request();
    wanted.errand = Some(Errand::Enrol { authenticator: "key".into() });
    let thief = comes(&house, Errand::Enrol { authenticator: "key".into() }).await;
    let asked = step(house.word(&thief).await);
    let code = asked.alternatives.iter().find(|way| way.authenticator.as_str() == "code").unwrap().index;
    house.choose(&thief, Some(code)).await;
    let told = house.answer(&thief, &[("code", &house.gateway.code())]).await;
    assert!(matches!(told.body, Body::Denied { denial: Some(Denial::NoAlternative { .. }), .. }), "{told:?}");
    assert_eq!(keys(&house, house.alice).await.len(), 1);
    // She is not asked for it in the first place.
    let alice = house.visit(from("192.0.2.2")).await;
    let (_, session) = closed(house.word(&alice).await);
    let Started::Interaction { id, binding } = house.start(wanted, Some(session), &from("192.0.2.2")).await else {
        panic!("something is due")
    };
    let shown = house.step(&Visitor { id, binding, cx: from("192.0.2.2") }).await;
    let ways: Vec<_> = shown.alternatives.iter().map(|way| way.authenticator.to_string()).collect();
    assert_eq!(ways, ["key"]);
}

#[tokio::test]
async fn who_has_nothing_more_than_the_word_sets_up_the_first_with_it() {
    let house = without_a_phone(json!([["word"]])).await;
    let alice = comes(&house, Errand::Enrol { authenticator: "key".into() }).await;
    assert!(step(house.word(&alice).await).enrolling);
    closed(sets_up(&house, &alice, "17").await);
    assert_eq!(keys(&house, house.alice).await.len(), 1);
}

#[tokio::test]
async fn who_has_nothing_but_what_is_used_up_sets_up_another_with_the_word() {
    let house = without_a_phone(json!([["word"]])).await;
    house.holds_a_key_used_up().await;
    let alice = comes(&house, Errand::Enrol { authenticator: "key".into() }).await;
    assert!(step(house.word(&alice).await).enrolling, "what opens nothing cannot be asked for first");
    closed(sets_up(&house, &alice, "17").await);
    let time = house.clock.now();
    let owner = house.alice;
    let now = move |tx: &mut (dyn Tx + 'static)| Ok((tx.user(owner)?.unwrap(), tx.sessions_of(owner, time)?.remove(0)));
    let (user, session) = house.store.read(now).await.unwrap();
    assert!(house.engine.proved_now(&user, &session).await.unwrap());
}

#[tokio::test]
async fn a_session_of_this_morning_is_no_reason_to_bind_a_factor() {
    let house = without_a_phone(json!([["word"]])).await;
    let alice = house.visit(from("192.0.2.1")).await;
    let (_, session) = closed(house.word(&alice).await);
    let mut wanted = request();
    wanted.errand = Some(Errand::Enrol { authenticator: "key".into() });
    let cx = from("192.0.2.1");
    for (wait, enrolling) in [(60, true), (3600, false)] {
        house.wait(wait);
        let Started::Interaction { id, binding } = house.start(wanted.clone(), Some(session), &cx).await else {
            panic!("something is due")
        };
        let shown = house.step(&Visitor { id, binding, cx: cx.clone() }).await;
        assert_eq!(shown.enrolling, enrolling, "after {wait} s: {shown:?}");
    }
}

#[tokio::test]
async fn who_came_to_confirm_is_asked_for_more_than_the_word_where_they_have_more() {
    let house = without_a_phone(json!([["word"]])).await;
    let plain = comes(&house, Errand::Confirm).await;
    closed(house.word(&plain).await);
    let alice = comes(&house, Errand::Enrol { authenticator: "key".into() }).await;
    house.word(&alice).await;
    closed(sets_up(&house, &alice, "17").await);
    let alice = comes(&house, Errand::Confirm).await;
    let asked = step(house.word(&alice).await);
    assert_eq!(asked.alternatives.iter().filter(|way| way.authenticator.as_str() == "key").count(), 1, "{asked:?}");
}

#[tokio::test]
async fn what_is_no_factor_here_cannot_be_come_for() {
    let house = House::with(json!([["word"]])).await;
    let mut wanted = request();
    wanted.errand = Some(Errand::Enrol { authenticator: "nothing".into() });
    let refused = house.start(wanted, None, &from("192.0.2.1")).await;
    assert!(matches!(refused, Started::Refused { .. }), "{refused:?}");
    let alice = comes(&house, Errand::Enrol { authenticator: "word".into() }).await;
    house.change("alice", |user| user.phone_number = None).await;
    let told = house.word(&alice).await;
    assert!(matches!(told.body, Body::Denied { denial: Some(Denial::NoAlternative { .. }), .. }), "{told:?}");
}

#[tokio::test]
async fn of_sixteen_answers_with_the_same_key_one_passes() {
    let house = without_a_phone(in_the_flow()).await;
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    closed(sets_up(&house, &alice, "17").await);
    let mut visitors = Vec::new();
    for _ in 0..16 {
        let visitor = house.visit(from("192.0.2.1")).await;
        house.word(&visitor).await;
        visitors.push(visitor);
    }
    let tries = visitors.iter().map(|visitor| house.answer(visitor, &[("key", "17")]));
    let views = futures_util::future::join_all(tries).await;
    let passed = views.iter().filter(|view| matches!(view.body, Body::Closed { .. })).count();
    assert_eq!(passed, 1);
}

#[tokio::test]
async fn what_one_came_for_is_opened_at_once_when_nothing_else_is_due() {
    let house = without_a_phone(json!([["word"]])).await;
    let alice = house.visit(from("192.0.2.1")).await;
    let (_, session) = closed(house.word(&alice).await);
    house.wait(1);
    let cx = from("192.0.2.1");
    let open = async |errand: Option<Errand>, known| {
        let started = house.start(vestibule_core::interaction::Request { errand, ..request() }, known, &cx).await;
        let Started::Interaction { id, binding } = started else { panic!("something is due: {started:?}") };
        Visitor { id, binding, cx: cx.clone() }
    };
    let enrol = || Some(Errand::Enrol { authenticator: "key".into() });
    let visitor = open(enrol(), Some(session)).await;
    let set_up = house.step(&visitor).await;
    assert!(set_up.enrolling && set_up.prompt.is_some(), "its question is there already: {set_up:?}");
    closed(sets_up(&house, &visitor, "17").await);
    assert_eq!(keys(&house, house.alice).await.len(), 1);
    // Who has proved nothing is asked for that first, and nothing is opened.
    let stranger = open(enrol(), None).await;
    let asked = house.step(&stranger).await;
    assert!(!asked.enrolling && asked.challenge.is_none(), "{asked:?}");
}

#[tokio::test]
async fn a_message_leaves_at_once_on_an_errand_alone_and_within_its_budgets() {
    let house = House::with(json!([["word"]])).await;
    let other = serde_json::from_value(json!({ "chain": "shop", "revision": 1,
        "steps": [["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]] }));
    let portal = serde_json::from_value(json!({ "chain": "portal", "revision": 1, "steps": [["word"]] }));
    house.reconfigure(vec![portal.unwrap(), other.unwrap()]);
    let alice = house.visit(from("192.0.2.1")).await;
    let (_, session) = closed(house.word(&alice).await);
    house.wait(1);
    let cx = from("192.0.2.1");
    let mut wanted = request();
    wanted.errand = Some(Errand::Test { authenticator: "code".into() });
    let Started::Interaction { id, binding } = house.start(wanted.clone(), Some(session), &cx).await else {
        panic!("the code is due")
    };
    let visitor = Visitor { id, binding, cx: cx.clone() };
    let asked = house.step(&visitor).await;
    assert!(asked.challenge.is_some() && !asked.enrolling, "{asked:?}");
    let (_, session) = closed(house.answer(&visitor, &[("code", &house.gateway.code())]).await);
    // What was proved with it a moment ago is no reason not to ask: that is what they came for.
    house.wait(1);
    let Started::Interaction { id, binding } = house.start(wanted.clone(), Some(session), &cx).await else {
        panic!("the code is due again")
    };
    let visitor = Visitor { id, binding, cx: cx.clone() };
    let again = house.step(&visitor).await;
    assert_eq!(again.alternatives.len(), 1, "{again:?}");
    let wrong = step(house.answer(&visitor, &[("code", "0")]).await);
    assert!(matches!(wrong.notice, Some(Notice::Rejected { why: Rejection::Wrong, .. })), "{wrong:?}");

    let mut none = request();
    none.errand = Some(Errand::Test { authenticator: "nothing".into() });
    let refused = house.start(none, Some(session), &cx).await;
    assert!(matches!(refused, Started::Refused { .. }), "{refused:?}");
    // Whoever lost the phone meanwhile is told so, and not let through.
    house.change("alice", |user| user.phone_number = None).await;
    let refused = house.start(wanted, Some(session), &cx).await;
    assert!(matches!(refused, Started::Refused { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_080_a_page_left_open_binds_nothing_once_the_word_was_changed() {
    let house = without_a_phone(in_the_flow()).await;
    let thief = house.visit(from("198.51.100.1")).await;
    assert!(step(house.word(&thief).await).enrolling);
    let (alice, now) = (house.alice, house.clock.now());
    let change = move |tx: &mut (dyn Tx + 'static)| {
        let [old] = tx.credentials(alice, &"word".into())?.try_into().unwrap();
        tx.delete_credential(old.id)?;
        let id = CredentialId::new(now, &SeededRandom::new(99));
        tx.insert_credential(&Credential { id, secret: "close sesame".into(), ..old })
    };
    house.store.write(change).await.unwrap();
    let told = step(sets_up(&house, &thief, "17").await);
    assert!(!told.enrolling && keys(&house, house.alice).await.is_empty(), "{told:?}");
}

#[tokio::test]
async fn a_078_who_sets_up_a_number_sends_to_few_of_them_wherever_they_come_from() {
    let house = without_a_phone(json!([["word"]])).await;
    for turn in 0..8 {
        // Another number and another network each time: no budget of theirs is used up.
        let mut wanted = request();
        wanted.errand = Some(Errand::Enrol { authenticator: "line".into() });
        let cx = from(&format!("192.0.2.{turn}"));
        let Started::Interaction { id, binding } = house.start(wanted, None, &cx).await else { panic!("it asks") };
        let alice = Visitor { id, binding, cx };
        assert!(step(house.word(&alice).await).enrolling);
        let asked = step(house.answer(&alice, &[("number", &format!("+{turn}4155501{turn}0"))]).await);
        let limited = matches!(asked.notice, Some(Notice::Limited { sends: true, .. }));
        assert_eq!((house.gateway.count(), limited), (5.min(turn + 1), turn >= 5), "the {turn}th: {asked:?}");
    }
    // An hour later there is room again.
    house.wait(3600);
    let alice = comes(&house, Errand::Enrol { authenticator: "line".into() }).await;
    house.word(&alice).await;
    house.answer(&alice, &[("number", "+4915550199")]).await;
    assert_eq!(house.gateway.count(), 6);
    closed(house.answer(&alice, &[("code", &house.gateway.code())]).await);
}

fn of_the_list() -> serde_json::Value {
    json!({ "authenticator": "key", "settings": { "mine": true } })
}

#[tokio::test]
async fn a_080_a_key_that_another_chain_does_not_take_protects_all_the_same() {
    let house = House::with(json!([["word"]])).await;
    let strict =
        serde_json::from_value(json!({ "chain": "strict", "revision": 1, "steps": [["word"], [of_the_list()]] }));
    let portal = serde_json::from_value(json!({ "chain": "portal", "revision": 1, "steps": [["word"]] }));
    house.reconfigure(vec![strict.unwrap(), portal.unwrap()]);
    house.change("alice", |user| user.phone_number = None).await;
    house.holds_a_key("17").await;
    let thief = comes(&house, Errand::Enrol { authenticator: "key".into() }).await;
    let told = house.word(&thief).await;
    assert!(matches!(told.body, Body::Denied { denial: Some(Denial::NoAlternative { .. }), .. }), "{told:?}");
}

#[tokio::test]
async fn a_088_what_is_not_of_the_list_passes_no_step_that_has_one_wherever_it_was_proved() {
    for (label, opens) in [(Some("mine"), true), (None, false)] {
        let house = House::with(json!([["word"], ["key"]])).await;
        house.holds_a_key_called(label, "17").await;
        let alice = house.visit(from("192.0.2.1")).await;
        house.word(&alice).await;
        let (_, session) = closed(house.answer(&alice, &[("key", "17")]).await);
        let strict = json!({ "chain": "portal", "revision": 2, "steps": [["word"], [of_the_list()]] });
        house.reconfigure(vec![serde_json::from_value(strict).unwrap()]);
        let started = house.start(request(), Some(session), &from("192.0.2.1")).await;
        assert_eq!(matches!(started, Started::Finished { .. }), opens, "{started:?}");
    }
}
