//! Logout asked for by a client (OpenID Connect RP-Initiated Logout).
//!
//! Nobody is signed out by an image or a link of somebody else: without an ID token of this very session the person is asked
//! first. And nobody is sent anywhere but to a URI that the client registered, to the letter.

use url::Url;
use vestibule_core::{id::SessionId, session::Session, time::Time};
use vestibule_jose::VerifyError;

use crate::{
    errors::ErrorPage,
    id_token::{self, HintClaims},
    params::Params,
    snapshot::{Registered, Snapshot},
};

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogoutPlan {
    /// Ask the person; the form sends the same parameters again, and then `confirmed`.
    Confirm {
        /// The name of the client that asks, where one is known.
        client_name: Option<String>,
    },
    /// End this session, then go on.
    End {
        /// The session of this browser.
        session: SessionId,
        /// Where to.
        then: Then,
    },
    /// Nobody is signed in in this browser: go on.
    SignedOut(Then),
}

/// What follows a logout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Send the browser there.
    Redirect(Url),
    /// Show that they are signed out.
    Page,
}

/// Plans a logout. `session` is the browser's living session; `confirmed` says that the person agreed on our page, from this
/// browser.
///
/// # Errors
/// An [`ErrorPage`] when the hint is not ours or another client's, or the URI is not registered.
pub fn plan_logout(
    query: &[u8],
    session: Option<&Session>,
    confirmed: bool,
    snapshot: &Snapshot,
    now: Time,
) -> Result<LogoutPlan, ErrorPage> {
    let params = Params::parse(query)?;
    for name in ["client_id", "post_logout_redirect_uri", "id_token_hint", "state"] {
        if params.is_repeated(name) {
            return Err(ErrorPage::Repeated(name));
        }
    }
    let hint = hint(&params, snapshot, now)?;
    let client = client(&params, hint.as_ref(), snapshot)?;
    let then = then(&params, client)?;
    let Some(session) = session else { return Ok(LogoutPlan::SignedOut(then)) };
    let own = hint.is_some_and(|hint| hint.sid == Some(session.id.to_string()));
    if own || confirmed {
        return Ok(LogoutPlan::End { session: session.id, then });
    }
    Ok(LogoutPlan::Confirm { client_name: client.map(|client| client.name.clone()) })
}

/// The ID token that the client shows. One whose key is gone by now was perhaps ours: it counts as none, so the person is
/// asked.
fn hint(params: &Params, snapshot: &Snapshot, now: Time) -> Result<Option<HintClaims>, ErrorPage> {
    let Some(token) = params.get("id_token_hint") else { return Ok(None) };
    match id_token::read_hint(token, snapshot, now) {
        Ok(claims) => Ok(Some(claims)),
        Err(VerifyError::UnknownKey) => Ok(None),
        Err(_) => Err(ErrorPage::BadHint),
    }
}

/// The client that asks: the one it names, which must be the one that the hint was given to.
fn client<'a>(
    params: &Params,
    hint: Option<&HintClaims>,
    snapshot: &'a Snapshot,
) -> Result<Option<&'a Registered>, ErrorPage> {
    let known = |id: &str| snapshot.client(id).map(|client| &**client);
    match (params.get("client_id"), hint) {
        (Some(id), hint) => {
            let client = known(id).ok_or_else(|| ErrorPage::UnknownClient(id.to_owned()))?;
            match hint {
                Some(hint) if !hint.aud.contains(id) => Err(ErrorPage::HintOfOtherClient(client.id.clone())),
                _ => Ok(Some(client)),
            }
        }
        (None, Some(hint)) => Ok(hint.aud.0.first().and_then(|id| known(id))),
        (None, None) => Ok(None),
    }
}

fn then(params: &Params, client: Option<&Registered>) -> Result<Then, ErrorPage> {
    let Some(uri) = params.get("post_logout_redirect_uri") else { return Ok(Then::Page) };
    let client = client.ok_or(ErrorPage::NoClient)?;
    let unregistered = || ErrorPage::UnregisteredUri { client: client.id.clone(), uri: uri.to_owned() };
    if client.disabled || !client.post_logout_redirect_uris.iter().any(|registered| registered == uri) {
        return Err(unregistered());
    }
    let mut url = Url::parse(uri).map_err(|_| unregistered())?;
    if let Some(state) = params.get("state") {
        url.query_pairs_mut().append_pair("state", state);
    }
    Ok(Then::Redirect(url))
}
