//! Signing keys: which algorithms, and how long a key signs.

use std::time::Duration;

use vestibule_jose::Algorithm;

use super::{leaf::Leaf, reader::Reader};

/// Signing keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeySettings {
    /// One key is kept for each of these.
    pub algorithms: Vec<Algorithm>,
    /// How long a key signs before the next one does.
    pub rotate_after: Duration,
}

impl Leaf for Algorithm {
    const WANTED: &'static str = "signature algorithms such as `RS256`, `ES256`, `EdDSA` or `PS256`";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

pub(super) fn read(reader: &Reader<'_>) -> KeySettings {
    let mut algorithms = reader.list("algorithms").unwrap_or_else(|| vec![Algorithm::RS256, Algorithm::ES256]);
    algorithms.dedup();
    // OpenID Connect Discovery, section 3: RS256 must be among them. Access tokens are signed with ES256.
    for needed in [Algorithm::RS256, Algorithm::ES256] {
        if !algorithms.contains(&needed) {
            reader.refuse("algorithms", format!("{needed} is missing"), format!("Add {needed} to the list."));
        }
    }
    let (day, days) = (Duration::from_secs(86_400), |n: u32| Duration::from_secs(86_400) * n);
    KeySettings { algorithms, rotate_after: reader.within("rotate_after", days(90), day..=days(3650)) }
}
