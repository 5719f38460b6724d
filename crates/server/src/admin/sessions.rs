//! Sessions: who is signed in where.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vestibule_core::{
    id::{SessionId, UserId},
    session::Session,
    store::{StoreExt as _, StoreResult},
    time::{Time, Timestamp},
    user::LoginName,
};

use super::{
    Actor, AdminError, Permission,
    paging::{Listing, PageQuery},
    record::Change,
    transact::{self, Work},
};
use crate::state::{State, Transaction};

/// Somebody who is signed in somewhere. No cookie can be made from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SessionView {
    /// Its id, the `sid` claim.
    pub id: String,
    /// Who.
    pub user: String,
    /// Their name.
    pub username: String,
    /// The browser, as it called itself.
    pub user_agent: Option<String>,
    /// The network that it was last renewed from.
    pub network: String,
    /// What was proved in it, by authenticator.
    pub proved: Vec<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When somebody last signed in in it.
    pub renewed_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl SessionView {
    /// The view of a session of somebody with this name.
    pub fn new(session: &Session, username: Option<&LoginName>) -> Self {
        let proved: std::collections::BTreeSet<_> =
            session.evidence.iter().map(|evidence| evidence.authenticator.to_string()).collect();
        Self {
            id: session.id.to_string(),
            user: session.user.to_string(),
            username: username.map(ToString::to_string).unwrap_or_default(),
            user_agent: session.user_agent.clone(),
            network: session.network.clone(),
            proved: proved.into_iter().collect(),
            created_at: session.created_at.into(),
            renewed_at: session.renewed_at.into(),
            expires_at: session.expires_at.into(),
        }
    }
}

/// Where a page of sessions begins.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Place(Time, SessionId);

/// `sessions.list`.
///
/// # Errors
/// Without permission, and when the page makes no sense.
pub async fn list(state: &State, actor: &Actor, page: &PageQuery) -> Result<Listing<SessionView>, AdminError> {
    actor.needs(Permission::SessionsRead)?;
    let asked = page.read::<Place>(&"sessions", &state.prf)?;
    let (before, limit, now) = (asked.after.map(|Place(at, id)| (at, id)), asked.and_one(), state.clock.now());
    let read = move |tx: &mut Transaction| {
        let sessions = tx.living_sessions(before, now, limit)?;
        let names = names(tx, &sessions)?;
        Ok((sessions, names))
    };
    let (sessions, names) = state.store.read(read).await?;
    let show = |session: Session| SessionView::new(&session, names.get(&session.user));
    Ok(asked.page(sessions, &"sessions", &state.prf, |session| Place(session.created_at, session.id), show))
}

/// The names of those whose sessions these are.
fn names(tx: &mut Transaction, sessions: &[Session]) -> StoreResult<HashMap<UserId, LoginName>> {
    let ids: std::collections::BTreeSet<UserId> = sessions.iter().map(|session| session.user).collect();
    let ids: Vec<UserId> = ids.into_iter().collect();
    Ok(tx.users_of(&ids)?.into_iter().map(|user| (user.id, user.username)).collect())
}

/// `sessions.end`: signs one browser out.
///
/// # Errors
/// Without permission, for somebody above the actor, and when there is no such living session.
pub async fn end(state: &State, actor: &Actor, id: SessionId) -> Result<(), AdminError> {
    actor.needs(Permission::SessionsWrite)?;
    let work = Work::new(state, actor);
    transact::write(state, move |tx| {
        let session = tx.session(id)?.filter(|session| session.alive(work.now));
        let session = session.ok_or(AdminError::NotFound("session"))?;
        let user = tx.user(session.user)?;
        if let Some(user) = &user {
            work.actor.may_touch(&user.roles)?;
        }
        tx.end_session(id, work.now)?;
        tx.revoke_session_grants(id, work.now)?;
        let view = SessionView::new(&session, user.as_ref().map(|user| &user.username));
        let change = Change::new("session.ended", &id, &view, &serde_json::Value::Null).about(session.user);
        work.record(tx, &change)
    })
    .await
}
