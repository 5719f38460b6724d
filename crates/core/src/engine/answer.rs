//! `answer`: who answers, and with which challenge; then the answer is judged (`judge`) and written down (`record`).
//!
//! The order is what makes it safe. An authenticator whose judgement is costly (a password hash) is asked only after the try
//! was counted in a transaction of its own. Any other is asked first, but what it said is acted on, and seen, only in a
//! transaction that counts the try before anything else: a judgement whose try cannot be counted is thrown away.

use super::{
    Acted, Engine, EngineError, RequestContext, authenticator,
    choose::Way,
    device,
    situation::{Person, Situation},
    tries::Tries,
};
use crate::{
    authenticator::{Opening, Rejection},
    budget::Who,
    id::{ChallengeId, InteractionId, UserId},
    interaction::{Challenge, Chosen, Notice, Subject},
    plan::Due,
    prompt::Fields,
    store::{Store, StoreExt as _, Tx as _},
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
pub(super) struct Turn {
    pub(super) step: usize,
    pub(super) alternative: usize,
    pub(super) challenge: Option<Challenge>,
    pub(super) opening: Opening,
    /// Whether the try is counted before it is judged.
    pub(super) costly: bool,
    /// Whether a factor is enrolled.
    pub(super) enrolling: bool,
    /// Whether the person wishes to be remembered instead of this step.
    pub(super) remember: bool,
}

impl Turn {
    pub(super) fn way(&self) -> Way {
        let Self { step, alternative, enrolling, .. } = *self;
        Way { step, alternative, enrolling }
    }

    /// What is judged is what the person is at: they are told of it in its words.
    fn chosen(&self, situation: &mut Situation) {
        let Self { step, alternative, .. } = *self;
        if self.opening == Opening::Free {
            situation.interaction.chosen = Some(Chosen { step, alternative, challenge: None });
        }
    }
}

impl<S: Store + ?Sized> Engine<S> {
    /// Judges an answer to the due step. A stale page, a spent challenge and a finished interaction are no errors: they
    /// come to nothing.
    ///
    /// # Errors
    /// When the interaction is not this browser's, or the database fails.
    pub async fn answer(
        &self,
        id: InteractionId,
        binding: Option<&str>,
        answer: Answer,
        cx: &RequestContext,
    ) -> Result<Acted, EngineError> {
        let mut situation = self.situation(id, binding, cx).await?;
        let Some(turn) = self.turn(&situation, &answer, cx).await else {
            return Ok(Acted::Nothing { stale: situation.interaction.version > answer.version });
        };
        turn.chosen(&mut situation);
        let open = Acted::open(&situation.interaction);
        match self.identify(&mut situation, &turn, &answer.fields).await? {
            Identified::Nobody => self.note(situation.interaction, EMPTY).await?,
            Identified::Only => self.open_and_store(situation, turn.way(), None, cx).await?,
            Identified::Who(who) => return self.judge(situation, turn, &who, &answer.fields, cx).await,
        }
        Ok(open)
    }

    /// Whom the answer says it is of: by a name, or by what it carries itself.
    fn claimed(&self, situation: &Situation, turn: &Turn, fields: &Fields) -> Option<Wanted> {
        let authenticator = authenticator(&self.parts.registry, &situation.chain, turn.step, turn.alternative)?;
        let known = authenticator.claims(fields).map(Wanted::Known);
        known.or_else(|| LoginName::parse(fields.get("username")).map(Wanted::Named))
    }

    /// What the answer is judged by; `None` when there is nothing to judge.
    async fn turn(&self, situation: &Situation, answer: &Answer, cx: &RequestContext) -> Option<Turn> {
        let interaction = &situation.interaction;
        if !situation.waits() || interaction.version != answer.version {
            return None;
        }
        let Due { step, alternatives, enrolling } = self.plan(situation, cx).await.next.due()?;
        let fits = |c: &&Challenge| (c.step, c.enrols) == (step, enrolling);
        let challenge = match answer.challenge {
            Some(id) => Some(situation.challenges.iter().filter(fits).find(|c| c.id == id)?.clone()),
            None => None,
        };
        let at = || self.at(situation, step, &alternatives, enrolling);
        let spoken = || self.spoken(situation, step, &alternatives, &answer.fields).filter(|_| !enrolling);
        let alternative = challenge.as_ref().map(|c| c.alternative).or_else(spoken).or_else(at)?;
        let authenticator = authenticator(&self.parts.registry, &situation.chain, step, alternative)?;
        let opening = if enrolling { Opening::Once } else { authenticator.descriptor().opening };
        let costly = !enrolling && authenticator.costly();
        let anonymous = !situation.proven();
        let judged = match (opening, &challenge) {
            (Opening::Free, None) | (Opening::Once, Some(_)) => true,
            // A way that needs to know who it is about, asked before anybody said so: the name alone is the answer.
            (Opening::Once, None) => anonymous,
            (Opening::Free, Some(_)) => false,
        };
        let remember =
            !enrolling && situation.may_remember(step).is_some() && !answer.fields.get(device::FIELD).is_empty();
        let turn = Turn { step, alternative, challenge, opening, costly, enrolling, remember };
        (judged && alternatives.contains(&alternative)).then_some(turn)
    }

    /// The way that an answer is for by what it carries: a passkey that the browser offers beside the field of another way.
    fn spoken(&self, situation: &Situation, step: usize, alternatives: &[usize], fields: &Fields) -> Option<usize> {
        let speaks = |alternative: &usize| {
            let authenticator = authenticator(&self.parts.registry, &situation.chain, step, *alternative);
            authenticator.is_some_and(|a| a.descriptor().opening == Opening::Free && a.claims(fields).is_some())
        };
        alternatives.iter().copied().find(speaks)
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
        let Some(wanted) = self.claimed(situation, turn, fields) else { return Ok(Identified::Nobody) };
        let load = move |tx: &mut S::Tx| {
            // Whoever knows an id is not told the name of its owner: every application knows the ids of its users.
            let (user, name) = match &wanted {
                Wanted::Named(name) => (tx.user_by_login(name)?, name.clone()),
                Wanted::Known(id) => (tx.user(*id)?, LoginName::from(*id)),
            };
            Ok((user.as_ref().map(|user| user.id), name, Person::load(tx, user)?))
        };
        let (user, name, person) = self.store.read(load).await?;
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
        mut situation: Situation,
        turn: Turn,
        who: &Who,
        fields: &Fields,
        cx: &RequestContext,
    ) -> Result<Acted, EngineError> {
        let Some(alternative) = situation.alternative(turn.step, turn.alternative) else {
            return Ok(Acted::Nothing { stale: false });
        };
        let name = &alternative.authenticator;
        let tries = Tries::new(&self.parts.limits, &self.parts.prf, who, name, &cx.network());
        let now = situation.now;
        let counted_first = turn.costly;
        if counted_first {
            let tries = tries.clone();
            if let Err(limited) = self.store.write(move |tx: &mut S::Tx| tries.count(tx, now)).await? {
                let open = Acted::open(&situation.interaction);
                return self.limited(situation, &turn, limited, cx).await.map(|()| open);
            }
        }
        let judgement = self.ask(&situation, &turn, fields, cx).await;
        self.renew(&mut situation, &judgement).await;
        let follow = self.follow(&situation, &judgement, cx).await;
        self.write_down(situation, turn, tries, counted_first, judgement, follow, cx).await
    }
}

const EMPTY: Notice = Notice::Rejected { why: Rejection::Empty, tries_left: None };

/// Whom an answer says it is of.
enum Wanted {
    /// Somebody of this name.
    Named(LoginName),
    /// The user of this id.
    Known(UserId),
}

enum Identified {
    /// No name was given.
    Nobody,
    /// The name is the whole answer: the step's challenge is opened for it.
    Only,
    /// This is who tries.
    Who(Who),
}
