//! Sessions. Their generation, whether it was seen and when they ended are columns, and the columns are the truth.

use diesel::prelude::*;
use vestibule_core::{
    id::{SessionId, UserId},
    session::Session,
    time::Time,
    user::User,
};

use super::{from_json, rows, to_json, written};
use crate::{
    error::Verdict,
    schema::{sessions, users},
};

/// The columns that are read: generation, seen, expires_at, ended_at, body.
type Columns = (i64, bool, i64, Option<i64>, String);

fn read((generation, seen, expires_at, ended_at, body): Columns) -> Verdict<Session> {
    let session: Session = from_json("sessions", &body)?;
    Ok(Session { generation, seen, expires_at: Time(expires_at), ended_at: ended_at.map(Time), ..session })
}

on_both! {
    pub(crate) fn insert_session(tx: &mut Tx, session: &Session) -> Verdict<()> {
        let row = (
            sessions::id.eq(session.id.to_string()),
            sessions::user_id.eq(session.user.to_string()),
            sessions::generation.eq(session.generation),
            sessions::seen.eq(session.seen),
            sessions::created_at.eq(session.created_at.0),
            sessions::expires_at.eq(session.expires_at.0),
            sessions::ended_at.eq(session.ended_at.map(|at| at.0)),
            sessions::body.eq(to_json(session)?),
        );
        let new = diesel::insert_into(sessions::table).values(row).on_conflict_do_nothing();
        written(new.execute(&mut tx.connection)?, "the session's id is taken")
    }

    pub(crate) fn session(tx: &mut Tx, id: SessionId) -> Verdict<Option<Session>> {
        let row: Option<Columns> = sessions::table
            .find(id.to_string())
            .select((sessions::generation, sessions::seen, sessions::expires_at, sessions::ended_at, sessions::body))
            .get_result(&mut tx.connection)
            .optional()?;
        row.map(read).transpose()
    }

    pub(crate) fn session_and_user(tx: &mut Tx, id: SessionId) -> Verdict<Option<(Session, User)>> {
        let row: Option<(Columns, String)> = sessions::table
            .inner_join(users::table.on(users::id.eq(sessions::user_id)))
            .filter(sessions::id.eq(id.to_string()))
            .select((
                (sessions::generation, sessions::seen, sessions::expires_at, sessions::ended_at, sessions::body),
                users::body,
            ))
            .get_result(&mut tx.connection)
            .optional()?;
        row.map(|(session, user)| Ok((read(session)?, from_json("users", &user)?))).transpose()
    }

    pub(crate) fn renew_session(tx: &mut Tx, session: &Session) -> Verdict<bool> {
        let before = sessions::table
            .find(session.id.to_string())
            .filter(sessions::generation.eq(session.generation.saturating_sub(1)))
            .filter(sessions::ended_at.is_null());
        let changed = diesel::update(before)
            .set((
                sessions::user_id.eq(session.user.to_string()),
                sessions::generation.eq(session.generation),
                sessions::seen.eq(session.seen),
                sessions::expires_at.eq(session.expires_at.0),
                sessions::body.eq(to_json(session)?),
            ))
            .execute(&mut tx.connection)?;
        Ok(changed == 1)
    }

    pub(crate) fn mark_session_seen(tx: &mut Tx, id: SessionId, generation: i64) -> Verdict<()> {
        let present = sessions::table.find(id.to_string()).filter(sessions::generation.eq(generation));
        diesel::update(present).set(sessions::seen.eq(true)).execute(&mut tx.connection)?;
        Ok(())
    }

    pub(crate) fn end_session(tx: &mut Tx, id: SessionId, now: Time) -> Verdict<bool> {
        let alive = sessions::table
            .find(id.to_string())
            .filter(sessions::ended_at.is_null())
            .filter(sessions::expires_at.gt(now.0));
        Ok(diesel::update(alive).set(sessions::ended_at.eq(now.0)).execute(&mut tx.connection)? == 1)
    }

    pub(crate) fn sessions_of(tx: &mut Tx, user: UserId, now: Time) -> Verdict<Vec<Session>> {
        let found: Vec<Columns> = sessions::table
            .filter(sessions::user_id.eq(user.to_string()))
            .filter(sessions::ended_at.is_null())
            .filter(sessions::expires_at.gt(now.0))
            .order((sessions::created_at.desc(), sessions::id.desc()))
            .limit(100)
            .select((sessions::generation, sessions::seen, sessions::expires_at, sessions::ended_at, sessions::body))
            .load(&mut tx.connection)?;
        found.into_iter().map(read).collect()
    }

    pub(crate) fn living_sessions(
        tx: &mut Tx,
        before: Option<(Time, SessionId)>,
        now: Time,
        limit: usize,
    ) -> Verdict<Vec<Session>> {
        // No id is greater than a text of this letter.
        let (at, id) = before.map_or((i64::MAX, "~".to_owned()), |(at, id)| (at.0, id.to_string()));
        let earlier = sessions::created_at.lt(at).or(sessions::created_at.eq(at).and(sessions::id.lt(id)));
        let found: Vec<Columns> = sessions::table
            .filter(sessions::created_at.le(at))
            .filter(earlier)
            .filter(sessions::ended_at.is_null())
            .filter(sessions::expires_at.gt(now.0))
            .order((sessions::created_at.desc(), sessions::id.desc()))
            .limit(rows(limit))
            .select((sessions::generation, sessions::seen, sessions::expires_at, sessions::ended_at, sessions::body))
            .load(&mut tx.connection)?;
        found.into_iter().map(read).collect()
    }
}
