//! The console at `/admin`: what an admin can do, by clicks.
//!
//! It is an insider with a chain of its own, and it decides nothing: a handler reads a form, calls a function of
//! [`admin`](crate::admin), and draws what came of it. One file per screen; what all of them need is the `Desk`, which knows
//! who sits at it. Every page is a GET that changes nothing and every change a POST that ends in a redirect, so reload and
//! back are harmless; everything works without JavaScript.

mod audit;
mod chains;
pub(crate) mod clients;
mod connections;
mod denied;
mod desk;
mod doctor;
pub mod entry;
mod form;
mod groups;
mod guide;
mod home;
mod import;
mod keys;
mod live;
mod mail_server;
mod messages;
mod proof;
mod registration;
pub(crate) mod samples;
mod sessions;
mod settings;
mod snippets;
mod trials;
mod users;

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, ServiceConfig, get, post, resource},
};
use serde_json::json;
use vestibule_core::{
    id::ChainName,
    random::Random,
    store::{StoreError, StoreExt as _, StoreResult},
    time::Time,
};
use vestibule_oauth::{model::Client, store::Store};

pub(crate) use desk::{Desk, Place};

use crate::{
    insider::{self, Insider, ensure_client},
    state::{Public, State, Transaction},
};

/// The console's `client_id`.
pub const CLIENT: &str = Insider::CONSOLE.client;
/// The chain that its people pass, unless an admin sets another.
pub const CHAIN: &str = "admin";

/// Makes the console's client and its first chain, and renews a chain that an earlier server made. What an admin made of them
/// since stays.
///
/// # Errors
/// When the database fails.
pub async fn ensure(store: &Store, public: &Public, random: &Arc<dyn Random>, now: Time) -> StoreResult<()> {
    let chain = ChainName::from(CHAIN);
    let name = chain.clone();
    let known = store.read(move |tx: &mut Transaction| {
        let console = tx.clients()?.into_iter().find(|client| client.id.as_str() == CLIENT);
        Ok((console.is_some(), tx.published_chains()?.iter().any(|known| known.chain == name)))
    });
    let damaged = |error: serde_json::Error| StoreError::Damaged(format!("the console: {error}"));
    match known.await? {
        (false, false) => store.write(move |tx: &mut Transaction| insider::chain::found(tx, &chain, now)).await?,
        (true, true) => {
            let random = Arc::clone(random);
            store.write(move |tx: &mut Transaction| insider::chain::renew(tx, &chain, &*random, now)).await?;
        }
        _ => {}
    }
    let wanted = json!({
        "id": CLIENT,
        "name": "Console",
        "auth": "none",
        "redirect_uris": [public.url(Insider::CONSOLE.callback)],
        "grant_types": ["authorization_code"],
        "scopes": ["openid"],
        "chain": CHAIN,
        "consent": "skip",
    });
    let wanted: Client = serde_json::from_value(wanted).map_err(damaged)?;
    ensure_client(store, wanted).await
}

/// `GET /admin/callback`.
async fn callback(req: HttpRequest, state: Data<State>) -> HttpResponse {
    Insider::CONSOLE.callback(&req, &state).await
}

/// The routes of the console.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/admin").route(get().to(home::get)))
        .service(resource("/admin/callback").route(get().to(callback)))
        .service(resource("/admin/sign-out").route(post().to(home::sign_out)))
        .service(resource(proof::PATH).route(post().to(proof::post)))
        .service(resource("/admin/enter/{secret}").route(get().to(entry::get)).route(post().to(entry::post)));
    config
        .service(resource("/admin/clients").route(get().to(clients::list)))
        .service(resource("/admin/clients/new").route(get().to(clients::new)).route(post().to(clients::create)))
        .service(resource("/admin/clients/{id}").route(get().to(clients::detail)).route(post().to(clients::update)))
        .service(resource("/admin/clients/new/check").route(post().to(clients::check)))
        .service(resource("/admin/clients/{id}/secrets").route(post().to(clients::rotate)))
        .service(resource("/admin/clients/{id}/try").route(post().to(trials::offer)))
        .service(resource("/admin/trials/new/{ticket}").route(get().to(trials::begin)))
        .service(resource("/admin/trials/{run}").route(get().to(trials::result)))
        .service(resource("/admin/clients/{id}/delete").route(post().to(clients::delete)))
        .service(resource("/admin/connections").route(get().to(connections::list)))
        .service(
            resource("/admin/connections/new").route(get().to(connections::new)).route(post().to(connections::create)),
        )
        .service(
            resource("/admin/connections/{name}")
                .route(get().to(connections::detail))
                .route(post().to(connections::update)),
        )
        .service(resource("/admin/connections/{name}/test").route(post().to(connections::test)))
        .service(resource("/admin/connections/{name}/delete").route(post().to(connections::delete)));
    config
        .service(resource("/admin/keys").route(get().to(keys::get)).route(post().to(keys::rotate)))
        .service(resource("/admin/audit").route(get().to(audit::get)))
        .service(resource("/admin/audit/tail").route(get().to(audit::tail)))
        .service(resource("/admin/audit/export").route(post().to(audit::export)))
        .service(resource("/admin/messages").route(get().to(messages::get)))
        .service(resource("/admin/messages/export").route(get().to(messages::export)))
        .service(resource("/admin/messages/lift").route(post().to(messages::lift)))
        .service(resource("/admin/doctor").route(get().to(doctor::get)))
        .service(resource("/admin/settings").route(get().to(settings::get)));
    chains::routes(config);
    users::routes(config);
    registration::routes(config);
    groups::routes(config);
    sessions::routes(config);
}
