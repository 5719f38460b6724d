//! The configuration as it is at one instant: clients, keys, documents. Immutable; a change makes a new one, and one `Arc` is
//! swapped. So no endpoint reads configuration from the database, and no request sees half of a change.

use std::{
    collections::HashMap,
    ops::Deref,
    sync::{Arc, RwLock},
};

use vestibule_core::{
    id::{ChainName, ClientId},
    store::{StoreError, StoreExt as _},
    time::Time,
};
use vestibule_jose::{KeyError, KeyRing, PublicKeys, StoredKey};

use crate::{
    discovery::Document,
    issuer::{Endpoints, Issuer},
    keys::{self, KeyRules},
    model::Client,
    store::Store,
};

/// What the configuration file says, as far as the protocol cares.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who we are.
    pub issuer: Issuer,
    /// The chain of clients that name none.
    pub default_chain: ChainName,
    /// What the operator decided about keys.
    pub keys: KeyRules,
    /// Whether people may create their own account.
    pub registration: bool,
}

/// A client, with what was parsed of it once.
#[derive(Debug)]
pub struct Registered {
    client: Client,
    keys: Option<PublicKeys>,
}

impl Registered {
    /// Parses what can be parsed once.
    pub fn new(client: Client) -> Self {
        let keys = client.jwks.as_ref().and_then(|jwks| match PublicKeys::from_jwks(jwks.to_string().as_bytes()) {
            Ok(keys) => Some(keys),
            Err(error) => {
                // It was refused when it was saved; whatever is there now verifies nothing.
                tracing::warn!(client = %client.id, %error, "the client's JWK Set is no use");
                None
            }
        });
        Self { client, keys }
    }

    /// Its public keys.
    pub fn keys(&self) -> Option<&PublicKeys> {
        self.keys.as_ref()
    }
}

impl Deref for Registered {
    type Target = Client;
    fn deref(&self) -> &Client {
        &self.client
    }
}

/// The configuration at one instant.
#[derive(Debug)]
pub struct Snapshot {
    settings: Settings,
    endpoints: Endpoints,
    clients: Arc<HashMap<ClientId, Arc<Registered>>>,
    keys: KeyRing,
    discovery: Document,
    version: i64,
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The database did not give it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A signing key cannot be read: a server that forgot one of its keys would refuse good tokens.
    #[error("a signing key cannot be read: {0}")]
    Key(#[from] KeyError),
}

impl Snapshot {
    /// A snapshot of these clients and keys.
    ///
    /// # Errors
    /// When a signing key cannot be read.
    pub fn new(
        settings: &Settings,
        clients: Vec<Client>,
        keys: &[StoredKey],
        version: i64,
        now: Time,
    ) -> Result<Self, KeyError> {
        let clients =
            clients.into_iter().map(|client| (client.id.clone(), Arc::new(Registered::new(client)))).collect();
        Ok(Self::of(settings.clone(), Arc::new(clients), KeyRing::new(keys, now.0)?, version))
    }

    fn of(settings: Settings, clients: Arc<HashMap<ClientId, Arc<Registered>>>, ring: KeyRing, version: i64) -> Self {
        let endpoints = Endpoints::of(&settings.issuer);
        let used = keys::policy(clients.values().map(|client| &client.client), &settings.keys).algorithms;
        let discovery = Document::new(&settings.issuer, &endpoints, &used, settings.registration);
        Self { settings, endpoints, clients, keys: ring, discovery, version }
    }

    /// Reads clients, keys and the version that they have, as of one instant.
    ///
    /// # Errors
    /// When the database does not give them, or a signing key cannot be read.
    pub async fn read(store: &Store, settings: &Settings, now: Time) -> Result<Self, SnapshotError> {
        let read = store.read(|tx| {
            let (version, closed) = (tx.configuration_version()?, tx.registration_closed()?);
            Ok((version, closed, tx.clients()?, tx.signing_keys()?))
        });
        let (version, closed, clients, keys) = read.await?;
        let settings = Settings { registration: settings.registration && !closed, ..settings.clone() };
        Ok(Self::new(&settings, clients, &keys, version, now)?)
    }

    /// The same with the keys as they stand at `now`, when that is a different thing: a handover happens by the clock.
    pub fn moved_to(&self, now: Time) -> Option<Self> {
        self.keys.changes_at().filter(|at| *at <= now.0)?;
        Some(Self::of(self.settings.clone(), Arc::clone(&self.clients), self.keys.at(now.0), self.version))
    }

    /// Who we are.
    pub fn issuer(&self) -> &Issuer {
        &self.settings.issuer
    }

    /// Where our endpoints are.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The client of that id, disabled or not.
    pub fn client(&self, id: &str) -> Option<&Arc<Registered>> {
        self.clients.get(id)
    }

    /// Every client, in no order.
    pub fn clients(&self) -> impl Iterator<Item = &Arc<Registered>> {
        self.clients.values()
    }

    /// Whether people may create their own account.
    pub fn registration(&self) -> bool {
        self.settings.registration
    }

    /// The chain that a client's people pass.
    pub fn chain(&self, client: &Client) -> ChainName {
        client.chain.clone().unwrap_or_else(|| self.settings.default_chain.clone())
    }

    /// The chain of clients that name none.
    pub fn default_chain(&self) -> &ChainName {
        &self.settings.default_chain
    }

    /// The signing keys, and the JWK Set ready to be sent.
    pub fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// The discovery document, ready to be sent.
    pub fn discovery(&self) -> &Document {
        &self.discovery
    }

    /// The version of the configuration that it was made from.
    pub fn version(&self) -> i64 {
        self.version
    }
}

/// The snapshot that holds now. Readers take the `Arc` and keep it for one request.
#[derive(Debug)]
pub struct Current(RwLock<Arc<Snapshot>>);

impl Current {
    /// Begins with `snapshot`.
    pub fn new(snapshot: Snapshot) -> Self {
        Self(RwLock::new(Arc::new(snapshot)))
    }

    /// The snapshot that holds now.
    pub fn get(&self) -> Arc<Snapshot> {
        match self.0.read() {
            Ok(current) => Arc::clone(&current),
            Err(poisoned) => Arc::clone(&poisoned.into_inner()),
        }
    }

    /// Puts another in its place.
    pub fn set(&self, snapshot: Snapshot) {
        let snapshot = Arc::new(snapshot);
        match self.0.write() {
            Ok(mut current) => *current = snapshot,
            Err(poisoned) => *poisoned.into_inner() = snapshot,
        }
    }
}
