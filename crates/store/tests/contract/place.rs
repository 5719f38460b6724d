//! Where a test's database is. Dropping it removes it.

use std::sync::Arc;

use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection, sql_query};
use tempfile::TempDir;
use vestibule_core::{crypto::MasterKey, random::SystemRandom};
use vestibule_store::{DatabaseUrl, OpenError, Options, Store};

/// A database for one test.
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) key: MasterKey,
    pub(crate) options: Options,
    kind: Kind,
}

enum Kind {
    Memory,
    Folder(TempDir),
    Server { admin: String, name: String },
}

fn place(url: String, kind: Kind) -> Place {
    let key = MasterKey::generate(&SystemRandom::default());
    Place { url, key, options: Options { connections: 16, ..Options::default() }, kind }
}

/// A file.
#[expect(clippy::unnecessary_wraps, reason = "as the others")]
pub(crate) fn sqlite_file(_test: &str) -> Option<Place> {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("test.db").display());
    Some(place(url, Kind::Folder(folder)))
}

/// Memory.
#[expect(clippy::unnecessary_wraps, reason = "as the others")]
pub(crate) fn sqlite_memory(_test: &str) -> Option<Place> {
    Some(place("sqlite::memory:".to_owned(), Kind::Memory))
}

/// A database of its own on the server of `VESTIBULE_TEST_POSTGRES`; `None` when it shall be skipped.
pub(crate) fn postgres(test: &str) -> Option<Place> {
    let Ok(admin) = std::env::var("VESTIBULE_TEST_POSTGRES") else {
        assert!(
            std::env::var("VESTIBULE_SKIP_POSTGRES").is_ok_and(|skip| skip == "1"),
            "VESTIBULE_TEST_POSTGRES is not set: run the tests by `.ci/with-postgres cargo test`, or set it to the \
             address of a server where databases may be made; VESTIBULE_SKIP_POSTGRES=1 leaves these tests out"
        );
        println!("{test} on PostgreSQL: skipped, since VESTIBULE_SKIP_POSTGRES=1");
        return None;
    };
    let number = uuid::Builder::from_random_bytes(vestibule_core::random::RandomExt::bytes(&SystemRandom::default()));
    let name = format!("vestibule_{}", number.into_uuid().simple());
    let mut connection = PgConnection::establish(&admin).unwrap();
    sql_query(format!("CREATE DATABASE {name}")).execute(&mut connection).unwrap();
    let (server, _) = admin.rsplit_once('/').unwrap();
    Some(place(format!("{server}/{name}"), Kind::Server { admin: admin.clone(), name }))
}

impl Place {
    pub(crate) fn address(&self) -> DatabaseUrl {
        self.url.parse().unwrap()
    }

    pub(crate) fn open(&self) -> Arc<Store> {
        self.try_open().unwrap()
    }

    pub(crate) fn try_open(&self) -> Result<Arc<Store>, OpenError> {
        self.try_open_with(&self.key)
    }

    pub(crate) fn try_open_with(&self, key: &MasterKey) -> Result<Arc<Store>, OpenError> {
        vestibule_store::open(&self.address(), key, &self.options)
    }

    /// Runs a statement beside the store, as somebody with a shell would.
    pub(crate) fn execute(&self, statement: &str) {
        match &self.kind {
            Kind::Server { .. } => {
                sql_query(statement).execute(&mut PgConnection::establish(&self.url).unwrap()).map(drop).unwrap();
            }
            _ => sql_query(statement).execute(&mut self.file()).map(drop).unwrap(),
        }
    }

    /// Runs a statement as the server's admin, in another database.
    pub(crate) fn administer(&self, statement: impl Fn(&str) -> String) {
        let Kind::Server { admin, name } = &self.kind else { panic!("only on a server") };
        sql_query(statement(name)).execute(&mut PgConnection::establish(admin).unwrap()).unwrap();
    }

    /// A connection of one's own to the file.
    pub(crate) fn file(&self) -> SqliteConnection {
        SqliteConnection::establish(self.url.strip_prefix("sqlite:").unwrap()).unwrap()
    }

    /// Everything that the database holds, as bytes in which a plain value would be found.
    pub(crate) fn dump(&self) -> Vec<u8> {
        match &self.kind {
            Kind::Memory => panic!("nothing lasts in memory"),
            Kind::Folder(folder) => {
                // By another process: when this one closes a handle to the file, SQLite's locks in it end.
                let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
                std::process::Command::new("cat").args(files).output().unwrap().stdout
            }
            Kind::Server { .. } => dump_server(&mut PgConnection::establish(&self.url).unwrap()),
        }
    }
}

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

fn dump_server(connection: &mut PgConnection) -> Vec<u8> {
    sql_query("SET bytea_output = 'escape'").execute(connection).unwrap();
    let tables = "SELECT tablename::text AS line FROM pg_tables WHERE schemaname = 'public'";
    let tables: Vec<Line> = sql_query(tables).load(connection).unwrap();
    let mut dump = Vec::new();
    for Line { line: table } in tables {
        let rows: Vec<Line> = sql_query(format!("SELECT t::text AS line FROM {table} t")).load(connection).unwrap();
        rows.iter().for_each(|row| dump.extend_from_slice(row.line.as_bytes()));
    }
    dump
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Kind::Server { admin, name } = &self.kind
            && let Ok(mut connection) = PgConnection::establish(admin)
        {
            drop(sql_query(format!("DROP DATABASE {name} WITH (FORCE)")).execute(&mut connection));
        }
    }
}
