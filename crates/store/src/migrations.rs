//! The migrations of both databases, built into the program.

use diesel::{backend::Backend, migration::MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::error::OpenError;

pub(crate) const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");
pub(crate) const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");

/// Runs the pending migrations, each in a transaction; their names. The caller holds the database's lock.
pub(crate) fn run<DB: Backend, C: MigrationHarness<DB>>(
    connection: &mut C,
    source: EmbeddedMigrations,
) -> Result<Vec<String>, OpenError> {
    refuse_newer(connection, &source)?;
    let ran = connection.run_pending_migrations(source).map_err(failed)?;
    Ok(ran.iter().map(ToString::to_string).collect())
}

/// The pending migrations.
pub(crate) fn pending<DB: Backend, C: MigrationHarness<DB>>(
    connection: &mut C,
    source: EmbeddedMigrations,
) -> Result<Vec<String>, OpenError> {
    refuse_newer(connection, &source)?;
    let pending = connection.pending_migrations(source).map_err(failed)?;
    Ok(pending.iter().map(|migration| migration.name().to_string()).collect())
}

/// The names of all of them.
pub(crate) fn known() -> Vec<String> {
    let known = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE).unwrap_or_default();
    known.iter().map(|migration| migration.name().to_string()).collect()
}

/// Refuses while any is pending.
pub(crate) fn none_pending<DB: Backend, C: MigrationHarness<DB>>(
    connection: &mut C,
    source: EmbeddedMigrations,
) -> Result<(), OpenError> {
    match pending(connection, source)? {
        pending if pending.is_empty() => Ok(()),
        pending => Err(OpenError::Pending(pending)),
    }
}

/// Takes all migrations back.
pub(crate) fn revert<DB: Backend, C: MigrationHarness<DB>>(
    connection: &mut C,
    source: EmbeddedMigrations,
) -> Result<(), OpenError> {
    refuse_newer(connection, &source)?;
    connection.revert_all_migrations(source).map_err(failed).map(drop)
}

/// An older program must not touch tables whose meaning it does not know.
fn refuse_newer<DB: Backend, C: MigrationHarness<DB>>(
    connection: &mut C,
    source: &EmbeddedMigrations,
) -> Result<(), OpenError> {
    let known = MigrationSource::<DB>::migrations(source).map_err(failed)?;
    let known: Vec<String> = known.iter().map(|migration| migration.name().version().to_string()).collect();
    let applied = connection.applied_migrations().map_err(failed)?;
    match applied.iter().map(ToString::to_string).find(|version| !known.contains(version)) {
        Some(unknown) => Err(OpenError::Newer(unknown)),
        None => Ok(()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> OpenError {
    OpenError::from_words(&error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_migration_exists_for_both_databases_under_the_same_name() {
        let sqlite = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE).unwrap();
        let postgres = MigrationSource::<diesel::pg::Pg>::migrations(&POSTGRES).unwrap();
        let sqlite: Vec<_> = sqlite.iter().map(|migration| migration.name().to_string()).collect();
        let postgres: Vec<_> = postgres.iter().map(|migration| migration.name().to_string()).collect();
        assert!(!sqlite.is_empty());
        assert_eq!(sqlite, postgres);
    }
}
