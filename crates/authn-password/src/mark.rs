//! The mark of a password that must change: `{CHANGE}` before its hash.
//!
//! It is kept with the hash and not with the user, since that is what it is of: whatever puts another password in its place takes it
//! away, and nothing has to remember to. It is sealed with the hash, and a file or an import may bring it along.

const MARK: &str = "{CHANGE}";

/// Whether what is stored is of a password that must change.
pub fn must_change(stored: &str) -> bool {
    stored.starts_with(MARK)
}

/// The same hash, of a password that must change.
pub fn marked(stored: &str) -> String {
    if must_change(stored) { stored.to_owned() } else { format!("{MARK}{stored}") }
}

/// The hash alone.
pub(crate) fn unmarked(stored: &str) -> &str {
    stored.strip_prefix(MARK).unwrap_or(stored)
}

/// `hash` with the mark that `stored` has.
pub(crate) fn marked_as(stored: &str, hash: String) -> String {
    if must_change(stored) { marked(&hash) } else { hash }
}
