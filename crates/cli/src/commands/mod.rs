//! The commands, one file each.

mod admin;
mod apply;
mod audit;
mod client;
mod completions;
mod config;
mod dev;
mod doctor;
mod export;
mod healthcheck;
mod import;
mod init;
mod keys;
mod migrate;
mod serve;
mod user;

use std::process::ExitCode;

use clap::Subcommand;

use crate::{bench, exit::Failure, login, settings::SettingsArguments};

/// What the program can do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Try it: a server on this machine with a demo application and an outbox instead of an SMS gateway.
    Dev(dev::Dev),
    /// Run the server.
    Serve,
    /// Write the settings of a production server.
    Init(init::Init),
    /// Try something against a running server.
    #[command(subcommand)]
    Try(login::Try),
    /// Bring the database up to date.
    Migrate,
    /// Make the database what files declare.
    Apply(apply::Apply),
    /// Write what the database holds as such files, without secrets.
    Export(export::Export),
    /// The first entry to the console.
    #[command(subcommand)]
    Admin(admin::Admin),
    /// People who can sign in.
    #[command(subcommand)]
    User(user::User),
    /// Service providers: applications that people sign in to.
    #[command(subcommand)]
    Client(client::ClientCommand),
    /// Signing keys.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// The audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Settings.
    #[command(subcommand)]
    Config(config::Config),
    /// Say whether everything is set up as it should be: exit status 78 when the configuration fails, 69 when something needed does not answer.
    Doctor(doctor::Doctor),
    /// Ask a running server whether it is ready.
    Healthcheck(healthcheck::Healthcheck),
    /// Print a script that completes commands in your shell.
    Completions(completions::Completions),
    /// Measure the server against raw limits of this machine.
    Bench(bench::Bench),
}

impl Command {
    /// Does it.
    ///
    /// # Errors
    /// What is wrong, where, and what to do.
    pub(crate) async fn run(self, settings: &SettingsArguments) -> Result<ExitCode, Failure> {
        match self {
            Self::Dev(dev) => dev.run(settings).await,
            Self::Serve => serve::run(settings).await,
            Self::Init(init) => init.run(),
            Self::Try(login::Try::Login(login)) => login.run().await,
            Self::Migrate => migrate::run(settings),
            Self::Apply(apply) => apply.run(settings).await,
            Self::Export(export) => export.run(settings).await,
            Self::Admin(admin) => admin.run(settings).await,
            Self::User(user) => user.run(settings).await,
            Self::Client(client) => client.run(settings).await,
            Self::Keys(keys) => keys.run(settings).await,
            Self::Audit(audit) => audit.run(settings).await,
            Self::Config(config) => config.run(settings),
            Self::Doctor(doctor) => doctor.run(settings).await,
            Self::Healthcheck(check) => check.run(settings).await,
            Self::Completions(completions) => completions.run(),
            Self::Bench(bench) => bench.run().await,
        }
    }
}
