//! The end of an interaction: the session is renewed and the protocol makes its grant, all in one transaction.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::Value;

use super::{
    Acted, Completion, Engine, EngineError, Finish, Finished, RequestContext,
    choose::{advance, stale_is_none},
    device::Remembering,
    may_act,
    situation::Situation,
};
use crate::{
    audit::AuditEvent,
    device::DeviceGiven,
    evidence::Evidence,
    id::{InteractionId, SessionId},
    interaction::{Interaction, Stage},
    plan::{Completed, Denial, Next},
    session::{Session, SessionLife, SessionRef},
    store::{Store, StoreError, StoreExt as _, StoreResult, Tx},
    time::Time,
};

/// What the browser keeps of a login.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keepsake {
    pub(super) session: SessionRef,
    pub(super) device: Option<DeviceGiven>,
}

/// What is needed to end an interaction inside a transaction.
pub(super) struct Ending<T: ?Sized> {
    pub(super) finish: Arc<dyn Finish<T>>,
    pub(super) completed: Completed,
    pub(super) decision: Option<Value>,
    /// The session whose evidence the plan was made with.
    pub(super) relied: Option<SessionId>,
    pub(super) session_life: SessionLife,
    /// The id of the session, when a new one is needed.
    pub(super) new_session: SessionId,
    pub(super) user_agent: Option<String>,
    pub(super) network: String,
    pub(super) remembering: Remembering,
    pub(super) event: AuditEvent,
    /// Whether nothing is to come of it.
    pub(super) trial: bool,
    pub(super) now: Time,
}

impl<T: Tx + ?Sized + 'static> Ending<T> {
    /// Renews the session, lets the protocol finish, and leaves the outcome in `interaction`, which the caller saves; what the
    /// browser keeps, when there is something.
    pub(super) fn end(&self, tx: &mut T, interaction: &mut Interaction) -> StoreResult<Option<Keepsake>> {
        let now = self.now;
        if let Some(relied) = self.relied
            && !tx.session(relied)?.is_some_and(|session| session.alive(now))
        {
            // Signed out since the plan was made: what was proved in it counts no more.
            return Err(StoreError::Conflict("the session has ended".to_owned()));
        }
        let shown = self.browsers_device(tx)?;
        let Some(user) = tx.user(self.completed.user())?.filter(may_act) else {
            let answer = self.finish.refuse(&interaction.request, &Denial::MayNotAct);
            interaction.stage = Stage::Denied { denial: Some(Denial::MayNotAct), answer, at: now };
            return Ok(None);
        };
        let wanted = interaction.request.required_user.is_none_or(|required| required == user.id);
        if !wanted {
            let answer = self.finish.refuse(&interaction.request, &Denial::OtherUser);
            interaction.stage = Stage::Denied { denial: Some(Denial::OtherUser), answer, at: now };
            return Ok(None);
        }
        let session = if self.trial { self.passing(interaction) } else { self.renew(tx, interaction)? };
        if !self.trial {
            interaction.session = Some(session.id);
        }
        let completion = Completion {
            interaction: interaction.id,
            request: &interaction.request,
            completed: &self.completed,
            session: &session,
            user: &user,
            decision: self.decision.as_ref(),
            now,
        };
        let finished = self.finish.finish(tx, &completion)?;
        let mut device = None;
        interaction.stage = match finished {
            Finished::Answer(answer) => {
                tx.append_audit(&self.event)?;
                if !self.trial {
                    device = self.settle_device(tx, interaction, shown.as_ref())?;
                }
                interaction.device = device.as_ref().map(|device| device.id);
                Stage::Closed { answer, at: now, session: session.id }
            }
            Finished::Hold => Stage::Held,
            Finished::Refuse { answer, denial } => Stage::Denied { denial, answer, at: now },
        };
        let kept = Keepsake { session: session.reference(), device: device.map(|device| device.given()) };
        Ok((!self.trial).then_some(kept))
    }

    /// Puts the evidence into the browser's session. New evidence renews it, so that an id planted before the login is
    /// worth nothing after it; consent alone does not.
    fn renew(&self, tx: &mut T, interaction: &Interaction) -> StoreResult<Session> {
        let now = self.now;
        let user = self.completed.user();
        let before = match interaction.session {
            Some(id) => tx.session(id)?.filter(|session| session.alive(now)),
            None => None,
        };
        if let Some(other) = before.as_ref().filter(|session| session.user != user) {
            // One browser, one person: whoever was signed in before is not any more.
            tx.end_session(other.id, now)?;
            self.finish.session_ended(tx, other.id, now)?;
        }
        if let Some(mut session) = before.filter(|session| session.user == user) {
            let known = interaction.evidence.iter().all(|evidence| session.evidence.contains(evidence));
            if known {
                return Ok(session);
            }
            session.evidence = merged(&session.evidence, &interaction.evidence);
            session.generation = session.generation.saturating_add(1);
            session.seen = false;
            session.renewed_at = now;
            session.expires_at = (now + self.session_life.idle).min(session.created_at + self.session_life.absolute);
            session.network.clone_from(&self.network);
            if tx.renew_session(&session)? {
                return Ok(session);
            }
        }
        let session = self.passing(interaction);
        tx.insert_session(&session)?;
        Ok(session)
    }

    /// A session of what was proved in this run; it is stored nowhere yet.
    fn passing(&self, interaction: &Interaction) -> Session {
        let now = self.now;
        Session {
            id: self.new_session,
            generation: 1,
            seen: false,
            user: self.completed.user(),
            evidence: interaction.evidence.clone(),
            user_agent: self.user_agent.clone(),
            network: self.network.clone(),
            created_at: now,
            renewed_at: now,
            expires_at: now + self.session_life.idle.min(self.session_life.absolute),
            ended_at: None,
        }
    }
}

/// How it is called that every due step passed.
fn kind_of_login(trial: bool) -> &'static str {
    if trial { "login.tried" } else { "login.completed" }
}

/// The newest evidence of each credential: older evidence of the same proves nothing more.
fn merged(old: &[Evidence], new: &[Evidence]) -> Vec<Evidence> {
    let key = |evidence: &Evidence| (evidence.authenticator.clone(), evidence.credential.clone());
    let renewed: BTreeSet<_> = new.iter().map(key).collect();
    old.iter().filter(|evidence| !renewed.contains(&key(evidence))).chain(new).cloned().collect()
}

impl<S: Store + ?Sized> Engine<S> {
    /// Ends what waited for the person, with what they decided.
    ///
    /// # Errors
    /// When the interaction is not this browser's, or the database fails.
    pub async fn conclude(
        &self,
        id: InteractionId,
        binding: Option<&str>,
        decision: Value,
        cx: &RequestContext,
    ) -> Result<Acted, EngineError> {
        let nothing = Acted::Nothing { stale: false };
        let situation = self.situation(id, binding, cx).await?;
        if !situation.waits() {
            return Ok(nothing);
        }
        let Next::Done(completed) = self.plan(&situation, cx).await.next else { return Ok(nothing) };
        let ending = self.ending(&situation, completed, Some(decision), cx);
        let interaction = situation.interaction;
        let work = move |tx: &mut S::Tx| {
            let mut interaction = interaction.clone();
            let kept = ending.end(tx, &mut interaction)?;
            advance(tx, interaction.clone())?;
            Ok(Acted::ended(interaction, kept))
        };
        Ok(stale_is_none(self.store.write(work).await)?.unwrap_or(nothing))
    }

    pub(super) fn ending(
        &self,
        situation: &Situation,
        completed: Completed,
        decision: Option<Value>,
        cx: &RequestContext,
    ) -> Ending<S::Tx> {
        let (interaction, now) = (&situation.interaction, situation.now);
        let relied = situation.session.as_ref().filter(|session| session.user == completed.user());
        let mut event = self.event(kind_of_login(situation.trial), cx, now);
        event.client = Some(interaction.request.client.to_string());
        event.user = Some(completed.user());
        event.details.insert("chain".to_owned(), format!("{}/{}", interaction.chain, interaction.revision));
        let amr: Vec<&str> = completed.amr().iter().map(String::as_str).collect();
        event.details.insert("amr".to_owned(), amr.join(" "));
        // Of single sign-on there is nothing to tell: nobody was asked.
        let took = now.since(interaction.created_at).as_millis();
        if took > 0 || !interaction.evidence.is_empty() {
            event.details.insert("took_ms".to_owned(), took.to_string());
        }
        if let Some(device) = cx.device.filter(|_| completed.remembered()) {
            event.details.insert("device".to_owned(), device.id.to_string());
        }
        let remembering = self.remembering(situation, completed.user(), cx);
        Ending {
            finish: Arc::clone(&self.finish),
            completed,
            decision,
            relied: relied.map(|session| session.id),
            session_life: self.parts.session_life,
            new_session: SessionId::new(now, &*self.parts.random),
            user_agent: cx
                .user_agent
                .as_ref()
                .map(|agent| agent.chars().filter(|c| !c.is_control()).take(200).collect()),
            network: cx.network().as_str().to_owned(),
            remembering,
            event,
            trial: situation.trial,
            now,
        }
    }
}
