//! The engine: runs an interaction from request to grant.
//!
//! Five operations, each a file: [`start`](Engine::start) plans a new request, [`view`](Engine::view) says what is to be
//! shown and changes nothing, [`choose`](Engine::choose) and [`resend`](Engine::resend) open a challenge,
//! [`answer`](Engine::answer) judges, [`conclude`](Engine::conclude) ends what waited for the person. HTML pages and JSON
//! call the same five.
//!
//! What a grant is, the engine does not know: the protocol implements [`Finish`], which runs inside the transaction in
//! which the last due step passes, and cannot be called without a [`Completed`].

mod acted;
mod answer;
mod at;
mod choose;
mod confirmation;
mod device;
mod errand;
mod finish;
mod guard;
mod judge;
mod proof;
mod ready;
mod receipt;
mod record;
mod renewal;
mod send;
mod session;
mod situation;
mod start;
mod stranger;
mod tell;
mod trace;
mod tries;
mod view;
mod wish;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, RwLock},
    time::Duration,
};

use serde_json::Value;

use crate::{
    Authenticator,
    audit::AuditEvent,
    authenticator::Registry,
    budget::{Limits, Network},
    chain::ChainRevision,
    channel::{Channel, Connection},
    crypto::{Prf, same_secret},
    device::DeviceRef,
    id::{ChainName, ConnectionName, InteractionId, SessionId, UserId},
    interaction::Request,
    plan::{Completed, Denial},
    random::Random,
    session::{Session, SessionLife},
    store::{Store, StoreError, StoreResult},
    time::{Clock, Time},
    user::User,
};

pub use self::{
    acted::Acted,
    answer::Answer,
    choose::Choose,
    confirmation::{Asked, Confirmation, ConfirmationState, NotConfirmed, Verified, Whom, WhyNot, Words},
    proof::{FRESH, Tried},
    start::{NotInteractive, Start, Started},
    stranger::Stranger,
    trace::Trace,
    view::{AlternativeView, Body, ChallengeView, LaterView, RememberView, StepView, View},
    wish::Wish,
};

/// What the protocol does inside the engine's transactions.
pub trait Finish<T: ?Sized>: Send + Sync + 'static {
    /// Makes the grant, in the transaction in which the last due step passed. It must write nothing when it holds.
    ///
    /// # Errors
    /// When the store fails: nothing of the transaction stays.
    fn finish(&self, tx: &mut T, completion: &Completion<'_>) -> StoreResult<Finished>;

    /// Whether a request is a trial: its chain is passed like any other, and nothing comes of it. No session is made, renewed or
    /// ended, no device remembered; [`finish`](Self::finish) is called all the same, and must write nothing.
    fn is_trial(&self, _request: &Request) -> bool {
        false
    }

    /// The protocol's record of a refusal, enough to tell the client.
    fn refuse(&self, request: &Request, denial: &Denial) -> Value;

    /// Takes back what does not outlive a session.
    ///
    /// # Errors
    /// When the store fails.
    fn session_ended(&self, tx: &mut T, session: SessionId, now: Time) -> StoreResult<()>;

    /// Takes back everything that was given to somebody until now, what outlives a session too.
    ///
    /// # Errors
    /// When the store fails.
    fn taken_back(&self, tx: &mut T, user: UserId, now: Time) -> StoreResult<()>;
}

/// What [`Finish::finish`] makes a grant from.
pub struct Completion<'a> {
    /// The run.
    pub interaction: InteractionId,
    /// What was asked.
    pub request: &'a Request,
    /// The proof that every due step passed.
    pub completed: &'a Completed,
    /// The session that holds the evidence; of a trial, one that is nowhere.
    pub session: &'a Session,
    /// The user, who may act.
    pub user: &'a User,
    /// What the person decided, when the interaction was held for that.
    pub decision: Option<&'a Value>,
    /// The time.
    pub now: Time,
}

/// What [`Finish::finish`] did.
#[derive(Clone, Debug, PartialEq)]
pub enum Finished {
    /// It made the grant; this is enough to give the same answer again.
    Answer(Value),
    /// The person has to be asked first (consent). Nothing was written.
    Hold,
    /// It refused.
    Refuse {
        /// Enough to tell the client.
        answer: Value,
        /// Why, where the person is told before the client is; `None` when they know, as who did not agree.
        denial: Option<Denial>,
    },
}

/// Where a request comes from.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// The browser's address.
    pub ip: Option<IpAddr>,
    /// The browser, as it calls itself.
    pub user_agent: Option<String>,
    /// The remembered device that the browser shows.
    pub device: Option<DeviceRef>,
    /// The request's id, as in the log.
    pub request_id: String,
}

impl RequestContext {
    /// The network of the address, as budgets see it.
    pub fn network(&self) -> Network {
        Network::of(self.ip)
    }
}

/// What an engine is made of.
pub struct Parts {
    /// The authenticators that exist.
    pub registry: Registry,
    /// The keyed hash of the master key.
    pub prf: Prf,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// How often things may be tried.
    pub limits: Limits,
    /// How long a session lives.
    pub session_life: SessionLife,
    /// How long an interaction waits for the person.
    pub interaction_life: Duration,
    /// The host of this server, for the last line of an SMS.
    pub host: String,
    /// The address below which the pages of runs are, such as `https://auth.example.com/interaction`.
    pub interactions: String,
}

/// What an admin configured, swapped whole when it changes.
#[derive(Default)]
pub struct Configuration {
    /// The published revision of every chain.
    pub chains: Vec<ChainRevision>,
    /// Every connection.
    pub connections: Vec<Connection>,
    /// The channel of every connection that works. A connection without one refuses every message.
    pub channels: HashMap<ConnectionName, Arc<dyn Channel>>,
}

impl Configuration {
    fn chain(&self, name: &ChainName) -> Option<&ChainRevision> {
        self.chains.iter().find(|revision| revision.chain == *name)
    }

    fn connection(&self, name: &ConnectionName) -> Option<&Connection> {
        self.connections.iter().find(|connection| connection.name == *name)
    }
}

/// Why the engine could not do it. None of these is the person's mistake.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no such interaction, or not any more.
    #[error("no such interaction")]
    NotFound,
    /// The interaction belongs to another browser.
    #[error("this interaction belongs to another browser")]
    WrongBrowser,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Runs interactions.
pub struct Engine<S: Store + ?Sized> {
    store: Arc<S>,
    finish: Arc<dyn Finish<S::Tx>>,
    parts: Arc<Parts>,
    configuration: RwLock<Arc<Configuration>>,
}

impl<S: Store + ?Sized> Engine<S> {
    /// For how long a finished interaction gives the same answer again, to the browser that finished it.
    pub const ANSWER_AGAIN: Duration = Duration::from_secs(60);

    /// An engine without configuration: every request is refused until there is some.
    pub fn new(store: Arc<S>, finish: Arc<dyn Finish<S::Tx>>, parts: Parts) -> Self {
        Self { store, finish, parts: Arc::new(parts), configuration: RwLock::default() }
    }

    /// Takes up a changed configuration.
    pub fn set_configuration(&self, configuration: Configuration) {
        let configuration = Arc::new(configuration);
        match self.configuration.write() {
            Ok(mut current) => *current = configuration,
            Err(poisoned) => *poisoned.into_inner() = configuration,
        }
    }

    /// The authenticators that exist.
    pub fn registry(&self) -> &Registry {
        &self.parts.registry
    }

    /// The value of the cookie that binds an interaction to its browser. Derived, so there is nothing to store.
    pub fn binding(&self, id: InteractionId) -> String {
        self.parts.prf.text("interaction binding", &[id.0.as_bytes()])
    }

    fn check_binding(&self, id: InteractionId, binding: Option<&str>) -> Result<(), EngineError> {
        let ours = self.binding(id);
        let same = binding.is_some_and(|theirs| same_secret(theirs.as_bytes(), ours.as_bytes()));
        if same { Ok(()) } else { Err(EngineError::WrongBrowser) }
    }

    /// Chains, connections and channels as they are now.
    pub fn configuration(&self) -> Arc<Configuration> {
        match self.configuration.read() {
            Ok(current) => Arc::clone(&current),
            Err(poisoned) => Arc::clone(&poisoned.into_inner()),
        }
    }

    fn now(&self) -> Time {
        self.parts.clock.now()
    }

    fn event(&self, kind: &str, cx: &RequestContext, now: Time) -> AuditEvent {
        AuditEvent {
            network: Some(cx.network().as_str().to_owned()),
            request_id: Some(cx.request_id.clone()),
            ..AuditEvent::new(kind, now, &*self.parts.random)
        }
    }
}

/// The one rule of who may act, asked on every path that grants anything: a disabled thing is disabled everywhere.
pub fn may_act(user: &User) -> bool {
    !user.disabled
}

fn authenticator<'a>(
    registry: &'a Registry,
    chain: &ChainRevision,
    step: usize,
    alternative: usize,
) -> Option<&'a dyn Authenticator> {
    registry.get(&chain.document.steps.get(step)?.alternatives.get(alternative)?.authenticator)
}
