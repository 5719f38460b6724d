//! How an address becomes somebody's own: they name it, a code goes there, and the code comes back.
//!
//! Until then nothing about the user changes. Where the address is a name that somebody else signs in with, its owner is told so in
//! the message, which then holds no code; the page is the same, so that nobody finds out by it who has an account.

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
    EmailAddress, EmailOtp, address::AddressError, authenticator::closed, parse_address, settings::StepSettings,
};

const FIELD: &str = "email";

/// What goes to an address that somebody else signs in with. It holds no code, and nothing of who asked.
const TAKEN: &BuiltIn = &[
    (
        "en",
        "Somebody who signs in at {{host}} wanted to add this address to their account. It belongs to another account already, so \
         nothing was changed, and this message holds no code.\n\n\
         If it was you: sign in with this address, and not with another name. If it was not you, there is nothing to do.\n",
    ),
    (
        "de",
        "Jemand, der sich bei {{host}} anmeldet, wollte diese Adresse zu seinem Konto hinzufügen. Sie gehört schon zu einem anderen \
         Konto. Darum wurde nichts geändert, und diese Nachricht enthält keinen Code.\n\n\
         Wenn Sie das waren: Melden Sie sich mit dieser Adresse an und nicht mit einem anderen Namen. Wenn nicht, ist nichts zu tun.\n",
    ),
];

/// What goes to the address of before. It holds nothing by which anybody gets in, and not the new address.
const CHANGED_SUBJECT: &BuiltIn =
    &[("en", "Your e-mail address at {{host}} was changed"), ("de", "Ihre E-Mail-Adresse bei {{host}} wurde geändert")];
const CHANGED: &BuiltIn = &[
    (
        "en",
        "Codes of {{host}} go to another e-mail address from now on. If this was not you, sign in at {{host}} and change it back, or \
         ask those who run it for help.\n",
    ),
    (
        "de",
        "Codes von {{host}} gehen ab jetzt an eine andere E-Mail-Adresse. Wenn Sie das nicht waren: Melden Sie sich bei {{host}} an \
         und ändern Sie sie zurück, oder bitten Sie die Betreiber um Hilfe.\n",
    ),
];

/// Tells the mailbox of before, where it was trusted and is another one.
fn tell_the_old(cx: &mut StepContext<'_>, new: &EmailAddress) {
    let stored = cx.user.filter(|user| user.email_verified).and_then(|user| user.email.as_deref());
    if let Some(old) = stored.and_then(|stored| parse_address(stored).ok()).filter(|old| old != new) {
        let (subject, text) = (Texts::from(CHANGED_SUBJECT), Texts::from(CHANGED));
        cx.tell_about(old.as_str(), &old.masked(), subject.of(cx.languages()), text.of(cx.languages()));
    }
}

fn which() -> Prompt {
    Prompt {
        title: Text::new("emailotp.enrol_title"),
        lead: Some(Text::new("emailotp.enrol_lead")),
        exhibit: None,
        fields: vec![Field {
            name: FIELD.to_owned(),
            label: Text::new("emailotp.enrol_field"),
            kind: FieldKind::Email,
        }],
        submit: Text::new("emailotp.enrol_submit"),
    }
}

fn named(input: &Fields) -> Result<EmailAddress, Rejection> {
    parse_address(input.get(FIELD)).map_err(|why| match why {
        AddressError::Empty => Rejection::Empty,
        AddressError::TooLong | AddressError::Control | AddressError::Malformed => Rejection::Malformed,
    })
}

impl EmailOtp {
    fn send_there(&self, cx: &mut StepContext<'_>, address: &EmailAddress) -> Result<Outcome, StepError> {
        let settings = StepSettings::read(cx.settings).map_err(StepError::Misconfigured)?;
        cx.issue_code(settings.spec, address.as_str());
        let (subject, template) = settings.texts(cx);
        cx.send_about(address.as_str(), &address.masked(), subject, template)?;
        // In the language of who asked: whose address it is, nobody knows here.
        cx.unless_taken(Texts::from(TAKEN).of(cx.languages()));
        cx.state = Value::from(address.as_str());
        Ok(Outcome::Ask(self.prompt(&settings)))
    }
}

#[async_trait]
impl Enrolment for EmailOtp {
    async fn begin(&self, cx: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        match closed(cx) {
            Some(why) => Err(StepError::Unavailable(why)),
            None => Ok(Outcome::Ask(which())),
        }
    }

    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        let Some(sent_to) = cx.state.as_str().map(str::to_owned) else {
            return match named(input) {
                Ok(address) => self.send_there(cx, &address),
                Err(rejection) => Ok(rejection.into()),
            };
        };
        if let Err(rejection) = check(cx, input) {
            return Ok(rejection.into());
        }
        let address = parse_address(&sent_to).map_err(|why| StepError::Misconfigured(why.to_string()))?;
        cx.proved(Contact::Email(sent_to));
        tell_the_old(cx, &address);
        Ok(Outcome::Passed(self.proof(cx, &address)))
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use vestibule_core::testing::step::StepFixture;

    use super::*;

    const ADDRESS: &str = "alice@example.com";

    async fn asked() -> StepFixture {
        let mut step = StepFixture::new().connection("mail");
        let Ok(Outcome::Ask(prompt)) = step.begin_enrolment(&EmailOtp::new()).await else { panic!("it asks") };
        assert_eq!(prompt.fields.first().map(|field| field.kind.clone()), Some(FieldKind::Email));
        assert!(step.outgoing().is_none() && step.issued().is_none(), "nobody is written to yet");
        step
    }

    async fn answer(step: &mut StepFixture, name: &str, value: &str) -> Outcome {
        step.answer_enrolment(&EmailOtp::new(), &Fields::from_iter([(name, value)])).await.unwrap()
    }

    #[tokio::test]
    async fn an_address_is_verified_by_the_code_that_was_sent_there() {
        let mut step = asked().await;
        assert!(matches!(answer(&mut step, "email", ADDRESS).await, Outcome::Ask(_)));
        let outgoing = step.outgoing().unwrap();
        assert_eq!(outgoing.to, ADDRESS);
        let taken = outgoing.taken.as_deref().unwrap();
        assert!(!taken.contains("{{code}}") && !taken.contains("{{link}}"), "that one opens nothing");
        let wrong = step.wrong_code();
        assert!(matches!(answer(&mut step, "code", &wrong).await, Outcome::Rejected(Rejection::Wrong)));
        assert!(step.changes().proved.is_none(), "nothing is proved yet");
        let code = step.code().unwrap();
        let Outcome::Passed(proof) = answer(&mut step, "code", code.expose_secret()).await else {
            panic!("it is right")
        };
        assert!(step.changes().proved == Some(Contact::Email(ADDRESS.to_owned())));
        step.settle(&EmailOtp::new());
        assert!(step.user.as_ref().is_some_and(|user| user.email.as_deref() == Some(ADDRESS) && user.email_verified));
        assert!(step.holds(&EmailOtp::new(), &proof.credential), "it is the credential of the factor from now on");
    }

    #[tokio::test]
    async fn the_mailbox_of_before_is_told_where_it_was_trusted_and_is_another() {
        for (before, verified, told) in [
            ("old@example.com", true, Some("old@example.com")),
            ("old@example.com", false, None),
            (ADDRESS, true, None),
        ] {
            let mut step = asked().await;
            let user = step.user.as_mut().unwrap();
            (user.email, user.email_verified) = (Some(before.to_owned()), verified);
            answer(&mut step, "email", ADDRESS).await;
            assert!(step.changes().told.is_none(), "nothing has changed yet");
            let code = step.code().unwrap();
            assert!(matches!(answer(&mut step, "code", code.expose_secret()).await, Outcome::Passed(_)));
            let message = step.changes().told.as_ref();
            assert_eq!(message.map(|message| message.to.as_str()), told);
            let whole = format!("{message:?}");
            assert!(!whole.contains(ADDRESS) && !whole.contains("{{code}}") && !whole.contains("{{link}}"), "{whole}");
        }
    }

    #[tokio::test]
    async fn a_118_what_is_no_address_is_not_written_to() {
        let mut step = asked().await;
        for bad in ["alice", "alice@example.com\r\nBcc: all@example.com", "a@example.com, b@example.com", "\n"] {
            let outcome = answer(&mut step, "email", bad).await;
            assert!(matches!(outcome, Outcome::Rejected(Rejection::Malformed)), "{bad:?}: {outcome:?}");
        }
        assert!(matches!(answer(&mut step, "email", " ").await, Outcome::Rejected(Rejection::Empty)));
        assert!(step.outgoing().is_none());
    }

    #[tokio::test]
    async fn without_a_mail_server_nobody_is_asked() {
        let mut step = StepFixture::new();
        assert!(matches!(step.begin_enrolment(&EmailOtp::new()).await, Err(StepError::Unavailable(_))));
    }
}
