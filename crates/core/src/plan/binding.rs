//! When a factor may come to be: the rule by which somebody who stole a password does not get in by a factor of their own.

use std::time::Duration;

use super::{Denial, Inputs, Next, of_device};
use crate::{
    authenticator::Readiness,
    chain::{Alternative, EnrolPolicy, Step},
    evidence::{Evidence, Strength},
};

/// How old the login may be in which a factor is bound to the account.
pub(super) const FRESH: Duration = Duration::from_secs(600);

/// How a factor may come to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// The best that the account has: with less none is bound beside it (NIST SP 800-63B-4, section 4.1.2).
    pub protected: Strength,
    /// The position of the step that is passed by enrolling one more, and not by using one.
    pub adds: Option<usize>,
    /// The position of the step that is passed by putting another credential in the place of one that must change.
    pub renews: Option<usize>,
}

/// Whether a factor may be bound to the account, after what was proved: somebody of whom nothing is proved binds none, a password
/// alone none beside one that is more, and a code that a gateway carried none beside one that nobody carries.
pub(super) fn allowed(inputs: &Inputs<'_>, counted: &[&Evidence]) -> bool {
    let in_person = counted.iter().filter(|evidence| !of_device(evidence));
    let best = in_person.map(|evidence| evidence.strength()).max();
    inputs.user.is_some() && best.is_some_and(|best| best >= inputs.binding.protected)
}

/// Whether there is a way to enrol it.
pub(super) fn possible(alternative: &Alternative, inputs: &Inputs<'_>) -> bool {
    inputs.registry.get(&alternative.authenticator).is_some_and(|authenticator| authenticator.enrolment().is_some())
}

/// What somebody may set up besides, who can pass the step: the ways that they have not, where the step says `allow`. They pass it by
/// what they have all the same.
pub(super) fn besides(position: usize, inputs: &Inputs<'_>) -> Vec<usize> {
    let allowed = |step: &&Step| step.enrol == EnrolPolicy::Allow && inputs.user.is_some();
    let step = inputs.chain.document.steps.get(position).filter(allowed);
    let ways = step.into_iter().flat_map(|step| step.alternatives.iter().enumerate());
    let none = |index: usize| inputs.availability.of(position, index) == Readiness::CanEnrol;
    ways.filter(|(index, way)| none(*index) && possible(way, inputs)).map(|(index, _)| index).collect()
}

/// What was given in this run for the step that adds a factor.
pub(super) fn given<'a>(position: usize, inputs: &Inputs<'a>) -> Option<&'a Evidence> {
    let here = |e: &&Evidence| e.interaction == inputs.interaction && e.step == position && !of_device(e);
    inputs.evidence.iter().filter(here).find(|evidence| Some(evidence.user) == inputs.user)
}

/// How the step is passed that adds a factor: whatever the user has, by enrolling one more.
pub(super) fn open(position: usize, step: &Step, inputs: &Inputs<'_>, counted: &[&Evidence]) -> Result<Next, Denial> {
    let refused = |why: &str| Denial::NoAlternative { step: position + 1, why: why.to_owned() };
    if !allowed(inputs, counted) {
        return Err(refused("a factor that the account has must be proved before another is bound"));
    }
    let works = |index: usize| !matches!(inputs.availability.of(position, index), Readiness::Broken { .. });
    let can = |way: &Alternative| match inputs.binding.renews == Some(position) {
        true => inputs.registry.get(&way.authenticator).is_some_and(|known| known.replacement().is_some()),
        false => possible(way, inputs),
    };
    let ways = step.alternatives.iter().enumerate().filter(|(index, way)| can(way) && works(*index));
    let alternatives: Vec<usize> = ways.map(|(index, _)| index).collect();
    if alternatives.is_empty() {
        return Err(refused("it cannot be enrolled"));
    }
    Ok(Next::Enrol { step: position, alternatives })
}
