//! `vestibule migrate`: brings the database up to date. It takes the lock: no server may run on an SQLite file meanwhile.

use std::process::ExitCode;

use secrecy::ExposeSecret as _;
use vestibule_server::config::master_key::private_folder;
use vestibule_store::DatabaseUrl;

use crate::{exit::Failure, output::say, settings::SettingsArguments};

pub(crate) fn run(arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
    let settings = arguments.load(Vec::new())?.settings;
    private_folder(&settings.data_dir)?;
    // The key before the database: afterwards a new one is never made.
    settings.master_key.obtain(&vestibule_core::random::SystemRandom::default())?;
    let address: DatabaseUrl = settings.database.url.expose_secret().parse()?;
    let done = vestibule_store::migrate(&address)?;
    match done.len() {
        0 => say("The database is up to date."),
        _ => done.iter().for_each(|name| say(format_args!("migrated: {name}"))),
    }
    Ok(ExitCode::SUCCESS)
}
