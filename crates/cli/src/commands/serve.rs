//! `vestibule serve`: the server, until it is told to stop.

use std::process::ExitCode;

use vestibule_authn_smsotp::Outbox;
use vestibule_server::{Application, Parts, config::Loaded, logging};

use crate::{descriptors, exit::Failure, settings::SettingsArguments};

pub(crate) async fn run(arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
    descriptors::allow_all();
    let Loaded { settings, sources } = arguments.load(Vec::new())?;
    logging::init(&settings.log);
    let parts = Parts { sources, ..Parts::default() };
    let outbox = settings.dev.then(|| Outbox::new(std::sync::Arc::clone(&parts.clock)));
    Application::build(settings, Parts { outbox, ..parts }).await?.run().await?;
    Ok(ExitCode::SUCCESS)
}
