//! The password authenticator: argon2id (RFC 9106).
//!
//! What is here: the [`Password`] authenticator, the [`HashPool`] on which every password of this server is hashed, and
//! the little that is asked of a new password ([`check_new`]). What is not: budgets against guessing, which the engine
//! has for every authenticator, and where hashes are kept.

mod authenticator;
mod hash;
mod policy;
mod pool;

pub use authenticator::Password;
pub use hash::{HashError, HashParams};
pub use policy::{Length, PasswordRefused, check_new};
pub use pool::{HashPool, PoolSettings};

/// The longest password that is looked at, in bytes: far beyond what anybody types, and short enough that reading it costs
/// nothing beside the hash.
pub const MAX_BYTES: usize = 4096;
