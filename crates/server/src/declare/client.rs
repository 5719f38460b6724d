//! `[[client]]`: a service provider.

use std::{collections::BTreeSet, ops::RangeInclusive, time::Duration};

use secrecy::SecretString;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value as Json, json};
use vestibule_core::{chain::Seconds, crypto::Prf, id::ChainName, time::Time};
use vestibule_oauth::{
    model::{Client, ClientAuthMethod, ConsentPolicy, GrantType, HashedSecret},
    registration::faults,
};

use super::{
    diff::Fields,
    secret::{Secrets, reference_schema},
};
use crate::config::{
    Leaf, Reader,
    tree::{Place, Value},
};

/// A declared service provider.
#[derive(Clone, Debug)]
pub struct DeclaredClient {
    /// All of it but its secrets.
    pub client: Client,
    /// Its secrets; `None` when they stay as they are.
    pub secrets: Option<Vec<SecretString>>,
    /// Where it is declared.
    pub place: Place,
}

macro_rules! words {
    ($($type:ty, $words:expr, $wanted:literal;)*) => {$(
        impl Leaf for $type {
            const WANTED: &'static str = $wanted;

            fn schema() -> Json {
                json!({ "enum": $words })
            }

            fn read(text: &str) -> Option<Self> {
                word(text)
            }

            fn show(&self) -> String {
                spelt(self)
            }
        }
    )*};
}

words! {
    ClientAuthMethod, ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
        "one of `client_secret_basic`, `client_secret_post`, `private_key_jwt`, `none`";
    GrantType, ["authorization_code", "refresh_token", "client_credentials"],
        "one of `authorization_code`, `refresh_token`, `client_credentials`";
    ConsentPolicy, ["ask", "skip"], "`ask` or `skip`";
}

fn word<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(text.into()).ok()
}

fn spelt<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

/// The service provider of that id with nothing but defaults.
pub(super) fn plain(id: &str) -> Option<Client> {
    serde_json::from_value(json!({ "id": id, "name": id })).ok()
}

pub(super) fn read(reader: &Reader<'_>, place: &Place, secrets: &Secrets<'_>) -> Option<DeclaredClient> {
    let id = reader.required::<String>("id", place);
    let default = plain(id.as_deref().unwrap_or("x"))?;
    let set = |key: &str, default: BTreeSet<String>| {
        reader.list(key).map_or(default, |list: Vec<_>| list.into_iter().collect())
    };
    let grants: Option<Vec<GrantType>> = reader.list("grant_types");
    let client = Client {
        name: reader.optional("name").unwrap_or_else(|| default.name.clone()),
        auth: reader.leaf("auth", default.auth),
        secrets: Vec::new(),
        jwks: jwks(reader),
        redirect_uris: reader.list("redirect_uris").unwrap_or_default(),
        post_logout_redirect_uris: reader.list("post_logout_redirect_uris").unwrap_or_default(),
        grant_types: grants.map_or(default.grant_types, |list| list.into_iter().collect()),
        scopes: set("scopes", default.scopes),
        audiences: reader.list("audiences").unwrap_or_default(),
        chain: reader.optional::<String>("chain").map(ChainName::from),
        groups: set("groups", default.groups),
        consent: reader.leaf("consent", default.consent),
        require_pkce: reader.leaf("require_pkce", default.require_pkce),
        id_token_signed_response_alg: reader.leaf("id_token_signed_response_alg", default.id_token_signed_response_alg),
        access_token_life: life(reader, "access_token_life", default.access_token_life, 60..=86_400),
        refresh_token_life: life(reader, "refresh_token_life", default.refresh_token_life, 60..=366 * 86_400),
        client_uri: reader.optional("client_uri"),
        disabled: reader.leaf("disabled", default.disabled),
        id: default.id,
    };
    check(reader, &client);
    let secrets = read_secrets(reader, &client, secrets);
    id.map(|_| DeclaredClient { client, secrets, place: place.clone() })
}

fn life(reader: &Reader<'_>, key: &str, default: Seconds, range: RangeInclusive<u64>) -> Seconds {
    let range = Duration::from_secs(*range.start())..=Duration::from_secs(*range.end());
    let life = reader.within(key, Duration::from(default), range);
    Seconds(u32::try_from(life.as_secs()).unwrap_or(u32::MAX))
}

fn jwks(reader: &Reader<'_>) -> Option<Json> {
    let text = reader.optional::<String>("jwks")?;
    let value: Option<Json> = serde_json::from_str(&text).ok();
    if value.is_none() {
        reader.refuse("jwks", "is no JSON", "Write {\"keys\": […]} as text, or name its file with jwks_file.");
    }
    let keys = value.as_ref().and_then(|value| value.get("keys")).and_then(Json::as_array);
    // A private key would be stored where nobody expects one.
    if keys.into_iter().flatten().any(|key| ["d", "k", "p", "q"].iter().any(|part| key.get(part).is_some())) {
        reader.refuse(
            "jwks",
            "holds a private key",
            "Leave only the public parts, and make a new key: this one was shown.",
        );
    }
    value
}

fn check(reader: &Reader<'_>, client: &Client) {
    for fault in faults(client) {
        reader.refuse(fault.field(), fault.to_string(), "");
    }
    if client.auth != ClientAuthMethod::PrivateKeyJwt && client.jwks.is_some() {
        reader.refuse("jwks", "belongs to auth = \"private_key_jwt\" alone", "Set that, or remove the keys.");
    }
}

/// At least this many characters: 128 bits in base64url or hexadecimal are longer.
const LEAST: usize = 16;

fn read_secrets(reader: &Reader<'_>, client: &Client, secrets: &Secrets<'_>) -> Option<Vec<SecretString>> {
    use secrecy::ExposeSecret as _;
    let one = secrets.read(reader, "secret");
    reader.describe("secrets", json!({ "type": "array", "items": reference_schema() }));
    let several = reader.raw("secrets").map(|node| match &node.value {
        Value::List(items) => {
            items.iter().filter_map(|item| secrets.resolve(reader, "secrets", item)).collect::<Vec<_>>()
        }
        _ => {
            reader.refuse("secrets", "is no list", "Write a list of { file = \"path\" } or { env = \"NAME\" }.");
            Vec::new()
        }
    });
    let given = match (one, several) {
        (Some(_), Some(_)) => {
            reader.refuse("secrets", "stands beside secret", "Set one of the two.");
            None
        }
        (one, several) => several.or_else(|| one.map(|secret| vec![secret])),
    };
    let by_secret = matches!(client.auth, ClientAuthMethod::ClientSecretBasic | ClientAuthMethod::ClientSecretPost);
    if given.is_some() && !by_secret {
        reader.refuse("secret", format!("does not go with auth = {:?}", client.auth.show()), "Remove one of the two.");
    }
    if given.iter().flatten().any(|secret| secret.expose_secret().len() < LEAST) {
        let advice = "Client secrets are hashed fast, so they must be long and random: `openssl rand -hex 32`.";
        reader.refuse("secret", format!("has fewer than {LEAST} characters"), advice);
    }
    given
}

impl DeclaredClient {
    /// The service provider as it shall be, given what it is.
    pub(super) fn wanted(&self, current: Option<&Client>, prf: &Prf, now: Time) -> Client {
        let kept = current.map(|client| client.secrets.as_slice()).unwrap_or_default();
        let secrets = match &self.secrets {
            None if !uses_secrets(&self.client) => Vec::new(),
            None => kept.to_vec(),
            Some(secrets) => secrets.iter().map(|secret| keep_or_hash(&self.client, kept, secret, prf, now)).collect(),
        };
        Client { secrets, ..self.client.clone() }
    }
}

fn uses_secrets(client: &Client) -> bool {
    matches!(client.auth, ClientAuthMethod::ClientSecretBasic | ClientAuthMethod::ClientSecretPost)
}

fn keep_or_hash(client: &Client, kept: &[HashedSecret], secret: &SecretString, prf: &Prf, now: Time) -> HashedSecret {
    use secrecy::ExposeSecret as _;
    let secret = secret.expose_secret();
    let same = kept.iter().find(|kept| kept.expires_at.is_none() && kept.matches(&client.id, secret, prf, now));
    same.cloned().unwrap_or_else(|| HashedSecret::of(&client.id, secret, prf))
}

/// The fields of a service provider under the names that a declaration gives them, without those that are the default.
pub(super) fn fields(client: &Client) -> Fields {
    let default = plain(client.id.as_str()).map(|plain| object(&plain)).unwrap_or_default();
    let mut fields = Fields::default();
    for (key, value) in object(client) {
        let value = match key.as_str() {
            "secrets" => continue,
            "jwks" if !value.is_null() => Json::String(value.to_string()),
            "access_token_life" | "refresh_token_life" if default.get(&key) != Some(&value) => duration(&value),
            _ => value,
        };
        if default.get(&key) != Some(&value) || key == "id" || key == "name" {
            fields.plain(&key, value);
        }
    }
    if !client.secrets.is_empty() {
        fields.secret("secrets", &serde_json::to_string(&client.secrets).unwrap_or_default());
    }
    fields
}

fn object(client: &Client) -> Map<String, Json> {
    match serde_json::to_value(client) {
        Ok(Json::Object(map)) => map,
        _ => Map::new(),
    }
}

fn duration(seconds: &Json) -> Json {
    Duration::from_secs(seconds.as_u64().unwrap_or(0)).show().into()
}
