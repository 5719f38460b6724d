//! The whole server: built from settings and parts, then run until it is told to stop.
//!
//! The order of building is the order of what can go wrong for an operator: the master key, the database, the keys, the
//! pages, TLS, and last the listeners, so that nobody is answered by a server that cannot work. On an empty data folder the
//! first RSA key is made on a thread of its own meanwhile; whoever wants a key waits for it, and nobody else does.

use std::{
    future::Future,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use actix_web::{
    App, HttpServer,
    dev::Server,
    rt::{
        self,
        signal::unix::{SignalKind, signal},
    },
    web::Data,
};
use secrecy::ExposeSecret as _;
use vestibule_authn_passkey::NoParty;
use vestibule_authn_password::HashError;
use vestibule_authn_smsotp::Outbox;
use vestibule_core::{
    Clock, Engine,
    crypto::{MasterKey, Prf},
    engine,
    random::{Random, SystemRandom},
    store::StoreError,
    time::{SystemClock, Time},
};
use vestibule_jose::{SigningKey, VerifiedCache};
use vestibule_oauth::{Grants, Issuer, issuer::IssuerError, keys::KeyRules, snapshot::SnapshotError, store::Store};
use vestibule_store::{DatabaseUrl, OpenError, Options};

use crate::{
    admin::{audit::Shared, chains, doctor::Surgery},
    api::Rates,
    audit::{self, AuditLog, SinkError},
    authenticators::{self, Channels, NewPasswords},
    census::{self, Census},
    config::{
        Management, Setting, Settings, Tls,
        master_key::{MasterKeyError, private_folder},
    },
    configuration::{self, Live},
    console,
    demo::{self, Demo},
    dev::leftovers,
    handlers::health::Readiness,
    http::{
        certificate,
        cookies::Cookies,
        gate::Gate,
        tls::{self, TlsError},
    },
    pages::{Pages, PagesError},
    passwords, portal, post,
    rehearsal::Stage,
    reset::{self, Resets},
    routes,
    state::{Dev, Public, Sizes, State},
    tally::{self, Notes, latest::Latest},
};

/// How long an interaction waits for the person.
const INTERACTION_LIFE: Duration = Duration::from_secs(30 * 60);
/// Blocking work of a worker is rare (the store and the hashes have threads of their own).
const BLOCKING_THREADS: usize = 2;

/// What comes from outside of the settings; a test brings its own.
pub struct Parts {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// Where messages go in development.
    pub outbox: Option<Outbox>,
    /// A listener that is open already, instead of the address in the settings.
    pub listener: Option<TcpListener>,
    /// Every setting with its source, for the console to show.
    pub sources: Vec<Setting>,
}

impl Default for Parts {
    fn default() -> Self {
        let (clock, random) = (Arc::new(SystemClock::default()), Arc::new(SystemRandom::default()));
        Self { clock, random, outbox: None, listener: None, sources: Vec::new() }
    }
}

/// Why the server could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The public URL is no issuer.
    #[error("public_url: {0}")]
    Issuer(#[from] IssuerError),
    /// There is no master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The data folder cannot be made.
    #[error("{path}: {source}")]
    Folder {
        /// Where.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration in the database cannot be read.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Passkeys cannot be bound to the address.
    #[error("public_url: {0}")]
    Party(#[from] NoParty),
    /// Passwords cannot be hashed so.
    #[error("password: {0}")]
    Hash(#[from] HashError),
    /// What is asked of passwords cannot be looked up.
    #[error(transparent)]
    Passwords(#[from] passwords::PolicyError),
    /// A page cannot be drawn.
    #[error(transparent)]
    Pages(#[from] PagesError),
    /// A sink of the audit log cannot work.
    #[error("audit: {0}")]
    Audit(#[from] SinkError),
    /// There is no TLS.
    #[error("tls: {0}")]
    Tls(#[from] TlsError),
    /// The built-in relying party cannot be made.
    #[error("demo: {0}")]
    Demo(String),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl BuildError {
    /// The exit status of the process (`sysexits.h`).
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Open(OpenError::Locked(_)) => 75,
            Self::Open(OpenError::Unavailable(_))
            | Self::Store(StoreError::Unavailable(_) | StoreError::Conflict(_)) => 69,
            Self::Snapshot(SnapshotError::Store(StoreError::Unavailable(_) | StoreError::Conflict(_))) => 69,
            Self::Open(OpenError::Damaged(_)) | Self::Store(_) | Self::Snapshot(_) => 74,
            Self::Folder { .. } | Self::Listen { .. } | Self::MasterKey(MasterKeyError::Io { .. }) => 74,
            Self::Tls(TlsError::Io { .. }) | Self::Audit(SinkError::Io { .. }) => 74,
            _ => 78,
        }
    }
}

/// Where a server answers.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The public listener.
    pub public: SocketAddr,
    /// The management listener, if there is one.
    pub management: Option<SocketAddr>,
}

/// A server that is ready to run.
pub struct Application {
    state: Arc<State>,
    audit: Arc<AuditLog>,
    public: Server,
    management: Option<Server>,
    addresses: Addresses,
    drain: Duration,
    first_keys: Vec<JoinHandle<Option<SigningKey>>>,
}

impl Application {
    /// Builds a server. It answers once it is [run](Self::run).
    ///
    /// # Errors
    /// [`BuildError`], whose exit code tells an operator whose turn it is.
    pub async fn build(settings: Settings, parts: Parts) -> Result<Self, BuildError> {
        tls::install_provider();
        let issuer = Issuer::parse(settings.issuer())?;
        let public = Public::new(&settings.public_url, issuer);
        let folder = |source| BuildError::Folder { path: settings.data_dir.display().to_string(), source };
        private_folder(&settings.data_dir).map_err(folder)?;
        let rules = configuration::key_rules(&settings.keys);
        let first = settings.database.sqlite_file().is_some_and(|file| !file.exists());
        let first_keys = if first { configuration::generate_early(&rules.algorithms) } else { Vec::new() };
        let master = settings.master_key.obtain(&*parts.random)?;
        let (store, prf) = open(&settings, &master)?;
        let state =
            assemble(&settings, parts.clock, parts.random, parts.outbox, parts.sources, public, store, prf, rules)
                .await?;
        if !settings.dev {
            leftovers::warn(&state).await;
        }
        let audit = AuditLog::new(&settings.audit, Arc::clone(&state.store), state.prf.clone(), &state.clock)?;
        let audit = Arc::new(audit);
        let (public, management, addresses) = listen(&settings, parts.listener, &state)?;
        let drain = settings.limits.drain;
        Ok(Self { state: state.into_inner(), audit, public, management, addresses, drain, first_keys })
    }

    /// Where it answers; with port 0 in the settings, the port that it got.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// What its handlers use.
    pub fn state(&self) -> Arc<State> {
        Arc::clone(&self.state)
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// # Errors
    /// When the listener fails, or no signal can be waited for.
    pub async fn run(self) -> std::io::Result<()> {
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let told = async move {
            std::future::poll_fn(|cx| match (term.poll_recv(cx), int.poll_recv(cx)) {
                (std::task::Poll::Pending, std::task::Poll::Pending) => std::task::Poll::Pending,
                _ => std::task::Poll::Ready(()),
            })
            .await;
        };
        self.run_until(told).await
    }

    /// Runs until `told` says to stop. Then `ready` says no, nobody new is taken, and who is being answered is answered.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run_until(self, told: impl Future<Output = ()> + 'static) -> std::io::Result<()> {
        let Self { state, audit, public, management, addresses, drain, first_keys } = self;
        let stop_management = management.as_ref().map(Server::handle);
        if let Some(management) = management {
            rt::spawn(management);
        }
        rt::spawn(configuration::keep_keys(Arc::clone(&state), first_keys));
        rt::spawn(configuration::keep_current(Arc::clone(&state)));
        rt::spawn(configuration::keep_swept(Arc::clone(&state)));
        rt::spawn(tally::keep_counted(Arc::clone(&state)));
        rt::spawn(tally::alarm::keep_watched(Arc::clone(&state)));
        rt::spawn(census::keep_counted(Arc::clone(&state)));
        rt::spawn(reset::keep_answered(Arc::clone(&state)));
        rt::spawn(post::keep_delivered(Arc::clone(&state)));
        rt::spawn(post::notices::keep_told(Arc::clone(&state)));
        audit.start();
        let stop = public.handle();
        let stopping = Arc::clone(&state);
        rt::spawn(async move {
            told.await;
            tracing::info!("stopping");
            stopping.readiness.drain();
            let began = Instant::now();
            stop.stop(true).await;
            tracing::info!(took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX), "stopped");
        });
        tracing::info!(address = %addresses.public, issuer = %state.public.issuer, drain_s = drain.as_secs(), "listening");
        let ended = public.await;
        if let Some(management) = stop_management {
            management.stop(false).await;
        }
        audit.close().await;
        post::close(&state).await;
        if let Err(error) = tally::count(&state).await {
            tracing::warn!(%error, "what happened last could not be counted; what is in the log is counted after the next start");
        }
        ended
    }
}

fn open(settings: &Settings, master: &MasterKey) -> Result<(Arc<Store>, Prf), BuildError> {
    let address = settings.database.url.expose_secret().parse::<DatabaseUrl>()?;
    let options = Options { connections: settings.database.pool_size, ..Options::default() };
    let store = Arc::new(Stage(vestibule_store::open(&address, master, &options)?));
    Ok((store, master.prf()))
}

#[expect(clippy::too_many_arguments, reason = "each is a part of the state, named where it is made")]
async fn assemble(
    settings: &Settings,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    outbox: Option<Outbox>,
    sources: Vec<Setting>,
    public: Public,
    store: Arc<Store>,
    prf: Prf,
    rules: KeyRules,
) -> Result<Data<State>, BuildError> {
    let default_chain = settings.default_chain.clone().unwrap_or_else(|| "default".into());
    // The chain of the demo comes with its people.
    let usual = (!settings.dev).then(|| default_chain.clone());
    let registration = settings.registration.enabled;
    let protocol =
        vestibule_oauth::Settings { issuer: public.issuer.clone(), default_chain, keys: rules, registration };
    portal::ensure(&*store, &settings.portal_client, usual.as_ref(), &public, clock.now()).await?;
    console::ensure(&*store, &public, &random, clock.now()).await?;
    if settings.dev {
        demo::ensure(&*store, &public).await?;
    }
    let channels = Channels { outbox: outbox.clone(), ..Channels::default() };
    let live = Live::first(&*store, protocol, channels, clock.now()).await?;
    let hash_pool = authenticators::hash_pool(&settings.password, Arc::clone(&random))?;
    let passwords = passwords::policy(&settings.password.rules, &public.host)?;
    let rules = NewPasswords { policy: passwords.clone(), change_known: settings.password.rules.change_known };
    let registry = authenticators::registry_with(&hash_pool, authenticators::party(settings)?, rules)?;
    let pages = Pages::new(&registry, None)?;
    let grants = Grants::new(live.current(), prf.clone(), Arc::clone(&random));
    let engine_parts = engine::Parts {
        registry,
        prf: prf.clone(),
        clock: Arc::clone(&clock),
        random: Arc::clone(&random),
        limits: settings.limits.budgets.clone(),
        session_life: settings.session,
        interaction_life: INTERACTION_LIFE,
        host: public.host.clone(),
        interactions: public.url("/interaction"),
    };
    let dev = match (settings.dev, outbox) {
        (true, Some(outbox)) => Some(Dev { outbox, demo: Demo::new(&public).map_err(BuildError::Demo)? }),
        _ => None,
    };
    let certificate_ends = certificate_ends(settings, &public.host)?;
    let state = Data::new(State {
        cookies: Cookies::new(public.https),
        public,
        trusted_proxies: settings.trusted_proxies.clone(),
        clock,
        random,
        prf,
        limits: settings.limits.budgets.clone(),
        api_rates: Rates::new(settings.limits.api),
        sizes: Sizes { body: settings.limits.body, query: settings.limits.query },
        notes: Notes::default(),
        latest: Latest::default(),
        certificate_ends,
        engine: Engine::new(Arc::clone(&store), Arc::new(grants), engine_parts),
        store,
        live,
        verified: VerifiedCache::default(),
        pages,
        readiness: Readiness::default(),
        hash_pool,
        passwords,
        census: Census::default(),
        resets: Resets::new(settings.password.reset),
        portal_client: settings.portal_client.clone(),
        portal: settings.portal,
        registration: settings.registration.clone(),
        invitation: settings.invitation,
        post: settings.post.clone(),
        round: post::Round::default(),
        related_origins: settings.passkey.related_origins.clone(),
        policy: settings.policy.clone(),
        audit: Shared::new(audit::sinks(&settings.audit)),
        surgery: Surgery::new(settings),
        sources,
        openapi: std::sync::OnceLock::new(),
        dev,
    });
    configuration::load_engine(&state).await?;
    for chain in chains::below_floor(&state).await? {
        tracing::warn!(%chain, "this chain is weaker than policy.floor: it goes on as it is, and is not published again");
    }
    Ok(state)
}

type Listening = (Server, Option<Server>, Addresses);

fn listen(settings: &Settings, given: Option<TcpListener>, state: &Data<State>) -> Result<Listening, BuildError> {
    let listener = match given {
        Some(listener) => listener,
        None => bind(settings.listen)?,
    };
    let public_address = listener.local_addr().unwrap_or(settings.listen);
    let limits = &settings.limits;
    let workers = limits.workers.or_else(|| std::thread::available_parallelism().ok().map(Into::into)).unwrap_or(1);
    let app = state.clone();
    let server = HttpServer::new(move || {
        App::new().app_data(app.clone()).wrap(Gate(app.clone())).configure(|c| routes::public(c, &app))
    })
    .workers(workers)
    .worker_max_blocking_threads(BLOCKING_THREADS)
    .max_connections(limits.connections)
    .client_request_timeout(limits.request_timeout)
    .client_disconnect_timeout(Duration::from_secs(1))
    .keep_alive(limits.keep_alive)
    .shutdown_timeout(limits.drain.as_secs())
    .disable_signals();
    let wrong = |address| move |source| BuildError::Listen { address, source };
    let server = match tls_config(settings, &state.public.host)? {
        Some(config) => server.listen_rustls_0_23(listener, config),
        None => server.listen(listener),
    };
    let public = server.map_err(wrong(public_address))?.run();
    let (management, management_address) = match settings.management {
        Management::Off => (None, None),
        Management::On(address) => {
            let listener = bind(address)?;
            let address = listener.local_addr().unwrap_or(address);
            let app = state.clone();
            let server = HttpServer::new(move || App::new().app_data(app.clone()).configure(routes::management));
            let server = server.workers(1).worker_max_blocking_threads(1).max_connections(64).disable_signals();
            (Some(server.listen(listener).map_err(wrong(address))?.run()), Some(address))
        }
    };
    Ok((public, management, Addresses { public: public_address, management: management_address }))
}

fn bind(address: SocketAddr) -> Result<TcpListener, BuildError> {
    TcpListener::bind(address).map_err(|source| BuildError::Listen { address, source })
}

/// When the certificate ends that the listener shows.
fn certificate_ends(settings: &Settings, host: &str) -> Result<Option<Time>, TlsError> {
    let file = match &settings.tls {
        None => return Ok(None),
        Some(Tls::Files { certificate, .. }) => certificate.clone(),
        Some(Tls::SelfSigned) => tls::self_signed(&settings.data_dir, host)?.0,
    };
    Ok(certificate::ends(&file))
}

fn tls_config(settings: &Settings, host: &str) -> Result<Option<rustls::ServerConfig>, TlsError> {
    let files = |certificate: &Path, key: &Path| tls::server_config(certificate, key).map(Some);
    match &settings.tls {
        None => Ok(None),
        Some(Tls::Files { certificate, key }) => files(certificate, key),
        Some(Tls::SelfSigned) => {
            let (certificate, key) = tls::self_signed(&settings.data_dir, host)?;
            files(&certificate, &key)
        }
    }
}
