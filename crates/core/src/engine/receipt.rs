//! Receipts: what a gateway says later about a message that it took.
//!
//! A receipt names the message as the gateway's answer did. One that was delivered is told to the log and to nobody else; one that
//! was not is as good as refused, so the page says so and offers what it offers then. Each is taken once: what is told again, or
//! about a message that was followed by another one, is not known any more.

use super::{Engine, EngineError, RequestContext};
use crate::{
    channel::{Delivery, SendOutcome},
    id::ConnectionName,
    store::{Store, StoreExt as _, Tx as _},
};

impl<S: Store + ?Sized> Engine<S> {
    /// Takes what a gateway says of the message that it called `reference`, where it went by one of the connections `by`; whether
    /// there is such a message.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn receipt(
        &self,
        by: Vec<ConnectionName>,
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
        let take = move |tx: &mut S::Tx| {
            let Some(challenge) = tx.sent_challenge(&before)? else { return Ok(false) };
            let Some(outgoing) = challenge.outgoing.as_ref().filter(|outgoing| by.contains(&outgoing.connection))
            else {
                return Ok(false);
            };
            if !tx.settle_send(challenge.id, &before, &after)? {
                return Ok(false);
            }
            let mut event = event.clone();
            if let Some(interaction) = tx.interaction(challenge.interaction)? {
                event.client = Some(interaction.request.client.to_string());
                event.user = interaction.subject.user();
            }
            event.details.insert("connection".to_owned(), outgoing.connection.to_string());
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
