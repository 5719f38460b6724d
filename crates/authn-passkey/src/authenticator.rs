//! The `passkey` authenticator: whoever signs the challenge of this page has the device, and the device says who holds it.
//!
//! It proves possession; where the device has verified who holds it, also what that was: a fingerprint, a face, or a PIN that
//! unlocks the device and never leaves it (NIST SP 800-63B-4, section 3.1.7). Which of them it was, a device does not say, so one
//! class stands for all. The browser signs the origin of the page along, so that a page elsewhere can pass nothing on.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use serde_json::{Map, Value};
use uuid::Uuid;
use vestibule_core::{
    Authenticator, Descriptor, FactorClass, Outcome, Readiness, Rejection, StepContext, StepError,
    authenticator::{Enrolment, Opening, Proof},
    evidence::Property,
    id::UserId,
    prompt::{Exhibit, Field, FieldKind, Fields, Prompt, Text},
    user::Credential,
};
use webauthn_rs_core::{
    error::WebauthnError,
    proto::{
        self, COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType, ECDSACurve, PublicKeyCredential, RegisteredExtensions,
        UserVerificationPolicy,
    },
};

use crate::{Key, Party, Unusable, messages::MESSAGES, party::Refused, settings::Settings};

/// Verifies passkeys. The credential's secret is a [`Key`]; somebody may have several.
pub struct Passkeys {
    descriptor: Descriptor,
    pub(crate) party: Party,
}

impl Passkeys {
    /// The authenticator's name in chains.
    pub const NAME: &str = "passkey";
    pub(crate) const FIELD: &str = "credential";
    /// With the certificates of an attestation an answer has a few thousand bytes.
    const LONGEST: usize = 32 * 1024;
    /// A challenge is good for this and the next window of that length: five minutes at most.
    const WINDOW: Duration = Duration::from_secs(150);

    /// The authenticator, for this relying party.
    pub fn new(party: Party) -> Self {
        Self {
            descriptor: Descriptor {
                name: Self::NAME.into(),
                factors: BTreeSet::from([FactorClass::Possession, FactorClass::Inherence]),
                properties: BTreeSet::from([
                    Property::Unrestricted,
                    Property::PhishingResistant,
                    Property::UserVerified,
                ]),
                amr: BTreeSet::from(["hwk", "swk", "pop", "user"].map(str::to_owned)),
                opening: Opening::Free,
                connection: None,
                settings: Settings::schema(),
                messages: MESSAGES,
            },
            party,
        }
    }

    /// The proof of who has the device with `key`, and was verified by it or not.
    pub(crate) fn proof(&self, credential: String, key: &Key, verified: bool) -> Proof {
        let mut factors = BTreeSet::from([FactorClass::Possession]);
        let mut properties = BTreeSet::from([Property::Unrestricted, Property::PhishingResistant]);
        if verified {
            factors.insert(FactorClass::Inherence);
            properties.insert(Property::UserVerified);
        }
        let kept = if key.synced() { "swk" } else { "hwk" };
        let amr = [kept, "pop", "user"].map(str::to_owned).into();
        Proof { credential, factors, properties, amr }
    }

    fn judge(&self, cx: &StepContext<'_>, answer: &PublicKeyCredential) -> Result<Judged, StepError> {
        let policy = UserVerificationPolicy::from(read(cx)?.verification);
        let challenges = cx.nonces(Self::WINDOW);
        let mut found = None;
        for credential in own(cx) {
            let key = Key::read(&credential.secret)?;
            if key.credential.cred_id == answer.raw_id {
                found = Some((credential, key));
            }
        }
        let of_user = cx.user.is_some_and(|user| handle(answer).is_none_or(|id| id == Some(user.id)));
        let Some((credential, key)) = found.filter(|_| of_user) else {
            // As long as with a passkey, and whatever comes of it.
            let _ = self.party.verify(answer, &challenges, policy, &decoy(answer.raw_id.clone()));
            return Ok(Err(Rejection::Wrong));
        };
        match self.party.verify(answer, &challenges, policy, &key.credential) {
            Ok((challenge, _)) if key.answered(challenge) => Ok(Err(Rejection::Expired)),
            Ok((challenge, result)) => {
                let key = key.used(challenge, &result);
                Ok(Ok(Used { credential: credential.clone(), verified: result.user_verified(), key }))
            }
            Err(refused) => rejected(&refused, credential).map(Err),
        }
    }
}

/// A passkey that was used.
struct Used {
    credential: Credential,
    /// What is to be kept of it now.
    key: Key,
    /// Whether the device verified who holds it.
    verified: bool,
}

type Judged = Result<Used, Rejection>;

/// What the person is told of a refusal, and what the log is.
fn rejected(refused: &Refused, credential: &Credential) -> Result<Rejection, StepError> {
    match refused {
        Refused::Stale => Ok(Rejection::Expired),
        Refused::Wrong(WebauthnError::CredentialPossibleCompromise) => {
            let (user, credential) = (credential.user, credential.id);
            tracing::warn!(%user, %credential, "a passkey counts backwards: there may be a copy of it");
            Ok(Rejection::Wrong)
        }
        Refused::Wrong(error) => {
            tracing::info!(credential = %credential.id, %error, "a passkey was refused");
            Ok(Rejection::Wrong)
        }
        Refused::Broken => Err(broken()),
    }
}

pub(crate) fn broken() -> StepError {
    StepError::Misconfigured("the library for passkeys has changed what it keeps".to_owned())
}

pub(crate) fn read(cx: &StepContext<'_>) -> Result<Settings, StepError> {
    Settings::read(cx.settings).map_err(StepError::Misconfigured)
}

/// The passkeys of who is authenticating; nobody has none.
pub(crate) fn own<'a>(cx: &StepContext<'a>) -> &'a [Credential] {
    cx.user.map_or(&[], |_| cx.credentials)
}

/// The same, as they are kept.
pub(crate) fn keys(cx: &StepContext<'_>) -> Result<Vec<Key>, Unusable> {
    own(cx).iter().map(|own| Key::read(&own.secret)).collect()
}

/// What the browser answered.
pub(crate) fn parsed<T: serde::de::DeserializeOwned>(input: &Fields) -> Result<T, Rejection> {
    let text = input.get(Passkeys::FIELD);
    match () {
        () if text.trim().is_empty() => Err(Rejection::Empty),
        () if text.len() > Passkeys::LONGEST => Err(Rejection::Malformed),
        () => serde_json::from_str(text).map_err(|_| Rejection::Malformed),
    }
}

/// Whose the passkey says that it is: nothing, or an id, or what is none.
fn handle(answer: &PublicKeyCredential) -> Option<Option<UserId>> {
    let handle = answer.get_user_unique_id().filter(|handle| !handle.is_empty())?;
    Some(Uuid::from_slice(handle).ok().map(UserId))
}

/// A passkey of nobody, on the curve of nearly all: that its private key is known makes no difference, since nobody is asked
/// what came of it.
fn decoy(id: Vec<u8>) -> proto::Credential {
    // The base point of P-256.
    const X: [u8; 32] = [
        0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03,
        0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    ];
    const Y: [u8; 32] = [
        0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce,
        0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
    ];
    let point = COSEEC2Key { curve: ECDSACurve::SECP256R1, x: X.to_vec(), y: Y.to_vec() };
    proto::Credential {
        cred_id: id,
        cred: COSEKey { type_: COSEAlgorithm::ES256, key: COSEKeyType::EC_EC2(point) },
        counter: 0,
        transports: None,
        user_verified: false,
        backup_eligible: false,
        backup_state: false,
        registration_policy: UserVerificationPolicy::Required,
        extensions: RegisteredExtensions::none(),
        attestation: proto::ParsedAttestation::default(),
        attestation_format: proto::AttestationFormat::None,
    }
}

/// The field that the page's script fills in.
pub(crate) fn field() -> Field {
    Field { name: Passkeys::FIELD.to_owned(), label: Text::new("passkey.field"), kind: FieldKind::PublicKey }
}

#[async_trait]
impl Authenticator for Passkeys {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn readiness(&self, cx: &StepContext<'_>) -> Result<Readiness, StepError> {
        if cx.user.is_some() && own(cx).is_empty() {
            return Ok(Readiness::CanEnrol);
        }
        Ok(Readiness::Ready { target: None })
    }

    async fn begin(&self, cx: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        let policy = read(cx)?.verification.into();
        let [challenge, _] = cx.nonces(Self::WINDOW);
        // Which passkeys somebody has is told to them alone. To everybody else the device says whose it has.
        let own = if cx.proven { keys(cx)? } else { Vec::new() };
        let own = own.into_iter().map(|key| key.credential).collect();
        let options = self.party.ask(&challenge, policy, own).map_err(|_| broken())?;
        Ok(Outcome::Ask(Prompt {
            title: Text::new("passkey.title"),
            lead: Some(Text::new("passkey.lead").with("host", cx.host)),
            exhibit: Some(Exhibit::PublicKey { create: false, options }),
            fields: vec![field()],
            submit: Text::new("passkey.submit"),
        }))
    }

    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        let answer = match parsed::<PublicKeyCredential>(input) {
            Ok(answer) => answer,
            Err(rejection) => return Ok(rejection.into()),
        };
        match self.judge(cx, &answer)? {
            Err(rejection) => Ok(rejection.into()),
            Ok(Used { credential, key, verified }) => {
                cx.spend_credential(&credential, key.secret()?);
                Ok(Outcome::Passed(self.proof(credential.id.to_string(), &key, verified)))
            }
        }
    }

    // A signature is looked at in less time than a transaction takes, and nobody guesses one.
    fn costly(&self) -> bool {
        false
    }

    fn check_settings(&self, settings: &Map<String, Value>) -> Result<(), String> {
        Settings::read(settings).map(|_| ())
    }

    fn claims(&self, input: &Fields) -> Option<UserId> {
        handle(&parsed(input).ok()?).flatten()
    }

    fn about(&self, credential: &Credential) -> Option<Text> {
        let synced = Key::read(&credential.secret).ok()?.synced();
        Some(Text::new(if synced { "passkey.synced" } else { "passkey.bound" }))
    }

    fn enrolment(&self) -> Option<&dyn Enrolment> {
        Some(self)
    }
}

impl From<Unusable> for StepError {
    fn from(error: Unusable) -> Self {
        Self::Misconfigured(error.to_string())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Mutex;

    use vestibule_core::{
        id::CredentialId,
        testing::{
            contract::{Contract, authenticator_contract},
            step::StepFixture,
        },
    };

    use super::*;
    use crate::testing::SoftKey;

    pub(crate) const ORIGIN: &str = "https://login.example.org";

    pub(crate) fn passkeys() -> Passkeys {
        Passkeys::new(Party::new(&ORIGIN.parse().unwrap(), &[]).unwrap())
    }

    /// What the browser is asked.
    pub(crate) fn asked(outcome: Outcome) -> Value {
        let Outcome::Ask(prompt) = outcome else { panic!("{outcome:?}") };
        let Some(Exhibit::PublicKey { options, .. }) = prompt.exhibit else { panic!("a question") };
        options
    }

    pub(crate) fn given(answer: &str) -> Fields {
        Fields::from_iter([("credential", answer)])
    }

    async fn question(step: &StepFixture) -> Value {
        asked(Authenticator::begin(&passkeys(), &mut step.context()).await.unwrap())
    }

    /// Sets one up.
    pub(crate) async fn enrolled(mut step: StepFixture, device: &mut SoftKey) -> StepFixture {
        let passkeys = passkeys();
        let options = asked(step.begin_enrolment(&passkeys).await.unwrap());
        let outcome = step.answer_enrolment(&passkeys, &given(&device.create(&options))).await.unwrap();
        assert!(matches!(outcome, Outcome::Passed(_)), "{outcome:?}");
        step.settle(&passkeys);
        step.state = Value::Null;
        step
    }

    /// Alice, with a device.
    async fn alice() -> (StepFixture, SoftKey) {
        let mut device = SoftKey::new(ORIGIN);
        (enrolled(StepFixture::new(), &mut device).await, device)
    }

    async fn answers(step: &mut StepFixture, answer: &str) -> Outcome {
        let outcome = step.answer(&passkeys(), &given(answer)).await.unwrap();
        step.settle(&passkeys());
        outcome
    }

    /// Asks and answers.
    async fn uses(step: &mut StepFixture, device: &mut SoftKey) -> Outcome {
        let answer = device.get(&question(step).await);
        answers(step, &answer).await
    }

    fn wrong(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Rejected(Rejection::Wrong))
    }

    fn expired(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Rejected(Rejection::Expired))
    }

    struct Suite(Passkeys, Mutex<SoftKey>, Mutex<Option<(CredentialId, String)>>);

    #[async_trait]
    impl Contract for Suite {
        fn authenticator(&self) -> &dyn Authenticator {
            &self.0
        }
        async fn ready(&self) -> StepFixture {
            use secrecy::ExposeSecret as _;
            let kept = self.2.lock().unwrap().clone();
            if let Some((_, secret)) = kept {
                return StepFixture::new().credential(Passkeys::NAME, secret);
            }
            let mut device = SoftKey::new(ORIGIN);
            let step = enrolled(StepFixture::new(), &mut device).await;
            let own = &step.credentials[0];
            *self.2.lock().unwrap() = Some((own.id, own.secret.expose_secret().to_owned()));
            *self.1.lock().unwrap() = device;
            StepFixture::new().credential(Passkeys::NAME, own.secret.expose_secret())
        }
        async fn right(&self, step: &StepFixture) -> Fields {
            let options = question(step).await;
            given(&self.1.lock().unwrap().get(&options))
        }
        async fn wrong(&self, step: &StepFixture) -> Fields {
            let options = question(step).await;
            given(&SoftKey::new(ORIGIN).get(&options))
        }
        fn bad_settings(&self) -> Vec<Map<String, Value>> {
            [("user_verification", Value::from("discouraged")), ("models", 1.into()), ("roots", "x".into())]
                .map(|(name, value)| Map::from_iter([(name.to_owned(), value)]))
                .into()
        }
    }

    #[tokio::test]
    async fn it_keeps_the_contract() {
        let suite = Suite(passkeys(), Mutex::new(SoftKey::new(ORIGIN)), Mutex::default());
        authenticator_contract(&suite).await;
    }

    #[tokio::test]
    async fn one_that_verified_who_holds_it_is_two_factors_and_one_that_did_not_is_one() {
        let (mut step, mut device) = alice().await;
        let answer = device.get(&question(&step).await);
        let Outcome::Passed(proof) = answers(&mut step, &answer).await else { panic!("it is right") };
        assert_eq!(proof.factors, BTreeSet::from([FactorClass::Possession, FactorClass::Inherence]));
        assert_eq!(proof.properties, passkeys().descriptor.properties);
        assert_eq!(proof.amr, BTreeSet::from(["hwk", "pop", "user"].map(str::to_owned)));
        assert_eq!(proof.credential, step.credentials[0].id.to_string());

        let mut device = SoftKey { verified: false, synced: true, counter: None, ..SoftKey::new(ORIGIN) };
        let step = StepFixture::new().setting("user_verification", "preferred");
        let mut step = enrolled(step, &mut device).await;
        let answer = device.get(&question(&step).await);
        let Outcome::Passed(proof) = answers(&mut step, &answer).await else { panic!("it is right") };
        assert_eq!(proof.factors, BTreeSet::from([FactorClass::Possession]));
        assert_eq!(proof.properties, BTreeSet::from([Property::Unrestricted, Property::PhishingResistant]));
        assert_eq!(proof.amr, BTreeSet::from(["swk", "pop", "user"].map(str::to_owned)));
    }

    #[tokio::test]
    async fn a_086_an_answer_passes_once() {
        for counter in [Some(0), None] {
            let mut device = SoftKey { counter, ..SoftKey::new(ORIGIN) };
            let mut step = enrolled(StepFixture::new(), &mut device).await;
            let options = question(&step).await;
            let answer = device.get(&options);
            assert!(matches!(answers(&mut step, &answer).await, Outcome::Passed(_)));
            let again = answers(&mut step, &answer).await;
            assert!(matches!(again, Outcome::Rejected(_)), "counter {counter:?}: {again:?}");
            // Nor does another answer to the same question.
            let other = device.get(&options);
            let outcome = answers(&mut step, &other).await;
            assert!(expired(&outcome), "counter {counter:?}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_086_of_two_answers_at_once_one_passes() {
        let (step, mut device) = alice().await;
        let options = question(&step).await;
        for _ in 0..2 {
            let mut here = step.context();
            let answer = given(&device.get(&options));
            assert!(matches!(
                Authenticator::answer(&passkeys(), &mut here, &answer).await.unwrap(),
                Outcome::Passed(_)
            ));
        }
        let mut step = step;
        for _ in 0..2 {
            let answer = given(&device.get(&options));
            step.answer(&passkeys(), &answer).await.unwrap();
        }
        let versions: Vec<i64> = step.changes().spent.iter().map(|spent| spent.version).collect();
        assert_eq!(versions, [1, 1], "both name the version that they read, so the store refuses the second");
        assert!(step.renewed().is_empty());
    }

    #[tokio::test]
    async fn a_086_a_challenge_lives_five_minutes_at_most_and_until_the_next_at_least() {
        let window = i64::try_from(Passkeys::WINDOW.as_secs()).unwrap();
        let (step, mut device) = alice().await;
        let (mut good, mut bad) = (0, 0);
        for age in [0, 60, 149, 150, 200, 299, 300, 301, 3600] {
            let mut later = StepFixture::new();
            later.credentials.clone_from(&step.credentials);
            let options = question(&later).await;
            later.now = later.now + Duration::from_secs(u64::try_from(age).unwrap());
            let outcome = answers(&mut later, &device.get(&options)).await;
            match outcome {
                Outcome::Passed(_) => {
                    good += 1;
                    assert!(age < 2 * window, "{age} s");
                }
                outcome => {
                    bad += 1;
                    assert!(expired(&outcome) && age > window, "{age} s: {outcome:?}");
                }
            }
        }
        assert!(good >= 4 && bad >= 2);
    }

    #[tokio::test]
    async fn a_086_the_challenge_of_another_run_or_of_nobodys_making_is_refused() {
        let (mut step, mut device) = alice().await;
        let options = question(&step).await;
        let now = options["challenge"].as_str().unwrap().to_owned();
        for other in [URL_SAFE.encode([0; 32]), URL_SAFE.encode([7; 32]), String::new(), now[1..].to_owned()] {
            device.challenge = Some(other.clone());
            let outcome = answers(&mut step, &device.get(&options)).await;
            assert!(matches!(outcome, Outcome::Rejected(_)), "{other:?}: {outcome:?}");
        }
        device.challenge = Some(now);
        assert!(matches!(answers(&mut step, &device.get(&options)).await, Outcome::Passed(_)));
    }

    #[tokio::test]
    async fn a_086_what_is_asked_is_drawn_without_keeping_anything_and_is_another_every_window() {
        let (mut step, _) = alice().await;
        let first = question(&step).await;
        assert_eq!(first, question(&step).await, "a page that is loaded again asks the same");
        assert_eq!(step.context().state, Value::Null);
        step.now = step.now + Passkeys::WINDOW;
        assert_ne!(first["challenge"], question(&step).await["challenge"]);
        assert_eq!(first["userVerification"], "required");
        assert_eq!(first["rpId"], "login.example.org");
    }

    #[tokio::test]
    async fn a_087_a_page_elsewhere_gets_nobody_in() {
        for origin in [
            "https://badexample.org",
            "https://badlogin.example.org",
            "https://login.example.org.evil.test",
            "https://example.org",
            "https://sub.login.example.org",
            "https://login.example.org:8443",
            "http://login.example.org",
            "null",
        ] {
            let (mut step, mut device) = alice().await;
            device.origin = origin.to_owned();
            let outcome = uses(&mut step, &mut device).await;
            assert!(wrong(&outcome), "{origin}: {outcome:?}");
            assert_eq!(step.credentials[0].version, 1, "nothing is kept of it");
        }
    }

    #[tokio::test]
    async fn a_087_what_is_signed_for_another_party_or_in_a_frame_is_refused() {
        for party in ["example.org", "badexample.org", "LOGIN.example.org", ""] {
            let (mut step, mut device) = alice().await;
            device.party = Some(party.to_owned());
            let outcome = uses(&mut step, &mut device).await;
            assert!(wrong(&outcome), "{party}: {outcome:?}");
        }
        let (mut step, mut device) = alice().await;
        device.framed = true;
        let outcome = uses(&mut step, &mut device).await;
        assert!(wrong(&outcome), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_087_a_related_origin_is_one_that_is_named() {
        let related = ["https://login.example.de".parse().unwrap()];
        let passkeys = Passkeys::new(Party::new(&ORIGIN.parse().unwrap(), &related).unwrap());
        for (origin, good) in [("https://login.example.de", true), ("https://login.example.fr", false)] {
            let (step, mut device) = alice().await;
            device.origin = origin.to_owned();
            let answer = given(&device.get(&question(&step).await));
            let outcome = Authenticator::answer(&passkeys, &mut step.context(), &answer).await.unwrap();
            assert_eq!(matches!(outcome, Outcome::Passed(_)), good, "{origin}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_088_an_answer_that_says_less_than_was_asked_is_refused() {
        let (mut step, mut device) = alice().await;
        device.verified = false;
        let outcome = uses(&mut step, &mut device).await;
        assert!(wrong(&outcome), "not verified: {outcome:?}");
        device.verified = true;
        device.present = false;
        let outcome = uses(&mut step, &mut device).await;
        assert!(wrong(&outcome), "nobody there: {outcome:?}");
        device.present = true;
        device.synced = true;
        let outcome = uses(&mut step, &mut device).await;
        assert!(wrong(&outcome), "it was bound to its device, and now says it is not: {outcome:?}");
        device.synced = false;
        // A device that verified its holder once is not asked for less by a chain that would take less.
        let mut lax = step.setting("user_verification", "preferred");
        device.verified = false;
        let outcome = uses(&mut lax, &mut device).await;
        assert!(wrong(&outcome), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_088_a_counter_that_does_not_go_on_is_a_copy() {
        for back in [5, 4, 0] {
            let (mut step, mut device) = alice().await;
            device.counter = Some(4);
            assert!(matches!(uses(&mut step, &mut device).await, Outcome::Passed(_)));
            step.now = step.now + Passkeys::WINDOW;
            // The device counts before it signs.
            device.counter = if back == 0 { None } else { Some(back - 1) };
            let outcome = uses(&mut step, &mut device).await;
            assert!(wrong(&outcome), "from 5 to {back}: {outcome:?}");
            step.now = step.now + Passkeys::WINDOW;
            device.counter = Some(5);
            assert!(matches!(uses(&mut step, &mut device).await, Outcome::Passed(_)));
        }
    }

    #[tokio::test]
    async fn a_089_a_passkey_of_one_is_none_of_another() {
        let (_, mut alices) = alice().await;
        let mut bob = StepFixture::new();
        let other = vestibule_core::id::UserId(Uuid::from_u128(7));
        bob.user.as_mut().unwrap().id = other;
        let mut bobs = SoftKey::new(ORIGIN);
        let mut bob = enrolled(bob, &mut bobs).await;
        let options = question(&bob).await;
        let outcome = answers(&mut bob, &alices.get(&options)).await;
        assert!(wrong(&outcome), "{outcome:?}");
        // Bob's own, that says it is Alice's.
        bobs.handle.clone_from(&alices.handle);
        let outcome = answers(&mut bob, &bobs.get(&options)).await;
        assert!(wrong(&outcome), "{outcome:?}");
        // And one with Bob's id and Alice's key.
        alices.id.clone_from(&bobs.id);
        alices.handle = Some(URL_SAFE.encode(other.0.as_bytes()));
        let outcome = answers(&mut bob, &alices.get(&options)).await;
        assert!(wrong(&outcome), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_089_an_answer_says_whose_it_is_and_garbage_says_nothing() {
        let (step, mut device) = alice().await;
        let options = question(&step).await;
        let passkeys = passkeys();
        assert_eq!(passkeys.claims(&given(&device.get(&options))), step.user.as_ref().map(|user| user.id));
        for handle in [None, Some(""), Some("AAAA"), Some("!"), Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAA")] {
            device.handle = handle.map(str::to_owned);
            assert_eq!(passkeys.claims(&given(&device.get(&options))), None, "{handle:?}");
        }
        for garbage in ["", "{}", "null", &"x".repeat(40_000)] {
            assert_eq!(passkeys.claims(&given(garbage)), None);
        }
    }

    #[tokio::test]
    async fn whose_passkeys_are_asked_for_is_told_to_nobody_but_their_owner() {
        let (mut step, device) = alice().await;
        assert_eq!(question(&step).await["allowCredentials"], serde_json::json!([]));
        step.proven = true;
        let list = question(&step).await["allowCredentials"].clone();
        assert_eq!(list[0]["id"], URL_SAFE.encode(&device.id));
        assert_eq!(list[0]["transports"], serde_json::json!(["internal", "hybrid"]));
        assert_eq!(list.as_array().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn nobody_is_judged_as_long_as_somebody() {
        let (step, mut device) = alice().await;
        let options = question(&step).await;
        let answer = given(&device.get(&options));
        let nobody = StepFixture::new().nobody();
        let mut took = [Duration::ZERO; 2];
        for _ in 0..20 {
            for (step, took) in [&step, &nobody].into_iter().zip(&mut took) {
                let start = std::time::Instant::now();
                Authenticator::answer(&passkeys(), &mut step.context(), &answer).await.unwrap();
                *took += start.elapsed();
            }
        }
        let ratio = took[1].as_secs_f64() / took[0].as_secs_f64();
        assert!((0.5..2.0).contains(&ratio), "{took:?}");
    }

    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as URL_SAFE};
}
