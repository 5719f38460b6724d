//! Which alternatives are offered when a client insists on an authentication context class.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod described;

use std::time::Duration;

use uuid::Uuid;
use vestibule_core::{
    authenticator::{Readiness, Registry},
    chain::{ACR_VALUES, Alternative, ChainDocument, ChainRevision, Step},
    condition::{Condition, Context, Test},
    evidence::{Evidence, Via},
    id::{ClientId, InteractionId, UserId},
    interaction::AcrClaim,
    plan::{Availability, Binding, Denial, Inputs, Next, plan},
    time::Time,
};

use described::KINDS;

const NOW: Time = Time::from_unix_seconds(1_772_442_000);
const ALICE: UserId = UserId(Uuid::from_u128(1));
const RUN: InteractionId = InteractionId(Uuid::from_u128(100));
const TWO: &str = "urn:vestibule:acr:2fa";
const PHR: &str = "urn:vestibule:acr:phr";

/// A request by somebody known, of whom nothing is proved yet.
struct Case {
    chain: ChainRevision,
    evidence: Vec<Evidence>,
    availability: Availability,
    acr_values: Vec<String>,
    acr_claim: Option<AcrClaim>,
    known: bool,
}

impl Case {
    fn new(steps: Vec<Step>, asked: &[&str]) -> Self {
        let document = ChainDocument { steps, demands: Vec::new() };
        let chain = ChainRevision { chain: "test".into(), revision: 1, document };
        Self {
            availability: Availability::all_ready(&chain),
            chain,
            evidence: Vec::new(),
            acr_values: asked.iter().map(|asked| (*asked).to_owned()).collect(),
            acr_claim: None,
            known: true,
        }
    }

    fn next(&self, registry: &Registry) -> Next {
        let client = ClientId::from("portal");
        let known = self.known.then_some(&[][..]);
        let context = Context {
            client: &client,
            scopes: &[],
            acr_values: &self.acr_values,
            ip: None,
            username: None,
            groups: known,
            roles: known,
            known_device: false,
        };
        plan(&Inputs {
            chain: &self.chain,
            registry,
            user: self.known.then_some(ALICE),
            evidence: &self.evidence,
            availability: &self.availability,
            context: &context,
            acr_claim: self.acr_claim.as_ref(),
            not_before: None,
            binding: Binding::default(),
            interaction: RUN,
            now: NOW,
        })
        .next
    }

    /// The step that is asked, and the authenticators that are offered.
    fn offers(&self) -> (usize, Vec<&str>) {
        match self.next(&described::registry()) {
            Next::Ask { step, alternatives } => {
                let ways = &self.chain.document.steps[step].alternatives;
                (step, alternatives.iter().map(|at| ways[*at].authenticator.as_str()).collect())
            }
            other => panic!("nothing is asked: {other:?}"),
        }
    }

    fn given(mut self, kind: &str, interaction: InteractionId, step: usize) -> Self {
        let evidence = evidence(kind, interaction, step);
        self.evidence.push(evidence);
        self
    }
}

fn evidence(kind: &str, interaction: InteractionId, step: usize) -> Evidence {
    let (name, factors, properties, ..) = KINDS.iter().find(|(name, ..)| *name == kind).unwrap();
    Evidence {
        user: ALICE,
        authenticator: (*name).into(),
        credential: format!("{name}{step}"),
        factors: factors.iter().copied().collect(),
        properties: properties.iter().copied().collect(),
        amr: [(*name).to_owned()].into(),
        at: NOW - Duration::from_secs(5),
        via: Via::Direct,
        interaction,
        step,
        changed_at: None,
        unfit: Vec::new(),
    }
}

fn step(kinds: &[&str]) -> Step {
    kinds.iter().map(|kind| Alternative::plain(kind)).collect::<Vec<_>>().into()
}

fn earlier() -> InteractionId {
    InteractionId(Uuid::from_u128(9))
}

#[test]
fn a_051_what_cannot_reach_the_asked_class_any_more_is_not_offered() {
    let either = || vec![step(&["password", "passkey"])];
    assert_eq!(Case::new(either(), &[]).offers(), (0, vec!["password", "passkey"]));
    assert_eq!(Case::new(either(), &[PHR]).offers(), (0, vec!["passkey"]));
    assert_eq!(Case::new(either(), &[PHR, "urn:vestibule:acr:1fa"]).offers(), (0, vec!["password", "passkey"]));
    let twice = || vec![step(&["password", "passkey"]), step(&["totp", "passkey"])];
    assert_eq!(Case::new(twice(), &[PHR]).offers(), (0, vec!["password", "passkey"]), "the second step can do it");
    assert_eq!(Case::new(twice(), &[PHR]).given("password", RUN, 0).offers(), (1, vec!["passkey"]));
    assert_eq!(Case::new(twice(), &[PHR]).given("passkey", RUN, 0).offers(), (1, vec!["totp", "passkey"]));
    assert_eq!(Case::new(twice(), &[TWO]).given("password", RUN, 0).offers(), (1, vec!["totp", "passkey"]));
    let own = vec![step(&["password", "passkey"]), Step { on_request: vec![PHR.to_owned()], ..step(&["passkey"]) }];
    assert_eq!(Case::new(own, &[PHR]).offers(), (0, vec!["password", "passkey"]), "the class brings its own step");
}

#[test]
fn a_051_where_nothing_reaches_it_everything_is_offered_and_the_end_refuses() {
    let case = Case::new(vec![step(&["password", "totp"])], &[TWO]);
    assert_eq!(case.offers(), (0, vec!["password", "totp"]));
    assert!(matches!(case.given("password", RUN, 0).next(&described::registry()), Next::Deny(Denial::AcrNotReached)));
    let mut without = Case::new(vec![step(&["password", "passkey"])], &[PHR]);
    without.availability.0[0][1] = Readiness::Unavailable { why: "none".to_owned() };
    assert_eq!(without.offers(), (0, vec!["password"]));
}

#[test]
fn a_051_a_wish_hides_nothing_and_an_essential_claim_does() {
    let claim = |values: &[&str], essential| {
        let mut case = Case::new(vec![step(&["password", "passkey"])], &[]);
        case.acr_claim = Some(AcrClaim { values: values.iter().map(|v| (*v).to_owned()).collect(), essential });
        case.offers().1.len()
    };
    assert_eq!(claim(&[PHR], false), 2);
    assert_eq!(claim(&[PHR], true), 1);
    assert_eq!(claim(&[PHR, "urn:vestibule:acr:1fa"], true), 2);
    assert_eq!(claim(&["gold"], true), 2, "nobody reaches it");
    assert_eq!(Case::new(vec![step(&["password", "passkey"])], &["gold"]).offers().1.len(), 2, "it means nothing here");
}

#[test]
fn a_051_a_step_that_will_not_be_due_helps_nobody_and_one_that_may_be_does() {
    let staff = || Step { when: vec![Condition { test: Test::Group("staff".into()), not: false }], ..step(&["totp"]) };
    let mut case = Case::new(vec![step(&["password", "passkey"]), staff()], &[TWO]);
    assert_eq!(case.offers(), (0, vec!["passkey"]), "they are not of the staff");
    case.known = false;
    assert_eq!(case.offers(), (0, vec!["password", "passkey"]), "nobody knows yet");
}

#[test]
fn a_051_a_session_that_proved_too_little_spares_no_step_where_more_can_be_proved() {
    let either = || vec![step(&["password", "passkey"])];
    let registry = described::registry();
    let done = |case: &Case| matches!(case.next(&registry), Next::Done(_));
    assert!(done(&Case::new(either(), &[]).given("password", earlier(), 0)));
    assert!(done(&Case::new(either(), &[PHR]).given("passkey", earlier(), 0)));
    let weak = || Case::new(either(), &[PHR]).given("password", earlier(), 0);
    assert_eq!(weak().offers(), (0, vec!["passkey"]));
    assert!(done(&weak().given("passkey", RUN, 0)));
    let mut without = weak();
    without.availability.0[0][1] = Readiness::Unavailable { why: "none".to_owned() };
    assert!(matches!(without.next(&registry), Next::Deny(Denial::AcrNotReached)), "not asked for the password again");
    let twice = Case::new(vec![step(&["password", "passkey"]), step(&["totp", "passkey"])], &[PHR]);
    let both = twice.given("password", earlier(), 0).given("totp", earlier(), 1);
    assert_eq!(both.offers(), (1, vec!["passkey"]), "the password still counts");
}

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
    fn step(&mut self) -> Step {
        let mut kinds: Vec<&str> = KINDS.iter().map(|(name, ..)| *name).collect();
        kinds.retain(|_| self.roll(2) == 0);
        if kinds.is_empty() {
            kinds.push("password");
        }
        let mut step = step(&kinds);
        if self.roll(4) == 0 {
            step.on_request = vec![ACR_VALUES[self.roll(3)].value.to_owned()];
        }
        if self.roll(5) == 0 {
            step.when = vec![Condition { test: Test::Client("portal".into()), not: self.roll(2) == 0 }];
        }
        step
    }
}

/// Whether somebody can come to the end, taking whatever a step has, offered or not.
fn can_end(case: &mut Case, registry: &Registry) -> bool {
    match case.next(registry) {
        Next::Done(_) => true,
        Next::Ask { step, .. } => (0..case.chain.document.steps[step].alternatives.len())
            .any(|alternative| ends_by(case, registry, step, alternative)),
        _ => false,
    }
}

fn ends_by(case: &mut Case, registry: &Registry, step: usize, alternative: usize) -> bool {
    let kind = case.chain.document.steps[step].alternatives[alternative].authenticator.to_string();
    case.evidence.push(evidence(&kind, RUN, step));
    let ends = can_end(case, registry);
    case.evidence.pop();
    ends
}

#[test]
fn a_051_offered_is_what_leads_there_and_nothing_that_leads_there_is_withheld() {
    let registry = described::registry();
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let (mut withheld, mut hopeless) = (0, 0);
    for round in 0..5_000 {
        let steps = (0..=dice.roll(3)).map(|_| dice.step()).collect();
        let mut case = Case::new(steps, &[ACR_VALUES[dice.roll(3)].value]);
        while let Next::Ask { step, alternatives } = case.next(&registry) {
            let all = case.chain.document.steps[step].alternatives.len();
            let leading: Vec<usize> = (0..all).filter(|way| ends_by(&mut case, &registry, step, *way)).collect();
            let expected = if leading.is_empty() { (0..all).collect() } else { leading.clone() };
            assert_eq!(alternatives, expected, "round {round}: {:?} {:?}", case.chain.document, case.evidence);
            withheld += u32::from(alternatives.len() < all);
            hopeless += u32::from(leading.is_empty());
            let taken = alternatives[dice.roll(alternatives.len())];
            let kind = case.chain.document.steps[step].alternatives[taken].authenticator.to_string();
            case.evidence.push(evidence(&kind, RUN, step));
        }
    }
    assert!(withheld > 300 && hopeless > 300, "{withheld} {hopeless}");
}
