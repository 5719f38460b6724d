//! What the endpoints are made of.

use vestibule_core::{
    budget::Limits,
    crypto::Prf,
    random::Random,
    time::{Clock, Time},
};
use vestibule_jose::VerifiedCache;

use crate::{access_token::AccessClaims, snapshot::Snapshot, store::Store};

/// What an endpoint needs of the world, borrowed for one request.
#[derive(Clone, Copy)]
pub struct Deps<'a> {
    /// Clients and keys, as they were when the request came.
    pub snapshot: &'a Snapshot,
    /// The database.
    pub store: &'a Store,
    /// The keyed hash of the master key.
    pub prf: &'a Prf,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Chance.
    pub random: &'a dyn Random,
    /// How often things may be tried.
    pub limits: &'a Limits,
    /// Access tokens that were verified a moment ago; one for the whole process.
    pub verified: &'a VerifiedCache<AccessClaims>,
}

impl Deps<'_> {
    /// The present instant.
    pub fn now(&self) -> Time {
        self.clock.now()
    }
}
