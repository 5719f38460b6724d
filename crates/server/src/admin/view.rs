//! What the views of things have in common.

use serde::{Deserialize, Deserializer};
use vestibule_core::time::{Time, Timestamp};

/// An instant as programs read it: RFC 3339, in UTC.
pub fn instant(time: Time) -> String {
    Timestamp(time).to_string()
}

/// A field of a merge patch (RFC 7396): left out it stays, `null` takes it away.
pub fn given<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Some)
}
