//! The log: one line an event on standard output, for programs or for people.
//!
//! Events carry fields, never whole requests: no query, no code, no token, no number. A panic is an event too, told by its
//! place and not by its message, which could hold anything.

use std::io::IsTerminal as _;

use tracing_subscriber::{filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{LogFormat, LogSettings};

/// Starts the log of this process. A second call changes nothing.
pub fn init(settings: &LogSettings) {
    let filter: Targets = settings.level.parse().unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    let pretty = match settings.format {
        LogFormat::Pretty => true,
        LogFormat::Json => false,
        LogFormat::Auto => std::io::stdout().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let started = if pretty {
        registry.with(tracing_subscriber::fmt::layer().compact()).try_init()
    } else {
        registry.with(tracing_subscriber::fmt::layer().json().flatten_event(true)).try_init()
    };
    if started.is_ok() {
        std::panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string);
            tracing::error!(place, "panic");
        }));
    }
}
