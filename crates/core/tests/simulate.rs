//! The simulator, held against runs that are driven as the engine drives them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod described;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use uuid::Uuid;
use vestibule_core::{
    authenticator::{Opening, Readiness, Registry},
    chain::{ACR_VALUES, Alternative, ChainDocument, ChainRevision, Demand, EnrolPolicy, Seconds, Step},
    condition::{Condition, Context, EvidenceAge, Test, Window},
    evidence::{Evidence, Strength, Via},
    id::{ClientId, InteractionId, UserId},
    plan::{Availability, Binding, Denial, Inputs, Next, Plan, StepReport, plan},
    simulate::{Fate, Outcome, Scenario, Simulation, simulate},
    time::Time,
};

use described::KINDS;

/// A Monday, ten in the morning in Berlin.
const NOW: Time = Time::from_unix_seconds(1_772_442_000);
const ALICE: UserId = UserId(Uuid::from_u128(1));
const RUN: InteractionId = InteractionId(Uuid::from_u128(100));

fn evidence(kind: &str, ago: u64, run: InteractionId, step: usize) -> Evidence {
    let (name, factors, properties, ..) = KINDS.iter().find(|(name, ..)| *name == kind).unwrap();
    Evidence {
        user: ALICE,
        authenticator: (*name).into(),
        credential: (*name).to_owned(),
        factors: factors.iter().copied().collect(),
        properties: properties.iter().copied().collect(),
        amr: [(*name).to_owned()].into(),
        at: NOW - Duration::from_secs(ago),
        via: Via::Direct,
        interaction: run,
        step,
        changed_at: None,
        unfit: Vec::new(),
    }
}

/// A login, as an admin would describe it.
struct Case {
    chain: ChainRevision,
    session: Vec<Evidence>,
    availability: Availability,
    choices: BTreeMap<usize, usize>,
    scopes: Vec<String>,
    acr_values: Vec<String>,
    groups: Vec<String>,
    roles: Vec<String>,
    ip: Option<IpAddr>,
    known_device: bool,
    not_before: Option<Time>,
}

impl Case {
    fn new(steps: Vec<Step>) -> Self {
        let document = ChainDocument { steps, demands: Vec::new() };
        let chain = ChainRevision { chain: "test".into(), revision: 1, document };
        Self {
            availability: Availability::all_ready(&chain),
            chain,
            session: Vec::new(),
            choices: BTreeMap::new(),
            scopes: vec!["openid".to_owned()],
            acr_values: Vec::new(),
            groups: vec!["staff".to_owned()],
            roles: Vec::new(),
            ip: Some(IpAddr::from([10, 1, 2, 3])),
            known_device: false,
            not_before: None,
        }
    }

    fn context<'a>(&'a self, client: &'a ClientId) -> Context<'a> {
        Context {
            client,
            scopes: &self.scopes,
            acr_values: &self.acr_values,
            ip: self.ip,
            username: Some("alice"),
            groups: Some(&self.groups),
            roles: Some(&self.roles),
            known_device: self.known_device,
        }
    }

    fn simulate(&self, registry: &Registry) -> Simulation {
        simulate(&Scenario {
            protected: Strength::Knowledge,
            chain: &self.chain,
            registry,
            user: ALICE,
            context: &self.context(&ClientId::from("portal")),
            evidence: &self.session,
            availability: &self.availability,
            choices: &self.choices,
            acr_claim: None,
            not_before: self.not_before,
            now: NOW,
        })
    }
}

fn step(kinds: &[&str]) -> Step {
    kinds.iter().map(|kind| Alternative::plain(kind)).collect::<Vec<_>>().into()
}

fn when(kinds: &[&str], conditions: &str) -> Step {
    Step { when: serde_json::from_str(conditions).unwrap(), ..step(kinds) }
}

fn fates(simulation: &Simulation) -> Vec<&'static str> {
    let word = |fate: &Fate| match fate {
        Fate::Runs => "runs",
        Fate::Satisfied { .. } => "satisfied",
        Fate::NotDue { .. } => "not due",
        Fate::Blocked { .. } => "blocked",
        Fate::NotReached => "not reached",
    };
    simulation.steps.iter().map(|step| word(&step.fate)).collect()
}

fn granted(simulation: &Simulation) -> (Option<&'static str>, Vec<&str>) {
    match &simulation.outcome {
        Outcome::Granted { acr, amr, .. } => (*acr, amr.iter().map(String::as_str).collect()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_login_is_told_step_by_step() {
    let registry = described::registry();
    let office = r#"[{ "network": "10.0.0.0/8", "not": true }]"#;
    let mut case = Case::new(vec![step(&["password"]), when(&["totp", "smsotp"], office)]);
    let inside = case.simulate(&registry);
    assert_eq!(fates(&inside), ["runs", "not due"]);
    assert_eq!(granted(&inside), (Some("urn:vestibule:acr:1fa"), vec!["password"]));
    case.ip = Some(IpAddr::from([192, 0, 2, 1]));
    case.choices = [(1, 1)].into();
    let outside = case.simulate(&registry);
    assert_eq!(fates(&outside), ["runs", "runs"]);
    assert_eq!(
        outside.steps[1].asked.as_ref().map(|asked| (asked.offered.clone(), asked.chosen)),
        Some((vec![0, 1], Some(1)))
    );
    assert_eq!(granted(&outside), (Some("urn:vestibule:acr:2fa"), vec!["password", "smsotp"]));
    case.ip = None;
    let unknown = case.simulate(&registry);
    assert!(unknown.steps[1].asked.as_ref().unwrap().condition_error.is_some());
    assert_ne!(unknown, outside);
}

#[test]
fn what_the_session_holds_is_satisfied_and_what_nobody_can_pass_is_blocked() {
    let registry = described::registry();
    let mut case = Case::new(vec![step(&["password"]), step(&["totp"]), step(&["passkey"])]);
    case.session = vec![evidence("password", 60, InteractionId(Uuid::from_u128(9)), 0)];
    case.availability.0[1][0] = Readiness::CanEnrol;
    let refused = case.simulate(&registry);
    assert_eq!(fates(&refused), ["satisfied", "blocked", "not reached"]);
    assert!(matches!(refused.outcome, Outcome::Refused { .. }));
    case.chain.document.steps[1].enrol = EnrolPolicy::Allow;
    assert_eq!(case.simulate(&registry).outcome, Outcome::Enrols { step: 1, alternatives: vec![0] });
    // What they lack is not told to somebody unknown: they are asked, and cannot pass.
    case.session.clear();
    case.availability.0[0][0] = Readiness::Unavailable { why: "no password".to_owned() };
    let stuck = case.simulate(&registry);
    assert!(matches!(stuck.outcome, Outcome::Stuck { step: 0, .. }));
    assert_eq!(fates(&stuck), ["blocked", "not reached", "not reached"]);
    let twice = Case::new(vec![step(&["password"]), step(&["password"])]);
    assert!(matches!(
        twice.simulate(&registry).outcome,
        Outcome::Refused { denial: Denial::NoAlternative { step: 2, .. } }
    ));
    let other = Case::new(vec![step(&["password"]), step(&["password", "totp"])]);
    assert!(matches!(other.simulate(&registry).outcome, Outcome::Stuck { step: 1, .. }), "they took the wrong way");
}

#[test]
fn conditions_look_at_the_device_the_time_the_age_and_an_expression() {
    let registry = described::registry();
    let due = |condition: &str, change: &dyn Fn(&mut Case)| {
        let mut case = Case::new(vec![step(&["password"]), when(&["totp"], &format!("[{condition}]"))]);
        change(&mut case);
        fates(&case.simulate(&registry))[1] == "runs"
    };
    let as_is = |_: &mut Case| {};
    assert!(due(r#"{ "known_device": true, "not": true }"#, &as_is));
    assert!(!due(r#"{ "known_device": true, "not": true }"#, &|case| case.known_device = true));
    let hours = |from, to| {
        format!(r#"{{ "time": {{ "from": "{from}", "to": "{to}", "days": ["mon"], "zone": "Europe/Berlin" }} }}"#)
    };
    assert!(due(&hours("10:00", "10:01"), &as_is));
    assert!(!due(&hours("09:00", "10:00"), &as_is), "in Berlin and not in Greenwich");
    assert!(due(r#"{ "cel": "!network('192.0.2.0/24') && 'staff' in groups" }"#, &as_is));
    assert!(!due(r#"{ "cel": "!network('192.0.2.0/24') && 'staff' in groups", "not": true }"#, &as_is));
    assert!(due(r#"{ "cel": "groups[7] == 'x'", "not": true }"#, &as_is), "a_048: an error makes it due");
    assert!(due(r#"{ "time": { "from": "x", "to": "y", "zone": "z" }, "not": true }"#, &as_is), "a_048");
    assert!(due(r#"{ "cel": "no such thing", "not": true }"#, &as_is), "a_048");
}

#[test]
fn a_052_evidence_of_the_run_itself_has_no_age() {
    let registry = described::registry();
    let steps = || vec![step(&["password"]), when(&["totp"], r#"[{ "evidence_age": { "older_than": 900 } }]"#)];
    let earlier = |ago| vec![evidence("password", ago, InteractionId(Uuid::from_u128(9)), 0)];
    let with = |session| Case { session, ..Case::new(steps()) }.simulate(&registry);
    assert_eq!(fates(&with(earlier(900))), ["satisfied", "not due"]);
    assert_eq!(fates(&with(earlier(901))), ["satisfied", "runs"]);
    // Passed in this run, it stays due and counts.
    assert_eq!(granted(&with(earlier(901))).0, Some("urn:vestibule:acr:2fa"));
    assert_eq!(fates(&with(vec![])), ["runs", "runs"]);
    let other = r#"[{ "evidence_age": { "older_than": 60, "authenticator": "totp" }, "not": true }]"#;
    let mut case = Case::new(vec![step(&["password"]), when(&["passkey"], other)]);
    case.session = earlier(5);
    assert_eq!(fates(&case.simulate(&registry)), ["satisfied", "not due"], "none is older than anything");
    case.session.push(evidence("totp", 60, InteractionId(Uuid::from_u128(9)), 1));
    assert_eq!(fates(&case.simulate(&registry)), ["satisfied", "runs"]);
    case.session[1].user = UserId(Uuid::from_u128(2));
    assert_eq!(fates(&case.simulate(&registry)), ["satisfied", "not due"], "it is somebody else's");
}

/// A small generator: a hundred thousand cases have to be quick.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
    fn one_in(&mut self, n: usize) -> bool {
        self.roll(n) == 0
    }
    fn of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len())]
    }
    fn seconds(&mut self) -> u32 {
        [0, 30, 300, 3000][self.roll(4)]
    }

    fn test(&mut self) -> Test {
        match self.roll(12) {
            0 => Test::Group(self.of(&["staff", "other"]).to_owned()),
            1 => Test::Role(self.of(&["admin", "other"]).to_owned()),
            2 => Test::Client(self.of(&["portal", "shop"]).to_owned()),
            3 => Test::Scope(self.of(&["openid", "email"]).to_owned()),
            4 | 5 => Test::Network(self.of(&["10.0.0.0/8", "192.0.2.0/24", "no range"]).to_owned()),
            6 => Test::Acr(ACR_VALUES[self.roll(3)].value.to_owned()),
            7 => Test::KnownDevice(self.one_in(2)),
            8 => Test::Time(Window {
                from: self.of(&["09:00", "18:00", "25:00"]).to_owned(),
                to: "12:00".to_owned(),
                days: vec![self.of(&["mon", "sun"]).to_owned()],
                zone: "Europe/Berlin".to_owned(),
            }),
            9 | 10 => Test::EvidenceAge(EvidenceAge {
                older_than: Seconds(self.seconds()),
                authenticator: self.one_in(2).then(|| self.of(&["password", "totp"]).into()),
            }),
            _ => {
                let expressions = [
                    "'staff' in groups",
                    "ages['password'] < 60",
                    "known_device || network('10.0.0.0/8')",
                    "(",
                    "true",
                ];
                Test::Cel(self.of(&expressions).into())
            }
        }
    }

    fn step(&mut self, first: bool) -> Step {
        let mut step: Step = (0..=self.roll(3)).map(|_| self.alternative()).collect::<Vec<_>>().into();
        if first && self.roll(8) > 0 {
            step.alternatives.push(Alternative::plain("password"));
        }
        step.distinct = !self.one_in(4);
        step.when = (0..self.roll(if first { 2 } else { 3 }))
            .map(|_| Condition { test: self.test(), not: self.one_in(2) })
            .collect();
        if self.one_in(8) {
            step.on_request = vec![ACR_VALUES[self.roll(3)].value.to_owned()];
        }
        if self.one_in(6) {
            step.enrol = EnrolPolicy::Allow;
        }
        step
    }

    fn alternative(&mut self) -> Alternative {
        let kind = if self.one_in(60) { "retina" } else { KINDS[self.roll(KINDS.len())].0 };
        let max_age = self.one_in(3).then(|| Seconds(self.seconds()));
        Alternative { max_age, ..Alternative::plain(kind) }
    }

    fn readiness(&mut self) -> Readiness {
        match self.roll(12) {
            0 => Readiness::CanEnrol,
            1 => Readiness::Unavailable { why: "none".to_owned() },
            2 => Readiness::Broken { why: "no gateway".to_owned() },
            _ => Readiness::Ready { target: None },
        }
    }

    fn case(&mut self) -> Case {
        let mut case = Case::new((0..self.roll(5)).map(|position| self.step(position == 0)).collect());
        for readiness in case.availability.0.iter_mut().flatten() {
            *readiness = self.readiness();
        }
        if self.one_in(2) {
            let before = InteractionId(Uuid::from_u128(9));
            let given = |dice: &mut Self| {
                evidence(KINDS[dice.roll(KINDS.len())].0, dice.seconds().into(), before, dice.roll(3))
            };
            case.session = (0..self.roll(4)).map(|_| given(self)).collect();
        }
        case.choices = (0..self.roll(4)).map(|step| (step, self.roll(3))).collect();
        case.known_device = self.one_in(2);
        case.ip = [Some(IpAddr::from([10, 1, 2, 3])), Some(IpAddr::from([198, 51, 100, 1])), None][self.roll(3)];
        if self.one_in(3) {
            case.groups.clear();
        }
        if self.one_in(4) {
            case.acr_values = vec![ACR_VALUES[self.roll(3)].value.to_owned()];
        }
        if self.one_in(6) {
            case.chain.document.demands.push(Demand::Factors(2));
        }
        if self.one_in(6) {
            case.not_before = Some(NOW - Duration::from_secs(self.seconds().into()));
        }
        case
    }
}

/// A run, driven as the engine drives one: only the authenticators of the due step say what they can do, of somebody unknown
/// they say what they would say of anybody, and a passed step makes its user known.
struct Real<'a> {
    case: &'a Case,
    registry: &'a Registry,
    known: bool,
    evidence: Vec<Evidence>,
}

impl Real<'_> {
    fn plan_given(&self, availability: &Availability) -> Plan {
        let client = ClientId::from("portal");
        let all = self.case.context(&client);
        let nobody = Context { username: None, groups: None, roles: None, known_device: false, ..all.clone() };
        plan(&Inputs {
            chain: &self.case.chain,
            registry: self.registry,
            user: self.known.then_some(ALICE),
            evidence: &self.evidence,
            availability,
            context: if self.known { &all } else { &nobody },
            acr_claim: None,
            not_before: self.case.not_before,
            binding: Binding::default(),
            interaction: RUN,
            now: NOW,
        })
    }

    fn plan(&self) -> Plan {
        let mut availability = Availability::all_ready(&self.case.chain);
        let mut asked = BTreeSet::new();
        loop {
            let plan = self.plan_given(&availability);
            let (Next::Ask { step, .. } | Next::Enrol { step, .. }) = plan.next else { return plan };
            if !asked.insert(step) {
                return plan;
            }
            for (alternative, readiness) in availability.0[step].iter_mut().enumerate() {
                let real = self.case.availability.of(step, alternative);
                if self.known || matches!(real, Readiness::Broken { .. }) {
                    *readiness = real;
                }
            }
        }
    }

    fn opening(&self, step: usize, alternative: usize) -> Opening {
        let name = &self.case.chain.document.steps[step].alternatives[alternative].authenticator;
        self.registry.get(name).unwrap().descriptor().opening
    }

    /// Drives the run to its end, by the choices that the simulator says were made; says what was asked, and how it ended.
    fn drive(&mut self, said: &Simulation) -> (Vec<usize>, Plan) {
        let mut asked = Vec::new();
        loop {
            let plan = self.plan();
            let Next::Ask { step, alternatives } = &plan.next else { return (asked, plan) };
            let step = *step;
            if asked.contains(&step) {
                return (asked, plan);
            }
            asked.push(step);
            let told = said.steps[step].asked.as_ref().expect("it said that nothing is asked there");
            assert_eq!(&told.offered, alternatives);
            let can = |a: &usize| matches!(self.case.availability.of(step, *a), Readiness::Ready { .. });
            let named = self.known || alternatives.iter().any(|a| self.opening(step, *a) == Opening::Free);
            let Some(chosen) = told.chosen else {
                // Nobody could: or the caller wanted what the user has not.
                let wanted =
                    self.case.choices.get(&step).is_some_and(|wanted| alternatives.contains(wanted) && !can(wanted));
                assert!(wanted || !named || !alternatives.iter().any(can), "somebody could have passed");
                return (asked, plan);
            };
            assert!(alternatives.contains(&chosen) && can(&chosen) && named);
            if let Some(wanted) = self.case.choices.get(&step).filter(|wanted| alternatives.contains(wanted)) {
                assert_eq!(*wanted, chosen);
            }
            let kind = &self.case.chain.document.steps[step].alternatives[chosen].authenticator;
            self.evidence.push(evidence(kind.as_str(), 0, RUN, step));
            self.known = true;
        }
    }
}

#[test]
fn a_real_run_does_what_the_simulator_said() {
    let registry = described::registry();
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut ends = [0; 4];
    for round in 0..100_000 {
        let case = dice.case();
        let said = case.simulate(&registry);
        let known = !case.session.is_empty();
        let mut real = Real { case: &case, registry: &registry, known, evidence: case.session.clone() };
        let (asked, plan) = real.drive(&said);
        let told: Vec<_> = (0..said.steps.len()).filter(|step| said.steps[*step].asked.is_some()).collect();
        let mut in_order = asked.clone();
        in_order.sort_unstable();
        assert_eq!(in_order, told, "round {round}: {:?}", case.chain);
        for (position, (step, report)) in said.steps.iter().zip(&plan.steps).enumerate() {
            let agree = match (&step.fate, report) {
                (Fate::Runs, StepReport::Satisfied { .. }) => asked.contains(&position),
                (Fate::Satisfied { by, at, .. }, StepReport::Satisfied { by: real, at: then, .. }) => {
                    (by, at) == (real, then)
                }
                (Fate::NotDue { because }, StepReport::NotDue { because: real }) => because == real,
                (Fate::Blocked { .. } | Fate::NotReached, StepReport::Blocked { .. } | StepReport::Due { .. }) => true,
                _ => false,
            };
            assert!(agree, "round {round}, step {position}: {:?} {report:?}", step.fate);
        }
        let (end, agree) = match (&said.outcome, &plan.next) {
            (Outcome::Granted { acr, amr, auth_time }, Next::Done(done)) => {
                (0, (*acr, *auth_time) == (done.acr(), done.auth_time()) && amr.iter().eq(done.amr()))
            }
            (Outcome::Refused { denial }, Next::Deny(real)) => (1, denial == real),
            (Outcome::Enrols { step, alternatives }, Next::Enrol { step: real, alternatives: same }) => {
                (2, (step, alternatives) == (real, same))
            }
            (Outcome::Stuck { step, .. }, Next::Ask { step: real, .. }) => (3, step == real),
            _ => (3, false),
        };
        assert!(agree, "round {round}: {:?} {:?} {:?}", case.chain, said.outcome, plan.next);
        ends[end] += 1;
    }
    // The generator reaches every end often enough to mean something.
    assert!(ends[0] > 20_000 && ends[1] > 10_000 && ends[2] > 200 && ends[3] > 10_000, "{ends:?}");
}
