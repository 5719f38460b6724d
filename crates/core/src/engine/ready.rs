//! What each alternative of a chain can do for somebody, outside of any run: for the simulator, which shows a login that
//! nobody begins. The authenticators are asked as in a run, and nothing is sent or kept.

use serde_json::Value;

use super::{Engine, guard::guarded};
use crate::{
    authenticator::{CodeKey, Readiness, StepContext},
    chain::{Alternative, ChainRevision},
    channel::Connection,
    id::InteractionId,
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
                row.push(self.ready_for(alternative, number, connections, user, credentials).await);
            }
            rows.push(row);
        }
        Availability(rows)
    }

    async fn ready_for(
        &self,
        alternative: &Alternative,
        step: usize,
        connections: &[Connection],
        user: Option<&User>,
        credentials: &[Credential],
    ) -> Readiness {
        let broken = |why: String| Readiness::Broken { why };
        let Some(authenticator) = self.parts.registry.get(&alternative.authenticator) else {
            return broken("there is no such authenticator".to_owned());
        };
        let connection = match &alternative.connection {
            None => None,
            Some(name) => match connections.iter().find(|connection| connection.name == *name) {
                Some(connection) => Some(connection),
                None => return broken("there is no such connection".to_owned()),
            },
        };
        let ours = |credential: &&Credential| credential.authenticator == alternative.authenticator;
        let own: Vec<Credential> = credentials.iter().filter(ours).cloned().collect();
        let now = self.now();
        let interaction = InteractionId(self.parts.random.uuid(now));
        let context = StepContext {
            user,
            credentials: &own,
            settings: &alternative.settings,
            connection,
            client_name: "",
            host: &self.parts.host,
            now,
            random: &*self.parts.random,
            state: Value::Null,
            code: None,
            code_key: CodeKey { prf: &self.parts.prf, interaction, step, issue: 1 },
            outgoing: None,
            renewed: Vec::new(),
        };
        guarded(authenticator.readiness(&context)).await.unwrap_or_else(|error| broken(error.to_string()))
    }
}
