//! What the database says of itself: the probe of its master key, the end of its audit log, and the version of its
//! configuration.

use diesel::{Connection as _, prelude::*};

use crate::{
    error::{OpenError, Verdict},
    schema::{audit_events, counters, meta},
    seal::Seal,
};

/// The row with the end of the audit log.
pub(in crate::tables) const AUDIT_HEAD: &str = "audit_head";

on_both! {
    /// Makes sure that the database was begun with this master key; begins it, if nobody has.
    pub(crate) fn check_master_key(connection: &mut Connection, seal: &Seal) -> Result<(), OpenError> {
        connection.transaction(|connection| {
            let probe = (meta::name.eq(Seal::PROBE_NAME), meta::value.eq(seal.probe()));
            let new = diesel::insert_into(meta::table).values(probe).on_conflict_do_nothing().execute(connection)?;
            if new == 1 { begin_audit(connection, seal) } else { Ok(()) }
        })?;
        let probe: Vec<u8> = meta::table.find(Seal::PROBE_NAME).select(meta::value).first(connection)?;
        seal.recognise(&probe)
    }

    /// Writes the end of an empty audit log, once, when the database is begun. Never again, and never beside an event: who could
    /// have it written anew by removing it could have the log sealed anew, without what they took out.
    fn begin_audit(connection: &mut Connection, seal: &Seal) -> Result<(), OpenError> {
        if diesel::select(diesel::dsl::exists(audit_events::table.select(audit_events::id))).get_result(connection)? {
            return Ok(());
        }
        diesel::insert_into(meta::table)
            .values((meta::name.eq(AUDIT_HEAD), meta::value.eq(seal.audit_begin())))
            .on_conflict_do_nothing()
            .execute(connection)?;
        Ok(())
    }

    impl Tx {
        /// Says that the configuration changed.
        pub(in crate::tables) fn raise_configuration_version(&mut self) -> Verdict<()> {
            diesel::update(counters::table.find("configuration"))
                .set(counters::value.eq(counters::value + 1))
                .execute(&mut self.connection)?;
            Ok(())
        }
    }
}
