//! The audit log, a page at a time.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use vestibule_core::{
    audit::{
        self, AuditEvent,
        page::{AuditCursor, AuditFilter},
    },
    id::{AuditId, UserId},
    time::{Time, Timestamp},
};

use super::{Actor, AdminError, FieldFault, Permission, transact};
use crate::state::State;

/// The most events that are given at once.
pub const PAGE: usize = 100;

/// A page of the log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AuditList {
    /// Newest first.
    pub items: Vec<AuditView>,
    /// Where to go on; `None` at the end. A page may be short, even empty, and the log still go on.
    pub next: Option<String>,
}

/// An event as it stands in the log.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(into = "Told")]
#[schemars(with = "Told")]
pub struct AuditView {
    /// Its number in the chain; none in the moment before it is sealed.
    pub seq: Option<i64>,
    /// What happened.
    pub event: AuditEvent,
}

/// An event of the audit log.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "AuditEvent")]
struct Told {
    /// Its number in the chain; none in the moment before it is sealed.
    seq: Option<i64>,
    /// Its id.
    id: AuditId,
    /// When.
    at: Timestamp,
    /// What happened, such as `otp.sent` or `admin.user.changed`.
    kind: String,
    /// The service provider that it concerns.
    client: Option<String>,
    /// The user that it concerns.
    user: Option<UserId>,
    /// Where it came from.
    network: Option<String>,
    /// The request's id, as in the log and on error pages.
    request_id: Option<String>,
    /// More, by name; masked where it must be.
    details: BTreeMap<String, String>,
    /// Who did it, where that is an admin and not the user themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<audit::Actor>,
    /// What an admin changed, field by field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    changes: Vec<audit::Change>,
}

/// As it is stored, but for the time, which a program outside reads as RFC 3339.
impl From<AuditView> for Told {
    fn from(AuditView { seq, event }: AuditView) -> Self {
        let AuditEvent { id, at, kind, client, user, network, request_id, details, actor, changes } = event;
        Self { seq, id, at: at.into(), kind, client, user, network, request_id, details, actor, changes }
    }
}

/// The events that are wanted, newest first. `after` is the `next` of the page before.
///
/// # Errors
/// When the actor may not, the place cannot be read, or the store fails.
pub async fn list(
    state: &State,
    actor: &Actor,
    filter: &AuditFilter,
    after: Option<&str>,
    limit: usize,
) -> Result<AuditList, AdminError> {
    actor.needs(Permission::AuditRead)?;
    let wrong = || AdminError::Invalid(vec![FieldFault::new("/after", "this is not the `next` of a page")]);
    let before = after.map(|text| read(text).ok_or_else(wrong)).transpose()?;
    let (filter, limit) = (filter.clone(), limit.clamp(1, PAGE));
    transact::read(state, move |tx| {
        let page = tx.audit_page(&filter, before, limit)?;
        let items = page.entries.into_iter().map(|entry| AuditView { seq: entry.seq, event: entry.event });
        Ok(AuditList { items: items.collect(), next: page.next.map(write) })
    })
    .await
}

fn write((at, id): AuditCursor) -> String {
    format!("{}.{id}", at.0)
}

fn read(text: &str) -> Option<AuditCursor> {
    let (at, id) = text.split_once('.')?;
    Some((Time(at.parse().ok()?), id.parse::<AuditId>().ok()?))
}

#[cfg(test)]
mod tests {
    use vestibule_core::random::SystemRandom;

    use super::*;

    #[test]
    fn a_place_in_the_log_is_read_as_it_was_written() {
        let place = (Time(7), AuditId::new(Time(7), &SystemRandom::default()));
        assert_eq!(read(&write(place)), Some(place));
        for bad in ["", ".", "7", "x.y", "7.0"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
