//! People in bulk: a CSV file in, a report out.
//!
//! A file is judged as a whole, against itself and against the store, before anything is written; when one row is refused,
//! nothing is, unless the bad ones shall be skipped. Then it is written in groups of [`GROUP`] rows, each in a transaction: one
//! transaction for all would keep everybody else from writing for as long as it takes. Each group is judged again inside its
//! transaction. What breaks in between leaves whole groups behind, and the same file again completes them: a row says what shall
//! be, not what to do.
//!
//! An import makes nobody an admin and changes no admin, unless it is told that it may: who may bring lists of people is not
//! always who may decide that, and a password hash in a list would be a way into any account.

mod sheet;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, io::Write, sync::Arc};

use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use vestibule_core::{
    id::UserId,
    store::{StoreError, StoreExt as _, StoreResult},
    time::Time,
    user::{Credential, LoginName, User},
};
use vestibule_oauth::store::{Store, Tx};

pub use sheet::{Bounds, COLUMNS, Refused, UserSheet};

use crate::declare::{
    DeclaredPassword, DeclaredUser, Workshop,
    lockout::{Power, is_admin, is_admin_role},
    password_name,
};
use sheet::{Row, Sheet};

/// How a file is taken.
#[derive(Clone, Debug, Default)]
pub struct Options {
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
    let judge = Judge { workshop: workshop.clone(), options: options.clone(), now: workshop.clock.now() };
    let (mut good, mut power, mut first_fall) = (Vec::new(), Power::default(), None);
    for group in groups {
        let (judge, rows) = (judge.clone(), Arc::clone(&group));
        let judged = workshop.store.read(move |tx| judge.all(tx, &rows)).await?;
        let fates = group.iter().zip(&judged).filter_map(|(row, verdict)| Some((row, verdict.as_ref().ok()?)));
        for (row, fate) in fates {
            let falls = power.change(fate.before.as_ref(), &fate.after);
            first_fall = first_fall.or(falls.then_some(row.line));
        }
        good.push(report.count(&group, judged));
    }
    let (asked, power) = (power.clone(), Arc::new(power));
    if let Some(line) = first_fall
        && !workshop.store.read(move |tx| asked.is_kept(tx)).await?
    {
        let why = "this would leave nobody who can administer the server".to_owned();
        report.refused.push(Refused { line, column: "username".to_owned(), why });
        return Ok(report);
    }
    report.refused.sort_by_key(|refused| refused.line);
    if options.dry_run || (!report.refused.is_empty() && !options.skip_bad) {
        return Ok(report);
    }
    for group in good {
        let (judge, group, power) = (judge.clone(), Arc::<[Row]>::from(group), Arc::clone(&power));
        workshop.store.write(move |tx| judge.write(tx, &group, &power)).await?;
    }
    report.applied = true;
    Ok(report)
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
}

/// What a judgement about a row is: its fate, or the column and why not.
type Verdict = Result<Fate, (&'static str, String)>;

impl Report {
    /// Counts the fates of a group; its rows that shall be written.
    fn count(&mut self, rows: &[Row], verdicts: Vec<Verdict>) -> Vec<Row> {
        let mut good = Vec::new();
        for (row, verdict) in rows.iter().zip(verdicts) {
            match verdict {
                Ok(fate) if !fate.changes() => self.unchanged += 1,
                Ok(fate) => {
                    *(if fate.before.is_none() { &mut self.created } else { &mut self.changed }) += 1;
                    good.push(row.clone());
                }
                Err((column, why)) => {
                    self.refused.push(Refused { line: row.line, column: column.to_owned(), why });
                }
            }
        }
        good
    }
}

/// Judges rows by what is stored.
#[derive(Clone)]
struct Judge {
    workshop: Workshop,
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
        if fate.before.as_ref().is_some_and(is_admin) {
            let why = "an import changes nobody who has a role of this server, unless that is allowed";
            return Err(("username", why.to_owned()));
        }
        if fate.after.roles.iter().any(|role| is_admin_role(role)) {
            return Err(("roles", "an import gives no role of this server, unless that is allowed".to_owned()));
        }
        Ok(())
    }

    /// Writes a group. Each row was good a moment ago; if one is no more, none of them is written.
    fn write(&self, tx: &mut dyn Tx, rows: &[Row], power: &Power) -> StoreResult<()> {
        let mut here = Power::default();
        let mut falls = false;
        for row in rows {
            let Fate { before, after, stored, secret } = self
                .one(tx, &row.user)?
                .map_err(|(column, why)| StoreError::Conflict(format!("line {}: {column}: {why}", row.line)))?;
            falls |= here.change(before.as_ref(), &after);
            match &before {
                None => tx.insert_user(&after)?,
                Some(before) if *before != after => tx.update_user(&after)?,
                Some(_) => {}
            }
            if let Some(secret) = secret {
                self.workshop.put_password(tx, &after, stored, secret, self.now)?;
            }
        }
        if falls && !power.is_kept(tx)? {
            return Err(StoreError::Conflict("this would leave nobody who can administer the server".to_owned()));
        }
        Ok(())
    }
}
