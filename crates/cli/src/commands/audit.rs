//! `vestibule audit`: whether the audit log is what it was, and what its events look like.

use std::process::ExitCode;

use clap::Subcommand;
use vestibule_core::{
    audit::{chain, schema},
    store::StoreError,
};

use crate::{
    exit::Failure,
    offline,
    output::{complain, say},
    settings::SettingsArguments,
};

/// What can be done with the audit log.
#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Walk the whole log: exit status 1 and the first row that was changed, removed, put in or moved.
    Verify,
    /// Print the JSON Schema of an event, as sinks get it.
    Schema,
}

impl Audit {
    pub(crate) async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        match self {
            Self::Verify => verify(arguments).await,
            Self::Schema => {
                say(format_args!("{:#}", schema::schema()));
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

async fn verify(arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
    let workshop = offline::open(arguments)?.workshop;
    match chain::seal(&*workshop.store, &workshop.prf).await {
        // What keeps it from being sealed is what the walk will name.
        Ok(_) | Err(StoreError::Damaged(_)) => {}
        Err(error) => return Err(error.into()),
    }
    match chain::verify(&*workshop.store, &workshop.prf).await? {
        Ok(whole) => {
            say(format_args!(
                "{} events, the last with the number {}: nothing was changed.",
                whole.count, whole.head.seq
            ));
            Ok(ExitCode::SUCCESS)
        }
        Err(finding) => {
            complain(finding);
            Ok(ExitCode::FAILURE)
        }
    }
}
