//! `vestibule export`: what the database holds, as files that `vestibule apply` reads.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

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
    /// The folder to write to, one file for each kind of thing; or one file, when it ends with `.toml`; `-` for standard output.
    #[arg(default_value = "-")]
    path: PathBuf,
    /// Leave people out.
    #[arg(long)]
    no_users: bool,
}

impl Export {
    pub(crate) async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        let offline = offline::open(arguments)?;
        let parts = declare::export_parts(&*offline.workshop.store, !self.no_users).await?;
        let whole = || parts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n");
        if self.path.as_os_str() == "-" {
            std::io::stdout().write_all(whole().as_bytes())?;
        } else if self.path.extension().is_some_and(|extension| extension == "toml") {
            write(&self.path, &whole())?;
        } else {
            let files: Vec<_> = parts.iter().map(|(file, text)| (self.path.join(file), text)).collect();
            // All or none: half an export would look like a whole one.
            if let Some((there, _)) = files.iter().find(|(path, _)| path.exists()) {
                return Err(refused(there, "it exists already"));
            }
            fs::create_dir_all(&self.path).map_err(|error| refused(&self.path, &error.to_string()))?;
            files.iter().try_for_each(|(path, text)| write(path, text))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes a file that is not there yet: an export that is may have been edited by hand.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let written = fs::OpenOptions::new().write(true).create_new(true).open(path);
    let written = written.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| refused(path, &error.to_string()))?;
    say(format_args!("wrote {}", path.display()));
    Ok(())
}

fn refused(path: &Path, why: &str) -> Failure {
    Failure::new(CANNOT_CREATE, format!("cannot write {}: {why}. Name another place.", path.display()))
}
