//! Authenticators that only describe themselves, and a small generator: what tests of pure functions need.

use std::{collections::BTreeSet, sync::Arc};

use async_trait::async_trait;
use serde_json::{Map, Value};
use vestibule_core::{
    authenticator::{
        Authenticator, Descriptor, Enrolment, Opening, Outcome, Readiness, Registry, StepContext, StepError,
    },
    evidence::{FactorClass, Property},
    prompt::Fields,
};

use FactorClass::{Inherence, Knowledge, Possession};
use Property::{PhishingResistant, Unrestricted, UserVerified};

struct Described(Descriptor);

#[async_trait]
impl Authenticator for Described {
    fn descriptor(&self) -> &Descriptor {
        &self.0
    }
    fn one_each(&self) -> bool {
        ["password", "smsotp"].contains(&self.0.name.as_str())
    }
    async fn readiness(&self, _: &StepContext<'_>) -> Result<Readiness, StepError> {
        Err(StepError::Busy)
    }
    async fn begin(&self, _: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        Err(StepError::Busy)
    }
    async fn answer(&self, _: &mut StepContext<'_>, _: &Fields) -> Result<Outcome, StepError> {
        Err(StepError::Busy)
    }
    fn enrolment(&self) -> Option<&dyn Enrolment> {
        (self.0.name.as_str() != "password").then_some(self)
    }
    fn check_settings(&self, settings: &Map<String, Value>) -> Result<(), String> {
        match settings.keys().find(|name| *name != "tries") {
            Some(name) => Err(format!("{name}: this authenticator has no such setting")),
            None => Ok(()),
        }
    }
}

#[async_trait]
impl Enrolment for Described {
    async fn begin(&self, _: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        Err(StepError::Busy)
    }
    async fn answer(&self, _: &mut StepContext<'_>, _: &Fields) -> Result<Outcome, StepError> {
        Err(StepError::Busy)
    }
}

/// Name, factors, properties, whether it asks for the name, and the connection that it needs.
type Kind = (&'static str, &'static [FactorClass], &'static [Property], Opening, Option<&'static str>);

pub(crate) const KINDS: &[Kind] = &[
    ("password", &[Knowledge], &[], Opening::Free, None),
    ("smsotp", &[Possession], &[], Opening::Once, Some("sms")),
    ("totp", &[Possession], &[Unrestricted], Opening::Once, None),
    ("passkey", &[Possession, Inherence], &[Unrestricted, PhishingResistant, UserVerified], Opening::Free, None),
    ("emailotp", &[], &[], Opening::Once, None),
];

pub(crate) fn registry() -> Registry {
    let described = |(name, factors, properties, opening, connection): &Kind| {
        let descriptor = Descriptor {
            name: (*name).into(),
            factors: factors.iter().copied().collect(),
            properties: properties.iter().copied().collect::<BTreeSet<_>>(),
            amr: [(*name).to_owned()].into(),
            opening: *opening,
            connection: *connection,
            settings: Value::Null,
            messages: &[],
        };
        Arc::new(Described(descriptor)) as Arc<dyn Authenticator>
    };
    Registry::new(KINDS.iter().map(described).collect())
}
