//! `vestibule apply`: makes the database what files declare.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use vestibule_core::audit::Via;
use vestibule_server::declare::{self, Checks, Marks, Options, built_in};

use crate::{
    exit::{DATA, DIFFERENT, Failure, IO},
    offline,
    output::say,
    settings::SettingsArguments,
};

/// Flags of `vestibule apply`.
#[derive(Args)]
pub(crate) struct Apply {
    /// A TOML file, or a folder of them.
    path: PathBuf,
    /// Only show what would change; exit status 2 when something would.
    #[arg(long)]
    dry_run: bool,
    /// Also remove service providers, chains and connections that are not declared. Users are never removed.
    #[arg(long)]
    prune: bool,
    /// Let go of what is declared: it is applied and from then on changed elsewhere, no more marked as managed by this file.
    #[arg(long, alias = "unmanaged")]
    release: bool,
    /// Show the changes as JSON.
    #[arg(long)]
    json: bool,
}

impl Apply {
    pub(crate) async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        let offline = offline::open(arguments)?;
        let workshop = &offline.workshop;
        let environment = |name: &str| std::env::var(name).ok();
        let policy = Some(offline.passwords()?).filter(|_| !offline.settings.dev);
        let checks = Checks { registry: &workshop.registry, environment: &environment, passwords: policy.as_ref() };
        let declaration =
            declare::read(&self.path, &checks).map_err(|problems| Failure::new(DATA, problems.to_string()))?;
        let options = Options {
            by: offline::account(Via::File),
            dry_run: self.dry_run,
            prune: self.prune,
            keep: built_in(&offline.settings),
            default_chain: offline.settings.default_chain.clone(),
            marks: if self.release { Marks::Release } else { Marks::Set },
        };
        let diff = declare::apply(workshop, &declaration, &options).await?;
        if self.json {
            say(serde_json::to_string_pretty(&diff).map_err(|error| Failure::new(IO, error.to_string()))?);
        } else {
            say(&diff);
        }
        Ok(if self.dry_run && !diff.is_empty() { ExitCode::from(DIFFERENT) } else { ExitCode::SUCCESS })
    }
}
