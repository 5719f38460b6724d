//! How the gateways of a connection do, as far as this instance has seen: each learns for itself, in memory, from the messages that
//! it sent. Another instance may know otherwise.

use schemars::JsonSchema;
use serde::Serialize;
use vestibule_authn_smsotp::{SmsOtp, is_route};
use vestibule_core::{Time, channel, id::ConnectionName, time::Timestamp};

use super::find;
use crate::{
    admin::{Actor, AdminError, Permission, transact},
    state::State,
};

/// How the gateways of a connection do, as far as the instance that answers has seen: others have sent other messages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HealthView {
    /// The gateways that the connection delivers by; none where nobody looks, and where it is switched off.
    pub gateways: Vec<GatewayHealth>,
}

/// How one gateway does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GatewayHealth {
    /// Its own connection.
    pub gateway: String,
    /// Whether messages go by it.
    pub circuit: Circuit,
    /// Since when it is not closed.
    pub since: Option<Timestamp>,
    /// Until when it stays open; then a message tries it.
    pub until: Option<Timestamp>,
    /// How many failures in a row there were.
    pub failures: u32,
    /// The last failure.
    pub last_failure: Option<LastFailure>,
}

/// Whether messages go by a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Circuit {
    /// They do.
    Closed,
    /// They go by others first.
    Open,
    /// The next one tries it.
    HalfOpen,
}

/// A failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LastFailure {
    /// When it was.
    pub at: Timestamp,
    /// What went wrong, masked.
    pub why: String,
}

/// How the gateways of a connection do.
///
/// # Errors
/// When the actor may not, there is no such connection, or the store fails.
pub async fn health(state: &State, actor: &Actor, name: &str) -> Result<HealthView, AdminError> {
    actor.needs(Permission::ConnectionsRead)?;
    let wanted = name.to_owned();
    transact::read(state, move |tx| find(tx, &wanted)).await?;
    Ok(known_health(state, name))
}

/// The same of a connection that one may see, from memory.
pub(crate) fn known_health(state: &State, name: &str) -> HealthView {
    let (configuration, now) = (state.engine.configuration(), state.clock.now());
    let channel = configuration.channels.get(&ConnectionName::from(name));
    let gateways = channel.map(|channel| channel.health()).unwrap_or_default();
    HealthView { gateways: gateways.into_iter().map(|health| GatewayHealth::at(health, now)).collect() }
}

/// The gateways that a route may go by, from memory: those that are none themselves.
pub(crate) fn gateways(state: &State) -> Vec<String> {
    let configuration = state.engine.configuration();
    let sms = configuration.connections.iter().filter(|known| known.kind == SmsOtp::CONNECTION_KIND);
    let mut names: Vec<_> =
        sms.filter(|known| !is_route(&known.settings)).map(|known| known.name.to_string()).collect();
    names.sort();
    names
}

impl GatewayHealth {
    /// What a channel says, at this instant.
    pub(crate) fn at(health: channel::Health, now: Time) -> Self {
        let (circuit, since, until) = match health.circuit {
            channel::Circuit::Closed => (Circuit::Closed, None, None),
            channel::Circuit::Open { since, until } => (Circuit::Open, Some(now - since), Some(now + until)),
            channel::Circuit::HalfOpen { since } => (Circuit::HalfOpen, Some(now - since), None),
        };
        Self {
            gateway: health.gateway.to_string(),
            circuit,
            since: since.map(Timestamp),
            until: until.map(Timestamp),
            failures: health.failures,
            last_failure: health.last_failure.map(|(ago, why)| LastFailure { at: Timestamp(now - ago), why }),
        }
    }
}
