//! Files that hold secrets, and the data folder: nobody else may read them.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{
    Patient,
    outcome::{FILE_GROUP, FILE_OPEN, FILE_UNSEEN, FILES_PRIVATE, Finding},
};
use crate::config::{MasterKeySource, Tls, tree::Place};

pub(super) fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let looked: Vec<_> = paths(patient).into_iter().map(|path| (mode(&path), path)).collect();
    let mut found: Vec<_> = looked.iter().filter_map(|(mode, path)| judge(path, mode)).collect();
    let private = looked.iter().filter(|(mode, _)| matches!(mode, Ok(Some(_)))).count().saturating_sub(found.len());
    found.push(FILES_PRIVATE.found().with("count", private));
    found
}

/// Where secrets are, each place once.
fn paths(patient: &Patient<'_>) -> Vec<PathBuf> {
    let settings = patient.settings;
    let mut paths = vec![settings.data_dir.clone()];
    if let MasterKeySource::DataFolder { key, .. } = &settings.master_key {
        paths.push(key.clone());
    }
    if let Some(database) = settings.database.sqlite_file() {
        let beside = |end: &str| PathBuf::from(format!("{}{end}", database.display()));
        paths.extend([beside("-wal"), database.clone()]);
    }
    if let Some(Tls::Files { key, .. }) = &settings.tls {
        paths.push(key.clone());
    }
    paths.extend(settings.audit.file.clone());
    for setting in patient.sources.iter().filter(|setting| setting.shown.as_deref() == Some("•••")) {
        match (&setting.file, &setting.place) {
            (Some(file), _) => paths.push(file.clone()),
            // A secret that stands in the settings themselves.
            (None, Place::File { file, .. }) => paths.push(PathBuf::from(&**file)),
            (None, _) => {}
        }
    }
    let named: BTreeMap<_, _> = paths.into_iter().map(|path| (path.clone(), path)).collect();
    named.into_values().collect()
}

/// Who may do what with it; nothing where there is none yet. It is not opened: to close SQLite's file would end its locks.
fn mode(path: &Path) -> io::Result<Option<u32>> {
    match fs::metadata(path) {
        // A pipe or a device keeps nothing.
        Ok(data) if !data.is_file() && !data.is_dir() => Ok(None),
        Ok(data) => Ok(Some(data.permissions().mode() & 0o777)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A group may be there on purpose, as when an orchestrator mounts secrets; everybody never is. Whoever may write to the
/// file may put their own secret there.
fn judge(path: &Path, mode: &io::Result<Option<u32>>) -> Option<Finding> {
    let named = |finding: Finding| finding.with("path", path.display());
    match mode {
        Err(error) => Some(named(FILE_UNSEEN.found()).with("why", error)),
        Ok(Some(mode)) if mode & 0o027 != 0 => Some(named(FILE_OPEN.found()).with("mode", format!("{mode:03o}"))),
        Ok(Some(mode)) if mode & 0o050 != 0 => Some(named(FILE_GROUP.found()).with("mode", format!("{mode:03o}"))),
        Ok(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Setting,
        doctor::patient::tests::{House, keys},
    };

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn private_files_are_counted_and_open_ones_named() {
        let mut house = House::new();
        let secret = house.settings.data_dir.join("gateway.key");
        fs::write(&secret, "hunter2").unwrap();
        set(&house.settings.data_dir, 0o700);
        set(&secret, 0o600);
        let shown = Some("•••".to_owned());
        let place = Place::Variable("VESTIBULE_SECRET_KEY_FILE".to_owned());
        house.sources = vec![Setting { key: "secret_key".to_owned(), shown, place, file: Some(secret.clone()) }];
        assert_eq!(keys(&check(&house.patient())), ["files.private"]);
        for (mode, key) in [(0o644, "files.open"), (0o620, "files.open"), (0o640, "files.group")] {
            set(&secret, mode);
            let found = check(&house.patient());
            assert_eq!(keys(&found), [key, "files.private"], "{mode:o}");
            let said = crate::pages::english(&found[0].says());
            assert!(said.contains("gateway.key") && !said.contains("hunter2"), "{said}");
        }
        set(&secret, 0o600);
        set(&house.settings.data_dir, 0o755);
        assert_eq!(keys(&check(&house.patient())), ["files.open", "files.private"]);
    }

    #[test]
    fn settings_that_hold_a_secret_are_one_themselves() {
        let mut house = House::new();
        set(&house.settings.data_dir, 0o700);
        let file = house.settings.data_dir.join("vestibule.toml");
        fs::write(&file, "").unwrap();
        set(&file, 0o644);
        let place = Place::File { file: file.display().to_string().into(), line: 3 };
        let setting = |shown: &str| Setting {
            key: "database.url".to_owned(),
            shown: Some(shown.to_owned()),
            place: place.clone(),
            file: None,
        };
        house.sources = vec![setting("info")];
        assert_eq!(keys(&check(&house.patient())), ["files.private"]);
        house.sources = vec![setting("•••")];
        assert_eq!(keys(&check(&house.patient())), ["files.open", "files.private"]);
    }
}
