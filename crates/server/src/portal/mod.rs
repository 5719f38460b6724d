//! The user portal: who am I, where am I signed in, sign out there.
//!
//! It is an ordinary service provider of this server: a public client with PKCE that signs its people in through
//! `/oauth2/authorize`, through the chain that is set for it, and has a cookie of its own. What it does not do is to call
//! itself over HTTP: its code goes through the same function as everybody's, in process.

pub mod home;
pub mod login;
mod session;

use serde_json::json;
use vestibule_core::store::{StoreError, StoreExt as _, StoreResult};
use vestibule_oauth::{model::Client, store::Store};

use crate::state::{Public, Transaction};

/// Where its codes go.
const CALLBACK: &str = "/portal/callback";

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
        "redirect_uris": [public.url(CALLBACK)],
        "grant_types": ["authorization_code"],
        "scopes": ["openid"],
        "consent": "skip",
    });
    let wanted: Client =
        serde_json::from_value(wanted).map_err(|error| StoreError::Damaged(format!("the portal's client: {error}")))?;
    ensure_client(store, wanted).await
}

/// Makes a built-in client, or corrects its addresses.
///
/// # Errors
/// When the database fails.
pub async fn ensure_client(store: &Store, wanted: Client) -> StoreResult<()> {
    let id = wanted.id.clone();
    let known =
        store.read(move |tx: &mut Transaction| Ok(tx.clients()?.into_iter().find(|client| client.id == id))).await?;
    let correct = match known {
        Some(known) if known.redirect_uris == wanted.redirect_uris => return Ok(()),
        Some(known) => Client { redirect_uris: wanted.redirect_uris, ..known },
        None => wanted,
    };
    store.write(move |tx: &mut Transaction| tx.put_client(&correct)).await
}
