//! Why an operation was not done. Nothing was changed, whichever it is.

use schemars::JsonSchema;
use serde::Serialize;
use vestibule_core::store::StoreError;

use super::{Etag, Permission};

/// Why an operation was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The actor lacks a permission.
    #[error("this needs the permission {}", .0.scope())]
    Forbidden(Permission),
    /// The actor stands below whom it is about.
    #[error("this user has a role that stands above yours")]
    Above,
    /// There is no such thing.
    #[error("there is no {0} of that name")]
    NotFound(&'static str),
    /// Something in what was given is wrong.
    #[error("{}", faults(.0))]
    Invalid(Vec<FieldFault>),
    /// What must be unique is taken.
    #[error("{0}")]
    Taken(FieldFault),
    /// Somebody else changed it since it was read. The value as it is now, for showing both.
    #[error("somebody else changed it in the meantime")]
    Stale {
        /// The entity tag of what is there now.
        etag: Etag,
        /// What is there now.
        current: serde_json::Value,
    },
    /// A change of a thing that must not be lost names no version (`If-Match`).
    #[error("the change does not say which version it was made from")]
    VersionWanted,
    /// It would leave nobody who can sign in to the console as an owner.
    #[error("nobody would be left who can sign in to the console as an owner: {0}")]
    LocksOut(String),
    /// It is declared in a file, which is where it is changed.
    #[error("this is managed by the file {0}: change it there, and apply it")]
    Managed(String),
    /// It belongs to the server itself or is in use.
    #[error("{0}")]
    Refused(String),
    /// A budget of messages or tries is used up.
    #[error("there were too many messages or tries")]
    Limited {
        /// In how many seconds to come again; `None` when waiting does not help.
        seconds: Option<u64>,
    },
    /// The server has too much to do at the moment.
    #[error("the server is busy; try again in a moment")]
    Busy,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is wrong with one field of what was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error, JsonSchema)]
#[error("{pointer}: {detail}")]
pub struct FieldFault {
    /// Where, as a JSON Pointer (RFC 6901) into what was given: `/phone_number`.
    pub pointer: String,
    /// What is wrong and what to do, in a sentence. It does not repeat a secret.
    pub detail: String,
}

impl FieldFault {
    /// A fault of the field at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

fn faults(faults: &[FieldFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Everything that is wrong at once, or nothing.
///
/// # Errors
/// [`AdminError::Invalid`] when there is a fault.
pub fn all_right(faults: Vec<FieldFault>) -> Result<(), AdminError> {
    if faults.is_empty() { Ok(()) } else { Err(AdminError::Invalid(faults)) }
}
