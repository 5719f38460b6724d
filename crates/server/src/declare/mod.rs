//! Configuration as code: TOML files that declare service providers, users, chains and connections.
//!
//! `[[client]]`, `[[user]]`, `[[chain]]`, `[[connection]]`, in one file or in a folder of files. What is declared is checked
//! as a whole ([`read`]), compared with the store field by field ([`apply()`]), and changed in one transaction, or only
//! shown. A secret never stands in such a file: it is named by `{ file = "…" }` or `{ env = "…" }`.
//!
//! What a declared thing leaves out is the default, as in any document; but a secret or a password that is left out stays
//! as it is, and so does what a person may change about themselves. What is not declared at all stays, unless `prune` is asked for; users
//! are never pruned, since people are not configuration.

mod apply;
mod chain;
mod client;
pub(crate) mod connection;
mod diff;
mod export;
mod inline;
mod password;
mod secret;
mod source;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub(crate) mod told;
mod user;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use vestibule_authn_password::Policy;
use vestibule_core::{
    Registry,
    id::{ChainName, ClientId, ConnectionName},
};

pub(crate) use apply::password_name;
pub use apply::{ApplyError, Marks, Options, Workshop, apply};
pub use chain::DeclaredChain;
pub use client::DeclaredClient;
pub use connection::DeclaredConnection;
pub use diff::{Action, Advice, Change, Diff, FieldChange, Kind};
pub use export::{export, export_parts, toml_of};
pub use password::DeclaredPassword;
pub use source::Origin;
pub use user::DeclaredUser;
pub(crate) use user::is_email;

use crate::config::{
    Problem, Problems, Reader, Report, Settings,
    tree::{self, Node, Place, Table, Value},
};

/// Everything that was declared.
#[derive(Clone, Debug, Default)]
pub struct Declaration {
    /// Service providers.
    pub clients: Vec<DeclaredClient>,
    /// Users.
    pub users: Vec<DeclaredUser>,
    /// Chains.
    pub chains: Vec<DeclaredChain>,
    /// Connections.
    pub connections: Vec<DeclaredConnection>,
    /// The file or folder that it was read from.
    pub origin: Origin,
}

/// What a declaration is checked against.
pub struct Checks<'a> {
    /// The authenticators of this server.
    pub registry: &'a Registry,
    /// An environment variable.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// What passwords have to be; `None` in development mode alone, where any will do.
    pub passwords: Option<&'a Policy>,
}

/// The service providers that the server itself needs: they are never removed.
pub fn built_in(settings: &Settings) -> Vec<String> {
    vec![settings.portal_client.clone(), crate::console::CLIENT.to_owned()]
}

/// Reads a file, or every `*.toml` file of a folder in the order of their names.
///
/// # Errors
/// Everything that is wrong, each with its place.
pub fn read(path: &Path, checks: &Checks<'_>) -> Result<Declaration, Problems> {
    let mut declaration = Declaration { origin: Origin::of(path), ..Declaration::default() };
    let mut problems = Vec::new();
    for file in files(path)? {
        let text = fs::read_to_string(&file).map_err(|error| unreadable(&file, &error))?;
        let folder = file.parent().unwrap_or(Path::new("."));
        match read_text(&file.display().to_string(), &text, folder, checks) {
            Ok(part) => declaration.extend(part),
            Err(Problems(found)) => problems.extend(found),
        }
    }
    problems.extend(declaration.twins());
    if problems.is_empty() { Ok(declaration) } else { Err(Problems(problems)) }
}

/// Reads the text of one file. Files that it names are looked for in `folder`.
///
/// # Errors
/// Everything that is wrong, each with its place.
pub fn read_text(file: &str, text: &str, folder: &Path, checks: &Checks<'_>) -> Result<Declaration, Problems> {
    let table = tree::parse(file, text)?;
    let report = Report::in_folder(folder);
    let reader = Reader::new(&table, &report);
    let declaration = read_all(&reader, folder, checks);
    reader.finish();
    report.finish()?;
    Ok(declaration)
}

fn read_all(reader: &Reader<'_>, folder: &Path, checks: &Checks<'_>) -> Declaration {
    let secrets = secret::Secrets { folder, environment: checks.environment };
    Declaration {
        clients: some(reader.tables("client", |reader, place| client::read(reader, place, &secrets))),
        users: some(reader.tables("user", |reader, place| user::read(reader, place, &secrets, checks.passwords))),
        chains: some(reader.tables("chain", |reader, place| chain::read(reader, place, checks.registry))),
        connections: some(reader.tables("connection", |reader, place| connection::read(reader, place, &secrets))),
        origin: Origin::default(),
    }
}

/// The JSON Schema of a declaration, from what the readers ask for.
pub fn schema(registry: &Registry) -> serde_json::Value {
    let report = describe(registry);
    report.described().document("A declaration for vestibule apply", &BTreeMap::new())
}

/// A report of reading one of each kind with nothing in it: what is missing is not the matter, what is asked for is.
fn describe(registry: &Registry) -> Report {
    let report = Report::default();
    let place = Place::Default;
    let empty = || Node {
        value: Value::List(vec![Node { value: Value::Table(Table::new()), place: place.clone() }]),
        place: place.clone(),
    };
    let table: Table = Kind::ALL.into_iter().map(|kind| (kind.as_str().to_owned(), empty())).collect();
    let nothing = |_: &str| None;
    let checks = Checks { registry, environment: &nothing, passwords: None };
    drop(read_all(&Reader::new(&table, &report), Path::new("."), &checks));
    report
}

fn some<T>(read: Vec<Option<T>>) -> Vec<T> {
    read.into_iter().flatten().collect()
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Problem> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).map_err(|error| unreadable(path, &error))?;
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| is_toml(path)).collect();
    files.sort();
    if files.is_empty() {
        let what = format!("{} holds no *.toml file", path.display());
        return Err(Problem::new(Place::Default, "", what, "Name the folder or the file that declares something."));
    }
    Ok(files)
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "toml") && path.is_file()
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    let what = format!("cannot read {}: {error}", path.display());
    Problem::new(Place::Default, "", what, "Name a file or folder that this user may read.")
}

impl Declaration {
    /// Takes in what another file declares.
    pub fn extend(&mut self, other: Self) {
        self.clients.extend(other.clients);
        self.users.extend(other.users);
        self.chains.extend(other.chains);
        self.connections.extend(other.connections);
    }

    /// Things that are declared twice: which of the two is meant cannot be told.
    fn twins(&self) -> Vec<Problem> {
        let mut seen = BTreeSet::new();
        self.names()
            .filter(|(kind, name, _)| !seen.insert((*kind, name.clone())))
            .map(|(kind, name, place)| {
                Problem::new(
                    place.clone(),
                    kind.as_str(),
                    format!("{name} is declared twice"),
                    "Remove one of the two.",
                )
            })
            .collect()
    }

    /// What is declared in files, and in which.
    fn sources(&self) -> Vec<(Kind, String, String)> {
        let source = |(kind, name, place)| Some((kind, name, source::name(place)?));
        self.names().filter_map(source).collect()
    }

    fn names(&self) -> impl Iterator<Item = (Kind, String, &Place)> {
        let clients = self.clients.iter().map(|c| (Kind::Client, c.client.id.to_string(), &c.place));
        let users = self.users.iter().map(|u| (Kind::User, u.username.to_string(), &u.place));
        let chains = self.chains.iter().map(|c| (Kind::Chain, c.name.to_string(), &c.place));
        let connections = self.connections.iter().map(|c| (Kind::Connection, c.connection.name.to_string(), &c.place));
        clients.chain(users).chain(chains).chain(connections)
    }

    fn client(&self, id: &ClientId) -> bool {
        self.clients.iter().any(|declared| declared.client.id == *id)
    }

    fn chain(&self, name: &ChainName) -> bool {
        self.chains.iter().any(|declared| declared.name == *name)
    }

    fn connection(&self, name: &ConnectionName) -> bool {
        self.connections.iter().any(|declared| declared.connection.name == *name)
    }
}
