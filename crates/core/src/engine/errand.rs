//! What a person comes for besides signing in: to prove once more that it is them, to enrol one more factor, or to see whether
//! one works. It is done as further steps behind those of the chain, so that everything that holds for a step holds for it: budgets, browser binding,
//! one transaction, both faces.
//!
//! The steps are frozen when the run begins, as the chain's revision is: a chain that is published meanwhile must not make an
//! open challenge the answer to another question.

use super::Configuration;
use crate::{
    authenticator::Registry,
    chain::{Alternative, ChainRevision, EnrolPolicy, Seconds, Step},
    condition::{Condition, Test},
    evidence::Strength,
    id::AuthenticatorName,
    interaction::Errand,
    plan::Denial,
};

/// How old the proof may be that is asked for once more.
const FRESH: Seconds = Seconds(300);

/// The steps that an errand of somebody adds to `chain` who has no better than `best`.
pub(super) fn steps(
    errand: &Errand,
    best: Strength,
    chain: &ChainRevision,
    configuration: &Configuration,
    registry: &Registry,
) -> Result<Vec<Step>, Denial> {
    // No browser comes for that.
    if let Errand::Transaction { .. } = errand {
        return Err(Denial::MayNotAct);
    }
    if let Errand::Test { authenticator } = errand {
        let none = || unknown(chain.document.steps.len() + 1, authenticator);
        return Ok(vec![test(way(authenticator, configuration, registry).ok_or_else(none)?)]);
    }
    let enrols = matches!(errand, Errand::Enrol { .. });
    let wait = cool_off(configuration).filter(|_| enrols);
    let mut steps = confirming(best, wait, configuration, registry);
    if let Errand::Enrol { authenticator } = errand {
        let number = chain.document.steps.len() + steps.len() + 1;
        let none = || unknown(number, authenticator);
        let way = way(authenticator, configuration, registry).ok_or_else(none)?;
        steps.push(adding(way));
    }
    Ok(steps)
}

/// The steps by which somebody sets up `way` besides, who has no better than `best`; `wait` is for how long what was changed does
/// not do for that.
pub(super) fn besides(
    way: Alternative,
    best: Strength,
    wait: Option<Seconds>,
    configuration: &Configuration,
    registry: &Registry,
) -> Vec<Step> {
    let mut steps = confirming(best, wait, configuration, registry);
    steps.push(adding(way));
    steps
}

/// The longest wait of any step of the server: until it is over, what was changed sets up nothing that would pass that step.
pub(super) fn cool_off(configuration: &Configuration) -> Option<Seconds> {
    let steps = configuration.chains.iter().flat_map(|chain| &chain.document.steps);
    steps.filter_map(|step| step.cool_off).max_by_key(|wait| wait.0)
}

/// The step by which somebody proves the best that they have, where there is a way.
fn confirming(best: Strength, wait: Option<Seconds>, configuration: &Configuration, registry: &Registry) -> Vec<Step> {
    let ways = beyond_knowledge(configuration, registry);
    let good: Vec<Alternative> = ways.into_iter().filter(|way| registry.proves(&way.authenticator) >= best).collect();
    if good.is_empty() { Vec::new() } else { vec![Step { cool_off: wait, ..confirm(good) }] }
}

/// The step that is passed by setting one up.
fn adding(way: Alternative) -> Step {
    Step { enrol: EnrolPolicy::Require, ..Step::from(vec![way]) }
}

fn unknown(step: usize, authenticator: &AuthenticatorName) -> Denial {
    Denial::UnknownAuthenticator { step, authenticator: authenticator.to_string() }
}

/// Every way to prove more than knowledge that this server has for anybody, each once: those of its chains, with their
/// connections, and those that need none.
pub(super) fn beyond_knowledge(configuration: &Configuration, registry: &Registry) -> Vec<Alternative> {
    let written = configuration.chains.iter().flat_map(|chain| &chain.document.steps).flat_map(|s| &s.alternatives);
    let mut ways: Vec<Alternative> = Vec::new();
    let written = written.filter(|way| registry.beyond_knowledge(&way.authenticator));
    for way in written.cloned().chain(plain(registry)) {
        let same =
            |known: &Alternative| (&known.authenticator, &known.connection) == (&way.authenticator, &way.connection);
        if !ways.iter().any(same) {
            ways.push(Alternative { max_age: Some(FRESH), ..way });
        }
    }
    ways
}

/// Those of them that need no connection, without settings.
pub(super) fn plain(registry: &Registry) -> Vec<Alternative> {
    let simple = registry.iter().map(|authenticator| authenticator.descriptor());
    let simple = simple.filter(|known| known.connection.is_none() && registry.beyond_knowledge(&known.name));
    simple.map(|known| Alternative::plain(known.name.as_str())).collect()
}

/// The step by which somebody proves once more that it is them: due for whoever has any of its ways, and passed by what was
/// proved on the way here.
fn confirm(alternatives: Vec<Alternative>) -> Step {
    let when = vec![Condition { test: Test::Enrolled(true), not: false }];
    Step { when, distinct: false, ..Step::from(alternatives) }
}

/// The step by which somebody sees whether a factor works: nothing that was proved before passes it.
fn test(way: Alternative) -> Step {
    Step { distinct: false, ..Step::from(vec![Alternative { max_age: Some(Seconds(0)), ..way }]) }
}

/// How one of this authenticator is enrolled, or used: as a chain would use it, or else by the first connection of its kind.
fn way(name: &AuthenticatorName, configuration: &Configuration, registry: &Registry) -> Option<Alternative> {
    let written = configuration.chains.iter().flat_map(|chain| &chain.document.steps).flat_map(|s| &s.alternatives);
    if let Some(way) = written.into_iter().find(|way| way.authenticator == *name) {
        return Some(way.clone());
    }
    let plain = Alternative::plain(name.as_str());
    match registry.get(name)?.descriptor().connection {
        None => Some(plain),
        Some(kind) => {
            let fits = configuration.connections.iter().find(|known| known.kind == kind && !known.disabled);
            fits.map(|connection| Alternative { connection: Some(connection.name.clone()), ..plain })
        }
    }
}
