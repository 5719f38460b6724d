//! What an operator may choose about a store.

/// How a store is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many connections at most: on SQLite for reading (there is one more for writing), on PostgreSQL for
    /// everything.
    pub connections: u32,
    /// How many transactions may wait for a connection; one more is refused at once.
    pub queue: usize,
    /// Whether pending migrations are run when the store is opened. Otherwise it does not open while there are any.
    pub migrate: bool,
    /// Whether this process must be the only one on an SQLite file, as a server must. A short command of an admin need
    /// not be: beside a running server it migrates nothing, writes in transactions of its own, and the server sees what
    /// it changed by the configuration's version.
    pub exclusive: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { connections: 8, queue: 1024, migrate: true, exclusive: true }
    }
}
