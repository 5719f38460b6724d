//! `choose` and `resend`: open a challenge, or send its message once more.

use serde_json::Value;

use super::{
    Acted, Engine, EngineError, Parts, RequestContext, authenticator, confirmation,
    guard::guarded,
    send::{Counted, Departure, Sends},
    situation::{Person, Situation},
    tries::Report,
};
use crate::{
    authenticator::{Opening, Outcome, Outgoing, Readiness, StepContext, StepError},
    budget::{BudgetKey, Limited},
    channel::SendOutcome,
    id::{ChallengeId, InteractionId},
    interaction::{Challenge, Chosen, Interaction, Notice, Subject},
    plan::Due,
    prompt::Prompt,
    store::{Store, StoreError, StoreExt as _, StoreResult, Tx},
};

/// A choice of alternative.
#[derive(Clone, Copy, Debug)]
pub struct Choose {
    /// The version that the page was made from; an older one changes nothing.
    pub version: i64,
    /// The position of the alternative; `None` goes back to the choice.
    pub alternative: Option<usize>,
}

/// One way to pass the due step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// The position of the step.
    pub(super) step: usize,
    /// The position of the alternative in it.
    pub(super) alternative: usize,
    /// Whether it is to be enrolled.
    pub(super) enrolling: bool,
}

impl Way {
    pub(super) fn of(challenge: &Challenge) -> Self {
        let Challenge { step, alternative, enrols, .. } = *challenge;
        Self { step, alternative, enrolling: enrols }
    }
}

/// A challenge about to be stored, with its message.
pub(super) struct Opened {
    pub(super) challenge: Challenge,
    pub(super) sends: Option<Sends>,
}

/// Why a challenge could not be opened.
pub(super) enum NotOpened {
    /// Our trouble.
    Trouble(StepError),
    /// The alternative does not take a challenge.
    Pointless,
}

impl<S: Store + ?Sized> Engine<S> {
    /// Chooses an alternative of the due step, and opens its challenge.
    ///
    /// # Errors
    /// When the interaction is not this browser's, or the database fails.
    pub async fn choose(
        &self,
        id: InteractionId,
        binding: Option<&str>,
        choice: Choose,
        cx: &RequestContext,
    ) -> Result<Acted, EngineError> {
        let situation = self.situation(id, binding, cx).await?;
        let Some((step, enrolling)) = self.due(&situation, choice.version, choice.alternative, cx).await else {
            return Ok(Acted::Nothing { stale: situation.interaction.version > choice.version });
        };
        let open = Acted::open(&situation.interaction);
        let way = choice.alternative.map(|alternative| Way { step, alternative, enrolling });
        self.take(situation, way, cx).await.map(|()| open)
    }

    /// Sends the message of the present challenge once more; a code that is used up or too old is replaced by a new one.
    ///
    /// # Errors
    /// When the interaction is not this browser's, or the database fails.
    pub async fn resend(
        &self,
        id: InteractionId,
        binding: Option<&str>,
        version: i64,
        cx: &RequestContext,
    ) -> Result<Acted, EngineError> {
        let situation = self.situation(id, binding, cx).await?;
        let stale = situation.interaction.version > version;
        let chosen = situation.interaction.chosen;
        if let Some(Chosen { alternative, challenge: Some(_), .. }) = chosen
            && let Some(due) = self.due(&situation, version, Some(alternative), cx).await
            && let Some(challenge) = situation.challenge().cloned()
            && due == (challenge.step, challenge.enrols)
        {
            let now = situation.now;
            let open = Acted::open(&situation.interaction);
            let retry_at = self.resend_at(&situation, &challenge);
            match () {
                // The button was pressed too early: the page knew, and nothing is told that it did not say.
                () if retry_at.is_some_and(|at| now < at) => {
                    self.note(situation.interaction, Notice::Limited { retry_at, sends: true }).await?;
                }
                () if challenge.alive(now) => self.send_again(situation, challenge, cx).await?,
                () => self.open_and_store(situation, Way::of(&challenge), Some(Notice::Renewed), cx).await?,
            }
            return Ok(open);
        }
        Ok(Acted::Nothing { stale })
    }

    /// The step that is due, and whether it is passed by enrolling, when the page was not too old and the alternative is one of
    /// its.
    async fn due(
        &self,
        situation: &Situation,
        version: i64,
        alternative: Option<usize>,
        cx: &RequestContext,
    ) -> Option<(usize, bool)> {
        if !situation.waits() || situation.interaction.version != version {
            return None;
        }
        let Due { step, alternatives, enrolling } = self.plan(situation, cx).await.next.due()?;
        alternative.is_none_or(|wanted| alternatives.contains(&wanted)).then_some((step, enrolling))
    }

    async fn take(&self, situation: Situation, way: Option<Way>, cx: &RequestContext) -> Result<(), EngineError> {
        let Some(way) = way else { return self.turn_to(situation.interaction, None).await };
        let Way { step, alternative, enrolling } = way;
        let at = |challenge| Some(Chosen { step, alternative, challenge });
        let opening = authenticator(&self.parts.registry, &situation.chain, step, alternative)
            .map_or(Opening::Free, |authenticator| authenticator.descriptor().opening);
        let opening = if enrolling { Opening::Once } else { opening };
        let living = situation
            .challenges
            .iter()
            .find(|c| Way::of(c) == way && c.alive(situation.now))
            .map(|challenge| challenge.id);
        match opening {
            Opening::Free => self.turn_to(situation.interaction, at(None)).await,
            // Going back to a way that was begun sends nothing again.
            Opening::Once if living.is_some() => self.turn_to(situation.interaction, at(living)).await,
            Opening::Once if situation.interaction.subject == Subject::Nobody => {
                self.turn_to(situation.interaction, at(None)).await
            }
            Opening::Once => self.open_and_store(situation, way, None, cx).await,
        }
    }

    /// Opens a challenge: asks the authenticator, changes nothing yet.
    pub(super) async fn open(&self, situation: &Situation, way: Way, cx: &RequestContext) -> Result<Opened, NotOpened> {
        let Way { step, alternative, enrolling } = way;
        let missing = || NotOpened::Trouble(StepError::Misconfigured("the alternative does not exist".to_owned()));
        let authenticator =
            authenticator(&self.parts.registry, &situation.chain, step, alternative).ok_or_else(missing)?;
        let nobody = Person::default();
        let person = if self.can_begin(situation, step, alternative).await { &situation.person } else { &nobody };
        let mut context =
            self.step_context_for(person, situation, step, alternative, Value::Null).ok_or_else(missing)?;
        let enrolment = authenticator.enrolment().or_else(|| authenticator.replacement());
        let begun = match enrolment.filter(|_| enrolling && !situation.trial) {
            Some(enrolment) => guarded(enrolment.begin(&mut context)).await,
            None if enrolling => return Err(missing()),
            None => guarded(authenticator.begin(&mut context)).await,
        };
        let Outcome::Ask(prompt) = begun.map_err(NotOpened::Trouble)? else { return Err(NotOpened::Pointless) };
        Ok(self.opened(situation, way, prompt, context, cx))
    }

    /// The challenge that asks `prompt`, with what the authenticator left in its context.
    pub(super) fn opened(
        &self,
        situation: &Situation,
        way: Way,
        prompt: Prompt,
        mut context: StepContext<'_>,
        cx: &RequestContext,
    ) -> Opened {
        let Way { step, alternative, enrolling } = way;
        let now = situation.now;
        let proven = situation.proven();
        let sent = context.outgoing.is_some() || !proven;
        let code = context.code.take();
        let interaction_end = situation.interaction.expires_at;
        let challenge = Challenge {
            id: ChallengeId::new(now, &*self.parts.random),
            interaction: situation.interaction.id,
            step,
            alternative,
            enrols: enrolling,
            prompt,
            state: context.state.take(),
            max_tries: code.as_ref().map_or(DEFAULT_TRIES, |code| code.spec.tries),
            expires_at: code.as_ref().map_or(interaction_end, |code| code.expires_at),
            code,
            outgoing: context.outgoing.take(),
            sent: None,
            carried_by: None,
            sent_at: sent.then_some(now),
            sends: u32::from(sent),
            tries: 0,
            created_at: now,
            consumed_at: None,
        };
        // Where a code goes that is enrolled the person says themselves: of all budgets theirs alone is not renewed by another number.
        let sends = sent.then(|| self.sends(situation, challenge.outgoing.as_ref(), enrolling, cx));
        Opened { challenge, sends }
    }

    /// Whether the challenge can be opened for the person themselves. Somebody who has proved nothing and could not pass
    /// is treated like nobody, so that the page does not tell what an account lacks.
    async fn can_begin(&self, situation: &Situation, step: usize, alternative: usize) -> bool {
        if situation.proven() {
            return true;
        }
        let authenticator = authenticator(&self.parts.registry, &situation.chain, step, alternative);
        let context = self.step_context(situation, step, alternative, Value::Null);
        let Some((authenticator, context)) = authenticator.zip(context) else { return false };
        let rule = situation.chain.document.steps.get(step);
        let taken = rule.is_some_and(|rule| rule.takes_from(authenticator.changed_at(&context), context.now).is_none());
        taken && matches!(guarded(authenticator.readiness(&context)).await, Ok(Readiness::Ready { .. }))
    }

    pub(super) fn sends(
        &self,
        situation: &Situation,
        outgoing: Option<&Outgoing>,
        again: bool,
        cx: &RequestContext,
    ) -> Sends {
        let user = situation.interaction.subject.user();
        let by = outgoing.map(|outgoing| &outgoing.connection);
        let connection = situation.configuration.connections.iter().find(|known| Some(&known.name) == by);
        let Parts { limits, prf, .. } = &*self.parts;
        let of = |asker| {
            Sends::new(limits, prf, outgoing, connection, user.filter(|_| again), asker, situation.proven())
                .heeding(self.stop_of(outgoing, connection))
        };
        match situation.interaction.transaction() {
            None => of(vec![(BudgetKey::sends_from(&cx.network()), limits.sends_from)]),
            Some((_, told)) => {
                let sends = of(confirmation::askers(&situation.interaction, told, limits, prf));
                sends.and_user(user.filter(|_| !again), limits)
            }
        }
    }

    /// Opens a challenge, stores it and lets its message leave.
    pub(super) async fn open_and_store(
        &self,
        situation: Situation,
        way: Way,
        notice: Option<Notice>,
        cx: &RequestContext,
    ) -> Result<(), EngineError> {
        let opened = match self.open(&situation, way, cx).await {
            Ok(opened) => opened,
            Err(not_opened) => {
                let notice = self.trouble(not_opened, cx);
                return self.note(situation.interaction, notice).await;
            }
        };
        let proven = situation.proven();
        let mut interaction = situation.interaction;
        // A factor that is enrolled begins with a question: nothing was sent that there would be a word on.
        interaction.notice = notice.filter(|_| opened.challenge.sent_at.is_some());
        let departure = self.departure(&opened, &interaction, cx);
        let now = situation.now;
        let report = self.report("otp.limited", cx, now);
        let work = move |tx: &mut S::Tx| {
            let mut interaction = interaction.clone();
            let sent = store_opened(tx, &mut interaction, &opened, now)?;
            if matches!(interaction.notice, Some(Notice::Limited { .. })) {
                report.note(tx, now)?;
            }
            advance(tx, interaction)?;
            Ok(sent)
        };
        let Some(sent) = stale_is_none(self.store.write(work).await)? else { return Ok(()) };
        if let Some(departure) = departure.filter(|_| sent) {
            self.depart(departure, proven).await;
        }
        Ok(())
    }

    pub(super) fn departure(
        &self,
        opened: &Opened,
        interaction: &Interaction,
        cx: &RequestContext,
    ) -> Option<Departure> {
        let (outgoing, sends) = opened.challenge.outgoing.clone().zip(opened.sends.clone())?;
        let mut event = self.send_event("otp.sent", &opened.challenge, &outgoing, cx);
        event.client = Some(interaction.request.client.to_string());
        event.user = interaction.subject.user();
        Some(Departure { challenge: opened.challenge.clone(), outgoing, sends, event })
    }

    async fn send_again(
        &self,
        situation: Situation,
        mut challenge: Challenge,
        cx: &RequestContext,
    ) -> Result<(), EngineError> {
        let now = situation.now;
        let sends = self.sends(&situation, challenge.outgoing.as_ref(), true, cx);
        let proven = situation.proven();
        let interaction = situation.interaction;
        let before = challenge.sent_at.replace(now);
        let departure = challenge.outgoing.clone().map(|outgoing| {
            let mut event = self.send_event("otp.resent", &challenge, &outgoing, cx);
            event.client = Some(interaction.request.client.to_string());
            event.user = interaction.subject.user();
            Departure { challenge: challenge.clone(), outgoing, sends: sends.clone(), event }
        });
        let report = self.report("otp.limited", cx, now);
        let id = challenge.id;
        let work = move |tx: &mut S::Tx| {
            let mut interaction = interaction.clone();
            let counted = sends.count(tx, now)?;
            if let Counted::Limited(Limited { retry_at }) = counted {
                interaction.notice = Some(Notice::Limited { retry_at, sends: true });
                report.note(tx, now)?;
            } else if tx.count_send(id, before, now)? {
                interaction.notice = Some(Notice::Resent);
            } else {
                return Err(StoreError::Conflict("the message was sent by somebody else".to_owned()));
            }
            advance(tx, interaction)?;
            Ok(matches!(counted, Counted::Leaves))
        };
        let sent = stale_is_none(self.store.write(work).await)?.unwrap_or(false);
        if let Some(departure) = departure.filter(|_| sent) {
            self.depart(departure, proven).await;
        }
        Ok(())
    }

    /// When a message may be asked for again: at once when the last was refused, since nothing was sent. Somebody who has
    /// proved nothing waits all the same: that a message was refused would tell that the account exists.
    pub(super) fn resend_at(&self, situation: &Situation, challenge: &Challenge) -> Option<crate::Time> {
        match challenge.sent {
            Some(SendOutcome::Refused { .. }) if situation.proven() => challenge.sent_at,
            _ => challenge.sent_at.map(|at| at + self.parts.limits.cooldown),
        }
    }

    pub(super) fn report(&self, kind: &str, cx: &RequestContext, now: crate::Time) -> Report {
        let budget = (BudgetKey::reports(&cx.network()), self.parts.limits.network);
        Report { budget, event: self.event(kind, cx, now) }
    }

    pub(super) fn trouble(&self, not_opened: NotOpened, cx: &RequestContext) -> Notice {
        let error = match not_opened {
            NotOpened::Trouble(error) => error,
            NotOpened::Pointless => StepError::Misconfigured("the authenticator had nothing to ask".to_owned()),
        };
        tracing::error!(%error, request_id = cx.request_id, "an authenticator could not do its work");
        Notice::Trouble { reference: cx.request_id.clone(), busy: matches!(error, StepError::Busy) }
    }

    pub(super) async fn note(&self, mut interaction: Interaction, notice: Notice) -> Result<(), EngineError> {
        interaction.notice = Some(notice);
        self.save(interaction).await
    }

    async fn turn_to(&self, mut interaction: Interaction, chosen: Option<Chosen>) -> Result<(), EngineError> {
        interaction.chosen = chosen;
        interaction.choosing = chosen.is_none();
        interaction.notice = None;
        self.save(interaction).await
    }

    async fn save(&self, interaction: Interaction) -> Result<(), EngineError> {
        let work = move |tx: &mut S::Tx| advance(tx, interaction.clone());
        stale_is_none(self.store.write(work).await).map(drop)
    }
}

/// How many wrong tries a challenge without a code has.
const DEFAULT_TRIES: u32 = 5;

/// Stores a challenge that was opened, if its message is within its budgets; whether the message may leave.
pub(super) fn store_opened(
    tx: &mut (impl Tx + ?Sized),
    interaction: &mut Interaction,
    opened: &Opened,
    now: crate::Time,
) -> StoreResult<bool> {
    let counted = match &opened.sends {
        Some(sends) => sends.count(tx, now)?,
        None => Counted::Silent,
    };
    if let Counted::Limited(limited) = counted {
        return Ok(limit_sends(interaction, &opened.challenge, limited));
    }
    let challenge = &opened.challenge;
    tx.insert_challenge(challenge)?;
    interaction.choosing = false;
    interaction.issues = interaction.issues.saturating_add(1);
    interaction.chosen =
        Some(Chosen { step: challenge.step, alternative: challenge.alternative, challenge: Some(challenge.id) });
    Ok(matches!(counted, Counted::Leaves))
}

fn limit_sends(interaction: &mut Interaction, challenge: &Challenge, limited: Limited) -> bool {
    interaction.chosen = Some(Chosen { step: challenge.step, alternative: challenge.alternative, challenge: None });
    interaction.notice = Some(Notice::Limited { retry_at: limited.retry_at, sends: true });
    false
}

/// Saves the interaction as its next version.
pub(super) fn advance(tx: &mut (impl Tx + ?Sized), mut interaction: Interaction) -> StoreResult<()> {
    interaction.version = interaction.version.saturating_add(1);
    let stale = || StoreError::Conflict("another tab went on".to_owned());
    tx.advance_interaction(&interaction)?.then_some(()).ok_or_else(stale)
}

/// Somebody else was faster: no error, the current view is shown.
pub(super) fn stale_is_none<T>(result: StoreResult<T>) -> Result<Option<T>, EngineError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::Conflict(why)) => {
            tracing::debug!(why, "an older page was answered");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}
