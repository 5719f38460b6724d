//! Free space where the data is: a full disk stops everybody who writes, and so every login.

use std::path::Path;

use rustix::fs::statvfs;

use super::{
    Patient,
    outcome::{DISK_FULL, DISK_LOW, DISK_ROOM, DISK_UNSEEN, Finding},
    size,
};

const LOW: u64 = 1 << 30;
const FULL: u64 = 64 << 20;

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let settings = patient.settings;
    let file = settings.database.sqlite_file();
    let folder = file.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(&settings.data_dir);
    // Before the first start there is no folder: it will be made on the disk of the nearest one that is there.
    let Some(there) = folder.ancestors().map(named).find(|folder| folder.exists()) else { return Vec::new() };
    match statvfs(there) {
        Ok(seen) => vec![judge(there, seen.f_bavail.saturating_mul(seen.f_frsize))],
        Err(error) => vec![DISK_UNSEEN.found().with("path", there.display()).with("why", error)],
    }
}

/// The last ancestor of a relative path has no name.
fn named(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() { Path::new(".") } else { folder }
}

fn judge(path: &Path, free: u64) -> Finding {
    let found = match free {
        0..FULL => DISK_FULL.found(),
        FULL..LOW => DISK_LOW.found(),
        LOW.. => DISK_ROOM.found(),
    };
    found.with("path", path.display()).with("free", size(free))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::patient::tests::{House, keys};

    #[test]
    fn a_disk_that_fills_is_named_before_it_is_full() {
        let judged = |free| judge(Path::new("/x"), free).outcome.key;
        assert_eq!([judged(LOW), judged(LOW - 1), judged(FULL - 1)], ["disk.room", "disk.low", "disk.full"]);
    }

    #[test]
    fn the_disk_of_a_folder_that_is_not_there_yet_is_found() {
        let mut house = House::new();
        assert!(keys(&check(&house.patient()))[0].starts_with("disk."));
        house.settings.database.url = format!("sqlite://{}/a/b/c.db", house.settings.data_dir.display()).into();
        let found = check(&house.patient());
        assert!(found[0].outcome.key != "disk.unseen", "{found:?}");
    }
}
