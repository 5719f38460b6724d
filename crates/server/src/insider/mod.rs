//! Insiders: the portal and the console, which are service providers of this server like any other, and part of it.
//!
//! Each is a public client with PKCE that signs its people in through `/oauth2/authorize`, through the chain that is set for
//! it, and has a cookie of its own. What it does not do is to call itself over HTTP: its code goes through the same
//! function as everybody's, in process.

pub(crate) mod chain;
mod login;
mod proof;
mod session;

use vestibule_core::store::{StoreExt as _, StoreResult};
use vestibule_oauth::{model::Client, store::Store};

pub(crate) use session::Visitor;

use crate::state::Transaction;

/// A service provider that is part of this server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Insider<'a> {
    /// Its `client_id`.
    pub(crate) client: &'a str,
    /// Where it lives.
    pub(crate) home: &'static str,
    /// Where its codes go.
    pub(crate) callback: &'static str,
    /// The plain name of its cookie.
    pub(crate) cookie: &'static str,
    /// The plain name of the cookie that a sign-in under way has.
    login_cookie: &'static str,
    /// What the keyed hash in its cookie is for: the cookie of one opens no other.
    purpose: &'static str,
}

impl<'a> Insider<'a> {
    /// The portal, whose id is a setting.
    pub(crate) const fn portal(client: &'a str) -> Self {
        Self {
            client,
            home: "/portal",
            callback: "/portal/callback",
            cookie: "vestibule-portal",
            login_cookie: "vestibule-portal-login",
            purpose: "portal cookie",
        }
    }
}

impl Insider<'static> {
    /// The console.
    pub(crate) const CONSOLE: Self = Self {
        client: "admin-console",
        home: "/admin",
        callback: "/admin/callback",
        cookie: "vestibule-console",
        login_cookie: "vestibule-console-login",
        purpose: "console cookie",
    };
}

/// Makes a built-in client, or corrects its addresses. What an admin set of it otherwise, its chain above all, stays.
///
/// # Errors
/// When the database fails.
pub(crate) async fn ensure_client(store: &Store, wanted: Client) -> StoreResult<()> {
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
