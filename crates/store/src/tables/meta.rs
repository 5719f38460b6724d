//! What the database says of itself: the probe of its master key, and the version of its configuration.

use diesel::prelude::*;

use crate::{
    error::{OpenError, Verdict},
    schema::{counters, meta},
    seal::Seal,
};

on_both! {
    /// Makes sure that the database was begun with this master key; begins it, if nobody has.
    pub(crate) fn check_master_key(connection: &mut Connection, seal: &Seal) -> Result<(), OpenError> {
        diesel::insert_into(meta::table)
            .values((meta::name.eq(Seal::PROBE_NAME), meta::value.eq(seal.probe())))
            .on_conflict_do_nothing()
            .execute(connection)?;
        let probe: Vec<u8> = meta::table.find(Seal::PROBE_NAME).select(meta::value).first(connection)?;
        seal.recognise(&probe)
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
