//! The server as its users meet it: one story a file, all in one executable, since each links the whole server.
//!
//! What counts for a whole process (`console_queries`) stays by itself, and so do the suites with a house of their own
//! (`api`, `attacks`, `portal`).
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod audit;
mod chains;
mod compromised;
mod console;
mod email;
mod faces;
mod figures;
mod forgotten;
mod joining;
mod notices;
mod passkeys;
mod password_then_sms;
mod people;
mod proving;
mod refusals;
mod second_factor;
mod sms_words;
mod trials;
mod wish;

#[path = "../support/mod.rs"]
mod support;
