//! The verbs, one file per aggregate: its row, and its queries beside it.
//!
//! A verb is a function of the trait's own name over a [`Tx`](crate::tx::Tx). Single use lives in SQL: an `UPDATE`
//! whose condition says what must still be so, and its row count. A key that is taken is found by `ON CONFLICT DO
//! NOTHING` and the row count too, since an error would end PostgreSQL's whole transaction. A unique row is read by
//! `get_result`: `first` adds a `LIMIT` with a bound number, for which SQLite prepares the statement anew each time.

pub(crate) mod audit;
pub(crate) mod budgets;
pub(crate) mod chains;
pub(crate) mod challenges;
pub(crate) mod clients;
pub(crate) mod codes;
pub(crate) mod configuration;
pub(crate) mod consents;
pub(crate) mod credentials;
pub(crate) mod devices;
pub(crate) mod directory;
pub(crate) mod grants;
pub(crate) mod interactions;
pub(crate) mod joining;
pub(crate) mod keys;
pub(crate) mod links;
pub(crate) mod managed;
pub(crate) mod meta;
pub(crate) mod outbox;
pub(crate) mod sessions;
pub(crate) mod sweep;
pub(crate) mod tallies;
pub(crate) mod tokens;
pub(crate) mod users;

use serde::{Serialize, de::DeserializeOwned};

use crate::error::{Failure, Verdict};

/// The JSON of a body.
fn to_json<T: Serialize>(value: &T) -> Verdict<String> {
    serde_json::to_string(value).map_err(|error| Failure::damaged("value", error))
}

/// A body from its JSON.
fn from_json<T: DeserializeOwned>(place: &str, text: &str) -> Verdict<T> {
    serde_json::from_str(text).map_err(|error| Failure::damaged(place, error))
}

/// A counter from its column.
fn count(place: &str, value: i64) -> Verdict<u32> {
    u32::try_from(value).map_err(|error| Failure::damaged(place, error))
}

/// A limit as SQL takes it.
fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// One row was written, or `taken`.
fn written(rows: usize, taken: &'static str) -> Verdict<()> {
    if rows == 1 { Ok(()) } else { Err(Failure::Conflict(taken)) }
}
