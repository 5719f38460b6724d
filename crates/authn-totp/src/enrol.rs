//! How a device comes to be: the server draws the key, the app takes it up, and its first code shows that it has.
//!
//! The key waits in the sealed state of the challenge and becomes a credential only with the right code: who closes the page has
//! nothing that would count. The time step of that code is used up by it.

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use vestibule_core::{
    Outcome, Rejection, StepContext, StepError,
    authenticator::Enrolment,
    prompt::{Exhibit, Field, FieldKind, Fields, Prompt, Text},
};

use crate::{
    Device, Found, MOST_DEVICES, Totp,
    authenticator::{digits, field, own, usual_digits},
    settings::Settings,
};

const LABEL: &str = "label";
/// More is no name.
const LONGEST_LABEL: usize = 64;
/// The clock of a new device may be as wrong as RFC 6238 recommends (section 5.2), whatever is accepted later.
const DRIFT: u16 = 1;

/// Whether there is room for one more.
fn room(cx: &StepContext<'_>) -> Result<(), StepError> {
    if own(cx).len() >= MOST_DEVICES {
        return Err(StepError::Unavailable(format!("the user has {MOST_DEVICES} devices, and may not have more")));
    }
    Ok(())
}

/// A device with a key that was never used.
fn draw(cx: &StepContext<'_>) -> Result<Device, StepError> {
    let settings = Settings::read(cx.settings).map_err(StepError::Misconfigured)?;
    let mut key = vec![0; settings.algorithm.key_bytes()];
    cx.random.fill(&mut key);
    Ok(Device::new(key, settings.algorithm, usual_digits(cx, &settings)?))
}

/// The name that its owner gave the device, if any.
fn label(typed: &str) -> Result<Option<String>, Rejection> {
    let label = typed.trim();
    if label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
        return Err(Rejection::Malformed);
    }
    Ok((!label.is_empty()).then(|| label.to_owned()))
}

fn prompt(device: &Device, cx: &StepContext<'_>) -> Result<Prompt, StepError> {
    let account = cx.user.map(|user| user.username.to_string()).unwrap_or_default();
    let named = Field { name: LABEL.to_owned(), label: Text::new("totp.enrol_label"), kind: FieldKind::Label };
    Ok(Prompt {
        title: Text::new("totp.enrol_title"),
        lead: Some(Text::new("totp.enrol_lead")),
        exhibit: Some(Exhibit::OtpKey { uri: device.uri(cx.host, &account)?, key: device.key() }),
        fields: vec![field(device.digits()), named],
        submit: Text::new("totp.enrol_submit"),
    })
}

#[async_trait]
impl Enrolment for Totp {
    async fn begin(&self, cx: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        room(cx)?;
        let device = draw(cx)?;
        let prompt = prompt(&device, cx)?;
        cx.state = Value::from(device.secret()?.expose_secret());
        Ok(Outcome::Ask(prompt))
    }

    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        room(cx)?;
        let begun = || StepError::Misconfigured("no key was drawn".to_owned());
        let device = Device::read(&SecretString::from(cx.state.as_str().ok_or_else(begun)?))?;
        let given = digits(input.get(Self::FIELD)).and_then(|code| Ok((code, label(input.get(LABEL))?)));
        let (code, label) = match given {
            Ok(given) => given,
            Err(rejection) => return Ok(rejection.into()),
        };
        match device.find(&code, DRIFT, cx.now)? {
            Found::Fresh(step) => {
                let id = cx.add_credential(label, device.used(step).secret()?);
                Ok(Outcome::Passed(self.proof(id.to_string())))
            }
            Found::Used | Found::Nothing => Ok(Rejection::Wrong.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use vestibule_core::{Authenticator as _, testing::step::StepFixture};

    use super::*;

    /// What the app shows that scanned the picture, `seconds` after the step's time.
    fn shown(prompt: &Prompt, step: &StepFixture, seconds: i64) -> String {
        let Some(Exhibit::OtpKey { uri, .. }) = &prompt.exhibit else { panic!("a key to be scanned") };
        let at = u64::try_from(step.now.unix_seconds() + seconds).unwrap();
        totp_rs::Totp::from_url(uri).unwrap().generate(at).to_string()
    }

    async fn begun(step: &mut StepFixture) -> Prompt {
        match step.begin_enrolment(&Totp::new()).await.unwrap() {
            Outcome::Ask(prompt) => prompt,
            other => panic!("{other:?}"),
        }
    }

    async fn answers(step: &mut StepFixture, fields: &[(&str, &str)]) -> Outcome {
        step.answer_enrolment(&Totp::new(), &fields.iter().copied().collect()).await.unwrap()
    }

    #[tokio::test]
    async fn a_device_is_taken_up_by_its_first_code_and_named_by_its_owner() {
        let mut step = StepFixture::new();
        let prompt = begun(&mut step).await;
        let Some(Exhibit::OtpKey { uri, key }) = &prompt.exhibit else { panic!("a key to be scanned") };
        assert!(uri.starts_with("otpauth://totp/login.example.org:alice?") && uri.contains(key.as_str()), "{uri}");
        assert_eq!(key.len(), 32, "160 bit");
        assert!(step.changes().added.is_empty(), "nothing counts before it was verified");
        let code = shown(&prompt, &step, 0);
        let Outcome::Passed(proof) = answers(&mut step, &[("code", &code), ("label", "  Pixel 9 ")]).await else {
            panic!("it is right")
        };
        step.settle(&Totp::new());
        let [own] = step.credentials.as_slice() else { panic!("one device") };
        assert_eq!((own.id.to_string(), own.label.as_deref()), (proof.credential, Some("Pixel 9")));

        // Its first code is used up by this; the next passes.
        let outcome = step.answer(&Totp::new(), &Fields::from_iter([("code", code)])).await.unwrap();
        assert!(matches!(outcome, Outcome::Rejected(Rejection::Expired)), "{outcome:?}");
        let next = shown(&prompt, &step, 30);
        let outcome = step.answer(&Totp::new(), &Fields::from_iter([("code", next)])).await.unwrap();
        assert!(matches!(outcome, Outcome::Passed(_)), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_wrong_code_adds_nothing_and_the_key_stays() {
        let mut step = StepFixture::new();
        let prompt = begun(&mut step).await;
        let kept = step.state.clone();
        let late = shown(&prompt, &step, 60);
        let cases = [
            (late.as_str(), "", Rejection::Wrong),
            ("", "", Rejection::Empty),
            ("12345", "", Rejection::Malformed),
            (late.as_str(), "a\u{7}b", Rejection::Malformed),
            (late.as_str(), &"x".repeat(65), Rejection::Malformed),
        ];
        for (code, label, why) in cases {
            let outcome = answers(&mut step, &[("code", code), ("label", label)]).await;
            assert!(matches!(outcome, Outcome::Rejected(rejection) if rejection == why), "{why:?}: {outcome:?}");
            assert_eq!(step.state, kept);
        }
        assert!(step.changes().added.is_empty());
        for drift in [-30, 0, 30] {
            let code = shown(&prompt, &step, drift);
            assert!(matches!(answers(&mut step, &[("code", &code)]).await, Outcome::Passed(_)), "{drift} s");
        }
    }

    #[tokio::test]
    async fn every_beginning_draws_another_key() {
        let mut step = StepFixture::new();
        let first = begun(&mut step).await;
        let code = shown(&first, &step, 0);
        let second = begun(&mut step).await;
        assert_ne!(first.exhibit, second.exhibit);
        assert!(matches!(answers(&mut step, &[("code", &code)]).await, Outcome::Rejected(Rejection::Wrong)));
    }

    #[tokio::test]
    async fn the_settings_say_what_is_enrolled_and_the_devices_of_before_how_many_digits() {
        for (algorithm, length) in [("SHA1", 32), ("SHA256", 52), ("SHA512", 103)] {
            let mut step = StepFixture::new().setting("algorithm", algorithm).setting("digits", 8);
            let prompt = begun(&mut step).await;
            let Some(Exhibit::OtpKey { key, .. }) = &prompt.exhibit else { panic!("a key to be scanned") };
            assert_eq!(key.len(), length, "{algorithm}");
            assert_eq!(prompt.fields[0].kind, FieldKind::Code { length: 8, numeric: true });
            let code = shown(&prompt, &step, 0);
            assert_eq!(code.len(), 8);
            assert!(matches!(answers(&mut step, &[("code", &code)]).await, Outcome::Passed(_)), "{algorithm}");
            step.settle(&Totp::new());
            // A page asks for one length: the second device has as many digits as the first.
            step.settings.clear();
            assert_eq!(begun(&mut step).await.fields[0].kind, FieldKind::Code { length: 8, numeric: true });
        }
    }

    #[tokio::test]
    async fn an_eleventh_device_is_refused_before_and_after_the_key() {
        let mut step = StepFixture::new();
        for _ in 0..MOST_DEVICES {
            let prompt = begun(&mut step).await;
            let code = shown(&prompt, &step, 0);
            assert!(matches!(answers(&mut step, &[("code", &code)]).await, Outcome::Passed(_)));
            step.settle(&Totp::new());
        }
        assert_eq!(step.credentials.len(), MOST_DEVICES);
        assert!(matches!(step.begin_enrolment(&Totp::new()).await, Err(StepError::Unavailable(_))));
        // Ten pages open at once are no way around it.
        let late = step.answer_enrolment(&Totp::new(), &Fields::from_iter([("code", "123456")])).await;
        assert!(matches!(late, Err(StepError::Unavailable(_))), "{late:?}");
    }

    #[tokio::test]
    async fn no_key_is_no_answer() {
        let mut step = StepFixture::new();
        let outcome = step.answer_enrolment(&Totp::new(), &Fields::from_iter([("code", "123456")])).await;
        assert!(matches!(outcome, Err(StepError::Misconfigured(_))), "{outcome:?}");
    }

    #[tokio::test]
    async fn every_text_of_the_enrolment_has_a_message() {
        let Prompt { title, lead, fields, submit, .. } = begun(&mut StepFixture::new()).await;
        let texts = [title, submit].into_iter().chain(lead).chain(fields.into_iter().map(|field| field.label));
        let totp = Totp::new();
        for text in texts {
            assert!(totp.descriptor().messages.iter().any(|(key, _)| *key == text.key), "{}", text.key);
        }
    }
}
