//! The plan, held against a thirty-line oracle over a million random chains, and the rules that attacks aim at, one by one.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use vestibule_core::{
    authenticator::{
        Authenticator, Descriptor, Enrolment, Opening, Outcome, Readiness, Registry, StepContext, StepError,
    },
    chain::{ACR_VALUES, Alternative, ChainDocument, ChainRevision, Demand, EnrolPolicy, Seconds, Step},
    condition::{Condition, Context, Test},
    evidence::{Evidence, FactorClass, Property, Strength, Via},
    id::{ClientId, InteractionId, UserId},
    interaction::AcrClaim,
    plan::{Availability, Binding, Denial, Inputs, Next, Plan, StepReport, plan},
    prompt::Fields,
    time::Time,
};

/// An authenticator that only describes itself: the plan asks no more.
struct Described(Descriptor);

#[async_trait]
impl Authenticator for Described {
    fn descriptor(&self) -> &Descriptor {
        &self.0
    }
    async fn readiness(&self, _: &StepContext<'_>) -> Result<Readiness, StepError> {
        Err(StepError::Busy)
    }
    async fn begin(&self, _: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        Err(StepError::Busy)
    }
    async fn answer(&self, _: &mut StepContext<'_>, _: &Fields) -> Result<Outcome, StepError> {
        Err(StepError::Busy)
    }
    fn enrolment(&self) -> Option<&dyn Enrolment> {
        (self.0.name.as_str() != "password").then_some(self)
    }
}

#[async_trait]
impl Enrolment for Described {
    async fn begin(&self, _: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        Err(StepError::Busy)
    }
    async fn answer(&self, _: &mut StepContext<'_>, _: &Fields) -> Result<Outcome, StepError> {
        Err(StepError::Busy)
    }
}

use FactorClass::{Inherence, Knowledge, Possession};
use Property::{Held, PhishingResistant, Unrestricted, UserVerified};

const KINDS: &[(&str, &[FactorClass], &[Property])] = &[
    ("password", &[Knowledge], &[]),
    ("smsotp", &[Possession], &[]),
    ("totp", &[Possession], &[Unrestricted, Held]),
    ("passkey", &[Possession, Inherence], &[Unrestricted, Held, PhishingResistant, UserVerified]),
    ("emailotp", &[], &[]),
    ("recovery", &[Possession], &[Held]),
];

fn registry() -> Registry {
    let described = |(name, factors, properties): &(&str, &[FactorClass], &[Property])| {
        let descriptor = Descriptor {
            name: (*name).into(),
            factors: factors.iter().copied().collect(),
            properties: properties.iter().copied().collect(),
            amr: [(*name).to_owned()].into(),
            opening: Opening::Free,
            connection: None,
            settings: serde_json::Value::Null,
            messages: &[],
        };
        Arc::new(Described(descriptor)) as Arc<dyn Authenticator>
    };
    Registry::new(KINDS.iter().map(described).collect())
}

const NOW: Time = Time::from_unix_seconds(1_000_000);

fn id(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(n)
}

fn alice() -> UserId {
    UserId(id(1))
}

fn this_run() -> InteractionId {
    InteractionId(id(100))
}

fn evidence(kind: &str, ago: u64, step: usize) -> Evidence {
    let (name, factors, properties) = KINDS.iter().find(|(name, ..)| *name == kind).unwrap();
    Evidence {
        user: alice(),
        authenticator: (*name).into(),
        credential: "1".into(),
        factors: factors.iter().copied().collect(),
        properties: properties.iter().copied().collect(),
        amr: [(*name).to_owned()].into(),
        at: NOW - Duration::from_secs(ago),
        via: Via::Direct,
        interaction: InteractionId(id(99)),
        step,
        changed_at: None,
        unfit: Vec::new(),
    }
}

fn step(kinds: &[&str]) -> Step {
    kinds.iter().map(|kind| Alternative::plain(kind)).collect::<Vec<_>>().into()
}

fn chain(steps: Vec<Step>) -> ChainRevision {
    ChainRevision { chain: "test".into(), revision: 1, document: ChainDocument { steps, demands: Vec::new() } }
}

/// Everything a plan is made from, with defaults that a test changes.
struct Case {
    chain: ChainRevision,
    user: Option<UserId>,
    evidence: Vec<Evidence>,
    availability: Option<Availability>,
    acr_values: Vec<String>,
    acr_claim: Option<AcrClaim>,
    groups: Option<Vec<String>>,
    ip: Option<IpAddr>,
    not_before: Option<Time>,
    binding: Binding,
}

impl Case {
    fn new(steps: Vec<Step>, evidence: Vec<Evidence>) -> Self {
        let groups = Some(vec!["staff".to_owned()]);
        let ip = Some(IpAddr::from([10, 1, 2, 3]));
        let chain = chain(steps);
        Self {
            chain,
            user: Some(alice()),
            evidence,
            availability: None,
            acr_values: vec![],
            acr_claim: None,
            groups,
            ip,
            not_before: None,
            binding: Binding::default(),
        }
    }

    fn plan(&self) -> Plan {
        self.plan_with(&registry())
    }

    fn plan_with(&self, registry: &Registry) -> Plan {
        let context = Context {
            client: &ClientId::from("portal"),
            scopes: &[],
            acr_values: &self.acr_values,
            ip: self.ip,
            username: None,
            groups: self.groups.as_deref(),
            roles: None,
            known_device: false,
        };
        let ready = Availability::all_ready(&self.chain);
        plan(&Inputs {
            chain: &self.chain,
            registry,
            user: self.user,
            evidence: &self.evidence,
            availability: self.availability.as_ref().unwrap_or(&ready),
            context: &context,
            acr_claim: self.acr_claim.as_ref(),
            not_before: self.not_before,
            binding: self.binding,
            interaction: this_run(),
            now: NOW,
        })
    }

    fn asks(&self) -> Option<usize> {
        match self.plan().next {
            Next::Ask { step, .. } => Some(step),
            _ => None,
        }
    }

    fn denies(&self) -> Denial {
        match self.plan().next {
            Next::Deny(denial) => denial,
            other => panic!("not denied: {other:?}"),
        }
    }
}

#[test]
fn steps_are_asked_one_after_the_other() {
    let steps = || vec![step(&["password"]), step(&["smsotp"])];
    assert_eq!(Case::new(steps(), vec![]).asks(), Some(0));
    assert_eq!(Case::new(steps(), vec![evidence("password", 5, 0)]).asks(), Some(1));
    let Next::Done(done) = Case::new(steps(), vec![evidence("password", 5, 0), evidence("smsotp", 1, 1)]).plan().next
    else {
        panic!("not done")
    };
    assert_eq!((done.user(), done.acr()), (alice(), Some("urn:vestibule:acr:2fa")));
    assert_eq!(done.amr().iter().map(String::as_str).collect::<Vec<_>>(), ["password", "smsotp"]);
    assert_eq!(done.auth_time(), NOW - Duration::from_secs(1));
}

#[test]
fn a_049_an_unknown_authenticator_or_an_empty_chain_is_refused_never_skipped() {
    assert_eq!(Case::new(vec![], vec![evidence("passkey", 1, 0)]).denies(), Denial::NothingDue);
    let unknown = Case::new(vec![step(&["password"]), step(&["smsotp", "retina"])], vec![evidence("password", 1, 0)]);
    assert_eq!(unknown.denies(), Denial::UnknownAuthenticator { step: 2, authenticator: "retina".into() });
    let mut never = step(&["password"]);
    never.when = vec![Condition { test: Test::Group("nobody".into()), not: false }];
    assert_eq!(Case::new(vec![never], vec![evidence("passkey", 1, 0)]).denies(), Denial::NothingDue);
}

#[test]
fn a_048_a_condition_that_errs_makes_the_step_due() {
    let garbage = |test, ip, groups: Option<Vec<String>>| {
        let mut second = step(&["smsotp"]);
        second.when = vec![Condition { test, not: true }];
        let mut case = Case::new(vec![step(&["password"]), second], vec![evidence("password", 1, 0)]);
        (case.ip, case.groups) = (ip, groups);
        case
    };
    let cases = [
        garbage(Test::Network("10.0.0.0/99".into()), Some(IpAddr::from([10, 0, 0, 1])), None),
        garbage(Test::Network("10.0.0.0/8".into()), None, None),
        garbage(Test::Group("staff".into()), None, None),
        garbage(Test::Role("admin".into()), None, None),
    ];
    for case in cases {
        assert_eq!(case.asks(), Some(1), "{:?}", case.chain);
        assert!(matches!(case.plan().steps[1], StepReport::Due { condition_error: Some(_) }));
    }
    let holds = garbage(Test::Network("10.0.0.0/8".into()), Some(IpAddr::from([10, 0, 0, 1])), None);
    assert!(matches!(holds.plan().next, Next::Done(_)));
}

#[test]
fn a_step_for_those_who_have_one_of_its_ways_is_due_for_them_and_when_nobody_can_tell() {
    let case = |readiness: Readiness, user: Option<UserId>| {
        let mut second = step(&["totp"]);
        second.when = vec![Condition { test: Test::Enrolled(true), not: false }];
        let mut case = Case::new(vec![step(&["password"]), second], vec![evidence("password", 1, 0)]);
        case.availability = Some(Availability(vec![vec![Readiness::Ready { target: None }], vec![readiness]]));
        case.user = user;
        case
    };
    let why = || "x".to_owned();
    let has = case(Readiness::Ready { target: None }, Some(alice()));
    assert_eq!(has.asks(), Some(1));
    // Trouble of ours opens no door.
    assert!(matches!(case(Readiness::Broken { why: why() }, Some(alice())).denies(), Denial::Broken { step: 2, .. }));
    for none in [Readiness::CanEnrol, Readiness::Unavailable { why: why() }] {
        assert!(matches!(case(none, Some(alice())).plan().next, Next::Done(_)));
    }
    // Of whom nothing is proved, nothing is known.
    let nobody = case(Readiness::CanEnrol, None).plan();
    assert!(matches!(nobody.steps[1], StepReport::Blocked { .. }), "{nobody:?}");
}

#[test]
fn a_050_a_user_without_the_factor_enrols_only_after_an_earlier_step_or_is_refused() {
    let none = |first: bool, enrol| {
        let mut last = step(&["totp"]);
        last.enrol = enrol;
        let steps = if first { vec![last] } else { vec![step(&["password"]), last] };
        let mut case = Case::new(steps, vec![evidence("password", 1, 0)]);
        case.availability = Some(Availability(vec![vec![Readiness::CanEnrol]; 2]));
        case
    };
    assert!(matches!(none(false, EnrolPolicy::Allow).plan().next, Next::Enrol { step: 1, .. }));
    assert!(matches!(none(false, EnrolPolicy::Refuse).denies(), Denial::NoAlternative { step: 2, .. }));
    assert!(matches!(none(true, EnrolPolicy::Allow).denies(), Denial::NoAlternative { step: 1, .. }));
    let mut nobody = none(false, EnrolPolicy::Require);
    nobody.user = None;
    assert!(matches!(nobody.denies(), Denial::NoAlternative { step: 1, .. }));
}

#[test]
fn a_080_a_factor_is_bound_by_what_is_fresh_and_no_weaker_than_what_there_is() {
    let case = |evidence: Vec<Evidence>, protected: Strength| {
        let mut last = step(&["passkey"]);
        last.enrol = EnrolPolicy::Allow;
        let mut case = Case::new(vec![step(&["password", "smsotp"]), last], evidence);
        let (ready, none) = (Readiness::Ready { target: None }, Readiness::CanEnrol);
        case.availability = Some(Availability(vec![vec![ready; 2], vec![none]]));
        case.binding.protected = protected;
        case
    };
    assert!(matches!(
        case(vec![evidence("password", 1, 0)], Strength::Knowledge).plan().next,
        Next::Enrol { step: 1, .. }
    ));
    // A password alone binds nothing beside a factor that is more, nor does what a gateway carried beside what nobody carries.
    let binds = |kind, best| match case(vec![evidence(kind, 1, 0)], best).plan().next {
        Next::Enrol { step: 1, .. } => true,
        Next::Deny(Denial::NoAlternative { step: 2, .. }) => false,
        other => panic!("{other:?}"),
    };
    assert!(!binds("password", Strength::Carried) && !binds("password", Strength::Held));
    assert!(binds("smsotp", Strength::Carried) && !binds("smsotp", Strength::Held));
    // What was proved an hour ago is asked for once more, and a device that stands in proves nothing.
    assert_eq!(case(vec![evidence("password", 3600, 0)], Strength::Knowledge).asks(), Some(0));
    let device = Evidence { via: Via::TrustedDevice, ..evidence("smsotp", 1, 0) };
    let mut remembered = case(vec![device], Strength::Knowledge);
    remembered.chain.document.steps[0].remember_device = Some(Seconds(3600));
    assert!(!matches!(remembered.plan().next, Next::Enrol { .. } | Next::Done(_)));
}

#[test]
fn a_080_what_a_gateway_carried_is_no_code_on_paper() {
    let case = |kind| {
        let steps = vec![step(&["password"]), step(&["passkey", "totp", "recovery"])];
        Case::new(steps, vec![evidence("password", 1, 0), evidence(kind, 1, 1)])
    };
    assert_eq!(case("smsotp").asks(), Some(1), "whoever runs the gateway could have made it");
    assert!(matches!(case("recovery").plan().next, Next::Done(_)));
    assert!(matches!(case("totp").plan().next, Next::Done(_)));
}

#[test]
fn a_step_that_adds_a_factor_is_passed_by_that_alone() {
    let mut case =
        Case::new(vec![step(&["password"]), step(&["totp"])], vec![evidence("password", 1, 0), evidence("totp", 1, 0)]);
    assert!(matches!(case.plan().next, Next::Done(_)));
    case.binding.adds = Some(1);
    assert!(matches!(case.plan().next, Next::Enrol { step: 1, .. }), "having one is not adding one");
    case.evidence.push(Evidence { interaction: this_run(), ..evidence("totp", 0, 1) });
    assert!(matches!(case.plan().next, Next::Done(_)));
    let mut broken = Case::new(vec![step(&["password"]), step(&["totp"])], vec![evidence("password", 1, 0)]);
    broken.binding.adds = Some(1);
    let (ready, trouble) = (Readiness::Ready { target: None }, Readiness::Broken { why: "x".to_owned() });
    broken.availability = Some(Availability(vec![vec![ready], vec![trouble]]));
    assert!(matches!(broken.denies(), Denial::NoAlternative { step: 2, .. }));
}

#[test]
fn a_051_an_asked_acr_that_is_not_reached_is_refused() {
    let case = |asked: &str| {
        let mut case = Case::new(vec![step(&["password"])], vec![evidence("password", 1, 0)]);
        case.acr_values = vec![asked.to_owned()];
        case
    };
    assert_eq!(case("urn:vestibule:acr:2fa").denies(), Denial::AcrNotReached);
    assert!(matches!(case("urn:vestibule:acr:1fa").plan().next, Next::Done(_)));
    // Of no meaning here: a voluntary wish.
    assert!(matches!(case("loa-17").plan().next, Next::Done(done) if done.acr() == Some("urn:vestibule:acr:1fa")));
}

#[test]
fn a_052_evidence_too_old_weaker_or_of_another_user_is_due_again() {
    let second = |max_age, given: Evidence| {
        let mut last = step(&["totp"]);
        last.alternatives[0].max_age = max_age;
        Case::new(vec![step(&["password"]), last], vec![evidence("password", 1, 0), given])
    };
    assert_eq!(second(Some(Seconds(60)), evidence("totp", 61, 1)).asks(), Some(1));
    assert_eq!(second(None, evidence("smsotp", 1, 1)).asks(), Some(1), "a text message is weaker than an app");
    let theirs = Evidence { user: UserId(id(2)), ..evidence("totp", 1, 1) };
    assert_eq!(second(None, theirs).asks(), Some(1));
    assert!(matches!(second(Some(Seconds(60)), evidence("totp", 60, 1)).plan().next, Next::Done(_)));
    assert!(matches!(second(None, evidence("passkey", 900, 1)).plan().next, Next::Done(_)), "stronger will do");
}

#[test]
fn a_053_a_055_what_was_proved_before_the_limit_does_not_count_however_strong() {
    let old = [evidence("passkey", 10, 0), evidence("password", 10, 0)];
    let mut case = Case::new(vec![step(&["password"]), step(&["smsotp"])], old.to_vec());
    case.not_before = Some(NOW - Duration::from_secs(5));
    assert_eq!(case.asks(), Some(0));
    case.evidence.push(Evidence { interaction: this_run(), ..evidence("password", 1, 0) });
    assert_eq!(case.asks(), Some(1), "freshness met by the weaker step alone");
}

#[test]
fn a_054_one_factor_class_twice_is_not_two_factors() {
    let sms = evidence("smsotp", 1, 0);
    let totp = evidence("totp", 1, 1);
    let mut case = Case::new(vec![step(&["smsotp"]), step(&["totp"])], vec![sms.clone(), totp]);
    case.chain.document.demands = vec![Demand::Factors(2)];
    assert_eq!(case.denies(), Denial::DemandNotMet);
    let twice = Case::new(vec![step(&["smsotp"]), step(&["smsotp"])], vec![sms]);
    assert_eq!(twice.asks(), Some(1), "one credential counts once");
}

fn own(kind: &str, ago: u64, step: usize) -> Evidence {
    Evidence { interaction: this_run(), ..evidence(kind, ago, step) }
}

#[test]
fn what_was_given_for_a_step_and_cannot_count_ends_there_and_is_not_asked_for_again() {
    let twice = || vec![step(&["password"]), step(&["password"])];
    let case = Case::new(twice(), vec![own("password", 9, 0)]);
    assert_eq!(case.asks(), Some(1), "somebody may have two of a kind");
    let case = Case::new(twice(), vec![own("password", 9, 0), own("password", 1, 1)]);
    let Denial::NoAlternative { step: 2, why } = case.denies() else { panic!("{:?}", case.denies()) };
    assert!(why.starts_with("password: what was given for it does not count"), "{why}");
    assert!(matches!(case.plan().steps[1], StepReport::Blocked { .. }));
    let other = Evidence { credential: "2".into(), ..own("password", 1, 1) };
    assert!(matches!(Case::new(twice(), vec![own("password", 9, 0), other]).plan().next, Next::Done(_)));
    let elsewhere = Case::new(twice(), vec![own("password", 9, 0), evidence("password", 1, 1)]);
    assert_eq!(elsewhere.asks(), Some(1), "in another run it was given for something else");

    let mut case = Case::new(vec![step(&["password"]), step(&["password", "totp"])], vec![own("password", 9, 0)]);
    case.evidence.push(own("password", 1, 1));
    let Next::Ask { alternatives, .. } = case.plan().next else { panic!("there is another way") };
    assert_eq!(alternatives, [1]);
    let weak = Evidence { factors: [Possession].into(), ..own("passkey", 1, 0) };
    assert!(matches!(Case::new(vec![step(&["passkey"])], vec![weak]).denies(), Denial::NoAlternative { step: 1, .. }));

    let mut aged = step(&["password"]);
    aged.alternatives[0].max_age = Some(Seconds(5));
    assert_eq!(
        Case::new(vec![aged], vec![own("password", 9, 0)]).asks(),
        Some(0),
        "what is too old is asked once more"
    );
}

#[test]
fn auth_time_is_the_end_of_the_earliest_login_that_counted() {
    let run = |kind, ago, step, run| Evidence { interaction: InteractionId(id(run)), ..evidence(kind, ago, step) };
    let all = vec![run("password", 500, 0, 7), run("totp", 480, 1, 7), run("passkey", 3, 2, 100)];
    let case = Case::new(vec![step(&["password"]), step(&["smsotp"]), step(&["passkey"])], all);
    let Next::Done(done) = case.plan().next else { panic!("not done") };
    assert_eq!(done.auth_time(), NOW - Duration::from_secs(480));
}

#[test]
fn a_052_a_session_passes_a_step_only_by_what_is_fresh_and_strong_enough() {
    let max_age = |mut step: Step, age| {
        step.alternatives.iter_mut().for_each(|alternative| alternative.max_age = Some(Seconds(age)));
        step
    };
    let shared = |mut step: Step| {
        step.distinct = false;
        step
    };
    let twice = || [evidence("password", 400, 0), evidence("totp", 390, 1)];
    // The chain, what the session holds, and the step that is asked all the same.
    for (name, steps, held, asked) in [
        ("both doors", vec![step(&["password"]), step(&["smsotp"])], twice().to_vec(), None),
        ("one door of them", vec![step(&["password"])], twice().to_vec(), None),
        (
            "a door never passed",
            vec![step(&["password"]), step(&["smsotp"]), step(&["passkey"])],
            twice().into(),
            Some(2),
        ),
        ("weaker evidence", vec![step(&["password"]), step(&["passkey"])], twice().into(), Some(1)),
        ("another factor class", vec![step(&["password"]), step(&["smsotp"])], twice()[..1].to_vec(), Some(1)),
        ("knowledge by possession", vec![step(&["password"])], twice()[1..].to_vec(), Some(0)),
        ("one of two alternatives", vec![step(&["password"]), step(&["passkey", "totp"])], twice().into(), None),
        ("mail is met by mail alone", vec![step(&["password"]), step(&["emailotp"])], twice().into(), Some(1)),
        ("too old for the first", vec![max_age(step(&["password"]), 399), step(&["totp"])], twice().into(), Some(0)),
        ("too old for the second", vec![step(&["password"]), max_age(step(&["totp"]), 389)], twice().into(), Some(1)),
        (
            "just not too old",
            vec![max_age(step(&["password"]), 400), max_age(step(&["totp"]), 390)],
            twice().into(),
            None,
        ),
        ("one app for two doors", vec![step(&["totp"]), step(&["smsotp"])], twice()[1..].to_vec(), Some(1)),
        ("unless that is allowed", vec![step(&["totp"]), shared(step(&["smsotp"]))], twice()[1..].to_vec(), None),
    ] {
        let case = Case::new(steps, held);
        assert_eq!(case.asks(), asked, "{name}: {:?}", case.plan());
        assert!(asked.is_some() || matches!(case.plan().next, Next::Done(_)), "{name}");
    }
}

#[test]
fn a_052_an_alternative_with_an_age_of_its_own_is_not_met_by_the_age_of_another() {
    let mut last = step(&["totp", "smsotp"]);
    last.alternatives[0].max_age = Some(Seconds(60));
    last.alternatives[1].max_age = Some(Seconds(10));
    let case = |given| Case::new(vec![step(&["password"]), last.clone()], vec![evidence("password", 400, 0), given]);
    assert_eq!(case(evidence("totp", 60, 1)).asks(), None);
    assert_eq!(case(evidence("smsotp", 11, 1)).asks(), Some(1), "a message is not made younger by the app beside it");
}

/// Evidence of the login `run`.
fn of_login(run: u128, kind: &str, ago: u64, step: usize) -> Evidence {
    Evidence { interaction: InteractionId(id(run)), ..evidence(kind, ago, step) }
}

#[test]
fn a_053_max_age_is_measured_from_the_end_of_the_login_as_auth_time_is() {
    // Somebody gave the password, and twenty seconds later the code.
    let login = || vec![of_login(7, "password", 50, 0), of_login(7, "totp", 30, 1)];
    let case = |limit| {
        let mut case = Case::new(vec![step(&["password"]), step(&["totp"])], login());
        case.not_before = Some(NOW - Duration::from_secs(limit));
        case
    };
    let Next::Done(done) = case(30).plan().next else { panic!("the login is 30 seconds old: {:?}", case(30).plan()) };
    assert_eq!(done.auth_time(), NOW - Duration::from_secs(30));
    assert_eq!(case(29).asks(), Some(0), "the whole login is too old, and not one step of it");
    // A client with fewer doors is told the same time of the same login.
    let mut short = Case::new(vec![step(&["password"])], login());
    short.not_before = Some(NOW - Duration::from_secs(30));
    assert!(matches!(short.plan().next, Next::Done(done) if done.auth_time() == NOW - Duration::from_secs(30)));
}

#[test]
fn a_055_a_later_step_makes_an_earlier_login_no_younger() {
    let held = vec![of_login(7, "password", 500, 0), of_login(8, "totp", 10, 1)];
    let mut case = Case::new(vec![step(&["password"]), step(&["totp"])], held);
    case.not_before = Some(NOW - Duration::from_secs(60));
    assert_eq!(case.asks(), Some(0));
    case.evidence.push(of_login(100, "password", 2, 0));
    let Next::Done(done) = case.plan().next else { panic!("not done: {:?}", case.plan()) };
    assert_eq!(done.auth_time(), NOW - Duration::from_secs(10), "the earliest login that counted");
    // Somebody else's evidence of that login does not make it younger either.
    let theirs = Evidence { user: UserId(id(2)), ..of_login(7, "totp", 1, 1) };
    case.evidence = vec![of_login(7, "password", 500, 0), of_login(8, "totp", 10, 1), theirs];
    assert_eq!(case.asks(), Some(0));
}

#[test]
fn a_053_what_was_proved_at_the_very_instant_of_the_request_is_not_what_prompt_login_asks_for() {
    let mut case = Case::new(vec![step(&["password"])], vec![of_login(7, "password", 0, 0)]);
    case.not_before = Some(NOW + Duration::from_micros(1));
    assert_eq!(case.asks(), Some(0));
    case.evidence.push(of_login(100, "password", 0, 0));
    assert!(matches!(case.plan().next, Next::Done(_)), "what this run itself proved was asked for by the request");
}

const ACR_1: &str = "urn:vestibule:acr:1fa";
const ACR_2: &str = "urn:vestibule:acr:2fa";
const ACR_PHR: &str = "urn:vestibule:acr:phr";

fn claim(values: &[&str], essential: bool) -> Option<AcrClaim> {
    Some(AcrClaim { values: values.iter().map(|value| (*value).to_owned()).collect(), essential })
}

/// A password, and an app for whoever needs two factors.
fn step_up(held: Vec<Evidence>) -> Case {
    let mut second = step(&["totp"]);
    second.on_request = vec![ACR_2.to_owned()];
    Case::new(vec![step(&["password"]), second], held)
}

#[test]
fn a_class_asked_for_as_a_claim_makes_the_step_due_that_only_it_needs() {
    let password = || vec![of_login(7, "password", 50, 0)];
    assert!(matches!(step_up(password()).plan().next, Next::Done(done) if done.acr() == Some(ACR_1)));
    for essential in [true, false] {
        let mut case = step_up(password());
        case.acr_claim = claim(&[ACR_2], essential);
        assert_eq!(case.asks(), Some(1), "only the step that is missing");
        case.evidence.push(of_login(100, "totp", 0, 1));
        assert!(matches!(case.plan().next, Next::Done(done) if done.acr() == Some(ACR_2)));
    }
}

#[test]
fn a_051_an_essential_class_is_reached_or_refused_and_a_wish_is_neither() {
    let both = || vec![of_login(7, "password", 50, 0), of_login(7, "totp", 40, 1)];
    for (values, essential, told) in [
        (&[ACR_PHR][..], true, None),
        (&["loa-17"], true, None),
        (&[ACR_PHR, ACR_2], true, Some(ACR_2)),
        (&["loa-17", ACR_2], true, Some(ACR_2)),
        (&[], true, Some(ACR_1)),
        (&[ACR_PHR], false, Some(ACR_1)),
        (&["loa-17"], false, Some(ACR_1)),
    ] {
        let mut case = step_up(both());
        case.acr_claim = claim(values, essential);
        match (case.plan().next, told) {
            (Next::Done(done), Some(acr)) => assert_eq!(done.acr(), Some(acr), "{values:?}"),
            (Next::Deny(denial), None) => assert_eq!(denial, Denial::AcrNotReached, "{values:?}"),
            (other, _) => panic!("{values:?} {essential}: {other:?}"),
        }
    }
    // Both ways of asking at once: neither excuses from the other.
    let mut case = step_up(both());
    (case.acr_values, case.acr_claim) = (vec![ACR_PHR.to_owned()], claim(&[ACR_2], true));
    assert_eq!(case.denies(), Denial::AcrNotReached);
}

#[test]
fn a_client_is_told_the_class_that_it_asked_for_and_not_a_stronger_one() {
    let both = || vec![of_login(7, "password", 50, 0), of_login(7, "totp", 40, 1)];
    let told = |acr_values: &[&str], acr_claim| {
        let mut case = Case::new(vec![step(&["password"]), step(&["totp"])], both());
        case.acr_values = acr_values.iter().map(|value| (*value).to_owned()).collect();
        case.acr_claim = acr_claim;
        match case.plan().next {
            Next::Done(done) => done.acr(),
            other => panic!("{acr_values:?}: {other:?}"),
        }
    };
    assert_eq!(told(&[], None), Some(ACR_2));
    assert_eq!(told(&[ACR_1], None), Some(ACR_1));
    assert_eq!(told(&[ACR_PHR, ACR_1, ACR_2], None), Some(ACR_1), "the first of them that was reached");
    assert_eq!(told(&["loa-17"], None), Some(ACR_2));
    assert_eq!(told(&[ACR_2], claim(&[ACR_1], true)), Some(ACR_1), "what is essential comes first");
    assert_eq!(told(&[ACR_2], claim(&[ACR_1], false)), Some(ACR_2));
}

fn remembered(kind: &str, ago: u64, step: usize) -> Evidence {
    Evidence { via: Via::TrustedDevice, amr: [].into(), ..evidence(kind, ago, step) }
}

fn remembering(kinds: &[&str], seconds: u32) -> Step {
    Step { remember_device: Some(Seconds(seconds)), ..step(kinds) }
}

#[test]
fn a_056_a_device_passes_only_a_step_that_remembers_and_only_as_long_as_it_says() {
    let word = || evidence("password", 1, 0);
    let case = |second: Step, device| Case::new(vec![step(&["password"]), second], vec![word(), device]);
    let done = case(remembering(&["smsotp"], 60), remembered("smsotp", 60, 1)).plan();
    assert!(matches!(done.steps[1], StepReport::Satisfied { remembered: true, .. }));
    let Next::Done(done) = done.next else { panic!("not done") };
    assert!(done.remembered());
    assert_eq!((done.acr(), done.auth_time()), (Some("urn:vestibule:acr:1fa"), NOW - Duration::from_secs(1)));
    assert_eq!(done.amr().iter().collect::<Vec<_>>(), ["password"], "a device proves nothing");
    assert_eq!(case(step(&["smsotp"]), remembered("smsotp", 1, 1)).asks(), Some(1));
    assert_eq!(case(remembering(&["smsotp"], 60), remembered("smsotp", 61, 1)).asks(), Some(1));
    assert_eq!(case(remembering(&["totp"], 60), remembered("smsotp", 1, 1)).asks(), Some(1), "weaker than the step");
    let theirs = Evidence { user: UserId(id(2)), ..remembered("smsotp", 1, 1) };
    assert_eq!(case(remembering(&["smsotp"], 60), theirs).asks(), Some(1));
    let mut unknown = case(remembering(&["smsotp"], 60), remembered("smsotp", 1, 1));
    unknown.user = None;
    assert_eq!(unknown.asks(), Some(0));
}

#[test]
fn a_056_a_device_is_never_the_only_evidence() {
    let alone = Case::new(vec![remembering(&["smsotp"], 60)], vec![remembered("smsotp", 1, 0)]);
    assert_eq!(alone.asks(), Some(0));
    let both = vec![remembered("smsotp", 1, 0), remembered("password", 1, 1)];
    let two = Case::new(vec![remembering(&["smsotp"], 60), remembering(&["password"], 60)], both);
    assert_eq!(two.asks(), Some(0));
    let one = Case::new(
        vec![remembering(&["smsotp"], 60), remembering(&["smsotp"], 60)],
        vec![evidence("smsotp", 1, 0), remembered("smsotp", 1, 0)],
    );
    assert_eq!(one.asks(), Some(1), "one credential counts once, remembered or not");
}

#[test]
fn a_056_where_a_device_is_too_weak_the_step_is_asked_and_nobody_is_refused() {
    let case = || {
        let given = vec![evidence("password", 1, 0), remembered("smsotp", 30, 1)];
        Case::new(vec![step(&["password"]), remembering(&["smsotp", "passkey"], 60)], given)
    };
    let mut acr = case();
    acr.acr_values = vec!["urn:vestibule:acr:2fa".into()];
    assert_eq!(acr.asks(), Some(1), "an acr is reached by what is proved");
    acr.acr_values = vec!["urn:vestibule:acr:1fa".into()];
    assert!(matches!(acr.plan().next, Next::Done(_)));
    let mut demanding = case();
    demanding.chain.document.demands = vec![Demand::PhishingResistant];
    assert_eq!(demanding.asks(), Some(1));
    demanding.evidence[1] = remembered("passkey", 30, 1);
    assert!(matches!(demanding.plan().next, Next::Done(_)), "the proof that is remembered was that");
    let mut fresh = case();
    fresh.not_before = Some(NOW - Duration::from_secs(5));
    assert_eq!(fresh.asks(), Some(1), "a device is as old as its proof");
    let mut aged = case();
    for alternative in &mut aged.chain.document.steps[1].alternatives {
        alternative.max_age = Some(Seconds(20));
    }
    assert_eq!(aged.asks(), Some(1));
}

/// A small generator: a million cases have to be quick.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
    fn one_in(&mut self, n: u64) -> bool {
        self.roll(n) == 0
    }
    fn kind(&mut self) -> &'static str {
        KINDS[self.roll(5) as usize].0
    }
    fn age(&mut self) -> u64 {
        [0, 30, 300, 3000][self.roll(4) as usize]
    }

    fn step(&mut self) -> Step {
        let mut step: Step = (0..=self.roll(2)).map(|_| self.alternative()).collect::<Vec<_>>().into();
        step.distinct = !self.one_in(4);
        step.remember_device = self.one_in(2).then(|| Seconds(self.age() as u32));
        if self.one_in(4) {
            step.when.push(Condition { test: self.test(), not: self.one_in(2) });
        }
        if self.one_in(8) {
            step.on_request = vec![ACR_VALUES[self.roll(3) as usize].value.to_owned()];
        }
        step
    }

    fn alternative(&mut self) -> Alternative {
        let mut alternative = Alternative::plain(if self.one_in(50) { "retina" } else { self.kind() });
        alternative.max_age = self.one_in(3).then(|| Seconds(self.age() as u32));
        alternative
    }

    fn test(&mut self) -> Test {
        match self.roll(5) {
            0 => Test::Group(if self.one_in(2) { "staff" } else { "other" }.to_owned()),
            1 => Test::Network(if self.one_in(2) { "10.0.0.0/8" } else { "192.0.2.0/24" }.to_owned()),
            2 => Test::Network("no range".to_owned()),
            3 => Test::Client("portal".to_owned()),
            _ => Test::Role("unknown".to_owned()),
        }
    }

    fn evidence(&mut self) -> Evidence {
        let kind = self.kind();
        let mut evidence = evidence(kind, self.age(), self.roll(3) as usize);
        evidence.credential = self.roll(2).to_string();
        if self.one_in(6) {
            evidence.user = UserId(id(2));
        }
        if self.one_in(3) {
            evidence = Evidence { via: Via::TrustedDevice, amr: [].into(), ..evidence };
        } else if self.one_in(2) {
            evidence.interaction = this_run();
        }
        evidence
    }

    fn case(&mut self) -> Case {
        let steps = (0..self.roll(4)).map(|_| self.step()).collect();
        let evidence = (0..self.roll(5)).map(|_| self.evidence()).collect();
        let mut case = Case::new(steps, evidence);
        if self.one_in(6) {
            case.chain.document.demands.push(Demand::Factors(2));
        }
        if self.one_in(4) {
            case.acr_values = vec![ACR_VALUES[self.roll(3) as usize].value.to_owned()];
        }
        if self.one_in(6) {
            let values = vec![ACR_VALUES[self.roll(3) as usize].value.to_owned()];
            case.acr_claim = Some(AcrClaim { values, essential: self.one_in(2) });
        }
        if self.one_in(6) {
            case.not_before = Some(NOW - Duration::from_secs(self.age()));
        }
        if self.one_in(8) {
            case.user = None;
        }
        case
    }
}

/// The oracle: whether the due steps can be given evidence at all, by trying every way.
fn oracle_allows(case: &Case, step: usize, used: &[&Evidence]) -> bool {
    let Some(here) = case.chain.document.steps.get(step) else {
        let factors: BTreeSet<_> = used.iter().flat_map(|e| &e.factors).collect();
        let in_person = used.iter().any(|e| e.via == Via::Direct);
        return in_person && (case.chain.document.demands.is_empty() || factors.len() >= 2);
    };
    let named = |v: &String| case.acr_values.contains(v) || case.acr_claim.iter().any(|c| c.values.contains(v));
    let not_asked = !here.on_request.is_empty() && !here.on_request.iter().any(named);
    let excused = here.when.iter().any(|c| match &c.test {
        Test::Group(name) => (name == "staff") == c.not,
        Test::Network(range) if range == "no range" => false,
        Test::Network(range) => (range == "10.0.0.0/8") == c.not,
        Test::Client(_) => c.not,
        _ => false,
    });
    if not_asked || excused {
        return oracle_allows(case, step + 1, used);
    }
    case.evidence.iter().any(|e| {
        let fits = here.alternatives.iter().any(|a| {
            let Some((name, factors, properties)) = KINDS.iter().find(|(name, ..)| *name == a.authenticator.as_str())
            else {
                return false;
            };
            let proves =
                factors.iter().all(|f| e.factors.contains(f)) && properties.iter().all(|p| e.properties.contains(p));
            let fresh = a.max_age.is_none_or(|age| NOW.0 - e.at.0 <= i64::from(age.0) * 1_000_000);
            fresh && if *name == "emailotp" { e.authenticator.as_str() == *name } else { proves }
        });
        let theirs = Some(e.user) == case.user
            && case.not_before.is_none_or(|limit| {
                let login = |other: &&Evidence| {
                    (other.interaction, other.user, other.via) == (e.interaction, e.user, Via::Direct)
                };
                if e.via == Via::TrustedDevice {
                    return e.at >= limit;
                }
                e.interaction == this_run() || case.evidence.iter().filter(login).any(|other| other.at >= limit)
            });
        let free =
            !here.distinct || !used.iter().any(|u| u.authenticator == e.authenticator && u.credential == e.credential);
        let remembered = e.via == Via::Direct
            || here.remember_device.is_some_and(|age| NOW.0 - e.at.0 <= i64::from(age.0) * 1_000_000);
        fits && theirs && free && remembered && oracle_allows(case, step + 1, &[used, &[e]].concat())
    })
}

/// Whether the person did in this run what an alternative asks for, and is not to be asked for it again.
fn oracle_gave(case: &Case, step: usize, alternative: &Alternative) -> bool {
    case.evidence.iter().any(|e| {
        let own = (e.interaction, e.step, e.via, Some(e.user)) == (this_run(), step, Via::Direct, case.user);
        let fresh = alternative.max_age.is_none_or(|age| NOW.0 - e.at.0 <= i64::from(age.0) * 1_000_000);
        own && fresh && e.authenticator == alternative.authenticator
    })
}

#[test]
fn a_059_done_comes_only_when_every_due_step_passed() {
    let registry = registry();
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let (mut done, mut asked, mut denied, mut remembered) = (0, 0, 0, 0);
    for round in 0..1_000_000 {
        let case = dice.case();
        let plan = case.plan_with(&registry);
        assert_eq!(plan.steps.len(), case.chain.document.steps.len());
        match plan.next {
            Next::Done(completed) => {
                done += 1;
                remembered += u32::from(completed.remembered());
                assert!(oracle_allows(&case, 0, &[]), "round {round}: {:?} {:?}", case.chain, case.evidence);
                assert_eq!(Some(completed.user()), case.user);
                // What this run proved it proved after the request; the dice do not know that.
                let own = case.evidence.iter().filter(|e| e.interaction == this_run() && e.user == completed.user());
                let asked_later =
                    own.map(|e| e.at).max().is_none_or(|end| case.not_before.is_none_or(|limit| end >= limit));
                let late_enough = case.not_before.is_none_or(|limit| completed.auth_time() >= limit);
                assert!(late_enough || !asked_later, "round {round}");
                let essential = case.acr_claim.as_ref().filter(|claim| claim.essential);
                assert!(
                    essential.is_none_or(|claim| completed.acr() == Some(claim.values[0].as_str())),
                    "round {round}"
                );
                let given: BTreeSet<_> = case.evidence.iter().flat_map(|e| &e.amr).collect();
                assert!(completed.amr().iter().all(|amr| given.contains(amr)));
                assert!(completed.auth_time() <= NOW);
            }
            Next::Ask { step, alternatives } => {
                asked += 1;
                assert!(matches!(plan.steps[step], StepReport::Due { .. }));
                assert!(!alternatives.is_empty());
                let offered = alternatives.iter().map(|at| &case.chain.document.steps[step].alternatives[*at]);
                for alternative in offered {
                    assert!(!oracle_gave(&case, step, alternative), "round {round}: asked again for {alternative:?}");
                }
            }
            Next::Enrol { .. } => panic!("round {round}: every alternative is ready"),
            Next::Deny(_) => denied += 1,
        }
    }
    // The generator reaches every outcome often enough to mean something.
    let enough = [done, asked, denied].iter().all(|n| *n > 50_000) && remembered > 3_000;
    assert!(enough, "{done} {asked} {denied} {remembered}");
}

#[test]
fn a_050_what_may_be_set_up_besides_opens_nothing() {
    let registry = registry();
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    let (mut offered, mut enrolled, mut refused) = (0, 0, 0);
    for round in 0..200_000 {
        let mut case = dice.case();
        let rows = case.chain.document.steps.iter().map(|step| {
            let ready = |_: &Alternative| match dice.roll(4) {
                0 => Readiness::Ready { target: None },
                1 | 2 => Readiness::CanEnrol,
                _ => Readiness::Broken { why: "away".to_owned() },
            };
            step.alternatives.iter().map(ready).collect()
        });
        case.availability = Some(Availability(rows.collect()));
        let mut with = |policy: EnrolPolicy| {
            case.chain.document.steps.iter_mut().for_each(|step| step.enrol = policy);
            case.plan_with(&registry)
        };
        let [refuse, allow, require] = [EnrolPolicy::Refuse, EnrolPolicy::Allow, EnrolPolicy::Require].map(&mut with);
        assert!(refuse.besides.is_empty() && require.besides.is_empty(), "round {round}");
        // What is due, and what comes of it, is the same.
        assert_eq!(format!("{:?}", allow.next), format!("{:?}", require.next), "round {round}");
        assert_eq!(allow.steps, require.steps, "round {round}");
        match (&refuse.next, &require.next) {
            (Next::Enrol { .. }, _) => panic!("round {round}: it was refused"),
            // Set up now, or after a login that is not too old for that.
            (Next::Deny(_), Next::Enrol { .. } | Next::Ask { .. }) => refused += 1,
            // Nobody is let past either way; what is too old to set one up by may be missing at an earlier step.
            (Next::Deny(_), Next::Deny(_)) => {}
            (refuse, require) => assert_eq!(format!("{refuse:?}"), format!("{require:?}"), "round {round}"),
        }
        match &allow.next {
            Next::Ask { step, alternatives } => {
                offered += usize::from(!allow.besides.is_empty());
                for besides in &allow.besides {
                    assert!(case.user.is_some() && !alternatives.contains(besides), "round {round}");
                    let way = &case.chain.document.steps[*step].alternatives[*besides];
                    assert_ne!(way.authenticator.as_str(), "password", "it cannot be set up by its owner");
                    let availability = case.availability.as_ref().unwrap();
                    assert_eq!(availability.of(*step, *besides), Readiness::CanEnrol, "round {round}");
                }
            }
            Next::Enrol { .. } => {
                enrolled += 1;
                assert!(allow.besides.is_empty());
            }
            Next::Done(_) | Next::Deny(_) => assert!(allow.besides.is_empty()),
        }
    }
    assert!(offered > 1000 && enrolled > 1000 && refused >= enrolled, "{offered} {enrolled} {refused}");
}

#[test]
fn what_was_changed_passes_a_step_with_a_cool_off_from_the_minute_it_is_over() {
    let cool_off = |mut step: Step| {
        step.cool_off = Some(Seconds(86_400));
        step
    };
    let case = |changed: Option<u64>, ways: &[&str]| {
        let changed_at = changed.map(|ago| NOW - Duration::from_secs(ago));
        let sms = Evidence { changed_at, ..evidence("smsotp", 1, 1) };
        Case::new(vec![step(&["password"]), cool_off(step(ways))], vec![evidence("password", 1, 0), sms])
    };
    for ways in [&["smsotp"][..], &["recovery", "smsotp"]] {
        for (changed, opens) in
            [(None, true), (Some(0), false), (Some(86_340), false), (Some(86_399), false), (Some(86_400), true)]
        {
            let next = case(changed, ways).plan().next;
            assert_eq!(matches!(next, Next::Done(_)), opens, "{changed:?} {ways:?}: {next:?}");
        }
    }
    // Where nothing is said it counts at once.
    let mut plain = case(Some(0), &["smsotp"]);
    plain.chain.document.steps[1].cool_off = None;
    assert!(matches!(plain.plan().next, Next::Done(_)));
}
