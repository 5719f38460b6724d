//! Versions of things that two people may edit: the entity tag of a representation (RFC 9110, section 8.8.3), compared in the
//! transaction that changes it.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use super::AdminError;

/// The entity tag of a value, without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Etag(pub String);

/// A value with its entity tag.
#[derive(Clone, Debug)]
pub struct Versioned<T> {
    /// What it is.
    pub value: T,
    /// Its tag.
    pub etag: Etag,
}

impl Etag {
    /// The tag of a value: a hash of its JSON, so that nothing has to be counted.
    pub fn of(value: &impl Serialize) -> Self {
        let json = serde_json::to_vec(value).unwrap_or_default();
        Self(URL_SAFE_NO_PAD.encode(digest(&SHA256, &json).as_ref().get(..18).unwrap_or_default()))
    }

    /// Goes on when a change was made from `current`. `None` means that the change named no version.
    ///
    /// # Errors
    /// [`AdminError::VersionWanted`], or [`AdminError::Stale`] with what is there now.
    pub fn matches(expected: Option<&Self>, current: &impl Serialize) -> Result<(), AdminError> {
        let Some(expected) = expected else { return Err(AdminError::VersionWanted) };
        let etag = Self::of(current);
        if etag == *expected {
            return Ok(());
        }
        Err(AdminError::Stale { etag, current: serde_json::to_value(current).unwrap_or_default() })
    }
}

impl<T: Serialize> Versioned<T> {
    /// The value with its tag.
    pub fn new(value: T) -> Self {
        Self { etag: Etag::of(&value), value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_108_an_older_version_changes_nothing_and_sees_what_is_there() {
        let tag = Etag::of(&"then");
        assert!(Etag::matches(Some(&tag), &"then").is_ok());
        assert!(matches!(Etag::matches(None, &"then"), Err(AdminError::VersionWanted)));
        let Err(AdminError::Stale { etag, current }) = Etag::matches(Some(&tag), &"now") else { panic!("taken") };
        assert_eq!((etag, current), (Etag::of(&"now"), "now".into()));
    }
}
