//! Everything that is known about an interaction at one moment, and the plan made from it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde_json::{Map, Value};

use super::{Configuration, Engine, EngineError, RequestContext, authenticator, errand, guard::guarded, may_act};
use crate::{
    authenticator::{Changes, CodeKey, Readiness, StepContext},
    chain::{Alternative, ChainRevision},
    condition::Context,
    device::{DeviceGiven, TrustedDevice},
    evidence::{Evidence, Strength},
    id::{AuthenticatorName, ChainName, InteractionId, UserId},
    interaction::{Challenge, Interaction, Request, Stage, Subject},
    plan::{Availability, Binding, Denial, Inputs, Next, Plan, plan},
    session::Session,
    store::{Store, StoreExt as _, StoreResult, Tx},
    time::Time,
    user::{Credential, User},
};

/// Everything that is known about an interaction at one moment.
#[derive(Clone)]
pub(super) struct Situation {
    pub(super) interaction: Interaction,
    pub(super) chain: ChainRevision,
    pub(super) configuration: Arc<Configuration>,
    /// The session that the interaction began with, while it lives.
    pub(super) session: Option<Session>,
    pub(super) person: Person,
    pub(super) challenges: Vec<Challenge>,
    /// The device that the browser's cookie is good for, whoever's it is.
    pub(super) device: Option<TrustedDevice>,
    /// The device's cookie that went with the answer of a finished interaction.
    pub(super) given: Option<DeviceGiven>,
    /// Whether nothing is to come of it.
    pub(super) trial: bool,
    pub(super) now: Time,
}

/// The user, with what the authenticators keep for them; empty when nobody is known.
#[derive(Clone, Default)]
pub(super) struct Person {
    pub(super) user: Option<User>,
    /// What somebody has who may not act.
    dormant: HashMap<AuthenticatorName, Vec<Credential>>,
    credentials: HashMap<AuthenticatorName, Vec<Credential>>,
}

impl Person {
    /// Loads a user who may act. A disabled user is nobody: from outside the two must look the same.
    pub(super) fn load(tx: &mut (impl Tx + ?Sized), user: Option<User>) -> StoreResult<Self> {
        let Some(user) = user else { return Ok(Self::default()) };
        let mut credentials: HashMap<AuthenticatorName, Vec<Credential>> = HashMap::new();
        for credential in tx.credentials_of(user.id)? {
            credentials.entry(credential.authenticator.clone()).or_default().push(credential);
        }
        Ok(match may_act(&user) {
            true => Self { user: Some(user), credentials, dormant: HashMap::new() },
            false => Self { user: None, credentials: HashMap::new(), dormant: credentials },
        })
    }
}

impl Person {
    /// Takes up what a passed step changed, as it will be written.
    pub(super) fn settle(&mut self, changes: &Changes, authenticator: &AuthenticatorName, now: Time) {
        let Some(user) = &mut self.user else { return };
        let own = self.credentials.entry(authenticator.clone()).or_default();
        own.retain(|credential| !changes.dropped.contains(&credential.id));
        own.extend(changes.added.iter().cloned().map(|added| added.of(user.id, authenticator, now)));
        for renewed in changes.renewed.iter().chain(&changes.spent) {
            own.iter_mut().filter(|known| known.id == renewed.id).for_each(|own| own.secret = renewed.secret.clone());
        }
        if let Some(proved) = changes.proved.clone() {
            proved.settle(user, now);
        }
    }

    /// The credential that a proof named.
    pub(super) fn credential(&self, authenticator: &AuthenticatorName, named: &str) -> Option<&Credential> {
        self.credentials.get(authenticator)?.iter().find(|own| own.id.to_string() == named)
    }
}

impl<S: Store + ?Sized> Engine<S> {
    /// Loads what is known about an interaction.
    pub(super) async fn situation(
        &self,
        id: InteractionId,
        binding: Option<&str>,
        cx: &RequestContext,
    ) -> Result<Situation, EngineError> {
        self.check_binding(id, binding)?;
        let configuration = self.configuration();
        let (now, shown) = (self.now(), cx.device);
        let load = move |tx: &mut S::Tx| {
            // What confirms a transaction is no browser's.
            let browsers = |found: &Interaction| found.transaction().is_none();
            let Some(interaction) = tx.interaction(id)?.filter(browsers) else { return Ok(None) };
            let Some(chain) = chain_of(tx, &configuration, &interaction.chain, interaction.revision)? else {
                return Ok(None);
            };
            let chain = chain.with_tail(&interaction.tail).with_tail(&interaction.renewal);
            let session = match interaction.session {
                Some(session) => tx.session(session)?.filter(|session| session.alive(now)),
                None => None,
            };
            let user = match interaction.subject.user() {
                Some(user) => tx.user(user)?,
                None => None,
            };
            let person = Person::load(tx, user)?;
            let challenges = tx.challenges(id)?;
            let device = shown.map(|shown| tx.device(shown.id)).transpose()?.flatten();
            let closed = interaction.device.filter(|_| matches!(interaction.stage, Stage::Closed { .. }));
            let given = closed.map(|id| tx.device(id)).transpose()?.flatten();
            let given = given.filter(|device| device.alive(now)).map(|device| device.given());
            let (configuration, trial) = (Arc::clone(&configuration), false);
            Ok(Some(Situation {
                interaction,
                chain,
                configuration,
                session,
                person,
                challenges,
                device,
                given,
                trial,
                now,
            }))
        };
        let mut situation = self.store.read(load).await?.ok_or(EngineError::NotFound)?;
        situation.trial = self.finish.is_trial(situation.request());
        situation.device = self.known_device(situation.device, cx, now).await?;
        Ok(situation)
    }

    /// Plans what comes next.
    pub(super) async fn plan(&self, situation: &Situation, cx: &RequestContext) -> Plan {
        self.plan_and_ask(situation, cx).await.0
    }

    /// Plans what comes next; and what the authenticators of the due step say they can do. Those of the other steps are not
    /// asked: the first step that is due decides. A step that is due only for those who have one of its ways may not be due
    /// once it was asked; then the next is.
    ///
    /// A wish to set up another way never costs a login: where it leads nowhere, the plan is made as if there were none.
    pub(super) async fn plan_and_ask(&self, situation: &Situation, cx: &RequestContext) -> (Plan, Availability) {
        let planned = self.plan_of(situation, cx).await;
        if !situation.interaction.wishes() || !matches!(planned.0.next, Next::Deny(_)) {
            return planned;
        }
        let mut plain = situation.clone();
        plain.without_wish();
        self.plan_of(&plain, cx).await
    }

    /// The ways that the person may set up besides. On an errand they are, or wish for one already; of a trial nothing is to come.
    pub(super) fn besides(&self, situation: &Situation, plan: &Plan) -> Vec<usize> {
        let Interaction { tail, renewal, .. } = &situation.interaction;
        let free = tail.is_empty() && renewal.is_empty() && !situation.trial;
        if free { plan.besides.clone() } else { Vec::new() }
    }

    async fn plan_of(&self, situation: &Situation, cx: &RequestContext) -> (Plan, Availability) {
        let mut availability = Availability::all_ready(&situation.chain);
        let (mut asked, mut protected) = (BTreeSet::new(), None);
        loop {
            let plan = self.plan_given(situation, &availability, protected.unwrap_or_default(), cx);
            let step = match plan.next {
                Next::Ask { step, .. } | Next::Enrol { step, .. } if asked.insert(step) => step,
                Next::Enrol { .. } if protected.is_none() => {
                    protected = Some(self.protected(&situation.person, &situation.configuration).await);
                    continue;
                }
                _ => return (plan, availability),
            };
            for (alternative, readiness) in availability.0.get_mut(step).into_iter().flatten().enumerate() {
                *readiness = self.readiness(situation, step, alternative).await;
            }
        }
    }

    /// The best that the person has: with less they set up nothing.
    pub(super) async fn protected(&self, person: &Person, configuration: &Configuration) -> Strength {
        let Some(user) = &person.user else { return Strength::Held };
        let credentials: Vec<_> = person.credentials.values().flatten().cloned().collect();
        self.strength(configuration, user, &credentials).await
    }

    fn plan_given(
        &self,
        situation: &Situation,
        availability: &Availability,
        protected: Strength,
        cx: &RequestContext,
    ) -> Plan {
        let interaction = &situation.interaction;
        let request = &interaction.request;
        let proven = match interaction.subject {
            Subject::Proven(user) => Some(user),
            _ => None,
        };
        let user = situation.person.user.as_ref().filter(|user| Some(user.id) == proven);
        let context = Context {
            client: &request.client,
            scopes: &request.scopes,
            acr_values: &request.acr_values,
            ip: cx.ip,
            username: user.map(|user| user.username.as_str()),
            groups: user.map(|user| user.groups.as_slice()),
            roles: user.map(|user| user.roles.as_slice()),
            // A device whose every proof was taken back (the telephone was lost) is none to rely on.
            known_device: user.is_some_and(|user| !self.second_hand(situation, user.id).is_empty()),
        };
        // Proven, and gone or disabled since.
        if proven.is_some() && user.is_none() {
            return Plan { next: Next::Deny(Denial::MayNotAct), steps: Vec::new(), besides: Vec::new() };
        }
        // Nothing more is asked of somebody else than the one who is wanted: no message is sent for it, and nothing is set up.
        if proven.is_some_and(|user| request.required_user.is_some_and(|required| required != user)) {
            return Plan { next: Next::Deny(Denial::OtherUser), steps: Vec::new(), besides: Vec::new() };
        }
        let evidence = self.evidence(situation, proven);
        plan(&Inputs {
            chain: &situation.chain,
            registry: &self.parts.registry,
            user: user.map(|user| user.id),
            evidence: &evidence,
            availability,
            context: &context,
            acr_claim: request.acr_claim.as_ref(),
            not_before: request.not_before,
            interaction: interaction.id,
            binding: Binding {
                protected,
                adds: interaction.adds(situation.chain.document.steps.len()),
                renews: interaction.renews(situation.chain.document.steps.len()),
                cool_off: errand::cool_off(&situation.configuration),
            },
            now: situation.now,
        })
    }

    /// The plan as if everything worked and everybody had everything.
    pub(super) fn plan_ready(&self, situation: &Situation, cx: &RequestContext) -> Plan {
        self.plan_given(situation, &Availability::all_ready(&situation.chain), Strength::Held, cx)
    }

    /// What was proved in this run and, for the same user, in the session, as far as they still have what they proved it with:
    /// whoever took a lost telephone out of an account does not want it to open doors for another twelve hours.
    fn evidence(&self, situation: &Situation, user: Option<UserId>) -> Vec<Evidence> {
        let session = situation.session.iter().filter(|session| Some(session.user) == user);
        // In this run too: a page that somebody left open with a stolen password ends with that password.
        let all = situation.interaction.evidence.iter().chain(session.flat_map(|session| &session.evidence));
        let direct = all.filter(|given| self.still_has(&situation.person, situation, given)).cloned();
        let all = direct.chain(user.into_iter().flat_map(|user| self.second_hand(situation, user)));
        let asked = |given: Evidence| Evidence {
            changed_at: self.changed_at(situation, &given.authenticator),
            unfit: self.unfit(situation, &given),
            ..given
        };
        all.map(asked).collect()
    }

    /// The alternatives whose settings ask for something else than what was given, whatever that proves.
    fn unfit(&self, situation: &Situation, given: &Evidence) -> Vec<Alternative> {
        let ways = situation.chain.document.steps.iter().flat_map(|step| &step.alternatives);
        let refuses = |way: &&Alternative| {
            let context = self.context_of(&situation.person, situation, &way.authenticator, &way.settings, Value::Null);
            let known = self.parts.registry.get(&way.authenticator);
            known.is_some_and(|known| !known.takes(&context, &given.authenticator, &given.credential))
        };
        ways.filter(refuses).cloned().collect()
    }

    /// When what the person has of an authenticator came in the place of something else.
    fn changed_at(&self, situation: &Situation, name: &AuthenticatorName) -> Option<Time> {
        let settings = Map::new();
        let context = self.context_of(&situation.person, situation, name, &settings, Value::Null);
        self.parts.registry.get(name)?.changed_at(&context)
    }

    pub(super) fn still_has(&self, person: &Person, situation: &Situation, evidence: &Evidence) -> bool {
        let Some(authenticator) = self.parts.registry.get(&evidence.authenticator) else { return false };
        let (settings, state) = (Map::new(), Value::Null);
        let context = self.context_of(person, situation, &evidence.authenticator, &settings, state);
        authenticator.holds(&context, &evidence.credential)
    }

    pub(super) async fn readiness(&self, situation: &Situation, step: usize, alternative: usize) -> Readiness {
        let broken = |why: String| Readiness::Broken { why };
        let Some(authenticator) = authenticator(&self.parts.registry, &situation.chain, step, alternative) else {
            return broken("there is no such authenticator".to_owned());
        };
        // Of whom nothing is proved, nothing may be told: what they have looks like what anybody has.
        let nobody = Person::default();
        let person = if situation.proven() { &situation.person } else { &nobody };
        let Some(context) = self.step_context_for(person, situation, step, alternative, Value::Null) else {
            return broken("there is no such connection".to_owned());
        };
        let Some(rule) = situation.chain.document.steps.get(step) else {
            return broken("there is no such step".to_owned());
        };
        match guarded(authenticator.readiness(&context)).await {
            Ok(readiness) => rule.cooled(readiness, authenticator.changed_at(&context), situation.now),
            Err(error) => broken(error.to_string()),
        }
    }

    /// What an authenticator may see of a situation; `None` when the alternative names a connection that does not exist.
    pub(super) fn step_context<'a>(
        &'a self,
        situation: &'a Situation,
        step: usize,
        alternative: usize,
        state: Value,
    ) -> Option<StepContext<'a>> {
        self.step_context_for(&situation.person, situation, step, alternative, state)
    }

    pub(super) fn step_context_for<'a>(
        &'a self,
        person: &'a Person,
        situation: &'a Situation,
        step: usize,
        alternative: usize,
        state: Value,
    ) -> Option<StepContext<'a>> {
        let alternative: &Alternative = situation.chain.document.steps.get(step)?.alternatives.get(alternative)?;
        let connection = match &alternative.connection {
            None => None,
            Some(name) => Some(situation.configuration.connection(name)?),
        };
        let context = self.context_of(person, situation, &alternative.authenticator, &alternative.settings, state);
        let code_key = CodeKey { step, ..context.code_key };
        Some(StepContext { connection, code_key, ..context })
    }

    /// What an authenticator may see of a person, whichever step it is asked for.
    fn context_of<'a>(
        &'a self,
        person: &'a Person,
        situation: &'a Situation,
        authenticator: &AuthenticatorName,
        settings: &'a Map<String, Value>,
        state: Value,
    ) -> StepContext<'a> {
        StepContext {
            user: person.user.as_ref(),
            proven: situation.proven(),
            credentials: person.credentials.get(authenticator).map_or(&[], Vec::as_slice),
            dormant: person.dormant.get(authenticator).map_or(&[], Vec::as_slice),
            settings,
            connection: None,
            locales: &situation.interaction.request.locales,
            client_name: &situation.interaction.request.client_name,
            host: &self.parts.host,
            now: situation.now,
            random: &*self.parts.random,
            state,
            code: None,
            code_key: CodeKey {
                prf: &self.parts.prf,
                interaction: situation.interaction.id,
                step: 0,
                issue: situation.interaction.issues.saturating_add(1),
            },
            outgoing: None,
            changes: Changes::default(),
        }
    }
}

impl Situation {
    pub(super) fn request(&self) -> &Request {
        &self.interaction.request
    }

    /// Whether the person can still do something here; what, the plan says, and not the stage: another tab may have proved what
    /// was due here, and while consent is waited for, what was proved may grow too old.
    ///
    /// What is held belongs to a session, and ends with it: a page that was left open must not sign somebody in again who
    /// has signed out. A trial signs nobody in.
    pub(super) fn waits(&self) -> bool {
        let open = match self.interaction.stage {
            Stage::Open => true,
            Stage::Held => self.trial || self.session.is_some(),
            Stage::Closed { .. } | Stage::Denied { .. } => false,
        };
        open && self.now < self.interaction.expires_at
    }

    /// Whether somebody has proved something: only then is told what would tell one account from another. A program that confirms
    /// a transaction is told if it may know who there is.
    pub(super) fn proven(&self) -> bool {
        matches!(self.interaction.subject, Subject::Proven(_))
            || matches!(self.interaction.transaction(), Some((_, true)))
    }

    /// The challenge that the person is at.
    pub(super) fn challenge(&self) -> Option<&Challenge> {
        let id = self.interaction.chosen?.challenge?;
        self.challenges.iter().find(|challenge| challenge.id == id)
    }

    /// The way that the person wished to set up besides.
    pub(super) fn wished(&self) -> Option<&Alternative> {
        self.interaction.tail.last().filter(|_| self.interaction.wishes())?.alternatives.first()
    }

    /// The same without that wish.
    pub(super) fn without_wish(&mut self) {
        if self.interaction.wishes() {
            let own = self.chain.document.steps.len().saturating_sub(self.interaction.tail.len());
            self.chain.document.steps.truncate(own);
            self.interaction.tail.clear();
            self.interaction.chosen = self.interaction.chosen.filter(|chosen| chosen.step < own);
            self.interaction.notice = None;
        }
    }

    pub(super) fn alternative(&self, step: usize, alternative: usize) -> Option<&Alternative> {
        self.chain.document.steps.get(step)?.alternatives.get(alternative)
    }
}

/// The revision that an interaction began with: mostly the published one, which is at hand.
pub(super) fn chain_of(
    tx: &mut (impl Tx + ?Sized),
    configuration: &Configuration,
    chain: &ChainName,
    revision: i64,
) -> StoreResult<Option<ChainRevision>> {
    match configuration.chain(chain).filter(|published| published.revision == revision) {
        Some(published) => Ok(Some(published.clone())),
        None => tx.chain_revision(chain, revision),
    }
}
