//! `/portal/data`: taking one's data along, and deleting one's account.
//!
//! Both ask for a proof of this moment, by more than a password if one has more: whoever finds a browser open must neither carry
//! everything off nor destroy it.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};
use serde_json::{Value, json};
use vestibule_core::{
    Time,
    audit::{AuditEvent, page::AuditFilter},
    device::TrustedDevice,
    engine::may_act,
    prompt::Text,
    session::Session,
    store::{StoreError, StoreExt as _, StoreResult},
    time::Timestamp,
    user::{Credential, LoginName},
};

use super::{DATA, apps, door};
use crate::{
    admin::{
        AdminError,
        guard::Guard,
        transact,
        users::{self, FactorView, UserView},
    },
    answer::{self, Drawing},
    http::cookies::SESSION,
    insider::Visitor,
    pages::{Cause, Deleted, OwnData, Page},
    post::{Desk, notices},
    state::{State, Transaction},
};

/// So many events are read at once.
const PAGE: usize = 500;
/// So many are taken along.
const MOST: usize = 10_000;

/// What did not work, and with which status it is said.
struct Fault(StatusCode, &'static str);

/// `GET /portal/data`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    match door::enter(&state, &req).await {
        Ok(visitor) => show(&state, &req, &visitor, None).await,
        Err(answer) => answer,
    }
}

/// Goes on when they proved a moment ago that it is them.
async fn proved(state: &State, req: &HttpRequest, visitor: &Visitor) -> Result<(), HttpResponse> {
    match visitor.proved_now(state).await {
        Ok(true) => Ok(()),
        Ok(false) => {
            let fault = Fault(StatusCode::FORBIDDEN, "own-data.prove_first");
            Err(show(state, req, visitor, Some(fault)).await)
        }
        Err(error) => Err(answer::engine_error(state, req, &error, None)),
    }
}

/// `POST /portal/data/export`: everything that is kept of them, without what anybody could sign in with.
pub(super) async fn export(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let visitor = match door::admitted(&state, &req, payload).await {
        Ok((visitor, _)) => visitor,
        Err(refusal) => return refusal,
    };
    if let Err(refusal) = proved(&state, &req, &visitor).await {
        return refusal;
    }
    let document = match collected(&state, &req, &visitor).await {
        Ok(document) => document,
        Err(error) => return answer::store_error(&state, &req, &error),
    };
    HttpResponse::Ok()
        .insert_header((header::CONTENT_DISPOSITION, "attachment; filename=\"account.json\""))
        .content_type("application/json")
        .body(format!("{document:#}\n"))
}

async fn collected(state: &State, req: &HttpRequest, visitor: &Visitor) -> StoreResult<Value> {
    let (now, id) = (state.clock.now(), visitor.user.id);
    let event = door::event(state, req, visitor, "data.exported");
    let read = move |tx: &mut Transaction| {
        tx.append_audit(&event)?;
        let user = tx.user(id)?.ok_or_else(|| StoreError::Conflict("the account is gone".to_owned()))?;
        let (factors, apps) = (tx.credentials_of(id)?, apps::of(tx, id, now)?);
        Ok((user, factors, tx.sessions_of(id, now)?, tx.devices_of(id, now)?, apps))
    };
    let (user, credentials, sessions, devices, apps) = state.store.write(read).await?;
    let (events, more) = events(state, visitor).await?;
    let number = users::phone_of(&user).map(|view| json!(view));
    let factors: Vec<Value> = number.into_iter().chain(credentials.iter().map(|own| factor(state, own, now))).collect();
    let apps: Vec<Value> = apps
        .iter()
        .map(|app| json!({ "client": app.client, "scopes": app.scopes, "since": Timestamp(app.since) }))
        .collect();
    Ok(json!({
        "issuer": state.public.issuer.as_str(),
        "made_at": Timestamp(now),
        "profile": UserView::from(&user),
        "factors": factors,
        "sessions": sessions.iter().map(session).collect::<Vec<_>>(),
        "devices": devices.iter().map(device).collect::<Vec<_>>(),
        "apps": apps,
        "events": events.iter().map(told).collect::<Vec<_>>(),
        "older_events_left_out": more,
    }))
}

fn factor(state: &State, own: &Credential, now: Time) -> Value {
    let left = state.engine.registry().get(&own.authenticator).and_then(|known| known.uses_left(own, now));
    let FactorView { id, authenticator, label, created_at, .. } = users::factor(own);
    json!({ "id": id, "authenticator": authenticator, "label": label, "created_at": created_at, "uses_left": left })
}

fn session(session: &Session) -> Value {
    json!({
        "id": session.id,
        "user_agent": session.user_agent,
        "network": session.network,
        "created_at": Timestamp(session.created_at),
        "renewed_at": Timestamp(session.renewed_at),
        "expires_at": Timestamp(session.expires_at),
    })
}

fn device(device: &TrustedDevice) -> Value {
    json!({
        "id": device.id,
        "user_agent": device.user_agent,
        "network": device.network,
        "created_at": Timestamp(device.created_at),
        "used_at": Timestamp(device.used_at),
        "expires_at": Timestamp(device.expires_at),
    })
}

/// What happened to them. Who of the people who look after the server did it is those people's data.
fn told(event: &AuditEvent) -> Value {
    json!({
        "at": Timestamp(event.at),
        "kind": event.kind,
        "client": event.client,
        "network": event.network,
        "authenticator": event.details.get("authenticator"),
    })
}

/// Their own events, newest first, and whether there are older ones.
async fn events(state: &State, visitor: &Visitor) -> StoreResult<(Vec<AuditEvent>, bool)> {
    let own = AuditFilter { user: Some(visitor.user.id), ..AuditFilter::default() };
    let (mut events, mut before) = (Vec::new(), None);
    while events.len() < MOST {
        let filter = own.clone();
        let read = move |tx: &mut Transaction| tx.audit_page(&filter, before, PAGE);
        let page = state.store.read(read).await?;
        events.extend(page.entries.into_iter().map(|entry| entry.event));
        match page.next {
            Some(next) => before = Some(next),
            None => return Ok((events, false)),
        }
    }
    Ok((events, true))
}

/// `POST /portal/data/delete`: the account and everything that is its own, where the server lets people do that.
pub(super) async fn delete(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    if !state.portal.delete_account {
        return answer::error(&state, &req, Cause::NotFound);
    }
    let (visitor, params) = match door::admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    if let Err(refusal) = proved(&state, &req, &visitor).await {
        return refusal;
    }
    let typed = LoginName::parse(params.get("username").unwrap_or_default());
    if typed.as_ref() != Some(&visitor.user.username) {
        let fault = Fault(StatusCode::UNPROCESSABLE_ENTITY, "own-data.wrong_name");
        return show(&state, &req, &visitor, Some(fault)).await;
    }
    let fault = |words| Some(Fault(StatusCode::CONFLICT, words));
    match remove(&state, &req, &visitor).await {
        Ok(()) => gone(&state, &req),
        Err(AdminError::LocksOut(_)) => show(&state, &req, &visitor, fault("own-data.last_owner")).await,
        Err(AdminError::Managed(_)) => show(&state, &req, &visitor, fault("own-data.managed")).await,
        Err(AdminError::Store(error)) => answer::store_error(&state, &req, &error),
        Err(AdminError::NotFound(_)) => answer::error(&state, &req, Cause::NotFound),
        Err(_) => answer::error(&state, &req, Cause::Internal),
    }
}

/// All of it or nothing. The log keeps that it happened, and to which id, which nobody gets again; what they were called goes along.
async fn remove(state: &State, req: &HttpRequest, visitor: &Visitor) -> Result<(), AdminError> {
    let (guard, now, id, here) = (Guard::new(state), state.clock.now(), visitor.user.id, visitor.session.id);
    let event = door::event(state, req, visitor, "account.deleted");
    let desk = Desk::of(state);
    transact::write(state, move |tx| {
        let living = tx.session(here)?.is_some_and(|session| session.alive(now));
        let user = tx.user(id)?.filter(|user| living && may_act(user)).ok_or(AdminError::NotFound("user"))?;
        users::unmanaged(tx, &user)?;
        let guarded = guard.before(tx)?;
        tx.delete_user(id)?;
        guard.hold(tx, guarded)?;
        notices::deleted(tx, &desk, &user, now)?;
        Ok(tx.append_audit(&event)?)
    })
    .await
}

fn gone(state: &State, req: &HttpRequest) -> HttpResponse {
    let page = Page::Deleted(Deleted {});
    let mut response = answer::page(state, req, StatusCode::OK, &page, Drawing::default());
    for cookie in [state.cookies.remove(door::insider(state).cookie), state.cookies.remove(SESSION)] {
        if let Err(error) = response.add_cookie(&cookie) {
            tracing::error!(%error, "a cookie could not be removed");
        }
    }
    response
}

async fn show(state: &State, req: &HttpRequest, visitor: &Visitor, fault: Option<Fault>) -> HttpResponse {
    let fresh = match visitor.proved_now(state).await {
        Ok(fresh) => fresh,
        Err(error) => return answer::engine_error(state, req, &error, None),
    };
    let path = |rest: &str| state.public.path(&format!("{DATA}/{rest}"));
    let (status, words) = fault.map_or((StatusCode::OK, None), |Fault(status, words)| (status, Some(words)));
    let page = Page::OwnData(OwnData {
        fresh,
        export: path("export"),
        delete: state.portal.delete_account.then(|| path("delete")),
        username: visitor.user.username.to_string(),
        fault: words.map(Text::new),
        typed_wrong: status == StatusCode::UNPROCESSABLE_ENTITY,
        paths: door::paths(state),
    });
    door::show(state, req, visitor, status, &page)
}
