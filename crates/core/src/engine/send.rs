//! Sending: its budgets, and what became of it.
//!
//! A message is decided in a transaction (budgets counted, challenge stored) and leaves after it. It is rendered at the last
//! moment from its template and the derived code, so that nothing stored holds a code. A refused message costs nobody anything.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use secrecy::ExposeSecret as _;

use super::{
    Configuration, Engine, Parts, RequestContext,
    tries::{refund, spend_all},
};
use crate::{
    audit::AuditEvent,
    authenticator::Outgoing,
    budget::{Beyond, BudgetKey, Limited, Limits, Rule},
    channel::{Carried, Connection, Message, SendOutcome},
    crypto::Prf,
    id::{ConnectionName, UserId},
    interaction::Challenge,
    store::{Store, StoreExt as _, StoreResult, Tx},
    time::Time,
    user::LoginName,
};

/// Longer than a channel's own limit of ten seconds: the last resort against one that hangs.
pub(super) const LIMIT: Duration = Duration::from_secs(12);
/// So many budgets a destination has.
const NOBODYS: usize = 5;

/// The budgets that one send is counted in. What is asked for in the name of nobody has those of who asks alone.
#[derive(Clone)]
pub(super) struct Sends {
    /// Of who asks: a network, or a program. That they are used up tells nothing of an account.
    asker: Vec<(BudgetKey, Rule)>,
    /// Given back when the code is used: who signs in often is no abuser.
    destination: Vec<(BudgetKey, Rule)>,
    /// Not given back.
    other: Vec<(BudgetKey, Rule)>,
    /// Whether the person has proved who they are. If not, a used-up budget of the destination must not show.
    proven: bool,
    /// What is blocked while an alarm holds messages back from where this one goes. It is looked at and never counted in.
    stop: Option<BudgetKey>,
}

/// What came of counting a send.
pub(super) enum Counted {
    /// It may leave.
    Leaves,
    /// It may not, and the page shall not tell.
    Silent,
    /// It may not.
    Limited(Limited),
}

impl Sends {
    /// The budgets of a send of `outgoing` that `asker` asks for; `again` is the user who asked for it once more.
    pub(super) fn new(
        limits: &Limits,
        prf: &Prf,
        outgoing: Option<&Outgoing>,
        connection: Option<&Connection>,
        again: Option<UserId>,
        asker: Vec<(BudgetKey, Rule)>,
        proven: bool,
    ) -> Self {
        let own = |rule: Rule, setting: &str| allowed(connection, rule, setting);
        let mut sends = Self { asker, destination: Vec::new(), other: Vec::new(), proven, stop: None };
        if outgoing.is_none() && !proven {
            sends.other = (0..NOBODYS).map(|number| sends.nobodys(number, limits)).collect();
        }
        if let Some(outgoing) = outgoing {
            sends.destination = vec![
                (BudgetKey::sends_to(prf, &outgoing.to), limits.sends_to),
                (BudgetKey::cooldown(prf, &outgoing.to), cooldown(limits)),
                (
                    BudgetKey::sends_to_prefix(&outgoing.connection, &outgoing.to),
                    own(limits.sends_to_prefix, Connection::MESSAGES_TO_PREFIX),
                ),
            ];
            let a_day = own(limits.sends_by, Connection::MESSAGES_A_DAY);
            sends.other.push((BudgetKey::sends_by(&outgoing.connection), a_day));
            sends.other.push((BudgetKey::sends_daily(prf, &outgoing.to), limits.sends_daily));
            sends.other.extend(again.map(|user| (BudgetKey::sends_to_user(user), limits.sends_to_user)));
        }
        sends
    }

    /// The budgets of a message to `to` that a stranger asks for: of who asks as for any other, of the connection no more than half,
    /// of the destination narrower ones of their own. What strangers ask for must not use up what the owner of a number signs in
    /// with, or what people are warned by. Of how it begins nothing is given back: who pumps a range can read the codes, too.
    pub(super) fn to_stranger(
        limits: &Limits,
        prf: &Prf,
        (by, connection): (&ConnectionName, Option<&Connection>),
        to: &str,
        asker: Vec<(BudgetKey, Rule)>,
    ) -> Self {
        let half = |rule: Rule| Rule { limit: rule.limit.div_ceil(2), ..rule };
        // They type it: one mailbox has one budget, however it is spelt.
        let to = &*to.to_lowercase();
        let prefix = allowed(connection, limits.sends_to_prefix, Connection::MESSAGES_TO_PREFIX);
        let a_day = allowed(connection, limits.sends_by, Connection::MESSAGES_A_DAY);
        Self {
            asker,
            destination: vec![
                (BudgetKey::sends_to(prf, to).of_strangers(), half(limits.sends_to)),
                (BudgetKey::cooldown(prf, to).of_strangers(), cooldown(limits)),
            ],
            other: vec![
                (BudgetKey::sends_by(by), a_day),
                (BudgetKey::sends_by(by).of_strangers(), half(a_day)),
                (BudgetKey::sends_to_prefix(by, to).of_strangers(), prefix),
                (BudgetKey::sends_daily(prf, to).of_strangers(), half(limits.sends_daily)),
            ],
            proven: false,
            stop: None,
        }
    }

    pub(super) fn count(&self, tx: &mut (impl Tx + ?Sized), now: Time) -> StoreResult<Counted> {
        let all: Vec<_> = self.destination.iter().chain(&self.other).chain(&self.asker).collect();
        let stopped = self.stopped(tx, now)?;
        let spent = match stopped {
            Some(limited) => Err(limited),
            None => spend_all(tx, &all, now)?,
        };
        Ok(match spent {
            Ok(()) if self.destination.is_empty() => Counted::Silent,
            Ok(()) => Counted::Leaves,
            Err(limited) if self.proven => Counted::Limited(limited),
            Err(_) => match spend_all(tx, &self.asker.iter().collect::<Vec<_>>(), now)? {
                Ok(()) => Counted::Silent,
                Err(limited) => Counted::Limited(limited),
            },
        })
    }

    /// The same, counted for the user too until the code is used: for what no login of theirs asks for.
    pub(super) fn and_user(mut self, user: Option<UserId>, limits: &Limits) -> Self {
        if !self.destination.is_empty() {
            self.destination.extend(user.map(|user| (BudgetKey::sends_to_user(user), limits.sends_to_user)));
        } else if !self.proven {
            self.other.push(self.nobodys(NOBODYS, limits));
        }
        self
    }

    /// What is counted in the place of a budget of a destination where there is none: as much is written for nobody as for somebody,
    /// or the time would tell. It is kept for who asks, so there are few of them, and it never ends.
    fn nobodys(&self, number: usize, limits: &Limits) -> (BudgetKey, Rule) {
        let asker = self.asker.first().map_or("", |(key, _)| key.0.as_str());
        (BudgetKey(format!("nobody/{number}/{asker}")), Rule { limit: u32::MAX, ..limits.sends_from })
    }

    /// Whether nothing goes there. Until when is not said: it is long, and another way is better than to wait.
    fn stopped(&self, tx: &mut (impl Tx + ?Sized), now: Time) -> StoreResult<Option<Limited>> {
        let Some(stop) = &self.stop else { return Ok(None) };
        Ok((now < tx.budget(stop)?.blocked_until).then_some(Limited { retry_at: None }))
    }

    /// Holds back what goes to an area from which an alarm was raised.
    pub(super) fn heeding(mut self, stop: Option<BudgetKey>) -> Self {
        self.stop = stop;
        self
    }

    /// Nothing was sent, so it costs the person and the number nothing. The count of who asked stays: a number that the
    /// gateway refuses must not make it be asked without end.
    pub(super) fn refused(&self, tx: &mut (impl Tx + ?Sized)) -> StoreResult<()> {
        self.destination.iter().chain(&self.other).try_for_each(|entry| refund(tx, entry))
    }

    pub(super) fn used(&self, tx: &mut (impl Tx + ?Sized)) -> StoreResult<()> {
        self.destination.iter().chain(&self.asker).try_for_each(|entry| refund(tx, entry))
    }
}

/// A rule with the limit that the connection has for it.
fn allowed(connection: Option<&Connection>, rule: Rule, setting: &str) -> Rule {
    let limit = connection.and_then(|connection| connection.allowance(setting)).unwrap_or(rule.limit);
    Rule { limit, ..rule }
}

/// One message, then a wait.
fn cooldown(limits: &Limits) -> Rule {
    Rule { limit: 1, window: limits.cooldown, beyond: Beyond::WaitForWindow }
}

/// A send that was decided and has not left yet.
pub(super) struct Departure {
    pub(super) challenge: Challenge,
    pub(super) outgoing: Outgoing,
    pub(super) sends: Sends,
    pub(super) event: AuditEvent,
}

impl<S: Store + ?Sized> Engine<S> {
    /// Lets a message leave. To somebody who has proved something the outcome is worth waiting for; to anybody else waiting
    /// would tell by its time that the account exists.
    pub(super) async fn depart(&self, departure: Departure, wait: bool) {
        let store = Arc::clone(&self.store);
        let parts = Arc::clone(&self.parts);
        let configuration = self.configuration();
        // Spawned either way: a browser that goes away does not stop the outcome from being recorded.
        let sending = tokio::spawn(deliver(store, parts, configuration, departure));
        if wait && let Err(error) = sending.await {
            tracing::error!(%error, "a send ended without an outcome");
        }
    }

    pub(super) fn send_event(
        &self,
        kind: &str,
        challenge: &Challenge,
        outgoing: &Outgoing,
        cx: &RequestContext,
    ) -> AuditEvent {
        let mut event = self.event(kind, cx, challenge.sent_at.unwrap_or(challenge.created_at));
        let issue = challenge.code.as_ref().map_or(0, |code| code.issue);
        event.details =
            BTreeMap::from([("to".to_owned(), outgoing.masked.clone()), ("issue".to_owned(), issue.to_string())]);
        event.details.extend(self.way_of(outgoing, None));
        event
    }

    /// By which way a message goes, for whoever counts: the connection, who of it carried the message, and the area.
    pub(super) fn way_of(&self, outgoing: &Outgoing, by: Option<&ConnectionName>) -> BTreeMap<String, String> {
        way_of(&self.configuration(), outgoing, by)
    }

    /// What is blocked while messages are held back from where this one goes; `None` by a connection whose alarms hold back
    /// nothing.
    pub(super) fn stop_of(&self, outgoing: Option<&Outgoing>, connection: Option<&Connection>) -> Option<BudgetKey> {
        let (outgoing, connection) = outgoing.zip(connection)?;
        let area = self.configuration().channels.get(&connection.name)?.area(&outgoing.to)?;
        connection.alarm_stops().then(|| BudgetKey::stopped(&connection.name, &area))
    }
}

/// See [`Engine::way_of`].
pub(super) fn way_of(
    configuration: &Configuration,
    outgoing: &Outgoing,
    by: Option<&ConnectionName>,
) -> BTreeMap<String, String> {
    let mut way = BTreeMap::from([("connection".to_owned(), outgoing.connection.to_string())]);
    way.extend(by.map(|by| ("gateway".to_owned(), by.to_string())));
    let area = configuration.channels.get(&outgoing.connection).and_then(|channel| channel.area(&outgoing.to));
    way.extend(area.map(|area| ("prefix".to_owned(), area)));
    way
}

async fn deliver<S: Store + ?Sized>(
    store: Arc<S>,
    parts: Arc<Parts>,
    configuration: Arc<Configuration>,
    departure: Departure,
) {
    let Departure { challenge, mut outgoing, sends, mut event } = departure;
    if let Some(other) = outgoing.taken.take()
        && taken(&*store, &outgoing.to, event.user).await
    {
        outgoing.template = other;
    }
    let alone = |outcome| Carried { outcome, by: None, passed_over: Vec::new() };
    let carried = match configuration.channels.get(&outgoing.connection) {
        None => alone(SendOutcome::Refused { why: "the connection is missing, disabled or misconfigured".to_owned() }),
        Some(channel) => {
            let message = render(&challenge, &outgoing, &parts);
            let lost = |_| alone(SendOutcome::Unknown { why: "no outcome in time".to_owned() });
            tokio::time::timeout(LIMIT, channel.carry(&message)).await.unwrap_or_else(lost)
        }
    };
    describe(&mut event, &carried);
    let Carried { outcome, by, .. } = carried;
    let Some(sent_at) = challenge.sent_at else { return };
    let record = move |tx: &mut S::Tx| {
        tx.record_send(challenge.id, sent_at, &outcome, by.as_ref())?;
        if matches!(outcome, SendOutcome::Refused { .. }) {
            sends.refused(tx)?;
        }
        tx.append_audit(&event)
    };
    if let Err(error) = store.write(record).await {
        tracing::error!(%error, "the outcome of a send could not be recorded");
    }
}

/// Whether somebody else signs in with `to`. Who cannot be asked is told what opens nothing.
async fn taken<S: Store + ?Sized>(store: &S, to: &str, user: Option<UserId>) -> bool {
    let Some(name) = LoginName::parse(to) else { return false };
    match store.read(move |tx: &mut S::Tx| tx.user_by_login(&name)).await {
        Ok(owner) => owner.is_some_and(|owner| Some(owner.id) != user),
        Err(error) => {
            tracing::error!(%error, "whose an address is could not be looked up");
            true
        }
    }
}

pub(super) fn describe(event: &mut AuditEvent, carried: &Carried) {
    let (word, more) = match &carried.outcome {
        SendOutcome::Accepted { reference } => ("accepted", reference.as_ref()),
        SendOutcome::Refused { why } => ("refused", Some(why)),
        SendOutcome::Unknown { why } => ("unknown", Some(why)),
    };
    event.details.insert("outcome".to_owned(), word.to_owned());
    event.details.extend(more.map(|more| ("answer".to_owned(), more.clone())));
    event.details.extend(carried.by.as_ref().map(|by| ("gateway".to_owned(), by.to_string())));
    if !carried.passed_over.is_empty() {
        event.details.insert("passed_over".to_owned(), carried.passed_over.join("; "));
    }
}

fn render(challenge: &Challenge, outgoing: &Outgoing, parts: &Parts) -> Message {
    let code = challenge.code.as_ref().map(|code| code.reveal(&parts.prf, challenge.interaction, challenge.step));
    let code = code.unwrap_or_default();
    let life = challenge.code.as_ref().map_or(0, |code| code.spec.life.0);
    // The code goes in last, so that no other value can smuggle a second placeholder for it.
    let plain = |template: &str| {
        template
            .replace("{{minutes}}", &life.div_ceil(60).to_string())
            .replace("{{host}}", &outgoing.host)
            .replace("{{client}}", &outgoing.client.replace(['{', '}'], ""))
    };
    let link = format!("{}/{}?code={}", parts.interactions, challenge.interaction, code.expose_secret());
    let body = plain(&outgoing.template).replace("{{link}}", &link).replace("{{code}}", code.expose_secret());
    let subject = outgoing.subject.as_deref().map(plain);
    Message { to: outgoing.to.clone(), subject, body: body.into(), code }
}
