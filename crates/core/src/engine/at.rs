//! Where a person is at a step that leaves a choice: what they chose, else what is opened by itself.
//!
//! Of the ways that a step offers, the one that its person likes best is opened, and the choice is one button away. Nothing but the
//! order is theirs: what a chain allows, the plan says. Of whom nothing is proved, no likings are looked at, since they would
//! tell of the account; there the page that asks for a name comes first where a passkey can be offered on it besides.

use super::{Engine, authenticator, situation::Situation};
use crate::{authenticator::Opening, interaction::Chosen, store::Store, user::User};

impl<S: Store + ?Sized> Engine<S> {
    /// The alternative that the person is at, of those that are `open`; `None` as long as they have to choose.
    pub(super) fn at(&self, situation: &Situation, step: usize, open: &[usize], enrolling: bool) -> Option<usize> {
        let chosen = |chosen: &Chosen| chosen.step == step && open.contains(&chosen.alternative);
        let chosen = situation.interaction.chosen.filter(chosen).map(|chosen| chosen.alternative);
        let by_itself = || self.first(situation, step, open, enrolling);
        // What has an effect when it is asked is opened by whoever acts, and not by who looks.
        let free = |way: &usize| open.len() == 1 || self.opening(situation, step, *way) == Some(Opening::Free);
        chosen.or_else(|| by_itself().filter(free))
    }

    /// The alternative that needs no choice: the only one, or the one that goes before the others.
    pub(super) fn first(&self, situation: &Situation, step: usize, open: &[usize], enrolling: bool) -> Option<usize> {
        match open {
            [only] => Some(*only),
            _ if enrolling || situation.interaction.choosing => None,
            _ => match liked_by(situation) {
                Some(user) => {
                    let liked = |way: &usize| rank(user, situation, step, *way).is_some();
                    self.in_order(situation, step, open).into_iter().next().filter(liked)
                }
                None => self.with_a_passkey_besides(situation, step, open),
            },
        }
    }

    /// The same alternatives, in the order that the person prefers.
    pub(super) fn in_order(&self, situation: &Situation, step: usize, open: &[usize]) -> Vec<usize> {
        let mut ways = open.to_vec();
        if let Some(user) = liked_by(situation) {
            ways.sort_by_key(|way| rank(user, situation, step, *way).unwrap_or(usize::MAX));
        }
        ways
    }

    /// The way that asks for a name, where another says by itself whose its answer is: both fit on one page.
    fn with_a_passkey_besides(&self, situation: &Situation, step: usize, open: &[usize]) -> Option<usize> {
        let known = |way: usize| authenticator(&self.parts.registry, &situation.chain, step, way);
        let speaks = |way: &usize| known(*way).is_some_and(|authenticator| authenticator.speaks());
        let asks_a_name = |way: &usize| !speaks(way) && self.opening(situation, step, *way) == Some(Opening::Free);
        let some_speaks = !situation.proven() && open.iter().any(speaks);
        open.iter().copied().find(asks_a_name).filter(|_| some_speaks)
    }

    fn opening(&self, situation: &Situation, step: usize, way: usize) -> Option<Opening> {
        authenticator(&self.parts.registry, &situation.chain, step, way).map(|known| known.descriptor().opening)
    }
}

/// Whose likings count: of somebody who has proved to be them.
fn liked_by(situation: &Situation) -> Option<&User> {
    situation.person.user.as_ref().filter(|_| situation.proven())
}

/// The place of an alternative among those that its person likes best, if it is one of them.
fn rank(user: &User, situation: &Situation, step: usize, way: usize) -> Option<usize> {
    let name = &situation.alternative(step, way)?.authenticator;
    user.preferred.iter().position(|liked| liked == name)
}
