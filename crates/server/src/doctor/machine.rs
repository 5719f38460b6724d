//! What the machine gives: files and connections, and time for hashing passwords.

use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit};
use secrecy::SecretString;

use super::{
    Patient, Seat,
    outcome::{DESCRIPTORS_ENOUGH, DESCRIPTORS_FEW, Finding, HASH_BUSY, HASH_FAST, HASH_RIGHT, HASH_SLOW},
    span,
};
use crate::config::{PasswordSettings, Settings};

/// Beside the connections of people and of the database: files, gateways, the log.
const REST: u64 = 64;
/// How long one hash should take: RFC 9106 (section 4) lets the person who waits decide, and nobody notices a tenth of a second.
const TARGET: Duration = Duration::from_millis(100);
/// Below this a guesser buys too many tries for their money; above that a row of logins becomes a queue.
const FAST: Duration = Duration::from_millis(10);
const SLOW: Duration = Duration::from_millis(500);
/// What a hash must cost at least, as the settings have it: 19 MiB and two passes.
const FLOOR: u32 = crate::config::FLOOR_KIB * 2;

/// The limit on open files against what all workers together would take.
pub(super) fn descriptors(patient: &Patient<'_>) -> Vec<Finding> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // A server takes all that it may have when it starts; a command is asked what that server will be able to take.
    let limit = if patient.seat == Seat::Server { current } else { maximum };
    vec![enough(limit.unwrap_or(u64::MAX), patient.settings)]
}

fn enough(limit: u64, settings: &Settings) -> Finding {
    let workers =
        settings.limits.workers.or_else(|| std::thread::available_parallelism().ok().map(Into::into)).unwrap_or(1);
    let people = settings.limits.connections.saturating_mul(workers);
    let needed =
        u64::try_from(people).unwrap_or(u64::MAX).saturating_add(u64::from(settings.database.pool_size) + REST);
    let found = if limit < needed { DESCRIPTORS_FEW.found() } else { DESCRIPTORS_ENOUGH.found() };
    let shown = if limit == u64::MAX { "∞".to_owned() } else { limit.to_string() };
    found.with("limit", shown).with("needed", needed)
}

/// How long a hash takes, the better of two: the first one fetches its memory.
pub(super) async fn hash(patient: &Patient<'_>) -> Vec<Finding> {
    let mut best = Duration::MAX;
    for _ in 0..2 {
        let began = Instant::now();
        // Of nobody's password: what is measured is thrown away.
        if let Err(error) = patient.pool.hash(&SecretString::from("a password of nobody's")).await {
            return vec![HASH_BUSY.found().with("why", error)];
        }
        best = best.min(began.elapsed());
    }
    vec![judge(best, &patient.settings.password)]
}

fn judge(took: Duration, settings: &PasswordSettings) -> Finding {
    let (memory, iterations) = suggested(took, settings);
    let now = (settings.memory_kib, settings.iterations);
    let found = match took {
        took if took < FAST => HASH_FAST.found(),
        // What is at its floor already is not made cheaper.
        took if took > SLOW && now != (memory, iterations) => HASH_SLOW.found(),
        _ => return HASH_RIGHT.found().with("took", span(took)),
    };
    found.with("took", span(took)).with("memory", memory).with("iterations", iterations)
}

/// Memory and iterations with which a hash would take as long as it should, and not less than the floor.
fn suggested(took: Duration, settings: &PasswordSettings) -> (u32, u32) {
    let memory = settings.memory_kib.max(crate::config::FLOOR_KIB / 2);
    let each = took.as_secs_f64() / f64::from(settings.iterations.max(1)) * f64::from(memory)
        / f64::from(settings.memory_kib.max(1));
    // The cast saturates, and nothing that is measured is less than nothing.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "see above")]
    let iterations = (TARGET.as_secs_f64() / each.max(1e-9)).round() as u32;
    (memory, iterations.clamp(1, 64).max(FLOOR.div_ceil(memory)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::patient::tests::{House, keys};

    #[test]
    fn a_limit_below_the_connections_of_all_workers_is_named() {
        let mut house = House::new();
        (house.settings.limits.connections, house.settings.limits.workers) = (1000, Some(4));
        assert_eq!(enough(u64::MAX, &house.settings).outcome.key, "machine.descriptors");
        assert_eq!(enough(4096, &house.settings).outcome.key, "machine.descriptors");
        assert_eq!(enough(4000, &house.settings).outcome.key, "machine.descriptors_few");
        assert_eq!(descriptors(&house.patient()).len(), 1);
    }

    #[test]
    fn a_hash_that_is_too_cheap_or_too_dear_comes_with_better_numbers() {
        let settings =
            |memory_kib, iterations| PasswordSettings { memory_kib, iterations, ..House::new().settings.password };
        let ms = Duration::from_millis;
        assert_eq!(judge(ms(40), &settings(19_456, 2)).outcome.key, "machine.hash");
        assert_eq!(judge(ms(5), &settings(19_456, 2)).outcome.key, "machine.hash_fast");
        assert_eq!(suggested(ms(5), &settings(19_456, 2)), (19_456, 40));
        assert_eq!(judge(ms(2000), &settings(65_536, 20)).outcome.key, "machine.hash_slow");
        assert_eq!(suggested(ms(2000), &settings(65_536, 20)), (65_536, 1));
        assert_eq!(suggested(ms(2000), &settings(19_456, 20)), (19_456, 2), "never below the floor");
        assert_eq!(
            judge(ms(900), &settings(19_456, 2)).outcome.key,
            "machine.hash",
            "and then there is nothing to say"
        );
    }

    #[tokio::test]
    async fn a_hash_is_measured() {
        let found = hash(&House::new().patient()).await;
        assert_eq!(keys(&found), ["machine.hash_fast"], "64 KiB in one pass");
    }
}
