//! The audit log: appended to, read from its end, never changed.

use diesel::prelude::*;
use vestibule_core::audit::AuditEvent;

use super::{from_json, rows, to_json, written};
use crate::{error::Verdict, schema::audit_events};

on_both! {
    pub(crate) fn append_audit(tx: &mut Tx, event: &AuditEvent) -> Verdict<()> {
        let row = (
            audit_events::id.eq(event.id.to_string()),
            audit_events::at.eq(event.at.0),
            audit_events::body.eq(to_json(event)?),
        );
        let new = diesel::insert_into(audit_events::table).values(row).on_conflict_do_nothing();
        written(new.execute(&mut tx.connection)?, "the audit event's id is taken")
    }

    pub(crate) fn latest_audit(tx: &mut Tx, limit: usize) -> Verdict<Vec<AuditEvent>> {
        let bodies: Vec<String> = audit_events::table
            .order((audit_events::at.desc(), audit_events::id.desc()))
            .limit(rows(limit))
            .select(audit_events::body)
            .load(&mut tx.connection)?;
        bodies.iter().map(|body| from_json("audit_events", body)).collect()
    }
}
