//! `vestibule keys`: signing keys.

use std::{process::ExitCode, sync::Arc, time::Duration};

use clap::Subcommand;
use vestibule_core::{
    Time,
    audit::Via,
    store::{StoreError, StoreExt as _},
};
use vestibule_jose::{Algorithm, KeyState, StoredKey};
use vestibule_oauth::keys::KeysError;
use vestibule_server::{admin::keys, configuration::key_rules};

use crate::{
    exit::{CONFIGURATION, Failure},
    offline::{self, Offline},
    output::say,
    settings::SettingsArguments,
};

/// What can be done with signing keys.
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Show the keys.
    List,
    /// Make the next key now. It signs once relying parties can have read it.
    Rotate {
        /// Only of this algorithm; of all otherwise.
        #[arg(long, value_name = "ALG")]
        algorithm: Option<Algorithm>,
    },
}

impl Keys {
    pub(crate) async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        let offline = offline::open(arguments)?;
        if let Self::Rotate { algorithm } = self {
            rotate(&offline, algorithm).await?;
        }
        list(&offline).await
    }
}

async fn rotate(offline: &Offline, only: Option<Algorithm>) -> Result<(), Failure> {
    let rules = key_rules(&offline.settings.keys);
    let algorithms: Vec<Algorithm> = match only {
        None => rules.algorithms.iter().copied().collect(),
        Some(algorithm) if rules.algorithms.contains(&algorithm) => vec![algorithm],
        Some(algorithm) => {
            let text =
                format!("{algorithm} is not among keys.algorithms. Add it there: the server then makes its key.");
            return Err(Failure::new(CONFIGURATION, text));
        }
    };
    let now = offline.workshop.clock.now();
    for algorithm in algorithms {
        let (by, random) = (offline::account(Via::Cli), Arc::clone(&offline.workshop.random));
        match keys::rotate_by(&*offline.workshop.store, &rules, algorithm, &by, random, now).await {
            Ok(_) => {}
            Err(KeysError::Store(error)) => return Err(error.into()),
            Err(KeysError::Key(error)) => return Err(StoreError::Damaged(error.to_string()).into()),
        }
    }
    Ok(())
}

async fn list(offline: &Offline) -> Result<ExitCode, Failure> {
    let now = offline.workshop.clock.now();
    let mut keys = offline.workshop.store.read(|tx| tx.signing_keys()).await?;
    keys.sort_by_key(|key| (key.meta().algorithm, key.meta().activates_at));
    if keys.is_empty() {
        say("There is no key yet: the server makes them when it starts first.");
    }
    for meta in keys.iter().map(StoredKey::meta) {
        let state = match meta.state(now.0) {
            KeyState::Current => "signs now".to_owned(),
            KeyState::Next => format!("signs in {}", hours(Time(meta.activates_at).since(now))),
            KeyState::Previous => "verifies only".to_owned(),
            KeyState::Retired => "retired".to_owned(),
        };
        say(format_args!("{:<8} {:<44} {state}", meta.algorithm, meta.id.as_str()));
    }
    Ok(ExitCode::SUCCESS)
}

fn hours(time: Duration) -> String {
    let minutes = time.as_secs().div_ceil(60);
    if minutes < 120 { format!("{minutes} min") } else { format!("{} h", minutes / 60) }
}
