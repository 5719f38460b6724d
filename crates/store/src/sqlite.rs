//! The store on SQLite: one writer, several readers, one process.
//!
//! A durable commit costs a flush of the disk, and SQLite has one writer anyway. So one thread takes what is waiting,
//! runs each transaction in a savepoint of its own, commits once and then answers all of them: as durable as one by
//! one, at a fraction of the flushes. A job that fails or panics undoes its own savepoint; when the commit fails, all
//! of them have failed.
//!
//! Readers see a snapshot (WAL), never wait for the writer and cannot write. A database in memory has one connection
//! for everything.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use diesel::{
    Connection as _, QueryResult, RunQueryDsl as _, SqliteConnection,
    connection::SimpleConnection as _,
    r2d2::{ConnectionManager, CustomizeConnection, Error as PoolError, Pool},
};
use vestibule_core::store::{Job, Store, StoreError, StoreResult};

use crate::{
    error::{OpenError, told},
    migrations::{self, SQLITE},
    options::Options,
    queue::{Answer, PATIENCE, Purpose, Queue, Task, Workers, tell},
    seal::Seal,
    tables::meta::sqlite::check_master_key,
    tx::{Tx, Undone, Verbs},
};

type SqlitePool = Pool<ConnectionManager<SqliteConnection>>;
type SqliteTx = Tx<SqliteConnection>;

/// The name of a database in memory.
const MEMORY: &str = ":memory:";

/// How many transactions share one commit.
const BATCH: usize = 64;

/// Up to this size a file is checked whole before it is used, which takes less than a second; a larger one is read as
/// it is.
const CHECKED_SIZE: u64 = 256 << 20;

const NOT_AVAILABLE: &str = "the transactions committed together failed";

/// A database file, or memory.
pub(crate) struct SqliteStore {
    // In this order: the threads end, the connections close, the lock goes.
    readers: Option<Workers>,
    writer: Workers,
    _lock: Option<Lock>,
}

impl SqliteStore {
    pub(crate) fn open(path: Option<&Path>, seal: &Arc<Seal>, options: &Options) -> Result<Self, OpenError> {
        let lock = path.map(|path| Lock::take(path, options.exclusive)).transpose()?;
        let (database, writing) = match &lock {
            Some(lock) => {
                let database = lock.database()?;
                let mut connection = connect(database)?;
                if lock.held {
                    check(&mut connection, lock.size())?;
                }
                prepare(&mut connection, seal, options.migrate && lock.held)?;
                (database.to_owned(), pool(database, 1, Role::Writer))
            }
            None => {
                let writing = pool(MEMORY, 1, Role::Writer);
                let connection = writing.get_timeout(PATIENCE);
                let mut connection = connection.map_err(|error| OpenError::Unavailable(error.to_string()))?;
                prepare(&mut connection, seal, options.migrate)?;
                (MEMORY.to_owned(), writing)
            }
        };
        let failed = |error: std::io::Error| OpenError::Unavailable(error.to_string());
        let start = |pool: SqlitePool, count, name: &str, work: fn(&SqlitePool, &Arc<Seal>, &Queue)| {
            let seal = Arc::clone(seal);
            Workers::start(name, count, options.queue, move |queue| work(&pool, &seal, queue)).map_err(failed)
        };
        // What one connection wrote to memory, no other can read.
        let reading = lock.as_ref().map(|_| pool(&database, options.connections, Role::Reader));
        let readers = reading.map(|pool| start(pool, options.connections, "sqlite-reader", read_all)).transpose()?;
        Ok(Self { readers, writer: start(writing, 1, "sqlite-writer", write_all)?, _lock: lock })
    }
}

#[async_trait]
impl Store for SqliteStore {
    type Tx = Verbs;

    async fn run_read(&self, job: Job<Verbs>) -> StoreResult<()> {
        self.readers.as_ref().unwrap_or(&self.writer).run(Purpose::Read, job).await
    }

    async fn run_write(&self, job: Job<Verbs>) -> StoreResult<()> {
        self.writer.run(Purpose::Write, job).await
    }
}

/// What a reader thread does.
fn read_all(pool: &SqlitePool, seal: &Arc<Seal>, queue: &Queue) {
    while let Some(task) = queue.next() {
        if let Some((mut job, answer)) = task.take() {
            tell(answer, read_one(pool, seal, &mut job).map_err(|undone| undone.error));
        }
    }
}

fn read_one(pool: &SqlitePool, seal: &Arc<Seal>, job: &mut Job<Verbs>) -> Result<(), Undone> {
    let mut tx = begun(pool, seal, "BEGIN")?;
    let result = tx.run(job);
    // There is nothing to keep. A connection that cannot even end is replaced by the pool.
    drop(tx.undo());
    result
}

/// What the writer thread does.
fn write_all(pool: &SqlitePool, seal: &Arc<Seal>, queue: &Queue) {
    while let Some(first) = queue.next() {
        match begun(pool, seal, "BEGIN IMMEDIATE") {
            Ok(tx) => write_batch(tx, first, queue),
            Err(undone) => first.refuse(&undone.error.to_string()),
        }
    }
}

/// A transaction on a connection of the pool.
fn begun(pool: &SqlitePool, seal: &Arc<Seal>, statement: &str) -> Result<SqliteTx, Undone> {
    let connection = pool
        .get_timeout(PATIENCE / 2)
        .map_err(|error| Undone { passing: true, error: StoreError::Unavailable(error.to_string()) })?;
    let mut tx = SqliteTx::new(connection, Arc::clone(seal));
    tx.begin(statement).map_err(|error| Undone::from(&error))?;
    Ok(tx)
}

/// Runs `first` and what waits behind it, commits once, and answers. Before the first there is nothing to go back to, so
/// it needs no savepoint; mostly it is alone.
fn write_batch(mut tx: SqliteTx, first: Task, queue: &Queue) {
    let mut done: Vec<(Answer, StoreResult<()>)> = Vec::with_capacity(BATCH);
    let mut whole = Ok(());
    let purpose = first.purpose();
    if let Some((mut job, answer)) = first.take() {
        let result = tx.run(&mut job).map_err(|undone| undone.error);
        if result.is_err() || purpose == Purpose::Read {
            drop(tx.undo());
            drop(tx);
            return tell(answer, result);
        }
        done.push((answer, result));
    }
    let mut next = queue.next_now();
    while let Some(task) = next {
        let purpose = task.purpose();
        if let Some((mut job, answer)) = task.take() {
            let (result, intact) = write_one(&mut tx, &mut job, purpose);
            done.push((answer, result));
            whole = intact;
        }
        next = if whole.is_ok() && done.len() < BATCH { queue.next_now() } else { None };
    }
    if let Err(error) = whole.and_then(|()| tx.keep()) {
        tracing::warn!(event = "store.commit_failed", %error, transactions = done.len());
        // Out of the savepoint and out of the transaction, as far as SQLite has not done so itself.
        drop((tx.undo(), tx.undo()));
        let why = format!("{NOT_AVAILABLE}: {}", told(&error));
        done.iter_mut().filter(|(_, result)| result.is_ok()).for_each(|(_, result)| {
            *result = Err(StoreError::Unavailable(why.clone()));
        });
    }
    // The connection goes back first, so that nobody who was answered finds it busy.
    drop(tx);
    for (answer, result) in done {
        tell(answer, result);
    }
}

/// Runs one job in a savepoint: its result, and whether the transaction around it is intact. SQLite ends that itself on
/// some errors (a full disk), and what ran before is lost then.
fn write_one(tx: &mut SqliteTx, job: &mut Job<Verbs>, purpose: Purpose) -> (StoreResult<()>, QueryResult<()>) {
    if let Err(error) = tx.savepoint() {
        return (Err(told(&error)), Err(error));
    }
    match tx.run(job) {
        // A database in memory reads on this connection too; a reader leaves nothing behind.
        Ok(()) if purpose == Purpose::Read => (Ok(()), tx.undo()),
        Ok(()) => (Ok(()), tx.keep()),
        Err(undone) => (Err(undone.error), tx.undo()),
    }
}

pub(crate) fn migrate(path: Option<&Path>) -> Result<Vec<String>, OpenError> {
    with_connection(path, |connection| migrations::run(connection, SQLITE))
}

pub(crate) fn revert(path: Option<&Path>) -> Result<(), OpenError> {
    with_connection(path, |connection| migrations::revert(connection, SQLITE))
}

/// Needs no lock: a server may be running. Nothing is made where there is nothing.
pub(crate) fn pending(path: Option<&Path>) -> Result<Vec<String>, OpenError> {
    let database = path.filter(|path| path.exists()).map_or(Ok(MEMORY), text)?;
    migrations::pending(&mut connect(database)?, SQLITE)
}

fn with_connection<R>(
    path: Option<&Path>,
    work: impl FnOnce(&mut SqliteConnection) -> Result<R, OpenError>,
) -> Result<R, OpenError> {
    let lock = path.map(|path| Lock::take(path, true)).transpose()?;
    let database = lock.as_ref().map_or(Ok(MEMORY), Lock::database)?;
    work(&mut connect(database)?)
}

/// A connection for what comes before the pools: it fails at once, where a pool would try again.
fn connect(database: &str) -> Result<SqliteConnection, OpenError> {
    let mut connection =
        SqliteConnection::establish(database).map_err(|error| OpenError::from_words(&error.to_string()))?;
    Role::Writer.on_acquire(&mut connection).map_err(|error| OpenError::from_words(&error.to_string()))?;
    Ok(connection)
}

/// Brings the tables up to date, and makes sure of the master key.
fn prepare(connection: &mut SqliteConnection, seal: &Seal, migrate: bool) -> Result<(), OpenError> {
    if migrate {
        migrations::run(connection, SQLITE)?;
    }
    migrations::none_pending(connection, SQLITE)?;
    check_master_key(connection, seal)
}

fn text(path: &Path) -> Result<&str, OpenError> {
    path.to_str().ok_or_else(|| OpenError::Address(format!("{} is not UTF-8", path.display())))
}

/// Looks for damage.
fn check(connection: &mut SqliteConnection, size: u64) -> Result<(), OpenError> {
    #[derive(diesel::QueryableByName)]
    struct Finding {
        #[diesel(sql_type = diesel::sql_types::Text)]
        quick_check: String,
    }
    if size > CHECKED_SIZE {
        tracing::info!(event = "store.check_skipped", size, "the database is too large to be checked at every start");
        return Ok(());
    }
    let findings: Vec<Finding> = diesel::sql_query("PRAGMA quick_check(1)").load(connection)?;
    match findings.into_iter().find(|finding| finding.quick_check != "ok") {
        Some(finding) => Err(OpenError::Damaged(finding.quick_check)),
        None => Ok(()),
    }
}

/// What a connection is for.
#[derive(Clone, Copy, Debug)]
enum Role {
    Writer,
    Reader,
}

/// `busy_timeout` is for other programs that hold the file (a backup, a shell): shorter than a caller's patience.
impl CustomizeConnection<SqliteConnection, PoolError> for Role {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), PoolError> {
        connection.batch_execute("PRAGMA busy_timeout = 2000;").map_err(PoolError::QueryError)?;
        let settings = match self {
            Self::Writer => {
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
                 PRAGMA trusted_schema = OFF; PRAGMA secure_delete = FAST;"
            }
            Self::Reader => "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;",
        };
        connection.batch_execute(settings).map_err(PoolError::QueryError)
    }
}

fn pool(database: &str, size: u32, role: Role) -> SqlitePool {
    Pool::builder()
        .max_size(size.max(1))
        .min_idle(Some(1))
        // A connection to a file does not age, and one to memory is the database.
        .max_lifetime(None)
        .idle_timeout(None)
        .test_on_check_out(false)
        .connection_timeout(Duration::from_secs(3))
        .error_handler(Box::new(crate::error::LogPoolErrors))
        .connection_customizer(Box::new(role))
        .build_unchecked(ConnectionManager::new(database))
}

/// The lock that keeps a second process away, held as long as the store lives. It is a file beside the database, since
/// SQLite's own locks come and go with its transactions. The system lets it go when the process dies, however it dies.
struct Lock {
    path: PathBuf,
    /// Whether it is ours. Who need not be alone goes on without it.
    held: bool,
    _file: File,
}

impl Lock {
    fn take(path: &Path, exclusive: bool) -> Result<Self, OpenError> {
        let failed =
            |path: &Path, error: std::io::Error| OpenError::Unavailable(format!("{}: {error}", path.display()));
        // Only when it is new: SQLite's own locks on a file end as soon as this process closes any handle to it.
        match private().create_new(true).open(path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(failed(path, error)),
            _ => {}
        }
        // By its real name, so that two ways to the same file are one lock.
        let path = path.canonicalize().map_err(|error| failed(path, error))?;
        let lock = path.with_added_extension("lock");
        let file = private().create(true).truncate(false).open(&lock).map_err(|error| failed(&lock, error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { path, held: true, _file: file }),
            Err(TryLockError::WouldBlock) if !exclusive => Ok(Self { path, held: false, _file: file }),
            Err(TryLockError::WouldBlock) => Err(OpenError::Locked(path)),
            Err(TryLockError::Error(error)) => Err(failed(&lock, error)),
        }
    }

    fn database(&self) -> Result<&str, OpenError> {
        text(&self.path)
    }

    fn size(&self) -> u64 {
        self.path.metadata().map_or(0, |file| file.len())
    }
}

/// How files are made: for their owner alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use vestibule_core::{crypto::MasterKey, random::SystemRandom, store::StoreExt as _, time::Time};

    use super::*;

    /// A store whose only connection for writing can be got at.
    fn with_writer(path: &Path) -> (SqliteStore, SqlitePool) {
        let seal = Arc::new(Seal::new(&MasterKey::generate(&SystemRandom::default())));
        let mut store = SqliteStore::open(Some(path), &seal, &Options::default()).unwrap();
        let writing = pool(path.to_str().unwrap(), 1, Role::Writer);
        let pool = writing.clone();
        store.writer = Workers::start("writer", 1, 64, move |queue| write_all(&pool, &seal, queue)).unwrap();
        (store, writing)
    }

    fn limit_pages(pool: &SqlitePool, pages: u32) {
        pool.get().unwrap().batch_execute(&format!("PRAGMA max_page_count = {pages}")).unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_129_a_full_disk_fails_what_shared_the_commit_and_heals() {
        let folder = tempfile::tempdir().unwrap();
        let (store, writing) = with_writer(&folder.path().join("full.db"));
        store.write(|tx| tx.revoke_token("before", Time(1))).await.unwrap();
        // SQLite takes 1 for "as many as there are now", and ends the whole transaction when it needs one more.
        limit_pages(&writing, 1);
        let store = Arc::new(store);
        let writes = (0..32).map(|number| {
            let store = Arc::clone(&store);
            let jti = format!("{number}{}", "x".repeat(if number % 8 == 7 { 100_000 } else { 10 }));
            tokio::spawn(async move { store.write(move |tx| tx.revoke_token(&jti, Time(1))).await })
        });
        let mut stored = 1;
        for (number, write) in writes.collect::<Vec<_>>().into_iter().enumerate() {
            let result = write.await.unwrap();
            assert!(number % 8 != 7 || matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
            stored += usize::from(result.is_ok());
        }
        limit_pages(&writing, u32::MAX - 1);
        store.write(|tx| tx.revoke_token(&"y".repeat(100_000), Time(1))).await.unwrap();
        // What was said to be stored is, and nothing else.
        assert_eq!(store.write(|tx| tx.sweep(Time(1), 1000)).await.unwrap(), stored + 1);
    }
}
