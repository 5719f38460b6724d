//! The user portal: who am I, where am I signed in, sign out there. It is an insider.

pub mod home;

pub(crate) use home::browser;

use serde_json::json;
use vestibule_core::store::{StoreError, StoreResult};
use vestibule_oauth::{model::Client, store::Store};

use crate::{
    insider::{Insider, ensure_client},
    state::Public,
};

/// Makes the portal's client, or corrects its addresses after the public URL changed. What an admin set of it otherwise, its
/// chain above all, stays.
///
/// # Errors
/// When the database fails.
pub async fn ensure(store: &Store, id: &str, public: &Public) -> StoreResult<()> {
    let wanted = json!({
        "id": id,
        "name": "My account",
        "auth": "none",
        "redirect_uris": [public.url(Insider::portal(id).callback)],
        "grant_types": ["authorization_code"],
        "scopes": ["openid"],
        "consent": "skip",
    });
    let wanted: Client =
        serde_json::from_value(wanted).map_err(|error| StoreError::Damaged(format!("the portal's client: {error}")))?;
    ensure_client(store, wanted).await
}
