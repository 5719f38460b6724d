//! The operator's own list of passwords that nobody may choose: words, or the hashes of those from breaches.
//!
//! Words are read into memory. Hashes are not: the list of all breaches has 40 GB. It is ordered, so a password is looked for by
//! halving, some thirty-five small reads. The file is opened anew each time: a newer list is moved into its place, and counts.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
};

use aws_lc_rs::digest;
use secrecy::{ExposeSecret as _, SecretString};

use crate::policy::fold;

/// Passwords that nobody may choose.
#[derive(Debug)]
pub enum Blocklist {
    /// In lower case.
    Words(HashSet<String>),
    /// A file of SHA-1 hashes in hexadecimal digits, one a line and in order, with or without `:COUNT` behind it.
    Hashes(PathBuf),
}

/// Why a list is none.
#[derive(Debug, thiserror::Error)]
pub enum BlocklistError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It has so many words that it is one for hashes.
    #[error("a list of words has at most {MOST_BYTES} bytes; use one of SHA-1 hashes in order")]
    TooLarge,
    /// Looking by halving would miss what is there.
    #[error("its hashes are not in order: download the list that is \"ordered by hash\", or sort it")]
    Unordered,
}

/// The largest list of words.
const MOST_BYTES: u64 = 32 << 20;
/// So many places of a list of hashes are looked at when it is opened.
const SAMPLES: u64 = 256;
/// The longest line of a list of hashes that is looked at: 40 digits, a colon, and a number.
const LINE: u64 = 128;
/// The digits of a SHA-1 hash.
const DIGITS: usize = 40;

impl Blocklist {
    /// Opens a list; its first line says of which kind it is.
    ///
    /// # Errors
    /// When it cannot be read, or looked up.
    pub fn open(path: &Path) -> Result<Self, BlocklistError> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        let mut first = String::new();
        BufReader::new((&mut file).take(LINE)).read_line(&mut first).or_else(|error| match error.kind() {
            io::ErrorKind::InvalidData => Ok(0),
            _ => Err(error),
        })?;
        if hash_in(first.as_bytes()).is_some() {
            in_order(&mut file, size)?;
            return Ok(Self::Hashes(path.to_owned()));
        }
        if size > MOST_BYTES {
            return Err(BlocklistError::TooLarge);
        }
        let text = std::fs::read_to_string(path)?;
        let words = text.lines().map(str::trim).filter(|word| !word.is_empty());
        Ok(Self::Words(words.map(fold).collect()))
    }

    /// Whether it holds a password, whose folded form is `folded`.
    pub(crate) fn holds(&self, password: &SecretString, folded: &str) -> io::Result<bool> {
        match self {
            Self::Words(words) => Ok(words.contains(folded)),
            Self::Hashes(path) => find(&mut File::open(path)?, digest_of(password).as_bytes()),
        }
    }
}

/// The SHA-1 hash by which lists of breaches know a password, in capitals.
pub(crate) fn digest_of(password: &SecretString) -> String {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.expose_secret().as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The hash that a line begins with, in capitals.
fn hash_in(line: &[u8]) -> Option<[u8; DIGITS]> {
    let hash: [u8; DIGITS] = line.get(..DIGITS)?.try_into().ok()?;
    let ended = line.get(DIGITS).is_none_or(|next| matches!(next, b':' | b'\r' | b'\n'));
    (ended && hash.iter().all(u8::is_ascii_hexdigit)).then(|| hash.map(|digit| digit.to_ascii_uppercase()))
}

/// The first line that begins at `from` or behind it, and where it begins and ends; `None` behind the last one.
fn line_from(file: &mut File, from: u64) -> io::Result<Option<(u64, u64, Vec<u8>)>> {
    // One byte earlier: a line may begin exactly here.
    file.seek(SeekFrom::Start(from.saturating_sub(1)))?;
    let mut reader = BufReader::with_capacity(512, file);
    let mut skipped = Vec::new();
    if from > 0 {
        (&mut reader).take(LINE).read_until(b'\n', &mut skipped)?;
    }
    let begins = from.saturating_sub(1).saturating_add(u64::try_from(skipped.len()).unwrap_or(0));
    let mut line = Vec::new();
    (&mut reader).take(LINE).read_until(b'\n', &mut line)?;
    let ends = begins.saturating_add(u64::try_from(line.len()).unwrap_or(0));
    Ok((!line.is_empty()).then_some((begins, ends, line)))
}

/// Looks for a hash by halving.
fn find(file: &mut File, wanted: &[u8]) -> io::Result<bool> {
    let (mut low, mut high) = (0, file.metadata()?.len());
    while low < high {
        let middle = low.midpoint(high);
        // Of the lines behind the middle none may be before `high`: then what is left lies before the middle.
        let Some((begins, ends, line)) = line_from(file, middle)?.filter(|(begins, ..)| *begins < high) else {
            high = middle;
            continue;
        };
        let hash = hash_in(&line).ok_or_else(|| io::Error::other("a line of it is no SHA-1 hash"))?;
        match wanted.cmp(hash.as_slice()) {
            std::cmp::Ordering::Equal => return Ok(true),
            std::cmp::Ordering::Less => high = middle.min(begins),
            std::cmp::Ordering::Greater => low = ends,
        }
    }
    Ok(false)
}

/// Looks at some places of a list whether each hash is greater than the one before.
fn in_order(file: &mut File, size: u64) -> Result<(), BlocklistError> {
    let (step, mut at, mut last) = ((size / SAMPLES).max(1), 0, None);
    while let Some((_, ends, line)) = line_from(file, at)? {
        let hash = hash_in(&line).ok_or(BlocklistError::Unordered)?;
        if last.is_some_and(|last| last >= hash) {
            return Err(BlocklistError::Unordered);
        }
        last = Some(hash);
        at = ends.max(at.saturating_add(step));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("vestibule-blocklist-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }
        fn list(&self, text: &str) -> PathBuf {
            let path = self.0.join("list.txt");
            std::fs::write(&path, text).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }

    fn holds(list: &Blocklist, word: &str) -> bool {
        list.holds(&word.into(), &fold(word)).unwrap()
    }

    #[test]
    fn every_hash_of_a_list_is_found_and_no_other_whatever_ends_its_lines() {
        let folder = Folder::new("found");
        let mut hashes: Vec<String> = (0..997).map(|n| digest_of(&format!("password {n}").into())).collect();
        hashes.sort();
        for count in [1, 2, 3, 10, 997] {
            for (ending, last) in [("\n", "\n"), (":12\r\n", ":345678\r\n"), (":7\n", "")] {
                let some = &hashes[..count];
                let list = Blocklist::open(&folder.list(&format!("{}{last}", some.join(ending)))).unwrap();
                assert!(matches!(list, Blocklist::Hashes(_)));
                for n in 0..997 {
                    let word = format!("password {n}");
                    assert_eq!(holds(&list, &word), some.contains(&digest_of(&word.as_str().into())), "{n} of {count}");
                }
                assert!(!holds(&list, "quiet otter"));
            }
        }
    }

    #[test]
    fn small_letters_are_the_same_hash_and_a_newer_list_counts_at_once() {
        let folder = Folder::new("newer");
        let list = Blocklist::open(&folder.list(&digest_of(&"quiet otter".into()).to_lowercase())).unwrap();
        assert!(holds(&list, "quiet otter") && !holds(&list, "Quiet otter"));
        folder.list(&digest_of(&"Quiet otter".into()));
        assert!(!holds(&list, "quiet otter") && holds(&list, "Quiet otter"));
        std::fs::remove_file(folder.0.join("list.txt")).unwrap();
        assert!(list.holds(&"quiet otter".into(), "quiet otter").is_err());
    }

    #[test]
    fn words_count_in_any_case() {
        let folder = Folder::new("words");
        let list = Blocklist::open(&folder.list("Quiet Otter\r\n\n  ｗｉｄｅ words \n")).unwrap();
        assert!(holds(&list, "quiet otter") && holds(&list, "WIDE words") && !holds(&list, "quiet"));
        assert!(!holds(&list, ""));
    }

    #[test]
    fn a_list_out_of_order_and_one_that_is_not_there_are_refused() {
        let folder = Folder::new("refused");
        let mut hashes: Vec<String> = (0..50).map(|n| digest_of(&format!("password {n}").into())).collect();
        let unordered = Blocklist::open(&folder.list(&hashes.join("\n")));
        assert!(matches!(unordered, Err(BlocklistError::Unordered)), "{unordered:?}");
        hashes.sort();
        hashes.push("no hash".to_owned());
        assert!(matches!(Blocklist::open(&folder.list(&hashes.join("\n"))), Err(BlocklistError::Unordered)));
        assert!(matches!(Blocklist::open(&folder.0.join("nowhere")), Err(BlocklistError::Io(_))));
        let binary = folder.0.join("binary");
        std::fs::write(&binary, [0xff, 0xfe, 0]).unwrap();
        assert!(Blocklist::open(&binary).is_err());
    }
}
