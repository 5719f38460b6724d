//! The ports to the database. Two verbs, `read` and `write`; inside them, domain verbs.
//!
//! A `write` is a transaction: all of it or nothing, and durable when it returns. Single use is decided here, by
//! conditional updates whose row count is the answer; reading first and deciding in memory would let two requests win.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;

use crate::{
    audit::{
        AuditEvent,
        chain::{AuditRow, Seal},
        page::{AuditCursor, AuditFilter, AuditPage},
    },
    budget::{Budget, BudgetKey},
    chain::{ChainDocument, ChainRevision},
    channel::{Connection, SendOutcome},
    device::TrustedDevice,
    directory::{GroupCount, OneTimeLink, Receipt, UserPlace, UserSearch},
    draft::{Byline, ChainDraft, HistoryEntry, LackCount, LackQuestion},
    id::{
        AuthenticatorName, ChainName, ChallengeId, ConnectionName, CredentialId, DeviceId, InteractionId, MessageId,
        SessionId, UserId,
    },
    interaction::{Challenge, Interaction},
    joining::{Invitation, Registration},
    outbox::Posted,
    session::Session,
    tally::{Moment, Span, Tally, Total},
    time::Time,
    user::{Credential, LoginName, User},
};

/// Why the store did not do it. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or has no time for us: the same call may work in a moment. Answered as 503.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Somebody else was faster: what was read is no longer so, or what must be unique is taken.
    #[error("changed by somebody else: {0}")]
    Conflict(String),
    /// What is stored cannot be read.
    #[error("stored data cannot be read: {0}")]
    Damaged(String),
}

/// The result of a store call.
pub type StoreResult<T> = Result<T, StoreError>;

/// The verbs of the engine, inside one transaction.
pub trait Tx: Send {
    /// The user of that id.
    fn user(&mut self, id: UserId) -> StoreResult<Option<User>>;
    /// The user who signs in with that name: their user name, or their e-mail address.
    fn user_by_login(&mut self, name: &LoginName) -> StoreResult<Option<User>>;
    /// Up to `limit` users whose id is greater than `after`, by id.
    fn users(&mut self, after: Option<UserId>, limit: usize) -> StoreResult<Vec<User>>;
    /// A new user. [`StoreError::Conflict`] when a login name is taken.
    fn insert_user(&mut self, user: &User) -> StoreResult<()>;
    /// Changes a user. Of one who is disabled every session, grant, remembered device and link ends, for good.
    /// [`StoreError::Conflict`] when a login name is taken.
    fn update_user(&mut self, user: &User) -> StoreResult<()>;
    /// Up to `limit` users of a search behind `after`, by user name, or by the name that was found.
    fn find_users(
        &mut self,
        search: &UserSearch,
        after: Option<&UserPlace>,
        limit: usize,
    ) -> StoreResult<Vec<(UserPlace, User)>>;
    /// The users of these ids, in no order; who is gone is left out.
    fn users_of(&mut self, ids: &[UserId]) -> StoreResult<Vec<User>>;
    /// Up to `limit` groups that have members, behind `after`, by name.
    fn groups(&mut self, after: Option<&str>, limit: usize) -> StoreResult<Vec<GroupCount>>;
    /// Removes a user and everything that is theirs: names, credentials, sessions, grants, consents, devices, links; whether
    /// there was one.
    fn delete_user(&mut self, id: UserId) -> StoreResult<bool>;
    /// Every credential of a user, oldest first.
    fn credentials_of(&mut self, user: UserId) -> StoreResult<Vec<Credential>>;
    /// Every credential of each of these users, oldest first.
    fn credentials_of_all(&mut self, users: &[UserId]) -> StoreResult<Vec<Credential>>;
    /// The user's credentials of that authenticator, oldest first.
    fn credentials(&mut self, user: UserId, authenticator: &AuthenticatorName) -> StoreResult<Vec<Credential>>;
    /// A new credential.
    fn insert_credential(&mut self, credential: &Credential) -> StoreResult<()>;
    /// Replaces a credential's secret if its version is still `version`; whether it was.
    fn renew_credential(&mut self, id: CredentialId, version: i64, secret: &str) -> StoreResult<bool>;
    /// Removes a credential; whether there was one.
    fn delete_credential(&mut self, id: CredentialId) -> StoreResult<bool>;

    /// Every chain's published revision.
    fn published_chains(&mut self) -> StoreResult<Vec<ChainRevision>>;
    /// One revision, published or older.
    fn chain_revision(&mut self, chain: &ChainName, revision: i64) -> StoreResult<Option<ChainRevision>>;
    /// Publishes the next revision of a chain; its number.
    fn publish_chain_by(
        &mut self,
        chain: &ChainName,
        document: &ChainDocument,
        byline: &Byline,
        now: Time,
    ) -> StoreResult<i64>;
    /// Publishes the next revision of a chain in nobody's name; its number.
    fn publish_chain(&mut self, chain: &ChainName, document: &ChainDocument, now: Time) -> StoreResult<i64> {
        self.publish_chain_by(chain, document, &Byline::default(), now)
    }
    /// Up to `limit` revisions of a chain older than `before`, newest first.
    fn chain_history(&mut self, chain: &ChainName, before: Option<i64>, limit: usize)
    -> StoreResult<Vec<HistoryEntry>>;
    /// Every draft of a chain.
    fn chain_drafts(&mut self) -> StoreResult<Vec<ChainDraft>>;
    /// The draft of a chain.
    fn chain_draft(&mut self, chain: &ChainName) -> StoreResult<Option<ChainDraft>>;
    /// Makes or replaces a draft.
    fn put_chain_draft(&mut self, draft: &ChainDraft) -> StoreResult<()>;
    /// Throws a draft away; whether there was one.
    fn delete_chain_draft(&mut self, chain: &ChainName) -> StoreResult<bool>;
    /// For each question, how many of its users have none of its means. Of the newest
    /// [`COUNTED_USERS`](crate::draft::COUNTED_USERS).
    fn users_lacking(&mut self, questions: &[LackQuestion]) -> StoreResult<Vec<LackCount>>;
    /// Removes a chain (its revisions stay for interactions under way); whether there was one.
    fn delete_chain(&mut self, chain: &ChainName) -> StoreResult<bool>;
    /// Every connection.
    fn connections(&mut self) -> StoreResult<Vec<Connection>>;
    /// Makes or changes a connection.
    fn put_connection(&mut self, connection: &Connection) -> StoreResult<()>;
    /// Removes a connection; whether there was one.
    fn delete_connection(&mut self, name: &ConnectionName) -> StoreResult<bool>;
    /// The number that every change of configuration (chains, connections, clients, keys) raises.
    fn configuration_version(&mut self) -> StoreResult<i64>;

    /// A new interaction.
    fn insert_interaction(&mut self, interaction: &Interaction) -> StoreResult<()>;
    /// The interaction of that id.
    fn interaction(&mut self, id: InteractionId) -> StoreResult<Option<Interaction>>;
    /// Saves an interaction whose version was raised by one, if the stored version is still the one before; whether it was.
    fn advance_interaction(&mut self, interaction: &Interaction) -> StoreResult<bool>;
    /// Saves an interaction that stays in its version, if that is still the stored one; whether it was. What is judged meanwhile
    /// is not too late by it.
    fn note_interaction(&mut self, interaction: &Interaction) -> StoreResult<bool>;

    /// A new challenge.
    fn insert_challenge(&mut self, challenge: &Challenge) -> StoreResult<()>;
    /// The challenge of that id.
    fn challenge(&mut self, id: ChallengeId) -> StoreResult<Option<Challenge>>;
    /// The challenges of an interaction, oldest first.
    fn challenges(&mut self, interaction: InteractionId) -> StoreResult<Vec<Challenge>>;
    /// Counts a try, if the challenge is alive: the tries now, or `None` when it was dead, spent or too old.
    fn count_try(&mut self, id: ChallengeId, now: Time) -> StoreResult<Option<u32>>;
    /// Counts a send, if the last was `sent_at` (nobody pressed the button twice); whether it was.
    fn count_send(&mut self, id: ChallengeId, sent_at: Option<Time>, now: Time) -> StoreResult<bool>;
    /// Records how the send of `sent_at` went, and who carried it. A refused one is taken back from the count.
    fn record_send(
        &mut self,
        id: ChallengeId,
        sent_at: Time,
        outcome: &SendOutcome,
        by: Option<&ConnectionName>,
    ) -> StoreResult<()>;
    /// The challenge whose last send went like this, its reference included, and was carried by `by`.
    fn sent_challenge(&mut self, outcome: &SendOutcome, by: Option<&ConnectionName>) -> StoreResult<Option<Challenge>>;
    /// Records what is known later of a send that went like `before`, if it is still that; whether it was.
    fn settle_send(
        &mut self,
        id: ChallengeId,
        before: &SendOutcome,
        after: &SendOutcome,
        by: Option<&ConnectionName>,
    ) -> StoreResult<bool>;
    /// Spends a challenge, if it is unspent; whether it was.
    fn consume_challenge(&mut self, id: ChallengeId, now: Time) -> StoreResult<bool>;

    /// A new session.
    fn insert_session(&mut self, session: &Session) -> StoreResult<()>;
    /// The session of that id, living or not.
    fn session(&mut self, id: SessionId) -> StoreResult<Option<Session>>;
    /// The same, with whose it is: what every page asks for.
    fn session_and_user(&mut self, id: SessionId) -> StoreResult<Option<(Session, User)>>;
    /// Saves a session whose generation was raised by one, if the stored one is still the one before and it has not ended; whether it was.
    fn renew_session(&mut self, session: &Session) -> StoreResult<bool>;
    /// Marks the present generation as seen.
    fn mark_session_seen(&mut self, id: SessionId, generation: i64) -> StoreResult<()>;
    /// Ends a session; whether it was alive.
    fn end_session(&mut self, id: SessionId, now: Time) -> StoreResult<bool>;
    /// Up to `limit` living sessions that began before `before`, newest first.
    fn living_sessions(
        &mut self,
        before: Option<(Time, SessionId)>,
        now: Time,
        limit: usize,
    ) -> StoreResult<Vec<Session>>;
    /// A user's living sessions, newest first, 100 at most.
    fn sessions_of(&mut self, user: UserId, now: Time) -> StoreResult<Vec<Session>>;

    /// A new device.
    fn insert_device(&mut self, device: &TrustedDevice) -> StoreResult<()>;
    /// The device of that id, living or not.
    fn device(&mut self, id: DeviceId) -> StoreResult<Option<TrustedDevice>>;
    /// Saves a device whose generation was raised by one, if the stored one is still the one before and lives; whether it was.
    fn rotate_device(&mut self, device: &TrustedDevice, now: Time) -> StoreResult<bool>;
    /// Forgets a device; whether it was alive.
    fn revoke_device(&mut self, id: DeviceId, now: Time) -> StoreResult<bool>;
    /// Forgets every device of a user; how many were alive.
    fn revoke_devices(&mut self, user: UserId, now: Time) -> StoreResult<usize>;
    /// A user's living devices, newest first, 100 at most.
    fn devices_of(&mut self, user: UserId, now: Time) -> StoreResult<Vec<TrustedDevice>>;

    /// A new link; an older one for the same thing and user does nothing any more.
    fn insert_link(&mut self, link: &OneTimeLink) -> StoreResult<()>;
    /// The link of that hash, used or not.
    fn link(&mut self, hash: &str) -> StoreResult<Option<OneTimeLink>>;
    /// Uses a link, if it is for that, unused and not too old; whether it was.
    fn consume_link(&mut self, hash: &str, purpose: &str, now: Time) -> StoreResult<bool>;
    /// Notes that the request of that key is being done; false when it was noted before.
    fn open_receipt(&mut self, key: &str, fingerprint: &str, expires_at: Time, now: Time) -> StoreResult<bool>;
    /// What is noted of the request of that key.
    fn receipt(&mut self, key: &str) -> StoreResult<Option<Receipt>>;
    /// Notes what was answered.
    fn fill_receipt(&mut self, key: &str, answer: &str) -> StoreResult<()>;
    /// Forgets a request that came to nothing.
    fn drop_receipt(&mut self, key: &str) -> StoreResult<()>;

    /// The state of a budget; the default when there is no row.
    fn budget(&mut self, key: &BudgetKey) -> StoreResult<Budget>;
    /// Saves the state of a budget until `forgotten_at`.
    fn put_budget(&mut self, key: &BudgetKey, budget: Budget, forgotten_at: Time) -> StoreResult<()>;
    /// Forgets a budget.
    fn clear_budget(&mut self, key: &BudgetKey) -> StoreResult<()>;

    /// Invites a user: an invitation that they had is replaced, and its link is dead.
    fn put_invitation(&mut self, invitation: &Invitation) -> StoreResult<()>;
    /// The invitation of a user, alive or not.
    fn invitation_of(&mut self, user: UserId) -> StoreResult<Option<Invitation>>;
    /// The invitation of that hash, alive or not.
    fn invitation(&mut self, hash: &str) -> StoreResult<Option<Invitation>>;
    /// Takes an invitation up, if it is alive; whether it was.
    fn accept_invitation(&mut self, hash: &str, now: Time) -> StoreResult<bool>;
    /// Takes a user's invitation back, if it is alive; whether it was.
    fn revoke_invitation(&mut self, user: UserId, now: Time) -> StoreResult<bool>;
    /// Whether an admin closed registration for now.
    fn registration_closed(&mut self) -> StoreResult<bool>;
    /// Closes or opens it: a change of configuration.
    fn close_registration(&mut self, closed: bool) -> StoreResult<()>;
    /// A new registration.
    fn insert_registration(&mut self, registration: &Registration) -> StoreResult<()>;
    /// The registration of that key.
    fn registration(&mut self, key: &str) -> StoreResult<Option<Registration>>;
    /// Saves a registration whose version was raised by one, if the stored version is still the one before; whether it was.
    fn advance_registration(&mut self, registration: &Registration) -> StoreResult<bool>;

    /// Puts a message into the outbox.
    fn post(&mut self, posted: &Posted) -> StoreResult<()>;
    /// Up to `limit` messages that are due, the one that is longest so first. One that cannot be opened is left out.
    fn due_posts(&mut self, now: Time, limit: usize) -> StoreResult<Vec<Posted>>;
    /// Takes a message to send it, if it is still due at `before`: counts the try, and has it due again at `after`; whether it was.
    fn claim_post(&mut self, id: MessageId, before: Time, after: Time) -> StoreResult<bool>;
    /// Removes a message from the outbox; whether it was there.
    fn drop_post(&mut self, id: MessageId) -> StoreResult<bool>;

    /// Appends to the audit log.
    fn append_audit(&mut self, event: &AuditEvent) -> StoreResult<()>;
    /// The latest audit events, newest first.
    fn latest_audit(&mut self, limit: usize) -> StoreResult<Vec<AuditEvent>>;
    /// A page of up to `limit` wanted events older than `before`, newest first.
    fn audit_page(&mut self, filter: &AuditFilter, before: Option<AuditCursor>, limit: usize)
    -> StoreResult<AuditPage>;
    /// Up to `limit` rows that are not sealed, in the order of time and id.
    fn unsealed_audit(&mut self, limit: usize) -> StoreResult<Vec<AuditRow>>;
    /// Up to `limit` sealed rows whose number is greater than `after`, by number.
    fn audit_after(&mut self, after: i64, limit: usize) -> StoreResult<Vec<AuditRow>>;
    /// The greatest number that a row has, and that row's id.
    fn last_sealed_audit(&mut self) -> StoreResult<Option<(i64, String)>>;
    /// The end of the audit log, as it is kept from when the database was begun; none when somebody removed it.
    fn audit_head(&mut self) -> StoreResult<Option<Vec<u8>>>;
    /// Seals rows and moves the end of the log from `before` to `after`, if it is still there; whether it was.
    /// [`StoreError::Conflict`] when one of the rows is gone or sealed.
    fn seal_audit(&mut self, before: &[u8], after: &[u8], seals: &[Seal]) -> StoreResult<bool>;
    /// A number that is kept beside the audit log, such as how far a sink has been served.
    fn audit_mark(&mut self, name: &str) -> StoreResult<Option<i64>>;
    /// All such numbers, by name.
    fn audit_marks(&mut self) -> StoreResult<BTreeMap<String, i64>>;
    /// Moves such a number from `before` to `after`, if it is still there; whether it was.
    fn move_audit_mark(&mut self, name: &str, before: Option<i64>, after: i64) -> StoreResult<bool>;
    /// The number of the sealed row up to which the log is counted.
    fn tally_mark(&mut self) -> StoreResult<i64>;
    /// Moves it from `before` to `after`, if it is still there; whether it was.
    fn move_tally_mark(&mut self, before: i64, after: i64) -> StoreResult<bool>;
    /// Adds to tallies.
    fn add_tallies(&mut self, tallies: &[Tally]) -> StoreResult<()>;
    /// How often each of `what` happened in each span since `since`, by time.
    fn tallies_by_time(&mut self, span: Span, since: Time, what: &[&str]) -> StoreResult<Vec<Moment>>;
    /// How often everything happened to each thing since `since`.
    fn tallies_by_subject(&mut self, span: Span, since: Time) -> StoreResult<Vec<Total>>;
    /// What was counted of these things in each span since `since`, the oldest first.
    fn tallies_since(&mut self, span: Span, since: Time, what: &[&str]) -> StoreResult<Vec<Tally>>;
    /// Notes that these users have signed in: they are found no more among those who never did.
    fn note_signed_in(&mut self, users: &[UserId]) -> StoreResult<()>;

    /// Deletes up to `limit` rows of each kind that ended before `now`; how many.
    fn sweep(&mut self, now: Time, limit: usize) -> StoreResult<usize>;
}

/// Work for a transaction. It may run more than once (a transaction that lost a race is repeated), so it must have no
/// effect but on the transaction and its result.
pub type Job<T> = Box<dyn FnMut(&mut T) -> StoreResult<()> + Send>;

/// A database.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// The verbs inside a transaction: a trait object, so that SQLite and PostgreSQL are chosen at run time.
    type Tx: Tx + ?Sized + 'static;

    /// Runs `job` on a consistent view. It must not write.
    async fn run_read(&self, job: Job<Self::Tx>) -> StoreResult<()>;

    /// Runs `job` in a transaction: rolled back when it fails, durable when this returns.
    async fn run_write(&self, job: Job<Self::Tx>) -> StoreResult<()>;
}

/// `read` and `write` with a result.
#[async_trait]
pub trait StoreExt: Store {
    /// Runs `work` on a consistent view.
    async fn read<R, F>(&self, work: F) -> StoreResult<R>
    where
        R: Send + 'static,
        F: FnMut(&mut Self::Tx) -> StoreResult<R> + Send + 'static,
    {
        let (job, result) = job(work);
        self.run_read(job).await?;
        take(&result)
    }

    /// Runs `work` in a transaction.
    async fn write<R, F>(&self, work: F) -> StoreResult<R>
    where
        R: Send + 'static,
        F: FnMut(&mut Self::Tx) -> StoreResult<R> + Send + 'static,
    {
        let (job, result) = job(work);
        self.run_write(job).await?;
        take(&result)
    }
}

impl<S: Store + ?Sized> StoreExt for S {}

type Slot<R> = Arc<Mutex<Option<R>>>;

fn job<T, R, F>(mut work: F) -> (Job<T>, Slot<R>)
where
    T: ?Sized + 'static,
    R: Send + 'static,
    F: FnMut(&mut T) -> StoreResult<R> + Send + 'static,
{
    let slot: Slot<R> = Arc::default();
    let result = Arc::clone(&slot);
    let job = Box::new(move |tx: &mut T| {
        let value = work(tx)?;
        if let Ok(mut slot) = slot.lock() {
            *slot = Some(value);
        }
        Ok(())
    });
    (job, result)
}

fn take<R>(slot: &Slot<R>) -> StoreResult<R> {
    let lost = || StoreError::Unavailable("the transaction ended without a result".to_owned());
    slot.lock().map_err(|_| lost())?.take().ok_or_else(lost)
}
