//! A world to test in: SQLite, the engine with one door, a clock that stands still, two service providers and alice.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use url::Url;
use vestibule_core::{
    Authenticator, Descriptor, Engine, FactorClass, Outcome, Readiness, Registry, Rejection, StepContext, StepError,
    audit::AuditEvent,
    authenticator::{Opening, Proof},
    budget::Limits,
    chain::ChainDocument,
    crypto::{MasterKey, Prf},
    engine::{Answer, Body, Configuration, Parts, RequestContext, Start, Started, View},
    id::{ClientId, InteractionId, UserId},
    prompt::{Fields, Prompt, Text},
    random::RandomExt as _,
    session::{Session, SessionLife, SessionRef},
    store::{Store as CoreStore, StoreExt as _, StoreResult},
    testing::{FakeClock, SeededRandom},
    time::{Clock as _, Time},
    user::{LoginName, User},
};
use vestibule_jose::{Algorithm, SigningKey, StoredKey, VerifiedCache};
use vestibule_oauth::{
    Current, Deps, ErrorPage, Grants, Issuer, Params, Settings, Snapshot, Store, TokenAnswer, TokenError, TokenRequest,
    Tx,
    access_token::AccessClaims,
    answer_url,
    authorize::{Refusal, authorize, to_engine_request},
    consent::Decision,
    model::{Client, HashedSecret},
    token,
};

pub(crate) const ISSUER: &str = "https://id.example";
// RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Made once: an RSA key takes a while.
static KEYS: LazyLock<Vec<StoredKey>> = LazyLock::new(|| {
    let key = |algorithm| StoredKey::new(&SigningKey::generate(algorithm).unwrap(), 0, 0).unwrap();
    vec![key(Algorithm::ES256), key(Algorithm::RS256)]
});

pub(crate) struct World {
    pub(crate) engine: Arc<Engine<Store>>,
    pub(crate) store: Arc<Store>,
    pub(crate) current: Arc<Current>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) random: Arc<SeededRandom>,
    pub(crate) prf: Prf,
    pub(crate) limits: Limits,
    pub(crate) verified: VerifiedCache<AccessClaims>,
    pub(crate) alice: UserId,
    settings: Settings,
    _folder: tempfile::TempDir,
}

/// What a browser was told.
#[derive(Debug)]
pub(crate) enum Told {
    /// An error page.
    Page(#[expect(dead_code, reason = "for Debug")] ErrorPage),
    /// Go there.
    Sent(Url),
    /// Do something.
    Asked { id: InteractionId, binding: String },
}

impl Told {
    pub(crate) fn url(self) -> Url {
        match self {
            Self::Sent(url) => url,
            other => panic!("not sent anywhere: {other:?}"),
        }
    }

    /// The error that the client is told.
    pub(crate) fn error(self) -> String {
        param(&self.url(), "error").unwrap()
    }
}

pub(crate) fn param(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(n, _)| n == name).map(|(_, value)| value.into_owned())
}

pub(crate) fn cx() -> RequestContext {
    RequestContext { ip: "192.0.2.7".parse().ok(), user_agent: None, device: None, request_id: "r-1".to_owned() }
}

/// A client with a secret `<id>-secret`, and what `change` says.
pub(crate) fn client(id: &str, change: &Value) -> Value {
    let mut client = json!({
        "id": id,
        "name": format!("The {id}"),
        "auth": "client_secret_basic",
        "redirect_uris": [format!("https://{id}.example/cb")],
        "post_logout_redirect_uris": [format!("https://{id}.example/bye")],
        "consent": "skip",
        "id_token_signed_response_alg": "ES256",
    });
    for (name, value) in change.as_object().unwrap() {
        client[name] = value.clone();
    }
    client
}

impl World {
    /// A world with the service providers `shop` (with what `change` says) and `bank`.
    pub(crate) async fn with(change: Value) -> Self {
        Self::of(vec![client("shop", &change), client("bank", &json!({}))]).await
    }

    pub(crate) async fn new() -> Self {
        Self::with(json!({})).await
    }

    pub(crate) async fn of(clients: Vec<Value>) -> Self {
        Self::behind(json!([["door"]]), clients).await
    }

    /// A world in which people pass these steps.
    pub(crate) async fn behind(steps: Value, clients: Vec<Value>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let random = Arc::new(SeededRandom::new(7));
        let clock = Arc::new(FakeClock::default());
        let master = MasterKey::generate(&*random);
        let prf = master.prf();
        let address = format!("sqlite:{}", folder.path().join("test.db").display()).parse().unwrap();
        let store = vestibule_store::open(&address, &master, &vestibule_store::Options::default()).unwrap();
        let settings = Settings {
            issuer: Issuer::parse(ISSUER).unwrap(),
            default_chain: "default".into(),
            keys: vestibule_oauth::keys::KeyRules::default(),
            registration: false,
        };
        let clients: Vec<Client> = clients.into_iter().map(|client| with_secret(client, &prf)).collect();
        let alice = user(&clock, &random);
        let (id, now) = (alice.id, clock.now());
        let document: ChainDocument = serde_json::from_value(json!({ "steps": steps })).unwrap();
        let chains = store
            .write(move |tx: &mut (dyn Tx + 'static)| {
                clients.iter().try_for_each(|client| tx.put_client(client))?;
                KEYS.iter().try_for_each(|key| tx.put_signing_key(key))?;
                tx.insert_user(&alice)?;
                tx.publish_chain(&"default".into(), &document, now)?;
                tx.published_chains()
            })
            .await
            .unwrap();
        let current = Arc::new(Current::new(Snapshot::read(&*store, &settings, now).await.unwrap()));
        let grants = Arc::new(Grants::new(current.clone(), prf.clone(), random.clone()));
        let parts = Parts {
            registry: Registry::new(vec![
                Arc::new(Door::new("door", FactorClass::Knowledge, "pwd")),
                Arc::new(Door::new("gate", FactorClass::Possession, "otp")),
            ]),
            prf: prf.clone(),
            clock: clock.clone(),
            random: random.clone(),
            limits: Limits::default(),
            session_life: SessionLife::default(),
            interaction_life: Duration::from_secs(1800),
            host: "id.example".to_owned(),
            interactions: "https://login.example/interaction".to_owned(),
        };
        let engine = Arc::new(Engine::new(store.clone(), grants, parts));
        engine.set_configuration(Configuration { chains, ..Configuration::default() });
        let (limits, verified) = (Limits::default(), VerifiedCache::default());
        Self { engine, store, current, clock, random, prf, limits, verified, alice: id, settings, _folder: folder }
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Changes a client as an admin would.
    pub(crate) async fn change_client(&self, id: &str, change: Value) {
        let id: ClientId = id.into();
        self.write(move |tx| {
            let client = tx.clients()?.into_iter().find(|client| client.id == id).unwrap();
            let mut json = serde_json::to_value(client).unwrap();
            for (name, value) in change.as_object().unwrap() {
                json[name] = value.clone();
            }
            tx.put_client(&serde_json::from_value(json).unwrap())
        })
        .await;
        self.reload().await;
    }

    pub(crate) async fn reload(&self) {
        self.current.set(Snapshot::read(&*self.store, &self.settings, self.clock.now()).await.unwrap());
    }

    pub(crate) async fn disable_alice(&self) {
        self.change_alice(|alice| alice.disabled = true).await;
    }

    /// Alice is in these groups from now on, and in no other.
    pub(crate) async fn groups_of_alice(&self, groups: &'static [&'static str]) {
        self.change_alice(move |alice| alice.groups = groups.iter().map(|&group| group.to_owned()).collect()).await;
    }

    async fn change_alice(&self, change: impl Fn(&mut User) + Send + 'static) {
        let alice = self.alice;
        self.write(move |tx| {
            let mut user = tx.user(alice)?.unwrap();
            change(&mut user);
            tx.update_user(&user)
        })
        .await;
    }

    pub(crate) async fn write<R: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut dyn Tx) -> StoreResult<R> + Send + 'static,
    ) -> R {
        self.store.write(move |tx: &mut (dyn Tx + 'static)| work(tx)).await.unwrap()
    }

    pub(crate) async fn audit(&self) -> Vec<AuditEvent> {
        self.store.read(|tx: &mut (dyn Tx + 'static)| tx.latest_audit(1000)).await.unwrap()
    }

    pub(crate) async fn audited(&self, kind: &str) -> usize {
        self.audit().await.iter().filter(|event| event.kind == kind).count()
    }

    /// The authorization endpoint.
    pub(crate) async fn ask(&self, query: &str, session: Option<SessionRef>) -> Told {
        let snapshot = self.current.get();
        let asked = authorize(query.as_bytes(), &snapshot, self.clock.now());
        if let Err(refusal) = &asked {
            refusal.note(query.as_bytes(), &self.deps(&snapshot), &cx()).await;
        }
        let valid = match asked {
            Ok(valid) => valid,
            Err(Refusal::Page(page)) => return Told::Page(page),
            Err(Refusal::Client(answer)) => return Told::Sent(answer.url(&self.prf, snapshot.issuer()).unwrap()),
        };
        let (chain, interactive) = (valid.chain(&snapshot), valid.interactive());
        let start = Start { request: to_engine_request(valid.clone()), chain, session, interactive };
        match self.engine.start(start, &cx()).await.unwrap() {
            Started::Finished { answer, .. } | Started::Refused { answer, .. } => Told::Sent(self.answer_url(&answer)),
            Started::Interaction { id, binding } => Told::Asked { id, binding },
            Started::NotInteractive(why) => {
                Told::Sent(valid.not_interactive(why).url(&self.prf, snapshot.issuer()).unwrap())
            }
        }
    }

    pub(crate) fn answer_url(&self, answer: &Value) -> Url {
        answer_url(answer, &self.prf, self.current.get().issuer()).unwrap()
    }

    /// Alice opens the door; what follows is in the view.
    pub(crate) async fn open(&self, told: Told) -> (View, InteractionId, String) {
        let Told::Asked { id, binding } = told else { panic!("nothing is asked: {told:?}") };
        (self.pass(id, &binding).await, id, binding)
    }

    /// Alice opens the door that she is in front of.
    pub(crate) async fn pass(&self, id: InteractionId, binding: &str) -> View {
        let version = self.engine.view(id, Some(binding), &cx()).await.unwrap().version;
        let fields: Fields = [("username", "alice"), ("password", "open")].into_iter().collect();
        let answer = Answer { version, challenge: None, fields };
        let acted = self.engine.answer(id, Some(binding), answer, &cx()).await.unwrap();
        self.engine.after(&acted, id, Some(binding), &cx()).await.unwrap()
    }

    /// Alice signs in, and nothing else is asked: where she is sent, and her session.
    pub(crate) async fn sign_in(&self, query: &str) -> (Url, SessionRef) {
        match self.open(self.ask(query, None).await).await.0.body {
            Body::Closed { answer, session: Some(session), .. } => (self.answer_url(&answer), session),
            other => panic!("not closed: {other:?}"),
        }
    }

    /// Alice signs in and decides.
    pub(crate) async fn decide(&self, told: Told, decision: &Decision) -> Body {
        let (view, id, binding) = self.open(told).await;
        assert!(matches!(view.body, Body::Held { .. }), "consent is due, not {:?}", view.body);
        self.conclude(id, &binding, decision.to_value()).await.body
    }

    pub(crate) async fn conclude(&self, id: InteractionId, binding: &str, decision: Value) -> View {
        let acted = self.engine.conclude(id, Some(binding), decision, &cx()).await.unwrap();
        self.engine.after(&acted, id, Some(binding), &cx()).await.unwrap()
    }

    pub(crate) async fn session(&self, session: SessionRef) -> Option<Session> {
        self.engine.session(session).await.unwrap().map(|(session, _)| session)
    }

    /// A code of the shop.
    pub(crate) async fn code(&self) -> String {
        param(&self.sign_in(&query(&[])).await.0, "code").unwrap()
    }

    /// The tokens of a new login at the shop.
    pub(crate) async fn tokens(&self) -> TokenAnswer {
        let code = self.code().await;
        self.exchange("shop", &code, &[]).await.unwrap()
    }

    pub(crate) fn deps<'a>(&'a self, snapshot: &'a Snapshot) -> Deps<'a> {
        self.deps_over(snapshot, &*self.store)
    }

    pub(crate) fn deps_over<'a>(&'a self, snapshot: &'a Snapshot, store: &'a Store) -> Deps<'a> {
        let (clock, random) = (&*self.clock, &*self.random);
        Deps { snapshot, store, prf: &self.prf, clock, random, limits: &self.limits, verified: &self.verified }
    }

    /// The token endpoint, without client authentication of its own.
    pub(crate) async fn raw_token(
        &self,
        authorization: Option<&str>,
        form: &Params,
    ) -> Result<TokenAnswer, TokenError> {
        let snapshot = self.current.get();
        token(&self.deps(&snapshot), TokenRequest { authorization, form, cx: &cx() }).await
    }

    pub(crate) async fn token(&self, client: &str, form: &[(&str, &str)]) -> Result<TokenAnswer, TokenError> {
        self.raw_token(Some(&basic(client)), &form.iter().copied().collect()).await
    }

    /// The exchange of a code, with what `change` says.
    pub(crate) async fn exchange(
        &self,
        client: &str,
        code: &str,
        change: &[(&str, &str)],
    ) -> Result<TokenAnswer, TokenError> {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", "https://shop.example/cb"),
            ("code_verifier", VERIFIER),
        ];
        self.token(client, &merged(&usual, change)).await
    }

    pub(crate) async fn refresh(&self, client: &str, token: &str) -> Result<TokenAnswer, TokenError> {
        self.token(client, &[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }

    /// Whether UserInfo takes a token.
    pub(crate) async fn userinfo(&self, token: &str) -> Result<Value, u16> {
        let snapshot = self.current.get();
        let header = format!("Bearer {token}");
        let told = vestibule_oauth::userinfo::userinfo(&self.deps(&snapshot), Some(&header), None).await;
        told.map(Value::Object).map_err(|error| error.status())
    }
}

pub(crate) trait Texts {
    fn access(&self) -> String;
    fn refresh(&self) -> String;
    fn id(&self) -> String;
}

impl Texts for TokenAnswer {
    fn access(&self) -> String {
        self.access_token.expose_secret().to_owned()
    }

    fn refresh(&self) -> String {
        self.refresh_token.as_ref().unwrap().expose_secret().to_owned()
    }

    fn id(&self) -> String {
        self.id_token.as_ref().unwrap().expose_secret().to_owned()
    }
}

/// The claims of a token, unverified.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

pub(crate) fn basic(client: &str) -> String {
    use base64::engine::general_purpose::STANDARD;
    format!("Basic {}", STANDARD.encode(format!("{client}:{client}-secret")))
}

/// A query of the shop, with what `change` says; an empty value takes a parameter away.
pub(crate) fn query(change: &[(&str, &str)]) -> String {
    let usual = [
        ("client_id", "shop"),
        ("redirect_uri", "https://shop.example/cb"),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "st"),
        ("nonce", "no"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(merged(&usual, change)).finish()
}

fn merged<'a>(usual: &[(&'a str, &'a str)], change: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let changed = |name: &str| change.iter().any(|(n, _)| *n == name);
    let kept = usual.iter().filter(|(name, _)| !changed(name));
    kept.chain(change).filter(|(_, value)| !value.is_empty()).copied().collect()
}

fn with_secret(client: Value, prf: &Prf) -> Client {
    let mut client: Client = serde_json::from_value(client).unwrap();
    client.secrets = vec![HashedSecret::of(&client.id, &format!("{}-secret", client.id), prf)];
    client
}

fn user(clock: &FakeClock, random: &SeededRandom) -> User {
    let now = clock.now();
    User {
        id: UserId(random.uuid(now)),
        username: LoginName::parse("alice").unwrap(),
        display_name: Some("Alice".to_owned()),
        email: Some("alice@shop.example".to_owned()),
        email_verified: true,
        phone_number: None,
        phone_number_verified: false,
        phone_number_changed_at: None,
        preferred: Vec::new(),
        locale: None,
        groups: vec![],
        roles: vec![],
        disabled: false,
        created_at: now,
        updated_at: now,
    }
}

/// A door that opens at a word that everybody knows, whatever it says that it proves.
struct Door(Descriptor);

impl Door {
    fn new(name: &str, factor: FactorClass, amr: &str) -> Self {
        Self(Descriptor {
            name: name.into(),
            factors: [factor].into(),
            properties: [].into(),
            amr: [amr.to_owned()].into(),
            opening: Opening::Free,
            connection: None,
            settings: json!({}),
            messages: &[],
        })
    }
}

#[async_trait]
impl Authenticator for Door {
    fn descriptor(&self) -> &Descriptor {
        &self.0
    }

    async fn readiness(&self, _: &StepContext<'_>) -> Result<Readiness, StepError> {
        Ok(Readiness::Ready { target: None })
    }

    fn holds(&self, _: &StepContext<'_>, credential: &str) -> bool {
        credential == "the door"
    }

    async fn begin(&self, _: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        let text = || Text::new("door");
        Ok(Outcome::Ask(Prompt { title: text(), lead: None, exhibit: None, fields: vec![], submit: text() }))
    }

    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        if cx.user.is_none() || input.get("password") != "open" {
            return Ok(Rejection::Wrong.into());
        }
        Ok(Outcome::Passed(Proof {
            credential: "the door".to_owned(),
            factors: self.0.factors.clone(),
            properties: [].into(),
            amr: self.0.amr.clone(),
        }))
    }
}

/// A database that is gone.
pub(crate) struct Gone;

#[async_trait]
impl CoreStore for Gone {
    type Tx = dyn Tx;

    async fn run_read(&self, _: vestibule_core::store::Job<Self::Tx>) -> StoreResult<()> {
        Err(vestibule_core::store::StoreError::Unavailable("gone".to_owned()))
    }

    async fn run_write(&self, _: vestibule_core::store::Job<Self::Tx>) -> StoreResult<()> {
        Err(vestibule_core::store::StoreError::Unavailable("gone".to_owned()))
    }
}

/// Sixteen at once.
pub(crate) async fn sixteen<T, F>(world: &Arc<World>, work: impl Fn(Arc<World>) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let running: Vec<_> = (0..16).map(|_| tokio::spawn(work(Arc::clone(world)))).collect();
    let mut done = Vec::new();
    for task in running {
        done.push(task.await.unwrap());
    }
    done
}

pub(crate) fn at(seconds: i64) -> Time {
    Time::from_unix_seconds(seconds)
}
