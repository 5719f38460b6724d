//! `/portal`: who am I, where am I signed in, sign out there.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use vestibule_authn_smsotp::parse_number;
use vestibule_core::{
    device::TrustedDevice,
    engine::EngineError,
    id::{DeviceId, SessionId},
    session::Session,
    store::{StoreError, StoreExt as _},
};
use vestibule_oauth::Params;

use crate::{
    answer::{self, Drawing},
    context,
    http::{cookies::SESSION, csrf, form},
    insider::{Insider, Visitor},
    pages::{Cause, DeviceRow, Home, Page, SessionRow, SignedOut},
    state::{State, Transaction},
};

const FORM: &str = "portal";

fn insider(state: &State) -> Insider<'_> {
    Insider::portal(&state.portal_client)
}

fn begin(state: &State) -> HttpResponse {
    insider(state).begin(state, insider(state).home, &[])
}

/// `GET /portal/callback`.
pub async fn callback(req: HttpRequest, state: Data<State>) -> HttpResponse {
    insider(&state).callback(&req, &state).await
}

/// `GET /portal`.
pub async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    match insider(&state).visitor(&state, &req).await {
        Ok(Some(visitor)) => home(&state, &req, &visitor).await,
        Ok(None) => begin(&state),
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

/// `POST /portal`: signs out one of the person's browsers (`session`), or all but this one (`everywhere`), which forgets the other
/// devices too; or forgets one device (`device`).
pub async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (visitor, params) = match admitted(&state, &req, payload).await {
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
        Ok(()) => answer::see_other(&state.public.path("/portal")),
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

/// `POST /portal/logout`: signs out of this browser.
pub async fn logout(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (visitor, _) = match admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    if let Err(error) = state.engine.end_session(visitor.session.id, &context::of(&state, &req)).await {
        return answer::engine_error(&state, &req, &error, None);
    }
    let page = Page::SignedOut(SignedOut { back: None });
    let mut response = answer::page(&state, &req, StatusCode::OK, &page, Drawing::default());
    for cookie in [state.cookies.remove(insider(&state).cookie), state.cookies.remove(SESSION)] {
        if let Err(error) = response.add_cookie(&cookie) {
            tracing::error!(%error, "a cookie could not be removed");
        }
    }
    response
}

/// Who posts, when the form is one of ours in this browser.
async fn admitted(state: &State, req: &HttpRequest, payload: Payload) -> Result<(Visitor, Params), HttpResponse> {
    if !csrf::same_site(req, &state.public.origin) {
        return Err(answer::error(state, req, Cause::Forbidden));
    }
    let params = form::read(state, req, payload).await.map_err(|error| answer::form_error(state, req, error))?;
    let visitor = insider(state).visitor(state, req).await.map_err(|error| answer::store_error(state, req, &error))?;
    let visitor = visitor.ok_or_else(|| begin(state))?;
    let given = params.get(csrf::FIELD).unwrap_or_default();
    if !csrf::right(&state.prf, FORM, &visitor.cookie, given) {
        return Err(answer::error(state, req, Cause::Forbidden));
    }
    Ok((visitor, params))
}

async fn sessions(state: &State, visitor: &Visitor) -> Result<Vec<Session>, StoreError> {
    let (user, now) = (visitor.user.id, state.clock.now());
    state.store.read(move |tx: &mut Transaction| tx.sessions_of(user, now)).await
}

async fn devices(state: &State, visitor: &Visitor) -> Result<Vec<TrustedDevice>, StoreError> {
    let (user, now) = (visitor.user.id, state.clock.now());
    state.store.read(move |tx: &mut Transaction| tx.devices_of(user, now)).await
}

async fn home(state: &State, req: &HttpRequest, visitor: &Visitor) -> HttpResponse {
    let mut sessions = match sessions(state, visitor).await {
        Ok(sessions) => sessions,
        Err(error) => return answer::store_error(state, req, &error),
    };
    let devices = match devices(state, visitor).await {
        Ok(devices) => devices,
        Err(error) => return answer::store_error(state, req, &error),
    };
    let this = context::of(state, req).device.map(|device| device.id);
    // The present browser first; the others stay newest first.
    sessions.sort_by_key(|session| session.id != visitor.session.id);
    let user = &visitor.user;
    let page = Page::Home(Home {
        user: user.into(),
        email: user.email.clone(),
        phone: user.phone_number.as_deref().map(masked),
        sessions: sessions.iter().map(|session| row(session, visitor.session.id)).collect(),
        devices: devices.iter().map(|device| device_row(device, this)).collect(),
        notice: None,
        action: state.public.path("/portal"),
        logout: state.public.path("/portal/logout"),
    });
    let drawing = Drawing { csrf: csrf::token(&state.prf, FORM, &visitor.cookie), ..Drawing::default() };
    answer::page(state, req, StatusCode::OK, &page, drawing)
}

fn row(session: &Session, current: SessionId) -> SessionRow {
    SessionRow {
        id: session.id.to_string(),
        browser: browser(session.user_agent.as_deref().unwrap_or_default()),
        network: session.network.clone(),
        since: session.created_at.into(),
        renewed: session.renewed_at.into(),
        current: session.id == current,
    }
}

fn device_row(device: &TrustedDevice, current: Option<DeviceId>) -> DeviceRow {
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

/// A number that its owner recognizes and nobody learns, as the page that asks for a code shows it.
fn masked(number: &str) -> String {
    parse_number(number, None).map_or_else(|_| "•••".to_owned(), |number| number.masked())
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

    #[test]
    fn a_number_is_not_told_whole() {
        assert_eq!(masked("+12025550142"), "+1 ••• ••• ••42");
        assert_eq!(masked("+442079460018"), "+44 ••• ••• ••18");
        assert_eq!(masked("no number"), "•••");
    }
}
