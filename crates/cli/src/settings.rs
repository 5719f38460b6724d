//! Which settings hold: the file, the environment, and the flags that every command has.

use std::path::{Path, PathBuf};

use clap::Args;
use vestibule_server::config::{Flag, Loaded, Problems, Settings, Sources};

/// Flags that every command has.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct SettingsArguments {
    /// The settings; otherwise ./vestibule.toml or /etc/vestibule/vestibule.toml, if there is one.
    #[arg(long, global = true, value_name = "FILE", env = "VESTIBULE_CONFIG")]
    config: Option<PathBuf>,
    /// One setting, over file and environment, such as `--set log.level=debug`.
    #[arg(long, global = true, value_name = "KEY=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
}

const USUAL: [&str; 2] = ["vestibule.toml", "/etc/vestibule/vestibule.toml"];

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

impl SettingsArguments {
    /// The settings, with `flags` of the command over them.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(crate) fn load(&self, flags: Vec<Flag>) -> Result<Loaded, Problems> {
        let usual = || USUAL.map(Path::new).into_iter().find(|path| path.exists()).map(Path::to_owned);
        self.load_from(self.config.clone().or_else(usual), flags)
    }

    /// The settings of development mode: no file but one that is named, so that a production file that happens to lie
    /// here is not touched.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub(crate) fn load_named(&self, flags: Vec<Flag>) -> Result<Loaded, Problems> {
        self.load_from(self.config.clone(), flags)
    }

    fn load_from(&self, file: Option<PathBuf>, mut flags: Vec<Flag>) -> Result<Loaded, Problems> {
        flags.extend(self.set.iter().map(|(key, value)| Flag::new("--set", key, value)));
        // A variable that is not Unicode cannot be one of ours.
        let environment =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        Settings::load(&Sources { file, environment: environment.collect(), flags })
    }
}
