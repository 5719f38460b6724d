//! Audit events of the protocol, and the counting of refusals.
//!
//! A refusal leaves one event, but a stranger must not be able to fill the disk by being refused: refusals are counted per
//! client and network, and beyond the budget neither counted nor written any more.

use std::collections::BTreeMap;

use vestibule_core::{
    audit::AuditEvent,
    budget::{BudgetKey, Limited, Rule},
    engine::RequestContext,
    id::{ClientId, UserId},
    random::Random,
    store::{StoreExt as _, StoreResult},
    time::Time,
};

use crate::{deps::Deps, store::Tx};

/// What is in an event of the protocol besides where it came from.
#[derive(Clone, Debug, Default)]
pub struct Facts<'a> {
    /// The service provider.
    pub client: Option<&'a ClientId>,
    /// The user.
    pub user: Option<UserId>,
    /// More, by name; never a secret.
    pub details: BTreeMap<String, String>,
}

impl<'a> Facts<'a> {
    /// An event about a client.
    pub fn of(client: &'a ClientId) -> Self {
        Self { client: Some(client), ..Self::default() }
    }

    /// The same with one more detail. It may hold what a stranger sent, so it is cut.
    #[must_use]
    pub fn with(mut self, name: &str, value: &(impl ToString + ?Sized)) -> Self {
        let text = value.to_string().chars().filter(|c| !c.is_control()).take(256).collect();
        self.details.insert(name.to_owned(), text);
        self
    }
}

/// An event.
pub fn event(kind: &str, facts: Facts<'_>, now: Time, random: &dyn Random) -> AuditEvent {
    AuditEvent {
        client: facts.client.map(ToString::to_string),
        user: facts.user,
        details: facts.details,
        ..AuditEvent::new(kind, now, random)
    }
}

/// An event of a request.
pub(crate) fn of_request(deps: &Deps<'_>, cx: &RequestContext, kind: &str, facts: Facts<'_>) -> AuditEvent {
    AuditEvent {
        network: Some(cx.network().as_str().to_owned()),
        request_id: Some(cx.request_id.clone()),
        ..event(kind, facts, deps.now(), deps.random)
    }
}

/// Counts a refusal and writes its event, unless the budget is used up: then it says until when, and nothing is written.
pub(crate) async fn count(
    deps: &Deps<'_>,
    key: BudgetKey,
    rule: Rule,
    event: AuditEvent,
) -> StoreResult<Option<Limited>> {
    let now = deps.now();
    // A read first: a flood of refusals must not queue up before those who write.
    let known = key.clone();
    if let Err(limited) = deps.store.read(move |tx| tx.budget(&known)).await?.spend(&rule, now) {
        return Ok(Some(limited));
    }
    let spend = move |tx: &mut (dyn Tx + 'static)| {
        let budget = match tx.budget(&key)?.spend(&rule, now) {
            Ok(budget) => budget,
            Err(limited) => return Ok(Some(limited)),
        };
        tx.put_budget(&key, budget, budget.forgotten_at(&rule))?;
        tx.append_audit(&event)?;
        Ok(None)
    };
    deps.store.write(spend).await
}

/// Notes a refusal that costs nobody anything but this line: an authorization request, a grant, a token. A failure to note
/// it is logged and changes nothing of the refusal.
pub async fn note_refusal(deps: &Deps<'_>, cx: &RequestContext, kind: &str, facts: Facts<'_>) {
    let client = facts.client.map_or("-", ClientId::as_str);
    let key = BudgetKey(format!("refusal/{client}/{}", cx.network().as_str()));
    let event = of_request(deps, cx, kind, facts);
    if let Err(error) = count(deps, key, deps.limits.client, event).await {
        tracing::warn!(%error, kind, "a refusal could not be noted");
    }
}
