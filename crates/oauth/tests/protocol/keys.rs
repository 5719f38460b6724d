//! Signing keys in the database.

use std::sync::Arc;

use serde_json::json;
use vestibule_core::{store::StoreExt as _, time::Clock as _};
use vestibule_jose::{Algorithm, KeyId};
use vestibule_oauth::{
    Tx,
    keys::{self, KeyRules},
    model::Client,
};

use crate::world::{Texts as _, World, sixteen};

async fn kids(world: &World) -> Vec<String> {
    let keys = world.store.read(|tx: &mut (dyn Tx + 'static)| tx.signing_keys()).await.unwrap();
    keys.iter().map(|key| key.id.to_string()).collect()
}

async fn forget_all(world: &World) {
    let kids = kids(world).await;
    world.write(move |tx| kids.iter().try_for_each(|kid| tx.delete_signing_key(kid))).await;
}

async fn keep(world: &World) -> bool {
    keys::keep(&*world.store, &KeyRules::default(), Vec::new(), world.clock.now()).await.unwrap()
}

#[test]
fn the_algorithms_are_those_in_use() {
    let policy = keys::policy(&[], &KeyRules::default());
    assert_eq!(policy.algorithms, [Algorithm::ES256, Algorithm::RS256].into());
    let client: Client = serde_json::from_value(json!({
        "id": "a", "name": "A", "id_token_signed_response_alg": "EdDSA", "access_token_life": 86400
    }))
    .unwrap();
    let policy = keys::policy([&client], &KeyRules::default());
    assert!(policy.algorithms.contains(&Algorithm::EdDSA));
    assert!(policy.keep_after.as_secs() > 86400, "a key outlives every token that it signed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_115_sixteen_first_starts_make_one_set() {
    let world = Arc::new(World::new().await);
    forget_all(&world).await;
    let made = sixteen(&world, |world| async move { keep(&world).await }).await;
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
    assert_eq!(kids(&world).await.len(), 2);
    assert!(!keep(&world).await, "nothing more is due");
}

#[tokio::test]
async fn a_115_tokens_outlive_the_rotation_of_their_key() {
    let world = World::new().await;
    let before = world.tokens().await;
    let now = world.clock.now();
    let nothing = |_: &mut _, _: &[_]| Ok(());
    assert!(keys::rotate_now(&*world.store, &KeyRules::default(), Algorithm::ES256, now, nothing).await.unwrap());
    world.reload().await;
    let after = world.tokens().await;
    let kid = |token: &str| vestibule_jose::peek_header(token).unwrap().kid.unwrap();
    assert_ne!(kid(&before.access()), kid(&after.access()));
    assert!(world.userinfo(&before.access()).await.is_ok());
    assert!(world.userinfo(&after.access()).await.is_ok());
}

#[tokio::test]
async fn a_115_a_key_and_what_is_written_with_it_are_one_transaction() {
    let world = World::new().await;
    let before = kids(&world).await;
    let now = world.clock.now();
    let fails = |_: &mut _, _: &[_]| Err(vestibule_core::store::StoreError::Unavailable("the log is full".to_owned()));
    let refused = keys::rotate_now(&*world.store, &KeyRules::default(), Algorithm::ES256, now, fails).await;
    assert!(refused.is_err());
    assert_eq!(kids(&world).await, before, "no key was replaced that nobody tells of");
}

#[tokio::test]
async fn a_115_what_a_withdrawn_key_signed_dies() {
    let world = World::new().await;
    let before = world.tokens().await;
    let kid = KeyId::from(vestibule_jose::peek_header(&before.access()).unwrap().kid.unwrap());
    assert!(keys::withdraw(&*world.store, &KeyRules::default(), &kid, world.clock.now()).await.unwrap());
    world.reload().await;
    assert_eq!(world.userinfo(&before.access()).await, Err(401));
    assert!(world.userinfo(&world.tokens().await.access()).await.is_ok());
}

#[tokio::test]
async fn a_handover_happens_by_the_clock() {
    let world = World::new().await;
    let old = vestibule_jose::peek_header(&world.tokens().await.access()).unwrap().kid;
    // Made at the epoch, so the next is due at once and published a day ahead.
    assert!(keep(&world).await);
    world.reload().await;
    assert_eq!(vestibule_jose::peek_header(&world.tokens().await.access()).unwrap().kid, old);
    assert!(world.current.get().moved_to(world.clock.now()).is_none());
    world.wait(24 * 3600);
    let moved = world.current.get().moved_to(world.clock.now()).unwrap();
    world.current.set(moved);
    assert_ne!(vestibule_jose::peek_header(&world.tokens().await.access()).unwrap().kid, old);
}
