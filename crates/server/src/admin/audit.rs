//! The audit log: a page at a time ([`list`]), as it grows ([`tail`]), to take along ([`export`]), and how it is ([`health`]).

pub mod export;
pub mod health;
pub mod places;
pub mod tail;

use std::{collections::BTreeMap, pin::Pin};

use schemars::JsonSchema;
use serde::Serialize;
use vestibule_core::{
    audit::{
        self, AuditEvent,
        page::{AuditCursor, AuditFilter},
    },
    id::{AuditId, UserId},
    time::Timestamp,
};

use self::places::Places;
use super::{
    Actor, AdminError, Permission,
    paging::{self, PageQuery},
    transact,
};
use crate::state::State;

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

/// A filter as it was asked for: what the token of a page is bound to, and what the log keeps of an export.
#[derive(Debug, Serialize)]
struct Asked {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

fn asked(filter: &AuditFilter) -> Asked {
    let AuditFilter { kind, user, actor, client, since, until, request_id } = filter.clone();
    Asked { kind, user, actor, client, since: since.map(Into::into), until: until.map(Into::into), request_id }
}

/// What the answers that take long share.
#[derive(Debug)]
pub struct Shared {
    /// Places of those who look at the log as it grows.
    pub tails: Places,
    /// Places of those who take it along.
    pub exports: Places,
    /// The names of the sinks that are set.
    pub sinks: Vec<&'static str>,
}

impl Shared {
    /// With the usual numbers of places.
    pub fn new(sinks: Vec<&'static str>) -> Self {
        Self { tails: Places::new(tail::IN_ALL, tail::EACH), exports: Places::new(export::IN_ALL, export::EACH), sinks }
    }
}

/// Whether the actor may still read the log: asked again and again while an answer is under way.
pub type Still = Box<dyn Fn() -> Pin<Box<dyn Future<Output = bool>>>>;

/// The events that are wanted, newest first. `after` is the `next` of the page before.
///
/// # Errors
/// When the actor may not, the token is not ours or of another question, or the store fails.
pub async fn list(
    state: &State,
    actor: &Actor,
    filter: &AuditFilter,
    after: Option<&str>,
    limit: usize,
) -> Result<AuditList, AdminError> {
    actor.needs(Permission::AuditRead)?;
    let question = ("audit", asked(filter));
    let page = PageQuery { limit: None, after: after.map(str::to_owned) };
    let before = page.read::<AuditCursor>(&question, &state.prf)?.after;
    let (filter, limit) = (filter.clone(), limit.clamp(1, PageQuery::MOST));
    let page = transact::read(state, move |tx| Ok(tx.audit_page(&filter, before, limit)?)).await?;
    let items = page.entries.into_iter().map(|entry| AuditView { seq: entry.seq, event: entry.event });
    let next = page.next.map(|place| paging::token(&place, &question, &state.prf));
    Ok(AuditList { items: items.collect(), next })
}
