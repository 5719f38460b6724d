//! The words by which it is counted what happened, and the classes of how long it took.

/// A login was begun with a page, by chain.
pub const STARTED: &str = "started";
/// Its first step was passed, by chain.
pub const FIRST_STEP: &str = "first_step";
/// A code was sent for the first time and taken by its gateway, by chain.
pub const CODE_SENT: &str = "code_sent";
/// A code was right, by chain.
pub const CODE_PASSED: &str = "code_passed";
/// A login that somebody was asked something for was completed, by chain.
pub const COMPLETED: &str = "completed";
/// A code of the protocol became tokens, by chain.
pub const TOKENS: &str = "tokens";
/// A wrong answer, by chain.
pub const WRONG: &str = "wrong";
/// A message was taken by its gateway, by connection.
pub const TAKEN: &str = "message_taken";
/// A message was refused, or nobody knows what became of it, by connection.
pub const REFUSED: &str = "message_refused";
/// A login was completed, with or without a question, by service provider.
pub const LOGIN: &str = "login";
/// A service provider was refused something, by service provider.
pub const FAILED: &str = "failed";

/// The upper ends of the classes of how long a login took, in seconds. What took longer is in the last.
pub const TOOK: [u32; 18] = [1, 2, 3, 5, 8, 12, 18, 25, 35, 50, 70, 100, 150, 240, 420, 720, 1200, 1800];

/// How a class is counted.
const TOOK_PREFIX: &str = "took/";

/// The word of the class that so many milliseconds are in.
pub fn took(milliseconds: u64) -> String {
    let end = TOOK.into_iter().find(|end| milliseconds <= u64::from(*end) * 1000);
    format!("{TOOK_PREFIX}{}", end.or(TOOK.last().copied()).unwrap_or_default())
}

/// The class that a word stands for.
pub fn class(word: &str) -> Option<u32> {
    let end = word.strip_prefix(TOOK_PREFIX)?.parse().ok()?;
    TOOK.contains(&end).then_some(end)
}

/// The median of what was counted in classes, in seconds: within its class it is where it would be if the class were filled
/// evenly.
#[expect(clippy::cast_precision_loss, reason = "a median of a quadrillion logins may be off by a second")]
pub fn median(counted: impl IntoIterator<Item = (u32, u64)>) -> Option<f64> {
    let counted: std::collections::BTreeMap<u32, u64> = counted.into_iter().collect();
    let half = counted.values().sum::<u64>() as f64 / 2.0;
    let mut below = 0.0;
    for (end, number) in counted.into_iter().filter(|(_, number)| *number > 0) {
        let number = number as f64;
        if below + number >= half {
            let begin = TOOK.into_iter().rev().find(|begin| *begin < end).map_or(0.0, f64::from);
            return Some(begin + (f64::from(end) - begin) * (half - below) / number);
        }
        below += number;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_class_that_it_does_not_exceed() {
        assert_eq!([took(0), took(1000), took(1001), took(99_000_000)], ["took/1", "took/1", "took/2", "took/1800"]);
        assert_eq!((class("took/2"), class("took/4"), class("login")), (Some(2), None, None));
    }

    #[test]
    fn the_median_is_within_the_class_that_half_of_all_reach() {
        assert_eq!(median([]), None);
        assert_eq!(median([(3, 0)]), None);
        let near = |counted: &[(u32, u64)], expected: f64| {
            let found = median(counted.iter().copied()).unwrap();
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        };
        near(&[(2, 4)], 1.5);
        near(&[(1, 2), (12, 2)], 1.0);
        near(&[(1, 1), (12, 3)], 8.0 + 4.0 / 3.0);
    }
}
