//! The `password` authenticator.

use std::collections::BTreeSet;

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use vestibule_core::{
    Authenticator, Descriptor, FactorClass, Outcome, Readiness, Rejection, StepContext, StepError,
    authenticator::{Enrolment, Opening, Proof},
    prompt::{Field, FieldKind, Fields, Prompt, Text},
    user::Credential,
};

use crate::{
    HashError, HashPool, MAX_BYTES, PasswordRefused, Policy,
    mark::{marked, marked_as, must_change},
    names_of,
};

const MESSAGES: &[(&str, &str)] = &[
    ("password.label", "Password"),
    ("password.title", "Sign in"),
    ("password.field", "Password"),
    ("password.submit", "Continue"),
    ("password.wrong", "The user name or the password is not right."),
    ("password.empty", "Please enter your password."),
    ("password.malformed", "This is longer than any password here. Please check what was pasted."),
    ("password.change", "Choose another password"),
    (
        "password.change_lead",
        "Others may know this password: the people who look after your account saw signs of that, or it was found in data that was stolen elsewhere. So you are asked for another one, and not because of its age. Whoever is signed in to your account elsewhere is signed out.",
    ),
    ("password.change_field", "New password"),
    ("password.change_submit", "Set password"),
    ("password.change_same", "This is the password that others may know. Please choose another one."),
    (
        "password.change_short",
        "This is too short: a password has at least {minimum} characters. Please choose another one.",
    ),
    ("password.change_common", "This is one of the first passwords that are tried. Please choose another one."),
    (
        "password.change_named",
        "This is little more than the name of the account or of this service. Please choose another one.",
    ),
    ("password.change_breached", "This password was found in data stolen elsewhere. Please choose another one."),
    (
        "password.change_unchecked",
        "At the moment nobody can say whether this password is a common one. Please try again later.",
    ),
    ("password.busy", "Many people are signing in at this moment. Please try again in a few seconds."),
];

/// Verifies passwords. The credential's secret is a hash, as a PHC string or as another program wrote it; the latest credential is the password, so that an older one
/// never works again.
pub struct Password {
    descriptor: Descriptor,
    pub(crate) pool: HashPool,
    pub(crate) policy: Policy,
    /// Whether one that is found in the lists of the policy when it is used must change.
    renews_known: bool,
    decoy: String,
}

impl Password {
    /// The authenticator's name in chains.
    pub const NAME: &str = "password";
    const FIELD: &str = "password";

    /// An authenticator whose hashes are computed on `pool`.
    ///
    /// # Errors
    /// When the pool's parameters are out of range.
    pub fn new(pool: HashPool) -> Result<Self, HashError> {
        let descriptor = Descriptor {
            name: Self::NAME.into(),
            factors: BTreeSet::from([FactorClass::Knowledge]),
            properties: BTreeSet::new(),
            amr: BTreeSet::from(["pwd".to_owned()]),
            opening: Opening::Free,
            connection: None,
            settings: serde_json::json!({ "type": "object", "additionalProperties": false, "properties": {} }),
            messages: MESSAGES,
        };
        Ok(Self { descriptor, decoy: pool.decoy()?, pool, policy: Policy::default(), renews_known: false })
    }

    /// What a new one has to be that is chosen within a sign-in.
    #[must_use]
    pub fn choosing(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Whether a password must change that turns out, when it is used, to be one that is tried first or was in a breach.
    #[must_use]
    pub fn renewing_known(self, renews_known: bool) -> Self {
        Self { renews_known, ..self }
    }

    pub(crate) fn proof(&self, credential: &str) -> Proof {
        Proof {
            credential: credential.to_owned(),
            factors: self.descriptor.factors.clone(),
            properties: BTreeSet::new(),
            amr: self.descriptor.amr.clone(),
        }
    }

    /// A hash with other parameters than today's is renewed while the password is at hand. If that cannot be done now, the
    /// next login does it: the person has proved who they are.
    async fn renew(&self, cx: &mut StepContext<'_>, credential: &Credential, password: &SecretString) {
        let stored = credential.secret.expose_secret();
        let mut kept = stored.to_owned();
        if self.pool.outdated(stored) == Ok(true)
            && let Ok(hash) = self.pool.hash(password).await
        {
            kept = marked_as(stored, hash);
        }
        if self.renews_known && !must_change(stored) && self.known(cx, password).await {
            kept = marked(&kept);
        }
        if kept != stored {
            cx.renew_credential(credential, kept.into());
        }
    }

    /// Whether it is in the lists: the one evidence of a compromise that can be seen from here.
    async fn known(&self, cx: &StepContext<'_>, password: &SecretString) -> bool {
        let names = cx.user.map(names_of).unwrap_or_default();
        matches!(self.policy.check(password, &names).await, Err(PasswordRefused::Common | PasswordRefused::Breached))
    }
}

#[async_trait]
impl Authenticator for Password {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn one_each(&self) -> bool {
        true
    }

    fn must_change(&self, credential: &Credential) -> bool {
        must_change(credential.secret.expose_secret())
    }

    fn replacement(&self) -> Option<&dyn Enrolment> {
        Some(self)
    }

    async fn readiness(&self, cx: &StepContext<'_>) -> Result<Readiness, StepError> {
        if cx.user.is_some() && cx.credentials.is_empty() {
            return Ok(Readiness::Unavailable { why: "the user has no password".to_owned() });
        }
        Ok(Readiness::Ready { target: None })
    }

    async fn begin(&self, _: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        Ok(Outcome::Ask(Prompt {
            title: Text::new("password.title"),
            lead: None,
            exhibit: None,
            fields: vec![Field {
                name: Self::FIELD.to_owned(),
                label: Text::new("password.field"),
                kind: FieldKind::Password,
            }],
            submit: Text::new("password.submit"),
        }))
    }

    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        let typed = input.get(Self::FIELD);
        if typed.is_empty() {
            return Ok(Rejection::Empty.into());
        }
        if typed.len() > MAX_BYTES {
            return Ok(Rejection::Malformed.into());
        }
        let password = SecretString::from(typed);
        let credential = cx.user.and(cx.credentials.last()).cloned();
        let hash = credential.as_ref().map_or(self.decoy.as_str(), |credential| credential.secret.expose_secret());
        let right = self.pool.verify(&password, hash).await?;
        match credential {
            Some(credential) if right => {
                self.renew(cx, &credential, &password).await;
                Ok(Outcome::Passed(self.proof(&credential.id.to_string())))
            }
            _ => Ok(Rejection::Wrong.into()),
        }
    }
}

impl From<HashError> for StepError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::Busy,
            HashError::Unreadable(_) | HashError::TooCostly(_) => Self::Misconfigured(error.to_string()),
            HashError::NoMemory | HashError::Stopped => Self::Unavailable(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::{Map, Value};
    use vestibule_core::testing::{
        contract::{Contract, authenticator_contract},
        step::StepFixture,
    };

    use super::*;
    use crate::{HashParams, PoolSettings};

    const CHEAP: HashParams = HashParams { memory_kib: 64, passes: 1, lanes: 1 };

    fn password(params: HashParams) -> Password {
        Password::new(HashPool::new(PoolSettings { params, ..PoolSettings::default() }).unwrap()).unwrap()
    }

    async fn alice(authenticator: &Password, secret: &str) -> StepFixture {
        StepFixture::new().credential("password", authenticator.pool.hash(&secret.into()).await.unwrap())
    }

    fn typed(text: &str) -> Fields {
        Fields::from_iter([("password", text)])
    }

    struct Suite(Password);

    #[async_trait]
    impl Contract for Suite {
        fn authenticator(&self) -> &dyn Authenticator {
            &self.0
        }
        async fn ready(&self) -> StepFixture {
            alice(&self.0, "correct horse").await
        }
        async fn right(&self, _: &StepFixture) -> Fields {
            typed("correct horse")
        }
        async fn wrong(&self, _: &StepFixture) -> Fields {
            typed("Correct horse")
        }
        fn bad_settings(&self) -> Vec<Map<String, Value>> {
            vec![Map::from_iter([("memory_kib".to_owned(), 19456.into())])]
        }
    }

    #[tokio::test]
    async fn it_keeps_the_contract() {
        authenticator_contract(&Suite(password(CHEAP))).await;
    }

    #[tokio::test]
    async fn a_065_a_long_password_counts_to_its_last_character_and_an_endless_one_costs_nothing() {
        let authenticator = password(CHEAP);
        for long in ["x".repeat(128), "👩‍🚀🔑é".repeat(20), "x".repeat(MAX_BYTES)] {
            let mut step = alice(&authenticator, &long).await;
            let passed = step.answer(&authenticator, &typed(&long)).await.unwrap();
            assert!(matches!(passed, Outcome::Passed(_)));
            let cut: String = long.chars().take(long.chars().count() - 1).collect();
            let outcome = step.answer(&authenticator, &typed(&cut)).await.unwrap();
            assert!(matches!(outcome, Outcome::Rejected(Rejection::Wrong)), "the last character was not looked at");
        }
        // A pool that takes no job: had it been hashed, this would be an error.
        let full = password(CHEAP);
        let endless = "x".repeat(MAX_BYTES + 1);
        let refusing = Password { pool: refusing_pool(), ..full };
        let outcome = alice(&authenticator, "secret").await.answer(&refusing, &typed(&endless)).await.unwrap();
        assert!(matches!(outcome, Outcome::Rejected(Rejection::Malformed)));
        let busy = alice(&authenticator, "secret").await.answer(&refusing, &typed("secret")).await;
        assert!(matches!(busy, Err(StepError::Busy)), "our trouble, never a wrong try: {busy:?}");
    }

    fn refusing_pool() -> HashPool {
        HashPool::new(PoolSettings { params: CHEAP, deadline: Duration::ZERO, ..PoolSettings::default() }).unwrap()
    }

    #[tokio::test]
    async fn a_060_nobody_and_a_wrong_password_cost_the_same() {
        let authenticator = password(HashParams { memory_kib: 8 * 1024, passes: 2, lanes: 1 });
        let known = alice(&authenticator, "secret").await;
        let (nobody, without) = (StepFixture::new().nobody(), StepFixture::new());
        let mut times: [Vec<Duration>; 3] = Default::default();
        let mut steps = [known, nobody, without];
        for _ in 0..15 {
            for (step, times) in steps.iter_mut().zip(&mut times) {
                let start = Instant::now();
                let outcome = step.answer(&authenticator, &typed("wrong")).await.unwrap();
                times.push(start.elapsed());
                assert!(matches!(outcome, Outcome::Rejected(Rejection::Wrong)));
            }
        }
        let [known, nobody, without] = times.map(|mut times| {
            times.sort();
            times[times.len() / 2]
        });
        // Coarse on purpose, the machine may be busy: without the decoy these two would take a hundredth.
        assert!(nobody * 2 > known && without * 2 > known, "{known:?} {nobody:?} {without:?}");
    }

    #[tokio::test]
    async fn a_hash_with_other_parameters_is_renewed_by_the_right_password_only() {
        let (old, new) = (password(CHEAP), password(HashParams { passes: 2, ..CHEAP }));
        let mut step = alice(&old, "secret").await;
        step.answer(&new, &typed("wrong")).await.unwrap();
        assert!(step.renewed().is_empty());
        step.answer(&new, &typed("secret")).await.unwrap();
        let [renewed] = step.renewed() else { panic!("renewed once") };
        assert_eq!((renewed.id, renewed.version), (step.credentials[0].id, step.credentials[0].version));
        let hash = renewed.secret.expose_secret();
        assert!(hash.contains("$m=64,t=2,p=1$"), "{hash}");
        assert_eq!(new.pool.verify(&"secret".into(), hash).await, Ok(true));

        let mut current = alice(&new, "secret").await;
        current.answer(&new, &typed("secret")).await.unwrap();
        assert!(current.renewed().is_empty(), "nothing to renew");
    }

    #[tokio::test]
    async fn a_hash_of_another_program_opens_and_becomes_one_of_ours() {
        let authenticator = password(CHEAP);
        let bcrypt = "$2b$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG";
        let mut step = StepFixture::new().credential("password", bcrypt);
        let outcome = step.answer(&authenticator, &typed("letmein")).await.unwrap();
        assert!(matches!(outcome, Outcome::Rejected(Rejection::Wrong)) && step.renewed().is_empty());
        let outcome = step.answer(&authenticator, &typed("lètmein")).await.unwrap();
        assert!(matches!(outcome, Outcome::Passed(_)));
        let [renewed] = step.renewed() else { panic!("renewed once") };
        let hash = renewed.secret.expose_secret();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert_eq!(authenticator.pool.verify(&"lètmein".into(), hash).await, Ok(true));
    }

    #[tokio::test]
    async fn only_the_latest_password_works() {
        let authenticator = password(CHEAP);
        let newer = authenticator.pool.hash(&"newer".into()).await.unwrap();
        let mut step = alice(&authenticator, "older").await.credential("password", newer);
        let outcome = step.answer(&authenticator, &typed("older")).await.unwrap();
        assert!(matches!(outcome, Outcome::Rejected(Rejection::Wrong)));
        assert!(matches!(step.answer(&authenticator, &typed("newer")).await.unwrap(), Outcome::Passed(_)));
    }

    #[tokio::test]
    async fn a_069_a_stored_hash_that_cannot_be_used_is_our_trouble() {
        let authenticator = password(CHEAP);
        let costly = "$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzYWx0$RdescudvJCsgt3ub+b+dWRWJTmaaJObG";
        for stored in [costly, "", "secret", "$argon2id$v=19$m=64,t=1,p=1"] {
            let outcome =
                StepFixture::new().credential("password", stored).answer(&authenticator, &typed("secret")).await;
            assert!(matches!(outcome, Err(StepError::Misconfigured(_))), "{stored}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_user_without_a_password_is_not_ready() {
        let readiness = StepFixture::new().readiness(&password(CHEAP)).await.unwrap();
        assert!(matches!(readiness, Readiness::Unavailable { .. }));
    }
}
