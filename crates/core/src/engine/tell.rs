//! Telling: a message without a code, to where somebody was reached until now, that they are reached elsewhere from now on. Who
//! did not do that learns of it by the way that the thief did not have.
//!
//! It is put into the outbox in the transaction that writes the change, so it leaves if that happened and whatever becomes of this
//! process; nobody waits for it, and a gateway that refuses it takes nothing back.

use super::Engine;
use crate::{
    authenticator::Outgoing,
    channel::Message,
    id::MessageId,
    outbox::{LIFE, Posted},
    store::Store,
    time::Time,
};

/// What such a message is called in the log.
const KIND: &str = "former";

impl<S: Store + ?Sized> Engine<S> {
    pub(super) fn posted(&self, outgoing: &Outgoing, now: Time) -> Posted {
        Posted {
            id: MessageId::new(now, &*self.parts.random),
            // It is nobody's any more: who deletes the account a moment later does not take the warning along.
            user: None,
            kind: KIND.to_owned(),
            connection: outgoing.connection.clone(),
            message: message(outgoing),
            created_at: now,
            due_at: now,
            expires_at: now + LIFE,
            tries: 0,
        }
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
