//! A workshop on a new store, for tests.

use std::{path::Path, sync::Arc};

use vestibule_authn_password::{HashParams, HashPool, Policy, PoolSettings};
use vestibule_authn_smsotp::Outbox;
use vestibule_core::{
    audit::{AuditEvent, page::AuditFilter},
    crypto::MasterKey,
    random::SystemRandom,
    store::StoreExt as _,
    time::SystemClock,
};

use super::*;
use crate::authenticators::{self, Channels};

pub(crate) fn environment(name: &str) -> Option<String> {
    let value = match name {
        "API_KEY" => "gateway-key-3141592653",
        "SHOP_SECRET" => "shop-secret-2718281828459045",
        "ALICE" => "correct horse battery staple",
        "ANOTHER" => "another horse, another battery",
        "SHORT" => "short",
        "NAMED" => "robert-1984",
        _ => return None,
    };
    Some(value.to_owned())
}

pub(crate) struct Bench {
    pub(crate) workshop: Workshop,
    _folder: tempfile::TempDir,
}

/// A console whose only owner is `root`.
const CONSOLE: &str = r#"
[[chain]]
name = "admin"
steps = [["password"]]

[[client]]
id = "admin-console"
auth = "none"
redirect_uris = ["https://auth.example.com/admin/callback"]
chain = "admin"

[[user]]
username = "root"
roles = ["vestibule:owner", "x"]
password = { env = "ALICE" }
"#;

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let random = Arc::new(SystemRandom::default());
        let key = MasterKey::generate(random.as_ref());
        let address = format!("sqlite:{}", folder.path().join("v.db").display()).parse().unwrap();
        let store = vestibule_store::open(&address, &key, &vestibule_store::Options::default()).unwrap();
        let params = HashParams { memory_kib: 1024, passes: 1, lanes: 1 };
        let pool = HashPool::new(PoolSettings { params, ..PoolSettings::default() }).unwrap();
        let clock = Arc::new(SystemClock::default());
        let party = vestibule_authn_passkey::Party::new(&"https://auth.example.com".parse().unwrap(), &[]).unwrap();
        let workshop = Workshop {
            store,
            registry: authenticators::registry(&pool, party).unwrap(),
            pool,
            prf: key.prf(),
            clock: clock.clone(),
            random,
            floor: Vec::new(),
            host: "auth.example.com".to_owned(),
            channels: Channels { outbox: Some(Outbox::new(clock)), ..Channels::default() },
        };
        Self { workshop, _folder: folder }
    }

    pub(crate) fn read(&self, text: &str) -> Result<Declaration, Problems> {
        let checks = Checks {
            registry: &self.workshop.registry,
            environment: &environment,
            passwords: Some(&Policy::default()),
        };
        read_text("v.toml", text, Path::new("."), &checks)
    }

    /// What is wrong with a declaration; empty when nothing is.
    pub(crate) async fn wrong(&self, text: &str) -> String {
        match self.read(text) {
            Err(problems) => problems.to_string(),
            Ok(declaration) => {
                let options = Options { dry_run: true, ..Options::default() };
                apply(&self.workshop, &declaration, &options)
                    .await
                    .err()
                    .map(|error| error.to_string())
                    .unwrap_or_default()
            }
        }
    }

    pub(crate) async fn with_console() -> Self {
        let bench = Self::new();
        bench.apply(CONSOLE).await;
        bench
    }

    /// What the audit log says, oldest first; of one instant by kind.
    pub(crate) async fn audit(&self) -> Vec<AuditEvent> {
        let read = |tx: &mut crate::state::Transaction| tx.audit_page(&AuditFilter::default(), None, 1000);
        let page = self.workshop.store.read(read).await.unwrap();
        let mut events: Vec<_> = page.entries.into_iter().map(|entry| entry.event).collect();
        // Those of one instant are in no order.
        events.sort_by(|a, b| (a.at, &a.kind).cmp(&(b.at, &b.kind)));
        events
    }

    pub(crate) async fn apply(&self, text: &str) -> Diff {
        self.apply_with(text, &Options::default()).await
    }

    pub(crate) async fn apply_with(&self, text: &str, options: &Options) -> Diff {
        let declaration = self.read(text).unwrap_or_else(|problems| panic!("{problems}"));
        apply(&self.workshop, &declaration, options).await.unwrap_or_else(|error| panic!("{error}"))
    }

    pub(crate) async fn version(&self) -> i64 {
        self.workshop.store.read(|tx| tx.configuration_version()).await.unwrap()
    }
}
