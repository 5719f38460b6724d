//! The main story and its turns: word, code, done; single sign-on; back and forth.

use serde_json::json;
use vestibule_core::{
    authenticator::Rejection,
    channel::SendOutcome,
    engine::{Body, NotInteractive, Start, Started},
    interaction::Notice,
};

use crate::house::{House, closed, from, request, step};

#[tokio::test]
async fn a_word_then_a_code_then_a_grant() {
    let house = House::with(json!([["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]])).await;
    let alice = house.visit(from("192.0.2.1")).await;
    let first = house.step(&alice).await;
    assert_eq!((first.number, first.of, first.username.as_deref()), (1, 2, Some("")));
    assert!(first.user.is_none());

    let second = step(house.word(&alice).await);
    assert_eq!((second.number, second.of), (2, 2));
    assert_eq!(second.user.map(|user| user.id), Some(house.alice));
    let challenge = second.challenge.unwrap();
    assert_eq!(challenge.masked.as_deref(), Some("•••00"));
    assert!(matches!(challenge.sent, Some(SendOutcome::Accepted { .. })));
    assert_eq!(house.gateway.count(), 1);

    let wrong = step(house.answer(&alice, &[("code", "000000")]).await);
    assert_eq!(wrong.notice, Some(Notice::Rejected { why: Rejection::Wrong, tries_left: Some(4) }));
    assert!(house.grants.made.lock().unwrap().is_empty());

    let (answer, session) = closed(house.answer(&alice, &[("code", &house.gateway.code())]).await);
    assert_eq!(answer["amr"], json!(["code", "word"]));
    assert_eq!(house.grants.made.lock().unwrap().len(), 1);
    let (found, user) = house.engine.session(session).await.unwrap().unwrap();
    assert_eq!((found.evidence.len(), user.id), (2, house.alice));
    for kind in ["step.passed", "otp.sent", "otp.rejected", "otp.passed", "login.completed"] {
        assert_eq!(house.audited(kind).await, 1, "{kind}");
    }
}

#[tokio::test]
async fn a_session_makes_the_next_request_silent() {
    let house = House::with(json!([["word"]])).await;
    let alice = house.visit(from("192.0.2.1")).await;
    let (_, session) = closed(house.word(&alice).await);
    let again = house.start(request(), Some(session), &from("192.0.2.1")).await;
    assert!(matches!(again, Started::Finished { .. }), "{again:?}");

    let mut fresh = request();
    fresh.not_before = Some(vestibule_core::Clock::now(&*house.clock) + std::time::Duration::from_secs(1));
    house.wait(2);
    let asked = house.start(fresh, Some(session), &from("192.0.2.1")).await;
    assert!(matches!(asked, Started::Interaction { .. }), "{asked:?}");
}

#[tokio::test]
async fn a_008_without_interaction_the_client_is_told_what_is_missing() {
    let house = House::with(json!([["word"]])).await;
    let silent = |session| Start { request: request(), chain: "portal".into(), session, interactive: false };
    let cx = from("192.0.2.1");
    let none = house.engine.start(silent(None), &cx).await.unwrap();
    assert!(matches!(none, Started::NotInteractive(NotInteractive::LoginRequired)), "{none:?}");

    let (_, session) = closed(house.word(&house.visit(cx.clone()).await).await);
    *house.grants.hold.lock().unwrap() = true;
    let consent = house.engine.start(silent(Some(session)), &cx).await.unwrap();
    assert!(matches!(consent, Started::NotInteractive(NotInteractive::ConsentRequired)), "{consent:?}");
    *house.grants.hold.lock().unwrap() = false;
    let done = house.engine.start(silent(Some(session)), &cx).await.unwrap();
    assert!(matches!(done, Started::Finished { .. }), "{done:?}");
}

#[tokio::test]
async fn consent_holds_the_interaction_until_the_person_decides() {
    let house = House::with(json!([["word"]])).await;
    *house.grants.hold.lock().unwrap() = true;
    for (decision, granted) in [("allow", true), ("deny", false)] {
        let alice = house.visit(from("192.0.2.1")).await;
        assert!(matches!(house.word(&alice).await.body, Body::Held { .. }));
        assert!(matches!(house.view(&alice).await.body, Body::Held { .. }), "a reload changes nothing");
        let view = house.conclude(&alice, json!(decision)).await;
        assert_eq!(matches!(view.body, Body::Closed { .. }), granted, "{:?}", view.body);
    }
    assert_eq!(house.grants.made.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn several_ways_leave_a_choice_and_going_back_sends_nothing_again() {
    let ways = json!([["word"], [{ "authenticator": "code", "connection": "SMSOTP" }, "broken"]]);
    let house = House::with(ways).await;
    let alice = house.visit(from("192.0.2.1")).await;
    let choice = step(house.word(&alice).await);
    assert!(choice.prompt.is_none() && choice.alternatives.len() == 2);
    assert_eq!(house.gateway.count(), 0, "nothing is sent before a choice");

    let code = step(house.choose(&alice, Some(0)).await);
    let first = code.challenge.unwrap().id;
    assert_eq!(house.gateway.count(), 1);
    assert!(step(house.choose(&alice, None).await).prompt.is_none());
    let again = step(house.choose(&alice, Some(0)).await);
    assert_eq!((again.challenge.unwrap().id, house.gateway.count()), (first, 1));
    closed(house.answer(&alice, &[("code", &house.gateway.code())]).await);
}

#[tokio::test]
async fn a_resend_repeats_the_code_after_a_pause_and_a_dead_code_is_replaced() {
    let house = House::with(json!([["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]])).await;
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    let code = house.gateway.code();

    let early = step(house.resend(&alice).await);
    assert!(matches!(early.notice, Some(Notice::Limited { sends: true, .. })), "{:?}", early.notice);
    assert_eq!(house.gateway.count(), 1, "a_077: too early, nothing is sent");

    house.wait(31);
    assert_eq!(step(house.resend(&alice).await).notice, Some(Notice::Resent));
    assert_eq!((house.gateway.count(), house.gateway.code()), (2, code.clone()));

    for _ in 0..5 {
        house.answer(&alice, &[("code", "000000")]).await;
    }
    house.wait(31);
    assert_eq!(step(house.resend(&alice).await).notice, Some(Notice::Renewed));
    assert_ne!(house.gateway.code(), code);
    let old = step(house.answer(&alice, &[("code", &code)]).await);
    assert!(matches!(old.notice, Some(Notice::Rejected { .. })), "a_073: a code of before is worth nothing");
    closed(house.answer(&alice, &[("code", &house.gateway.code())]).await);
}

#[tokio::test]
async fn a_refused_message_costs_no_resend_and_no_wait() {
    let house = House::with(json!([["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]])).await;
    *house.gateway.answers.lock().unwrap() = Some(SendOutcome::Refused { why: "credentials".to_owned() });
    let alice = house.visit(from("192.0.2.1")).await;
    let refused = step(house.word(&alice).await).challenge.unwrap();
    assert!(matches!(refused.sent, Some(SendOutcome::Refused { .. })));
    for _ in 0..20 {
        house.resend(&alice).await;
    }
    *house.gateway.answers.lock().unwrap() = None;
    house.resend(&alice).await;
    assert_eq!(house.gateway.count(), 1);
    closed(house.answer(&alice, &[("code", &house.gateway.code())]).await);
}

#[tokio::test]
async fn a_chain_may_begin_with_a_code_and_then_the_name_comes_first() {
    let house = House::with(json!([[{ "authenticator": "code", "connection": "SMSOTP" }], ["word"]])).await;
    let alice = house.visit(from("192.0.2.1")).await;
    let first = house.step(&alice).await;
    assert!(first.username.is_some() && first.challenge.is_none());
    let code = step(house.answer(&alice, &[("username", "ALICE ")]).await);
    assert!(code.challenge.as_ref().unwrap().masked.is_none(), "nothing is told before anything is proved");
    for _ in 0..200 {
        if house.gateway.count() == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let second = step(house.answer(&alice, &[("code", &house.gateway.code())]).await);
    assert!(second.username.is_none());
    closed(house.answer(&alice, &[("password", "open sesame")]).await);
}

#[tokio::test]
async fn ending_a_session_tells_the_protocol_and_shuts_the_door() {
    let house = House::with(json!([["word"]])).await;
    let (_, session) = closed(house.word(&house.visit(from("192.0.2.1")).await).await);
    assert!(house.engine.end_session(session.id, &from("192.0.2.1")).await.unwrap());
    assert!(!house.engine.end_session(session.id, &from("192.0.2.1")).await.unwrap());
    assert_eq!(*house.grants.ended.lock().unwrap(), [session.id]);
    assert!(house.engine.session(session).await.unwrap().is_none());
    let again = house.start(request(), Some(session), &from("192.0.2.1")).await;
    assert!(matches!(again, Started::Interaction { .. }), "{again:?}");
}

#[tokio::test]
async fn somebody_elses_login_in_the_same_browser_ends_the_session_before() {
    let house = House::with(json!([["word"]])).await;
    house.add("bob", "another word").await;
    let (_, alices) = closed(house.word(&house.visit(from("192.0.2.1")).await).await);
    let mut other = request();
    other.ignore_session = true;
    let Started::Interaction { id, binding } = house.start(other, Some(alices), &from("192.0.2.1")).await else {
        panic!("not asked")
    };
    let visitor = crate::house::Visitor { id, binding, cx: from("192.0.2.1") };
    let bobs = house.answer(&visitor, &[("username", "bob"), ("password", "another word")]).await;
    let (_, bobs) = closed(bobs);
    assert_ne!(bobs.id, alices.id, "a planted session is not taken over");
    assert!(house.engine.session(alices).await.unwrap().is_none());
    assert!(house.engine.session(bobs).await.unwrap().is_some());
    assert_eq!(*house.grants.ended.lock().unwrap(), [alices.id]);
}

#[tokio::test]
async fn what_another_tab_proved_lets_this_one_go_on() {
    let house = House::with(json!([["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]])).await;
    let cx = from("192.0.2.1");
    let first = house.visit(cx.clone()).await;
    house.word(&first).await;
    let (_, session) = closed(house.answer(&first, &[("code", &house.gateway.code())]).await);
    house.wait(31);
    let mut fresh = request();
    fresh.not_before = Some(vestibule_core::Clock::now(&*house.clock));
    let mut tabs = Vec::new();
    for _ in 0..2 {
        let Started::Interaction { id, binding } = house.start(fresh.clone(), Some(session), &cx).await else {
            panic!("not asked")
        };
        let tab = crate::house::Visitor { id, binding, cx: cx.clone() };
        assert_eq!(step(house.word(&tab).await).number, 2);
        house.wait(31);
        tabs.push(tab);
    }
    house.resend(&tabs[0]).await;
    closed(house.answer(&tabs[0], &[("code", &house.gateway.code())]).await);
    // Nothing is due here any more, though nobody answered anything here: the person says so, and goes on.
    assert!(matches!(house.view(&tabs[1]).await.body, Body::Held { .. }));
    closed(house.conclude(&tabs[1], json!("allow")).await);
}
