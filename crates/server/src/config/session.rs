//! How long sessions live.

use std::time::Duration;

use vestibule_core::session::SessionLife;

use super::reader::Reader;

const DAY: Duration = Duration::from_secs(86_400);

pub(super) fn read(reader: &Reader<'_>) -> SessionLife {
    let default = SessionLife::default();
    let minute = Duration::from_secs(60);
    let idle = reader.within("idle", default.idle, minute..=90 * DAY);
    let absolute = reader.within("absolute", default.absolute, minute..=365 * DAY);
    if idle > absolute {
        reader.refuse("idle", "is longer than session.absolute", "Set it to that or less.");
    }
    SessionLife { idle, absolute }
}
