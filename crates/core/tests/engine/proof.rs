//! Proofs outside of a run.

use std::time::Duration;

use serde_json::json;
use vestibule_core::{
    authenticator::Rejection,
    engine::{FRESH, Tried},
    id::UserId,
    prompt::Fields,
    session::Session,
    store::StoreExt as _,
    time::Clock as _,
    user::User,
};
use vestibule_oauth::store::Tx;

use crate::house::{House, closed, from};

async fn now(house: &House, user: UserId) -> (User, Session) {
    let time = house.clock.now();
    let read = move |tx: &mut (dyn Tx + 'static)| Ok((tx.user(user)?.unwrap(), tx.sessions_of(user, time)?.remove(0)));
    house.store.read(read).await.unwrap()
}

async fn proved(house: &House) -> bool {
    let (user, session) = now(house, house.alice).await;
    house.engine.proved_now(&user, &session).await.unwrap()
}

#[tokio::test]
async fn a_085_a_password_alone_is_no_proof_where_there_is_more() {
    let house = House::with(json!([["word"]])).await;
    let other = serde_json::from_value(json!({ "chain": "shop", "revision": 1,
        "steps": [["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]] }));
    let portal = serde_json::from_value(json!({ "chain": "portal", "revision": 1, "steps": [["word"]] }));
    house.reconfigure(vec![portal.unwrap(), other.unwrap()]);
    let alice = house.visit(from("192.0.2.1")).await;
    closed(house.word(&alice).await);
    assert!(!proved(&house).await, "her telephone was not asked for");
    house.change("alice", |user| user.phone_number = None).await;
    assert!(proved(&house).await, "the word is all that she has");
    house.holds_a_key_used_up().await;
    assert!(proved(&house).await, "what is used up could never be asked for");
    house.clock.advance(FRESH + Duration::from_secs(1));
    assert!(!proved(&house).await, "and that was a while ago");
}

#[tokio::test]
async fn what_is_proved_with_something_that_is_gone_counts_no_more() {
    let house = House::with(json!([["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]])).await;
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    let code = house.gateway.code();
    closed(house.answer(&alice, &[("code", &code)]).await);
    assert!(proved(&house).await);
    house.change("alice", |user| user.phone_number = Some("+15550109999".to_owned())).await;
    assert!(!proved(&house).await, "proved with the telephone of before");
}

#[tokio::test]
async fn an_answer_by_itself_is_judged_within_the_budgets_of_a_sign_in() {
    let house = House::with(json!([["word"]])).await;
    let alice = house.visit(from("192.0.2.1")).await;
    closed(house.word(&alice).await);
    let (user, _) = now(&house, house.alice).await;
    let cx = from("192.0.2.9");
    let tried = async |word: &str| {
        let fields = Fields::from_iter([("password", word)]);
        house.engine.try_alone(&user, &"word".into(), &fields, &cx).await.unwrap()
    };
    assert!(matches!(tried("wrong").await, Tried::Wrong(Rejection::Wrong)));
    assert_eq!(house.audited("step.rejected").await, 1);
    assert!(matches!(tried("open sesame").await, Tried::Right));
    let mut limited = false;
    for _ in 0..50 {
        limited |= matches!(tried("wrong").await, Tried::Limited(_));
    }
    assert!(limited, "guessing ends");
    assert!(matches!(tried("open sesame").await, Tried::Limited(_)), "the right one is not judged either");
    let unknown =
        house.engine.try_alone(&user, &"nothing".into(), &Fields::default(), &from("192.0.2.8")).await.unwrap();
    assert!(matches!(unknown, Tried::Trouble { busy: false }));
}
