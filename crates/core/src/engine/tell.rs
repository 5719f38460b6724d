//! Telling: a message without a code, to where somebody was reached until now, that they are reached elsewhere from now on. Who
//! did not do that learns of it by the way that the thief did not have.
//!
//! It leaves when the change is written, and nobody waits for it: a gateway that refuses it takes nothing back.

use std::sync::Arc;

use super::Engine;
use crate::{
    authenticator::Outgoing,
    channel::{Message, SendOutcome},
    store::Store,
};

impl<S: Store + ?Sized> Engine<S> {
    pub(super) fn tell(&self, outgoing: Outgoing) {
        let configuration = self.configuration();
        let Some(channel) = configuration.channels.get(&outgoing.connection).map(Arc::clone) else {
            tracing::warn!(connection = %outgoing.connection, "nobody could be told of a change: there is no channel");
            return;
        };
        tokio::spawn(async move {
            let outcome = channel.deliver(&message(&outgoing)).await;
            if let SendOutcome::Refused { why } | SendOutcome::Unknown { why } = outcome {
                tracing::warn!(to = outgoing.masked, why, "somebody may not have been told of a change");
            }
        });
    }
}

fn message(outgoing: &Outgoing) -> Message {
    let filled = |template: &str| {
        let client = outgoing.client.replace(['{', '}'], "");
        template.replace("{{host}}", &outgoing.host).replace("{{client}}", &client)
    };
    let subject = outgoing.subject.as_deref().map(filled);
    Message { to: outgoing.to.clone(), subject, body: filled(&outgoing.template).into(), code: String::new().into() }
}
