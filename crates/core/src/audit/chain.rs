//! The chain: each sealed row has a number and a keyed hash over the hash before it, its number and its exact bytes.
//!
//! The key is not in the database, so nobody who edits the database can mend the chain: a changed byte, a missing row, one
//! put in and two exchanged are all found by walking it ([`verify`]). The end of the chain is kept beside it, tagged with
//! the same key, so that dropping the newest rows is found as well. It is written when the database is begun, before the first
//! row, and never again: a log without an end was cut. Each row also has a proof, made when it was appended, that this program
//! wrote it: who puts a row in before it is sealed has none.
//!
//! What no chain inside a database finds is the database, or only the end of the chain, put back to what it was an hour ago,
//! or a database begun anew. A sink outside does: it has seen higher numbers.
//!
//! One sealer at a time: the end is moved by a conditional update, and of several instances one wins.

use super::{AuditEvent, kinds};
use crate::{
    crypto::{Prf, same_secret},
    store::{Store, StoreError, StoreExt as _, StoreResult, Tx},
};

/// So many rows are sealed, or verified, at a time: a sealer must not hold up those who write.
const BATCH: usize = 250;

/// A link of the chain.
pub type Mac = [u8; 32];

/// The end of the chain: the number and the hash of the row sealed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its number; zero before the first.
    pub seq: i64,
    /// Its hash.
    pub mac: Mac,
}

impl Head {
    /// Before the first row.
    pub const BEGIN: Self = Self { seq: 0, mac: [0; 32] };

    /// How it is stored: `seq (8) || mac (32) || tag (32)`.
    pub fn to_bytes(self, prf: &Prf) -> Vec<u8> {
        [self.seq.to_be_bytes().as_slice(), &self.mac, &self.tag(prf)].concat()
    }

    /// Reads what [`Head::to_bytes`] wrote under the same key; none when it was changed.
    pub fn from_bytes(bytes: &[u8], prf: &Prf) -> Option<Self> {
        let (seq, rest) = bytes.split_first_chunk::<8>()?;
        let (mac, tag) = rest.split_first_chunk::<32>()?;
        let head = Self { seq: i64::from_be_bytes(*seq), mac: *mac };
        same_secret(&head.tag(prf), tag).then_some(head)
    }

    fn tag(self, prf: &Prf) -> Mac {
        prf.bytes("audit head", &[&self.seq.to_be_bytes(), &self.mac])
    }

    /// The end once `body` is sealed behind it.
    fn with(self, body: &str, prf: &Prf) -> Self {
        let seq = self.seq.saturating_add(1);
        Self { seq, mac: prf.bytes("audit link", &[&self.mac, &seq.to_be_bytes(), body.as_bytes()]) }
    }
}

/// Whether this program wrote a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It did.
    Right,
    /// It did not, or the row is of before there were proofs.
    Missing,
    /// It did not write it so.
    Wrong,
}

/// A row exactly as it is stored. Whoever edits a database can write anything into it, so nothing is read into types yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// The key.
    pub id: String,
    /// The time in its column.
    pub at: i64,
    /// The event's JSON.
    pub body: String,
    /// Whether we wrote it.
    pub proof: Proof,
    /// Its number, once it is sealed.
    pub seq: Option<i64>,
    /// Its hash, once it is sealed.
    pub mac: Option<Vec<u8>>,
    /// The columns that it is found by, once it is sealed.
    pub facets: Facets,
}

impl AuditRow {
    /// The event, if it is one.
    pub fn event(&self) -> Option<AuditEvent> {
        serde_json::from_str(&self.body).ok()
    }
}

/// What a row is found by, as its columns hold it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facets {
    /// Its kind.
    pub kind: Option<String>,
    /// The user that it concerns.
    pub user: Option<String>,
    /// The user who did it as an admin.
    pub actor: Option<String>,
    /// The service provider that it concerns.
    pub client: Option<String>,
    /// The request.
    pub request_id: Option<String>,
}

impl Facets {
    /// Those of an event.
    pub fn of(event: &AuditEvent) -> Self {
        Self {
            kind: Some(event.kind.clone()),
            user: event.user.map(|user| user.to_string()),
            actor: event.actor.as_ref().and_then(|actor| actor.user).map(|user| user.to_string()),
            client: event.client.clone(),
            request_id: event.request_id.clone(),
        }
    }
}

/// What sealing adds to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    /// Which row.
    pub id: String,
    /// Its number.
    pub seq: i64,
    /// Its hash.
    pub mac: Mac,
    /// What it is found by.
    pub facets: Facets,
}

/// Seals every row that is not sealed yet, in the order of time and id; how many this call sealed. It may be called by
/// several instances at once.
///
/// # Errors
/// [`StoreError::Damaged`] when the end of the chain was changed or removed: to go on from anywhere else would hide it.
pub async fn seal<S>(store: &S, prf: &Prf) -> StoreResult<usize>
where
    S: Store + ?Sized,
    S::Tx: Tx,
{
    let mut sealed = 0;
    loop {
        // Read apart from the write, so that on PostgreSQL no serializable transaction has read where others append.
        let read = |tx: &mut S::Tx| Ok((tx.audit_head()?, tx.unsealed_audit(BATCH)?));
        let (stored, rows) = store.read(read).await?;
        if rows.is_empty() {
            return Ok(sealed);
        }
        let stored = stored.ok_or_else(|| damaged("the end of the audit log is missing"))?;
        let head = Head::from_bytes(&stored, prf).ok_or_else(|| damaged("the end of the audit log was changed"))?;
        let more = rows.len() == BATCH;
        let (head, seals) = link(head, &rows, prf);
        let (count, after) = (seals.len(), head.to_bytes(prf));
        let won = store.write(move |tx| tx.seal_audit(&stored, &after, &seals)).await;
        match won {
            Ok(true) => sealed += count,
            // Another instance was faster, and has done our work.
            Ok(false) | Err(StoreError::Conflict(_)) => return Ok(sealed),
            Err(error) => return Err(error),
        }
        if !more {
            return Ok(sealed);
        }
    }
}

fn damaged(what: &str) -> StoreError {
    StoreError::Damaged(format!("{what}: see `vestibule audit verify`"))
}

fn link(mut head: Head, rows: &[AuditRow], prf: &Prf) -> (Head, Vec<Seal>) {
    let mut seals = Vec::with_capacity(rows.len());
    for row in rows {
        head = head.with(&row.body, prf);
        let event = row.event();
        if row.proof == Proof::Wrong || event.is_none() {
            tracing::error!(id = row.id, seq = head.seq, "a row of the audit log was not written by this program");
        } else if let Some(event) = event.as_ref().filter(|event| !kinds::is_known(&event.kind)) {
            tracing::debug!(kind = event.kind, "an audit event of a kind that is not listed");
        }
        let facets = event.as_ref().map(Facets::of).unwrap_or_default();
        seals.push(Seal { id: row.id.clone(), seq: head.seq, mac: head.mac, facets });
    }
    (head, seals)
}

/// A chain that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// How many rows it has.
    pub count: u64,
    /// Its end.
    pub head: Head,
}

/// The first thing that is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// What the row says, or its hash, is not what was sealed.
    #[error("event {seq} (id {id}) was changed: {what} is not what was sealed")]
    Changed {
        /// Its number.
        seq: i64,
        /// Its id as it stands there now.
        id: String,
        /// What of it.
        what: &'static str,
    },
    /// There is a gap.
    #[error("event {seq} is missing{}", .next.as_ref().map(|id| format!(": the next one there has the id {id}")).unwrap_or_default())]
    Missing {
        /// The number that is not there.
        seq: i64,
        /// The id of the row behind the gap; none at the end.
        next: Option<String>,
    },
    /// A row that was never sealed here.
    #[error("event {seq} (id {id}) was inserted: {why}")]
    Inserted {
        /// The number that it claims.
        seq: i64,
        /// Its id.
        id: String,
        /// How that is known.
        why: &'static str,
    },
    /// Another row was sealed at this number, and is elsewhere now.
    #[error("event {seq} (id {id}) is out of order: what was sealed as {seq} is now event {elsewhere} (id {other})")]
    Reordered {
        /// The number.
        seq: i64,
        /// The id of the row that stands there.
        id: String,
        /// The number under which the right row is found.
        elsewhere: i64,
        /// The id of the right row.
        other: String,
    },
    /// The end of the chain, kept beside it, is not one that this key made.
    #[error("the end of the log, kept beside it, was changed or removed")]
    Head,
}

/// Looks at the end of the chain, and no further: that the end is ours, that the last row is there and sealed behind the one
/// before it, and that nothing stands beyond. It costs the same however long the log is; what was done to older rows only
/// [`verify`] finds.
///
/// # Errors
/// When the database does not answer.
pub fn glance<T: Tx + ?Sized>(tx: &mut T, prf: &Prf) -> StoreResult<Result<Head, Finding>> {
    let Some(head) = tx.audit_head()?.and_then(|bytes| Head::from_bytes(&bytes, prf)) else {
        return Ok(Err(Finding::Head));
    };
    let rows = tx.audit_after(head.seq.saturating_sub(2), 3)?;
    let mut before = Head::BEGIN;
    for row in &rows {
        let (seq, id) = (row.seq.unwrap_or_default(), row.id.clone());
        if seq > head.seq {
            return Ok(Err(Finding::Inserted { seq, id, why: "it stands beyond the end of the log" }));
        }
        let mac = row.mac.as_deref().and_then(|mac| Mac::try_from(mac).ok());
        let sealed = before.seq.saturating_add(1) == seq && before.with(&row.body, prf) == head;
        if seq == head.seq && !sealed {
            return Ok(Err(Finding::Changed { seq, id, what: "what it says or its seal" }));
        }
        before = Head { seq, mac: mac.unwrap_or_default() };
    }
    if before == head { Ok(Ok(head)) } else { Ok(Err(Finding::Missing { seq: head.seq, next: None })) }
}

/// Walks the whole log; the first thing that is wrong with it, if anything is. Rows that are not sealed yet are no part of it:
/// [`seal`] first.
///
/// # Errors
/// When the database does not answer.
pub async fn verify<S>(store: &S, prf: &Prf) -> StoreResult<Result<Whole, Finding>>
where
    S: Store + ?Sized,
    S::Tx: Tx,
{
    let mut walk = Walk { prf, head: Head::BEGIN, count: 0, proven: false };
    let stored = store.read(|tx| tx.audit_head()).await?;
    let Some(goal) = stored.and_then(|bytes| Head::from_bytes(&bytes, prf)) else { return Ok(Err(Finding::Head)) };
    // From before the first number, so that nothing can hide below it.
    let mut after = i64::MIN;
    loop {
        let rows = store.read(move |tx| tx.audit_after(after, BATCH)).await?;
        for row in rows.iter().filter(|row| row.seq.is_none_or(|seq| seq <= goal.seq)) {
            if let Err(finding) = walk.step(row) {
                return placed(store, prf, &walk, row, finding).await.map(Err);
            }
        }
        match rows.last().and_then(|row| row.seq) {
            Some(seq) if seq < goal.seq && rows.len() == BATCH => after = seq,
            _ => break,
        }
    }
    if walk.head.seq < goal.seq {
        return Ok(Err(Finding::Missing { seq: walk.head.seq.saturating_add(1), next: None }));
    }
    if walk.head != goal {
        return Ok(Err(Finding::Head));
    }
    // What was sealed meanwhile is no finding; what stands beyond the end as it is in the same moment is.
    let (stored, last) = store.read(|tx| Ok((tx.audit_head()?, tx.last_sealed_audit()?))).await?;
    let end = stored.and_then(|bytes| Head::from_bytes(&bytes, prf));
    Ok(match (end, last) {
        (None, _) => Err(Finding::Head),
        (Some(end), Some((seq, id))) if seq > end.seq => {
            Err(Finding::Inserted { seq, id, why: "it stands beyond the end of the log" })
        }
        _ => Ok(Whole { count: walk.count, head: walk.head }),
    })
}

/// How far a walk has come.
struct Walk<'a> {
    prf: &'a Prf,
    head: Head,
    count: u64,
    /// Whether a row with a proof was met. Rows of before there were proofs come first; behind those each one has its own.
    proven: bool,
}

impl Walk<'_> {
    fn step(&mut self, row: &AuditRow) -> Result<(), Finding> {
        let next = self.head.with(&row.body, self.prf);
        let seq = row.seq.unwrap_or_default();
        let changed = |what| Err(Finding::Changed { seq, id: row.id.clone(), what });
        let inserted = |why| Err(Finding::Inserted { seq, id: row.id.clone(), why });
        if seq > next.seq {
            return Err(Finding::Missing { seq: next.seq, next: Some(row.id.clone()) });
        }
        if seq < next.seq {
            return inserted("its number was taken");
        }
        if !row.mac.as_deref().is_some_and(|mac| same_secret(mac, &next.mac)) {
            return changed("what it says or its seal");
        }
        let Some(event) = row.event() else { return inserted("it is no event") };
        if row.proof == Proof::Wrong || (row.proof == Proof::Missing && self.proven) {
            return inserted("it does not have the proof of an event that this program wrote");
        }
        if row.id != event.id.to_string() {
            return changed("its id");
        }
        if row.at != event.at.0 {
            return changed("its time");
        }
        if row.facets != Facets::of(&event) {
            return changed("a column that it is found by");
        }
        self.proven |= row.proof == Proof::Right;
        self.count = self.count.saturating_add(1);
        self.head = next;
        Ok(())
    }
}

/// Says more of a row that is not what was sealed: whether what belongs there stands elsewhere. That needs the whole log
/// once more, and is done once.
async fn placed<S>(store: &S, prf: &Prf, walk: &Walk<'_>, wrong: &AuditRow, finding: Finding) -> StoreResult<Finding>
where
    S: Store + ?Sized,
    S::Tx: Tx,
{
    let Finding::Changed { seq, what: "what it says or its seal", .. } = finding else { return Ok(finding) };
    let mut after = i64::MIN;
    loop {
        let rows = store.read(move |tx| tx.audit_after(after, BATCH)).await?;
        let Some(last) = rows.last().and_then(|row| row.seq) else { return Ok(finding) };
        let belongs = |row: &&AuditRow| {
            let mac = walk.head.with(&row.body, prf).mac;
            let sealed = |row: &AuditRow| row.mac.as_deref().is_some_and(|known| same_secret(known, &mac));
            row.id != wrong.id && (sealed(row) || sealed(wrong))
        };
        if let Some(row) = rows.iter().find(belongs) {
            let (id, other) = (wrong.id.clone(), row.id.clone());
            return Ok(Finding::Reordered { seq, id, elsewhere: row.seq.unwrap_or_default(), other });
        }
        after = last;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::MasterKey, random::SystemRandom};

    #[test]
    fn a_head_is_read_under_its_own_key_and_unchanged_only() {
        let random = SystemRandom::default();
        let (prf, other) = (MasterKey::generate(&random).prf(), MasterKey::generate(&random).prf());
        let head = Head::BEGIN.with("one", &prf).with("two", &prf);
        let bytes = head.to_bytes(&prf);
        assert_eq!(Head::from_bytes(&bytes, &prf), Some(head));
        assert_eq!(Head::from_bytes(&bytes, &other), None);
        assert_eq!(Head::from_bytes(&bytes[..71], &prf), None);
        for place in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[place] ^= 1;
            assert_eq!(Head::from_bytes(&changed, &prf), None, "byte {place}");
        }
        assert_eq!(head.seq, 2);
        assert_ne!(head.mac, Head::BEGIN.with("two", &prf).with("one", &prf).mac, "the order counts");
    }
}
