//! How a number becomes somebody's own: they name it, a code goes there, and the code comes back.
//!
//! Until then nothing about the user changes, and a number to which messages do not go is refused before one is sent. Who has a
//! number already has proved it, or something as good, on the way here: that is the engine's rule, and no business of this file.

use async_trait::async_trait;
use serde_json::Value;
use vestibule_core::{
    Outcome, Rejection, StepContext, StepError,
    authenticator::{Contact, Enrolment},
    code::{
        message::check,
        texts::{BuiltIn, Texts},
    },
    prompt::{Field, FieldKind, Fields, Prompt, Text},
};

use crate::{
    E164, NumberError, SmsOtp,
    allowed::{Allowed, NotTaken},
    authenticator::closed,
    settings::StepSettings,
};

const FIELD: &str = "number";

/// What goes to the number of before. It holds nothing by which anybody gets in, and not the new number.
const CHANGED: &BuiltIn = &[
    (
        "en",
        "Codes of {{host}} go to another phone number from now on. If this was not you, sign in at {{host}} and change it back, or \
         ask those who run it for help.",
    ),
    (
        "de",
        "Codes von {{host}} gehen ab jetzt an eine andere Telefonnummer. Wenn Sie das nicht waren: Melden Sie sich bei {{host}} an \
         und ändern Sie sie zurück, oder bitten Sie die Betreiber um Hilfe.",
    ),
];

fn which() -> Prompt {
    Prompt {
        title: Text::new("smsotp.enrol_title"),
        lead: Some(Text::new("smsotp.number_needed")),
        exhibit: None,
        fields: vec![Field {
            name: FIELD.to_owned(),
            label: Text::new("smsotp.enrol_field"),
            kind: FieldKind::PhoneNumber,
        }],
        submit: Text::new("smsotp.enrol_submit"),
    }
}

fn named(allowed: &Allowed, typed: &str) -> Result<E164, Rejection> {
    if typed.trim().is_empty() {
        return Err(Rejection::Empty);
    }
    allowed.read(typed).map_err(|why| match why {
        NotTaken::Here | NotTaken::Number(NumberError::Costly) => Rejection::NotAllowed,
        NotTaken::Number(_) => Rejection::Malformed,
    })
}

impl SmsOtp {
    fn send_there(&self, cx: &mut StepContext<'_>, number: &E164) -> Result<Outcome, StepError> {
        let settings = StepSettings::read(cx.settings).map_err(StepError::Misconfigured)?;
        cx.issue_code(settings.spec, number.as_str());
        cx.send(number.as_str(), &number.masked(), &settings.template(cx.languages()))?;
        cx.state = Value::from(number.as_str());
        Ok(Outcome::Ask(self.prompt(&settings)))
    }
}

/// Tells the phone of before, where it was trusted and is another one.
fn tell_the_old(cx: &mut StepContext<'_>, allowed: &Allowed, new: &E164) {
    let stored = cx.user.filter(|user| user.phone_number_verified).and_then(|user| user.phone_number.as_deref());
    let old = stored.and_then(|stored| allowed.read(stored).ok()).filter(|old| old != new);
    if let Some(old) = old {
        let changed = Texts::from(CHANGED);
        cx.tell(old.as_str(), &old.masked(), changed.of(cx.languages()));
    }
}

fn allowed(cx: &StepContext<'_>) -> Result<Allowed, StepError> {
    if let Some(why) = closed(cx) {
        return Err(StepError::Unavailable(why));
    }
    Allowed::by(cx.connection).map_err(|error| StepError::Misconfigured(error.to_string()))
}

#[async_trait]
impl Enrolment for SmsOtp {
    async fn begin(&self, cx: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        allowed(cx).map(|_| Outcome::Ask(which()))
    }

    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        let allowed = allowed(cx)?;
        let Some(sent_to) = cx.state.as_str().map(str::to_owned) else {
            return match named(&allowed, input.get(FIELD)) {
                Ok(number) => self.send_there(cx, &number),
                Err(rejection) => Ok(rejection.into()),
            };
        };
        if let Err(rejection) = check(cx, input) {
            return Ok(rejection.into());
        }
        let number = allowed.read(&sent_to).map_err(|why| StepError::Misconfigured(why.to_string()))?;
        cx.proved(Contact::PhoneNumber(sent_to));
        tell_the_old(cx, &allowed, &number);
        Ok(Outcome::Passed(self.proof(cx, &number)))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::json;
    use vestibule_core::{Authenticator as _, Readiness, testing::step::StepFixture};

    use super::*;

    const NUMBER: &str = "+12025550142";

    async fn asked(mut step: StepFixture) -> StepFixture {
        let Ok(Outcome::Ask(prompt)) = step.begin_enrolment(&SmsOtp::new()).await else { panic!("it asks") };
        assert_eq!(prompt.fields.first().map(|field| field.kind.clone()), Some(FieldKind::PhoneNumber));
        assert!(step.outgoing().is_none() && step.issued().is_none(), "nobody is written to yet");
        step
    }

    fn nobodys() -> StepFixture {
        StepFixture::new().connection("sms")
    }

    async fn answer(step: &mut StepFixture, name: &str, value: &str) -> Outcome {
        step.answer_enrolment(&SmsOtp::new(), &Fields::from_iter([(name, value)])).await.unwrap()
    }

    #[tokio::test]
    async fn a_number_is_somebodys_own_by_the_code_that_was_sent_there() {
        let mut step = asked(nobodys()).await;
        assert!(matches!(answer(&mut step, "number", " +1 (202) 555-0142 ").await, Outcome::Ask(_)));
        let outgoing = step.outgoing().unwrap();
        assert_eq!((outgoing.to.as_str(), outgoing.masked.as_str()), (NUMBER, "+1 ••• ••• ••42"));
        assert!(outgoing.template.ends_with("\n\n@{{host}} #{{code}}"));
        let wrong = step.wrong_code();
        assert!(matches!(answer(&mut step, "code", &wrong).await, Outcome::Rejected(Rejection::Wrong)));
        assert!(matches!(answer(&mut step, "number", NUMBER).await, Outcome::Rejected(Rejection::Empty)));
        assert!(step.changes().proved.is_none(), "nothing is proved yet");
        let code = step.code().unwrap();
        let Outcome::Passed(proof) = answer(&mut step, "code", code.expose_secret()).await else {
            panic!("it is right")
        };
        assert!(step.changes().proved == Some(Contact::PhoneNumber(NUMBER.to_owned())));
        step.settle(&SmsOtp::new());
        let ready = step.readiness(&SmsOtp::new()).await.unwrap();
        assert_eq!(ready, Readiness::Ready { target: Some("+1 ••• ••• ••42".to_owned()) });
        assert!(step.holds(&SmsOtp::new(), &proof.credential), "the proof is of that number");
    }

    #[tokio::test]
    async fn a_078_a_number_that_is_none_or_not_allowed_is_refused_before_anything_is_sent() {
        let few = || {
            let mut step = nobodys();
            let settings = json!({ "allowed_prefixes": ["+49"] });
            step.connection.as_mut().unwrap().settings = serde_json::from_value(settings).unwrap();
            step
        };
        let cases = [
            (nobodys(), "", Rejection::Empty),
            (nobodys(), "alice", Rejection::Malformed),
            (nobodys(), "202 555 0142", Rejection::Malformed),
            (nobodys(), "+1 202 555 014", Rejection::Malformed),
            (nobodys(), "+1 202 555 0142\r\nX: y", Rejection::Malformed),
            (nobodys(), &"9".repeat(100_000), Rejection::Malformed),
            (nobodys(), "+1 900 234 5678", Rejection::NotAllowed),
            (nobodys(), "+49 180 5 123456", Rejection::NotAllowed),
            (few(), NUMBER, Rejection::NotAllowed),
        ];
        for (step, typed, why) in cases {
            let mut step = asked(step).await;
            let outcome = answer(&mut step, "number", typed).await;
            assert!(matches!(outcome, Outcome::Rejected(rejection) if rejection == why), "{why:?}: {outcome:?}");
            assert!(step.outgoing().is_none() && step.issued().is_none() && step.changes().proved.is_none());
        }
        let mut step = asked(few()).await;
        assert!(matches!(answer(&mut step, "number", "+49 151 23456789").await, Outcome::Ask(_)));
        // What is on file is no more allowed than what is typed.
        let mut step = few().phone(NUMBER, true);
        assert!(matches!(step.readiness(&SmsOtp::new()).await.unwrap(), Readiness::Unavailable { .. }));
        assert!(matches!(step.begin(&SmsOtp::new()).await, Err(StepError::Unavailable(_))));
        assert!(step.outgoing().is_none());
    }

    #[tokio::test]
    async fn what_is_allowed_no_more_when_the_code_comes_back_is_not_taken() {
        let mut step = asked(nobodys()).await;
        answer(&mut step, "number", NUMBER).await;
        let code = step.code().unwrap();
        let settings = json!({ "allowed_prefixes": ["+49"] });
        step.connection.as_mut().unwrap().settings = serde_json::from_value(settings).unwrap();
        let fields = Fields::from_iter([("code", code.expose_secret())]);
        let late = step.answer_enrolment(&SmsOtp::new(), &fields).await;
        assert!(matches!(late, Err(StepError::Misconfigured(_))), "{late:?}");
        assert!(step.changes().proved.is_none());
    }

    #[tokio::test]
    async fn a_080_the_phone_of_before_is_told_once_the_other_is_proved_and_not_by_what_opens_anything() {
        for (stored, verified, told) in
            [("+12025550143", true, true), ("+12025550143", false, false), (NUMBER, true, false)]
        {
            let mut step = asked(nobodys().phone(stored, verified)).await;
            answer(&mut step, "number", NUMBER).await;
            let wrong = step.wrong_code();
            answer(&mut step, "code", &wrong).await;
            assert!(step.changes().told.is_none());
            let code = step.code().unwrap();
            answer(&mut step, "code", code.expose_secret()).await;
            assert_eq!(step.changes().told.is_some(), told, "{stored} {verified}");
            for message in step.changes().told.iter() {
                assert_eq!((message.to.as_str(), message.masked.as_str()), (stored, "+1 ••• ••• ••43"));
                assert!(!message.template.contains("code}}") && !message.template.contains("0142"));
            }
        }
    }

    #[tokio::test]
    async fn without_a_gateway_nobody_is_asked() {
        let mut closed = nobodys();
        closed.connection.as_mut().unwrap().disabled = true;
        for mut step in [StepFixture::new(), StepFixture::new().connection("mail"), closed] {
            assert!(matches!(step.begin_enrolment(&SmsOtp::new()).await, Err(StepError::Unavailable(_))));
        }
    }

    #[tokio::test]
    async fn every_text_of_the_enrolment_has_a_message() {
        let Prompt { title, lead, fields, submit, .. } = which();
        let texts = [title, submit].into_iter().chain(lead).chain(fields.into_iter().map(|field| field.label));
        let own = ["number_empty", "number_malformed", "not_allowed"].map(|what| Text::new(&format!("smsotp.{what}")));
        let smsotp = SmsOtp::new();
        for text in texts.chain(own) {
            assert!(smsotp.descriptor().messages.iter().any(|(key, _)| *key == text.key), "{}", text.key);
        }
    }
}
