//! Chains and connections: what admins write, and all instances keep in memory. Every change raises the version by
//! which they notice.

use diesel::prelude::*;
use vestibule_core::{
    chain::ChainRevision,
    channel::Connection as ChannelConnection,
    id::{ChainName, ConnectionName},
};

use super::from_json;
use crate::{
    error::Verdict,
    schema::{chain_revisions, chains, connections, counters},
};

/// A revision from its row.
fn revision((chain, revision, body): (String, i64, String)) -> Verdict<ChainRevision> {
    Ok(ChainRevision { chain: chain.into(), revision, document: from_json("chain_revisions", &body)? })
}

/// What the settings of a connection are sealed for.
fn record(name: &str) -> String {
    format!("connections/{name}")
}

on_both! {
    pub(crate) fn published_chains(tx: &mut Tx) -> Verdict<Vec<ChainRevision>> {
        let published = chains::name.eq(chain_revisions::chain).and(chains::revision.eq(chain_revisions::revision));
        let found: Vec<(String, i64, String)> = chains::table
            .inner_join(chain_revisions::table.on(published))
            .select((chain_revisions::chain, chain_revisions::revision, chain_revisions::body))
            .order(chains::name)
            .load(&mut tx.connection)?;
        found.into_iter().map(revision).collect()
    }

    pub(crate) fn chain_revision(tx: &mut Tx, chain: &ChainName, number: i64) -> Verdict<Option<ChainRevision>> {
        let found: Option<(String, i64, String)> = chain_revisions::table
            .find((chain.as_str(), number))
            .select((chain_revisions::chain, chain_revisions::revision, chain_revisions::body))
            .get_result(&mut tx.connection)
            .optional()?;
        found.map(revision).transpose()
    }

    pub(crate) fn delete_chain(tx: &mut Tx, chain: &ChainName) -> Verdict<bool> {
        let gone = diesel::delete(chains::table.find(chain.as_str())).execute(&mut tx.connection)?;
        tx.raise_configuration_version()?;
        Ok(gone == 1)
    }

    pub(crate) fn connections(tx: &mut Tx) -> Verdict<Vec<ChannelConnection>> {
        let found: Vec<(String, String, Vec<u8>, bool)> =
            connections::table.order(connections::name).load(&mut tx.connection)?;
        found
            .into_iter()
            .map(|(name, kind, settings, disabled)| {
                let settings = tx.seal.open_json(&record(&name), &settings)?;
                Ok(ChannelConnection { name: name.into(), kind, settings, disabled })
            })
            .collect()
    }

    pub(crate) fn put_connection(tx: &mut Tx, connection: &ChannelConnection) -> Verdict<()> {
        let name = connection.name.as_str();
        let settings = tx.seal.close_json(&record(name), &connection.settings)?;
        let rest = (
            connections::kind.eq(&connection.kind),
            connections::settings.eq(&settings),
            connections::disabled.eq(connection.disabled),
        );
        diesel::insert_into(connections::table)
            .values((connections::name.eq(name), rest))
            .on_conflict(connections::name)
            .do_update()
            .set(rest)
            .execute(&mut tx.connection)?;
        tx.raise_configuration_version()
    }

    pub(crate) fn delete_connection(tx: &mut Tx, name: &ConnectionName) -> Verdict<bool> {
        let gone = diesel::delete(connections::table.find(name.as_str())).execute(&mut tx.connection)?;
        tx.raise_configuration_version()?;
        Ok(gone == 1)
    }

    pub(crate) fn configuration_version(tx: &mut Tx) -> Verdict<i64> {
        Ok(counters::table.find("configuration").select(counters::value).get_result(&mut tx.connection)?)
    }
}
