//! The `emailotp` authenticator: whoever reads the message has the mailbox.
//!
//! It passes its own step and proves no factor class: the same mailbox may reset the password, so a password and a code from it
//! are one thing twice. It has no properties either; NIST SP 800-63B-4 (section 3.1.3.1) does not take e-mail for
//! out-of-band authentication at all.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde_json::{Map, Value};
use vestibule_core::{
    Authenticator, Descriptor, Outcome, Readiness, Rejection, StepContext, StepError,
    authenticator::{Enrolment, Opening, Proof},
    code::message,
    prompt::{Fields, Prompt},
};

use crate::{EmailAddress, Mail, messages::MESSAGES, parse_address, settings::StepSettings};

/// Verifies codes sent by e-mail.
pub struct EmailOtp {
    descriptor: Descriptor,
}

impl EmailOtp {
    /// The authenticator's name in chains.
    pub const NAME: &str = "emailotp";

    /// The authenticator.
    pub fn new() -> Self {
        Self {
            descriptor: Descriptor {
                name: Self::NAME.into(),
                factors: BTreeSet::new(),
                properties: BTreeSet::new(),
                amr: BTreeSet::from(["otp".to_owned()]),
                opening: Opening::Once,
                connection: Some(Mail::KIND),
                settings: StepSettings::schema(),
                messages: MESSAGES,
            },
        }
    }

    /// Asks for the code.
    pub(crate) fn prompt(&self, settings: &StepSettings) -> Prompt {
        message::prompt(&self.descriptor.name, &settings.spec)
    }

    pub(crate) fn proof(&self, cx: &StepContext<'_>, address: &EmailAddress) -> Proof {
        Proof {
            credential: cx.opaque_id(address.as_str()),
            factors: BTreeSet::new(),
            properties: BTreeSet::new(),
            amr: self.descriptor.amr.clone(),
        }
    }
}

impl Default for EmailOtp {
    fn default() -> Self {
        Self::new()
    }
}

/// Where this user's codes go; `None` when they have no address that they proved to be theirs.
fn address(cx: &StepContext<'_>) -> Result<Option<EmailAddress>, String> {
    let Some(stored) = cx.user.filter(|user| user.email_verified).and_then(|user| user.email.as_deref()) else {
        return Ok(None);
    };
    parse_address(stored).map(Some).map_err(|why| format!("the user's address cannot be used: {why}"))
}

/// Why nothing can be sent, whoever it is for.
pub(crate) fn closed(cx: &StepContext<'_>) -> Option<String> {
    message::closed(cx, Mail::KIND)
}

#[async_trait]
impl Authenticator for EmailOtp {
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
        Ok(match address(cx) {
            Err(why) => Readiness::Unavailable { why },
            Ok(Some(address)) => Readiness::Ready { target: Some(address.masked()) },
            Ok(None) if cx.user.is_some() => Readiness::CanEnrol,
            Ok(None) => Readiness::Ready { target: None },
        })
    }

    async fn begin(&self, cx: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        let settings = StepSettings::read(cx.settings).map_err(StepError::Misconfigured)?;
        if let Some(why) = closed(cx) {
            return Err(StepError::Unavailable(why));
        }
        match address(cx).map_err(StepError::Unavailable)? {
            Some(address) => {
                cx.issue_code(settings.spec, address.as_str());
                let (subject, template) = settings.texts(cx);
                cx.send_about(address.as_str(), &address.masked(), subject, template)?;
                cx.state = Value::from(address.as_str());
            }
            None if cx.user.is_some() => {
                return Err(StepError::Unavailable("the user has no verified address".to_owned()));
            }
            // A code that nobody gets: the page has the same times and tries as for somebody.
            None => cx.issue_code(settings.spec, ""),
        }
        Ok(Outcome::Ask(self.prompt(&settings)))
    }

    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        if let Err(rejection) = message::check(cx, input) {
            return Ok(rejection.into());
        }
        // The code was sent to the address of that moment. If that has changed since, it proves nothing about this mailbox.
        match address(cx) {
            Ok(Some(address)) if cx.state.as_str() == Some(address.as_str()) => {
                Ok(Outcome::Passed(self.proof(cx, &address)))
            }
            Ok(_) if cx.user.is_none() => Ok(Rejection::Wrong.into()),
            _ => Ok(Rejection::Expired.into()),
        }
    }

    /// An address is the credential: another one, or one that is no longer trusted, is not what was proved.
    fn holds(&self, cx: &StepContext<'_>, credential: &str) -> bool {
        matches!(address(cx), Ok(Some(address)) if cx.opaque_id(address.as_str()) == credential)
    }

    fn check_settings(&self, settings: &Map<String, Value>) -> Result<(), String> {
        StepSettings::read(settings).map(|_| ())
    }

    fn enrolment(&self) -> Option<&dyn Enrolment> {
        Some(self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret as _;
    use vestibule_core::{
        testing::{
            contract::{Contract, authenticator_contract},
            step::StepFixture,
        },
        user::User,
    };

    use super::*;

    const ADDRESS: &str = "alice@example.com";

    fn with(address: &str, verified: bool) -> StepFixture {
        let mut step = StepFixture::new().connection("mail");
        let user = step.user.as_mut().unwrap();
        (user.email, user.email_verified) = (Some(address.to_owned()), verified);
        step
    }

    fn alice() -> StepFixture {
        with(ADDRESS, true)
    }

    fn typed(code: &str) -> Fields {
        Fields::from_iter([("code", code)])
    }

    fn right(step: &StepFixture) -> Fields {
        typed(step.code().unwrap().expose_secret())
    }

    async fn begun(mut step: StepFixture) -> StepFixture {
        assert!(matches!(step.begin(&EmailOtp::new()).await, Ok(Outcome::Ask(_))));
        step
    }

    struct Suite(EmailOtp);

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
            [("length", 3), ("life_seconds", 29), ("tries", 0), ("template", 0), ("subject", 0), ("alphabet", 1)]
                .map(|(name, value)| Map::from_iter([(name.to_owned(), value.into())]))
                .into()
        }
    }

    #[tokio::test]
    async fn it_keeps_the_contract() {
        authenticator_contract(&Suite(EmailOtp::new())).await;
    }

    #[tokio::test]
    async fn it_passes_its_step_and_is_no_factor() {
        let mut step = begun(alice()).await;
        let code = right(&step);
        let Ok(Outcome::Passed(proof)) = step.answer(&EmailOtp::new(), &code).await else { panic!("it is right") };
        assert!(proof.factors.is_empty() && proof.properties.is_empty());
        assert_eq!(proof.amr, BTreeSet::from(["otp".to_owned()]));
        assert!(!proof.credential.contains("alice"));
    }

    #[tokio::test]
    async fn the_message_goes_to_the_users_address_and_its_subject_has_no_code() {
        let step =
            begun(alice().setting("subject", "Hello from {{client}}").setting("template", "Go to {{link}}")).await;
        let outgoing = step.outgoing().unwrap();
        assert_eq!((outgoing.to.as_str(), outgoing.masked.as_str()), (ADDRESS, "a•••@example.com"));
        assert_eq!(outgoing.subject.as_deref(), Some("Hello from {{client}}"));
        assert_eq!((outgoing.template.as_str(), outgoing.connection.as_str()), ("Go to {{link}}", "MAIL"));
        let whole = serde_json::to_string(outgoing).unwrap();
        assert!(!whole.contains(step.code().unwrap().expose_secret()), "the code is stored nowhere");
    }

    #[tokio::test]
    async fn readiness_says_what_is_missing() {
        let of = |step: StepFixture| async move { step.readiness(&EmailOtp::new()).await.unwrap() };
        assert_eq!(of(alice()).await, Readiness::Ready { target: Some("a•••@example.com".to_owned()) });
        assert_eq!(of(StepFixture::new().connection("mail")).await, Readiness::CanEnrol);
        assert_eq!(of(with(ADDRESS, false)).await, Readiness::CanEnrol, "an address that nobody proved is none");
        let mut disabled = alice();
        disabled.connection.as_mut().unwrap().disabled = true;
        let mut without = alice();
        without.connection = None;
        for mut step in [disabled, without, alice().connection("sms"), with("alice@example.com\r\n", true)] {
            let readiness = step.readiness(&EmailOtp::new()).await;
            assert!(matches!(readiness, Ok(Readiness::Unavailable { .. }) | Err(StepError::Unavailable(_))));
            assert!(matches!(step.begin(&EmailOtp::new()).await, Err(StepError::Unavailable(_))));
            assert!(step.outgoing().is_none() && step.issued().is_none());
        }
        let nobody = StepFixture::new().nobody().readiness(&EmailOtp::new()).await;
        assert!(matches!(nobody, Err(StepError::Unavailable(_))), "what is closed is closed for nobody too");
    }

    #[tokio::test]
    async fn an_address_that_nobody_proved_gets_no_code() {
        let mut step = with(ADDRESS, false);
        assert!(matches!(step.begin(&EmailOtp::new()).await, Err(StepError::Unavailable(_))));
        assert!(step.outgoing().is_none());
    }

    #[tokio::test]
    async fn a_075_a_code_is_rejected_when_its_life_is_over() {
        let mut step = begun(alice().setting("life_seconds", 60)).await;
        let code = right(&step);
        step.now = step.now + Duration::from_secs(60);
        let outcome = step.answer(&EmailOtp::new(), &code).await.unwrap();
        assert!(matches!(outcome, Outcome::Rejected(Rejection::Expired)));
        step.now = step.now - Duration::from_secs(1);
        assert!(matches!(step.answer(&EmailOtp::new(), &code).await.unwrap(), Outcome::Passed(_)));
    }

    #[tokio::test]
    async fn a_code_for_the_address_of_before_proves_nothing() {
        let change: [fn(&mut User); 3] = [
            |user| user.email = Some("mallory@example.com".to_owned()),
            |user| user.email = None,
            |user| user.email_verified = false,
        ];
        for change in change {
            let mut step = begun(alice()).await;
            let code = right(&step);
            change(step.user.as_mut().unwrap());
            let outcome = step.answer(&EmailOtp::new(), &code).await.unwrap();
            assert!(matches!(outcome, Outcome::Rejected(Rejection::Expired)), "{outcome:?}");
        }
    }
}
