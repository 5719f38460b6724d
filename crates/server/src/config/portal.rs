//! What people may do at the user portal.

use super::reader::Reader;

/// What people may do at the user portal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortalSettings {
    /// Whether they may delete their own account.
    pub delete_account: bool,
}

pub(super) fn read(reader: &Reader<'_>) -> PortalSettings {
    PortalSettings { delete_account: reader.leaf("delete_account", false) }
}
