//! Whose pages may use the passkeys of this server.

use url::Url;

use super::{network::is_loopback, reader::Reader};

/// Whose pages may use the passkeys of this server, beside its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PasskeySettings {
    /// Their origins (Web Authentication, Level 3, section 5.11).
    pub related_origins: Vec<Url>,
}

pub(super) fn read(reader: &Reader<'_>) -> PasskeySettings {
    let related_origins: Vec<Url> = reader.list("related_origins").unwrap_or_default();
    for origin in &related_origins {
        let whole = origin.origin().ascii_serialization() == origin.as_str().trim_end_matches('/');
        if !whole || (origin.scheme() != "https" && !is_loopback(origin)) {
            let what = format!("{origin} is no origin over https");
            reader.refuse("related_origins", what, "Write the scheme and the host alone: https://login.example.de.");
        }
    }
    PasskeySettings { related_origins }
}
