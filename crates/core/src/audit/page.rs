//! Reading the log page by page, newest first. A page goes on where the last one ended, by time and id, so that page 1,000
//! costs what page 1 costs.

use super::AuditEvent;
use crate::{
    id::{AuditId, UserId},
    time::Time,
};

/// Which events are wanted: those that are all of this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Whose kind begins so: `otp.`, or a whole kind.
    pub kind: Option<String>,
    /// That concern this user.
    pub user: Option<UserId>,
    /// That this user did as an admin.
    pub actor: Option<UserId>,
    /// That concern this service provider.
    pub client: Option<String>,
    /// Not before.
    pub since: Option<Time>,
    /// Before.
    pub until: Option<Time>,
    /// Of the request with this id, whole, as an error page shows it.
    pub request_id: Option<String>,
}

impl AuditFilter {
    /// Whether an event is wanted.
    pub fn matches(&self, event: &AuditEvent) -> bool {
        let actor = || event.actor.as_ref().and_then(|actor| actor.user);
        self.kind.as_ref().is_none_or(|kind| event.kind.starts_with(kind.as_str()))
            && self.user.is_none_or(|user| event.user == Some(user))
            && self.actor.is_none_or(|user| actor() == Some(user))
            && self.client.as_ref().is_none_or(|client| event.client.as_ref() == Some(client))
            && self.since.is_none_or(|since| event.at >= since)
            && self.until.is_none_or(|until| event.at < until)
            && self.request_id.as_ref().is_none_or(|id| event.request_id.as_ref() == Some(id))
    }

    /// Whether any of its texts holds what no stored text can: then nothing is wanted.
    pub fn is_impossible(&self) -> bool {
        [&self.kind, &self.client, &self.request_id].into_iter().flatten().any(|text| text.contains('\0'))
    }
}

/// Where a page ended: the next one is older.
pub type AuditCursor = (Time, AuditId);

/// A page of the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditPage {
    /// Newest first.
    pub entries: Vec<AuditEntry>,
    /// Where to go on. A page may be short, even empty, and the log still go on: a filter that hardly anything meets looks at
    /// a bounded number of events at a time.
    pub next: Option<AuditCursor>,
}

/// An event as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Its number in the chain; none in the moment before it is sealed.
    pub seq: Option<i64>,
    /// What happened.
    pub event: AuditEvent,
}
