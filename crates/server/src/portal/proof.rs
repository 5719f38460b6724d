//! Proving once more that it is oneself, before anything is changed by which one signs in.
//!
//! What was proved, and when, is in the session's evidence, which the engine alone writes: nothing is remembered here. So a proof
//! that is too old, or by something that is gone meanwhile, is none; and an earlier cookie of this browser has no part in a later
//! proof.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use vestibule_core::{engine::EngineError, interaction::Errand};

use super::{HOME, door};
use crate::{insider::Visitor, state::State};

/// Whether the visitor proved a moment ago that it is them, by more than a password if they have more.
pub(super) async fn fresh(state: &State, visitor: &Visitor) -> Result<bool, EngineError> {
    Ok(visitor.latest && state.engine.proved_now(&visitor.user, &visitor.session).await?)
}

/// `POST /portal/confirm`: to the proof, and then to the path `to`, which is looked at again when they come back.
pub(super) async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (visitor, params) = match door::admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    let to = params.get("to").unwrap_or(HOME);
    let to = to.strip_prefix(state.public.issuer.path()).filter(|rest| rest.starts_with('/')).unwrap_or(to);
    door::insider(&state).send_on(&state, &req, &visitor, Errand::Confirm, to).await
}
