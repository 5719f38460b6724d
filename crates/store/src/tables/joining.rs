//! Invitations and registrations. What somebody who is no user typed of themselves is sealed; an invitation says of a user
//! what the audit log says of it, and is not.

use diesel::prelude::*;
use vestibule_core::{
    id::UserId,
    joining::{Invitation, Registration},
    time::Time,
};

use super::{from_json, to_json, written};
use crate::{
    error::{Failure, Verdict},
    schema::{counters, invitations, registrations},
};

/// The columns of an invitation, as the table has them.
type Columns = (String, String, String, i64, i64, Option<i64>, Option<i64>);

fn read((user, hash, body, created_at, expires_at, accepted_at, revoked_at): Columns) -> Verdict<Invitation> {
    Ok(Invitation {
        user: user.parse().map_err(|error| Failure::damaged("invitations", error))?,
        hash,
        about: from_json("invitations", &body)?,
        created_at: Time(created_at),
        expires_at: Time(expires_at),
        accepted_at: accepted_at.map(Time),
        revoked_at: revoked_at.map(Time),
    })
}

/// The counter that says that an admin closed registration.
const CLOSED: &str = "registration_closed";

fn record(key: &str) -> String {
    format!("registrations/{key}")
}

on_both! {
    pub(crate) fn put_invitation(tx: &mut Tx, invitation: &Invitation) -> Verdict<()> {
        let user = invitation.user.to_string();
        diesel::delete(invitations::table.find(&user)).execute(&mut tx.connection)?;
        let row = (
            invitations::user_id.eq(user),
            invitations::hash.eq(&invitation.hash),
            invitations::body.eq(to_json(&invitation.about)?),
            invitations::created_at.eq(invitation.created_at.0),
            invitations::expires_at.eq(invitation.expires_at.0),
            invitations::accepted_at.eq(invitation.accepted_at.map(|at| at.0)),
            invitations::revoked_at.eq(invitation.revoked_at.map(|at| at.0)),
        );
        let new = diesel::insert_into(invitations::table).values(row).on_conflict_do_nothing();
        written(new.execute(&mut tx.connection)?, "the user is being invited by somebody else")
    }

    pub(crate) fn invitation_of(tx: &mut Tx, user: UserId) -> Verdict<Option<Invitation>> {
        let row: Option<Columns> =
            invitations::table.find(user.to_string()).get_result(&mut tx.connection).optional()?;
        row.map(read).transpose()
    }

    pub(crate) fn invitation(tx: &mut Tx, hash: &str) -> Verdict<Option<Invitation>> {
        let found = invitations::table.filter(invitations::hash.eq(hash));
        let row: Option<Columns> = found.get_result(&mut tx.connection).optional()?;
        row.map(read).transpose()
    }

    pub(crate) fn accept_invitation(tx: &mut Tx, hash: &str, now: Time) -> Verdict<bool> {
        let alive = invitations::table
            .filter(invitations::hash.eq(hash))
            .filter(invitations::accepted_at.is_null())
            .filter(invitations::revoked_at.is_null())
            .filter(invitations::expires_at.gt(now.0));
        Ok(diesel::update(alive).set(invitations::accepted_at.eq(now.0)).execute(&mut tx.connection)? == 1)
    }

    pub(crate) fn revoke_invitation(tx: &mut Tx, user: UserId, now: Time) -> Verdict<bool> {
        let alive = invitations::table
            .find(user.to_string())
            .filter(invitations::accepted_at.is_null())
            .filter(invitations::revoked_at.is_null())
            .filter(invitations::expires_at.gt(now.0));
        Ok(diesel::update(alive).set(invitations::revoked_at.eq(now.0)).execute(&mut tx.connection)? == 1)
    }

    pub(crate) fn registration_closed(tx: &mut Tx) -> Verdict<bool> {
        let closed = counters::table.find(CLOSED).select(counters::value);
        let closed: Option<i64> = closed.get_result(&mut tx.connection).optional()?;
        Ok(closed.is_some_and(|closed| closed != 0))
    }

    pub(crate) fn close_registration(tx: &mut Tx, closed: bool) -> Verdict<()> {
        let value = i64::from(closed);
        diesel::insert_into(counters::table)
            .values((counters::name.eq(CLOSED), counters::value.eq(value)))
            .on_conflict(counters::name)
            .do_update()
            .set(counters::value.eq(value))
            .execute(&mut tx.connection)?;
        tx.raise_configuration_version()
    }

    pub(crate) fn insert_registration(tx: &mut Tx, registration: &Registration) -> Verdict<()> {
        let row = (
            registrations::key.eq(&registration.key),
            registrations::version.eq(registration.version),
            registrations::expires_at.eq(registration.expires_at.0),
            registrations::body.eq(tx.seal.close_json(&record(&registration.key), registration)?),
        );
        let new = diesel::insert_into(registrations::table).values(row).on_conflict_do_nothing();
        written(new.execute(&mut tx.connection)?, "the registration's key is taken")
    }

    pub(crate) fn registration(tx: &mut Tx, key: &str) -> Verdict<Option<Registration>> {
        let row = registrations::table.find(key).select((registrations::version, registrations::body));
        let row: Option<(i64, Vec<u8>)> = row.get_result(&mut tx.connection).optional()?;
        let Some((version, body)) = row else { return Ok(None) };
        let registration: Registration = tx.seal.open_json(&record(key), &body)?;
        Ok(Some(Registration { version, ..registration }))
    }

    pub(crate) fn advance_registration(tx: &mut Tx, registration: &Registration) -> Verdict<bool> {
        let body = tx.seal.close_json(&record(&registration.key), registration)?;
        let before = registration.version.saturating_sub(1);
        let stored = registrations::table.find(&registration.key).filter(registrations::version.eq(before));
        let changed = diesel::update(stored)
            .set((
                registrations::version.eq(registration.version),
                registrations::expires_at.eq(registration.expires_at.0),
                registrations::body.eq(body),
            ))
            .execute(&mut tx.connection)?;
        Ok(changed == 1)
    }
}
