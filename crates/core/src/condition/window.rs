//! The condition `time`: a time of day and weekdays, in a named time zone.
//!
//! Kept as written, because the table of time zones is not ours: a zone that a later table no longer has makes the step due,
//! and not the whole chain unreadable.

use chrono::{DateTime, Datelike as _, NaiveTime, Weekday};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::time::Time;

/// Such as `{ from = "08:00", to = "18:00", days = ["mon", "tue"], zone = "Europe/Berlin" }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The minute in which it begins, `HH:MM`.
    pub from: String,
    /// The minute in which it is over, `HH:MM`; `24:00` is the end of the day. Before `from` it lies on the next day.
    pub to: String,
    /// The days on which it begins, `mon` to `sun`; every day, when none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<String>,
    /// The time zone, by its name in the IANA database. There is no default: an office does not keep UTC.
    pub zone: String,
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
];

/// A window that was read: minutes after midnight.
struct Read {
    from: u32,
    to: u32,
    days: Vec<Weekday>,
    zone: Tz,
}

impl Window {
    /// Whether it is open at `now`.
    pub(super) fn open(&self, now: Time) -> Result<bool, Fault> {
        let Read { from, to, days, zone } = self.read()?;
        // An instant has one local time, whatever the clocks do that night; it is the other way round that is not so.
        let local = DateTime::from_timestamp(now.unix_seconds(), 0).ok_or(Fault::BadTime)?.with_timezone(&zone);
        let minute = local.time().signed_duration_since(NaiveTime::MIN).num_minutes();
        let minute = u32::try_from(minute).map_err(|_| Fault::BadTime)?;
        let today = local.weekday();
        let on = |day: Weekday| days.is_empty() || days.contains(&day);
        Ok(if from < to {
            on(today) && (from..to).contains(&minute)
        } else {
            // Over midnight: what is before `to` belongs to the day before.
            on(today) && minute >= from || on(today.pred()) && minute < to
        })
    }

    /// Whether it can be read.
    pub(super) fn check(&self) -> Result<(), Fault> {
        self.read().map(drop)
    }

    fn read(&self) -> Result<Read, Fault> {
        let minute = |field, text: &str| minute(text).ok_or(Fault::BadMinute { field, value: text.to_owned() });
        let (from, to) = (minute("from", &self.from)?, minute("to", &self.to)?);
        if from == to || from == MINUTES {
            return Err(Fault::EmptyWindow);
        }
        let day = |name: &String| {
            let known = DAYS.iter().find(|(day, _)| day == name);
            known.map(|(_, day)| *day).ok_or_else(|| Fault::BadDay { value: name.clone() })
        };
        let days = self.days.iter().map(day).collect::<Result<_, _>>()?;
        let zone = self.zone.parse().map_err(|_| Fault::BadZone { value: self.zone.clone() })?;
        Ok(Read { from, to, days, zone })
    }
}

const MINUTES: u32 = 24 * 60;

/// `HH:MM` in minutes after midnight, up to `24:00`.
fn minute(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| match text.as_bytes() {
        [a, b] if a.is_ascii_digit() && b.is_ascii_digit() => text.parse::<u32>().ok(),
        _ => None,
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let minute = hours * 60 + minutes;
    (minutes < 60 && minute <= MINUTES).then_some(minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: &str, to: &str, days: &[&str], zone: &str) -> Window {
        let days = days.iter().map(|day| (*day).to_owned()).collect();
        Window { from: from.to_owned(), to: to.to_owned(), days, zone: zone.to_owned() }
    }

    fn at(text: &str) -> Time {
        Time::from_unix_seconds(DateTime::parse_from_rfc3339(text).unwrap().timestamp())
    }

    #[test]
    fn a_window_is_open_from_its_first_minute_to_before_its_last() {
        let office = window("08:00", "18:00", &["mon", "tue", "wed", "thu", "fri"], "Europe/Berlin");
        for (time, open) in [
            ("2026-03-02T08:00:00+01:00", true),
            ("2026-03-02T07:59:59+01:00", false),
            ("2026-03-02T17:59:59+01:00", true),
            ("2026-03-02T18:00:00+01:00", false),
            ("2026-03-01T12:00:00+01:00", false),
            // In summer the same minute of UTC is another hour.
            ("2026-07-06T06:00:00Z", true),
            ("2026-03-02T06:00:00Z", false),
        ] {
            assert_eq!(office.open(at(time)), Ok(open), "{time}");
        }
    }

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_on_which_it_began() {
        let night = window("22:00", "06:00", &["fri"], "Etc/UTC");
        for (time, open) in [
            ("2026-03-06T22:00:00Z", true),
            ("2026-03-07T05:59:00Z", true),
            ("2026-03-07T06:00:00Z", false),
            ("2026-03-06T05:00:00Z", false),
            ("2026-03-07T22:00:00Z", false),
        ] {
            assert_eq!(night.open(at(time)), Ok(open), "{time}");
        }
        let whole = window("00:00", "24:00", &["sat"], "Etc/UTC");
        assert_eq!(whole.open(at("2026-03-07T23:59:59Z")), Ok(true));
        assert_eq!(whole.open(at("2026-03-08T00:00:00Z")), Ok(false));
    }

    #[test]
    fn what_is_no_time_is_refused_by_name() {
        let fault = |window: Window| window.check().unwrap_err();
        for bad in ["8:00", "08:60", "24:01", "-1:00", "", "08:00:00", "0８:00", "+8:00"] {
            let value = bad.to_owned();
            assert_eq!(fault(window(bad, "18:00", &[], "Etc/UTC")), Fault::BadMinute { field: "from", value });
        }
        let value = "monday".to_owned();
        assert_eq!(fault(window("08:00", "18:00", &["monday"], "Etc/UTC")), Fault::BadDay { value });
        let value = "Mars/Base".to_owned();
        assert_eq!(fault(window("08:00", "18:00", &[], "Mars/Base")), Fault::BadZone { value });
        for (from, to) in [("08:00", "08:00"), ("24:00", "08:00")] {
            assert_eq!(fault(window(from, to, &[], "Etc/UTC")), Fault::EmptyWindow);
        }
    }
}
