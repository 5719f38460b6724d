//! A wish: to set up another way to pass a step whose chain says `enrol = "allow"`, besides passing it by what one has.
//!
//! It is done behind the chain's own steps, as an errand is: what the person has is proved first, and no step is passed by what
//! was only set up instead. It is never held against anybody: it can be taken back, and where it cannot be fulfilled the
//! login goes on without it.

use super::{
    Acted, Engine, EngineError, RequestContext,
    choose::{advance, stale_is_none},
    errand,
    situation::Situation,
};
use crate::{
    id::{ChallengeId, InteractionId},
    plan::Next,
    store::{Store, StoreExt as _, Tx as _},
};

/// A wish, or that there is none any more.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The version that the page was made from; an older one changes nothing.
    pub version: i64,
    /// The position of the alternative that is to be set up; `None` takes the wish back.
    pub alternative: Option<usize>,
}

impl<S: Store + ?Sized> Engine<S> {
    /// Takes up a wish, or gives it up; without one that was all that was left to do, the run is over.
    ///
    /// # Errors
    /// When the interaction is not this browser's, or the database fails.
    pub async fn wish(
        &self,
        id: InteractionId,
        binding: Option<&str>,
        wish: Wish,
        cx: &RequestContext,
    ) -> Result<Acted, EngineError> {
        let situation = self.situation(id, binding, cx).await?;
        if !situation.waits() || situation.interaction.version != wish.version {
            return Ok(Acted::Nothing { stale: situation.interaction.version > wish.version });
        }
        match wish.alternative {
            Some(alternative) => self.take_up(situation, alternative, cx).await,
            None if situation.interaction.wishes() => self.give_up(situation, cx).await,
            None => Ok(Acted::Nothing { stale: false }),
        }
    }

    async fn take_up(
        &self,
        situation: Situation,
        alternative: usize,
        cx: &RequestContext,
    ) -> Result<Acted, EngineError> {
        let plan = self.plan(&situation, cx).await;
        let nothing = Acted::Nothing { stale: false };
        let Next::Ask { step, .. } = plan.next else { return Ok(nothing) };
        let Some(way) = situation.alternative(step, alternative) else { return Ok(nothing) };
        if !self.besides(&situation, &plan).contains(&alternative) {
            return Ok(nothing);
        }
        let best = self.protected(&situation.person, &situation.configuration).await;
        let wait = errand::cool_off(&situation.configuration);
        let tail = errand::besides(way.clone(), best, wait, &situation.configuration, &self.parts.registry);
        let mut interaction = situation.interaction;
        let open = Acted::open(&interaction);
        interaction.tail = tail;
        interaction.notice = None;
        let work = move |tx: &mut S::Tx| advance(tx, interaction.clone());
        stale_is_none(self.store.write(work).await)?;
        Ok(open)
    }

    async fn give_up(&self, mut situation: Situation, cx: &RequestContext) -> Result<Acted, EngineError> {
        let now = situation.now;
        situation.without_wish();
        let own = situation.chain.document.steps.len();
        // Whoever wishes for something else is not to meet what was asked for this.
        let begun = situation.challenges.iter().filter(|c| c.step >= own && c.consumed_at.is_none());
        let begun: Vec<ChallengeId> = begun.map(|challenge| challenge.id).collect();
        let ending = match self.plan(&situation, cx).await.next {
            Next::Done(completed) => Some(self.ending(&situation, completed, None, cx)),
            _ => None,
        };
        let interaction = situation.interaction;
        let open = Acted::open(&interaction);
        let work = move |tx: &mut S::Tx| {
            let mut interaction = interaction.clone();
            begun.iter().try_for_each(|id| tx.consume_challenge(*id, now).map(drop))?;
            let kept = match &ending {
                Some(ending) => ending.end(tx, &mut interaction)?,
                None => None,
            };
            advance(tx, interaction.clone())?;
            Ok(ending.as_ref().map(|_| Acted::ended(interaction, kept)))
        };
        Ok(stale_is_none(self.store.write(work).await)?.flatten().unwrap_or(open))
    }
}
