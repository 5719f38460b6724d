//! A test message by a connection: what was sent and what came back, both masked.

use std::time::Instant;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use vestibule_authn_emailotp::{Mail, parse_address};
use vestibule_authn_smsotp::{SmsGateway, SmsOtp, is_route, parse_number};
use vestibule_core::channel::{Carried, Connection, Message, SendOutcome, Tried};

use super::{find, given::wrong};
use crate::{
    admin::{
        Actor, AdminError, FieldFault, Permission,
        record::Change,
        transact::{self, Work},
    },
    state::State,
};

/// How a test message went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TestView {
    /// What the gateway made of it.
    #[serde(flatten)]
    pub outcome: SendOutcome,
    /// What was sent, masked.
    pub request: Option<String>,
    /// What came back, masked.
    pub answer: Option<String>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// Sends a test message to `to`. Request and answer are shown without secrets, number or address, and text.
///
/// # Errors
/// When the actor may not, there is no such connection, it is switched off, or `to` is no number or no address.
pub async fn test(state: &State, actor: &Actor, name: &str, to: &str) -> Result<TestView, AdminError> {
    actor.needs(Permission::ConnectionsWrite)?;
    let wanted = name.to_owned();
    let connection = transact::read(state, move |tx| find(tx, &wanted)).await?;
    if connection.disabled {
        return Err(AdminError::Refused("this connection is switched off".to_owned()));
    }
    let (to, masked) = receiver(&connection, to)?;
    let host = &state.public.host;
    let text = format!("This is a test message of {host}. It carries no code.");
    let subject = (connection.kind == Mail::KIND).then(|| format!("Test message of {host}"));
    let message = Message { to, subject, body: text.into(), code: "000000".into() };
    let began = Instant::now();
    let Tried { request, answer, outcome } = deliver(state, &connection, &message).await?;
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let told = json!({ "to": masked, "outcome": serde_json::to_value(&outcome).unwrap_or_default() });
    let (job, object) = (Work::new(state, actor), connection.name.clone());
    transact::write(state, move |tx| job.record(tx, &Change::new("connection.tested", &object, &Value::Null, &told)))
        .await?;
    Ok(TestView { outcome, request, answer, took_ms })
}

/// Where a test message goes, as the kind of connection has it, and how that is shown.
fn receiver(connection: &Connection, to: &str) -> Result<(String, String), AdminError> {
    let wrong = |why: String| AdminError::Invalid(vec![FieldFault::new("/to", why)]);
    if connection.kind == Mail::KIND {
        let address = parse_address(to).map_err(|why| wrong(why.to_string()))?;
        return Ok((address.as_str().to_owned(), address.masked()));
    }
    let number = parse_number(to, None).map_err(|why| wrong(why.to_string()))?;
    Ok((number.as_str().to_owned(), number.masked()))
}

async fn deliver(state: &State, connection: &Connection, message: &Message) -> Result<Tried, AdminError> {
    let preset = connection.settings.0.get("preset").and_then(Value::as_str);
    if connection.kind == SmsOtp::CONNECTION_KIND && preset != Some("outbox") && !is_route(&connection.settings) {
        let gateway = SmsGateway::from_settings(&connection.settings).map_err(|error| wrong(&error))?;
        return Ok(gateway.try_out(message).await);
    }
    if connection.kind == Mail::KIND && preset != Some("outbox") {
        let mail = Mail::from_settings(&connection.settings).map_err(|error| wrong(&error))?;
        return Ok(mail.try_out(message).await);
    }
    let among = transact::read(state, |tx| Ok(tx.connections()?)).await?;
    let built = state.live.channels().build(connection, &among).map_err(|error| wrong(&error))?;
    let channel = built.ok_or_else(|| AdminError::Refused("this connection delivers nothing".to_owned()))?;
    let Carried { outcome, by, passed_over } = channel.carry(message).await;
    let by = by.map(|by| format!("{by}: ✓"));
    let told: Vec<_> = passed_over.into_iter().chain(by).collect();
    Ok(Tried { request: None, answer: (!told.is_empty()).then(|| told.join("\n")), outcome })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        admin::connections::given::{check, read, tests::map},
        authenticators::Channels,
    };

    #[test]
    fn a_118_a_line_break_in_a_mail_servers_name_or_address_is_refused_at_its_field() {
        for (setting, bad) in
            [("from", "a@example.com\r\nBcc: b@example.com"), ("from_name", "Example\r\nBcc: b@example.com")]
        {
            let mut settings = json!({ "host": "mail.example.com", "from": "a@example.com" });
            settings[setting] = bad.into();
            let made = read(&map(json!({ "name": "mail", "kind": "mail", "settings": settings })), None).unwrap();
            let Err(AdminError::Invalid(faults)) = check(&Channels::default(), &made, &[]) else { panic!("taken") };
            assert_eq!(faults[0].pointer, format!("/settings/{setting}"));
        }
        let mail: Connection = read(&map(json!({ "name": "mail", "kind": "mail" })), None).unwrap();
        assert!(matches!(receiver(&mail, "a@example.com\r\nBcc: b@example.com"), Err(AdminError::Invalid(_))));
        assert_eq!(receiver(&mail, "alice@example.com").unwrap().1, "a•••@example.com");
    }
}
