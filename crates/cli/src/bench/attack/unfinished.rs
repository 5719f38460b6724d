//! sign-ins that are asked for and never begun. What they leave is rows, which go when they expire (a test looks at
//! that: half an hour is too long here); what they must not leave is memory.

use std::{rc::Rc, time::Duration};

use super::House;
use crate::bench::{
    CONNECTIONS,
    measure::{Round, measure},
    report::{Goal, Line},
    work::Work,
};

/// So many.
const COUNT: f64 = 100_000.0;
/// Before them: what the allocator and the cache of the database take once is no leak.
const WARM: f64 = 5_000.0;
/// The memory that they may cost, in MiB.
const MEMORY: f64 = 16.0;
/// What one of them may take of the disk until it expires, in KiB.
const DISK: f64 = 2.0;

pub(super) async fn run(add: &mut dyn FnMut(Line)) -> Result<(), String> {
    let house = House::build("").await?;
    tokio::time::sleep(Duration::from_millis(2500)).await;
    let work = Rc::new(Work::authorize());
    let mut done = 0.0;
    let mut before = None;
    let mut last = Round::default();
    while done < COUNT + WARM {
        let began = std::time::Instant::now();
        last = measure(&house.server, &work, CONNECTIONS, Duration::from_secs(1)).await?;
        done += last.per_second * began.elapsed().as_secs_f64();
        if done >= WARM && before.is_none() {
            before = Some(house.server.rss_mib());
        }
    }
    let (before, after) = (before.unwrap_or_default(), house.server.rss_mib());
    add(Line::new("unfinished_requests", "MiB more", after - before, None, Goal::AtMost(MEMORY)).with(last));
    let each = disk_kib(&house)? / done;
    add(Line::new("unfinished_requests disk", "KiB each", each, None, Goal::AtMost(DISK)));
    Ok(())
}

/// The database with its log.
fn disk_kib(house: &House) -> Result<f64, String> {
    let entries = std::fs::read_dir(house.folder.path().join("data")).map_err(|error| error.to_string())?;
    let bytes: u64 = entries.flatten().filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum();
    Ok(f64::from(u32::try_from(bytes / 1024).unwrap_or(u32::MAX)))
}
