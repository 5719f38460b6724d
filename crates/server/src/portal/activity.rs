//! `/portal/activity`: what happened to one's account, from the audit log, newest first; and "this was not me".

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use vestibule_core::{
    Time,
    audit::{
        AuditEvent,
        kinds::is_admin,
        page::{AuditCursor, AuditFilter, AuditPage},
    },
    authenticator::label,
    id::{AuditId, AuthenticatorName},
    prompt::Text,
    store::{StoreExt as _, StoreResult},
};
use vestibule_oauth::{Snapshot, sign_out};

use super::{ACTIVITY, door};
use crate::{
    answer,
    http::form,
    insider::Visitor,
    pages::{Activity, Cause, EventRow, Page},
    state::{State, Transaction},
};

/// So many events are on a page.
const PAGE: usize = 30;

/// What is of no interest to a person: parts of what is told beside it, and what programs do.
const PARTS: &[&str] = &[
    "step.passed",
    "step.failed",
    "otp.passed",
    "otp.failed",
    "otp.resent",
    "otp.delivered",
    "otp.undelivered",
    "login.tried",
    "message.failed",
    "message.refused",
    "message.sent",
    "authorize.refused",
    "grant.refused",
    "client.refused",
    "token.refused",
    "token.revoked",
];

/// What the pages have words for.
pub(crate) const TOLD: &[&str] = &[
    "activity.disowned",
    "code.replayed",
    "consent.withdrawn",
    "data.exported",
    "device.forgotten",
    "device.remembered",
    "device.replayed",
    "email.verified",
    "factor.enrolled",
    "factor.removed",
    "factor.renamed",
    "grant.made",
    "login.completed",
    "number.captured",
    "number.changed",
    "otp.limited",
    "otp.rejected",
    "otp.sent",
    "password.changed",
    "password.reset",
    "password.reset_asked",
    "password.set",
    "profile.changed",
    "refresh.replayed",
    "session.ended",
    "step.limited",
    "step.rejected",
];

/// See [`deniable`].
const DENIABLE: &[&str] = &[
    "login.completed",
    "data.exported",
    "device.remembered",
    "email.verified",
    "factor.enrolled",
    "factor.removed",
    "factor.renamed",
    "grant.made",
    "number.captured",
    "number.changed",
    "password.changed",
    "password.reset",
    "password.reset_asked",
    "password.set",
    "profile.changed",
    "step.rejected",
    "otp.rejected",
    "otp.sent",
];

/// `GET /portal/activity`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let visitor = match door::enter(&state, &req).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let params = form::query(&req).unwrap_or_default();
    let before = params.get("before").and_then(cursor);
    match page(&state, &visitor, before, params.get("disowned").is_some()).await {
        Ok(page) => door::show(&state, &req, &visitor, StatusCode::OK, &page),
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

async fn page(state: &State, visitor: &Visitor, before: Option<AuditCursor>, asked: bool) -> StoreResult<Page> {
    let own = AuditFilter { user: Some(visitor.user.id), ..AuditFilter::default() };
    let read = move |tx: &mut Transaction| tx.audit_page(&own, before, PAGE);
    let AuditPage { entries, next } = state.store.read(read).await?;
    let snapshot = state.live.snapshot();
    let whole = |event: &&AuditEvent| confirms(event) || !PARTS.contains(&event.kind.as_str());
    let told = entries.iter().map(|entry| &entry.event).filter(whole);
    let path = state.public.path(ACTIVITY);
    // The address alone says nothing: the log does.
    let disowned = asked && entries.iter().any(|entry| entry.event.kind == "activity.disowned");
    Ok(Page::Activity(Activity {
        events: told.map(|event| row(event, &snapshot)).collect(),
        older: next.map(|(at, id)| format!("{path}?before={}.{id}", at.0)),
        newest: before.map(|_| path),
        disowned,
        paths: door::paths(state),
    }))
}

/// Where a page of older events begins. It is of one's own events, whatever it says.
fn cursor(text: &str) -> Option<AuditCursor> {
    let (at, id) = text.split_once('.')?;
    Some((Time(at.parse().ok()?), id.parse::<AuditId>().ok()?))
}

/// What is said of a code that confirms a transaction, in words of its own: no login is behind it.
pub(crate) const CONFIRMING: &[&str] = &["otp.sent", "otp.passed", "otp.rejected", "otp.limited"];

/// Whether it tells of such a code.
fn confirms(event: &AuditEvent) -> bool {
    CONFIRMING.contains(&event.kind.as_str()) && event.details.get("for").is_some_and(|what| what == "transaction")
}

pub(crate) fn confirming(kind: &str) -> Text {
    Text::new(&format!("activity.confirming.{kind}"))
}

pub(crate) fn words(kind: &str) -> Text {
    match kind {
        told if TOLD.contains(&told) => Text::new(&format!("activity.what.{told}")),
        admin if is_admin(admin) => Text::new("activity.admin").with("kind", admin),
        other => Text::new("activity.other").with("kind", other),
    }
}

/// Whether somebody else could have done it who is not who they say.
pub(crate) fn deniable(kind: &str) -> bool {
    DENIABLE.contains(&kind)
}

fn row(event: &AuditEvent, snapshot: &Snapshot) -> EventRow {
    let app = event.client.as_deref().map(|id| snapshot.client(id).map_or_else(|| id.to_owned(), |c| c.name.clone()));
    let way = event.details.get("authenticator").map(|name| label(&AuthenticatorName::from(name.as_str())));
    EventRow {
        id: event.id.to_string(),
        at: event.at.into(),
        text: if confirms(event) { confirming(&event.kind) } else { words(&event.kind) },
        way,
        app,
        network: event.network.clone(),
        deniable: confirms(event) || deniable(&event.kind),
    }
}

/// `POST /portal/activity`: "this was not me". Everybody else is signed out and every browser forgotten, and the page says what to
/// do now. It asks for no proof: it takes away and gives nothing.
pub(super) async fn disown(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (visitor, params) = match door::admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    let Some(which) = params.get("event").and_then(|id| id.parse::<AuditId>().ok()) else {
        return answer::error(&state, &req, Cause::BadRequest);
    };
    let (now, user, here) = (state.clock.now(), visitor.user.id, visitor.session.id);
    let mut event = door::event(&state, &req, &visitor, "activity.disowned");
    event.details.insert("event".to_owned(), which.to_string());
    let work = move |tx: &mut Transaction| {
        sign_out::elsewhere(tx, user, here, now)?;
        tx.append_audit(&event)
    };
    match state.store.write(work).await {
        Ok(()) => answer::see_other(&state.public.path(&format!("{ACTIVITY}?disowned=1"))),
        Err(error) => answer::store_error(&state, &req, &error),
    }
}
