//! What the engine is told of a request.

use std::net::IpAddr;

use actix_web::{HttpRequest, http::header::USER_AGENT};
use vestibule_core::engine::RequestContext;

use crate::{
    http::{address::client_ip, gate::request_id},
    state::State,
};

/// The browser's address, if it can be told. Without one, a condition on networks has no answer, so that its step is due.
fn ip(state: &State, req: &HttpRequest) -> Option<IpAddr> {
    client_ip(req.peer_addr()?.ip(), req.headers(), &state.trusted_proxies)
}

/// Where a request comes from.
pub(crate) fn of(state: &State, req: &HttpRequest) -> RequestContext {
    let agent = req.headers().get(USER_AGENT).and_then(|value| value.to_str().ok());
    RequestContext { ip: ip(state, req), user_agent: agent.map(str::to_owned), request_id: request_id(req) }
}
