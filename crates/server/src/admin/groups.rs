//! Groups: names that users carry. There is nothing else to a group, so it is there as long as somebody is in it.

use schemars::JsonSchema;
use serde::Serialize;
use vestibule_core::store::StoreExt as _;

use super::{
    Actor, AdminError, Permission,
    paging::{Listing, PageQuery},
};
use crate::state::{State, Transaction};

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct GroupView {
    /// Its name.
    pub name: String,
    /// How many users are in it.
    pub members: i64,
}

/// `groups.list`.
///
/// # Errors
/// Without permission, and when the page makes no sense.
pub async fn list(state: &State, actor: &Actor, page: &PageQuery) -> Result<Listing<GroupView>, AdminError> {
    actor.needs(Permission::UsersRead)?;
    let asked = page.read::<String>(&"groups", &state.prf)?;
    let (after, limit) = (asked.after.clone(), asked.and_one());
    let groups = state.store.read(move |tx: &mut Transaction| tx.groups(after.as_deref(), limit)).await?;
    let show = |group: vestibule_core::directory::GroupCount| GroupView { name: group.name, members: group.members };
    Ok(asked.page(groups, &"groups", &state.prf, |group| group.name.clone(), show))
}
