//! The outbox: messages to people outside of any run, which leave in the background.
//!
//! A message is put there in the transaction of what it tells of ([`Tx::post`](crate::store::Tx::post)), so it leaves if and only
//! if that happened, and a gateway that hangs holds nobody up. Who delivers takes it first by moving the time at which it is due
//! ([`Tx::claim_post`](crate::store::Tx::claim_post)): of several instances one sends, and a message whose sender died is due
//! again. It may so arrive twice, and is not lost.
//!
//! Codes do not go this way: they are derived at the last moment and stand nowhere ([`code`](crate::code)). Whatever else a message
//! holds is sealed in the database, and removed when it left.

use std::time::Duration;

use crate::{
    channel::Message,
    id::{ConnectionName, MessageId, UserId},
    time::Time,
};

/// For how long a message without a life of its own is tried.
pub const LIFE: Duration = Duration::from_secs(24 * 3600);

/// The wait after the first try; each further one is twice as long. Longer than a send may take, so that nobody takes a message
/// that is just being sent.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(4 * 3600);

/// A message that waits to leave.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Its id.
    pub id: MessageId,
    /// Whom it is for; none where it is for an address that is nobody's (yet, or any more). It goes when they are deleted.
    pub user: Option<UserId>,
    /// What it is, for the log: `notice`, `invitation`.
    pub kind: String,
    /// The connection that it goes by.
    pub connection: ConnectionName,
    /// What is delivered. Its `code` is empty, and is not kept.
    pub message: Message,
    /// When it was put here.
    pub created_at: Time,
    /// When it is to leave next.
    pub due_at: Time,
    /// When it is worth nothing any more and is thrown away.
    pub expires_at: Time,
    /// How often it was tried.
    pub tries: u32,
}

impl Posted {
    /// When it is tried again if the try that begins now comes to nothing.
    pub fn again_at(&self, now: Time) -> Time {
        let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(self.tries));
        now + doubled.min(LONGEST_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn waits_double_up_to_the_longest() {
        let now = Time::from_unix_seconds(1_000_000);
        let message = Message { to: "+15550142".to_owned(), subject: None, body: "".into(), code: "".into() };
        let mut posted = Posted {
            id: MessageId::new(now, &SystemRandom::default()),
            user: None,
            kind: "notice".to_owned(),
            connection: "sms".into(),
            message,
            created_at: now,
            due_at: now,
            expires_at: now + LIFE,
            tries: 0,
        };
        let mut wait = |tries| {
            posted.tries = tries;
            posted.again_at(now).unix_seconds() - now.unix_seconds()
        };
        assert_eq!([wait(0), wait(1), wait(2), wait(8), wait(9), wait(4_000)], [30, 60, 120, 7680, 14_400, 14_400]);
    }
}
