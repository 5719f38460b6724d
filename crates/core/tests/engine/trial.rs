//! A trial goes the whole way, and nothing is left of it but what the protocol noted.

use serde_json::json;
use vestibule_core::{
    device::DeviceGiven,
    engine::{Acted, Answer, Body, EngineError, Started},
    interaction::Request,
    plan::StepReport,
    session::SessionRef,
};

use crate::house::{House, Visitor, closed, from, request};

fn trial() -> Request {
    Request { payload: json!("trial"), ..request() }
}

async fn begin(house: &House, session: Option<SessionRef>) -> Visitor {
    let cx = from("192.0.2.1");
    match house.start(trial(), session, &cx).await {
        Started::Interaction { id, binding } => Visitor { id, binding, cx },
        other => panic!("no interaction: {other:?}"),
    }
}

/// What a trial ended in: never a session, never a device.
fn ended(body: Body) -> serde_json::Value {
    let none: Option<DeviceGiven> = None;
    match body {
        Body::Closed { answer, session: None, device } if device == none => answer,
        other => panic!("not the end of a trial: {other:?}"),
    }
}

#[tokio::test]
async fn a_trial_signs_nobody_in_and_nobody_out() {
    let house = House::with(json!([["word"]])).await;
    house.add("bob", "bob's word").await;
    let alice = house.visit(from("192.0.2.1")).await;
    let (_, session) = closed(house.word(&alice).await);

    let visitor = begin(&house, None).await;
    let version = house.view(&visitor).await.version;
    let fields = [("username", "bob"), ("password", "bob's word")].into_iter().collect();
    let answer = Answer { version, challenge: None, fields };
    let acted = house.engine.answer(visitor.id, Some(&visitor.binding), answer, &visitor.cx).await.unwrap();
    assert!(matches!(acted, Acted::Nothing { stale: false }), "no session is given away: {acted:?}");
    ended(house.view(&visitor).await.body);

    let (found, user) = house.engine.session(session).await.unwrap().unwrap();
    assert_eq!((found.evidence.len(), user.id), (1, house.alice), "who was signed in still is");
    assert!(house.grants.ended.lock().unwrap().is_empty());
    assert_eq!((house.audited("login.tried").await, house.audited("login.completed").await), (1, 1));
}

#[tokio::test]
async fn what_was_proved_in_a_trial_is_in_no_session() {
    let house = House::with(json!([["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]])).await;
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    let (_, session) = closed(house.answer(&alice, &[("code", &house.gateway.code())]).await);
    let before = house.engine.session(session).await.unwrap().unwrap().0;

    house.wait(100);
    let mut fresh = trial();
    fresh.not_before = Some(vestibule_core::Clock::now(&*house.clock));
    let Started::Interaction { id, binding } = house.start(fresh, Some(session), &from("192.0.2.1")).await else {
        panic!("both steps are due");
    };
    let visitor = Visitor { id, binding, cx: from("192.0.2.1") };
    house.word(&visitor).await;
    ended(house.answer(&visitor, &[("code", &house.gateway.code())]).await.body);
    let after = house.engine.session(session).await.unwrap().unwrap().0;
    assert_eq!((before.evidence, before.generation), (after.evidence, after.generation));
}

#[tokio::test]
async fn a_trial_that_nothing_is_due_for_has_a_page_of_its_own() {
    let house = House::with(json!([["word"]])).await;
    let alice = house.visit(from("192.0.2.1")).await;
    let (_, session) = closed(house.word(&alice).await);
    let visitor = begin(&house, Some(session)).await;
    ended(house.view(&visitor).await.body);
    let trace = house.engine.trace(visitor.id, Some(&visitor.binding), &visitor.cx).await.unwrap().unwrap();
    assert_eq!(trace.user.map(|user| user.id), Some(house.alice));
    assert!(matches!(trace.steps.as_slice(), [StepReport::Satisfied { by, .. }] if by == "word"), "{:?}", trace.steps);
}

#[tokio::test]
async fn a_trial_that_waits_for_consent_goes_on_without_a_session() {
    let house = House::with(json!([["word"]])).await;
    *house.grants.hold.lock().unwrap() = true;
    let visitor = begin(&house, None).await;
    let held = house.word(&visitor).await;
    assert!(matches!(held.body, Body::Held { .. }), "{:?}", held.body);
    assert!(house.engine.trace(visitor.id, Some(&visitor.binding), &visitor.cx).await.unwrap().is_none(), "not over");
    ended(house.conclude(&visitor, json!("allow")).await.body);
}

#[tokio::test]
async fn only_a_trial_is_traced_and_only_in_its_browser() {
    let house = House::with(json!([["word"]])).await;
    let alice = house.visit(from("192.0.2.1")).await;
    closed(house.word(&alice).await);
    let traced = house.engine.trace(alice.id, Some(&alice.binding), &alice.cx).await;
    assert!(matches!(traced, Err(EngineError::NotFound)), "{traced:?}");
    let visitor = begin(&house, None).await;
    for binding in [None, Some("guessed"), Some(alice.binding.as_str())] {
        let traced = house.engine.trace(visitor.id, binding, &visitor.cx).await;
        assert!(matches!(traced, Err(EngineError::WrongBrowser)), "{binding:?}: {traced:?}");
    }
}
