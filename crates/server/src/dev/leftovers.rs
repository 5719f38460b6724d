//! What a development server leaves in its database, found when `serve` opens the same one: a user and service providers
//! whose passwords everybody knows.
//!
//! The server starts nevertheless, and says so at every start. To refuse would be to take down a service whose admin has
//! a user of that name, for a password that the policy would not have taken from them.

use std::fmt;

use secrecy::{ExposeSecret as _, SecretString};
use vestibule_authn_password::{HashPool, Password};
use vestibule_core::{
    Time,
    crypto::Prf,
    store::{StoreExt as _, StoreResult},
    user::{Credential, LoginName},
};
use vestibule_oauth::model::{Client, HashedSecret};

use crate::{
    demo,
    state::{State, Transaction},
};

/// The user of a development server, whose password is the name.
pub const USER: &str = "alice";
/// The service provider of `vestibule try`.
pub const TRY_CLIENT: &str = "try";
/// Its secret: known to everybody.
pub const TRY_SECRET: &str = "not-a-secret-on-a-development-server";

/// One thing that only a development server should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// The built-in relying party, which sends codes to an address that nobody answers any more.
    DemoClient,
    /// The service provider with the known secret.
    TryClient,
    /// The user with the known password.
    User,
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DemoClient => write!(f, "the service provider `{}`", demo::CLIENT),
            Self::TryClient => write!(f, "the service provider `{TRY_CLIENT}`, whose secret everybody knows"),
            Self::User => write!(f, "the user `{USER}`, whose password everybody knows"),
        }
    }
}

impl Leftover {
    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::DemoClient | Self::TryClient => {
                "start with an empty database, or remove it: `vestibule apply --prune` removes what is not declared"
            }
            Self::User => "start with an empty database, or give it another password: `vestibule user passwd alice`",
        }
    }
}

/// Says loudly what is left over.
pub(crate) async fn warn(state: &State) {
    match find(state).await {
        Ok(found) => {
            for leftover in found {
                let advice = leftover.advice();
                tracing::error!(advice, "this is no development server, but its database holds {leftover}");
            }
        }
        Err(error) => tracing::warn!(%error, "what a development server leaves could not be looked for"),
    }
}

/// What is left over.
///
/// # Errors
/// When the database fails.
pub async fn find(state: &State) -> StoreResult<Vec<Leftover>> {
    let load = |tx: &mut Transaction| {
        let name = LoginName::parse(USER);
        let user = name.map(|name| tx.user_by_login(&name)).transpose()?.flatten().filter(|user| !user.disabled);
        let passwords = user.map(|user| tx.credentials(user.id, &Password::NAME.into())).transpose()?;
        let passwords: Vec<Credential> = passwords.unwrap_or_default();
        Ok((tx.clients()?, passwords))
    };
    let (clients, passwords) = state.store.read(load).await?;
    Ok(among(&clients, &passwords, &state.hash_pool, &state.prf, state.clock.now()).await)
}

/// What is left over among these service providers and these passwords of [`USER`].
pub(crate) async fn among(
    clients: &[Client],
    passwords: &[Credential],
    pool: &HashPool,
    prf: &Prf,
    now: Time,
) -> Vec<Leftover> {
    let living = clients.iter().filter(|client| !client.disabled);
    let mut found: Vec<_> = living.filter_map(|client| leftover(client, prf, now)).collect();
    if everybody_knows(pool, passwords).await {
        found.push(Leftover::User);
    }
    found
}

fn leftover(client: &Client, prf: &Prf, now: Time) -> Option<Leftover> {
    let known = |secret: &HashedSecret| secret.matches(&client.id, TRY_SECRET, prf, now);
    match client.id.as_str() {
        demo::CLIENT if client.redirect_uris.iter().any(|uri| uri.ends_with(demo::CALLBACK)) => {
            Some(Leftover::DemoClient)
        }
        TRY_CLIENT if client.secrets.iter().any(known) => Some(Leftover::TryClient),
        _ => None,
    }
}

/// Whether one of these passwords is the known one. A hash that cannot be read is no password at all.
async fn everybody_knows(pool: &HashPool, passwords: &[Credential]) -> bool {
    let known = SecretString::from(USER);
    for password in passwords {
        if pool.verify(&known, password.secret.expose_secret()).await.unwrap_or_default() {
            return true;
        }
    }
    false
}
