//! A house to test in: an engine on SQLite, a clock that stands still, a channel that remembers what it delivered, and
//! three authenticators: a word that is known, a code that is sent, and one that is broken in the way its settings say.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use vestibule_core::{
    Authenticator, Channel, Connection, Descriptor, Engine, FactorClass, Outcome, Readiness, Registry, Rejection,
    StepContext, StepError,
    audit::AuditEvent,
    authenticator::{Enrolment, Opening, Proof},
    budget::Limits,
    chain::{ChainDocument, ChainRevision, Seconds},
    channel::{Message, SendOutcome},
    code::{Alphabet, CodeSpec},
    crypto::MasterKey,
    engine::{
        Acted, Answer, Body, Choose, Completion, Configuration, Finish, Finished, Parts, RequestContext, Start,
        Started, StepView, View,
    },
    evidence::Property,
    id::{AuthenticatorName, CredentialId, InteractionId, SessionId, UserId},
    interaction::Request,
    plan::Denial,
    prompt::{Field, FieldKind, Fields, Prompt, Text},
    random::RandomExt as _,
    session::{SessionLife, SessionRef},
    store::{Job, StoreExt as _, StoreResult},
    testing::{FakeClock, SeededRandom},
    time::{Clock as _, Time},
    user::{Credential, LoginName, User},
};
use vestibule_oauth::store::{Store, Tx};

pub(crate) type TestEngine = Engine<Store>;

pub(crate) struct House {
    pub(crate) engine: Arc<TestEngine>,
    pub(crate) store: Arc<Store>,
    /// What happens before the engine's next write, once: the other half of a race.
    pub(crate) meanwhile: Arc<Meanwhile>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) grants: Arc<Grants>,
    pub(crate) alice: UserId,
    _folder: tempfile::TempDir,
}

/// The store as the engine sees it.
pub(crate) struct Meanwhile {
    store: Arc<Store>,
    pub(crate) job: Mutex<Option<Job<dyn Tx>>>,
}

#[async_trait]
impl vestibule_core::store::Store for Meanwhile {
    type Tx = dyn Tx;

    async fn run_read(&self, job: Job<dyn Tx>) -> StoreResult<()> {
        self.store.run_read(job).await
    }

    async fn run_write(&self, job: Job<dyn Tx>) -> StoreResult<()> {
        let first = self.job.lock().unwrap().take();
        if let Some(first) = first {
            self.store.run_write(first).await?;
        }
        self.store.run_write(job).await
    }
}

/// A browser: what it holds between two requests.
#[derive(Clone)]
pub(crate) struct Visitor {
    pub(crate) id: InteractionId,
    pub(crate) binding: String,
    pub(crate) cx: RequestContext,
}

pub(crate) fn from(ip: &str) -> RequestContext {
    RequestContext {
        ip: ip.parse().ok(),
        user_agent: Some("Test".to_owned()),
        device: None,
        request_id: "r-1".to_owned(),
    }
}

pub(crate) fn request() -> Request {
    Request {
        client: "portal".into(),
        client_name: "User Portal".to_owned(),
        scopes: vec!["openid".to_owned()],
        acr_values: vec![],
        acr_claim: None,
        not_before: None,
        required_user: None,
        ignore_session: false,
        login_hint: None,
        errand: None,
        locales: vec![],
        payload: json!({}),
    }
}

impl House {
    /// A house whose portal has these steps.
    pub(crate) async fn with(steps: Value) -> Self {
        Self::build(steps, Limits { cooldown: Duration::from_secs(30), ..Limits::default() }).await
    }

    pub(crate) async fn build(steps: Value, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let random = Arc::new(SeededRandom::new(7));
        let clock = Arc::new(FakeClock::default());
        let master = MasterKey::generate(&*random);
        let address = format!("sqlite:{}", folder.path().join("test.db").display()).parse().unwrap();
        let store = vestibule_store::open(&address, &master, &vestibule_store::Options::default()).unwrap();
        let (gateway, grants) = (Arc::new(Gateway::default()), Arc::new(Grants::default()));
        let parts = Parts {
            registry: Registry::new(vec![
                Arc::new(Word::new()),
                Arc::new(Code::new()),
                Arc::new(Broken::new()),
                Arc::new(Key::new()),
                Arc::new(Line::new()),
            ]),
            prf: master.prf(),
            clock: clock.clone(),
            random: random.clone(),
            limits,
            session_life: SessionLife::default(),
            interaction_life: Duration::from_secs(1800),
            host: "auth.example.com".to_owned(),
            interactions: "https://auth.example.com/interaction".to_owned(),
        };
        let meanwhile = Arc::new(Meanwhile { store: store.clone(), job: Mutex::default() });
        let engine = Arc::new(TestEngine::new(meanwhile.clone(), grants.clone(), parts));
        let alice = Self::add_user(&store, &clock, "alice", "open sesame").await;
        let document: ChainDocument = serde_json::from_value(json!({ "steps": steps })).unwrap();
        let now = clock.now();
        let chains = store
            .write(move |tx: &mut (dyn Tx + 'static)| {
                tx.publish_chain(&"portal".into(), &document, now)?;
                tx.published_chains()
            })
            .await
            .unwrap();
        let house = Self { engine, store, meanwhile, clock, gateway, grants, alice, _folder: folder };
        house.reconfigure(chains);
        house
    }

    /// An admin changes the chains.
    pub(crate) fn reconfigure(&self, chains: Vec<ChainRevision>) {
        let sms = Connection {
            name: "SMSOTP".into(),
            kind: "test".to_owned(),
            settings: Default::default(),
            disabled: false,
        };
        let channels = HashMap::from([(sms.name.clone(), self.gateway.clone() as Arc<dyn Channel>)]);
        self.engine.set_configuration(Configuration { chains, connections: vec![sms], channels });
    }

    pub(crate) async fn add(&self, name: &str, word: &str) -> UserId {
        Self::add_user(&self.store, &self.clock, name, word).await
    }

    async fn add_user(store: &Arc<Store>, clock: &FakeClock, name: &str, word: &str) -> UserId {
        let now = clock.now();
        let random = SeededRandom::new(u64::from(name.bytes().next().unwrap_or(0)));
        let id = UserId::new(now, &random);
        let user = User {
            phone_number: Some(format!("+1555010{}", random.bytes::<1>()[0])),
            phone_number_verified: true,
            ..User::new(id, LoginName::parse(name).unwrap(), now)
        };
        let credential = Credential {
            id: CredentialId::new(now, &random),
            user: id,
            authenticator: "word".into(),
            label: None,
            secret: word.into(),
            version: 1,
            created_at: now,
        };
        store
            .write(move |tx: &mut (dyn Tx + 'static)| {
                tx.insert_user(&user)?;
                tx.insert_credential(&credential)
            })
            .await
            .unwrap();
        id
    }

    /// An admin changes a user.
    pub(crate) async fn change(&self, name: &str, change: impl Fn(&mut User) + Send + 'static) {
        let name = LoginName::parse(name).unwrap();
        self.store
            .write(move |tx: &mut (dyn Tx + 'static)| {
                let mut user = tx.user_by_login(&name)?.unwrap();
                change(&mut user);
                tx.update_user(&user)
            })
            .await
            .unwrap();
    }

    /// Alice holds a key that opens nothing any more.
    pub(crate) async fn holds_a_key_used_up(&self) {
        self.holds_a_key(USED_UP).await;
    }

    /// Alice holds a key.
    pub(crate) async fn holds_a_key(&self, number: &str) {
        self.holds_a_key_called(None, number).await;
    }

    /// Alice holds a key of that name; one called `mine` is of the kind that a setting may ask for.
    pub(crate) async fn holds_a_key_called(&self, label: Option<&str>, number: &str) {
        let now = self.clock.now();
        let key = Credential {
            id: CredentialId::new(now, &SeededRandom::new(9)),
            user: self.alice,
            authenticator: "key".into(),
            label: label.map(str::to_owned),
            secret: number.into(),
            version: 1,
            created_at: now,
        };
        self.store.write(move |tx: &mut (dyn Tx + 'static)| tx.insert_credential(&key)).await.unwrap();
    }

    pub(crate) fn wait(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub(crate) async fn start(&self, request: Request, session: Option<SessionRef>, cx: &RequestContext) -> Started {
        let start = Start { request, chain: "portal".into(), session, interactive: true };
        self.engine.start(start, cx).await.unwrap()
    }

    /// Somebody opens the portal.
    pub(crate) async fn visit(&self, cx: RequestContext) -> Visitor {
        match self.start(request(), None, &cx).await {
            Started::Interaction { id, binding } => Visitor { id, binding, cx },
            other => panic!("no interaction: {other:?}"),
        }
    }

    pub(crate) async fn view(&self, visitor: &Visitor) -> View {
        self.engine.view(visitor.id, Some(&visitor.binding), &visitor.cx).await.unwrap()
    }

    pub(crate) async fn step(&self, visitor: &Visitor) -> StepView {
        step(self.view(visitor).await)
    }

    /// Posts an answer, and looks at what came of it.
    pub(crate) async fn give(&self, visitor: &Visitor, answer: Answer) -> View {
        let acted = self.engine.answer(visitor.id, Some(&visitor.binding), answer, &visitor.cx).await.unwrap();
        let view = self.after(visitor, &acted).await;
        if let (
            Acted::Closed { answer, session, device, .. },
            Body::Closed { answer: shown, session: now, device: kept },
        ) = (&acted, &view.body)
        {
            assert_eq!(
                (answer, Some(session), device),
                (shown, now.as_ref(), kept),
                "what was told at once is what is shown later"
            );
        }
        view
    }

    pub(crate) async fn conclude(&self, visitor: &Visitor, decision: serde_json::Value) -> View {
        let acted = self.engine.conclude(visitor.id, Some(&visitor.binding), decision, &visitor.cx).await.unwrap();
        self.after(visitor, &acted).await
    }

    async fn after(&self, visitor: &Visitor, acted: &Acted) -> View {
        self.engine.after(acted, visitor.id, Some(&visitor.binding), &visitor.cx).await.unwrap()
    }

    /// Answers the page that is shown now.
    pub(crate) async fn answer(&self, visitor: &Visitor, fields: &[(&str, &str)]) -> View {
        let view = self.view(visitor).await;
        let version = view.version;
        let challenge = match view.body {
            Body::Step(step) => step.challenge.map(|challenge| challenge.id),
            _ => None,
        };
        let answer = Answer { version, challenge, fields: fields.iter().copied().collect() };
        self.give(visitor, answer).await
    }

    pub(crate) async fn choose(&self, visitor: &Visitor, alternative: Option<usize>) -> View {
        let version = self.view(visitor).await.version;
        let choose = Choose { version, alternative };
        let acted = self.engine.choose(visitor.id, Some(&visitor.binding), choose, &visitor.cx).await.unwrap();
        self.after(visitor, &acted).await
    }

    pub(crate) async fn resend(&self, visitor: &Visitor) -> View {
        let version = self.view(visitor).await.version;
        let acted = self.engine.resend(visitor.id, Some(&visitor.binding), version, &visitor.cx).await.unwrap();
        self.after(visitor, &acted).await
    }

    /// Alice gives her word.
    pub(crate) async fn word(&self, visitor: &Visitor) -> View {
        self.answer(visitor, &[("username", "alice"), ("password", "open sesame")]).await
    }

    pub(crate) async fn audit(&self) -> Vec<AuditEvent> {
        self.store.read(|tx: &mut (dyn Tx + 'static)| tx.latest_audit(200)).await.unwrap()
    }

    pub(crate) async fn audited(&self, kind: &str) -> usize {
        self.audit().await.iter().filter(|event| event.kind == kind).count()
    }
}

pub(crate) fn step(view: View) -> StepView {
    match view.body {
        Body::Step(step) => *step,
        other => panic!("no step is due: {other:?}"),
    }
}

pub(crate) fn closed(view: View) -> (Value, SessionRef) {
    match view.body {
        Body::Closed { answer, session: Some(session), .. } => (answer, session),
        other => panic!("not closed: {other:?}"),
    }
}

/// The protocol of this house: it remembers what it granted.
#[derive(Default)]
pub(crate) struct Grants {
    /// The runs of `finish` that were committed, as far as they can be seen: the transaction may be repeated.
    pub(crate) made: Mutex<Vec<InteractionId>>,
    pub(crate) hold: Mutex<bool>,
    pub(crate) ended: Mutex<Vec<SessionId>>,
}

impl Finish<dyn Tx> for Grants {
    fn finish(&self, _: &mut (dyn Tx + 'static), completion: &Completion<'_>) -> StoreResult<Finished> {
        if *self.hold.lock().unwrap() && completion.decision.is_none() {
            return Ok(Finished::Hold);
        }
        if completion.decision == Some(&json!("deny")) {
            return Ok(Finished::Refuse { answer: json!({ "error": "access_denied" }), denial: None });
        }
        self.made.lock().unwrap().push(completion.interaction);
        let amr: Vec<_> = completion.completed.amr().iter().collect();
        Ok(Finished::Answer(json!({ "grant": completion.interaction.to_string(), "amr": amr })))
    }

    fn is_trial(&self, request: &Request) -> bool {
        request.payload == json!("trial")
    }

    fn refuse(&self, _: &Request, denial: &Denial) -> Value {
        json!({ "error": denial.to_string() })
    }

    fn session_ended(&self, _: &mut (dyn Tx + 'static), session: SessionId, _: Time) -> StoreResult<()> {
        self.ended.lock().unwrap().push(session);
        Ok(())
    }

    fn taken_back(&self, _: &mut (dyn Tx + 'static), _: UserId, _: Time) -> StoreResult<()> {
        Ok(())
    }
}

/// A channel that remembers what it delivered, and answers as it is told.
#[derive(Default)]
pub(crate) struct Gateway {
    delivered: Mutex<Vec<(String, String)>>,
    pub(crate) answers: Mutex<Option<SendOutcome>>,
    pub(crate) hangs: Mutex<bool>,
}

impl Gateway {
    pub(crate) fn count(&self) -> usize {
        self.delivered.lock().unwrap().len()
    }

    /// The code of the latest message.
    pub(crate) fn code(&self) -> String {
        self.delivered.lock().unwrap().last().unwrap().1.clone()
    }
}

#[async_trait]
impl Channel for Gateway {
    async fn deliver(&self, message: &Message) -> SendOutcome {
        assert!(
            message.body.expose_secret().ends_with(&format!("@auth.example.com #{}", message.code.expose_secret()))
        );
        let hangs = *self.hangs.lock().unwrap();
        if hangs {
            std::future::pending::<()>().await;
        }
        let answer = self.answers.lock().unwrap().clone();
        if matches!(answer, None | Some(SendOutcome::Accepted { .. })) {
            let code = message.code.expose_secret().to_owned();
            self.delivered.lock().unwrap().push((message.to.clone(), code));
        }
        answer.unwrap_or(SendOutcome::Accepted { reference: None })
    }
}

fn descriptor(name: &str, factor: FactorClass, opening: Opening) -> Descriptor {
    Descriptor {
        name: name.into(),
        factors: [factor].into(),
        properties: [].into(),
        amr: [name.to_owned()].into(),
        opening,
        connection: None,
        settings: json!({}),
        messages: &[],
    }
}

fn ask(field: &str, kind: FieldKind) -> Outcome {
    let field = Field { name: field.to_owned(), label: Text::new("label"), kind };
    let (title, submit) = (Text::new("title"), Text::new("submit"));
    Outcome::Ask(Prompt { title, lead: None, exhibit: None, fields: vec![field], submit })
}

fn proof(name: &str, factor: FactorClass, credential: &str) -> Outcome {
    Outcome::Passed(Proof {
        credential: credential.to_owned(),
        factors: [factor].into(),
        properties: [].into(),
        amr: [name.to_owned()].into(),
    })
}

struct Word(Descriptor);

impl Word {
    fn new() -> Self {
        Self(descriptor("word", FactorClass::Knowledge, Opening::Free))
    }
}

#[async_trait]
impl Authenticator for Word {
    fn descriptor(&self) -> &Descriptor {
        &self.0
    }
    async fn readiness(&self, _: &StepContext<'_>) -> Result<Readiness, StepError> {
        Ok(Readiness::Ready { target: None })
    }
    async fn begin(&self, _: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        Ok(ask("password", FieldKind::Password))
    }
    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        let given = input.get("password");
        if given.is_empty() {
            return Ok(Rejection::Empty.into());
        }
        Ok(match cx.credentials.first() {
            Some(credential) if credential.secret.expose_secret() == given => {
                proof("word", FactorClass::Knowledge, &credential.id.to_string())
            }
            _ => Rejection::Wrong.into(),
        })
    }
}

struct Code(Descriptor);

fn phone(cx: &StepContext<'_>) -> Option<String> {
    Some(cx.opaque_id(cx.user?.phone_number.as_deref()?))
}

impl Code {
    fn new() -> Self {
        Self(Descriptor { connection: Some("test"), ..descriptor("code", FactorClass::Possession, Opening::Once) })
    }
}

#[async_trait]
impl Authenticator for Code {
    fn descriptor(&self) -> &Descriptor {
        &self.0
    }
    async fn readiness(&self, cx: &StepContext<'_>) -> Result<Readiness, StepError> {
        let number = cx.user.map(|user| user.phone_number.clone());
        Ok(match number {
            None | Some(Some(_)) => Readiness::Ready { target: number.flatten().map(|_| "•••00".to_owned()) },
            Some(None) => Readiness::CanEnrol,
        })
    }
    async fn begin(&self, cx: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        let spec = CodeSpec { length: 6, alphabet: Alphabet::Numeric, life: Seconds(300), tries: 5 };
        if let Some(number) = cx.user.and_then(|user| user.phone_number.clone()) {
            cx.issue_code(spec, &number);
            cx.send(&number, "•••00", "{{code}} for {{client}}, {{minutes}} minutes\n@{{host}} #{{code}}")?;
        } else {
            cx.issue_code(spec, "");
        }
        Ok(ask("code", FieldKind::Code { length: 6, numeric: true }))
    }
    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        Ok(match cx.check_code(input.get("code")) {
            Ok(()) => proof("code", FactorClass::Possession, &phone(cx).unwrap_or_default()),
            Err(rejection) => rejection.into(),
        })
    }
    fn holds(&self, cx: &StepContext<'_>, credential: &str) -> bool {
        phone(cx).is_some_and(|phone| phone == credential)
    }
    fn changed_at(&self, cx: &StepContext<'_>) -> Option<Time> {
        cx.user.and_then(|user| user.phone_number_changed_at)
    }
}

/// The secret of a key that opens nothing any more.
const USED_UP: &str = "used up";

/// Whether a key is of the kind that the settings ask for.
fn fits(cx: &StepContext<'_>, own: &Credential) -> bool {
    !cx.settings.contains_key("mine") || own.label.as_deref() == Some("mine")
}

/// A number that its owner keeps: enrolled by giving it twice, and used up by one each time.
struct Key(Descriptor);

impl Key {
    fn new() -> Self {
        let properties = [Property::Held, Property::Unrestricted].into();
        Self(Descriptor { properties, ..descriptor("key", FactorClass::Possession, Opening::Free) })
    }

    fn proof(&self, key: CredentialId) -> Outcome {
        let Descriptor { factors, properties, amr, .. } = self.0.clone();
        Outcome::Passed(Proof { credential: key.to_string(), factors, properties, amr })
    }
}

#[async_trait]
impl Authenticator for Key {
    fn descriptor(&self) -> &Descriptor {
        &self.0
    }
    async fn readiness(&self, cx: &StepContext<'_>) -> Result<Readiness, StepError> {
        let used_up = |own: &Credential| own.secret.expose_secret() == USED_UP;
        let none = cx.user.is_some() && cx.credentials.iter().all(|own| used_up(own) || !fits(cx, own));
        Ok(if none { Readiness::CanEnrol } else { Readiness::Ready { target: None } })
    }
    async fn begin(&self, _: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        Ok(ask("key", FieldKind::Password))
    }
    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        let Some(own) = cx.credentials.first() else { return Ok(Rejection::Wrong.into()) };
        if own.secret.expose_secret() != input.get("key") {
            return Ok(Rejection::Wrong.into());
        }
        let next = own.secret.expose_secret().parse::<u32>().unwrap() + 1;
        cx.spend_credential(own, next.to_string().into());
        Ok(self.proof(own.id))
    }
    fn takes(&self, cx: &StepContext<'_>, _: &AuthenticatorName, credential: &str) -> bool {
        let own = |own: &Credential| own.id.to_string() == credential && fits(cx, own);
        !cx.settings.contains_key("mine") || cx.credentials.iter().any(own)
    }
    fn claims(&self, input: &Fields) -> Option<UserId> {
        input.get("owner").parse().ok()
    }
    fn enrolment(&self) -> Option<&dyn Enrolment> {
        Some(self)
    }
}

#[async_trait]
impl Enrolment for Key {
    async fn begin(&self, _: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        Ok(ask("number", FieldKind::Label))
    }
    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        if cx.state.is_null() {
            cx.state = input.get("number").into();
            return Ok(ask("key", FieldKind::Password));
        }
        let number = cx.state.as_str().unwrap_or_default().to_owned();
        if input.get("key") != number {
            return Ok(Rejection::Wrong.into());
        }
        let id = cx.add_credential(Some("mine".to_owned()), number.into());
        Ok(self.proof(id))
    }
}

/// A line of somebody's own: enrolled by a code that goes wherever they say.
struct Line(Descriptor);

impl Line {
    fn new() -> Self {
        Self(Descriptor { connection: Some("test"), ..descriptor("line", FactorClass::Possession, Opening::Once) })
    }
}

#[async_trait]
impl Authenticator for Line {
    fn descriptor(&self) -> &Descriptor {
        &self.0
    }
    async fn readiness(&self, _: &StepContext<'_>) -> Result<Readiness, StepError> {
        Ok(Readiness::CanEnrol)
    }
    async fn begin(&self, _: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        Err(StepError::Unavailable("there is none yet".to_owned()))
    }
    fn holds(&self, _: &StepContext<'_>, credential: &str) -> bool {
        credential == "line"
    }
    async fn answer(&self, _: &mut StepContext<'_>, _: &Fields) -> Result<Outcome, StepError> {
        Ok(Rejection::Wrong.into())
    }
    fn enrolment(&self) -> Option<&dyn Enrolment> {
        Some(self)
    }
}

#[async_trait]
impl Enrolment for Line {
    async fn begin(&self, _: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        Ok(ask("number", FieldKind::PhoneNumber))
    }
    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError> {
        let spec = CodeSpec { length: 6, alphabet: Alphabet::Numeric, life: Seconds(300), tries: 5 };
        if cx.state.is_null() {
            let number = input.get("number").to_owned();
            cx.issue_code(spec, &number);
            cx.send(&number, "•••00", "@{{host}} #{{code}}")?;
            cx.state = number.into();
            return Ok(ask("code", FieldKind::Code { length: 6, numeric: true }));
        }
        Ok(match cx.check_code(input.get("code")) {
            Ok(()) => proof("line", FactorClass::Possession, "line"),
            Err(rejection) => rejection.into(),
        })
    }
}

/// Broken in the way that the setting `how` says; also claims more than it may.
struct Broken(Descriptor);

impl Broken {
    fn new() -> Self {
        Self(Descriptor { connection: Some("test"), ..descriptor("broken", FactorClass::Possession, Opening::Free) })
    }
}

#[async_trait]
impl Authenticator for Broken {
    fn descriptor(&self) -> &Descriptor {
        &self.0
    }
    async fn readiness(&self, _: &StepContext<'_>) -> Result<Readiness, StepError> {
        Ok(Readiness::Ready { target: None })
    }
    async fn begin(&self, _: &mut StepContext<'_>) -> Result<Outcome, StepError> {
        Ok(ask("password", FieldKind::Password))
    }
    fn holds(&self, _: &StepContext<'_>, credential: &str) -> bool {
        credential == "x"
    }
    async fn answer(&self, cx: &mut StepContext<'_>, _: &Fields) -> Result<Outcome, StepError> {
        match cx.settings.get("how").and_then(Value::as_str) {
            Some("panics") => panic!("as its settings say"),
            Some("hangs") => std::future::pending().await,
            Some("boasts") => Ok(Outcome::Passed(Proof {
                credential: "x".to_owned(),
                factors: [FactorClass::Knowledge, FactorClass::Possession, FactorClass::Inherence].into(),
                properties: [Property::PhishingResistant, Property::UserVerified].into(),
                amr: ["hwk".to_owned(), "broken".to_owned()].into(),
            })),
            _ => Err(StepError::Unavailable("as its settings say".to_owned())),
        }
    }
}
