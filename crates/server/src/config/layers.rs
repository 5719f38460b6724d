//! Lays the environment and the flags over the file.
//!
//! `VESTIBULE_PASSWORD__MEMORY_KIB` is `password.memory_kib`. A value from a higher layer also hides what a lower one says
//! about the same leaf by `_file`, and the other way round; within one layer both are an error, found when it is read.

use super::{
    problem::{Problem, Problems},
    tree::{Node, Place, Table, Value},
};

/// The prefix of our variables.
const PREFIX: &str = "VESTIBULE_";

/// Variables that are no settings: they are read by the command line.
const NOT_SETTINGS: &[&str] = &["VESTIBULE_CONFIG", "VESTIBULE_LOG"];

/// Lays environment variables over `table`.
///
/// # Errors
/// Variables that cannot stand where the file has something else.
pub(super) fn environment(
    table: &mut Table,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(), Problems> {
    let ours = variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX) && !is_foreign(name));
    overlay(
        table,
        ours.map(|(name, value)| {
            let path = name.trim_start_matches(PREFIX).to_ascii_lowercase().replace("__", ".");
            (path, Place::Variable(name), value)
        }),
    )
}

/// Lays flags over `table`: the name of the flag, the dotted path of its setting, its value.
///
/// # Errors
/// Flags that cannot stand where something else is.
pub(super) fn flags(table: &mut Table, flags: impl IntoIterator<Item = Flag>) -> Result<(), Problems> {
    overlay(table, flags.into_iter().map(|Flag { name, key, value }| (key, Place::Flag(name), value)))
}

/// A setting from the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Such as `--listen`.
    pub name: String,
    /// The dotted path of its setting.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl Flag {
    /// A flag.
    pub fn new(name: &str, key: &str, value: impl Into<String>) -> Self {
        Self { name: name.to_owned(), key: key.to_owned(), value: value.into() }
    }
}

/// Kubernetes sets `VESTIBULE_SERVICE_HOST`, `VESTIBULE_PORT_8080_TCP_ADDR` and the like beside a service of our name.
fn is_foreign(name: &str) -> bool {
    let rest = name.trim_start_matches(PREFIX);
    let port = rest.strip_prefix("PORT").is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
    NOT_SETTINGS.contains(&name) || port || rest.starts_with("SERVICE_HOST") || rest.starts_with("SERVICE_PORT")
}

fn overlay(table: &mut Table, values: impl Iterator<Item = (String, Place, String)>) -> Result<(), Problems> {
    let values: Vec<_> = values.collect();
    for (path, ..) in &values {
        hide(table, &twin(path));
    }
    let mut problems = Vec::new();
    for (path, place, value) in values {
        let node = Node { value: Value::Text(value), place: place.clone() };
        if put(table, &path, node).is_none() {
            let advice = "Set the keys inside it, each with its own name.";
            problems.push(Problem::new(place, &path, "stands where the file has something else", advice));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Problems(problems)) }
}

fn twin(path: &str) -> String {
    path.strip_suffix("_file").map_or_else(|| format!("{path}_file"), str::to_owned)
}

fn hide(table: &mut Table, path: &str) {
    match path.split_once('.') {
        None => {
            table.remove(path);
        }
        Some((section, rest)) => {
            if let Some(Node { value: Value::Table(inner), .. }) = table.get_mut(section) {
                hide(inner, rest);
            }
        }
    }
}

fn put(table: &mut Table, path: &str, node: Node) -> Option<()> {
    match path.split_once('.') {
        None if matches!(table.get(path), Some(Node { value: Value::Table(_), .. })) => None,
        None => {
            table.insert(path.to_owned(), node);
            Some(())
        }
        Some((section, rest)) => {
            let empty = || Node { value: Value::Table(Table::new()), place: node.place.clone() };
            match &mut table.entry(section.to_owned()).or_insert_with(empty).value {
                Value::Table(inner) => put(inner, rest, node),
                _ => None,
            }
        }
    }
}
