//! What a session is worth after its user lost what they proved it with.

use serde_json::json;
use vestibule_core::{
    engine::{NotInteractive, Start, Started},
    id::CredentialId,
    session::SessionRef,
    store::StoreExt as _,
    testing::SeededRandom,
    time::Clock as _,
    user::Credential,
};
use vestibule_oauth::store::Tx;

use crate::house::{House, Visitor, closed, from, request, step};

/// Alice has given her word and the code.
async fn signed_in() -> (House, SessionRef) {
    let house = House::with(json!([["word"], [{ "authenticator": "code", "connection": "SMSOTP" }]])).await;
    let alice = house.visit(from("192.0.2.1")).await;
    house.word(&alice).await;
    let (_, session) = closed(house.answer(&alice, &[("code", &house.gateway.code())]).await);
    assert!(matches!(house.start(request(), Some(session), &from("192.0.2.1")).await, Started::Finished { .. }));
    house.wait(31);
    (house, session)
}

/// The number of the step that Alice is asked for.
async fn asked(house: &House, session: SessionRef) -> usize {
    let cx = from("192.0.2.1");
    match house.start(request(), Some(session), &cx).await {
        Started::Interaction { id, binding } => step(house.view(&Visitor { id, binding, cx }).await).number,
        other => panic!("the session still counts: {other:?}"),
    }
}

/// Takes Alice's word away, and gives her another where there is one.
async fn another_word(house: &House, word: Option<&'static str>) {
    let (alice, now) = (house.alice, house.clock.now());
    house
        .store
        .write(move |tx: &mut (dyn Tx + 'static)| {
            for credential in tx.credentials(alice, &"word".into())? {
                tx.delete_credential(credential.id)?;
            }
            let Some(word) = word else { return Ok(()) };
            tx.insert_credential(&Credential {
                id: CredentialId::new(now, &SeededRandom::new(99)),
                user: alice,
                authenticator: "word".into(),
                label: None,
                secret: word.into(),
                version: 1,
                created_at: now,
            })
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_052_a_telephone_that_is_another_one_now_passes_no_step_any_more() {
    let (house, session) = signed_in().await;
    house.change("alice", |user| user.phone_number = Some("+15550199".to_owned())).await;
    assert_eq!(asked(&house, session).await, 2, "the word was given and is hers still");
    let silent = Start { request: request(), chain: "portal".into(), session: Some(session), interactive: false };
    let told = house.engine.start(silent, &from("192.0.2.1")).await.unwrap();
    assert!(matches!(told, Started::NotInteractive(NotInteractive::InteractionRequired)), "{told:?}");
    // The old one again: it is what was proved.
    let (house, session) = signed_in().await;
    house.change("alice", |user| user.display_name = Some("Alice".to_owned())).await;
    assert!(matches!(house.start(request(), Some(session), &from("192.0.2.1")).await, Started::Finished { .. }));
}

#[tokio::test]
async fn a_052_a_telephone_that_was_taken_away_passes_no_step_any_more() {
    let (house, session) = signed_in().await;
    house.change("alice", |user| user.phone_number = None).await;
    let told = house.start(request(), Some(session), &from("192.0.2.1")).await;
    assert!(matches!(told, Started::Refused { .. }), "she has no other way: {told:?}");
}

#[tokio::test]
async fn a_052_a_credential_that_was_removed_passes_no_step_any_more() {
    for word in [None, Some("open barley")] {
        let (house, session) = signed_in().await;
        another_word(&house, word).await;
        assert_eq!(asked(&house, session).await, 1, "{word:?}");
    }
}

#[tokio::test]
async fn a_052_what_is_lost_on_the_way_is_asked_for_on_the_way() {
    // Consent is waited for, and meanwhile the telephone is reported stolen in another session.
    let (house, session) = signed_in().await;
    *house.grants.hold.lock().unwrap() = true;
    let cx = from("192.0.2.1");
    let Started::Interaction { id, binding } = house.start(request(), Some(session), &cx).await else { panic!() };
    house.change("alice", |user| user.phone_number = Some("+15550199".to_owned())).await;
    let visitor = Visitor { id, binding, cx };
    let made = house.grants.made.lock().unwrap().len();
    house.conclude(&visitor, json!("allow")).await;
    assert_eq!(house.grants.made.lock().unwrap().len(), made, "nothing is granted");
    assert_eq!(step(house.view(&visitor).await).number, 2);
}
