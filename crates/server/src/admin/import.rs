//! People in bulk: the file that `vestibule user import` takes, by the console and the API. What becomes of a row is decided
//! in [`crate::import`] for all of them; here is only who may bring how much.

use vestibule_core::store::StoreError;

use super::{Actor, AdminError, Permission, record::By};
use crate::{
    declare::Workshop,
    import::{self, Bounds, Options, Report},
    rehearsal::is_rehearsal,
    state::State,
};

/// How much one request may bring. What is larger is for the command, which has all the time that it needs.
pub const BOUNDS: Bounds = Bounds { bytes: 2 << 20, rows: 10_000, cell: 4096 };

/// How a file is to be taken.
#[derive(Clone, Copy, Debug, Default)]
pub struct Taking {
    /// Only tell what would become of it.
    pub dry_run: bool,
    /// Take the good rows when there are bad ones.
    pub skip_bad: bool,
}

/// `users.import`. The roles of this server are given by those alone who may give them, and a password comes along only from
/// those who may give somebody another factor.
///
/// # Errors
/// Without permission, and when somebody else changed one of the users while it was written: groups before that are written,
/// and the same file again completes them.
pub async fn import(state: &State, actor: &Actor, file: &[u8], taking: Taking) -> Result<Report, AdminError> {
    actor.needs(Permission::UsersWrite)?;
    let options = Options {
        by: By::from(actor),
        default_chain: Some(state.live.default_chain().clone()),
        dry_run: taking.dry_run || is_rehearsal(),
        skip_bad: taking.skip_bad,
        allow_admin_roles: actor.permissions.has(Permission::RolesWrite),
        bounds: BOUNDS,
        actor: Some(actor.clone()),
        line_by_line: true,
    };
    let workshop = Workshop {
        store: state.store.clone(),
        pool: state.hash_pool.clone(),
        prf: state.prf.clone(),
        clock: state.clock.clone(),
        random: state.random.clone(),
        registry: state.engine.registry().clone(),
        floor: state.policy.floor.clone(),
        channels: state.live.channels().clone(),
    };
    match import::users_csv(&workshop, file, &options).await {
        Err(StoreError::Conflict(why)) => Err(AdminError::Refused(why)),
        report => Ok(report?),
    }
}
