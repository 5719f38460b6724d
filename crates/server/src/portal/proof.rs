//! Where the portal sends somebody who is to prove once more that it is them, before they change how they sign in.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};

use super::{HOME, door};
use crate::state::State;

/// `POST /portal/confirm`: to the proof, and then to the path `to`.
pub(super) async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (visitor, params) = match door::admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    door::insider(&state).confirm(&state, &req, &visitor, params.get("to").unwrap_or(HOME)).await
}
