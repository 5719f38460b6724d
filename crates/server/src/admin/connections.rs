//! Connections: what authenticators need outside, such as SMS gateways. A secret goes in and never comes out again.

use std::time::Instant;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use vestibule_authn_emailotp::{Mail, parse_address};
use vestibule_authn_smsotp::{SmsGateway, SmsOtp, advise, is_route, members, parse_number};
use vestibule_core::{
    chain::ChainRevision,
    channel::{Carried, Connection, ConnectionError, Message, SendOutcome, Settings, Tried},
    crypto::Prf,
    id::ConnectionName,
};
use vestibule_oauth::managed::{Managed, ObjectKind};

use super::{
    Actor, AdminError, Etag, FieldFault, Permission, Versioned,
    error::all_right,
    gate,
    paging::{Listing, PageQuery},
    record::Change,
    transact::{self, Work},
};
use crate::{
    authenticators::Channels,
    declare::connection::{hidden, leaves},
    state::{State, Transaction},
};

/// What stands where a secret does.
pub const MASK: &str = "•••";

/// A connection, without its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ConnectionView {
    /// Its name.
    pub name: String,
    /// What it is, such as `sms`.
    pub kind: String,
    /// Its settings; dots stand for secrets.
    pub settings: Map<String, Value>,
    /// Whether it is switched off.
    pub disabled: bool,
    /// The chains that use it.
    pub used_by: Vec<String>,
    /// What would be better about it.
    pub advice: Vec<String>,
    /// The file that it is managed by: then it is changed there.
    pub managed_by: Option<String>,
}

/// A connection to be made.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it is there for its schema: what is read is a merge, over what there is")]
pub struct NewConnection {
    /// Its name: 1 to 64 letters, digits, spaces, `-`, `_` or `.`.
    name: String,
    /// What it is; `sms`, when nothing is said.
    #[serde(default = "sms")]
    kind: String,
    /// Its settings, which the kind knows. Dots stand for a secret that is kept.
    #[serde(default)]
    settings: Map<String, Value>,
    /// Whether it is switched off.
    #[serde(default)]
    disabled: bool,
}

fn sms() -> String {
    SmsOtp::CONNECTION_KIND.to_owned()
}

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

/// Connections, by name.
///
/// # Errors
/// When the actor may not, the page makes no sense, or the store fails.
pub async fn list(state: &State, actor: &Actor, page: &PageQuery) -> Result<Listing<ConnectionView>, AdminError> {
    actor.needs(Permission::ConnectionsRead)?;
    let asked = page.read::<String>(&"connections", &state.prf)?;
    let prf = state.prf.clone();
    transact::read(state, move |tx| {
        let (mut all, marks, chains) = (tx.connections()?, tx.managed_all()?, tx.published_chains()?);
        all.sort_by(|a, b| a.name.cmp(&b.name));
        let mark = |connection: &Connection| {
            let of = |mark: &&Managed| mark.kind == ObjectKind::Connection && mark.name == connection.name.as_str();
            marks.iter().find(of).map(|mark| mark.source.clone())
        };
        let view = |connection: Connection| shown(&connection, mark(&connection), &chains);
        Ok(asked.page_of(all, &"connections", &prf, |connection| connection.name.to_string(), view))
    })
    .await
}

/// One connection.
///
/// # Errors
/// When the actor may not, there is none, or the store fails.
pub async fn get(state: &State, actor: &Actor, name: &str) -> Result<Versioned<ConnectionView>, AdminError> {
    actor.needs(Permission::ConnectionsRead)?;
    let (name, prf) = (name.to_owned(), state.prf.clone());
    transact::read(state, move |tx| {
        let found = find(tx, &name)?;
        tagged(tx, &found, &prf)
    })
    .await
}

/// Makes a connection of `name`, `kind`, `settings` and `disabled`.
///
/// # Errors
/// When the actor may not, or what was given is wrong; nothing is sent to find out.
pub async fn create(
    state: &State,
    actor: &Actor,
    given: &Map<String, Value>,
) -> Result<Versioned<ConnectionView>, AdminError> {
    actor.needs(Permission::ConnectionsWrite)?;
    let connection = sealed(read(given, None)?);
    let (channels, prf) = (state.live.channels().clone(), state.prf.clone());
    let (job, snapshot) = (Work::new(state, actor), state.live.snapshot());
    transact::configure(state, move |tx| {
        check(&channels, &connection, &tx.connections()?)?;
        if tx.connections()?.iter().any(|known| known.name == connection.name) {
            return Err(AdminError::Taken(FieldFault::new("/name", "there is a connection of this name")));
        }
        gate::may_carry(tx, &snapshot, &job.actor, &connection.name)?;
        tx.put_connection(&connection)?;
        let made = tagged(tx, &connection, &prf)?;
        job.record(tx, &Change::new("connection.created", &connection.name, &Value::Null, &made.value))?;
        Ok(made)
    })
    .await
}

/// Changes a connection (RFC 7396): what is left out stays, dots stay what they stand for, `null` takes a setting away.
///
/// # Errors
/// When the actor may not, somebody else was faster, or what was given is wrong.
pub async fn update(
    state: &State,
    actor: &Actor,
    name: &str,
    patch: &Map<String, Value>,
    expected: Option<&Etag>,
) -> Result<Versioned<ConnectionView>, AdminError> {
    actor.needs(Permission::ConnectionsWrite)?;
    let (name, patch, expected) = (name.to_owned(), patch.clone(), expected.cloned());
    let (channels, prf, job) = (state.live.channels().clone(), state.prf.clone(), Work::new(state, actor));
    let snapshot = state.live.snapshot();
    transact::configure(state, move |tx| {
        let before = find(tx, &name)?;
        let old = editable(tx, &before, expected.as_ref(), &prf)?;
        gate::may_carry(tx, &snapshot, &job.actor, &before.name)?;
        let after = changed(&before, &patch)?;
        check(&channels, &after, &tx.connections()?)?;
        let guarded = job.guard.before(tx)?;
        tx.put_connection(&after)?;
        job.guard.hold(tx, guarded)?;
        let new = tagged(tx, &after, &prf)?;
        let mut told = Change::new("connection.changed", &name, &old, &new.value);
        told.after = with_secrets_told(told.after, &before, &after);
        job.record(tx, &told)?;
        Ok(new)
    })
    .await
}

/// Removes a connection that no chain uses.
///
/// # Errors
/// When the actor may not, somebody else was faster, or a chain uses it.
pub async fn delete(state: &State, actor: &Actor, name: &str, expected: Option<&Etag>) -> Result<(), AdminError> {
    actor.needs(Permission::ConnectionsWrite)?;
    let (name, expected, job) = (name.to_owned(), expected.cloned(), Work::new(state, actor));
    let (prf, snapshot) = (state.prf.clone(), state.live.snapshot());
    transact::configure(state, move |tx| {
        let found = find(tx, &name)?;
        let old = editable(tx, &found, expected.as_ref(), &prf)?;
        gate::may_carry(tx, &snapshot, &job.actor, &found.name)?;
        if !old.used_by.is_empty() {
            return Err(AdminError::Refused(format!("these chains use it: {}", old.used_by.join(", "))));
        }
        let connections = tx.connections()?;
        let routes = connections.iter().filter(|known| members(&known.settings).contains(&found.name));
        let routes: Vec<_> = routes.map(|known| known.name.as_str()).collect();
        if !routes.is_empty() {
            return Err(AdminError::Refused(format!("these routes go by it: {}", routes.join(", "))));
        }
        tx.delete_connection(&found.name)?;
        job.record(tx, &Change::new("connection.deleted", &name, &old, &Value::Null))?;
        Ok(())
    })
    .await
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

fn find(tx: &mut Transaction, name: &str) -> Result<Connection, AdminError> {
    let found = tx.connections()?.into_iter().find(|connection| connection.name.as_str() == name);
    found.ok_or(AdminError::NotFound("connection"))
}

fn tagged(tx: &mut Transaction, connection: &Connection, prf: &Prf) -> Result<Versioned<ConnectionView>, AdminError> {
    let value = view(tx, connection)?;
    Ok(Versioned { etag: tag(connection, &value, prf), value })
}

/// The tag is of the connection itself, so that a secret that changed is a change too; which chains use it is none. It is keyed:
/// by a plain hash whoever may read a connection could try out its secrets at home.
fn tag(connection: &Connection, view: &ConnectionView, prf: &Prf) -> Etag {
    let json = serde_json::to_vec(&(connection, &view.managed_by)).unwrap_or_default();
    Etag(prf.text("connection version", &[&json]))
}

/// What is there now, when the change was made from it.
fn editable(
    tx: &mut Transaction,
    connection: &Connection,
    expected: Option<&Etag>,
    prf: &Prf,
) -> Result<ConnectionView, AdminError> {
    let view = view(tx, connection)?;
    if let Some(file) = &view.managed_by {
        return Err(AdminError::Managed(file.clone()));
    }
    let (expected, etag) = (expected.ok_or(AdminError::VersionWanted)?, tag(connection, &view, prf));
    if *expected != etag {
        return Err(AdminError::Stale { etag, current: serde_json::to_value(&view).unwrap_or_default() });
    }
    Ok(view)
}

fn view(tx: &mut Transaction, connection: &Connection) -> Result<ConnectionView, AdminError> {
    let mark = tx.managed(ObjectKind::Connection, connection.name.as_str())?;
    Ok(shown(connection, mark.map(|mark| mark.source), &tx.published_chains()?))
}

fn shown(connection: &Connection, managed_by: Option<String>, chains: &[ChainRevision]) -> ConnectionView {
    let uses = |revision: &ChainRevision| {
        let mut alternatives = revision.document.steps.iter().flat_map(|step| &step.alternatives);
        alternatives.any(|alternative| alternative.connection.as_ref() == Some(&connection.name))
    };
    let used_by = chains.iter().filter(|chain| uses(chain)).map(|c| c.chain.to_string()).collect();
    let advice = advise(&connection.settings).into_iter().map(|advice| advice.why).collect();
    ConnectionView {
        name: connection.name.to_string(),
        kind: connection.kind.clone(),
        settings: masked(&connection.settings),
        disabled: connection.disabled,
        used_by,
        advice,
        managed_by,
    }
}

/// The settings with dots where secrets are.
fn masked(settings: &Settings) -> Map<String, Value> {
    let mut shown = settings.0.clone();
    for (path, value) in leaves(&settings.0) {
        if hidden(settings, &path, &value) {
            set(&mut shown, &path, MASK.into());
        }
    }
    shown
}

fn set(settings: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            settings.insert(path.to_owned(), value);
        }
        Some((key, rest)) => {
            if let Some(inner) = settings.get_mut(key).and_then(Value::as_object_mut) {
                set(inner, rest, value);
            }
        }
    }
}

/// The log says which secrets changed, and not to what.
fn with_secrets_told(mut view: Value, before: &Connection, after: &Connection) -> Value {
    let (old, new) = (leaves(&before.settings.0), leaves(&after.settings.0));
    let changed = new.iter().filter(|(path, value)| {
        hidden(&after.settings, path, value) && old.iter().any(|(known, old)| known == path && old != value)
    });
    let changed: Vec<_> = changed.map(|(path, _)| path.clone()).collect();
    if let Some(fields) = view.as_object_mut()
        && !changed.is_empty()
    {
        fields.insert("secrets_changed".to_owned(), changed.into());
    }
    view
}

/// A connection after a change. A secret is for whom it was given: when messages go elsewhere, what was not given with the
/// change is gone, or whoever may change a connection could have its secrets sent to themselves.
fn changed(before: &Connection, patch: &Map<String, Value>) -> Result<Connection, AdminError> {
    let after = sealed(read(patch, Some(before))?);
    if destination(&after.settings) == destination(&before.settings) {
        return Ok(after);
    }
    let mut bare = before.clone();
    for (path, value) in leaves(&before.settings.0) {
        if path != "url" && hidden(&before.settings, &path, &value) {
            take(&mut bare.settings.0, &path);
        }
    }
    Ok(sealed(read(patch, Some(&bare))?))
}

/// Where messages go: to the host of a preset, to that of a URL, or to a mail server, which is known by whom we trust to name it.
/// What is a secret for one place is none for another.
pub(crate) fn destination(settings: &Settings) -> ([Option<String>; 2], Vec<Option<&Value>>) {
    let origin = |text: &str| match url::Url::parse(text) {
        Ok(url) => url.origin().ascii_serialization(),
        Err(_) => text.to_owned(),
    };
    let named = ["preset", "host", "port", "tls", "authority"].map(|name| settings.0.get(name));
    // The secret of a client goes to whoever grants the tokens.
    let tokens = settings.0.get("auth").and_then(|auth| auth.get("token_url"));
    let places = [settings.0.get("url"), tokens].map(|place| place.and_then(Value::as_str).map(origin));
    (places, named.into())
}

fn take(settings: &mut Map<String, Value>, path: &str) {
    match path.split_once('.') {
        None => drop(settings.remove(path)),
        Some((key, rest)) => {
            if let Some(inner) = settings.get_mut(key).and_then(Value::as_object_mut) {
                take(inner, rest);
            }
        }
    }
}

/// A connection from its fields, over `before` where there is one.
fn read(given: &Map<String, Value>, before: Option<&Connection>) -> Result<Connection, AdminError> {
    let mut found = Vec::new();
    let mut connection = before.cloned().unwrap_or_else(|| Connection {
        name: ConnectionName::from(String::new()),
        kind: sms(),
        settings: Settings::default(),
        disabled: false,
    });
    for (name, value) in given {
        match (name.as_str(), value) {
            ("name", Value::String(text)) if before.is_none() => {
                connection.name = ConnectionName::from(text.trim().to_owned());
            }
            ("kind", Value::String(text)) if before.is_none() => connection.kind.clone_from(text),
            ("disabled", Value::Bool(disabled)) => connection.disabled = *disabled,
            ("settings", Value::Object(settings)) => merge(&mut connection.settings.0, settings),
            ("name" | "kind", _) if before.is_some() => {
                found.push(FieldFault::new(format!("/{name}"), "this is not changed: make another connection"));
            }
            ("name" | "kind" | "disabled" | "settings", _) => {
                found.push(FieldFault::new(format!("/{name}"), "this cannot be read"));
            }
            _ => found.push(FieldFault::new(format!("/{name}"), "a connection has no such field")),
        }
    }
    let name = connection.name.as_str();
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    if name.is_empty() || name.chars().count() > 64 || !name.chars().all(plain) {
        found.push(FieldFault::new("/name", "a name has 1 to 64 letters, digits, spaces, `-`, `_` or `.`"));
    }
    all_right(found)?;
    Ok(connection)
}

/// RFC 7396, but dots are no value: they stand for one that is kept.
fn merge(settings: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                settings.remove(name);
            }
            Value::String(text) if text == MASK => {}
            Value::Object(inner) => {
                let slot = settings.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
                if !slot.is_object() {
                    *slot = Value::Object(Map::new());
                }
                if let Some(slot) = slot.as_object_mut() {
                    merge(slot, inner);
                }
            }
            value => {
                settings.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Secrets that stand in the URL are moved to where they are sealed by name and never shown again.
fn sealed(mut connection: Connection) -> Connection {
    if connection.kind == SmsOtp::CONNECTION_KIND {
        for advice in advise(&connection.settings).into_iter().filter(|advice| advice.setting == "url") {
            connection.settings.0.extend(advice.replace.0);
        }
    }
    connection
}

fn check(channels: &Channels, connection: &Connection, among: &[Connection]) -> Result<(), AdminError> {
    match channels.build(connection, among) {
        Err(error) => Err(wrong(&error)),
        Ok(None) => Err(AdminError::Invalid(vec![FieldFault::new("/kind", "there is no such kind of connection")])),
        Ok(Some(_)) => Ok(()),
    }
}

fn wrong(error: &ConnectionError) -> AdminError {
    let setting = error.setting.replace(['.', '['], "/").replace(']', "");
    AdminError::Invalid(vec![FieldFault::new(format!("/settings/{setting}"), error.why.clone())])
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "https://sms.example.com/json?api_key=K&api_secret=hunter2&to=$ctx.num&text=$ctx.msg";

    fn map(value: Value) -> Map<String, Value> {
        let Value::Object(fields) = value else { panic!("no object: {value}") };
        fields
    }

    #[test]
    fn a_110_a_pasted_line_is_kept_without_its_secrets_in_sight() {
        let made = sealed(read(&map(json!({ "name": "SMSOTP", "settings": { "url": SEED } })), None).unwrap());
        assert!(check(&Channels::default(), &made, &[]).is_ok());
        let shown = serde_json::to_string(&masked(&made.settings)).unwrap();
        assert!(!shown.contains("hunter2") && shown.contains("{{secret.api_secret}}"), "{shown}");
        assert_eq!(made.settings.0["secrets"]["api_secret"], json!("hunter2"));
    }

    #[test]
    fn a_110_a_secret_does_not_follow_to_another_host() {
        let given = json!({ "name": "a", "settings": {
            "url": "https://sms.example/send?k={{secret.k}}&t={{text}}&n={{number}}",
            "headers": [{ "name": "X-Key", "value": "hunter2" }],
            "auth": { "type": "basic", "username": "me", "password": "hunter3" },
            "secrets": { "k": "hunter1" },
        } });
        let before = read(&map(given), None).unwrap();
        let go = |settings: Value| changed(&before, &map(json!({ "settings": settings }))).unwrap();
        let text = |connection: &Connection| serde_json::to_string(&connection.settings).unwrap();
        for settings in [
            json!({ "url": "https://evil.example/?k={{secret.k}}&t={{text}}&n={{number}}" }),
            json!({ "url": "http://sms.example/send?k={{secret.k}}", "allow_plain_http": true }),
            json!({ "url": "https://sms.example:444/send?k={{secret.k}}", "secrets": { "k": MASK } }),
            json!({ "url": "https://sms.example@evil.example/?k={{secret.k}}" }),
            json!({ "preset": "generic" }),
        ] {
            let after = go(settings.clone());
            assert!(!text(&after).contains("hunter"), "{settings}: {}", text(&after));
        }
        assert!(
            check(&Channels::default(), &go(json!({ "url": "https://evil.example/?k={{secret.k}}" })), &[]).is_err()
        );
        let same = go(json!({ "url": "https://sms.example/v2?k={{secret.k}}&t={{text}}&n={{number}}" }));
        assert!(["hunter1", "hunter2", "hunter3"].iter().all(|secret| text(&same).contains(secret)));
        let given = go(json!({ "url": "https://new.example/?k={{secret.k}}", "secrets": { "k": "mine" } }));
        assert_eq!(given.settings.0["secrets"], json!({ "k": "mine" }));
    }

    #[test]
    fn a_110_the_secret_of_a_client_is_dots_and_stays_with_whoever_grants_its_tokens() {
        let auth =
            |at: &str| json!({ "type": "oauth2", "token_url": at, "client_id": "me", "client_secret": "hunter4" });
        let settings = json!({ "url": "https://sms.example/send", "auth": auth("https://id.example/token") });
        let before = read(&map(json!({ "name": "a", "settings": settings })), None).unwrap();
        assert!(!serde_json::to_string(&masked(&before.settings)).unwrap().contains("hunter4"));
        for (at, stays) in [("https://id.example/v2/token", true), ("https://evil.example/token", false)] {
            let patch = json!({ "settings": { "auth": { "token_url": at } } });
            let after = changed(&before, &map(patch)).unwrap();
            assert_eq!(serde_json::to_string(&after.settings).unwrap().contains("hunter4"), stays, "{at}");
        }
    }

    #[test]
    fn a_110_the_password_of_a_mail_server_does_not_follow_to_another() {
        let given = json!({ "name": "mail", "kind": "mail", "settings": {
            "host": "mail.example.com", "username": "me", "secrets": { "password": "hunter2" }, "from": "a@example.com",
        } });
        let before = read(&map(given), None).unwrap();
        assert!(check(&Channels::default(), &before, &[]).is_ok());
        let shown = serde_json::to_string(&masked(&before.settings)).unwrap();
        assert!(!shown.contains("hunter2") && shown.contains("mail.example.com"), "{shown}");
        let go = |settings: Value| changed(&before, &map(json!({ "settings": settings }))).unwrap();
        for settings in [
            json!({ "host": "evil.example" }),
            json!({ "port": 2525 }),
            json!({ "host": "localhost", "tls": "none" }),
            json!({ "authority": "-----BEGIN CERTIFICATE-----" }),
            json!({ "host": "evil.example", "secrets": { "password": MASK } }),
        ] {
            let after = go(settings.clone());
            assert!(!serde_json::to_string(&after.settings).unwrap().contains("hunter2"), "{settings}");
            assert!(check(&Channels::default(), &after, &[]).is_err(), "{settings}");
        }
        let renamed = go(json!({ "from_name": "Example" }));
        assert_eq!(renamed.settings.0["secrets"], json!({ "password": "hunter2" }));
    }

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

    #[test]
    fn a_110_the_version_of_a_connection_is_no_way_to_try_out_its_secrets() {
        use vestibule_core::{crypto::MasterKey, random::SystemRandom};
        let of = |secret: &str| {
            let settings = json!({ "url": "https://x.example", "secrets": { "k": secret } });
            read(&map(json!({ "name": "a", "settings": settings })), None).unwrap()
        };
        let view = ConnectionView {
            name: "a".to_owned(),
            kind: "sms".to_owned(),
            settings: Map::new(),
            disabled: false,
            used_by: Vec::new(),
            advice: Vec::new(),
            managed_by: None,
        };
        let random = SystemRandom::default();
        let (ours, theirs) = (MasterKey::generate(&random).prf(), MasterKey::generate(&random).prf());
        assert_ne!(tag(&of("1"), &view, &ours), tag(&of("2"), &view, &ours), "a secret that changed is a change");
        assert_ne!(tag(&of("1"), &view, &ours), tag(&of("1"), &view, &theirs), "without the key nobody can compute it");
    }

    #[test]
    fn dots_and_what_is_left_out_stay_and_null_goes() {
        let given = json!({ "name": "a", "settings": { "url": "https://x.example", "from": "US", "secrets": { "k": "1", "l": "2" } } });
        let before = read(&map(given), None).unwrap();
        let patch = json!({ "settings": { "from": null, "secrets": { "k": MASK, "l": "3" } }, "disabled": true });
        let after = read(&map(patch), Some(&before)).unwrap();
        assert_eq!(
            Value::Object(after.settings.0),
            json!({ "url": "https://x.example", "secrets": { "k": "1", "l": "3" } })
        );
        assert!(after.disabled);
    }

    #[test]
    fn what_is_read_is_what_the_schema_says() {
        let schema = schemars::schema_for!(NewConnection);
        let fields = schema.get("properties").and_then(Value::as_object).unwrap();
        let of = |field: &str| match field {
            "settings" => json!({ "url": "https://x.example" }),
            "disabled" => json!(true),
            _ => json!("x"),
        };
        let all: Map<String, Value> = fields.keys().map(|field| (field.clone(), of(field))).collect();
        let made = read(&all, None).unwrap();
        let made = serde_json::to_value((&made.name, made.kind, made.settings.0, made.disabled)).unwrap();
        assert_eq!(made, json!(["x", "x", { "url": "https://x.example" }, true]));
        assert_eq!(fields.len(), 4);
        assert_eq!(read(&map(json!({ "name": "a" })), None).unwrap().kind, fields["kind"]["default"]);
    }

    #[test]
    fn what_is_wrong_names_its_field() {
        for (given, pointer) in [
            (json!({ "name": "" }), "/name"),
            (json!({ "name": "a/b" }), "/name"),
            (json!({ "name": "a", "colour": 1 }), "/colour"),
            (json!({ "name": "a", "settings": [] }), "/settings"),
        ] {
            let Err(AdminError::Invalid(faults)) = read(&map(given.clone()), None) else { panic!("{given}") };
            assert_eq!(faults[0].pointer, pointer);
        }
        let bad =
            read(&map(json!({ "name": "a", "settings": { "url": "https://x.example?{{secret.k}}" } })), None).unwrap();
        let Err(AdminError::Invalid(faults)) = check(&Channels::default(), &bad, &[]) else { panic!("taken") };
        assert_eq!(faults[0].pointer, "/settings/secrets/k");
    }
}
