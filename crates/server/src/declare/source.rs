//! How a file is called that declares something: as it was named, relative, so that the name says the same on every machine
//! that has the files and nothing about this one.

use std::path::{Component, Path};

use crate::config::tree::Place;

/// The file or folder that a declaration was read from, by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// None that anybody keeps.
    #[default]
    None,
    /// One file.
    File(String),
    /// A folder; empty for the working directory.
    Folder(String),
}

impl Origin {
    pub(super) fn of(path: &Path) -> Self {
        if path.is_dir() { Self::Folder(relative(path, 1)) } else { Self::File(relative(path, 2)) }
    }

    /// Whether the file called `source` is this one, or lies in this folder: what it declares no more, nothing here does.
    pub(super) fn owns(&self, source: &str) -> bool {
        match self {
            Self::None => false,
            Self::File(file) => file == source,
            Self::Folder(folder) => source.rsplit_once('/').map_or("", |(parent, _)| parent) == folder,
        }
    }
}

/// The name of the file that declares what stands at `place`.
pub(super) fn name(place: &Place) -> Option<String> {
    match place {
        Place::File { file, .. } => Some(relative(Path::new(file.as_ref()), 2)),
        _ => None,
    }
}

/// A path as it was named, without `.`; of an absolute one the last parts alone.
fn relative(path: &Path, last: usize) -> String {
    let parts: Vec<_> = path
        .components()
        .filter_map(|part| match part {
            Component::Normal(part) => Some(part.to_string_lossy()),
            Component::ParentDir => Some("..".into()),
            Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
        })
        .collect();
    let skipped = if path.is_absolute() { parts.len().saturating_sub(last) } else { 0 };
    parts.get(skipped..).unwrap_or_default().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_called_as_it_was_named_and_an_absolute_one_by_its_end() {
        for (named, called) in [
            ("a.toml", "a.toml"),
            ("./a.toml", "a.toml"),
            ("conf/./a.toml", "conf/a.toml"),
            ("../conf/a.toml", "../conf/a.toml"),
            ("/srv/somewhere/conf/a.toml", "conf/a.toml"),
            ("/a.toml", "a.toml"),
        ] {
            let place = Place::File { file: named.into(), line: 1 };
            assert_eq!(name(&place).as_deref(), Some(called));
        }
        assert_eq!(name(&Place::Default), None);
    }

    #[test]
    fn a_folder_owns_its_own_files_alone() {
        let folder = |name: &str| Origin::Folder(name.to_owned());
        assert!(folder("conf").owns("conf/a.toml") && folder("").owns("a.toml"));
        assert!(
            !folder("conf").owns("conf/more/a.toml") && !folder("conf").owns("a.toml") && !folder("").owns("x/a.toml")
        );
        assert!(!folder("conf").owns("config/a.toml") && !Origin::None.owns("a.toml"));
        assert!(Origin::File("conf/a.toml".to_owned()).owns("conf/a.toml"));
        assert!(!Origin::File("conf/a.toml".to_owned()).owns("conf/b.toml"));
    }
}
