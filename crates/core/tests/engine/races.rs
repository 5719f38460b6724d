//! Many at once: what is single stays single.

use std::sync::Arc;

use serde_json::json;
use vestibule_core::{
    budget::Limits,
    engine::{Answer, Body},
};

use crate::house::{House, from};

/// Posts the same answer sixteen times at once.
async fn sixteen(house: &Arc<House>, visitor: &crate::house::Visitor, fields: &[(&str, &str)]) -> Vec<Body> {
    let view = house.view(visitor).await;
    let version = view.version;
    let challenge = match view.body {
        Body::Step(step) => step.challenge.map(|challenge| challenge.id),
        _ => None,
    };
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (house, visitor) = (house.clone(), visitor.clone());
        let answer = Answer { version, challenge, fields: fields.iter().copied().collect() };
        running.spawn(async move { house.give(&visitor, answer).await.body });
    }
    running.join_all().await
}

fn two_steps() -> serde_json::Value {
    json!([["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_074_the_right_code_sixteen_times_passes_once() {
    let house = Arc::new(House::with(two_steps()).await);
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    let bodies = sixteen(&house, &alice, &[("code", &house.gateway.code())]).await;
    let answers: Vec<_> = bodies
        .iter()
        .map(|body| match body {
            Body::Closed { answer, .. } => answer.clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    // Everybody is given the same answer, and it was made once.
    assert!(answers.iter().all(|answer| answer == &answers[0]));
    assert_eq!(house.audited("login.completed").await, 1);
    assert_eq!(house.audited("otp.passed").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_057_a_double_submit_makes_one_challenge_and_sends_once() {
    let house = Arc::new(House::with(two_steps()).await);
    let alice = house.visit(from("192.0.2.1")).await;
    let fields = [("username", "alice"), ("password", "open sesame")];
    let bodies = sixteen(&house, &alice, &fields).await;
    assert!(bodies.iter().all(|body| matches!(body, Body::Step(step) if step.number <= 2)));
    let limited_before = house.audited("step.limited").await;
    assert_eq!(house.gateway.count(), 1);
    assert_eq!(house.step(&alice).await.number, 2);

    // Right answers that came too late were no failures: the budget is as before.
    let again = house.visit(from("192.0.2.1")).await;
    for _ in 0..9 {
        house.answer(&again, &[("username", "alice"), ("password", "guess")]).await;
    }
    assert_eq!(house.audited("step.limited").await, limited_before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_right_answer_within_its_budget_is_not_lost_to_those_beyond_it() {
    // One try alone is left, and fifteen of sixteen are told so while that one is still judged.
    let mut limits = Limits::default();
    limits.tries.limit = 1;
    for _ in 0..10 {
        let house = Arc::new(House::build(two_steps(), limits.clone()).await);
        let alice = house.visit(from("192.0.2.1")).await;
        sixteen(&house, &alice, &[("username", "alice"), ("password", "open sesame")]).await;
        assert_eq!((house.step(&alice).await.number, house.gateway.count()), (2, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_064_fifty_wrong_codes_at_once_are_no_more_than_the_budget() {
    let house = Arc::new(House::with(two_steps()).await);
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    for _ in 0..4 {
        sixteen(&house, &alice, &[("code", "000000")]).await;
    }
    assert!(house.audited("otp.rejected").await <= 5);
}
