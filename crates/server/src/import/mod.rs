//! People in bulk: a CSV file in, a report out.
//!
//! A file is judged as a whole, against itself and against the store, before anything is written; when one row is refused,
//! nothing is, unless the bad ones shall be skipped. Then it is written in groups of [`GROUP`] rows, each in a transaction: one
//! transaction for all would keep everybody else from writing for as long as it takes. Each group is judged again inside its
//! transaction. What breaks in between leaves whole groups behind, and the same file again completes them: a row says what shall
//! be, not what to do.
//!
//! An import makes nobody an admin and changes no admin, unless it is told that it may: who may bring lists of people is not
//! always who may decide that, and a password hash in a list would be a way into any account. Where it may, those rows are one
//! group, written first: whether it leaves an owner who can sign in is then known before anything else is written.

mod sheet;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, io::Write, sync::Arc};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use vestibule_core::{
    audit,
    id::{ChainName, UserId},
    store::{StoreError, StoreExt as _, StoreResult},
    time::Time,
    user::{Credential, LoginName, User},
};
use vestibule_oauth::store::{Store, Tx};

pub use sheet::{Bounds, COLUMNS, Refused, UserSheet};

use crate::{
    admin::{AdminError, guard::Guard, profile::is_own_role, record::By, transact},
    declare::{DeclaredPassword, DeclaredUser, Workshop, password_name, told},
    state::Transaction,
};
use sheet::{Row, Sheet};

/// How a file is taken.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Who takes it, for the audit log.
    pub by: By,
    /// The chain of service providers that name none; `default` when it is not set.
    pub default_chain: Option<ChainName>,
    /// Only tell what would become of it.
    pub dry_run: bool,
    /// Take the good rows when there are bad ones.
    pub skip_bad: bool,
    /// Let rows give this server's own roles, and change people who have one.
    pub allow_admin_roles: bool,
    /// How much of it there may be.
    pub bounds: Bounds,
}

/// What became, or would become, of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Users who are made.
    pub created: usize,
    /// Users who are changed.
    pub changed: usize,
    /// Users who are as their row says.
    pub unchanged: usize,
    /// What is not taken, by line.
    pub refused: Vec<Refused>,
    /// Whether it was written. Not after a dry run, and not when something was refused that was not to be skipped.
    pub applied: bool,
}

/// So many rows are one transaction.
pub const GROUP: usize = 500;

/// Takes users from a CSV file: its first line names columns of [`COLUMNS`], each further one a user. An empty cell changes
/// nothing.
///
/// # Errors
/// When the store fails, or somebody else changed a user in between; groups before that are written.
pub async fn users_csv(workshop: &Workshop, bytes: &[u8], options: &Options) -> StoreResult<Report> {
    let check_hash = |hash: &str| workshop.pool.outdated(hash).map(drop).map_err(|error| error.to_string());
    let Sheet { rows, refused, broken } = sheet::read(bytes, &options.bounds, &check_hash);
    if broken {
        return Ok(Report { refused, ..Report::default() });
    }
    let (rows, twins) = without_twins(rows);
    let mut report = Report { refused: [refused, twins].concat(), ..Report::default() };
    let groups: Vec<Arc<[Row]>> = rows.chunks(GROUP).map(Arc::from).collect();
    let usual = options.default_chain.clone().unwrap_or_else(|| "default".into());
    let (guard, now) = (Guard::of(workshop, usual), workshop.clock.now());
    let judge = Judge { workshop: workshop.clone(), guard, options: options.clone(), now };
    let mut good = Good::default();
    for group in groups {
        let (judge, rows) = (judge.clone(), Arc::clone(&group));
        let judged = workshop.store.read(move |tx| judge.all(tx, &rows)).await?;
        report.count(&group, judged, &mut good);
    }
    report.refused.sort_by_key(|refused| refused.line);
    let keep = !options.dry_run && (report.refused.is_empty() || options.skip_bad);
    if let Some(first) = good.ruling.first().map(|row| row.line)
        && let Some(why) = judge.take(good.ruling.into(), keep).await?
    {
        report.refused.push(Refused { line: first, column: "username".to_owned(), why });
        return Ok(report);
    }
    if keep {
        for group in good.others.chunks(GROUP) {
            if let Some(why) = judge.take(group.into(), keep).await? {
                return Err(StoreError::Conflict(why));
            }
        }
    }
    report.applied = keep;
    Ok(report)
}

/// The rows that shall be written.
#[derive(Default)]
struct Good {
    /// Those that are about somebody who has, or gets, a role of this server.
    ruling: Vec<Row>,
    others: Vec<Row>,
}

/// Writes every user as such a file, without passwords.
///
/// # Errors
/// When the store fails, or `out` does.
pub async fn export_users<W: Write>(store: &Store, out: W) -> Result<(), ExportError> {
    let mut sheet = UserSheet::new(out)?;
    let mut after: Option<UserId> = None;
    loop {
        let page = store.read(move |tx| tx.users(after, GROUP)).await?;
        page.iter().try_for_each(|user| sheet.write(user))?;
        match page.last() {
            Some(last) if page.len() == GROUP => after = Some(last.id),
            _ => return Ok(sheet.finish()?),
        }
    }
}

/// Why users were not written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What it is written to failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The names by which a row's user would sign in.
fn names(user: &DeclaredUser) -> impl Iterator<Item = (&'static str, LoginName)> {
    let email = user.email.as_deref().and_then(LoginName::parse).map(|name| ("email", name));
    [("username", user.username.clone())].into_iter().chain(email)
}

/// The rows of which none takes a name that an earlier one has.
fn without_twins(rows: Vec<Row>) -> (Vec<Row>, Vec<Refused>) {
    let mut owners: HashMap<LoginName, u64> = HashMap::new();
    let mut refused = Vec::new();
    let kept = rows.into_iter().filter(|row| {
        let line = row.line;
        let taken = names(&row.user).find_map(|(column, name)| Some((column, *owners.get(&name)?)));
        if let Some((column, earlier)) = taken {
            let why = format!("line {earlier} has it already");
            refused.push(Refused { line, column: column.to_owned(), why });
            return false;
        }
        owners.extend(names(&row.user).map(|(_, name)| (name, line)));
        true
    });
    let kept = kept.collect();
    (kept, refused)
}

/// What a row makes of a user.
struct Fate {
    before: Option<User>,
    after: User,
    stored: Option<Credential>,
    secret: Option<SecretString>,
}

impl Fate {
    fn changes(&self) -> bool {
        self.secret.is_some() || self.before.as_ref() != Some(&self.after)
    }

    /// Whether it is about somebody who administers this server in any way, or shall.
    fn rules(&self) -> bool {
        self.before.as_ref().is_some_and(rules) || rules(&self.after)
    }
}

fn rules(user: &User) -> bool {
    user.roles.iter().any(|role| is_own_role(role))
}

/// What a judgement about a row is: its fate, or the column and why not.
type Verdict = Result<Fate, (&'static str, String)>;

impl Report {
    /// Counts the fates of a group, and puts aside its rows that shall be written.
    fn count(&mut self, rows: &[Row], verdicts: Vec<Verdict>, good: &mut Good) {
        for (row, verdict) in rows.iter().zip(verdicts) {
            match verdict {
                Ok(fate) if !fate.changes() => self.unchanged += 1,
                Ok(fate) => {
                    *(if fate.before.is_none() { &mut self.created } else { &mut self.changed }) += 1;
                    (if fate.rules() { &mut good.ruling } else { &mut good.others }).push(row.clone());
                }
                Err((column, why)) => {
                    self.refused.push(Refused { line: row.line, column: column.to_owned(), why });
                }
            }
        }
    }
}

/// Judges rows by what is stored.
#[derive(Clone)]
struct Judge {
    workshop: Workshop,
    guard: Guard,
    options: Options,
    now: Time,
}

impl Judge {
    fn all(&self, tx: &mut dyn Tx, rows: &[Row]) -> StoreResult<Vec<Verdict>> {
        rows.iter().map(|row| self.one(tx, &row.user)).collect()
    }

    fn one(&self, tx: &mut dyn Tx, declared: &DeclaredUser) -> StoreResult<Verdict> {
        let before = tx.user_by_login(&declared.username)?;
        if before.as_ref().is_some_and(|user| user.username != declared.username) {
            return Ok(Err(("username", "is the e-mail address of somebody else".to_owned())));
        }
        for (column, name) in names(declared).filter(|(column, _)| *column == "email") {
            let owner = tx.user_by_login(&name)?;
            if owner.is_some_and(|owner| before.as_ref().map(|user| user.id) != Some(owner.id)) {
                return Ok(Err((column, "somebody else signs in with it".to_owned())));
            }
        }
        let after = declared.wanted(before.as_ref(), self.now, self.workshop.random.as_ref());
        let stored = match &before {
            Some(user) if declared.password.is_some() => tx.credentials(user.id, &password_name())?.pop(),
            _ => None,
        };
        let secret = match &declared.password {
            Some(DeclaredPassword::Hash(hash)) => {
                let same = stored.as_ref().is_some_and(|kept| kept.secret.expose_secret() == hash.expose_secret());
                (!same).then(|| hash.clone())
            }
            _ => None,
        };
        let fate = Fate { before, after, stored, secret };
        Ok(self.allowed(&fate).map(|()| fate))
    }

    fn allowed(&self, fate: &Fate) -> Result<(), (&'static str, String)> {
        if self.options.allow_admin_roles || !fate.changes() {
            return Ok(());
        }
        if fate.before.as_ref().is_some_and(rules) {
            let why = "an import changes nobody who has a role of this server, unless that is allowed";
            return Err(("username", why.to_owned()));
        }
        if rules(&fate.after) {
            return Err(("roles", "an import gives no role of this server, unless that is allowed".to_owned()));
        }
        Ok(())
    }

    /// Writes a group, and keeps it if that is wanted; why not, when it would lock the last owner out.
    async fn take(&self, rows: Arc<[Row]>, keep: bool) -> StoreResult<Option<String>> {
        let judge = self.clone();
        let work = move |tx: &mut Transaction| {
            let owners = judge.guard.before(tx)?;
            judge.write(tx, &rows)?;
            match judge.guard.hold(tx, owners) {
                Ok(()) => Ok(if keep { Ok(()) } else { Err(None) }),
                Err(AdminError::Store(error)) => Err(error),
                Err(refused) => Ok(Err(Some(refused.to_string()))),
            }
        };
        Ok(transact::all_or_nothing(&*self.workshop.store, work).await?.err().flatten())
    }

    /// Writes rows. Each was good a moment ago; if one is no more, none of them is written.
    fn write(&self, tx: &mut Transaction, rows: &[Row]) -> StoreResult<()> {
        for row in rows {
            let fate = self
                .one(tx, &row.user)?
                .map_err(|(column, why)| StoreError::Conflict(format!("line {}: {column}: {why}", row.line)))?;
            if fate.changes() {
                self.carry_out(tx, fate)?;
            }
        }
        Ok(())
    }

    fn carry_out(&self, tx: &mut Transaction, fate: Fate) -> StoreResult<()> {
        let Fate { before, after, stored, secret } = fate;
        match &before {
            None => tx.insert_user(&after)?,
            Some(before) if *before != after => tx.update_user(&after)?,
            Some(_) => {}
        }
        let password = secret.as_ref().map(|_| audit::Change::masked("password", stored.is_some(), true));
        let random = &*self.workshop.random;
        told::user(tx, &self.options.by, before.as_ref(), &after, password, random, self.now)?;
        match secret {
            Some(secret) => self.workshop.put_password(tx, &after, stored, secret, self.now),
            None => Ok(()),
        }
    }
}
