//! What commands need that work on the database directly, beside a running server or without one.
//!
//! On SQLite they do not take the server's lock: a short transaction of a second process is safe there, and the server takes
//! up what changed by the configuration's version, within two seconds. So nothing has to be stopped to add a user.

use std::sync::Arc;

use secrecy::ExposeSecret as _;
use vestibule_authn_password::Policy;
use vestibule_authn_smsotp::Outbox;
use vestibule_core::{
    Clock,
    audit::Via,
    random::{Random, SystemRandom},
    time::SystemClock,
};
use vestibule_server::{
    admin::record::By,
    authenticators::{self, Channels},
    config::{Settings, master_key::private_folder},
    declare::{self, Workshop},
    passwords,
};
use vestibule_store::{DatabaseUrl, Options};

use crate::{
    exit::{CANNOT_CREATE, CONFIGURATION, Failure},
    settings::SettingsArguments,
};

/// The settings, and the store that they name.
pub(crate) struct Offline {
    pub(crate) settings: Settings,
    pub(crate) workshop: Workshop,
}

impl Offline {
    /// What a new password has to be.
    pub(crate) fn passwords(&self) -> Result<Policy, Failure> {
        let host = self.settings.public_url.host_str().unwrap_or_default();
        let policy = passwords::policy(&self.settings.password.rules, host);
        policy.map_err(|error| Failure::new(CONFIGURATION, error.to_string()))
    }

    /// How a command of this account applies a declaration.
    pub(crate) fn options(&self) -> declare::Options {
        declare::Options {
            by: account(Via::Cli),
            default_chain: self.settings.default_chain.clone(),
            ..Default::default()
        }
    }
}

/// The account on this machine that the audit log names, as the environment says; `cli` where it says nothing. Whoever runs a
/// command here has the master key, so that nothing is gained by asking the system itself.
pub(crate) fn account(via: Via) -> By {
    let names = ["USER", "LOGNAME", "USERNAME"].iter().filter_map(|name| std::env::var(name).ok());
    let name = names.map(|name| name.trim().to_owned()).find(|name| (1..=64).contains(&name.chars().count()));
    By::account(name.filter(|name| !name.contains(char::is_control)).unwrap_or_else(|| "cli".to_owned()), via)
}

/// Opens the store.
///
/// # Errors
/// When the settings are wrong, or the store cannot be opened.
pub(crate) fn open(arguments: &SettingsArguments) -> Result<Offline, Failure> {
    let settings = arguments.load(Vec::new())?.settings;
    let random: Arc<dyn Random> = Arc::new(SystemRandom::default());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    private_folder(&settings.data_dir).map_err(|error| {
        Failure::new(CANNOT_CREATE, format!("cannot make {}: {error}", settings.data_dir.display()))
    })?;
    let master = settings.master_key.obtain(random.as_ref())?;
    let address: DatabaseUrl = settings.database.url.expose_secret().parse()?;
    let options = Options { connections: 2, exclusive: false, ..Options::default() };
    let store = vestibule_store::open(&address, &master, &options)?;
    let pool = authenticators::hash_pool(&settings.password, Arc::clone(&random))?;
    let registry = authenticators::registry(&pool, authenticators::party(&settings)?)?;
    let outbox = settings.dev.then(|| Outbox::new(Arc::clone(&clock)));
    let (prf, floor) = (master.prf(), settings.policy.floor.clone());
    let channels = Channels { outbox, ..Channels::default() };
    let host = settings.public_url.host_str().unwrap_or_default().to_owned();
    let workshop = Workshop { store, pool, prf, clock, random, registry, floor, host, channels };
    Ok(Offline { settings, workshop })
}
