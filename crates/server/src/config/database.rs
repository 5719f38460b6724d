//! The database: where it is, and how many connections to it.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};

use super::reader::Reader;

/// The database.
#[derive(Clone, Debug)]
pub struct Database {
    /// `sqlite://path` or `postgres://…`. It may hold a password.
    pub url: SecretString,
    /// How many connections at most: readers for SQLite, all for PostgreSQL.
    pub pool_size: u32,
}

impl Database {
    /// The file of an SQLite database; `None` for PostgreSQL.
    pub fn sqlite_file(&self) -> Option<PathBuf> {
        let rest = self.url.expose_secret().strip_prefix("sqlite:")?;
        Some(rest.strip_prefix("//").unwrap_or(rest).into())
    }
}

pub(super) fn read(reader: &Reader<'_>, data_dir: &Path) -> Option<Database> {
    let default = || format!("sqlite://{}", data_dir.join("vestibule.db").display()).into();
    let url: SecretString = reader.secret("url").unwrap_or_else(default);
    let pool_size = reader.within("pool_size", 8, 1..=1000);
    let known = ["sqlite:", "postgres://", "postgresql://"];
    if !known.iter().any(|scheme| url.expose_secret().starts_with(scheme)) {
        let advice = "Write sqlite:///path/to/vestibule.db or postgres://user@host/database.";
        reader.refuse("url", "is no database that this server knows", advice);
        return None;
    }
    Some(Database { url, pool_size })
}
