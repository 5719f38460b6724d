//! Refusals, named after their attacks.

use std::time::Duration;

use serde_json::json;
use vestibule_core::{
    authenticator::Rejection,
    budget::Limits,
    channel::SendOutcome,
    engine::{Answer, Body, EngineError, Start, Started},
    interaction::{Errand, Notice},
    plan::Denial,
    session::SessionRef,
    store::{StoreError, StoreExt as _},
};

use crate::house::{House, closed, from, request, step};

fn two_steps() -> serde_json::Value {
    json!([["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]])
}

#[tokio::test]
async fn a_042_an_empty_answer_asks_again_and_counts_nothing() {
    let house = House::with(two_steps()).await;
    let alice = house.visit(from("192.0.2.1")).await;
    for _ in 0..30 {
        let view = house.answer(&alice, &[("username", "alice")]).await;
        assert_eq!(step(view).notice, Some(Notice::Rejected { why: Rejection::Empty, tries_left: None }));
    }
    house.word(&alice).await;
    for _ in 0..30 {
        let view = house.answer(&alice, &[]).await;
        assert_eq!(step(view).notice, Some(Notice::Rejected { why: Rejection::Empty, tries_left: Some(5) }));
    }
    closed(house.answer(&alice, &[("code", &house.gateway.code())]).await);
}

#[tokio::test]
async fn a_045_another_browser_is_refused() {
    let house = House::with(two_steps()).await;
    let (alice, mallory) = (house.visit(from("192.0.2.1")).await, house.visit(from("192.0.2.2")).await);
    for binding in [None, Some(mallory.binding.as_str()), Some("")] {
        let view = house.engine.view(alice.id, binding, &mallory.cx).await;
        assert!(matches!(view, Err(EngineError::WrongBrowser)), "{view:?}");
        let answer = Answer { version: 1, challenge: None, fields: [("username", "alice")].into_iter().collect() };
        let answered = house.engine.answer(alice.id, binding, answer, &mallory.cx).await;
        assert!(matches!(answered, Err(EngineError::WrongBrowser)), "{answered:?}");
    }
}

#[tokio::test]
async fn a_046_a_name_sent_at_a_later_step_is_ignored() {
    let house = House::with(two_steps()).await;
    house.add("bob", "another word").await;
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    let code = house.gateway.code();
    let (_, session) = closed(house.answer(&alice, &[("username", "bob"), ("code", &code)]).await);
    assert_eq!(house.engine.session(session).await.unwrap().unwrap().1.id, house.alice);
}

#[tokio::test]
async fn a_047_an_authenticator_that_errs_panics_or_hangs_passes_nobody() {
    for how in ["errs", "panics", "hangs"] {
        let broken = json!([["word"], [{ "authenticator": "broken", "settings": { "how": how } }]]);
        let house = House::with(broken).await;
        let alice = house.visit(from("192.0.2.1")).await;
        house.word(&alice).await;
        for _ in 0..if how == "hangs" { 1 } else { 12 } {
            let view = house.answer(&alice, &[("password", "x")]).await;
            let notice = step(view).notice;
            assert!(matches!(notice, Some(Notice::Trouble { .. })), "{how}: {notice:?}");
        }
        assert!(house.grants.made.lock().unwrap().is_empty());
        assert_eq!(house.audited("step.limited").await, 0, "our trouble is never counted as a wrong try");
    }
}

#[tokio::test]
async fn a_boast_is_cut_down_to_what_the_authenticator_may_prove() {
    let house = House::with(json!([["word"], [{ "authenticator": "broken", "settings": { "how": "boasts" } }]])).await;
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    let (answer, session) = closed(house.answer(&alice, &[("password", "x")]).await);
    assert_eq!(answer["amr"], json!(["broken", "word"]));
    let (session, _) = house.engine.session(session).await.unwrap().unwrap();
    let boast = session.evidence.iter().find(|e| e.authenticator.as_str() == "broken").unwrap();
    assert_eq!((boast.factors.len(), boast.properties.len()), (1, 0));
}

#[tokio::test]
async fn a_049_a_chain_that_cannot_run_is_refused() {
    for steps in [json!([]), json!([["retina"]]), json!([[{ "authenticator": "code", "connection": "gone" }]])] {
        let house = House::with(steps.clone()).await;
        let started = house.start(request(), None, &from("192.0.2.1")).await;
        assert!(matches!(started, Started::Refused { denial: Some(_), .. }), "{steps}: {started:?}");
    }
    // In the middle of a login the next step's connection is gone: refused, not skipped.
    let house = House::with(json!([["word"], [{ "authenticator": "code", "connection": "gone" }]])).await;
    let alice = house.visit(from("192.0.2.1")).await;
    let view = house.word(&alice).await;
    let refused = matches!(&view.body, Body::Denied { denial: Some(Denial::Broken { step: 2, .. }), .. });
    assert!(refused, "{:?}", view.body);
    assert!(house.grants.made.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_061_one_name_however_spelt_has_one_budget() {
    let house = House::with(two_steps()).await;
    let alice = house.visit(from("192.0.2.1")).await;
    let spellings = ["alice", "ALICE", " Alice ", "ａｌｉｃｅ"];
    for n in 0..10 {
        house.answer(&alice, &[("username", spellings[n % 4]), ("password", "guess")]).await;
    }
    let view = house.answer(&alice, &[("username", "alice"), ("password", "guess")]).await;
    assert!(matches!(step(view).notice, Some(Notice::Limited { retry_at: Some(_), sends: false })));
}

#[tokio::test]
async fn a_062_a_guesser_waits_and_the_owner_elsewhere_does_not() {
    let house = House::with(json!([["word"]])).await;
    let mallory = house.visit(from("198.51.100.7")).await;
    for _ in 0..10 {
        house.answer(&mallory, &[("username", "alice"), ("password", "guess")]).await;
    }
    let right = house.word(&mallory).await;
    assert!(matches!(step(right).notice, Some(Notice::Limited { .. })), "even the right word waits there");
    closed(house.word(&house.visit(from("192.0.2.1")).await).await);
    house.wait(31);
    closed(house.word(&mallory).await);
}

#[tokio::test]
async fn a_063_spraying_many_names_from_one_network_meets_the_networks_budget() {
    let house = House::with(json!([["word"]])).await;
    let mallory = house.visit(from("198.51.100.7")).await;
    let mut limited = 0;
    for n in 0..200 {
        let name = format!("user{n}");
        let view = house.answer(&mallory, &[("username", &name), ("password", "Summer2026")]).await;
        limited += usize::from(matches!(step(view).notice, Some(Notice::Limited { .. })));
    }
    assert_eq!(limited, 100);
}

#[tokio::test]
async fn a_070_after_five_wrong_codes_the_right_one_is_refused() {
    let house = House::with(two_steps()).await;
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    for left in (0..5).rev() {
        let view = house.answer(&alice, &[("code", "000000")]).await;
        let expected = Some(Notice::Rejected { why: Rejection::Wrong, tries_left: Some(left) });
        assert_eq!(step(view).notice, expected);
    }
    let right = house.answer(&alice, &[("code", &house.gateway.code())]).await;
    assert!(matches!(step(right).notice, Some(Notice::Rejected { tries_left: Some(0), .. })));
    assert!(house.grants.made.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_071_a_new_login_does_not_renew_the_budgets() {
    let house = House::with(two_steps()).await;
    let (mut wrong, mut limited) = (0, 0);
    for _ in 0..8 {
        let alice = house.visit(from("192.0.2.1")).await;
        house.word(&alice).await;
        if house.step(&alice).await.challenge.is_none() {
            limited += 1;
            continue;
        }
        for _ in 0..5 {
            match step(house.answer(&alice, &[("code", "000000")]).await).notice {
                Some(Notice::Limited { .. }) => limited += 1,
                _ => wrong += 1,
            }
        }
        house.wait(31);
    }
    assert!(wrong <= 15, "{wrong} guesses were judged");
    assert!(limited > 10, "{limited}");
}

#[tokio::test]
async fn a_072_a_hundred_failures_over_many_networks_close_the_way() {
    let house = House::with(json!([["word"]])).await;
    for n in 0..100 {
        let bot = house.visit(from(&format!("198.51.{n}.7"))).await;
        house.answer(&bot, &[("username", "alice"), ("password", "guess")]).await;
    }
    let elsewhere = house.visit(from("192.0.2.1")).await;
    let right = step(house.word(&elsewhere).await);
    assert_eq!(right.notice, Some(Notice::Limited { retry_at: None, sends: false }));
}

#[tokio::test]
async fn a_073_a_code_of_another_run_is_rejected() {
    let house = House::with(two_steps()).await;
    let first = house.visit(from("192.0.2.1")).await;
    house.word(&first).await;
    let code = house.gateway.code();
    house.wait(31);
    let second = house.visit(from("192.0.2.1")).await;
    house.word(&second).await;
    let view = house.answer(&second, &[("code", &code)]).await;
    assert_eq!(step(view).notice, Some(Notice::Rejected { why: Rejection::Wrong, tries_left: Some(4) }));
}

#[tokio::test]
async fn a_075_a_code_past_its_life_is_rejected() {
    let house = House::with(two_steps()).await;
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    house.wait(301);
    let late = step(house.answer(&alice, &[("code", &house.gateway.code())]).await);
    assert!(matches!(late.notice, Some(Notice::Rejected { why: Rejection::Expired, .. })), "{:?}", late.notice);
    assert!(late.challenge.unwrap().expired);
}

#[tokio::test]
async fn a_079_an_unknown_name_or_a_wrong_word_sends_nothing_and_looks_the_same() {
    let house = House::with(two_steps()).await;
    let shown = |view: vestibule_core::engine::View| {
        let step = step(view);
        (step.number, step.of, step.prompt, step.notice, step.user.is_none())
    };
    let (one, two) = (house.visit(from("192.0.2.1")).await, house.visit(from("192.0.2.1")).await);
    let known = shown(house.answer(&one, &[("username", "alice"), ("password", "guess")]).await);
    let unknown = shown(house.answer(&two, &[("username", "nobody"), ("password", "guess")]).await);
    assert_eq!(known, unknown);
    assert_eq!(house.gateway.count(), 0);

    // With the code first: a name that nobody has, a name whose owner has no phone, and a name that would get a code.
    let house = House::with(json!([[{ "authenticator": "code", "connection": "SMSOTP" }]])).await;
    house.add("bob", "another word").await;
    house.change("bob", |user| user.phone_number = None).await;
    let mut pages = Vec::new();
    for name in ["alice", "bob", "nobody"] {
        let visitor = house.visit(from("192.0.2.1")).await;
        let mut page = Vec::new();
        let views = [
            house.answer(&visitor, &[("username", name)]).await,
            house.answer(&visitor, &[("code", "")]).await,
            house.answer(&visitor, &[("code", "123456")]).await,
            house.resend(&visitor).await,
        ];
        house.wait(31);
        for view in views.into_iter().chain([house.resend(&visitor).await, house.view(&visitor).await]) {
            let step = step(view);
            let c = step.challenge.unwrap();
            page.push((step.notice, step.prompt, c.masked, c.sent, c.tries_left, c.expired, c.resend_at.is_some()));
        }
        pages.push(page);
        house.clock.advance(std::time::Duration::from_secs(31));
    }
    assert_eq!(
        format!("{:?}", pages[0]).replace(char::is_numeric, "9"),
        format!("{:?}", pages[1]).replace(char::is_numeric, "9")
    );
    assert_eq!(
        format!("{:?}", pages[0]).replace(char::is_numeric, "9"),
        format!("{:?}", pages[2]).replace(char::is_numeric, "9")
    );
    assert_eq!(house.gateway.count(), 2, "alice's two, and nobody else's");
}

#[tokio::test]
async fn a_disabled_user_gets_nothing_at_any_point() {
    let house = House::with(two_steps()).await;
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    house.change("alice", |user| user.disabled = true).await;
    let view = house.answer(&alice, &[("code", &house.gateway.code())]).await;
    assert!(matches!(view.body, Body::Denied { denial: Some(Denial::MayNotAct), .. }), "{:?}", view.body);
    let again = house.visit(from("192.0.2.1")).await;
    let word = step(house.word(&again).await);
    assert_eq!(word.notice, Some(Notice::Rejected { why: Rejection::Wrong, tries_left: None }), "as a wrong word");
    assert!(house.grants.made.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_101_a_session_of_before_the_login_is_worth_nothing_after_it() {
    let house = House::with(two_steps()).await;
    let first = house.visit(from("192.0.2.1")).await;
    house.word(&first).await;
    let (_, old) = closed(house.answer(&first, &[("code", &house.gateway.code())]).await);
    let mut again = request();
    again.not_before = Some(vestibule_core::Clock::now(&*house.clock) + std::time::Duration::from_micros(1));
    house.wait(31);
    let Started::Interaction { id, binding } = house.start(again, Some(old), &from("192.0.2.1")).await else {
        panic!("not asked")
    };
    let renewed = crate::house::Visitor { id, binding, cx: from("192.0.2.1") };
    house.word(&renewed).await;
    let (_, new) = closed(house.answer(&renewed, &[("code", &house.gateway.code())]).await);
    // As long as the browser has not shown the new one, the answer that carried it may have been lost.
    assert_eq!(new.id, old.id, "a step-up keeps the session");
    assert!(house.engine.session(old).await.unwrap().is_some());
    assert!(matches!(house.start(request(), Some(new), &from("192.0.2.1")).await, Started::Finished { .. }));
    assert!(house.engine.session(old).await.unwrap().is_none());
    assert!(house.engine.session(new).await.unwrap().is_some());
    let planted = SessionRef { id: new.id, generation: new.generation + 1 };
    assert!(house.engine.session(planted).await.unwrap().is_none());
}

#[tokio::test]
async fn another_user_than_the_client_asked_for_is_refused() {
    let house = House::with(json!([["word"]])).await;
    let bob = house.add("bob", "another word").await;
    let mut wanted = request();
    wanted.required_user = Some(bob);
    let Started::Interaction { id, binding } = house.start(wanted, None, &from("192.0.2.1")).await else {
        panic!("not asked")
    };
    let visitor = crate::house::Visitor { id, binding, cx: from("192.0.2.1") };
    let view = house.word(&visitor).await;
    assert!(matches!(view.body, Body::Denied { denial: Some(Denial::OtherUser), .. }), "{:?}", view.body);
}

#[tokio::test]
async fn another_user_is_refused_by_the_first_proof_and_asked_nothing_more() {
    let house = House::with(two_steps()).await;
    let bob = house.add("bob", "another word").await;
    let mut wanted = request();
    (wanted.required_user, wanted.errand) = (Some(bob), Some(Errand::Confirm));
    let Started::Interaction { id, binding } = house.start(wanted, None, &from("192.0.2.1")).await else {
        panic!("not asked")
    };
    let visitor = crate::house::Visitor { id, binding, cx: from("192.0.2.1") };
    let view = house.word(&visitor).await;
    assert!(matches!(view.body, Body::Denied { denial: Some(Denial::OtherUser), .. }), "{:?}", view.body);
    assert_eq!(house.gateway.count(), 0, "no code leaves for who is not wanted");
    // Whatever is given now: nothing is judged, and the one who is wanted begins anew.
    for fields in [[("username", "bob"), ("password", "another word")], [("code", "123456"), ("password", "")]] {
        let view = house.answer(&visitor, &fields).await;
        assert!(matches!(view.body, Body::Denied { denial: Some(Denial::OtherUser), .. }), "{:?}", view.body);
    }
    assert_eq!((house.gateway.count(), house.audited("login.completed").await), (0, 0));
}

#[tokio::test]
async fn an_old_page_changes_nothing_and_an_old_interaction_is_over() {
    let house = House::with(two_steps()).await;
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    let fields = [("username", "alice"), ("password", "guess")].into_iter().collect();
    let stale = Answer { version: 1, challenge: None, fields };
    let view = house.give(&alice, stale).await;
    let shown = step(view);
    assert_eq!((shown.number, shown.notice), (2, None));
    house.wait(1801);
    assert!(matches!(house.view(&alice).await.body, Body::Expired));
    assert!(matches!(house.answer(&alice, &[("code", &house.gateway.code())]).await.body, Body::Expired));
}

#[tokio::test]
async fn a_code_that_one_was_sent_proves_nobody_else() {
    let code = json!({ "authenticator": "code", "connection": "SMSOTP" });
    // The other name is claimed where the code is asked for, or with a guess at another way.
    for (steps, claim) in [
        (json!([[code]]), vec![("username", "alice")]),
        (json!([[code, "word"]]), vec![("username", "alice"), ("password", "guess")]),
    ] {
        let house = House::with(steps).await;
        house.add("bob", "another word").await;
        let bob = house.visit(from("198.51.100.7")).await;
        house.choose(&bob, Some(0)).await;
        let own = step(house.answer(&bob, &[("username", "bob")]).await).challenge.unwrap().id;
        for _ in 0..200 {
            if house.gateway.count() == 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let right = house.gateway.code();
        house.choose(&bob, Some(claim.len() - 1)).await;
        let version = house.view(&bob).await.version;
        let answer = Answer { version, challenge: None, fields: claim.into_iter().collect() };
        house.give(&bob, answer).await;

        let version = house.view(&bob).await.version;
        let fields = [("code", right.as_str())].into_iter().collect();
        let answer = Answer { version, challenge: Some(own), fields };
        let view = house.give(&bob, answer).await;
        assert!(step(view).user.is_none(), "bob's code made him alice");
        assert!(house.grants.made.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_refused_message_does_not_tell_that_an_account_exists() {
    let house = House::with(json!([[{ "authenticator": "code", "connection": "SMSOTP" }]])).await;
    *house.gateway.answers.lock().unwrap() = Some(SendOutcome::Refused { why: "no such number".to_owned() });
    let mut notices = Vec::new();
    for name in ["alice", "nobody"] {
        let visitor = house.visit(from("192.0.2.1")).await;
        house.answer(&visitor, &[("username", name)]).await;
        for _ in 0..200 {
            if house.audited("otp.sent").await == 1 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        notices.push(step(house.resend(&visitor).await).notice);
    }
    assert!(matches!(notices[0], Some(Notice::Limited { sends: true, .. })), "{notices:?}");
    assert_eq!(notices[0], notices[1]);
}

#[tokio::test]
async fn whoever_goes_on_against_a_limit_does_not_fill_the_audit_log() {
    let house = House::with(json!([["word"]])).await;
    let mallory = house.visit(from("198.51.100.7")).await;
    for _ in 0..150 {
        house.answer(&mallory, &[("username", "alice"), ("password", "guess")]).await;
    }
    assert_eq!(house.audited("step.limited").await, 100);
}

#[tokio::test]
async fn a_session_that_ends_while_it_is_relied_on_grants_nothing() {
    let house = House::with(json!([["word"]])).await;
    let (_, session) = closed(house.word(&house.visit(from("192.0.2.1")).await).await);
    assert!(matches!(house.start(request(), Some(session), &from("192.0.2.1")).await, Started::Finished { .. }));
    let made = house.grants.made.lock().unwrap().len();
    let now = vestibule_core::Clock::now(&*house.clock);
    *house.meanwhile.job.lock().unwrap() = Some(Box::new(move |tx| tx.end_session(session.id, now).map(drop)));
    let start = Start { request: request(), chain: "portal".into(), session: Some(session), interactive: true };
    let started = house.engine.start(start, &from("192.0.2.1")).await;
    assert!(matches!(started, Err(EngineError::Store(StoreError::Conflict(_)))), "{started:?}");
    assert_eq!(house.grants.made.lock().unwrap().len(), made);
}

#[tokio::test]
async fn a_consent_page_left_open_signs_nobody_in_again() {
    let house = House::with(json!([["word"]])).await;
    *house.grants.hold.lock().unwrap() = true;
    let alice = house.visit(from("192.0.2.1")).await;
    assert!(matches!(house.word(&alice).await.body, Body::Held { .. }));
    let (user, now) = (house.alice, vestibule_core::Clock::now(&*house.clock));
    let sessions =
        house.store.read(move |tx: &mut (dyn vestibule_oauth::store::Tx + 'static)| tx.sessions_of(user, now));
    house.engine.end_session(sessions.await.unwrap()[0].id, &alice.cx).await.unwrap();
    let view = house.conclude(&alice, json!("allow")).await;
    assert!(matches!(view.body, Body::Expired), "{:?}", view.body);
    assert!(house.grants.made.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_078_one_account_cannot_use_up_the_messages_of_all() {
    let mut limits = Limits { cooldown: Duration::ZERO, ..Limits::default() };
    limits.sends_daily.limit = 8;
    let house = House::build(two_steps(), limits).await;
    let mut limited = 0;
    for _ in 0..12 {
        let alice = house.visit(from("192.0.2.1")).await;
        let next = step(house.word(&alice).await);
        if next.challenge.is_some() {
            closed(house.answer(&alice, &[("code", &house.gateway.code())]).await);
        } else {
            assert!(matches!(next.notice, Some(Notice::Limited { sends: true, retry_at: Some(_) })));
            limited += 1;
        }
    }
    assert_eq!((house.gateway.count(), limited), (8, 4), "codes that were used count for the day too");
}

#[tokio::test]
async fn a_number_that_the_gateway_refuses_does_not_make_it_be_asked_without_end() {
    let house = House::with(two_steps()).await;
    *house.gateway.answers.lock().unwrap() = Some(SendOutcome::Refused { why: "barred".to_owned() });
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    for _ in 0..100 {
        house.resend(&alice).await;
    }
    let refused =
        house.audit().await.iter().filter(|e| e.details.get("outcome").is_some_and(|o| o == "refused")).count();
    assert!(refused <= 61, "{refused}");
}

#[tokio::test]
async fn a_060_who_says_an_id_is_not_told_the_name_of_its_owner() {
    let house = House::with(json!([["word", "key"]])).await;
    // An application knows the id of its users; it need not know under which name, or by which address, they sign in.
    let nobody = vestibule_core::id::UserId(uuid::Uuid::from_u128(7));
    let mut seen = Vec::new();
    for id in [house.alice, nobody] {
        let visitor = house.visit(from("192.0.2.1")).await;
        let shown = step(house.answer(&visitor, &[("owner", &id.to_string()), ("key", "0")]).await);
        assert!(matches!(shown.notice, Some(Notice::Rejected { why: Rejection::Wrong, .. })), "{shown:?}");
        seen.push(format!("{:?}", (shown.username, shown.user, shown.notice)));
        let word = step(house.choose(&visitor, Some(0)).await);
        seen.push(format!("{:?}", (word.username, word.user)));
    }
    assert!(seen.iter().all(|said| !said.contains("alice")), "{seen:?}");
    assert_eq!(seen[..2], seen[2..], "and whether there is one is not told either");
}
