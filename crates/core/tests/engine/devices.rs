//! Remembered devices: what they spare, and everything that they must not.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use vestibule_core::{
    device::{DeviceGiven, DeviceRef},
    engine::{Body, RequestContext, Started, View},
    interaction::Request,
    session::SessionRef,
    store::StoreExt as _,
    time::{Clock as _, Time},
};
use vestibule_oauth::store::Tx;

use crate::house::{House, Visitor, from, request, step};

const MONTH: u32 = 30 * 86_400;

fn code() -> Value {
    json!({ "authenticator": "code", "connection": "SMSOTP" })
}

fn steps() -> Value {
    json!([["word"], { "alternatives": [code()], "remember_device": MONTH }])
}

fn with(device: Option<DeviceGiven>) -> RequestContext {
    RequestContext { device: device.map(|device| device.reference), ..from("192.0.2.1") }
}

/// What came of a login: the answer, and what the browser keeps.
fn kept(view: View) -> (Value, SessionRef, Option<DeviceGiven>) {
    match view.body {
        Body::Closed { answer, session: Some(session), device } => (answer, session, device),
        other => panic!("not closed: {other:?}"),
    }
}

impl House {
    /// Somebody signs in with word and code, and ticks the box.
    async fn remembered(&self, cx: RequestContext) -> DeviceGiven {
        self.wait(60);
        let visitor = self.visit(cx).await;
        self.word(&visitor).await;
        kept(self.tick(&visitor).await).2.unwrap()
    }

    async fn tick(&self, visitor: &Visitor) -> View {
        self.answer(visitor, &[("code", &self.gateway.code()), ("remember_device", "yes")]).await
    }

    /// A login in which the word is enough, or not.
    async fn spared(&self, cx: RequestContext) -> bool {
        let visitor = self.visit(cx).await;
        matches!(self.word(&visitor).await.body, Body::Closed { .. })
    }

    async fn asked(&self, request: Request, device: DeviceGiven) -> bool {
        let cx = with(Some(device));
        let visitor = match self.start(request, None, &cx).await {
            Started::Interaction { id, binding } => Visitor { id, binding, cx },
            other => panic!("no interaction: {other:?}"),
        };
        matches!(self.word(&visitor).await.body, Body::Step(_))
    }

    async fn publish(&self, document: Value) {
        let document = serde_json::from_value(document).unwrap();
        let now = self.clock.now();
        let chains = self.store.write(move |tx: &mut (dyn Tx + 'static)| {
            tx.publish_chain(&"portal".into(), &document, now)?;
            tx.published_chains()
        });
        self.reconfigure(chains.await.unwrap());
    }
}

#[tokio::test]
async fn a_remembered_device_spares_the_step_and_says_so() {
    let house = House::with(steps()).await;
    let visitor = house.visit(from("192.0.2.1")).await;
    assert!(house.step(&visitor).await.remember.is_none(), "nothing is offered before anything is proved");
    let offered = step(house.word(&visitor).await).remember.unwrap();
    assert_eq!((offered.life.0, offered.wished), (MONTH, false));
    let wrong = house.answer(&visitor, &[("code", "000000"), ("remember_device", "yes")]).await;
    assert!(step(wrong).remember.unwrap().wished, "a wrong code keeps the box as it was");
    let (answer, _, device) = kept(house.tick(&visitor).await);
    assert_eq!(answer["amr"], json!(["code", "word"]));
    let again = house.view(&visitor).await;
    assert_eq!(kept(again).2, device, "a lost answer is given again, cookie and all");
    assert_eq!(house.audited("device.remembered").await, 1);

    house.wait(86_400);
    let sent = house.gateway.count();
    let visitor = house.visit(with(device)).await;
    let (answer, _, used) = kept(house.word(&visitor).await);
    assert_eq!((answer["amr"].clone(), house.gateway.count()), (json!(["word"]), sent), "no code was sent or claimed");
    let used = used.unwrap();
    assert_eq!(used.reference.generation, 2, "the cookie is renewed by use");
    let completed = house.audit().await.into_iter().find(|event| event.kind == "login.completed").unwrap();
    assert_eq!(completed.details["device"], used.reference.id.to_string());
}

#[tokio::test]
async fn without_the_wish_nothing_is_remembered() {
    let house = House::with(steps()).await;
    let visitor = house.visit(from("192.0.2.1")).await;
    house.word(&visitor).await;
    house.answer(&visitor, &[("code", "000000"), ("remember_device", "yes")]).await;
    let view = house.answer(&visitor, &[("code", &house.gateway.code())]).await;
    assert_eq!(kept(view).2, None, "the box was unticked at last");

    // A box that the page did not have.
    let house = House::with(json!([["word"], [code()]])).await;
    let visitor = house.visit(from("192.0.2.1")).await;
    assert!(step(house.word(&visitor).await).remember.is_none());
    assert_eq!(kept(house.tick(&visitor).await).2, None);
    let first = House::with(json!([{ "alternatives": ["word"], "remember_device": MONTH }])).await;
    let visitor = first.visit(from("192.0.2.1")).await;
    let answer = [("username", "alice"), ("password", "open sesame"), ("remember_device", "yes")];
    assert_eq!(kept(first.answer(&visitor, &answer).await).2, None, "the first step is by which one becomes known");
}

#[tokio::test]
async fn half_a_login_remembers_nothing() {
    let remembering = json!({ "alternatives": [code()], "remember_device": MONTH });
    let house = House::with(json!([["word"], remembering, ["broken"]])).await;
    let visitor = house.visit(from("192.0.2.1")).await;
    house.word(&visitor).await;
    assert!(matches!(house.tick(&visitor).await.body, Body::Step(_)));
    assert_eq!(house.audited("device.remembered").await, 0);
    let alice = house.alice;
    let now = house.clock.now();
    let devices = house.store.read(move |tx: &mut (dyn Tx + 'static)| tx.devices_of(alice, now)).await.unwrap();
    assert!(devices.is_empty());
}

#[tokio::test]
async fn a_056_a_device_opens_nothing_alone_nor_for_anybody_else() {
    let house = House::with(steps()).await;
    house.add("bob", "bobs word").await;
    let device = house.remembered(from("192.0.2.1")).await;
    let bob = house.visit(with(Some(device))).await;
    let view = house.answer(&bob, &[("username", "bob"), ("password", "bobs word")]).await;
    assert!(matches!(view.body, Body::Step(_)), "it is alice's");
    let nobody = house.visit(with(Some(device))).await;
    assert!(house.step(&nobody).await.user.is_none(), "it says nobody's name");
    let wrong = house.answer(&nobody, &[("username", "alice"), ("password", "wrong")]).await;
    assert!(step(wrong).user.is_none());

    // A chain of that one step: the device would be the only evidence.
    house.publish(json!({ "steps": [{ "alternatives": [code()], "remember_device": MONTH }] })).await;
    assert!(matches!(house.start(request(), None, &with(Some(device))).await, Started::Interaction { .. }));
}

#[tokio::test]
async fn a_056_a_copied_cookie_ends_the_device() {
    let house = House::with(steps()).await;
    let first = house.remembered(from("192.0.2.1")).await;
    house.wait(301);
    assert!(house.spared(with(Some(first))).await);
    // The answer was lost, or another tab asked with the cookie of before: for a short time that does no harm.
    house.wait(200);
    let visitor = house.visit(with(Some(first))).await;
    let second = kept(house.word(&visitor).await).2.unwrap();
    assert_eq!(second.reference.generation, 2, "the same cookie is given again");
    house.wait(100);
    assert!(!house.spared(with(Some(first))).await, "a copy");
    assert_eq!(house.audited("device.replayed").await, 1);
    assert!(!house.spared(with(Some(second))).await, "of two that show it, neither can be believed");
    let forged = DeviceGiven { reference: DeviceRef { generation: 99, ..second.reference }, ..second };
    assert!(!house.spared(with(Some(forged))).await);
}

#[tokio::test]
async fn a_056_a_copy_that_comes_at_the_end_of_a_login_ends_it() {
    let house = House::with(steps()).await;
    let device = house.remembered(from("192.0.2.1")).await;
    let alice = house.alice;
    // Between the plan and the transaction the device is forgotten.
    let visitor = house.visit(with(Some(device))).await;
    let version = house.view(&visitor).await.version;
    let id = device.reference.id;
    let now = house.clock.now();
    let view = {
        let forget = vestibule_core::store::Job::<dyn Tx>::from(Box::new(move |tx: &mut (dyn Tx + 'static)| {
            assert!(tx.revoke_device(id, now)?);
            Ok(())
        }));
        // The first write counts the try; the device is forgotten before the second.
        *house.meanwhile.job.lock().unwrap() = Some(forget);
        let fields = [("username", "alice"), ("password", "open sesame")].into_iter().collect();
        let answer = vestibule_core::engine::Answer { version, challenge: None, fields };
        house.give(&visitor, answer).await
    };
    assert!(!matches!(view.body, Body::Closed { .. }), "{:?}", view.body);
    assert!(house.grants.made.lock().unwrap().len() == 1, "only the first login was granted: {alice}");
}

#[tokio::test]
async fn a_056_a_device_dies_with_what_it_was_granted_for() {
    let house = House::with(steps()).await;
    let device = house.remembered(from("192.0.2.1")).await;
    assert!(house.spared(with(Some(device))).await);
    house.change("alice", |user| user.phone_number = Some("+15550199".to_owned())).await;
    assert!(!house.spared(with(Some(device))).await, "another number");

    // A new password, on every path that sets one.
    let device = house.remembered(from("192.0.2.2")).await;
    let (alice, now) = (house.alice, house.clock.now());
    let sign_out = move |tx: &mut (dyn Tx + 'static)| vestibule_oauth::sign_out::everywhere(tx, alice, now);
    house.store.write(sign_out).await.unwrap();
    assert!(!house.spared(with(Some(device))).await, "signed out everywhere");

    let device = house.remembered(from("192.0.2.3")).await;
    house.change("alice", |user| user.disabled = true).await;
    house.change("alice", |user| user.disabled = false).await;
    assert!(!house.spared(with(Some(device))).await, "disabled in between");

    let device = house.remembered(from("192.0.2.4")).await;
    let cx = from("192.0.2.4");
    let bob = house.add("bob", "bobs word").await;
    assert!(!house.engine.forget_device(bob, device.reference.id, &cx).await.unwrap(), "it is not bob's");
    assert!(house.spared(with(Some(device))).await);
    assert!(house.engine.forget_device(house.alice, device.reference.id, &cx).await.unwrap());
    assert!(!house.spared(with(Some(device))).await, "forgotten");
    assert_eq!(house.audited("device.forgotten").await, 1);
}

#[tokio::test]
async fn a_056_a_device_dies_of_age_and_of_what_the_chain_says_now() {
    let house = House::with(steps()).await;
    let device = house.remembered(from("192.0.2.1")).await;
    house.wait(86_400);
    let shorter = json!({ "alternatives": [code()], "remember_device": 3600 });
    house.publish(json!({ "steps": [["word"], shorter] })).await;
    assert!(!house.spared(with(Some(device))).await, "the chain remembers for an hour now");
    house.publish(json!({ "steps": [["word"], [code()]] })).await;
    assert!(!house.spared(with(Some(device))).await, "the chain remembers nothing now");
    house.publish(json!({ "steps": steps() })).await;
    assert!(house.spared(with(Some(device))).await);
    house.wait(u64::from(MONTH) - 86_400);
    assert!(!house.spared(with(Some(device))).await, "use does not make it live longer");
}

#[tokio::test]
async fn a_053_a_device_is_as_old_as_its_proof_and_reaches_no_acr() {
    let house = House::with(steps()).await;
    let device = house.remembered(from("192.0.2.1")).await;
    house.wait(3600);
    let now: Time = house.clock.now();
    let fresh = Request { not_before: Some(now), ..request() };
    assert!(house.asked(fresh, device).await, "prompt=login and max_age ask for today's proof");
    let strong = Request { acr_values: vec!["urn:vestibule:acr:2fa".to_owned()], ..request() };
    assert!(house.asked(strong, device).await, "who asks for two factors gets two factors");
    assert!(!house.asked(request(), device).await);
    let word = Request { acr_values: vec!["urn:vestibule:acr:1fa".to_owned()], ..request() };
    assert!(!house.asked(word, device).await);
    house.publish(json!({ "steps": steps(), "demands": ["phishing_resistant"] })).await;
    assert!(house.asked(request(), device).await, "the proof was not that");
}

#[tokio::test]
async fn what_a_device_stands_for_is_not_in_the_session() {
    let house = House::with(steps()).await;
    let device = house.remembered(from("192.0.2.1")).await;
    let visitor = house.visit(with(Some(device))).await;
    let (_, session, _) = kept(house.word(&visitor).await);
    let here = &house;
    let silent = |cx: RequestContext| async move { here.start(request(), Some(session), &cx).await };
    assert!(matches!(silent(with(Some(device))).await, Started::Finished { .. }));
    assert!(matches!(silent(with(None)).await, Started::Interaction { .. }), "the cookie alone was what was spared by");
    house.engine.forget_device(house.alice, device.reference.id, &from("192.0.2.1")).await.unwrap();
    assert!(matches!(silent(with(Some(device))).await, Started::Interaction { .. }), "forgotten at once");
}

#[tokio::test]
async fn another_proof_makes_another_device_that_takes_the_others_along() {
    let other = json!({ "authenticator": "broken", "settings": { "how": "boasts" } });
    let remembering = |way: Value| json!({ "alternatives": [way], "remember_device": MONTH });
    let house = House::with(json!([["word"], remembering(code()), remembering(other)])).await;
    let visitor = house.visit(from("192.0.2.1")).await;
    house.word(&visitor).await;
    house.tick(&visitor).await;
    let first = kept(house.answer(&visitor, &[("password", "x")]).await).2.unwrap();
    // The next login is asked for the third step alone.
    let visitor = house.visit(with(Some(first))).await;
    assert_eq!(step(house.word(&visitor).await).number, 3);
    let second = kept(house.answer(&visitor, &[("password", "x"), ("remember_device", "yes")]).await).2.unwrap();
    assert_ne!(first.reference.id, second.reference.id);
    assert!(!house.spared(with(Some(first))).await, "with the cookie of before nobody gets what was proved since");
    let id = second.reference.id;
    let device = house.store.read(move |tx: &mut (dyn Tx + 'static)| tx.device(id)).await.unwrap().unwrap();
    let names: BTreeSet<_> = device.proofs.iter().map(|proof| proof.evidence.authenticator.to_string()).collect();
    assert_eq!(names, ["broken".to_owned(), "code".to_owned()].into());
}

#[tokio::test]
async fn one_browser_has_one_device() {
    let house = House::with(steps()).await;
    let hers = house.remembered(from("192.0.2.1")).await;
    house.add("bob", "bobs word").await;
    let bob = house.visit(with(Some(hers))).await;
    house.answer(&bob, &[("username", "bob"), ("password", "bobs word")]).await;
    let his = kept(house.tick(&bob).await).2.unwrap();
    assert_ne!(hers.reference.id, his.reference.id);
    assert!(!house.spared(with(Some(hers))).await && !house.spared(with(Some(his))).await, "it is bob's now");
}

#[tokio::test]
async fn a_condition_knows_the_device() {
    let unknown = json!({ "alternatives": ["broken"], "when": [{ "known_device": false }] });
    let house = House::with(json!([["word"], { "alternatives": [code()], "remember_device": MONTH }])).await;
    let device = house.remembered(from("192.0.2.1")).await;
    house.publish(json!({ "steps": [["word"], unknown] })).await;
    assert!(house.spared(with(Some(device))).await);
    assert!(!house.spared(with(None)).await);
    house.engine.forget_device(house.alice, device.reference.id, &from("192.0.2.1")).await.unwrap();
    assert!(!house.spared(with(Some(device))).await);
}

#[tokio::test]
async fn a_056_a_device_is_not_known_any_more_by_what_its_owner_has_lost() {
    let unknown = json!({ "alternatives": ["broken"], "when": [{ "known_device": false }] });
    let expression = json!({ "alternatives": ["broken"], "when": [{ "cel": "!known_device" }] });
    for condition in [unknown, expression] {
        let house = House::with(steps()).await;
        let device = house.remembered(from("192.0.2.1")).await;
        house.publish(json!({ "steps": [["word"], condition] })).await;
        assert!(house.spared(with(Some(device))).await);
        house.change("alice", |user| user.phone_number = Some("+15550199".to_owned())).await;
        assert!(!house.spared(with(Some(device))).await, "the telephone by which it was made is gone: {condition}");
    }
}

#[tokio::test]
async fn a_056_a_device_that_a_condition_looks_at_is_renewed_so_that_a_copy_is_found() {
    let unknown = json!({ "alternatives": ["broken"], "when": [{ "known_device": false }] });
    let house = House::with(steps()).await;
    let device = house.remembered(from("192.0.2.1")).await;
    house.publish(json!({ "steps": [["word"], unknown] })).await;
    let stolen = device;
    house.wait(600);
    let visitor = house.visit(with(Some(device))).await;
    let (_, _, renewed) = kept(house.word(&visitor).await);
    assert_eq!(renewed.unwrap().reference.generation, device.reference.generation + 1);
    house.wait(600);
    assert!(!house.spared(with(Some(stolen))).await);
    assert_eq!(house.audited("device.replayed").await, 1);
    assert!(!house.spared(with(renewed)).await, "of two nobody knows which is the thief's");
}
