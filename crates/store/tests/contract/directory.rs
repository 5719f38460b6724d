//! Users as admins look for them, and what is used or done once.

use std::{sync::Arc, time::Duration};

use vestibule_core::{
    directory::{GroupCount, OneTimeLink, UserPlace, UserSearch},
    id::UserId,
    session::Session,
    store::StoreExt as _,
    time::Time,
    user::{LoginName, User},
};
use vestibule_oauth::{model::Consent, store::Tx};

use crate::{
    place::Place,
    samples::{HOUR, NOW, credential, grant, session, user, user_id},
};

fn found(page: &[(UserPlace, User)]) -> Vec<&str> {
    page.iter().map(|(_, user)| user.username.as_str()).collect()
}

pub(crate) async fn users_are_found_by_name_group_role_and_state(place: Place) {
    let store = place.open();
    let people = ["carl", "ada", "bea", "adam"].map(|name| User {
        display_name: Some(format!("Ünal {name}")),
        groups: if name.starts_with('a') { vec!["a".into(), "all".into()] } else { vec!["all".into()] },
        roles: vec![format!("role-{}", name.len())],
        disabled: name == "bea",
        ..user(name)
    });
    for person in people.clone() {
        store.write(move |tx| tx.insert_user(&person)).await.unwrap();
    }
    let ask = |search: UserSearch, after: Option<UserPlace>, limit| {
        let store = Arc::clone(&store);
        async move { store.read(move |tx| tx.find_users(&search, after.as_ref(), limit)).await.unwrap() }
    };
    let all = || UserSearch::default();
    assert_eq!(found(&ask(all(), None, 9).await), ["ada", "adam", "bea", "carl"]);
    let first = ask(all(), None, 2).await;
    assert_eq!(found(&ask(all(), Some(first[1].0.clone()), 2).await), ["bea", "carl"]);
    let text = |text: &str| UserSearch { text: Some(text.to_owned()), ..UserSearch::default() };
    assert_eq!(found(&ask(text(" ADA"), None, 9).await), ["ada", "adam"], "each once, however many names begin so");
    assert_eq!(found(&ask(text("ünal"), None, 9).await).len(), 4);
    assert_eq!(found(&ask(text("bea@"), None, 9).await), ["bea"]);
    for nothing in ["%", "_", "' OR 1=1", "ada%", "\u{10FFFF}"] {
        assert_eq!(found(&ask(text(nothing), None, 9).await), Vec::<&str>::new(), "{nothing}");
    }
    let group = |group: &str| UserSearch { group: Some(group.to_owned()), ..UserSearch::default() };
    assert_eq!(found(&ask(group("a"), None, 9).await), ["ada", "adam"]);
    assert_eq!(found(&ask(UserSearch { disabled: Some(true), ..group("all") }, None, 9).await), ["bea"]);
    assert_eq!(
        found(&ask(UserSearch { disabled: Some(false), ..group("all") }, None, 9).await),
        ["ada", "adam", "carl"]
    );
    let both = UserSearch { role: Some("role-4".to_owned()), group: Some("a".to_owned()), ..text("ad") };
    assert_eq!(found(&ask(both, None, 9).await), ["adam"]);
    let counts = |groups: Vec<GroupCount>| groups.into_iter().map(|g| (g.name, g.members)).collect::<Vec<_>>();
    let groups = store.read(|tx| tx.groups(None, 9)).await.unwrap();
    assert_eq!(counts(groups), [("a".to_owned(), 2), ("all".to_owned(), 4)]);
    // Who changes is found by what they are, and no more by what they were.
    let [carl, ada, ..] = people;
    let renamed =
        User { username: LoginName::parse("zoe").unwrap(), email: None, groups: vec!["a".into()], ..carl.clone() };
    store.write(move |tx| tx.update_user(&renamed)).await.unwrap();
    assert_eq!(found(&ask(group("a"), None, 9).await), ["ada", "adam", "zoe"]);
    assert_eq!(found(&ask(text("carl"), None, 9).await), Vec::<&str>::new());
    store.write(move |tx| tx.delete_user(ada.id)).await.unwrap();
    let groups = store.read(|tx| tx.groups(None, 9)).await.unwrap();
    assert_eq!(counts(groups), [("a".to_owned(), 2), ("all".to_owned(), 2)]);
    let of = store.read(move |tx| tx.users_of(&[carl.id, ada.id])).await.unwrap();
    assert_eq!(of.len(), 1);
}

pub(crate) async fn a_141_a_deleted_user_leaves_nothing(place: Place) {
    let store = place.open();
    let person = user("ada");
    let (id, session, given) = (person.id, session(person.id), grant(person.id, &["openid"]));
    let (secret, gone) = (credential(id, "hash"), (session.id, given.id));
    let link = link("h1", id);
    let make = move |tx: &mut dyn Tx| {
        tx.insert_user(&person)?;
        tx.insert_credential(&secret)?;
        tx.insert_session(&session)?;
        tx.insert_grant(&given)?;
        tx.put_consent(&Consent { user: id, client: "shop".into(), scopes: ["openid".to_owned()].into(), at: NOW })?;
        tx.insert_link(&link)
    };
    store.write(move |tx| make(tx)).await.unwrap();
    let seen = store.read(move |tx| tx.session_and_user(gone.0)).await.unwrap().unwrap();
    assert_eq!((seen.0.id, seen.1.id), (gone.0, id));
    assert!(store.write(move |tx| tx.delete_user(id)).await.unwrap());
    assert!(!store.write(move |tx| tx.delete_user(id)).await.unwrap());
    let left = store.read(move |tx| {
        Ok([
            tx.user(id)?.is_some(),
            tx.user_by_login(&LoginName::parse("ada").unwrap())?.is_some(),
            tx.user_by_login(&LoginName::parse("ada@example.org").unwrap())?.is_some(),
            !tx.credentials_of(id)?.is_empty(),
            tx.session(gone.0)?.is_some(),
            tx.session_and_user(gone.0)?.is_some(),
            tx.grant(gone.1)?.is_some(),
            tx.consent(id, &"shop".into())?.is_some(),
            tx.link("h1")?.is_some(),
            !tx.find_users(&UserSearch::default(), None, 9)?.is_empty(),
        ])
    });
    assert_eq!(left.await.unwrap(), [false; 10]);
}

fn link(hash: &str, user: UserId) -> OneTimeLink {
    let (hash, purpose) = (hash.to_owned(), "password".to_owned());
    OneTimeLink { hash, purpose, user, created_at: NOW, expires_at: NOW + HOUR, consumed_at: None }
}

pub(crate) async fn a_link_is_used_once_for_what_it_is_for_and_the_last_alone(place: Place) {
    let store = place.open();
    let person = user("ada");
    let (first, second) = (link("h1", person.id), link("h2", person.id));
    let make = move |tx: &mut dyn Tx| {
        tx.insert_user(&person)?;
        tx.insert_link(&first)?;
        tx.insert_link(&second)
    };
    store.write(move |tx| make(tx)).await.unwrap();
    let use_it = |hash: &'static str, purpose: &'static str, at: Time| {
        let store = Arc::clone(&store);
        async move { store.write(move |tx| tx.consume_link(hash, purpose, at)).await.unwrap() }
    };
    assert!(!use_it("h1", "password", NOW).await, "an older one");
    assert!(!use_it("h2", "admin", NOW).await, "for something else");
    assert!(!use_it("h2", "password", NOW + HOUR).await, "too late");
    assert!(use_it("h2", "password", NOW).await);
    assert!(!use_it("h2", "password", NOW).await, "twice");
}

pub(crate) async fn a_receipt_is_opened_once_and_its_answer_is_kept(place: Place) {
    let store = place.open();
    let open = |fingerprint: &'static str, at: Time| {
        let store = Arc::clone(&store);
        async move { store.write(move |tx| tx.open_receipt("k", fingerprint, at + HOUR, at)).await.unwrap() }
    };
    assert!(open("f", NOW).await);
    assert!(!open("g", NOW).await);
    let known = || store.read(|tx| tx.receipt("k"));
    let receipt = known().await.unwrap().unwrap();
    assert_eq!((receipt.fingerprint.as_str(), receipt.answer), ("f", None));
    store.write(|tx| tx.fill_receipt("k", "answer")).await.unwrap();
    assert_eq!(known().await.unwrap().unwrap().answer.as_deref(), Some("answer"));
    assert!(open("g", NOW + HOUR).await, "its time is over");
    store.write(|tx| tx.drop_receipt("k")).await.unwrap();
    assert_eq!(known().await.unwrap(), None);
}

pub(crate) async fn everybody_who_is_signed_in_is_listed_page_by_page(place: Place) {
    let store = place.open();
    let mut ids = Vec::new();
    for n in 0..5 {
        let at = NOW + Duration::from_secs(n / 2);
        let living = Session { created_at: at, ..session(user_id()) };
        ids.push((at, living.id));
        store.write(move |tx| tx.insert_session(&living)).await.unwrap();
    }
    let ended = session(user_id());
    let id = ended.id;
    store.write(move |tx| tx.insert_session(&ended)).await.unwrap();
    store.write(move |tx| tx.end_session(id, NOW)).await.unwrap();
    ids.sort();
    ids.reverse();
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = store.read(move |tx| tx.living_sessions(before, NOW, 2)).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some((last.created_at, last.id));
        seen.extend(page.iter().map(|session| (session.created_at, session.id)));
    }
    assert_eq!(seen, ids);
}
