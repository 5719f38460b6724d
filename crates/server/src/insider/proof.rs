//! Proving once more that it is oneself, at an insider, before something is done by which somebody signs in.
//!
//! What was proved, and when, is in the session's evidence, which the engine alone writes: nothing is remembered here. So a proof
//! that is too old, or by something that is gone meanwhile, is none; and an earlier cookie of this browser has no part in a later
//! proof.

use actix_web::{HttpRequest, HttpResponse};
use vestibule_core::{engine::EngineError, interaction::Errand};

use super::{Insider, Visitor};
use crate::state::State;

impl Visitor {
    /// Whether they proved a moment ago that it is them, by more than a password if they have more.
    pub(crate) async fn proved_now(&self, state: &State) -> Result<bool, EngineError> {
        Ok(self.latest && state.engine.proved_now(&self.user, &self.session).await?)
    }
}

impl Insider<'_> {
    /// Sends somebody to the proof, and then to the path `to`, as it stands on a page or without what the issuer's address puts before
    /// it; it is looked at again when they come back.
    pub(crate) async fn confirm(&self, state: &State, req: &HttpRequest, visitor: &Visitor, to: &str) -> HttpResponse {
        let to = to.strip_prefix(state.public.issuer.path()).filter(|rest| rest.starts_with('/')).unwrap_or(to);
        self.send_on(state, req, visitor, Errand::Confirm, to).await
    }
}
