//! Circuits: which gateways fail, as far as this instance has seen. They are kept in memory, so a command knows none.

use vestibule_authn_smsotp::{SmsOtp, is_route};
use vestibule_core::channel::{Circuit, Connection, Health};

use super::{
    Patient, Seat, date,
    outcome::{CIRCUIT_HALF_OPEN, CIRCUIT_OPEN, CIRCUITS_CLOSED, CIRCUITS_UNASKED, Finding},
};

pub(super) fn of(connections: &[Connection], patient: &Patient<'_>) -> Vec<Finding> {
    let gateway =
        |known: &&Connection| known.kind == SmsOtp::CONNECTION_KIND && !known.disabled && !is_route(&known.settings);
    let gateways: Vec<_> = connections.iter().filter(gateway).collect();
    match (gateways.is_empty(), patient.seat) {
        (true, _) => return Vec::new(),
        (false, Seat::Command) => return vec![CIRCUITS_UNASKED.found()],
        (false, Seat::Server) => {}
    }
    let health = gateways.iter().map(|known| patient.channels.circuits.health(&known.name));
    let open: Vec<_> = health.filter_map(|health| judge(&health, patient)).collect();
    if open.is_empty() { vec![CIRCUITS_CLOSED.found().with("count", gateways.len())] } else { open }
}

fn judge(health: &Health, patient: &Patient<'_>) -> Option<Finding> {
    let (found, since) = match health.circuit {
        Circuit::Closed => return None,
        Circuit::Open { since, until } => {
            (CIRCUIT_OPEN.found().with("until", date((patient.now + until).unix_seconds())), since)
        }
        Circuit::HalfOpen { since } => (CIRCUIT_HALF_OPEN.found(), since),
    };
    let why = health.last_failure.as_ref().map_or("–", |(_, why)| why);
    let since = date((patient.now - since).unix_seconds());
    Some(found.with("connection", &health.gateway).with("since", since).with("why", why))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use vestibule_core::{channel::SendOutcome, id::ConnectionName};

    use super::*;
    use crate::doctor::patient::tests::{House, keys};

    fn check(house: &House) -> Vec<Finding> {
        of(&house.records.as_ref().unwrap().connections, &house.patient())
    }

    fn house() -> House {
        let mut house = House::new();
        let url = json!({ "url": "https://sms.example.com/?to=$ctx.num" });
        let connection = |(name, settings): (&str, &Value)| {
            serde_json::from_value(json!({ "name": name, "kind": "sms", "settings": settings })).unwrap()
        };
        let route = json!({ "via": [{ "connection": "A" }, { "connection": "B" }] });
        house.records.as_mut().unwrap().connections =
            [("A", &url), ("B", &url), ("ROUTE", &route)].map(connection).into();
        house
    }

    #[test]
    fn the_gateway_whose_circuit_is_open_is_named_with_its_last_failure() {
        let house = house();
        assert_eq!(keys(&check(&house)), ["circuits.closed"]);
        for _ in 0..5 {
            let unknown = SendOutcome::Unknown { why: "HTTP 503".to_owned() };
            house.channels.circuits.learn(&ConnectionName::from("B"), &unknown);
        }
        let found = check(&house);
        assert_eq!(keys(&found), ["circuits.open"], "one that is closed is not told beside it");
        let said = crate::pages::english(&found[0].says());
        assert!(said.contains("The circuit of B") && said.contains("HTTP 503"), "{said}");
    }

    #[test]
    fn a_command_says_that_it_cannot_know() {
        let mut house = house();
        house.seat = Seat::Command;
        assert_eq!(keys(&check(&house)), ["circuits.unasked"]);
    }
}
