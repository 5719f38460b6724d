//! What a measurement is compared with, and how it is shown.

use std::borrow::Cow;

use serde::Serialize;

use super::measure::Round;
use crate::output::say;

/// One line of the table.
#[derive(Serialize)]
pub(super) struct Line {
    pub(super) name: Cow<'static, str>,
    /// What is compared: the unit of `measured`, `floor` and `goal`.
    pub(super) compared: &'static str,
    pub(super) measured: f64,
    /// The raw limit in the same run, if there is one.
    pub(super) floor: Option<f64>,
    /// `measured` to `floor`.
    pub(super) ratio: Option<f64>,
    pub(super) goal: Goal,
    pub(super) met: bool,
    /// More about the rounds of the server.
    pub(super) server: Option<Round>,
}

/// What is aimed at.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Goal {
    /// At most so many times the floor.
    RatioAtMost(f64),
    /// At least so many times the floor.
    RatioAtLeast(f64),
    /// The floor, give or take this part of it.
    RatioWithin(f64),
    /// At most this.
    AtMost(f64),
}

impl Line {
    pub(super) fn new(
        name: impl Into<Cow<'static, str>>,
        compared: &'static str,
        measured: f64,
        floor: Option<f64>,
        goal: Goal,
    ) -> Self {
        let ratio = floor.filter(|floor| *floor > 0.0).map(|floor| measured / floor);
        let met = match goal {
            Goal::RatioAtMost(most) => ratio.is_some_and(|ratio| ratio <= most),
            Goal::RatioAtLeast(least) => ratio.is_some_and(|ratio| ratio >= least),
            Goal::RatioWithin(part) => ratio.is_some_and(|ratio| (ratio - 1.0).abs() <= part),
            Goal::AtMost(most) => measured <= most,
        };
        Self { name: name.into(), compared, measured, floor, ratio, goal, met, server: None }
    }

    pub(super) fn with(mut self, server: Round) -> Self {
        self.server = Some(server);
        self
    }

    pub(super) fn show(&self) {
        let number = |number: Option<f64>| number.map_or_else(|| "-".to_owned(), |number| format!("{number:.1}"));
        let ratio = self.ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}"));
        let goal = match self.goal {
            Goal::RatioAtMost(most) => format!("<= {most:.2} x"),
            Goal::RatioAtLeast(least) => format!(">= {least:.2} x"),
            Goal::RatioWithin(part) => format!("+-{:.0} %", part * 100.0),
            Goal::AtMost(most) => format!("<= {most:.0}"),
        };
        let met = if self.met { "met" } else { "MISSED" };
        let more =
            self.server.map(|r| format!("{:>8.0}/s  p50 {:.1} ms  p99 {:.1} ms", r.per_second, r.p50_ms, r.p99_ms));
        say(format_args!(
            "{:<24} {:<16} {:>10} {:>10} {ratio:>7} {goal:>12}  {met:<6}  {}",
            self.name,
            self.compared,
            number(Some(self.measured)),
            number(self.floor),
            more.unwrap_or_default()
        ));
    }
}

/// The head of the table.
pub(super) fn head() {
    say(format_args!(
        "{:<24} {:<16} {:>10} {:>10} {:>7} {:>12}  {:<6}  server",
        "what", "compared", "measured", "floor", "ratio", "goal", ""
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_on_either_side_of_the_floor_is_met_near_it() {
        let met = |measured| Line::new("x", "ms", measured, Some(100.0), Goal::RatioWithin(0.02)).met;
        assert_eq!([97.9, 98.1, 100.0, 101.9, 102.1].map(met), [false, true, true, true, false]);
        assert!(!Line::new("x", "ms", 1.0, None, Goal::RatioWithin(0.02)).met, "nothing to compare with");
    }
}
