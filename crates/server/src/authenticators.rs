//! The one file that knows which authenticators and which kinds of channels there are.

use std::{num::NonZeroUsize, sync::Arc};

use vestibule_authn_emailotp::{EmailOtp, Mail};
use vestibule_authn_passkey::Passkeys;
pub use vestibule_authn_passkey::{NoParty, Party};
use vestibule_authn_password::{HashError, HashParams, HashPool, Password, Policy, PoolSettings};
use vestibule_authn_recovery::Recovery;
use vestibule_authn_smsotp::{Circuits, Outbox, SmsGateway, SmsOtp, Unreachable, members};
use vestibule_authn_totp::Totp;
use vestibule_core::{
    Registry,
    channel::{Channel, Connection, ConnectionError},
    random::Random,
};

use crate::config::{PasswordSettings, Settings};

/// The pool on which every password is hashed.
///
/// # Errors
/// When its settings are out of range.
pub fn hash_pool(settings: &PasswordSettings, random: Arc<dyn Random>) -> Result<HashPool, HashError> {
    let default = PoolSettings::default();
    HashPool::new(PoolSettings {
        params: HashParams {
            memory_kib: settings.memory_kib,
            passes: settings.iterations,
            lanes: settings.parallelism,
        },
        threads: settings.threads.and_then(NonZeroUsize::new).unwrap_or(default.threads),
        queue: settings.queue,
        deadline: settings.deadline,
        random,
    })
}

/// For whom passkeys are made: the host of the server's address, and the pages that may use them beside its own.
///
/// # Errors
/// When the address has no host.
pub fn party(settings: &Settings) -> Result<Party, NoParty> {
    Party::new(&settings.public_url, &settings.passkey.related_origins)
}

/// What is asked of passwords within a sign-in.
#[derive(Clone, Debug, Default)]
pub struct NewPasswords {
    /// What a new one has to be.
    pub policy: Policy,
    /// Whether one that is in the lists must change.
    pub change_known: bool,
}

/// The authenticators that chains may name.
///
/// # Errors
/// When one of them cannot be made with these settings.
pub fn registry(pool: &HashPool, party: Party) -> Result<Registry, HashError> {
    registry_with(pool, party, NewPasswords::default())
}

/// The same, of a server whose passwords are chosen by these rules.
///
/// # Errors
/// When one of them cannot be made with these settings.
pub fn registry_with(pool: &HashPool, party: Party, password: NewPasswords) -> Result<Registry, HashError> {
    let NewPasswords { policy, change_known } = password;
    Ok(Registry::new(vec![
        Arc::new(Password::new(pool.clone())?.choosing(policy).renewing_known(change_known)),
        Arc::new(SmsOtp::new()),
        Arc::new(EmailOtp::new()),
        Arc::new(Passkeys::new(party)),
        Arc::new(Totp::new()),
        Arc::new(Recovery::new()),
    ]))
}

/// Builds channels from connections.
#[derive(Clone, Default)]
pub struct Channels {
    /// What connections deliver to when their preset says `outbox`, whatever their kind: in development alone.
    pub outbox: Option<Outbox>,
    /// Which gateways fail, as far as this instance knows.
    pub circuits: Circuits,
}

/// Where messages by a connection would go.
#[derive(Debug)]
pub enum Reached {
    /// To this host, which takes connections.
    Host(String),
    /// Nowhere: they are kept here.
    Kept,
}

/// Why no message would go by a connection.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// Its settings are no use.
    #[error(transparent)]
    Settings(#[from] ConnectionError),
    /// Its host is not reached.
    #[error(transparent)]
    Away(#[from] Unreachable),
    /// The mail server is not reached.
    #[error(transparent)]
    MailAway(#[from] vestibule_authn_emailotp::Unreachable),
}

impl Channels {
    /// Looks whether messages could go by a connection, by the way that they would take. None is sent.
    ///
    /// # Errors
    /// What is wrong with its settings, or how far it came.
    pub async fn reach(&self, connection: &Connection, among: &[Connection]) -> Result<Reached, Unfit> {
        let Some(_) = self.build(connection, among)? else { return Ok(Reached::Kept) };
        let members = members(&connection.settings);
        if members.is_empty() {
            return self.reach_one(connection).await;
        }
        // One way is enough; what is wrong with the others is said of them.
        let mut reached = Ok(Reached::Kept);
        for member in among.iter().filter(|known| !known.disabled && members.contains(&known.name)) {
            reached = self.reach_one(member).await;
            if reached.is_ok() {
                break;
            }
        }
        reached
    }

    async fn reach_one(&self, connection: &Connection) -> Result<Reached, Unfit> {
        if connection.settings.0.get("preset").is_some_and(|preset| preset == "outbox") {
            return Ok(Reached::Kept);
        }
        if connection.kind == Mail::KIND {
            let mail = Mail::from_settings(&connection.settings)?;
            mail.reach().await?;
            return Ok(Reached::Host(mail.host().to_owned()));
        }
        let gateway = SmsGateway::from_settings(&connection.settings)?;
        gateway.reach().await?;
        Ok(Reached::Host(gateway.host().to_owned()))
    }

    /// The channel of a connection, which may go by others of `among`; `None` for a kind that delivers nothing.
    ///
    /// # Errors
    /// What is wrong with the connection.
    pub fn build(
        &self,
        connection: &Connection,
        among: &[Connection],
    ) -> Result<Option<Arc<dyn Channel>>, ConnectionError> {
        match connection.kind.as_str() {
            SmsOtp::CONNECTION_KIND => {
                let outbox = self.outbox.as_ref();
                vestibule_authn_smsotp::build(connection, among, outbox, &self.circuits).map(Some)
            }
            Mail::KIND => {
                let outbox = self.outbox.clone().map(|outbox| Arc::new(outbox) as Arc<dyn Channel>);
                vestibule_authn_emailotp::build(connection, outbox).map(Some)
            }
            _ => Ok(None),
        }
    }
}
