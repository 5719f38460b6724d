//! Which numbers messages go to: every one that costs nobody more than a message, or those that begin as the connection says.
//!
//! It is asked three times: when somebody gives a number, when a code is to be sent to the one on file, and by the gateway itself,
//! so that nothing leaves by a way that forgot to ask. A list of countries was not taken: what is paid is paid by prefix, and
//! `+1` is two dozen countries.

use serde_json::Value;
use vestibule_core::channel::{Connection, ConnectionError, Settings};

use crate::{E164, NumberError, parse_number};

/// The settings of a connection that say it, by name.
pub(crate) const PREFIXES: &str = "allowed_prefixes";
pub(crate) const COUNTRY: &str = "default_country";

/// The longest prefix is a whole number.
const LONGEST: usize = 16;

/// The settings that say how many messages may go; the engine counts them.
pub(crate) const LIMITS: [&str; 2] = [Connection::MESSAGES_A_DAY, Connection::MESSAGES_TO_PREFIX];

/// What a connection says of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowed {
    prefixes: Vec<String>,
    country: Option<String>,
}

/// Why a number is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotTaken {
    /// It is none.
    #[error(transparent)]
    Number(NumberError),
    /// It is one, and messages do not go there.
    #[error("messages do not go to such numbers here")]
    Here,
}

impl Allowed {
    /// What these settings say.
    pub(crate) fn of(settings: &Settings) -> Result<Self, ConnectionError> {
        let refused = |setting: &str, why: &str| ConnectionError { setting: setting.to_owned(), why: why.to_owned() };
        let prefixes = match settings.0.get(PREFIXES) {
            None => Vec::new(),
            Some(written) => prefixes(written)
                .ok_or_else(|| refused(PREFIXES, "a list of + and digits is wanted, such as [\"+49\", \"+4367\"]"))?,
        };
        let country = match settings.0.get(COUNTRY) {
            None => None,
            Some(written) => {
                let name = written
                    .as_str()
                    .filter(|name| !matches!(parse_number("1", Some(name)), Err(NumberError::UnknownCountry)));
                Some(name.ok_or_else(|| refused(COUNTRY, "two capital letters are wanted, such as DE"))?.to_owned())
            }
        };
        for name in LIMITS {
            let number = settings.0.get(name).map(Value::as_u64);
            if number.is_some_and(|number| number.is_none_or(|number| number == 0)) {
                return Err(refused(name, "a whole number from 1 is wanted"));
            }
        }
        Ok(Self { prefixes, country })
    }

    /// What a connection says; one that cannot be read allows nothing.
    pub(crate) fn by(connection: Option<&Connection>) -> Result<Self, ConnectionError> {
        connection.map_or_else(|| Ok(Self::default()), |connection| Self::of(&connection.settings))
    }

    /// Whether messages go to this number (E.164).
    pub(crate) fn reaches(&self, number: &str) -> bool {
        self.prefixes.is_empty() || begins(number, &self.prefixes)
    }

    /// Reads what somebody typed as a number to which messages go.
    pub(crate) fn read(&self, typed: &str) -> Result<E164, NotTaken> {
        let number = parse_number(typed, self.country.as_deref()).map_err(|why| match why {
            NumberError::Costly => NotTaken::Here,
            why => NotTaken::Number(why),
        })?;
        if self.reaches(number.as_str()) && number.takes_messages() { Ok(number) } else { Err(NotTaken::Here) }
    }
}

/// Reads what somebody typed as a number to which messages go by this connection; `None` where they do not.
pub fn read_number(typed: &str, connection: &Connection) -> Option<E164> {
    Allowed::by(Some(connection)).ok()?.read(typed).ok()
}

/// Whether a number begins with one of them.
pub(crate) fn begins(number: &str, prefixes: &[String]) -> bool {
    prefixes.iter().any(|prefix| number.starts_with(prefix.as_str()))
}

/// A list of prefixes, where it is one.
pub(crate) fn prefixes(written: &Value) -> Option<Vec<String>> {
    let prefix = |value: &Value| {
        let text = value.as_str()?.trim();
        let digits = text.strip_prefix('+')?;
        let fits = (1..LONGEST).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| text.to_owned())
    };
    written.as_array()?.iter().map(prefix).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn allowed(settings: Value) -> Result<Allowed, ConnectionError> {
        Allowed::of(&serde_json::from_value(settings).unwrap())
    }

    #[test]
    fn a_078_without_a_list_all_but_what_costs_and_with_one_nothing_else() {
        let all = allowed(json!({})).unwrap();
        let few = allowed(json!({ "allowed_prefixes": ["+49", "+1202"], "default_country": "DE" })).unwrap();
        assert!(all.read("+44 7700 900123").is_ok());
        assert_eq!(few.read("+44 7700 900123"), Err(NotTaken::Here));
        assert_eq!(few.read("0151 23456789").unwrap().as_str(), "+4915123456789", "as people at home dial it");
        assert!(few.read("+1 202 555 0142").is_ok());
        assert_eq!(few.read("+1 305 555 0142"), Err(NotTaken::Here));
        for costly in ["+1 900 234 5678", "+49 900 1 234567"] {
            assert_eq!(all.read(costly), Err(NotTaken::Here), "{costly}");
        }
        for deaf in ["+1 800 234 5678", "+49 800 1234567", "+44 800 123 4567"] {
            assert_eq!(all.read(deaf), Err(NotTaken::Here), "{deaf}");
        }
        assert_eq!(all.read("alice"), Err(NotTaken::Number(NumberError::NotANumber)));
        assert_eq!(all.read("0151 23456789"), Err(NotTaken::Number(NumberError::NoCountry)));
    }

    #[test]
    fn a_list_that_cannot_be_read_is_refused_and_not_ignored() {
        for bad in
            [json!("+49"), json!(["49"]), json!(["+"]), json!(["+4x"]), json!([49]), json!(["+12345678901234567"])]
        {
            assert_eq!(allowed(json!({ "allowed_prefixes": bad })).unwrap_err().setting, "allowed_prefixes", "{bad}");
        }
        for (name, bad) in
            [("messages_a_day", json!(0)), ("messages_to_prefix", json!("9")), ("messages_a_day", json!(-1))]
        {
            assert_eq!(allowed(json!({ name: bad })).unwrap_err().setting, name, "{bad}");
        }
        for bad in [json!("Germany"), json!("de"), json!(49), json!("")] {
            assert_eq!(allowed(json!({ "default_country": bad })).unwrap_err().setting, "default_country", "{bad}");
        }
    }
}
