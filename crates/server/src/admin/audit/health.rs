//! How the log is: how far it is sealed, whether its end is whole, and how far each sink has been served. It costs the same
//! however long the log is; what was done to older events only `vestibule audit verify` finds.

use schemars::JsonSchema;
use serde::Serialize;
use vestibule_core::{
    audit::chain::{self, Finding, Head},
    time::Timestamp,
};

use super::super::{Actor, AdminError, Permission, transact};
use crate::state::State;

/// How the log is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "AuditHealth")]
pub struct Health {
    /// The number of the event that was sealed last; 0 before the first. `null` when the end of the log is not whole.
    pub sealed: Option<i64>,
    /// What is wrong with the end of the log. Nothing is sealed while it is.
    pub finding: Option<String>,
    /// Since when the oldest event that is not sealed waits. More than a few seconds are too many.
    pub waiting_since: Option<Timestamp>,
    /// Those outside who are given the events.
    pub sinks: Vec<SinkHealth>,
}

/// How far a sink has been served.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SinkHealth {
    /// Which: `stdout`, `file` or `http`.
    pub name: String,
    /// The number of the last event that it took; 0 before the first.
    pub served: i64,
    /// How many are sealed that it has not taken yet.
    pub behind: i64,
}

/// How the log is.
///
/// # Errors
/// When the actor may not, or the store fails.
pub async fn health(state: &State, actor: &Actor) -> Result<Health, AdminError> {
    actor.needs(Permission::AuditRead)?;
    let (prf, names) = (state.prf.clone(), state.audit.sinks.clone());
    transact::read(state, move |tx| {
        let end: Result<Head, Finding> = chain::glance(tx, &prf)?;
        let waiting = tx.unsealed_audit(1)?.first().map(|row| Timestamp(vestibule_core::Time(row.at)));
        let marks = if names.is_empty() { Default::default() } else { tx.audit_marks()? };
        let sealed = end.as_ref().ok().map(|head| head.seq);
        let sink = |name: &&'static str| {
            let served = marks.get(*name).copied().unwrap_or_default();
            let behind = sealed.unwrap_or(served).saturating_sub(served).max(0);
            SinkHealth { name: (*name).to_owned(), served, behind }
        };
        let sinks = names.iter().map(sink).collect();
        Ok(Health { sealed, finding: end.err().map(|finding| finding.to_string()), waiting_since: waiting, sinks })
    })
    .await
}
