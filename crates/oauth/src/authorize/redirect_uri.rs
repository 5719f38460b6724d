//! Where the answer goes. Always to be sent (OpenID Connect Core, section 3.1.2.1), also by a client that has only one: a
//! request that means whatever is registered changes its meaning when something is registered.

use crate::{errors::ErrorPage, model::Client, params::Params, redirect_uri::matches};

pub(super) fn check(params: &Params, client: &Client) -> Result<String, ErrorPage> {
    if params.is_repeated("redirect_uri") {
        return Err(ErrorPage::Repeated("redirect_uri"));
    }
    let uri = params.get("redirect_uri").ok_or_else(|| ErrorPage::NoRedirectUri(client.id.clone()))?;
    if client.redirect_uris.iter().any(|registered| matches(registered, uri)) {
        Ok(uri.to_owned())
    } else {
        Err(ErrorPage::UnregisteredUri { client: client.id.clone(), uri: uri.to_owned() })
    }
}
