//! Whether an answer of a browser is that of a passkey of this person, to the question of this page.
//!
//! What is not one of theirs is looked at as long as what is: nobody learns from the time what an account has.

use uuid::Uuid;
use vestibule_core::{
    Rejection, StepContext, StepError,
    id::{CredentialId, UserId},
    user::Credential,
};
use webauthn_rs_core::{
    error::WebauthnError,
    proto::{
        self, COSEAlgorithm, COSEEC2Key, COSEKey, COSEKeyType, ECDSACurve, PublicKeyCredential, RegisteredExtensions,
        UserVerificationPolicy,
    },
};

use crate::{
    Key, Passkeys,
    authenticator::{broken, own, read, usable},
    party::Refused,
};

impl Passkeys {
    /// Judges what the browser answered.
    pub(crate) fn judge(&self, cx: &StepContext<'_>, answer: &PublicKeyCredential) -> Result<Judged, StepError> {
        let policy = UserVerificationPolicy::from(read(cx)?.verification);
        let challenges = cx.nonces(Self::WINDOW);
        let found = usable(cx)?.into_iter().find(|(_, key)| key.credential.cred_id == answer.raw_id);
        let of_user = cx.user.is_some_and(|user| handle(answer).is_none_or(|id| id == Some(user.id)));
        let Some((credential, key)) = found.filter(|_| of_user) else {
            // As long as with a passkey, and whatever comes of it.
            let _ = self.party.verify(answer, &challenges, policy, &decoy(answer.raw_id.clone()));
            return Ok(Err(if is_gone(cx, answer) { Rejection::Unknown } else { Rejection::Wrong }));
        };
        match self.party.verify(answer, &challenges, policy, &key.credential) {
            Ok((challenge, _)) if key.answered(challenge) => Ok(Err(Rejection::Expired)),
            Ok((challenge, result)) => {
                let before = key.kept();
                let key = key.used(challenge, &result);
                let moved = key.kept() != before;
                Ok(Ok(Used { credential: credential.clone(), verified: result.user_verified(), key, moved }))
            }
            Err(refused) => rejected(&refused, credential).map(Err),
        }
    }
}

/// A passkey that was used.
pub(crate) struct Used {
    pub(crate) credential: Credential,
    /// What is to be kept of it now.
    pub(crate) key: Key,
    /// Whether the device verified who holds it.
    pub(crate) verified: bool,
    /// Whether it is kept elsewhere than when it was used last.
    pub(crate) moved: bool,
}

pub(crate) type Judged = Result<Used, Rejection>;

/// What the person is told of a refusal, and what the log is.
fn rejected(refused: &Refused, credential: &Credential) -> Result<Rejection, StepError> {
    match refused {
        Refused::Stale => Ok(Rejection::Expired),
        Refused::Wrong(WebauthnError::CredentialPossibleCompromise) => {
            let (user, credential) = (credential.user, credential.id);
            tracing::warn!(%user, %credential, "a passkey counts backwards: there may be a copy of it");
            Ok(Rejection::Wrong)
        }
        Refused::Wrong(error) => {
            tracing::info!(credential = %credential.id, %error, "a passkey was refused");
            Ok(Rejection::Wrong)
        }
        Refused::Broken => Err(broken()),
    }
}

/// Whose the passkey says that it is: nothing, or an id, or what is none.
pub(crate) fn handle(answer: &PublicKeyCredential) -> Option<Option<UserId>> {
    let handle = answer.get_user_unique_id().filter(|handle| !handle.is_empty())?;
    Some(Uuid::from_slice(handle).ok().map(UserId))
}

/// Whether the passkey is one that its owner had here and has no more, or that nobody ever had: its device may forget it then. Of
/// one that says nothing of its owner, or that of somebody else, nobody here can tell; who may not act for a while keeps theirs.
fn is_gone(cx: &StepContext<'_>, answer: &PublicKeyCredential) -> bool {
    let here = |credential: &Credential| credential.id == CredentialId::of_mark(&answer.raw_id);
    let says = handle(answer).flatten().is_some_and(|id| cx.user.is_none_or(|user| user.id == id));
    says && !own(cx).iter().chain(cx.dormant).any(here)
}

/// A passkey of nobody, on the curve of nearly all: that its private key is known makes no difference, since nobody is asked
/// what came of it.
fn decoy(id: Vec<u8>) -> proto::Credential {
    // The base point of P-256.
    const X: [u8; 32] = [
        0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03,
        0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96,
    ];
    const Y: [u8; 32] = [
        0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb, 0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce,
        0x33, 0x57, 0x6b, 0x31, 0x5e, 0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5,
    ];
    let point = COSEEC2Key { curve: ECDSACurve::SECP256R1, x: X.to_vec(), y: Y.to_vec() };
    proto::Credential {
        cred_id: id,
        cred: COSEKey { type_: COSEAlgorithm::ES256, key: COSEKeyType::EC_EC2(point) },
        counter: 0,
        transports: None,
        user_verified: false,
        backup_eligible: false,
        backup_state: false,
        registration_policy: UserVerificationPolicy::Required,
        extensions: RegisteredExtensions::none(),
        attestation: proto::ParsedAttestation::default(),
        attestation_format: proto::AttestationFormat::None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as URL_SAFE};
    use vestibule_core::{Authenticator, Outcome, Readiness, testing::step::StepFixture};

    use super::*;
    use crate::{
        Party,
        authenticator::tests::{ORIGIN, alice, answers, enrolled, expired, given, passkeys, question, uses, wrong},
        settings::tests::maker,
        testing::SoftKey,
    };

    #[tokio::test]
    async fn a_086_an_answer_passes_once() {
        for counter in [Some(0), None] {
            let mut device = SoftKey { counter, ..SoftKey::new(ORIGIN) };
            let mut step = enrolled(StepFixture::new(), &mut device).await;
            let options = question(&step).await;
            let answer = device.get(&options);
            assert!(matches!(answers(&mut step, &answer).await, Outcome::Passed(_)));
            let again = answers(&mut step, &answer).await;
            assert!(matches!(again, Outcome::Rejected(_)), "counter {counter:?}: {again:?}");
            // Nor does another answer to the same question.
            let other = device.get(&options);
            let outcome = answers(&mut step, &other).await;
            assert!(expired(&outcome), "counter {counter:?}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_086_of_two_answers_at_once_one_passes() {
        let (step, mut device) = alice().await;
        let options = question(&step).await;
        for _ in 0..2 {
            let mut here = step.context();
            let answer = given(&device.get(&options));
            assert!(matches!(
                Authenticator::answer(&passkeys(), &mut here, &answer).await.unwrap(),
                Outcome::Passed(_)
            ));
        }
        let mut step = step;
        for _ in 0..2 {
            let answer = given(&device.get(&options));
            step.answer(&passkeys(), &answer).await.unwrap();
        }
        let versions: Vec<i64> = step.changes().spent.iter().map(|spent| spent.version).collect();
        assert_eq!(versions, [1, 1], "both name the version that they read, so the store refuses the second");
        assert!(step.renewed().is_empty());
    }

    #[tokio::test]
    async fn a_086_a_challenge_lives_five_minutes_at_most_and_until_the_next_at_least() {
        let window = i64::try_from(Passkeys::WINDOW.as_secs()).unwrap();
        let (step, mut device) = alice().await;
        let (mut good, mut bad) = (0, 0);
        for age in [0, 60, 149, 150, 200, 299, 300, 301, 3600] {
            let mut later = StepFixture::new();
            later.credentials.clone_from(&step.credentials);
            let options = question(&later).await;
            later.now = later.now + Duration::from_secs(u64::try_from(age).unwrap());
            let outcome = answers(&mut later, &device.get(&options)).await;
            match outcome {
                Outcome::Passed(_) => {
                    good += 1;
                    assert!(age < 2 * window, "{age} s");
                }
                outcome => {
                    bad += 1;
                    assert!(expired(&outcome) && age > window, "{age} s: {outcome:?}");
                }
            }
        }
        assert!(good >= 4 && bad >= 2);
    }

    #[tokio::test]
    async fn a_086_the_challenge_of_another_run_or_of_nobodys_making_is_refused() {
        let (mut step, mut device) = alice().await;
        let options = question(&step).await;
        let now = options["challenge"].as_str().unwrap().to_owned();
        for other in [URL_SAFE.encode([0; 32]), URL_SAFE.encode([7; 32]), String::new(), now[1..].to_owned()] {
            device.challenge = Some(other.clone());
            let outcome = answers(&mut step, &device.get(&options)).await;
            assert!(matches!(outcome, Outcome::Rejected(_)), "{other:?}: {outcome:?}");
        }
        device.challenge = Some(now);
        assert!(matches!(answers(&mut step, &device.get(&options)).await, Outcome::Passed(_)));
    }

    #[tokio::test]
    async fn a_087_a_page_elsewhere_gets_nobody_in() {
        for origin in [
            "https://badexample.org",
            "https://badlogin.example.org",
            "https://login.example.org.evil.test",
            "https://example.org",
            "https://sub.login.example.org",
            "https://login.example.org:8443",
            "http://login.example.org",
            "null",
        ] {
            let (mut step, mut device) = alice().await;
            device.origin = origin.to_owned();
            let outcome = uses(&mut step, &mut device).await;
            assert!(wrong(&outcome), "{origin}: {outcome:?}");
            assert_eq!(step.credentials[0].version, 1, "nothing is kept of it");
        }
    }

    #[tokio::test]
    async fn a_087_what_is_signed_for_another_party_or_in_a_frame_is_refused() {
        for party in ["example.org", "badexample.org", "LOGIN.example.org", ""] {
            let (mut step, mut device) = alice().await;
            device.party = Some(party.to_owned());
            let outcome = uses(&mut step, &mut device).await;
            assert!(wrong(&outcome), "{party}: {outcome:?}");
        }
        let (mut step, mut device) = alice().await;
        device.framed = true;
        let outcome = uses(&mut step, &mut device).await;
        assert!(wrong(&outcome), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_087_a_related_origin_is_one_that_is_named() {
        let related = ["https://login.example.de".parse().unwrap()];
        let passkeys = Passkeys::new(Party::new(&ORIGIN.parse().unwrap(), &related).unwrap());
        for (origin, good) in [("https://login.example.de", true), ("https://login.example.fr", false)] {
            let (step, mut device) = alice().await;
            device.origin = origin.to_owned();
            let answer = given(&device.get(&question(&step).await));
            let outcome = Authenticator::answer(&passkeys, &mut step.context(), &answer).await.unwrap();
            assert_eq!(matches!(outcome, Outcome::Passed(_)), good, "{origin}: {outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_088_an_answer_that_says_less_than_was_asked_is_refused() {
        let (mut step, mut device) = alice().await;
        device.verified = false;
        let outcome = uses(&mut step, &mut device).await;
        assert!(wrong(&outcome), "not verified: {outcome:?}");
        device.verified = true;
        device.present = false;
        let outcome = uses(&mut step, &mut device).await;
        assert!(wrong(&outcome), "nobody there: {outcome:?}");
        device.present = true;
        device.synced = true;
        let outcome = uses(&mut step, &mut device).await;
        assert!(wrong(&outcome), "it was bound to its device, and now says it is not: {outcome:?}");
        device.synced = false;
        // A device that verified its holder once is not asked for less by a chain that would take less.
        let mut lax = step.setting("user_verification", "preferred");
        device.verified = false;
        let outcome = uses(&mut lax, &mut device).await;
        assert!(wrong(&outcome), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_088_a_counter_that_does_not_go_on_is_a_copy() {
        for back in [5, 4, 0] {
            let (mut step, mut device) = alice().await;
            device.counter = Some(4);
            assert!(matches!(uses(&mut step, &mut device).await, Outcome::Passed(_)));
            step.now = step.now + Passkeys::WINDOW;
            // The device counts before it signs.
            device.counter = if back == 0 { None } else { Some(back - 1) };
            let outcome = uses(&mut step, &mut device).await;
            assert!(wrong(&outcome), "from 5 to {back}: {outcome:?}");
            step.now = step.now + Passkeys::WINDOW;
            device.counter = Some(5);
            assert!(matches!(uses(&mut step, &mut device).await, Outcome::Passed(_)));
        }
    }

    #[tokio::test]
    async fn a_089_a_passkey_of_one_is_none_of_another() {
        let (_, mut alices) = alice().await;
        let mut bob = StepFixture::new();
        let other = vestibule_core::id::UserId(Uuid::from_u128(7));
        bob.user.as_mut().unwrap().id = other;
        let mut bobs = SoftKey::new(ORIGIN);
        let mut bob = enrolled(bob, &mut bobs).await;
        let options = question(&bob).await;
        let outcome = answers(&mut bob, &alices.get(&options)).await;
        assert!(wrong(&outcome), "{outcome:?}");
        // Bob's own, that says it is Alice's.
        bobs.handle.clone_from(&alices.handle);
        let outcome = answers(&mut bob, &bobs.get(&options)).await;
        assert!(wrong(&outcome), "{outcome:?}");
        // And one with Bob's id and Alice's key.
        alices.id.clone_from(&bobs.id);
        alices.handle = Some(URL_SAFE.encode(other.0.as_bytes()));
        let outcome = answers(&mut bob, &alices.get(&options)).await;
        assert!(wrong(&outcome), "{outcome:?}");
    }

    /// What a passkey comes to whose owner's credentials are as `change` leaves them.
    async fn told(change: impl FnOnce(&mut StepFixture, &mut SoftKey)) -> Rejection {
        let (mut step, mut device) = alice().await;
        let options = question(&step).await;
        change(&mut step, &mut device);
        let outcome = answers(&mut step, &device.get(&options)).await;
        let Outcome::Rejected(why) = outcome else { panic!("{outcome:?}") };
        why
    }

    #[tokio::test]
    async fn a_passkey_that_is_nowhere_here_is_told_to_be_so_and_no_other() {
        let gone = told(|step, _| step.credentials.clear()).await;
        assert_eq!(gone, Rejection::Unknown, "it was taken away");
        let gone = told(|step, _| (step.user, step.credentials) = (None, Vec::new())).await;
        assert_eq!(gone, Rejection::Unknown, "its owner is gone");
        let kept = told(|step, _| {
            step.dormant = std::mem::take(&mut step.credentials);
            step.user = None;
        });
        assert_eq!(kept.await, Rejection::Wrong, "its owner may not act for a while, and keeps it");
        let others = told(|step, device| {
            step.credentials.clear();
            device.handle = Some(URL_SAFE.encode(Uuid::from_u128(7).as_bytes()));
        });
        assert_eq!(others.await, Rejection::Wrong, "somebody else may have it");
        let silent = told(|step, device| {
            step.credentials.clear();
            device.handle = None;
        });
        assert_eq!(silent.await, Rejection::Wrong, "it says nothing of its owner");
        let lying = told(|_, device| device.origin = "https://badexample.org".to_owned()).await;
        assert_eq!(lying, Rejection::Wrong, "it is known");
    }

    #[tokio::test]
    async fn where_a_passkey_is_kept_is_known_from_its_last_use_and_a_change_is_noted() {
        let mut device = SoftKey { synced: true, backed_up: false, counter: None, ..SoftKey::new(ORIGIN) };
        let mut step = enrolled(StepFixture::new(), &mut device).await;
        let about = |step: &StepFixture| passkeys().about(&step.credentials[0]).unwrap().key;
        assert_eq!(about(&step), "passkey.single");
        for (backed_up, noted, text) in [
            (false, None, "passkey.single"),
            (true, Some("several devices"), "passkey.synced"),
            (true, None, "passkey.synced"),
            (false, Some("one device"), "passkey.single"),
        ] {
            step.now = step.now + Passkeys::WINDOW;
            device.backed_up = backed_up;
            let answer = device.get(&question(&step).await);
            let outcome = step.answer(&passkeys(), &given(&answer)).await.unwrap();
            assert!(matches!(outcome, Outcome::Passed(_)), "{outcome:?}");
            let kept: Vec<_> =
                step.changes().noted.iter().map(|noted| (noted.kind, noted.details[1].1.as_str())).collect();
            let expected: Vec<_> = noted.into_iter().map(|kept| ("factor.backup_changed", kept)).collect();
            assert_eq!(kept, expected);
            step.settle(&passkeys());
            assert_eq!(about(&step), text);
        }
    }

    #[tokio::test]
    async fn a_088_where_models_are_named_another_passkey_is_none() {
        let model: Uuid = "2fc0579f-8113-47ea-b116-bb5a8db9202a".parse().unwrap();
        let (maker, pem) = maker();
        let strict = |step: StepFixture, models: serde_json::Value, root: &str| {
            step.setting("models", models).setting("roots", serde_json::json!([root]))
        };
        // Two of hers say the same of themselves; a maker vouches for one.
        let mut good = SoftKey { aaguid: model, ..SoftKey::new(ORIGIN) };
        let mut step = strict(StepFixture::new(), serde_json::json!([model]), &pem);
        let options = crate::authenticator::tests::asked(step.begin_enrolment(&passkeys()).await.unwrap());
        let answer = given(&good.create_vouched(&options, &maker));
        let outcome = step.answer_enrolment(&passkeys(), &answer).await.unwrap();
        assert!(matches!(outcome, Outcome::Passed(_)), "{outcome:?}");
        step.settle(&passkeys());
        let listed = step.credentials.remove(0);
        let mut liar = SoftKey { aaguid: model, ..SoftKey::new(ORIGIN) };
        let unlisted = enrolled(StepFixture::new(), &mut liar).await.credentials.remove(0);

        let mut both = strict(StepFixture::new(), serde_json::json!([model]), &pem);
        both.credentials = vec![unlisted.clone(), listed.clone()];
        both.proven = true;
        let options = question(&both).await;
        assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
        assert_eq!(options["allowCredentials"][0]["id"], URL_SAFE.encode(&good.id));
        let outcome = answers(&mut both, &liar.get(&options)).await;
        assert!(wrong(&outcome), "{outcome:?}");
        let outcome = answers(&mut both, &good.get(&options)).await;
        assert!(matches!(outcome, Outcome::Passed(_)), "{outcome:?}");

        // What was proved elsewhere is looked at by the same list, and what is no passkey is on none.
        let mut plain = StepFixture::new();
        plain.credentials = both.credentials.clone();
        for (by, of, taken) in
            [(Passkeys::NAME, &listed, true), (Passkeys::NAME, &unlisted, false), ("other", &listed, false)]
        {
            let proved = |step: &StepFixture| passkeys().takes(&step.context(), &by.into(), &of.id.to_string());
            assert_eq!((proved(&both), proved(&plain)), (taken, true), "{by}");
        }

        // Who has none of them has none, whatever else they have: they may set one up, where the chain says so.
        for (models, root) in [
            (serde_json::json!([Uuid::from_u128(9)]), pem.as_str()),
            (serde_json::json!([model]), &crate::settings::tests::root()),
        ] {
            let mut none = strict(StepFixture::new(), models, root);
            none.credentials = vec![unlisted.clone(), listed.clone()];
            assert_eq!(none.readiness(&passkeys()).await.unwrap(), Readiness::CanEnrol);
            let options = question(&none).await;
            let outcome = answers(&mut none, &good.get(&options)).await;
            assert!(wrong(&outcome), "{outcome:?}");
        }
    }

    #[tokio::test]
    async fn nobody_is_judged_as_long_as_somebody() {
        let (step, mut device) = alice().await;
        let options = question(&step).await;
        let answer = given(&device.get(&options));
        let nobody = StepFixture::new().nobody();
        let mut took = [Duration::ZERO; 2];
        for _ in 0..20 {
            for (step, took) in [&step, &nobody].into_iter().zip(&mut took) {
                let start = std::time::Instant::now();
                Authenticator::answer(&passkeys(), &mut step.context(), &answer).await.unwrap();
                *took += start.elapsed();
            }
        }
        let ratio = took[1].as_secs_f64() / took[0].as_secs_f64();
        assert!((0.5..2.0).contains(&ratio), "{took:?}");
    }
}
