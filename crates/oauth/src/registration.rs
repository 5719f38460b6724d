//! What a client must be to be saved: by an admin, a file, or a program.

use vestibule_core::chain::Seconds;
use vestibule_jose::{JwksError, PublicKeys};

use crate::{
    model::{Client, ClientAuthMethod, GrantType},
    redirect_uri::{RedirectUriError, validate_redirect_uri},
};

/// One thing that is wrong with a client. Its field is for a form; its `Display` for whoever filled it in.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientFault {
    /// The id is not one.
    #[error("an id has 1 to 128 letters, digits, `-`, `_`, `.` or `~`")]
    Id,
    /// The name is empty, too long, or holds control characters.
    #[error("a name has 1 to 128 characters")]
    Name,
    /// A redirect URI may not be registered.
    #[error("redirect URI {uri:?}: {why}")]
    RedirectUri {
        /// Which.
        uri: String,
        /// Why.
        why: RedirectUriError,
    },
    /// A post-logout redirect URI may not be registered.
    #[error("post-logout redirect URI {uri:?}: {why}")]
    PostLogoutRedirectUri {
        /// Which.
        uri: String,
        /// Why.
        why: RedirectUriError,
    },
    /// Codes have nowhere to go.
    #[error("a client with the grant type authorization_code needs a redirect URI")]
    NoRedirectUri,
    /// It has no grant type.
    #[error("a client needs a grant type")]
    NoGrantType,
    /// A refresh token comes of a code.
    #[error("the grant type refresh_token needs authorization_code")]
    RefreshAlone,
    /// A public client cannot act for itself.
    #[error("the grant type client_credentials needs a client that authenticates")]
    PublicCredentials,
    /// A public client has nothing else that holds a code to it.
    #[error("a public client needs PKCE")]
    PublicWithoutPkce,
    /// Its method needs keys.
    #[error("private_key_jwt needs a JWK Set")]
    NoKeys,
    /// Its keys are no use.
    #[error("the JWK Set: {0}")]
    Keys(#[from] JwksError),
    /// A scope is not one (RFC 6749, section 3.3).
    #[error("{0:?} is not a scope")]
    Scope(String),
    /// An audience is empty or too long.
    #[error("{0:?} is not an audience")]
    Audience(String),
    /// The life of its access tokens is out of range.
    #[error("access tokens live from 1 minute to 1 day")]
    AccessTokenLife,
    /// The life of its grants is out of range.
    #[error("grants live from the life of an access token to 1 year")]
    RefreshTokenLife,
    /// The home page is not one.
    #[error("the client_uri is not an https address")]
    ClientUri,
}

impl ClientFault {
    /// The field of [`Client`] that it is about.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Name => "name",
            Self::RedirectUri { .. } | Self::NoRedirectUri => "redirect_uris",
            Self::PostLogoutRedirectUri { .. } => "post_logout_redirect_uris",
            Self::NoGrantType | Self::RefreshAlone | Self::PublicCredentials => "grant_types",
            Self::PublicWithoutPkce => "require_pkce",
            Self::NoKeys | Self::Keys(_) => "jwks",
            Self::Scope(_) => "scopes",
            Self::Audience(_) => "audiences",
            Self::AccessTokenLife => "access_token_life",
            Self::RefreshTokenLife => "refresh_token_life",
            Self::ClientUri => "client_uri",
        }
    }
}

/// Everything that is wrong with a client; nothing, when it may be saved.
pub fn faults(client: &Client) -> Vec<ClientFault> {
    let mut faults = Vec::new();
    let mut unless = |good: bool, fault: ClientFault| {
        if !good {
            faults.push(fault);
        }
    };
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let id = client.id.as_str();
    unless((1..=128).contains(&id.len()) && id.bytes().all(unreserved), ClientFault::Id);
    unless(is_line(&client.name, 128), ClientFault::Name);
    let has = |grant_type| client.grant_types.contains(&grant_type);
    let public = client.auth == ClientAuthMethod::None;
    unless(!client.grant_types.is_empty(), ClientFault::NoGrantType);
    unless(!has(GrantType::AuthorizationCode) || !client.redirect_uris.is_empty(), ClientFault::NoRedirectUri);
    unless(!has(GrantType::RefreshToken) || has(GrantType::AuthorizationCode), ClientFault::RefreshAlone);
    unless(!has(GrantType::ClientCredentials) || !public, ClientFault::PublicCredentials);
    unless(client.require_pkce || !public, ClientFault::PublicWithoutPkce);
    unless(client.auth != ClientAuthMethod::PrivateKeyJwt || client.jwks.is_some(), ClientFault::NoKeys);
    let access = client.access_token_life;
    unless((Seconds(60)..=Seconds(24 * 3600)).contains(&access), ClientFault::AccessTokenLife);
    unless((access..=Seconds(366 * 24 * 3600)).contains(&client.refresh_token_life), ClientFault::RefreshTokenLife);
    let home =
        client.client_uri.as_deref().is_none_or(|uri| uri.starts_with("https://") && url::Url::parse(uri).is_ok());
    unless(home, ClientFault::ClientUri);
    faults.extend(uri_faults(client));
    faults.extend(client.scopes.iter().filter(|scope| !is_scope(scope)).map(|s| ClientFault::Scope(s.clone())));
    faults.extend(client.audiences.iter().filter(|a| !is_line(a, 512)).map(|a| ClientFault::Audience(a.clone())));
    let keys = client.jwks.as_ref().map(|jwks| PublicKeys::from_jwks(jwks.to_string().as_bytes()));
    faults.extend(keys.and_then(Result::err).map(ClientFault::Keys));
    faults
}

/// What is wrong with its redirect URIs alone, for a form that tells while they are typed.
pub fn uri_faults(client: &Client) -> Vec<ClientFault> {
    let bad = |uri: &String| Some((uri.clone(), validate_redirect_uri(uri, client).err()?));
    let redirect = client.redirect_uris.iter().filter_map(bad);
    let mut faults: Vec<_> = redirect.map(|(uri, why)| ClientFault::RedirectUri { uri, why }).collect();
    let logout = client.post_logout_redirect_uris.iter().filter_map(bad);
    faults.extend(logout.map(|(uri, why)| ClientFault::PostLogoutRedirectUri { uri, why }));
    faults
}

fn is_line(text: &str, longest: usize) -> bool {
    let length = text.chars().count();
    (1..=longest).contains(&length) && !text.chars().any(char::is_control) && !text.trim().is_empty()
}

/// RFC 6749, section 3.3: printable ASCII without space, quote and backslash.
fn is_scope(scope: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\');
    (1..=128).contains(&scope.len()) && scope.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn faults_of(change: &Value) -> Vec<&'static str> {
        let mut client = json!({ "id": "shop", "name": "Shop", "redirect_uris": ["https://shop.example/cb"] });
        for (name, value) in change.as_object().unwrap() {
            client[name] = value.clone();
        }
        let client: Client = serde_json::from_value(client).unwrap();
        faults(&client).iter().map(ClientFault::field).collect()
    }

    #[test]
    fn a_plain_client_has_no_faults() {
        assert_eq!(faults_of(&json!({})), Vec::<&str>::new());
        let job = json!({ "redirect_uris": [], "grant_types": ["client_credentials"] });
        assert_eq!(faults_of(&job), Vec::<&str>::new());
    }

    #[test]
    fn a_005_each_fault_names_its_field() {
        for (change, field) in [
            (json!({ "id": "a b" }), "id"),
            (json!({ "id": "" }), "id"),
            (json!({ "name": " " }), "name"),
            (json!({ "name": "a\nb" }), "name"),
            (json!({ "redirect_uris": [] }), "redirect_uris"),
            (json!({ "redirect_uris": ["javascript:alert(1)"] }), "redirect_uris"),
            (json!({ "redirect_uris": ["http://shop.example/cb"] }), "redirect_uris"),
            (json!({ "post_logout_redirect_uris": ["https://shop.example/*"] }), "post_logout_redirect_uris"),
            (json!({ "grant_types": [] }), "grant_types"),
            (json!({ "grant_types": ["refresh_token"] }), "grant_types"),
            (json!({ "auth": "none", "grant_types": ["authorization_code", "client_credentials"] }), "grant_types"),
            (json!({ "auth": "none", "require_pkce": false }), "require_pkce"),
            (json!({ "auth": "private_key_jwt" }), "jwks"),
            (json!({ "jwks": { "keys": [{ "kty": "oct", "k": "AAAA" }] } }), "jwks"),
            (json!({ "scopes": ["open id"] }), "scopes"),
            (json!({ "scopes": ["\"x\""] }), "scopes"),
            (json!({ "audiences": [""] }), "audiences"),
            (json!({ "access_token_life": 0 }), "access_token_life"),
            (json!({ "access_token_life": 100_000 }), "access_token_life"),
            (json!({ "refresh_token_life": 1 }), "refresh_token_life"),
            (json!({ "client_uri": "javascript:alert(1)" }), "client_uri"),
        ] {
            assert!(faults_of(&change).contains(&field), "{change}");
        }
    }
}
