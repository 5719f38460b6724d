//! `vestibule config`: settings.

use std::process::ExitCode;

use clap::Subcommand;
use vestibule_authn_password::{HashPool, PoolSettings};
use vestibule_server::{
    authenticators,
    config::{Settings, tree::Place},
    declare,
};

use crate::{
    exit::{Failure, IO},
    output::say,
    settings::SettingsArguments,
};

/// What can be done with settings.
#[derive(Subcommand)]
pub(crate) enum Config {
    /// Say what is wrong with them, where, and what to do; exit status 78 when anything is.
    Check,
    /// Print a JSON Schema for editors: of the settings file, or of what `vestibule apply` reads.
    Schema {
        /// Of declarations instead.
        #[arg(long)]
        declarations: bool,
    },
    /// Show which hold.
    Show {
        /// Say where each comes from.
        #[arg(long)]
        sources: bool,
    },
}

impl Config {
    pub(crate) fn run(&self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        if let Self::Schema { declarations } = self {
            return schema(*declarations);
        }
        let loaded = arguments.load(Vec::new())?;
        match self {
            Self::Schema { .. } => {}
            Self::Check => say(format_args!("The settings are right. Issuer: {}", loaded.settings.issuer())),
            Self::Show { sources } => {
                for setting in &loaded.sources {
                    let value = setting.shown.as_deref().unwrap_or("(not set)");
                    let line = format!("{} = {value}", setting.key);
                    let place = Some(&setting.place).filter(|_| *sources);
                    match place {
                        None => say(line),
                        Some(Place::Default) => say(format_args!("{line:<60} # default")),
                        Some(place) => say(format_args!("{line:<60} # {place}")),
                    }
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Needs no settings: an editor asks for it before there are any.
fn schema(declarations: bool) -> Result<ExitCode, Failure> {
    let schema = if declarations {
        let pool = HashPool::new(PoolSettings::default())?;
        declare::schema(&authenticators::registry(&pool, authenticators::Party::nowhere())?)
    } else {
        Settings::schema()
    };
    say(serde_json::to_string_pretty(&schema).map_err(|error| Failure::new(IO, error.to_string()))?);
    Ok(ExitCode::SUCCESS)
}
