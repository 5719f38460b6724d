//! Writing down: one transaction that counts the try, spends the challenge, appends the evidence, and opens the next
//! challenge or ends the interaction.

use std::sync::Arc;

use super::{
    Acted, Engine, EngineError, RequestContext,
    answer::Turn,
    authenticator,
    choose::{advance, stale_is_none, store_opened},
    finish::Keepsake,
    judge::{Follow, Judgement, Verdict},
    may_act,
    renewal::end_elsewhere,
    send::Departure,
    situation::Situation,
    tries::{Report, Tries},
};
use crate::{
    audit::AuditEvent,
    authenticator::{Changes, Contact, Noted, Rejection, RenewedCredential, StepError},
    budget::Limited,
    id::{AuthenticatorName, ChallengeId, UserId},
    interaction::{Interaction, Notice, Subject},
    store::{Store, StoreError, StoreExt as _, StoreResult, Tx},
    time::Time,
};

impl<S: Store + ?Sized> Engine<S> {
    #[expect(clippy::too_many_arguments, reason = "everything about one judgement, used once")]
    pub(super) async fn write_down(
        &self,
        situation: Situation,
        turn: Turn,
        tries: Tries,
        counted_first: bool,
        judgement: Judgement,
        follow: Follow<S::Tx>,
        cx: &RequestContext,
    ) -> Result<Acted, EngineError> {
        let now = situation.now;
        let event = self.judged_event(&situation, &turn, &judgement, cx);
        let departure = self.next_departure(&situation, &judgement.verdict, &follow, cx);
        let authenticator = situation.alternative(turn.step, turn.alternative).map(|way| way.authenticator.clone());
        let notice = self.notice(&judgement.verdict, &turn, cx);
        let outgoing = turn.challenge.as_ref().and_then(|challenge| challenge.outgoing.as_ref());
        let own_sends = outgoing.map(|outgoing| self.sends(&situation, Some(outgoing), false, cx));
        let renewing =
            turn.enrolling && situation.interaction.renews(situation.chain.document.steps.len()) == Some(turn.step);
        let finish = Arc::clone(&self.finish);
        let Situation { mut interaction, .. } = situation;
        if turn.remember {
            interaction.remember.insert(turn.step);
        } else {
            interaction.remember.remove(&turn.step);
        }
        let Judgement { verdict, changes } = judgement;
        let told = changes.told.as_ref().map(|told| self.posted(told, now));
        let noted = self.noted(&interaction, authenticator.as_ref(), &changes, cx, now);
        let challenge = turn.challenge.as_ref().map(|challenge| challenge.id);
        let report = self.limited_report(&interaction, cx, now);
        let mut unsent = self.report("otp.limited", cx, now);
        unsent.event.client = Some(interaction.request.client.to_string());
        unsent.event.user = interaction.subject.user();
        let open = Acted::open(&interaction);
        let right = (counted_first && matches!(verdict, Verdict::Passed(_))).then(|| tries.clone());
        let work = move |tx: &mut S::Tx| {
            let mut interaction = interaction.clone();
            interaction.notice.clone_from(&notice);
            if verdict.counts() {
                if !counted_first && let Err(limited) = tries.count(tx, now)? {
                    interaction.notice = Some(Notice::Limited { retry_at: limited.retry_at, sends: false });
                    report.note(tx, now)?;
                    advance(tx, interaction)?;
                    return Ok(Written::Noted);
                }
                if !count_on_challenge(tx, challenge, &mut interaction, now)? {
                    tries.refund(tx)?;
                    advance(tx, interaction)?;
                    return Ok(Written::Noted);
                }
            } else if counted_first {
                tries.refund(tx)?;
            }
            let taken = match &verdict {
                Verdict::Passed(evidence) => !add(tx, &changes, evidence.user, authenticator.as_ref(), now)?,
                _ => false,
            };
            if let Some(event) = &event {
                let kind = if taken { "step.rejected".to_owned() } else { event.kind.clone() };
                tx.append_audit(&AuditEvent { kind, ..event.clone() })?;
            }
            let went_on = match &verdict {
                Verdict::Passed(_) if taken => {
                    interaction.notice = Some(Notice::Rejected { why: Rejection::Wrong, tries_left: None });
                    WentOn::Nowhere
                }
                Verdict::Passed(evidence) => {
                    spend(tx, challenge, now)?;
                    tries.forgive(tx)?;
                    own_sends.iter().try_for_each(|sends| sends.used(tx))?;
                    change(tx, &changes, evidence.user, now)?;
                    told.iter().try_for_each(|told| tx.post(told))?;
                    if renewing {
                        end_elsewhere(tx, &*finish, evidence.user, interaction.session, now)?;
                    }
                    for event in &noted {
                        tx.append_audit(&AuditEvent { user: Some(evidence.user), ..event.clone() })?;
                    }
                    interaction.subject = Subject::Proven(evidence.user);
                    interaction.evidence.push(evidence.clone());
                    interaction.chosen = None;
                    interaction.choosing = false;
                    go_on(tx, &mut interaction, &follow, now)?
                }
                Verdict::Asks(opened) => {
                    spend(tx, challenge, now)?;
                    if store_opened(tx, &mut interaction, opened, now)? { WentOn::Sends } else { WentOn::Nowhere }
                }
                Verdict::Rejected(_) | Verdict::Trouble(_) | Verdict::Pending => WentOn::Nowhere,
            };
            if matches!(interaction.notice, Some(Notice::Limited { sends: true, .. })) {
                unsent.note(tx, now)?;
            }
            advance(tx, interaction.clone())?;
            Ok(match went_on {
                WentOn::Nowhere => Written::Noted,
                WentOn::Sends => Written::Sends,
                WentOn::Ended(kept) => Written::Ended(Acted::ended(interaction, kept)),
            })
        };
        let written = stale_is_none(self.store.write(work).await)?;
        if let (None, Some(tries)) = (&written, right) {
            // A double submit: the other one went on, and this right answer was no failure.
            self.store.write(move |tx: &mut S::Tx| tries.refund(tx)).await?;
        }
        match written {
            Some(Written::Ended(acted)) => return Ok(acted),
            Some(Written::Sends) => {
                if let Some(departure) = departure {
                    self.depart(departure, true).await;
                }
            }
            Some(Written::Noted) | None => {}
        }
        Ok(open)
    }

    pub(super) async fn limited(
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
            // No new version: the last try of the budget may still be judged, and a right one must not be too late for this. If
            // it was faster, there is nothing to tell.
            tx.note_interaction(&interaction).map(drop)
        };
        Ok(self.store.write(work).await?)
    }

    /// What the log is told besides.
    fn noted(
        &self,
        interaction: &Interaction,
        authenticator: Option<&AuthenticatorName>,
        changes: &Changes,
        cx: &RequestContext,
        now: Time,
    ) -> Vec<AuditEvent> {
        let event = |noted: &Noted| {
            let mut event = self.event(noted.kind, cx, now);
            event.client = Some(interaction.request.client.to_string());
            event.details.extend(authenticator.map(|name| ("authenticator".to_owned(), name.to_string())));
            event.details.extend(noted.details.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            event
        };
        changes.noted.iter().map(event).collect()
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
        judgement: &Judgement,
        cx: &RequestContext,
    ) -> Option<AuditEvent> {
        let outcome = match &judgement.verdict {
            Verdict::Passed(_) => "passed",
            Verdict::Rejected(Rejection::Wrong | Rejection::Unknown | Rejection::Expired) => "rejected",
            Verdict::Trouble(_) => "failed",
            Verdict::Rejected(_) | Verdict::Pending | Verdict::Asks(_) => return None,
        };
        let code = turn.challenge.as_ref().is_some_and(|challenge| challenge.code.is_some());
        let family = if code { "otp" } else { "step" };
        let enrolled = turn.enrolling && matches!(judgement.verdict, Verdict::Passed(_));
        let renews = situation.interaction.renews(situation.chain.document.steps.len()) == Some(turn.step);
        let by = authenticator(&self.parts.registry, &situation.chain, turn.step, turn.alternative);
        let own = by.filter(|_| renews).and_then(|by| by.replacement()?.event());
        let kind = match own {
            Some(own) if enrolled => own.to_owned(),
            _ if enrolled => kind_of_enrolment(situation, &judgement.changes),
            _ => format!("{family}.{outcome}"),
        };
        let mut event = self.event(&kind, cx, situation.now);
        event.client = Some(situation.request().client.to_string());
        event.user = situation.interaction.subject.user();
        let name = situation.alternative(turn.step, turn.alternative).map(|a| a.authenticator.to_string());
        event.details.extend(name.map(|name| ("authenticator".to_owned(), name)));
        event.details.insert("step".to_owned(), (turn.step + 1).to_string());
        // A code that was used tells by which way it came: what was paid for and not used can then be counted.
        let came = turn.challenge.as_ref().filter(|_| matches!(judgement.verdict, Verdict::Passed(_)));
        if let Some((challenge, outgoing)) = came.and_then(|came| Some((came, came.outgoing.as_ref()?))) {
            event.details.extend(self.way_of(outgoing, challenge.carried_by.as_ref()));
        }
        let told = judgement.changes.told.as_ref().filter(|_| enrolled);
        event.details.extend(told.map(|told| ("told".to_owned(), told.masked.clone())));
        Some(event)
    }

    fn next_departure(
        &self,
        situation: &Situation,
        verdict: &Verdict,
        follow: &Follow<S::Tx>,
        cx: &RequestContext,
    ) -> Option<Departure> {
        match (verdict, follow) {
            (Verdict::Asks(opened), _) => self.departure(opened, &situation.interaction, cx),
            (Verdict::Passed(evidence), Follow::Open(opened)) => {
                let mut departure = self.departure(opened, &situation.interaction, cx)?;
                departure.event.user = Some(evidence.user);
                Some(departure)
            }
            _ => None,
        }
    }

    fn notice(&self, verdict: &Verdict, turn: &Turn, cx: &RequestContext) -> Option<Notice> {
        match verdict {
            Verdict::Passed(_) | Verdict::Pending | Verdict::Asks(_) => None,
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

/// How it is called that a factor was enrolled.
fn kind_of_enrolment(situation: &Situation, changes: &Changes) -> String {
    let had = situation.person.user.as_ref().is_some_and(|user| user.phone_number.is_some());
    match &changes.proved {
        Some(Contact::PhoneNumber(_)) if had => "number.changed",
        Some(Contact::PhoneNumber(_)) => "number.captured",
        Some(Contact::Email(_)) => "email.verified",
        None => "factor.enrolled",
    }
    .to_owned()
}

/// Writes the new credentials; whether there was room for them. One that there can be once, and that somebody has, is not
/// written: whoever brought it has proved nothing of their own.
fn add(
    tx: &mut (impl Tx + ?Sized),
    changes: &Changes,
    user: UserId,
    authenticator: Option<&AuthenticatorName>,
    now: Time,
) -> StoreResult<bool> {
    let Some(authenticator) = authenticator else { return Ok(true) };
    for added in &changes.added {
        match tx.insert_credential(&added.clone().of(user, authenticator, now)) {
            // Nothing but this was written of what was proved.
            Err(StoreError::Conflict(_)) if changes.added.len() == 1 => return Ok(false),
            written => written?,
        }
    }
    Ok(true)
}

/// Writes what else the authenticator wants written.
fn change(tx: &mut (impl Tx + ?Sized), changes: &Changes, user: UserId, now: Time) -> StoreResult<()> {
    use secrecy::ExposeSecret as _;
    let mut renew = |r: &RenewedCredential| tx.renew_credential(r.id, r.version, r.secret.expose_secret());
    for renewed in &changes.renewed {
        // Somebody else may have renewed it first; theirs is as good.
        renew(renewed)?;
    }
    for spent in &changes.spent {
        let used = || StoreError::Conflict("another answer used it up".to_owned());
        renew(spent)?.then_some(()).ok_or_else(used)?;
    }
    for dropped in &changes.dropped {
        tx.delete_credential(*dropped)?;
    }
    if let Some(proved) = &changes.proved
        && let Some(mut user) = tx.user(user)?
    {
        proved.clone().settle(&mut user, now);
        tx.update_user(&user)?;
    }
    Ok(())
}

/// What the transaction of a judgement came to.
enum Written {
    Noted,
    /// The next step's message may leave.
    Sends,
    Ended(Acted),
}

/// Where a passed step led.
enum WentOn {
    Nowhere,
    Sends,
    /// The end, with what the browser keeps of it.
    Ended(Option<Keepsake>),
}

/// Goes on after a passed step.
fn go_on<T: Tx + ?Sized + 'static>(
    tx: &mut T,
    interaction: &mut Interaction,
    follow: &Follow<T>,
    now: Time,
) -> StoreResult<WentOn> {
    let user = interaction.subject.user();
    let acts = match user {
        Some(user) => tx.user(user)?.is_some_and(|user| may_act(&user)),
        None => false,
    };
    match follow {
        Follow::End(ending) => ending.end(tx, interaction).map(WentOn::Ended),
        // Disabled in the middle of a login: the proof stands, and opens nothing.
        _ if !acts => Err(StoreError::Conflict("the user may not act any more".to_owned())),
        Follow::Open(opened) => {
            let leaves = store_opened(tx, interaction, opened, now)?;
            Ok(if leaves { WentOn::Sends } else { WentOn::Nowhere })
        }
        Follow::Trouble(notice) => {
            interaction.notice = Some(notice.clone());
            Ok(WentOn::Nowhere)
        }
        Follow::Deny(denial) => {
            tracing::warn!(client_id = %interaction.request.client, %denial, "a login cannot go on");
            Ok(WentOn::Nowhere)
        }
        Follow::Ask | Follow::Nothing => Ok(WentOn::Nowhere),
    }
}
