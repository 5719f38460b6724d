//! The things that the protocol keeps: service providers, grants, codes, consents.

use std::{collections::BTreeSet, time::Duration};

use schemars::JsonSchema;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use vestibule_core::{
    chain::Seconds,
    crypto::{Prf, same_secret},
    id::{ChainName, ClientId, SessionId, UserId},
    random::{Random, RandomExt},
    time::Time,
};
use vestibule_jose::Algorithm;

/// A service provider: an application registered to receive tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Its `client_id`.
    pub id: ClientId,
    /// How it is called on pages.
    pub name: String,
    /// How it authenticates at the token endpoint.
    #[serde(default)]
    pub auth: ClientAuthMethod,
    /// Hashes of its secrets; more than one while a secret is being replaced.
    #[serde(default)]
    #[schemars(skip)]
    pub secrets: Vec<HashedSecret>,
    /// Its public keys as a JWK Set, for `private_key_jwt`.
    #[serde(default)]
    pub jwks: Option<serde_json::Value>,
    /// Where it may be answered; compared to the letter (RFC 9700, section 2.1), but for the port of a loopback address
    /// of a native application (RFC 8252, section 7.3).
    #[serde(default)]
    pub redirect_uris: Vec<String>,
    /// Where the browser may be sent after a logout.
    #[serde(default)]
    pub post_logout_redirect_uris: Vec<String>,
    /// What it may use at the token endpoint.
    #[serde(default = "GrantType::default_set")]
    pub grant_types: BTreeSet<GrantType>,
    /// The scopes that it may ask for.
    #[serde(default = "default_scopes")]
    pub scopes: BTreeSet<String>,
    /// Whom its access tokens are for (`aud`); the issuer when empty.
    #[serde(default)]
    pub audiences: Vec<String>,
    /// The chain that its people pass; the server's default when `None`.
    #[serde(default)]
    pub chain: Option<ChainName>,
    /// Only members of one of these groups may use it; empty: everybody. Not written while it is empty, so that an older
    /// server still reads a client that has none, and refuses one whose groups it would not ask about.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// Whether people are asked before it gets anything.
    #[serde(default)]
    pub consent: ConsentPolicy,
    /// Whether its authorization requests must carry a PKCE challenge (RFC 7636). Switched off only for software that cannot.
    #[serde(default = "yes")]
    pub require_pkce: bool,
    /// The algorithm of its ID tokens.
    #[serde(default = "rs256")]
    pub id_token_signed_response_alg: Algorithm,
    /// How long its access tokens live.
    #[serde(default = "default_access_token_life")]
    pub access_token_life: Seconds,
    /// How long a grant may be refreshed, counted from the authorization; rotation never extends it.
    #[serde(default = "default_refresh_life")]
    pub refresh_token_life: Seconds,
    /// Its home page, for links back.
    #[serde(default)]
    pub client_uri: Option<String>,
    /// A disabled service provider gets nothing on any path.
    #[serde(default)]
    pub disabled: bool,
}

const fn yes() -> bool {
    true
}
const fn rs256() -> Algorithm {
    Algorithm::RS256
}
const fn default_access_token_life() -> Seconds {
    Seconds(600)
}
const fn default_refresh_life() -> Seconds {
    Seconds(30 * 24 * 3600)
}
fn default_scopes() -> BTreeSet<String> {
    ["openid", "profile", "email", "phone", "offline_access"].map(str::to_owned).into()
}

/// How a client authenticates at the token endpoint (OpenID Connect Core, section 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuthMethod {
    /// By its secret in the `Authorization` header.
    #[default]
    ClientSecretBasic,
    /// By its secret in the body.
    ClientSecretPost,
    /// By a JWT that it signs (RFC 7523).
    PrivateKeyJwt,
    /// Not at all: a public client, held by PKCE and its redirect URI.
    None,
}

/// What a client may use at the token endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749, section 4.1.
    AuthorizationCode,
    /// RFC 6749, section 6.
    RefreshToken,
    /// RFC 6749, section 4.4.
    ClientCredentials,
}

impl GrantType {
    fn default_set() -> BTreeSet<Self> {
        [Self::AuthorizationCode, Self::RefreshToken].into()
    }
}

/// Whether people are asked before a client gets anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentPolicy {
    /// Once for each set of scopes.
    #[default]
    Ask,
    /// Never: the operator vouches for it.
    Skip,
}

/// A client secret, hashed. Secrets are generated with 256 bits, so one fast keyed hash is right; argon2 is for passwords.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashedSecret {
    hash: String,
    /// When it stops working, while it is being replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,
}

impl std::fmt::Debug for HashedSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HashedSecret").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

impl HashedSecret {
    /// The hash of `secret` for `client`.
    pub fn of(client: &ClientId, secret: &str, prf: &Prf) -> Self {
        Self { hash: Self::hash(client, secret, prf), expires_at: None }
    }

    /// Whether `secret` is the one, in constant time.
    pub fn matches(&self, client: &ClientId, secret: &str, prf: &Prf, now: Time) -> bool {
        let same = same_secret(self.hash.as_bytes(), Self::hash(client, secret, prf).as_bytes());
        same && self.expires_at.is_none_or(|end| now < end)
    }

    fn hash(client: &ClientId, secret: &str, prf: &Prf) -> String {
        prf.text("client secret", &[client.as_str().as_bytes(), secret.as_bytes()])
    }
}

/// A new client secret: `vss_` and 43 characters of base64url.
pub fn new_client_secret(random: &dyn Random) -> SecretString {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    format!("vss_{}", URL_SAFE_NO_PAD.encode(random.bytes::<32>())).into()
}

/// The id of a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GrantId(pub uuid::Uuid);

impl GrantId {
    /// A new id.
    pub fn new(now: Time, random: &dyn Random) -> Self {
        Self(random.uuid(now))
    }
}

impl std::fmt::Display for GrantId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for GrantId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// What a person granted to a client in one authorization: what its tokens say, and what makes them die together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id; also the family of its refresh tokens.
    pub id: GrantId,
    /// To whom.
    pub client: ClientId,
    /// By whom.
    pub user: UserId,
    /// In which session.
    pub session: SessionId,
    /// For what.
    pub scopes: BTreeSet<String>,
    /// The `acr` claim.
    pub acr: Option<String>,
    /// The `amr` claim.
    pub amr: BTreeSet<String>,
    /// The `auth_time` claim.
    pub auth_time: Time,
    /// When.
    pub created_at: Time,
    /// When everything it gave ends.
    pub expires_at: Time,
    /// When it was taken back.
    pub revoked_at: Option<Time>,
    /// The refresh token's place in its family.
    pub refresh: RefreshState,
}

impl Grant {
    /// Whether it lives past the session that it was given in (`offline_access`, OpenID Connect Core, section 11).
    pub fn offline(&self) -> bool {
        self.scopes.contains("offline_access")
    }

    /// Whether it still gives anything, as far as it knows itself.
    pub fn alive(&self, now: Time) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

/// Where a family of refresh tokens stands. Tokens are derived from the grant and the generation, so there is nothing
/// else to keep, and the same successor can be given again when its answer was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshState {
    /// The generation that is valid; 0 as long as none was given.
    pub generation: i64,
    /// When it became valid.
    pub rotated_at: Time,
}

impl RefreshState {
    /// For how long the token before is answered with the same successor again, as long as that was not used.
    pub const GRACE: Duration = Duration::from_secs(30);
}

/// An authorization code, without the code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuthorizationCode {
    /// Its keyed hash.
    pub hash: String,
    /// What it gives.
    pub grant: GrantId,
    /// To whom alone.
    pub client: ClientId,
    /// Where it was sent, to the letter.
    pub redirect_uri: String,
    /// The S256 challenge (RFC 7636); `None` only for a client that need not send one.
    pub code_challenge: Option<String>,
    /// The `nonce` claim.
    pub nonce: Option<String>,
    /// The claims about the person that were asked for in the ID token.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub id_token_claims: BTreeSet<String>,
    /// When it ends: 60 seconds after it was made.
    pub expires_at: Time,
    /// When it was spent.
    pub consumed_at: Option<Time>,
}

/// What a person agreed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Who.
    pub user: UserId,
    /// To which service provider.
    pub client: ClientId,
    /// For what.
    pub scopes: BTreeSet<String>,
    /// When they last agreed.
    pub at: Time,
}
