//! Codes of authenticator apps: time-based one-time passwords (RFC 6238).
//!
//! What is here: the [`Totp`] authenticator, how a device is enrolled, and what is kept of one. The code itself is computed
//! by a library. What is not: how the key is drawn as a picture, which is the page's, and how often somebody may try, which
//! is the engine's.

mod authenticator;
mod device;
mod enrol;
mod messages;
mod settings;

pub use authenticator::Totp;
pub use device::{Algorithm, Device, Digits, Found, Unusable};

/// How many devices somebody may have: who enrols the eleventh is asked to take one away first.
pub const MOST_DEVICES: usize = 10;
