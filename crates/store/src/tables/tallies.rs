//! Tallies: added to, and summed up where they are read.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Text},
};
use vestibule_core::{
    tally::{Moment, Span, Tally, Total},
    time::Time,
};

use crate::{error::Verdict, schema::counters};

/// The counter that says how far the audit log is counted. The migration makes it.
const MARK: &str = "tallies";

/// So many are added by one statement.
const ADDED_AT_ONCE: usize = 100;

#[derive(QueryableByName)]
struct MomentRow {
    #[diesel(sql_type = BigInt)]
    at: i64,
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct TotalRow {
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = Text)]
    about: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct TallyRow {
    #[diesel(sql_type = BigInt)]
    at: i64,
    #[diesel(sql_type = Text)]
    what: String,
    #[diesel(sql_type = Text)]
    about: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// `($1, $2, …), (…)`: so many rows of so many columns.
fn places(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let places: Vec<_> = (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

on_both! {
    pub(crate) fn tally_mark(tx: &mut Tx) -> Verdict<i64> {
        Ok(counters::table.find(MARK).select(counters::value).get_result(&mut tx.connection)?)
    }

    pub(crate) fn move_tally_mark(tx: &mut Tx, before: i64, after: i64) -> Verdict<bool> {
        let mark = counters::table.find(MARK).filter(counters::value.eq(before));
        Ok(diesel::update(mark).set(counters::value.eq(after)).execute(&mut tx.connection)? == 1)
    }

    /// In one order, so that two instances that add to the same rows do not wait for each other in a circle.
    pub(crate) fn add_tallies(tx: &mut Tx, tallies: &[Tally]) -> Verdict<()> {
        let mut sorted: Vec<&Tally> = tallies.iter().collect();
        sorted.sort();
        for some in sorted.chunks(ADDED_AT_ONCE) {
            let mut insert = sql_query(format!(
                "INSERT INTO tallies (span, at, what, about, number) VALUES {} \
                 ON CONFLICT (span, at, what, about) DO UPDATE SET number = tallies.number + excluded.number",
                places(some.len(), 5)
            ))
            .into_boxed();
            for Tally { span, at, what, about, number } in some {
                insert = insert
                    .bind::<BigInt, _>(span.seconds())
                    .bind::<BigInt, _>(at.0)
                    .bind::<Text, _>(what)
                    .bind::<Text, _>(about)
                    .bind::<BigInt, _>(number);
            }
            insert.execute(&mut tx.connection)?;
        }
        Ok(())
    }

    pub(crate) fn tallies_by_time(tx: &mut Tx, span: Span, since: Time, what: &[&str]) -> Verdict<Vec<Moment>> {
        if what.is_empty() {
            return Ok(Vec::new());
        }
        let named: Vec<_> = (0..what.len()).map(|word| format!("${}", word + 3)).collect();
        let mut query = sql_query(format!(
            "SELECT at, what, CAST(SUM(number) AS BIGINT) AS number FROM tallies \
             WHERE span = $1 AND at >= $2 AND what IN ({}) GROUP BY at, what ORDER BY at, what",
            named.join(", ")
        ))
        .into_boxed()
        .bind::<BigInt, _>(span.seconds())
        .bind::<BigInt, _>(since.0);
        for word in what {
            query = query.bind::<Text, _>(*word);
        }
        let found: Vec<MomentRow> = query.load(&mut tx.connection)?;
        Ok(found.into_iter().map(|MomentRow { at, what, number }| Moment { at: Time(at), what, number }).collect())
    }

    pub(crate) fn tallies_by_subject(tx: &mut Tx, span: Span, since: Time) -> Verdict<Vec<Total>> {
        let query = sql_query(
            "SELECT what, about, CAST(SUM(number) AS BIGINT) AS number FROM tallies \
             WHERE span = $1 AND at >= $2 GROUP BY what, about ORDER BY what, about",
        );
        let query = query.bind::<BigInt, _>(span.seconds()).bind::<BigInt, _>(since.0);
        let found: Vec<TotalRow> = query.load(&mut tx.connection)?;
        Ok(found.into_iter().map(|TotalRow { what, about, number }| Total { what, about, number }).collect())
    }

    pub(crate) fn tallies_since(tx: &mut Tx, span: Span, since: Time, what: &[&str]) -> Verdict<Vec<Tally>> {
        if what.is_empty() {
            return Ok(Vec::new());
        }
        let named: Vec<_> = (0..what.len()).map(|word| format!("${}", word + 3)).collect();
        let mut query = sql_query(format!(
            "SELECT at, what, about, number FROM tallies WHERE span = $1 AND at >= $2 AND what IN ({}) ORDER BY at, what, about",
            named.join(", ")
        ))
        .into_boxed()
        .bind::<BigInt, _>(span.seconds())
        .bind::<BigInt, _>(since.0);
        for word in what {
            query = query.bind::<Text, _>(*word);
        }
        let found: Vec<TallyRow> = query.load(&mut tx.connection)?;
        let tally = |TallyRow { at, what, about, number }| Tally { span, at: Time(at), what, about, number };
        Ok(found.into_iter().map(tally).collect())
    }
}
