//! `start`: plans a new request.

use serde_json::Value;

use super::{
    Engine, EngineError, RequestContext, authenticator,
    choose::{NotOpened, Way, advance, store_opened},
    errand,
    situation::{Person, Situation},
};
use crate::{
    authenticator::Opening,
    chain::{ChainRevision, Step},
    device::DeviceGiven,
    evidence::Strength,
    id::{ChainName, InteractionId},
    interaction::{Interaction, Request, Stage, Subject},
    plan::{Completed, Denial, Due, Next},
    session::{Session, SessionRef},
    store::{Store, StoreExt as _, Tx as _},
    time::Time,
};

/// A new request.
pub struct Start {
    /// What is asked.
    pub request: Request,
    /// The chain to pass.
    pub chain: ChainName,
    /// What the browser's session cookie says.
    pub session: Option<SessionRef>,
    /// Whether the person may be asked anything (`prompt=none` says no).
    pub interactive: bool,
}

/// What came of a new request.
#[derive(Debug)]
pub enum Started {
    /// Nothing was due: go to the client.
    Finished {
        /// The protocol's own record of its answer.
        answer: Value,
        /// The session that holds the evidence.
        session: SessionRef,
        /// The remembered device whose cookie to set.
        device: Option<DeviceGiven>,
    },
    /// The person has to do something, or to be told why they get nothing.
    Interaction {
        /// In the path of its pages.
        id: InteractionId,
        /// The value of the cookie that binds it to the browser.
        binding: String,
    },
    /// The person has to do something, and may not be asked.
    NotInteractive(NotInteractive),
    /// It cannot be granted: tell the client.
    Refused {
        /// The protocol's own record of its answer.
        answer: Value,
        /// Why; `None` when the protocol refused.
        denial: Option<Denial>,
    },
}

/// What the person would have to do (OpenID Connect Core, section 3.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotInteractive {
    /// Sign in.
    LoginRequired,
    /// Pass another step.
    InteractionRequired,
    /// Consent.
    ConsentRequired,
}

/// Whether the person is to be shown something, rather than sent to the client, to whom no trial leads.
fn has_page(stage: &Stage, trial: bool, interactive: bool) -> bool {
    match stage {
        Stage::Open => false,
        Stage::Held => interactive,
        Stage::Denied { denial, .. } => trial || interactive && denial.is_some(),
        Stage::Closed { .. } => trial,
    }
}

impl<S: Store + ?Sized> Engine<S> {
    /// Plans a new request. What is due becomes an interaction; what is not due is finished at once, without one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn start(&self, start: Start, cx: &RequestContext) -> Result<Started, EngineError> {
        let Start { request, chain, session, interactive } = start;
        let configuration = self.configuration();
        let Some(chain) = configuration.chain(&chain).cloned() else {
            let denial = Denial::NoChain { chain: chain.to_string() };
            return Ok(self.refused(&request, denial));
        };
        let now = self.now();
        let (known, person) = self.known(session, &request, now).await?;
        let tail = match request.errand.as_ref() {
            Some(errand) => {
                let best = match &person.user {
                    Some(_) => self.protected(&person, &configuration).await,
                    None => Strength::Knowledge,
                };
                errand::steps(errand, best, &chain, &configuration, &self.parts.registry)
            }
            None => Ok(Vec::new()),
        };
        let tail = match tail {
            Ok(tail) => tail,
            Err(denial) => return Ok(self.refused(&request, denial)),
        };
        self.mark_seen(known.as_ref(), session).await?;
        let subject = person.user.as_ref().map_or(Subject::Nobody, |user| Subject::Proven(user.id));
        let interaction = self.new_interaction(request, &chain, tail, known.as_ref(), subject, now);
        let chain = chain.with_tail(&interaction.tail);
        let trial = self.finish.is_trial(&interaction.request);
        let situation = Situation {
            interaction,
            chain,
            configuration,
            session: known,
            person,
            challenges: Vec::new(),
            device: self.shown_device(cx, now).await?,
            given: None,
            trial,
            now,
        };
        match self.plan(&situation, cx).await.next {
            Next::Deny(denial) => Ok(self.refused(situation.request(), denial)),
            Next::Done(completed) => self.finish_at_once(situation, completed, interactive, cx).await,
            Next::Ask { step, .. } | Next::Enrol { step, .. } if !interactive => {
                Ok(Started::NotInteractive(self.missing(situation, step, cx)))
            }
            next => self.begin_interaction(situation, next.due(), cx).await,
        }
    }

    /// What somebody has to do who may not be asked now, and for whom `step` is due. Whose login is only too old signs in again
    /// (OpenID Connect Core, section 3.1.2.1, `max_age`); a step that they never passed is another interaction.
    fn missing(&self, mut situation: Situation, step: usize, cx: &RequestContext) -> NotInteractive {
        if !situation.proven() {
            return NotInteractive::LoginRequired;
        }
        situation.interaction.request.not_before = None;
        match self.plan_ready(&situation, cx).next {
            Next::Ask { step: then, .. } if then == step => NotInteractive::InteractionRequired,
            _ => NotInteractive::LoginRequired,
        }
    }

    fn refused(&self, request: &Request, denial: Denial) -> Started {
        tracing::warn!(client_id = %request.client, %denial, "an authorization request was refused");
        Started::Refused { answer: self.finish.refuse(request, &denial), denial: Some(denial) }
    }

    /// The living session that the cookie speaks of, and its user if what they proved in it counts for this request. A
    /// session that does not count is renewed by the login that follows all the same, or ended when that is somebody else's.
    async fn known(
        &self,
        reference: Option<SessionRef>,
        request: &Request,
        now: Time,
    ) -> Result<(Option<Session>, Person), EngineError> {
        let Some(reference) = reference else { return Ok((None, Person::default())) };
        let (required, not_before, ignored) = (request.required_user, request.not_before, request.ignore_session);
        let load = move |tx: &mut S::Tx| {
            let Some(session) = tx.session(reference.id)?.filter(|session| session.opens_for(reference, now)) else {
                return Ok((None, Person::default()));
            };
            let fresh = session.evidence.iter().any(|e| not_before.is_none_or(|limit| e.at >= limit));
            let wanted = required.is_none_or(|user| user == session.user);
            let user = if fresh && wanted && !ignored { tx.user(session.user)? } else { None };
            let person = Person::load(tx, user)?;
            Ok((Some(session), person))
        };
        Ok(self.store.read(load).await?)
    }

    pub(super) fn new_interaction(
        &self,
        request: Request,
        chain: &ChainRevision,
        tail: Vec<Step>,
        session: Option<&Session>,
        subject: Subject,
        now: Time,
    ) -> Interaction {
        Interaction {
            id: InteractionId::new(now, &*self.parts.random),
            version: 1,
            request,
            chain: chain.chain.clone(),
            revision: chain.revision,
            session: session.map(|session| session.id),
            subject,
            evidence: Vec::new(),
            tail,
            renewal: Vec::new(),
            chosen: None,
            choosing: false,
            notice: None,
            issues: 0,
            created_at: now,
            expires_at: now + self.parts.interaction_life,
            remember: [].into(),
            device: None,
            stage: Stage::Open,
        }
    }

    async fn begin_interaction(
        &self,
        situation: Situation,
        due: Option<Due>,
        cx: &RequestContext,
    ) -> Result<Started, EngineError> {
        let way = due.and_then(|due| self.come_for(&situation, &due));
        let opened = match way {
            Some(way) => Some(self.open(&situation, way, cx).await),
            None => None,
        };
        let (now, proven, mut interaction) = (situation.now, situation.proven(), situation.interaction);
        let opened = match opened {
            Some(Ok(opened)) => Some(opened),
            Some(Err(trouble @ NotOpened::Trouble(_))) => {
                interaction.notice = Some(self.trouble(trouble, cx));
                None
            }
            Some(Err(NotOpened::Pointless)) | None => None,
        };
        let departure = opened.as_ref().and_then(|opened| self.departure(opened, &interaction, cx));
        let id = interaction.id;
        let work = move |tx: &mut S::Tx| {
            let mut interaction = interaction.clone();
            tx.insert_interaction(&interaction)?;
            let Some(opened) = &opened else { return Ok(false) };
            let sent = store_opened(tx, &mut interaction, opened, now)?;
            advance(tx, interaction)?;
            Ok(sent)
        };
        let sent = self.store.write(work).await?;
        if let Some(departure) = departure.filter(|_| sent) {
            self.depart(departure, proven).await;
        }
        Ok(Started::Interaction { id, binding: self.binding(id) })
    }

    /// The only way of what somebody came for, or the one that they prefer, when nothing else is due: it is opened at once, as after a passed step. Whoever is on
    /// an errand has asked for it a moment ago, so that nothing is sent which a link from elsewhere could bring about.
    fn come_for(&self, situation: &Situation, due: &Due) -> Option<Way> {
        let Due { step, alternatives, enrolling } = due;
        let only = self.first(situation, *step, alternatives, *enrolling)?;
        let last = step.checked_add(1) == Some(situation.chain.document.steps.len());
        if situation.request().errand.is_none() || situation.interaction.tail.is_empty() || !last {
            return None;
        }
        let asked = authenticator(&self.parts.registry, &situation.chain, *step, only)?;
        let opens = *enrolling || asked.descriptor().opening == Opening::Once;
        opens.then_some(Way { step: *step, alternative: only, enrolling: *enrolling })
    }

    /// Single sign-on: the session's evidence is enough.
    async fn finish_at_once(
        &self,
        situation: Situation,
        completed: Completed,
        interactive: bool,
        cx: &RequestContext,
    ) -> Result<Started, EngineError> {
        let ending = self.ending(&situation, completed, None, cx);
        let Situation { interaction, session, trial, .. } = situation;
        let Some(session) = session else { return Ok(self.refused(&interaction.request, Denial::MayNotAct)) };
        let id = interaction.id;
        let work = move |tx: &mut S::Tx| {
            let mut interaction = interaction.clone();
            let kept = ending.end(tx, &mut interaction)?;
            if has_page(&interaction.stage, trial, interactive) {
                tx.insert_interaction(&interaction)?;
            }
            Ok((interaction.stage, kept.and_then(|kept| kept.device)))
        };
        let (stage, device) = self.store.write(work).await?;
        Ok(match stage {
            // What came of it is looked at there; no client is gone to.
            stage if trial && has_page(&stage, trial, interactive) => {
                Started::Interaction { id, binding: self.binding(id) }
            }
            Stage::Closed { answer, .. } => Started::Finished { answer, session: session.reference(), device },
            stage if has_page(&stage, trial, interactive) => Started::Interaction { id, binding: self.binding(id) },
            Stage::Denied { answer, denial, .. } => Started::Refused { answer, denial },
            Stage::Open | Stage::Held if interactive => Started::Interaction { id, binding: self.binding(id) },
            Stage::Open | Stage::Held => Started::NotInteractive(NotInteractive::ConsentRequired),
        })
    }
}
