//! What a declaration would change: thing by thing, field by field, secrets masked.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;
use serde_json::Value as Json;
use vestibule_core::audit;
pub use vestibule_oauth::managed::ObjectKind as Kind;

use super::inline::to_toml;

/// The fields of a thing by name, for comparing and for writing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Fields(BTreeMap<String, Field>);

#[derive(Clone, PartialEq)]
pub(super) enum Field {
    Plain(Json),
    /// Compared, but never shown.
    Secret(String),
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Field {
    fn shown(&self) -> String {
        match self {
            Self::Plain(value) => to_toml(value),
            Self::Secret(_) => audit::MASKED.to_owned(),
        }
    }

    fn told(&self) -> Json {
        match self {
            Self::Plain(value) => value.clone(),
            Self::Secret(_) => audit::MASKED.into(),
        }
    }
}

impl Fields {
    pub(super) fn plain(&mut self, name: &str, value: Json) {
        if !value.is_null() {
            self.0.insert(name.to_owned(), Field::Plain(value));
        }
    }

    pub(super) fn secret(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), Field::Secret(value.to_owned()));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Field)> {
        self.0.iter().map(|(name, field)| (name.as_str(), field))
    }

    /// What differs between `self` and `after`, for the audit log.
    pub(super) fn told(&self, after: &Self) -> Vec<audit::Change> {
        let names: std::collections::BTreeSet<_> = self.0.keys().chain(after.0.keys()).collect();
        let shown = |fields: &Self, name: &String| fields.0.get(name).map(Field::told);
        let differs = names.into_iter().filter(|name| self.0.get(*name) != after.0.get(*name));
        differs.map(|name| audit::Change::new(name, shown(self, name), shown(after, name))).collect()
    }

    /// What differs between `self` and `after`.
    pub(super) fn changes(&self, after: &Self) -> Vec<FieldChange> {
        let names: std::collections::BTreeSet<_> = self.0.keys().chain(after.0.keys()).collect();
        let shown = |fields: &Self, name: &String| fields.0.get(name).map(Field::shown);
        names
            .into_iter()
            .filter(|name| self.0.get(*name) != after.0.get(*name))
            .map(|name| FieldChange { field: name.clone(), before: shown(self, name), after: shown(after, name) })
            .collect()
    }
}

/// What would become of everything that is declared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Diff(pub Vec<Change>);

/// What would become of one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub action: Action,
    /// Which fields change.
    pub fields: Vec<FieldChange>,
    /// What works so, and would be better otherwise; told whether anything changes or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub advice: Vec<Advice>,
    /// The fields as the audit log keeps them; of a thing that is removed, all that it had.
    #[serde(skip)]
    pub(super) told: Vec<audit::Change>,
}

/// What would be better otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// The field that it is about.
    pub field: String,
    /// Why. It holds no secret.
    pub why: String,
}

/// What becomes of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is made.
    Created,
    /// It is changed.
    Changed,
    /// It stays.
    Unchanged,
    /// It is removed, since nothing declares it and that was asked for.
    Removed,
}

/// What becomes of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Its name.
    pub field: String,
    /// What it was; `None` when it was the default.
    pub before: Option<String>,
    /// What it will be.
    pub after: Option<String>,
}

impl Diff {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|change| change.action == Action::Unchanged)
    }

    /// How many things have that fate.
    pub fn count(&self, action: Action) -> usize {
        self.0.iter().filter(|change| change.action == action).count()
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |change: &&Change| change.action != Action::Unchanged || !change.advice.is_empty();
        for change in self.0.iter().filter(told) {
            writeln!(f, "{change}")?;
        }
        let count = |action| self.count(action);
        let (created, changed) = (count(Action::Created), count(Action::Changed));
        let (removed, unchanged) = (count(Action::Removed), count(Action::Unchanged));
        write!(f, "{created} created, {changed} changed, {removed} removed, {unchanged} unchanged")
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.action {
            Action::Created => '+',
            Action::Changed => '~',
            Action::Unchanged => '=',
            Action::Removed => '-',
        };
        write!(f, "{sign} {} {}", self.kind, self.name)?;
        for FieldChange { field, before, after } in &self.fields {
            match (before, after) {
                (None, Some(after)) => write!(f, "\n    + {field} = {after}")?,
                (Some(before), None) => write!(f, "\n    - {field} = {before}")?,
                (before, after) => {
                    let text = |side: &Option<String>| side.clone().unwrap_or_default();
                    write!(f, "\n    ~ {field}: {} -> {}", text(before), text(after))?;
                }
            }
        }
        for Advice { field, why } in &self.advice {
            write!(f, "\n    ! {field}: {why}")?;
        }
        Ok(())
    }
}
