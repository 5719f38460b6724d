//! By what the server writes to people outside of a sign-in, and whether it tells them of changes to their account.

use vestibule_core::id::ConnectionName;

use super::reader::Reader;

/// By what the server writes to people outside of a sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostSettings {
    /// The connection for mail; the only mail server, when nothing is said.
    pub mail: Option<ConnectionName>,
    /// The connection for text messages; the only gateway, when nothing is said.
    pub sms: Option<ConnectionName>,
    /// Whether people are told of changes to their account.
    pub notices: bool,
}

impl Default for PostSettings {
    fn default() -> Self {
        Self { mail: None, sms: None, notices: true }
    }
}

pub(super) fn read(reader: &Reader<'_>) -> PostSettings {
    let connection = |key: &str| reader.optional::<String>(key).map(ConnectionName::from);
    PostSettings { mail: connection("mail"), sms: connection("sms"), notices: reader.leaf("notices", true) }
}
