//! Passkeys: a device signs what this server made up, with a key that it gives to nobody (Web Authentication, Level 3).
//!
//! What is here: the [`Passkeys`] authenticator, how a passkey is enrolled, and what is kept of one. Every check of a signature, an
//! origin and a flag is a library's. What is not: the script that asks the browser, which is the page's, and how often
//! somebody may try, which is the engine's.

mod authenticator;
mod enrol;
mod judge;
mod key;
mod messages;
mod models;
mod party;
mod settings;
#[cfg(feature = "testing")]
pub mod testing;

pub use authenticator::Passkeys;
pub use key::{Kept, Key, Unusable};
pub use models::model;
pub use party::{NoParty, Party};

/// How many passkeys somebody may have: who enrols the twenty-first is asked to take one away first.
pub const MOST_PASSKEYS: usize = 20;
