//! The database: whether it answers, has the tables of this program, writes ahead, is held by one server, and has the same clock.

use std::time::{Duration, Instant};

use secrecy::ExposeSecret as _;
use vestibule_core::Time;
use vestibule_store::{DatabaseUrl, Examined, ExaminedFile};

use super::{
    Patient, Seat,
    outcome::{
        CLOCK_APART, CLOCK_FAR, CLOCK_SAME, DATABASE_ABSENT, DATABASE_ANSWERS, DATABASE_DOWN, DATABASE_SLOW, Finding,
        LOCK_FREE, LOCK_HELD, LOCK_LOST, MIGRATIONS_CURRENT, MIGRATIONS_NEWER, MIGRATIONS_PENDING, WAL_LARGE, WAL_OFF,
        WAL_ON,
    },
    patient, size, span,
};

/// A connection and three short questions on a machine beside this one.
const SLOW: Duration = Duration::from_millis(250);
/// SQLite begins anew at a few megabytes. Much more means that something reads without an end.
const LARGE: u64 = 256 << 20;
/// Codes live for minutes, and tokens are refused when they are from the future by more than this.
const APART: Duration = Duration::from_secs(2);
const FAR: Duration = Duration::from_secs(30);

pub(super) async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    // An address that means nothing was said already.
    let Ok(address) = patient.settings.database.url.expose_secret().parse::<DatabaseUrl>() else { return Vec::new() };
    let began = Instant::now();
    match patient::examined(&address).await {
        Some(Ok(seen)) => judge(&seen, began.elapsed(), patient.seat, patient.now),
        Some(Err(error)) => vec![patient::found(&error)],
        None => vec![DATABASE_DOWN.found().with("why", format!("no answer within {}", span(super::PATIENCE)))],
    }
}

fn judge(seen: &Examined, took: Duration, seat: Seat, now: Time) -> Vec<Finding> {
    // A file that is not there was not asked.
    if !seen.begun && seen.file.is_none() && seen.clock.is_none() {
        return vec![DATABASE_ABSENT.found()];
    }
    let answers = if took > SLOW { DATABASE_SLOW.found() } else { DATABASE_ANSWERS.found() };
    let mut found = vec![answers.with("took", span(took))];
    if !seen.begun {
        found.push(DATABASE_ABSENT.found());
        return found;
    }
    found.push(match () {
        () if !seen.newer.is_empty() => MIGRATIONS_NEWER.found().with("versions", seen.newer.join(", ")),
        () if !seen.pending.is_empty() => MIGRATIONS_PENDING.found().with("names", seen.pending.join(", ")),
        () => MIGRATIONS_CURRENT.found().with("count", seen.known),
    });
    found.extend(seen.file.iter().flat_map(|file| of_file(file, seat)));
    found.extend(seen.clock.map(|theirs| clock(Time(theirs), now)));
    found
}

fn of_file(file: &ExaminedFile, seat: Seat) -> [Finding; 2] {
    let wal = match () {
        () if file.journal != "wal" => WAL_OFF.found().with("mode", &file.journal),
        () if file.wal > LARGE => WAL_LARGE.found().with("size", size(file.wal)),
        () => WAL_ON.found().with("size", size(file.wal)),
    };
    let lock = match (file.locked, seat) {
        (true, _) => LOCK_HELD.found(),
        (false, Seat::Command) => LOCK_FREE.found(),
        // This very process took it: the file of the lock was removed, and a second server could start.
        (false, Seat::Server) => LOCK_LOST.found(),
    };
    [wal, lock]
}

fn clock(theirs: Time, ours: Time) -> Finding {
    let apart = Duration::from_micros(theirs.0.abs_diff(ours.0));
    let found = match apart {
        apart if apart > FAR => CLOCK_FAR.found(),
        apart if apart > APART => CLOCK_APART.found(),
        _ => CLOCK_SAME.found(),
    };
    found.with("apart", span(apart))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::patient::tests::{House, keys};

    fn seen() -> Examined {
        let file = ExaminedFile { journal: "wal".to_owned(), wal: 4096, locked: true };
        Examined { begun: true, known: 7, pending: Vec::new(), newer: Vec::new(), clock: None, file: Some(file) }
    }

    fn judged(seen: &Examined) -> Vec<&'static str> {
        keys(&judge(seen, Duration::from_millis(3), Seat::Server, Time(0)))
    }

    #[test]
    fn a_database_in_order_is_right() {
        assert_eq!(judged(&seen()), ["database.answers", "database.migrations", "database.wal", "database.lock"]);
        let slow = judge(&seen(), Duration::from_millis(900), Seat::Server, Time(0));
        assert_eq!(keys(&slow)[0], "database.slow");
    }

    #[test]
    fn migrations_that_are_pending_or_newer_are_named() {
        assert_eq!(judged(&Examined { pending: vec!["x".to_owned()], ..seen() })[1], "database.pending");
        assert_eq!(judged(&Examined { newer: vec!["x".to_owned()], ..seen() })[1], "database.newer");
        assert_eq!(judged(&Examined { begun: false, ..seen() }), ["database.answers", "database.absent"]);
        assert_eq!(judged(&Examined { begun: false, file: None, ..seen() }), ["database.absent"]);
    }

    #[test]
    fn a_file_that_does_not_write_ahead_has_too_much_or_lost_its_lock_is_named() {
        let file = |journal: &str, wal, locked, seat| {
            keys(&of_file(&ExaminedFile { journal: journal.to_owned(), wal, locked }, seat))
        };
        assert_eq!(file("delete", 0, true, Seat::Server), ["database.wal_off", "database.lock"]);
        assert_eq!(file("wal", LARGE + 1, false, Seat::Server), ["database.wal_large", "database.lock_lost"]);
        assert_eq!(file("wal", 0, false, Seat::Command), ["database.wal", "database.lock_free"]);
    }

    #[test]
    fn clocks_that_go_apart_are_named() {
        let apart =
            |seconds: i64| clock(Time::from_unix_seconds(1000 + seconds), Time::from_unix_seconds(1000)).outcome.key;
        assert_eq!(
            [apart(0), apart(-1), apart(3), apart(-40)],
            ["clock.same", "clock.same", "clock.apart", "clock.far"]
        );
    }

    #[tokio::test]
    async fn a_server_that_is_gone_is_down_and_its_password_is_not_said() {
        let mut house = House::new();
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
        house.settings.database.url = format!("postgres://vestibule:hunter2@127.0.0.1:{free}/vestibule").into();
        let found = check(&house.patient()).await;
        assert_eq!(keys(&found), ["database.down"]);
        assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    }
}
