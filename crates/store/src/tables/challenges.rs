//! Challenges. The body is sealed, since it holds the authenticator's state and where a message goes; what is counted
//! is a column, and the column is the truth.

use std::borrow::Cow;

use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use vestibule_core::{
    channel::SendOutcome,
    id::{ChallengeId, ConnectionName, InteractionId},
    interaction::Challenge,
    time::Time,
};

use super::{count, from_json, to_json, written};
use crate::{error::Verdict, schema::challenges, seal::Seal};

#[derive(Queryable, Insertable)]
#[diesel(table_name = challenges, treat_none_as_default_value = false)]
struct Row {
    id: String,
    interaction_id: String,
    body: Vec<u8>,
    sent: Option<String>,
    sent_at: Option<i64>,
    sends: i64,
    tries: i64,
    max_tries: i64,
    created_at: i64,
    expires_at: i64,
    consumed_at: Option<i64>,
}

/// How a send went, and who carried it. It is found by its text, so there is one text for one thing.
#[derive(Serialize, Deserialize)]
struct Sent<'a> {
    #[serde(flatten)]
    outcome: Cow<'a, SendOutcome>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Cow<'a, ConnectionName>>,
}

impl<'a> Sent<'a> {
    fn text(outcome: &'a SendOutcome, by: Option<&'a ConnectionName>) -> Verdict<String> {
        to_json(&Self { outcome: Cow::Borrowed(outcome), by: by.map(Cow::Borrowed) })
    }
}

fn record(id: &str) -> String {
    format!("challenges/{id}")
}

impl Row {
    fn new(challenge: &Challenge, seal: &Seal) -> Verdict<Self> {
        let id = challenge.id.to_string();
        Ok(Self {
            body: seal.close_json(&record(&id), challenge)?,
            id,
            interaction_id: challenge.interaction.to_string(),
            sent: challenge.sent.as_ref().map(|sent| Sent::text(sent, challenge.carried_by.as_ref())).transpose()?,
            sent_at: challenge.sent_at.map(|at| at.0),
            sends: challenge.sends.into(),
            tries: challenge.tries.into(),
            max_tries: challenge.max_tries.into(),
            created_at: challenge.created_at.0,
            expires_at: challenge.expires_at.0,
            consumed_at: challenge.consumed_at.map(|at| at.0),
        })
    }

    fn read(self, seal: &Seal) -> Verdict<Challenge> {
        let challenge: Challenge = seal.open_json(&record(&self.id), &self.body)?;
        let sent: Option<Sent<'_>> = self.sent.map(|sent| from_json("challenges.sent", &sent)).transpose()?;
        let (sent, carried_by) = sent.map(|sent| (sent.outcome.into_owned(), sent.by.map(Cow::into_owned))).unzip();
        Ok(Challenge {
            sent,
            carried_by: carried_by.flatten(),
            sent_at: self.sent_at.map(Time),
            sends: count("challenges.sends", self.sends)?,
            tries: count("challenges.tries", self.tries)?,
            max_tries: count("challenges.max_tries", self.max_tries)?,
            expires_at: Time(self.expires_at),
            consumed_at: self.consumed_at.map(Time),
            ..challenge
        })
    }
}

on_both! {
    pub(crate) fn insert_challenge(tx: &mut Tx, challenge: &Challenge) -> Verdict<()> {
        let row = Row::new(challenge, &tx.seal)?;
        let new = diesel::insert_into(challenges::table).values(row).on_conflict_do_nothing();
        written(new.execute(&mut tx.connection)?, "the challenge's id is taken")
    }

    pub(crate) fn challenge(tx: &mut Tx, id: ChallengeId) -> Verdict<Option<Challenge>> {
        let row: Option<Row> = challenges::table.find(id.to_string()).get_result(&mut tx.connection).optional()?;
        row.map(|row| row.read(&tx.seal)).transpose()
    }

    pub(crate) fn challenges(tx: &mut Tx, interaction: InteractionId) -> Verdict<Vec<Challenge>> {
        let found: Vec<Row> = challenges::table
            .filter(challenges::interaction_id.eq(interaction.to_string()))
            .order((challenges::created_at, challenges::id))
            .load(&mut tx.connection)?;
        found.into_iter().map(|row| row.read(&tx.seal)).collect()
    }

    pub(crate) fn count_try(tx: &mut Tx, id: ChallengeId, now: Time) -> Verdict<Option<u32>> {
        let alive = challenges::table
            .find(id.to_string())
            .filter(challenges::consumed_at.is_null())
            .filter(challenges::tries.lt(challenges::max_tries))
            .filter(challenges::expires_at.gt(now.0));
        let tries: Option<i64> = diesel::update(alive)
            .set(challenges::tries.eq(challenges::tries + 1))
            .returning(challenges::tries)
            .get_result(&mut tx.connection)
            .optional()?;
        tries.map(|tries| count("challenges.tries", tries)).transpose()
    }

    pub(crate) fn count_send(tx: &mut Tx, id: ChallengeId, sent_at: Option<Time>, now: Time) -> Verdict<bool> {
        let challenge = challenges::table.find(id.to_string());
        let counted = (
            challenges::sends.eq(challenges::sends + 1),
            challenges::sent_at.eq(Some(now.0)),
            challenges::sent.eq(None::<String>),
        );
        let changed = match sent_at {
            None => diesel::update(challenge.filter(challenges::sent_at.is_null()))
                .set(counted)
                .execute(&mut tx.connection)?,
            Some(at) => diesel::update(challenge.filter(challenges::sent_at.eq(at.0)))
                .set(counted)
                .execute(&mut tx.connection)?,
        };
        Ok(changed == 1)
    }

    pub(crate) fn record_send(tx: &mut Tx, id: ChallengeId, sent_at: Time, outcome: &SendOutcome, by: Option<&ConnectionName>) -> Verdict<()> {
        let taken_back = i64::from(matches!(outcome, SendOutcome::Refused { .. }));
        // Under way only: an outcome that is told twice takes back one send, not two.
        let under_way = challenges::table
            .find(id.to_string())
            .filter(challenges::sent_at.eq(sent_at.0))
            .filter(challenges::sent.is_null());
        diesel::update(under_way)
            .set((challenges::sent.eq(Sent::text(outcome, by)?), challenges::sends.eq(challenges::sends - taken_back)))
            .execute(&mut tx.connection)?;
        Ok(())
    }

    pub(crate) fn sent_challenge(tx: &mut Tx, outcome: &SendOutcome, by: Option<&ConnectionName>) -> Verdict<Option<Challenge>> {
        let like = challenges::table.filter(challenges::sent.eq(Sent::text(outcome, by)?));
        let row: Option<Row> =
            like.order(challenges::created_at.desc()).first(&mut tx.connection).optional()?;
        row.map(|row| row.read(&tx.seal)).transpose()
    }

    pub(crate) fn settle_send(tx: &mut Tx, id: ChallengeId, before: &SendOutcome, after: &SendOutcome, by: Option<&ConnectionName>) -> Verdict<bool> {
        let same = challenges::table.find(id.to_string()).filter(challenges::sent.eq(Sent::text(before, by)?));
        let settled =
            diesel::update(same).set(challenges::sent.eq(Sent::text(after, by)?)).execute(&mut tx.connection)?;
        Ok(settled == 1)
    }

    pub(crate) fn consume_challenge(tx: &mut Tx, id: ChallengeId, now: Time) -> Verdict<bool> {
        let unspent = challenges::table.find(id.to_string()).filter(challenges::consumed_at.is_null());
        let spent = diesel::update(unspent).set(challenges::consumed_at.eq(now.0)).execute(&mut tx.connection)?;
        Ok(spent == 1)
    }
}
