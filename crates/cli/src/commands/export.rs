//! `vestibule export`: what the database holds, as files that `vestibule apply` reads.

use std::{fs, io::Write as _, path::PathBuf, process::ExitCode};

use clap::Args;
use vestibule_server::declare;

use crate::{
    exit::{CANNOT_CREATE, Failure},
    offline,
    output::say,
    settings::SettingsArguments,
};

/// Flags of `vestibule export`.
#[derive(Args)]
pub(crate) struct Export {
    /// The folder to write to; `-` for standard output.
    #[arg(default_value = "-")]
    folder: PathBuf,
    /// Leave people out.
    #[arg(long)]
    no_users: bool,
}

const FILE: &str = "vestibule-export.toml";

impl Export {
    pub(crate) async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        let offline = offline::open(arguments)?;
        let text = declare::export(&*offline.workshop.store, !self.no_users).await?;
        if self.folder.as_os_str() == "-" {
            std::io::stdout().write_all(text.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
        let path = self.folder.join(FILE);
        let write = || {
            fs::create_dir_all(&self.folder)?;
            // An export that is there may have been edited by hand.
            fs::OpenOptions::new().write(true).create_new(true).open(&path)?.write_all(text.as_bytes())
        };
        write().map_err(|error| {
            Failure::new(CANNOT_CREATE, format!("cannot write {}: {error}. Name another folder.", path.display()))
        })?;
        say(format_args!("wrote {}", path.display()));
        Ok(ExitCode::SUCCESS)
    }
}
