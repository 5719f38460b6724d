//! Authorization codes, by their hash.

use diesel::prelude::*;
use vestibule_core::time::Time;
use vestibule_oauth::model::AuthorizationCode;

use super::{from_json, to_json, written};
use crate::{error::Verdict, schema::codes};

on_both! {
    pub(crate) fn insert_code(tx: &mut Tx, code: &AuthorizationCode) -> Verdict<()> {
        let row = (
            codes::hash.eq(&code.hash),
            codes::expires_at.eq(code.expires_at.0),
            codes::consumed_at.eq(code.consumed_at.map(|at| at.0)),
            codes::body.eq(to_json(code)?),
        );
        let new = diesel::insert_into(codes::table).values(row).on_conflict_do_nothing();
        written(new.execute(&mut tx.connection)?, "the code is taken")
    }

    pub(crate) fn code(tx: &mut Tx, hash: &str) -> Verdict<Option<AuthorizationCode>> {
        let row = codes::table.find(hash).select((codes::consumed_at, codes::body));
        let row: Option<(Option<i64>, String)> = row.get_result(&mut tx.connection).optional()?;
        let Some((consumed_at, body)) = row else { return Ok(None) };
        let code: AuthorizationCode = from_json("codes", &body)?;
        Ok(Some(AuthorizationCode { consumed_at: consumed_at.map(Time), ..code }))
    }

    pub(crate) fn consume_code(tx: &mut Tx, hash: &str, now: Time) -> Verdict<bool> {
        let unspent = codes::table.find(hash).filter(codes::consumed_at.is_null());
        Ok(diesel::update(unspent).set(codes::consumed_at.eq(now.0)).execute(&mut tx.connection)? == 1)
    }
}
