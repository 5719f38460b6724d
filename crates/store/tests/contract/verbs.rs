//! Every verb, by itself.

use std::time::Duration;

use secrecy::ExposeSecret as _;
use serde_json::json;
use vestibule_core::{
    budget::{Budget, BudgetKey},
    channel::SendOutcome,
    id::{ClientId, ConnectionName},
    random::SystemRandom,
    store::{StoreError, StoreExt as _},
    time::Time,
    user::LoginName,
};
use vestibule_oauth::{
    managed::{Managed, ObjectKind},
    model::{Consent, GrantId, RefreshState},
};

use crate::{
    place::Place,
    samples::{self, HOUR, NOW},
};

fn name(text: &str) -> LoginName {
    LoginName::parse(text).unwrap()
}

pub(crate) async fn a_user_is_found_by_id_and_by_every_login_name(place: Place) {
    let store = place.open();
    let ada = samples::user("ada");
    let inserted = ada.clone();
    store.write(move |tx| tx.insert_user(&inserted)).await.unwrap();
    let id = ada.id;
    let found = store
        .read(move |tx| {
            let by_name = tx.user_by_login(&name("ADA"))?;
            Ok([tx.user(id)?, by_name, tx.user_by_login(&name("ada@example.org"))?, tx.user_by_login(&name("eve"))?])
        })
        .await
        .unwrap();
    assert_eq!(found, [Some(ada.clone()), Some(ada.clone()), Some(ada), None]);
}

pub(crate) async fn a_login_name_has_one_owner(place: Place) {
    let store = place.open();
    store.write(|tx| tx.insert_user(&samples::user("ada"))).await.unwrap();
    // A user name, an e-mail address, and a user name that is somebody else's e-mail address.
    for (username, email) in [("ada", None), ("bob", Some("ADA@example.org")), ("ada@example.org", None)] {
        let mut twin = samples::user(username);
        twin.email = email.map(str::to_owned);
        let id = twin.id;
        let refused = store.write(move |tx| tx.insert_user(&twin)).await;
        assert!(matches!(refused, Err(StoreError::Conflict(_))), "{username}: {refused:?}");
        assert_eq!(store.read(move |tx| tx.user(id)).await.unwrap(), None);
    }
    assert_eq!(store.read(|tx| tx.user_by_login(&name("bob"))).await.unwrap(), None);
}

pub(crate) async fn a_changed_user_gives_up_the_names_that_they_no_longer_have(place: Place) {
    let store = place.open();
    let (ada, bob) = (samples::user("ada"), samples::user("bob"));
    let mut married = ada.clone();
    married.username = name("ada.byron");
    married.disabled = true;
    let both = (ada.clone(), bob.clone());
    store.write(move |tx| tx.insert_user(&both.0).and(tx.insert_user(&both.1))).await.unwrap();
    let changed = married.clone();
    store.write(move |tx| tx.update_user(&changed)).await.unwrap();
    let (old, new) =
        store.read(|tx| Ok((tx.user_by_login(&name("ada"))?, tx.user_by_login(&name("ada.byron"))?))).await.unwrap();
    assert_eq!((old, new), (None, Some(married.clone())));
    let thief = vestibule_core::user::User { username: name("bob"), ..married };
    let refused = store.write(move |tx| tx.update_user(&thief)).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    let nobody = samples::user("eve");
    assert!(matches!(store.write(move |tx| tx.update_user(&nobody)).await, Err(StoreError::Conflict(_))));
    assert_eq!(store.read(|tx| tx.user_by_login(&name("bob"))).await.unwrap().map(|user| user.id), Some(bob.id));
}

pub(crate) async fn users_are_listed_page_by_page(place: Place) {
    let store = place.open();
    let mut users: Vec<_> = (0..7).map(|n| samples::user(&format!("user{n}"))).collect();
    users.sort_by_key(|user| user.id);
    let inserted = users.clone();
    store.write(move |tx| inserted.iter().try_for_each(|user| tx.insert_user(user))).await.unwrap();
    let mut listed = Vec::new();
    loop {
        let after = listed.last().map(|user: &vestibule_core::user::User| user.id);
        let page = store.read(move |tx| tx.users(after, 3)).await.unwrap();
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        listed.extend(page);
    }
    assert_eq!(listed, users);
}

pub(crate) async fn credentials_come_oldest_first_and_are_renewed_by_version(place: Place) {
    let store = place.open();
    let ada = samples::user("ada");
    let mut older = samples::credential(ada.id, "older");
    older.created_at = Time(NOW.0 - 1);
    older.label = Some("Pixel".to_owned());
    let newer = samples::credential(ada.id, "newer");
    let mut other = samples::credential(ada.id, "other");
    other.authenticator = "totp".into();
    let (user, id) = (ada.id, newer.id);
    store
        .write(move |tx| {
            tx.insert_user(&ada)?;
            [&newer, &older, &other].into_iter().try_for_each(|credential| tx.insert_credential(credential))
        })
        .await
        .unwrap();
    let found = store.read(move |tx| tx.credentials(user, &"password".into())).await.unwrap();
    let secrets: Vec<_> = found.iter().map(|credential| credential.secret.expose_secret()).collect();
    assert_eq!(secrets, ["older", "newer"]);
    assert_eq!((found[0].label.as_deref(), found[1].version, found[1].created_at), (Some("Pixel"), 1, NOW));
    let nobody = samples::user("bob").id;
    let mine = store.read(move |tx| tx.credentials_of_all(&[nobody, user])).await.unwrap();
    let theirs = store.read(move |tx| tx.credentials_of_all(&[nobody])).await.unwrap();
    assert_eq!((mine.len(), theirs.len()), (3, 0));

    let renewed =
        store.write(move |tx| Ok([tx.renew_credential(id, 1, "again")?, tx.renew_credential(id, 1, "late")?]));
    assert_eq!(renewed.await.unwrap(), [true, false]);
    let found = store.read(move |tx| tx.credentials(user, &"password".into())).await.unwrap();
    assert_eq!((found[1].secret.expose_secret(), found[1].version), ("again", 2));

    let deleted = store.write(move |tx| Ok([tx.delete_credential(id)?, tx.delete_credential(id)?])).await.unwrap();
    assert_eq!(deleted, [true, false]);
    assert!(!store.write(move |tx| tx.renew_credential(id, 2, "gone")).await.unwrap());
    assert_eq!(store.read(move |tx| tx.credentials(user, &"password".into())).await.unwrap().len(), 1);
}

pub(crate) async fn a_credential_belongs_to_an_existing_user(place: Place) {
    let store = place.open();
    let orphan = samples::credential(samples::user_id(), "secret");
    let refused = store.write(move |tx| tx.insert_credential(&orphan)).await;
    assert!(matches!(refused, Err(StoreError::Conflict(_))), "{refused:?}");
}

pub(crate) async fn a_chain_has_numbered_revisions(place: Place) {
    let store = place.open();
    let first = samples::chain(&json!([["password"]]));
    let second = samples::chain(&json!([["password"], ["smsotp", "totp"]]));
    let (one, two) = (first.clone(), second.clone());
    let numbers = store
        .write(move |tx| {
            let chain = "default".into();
            let numbers = (tx.publish_chain(&chain, &one, NOW)?, tx.publish_chain(&chain, &two, NOW)?);
            tx.publish_chain(&"admin".into(), &one, NOW)?;
            Ok(numbers)
        })
        .await
        .unwrap();
    assert_eq!(numbers, (1, 2));
    let (published, old, none) = store
        .read(|tx| {
            let chain = "default".into();
            Ok((tx.published_chains()?, tx.chain_revision(&chain, 1)?, tx.chain_revision(&chain, 3)?))
        })
        .await
        .unwrap();
    let published: Vec<_> =
        published.into_iter().map(|chain| (chain.chain.to_string(), chain.revision, chain.document)).collect();
    assert_eq!(published, [("admin".to_owned(), 1, first.clone()), ("default".to_owned(), 2, second)]);
    assert_eq!(old.map(|old| old.document), Some(first));
    assert_eq!(none, None);
}

pub(crate) async fn a_chain_made_again_goes_on_counting(place: Place) {
    let store = place.open();
    let document = samples::chain(&json!([["password"]]));
    let seen = store
        .write(move |tx| {
            let chain = "default".into();
            tx.publish_chain(&chain, &document, NOW)?;
            let gone = [tx.delete_chain(&chain)?, tx.delete_chain(&chain)?];
            let (left, old) = (tx.published_chains()?.len(), tx.chain_revision(&chain, 1)?.is_some());
            Ok((gone, left, old, tx.publish_chain(&chain, &document, NOW)?))
        })
        .await
        .unwrap();
    assert_eq!(seen, ([true, false], 0, true, 2));
}

pub(crate) async fn connections_are_kept_whole(place: Place) {
    let store = place.open();
    let (sms, mut mail) = (samples::connection("SMSOTP", "one"), samples::connection("mail", "two"));
    let put = (sms.clone(), mail.clone());
    store.write(move |tx| tx.put_connection(&put.0).and(tx.put_connection(&put.1))).await.unwrap();
    mail.disabled = true;
    "smtp".clone_into(&mut mail.kind);
    let put = mail.clone();
    store.write(move |tx| tx.put_connection(&put)).await.unwrap();
    assert_eq!(store.read(|tx| tx.connections()).await.unwrap(), [sms.clone(), mail]);
    let gone = store.write(|tx| Ok([tx.delete_connection(&"mail".into())?, tx.delete_connection(&"mail".into())?]));
    assert_eq!(gone.await.unwrap(), [true, false]);
    assert_eq!(store.read(|tx| tx.connections()).await.unwrap(), [sms]);
}

pub(crate) async fn every_change_of_configuration_is_noticed(place: Place) {
    let store = place.open();
    let document = samples::chain(&json!([["password"]]));
    let key = samples::signing_key("k1", b"pkcs8");
    let versions = store
        .write(move |tx| {
            let mut versions = vec![tx.configuration_version()?];
            tx.publish_chain(&"default".into(), &document, NOW)?;
            versions.push(tx.configuration_version()?);
            tx.delete_chain(&"default".into())?;
            versions.push(tx.configuration_version()?);
            tx.put_connection(&samples::connection("SMSOTP", "secret"))?;
            versions.push(tx.configuration_version()?);
            tx.delete_connection(&"SMSOTP".into())?;
            versions.push(tx.configuration_version()?);
            tx.put_client(&samples::client("shop"))?;
            versions.push(tx.configuration_version()?);
            tx.delete_client(&"shop".into(), NOW)?;
            versions.push(tx.configuration_version()?);
            tx.put_signing_key(&key)?;
            versions.push(tx.configuration_version()?);
            tx.delete_signing_key("k1")?;
            versions.push(tx.configuration_version()?);
            Ok(versions)
        })
        .await
        .unwrap();
    assert!(versions.is_sorted_by(|before, after| before < after), "{versions:?}");
}

pub(crate) async fn an_interaction_advances_by_one_version(place: Place) {
    let store = place.open();
    let first = samples::interaction();
    let mut second = first.clone();
    second.version = 2;
    second.issues = 1;
    let (id, one, two) = (first.id, first.clone(), second.clone());
    store.write(move |tx| tx.insert_interaction(&one)).await.unwrap();
    assert_eq!(store.read(move |tx| tx.interaction(id)).await.unwrap(), Some(first.clone()));
    let again = first.clone();
    assert!(matches!(store.write(move |tx| tx.insert_interaction(&again)).await, Err(StoreError::Conflict(_))));
    let advanced = store.write(move |tx| Ok([tx.advance_interaction(&two)?, tx.advance_interaction(&two)?])).await;
    assert_eq!(advanced.unwrap(), [true, false]);
    let stored = store.read(move |tx| tx.interaction(id)).await.unwrap();
    assert_eq!(stored, Some(second.clone()));
    // What is only noted stays in its version, and is lost once that went by.
    let (mut noted, late) = (second, first);
    noted.issues = 2;
    let saved = noted.clone();
    let noting = store.write(move |tx| Ok([tx.note_interaction(&saved)?, tx.note_interaction(&late)?])).await;
    assert_eq!(noting.unwrap(), [true, false]);
    assert_eq!(store.read(move |tx| tx.interaction(id)).await.unwrap(), Some(noted));
    assert_eq!(store.read(|tx| tx.interaction(samples::interaction_id())).await.unwrap(), None);
}

pub(crate) async fn a_challenge_is_kept_whole(place: Place) {
    let store = place.open();
    let interaction = samples::interaction();
    let (first, mut second) = (samples::challenge(interaction.id), samples::challenge(interaction.id));
    second.created_at = NOW + HOUR;
    second.sent = Some(SendOutcome::Accepted { reference: Some("m1".to_owned()) });
    let (id, stored) = (interaction.id, (first.clone(), second.clone()));
    store
        .write(move |tx| {
            tx.insert_interaction(&interaction)?;
            tx.insert_challenge(&stored.1)?;
            tx.insert_challenge(&stored.0)
        })
        .await
        .unwrap();
    let first_id = first.id;
    let (one, all) = store.read(move |tx| Ok((tx.challenge(first_id)?, tx.challenges(id)?))).await.unwrap();
    assert_eq!(one, Some(first.clone()));
    assert_eq!(all, [first, second]);
}

/// A challenge in the store.
async fn with_challenge(
    place: &Place,
) -> (std::sync::Arc<vestibule_store::Store>, vestibule_core::interaction::Challenge) {
    let store = place.open();
    let interaction = samples::interaction();
    let challenge = samples::challenge(interaction.id);
    let stored = challenge.clone();
    store.write(move |tx| tx.insert_interaction(&interaction).and(tx.insert_challenge(&stored))).await.unwrap();
    (store, challenge)
}

pub(crate) async fn tries_are_counted_until_the_challenge_is_dead(place: Place) {
    let (store, challenge) = with_challenge(&place).await;
    let id = challenge.id;
    assert_eq!(store.write(move |tx| tx.count_try(id, NOW + HOUR)).await.unwrap(), None, "too old");
    for expected in [Some(1), Some(2), Some(3), Some(4), Some(5), None, None] {
        assert_eq!(store.write(move |tx| tx.count_try(id, NOW)).await.unwrap(), expected);
    }
    let stored = store.read(move |tx| tx.challenge(id)).await.unwrap().unwrap();
    assert_eq!((stored.tries, stored.alive(NOW)), (5, false));
    let (store, challenge) = with_challenge(&crate::place::sqlite_memory("").unwrap()).await;
    let id = challenge.id;
    let spent = store.write(move |tx| Ok((tx.consume_challenge(id, NOW)?, tx.count_try(id, NOW)?))).await.unwrap();
    assert_eq!(spent, (true, None), "a spent challenge has no tries");
}

pub(crate) async fn a_send_is_counted_once_and_a_refused_one_is_taken_back(place: Place) {
    let (store, challenge) = with_challenge(&place).await;
    let (id, later) = (challenge.id, NOW + Duration::from_secs(30));
    let pressed = store
        .write(move |tx| {
            let stale = tx.count_send(id, None, later)?;
            Ok([stale, tx.count_send(id, Some(NOW), later)?, tx.count_send(id, Some(NOW), later)?])
        })
        .await
        .unwrap();
    assert_eq!(pressed, [false, true, false]);
    let sent = store.read(move |tx| tx.challenge(id)).await.unwrap().unwrap();
    assert_eq!((sent.sends, sent.sent_at, sent.sent), (2, Some(later), None));
    let refused = SendOutcome::Refused { why: "barred".to_owned() };
    let outcome = refused.clone();
    store
        .write(move |tx| {
            // An answer to the send before, and one that is told twice, change nothing.
            tx.record_send(id, NOW, &SendOutcome::Refused { why: "old".to_owned() }, None)?;
            tx.record_send(id, later, &outcome, None)?;
            tx.record_send(id, later, &outcome, None)
        })
        .await
        .unwrap();
    let sent = store.read(move |tx| tx.challenge(id)).await.unwrap().unwrap();
    assert_eq!((sent.sends, sent.sent_at, sent.sent), (1, Some(later), Some(refused)));
    let never = samples::challenge(challenge.interaction);
    let unsent = vestibule_core::interaction::Challenge { sent_at: None, sends: 0, ..never };
    let id = unsent.id;
    let first = store
        .write(move |tx| {
            tx.insert_challenge(&unsent)?;
            let first = [tx.count_send(id, None, NOW)?, tx.count_send(id, None, NOW)?];
            tx.record_send(id, NOW, &SendOutcome::Accepted { reference: None }, None)?;
            Ok((first, tx.challenge(id)?.map(|challenge| (challenge.sends, challenge.sent))))
        })
        .await
        .unwrap();
    assert_eq!(first, ([true, false], Some((1, Some(SendOutcome::Accepted { reference: None })))));
}

pub(crate) async fn a_send_is_found_by_its_reference_and_who_carried_it_and_settled_once(place: Place) {
    for by in [None, Some(ConnectionName::from("LOCAL"))] {
        let (store, challenge) = with_challenge(&place).await;
        let accepted = |reference: &str| SendOutcome::Accepted { reference: Some(reference.to_owned()) };
        let (id, before) = (challenge.id, accepted("m-1"));
        let after = SendOutcome::Refused { why: "not delivered: barred".to_owned() };
        let (other, another, gateway) = (accepted("m-2"), ConnectionName::from("WORLD"), by.clone());
        let found = store
            .write(move |tx| {
                let by = gateway.as_ref();
                tx.count_send(id, Some(NOW), NOW)?;
                tx.record_send(id, NOW, &before, by)?;
                let found = [
                    tx.sent_challenge(&before, by)?,
                    tx.sent_challenge(&other, by)?,
                    tx.sent_challenge(&before, Some(&another))?,
                ];
                let settled = [
                    tx.settle_send(id, &other, &after, by)?,
                    tx.settle_send(id, &before, &after, Some(&another))?,
                    tx.settle_send(id, &before, &after, by)?,
                    tx.settle_send(id, &before, &after, by)?,
                ];
                let gone = tx.sent_challenge(&before, by)?.is_none();
                let stored = tx.challenge(id)?.map(|challenge| (challenge.sent, challenge.carried_by));
                Ok((found.map(|found| found.map(|found| found.id)), settled, gone, stored, after.clone()))
            })
            .await
            .unwrap();
        let (found, settled, gone, stored, after) = found;
        assert_eq!((found, settled, gone), ([Some(id), None, None], [false, false, true, false], true));
        assert_eq!(stored, Some((Some(after), by)));
    }
}

pub(crate) async fn a_challenge_is_spent_once(place: Place) {
    let (store, challenge) = with_challenge(&place).await;
    let id = challenge.id;
    let spent =
        store.write(move |tx| Ok([tx.consume_challenge(id, NOW)?, tx.consume_challenge(id, NOW + HOUR)?])).await;
    assert_eq!(spent.unwrap(), [true, false]);
    let stored = store.read(move |tx| tx.challenge(id)).await.unwrap().unwrap();
    assert_eq!((stored.consumed_at, stored.alive(NOW)), (Some(NOW), false));
}

pub(crate) async fn a_session_is_renewed_by_generation(place: Place) {
    let store = place.open();
    let first = samples::session(samples::user_id());
    let (id, mut second) = (first.id, first.clone());
    second.generation = 2;
    second.network = "198.51.100.7".to_owned();
    second.expires_at = NOW + 2 * HOUR;
    let (inserted, renewed) = (first.clone(), second.clone());
    store.write(move |tx| tx.insert_session(&inserted)).await.unwrap();
    assert_eq!(store.read(move |tx| tx.session(id)).await.unwrap(), Some(first));
    store.write(move |tx| tx.mark_session_seen(id, 2)).await.unwrap();
    assert!(!store.read(move |tx| tx.session(id)).await.unwrap().unwrap().seen, "another generation was seen");
    store.write(move |tx| tx.mark_session_seen(id, 1)).await.unwrap();
    assert!(store.read(move |tx| tx.session(id)).await.unwrap().unwrap().seen);
    let again = store.write(move |tx| Ok([tx.renew_session(&renewed)?, tx.renew_session(&renewed)?])).await.unwrap();
    assert_eq!(again, [true, false]);
    assert_eq!(store.read(move |tx| tx.session(id)).await.unwrap(), Some(second));
}

pub(crate) async fn a_session_ends_once(place: Place) {
    let store = place.open();
    let first = samples::session(samples::user_id());
    let expired = samples::session(samples::user_id());
    let (id, old, mut next) = (first.id, expired.id, first.clone());
    next.generation = 2;
    let seen = store
        .write(move |tx| {
            tx.insert_session(&first)?;
            tx.insert_session(&expired)?;
            let ended = [tx.end_session(id, NOW)?, tx.end_session(id, NOW)?, tx.end_session(old, NOW + HOUR)?];
            Ok((ended, tx.renew_session(&next)?, tx.session(id)?.and_then(|session| session.ended_at)))
        })
        .await
        .unwrap();
    assert_eq!(seen, ([true, false, false], false, Some(NOW)));
}

pub(crate) async fn the_sessions_of_a_user_are_those_that_live(place: Place) {
    let store = place.open();
    let user = samples::user_id();
    let mut sessions: Vec<_> = (0..4).map(|_| samples::session(user)).collect();
    sessions[0].created_at = Time(NOW.0 - 1);
    sessions[2].expires_at = NOW;
    sessions[3].ended_at = Some(NOW);
    let stranger = samples::session(samples::user_id());
    let expected = [sessions[1].clone(), sessions[0].clone()];
    store
        .write(move |tx| sessions.iter().chain([&stranger]).try_for_each(|session| tx.insert_session(session)))
        .await
        .unwrap();
    assert_eq!(store.read(move |tx| tx.sessions_of(user, NOW)).await.unwrap(), expected);
}

pub(crate) async fn a_budget_is_replaced_and_forgotten(place: Place) {
    let store = place.open();
    let spent = Budget { count: 3, since: NOW, blocked_until: Time(i64::MAX) };
    let seen = store
        .write(move |tx| {
            let key = BudgetKey("try/1".to_owned());
            let none = tx.budget(&key)?;
            tx.put_budget(&key, Budget::default(), NOW)?;
            tx.put_budget(&key, spent, NOW + HOUR)?;
            let other = tx.budget(&BudgetKey("try/2".to_owned()))?;
            let stored = tx.budget(&key)?;
            tx.clear_budget(&key)?;
            Ok([none, other, stored, tx.budget(&key)?])
        })
        .await
        .unwrap();
    assert_eq!(seen, [Budget::default(), Budget::default(), spent, Budget::default()]);
}

pub(crate) async fn the_audit_log_is_read_from_its_end(place: Place) {
    let store = place.open();
    let events =
        [samples::audit("second", NOW), samples::audit("first", Time(NOW.0 - 1)), samples::audit("third", NOW + HOUR)];
    store.write(move |tx| events.iter().try_for_each(|event| tx.append_audit(event))).await.unwrap();
    let latest = store.read(|tx| tx.latest_audit(2)).await.unwrap();
    assert_eq!(latest.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["third", "second"]);
}

pub(crate) async fn clients_are_kept_and_deleting_one_takes_what_it_was_given(place: Place) {
    let store = place.open();
    let mut shop = samples::client("shop");
    let wiki = samples::client("wiki");
    let put = (shop.clone(), wiki.clone());
    store.write(move |tx| tx.put_client(&put.0).and(tx.put_client(&put.1))).await.unwrap();
    shop.disabled = true;
    let put = shop.clone();
    store.write(move |tx| tx.put_client(&put)).await.unwrap();
    assert_eq!(store.read(|tx| tx.clients()).await.unwrap(), [shop, wiki.clone()]);
    let (ours, mut others) = (samples::grant(samples::user_id(), &["openid"]), samples::grant(samples::user_id(), &[]));
    others.client = "wiki".into();
    let seen = store
        .write(move |tx| {
            tx.insert_grant(&ours)?;
            tx.insert_grant(&others)?;
            let agreed = |client: &str| Consent {
                user: ours.user,
                client: client.into(),
                scopes: ["openid".to_owned()].into(),
                at: NOW,
            };
            tx.put_consent(&agreed("shop"))?;
            tx.put_consent(&agreed("wiki"))?;
            let gone = [tx.delete_client(&"shop".into(), NOW)?, tx.delete_client(&"shop".into(), NOW)?];
            let revoked = |grant: Option<vestibule_oauth::model::Grant>| grant.and_then(|grant| grant.revoked_at);
            let shops = tx.consent(ours.user, &"shop".into())?;
            let agreed = [shops.is_some(), tx.consent(ours.user, &"wiki".into())?.is_some()];
            Ok((gone, revoked(tx.grant(ours.id)?), revoked(tx.grant(others.id)?), agreed))
        })
        .await
        .unwrap();
    assert_eq!(seen, ([true, false], Some(NOW), None, [false, true]));
    assert_eq!(store.read(|tx| tx.clients()).await.unwrap(), [wiki]);
}

pub(crate) async fn what_a_file_declares_is_known_until_it_is_let_go(place: Place) {
    let store = place.open();
    let mark = |kind, name: &str, source: &str| Managed {
        kind,
        name: name.to_owned(),
        source: source.to_owned(),
        applied_at: NOW,
    };
    let (chain, client) = (mark(ObjectKind::Chain, "shop", "a.toml"), mark(ObjectKind::Client, "shop", "a.toml"));
    let moved = Managed { applied_at: NOW + HOUR, ..mark(ObjectKind::Client, "shop", "b.toml") };
    let put = [chain.clone(), client, moved.clone()];
    store.write(move |tx| put.iter().try_for_each(|mark| tx.set_managed(mark))).await.unwrap();
    assert_eq!(store.read(|tx| tx.managed_all()).await.unwrap(), [chain.clone(), moved]);
    assert_eq!(store.read(|tx| tx.managed(ObjectKind::Chain, "shop")).await.unwrap(), Some(chain));
    assert_eq!(store.read(|tx| tx.managed(ObjectKind::User, "shop")).await.unwrap(), None);
    let gone = |tx: &mut (dyn vestibule_oauth::store::Tx + 'static)| {
        Ok([tx.clear_managed(ObjectKind::Client, "shop")?, tx.clear_managed(ObjectKind::Client, "shop")?])
    };
    assert_eq!(store.write(gone).await.unwrap(), [true, false]);
    assert_eq!(store.read(|tx| Ok(tx.managed_all()?.len())).await.unwrap(), 1, "the chain of that name stays");
}

pub(crate) async fn signing_keys_are_kept_whole(place: Place) {
    let store = place.open();
    let (one, mut two) = (samples::signing_key("k1", b"private one"), samples::signing_key("k2", b"private two"));
    let put = (one.clone(), two.clone());
    store.write(move |tx| tx.put_signing_key(&put.0).and(tx.put_signing_key(&put.1))).await.unwrap();
    two.retires_at = None;
    two.removed_at = Some(NOW.0 + 5);
    let put = two.clone();
    store.write(move |tx| tx.put_signing_key(&put)).await.unwrap();
    assert_eq!(store.read(|tx| tx.signing_keys()).await.unwrap(), [one.clone(), two]);
    store.write(|tx| tx.delete_signing_key("k2")).await.unwrap();
    assert_eq!(store.read(|tx| tx.signing_keys()).await.unwrap(), [one]);
}

pub(crate) async fn a_grant_is_revoked_once(place: Place) {
    let store = place.open();
    let grant = samples::grant(samples::user_id(), &["openid", "offline_access"]);
    let (id, mut expected) = (grant.id, grant.clone());
    store.write(move |tx| tx.insert_grant(&grant)).await.unwrap();
    assert_eq!(store.read(move |tx| tx.grant(id)).await.unwrap(), Some(expected.clone()));
    let revoked = store.write(move |tx| Ok([tx.revoke_grant(id, NOW)?, tx.revoke_grant(id, NOW + HOUR)?])).await;
    assert_eq!(revoked.unwrap(), [true, false]);
    expected.revoked_at = Some(NOW);
    assert_eq!(store.read(move |tx| tx.grant(id)).await.unwrap(), Some(expected));
    let none = store.write(|tx| tx.revoke_grant(samples::grant_id(), NOW)).await.unwrap();
    assert!(!none && store.read(|tx| tx.grant(samples::grant_id())).await.unwrap().is_none());
}

pub(crate) async fn a_session_takes_its_grants_along_but_for_offline_ones(place: Place) {
    let store = place.open();
    let bound = samples::grant(samples::user_id(), &["openid"]);
    let mut offline = samples::grant(bound.user, &["openid", "offline_access"]);
    offline.session = bound.session;
    let other = samples::grant(bound.user, &["openid"]);
    let (session, ids) = (bound.session, [bound.id, offline.id, other.id]);
    let seen = store
        .write(move |tx| {
            [&bound, &offline, &other].into_iter().try_for_each(|grant| tx.insert_grant(grant))?;
            let counts = [tx.revoke_session_grants(session, NOW)?, tx.revoke_session_grants(session, NOW)?];
            let mut alive = Vec::new();
            for id in ids {
                alive.push(tx.grant(id)?.is_some_and(|grant| grant.alive(NOW)));
            }
            Ok((counts, alive))
        })
        .await
        .unwrap();
    assert_eq!(seen, ([1, 0], vec![false, true, true]));
}

pub(crate) async fn withdrawing_a_consent_revokes_what_it_gave(place: Place) {
    let store = place.open();
    let user = samples::user_id();
    let (one, two, others) =
        (samples::grant(user, &[]), samples::grant(user, &[]), samples::grant(samples::user_id(), &[]));
    let mut elsewhere = samples::grant(user, &[]);
    elsewhere.client = "wiki".into();
    let seen = store
        .write(move |tx| {
            [&one, &two, &others, &elsewhere].into_iter().try_for_each(|grant| tx.insert_grant(grant))?;
            let revoked = tx.revoke_consent_grants(user, &"shop".into(), NOW)?;
            let mut left = 0;
            for id in [one.id, two.id, others.id, elsewhere.id] {
                left += usize::from(tx.grant(id)?.is_some_and(|grant| grant.alive(NOW)));
            }
            Ok((revoked, left))
        })
        .await
        .unwrap();
    assert_eq!(seen, (2, 2));
}

pub(crate) async fn a_refresh_family_moves_only_from_where_it_stands(place: Place) {
    let store = place.open();
    let grant = samples::grant(samples::user_id(), &["offline_access"]);
    let at = |generation, seconds| RefreshState { generation, rotated_at: NOW + Duration::from_secs(seconds) };
    let (id, start) = (grant.id, grant.refresh);
    let moved = store
        .write(move |tx| {
            tx.insert_grant(&grant)?;
            let mut moved = vec![tx.rotate_refresh(id, start, at(1, 0))?];
            for (before, after) in
                [(start, at(1, 9)), (at(1, 1), at(2, 9)), (at(1, 0), at(2, 3600)), (at(1, 0), at(2, 9))]
            {
                moved.push(tx.rotate_refresh(id, before, after)?);
            }
            tx.revoke_grant(id, NOW)?;
            moved.push(tx.rotate_refresh(id, at(2, 9), at(3, 9))?);
            Ok(moved)
        })
        .await
        .unwrap();
    // Spent, another instant, an expired grant, right; and never once it is revoked.
    assert_eq!(moved, [true, false, false, false, true, false]);
    let stored = store.read(move |tx| tx.grant(id)).await.unwrap().unwrap();
    assert_eq!(stored.refresh, at(2, 9));
}

pub(crate) async fn a_code_is_spent_once(place: Place) {
    let store = place.open();
    let code = samples::code("hash");
    let (inserted, mut expected) = (code.clone(), code.clone());
    store.write(move |tx| tx.insert_code(&inserted)).await.unwrap();
    assert_eq!(store.read(|tx| tx.code("hash")).await.unwrap(), Some(code.clone()));
    let spent = store
        .write(|tx| Ok([tx.consume_code("other", NOW)?, tx.consume_code("hash", NOW)?, tx.consume_code("hash", NOW)?]))
        .await;
    assert_eq!(spent.unwrap(), [false, true, false]);
    expected.consumed_at = Some(NOW);
    assert_eq!(store.read(|tx| tx.code("hash")).await.unwrap(), Some(expected));
    assert!(matches!(store.write(move |tx| tx.insert_code(&code)).await, Err(StoreError::Conflict(_))));
}

pub(crate) async fn a_consent_is_kept_until_it_is_withdrawn(place: Place) {
    let store = place.open();
    let user = samples::user_id();
    let consent = |scopes: &[&str], at| Consent {
        user,
        client: "shop".into(),
        scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        at,
    };
    let (first, second) = (consent(&["openid"], NOW), consent(&["openid", "email"], NOW + HOUR));
    let expected = second.clone();
    let seen = store
        .write(move |tx| {
            let shop: ClientId = "shop".into();
            let none = tx.consent(user, &shop)?;
            tx.put_consent(&first)?;
            tx.put_consent(&second)?;
            let stored = tx.consent(user, &shop)?;
            let gone = [tx.delete_consent(user, &shop)?, tx.delete_consent(user, &shop)?];
            Ok((none, stored, gone, tx.consent(user, &shop)?))
        })
        .await
        .unwrap();
    assert_eq!(seen, (None, Some(expected), [true, false], None));
}

pub(crate) async fn what_a_user_gave_to_whom_is_listed(place: Place) {
    let store = place.open();
    let (user, other) = (samples::user_id(), samples::user_id());
    let (old, mut new) = (samples::grant(user, &["openid"]), samples::grant(user, &["openid", "email"]));
    new.id = GrantId::new(NOW + HOUR, &SystemRandom::default());
    let mut wiki = samples::grant(user, &[]);
    wiki.client = "wiki".into();
    let (mut nobody, mut revoked, mut ended) =
        (samples::grant(user, &[]), samples::grant(user, &[]), samples::grant(user, &[]));
    (nobody.client, revoked.client, ended.client) = ("gone".into(), "paper".into(), "pens".into());
    revoked.revoked_at = Some(NOW);
    ended.expires_at = NOW;
    let strange = samples::grant(other, &["phone"]);
    let consent = |user, client: &str| {
        let scopes = ["openid".to_owned()].into();
        Consent { user, client: client.into(), scopes, at: NOW }
    };
    let consents = [consent(user, "wiki"), consent(user, "shop"), consent(other, "paper")];
    let grants = [old, new.clone(), wiki.clone(), nobody, revoked, ended, strange];
    let seen = store
        .write(move |tx| {
            for id in ["shop", "wiki", "paper", "pens"] {
                tx.put_client(&samples::client(id))?;
            }
            grants.iter().try_for_each(|grant| tx.insert_grant(grant))?;
            consents.iter().try_for_each(|consent| tx.put_consent(consent))?;
            Ok((tx.newest_grants(user, NOW)?, tx.consents_of(user)?, tx.consents_of(samples::user_id())?))
        })
        .await
        .unwrap();
    assert_eq!(seen, (vec![new, wiki], vec![consent(user, "shop"), consent(user, "wiki")], vec![]));
}

pub(crate) async fn an_assertion_is_used_once_by_each_client(place: Place) {
    let store = place.open();
    let used = store
        .write(|tx| {
            let (shop, wiki) = ("shop".into(), "wiki".into());
            let mut used = Vec::new();
            for (client, jti) in [(&shop, "1"), (&shop, "1"), (&wiki, "1"), (&shop, "2")] {
                used.push(tx.use_assertion(client, jti, NOW + HOUR)?);
            }
            // What cannot be remembered cannot be used.
            used.push(tx.use_assertion(&shop, "a\0b", NOW + HOUR)?);
            used.push(tx.use_assertion(&shop, &"x".repeat(513), NOW + HOUR)?);
            used.push(tx.use_assertion(&shop, &"x".repeat(512), NOW + HOUR)?);
            Ok(used)
        })
        .await
        .unwrap();
    assert_eq!(used, [true, false, true, true, false, false, true]);
}

pub(crate) async fn a_revoked_token_is_known(place: Place) {
    let store = place.open();
    store.write(|tx| tx.revoke_token("t1", NOW + HOUR).and(tx.revoke_token("t1", NOW + HOUR))).await.unwrap();
    let known = store.read(|tx| Ok([tx.token_revoked("t1")?, tx.token_revoked("t2")?])).await.unwrap();
    assert_eq!(known, [true, false]);
}

/// One row of each kind that ends at `end`.
async fn insert_all(
    store: &vestibule_store::Store,
    end: Time,
    tag: &'static str,
) -> impl Fn(&mut (dyn vestibule_oauth::store::Tx + 'static)) -> Vec<bool> + Send + 'static {
    let mut interaction = samples::interaction();
    interaction.expires_at = end;
    let challenge = samples::challenge(interaction.id);
    let mut session = samples::session(samples::user_id());
    session.expires_at = end;
    let mut ended = samples::session(samples::user_id());
    ended.ended_at = Some(end);
    let mut grant = samples::grant(samples::user_id(), &[]);
    grant.expires_at = end;
    let mut code = samples::code(tag);
    code.expires_at = end;
    let ids = (interaction.id, challenge.id, session.id, ended.id, grant.id);
    store
        .write(move |tx| {
            tx.insert_interaction(&interaction)?;
            tx.insert_challenge(&challenge)?;
            tx.insert_session(&session)?;
            tx.insert_session(&ended)?;
            tx.insert_grant(&grant)?;
            tx.insert_code(&code)?;
            tx.use_assertion(&"shop".into(), tag, end)?;
            tx.revoke_token(tag, end)?;
            tx.put_budget(&BudgetKey(tag.to_owned()), Budget { count: 1, ..Budget::default() }, end)
        })
        .await
        .unwrap();
    move |tx| {
        vec![
            tx.interaction(ids.0).unwrap().is_some(),
            tx.challenge(ids.1).unwrap().is_some(),
            tx.session(ids.2).unwrap().is_some(),
            tx.session(ids.3).unwrap().is_some(),
            tx.grant(ids.4).unwrap().is_some(),
            tx.code(tag).unwrap().is_some(),
            tx.token_revoked(tag).unwrap(),
            tx.budget(&BudgetKey(tag.to_owned())).unwrap().count == 1,
        ]
    }
}

pub(crate) async fn what_ended_is_swept_and_what_lives_is_not(place: Place) {
    let store = place.open();
    let old = insert_all(&*store, NOW, "old").await;
    let living = insert_all(&*store, Time(NOW.0 + 1), "living").await;
    assert_eq!(store.write(|tx| tx.sweep(Time(NOW.0 - 1), 100)).await.unwrap(), 0);
    // Nine kinds, of which a challenge goes with its interaction.
    assert_eq!(store.write(|tx| tx.sweep(NOW, 100)).await.unwrap(), 8);
    let (old, living) = store.read(move |tx| Ok((old(tx), living(tx)))).await.unwrap();
    assert_eq!(old, vec![false; 8]);
    assert_eq!(living, vec![true; 8]);
    let again = store.write(|tx| tx.use_assertion(&"shop".into(), "old", NOW + HOUR)).await.unwrap();
    assert!(again, "a swept assertion is forgotten");
}

pub(crate) async fn a_sweep_is_bounded(place: Place) {
    let store = place.open();
    store
        .write(|tx| {
            (0..5).try_for_each(|n| {
                tx.revoke_token(&n.to_string(), NOW)?;
                tx.use_assertion(&"shop".into(), &n.to_string(), NOW).map(drop)
            })
        })
        .await
        .unwrap();
    let mut swept = Vec::new();
    for _ in 0..4 {
        swept.push(store.write(|tx| tx.sweep(NOW, 2)).await.unwrap());
    }
    assert_eq!(swept, [4, 4, 2, 0]);
}

pub(crate) async fn a_spent_code_is_known_for_a_day(place: Place) {
    let store = place.open();
    store.write(|tx| tx.insert_code(&samples::code("spent")).and(tx.consume_code("spent", NOW))).await.unwrap();
    let end = samples::code("").expires_at;
    store.write(move |tx| tx.sweep(end + 23 * HOUR, 100)).await.unwrap();
    assert!(store.read(|tx| tx.code("spent")).await.unwrap().is_some());
    store.write(move |tx| tx.sweep(end + 24 * HOUR, 100)).await.unwrap();
    assert!(store.read(|tx| tx.code("spent")).await.unwrap().is_none());
}
