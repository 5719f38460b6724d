//! The route: a connection that holds others, and gives a message to the first that takes it.
//!
//! ```json
//! { "via": [{ "connection": "LOCAL", "prefixes": ["+49", "+43"] }, { "connection": "WORLD" }] }
//! ```
//! It is a channel like any other, so that chains, budgets and the audit log know one connection and not its parts; the log says
//! besides who carried a message. The next gateway is asked when the one before refused, since then nothing was sent. After an
//! answer that leaves it open none is, unless the admin says so: a second message costs, and confuses whoever gets two.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::Deserialize;
use tokio::time::{Instant, timeout};
use vestibule_core::{
    Channel, Connection,
    channel::{Carried, ConnectionError, Health, Message, SendOutcome, Settings},
    id::ConnectionName,
};

use super::{circuit::Circuits, refused, settings::without_values};
use crate::{
    Outbox, SmsOtp,
    allowed::{Allowed, COUNTRY, LIMITS, PREFIXES, begins, prefixes},
    area, tariff,
};

/// The setting that makes a connection a route.
pub(super) const VIA: &str = "via";
/// The setting by which an unknown outcome is followed by another gateway.
pub(super) const AFTER_UNKNOWN: &str = "after_unknown";
/// What a route may say of itself.
const NAMES: [&str; 6] = [VIA, AFTER_UNKNOWN, PREFIXES, COUNTRY, LIMITS[0], LIMITS[1]];
/// More is a mistake.
const MOST: usize = 8;
/// The whole, as a channel promises.
const TOTAL: Duration = Duration::from_secs(10);
/// A gateway that is asked gets at least so long: less would only make it unknown what became of the message.
const LEAST: Duration = Duration::from_secs(2);

/// Whether these settings are a route's.
pub fn is_route(settings: &Settings) -> bool {
    settings.0.contains_key(VIA)
}

/// The connections that a route names, in its order; none for a gateway.
pub fn members(settings: &Settings) -> Vec<ConnectionName> {
    let named = settings.0.get(VIA).and_then(serde_json::Value::as_array);
    let names = named.into_iter().flatten().filter_map(|entry| entry.get("connection")?.as_str());
    names.map(ConnectionName::from).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Via {
    connection: ConnectionName,
    #[serde(default)]
    prefixes: serde_json::Value,
}

struct Member {
    name: ConnectionName,
    /// None is every number.
    prefixes: Vec<String>,
    channel: Arc<dyn Channel>,
}

/// Gives each message to the first of its gateways that takes it.
pub struct Route {
    members: Vec<Member>,
    allowed: Allowed,
    after_unknown: bool,
    circuits: Circuits,
}

impl Route {
    /// The route that `connection` describes, by gateways of `among`.
    ///
    /// # Errors
    /// The setting that is wrong, and why.
    pub(super) fn new(
        connection: &Connection,
        among: &[Connection],
        outbox: Option<&Outbox>,
        circuits: &Circuits,
    ) -> Result<Self, ConnectionError> {
        let settings = &connection.settings;
        if let Some(other) =
            settings.0.keys().find(|name| !NAMES.contains(&name.as_str()) && !tariff::NAMES.contains(&name.as_str()))
        {
            return Err(refused(other, "a route has no such setting: what is sent is said by its gateways"));
        }
        let after_unknown = match settings.0.get(AFTER_UNKNOWN) {
            None => false,
            Some(written) => written.as_bool().ok_or_else(|| refused(AFTER_UNKNOWN, "true or false is wanted"))?,
        };
        let written = settings.0.get(VIA).cloned().unwrap_or_default();
        let written: Vec<Via> = serde_path_to_error::deserialize(written).map_err(|error| {
            let setting = format!("{VIA}{}", error.path().to_string().trim_start_matches('.'));
            refused(&setting, without_values(&error.into_inner().to_string()))
        })?;
        if written.is_empty() || written.len() > MOST {
            return Err(refused(VIA, format!("from 1 to {MOST} gateways are wanted")));
        }
        let mut members: Vec<Member> = Vec::new();
        for (position, via) in written.into_iter().enumerate() {
            if members.iter().any(|known| known.name == via.connection) {
                return Err(refused(&at(position, "connection"), format!("{} stands there twice", via.connection)));
            }
            members.push(member(position, via, among, outbox)?);
        }
        let allowed = Allowed::of(settings)?;
        tariff::check(settings)?;
        Ok(Self { members, allowed, after_unknown, circuits: circuits.clone() })
    }

    /// The gateways for a number, in the order in which they are asked: those that were away come last.
    fn order(&self, number: &str) -> Vec<&Member> {
        let fits = |member: &&Member| member.prefixes.is_empty() || begins(number, &member.prefixes);
        let (mut first, mut last) = (Vec::new(), Vec::new());
        for member in self.members.iter().filter(fits) {
            // The one that was away is tried once nobody better is before it in the list.
            let open = !self.circuits.lets_through(&member.name);
            if open { last.push(member) } else { first.push(member) }
        }
        first.append(&mut last);
        first
    }

    async fn carried(&self, message: &Message) -> Carried {
        let end = Instant::now() + TOTAL;
        let mut passed_over: Vec<(ConnectionName, SendOutcome)> = Vec::new();
        for member in self.order(&message.to) {
            let left = end.saturating_duration_since(Instant::now());
            if left < LEAST {
                break;
            }
            let late = |_| SendOutcome::Unknown { why: format!("no outcome within {} s", left.as_secs()) };
            let outcome = timeout(left, member.channel.deliver(message)).await.unwrap_or_else(late);
            let goes_on = match outcome {
                SendOutcome::Accepted { .. } => false,
                SendOutcome::Refused { .. } => true,
                SendOutcome::Unknown { .. } => self.after_unknown,
            };
            if goes_on {
                passed_over.push((member.name.clone(), outcome));
                continue;
            }
            self.learn(&member.name, &outcome, &passed_over);
            return Carried { outcome, by: Some(member.name.clone()), passed_over: said(&passed_over) };
        }
        // That all refuse a message may be because of its number.
        passed_over.iter().for_each(|(name, outcome)| self.circuits.learn(name, outcome));
        let all = said(&passed_over);
        let why = match all.is_empty() {
            true => "no gateway is for such numbers".to_owned(),
            false => all.join("; "),
        };
        let open = passed_over.iter().any(|(_, outcome)| matches!(outcome, SendOutcome::Unknown { .. }));
        let outcome = if open { SendOutcome::Unknown { why } } else { SendOutcome::Refused { why } };
        Carried { outcome, by: None, passed_over: Vec::new() }
    }

    /// A refusal tells something about a gateway when another one took the same message.
    fn learn(&self, name: &ConnectionName, outcome: &SendOutcome, passed_over: &[(ConnectionName, SendOutcome)]) {
        self.circuits.learn(name, outcome);
        for (other, before) in passed_over {
            match outcome {
                SendOutcome::Accepted { .. } => self.circuits.failed(other, why(before)),
                SendOutcome::Refused { .. } | SendOutcome::Unknown { .. } => self.circuits.learn(other, before),
            }
        }
    }
}

fn why(outcome: &SendOutcome) -> &str {
    match outcome {
        SendOutcome::Refused { why } | SendOutcome::Unknown { why } => why,
        SendOutcome::Accepted { .. } => "",
    }
}

fn said(passed_over: &[(ConnectionName, SendOutcome)]) -> Vec<String> {
    passed_over.iter().map(|(name, outcome)| format!("{name}: {}", why(outcome))).collect()
}

fn at(position: usize, field: &str) -> String {
    format!("{VIA}[{position}].{field}")
}

fn member(position: usize, via: Via, among: &[Connection], outbox: Option<&Outbox>) -> Result<Member, ConnectionError> {
    let Via { connection: name, prefixes: written } = via;
    let bad = |why: String| refused(&at(position, "connection"), why);
    let found = among.iter().find(|known| known.name == name && known.kind == SmsOtp::CONNECTION_KIND);
    let found = found.ok_or_else(|| bad(format!("there is no connection {name} of kind sms")))?;
    if is_route(&found.settings) {
        return Err(bad(format!("{name} is a route itself: name its gateways")));
    }
    let list = || refused(&at(position, "prefixes"), "a list of + and digits is wanted, such as [\"+49\"]");
    let prefixes = if written.is_null() { Vec::new() } else { prefixes(&written).ok_or_else(list)? };
    // One that is switched off is left out when a message goes, and comes back when it is switched on.
    let channel = match found.disabled {
        true => Arc::new(Off),
        false => super::gateway(found, outbox).map_err(|error| bad(format!("{name} cannot be used: {error}")))?,
    };
    Ok(Member { name, prefixes, channel })
}

/// A gateway that is switched off.
struct Off;

#[async_trait]
impl Channel for Off {
    async fn deliver(&self, _message: &Message) -> SendOutcome {
        SendOutcome::Refused { why: "it is switched off".to_owned() }
    }
}

#[async_trait]
impl Channel for Route {
    async fn deliver(&self, message: &Message) -> SendOutcome {
        self.carry(message).await.outcome
    }

    async fn carry(&self, message: &Message) -> Carried {
        if !self.allowed.reaches(&message.to) {
            let why = "no messages go to such numbers by this connection".to_owned();
            return Carried { outcome: SendOutcome::Refused { why }, by: None, passed_over: Vec::new() };
        }
        self.carried(message).await
    }

    fn area(&self, to: &str) -> Option<String> {
        area(to)
    }

    fn health(&self) -> Vec<Health> {
        self.members.iter().map(|member| self.circuits.health(&member.name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use vestibule_core::channel::Circuit;

    use super::*;
    use crate::testing::{FakeGateway, Reply};

    fn connection(name: &str, settings: Value) -> Connection {
        let settings = serde_json::from_value(settings).unwrap();
        Connection { name: name.into(), kind: "sms".to_owned(), settings, disabled: false }
    }

    fn by(name: &str, fake: &FakeGateway) -> Connection {
        let settings =
            json!({ "url": fake.url("/send?to=$ctx.num&text=$ctx.msg"), "timeout_seconds": 1, "reference": "id" });
        connection(name, settings)
    }

    fn message(to: &str) -> Message {
        Message { to: to.to_owned(), subject: None, body: "123456".into(), code: "123456".into() }
    }

    struct House {
        first: FakeGateway,
        second: FakeGateway,
        among: Vec<Connection>,
        circuits: Circuits,
    }

    impl House {
        async fn new() -> Self {
            let (first, second) = (FakeGateway::start().await.unwrap(), FakeGateway::start().await.unwrap());
            first.answer(200, r#"{"id":"1"}"#);
            second.answer(200, r#"{"id":"2"}"#);
            let among = vec![by("FIRST", &first), by("SECOND", &second)];
            Self { first, second, among, circuits: Circuits::default() }
        }

        fn route(&self, settings: Value) -> Result<Route, ConnectionError> {
            Route::new(&connection("SMS", settings), &self.among, None, &self.circuits)
        }

        fn both(&self) -> Route {
            self.route(json!({ "via": [{ "connection": "FIRST" }, { "connection": "SECOND" }] })).unwrap()
        }

        fn calls(&self) -> (usize, usize) {
            (self.first.received().len(), self.second.received().len())
        }
    }

    const US: &str = "+12025550142";
    const DE: &str = "+4915123456789";

    #[tokio::test]
    async fn the_first_that_is_for_the_number_carries_it_and_is_named() {
        let house = House::new().await;
        let via = json!([{ "connection": "FIRST", "prefixes": ["+49"] }, { "connection": "SECOND" }]);
        let route = house.route(json!({ "via": via })).unwrap();
        for (number, name, reference) in [(DE, "FIRST", "1"), (US, "SECOND", "2")] {
            let carried = route.carry(&message(number)).await;
            assert_eq!(carried.by, Some(name.into()));
            assert_eq!(carried.outcome, SendOutcome::Accepted { reference: Some(reference.to_owned()) });
        }
        assert_eq!(house.calls(), (1, 1));
        let route = house.route(json!({ "via": [{ "connection": "FIRST", "prefixes": ["+49"] }] })).unwrap();
        assert!(matches!(route.deliver(&message(US)).await, SendOutcome::Refused { .. }));
        let via = json!([{ "connection": "FIRST" }]);
        let route = house.route(json!({ "via": via, "allowed_prefixes": ["+49"] })).unwrap();
        assert!(matches!(route.deliver(&message(US)).await, SendOutcome::Refused { .. }));
        assert_eq!(house.calls(), (1, 1), "none that is not for it is asked");
    }

    #[tokio::test]
    async fn a_082_what_was_refused_goes_by_the_next_and_what_may_have_been_sent_does_not() {
        let house = House::new().await;
        let route = house.both();
        house.first.answer(403, "no credit");
        let carried = route.carry(&message(US)).await;
        assert_eq!(
            (carried.by, carried.passed_over),
            (Some("SECOND".into()), vec!["FIRST: HTTP 403: no credit".to_owned()])
        );
        assert_eq!(house.calls(), (1, 1));
        for day in [Reply::Hang, Reply::HangUp, Reply::Answer { status: 500, body: String::new() }] {
            house.first.reply(day);
            let carried = route.carry(&message(US)).await;
            assert!(matches!(carried.outcome, SendOutcome::Unknown { .. }) && carried.by == Some("FIRST".into()));
        }
        assert_eq!(house.calls(), (4, 1), "a second message costs and confuses");
        let via = json!([{ "connection": "FIRST" }, { "connection": "SECOND" }]);
        let route = House { circuits: Circuits::default(), ..house };
        let told = route.route(json!({ "via": via, "after_unknown": true })).unwrap();
        assert_eq!(told.carry(&message(US)).await.by, Some("SECOND".into()), "where the admin says so");
        assert_eq!(route.calls(), (5, 2));
    }

    #[tokio::test]
    async fn without_a_connection_the_next_is_asked_and_when_all_refuse_it_is_refused_with_every_reason() {
        let House { first, second, among, circuits } = House::new().await;
        drop(first);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let via = json!({ "via": [{ "connection": "FIRST" }, { "connection": "SECOND" }] });
        let route = Route::new(&connection("SMS", via), &among, None, &circuits).unwrap();
        assert_eq!(route.carry(&message(US)).await.by, Some("SECOND".into()));
        second.answer(400, "bad number");
        let SendOutcome::Refused { why } = route.deliver(&message(US)).await else { panic!("all refuse") };
        assert!(why.contains("FIRST: no connection") && why.contains("SECOND: HTTP 400: bad number"), "{why}");
    }

    #[tokio::test]
    async fn one_that_fails_time_after_time_is_asked_last() {
        let house = House::new().await;
        let route = house.both();
        house.first.answer(403, "");
        for _ in 0..7 {
            assert_eq!(route.carry(&message(US)).await.by, Some("SECOND".into()));
        }
        assert_eq!(house.calls(), (5, 7), "it was left alone");
        let [first, second] = route.health().try_into().unwrap();
        assert_eq!((first.gateway, second.gateway), ("FIRST".into(), "SECOND".into()));
        assert!(matches!(first.circuit, Circuit::Open { .. }) && second.circuit == Circuit::Closed);
        assert_eq!(first.last_failure.unwrap().1, "HTTP 403");
        // When the other one is away too, it is asked all the same.
        house.second.answer(403, "");
        assert!(matches!(route.deliver(&message(US)).await, SendOutcome::Refused { .. }));
        assert_eq!(house.calls(), (6, 8));
    }

    #[tokio::test]
    async fn a_number_that_all_refuse_opens_nothing() {
        let house = House::new().await;
        let route = house.both();
        house.first.answer(400, "bad number");
        house.second.answer(400, "bad number");
        for _ in 0..9 {
            route.deliver(&message(US)).await;
        }
        assert_eq!(house.calls(), (9, 9));
        assert_eq!(house.circuits.circuit(&"FIRST".into()), Circuit::Closed);
    }

    #[tokio::test]
    async fn a_gateway_that_is_switched_off_is_passed_over() {
        let mut house = House::new().await;
        house.among[0].disabled = true;
        assert_eq!(house.both().carry(&message(US)).await.by, Some("SECOND".into()));
        assert_eq!(house.calls(), (0, 1));
    }

    #[tokio::test]
    async fn a_route_that_makes_no_sense_is_refused_by_the_setting() {
        let mut house = House::new().await;
        house.among.push(connection("ROUTE", json!({ "via": [{ "connection": "FIRST" }] })));
        house.among.push(connection("BROKEN", json!({ "url": "https://x.example/{{secret.k}}" })));
        for (settings, setting) in [
            (json!({ "via": [] }), "via"),
            (json!({ "via": "FIRST" }), "via"),
            (json!({ "via": [{ "connection": "NOBODY" }] }), "via[0].connection"),
            (json!({ "via": [{ "connection": "FIRST" }, { "connection": "FIRST" }] }), "via[1].connection"),
            (json!({ "via": [{ "connection": "ROUTE" }] }), "via[0].connection"),
            (json!({ "via": [{ "connection": "SMS" }] }), "via[0].connection"),
            (json!({ "via": [{ "connection": "BROKEN" }] }), "via[0].connection"),
            (json!({ "via": [{ "connection": "FIRST", "prefixes": ["49"] }] }), "via[0].prefixes"),
            (json!({ "via": [{ "connection": "FIRST" }], "url": "https://x.example" }), "url"),
            (json!({ "via": [{ "connection": "FIRST" }], "after_unknown": 1 }), "after_unknown"),
            (json!({ "via": [{ "connection": "FIRST" }], "allowed_prefixes": "+49" }), "allowed_prefixes"),
        ] {
            let error = house.route(settings.clone()).err().unwrap();
            assert!(error.setting.starts_with(setting), "{settings}: {error}");
        }
    }
}
