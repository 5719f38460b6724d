//! Messages that wait to leave.

use std::sync::Arc;

use secrecy::ExposeSecret as _;
use vestibule_core::{
    channel::Message,
    id::{MessageId, UserId},
    outbox::{LIFE, Posted},
    random::SystemRandom,
    store::StoreExt as _,
    time::Time,
};
use vestibule_store::Store;

use crate::{
    place::Place,
    samples::{HOUR, NOW, user},
};

pub(crate) const NUMBER: &str = "+12025550142";
pub(crate) const SUBJECT: &str = "A subject that nobody reads";
pub(crate) const BODY: &str = "A text that nobody reads";

pub(crate) fn posted(user: Option<UserId>, due_at: Time) -> Posted {
    Posted {
        id: MessageId::new(NOW, &SystemRandom::default()),
        user,
        kind: "notice".to_owned(),
        connection: "SMSOTP".into(),
        message: Message {
            to: NUMBER.to_owned(),
            subject: Some(SUBJECT.to_owned()),
            body: BODY.into(),
            code: "424242".into(),
        },
        created_at: NOW,
        due_at,
        expires_at: NOW + LIFE,
        tries: 0,
    }
}

async fn put(store: &Store, message: Posted) -> MessageId {
    let id = message.id;
    store.write(move |tx| tx.post(&message)).await.unwrap();
    id
}

async fn due(store: &Store, now: Time) -> Vec<Posted> {
    store.read(move |tx| tx.due_posts(now, 9)).await.unwrap()
}

pub(crate) async fn a_message_waits_until_it_is_due_and_is_kept_whole(place: Place) {
    let store = place.open();
    let ada = user("ada");
    let id = ada.id;
    store.write(move |tx| tx.insert_user(&ada)).await.unwrap();
    let later = put(&*store, posted(None, NOW + HOUR)).await;
    let first = put(&*store, posted(Some(id), NOW)).await;
    assert!(due(&*store, Time(NOW.0 - 1)).await.is_empty());
    let found = due(&*store, NOW + HOUR).await;
    assert_eq!(found.iter().map(|posted| posted.id).collect::<Vec<_>>(), [first, later]);
    let kept = &found[0];
    assert_eq!((kept.user, kept.kind.as_str(), kept.connection.as_str()), (Some(id), "notice", "SMSOTP"));
    assert_eq!((kept.created_at, kept.due_at, kept.expires_at, kept.tries), (NOW, NOW, NOW + LIFE, 0));
    assert_eq!((kept.message.to.as_str(), kept.message.subject.as_deref()), (NUMBER, Some(SUBJECT)));
    assert_eq!(kept.message.body.expose_secret(), BODY);
    assert_eq!(kept.message.code.expose_secret(), "", "a code is kept nowhere");
    assert_eq!(store.read(move |tx| tx.due_posts(NOW + HOUR, 1)).await.unwrap().len(), 1);
    // Whom it is for is deleted: nothing of theirs leaves any more.
    store.write(move |tx| tx.delete_user(id)).await.unwrap();
    assert_eq!(due(&*store, NOW + HOUR).await.iter().map(|posted| posted.id).collect::<Vec<_>>(), [later]);
    assert!(store.write(move |tx| tx.drop_post(later)).await.unwrap());
    assert!(!store.write(move |tx| tx.drop_post(later)).await.unwrap());
    assert!(due(&*store, NOW + HOUR).await.is_empty());
}

pub(crate) async fn a_message_is_taken_once_and_is_due_again_when_nobody_removes_it(place: Place) {
    let store = place.open();
    let id = put(&*store, posted(None, NOW)).await;
    let claim = |before, after| {
        let store = Arc::clone(&store);
        async move { store.write(move |tx| tx.claim_post(id, before, after)).await.unwrap() }
    };
    assert!(!claim(Time(NOW.0 - 1), NOW + HOUR).await, "not as somebody else saw it");
    assert!(claim(NOW, NOW + HOUR).await);
    assert!(!claim(NOW, NOW + HOUR).await);
    assert!(due(&*store, NOW).await.is_empty());
    let again = due(&*store, NOW + HOUR).await;
    assert_eq!((again[0].id, again[0].due_at, again[0].tries), (id, NOW + HOUR, 1));
}

pub(crate) async fn a_message_of_yesterday_is_swept(place: Place) {
    let store = place.open();
    put(&*store, posted(None, NOW)).await;
    let end = NOW + LIFE;
    assert_eq!(
        store.write(move |tx| tx.sweep(end + 23 * HOUR, 9)).await.unwrap(),
        0,
        "whoever delivers says what became of it"
    );
    assert_eq!(store.write(move |tx| tx.sweep(end + 24 * HOUR, 9)).await.unwrap(), 1);
}
