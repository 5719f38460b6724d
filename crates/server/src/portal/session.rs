//! The portal's own memory of a browser: a short cookie that names the session it was signed in by, checked against the
//! database at every request, so that a session that ended elsewhere is gone here, too.

use std::time::Duration;

use actix_web::HttpRequest;
use vestibule_core::{
    crypto::{Prf, same_secret},
    id::SessionId,
    session::Session,
    store::{StoreExt as _, StoreResult},
    time::Time,
    user::User,
};
use vestibule_oauth::may_act::may_act;

use crate::state::{State, Transaction};

/// The plain name of the cookie.
pub(super) const COOKIE: &str = "vestibule-portal";
/// After this the portal asks the server again, which costs the person nothing as long as they are signed in there.
const LIFE: Duration = Duration::from_secs(3600);

/// Somebody at the portal.
pub(super) struct Visitor {
    pub(super) session: Session,
    pub(super) user: User,
    /// The cookie's value: what the tokens of forms are bound to.
    pub(super) cookie: String,
}

/// The value of a new cookie.
pub(super) fn cookie(session: SessionId, prf: &Prf, now: Time) -> String {
    sealed(session, (now + LIFE).unix_seconds(), prf)
}

fn sealed(session: SessionId, expires_at: i64, prf: &Prf) -> String {
    let mac = prf.text("portal cookie", &[session.0.as_bytes(), &expires_at.to_be_bytes()]);
    format!("{session}.{expires_at}.{mac}")
}

/// The session that a cookie names, if we made it and its time is not over.
fn read(cookie: &str, prf: &Prf, now: Time) -> Option<SessionId> {
    let (session, rest) = cookie.split_once('.')?;
    let (expires_at, _) = rest.split_once('.')?;
    let (session, expires_at) = (session.parse().ok()?, expires_at.parse().ok()?);
    let ours = same_secret(sealed(session, expires_at, prf).as_bytes(), cookie.as_bytes());
    (ours && now.unix_seconds() < expires_at).then_some(session)
}

/// Who is at the portal; `None` for somebody who has to sign in.
pub(super) async fn visitor(state: &State, req: &HttpRequest) -> StoreResult<Option<Visitor>> {
    let now = state.clock.now();
    let Some(cookie) = state.cookies.read(req, COOKIE) else { return Ok(None) };
    let Some(id) = read(&cookie, &state.prf, now) else { return Ok(None) };
    // Who may not use the portal any more is not kept in it by its cookie.
    let Some(portal) = state.live.snapshot().client(&state.portal_client).cloned() else { return Ok(None) };
    let load = move |tx: &mut Transaction| {
        let Some(session) = tx.session(id)?.filter(|session| session.alive(now)) else { return Ok(None) };
        let user = tx.user(session.user)?.filter(|user| may_act(user, &portal).is_ok());
        Ok(user.map(|user| (session, user)))
    };
    let found = state.store.read(load).await?;
    Ok(found.map(|(session, user)| Visitor { session, user, cookie }))
}

#[cfg(test)]
mod tests {
    use vestibule_core::{
        crypto::MasterKey,
        random::{RandomExt as _, SystemRandom},
    };

    use super::*;

    #[test]
    fn only_our_own_fresh_cookie_is_read() {
        let random = SystemRandom::default();
        let prf = MasterKey::generate(&random).prf();
        let now = Time::from_unix_seconds(1000);
        let session = SessionId(random.uuid(now));
        let value = cookie(session, &prf, now);
        assert_eq!(read(&value, &prf, now), Some(session));
        assert_eq!(read(&value, &prf, now + LIFE), None);
        assert_eq!(read(&value.replacen(".4600.", ".9999.", 1), &prf, now), None);
        assert_eq!(read("", &prf, now), None);
        assert_eq!(read(&value, &MasterKey::generate(&random).prf(), now), None);
    }
}
