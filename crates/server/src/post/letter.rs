//! What is told, before it is known by which way.
//!
//! Its words are three messages of the catalogue: `post.<name>.subject` and `post.<name>.mail` for mail, `post.<name>.sms` for a
//! telephone. All of them may name `{host}`. A text message has no link in it: people are told nowhere else to follow one.

use std::time::Duration;

use vestibule_core::{id::UserId, outbox::LIFE, prompt::Text, user::User};

use crate::pages::negotiate;

/// What is told.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Whom it is for; none where the address is nobody's (yet, or any more). A message of somebody who is deleted goes with them.
    pub user: Option<UserId>,
    /// Its name: in the catalogue, and in the log.
    pub name: &'static str,
    /// In which language.
    pub locale: &'static str,
    /// What is filled in.
    pub values: Text,
    /// For how long it is worth anything.
    pub life: Duration,
}

impl Letter {
    /// A letter to a user, in their language.
    pub fn to(user: &User, name: &'static str) -> Self {
        Self { user: Some(user.id), ..Self::new(name, locale_of(user)) }
    }

    /// A letter to an address that is nobody's.
    pub fn new(name: &'static str, locale: &'static str) -> Self {
        Self { user: None, name, locale, values: Text::new(""), life: LIFE }
    }

    /// The same with something filled in.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.values = self.values.with(name, value);
        self
    }

    /// The same, worth something for so long alone: as long as the link in it works.
    #[must_use]
    pub fn within(self, life: Duration) -> Self {
        Self { life, ..self }
    }

    /// One of its texts.
    pub(super) fn text(&self, part: &str) -> Text {
        Text { key: format!("post.{}.{part}", self.name), ..self.values.clone() }
    }
}

/// The language that somebody is written to in: their own if we have it, else English.
pub fn locale_of(user: &User) -> &'static str {
    let own: Vec<String> = user.locale.iter().cloned().collect();
    negotiate(&own, None)
}
