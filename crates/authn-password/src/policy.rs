//! What is asked of a new password (NIST SP 800-63B-4, section 3.1.1.2): that it is long, and that it is not one of those that are
//! tried first. Nothing is asked of its characters, it never expires, and it is compared as a whole: a rule about capitals makes
//! `Password1!`, and a rule about words within words refuses good sentences.
//!
//! A score of strength (zxcvbn), the road not taken, says different things about one password from version to version, and
//! cannot tell somebody what to do otherwise.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, LazyLock},
};

use secrecy::{ExposeSecret as _, SecretString};
use unicode_normalization::UnicodeNormalization as _;
use vestibule_core::user::User;

use crate::{
    MAX_BYTES,
    blocklist::{Blocklist, digest_of},
    breach::Breaches,
};

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordRefused {
    /// It is short enough to be found by trying.
    #[error("a password has at least {minimum} characters")]
    TooShort {
        /// So many are asked for.
        minimum: usize,
    },
    /// It is longer than is looked at when somebody signs in with it.
    #[error("a password has at most {MAX_BYTES} bytes")]
    TooLong,
    /// It is among those that are tried first: in a list, or a few characters again and again.
    #[error("this password is one of the first that are tried")]
    Common,
    /// It is made of the person's or the service's own name.
    #[error("this password is little more than the name of the account or of this service")]
    Named,
    /// It was in a breach: whoever guesses has it in a list.
    #[error("this password was found in data stolen elsewhere")]
    Breached,
    /// The operator's list cannot be read at this moment.
    #[error("whether this password is a common one cannot be said at the moment")]
    Unchecked,
}

/// What a new password has to be.
#[derive(Clone)]
pub struct Policy {
    minimum: usize,
    service: BTreeSet<String>,
    blocklist: Option<Arc<Blocklist>>,
    breaches: Option<Arc<dyn Breaches>>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { minimum: Self::MINIMUM, service: BTreeSet::new(), blocklist: None, breaches: None }
    }
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy").field("minimum", &self.minimum).finish_non_exhaustive()
    }
}

impl Policy {
    /// The fewest characters that may be asked for: enough beside a second factor (SP 800-63B-4, section 3.1.1.2).
    pub const LEAST: usize = 8;
    /// The fewest characters when nothing else is said.
    pub const MINIMUM: usize = 10;
    /// The most that may be asked for. A longer password is always taken.
    pub const MOST: usize = 64;

    /// Asks for at least so many characters. A character is a Unicode code point, as NIST counts.
    #[must_use]
    pub fn at_least(self, minimum: usize) -> Self {
        Self { minimum: minimum.clamp(Self::LEAST, Self::MOST), ..self }
    }

    /// Names of the service, such as its host.
    #[must_use]
    pub fn of_service(self, name: &str) -> Self {
        Self { service: words([name]), ..self }
    }

    /// Refuses what is in this list too.
    #[must_use]
    pub fn without(self, blocklist: Blocklist) -> Self {
        Self { blocklist: Some(Arc::new(blocklist)), ..self }
    }

    /// Asks whether it was in a breach.
    #[must_use]
    pub fn asking(self, breaches: Arc<dyn Breaches>) -> Self {
        Self { breaches: Some(breaches), ..self }
    }

    /// The fewest characters.
    pub fn minimum(&self) -> usize {
        self.minimum
    }

    /// Checks a new password of somebody whose names are `names` (see [`names_of`]).
    ///
    /// # Errors
    /// Why it may not be one.
    pub async fn check(&self, password: &SecretString, names: &[&str]) -> Result<(), PasswordRefused> {
        self.check_here(password, names)?;
        let Some(breaches) = &self.breaches else { return Ok(()) };
        let digest = digest_of(password);
        let (prefix, rest) = digest.split_at(RANGE);
        // Nobody answers: then what is known here decides, so that an outage elsewhere keeps nobody from a new password.
        let Some(range) = breaches.range(prefix).await else { return Ok(()) };
        if crate::breach::holds(&range, rest) { Err(PasswordRefused::Breached) } else { Ok(()) }
    }

    /// The same without asking anybody elsewhere: what a file of declarations is held against.
    ///
    /// # Errors
    /// Why it may not be one.
    pub fn check_here(&self, password: &SecretString, names: &[&str]) -> Result<(), PasswordRefused> {
        let text = password.expose_secret();
        if text.len() > MAX_BYTES {
            return Err(PasswordRefused::TooLong);
        }
        if text.chars().count() < self.minimum {
            return Err(PasswordRefused::TooShort { minimum: self.minimum });
        }
        let folded = zeroize::Zeroizing::new(fold(text));
        if is_simple(&folded) || COMMON.contains(folded.as_str()) || COMMON.contains(unit(&folded)) {
            return Err(PasswordRefused::Common);
        }
        if is_named(&folded, self.service.union(&words(names.iter().copied()))) {
            return Err(PasswordRefused::Named);
        }
        match self.blocklist.as_ref().map(|list| list.holds(password, &folded)) {
            Some(Ok(true)) => Err(PasswordRefused::Common),
            Some(Err(_)) => Err(PasswordRefused::Unchecked),
            Some(Ok(false)) | None => Ok(()),
        }
    }
}

/// So many hexadecimal digits of a hash are said to others: some hundreds of passwords of every list begin with them.
const RANGE: usize = 5;

/// The names of somebody, none of which is a password.
pub fn names_of(user: &User) -> Vec<&str> {
    let further = [user.email.as_deref(), user.display_name.as_deref()];
    std::iter::once(user.username.as_str()).chain(further.into_iter().flatten()).collect()
}

/// Those that people choose most, of at least [`Policy::LEAST`] characters, lower case, one a line. From Django's list (made by
/// Royce Williams; see `common.LICENSE`).
static COMMON: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("common.txt").lines().collect());

/// What differs in case and width alone is one guess.
pub(crate) fn fold(text: &str) -> String {
    text.nfkc().flat_map(char::to_lowercase).collect()
}

/// Characters in a row (`abcdefgh`, `87654321`), or few again and again (`aaaaaaaa`, `12341234`).
fn is_simple(folded: &str) -> bool {
    let letters: Vec<i64> = folded.chars().map(|letter| i64::from(u32::from(letter))).collect();
    let steps: BTreeSet<i64> = letters.iter().zip(letters.iter().skip(1)).map(|(one, next)| next - one).collect();
    let run = steps.len() == 1 && steps.iter().all(|step| step.abs() <= 1);
    run || unit(folded).chars().count() <= 4
}

/// What a text repeats from beginning to end: `abc` of `abcabcabc`, and the whole where nothing is repeated.
fn unit(text: &str) -> &str {
    let ends = text.char_indices().skip(1).map(|(end, _)| end).filter(|end| text.len().is_multiple_of(*end));
    let mut units = ends.filter_map(|end| text.get(..end));
    units.find(|unit| unit.repeat(text.len() / unit.len()) == text).unwrap_or(text)
}

/// The words of names, of three letters and more: of an address its parts.
fn words<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
    let folded = names.into_iter().map(fold);
    let split =
        |name: String| name.split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect::<Vec<_>>();
    folded.flat_map(split).filter(|word| word.chars().count() >= 3).collect()
}

/// Whether little is left of a password without those words: fewer than four letters, whatever digits and signs there are.
fn is_named<'a>(folded: &str, words: impl Iterator<Item = &'a String>) -> bool {
    let mut words: Vec<&String> = words.collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let left = words.iter().fold(folded.to_owned(), |left, word| left.replace(word.as_str(), " "));
    left != folded && left.chars().filter(|letter| letter.is_alphabetic()).count() < 4
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;

    fn check(policy: &Policy, text: &str) -> Result<(), PasswordRefused> {
        policy.check_here(&text.into(), &["ada", "ada.lovelace@mail.example", "Ada King, Countess of Lovelace"])
    }

    #[test]
    fn length_is_asked_for_and_nothing_about_characters() {
        let policy = Policy::default().at_least(12);
        let short = Err(PasswordRefused::TooShort { minimum: 12 });
        assert_eq!(check(&policy, "quiet otter"), short);
        assert_eq!(check(&policy, "Xk9!Xk9!Xk8"), short);
        assert_eq!(check(&policy, "🔑🗝🚪🪟🧱🏠🌳🐦🌞🌙⭐"), short);
        for good in [
            "quiet otters",
            "lower case only",
            "🔑🗝🚪🪟🧱🏠🌳🐦🌞🌙⭐☁",
            "żółw je sałatę",
            &"quiet otters ".repeat(315),
        ] {
            assert_eq!(check(&policy, good), Ok(()), "{good}");
        }
        assert_eq!(check(&policy, &format!("{}!", "quiet otter ".repeat(341))), Ok(()));
        assert_eq!(check(&policy, &"quiet otter ".repeat(342)), Err(PasswordRefused::TooLong));
        assert_eq!(Policy::default().at_least(1).minimum(), Policy::LEAST);
    }

    #[test]
    fn what_is_tried_first_is_refused_in_any_case_and_width() {
        let policy = Policy::default().at_least(8);
        for common in [
            "password1",
            "PassWord1",
            "ｐａｓｓｗｏｒｄ１",
            "iloveyou",
            "qwertyuiop",
            "passwordpassword",
            "aaaaaaaaaa",
            "abababababab",
            "12341234",
            "abcdefghijkl",
            "87654321",
            "        ",
        ] {
            assert_eq!(check(&policy, common), Err(PasswordRefused::Common), "{common}");
        }
        // As a whole: a common word within a sentence is no fault of the sentence.
        assert_eq!(check(&policy, "my password1 is old"), Ok(()));
    }

    #[test]
    fn names_of_the_account_and_of_the_service_are_no_passwords() {
        let policy = Policy::default().at_least(8).of_service("login.shop.example");
        for named in
            ["lovelace", "AdaLovelace", "ada.lovelace!", "ada-1815-2026", "Lovelace#77", "shoplogin", "countess99"]
        {
            assert_eq!(check(&policy, named), Err(PasswordRefused::Named), "{named}");
        }
        for good in ["ada paints walls", "the shop around the corner", "quiet otter"] {
            assert_eq!(check(&policy, good), Ok(()), "{good}");
        }
        assert_eq!(Policy::default().check_here(&"lovelace-1815".into(), &[]), Ok(()), "of nobody of that name");
    }

    /// Answers with one range, and remembers what it was asked.
    struct Told(Mutex<Vec<String>>, Option<&'static str>);

    #[async_trait]
    impl Breaches for Told {
        async fn range(&self, prefix: &str) -> Option<String> {
            self.0.lock().unwrap().push(prefix.to_owned());
            self.1.map(str::to_owned)
        }
    }

    #[tokio::test]
    async fn a_breached_password_is_refused_and_five_digits_are_all_that_is_said() {
        // SHA-1 of "quiet otters": 0xd3a3…; the test computes it as the code does, and holds one known value against it.
        assert_eq!(digest_of(&"password".into()), "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8");
        let range: &'static str = Box::leak(format!("{}:3\r\n", &digest_of(&"quiet otters".into())[5..]).into());
        let told = Arc::new(Told(Mutex::default(), Some(range)));
        let policy = Policy::default().asking(told.clone());
        assert_eq!(policy.check(&"quiet otters".into(), &[]).await, Err(PasswordRefused::Breached));
        assert_eq!(policy.check(&"quiet ottters".into(), &[]).await, Ok(()));
        assert_eq!(policy.check(&"short".into(), &[]).await, Err(PasswordRefused::TooShort { minimum: 10 }));
        let asked = told.0.lock().unwrap().clone();
        assert_eq!(asked.len(), 2, "what is refused here is not asked elsewhere");
        assert!(asked.iter().all(|prefix| prefix.len() == 5), "{asked:?}");
        let silent = Policy::default().asking(Arc::new(Told(Mutex::default(), None)));
        assert_eq!(silent.check(&"quiet otters".into(), &[]).await, Ok(()), "an outage keeps nobody out");
    }
}
