//! The `smsotp` authenticator: whoever reads the message has the phone.
//!
//! It proves possession and nothing more. It is not phishing resistant, and NIST SP 800-63B-4 (section 3.2.9) calls
//! delivery over the telephone network restricted, so it has no properties.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde_json::{Map, Value};
use vestibule_core::{
    Authenticator, Descriptor, FactorClass, Outcome, Readiness, Rejection, StepContext, StepError, Time,
    authenticator::{Enrolment, Opening, Proof},
    code::message::{self, Longest, MessageSize},
    prompt::{Fields, Prompt},
};

use crate::{E164, allowed::Allowed, messages::MESSAGES, parse_number, settings::StepSettings};

/// Verifies codes sent by text message.
pub struct SmsOtp {
    descriptor: Descriptor,
}

impl SmsOtp {
    /// The authenticator's name in chains.
    pub const NAME: &str = "smsotp";
    /// The kind of connection that it sends by.
    pub const CONNECTION_KIND: &str = "sms";

    /// The authenticator.
    pub fn new() -> Self {
        Self {
            descriptor: Descriptor {
                name: Self::NAME.into(),
                factors: BTreeSet::from([FactorClass::Possession]),
                properties: BTreeSet::new(),
                amr: BTreeSet::from(["otp".to_owned(), "sms".to_owned()]),
                opening: Opening::Once,
                connection: Some(Self::CONNECTION_KIND),
                settings: StepSettings::schema(),
                messages: MESSAGES,
            },
        }
    }

    /// Asks for the code.
    pub(crate) fn prompt(&self, settings: &StepSettings) -> Prompt {
        message::prompt(&self.descriptor.name, &settings.spec)
    }

    /// The proof of who has the telephone of this number.
    pub(crate) fn proof(&self, cx: &StepContext<'_>, number: &E164) -> Proof {
        Proof {
            credential: cx.opaque_id(number.as_str()),
            factors: self.descriptor.factors.clone(),
            properties: BTreeSet::new(),
            amr: self.descriptor.amr.clone(),
        }
    }
}

impl Default for SmsOtp {
    fn default() -> Self {
        Self::new()
    }
}

/// Where this user's codes go; `None` when they have no number.
fn number(cx: &StepContext<'_>) -> Result<Option<E164>, String> {
    let Some(user) = cx.user else { return Ok(None) };
    let Some(stored) = &user.phone_number else { return Ok(None) };
    if !user.phone_number_verified {
        return Err("the user's number is not verified".to_owned());
    }
    let number = parse_number(stored, None).map_err(|why| format!("the user's number cannot be used: {why}"))?;
    let allowed = Allowed::by(cx.connection).map_err(|error| error.to_string())?;
    match allowed.reaches(number.as_str()) {
        true => Ok(Some(number)),
        false => Err("the user's number is none that messages go to by this connection".to_owned()),
    }
}

/// Why nothing can be sent, whoever it is for.
pub(crate) fn closed(cx: &StepContext<'_>) -> Option<String> {
    message::closed(cx, SmsOtp::CONNECTION_KIND)
}

#[async_trait]
impl Authenticator for SmsOtp {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn one_each(&self) -> bool {
        true
    }

    async fn readiness(&self, cx: &StepContext<'_>) -> Result<Readiness, StepError> {
        // What is closed for all is said first, so that it looks the same for somebody and for nobody.
        if let Some(why) = closed(cx) {
            return Err(StepError::Unavailable(why));
        }
        Ok(match number(cx) {
            Err(why) => Readiness::Unavailable { why },
            Ok(Some(number)) => Readiness::Ready { target: Some(number.masked()) },
            Ok(None) if cx.user.is_some() => Readiness::CanEnrol,
            Ok(None) => Readiness::Ready { target: None },
        })
    }

    async fn begin(&self, cx: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        let settings = StepSettings::read(cx.settings).map_err(StepError::Misconfigured)?;
        if let Some(why) = closed(cx) {
            return Err(StepError::Unavailable(why));
        }
        match number(cx).map_err(StepError::Unavailable)? {
            Some(number) => {
                cx.issue_code(settings.spec, number.as_str());
                cx.send(number.as_str(), &number.masked(), &settings.template(cx.languages()))?;
                cx.state = Value::from(number.as_str());
            }
            None if cx.user.is_some() => return Err(StepError::Unavailable("the user has no number".to_owned())),
            // A code that nobody gets: the page has the same times and tries as for somebody.
            None => cx.issue_code(settings.spec, ""),
        }
        Ok(Outcome::Ask(self.prompt(&settings)))
    }

    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        if let Err(rejection) = message::check(cx, input) {
            return Ok(rejection.into());
        }
        // The code was sent to the number of that moment. If the number has changed since, or is no longer trusted, the
        // code proves nothing about this user's phone.
        match number(cx) {
            Ok(Some(number)) if cx.state.as_str() == Some(number.as_str()) => {
                Ok(Outcome::Passed(self.proof(cx, &number)))
            }
            Ok(_) if cx.user.is_none() => Ok(Rejection::Wrong.into()),
            _ => Ok(Rejection::Expired.into()),
        }
    }

    /// A number is the credential: another one, or one that is no longer trusted, is not what was proved.
    fn holds(&self, cx: &StepContext<'_>, credential: &str) -> bool {
        matches!(number(cx), Ok(Some(number)) if cx.opaque_id(number.as_str()) == credential)
    }

    /// A number that was changed: the one that somebody has from the beginning is theirs at once.
    fn changed_at(&self, cx: &StepContext<'_>) -> Option<Time> {
        cx.user.and_then(|user| user.phone_number_changed_at)
    }

    fn check_settings(&self, settings: &Map<String, Value>) -> Result<(), String> {
        StepSettings::read(settings).map(|_| ())
    }

    fn sizes(&self, settings: &Map<String, Value>, longest: &Longest) -> Vec<MessageSize> {
        StepSettings::read(settings).map(|settings| settings.sizes(longest)).unwrap_or_default()
    }

    fn enrolment(&self) -> Option<&dyn Enrolment> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret as _;
    use vestibule_core::testing::{
        contract::{Contract, authenticator_contract},
        step::StepFixture,
    };

    use super::*;

    const NUMBER: &str = "+12025550142";

    fn alice() -> StepFixture {
        StepFixture::new().phone(NUMBER, true).connection("sms")
    }

    fn typed(code: &str) -> Fields {
        Fields::from_iter([("code", code)])
    }

    fn right(step: &StepFixture) -> Fields {
        typed(step.code().unwrap().expose_secret())
    }

    async fn begun(mut step: StepFixture) -> StepFixture {
        assert!(matches!(step.begin(&SmsOtp::new()).await, Ok(Outcome::Ask(_))));
        step
    }

    struct Suite(SmsOtp);

    #[async_trait]
    impl Contract for Suite {
        fn authenticator(&self) -> &dyn Authenticator {
            &self.0
        }
        async fn ready(&self) -> StepFixture {
            alice()
        }
        async fn right(&self, step: &StepFixture) -> Fields {
            right(step)
        }
        async fn wrong(&self, step: &StepFixture) -> Fields {
            typed(&step.wrong_code())
        }
        fn bad_settings(&self) -> Vec<Map<String, Value>> {
            [("length", 3), ("length", 11), ("life_seconds", 29), ("tries", 0), ("template", 0), ("alphabet", 1)]
                .map(|(name, value)| Map::from_iter([(name.to_owned(), value.into())]))
                .into()
        }
    }

    #[tokio::test]
    async fn it_keeps_the_contract() {
        authenticator_contract(&Suite(SmsOtp::new())).await;
    }

    #[tokio::test]
    async fn the_message_goes_to_the_users_number_and_ends_with_the_origin_bound_line() {
        let step = begun(alice().setting("template", "Hello, {{code}}").setting("length", 8)).await;
        let outgoing = step.outgoing().unwrap();
        assert_eq!((outgoing.to.as_str(), outgoing.masked.as_str()), (NUMBER, "+1 ••• ••• ••42"));
        assert_eq!(outgoing.template, "Hello, {{code}}\n\n@{{host}} #{{code}}");
        assert_eq!((outgoing.client.as_str(), outgoing.connection.as_str()), (StepFixture::CLIENT_NAME, "SMS"));
        let issued = step.issued().unwrap();
        assert_eq!((issued.destination.as_str(), issued.spec.length), (NUMBER, 8));
        assert!(!outgoing.template.contains(step.code().unwrap().expose_secret()), "the code is stored nowhere");
    }

    #[tokio::test]
    async fn readiness_says_what_is_missing() {
        let of = |step: StepFixture| async move { step.readiness(&SmsOtp::new()).await.unwrap() };
        let ready = Readiness::Ready { target: Some("+1 ••• ••• ••42".to_owned()) };
        assert_eq!(of(alice()).await, ready);
        assert_eq!(of(StepFixture::new().connection("sms")).await, Readiness::CanEnrol);
        let mut disabled = alice();
        disabled.connection.as_mut().unwrap().disabled = true;
        for unavailable in [
            StepFixture::new().phone(NUMBER, false).connection("sms"),
            StepFixture::new().phone("+19002345678", true).connection("sms"),
            StepFixture::new().phone("12", true).connection("sms"),
            StepFixture::new().phone(NUMBER, true),
            StepFixture::new().phone(NUMBER, true).connection("mail"),
            disabled,
        ] {
            let mut step = unavailable;
            let readiness = step.readiness(&SmsOtp::new()).await;
            assert!(matches!(readiness, Ok(Readiness::Unavailable { .. }) | Err(StepError::Unavailable(_))));
            assert!(matches!(step.begin(&SmsOtp::new()).await, Err(StepError::Unavailable(_))));
            assert!(step.outgoing().is_none() && step.issued().is_none());
        }
    }

    #[tokio::test]
    async fn a_gateway_that_is_closed_is_closed_for_nobody_too() {
        let readiness = StepFixture::new().nobody().readiness(&SmsOtp::new()).await;
        assert!(matches!(readiness, Err(StepError::Unavailable(_))));
    }

    #[tokio::test]
    async fn a_user_without_a_number_is_asked_nothing() {
        let mut step = StepFixture::new().connection("sms");
        assert!(matches!(step.begin(&SmsOtp::new()).await, Err(StepError::Unavailable(_))));
    }

    #[tokio::test]
    async fn settings_that_no_longer_fit_are_our_trouble() {
        let mut step = alice().setting("length", 99);
        assert!(matches!(step.begin(&SmsOtp::new()).await, Err(StepError::Misconfigured(_))));
        assert!(step.outgoing().is_none());
    }

    #[tokio::test]
    async fn a_073_a_code_of_an_earlier_beginning_is_rejected() {
        let step = begun(alice()).await;
        let earlier = right(&step);
        let mut step = begun(step).await;
        let outcome = step.answer(&SmsOtp::new(), &earlier).await.unwrap();
        assert!(matches!(outcome, Outcome::Rejected(Rejection::Wrong)));
    }

    #[tokio::test]
    async fn a_075_a_code_is_rejected_when_its_life_is_over() {
        let mut step = begun(alice().setting("life_seconds", 60)).await;
        let code = right(&step);
        step.now = step.now + Duration::from_secs(60);
        let outcome = step.answer(&SmsOtp::new(), &code).await.unwrap();
        assert!(matches!(outcome, Outcome::Rejected(Rejection::Expired)));
        step.now = step.now - Duration::from_secs(1);
        assert!(matches!(step.answer(&SmsOtp::new(), &code).await.unwrap(), Outcome::Passed(_)));
    }

    #[tokio::test]
    async fn a_code_for_the_number_of_before_proves_nothing() {
        let change: [fn(&mut vestibule_core::user::User); 3] = [
            |user| user.phone_number = Some("+12025550143".to_owned()),
            |user| user.phone_number = None,
            |user| user.phone_number_verified = false,
        ];
        for change in change {
            let mut step = begun(alice()).await;
            let code = right(&step);
            change(step.user.as_mut().unwrap());
            let outcome = step.answer(&SmsOtp::new(), &code).await.unwrap();
            assert!(matches!(outcome, Outcome::Rejected(Rejection::Expired)), "{outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_credential_belongs_to_a_number_and_does_not_tell_it() {
        let proof = |number: &'static str| async move {
            let mut step = begun(StepFixture::new().phone(number, true).connection("sms")).await;
            let code = right(&step);
            match step.answer(&SmsOtp::new(), &code).await.unwrap() {
                Outcome::Passed(proof) => proof.credential,
                other => panic!("{other:?}"),
            }
        };
        let (first, same, other) = (proof(NUMBER).await, proof(NUMBER).await, proof("+12025550143").await);
        assert_eq!(first, same);
        assert_ne!(first, other);
        assert!(!first.contains("2025550142"));
    }
}
