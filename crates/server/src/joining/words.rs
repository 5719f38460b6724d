//! The message that carries the code, or that says that there is an account already. It leaves after the answer: whoever asked
//! could tell by the time which of the two it is.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, rt, web::Data};
use secrecy::{ExposeSecret as _, SecretString};
use vestibule_core::{
    audit::AuditEvent,
    authenticator::Contact,
    budget::{Beyond, BudgetKey, Rule},
    channel::{Message, SendOutcome},
    engine::Stranger,
    id::ConnectionName,
    joining::Registration,
    prompt::Text,
    store::StoreExt as _,
};

use super::{begin::SPEC, destination, masked};
use crate::{
    context,
    state::{State, Transaction},
};

/// Lets the message of a registration leave.
pub(super) fn depart(
    state: &Data<State>,
    req: &HttpRequest,
    registration: &Registration,
    by: ConnectionName,
    stranger: Stranger,
) {
    let mut event = event(state, req, "registration.begun");
    event.details = BTreeMap::from([("to".to_owned(), masked(&registration.contact))]);
    let (state, message) = (state.clone(), message(state, registration));
    rt::spawn(async move {
        let outcome = state.engine.carry(&by, &message, &mut event).await;
        let record = move |tx: &mut Transaction| {
            if matches!(outcome, SendOutcome::Refused { .. }) {
                stranger.refused(tx)?;
            }
            tx.append_audit(&event)
        };
        if let Err(error) = state.store.write(record).await {
            tracing::error!(%error, "the outcome of a registration's message could not be recorded");
        }
    });
}

/// Notes that a limit was met, as often as a report of a limit may be noted.
pub(super) async fn note_limited(state: &State, req: &HttpRequest) {
    let (now, event) = (state.clock.now(), event(state, req, "registration.limited"));
    let key = BudgetKey::reports(&context::of(state, req).network());
    let rule = Rule { limit: 10, window: std::time::Duration::from_secs(600), beyond: Beyond::WaitForWindow };
    let note = move |tx: &mut Transaction| match tx.budget(&key)?.spend(&rule, now) {
        Ok(spent) => {
            tx.put_budget(&key, spent, spent.forgotten_at(&rule))?;
            tx.append_audit(&event)
        }
        Err(_) => Ok(()),
    };
    if let Err(error) = state.store.write(note).await {
        tracing::warn!(%error, "that a limit was met could not be recorded");
    }
}

/// An event of somebody who is no user.
pub(super) fn event(state: &State, req: &HttpRequest, kind: &str) -> AuditEvent {
    let cx = context::of(state, req);
    AuditEvent {
        network: Some(cx.network().as_str().to_owned()),
        request_id: Some(cx.request_id),
        ..AuditEvent::new(kind, state.clock.now(), &*state.random)
    }
}

/// Nothing that somebody typed stands in it but the address that it goes to: a name would be a way to write to strangers in the
/// name of this server.
fn message(state: &State, registration: &Registration) -> Message {
    let locale = registration.locale.as_str();
    let host = &state.public.host;
    let code = registration.code.reveal(&state.prf, registration.id, 0);
    let say = |key: &str| {
        let text = Text::new(key).with("host", host).with("url", state.public.url("/portal"));
        state
            .pages
            .words()
            .say(locale, &text.with("minutes", SPEC.life.0.div_ceil(60)).with("code", code.expose_secret()))
    };
    let (subject, body, code) = match (&registration.contact, registration.taken) {
        (Contact::Email(_), false) => {
            (Some(say("post.registration.subject")), say("post.registration.mail"), code.clone())
        }
        (Contact::Email(_), true) => {
            (Some(say("post.registration-taken.subject")), say("post.registration-taken.mail"), SecretString::default())
        }
        (Contact::PhoneNumber(_), _) => (None, say("post.registration.sms"), code.clone()),
    };
    Message { to: destination(&registration.contact).to_owned(), subject, body: body.into(), code }
}
