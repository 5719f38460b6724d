//! The authorization code: derived from its grant with the master key, so that the same answer can be given again while
//! the database holds nothing but a hash of it.

use std::time::Duration;

use vestibule_core::crypto::Prf;

use crate::model::GrantId;

/// How long a code lives (RFC 6749, section 4.1.2 allows ten minutes; FAPI 2.0 one).
pub const LIFE: Duration = Duration::from_secs(60);

/// The code of a grant.
pub fn text(grant: GrantId, prf: &Prf) -> String {
    format!("vsc_{}", prf.text("authorization code", &[grant.0.as_bytes()]))
}

/// What is stored of a code. Its domain differs from every other, so that a code is never found as anything else, nor
/// anything else as a code.
pub fn hash(code: &str, prf: &Prf) -> String {
    prf.text("authorization code hash", &[code.as_bytes()])
}
