//! Where messages are put into the outbox: by which connection, to whom.

use std::sync::Arc;

use vestibule_authn_emailotp::{Mail, parse_address};
use vestibule_authn_smsotp::{SmsOtp, members, parse_number};
use vestibule_core::{
    Connection,
    audit::MASKED,
    channel::Message,
    id::{ConnectionName, MessageId},
    outbox::Posted,
    random::Random,
    store::StoreResult,
    time::Time,
    user::User,
};

use super::Letter;
use crate::{
    config::PostSettings,
    pages::Words,
    state::{State, Transaction},
};

/// A way to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// A mailbox.
    Mail(String),
    /// A telephone, E.164.
    Phone(String),
}

impl Way {
    /// The ways to a user that were proved to be theirs. Nothing is told to an address that somebody merely typed.
    pub fn of(user: &User) -> Vec<Self> {
        let mail = user.email.clone().filter(|_| user.email_verified).map(Self::Mail);
        let phone = user.phone_number.clone().filter(|_| user.phone_number_verified).map(Self::Phone);
        mail.into_iter().chain(phone).collect()
    }

    /// Where to, as the log may have it.
    pub fn masked(&self) -> String {
        match self {
            Self::Mail(address) => parse_address(address).ok().map(|address| address.masked()),
            Self::Phone(number) => parse_number(number, None).ok().map(|number| number.masked()),
        }
        .unwrap_or_else(|| MASKED.to_owned())
    }
}

/// The connections that the server writes by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// For mail.
    pub mail: Option<ConnectionName>,
    /// For text messages.
    pub sms: Option<ConnectionName>,
}

impl Lines {
    /// Those of the settings; where they say nothing, the only one there is. Of a route and its gateways the route is meant, and
    /// what keeps messages instead of sending them is none.
    pub fn of(settings: &PostSettings, connections: &[Connection]) -> Self {
        let part = |name: &ConnectionName| connections.iter().any(|route| members(&route.settings).contains(name));
        let only = |kind: &str| {
            let mut some = connections.iter().filter(|known| known.kind == kind && usable(known) && !part(&known.name));
            let first = some.next()?;
            some.next().is_none().then(|| first.name.clone())
        };
        Self {
            mail: settings.mail.clone().or_else(|| only(Mail::KIND)),
            sms: settings.sms.clone().or_else(|| only(SmsOtp::CONNECTION_KIND)),
        }
    }

    fn by(&self, way: &Way) -> Option<&ConnectionName> {
        match way {
            Way::Mail(_) => self.mail.as_ref(),
            Way::Phone(_) => self.sms.as_ref(),
        }
    }
}

/// Whether messages by it reach anybody.
pub(crate) fn usable(connection: &Connection) -> bool {
    !connection.disabled && connection.settings.0.get("preset").is_none_or(|preset| preset != "outbox")
}

/// Where messages are put into the outbox. It outlives the request, so it goes along into a transaction.
#[derive(Clone)]
pub struct Desk {
    lines: Lines,
    words: Words,
    host: String,
    random: Arc<dyn Random>,
    notices: bool,
}

impl Desk {
    /// With the connections that there are now.
    pub fn of(state: &State) -> Self {
        Self {
            lines: Lines::of(&state.post, &state.engine.configuration().connections),
            words: state.pages.words().clone(),
            host: state.public.host.clone(),
            random: Arc::clone(&state.random),
            notices: state.post.notices,
        }
    }

    /// The words that it writes in.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// Whether people are told of changes to their accounts.
    pub fn notices(&self) -> bool {
        self.notices
    }

    /// Whether a message could go that way: whether there is a connection for it.
    pub fn reaches(&self, way: &Way) -> bool {
        self.lines.by(way).is_some()
    }

    /// Puts a letter into the outbox, in the caller's transaction; whether there is a connection for that way.
    ///
    /// # Errors
    /// When the store fails.
    pub fn post(&self, tx: &mut Transaction, letter: &Letter, way: &Way, now: Time) -> StoreResult<bool> {
        let Some(connection) = self.lines.by(way).cloned() else { return Ok(false) };
        tx.post(&Posted {
            id: MessageId::new(now, &*self.random),
            user: letter.user,
            kind: letter.name.to_owned(),
            connection,
            message: self.written(letter, way),
            created_at: now,
            due_at: now,
            expires_at: now + letter.life,
            tries: 0,
        })?;
        Ok(true)
    }

    /// Puts a letter into the outbox for each of these ways; by how many it goes.
    ///
    /// # Errors
    /// When the store fails.
    pub fn post_all(&self, tx: &mut Transaction, letter: &Letter, ways: &[Way], now: Time) -> StoreResult<usize> {
        ways.iter().try_fold(0, |sent, way| Ok(sent + usize::from(self.post(tx, letter, way, now)?)))
    }

    fn written(&self, letter: &Letter, way: &Way) -> Message {
        let say = |part: &str| self.words.say(letter.locale, &letter.text(part).with("host", &self.host));
        let (to, subject, body) = match way {
            Way::Mail(address) => (address, Some(say("subject")), say("mail")),
            Way::Phone(number) => (number, None, say("sms")),
        };
        Message { to: to.clone(), subject, body: body.into(), code: String::new().into() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn connection(name: &str, kind: &str, settings: &serde_json::Value) -> Connection {
        serde_json::from_value(json!({ "name": name, "kind": kind, "settings": settings })).unwrap()
    }

    #[test]
    fn the_only_connection_of_a_kind_is_meant_and_of_several_none() {
        let unset = PostSettings::default();
        let kept = connection("dev", "sms", &json!({ "preset": "outbox" }));
        let (one, two) = (connection("one", "sms", &json!({})), connection("two", "sms", &json!({})));
        let mail = connection("mail", "mail", &json!({}));
        let sms = |connections: &[Connection]| Lines::of(&unset, connections).sms.map(|name| name.to_string());
        assert_eq!(sms(&[]), None);
        assert_eq!(sms(std::slice::from_ref(&kept)), None, "nobody would get it");
        assert_eq!(sms(&[kept.clone(), one.clone(), mail.clone()]).as_deref(), Some("one"));
        assert_eq!(sms(&[one.clone(), two.clone()]), None);
        assert_eq!(sms(&[one.clone(), Connection { disabled: true, ..two.clone() }]).as_deref(), Some("one"));
        let route = connection("route", "sms", &json!({ "via": [{ "connection": "one" }, { "connection": "two" }] }));
        assert_eq!(sms(&[one.clone(), two, route]).as_deref(), Some("route"), "{:?}", members(&one.settings));
        assert_eq!(Lines::of(&unset, &[mail]).mail, Some("mail".into()));
        let set = PostSettings { sms: Some("dev".into()), ..unset };
        assert_eq!(Lines::of(&set, &[kept, one]).sms, Some("dev".into()));
    }

    #[test]
    fn nobody_is_written_to_where_they_only_said_that_they_are() {
        let user = User {
            email: Some("ada@example.org".to_owned()),
            phone_number: Some("+12025550142".to_owned()),
            ..User::new(
                vestibule_core::id::UserId::new(Time(0), &vestibule_core::random::SystemRandom::default()),
                vestibule_core::user::LoginName::parse("ada").unwrap(),
                Time(0),
            )
        };
        assert_eq!(Way::of(&user), []);
        let proven = User { email_verified: true, phone_number_verified: true, ..user };
        let ways = Way::of(&proven);
        assert_eq!(ways.len(), 2);
        let masked: String = ways.iter().map(Way::masked).collect();
        assert!(!masked.contains("ada") && !masked.contains("5550"), "{masked}");
    }
}
