//! The audit log: sealed once however many seal it, read page by page, and no edit of it goes unnoticed.

use std::sync::Arc;

use vestibule_core::{
    audit::{
        Actor, AuditEvent, Via,
        chain::{self, Finding, Head, Whole},
        page::AuditFilter,
    },
    crypto::Prf,
    id::UserId,
    random::SystemRandom,
    store::{StoreError, StoreExt as _},
    time::Time,
};
use vestibule_store::Store;

use crate::{
    place::{Place, postgres, sqlite_file},
    samples::{self, NOW},
};

async fn append(store: &Store, events: Vec<AuditEvent>) {
    store.write(move |tx| events.iter().try_for_each(|event| tx.append_audit(event))).await.unwrap();
}

fn event(number: i64) -> AuditEvent {
    AuditEvent {
        client: Some("shop".to_owned()),
        user: Some(samples::user_id()),
        request_id: Some(format!("request-{number}")),
        actor: Some(Actor { user: Some(samples::user_id()), username: "root".to_owned(), via: Via::Api }),
        ..AuditEvent::new("admin.user.update", Time(NOW.0 + number), &SystemRandom::default())
    }
}

pub(crate) async fn sealed_rows_are_numbered_in_the_order_of_time(place: Place) {
    let (store, prf) = (place.open(), place.key.prf());
    assert_eq!(chain::verify(&*store, &prf).await.unwrap(), Ok(Whole { count: 0, head: Head::BEGIN }));
    append(&*store, [3, 1, 2].map(event).into()).await;
    assert_eq!(chain::seal(&*store, &prf).await.unwrap(), 3);
    append(&*store, [0, 9].map(event).into()).await;
    assert_eq!(chain::seal(&*store, &prf).await.unwrap(), 2);
    assert_eq!(chain::seal(&*store, &prf).await.unwrap(), 0);
    let rows = store.read(|tx| tx.audit_after(0, 100)).await.unwrap();
    let order: Vec<_> = rows.iter().map(|row| (row.seq.unwrap(), row.at - NOW.0)).collect();
    assert_eq!(order, [(1, 1), (2, 2), (3, 3), (4, 0), (5, 9)]);
    let whole = chain::verify(&*store, &prf).await.unwrap().unwrap();
    assert_eq!((whole.count, whole.head.seq), (5, 5));
    assert_eq!(glance(&*store, &prf).await, Ok(whole.head));
    let other = vestibule_core::crypto::MasterKey::generate(&SystemRandom::default()).prf();
    assert_eq!(glance(&*store, &other).await, Err(Finding::Head));
    assert_eq!(chain::verify(&*store, &other).await.unwrap(), Err(Finding::Head), "it is of this key alone");
}

pub(crate) async fn of_many_sealers_each_row_is_sealed_by_one(place: Place) {
    let (store, prf) = (place.open(), place.key.prf());
    let mut tasks = Vec::new();
    for number in 0..8 {
        let (store, prf): (Arc<Store>, Prf) = (Arc::clone(&store), prf.clone());
        tasks.push(tokio::spawn(async move {
            let mut sealed = 0;
            for turn in 0..10 {
                append(&*store, (0..10).map(|one| event(number * 100 + turn * 10 + one)).collect()).await;
                sealed += chain::seal(&*store, &prf).await.unwrap();
            }
            sealed
        }));
    }
    let mut sealed = 0;
    for task in tasks {
        sealed += task.await.unwrap();
    }
    sealed += chain::seal(&*store, &prf).await.unwrap();
    assert_eq!(sealed, 800);
    assert_eq!(chain::verify(&*store, &prf).await.unwrap().unwrap().count, 800);
}

pub(crate) async fn a_mark_moves_only_from_where_it_stands(place: Place) {
    let store = place.open();
    let (seen, marks) = store
        .write(|tx| {
            let moves = [
                tx.move_audit_mark("sink", Some(1), 2)?,
                tx.move_audit_mark("sink", None, 5)?,
                tx.move_audit_mark("sink", None, 6)?,
                tx.move_audit_mark("sink", Some(4), 7)?,
                tx.move_audit_mark("sink", Some(5), 8)?,
            ];
            tx.move_audit_mark("a", None, 1)?;
            Ok(((moves, tx.audit_mark("sink")?, tx.audit_mark("other")?), tx.audit_marks()?))
        })
        .await
        .unwrap();
    assert_eq!(seen, ([false, true, false, false, true], Some(8), None));
    let named = |name: &str| marks.get(name).copied();
    assert_eq!((named("a"), named("sink"), named("other")), (Some(1), Some(8), None));
}

/// Every event that a filter wants, gathered page by page.
async fn gather(store: &Store, filter: &AuditFilter, limit: usize) -> Vec<AuditEvent> {
    let (mut events, mut before) = (Vec::new(), None);
    loop {
        let wanted = filter.clone();
        let page = store.read(move |tx| tx.audit_page(&wanted, before, limit)).await.unwrap();
        assert!(page.entries.len() <= limit);
        events.extend(page.entries.into_iter().map(|entry| entry.event));
        match page.next {
            Some(next) => before = Some(next),
            None => return events,
        }
    }
}

pub(crate) async fn every_filter_gives_what_it_says_page_by_page(place: Place) {
    let (store, prf) = (place.open(), place.key.prf());
    let users = [samples::user_id(), samples::user_id()];
    let kinds = ["otp.sent", "otp.passed", "otp", "step.passed", "admin.user.update"];
    let mut events: Vec<AuditEvent> = (0..240_usize)
        .map(|number| AuditEvent {
            client: (number % 3 > 0).then(|| if number % 3 == 1 { "shop" } else { "wiki" }.to_owned()),
            user: users.get(number % 4).copied(),
            request_id: Some(format!("r{}", number % 7)),
            actor: (number % 5 == 0).then(|| Actor {
                user: users.get(number % 2).copied(),
                username: "x".to_owned(),
                via: Via::Console,
            }),
            // Several at the same instant.
            ..AuditEvent::new(
                kinds[number % 5],
                Time(NOW.0 + i64::try_from(number / 4).unwrap()),
                &SystemRandom::default(),
            )
        })
        .collect();
    append(&*store, events[..200].to_vec()).await;
    chain::seal(&*store, &prf).await.unwrap();
    // Some that are not sealed yet, among the others by their time.
    append(&*store, events[200..].to_vec()).await;
    events.sort_by_key(|event| std::cmp::Reverse((event.at, event.id)));
    let all = AuditFilter::default();
    let user = |user: UserId| AuditFilter { user: Some(user), ..all.clone() };
    let text = |text: &str| Some(text.to_owned());
    let filters = [
        all.clone(),
        AuditFilter { kind: text("otp."), ..all.clone() },
        AuditFilter { kind: text("otp"), ..all.clone() },
        AuditFilter { kind: text(""), ..all.clone() },
        AuditFilter { kind: text("nothing"), ..all.clone() },
        AuditFilter { client: text("shop"), ..all.clone() },
        AuditFilter { client: text("sh"), ..all.clone() },
        AuditFilter { client: text("a\0b"), ..all.clone() },
        AuditFilter { request_id: text("r3"), ..all.clone() },
        AuditFilter { actor: Some(users[1]), ..all.clone() },
        user(users[0]),
        AuditFilter { kind: text("step"), client: text("wiki"), ..user(users[1]) },
        AuditFilter { since: Some(Time(NOW.0 + 10)), until: Some(Time(NOW.0 + 52)), ..all.clone() },
        AuditFilter { since: Some(Time(NOW.0 + 10)), until: Some(Time(NOW.0 + 52)), ..user(users[0]) },
    ];
    for filter in filters {
        let wanted: Vec<_> = events.iter().filter(|event| filter.matches(event)).cloned().collect();
        for limit in [1, 7, 1000] {
            assert!(gather(&*store, &filter, limit).await == wanted, "{filter:?} by {limit}");
        }
    }
}

/// What somebody with a shell does to the log, and what must be found.
struct Edit {
    sql: &'static [&'static str],
    found: fn(&Finding) -> bool,
}

fn changed(finding: &Finding) -> bool {
    matches!(finding, Finding::Changed { seq: 3, .. })
}

const EDITS: &[Edit] = &[
    Edit {
        sql: &["UPDATE audit_events SET id = '00000000-0000-7000-8000-000000000000' WHERE seq = 3"],
        found: changed,
    },
    Edit { sql: &["UPDATE audit_events SET at = at + 1 WHERE seq = 3"], found: changed },
    Edit { sql: &["UPDATE audit_events SET kind = 'otp.passed' WHERE seq = 3"], found: changed },
    Edit { sql: &["UPDATE audit_events SET user_id = NULL WHERE seq = 3"], found: changed },
    Edit { sql: &["UPDATE audit_events SET actor_id = user_id WHERE seq = 3"], found: changed },
    Edit { sql: &["UPDATE audit_events SET client = 'wiki' WHERE seq = 3"], found: changed },
    Edit { sql: &["UPDATE audit_events SET request_id = '' WHERE seq = 3"], found: changed },
    Edit {
        sql: &["UPDATE audit_events SET mac = (SELECT mac FROM audit_events WHERE seq = 2) WHERE seq = 3"],
        found: changed,
    },
    Edit { sql: &["UPDATE audit_events SET mac = NULL WHERE seq = 3"], found: changed },
    Edit {
        sql: &["UPDATE audit_events SET proof = (SELECT proof FROM audit_events WHERE seq = 2) WHERE seq = 3"],
        found: |finding| matches!(finding, Finding::Inserted { seq: 3, .. }),
    },
    Edit {
        sql: &["UPDATE audit_events SET proof = NULL WHERE seq = 3"],
        found: |finding| matches!(finding, Finding::Inserted { seq: 3, .. }),
    },
    // Rows that are gone: the first, one in the middle, the last, all.
    Edit {
        sql: &["DELETE FROM audit_events WHERE seq = 1"],
        found: |finding| matches!(finding, Finding::Missing { seq: 1, next: Some(_) }),
    },
    Edit {
        sql: &["DELETE FROM audit_events WHERE seq = 3"],
        found: |finding| matches!(finding, Finding::Missing { seq: 3, next: Some(_) }),
    },
    Edit {
        sql: &["DELETE FROM audit_events WHERE seq = 6"],
        found: |finding| matches!(finding, Finding::Missing { seq: 6, next: None }),
    },
    Edit {
        sql: &["DELETE FROM audit_events"],
        found: |finding| matches!(finding, Finding::Missing { seq: 1, next: None }),
    },
    // Gone, and the gap closed.
    Edit {
        sql: &[
            "DELETE FROM audit_events WHERE seq = 3",
            "UPDATE audit_events SET seq = 3 WHERE seq = 4",
            "UPDATE audit_events SET seq = 4 WHERE seq = 5",
            "UPDATE audit_events SET seq = 5 WHERE seq = 6",
        ],
        found: changed,
    },
    // Taken back to the rows that wait to be sealed.
    Edit {
        sql: &["UPDATE audit_events SET seq = NULL, mac = NULL WHERE seq = 3"],
        found: |finding| matches!(finding, Finding::Missing { seq: 3, next: Some(_) }),
    },
    // Two rows exchanged, whole and by what they say.
    Edit {
        sql: &[
            "UPDATE audit_events SET seq = -3 WHERE seq = 3",
            "UPDATE audit_events SET seq = 3 WHERE seq = 5",
            "UPDATE audit_events SET seq = 5 WHERE seq = -3",
        ],
        found: |finding| matches!(finding, Finding::Reordered { seq: 3, elsewhere: 5, .. }),
    },
    Edit {
        sql: &["UPDATE audit_events SET body = (SELECT k.body FROM kept k WHERE k.seq = 8 - audit_events.seq) \
                WHERE seq IN (3, 5)"],
        found: |finding| matches!(finding, Finding::Reordered { seq: 3, elsewhere: 5, .. }),
    },
    // Rows put in: below, above, in the place of one that moved up.
    Edit {
        sql: &[
            "INSERT INTO audit_events (id, at, body, seq, mac) SELECT 'x', at, body, 0, mac FROM audit_events WHERE seq = 3",
        ],
        found: |finding| matches!(finding, Finding::Inserted { seq: 0, .. }),
    },
    Edit {
        sql: &[
            "INSERT INTO audit_events (id, at, body, seq, mac) SELECT 'x', at, body, 7, mac FROM audit_events WHERE seq = 6",
        ],
        found: |finding| matches!(finding, Finding::Inserted { seq: 7, .. }),
    },
    Edit {
        sql: &[
            "DROP INDEX audit_events_seq",
            "UPDATE audit_events SET seq = seq + 1 WHERE seq >= 3",
            "INSERT INTO audit_events (id, at, body, seq, mac) SELECT 'x', at, body, 3, mac FROM audit_events WHERE seq = 1",
        ],
        found: |finding| matches!(finding, Finding::Reordered { seq: 3, elsewhere: 4, .. }),
    },
    // A row with a number twice.
    Edit {
        sql: &[
            "DROP INDEX IF EXISTS audit_events_seq",
            "INSERT INTO audit_events (id, at, body, seq, mac) SELECT 'x', at, body, 2, mac FROM audit_events WHERE seq = 1",
        ],
        found: |finding| {
            matches!(finding, Finding::Inserted { seq: 2, .. } | Finding::Reordered { seq: 2, elsewhere: 2, .. })
        },
    },
    // Put in before it was sealed: copied from another, or thought up.
    Edit {
        sql: &[
            "INSERT INTO audit_events (id, at, body, proof) SELECT 'x', at, body, proof FROM audit_events WHERE seq = 3",
        ],
        found: |finding| matches!(finding, Finding::Changed { seq: 7, what: "its id", .. }),
    },
    Edit {
        sql: &[
            "INSERT INTO audit_events (id, at, body) SELECT 'x', at, replace(body, 'shop', 'bank') FROM audit_events WHERE seq = 3",
        ],
        found: |finding| matches!(finding, Finding::Inserted { seq: 7, .. }),
    },
    Edit {
        sql: &["INSERT INTO audit_events (id, at, body) VALUES ('x', 1, 'no event')"],
        found: |finding| matches!(finding, Finding::Inserted { seq: 7, .. }),
    },
];

/// The end itself is changed, removed, or brought back from earlier.
const ENDS: &[&str] = &[
    "UPDATE meta SET value = (SELECT m.value FROM meta m WHERE m.name = 'master_key') WHERE name = 'audit_head'",
    "DELETE FROM meta WHERE name = 'audit_head'",
    "UPDATE meta SET value = (SELECT k.value FROM early k) WHERE name = 'audit_head'",
];

async fn verified(store: &Store, prf: &Prf) -> Result<Whole, Finding> {
    // As the command does.
    match chain::seal(store, prf).await {
        Ok(_) | Err(StoreError::Damaged(_)) => {}
        Err(error) => panic!("{error}"),
    }
    chain::verify(store, prf).await.unwrap()
}

/// What a look at the end of the log finds, without walking it.
async fn glance(store: &Store, prf: &Prf) -> Result<Head, Finding> {
    let prf = prf.clone();
    store.read(move |tx| chain::glance(tx, &prf)).await.unwrap()
}

/// What a look at the end is to find.
const AT_THE_END: &[&str] = &[
    "DELETE FROM audit_events WHERE seq = 6",
    "DELETE FROM audit_events WHERE seq = 5",
    "DELETE FROM audit_events",
    "UPDATE audit_events SET body = replace(body, 'shop', 'bank') WHERE seq = 6",
    "UPDATE audit_events SET mac = (SELECT mac FROM audit_events WHERE seq = 2) WHERE seq = 6",
    "UPDATE audit_events SET seq = 7 WHERE seq = 6",
    "INSERT INTO audit_events (id, at, body, seq, mac) SELECT 'x', at, body, 7, mac FROM audit_events WHERE seq = 6",
];

async fn no_edit_goes_unnoticed(place: Place) {
    let (store, prf) = (place.open(), place.key.prf());
    append(&*store, (0..4).map(event).collect()).await;
    chain::seal(&*store, &prf).await.unwrap();
    place.execute("CREATE TABLE early AS SELECT value FROM meta WHERE name = 'audit_head'");
    append(&*store, (4..6).map(event).collect()).await;
    chain::seal(&*store, &prf).await.unwrap();
    place.execute("CREATE TABLE kept AS SELECT * FROM audit_events");
    place.execute("CREATE TABLE kept_head AS SELECT * FROM meta WHERE name = 'audit_head'");
    let restore = || {
        place.execute("DELETE FROM audit_events");
        place.execute("INSERT INTO audit_events SELECT * FROM kept");
        place.execute("DELETE FROM meta WHERE name = 'audit_head'");
        place.execute("INSERT INTO meta SELECT * FROM kept_head");
    };
    for Edit { sql, found } in EDITS {
        sql.iter().for_each(|statement| place.execute(statement));
        let finding = verified(&*store, &prf).await.unwrap_err();
        assert!(found(&finding), "{sql:?}: {finding}");
        restore();
        assert_eq!(verified(&*store, &prf).await.unwrap().count, 6, "{sql:?} is undone");
    }
    for sql in AT_THE_END {
        place.execute(sql);
        glance(&*store, &prf).await.unwrap_err();
        restore();
        assert_eq!(glance(&*store, &prf).await.unwrap().seq, 6, "{sql} is undone");
    }
    for sql in ENDS {
        place.execute(sql);
        glance(&*store, &prf).await.unwrap_err();
        let finding = verified(&*store, &prf).await.unwrap_err();
        assert!(matches!(finding, Finding::Head | Finding::Inserted { seq: 6, .. }), "{sql}: {finding}");
        restore();
    }
    // Bytes of what a row says, from the first to the last.
    let rows = store.read(|tx| tx.audit_after(2, 1)).await.unwrap();
    let length = rows[0].body.len();
    assert!(length > 200, "{length}");
    for byte in (1..=length).step_by(5).chain([length]) {
        let whole = "(SELECT k.body FROM kept k WHERE k.seq = 3)";
        place.execute(&format!(
            "UPDATE audit_events SET body = substr({whole}, 1, {byte} - 1) || '~' || substr({whole}, {byte} + 1) WHERE seq = 3"
        ));
        let finding = chain::verify(&*store, &prf).await.unwrap().unwrap_err();
        assert!(changed(&finding), "byte {byte}: {finding}");
    }
    restore();
    assert_eq!(verified(&*store, &prf).await.unwrap().count, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_139_no_edit_of_the_audit_log_goes_unnoticed_on_sqlite() {
    no_edit_goes_unnoticed(sqlite_file("").unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_139_no_edit_of_the_audit_log_goes_unnoticed_on_postgresql() {
    if let Some(place) = postgres("a_139") {
        no_edit_goes_unnoticed(place).await;
    }
}

/// The seals are removed with the end, so that everything could be sealed anew without what was taken out.
async fn a_log_without_its_end_is_not_sealed_anew(place: Place) {
    let prf = place.key.prf();
    let store = place.open();
    append(&*store, (0..4).map(event).collect()).await;
    chain::seal(&*store, &prf).await.unwrap();
    place.execute("DELETE FROM audit_events WHERE seq = 3");
    place.execute("UPDATE audit_events SET seq = NULL, mac = NULL");
    place.execute("DELETE FROM meta WHERE name = 'audit_head'");
    assert!(matches!(chain::seal(&*store, &prf).await, Err(StoreError::Damaged(_))));
    assert_eq!(verified(&*store, &prf).await, Err(Finding::Head));
    drop(store);
    // Nobody writes it anew at the next start, not even when the database looks as if it had never been begun.
    for sql in ["SELECT 1", "DELETE FROM meta WHERE name = 'master_key'"] {
        place.execute(sql);
        assert_eq!(verified(&*place.open(), &prf).await, Err(Finding::Head), "{sql}");
    }
    // Nor when all events are gone.
    place.execute("DELETE FROM audit_events");
    let store = place.open();
    assert_eq!(verified(&*store, &prf).await, Err(Finding::Head));
    append(&*store, vec![event(5)]).await;
    assert_eq!(verified(&*store, &prf).await, Err(Finding::Head));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_139_an_audit_log_without_its_end_is_not_sealed_anew_on_sqlite() {
    a_log_without_its_end_is_not_sealed_anew(sqlite_file("").unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_139_an_audit_log_without_its_end_is_not_sealed_anew_on_postgresql() {
    if let Some(place) = postgres("a_139_end") {
        a_log_without_its_end_is_not_sealed_anew(place).await;
    }
}

/// A log of a version that knew no chain.
#[tokio::test(flavor = "multi_thread")]
async fn rows_without_a_proof_are_taken_over_while_none_has_one() {
    let place = sqlite_file("").unwrap();
    let (store, prf) = (place.open(), place.key.prf());
    append(&*store, (0..3).map(event).collect()).await;
    place.execute("UPDATE audit_events SET proof = NULL");
    append(&*store, (3..5).map(event).collect()).await;
    assert_eq!(verified(&*store, &prf).await.unwrap().count, 5);
    assert_eq!(
        gather(&*store, &AuditFilter { kind: Some("admin.".to_owned()), ..AuditFilter::default() }, 2).await.len(),
        5
    );
}
