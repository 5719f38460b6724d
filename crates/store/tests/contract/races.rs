//! Sixteen at once: whoever is second must be told so.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::Barrier;
use vestibule_core::{
    budget::{Budget, BudgetKey},
    store::{StoreError, StoreExt as _, StoreResult},
};
use vestibule_oauth::{model::RefreshState, store::Tx};
use vestibule_store::Store;

use crate::{
    place::Place,
    samples::{self, HOUR, NOW},
};

const MANY: usize = 16;

/// Has sixteen tasks write the same at once; what each of them got.
async fn at_once<R, F>(store: &Arc<Store>, work: F) -> Vec<StoreResult<R>>
where
    R: Send + 'static,
    F: Fn(&mut (dyn Tx + 'static), usize) -> StoreResult<R> + Clone + Send + 'static,
{
    let barrier = Arc::new(Barrier::new(MANY));
    let mut tasks = Vec::new();
    for number in 0..MANY {
        let (store, barrier, work) = (Arc::clone(store), Arc::clone(&barrier), work.clone());
        tasks.push(tokio::spawn(async move {
            barrier.wait().await;
            store.write(move |tx| work(tx, number)).await
        }));
    }
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

/// How many of sixteen won; none may have failed.
async fn winners<F>(store: &Arc<Store>, work: F) -> usize
where
    F: Fn(&mut (dyn Tx + 'static), usize) -> StoreResult<bool> + Clone + Send + 'static,
{
    at_once(store, work).await.into_iter().map(Result::unwrap).filter(|won| *won).count()
}

pub(crate) async fn one_message_is_taken_by_one_of_sixteen(place: Place) {
    let store = place.open();
    let message = crate::outbox::posted(None, NOW);
    let id = message.id;
    store.write(move |tx| tx.post(&message)).await.unwrap();
    assert_eq!(winners(&store, move |tx, _| tx.claim_post(id, NOW, NOW + HOUR)).await, 1);
}

pub(crate) async fn a_024_one_code_is_spent_once_by_sixteen(place: Place) {
    let store = place.open();
    store.write(|tx| tx.insert_code(&samples::code("code"))).await.unwrap();
    // As an exchange does it: read, decide, spend, write.
    let won = winners(&store, |tx, _| {
        let unspent = tx.code("code")?.is_some_and(|code| code.consumed_at.is_none());
        let won = unspent && tx.consume_code("code", NOW)?;
        if won {
            tx.insert_grant(&samples::grant(samples::user_id(), &[]))?;
        }
        Ok(won)
    });
    assert_eq!(won.await, 1);
}

pub(crate) async fn a_074_one_challenge_is_spent_once_by_sixteen(place: Place) {
    let store = place.open();
    let interaction = samples::interaction();
    let challenge = samples::challenge(interaction.id);
    let id = challenge.id;
    store.write(move |tx| tx.insert_interaction(&interaction).and(tx.insert_challenge(&challenge))).await.unwrap();
    assert_eq!(winners(&store, move |tx, _| tx.consume_challenge(id, NOW)).await, 1);
}

pub(crate) async fn a_064_tries_never_exceed_their_limit(place: Place) {
    let store = place.open();
    let interaction = samples::interaction();
    let challenge = samples::challenge(interaction.id);
    let (id, limit) = (challenge.id, challenge.max_tries);
    store.write(move |tx| tx.insert_interaction(&interaction).and(tx.insert_challenge(&challenge))).await.unwrap();
    let tries = at_once(&store, move |tx, _| tx.count_try(id, NOW)).await;
    let mut counted: Vec<u32> = tries.into_iter().filter_map(Result::unwrap).collect();
    counted.sort_unstable();
    assert_eq!(counted, (1..=limit).collect::<Vec<_>>());
    assert_eq!(store.read(move |tx| tx.challenge(id)).await.unwrap().unwrap().tries, limit);
}

pub(crate) async fn of_sixteen_tabs_one_advances_the_interaction(place: Place) {
    let store = place.open();
    let interaction = samples::interaction();
    let (id, first) = (interaction.id, interaction.clone());
    store.write(move |tx| tx.insert_interaction(&first)).await.unwrap();
    let won = winners(&store, move |tx, number| {
        let mut next = interaction.clone();
        next.version += 1;
        next.issues = u32::try_from(number).unwrap();
        tx.advance_interaction(&next)
    });
    assert_eq!(won.await, 1);
    assert_eq!(store.read(move |tx| tx.interaction(id)).await.unwrap().unwrap().version, 2);
}

pub(crate) async fn a_026_of_sixteen_refreshes_one_moves_the_family(place: Place) {
    let store = place.open();
    let grant = samples::grant(samples::user_id(), &["offline_access"]);
    let id = grant.id;
    store.write(move |tx| tx.insert_grant(&grant)).await.unwrap();
    let won = winners(&store, move |tx, _| {
        let after = RefreshState { generation: 1, rotated_at: NOW };
        tx.rotate_refresh(id, RefreshState::default(), after)
    });
    assert_eq!(won.await, 1);
    assert_eq!(store.read(move |tx| tx.grant(id)).await.unwrap().unwrap().refresh.generation, 1);
}

pub(crate) async fn a_031_one_assertion_is_used_once_by_sixteen(place: Place) {
    let store = place.open();
    assert_eq!(winners(&store, |tx, _| tx.use_assertion(&"shop".into(), "jti", NOW + HOUR)).await, 1);
}

pub(crate) async fn of_sixteen_one_takes_the_name(place: Place) {
    let store = place.open();
    let results = at_once(&store, |tx, _| tx.insert_user(&samples::user("ada"))).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    let conflicts = results.iter().filter(|result| matches!(result, Err(StoreError::Conflict(_))));
    assert_eq!(conflicts.count(), MANY - 1, "{results:?}");
    assert_eq!(store.read(|tx| tx.users(None, 100)).await.unwrap().len(), 1);
}

pub(crate) async fn one_budget_counts_all_sixteen(place: Place) {
    let store = place.open();
    let key = || BudgetKey("try/1".to_owned());
    // Reading and writing in one transaction loses none, although nothing here is a conditional update.
    let results = at_once(&store, move |tx, _| {
        let budget = tx.budget(&key())?;
        tx.put_budget(&key(), Budget { count: budget.count + 1, ..budget }, NOW + HOUR)
    });
    assert!(results.await.iter().all(Result::is_ok));
    assert_eq!(store.read(move |tx| tx.budget(&key())).await.unwrap().count, 16);
}

pub(crate) async fn of_sixteen_publications_none_is_lost(place: Place) {
    let store = place.open();
    let before = store.read(|tx| tx.configuration_version()).await.unwrap();
    let document = samples::chain(&json!([["password"]]));
    let results = at_once(&store, move |tx, _| tx.publish_chain(&"default".into(), &document, NOW)).await;
    let mut revisions: Vec<i64> = results.into_iter().map(Result::unwrap).collect();
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=16).collect::<Vec<_>>());
    assert_eq!(store.read(|tx| tx.configuration_version()).await.unwrap(), before + 16);
}
