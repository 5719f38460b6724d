//! What ended is deleted, a bounded number of rows at a time.

use diesel::{prelude::*, sql_query, sql_types::BigInt};
use vestibule_core::time::Time;

use super::rows;
use crate::error::Verdict;

/// Each table with its key and what says that a row ended before the instant `$1`. Challenges go with their
/// interaction. A spent code stays for a day, so that one who brings it again is known and all that it gave is revoked
/// (RFC 6749, section 4.1.2).
const ENDED: [(&str, &str, &str); 13] = [
    ("interactions", "id", "expires_at <= $1"),
    ("codes", "hash", "expires_at <= $1 AND (consumed_at IS NULL OR expires_at <= $1 - 86400000000)"),
    ("assertions", "client, jti", "expires_at <= $1"),
    ("revoked_tokens", "jti", "expires_at <= $1"),
    ("budgets", "key", "forgotten_at <= $1"),
    ("sessions", "id", "expires_at <= $1 OR ended_at <= $1"),
    ("trusted_devices", "id", "expires_at <= $1 OR revoked_at <= $1"),
    ("grants", "id", "expires_at <= $1"),
    ("one_time_links", "hash", "expires_at <= $1"),
    ("receipts", "key", "expires_at <= $1"),
    ("registrations", "key", "expires_at <= $1"),
    // Who delivers throws away what is too old, and says so; this is for what nobody delivers.
    ("outbox", "id", "expires_at <= $1 - 86400000000"),
    (
        "tallies",
        "span, at, what, about",
        "(span = 3600 AND at <= $1 - 691200000000) OR (span = 86400 AND at <= $1 - 34560000000000)",
    ),
];

on_both! {
    pub(crate) fn sweep(tx: &mut Tx, now: Time, limit: usize) -> Verdict<usize> {
        let mut swept = 0;
        for (table, key, ended) in ENDED {
            let some = format!("SELECT {key} FROM {table} WHERE {ended} LIMIT $2");
            let delete = sql_query(format!("DELETE FROM {table} WHERE ({key}) IN ({some})"));
            let delete = delete.bind::<BigInt, _>(now.0).bind::<BigInt, _>(rows(limit));
            swept += delete.execute(&mut tx.connection)?;
        }
        Ok(swept)
    }
}
