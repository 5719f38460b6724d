//! What became of messages, how many of their codes were used and what they cost: by gateway, by country, by hour or day. It is
//! read from the [`tally`](crate::tally), so it costs no login anything and is a moment behind. Costs are of the prices as they
//! are now, in their own currency each: nothing is converted, and what has no price is named and not guessed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vestibule_authn_smsotp::{SmsOtp, Tariff, is_area};
use vestibule_core::{
    budget::BudgetKey,
    channel::Connection,
    id::ConnectionName,
    store::StoreExt as _,
    tally::{Span, Tally},
    time::{Time, Timestamp},
};

use super::{
    Actor, AdminError, FieldFault, Permission,
    audit::export::record,
    overview::Window,
    record::Change,
    transact::{self, Work},
};
use crate::{
    state::{State, Transaction},
    tally::{
        alarm,
        messages::{ALARM, DELIVERED, FATES, LIFTED, REFUSED, SENT, STOPPED, UNDELIVERED, UNKNOWN, USED, Way},
    },
};

/// How many parts of a currency are counted.
const MILLION: i64 = 1_000_000;

/// What became of messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct MessageFigures {
    /// How far back.
    pub window: Window,
    /// All of them.
    pub total: Figures,
    /// By who carried them, the most first.
    pub by_gateway: Vec<GatewayFigures>,
    /// By the country of the number, the most first.
    pub by_prefix: Vec<PrefixFigures>,
    /// By the hour, or by the day of what is longer than a day, the oldest first.
    pub by_time: Vec<TimeFigures>,
    /// What goes today by each connection, and how much may.
    pub today: Vec<Today>,
    /// The alarms of the last 24 hours, the newest first.
    pub alarms: Vec<Raised>,
}

/// What became of some messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct Figures {
    /// Taken by a gateway, or nobody knows; each time a code was sent again is one more.
    pub sent: u64,
    /// Of these: nobody knows.
    pub unknown: u64,
    /// The gateway said later that they arrived.
    pub delivered: u64,
    /// The gateway said later that they did not.
    pub undelivered: u64,
    /// Their code was right, and used.
    pub used: u64,
    /// Refused by the gateway: nothing was sent.
    pub refused: u64,
    /// Which part of those that were sent was used; nothing, where none was sent.
    pub conversion: Option<f64>,
    /// What those that were sent cost, in each currency.
    pub cost: Vec<Cost>,
    /// How many were sent for which there is no price.
    pub unpriced: u64,
}

/// An amount of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Cost {
    /// In which currency.
    pub currency: String,
    /// How much, in decimals.
    pub amount: String,
}

/// By a gateway.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct GatewayFigures {
    /// The connection that chains name.
    pub connection: String,
    /// The one that carried them: the same, unless that goes by several.
    pub gateway: String,
    /// What became of them.
    pub figures: Figures,
}

/// To numbers of a country.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct PrefixFigures {
    /// The calling code and the country, `+49 DE`; nothing for messages that go to no number (mail).
    pub prefix: Option<String>,
    /// What became of them.
    pub figures: Figures,
}

/// In an hour or a day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct TimeFigures {
    /// When it began.
    pub at: Timestamp,
    /// What became of its messages.
    pub figures: Figures,
}

/// What goes by a connection on the present day of UTC.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Today {
    /// Which.
    pub connection: String,
    /// How many were sent since the day began.
    pub sent: u64,
    /// How many may be within 24 hours.
    pub limit: u32,
    /// What they cost.
    pub cost: Vec<Cost>,
}

/// An alarm: hardly any code is used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Raised {
    /// In which hour it was raised.
    pub at: Timestamp,
    /// By which connection.
    pub connection: String,
    /// To which country.
    pub prefix: String,
    /// Whether nothing is sent there now.
    pub stopped: bool,
}

/// Where messages may go again.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Lift {
    /// By which connection.
    pub connection: String,
    /// To which country: `+1 JM`.
    pub prefix: String,
}

/// `messages.get`.
///
/// # Errors
/// When the actor may not, or the store fails.
pub async fn get(state: &State, actor: &Actor, window: Window) -> Result<MessageFigures, AdminError> {
    let read = Read::new(state, actor, window).await?;
    Ok(read.figures(state))
}

/// `messages.export`: each hour or day, gateway and country in a line, after RFC 4180.
///
/// # Errors
/// When the actor may not, or the store fails.
pub async fn export(state: &State, actor: &Actor, window: Window) -> Result<String, AdminError> {
    Ok(Read::new(state, actor, window).await?.csv())
}

/// `messages.lift`: what an alarm holds back goes again. Where nothing is held back there is nothing to do.
///
/// # Errors
/// When the actor may not, there is no such country, or the store fails.
pub async fn lift(state: &State, actor: &Actor, wanted: Lift) -> Result<(), AdminError> {
    actor.needs(Permission::ConnectionsWrite)?;
    let fault = |at: &str, why: &str| AdminError::Invalid(vec![FieldFault::new(at, why)]);
    if !is_area(&wanted.prefix) {
        return Err(fault("/prefix", "a calling code is wanted, with its country: +1 JM"));
    }
    let name = ConnectionName::from(wanted.connection.as_str());
    let (key, work) = (BudgetKey::stopped(&name, &wanted.prefix), Work::new(state, actor));
    let way = Way { connection: wanted.connection, gateway: String::new(), area: wanted.prefix };
    transact::write(state, move |tx| {
        if tx.budget(&key)?.blocked_until <= work.now {
            return Ok(());
        }
        tx.clear_budget(&key)?;
        let lifted =
            |span: Span| Tally { span, at: span.of(work.now), what: LIFTED.to_owned(), about: way.text(), number: 1 };
        tx.add_tallies(&Span::ALL.map(lifted))?;
        let object = format!("{} {}", way.connection, way.area);
        work.record(tx, &Change::new("messages.lifted", &object, &json!({ "stopped": true }), &Value::Null))
    })
    .await
}

/// What is read of the tallies, and what they are held against.
struct Read {
    window: Window,
    begins: Vec<Time>,
    tallies: Vec<Tally>,
    today: Vec<Tally>,
    alarms: Vec<Tally>,
    tariffs: Tariffs,
}

impl Read {
    async fn new(state: &State, actor: &Actor, window: Window) -> Result<Self, AdminError> {
        actor.needs(Permission::AuditRead)?;
        let now = state.clock.now();
        let (span, begins) = slots(window, now);
        let since = begins.first().copied().unwrap_or(now);
        let lately = Span::Hour.of(now - alarm::STOPS);
        let read = move |tx: &mut Transaction| {
            let tallies = tx.tallies_since(span, since, &FATES)?;
            let today = tx.tallies_since(Span::Day, Span::Day.of(now), &[SENT])?;
            Ok((tallies, today, tx.tallies_since(Span::Hour, lately, &[ALARM, STOPPED, LIFTED])?))
        };
        let (tallies, today, alarms) = state.store.read(read).await?;
        let tariffs = Tariffs::of(&state.engine.configuration().connections);
        Ok(Self { window, begins, tallies, today, alarms, tariffs })
    }

    fn figures(&self, state: &State) -> MessageFigures {
        let mut total = Sum::default();
        let mut by_gateway: BTreeMap<(String, String), Sum> = BTreeMap::new();
        let mut by_prefix: BTreeMap<String, Sum> = BTreeMap::new();
        let mut by_time: BTreeMap<Time, Sum> = self.begins.iter().map(|begin| (*begin, Sum::default())).collect();
        for (tally, way) in ways(&self.tallies) {
            let price = self.tariffs.price(&way);
            total.add(tally, price);
            by_prefix.entry(way.area).or_default().add(tally, price);
            by_gateway.entry((way.connection, way.gateway)).or_default().add(tally, price);
            if let Some(sum) = by_time.get_mut(&tally.at) {
                sum.add(tally, price);
            }
        }
        let gateway =
            |((connection, gateway), sum): (_, Sum)| GatewayFigures { connection, gateway, figures: sum.figures() };
        let prefix = |(area, sum): (String, Sum)| PrefixFigures {
            prefix: Some(area).filter(|area| !area.is_empty()),
            figures: sum.figures(),
        };
        let mut by_gateway: Vec<_> = by_gateway.into_iter().map(gateway).collect();
        by_gateway.sort_by_key(|one| std::cmp::Reverse(one.figures.sent));
        let mut by_prefix: Vec<_> = by_prefix.into_iter().map(prefix).collect();
        by_prefix.sort_by_key(|one| std::cmp::Reverse(one.figures.sent));
        let time = |(at, sum): (Time, Sum)| TimeFigures { at: at.into(), figures: sum.figures() };
        MessageFigures {
            window: self.window,
            total: total.figures(),
            by_gateway,
            by_prefix,
            by_time: by_time.into_iter().map(time).collect(),
            today: self.today(state),
            alarms: raised(&self.alarms),
        }
    }

    /// By every connection that chains can name; by which the gateways of a route go is counted with the route.
    fn today(&self, state: &State) -> Vec<Today> {
        let configuration = state.engine.configuration();
        let mut sums: BTreeMap<&str, Sum> = BTreeMap::new();
        let known = configuration.connections.iter().filter(|known| known.kind == SmsOtp::CONNECTION_KIND);
        for connection in known {
            sums.entry(connection.name.as_str()).or_default();
        }
        for (tally, way) in ways(&self.today) {
            if let Some(sum) = sums.get_mut(way.connection.as_str()) {
                sum.add(tally, self.tariffs.price(&way));
            }
        }
        let limit = |name: &str| {
            let known = configuration.connections.iter().find(|known| known.name.as_str() == name);
            let own = known.and_then(|known| known.allowance(Connection::MESSAGES_A_DAY));
            own.unwrap_or(state.limits.sends_by.limit)
        };
        let one = |(name, sum): (&str, Sum)| {
            let Figures { sent, cost, .. } = sum.figures();
            Today { connection: name.to_owned(), sent, limit: limit(name), cost }
        };
        sums.into_iter().map(one).collect()
    }

    fn csv(&self) -> String {
        let mut rows: BTreeMap<(Time, Way), Sum> = BTreeMap::new();
        for (tally, way) in ways(&self.tallies) {
            let price = self.tariffs.price(&way);
            rows.entry((tally.at, way)).or_default().add(tally, price);
        }
        let mut text = record(COLUMNS.map(str::to_owned));
        for ((at, way), sum) in rows {
            let figures = sum.figures();
            let numbers =
                [figures.sent, figures.unknown, figures.delivered, figures.undelivered, figures.used, figures.refused];
            let (currency, amount) =
                figures.cost.into_iter().next().map(|cost| (cost.currency, cost.amount)).unwrap_or_default();
            let words = [Timestamp(at).to_string(), way.connection, way.gateway, way.area];
            let numbers = numbers.map(|number| number.to_string());
            text.push_str(&record(words.into_iter().chain(numbers).chain([currency, amount])));
        }
        text
    }
}

const COLUMNS: [&str; 12] = [
    "at",
    "connection",
    "gateway",
    "prefix",
    "sent",
    "unknown",
    "delivered",
    "undelivered",
    "used",
    "refused",
    "currency",
    "cost",
];

/// By the hour for a day, by the day for what is longer.
fn slots(window: Window, now: Time) -> (Span, Vec<Time>) {
    let (span, count) = match window {
        Window::Day => (Span::Hour, 24),
        Window::Week => (Span::Day, 7),
        Window::Month => (Span::Day, 30),
    };
    let last = span.of(now);
    (span, (0..count).rev().map(|back| last - span.length() * back).collect())
}

fn ways(tallies: &[Tally]) -> impl Iterator<Item = (&Tally, Way)> {
    tallies.iter().filter_map(|tally| Some((tally, Way::parse(&tally.about)?)))
}

/// The alarms of each connection and country, the newest first.
fn raised(tallies: &[Tally]) -> Vec<Raised> {
    let mut found: BTreeMap<(String, String), Raised> = BTreeMap::new();
    // Within an hour what was lifted is lifted.
    for what in [ALARM, STOPPED, LIFTED] {
        for (tally, Way { connection, area, .. }) in ways(tallies).filter(|(tally, _)| tally.what == what) {
            let entry = found.entry((connection.clone(), area.clone())).or_insert_with(|| Raised {
                at: tally.at.into(),
                connection,
                prefix: area,
                stopped: false,
            });
            match what {
                ALARM => entry.at = entry.at.max(tally.at.into()),
                STOPPED => entry.stopped |= entry.at.0 <= tally.at,
                _ if entry.at.0 <= tally.at => entry.stopped = false,
                _ => {}
            }
        }
    }
    let mut found: Vec<Raised> = found.into_values().collect();
    found.sort_by(|a, b| b.cmp(a));
    found
}

/// What messages cost by each connection.
struct Tariffs(BTreeMap<String, Tariff>);

impl Tariffs {
    fn of(connections: &[Connection]) -> Self {
        let read = |known: &Connection| Some((known.name.to_string(), Tariff::of(&known.settings).ok()?));
        Self(connections.iter().filter_map(read).collect())
    }

    /// What a message costs that went this way: by the gateway's price, else by that of the connection.
    fn price(&self, way: &Way) -> Option<(&str, i64)> {
        let by = |name: &str| {
            let tariff = self.0.get(name)?;
            Some((tariff.currency.as_str(), tariff.price(&way.area)?))
        };
        by(&way.gateway).or_else(|| by(&way.connection))
    }
}

/// Figures while they are added up.
#[derive(Default)]
struct Sum {
    figures: Figures,
    /// In millionths, by currency.
    cost: BTreeMap<String, i64>,
}

impl Sum {
    fn add(&mut self, tally: &Tally, price: Option<(&str, i64)>) {
        let Ok(number) = u64::try_from(tally.number) else { return };
        let figures = &mut self.figures;
        let place = match tally.what.as_str() {
            SENT => &mut figures.sent,
            UNKNOWN => &mut figures.unknown,
            DELIVERED => &mut figures.delivered,
            UNDELIVERED => &mut figures.undelivered,
            USED => &mut figures.used,
            REFUSED => &mut figures.refused,
            _ => return,
        };
        *place = place.saturating_add(number);
        match price {
            _ if tally.what != SENT => {}
            None => figures.unpriced = figures.unpriced.saturating_add(number),
            Some((currency, price)) => {
                let cost = self.cost.entry(currency.to_owned()).or_default();
                *cost = cost.saturating_add(price.saturating_mul(tally.number));
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a share of a quadrillion messages may be off by a trillionth")]
    fn figures(self) -> Figures {
        let Self { figures, cost } = self;
        let conversion = (figures.sent > 0).then(|| {
            let share = figures.used as f64 / figures.sent as f64;
            (share * 1000.0).round() / 1000.0
        });
        let cost = cost.into_iter().map(|(currency, millionths)| Cost { currency, amount: decimal(millionths) });
        Figures { conversion, cost: cost.collect(), ..figures }
    }
}

/// Two decimals, and more only where there are more.
fn decimal(millionths: i64) -> String {
    let (whole, part) = (millionths / MILLION, (millionths % MILLION).abs());
    let part = format!("{part:06}");
    let more = part.get(2..).unwrap_or_default().trim_end_matches('0');
    format!("{whole}.{}{more}", part.get(..2).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Time = Time::from_unix_seconds(1_795_442_570);

    fn tally(at: Time, what: &str, area: &str, number: i64) -> Tally {
        let way = Way { connection: "SMS".to_owned(), gateway: String::new(), area: area.to_owned() };
        Tally { span: Span::Hour, at, what: what.to_owned(), about: way.text(), number }
    }

    #[test]
    fn an_amount_has_two_decimals_or_as_many_as_it_needs() {
        for (millionths, wanted) in [(0, "0.00"), (75_000, "0.075"), (1_500_000, "1.50"), (1, "0.000001")] {
            assert_eq!(decimal(millionths), wanted);
        }
    }

    #[test]
    fn what_was_refused_costs_nothing_and_what_nobody_knows_costs() {
        let mut sum = Sum::default();
        for (what, number) in [(SENT, 10), (UNKNOWN, 2), (REFUSED, 5), (USED, 4), ("from tomorrow", 9)] {
            sum.add(&tally(NOW, what, "+49 DE", number), Some(("EUR", 75_000)));
        }
        sum.add(&tally(NOW, SENT, "+1 JM", 6), None);
        let figures = sum.figures();
        assert_eq!((figures.sent, figures.unknown, figures.refused, figures.used), (16, 2, 5, 4));
        assert_eq!((figures.conversion, figures.unpriced), (Some(0.25), 6));
        assert_eq!(figures.cost, [Cost { currency: "EUR".to_owned(), amount: "0.75".to_owned() }]);
        assert_eq!(Sum::default().figures().conversion, None, "of nothing there is no share");
    }

    #[test]
    fn a_window_ends_with_the_present_span() {
        for window in Window::ALL {
            let (span, begins) = slots(window, NOW);
            assert!(begins.windows(2).all(|two| two[1] == two[0] + span.length()), "{window:?}");
            assert_eq!(begins.last(), Some(&span.of(NOW)));
        }
    }

    #[test]
    fn a_stop_is_over_when_it_is_lifted_and_another_alarm_begins_it_anew() {
        let hour = |back: u32| Span::Hour.of(NOW) - Duration::from_secs(3600) * back;
        let stopped = |tallies: &[Tally]| raised(tallies).iter().map(|raised| raised.stopped).collect::<Vec<_>>();
        let area = "+1 JM";
        let alarm = [tally(hour(5), ALARM, area, 1), tally(hour(5), STOPPED, area, 1)];
        assert_eq!(stopped(&alarm), [true]);
        assert_eq!(stopped(&alarm[..1]), [false]);
        let lifted = [alarm.as_slice(), &[tally(hour(3), LIFTED, area, 1)]].concat();
        assert_eq!(stopped(&lifted), [false]);
        let again = [lifted.as_slice(), &[tally(hour(1), ALARM, area, 1), tally(hour(1), STOPPED, area, 1)]].concat();
        assert_eq!(stopped(&again), [true]);
        assert_eq!(raised(&again)[0].at.0, hour(1));
    }
}
