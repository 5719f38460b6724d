//! The admin API over HTTP: who may do what, what bad input gets, and that nobody's change is lost.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod bypass;
mod compromise;
mod doctor;
mod document;
mod escalation;
mod house;
mod import;
mod input;
mod invitations;
mod least_privilege;
mod links;
mod lockout;
mod log;
mod managed;
mod once;
mod parity;
mod races;
mod requests;
mod schemas;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
mod users;
