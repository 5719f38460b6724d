//! A transaction: a connection that it owns, and what went wrong in it.
//!
//! It owns its connection so that it has no lifetime, and `&mut Tx` is a `&mut dyn` of the engine's and the protocol's
//! verbs. Whoever runs a job begins and ends the transaction; a job cannot.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use diesel::{
    Connection,
    connection::{AnsiTransactionManager, TransactionManager as _},
    r2d2::{ConnectionManager, PooledConnection, R2D2Connection},
    result::{Error as QueryError, QueryResult},
};
use vestibule_core::{
    audit::{
        AuditEvent,
        chain::{AuditRow, Seal as AuditSeal},
        page::{AuditCursor, AuditFilter, AuditPage},
    },
    budget::{Budget, BudgetKey},
    chain::{ChainDocument, ChainRevision},
    channel::{Connection as ChannelConnection, SendOutcome},
    device::TrustedDevice,
    directory::{GroupCount, OneTimeLink, Receipt, UserPlace, UserSearch},
    draft::{Byline, ChainDraft, HistoryEntry, LackCount, LackQuestion},
    id::{
        AuthenticatorName, ChainName, ChallengeId, ClientId, ConnectionName, CredentialId, DeviceId, InteractionId,
        MessageId, SessionId, UserId,
    },
    interaction::{Challenge, Interaction},
    joining::{Invitation, Registration},
    outbox::Posted,
    session::Session,
    store::{Job, StoreError, StoreResult},
    tally::{Moment, Span, Tally, Total},
    time::Time,
    user::{Credential, LoginName, User},
};
use vestibule_jose::StoredKey;
use vestibule_oauth::{
    managed::{Managed, ObjectKind},
    model::{AuthorizationCode, Client, Consent, Grant, GrantId, RefreshState},
};

use crate::{
    error::{Failure, Verdict, passing, told},
    seal::Seal,
    tables,
};

/// The verbs of the whole server, as a job sees them.
pub(crate) type Verbs = dyn vestibule_oauth::store::Tx;

/// A transaction on a connection of type `C`.
pub(crate) struct Tx<C: R2D2Connection + 'static> {
    pub(crate) connection: PooledConnection<ConnectionManager<C>>,
    pub(crate) seal: Arc<Seal>,
    trouble: Option<Trouble>,
}

/// An error of the database: whatever the job made of it, this transaction will not be committed. (PostgreSQL would
/// answer its COMMIT with a quiet rollback.)
struct Trouble {
    passing: bool,
    why: String,
}

/// Why a transaction was rolled back.
#[derive(Debug)]
pub(crate) struct Undone {
    /// Whether the same job may succeed at once.
    pub(crate) passing: bool,
    pub(crate) error: StoreError,
}

impl From<&QueryError> for Undone {
    fn from(error: &QueryError) -> Self {
        Self { passing: passing(error), error: told(error) }
    }
}

impl<C> Tx<C>
where
    C: R2D2Connection + Connection<TransactionManager = AnsiTransactionManager> + 'static,
    Self: vestibule_oauth::store::Tx,
{
    pub(crate) fn new(connection: PooledConnection<ConnectionManager<C>>, seal: Arc<Seal>) -> Self {
        Self { connection, seal, trouble: None }
    }

    /// Begins the transaction with a statement of its own kind.
    pub(crate) fn begin(&mut self, statement: &str) -> QueryResult<()> {
        AnsiTransactionManager::begin_transaction_sql(&mut *self.connection, statement)
    }

    /// Sets a savepoint, to which the next [`Tx::undo`] goes back.
    pub(crate) fn savepoint(&mut self) -> QueryResult<()> {
        AnsiTransactionManager::begin_transaction(&mut *self.connection)
    }

    /// Keeps what was done since the last savepoint; commits, when there is none.
    pub(crate) fn keep(&mut self) -> QueryResult<()> {
        AnsiTransactionManager::commit_transaction(&mut *self.connection)
    }

    /// Undoes what was done since the last savepoint; rolls back, when there is none.
    pub(crate) fn undo(&mut self) -> QueryResult<()> {
        AnsiTransactionManager::rollback_transaction(&mut *self.connection)
    }

    /// Runs a job. A panic in it is its failure alone.
    pub(crate) fn run(&mut self, job: &mut Job<Verbs>) -> Result<(), Undone> {
        self.trouble = None;
        let result = catch_unwind(AssertUnwindSafe(|| {
            let verbs: &mut Verbs = self;
            job(verbs)
        }));
        let trouble = self.trouble.take();
        let passing = trouble.as_ref().is_some_and(|trouble| trouble.passing);
        let error = match (result, trouble) {
            (Ok(Ok(())), None) => return Ok(()),
            (Ok(Ok(())), Some(Trouble { why, .. })) => StoreError::Unavailable(why),
            (Ok(Err(error)), _) => error,
            (Err(_), _) => StoreError::Unavailable("the work panicked".to_owned()),
        };
        Err(Undone { passing, error })
    }
}

impl<C: R2D2Connection + 'static> Tx<C> {
    /// Notes the database's own errors, and tells the others.
    fn noted<T>(&mut self, verdict: Verdict<T>) -> StoreResult<T> {
        verdict.map_err(|failure| {
            if let Failure::Query(error) = &failure {
                self.trouble = Some(Trouble { passing: passing(error), why: error.to_string() });
            }
            failure.into()
        })
    }
}

verbs! { vestibule_core::store::Tx {
    users {
        fn user(id: UserId) -> Option<User>;
        fn user_by_login(name: &LoginName) -> Option<User>;
        fn users(after: Option<UserId>, limit: usize) -> Vec<User>;
        fn insert_user(user: &User) -> ();
        fn update_user(user: &User) -> ();
    }
    directory {
        fn find_users(search: &UserSearch, after: Option<&UserPlace>, limit: usize) -> Vec<(UserPlace, User)>;
        fn users_of(ids: &[UserId]) -> Vec<User>;
        fn groups(after: Option<&str>, limit: usize) -> Vec<GroupCount>;
        fn delete_user(id: UserId) -> bool;
        fn note_signed_in(users: &[UserId]) -> ();
    }
    links {
        fn insert_link(link: &OneTimeLink) -> ();
        fn link(hash: &str) -> Option<OneTimeLink>;
        fn consume_link(hash: &str, purpose: &str, now: Time) -> bool;
        fn open_receipt(key: &str, fingerprint: &str, expires_at: Time, now: Time) -> bool;
        fn receipt(key: &str) -> Option<Receipt>;
        fn fill_receipt(key: &str, answer: &str) -> ();
        fn drop_receipt(key: &str) -> ();
    }
    credentials {
        fn credentials(user: UserId, authenticator: &AuthenticatorName) -> Vec<Credential>;
        fn credentials_of(user: UserId) -> Vec<Credential>;
        fn credentials_of_all(users: &[UserId]) -> Vec<Credential>;
        fn insert_credential(credential: &Credential) -> ();
        fn renew_credential(id: CredentialId, version: i64, secret: &str) -> bool;
        fn delete_credential(id: CredentialId) -> bool;
    }
    configuration {
        fn published_chains() -> Vec<ChainRevision>;
        fn chain_revision(chain: &ChainName, revision: i64) -> Option<ChainRevision>;
        fn delete_chain(chain: &ChainName) -> bool;
        fn connections() -> Vec<ChannelConnection>;
        fn put_connection(connection: &ChannelConnection) -> ();
        fn delete_connection(name: &ConnectionName) -> bool;
        fn configuration_version() -> i64;
    }
    chains {
        fn publish_chain_by(chain: &ChainName, document: &ChainDocument, byline: &Byline, now: Time) -> i64;
        fn chain_history(chain: &ChainName, before: Option<i64>, limit: usize) -> Vec<HistoryEntry>;
        fn chain_drafts() -> Vec<ChainDraft>;
        fn chain_draft(chain: &ChainName) -> Option<ChainDraft>;
        fn put_chain_draft(draft: &ChainDraft) -> ();
        fn delete_chain_draft(chain: &ChainName) -> bool;
        fn users_lacking(questions: &[LackQuestion]) -> Vec<LackCount>;
    }
    interactions {
        fn insert_interaction(interaction: &Interaction) -> ();
        fn interaction(id: InteractionId) -> Option<Interaction>;
        fn advance_interaction(interaction: &Interaction) -> bool;
        fn note_interaction(interaction: &Interaction) -> bool;
    }
    challenges {
        fn insert_challenge(challenge: &Challenge) -> ();
        fn challenge(id: ChallengeId) -> Option<Challenge>;
        fn challenges(interaction: InteractionId) -> Vec<Challenge>;
        fn count_try(id: ChallengeId, now: Time) -> Option<u32>;
        fn count_send(id: ChallengeId, sent_at: Option<Time>, now: Time) -> bool;
        fn record_send(id: ChallengeId, sent_at: Time, outcome: &SendOutcome, by: Option<&ConnectionName>) -> ();
        fn sent_challenge(outcome: &SendOutcome, by: Option<&ConnectionName>) -> Option<Challenge>;
        fn settle_send(id: ChallengeId, before: &SendOutcome, after: &SendOutcome, by: Option<&ConnectionName>) -> bool;
        fn consume_challenge(id: ChallengeId, now: Time) -> bool;
    }
    sessions {
        fn insert_session(session: &Session) -> ();
        fn session(id: SessionId) -> Option<Session>;
        fn session_and_user(id: SessionId) -> Option<(Session, User)>;
        fn renew_session(session: &Session) -> bool;
        fn mark_session_seen(id: SessionId, generation: i64) -> ();
        fn end_session(id: SessionId, now: Time) -> bool;
        fn sessions_of(user: UserId, now: Time) -> Vec<Session>;
        fn living_sessions(before: Option<(Time, SessionId)>, now: Time, limit: usize) -> Vec<Session>;
    }
    devices {
        fn insert_device(device: &TrustedDevice) -> ();
        fn device(id: DeviceId) -> Option<TrustedDevice>;
        fn rotate_device(device: &TrustedDevice, now: Time) -> bool;
        fn revoke_device(id: DeviceId, now: Time) -> bool;
        fn revoke_devices(user: UserId, now: Time) -> usize;
        fn devices_of(user: UserId, now: Time) -> Vec<TrustedDevice>;
    }
    budgets {
        fn budget(key: &BudgetKey) -> Budget;
        fn put_budget(key: &BudgetKey, budget: Budget, forgotten_at: Time) -> ();
        fn clear_budget(key: &BudgetKey) -> ();
    }
    joining {
        fn put_invitation(invitation: &Invitation) -> ();
        fn invitation_of(user: UserId) -> Option<Invitation>;
        fn invitation(hash: &str) -> Option<Invitation>;
        fn accept_invitation(hash: &str, now: Time) -> bool;
        fn revoke_invitation(user: UserId, now: Time) -> bool;
        fn registration_closed() -> bool;
        fn close_registration(closed: bool) -> ();
        fn insert_registration(registration: &Registration) -> ();
        fn registration(key: &str) -> Option<Registration>;
        fn advance_registration(registration: &Registration) -> bool;
    }
    outbox {
        fn post(posted: &Posted) -> ();
        fn due_posts(now: Time, limit: usize) -> Vec<Posted>;
        fn claim_post(id: MessageId, before: Time, after: Time) -> bool;
        fn drop_post(id: MessageId) -> bool;
    }
    audit {
        fn append_audit(event: &AuditEvent) -> ();
        fn latest_audit(limit: usize) -> Vec<AuditEvent>;
        fn audit_page(filter: &AuditFilter, before: Option<AuditCursor>, limit: usize) -> AuditPage;
        fn unsealed_audit(limit: usize) -> Vec<AuditRow>;
        fn audit_after(after: i64, limit: usize) -> Vec<AuditRow>;
        fn last_sealed_audit() -> Option<(i64, String)>;
        fn audit_head() -> Option<Vec<u8>>;
        fn seal_audit(before: &[u8], after: &[u8], seals: &[AuditSeal]) -> bool;
        fn audit_mark(name: &str) -> Option<i64>;
        fn audit_marks() -> BTreeMap<String, i64>;
        fn move_audit_mark(name: &str, before: Option<i64>, after: i64) -> bool;
    }
    tallies {
        fn tally_mark() -> i64;
        fn move_tally_mark(before: i64, after: i64) -> bool;
        fn add_tallies(tallies: &[Tally]) -> ();
        fn tallies_by_time(span: Span, since: Time, what: &[&str]) -> Vec<Moment>;
        fn tallies_by_subject(span: Span, since: Time) -> Vec<Total>;
        fn tallies_since(span: Span, since: Time, what: &[&str]) -> Vec<Tally>;
    }
    sweep {
        fn sweep(now: Time, limit: usize) -> usize;
    }
}}

verbs! { vestibule_oauth::store::Tx {
    clients {
        fn clients() -> Vec<Client>;
        fn put_client(client: &Client) -> ();
        fn delete_client(id: &ClientId, now: Time) -> bool;
    }
    managed {
        fn managed(kind: ObjectKind, name: &str) -> Option<Managed>;
        fn managed_all() -> Vec<Managed>;
        fn set_managed(managed: &Managed) -> ();
        fn clear_managed(kind: ObjectKind, name: &str) -> bool;
    }
    keys {
        fn signing_keys() -> Vec<StoredKey>;
        fn put_signing_key(key: &StoredKey) -> ();
        fn delete_signing_key(id: &str) -> ();
    }
    grants {
        fn insert_grant(grant: &Grant) -> ();
        fn grant(id: GrantId) -> Option<Grant>;
        fn revoke_grant(id: GrantId, now: Time) -> bool;
        fn revoke_session_grants(session: SessionId, now: Time) -> usize;
        fn revoke_consent_grants(user: UserId, client: &ClientId, now: Time) -> usize;
        fn newest_grants(user: UserId, now: Time) -> Vec<Grant>;
        fn rotate_refresh(id: GrantId, before: RefreshState, after: RefreshState) -> bool;
    }
    codes {
        fn insert_code(code: &AuthorizationCode) -> ();
        fn code(hash: &str) -> Option<AuthorizationCode>;
        fn consume_code(hash: &str, now: Time) -> bool;
    }
    consents {
        fn consent(user: UserId, client: &ClientId) -> Option<Consent>;
        fn consents_of(user: UserId) -> Vec<Consent>;
        fn put_consent(consent: &Consent) -> ();
        fn delete_consent(user: UserId, client: &ClientId) -> bool;
    }
    tokens {
        fn use_assertion(client: &ClientId, jti: &str, expires_at: Time) -> bool;
        fn revoke_token(jti: &str, expires_at: Time) -> ();
        fn token_revoked(jti: &str) -> bool;
    }
}}
