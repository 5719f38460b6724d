//! The portal as a service provider, and the chain that it begins with.

use serde_json::json;
use vestibule_core::{
    id::ChainName,
    store::{StoreError, StoreExt as _, StoreResult},
    time::Time,
};
use vestibule_oauth::{model::Client, store::Store};

use crate::{
    insider::{self, Insider, ensure_client},
    state::{Public, Transaction},
};

/// The chain that its people pass in a new house, unless an admin sets another.
pub const CHAIN: &str = "portal";

/// Makes the portal's client, or corrects its addresses after the public URL changed. What an admin set of it otherwise, its
/// chain above all, stays. Where `usual`, the chain of all that name none, is there already or comes in a moment (`None`), it
/// obeys that.
///
/// # Errors
/// When the database fails.
pub async fn ensure(store: &Store, id: &str, usual: Option<&ChainName>, public: &Public, now: Time) -> StoreResult<()> {
    let own = match usual {
        Some(usual) => found(store, id, usual, now).await?,
        None => false,
    };
    let wanted = json!({
        "id": id,
        "name": "My account",
        "auth": "none",
        "redirect_uris": [public.url(Insider::portal(id).callback)],
        "grant_types": ["authorization_code"],
        "scopes": ["openid"],
        "consent": "skip",
        "chain": own.then_some(CHAIN),
    });
    let wanted: Client =
        serde_json::from_value(wanted).map_err(|error| StoreError::Damaged(format!("the portal's client: {error}")))?;
    ensure_client(store, wanted).await
}

/// Makes the chain of a portal that is about to be made; whether it was.
async fn found(store: &Store, id: &str, usual: &ChainName, now: Time) -> StoreResult<bool> {
    let (id, usual) = (id.to_owned(), usual.clone());
    let found = move |tx: &mut Transaction| {
        let own = ChainName::from(CHAIN);
        let portal = tx.clients()?.into_iter().any(|client| client.id.as_str() == id);
        if portal || tx.published_chains()?.iter().any(|known| known.chain == usual || known.chain == own) {
            return Ok(false);
        }
        insider::chain::found(tx, &own, now)?;
        Ok(true)
    };
    store.write(found).await
}
