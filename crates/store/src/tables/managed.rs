//! What is managed by a file.

use diesel::prelude::*;
use vestibule_core::time::Time;
use vestibule_oauth::managed::{Managed, ObjectKind};

use crate::{
    error::{Failure, Verdict},
    schema::managed_objects,
};

type Row = (String, String, String, i64);

/// A mark from its row.
fn mark((kind, name, source, applied_at): Row) -> Verdict<Managed> {
    let kind = ObjectKind::parse(&kind).ok_or_else(|| Failure::damaged("managed_objects", "there is no such kind"))?;
    Ok(Managed { kind, name, source, applied_at: Time(applied_at) })
}

on_both! {
    pub(crate) fn managed(tx: &mut Tx, kind: ObjectKind, name: &str) -> Verdict<Option<Managed>> {
        let found = managed_objects::table.find((kind.as_str(), name));
        let found: Option<Row> = found.get_result(&mut tx.connection).optional()?;
        found.map(mark).transpose()
    }

    pub(crate) fn managed_all(tx: &mut Tx) -> Verdict<Vec<Managed>> {
        let all = managed_objects::table.order((managed_objects::kind, managed_objects::name));
        let all: Vec<Row> = all.load(&mut tx.connection)?;
        all.into_iter().map(mark).collect()
    }

    pub(crate) fn set_managed(tx: &mut Tx, managed: &Managed) -> Verdict<()> {
        let rest =
            (managed_objects::source.eq(&managed.source), managed_objects::applied_at.eq(managed.applied_at.0));
        let key = (managed_objects::kind.eq(managed.kind.as_str()), managed_objects::name.eq(&managed.name));
        diesel::insert_into(managed_objects::table)
            .values((key, rest))
            .on_conflict((managed_objects::kind, managed_objects::name))
            .do_update()
            .set(rest)
            .execute(&mut tx.connection)?;
        Ok(())
    }

    pub(crate) fn clear_managed(tx: &mut Tx, kind: ObjectKind, name: &str) -> Verdict<bool> {
        let gone = diesel::delete(managed_objects::table.find((kind.as_str(), name))).execute(&mut tx.connection)?;
        Ok(gone == 1)
    }
}
