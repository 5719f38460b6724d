//! When a factor may come to be: the rule by which somebody who stole a password does not get in by a factor of their own.

use std::time::Duration;

use super::{Denial, Inputs, Next, of_device};
use crate::{
    authenticator::Readiness,
    chain::{Alternative, EnrolPolicy, Seconds, Step, not_before},
    evidence::{Evidence, Strength},
    time::Time,
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
    /// For how long what came in the place of something else binds no other: as long as any step of the server does not take it.
    /// To set up another way where nothing waits would be the way round those that do.
    pub cool_off: Option<Seconds>,
}

/// Whether a factor may be bound to the account, after what was proved: somebody of whom nothing is proved binds none, a password
/// alone none beside one that is more, and a code that a gateway carried none beside one that nobody carries.
pub(super) fn allowed(inputs: &Inputs<'_>, counted: &[&Evidence]) -> bool {
    enough(inputs, counted).any(|evidence| new(inputs, evidence).is_none())
}

/// From when on one may be bound by what was proved, where that is too new now.
pub(super) fn allowed_from(inputs: &Inputs<'_>, counted: &[&Evidence]) -> Option<Time> {
    enough(inputs, counted).filter_map(|evidence| new(inputs, evidence)).min()
}

/// What was proved in person that is good enough for it.
fn enough<'a>(inputs: &Inputs<'_>, counted: &[&'a Evidence]) -> impl Iterator<Item = &'a Evidence> {
    let (known, protected) = (inputs.user.is_some(), inputs.binding.protected);
    counted.iter().copied().filter(move |given| known && !of_device(given) && given.strength() >= protected)
}

/// Until when it is too new.
fn new(inputs: &Inputs<'_>, evidence: &Evidence) -> Option<Time> {
    not_before(inputs.binding.cool_off, evidence.changed_at, inputs.now)
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
    let ways = inputs.chain.document.steps.get(position).map_or(&[][..], |step| &step.alternatives);
    // What a step proved that stood there before, behind a wish that was taken back, is not what this one asks for.
    let of_it = |e: &&Evidence| ways.iter().any(|way| way.authenticator == e.authenticator);
    let here = |e: &&Evidence| e.interaction == inputs.interaction && e.step == position && !of_device(e) && of_it(e);
    inputs.evidence.iter().filter(here).find(|evidence| Some(evidence.user) == inputs.user)
}

/// How the step is passed that adds a factor: whatever the user has, by enrolling one more.
pub(super) fn open(position: usize, step: &Step, inputs: &Inputs<'_>, counted: &[&Evidence]) -> Result<Next, Denial> {
    let refused = |why: &str| Denial::NoAlternative { step: position + 1, why: why.to_owned() };
    let renews = inputs.binding.renews == Some(position);
    // A password that others know is no factor more: who must replace it does not wait for that.
    let may = if renews { enough(inputs, counted).next().is_some() } else { allowed(inputs, counted) };
    if !may {
        return Err(match allowed_from(inputs, counted) {
            Some(from) => Denial::NotYet { step: position + 1, from },
            None => refused("a factor that the account has must be proved before another is bound"),
        });
    }
    let works = |index: usize| !matches!(inputs.availability.of(position, index), Readiness::Broken { .. });
    let can = |way: &Alternative| match renews {
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
