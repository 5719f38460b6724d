//! Connections: settings that are complete, a host that is found, and a handshake; and what is known of the messages that went by
//! them. None is sent.

use futures_util::{StreamExt as _, stream};
use tokio::time::timeout;
use vestibule_core::channel::Connection;

use super::{
    PATIENCE, Patient, circuits,
    outcome::{
        CODES_UNUSED, CONNECTION_AWAY, CONNECTION_INCOMPLETE, CONNECTION_KEPT, CONNECTION_OFF, CONNECTION_REACHED,
        CONNECTIONS_NO_NOTICES, CONNECTIONS_NONE, Finding, LATE, UNREAD,
    },
};
use crate::{
    authenticators::{Channels, Reached, Unfit},
    post::{Lines, usable},
};

/// So many at a time: names are looked up on few threads, and a login waits for the same ones.
const AT_ONCE: usize = 8;

pub(super) async fn check(patient: &Patient<'_>) -> Vec<Finding> {
    let Some(records) = &patient.records else { return vec![UNREAD.found().of(super::Group::Connections)] };
    if records.connections.is_empty() {
        return vec![CONNECTIONS_NONE.found()];
    }
    let all =
        stream::iter(&records.connections).map(|connection| one(connection, &records.connections, patient.channels));
    let mut found: Vec<Finding> = all.buffer_unordered(AT_ONCE).collect().await;
    let unused = |(connection, prefix): &(String, String)| {
        CODES_UNUSED.found().with("connection", connection).with("prefix", prefix)
    };
    found.extend(records.unused.iter().map(unused));
    found.extend(circuits::of(&records.connections, patient));
    let Lines { mail, sms } = Lines::of(&patient.settings.post, &records.connections);
    // What keeps its messages writes to nobody, and is not meant to.
    let nobody = patient.settings.post.notices && mail.is_none() && sms.is_none();
    found.extend((nobody && records.connections.iter().any(usable)).then(|| CONNECTIONS_NO_NOTICES.found()));
    found
}

async fn one(connection: &Connection, among: &[Connection], channels: &Channels) -> Finding {
    let named = |finding: Finding| finding.with("connection", &connection.name);
    if connection.disabled {
        return named(CONNECTION_OFF.found());
    }
    match timeout(PATIENCE, channels.reach(connection, among)).await {
        Ok(Ok(Reached::Host(host))) => named(CONNECTION_REACHED.found()).with("host", host),
        Ok(Ok(Reached::Kept)) => named(CONNECTION_KEPT.found()),
        Ok(Err(Unfit::Settings(error))) => named(CONNECTION_INCOMPLETE.found()).with("why", error),
        Ok(Err(Unfit::Away(error))) => named(CONNECTION_AWAY.found()).with("why", error),
        Ok(Err(Unfit::MailAway(error))) => named(CONNECTION_AWAY.found()).with("why", error),
        Err(_) => LATE.found().with("check", &connection.name).of(super::Group::Connections),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::net::TcpListener;

    use super::*;
    use crate::doctor::patient::tests::{House, keys};

    fn house(settings: &[Value]) -> House {
        let mut house = House::new();
        let connection = |(n, settings): (usize, &Value)| {
            serde_json::from_value(json!({ "name": format!("SMS{n}"), "kind": "sms", "settings": settings })).unwrap()
        };
        house.records.as_mut().unwrap().connections = settings.iter().enumerate().map(connection).collect();
        house
    }

    #[tokio::test]
    async fn a_gateway_that_takes_connections_is_reached() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/send?to=$ctx.num", listener.local_addr().unwrap());
        let house = house(&[json!({ "url": url })]);
        assert_eq!(keys(&check(&house.patient()).await), ["connections.reached", "circuits.closed"]);
        assert_eq!(keys(&check(&House::new().patient()).await), ["connections.none"]);
    }

    #[tokio::test]
    async fn one_that_is_away_incomplete_or_off_is_named_without_its_secrets() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let away = json!({ "url": format!("http://{free}/?key={{{{secret.key}}}}"), "secrets": { "key": "hunter2" } });
        let incomplete = json!({ "url": "https://sms.example/?key={{secret.key}}" });
        let mut house = house(&[away, incomplete, json!({ "preset": "outbox" }), json!({})]);
        house.records.as_mut().unwrap().connections[3].disabled = true;
        let found = check(&house.patient()).await;
        let mut named = keys(&found);
        named.sort_unstable();
        named.retain(|key| key.starts_with("connections."));
        let wanted = ["away", "incomplete", "incomplete", "no_notices", "off"].map(|key| format!("connections.{key}"));
        assert_eq!(named, wanted);
        assert!(!format!("{found:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn where_codes_are_not_used_is_named() {
        let mut house = house(&[json!({})]);
        house.records.as_mut().unwrap().connections[0].disabled = true;
        house.records.as_mut().unwrap().unused = vec![("SMS0".to_owned(), "+1 JM".to_owned())];
        assert_eq!(keys(&check(&house.patient()).await), ["connections.off", "connections.unused"]);
    }
}
