//! The attack catalogue over HTTP, as far as it is built: each test is named after the attack that it plays, and asserts the
//! exact outcome. What a race or a lost connection decides runs on SQLite and on PostgreSQL, with two instances where that is
//! the point; the table of all attacks is in `docs/reference/attacks.md`.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "what is skipped is said")]

mod authorize;
mod chain;
mod device;
mod house;
mod input;
mod judge;
mod otp;
mod passkey;
mod password;
mod privacy;
mod sessions;
mod storage;
#[path = "../support/mod.rs"]
mod support;
mod table;
mod telling;
mod thousand;
mod token;
mod totp;
mod transaction;
