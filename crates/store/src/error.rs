//! What goes wrong, once for each layer: [`Failure`] inside a verb, `StoreError` towards the engine, [`OpenError`]
//! towards the operator.

use std::path::PathBuf;

use diesel::result::{DatabaseErrorKind, Error as QueryError};
use vestibule_core::store::StoreError;

/// Why a store could not be opened. Each kind asks something else of an operator, so each has an exit status of its own
/// (`sysexits.h`).
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address means nothing, or something unsafe: 78.
    #[error("{0}")]
    Address(String),
    /// Another process has the database: 75.
    #[error("{} is in use by another process", .0.display())]
    Locked(PathBuf),
    /// A newer version of the program was here: 78.
    #[error("the database has the migration {0}, which this version does not know: use a newer version of the program")]
    Newer(String),
    /// Migrations are pending and may not be run: 78.
    #[error("migrations are pending ({}): run `vestibule migrate`", .0.join(", "))]
    Pending(Vec<String>),
    /// What is sealed in it was sealed with another master key: 78.
    #[error("the database was begun with another master key: its secrets cannot be read with this one")]
    OtherMasterKey,
    /// The file is no database, or a damaged one: 74.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    /// It cannot be reached, read or written at present: 69.
    #[error("the database is not available: {0}")]
    Unavailable(String),
}

impl OpenError {
    /// The error that a database's own words stand for. SQLite's are fixed; PostgreSQL's depend on its language, but
    /// none of them matters here.
    pub(crate) fn from_words(words: &str) -> Self {
        match words {
            _ if says_damaged(words) => Self::Damaged(words.to_owned()),
            _ if words.contains("database is locked") => Self::Locked(PathBuf::from("the database")),
            _ => Self::Unavailable(words.to_owned()),
        }
    }
}

impl From<QueryError> for OpenError {
    fn from(error: QueryError) -> Self {
        Self::from_words(&error.to_string())
    }
}

fn says_damaged(words: &str) -> bool {
    ["not a database", "malformed", "malformed database schema"].iter().any(|damage| words.contains(damage))
}

/// Why a verb failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database said no.
    Query(QueryError),
    /// Somebody else was faster. The transaction can go on.
    Conflict(&'static str),
    /// What is stored cannot be read.
    Damaged(String),
}

/// The result of a verb.
pub(crate) type Verdict<T> = Result<T, Failure>;

impl Failure {
    /// A failure to read what is stored in `place`.
    pub(crate) fn damaged(place: &str, why: impl std::fmt::Display) -> Self {
        Self::Damaged(format!("{place}: {why}"))
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Query(error) => told(&error),
            Failure::Conflict(what) => Self::Conflict(what.to_owned()),
            Failure::Damaged(what) => Self::Damaged(what),
        }
    }
}

/// A database's error as the engine sees it. What is not known to be anything else is passing trouble: a full disk, a
/// read-only file and a lost server heal without a restart.
pub(crate) fn told(error: &QueryError) -> StoreError {
    let words = error.to_string();
    match error {
        QueryError::DatabaseError(DatabaseErrorKind::UniqueViolation | DatabaseErrorKind::ForeignKeyViolation, _) => {
            StoreError::Conflict(words)
        }
        QueryError::DeserializationError(_) => StoreError::Damaged(words),
        _ if says_damaged(&words) => StoreError::Damaged(words),
        _ => StoreError::Unavailable(words),
    }
}

/// Whether the same work may succeed when it is repeated at once: it lost a race, or its connection.
///
/// A deadlock (40P01) is among the errors that diesel does not name, and the server's words for it depend on its
/// language. So whatever has no name is repeated too: too often is harmless, as nothing was committed.
pub(crate) fn passing(error: &QueryError) -> bool {
    use DatabaseErrorKind as Kind;
    match error {
        QueryError::DatabaseError(kind, _) => !matches!(
            kind,
            Kind::UniqueViolation
                | Kind::ForeignKeyViolation
                | Kind::NotNullViolation
                | Kind::CheckViolation
                | Kind::RestrictViolation
                | Kind::ExclusionViolation
                | Kind::ReadOnlyTransaction
        ),
        QueryError::BrokenTransactionManager | QueryError::RollbackErrorOnCommit { .. } => true,
        _ => false,
    }
}

/// Says in the log why a pool could not make a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogPoolErrors;

impl<E: std::error::Error> r2d2::HandleError<E> for LogPoolErrors {
    fn handle_error(&self, error: E) {
        tracing::warn!(event = "store.connection_failed", %error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unnamed(words: &str) -> QueryError {
        QueryError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(words.to_owned()))
    }

    #[test]
    fn trouble_that_heals_is_told_from_damage() {
        for words in
            ["database is locked", "database or disk is full", "attempt to write a readonly database", "disk I/O error"]
        {
            assert!(matches!(told(&unnamed(words)), StoreError::Unavailable(_)), "{words}");
        }
        for words in ["database disk image is malformed", "file is not a database"] {
            assert!(matches!(told(&unnamed(words)), StoreError::Damaged(_)), "{words}");
        }
    }

    #[test]
    fn only_what_may_succeed_is_repeated() {
        let named = |kind| QueryError::DatabaseError(kind, Box::new(String::new()));
        assert!(passing(&named(DatabaseErrorKind::SerializationFailure)) && passing(&unnamed("deadlock detected")));
        assert!(!passing(&named(DatabaseErrorKind::UniqueViolation)) && !passing(&QueryError::NotFound));
    }
}
