//! Audit events: what happened, for people who must be able to tell later. Never a secret, a code or a whole number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    id::{AuditId, UserId},
    time::Time,
};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Its id.
    pub id: AuditId,
    /// When.
    pub at: Time,
    /// What, such as `otp.sent` or `code.replayed`.
    pub kind: String,
    /// The service provider that it concerns.
    pub client: Option<String>,
    /// The user that it concerns.
    pub user: Option<UserId>,
    /// Where it came from.
    pub network: Option<String>,
    /// The request's id, as in the log.
    pub request_id: Option<String>,
    /// More, by name; masked where it must be.
    pub details: BTreeMap<String, String>,
}
