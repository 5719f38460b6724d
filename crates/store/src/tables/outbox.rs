//! Messages that wait to leave. Where they go and what they say is sealed for its row and its connection: a row that somebody
//! gives to another gateway by hand goes nowhere.

use diesel::prelude::*;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use vestibule_core::{channel::Message, id::MessageId, outbox::Posted, time::Time};

use super::{count, rows, written};
use crate::{
    error::{Failure, Verdict},
    schema::outbox,
    seal::Seal,
};

#[derive(Queryable, Insertable)]
#[diesel(table_name = outbox, treat_none_as_default_value = false)]
struct Row {
    id: String,
    user_id: Option<String>,
    kind: String,
    connection: String,
    message: Vec<u8>,
    created_at: i64,
    due_at: i64,
    expires_at: i64,
    tries: i64,
}

/// A message as it is sealed. It has no code: none is ever kept.
#[derive(Serialize, Deserialize)]
struct Letter {
    to: String,
    subject: Option<String>,
    body: String,
}

fn record(id: &str, connection: &str) -> String {
    format!("outbox/{id}/{connection}")
}

impl Row {
    fn new(posted: &Posted, seal: &Seal) -> Verdict<Self> {
        let (id, connection) = (posted.id.to_string(), posted.connection.to_string());
        let Message { to, subject, body, code: _ } = &posted.message;
        let letter = Letter { to: to.clone(), subject: subject.clone(), body: body.expose_secret().to_owned() };
        Ok(Self {
            user_id: posted.user.map(|user| user.to_string()),
            kind: posted.kind.clone(),
            message: seal.close_json(&record(&id, &connection), &letter)?,
            created_at: posted.created_at.0,
            due_at: posted.due_at.0,
            expires_at: posted.expires_at.0,
            tries: i64::from(posted.tries),
            id,
            connection,
        })
    }

    fn read(self, seal: &Seal) -> Verdict<Posted> {
        let record = record(&self.id, &self.connection);
        let Letter { to, subject, body } = seal.open_json(&record, &self.message)?;
        let (body, code) = (SecretString::from(body), SecretString::default());
        let user = self.user_id.map(|user| user.parse()).transpose();
        Ok(Posted {
            id: self.id.parse().map_err(|error| Failure::damaged(&record, error))?,
            user: user.map_err(|error| Failure::damaged(&record, error))?,
            kind: self.kind,
            connection: self.connection.into(),
            message: Message { to, subject, body, code },
            created_at: Time(self.created_at),
            due_at: Time(self.due_at),
            expires_at: Time(self.expires_at),
            tries: count("outbox.tries", self.tries)?,
        })
    }
}

on_both! {
    pub(crate) fn post(tx: &mut Tx, posted: &Posted) -> Verdict<()> {
        let row = Row::new(posted, &tx.seal)?;
        let new = diesel::insert_into(outbox::table).values(row).on_conflict_do_nothing();
        written(new.execute(&mut tx.connection)?, "the message's id is taken")
    }

    pub(crate) fn due_posts(tx: &mut Tx, now: Time, limit: usize) -> Verdict<Vec<Posted>> {
        let found: Vec<Row> = outbox::table
            .filter(outbox::due_at.le(now.0))
            .order((outbox::due_at, outbox::id))
            .limit(rows(limit))
            .load(&mut tx.connection)?;
        // One that cannot be opened must not keep the others here; it is swept when it is too old.
        let told = |error: &Failure| tracing::error!(?error, "a message in the outbox cannot be read");
        Ok(found.into_iter().filter_map(|row| row.read(&tx.seal).inspect_err(told).ok()).collect())
    }

    pub(crate) fn claim_post(tx: &mut Tx, id: MessageId, before: Time, after: Time) -> Verdict<bool> {
        let due = outbox::table.find(id.to_string()).filter(outbox::due_at.eq(before.0));
        let claimed = (outbox::due_at.eq(after.0), outbox::tries.eq(outbox::tries + 1));
        Ok(diesel::update(due).set(claimed).execute(&mut tx.connection)? == 1)
    }

    pub(crate) fn drop_post(tx: &mut Tx, id: MessageId) -> Verdict<bool> {
        Ok(diesel::delete(outbox::table.find(id.to_string())).execute(&mut tx.connection)? == 1)
    }
}
