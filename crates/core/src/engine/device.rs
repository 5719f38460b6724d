//! Remembered devices: what the browser's device stands for, how one is made and used up, and how it is forgotten.
//!
//! A device is looked at anew by every plan, and what it stands for is never written into an interaction or a session: forgotten
//! elsewhere, it is forgotten at once. It is made, and its generation raised, in the transaction that ends the login.

use super::{Engine, EngineError, RequestContext, finish::Ending, situation::Situation};
use crate::{
    chain::Seconds,
    device::{DeviceRef, RememberedProof, Shown, TrustedDevice},
    evidence::{Evidence, Via},
    id::{DeviceId, UserId},
    interaction::Interaction,
    store::{Store, StoreError, StoreExt as _, StoreResult, Tx},
    time::Time,
};

/// The field by which a person asks to be remembered.
pub(super) const FIELD: &str = "remember_device";

impl<S: Store + ?Sized> Engine<S> {
    /// What a device cookie says, if we made it.
    pub fn device_ref(&self, cookie: &str) -> Option<DeviceRef> {
        DeviceRef::from_cookie(cookie, &self.parts.prf)
    }

    /// The value of a device's cookie.
    pub fn device_cookie(&self, device: DeviceRef) -> String {
        device.to_cookie(&self.parts.prf)
    }

    /// Forgets a device of this user; whether it was one and alive.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_device(&self, user: UserId, id: DeviceId, cx: &RequestContext) -> Result<bool, EngineError> {
        self.revoke_device(user, id, "device.forgotten", cx).await
    }

    async fn revoke_device(
        &self,
        user: UserId,
        id: DeviceId,
        kind: &str,
        cx: &RequestContext,
    ) -> Result<bool, EngineError> {
        let now = self.now();
        let mut event = self.event(kind, cx, now);
        event.user = Some(user);
        event.details.insert("device".to_owned(), id.to_string());
        let revoke = move |tx: &mut S::Tx| {
            let theirs = tx.device(id)?.is_some_and(|device| device.user == user);
            let revoked = theirs && tx.revoke_device(id, now)?;
            if revoked {
                tx.append_audit(&event)?;
            }
            Ok(revoked)
        };
        Ok(self.store.write(revoke).await?)
    }

    /// The device that the browser shows, before there is an interaction.
    pub(super) async fn shown_device(
        &self,
        cx: &RequestContext,
        now: Time,
    ) -> Result<Option<TrustedDevice>, EngineError> {
        let Some(shown) = cx.device else { return Ok(None) };
        let found = self.store.read(move |tx: &mut S::Tx| tx.device(shown.id)).await?;
        self.known_device(found, cx, now).await
    }

    /// The device that was found for the browser's cookie, if the cookie is good for it. A cookie that was replaced long ago tells
    /// that there are two browsers with one device: it is forgotten.
    pub(super) async fn known_device(
        &self,
        found: Option<TrustedDevice>,
        cx: &RequestContext,
        now: Time,
    ) -> Result<Option<TrustedDevice>, EngineError> {
        let Some((device, shown)) = found.zip(cx.device) else { return Ok(None) };
        match device.shown(shown, now) {
            Shown::Known => Ok(Some(device)),
            Shown::Nothing => Ok(None),
            Shown::Replayed => {
                tracing::warn!(device = %device.id, "a device cookie was copied");
                self.revoke_device(device.user, device.id, "device.replayed", cx).await?;
                Ok(None)
            }
        }
    }

    /// What the browser's device stands for, as far as the user still has what it was proved with.
    pub(super) fn second_hand(&self, situation: &Situation, user: UserId) -> Vec<Evidence> {
        let Some(device) = situation.device_of(user) else { return Vec::new() };
        let held =
            device.living(situation.now).filter(|proof| self.still_has(&situation.person, situation, &proof.evidence));
        held.map(RememberedProof::second_hand).collect()
    }
}

impl Situation {
    /// The browser's device, if it is this user's.
    pub(super) fn device_of(&self, user: UserId) -> Option<&TrustedDevice> {
        self.device.as_ref().filter(|device| device.user == user)
    }

    /// For how long the device may be remembered instead of a step. It is offered once somebody has proved something, and
    /// never for the first step, by which one becomes known.
    pub(super) fn may_remember(&self, step: usize) -> Option<Seconds> {
        let rule = self.chain.document.steps.get(step).filter(|_| step > 0 && self.proven())?;
        rule.remember_device.filter(|life| life.0 > 0)
    }
}

/// What is needed to make a device, or to raise its generation, at the end of a login.
pub(super) struct Remembering {
    /// What the browser showed.
    pub(super) shown: Option<DeviceRef>,
    /// The id of the device, when a new one is needed.
    pub(super) new: DeviceId,
    /// For how long each step may be remembered.
    pub(super) lives: Vec<Option<Seconds>>,
    /// That it was made.
    pub(super) event: crate::audit::AuditEvent,
}

impl<S: Store + ?Sized> Engine<S> {
    pub(super) fn remembering(&self, situation: &Situation, user: UserId, cx: &RequestContext) -> Remembering {
        let now = situation.now;
        let new = DeviceId::new(now, &*self.parts.random);
        let mut event = self.event("device.remembered", cx, now);
        event.client = Some(situation.request().client.to_string());
        event.user = Some(user);
        event.details.insert("device".to_owned(), new.to_string());
        let lives = situation.chain.document.steps.iter().map(|step| step.remember_device).collect();
        Remembering { shown: cx.device, new, lives, event }
    }
}

impl<T: Tx + ?Sized + 'static> Ending<T> {
    /// The browser's device, as it is now. [`StoreError::Conflict`] when the plan relied on it and it was forgotten since.
    pub(super) fn browsers_device(&self, tx: &mut T) -> StoreResult<Option<TrustedDevice>> {
        let now = self.now;
        let shown = match self.remembering.shown {
            Some(shown) => tx.device(shown.id)?.filter(|device| device.shown(shown, now) == Shown::Known),
            None => None,
        };
        let relied = self.completed.remembered();
        if relied && shown.as_ref().is_none_or(|device| device.user != self.completed.user()) {
            return Err(StoreError::Conflict("the device was forgotten".to_owned()));
        }
        Ok(shown)
    }

    /// Makes the device that was asked for, or raises the generation of the one that was used.
    pub(super) fn settle_device(
        &self,
        tx: &mut T,
        interaction: &Interaction,
        shown: Option<&TrustedDevice>,
    ) -> StoreResult<Option<TrustedDevice>> {
        let own = shown.filter(|device| device.user == self.completed.user());
        let wished = self.wished(interaction);
        if !wished.is_empty() {
            let device = self.new_device(wished, own);
            if let Some(before) = shown {
                // One browser, one device: its cookie is replaced.
                tx.revoke_device(before.id, self.now)?;
            }
            tx.insert_device(&device)?;
            tx.append_audit(&self.remembering.event)?;
            return Ok(Some(device));
        }
        // Also where no step was spared by its proofs: a condition may have looked at it, and a copy is found by use alone.
        match own {
            Some(device) => self.used(tx, device.clone()).map(Some),
            None => Ok(None),
        }
    }

    /// What was proved in this run and is to be remembered.
    fn wished(&self, interaction: &Interaction) -> Vec<RememberedProof> {
        let own = |evidence: &&Evidence| evidence.via == Via::Direct && evidence.interaction == interaction.id;
        let wished = interaction.evidence.iter().filter(own).filter_map(|evidence| {
            let asked = interaction.remember.contains(&evidence.step);
            let life = self.remembering.lives.get(evidence.step).copied().flatten().filter(|_| asked)?;
            Some(RememberedProof { evidence: evidence.clone(), until: evidence.at + life.into() })
        });
        wished.collect()
    }

    fn new_device(&self, mut proofs: Vec<RememberedProof>, before: Option<&TrustedDevice>) -> TrustedDevice {
        let now = self.now;
        let key = |proof: &RememberedProof| (proof.evidence.authenticator.clone(), proof.evidence.credential.clone());
        let renewed: Vec<_> = proofs.iter().map(key).collect();
        let kept = before.into_iter().flat_map(|device| device.living(now));
        proofs.extend(kept.filter(|proof| !renewed.contains(&key(proof))).cloned());
        TrustedDevice {
            id: self.remembering.new,
            generation: 1,
            user: self.completed.user(),
            expires_at: proofs.iter().map(|proof| proof.until).max().unwrap_or(now),
            proofs,
            user_agent: self.user_agent.clone(),
            network: self.network.clone(),
            created_at: now,
            used_at: now,
            revoked_at: None,
        }
    }

    fn used(&self, tx: &mut T, mut device: TrustedDevice) -> StoreResult<TrustedDevice> {
        if !device.may_rotate(self.now) {
            return Ok(device);
        }
        device.generation = device.generation.saturating_add(1);
        device.used_at = self.now;
        device.network.clone_from(&self.network);
        let other = || StoreError::Conflict("the device was used by another tab".to_owned());
        tx.rotate_device(&device, self.now)?.then_some(device).ok_or_else(other)
    }
}
