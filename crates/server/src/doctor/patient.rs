//! What is looked at: the settings, what the database holds, and who asks. A running server and a command fill it in, each from
//! what it has; the checks do not see the difference but by [`Seat`].

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use secrecy::ExposeSecret as _;
use vestibule_authn_password::{HashPool, Password};
use vestibule_core::{
    Registry, Time,
    chain::ChainRevision,
    channel::Connection,
    crypto::Prf,
    id::ChainName,
    random::Random,
    store::{StoreError, StoreExt as _, StoreResult},
    tally::Span,
    time::{Clock as _, SystemClock},
    user::{Credential, LoginName},
};
use vestibule_jose::KeyMeta;
use vestibule_oauth::{model::Client, store::Store};
use vestibule_store::{DatabaseUrl, Examined, OpenError, Options};

use super::{
    Arrived,
    outcome::{DATABASE_ADDRESS, DATABASE_DAMAGED, DATABASE_DOWN, DATABASE_KEY, Finding},
};
use crate::{
    authenticators::Channels,
    config::{AuditSettings, Setting, Settings},
    dev::leftovers,
    state::Transaction,
    tally::{
        alarm,
        messages::{ALARM, Way},
    },
};

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// A server about itself.
    Server,
    /// A command, beside a server or without one.
    Command,
}

/// What is looked at.
pub struct Patient<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// Each with its source.
    pub sources: &'a [Setting],
    /// Who asks.
    pub seat: Seat,
    /// The present.
    pub now: Time,
    /// The request that asked.
    pub arrived: Option<Arrived>,
    /// The authenticators that there are.
    pub registry: &'a Registry,
    /// What builds channels from connections.
    pub channels: &'a Channels,
    /// Where passwords are hashed.
    pub pool: &'a HashPool,
    /// What client secrets are hashed with; `None` when there is no master key.
    pub prf: Option<&'a Prf>,
    /// What is registered, and the keys; `None` when the database does not give it.
    pub configured: Option<Configured>,
    /// What else the database holds.
    pub records: Option<Records>,
    /// What was found on the way here.
    pub trouble: Vec<Finding>,
}

/// Service providers and keys. A server has them in memory.
#[derive(Clone)]
pub struct Configured {
    /// Service providers.
    pub clients: Vec<Client>,
    /// Signing keys.
    pub keys: Vec<KeyMeta>,
    /// The chain of service providers that name none.
    pub default_chain: ChainName,
}

/// What is read from the database, in one transaction.
#[derive(Clone)]
pub struct Records {
    /// The chains that hold.
    pub chains: Vec<ChainRevision>,
    /// Connections.
    pub connections: Vec<Connection>,
    /// By which connection, and to which country, hardly any code was used lately.
    pub unused: Vec<(String, String)>,
    /// Since when the oldest event of the audit log waits for its seal.
    pub unsealed: Option<Time>,
    /// The sinks of the settings, and since when the oldest event waits that each was not given.
    pub sinks: Vec<(&'static str, Option<Time>)>,
    /// The passwords of the user that a development server makes.
    pub passwords: Vec<Credential>,
}

impl Records {
    /// Reads them. A handful of statements, however much there is.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn read(store: &Store, audit: &AuditSettings, dev: bool, now: Time) -> Result<Self, StoreError> {
        let sinks = crate::audit::sinks(audit);
        store
            .read(move |tx: &mut Transaction| {
                Ok(Self {
                    chains: tx.published_chains()?,
                    connections: tx.connections()?,
                    unused: unused(tx, now)?,
                    unsealed: tx.unsealed_audit(1)?.first().map(|row| Time(row.at)),
                    sinks: waits(tx, &sinks)?,
                    passwords: if dev { Vec::new() } else { passwords(tx)? },
                })
            })
            .await
    }
}

/// The alarms of the last day.
fn unused(tx: &mut Transaction, now: Time) -> StoreResult<Vec<(String, String)>> {
    let alarms = tx.tallies_since(Span::Hour, Span::Hour.of(now - alarm::STOPS), &[ALARM])?;
    let ways = alarms.iter().filter_map(|alarm| Way::parse(&alarm.about)).map(|way| (way.connection, way.area));
    Ok(ways.collect::<BTreeSet<_>>().into_iter().collect())
}

fn passwords(tx: &mut Transaction) -> StoreResult<Vec<Credential>> {
    let name = LoginName::parse(leftovers::USER);
    let user = name.map(|name| tx.user_by_login(&name)).transpose()?.flatten().filter(|user| !user.disabled);
    Ok(user.map(|user| tx.credentials(user.id, &Password::NAME.into())).transpose()?.unwrap_or_default())
}

/// Since when the oldest event waits that each sink was not given. Those that are equally far are asked about once.
fn waits(tx: &mut Transaction, sinks: &[&'static str]) -> StoreResult<Vec<(&'static str, Option<Time>)>> {
    if sinks.is_empty() {
        return Ok(Vec::new());
    }
    let marks = tx.audit_marks()?;
    let mark = |sink: &str| marks.get(sink).copied().unwrap_or_default();
    let mut first = BTreeMap::new();
    for sink in sinks {
        if let Entry::Vacant(place) = first.entry(mark(sink)) {
            place.insert(tx.audit_after(mark(sink), 1)?.first().map(|row| Time(row.at)));
        }
    }
    Ok(sinks.iter().map(|sink| (*sink, first.get(&mark(sink)).copied().flatten())).collect())
}

/// What a command can read of the database, without a server and beside one, with what kept it from more. The store is closed
/// again before this returns: whoever wants to start a server meanwhile is not kept waiting.
pub async fn offline(
    settings: &Settings,
    random: &dyn Random,
) -> (Option<Configured>, Option<Records>, Option<Prf>, Vec<Finding>) {
    let nothing = |trouble: Vec<Finding>| (None, None, None, trouble);
    let address: DatabaseUrl = match settings.database.url.expose_secret().parse() {
        Ok(address) => address,
        Err(error) => return nothing(vec![found(&error)]),
    };
    // Nothing is made where there is nothing: neither a database nor, which would be worse, a master key.
    match examined(&address).await {
        Some(Ok(seen)) if seen.begun => {}
        // The check of the database says what it finds.
        _ => return nothing(Vec::new()),
    }
    let key = |why: String| DATABASE_KEY.found().with("why", why);
    let master = match settings.master_key.obtain(random) {
        Ok(master) => master,
        Err(error) => return nothing(vec![key(error.to_string())]),
    };
    let options = Options { connections: 1, exclusive: false, migrate: false, ..Options::default() };
    let prf = master.prf();
    let opened = super::aside(move || vestibule_store::open(&address, &master, &options)).await;
    let store: Arc<Store> = match opened {
        Some(Ok(store)) => store,
        // Said by the check of the database already.
        Some(Err(OpenError::Pending(_) | OpenError::Newer(_))) | None => return (None, None, Some(prf), Vec::new()),
        Some(Err(OpenError::OtherMasterKey)) => return nothing(vec![key(OpenError::OtherMasterKey.to_string())]),
        Some(Err(error)) => return nothing(vec![found(&error)]),
    };
    let default_chain = settings.default_chain.clone().unwrap_or_else(|| "default".into());
    let configured = store.read(move |tx: &mut Transaction| {
        let keys = tx.signing_keys()?.iter().map(vestibule_jose::StoredKey::meta).collect();
        Ok(Configured { clients: tx.clients()?, keys, default_chain: default_chain.clone() })
    });
    let configured = configured.await;
    let records = Records::read(&*store, &settings.audit, settings.dev, SystemClock::default().now()).await;
    let trouble = [configured.as_ref().err(), records.as_ref().err()].into_iter().flatten().next();
    let trouble = trouble.map(|error| DATABASE_DOWN.found().with("why", error)).into_iter().collect();
    (configured.ok(), records.ok(), Some(prf), trouble)
}

/// Looks at the database from outside, on a thread of its own.
pub(super) async fn examined(address: &DatabaseUrl) -> Option<Result<Examined, OpenError>> {
    let address = address.clone();
    let look = super::aside(move || vestibule_store::examine(&address));
    tokio::time::timeout(super::PATIENCE, look).await.ok().flatten()
}

/// The finding that an error of the database stands for. Its words never hold the address, which may hold a password.
pub(super) fn found(error: &OpenError) -> Finding {
    match error {
        OpenError::Address(why) => DATABASE_ADDRESS.found().with("why", why),
        OpenError::Damaged(why) => DATABASE_DAMAGED.found().with("why", why),
        other => DATABASE_DOWN.found().with("why", other),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use vestibule_authn_password::{HashParams, PoolSettings};
    use vestibule_core::random::SystemRandom;

    use super::*;
    use crate::{
        authenticators,
        config::{Flag, Sources},
    };

    /// The names of what was found.
    pub(in crate::doctor) fn keys(found: &[Finding]) -> Vec<&'static str> {
        found.iter().map(|finding| finding.outcome.key).collect()
    }

    /// A house to look at: the settings of a production server, and nothing in its database.
    pub(in crate::doctor) struct House {
        pub(in crate::doctor) settings: Settings,
        pub(in crate::doctor) sources: Vec<Setting>,
        pub(in crate::doctor) now: Time,
        pub(in crate::doctor) seat: Seat,
        pub(in crate::doctor) configured: Option<Configured>,
        pub(in crate::doctor) records: Option<Records>,
        pub(in crate::doctor) pool: HashPool,
        pub(in crate::doctor) prf: Prf,
        pub(in crate::doctor) channels: Channels,
        registry: Registry,
        _folder: tempfile::TempDir,
    }

    impl House {
        pub(in crate::doctor) fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let data = folder.path().join("data");
            std::fs::create_dir(&data).unwrap();
            let flags = [
                ("public_url", "https://auth.example.com".to_owned()),
                ("data_dir", data.display().to_string()),
                ("password.memory_kib", "19456".to_owned()),
            ];
            let flags = flags.iter().map(|(key, value)| Flag::new("--set", key, value)).collect();
            let settings = Settings::load(&Sources { flags, ..Sources::default() }).unwrap().settings;
            let params = HashParams { memory_kib: 64, passes: 1, lanes: 1 };
            let pool = HashPool::new(PoolSettings {
                params,
                threads: std::num::NonZeroUsize::MIN,
                deadline: Duration::from_secs(5),
                ..PoolSettings::default()
            })
            .unwrap();
            let registry = authenticators::registry(&pool, authenticators::party(&settings).unwrap()).unwrap();
            let master = vestibule_core::crypto::MasterKey::generate(&SystemRandom::default());
            let (clients, keys, default_chain) = (Vec::new(), Vec::new(), "default".into());
            Self {
                settings,
                sources: Vec::new(),
                now: Time::from_unix_seconds(1_795_442_570),
                seat: Seat::Server,
                configured: Some(Configured { clients, keys, default_chain }),
                records: Some(Records {
                    chains: Vec::new(),
                    connections: Vec::new(),
                    unused: Vec::new(),
                    unsealed: None,
                    sinks: Vec::new(),
                    passwords: Vec::new(),
                }),
                pool,
                prf: master.prf(),
                channels: Channels::default(),
                registry,
                _folder: folder,
            }
        }

        pub(in crate::doctor) fn patient(&self) -> Patient<'_> {
            Patient {
                settings: &self.settings,
                sources: &self.sources,
                seat: self.seat,
                now: self.now,
                arrived: None,
                registry: &self.registry,
                channels: &self.channels,
                pool: &self.pool,
                prf: Some(&self.prf),
                configured: self.configured.clone(),
                records: self.records.clone(),
                trouble: Vec::new(),
            }
        }
    }

    #[tokio::test]
    async fn where_there_is_nothing_nothing_is_made() {
        let house = House::new();
        let (configured, records, prf, trouble) = offline(&house.settings, &SystemRandom::default()).await;
        assert!(configured.is_none() && records.is_none() && prf.is_none() && trouble.is_empty(), "{trouble:?}");
        assert_eq!(std::fs::read_dir(&house.settings.data_dir).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_database_is_read_beside_a_server_and_let_go_again() {
        let house = House::new();
        let random = SystemRandom::default();
        let master = house.settings.master_key.obtain(&random).unwrap();
        let address = house.settings.database.url.expose_secret().parse().unwrap();
        let server = vestibule_store::open(&address, &master, &Options::default()).unwrap();
        let (configured, records, prf, trouble) = offline(&house.settings, &random).await;
        assert!(configured.is_some() && records.is_some() && prf.is_some() && trouble.is_empty(), "{trouble:?}");
        drop(server);
        drop(vestibule_store::open(&address, &master, &Options::default()).unwrap());
        std::fs::remove_file(house.settings.data_dir.join("master.key")).unwrap();
        let (.., trouble) = offline(&house.settings, &random).await;
        assert_eq!(keys(&trouble), ["database.key"], "a lost key is said, and not made anew");
        assert!(!house.settings.data_dir.join("master.key").exists());
    }
}
