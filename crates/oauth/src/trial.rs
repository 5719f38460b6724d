//! A trial: a sign-in for an application that an admin begins to see what would come of it.
//!
//! It goes the whole way of a real one, from the checks of the authorization endpoint through the client's own chain to
//! consent. Only the end differs: no grant, no code and no token is made, and nothing is stored but [`Outcome`], from which the
//! claims are written down for whoever looks. To make real tokens and throw them away was the road not taken: what is never made
//! cannot leak. The mark is in the frozen request, and is set by [`to_trial_request`](crate::authorize::to_trial_request) alone.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;
use uuid::Uuid;
use vestibule_core::{
    Completed,
    crypto::Prf,
    id::{SessionId, UserId},
    interaction::Request,
    random::Random,
    time::Time,
    user::User,
};

use crate::{
    access_token::{AccessClaims, joined},
    authorize::Frozen,
    claims,
    errors::{ClientAnswer, Problem},
    id_token::{self, Asked},
    model::{Client, Grant, GrantId, RefreshState},
    snapshot::Snapshot,
};

/// What stands where a real answer has a value that is made for it: a code, the id of a token or of a session.
pub const NOT_MADE: &str = "(not made in a trial)";

/// Whose trial it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The admin who began it, and who alone sees what came of it.
    pub by: UserId,
}

/// What came of a trial. Its JSON is what the interaction keeps; it is no [`ClientAnswer`], so that no browser can be sent to a
/// client with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The client would have got a code.
    Passed {
        /// The scopes that would have been granted.
        scopes: BTreeSet<String>,
        /// The authentication context class.
        acr: Option<String>,
        /// By what.
        amr: BTreeSet<String>,
        /// When the person authenticated.
        auth_time: Time,
    },
    /// The client would have been told this.
    Refused(Problem),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    trial: Outcome,
}

impl Outcome {
    pub(crate) fn passed(completed: &Completed, scopes: BTreeSet<String>) -> Self {
        Self::Passed {
            scopes,
            acr: completed.acr().map(str::to_owned),
            amr: completed.amr().clone(),
            auth_time: completed.auth_time(),
        }
    }

    /// The record of it that an interaction keeps.
    pub(crate) fn to_value(&self) -> Value {
        // As with `ClientAnswer`: were it not written, it could not be read, and nobody is sent anywhere.
        serde_json::to_value(Record { trial: self.clone() }).unwrap_or_default()
    }

    /// The outcome that a record tells of; `None` when it is no record of a trial.
    pub fn of(answer: &Value) -> Option<Self> {
        Record::deserialize(answer).ok().map(|record| record.trial)
    }
}

/// What an application would have got.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    /// Where the browser would have gone.
    pub url: Url,
    /// What the ID token would say; `None` without the scope `openid`.
    pub id_token: Option<Map<String, Value>>,
    /// What the access token would say.
    pub access_token: Map<String, Value>,
    /// What UserInfo would answer; `None` without the scope `openid`.
    pub userinfo: Option<Map<String, Value>>,
}

/// What the application would have got of a trial that `user` passed at `at`, as things stand now; `None` when it came to nothing,
/// or is no trial.
pub fn preview(
    request: &Request,
    outcome: &Outcome,
    user: &User,
    at: Time,
    snapshot: &Snapshot,
    random: &dyn Random,
) -> Option<Preview> {
    let Outcome::Passed { scopes, acr, amr, auth_time } = outcome else { return None };
    let frozen = Frozen::of(request).filter(|frozen| frozen.trial.is_some())?;
    let client = snapshot.client(request.client.as_str())?;
    let grant = Grant {
        id: GrantId(Uuid::nil()),
        client: client.id.clone(),
        user: user.id,
        session: SessionId(Uuid::nil()),
        scopes: scopes.clone(),
        acr: acr.clone(),
        amr: amr.clone(),
        auth_time: *auth_time,
        created_at: at,
        expires_at: at + crate::grants::life(client),
        revoked_at: None,
        refresh: RefreshState::default(),
    };
    let access = AccessClaims::of_grant(&grant, client, joined(scopes), snapshot, at, random);
    let openid = scopes.contains("openid");
    Some(Preview {
        url: code_url(&frozen, snapshot)?,
        id_token: openid.then(|| id_claims(&grant, client, &frozen, user, snapshot, at)),
        access_token: without_ids(serde_json::to_value(&access).unwrap_or_default()),
        userinfo: openid.then(|| claims::about(user, scopes)),
    })
}

fn id_claims(
    grant: &Grant,
    client: &Client,
    frozen: &Frozen,
    user: &User,
    snapshot: &Snapshot,
    at: Time,
) -> Map<String, Value> {
    let about = claims::about_as_asked(user, &grant.scopes, &frozen.id_token_claims);
    let asked = Asked { nonce: frozen.nonce.as_deref(), about };
    let claims = id_token::claims(grant, client, asked, String::new(), snapshot, at);
    without_ids(serde_json::to_value(claims).unwrap_or_default())
}

/// Claims, without what is made for each token and of which there is nothing here.
fn without_ids(claims: Value) -> Map<String, Value> {
    let Value::Object(mut claims) = claims else { return Map::new() };
    for name in ["jti", "grant", "sid", "at_hash"] {
        if let Some(value) = claims.get_mut(name) {
            *value = NOT_MADE.into();
        }
    }
    claims
}

fn code_url(frozen: &Frozen, snapshot: &Snapshot) -> Option<Url> {
    let mut url = Url::parse(&frozen.redirect_uri).ok()?;
    url.query_pairs_mut().append_pair("code", NOT_MADE);
    if let Some(state) = &frozen.state {
        url.query_pairs_mut().append_pair("state", state);
    }
    url.query_pairs_mut().append_pair("iss", snapshot.issuer().as_str());
    Some(url)
}

/// Where the browser would have gone with a refusal.
pub fn refusal_url(frozen: &Frozen, problem: &Problem, snapshot: &Snapshot, prf: &Prf) -> Option<Url> {
    ClientAnswer::error(&frozen.redirect_uri, frozen.state.as_deref(), problem.clone()).url(prf, snapshot.issuer()).ok()
}
