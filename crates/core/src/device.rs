//! Remembered devices: what a browser may show instead of passing a step that says `remember_device`.
//!
//! A device stands for proofs that were once given in it, each with its own age: it is evidence of second hand, and the
//! [plan](mod@crate::plan) takes it only where a step allows it. The cookie is `<device id>.<generation>.<keyed hash of both>`,
//! so nothing that opens anything is stored. Every use raises the generation, though not more than once in
//! [`TrustedDevice::LOST_ANSWER`]: for so long the generation before is honoured, since the answer that carried the new one
//! may have been lost, and another tab may have asked at the same moment. Whoever shows an older one holds a copy, and a device
//! of which there are two is forgotten.
//!
//! What a device stands for never changes. Another proof makes another device, which takes the living proofs along: with the
//! cookie of before nobody gets what was proved after it. A fingerprint of the browser was the road not taken: it is guessed,
//! shared, and nobody can forget it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    crypto::{Prf, same_secret},
    evidence::{Evidence, Via},
    id::{DeviceId, UserId},
    time::Time,
};

/// A browser that somebody asked to be remembered in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedDevice {
    /// Its id.
    pub id: DeviceId,
    /// Raised by use.
    pub generation: i64,
    /// Whose it is.
    pub user: UserId,
    /// What was proved in it.
    pub proofs: Vec<RememberedProof>,
    /// The browser, as it called itself, for the list in the portal.
    pub user_agent: Option<String>,
    /// The network that it was last used from.
    pub network: String,
    /// When it was made.
    pub created_at: Time,
    /// When its generation was last raised.
    pub used_at: Time,
    /// When its last proof ends.
    pub expires_at: Time,
    /// When it was forgotten.
    pub revoked_at: Option<Time>,
}

/// A proof that a device stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedProof {
    /// As it was given.
    pub evidence: Evidence,
    /// Until when it is remembered.
    pub until: Time,
}

impl RememberedProof {
    /// The evidence of second hand: as old and as strong as the proof was, and nothing that this login did.
    pub fn second_hand(&self) -> Evidence {
        Evidence { amr: [].into(), via: Via::TrustedDevice, ..self.evidence.clone() }
    }
}

/// What a device cookie says, after its keyed hash was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceRef {
    /// The device.
    pub id: DeviceId,
    /// The generation.
    pub generation: i64,
}

/// A cookie to set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceGiven {
    /// What it says.
    pub reference: DeviceRef,
    /// How long it is of use.
    pub expires_at: Time,
}

impl DeviceRef {
    /// Reads a cookie's value; `None` when we did not make it.
    pub fn from_cookie(value: &str, prf: &Prf) -> Option<Self> {
        let (id, rest) = value.split_once('.')?;
        let (generation, _) = rest.split_once('.')?;
        let device = Self { id: id.parse().ok()?, generation: generation.parse().ok()? };
        same_secret(device.to_cookie(prf).as_bytes(), value.as_bytes()).then_some(device)
    }

    /// The cookie's value.
    pub fn to_cookie(self, prf: &Prf) -> String {
        let parts: [&[u8]; 2] = [self.id.0.as_bytes(), &self.generation.to_be_bytes()];
        format!("{}.{}.{}", self.id, self.generation, prf.text("device cookie", &parts))
    }
}

/// What a device cookie is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The device is known by it.
    Known,
    /// The device is over, or it is another.
    Nothing,
    /// It was replaced long ago: somebody holds a copy.
    Replayed,
}

impl TrustedDevice {
    /// For how long the generation before is honoured.
    pub const LOST_ANSWER: Duration = Duration::from_secs(300);

    /// The cookie that it has now.
    pub fn given(&self) -> DeviceGiven {
        let reference = DeviceRef { id: self.id, generation: self.generation };
        DeviceGiven { reference, expires_at: self.expires_at }
    }

    /// Whether it lives.
    pub fn alive(&self, now: Time) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }

    /// What a cookie that says `reference` is worth.
    pub fn shown(&self, reference: DeviceRef, now: Time) -> Shown {
        let before = reference.generation == self.generation - 1 && !self.may_rotate(now);
        match reference.generation == self.generation || before {
            _ if reference.id != self.id || !self.alive(now) => Shown::Nothing,
            true => Shown::Known,
            false => Shown::Replayed,
        }
    }

    /// Whether a use raises the generation: not again as long as the one before is honoured, so that of several tabs none is
    /// taken for a thief.
    pub fn may_rotate(&self, now: Time) -> bool {
        now >= self.used_at + Self::LOST_ANSWER
    }

    /// The proofs that are still remembered.
    pub fn living(&self, now: Time) -> impl Iterator<Item = &RememberedProof> {
        self.proofs.iter().filter(move |proof| self.alive(now) && now < proof.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::MasterKey,
        id::InteractionId,
        random::{RandomExt as _, SystemRandom},
        session::SessionRef,
    };

    const NOW: Time = Time::from_unix_seconds(1_000_000);

    fn device() -> TrustedDevice {
        let random = SystemRandom::default();
        let user = UserId(random.uuid(NOW));
        let evidence = Evidence {
            user,
            authenticator: "code".into(),
            credential: "phone".to_owned(),
            factors: [].into(),
            properties: [].into(),
            amr: ["otp".to_owned()].into(),
            at: NOW,
            via: Via::Direct,
            interaction: InteractionId(random.uuid(NOW)),
            step: 1,
            changed_at: None,
            unfit: Vec::new(),
        };
        let until = NOW + Duration::from_secs(3600);
        TrustedDevice {
            id: DeviceId(random.uuid(NOW)),
            generation: 4,
            user,
            proofs: vec![RememberedProof { evidence, until }],
            user_agent: None,
            network: String::new(),
            created_at: NOW,
            used_at: NOW,
            expires_at: until,
            revoked_at: None,
        }
    }

    #[test]
    fn a_056_only_our_own_device_cookie_is_read_and_a_session_is_none() {
        let random = SystemRandom::default();
        let prf = MasterKey::generate(&random).prf();
        let device = DeviceRef { id: DeviceId(random.uuid(NOW)), generation: 3 };
        let cookie = device.to_cookie(&prf);
        assert_eq!(DeviceRef::from_cookie(&cookie, &prf), Some(device));
        assert_eq!(SessionRef::from_cookie(&cookie, &prf), None, "each kind has a hash of its own");
        let raised = cookie.replacen(".3.", ".4.", 1);
        let other = MasterKey::generate(&random).prf();
        for (value, prf) in [(raised.as_str(), &prf), ("", &prf), ("a.b.c", &prf), (cookie.as_str(), &other)] {
            assert_eq!(DeviceRef::from_cookie(value, prf), None, "{value}");
        }
    }

    #[test]
    fn a_056_the_cookie_before_is_honoured_shortly_and_an_older_one_is_a_copy() {
        let device = device();
        let shown = |generation, seconds| {
            let reference = DeviceRef { id: device.id, generation };
            device.shown(reference, NOW + Duration::from_secs(seconds))
        };
        assert_eq!([shown(4, 0), shown(4, 3599), shown(3, 299)], [Shown::Known; 3]);
        assert_eq!([shown(3, 300), shown(2, 0), shown(5, 0)], [Shown::Replayed; 3]);
        assert_eq!([shown(4, 3600), shown(2, 3600)], [Shown::Nothing; 2], "what is over cannot be stolen");
        assert!(
            !device.may_rotate(NOW + Duration::from_secs(299)) && device.may_rotate(NOW + Duration::from_secs(300))
        );
    }

    #[test]
    fn what_is_remembered_is_of_second_hand_and_ends() {
        let device = device();
        let proof = &device.proofs[0];
        let second = proof.second_hand();
        assert_eq!((second.via, second.at, second.amr.len()), (Via::TrustedDevice, NOW, 0));
        assert_eq!(device.living(proof.until).count(), 0);
        let revoked = TrustedDevice { revoked_at: Some(NOW), ..device.clone() };
        assert_eq!((device.living(NOW).count(), revoked.living(NOW).count()), (1, 0));
    }
}
