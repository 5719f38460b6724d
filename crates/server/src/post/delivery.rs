//! Delivering: what is due leaves, a round every second.
//!
//! A message is taken in the transaction that counts it against what its connection may send in a day, and only then sent. Who
//! takes it has it due again later, so a message that nobody finished with is tried again: it may arrive twice, and is not
//! lost. What a gateway refuses is thrown away; where nobody knows, or there is no gateway, it is tried again with waits that
//! double, until it is worth nothing any more. Each ending is in the audit log, with a masked address.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use tokio::{sync::Mutex, time::timeout};
use vestibule_authn_emailotp::Mail;
use vestibule_core::{
    audit::AuditEvent,
    budget::{BudgetKey, Rule},
    channel::{Carried, Connection, SendOutcome},
    outbox::Posted,
    store::{StoreExt as _, StoreResult},
    time::Time,
};

use super::Way;
use crate::state::{State, Transaction};

/// How often it is looked for what is due.
const ROUND: Duration = Duration::from_secs(1);
/// So many are looked at in a round.
const BATCH: usize = 64;
/// So many are on their way at once: a gateway that hangs holds up the others of its round, and no more.
const AT_ONCE: usize = 16;
/// Longer than a channel's own limit of ten seconds: the last resort against one that hangs. Shorter than a message's first wait.
const LIMIT: Duration = Duration::from_secs(12);

/// The round that is under way.
#[derive(Debug, Default)]
pub struct Round(Mutex<()>);

/// What became of taking a message.
enum Taken {
    /// It is ours to send.
    Ours,
    /// Another instance has it, or it is gone.
    Others,
    /// It was worth nothing any more, and is thrown away.
    TooOld,
    /// Its connection has sent what it may in a day. It waits.
    Spent,
}

/// Delivers as long as the server runs.
pub async fn keep_delivered(state: Arc<State>) {
    while !state.readiness.draining() {
        tokio::time::sleep(ROUND).await;
        if let Err(error) = deliver(&state).await {
            tracing::warn!(%error, "messages could not be taken out of the outbox; it is tried again");
        }
    }
}

/// At a stop: waits until what is on its way has arrived, or not.
pub async fn close(state: &State) {
    drop(timeout(LIMIT, state.round.0.lock()).await);
}

/// Delivers what is due; how many this call sent.
///
/// # Errors
/// When the store fails.
pub async fn deliver(state: &State) -> StoreResult<usize> {
    let _round = state.round.0.lock().await;
    let now = state.clock.now();
    let due = state.store.read(move |tx: &mut Transaction| tx.due_posts(now, BATCH)).await?;
    let sent: Vec<StoreResult<bool>> =
        stream::iter(due).map(|posted| one(state, posted)).buffer_unordered(AT_ONCE).collect().await;
    sent.into_iter().try_fold(0, |all, sent| Ok(all + usize::from(sent?)))
}

async fn one(state: &State, posted: Posted) -> StoreResult<bool> {
    let configuration = state.engine.configuration();
    let connection = configuration.connections.iter().find(|known| known.name == posted.connection);
    let a_day = allowance(state, connection);
    match take(state, &posted, a_day).await? {
        Taken::Ours => {}
        Taken::TooOld | Taken::Others => return Ok(false),
        Taken::Spent => {
            tracing::warn!(connection = %posted.connection, kind = posted.kind, "a message waits: its connection may send no more today");
            return Ok(false);
        }
    }
    let way = way(&posted, connection);
    let carried = match configuration.channels.get(&posted.connection) {
        None => alone(SendOutcome::Unknown { why: "the connection is missing, disabled or misconfigured".to_owned() }),
        Some(channel) => {
            let lost = |_| alone(SendOutcome::Unknown { why: "no outcome in time".to_owned() });
            timeout(LIMIT, channel.carry(&posted.message)).await.unwrap_or_else(lost)
        }
    };
    settle(state, &posted, &way, carried, a_day).await?;
    Ok(true)
}

fn alone(outcome: SendOutcome) -> Carried {
    Carried { outcome, by: None, passed_over: Vec::new() }
}

/// What the connection may send in a day.
fn allowance(state: &State, connection: Option<&Connection>) -> Rule {
    let rule = state.limits.sends_by;
    let own = connection.and_then(|connection| connection.allowance(Connection::MESSAGES_A_DAY));
    Rule { limit: own.unwrap_or(rule.limit), ..rule }
}

fn way(posted: &Posted, connection: Option<&Connection>) -> Way {
    let to = posted.message.to.clone();
    let mail = connection.map_or(posted.message.subject.is_some(), |connection| connection.kind == Mail::KIND);
    if mail { Way::Mail(to) } else { Way::Phone(to) }
}

/// Takes a message, or throws it away.
async fn take(state: &State, posted: &Posted, a_day: Rule) -> StoreResult<Taken> {
    let (now, id, due_at, again_at) = (state.clock.now(), posted.id, posted.due_at, posted.again_at(state.clock.now()));
    let budget = BudgetKey::sends_by(&posted.connection);
    let old = now >= posted.expires_at;
    let failed = event(state, "message.failed", posted, &way(posted, None), now);
    let work = move |tx: &mut Transaction| {
        if !tx.claim_post(id, due_at, again_at)? {
            return Ok(Taken::Others);
        }
        if old {
            tx.drop_post(id)?;
            tx.append_audit(&failed)?;
            return Ok(Taken::TooOld);
        }
        match tx.budget(&budget)?.spend(&a_day, now) {
            Ok(spent) => tx.put_budget(&budget, spent, spent.forgotten_at(&a_day)).map(|()| Taken::Ours),
            Err(_) => Ok(Taken::Spent),
        }
    };
    state.store.write(work).await
}

/// Writes down how it went.
async fn settle(state: &State, posted: &Posted, way: &Way, carried: Carried, a_day: Rule) -> StoreResult<()> {
    let (now, id, budget) = (state.clock.now(), posted.id, BudgetKey::sends_by(&posted.connection));
    let last = posted.again_at(now) >= posted.expires_at;
    let Carried { outcome, by, passed_over } = carried;
    let more = match &outcome {
        SendOutcome::Accepted { reference } => reference.clone().map(|known| ("reference", known)),
        SendOutcome::Unknown { why } if !last => {
            tracing::warn!(connection = %posted.connection, kind = posted.kind, why, "a message may not have left; it is tried again");
            return Ok(());
        }
        SendOutcome::Refused { why } | SendOutcome::Unknown { why } => Some(("why", why.clone())),
    };
    let mut event = event(state, kind_of_end(&outcome), posted, way, now);
    let passed = (!passed_over.is_empty()).then(|| ("passed_over", passed_over.join("; ")));
    let by = by.map(|name| ("by", name.to_string()));
    event.details.extend([more, passed, by].into_iter().flatten().map(|(name, value)| (name.to_owned(), value)));
    let refused = matches!(outcome, SendOutcome::Refused { .. });
    let work = move |tx: &mut Transaction| {
        // Nothing was sent, so the connection has not spent anything.
        let spent = tx.budget(&budget)?;
        if refused && spent.count > 0 {
            let spent = spent.refund();
            tx.put_budget(&budget, spent, spent.forgotten_at(&a_day))?;
        }
        tx.drop_post(id)?;
        tx.append_audit(&event)
    };
    state.store.write(work).await
}

/// How it is called what a message came to.
fn kind_of_end(outcome: &SendOutcome) -> &'static str {
    match outcome {
        SendOutcome::Accepted { .. } => "message.sent",
        SendOutcome::Refused { .. } => "message.refused",
        SendOutcome::Unknown { .. } => "message.failed",
    }
}

fn event(state: &State, kind: &str, posted: &Posted, way: &Way, now: Time) -> AuditEvent {
    let details = [
        ("kind", posted.kind.clone()),
        ("connection", posted.connection.to_string()),
        ("to", way.masked()),
        ("tries", (posted.tries + 1).to_string()),
    ];
    AuditEvent {
        user: posted.user,
        details: BTreeMap::from(details.map(|(name, value)| (name.to_owned(), value))),
        ..AuditEvent::new(kind, now, &*state.random)
    }
}
