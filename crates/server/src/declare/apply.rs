//! Compares a declaration with the store and, if asked to, makes the store so, in one transaction.
//!
//! What takes long (hashing passwords) is done before; everything else is compared inside the transaction, so that
//! nothing that somebody else changes in between is overwritten unseen.

use std::{collections::HashMap, sync::Arc};

use secrecy::SecretString;
use vestibule_authn_password::{HashError, HashPool, Password};
use vestibule_core::{
    Clock, Connection, Registry, audit,
    budget::{BudgetKey, Who},
    chain::{ChainDocument, ChainProblem, Demand, Severity, check, long_messages},
    code::message::Longest,
    crypto::Prf,
    id::{AuthenticatorName, ChainName, ConnectionName, CredentialId},
    random::Random,
    store::{StoreError, StoreExt as _, StoreResult},
    time::Time,
    user::{Credential, LoginName, User},
};
use vestibule_oauth::{
    managed::Managed,
    model::Client,
    sign_out,
    store::{Store, Tx},
};

use super::{
    Declaration, DeclaredUser, chain, client, connection,
    diff::{Action, Advice, Change, Diff, FieldChange, Fields, Kind},
    told, user,
};
use crate::{
    admin::{AdminError, guard::Guard, record::By, transact},
    authenticators::Channels,
    config::{Problem, Problems, tree::Place},
    state::Transaction,
};

/// What is needed to apply a declaration.
#[derive(Clone)]
pub struct Workshop {
    /// The store.
    pub store: Arc<Store>,
    /// Hashes passwords.
    pub pool: HashPool,
    /// Hashes client secrets.
    pub prf: Prf,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// The authenticators of this server.
    pub registry: Registry,
    /// What every chain of this server has to reach.
    pub floor: Vec<Demand>,
    /// The host of this server, as it is in messages.
    pub host: String,
    /// Builds channels, to see whether a connection can be used.
    pub channels: Channels,
}

/// How a declaration is applied.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Who applies it, for the audit log.
    pub by: By,
    /// Only show what would change.
    pub dry_run: bool,
    /// Remove service providers, chains and connections that are not declared.
    pub prune: bool,
    /// Service providers that are never removed, such as the portal.
    pub keep: Vec<String>,
    /// The chain of service providers that name none; `default` when it is not set.
    pub default_chain: Option<ChainName>,
    /// What becomes of the marks by which it is known that a file declares something.
    pub marks: Marks,
}

/// What becomes of the marks of what is declared ([`vestibule_oauth::managed`]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Marks {
    /// They stay as they are: the declaration is no file that somebody keeps.
    #[default]
    Leave,
    /// What is declared is marked with its file, and what that file or folder declares no more loses its mark.
    Set,
    /// What is declared loses its mark: from now on it is changed elsewhere.
    Release,
}

/// Why a declaration was not applied. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It cannot be so.
    #[error(transparent)]
    Refused(#[from] Problems),
    /// A password could not be hashed.
    #[error("a password could not be hashed: {0}")]
    Hash(#[from] HashError),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Applies a declaration, or with `dry_run` only tells what it would change.
///
/// # Errors
/// When something that is declared cannot be, or the store fails.
pub async fn apply(workshop: &Workshop, declaration: &Declaration, options: &Options) -> Result<Diff, ApplyError> {
    let passwords = passwords(workshop, declaration).await?;
    let usual = options.default_chain.clone().unwrap_or_else(|| "default".into());
    let plan = Plan {
        guard: Guard::of(workshop, usual.clone()),
        usual,
        workshop: workshop.clone(),
        declaration: declaration.clone(),
        options: options.clone(),
        passwords,
        now: workshop.clock.now(),
    };
    let dry_run = options.dry_run;
    // A dry run does everything and takes it back, so that it refuses what would be refused.
    let work = move |tx: &mut Transaction| {
        Ok(match plan.run(tx)? {
            Ok(diff) if dry_run => Err(Undone::Shown(diff)),
            other => other.map_err(Undone::Refused),
        })
    };
    match transact::all_or_nothing(&*workshop.store, work).await? {
        Ok(diff) | Err(Undone::Shown(diff)) => Ok(diff),
        Err(Undone::Refused(problems)) => Err(problems.into()),
    }
}

/// Why nothing stays of what was done.
enum Undone {
    Shown(Diff),
    Refused(Problems),
}

/// A password that was hashed, and for which stored credential.
#[derive(Clone)]
struct Hashed {
    stored: Option<(CredentialId, i64)>,
    secret: Option<SecretString>,
}

async fn passwords(workshop: &Workshop, declaration: &Declaration) -> Result<HashMap<LoginName, Hashed>, ApplyError> {
    let mut hashed = HashMap::new();
    for user in &declaration.users {
        let Some(password) = &user.password else { continue };
        let name = user.username.clone();
        let stored = workshop.store.read(move |tx| stored_password(tx, &name)).await?;
        let secret = password.renewed(stored.as_ref(), &workshop.pool).await?;
        let stored = stored.map(|credential| (credential.id, credential.version));
        hashed.insert(user.username.clone(), Hashed { stored, secret });
    }
    Ok(hashed)
}

fn stored_password(tx: &mut dyn Tx, name: &LoginName) -> StoreResult<Option<Credential>> {
    let Some(user) = tx.user_by_login(name)? else { return Ok(None) };
    Ok(tx.credentials(user.id, &password_name())?.pop())
}

pub(crate) fn password_name() -> AuthenticatorName {
    Password::NAME.into()
}

impl Workshop {
    /// Gives a user a password hash. One that takes another's place ends what was begun with that.
    pub(crate) fn put_password(
        &self,
        tx: &mut dyn Tx,
        user: &User,
        stored: Option<Credential>,
        secret: SecretString,
        now: Time,
    ) -> StoreResult<()> {
        if let Some(stored) = stored {
            // Another id: what was proved with the old one counts no more, in a page that was left open neither.
            if !tx.delete_credential(stored.id)? {
                return Err(StoreError::Conflict(format!("the password of {}", user.username)));
            }
            // Whoever knew the old password may be signed in with it, or may have used up its tries.
            sign_out::everywhere(tx, user.id, now)?;
            tx.clear_budget(&BudgetKey::ceiling(&self.prf, &Who::User(user.id), &password_name()))?;
        }
        tx.insert_credential(&Credential {
            id: CredentialId::new(now, self.random.as_ref()),
            user: user.id,
            authenticator: password_name(),
            label: None,
            secret,
            version: 1,
            created_at: now,
        })
    }
}

struct Plan {
    guard: Guard,
    usual: ChainName,
    workshop: Workshop,
    declaration: Declaration,
    options: Options,
    passwords: HashMap<LoginName, Hashed>,
    now: Time,
}

/// A chain or connection or client as it is and as it shall be.
struct Things {
    connections: Vec<Connection>,
    chains: Vec<(ChainName, ChainDocument)>,
    clients: Vec<Client>,
}

impl Plan {
    /// Compares, checks the whole, and writes what differs. With a problem nothing may stay of it.
    fn run(&self, tx: &mut Transaction) -> StoreResult<Result<Diff, Problems>> {
        let before = Things::load(tx)?;
        let after = self.wanted(&before);
        let (problems, advice) = self.judge(&before, &after);
        if !problems.is_empty() {
            return Ok(Err(Problems(problems)));
        }
        let owners = self.guard.before(tx)?;
        let mut diff = self.compare(&before, &after, &advice);
        self.write(tx, &before, &after, &diff)?;
        for told in diff.0.iter().filter_map(told::thing) {
            self.options.by.record(tx, told, &*self.workshop.random, self.now)?;
        }
        for declared in &self.declaration.users {
            diff.0.push(self.user(tx, declared)?);
        }
        self.mark(tx, &diff)?;
        match self.guard.hold(tx, owners) {
            Ok(()) => Ok(Ok(diff)),
            Err(AdminError::Store(error)) => Err(error),
            Err(refused) => Ok(Err(self.locked_out(&diff, &refused).into())),
        }
    }

    /// What is wrong when no owner is left, with its place where one thing alone is changed.
    fn locked_out(&self, diff: &Diff, refused: &AdminError) -> Problem {
        let changes = |kind: Kind, name: &str| {
            let touched = |change: &&Change| change.kind == kind && change.name == name;
            diff.0.iter().find(touched).is_some_and(|change| change.action != Action::Unchanged)
        };
        let mut changed = self.declaration.names().filter(|(kind, name, _)| changes(*kind, name));
        let (key, place) = match (changed.next(), changed.next()) {
            (Some((kind, _, place)), None) => (kind.as_str(), place.clone()),
            _ => ("", Place::Default),
        };
        let advice = "Declare somebody else with that role first, and what the chain of the console asks for.";
        Problem::new(place, key, refused.to_string(), advice)
    }

    /// Sets and clears the marks. What is gone has none: another thing of that name would have it by mistake.
    fn mark(&self, tx: &mut dyn Tx, diff: &Diff) -> StoreResult<()> {
        for gone in diff.0.iter().filter(|change| change.action == Action::Removed) {
            tx.clear_managed(gone.kind, &gone.name)?;
        }
        let declared = self.declaration.sources();
        match self.options.marks {
            Marks::Leave => {}
            Marks::Release => {
                for (kind, name, _) in &declared {
                    tx.clear_managed(*kind, name)?;
                }
            }
            Marks::Set => {
                for mark in tx.managed_all()? {
                    let stays = declared.iter().any(|(kind, name, _)| *kind == mark.kind && *name == mark.name);
                    let ours = self.options.prune || self.declaration.origin.owns(&mark.source);
                    if ours && !stays {
                        tx.clear_managed(mark.kind, &mark.name)?;
                    }
                }
                for (kind, name, source) in declared {
                    tx.set_managed(&Managed { kind, name, source, applied_at: self.now })?;
                }
            }
        }
        Ok(())
    }

    fn wanted(&self, before: &Things) -> Things {
        let Declaration { clients, chains, connections, .. } = &self.declaration;
        let prune = self.options.prune;
        let mut after = Things {
            connections: connections
                .iter()
                .map(|declared| declared.wanted(before.connections.iter().find(|c| c.name == declared.connection.name)))
                .collect(),
            chains: chains.iter().map(|declared| (declared.name.clone(), declared.document.clone())).collect(),
            clients: clients
                .iter()
                .map(|declared| {
                    let current = before.clients.iter().find(|client| client.id == declared.client.id);
                    declared.wanted(current, &self.workshop.prf, self.now)
                })
                .collect(),
        };
        let kept = |id: &str| self.options.keep.iter().any(|keep| keep == id);
        let clients = before.clients.iter().filter(|client| !self.declaration.client(&client.id));
        after.clients.extend(clients.filter(|client| !prune || kept(client.id.as_str())).cloned());
        // What is kept may need its chain, and that its connections: those are kept with it.
        let used =
            |name: &ChainName| after.clients.iter().any(|client| client.chain.as_ref().unwrap_or(&self.usual) == name);
        let chains = before.chains.iter().filter(|(name, _)| !self.declaration.chain(name));
        let chains: Vec<_> = chains.filter(|(name, _)| !prune || used(name)).cloned().collect();
        after.chains.extend(chains);
        let connections = before.connections.iter().filter(|c| !self.declaration.connection(&c.name));
        let needed = |name: &ConnectionName| {
            let kept = after.chains.iter().filter(|(chain, _)| !self.declaration.chain(chain));
            let steps = kept.flat_map(|(_, document)| &document.steps);
            steps.flat_map(|step| &step.alternatives).any(|alternative| alternative.connection.as_ref() == Some(name))
        };
        after.connections.extend(connections.filter(|c| !prune || needed(&c.name)).cloned());
        after
    }

    /// What cannot be, looking at everything as it would be afterwards, and what would be better otherwise of each chain.
    fn judge(&self, before: &Things, after: &Things) -> (Vec<Problem>, Vec<(ChainName, Advice)>) {
        let (mut problems, mut advice) = (Vec::new(), Vec::new());
        for connection in &after.connections {
            let declared = self.declaration.connections.iter().find(|d| d.connection.name == connection.name);
            let Some(declared) = declared else { continue };
            if let Err(error) = self.workshop.channels.build(connection, &after.connections) {
                let key = format!("connection.settings.{}", error.setting);
                problems.push(Problem::new(declared.place.clone(), &key, error.why, ""));
            }
        }
        for (name, document) in &after.chains {
            let declared = self.declaration.chains.iter().find(|declared| declared.name == *name);
            let mut found = check(document, &self.workshop.registry, &after.connections, Some(&self.workshop.floor));
            if declared.is_none() {
                // What is not declared is as it was: only what the declaration does to it is its fault.
                let known = check(document, &self.workshop.registry, &before.connections, Some(&self.workshop.floor));
                found.retain(|problem| !known.contains(problem));
            } else {
                found.extend(long_messages(document, &self.workshop.registry, &self.longest(name, after)));
            }
            for problem in found {
                let place = declared.map_or(Place::Default, |declared| declared.place.clone());
                match problem.severity {
                    Severity::Error => problems.push(chain_problem(name, place, &problem)),
                    Severity::Warning => {
                        advice.push((name.clone(), Advice { field: field(&problem), why: problem.detail }));
                    }
                }
            }
        }
        for client in &after.clients {
            let place = self.declaration.clients.iter().find(|d| d.client.id == client.id).map(|d| d.place.clone());
            let Some(chain) = &client.chain else { continue };
            if !after.chains.iter().any(|(name, _)| name == chain) {
                let what = format!("client {} uses the chain {chain}, which does not exist", client.id);
                let advice = "Declare it with [[chain]], or name another.";
                problems.push(Problem::new(place.unwrap_or(Place::Default), "client.chain", what, advice));
            }
        }
        (problems, advice)
    }

    /// What is filled into the messages of a chain, at its longest.
    fn longest(&self, chain: &ChainName, after: &Things) -> Longest {
        let used = |client: &&Client| client.chain.as_ref().unwrap_or(&self.usual) == chain;
        let names = after.clients.iter().filter(used).map(|client| client.name.clone());
        Longest { clients: names.collect(), host: self.workshop.host.clone() }
    }

    fn compare(&self, before: &Things, after: &Things, chains: &[(ChainName, Advice)]) -> Diff {
        let connection = |c: &Connection| {
            let declared = self.declaration.connections.iter().find(|d| d.connection.name == c.name);
            (c.name.to_string(), connection::fields(c, declared.map(|declared| &declared.references)))
        };
        let chain = |(name, document): &(ChainName, ChainDocument)| (name.to_string(), chain::fields(document));
        let client = |client: &Client| (client.id.to_string(), client::fields(client));
        let mut changes = compare(Kind::Connection, &before.connections, &after.connections, connection);
        changes.extend(compare(Kind::Chain, &before.chains, &after.chains, chain));
        changes.extend(compare(Kind::Client, &before.clients, &after.clients, client));
        let declared = |change: &Change| match change.kind {
            Kind::Connection => self.declaration.connection(&change.name.as_str().into()),
            Kind::Chain => self.declaration.chain(&change.name.as_str().into()),
            Kind::Client => self.declaration.client(&change.name.as_str().into()),
            Kind::User => true,
        };
        for change in changes.iter_mut().filter(|change| change.kind == Kind::Connection) {
            let found = after.connections.iter().find(|connection| connection.name.as_str() == change.name);
            change.advice = found.map(connection::advice).unwrap_or_default();
        }
        for change in changes.iter_mut().filter(|change| change.kind == Kind::Chain) {
            let of = chains.iter().filter(|(name, _)| name.as_str() == change.name);
            change.advice = of.map(|(_, advice)| advice.clone()).collect();
        }
        // What is neither declared nor touched is not worth a line.
        changes.retain(|change| change.action != Action::Unchanged || declared(change));
        Diff(changes)
    }

    fn write(&self, tx: &mut dyn Tx, before: &Things, after: &Things, diff: &Diff) -> StoreResult<()> {
        let touched = |kind: Kind, name: &str| {
            let touched =
                |change: &&Change| change.kind == kind && change.name == name && change.action != Action::Unchanged;
            diff.0.iter().find(touched).is_some_and(|change| change.action != Action::Removed)
        };
        for connection in after.connections.iter().filter(|c| touched(Kind::Connection, c.name.as_str())) {
            tx.put_connection(connection)?;
        }
        for (name, document) in after.chains.iter().filter(|(name, _)| touched(Kind::Chain, name.as_str())) {
            tx.publish_chain(name, document, self.now)?;
        }
        for client in after.clients.iter().filter(|client| touched(Kind::Client, client.id.as_str())) {
            tx.put_client(client)?;
        }
        for client in before.clients.iter().filter(|old| !after.clients.iter().any(|new| new.id == old.id)) {
            tx.delete_client(&client.id, self.now)?;
        }
        for (name, _) in before.chains.iter().filter(|(old, _)| !after.chains.iter().any(|(new, _)| new == old)) {
            tx.delete_chain(name)?;
        }
        for old in before.connections.iter().filter(|old| !after.connections.iter().any(|new| new.name == old.name)) {
            tx.delete_connection(&old.name)?;
        }
        Ok(())
    }

    fn user(&self, tx: &mut Transaction, declared: &DeclaredUser) -> StoreResult<Change> {
        let current = tx.user_by_login(&declared.username)?.filter(|user| user.username == declared.username);
        let wanted = declared.wanted(current.as_ref(), self.now, self.workshop.random.as_ref());
        let mut fields = current.as_ref().map(user::fields).unwrap_or_default().changes(&user::fields(&wanted));
        let stored = match &current {
            Some(user) => tx.credentials(user.id, &password_name())?.pop(),
            None => None,
        };
        let password = self.password(declared, stored.as_ref())?;
        if password.is_some() {
            let masked = || audit::MASKED.to_owned();
            let before = stored.as_ref().map(|_| masked());
            fields.push(FieldChange { field: "password".to_owned(), before, after: Some(masked()) });
        }
        self.write_user(tx, current.as_ref(), &wanted, !fields.is_empty())?;
        if !fields.is_empty() {
            let told = password.as_ref().map(|_| audit::Change::masked("password", stored.is_some(), true));
            let (by, random) = (&self.options.by, &*self.workshop.random);
            told::user(tx, by, current.as_ref(), &wanted, told, random, self.now)?;
        }
        if let Some(secret) = password {
            self.workshop.put_password(tx, &wanted, stored, secret, self.now)?;
        }
        let action = match current {
            None => Action::Created,
            Some(_) if fields.is_empty() => Action::Unchanged,
            Some(_) => Action::Changed,
        };
        let name = declared.username.to_string();
        Ok(Change { kind: Kind::User, name, action, fields, advice: Vec::new(), told: Vec::new() })
    }

    fn write_user(&self, tx: &mut dyn Tx, current: Option<&User>, wanted: &User, changed: bool) -> StoreResult<()> {
        match current {
            None => tx.insert_user(wanted),
            Some(current) if changed && current != wanted => tx.update_user(wanted),
            Some(_) => Ok(()),
        }
    }

    /// The hash to be stored, if another is.
    fn password(&self, declared: &DeclaredUser, stored: Option<&Credential>) -> StoreResult<Option<SecretString>> {
        let Some(hashed) = self.passwords.get(&declared.username) else { return Ok(None) };
        if hashed.stored != stored.map(|credential| (credential.id, credential.version)) {
            return Err(StoreError::Conflict(format!("the password of {}", declared.username)));
        }
        Ok(hashed.secret.clone())
    }
}

impl Things {
    fn load(tx: &mut dyn Tx) -> StoreResult<Self> {
        let chains = tx.published_chains()?.into_iter().map(|revision| (revision.chain, revision.document));
        Ok(Self { chains: chains.collect(), connections: tx.connections()?, clients: tx.clients()? })
    }
}

/// An error of a chain, at the place of its declaration.
fn chain_problem(chain: &ChainName, place: Place, problem: &ChainProblem) -> Problem {
    let connection = problem.pointer.ends_with("/connection");
    let advice = if connection { "Declare it with [[connection]], or name another." } else { "" };
    let what = format!("chain {chain}: {}", problem.detail);
    Problem::new(place, &format!("chain.{}", field(problem)), what, advice)
}

/// Where in a chain a problem is, as a path of keys and of positions counted from 0.
fn field(problem: &ChainProblem) -> String {
    problem.pointer.trim_start_matches('/').replace('/', ".")
}

fn compare<T>(kind: Kind, before: &[T], after: &[T], described: impl Fn(&T) -> (String, Fields)) -> Vec<Change> {
    let before: Vec<(String, Fields)> = before.iter().map(&described).collect();
    let after: Vec<(String, Fields)> = after.iter().map(&described).collect();
    let find = |list: &[(String, Fields)], name: &str| list.iter().find(|(n, _)| n == name).map(|(_, f)| f.clone());
    let change = |name: &String, action, was: &Fields, is: &Fields| {
        let (told, name) = (was.told(is), name.clone());
        // Of what is removed it is enough to say so, but the log keeps what it was.
        let fields = if action == Action::Removed { Vec::new() } else { was.changes(is) };
        Change { kind, name, action, fields, advice: Vec::new(), told }
    };
    let nothing = Fields::default();
    let removed = before
        .iter()
        .filter(|(name, _)| find(&after, name).is_none())
        .map(|(name, was)| change(name, Action::Removed, was, &nothing));
    let kept = after.iter().map(|(name, wanted)| match find(&before, name) {
        None => change(name, Action::Created, &nothing, wanted),
        Some(current) if current == *wanted => change(name, Action::Unchanged, wanted, wanted),
        Some(current) => change(name, Action::Changed, &current, wanted),
    });
    kept.chain(removed).collect()
}
