//! What a TOML file says, with the place of everything in it, so that an error can name file and line.
//!
//! Reading straight into structs would lose the places as soon as the environment is laid over the file, and would
//! stop at the first error.

use std::{collections::BTreeMap, fmt, sync::Arc};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::Problem;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Built in.
    Default,
    /// A line of a file.
    File {
        /// The file as it was named.
        file: Arc<str>,
        /// Counted from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { file, line } => write!(f, "{file}:{line}"),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A value and its place. Never printed: it may be a secret.
#[derive(Clone)]
pub struct Node {
    /// What it says.
    pub value: Value,
    /// Where.
    pub place: Place,
}

/// What a node says. Numbers, truth values and dates stay text: what they must look like is decided by who reads them,
/// and the environment has only text anyway.
#[derive(Clone)]
pub enum Value {
    /// A quoted text.
    Text(String),
    /// An unquoted one: a number, `true`, `false` or a date.
    Bare(String),
    /// A list.
    List(Vec<Node>),
    /// A table.
    Table(Table),
}

/// The keys of a table.
pub type Table = BTreeMap<String, Node>;

/// Reads the text of a TOML file.
///
/// # Errors
/// When it is not TOML; the problem names the line.
pub fn parse(file: &str, text: &str) -> Result<Table, Problem> {
    let source = Source { file: file.into(), text };
    match DeTable::parse(text) {
        Ok(table) => Ok(source.table(table.get_ref())),
        Err(error) => {
            let place = source.place(error.span().map_or(0, |span| span.start));
            Err(Problem::new(place, "", error.message(), "Correct the syntax: see https://toml.io."))
        }
    }
}

struct Source<'a> {
    file: Arc<str>,
    text: &'a str,
}

impl Source<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Place::File { file: Arc::clone(&self.file), line }
    }

    fn table(&self, table: &DeTable<'_>) -> Table {
        let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let key: &Spanned<std::borrow::Cow<'_, str>> = key;
            let node = Node { value: self.value(value.get_ref()), place: self.place(key.span().start) };
            (key.get_ref().to_string(), node)
        };
        table.iter().map(entry).collect()
    }

    fn value(&self, value: &DeValue<'_>) -> Value {
        match value {
            DeValue::String(text) => Value::Text(text.to_string()),
            DeValue::Integer(number) => Value::Bare(number.to_string()),
            DeValue::Float(number) => Value::Bare(number.to_string()),
            DeValue::Boolean(truth) => Value::Bare(truth.to_string()),
            DeValue::Datetime(date) => Value::Bare(date.to_string()),
            DeValue::Table(table) => Value::Table(self.table(table)),
            DeValue::Array(items) => Value::List(items.iter().map(|item| self.item(item)).collect()),
        }
    }

    fn item(&self, item: &Spanned<DeValue<'_>>) -> Node {
        Node { value: self.value(item.get_ref()), place: self.place(item.span().start) }
    }
}

impl Node {
    /// The text of a leaf; `None` for a list or a table.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Bare(text) => Some(text),
            Value::List(_) | Value::Table(_) => None,
        }
    }

    /// What kind of thing it is, for errors.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a text",
            Value::Bare(_) => "a number or truth value",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(node: &Node) -> usize {
        match node.place {
            Place::File { line, .. } => line,
            _ => 0,
        }
    }

    #[test]
    fn everything_has_its_line() {
        let table = parse("a.toml", "one = 1\n\n[two]\nthree = [\n  \"x\",\n  \"y\",\n]\n").unwrap_or_default();
        assert_eq!(line(&table["one"]), 1);
        let Value::Table(two) = &table["two"].value else { panic!("a table") };
        assert_eq!(line(&two["three"]), 4);
        let Value::List(items) = &two["three"].value else { panic!("a list") };
        assert_eq!(items.iter().map(line).collect::<Vec<_>>(), [5, 6]);
    }

    #[test]
    fn what_is_not_toml_names_its_line() {
        let problem = parse("a.toml", "one = 1\ntwo = = 2\n").err().map(|p| p.to_string()).unwrap_or_default();
        assert!(problem.starts_with("a.toml:2: "), "{problem}");
    }
}
