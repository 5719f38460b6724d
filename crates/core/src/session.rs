//! Sessions: the SSO memory of a browser.
//!
//! The cookie is `<session id>.<generation>.<keyed hash of both>`. Every login and every step-up raises the generation, so an id
//! planted before it is worth nothing after it. The generation before is honoured until the new one has been seen, since
//! the answer that carried the new one may have been lost: nobody is signed out by a lost answer. Not for long, though: what
//! a step-up adds to the session must not be had by whoever holds the cookie of before it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    crypto::{Prf, same_secret},
    evidence::Evidence,
    id::{SessionId, UserId},
    time::Time,
};

/// The SSO memory of a browser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its id, the `sid` claim. Stays the same through a step-up.
    pub id: SessionId,
    /// Raised by every login in it.
    pub generation: i64,
    /// Whether a browser has shown the present generation.
    pub seen: bool,
    /// Whose it is.
    pub user: UserId,
    /// What was proved in it.
    pub evidence: Vec<Evidence>,
    /// The browser, as it called itself, for the list in the portal.
    pub user_agent: Option<String>,
    /// The network that it was last renewed from.
    pub network: String,
    /// When it began.
    pub created_at: Time,
    /// When it was last renewed by a login.
    pub renewed_at: Time,
    /// When it ends.
    pub expires_at: Time,
    /// When it was signed out.
    pub ended_at: Option<Time>,
}

/// For how long a session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionLife {
    /// After the last login in it.
    pub idle: Duration,
    /// After the first.
    pub absolute: Duration,
}

impl Default for SessionLife {
    fn default() -> Self {
        Self { idle: Duration::from_secs(12 * 3600), absolute: Duration::from_secs(7 * 24 * 3600) }
    }
}

/// What a session cookie says, after its keyed hash was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRef {
    /// The session.
    pub id: SessionId,
    /// The generation.
    pub generation: i64,
}

impl SessionRef {
    /// Reads a cookie's value; `None` when we did not make it.
    pub fn from_cookie(value: &str, prf: &Prf) -> Option<Self> {
        let (id, rest) = value.split_once('.')?;
        let (generation, _) = rest.split_once('.')?;
        let session = Self { id: id.parse().ok()?, generation: generation.parse().ok()? };
        same_secret(session.to_cookie(prf).as_bytes(), value.as_bytes()).then_some(session)
    }

    /// The cookie's value.
    pub fn to_cookie(self, prf: &Prf) -> String {
        let parts: [&[u8]; 2] = [self.id.0.as_bytes(), &self.generation.to_be_bytes()];
        format!("{}.{}.{}", self.id, self.generation, prf.text("session cookie", &parts))
    }
}

impl Session {
    /// For how long the generation before is honoured, as long as the present one was not shown.
    pub const LOST_ANSWER: Duration = Duration::from_secs(300);

    /// What its cookie says.
    pub fn reference(&self) -> SessionRef {
        SessionRef { id: self.id, generation: self.generation }
    }

    /// Whether it lives.
    pub fn alive(&self, now: Time) -> bool {
        self.ended_at.is_none() && now < self.expires_at
    }

    /// Whether a cookie that says `reference` opens it.
    pub fn opens_for(&self, reference: SessionRef, now: Time) -> bool {
        let current = reference.generation == self.generation;
        let lost = !self.seen && now < self.renewed_at + Self::LOST_ANSWER;
        let before = lost && reference.generation == self.generation - 1;
        reference.id == self.id && (current || before) && self.alive(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::MasterKey,
        random::{RandomExt, SystemRandom},
    };

    #[test]
    fn only_our_own_cookie_is_read() {
        let random = SystemRandom::default();
        let prf = MasterKey::generate(&random).prf();
        let session = SessionRef { id: SessionId(random.uuid(Time(0))), generation: 3 };
        let cookie = session.to_cookie(&prf);
        assert_eq!(SessionRef::from_cookie(&cookie, &prf), Some(session));
        let raised = cookie.replacen(".3.", ".4.", 1);
        let other = MasterKey::generate(&random).prf();
        for (value, prf) in [(raised.as_str(), &prf), ("", &prf), ("a.b.c", &prf), (cookie.as_str(), &other)] {
            assert_eq!(SessionRef::from_cookie(value, prf), None, "{value}");
        }
    }

    #[test]
    fn the_cookie_before_is_honoured_for_a_lost_answer_and_not_for_long() {
        let now = Time::from_unix_seconds(1_000_000);
        let id = SessionId(SystemRandom::default().uuid(now));
        let session = Session {
            id,
            generation: 2,
            seen: false,
            user: UserId(SystemRandom::default().uuid(now)),
            evidence: Vec::new(),
            user_agent: None,
            network: String::new(),
            created_at: now,
            renewed_at: now,
            expires_at: now + Duration::from_secs(3600),
            ended_at: None,
        };
        let before = SessionRef { id, generation: 1 };
        assert!(session.opens_for(before, now + Duration::from_secs(299)));
        assert!(!session.opens_for(before, now + Duration::from_secs(300)));
        assert!(!Session { seen: true, ..session.clone() }.opens_for(before, now));
        assert!(session.opens_for(session.reference(), now + Duration::from_secs(3599)));
    }
}
