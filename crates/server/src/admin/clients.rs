//! Service providers: list, register, change, remove, and their secrets, which are shown once.

use std::{borrow::Cow, time::Duration};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::{Map, Value};
use vestibule_core::{id::ClientId, time::Timestamp};
use vestibule_oauth::{
    managed::ObjectKind,
    model::{Client, ClientAuthMethod, HashedSecret, new_client_secret},
    registration::{ClientFault, faults, uri_faults},
};

use super::{
    Actor, AdminError, Etag, FieldFault, Permission, Versioned,
    error::all_right,
    paging::{Listing, PageQuery},
    record::Change,
    transact::{self, Work},
};
use crate::{
    console,
    state::{State, Transaction},
};

/// The most secrets that a service provider has at once.
const SECRETS: usize = 5;
/// How long an old secret works beside a new one, at most.
const OVERLAP: Duration = Duration::from_secs(30 * 24 * 3600);

/// A service provider, without its secrets.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(into = "Value")]
pub struct ClientView {
    /// All of it; its secrets were taken out.
    pub client: Client,
    /// Its secrets: until when each works.
    pub secrets: Vec<SecretView>,
    /// The file that it is managed by: then it is changed there.
    pub managed_by: Option<String>,
    /// Whether it is a part of this server: the portal or the console.
    pub built_in: bool,
}

/// A secret of a service provider, without the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SecretView {
    /// Until when it works; as long as it stands there, when `None`.
    pub expires_at: Option<Timestamp>,
}

/// A service provider with a secret that is shown now and never again.
#[derive(Debug)]
pub struct WithSecret {
    /// The service provider as it is now.
    pub client: Versioned<ClientView>,
    /// Its new secret, if it has one.
    pub secret: Option<SecretString>,
}

impl From<ClientView> for Value {
    fn from(view: ClientView) -> Self {
        let mut value = serde_json::to_value(&view.client).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            let secrets = serde_json::to_value(&view.secrets).unwrap_or_default();
            fields.insert("secrets".to_owned(), secrets);
            fields.insert("managed_by".to_owned(), view.managed_by.into());
            fields.insert("built_in".to_owned(), view.built_in.into());
        }
        value
    }
}

/// The schema of what [`Value::from`] makes of it: that of a client, and the three fields beside.
impl JsonSchema for ClientView {
    fn schema_name() -> Cow<'static, str> {
        "ClientView".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        #[derive(Serialize, JsonSchema)]
        struct Beside {
            /// Its secrets: until when each works.
            secrets: Vec<SecretView>,
            /// The file that it is managed by: then it is changed there.
            managed_by: Option<String>,
            /// Whether it is a part of this server: the portal or the console.
            built_in: bool,
        }
        let (mut all, beside) = (Client::json_schema(generator), Beside::json_schema(generator));
        for list in ["properties", "required"] {
            match (all.get_mut(list), beside.get(list)) {
                (Some(Value::Object(all)), Some(Value::Object(more))) => all.extend(more.clone()),
                (Some(Value::Array(all)), Some(Value::Array(more))) => all.extend(more.clone()),
                _ => {}
            }
        }
        all.insert("description".to_owned(), "A service provider, without its secrets.".into());
        all
    }
}

impl ClientView {
    fn new(mut client: Client, managed_by: Option<String>, portal: &str) -> Self {
        let secrets = client
            .secrets
            .drain(..)
            .map(|secret| SecretView { expires_at: secret.expires_at.map(Timestamp) })
            .collect();
        let built_in = [portal, console::CLIENT].contains(&client.id.as_str());
        Self { client, secrets, managed_by, built_in }
    }
}

/// Service providers, by id.
///
/// # Errors
/// When the actor may not, the page makes no sense, or the store fails.
pub async fn list(state: &State, actor: &Actor, page: &PageQuery) -> Result<Listing<ClientView>, AdminError> {
    actor.needs(Permission::ClientsRead)?;
    let asked = page.read::<String>(&"clients", &state.prf)?;
    let (portal, prf) = (state.portal_client.clone(), state.prf.clone());
    transact::read(state, move |tx| {
        let managed = tx.managed_all()?;
        let file = |id: &str| {
            let found = managed.iter().find(|mark| mark.kind == ObjectKind::Client && mark.name == id);
            found.map(|mark| mark.source.clone())
        };
        let mut clients = tx.clients()?;
        clients.sort_by(|a, b| a.id.cmp(&b.id));
        let view = |client: Client| {
            let file = file(client.id.as_str());
            ClientView::new(client, file, &portal)
        };
        Ok(asked.page_of(clients, &"clients", &prf, |client| client.id.to_string(), view))
    })
    .await
}

/// One service provider.
///
/// # Errors
/// When the actor may not, there is none, or the store fails.
pub async fn get(state: &State, actor: &Actor, id: &str) -> Result<Versioned<ClientView>, AdminError> {
    actor.needs(Permission::ClientsRead)?;
    let (id, portal) = (id.to_owned(), state.portal_client.clone());
    transact::read(state, move |tx| {
        let client = find(tx, &id)?;
        Ok(Versioned::new(view(tx, &client, &portal)?))
    })
    .await
}

/// Registers a service provider. `given` are its fields; what is left out has its default. One that authenticates by a secret
/// gets one, which is shown now and never again.
///
/// # Errors
/// When the actor may not, or what was given is wrong.
pub async fn create(state: &State, actor: &Actor, given: &Map<String, Value>) -> Result<WithSecret, AdminError> {
    actor.needs(Permission::ClientsWrite)?;
    if given.contains_key("secrets") {
        return Err(AdminError::Invalid(vec![FieldFault::new("/secrets", "secrets are made here, and shown once")]));
    }
    let client = parse(given.clone())?;
    actor.may_grant(&client.scopes)?;
    let (secret, mut client) = (has_secret(&client).then(|| new_client_secret(&*state.random)), client);
    if let Some(secret) = &secret {
        client.secrets = vec![HashedSecret::of(&client.id, secret.expose_secret(), &state.prf)];
    }
    let (job, portal) = (Work::new(state, actor), state.portal_client.clone());
    let made = transact::configure(state, move |tx| {
        all_right(check(tx, &client)?)?;
        if tx.clients()?.iter().any(|known| known.id == client.id) {
            return Err(AdminError::Taken(FieldFault::new("/id", "there is a service provider of this id")));
        }
        tx.put_client(&client)?;
        let view = ClientView::new(client.clone(), None, &portal);
        job.record(tx, &Change::new("client.created", &client.id, &Value::Null, &view))?;
        Ok(Versioned::new(view))
    })
    .await?;
    Ok(WithSecret { client: made, secret })
}

/// Changes some fields of a service provider (RFC 7396): `null` brings a field back to its default.
///
/// # Errors
/// When the actor may not, somebody else was faster, or what was given is wrong.
pub async fn update(
    state: &State,
    actor: &Actor,
    id: &str,
    patch: &Map<String, Value>,
    expected: Option<&Etag>,
) -> Result<Versioned<ClientView>, AdminError> {
    actor.needs(Permission::ClientsWrite)?;
    let (id, patch, expected) = (id.to_owned(), patch.clone(), expected.cloned());
    let (job, portal) = (Work::new(state, actor), state.portal_client.clone());
    transact::configure(state, move |tx| {
        let before = find(tx, &id)?;
        let old = view(tx, &before, &portal)?;
        editable(&old)?;
        Etag::matches(expected.as_ref(), &old)?;
        let after = patched(&before, &patch)?;
        job.actor.may_grant(before.scopes.union(&after.scopes))?;
        if id == console::CLIENT {
            // Whoever decides how one gets in there decides who is an owner.
            job.actor.needs(Permission::RolesWrite)?;
        }
        let mut found = check(tx, &after)?;
        if old.built_in && (after.disabled || after.auth != before.auth || after.redirect_uris != before.redirect_uris)
        {
            found.push(FieldFault::new("", "this is a part of the server: it cannot be disabled, nor lead elsewhere"));
        }
        if id == console::CLIENT && (after.chain.is_none() || !after.groups.is_empty()) {
            found.push(FieldFault::new(
                "/chain",
                "the console has a chain of its own, and asks for roles, not for groups",
            ));
        }
        all_right(found)?;
        let guarded = job.guard.before(tx)?;
        tx.put_client(&after)?;
        job.guard.hold(tx, guarded)?;
        let new = ClientView::new(after, None, &portal);
        job.record(tx, &Change::new("client.changed", &id, &old, &new))?;
        Ok(Versioned::new(new))
    })
    .await
}

/// Removes a service provider, what was granted to it, and what people agreed to. It takes the right to grant what it may do:
/// whoever registers it anew could not give that back.
///
/// # Errors
/// When the actor may not, somebody else was faster, or it is a part of the server.
pub async fn delete(state: &State, actor: &Actor, id: &str, expected: Option<&Etag>) -> Result<(), AdminError> {
    actor.needs(Permission::ClientsWrite)?;
    let (id, expected) = (id.to_owned(), expected.cloned());
    let (job, portal) = (Work::new(state, actor), state.portal_client.clone());
    transact::configure(state, move |tx| {
        let client = find(tx, &id)?;
        let old = view(tx, &client, &portal)?;
        editable(&old)?;
        Etag::matches(expected.as_ref(), &old)?;
        if old.built_in {
            return Err(AdminError::Refused("this service provider is a part of the server".to_owned()));
        }
        job.actor.may_grant(&client.scopes)?;
        tx.delete_client(&old.client.id, job.now)?;
        job.record(tx, &Change::new("client.deleted", &id, &old, &Value::Null))?;
        Ok(())
    })
    .await
}

/// Makes a new secret, shown now and never again. The old ones work for `overlap` on, or not at all.
///
/// # Errors
/// When the actor may not, somebody else was faster, or it has no secrets.
pub async fn rotate_secret(
    state: &State,
    actor: &Actor,
    id: &str,
    overlap: Duration,
    expected: Option<&Etag>,
) -> Result<WithSecret, AdminError> {
    actor.needs(Permission::ClientsWrite)?;
    if overlap > OVERLAP {
        return Err(AdminError::Invalid(vec![FieldFault::new("/overlap", "30 days at most")]));
    }
    let secret = new_client_secret(&*state.random);
    let (id, expected) = (id.to_owned(), expected.cloned());
    let (job, portal) = (Work::new(state, actor), state.portal_client.clone());
    let (new, prf) = (secret.clone(), state.prf.clone());
    let client = transact::configure(state, move |tx| {
        let mut client = find(tx, &id)?;
        let old = view(tx, &client, &portal)?;
        editable(&old)?;
        Etag::matches(expected.as_ref(), &old)?;
        job.actor.may_grant(&client.scopes)?;
        if !has_secret(&client) {
            return Err(AdminError::Refused("this service provider does not authenticate by a secret".to_owned()));
        }
        let (now, end) = (job.now, job.now + overlap);
        client.secrets.retain(|secret| secret.expires_at.is_none_or(|at| now < at));
        for secret in &mut client.secrets {
            secret.expires_at = Some(secret.expires_at.map_or(end, |at| at.min(end)));
        }
        client.secrets.retain(|secret| secret.expires_at.is_none_or(|at| now < at));
        client.secrets.insert(0, HashedSecret::of(&client.id, new.expose_secret(), &prf));
        client.secrets.truncate(SECRETS);
        tx.put_client(&client)?;
        let view = ClientView::new(client, None, &portal);
        job.record(tx, &Change::new("client.secret_rotated", &id, &old, &view))?;
        Ok(Versioned::new(view))
    })
    .await?;
    Ok(WithSecret { client, secret: Some(secret) })
}

/// What is wrong with addresses that are about to be saved, by the same rules; how a service provider authenticates is one of
/// them. Nothing is changed.
///
/// # Errors
/// When the actor may not, or what was given are no addresses.
pub fn check_addresses(actor: &Actor, given: &Map<String, Value>) -> Result<Vec<FieldFault>, AdminError> {
    actor.needs(Permission::ClientsWrite)?;
    let mut fields = given.clone();
    fields.extend(["id", "name"].map(|name| (name.to_owned(), "x".into())));
    Ok(told(&uri_faults(&parse(fields)?)))
}

fn told(faults: &[ClientFault]) -> Vec<FieldFault> {
    faults.iter().map(|fault| FieldFault::new(format!("/{}", fault.field()), fault.to_string())).collect()
}

fn has_secret(client: &Client) -> bool {
    matches!(client.auth, ClientAuthMethod::ClientSecretBasic | ClientAuthMethod::ClientSecretPost)
}

fn find(tx: &mut Transaction, id: &str) -> Result<Client, AdminError> {
    let found = tx.clients()?.into_iter().find(|client| client.id.as_str() == id);
    found.ok_or(AdminError::NotFound("service provider"))
}

fn view(tx: &mut Transaction, client: &Client, portal: &str) -> Result<ClientView, AdminError> {
    let mark = tx.managed(ObjectKind::Client, client.id.as_str())?;
    Ok(ClientView::new(client.clone(), mark.map(|mark| mark.source), portal))
}

fn editable(view: &ClientView) -> Result<(), AdminError> {
    view.managed_by.clone().map_or(Ok(()), |file| Err(AdminError::Managed(file)))
}

/// Everything that is wrong with a service provider about to be saved.
fn check(tx: &mut Transaction, client: &Client) -> Result<Vec<FieldFault>, AdminError> {
    let mut found = told(&faults(client));
    if let Some(chain) = &client.chain
        && !tx.published_chains()?.iter().any(|known| known.chain == *chain)
    {
        found.push(FieldFault::new("/chain", format!("there is no published chain `{chain}`")));
    }
    let keys = client.jwks.as_ref().and_then(|jwks| jwks.get("keys")).and_then(Value::as_array);
    // A private key would be stored where nobody expects one.
    if keys.into_iter().flatten().any(|key| ["d", "k", "p", "q"].iter().any(|part| key.get(part).is_some())) {
        found.push(FieldFault::new("/jwks", "this holds a private key: leave the public parts, and make a new key"));
    }
    Ok(found)
}

/// A service provider from its fields.
fn parse(fields: Map<String, Value>) -> Result<Client, AdminError> {
    for name in ["id", "name"] {
        if !fields.contains_key(name) {
            return Err(AdminError::Invalid(vec![FieldFault::new(format!("/{name}"), "is missing")]));
        }
    }
    let names: Vec<_> = fields.keys().cloned().collect();
    // Field by field, so that what is said is about one.
    let alone = |name: &String| {
        let mut one = Map::from_iter([("id".to_owned(), "x".into()), ("name".to_owned(), "x".into())]);
        one.insert(name.clone(), fields.get(name).cloned().unwrap_or_default());
        let error = serde_json::from_value::<Client>(Value::Object(one)).err()?;
        Some(FieldFault::new(format!("/{name}"), without_values(&error.to_string())))
    };
    let found: Vec<_> = names.iter().filter_map(alone).collect();
    all_right(found)?;
    serde_json::from_value(Value::Object(fields))
        .map_err(|error| AdminError::Invalid(vec![FieldFault::new("", without_values(&error.to_string()))]))
}

/// The service provider after a merge patch. Its id and its secrets are not fields that are patched.
fn patched(client: &Client, patch: &Map<String, Value>) -> Result<Client, AdminError> {
    let fixed = ["id", "secrets", "managed_by", "built_in"];
    let found = patch.keys().filter(|name| fixed.contains(&name.as_str()));
    all_right(found.map(|name| FieldFault::new(format!("/{name}"), "this is not changed so")).collect())?;
    let secrets = client.secrets.clone();
    let mut fields = match serde_json::to_value(client) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    fields.remove("secrets");
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
    Ok(Client { secrets, ..parse(fields)? })
}

/// serde quotes what it did not like.
fn without_values(error: &str) -> String {
    match error.split_once(", expected ") {
        Some((_, expected)) => format!("{expected} is expected"),
        None => error.to_owned(),
    }
}

/// Whether a service provider of this id is a part of the server.
pub fn is_built_in(state: &State, id: &ClientId) -> bool {
    [state.portal_client.as_str(), console::CLIENT].contains(&id.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use vestibule_core::{crypto::MasterKey, random::SystemRandom};

    use super::*;

    fn client(value: Value) -> Result<Client, AdminError> {
        let Value::Object(fields) = value else { panic!("no object: {value}") };
        parse(fields)
    }

    fn pointers(error: AdminError) -> Vec<String> {
        let AdminError::Invalid(faults) = error else { panic!("{error}") };
        faults.into_iter().map(|fault| fault.pointer).collect()
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_field_and_unknown_fields_are_refused() {
        let wrong = client(json!({ "id": "shop", "name": 7, "auth": "magic", "nmae": "x" })).unwrap_err();
        assert_eq!(pointers(wrong), ["/auth", "/name", "/nmae"]);
        assert_eq!(pointers(client(json!({ "id": "shop" })).unwrap_err()), ["/name"]);
    }

    #[test]
    fn a_patch_changes_what_it_names_and_keeps_the_secrets() {
        let prf = MasterKey::generate(&SystemRandom::default()).prf();
        let mut shop = client(json!({ "id": "shop", "name": "Shop", "client_uri": "https://shop.example" })).unwrap();
        shop.secrets = vec![HashedSecret::of(&shop.id, "s", &prf)];
        let patch = json!({ "name": "Market", "client_uri": null });
        let after = patched(&shop, patch.as_object().unwrap()).unwrap();
        assert_eq!((after.name.as_str(), after.client_uri.as_deref()), ("Market", None));
        assert_eq!(after.secrets, shop.secrets);
        for fixed in ["id", "secrets", "built_in"] {
            let patch = Map::from_iter([(fixed.to_owned(), json!("x"))]);
            assert_eq!(pointers(patched(&shop, &patch).unwrap_err()), [format!("/{fixed}")]);
        }
    }

    #[test]
    fn a_110_a_view_has_no_secret_in_it() {
        let prf = MasterKey::generate(&SystemRandom::default()).prf();
        let mut shop = client(json!({ "id": "shop", "name": "Shop" })).unwrap();
        shop.secrets = vec![HashedSecret::of(&shop.id, "s", &prf)];
        let hash = serde_json::to_value(&shop).unwrap()["secrets"][0]["hash"].as_str().unwrap().to_owned();
        let view = serde_json::to_value(ClientView::new(shop, None, "userportal")).unwrap();
        assert!(!view.to_string().contains(&hash), "{view}");
        assert_eq!(view["secrets"], json!([{ "expires_at": null }]));
    }
}
