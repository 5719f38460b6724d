//! The log: one line an event on standard output, for programs or for people.
//!
//! Events carry fields, never whole requests: no query, no code, no token, no number. A panic is an event too, told by its
//! place and not by its message, which could hold anything.

use std::{fmt::Display, io::IsTerminal as _};

use tracing_subscriber::{filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::config::{LogFormat, LogSettings};

/// So much of what a stranger wrote is enough to find out who it was.
const BRIEF: usize = 200;

/// A text that may hold what a stranger wrote, as it may stand in the log: short, and on one line that no terminal obeys.
pub fn brief(text: &impl Display) -> String {
    let text = text.to_string();
    let mut brief = String::new();
    for (index, c) in text.chars().enumerate() {
        match c {
            _ if index == BRIEF => {
                brief.push('…');
                break;
            }
            // Line and paragraph separators, and what turns the direction of the line round.
            '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                brief.extend(c.escape_unicode());
            }
            c if c.is_control() => brief.extend(c.escape_default()),
            c => brief.push(c),
        }
    }
    brief
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_138_what_a_stranger_wrote_stays_one_short_line() {
        assert_eq!(brief(&"no client \"Zoë\""), "no client \"Zoë\"");
        assert_eq!(
            brief(&"a\r\nlevel=ERROR \u{1b}[2J\u{202e}x\u{2028}"),
            r"a\r\nlevel=ERROR \u{1b}[2J\u{202e}x\u{2028}"
        );
        let long = brief(&"x".repeat(8000));
        assert_eq!(long, format!("{}…", "x".repeat(200)));
        assert_eq!(brief(&"x".repeat(200)), "x".repeat(200));
    }
}
