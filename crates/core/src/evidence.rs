//! Evidence: the record that a step passed, and what it proves.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    id::{AuthenticatorName, InteractionId, UserId},
    time::Time,
};

/// The classes of factors (NIST SP 800-63B-4, section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorClass {
    /// Something you know.
    Knowledge,
    /// Something you have.
    Possession,
    /// Something you are.
    Inherence,
}

/// What a proof is good for beyond its factor classes. More properties are never weaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Property {
    /// Not delivered over the telephone network, which NIST SP 800-63B-4 (section 3.2.9) calls restricted.
    Unrestricted,
    /// A proxy between the person and us cannot reuse it.
    PhishingResistant,
    /// The device verified who holds it (a fingerprint, a PIN).
    UserVerified,
}

/// How the evidence came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// The person did it here.
    Direct,
    /// A device that was trusted earlier stood in.
    TrustedDevice,
    /// Another identity provider said so.
    Upstream,
    /// A recovery chain.
    Recovery,
}

/// The record that a step passed. Made by the engine alone, from an authenticator's [`Proof`](crate::authenticator::Proof)
/// cut down to what its [`Descriptor`](crate::Descriptor) allows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Who proved it.
    pub user: UserId,
    /// Which authenticator judged it.
    pub authenticator: AuthenticatorName,
    /// Which credential of the user was used: opaque, stable, no secret. A credential counts once in a chain whose
    /// steps are distinct.
    pub credential: String,
    /// The factor classes proved.
    pub factors: BTreeSet<FactorClass>,
    /// What else it is good for.
    pub properties: BTreeSet<Property>,
    /// Authentication method references (RFC 8176).
    pub amr: BTreeSet<String>,
    /// When.
    pub at: Time,
    /// How.
    pub via: Via,
    /// The interaction that it was given in.
    pub interaction: InteractionId,
    /// The position of the step that it was given for, counted from 0.
    pub step: usize,
}

impl Evidence {
    /// Whether this proves at least as much as `other` would: by what it proves, never by the authenticator's name.
    pub fn covers(&self, factors: &BTreeSet<FactorClass>, properties: &BTreeSet<Property>) -> bool {
        self.factors.is_superset(factors) && self.properties.is_superset(properties)
    }

    /// Whether this is no older than `max_age` at `now`.
    pub fn fresh(&self, max_age: Duration, now: Time) -> bool {
        now.since(self.at) <= max_age
    }
}
