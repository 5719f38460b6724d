//! The configuration that holds now: clients, chains, connections and keys, read from the database when its version has
//! moved, and swapped whole.
//!
//! Polling a number once a second was preferred to notifications: it is one query text for both databases, it cannot be
//! missed, and it keeps the promise of two seconds on every instance. A change made here is taken up at once.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use tokio::sync::{Mutex, Notify};
use vestibule_core::{
    channel::{Channel, Connection},
    engine::Configuration,
    id::{ChainName, ConnectionName},
    store::{StoreError, StoreExt as _},
};
use vestibule_jose::{Algorithm, SigningKey};
use vestibule_oauth::{
    keys::{self, KeyRules},
    snapshot::{Current, Settings, Snapshot, SnapshotError},
    store::Store,
};

use crate::{
    authenticators::Channels,
    config::KeySettings,
    http::cors::Origins,
    state::{State, Transaction},
};

/// How often the version is looked at.
const POLL: Duration = Duration::from_secs(1);
/// How often it is asked whether a key is due.
const ROTATE: Duration = Duration::from_secs(600);
/// How often rows are deleted whose time is over.
const SWEEP: Duration = Duration::from_secs(300);
/// So many rows of a kind at a time: a sweep must not hold up those who write.
const SWEPT_AT_ONCE: usize = 500;

/// The configuration that holds now.
pub struct Live {
    settings: Settings,
    channels: Channels,
    current: Arc<Current>,
    origins: RwLock<Arc<HashSet<String>>>,
    keys_are_there: AtomicBool,
    keys_came: Notify,
    keys_wanted: Notify,
    /// Held while the configuration is read and swapped: of two that do it at once, the slower one may have read the older
    /// one, and would bring it back.
    swapping: Mutex<()>,
}

impl Origins for Live {
    fn knows(&self, origin: &str) -> bool {
        self.origins.read().unwrap_or_else(PoisonError::into_inner).contains(origin)
    }
}

impl Live {
    /// Reads the configuration for the first time.
    ///
    /// # Errors
    /// When the database does not give it, or a signing key cannot be read.
    pub async fn first(
        store: &Store,
        settings: Settings,
        channels: Channels,
        now: vestibule_core::Time,
    ) -> Result<Self, SnapshotError> {
        let snapshot = Snapshot::read(store, &settings, now).await?;
        let origins = RwLock::new(Arc::new(origins(&snapshot)));
        let current = Arc::new(Current::new(snapshot));
        let live = Self {
            settings,
            channels,
            current,
            origins,
            keys_are_there: AtomicBool::new(false),
            keys_came: Notify::new(),
            keys_wanted: Notify::new(),
            swapping: Mutex::new(()),
        };
        live.look_at_keys();
        Ok(live)
    }

    /// The snapshot that holds now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.get()
    }

    /// The holder of the snapshot, for what outlives a request.
    pub fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current)
    }

    /// What builds channels from connections.
    pub fn channels(&self) -> &Channels {
        &self.channels
    }

    /// What an operator decided about keys.
    pub fn key_rules(&self) -> &KeyRules {
        &self.settings.keys
    }

    /// The chain of service providers that name none.
    pub fn default_chain(&self) -> &ChainName {
        &self.settings.default_chain
    }

    /// Whether there is a key for each algorithm in use.
    pub fn has_keys(&self) -> bool {
        self.keys_are_there.load(Ordering::Acquire)
    }

    /// Waits until there is a key for each algorithm in use: at the first start one is made while the server already
    /// answers. Gives up after ten seconds.
    pub async fn keys(&self) {
        let wait = async {
            loop {
                let came = self.keys_came.notified();
                if self.has_keys() {
                    return;
                }
                came.await;
            }
        };
        if !self.has_keys() && tokio::time::timeout(Duration::from_secs(10), wait).await.is_err() {
            tracing::error!("there is no signing key");
        }
    }

    fn set(&self, snapshot: Snapshot) {
        *self.origins.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(origins(&snapshot));
        self.current.set(snapshot);
        self.look_at_keys();
    }

    /// Once all keys of the first start are there, nobody waits any more. A client that wants another algorithm later has to
    /// wait for its key alone.
    fn look_at_keys(&self) {
        let snapshot = self.snapshot();
        let policy = keys::policy(snapshot.clients().map(|client| &***client), &self.settings.keys);
        if policy.algorithms.iter().all(|algorithm| snapshot.keys().current(*algorithm).is_some()) {
            self.keys_are_there.store(true, Ordering::Release);
            self.keys_came.notify_waiters();
        } else {
            self.keys_wanted.notify_one();
        }
    }
}

/// What the settings say about keys.
pub fn key_rules(settings: &KeySettings) -> KeyRules {
    KeyRules { algorithms: settings.algorithms.iter().copied().collect(), rotate_every: settings.rotate_after }
}

/// Where service providers in a browser may call from: the origins of their redirect URIs.
fn origins(snapshot: &Snapshot) -> HashSet<String> {
    let uris = snapshot.clients().filter(|client| !client.disabled).flat_map(|client| client.redirect_uris.iter());
    let urls = uris.filter_map(|uri| url::Url::parse(uri).ok());
    urls.filter(|url| matches!(url.scheme(), "http" | "https")).map(|url| url.origin().ascii_serialization()).collect()
}

/// Takes up the configuration as it stands in the database.
///
/// # Errors
/// When the database does not give it; what held before holds on.
pub async fn refresh(state: &State) -> Result<(), SnapshotError> {
    let _alone = state.live.swapping.lock().await;
    let snapshot = Snapshot::read(&*state.store, &state.live.settings, state.clock.now()).await?;
    load_engine(state).await?;
    state.live.set(snapshot);
    Ok(())
}

/// Gives the engine its chains, connections and channels.
///
/// # Errors
/// When the database does not give them.
pub async fn load_engine(state: &State) -> Result<(), StoreError> {
    let read = |tx: &mut Transaction| Ok((tx.published_chains()?, tx.connections()?));
    let (chains, connections) = state.store.read(read).await?;
    let channels = channels(&state.live.channels, &connections);
    state.engine.set_configuration(Configuration { chains, connections, channels });
    Ok(())
}

/// A connection that cannot be used gets no channel: every message by it is then refused, and the log says why.
fn channels(known: &Channels, connections: &[Connection]) -> HashMap<ConnectionName, Arc<dyn Channel>> {
    let usable = connections.iter().filter(|connection| !connection.disabled);
    let built = usable.filter_map(|connection| match known.build(connection, connections) {
        Ok(channel) => channel.map(|channel| (connection.name.clone(), channel)),
        Err(error) => {
            tracing::error!(connection = %connection.name, %error, "a connection cannot be used");
            None
        }
    });
    built.collect()
}

/// Keeps the configuration current as long as the server runs.
pub async fn keep_current(state: Arc<State>) {
    loop {
        tokio::time::sleep(POLL).await;
        if let Err(error) = poll(&state).await {
            tracing::warn!(%error, "the configuration could not be read again");
        }
    }
}

async fn poll(state: &State) -> Result<(), SnapshotError> {
    let snapshot = state.live.snapshot();
    let version = state.store.read(|tx: &mut Transaction| tx.configuration_version()).await?;
    if version != snapshot.version() {
        return refresh(state).await;
    }
    let _alone = state.live.swapping.lock().await;
    if let Some(moved) = state.live.snapshot().moved_to(state.clock.now()) {
        tracing::info!("a signing key changed its state");
        state.live.set(moved);
    }
    Ok(())
}

/// Makes, hands over and deletes keys as they become due, as long as the server runs. `early` are the keys of a first start.
pub async fn keep_keys(state: Arc<State>, early: Vec<JoinHandle<Option<SigningKey>>>) {
    let wait = move || early.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect();
    let mut stock: Vec<SigningKey> = tokio::task::spawn_blocking(wait).await.unwrap_or_default();
    loop {
        let (live, now) = (&state.live, state.clock.now());
        match keys::keep(&*state.store, &live.settings.keys, std::mem::take(&mut stock), now).await {
            Ok(true) => {
                tracing::info!("signing keys were made, handed over or deleted");
                if let Err(error) = refresh(&state).await {
                    tracing::warn!(%error, "new keys could not be read");
                }
            }
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "keys could not be kept in order"),
        }
        // A client may want an algorithm that there is no key for yet.
        let _ = tokio::time::timeout(ROTATE, live.keys_wanted.notified()).await;
    }
}

/// Makes the keys of a first start on threads of their own, while the database is still being made.
pub fn generate_early(algorithms: &BTreeSet<Algorithm>) -> Vec<JoinHandle<Option<SigningKey>>> {
    let make = |algorithm: &Algorithm| {
        let algorithm = *algorithm;
        std::thread::Builder::new()
            .name("first-key".to_owned())
            .spawn(move || SigningKey::generate(algorithm).ok())
            .ok()
    };
    algorithms.iter().filter_map(make).collect()
}

/// Deletes what ended, as long as the server runs.
pub async fn keep_swept(state: Arc<State>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let now = state.clock.now();
        loop {
            match state.store.write(move |tx: &mut Transaction| tx.sweep(now, SWEPT_AT_ONCE)).await {
                Ok(gone) if gone >= SWEPT_AT_ONCE => {}
                Ok(_) => break,
                Err(error) => {
                    tracing::warn!(%error, "old rows could not be deleted");
                    break;
                }
            }
        }
    }
}
