//! `view`: what is to be shown. It changes nothing, so reload and back are free.

use serde_json::Value;

use super::{
    Engine, EngineError, RequestContext, authenticator,
    situation::{Person, Situation},
};
use crate::{
    authenticator::{Opening, Outcome, Readiness, label},
    chain::Seconds,
    channel::SendOutcome,
    device::DeviceGiven,
    id::{AuthenticatorName, ChallengeId, InteractionId, UserId},
    interaction::{Challenge, Notice, Request, Stage, Subject},
    plan::{Availability, Completed, Denial, Next, Plan, StepReport},
    prompt::{Exhibit, Prompt, Text},
    session::SessionRef,
    store::Store,
    time::Time,
    user::User,
};

/// What is to be shown of an interaction.
#[derive(Debug)]
pub struct View {
    /// Its id.
    pub id: InteractionId,
    /// Its version: every form carries it.
    pub version: i64,
    /// What was asked.
    pub request: Request,
    /// What to show.
    pub body: Body,
    /// Whether what was just posted came from a page of before, and so changed nothing: another tab went on, or the button
    /// was pressed twice.
    pub stale: bool,
}

/// What to show.
#[derive(Debug)]
pub enum Body {
    /// A step is due.
    Step(Box<StepView>),
    /// Every step passed; the protocol waits for the person (consent).
    Held {
        /// Who is asked.
        user: Box<User>,
        /// The proof.
        completed: Completed,
    },
    /// Finished: go to the client.
    Closed {
        /// The protocol's own record of its answer.
        answer: Value,
        /// The session whose cookie to set.
        session: Option<SessionRef>,
        /// The remembered device whose cookie to set.
        device: Option<DeviceGiven>,
    },
    /// It cannot go on: the person is told, and the client by `answer`.
    Denied {
        /// The protocol's own record of its answer.
        answer: Value,
        /// Why; `None` when the person or the protocol refused.
        denial: Option<Denial>,
    },
    /// Too old, or finished too long ago.
    Expired,
}

/// A step that is due.
#[derive(Debug)]
pub struct StepView {
    /// Which one, counted from 1 among those that are or were due.
    pub number: usize,
    /// How many are or were due.
    pub of: usize,
    /// Whether one of the alternatives is to be enrolled, rather than used.
    pub enrolling: bool,
    /// What to ask; `None` as long as the person has to choose an alternative.
    pub prompt: Option<Prompt>,
    /// What may be answered instead, on the same page: a passkey that the browser offers among the names that it fills in.
    pub beside: Option<Prompt>,
    /// Whether to ask for the user name too, and what to fill in.
    pub username: Option<String>,
    /// Who is signing in, once that is proven.
    pub user: Option<User>,
    /// The challenge, where the alternative has one.
    pub challenge: Option<ChallengeView>,
    /// Whether the person may be remembered on this device instead of the step.
    pub remember: Option<RememberView>,
    /// All ways to pass the step.
    pub alternatives: Vec<AlternativeView>,
    /// The ways by which the step can be passed some time later.
    pub later: Vec<LaterView>,
    /// The ways that may be set up besides.
    pub besides: Vec<AlternativeView>,
    /// How the way is called that the person wished to set up besides: a wish that they may take back.
    pub wished: Option<Text>,
    /// What the last answer came to.
    pub notice: Option<Notice>,
}

/// The wish to be remembered, as the page offers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RememberView {
    /// For how long.
    pub life: Seconds,
    /// Whether the person wished it when they answered last.
    pub wished: bool,
}

/// A challenge as the person may see it.
#[derive(Debug)]
pub struct ChallengeView {
    /// Its id: the form carries it.
    pub id: ChallengeId,
    /// Where the message went, masked; only for somebody who has proved something.
    pub masked: Option<String>,
    /// How the send went; `None` while it is under way, and for somebody who has proved nothing.
    pub sent: Option<SendOutcome>,
    /// How many tries are left; none: the code is dead.
    pub tries_left: u32,
    /// Whether its time is over.
    pub expired: bool,
    /// When its time is over.
    pub expires_at: Time,
    /// When another message may be asked for; `None` when it sends none.
    pub resend_at: Option<Time>,
}

/// A way to pass the due step.
#[derive(Debug)]
pub struct AlternativeView {
    /// Its position: what the button says.
    pub index: usize,
    /// Its authenticator.
    pub authenticator: AuthenticatorName,
    /// How it is called.
    pub label: Text,
    /// Which device, masked; only for somebody who has proved something.
    pub target: Option<String>,
    /// Whether the person is at this one.
    pub chosen: bool,
}

/// A way that the step does not take yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaterView {
    /// How it is called.
    pub label: Text,
    /// From then on.
    pub from: Time,
}

impl<S: Store + ?Sized> Engine<S> {
    /// What is to be shown. No side effect.
    ///
    /// # Errors
    /// When the interaction is not this browser's, or the database fails.
    pub async fn view(
        &self,
        id: InteractionId,
        binding: Option<&str>,
        cx: &RequestContext,
    ) -> Result<View, EngineError> {
        let situation = self.situation(id, binding, cx).await?;
        let body = self.body(&situation, cx).await;
        let interaction = situation.interaction;
        Ok(View { id, version: interaction.version, request: interaction.request, body, stale: false })
    }

    async fn body(&self, situation: &Situation, cx: &RequestContext) -> Body {
        let now = situation.now;
        let again = |at: &Time| now < *at + Self::ANSWER_AGAIN;
        match &situation.interaction.stage {
            Stage::Closed { answer, at, .. } if again(at) => {
                let session = situation.session.as_ref().filter(|_| !situation.trial);
                let session = session.map(|session| session.reference());
                Body::Closed { answer: answer.clone(), session, device: situation.given }
            }
            Stage::Denied { answer, at, denial } if again(at) => {
                Body::Denied { answer: answer.clone(), denial: denial.clone() }
            }
            Stage::Closed { .. } | Stage::Denied { .. } => Body::Expired,
            Stage::Open | Stage::Held if !situation.waits() => Body::Expired,
            Stage::Open | Stage::Held => self.planned(situation, cx).await,
        }
    }

    async fn planned(&self, situation: &Situation, cx: &RequestContext) -> Body {
        let (plan, availability) = self.plan_and_ask(situation, cx).await;
        let denied = |denial: Denial| Body::Denied {
            answer: self.finish.refuse(situation.request(), &denial),
            denial: Some(denial),
        };
        match &plan.next {
            Next::Deny(denial) => denied(denial.clone()),
            Next::Done(completed) => match situation.person.user.clone() {
                Some(user) => Body::Held { user: Box::new(user), completed: completed.clone() },
                None => denied(Denial::MayNotAct),
            },
            Next::Ask { step, alternatives } => {
                let at = self.at(situation, *step, alternatives, false);
                let alternatives = self.in_order(situation, *step, alternatives);
                let ways = ways(situation, &availability, *step, &alternatives, at);
                let later = later(situation, &availability, *step);
                let view = self.step(situation, &plan, (*step, false), at, ways).await;
                Body::Step(Box::new(StepView { later, ..view }))
            }
            Next::Enrol { step, alternatives } => {
                let at = self.at(situation, *step, alternatives, true);
                let ways = ways(situation, &availability, *step, alternatives, at);
                Body::Step(Box::new(self.step(situation, &plan, (*step, true), at, ways).await))
            }
        }
    }

    async fn step(
        &self,
        situation: &Situation,
        plan: &Plan,
        (step, enrolling): (usize, bool),
        at: Option<usize>,
        alternatives: Vec<AlternativeView>,
    ) -> StepView {
        let counts = |report: &&StepReport| !matches!(report, StepReport::NotDue { .. });
        let interaction = &situation.interaction;
        let challenge =
            situation.challenge().filter(|challenge| (challenge.step, challenge.enrols) == (step, enrolling));
        let (prompt, anonymous) = match (at, challenge) {
            (None, _) => (None, false),
            (Some(_), Some(challenge)) => (Some(challenge.prompt.clone()), false),
            (Some(_), None) if enrolling => (None, false),
            (Some(alternative), None) => self.unopened(situation, step, alternative).await,
        };
        let beside = match (at, anonymous) {
            (Some(at), true) => self.beside(situation, step, at, &alternatives).await,
            _ => None,
        };
        let wished = interaction.remember.contains(&step);
        let remember = situation.may_remember(step).filter(|_| prompt.is_some() && !enrolling);
        StepView {
            number: plan.steps.iter().take(step + 1).filter(counts).count(),
            of: plan.steps.iter().filter(counts).count(),
            enrolling,
            prompt,
            beside,
            username: anonymous.then(|| hint(situation)),
            user: situation.person.user.clone().filter(|_| situation.proven()),
            challenge: challenge.map(|challenge| self.challenge_view(situation, challenge)),
            remember: remember.map(|life| RememberView { life, wished }),
            alternatives,
            later: Vec::new(),
            besides: ways(situation, &Availability::default(), step, &self.besides(situation, plan), None),
            wished: situation.wished().map(|way| label(&way.authenticator)),
            notice: interaction.notice.clone(),
        }
    }

    /// What is asked at an alternative that has no challenge (yet), and whether the user name is asked beside it.
    async fn unopened(&self, situation: &Situation, step: usize, alternative: usize) -> (Option<Prompt>, bool) {
        let anonymous = !situation.proven();
        let Some(authenticator) = authenticator(&self.parts.registry, &situation.chain, step, alternative) else {
            return (None, false);
        };
        match authenticator.descriptor().opening {
            Opening::Once if anonymous => (Some(identify()), true),
            Opening::Once => (None, false),
            Opening::Free => {
                // The page of somebody who has proved nothing is the page of anybody.
                let nobody = Person::default();
                let person = if anonymous { &nobody } else { &situation.person };
                let context = self.step_context_for(person, situation, step, alternative, Value::Null);
                let Some(mut context) = context else { return (None, false) };
                match super::guard::guarded(authenticator.begin(&mut context)).await {
                    Ok(Outcome::Ask(prompt)) => (Some(prompt), anonymous),
                    Ok(_) | Err(_) => (None, false),
                }
            }
        }
    }

    /// What another way of the step asks of the browser, where that says by itself who it is.
    async fn beside(&self, situation: &Situation, step: usize, at: usize, ways: &[AlternativeView]) -> Option<Prompt> {
        for way in ways.iter().filter(|way| way.index != at) {
            let (prompt, _) = self.unopened(situation, step, way.index).await;
            let asks = |exhibit: &Exhibit| matches!(exhibit, Exhibit::PublicKey { create: false, .. });
            if let Some(prompt) = prompt.filter(|prompt| prompt.exhibit.as_ref().is_some_and(asks)) {
                return Some(prompt);
            }
        }
        None
    }

    fn challenge_view(&self, situation: &Situation, challenge: &Challenge) -> ChallengeView {
        let proven = situation.proven();
        ChallengeView {
            id: challenge.id,
            masked: challenge.outgoing.as_ref().filter(|_| proven).map(|outgoing| outgoing.masked.clone()),
            sent: challenge.sent.clone().filter(|_| proven),
            tries_left: challenge.tries_left(),
            expired: situation.now >= challenge.expires_at,
            expires_at: challenge.expires_at,
            resend_at: self.resend_at(situation, challenge),
        }
    }
}

fn ways(
    situation: &Situation,
    availability: &Availability,
    step: usize,
    open: &[usize],
    at: Option<usize>,
) -> Vec<AlternativeView> {
    let way = |index: usize| {
        let authenticator = &situation.alternative(step, index)?.authenticator;
        let target = match availability.of(step, index) {
            Readiness::Ready { target } => target.filter(|_| situation.proven()),
            Readiness::CanEnrol
            | Readiness::Unavailable { .. }
            | Readiness::NotYet { .. }
            | Readiness::Broken { .. } => None,
        };
        let (authenticator, label) = (authenticator.clone(), label(authenticator));
        Some(AlternativeView { index, authenticator, label, target, chosen: at == Some(index) })
    };
    open.iter().copied().filter_map(way).collect()
}

fn hint(situation: &Situation) -> String {
    match &situation.interaction.subject {
        // An id is no name that anybody typed, or could sign in with.
        Subject::Claimed { name, .. } if name.as_str().parse::<UserId>().is_ok() => String::new(),
        Subject::Claimed { name, .. } => name.to_string(),
        Subject::Nobody | Subject::Proven(_) => situation.request().login_hint.clone().unwrap_or_default(),
    }
}

/// The ways of a step that it does not take yet.
fn later(situation: &Situation, availability: &Availability, step: usize) -> Vec<LaterView> {
    let ways = situation.chain.document.steps.get(step).into_iter().flat_map(|step| &step.alternatives).enumerate();
    let not_yet = ways.filter_map(|(index, way)| match availability.of(step, index) {
        Readiness::NotYet { from } => Some(LaterView { label: label(&way.authenticator), from }),
        _ => None,
    });
    not_yet.collect()
}

/// What is asked when a way needs to know who it is about.
fn identify() -> Prompt {
    let (title, submit) = (Text::new("identify.title"), Text::new("identify.submit"));
    Prompt { title, lead: None, exhibit: None, fields: Vec::new(), submit }
}
