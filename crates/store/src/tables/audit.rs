//! The audit log: appended to, sealed a moment later, read from its end, never changed.
//!
//! Appending is one insert with its proof; number, link and the columns that a row is found by are the sealer's. So a page
//! by kind or user looks at the few unsealed rows as well as at its index.

use std::collections::BTreeMap;

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Binary, Integer, Nullable, Text},
};
use vestibule_core::{
    audit::{
        AuditEvent,
        chain::{AuditRow, Facets, Proof, Seal},
        page::{AuditCursor, AuditEntry, AuditFilter, AuditPage},
    },
    id::AuditId,
    time::Time,
};

use super::{from_json, meta::AUDIT_HEAD, rows, to_json, written};
use crate::{
    error::{Failure, Verdict},
    schema::{audit_events, counters, meta},
    seal::Seal as Key,
};

/// The prefix of marks among the counters.
const MARKS: &str = "audit/";
/// So many rows are sealed by one statement.
const SEALED_AT_ONCE: usize = 100;
/// So many rows are looked at, where an index alone does not tell which are wanted.
const LOOKED_AT: usize = 2000;
/// So many kinds that begin alike are too many to be looked up one by one.
const MANY_KINDS: usize = 64;

/// A row as the chain needs it.
#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_events)]
struct Row {
    id: String,
    at: i64,
    body: String,
    proof: Option<Vec<u8>>,
    seq: Option<i64>,
    mac: Option<Vec<u8>>,
    kind: Option<String>,
    user_id: Option<String>,
    actor_id: Option<String>,
    client: Option<String>,
    request_id: Option<String>,
}

impl Row {
    fn read(self, key: &Key) -> AuditRow {
        let proof = match self.proof {
            None => Proof::Missing,
            Some(proof) if key.proves(&proof, &self.body) => Proof::Right,
            Some(_) => Proof::Wrong,
        };
        let facets = Facets {
            kind: self.kind,
            user: self.user_id,
            actor: self.actor_id,
            client: self.client,
            request_id: self.request_id,
        };
        AuditRow { id: self.id, at: self.at, body: self.body, proof, seq: self.seq, mac: self.mac, facets }
    }
}

/// A row of a page, and which of the page's queries found it.
#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Integer)]
    part: i32,
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = BigInt)]
    at: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    seq: Option<i64>,
    #[diesel(sql_type = Text)]
    body: String,
}

impl Found {
    fn place(&self) -> (i64, &str) {
        (self.at, &self.id)
    }
}

#[derive(QueryableByName)]
struct KindName {
    #[diesel(sql_type = Text)]
    kind: String,
}

/// What a page asks the database.
struct Question {
    sql: String,
    since: i64,
    /// Older than this.
    before: (i64, String),
    values: Vec<String>,
}

impl Question {
    /// Each part goes down one index from where the page begins: the rows that are not sealed, and those of each value of
    /// the column that tells most. Without one it is the index of times.
    /// Each part gives `cap` rows at most.
    fn new(filter: &AuditFilter, before: Option<AuditCursor>, column: Option<(&str, Vec<String>)>, cap: usize) -> Self {
        let (mut conditions, mut values) = (Vec::new(), Vec::new());
        match column {
            None => conditions.push("TRUE".to_owned()),
            Some((column, wanted)) => {
                conditions.push("seq IS NULL".to_owned());
                conditions.extend((0..wanted.len()).map(|number| format!("{column} = ${}", number + 4)));
                values = wanted;
            }
        }
        let part = |(number, condition): (usize, &String)| {
            format!(
                "SELECT * FROM (SELECT {number} AS part, id, at, seq, body FROM audit_events \
                 WHERE at >= $1 AND (at, id) < ($2, $3) AND {condition} ORDER BY at DESC, id DESC LIMIT {cap}) AS p{number}"
            )
        };
        let parts: Vec<_> = conditions.iter().enumerate().map(part).collect();
        let until = filter.until.map_or((i64::MAX, String::new()), |until| (until.0, String::new()));
        let before = before.map_or_else(|| until.clone(), |(at, id)| until.clone().min((at.0, id.to_string())));
        let since = filter.since.map_or(i64::MIN, |since| since.0);
        Self { sql: parts.join(" UNION ALL "), since, before, values }
    }
}

/// The column that tells most of a filter, with its value; none for a filter by time, or by kind alone.
fn telling(filter: &AuditFilter) -> Option<(&'static str, Vec<String>)> {
    let one = |column, value: Option<String>| value.map(|value| (column, vec![value]));
    one("request_id", filter.request_id.clone())
        .or_else(|| one("actor_id", filter.actor.map(|user| user.to_string())))
        .or_else(|| one("user_id", filter.user.map(|user| user.to_string())))
        .or_else(|| one("client", filter.client.clone()))
}

/// How many rows each part of a page gives: no more than shown, if the index alone tells which are wanted.
fn cap(filter: &AuditFilter, limit: usize) -> usize {
    let asked = [
        filter.kind.is_some(),
        filter.user.is_some(),
        filter.actor.is_some(),
        filter.client.is_some(),
        filter.request_id.is_some(),
    ];
    let exact = asked.into_iter().filter(|asked| *asked).count() <= 1;
    if exact { limit.saturating_add(1) } else { LOOKED_AT.max(limit.saturating_add(1)) }
}

/// Makes the page of what was found. A part that gave all it may could give older ones, so nothing older than its last
/// row is shown yet.
fn page(filter: &AuditFilter, found: &mut [Found], cap: usize, limit: usize) -> AuditPage {
    found.sort_by(|a, b| b.place().cmp(&a.place()));
    let mut counts = BTreeMap::new();
    let mut edge = None;
    for row in found.iter() {
        let count: &mut usize = counts.entry(row.part).or_default();
        *count += 1;
        if *count == cap {
            edge = Some(row.place());
            break;
        }
    }
    let edge_cursor = edge.and_then(|(at, id)| Some((Time(at), id.parse::<AuditId>().ok()?)));
    let reached = found.iter().filter(|row| edge.is_none_or(|edge| row.place() >= edge));
    // What is no event was not written by this program; verifying names it, and it must not close the page.
    let wanted = reached.filter_map(|row| {
        let event: AuditEvent = serde_json::from_str(&row.body).ok()?;
        let own = event.id.to_string() == row.id && event.at.0 == row.at;
        (own && filter.matches(&event)).then_some(AuditEntry { seq: row.seq, event })
    });
    let mut entries: Vec<_> = wanted.take(limit.saturating_add(1)).collect();
    let more = entries.len() > limit;
    entries.truncate(limit);
    let last = entries.last().map(|entry| (entry.event.at, entry.event.id));
    let next = if more { last } else { edge_cursor };
    AuditPage { entries, next }
}

on_both! {
    pub(crate) fn append_audit(tx: &mut Tx, event: &AuditEvent) -> Verdict<()> {
        let body = to_json(event)?;
        let row = (
            audit_events::id.eq(event.id.to_string()),
            audit_events::at.eq(event.at.0),
            audit_events::proof.eq(tx.seal.proof(&body)),
            audit_events::body.eq(body),
        );
        let new = diesel::insert_into(audit_events::table).values(row).on_conflict_do_nothing();
        written(new.execute(&mut tx.connection)?, "the audit event's id is taken")
    }

    pub(crate) fn latest_audit(tx: &mut Tx, limit: usize) -> Verdict<Vec<AuditEvent>> {
        let bodies: Vec<String> = audit_events::table
            .order((audit_events::at.desc(), audit_events::id.desc()))
            .limit(rows(limit))
            .select(audit_events::body)
            .load(&mut tx.connection)?;
        bodies.iter().map(|body| from_json("audit_events", body)).collect()
    }

    pub(crate) fn audit_page(
        tx: &mut Tx,
        filter: &AuditFilter,
        before: Option<AuditCursor>,
        limit: usize,
    ) -> Verdict<AuditPage> {
        if filter.is_impossible() {
            return Ok(AuditPage::default());
        }
        let prefix = filter.kind.as_deref().filter(|prefix| !prefix.is_empty());
        let (column, cap) = match (telling(filter), prefix) {
            (Some(column), _) => (Some(column), cap(filter, limit)),
            (None, None) => (None, cap(filter, limit)),
            (None, Some(prefix)) => match kinds(tx, prefix)? {
                kinds if kinds.len() < MANY_KINDS => (Some(("kind", kinds)), cap(filter, limit)),
                // So short a beginning is no filter worth an index.
                _ => (None, LOOKED_AT),
            },
        };
        let Question { sql, since, before, values } = Question::new(filter, before, column, cap);
        let mut query = sql_query(sql)
            .into_boxed()
            .bind::<BigInt, _>(since)
            .bind::<BigInt, _>(before.0)
            .bind::<Text, _>(before.1);
        for value in values {
            query = query.bind::<Text, _>(value);
        }
        let mut found: Vec<Found> = query.load(&mut tx.connection)?;
        Ok(page(filter, &mut found, cap, limit))
    }

    /// The kinds that begin so, each found by one step in the index.
    fn kinds(tx: &mut Tx, prefix: &str) -> Verdict<Vec<String>> {
        let query = sql_query(
            "WITH RECURSIVE found (kind) AS ( \
             SELECT min(kind) FROM audit_events WHERE kind >= $1 AND kind < $2 UNION ALL \
             SELECT (SELECT min(kind) FROM audit_events WHERE kind > found.kind AND kind < $2) \
             FROM found WHERE found.kind IS NOT NULL) \
             SELECT kind FROM found WHERE kind IS NOT NULL LIMIT $3",
        );
        let query = query.bind::<Text, _>(prefix).bind::<Text, _>(format!("{prefix}\u{10FFFF}")).bind::<BigInt, _>(rows(MANY_KINDS));
        let kinds: Vec<KindName> = query.load(&mut tx.connection)?;
        Ok(kinds.into_iter().map(|name| name.kind).collect())
    }

    pub(crate) fn unsealed_audit(tx: &mut Tx, limit: usize) -> Verdict<Vec<AuditRow>> {
        let unsealed: Vec<Row> = audit_events::table
            .filter(audit_events::seq.is_null())
            .order((audit_events::at, audit_events::id))
            .limit(rows(limit))
            .select(Row::as_select())
            .load(&mut tx.connection)?;
        Ok(unsealed.into_iter().map(|row| row.read(&tx.seal)).collect())
    }

    pub(crate) fn audit_after(tx: &mut Tx, after: i64, limit: usize) -> Verdict<Vec<AuditRow>> {
        let sealed: Vec<Row> = audit_events::table
            .filter(audit_events::seq.gt(after))
            .order(audit_events::seq)
            .limit(rows(limit))
            .select(Row::as_select())
            .load(&mut tx.connection)?;
        Ok(sealed.into_iter().map(|row| row.read(&tx.seal)).collect())
    }

    pub(crate) fn last_sealed_audit(tx: &mut Tx) -> Verdict<Option<(i64, String)>> {
        let last: Option<(Option<i64>, String)> = audit_events::table
            .filter(audit_events::seq.is_not_null())
            .order(audit_events::seq.desc())
            .select((audit_events::seq, audit_events::id))
            .first(&mut tx.connection)
            .optional()?;
        Ok(last.and_then(|(seq, id)| Some((seq?, id))))
    }

    pub(crate) fn audit_head(tx: &mut Tx) -> Verdict<Option<Vec<u8>>> {
        Ok(meta::table.find(AUDIT_HEAD).select(meta::value).get_result(&mut tx.connection).optional()?)
    }

    pub(crate) fn seal_audit(tx: &mut Tx, before: &[u8], after: &[u8], seals: &[Seal]) -> Verdict<bool> {
        let head = meta::table.find(AUDIT_HEAD).filter(meta::value.eq(before));
        if diesel::update(head).set(meta::value.eq(after)).execute(&mut tx.connection)? != 1 {
            return Ok(false);
        }
        for some in seals.chunks(SEALED_AT_ONCE) {
            let values = (0..some.len()).map(|row| {
                let places: Vec<_> = (1..=8).map(|column| format!("${}", row * 8 + column)).collect();
                format!("({})", places.join(", "))
            });
            let values: Vec<_> = values.collect();
            let mut update = sql_query(format!(
                "UPDATE audit_events SET seq = v.column2, mac = v.column3, kind = v.column4, user_id = v.column5, \
                 actor_id = v.column6, client = v.column7, request_id = v.column8 \
                 FROM (VALUES {}) AS v WHERE audit_events.id = v.column1 AND audit_events.seq IS NULL",
                values.join(", ")
            ))
            .into_boxed();
            for Seal { id, seq, mac, facets } in some {
                update = update
                    .bind::<Text, _>(id)
                    .bind::<BigInt, _>(seq)
                    .bind::<Binary, _>(mac.as_slice())
                    .bind::<Nullable<Text>, _>(&facets.kind)
                    .bind::<Nullable<Text>, _>(&facets.user)
                    .bind::<Nullable<Text>, _>(&facets.actor)
                    .bind::<Nullable<Text>, _>(&facets.client)
                    .bind::<Nullable<Text>, _>(&facets.request_id);
            }
            if update.execute(&mut tx.connection)? != some.len() {
                return Err(Failure::Conflict("an audit row was sealed or removed by somebody else"));
            }
        }
        Ok(true)
    }

    pub(crate) fn audit_mark(tx: &mut Tx, name: &str) -> Verdict<Option<i64>> {
        let mark = counters::table.find(format!("{MARKS}{name}")).select(counters::value);
        Ok(mark.get_result(&mut tx.connection).optional()?)
    }

    pub(crate) fn audit_marks(tx: &mut Tx) -> Verdict<BTreeMap<String, i64>> {
        let marks: Vec<(String, i64)> = counters::table
            .filter(counters::name.like(format!("{MARKS}%")))
            .select((counters::name, counters::value))
            .load(&mut tx.connection)?;
        let named = |(name, value): (String, i64)| Some((name.strip_prefix(MARKS)?.to_owned(), value));
        Ok(marks.into_iter().filter_map(named).collect())
    }

    pub(crate) fn move_audit_mark(tx: &mut Tx, name: &str, before: Option<i64>, after: i64) -> Verdict<bool> {
        let name = format!("{MARKS}{name}");
        let moved = match before {
            None => diesel::insert_into(counters::table)
                .values((counters::name.eq(name), counters::value.eq(after)))
                .on_conflict_do_nothing()
                .execute(&mut tx.connection)?,
            Some(before) => diesel::update(counters::table.find(name).filter(counters::value.eq(before)))
                .set(counters::value.eq(after))
                .execute(&mut tx.connection)?,
        };
        Ok(moved == 1)
    }
}
