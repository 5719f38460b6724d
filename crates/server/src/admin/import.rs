//! People in bulk: the file that `vestibule user import` takes, by the console and the API. What becomes of a row is decided
//! in [`crate::import`] for all of them; here is only who may bring how much.

use vestibule_core::store::StoreError;

use super::{Actor, AdminError, Permission, invitations, record::By};
use crate::{
    declare::Workshop,
    import::{self, Becomes, Bounds, Options, Report},
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
    /// Invite those who are made and have an address.
    pub invite: bool,
}

/// `users.import`. The roles of this server are given by those alone who may give them, and a password comes along only from
/// those who may give somebody another factor.
///
/// # Errors
/// Without permission, and when somebody else changed one of the users while it was written: groups before that are written,
/// and the same file again completes them.
pub async fn import(state: &State, actor: &Actor, file: &[u8], taking: Taking) -> Result<Report, AdminError> {
    actor.needs(Permission::UsersWrite)?;
    if taking.invite {
        actor.needs(Permission::FactorsWrite)?;
    }
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
        host: state.public.host.clone(),
        channels: state.live.channels().clone(),
    };
    match import::users_csv(&workshop, file, &options).await {
        Err(StoreError::Conflict(why)) => Err(AdminError::Refused(why)),
        report => invited(state, actor, taking, report?).await,
    }
}

/// The same report, after those who were made are invited. Whoever has a password already, or no address, is not.
async fn invited(state: &State, actor: &Actor, taking: Taking, report: Report) -> Result<Report, AdminError> {
    if !taking.invite || !report.applied {
        return Ok(report);
    }
    let made = report.lines.iter().filter(|line| line.becomes == Becomes::Created);
    let names: Vec<String> = made.map(|line| line.username.clone()).collect();
    let invited = invitations::invite_all(state, actor, &names).await?;
    Ok(Report { invited, ..report })
}
