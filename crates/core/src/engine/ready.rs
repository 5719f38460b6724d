//! What each alternative of a chain can do for somebody, outside of any run: for the simulator, which shows a login that
//! nobody begins. The authenticators are asked as in a run, and nothing is sent or kept.

use super::{Engine, guard::guarded};
use crate::{
    authenticator::{Readiness, StepError},
    chain::{Alternative, ChainRevision, Step},
    channel::Connection,
    id::InteractionId,
    outside::{Outside, own},
    plan::Availability,
    random::RandomExt as _,
    store::Store,
    user::{Credential, User},
};

impl<S: Store + ?Sized> Engine<S> {
    /// What each alternative can do for `user`, who has these credentials; for nobody in particular, what it can do for
    /// somebody who has what it asks for.
    pub async fn availability(
        &self,
        chain: &ChainRevision,
        connections: &[Connection],
        user: Option<&User>,
        credentials: &[Credential],
    ) -> Availability {
        let mut rows = Vec::with_capacity(chain.document.steps.len());
        for (number, step) in chain.document.steps.iter().enumerate() {
            let mut row = Vec::with_capacity(step.alternatives.len());
            for alternative in &step.alternatives {
                row.push(self.ready_for(alternative, (number, step), connections, user, credentials).await);
            }
            rows.push(row);
        }
        Availability(rows)
    }

    async fn ready_for(
        &self,
        alternative: &Alternative,
        (number, step): (usize, &Step),
        connections: &[Connection],
        user: Option<&User>,
        credentials: &[Credential],
    ) -> Readiness {
        let now = self.now();
        let outside = Outside {
            registry: &self.parts.registry,
            connections,
            prf: &self.parts.prf,
            random: &*self.parts.random,
            host: &self.parts.host,
            interaction: InteractionId(self.parts.random.uuid(now)),
            now,
        };
        let own = own(credentials, &alternative.authenticator);
        let (authenticator, context) = match outside.seen(alternative, number, user, &own) {
            Ok(seen) => seen,
            Err(readiness) => return readiness,
        };
        let broken = |error: StepError| Readiness::Broken { why: error.to_string() };
        let readiness = guarded(authenticator.readiness(&context)).await.unwrap_or_else(broken);
        step.cooled(readiness, authenticator.changed_at(&context), now)
    }
}
