//! The audit log, a page at a time.

use serde::Serialize;
use vestibule_core::{
    audit::{
        AuditEvent,
        page::{AuditCursor, AuditFilter},
    },
    id::AuditId,
    time::Time,
};

use super::{Actor, AdminError, FieldFault, Permission, transact};
use crate::state::State;

/// The most events that are given at once.
pub const PAGE: usize = 100;

/// A page of the log.
#[derive(Clone, Debug, Serialize)]
pub struct AuditList {
    /// Newest first.
    pub items: Vec<AuditView>,
    /// Where to go on; `None` at the end. A page may be short, even empty, and the log still go on.
    pub next: Option<String>,
}

/// An event as it stands in the log.
#[derive(Clone, Debug, Serialize)]
pub struct AuditView {
    /// Its number in the chain; none in the moment before it is sealed.
    pub seq: Option<i64>,
    /// What happened.
    #[serde(flatten)]
    pub event: AuditEvent,
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
