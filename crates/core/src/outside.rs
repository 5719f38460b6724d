//! Asking authenticators outside of any run: for trying a chain out, where nothing is sent and nothing is kept.

use serde_json::Value;

use crate::{
    Authenticator,
    authenticator::{Changes, CodeKey, Readiness, Registry, StepContext},
    chain::Alternative,
    channel::Connection,
    crypto::Prf,
    id::{AuthenticatorName, ConnectionName, InteractionId},
    random::Random,
    time::Time,
    user::{Credential, User},
};

/// What there is, whoever is asked about.
#[derive(Clone, Copy)]
pub(crate) struct Outside<'a> {
    pub(crate) registry: &'a Registry,
    pub(crate) connections: &'a [Connection],
    pub(crate) prf: &'a Prf,
    pub(crate) random: &'a dyn Random,
    pub(crate) host: &'a str,
    pub(crate) interaction: InteractionId,
    pub(crate) now: Time,
}

impl<'a> Outside<'a> {
    /// The authenticator of an alternative, and what it may see of `user`, whose credentials of it are `own`; what is broken,
    /// when there is no such authenticator or connection.
    pub(crate) fn seen(
        &self,
        alternative: &'a Alternative,
        step: usize,
        user: Option<&'a User>,
        own: &'a [Credential],
    ) -> Result<(&'a dyn Authenticator, StepContext<'a>), Readiness> {
        let broken = |why: &str| Readiness::Broken { why: why.to_owned() };
        let authenticator = self.registry.get(&alternative.authenticator);
        let authenticator = authenticator.ok_or_else(|| broken("there is no such authenticator"))?;
        let find = |name: &ConnectionName| self.connections.iter().find(|connection| connection.name == *name);
        let missing = || broken("there is no such connection");
        let connection = alternative.connection.as_ref().map(|name| find(name).ok_or_else(missing)).transpose()?;
        let context = StepContext {
            user,
            proven: false,
            credentials: own,
            dormant: &[],
            settings: &alternative.settings,
            connection,
            locales: &[],
            client_name: "",
            host: self.host,
            now: self.now,
            random: self.random,
            state: Value::Null,
            code: None,
            code_key: CodeKey { prf: self.prf, interaction: self.interaction, step, issue: 1 },
            outgoing: None,
            changes: Changes::default(),
        };
        Ok((authenticator, context))
    }
}

/// Those credentials that one authenticator reads.
pub(crate) fn own(credentials: &[Credential], authenticator: &AuthenticatorName) -> Vec<Credential> {
    credentials.iter().filter(|credential| credential.authenticator == *authenticator).cloned().collect()
}
