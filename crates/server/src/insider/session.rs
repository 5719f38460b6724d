//! An insider's own memory of a browser: a short cookie that names the session it was signed in by, checked against the
//! database at every request, so that a session that ended elsewhere is gone here, too.

use std::time::Duration;

use actix_web::HttpRequest;
use vestibule_core::{
    crypto::{Prf, same_secret},
    session::{Session, SessionRef},
    store::{StoreExt as _, StoreResult},
    time::Time,
    user::User,
};
use vestibule_oauth::may_act::may_act;

use super::Insider;
use crate::state::{State, Transaction};

/// After this an insider asks the server again, which costs the person nothing as long as they are signed in there.
const LIFE: Duration = Duration::from_secs(3600);

/// Somebody at an insider.
pub(crate) struct Visitor {
    pub(crate) session: Session,
    pub(crate) user: User,
    /// The cookie's value: what the tokens of forms are bound to.
    pub(crate) cookie: String,
    /// Whether the cookie is of the last login in the session: what a later one proved is not for whoever holds an earlier cookie.
    pub(crate) latest: bool,
}

impl Insider<'_> {
    /// The value of a new cookie.
    pub(super) fn cookie_value(&self, session: SessionRef, prf: &Prf, now: Time) -> String {
        self.sealed(session, (now + LIFE).unix_seconds(), prf)
    }

    fn sealed(&self, session: SessionRef, expires_at: i64, prf: &Prf) -> String {
        let SessionRef { id, generation } = session;
        let parts: [&[u8]; 3] = [id.0.as_bytes(), &generation.to_be_bytes(), &expires_at.to_be_bytes()];
        format!("{id}.{generation}.{expires_at}.{}", prf.text(self.purpose, &parts))
    }

    /// The session that a cookie names, if we made it and its time is not over.
    fn read(&self, cookie: &str, prf: &Prf, now: Time) -> Option<SessionRef> {
        let mut parts = cookie.split('.');
        let id = parts.next()?.parse().ok()?;
        let generation = parts.next()?.parse().ok()?;
        let expires_at = parts.next()?.parse().ok()?;
        let session = SessionRef { id, generation };
        let ours = same_secret(self.sealed(session, expires_at, prf).as_bytes(), cookie.as_bytes());
        (ours && now.unix_seconds() < expires_at).then_some(session)
    }

    /// Who is here; `None` for somebody who has to sign in.
    pub(crate) async fn visitor(&self, state: &State, req: &HttpRequest) -> StoreResult<Option<Visitor>> {
        let now = state.clock.now();
        let Some(cookie) = state.cookies.read(req, self.cookie) else { return Ok(None) };
        let Some(shown) = self.read(&cookie, &state.prf, now) else { return Ok(None) };
        // Who may not use it any more is not kept in it by the cookie.
        let Some(client) = state.live.snapshot().client(self.client).cloned() else { return Ok(None) };
        let load = move |tx: &mut Transaction| {
            let found = tx.session_and_user(shown.id)?;
            Ok(found.filter(|(session, user)| session.alive(now) && may_act(user, &client).is_ok()))
        };
        let found = state.store.read(load).await?;
        Ok(found.map(|(session, user)| Visitor { latest: session.reference() == shown, session, user, cookie }))
    }
}

#[cfg(test)]
mod tests {
    use vestibule_core::{
        crypto::MasterKey,
        id::SessionId,
        random::{RandomExt as _, SystemRandom},
    };

    use super::*;

    #[test]
    fn only_our_own_fresh_cookie_is_read() {
        let random = SystemRandom::default();
        let prf = MasterKey::generate(&random).prf();
        let now = Time::from_unix_seconds(1000);
        let session = SessionRef { id: SessionId(random.uuid(now)), generation: 3 };
        let portal = Insider::portal("userportal");
        let value = portal.cookie_value(session, &prf, now);
        assert_eq!(portal.read(&value, &prf, now), Some(session));
        assert_eq!(portal.read(&value, &prf, now + LIFE), None);
        assert_eq!(portal.read(&value.replacen(".4600.", ".9999.", 1), &prf, now), None);
        assert_eq!(portal.read(&value.replacen(".3.", ".4.", 1), &prf, now), None);
        assert_eq!(portal.read("", &prf, now), None);
        assert_eq!(portal.read(&value, &MasterKey::generate(&random).prf(), now), None);
        assert_eq!(Insider::CONSOLE.read(&value, &prf, now), None, "the portal's cookie opens no console");
    }
}
