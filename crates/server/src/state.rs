//! What every handler may use, made once when the server starts.

use std::sync::{Arc, OnceLock};

use actix_web::web::Bytes;
use ipnet::IpNet;
use url::Url;
use vestibule_authn_password::{HashPool, Policy};
use vestibule_authn_smsotp::Outbox;
use vestibule_core::{Clock, Engine, Time, budget::Limits, crypto::Prf, random::Random};
use vestibule_jose::VerifiedCache;
use vestibule_oauth::{access_token::AccessClaims, deps::Deps, issuer::Issuer, snapshot::Snapshot, store::Store};

use crate::{
    api::Rates,
    census::Census,
    config::{InvitationSettings, PolicySettings, PortalSettings, PostSettings, RegistrationSettings, Setting},
    configuration::Live,
    demo::Demo,
    handlers::health::Readiness,
    http::cookies::Cookies,
    pages::Pages,
    post,
    reset::Resets,
    tally::{Notes, latest::Latest},
};

/// A transaction of the database.
pub type Transaction = dyn vestibule_oauth::store::Tx;

/// What every handler may use.
pub struct State {
    /// Who we are to the world.
    pub public: Public,
    /// Our cookies.
    pub cookies: Cookies,
    /// Whose forwarding headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// The keyed hash of the master key.
    pub prf: Prf,
    /// How often things may be tried.
    pub limits: Limits,
    /// How often the API may be asked.
    pub api_rates: Rates,
    /// How large requests may be.
    pub sizes: Sizes,
    /// What happened since the last count and is in no log.
    pub notes: Notes,
    /// What became of messages today, for metrics.
    pub latest: Latest,
    /// When the certificate ends that this server shows; none where something else does the TLS.
    pub certificate_ends: Option<Time>,
    /// The database.
    pub store: Arc<Store>,
    /// Runs interactions.
    pub engine: Engine<Store>,
    /// Clients, chains, connections and keys.
    pub live: Live,
    /// Access tokens that were verified a moment ago.
    pub verified: VerifiedCache<AccessClaims>,
    /// Draws pages.
    pub pages: Pages,
    /// Whether to send people here.
    pub readiness: Readiness,
    /// The pool on which every password is hashed.
    pub hash_pool: HashPool,
    /// What a new password has to be.
    pub passwords: Policy,
    /// How many there are of each kind.
    pub census: Census,
    /// Those who have forgotten theirs.
    pub resets: Resets,
    /// The id of the service provider that the portal is.
    pub portal_client: String,
    /// What people may do there.
    pub portal: PortalSettings,
    /// How people become users by themselves.
    pub registration: RegistrationSettings,
    /// For how long an invitation stands.
    pub invitation: InvitationSettings,
    /// By what the server writes to people.
    pub post: PostSettings,
    /// The round of messages that is under way.
    pub round: post::Round,
    /// Whose pages may use the passkeys of this server, beside its own.
    pub related_origins: Vec<url::Url>,
    /// What every chain has to reach.
    pub policy: PolicySettings,
    /// What readers of the audit log share.
    pub audit: crate::admin::audit::Shared,
    /// What this server needs to look at itself.
    pub surgery: crate::admin::doctor::Surgery,
    /// Every setting with its source.
    pub sources: Vec<Setting>,
    /// The description of the admin API, made once somebody asks for it.
    pub openapi: OnceLock<Bytes>,
    /// What only a development server has.
    pub dev: Option<Dev>,
}

/// How large requests may be, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// A body.
    pub body: usize,
    /// The query of an address.
    pub query: usize,
}

/// What only a development server has.
pub struct Dev {
    /// Messages that were not sent but kept.
    pub outbox: Outbox,
    /// The built-in relying party.
    pub demo: Demo,
}

impl State {
    /// What the protocol needs of the world for one request, with the configuration as it is at its beginning.
    pub fn deps<'a>(&'a self, snapshot: &'a Snapshot) -> Deps<'a> {
        Deps {
            snapshot,
            store: &*self.store,
            prf: &self.prf,
            clock: &*self.clock,
            random: &*self.random,
            limits: &self.limits,
            verified: &self.verified,
        }
    }
}

/// Who we are to the world: always the configured address, never a `Host` header.
#[derive(Clone, Debug)]
pub struct Public {
    /// The issuer.
    pub issuer: Issuer,
    /// Scheme, host and port, as browsers write it in `Origin`.
    pub origin: String,
    /// The host, as people see it.
    pub host: String,
    /// Whether people come by https.
    pub https: bool,
}

impl Public {
    /// From the public URL and the issuer made of it.
    pub fn new(url: &Url, issuer: Issuer) -> Self {
        Self {
            issuer,
            origin: url.origin().ascii_serialization(),
            host: url.host_str().unwrap_or_default().to_owned(),
            https: url.scheme() == "https",
        }
    }

    /// A path of ours, below the path of the issuer.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.issuer.path())
    }

    /// A whole address of ours.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }
}
