//! `vestibule user`: people who can sign in.

use std::{
    io::{IsTerminal as _, Read as _},
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, Subcommand};
use secrecy::SecretString;
use vestibule_authn_password::names_of;
use vestibule_authn_smsotp::parse_number;
use vestibule_core::{
    Registry,
    audit::Via,
    budget::{BudgetKey, Who},
    store::StoreExt as _,
    user::LoginName,
};
use vestibule_oauth::store::Tx;
use vestibule_server::{
    admin::{
        guard::Guard,
        record::Told,
        rescue::{self, Rescued, Which},
        users::FactorView,
    },
    config::tree::Place,
    declare::{self, Action, Declaration, DeclaredPassword, DeclaredUser},
};

use crate::{
    exit::{DATA, Failure, USAGE},
    offline::{self, Offline},
    output::{complain, say},
    settings::SettingsArguments,
};

/// What can be done with users.
#[derive(Subcommand)]
pub(crate) enum User {
    /// Make a user. The password is read from standard input.
    Add(Add),
    /// Give a user another password, read from standard input.
    Passwd {
        /// The name to sign in with.
        username: String,
    },
    /// Open what wrong answers in a row closed for a user.
    Unlock {
        /// The name to sign in with.
        username: String,
    },
    /// Take away what somebody lost, who cannot get in any more; they are signed out everywhere.
    RemoveFactor {
        /// The name to sign in with.
        username: String,
        /// The authenticator that asks for it, such as `totp`; `all` for everything but the password.
        #[arg(value_name = "AUTHENTICATOR")]
        factor: String,
        /// Do it; without this it is only said what would be taken away.
        #[arg(long)]
        yes: bool,
    },
    /// Take people from a CSV file: make those who are new, change the others.
    Import(super::import::Import),
    /// Write everybody as such a file, without passwords.
    Export(super::import::Export),
    /// Show who there is.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Flags of `vestibule user add`.
#[derive(Args)]
pub(crate) struct Add {
    /// The name to sign in with.
    username: String,
    /// The name to show.
    #[arg(long)]
    name: Option<String>,
    /// The e-mail address, also a name to sign in with.
    #[arg(long)]
    email: Option<String>,
    /// The telephone number with its country code; you vouch that it is theirs.
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// A group; may be repeated.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// Make the user without a password.
    #[arg(long)]
    no_password: bool,
}

/// So many are read at once.
const PAGE: usize = 500;

impl User {
    pub(crate) async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        match self {
            Self::Add(add) => add.run(arguments).await,
            Self::Passwd { username } => passwd(arguments, &username).await,
            Self::Unlock { username } => unlock(arguments, &username).await,
            Self::RemoveFactor { username, factor, yes } => remove_factor(arguments, &username, &factor, yes).await,
            Self::Import(import) => import.run(arguments).await,
            Self::Export(export) => export.run(arguments).await,
            Self::List { json } => list(&offline::open(arguments)?, json).await,
        }
    }
}

impl Add {
    async fn run(self, arguments: &SettingsArguments) -> Result<ExitCode, Failure> {
        let username = login_name(&self.username)?;
        let number = |text: &String| parse_number(text, None).map(|number| number.as_str().to_owned());
        let phone_number = self.phone.as_ref().map(number).transpose();
        let phone_number = phone_number.map_err(|error| Failure::new(DATA, format!("--phone: {error}")))?;
        let offline = offline::open(arguments)?;
        let name = username.clone();
        if offline.workshop.store.read(move |tx| tx.user_by_login(&name)).await?.is_some() {
            let advice = format!("Change the password with `vestibule user passwd {username}`.");
            return Err(Failure::new(DATA, format!("{username} exists already. {advice}")));
        }
        let names: Vec<&str> =
            [Some(username.as_str()), self.email.as_deref(), self.name.as_deref()].into_iter().flatten().collect();
        let password = if self.no_password { None } else { Some(new_password(&offline, &names).await?) };
        let user = DeclaredUser {
            display_name: self.name,
            email: self.email,
            phone_number,
            groups: Some(self.groups),
            ..empty(username.clone(), password)
        };
        change(&offline, user).await?;
        say(format_args!("{username} can sign in."));
        Ok(ExitCode::SUCCESS)
    }
}

async fn passwd(arguments: &SettingsArguments, username: &str) -> Result<ExitCode, Failure> {
    let username = login_name(username)?;
    let offline = offline::open(arguments)?;
    let name = username.clone();
    let Some(user) = offline.workshop.store.read(move |tx| tx.user_by_login(&name)).await? else {
        return Err(nobody(&username));
    };
    let password = new_password(&offline, &names_of(&user)).await?;
    change(&offline, empty(username.clone(), Some(password))).await?;
    say(format_args!("{username} has the new password, and is signed out everywhere."));
    Ok(ExitCode::SUCCESS)
}

/// Forgets the failures that a ceiling counts. What waits for a network goes on waiting there: it opens by itself.
async fn unlock(arguments: &SettingsArguments, username: &str) -> Result<ExitCode, Failure> {
    let username = login_name(username)?;
    let Offline { workshop, .. } = offline::open(arguments)?;
    let (name, prf) = (username.clone(), workshop.prf.clone());
    let (by, random, now) = (offline::account(Via::Cli), Arc::clone(&workshop.random), workshop.clock.now());
    let ways: Vec<_> = workshop.registry.iter().map(|authenticator| authenticator.descriptor().name.clone()).collect();
    let open = move |tx: &mut (dyn Tx + 'static)| {
        let Some(user) = tx.user_by_login(&name)? else { return Ok(false) };
        for way in &ways {
            tx.clear_budget(&BudgetKey::ceiling(&prf, &Who::User(user.id), way))?;
        }
        let (object, user) = (user.username.to_string(), Some(user.id));
        by.record(tx, Told { what: "user.unlocked", object, user, changes: Vec::new() }, &*random, now)?;
        Ok(true)
    };
    if !workshop.store.write(open).await? {
        return Err(nobody(&username));
    }
    say(format_args!("{username} can try again with everything."));
    Ok(ExitCode::SUCCESS)
}

/// Takes factors away, if that is meant. An owner who has lost all of them has nobody else to ask.
async fn remove_factor(
    arguments: &SettingsArguments,
    username: &str,
    factor: &str,
    yes: bool,
) -> Result<ExitCode, Failure> {
    let username = login_name(username)?;
    let Offline { workshop, settings } = offline::open(arguments)?;
    let which = which(&workshop.registry, factor)?;
    let (name, asked) = (username.clone(), which.clone());
    let meant = workshop.store.read(move |tx: &mut (dyn Tx + 'static)| rescue::meant(tx, &name, &asked)).await?;
    let meant = meant.ok_or_else(|| nobody(&username))?;
    if meant.is_empty() {
        return Err(Failure::new(DATA, format!("{username} has nothing of that.")));
    }
    if !yes {
        meant.iter().for_each(|factor| say(line("would remove", factor)));
        return Err(Failure::new(
            USAGE,
            "nothing was removed. Say --yes to do it; they are signed out everywhere then.",
        ));
    }
    let guard = Guard::of(&workshop, settings.default_chain.unwrap_or_else(|| "default".into()));
    let (by, random, now) = (offline::account(Via::Cli), Arc::clone(&workshop.random), workshop.clock.now());
    let name = username.clone();
    let remove = move |tx: &mut (dyn Tx + 'static)| rescue::remove(tx, &name, &which, &by, &guard, &*random, now);
    let done = workshop.store.write(remove).await?;
    let Rescued { removed, signed_out, owner } = done.ok_or_else(|| nobody(&username))?;
    removed.iter().for_each(|factor| say(line("removed", factor)));
    say(format_args!("{username} was signed out of {signed_out} browsers, and no browser is remembered."));
    if let Err(why) = owner {
        complain(format!("No owner can sign in to the console now ({why})."));
        complain(
            "`vestibule admin link` sets a password; a chain that asks for more is changed with `vestibule apply`.",
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn which(registry: &Registry, factor: &str) -> Result<Which, Failure> {
    let names: Vec<_> = registry.iter().map(|authenticator| authenticator.descriptor().name.clone()).collect();
    if factor == "all" {
        return Ok(Which::All);
    }
    let known = names.iter().find(|name| name.as_str() == factor).cloned();
    known.map(Which::Of).ok_or_else(|| {
        let names: Vec<_> = names.iter().map(|name| name.as_str()).collect();
        Failure::new(USAGE, format!("there is no authenticator {factor:?}. There are {}, and all.", names.join(", ")))
    })
}

fn line(what: &str, factor: &FactorView) -> String {
    let label = factor.label.as_ref().map(|label| format!(" ({label})")).unwrap_or_default();
    format!("{what} {}{label}", factor.authenticator)
}

fn nobody(username: &LoginName) -> Failure {
    Failure::new(DATA, format!("there is no user {username}. `vestibule user list` shows who there is."))
}

async fn list(offline: &Offline, json: bool) -> Result<ExitCode, Failure> {
    let mut after = None;
    loop {
        let page = offline.workshop.store.read(move |tx| tx.users(after, PAGE)).await?;
        for user in &page {
            if json {
                say(serde_json::to_string(user).unwrap_or_default());
            } else {
                let number = user.phone_number.as_deref().and_then(|number| parse_number(number, None).ok());
                let number = number.map(|number| number.masked()).unwrap_or_default();
                let disabled = if user.disabled { "disabled" } else { "" };
                let name = user.display_name.as_deref().unwrap_or_default();
                let username = user.username.as_str();
                say(format_args!("{username:<24} {name:<24} {number:<22} {disabled}"));
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.id),
            _ => return Ok(ExitCode::SUCCESS),
        }
    }
}

fn login_name(text: &str) -> Result<LoginName, Failure> {
    LoginName::parse(text)
        .ok_or_else(|| Failure::new(USAGE, "this is no user name: it is empty, too long, or holds control characters"))
}

fn empty(username: LoginName, password: Option<SecretString>) -> DeclaredUser {
    DeclaredUser { password: password.map(DeclaredPassword::Plain), ..DeclaredUser::new(username, Place::Default) }
}

async fn change(offline: &Offline, user: DeclaredUser) -> Result<(), Failure> {
    let declaration = Declaration { users: vec![user], ..Declaration::default() };
    let diff = declare::apply(&offline.workshop, &declaration, &offline.options()).await?;
    if diff.count(Action::Unchanged) > 0 {
        complain("Nothing changed.");
    }
    Ok(())
}

/// Reads a password from standard input: an argument would stand in the process list and in the shell's history.
async fn new_password(offline: &Offline, names: &[&str]) -> Result<SecretString, Failure> {
    let mut text = String::new();
    if std::io::stdin().is_terminal() {
        complain("Type the password and press Enter (it is shown; pipe it in to avoid that):");
        std::io::stdin().read_line(&mut text)?;
    } else {
        std::io::stdin().take(8192).read_to_string(&mut text)?;
    }
    let password = SecretString::from(text.trim_end_matches(['\r', '\n']));
    match offline.passwords()?.check(&password, names).await {
        Err(refused) if !offline.settings.dev => {
            Err(Failure::new(DATA, format!("the password on standard input: {refused}")))
        }
        _ => Ok(password),
    }
}
