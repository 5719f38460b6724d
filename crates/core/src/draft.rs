//! Chains while they are being written: drafts, who published what, and how many users a step would keep out.
//!
//! A draft is the whole next document, not a list of edits: what is published is what was looked at. It remembers the
//! revision that it was made from, so that somebody else's publication in between is noticed and not overwritten.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    chain::ChainDocument,
    id::{AuthenticatorName, ChainName},
    time::Time,
};

/// What an admin is writing and has not published: one for each chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainDraft {
    /// The chain's name.
    pub chain: ChainName,
    /// The revision that it was made from; 0 when there was none.
    pub base: i64,
    /// Who saved it last.
    pub author: Option<String>,
    /// When.
    pub updated_at: Time,
    /// What is written so far; it may be wrong.
    pub document: ChainDocument,
}

/// Who published a revision, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Byline {
    /// The name of the admin, program or file; `None` when nobody said.
    pub author: Option<String>,
    /// What they wrote about it.
    pub note: Option<String>,
}

/// One published state of a chain, with its history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Counted from 1.
    pub revision: i64,
    /// Who, and why.
    #[serde(flatten)]
    pub byline: Byline,
    /// When.
    pub published_at: Time,
    /// What.
    pub document: ChainDocument,
}

/// What a user needs to pass with an authenticator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Means {
    /// A verified phone number.
    Phone,
    /// A verified e-mail address.
    Email,
    /// A credential of this authenticator.
    Credential(AuthenticatorName),
}

/// Which users a step is for, as far as the database can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// A group, or else a role.
    pub group: bool,
    /// Its name.
    pub name: String,
    /// Those who are *not* in it.
    pub not: bool,
}

/// Who is asked about, and what they should have one of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LackQuestion {
    /// Those who are all of this.
    pub members: Vec<Membership>,
    /// What they need one of.
    pub means: Vec<Means>,
}

/// How many users lack every means of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LackCount {
    /// So many of those below cannot pass.
    pub lacking: i64,
    /// So many living users were looked at whom the step is for.
    pub of: i64,
    /// Whether there are more users than were looked at: the newest ones were.
    pub more: bool,
}

/// How many users are looked at when those who lack something are counted: the work of one look is bounded, and its answer
/// says so.
pub const COUNTED_USERS: i64 = 20_000;
