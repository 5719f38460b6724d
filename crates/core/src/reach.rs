//! Whether a user could finish a chain: asked before a change that might leave nobody who can administer the server.
//!
//! It tries the chain out with the engine's own [`plan`], as if each alternative that is ready had been passed, one after
//! another. Nothing is sent and nothing is kept. It waits for nobody: an authenticator that cannot tell at once counts as not
//! ready, since this is asked inside a transaction. What it cannot decide it denies.
//!
//! A way that lasts is another question than a way in today: a bypass code is good for an hour and once, and whoever is left with
//! that alone is locked out tomorrow.

use std::collections::BTreeSet;

use futures_util::FutureExt as _;

use crate::{
    authenticator::{Readiness, Registry},
    chain::{Alternative, ChainRevision, Step},
    channel::Connection,
    condition::Context,
    crypto::Prf,
    evidence::{Evidence, Strength, Via},
    id::{ClientId, InteractionId},
    outside::{Outside, own},
    plan::{Availability, Binding, Denial, Inputs, Next, plan},
    random::{Random, RandomExt as _},
    time::Time,
    user::{Credential, User},
};

/// So many plans are made at most: a chain of absurd size is one that nobody can be shown to finish.
const PLANS: usize = 2000;

/// What a user would meet.
#[derive(Clone, Copy)]
pub struct Reach<'a> {
    /// The authenticators that exist.
    pub registry: &'a Registry,
    /// The chain to finish.
    pub chain: &'a ChainRevision,
    /// The connections that exist.
    pub connections: &'a [Connection],
    /// For which service provider.
    pub client: &'a ClientId,
    /// The scopes that it asks for.
    pub scopes: &'a [String],
    /// The keyed hash of the master key.
    pub prf: &'a Prf,
    /// Chance.
    pub random: &'a dyn Random,
    /// The time.
    pub now: Time,
    /// Whether only what lasts counts: not what is good for once more at most, such as a bypass code or the last one on paper.
    pub lasting: bool,
}

/// A try, and how many plans it may still make.
struct Attempt<'a> {
    reach: Reach<'a>,
    user: &'a User,
    /// The best that they have, which is asked for before they may enrol anything.
    protected: Strength,
    availability: Availability,
    interaction: InteractionId,
    left: usize,
}

impl Reach<'_> {
    /// Whether `user`, who has these credentials, could finish.
    ///
    /// # Errors
    /// What would stop them first.
    pub fn finishes(&self, user: &User, credentials: &[Credential]) -> Result<(), Denial> {
        let credentials: Vec<Credential> = credentials.iter().filter(|own| self.counts(own)).cloned().collect();
        let credentials = credentials.as_slice();
        let interaction = InteractionId(self.random.uuid(self.now));
        let steps = self.chain.document.steps.iter().enumerate();
        let ready = steps.map(|(number, step)| {
            let ask = |alternative| self.readiness(alternative, user, credentials, (number, step), interaction);
            step.alternatives.iter().map(ask).collect()
        });
        let availability = Availability(ready.collect());
        let protected = self.registry.strength_of(user, credentials);
        Attempt { reach: *self, user, protected, availability, interaction, left: PLANS }.pass(&mut Vec::new())
    }

    fn counts(&self, own: &Credential) -> bool {
        let left = self.registry.get(&own.authenticator).and_then(|known| known.uses_left(own, self.now));
        !self.lasting || left.is_none_or(|left| left > 1)
    }

    fn readiness(
        &self,
        alternative: &Alternative,
        user: &User,
        credentials: &[Credential],
        (number, step): (usize, &Step),
        interaction: InteractionId,
    ) -> Readiness {
        let broken = |why: &str| Readiness::Broken { why: why.to_owned() };
        let Self { registry, connections, prf, random, now, .. } = *self;
        let outside = Outside { registry, connections, prf, random, host: "", interaction, now };
        let own = own(credentials, &alternative.authenticator);
        let (authenticator, context) = match outside.seen(alternative, number, Some(user), &own) {
            Ok(seen) => seen,
            Err(readiness) => return readiness,
        };
        if context.connection.is_some_and(|connection| connection.disabled) {
            return broken("there is no such connection");
        }
        match authenticator.readiness(&context).now_or_never() {
            Some(Ok(Readiness::CanEnrol)) if authenticator.enrolment().is_none() => {
                Readiness::Unavailable { why: "it cannot be enrolled here".to_owned() }
            }
            Some(Ok(readiness)) => step.cooled(readiness, authenticator.changed_at(&context), now),
            Some(Err(error)) => broken(&error.to_string()),
            None => broken("it cannot tell at once"),
        }
    }
}

impl Attempt<'_> {
    /// Passes the next step by each of its alternatives in turn, until one leads to the end.
    fn pass(&mut self, evidence: &mut Vec<Evidence>) -> Result<(), Denial> {
        let (step, alternatives) = match self.plan(evidence)? {
            Next::Done(_) => return Ok(()),
            Next::Deny(denial) => return Err(denial),
            Next::Ask { step, alternatives } | Next::Enrol { step, alternatives } => (step, alternatives),
        };
        let mut denial = Denial::NothingDue;
        for alternative in alternatives {
            let Some(given) = self.given(step, alternative) else { continue };
            evidence.push(given);
            match self.pass(evidence) {
                Ok(()) => return Ok(()),
                Err(why) => denial = why,
            }
            evidence.pop();
        }
        Err(denial)
    }

    fn plan(&mut self, evidence: &[Evidence]) -> Result<Next, Denial> {
        self.left = self.left.checked_sub(1).ok_or(Denial::NothingDue)?;
        let Reach { registry, chain, client, scopes, now, .. } = self.reach;
        let context = Context {
            client,
            scopes,
            acr_values: &[],
            // Not known, so that a step that depends on it is due.
            ip: None,
            username: Some(self.user.username.as_str()),
            groups: Some(&self.user.groups),
            roles: Some(&self.user.roles),
            known_device: false,
        };
        Ok(plan(&Inputs {
            chain,
            registry,
            user: Some(self.user.id),
            evidence,
            availability: &self.availability,
            context: &context,
            acr_claim: None,
            not_before: None,
            binding: Binding { protected: self.protected, ..Binding::default() },
            interaction: self.interaction,
            now,
        })
        .next)
    }

    /// The evidence of an alternative, as it would be given.
    fn given(&self, step: usize, alternative: usize) -> Option<Evidence> {
        let name = &self.reach.chain.document.steps.get(step)?.alternatives.get(alternative)?.authenticator;
        let descriptor = self.reach.registry.get(name)?.descriptor();
        Some(Evidence {
            user: self.user.id,
            authenticator: name.clone(),
            // One of each kind: whoever has two phones is not thought of.
            credential: name.to_string(),
            factors: descriptor.factors.clone(),
            properties: descriptor.properties.clone(),
            amr: BTreeSet::new(),
            at: self.reach.now,
            via: Via::Direct,
            interaction: self.interaction,
            step,
            changed_at: self.availability.changed_at(self.reach.chain, name),
            unfit: Vec::new(),
        })
    }
}
