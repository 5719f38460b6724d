//! Who asks (RFC 6749, section 3.1: one `client_id`).

use std::sync::Arc;

use crate::{
    errors::ErrorPage,
    params::Params,
    snapshot::{Registered, Snapshot},
};

pub(super) fn check(params: &Params, snapshot: &Snapshot) -> Result<Arc<Registered>, ErrorPage> {
    if params.is_repeated("client_id") {
        return Err(ErrorPage::Repeated("client_id"));
    }
    let id = params.get("client_id").ok_or(ErrorPage::NoClient)?;
    let client = snapshot.client(id).ok_or_else(|| ErrorPage::UnknownClient(id.to_owned()))?;
    if client.disabled { Err(ErrorPage::DisabledClient(client.id.clone())) } else { Ok(Arc::clone(client)) }
}
