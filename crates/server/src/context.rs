//! What the engine is told of a request.

use std::net::IpAddr;

use actix_web::{
    HttpRequest,
    cookie::{Cookie, time::Duration},
    http::header::USER_AGENT,
};
use vestibule_core::{device::DeviceGiven, engine::RequestContext};

use crate::{
    http::{address::client_ip, cookies::DEVICE, gate::request_id},
    state::State,
};

/// The browser's address, if it can be told. Without one, a condition on networks has no answer, so that its step is due.
fn ip(state: &State, req: &HttpRequest) -> Option<IpAddr> {
    client_ip(req.peer_addr()?.ip(), req.headers(), &state.trusted_proxies)
}

/// The cookie of a remembered device. It outlives the browser, for as long as the device is remembered.
pub(crate) fn device_cookie(state: &State, device: DeviceGiven) -> Cookie<'static> {
    let mut cookie = state.cookies.make(DEVICE, state.engine.device_cookie(device.reference));
    let left = device.expires_at.since(state.clock.now()).as_secs();
    cookie.set_max_age(Duration::seconds(i64::try_from(left).unwrap_or(i64::MAX)));
    cookie
}

/// Where a request comes from.
pub(crate) fn of(state: &State, req: &HttpRequest) -> RequestContext {
    let agent = req.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    let device = state.cookies.read(req, DEVICE).and_then(|cookie| state.engine.device_ref(&cookie));
    RequestContext { ip: ip(state, req), user_agent: agent.map(str::to_owned), device, request_id: request_id(req) }
}
