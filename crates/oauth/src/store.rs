//! The protocol's port to the database: more verbs for the same transactions as the engine's.

use vestibule_core::{
    id::{ClientId, SessionId, UserId},
    store::{Store as CoreStore, StoreResult, Tx as CoreTx},
    time::Time,
};
use vestibule_jose::StoredKey;

use crate::{
    managed::{Managed, ObjectKind},
    model::{AuthorizationCode, Client, Consent, Grant, GrantId, RefreshState},
};

/// The database of the whole server.
pub type Store = dyn CoreStore<Tx = dyn Tx>;

/// The verbs of the protocol, inside one transaction.
pub trait Tx: CoreTx {
    /// Every client.
    fn clients(&mut self) -> StoreResult<Vec<Client>>;
    /// Makes or changes a client.
    fn put_client(&mut self, client: &Client) -> StoreResult<()>;
    /// Removes a client and revokes its grants; whether there was one.
    fn delete_client(&mut self, id: &ClientId, now: Time) -> StoreResult<bool>;

    /// The file that declares a thing, if one does.
    fn managed(&mut self, kind: ObjectKind, name: &str) -> StoreResult<Option<Managed>>;
    /// Everything that a file declares, by kind and name.
    fn managed_all(&mut self) -> StoreResult<Vec<Managed>>;
    /// Notes that a file declares a thing; of two files the later.
    fn set_managed(&mut self, managed: &Managed) -> StoreResult<()>;
    /// Lets go of a thing; whether a file declared it.
    fn clear_managed(&mut self, kind: ObjectKind, name: &str) -> StoreResult<bool>;

    /// Every signing key that is not deleted.
    fn signing_keys(&mut self) -> StoreResult<Vec<StoredKey>>;
    /// Makes or changes a signing key.
    fn put_signing_key(&mut self, key: &StoredKey) -> StoreResult<()>;
    /// Removes a signing key.
    fn delete_signing_key(&mut self, id: &str) -> StoreResult<()>;

    /// A new grant.
    fn insert_grant(&mut self, grant: &Grant) -> StoreResult<()>;
    /// The grant of that id.
    fn grant(&mut self, id: GrantId) -> StoreResult<Option<Grant>>;
    /// Revokes a grant, if it is not revoked; whether it was.
    fn revoke_grant(&mut self, id: GrantId, now: Time) -> StoreResult<bool>;
    /// Revokes every grant of a session that does not outlive it (no `offline_access`); how many.
    fn revoke_session_grants(&mut self, session: SessionId, now: Time) -> StoreResult<usize>;
    /// Revokes every grant of a user to a client; how many.
    fn revoke_consent_grants(&mut self, user: UserId, client: &ClientId, now: Time) -> StoreResult<usize>;
    /// For each client that has a living grant of a user, the newest; by client.
    fn newest_grants(&mut self, user: UserId, now: Time) -> StoreResult<Vec<Grant>>;
    /// Moves a living grant's refresh family from `before` to `after`; whether it stood at `before`.
    fn rotate_refresh(&mut self, id: GrantId, before: RefreshState, after: RefreshState) -> StoreResult<bool>;

    /// A new code.
    fn insert_code(&mut self, code: &AuthorizationCode) -> StoreResult<()>;
    /// The code of that hash, spent or not.
    fn code(&mut self, hash: &str) -> StoreResult<Option<AuthorizationCode>>;
    /// Spends a code, if it is unspent; whether it was.
    fn consume_code(&mut self, hash: &str, now: Time) -> StoreResult<bool>;

    /// What a user agreed to for a client.
    fn consent(&mut self, user: UserId, client: &ClientId) -> StoreResult<Option<Consent>>;
    /// Everything that a user agreed to, by client.
    fn consents_of(&mut self, user: UserId) -> StoreResult<Vec<Consent>>;
    /// Makes or changes a consent.
    fn put_consent(&mut self, consent: &Consent) -> StoreResult<()>;
    /// Withdraws a consent; whether there was one.
    fn delete_consent(&mut self, user: UserId, client: &ClientId) -> StoreResult<bool>;

    /// Notes that a client used an assertion (RFC 7523, section 3): false when it had before.
    fn use_assertion(&mut self, client: &ClientId, jti: &str, expires_at: Time) -> StoreResult<bool>;
    /// Revokes one access token by its `jti`.
    fn revoke_token(&mut self, jti: &str, expires_at: Time) -> StoreResult<()>;
    /// Whether an access token was revoked by its `jti`.
    fn token_revoked(&mut self, jti: &str) -> StoreResult<bool>;
}
