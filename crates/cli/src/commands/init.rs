//! `vestibule init`: the settings of a production server, and its master key.

use std::{fs, io::Write as _, path::PathBuf, process::ExitCode};

use clap::Args;
use url::Url;
use vestibule_core::random::SystemRandom;
use vestibule_server::config::{Settings, Sources, master_key};

use crate::{
    exit::{CANNOT_CREATE, Failure},
    output::say,
};

/// Flags of `vestibule init`.
#[derive(Args)]
pub(crate) struct Init {
    /// The address that people will use, such as `https://auth.example.com`.
    public_url: Url,
    /// The folder for settings and data.
    #[arg(long, value_name = "DIR", default_value = ".")]
    folder: PathBuf,
}

impl Init {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let (file, key) = (self.folder.join("vestibule.toml"), self.folder.join("master.key"));
        let folder = std::path::absolute(&self.folder)?;
        let text = text(&self.public_url, &folder);
        master_key::private_folder(&self.folder)?;
        let mut made = create(&file)?;
        made.write_all(text.as_bytes())?;
        if let Err(error) = master_key::create(&key, &SystemRandom::default()) {
            drop(fs::remove_file(&file));
            return Err(Failure::new(CANNOT_CREATE, error.to_string()));
        }
        // What was just written is read as the server will read it.
        if let Err(problems) = Settings::load(&Sources { file: Some(file.clone()), ..Sources::default() }) {
            drop((fs::remove_file(&file), fs::remove_file(&key)));
            return Err(problems.into());
        }
        say(format_args!("wrote {} and {}", file.display(), key.display()));
        say("Keep a copy of the master key apart from the backups of the database: without it they cannot be read.");
        say(format_args!("Next: vestibule serve --config {}", file.display()));
        Ok(ExitCode::SUCCESS)
    }
}

fn create(file: &std::path::Path) -> Result<fs::File, Failure> {
    fs::OpenOptions::new().write(true).create_new(true).open(file).map_err(|error| {
        let advice = "Name another folder with --folder, or remove it first.";
        Failure::new(CANNOT_CREATE, format!("cannot write {}: {error}. {advice}", file.display()))
    })
}

fn text(public_url: &Url, folder: &std::path::Path) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let path = |name: &str| quoted(&folder.join(name).display().to_string());
    format!(
        "# See `vestibule config show --sources` for everything that can be set.\n\
         public_url = {}\n\
         listen = \"127.0.0.1:8080\"    # a TLS proxy stands in front; or set [tls] and listen on 0.0.0.0:443\n\
         data_dir = {}\n\
         secret_key_file = {}\n",
        quoted(public_url.as_str().trim_end_matches('/')),
        path("data"),
        path("master.key"),
    )
}
