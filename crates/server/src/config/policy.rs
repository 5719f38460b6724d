//! What every chain of this server has to reach, whoever publishes it.

use vestibule_core::chain::Demand;

use super::{leaf::Leaf, reader::Reader};

/// What every chain of this server has to reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicySettings {
    /// All of these, by the weakest way through it.
    pub floor: Vec<Demand>,
}

pub(super) fn read(reader: &Reader<'_>) -> PolicySettings {
    PolicySettings { floor: reader.list("floor").unwrap_or_default() }
}

impl Leaf for Demand {
    const WANTED: &'static str = "a demand: `factors >= 1` to `factors >= 3`, `phishing_resistant` or `user_verified`";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}
