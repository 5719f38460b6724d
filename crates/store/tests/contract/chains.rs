//! Chains while they are being written, and whom a step would keep out.

use serde_json::json;
use vestibule_core::{
    draft::{Byline, ChainDraft, LackCount, LackQuestion, Means, Membership},
    store::StoreExt as _,
};

use crate::{
    place::Place,
    samples::{self, HOUR, NOW},
};

pub(crate) async fn a_draft_is_kept_until_it_is_discarded(place: Place) {
    let store = place.open();
    let mut draft = ChainDraft {
        chain: "default".into(),
        base: 0,
        author: Some("ada".to_owned()),
        updated_at: NOW,
        document: samples::chain(&json!([["password"], []])),
    };
    let first = draft.clone();
    store.write(move |tx| tx.put_chain_draft(&first)).await.unwrap();
    draft = ChainDraft { base: 3, author: None, updated_at: NOW + HOUR, document: samples::chain(&json!([])), ..draft };
    let second = draft.clone();
    store.write(move |tx| tx.put_chain_draft(&second)).await.unwrap();
    let read = store.read(|tx| Ok((tx.chain_draft(&"default".into())?, tx.chain_drafts()?, tx.published_chains()?)));
    let (one, all, published) = read.await.unwrap();
    assert_eq!((one, all), (Some(draft.clone()), vec![draft]));
    assert!(published.is_empty(), "a draft holds for nobody");
    let gone =
        store.write(|tx| Ok([tx.delete_chain_draft(&"default".into())?, tx.delete_chain_draft(&"default".into())?]));
    assert_eq!(gone.await.unwrap(), [true, false]);
}

pub(crate) async fn the_history_of_a_chain_is_read_page_by_page(place: Place) {
    let store = place.open();
    let document = samples::chain(&json!([["password"]]));
    store
        .write(move |tx| {
            for note in 1..=5 {
                let byline = Byline { author: Some("ada".to_owned()), note: Some(format!("note {note}")) };
                tx.publish_chain_by(&"default".into(), &document, &byline, NOW)?;
            }
            tx.publish_chain(&"other".into(), &document, NOW)
        })
        .await
        .unwrap();
    let page = store.read(|tx| tx.chain_history(&"default".into(), None, 2)).await.unwrap();
    let next = store.read(|tx| tx.chain_history(&"default".into(), Some(4), 9)).await.unwrap();
    let numbers =
        |page: &[vestibule_core::draft::HistoryEntry]| page.iter().map(|entry| entry.revision).collect::<Vec<_>>();
    assert_eq!((numbers(&page), numbers(&next)), (vec![5, 4], vec![3, 2, 1]));
    assert_eq!(page[0].byline, Byline { author: Some("ada".to_owned()), note: Some("note 5".to_owned()) });
    let nobody = store.read(|tx| tx.chain_history(&"other".into(), None, 9)).await.unwrap();
    assert_eq!((nobody.len(), nobody[0].byline.clone()), (1, Byline::default()));
}

pub(crate) async fn those_who_lack_every_means_are_counted(place: Place) {
    let store = place.open();
    let users = ["ready", "unproved", "numberless", "disabled", "outsider"].map(|name| {
        let mut user = samples::user(name);
        user.phone_number_verified = name != "unproved";
        if name == "numberless" || name == "disabled" {
            user.phone_number = None;
        }
        user.disabled = name == "disabled";
        user.groups = if name == "outsider" { vec!["it's \"odd\"".to_owned()] } else { vec!["staff".to_owned()] };
        user
    });
    store
        .write(move |tx| {
            users.iter().try_for_each(|user| tx.insert_user(user))?;
            tx.insert_credential(&samples::credential(users[1].id, "secret"))
        })
        .await
        .unwrap();
    let count = |members: Vec<Membership>, means: Vec<Means>| {
        let store = store.clone();
        async move {
            // Between two others: each question has its own answer, in its place.
            let other = LackQuestion { members: vec![], means: vec![Means::Phone] };
            let questions = [other.clone(), LackQuestion { members, means }, other];
            let counts = store.read(move |tx| tx.users_lacking(&questions)).await.unwrap();
            let told: Vec<_> = counts.iter().map(|&LackCount { lacking, of, more }| (lacking, of, more)).collect();
            assert_eq!((told.len(), told[0], told[2]), (3, (2, 4, false), (2, 4, false)));
            assert!(!told[1].2);
            (told[1].0, told[1].1)
        }
    };
    let password = || Means::Credential("password".into());
    assert_eq!(count(vec![], vec![Means::Phone]).await, (2, 4));
    assert_eq!(count(vec![], vec![Means::Email]).await, (0, 4));
    assert_eq!(count(vec![], vec![password()]).await, (3, 4));
    assert_eq!(count(vec![], vec![Means::Phone, password()]).await, (1, 4), "one means is enough");
    assert_eq!(count(vec![], vec![]).await, (4, 4));
    let member = |group, name: &str, not| Membership { group, name: name.to_owned(), not };
    assert_eq!(count(vec![member(true, "staff", false)], vec![Means::Phone]).await, (2, 3));
    assert_eq!(count(vec![member(true, "staff", true)], vec![Means::Phone]).await, (0, 1));
    assert_eq!(count(vec![member(true, "it's \"odd\"", false)], vec![password()]).await, (1, 1));
    assert_eq!(count(vec![member(false, "staff", false)], vec![password()]).await, (0, 0), "a role is no group");
}
