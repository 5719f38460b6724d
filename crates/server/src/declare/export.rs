//! Writes what the store has as a declaration, without any secret: applying it to the same store changes nothing.

use std::fmt::Write as _;

use vestibule_core::{
    Connection,
    chain::ChainRevision,
    id::UserId,
    store::{StoreExt as _, StoreResult},
    user::{LoginName, User},
};
use vestibule_oauth::{
    model::Client,
    store::{Store, Tx},
};

use super::{
    chain, client, connection,
    diff::{Field, Fields, Kind},
    inline::{to_key, to_toml},
    user,
};

/// How many users are read at once.
const PAGE: usize = 500;

/// The declaration of everything in `store`; `users` says whether people are written too.
///
/// # Errors
/// When the store cannot be read.
pub async fn export(store: &Store, users: bool) -> StoreResult<String> {
    let parts = export_parts(store, users).await?;
    Ok(parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n"))
}

/// The same, one text for each kind of thing that there is, with the name of a file for it.
///
/// # Errors
/// When the store cannot be read.
pub async fn export_parts(store: &Store, users: bool) -> StoreResult<Vec<(&'static str, String)>> {
    let parts = store.read(move |tx| {
        let mut parts = Vec::new();
        for (file, kind) in FILES.into_iter().filter(|(_, kind)| users || *kind != Kind::User) {
            parts.push((file, all_of(tx, kind)?));
        }
        Ok(parts)
    });
    Ok(parts.await?.into_iter().filter(|(_, text)| !text.is_empty()).collect())
}

/// The files of a folder, in the order of what needs what.
const FILES: [(&str, Kind); 4] = [
    ("connections.toml", Kind::Connection),
    ("chains.toml", Kind::Chain),
    ("clients.toml", Kind::Client),
    ("users.toml", Kind::User),
];

/// One thing as a declaration, without its secrets: to be copied into a file. `None` when there is no such thing.
///
/// # Errors
/// When the store cannot be read.
pub fn toml_of(tx: &mut dyn Tx, kind: Kind, name: &str) -> StoreResult<Option<String>> {
    let mut out = Export(String::new());
    match kind {
        Kind::Connection => {
            tx.connections()?.iter().filter(|one| one.name.as_str() == name).for_each(|one| out.connection(one));
        }
        Kind::Chain => {
            tx.published_chains()?.iter().filter(|one| one.chain.as_str() == name).for_each(|one| out.chain(one));
        }
        Kind::Client => tx.clients()?.iter().filter(|one| one.id.as_str() == name).for_each(|one| out.client(one)),
        Kind::User => {
            let user = LoginName::parse(name).map(|name| tx.user_by_login(&name)).transpose()?.flatten();
            user.iter().filter(|user| user.username.as_str() == name).for_each(|user| out.user(user));
        }
    }
    Ok(Some(out.0).filter(|text| !text.is_empty()))
}

fn all_of(tx: &mut dyn Tx, kind: Kind) -> StoreResult<String> {
    let mut out = Export(String::new());
    match kind {
        Kind::Connection => tx.connections()?.iter().for_each(|connection| out.connection(connection)),
        Kind::Chain => tx.published_chains()?.iter().for_each(|revision| out.chain(revision)),
        Kind::Client => tx.clients()?.iter().for_each(|client| out.client(client)),
        Kind::User => {
            let mut after: Option<UserId> = None;
            loop {
                let page = tx.users(after, PAGE)?;
                page.iter().for_each(|user| out.user(user));
                match page.last() {
                    Some(last) if page.len() == PAGE => after = Some(last.id),
                    _ => break,
                }
            }
        }
    }
    Ok(out.0)
}

struct Export(String);

impl Export {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn comment(&mut self, text: &str) {
        self.line(&format!("# {text}"));
    }

    fn head(&mut self, kind: &str, key: &str, name: &str) {
        if !self.0.is_empty() {
            self.line("");
        }
        self.line(&format!("[[{kind}]]"));
        self.line(&format!("{key} = {}", to_toml(&name.into())));
    }

    fn thing(&mut self, kind: &str, key: &str, name: &str, fields: &Fields) {
        self.head(kind, key, name);
        for (field, value) in fields.iter().filter(|(field, _)| *field != key) {
            match value {
                Field::Plain(value) => self.line(&format!("{} = {}", to_key(field), long(value))),
                Field::Secret(_) => {
                    let variable = variable(&[name, "secret"]);
                    self.comment(&format!(
                        "The secret stays as it is. To set one: secret = {{ env = \"{variable}\" }}"
                    ));
                }
            }
        }
    }

    fn chain(&mut self, revision: &ChainRevision) {
        self.thing("chain", "name", revision.chain.as_str(), &chain::fields(&revision.document));
    }

    fn client(&mut self, client: &Client) {
        self.thing("client", "id", client.id.as_str(), &client::fields(client));
    }

    fn user(&mut self, user: &User) {
        self.thing("user", "username", user.username.as_str(), &user::fields(user));
        self.comment("The password stays as it is. To set one: password = { file = \"path\" }");
    }

    fn connection(&mut self, connection: &Connection) {
        let (name, fields) = (connection.name.as_str(), connection::fields(connection, None));
        self.head("connection", "name", name);
        let (settings, own): (Vec<_>, Vec<_>) = fields.iter().partition(|(field, _)| field.starts_with("settings."));
        for (field, value) in own {
            if let Field::Plain(value) = value {
                self.line(&format!("{field} = {}", to_toml(value)));
            }
        }
        if !settings.is_empty() {
            self.line("[connection.settings]");
        }
        for (field, value) in settings {
            let path = field.trim_start_matches("settings.");
            let key = path.split('.').map(to_key).collect::<Vec<_>>().join(".");
            match value {
                Field::Plain(value) => self.line(&format!("{key} = {}", to_toml(value))),
                Field::Secret(_) => {
                    let variable = variable(&[name, path.trim_start_matches("secrets.")]);
                    self.comment(&format!("{key} = {{ env = \"{variable}\" }}    # left out, it stays as it is"));
                }
            }
        }
    }
}

/// A value; a list of more than fits on a line has one item on each.
fn long(value: &serde_json::Value) -> String {
    let line = to_toml(value);
    let Some(items) = value.as_array().filter(|_| line.len() > 100) else { return line };
    let mut text = "[\n".to_owned();
    for item in items {
        let _ = writeln!(text, "    {},", to_toml(item));
    }
    text.push(']');
    text
}

/// The name of a variable that may hold a secret.
fn variable(parts: &[&str]) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    parts.join("_").chars().map(letter).collect()
}
