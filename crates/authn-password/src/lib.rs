//! The password authenticator: argon2id (RFC 9106).
//!
//! What is here: the [`Password`] authenticator, the [`HashPool`] on which every password of this server is hashed,
//! the hashes of other programs that it can compare with ([`check_hash`]), and what is asked of a new password ([`Policy`]). What
//! is not: budgets against guessing, which the engine has for every authenticator, where hashes are kept, and HTTP.

mod authenticator;
mod blocklist;
mod breach;
mod change;
mod crypt;
mod firebase;
mod foreign;
mod hash;
mod kind;
mod mark;
mod policy;
mod pool;

pub use authenticator::Password;
pub use blocklist::{Blocklist, BlocklistError};
pub use breach::Breaches;
pub use foreign::same_hash;
pub use hash::{HashError, HashParams, check_hash};
pub use kind::{CURRENT, KINDS, kind_of};
pub use mark::{marked, must_change};
pub use policy::{PasswordRefused, Policy, names_of};
pub use pool::{HashPool, PoolSettings};

/// The longest password that is looked at, in bytes: far beyond what anybody types, and short enough that reading it costs
/// nothing beside the hash.
pub const MAX_BYTES: usize = 4096;
