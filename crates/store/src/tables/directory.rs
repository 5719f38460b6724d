//! Lists of users: a row for each list that a user is in, at the place where the list has them. See the migrations.
//!
//! Two lists are not told by the user alone. Who has no second factor (`single`) changes with their credentials as well; who
//! never signed in (`never`) is everybody new, until the audit log says otherwise ([`note_signed_in`](sqlite::note_signed_in)).

use std::collections::BTreeSet;

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use vestibule_core::{
    directory::{FIRST_FACTOR, GroupCount, UserPlace, UserSearch, folded},
    id::UserId,
    user::User,
};

use super::{from_json, rows};
use crate::{
    error::Verdict,
    schema::{consents, credentials, grants, sessions, trusted_devices, user_facets, user_groups, users},
};

/// The largest character: what begins with a text lies between it and it with this behind it.
const LAST: char = '\u{10FFFF}';

/// Those who have nothing to sign in with besides a password.
const SINGLE: &str = "single";
/// Those who have never signed in.
const NEVER: &str = "never";
/// So many are taken off that list by one statement.
const SIGNED_IN_AT_ONCE: usize = 200;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    term: String,
    #[diesel(sql_type = Text)]
    body: String,
}

impl Found {
    fn read(self) -> Verdict<(UserPlace, User)> {
        let user: User = from_json("users", &self.body)?;
        Ok((UserPlace { term: self.term, user: user.id }, user))
    }
}

/// The lists that a user is in, each with their place in it.
fn facets(user: &User) -> BTreeSet<(String, String)> {
    let name = || user.username.as_str().to_owned();
    let mut facets: BTreeSet<_> = user.search_terms().into_iter().map(|term| ("text".to_owned(), term)).collect();
    facets.insert(("all".to_owned(), name()));
    facets.extend(user.groups.iter().map(|group| (format!("group:{group}"), name())));
    facets.extend(user.roles.iter().map(|role| (format!("role:{role}"), name())));
    if user.disabled {
        facets.insert(("disabled".to_owned(), name()));
    }
    facets
}

/// A question and what is bound in it, in the order in which it is named: SQLite numbers what it meets.
#[derive(Default)]
struct Question {
    text: String,
    bound: Vec<String>,
}

impl Question {
    fn bind(&mut self, value: String) -> String {
        self.bound.push(value);
        format!("${}", self.bound.len())
    }

    fn say(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// The page of a search behind a place. One list is read in its order, and whoever is not in the others is passed over.
    fn of(search: &UserSearch, after: Option<&UserPlace>) -> Self {
        let mut question = Self::default();
        let text = search.text.as_deref().map(folded).filter(|text| !text.is_empty());
        let group = search.group.as_ref().map(|group| format!("group:{group}"));
        let role = search.role.as_ref().map(|role| format!("role:{role}"));
        // Each with whether who is wanted is in that list, or is not.
        let states = [
            ("disabled", search.disabled),
            (SINGLE, search.second_factor.map(|has| !has)),
            (NEVER, search.signed_in.map(|has| !has)),
        ];
        let within = states.iter().filter(|(_, wanted)| *wanted == Some(true)).map(|(list, _)| (*list).to_owned());
        let named = [text.as_ref().map(|_| "text".to_owned()), group, role];
        let mut lists = named.into_iter().flatten().chain(within);
        let driving = lists.next().unwrap_or_else(|| "all".to_owned());
        let driving = question.bind(driving);
        let first = text.clone().unwrap_or_default();
        let (term, id) = after.map_or((first, String::new()), |place| (place.term.clone(), place.user.to_string()));
        let (term, id) = (question.bind(term), question.bind(id));
        question.say(&format!(
            "SELECT f.term AS term, u.body AS body FROM user_facets f JOIN users u ON u.id = f.user_id \
             WHERE f.facet = {driving} AND (f.term, f.user_id) > ({term}, {id})"
        ));
        if let Some(text) = text {
            let end = question.bind(format!("{text}{LAST}"));
            question.say(&format!(" AND f.term < {end}"));
            // Whoever is found by two of their names is found by the first.
            let begin = question.bind(text);
            question.say(&format!(
                " AND NOT EXISTS (SELECT 1 FROM user_facets o WHERE o.user_id = f.user_id AND o.facet = 'text' \
                 AND o.term >= {begin} AND o.term < f.term)"
            ));
        }
        for list in lists {
            let list = question.bind(list);
            question.say(&format!(
                " AND EXISTS (SELECT 1 FROM user_facets o WHERE o.user_id = f.user_id AND o.facet = {list})"
            ));
        }
        for (list, _) in states.iter().filter(|(_, wanted)| *wanted == Some(false)) {
            question.say(&format!(
                " AND NOT EXISTS (SELECT 1 FROM user_facets o WHERE o.user_id = f.user_id AND o.facet = '{list}')"
            ));
        }
        question.say(&format!(" ORDER BY f.term, f.user_id LIMIT ${}", question.bound.len() + 1));
        question
    }
}

on_both! {
    pub(crate) fn find_users(
        tx: &mut Tx,
        search: &UserSearch,
        after: Option<&UserPlace>,
        limit: usize,
    ) -> Verdict<Vec<(UserPlace, User)>> {
        let question = Question::of(search, after);
        let mut query = sql_query(question.text).into_boxed::<<Connection as diesel::Connection>::Backend>();
        for value in question.bound {
            query = query.bind::<Text, _>(value);
        }
        let found: Vec<Found> = query.bind::<BigInt, _>(rows(limit)).load(&mut tx.connection)?;
        found.into_iter().map(Found::read).collect()
    }

    pub(crate) fn users_of(tx: &mut Tx, ids: &[UserId]) -> Verdict<Vec<User>> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let bodies: Vec<String> =
            users::table.filter(users::id.eq_any(ids)).select(users::body).load(&mut tx.connection)?;
        bodies.iter().map(|body| from_json("users", body)).collect()
    }

    pub(crate) fn groups(tx: &mut Tx, after: Option<&str>, limit: usize) -> Verdict<Vec<GroupCount>> {
        let counted: Vec<(String, i64)> = user_groups::table
            .filter(user_groups::name.gt(after.unwrap_or_default()))
            .filter(user_groups::members.gt(0))
            .order(user_groups::name)
            .limit(rows(limit))
            .load(&mut tx.connection)?;
        Ok(counted.into_iter().map(|(name, members)| GroupCount { name, members }).collect())
    }

    pub(crate) fn delete_user(tx: &mut Tx, id: UserId) -> Verdict<bool> {
        let id = id.to_string();
        let connection = &mut *tx.connection;
        let before = listed(connection, &id)?;
        relist(connection, &id, &before, &BTreeSet::new())?;
        diesel::delete(sessions::table.filter(sessions::user_id.eq(&id))).execute(connection)?;
        diesel::delete(grants::table.filter(grants::user_id.eq(&id))).execute(connection)?;
        diesel::delete(consents::table.filter(consents::user_id.eq(&id))).execute(connection)?;
        diesel::delete(trusted_devices::table.filter(trusted_devices::user_id.eq(&id))).execute(connection)?;
        // Login names, credentials, links: they go with the user.
        Ok(diesel::delete(users::table.find(&id)).execute(connection)? == 1)
    }

    impl Tx {
        /// Puts a user into the lists that they belong in, and takes them out of the others.
        pub(in crate::tables) fn list_user(&mut self, user: &User) -> Verdict<()> {
            let (id, connection) = (user.id.to_string(), &mut *self.connection);
            let before = listed(connection, &id)?;
            let name = || user.username.as_str().to_owned();
            let mut wanted = facets(user);
            if !user.has_number() && !has_second(connection, &id)? {
                wanted.insert((SINGLE.to_owned(), name()));
            }
            if before.is_empty() || before.iter().any(|(facet, _)| facet == NEVER) {
                wanted.insert((NEVER.to_owned(), name()));
            }
            relist(connection, &id, &before, &wanted)
        }

        /// The same after a credential of theirs came or went.
        pub(in crate::tables) fn list_user_again(&mut self, id: &str) -> Verdict<()> {
            let body = users::table.find(id).select(users::body);
            let body: Option<String> = body.get_result(&mut self.connection).optional()?;
            body.map_or(Ok(()), |body| self.list_user(&from_json("users", &body)?))
        }
    }

    pub(crate) fn note_signed_in(tx: &mut Tx, users: &[UserId]) -> Verdict<()> {
        for some in users.chunks(SIGNED_IN_AT_ONCE) {
            let ids = some.iter().map(ToString::to_string);
            let never = user_facets::table.filter(user_facets::facet.eq(NEVER));
            let theirs = never.filter(user_facets::user_id.eq_any(ids.collect::<Vec<_>>()));
            diesel::delete(theirs).execute(&mut tx.connection)?;
        }
        Ok(())
    }

    /// Whether somebody has a credential besides a password.
    fn has_second(connection: &mut Connection, id: &str) -> Verdict<bool> {
        let second = credentials::table
            .filter(credentials::user_id.eq(id))
            .filter(credentials::authenticator.ne(FIRST_FACTOR))
            .select(credentials::id);
        Ok(second.get_result::<String>(connection).optional()?.is_some())
    }

    fn listed(connection: &mut Connection, id: &str) -> Verdict<BTreeSet<(String, String)>> {
        let listed = user_facets::table.filter(user_facets::user_id.eq(id));
        let listed: Vec<_> = listed.select((user_facets::facet, user_facets::term)).load(connection)?;
        Ok(listed.into_iter().collect())
    }

    fn relist(
        connection: &mut Connection,
        id: &str,
        before: &BTreeSet<(String, String)>,
        wanted: &BTreeSet<(String, String)>,
    ) -> Verdict<()> {
        for (facet, term) in before.difference(wanted) {
            diesel::delete(user_facets::table.find((facet, term, id))).execute(connection)?;
        }
        for (facet, term) in wanted.difference(before) {
            let row = (user_facets::facet.eq(facet), user_facets::term.eq(term), user_facets::user_id.eq(id));
            diesel::insert_into(user_facets::table).values(row).execute(connection)?;
        }
        let groups = |facets: &BTreeSet<(String, String)>| -> BTreeSet<String> {
            facets.iter().filter_map(|(facet, _)| Some(facet.strip_prefix("group:")?.to_owned())).collect()
        };
        let (was, is) = (groups(before), groups(wanted));
        for (name, by) in was.difference(&is).map(|name| (name, -1)).chain(is.difference(&was).map(|name| (name, 1))) {
            count_member(connection, name, by)?;
        }
        Ok(())
    }

    fn count_member(connection: &mut Connection, name: &str, by: i64) -> Verdict<()> {
        diesel::insert_into(user_groups::table)
            .values((user_groups::name.eq(name), user_groups::members.eq(by)))
            .on_conflict(user_groups::name)
            .do_update()
            .set(user_groups::members.eq(user_groups::members + by))
            .execute(connection)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_109_what_is_looked_for_is_bound_and_never_a_part_of_the_question() {
        let evil = "x' OR '1'='1%_";
        let search = UserSearch {
            text: Some(evil.to_owned()),
            group: Some(evil.to_owned()),
            role: Some(evil.to_owned()),
            disabled: Some(false),
            ..UserSearch::default()
        };
        let question = Question::of(&search, None);
        assert!(!question.text.contains("OR '1'") && !question.text.contains("LIKE"), "{}", question.text);
        assert_eq!(question.bound.iter().filter(|bound| bound.contains("'1'='1%_")).count(), 5);
    }
}
