//! Consent: whether the person is asked, what they decided, and how they take it back.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use vestibule_core::{
    id::{ClientId, UserId},
    interaction::Request,
    random::Random,
    store::StoreResult,
    time::Time,
};

use crate::{
    audit::{self, Facts},
    authorize::Frozen,
    model::{Client, Consent, ConsentPolicy},
    store::Tx,
};

/// What the person decided, as [`Engine::conclude`](vestibule_core::Engine) is given it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Whether they agree.
    pub allow: bool,
    /// To which of the scopes asked for; to all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<BTreeSet<String>>,
}

impl Decision {
    /// The scopes that are granted, of those asked for. `openid` is no permission but the protocol itself.
    pub fn granted(&self, asked: &BTreeSet<String>) -> BTreeSet<String> {
        let chosen = |scope: &&String| self.scopes.as_ref().is_none_or(|s| s.contains(*scope)) || *scope == "openid";
        asked.iter().filter(chosen).cloned().collect()
    }

    /// Its JSON.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Whether a client's people are asked at all.
pub(crate) fn is_asked(client: &Client) -> bool {
    client.consent == ConsentPolicy::Ask
}

/// Whether what the person agreed to covers `scopes`.
pub(crate) fn covers(tx: &mut dyn Tx, user: UserId, client: &Client, scopes: &BTreeSet<String>) -> StoreResult<bool> {
    Ok(tx.consent(user, &client.id)?.is_some_and(|consent| consent.scopes.is_superset(scopes)))
}

/// Whether the person has to be asked now: `prompt=consent` always asks; otherwise what they agreed to before is enough.
/// `offline_access` is a scope like others here: it was agreed to once, or it is asked for (OpenID Connect Core, section 11).
pub(crate) fn due(
    tx: &mut dyn Tx,
    user: UserId,
    client: &Client,
    scopes: &BTreeSet<String>,
    prompted: bool,
) -> StoreResult<bool> {
    Ok(prompted || is_asked(client) && !covers(tx, user, client, scopes)?)
}

/// Remembers what the person agreed to, beside what they had agreed to before.
pub(crate) fn remember(
    tx: &mut dyn Tx,
    user: UserId,
    client: &ClientId,
    scopes: &BTreeSet<String>,
    now: Time,
) -> StoreResult<()> {
    let before = tx.consent(user, client)?.map(|consent| consent.scopes).unwrap_or_default();
    let scopes = before.union(scopes).cloned().collect();
    tx.put_consent(&Consent { user, client: client.clone(), scopes, at: now })
}

/// Takes a consent back: what it gave dies with it, in the same transaction. Whether there was one.
///
/// # Errors
/// When the store fails.
pub fn withdraw(tx: &mut dyn Tx, user: UserId, client: &ClientId, now: Time, random: &dyn Random) -> StoreResult<bool> {
    let there = tx.delete_consent(user, client)?;
    let grants = tx.revoke_consent_grants(user, client, now)?;
    let facts = Facts { user: Some(user), ..Facts::of(client) }.with("grants", &grants);
    tx.append_audit(&audit::event("consent.withdrawn", facts, now, random))?;
    Ok(there)
}

/// What the consent page shows: who asks, where they are sent, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ConsentView {
    /// The client's name. Its owner chose it, so the host stands beside it.
    pub client_name: String,
    /// The host (or the scheme of an application) that the answer goes to.
    pub host: String,
    /// The scopes.
    pub scopes: Vec<ScopeView>,
}

/// One scope on the consent page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScopeView {
    /// The scope.
    pub name: String,
    /// Whether it can be left out.
    pub optional: bool,
}

/// What the consent page of a held interaction shows.
pub fn view(request: &Request) -> Option<ConsentView> {
    let redirect_uri = Url::parse(&Frozen::of(request)?.redirect_uri).ok()?;
    let host = redirect_uri.host_str().unwrap_or_else(|| redirect_uri.scheme()).to_owned();
    let scope = |name: &String| ScopeView { name: name.clone(), optional: name != "openid" };
    Some(ConsentView {
        client_name: request.client_name.clone(),
        host,
        scopes: request.scopes.iter().map(scope).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(scopes: &[&str]) -> BTreeSet<String> {
        scopes.iter().map(|scope| (*scope).to_owned()).collect()
    }

    #[test]
    fn a_decision_gives_no_more_than_was_asked_for() {
        let decision = Decision { allow: true, scopes: Some(set(&["email", "admin"])) };
        assert_eq!(decision.granted(&set(&["openid", "email", "phone"])), set(&["openid", "email"]));
        let all = Decision { allow: true, scopes: None };
        assert_eq!(all.granted(&set(&["openid", "phone"])), set(&["openid", "phone"]));
    }

    #[test]
    fn a_decision_with_an_unknown_word_is_none() {
        assert!(serde_json::from_str::<Decision>(r#"{"allow":true,"scope":["x"]}"#).is_err());
        assert!(serde_json::from_str::<Decision>(r#"{"scopes":["x"]}"#).is_err());
    }
}
