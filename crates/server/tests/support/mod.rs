//! A whole server for a test: real HTTP on a port of its own, a database of its own, a clock that the test moves, and an
//! outbox instead of a gateway.
//!
//! `TestApp`, `Browser`, `SmsInbox` and the builders of users and service providers, so that a test reads as a story.

#![allow(dead_code, reason = "each test uses a part of this")]
#![allow(missing_docs, unreachable_pub, reason = "support of tests")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

pub mod browser;
pub mod html;

use std::{net::TcpListener, sync::Arc, thread::JoinHandle, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use vestibule_authn_smsotp::Outbox;
use vestibule_core::{
    Clock,
    budget::Rule,
    chain::ChainDocument,
    id::{CredentialId, UserId},
    random::SystemRandom,
    session::SessionLife,
    store::StoreExt as _,
    testing::FakeClock,
    user::{Credential, LoginName, User},
};
use vestibule_jose::Algorithm;
use vestibule_oauth::model::{Client, HashedSecret};
use vestibule_server::{
    Addresses, Application, Parts,
    config::{
        ApiLimits, Database, InvitationSettings, KeySettings, LimitSettings, LogFormat, LogSettings, Management,
        MasterKeySource, PasskeySettings, PasswordRules, PasswordSettings, PolicySettings, PortalSettings,
        RegistrationSettings, Settings,
    },
    configuration,
    state::{State, Transaction},
};

pub use browser::{Browser, Page};

/// Where the test application is answered. Nothing listens there: a browser stops in front of it.
pub const CALLBACK: &str = "https://shop.example/callback";
pub const VERIFIER: &str = "correct-horse-battery-staple-correct-horse-battery-staple";
pub const PHONE: &str = "+491701234567";

/// A running server.
pub struct TestApp {
    pub url: String,
    pub clock: Arc<FakeClock>,
    pub outbox: Outbox,
    pub state: Arc<State>,
    pub addresses: Addresses,
    pub settings: Settings,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    folder: tempfile::TempDir,
}

impl TestApp {
    /// A server as under `serve`, with a chain `default` of password and SMS code, and the service provider `shop`.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A development server.
    pub async fn start_dev() -> Self {
        Self::start_with(|settings| settings.dev = true).await
    }

    /// The same with other settings.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut settings = settings(folder.path(), listener.local_addr().unwrap().port());
        change(&mut settings);
        let clock = Arc::new(FakeClock::default());
        let outbox = Outbox::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let app = Self::launch(settings, clock, outbox, listener, folder).await;
        app.seed().await;
        app
    }

    /// A second instance of this server: on the same database, with the same master key, clock and outbox. Only PostgreSQL
    /// has room for two.
    pub async fn beside(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let settings = Settings { data_dir: folder.path().to_owned(), ..self.settings.clone() };
        Self::launch(settings, Arc::clone(&self.clock), self.outbox.clone(), listener, folder).await
    }

    /// Stops, and starts again on the same database, behind another port.
    pub async fn restarted(mut self) -> Self {
        let folder = std::mem::replace(&mut self.folder, tempfile::tempdir().unwrap());
        let (settings, clock, outbox) = (self.settings.clone(), Arc::clone(&self.clock), self.outbox.clone());
        drop(self);
        // A worker that is still on its way out holds the database file a moment longer.
        if let Ok(lock) = std::fs::File::open(folder.path().join("vestibule.db.lock")) {
            lock.lock().unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self::launch(settings, clock, outbox, listener, folder).await
    }

    async fn launch(
        settings: Settings,
        clock: Arc<FakeClock>,
        outbox: Outbox,
        listener: TcpListener,
        folder: tempfile::TempDir,
    ) -> Self {
        let parts = Parts {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            random: Arc::new(SystemRandom::default()),
            outbox: Some(outbox.clone()),
            listener: Some(listener),
            sources: Vec::new(),
        };
        let (url, kept) = (settings.issuer().to_owned(), settings.clone());
        let (built, ready) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let application = Application::build(settings, parts).await.unwrap();
                built.send((application.state(), application.addresses().clone())).ok().unwrap();
                let told = async move {
                    let _ = stopped.await;
                };
                application.run_until(told).await.unwrap();
            });
        });
        let (state, addresses) = ready.await.expect("the server was built");
        Self { url, clock, outbox, state, addresses, settings: kept, stop: Some(stop), thread: Some(thread), folder }
    }

    async fn seed(&self) {
        self.connection("SMSOTP", json!({ "preset": "outbox" })).await;
        let sms = json!({ "authenticator": "smsotp", "connection": "SMSOTP" });
        self.chain("default", json!([["password"], [sms]])).await;
        self.client(json!({ "id": "shop", "name": "Shop", "redirect_uris": [CALLBACK], "consent": "skip" })).await;
        self.portal_obeys(None).await;
        self.state.live.keys().await;
    }

    /// As SIGTERM does; the server goes on until who is being answered is answered.
    pub fn tell_to_stop(&mut self) {
        drop(self.stop.take());
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.url)
    }

    /// Where this instance answers, whatever address people know it by.
    pub fn place(&self) -> String {
        format!("http://localhost:{}", self.addresses.public.port())
    }

    pub fn sms(&self) -> SmsInbox {
        SmsInbox(self.outbox.clone())
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Writes to the database and takes up what changed.
    pub async fn write<R, F>(&self, work: F) -> R
    where
        R: Send + 'static,
        F: FnMut(&mut Transaction) -> vestibule_core::store::StoreResult<R> + Send + 'static,
    {
        let result = self.state.store.write(work).await.unwrap();
        configuration::refresh(&self.state).await.unwrap();
        result
    }

    pub async fn read<R, F>(&self, work: F) -> R
    where
        R: Send + 'static,
        F: FnMut(&mut Transaction) -> vestibule_core::store::StoreResult<R> + Send + 'static,
    {
        self.state.store.read(work).await.unwrap()
    }

    pub async fn chain(&self, name: &str, steps: Value) {
        let document: ChainDocument = serde_json::from_value(json!({ "steps": steps })).unwrap();
        let (name, now) = (name.into(), self.clock.now());
        self.write(move |tx| tx.publish_chain(&name, &document, now)).await;
    }

    /// The chain of the portal; with none it obeys `default`, as in a house that had one before it had a portal.
    pub async fn portal_obeys(&self, chain: Option<&str>) {
        let (id, chain) = (self.state.portal_client.clone(), chain.map(Into::into));
        self.write(move |tx| {
            let portal = tx.clients()?.into_iter().find(|client| client.id.as_str() == id).unwrap();
            tx.put_client(&Client { chain: chain.clone(), ..portal })
        })
        .await;
    }

    pub async fn connection(&self, name: &str, settings: Value) {
        let connection = serde_json::from_value(json!({ "name": name, "kind": "sms", "settings": settings })).unwrap();
        self.write(move |tx| tx.put_connection(&connection)).await;
    }

    /// Makes a service provider. `secret` makes it a confidential one, else it is public.
    pub async fn client(&self, mut document: Value) -> Client {
        let secret = document.as_object_mut().unwrap().remove("secret");
        let object = document.as_object_mut().unwrap();
        if secret.is_none() && !object.contains_key("auth") {
            object.insert("auth".into(), "none".into());
        }
        let mut client: Client = serde_json::from_value(document).unwrap();
        if let Some(secret) = secret {
            client.secrets = vec![HashedSecret::of(&client.id, secret.as_str().unwrap(), &self.state.prf)];
        }
        let saved = client.clone();
        self.write(move |tx| tx.put_client(&saved)).await;
        client
    }

    /// Makes a user with this password and, if one is given, a verified number.
    pub async fn user(&self, name: &str, password: &str, phone: Option<&str>) -> User {
        let (now, random) = (self.clock.now(), SystemRandom::default());
        let user = User {
            display_name: Some(format!("{}{}", name[..1].to_uppercase(), &name[1..])),
            email: Some(format!("{name}@example.com")),
            email_verified: true,
            phone_number: phone.map(str::to_owned),
            phone_number_verified: phone.is_some(),
            ..User::new(UserId::new(now, &random), LoginName::parse(name).unwrap(), now)
        };
        let credential = Credential {
            id: CredentialId::new(now, &random),
            user: user.id,
            authenticator: "password".into(),
            label: None,
            secret: self.state.hash_pool.hash(&password.into()).await.unwrap().into(),
            version: 1,
            created_at: now,
        };
        let saved = user.clone();
        self.write(move |tx| {
            tx.insert_user(&saved)?;
            tx.insert_credential(&credential)
        })
        .await;
        user
    }

    /// Alice, with her password `alice` and her number.
    pub async fn alice(&self) -> User {
        self.user("alice", "alice", Some(PHONE)).await
    }

    /// An authorization request of `shop` with PKCE; `more` is added, and an empty value takes a parameter away.
    pub fn authorize(&self, more: &[(&str, &str)]) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, VERIFIER.as_bytes()));
        let usual = [
            ("response_type", "code"),
            ("client_id", "shop"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid profile"),
            ("state", "the-state"),
            ("nonce", "the-nonce"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let replaced = |name: &str| more.iter().any(|(known, _)| *known == name);
        let kept = usual.into_iter().filter(|(name, _)| !replaced(name));
        let pairs = kept.chain(more.iter().copied().filter(|(_, value)| !value.is_empty()));
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(pairs);
        format!("/oauth2/authorize?{}", query.finish())
    }

    /// Exchanges the code that a redirect carries.
    pub async fn exchange(&self, redirect: &Page) -> Page {
        let code = redirect.answer("code").unwrap_or_else(|| panic!("no code in {:?}", redirect.location()));
        self.exchange_code(&code).await
    }

    pub async fn exchange_code(&self, code: &str) -> Page {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", "shop"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.browser().post("/oauth2/token", &form).await
    }

    /// The whole login of a user with a number, from the first page to the redirect with the code.
    pub async fn log_in(&self, browser: &mut Browser, name: &str, password: &str, phone: &str) -> Page {
        let page = browser.open(&self.authorize(&[])).await;
        let page = browser.submit(&page, "password", &[("username", name), ("password", password)]).await;
        let code = self.sms().code_to(phone).await;
        browser.submit(&page, "code", &[("code", &code)]).await
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let joined = thread.join();
            if !std::thread::panicking() {
                joined.expect("the server ended in peace");
            }
        }
    }
}

/// What came to phones.
pub struct SmsInbox(Outbox);

impl SmsInbox {
    /// How many messages came to a number.
    pub fn count_to(&self, phone: &str) -> usize {
        self.0.messages().iter().filter(|message| message.to == phone).count()
    }

    /// The latest message to a number; waits for it, since a message leaves after the answer.
    pub async fn latest_to(&self, phone: &str) -> String {
        for _ in 0..200 {
            if let Some(message) = self.0.latest_to(phone) {
                return message.body;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no message came to {phone}");
    }

    /// Waits until `count` messages came to a number.
    pub async fn wait_for(&self, phone: &str, count: usize) {
        for _ in 0..200 {
            if self.count_to(phone) >= count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("only {} of {count} messages came to {phone}", self.count_to(phone));
    }

    /// The code in the latest message to a number.
    pub async fn code_to(&self, phone: &str) -> String {
        let body = self.latest_to(phone).await;
        body.lines().last().unwrap().rsplit_once('#').unwrap().1.to_owned()
    }
}

fn settings(folder: &std::path::Path, port: u16) -> Settings {
    let budgets = vestibule_core::budget::Limits::default();
    let often = Rule { limit: 1_000_000, ..ApiLimits::default().caller };
    let database = folder.join("vestibule.db");
    let url = match std::env::var("VESTIBULE_TEST_ON").as_deref() {
        Ok("postgres") => postgres_database(),
        _ => format!("sqlite://{}", database.display()),
    };
    let seconds = Duration::from_secs;
    Settings {
        public_url: format!("http://localhost:{port}").parse().unwrap(),
        listen: ([127, 0, 0, 1], port).into(),
        management: Management::On(([127, 0, 0, 1], 0).into()),
        data_dir: folder.to_owned(),
        database: Database { url: url.into(), pool_size: 4 },
        master_key: MasterKeySource::DataFolder { key: folder.join("master.key"), database },
        tls: None,
        trusted_proxies: Vec::new(),
        audit: vestibule_server::config::AuditSettings::default(),
        log: LogSettings { level: "warn".into(), format: LogFormat::Pretty },
        limits: LimitSettings {
            budgets,
            // A test asks as often as it likes; those of the budget set their own.
            api: ApiLimits { caller: often, stranger: often },
            body: 64 << 10,
            query: 16 << 10,
            request_timeout: seconds(5),
            keep_alive: seconds(75),
            drain: seconds(2),
            connections: 1000,
            workers: Some(1),
        },
        session: SessionLife::default(),
        password: PasswordSettings {
            memory_kib: 64,
            iterations: 1,
            parallelism: 1,
            threads: Some(1),
            queue: 16,
            deadline: seconds(5),
            rules: PasswordRules::default(),
            reset: false,
        },
        passkey: PasskeySettings::default(),
        policy: PolicySettings::default(),
        keys: KeySettings { algorithms: vec![Algorithm::RS256, Algorithm::ES256], rotate_after: seconds(90 * 86_400) },
        default_chain: Some("default".into()),
        dev: false,
        portal_client: "userportal".into(),
        portal: PortalSettings::default(),
        registration: RegistrationSettings::default(),
        invitation: InvitationSettings::default(),
        post: Default::default(),
    }
}

/// A database of its own on the server that `VESTIBULE_TEST_POSTGRES` names.
pub fn postgres_database() -> String {
    use diesel::{Connection as _, PgConnection, RunQueryDsl as _};
    let server = std::env::var("VESTIBULE_TEST_POSTGRES").expect("VESTIBULE_TEST_POSTGRES names a server");
    let name = format!(
        "story_{}",
        uuid::Uuid::from_bytes(vestibule_core::random::RandomExt::bytes(&SystemRandom::default())).simple()
    );
    let mut connection = PgConnection::establish(&server).unwrap();
    diesel::sql_query(format!("CREATE DATABASE {name}")).execute(&mut connection).unwrap();
    let mut url: url::Url = server.parse().unwrap();
    url.set_path(&name);
    url.into()
}
