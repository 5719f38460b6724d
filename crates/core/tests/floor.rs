//! The policy's floor, held against every way through a chain: each is gone by the plan itself, and the weakest decides.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod described;

use std::time::Duration;

use uuid::Uuid;
use vestibule_core::{
    authenticator::Registry,
    chain::{ACR_VALUES, Alternative, ChainDocument, ChainRevision, Demand, Step, below_floor, check},
    condition::{Condition, Context, Test},
    evidence::{Evidence, Via},
    id::{ClientId, InteractionId, UserId},
    plan::{Availability, Binding, Inputs, Next, plan},
    time::Time,
};

use described::KINDS;

const NOW: Time = Time::from_unix_seconds(1_772_442_000);
const ALICE: UserId = UserId(Uuid::from_u128(1));
const RUN: InteractionId = InteractionId(Uuid::from_u128(100));

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }

    /// Conditions are scopes: whether each holds is free.
    fn step(&mut self, position: usize, exact: bool) -> Step {
        let ways = (0..=self.roll(3)).map(|_| Alternative::plain(KINDS[self.roll(KINDS.len())].0));
        let mut step: Step = ways.collect::<Vec<_>>().into();
        if self.roll(3) == 0 {
            step.when.push(Condition { test: Test::Scope(format!("s{position}")), not: self.roll(2) == 0 });
        }
        if !exact {
            step.distinct = self.roll(3) > 0;
            step.on_request = (0..self.roll(2)).map(|_| ACR_VALUES[self.roll(3)].value.to_owned()).collect();
        }
        step
    }

    fn demand(&mut self) -> Demand {
        [Demand::Factors(1), Demand::Factors(2), Demand::Factors(3), Demand::PhishingResistant, Demand::UserVerified]
            [self.roll(5)]
    }
}

/// One request: the chain, and what is asked for.
struct Walk<'a> {
    chain: &'a ChainRevision,
    registry: &'a Registry,
    scopes: Vec<String>,
    acr_values: Vec<String>,
}

impl Walk<'_> {
    /// What was proved at the end of each way.
    fn ends(&self, evidence: &mut Vec<Evidence>, found: &mut Vec<Vec<Evidence>>) {
        let client = ClientId::from("portal");
        let context = Context {
            client: &client,
            scopes: &self.scopes,
            acr_values: &self.acr_values,
            ip: None,
            username: Some("alice"),
            groups: Some(&[]),
            roles: Some(&[]),
            known_device: false,
        };
        let next = plan(&Inputs {
            chain: self.chain,
            registry: self.registry,
            user: Some(ALICE),
            evidence,
            availability: &Availability::all_ready(self.chain),
            context: &context,
            acr_claim: None,
            not_before: None,
            interaction: RUN,
            binding: Binding::default(),
            now: NOW,
        })
        .next;
        match next {
            Next::Done(_) => found.push(evidence.clone()),
            Next::Ask { step, alternatives } => {
                for alternative in alternatives {
                    evidence.push(self.given(step, alternative, evidence.len()));
                    self.ends(evidence, found);
                    evidence.pop();
                }
            }
            _ => {}
        }
    }

    fn given(&self, step: usize, alternative: usize, at: usize) -> Evidence {
        let name = &self.chain.document.steps[step].alternatives[alternative].authenticator;
        let known = self.registry.get(name).unwrap();
        // Who may have several takes another one each time.
        let credential = if known.one_each() { name.to_string() } else { format!("{name}{step}") };
        Evidence {
            user: ALICE,
            authenticator: name.clone(),
            credential,
            factors: known.descriptor().factors.clone(),
            properties: known.descriptor().properties.clone(),
            amr: [].into(),
            at: NOW - Duration::from_secs(60 - at as u64),
            via: Via::Direct,
            interaction: RUN,
            step,
            changed_at: None,
            unfit: Vec::new(),
        }
    }
}

/// What was proved at the end of every way, whatever is asked for and whichever conditions hold.
fn every_end(chain: &ChainRevision, registry: &Registry) -> Vec<Vec<Evidence>> {
    let steps = chain.document.steps.len();
    let asked = ACR_VALUES.iter().map(|acr| vec![acr.value.to_owned()]).chain([Vec::new()]);
    let waits = chain.document.steps.iter().any(|step| !step.on_request.is_empty());
    let mut found = Vec::new();
    for acr_values in asked.filter(|asked| waits || asked.is_empty()) {
        for mask in 0..1_usize << steps {
            let scopes = (0..steps).filter(|at| mask >> at & 1 == 1).map(|at| format!("s{at}")).collect();
            Walk { chain, registry, scopes, acr_values: acr_values.clone() }.ends(&mut Vec::new(), &mut found);
        }
    }
    found
}

#[test]
fn a_chain_is_below_the_floor_when_one_way_through_it_is() {
    let registry = described::registry();
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let (mut below, mut above) = (0, 0);
    for round in 0..4_000 {
        let exact = round % 2 == 0;
        let steps = (0..=dice.roll(3)).map(|position| dice.step(position, exact)).collect();
        let demands = (0..dice.roll(4) / 2).map(|_| dice.demand()).collect();
        let document = ChainDocument { steps, demands };
        let chain = ChainRevision { chain: "test".into(), revision: 1, document };
        let floor = dice.demand();
        let problems = check(&chain.document, &registry, &[], Some(&[floor]));
        let found = |kind: &str| problems.iter().any(|problem| problem.text.key.ends_with(kind));
        if found("used_up") {
            continue;
        }
        let weak = every_end(&chain, &registry).iter().any(|end| !floor.met(end.iter()));
        let said = found("below_floor") || found("demand_not_reachable");
        assert_eq!(found("below_floor"), !below_floor(&chain.document, &registry, &[floor]).is_empty());
        assert!(said || !weak, "round {round}: {floor} and {:?}", chain.document);
        // A request that asks for a class has to reach it, and what counts twice adds nothing: there more is refused than has to be.
        assert!(!exact || weak == found("below_floor"), "round {round}: {floor} and {:?}", chain.document);
        below += u32::from(weak);
        above += u32::from(!said);
    }
    assert!(below > 800 && above > 300, "{below} {above}");
}
