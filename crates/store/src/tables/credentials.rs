//! Credentials. The secret is sealed for its row *and* its owner: a row given to another user by hand opens nothing.

use diesel::prelude::*;
use secrecy::{ExposeSecret as _, SecretString};
use vestibule_core::{
    directory::FIRST_FACTOR,
    id::{AuthenticatorName, CredentialId, UserId},
    time::Time,
    user::Credential,
};

use super::written;
use crate::{
    error::{Failure, Verdict},
    schema::credentials,
    seal::Seal,
};

#[derive(Queryable, Insertable)]
#[diesel(table_name = credentials, treat_none_as_default_value = false)]
struct Row {
    id: String,
    user_id: String,
    authenticator: String,
    label: Option<String>,
    secret: Vec<u8>,
    version: i64,
    created_at: i64,
}

fn record(id: &str, user: &str, authenticator: &str) -> String {
    format!("credentials/{id}/{user}/{authenticator}")
}

impl Row {
    fn new(credential: &Credential, seal: &Seal) -> Self {
        let (id, user_id) = (credential.id.to_string(), credential.user.to_string());
        let authenticator = credential.authenticator.as_str().to_owned();
        let secret = credential.secret.expose_secret().as_bytes();
        let secret = seal.close(&record(&id, &user_id, &authenticator), secret);
        let (label, version, created_at) = (credential.label.clone(), credential.version, credential.created_at.0);
        Self { id, user_id, authenticator, label, secret, version, created_at }
    }

    fn read(self, seal: &Seal) -> Verdict<Credential> {
        let record = record(&self.id, &self.user_id, &self.authenticator);
        let secret = seal.open(&record, &self.secret)?;
        let secret = std::str::from_utf8(&secret).map_err(|error| Failure::damaged(&record, error))?;
        Ok(Credential {
            id: self.id.parse().map_err(|error| Failure::damaged(&record, error))?,
            user: self.user_id.parse().map_err(|error| Failure::damaged(&record, error))?,
            authenticator: self.authenticator.into(),
            label: self.label,
            secret: SecretString::from(secret),
            version: self.version,
            created_at: Time(self.created_at),
        })
    }
}

on_both! {
    pub(crate) fn credentials(
        tx: &mut Tx,
        user: UserId,
        authenticator: &AuthenticatorName,
    ) -> Verdict<Vec<Credential>> {
        let found: Vec<Row> = credentials::table
            .filter(credentials::user_id.eq(user.to_string()))
            .filter(credentials::authenticator.eq(authenticator.as_str()))
            .order((credentials::created_at, credentials::id))
            .load(&mut tx.connection)?;
        found.into_iter().map(|row| row.read(&tx.seal)).collect()
    }

    pub(crate) fn credentials_of(tx: &mut Tx, user: UserId) -> Verdict<Vec<Credential>> {
        let found: Vec<Row> = credentials::table
            .filter(credentials::user_id.eq(user.to_string()))
            .order((credentials::created_at, credentials::id))
            .load(&mut tx.connection)?;
        found.into_iter().map(|row| row.read(&tx.seal)).collect()
    }

    pub(crate) fn credentials_of_all(tx: &mut Tx, users: &[UserId]) -> Verdict<Vec<Credential>> {
        let users: Vec<String> = users.iter().map(ToString::to_string).collect();
        let found: Vec<Row> = credentials::table
            .filter(credentials::user_id.eq_any(users))
            .order((credentials::created_at, credentials::id))
            .load(&mut tx.connection)?;
        found.into_iter().map(|row| row.read(&tx.seal)).collect()
    }

    pub(crate) fn insert_credential(tx: &mut Tx, credential: &Credential) -> Verdict<()> {
        let row = Row::new(credential, &tx.seal);
        let new = diesel::insert_into(credentials::table).values(row).on_conflict_do_nothing();
        written(new.execute(&mut tx.connection)?, "the credential's id is taken")?;
        if credential.authenticator.as_str() == FIRST_FACTOR {
            return Ok(());
        }
        tx.list_user_again(&credential.user.to_string())
    }

    pub(crate) fn renew_credential(tx: &mut Tx, id: CredentialId, version: i64, secret: &str) -> Verdict<bool> {
        let id = id.to_string();
        let owner = credentials::table.find(&id).select((credentials::user_id, credentials::authenticator));
        let owner: Option<(String, String)> = owner.get_result(&mut tx.connection).optional()?;
        let Some((user, authenticator)) = owner else { return Ok(false) };
        let sealed = tx.seal.close(&record(&id, &user, &authenticator), secret.as_bytes());
        let changed = diesel::update(credentials::table.find(&id).filter(credentials::version.eq(version)))
            .set((credentials::secret.eq(sealed), credentials::version.eq(version.saturating_add(1))))
            .execute(&mut tx.connection)?;
        Ok(changed == 1)
    }

    pub(crate) fn delete_credential(tx: &mut Tx, id: CredentialId) -> Verdict<bool> {
        let id = id.to_string();
        let owner = credentials::table.find(&id).select(credentials::user_id);
        let Some(owner): Option<String> = owner.get_result(&mut tx.connection).optional()? else { return Ok(false) };
        let gone = diesel::delete(credentials::table.find(&id)).execute(&mut tx.connection)? == 1;
        tx.list_user_again(&owner)?;
        Ok(gone)
    }
}
