//! How fast durable single use is, as ratios to raw limits measured in the same run.
//!
//! `cargo bench -p vestibule-store --bench commit` spends codes through the store, 64 callers at once, and beside it
//! commits one row after the other on a bare connection with the same settings: the flush of the disk that each commit
//! costs. Then it reads by key through the store, as introspection does. Given `VESTIBULE_TEST_POSTGRES`
//! (`.ci/with-postgres`, which flushes nothing), PostgreSQL is measured too.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints, and stops when something fails")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection, connection::SimpleConnection as _, sql_query};
use vestibule_core::{crypto::MasterKey, random::SystemRandom, store::StoreExt as _, time::Time};
use vestibule_oauth::model::{AuthorizationCode, GrantId};
use vestibule_store::{Options, Store};

const CALLERS: usize = 64;
const CODES: usize = 6_400;
const READS: usize = 40_000;
const NOW: Time = Time::from_unix_seconds(1_700_000_000);

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let bare = bare_commits(&folder.path().join("bare.db"));
    println!("bare durable commits, one row each        {bare:>10.0} /s");
    let url = folder.path().join("store.db").display().to_string();
    runtime.block_on(measure("SQLite", &url, bare));
    if let Ok(url) = std::env::var("VESTIBULE_TEST_POSTGRES") {
        runtime.block_on(measure("PostgreSQL", &url, bare));
    }
}

/// One row, one commit, one flush.
fn bare_commits(path: &std::path::Path) -> f64 {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection
        .batch_execute(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER)",
        )
        .unwrap();
    let begun = Instant::now();
    let mut commits = 0_u32;
    while begun.elapsed() < Duration::from_secs(2) {
        sql_query("INSERT INTO t (n) VALUES (1)").execute(&mut connection).unwrap();
        commits += 1;
    }
    f64::from(commits) / begun.elapsed().as_secs_f64()
}

async fn measure(name: &str, url: &str, bare: f64) {
    let master = MasterKey::generate(&SystemRandom::default());
    let store = vestibule_store::open(&url.parse().unwrap(), &master, &Options::default()).unwrap();
    store.write(|tx| (0..CODES).try_for_each(|number| tx.insert_code(&code(number)))).await.unwrap();

    let (rate, processor) = timed(CODES, &store, |store, number| async move {
        let spent = store.write(move |tx| {
            let hash = hash(number);
            Ok(tx.code(&hash)?.is_some() && tx.consume_code(&hash, NOW)?)
        });
        assert!(spent.await.unwrap());
    })
    .await;
    println!(
        "{name}: codes spent, {CALLERS} callers {rate:>22.0} /s   {:.1} x bare commits   {processor:.3} ms CPU each",
        rate / bare
    );

    let (rate, processor) = timed(READS, &store, |store, number| async move {
        let read = store.read(move |tx| Ok(tx.code(&hash(number % CODES))?.is_some() && !tx.token_revoked("none")?));
        assert!(read.await.unwrap());
    })
    .await;
    println!("{name}: reads of two rows by key {rate:>20.0} /s   {processor:.3} ms CPU each");
}

/// Has 64 callers do `work` for each number; how many a second, and the milliseconds of processor time of each.
async fn timed<F, W>(count: usize, store: &Arc<Store>, work: F) -> (f64, f64)
where
    F: Fn(Arc<Store>, usize) -> W + Copy + Send + 'static,
    W: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let (begun, spent) = (Instant::now(), processor_seconds());
    let callers = (0..CALLERS).map(|_| {
        let (next, store) = (Arc::clone(&next), Arc::clone(store));
        tokio::spawn(async move {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    break;
                }
                work(Arc::clone(&store), number).await;
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let count = f64::from(u32::try_from(count).unwrap());
    (count / begun.elapsed().as_secs_f64(), (processor_seconds() - spent) * 1000.0 / count)
}

/// This process's processor time, from `/proc`; nothing where there is no such file.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
}

fn hash(number: usize) -> String {
    format!("{number:043}")
}

fn code(number: usize) -> AuthorizationCode {
    AuthorizationCode {
        hash: hash(number),
        grant: GrantId::new(NOW, &SystemRandom::default()),
        client: "bench".into(),
        redirect_uri: "https://bench.example/callback".to_owned(),
        code_challenge: Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM".to_owned()),
        nonce: None,
        id_token_claims: [].into(),
        expires_at: Time(NOW.0 + 60_000_000),
        consumed_at: None,
    }
}
