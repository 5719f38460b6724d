//! What the program says: results on standard output, complaints on standard error. A reader that went away (`| head`) is
//! no reason to fail.

use std::{fmt::Display, io::Write as _};

/// Says a line.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Says what went wrong, each line of it marked as ours.
pub(crate) fn complain(what: impl Display) {
    let mut out = std::io::stderr().lock();
    for line in what.to_string().lines() {
        let _ = writeln!(out, "vestibule: {line}");
    }
}
