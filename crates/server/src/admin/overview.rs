//! What happened lately, in numbers, and what wants attention. It reads a bounded piece of the log, so it costs the same in a
//! large house; a number that was cut off says so.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use vestibule_core::{Time, audit::page::AuditFilter, time::Timestamp};

use super::{Actor, AdminError, Permission, transact};
use crate::{console, state::State};

/// So far back.
const HOURS: u32 = 24;
/// So many events are looked at, at most.
const LOOKED_AT: usize = 2000;

/// The overview.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Overview {
    /// Each of the last 24 hours, the oldest first.
    pub hours: Vec<Hour>,
    /// What became of what in them.
    pub funnel: Funnel,
    /// Whether there was more than was looked at: then the numbers are of the newest events.
    pub cut: bool,
    /// How many service providers there are.
    pub clients: usize,
    /// How many connections.
    pub connections: usize,
    /// How many chains are published.
    pub chains: usize,
    /// What wants attention.
    pub concerns: Vec<Concern>,
}

/// An hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Hour {
    /// When it began.
    pub at: Timestamp,
    /// Logins that came through.
    pub passed: u64,
    /// Wrong answers.
    pub failed: u64,
}

/// From the first step to the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Funnel {
    /// Messages with a code that a gateway took.
    pub sent: u64,
    /// Messages that it refused, or of which nobody knows.
    pub unsent: u64,
    /// Wrong answers.
    pub failed: u64,
    /// Logins that came through.
    pub passed: u64,
}

/// What wants attention.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "concern")]
pub enum Concern {
    /// The console is protected by one step alone.
    ConsoleOneStep,
    /// A service provider's secret stops working soon.
    SecretEnds {
        /// Whose.
        client: String,
        /// When.
        at: Timestamp,
    },
    /// A connection is switched off.
    ConnectionOff {
        /// Which.
        connection: String,
    },
    /// There is nothing to sign in to yet.
    NoClient,
}

/// What happened lately.
///
/// # Errors
/// When the actor may not, or the store fails.
pub async fn get(state: &State, actor: &Actor) -> Result<Overview, AdminError> {
    actor.needs(Permission::AuditRead)?;
    let now = state.clock.now();
    let hour = |time: Time| Time::from_unix_seconds(time.unix_seconds().div_euclid(3600).saturating_mul(3600));
    let start = hour(now - Duration::from_secs(u64::from(HOURS - 1) * 3600));
    let portal = state.portal_client.clone();
    transact::read(state, move |tx| {
        let mut seen = Overview {
            hours: (0..HOURS)
                .map(|n| Hour { at: (start + Duration::from_secs(u64::from(n) * 3600)).into(), ..Hour::default() })
                .collect(),
            funnel: Funnel::default(),
            cut: false,
            clients: 0,
            connections: 0,
            chains: 0,
            concerns: Vec::new(),
        };
        let filter = AuditFilter { since: Some(start), ..AuditFilter::default() };
        let page = tx.audit_page(&filter, None, LOOKED_AT)?;
        seen.cut = page.next.is_some();
        for event in page.entries.iter().map(|entry| &entry.event) {
            let (passed, failed) = (event.kind == LOGIN, WRONG.contains(&event.kind.as_str()));
            if let Some(slot) = seen.hours.iter_mut().find(|slot| slot.at.0 == hour(event.at)) {
                slot.passed += u64::from(passed);
                slot.failed += u64::from(failed);
            }
            seen.funnel.passed += u64::from(passed);
            seen.funnel.failed += u64::from(failed);
            if SENT.contains(&event.kind.as_str()) {
                let taken = event.details.get("outcome").is_some_and(|outcome| outcome == "accepted");
                seen.funnel.sent += u64::from(taken);
                seen.funnel.unsent += u64::from(!taken);
            }
        }
        let (clients, connections, chains) = (tx.clients()?, tx.connections()?, tx.published_chains()?);
        let own = |id: &str| [portal.as_str(), console::CLIENT].contains(&id);
        if clients.iter().all(|client| own(client.id.as_str())) {
            seen.concerns.push(Concern::NoClient);
        }
        let chain = clients.iter().find(|client| client.id.as_str() == console::CLIENT).and_then(|c| c.chain.clone());
        if chains.iter().any(|revision| Some(&revision.chain) == chain.as_ref() && revision.document.steps.len() < 2) {
            seen.concerns.push(Concern::ConsoleOneStep);
        }
        let soon = now + Duration::from_secs(14 * 24 * 3600);
        for client in &clients {
            let ends =
                client.secrets.iter().map(|secret| secret.expires_at).max_by_key(|at| at.unwrap_or(Time(i64::MAX)));
            if let Some(at) = ends.flatten().filter(|at| *at < soon) {
                seen.concerns.push(Concern::SecretEnds { client: client.id.to_string(), at: at.into() });
            }
        }
        let off = connections.iter().filter(|connection| connection.disabled);
        seen.concerns.extend(off.map(|c| Concern::ConnectionOff { connection: c.name.to_string() }));
        (seen.clients, seen.connections, seen.chains) = (clients.len(), connections.len(), chains.len());
        Ok(seen)
    })
    .await
}

const LOGIN: &str = "login.completed";
const SENT: [&str; 2] = ["otp.sent", "otp.resent"];
const WRONG: [&str; 2] = ["otp.rejected", "step.rejected"];
