//! Pages: how much is asked for, where a page begins, and the token of the next one.
//!
//! The token is what the next page begins behind, with a keyed hash of it and of the list that it belongs to. Nobody makes one
//! up, and the token of one search means nothing in another.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use vestibule_core::crypto::{Prf, same_secret};

use super::{AdminError, FieldFault};

/// Which page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct PageQuery {
    /// How many at most: 1 to 200, and 50 when nothing is said.
    pub limit: Option<i64>,
    /// The token of the page, as the page before gave it.
    pub after: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, Serialize, schemars::JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct Listing<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The token of the next page; `null` on the last one.
    pub next: Option<String>,
}

/// A page about to be read.
#[derive(Clone, Debug)]
pub struct Asked<P> {
    /// How many at most.
    pub limit: usize,
    /// What it begins behind; `None` for the first page.
    pub after: Option<P>,
}

impl PageQuery {
    /// How many are on a page when nothing is said.
    pub const USUAL: usize = 50;
    /// How many are on a page at most.
    pub const MOST: usize = 200;

    /// Checks a question for a page of `list`, which is the list's name with what was looked for in it.
    ///
    /// # Errors
    /// [`AdminError::Invalid`] for a number out of range, and for a token that we did not make for this list.
    pub fn read<P: DeserializeOwned>(&self, list: &impl Serialize, prf: &Prf) -> Result<Asked<P>, AdminError> {
        let wrong = |pointer: &str, detail: String| AdminError::Invalid(vec![FieldFault::new(pointer, detail)]);
        let limit = match self.limit {
            None => Self::USUAL,
            Some(limit) => usize::try_from(limit)
                .ok()
                .filter(|limit| (1..=Self::MOST).contains(limit))
                .ok_or_else(|| wrong("/limit", format!("a page has 1 to {} entries", Self::MOST)))?,
        };
        let after = match &self.after {
            None => None,
            Some(token) => {
                let strange =
                    || wrong("/after", "this token belongs to another list; begin at the first page".to_owned());
                Some(open(token, list, prf).ok_or_else(strange)?)
            }
        };
        Ok(Asked { limit, after })
    }
}

impl<P: Serialize + PartialOrd> Asked<P> {
    /// The page of a list that is at hand as a whole, in the order of its places.
    pub fn page_of<E, T>(
        &self,
        all: impl IntoIterator<Item = E>,
        list: &impl Serialize,
        prf: &Prf,
        place: impl Fn(&E) -> P,
        show: impl FnMut(E) -> T,
    ) -> Listing<T> {
        let behind = |entry: &E| self.after.as_ref().is_none_or(|after| place(entry) > *after);
        let read = all.into_iter().filter(behind).take(self.and_one()).collect();
        self.page(read, list, prf, &place, show)
    }
}

impl<P: Serialize> Asked<P> {
    /// How many have to be read to know whether there is another page.
    pub fn and_one(&self) -> usize {
        self.limit.saturating_add(1)
    }

    /// The page, of what was read: one more than fits means that there is another. `place` is where an entry stands.
    pub fn page<E, T>(
        &self,
        mut read: Vec<E>,
        list: &impl Serialize,
        prf: &Prf,
        place: impl Fn(&E) -> P,
        show: impl FnMut(E) -> T,
    ) -> Listing<T> {
        let more = read.len() > self.limit;
        read.truncate(self.limit);
        let next = read.last().filter(|_| more).map(|last| token(&place(last), list, prf));
        Listing { items: read.into_iter().map(show).collect(), next }
    }
}

fn mac(place: &[u8], list: &impl Serialize, prf: &Prf) -> String {
    prf.text("page token", &[place, &serde_json::to_vec(list).unwrap_or_default()])
}

/// The token of what stands behind `place` in a list, for [`PageQuery::read`].
pub(super) fn token(place: &impl Serialize, list: &impl Serialize, prf: &Prf) -> String {
    let place = serde_json::to_vec(place).unwrap_or_default();
    format!("{}.{}", URL_SAFE_NO_PAD.encode(&place), mac(&place, list, prf))
}

fn open<P: DeserializeOwned>(token: &str, list: &impl Serialize, prf: &Prf) -> Option<P> {
    let (place, given) = token.split_once('.')?;
    let place = URL_SAFE_NO_PAD.decode(place).ok()?;
    if !same_secret(mac(&place, list, prf).as_bytes(), given.as_bytes()) {
        return None;
    }
    serde_json::from_slice(&place).ok()
}

#[cfg(test)]
mod tests {
    use vestibule_core::{crypto::MasterKey, random::SystemRandom};

    use super::*;

    fn asked(limit: Option<i64>, after: Option<&str>, list: &str, prf: &Prf) -> Result<Asked<String>, AdminError> {
        PageQuery { limit, after: after.map(str::to_owned) }.read(&list, prf)
    }

    #[test]
    fn a_109_a_token_is_ours_and_of_this_list_and_a_page_has_a_size() {
        let prf = MasterKey::generate(&SystemRandom::default()).prf();
        let first = asked(Some(1), None, "users", &prf).unwrap();
        let page = first.page(vec!["a", "b"], &"users", &prf, |at| (*at).to_owned(), |at| at);
        let next = page.next.unwrap();
        assert_eq!(page.items, ["a"]);
        assert_eq!(asked(None, Some(&next), "users", &prf).unwrap().after.as_deref(), Some("a"));
        let forged = format!("{}.{}", URL_SAFE_NO_PAD.encode("\"z\""), next.split_once('.').unwrap().1);
        for bad in [forged.as_str(), "", ".", "a", "a.b.c", &next[1..]] {
            assert!(matches!(asked(None, Some(bad), "users", &prf), Err(AdminError::Invalid(_))), "{bad}");
        }
        assert!(asked(None, Some(&next), "sessions", &prf).is_err(), "a token of another list");
        for limit in [0, -1, 201, 1_000_000_000, i64::MIN, i64::MAX] {
            assert!(asked(Some(limit), None, "users", &prf).is_err(), "{limit}");
        }
        assert_eq!(asked(Some(200), None, "users", &prf).unwrap().limit, 200);
    }

    #[test]
    fn a_list_at_hand_is_walked_page_by_page_and_what_comes_or_goes_between_moves_nothing() {
        let prf = MasterKey::generate(&SystemRandom::default()).prf();
        let page = |all: &[&'static str], after: Option<&str>| {
            let asked = asked(Some(2), after, "clients", &prf).unwrap();
            asked.page_of(all.iter().copied(), &"clients", &prf, |name| (*name).to_owned(), |name| name)
        };
        let first = page(&["a", "c", "e", "g"], None);
        assert_eq!(first.items, ["a", "c"]);
        // `c` is gone, and `b` is new: neither is shown twice or hides another.
        let second = page(&["a", "b", "e", "g"], first.next.as_deref());
        assert_eq!((second.items, second.next), (vec!["e", "g"], None));
    }

    #[test]
    fn the_last_page_has_no_next() {
        let prf = MasterKey::generate(&SystemRandom::default()).prf();
        let first = asked(Some(2), None, "users", &prf).unwrap();
        assert_eq!(first.page(vec!["a", "b"], &"users", &prf, |at| (*at).to_owned(), |at| at).next, None);
    }
}
