//! Where one is signed in and remembered, as the portal's first page lists it; signing out there, and forgetting.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use vestibule_core::{
    device::TrustedDevice,
    engine::EngineError,
    id::{DeviceId, SessionId},
    session::Session,
    store::{StoreError, StoreExt as _},
};

use super::{HOME, door};
use crate::{
    answer, context,
    insider::Visitor,
    pages::{DeviceRow, SessionRow},
    state::{State, Transaction},
};

/// `POST /portal`: signs out one of the person's browsers (`session`), or all but this one (`everywhere`), which forgets the other
/// devices too; or forgets one device (`device`).
pub(super) async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (visitor, params) = match door::admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    let named = params.get("session").and_then(|id| id.parse::<SessionId>().ok());
    let everywhere = params.get("everywhere").is_some();
    let device = params.get("device").and_then(|id| id.parse::<DeviceId>().ok());
    let this = context::of(&state, &req).device.map(|device| device.id);
    let forgotten = |id: DeviceId| (everywhere && this != Some(id)) || device == Some(id);
    let done = match forget(&state, &req, &visitor, forgotten).await {
        Ok(()) => sign_out(&state, &req, &visitor, |id| everywhere || named == Some(id)).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => answer::see_other(&state.public.path(HOME)),
        Err(error) => answer::engine_error(&state, &req, &error, None),
    }
}

/// Ends the chosen ones of the person's other sessions. Only ever their own: a session of somebody else is not among them.
async fn sign_out(
    state: &State,
    req: &HttpRequest,
    visitor: &Visitor,
    chosen: impl Fn(SessionId) -> bool,
) -> Result<(), EngineError> {
    loop {
        let living = sessions(state, visitor).await?.into_iter().map(|session| session.id);
        let mut ended = false;
        for id in living.filter(|id| *id != visitor.session.id && chosen(*id)) {
            ended |= state.engine.end_session(id, &context::of(state, req)).await?;
        }
        // The list is bounded: behind what was ended there may be more.
        if !ended {
            return Ok(());
        }
    }
}

/// Forgets the chosen ones of the person's remembered devices.
async fn forget(
    state: &State,
    req: &HttpRequest,
    visitor: &Visitor,
    chosen: impl Fn(DeviceId) -> bool,
) -> Result<(), EngineError> {
    loop {
        let living = devices(state, visitor).await?.into_iter().map(|device| device.id);
        let mut forgotten = false;
        for id in living.filter(|id| chosen(*id)) {
            forgotten |= state.engine.forget_device(visitor.user.id, id, &context::of(state, req)).await?;
        }
        if !forgotten {
            return Ok(());
        }
    }
}

pub(super) async fn sessions(state: &State, visitor: &Visitor) -> Result<Vec<Session>, StoreError> {
    let (user, now) = (visitor.user.id, state.clock.now());
    state.store.read(move |tx: &mut Transaction| tx.sessions_of(user, now)).await
}

pub(super) async fn devices(state: &State, visitor: &Visitor) -> Result<Vec<TrustedDevice>, StoreError> {
    let (user, now) = (visitor.user.id, state.clock.now());
    state.store.read(move |tx: &mut Transaction| tx.devices_of(user, now)).await
}

pub(super) fn row(session: &Session, current: SessionId) -> SessionRow {
    SessionRow {
        id: session.id.to_string(),
        browser: browser(session.user_agent.as_deref().unwrap_or_default()),
        network: session.network.clone(),
        since: session.created_at.into(),
        renewed: session.renewed_at.into(),
        current: session.id == current,
    }
}

pub(super) fn device_row(device: &TrustedDevice, current: Option<DeviceId>) -> DeviceRow {
    DeviceRow {
        id: device.id.to_string(),
        browser: browser(device.user_agent.as_deref().unwrap_or_default()),
        network: device.network.clone(),
        until: device.expires_at.into(),
        current: current == Some(device.id),
    }
}

/// A browser in words. What it calls itself claims to be every other browser too, so the order is what tells them apart.
pub(crate) fn browser(agent: &str) -> String {
    let first =
        |known: &[(&str, &'static str)]| known.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    let name = first(&[
        ("Edg/", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
    ]);
    let system = first(&[
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ]);
    match (name, system) {
        (Some(name), Some(system)) => format!("{name} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_told_in_words() {
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        let edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0";
        assert_eq!(browser(firefox), "Firefox on Linux");
        assert_eq!(browser(edge), "Edge on Windows");
        assert_eq!(browser("<script>"), "?");
    }
}
