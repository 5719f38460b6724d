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

use tokio::sync::Notify;
use vestibule_core::{
    channel::{Channel, Connection},
    engine::Configuration,
    id::ConnectionName,
    store::{StoreError, StoreExt as _},
};
use vestibule_jose::{
    Algorithm, KeyError, RotationPolicy, SigningKey, StoredKey,
    rotation::{self, Action, Change},
};
use vestibule_oauth::{
    snapshot::{Current, Settings, Snapshot, SnapshotError},
    store::Store,
};

use crate::{
    authenticators::Channels,
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
/// No access or ID token lives longer.
const LONGEST_TOKEN_LIFE: Duration = Duration::from_secs(24 * 3600);

/// The configuration that holds now.
pub struct Live {
    settings: Settings,
    policy: RotationPolicy,
    channels: Channels,
    current: Arc<Current>,
    origins: RwLock<Arc<HashSet<String>>>,
    keys_are_there: AtomicBool,
    keys_came: Notify,
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
        policy: RotationPolicy,
        channels: Channels,
        now: vestibule_core::Time,
    ) -> Result<Self, SnapshotError> {
        let snapshot = Snapshot::read(store, &settings, now).await?;
        let origins = RwLock::new(Arc::new(origins(&snapshot)));
        let current = Arc::new(Current::new(snapshot));
        let live = Self {
            settings,
            policy,
            channels,
            current,
            origins,
            keys_are_there: AtomicBool::new(false),
            keys_came: Notify::new(),
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

    fn look_at_keys(&self) {
        let snapshot = self.snapshot();
        if self.policy.algorithms.iter().all(|algorithm| snapshot.keys().current(*algorithm).is_some()) {
            self.keys_are_there.store(true, Ordering::Release);
            self.keys_came.notify_waiters();
        }
    }
}

/// The rotation of this server's keys.
pub fn rotation_policy(settings: &crate::config::KeySettings) -> RotationPolicy {
    let policy = RotationPolicy::new(settings.algorithms.iter().copied(), LONGEST_TOKEN_LIFE);
    RotationPolicy { rotate_every: settings.rotate_after, ..policy }
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
    let built = usable.filter_map(|connection| match known.build(connection) {
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
    if let Some(moved) = snapshot.moved_to(state.clock.now()) {
        tracing::info!("a signing key changed its state");
        state.live.set(moved);
    }
    Ok(())
}

/// Makes, hands over and deletes keys as they become due, as long as the server runs. `early` are the keys of a first start.
pub async fn keep_keys(state: Arc<State>, early: Vec<JoinHandle<Option<SigningKey>>>) {
    let wait = move || early.into_iter().filter_map(|thread| thread.join().ok().flatten()).collect();
    let mut made: Vec<SigningKey> = tokio::task::spawn_blocking(wait).await.unwrap_or_default();
    loop {
        match rotate(&state, std::mem::take(&mut made)).await {
            Ok(true) => {
                if let Err(error) = refresh(&state).await {
                    tracing::warn!(%error, "new keys could not be read");
                }
            }
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "keys could not be rotated"),
        }
        tokio::time::sleep(ROTATE).await;
    }
}

/// Why keys could not be rotated.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The work was stopped.
    #[error("the server is stopping")]
    Stopped,
}

/// Does what is due; whether anything was. Keys are made before the transaction, since an RSA key takes a while; what is due
/// is decided inside it, so that instances that start together make one set.
async fn rotate(state: &State, mut made: Vec<SigningKey>) -> Result<bool, RotationError> {
    let now = state.clock.now().0;
    let stored = state.store.read(|tx: &mut Transaction| tx.signing_keys()).await?;
    let due = due(&stored, &state.live.policy, now);
    if due.is_empty() {
        return Ok(false);
    }
    for action in &due {
        if let Action::Generate { algorithm, .. } = action
            && !made.iter().any(|key| key.algorithm() == *algorithm)
        {
            made.push(generate(*algorithm).await?);
        }
    }
    let policy = state.live.policy.clone();
    let work = move |tx: &mut Transaction| {
        let stored = tx.signing_keys()?;
        let due = self::due(&stored, &policy, now);
        let make = |algorithm| {
            made.iter().find(|key| key.algorithm() == algorithm).cloned().ok_or(KeyError::Generate(algorithm))
        };
        let damaged = |error: KeyError| StoreError::Damaged(error.to_string());
        for change in rotation::carry_out(&due, &stored, now, make).map_err(damaged)? {
            match change {
                Change::Put(key) => tx.put_signing_key(&key)?,
                Change::Delete(id) => tx.delete_signing_key(id.as_str())?,
            }
        }
        Ok(())
    };
    state.store.write(work).await?;
    tracing::info!(actions = due.len(), "signing keys were rotated");
    Ok(true)
}

fn due(stored: &[StoredKey], policy: &RotationPolicy, now: i64) -> Vec<Action> {
    let metas: Vec<_> = stored.iter().map(StoredKey::meta).collect();
    rotation::due(&metas, policy, now)
}

async fn generate(algorithm: Algorithm) -> Result<SigningKey, RotationError> {
    let made = tokio::task::spawn_blocking(move || SigningKey::generate(algorithm)).await;
    Ok(made.map_err(|_| RotationError::Stopped)??)
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
