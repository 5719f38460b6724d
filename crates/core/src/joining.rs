//! How people come to be users without an admin who types everything: what is kept until they are.
//!
//! An *invitation* is of a user who is there and has nothing to sign in with; whoever has its link chooses a password. A
//! *registration* is of nobody: until its address is proved and a password chosen, the table of users knows nothing of it, so
//! that nobody is kept from a name by somebody who typed it first, and what is never finished is swept.
//!
//! A registration as one more interaction was not taken: an interaction runs a chain for a user, and every rule of the plan
//! would have had to say what it means where there is none. What both need, the budgets of messages, is the engine's
//! ([`Stranger`](crate::engine::Stranger)).

use serde::{Deserialize, Serialize};

use crate::{
    authenticator::Contact,
    code::IssuedCode,
    id::{ClientId, InteractionId, UserId},
    time::Time,
};

/// Somebody's leave to come in: of each user one at most, the last that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Who may come in.
    pub user: UserId,
    /// The keyed hash of the secret in its link.
    pub hash: String,
    /// What else is known of it.
    pub about: Invited,
    /// When it was made.
    pub created_at: Time,
    /// When it ends.
    pub expires_at: Time,
    /// When it was taken up.
    pub accepted_at: Option<Time>,
    /// When it was taken back.
    pub revoked_at: Option<Time>,
}

/// What is known of an invitation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// The name of who invites.
    pub by: String,
    /// The address that the link was sent to, and to nobody else; none when the admin saw it. Who comes by it has that mailbox.
    pub sent_to: Option<String>,
    /// The service provider that they are invited to.
    pub client: Option<ClientId>,
    /// The rank that the user had: an invitation of somebody of no rank lets in nobody who has one.
    pub rank: Option<String>,
}

impl Invitation {
    /// Whether it still lets somebody in.
    pub fn alive(&self, now: Time) -> bool {
        self.accepted_at.is_none() && self.revoked_at.is_none() && now < self.expires_at
    }
}

/// Somebody who wants to be a user.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// The keyed hash of what the browser holds.
    pub key: String,
    /// Raised by every change.
    pub version: i64,
    /// What its code is derived from: no interaction has this id.
    pub id: InteractionId,
    /// The run that they came from, to which they go back.
    pub run: Option<InteractionId>,
    /// Where they say that they can be reached.
    pub contact: Contact,
    /// The name to show.
    pub display_name: Option<String>,
    /// The language of their messages (BCP 47).
    pub locale: String,
    /// The code, without the code.
    pub code: IssuedCode,
    /// Whether somebody signs in with that address already: then no code is ever right.
    pub taken: bool,
    /// How many wrong tries it had, of the code and later of names.
    pub tries: u32,
    /// When a message was last asked for.
    pub sent_at: Time,
    /// When the code came back.
    pub proved_at: Option<Time>,
    /// When it became a user, and who that is.
    pub done: Option<(Time, UserId)>,
    /// When it began.
    pub created_at: Time,
    /// When it ends.
    pub expires_at: Time,
}

impl Registration {
    /// Whether anything can still come of it.
    pub fn alive(&self, now: Time) -> bool {
        self.done.is_none() && now < self.expires_at
    }
}
