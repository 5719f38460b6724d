//! Judging: asks the authenticator, and plans on from what it said, as if that were written down already.

use std::collections::BTreeSet;

use super::{
    Engine, RequestContext,
    answer::Turn,
    authenticator,
    choose::{NotOpened, Opened, Way},
    finish::Ending,
    guard::guarded,
    situation::Situation,
};
use crate::{
    authenticator::{Changes, Descriptor, Opening, Outcome, Proof, Rejection, StepError},
    evidence::{Evidence, Via},
    id::UserId,
    interaction::{Notice, Subject},
    plan::{Denial, Due, Next},
    prompt::Fields,
    store::Store,
};

/// What an authenticator said, ready to be written down.
pub(super) struct Judgement {
    pub(super) verdict: Verdict,
    pub(super) changes: Changes,
}

/// What it came to.
pub(super) enum Verdict {
    Passed(Evidence),
    Rejected(Rejection),
    Trouble(StepError),
    /// There is one more thing to ask of the same way: its challenge takes the place of the one before.
    Asks(Box<Opened>),
    /// Somebody else has to act first: nothing changes.
    Pending,
}

impl Verdict {
    /// Whether it was a try: neither our trouble nor an empty field is one.
    pub(super) fn counts(&self) -> bool {
        matches!(self, Self::Passed(_) | Self::Rejected(Rejection::Wrong | Rejection::Unknown | Rejection::Expired))
    }
}

/// What follows a passed step, prepared before the transaction.
pub(super) enum Follow<T: ?Sized> {
    /// The step was not passed.
    Nothing,
    /// The next step asks for something that needs no challenge, or leaves a choice.
    Ask,
    /// The next step has one alternative, or one that the person prefers, and its challenge is opened at once.
    Open(Box<Opened>),
    /// The next step's challenge could not be opened.
    Trouble(Notice),
    /// It was the last step.
    End(Box<Ending<T>>),
    /// It cannot go on.
    Deny(Denial),
}

impl<S: Store + ?Sized> Engine<S> {
    /// Asks the authenticator, and cuts a proof down to what its descriptor allows.
    pub(super) async fn ask(
        &self,
        situation: &Situation,
        turn: &Turn,
        fields: &Fields,
        cx: &RequestContext,
    ) -> Judgement {
        let trouble = |error| Judgement { verdict: Verdict::Trouble(error), changes: Changes::default() };
        let missing = || StepError::Misconfigured("the alternative does not exist".to_owned());
        let state = turn.challenge.as_ref().map_or(serde_json::Value::Null, |challenge| challenge.state.clone());
        let authenticator = authenticator(&self.parts.registry, &situation.chain, turn.step, turn.alternative);
        let context = self.step_context(situation, turn.step, turn.alternative, state);
        let Some((authenticator, mut context)) = authenticator.zip(context) else { return trouble(missing()) };
        context.code = turn.challenge.as_ref().and_then(|challenge| challenge.code.clone());
        let enrolment = authenticator.enrolment().or_else(|| authenticator.replacement());
        let outcome = match enrolment.filter(|_| turn.enrolling && !situation.trial) {
            Some(enrolment) => guarded(enrolment.answer(&mut context, fields)).await,
            None if turn.enrolling => return trouble(missing()),
            None => guarded(authenticator.answer(&mut context, fields)).await,
        };
        let changes = std::mem::take(&mut context.changes);
        let user = situation.person.user.as_ref();
        let verdict = match (outcome, user) {
            (Ok(Outcome::Passed(proof)), Some(user)) => {
                Verdict::Passed(evidence(authenticator.descriptor(), proof, user.id, situation, turn.step))
            }
            // Nobody is there who could have passed: whatever the authenticator says.
            (Ok(Outcome::Passed(_)), None) => Verdict::Rejected(Rejection::Wrong),
            (Ok(Outcome::Rejected(rejection)), _) => Verdict::Rejected(rejection),
            (Ok(Outcome::Ask(prompt)), _) if turn.challenge.is_some() => {
                Verdict::Asks(Box::new(self.opened(situation, turn.way(), prompt, context, cx)))
            }
            (Ok(Outcome::Ask(_) | Outcome::Pending | Outcome::Redirect(_)), _) => Verdict::Pending,
            (Err(error), _) => Verdict::Trouble(error),
        };
        if let Verdict::Trouble(error) = &verdict {
            tracing::error!(%error, request_id = cx.request_id, "an authenticator could not judge");
        }
        Judgement { verdict, changes }
    }

    /// Plans on from a passed step, as if it were written down already.
    pub(super) async fn follow(
        &self,
        situation: &Situation,
        judgement: &Judgement,
        cx: &RequestContext,
    ) -> Follow<S::Tx> {
        let Verdict::Passed(evidence) = &judgement.verdict else { return Follow::Nothing };
        let mut after = Situation {
            interaction: situation.interaction.clone(),
            chain: situation.chain.clone(),
            configuration: std::sync::Arc::clone(&situation.configuration),
            session: situation.session.clone(),
            person: situation.person.clone(),
            challenges: Vec::new(),
            device: situation.device.clone(),
            given: None,
            trial: situation.trial,
            now: situation.now,
        };
        after.person.settle(&judgement.changes, &evidence.authenticator, situation.now);
        after.interaction.subject = Subject::Proven(evidence.user);
        after.interaction.evidence.push(evidence.clone());
        after.interaction.choosing = false;
        let due = match self.plan(&after, cx).await.next {
            Next::Done(completed) => {
                return Follow::End(Box::new(self.ending(&after, completed, None, cx)));
            }
            Next::Deny(denial) => return Follow::Deny(denial),
            next => next.due(),
        };
        let Some(Due { step, alternatives, enrolling }) = due else { return Follow::Nothing };
        let Some(only) = self.first(&after, step, &alternatives, enrolling) else { return Follow::Ask };
        let opening = authenticator(&self.parts.registry, &after.chain, step, only).map(|a| a.descriptor().opening);
        if !enrolling && opening != Some(Opening::Once) {
            return Follow::Ask;
        }
        match self.open(&after, Way { step, alternative: only, enrolling }, cx).await {
            Ok(opened) => Follow::Open(Box::new(opened)),
            Err(NotOpened::Pointless) => Follow::Ask,
            Err(trouble) => Follow::Trouble(self.trouble(trouble, cx)),
        }
    }
}

fn evidence(descriptor: &Descriptor, proof: Proof, user: UserId, situation: &Situation, step: usize) -> Evidence {
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
        changed_at: None,
        unfit: Vec::new(),
    }
}

fn common<T: Ord + Clone>(claimed: &BTreeSet<T>, allowed: &BTreeSet<T>) -> BTreeSet<T> {
    claimed.intersection(allowed).cloned().collect()
}
