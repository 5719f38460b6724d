//! The two kinds of refusals of the protocol, and where each goes: a page for the person, or the client by redirect.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::Value;
use vestibule_oauth::{ErrorPage, answer_url};

use crate::{
    answer,
    http::gate::{about, request_id},
    logging::brief,
    pages::{Cause, Link},
    state::State,
};

/// A page: nobody but the person may be told.
pub(super) fn page(state: &State, req: &HttpRequest, error: &ErrorPage) -> HttpResponse {
    tracing::info!(error = brief(error), request_id = request_id(req), "a request was refused with a page");
    let cause = match error {
        ErrorPage::NoClient | ErrorPage::UnknownClient(_) | ErrorPage::DisabledClient(_) => Cause::UnknownApp,
        ErrorPage::NoRedirectUri(_) | ErrorPage::UnregisteredUri { .. } => Cause::WrongAddress,
        ErrorPage::Unreadable(_) | ErrorPage::Repeated(_) | ErrorPage::BadHint | ErrorPage::HintOfOtherClient(_) => {
            Cause::BadRequest
        }
    };
    let snapshot = state.live.snapshot();
    let client = error.client().and_then(|id| snapshot.client(id.as_str()));
    if let Some(client) = client {
        about(req, &client.id);
    }
    let back = client.and_then(|client| Some(Link { href: client.client_uri.clone()?, name: client.name.clone() }));
    answer::error_with(state, req, cause, back, Some(error.to_string()))
}

/// The client, told by a record of an answer.
pub(super) fn to_answer(state: &State, req: &HttpRequest, record: &Value) -> HttpResponse {
    match answer_url(record, &state.prf, &state.public.issuer) {
        Ok(url) => answer::see_other(url.as_str()),
        Err(error) => {
            tracing::error!(%error, "a stored answer cannot be read");
            answer::error(state, req, Cause::Internal)
        }
    }
}
