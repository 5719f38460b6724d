//! What is counted, and the two lists of users that are not told by the user alone.

use std::{sync::Arc, time::Duration};

use vestibule_core::{
    audit::{AuditEvent, chain},
    directory::UserSearch,
    random::SystemRandom,
    store::StoreExt as _,
    tally::{Moment, Span, Tally, Total},
    time::Time,
    user::{LoginName, User},
};
use vestibule_store::Store;

use crate::{
    place::{Place, postgres, sqlite_file},
    samples::{HOUR, NOW, credential, user},
};

fn tally(at: Time, what: &str, about: &str, number: i64) -> Tally {
    let (what, about) = (what.to_owned(), about.to_owned());
    Tally { span: Span::Hour, at: Span::Hour.of(at), what, about, number }
}

pub(crate) async fn tallies_are_added_up_and_read_by_time_and_by_subject(place: Place) {
    let store = place.open();
    let later = NOW + HOUR;
    let first = vec![tally(NOW, "login", "b", 2), tally(NOW, "login", "a", 1), tally(NOW, "wrong", "a", 1)];
    store.write(move |tx| tx.add_tallies(&first)).await.unwrap();
    let day = Tally { span: Span::Day, ..tally(NOW, "login", "a", 70) };
    let more = vec![tally(NOW, "login", "a", 4), tally(later, "login", "a", 8), day];
    store.write(move |tx| tx.add_tallies(&more)).await.unwrap();
    store.write(|tx| tx.add_tallies(&[])).await.unwrap();
    let (now, then) = (Span::Hour.of(NOW), Span::Hour.of(later));
    let found = store.read(move |tx| tx.tallies_by_time(Span::Hour, now, &["login"])).await.unwrap();
    let moment = |at, number| Moment { at, what: "login".to_owned(), number };
    assert_eq!(found, [moment(now, 7), moment(then, 8)]);
    let total = |what: &str, about: &str, number| Total { what: what.to_owned(), about: about.to_owned(), number };
    let found = store.read(move |tx| tx.tallies_by_subject(Span::Hour, now)).await.unwrap();
    assert_eq!(found, [total("login", "a", 13), total("login", "b", 2), total("wrong", "a", 1)]);
    let found = store.read(move |tx| tx.tallies_by_subject(Span::Hour, then)).await.unwrap();
    assert_eq!(found, [total("login", "a", 8)], "not before");
    assert_eq!(store.read(move |tx| tx.tallies_by_time(Span::Hour, now, &[])).await.unwrap(), []);
    let found = store.read(move |tx| tx.tallies_since(Span::Hour, now, &["wrong", "login"])).await.unwrap();
    let wanted = [("login", "a", 5), ("login", "b", 2), ("wrong", "a", 1)];
    let mut wanted: Vec<_> = wanted.into_iter().map(|(what, about, number)| tally(NOW, what, about, number)).collect();
    wanted.push(tally(later, "login", "a", 8));
    assert_eq!(found, wanted, "one by one");
    let found = store.read(move |tx| tx.tallies_since(Span::Hour, then, &["login"])).await.unwrap();
    assert_eq!(found, [tally(later, "login", "a", 8)], "not before");
    assert_eq!(store.read(move |tx| tx.tallies_since(Span::Hour, now, &[])).await.unwrap(), []);
    let moves = |tx: &mut (dyn vestibule_oauth::store::Tx + 'static)| {
        let mark = tx.tally_mark()?;
        Ok((mark, tx.move_tally_mark(1, 2)?, tx.move_tally_mark(0, 5)?, tx.move_tally_mark(0, 6)?, tx.tally_mark()?))
    };
    assert_eq!(store.write(moves).await.unwrap(), (0, false, true, false, 5), "it moves only from where it stands");
    // A batch of more than one statement.
    let many = (0..250).map(|n| tally(NOW, "many", &format!("{n:03}"), n)).collect::<Vec<_>>();
    store.write(move |tx| tx.add_tallies(&many)).await.unwrap();
    let found = store.read(move |tx| tx.tallies_by_time(Span::Hour, now, &["many", "wrong"])).await.unwrap();
    assert_eq!(found.iter().map(|moment| moment.number).collect::<Vec<_>>(), [31_125, 1]);
}

pub(crate) async fn tallies_of_two_who_count_at_once_are_all_there(place: Place) {
    let store = place.open();
    let tasks = (0..8_usize).map(|task| {
        let store = Arc::clone(&store);
        let mut tallies = vec![tally(NOW, "login", "a", 1), tally(NOW, "login", "b", 1), tally(NOW, "wrong", "", 1)];
        tallies.rotate_left(task % 3);
        tokio::spawn(async move { store.write(move |tx| tx.add_tallies(&tallies)).await })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    let found = store.read(|tx| tx.tallies_by_subject(Span::Hour, Time(0))).await.unwrap();
    assert_eq!(found.iter().map(|total| total.number).collect::<Vec<_>>(), [8, 8, 8]);
}

pub(crate) async fn hours_are_kept_for_a_week_and_days_for_a_year(place: Place) {
    let store = place.open();
    let day = |back: u64| NOW - Duration::from_secs(back * 86_400);
    let days = |back| Tally { span: Span::Day, at: day(back), ..tally(NOW, "login", "day", 1) };
    let hours = |back| Tally { at: day(back), ..tally(NOW, "login", "hour", 1) };
    let all = vec![hours(7), hours(9), days(9), days(399), days(401)];
    store.write(move |tx| tx.add_tallies(&all)).await.unwrap();
    assert_eq!(store.write(move |tx| tx.sweep(NOW, 100)).await.unwrap(), 2);
    let left = |span| store.read(move |tx| tx.tallies_by_subject(span, Time(0)));
    assert_eq!((left(Span::Hour).await.unwrap()[0].number, left(Span::Day).await.unwrap()[0].number), (1, 2));
}

async fn names(store: &Store, search: UserSearch) -> Vec<String> {
    let found = store.read(move |tx| tx.find_users(&search, None, 99)).await.unwrap();
    found.into_iter().map(|(_, user)| user.username.to_string()).collect()
}

fn single(second_factor: bool) -> UserSearch {
    UserSearch { second_factor: Some(second_factor), ..UserSearch::default() }
}

fn never(signed_in: bool) -> UserSearch {
    UserSearch { signed_in: Some(signed_in), ..UserSearch::default() }
}

pub(crate) async fn who_has_no_second_factor_is_listed(place: Place) {
    let store = place.open();
    let number = |user: User, verified| User {
        phone_number: Some("+12025550142".to_owned()),
        phone_number_verified: verified,
        ..user
    };
    let bare = User { phone_number: None, phone_number_verified: false, ..user("bare") };
    let unproven = number(User { email: None, ..user("unproven") }, false);
    let phone = number(User { email: None, ..user("phone") }, true);
    let people = [bare.clone(), unproven, phone.clone()];
    store.write(move |tx| people.iter().try_for_each(|user| tx.insert_user(user))).await.unwrap();
    assert_eq!(names(&*store, single(false)).await, ["bare", "unproven"]);
    assert_eq!(names(&*store, single(true)).await, ["phone"]);
    // A password is none; what else there is, is one, until the last of it goes.
    let password = credential(bare.id, "$argon2");
    store.write(move |tx| tx.insert_credential(&password)).await.unwrap();
    assert_eq!(names(&*store, single(false)).await, ["bare", "unproven"]);
    let totp =
        |secret| vestibule_core::user::Credential { authenticator: "totp".into(), ..credential(bare.id, secret) };
    let (one, two) = (totp("1"), totp("2"));
    let (first, second) = (one.id, two.id);
    store.write(move |tx| tx.insert_credential(&one).and_then(|()| tx.insert_credential(&two))).await.unwrap();
    assert_eq!(names(&*store, single(false)).await, ["unproven"]);
    store.write(move |tx| tx.delete_credential(first)).await.unwrap();
    assert_eq!(names(&*store, single(false)).await, ["unproven"]);
    store.write(move |tx| tx.delete_credential(second)).await.unwrap();
    assert_eq!(names(&*store, single(false)).await, ["bare", "unproven"]);
    let changed = User { username: LoginName::parse("zoe").unwrap(), phone_number_verified: false, ..phone };
    store.write(move |tx| tx.update_user(&changed)).await.unwrap();
    let both = UserSearch { text: Some("z".to_owned()), ..single(false) };
    assert_eq!(names(&*store, both).await, ["zoe"]);
    store.write(move |tx| tx.delete_user(bare.id)).await.unwrap();
    assert_eq!(names(&*store, single(false)).await, ["unproven", "zoe"]);
}

pub(crate) async fn who_never_signed_in_is_listed(place: Place) {
    let store = place.open();
    let [ada, bea] = ["ada", "bea"].map(user);
    let people = [ada.clone(), User { email: None, ..bea.clone() }];
    store.write(move |tx| people.iter().try_for_each(|user| tx.insert_user(user))).await.unwrap();
    assert_eq!(names(&*store, never(false)).await, ["ada", "bea"]);
    store.write(move |tx| tx.note_signed_in(&[ada.id, ada.id])).await.unwrap();
    assert_eq!(names(&*store, never(false)).await, ["bea"]);
    assert_eq!(names(&*store, never(true)).await, ["ada"]);
    // A change makes nobody new, and moves who is.
    let renamed =
        |user: &User, name: &str| User { username: LoginName::parse(name).unwrap(), email: None, ..user.clone() };
    let changed = [renamed(&ada, "anna"), renamed(&bea, "zoe")];
    store.write(move |tx| changed.iter().try_for_each(|user| tx.update_user(user))).await.unwrap();
    assert_eq!(names(&*store, never(false)).await, ["zoe"]);
    assert_eq!(names(&*store, never(true)).await, ["anna"]);
    let both = UserSearch { signed_in: Some(false), ..single(true) };
    assert!(names(&*store, both).await.len() <= 1);
}

/// Takes the lists of the migration away, runs it again, and finds the same.
async fn the_migration_lists_those_who_were_there(place: Place, migration: &str) {
    let store = place.open();
    let people = ["ada", "bea", "eve"].map(|name| User {
        phone_number_verified: name == "bea",
        phone_number: (name != "eve").then(|| "+12025550142".to_owned()),
        email: None,
        ..user(name)
    });
    let (eve, random) = (people[2].id, SystemRandom::default());
    store
        .write(move |tx| {
            people.iter().try_for_each(|user| tx.insert_user(user))?;
            tx.insert_credential(&vestibule_core::user::Credential {
                authenticator: "totp".into(),
                ..credential(eve, "secret")
            })?;
            tx.append_audit(&AuditEvent { user: Some(eve), ..AuditEvent::new("login.completed", NOW, &random) })
        })
        .await
        .unwrap();
    chain::seal(&*store, &place.key.prf()).await.unwrap();
    store.write(move |tx| tx.note_signed_in(&[eve])).await.unwrap();
    place.execute("DELETE FROM user_facets WHERE facet IN ('single', 'never')");
    assert_eq!(names(&*store, single(false)).await, Vec::<String>::new());
    let statements = migration.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join("\n");
    statements.split(';').filter(|text| !text.trim().is_empty()).for_each(|statement| place.execute(statement));
    assert_eq!(names(&*store, single(false)).await, ["ada"]);
    assert_eq!(names(&*store, never(false)).await, ["ada", "bea"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_migration_lists_those_who_were_there_on_sqlite() {
    let migration = include_str!("../../../../migrations/sqlite/2026-11-23-000008_user_lists/up.sql");
    the_migration_lists_those_who_were_there(sqlite_file("").unwrap(), migration).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_migration_lists_those_who_were_there_on_postgresql() {
    if let Some(place) = postgres("user_lists") {
        let migration = include_str!("../../../../migrations/postgres/2026-11-23-000008_user_lists/up.sql");
        the_migration_lists_those_who_were_there(place, migration).await;
    }
}
