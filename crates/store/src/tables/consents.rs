//! Consents.

use diesel::prelude::*;
use vestibule_core::{
    id::{ClientId, UserId},
    time::Time,
};
use vestibule_oauth::model::Consent;

use super::{from_json, to_json};
use crate::{error::Verdict, schema::consents};

on_both! {
    pub(crate) fn consent(tx: &mut Tx, user: UserId, client: &ClientId) -> Verdict<Option<Consent>> {
        let row = consents::table.find((user.to_string(), client.as_str()));
        let row: Option<(String, i64)> =
            row.select((consents::scopes, consents::agreed_at)).get_result(&mut tx.connection).optional()?;
        let Some((scopes, at)) = row else { return Ok(None) };
        Ok(Some(Consent { user, client: client.clone(), scopes: from_json("consents", &scopes)?, at: Time(at) }))
    }

    pub(crate) fn consents_of(tx: &mut Tx, user: UserId) -> Verdict<Vec<Consent>> {
        let rows: Vec<(String, String, i64)> = consents::table
            .filter(consents::user_id.eq(user.to_string()))
            .order(consents::client)
            .select((consents::client, consents::scopes, consents::agreed_at))
            .load(&mut tx.connection)?;
        let read = |(client, scopes, at): (String, String, i64)| {
            Ok(Consent { user, client: client.into(), scopes: from_json("consents", &scopes)?, at: Time(at) })
        };
        rows.into_iter().map(read).collect()
    }

    pub(crate) fn put_consent(tx: &mut Tx, consent: &Consent) -> Verdict<()> {
        let scopes = to_json(&consent.scopes)?;
        let agreed = (consents::scopes.eq(&scopes), consents::agreed_at.eq(consent.at.0));
        diesel::insert_into(consents::table)
            .values((
                consents::user_id.eq(consent.user.to_string()),
                consents::client.eq(consent.client.as_str()),
                agreed,
            ))
            .on_conflict((consents::user_id, consents::client))
            .do_update()
            .set(agreed)
            .execute(&mut tx.connection)?;
        Ok(())
    }

    pub(crate) fn delete_consent(tx: &mut Tx, user: UserId, client: &ClientId) -> Verdict<bool> {
        let consent = consents::table.find((user.to_string(), client.as_str()));
        Ok(diesel::delete(consent).execute(&mut tx.connection)? == 1)
    }
}
