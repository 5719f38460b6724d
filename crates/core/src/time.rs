//! Instants, and the clock that gives them.

use std::{fmt, time::Duration};

use chrono::DateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant: microseconds since the Unix epoch. Kept as an integer because the two databases round fractions differently.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(pub i64);

impl Time {
    /// The instant `seconds` after the Unix epoch.
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Whole seconds since the Unix epoch, rounded down: what JWT calls NumericDate (RFC 7519, section 2).
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Whole milliseconds since the Unix epoch, rounded down.
    pub const fn unix_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// How long ago `earlier` was; zero when it lies in the future, so that a clock set back makes nothing negative.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl std::ops::Add<Duration> for Time {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Time {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)))
    }
}

/// An instant as programs outside read it: RFC 3339, in UTC. In the database it is a number; whatever is told to others by the
/// admin API is this, and nothing else writes times for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema)]
#[schemars(inline, with = "String", extend("format" = "date-time"))]
pub struct Timestamp(pub Time);

impl Timestamp {
    /// Reads RFC 3339, in whatever time zone it is written.
    pub fn parse(text: &str) -> Option<Self> {
        let read = DateTime::parse_from_rfc3339(text).ok()?;
        Some(Self(Time(read.timestamp_micros())))
    }

    /// Writes a [`Time`] as one: `#[serde(serialize_with = "Timestamp::write")]`.
    ///
    /// # Errors
    /// What the serializer says.
    pub fn write<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
        Self(*time).serialize(serializer)
    }
}

impl From<Time> for Timestamp {
    fn from(time: Time) -> Self {
        Self(time)
    }
}

impl From<Timestamp> for Time {
    fn from(Timestamp(time): Timestamp) -> Self {
        time
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        DateTime::from_timestamp_micros(self.0.0).unwrap_or_default().format("%FT%T%.6fZ").fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("write a time as 2026-11-23T14:00:00Z"))
    }
}

/// Where the time comes from. Passed in everywhere, so that a test can move it.
pub trait Clock: Send + Sync {
    /// The present instant.
    fn now(&self) -> Time;
}

/// The machine's clock, held so that it never runs backwards within one process: a clock set back an hour must not
/// revive what had expired.
#[derive(Debug, Default)]
pub struct SystemClock {
    latest: std::sync::atomic::AtomicI64,
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the machine's clock")]
    fn now(&self) -> Time {
        let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let micros = i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX);
        let latest = self.latest.fetch_max(micros, std::sync::atomic::Ordering::Relaxed);
        Time(micros.max(latest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_before_the_epoch_rounds_down() {
        assert_eq!(Time(-1).unix_seconds(), -1);
        assert_eq!(Time(1_999_999).unix_seconds(), 1);
    }

    #[test]
    fn outside_a_time_is_rfc_3339_in_utc() {
        let written = serde_json::to_value(Timestamp(Time(1_795_442_600_000_001))).unwrap();
        assert_eq!(written, "2026-11-23T14:03:20.000001Z");
        assert_eq!(serde_json::from_value::<Timestamp>(written).unwrap().0, Time(1_795_442_600_000_001));
        assert_eq!(Timestamp::parse("2026-11-23T15:03:20+01:00"), Timestamp::parse("2026-11-23T14:03:20Z"));
        for wrong in ["", "1795442600", "2026-11-23", "2026-11-23T14:03:20"] {
            assert!(serde_json::from_value::<Timestamp>(wrong.into()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn nothing_is_negative_when_the_clock_goes_back() {
        assert_eq!(Time(5).since(Time(9)), Duration::ZERO);
    }
}
