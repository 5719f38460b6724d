//! Choosing another password within a sign-in, where the present one must change: others may know it.
//!
//! NIST SP 800-63B-4, section 3.1.1.2, asks for a change where there is evidence of a compromise, and forbids it after some time alone.
//! So nothing here knows of ages, and the page says why it is asked.

use async_trait::async_trait;
use secrecy::{ExposeSecret as _, SecretString};
use vestibule_core::{
    Outcome, Rejection, StepContext, StepError,
    authenticator::Enrolment,
    prompt::{Field, FieldKind, Fields, Prompt, Text},
};

use crate::{MAX_BYTES, Password, PasswordRefused, names_of};

const FIELD: &str = "new_password";

fn ask(lead: Text) -> Outcome {
    Outcome::Ask(Prompt {
        title: Text::new("password.change"),
        lead: Some(lead),
        exhibit: None,
        fields: vec![Field {
            name: FIELD.to_owned(),
            label: Text::new("password.change_field"),
            kind: FieldKind::NewPassword,
        }],
        submit: Text::new("password.change_submit"),
    })
}

/// Why another one is asked for once more.
fn words(refused: PasswordRefused) -> Text {
    match refused {
        PasswordRefused::TooShort { minimum } => Text::new("password.change_short").with("minimum", minimum),
        PasswordRefused::TooLong => Text::new("password.malformed"),
        PasswordRefused::Common => Text::new("password.change_common"),
        PasswordRefused::Named => Text::new("password.change_named"),
        PasswordRefused::Breached => Text::new("password.change_breached"),
        PasswordRefused::Unchecked => Text::new("password.change_unchecked"),
    }
}

#[async_trait]
impl Enrolment for Password {
    fn event(&self) -> Option<&'static str> {
        Some("password.changed")
    }

    async fn begin(&self, _: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        Ok(ask(Text::new("password.change_lead")))
    }

    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        let typed = input.get(FIELD);
        if typed.is_empty() {
            return Ok(Rejection::Empty.into());
        }
        if typed.len() > MAX_BYTES {
            return Ok(Rejection::Malformed.into());
        }
        let missing = || StepError::Misconfigured("there is no password to put another in the place of".to_owned());
        let user = cx.user.ok_or_else(missing)?;
        let present = cx.credentials.last().cloned().ok_or_else(missing)?;
        let password = SecretString::from(typed);
        if let Err(refused) = self.policy.check(&password, &names_of(user)).await {
            return Ok(ask(words(refused)));
        }
        if self.pool.verify(&password, present.secret.expose_secret()).await? {
            return Ok(ask(Text::new("password.change_same")));
        }
        let hash = self.pool.hash(&password).await?;
        let all = cx.credentials;
        all.iter().for_each(|old| cx.drop_credential(old));
        let id = cx.add_credential(None, hash.into());
        Ok(Outcome::Passed(self.proof(&id.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use vestibule_core::{Authenticator as _, testing::step::StepFixture};

    use super::*;
    use crate::{HashParams, HashPool, PoolSettings, marked, must_change};

    const CHEAP: HashParams = HashParams { memory_kib: 64, passes: 1, lanes: 1 };

    fn authenticator() -> Password {
        Password::new(HashPool::new(PoolSettings { params: CHEAP, ..PoolSettings::default() }).unwrap()).unwrap()
    }

    fn typed(field: &str, text: &str) -> Fields {
        Fields::from_iter([(field, text)])
    }

    async fn flagged(password: &Password) -> StepFixture {
        let hash = password.pool.hash(&"correct horse".into()).await.unwrap();
        StepFixture::new().credential("password", marked(&hash))
    }

    #[tokio::test]
    async fn a_password_that_must_change_opens_and_says_so() {
        let password = authenticator();
        let mut step = flagged(&password).await;
        let outcome = step.answer(&password, &typed("password", "correct horse")).await.unwrap();
        assert!(matches!(outcome, Outcome::Passed(_)));
        assert!(password.must_change(&step.credentials[0]));
        let wrong = step.answer(&password, &typed("password", "Correct horse")).await.unwrap();
        assert!(matches!(wrong, Outcome::Rejected(Rejection::Wrong)));
        let plain = password.pool.hash(&"correct horse".into()).await.unwrap();
        assert!(!password.must_change(&StepFixture::new().credential("password", plain).credentials[0]));
    }

    #[tokio::test]
    async fn an_old_hash_that_must_change_keeps_its_mark_when_it_is_renewed() {
        let password = authenticator();
        let bcrypt = "{CHANGE}$2b$04$abcdefghijklmnopqrstuuanVo7Xut1CH8VGIGlz1JovQh9GJbbtG";
        assert_eq!(crate::check_hash(bcrypt), Ok(()), "a file may bring the mark along");
        let mut step = StepFixture::new().credential("password", bcrypt);
        step.answer(&password, &typed("password", "lètmein")).await.unwrap();
        let [renewed] = step.renewed() else { panic!("renewed once") };
        let stored = renewed.secret.expose_secret();
        assert!(must_change(stored) && stored.contains("$argon2id$"), "{stored}");
    }

    #[tokio::test]
    async fn a_known_password_is_to_be_changed_where_that_is_asked_for() {
        let hash = authenticator().pool.hash(&"password123".into()).await.unwrap();
        for (asked, marked) in [(true, true), (false, false)] {
            let password = authenticator().renewing_known(asked);
            let mut step = StepFixture::new().credential("password", hash.clone());
            let outcome = step.answer(&password, &typed("password", "password123")).await.unwrap();
            assert!(matches!(outcome, Outcome::Passed(_)));
            let stored = step.renewed().first().map(|renewed| must_change(renewed.secret.expose_secret()));
            assert_eq!(stored.unwrap_or_default(), marked);
        }
        let password = authenticator().renewing_known(true);
        let good = password.pool.hash(&"quiet otters juggle".into()).await.unwrap();
        let mut step = StepFixture::new().credential("password", good);
        step.answer(&password, &typed("password", "quiet otters juggle")).await.unwrap();
        assert!(step.renewed().is_empty());
    }

    #[tokio::test]
    async fn the_new_one_is_held_against_the_policy_and_is_not_the_old_one() {
        let password = authenticator();
        let mut step = flagged(&password).await;
        for (bad, why) in [
            ("short", "password.change_short"),
            ("password123", "password.change_common"),
            ("correct horse", "password.change_same"),
        ] {
            match step.answer_enrolment(&password, &typed(FIELD, bad)).await.unwrap() {
                Outcome::Ask(prompt) => assert_eq!(prompt.lead.unwrap().key, why),
                other => panic!("{bad}: {other:?}"),
            }
        }
        let empty = step.answer_enrolment(&password, &typed(FIELD, "")).await.unwrap();
        assert!(matches!(empty, Outcome::Rejected(Rejection::Empty)));
        assert!(step.changes().added.is_empty() && step.changes().dropped.is_empty());
        let good = step.answer_enrolment(&password, &typed(FIELD, "quiet otters juggle")).await.unwrap();
        let Outcome::Passed(proof) = good else { panic!("{good:?}") };
        step.settle(&password);
        let [only] = step.credentials.as_slice() else { panic!("one takes the place of the other") };
        assert_eq!(proof.credential, only.id.to_string());
        assert!(!password.must_change(only));
        let outcome = step.answer(&password, &typed("password", "quiet otters juggle")).await.unwrap();
        assert!(matches!(outcome, Outcome::Passed(_)));
    }
}
