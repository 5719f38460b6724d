//! Tallies: how often something happened, by the hour and by the day, so that an overview costs the same in a house of ten and
//! of a million people.
//!
//! They are added up from the sealed audit log, in the background and once for each row: how far that has come is a mark that
//! moves in the transaction that adds ([`Tx::move_tally_mark`](crate::store::Tx::move_tally_mark)), so of several instances one
//! counts. What happened and to what it happened are words of whoever counts; nothing here knows them.
//!
//! To count in the transactions of the logins was not taken: all of them would wait for one row.

use std::time::Duration;

use crate::time::Time;

/// The length of what is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// An hour. Kept for eight days.
    Hour,
    /// A day of UTC. Kept for four hundred.
    Day,
}

impl Span {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Hour, Self::Day];

    /// Its length in seconds; it stands for the span in the database.
    pub const fn seconds(self) -> i64 {
        match self {
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }

    /// Its length.
    pub const fn length(self) -> Duration {
        Duration::from_secs(self.seconds().unsigned_abs())
    }

    /// When the span began that an instant is in.
    pub const fn of(self, at: Time) -> Time {
        Time::from_unix_seconds(at.unix_seconds().div_euclid(self.seconds()).saturating_mul(self.seconds()))
    }
}

/// How often something happened in one span; to be added to what is there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tally {
    /// Of which length.
    pub span: Span,
    /// When the span began.
    pub at: Time,
    /// What happened.
    pub what: String,
    /// To what: a chain, a connection, a service provider.
    pub about: String,
    /// How often.
    pub number: i64,
}

/// How often something happened in one span, to whatever it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When the span began.
    pub at: Time,
    /// What happened.
    pub what: String,
    /// How often.
    pub number: i64,
}

/// How often something happened to one thing, in all spans that were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Total {
    /// What happened.
    pub what: String,
    /// To what.
    pub about: String,
    /// How often.
    pub number: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_begins_at_its_full_hour_or_day_before_the_epoch_too() {
        let at = |seconds| Time::from_unix_seconds(seconds);
        assert_eq!(Span::Hour.of(at(7_199)), at(3_600));
        assert_eq!(Span::Hour.of(at(7_200)), at(7_200));
        assert_eq!(Span::Day.of(at(86_399)), at(0));
        assert_eq!(Span::Day.of(at(-1)), at(-86_400));
    }
}
