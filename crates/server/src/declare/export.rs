//! Writes what the store has as a declaration, without any secret: applying it to the same store changes nothing.

use std::fmt::Write as _;

use vestibule_core::{
    id::UserId,
    store::{StoreExt as _, StoreResult},
};
use vestibule_oauth::store::Store;

use super::{
    chain, client, connection,
    diff::{Field, Fields},
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
    store
        .read(move |tx| {
            let mut out = Export(String::new());
            for connection in tx.connections()? {
                out.connection(connection.name.as_str(), &connection::fields(&connection, None));
            }
            for revision in tx.published_chains()? {
                out.thing("chain", "name", revision.chain.as_str(), &chain::fields(&revision.document));
            }
            for client in tx.clients()? {
                out.thing("client", "id", client.id.as_str(), &client::fields(&client));
            }
            let mut after: Option<UserId> = None;
            if !users {
                return Ok(out.0);
            }
            loop {
                let page = tx.users(after, PAGE)?;
                for user in &page {
                    out.thing("user", "username", user.username.as_str(), &user::fields(user));
                    out.comment("The password stays as it is. To set one: password = { file = \"path\" }");
                }
                match page.last() {
                    Some(last) if page.len() == PAGE => after = Some(last.id),
                    _ => return Ok(out.0),
                }
            }
        })
        .await
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

    fn connection(&mut self, name: &str, fields: &Fields) {
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
