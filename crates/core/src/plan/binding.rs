//! When a factor may come to be: the rule by which somebody who stole a password does not get in by a factor of their own.

use std::time::Duration;

use super::{Denial, Inputs, Next, of_device};
use crate::{
    authenticator::Readiness,
    chain::{Alternative, Step},
    evidence::{Evidence, FactorClass},
};

/// How old the login may be in which a factor is bound to the account.
pub(super) const FRESH: Duration = Duration::from_secs(600);

/// How a factor may come to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    /// Whether the account has a factor that is more than knowledge: then a password alone binds no other (NIST SP 800-63B-4,
    /// section 4.1.2).
    pub protected: bool,
    /// The position of the step that is passed by enrolling one more, and not by using one.
    pub adds: Option<usize>,
}

/// Whether a factor may be bound to the account, after what was proved: somebody of whom nothing is proved binds none, and a
/// password alone none beside one that is more.
pub(super) fn allowed(inputs: &Inputs<'_>, counted: &[&Evidence]) -> bool {
    let more = |evidence: &Evidence| evidence.factors.iter().any(|class| *class != FactorClass::Knowledge);
    let mut in_person = counted.iter().filter(|evidence| !of_device(evidence)).peekable();
    let proved = in_person.peek().is_some();
    inputs.user.is_some() && proved && (!inputs.binding.protected || in_person.any(|evidence| more(evidence)))
}

/// Whether there is a way to enrol it.
pub(super) fn possible(alternative: &Alternative, inputs: &Inputs<'_>) -> bool {
    inputs.registry.get(&alternative.authenticator).is_some_and(|authenticator| authenticator.enrolment().is_some())
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
    let ways = step.alternatives.iter().enumerate().filter(|(index, way)| possible(way, inputs) && works(*index));
    let alternatives: Vec<usize> = ways.map(|(index, _)| index).collect();
    if alternatives.is_empty() {
        return Err(refused("it cannot be enrolled"));
    }
    Ok(Next::Enrol { step: position, alternatives })
}
