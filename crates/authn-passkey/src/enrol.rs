//! How a passkey comes to be: the device makes a pair of keys for this server and this user, and hands out the public one.
//!
//! The device keeps it under the user's id (so that it can say later whose it is), and this server under an id that is made of the
//! passkey's own: a passkey that anybody has here is not taken a second time, whoever brings it (Web Authentication, section 7.1,
//! step 26).

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use vestibule_core::{
    Outcome, Rejection, StepContext, StepError, Time,
    authenticator::Enrolment,
    prompt::{Exhibit, Field, FieldKind, Fields, Prompt, Text},
    random::RandomExt as _,
};
use webauthn_rs_core::proto::RegisterPublicKeyCredential;

use crate::{
    Key, MOST_PASSKEYS, Passkeys,
    authenticator::{broken, field, keys, own, parsed, read},
    party::{Asked, Refused},
};

const LABEL: &str = "label";
/// More is no name.
const LONGEST_LABEL: usize = 64;
/// How long a passkey may take to be made.
const LIFE: Duration = Duration::from_secs(300);

/// What is kept, sealed, until the answer.
#[derive(Serialize, Deserialize)]
struct Begun {
    at: i64,
    state: Value,
}

/// Whether there is room for one more.
fn room(cx: &StepContext<'_>) -> Result<(), StepError> {
    if own(cx).len() >= MOST_PASSKEYS {
        return Err(StepError::Unavailable(format!("the user has {MOST_PASSKEYS} passkeys, and may not have more")));
    }
    Ok(())
}

/// The name that its owner gave the passkey, if any.
fn label(typed: &str) -> Result<Option<String>, Rejection> {
    let label = typed.trim();
    if label.chars().count() > LONGEST_LABEL || label.chars().any(char::is_control) {
        return Err(Rejection::Malformed);
    }
    Ok((!label.is_empty()).then(|| label.to_owned()))
}

/// The name of its model, with a number where its owner has one of that name.
fn usual_label(key: &Key, cx: &StepContext<'_>) -> Option<String> {
    let model = key.model()?;
    let taken = |name: &String| own(cx).iter().any(|own| own.label.as_ref() == Some(name));
    let numbered = (2..=MOST_PASSKEYS + 1).map(|number| format!("{model} {number}"));
    std::iter::once(model.to_owned()).chain(numbered).find(|name| !taken(name))
}

impl Passkeys {
    /// Asks for a new passkey, and keeps what the answer is held against.
    fn ask_new(&self, cx: &mut StepContext<'_>, lead: Text) -> Result<Outcome, StepError> {
        let settings = read(cx)?;
        let attested = settings.attestation().map_err(StepError::Misconfigured)?.is_some();
        let user = cx.user.ok_or_else(|| StepError::Misconfigured("there is nobody to enrol".to_owned()))?;
        let challenge = cx.random.bytes::<32>();
        let asked = self.party.ask_new(&challenge, user, settings.verification.into(), &keys(cx)?, attested);
        let Asked { options, state } = asked.map_err(|_| broken())?;
        let begun = Begun { at: cx.now.unix_seconds(), state };
        cx.state = serde_json::to_value(begun).map_err(|_| broken())?;
        let named = Field { name: LABEL.to_owned(), label: Text::new("passkey.enrol_label"), kind: FieldKind::Label };
        Ok(Outcome::Ask(Prompt {
            title: Text::new("passkey.enrol_title"),
            lead: Some(lead),
            exhibit: Some(Exhibit::PublicKey { create: true, options }),
            fields: vec![field(), named],
            submit: Text::new("passkey.enrol_submit"),
        }))
    }

    fn made(
        &self,
        cx: &StepContext<'_>,
        answer: &RegisterPublicKeyCredential,
        begun: &Begun,
    ) -> Result<Result<Key, Rejection>, StepError> {
        let attestation = read(cx)?.attestation().map_err(StepError::Misconfigured)?;
        match self.party.made(answer, &begun.state, attestation.as_ref()) {
            Ok(key) => Ok(Ok(key)),
            Err(Refused::Stale) => Ok(Err(Rejection::Expired)),
            Err(Refused::Wrong(error)) => {
                tracing::info!(%error, "a new passkey was refused");
                Ok(Err(Rejection::Wrong))
            }
            Err(Refused::Broken) => Err(broken()),
        }
    }
}

#[async_trait]
impl Enrolment for Passkeys {
    async fn begin(&self, cx: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        room(cx)?;
        let lead = Text::new("passkey.enrol_lead").with("host", cx.host);
        self.ask_new(cx, lead)
    }

    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        room(cx)?;
        let begun = || StepError::Misconfigured("no passkey was asked for".to_owned());
        let begun: Begun = serde_json::from_value(cx.state.clone()).map_err(|_| begun())?;
        let given = parsed::<RegisterPublicKeyCredential>(input).and_then(|made| Ok((made, label(input.get(LABEL))?)));
        let (answer, label) = match given {
            Ok(given) => given,
            Err(rejection) => return Ok(rejection.into()),
        };
        if cx.now > Time::from_unix_seconds(begun.at) + LIFE {
            return self.ask_new(cx, Text::new("passkey.enrol_again"));
        }
        match self.made(cx, &answer, &begun)? {
            Err(rejection) => Ok(rejection.into()),
            Ok(key) => {
                let label = label.or_else(|| usual_label(&key, cx));
                let id = cx.add_unique_credential(&key.credential.cred_id, label, key.secret()?);
                Ok(Outcome::Passed(self.proof(id.to_string(), &key, key.credential.user_verified)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use secrecy::ExposeSecret as _;
    use serde_json::json;
    use uuid::Uuid;
    use vestibule_core::{Authenticator as _, FactorClass, id::CredentialId, testing::step::StepFixture};

    use super::*;
    use crate::{
        authenticator::tests::{ORIGIN, asked, enrolled, given, passkeys},
        settings::tests::root,
        testing::SoftKey,
    };

    async fn begun(step: &mut StepFixture) -> Value {
        asked(step.begin_enrolment(&passkeys()).await.unwrap())
    }

    async fn answers(step: &mut StepFixture, answer: &str) -> Outcome {
        step.answer_enrolment(&passkeys(), &given(answer)).await.unwrap()
    }

    fn wrong(outcome: &Outcome) -> bool {
        matches!(outcome, Outcome::Rejected(Rejection::Wrong))
    }

    #[tokio::test]
    async fn what_is_asked_for_is_kept_by_its_device_for_this_user_and_says_nothing_of_its_maker() {
        let mut step = StepFixture::new();
        let options = begun(&mut step).await;
        let user = step.user.as_ref().unwrap().id;
        assert_eq!(options["user"]["id"], base64_of(user.0.as_bytes()));
        assert_eq!((&options["user"]["name"], &options["rp"]["id"]), (&json!("alice"), &json!("login.example.org")));
        assert_eq!(options["attestation"], "none");
        assert_eq!(options["authenticatorSelection"]["residentKey"], "required");
        assert_eq!(options["authenticatorSelection"]["requireResidentKey"], true);
        assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
        assert_eq!(options["excludeCredentials"], json!([]));
        assert!(step.changes().added.is_empty(), "nothing counts before it was verified");
        assert_ne!(options["challenge"], begun(&mut step).await["challenge"]);
    }

    fn base64_of(bytes: &[u8]) -> String {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        URL_SAFE_NO_PAD.encode(bytes)
    }

    #[tokio::test]
    async fn what_was_made_is_kept_with_its_model_and_whether_it_is_synced() {
        let google: Uuid = "ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4".parse().unwrap();
        let mut step = StepFixture::new();
        for (name, label) in [("", "Google Password Manager"), ("", "Google Password Manager 2"), (" Mine ", "Mine")] {
            let mut device = SoftKey { aaguid: google, synced: true, counter: None, ..SoftKey::new(ORIGIN) };
            let options = begun(&mut step).await;
            let known = options["excludeCredentials"].as_array().unwrap().len();
            assert_eq!(known, step.credentials.len(), "a device that has one is not to make another");
            let fields = Fields::from_iter([("credential", device.create(&options)), ("label", name.to_owned())]);
            let outcome = step.answer_enrolment(&passkeys(), &fields).await.unwrap();
            let Outcome::Passed(proof) = outcome else { panic!("{outcome:?}") };
            assert_eq!(proof.factors, BTreeSet::from([FactorClass::Possession, FactorClass::Inherence]));
            step.settle(&passkeys());
            let own = step.credentials.last().unwrap();
            assert_eq!((own.label.as_deref(), own.id.to_string()), (Some(label), proof.credential));
            assert_eq!(own.id, CredentialId::of_mark(&device.id), "so that there can be one such on this server");
            assert_eq!(passkeys().about(own), Some(Text::new("passkey.synced")));
            let key = Key::read(&own.secret).unwrap();
            assert_eq!(
                (key.synced(), key.model(), key.id()),
                (true, Some("Google Password Manager"), base64_of(&device.id))
            );
        }
    }

    #[tokio::test]
    async fn a_086_a_passkey_is_made_for_this_question_in_five_minutes() {
        let mut step = StepFixture::new();
        let mut device = SoftKey::new(ORIGIN);
        let former = begun(&mut step).await;
        let options = begun(&mut step).await;
        let outcome = answers(&mut step, &device.create(&former)).await;
        assert!(matches!(outcome, Outcome::Rejected(Rejection::Expired)), "{outcome:?}");
        step.now = step.now + LIFE;
        let mut late = StepFixture::new();
        (late.now, late.state) = (step.now + Duration::from_secs(1), step.state.clone());
        let answer = device.create(&options);
        assert!(matches!(answers(&mut step, &answer).await, Outcome::Passed(_)));
        // Too late: asked anew, and nothing is added.
        let outcome = answers(&mut late, &answer).await;
        assert_ne!(asked(outcome)["challenge"], options["challenge"]);
        assert!(late.changes().added.is_empty());
    }

    #[tokio::test]
    async fn a_087_a_passkey_of_another_origin_or_party_is_not_taken() {
        let lies: [&dyn Fn(&mut SoftKey); 5] = [
            &|device| device.origin = "https://badexample.com".to_owned(),
            &|device| device.origin = "https://sub.login.example.org".to_owned(),
            &|device| device.party = Some("example.org".to_owned()),
            &|device| device.framed = true,
            &|device| device.id = Vec::new(),
        ];
        for (index, lie) in lies.iter().enumerate() {
            let mut step = StepFixture::new();
            let mut device = SoftKey::new(ORIGIN);
            lie(&mut device);
            let outcome = async {
                let options = begun(&mut step).await;
                answers(&mut step, &device.create(&options)).await
            }
            .await;
            assert!(wrong(&outcome), "{index}: {outcome:?}");
            assert!(step.changes().added.is_empty());
        }
    }

    #[tokio::test]
    async fn a_088_a_passkey_that_says_less_than_was_asked_is_not_taken() {
        let lies: [&dyn Fn(&mut SoftKey); 4] = [
            &|device| device.verified = false,
            &|device| device.present = false,
            // EdDSA was not offered, and ES512 neither.
            &|device| device.algorithm = -8,
            &|device| device.algorithm = -36,
        ];
        for (index, lie) in lies.iter().enumerate() {
            let mut step = StepFixture::new();
            let mut device = SoftKey::new(ORIGIN);
            lie(&mut device);
            let options = begun(&mut step).await;
            let offered: Vec<i64> = options["pubKeyCredParams"]
                .as_array()
                .unwrap()
                .iter()
                .map(|one| one["alg"].as_i64().unwrap())
                .collect();
            assert_eq!(offered, [-7, -35, -257]);
            let outcome = answers(&mut step, &device.create(&options)).await;
            assert!(wrong(&outcome), "{index}: {outcome:?}");
            assert!(step.changes().added.is_empty());
        }
    }

    #[tokio::test]
    async fn a_088_a_bad_attestation_is_refused_and_a_good_one_of_no_known_maker_where_makers_are_named() {
        let model = "2fc0579f-8113-47ea-b116-bb5a8db9202a";
        let mut step = StepFixture::new();
        let mut device = SoftKey { aaguid: model.parse().unwrap(), ..SoftKey::new(ORIGIN) };
        let options = begun(&mut step).await;
        assert!(wrong(&answers(&mut step, &device.create_attested(&options, true)).await));
        assert!(matches!(answers(&mut step, &device.create_attested(&options, false)).await, Outcome::Passed(_)));
        // It says that it is a model that may be set up, and nobody vouches for that.
        let mut strict = StepFixture::new().setting("models", json!([model])).setting("roots", json!([root()]));
        let options = begun(&mut strict).await;
        assert_eq!(options["attestation"], "direct");
        for answer in [device.create(&options), device.create_attested(&options, false)] {
            let outcome = answers(&mut strict, &answer).await;
            assert!(wrong(&outcome), "{outcome:?}");
        }
        assert!(strict.changes().added.is_empty());
    }

    #[tokio::test]
    async fn a_089_a_device_that_has_one_does_not_make_another() {
        let mut device = SoftKey::new(ORIGIN);
        let mut step = enrolled(StepFixture::new(), &mut device).await;
        let options = begun(&mut step).await;
        assert_eq!(options["excludeCredentials"][0]["id"], base64_of(&device.id));
        assert!(wrong(&answers(&mut step, &device.create(&options)).await));
        // For somebody else it gets the same id here, which is taken.
        let mut bob = StepFixture::new();
        bob.user.as_mut().unwrap().id = vestibule_core::id::UserId(Uuid::from_u128(7));
        let options = begun(&mut bob).await;
        assert!(matches!(answers(&mut bob, &device.create(&options)).await, Outcome::Passed(_)));
        assert_eq!(bob.changes().added[0].id, step.credentials[0].id);
    }

    #[tokio::test]
    async fn a_twenty_first_passkey_is_refused_before_and_after_the_question() {
        let mut step = enrolled(StepFixture::new(), &mut SoftKey::new(ORIGIN)).await;
        let secret = step.credentials[0].secret.expose_secret().to_owned();
        let options = begun(&mut step).await;
        while step.credentials.len() < MOST_PASSKEYS {
            step = step.credential(Passkeys::NAME, secret.clone());
        }
        assert!(matches!(step.begin_enrolment(&passkeys()).await, Err(StepError::Unavailable(_))));
        let late = given(&SoftKey::new(ORIGIN).create(&options));
        let late = step.answer_enrolment(&passkeys(), &late).await;
        assert!(matches!(late, Err(StepError::Unavailable(_))), "{late:?}");
    }

    #[tokio::test]
    async fn what_is_no_answer_is_not_taken_for_one() {
        let mut step = StepFixture::new();
        let none = step.answer_enrolment(&passkeys(), &given("{}")).await;
        assert!(matches!(none, Err(StepError::Misconfigured(_)) | Ok(Outcome::Rejected(_))), "{none:?}");
        let options = begun(&mut step).await;
        let mut device = SoftKey::new(ORIGIN);
        let good = device.create(&options);
        for bad in ["{}", "null", "[]", &good[..good.len() / 2], &"x".repeat(40_000), &device.get(&options)] {
            let outcome = answers(&mut step, bad).await;
            assert!(matches!(outcome, Outcome::Rejected(Rejection::Malformed)), "{outcome:?}");
        }
        let named = Fields::from_iter([("credential", good.as_str()), ("label", "a\u{7}b")]);
        let outcome = step.answer_enrolment(&passkeys(), &named).await.unwrap();
        assert!(matches!(outcome, Outcome::Rejected(Rejection::Malformed)), "{outcome:?}");
        assert!(matches!(answers(&mut step, "").await, Outcome::Rejected(Rejection::Empty)));
        assert!(step.changes().added.is_empty());
    }

    #[tokio::test]
    async fn every_text_of_the_enrolment_has_a_message() {
        let Outcome::Ask(Prompt { title, lead, fields, submit, .. }) =
            StepFixture::new().begin_enrolment(&passkeys()).await.unwrap()
        else {
            panic!("a question")
        };
        let again = Text::new("passkey.enrol_again");
        let texts = [title, submit, again].into_iter().chain(lead).chain(fields.into_iter().map(|field| field.label));
        for text in texts {
            assert!(passkeys().descriptor().messages.iter().any(|(key, _)| *key == text.key), "{}", text.key);
        }
    }
}
