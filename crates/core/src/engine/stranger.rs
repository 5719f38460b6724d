//! Messages to somebody who is no user (yet): asked for by a browser that has proved nothing, and held by the same budgets as
//! the messages of a run, of which those of the destination are kept apart: nobody has to wait for a code since strangers asked.

use std::collections::BTreeMap;

use super::{
    Engine, RequestContext,
    send::{Counted, LIMIT, Sends, describe},
};
use crate::{
    audit::AuditEvent,
    authenticator::Outgoing,
    budget::{BudgetKey, Limited},
    channel::{Carried, Message, SendOutcome},
    id::ConnectionName,
    store::{Store, StoreResult, Tx},
    time::Time,
};

/// The budgets of one message to a stranger.
#[derive(Clone)]
pub struct Stranger {
    sends: Sends,
}

impl Stranger {
    /// Counts it: whether it may leave. Where the destination has had enough it may not, and nobody is told; where the network
    /// has asked enough, that is said.
    ///
    /// # Errors
    /// When the store fails.
    pub fn count(&self, tx: &mut (impl Tx + ?Sized), now: Time) -> StoreResult<Result<bool, Limited>> {
        Ok(match self.sends.count(tx, now)? {
            Counted::Leaves => Ok(true),
            Counted::Silent => Ok(false),
            Counted::Limited(limited) => Err(limited),
        })
    }

    /// Nothing was sent: it costs the destination nothing.
    ///
    /// # Errors
    /// When the store fails.
    pub fn refused(&self, tx: &mut (impl Tx + ?Sized)) -> StoreResult<()> {
        self.sends.refused(tx)
    }

    /// The code in it came back: who is reached is not pestered.
    ///
    /// # Errors
    /// When the store fails.
    pub fn used(&self, tx: &mut (impl Tx + ?Sized)) -> StoreResult<()> {
        self.sends.used(tx)
    }
}

impl<S: Store + ?Sized> Engine<S> {
    /// The budgets of a message to `to` by `connection`.
    pub fn stranger(&self, connection: &ConnectionName, to: &str, cx: &RequestContext) -> Stranger {
        let empty = String::new;
        let outgoing = Outgoing {
            connection: connection.clone(),
            to: to.to_owned(),
            masked: empty(),
            subject: None,
            template: empty(),
            taken: None,
            client: empty(),
            host: empty(),
        };
        let configuration = self.configuration();
        let (parts, known) = (&self.parts, configuration.connection(connection));
        let asker = vec![(BudgetKey::sends_from(&cx.network()), parts.limits.sends_from)];
        let sends = Sends::to_stranger(&parts.limits, &parts.prf, (connection, known), to, asker);
        Stranger { sends: sends.heeding(self.stop_of(Some(&outgoing), known)) }
    }

    /// Delivers a message to a stranger, and says in the event what became of it. Nobody should wait for it who could tell by the
    /// time whether anything left.
    pub async fn carry(&self, connection: &ConnectionName, message: &Message, event: &mut AuditEvent) -> SendOutcome {
        let alone = |outcome| Carried { outcome, by: None, passed_over: Vec::new() };
        let carried = match self.configuration().channels.get(connection) {
            None => alone(SendOutcome::Refused { why: "the connection is missing, disabled or misconfigured".into() }),
            Some(channel) => {
                let lost = |_| alone(SendOutcome::Unknown { why: "no outcome in time".to_owned() });
                tokio::time::timeout(LIMIT, channel.carry(message)).await.unwrap_or_else(lost)
            }
        };
        event.details.extend(BTreeMap::from([("connection".to_owned(), connection.to_string())]));
        describe(event, &carried);
        carried.outcome
    }
}
