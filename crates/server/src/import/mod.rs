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
//!
//! The command, the console and the API are one rule with three faces. Who comes by the last two is held to what they may do one
//! by one ([`Options::actor`]), and a person whom a file declares is changed there, as everywhere.

mod sheet;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, HashMap},
    io::Write,
    sync::Arc,
};

use schemars::JsonSchema;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use vestibule_authn_password::{HashPool, same_hash};
use vestibule_core::{
    audit,
    id::{ChainName, UserId},
    store::{StoreError, StoreExt as _, StoreResult},
    time::Time,
    user::{Credential, LoginName, User},
};
use vestibule_oauth::{
    managed::ObjectKind,
    store::{Store, Tx},
};

pub use sheet::{Bounds, COLUMNS, Refused, UserSheet};

use crate::{
    admin::{
        Actor, AdminError, Permission,
        guard::Guard,
        profile::{is_own_role, own_roles},
        record::{self, By},
        transact,
        users::UserView,
    },
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
    /// Who takes it by the console or the API: what they may not do to one user, no row does. A command is the operator's.
    pub actor: Option<Actor>,
    /// Tell what becomes of each line, too.
    pub line_by_line: bool,
}

/// What becomes of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Becomes {
    /// Made.
    Created,
    /// Changed.
    Changed,
    /// Left as they are.
    Unchanged,
}

/// What becomes of the user of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ImportLine")]
pub struct Line {
    /// The line on which the row begins; the header is line 1.
    pub line: u64,
    /// Their name.
    pub username: String,
    /// What becomes of them.
    pub becomes: Becomes,
    /// The fields that change.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub fields: Vec<String>,
}

/// What became, or would become, of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ImportReport")]
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
    /// Users who were invited by mail.
    #[serde(skip_serializing_if = "is_nobody", default)]
    pub invited: usize,
    /// What becomes of each line that is taken, when that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub lines: Vec<Line>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_nobody(number: &usize) -> bool {
    *number == 0
}

/// So many rows are one transaction.
pub const GROUP: usize = 500;

/// Takes users from a CSV file: its first line names columns of [`COLUMNS`], each further one a user. An empty cell changes
/// nothing.
///
/// # Errors
/// When the store fails, or somebody else changed a user in between; groups before that are written.
pub async fn users_csv(workshop: &Workshop, bytes: &[u8], options: &Options) -> StoreResult<Report> {
    let Sheet { rows, refused, broken } = sheet::read(bytes, &options.bounds);
    if broken {
        return Ok(Report { refused, ..Report::default() });
    }
    let (rows, twins) = without_twins(rows);
    let mut report = Report { refused: [refused, twins].concat(), ..Report::default() };
    let groups: Vec<Arc<[Row]>> = rows.chunks(GROUP).map(Arc::from).collect();
    let usual = options.default_chain.clone().unwrap_or_else(|| "default".into());
    let (guard, now) = (Guard::of(workshop, usual), workshop.clock.now());
    let declared = workshop.store.read(|tx| tx.managed_all()).await?.into_iter();
    let declared = declared.filter(|managed| managed.kind == ObjectKind::User);
    let files = Arc::new(declared.map(|managed| (managed.name, managed.source)).collect());
    let judge = Judge { workshop: workshop.clone(), guard, options: options.clone(), files, now };
    let mut good = Good::default();
    for group in groups {
        let (judge, rows) = (judge.clone(), Arc::clone(&group));
        let judged = workshop.store.read(move |tx| judge.all(tx, &rows)).await?;
        report.count(&group, judged, &mut good, options.line_by_line);
    }
    report.refused.sort_by_key(|refused| refused.line);
    let keep = !options.dry_run && (report.refused.is_empty() || options.skip_bad);
    if let Some(first) = good.ruling.first().map(|row| row.line)
        && let Some(why) = judge.take(kept(&workshop.pool, good.ruling).await?, keep).await?
    {
        report.refused.push(Refused { line: first, column: "username".to_owned(), why });
        return Ok(report);
    }
    if keep {
        for group in good.others.chunks(GROUP) {
            let group = kept(&workshop.pool, group.to_vec()).await?;
            if let Some(why) = judge.take(group, keep).await? {
                return Err(StoreError::Conflict(why));
            }
        }
    }
    report.applied = keep;
    Ok(report)
}

/// The rows with their hashes as they are stored. Only what is written is prepared, since it may cost a hash each.
async fn kept(pool: &HashPool, mut rows: Vec<Row>) -> StoreResult<Arc<[Row]>> {
    for password in rows.iter_mut().filter_map(|row| row.user.password.as_mut()) {
        if let DeclaredPassword::Hash(hash) = password {
            let kept = pool.keep(hash.expose_secret()).await;
            *hash = kept.map_err(|error| StoreError::Unavailable(error.to_string()))?.into();
        }
    }
    Ok(rows.into())
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

    /// What is told of it.
    fn line(&self, row: &Row) -> Line {
        let becomes = match &self.before {
            None => Becomes::Created,
            Some(_) if self.changes() => Becomes::Changed,
            Some(_) => Becomes::Unchanged,
        };
        let before = self.before.as_ref().map(UserView::from);
        let change = record::Change::new("user.changed", "", &before, &UserView::from(&self.after));
        let mut fields: Vec<String> =
            change.fields().into_keys().filter(|name| before.is_some() && name != "updated_at").collect();
        fields.extend(self.secret.is_some().then(|| "password_hash".to_owned()));
        Line { line: row.line, username: self.after.username.to_string(), becomes, fields }
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
    fn count(&mut self, rows: &[Row], verdicts: Vec<Verdict>, good: &mut Good, line_by_line: bool) {
        for (row, verdict) in rows.iter().zip(verdicts) {
            if let Some(fate) = verdict.as_ref().ok().filter(|_| line_by_line) {
                self.lines.push(fate.line(row));
            }
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

/// Refuses what the actor may not do to one user.
fn by_actor(actor: &Actor, fate: &Fate) -> Result<(), (&'static str, String)> {
    let told = |column| move |error: AdminError| (column, error.to_string());
    if fate.secret.is_some() {
        // A password that somebody brings along opens the account to them.
        actor.needs(Permission::FactorsWrite).map_err(told("password_hash"))?;
    }
    if let Some(before) = &fate.before {
        actor.may_touch(&before.roles).map_err(told("username"))?;
    }
    if fate.before.as_ref().map(|user| own_roles(&user.roles)).unwrap_or_default() != own_roles(&fate.after.roles) {
        actor.needs(Permission::RolesWrite).map_err(told("roles"))?;
    }
    actor.may_touch(&fate.after.roles).map_err(told("roles"))
}

/// Judges rows by what is stored.
#[derive(Clone)]
struct Judge {
    workshop: Workshop,
    guard: Guard,
    options: Options,
    /// The people whom a file declares, each with the file.
    files: Arc<BTreeMap<String, String>>,
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
                let same =
                    stored.as_ref().is_some_and(|kept| same_hash(kept.secret.expose_secret(), hash.expose_secret()));
                (!same).then(|| hash.clone())
            }
            _ => None,
        };
        let fate = Fate { before, after, stored, secret };
        Ok(self.allowed(&fate).map(|()| fate))
    }

    fn allowed(&self, fate: &Fate) -> Result<(), (&'static str, String)> {
        if !fate.changes() {
            return Ok(());
        }
        self.not_declared(fate)?;
        if let Some(actor) = &self.options.actor {
            by_actor(actor, fate)?;
        }
        if self.options.allow_admin_roles {
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

    /// Refuses who is declared in a file: the next time that it is applied, the change would be gone. To disable somebody must
    /// be possible at once, whatever a file says.
    fn not_declared(&self, fate: &Fate) -> Result<(), (&'static str, String)> {
        let Some(before) = &fate.before else { return Ok(()) };
        let Some(file) = self.files.get(before.username.as_str()) else { return Ok(()) };
        let but_disabled =
            User { disabled: before.disabled, updated_at: before.updated_at, ..fate.after.clone() } == *before;
        if but_disabled && fate.secret.is_none() {
            return Ok(());
        }
        Err(("username", AdminError::Managed(file.clone()).to_string()))
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
