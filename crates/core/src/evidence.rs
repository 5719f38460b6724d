//! Evidence: the record that a step passed, and what it proves.

use std::{collections::BTreeSet, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    chain::Alternative,
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
    /// Held by the person and checked here. Nobody carries it, so whoever runs a gateway can neither read it nor make it: what is
    /// out of band (NIST SP 800-63B-4, section 3.1.3) is not of this kind.
    Held,
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
    /// When what was used came in the place of something else that the user had. Asked anew by each plan, and kept nowhere.
    #[serde(skip)]
    pub changed_at: Option<Time>,
    /// The alternatives of the chain whose settings ask for something that this is not (a passkey of other models). Asked anew by
    /// each plan, as well.
    #[serde(skip)]
    pub unfit: Vec<Alternative>,
}

/// How well somebody can prove that an account is theirs, as far as it matters for changing how they sign in to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// By what they know, and no better.
    #[default]
    Knowledge,
    /// By more, which somebody else carries to them or has carried.
    Carried,
    /// By more, and nobody is in between.
    Held,
}

impl Strength {
    /// How strong a proof of this is.
    pub fn of(factors: &BTreeSet<FactorClass>, properties: &BTreeSet<Property>) -> Self {
        if !factors.iter().any(|class| *class != FactorClass::Knowledge) {
            return Self::Knowledge;
        }
        if properties.contains(&Property::Held) { Self::Held } else { Self::Carried }
    }

    /// How strong a proof has to be of whoever has this. Codes on paper are as strong as what is held, and nobody is made to use
    /// one up who has another way: they are for the day when that is lost.
    pub fn wanted_by(factors: &BTreeSet<FactorClass>, properties: &BTreeSet<Property>) -> Self {
        let everyday = properties.contains(&Property::Unrestricted);
        Self::of(factors, properties).min(if everyday { Self::Held } else { Self::Carried })
    }
}

impl Evidence {
    /// How well it proves whose the account is.
    pub fn strength(&self) -> Strength {
        Strength::of(&self.factors, &self.properties)
    }

    /// Whether this proves at least as much as `other` would: by what it proves, never by the authenticator's name.
    pub fn covers(&self, factors: &BTreeSet<FactorClass>, properties: &BTreeSet<Property>) -> bool {
        self.factors.is_superset(factors) && self.properties.is_superset(properties)
    }

    /// Whether this is no older than `max_age` at `now`.
    pub fn fresh(&self, max_age: Duration, now: Time) -> bool {
        now.since(self.at) <= max_age
    }
}
