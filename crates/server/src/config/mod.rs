//! The settings of a server: one TOML file, over it the environment, over that the flags.
//!
//! `VESTIBULE_SECTION__KEY` is `section.key`; any leaf may be given by `<key>_file`, the path of a file that holds it, in
//! the TOML file and in the environment alike. Unknown keys are errors that name the nearest known one. Everything that
//! is wrong is said at once, with its place and with what to do.
//!
//! A library that merges layers into a struct (figment, config) was not taken: it loses the line of the file, stops at
//! the first error, and knows no nearest key.

mod audit;
mod database;
mod keys;
mod layers;
mod leaf;
mod limits;
mod log;
pub mod master_key;
mod nearest;
mod network;
mod passkey;
mod password;
mod policy;
mod portal;
mod post;
mod problem;
mod reader;
mod registration;
mod schema;
mod session;
#[cfg(test)]
mod tests;
pub mod tree;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use url::Url;
use vestibule_core::{id::ChainName, session::SessionLife};

pub use audit::{AuditSettings, HttpSinkSettings};
pub use database::Database;
pub use keys::KeySettings;
pub use layers::Flag;
pub use leaf::{Leaf, Size};
pub use limits::{ApiLimits, LimitSettings};
pub use log::{LogFormat, LogSettings};
pub use master_key::MasterKeySource;
pub use nearest::nearest;
pub use network::{Management, Tls, is_loopback};
pub use passkey::PasskeySettings;
pub(crate) use password::FLOOR_KIB;
pub use password::{PasswordRules, PasswordSettings};
pub use policy::PolicySettings;
pub use portal::PortalSettings;
pub use post::PostSettings;
pub use problem::{Problem, Problems};
pub use reader::{Reader, Report, Setting};
pub use registration::{InvitationSettings, Proves, RegistrationSettings};
pub use schema::{Described, Shape};

/// The settings of a server, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The address that people and clients use: the issuer. Its text has no slash at the end.
    pub public_url: Url,
    /// Where the server listens.
    pub listen: SocketAddr,
    /// Where probes and metrics are answered.
    pub management: Management,
    /// The folder for the database and the master key, unless they are elsewhere.
    pub data_dir: PathBuf,
    /// The database.
    pub database: Database,
    /// Where the master key comes from.
    pub master_key: MasterKeySource,
    /// TLS, if the server speaks it itself.
    pub tls: Option<Tls>,
    /// Addresses whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The log.
    pub log: LogSettings,
    /// Who is given the events of the audit log.
    pub audit: AuditSettings,
    /// Budgets, sizes and times.
    pub limits: LimitSettings,
    /// How long sessions live.
    pub session: SessionLife,
    /// How passwords are hashed.
    pub password: PasswordSettings,
    /// Whose pages may use the passkeys of this server.
    pub passkey: PasskeySettings,
    /// What every chain has to reach.
    pub policy: PolicySettings,
    /// Signing keys.
    pub keys: KeySettings,
    /// The chain of service providers that name none.
    pub default_chain: Option<ChainName>,
    /// Development mode: loopback only, an outbox instead of gateways, a banner on every page.
    pub dev: bool,
    /// Whether people may manage themselves at `/portal`, and the id of the service provider that the portal is.
    pub portal_client: String,
    /// What people may do there.
    pub portal: PortalSettings,
    /// Whether people may create their own account.
    pub registration: RegistrationSettings,
    /// For how long an invitation stands.
    pub invitation: InvitationSettings,
    /// By what the server writes to people.
    pub post: PostSettings,
}

/// Where settings come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file; none is the same as an empty one.
    pub file: Option<PathBuf>,
    /// The environment.
    pub environment: Vec<(String, String)>,
    /// The flags.
    pub flags: Vec<Flag>,
}

/// Settings, and where each comes from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Every setting with its source, in the order of the reference.
    pub sources: Vec<Setting>,
}

impl Settings {
    /// Reads the settings from `sources`.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place and with what to do.
    pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
        let mut table = match &sources.file {
            Some(path) => tree::parse(&path.display().to_string(), &read_file(path)?)?,
            None => tree::Table::new(),
        };
        layers::environment(&mut table, sources.environment.iter().cloned())?;
        layers::flags(&mut table, sources.flags.iter().cloned())?;
        Self::read(&table)
    }

    fn read(table: &tree::Table) -> Result<Loaded, Problems> {
        let report = Report::default();
        let reader = Reader::new(table, &report);
        let settings = Self::from_reader(&reader);
        reader.finish();
        let sources = report.finish()?;
        match settings {
            Some(settings) => Ok(Loaded { settings, sources }),
            None => {
                let place = tree::Place::Default;
                Err(Problem::new(place, "", "the settings are not complete", "Set what is missing.").into())
            }
        }
    }

    /// The JSON Schema of a settings file, from what the readers ask for, and the reference's words for it.
    pub fn schema() -> serde_json::Value {
        let (table, report) = (tree::Table::new(), Report::default());
        // What is missing is not the matter here.
        drop(Self::from_reader(&Reader::new(&table, &report)));
        report.described().document("vestibule.toml", &schema::meanings())
    }

    fn from_reader(reader: &Reader<'_>) -> Option<Self> {
        let dev = reader.leaf("dev", false);
        let listen = reader.leaf("listen", SocketAddr::from(([127, 0, 0, 1], 8080)));
        let data_dir = reader.leaf("data_dir", PathBuf::from(if dev { ".vestibule-dev" } else { "vestibule-data" }));
        let public_url = network::public_url(reader, dev, listen);
        let management = network::management(reader, dev);
        let tls = reader.section("tls", |tls| network::tls(tls, listen));
        let trusted_proxies = reader.list("trusted_proxies").unwrap_or_default();
        let database = reader.section("database", |section| database::read(section, &data_dir));
        let master_key = master_key::read(reader, &data_dir, &database);
        network::check(reader, public_url.as_ref(), listen, tls.is_some(), &trusted_proxies, dev);
        Some(Self {
            log: reader.section("log", log::read),
            audit: reader.section("audit", audit::read),
            limits: reader.section("limits", |section| limits::read(section, dev)),
            session: reader.section("session", session::read),
            password: reader.section("password", |section| password::read(section, dev)),
            passkey: reader.section("passkey", passkey::read),
            policy: reader.section("policy", policy::read),
            keys: reader.section("keys", keys::read),
            default_chain: reader.optional::<String>("default_chain").map(ChainName::from),
            portal_client: reader.leaf("portal_client", "userportal".to_owned()),
            portal: reader.section("portal", portal::read),
            registration: reader.section("registration", registration::read),
            invitation: reader.section("invitation", registration::invitation),
            post: reader.section("post", post::read),
            public_url: public_url?,
            listen,
            management,
            data_dir,
            database: database?,
            master_key: master_key?,
            tls,
            trusted_proxies,
            dev,
        })
    }

    /// The issuer: the public URL without a slash at its end (OpenID Connect Discovery, section 4.1 appends to it).
    pub fn issuer(&self) -> &str {
        self.public_url.as_str().trim_end_matches('/')
    }
}

fn read_file(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|error| {
        let place = tree::Place::Default;
        let what = format!("cannot read {}: {error}", path.display());
        Problem::new(place, "", what, "Name the file with --config FILE or VESTIBULE_CONFIG.")
    })
}
