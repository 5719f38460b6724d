//! Links that are used once, and receipts of requests that are done once. The answer of a receipt is sealed: it may hold a
//! secret that is shown once.

use diesel::prelude::*;
use vestibule_core::{
    directory::{OneTimeLink, Receipt},
    time::Time,
};

use super::written;
use crate::{
    error::{Failure, Verdict},
    schema::{one_time_links, receipts},
};

/// The columns of a link, as the table has them.
type Columns = (String, String, String, i64, i64, Option<i64>);

fn read((hash, purpose, user, created_at, expires_at, consumed_at): Columns) -> Verdict<OneTimeLink> {
    Ok(OneTimeLink {
        hash,
        purpose,
        user: user.parse().map_err(|error| Failure::damaged("one_time_links", error))?,
        created_at: Time(created_at),
        expires_at: Time(expires_at),
        consumed_at: consumed_at.map(Time),
    })
}

fn record(key: &str) -> String {
    format!("receipts/{key}")
}

on_both! {
    pub(crate) fn insert_link(tx: &mut Tx, link: &OneTimeLink) -> Verdict<()> {
        // Of several the last alone works: whoever finds an older one has nothing.
        let older = one_time_links::table
            .filter(one_time_links::user_id.eq(link.user.to_string()))
            .filter(one_time_links::purpose.eq(&link.purpose))
            .filter(one_time_links::consumed_at.is_null());
        diesel::update(older).set(one_time_links::consumed_at.eq(link.created_at.0)).execute(&mut tx.connection)?;
        let row = (
            one_time_links::hash.eq(&link.hash),
            one_time_links::purpose.eq(&link.purpose),
            one_time_links::user_id.eq(link.user.to_string()),
            one_time_links::created_at.eq(link.created_at.0),
            one_time_links::expires_at.eq(link.expires_at.0),
            one_time_links::consumed_at.eq(link.consumed_at.map(|at| at.0)),
        );
        let new = diesel::insert_into(one_time_links::table).values(row).on_conflict_do_nothing();
        written(new.execute(&mut tx.connection)?, "the link is taken")
    }

    pub(crate) fn link(tx: &mut Tx, hash: &str) -> Verdict<Option<OneTimeLink>> {
        let row: Option<Columns> = one_time_links::table.find(hash).get_result(&mut tx.connection).optional()?;
        row.map(read).transpose()
    }

    pub(crate) fn consume_link(tx: &mut Tx, hash: &str, purpose: &str, now: Time) -> Verdict<bool> {
        let unspent = one_time_links::table
            .find(hash)
            .filter(one_time_links::purpose.eq(purpose))
            .filter(one_time_links::consumed_at.is_null())
            .filter(one_time_links::expires_at.gt(now.0));
        Ok(diesel::update(unspent).set(one_time_links::consumed_at.eq(now.0)).execute(&mut tx.connection)? == 1)
    }

    pub(crate) fn open_receipt(tx: &mut Tx, key: &str, fingerprint: &str, expires_at: Time, now: Time) -> Verdict<bool> {
        let old = receipts::table.find(key).filter(receipts::expires_at.le(now.0));
        diesel::delete(old).execute(&mut tx.connection)?;
        let row = (
            receipts::key.eq(key),
            receipts::fingerprint.eq(fingerprint),
            receipts::answer.eq(None::<Vec<u8>>),
            receipts::expires_at.eq(expires_at.0),
        );
        let new = diesel::insert_into(receipts::table).values(row).on_conflict_do_nothing();
        Ok(new.execute(&mut tx.connection)? == 1)
    }

    pub(crate) fn receipt(tx: &mut Tx, key: &str) -> Verdict<Option<Receipt>> {
        let row = receipts::table.find(key).select((receipts::fingerprint, receipts::answer));
        let row: Option<(String, Option<Vec<u8>>)> = row.get_result(&mut tx.connection).optional()?;
        let Some((fingerprint, sealed)) = row else { return Ok(None) };
        let answer = sealed.map(|sealed| tx.seal.open_json(&record(key), &sealed)).transpose()?;
        Ok(Some(Receipt { fingerprint, answer }))
    }

    pub(crate) fn fill_receipt(tx: &mut Tx, key: &str, answer: &str) -> Verdict<()> {
        let sealed = tx.seal.close_json(&record(key), &answer)?;
        diesel::update(receipts::table.find(key)).set(receipts::answer.eq(Some(sealed))).execute(&mut tx.connection)?;
        Ok(())
    }

    pub(crate) fn drop_receipt(tx: &mut Tx, key: &str) -> Verdict<()> {
        diesel::delete(receipts::table.find(key)).execute(&mut tx.connection)?;
        Ok(())
    }
}
