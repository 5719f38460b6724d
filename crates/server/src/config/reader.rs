//! Reads settings out of a [`Table`], one key after the other, and notes what was asked for.
//!
//! The code that reads a key is the only place that names it: which keys are known, what they mean and what their
//! defaults are cannot drift apart. What is left over at the end is unknown, and refused with the nearest known key.

use std::{
    cell::RefCell,
    collections::BTreeSet,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use serde_json::{Value as Json, json};

use super::{
    leaf::Leaf,
    nearest::nearest,
    problem::{Problem, Problems},
    schema::{Described, Shape},
    tree::{Node, Place, Table, Value},
};

/// What was read and what was wrong, over all readers of one document.
#[derive(Default)]
pub struct Report {
    /// Where the files are that `<key>_file` names; empty for the working directory.
    folder: PathBuf,
    problems: RefCell<Vec<Problem>>,
    known: RefCell<BTreeSet<String>>,
    unknown: RefCell<Vec<(String, Place)>>,
    settings: RefCell<Vec<Setting>>,
    described: RefCell<Described>,
}

/// A setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its dotted path.
    pub key: String,
    /// Its value as it would be written; `None` when it is not set and has no default; dots for a secret.
    pub shown: Option<String>,
    /// Where it comes from.
    pub place: Place,
    /// The file that `<key>_file` names, of a secret that is in one.
    pub file: Option<PathBuf>,
}

/// A value as it stands in a schema: a number or a truth value as itself, all else as text.
fn shown<T: Leaf>(value: &T) -> Json {
    let bare = || serde_json::from_str(&value.show()).ok().filter(|value: &Json| !value.is_string());
    let text = T::schema().get("type").is_none_or(|kind| kind == "string");
    if text { None } else { bare() }.unwrap_or_else(|| value.show().into())
}

impl Report {
    /// A report on a document whose files lie in `folder`.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), ..Self::default() }
    }

    /// Notes what is wrong.
    pub fn problem(&self, problem: Problem) {
        self.problems.borrow_mut().push(problem);
    }

    /// What was asked for: every key with what it may be.
    pub fn described(&self) -> Described {
        self.described.borrow().clone()
    }

    /// Every key that was asked for, by its path.
    pub fn known(&self) -> BTreeSet<String> {
        self.known.borrow().clone()
    }

    /// The settings, in the order in which they were read, if nothing was wrong.
    ///
    /// # Errors
    /// Everything that was wrong.
    pub fn finish(self) -> Result<Vec<Setting>, Problems> {
        let settings = self.settings.into_inner();
        let mut problems = self.problems.into_inner();
        let known = self.known.into_inner();
        for (key, place) in self.unknown.into_inner() {
            problems.push(unknown(&key, place, &known));
        }
        if problems.is_empty() { Ok(settings) } else { Err(Problems(problems)) }
    }
}

/// The problem with a key that nobody knows. A key that is right but stands in the wrong table is found as well.
fn unknown(key: &str, place: Place, known: &BTreeSet<String>) -> Problem {
    let paths = || known.iter().map(String::as_str);
    let elsewhere = || {
        let name = nearest(last(key), paths().map(last))?;
        paths().find(|path| last(path) == name)
    };
    let advice = match nearest(key, paths()).or_else(elsewhere) {
        Some(near) => format!("The nearest is {near}."),
        None => "Remove it.".to_owned(),
    };
    Problem::new(place, key, "there is no such setting", advice)
}

/// The last part of a path.
fn last(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

/// Reads the keys of one table.
pub struct Reader<'a> {
    table: Option<&'a Table>,
    /// Where the table begins: the place of what is missing in it.
    begins: Place,
    path: String,
    asked: RefCell<BTreeSet<String>>,
    report: &'a Report,
}

impl<'a> Reader<'a> {
    /// A reader of the whole document.
    pub fn new(table: &'a Table, report: &'a Report) -> Self {
        Self { table: Some(table), begins: Place::Default, path: String::new(), asked: RefCell::default(), report }
    }

    /// Notes what `key` may be, for who reads it with [`Reader::raw`].
    pub fn describe(&self, key: &str, schema: Json) {
        self.shape(key, Shape::Value(schema));
    }

    /// Notes that `key` must be set.
    pub fn describe_required(&self, key: &str) {
        self.report.described.borrow_mut().required.insert(self.full(key));
    }

    fn shape(&self, key: &str, shape: Shape) {
        self.report.described.borrow_mut().shapes.insert(self.full(key), shape);
    }

    /// Notes what a leaf may be, and that it may stand in a file.
    fn describe_leaf<T: Leaf>(&self, key: &str, more: impl IntoIterator<Item = (&'static str, Json)>) {
        let mut schema = T::schema();
        if let Json::Object(schema) = &mut schema {
            schema.entry("description").or_insert_with(|| T::WANTED.into());
            schema.extend(more.into_iter().map(|(word, value)| (word.to_owned(), value)));
        }
        self.describe(key, schema);
        self.describe_file(key);
    }

    fn describe_file(&self, key: &str) {
        let description = format!("The path of a file that holds `{key}`.");
        self.describe(&format!("{key}_file"), json!({ "type": "string", "description": description }));
    }

    /// Reads the table `key` with `read`; as if it were empty when it is not there.
    pub fn section<T>(&self, key: &str, read: impl FnOnce(&Reader<'_>) -> T) -> T {
        self.shape(key, Shape::Section);
        let table = self.node(key).and_then(|node| match &node.value {
            Value::Table(table) => Some(table),
            _ => {
                self.wrong(node, key, "a table");
                None
            }
        });
        let begins = self.node(key).map_or_else(|| self.begins.clone(), |node| node.place.clone());
        let section = Reader { table, begins, path: self.full(key), asked: RefCell::default(), report: self.report };
        let result = read(&section);
        section.finish();
        result
    }

    /// Notes every key that nobody asked for.
    pub fn finish(&self) {
        let asked = self.asked.borrow();
        let left = self.table.into_iter().flatten().filter(|(key, _)| !asked.contains(*key));
        let left = left.map(|(key, node)| (self.full(key), node.place.clone()));
        self.report.unknown.borrow_mut().extend(left);
    }

    /// Whether anything is set here.
    pub fn is_empty(&self) -> bool {
        self.table.is_none_or(Table::is_empty)
    }

    /// The value of `key`, or its default.
    pub fn leaf<T: Leaf>(&self, key: &str, default: T) -> T {
        self.describe_leaf::<T>(key, [("default", shown::<T>(&default))]);
        let (value, place) = self.read::<T>(key).unwrap_or((default, Place::Default));
        self.show(key, Some(value.show()), place);
        value
    }

    /// The value of `key`, if it is set.
    pub fn optional<T: Leaf>(&self, key: &str) -> Option<T> {
        self.describe_leaf::<T>(key, []);
        let (value, place) = self.read::<T>(key).map_or((None, Place::Default), |(value, place)| (Some(value), place));
        self.show(key, value.as_ref().map(Leaf::show), place);
        value
    }

    /// The value of `key` within `range`, or its default.
    pub fn within<T: Leaf + PartialOrd>(&self, key: &str, default: T, range: RangeInclusive<T>) -> T {
        let preset = shown(&default);
        let value = self.leaf(key, default);
        let (least, most) = (shown(range.start()), shown(range.end()));
        if least.is_number() {
            self.describe_leaf::<T>(key, [("default", preset), ("minimum", least), ("maximum", most)]);
        } else {
            let words = format!("{}, from {} to {}", T::WANTED, range.start().show(), range.end().show());
            self.describe_leaf::<T>(key, [("default", preset), ("description", words.into())]);
        }
        if !range.contains(&value) {
            let what = format!("{} is out of range", value.show());
            let advice = format!("Set it between {} and {}.", range.start().show(), range.end().show());
            self.refuse(key, what, advice);
        }
        value
    }

    /// A path; `<key>_file` means the same here, since the value is a file already.
    pub fn path(&self, key: &str) -> Option<std::path::PathBuf> {
        self.describe_leaf::<std::path::PathBuf>(key, []);
        let by_file = format!("{key}_file");
        let key = if self.node(key).is_none() && self.node(&by_file).is_some() { &by_file } else { key };
        let node = self.node(key);
        let path = node.and_then(Node::text).and_then(Leaf::read);
        if let (None, Some(node)) = (&path, node) {
            self.wrong(node, key, <std::path::PathBuf as Leaf>::WANTED);
        }
        let place = node.map_or(Place::Default, |node| node.place.clone());
        self.show(key, path.as_ref().map(Leaf::show), place);
        path
    }

    /// One of the words in `choices`; the first is the default.
    pub fn choice<T: Copy>(&self, key: &str, choices: &[(&str, T)]) -> Option<T> {
        let (first, _) = choices.first()?;
        let word = self.leaf(key, (*first).to_owned());
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        self.describe(key, json!({ "enum": words, "default": first }));
        let found = choices.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            let near = nearest(&word, names.iter().copied());
            let near = near.map(|near| format!(" The nearest is {near}.")).unwrap_or_default();
            self.refuse(key, "there is no such choice", format!("Set one of {}.{near}", names.join(", ")));
        }
        found
    }

    /// A list of values, also written as one text with commas; empty when it is not set.
    pub fn list<T: Leaf>(&self, key: &str) -> Option<Vec<T>> {
        self.describe(
            key,
            json!({ "type": "array", "items": T::schema(), "description": format!("a list, each {}", T::WANTED) }),
        );
        self.describe_file(key);
        let Some(node) = self.leaf_node(key) else {
            self.show(key, None, Place::Default);
            return None;
        };
        let items: Vec<(String, &Node)> = match &node.value {
            Value::List(items) => items.iter().map(|item| (item.text().unwrap_or_default().to_owned(), item)).collect(),
            _ => node.text()?.split(',').map(|item| (item.trim().to_owned(), &node)).collect(),
        };
        let mut values = Vec::new();
        for (text, item) in items.iter().filter(|(text, _)| !text.is_empty()) {
            match T::read(text) {
                Some(value) => values.push(value),
                None => self.wrong(item, key, T::WANTED),
            }
        }
        let shown: Vec<_> = values.iter().map(|value| format!("{:?}", value.show())).collect();
        self.show(key, Some(format!("[{}]", shown.join(", "))), node.place.clone());
        Some(values)
    }

    /// A secret, which is never shown.
    pub fn secret(&self, key: &str) -> Option<SecretString> {
        self.describe_leaf::<String>(key, []);
        let value = self.leaf_node(key).and_then(|node| match node.text() {
            Some(text) => Some((SecretString::from(text.to_owned()), node.place.clone())),
            None => {
                self.wrong(&node, key, "a text");
                None
            }
        });
        let place = value.as_ref().map_or(Place::Default, |(_, place)| place.clone());
        let by_file = self.node(&format!("{key}_file")).and_then(Node::text);
        let file = by_file.map(|path| self.report.folder.join(path));
        self.show_in(key, value.as_ref().map(|_| "•••".to_owned()), place, file);
        value.map(|(value, _)| value)
    }

    /// Reads each table of the list of tables `key` (`[[key]]`) with `read`, which is also told where it begins.
    pub fn tables<T>(&self, key: &str, mut read: impl FnMut(&Reader<'_>, &Place) -> T) -> Vec<T> {
        self.shape(key, Shape::Tables);
        let Some(node) = self.node(key) else { return Vec::new() };
        let Value::List(items) = &node.value else {
            self.wrong(node, key, &format!("`[[{key}]]`, a list of tables"));
            return Vec::new();
        };
        let table = |item: &Node| match &item.value {
            Value::Table(table) => {
                let begins = item.place.clone();
                let path = self.full(key);
                let reader =
                    Reader { table: Some(table), begins, path, asked: RefCell::default(), report: self.report };
                let result = read(&reader, &item.place);
                reader.finish();
                Some(result)
            }
            _ => {
                self.wrong(item, key, &format!("`[[{key}]]`, a list of tables"));
                None
            }
        };
        items.iter().filter_map(table).collect()
    }

    /// The value of `key`, which must be set.
    pub fn required<T: Leaf>(&self, key: &str, place: &Place) -> Option<T> {
        let value = self.optional(key);
        self.describe_required(key);
        if value.is_none() && self.node(key).is_none() {
            let problem = Problem::new(place.clone(), &self.full(key), "is not set", format!("Write {}.", T::WANTED));
            self.report.problem(problem);
        }
        value
    }

    /// Whatever stands at `key`, for those who read it themselves.
    pub fn raw(&self, key: &str) -> Option<&'a Node> {
        let anything = || Shape::Value(json!({}));
        self.report.described.borrow_mut().shapes.entry(self.full(key)).or_insert_with(anything);
        let node = self.node(key)?;
        self.show(key, None, node.place.clone());
        Some(node)
    }

    /// The keys of this table.
    pub fn keys(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.table.into_iter().flatten().map(|(key, _)| key.as_str())
    }

    /// Notes that something inside the value of `key` cannot be, at its own place.
    pub fn refuse_at(&self, place: &Place, key: &str, what: impl Into<String>, advice: impl Into<String>) {
        self.report.problem(Problem::new(place.clone(), &self.full(key), what, advice));
    }

    /// Notes that the value of `key` cannot be, or that it cannot be missing.
    pub fn refuse(&self, key: &str, what: impl Into<String>, advice: impl Into<String>) {
        let place = self.table.and_then(|table| table.get(key)).map_or(&self.begins, |node| &node.place);
        self.report.problem(Problem::new(place.clone(), &self.full(key), what, advice));
    }

    fn read<T: Leaf>(&self, key: &str) -> Option<(T, Place)> {
        let node = self.leaf_node(key)?;
        let value = node.text().and_then(T::read);
        if value.is_none() {
            self.wrong(&node, key, T::WANTED);
        }
        value.map(|value| (value, node.place))
    }

    /// The node of a leaf, which may also stand in a file that `<key>_file` names.
    fn leaf_node(&self, key: &str) -> Option<Node> {
        let by_file = format!("{key}_file");
        let file = self.node(&by_file);
        match (self.node(key), file) {
            (Some(_), Some(file)) => {
                let what = format!("{} is set as well", self.full(key));
                self.report.problem(Problem::new(
                    file.place.clone(),
                    &self.full(&by_file),
                    what,
                    "Set one of the two.",
                ));
                None
            }
            (Some(node), None) => Some(node.clone()),
            (None, Some(file)) => self.contents(&by_file, file),
            (None, None) => None,
        }
    }

    fn contents(&self, key: &str, file: &Node) -> Option<Node> {
        let read = file.text().map(|path| std::fs::read_to_string(self.report.folder.join(path)));
        match read {
            // Editors and `echo` end a file with a line end, which is never meant.
            Some(Ok(text)) => {
                let text = text.trim_end_matches(['\r', '\n']).to_owned();
                Some(Node { value: Value::Text(text), place: file.place.clone() })
            }
            Some(Err(error)) => {
                let path = file.text().unwrap_or_default();
                let what = format!("cannot read {path}: {error}");
                let advice = "Name a file that this user may read.";
                self.report.problem(Problem::new(file.place.clone(), &self.full(key), what, advice));
                None
            }
            None => {
                self.wrong(file, key, "the path of a file");
                None
            }
        }
    }

    fn node(&self, key: &str) -> Option<&'a Node> {
        self.asked.borrow_mut().insert(key.to_owned());
        self.report.known.borrow_mut().insert(self.full(key));
        self.table?.get(key)
    }

    fn wrong(&self, node: &Node, key: &str, wanted: &str) {
        let what = if node.text().is_some() { "is not readable".to_owned() } else { format!("is {}", node.kind()) };
        let problem = Problem::new(node.place.clone(), &self.full(key), what, format!("Write {wanted}."));
        self.report.problem(problem);
    }

    fn show(&self, key: &str, shown: Option<String>, place: Place) {
        self.show_in(key, shown, place, None);
    }

    fn show_in(&self, key: &str, shown: Option<String>, place: Place, file: Option<PathBuf>) {
        self.report.settings.borrow_mut().push(Setting { key: self.full(key), shown, place, file });
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}
