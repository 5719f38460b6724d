//! `trace`: what became of a trial, step by step. It changes nothing.

use serde_json::Value;

use super::{Engine, EngineError, RequestContext};
use crate::{
    chain::ChainRevision,
    id::InteractionId,
    interaction::{Request, Stage},
    plan::{Denial, StepReport},
    store::Store,
    time::Time,
    user::User,
};

/// A trial that is over.
#[derive(Debug)]
pub struct Trace {
    /// What was asked.
    pub request: Request,
    /// The chain that it passed, as it was when it began.
    pub chain: ChainRevision,
    /// A line for each step, as the plan had it at the end.
    pub steps: Vec<StepReport>,
    /// Who passed it, while there is such a user.
    pub user: Option<User>,
    /// The protocol's own record of what the client would have been told.
    pub answer: Value,
    /// Why it was refused, if the engine refused it.
    pub denial: Option<Denial>,
    /// When it ended.
    pub at: Time,
}

impl<S: Store + ?Sized> Engine<S> {
    /// A trial that is over; `None` while it goes on. For no other run: what a person proved for an application is nobody
    /// else's to look at.
    ///
    /// # Errors
    /// When the interaction is no trial, or not this browser's, or the database fails.
    pub async fn trace(
        &self,
        id: InteractionId,
        binding: Option<&str>,
        cx: &RequestContext,
    ) -> Result<Option<Trace>, EngineError> {
        let mut situation = self.situation(id, binding, cx).await?;
        if !situation.trial {
            return Err(EngineError::NotFound);
        }
        let (answer, denial, at) = match situation.interaction.stage.clone() {
            Stage::Closed { answer, at, .. } => (answer, None, at),
            Stage::Denied { answer, at, denial } => (answer, denial, at),
            Stage::Open | Stage::Held => return Ok(None),
        };
        // As it was then: what was fresh enough to pass has grown older since.
        situation.now = at;
        let steps = self.plan(&situation, cx).await.steps;
        let user = situation.person.user.take().filter(|_| situation.proven());
        Ok(Some(Trace {
            request: situation.interaction.request,
            chain: situation.chain,
            steps,
            user,
            answer,
            denial,
            at,
        }))
    }
}
