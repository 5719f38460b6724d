//! SQLite and PostgreSQL behind the ports of `vestibule-core` and `vestibule-oauth`.
//!
//! What is here: [`open`], which takes a database address and gives the [`Store`] of the whole server; the migrations
//! of both databases; and the verbs, one file per aggregate under `tables`. What is not: any rule about who may do
//! what. A verb here decides one thing alone, which of two writers was first.
//!
//! Each query is written once and compiled for both databases (`both`); diesel's types stay inside this crate.
//! Diesel's `MultiConnection` would give one connection type instead of two, but it knows no `ON CONFLICT` and no
//! `RETURNING`, on which single use rests.
//!
//! A `write` is durable when it returns. SQLite has one writer thread that commits many waiting transactions at once
//! (`sqlite`); PostgreSQL runs serializable transactions and repeats those that lost a race (`postgres`).

#[macro_use]
mod both;

mod address;
mod error;
mod examine;
mod migrations;
mod options;
mod postgres;
mod queue;
mod schema;
mod seal;
mod sqlite;
mod tables;
mod tx;

use std::sync::Arc;

use vestibule_core::crypto::MasterKey;
pub use vestibule_oauth::store::Store;

pub use crate::{
    address::DatabaseUrl,
    error::OpenError,
    examine::{Examined, ExaminedFile, examine},
    options::Options,
};

/// Opens a database, brings its tables up to date, and makes sure that it was begun with this master key.
///
/// This blocks, and belongs before the server listens.
///
/// # Errors
/// [`OpenError`] tells what an operator has to do about it.
pub fn open(address: &DatabaseUrl, master: &MasterKey, options: &Options) -> Result<Arc<Store>, OpenError> {
    let seal = Arc::new(seal::Seal::new(master));
    Ok(match address {
        DatabaseUrl::Sqlite(file) => Arc::new(sqlite::SqliteStore::open(file.path(), &seal, options)?),
        DatabaseUrl::Postgres(server) => Arc::new(postgres::PgStore::open(server, &seal, options)?),
    })
}

/// Runs the migrations that are pending; their names. Of two programs at once one runs them.
///
/// # Errors
/// When the database cannot be opened, or a migration fails; that one is then rolled back.
pub fn migrate(address: &DatabaseUrl) -> Result<Vec<String>, OpenError> {
    match address {
        DatabaseUrl::Sqlite(file) => sqlite::migrate(file.path()),
        DatabaseUrl::Postgres(server) => postgres::migrate(server),
    }
}

/// The names of the migrations that are pending.
///
/// # Errors
/// When the database cannot be opened, or is newer than this program.
pub fn pending(address: &DatabaseUrl) -> Result<Vec<String>, OpenError> {
    match address {
        DatabaseUrl::Sqlite(file) => sqlite::pending(file.path()),
        DatabaseUrl::Postgres(server) => postgres::pending(server),
    }
}

/// Takes every migration back, and with it all data. For tests.
///
/// # Errors
/// When the database cannot be opened, or a migration cannot be taken back.
pub fn revert(address: &DatabaseUrl) -> Result<(), OpenError> {
    match address {
        DatabaseUrl::Sqlite(file) => sqlite::revert(file.path()),
        DatabaseUrl::Postgres(server) => postgres::revert(server),
    }
}
