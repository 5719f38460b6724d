//! `vestibule admin`: the first entry to the console, beside a running server or without one.

use std::process::ExitCode;

use clap::Subcommand;
use secrecy::ExposeSecret as _;
use vestibule_core::{
    audit::Via,
    directory::UserSearch,
    store::{StoreError, StoreExt as _},
    user::LoginName,
};
use vestibule_oauth::store::Tx;
use vestibule_server::{
    admin::Role,
    console::{self, entry},
};

use crate::{
    exit::{DATA, Failure, USAGE},
    offline,
    output::{complain, say},
    settings::SettingsArguments,
};

/// What can be done for admins.
#[derive(Subcommand)]
pub(crate) enum Admin {
    /// Make a link, once and for 15 minutes, by which an owner of the console sets a password.
    Link {
        /// For whom; made when there is nobody of that name. The first owner otherwise, or `admin`.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
}

impl Admin {
    pub(crate) async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        let Self::Link { user } = self;
        let name =
            |text: String| LoginName::parse(&text).ok_or_else(|| Failure::new(USAGE, "--user: this is no user name"));
        let asked = user.map(name).transpose()?;
        let offline = offline::open(arguments)?;
        let (prf, random) = (offline.workshop.prf.clone(), std::sync::Arc::clone(&offline.workshop.random));
        let (by, now) = (offline::account(Via::Cli), offline.workshop.clock.now());
        let make = move |tx: &mut (dyn Tx + 'static)| {
            let name = match &asked {
                Some(name) => name.clone(),
                None => somebody(tx)?,
            };
            entry::make_link(tx, &name, &by, &prf, &*random, now)
        };
        let link = offline.workshop.store.write(make).await.map_err(|error| match error {
            StoreError::Conflict(why) => Failure::new(DATA, why),
            other => other.into(),
        })?;
        say(format_args!("{}{}", offline.settings.issuer(), link.path.expose_secret()));
        let (user, minutes) = (&link.username, entry::LIFE.as_secs() / 60);
        complain(format!("This link makes {user} an owner of the console. It works once, for {minutes} minutes."));
        let chain = console::CHAIN;
        complain(format!("Sign-in to the console passes the chain `{chain}`, unless you set another for it."));
        Ok(ExitCode::SUCCESS)
    }
}

/// The first owner; a new `admin` where there is none.
fn somebody(tx: &mut (dyn Tx + 'static)) -> Result<LoginName, StoreError> {
    let search =
        UserSearch { role: Some(Role::Owner.name().to_owned()), disabled: Some(false), ..UserSearch::default() };
    let owner = tx.find_users(&search, None, 1)?.into_iter().next().map(|(_, owner)| owner.username);
    let admin = || LoginName::parse("admin").ok_or_else(|| StoreError::Damaged("admin is no name".to_owned()));
    owner.map_or_else(admin, Ok)
}
