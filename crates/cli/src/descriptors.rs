//! How many files and connections the system lets this process have.
//!
//! The limit that a shell or a service manager hands down is often 1024: kept low for old programs that count their files in
//! a bitmap, with a hard limit far above it for those that ask. A server that does not ask can be closed for everybody by a
//! thousand connections that say nothing.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Takes all that may be had. Where that is refused, the server runs with what it was given.
pub(crate) fn allow_all() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}

/// How many there may be.
pub(crate) fn most() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
