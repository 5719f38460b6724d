//! What the engine does with sessions outside an interaction.

use std::sync::Arc;

use super::{Engine, EngineError, RequestContext, may_act};
use crate::{
    id::SessionId,
    session::{Session, SessionRef},
    store::{Store, StoreExt as _, Tx as _},
    user::User,
};

impl<S: Store + ?Sized> Engine<S> {
    /// What a session cookie says, if we made it.
    pub fn session_ref(&self, cookie: &str) -> Option<SessionRef> {
        SessionRef::from_cookie(cookie, &self.parts.prf)
    }

    /// The value of a session's cookie.
    pub fn session_cookie(&self, session: SessionRef) -> String {
        session.to_cookie(&self.parts.prf)
    }

    /// The living session of a cookie and its user, who may act. Showing the present generation retires the one before.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn session(&self, reference: SessionRef) -> Result<Option<(Session, User)>, EngineError> {
        let now = self.now();
        let load = move |tx: &mut S::Tx| {
            let Some(session) = tx.session(reference.id)?.filter(|session| session.opens_for(reference, now)) else {
                return Ok(None);
            };
            let user = tx.user(session.user)?.filter(may_act);
            Ok(user.map(|user| (session, user)))
        };
        let found = self.store.read(load).await?;
        self.mark_seen(found.as_ref().map(|(session, _)| session), Some(reference)).await?;
        Ok(found)
    }

    /// Once a browser has shown the present generation, the one before it is retired.
    pub(super) async fn mark_seen(
        &self,
        session: Option<&Session>,
        shown: Option<SessionRef>,
    ) -> Result<(), EngineError> {
        let Some((session, shown)) = session.zip(shown) else { return Ok(()) };
        if session.seen || session.reference() != shown {
            return Ok(());
        }
        let mark = move |tx: &mut S::Tx| tx.mark_session_seen(shown.id, shown.generation);
        Ok(self.store.write(mark).await?)
    }

    /// Ends a session and takes back what does not outlive it; whether it was alive.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn end_session(&self, id: SessionId, cx: &RequestContext) -> Result<bool, EngineError> {
        let now = self.now();
        let finish = Arc::clone(&self.finish);
        let event = self.event("session.ended", cx, now);
        let end = move |tx: &mut S::Tx| {
            let ended = tx.end_session(id, now)?;
            if ended {
                finish.session_ended(tx, id, now)?;
                let mut event = event.clone();
                event.user = tx.session(id)?.map(|session| session.user);
                tx.append_audit(&event)?;
            }
            Ok(ended)
        };
        Ok(self.store.write(end).await?)
    }
}
