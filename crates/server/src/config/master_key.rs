//! The master key: from a file, from the environment, or made once in the data folder.
//!
//! A new key is made only where there is no database yet. A lost key is never replaced by a new one: everything sealed
//! would be unreadable, and every code, token and client secret would be worth nothing, without anybody being told why.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use secrecy::{ExposeSecret as _, SecretString};
use vestibule_core::{crypto::MasterKey, random::Random};

use super::{database::Database, reader::Reader};

/// Where the master key comes from.
#[derive(Clone, Debug)]
pub enum MasterKeySource {
    /// It was given.
    Given(SecretString),
    /// It is in the data folder, or is made there as long as `database` does not exist.
    DataFolder {
        /// The file of the key.
        key: PathBuf,
        /// The file of the database.
        database: PathBuf,
    },
}

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The text is no key.
    #[error("{place}: {source}. Make one with `vestibule init`, or restore the one that belongs to this database.")]
    NotAKey {
        /// Where the text was.
        place: String,
        /// Why it is none.
        source: vestibule_core::crypto::NotAMasterKey,
    },
    /// Others could read it.
    #[error("{}: others may read the master key. Run `chmod 600 {}`, and change the key if somebody may have read it.", .0.display(), .0.display())]
    Open(PathBuf),
    /// There is a database, but its key is gone.
    #[error(
        "{} exists, but its master key {} does not. Restore the key from your backup, or give it by secret_key_file; \
         a new key could not read this database.",
        database.display(), key.display()
    )]
    Lost {
        /// The file of the key.
        key: PathBuf,
        /// The file of the database.
        database: PathBuf,
    },
    /// A file could not be read or written.
    #[error("{}: {source}. Check that the folder exists and that this user may write there.", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

pub(super) fn read(reader: &Reader<'_>, data_dir: &Path, database: &Option<Database>) -> Option<MasterKeySource> {
    if let Some(key) = reader.secret("secret_key") {
        return Some(MasterKeySource::Given(key));
    }
    match database.as_ref()?.sqlite_file() {
        Some(database) => Some(MasterKeySource::DataFolder { key: data_dir.join("master.key"), database }),
        None => {
            // Several instances share one PostgreSQL, and a key made by one would be unknown to the others.
            let advice = "Set secret_key_file, the same for every instance; `vestibule init` makes one.";
            reader.refuse("secret_key", "is not set, but PostgreSQL needs it", advice);
            None
        }
    }
}

impl MasterKeySource {
    /// The key: read, or made where nothing exists yet.
    ///
    /// # Errors
    /// When there is none, when others may read it, or when it is gone from a database that exists.
    pub fn obtain(&self, random: &dyn Random) -> Result<MasterKey, MasterKeyError> {
        let (key, database) = match self {
            Self::Given(text) => return parse("secret_key", text.expose_secret()),
            Self::DataFolder { key, database } => (key, database),
        };
        match fs::read_to_string(key) {
            Ok(text) => {
                only_ours(key)?;
                parse(&key.display().to_string(), SecretString::from(text).expose_secret())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && !database.exists() => create(key, random),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(MasterKeyError::Lost { key: key.clone(), database: database.clone() })
            }
            Err(source) => Err(MasterKeyError::Io { path: key.clone(), source }),
        }
    }
}

fn parse(place: &str, text: &str) -> Result<MasterKey, MasterKeyError> {
    MasterKey::from_text(text).map_err(|source| MasterKeyError::NotAKey { place: place.to_owned(), source })
}

/// Makes a key file that nobody else may read, and puts it on the disk before anything is sealed with it.
///
/// # Errors
/// When the file exists, or cannot be written.
pub fn create(path: &Path, random: &dyn Random) -> Result<MasterKey, MasterKeyError> {
    let key = MasterKey::generate(random);
    write_private(path, key.to_text().as_bytes())
        .map_err(|source| MasterKeyError::Io { path: path.to_owned(), source })?;
    Ok(key)
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        private_folder(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Makes a folder, if it is not there, into which nobody else may look.
///
/// # Errors
/// When it cannot be made.
pub fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(unix)]
fn only_ours(path: &Path) -> Result<(), MasterKeyError> {
    use std::os::unix::fs::PermissionsExt as _;
    let io = |source| MasterKeyError::Io { path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(io)?.permissions().mode();
    if mode & 0o077 == 0 { Ok(()) } else { Err(MasterKeyError::Open(path.to_owned())) }
}

#[cfg(not(unix))]
fn only_ours(_: &Path) -> Result<(), MasterKeyError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use vestibule_core::random::SystemRandom;

    use super::*;

    fn source(folder: &Path) -> MasterKeySource {
        MasterKeySource::DataFolder { key: folder.join("data/master.key"), database: folder.join("data/vestibule.db") }
    }

    #[test]
    fn it_is_made_once_and_then_read() {
        let folder = tempfile::tempdir().unwrap();
        let random = SystemRandom::default();
        let first = source(folder.path()).obtain(&random).unwrap();
        let second = source(folder.path()).obtain(&random).unwrap();
        assert_eq!(*first.to_text(), *second.to_text());
    }

    #[test]
    fn a_lost_key_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let random = SystemRandom::default();
        source(folder.path()).obtain(&random).unwrap();
        fs::write(folder.path().join("data/vestibule.db"), b"x").unwrap();
        fs::remove_file(folder.path().join("data/master.key")).unwrap();
        assert!(matches!(source(folder.path()).obtain(&random), Err(MasterKeyError::Lost { .. })));
        assert!(!folder.path().join("data/master.key").exists());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let random = SystemRandom::default();
        source(folder.path()).obtain(&random).unwrap();
        let path = folder.path().join("data/master.key");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(source(folder.path()).obtain(&random), Err(MasterKeyError::Open(_))));
    }

    #[test]
    fn a_damaged_key_is_refused_without_being_shown() {
        let given = MasterKeySource::Given("hunter2".to_owned().into());
        let error = given.obtain(&SystemRandom::default()).unwrap_err();
        assert!(!error.to_string().contains("hunter2") && !format!("{given:?} {error:?}").contains("hunter2"));
    }
}
