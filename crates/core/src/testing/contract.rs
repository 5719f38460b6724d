//! The contract of an [`Authenticator`]: what the engine relies on, whoever wrote it. A way to authenticate that comes
//! from elsewhere runs the same suite: `authenticator_contract(&Mine).await`.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::step::StepFixture;
use crate::{
    authenticator::{Authenticator, Outcome, Proof, Readiness, Rejection, label},
    prompt::{Fields, Prompt, Text},
};

/// What the suite has to know of an authenticator.
#[async_trait]
pub trait Contract: Send + Sync {
    /// The authenticator.
    fn authenticator(&self) -> &dyn Authenticator;

    /// A step whose user can pass: each call makes the same user with the same credential.
    async fn ready(&self) -> StepFixture;

    /// What that user answers, after the step began.
    async fn right(&self, step: &StepFixture) -> Fields;

    /// What somebody else answers: well formed, and not right.
    async fn wrong(&self, step: &StepFixture) -> Fields;

    /// Settings out of range, each of which must be refused.
    fn bad_settings(&self) -> Vec<Map<String, Value>> {
        Vec::new()
    }
}

/// Runs the whole suite.
///
/// # Panics
/// When the authenticator breaks the contract.
pub async fn authenticator_contract(contract: &dyn Contract) {
    the_descriptor_is_whole(contract);
    settings_out_of_range_are_refused(contract);
    a_user_who_can_is_ready(contract).await;
    every_text_has_a_message(contract).await;
    nobody_sees_what_somebody_sees(contract).await;
    nobody_never_passes(contract).await;
    nothing_is_asked_again(contract).await;
    wrong_is_rejected(contract).await;
    right_passes_within_the_descriptor(contract).await;
    a_proof_counts_as_long_as_its_credential_is_there(contract).await;
    garbage_never_passes(contract).await;
}

fn the_descriptor_is_whole(contract: &dyn Contract) {
    let descriptor = contract.authenticator().descriptor();
    let name = descriptor.name.as_str();
    assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase()), "a name of small letters: {name:?}");
    assert!(descriptor.settings.is_object(), "the schema of the settings is an object");
}

fn settings_out_of_range_are_refused(contract: &dyn Contract) {
    let authenticator = contract.authenticator();
    assert_eq!(authenticator.check_settings(&Map::new()), Ok(()), "every setting has a default");
    let unknown = Map::from_iter([("no_such_setting".to_owned(), Value::from(1))]);
    for bad in std::iter::once(unknown).chain(contract.bad_settings()) {
        let refused = authenticator.check_settings(&bad);
        let named = |why: &String| bad.keys().any(|name| why.contains(name.as_str()));
        assert!(refused.as_ref().is_err_and(named), "{bad:?} is refused by name, not {refused:?}");
    }
}

async fn a_user_who_can_is_ready(contract: &dyn Contract) {
    let step = contract.ready().await;
    let ready = step.readiness(contract.authenticator()).await;
    assert!(matches!(ready, Ok(Readiness::Ready { .. })), "ready, not {ready:?}");
    let nobody = step.nobody().readiness(contract.authenticator()).await;
    assert!(matches!(nobody, Ok(Readiness::Ready { target: None })), "as for somebody who can, not {nobody:?}");
}

async fn prompt(contract: &dyn Contract, step: &mut StepFixture) -> Option<Prompt> {
    let begun = step.begin(contract.authenticator()).await;
    assert!(begun.is_ok(), "a step that is ready begins: {begun:?}");
    match begun {
        Ok(Outcome::Ask(prompt)) => Some(prompt),
        _ => None,
    }
}

async fn every_text_has_a_message(contract: &dyn Contract) {
    let descriptor = contract.authenticator().descriptor();
    let mut texts = vec![label(&descriptor.name)];
    if let Some(Prompt { title, lead, fields, submit, .. }) = prompt(contract, &mut contract.ready().await).await {
        texts.extend([title, submit]);
        texts.extend(lead);
        texts.extend(fields.into_iter().map(|field| field.label));
    }
    for Text { key, args } in texts {
        let message = descriptor.messages.iter().find(|(known, _)| *known == key);
        assert!(message.is_some(), "there is no message for {key}");
        for name in args.keys() {
            let used = message.is_some_and(|(_, text)| text.contains(&format!("{{{name}}}")));
            assert!(used, "the message for {key} does not use {name}");
        }
    }
    let keys: BTreeSet<_> = descriptor.messages.iter().map(|(key, _)| key).collect();
    assert_eq!(keys.len(), descriptor.messages.len(), "every key is there once");
    let prefix = format!("{}.", descriptor.name);
    assert!(keys.iter().all(|key| key.starts_with(&prefix)), "every key begins with {prefix}");
}

async fn nobody_sees_what_somebody_sees(contract: &dyn Contract) {
    let somebody = prompt(contract, &mut contract.ready().await).await;
    let mut step = contract.ready().await.nobody();
    let nobody = prompt(contract, &mut step).await;
    assert_eq!(somebody, nobody, "the prompt tells whether somebody exists");
    assert!(step.outgoing().is_none(), "a message was sent to nobody");
}

async fn nobody_never_passes(contract: &dyn Contract) {
    let authenticator = contract.authenticator();
    let mut somebody = contract.ready().await;
    prompt(contract, &mut somebody).await;
    let right = contract.right(&somebody).await;
    let outcome = somebody.nobody().answer(authenticator, &right).await;
    assert!(matches!(outcome, Ok(Outcome::Rejected(_))), "the user vanished after the beginning: {outcome:?}");
    let mut nobody = contract.ready().await.nobody();
    prompt(contract, &mut nobody).await;
    let outcome = nobody.answer(authenticator, &right).await;
    assert!(matches!(outcome, Ok(Outcome::Rejected(_))), "nobody passed, or could be told from somebody: {outcome:?}");
}

async fn nothing_is_asked_again(contract: &dyn Contract) {
    for mut step in [contract.ready().await, contract.ready().await.nobody()] {
        prompt(contract, &mut step).await;
        let outcome = step.answer(contract.authenticator(), &Fields::default()).await;
        assert!(matches!(outcome, Ok(Outcome::Rejected(Rejection::Empty))), "nothing was given: {outcome:?}");
    }
}

async fn wrong_is_rejected(contract: &dyn Contract) {
    let mut step = contract.ready().await;
    prompt(contract, &mut step).await;
    let wrong = contract.wrong(&step).await;
    let outcome = step.answer(contract.authenticator(), &wrong).await;
    assert!(matches!(outcome, Ok(Outcome::Rejected(Rejection::Wrong))), "a wrong answer: {outcome:?}");
}

async fn pass(contract: &dyn Contract) -> Option<Proof> {
    let mut step = contract.ready().await;
    prompt(contract, &mut step).await;
    let right = contract.right(&step).await;
    let outcome = step.answer(contract.authenticator(), &right).await;
    assert!(matches!(outcome, Ok(Outcome::Passed(_))), "the right answer: {outcome:?}");
    match outcome {
        Ok(Outcome::Passed(proof)) => Some(proof),
        _ => None,
    }
}

async fn right_passes_within_the_descriptor(contract: &dyn Contract) {
    let descriptor = contract.authenticator().descriptor();
    let (first, second) = (pass(contract).await, pass(contract).await);
    assert_eq!(first, second, "one credential has one proof");
    let whole = first.is_some_and(|proof| {
        !proof.credential.is_empty()
            && proof.factors.is_empty() == descriptor.factors.is_empty()
            && proof.factors.is_subset(&descriptor.factors)
            && proof.properties.is_subset(&descriptor.properties)
            && proof.amr.is_subset(&descriptor.amr)
    });
    assert!(whole, "the proof names its credential and claims no more than the descriptor");
}

async fn a_proof_counts_as_long_as_its_credential_is_there(contract: &dyn Contract) {
    let Some(proof) = pass(contract).await else { return };
    let (authenticator, step) = (contract.authenticator(), contract.ready().await);
    assert!(step.holds(authenticator, &proof.credential), "the user still has what was just proved");
    assert!(!step.holds(authenticator, "another"), "a credential that nobody has is held");
    assert!(!step.nobody().holds(authenticator, &proof.credential), "nobody has nothing");
}

async fn garbage_never_passes(contract: &dyn Contract) {
    let garbage = [
        "x".repeat(10_000),
        "\0".to_owned(),
        "👩‍🚀🔑".repeat(3),
        "null".into(),
        "[]".into(),
        "{}".into(),
        "\u{202e}".into(),
    ];
    let fields = prompt(contract, &mut contract.ready().await).await.map(|prompt| prompt.fields).unwrap_or_default();
    for value in &garbage {
        for mut step in [contract.ready().await, contract.ready().await.nobody()] {
            prompt(contract, &mut step).await;
            let input = fields.iter().map(|field| (field.name.as_str(), value.as_str())).collect();
            let outcome = step.answer(contract.authenticator(), &input).await;
            let rejected = matches!(outcome, Ok(Outcome::Rejected(_)));
            assert!(rejected, "{:?}… is a person's mistake: {outcome:?}", value.chars().take(8).collect::<String>());
        }
    }
}
