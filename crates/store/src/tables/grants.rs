//! Grants, and where their refresh tokens stand. Revocation and the refresh family are columns, and the columns are the
//! truth.

use diesel::prelude::*;
use vestibule_core::{
    id::{ClientId, SessionId, UserId},
    time::Time,
};
use vestibule_oauth::model::{Grant, GrantId, RefreshState};

use super::{from_json, to_json, written};
use crate::{
    error::Verdict,
    schema::{clients, grants},
};

on_both! {
    pub(crate) fn insert_grant(tx: &mut Tx, grant: &Grant) -> Verdict<()> {
        let row = (
            grants::id.eq(grant.id.to_string()),
            grants::client.eq(grant.client.as_str()),
            grants::user_id.eq(grant.user.to_string()),
            grants::session_id.eq(grant.session.to_string()),
            grants::offline.eq(grant.offline()),
            grants::generation.eq(grant.refresh.generation),
            grants::rotated_at.eq(grant.refresh.rotated_at.0),
            grants::expires_at.eq(grant.expires_at.0),
            grants::revoked_at.eq(grant.revoked_at.map(|at| at.0)),
            grants::body.eq(to_json(grant)?),
        );
        let new = diesel::insert_into(grants::table).values(row).on_conflict_do_nothing();
        written(new.execute(&mut tx.connection)?, "the grant's id is taken")
    }

    pub(crate) fn grant(tx: &mut Tx, id: GrantId) -> Verdict<Option<Grant>> {
        let row: Option<(i64, i64, Option<i64>, String)> = grants::table
            .find(id.to_string())
            .select((grants::generation, grants::rotated_at, grants::revoked_at, grants::body))
            .get_result(&mut tx.connection)
            .optional()?;
        let Some((generation, rotated_at, revoked_at, body)) = row else { return Ok(None) };
        let grant: Grant = from_json("grants", &body)?;
        let refresh = RefreshState { generation, rotated_at: Time(rotated_at) };
        Ok(Some(Grant { refresh, revoked_at: revoked_at.map(Time), ..grant }))
    }

    pub(crate) fn revoke_grant(tx: &mut Tx, id: GrantId, now: Time) -> Verdict<bool> {
        let unrevoked = grants::table.find(id.to_string()).filter(grants::revoked_at.is_null());
        Ok(diesel::update(unrevoked).set(grants::revoked_at.eq(now.0)).execute(&mut tx.connection)? == 1)
    }

    pub(crate) fn revoke_session_grants(tx: &mut Tx, session: SessionId, now: Time) -> Verdict<usize> {
        let bound = grants::table
            .filter(grants::session_id.eq(session.to_string()))
            .filter(grants::offline.eq(false))
            .filter(grants::revoked_at.is_null());
        Ok(diesel::update(bound).set(grants::revoked_at.eq(now.0)).execute(&mut tx.connection)?)
    }

    pub(crate) fn revoke_consent_grants(tx: &mut Tx, user: UserId, client: &ClientId, now: Time) -> Verdict<usize> {
        let given = grants::table
            .filter(grants::client.eq(client.as_str()))
            .filter(grants::user_id.eq(user.to_string()))
            .filter(grants::revoked_at.is_null());
        Ok(diesel::update(given).set(grants::revoked_at.eq(now.0)).execute(&mut tx.connection)?)
    }

    pub(crate) fn newest_grants(tx: &mut Tx, user: UserId, now: Time) -> Verdict<Vec<Grant>> {
        // By client and user, since that is the index there is; ids are in the order of time.
        let known: Vec<String> = clients::table.select(clients::id).load(&mut tx.connection)?;
        let newest: Vec<Option<String>> = grants::table
            .filter(grants::client.eq_any(known))
            .filter(grants::user_id.eq(user.to_string()))
            .filter(grants::revoked_at.is_null())
            .filter(grants::expires_at.gt(now.0))
            .group_by(grants::client)
            .select(diesel::dsl::max(grants::id))
            .load(&mut tx.connection)?;
        let newest: Vec<String> = newest.into_iter().flatten().collect();
        let rows: Vec<(i64, i64, String)> = grants::table
            .filter(grants::id.eq_any(newest))
            .order(grants::client)
            .select((grants::generation, grants::rotated_at, grants::body))
            .load(&mut tx.connection)?;
        let read = |(generation, rotated_at, body): (i64, i64, String)| {
            let grant: Grant = from_json("grants", &body)?;
            let refresh = RefreshState { generation, rotated_at: Time(rotated_at) };
            Ok(Grant { refresh, revoked_at: None, ..grant })
        };
        rows.into_iter().map(read).collect()
    }

    pub(crate) fn rotate_refresh(tx: &mut Tx, id: GrantId, before: RefreshState, after: RefreshState) -> Verdict<bool> {
        // The new state begins now, so that is the instant at which the grant must live.
        let standing = grants::table
            .find(id.to_string())
            .filter(grants::generation.eq(before.generation))
            .filter(grants::rotated_at.eq(before.rotated_at.0))
            .filter(grants::revoked_at.is_null())
            .filter(grants::expires_at.gt(after.rotated_at.0));
        let changed = diesel::update(standing)
            .set((grants::generation.eq(after.generation), grants::rotated_at.eq(after.rotated_at.0)))
            .execute(&mut tx.connection)?;
        Ok(changed == 1)
    }
}
