//! Codes that confirm a transaction, without a browser and outside of any login.

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;
use vestibule_core::{
    budget::Limits,
    chain::Seconds,
    channel::SendOutcome,
    engine::{Asked, Confirmation, ConfirmationState, EngineError, NotConfirmed, Verified, Whom, WhyNot, Words},
    id::{ClientId, InteractionId},
    purpose::Purpose,
    time::Clock as _,
    user::LoginName,
};

use crate::house::{House, from};

const BANK: &str = "bank";

fn words(_: Option<&str>) -> Words {
    let template = "{{purpose}}\n{{code}} for {{client}}\n@{{host}} #{{code}}".to_owned();
    Words { subject: "To confirm".to_owned(), template }
}

fn asked(name: &str, told: bool) -> Asked {
    Asked {
        program: BANK.into(),
        program_name: "Bank".to_owned(),
        told,
        whom: Whom::Login(LoginName::parse(name).unwrap()),
        authenticator: "code".into(),
        connection: None,
        chain: "portal".into(),
        purpose: Purpose::parse("Transfer of 120 EUR to X").unwrap(),
        life: None,
        words,
    }
}

async fn house() -> House {
    House::with(json!([["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]])).await
}

async fn ask(house: &House, name: &str) -> Confirmation {
    house.engine.confirm(asked(name, true), &from("192.0.2.1")).await.unwrap()
}

async fn verify(house: &House, id: InteractionId, code: &str) -> Result<Verified, NotConfirmed> {
    house.engine.confirmed(id, &BANK.into(), code, &from("192.0.2.1")).await
}

async fn state(house: &House, id: InteractionId) -> Confirmation {
    house.engine.confirmation_of(id, &BANK.into()).await.unwrap()
}

fn rejected(why: WhyNot, tries_left: u32) -> Verified {
    Verified::Rejected { why, tries_left }
}

fn wrong(code: &str) -> String {
    let other = if code.starts_with('9') { "8" } else { "9" };
    format!("{other}{}", &code[1..])
}

fn limited<T: std::fmt::Debug>(result: &Result<T, NotConfirmed>) -> bool {
    matches!(result, Err(NotConfirmed::Limited(_)))
}

#[tokio::test]
async fn a_right_code_confirms_once_and_opens_nothing() {
    let house = house().await;
    let made = ask(&house, "alice").await;
    assert_eq!((made.state, made.tries_left, made.to.as_deref()), (ConfirmationState::Open, 5, Some("•••00")));
    assert_eq!((made.purpose.as_str(), made.verified_at), ("Transfer of 120 EUR to X", None));
    assert!(matches!(made.sent, Some(SendOutcome::Accepted { .. })), "{made:?}");
    let code = house.gateway.code();
    assert_eq!(verify(&house, made.id, &wrong(&code)).await.unwrap(), rejected(WhyNot::Wrong, 4));
    assert_eq!(verify(&house, made.id, &code).await.unwrap(), Verified::Passed);
    let after = state(&house, made.id).await;
    assert_eq!((after.state, after.tries_left, after.resend_at), (ConfirmationState::Passed, 0, None));
    assert!(after.verified_at.is_some());
    // The same again is no second confirmation, and whatever is brought then is told the same.
    for again in [code.clone(), wrong(&code)] {
        assert_eq!(verify(&house, made.id, &again).await.unwrap(), rejected(WhyNot::Replayed, 0));
    }
    assert!(house.grants.made.lock().unwrap().is_empty());
    let events = house.audit().await;
    for kind in ["otp.sent", "otp.rejected", "otp.passed"] {
        let event = events.iter().find(|event| event.kind == kind).unwrap();
        assert_eq!(event.details["for"], "transaction", "{kind}");
        assert_eq!(event.details["confirmation"], made.id.to_string(), "{kind}");
        assert_eq!((event.client.as_deref(), event.user), (Some(BANK), Some(house.alice)), "{kind}");
        assert!(!format!("{event:?}").contains("120 EUR"), "what is confirmed is the program's");
    }
    for kind in ["step.passed", "login.completed", "grant.made"] {
        assert!(events.iter().all(|event| event.kind != kind), "{kind}");
    }
}

#[tokio::test]
async fn a_073_it_is_no_browsers_and_no_other_programs() {
    let house = house().await;
    let made = ask(&house, "alice").await;
    let code = house.gateway.code();
    let binding = house.engine.binding(made.id);
    let seen = house.engine.view(made.id, Some(&binding), &from("192.0.2.1")).await;
    assert!(matches!(seen, Err(EngineError::NotFound)), "{seen:?}");
    let other: ClientId = "shop".into();
    let cx = from("192.0.2.1");
    assert!(matches!(house.engine.confirmed(made.id, &other, &code, &cx).await, Err(NotConfirmed::NotFound)));
    assert!(matches!(house.engine.confirmation_of(made.id, &other).await, Err(NotConfirmed::NotFound)));
    assert!(matches!(house.engine.confirm_again(made.id, &other, &cx).await, Err(NotConfirmed::NotFound)));
    // Nor is a login's run a program's.
    let visitor = house.visit(from("192.0.2.1")).await;
    assert!(matches!(verify(&house, visitor.id, &code).await, Err(NotConfirmed::NotFound)));
    assert_eq!(verify(&house, made.id, &code).await.unwrap(), Verified::Passed);
}

#[tokio::test]
async fn a_070_after_five_wrong_codes_a_transaction_is_dead() {
    let house = house().await;
    let made = ask(&house, "alice").await;
    let code = house.gateway.code();
    for left in (0..5).rev() {
        assert_eq!(verify(&house, made.id, &wrong(&code)).await.unwrap(), rejected(WhyNot::Wrong, left));
    }
    assert_eq!(verify(&house, made.id, &code).await.unwrap(), rejected(WhyNot::Dead, 0));
    assert_eq!(state(&house, made.id).await.state, ConfirmationState::Dead);
    let cx = from("192.0.2.1");
    assert!(matches!(house.engine.confirm_again(made.id, &BANK.into(), &cx).await, Err(NotConfirmed::Over)));
}

#[tokio::test]
async fn a_071_a_new_code_does_not_renew_the_tries_of_a_transaction() {
    let house = House::build(
        json!([["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]]),
        Limits { cooldown: std::time::Duration::ZERO, ..Limits::default() },
    )
    .await;
    for _ in 0..2 {
        let made = ask(&house, "alice").await;
        let code = house.gateway.code();
        for _ in 0..5 {
            assert!(matches!(verify(&house, made.id, &wrong(&code)).await, Ok(Verified::Rejected { .. })));
        }
    }
    let made = ask(&house, "alice").await;
    let code = house.gateway.code();
    assert!(limited(&verify(&house, made.id, &code).await), "the right code has to wait, too");
    assert!(house.audited("otp.limited").await > 0);
    house.wait(61);
    assert_eq!(verify(&house, made.id, &code).await.unwrap(), Verified::Passed);
}

#[tokio::test]
async fn a_075_a_code_of_a_transaction_a_second_too_old_is_expired() {
    let house = house().await;
    let made = house.engine.confirm(Asked { life: None, ..asked("alice", true) }, &from("192.0.2.1")).await.unwrap();
    let code = house.gateway.code();
    house.wait(301);
    assert_eq!(verify(&house, made.id, &code).await.unwrap(), rejected(WhyNot::Expired, 0));
    let after = state(&house, made.id).await;
    assert_eq!((after.state, after.resend_at), (ConfirmationState::Expired, None));
    house.wait(24 * 3600);
    assert!(matches!(verify(&house, made.id, &code).await, Err(NotConfirmed::NotFound)), "and then it is forgotten");
}

#[tokio::test]
async fn a_074_of_a_thousand_right_codes_at_once_one_passes() {
    let house = Arc::new(house().await);
    let made = ask(&house, "alice").await;
    let code = house.gateway.code();
    let mut all = JoinSet::new();
    for _ in 0..1000 {
        let (house, code) = (Arc::clone(&house), code.clone());
        all.spawn(async move { verify(&house, made.id, &code).await });
    }
    let results = all.join_all().await;
    let passed = results.iter().filter(|result| matches!(result, Ok(Verified::Passed))).count();
    let other = |result: &Result<Verified, NotConfirmed>| {
        matches!(result, Ok(Verified::Passed | Verified::Rejected { why: WhyNot::Replayed, .. }))
    };
    assert!(passed == 1 && results.iter().all(other), "{passed}");
    assert_eq!(house.audited("otp.passed").await, 1);
}

#[tokio::test]
async fn a_074_of_a_thousand_wrong_codes_at_once_five_are_judged() {
    let house = Arc::new(house().await);
    let made = ask(&house, "alice").await;
    let code = house.gateway.code();
    let mut all = JoinSet::new();
    for number in 0..1000 {
        let guess = format!("{number:06}");
        let house = Arc::clone(&house);
        if guess != code {
            all.spawn(async move { verify(&house, made.id, &guess).await });
        }
    }
    let results = all.join_all().await;
    let judged = results.iter().filter(|result| matches!(result, Ok(Verified::Rejected { why: WhyNot::Wrong, .. })));
    assert_eq!(judged.count(), 5);
    assert_eq!(verify(&house, made.id, &code).await.unwrap(), rejected(WhyNot::Dead, 0));
}

#[tokio::test]
async fn a_077_a_resend_repeats_the_code_after_its_wait_and_not_without_end() {
    let house = house().await;
    let made = ask(&house, "alice").await;
    let code = house.gateway.code();
    let (bank, cx): (ClientId, _) = (BANK.into(), from("192.0.2.1"));
    assert!(limited(&house.engine.confirm_again(made.id, &bank, &cx).await));
    assert_eq!(house.gateway.count(), 1, "it cools down");
    let mut sent = 0;
    for _ in 0..9 {
        house.wait(31);
        match house.engine.confirm_again(made.id, &bank, &cx).await {
            Ok(again) => {
                sent += 1;
                assert_eq!((again.state, house.gateway.code()), (ConfirmationState::Open, code.clone()));
            }
            other => assert!(limited(&other), "{other:?}"),
        }
    }
    // Five an hour for one person, the first one included, as nothing of a login is behind it.
    assert_eq!((sent, house.gateway.count()), (4, 5));
    assert!(limited(&house.engine.confirm(asked("alice", true), &cx).await), "nor by asking anew");
    assert_eq!(verify(&house, made.id, &code).await.unwrap(), Verified::Passed);
}

#[tokio::test]
async fn a_079_who_may_not_know_users_is_answered_the_same_for_nobody() {
    let house = house().await;
    house.add("carol", "word").await;
    house.change("carol", |user| user.disabled = true).await;
    house.add("dora", "word").await;
    house.change("dora", |user| user.phone_number = None).await;
    let cx = from("192.0.2.1");
    let shape = |made: &Confirmation| {
        (made.state, made.to.clone(), made.sent.clone(), made.tries_left, made.expires_at, made.resend_at)
    };
    let alice = house.engine.confirm(asked("alice", false), &cx).await.unwrap();
    assert_eq!((&alice.to, &alice.sent), (&None, &None));
    for name in ["nobody", "carol", "dora"] {
        let other = house.engine.confirm(asked(name, false), &cx).await.unwrap();
        assert_eq!(shape(&other), shape(&alice), "{name}");
        // What is wrong, too early and too often looks the same, too.
        let again = house.engine.confirm(asked(name, false), &cx).await;
        assert!(limited(&again), "{name}: {again:?}");
        for left in (0..5).rev() {
            assert_eq!(verify(&house, other.id, "000001").await.unwrap(), rejected(WhyNot::Wrong, left), "{name}");
        }
        assert_eq!(verify(&house, other.id, "000001").await.unwrap(), rejected(WhyNot::Dead, 0), "{name}");
    }
    assert!(limited(&house.engine.confirm(asked("alice", false), &cx).await));
    house.engine.confirmation_of(alice.id, &BANK.into()).await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(house.gateway.count(), 1, "alice alone was written to");
    // One that may know is told.
    assert!(matches!(house.engine.confirm(asked("nobody", true), &cx).await, Err(NotConfirmed::NoUser)));
    assert!(matches!(house.engine.confirm(asked("carol", true), &cx).await, Err(NotConfirmed::NoUser)));
}

#[tokio::test]
async fn a_079_a_number_that_had_enough_is_told_to_nobody_who_may_not_know() {
    let house = house().await;
    let cx = from("192.0.2.1");
    // By her user name and by her id she is one person with one number: that a message to it was just sent is not told.
    let by_id = |told| Asked { whom: Whom::Id(house.alice), ..asked("alice", told) };
    house.engine.confirm(by_id(false), &cx).await.unwrap();
    house.engine.confirm(asked("alice", false), &cx).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(house.gateway.count(), 1);
    assert!(limited(&house.engine.confirm(by_id(true), &cx).await));
}

#[tokio::test]
async fn who_is_disabled_meanwhile_confirms_nothing() {
    let house = house().await;
    let made = ask(&house, "alice").await;
    let code = house.gateway.code();
    house.change("alice", |user| user.disabled = true).await;
    assert_eq!(verify(&house, made.id, &code).await.unwrap(), rejected(WhyNot::Wrong, 4));
}

#[tokio::test]
async fn only_a_way_that_sends_a_code_confirms_and_no_longer_than_in_a_login() {
    let house = house().await;
    let cx = from("192.0.2.1");
    for (authenticator, connection) in [("word", None), ("key", None), ("nothing", None), ("code", Some("other"))] {
        let wanted = Asked {
            authenticator: authenticator.into(),
            connection: connection.map(Into::into),
            ..asked("alice", true)
        };
        let refused = house.engine.confirm(wanted, &cx).await;
        assert!(matches!(refused, Err(NotConfirmed::NoWay)), "{authenticator}: {refused:?}");
    }
    let longer = Asked { life: Some(Seconds(301)), ..asked("alice", true) };
    assert!(matches!(house.engine.confirm(longer, &cx).await, Err(NotConfirmed::Life { most: 300 })));
    assert!(matches!(verify(&house, ask(&house, "alice").await.id, " ").await, Err(NotConfirmed::Malformed)));
    assert_eq!(house.gateway.count(), 1);
}

#[tokio::test]
async fn what_a_gateway_refuses_costs_nobody_a_message_and_is_told() {
    let house = house().await;
    *house.gateway.answers.lock().unwrap() = Some(SendOutcome::Refused { why: "no credit".to_owned() });
    let made = ask(&house, "alice").await;
    assert!(matches!(made.sent, Some(SendOutcome::Refused { .. })));
    *house.gateway.answers.lock().unwrap() = None;
    let again = house.engine.confirm_again(made.id, &BANK.into(), &from("192.0.2.1")).await.unwrap();
    assert!(matches!(again.sent, Some(SendOutcome::Accepted { .. })));
    assert_eq!(verify(&house, made.id, &house.gateway.code()).await.unwrap(), Verified::Passed);
}

#[tokio::test]
async fn a_080_a_number_that_came_in_the_place_of_another_confirms_nothing_for_a_day() {
    let house = house().await;
    let now = house.clock.now();
    let changed = move |user: &mut vestibule_core::user::User| {
        user.phone_number_changed_at = user.number_changed_at(Some("+15550199"), now);
        user.phone_number = Some("+15550199".to_owned());
    };
    house.change("alice", changed).await;
    let cx = from("192.0.2.1");
    let refused = house.engine.confirm(asked("alice", true), &cx).await;
    assert!(matches!(refused, Err(NotConfirmed::Unavailable(_))), "{refused:?}");
    house.engine.confirm(asked("alice", false), &cx).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert_eq!(house.gateway.count(), 0, "nor is it told to who may not know");
    house.wait(24 * 3600);
    ask(&house, "alice").await;
    assert_eq!(house.gateway.count(), 1);
}
