//! One step without an engine: owns what a [`StepContext`] borrows, and keeps what an authenticator did with it.
//!
//! It does between `begin` and `answer` what the engine does (state and code are carried over, a new beginning issues a
//! new code), and nothing else: no budgets, no expiry of the challenge, no store. Its chance is seeded, so two fixtures make
//! the same user, the same ids and the same keys.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::SeededRandom;
use crate::{
    authenticator::{
        Authenticator, Changes, CodeKey, Outcome, Outgoing, Readiness, RenewedCredential, StepContext, StepError,
    },
    channel::{Connection, Settings},
    code::IssuedCode,
    crypto::{MasterKey, Prf},
    id::{AuthenticatorName, CredentialId, InteractionId, UserId},
    prompt::Fields,
    random::RandomExt as _,
    time::Time,
    user::{Credential, LoginName, User},
};

/// A step, its user, and what became of it. Everything that a test may want to change is public.
pub struct StepFixture {
    /// Who is authenticating.
    pub user: Option<User>,
    /// Whether it is proved that they are.
    pub proven: bool,
    /// Their credentials.
    pub credentials: Vec<Credential>,
    /// The same of somebody who may not act.
    pub dormant: Vec<Credential>,
    /// The alternative's settings.
    pub settings: Map<String, Value>,
    /// The alternative's connection.
    pub connection: Option<Connection>,
    /// The languages that the browser asks for.
    pub locales: Vec<String>,
    /// The time.
    pub now: Time,
    /// What the authenticator kept.
    pub state: Value,
    random: SeededRandom,
    prf: Prf,
    interaction: InteractionId,
    issues: u32,
    code: Option<IssuedCode>,
    outgoing: Option<Outgoing>,
    changes: Changes,
}

impl StepFixture {
    /// The name of the service provider in every fixture.
    pub const CLIENT_NAME: &str = "Books & Co";
    /// The host of the server in every fixture.
    pub const HOST: &str = "login.example.org";
    const STEP: usize = 1;

    /// A step of the user `alice`, who has nothing yet.
    #[expect(clippy::missing_panics_doc, clippy::expect_used, reason = "the name is a good one")]
    pub fn new() -> Self {
        let random = SeededRandom::new(1);
        let now = Time::from_unix_seconds(1_800_000_000);
        let user = User::new(UserId::new(now, &random), LoginName::parse("alice").expect("a name"), now);
        Self {
            user: Some(user),
            proven: false,
            credentials: Vec::new(),
            dormant: Vec::new(),
            settings: Map::new(),
            connection: None,
            locales: Vec::new(),
            now,
            state: Value::Null,
            prf: MasterKey::generate(&random).prf(),
            interaction: InteractionId::new(now, &random),
            random,
            issues: 0,
            code: None,
            outgoing: None,
            changes: Changes::default(),
        }
    }

    /// The same with a telephone number.
    #[must_use]
    pub fn phone(mut self, number: &str, verified: bool) -> Self {
        if let Some(user) = &mut self.user {
            user.phone_number = Some(number.to_owned());
            user.phone_number_verified = verified;
        }
        self
    }

    /// The same with a credential.
    #[must_use]
    pub fn credential(mut self, authenticator: &str, secret: impl Into<String>) -> Self {
        if let Some(user) = &self.user {
            let id = CredentialId::new(self.now, &self.random);
            let (authenticator, secret) = (AuthenticatorName::from(authenticator), SecretString::from(secret.into()));
            let (user, created_at) = (user.id, self.now);
            self.credentials.push(Credential { id, user, authenticator, label: None, secret, version: 1, created_at });
        }
        self
    }

    /// The same with a setting of the alternative.
    #[must_use]
    pub fn setting(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.settings.insert(name.to_owned(), value.into());
        self
    }

    /// The same with a connection of that kind, named after it in capitals, without settings.
    #[must_use]
    pub fn connection(mut self, kind: &str) -> Self {
        let name = kind.to_uppercase().into();
        self.connection =
            Some(Connection { name, kind: kind.to_owned(), settings: Settings::default(), disabled: false });
        self
    }

    /// The same for a name that nobody has.
    #[must_use]
    pub fn nobody(mut self) -> Self {
        self.user = None;
        self.credentials.clear();
        self
    }

    /// The context, as an authenticator sees it.
    pub fn context(&self) -> StepContext<'_> {
        StepContext {
            user: self.user.as_ref(),
            proven: self.proven && self.user.is_some(),
            credentials: &self.credentials,
            dormant: &self.dormant,
            settings: &self.settings,
            connection: self.connection.as_ref(),
            locales: &self.locales,
            client_name: Self::CLIENT_NAME,
            host: Self::HOST,
            now: self.now,
            random: &self.random,
            state: self.state.clone(),
            code: self.code.clone(),
            code_key: CodeKey { prf: &self.prf, interaction: self.interaction, step: Self::STEP, issue: self.issues },
            outgoing: None,
            changes: Changes::default(),
        }
    }

    /// Whether the user can pass.
    ///
    /// # Errors
    /// The authenticator's.
    pub async fn readiness(&self, authenticator: &dyn Authenticator) -> Result<Readiness, StepError> {
        authenticator.readiness(&self.context()).await
    }

    /// Whether the user still has the credential of a proof.
    pub fn holds(&self, authenticator: &dyn Authenticator, credential: &str) -> bool {
        authenticator.holds(&self.context(), credential)
    }

    /// Begins, and keeps what came of it.
    ///
    /// # Errors
    /// The authenticator's.
    pub async fn begin(&mut self, authenticator: &dyn Authenticator) -> Result<Outcome, StepError> {
        self.issues += 1;
        self.code = None;
        let mut cx = self.context();
        let outcome = authenticator.begin(&mut cx).await;
        let effects = (cx.state, cx.code, cx.outgoing, cx.changes);
        self.keep(effects);
        outcome
    }

    /// Answers, and keeps what came of it.
    ///
    /// # Errors
    /// The authenticator's.
    pub async fn answer(&mut self, authenticator: &dyn Authenticator, input: &Fields) -> Result<Outcome, StepError> {
        let mut cx = self.context();
        let outcome = authenticator.answer(&mut cx, input).await;
        let effects = (cx.state, cx.code, cx.outgoing, cx.changes);
        self.keep(effects);
        outcome
    }

    fn keep(&mut self, effects: (Value, Option<IssuedCode>, Option<Outgoing>, Changes)) {
        let (state, code, outgoing, changes) = effects;
        self.state = state;
        self.code = code;
        self.outgoing = outgoing.or(self.outgoing.take());
        let Changes { renewed, spent, added, dropped, proved, told, noted } = changes;
        self.changes.noted.extend(noted);
        self.changes.told = told.or(self.changes.told.take());
        self.changes.renewed.extend(renewed);
        self.changes.spent.extend(spent);
        self.changes.added.extend(added);
        self.changes.dropped.extend(dropped);
        self.changes.proved = proved.or(self.changes.proved.take());
    }

    /// The keyed hash of this fixture's server.
    pub fn prf(&self) -> &Prf {
        &self.prf
    }

    /// The code that was issued, without the code.
    pub fn issued(&self) -> Option<&IssuedCode> {
        self.code.as_ref()
    }

    /// The code itself.
    pub fn code(&self) -> Option<SecretString> {
        self.code.as_ref().map(|code| code.reveal(&self.prf, self.interaction, Self::STEP))
    }

    /// The last message that was sent.
    pub fn outgoing(&self) -> Option<&Outgoing> {
        self.outgoing.as_ref()
    }

    /// The credentials that were renewed.
    pub fn renewed(&self) -> &[RenewedCredential] {
        &self.changes.renewed
    }

    /// All that the authenticator wanted to be written.
    pub fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Takes up the credentials that were added, spent and dropped, as the engine does when a step passes.
    pub fn settle(&mut self, authenticator: &dyn Authenticator) {
        let Changes { renewed, spent, added, dropped, proved, .. } = std::mem::take(&mut self.changes);
        let Some(user) = &mut self.user else { return };
        for change in renewed.into_iter().chain(spent) {
            let own = self.credentials.iter_mut().find(|own| (own.id, own.version) == (change.id, change.version));
            if let Some(own) = own {
                (own.secret, own.version) = (change.secret, own.version + 1);
            }
        }
        self.credentials.retain(|own| !dropped.contains(&own.id));
        let name = &authenticator.descriptor().name;
        self.credentials.extend(added.into_iter().map(|added| added.of(user.id, name, self.now)));
        if let Some(proved) = proved {
            proved.settle(user, self.now);
        }
    }

    /// Begins an enrolment, and keeps what came of it.
    ///
    /// # Errors
    /// The authenticator's.
    #[expect(clippy::missing_panics_doc, clippy::expect_used, reason = "a test asks it of what can be enrolled")]
    pub async fn begin_enrolment(&mut self, authenticator: &dyn Authenticator) -> Result<Outcome, StepError> {
        self.issues += 1;
        self.code = None;
        let mut cx = self.context();
        let outcome = authenticator
            .enrolment()
            .or_else(|| authenticator.replacement())
            .expect("it can be enrolled")
            .begin(&mut cx)
            .await;
        let effects = (cx.state, cx.code, cx.outgoing, cx.changes);
        self.keep(effects);
        outcome
    }

    /// Answers an enrolment, and keeps what came of it.
    ///
    /// # Errors
    /// The authenticator's.
    #[expect(clippy::missing_panics_doc, clippy::expect_used, reason = "a test asks it of what can be enrolled")]
    pub async fn answer_enrolment(
        &mut self,
        authenticator: &dyn Authenticator,
        input: &Fields,
    ) -> Result<Outcome, StepError> {
        let mut cx = self.context();
        let outcome = authenticator
            .enrolment()
            .or_else(|| authenticator.replacement())
            .expect("it can be enrolled")
            .answer(&mut cx, input)
            .await;
        let effects = (cx.state, cx.code, cx.outgoing, cx.changes);
        self.keep(effects);
        outcome
    }

    /// 32 random bytes as text: a value that nobody can have guessed.
    pub fn unguessable(&self) -> String {
        self.random.bytes::<32>().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A code of the issued one's shape that is not it.
    pub fn wrong_code(&self) -> String {
        let right = self.code().map(|code| code.expose_secret().to_owned()).unwrap_or_else(|| "000000".to_owned());
        right.chars().map(|c| if c == '3' { '4' } else { '3' }).collect()
    }
}

impl Default for StepFixture {
    fn default() -> Self {
        Self::new()
    }
}
