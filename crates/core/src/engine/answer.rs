//! `answer`: judges what a person gave for the due step.
//!
//! The order is what makes it safe. An authenticator whose judgement is costly (a password hash) is asked only after the try
//! was counted in a transaction of its own. Any other is asked first, but what it said is acted on, and seen, only in a
//! transaction that counts the try before anything else: a judgement whose try cannot be counted is thrown away.

use std::collections::BTreeSet;

use super::{
    Engine, EngineError, RequestContext, View, authenticator,
    choose::{NotOpened, Opened, advance, stale_is_none, store_opened},
    finish::Ending,
    guard::guarded,
    may_act,
    send::Departure,
    situation::{Person, Situation},
    tries::{Report, Tries},
};
use crate::{
    audit::AuditEvent,
    authenticator::{Descriptor, Opening, Outcome, Proof, Rejection, RenewedCredential, StepError},
    budget::{Limited, Who},
    evidence::{Evidence, Via},
    id::{ChallengeId, InteractionId},
    interaction::{Challenge, Interaction, Notice, Subject},
    plan::{Denial, Next},
    prompt::Fields,
    store::{Store, StoreError, StoreExt as _, StoreResult, Tx},
    time::Time,
    user::LoginName,
};

/// What a person gave.
#[derive(Debug)]
pub struct Answer {
    /// The version that the page was made from; an older one changes nothing.
    pub version: i64,
    /// The challenge that it answers, where the page had one.
    pub challenge: Option<ChallengeId>,
    /// The values of the fields.
    pub fields: Fields,
}

/// The one thing that an answer is judged by.
struct Turn {
    step: usize,
    alternative: usize,
    challenge: Option<Challenge>,
    opening: Opening,
}

/// What an authenticator said, ready to be written down.
struct Judgement {
    verdict: Verdict,
    renewed: Vec<RenewedCredential>,
}

enum Verdict {
    Passed(Evidence),
    Rejected(Rejection),
    Trouble(StepError),
    /// Somebody else has to act first: nothing changes.
    Pending,
}

impl Verdict {
    /// Whether it was a try: neither our trouble nor an empty field is one.
    fn counts(&self) -> bool {
        matches!(self, Self::Passed(_) | Self::Rejected(Rejection::Wrong | Rejection::Expired))
    }
}

/// What follows a passed step, prepared before the transaction.
enum Follow<T: ?Sized> {
    /// The step was not passed.
    Nothing,
    /// The next step asks for something that needs no challenge, or leaves a choice.
    Ask,
    /// The next step has one alternative, and its challenge is opened at once.
    Open(Box<Opened>),
    /// The next step's challenge could not be opened.
    Trouble(Notice),
    /// It was the last step.
    End(Box<Ending<T>>),
    /// It cannot go on.
    Deny(Denial),
}

impl<S: Store + ?Sized> Engine<S> {
    /// Judges an answer to the due step. A stale page, a spent challenge and a finished interaction are no errors: the
    /// present view is shown.
    ///
    /// # Errors
    /// When the interaction is not this browser's, or the database fails.
    pub async fn answer(
        &self,
        id: InteractionId,
        binding: Option<&str>,
        answer: Answer,
        cx: &RequestContext,
    ) -> Result<View, EngineError> {
        let mut situation = self.situation(id, binding).await?;
        let stale = situation.interaction.version > answer.version;
        if let Some(turn) = self.turn(&situation, &answer, cx).await {
            match self.identify(&mut situation, &turn, &answer.fields).await? {
                Identified::Nobody => self.note(situation.interaction, EMPTY).await?,
                Identified::Only => {
                    self.open_and_store(situation, (turn.step, turn.alternative), None, cx).await?;
                }
                Identified::Who(who) => self.judge(situation, turn, &who, &answer.fields, cx).await?,
            }
        }
        Ok(View { stale, ..self.view(id, binding, cx).await? })
    }

    /// What the answer is judged by; `None` when there is nothing to judge.
    async fn turn(&self, situation: &Situation, answer: &Answer, cx: &RequestContext) -> Option<Turn> {
        let interaction = &situation.interaction;
        if !situation.waits() || interaction.version != answer.version {
            return None;
        }
        let Next::Ask { step, alternatives } = self.plan(situation, cx).await.next else { return None };
        let challenge = match answer.challenge {
            Some(id) => Some(situation.challenges.iter().find(|c| c.id == id && c.step == step)?.clone()),
            None => None,
        };
        let chosen = interaction.chosen.filter(|chosen| chosen.step == step).map(|chosen| chosen.alternative);
        let only = alternatives.first().copied().filter(|_| alternatives.len() == 1);
        let alternative = challenge.as_ref().map(|c| c.alternative).or(chosen).or(only)?;
        let authenticator = authenticator(&self.parts.registry, &situation.chain, step, alternative)?;
        let opening = authenticator.descriptor().opening;
        let anonymous = !situation.proven();
        let judged = match (opening, &challenge) {
            (Opening::Free, None) | (Opening::Once, Some(_)) => true,
            // A way that needs to know who it is about, asked before anybody said so: the name alone is the answer.
            (Opening::Once, None) => anonymous,
            (Opening::Free, Some(_)) => false,
        };
        (judged && alternatives.contains(&alternative)).then_some(Turn { step, alternative, challenge, opening })
    }

    /// Whom the answer is about. A proven user stays who they are, whatever name was sent along.
    async fn identify(
        &self,
        situation: &mut Situation,
        turn: &Turn,
        fields: &Fields,
    ) -> Result<Identified, EngineError> {
        match &situation.interaction.subject {
            Subject::Proven(user) => return Ok(Identified::Who(Who::User(*user))),
            Subject::Claimed { user: Some(user), .. } if turn.challenge.is_some() => {
                return Ok(Identified::Who(Who::User(*user)));
            }
            Subject::Claimed { user: None, name } if turn.challenge.is_some() => {
                return Ok(Identified::Who(Who::Nobody(name.clone())));
            }
            Subject::Nobody | Subject::Claimed { .. } => {}
        }
        let Some(name) = LoginName::parse(fields.get("username")) else { return Ok(Identified::Nobody) };
        let (chain, wanted) = (situation.chain.clone(), name.clone());
        let load = move |tx: &mut S::Tx| {
            let user = tx.user_by_login(&wanted)?;
            let id = user.as_ref().map(|user| user.id);
            Ok((id, Person::load(tx, &chain, user)?))
        };
        let (user, person) = self.store.read(load).await?;
        let claimed = Subject::Claimed { name: name.clone(), user };
        if situation.interaction.subject != claimed {
            self.give_up_challenges(situation).await?;
        }
        situation.person = person;
        situation.interaction.subject = claimed;
        Ok(match turn.opening {
            Opening::Once => Identified::Only,
            Opening::Free => Identified::Who(user.map_or(Who::Nobody(name), Who::User)),
        })
    }

    /// Ends what was opened for the name before: the answer to a challenge is judged for whoever is claimed now, so a code
    /// that one person was sent would otherwise prove another.
    async fn give_up_challenges(&self, situation: &mut Situation) -> Result<(), EngineError> {
        let now = situation.now;
        let challenges = std::mem::take(&mut situation.challenges);
        let open: Vec<ChallengeId> = challenges.iter().filter(|c| c.consumed_at.is_none()).map(|c| c.id).collect();
        if open.is_empty() {
            return Ok(());
        }
        let end = move |tx: &mut S::Tx| open.iter().try_for_each(|id| tx.consume_challenge(*id, now).map(drop));
        Ok(self.store.write(end).await?)
    }

    async fn judge(
        &self,
        situation: Situation,
        turn: Turn,
        who: &Who,
        fields: &Fields,
        cx: &RequestContext,
    ) -> Result<(), EngineError> {
        let Some(alternative) = situation.alternative(turn.step, turn.alternative) else { return Ok(()) };
        let name = &alternative.authenticator;
        let tries = Tries::new(&self.parts.limits, &self.parts.prf, who, name, &cx.network());
        let now = situation.now;
        let counted_first = turn.opening == Opening::Free;
        if counted_first {
            let tries = tries.clone();
            if let Err(limited) = self.store.write(move |tx: &mut S::Tx| tries.count(tx, now)).await? {
                return self.limited(situation, &turn, limited, cx).await;
            }
        }
        let judgement = self.ask(&situation, &turn, fields, cx).await;
        let follow = self.follow(&situation, &judgement.verdict, cx).await;
        self.write_down(situation, turn, tries, counted_first, judgement, follow, cx).await
    }

    /// Asks the authenticator, and cuts a proof down to what its descriptor allows.
    async fn ask(&self, situation: &Situation, turn: &Turn, fields: &Fields, cx: &RequestContext) -> Judgement {
        let trouble = |error| Judgement { verdict: Verdict::Trouble(error), renewed: Vec::new() };
        let missing = || StepError::Misconfigured("the alternative does not exist".to_owned());
        let state = turn.challenge.as_ref().map_or(serde_json::Value::Null, |challenge| challenge.state.clone());
        let authenticator = authenticator(&self.parts.registry, &situation.chain, turn.step, turn.alternative);
        let context = self.step_context(situation, turn.step, turn.alternative, state);
        let Some((authenticator, mut context)) = authenticator.zip(context) else { return trouble(missing()) };
        context.code = turn.challenge.as_ref().and_then(|challenge| challenge.code.clone());
        let outcome = guarded(authenticator.answer(&mut context, fields)).await;
        let renewed = std::mem::take(&mut context.renewed);
        let user = situation.person.user.as_ref();
        let verdict = match (outcome, user) {
            (Ok(Outcome::Passed(proof)), Some(user)) => {
                Verdict::Passed(evidence(authenticator.descriptor(), proof, user.id, situation, turn.step))
            }
            // Nobody is there who could have passed: whatever the authenticator says.
            (Ok(Outcome::Passed(_)), None) => Verdict::Rejected(Rejection::Wrong),
            (Ok(Outcome::Rejected(rejection)), _) => Verdict::Rejected(rejection),
            (Ok(Outcome::Ask(_) | Outcome::Pending | Outcome::Redirect(_)), _) => Verdict::Pending,
            (Err(error), _) => Verdict::Trouble(error),
        };
        if let Verdict::Trouble(error) = &verdict {
            tracing::error!(%error, request_id = cx.request_id, "an authenticator could not judge");
        }
        Judgement { verdict, renewed }
    }

    /// Plans on from a passed step, as if it were written down already.
    async fn follow(&self, situation: &Situation, verdict: &Verdict, cx: &RequestContext) -> Follow<S::Tx> {
        let Verdict::Passed(evidence) = verdict else { return Follow::Nothing };
        let mut after = Situation {
            interaction: situation.interaction.clone(),
            chain: situation.chain.clone(),
            configuration: std::sync::Arc::clone(&situation.configuration),
            session: situation.session.clone(),
            person: situation.person.clone(),
            challenges: Vec::new(),
            now: situation.now,
        };
        after.interaction.subject = Subject::Proven(evidence.user);
        after.interaction.evidence.push(evidence.clone());
        let (step, alternatives) = match self.plan(&after, cx).await.next {
            Next::Ask { step, alternatives } => (step, alternatives),
            Next::Done(completed) => {
                return Follow::End(Box::new(self.ending(&after, completed, None, cx)));
            }
            Next::Deny(denial) => return Follow::Deny(denial),
            Next::Enrol { step, .. } => {
                return Follow::Deny(Denial::NoAlternative { step: step + 1, why: "nothing is enrolled".to_owned() });
            }
        };
        let [only] = alternatives.as_slice() else { return Follow::Ask };
        let opening = authenticator(&self.parts.registry, &after.chain, step, *only).map(|a| a.descriptor().opening);
        if opening != Some(Opening::Once) {
            return Follow::Ask;
        }
        match self.open(&after, step, *only, cx).await {
            Ok(opened) => Follow::Open(Box::new(opened)),
            Err(NotOpened::Pointless) => Follow::Ask,
            Err(trouble) => Follow::Trouble(self.trouble(trouble, cx)),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "everything about one judgement, used once")]
    async fn write_down(
        &self,
        situation: Situation,
        turn: Turn,
        tries: Tries,
        counted_first: bool,
        judgement: Judgement,
        follow: Follow<S::Tx>,
        cx: &RequestContext,
    ) -> Result<(), EngineError> {
        let now = situation.now;
        let event = self.judged_event(&situation, &turn, &judgement.verdict, cx);
        let departure = self.next_departure(&situation, &judgement.verdict, &follow, cx);
        let notice = self.notice(&judgement.verdict, &turn, cx);
        let outgoing = turn.challenge.as_ref().and_then(|challenge| challenge.outgoing.as_ref());
        let own_sends = outgoing.map(|outgoing| self.sends(&situation, Some(outgoing), false, cx));
        let Situation { interaction, .. } = situation;
        let Judgement { verdict, renewed } = judgement;
        let challenge = turn.challenge.as_ref().map(|challenge| challenge.id);
        let report = self.limited_report(&interaction, cx, now);
        let right = (counted_first && matches!(verdict, Verdict::Passed(_))).then(|| tries.clone());
        let work = move |tx: &mut S::Tx| {
            let mut interaction = interaction.clone();
            interaction.notice.clone_from(&notice);
            if verdict.counts() {
                if !counted_first && let Err(limited) = tries.count(tx, now)? {
                    interaction.notice = Some(Notice::Limited { retry_at: limited.retry_at, sends: false });
                    report.note(tx, now)?;
                    advance(tx, interaction)?;
                    return Ok(false);
                }
                if !count_on_challenge(tx, challenge, &mut interaction, now)? {
                    tries.refund(tx)?;
                    advance(tx, interaction)?;
                    return Ok(false);
                }
            } else if counted_first {
                tries.refund(tx)?;
            }
            if let Some(event) = &event {
                tx.append_audit(event)?;
            }
            let sent = match &verdict {
                Verdict::Passed(evidence) => {
                    spend(tx, challenge, now)?;
                    tries.forgive(tx)?;
                    own_sends.iter().try_for_each(|sends| sends.used(tx))?;
                    renew_credentials(tx, &renewed)?;
                    interaction.subject = Subject::Proven(evidence.user);
                    interaction.evidence.push(evidence.clone());
                    interaction.chosen = None;
                    go_on(tx, &mut interaction, &follow, now)?
                }
                Verdict::Rejected(_) | Verdict::Trouble(_) | Verdict::Pending => false,
            };
            advance(tx, interaction)?;
            Ok(sent)
        };
        let written = stale_is_none(self.store.write(work).await)?;
        if let (None, Some(tries)) = (written, right) {
            // A double submit: the other one went on, and this right answer was no failure.
            self.store.write(move |tx: &mut S::Tx| tries.refund(tx)).await?;
        }
        if let Some(departure) = departure.filter(|_| written == Some(true)) {
            self.depart(departure, true).await;
        }
        Ok(())
    }

    async fn limited(
        &self,
        situation: Situation,
        turn: &Turn,
        limited: Limited,
        cx: &RequestContext,
    ) -> Result<(), EngineError> {
        let now = situation.now;
        let mut report = self.limited_report(&situation.interaction, cx, now);
        if let Some(alternative) = situation.alternative(turn.step, turn.alternative) {
            report.event.details.insert("authenticator".to_owned(), alternative.authenticator.to_string());
        }
        let mut interaction = situation.interaction;
        interaction.notice = Some(Notice::Limited { retry_at: limited.retry_at, sends: false });
        let work = move |tx: &mut S::Tx| {
            report.note(tx, now)?;
            advance(tx, interaction.clone())
        };
        stale_is_none(self.store.write(work).await).map(drop)
    }

    fn limited_report(&self, interaction: &Interaction, cx: &RequestContext, now: Time) -> Report {
        let mut report = self.report("otp.limited", cx, now);
        let event = &mut report.event;
        if interaction.chosen.is_none_or(|chosen| chosen.challenge.is_none()) {
            event.kind = "step.limited".to_owned();
        }
        event.client = Some(interaction.request.client.to_string());
        event.user = interaction.subject.user();
        report
    }

    fn judged_event(
        &self,
        situation: &Situation,
        turn: &Turn,
        verdict: &Verdict,
        cx: &RequestContext,
    ) -> Option<AuditEvent> {
        let outcome = match verdict {
            Verdict::Passed(_) => "passed",
            Verdict::Rejected(Rejection::Wrong | Rejection::Expired) => "rejected",
            Verdict::Trouble(_) => "failed",
            Verdict::Rejected(_) | Verdict::Pending => return None,
        };
        let code = turn.challenge.as_ref().is_some_and(|challenge| challenge.code.is_some());
        let family = if code { "otp" } else { "step" };
        let mut event = self.event(&format!("{family}.{outcome}"), cx, situation.now);
        event.client = Some(situation.request().client.to_string());
        event.user = situation.interaction.subject.user();
        let name = situation.alternative(turn.step, turn.alternative).map(|a| a.authenticator.to_string());
        event.details.extend(name.map(|name| ("authenticator".to_owned(), name)));
        event.details.insert("step".to_owned(), (turn.step + 1).to_string());
        Some(event)
    }

    fn next_departure(
        &self,
        situation: &Situation,
        verdict: &Verdict,
        follow: &Follow<S::Tx>,
        cx: &RequestContext,
    ) -> Option<Departure> {
        let (Verdict::Passed(evidence), Follow::Open(opened)) = (verdict, follow) else { return None };
        let mut departure = self.departure(opened, &situation.interaction, cx)?;
        departure.event.user = Some(evidence.user);
        Some(departure)
    }

    fn notice(&self, verdict: &Verdict, turn: &Turn, cx: &RequestContext) -> Option<Notice> {
        match verdict {
            Verdict::Passed(_) | Verdict::Pending => None,
            Verdict::Rejected(why) => {
                let counted = u32::from(verdict.counts());
                let tries_left =
                    turn.challenge.as_ref().map(|challenge| challenge.tries_left().saturating_sub(counted));
                Some(Notice::Rejected { why: *why, tries_left })
            }
            Verdict::Trouble(error) => {
                let busy = matches!(error, StepError::Busy);
                Some(Notice::Trouble { reference: cx.request_id.clone(), busy })
            }
        }
    }
}

const EMPTY: Notice = Notice::Rejected { why: Rejection::Empty, tries_left: None };

enum Identified {
    /// No name was given.
    Nobody,
    /// The name is the whole answer: the step's challenge is opened for it.
    Only,
    /// This is who tries.
    Who(Who),
}

fn evidence(
    descriptor: &Descriptor,
    proof: Proof,
    user: crate::id::UserId,
    situation: &Situation,
    step: usize,
) -> Evidence {
    let Proof { credential, factors, properties, amr } = proof;
    Evidence {
        user,
        authenticator: descriptor.name.clone(),
        credential,
        factors: common(&factors, &descriptor.factors),
        properties: common(&properties, &descriptor.properties),
        amr: common(&amr, &descriptor.amr),
        at: situation.now,
        via: Via::Direct,
        interaction: situation.interaction.id,
        step,
    }
}

fn common<T: Ord + Clone>(claimed: &BTreeSet<T>, allowed: &BTreeSet<T>) -> BTreeSet<T> {
    claimed.intersection(allowed).cloned().collect()
}

/// Counts the try on the challenge; whether it was alive to be tried.
fn count_on_challenge(
    tx: &mut (impl Tx + ?Sized),
    challenge: Option<ChallengeId>,
    interaction: &mut Interaction,
    now: Time,
) -> StoreResult<bool> {
    let Some(id) = challenge else { return Ok(true) };
    if tx.count_try(id, now)?.is_some() {
        return Ok(true);
    }
    let stored = tx.challenge(id)?;
    let expired = stored.as_ref().is_some_and(|challenge| now >= challenge.expires_at);
    let why = if expired { Rejection::Expired } else { Rejection::Wrong };
    interaction.notice = Some(Notice::Rejected { why, tries_left: Some(0) });
    Ok(false)
}

fn spend(tx: &mut (impl Tx + ?Sized), challenge: Option<ChallengeId>, now: Time) -> StoreResult<()> {
    let Some(id) = challenge else { return Ok(()) };
    let spent = || StoreError::Conflict("the challenge was spent by another answer".to_owned());
    tx.consume_challenge(id, now)?.then_some(()).ok_or_else(spent)
}

fn renew_credentials(tx: &mut (impl Tx + ?Sized), renewed: &[RenewedCredential]) -> StoreResult<()> {
    use secrecy::ExposeSecret as _;
    // Somebody else may have renewed it first; theirs is as good.
    renewed.iter().try_for_each(|r| tx.renew_credential(r.id, r.version, r.secret.expose_secret()).map(drop))
}

/// Goes on after a passed step; whether a message may leave.
fn go_on<T: Tx + ?Sized + 'static>(
    tx: &mut T,
    interaction: &mut Interaction,
    follow: &Follow<T>,
    now: Time,
) -> StoreResult<bool> {
    let user = interaction.subject.user();
    let acts = match user {
        Some(user) => tx.user(user)?.is_some_and(|user| may_act(&user)),
        None => false,
    };
    match follow {
        Follow::End(ending) => ending.end(tx, interaction).map(|()| false),
        // Disabled in the middle of a login: the proof stands, and opens nothing.
        _ if !acts => Err(StoreError::Conflict("the user may not act any more".to_owned())),
        Follow::Open(opened) => store_opened(tx, interaction, opened, now),
        Follow::Trouble(notice) => {
            interaction.notice = Some(notice.clone());
            Ok(false)
        }
        Follow::Deny(denial) => {
            tracing::warn!(client_id = %interaction.request.client, %denial, "a login cannot go on");
            Ok(false)
        }
        Follow::Ask | Follow::Nothing => Ok(false),
    }
}
