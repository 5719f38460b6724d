//! What is managed by a file: a thing that `vestibule apply` declared carries the name of its file, so that whoever would edit
//! it elsewhere is told where it is written instead. The next apply would undo the edit unseen.
//!
//! A mark is a row of its own and not a field of the thing: users, chains, connections and clients have one in the same way,
//! and letting go of a thing does not change it.

use serde::{Deserialize, Serialize};
use vestibule_core::time::Time;

/// What kind of thing is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectKind {
    /// A connection.
    Connection,
    /// A chain.
    Chain,
    /// A service provider.
    Client,
    /// A user.
    User,
}

impl ObjectKind {
    /// Every kind, in the order in which they are applied.
    pub const ALL: [Self; 4] = [Self::Connection, Self::Chain, Self::Client, Self::User];

    /// Its word: in files (`[[chain]]`), in the database, and in what is said of it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Chain => "chain",
            Self::Client => "client",
            Self::User => "user",
        }
    }

    /// The kind of that word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

impl std::fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A thing that a file declares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Managed {
    /// What it is.
    pub kind: ObjectKind,
    /// Its name: the id of a client, the canonical user name of a user.
    pub name: String,
    /// The file, relative, as it was named.
    pub source: String,
    /// When it was last applied.
    pub applied_at: Time,
}
