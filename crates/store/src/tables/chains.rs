//! Chains while they are being written: drafts, publication, history, and whom a step would keep out. What holds is read
//! in `configuration`.

use diesel::{
    dsl::max,
    prelude::*,
    sql_types::{BigInt, Text},
};
use vestibule_core::{
    chain::ChainDocument,
    draft::{Byline, COUNTED_USERS, ChainDraft, HistoryEntry, LackCount, LackQuestion, Means, Membership},
    id::ChainName,
    time::Time,
};

use super::{from_json, rows, to_json};
use crate::{
    error::Verdict,
    schema::{chain_drafts, chain_revisions, chains},
};

type HistoryRow = (i64, Option<String>, Option<String>, i64, String);
type DraftRow = (String, i64, Option<String>, i64, String);

fn entry((revision, author, note, published_at, body): HistoryRow) -> Verdict<HistoryEntry> {
    let document = from_json("chain_revisions", &body)?;
    Ok(HistoryEntry { revision, byline: Byline { author, note }, published_at: Time(published_at), document })
}

fn draft((chain, base, author, updated_at, body): DraftRow) -> Verdict<ChainDraft> {
    let document = from_json("chain_drafts", &body)?;
    Ok(ChainDraft { chain: chain.into(), base, author, updated_at: Time(updated_at), document })
}

/// How each database looks into the body of a user. The words are all that differs.
trait Dialect {
    /// Whether a field of the body is true.
    fn flag(field: &str) -> String;
    /// Whether a field of the body is there.
    fn given(field: &str) -> String;
    /// Whether a list of the body has the bound value.
    fn has(list: &str, bound: &str) -> String;
}

impl Dialect for diesel::SqliteConnection {
    fn flag(field: &str) -> String {
        format!("json_extract(body, '$.{field}') = 1")
    }
    fn given(field: &str) -> String {
        format!("json_extract(body, '$.{field}') IS NOT NULL")
    }
    fn has(list: &str, bound: &str) -> String {
        format!("EXISTS (SELECT 1 FROM json_each(body, '$.{list}') WHERE value = {bound})")
    }
}

impl Dialect for diesel::PgConnection {
    fn flag(field: &str) -> String {
        format!("(body::jsonb ->> '{field}')::boolean")
    }
    fn given(field: &str) -> String {
        format!("(body::jsonb ->> '{field}') IS NOT NULL")
    }
    fn has(list: &str, bound: &str) -> String {
        format!("jsonb_exists(body::jsonb -> '{list}', {bound})")
    }
}

#[derive(QueryableByName)]
struct Counted {
    #[diesel(sql_type = BigInt)]
    lacking: i64,
    #[diesel(sql_type = BigInt)]
    concerned: i64,
    #[diesel(sql_type = BigInt)]
    looked_at: i64,
}

/// The text that counts for every question in one look at the newest users, and what is bound in it.
fn lack_query<D: Dialect>(questions: &[LackQuestion]) -> (String, Vec<String>) {
    let mut bound = Vec::new();
    let count = |(number, question)| lack_count::<D>(number, question, &mut bound);
    let counts: Vec<String> = questions.iter().enumerate().map(count).collect();
    let text = format!(
        "WITH newest AS (SELECT id, body FROM users ORDER BY id DESC LIMIT {COUNTED_USERS}) {} ORDER BY question",
        counts.join(" UNION ALL ")
    );
    (text, bound)
}

/// The text of one count; what is bound in it is put behind what is bound already, in the order of its numbers. Names that an
/// admin wrote are bound; the rest are words of this file.
fn lack_count<D: Dialect>(number: usize, question: &LackQuestion, bound: &mut Vec<String>) -> String {
    let LackQuestion { members, means } = question;
    let mut bind = |value: &str| {
        bound.push(value.to_owned());
        format!("${}", bound.len())
    };
    let mut concerned = vec![format!("NOT ({})", D::flag("disabled"))];
    for Membership { group, name, not } in members {
        let has = D::has(if *group { "groups" } else { "roles" }, &bind(name));
        concerned.push(if *not { format!("NOT ({has})") } else { has });
    }
    let concerned = concerned.join(" AND ");
    let mut lacks = Vec::new();
    for means in means {
        let has = match means {
            Means::Phone => format!("{} AND {}", D::given("phone_number"), D::flag("phone_number_verified")),
            Means::Email => format!("{} AND {}", D::given("email"), D::flag("email_verified")),
            Means::Credential(name) => format!(
                "EXISTS (SELECT 1 FROM credentials WHERE user_id = newest.id AND authenticator = {})",
                bind(name.as_str())
            ),
        };
        lacks.push(format!("NOT ({has})"));
    }
    let lacks = if lacks.is_empty() { "TRUE".to_owned() } else { lacks.join(" AND ") };
    format!(
        "SELECT CAST({number} AS BIGINT) AS question, count(CASE WHEN concerned AND lacks THEN 1 END) AS lacking, \
         count(CASE WHEN concerned THEN 1 END) AS concerned, count(*) AS looked_at \
         FROM (SELECT ({concerned}) AS concerned, ({lacks}) AS lacks FROM newest) AS counted"
    )
}

on_both! {
    pub(crate) fn publish_chain_by(
        tx: &mut Tx,
        chain: &ChainName,
        document: &ChainDocument,
        byline: &Byline,
        now: Time,
    ) -> Verdict<i64> {
        let (name, body) = (chain.as_str(), to_json(document)?);
        // Numbers go on where a deleted chain of that name left off: interactions under way still name its revisions.
        let latest: Option<i64> = chain_revisions::table
            .filter(chain_revisions::chain.eq(name))
            .select(max(chain_revisions::revision))
            .get_result(&mut tx.connection)?;
        let number = latest.unwrap_or(0).saturating_add(1);
        diesel::insert_into(chain_revisions::table)
            .values((
                chain_revisions::chain.eq(name),
                chain_revisions::revision.eq(number),
                chain_revisions::body.eq(body),
                chain_revisions::published_at.eq(now.0),
                chain_revisions::author.eq(&byline.author),
                chain_revisions::note.eq(&byline.note),
            ))
            .execute(&mut tx.connection)?;
        diesel::insert_into(chains::table)
            .values((chains::name.eq(name), chains::revision.eq(number)))
            .on_conflict(chains::name)
            .do_update()
            .set(chains::revision.eq(number))
            .execute(&mut tx.connection)?;
        tx.raise_configuration_version()?;
        Ok(number)
    }

    pub(crate) fn chain_history(
        tx: &mut Tx,
        chain: &ChainName,
        before: Option<i64>,
        limit: usize,
    ) -> Verdict<Vec<HistoryEntry>> {
        let found: Vec<HistoryRow> = chain_revisions::table
            .filter(chain_revisions::chain.eq(chain.as_str()))
            .filter(chain_revisions::revision.lt(before.unwrap_or(i64::MAX)))
            .order(chain_revisions::revision.desc())
            .limit(rows(limit))
            .select((
                chain_revisions::revision,
                chain_revisions::author,
                chain_revisions::note,
                chain_revisions::published_at,
                chain_revisions::body,
            ))
            .load(&mut tx.connection)?;
        found.into_iter().map(entry).collect()
    }

    pub(crate) fn chain_drafts(tx: &mut Tx) -> Verdict<Vec<ChainDraft>> {
        let found: Vec<DraftRow> = chain_drafts::table.order(chain_drafts::chain).load(&mut tx.connection)?;
        found.into_iter().map(draft).collect()
    }

    pub(crate) fn chain_draft(tx: &mut Tx, chain: &ChainName) -> Verdict<Option<ChainDraft>> {
        let found: Option<DraftRow> =
            chain_drafts::table.find(chain.as_str()).get_result(&mut tx.connection).optional()?;
        found.map(draft).transpose()
    }

    pub(crate) fn put_chain_draft(tx: &mut Tx, draft: &ChainDraft) -> Verdict<()> {
        let rest = (
            chain_drafts::base.eq(draft.base),
            chain_drafts::author.eq(&draft.author),
            chain_drafts::updated_at.eq(draft.updated_at.0),
            chain_drafts::body.eq(to_json(&draft.document)?),
        );
        diesel::insert_into(chain_drafts::table)
            .values((chain_drafts::chain.eq(draft.chain.as_str()), rest.clone()))
            .on_conflict(chain_drafts::chain)
            .do_update()
            .set(rest)
            .execute(&mut tx.connection)?;
        Ok(())
    }

    pub(crate) fn delete_chain_draft(tx: &mut Tx, chain: &ChainName) -> Verdict<bool> {
        Ok(diesel::delete(chain_drafts::table.find(chain.as_str())).execute(&mut tx.connection)? == 1)
    }

    pub(crate) fn users_lacking(tx: &mut Tx, questions: &[LackQuestion]) -> Verdict<Vec<LackCount>> {
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let (text, bound) = lack_query::<Connection>(questions);
        let query = bound.into_iter().fold(diesel::sql_query(text).into_boxed(), |query, value| query.bind::<Text, _>(value));
        let counted: Vec<Counted> = query.load(&mut tx.connection)?;
        let told = |Counted { lacking, concerned, looked_at }| LackCount {
            lacking,
            of: concerned,
            more: looked_at >= COUNTED_USERS,
        };
        Ok(counted.into_iter().map(told).collect())
    }
}
