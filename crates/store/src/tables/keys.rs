//! Signing keys. The private key is sealed for its id and its algorithm.

use diesel::prelude::*;
use vestibule_jose::StoredKey;

use crate::{
    error::{Failure, Verdict},
    schema::signing_keys,
    seal::Seal,
};

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = signing_keys, treat_none_as_default_value = false, treat_none_as_null = true)]
struct Row {
    id: String,
    algorithm: String,
    pkcs8: Vec<u8>,
    created_at: i64,
    activates_at: i64,
    retires_at: Option<i64>,
    removed_at: Option<i64>,
}

fn record(id: &str, algorithm: &str) -> String {
    format!("signing_keys/{id}/{algorithm}")
}

impl Row {
    fn new(key: &StoredKey, seal: &Seal) -> Self {
        let (id, algorithm) = (key.id.as_str().to_owned(), key.algorithm.as_str().to_owned());
        Self {
            pkcs8: seal.close(&record(&id, &algorithm), &key.pkcs8),
            id,
            algorithm,
            created_at: key.created_at,
            activates_at: key.activates_at,
            retires_at: key.retires_at,
            removed_at: key.removed_at,
        }
    }

    fn read(self, seal: &Seal) -> Verdict<StoredKey> {
        let record = record(&self.id, &self.algorithm);
        Ok(StoredKey {
            pkcs8: seal.open(&record, &self.pkcs8)?,
            algorithm: self.algorithm.parse().map_err(|error| Failure::damaged(&record, error))?,
            id: self.id.into(),
            created_at: self.created_at,
            activates_at: self.activates_at,
            retires_at: self.retires_at,
            removed_at: self.removed_at,
        })
    }
}

on_both! {
    pub(crate) fn signing_keys(tx: &mut Tx) -> Verdict<Vec<StoredKey>> {
        let found: Vec<Row> =
            signing_keys::table.order((signing_keys::created_at, signing_keys::id)).load(&mut tx.connection)?;
        found.into_iter().map(|row| row.read(&tx.seal)).collect()
    }

    pub(crate) fn put_signing_key(tx: &mut Tx, key: &StoredKey) -> Verdict<()> {
        let row = Row::new(key, &tx.seal);
        diesel::insert_into(signing_keys::table)
            .values(&row)
            .on_conflict(signing_keys::id)
            .do_update()
            .set(&row)
            .execute(&mut tx.connection)?;
        tx.raise_configuration_version()
    }

    pub(crate) fn delete_signing_key(tx: &mut Tx, id: &str) -> Verdict<()> {
        diesel::delete(signing_keys::table.find(id)).execute(&mut tx.connection)?;
        tx.raise_configuration_version()
    }
}
