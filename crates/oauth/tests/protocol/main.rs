//! The protocol over a real database and the real engine, with an authenticator small enough to see through. Everything but
//! HTTP, which the server's tests add.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that meets what it did not expect fails"
)]

mod authorize;
mod client;
mod code;
mod consent;
mod groups;
mod keys;
mod logout;
mod refresh;
mod step_up;
mod tokens;
mod world;
