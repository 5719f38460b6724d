//! `vestibule config`: settings.

use std::process::ExitCode;

use clap::Subcommand;
use vestibule_server::config::tree::Place;

use crate::{exit::Failure, output::say, settings::SettingsArguments};

/// What can be done with settings.
#[derive(Subcommand)]
pub(crate) enum Config {
    /// Say what is wrong with them, where, and what to do; exit status 78 when anything is.
    Check,
    /// Show which hold.
    Show {
        /// Say where each comes from.
        #[arg(long)]
        sources: bool,
    },
}

impl Config {
    pub(crate) fn run(&self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        let loaded = arguments.load(Vec::new())?;
        match self {
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
