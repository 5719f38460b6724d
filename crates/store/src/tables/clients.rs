//! Clients: what admins write, and all instances keep in memory.

use diesel::prelude::*;
use vestibule_core::{id::ClientId, time::Time};
use vestibule_oauth::model::Client;

use super::{from_json, to_json};
use crate::{
    error::Verdict,
    schema::{clients, consents, grants},
};

on_both! {
    pub(crate) fn clients(tx: &mut Tx) -> Verdict<Vec<Client>> {
        let bodies: Vec<String> = clients::table.order(clients::id).select(clients::body).load(&mut tx.connection)?;
        bodies.iter().map(|body| from_json("clients", body)).collect()
    }

    pub(crate) fn put_client(tx: &mut Tx, client: &Client) -> Verdict<()> {
        let body = to_json(client)?;
        diesel::insert_into(clients::table)
            .values((clients::id.eq(client.id.as_str()), clients::body.eq(&body)))
            .on_conflict(clients::id)
            .do_update()
            .set(clients::body.eq(&body))
            .execute(&mut tx.connection)?;
        tx.raise_configuration_version()
    }

    pub(crate) fn delete_client(tx: &mut Tx, id: &ClientId, now: Time) -> Verdict<bool> {
        let living = grants::table.filter(grants::client.eq(id.as_str())).filter(grants::revoked_at.is_null());
        diesel::update(living).set(grants::revoked_at.eq(now.0)).execute(&mut tx.connection)?;
        // Whoever registers the id anew is somebody else, and nobody agreed to them.
        diesel::delete(consents::table.filter(consents::client.eq(id.as_str()))).execute(&mut tx.connection)?;
        let gone = diesel::delete(clients::table.find(id.as_str())).execute(&mut tx.connection)?;
        tx.raise_configuration_version()?;
        Ok(gone == 1)
    }
}
