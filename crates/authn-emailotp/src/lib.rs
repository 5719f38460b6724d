//! One-time codes by e-mail, links that carry them, and the mail servers that take them along.
//!
//! What is here: the [`EmailOtp`] authenticator, which verifies; the [`Mail`] channel, which delivers by SMTP; and
//! [`parse_address`], through which every address comes. What is not: the code itself, its tries and its resends, and the page that
//! a link opens, which are the engine's and the server's.

mod address;
mod authenticator;
mod enrol;
mod mail;
mod messages;
mod settings;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use address::{AddressError, EmailAddress, parse_address};
pub use authenticator::EmailOtp;
pub use mail::{Mail, Unreachable, build, settings_schema};
