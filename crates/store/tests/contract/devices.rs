//! Remembered devices.

use vestibule_core::{
    device::{RememberedProof, TrustedDevice},
    directory::OneTimeLink,
    id::{DeviceId, UserId},
    random::SystemRandom,
    store::{StoreExt as _, StoreResult},
    time::Time,
};
use vestibule_oauth::{model::GrantId, store::Tx};

use crate::{
    place::Place,
    samples::{self, HOUR, NOW},
};

fn device(user: UserId) -> TrustedDevice {
    TrustedDevice {
        id: DeviceId::new(NOW, &SystemRandom::default()),
        generation: 1,
        user,
        proofs: vec![RememberedProof {
            evidence: samples::evidence(user, samples::interaction_id()),
            until: NOW + HOUR,
        }],
        user_agent: Some("Browser".to_owned()),
        network: "192.0.2.1".to_owned(),
        created_at: NOW,
        used_at: NOW,
        expires_at: NOW + HOUR,
        revoked_at: None,
    }
}

pub(crate) async fn a_device_is_used_once_by_generation(place: Place) {
    let store = place.open();
    let first = device(samples::user_id());
    let used = TrustedDevice { generation: 2, used_at: NOW + HOUR / 2, ..first.clone() };
    let (inserted, id, second) = (first.clone(), first.id, used.clone());
    store.write(move |tx| tx.insert_device(&inserted)).await.unwrap();
    assert_eq!(store.read(move |tx| tx.device(id)).await.unwrap(), Some(first));
    let again = store.write(move |tx| Ok([tx.rotate_device(&used, NOW)?, tx.rotate_device(&used, NOW)?]));
    assert_eq!(again.await.unwrap(), [true, false]);
    assert_eq!(store.read(move |tx| tx.device(id)).await.unwrap(), Some(second.clone()));
    let third = TrustedDevice { generation: 3, ..second };
    let late = store.write(move |tx| tx.rotate_device(&third, NOW + HOUR)).await.unwrap();
    assert!(!late, "it had expired");
    let unknown = DeviceId::new(NOW, &SystemRandom::default());
    assert_eq!(store.read(move |tx| tx.device(unknown)).await.unwrap(), None);
}

pub(crate) async fn a_device_is_forgotten_once_and_never_used_again(place: Place) {
    let store = place.open();
    let (first, expired) = (device(samples::user_id()), device(samples::user_id()));
    let (id, old) = (first.id, expired.id);
    let next = TrustedDevice { generation: 2, ..first.clone() };
    let seen = store.write(move |tx| {
        tx.insert_device(&first)?;
        tx.insert_device(&expired)?;
        let revoked = [tx.revoke_device(id, NOW)?, tx.revoke_device(id, NOW)?, tx.revoke_device(old, NOW + HOUR)?];
        Ok((revoked, tx.rotate_device(&next, NOW)?, tx.device(id)?.and_then(|device| device.revoked_at)))
    });
    assert_eq!(seen.await.unwrap(), ([true, false, false], false, Some(NOW)));
}

pub(crate) async fn the_devices_of_a_user_are_theirs_and_live(place: Place) {
    let store = place.open();
    let (user, other) = (samples::user_id(), samples::user_id());
    let mut devices: Vec<_> = (0..4).map(|_| device(user)).collect();
    devices[0].created_at = Time(NOW.0 - 1);
    devices[2].expires_at = NOW;
    devices[3].revoked_at = Some(NOW);
    let stranger = device(other);
    let expected = [devices[1].clone(), devices[0].clone()];
    let inserted = stranger.clone();
    store
        .write(move |tx| devices.iter().chain([&inserted]).try_for_each(|device| tx.insert_device(device)))
        .await
        .unwrap();
    assert_eq!(store.read(move |tx| tx.devices_of(user, NOW)).await.unwrap(), expected);
    let revoked = store.write(move |tx| Ok([tx.revoke_devices(user, NOW)?, tx.revoke_devices(user, NOW)?]));
    assert_eq!(revoked.await.unwrap(), [2, 0]);
    let left = store.read(move |tx| Ok((tx.devices_of(user, NOW)?, tx.devices_of(other, NOW)?))).await.unwrap();
    assert_eq!(left, (vec![], vec![stranger]));
}

/// Attack A-056, and what else somebody has: who is enabled again begins anew.
pub(crate) async fn a_disabled_user_has_nothing_left(place: Place) {
    let store = place.open();
    let (mut alice, bob) = (samples::user("alice"), samples::user("bob"));
    let (id, theirs) = (alice.id, bob.id);
    let has = |tx: &mut dyn Tx, (user, grants, link): (UserId, [GrantId; 2], &str)| -> StoreResult<[usize; 4]> {
        let mut alive = 0;
        for grant in grants {
            alive += usize::from(tx.grant(grant)?.is_some_and(|grant| grant.revoked_at.is_none()));
        }
        let link = usize::from(tx.link(link)?.is_some_and(|link| link.consumed_at.is_none()));
        Ok([tx.devices_of(user, NOW)?.len(), tx.sessions_of(user, NOW)?.len(), alive, link])
    };
    let left = store.write(move |tx| {
        tx.insert_user(&alice)?;
        tx.insert_user(&bob)?;
        let mut people = Vec::new();
        for (user, link) in [(id, "a"), (theirs, "b")] {
            tx.insert_device(&device(user))?;
            tx.insert_session(&samples::session(user))?;
            let grants = [samples::grant(user, &["openid"]), samples::grant(user, &["openid", "offline_access"])];
            grants.iter().try_for_each(|grant| tx.insert_grant(grant))?;
            tx.insert_link(&OneTimeLink {
                hash: link.to_owned(),
                purpose: "password".to_owned(),
                user,
                created_at: NOW,
                expires_at: NOW + HOUR,
                consumed_at: None,
            })?;
            people.push((user, grants.map(|grant| grant.id), link));
        }
        tx.update_user(&alice)?;
        let before = has(tx, people[0])?;
        alice.disabled = true;
        tx.update_user(&alice)?;
        alice.disabled = false;
        tx.update_user(&alice)?;
        Ok([before, has(tx, people[0])?, has(tx, people[1])?])
    });
    assert_eq!(left.await.unwrap(), [[1, 1, 2, 1], [0; 4], [1, 1, 2, 1]]);
}

pub(crate) async fn a_device_that_ended_is_swept(place: Place) {
    let store = place.open();
    let user = samples::user_id();
    let (living, mut old, mut forgotten) = (device(user), device(user), device(user));
    old.expires_at = NOW;
    forgotten.revoked_at = Some(NOW);
    let ids = [living.id, old.id, forgotten.id];
    let left = store.write(move |tx| {
        [&living, &old, &forgotten].into_iter().try_for_each(|device| tx.insert_device(device))?;
        assert_eq!(tx.sweep(NOW, 100)?, 2);
        ids.iter().map(|id| Ok(tx.device(*id)?.is_some())).collect::<Result<Vec<_>, _>>()
    });
    assert_eq!(left.await.unwrap(), [true, false, false]);
}
