//! Tokens by their `jti`: assertions that clients used, access tokens that were revoked.

use diesel::{dsl::exists, prelude::*, select};
use vestibule_core::{id::ClientId, time::Time};

use crate::{
    error::Verdict,
    schema::{assertions, revoked_tokens},
};

/// Whether a `jti` that a client made can be a key: PostgreSQL indexes no long text and stores no NUL.
fn is_key(jti: &str) -> bool {
    jti.len() <= 512 && !jti.contains('\0')
}

on_both! {
    pub(crate) fn use_assertion(tx: &mut Tx, client: &ClientId, jti: &str, expires_at: Time) -> Verdict<bool> {
        if !is_key(jti) {
            return Ok(false);
        }
        let row = (
            assertions::client.eq(client.as_str()),
            assertions::jti.eq(jti),
            assertions::expires_at.eq(expires_at.0),
        );
        let new = diesel::insert_into(assertions::table).values(row).on_conflict_do_nothing();
        Ok(new.execute(&mut tx.connection)? == 1)
    }

    pub(crate) fn revoke_token(tx: &mut Tx, jti: &str, expires_at: Time) -> Verdict<()> {
        diesel::insert_into(revoked_tokens::table)
            .values((revoked_tokens::jti.eq(jti), revoked_tokens::expires_at.eq(expires_at.0)))
            .on_conflict_do_nothing()
            .execute(&mut tx.connection)?;
        Ok(())
    }

    pub(crate) fn token_revoked(tx: &mut Tx, jti: &str) -> Verdict<bool> {
        Ok(select(exists(revoked_tokens::table.find(jti))).get_result(&mut tx.connection)?)
    }
}
