//! The trait that every way to authenticate implements, and the context in which it works.
//!
//! An authenticator judges one thing: whether this answer proves this user. Codes, limits, resend, expiry, storage,
//! rendering, translation, audit and the order of steps are the engine's, so a plug-in cannot get them wrong.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use secrecy::SecretString;
use serde_json::{Map, Value};
use url::Url;

use crate::{
    channel::Connection,
    code::{
        CodeSpec, IssuedCode,
        message::{Longest, MessageSize},
    },
    crypto::Prf,
    evidence::{FactorClass, Property, Strength},
    id::{AuthenticatorName, ConnectionName, CredentialId, InteractionId, UserId},
    prompt::{Fields, Prompt, Text},
    random::Random,
    time::Time,
    user::{Credential, User},
};

/// A way to authenticate. Every implementation passes the contract in `testing::contract`.
#[async_trait]
pub trait Authenticator: Send + Sync {
    /// What it is and what it can prove at most.
    fn descriptor(&self) -> &Descriptor;

    /// Whether this user can pass this step with it now. Without a user it answers as for somebody who can.
    ///
    /// # Errors
    /// When nobody can (its connection is missing or disabled), or it cannot tell: the alternative is then not offered.
    async fn readiness(&self, cx: &StepContext<'_>) -> Result<Readiness, StepError>;

    /// Opens a challenge: says what to ask, and through the context issues a code and sends a message. Without a user it
    /// asks the same, issues a code that nobody will know, and sends nothing.
    ///
    /// # Errors
    /// When it cannot; other alternatives are offered.
    async fn begin(&self, cx: &mut StepContext<'_>) -> Result<Outcome, StepError>;

    /// Judges an answer. Without a user (nobody of that name) it takes as long as with one and never passes.
    ///
    /// # Errors
    /// When it cannot judge: the try is not counted, and the step is not passed.
    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError>;

    /// Checks an alternative's settings when a chain is saved: an out-of-range value is refused there, never replaced.
    ///
    /// # Errors
    /// The first setting that is wrong, by name, and why.
    fn check_settings(&self, settings: &Map<String, Value>) -> Result<(), String> {
        match settings.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("{name}: this authenticator has no such setting")),
        }
    }

    /// How long its messages are with these settings, where they are paid for by their length.
    fn sizes(&self, _settings: &Map<String, Value>, _longest: &Longest) -> Vec<MessageSize> {
        Vec::new()
    }

    /// Whether judging an answer is so much work that the try is counted in a transaction of its own before it (a password hash).
    /// What is judged in no time is counted in the transaction that acts on it, which is one less for each sign-in.
    fn costly(&self) -> bool {
        self.descriptor().opening == Opening::Free
    }

    /// Whom an answer claims to be of, where it says that itself (a passkey carries its owner's id). The engine takes it as a name
    /// that somebody typed: nothing is proved by it.
    fn claims(&self, _input: &Fields) -> Option<UserId> {
        None
    }

    /// Whether the user still has the credential that a proof named: a remembered device dies with what it was granted for, and
    /// what was proved with it in a session counts no more.
    fn holds(&self, cx: &StepContext<'_>, credential: &str) -> bool {
        cx.credentials.iter().any(|own| own.id.to_string() == credential)
    }

    /// Whether an answer says by itself whose it is: then it is offered besides, on a page that asks for a name.
    fn speaks(&self) -> bool {
        false
    }

    /// Whether what was proved elsewhere, by an authenticator with a credential, is also what these settings ask for, beyond what it
    /// proves: where they name some models of a device, another one is not, and neither is what another authenticator proved.
    fn takes(&self, _cx: &StepContext<'_>, _by: &AuthenticatorName, _credential: &str) -> bool {
        true
    }

    /// When what the user would pass with came in the place of something else that they had, where it did: whoever stole an account
    /// begins with that. A step with a cool-off takes it only some time after.
    fn changed_at(&self, _cx: &StepContext<'_>) -> Option<Time> {
        None
    }

    /// How often a credential can still be used, where that has an end (a set of codes); for what its owner is shown.
    fn uses_left(&self, _credential: &Credential, _now: Time) -> Option<usize> {
        None
    }

    /// What its owner is told of a credential besides its name (that a passkey is kept on several devices).
    fn about(&self, _credential: &Credential) -> Option<Text> {
        None
    }

    /// Whether nobody has more than one credential of it. Who used theirs for one step cannot pass a later step with it that
    /// is distinct, and a chain that asks so much is refused when it is saved.
    fn one_each(&self) -> bool {
        false
    }

    /// How one is enrolled, where that is possible.
    fn enrolment(&self) -> Option<&dyn Enrolment> {
        None
    }

    /// Whether its owner has to put another in the place of a credential before a login that it was used in comes to its end.
    fn must_change(&self, _credential: &Credential) -> bool {
        false
    }

    /// How that is done: as an enrolment, whose new credential takes the place of the one that was used.
    fn replacement(&self) -> Option<&dyn Enrolment> {
        None
    }
}

/// How a credential of an authenticator comes to be: opened by the engine only after a proven floor, and for a known user.
///
/// What it adds through the context (a credential, a number that is now proved) is written in the transaction in which it
/// passes, and not before. Whoever enrolled has proved the new factor: it counts in the run as if it had been asked.
#[async_trait]
pub trait Enrolment: Send + Sync {
    /// What the log calls it, where it has a word of its own.
    fn event(&self) -> Option<&'static str> {
        None
    }

    /// Asks for what is needed.
    ///
    /// # Errors
    /// When it cannot: the user has as many as there may be.
    async fn begin(&self, cx: &mut StepContext<'_>) -> Result<Outcome, StepError>;

    /// Verifies the new credential once; it counts only after that. [`Outcome::Ask`] goes on to the next question (the code
    /// that was sent to the number), with the state that it leaves.
    ///
    /// # Errors
    /// When it cannot judge.
    async fn answer(&self, cx: &mut StepContext<'_>, input: &Fields) -> Result<Outcome, StepError>;
}

/// What an authenticator is.
#[derive(Clone, Debug)]
pub struct Descriptor {
    /// Its name in chains.
    pub name: AuthenticatorName,
    /// The most that it can prove: a proof that claims more is cut down to this.
    pub factors: BTreeSet<FactorClass>,
    /// See `factors`.
    pub properties: BTreeSet<Property>,
    /// The authentication method references that it may give (RFC 8176).
    pub amr: BTreeSet<String>,
    /// How a challenge of it comes to be.
    pub opening: Opening,
    /// The kind of connection that it needs, such as `sms`.
    pub connection: Option<&'static str>,
    /// A JSON Schema of an alternative's settings; the console draws its form from this.
    pub settings: Value,
    /// Its messages in English, by key; the server's catalogue takes them up.
    pub messages: &'static [(&'static str, &'static str)],
}

/// How a challenge comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Asking has no effect and keeps no state (a password): the page can be drawn at any time, and may ask for the user
    /// name beside it. Judging may be costly: see [`Authenticator::costly`].
    Free,
    /// Asking has an effect (a message is sent, a nonce is drawn): it needs a known user and happens once, on a POST.
    Once,
}

/// Whether a user can pass with an authenticator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// They can; `target` is shown to tell devices apart, masked, and only to somebody who has proved something.
    Ready {
        /// Such as `+1 ••• ••• ••42`.
        target: Option<String>,
    },
    /// They have none, but could enrol one.
    CanEnrol,
    /// They cannot: something of theirs is missing or not good enough.
    Unavailable {
        /// For the log and the simulator.
        why: String,
    },
    /// They can in some time: what they have is new in the place of something else, and the step has a cool-off. The engine makes this.
    NotYet {
        /// From then on.
        from: Time,
    },
    /// Nobody can at present. The engine makes this of an error and of a missing connection; an authenticator says `Err`.
    Broken {
        /// For the log and the simulator.
        why: String,
    },
}

/// What came of beginning or answering.
#[derive(Debug)]
pub enum Outcome {
    /// Ask this (again).
    Ask(Prompt),
    /// Somebody else has to act first (a push to a phone): ask again later.
    Pending,
    /// The browser has to go elsewhere (an upstream provider) and comes back with an answer.
    Redirect(Url),
    /// It is proved.
    Passed(Proof),
    /// It is not: the person's mistake, counted and kindly told.
    Rejected(Rejection),
}

/// What an authenticator says was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Which credential was used: opaque, stable, no secret.
    pub credential: String,
    /// The factor classes.
    pub factors: BTreeSet<FactorClass>,
    /// What else it is good for.
    pub properties: BTreeSet<Property>,
    /// Authentication method references (RFC 8176).
    pub amr: BTreeSet<String>,
}

/// A person's mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rejection {
    /// What was given is not right.
    Wrong,
    /// What was given is no credential of anybody's here (a passkey that was taken away): whoever keeps it may forget it.
    Unknown,
    /// It was right once, but its time is over.
    Expired,
    /// Nothing was given: asked again, not counted.
    Empty,
    /// It is too long or cannot be read: asked again, not counted, and nothing costly was done.
    Malformed,
    /// It can be read and is not taken here, such as a number that no messages go to: asked again, not counted.
    NotAllowed,
}

/// Our trouble: never counted as a wrong try, never a pass.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// Too much to do at the moment; the person may try again in a few seconds.
    #[error("busy")]
    Busy,
    /// Something that it needs does not work.
    #[error("{0}")]
    Unavailable(String),
    /// Its settings or stored data make no sense.
    #[error("misconfigured: {0}")]
    Misconfigured(String),
}

/// What an authenticator may see and do, and nothing else.
pub struct StepContext<'a> {
    /// Who is authenticating; `None` when nobody of that name exists (the person must not notice).
    pub user: Option<&'a User>,
    /// Whether it is proved that they are: what a prompt tells of somebody's own is for them alone.
    pub proven: bool,
    /// The user's credentials of this authenticator.
    pub credentials: &'a [Credential],
    /// The same of somebody who may not act, who is nobody here: to be recognised by, and never to be used.
    pub dormant: &'a [Credential],
    /// The alternative's settings.
    pub settings: &'a Map<String, Value>,
    /// The alternative's connection.
    pub connection: Option<&'a Connection>,
    /// The languages that the browser asks for, best first (BCP 47); [`languages`](Self::languages) knows the user's own too.
    pub locales: &'a [String],
    /// The service provider's name, for messages.
    pub client_name: &'a str,
    /// The host of this server, for the last line of an SMS.
    pub host: &'a str,
    /// The time.
    pub now: Time,
    /// Chance.
    pub random: &'a dyn Random,
    /// What the authenticator kept when it began, sealed in between; it may change it.
    pub state: Value,
    pub(crate) code: Option<IssuedCode>,
    pub(crate) code_key: CodeKey<'a>,
    pub(crate) outgoing: Option<Outgoing>,
    pub(crate) changes: Changes,
}

/// What codes of one challenge are derived from.
#[derive(Clone, Copy)]
pub(crate) struct CodeKey<'a> {
    pub(crate) prf: &'a Prf,
    pub(crate) interaction: InteractionId,
    pub(crate) step: usize,
    pub(crate) issue: u32,
}

/// A message to be sent, as a template: rendered when it leaves, so that no code is stored.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Outgoing {
    /// By which connection.
    pub connection: ConnectionName,
    /// Where to.
    pub to: String,
    /// How `to` is shown on pages and in logs.
    pub masked: String,
    /// What it is about, for a channel that has a line for that; with the same placeholders but those of the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The text with its placeholders `{{code}}`, `{{link}}`, `{{client}}`, `{{minutes}}` and `{{host}}`.
    pub template: String,
    /// The text for somebody else who signs in with `to`, instead of the other: it holds neither code nor link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<String>,
    /// What to fill in for all placeholders but the code.
    pub client: String,
    /// See `client`.
    pub host: String,
}

/// A credential whose secret an authenticator renewed (a password hash with new parameters).
#[derive(Clone, Debug)]
pub struct RenewedCredential {
    /// Which.
    pub id: CredentialId,
    /// The version that was read.
    pub version: i64,
    /// The new secret.
    pub secret: SecretString,
}

/// What an authenticator wants to be written with what it said. All of it, in one transaction, or nothing.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// Secrets that were made anew. Somebody else may have been faster; theirs is as good.
    pub renewed: Vec<RenewedCredential>,
    /// Secrets that hold what was used up. Whoever was not first has not passed.
    pub spent: Vec<RenewedCredential>,
    /// New credentials.
    pub added: Vec<AddedCredential>,
    /// Credentials that are no more.
    pub dropped: Vec<CredentialId>,
    /// What the user has now proved to be theirs.
    pub proved: Option<Contact>,
    /// Who is told of it, by a message without a code.
    pub told: Option<Outgoing>,
    /// What the log is told besides.
    pub noted: Vec<Noted>,
}

/// What the log is told of a credential that was used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noted {
    /// The kind of event.
    pub kind: &'static str,
    /// What it says of it.
    pub details: Vec<(&'static str, String)>,
}

/// A credential that was enrolled.
#[derive(Clone, Debug)]
pub struct AddedCredential {
    /// Its id.
    pub id: CredentialId,
    /// The name that its owner gave it.
    pub label: Option<String>,
    /// What the authenticator keeps.
    pub secret: SecretString,
}

/// Where somebody can be reached.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contact {
    /// A telephone number (E.164).
    PhoneNumber(String),
    /// An e-mail address.
    Email(String),
}

impl AddedCredential {
    pub(crate) fn of(self, user: UserId, authenticator: &AuthenticatorName, now: Time) -> Credential {
        let Self { id, label, secret } = self;
        Credential { id, user, authenticator: authenticator.clone(), label, secret, version: 1, created_at: now }
    }
}

impl Contact {
    /// Makes it the user's own, and verified.
    pub(crate) fn settle(self, user: &mut User, now: Time) {
        match self {
            Self::PhoneNumber(number) => {
                user.phone_number_changed_at = user.number_changed_at(Some(&number), now);
                user.phone_number = Some(number);
                user.phone_number_verified = true;
            }
            Self::Email(address) => {
                user.email = Some(address);
                user.email_verified = true;
            }
        }
        user.updated_at = now;
    }
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::PhoneNumber(_) => "PhoneNumber(…)",
            Self::Email(_) => "Email(…)",
        })
    }
}

impl StepContext<'_> {
    /// The languages of the person, best first: what they said in their profile, then what their browser asks for.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        let own = self.user.and_then(|user| user.locale.as_deref());
        own.into_iter().chain(self.locales.iter().map(String::as_str))
    }

    /// Issues a one-time code for `destination`. The code itself is derived where it is needed.
    pub fn issue_code(&mut self, spec: CodeSpec, destination: &str) {
        let expires_at = self.now + spec.life.into();
        let issue = self.code_key.issue;
        self.code = Some(IssuedCode { spec, destination: destination.to_owned(), issue, expires_at });
    }

    /// Judges what was typed against the issued code. Right codes are spent by the engine when the step passes.
    pub fn check_code(&self, typed: &str) -> Result<(), Rejection> {
        if typed.trim().is_empty() {
            return Err(Rejection::Empty);
        }
        let Some(code) = &self.code else { return Err(Rejection::Wrong) };
        let CodeKey { prf, interaction, step, .. } = self.code_key;
        let right = code.matches(typed, prf, interaction, step);
        match () {
            () if self.now >= code.expires_at => Err(Rejection::Expired),
            () if right => Ok(()),
            () => Err(Rejection::Wrong),
        }
    }

    /// Sends a message by the alternative's connection, once the challenge is stored. `template` may hold `{{code}}`,
    /// `{{client}}`, `{{minutes}}`, `{{host}}` and `{{link}}` (the page of this run with the code filled in: opening it uses
    /// nothing up); `masked` is how `to` is shown.
    ///
    /// # Errors
    /// When the alternative has no connection.
    pub fn send(&mut self, to: &str, masked: &str, template: &str) -> Result<(), StepError> {
        let connection =
            self.connection.ok_or_else(|| StepError::Misconfigured("there is no connection to send by".to_owned()))?;
        self.outgoing = Some(Outgoing {
            connection: connection.name.clone(),
            to: to.to_owned(),
            masked: masked.to_owned(),
            subject: None,
            taken: None,
            template: template.to_owned(),
            client: self.client_name.to_owned(),
            host: self.host.to_owned(),
        });
        Ok(())
    }

    /// The same by a channel that has a line for what a message is about.
    ///
    /// # Errors
    /// When the alternative has no connection.
    pub fn send_about(&mut self, to: &str, masked: &str, subject: &str, template: &str) -> Result<(), StepError> {
        self.send(to, masked, template)?;
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.subject = Some(subject.to_owned());
        }
        Ok(())
    }

    /// What goes there instead where what was named is a name that another user signs in with: whose it is learns that, and whoever
    /// named it does not. In an enrolment only.
    pub fn unless_taken(&mut self, template: &str) {
        if let Some(outgoing) = &mut self.outgoing {
            outgoing.taken = Some(template.to_owned());
        }
    }

    /// An id for something of the user's that has no credential of its own, such as a telephone number: the same each time,
    /// and it tells nothing of what it names.
    pub fn opaque_id(&self, of: &str) -> String {
        opaque_id(self.code_key.prf, self.user.map(|user| user.id), of)
    }

    /// Replaces the secret of a credential, if nobody else has since.
    pub fn renew_credential(&mut self, credential: &Credential, secret: SecretString) {
        self.changes.renewed.push(RenewedCredential { id: credential.id, version: credential.version, secret });
    }

    /// Replaces the secret of a credential by what is left of it (the time step that was used, the codes that were not). Of two
    /// answers at once one passes: whoever finds the credential changed has not.
    pub fn spend_credential(&mut self, credential: &Credential, secret: SecretString) {
        self.changes.spent.push(RenewedCredential { id: credential.id, version: credential.version, secret });
    }

    /// Tells the log besides that the step was passed, when it is.
    pub fn note(&mut self, kind: &'static str, details: Vec<(&'static str, String)>) {
        self.changes.noted.push(Noted { kind, details });
    }

    /// A new credential of the user; its id is what a proof names. In an enrolment only.
    pub fn add_credential(&mut self, label: Option<String>, secret: SecretString) -> CredentialId {
        let id = CredentialId::new(self.now, self.random);
        self.changes.added.push(AddedCredential { id, label, secret });
        id
    }

    /// A new credential that there can be once on this server, whoever's it is: `mark` is its name in the world (the id of a passkey).
    /// Its id here is made of that, so that a second one is refused where it is written down. In an enrolment only.
    pub fn add_unique_credential(&mut self, mark: &[u8], label: Option<String>, secret: SecretString) -> CredentialId {
        let id = CredentialId::of_mark(mark);
        self.changes.added.push(AddedCredential { id, label, secret });
        id
    }

    /// Takes a credential away, such as the codes that new ones replace. In an enrolment only.
    pub fn drop_credential(&mut self, credential: &Credential) {
        self.changes.dropped.push(credential.id);
    }

    /// The user has proved that this is theirs: it becomes their number or address, and verified. In an enrolment only.
    pub fn proved(&mut self, contact: Contact) {
        self.changes.proved = Some(contact);
    }

    /// Tells somebody by the alternative's connection what has changed, once it is written: where the user was reached until now.
    /// `template` may hold `{{client}}` and `{{host}}`. In an enrolment only.
    pub fn tell(&mut self, to: &str, masked: &str, template: &str) {
        let Some(connection) = self.connection else { return };
        self.changes.told = Some(Outgoing {
            connection: connection.name.clone(),
            to: to.to_owned(),
            masked: masked.to_owned(),
            subject: None,
            taken: None,
            template: template.to_owned(),
            client: self.client_name.to_owned(),
            host: self.host.to_owned(),
        });
    }

    /// The same by a channel that has a line for what a message is about.
    pub fn tell_about(&mut self, to: &str, masked: &str, subject: &str, template: &str) {
        self.tell(to, masked, template);
        if let Some(told) = &mut self.changes.told {
            told.subject = Some(subject.to_owned());
        }
    }

    /// Values that nobody can guess and nobody can have used elsewhere: of this step in this run, and of this window of time; the
    /// present one first, then the one before. Derived, so that asking keeps nothing: for a challenge that has to be on
    /// the page before anybody has done anything.
    pub fn nonces(&self, window: Duration) -> [[u8; 32]; 2] {
        let seconds = i64::try_from(window.as_secs()).unwrap_or(i64::MAX).max(1);
        let present = self.now.unix_seconds().div_euclid(seconds);
        let CodeKey { prf, interaction, step, .. } = self.code_key;
        let step = u64::try_from(step).unwrap_or(u64::MAX).to_be_bytes();
        let of = |turn: i64| prf.bytes("nonce", &[interaction.0.as_bytes(), &step, &turn.to_be_bytes()]);
        [of(present), of(present.saturating_sub(1))]
    }
}

/// What [`StepContext::opaque_id`] says, outside of any step: for what is made for a user by somebody else.
pub fn opaque_id(prf: &Prf, user: Option<UserId>, of: &str) -> String {
    let user = user.map(|user| user.to_string()).unwrap_or_default();
    prf.text("opaque id", &[user.as_bytes(), of.as_bytes()])
}

/// The authenticators that this server has, by name.
#[derive(Clone, Default)]
pub struct Registry(Vec<Arc<dyn Authenticator>>);

impl Registry {
    /// A registry of these.
    pub fn new(authenticators: Vec<Arc<dyn Authenticator>>) -> Self {
        Self(authenticators)
    }

    /// The authenticator of that name.
    pub fn get(&self, name: &AuthenticatorName) -> Option<&dyn Authenticator> {
        self.0.iter().map(AsRef::as_ref).find(|a| a.descriptor().name == *name)
    }

    /// Whether the authenticator of that name proves more than knowledge.
    pub fn beyond_knowledge(&self, name: &AuthenticatorName) -> bool {
        let classes = self.get(name).map(|authenticator| &authenticator.descriptor().factors);
        classes.is_some_and(|classes| classes.iter().any(|class| *class != FactorClass::Knowledge))
    }

    /// How strong a proof by the authenticator of that name can be.
    pub fn proves(&self, name: &AuthenticatorName) -> Strength {
        let known = self.get(name).map(Authenticator::descriptor);
        known.map(|known| Strength::of(&known.factors, &known.properties)).unwrap_or_default()
    }

    /// How strong a proof has to be of whoever has a credential of the authenticator of that name.
    pub fn strength_wanted(&self, name: &AuthenticatorName) -> Strength {
        let known = self.get(name).map(Authenticator::descriptor);
        known.map(|known| Strength::wanted_by(&known.factors, &known.properties)).unwrap_or_default()
    }

    /// The best that somebody has who has these credentials, without asking anybody whether it works.
    pub fn strength_of(&self, user: &User, credentials: &[Credential]) -> Strength {
        let number = if user.phone_number_verified { Strength::Carried } else { Strength::Knowledge };
        credentials.iter().map(|own| self.strength_wanted(&own.authenticator)).fold(number, Strength::max)
    }

    /// All of them, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Authenticator> {
        self.0.iter().map(AsRef::as_ref)
    }
}

impl From<Rejection> for Outcome {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// The label of an authenticator in a list of alternatives: the message `<name>.label`.
pub fn label(name: &AuthenticatorName) -> Text {
    Text::new(&format!("{name}.label"))
}
