//! Channels: what delivers a message to a person. An SMS gateway is a channel, a mail server is another.
//!
//! An authenticator verifies, a channel delivers. So a new SMS vendor is never a new authenticator, and mostly only
//! configuration.

use std::time::Duration;

use async_trait::async_trait;
use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::id::ConnectionName;

/// A configured instance of what an authenticator needs outside, as an admin wrote it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Given by the admin.
    pub name: ConnectionName,
    /// What it is, such as `sms`: decides who builds a [`Channel`] from it.
    pub kind: String,
    /// Its settings, in the shape that its kind wants. They may hold secrets: sealed in the database, never printed.
    pub settings: Settings,
    /// A disabled connection delivers nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disabled: bool,
}

impl Connection {
    /// The setting that says how many messages may go by it a day, whoever they are for: what a day may cost.
    pub const MESSAGES_A_DAY: &str = "messages_a_day";
    /// The setting that says how many may go by it an hour to destinations that begin alike.
    pub const MESSAGES_TO_PREFIX: &str = "messages_to_prefix";

    /// The setting by which an alarm about messages holds back those that go to the same area.
    pub const ALARM_STOPS: &str = "alarm_stops";

    /// Whether an alarm holds messages back.
    pub fn alarm_stops(&self) -> bool {
        self.settings.0.get(Self::ALARM_STOPS).and_then(serde_json::Value::as_bool).unwrap_or(false)
    }

    /// What one of these settings says; `None` where the server's own limit holds.
    pub fn allowance(&self, setting: &str) -> Option<u32> {
        let written = self.settings.0.get(setting)?.as_u64()?;
        Some(u32::try_from(written).unwrap_or(u32::MAX))
    }
}

/// Settings that may hold secrets. Printing them shows their names alone.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Settings(pub serde_json::Map<String, serde_json::Value>);

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A message ready to leave: rendered at the last moment, kept nowhere.
#[derive(Clone, Debug)]
pub struct Message {
    /// Where to: E.164 for a text message, an address for mail.
    pub to: String,
    /// What it is about, where the channel has a line for that (mail). It never holds the code.
    pub subject: Option<String>,
    /// The whole text.
    pub body: SecretString,
    /// The code in it, for gateways whose template wants it apart.
    pub code: SecretString,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub enum SendOutcome {
    /// The gateway took it.
    Accepted {
        /// The gateway's own id for it, where its answer has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
    },
    /// The gateway said no, and nothing was sent.
    Refused {
        /// For the admin's eyes: masked, never the gateway's whole answer, never shown to the person.
        why: String,
    },
    /// It may or may not have been sent: no answer in time, or none that can be read.
    Unknown {
        /// For the admin's eyes, masked.
        why: String,
    },
}

/// A delivery as an admin may see it: what was sent and what came back, both masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The request: its line, its headers, its body. `None` when none could be made.
    pub request: Option<String>,
    /// The answer: its status and the beginning of its body. `None` when there was none.
    pub answer: Option<String>,
    /// What it means.
    pub outcome: SendOutcome,
}

/// A delivery as the audit log has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// What became of the message.
    pub outcome: SendOutcome,
    /// Which connection it went by, where the channel is made of several.
    pub by: Option<ConnectionName>,
    /// Which were asked before that one, and why they did not take it. Masked.
    pub passed_over: Vec<String>,
}

/// What a gateway says later of a message that it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It is on the phone.
    Delivered,
    /// It is not, and will not be.
    Undelivered {
        /// For the admin's eyes, masked.
        why: String,
    },
}

/// How a gateway does, as far as this instance has seen: another one has given it other messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The gateway's own connection.
    pub gateway: ConnectionName,
    /// Whether messages go by it.
    pub circuit: Circuit,
    /// How many failures in a row there were.
    pub failures: u32,
    /// The last failure there was: how long ago, and why, masked.
    pub last_failure: Option<(Duration, String)>,
}

/// Where the circuit of a gateway stands. Times are told from now, since whoever keeps them need not know the date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// Messages go by it.
    Closed,
    /// None goes by it that can go by another.
    Open {
        /// For how long that has been so.
        since: Duration,
        /// How long until a message tries it.
        until: Duration,
    },
    /// The next message tries it.
    HalfOpen {
        /// For how long it has been away.
        since: Duration,
    },
}

/// Delivers messages by one connection.
#[async_trait]
pub trait Channel: Send + Sync {
    /// Delivers `message`, within ten seconds. Whatever goes wrong is an outcome, never a panic.
    async fn deliver(&self, message: &Message) -> SendOutcome;

    /// The same, and who carried it.
    async fn carry(&self, message: &Message) -> Carried {
        Carried { outcome: self.deliver(message).await, by: None, passed_over: Vec::new() }
    }

    /// How the gateways do that it delivers by; nothing where nobody looks.
    fn health(&self) -> Vec<Health> {
        Vec::new()
    }

    /// Where a destination is, as coarsely as prices are: the calling code of a number with its country, `+49 DE`. It is kept with
    /// what is counted, so it must never tell one person from another; `None` where all places cost the same.
    fn area(&self, _to: &str) -> Option<String> {
        None
    }
}

/// Why a connection cannot be used; said when it is saved and when the server starts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting}: {why}")]
pub struct ConnectionError {
    /// The setting that is wrong, as a dotted path.
    pub setting: String,
    /// What is wrong, and what to do.
    pub why: String,
}
