//! The `totp` authenticator: whoever reads the code has the device with the app.
//!
//! It proves possession. It is not delivered over the telephone network, so it is not restricted (NIST SP 800-63B-4, section
//! 3.2.9); a page that asks for the code on behalf of another can pass it on, so it is not phishing resistant.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde_json::{Map, Value};
use vestibule_core::{
    Authenticator, Descriptor, FactorClass, Outcome, Readiness, Rejection, StepContext, StepError,
    authenticator::{Enrolment, Opening, Proof},
    code,
    evidence::Property,
    prompt::{Field, FieldKind, Fields, Prompt, Text},
    user::Credential,
};

use crate::{Algorithm, Device, Digits, Found, Unusable, messages::MESSAGES, settings::Settings};

/// Verifies codes of authenticator apps. The credential's secret is a [`Device`]; somebody may have several.
pub struct Totp {
    descriptor: Descriptor,
}

/// What came of a code at all of somebody's devices.
struct Sought {
    /// The device whose code it is, after it was used.
    passed: Option<(Credential, Device)>,
    /// Whether it was the code of a time step that was used.
    used: bool,
}

impl Totp {
    /// The authenticator's name in chains.
    pub const NAME: &str = "totp";
    pub(crate) const FIELD: &str = "code";
    /// Eight characters with room for spaces and dashes.
    const LONGEST: usize = 64;

    /// The authenticator.
    pub fn new() -> Self {
        Self {
            descriptor: Descriptor {
                name: Self::NAME.into(),
                factors: BTreeSet::from([FactorClass::Possession]),
                properties: BTreeSet::from([Property::Unrestricted, Property::Held]),
                amr: BTreeSet::from(["otp".to_owned()]),
                opening: Opening::Free,
                connection: None,
                settings: Settings::schema(),
                messages: MESSAGES,
            },
        }
    }

    /// The proof of who has the device that this credential names.
    pub(crate) fn proof(&self, credential: String) -> Proof {
        let Descriptor { factors, properties, amr, .. } = &self.descriptor;
        Proof { credential, factors: factors.clone(), properties: properties.clone(), amr: amr.clone() }
    }
}

impl Default for Totp {
    fn default() -> Self {
        Self::new()
    }
}

/// The devices of who is authenticating; nobody has none.
pub(crate) fn own<'a>(cx: &StepContext<'a>) -> &'a [Credential] {
    cx.user.map_or(&[], |_| cx.credentials)
}

/// What was typed, as the digits of a code.
pub(crate) fn digits(typed: &str) -> Result<String, Rejection> {
    if typed.trim().is_empty() {
        return Err(Rejection::Empty);
    }
    if typed.len() > Totp::LONGEST {
        return Err(Rejection::Malformed);
    }
    let code = code::canonical(typed);
    let whole = matches!(code.len(), 6 | 8) && code.bytes().all(|byte| byte.is_ascii_digit());
    whole.then_some(code).ok_or(Rejection::Malformed)
}

/// The field for a code.
pub(crate) fn field(digits: Digits) -> Field {
    Field {
        name: Totp::FIELD.to_owned(),
        label: Text::new("totp.field"),
        kind: FieldKind::Code { length: digits.into(), numeric: true },
    }
}

/// How many digits somebody's codes have: what the settings say, where they have no device. All of somebody's devices have as many
/// as their first, so that the page can say how many.
pub(crate) fn usual_digits(cx: &StepContext<'_>, settings: &Settings) -> Result<Digits, Unusable> {
    own(cx).first().map_or(Ok(settings.digits), |first| Device::read(&first.secret).map(|device| device.digits()))
}

/// Looks at every device, whichever the code is of.
fn seek(devices: &[Credential], code: &str, settings: &Settings, cx: &StepContext<'_>) -> Result<Sought, Unusable> {
    let mut sought = Sought { passed: None, used: false };
    for credential in devices {
        let device = Device::read(&credential.secret)?;
        match device.find(code, settings.drift, cx.now)? {
            Found::Fresh(step) => sought.passed = Some((credential.clone(), device.used(step))),
            Found::Used => sought.used = true,
            Found::Nothing => {}
        }
    }
    if devices.is_empty() {
        // As long as with a device, and whatever comes of it.
        let decoy = Device::new(vec![0; 20], Algorithm::Sha1, settings.digits).secret()?;
        Device::read(&decoy)?.find(code, settings.drift, cx.now)?;
    }
    Ok(sought)
}

#[async_trait]
impl Authenticator for Totp {
    fn costly(&self) -> bool {
        false
    }

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
        let settings = Settings::read(cx.settings).map_err(StepError::Misconfigured)?;
        Ok(Outcome::Ask(Prompt {
            title: Text::new("totp.title"),
            lead: Some(Text::new("totp.lead").with("host", cx.host)),
            exhibit: None,
            fields: vec![field(usual_digits(cx, &settings)?)],
            submit: Text::new("totp.submit"),
        }))
    }

    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        let settings = Settings::read(cx.settings).map_err(StepError::Misconfigured)?;
        let code = match digits(input.get(Self::FIELD)) {
            Ok(code) => code,
            Err(rejection) => return Ok(rejection.into()),
        };
        match seek(own(cx), &code, &settings, cx)? {
            Sought { passed: Some((credential, device)), .. } => {
                cx.spend_credential(&credential, device.secret()?);
                Ok(Outcome::Passed(self.proof(credential.id.to_string())))
            }
            Sought { used: true, .. } => Ok(Rejection::Expired.into()),
            Sought { .. } => Ok(Rejection::Wrong.into()),
        }
    }

    fn check_settings(&self, settings: &Map<String, Value>) -> Result<(), String> {
        Settings::read(settings).map(|_| ())
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
mod tests {
    use std::time::{Duration, Instant};

    use secrecy::ExposeSecret as _;
    use vestibule_core::testing::{
        contract::{Contract, authenticator_contract},
        step::StepFixture,
    };

    use super::*;

    /// A device whose key is made of this byte.
    fn device(byte: u8) -> Device {
        Device::new(vec![byte; 20], Algorithm::Sha1, Digits::Six)
    }

    fn with(step: StepFixture, device: &Device) -> StepFixture {
        step.credential(Totp::NAME, device.secret().unwrap().expose_secret())
    }

    fn alice() -> StepFixture {
        with(StepFixture::new(), &device(1))
    }

    /// The code that `device` shows `seconds` after the step's time.
    fn shown(device: &Device, step: &StepFixture, seconds: i64) -> String {
        let at = step.now.unix_seconds() + seconds;
        let kept: Value = serde_json::from_str(device.secret().unwrap().expose_secret()).unwrap();
        let key = totp_rs::Secret::try_from_base32(kept["key"].as_str().unwrap()).unwrap();
        let digits = u8::try_from(kept["digits"].as_u64().unwrap()).unwrap();
        let app = totp_rs::Builder::new().with_secret(key).with_digits(digits).build().unwrap();
        app.generate(u64::try_from(at).unwrap()).to_string()
    }

    fn typed(code: &str) -> Fields {
        Fields::from_iter([("code", code)])
    }

    /// Answers, and has written what is to be written.
    async fn answers(step: &mut StepFixture, code: &str) -> Outcome {
        let totp = Totp::new();
        let outcome = step.answer(&totp, &typed(code)).await.unwrap();
        step.settle(&totp);
        outcome
    }

    struct Suite(Totp);

    #[async_trait]
    impl Contract for Suite {
        fn authenticator(&self) -> &dyn Authenticator {
            &self.0
        }
        async fn ready(&self) -> StepFixture {
            alice()
        }
        async fn right(&self, step: &StepFixture) -> Fields {
            typed(&shown(&device(1), step, 0))
        }
        async fn wrong(&self, step: &StepFixture) -> Fields {
            typed(&shown(&device(2), step, 0))
        }
        fn bad_settings(&self) -> Vec<Map<String, Value>> {
            [("drift", Value::from(3)), ("algorithm", "MD5".into()), ("digits", 7.into()), ("period", 60.into())]
                .map(|(name, value)| Map::from_iter([(name.to_owned(), value)]))
                .into()
        }
    }

    #[tokio::test]
    async fn it_keeps_the_contract() {
        authenticator_contract(&Suite(Totp::new())).await;
    }

    #[tokio::test]
    async fn a_code_is_what_the_app_shows_however_it_is_spelt() {
        let code = shown(&device(1), &alice(), 0);
        let (first, second) = code.split_at(3);
        let wide: String = code.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect();
        for spelt in [&code, &format!(" {first} {second} "), &format!("{first}-{second}"), &wide] {
            assert!(matches!(answers(&mut alice(), spelt).await, Outcome::Passed(_)), "{spelt:?}");
        }
        for malformed in ["12345", "1234567", "abcdef", "+12345", "null"] {
            let outcome = answers(&mut alice(), malformed).await;
            assert!(matches!(outcome, Outcome::Rejected(Rejection::Malformed)), "{malformed:?}");
        }
    }

    #[tokio::test]
    async fn a_proof_is_possession_unrestricted_and_an_otp() {
        let mut step = alice();
        let code = shown(&device(1), &step, 0);
        let Outcome::Passed(proof) = answers(&mut step, &code).await else { panic!("it is right") };
        assert_eq!(proof.factors, BTreeSet::from([FactorClass::Possession]));
        assert_eq!(proof.properties, BTreeSet::from([Property::Unrestricted, Property::Held]));
        assert_eq!(proof.amr, BTreeSet::from(["otp".to_owned()]));
        assert_eq!(proof.credential, step.credentials[0].id.to_string());
    }

    #[tokio::test]
    async fn a_084_a_code_passes_once_and_an_older_one_never_after_it() {
        let mut step = alice();
        let (older, code, next) =
            (shown(&device(1), &step, -30), shown(&device(1), &step, 0), shown(&device(1), &step, 30));
        assert!(matches!(answers(&mut step, &code).await, Outcome::Passed(_)));
        assert_eq!(step.credentials[0].version, 2, "that it was used is kept");
        for used in [&code, &format!("{} {}", &code[..3], &code[3..]), &older] {
            let outcome = answers(&mut step, used).await;
            assert!(matches!(outcome, Outcome::Rejected(Rejection::Expired)), "{used}: {outcome:?}");
        }
        assert!(matches!(answers(&mut step, &next).await, Outcome::Passed(_)));
        assert!(matches!(answers(&mut step, &code).await, Outcome::Rejected(Rejection::Expired)));
    }

    #[tokio::test]
    async fn a_084_another_instance_that_read_the_device_before_names_the_version_that_it_read() {
        let (mut here, mut there) = (alice(), alice());
        let (totp, code) = (Totp::new(), shown(&device(1), &here, 0));
        for step in [&mut here, &mut there] {
            assert!(matches!(step.answer(&totp, &typed(&code)).await.unwrap(), Outcome::Passed(_)));
            let [spent] = step.changes().spent.as_slice() else { panic!("it is spent, and not renewed") };
            assert_eq!((spent.id, spent.version), (step.credentials[0].id, 1), "so one of the two is refused");
        }
        assert!(here.renewed().is_empty());
    }

    #[tokio::test]
    async fn a_084_a_code_of_more_than_the_drift_is_rejected() {
        for (drift, good) in [(0, vec![0]), (1, vec![-1, 0, 1]), (2, vec![-2, -1, 0, 1, 2])] {
            for steps in -4_i64..=4 {
                let mut step = alice().setting("drift", drift);
                let code = shown(&device(1), &step, steps * 30);
                let passed = matches!(answers(&mut step, &code).await, Outcome::Passed(_));
                assert_eq!(passed, good.contains(&steps), "drift {drift}, {steps} steps");
            }
        }
    }

    #[tokio::test]
    async fn any_device_of_somebody_passes_and_is_named_and_uses_up_none_but_itself() {
        let mut step = with(alice(), &device(2));
        let codes = [1, 2].map(|byte| shown(&device(byte), &step, 0));
        for (index, code) in codes.iter().enumerate() {
            let Outcome::Passed(proof) = answers(&mut step, code).await else { panic!("device {index}") };
            assert_eq!(proof.credential, step.credentials[index].id.to_string());
        }
        assert_eq!(step.credentials.iter().map(|own| own.version).collect::<Vec<_>>(), [2, 2]);
        let strangers = shown(&device(3), &step, 0);
        assert!(matches!(answers(&mut step, &strangers).await, Outcome::Rejected(Rejection::Wrong)));
    }

    #[tokio::test]
    async fn what_a_device_was_enrolled_with_is_kept_whatever_the_settings_say_now() {
        let eight = Device::new(vec![1; 20], Algorithm::Sha1, Digits::Eight);
        let mut step = with(StepFixture::new(), &eight).setting("digits", 6).setting("algorithm", "SHA512");
        let Outcome::Ask(prompt) = step.begin(&Totp::new()).await.unwrap() else { panic!("it asks") };
        assert_eq!(prompt.fields[0].kind, FieldKind::Code { length: 8, numeric: true });
        let code = shown(&eight, &step, 0);
        assert!(matches!(answers(&mut step, &code[2..]).await, Outcome::Rejected(Rejection::Wrong)));
        assert!(matches!(answers(&mut step, &code).await, Outcome::Passed(_)));
    }

    #[tokio::test]
    async fn who_has_no_device_can_enrol_one() {
        assert_eq!(StepFixture::new().readiness(&Totp::new()).await.unwrap(), Readiness::CanEnrol);
        assert_eq!(alice().readiness(&Totp::new()).await.unwrap(), Readiness::Ready { target: None });
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_our_trouble_and_no_wrong_try() {
        for kept in ["", "{}", r#"{"key":"GEZDGNBV","algorithm":"SHA1","digits":6}"#] {
            let mut step = StepFixture::new().credential(Totp::NAME, kept);
            let outcome = step.answer(&Totp::new(), &typed("123456")).await;
            assert!(matches!(outcome, Err(StepError::Misconfigured(_))), "{kept}: {outcome:?}");
        }
        let outcome = alice().setting("drift", 9).answer(&Totp::new(), &typed("123456")).await;
        assert!(matches!(outcome, Err(StepError::Misconfigured(_))), "{outcome:?}");
    }

    #[tokio::test]
    async fn nobody_and_a_wrong_code_cost_the_same() {
        let mut steps = [alice(), StepFixture::new().nobody()];
        let mut times: [Vec<Duration>; 2] = Default::default();
        for _ in 0..101 {
            for (step, times) in steps.iter_mut().zip(&mut times) {
                let start = Instant::now();
                let outcome = step.answer(&Totp::new(), &typed("000000")).await.unwrap();
                times.push(start.elapsed());
                assert!(matches!(outcome, Outcome::Rejected(Rejection::Wrong)));
            }
        }
        let [known, nobody] = times.map(|mut times| {
            times.sort();
            times[times.len() / 2]
        });
        // Coarse on purpose, the machine may be busy: without the decoy this would be a tenth.
        assert!(nobody * 2 > known && known * 3 > nobody, "{known:?} {nobody:?}");
    }
}
