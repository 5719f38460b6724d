//! An instant as a page shows it: in UTC, with the zone beside it, so that it is right without JavaScript. `time.js`
//! rewrites it to the reader's own clock.

use serde::Serialize;
use vestibule_core::Time;

/// An instant to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// For machines, RFC 3339.
    iso: String,
    /// `14:03:20 UTC`.
    clock: String,
    /// `2026-11-23 14:03 UTC`.
    pub(crate) date: String,
}

impl Moment {
    /// `2026-11-23`, for a day of UTC: rewritten to the reader's clock it would be the evening before.
    pub(crate) fn utc_day(&self) -> &str {
        self.date.split(' ').next().unwrap_or_default()
    }
}

impl From<Time> for Moment {
    fn from(time: Time) -> Self {
        // Only a year beyond 262,000 is out of range.
        let utc = chrono::DateTime::from_timestamp(time.unix_seconds(), 0).unwrap_or_default();
        let shown = |pattern| utc.format(pattern).to_string();
        Self { iso: shown("%FT%TZ"), clock: shown("%T UTC"), date: shown("%F %H:%M UTC") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_with_its_zone() {
        let moment = Moment::from(Time::from_unix_seconds(1_795_442_600));
        assert_eq!(moment.iso, "2026-11-23T14:03:20Z");
        assert_eq!(moment.clock, "14:03:20 UTC");
        assert_eq!(moment.date, "2026-11-23 14:03 UTC");
        assert_eq!(moment.utc_day(), "2026-11-23");
    }
}
