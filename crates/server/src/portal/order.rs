//! `/portal/factors/order`: which of somebody's ways to sign in is opened first, where a sign-in leaves a choice.
//!
//! It opens nothing that a chain does not offer, so that no fresh proof is asked for; the log is told all the same. One move is one
//! write, and what is kept is never longer than the list of ways that somebody has.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use vestibule_authn_smsotp::SmsOtp;
use vestibule_core::{
    engine::may_act,
    id::AuthenticatorName,
    store::{StoreError, StoreExt as _},
    user::{Credential, User},
};

use super::{FACTORS, door};
use crate::{
    answer,
    pages::Cause,
    state::{State, Transaction},
};

/// One step in the order.
#[derive(Clone)]
enum Move {
    /// Towards the beginning.
    Up(AuthenticatorName),
    /// Towards the end.
    Down(AuthenticatorName),
    /// They want to be asked each time.
    Forget,
}

/// `POST /portal/factors/order`.
pub(super) async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (visitor, params) = match door::admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    let wanted = match (params.get("up"), params.get("down"), params.get("action")) {
        (Some(name), None, None) => Move::Up(name.into()),
        (None, Some(name), None) => Move::Down(name.into()),
        (None, None, Some("forget")) => Move::Forget,
        _ => return answer::error(&state, &req, Cause::Forbidden),
    };
    let done = if matches!(wanted, Move::Forget) { "asked" } else { "ordered" };
    let (now, id, here) = (state.clock.now(), visitor.user.id, visitor.session.id);
    let event = door::event(&state, &req, &visitor, "factors.ordered");
    let work = move |tx: &mut Transaction| {
        let living = tx.session(here)?.is_some_and(|session| session.alive(now));
        let Some(user) = tx.user(id)?.filter(|user| living && may_act(user)) else {
            return Err(StoreError::Conflict("signed out meanwhile".to_owned()));
        };
        let Some(preferred) = moved(ways(&user, &tx.credentials_of(id)?), &wanted) else { return Ok(false) };
        tx.update_user(&User { preferred, ..user })?;
        tx.append_audit(&event)?;
        Ok(true)
    };
    match state.store.write(work).await {
        Ok(true) => answer::see_other(&state.public.path(&format!("{FACTORS}?done={done}"))),
        Ok(false) => answer::error(&state, &req, Cause::NotFound),
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

/// The ways that somebody has, each once, in the order that they prefer.
pub(super) fn ways(user: &User, credentials: &[Credential]) -> Vec<AuthenticatorName> {
    let number = user.phone_number_verified.then(|| AuthenticatorName::from(SmsOtp::NAME));
    let mut ways: Vec<AuthenticatorName> = Vec::new();
    for way in credentials.iter().map(|own| own.authenticator.clone()).chain(number) {
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    ways.sort_by_key(|way| user.preferred.iter().position(|liked| liked == way).unwrap_or(usize::MAX));
    ways
}

/// The order after a move; `None` when it moves what they have not.
fn moved(mut ways: Vec<AuthenticatorName>, wanted: &Move) -> Option<Vec<AuthenticatorName>> {
    let at = |name: &AuthenticatorName| ways.iter().position(|way| way == name);
    let (from, to) = match wanted {
        Move::Forget => return Some(Vec::new()),
        Move::Up(name) => at(name).map(|from| (from, from.saturating_sub(1)))?,
        Move::Down(name) => at(name).map(|from| (from, from.saturating_add(1).min(ways.len().saturating_sub(1))))?,
    };
    ways.swap(from, to);
    Some(ways)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_moves_by_one_and_what_one_has_not_moves_nothing() {
        let ways = || ["a", "b", "c"].map(AuthenticatorName::from).to_vec();
        let text = |moved: Option<Vec<AuthenticatorName>>| {
            moved.map(|ways| ways.iter().map(AuthenticatorName::as_str).collect::<String>())
        };
        for (wanted, order) in [
            (Move::Up("b".into()), Some("bac")),
            (Move::Up("a".into()), Some("abc")),
            (Move::Down("a".into()), Some("bac")),
            (Move::Down("c".into()), Some("abc")),
            (Move::Forget, Some("")),
            (Move::Up("d".into()), None),
        ] {
            assert_eq!(text(moved(ways(), &wanted)).as_deref(), order);
        }
    }
}
