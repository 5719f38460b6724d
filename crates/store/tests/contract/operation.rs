//! Transactions, restarts, keys and migrations; and what an operator's bad day looks like.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use diesel::connection::SimpleConnection as _;
use secrecy::ExposeSecret as _;
use serde_json::json;
use vestibule_core::{
    crypto::MasterKey,
    random::SystemRandom,
    store::{StoreError, StoreExt as _, StoreResult},
};
use vestibule_store::OpenError;

use crate::{
    outbox,
    place::{Place, postgres, sqlite_file},
    samples::{self, HOUR, NOW},
};

pub(crate) async fn a_failed_write_leaves_nothing(place: Place) {
    let store = place.open();
    let ada = samples::user("ada");
    let id = ada.id;
    let failed: StoreResult<()> = store
        .write(move |tx| {
            tx.insert_user(&ada)?;
            tx.insert_code(&samples::code("code"))?;
            Err(StoreError::Conflict("on second thoughts".to_owned()))
        })
        .await;
    assert!(matches!(failed, Err(StoreError::Conflict(why)) if why == "on second thoughts"));
    let left = store.read(move |tx| Ok((tx.user(id)?.is_some(), tx.code("code")?.is_some()))).await.unwrap();
    assert_eq!(left, (false, false));
}

pub(crate) async fn a_panic_undoes_its_own_write_alone(place: Place) {
    let store = place.open();
    let mut tasks = Vec::new();
    for number in 0..32 {
        let store = Arc::clone(&store);
        tasks.push(tokio::spawn(async move {
            let hash = format!("code{number}");
            store
                .write(move |tx| {
                    tx.insert_code(&samples::code(&hash))?;
                    assert!(number % 4 != 0, "this job panics, as it should");
                    Ok(())
                })
                .await
        }));
    }
    for (number, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.await.unwrap().is_ok(), number % 4 != 0, "{number}");
    }
    for number in 0..32 {
        let stored = store.read(move |tx| tx.code(&format!("code{number}"))).await.unwrap();
        assert_eq!(stored.is_some(), number % 4 != 0, "{number}");
    }
}

pub(crate) async fn an_error_of_the_database_cannot_be_overlooked(place: Place) {
    let store = place.open();
    let orphan = samples::credential(samples::user_id(), "secret");
    let overlooked = store
        .write(move |tx| {
            tx.insert_code(&samples::code("code"))?;
            // The foreign key is refused; PostgreSQL's transaction is over from here on.
            assert!(tx.insert_credential(&orphan).is_err());
            Ok(())
        })
        .await;
    assert!(overlooked.is_err());
    assert_eq!(store.read(|tx| tx.code("code")).await.unwrap(), None);
}

pub(crate) async fn a_conflict_can_be_overlooked(place: Place) {
    let store = place.open();
    store.write(|tx| tx.insert_user(&samples::user("ada"))).await.unwrap();
    let mut twin = samples::user("ada");
    twin.email = Some("twin@example.org".to_owned());
    let id = twin.id;
    store
        .write(move |tx| {
            assert!(matches!(tx.insert_user(&twin), Err(StoreError::Conflict(_))));
            tx.insert_code(&samples::code("code"))
        })
        .await
        .unwrap();
    // The verb that met the conflict left nothing, not even the name that was free.
    let left = store
        .read(move |tx| {
            let name = vestibule_core::user::LoginName::parse("twin@example.org").unwrap();
            Ok((tx.user(id)?, tx.user_by_login(&name)?, tx.code("code")?.is_some()))
        })
        .await
        .unwrap();
    assert_eq!(left, (None, None, true));
}

pub(crate) async fn a_reader_leaves_nothing(place: Place) {
    let store = place.open();
    drop(store.read(|tx| tx.insert_code(&samples::code("code"))).await);
    assert_eq!(store.read(|tx| tx.code("code")).await.unwrap(), None);
}

pub(crate) async fn what_was_written_is_there_after_a_restart(place: Place) {
    let store = place.open();
    let mut tasks = Vec::new();
    for number in 0..200 {
        let store = Arc::clone(&store);
        let hash = format!("code{number}");
        tasks.push(tokio::spawn(async move { store.write(move |tx| tx.insert_code(&samples::code(&hash))).await }));
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    drop(store);
    let store = place.open();
    for number in 0..200 {
        assert!(store.read(move |tx| tx.code(&format!("code{number}"))).await.unwrap().is_some(), "{number}");
    }
}

pub(crate) async fn a_132_another_master_key_is_refused(place: Place) {
    drop(place.open());
    let other = MasterKey::generate(&SystemRandom::default());
    assert!(matches!(place.try_open_with(&other), Err(OpenError::OtherMasterKey)));
    drop(place.open());
}

pub(crate) async fn a_137_no_secret_is_in_the_database(place: Place) {
    const PASSWORD: &str = "plain-credential-secret";
    const SETTING: &str = "plain-gateway-password";
    const PRIVATE_KEY: &str = "plain-private-key";
    const STATE: &str = "plain-challenge-state";
    const NUMBER: &str = "+15550142";
    const ANSWER: &str = "plain-answer";
    let store = place.open();
    let ada = samples::user("ada");
    let mut interaction = samples::interaction();
    interaction.request.payload = json!({ "answer": ANSWER });
    let mut challenge = samples::challenge(interaction.id);
    challenge.state = json!({ "secret": STATE });
    NUMBER.clone_into(&mut challenge.code.as_mut().unwrap().destination);
    NUMBER.clone_into(&mut challenge.outgoing.as_mut().unwrap().to);
    let (user, id, kept) = (ada.id, interaction.id, challenge.clone());
    store
        .write(move |tx| {
            tx.insert_user(&ada)?;
            tx.insert_credential(&samples::credential(ada.id, PASSWORD))?;
            tx.put_connection(&samples::connection("SMSOTP", SETTING))?;
            tx.put_signing_key(&samples::signing_key("k1", PRIVATE_KEY.as_bytes()))?;
            tx.insert_interaction(&interaction)?;
            tx.post(&outbox::posted(None, NOW))?;
            tx.insert_challenge(&challenge)
        })
        .await
        .unwrap();
    let dump = place.dump();
    let holds = |needle: &str| dump.windows(needle.len()).any(|window| window == needle.as_bytes());
    assert!(holds("ada@example.org"), "the search finds what is there in plain");
    let posted = [outbox::NUMBER, outbox::SUBJECT, outbox::BODY, "424242"];
    for secret in [PASSWORD, SETTING, PRIVATE_KEY, STATE, NUMBER, ANSWER].into_iter().chain(posted) {
        assert!(!holds(secret), "{secret}");
    }
    // Sealed, not lost.
    let (credentials, challenges) =
        store.read(move |tx| Ok((tx.credentials(user, &"password".into())?, tx.challenges(id)?))).await.unwrap();
    assert_eq!(credentials[0].secret.expose_secret(), PASSWORD);
    assert_eq!(challenges, [kept]);
}

pub(crate) async fn a_sealed_value_opens_in_its_own_row_alone(place: Place) {
    let store = place.open();
    let (ada, eve) = (samples::user("ada"), samples::user("eve"));
    let (of_ada, of_eve) = (samples::credential(ada.id, "hers"), samples::credential(eve.id, "mine"));
    let (victim, moved) = (ada.id, of_eve.id);
    store
        .write(move |tx| {
            [&ada, &eve].into_iter().try_for_each(|user| tx.insert_user(user))?;
            [&of_ada, &of_eve].into_iter().try_for_each(|credential| tx.insert_credential(credential))
        })
        .await
        .unwrap();
    // Somebody who can write to the database gives their own password to another user.
    place.execute(&format!("UPDATE credentials SET user_id = '{victim}' WHERE id = '{moved}'"));
    let found = store.read(move |tx| tx.credentials(victim, &"password".into())).await;
    assert!(matches!(found, Err(StoreError::Damaged(_))), "{found:?}");
    // Or has a message go by their own gateway: it leaves for nobody, and keeps no other here.
    store.write(|tx| tx.post(&outbox::posted(None, NOW))).await.unwrap();
    place.execute("UPDATE outbox SET connection = 'mine'");
    let kept = outbox::posted(None, NOW);
    let id = kept.id;
    store.write(move |tx| tx.post(&kept)).await.unwrap();
    let found = store.read(|tx| tx.due_posts(NOW, 9)).await.unwrap();
    assert_eq!(found.iter().map(|posted| posted.id).collect::<Vec<_>>(), [id]);
}

pub(crate) async fn migrations_go_up_and_down_and_up(place: Place) {
    let address = place.address();
    let all = vestibule_store::pending(&address).unwrap();
    assert!(!all.is_empty());
    assert_eq!(vestibule_store::migrate(&address).unwrap().len(), all.len());
    assert_eq!(vestibule_store::migrate(&address).unwrap().len(), 0);
    vestibule_store::revert(&address).unwrap();
    assert_eq!(vestibule_store::pending(&address).unwrap(), all);
    let store = place.open();
    assert!(vestibule_store::pending(&address).unwrap().is_empty());
    store.write(|tx| tx.insert_code(&samples::code("code"))).await.unwrap();
}

pub(crate) async fn a_131_a_newer_schema_is_refused(place: Place) {
    drop(place.open());
    place.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29991231000000')");
    assert!(matches!(place.try_open(), Err(OpenError::Newer(version)) if version == "29991231000000"));
    assert!(matches!(vestibule_store::migrate(&place.address()), Err(OpenError::Newer(_))));
}

pub(crate) async fn a_131_of_many_first_starts_all_agree(place: Place) {
    let place = Arc::new(place);
    let start = |place: Arc<Place>| tokio::task::spawn_blocking(move || place.try_open());
    let starts: Vec<_> = (0..4).map(|_| start(Arc::clone(&place))).collect();
    let mut open = Vec::new();
    for start in starts {
        match start.await.unwrap() {
            Ok(store) => open.push(store),
            // A file is for one process: the others are told to try again later.
            Err(OpenError::Locked(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(!open.is_empty());
    for store in &open {
        assert_eq!(store.read(|tx| tx.configuration_version()).await.unwrap(), 1);
    }
}

pub(crate) async fn pending_migrations_are_not_run_unasked(mut place: Place) {
    place.options.migrate = false;
    assert!(matches!(place.try_open(), Err(OpenError::Pending(pending)) if !pending.is_empty()));
    vestibule_store::migrate(&place.address()).unwrap();
    drop(place.open());
}

// What only a file can suffer.

#[tokio::test(flavor = "multi_thread")]
async fn a_128_a_second_process_is_refused() {
    let place = sqlite_file("").unwrap();
    let store = place.open();
    assert!(matches!(place.try_open(), Err(OpenError::Locked(path)) if path.ends_with("test.db")));
    assert!(matches!(vestibule_store::migrate(&place.address()), Err(OpenError::Locked(_))));
    drop(store);
    drop(place.open());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_beside_a_running_server_shares_the_file_but_migrates_nothing() {
    let mut place = sqlite_file("").unwrap();
    let server = place.open();
    place.options.exclusive = false;
    let command = place.open();
    command.write(|tx| tx.put_client(&samples::client("shop"))).await.unwrap();
    server.write(|tx| tx.put_client(&samples::client("wiki"))).await.unwrap();
    assert_eq!(server.read(|tx| tx.clients()).await.unwrap().len(), 2);
    assert_eq!(server.read(|tx| tx.configuration_version()).await.unwrap(), 3);
    drop(command);
    drop(server);
    vestibule_store::revert(&place.address()).unwrap();
    let file = std::fs::File::open(format!("{}.lock", place.url.strip_prefix("sqlite:").unwrap())).unwrap();
    file.lock().unwrap();
    assert!(matches!(place.try_open(), Err(OpenError::Pending(_))));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_128_another_name_for_the_same_file_is_the_same_lock() {
    let mut place = sqlite_file("").unwrap();
    let store = place.open();
    let path = place.url.strip_prefix("sqlite:").unwrap().to_owned();
    let link = format!("{path}.link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    place.url = format!("sqlite:{link}");
    assert!(matches!(place.try_open(), Err(OpenError::Locked(_))));
    drop(store);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_128_a_file_locked_at_run_time_is_not_available_and_heals() {
    let place = sqlite_file("").unwrap();
    let store = place.open();
    let mut other = place.file();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    let (one, two) = tokio::join!(
        store.write(|tx| tx.insert_code(&samples::code("one"))),
        store.write(|tx| tx.insert_code(&samples::code("two"))),
    );
    assert!(matches!((one, two), (Err(StoreError::Unavailable(_)), Err(StoreError::Unavailable(_)))));
    assert!(begun.elapsed() <= Duration::from_millis(5500), "{:?}", begun.elapsed());
    assert!(store.read(|tx| tx.clients()).await.unwrap().is_empty(), "readers do not wait for a writer");
    other.batch_execute("ROLLBACK").unwrap();
    store.write(|tx| tx.insert_code(&samples::code("three"))).await.unwrap();
    let left = store.read(|tx| Ok([tx.code("one")?.is_some(), tx.code("two")?.is_some()])).await.unwrap();
    assert_eq!(left, [false, false]);
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = sqlite_file("").unwrap();
    drop(place.open());
    let path = place.url.strip_prefix("sqlite:").unwrap();
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_132_a_damaged_file_is_refused() {
    let place = sqlite_file("").unwrap();
    let store = place.open();
    store
        .write(|tx| (0..200).try_for_each(|number| tx.insert_code(&samples::code(&format!("code{number}")))))
        .await
        .unwrap();
    drop(store);
    let path = place.url.strip_prefix("sqlite:").unwrap();
    let whole = std::fs::read(path).unwrap();
    // In the middle, at the head, and something else altogether.
    let mut middle = whole.clone();
    let half = middle.len() / 2;
    middle[half..half + 8192].fill(0xA5);
    let mut head = whole.clone();
    head[..100].fill(0);
    for damaged in [middle, head, b"this is a letter and no database. ".repeat(100)] {
        std::fs::write(path, &damaged).unwrap();
        let opened = place.try_open();
        assert!(matches!(opened, Err(OpenError::Damaged(_))), "{:?}", opened.err());
        assert_eq!(std::fs::read(path).unwrap().len(), damaged.len(), "what is damaged is left as it is");
    }
    std::fs::write(path, &whole).unwrap();
    assert!(place.open().read(|tx| tx.code("code7")).await.unwrap().is_some());
}

#[test]
fn a_folder_that_does_not_exist_is_not_made() {
    let mut place = sqlite_file("").unwrap();
    place.url = place.url.replace("test.db", "no/such/test.db");
    assert!(matches!(place.try_open(), Err(OpenError::Unavailable(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_refused_and_not_piled_up() {
    let mut place = sqlite_file("").unwrap();
    place.options.queue = 4;
    let store = place.open();
    let mut other = place.file();
    other.batch_execute("BEGIN IMMEDIATE").unwrap();
    let writes = (0..40).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let begun = Instant::now();
            let refused = store.write(|tx| tx.revoke_token("t", NOW + HOUR)).await.is_err();
            refused && begun.elapsed() < Duration::from_millis(500)
        })
    });
    let mut at_once = 0;
    for write in writes.collect::<Vec<_>>() {
        at_once += usize::from(write.await.unwrap());
    }
    assert!(at_once >= 30, "{at_once}");
}

// What only a server can do.

#[tokio::test(flavor = "multi_thread")]
async fn a_127_connections_that_died_are_replaced_unnoticed() {
    let Some(place) = postgres("a_127") else { return };
    let store = place.open();
    // Many at once, so that the pool is full.
    let busy = (0..16).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.read(|tx| tx.clients()).await })
    });
    for task in busy.collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    place.administer(terminate);
    tokio::time::sleep(Duration::from_millis(100)).await;
    for number in 0..20 {
        store.write(move |tx| tx.insert_code(&samples::code(&format!("code{number}")))).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_127_a_server_that_is_gone_is_not_available_and_heals() {
    let Some(place) = postgres("a_127") else { return };
    let store = place.open();
    store.write(|tx| tx.insert_code(&samples::code("before"))).await.unwrap();
    place.administer(|name| format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"));
    place.administer(terminate);
    for _ in 0..2 {
        let begun = Instant::now();
        let lost = store.write(|tx| tx.insert_code(&samples::code("during"))).await;
        assert!(matches!(lost, Err(StoreError::Unavailable(_))), "{lost:?}");
        assert!(begun.elapsed() <= Duration::from_secs(5), "{:?}", begun.elapsed());
    }
    place.administer(|name| format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    let back = Instant::now();
    while store.read(|tx| tx.clients()).await.is_err() {
        assert!(back.elapsed() <= Duration::from_secs(2), "{:?}", back.elapsed());
    }
    assert!(back.elapsed() <= Duration::from_secs(2), "{:?}", back.elapsed());
    let codes = store.read(|tx| Ok([tx.code("before")?.is_some(), tx.code("during")?.is_some()])).await.unwrap();
    assert_eq!(codes, [true, false]);
}

fn terminate(name: &str) -> String {
    format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
}

#[test]
fn a_server_that_is_not_there_is_not_available() {
    let mut place = sqlite_file("").unwrap();
    place.url = "postgres://nobody@127.0.0.1:1/none".to_owned();
    assert!(matches!(place.try_open(), Err(OpenError::Unavailable(_))));
}
