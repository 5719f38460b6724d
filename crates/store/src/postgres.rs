//! The store on PostgreSQL: serializable transactions on a pool, repeated when they lost a race.
//!
//! Serializable, so that a job may read, decide and write without thinking about other instances: whatever it did is as
//! if it had been alone, or is undone. What fails before its COMMIT was sent changed nothing and may be repeated; when
//! the answer to a COMMIT is lost nobody can know, and the caller is told that the store is not available. Single use
//! holds either way.

use std::{
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use diesel::{
    Connection as _, PgConnection, RunQueryDsl as _,
    connection::SimpleConnection as _,
    r2d2::{ConnectionManager, CustomizeConnection, Error as PoolError, Pool},
};
use vestibule_core::{
    random::RandomExt as _,
    store::{Job, Store, StoreError, StoreResult},
};

use crate::{
    address::PgServer,
    error::OpenError,
    migrations::{self, POSTGRES},
    options::Options,
    queue::{PATIENCE, Purpose, Queue, Workers, tell},
    seal::Seal,
    tables::meta::postgres::check_master_key,
    tx::{Tx, Undone, Verbs},
};

type PgPool = Pool<ConnectionManager<PgConnection>>;
type PgTx = Tx<PgConnection>;

/// How often a transaction is tried.
const ATTEMPTS: u32 = 10;

/// How long a transaction waits for a connection.
const CONNECTION_WAIT: Duration = Duration::from_secs(3);

/// A PostgreSQL server.
pub(crate) struct PgStore(Workers);

impl PgStore {
    pub(crate) fn open(server: &PgServer, seal: &Arc<Seal>, options: &Options) -> Result<Self, OpenError> {
        with_lock(server, |connection| {
            if options.migrate {
                migrations::run(connection, POSTGRES)?;
            }
            migrations::none_pending(connection, POSTGRES)?;
            check_master_key(connection, seal)
        })?;
        let (pool, seal) = (pool(server, options.connections), Arc::clone(seal));
        let work = move |queue: &Queue| run_all(&pool, &seal, queue);
        let workers = Workers::start("postgres", options.connections, options.queue, work);
        workers.map(Self).map_err(|error| OpenError::Unavailable(error.to_string()))
    }
}

#[async_trait]
impl Store for PgStore {
    type Tx = Verbs;

    async fn run_read(&self, job: Job<Verbs>) -> StoreResult<()> {
        self.0.run(Purpose::Read, job).await
    }

    async fn run_write(&self, job: Job<Verbs>) -> StoreResult<()> {
        self.0.run(Purpose::Write, job).await
    }
}

/// What each thread does.
fn run_all(pool: &PgPool, seal: &Arc<Seal>, queue: &Queue) {
    while let Some(task) = queue.next() {
        let purpose = task.purpose();
        if let Some((mut job, answer)) = task.take() {
            tell(answer, run(pool, seal, purpose, &mut job));
        }
    }
}

/// Tries a transaction until it is through, or beyond hope.
fn run(pool: &PgPool, seal: &Arc<Seal>, purpose: Purpose, job: &mut Job<Verbs>) -> StoreResult<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut tried = 0;
    loop {
        tried += 1;
        match attempt(pool, seal, purpose, job) {
            Ok(()) => return Ok(()),
            Err(undone) if undone.passing && tried < ATTEMPTS && Instant::now() < deadline => {
                thread::sleep(pause(seal, tried));
            }
            Err(undone) if undone.passing => return Err(StoreError::Unavailable(undone.error.to_string())),
            Err(undone) => return Err(undone.error),
        }
    }
}

fn attempt(pool: &PgPool, seal: &Arc<Seal>, purpose: Purpose, job: &mut Job<Verbs>) -> Result<(), Undone> {
    let mut tx = begun(pool, seal, purpose)?;
    if let Err(undone) = tx.run(job) {
        // A connection that cannot roll back is replaced by the pool.
        drop(tx.undo());
        return Err(undone);
    }
    tx.keep().map_err(|error| {
        tracing::debug!(event = "store.commit_failed", %error);
        match Undone::from(&error) {
            // Only the server's own word says that nothing was committed. When it is missing, nobody knows.
            undone if is_answer(&error) => undone,
            undone => Undone { passing: false, error: StoreError::Unavailable(undone.error.to_string()) },
        }
    })
}

/// A transaction on a connection of the pool. A connection that died while it lay idle fails here, where nothing was
/// done yet; after a restart of the server all of them have, so each may fail once.
fn begun(pool: &PgPool, seal: &Arc<Seal>, purpose: Purpose) -> Result<PgTx, Undone> {
    let statement = match purpose {
        Purpose::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        Purpose::Write => "BEGIN ISOLATION LEVEL SERIALIZABLE",
    };
    let mut dead = 0;
    loop {
        let connection = pool
            .get_timeout(CONNECTION_WAIT)
            .map_err(|error| Undone { passing: false, error: StoreError::Unavailable(error.to_string()) })?;
        let mut tx = PgTx::new(connection, Arc::clone(seal));
        match tx.begin(statement) {
            Ok(()) => return Ok(tx),
            Err(_) if dead < pool.max_size() => dead += 1,
            Err(error) => return Err(Undone::from(&error)),
        }
    }
}

/// Whether an error is the server's answer, rather than the lack of one.
fn is_answer(error: &diesel::result::Error) -> bool {
    use diesel::result::DatabaseErrorKind as Kind;
    matches!(error, diesel::result::Error::DatabaseError(kind, _)
        if !matches!(kind, Kind::ClosedConnection | Kind::UnableToSendCommand | Kind::Unknown))
}

/// How long to wait before the next try: longer each time, and never the same for two that met.
fn pause(seal: &Seal, tried: u32) -> Duration {
    let [chance] = seal.random().bytes::<1>();
    let longest = Duration::from_millis(2).saturating_mul(2_u32.saturating_pow(tried.min(6)));
    longest * u32::from(chance) / 255
}

pub(crate) fn migrate(server: &PgServer) -> Result<Vec<String>, OpenError> {
    with_lock(server, |connection| migrations::run(connection, POSTGRES))
}

pub(crate) fn revert(server: &PgServer) -> Result<(), OpenError> {
    with_lock(server, |connection| migrations::revert(connection, POSTGRES))
}

pub(crate) fn pending(server: &PgServer) -> Result<Vec<String>, OpenError> {
    with_lock(server, |connection| migrations::pending(connection, POSTGRES))
}

/// Does something that one instance at a time may do. The lock goes with the connection, so a process that is killed
/// leaves none behind.
fn with_lock<R>(
    server: &PgServer,
    work: impl FnOnce(&mut PgConnection) -> Result<R, OpenError>,
) -> Result<R, OpenError> {
    let unreachable = |error: diesel::ConnectionError| OpenError::Unavailable(error.to_string());
    let mut connection = PgConnection::establish(server.url()).map_err(unreachable)?;
    // The number is the start of SHA-256("vestibule migrations"): any will do that nobody else uses.
    diesel::sql_query("SELECT pg_advisory_lock(4972150238311187461)").execute(&mut connection)?;
    work(&mut connection)
}

/// What each connection is told. A statement that takes longer than a caller waits is ended. Our tables are asked by
/// their keys alone: on small ones the planner would rather read all of it, and a serializable transaction that read a
/// whole table collides with everybody who writes to it.
#[derive(Clone, Copy, Debug)]
struct Session;

impl CustomizeConnection<PgConnection, PoolError> for Session {
    fn on_acquire(&self, connection: &mut PgConnection) -> Result<(), PoolError> {
        let settings = "SET statement_timeout = '5s'; SET idle_in_transaction_session_timeout = '15s'; \
                        SET enable_seqscan = off; SET synchronous_commit = on";
        connection.batch_execute(settings).map_err(PoolError::QueryError)
    }
}

fn pool(server: &PgServer, size: u32) -> PgPool {
    Pool::builder()
        .max_size(size.max(1))
        .min_idle(Some(1))
        // A dead connection shows at its BEGIN, where nothing is lost and the next one is tried.
        .test_on_check_out(false)
        // Half of this is the longest pause between two tries to reach a server that is gone.
        .connection_timeout(CONNECTION_WAIT)
        .error_handler(Box::new(crate::error::LogPoolErrors))
        .connection_customizer(Box::new(Session))
        .build_unchecked(ConnectionManager::new(server.url()))
}
