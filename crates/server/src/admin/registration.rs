//! Whether people may create their own account now. The settings file says whether they ever may; here it is closed for a while
//! and opened again, on all instances, without a restart.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Actor, AdminError, Permission,
    record::Change,
    transact::{self, Work},
};
use crate::{
    config::Proves,
    state::{State, Transaction},
};

/// How people become users by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RegistrationView {
    /// Whether the settings of the server allow it at all.
    pub allowed: bool,
    /// Whether it is open now.
    pub open: bool,
    /// What people prove to be theirs: `email` or `phone`.
    pub contact: &'static str,
    /// The domains of the addresses that are taken; none: all.
    pub domains: Vec<String>,
    /// The groups that a new user is in.
    pub groups: Vec<String>,
    /// How many may be begun from one network in a day.
    pub per_network: u32,
}

/// The switch.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenRegistration {
    /// Whether it shall be open.
    pub open: bool,
}

fn view(state: &State, closed: bool) -> RegistrationView {
    let settings = &state.registration;
    RegistrationView {
        allowed: settings.enabled,
        open: settings.enabled && !closed,
        contact: match settings.contact {
            Proves::Email => "email",
            Proves::Phone => "phone",
        },
        domains: settings.domains.clone(),
        groups: settings.groups.clone(),
        per_network: settings.per_network,
    }
}

/// `registration.get`.
///
/// # Errors
/// Without permission.
pub async fn get(state: &State, actor: &Actor) -> Result<RegistrationView, AdminError> {
    actor.needs(Permission::UsersRead)?;
    let closed = transact::read(state, |tx: &mut Transaction| Ok(tx.registration_closed()?)).await?;
    Ok(view(state, closed))
}

/// `registration.set`.
///
/// # Errors
/// Without permission, and where the settings of the server do not allow it.
pub async fn set(state: &State, actor: &Actor, wanted: OpenRegistration) -> Result<RegistrationView, AdminError> {
    actor.needs(Permission::UsersWrite)?;
    if wanted.open && !state.registration.enabled {
        let why = "registration is off in the settings of this server; set registration.enabled there";
        return Err(AdminError::Refused(why.to_owned()));
    }
    let (work, before, after) = (Work::new(state, actor), view(state, wanted.open), view(state, !wanted.open));
    let answer = after.clone();
    transact::configure(state, move |tx| {
        if tx.registration_closed()? != wanted.open {
            return Ok(());
        }
        tx.close_registration(!wanted.open)?;
        work.record(tx, &Change::new("registration.switched", "registration", &before, &after))
    })
    .await?;
    Ok(answer)
}
