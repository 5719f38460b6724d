//! The log: how much of it, and how it looks.

use super::reader::Reader;

/// The log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// A filter such as `info` or `info,vestibule_oauth=debug`.
    pub level: String,
    /// How it looks.
    pub format: LogFormat,
}

/// How the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, for programs elsewhere.
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

pub(super) fn read(reader: &Reader<'_>) -> LogSettings {
    let level = reader.leaf("level", "info".to_owned());
    if level.parse::<tracing_subscriber::filter::Targets>().is_err() {
        let advice = "Write a level (error, warn, info, debug, trace), or `info,vestibule_oauth=debug`.";
        reader.refuse("level", "is no filter", advice);
    }
    let formats = [("auto", LogFormat::Auto), ("json", LogFormat::Json), ("pretty", LogFormat::Pretty)];
    LogSettings { level, format: reader.choice("format", &formats).unwrap_or(LogFormat::Auto) }
}
