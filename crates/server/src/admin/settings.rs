//! The settings of this server, each with its source. They are changed in the file or the environment that they come from.

use schemars::JsonSchema;
use serde::Serialize;

use super::{Actor, AdminError, Permission};
use crate::{config::tree::Place, state::State};

/// A setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SettingView {
    /// Its dotted path.
    pub key: String,
    /// Its value; `None` when it is not set and has no default, dots for a secret.
    pub value: Option<String>,
    /// Where it comes from: `default`, a line of a file, an environment variable or a flag.
    pub source: String,
    /// Whether somebody set it.
    pub set: bool,
}

/// Every setting, in the order of the reference.
///
/// # Errors
/// When the actor may not.
pub fn list(state: &State, actor: &Actor) -> Result<Vec<SettingView>, AdminError> {
    actor.needs(Permission::SettingsRead)?;
    let view = |setting: &crate::config::Setting| SettingView {
        key: setting.key.clone(),
        value: setting.shown.clone(),
        source: setting.place.to_string(),
        set: !matches!(setting.place, Place::Default),
    };
    Ok(state.sources.iter().map(view).collect())
}
