//! Receipts: what a gateway says later about a message that it took.
//!
//! A receipt names the message as the gateway's answer did. One that was delivered is told to the log and to nobody else; one that
//! was not is as good as refused, so the page says so and offers what it offers then. Each is taken once: what is told again, or
//! about a message that was followed by another one, is not known any more.

use super::{Engine, EngineError, RequestContext, confirmation, send::way_of};
use crate::{
    authenticator::Outgoing,
    channel::{Delivery, SendOutcome},
    id::ConnectionName,
    store::{Store, StoreExt as _, Tx as _},
};

impl<S: Store + ?Sized> Engine<S> {
    /// Takes what `gateway` says of the message that it carried and called `reference`; whether there is such a message. What
    /// another gateway carried is none of its business, though both were of one route.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn receipt(
        &self,
        gateway: ConnectionName,
        reference: String,
        delivery: Delivery,
        cx: &RequestContext,
    ) -> Result<bool, EngineError> {
        let event = self.event(kind_of_receipt(&delivery), cx, self.now());
        let (after, why) = match delivery {
            Delivery::Delivered => (SendOutcome::Accepted { reference: None }, None),
            Delivery::Undelivered { why } => (SendOutcome::Refused { why: format!("not delivered: {why}") }, Some(why)),
        };
        let before = SendOutcome::Accepted { reference: Some(reference.clone()) };
        let configuration = self.configuration();
        let take = move |tx: &mut S::Tx| {
            // The record says who of a route carried it; without a route it was the connection itself.
            let carried = match tx.sent_challenge(&before, Some(&gateway))? {
                None => tx.sent_challenge(&before, None)?,
                found => found,
            };
            let Some(challenge) = carried else { return Ok(false) };
            let own = |outgoing: &&Outgoing| *challenge.carried_by.as_ref().unwrap_or(&outgoing.connection) == gateway;
            let Some(outgoing) = challenge.outgoing.as_ref().filter(own) else { return Ok(false) };
            if !tx.settle_send(challenge.id, &before, &after, challenge.carried_by.as_ref())? {
                return Ok(false);
            }
            let mut event = event.clone();
            if let Some(interaction) = tx.interaction(challenge.interaction)? {
                event.client = Some(interaction.request.client.to_string());
                event.user = interaction.subject.user();
                confirmation::mark(&mut event, &interaction);
            }
            event.details.extend(way_of(&configuration, outgoing, challenge.carried_by.as_ref()));
            event.details.insert("to".to_owned(), outgoing.masked.clone());
            event.details.insert("reference".to_owned(), reference.clone());
            event.details.extend(why.clone().map(|why| ("answer".to_owned(), why)));
            tx.append_audit(&event)?;
            Ok(true)
        };
        Ok(self.store.write(take).await?)
    }
}

/// How it is called what a gateway says.
fn kind_of_receipt(delivery: &Delivery) -> &'static str {
    match delivery {
        Delivery::Delivered => "otp.delivered",
        Delivery::Undelivered { .. } => "otp.undelivered",
    }
}
