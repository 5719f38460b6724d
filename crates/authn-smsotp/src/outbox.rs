//! The outbox: a gateway for development that sends nothing and shows everything, at `/dev/outbox`.
//!
//! It exists only where the server hands it in, so that no setting can turn a production server's messages into a page.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use vestibule_core::{
    Channel, Clock, Time,
    channel::{Message, SendOutcome},
};

/// The messages of a development server, the latest [`Outbox::KEPT`] of them. A clone is the same outbox.
#[derive(Clone)]
pub struct Outbox(Arc<Inner>);

struct Inner {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_id: u64,
    messages: VecDeque<OutboxMessage>,
    behaviour: Behaviour,
}

/// A message that was not sent but kept.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct OutboxMessage {
    /// Counted from 1.
    pub id: u64,
    /// Where it would have gone.
    pub to: String,
    /// What it is about, where it is a mail.
    pub subject: Option<String>,
    /// The whole text.
    pub body: String,
    /// The code in it.
    pub code: Option<String>,
    /// When.
    pub at: Time,
}

impl std::fmt::Debug for OutboxMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboxMessage").field("id", &self.id).field("at", &self.at).finish_non_exhaustive()
    }
}

/// What becomes of messages, for trying how pages look when things go wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "behaviour")]
pub enum Behaviour {
    /// They are accepted.
    #[default]
    Accept,
    /// They are accepted after a while; after ten seconds it is a time-out.
    Delay {
        /// How long.
        milliseconds: u32,
    },
    /// They are refused.
    Refuse,
    /// No answer comes, and no message.
    TimeOut,
    /// The message comes, but the answer makes no sense.
    Unknown,
}

impl Outbox {
    /// How many messages are kept.
    pub const KEPT: usize = 1000;
    const PATIENCE: Duration = Duration::from_secs(10);

    /// An empty outbox.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner { clock, state: Mutex::default() }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The messages, oldest first.
    pub fn messages(&self) -> Vec<OutboxMessage> {
        self.state().messages.iter().cloned().collect()
    }

    /// The latest message to `to`.
    pub fn latest_to(&self, to: &str) -> Option<OutboxMessage> {
        self.state().messages.iter().rev().find(|message| message.to == to).cloned()
    }

    /// Throws all messages away.
    pub fn clear(&self) {
        self.state().messages.clear();
    }

    /// What becomes of messages now.
    pub fn behaviour(&self) -> Behaviour {
        self.state().behaviour
    }

    /// Decides what becomes of messages from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        self.state().behaviour = behaviour;
    }

    fn keep(&self, message: &Message) -> u64 {
        let at = self.0.clock.now();
        let mut state = self.state();
        state.last_id += 1;
        let id = state.last_id;
        while state.messages.len() >= Self::KEPT {
            state.messages.pop_front();
        }
        let body = message.body.expose_secret().to_owned();
        let code = message.code.expose_secret();
        let code = (!code.is_empty() && body.contains(code)).then(|| code.to_owned());
        let (to, subject) = (message.to.clone(), message.subject.clone());
        state.messages.push_back(OutboxMessage { id, to, subject, body, code, at });
        id
    }

    fn accept(&self, message: &Message) -> SendOutcome {
        SendOutcome::Accepted { reference: Some(format!("outbox-{}", self.keep(message))) }
    }
}

#[async_trait]
impl Channel for Outbox {
    async fn deliver(&self, message: &Message) -> SendOutcome {
        match self.behaviour() {
            Behaviour::Accept => self.accept(message),
            Behaviour::Delay { milliseconds } if Duration::from_millis(milliseconds.into()) < Self::PATIENCE => {
                tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
                self.accept(message)
            }
            Behaviour::Delay { .. } | Behaviour::TimeOut => {
                tokio::time::sleep(Self::PATIENCE).await;
                SendOutcome::Unknown { why: "the outbox was told to give no answer".to_owned() }
            }
            Behaviour::Refuse => SendOutcome::Refused { why: "the outbox was told to refuse".to_owned() },
            Behaviour::Unknown => {
                self.keep(message);
                SendOutcome::Unknown { why: "the outbox was told to answer with nonsense".to_owned() }
            }
        }
    }

    fn area(&self, to: &str) -> Option<String> {
        crate::area(to)
    }
}

#[cfg(test)]
mod tests {
    use vestibule_core::time::SystemClock;

    use super::*;

    fn outbox() -> Outbox {
        Outbox::new(Arc::new(SystemClock::default()))
    }

    fn message(to: &str, body: &str) -> Message {
        Message { to: to.to_owned(), subject: None, body: body.into(), code: "123456".into() }
    }

    #[tokio::test]
    async fn what_is_sent_is_kept_for_its_reader() {
        let outbox = outbox();
        let outcome = outbox.clone().deliver(&message("+15550100", "one")).await;
        assert_eq!(outcome, SendOutcome::Accepted { reference: Some("outbox-1".to_owned()) });
        outbox.deliver(&message("+15550101", "two")).await;
        assert_eq!(outbox.latest_to("+15550100").unwrap().body, "one");
        assert_eq!(outbox.messages().iter().map(|m| m.id).collect::<Vec<_>>(), [1, 2]);
        assert!(!format!("{:?}", outbox.messages()).contains("two"), "a code is not printed");
        outbox.clear();
        assert!(outbox.messages().is_empty());
    }

    #[tokio::test]
    async fn it_keeps_the_latest_thousand() {
        let outbox = outbox();
        for _ in 0..Outbox::KEPT + 5 {
            outbox.deliver(&message("+15550100", "x")).await;
        }
        let messages = outbox.messages();
        assert_eq!((messages.len(), messages[0].id), (Outbox::KEPT, 6));
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_wrong_as_told() {
        let outbox = outbox();
        let send = message("+15550100", "x");
        outbox.behave(Behaviour::Refuse);
        assert!(matches!(outbox.deliver(&send).await, SendOutcome::Refused { .. }));
        outbox.behave(Behaviour::TimeOut);
        assert!(matches!(outbox.deliver(&send).await, SendOutcome::Unknown { .. }));
        outbox.behave(Behaviour::Delay { milliseconds: 60_000 });
        assert!(matches!(outbox.deliver(&send).await, SendOutcome::Unknown { .. }));
        assert!(outbox.messages().is_empty(), "nothing came");
        outbox.behave(Behaviour::Unknown);
        assert!(matches!(outbox.deliver(&send).await, SendOutcome::Unknown { .. }));
        outbox.behave(Behaviour::Delay { milliseconds: 500 });
        assert!(matches!(outbox.deliver(&send).await, SendOutcome::Accepted { .. }));
        assert_eq!(outbox.messages().len(), 2);
    }
}
