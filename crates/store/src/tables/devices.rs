//! Remembered devices. Their generation and when they ended are columns, and the columns are the truth.

use diesel::prelude::*;
use vestibule_core::{
    device::TrustedDevice,
    id::{DeviceId, UserId},
    time::Time,
};

use super::{from_json, to_json, written};
use crate::{error::Verdict, schema::trusted_devices};

/// The columns that are read: generation, used_at, expires_at, revoked_at, body.
type Columns = (i64, i64, i64, Option<i64>, String);

const COLUMNS: (
    trusted_devices::generation,
    trusted_devices::used_at,
    trusted_devices::expires_at,
    trusted_devices::revoked_at,
    trusted_devices::body,
) = (
    trusted_devices::generation,
    trusted_devices::used_at,
    trusted_devices::expires_at,
    trusted_devices::revoked_at,
    trusted_devices::body,
);

fn read((generation, used_at, expires_at, revoked_at, body): Columns) -> Verdict<TrustedDevice> {
    let device: TrustedDevice = from_json("trusted_devices", &body)?;
    let (used_at, expires_at) = (Time(used_at), Time(expires_at));
    Ok(TrustedDevice { generation, used_at, expires_at, revoked_at: revoked_at.map(Time), ..device })
}

on_both! {
    pub(crate) fn insert_device(tx: &mut Tx, device: &TrustedDevice) -> Verdict<()> {
        let row = (
            trusted_devices::id.eq(device.id.to_string()),
            trusted_devices::user_id.eq(device.user.to_string()),
            trusted_devices::generation.eq(device.generation),
            trusted_devices::used_at.eq(device.used_at.0),
            trusted_devices::created_at.eq(device.created_at.0),
            trusted_devices::expires_at.eq(device.expires_at.0),
            trusted_devices::revoked_at.eq(device.revoked_at.map(|at| at.0)),
            trusted_devices::body.eq(to_json(device)?),
        );
        let new = diesel::insert_into(trusted_devices::table).values(row).on_conflict_do_nothing();
        written(new.execute(&mut tx.connection)?, "the device's id is taken")
    }

    pub(crate) fn device(tx: &mut Tx, id: DeviceId) -> Verdict<Option<TrustedDevice>> {
        let row: Option<Columns> = trusted_devices::table
            .find(id.to_string())
            .select(COLUMNS)
            .get_result(&mut tx.connection)
            .optional()?;
        row.map(read).transpose()
    }

    pub(crate) fn rotate_device(tx: &mut Tx, device: &TrustedDevice, now: Time) -> Verdict<bool> {
        let before = trusted_devices::table
            .find(device.id.to_string())
            .filter(trusted_devices::generation.eq(device.generation.saturating_sub(1)))
            .filter(trusted_devices::revoked_at.is_null())
            .filter(trusted_devices::expires_at.gt(now.0));
        let changed = diesel::update(before)
            .set((
                trusted_devices::generation.eq(device.generation),
                trusted_devices::used_at.eq(device.used_at.0),
                trusted_devices::body.eq(to_json(device)?),
            ))
            .execute(&mut tx.connection)?;
        Ok(changed == 1)
    }

    pub(crate) fn revoke_device(tx: &mut Tx, id: DeviceId, now: Time) -> Verdict<bool> {
        let alive = trusted_devices::table
            .find(id.to_string())
            .filter(trusted_devices::revoked_at.is_null())
            .filter(trusted_devices::expires_at.gt(now.0));
        let revoked = diesel::update(alive).set(trusted_devices::revoked_at.eq(now.0));
        Ok(revoked.execute(&mut tx.connection)? == 1)
    }

    pub(crate) fn revoke_devices(tx: &mut Tx, user: UserId, now: Time) -> Verdict<usize> {
        let alive = trusted_devices::table
            .filter(trusted_devices::user_id.eq(user.to_string()))
            .filter(trusted_devices::revoked_at.is_null())
            .filter(trusted_devices::expires_at.gt(now.0));
        Ok(diesel::update(alive).set(trusted_devices::revoked_at.eq(now.0)).execute(&mut tx.connection)?)
    }

    pub(crate) fn devices_of(tx: &mut Tx, user: UserId, now: Time) -> Verdict<Vec<TrustedDevice>> {
        let found: Vec<Columns> = trusted_devices::table
            .filter(trusted_devices::user_id.eq(user.to_string()))
            .filter(trusted_devices::revoked_at.is_null())
            .filter(trusted_devices::expires_at.gt(now.0))
            .order((trusted_devices::created_at.desc(), trusted_devices::id.desc()))
            .limit(100)
            .select(COLUMNS)
            .load(&mut tx.connection)?;
        found.into_iter().map(read).collect()
    }
}
