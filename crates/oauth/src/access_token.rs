//! Access tokens: JWTs after RFC 9068, so that a resource server needs nobody to read one.
//!
//! The private claim `grant` ties a token to what it came from. Here, where the database is at hand, a token dies with its
//! grant at once; elsewhere it dies of age, which is why it is young.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use vestibule_core::{
    random::{Random, RandomExt as _},
    store::{StoreExt as _, StoreResult},
    time::Time,
    user::User,
};
use vestibule_jose::{Algorithm, Expect, Typ};

use crate::{
    deps::Deps,
    errors::TokenError,
    may_act,
    model::{Client, Grant, GrantId},
    snapshot::{Registered, Snapshot},
};

/// The algorithm of access tokens: the cheapest to make and the shortest, and everybody understands it.
pub const ALGORITHM: Algorithm = Algorithm::ES256;

/// Whom a token is for: one or several, and written as RFC 7519 (section 4.1.3) has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience(pub Vec<String>);

impl Audience {
    /// Whether `name` is among them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.iter().any(|audience| audience == name)
    }
}

impl Serialize for Audience {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            several => several.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            One(String),
            Several(Vec<String>),
        }
        Ok(Self(match Form::deserialize(deserializer)? {
            Form::One(one) => vec![one],
            Form::Several(several) => several,
        }))
    }
}

/// What an access token says (RFC 9068, section 2.2).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AccessClaims {
    /// We.
    pub iss: String,
    /// The person; the client itself when it acts for itself.
    pub sub: String,
    /// Whom it is for.
    pub aud: Audience,
    /// To whom it was given.
    pub client_id: String,
    /// What for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub scope: String,
    /// When it ends.
    pub exp: i64,
    /// When it was made.
    pub iat: i64,
    /// Its own name.
    pub jti: String,
    /// When the person authenticated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    /// How strongly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    /// By what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// In which session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// What it came from; absent when the client acts for itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
}

impl AccessClaims {
    /// The words of `scope`.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scope.split(' ').filter(|word| !word.is_empty())
    }

    /// Those of a client that acts for itself.
    pub(crate) fn own(client: &Client, scope: String, snapshot: &Snapshot, now: Time, random: &dyn Random) -> Self {
        let aud =
            if client.audiences.is_empty() { vec![snapshot.issuer().to_string()] } else { client.audiences.clone() };
        let life: Duration = client.access_token_life.into();
        Self {
            iss: snapshot.issuer().to_string(),
            sub: client.id.to_string(),
            aud: Audience(aud),
            client_id: client.id.to_string(),
            scope,
            exp: (now + life).unix_seconds(),
            iat: now.unix_seconds(),
            jti: random.uuid(now).to_string(),
            auth_time: None,
            acr: None,
            amr: Vec::new(),
            sid: None,
            grant: None,
        }
    }

    /// Those of a grant. Never longer than it.
    pub(crate) fn of_grant(
        grant: &Grant,
        client: &Client,
        scope: String,
        snapshot: &Snapshot,
        now: Time,
        random: &dyn Random,
    ) -> Self {
        let own = Self::own(client, scope, snapshot, now, random);
        let mut aud = own.aud.clone();
        let issuer = snapshot.issuer().as_str();
        // UserInfo is a resource of ours, and an OpenID Connect client may ask it whatever else its tokens are for.
        if own.scopes().any(|scope| scope == "openid") && !aud.contains(issuer) {
            aud.0.push(issuer.to_owned());
        }
        Self {
            sub: grant.user.to_string(),
            aud,
            exp: own.exp.min(grant.expires_at.unix_seconds()),
            auth_time: Some(grant.auth_time.unix_seconds()),
            acr: grant.acr.clone(),
            amr: grant.amr.iter().cloned().collect(),
            sid: Some(grant.session.to_string()),
            grant: Some(grant.id),
            ..own
        }
    }

    /// The token.
    pub(crate) fn sign(&self, snapshot: &Snapshot) -> Result<String, TokenError> {
        let key = snapshot.keys().current(ALGORITHM);
        let key = key.ok_or_else(|| TokenError::Signing(format!("there is no {ALGORITHM} key")))?;
        key.sign(Some("at+jwt"), self).map_err(|error| TokenError::Signing(error.to_string()))
    }
}

/// By how much the clocks of two instances may differ.
const CLOCKS: Duration = Duration::from_secs(2);

/// A token that is good at this instant.
pub(crate) struct Living {
    pub(crate) claims: Arc<AccessClaims>,
    pub(crate) client: Arc<Registered>,
    /// The person; `None` when the client acts for itself.
    pub(crate) user: Option<User>,
}

/// Reads a token of ours: signature, issuer, type, age. Whether it was revoked is asked by [`living`].
pub(crate) fn read(deps: &Deps<'_>, token: &str) -> Option<Arc<AccessClaims>> {
    let expect = Expect {
        typ: Typ::Is("at+jwt"),
        issuer: deps.snapshot.issuer().as_str(),
        audience: None,
        now: deps.now().0,
        // Two instances of this server may differ by so much.
        leeway: CLOCKS,
        accept_expired: false,
    };
    deps.verified.verify(deps.snapshot.keys(), token, &expect).ok()
}

/// A token of ours that is good: not revoked, its grant alive, its client and user not disabled.
pub(crate) async fn living(deps: &Deps<'_>, token: &str) -> StoreResult<Option<Living>> {
    let Some(claims) = read(deps, token) else { return Ok(None) };
    let Some(client) = deps.snapshot.client(&claims.client_id).filter(|client| !client.disabled).cloned() else {
        return Ok(None);
    };
    let (now, known, asked) = (deps.now(), Arc::clone(&client), Arc::clone(&claims));
    let look = move |tx: &mut (dyn crate::store::Tx + 'static)| {
        if tx.token_revoked(&asked.jti)? {
            return Ok(None);
        }
        let Some(id) = asked.grant else { return Ok(Some(None)) };
        let Some(grant) = tx.grant(id)? else { return Ok(None) };
        if grant.client != known.id || grant.user.to_string() != asked.sub {
            return Ok(None);
        }
        Ok(may_act::living(tx, &grant, &known, now)?.ok().map(Some))
    };
    let user = deps.store.read(look).await?;
    Ok(user.map(|user| Living { claims, client, user }))
}

/// The scopes as one parameter.
pub(crate) fn joined<'a>(scopes: impl IntoIterator<Item = &'a String>) -> String {
    scopes.into_iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}
