//! The authenticator `recovery`.

use std::collections::BTreeSet;

use async_trait::async_trait;
use serde_json::{Value, json};
use vestibule_core::{
    Authenticator, Descriptor, FactorClass, Outcome, Readiness, Rejection, StepContext, StepError, Time,
    authenticator::{Enrolment, Opening, Proof},
    evidence::Property,
    prompt::{Exhibit, Field, FieldKind, Fields, Prompt, Text},
    user::Credential,
};

use crate::{
    codes::{self, IN_A_SET},
    messages::MESSAGES,
    stored::Stored,
};

/// Verifies recovery codes and bypass codes.
pub struct Recovery {
    descriptor: Descriptor,
}

impl Recovery {
    /// The authenticator's name in chains.
    pub const NAME: &str = "recovery";
    const FIELD: &str = "code";
    /// Ten characters with room for spaces and dashes.
    const LONGEST: usize = 64;

    /// The authenticator.
    pub fn new() -> Self {
        Self {
            descriptor: Descriptor {
                name: Self::NAME.into(),
                factors: BTreeSet::from([FactorClass::Possession]),
                properties: BTreeSet::from([Property::Held]),
                amr: BTreeSet::from(["otp".to_owned()]),
                opening: Opening::Free,
                connection: None,
                settings: json!({ "type": "object", "properties": {}, "additionalProperties": false }),
                messages: MESSAGES,
            },
        }
    }

    fn proof(&self, credential: String, factors: BTreeSet<FactorClass>) -> Outcome {
        let (properties, amr) = (self.descriptor.properties.clone(), self.descriptor.amr.clone());
        Outcome::Passed(Proof { credential, factors, properties, amr })
    }
}

impl Default for Recovery {
    fn default() -> Self {
        Self::new()
    }
}

fn ask(title: &str, lead: &str, field: &str, submit: &str, exhibit: Option<Exhibit>) -> Outcome {
    let field = Field {
        name: Recovery::FIELD.to_owned(),
        label: Text::new(field),
        kind: FieldKind::Code { length: 10, numeric: false },
    };
    let (title, lead, submit) = (Text::new(title), Some(Text::new(lead)), Text::new(submit));
    Outcome::Ask(Prompt { title, lead, exhibit, fields: vec![field], submit })
}

/// What was typed, or why nothing is judged.
fn typed(input: &Fields) -> Result<String, Rejection> {
    let typed = input.get(Recovery::FIELD);
    if typed.trim().is_empty() {
        return Err(Rejection::Empty);
    }
    let code = if typed.len() > Recovery::LONGEST { None } else { codes::read(typed) };
    code.ok_or(Rejection::Malformed)
}

#[async_trait]
impl Authenticator for Recovery {
    fn costly(&self) -> bool {
        false
    }

    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    async fn readiness(&self, cx: &StepContext<'_>) -> Result<Readiness, StepError> {
        let kept: Result<Vec<Stored>, StepError> = cx.credentials.iter().map(Stored::of).collect();
        let some = kept?.iter().any(|stored| stored.fits(cx.user) && stored.left(cx.now) > 0);
        let none = cx.user.is_some() && !some;
        Ok(if none { Readiness::CanEnrol } else { Readiness::Ready { target: None } })
    }

    async fn begin(&self, _: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        Ok(ask("recovery.title", "recovery.lead", "recovery.field", "recovery.submit", None))
    }

    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        let code = match typed(input) {
            Ok(code) => code,
            Err(rejection) => return Ok(rejection.into()),
        };
        let kept = cx.opaque_id(&codes::kept(&code));
        for own in cx.credentials {
            let stored = Stored::of(own)?;
            if stored.fits(cx.user)
                && let Some(rest) = stored.without(&kept, cx.now)
            {
                cx.spend_credential(own, rest.secret()?);
                return Ok(self.proof(own.id.to_string(), self.descriptor.factors.clone()));
            }
        }
        Ok(Rejection::Wrong.into())
    }

    fn uses_left(&self, credential: &Credential, now: Time) -> Option<usize> {
        Stored::of(credential).map(|stored| stored.left(now)).ok()
    }

    /// What a bypass code opened stays open no longer than the code itself was good for.
    fn holds(&self, cx: &StepContext<'_>, credential: &str) -> bool {
        let own = cx.credentials.iter().find(|own| own.id.to_string() == credential);
        let stored = own.and_then(|own| Stored::of(own).ok()).filter(|stored| stored.fits(cx.user));
        stored.is_some_and(|stored| match stored {
            Stored::Codes { .. } => true,
            Stored::Bypass { expires_at, .. } => cx.now < expires_at,
        })
    }

    fn enrolment(&self) -> Option<&dyn Enrolment> {
        Some(self)
    }
}

#[async_trait]
impl Enrolment for Recovery {
    async fn begin(&self, cx: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        let drawn: Vec<String> = (0..IN_A_SET).map(|_| codes::draw(cx.random)).collect();
        cx.state = drawn.iter().map(|code| cx.opaque_id(&codes::kept(code))).collect();
        let exhibit = Exhibit::Codes { codes: drawn.iter().map(|code| codes::shown(code)).collect() };
        let words = "recovery.enrol";
        let [title, lead, field, submit] = ["title", "lead", "field", "submit"].map(|what| format!("{words}.{what}"));
        Ok(ask(&title, &lead, &field, &submit, Some(exhibit)))
    }

    /// The codes count once somebody has typed one of them, which is not used up by it. That proves that they were kept, and
    /// nothing of who is there: it is no factor of this login.
    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        let code = match typed(input) {
            Ok(code) => code,
            Err(rejection) => return Ok(rejection.into()),
        };
        let drawn: Vec<String> = serde_json::from_value(std::mem::take(&mut cx.state))
            .map_err(|_| StepError::Misconfigured("the codes that were drawn cannot be read".to_owned()))?;
        let kept = cx.opaque_id(&codes::kept(&code));
        cx.state = Value::from(drawn.clone());
        if !drawn.contains(&kept) {
            return Ok(Rejection::Wrong.into());
        }
        for own in cx.credentials {
            if matches!(Stored::of(own), Ok(Stored::Codes { .. }) | Err(_)) {
                cx.drop_credential(own);
            }
        }
        let id = cx.add_credential(None, Stored::Codes { left: drawn }.secret()?);
        Ok(self.proof(id.to_string(), BTreeSet::new()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret as _;
    use serde_json::Map;
    use vestibule_core::testing::{
        contract::{Contract, authenticator_contract},
        step::StepFixture,
    };

    use super::*;
    use crate::bypass;

    fn given(code: &str) -> Fields {
        Fields::from_iter([("code", code)])
    }

    /// The codes on the page.
    fn on(outcome: Outcome) -> Vec<String> {
        match outcome {
            Outcome::Ask(Prompt { exhibit: Some(Exhibit::Codes { codes }), .. }) => codes,
            other => panic!("no codes: {other:?}"),
        }
    }

    /// Somebody with a set of codes.
    async fn with_codes() -> (StepFixture, Vec<String>) {
        let (recovery, mut step) = (Recovery::new(), StepFixture::new());
        let codes = on(step.begin_enrolment(&recovery).await.unwrap());
        let passed = step.answer_enrolment(&recovery, &given(&codes[0])).await.unwrap();
        assert!(matches!(passed, Outcome::Passed(proof) if proof.factors.is_empty()));
        step.settle(&recovery);
        (step, codes)
    }

    async fn answers(step: &mut StepFixture, code: &str) -> Outcome {
        let recovery = Recovery::new();
        step.begin(&recovery).await.unwrap();
        let outcome = step.answer(&recovery, &given(code)).await.unwrap();
        step.settle(&recovery);
        outcome
    }

    struct Suite(Recovery);

    #[async_trait]
    impl Contract for Suite {
        fn authenticator(&self) -> &dyn Authenticator {
            &self.0
        }
        async fn ready(&self) -> StepFixture {
            with_codes().await.0
        }
        async fn right(&self, _: &StepFixture) -> Fields {
            given(&with_codes().await.1[3])
        }
        async fn wrong(&self, _: &StepFixture) -> Fields {
            given("00000-00000")
        }
        fn bad_settings(&self) -> Vec<Map<String, Value>> {
            vec![Map::from_iter([("codes".to_owned(), 3.into())])]
        }
    }

    #[tokio::test]
    async fn it_keeps_the_contract() {
        authenticator_contract(&Suite(Recovery::new())).await;
    }

    #[tokio::test]
    async fn a_code_works_once_and_the_others_still_do() {
        let (mut step, codes) = with_codes().await;
        assert_eq!(codes.len(), 10);
        assert!(matches!(answers(&mut step, &codes[0]).await, Outcome::Passed(_)), "typing one to confirm spends none");
        assert!(matches!(answers(&mut step, &codes[0]).await, Outcome::Rejected(Rejection::Wrong)));
        for code in &codes[1..] {
            assert!(matches!(answers(&mut step, code).await, Outcome::Passed(_)));
        }
        assert_eq!(step.readiness(&Recovery::new()).await.unwrap(), Readiness::CanEnrol);
        assert_eq!(Recovery::new().uses_left(&step.credentials[0], step.now), Some(0));
    }

    #[tokio::test]
    async fn a_093_a_new_set_ends_the_old_one_and_no_code_is_kept_in_clear() {
        let (mut step, old) = with_codes().await;
        let recovery = Recovery::new();
        let new = on(step.begin_enrolment(&recovery).await.unwrap());
        assert!(matches!(step.answer_enrolment(&recovery, &given(&old[0])).await, Ok(Outcome::Rejected(_))));
        assert!(matches!(step.answer_enrolment(&recovery, &given(&new[9])).await, Ok(Outcome::Passed(_))));
        step.settle(&recovery);
        assert_eq!(step.credentials.len(), 1);
        let kept = step.credentials[0].secret.expose_secret().to_owned();
        for code in &new {
            assert!(!kept.contains(code.as_str()) && !kept.contains(&code.replace('-', "")));
        }
        assert!(matches!(answers(&mut step, &old[1]).await, Outcome::Rejected(Rejection::Wrong)));
        assert!(matches!(answers(&mut step, &new[1]).await, Outcome::Passed(_)));
    }

    #[tokio::test]
    async fn a_095_a_bypass_code_works_once_and_until_its_end() {
        let mut step = StepFixture::new();
        let random = vestibule_core::testing::SeededRandom::new(9);
        let end = step.now + Duration::from_secs(600);
        let made = bypass(step.prf(), step.user.as_ref().unwrap(), &random, end).unwrap();
        let code = made.code.expose_secret().to_owned();
        let recovery = Recovery::new();
        let fresh = step.credential("recovery", made.secret.expose_secret());
        let mut late = StepFixture::new().credential("recovery", made.secret.expose_secret());
        late.now = end;
        assert!(matches!(answers(&mut late, &code).await, Outcome::Rejected(Rejection::Wrong)));
        assert_eq!(late.readiness(&recovery).await.unwrap(), Readiness::CanEnrol);
        step = fresh;
        let Outcome::Passed(proof) = answers(&mut step, &code).await else { panic!("it is right") };
        assert!(matches!(answers(&mut step, &code).await, Outcome::Rejected(Rejection::Wrong)));
        assert!(step.holds(&recovery, &proof.credential));
        step.now = end;
        assert!(!step.holds(&recovery, &proof.credential), "a remembered browser does not outlive it");
    }

    #[tokio::test]
    async fn a_095_a_bypass_code_is_none_for_whom_somebody_became() {
        let random = vestibule_core::testing::SeededRandom::new(9);
        let with = |roles: &[&str]| {
            let mut step = StepFixture::new();
            step.user.as_mut().unwrap().roles = roles.iter().map(|role| (*role).to_owned()).collect();
            step
        };
        let made = |step: &StepFixture| {
            let made = bypass(step.prf(), step.user.as_ref().unwrap(), &random, step.now + Duration::from_secs(600));
            let made = made.unwrap();
            (made.code.expose_secret().to_owned(), made.secret.expose_secret().to_owned())
        };
        for (before, after, good) in [
            (vec!["editor"], vec!["editor"], true),
            (vec!["editor"], vec![], true),
            (vec!["editor"], vec!["editor", "vestibule:owner"], false),
            (vec![], vec!["vestibule:helpdesk"], false),
        ] {
            let (code, secret) = made(&with(&before));
            let mut step = with(&after).credential("recovery", &*secret);
            let ready = step.readiness(&Recovery::new()).await.unwrap() != Readiness::CanEnrol;
            let passed = matches!(answers(&mut step, &code).await, Outcome::Passed(_));
            assert_eq!((ready, passed), (good, good), "{before:?} {after:?}");
            let id = step.credentials[0].id.to_string();
            assert_eq!(step.holds(&Recovery::new(), &id), good);
        }
    }

    #[tokio::test]
    async fn a_092_a_code_of_somebody_else_is_worth_nothing() {
        let (_, codes) = with_codes().await;
        let (mut other, _) = with_codes().await;
        if let Some(user) = &mut other.user {
            user.id = vestibule_core::id::UserId(Default::default());
        }
        assert!(matches!(answers(&mut other, &codes[2]).await, Outcome::Rejected(Rejection::Wrong)));
    }
}
