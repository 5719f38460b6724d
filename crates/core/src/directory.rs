//! People as an admin looks for them: a page at a time, by name, group and role, however many there are.
//!
//! A page begins behind a place and not at a number, so that page 1,000 costs what page 1 costs and nobody is shown twice
//! when somebody is made in between. What is looked for is kept beside the user in one table of facets (the store's): a
//! facet is a list in the order in which it is read.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization as _;

use crate::{id::UserId, time::Time, user::User};

/// Whom to look for. Everything that is said must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserSearch {
    /// What the user name, the e-mail address or the name to show begins with, however it is written.
    pub text: Option<String>,
    /// A group that they are in.
    pub group: Option<String>,
    /// A role that they have.
    pub role: Option<String>,
    /// Whether they are disabled.
    pub disabled: Option<bool>,
    /// Whether they have something to sign in with besides a password: another credential, or a number that was vouched for.
    pub second_factor: Option<bool>,
    /// Whether they have ever signed in, as far as the audit log was looked through: it is a moment behind.
    pub signed_in: Option<bool>,
}

/// The one authenticator whose credential is no second factor.
pub const FIRST_FACTOR: &str = "password";

/// A place in a list of users: what it is ordered by, and the id where that is not enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserPlace {
    /// What the list is ordered by: the user name, or what begins with the text that was looked for.
    pub term: String,
    /// Who stands there.
    pub user: UserId,
}

/// A group, and how many are in it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct GroupCount {
    /// Its name.
    pub name: String,
    /// How many users are in it.
    pub members: i64,
}

/// The longest text that is kept for looking things up, in characters.
const LONGEST: usize = 128;

/// A text as it is compared: NFKC, lower case, without space around it, and cut where nobody types on.
pub fn folded(text: &str) -> String {
    let folded: String = text.nfkc().flat_map(char::to_lowercase).nfkc().filter(|c| !c.is_control()).collect();
    folded.trim().chars().take(LONGEST).collect()
}

impl User {
    /// Whether codes can be sent to them.
    pub fn has_number(&self) -> bool {
        self.phone_number.is_some() && self.phone_number_verified
    }

    /// What this user is found by.
    pub fn search_terms(&self) -> BTreeSet<String> {
        let shown = [self.email.as_deref(), self.display_name.as_deref()];
        let mut terms: BTreeSet<String> = shown.into_iter().flatten().map(folded).collect();
        terms.insert(folded(self.username.as_str()));
        terms.retain(|term| !term.is_empty());
        terms
    }
}

/// A link that somebody is given once, to do one thing with: without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneTimeLink {
    /// The keyed hash of its secret.
    pub hash: String,
    /// What it is for, such as `password`: a link for one thing does nothing else.
    pub purpose: String,
    /// For whom.
    pub user: UserId,
    /// When it was made.
    pub created_at: Time,
    /// When it ends.
    pub expires_at: Time,
    /// When it was used.
    pub consumed_at: Option<Time>,
}

/// What is remembered of a request that must not be done twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// A hash of the request: another request with the same key is a mistake.
    pub fingerprint: String,
    /// The answer; `None` while it is being done, or when nobody knows whether it was.
    pub answer: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::user::LoginName;

    #[test]
    fn a_user_is_found_by_each_of_their_names_however_written() {
        let mut user = User::new(UserId(uuid::Uuid::nil()), LoginName::parse("ada").unwrap(), Time(0));
        user.email = Some("Ada.L@Example.org".to_owned());
        user.display_name = Some(" Ａda Lovelace ".to_owned());
        let terms: Vec<_> = user.search_terms().into_iter().collect();
        assert_eq!(terms, ["ada", "ada lovelace", "ada.l@example.org"]);
    }

    #[test]
    fn a_long_text_is_cut_and_nothing_is_no_term() {
        assert_eq!(folded(&"Ä".repeat(500)), "ä".repeat(LONGEST));
        let mut user = User::new(UserId(uuid::Uuid::nil()), LoginName::parse("ada").unwrap(), Time(0));
        user.display_name = Some("  ".to_owned());
        assert_eq!(user.search_terms().len(), 1);
    }
}
