//! The `passkey` authenticator: whoever signs the challenge of this page has the device, and the device says who holds it.
//!
//! It proves possession; where the device has verified who holds it, also what that was: a fingerprint, a face, or a PIN that
//! unlocks the device and never leaves it (NIST SP 800-63B-4, section 3.1.7). Which of them it was, a device does not say, so one
//! class stands for all. The browser signs the origin of the page along, so that a page elsewhere can pass nothing on.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use serde_json::{Map, Value};
use vestibule_core::{
    Authenticator, Descriptor, FactorClass, Outcome, Readiness, Rejection, StepContext, StepError,
    authenticator::{Enrolment, Opening, Proof},
    evidence::Property,
    id::{AuthenticatorName, UserId},
    prompt::{Exhibit, Field, FieldKind, Fields, Prompt, Text},
    user::Credential,
};
use webauthn_rs_core::proto::PublicKeyCredential;

use crate::{
    Kept, Key, Party, Unusable,
    judge::{Used, handle},
    messages::MESSAGES,
    settings::Settings,
};

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
    pub(crate) const WINDOW: Duration = Duration::from_secs(150);

    /// The authenticator, for this relying party.
    pub fn new(party: Party) -> Self {
        Self {
            descriptor: Descriptor {
                name: Self::NAME.into(),
                factors: BTreeSet::from([FactorClass::Possession, FactorClass::Inherence]),
                properties: BTreeSet::from([
                    Property::Unrestricted,
                    Property::Held,
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
        let mut properties = BTreeSet::from([Property::Unrestricted, Property::Held, Property::PhishingResistant]);
        if verified {
            factors.insert(FactorClass::Inherence);
            properties.insert(Property::UserVerified);
        }
        let kept = if key.synced() { "swk" } else { "hwk" };
        let amr = [kept, "pop", "user"].map(str::to_owned).into();
        Proof { credential, factors, properties, amr }
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

/// Those of them that will do here: of one of the models that the chain names, where it names any.
pub(crate) fn usable<'a>(cx: &StepContext<'a>) -> Result<Vec<(&'a Credential, Key)>, StepError> {
    let models = read(cx)?.attestation().map_err(StepError::Misconfigured)?;
    let mut usable = Vec::new();
    for credential in own(cx) {
        let key = Key::read(&credential.secret)?;
        if models.as_ref().is_none_or(|list| key.is_of(list, credential.created_at)) {
            usable.push((credential, key));
        }
    }
    Ok(usable)
}

/// Tells the log that a passkey is kept elsewhere than when it was used last: whoever copied it into another account can use it too.
fn note_moved(cx: &mut StepContext<'_>, credential: &Credential, key: &Key) {
    let kept = if key.kept() == Kept::Synced { "several devices" } else { "one device" };
    cx.note("factor.backup_changed", vec![("factor", credential.id.to_string()), ("kept_on", kept.to_owned())]);
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
        if cx.user.is_some() && usable(cx)?.is_empty() {
            return Ok(Readiness::CanEnrol);
        }
        Ok(Readiness::Ready { target: None })
    }

    async fn begin(&self, cx: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        let policy = read(cx)?.verification.into();
        let [challenge, _] = cx.nonces(Self::WINDOW);
        // Which passkeys somebody has is told to them alone. To everybody else the device says whose it has.
        let own = if cx.proven { usable(cx)? } else { Vec::new() };
        let own = own.into_iter().map(|(_, key)| key.credential).collect();
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
            Ok(Used { credential, key, verified, moved }) => {
                if moved {
                    note_moved(cx, &credential, &key);
                }
                cx.spend_credential(&credential, key.secret()?);
                Ok(Outcome::Passed(self.proof(credential.id.to_string(), &key, verified)))
            }
        }
    }

    /// Where models are listed, one of these passkeys and nothing else: what it would prove, any other proves too.
    fn takes(&self, cx: &StepContext<'_>, by: &AuthenticatorName, credential: &str) -> bool {
        let listed = read(cx).map_or(true, |settings| settings.lists());
        let own = || usable(cx).is_ok_and(|own| own.iter().any(|(own, _)| own.id.to_string() == credential));
        !listed || (by.as_str() == Self::NAME && own())
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

    fn speaks(&self) -> bool {
        true
    }

    fn about(&self, credential: &Credential) -> Option<Text> {
        Some(Text::new(match Key::read(&credential.secret).ok()?.kept() {
            Kept::Synced => "passkey.synced",
            Kept::Single => "passkey.single",
            Kept::Bound => "passkey.bound",
        }))
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

    pub(crate) async fn question(step: &StepFixture) -> Value {
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
    pub(crate) async fn alice() -> (StepFixture, SoftKey) {
        let mut device = SoftKey::new(ORIGIN);
        (enrolled(StepFixture::new(), &mut device).await, device)
    }

    pub(crate) async fn answers(step: &mut StepFixture, answer: &str) -> Outcome {
        let outcome = step.answer(&passkeys(), &given(answer)).await.unwrap();
        step.settle(&passkeys());
        outcome
    }

    /// Asks and answers.
    pub(crate) async fn uses(step: &mut StepFixture, device: &mut SoftKey) -> Outcome {
        let answer = device.get(&question(step).await);
        answers(step, &answer).await
    }

    pub(crate) fn wrong(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Rejected(Rejection::Wrong))
    }

    pub(crate) fn expired(outcome: &Outcome) -> bool {
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
        assert_eq!(
            proof.properties,
            BTreeSet::from([Property::Unrestricted, Property::Held, Property::PhishingResistant])
        );
        assert_eq!(proof.amr, BTreeSet::from(["swk", "pop", "user"].map(str::to_owned)));
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

    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as URL_SAFE};
}
