//! What there is to know of a database from outside, for who looks after it: which migrations it has, how it keeps what is
//! written, its clock, and whether a server has it.
//!
//! It goes by a connection of its own, reads alone and makes nothing: neither a file nor a table. So it can be asked beside a
//! running server and before there is one. To open the whole store for it was the road not taken: that takes the lock, or
//! fails at the first of the things that are asked about.

use std::{
    fs::{OpenOptions, TryLockError},
    path::Path,
};

use diesel::{
    Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection,
    connection::SimpleConnection as _,
    sql_types::{BigInt, Text},
};

use crate::{
    address::{DatabaseUrl, PgServer},
    error::OpenError,
    migrations,
};

/// What there is to know of a database from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examined {
    /// Whether it has been begun; all else is empty when not.
    pub begun: bool,
    /// How many migrations this program knows.
    pub known: usize,
    /// The names of those that it lacks.
    pub pending: Vec<String>,
    /// The versions that it has and this program does not know.
    pub newer: Vec<String>,
    /// What the database takes for the present, in microseconds since the Unix epoch; of SQLite that is this machine's clock,
    /// so there is none.
    pub clock: Option<i64>,
    /// What is asked of a file alone.
    pub file: Option<ExaminedFile>,
}

/// What is asked of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExaminedFile {
    /// `journal_mode`: `wal` is what a server sets.
    pub journal: String,
    /// The size of what is not in the main file yet.
    pub wal: u64,
    /// Whether a process holds the lock that a server takes.
    pub locked: bool,
}

/// Looks at a database. This blocks, for a few seconds at most.
///
/// # Errors
/// When it does not answer.
pub fn examine(address: &DatabaseUrl) -> Result<Examined, OpenError> {
    match address {
        DatabaseUrl::Sqlite(file) => match file.path() {
            Some(path) if path.exists() => sqlite(path),
            _ => Ok(nothing(None)),
        },
        DatabaseUrl::Postgres(server) => postgres(server),
    }
}

fn nothing(clock: Option<i64>) -> Examined {
    let known = migrations::known();
    Examined { begun: false, known: known.len(), pending: known, newer: Vec::new(), clock, file: None }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    version: String,
}

#[derive(QueryableByName)]
struct Mode {
    #[diesel(sql_type = Text)]
    journal_mode: String,
}

#[derive(QueryableByName)]
struct Timed {
    #[diesel(sql_type = Text)]
    version: String,
    #[diesel(sql_type = BigInt)]
    clock: i64,
}

fn sqlite(path: &Path) -> Result<Examined, OpenError> {
    let text = path.to_str().ok_or_else(|| OpenError::Address(format!("{} is not UTF-8", path.display())))?;
    let failed = |error: diesel::ConnectionError| OpenError::from_words(&error.to_string());
    let mut connection = SqliteConnection::establish(text).map_err(failed)?;
    connection.batch_execute("PRAGMA busy_timeout = 1000; PRAGMA query_only = ON; PRAGMA trusted_schema = OFF;")?;
    let mode: Mode = diesel::sql_query("PRAGMA journal_mode").get_result(&mut connection)?;
    let rows: Result<Vec<Row>, _> =
        diesel::sql_query("SELECT version FROM __diesel_schema_migrations").load(&mut connection);
    let file = ExaminedFile { journal: mode.journal_mode, wal: beside(path, "-wal"), locked: locked(path)? };
    let versions: Vec<String> = match rows {
        Ok(rows) => rows.into_iter().map(|row| row.version).collect(),
        // A file that somebody made and nothing was written into.
        Err(error) if error.to_string().contains("no such table") => {
            return Ok(Examined { file: Some(file), ..nothing(None) });
        }
        Err(error) => return Err(error.into()),
    };
    Ok(compared(&versions, None, Some(file)))
}

fn postgres(server: &PgServer) -> Result<Examined, OpenError> {
    let unreachable = |error: diesel::ConnectionError| OpenError::Unavailable(error.to_string());
    let mut connection = PgConnection::establish(server.url()).map_err(unreachable)?;
    connection.batch_execute("SET statement_timeout = '2s'; SET default_transaction_read_only = on")?;
    let now = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS clock";
    let rows: Result<Vec<Timed>, _> =
        diesel::sql_query(format!("SELECT version, {now} FROM __diesel_schema_migrations")).load(&mut connection);
    match rows {
        Ok(rows) => {
            let clock = rows.last().map(|row| row.clock);
            let versions: Vec<String> = rows.into_iter().map(|row| row.version).collect();
            Ok(compared(&versions, clock, None))
        }
        // The words are the server's, in its language: whether there is a table is asked by a name that may be null.
        Err(error) => {
            let table = "to_regclass('__diesel_schema_migrations') IS NULL";
            let absent = diesel::sql_query(format!("SELECT '' AS version, {now} WHERE {table}"));
            match absent.load::<Timed>(&mut connection)?.first() {
                Some(row) => Ok(nothing(Some(row.clock))),
                None => Err(error.into()),
            }
        }
    }
}

fn compared(versions: &[String], clock: Option<i64>, file: Option<ExaminedFile>) -> Examined {
    let known = migrations::known();
    // A name is its version, an underscore and words; the versions are stored without dashes.
    let version = |name: &str| name.split('_').next().unwrap_or_default().replace('-', "");
    let newer = versions.iter().filter(|found| !known.iter().any(|name| version(name) == **found)).cloned().collect();
    let count = known.len();
    let pending = known.into_iter().filter(|name| !versions.contains(&version(name))).collect();
    Examined { begun: !versions.is_empty(), known: count, pending, newer, clock, file }
}

/// The size of a file beside the database. Its data is not opened: closing it would end SQLite's own locks in this process.
fn beside(path: &Path, extension: &str) -> u64 {
    let mut name = path.as_os_str().to_owned();
    name.push(extension);
    std::fs::metadata(name).map_or(0, |file| file.len())
}

/// Whether somebody has the lock of a server. It is tried for a moment, shared, and given back.
fn locked(path: &Path) -> Result<bool, OpenError> {
    let failed = |error: std::io::Error| OpenError::Unavailable(format!("{}: {error}", path.display()));
    let path = path.canonicalize().map_err(failed)?;
    let Ok(file) = OpenOptions::new().read(true).open(path.with_added_extension("lock")) else { return Ok(false) };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

#[cfg(test)]
mod tests {
    use vestibule_core::{crypto::MasterKey, random::SystemRandom};

    use super::*;
    use crate::Options;

    fn address(path: &Path) -> DatabaseUrl {
        format!("sqlite://{}", path.display()).parse().unwrap()
    }

    #[test]
    fn a_file_is_seen_as_it_is_and_nothing_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let address = address(&path);
        let absent = examine(&address).unwrap();
        assert!(!absent.begun && absent.file.is_none() && absent.pending.len() == absent.known);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");
        let master = MasterKey::generate(&SystemRandom::default());
        let store = crate::open(&address, &master, &Options::default()).unwrap();
        let held = examine(&address).unwrap();
        let file = held.file.clone().unwrap();
        assert!(held.begun && held.pending.is_empty() && held.newer.is_empty(), "{held:?}");
        assert!(file.locked && file.journal == "wal", "{file:?}");
        drop(store);
        assert!(!examine(&address).unwrap().file.unwrap().locked);
    }

    #[test]
    fn what_is_lacking_and_what_is_newer_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        crate::migrate(&address(&path)).unwrap();
        let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        connection.batch_execute("UPDATE __diesel_schema_migrations SET version = '99999999' WHERE version = (SELECT max(version) FROM __diesel_schema_migrations)").unwrap();
        drop(connection);
        let seen = examine(&address(&path)).unwrap();
        assert_eq!((seen.newer, seen.pending.len()), (vec!["99999999".to_owned()], 1));
        let empty = folder.path().join("empty.db");
        std::fs::write(&empty, b"").unwrap();
        assert!(!examine(&address(&empty)).unwrap().begun);
        std::fs::write(&empty, b"this is no database, but a text of some length").unwrap();
        assert!(matches!(examine(&address(&empty)), Err(OpenError::Damaged(_))));
    }
}
