//! A database for each test: an SQLite file, or a PostgreSQL database of its own.

use std::{path::Path, process::Command};

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

const ADDRESS: &str = "VESTIBULE_TEST_POSTGRES";

impl Database {
    /// Whether there is one; skipping PostgreSQL has to be asked for.
    pub(crate) fn is_there(self) -> bool {
        if self == Self::Sqlite || std::env::var_os(ADDRESS).is_some() {
            return true;
        }
        assert!(
            std::env::var("VESTIBULE_SKIP_POSTGRES").as_deref() == Ok("1"),
            "{ADDRESS} is not set. Run `.ci/with-postgres cargo test ...`, or set it to the address of a PostgreSQL whose \
             user may create databases. VESTIBULE_SKIP_POSTGRES=1 leaves PostgreSQL out."
        );
        eprintln!("skipped on PostgreSQL: VESTIBULE_SKIP_POSTGRES=1");
        false
    }

    /// The address of a new, empty one.
    pub(crate) fn create(self, folder: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}", folder.join("data").join("vestibule.db").display()),
            Self::Postgres => postgres(),
        }
    }
}

fn postgres() -> String {
    let server = std::env::var(ADDRESS).unwrap();
    let random = vestibule_core::random::SystemRandom::default();
    let name = format!("end_to_end_{:x}", u128::from_be_bytes(vestibule_core::random::RandomExt::bytes::<16>(&random)));
    let psql = Command::new("psql")
        .args(["--quiet", "--no-psqlrc", "--dbname", &server, "--command"])
        .arg(format!("create database {name}"))
        .output();
    let output = psql.unwrap_or_else(|error| panic!("psql: {error}. Install the package postgresql-client."));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut url: url::Url = server.parse().unwrap();
    url.set_path(&name);
    url.into()
}
