//! The alarm about codes that are never used. Whoever is paid for messages has an interest in ours (pumping: bots ask for codes to
//! numbers of theirs, and type none). Budgets make that slow; this says that it happens, and may end it.
//!
//! It follows the sealed log like the counting does, but ten minutes behind, so that everybody had the time to type: of messages
//! that old, a code that was not used will not be. They are counted by hour and by day, and held against the codes that were used
//! since the hour or the day began. Once a day for each connection and area an event is written, in the transaction that moves the
//! mark, so it is one however many instances there are. What would be late is left for the next look: while the log waits to be
//! sealed or counted nobody knows what was used, and a false alarm would keep people out.
//!
//! To decide in the transaction of a send was not taken: it would be work for every login, and it knows nothing of the time to type.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use vestibule_authn_smsotp::Alarm;
use vestibule_core::{
    audit::{
        AuditEvent,
        chain::{AuditRow, Proof},
    },
    budget::{Budget, BudgetKey},
    channel::Connection,
    id::ConnectionName,
    store::{StoreError, StoreExt as _, StoreResult},
    tally::{Span, Tally},
    time::{Time, Timestamp},
};

use super::{
    Counted, latest,
    messages::{ALARM, OTHER, RIPE, SENT, STOPPED, USED, Way, fates},
};
use crate::state::{State, Transaction};

/// How often is looked.
const LOOK: Duration = Duration::from_secs(30);
/// So long somebody may take to type a code, and then some.
pub const RIPENS: Duration = Duration::from_secs(10 * 60);
/// A log that is further behind than this tells too little.
const BEHIND: Duration = Duration::from_secs(60);
/// What happened before this is counted, and is no alarm any more.
const OLD: Duration = Duration::from_secs(24 * 3600);
/// So long an alarm holds messages back.
pub const STOPS: Duration = Duration::from_secs(24 * 3600);
/// So many events at a time.
const BATCH: usize = 500;
/// How far is looked, beside the marks of the sinks.
const MARK: &str = "alarm";

/// Looks as long as the server runs.
pub async fn keep_watched(state: Arc<State>) {
    loop {
        tokio::time::sleep(LOOK).await;
        if let Err(error) = watch(&state).await {
            tracing::warn!(%error, "the use of codes could not be looked at; it is tried again");
        }
        if let Err(error) = latest::look(&state).await {
            tracing::warn!(%error, "the figures of messages are older than they look");
        }
    }
}

/// What is looked at in one go, all of it as it was at one moment.
struct Seen {
    mark: Option<i64>,
    rows: Vec<AuditRow>,
    /// By span: what was counted since the oldest of these began.
    tallies: Vec<Tally>,
    /// How far the log is counted.
    counted: i64,
}

/// An alarm about to be raised.
struct Raised {
    way: Way,
    alarm: Alarm,
    span: Span,
    sent: u64,
    used: u64,
}

/// Looks at what ripened since the last time; how many alarms this call raised.
///
/// # Errors
/// When the store fails: then it is looked at again.
pub async fn watch(state: &State) -> StoreResult<usize> {
    let mut raised = 0;
    while let Some((number, more)) = some(state).await? {
        raised += number;
        if !more {
            break;
        }
    }
    Ok(raised)
}

/// Looks at the next events: how many alarms they raised, and whether there may be more; nothing when there is nothing to look at.
async fn some(state: &State) -> StoreResult<Option<(usize, bool)>> {
    let now = state.clock.now();
    let seen = state.store.read(move |tx: &mut Transaction| see(tx, now)).await?;
    let Some(Seen { mark, rows, tallies, counted }) = seen else { return Ok(None) };
    let (more, last) = (rows.len() == BATCH, rows.last().and_then(|row| row.seq));
    // Whoever looks for the first time begins where the counting is.
    let Some(to) = last.or_else(|| mark.is_none().then_some(counted)) else { return Ok(None) };
    let configuration = state.engine.configuration();
    let ripened = ripened(&rows);
    let raised = judged(&ripened, &tallies, &configuration.connections, now);
    let mut all = Counted::default();
    for ((at, way), number) in &ripened {
        all.add(*at, RIPE, &way.text(), *number);
    }
    let events: Vec<_> = raised.iter().map(|raised| told(raised, state, now)).collect();
    for Raised { way, alarm, .. } in &raised {
        all.add(now, ALARM, &way.text(), 1);
        if stops(way, *alarm) {
            all.add(now, STOPPED, &way.text(), 1);
        }
    }
    let keys: Vec<BudgetKey> = raised.iter().filter(|raised| stops(&raised.way, raised.alarm)).map(key).collect();
    let (tallies, number) = (all.tallies(), raised.len());
    let write = move |tx: &mut Transaction| {
        if !tx.move_audit_mark(MARK, mark, to)? {
            return Ok(false);
        }
        tx.add_tallies(&tallies)?;
        let until = now + STOPS;
        for key in &keys {
            tx.put_budget(key, Budget { count: 1, since: now, blocked_until: until }, until)?;
        }
        events.iter().try_for_each(|event| tx.append_audit(event)).map(|()| true)
    };
    match state.store.write(write).await {
        Ok(true) => {
            for raised in &raised {
                tracing::warn!(connection = raised.way.connection, prefix = raised.way.area, "hardly any code is used");
            }
            Ok(Some((number, more)))
        }
        // Another instance was faster.
        Ok(false) | Err(StoreError::Conflict(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads what is ripe; nothing while the log is not sealed and counted to its end.
fn see(tx: &mut Transaction, now: Time) -> StoreResult<Option<Seen>> {
    let late = |at: i64| Time(at) + BEHIND < now;
    let counted = tx.tally_mark()?;
    let waits = [tx.unsealed_audit(1)?, tx.audit_after(counted, 1)?];
    if waits.iter().flatten().any(|row| late(row.at)) {
        return Ok(None);
    }
    let mark = tx.audit_mark(MARK)?;
    let mut rows = match mark {
        Some(mark) => tx.audit_after(mark, BATCH)?,
        None => Vec::new(),
    };
    let ripe = rows.iter().take_while(|row| Time(row.at) + RIPENS <= now).count();
    rows.truncate(ripe);
    let mut tallies = Vec::new();
    if let Some(first) = rows.iter().map(|row| Time(row.at)).min() {
        for span in Span::ALL {
            tallies.extend(tx.tallies_since(span, span.of(first), &[RIPE, USED])?);
        }
        tallies.extend(tx.tallies_since(Span::Day, Span::Day.of(now), &[ALARM])?);
    }
    Ok(Some(Seen { mark, rows, tallies, counted }))
}

/// The messages among events, by when and where they went.
fn ripened(rows: &[AuditRow]) -> BTreeMap<(Time, Way), i64> {
    let mut ripened = BTreeMap::new();
    for event in rows.iter().filter(|row| row.proof != Proof::Wrong).filter_map(AuditRow::event) {
        let outcome = event.details.get("outcome").map(String::as_str);
        if let Some(way) = Way::of(&event.details).filter(|way| !way.area.is_empty())
            && fates(&event.kind, outcome).contains(&SENT)
        {
            *ripened.entry((Span::Hour.of(event.at), way.by_any())).or_default() += 1;
        }
    }
    ripened
}

/// The alarms that these messages raise, the first of each connection and area.
fn judged(
    ripened: &BTreeMap<(Time, Way), i64>,
    tallies: &[Tally],
    connections: &[Connection],
    now: Time,
) -> Vec<Raised> {
    let mut raised: Vec<Raised> = Vec::new();
    for (at, way) in ripened.keys().filter(|(at, _)| *at + OLD > now) {
        let told = raised.iter().any(|raised| raised.way == *way)
            || tallies.iter().any(|tally| tally.what == ALARM && tally.about == way.text());
        let connection = connections.iter().find(|known| known.name.as_str() == way.connection);
        // A connection that cannot be read sends nothing.
        let alarm = connection.and_then(|connection| Alarm::of(&connection.settings).ok());
        let Some(alarm) = alarm.filter(|_| !told) else { continue };
        for span in Span::ALL {
            let begin = span.of(*at);
            let new = ripened.iter().filter(|((at, other), _)| span.of(*at) == begin && other == way);
            let old = tallies.iter().filter(|tally| {
                tally.what == RIPE && tally.span == span && tally.at == begin && tally.about == way.text()
            });
            let sent = new.map(|(_, number)| *number).chain(old.map(|tally| tally.number)).sum::<i64>();
            // Who was sent a code at the end of an hour types it in the next.
            let used = tallies.iter().filter(|tally| {
                let by = || Way::parse(&tally.about).is_some_and(|used| used.by_any() == *way);
                tally.what == USED && tally.span == span && tally.at >= begin && by()
            });
            let used = used.map(|tally| tally.number).sum::<i64>();
            let (sent, used) = (sent.unsigned_abs(), used.unsigned_abs());
            if alarm.raised(sent, used) {
                raised.push(Raised { way: way.clone(), alarm, span, sent, used });
                break;
            }
        }
    }
    raised
}

/// Whether an alarm holds messages back. Where nobody knows, none can be held back but all.
fn stops(way: &Way, alarm: Alarm) -> bool {
    alarm.stops && way.area != OTHER
}

fn key(raised: &Raised) -> BudgetKey {
    BudgetKey::stopped(&ConnectionName::from(raised.way.connection.as_str()), &raised.way.area)
}

fn told(raised: &Raised, state: &State, now: Time) -> AuditEvent {
    let Raised { way, alarm, span, sent, used } = raised;
    let mut event = AuditEvent::new("otp.alarm", now, &*state.random);
    let within = if *span == Span::Hour { "hour" } else { "day" };
    let mut details = BTreeMap::from([
        ("connection".to_owned(), way.connection.clone()),
        ("prefix".to_owned(), way.area.clone()),
        ("sent".to_owned(), sent.to_string()),
        ("used".to_owned(), used.to_string()),
        ("within".to_owned(), within.to_owned()),
    ]);
    if stops(way, *alarm) {
        details.insert("stopped_until".to_owned(), Timestamp(now + STOPS).to_string());
    }
    event.details = details;
    event
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Time = Time::from_unix_seconds(1_795_442_400);

    fn way(area: &str) -> Way {
        Way { connection: "SMS".to_owned(), gateway: String::new(), area: area.to_owned() }
    }

    fn connection(settings: &serde_json::Value) -> Vec<Connection> {
        vec![serde_json::from_value(json!({ "name": "SMS", "kind": "sms", "settings": settings })).unwrap()]
    }

    fn tally(span: Span, at: Time, what: &str, about: &Way, number: i64) -> Tally {
        Tally { span, at: span.of(at), what: what.to_owned(), about: about.text(), number }
    }

    /// Whether so many of now, with what was counted, raise an alarm.
    fn raises(number: i64, tallies: &[Tally], settings: &serde_json::Value) -> bool {
        let ripened = BTreeMap::from([((Span::Hour.of(NOW), way("+1 JM")), number)]);
        !judged(&ripened, tallies, &connection(settings), NOW).is_empty()
    }

    #[test]
    fn few_messages_are_no_alarm_and_many_that_nobody_used_are() {
        assert!(!raises(49, &[], &json!({})));
        assert!(raises(50, &[], &json!({})));
        assert!(!raises(50, &[], &json!({ "alarm_messages": 51 })));
        assert!(!raises(50, &[], &json!({ "alarm_used_percent": 0 })));
        let before = [tally(Span::Hour, NOW, RIPE, &way("+1 JM"), 30)];
        assert!(raises(20, &before, &json!({})), "with those of this hour that were looked at before");
        assert!(!raises(20, &[tally(Span::Hour, NOW, RIPE, &way("+1 US"), 30)], &json!({})), "another country");
    }

    #[test]
    fn what_was_used_in_the_next_hour_was_used() {
        let by = Way { gateway: "LOCAL".to_owned(), ..way("+1 JM") };
        let later = NOW + Duration::from_secs(3600);
        for (at, area_is_ours) in [(NOW, true), (later, true), (NOW, false)] {
            let by = if area_is_ours { by.clone() } else { Way { area: "+1 US".to_owned(), ..by.clone() } };
            let used = Span::ALL.map(|span| tally(span, at, USED, &by, 10));
            assert_eq!(raises(50, &used, &json!({})), !area_is_ours, "{at:?}");
        }
        let earlier = Time::from_unix_seconds(NOW.unix_seconds() - 3600);
        let used = [tally(Span::Hour, earlier, USED, &by, 10)];
        assert!(raises(50, &used, &json!({})), "what was used before is of other messages");
    }

    #[test]
    fn it_is_raised_once_a_day_and_not_for_what_is_over() {
        let told = [tally(Span::Day, NOW, ALARM, &way("+1 JM"), 1)];
        assert!(!raises(500, &told, &json!({})));
        let old = BTreeMap::from([((Time::from_unix_seconds(NOW.unix_seconds() - 90_000), way("+1 JM")), 500)]);
        assert!(judged(&old, &[], &connection(&json!({})), NOW).is_empty());
        let gone = BTreeMap::from([((Span::Hour.of(NOW), way("+1 JM")), 500)]);
        assert!(judged(&gone, &[], &[], NOW).is_empty(), "a connection that there is no more");
    }
}
