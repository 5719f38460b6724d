//! Which ways can still reach the authentication context class that a client insists on (RFC 9470, section 5; OpenID Connect
//! Core, section 5.5.1.1): the others are not offered, and a session that proved too little for it does not spare a step
//! where more can be proved.
//!
//! Worked out from what authenticators describe and never from what later steps could do for this user, who was not asked
//! there yet. So it is said too often that a class can be reached and never too seldom: whoever comes to the end without it
//! is refused there, as ever.

use std::collections::BTreeSet;

use super::{Inputs, late_enough, named, passes};
use crate::{
    chain::{ACR_VALUES, Acr, Alternative, Demand, Step},
    condition::Test,
    evidence::{Evidence, FactorClass, Property},
};

/// What was proved together.
type Proved = (BTreeSet<FactorClass>, BTreeSet<Property>);

/// What is to be reached, from a step on.
pub(super) struct Goal<'a> {
    inputs: &'a Inputs<'a>,
    position: usize,
    counted: &'a [&'a Evidence],
    /// Of each list one class; nothing, when the client insists on nothing.
    wanted: Vec<Vec<&'static Acr>>,
}

impl<'a> Goal<'a> {
    pub(super) fn of(inputs: &'a Inputs<'a>, position: usize, counted: &'a [&'a Evidence]) -> Self {
        let known = |values: &[String]| -> Vec<_> {
            ACR_VALUES.iter().filter(|acr| values.iter().any(|value| value == acr.value)).collect()
        };
        let asked = Some(known(inputs.context.acr_values)).filter(|asked| !asked.is_empty());
        let essential = inputs.acr_claim.filter(|claim| claim.essential && !claim.values.is_empty());
        let wanted = asked.into_iter().chain(essential.map(|claim| known(&claim.values))).collect();
        Self { inputs, position, counted, wanted }
    }

    /// Of the alternatives of the step those that lead there; `None`, when none does.
    pub(super) fn offered(&self, step: &Step, ready: &[usize]) -> Option<Vec<usize>> {
        let leads = |index: &usize| step.alternatives.get(*index).is_some_and(|way| self.led_to_by(way));
        let leading: Vec<usize> = ready.iter().copied().filter(leads).collect();
        (self.wanted.is_empty() || !leading.is_empty()).then_some(leading)
    }

    /// Whether what an earlier login proved, which would pass the step, is too little, and one of its alternatives is not.
    pub(super) fn missed_by(&self, step: &Step, evidence: &Evidence) -> bool {
        let earlier = evidence.interaction != self.inputs.interaction;
        let enough = || self.reached_with(&evidence.factors, &evidence.properties);
        !self.wanted.is_empty() && earlier && !enough() && step.alternatives.iter().any(|way| self.led_to_by(way))
    }

    fn led_to_by(&self, way: &Alternative) -> bool {
        let known = self.inputs.registry.get(&way.authenticator).map(|known| known.descriptor());
        known.is_some_and(|known| self.wanted.is_empty() || self.reached_with(&known.factors, &known.properties))
    }

    /// Whether it can be reached by what counts so far, by these, and by what later steps may add.
    fn reached_with(&self, factors: &BTreeSet<FactorClass>, properties: &BTreeSet<Property>) -> bool {
        let start = self.counted.iter().fold((factors.clone(), properties.clone()), |proved, earlier| {
            with(&proved, &earlier.factors, &earlier.properties)
        });
        let mut ends = BTreeSet::from([start]);
        let later = self.inputs.chain.document.steps.iter().enumerate().skip(self.position.saturating_add(1));
        for (_, step) in later.filter(|(position, step)| self.may_be_due(*position, step)) {
            let added: Vec<Proved> = ends.iter().flat_map(|proved| self.added(proved, step)).collect();
            ends.extend(added);
        }
        ends.iter().any(|proved| self.wanted.iter().all(|classes| classes.iter().any(|acr| meets(acr, proved))))
    }

    fn may_be_due(&self, position: usize, step: &Step) -> bool {
        let asked = |value: &String| named(self.inputs).any(|name| name == value);
        // Of nobody known nothing is settled, and what somebody has is asked when its step comes.
        let settled = |test: &Test| self.inputs.user.is_some() && !matches!(test, Test::Enrolled(_));
        let facts = self.inputs.facts(position);
        let excused = step.when.iter().any(|when| settled(&when.test) && when.holds(&facts) == Ok(false));
        !excused && (step.on_request.is_empty() || step.on_request.iter().any(asked))
    }

    /// What a later step may make of what was proved before it: by one of its alternatives, or by an earlier login.
    fn added(&self, proved: &Proved, step: &Step) -> Vec<Proved> {
        let inputs = self.inputs;
        let known = step.alternatives.iter().filter_map(|way| inputs.registry.get(&way.authenticator));
        let by_way = known.map(|known| with(proved, &known.descriptor().factors, &known.descriptor().properties));
        let counts = |evidence: &&Evidence| {
            Some(evidence.user) == inputs.user
                && late_enough(evidence, inputs)
                && step.alternatives.iter().any(|way| passes(way, evidence, inputs))
        };
        let held = inputs.evidence.iter().filter(counts);
        by_way.chain(held.map(|evidence| with(proved, &evidence.factors, &evidence.properties))).collect()
    }
}

fn with((proved, good_for): &Proved, factors: &BTreeSet<FactorClass>, properties: &BTreeSet<Property>) -> Proved {
    (proved | factors, good_for | properties)
}

fn meets(acr: &Acr, (factors, properties): &Proved) -> bool {
    acr.demands.iter().all(|demand: &Demand| demand.met_by(factors, properties))
}
