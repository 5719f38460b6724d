//! `/invitation/{token}`: somebody takes up an invitation. Opening the page uses nothing up, since whoever scans mail opens links
//! too; the password that is posted does.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use secrecy::SecretString;
use vestibule_authn_password::{HashError, Password, names_of};
use vestibule_core::{
    audit::AuditEvent,
    engine::may_act,
    id::{AuthenticatorName, ClientId, CredentialId},
    joining::{Invitation, Invited},
    prompt::Text,
    store::{StoreExt as _, StoreResult},
    time::Time,
    user::{Credential, User},
};

use crate::{
    admin::{
        invitations::{INVITATION, INVITATION_PAGE, rank},
        users::link_hash,
    },
    answer::{self, Drawing},
    context,
    http::{csrf, form, gate::request_id},
    pages::{self, Cause, Link, Page},
    passwords,
    state::{State, Transaction},
};

const FORM: &str = "invitation";

/// `GET /invitation/{token}`.
pub async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let (token, hash) = secret(&state, &req);
    match whose(&state, hash).await {
        Ok(Some((invitation, user))) => ask(&state, &req, &token, (&invitation, &user), StatusCode::OK, None),
        Ok(None) => answer::error(&state, &req, Cause::Gone),
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

/// `POST /invitation/{token}`.
pub async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (token, hash) = secret(&state, &req);
    let params = match form::read(&state, &req, payload).await {
        Ok(params) => params,
        Err(error) => return answer::form_error(&state, &req, error),
    };
    let given = params.get(csrf::FIELD).unwrap_or_default();
    if !csrf::same_site(&req, &state.public.origin) || !csrf::right(&state.prf, FORM, &token, given) {
        return answer::error(&state, &req, Cause::Forbidden);
    }
    // Before anything that costs: a hash is made for who is invited, and for nobody else.
    let (invitation, user) = match whose(&state, hash.clone()).await {
        Ok(Some(found)) => found,
        Ok(None) => return answer::error(&state, &req, Cause::Gone),
        Err(error) => return answer::store_error(&state, &req, &error),
    };
    let again = |status, why: Text| ask(&state, &req, &token, (&invitation, &user), status, Some(why));
    let password = SecretString::from(params.get("password").unwrap_or_default());
    if let Err(refused) = state.passwords.check(&password, &names_of(&user)).await {
        return again(StatusCode::UNPROCESSABLE_ENTITY, passwords::words(refused));
    }
    let phc = match state.hash_pool.hash(&password).await {
        Ok(phc) => SecretString::from(phc),
        Err(HashError::Busy) => return again(StatusCode::SERVICE_UNAVAILABLE, Text::new("new-password.busy")),
        Err(error) => {
            tracing::error!(%error, request_id = request_id(&req), "a password could not be hashed");
            return answer::error(&state, &req, Cause::Internal);
        }
    };
    match accept(&state, &req, hash, &user, phc).await {
        Ok(true) => done(&state, &req, &invitation, &user),
        Ok(false) => answer::error(&state, &req, Cause::Gone),
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

/// The secret of the link, and the hash by which it is known.
fn secret(state: &State, req: &HttpRequest) -> (String, String) {
    let token = req.match_info().get("token").unwrap_or_default().to_owned();
    let hash = link_hash(&state.prf, INVITATION, &token);
    (token, hash)
}

/// An invitation that works, and of whom: who has nothing to sign in with, the rank that they had, and the address that it went to.
/// Where that was changed it may have gone to somebody else.
fn living(tx: &mut Transaction, hash: &str, now: Time) -> StoreResult<Option<(Invitation, User)>> {
    let Some(invitation) = tx.invitation(hash)?.filter(|invitation| invitation.alive(now)) else { return Ok(None) };
    let Invited { sent_to, rank: had, .. } = &invitation.about;
    let same = |user: &User| rank(user) == *had && (sent_to.is_none() || *sent_to == user.email);
    let user = tx.user(invitation.user)?.filter(|user| may_act(user) && same(user));
    let Some(user) = user else { return Ok(None) };
    let bare = tx.credentials_of(user.id)?.is_empty();
    Ok(bare.then_some((invitation, user)))
}

async fn whose(state: &State, hash: String) -> StoreResult<Option<(Invitation, User)>> {
    let now = state.clock.now();
    state.store.read(move |tx: &mut Transaction| living(tx, &hash, now)).await
}

/// Uses the invitation up and sets the password; the address counts as proved where the link went there and nowhere else.
async fn accept(state: &State, req: &HttpRequest, hash: String, user: &User, phc: SecretString) -> StoreResult<bool> {
    let (now, id) = (state.clock.now(), user.id);
    let credential = Credential {
        id: CredentialId::new(now, &*state.random),
        user: id,
        authenticator: AuthenticatorName::from(Password::NAME),
        label: None,
        secret: phc,
        version: 1,
        created_at: now,
    };
    let cx = context::of(state, req);
    let event = AuditEvent {
        user: Some(id),
        network: Some(cx.network().as_str().to_owned()),
        request_id: Some(cx.request_id),
        ..AuditEvent::new("user.accepted", now, &*state.random)
    };
    let work = move |tx: &mut Transaction| {
        let Some((invitation, user)) = living(tx, &hash, now)? else { return Ok(false) };
        if !tx.accept_invitation(&hash, now)? {
            return Ok(false);
        }
        tx.insert_credential(&credential)?;
        let came_by_mail = invitation.about.sent_to.is_some();
        if came_by_mail && !user.email_verified {
            tx.update_user(&User { email_verified: true, updated_at: now.max(user.updated_at), ..user })?;
        }
        let proved = if came_by_mail { "email" } else { "nothing" };
        let details = BTreeMap::from([("proved".to_owned(), proved.to_owned())]);
        tx.append_audit(&AuditEvent { details, ..event.clone() })?;
        Ok(true)
    };
    state.store.write(work).await
}

/// The name and the address of the application that somebody is invited to.
fn application(state: &State, client: Option<&ClientId>) -> Option<(String, Option<String>)> {
    let snapshot = state.live.snapshot();
    let client = snapshot.client(client?.as_str()).filter(|client| !client.disabled)?;
    Some((client.name.clone(), client.client_uri.clone()))
}

fn page(state: &State, invitation: &Invitation, user: &User) -> pages::Invitation {
    pages::Invitation {
        action: String::new(),
        by: invitation.about.by.clone(),
        app: application(state, invitation.about.client.as_ref()).map(|(name, _)| name),
        username: user.username.to_string(),
        minimum: state.passwords.minimum(),
        fault: None,
        done: false,
        back: None,
    }
}

fn ask(
    state: &State,
    req: &HttpRequest,
    token: &str,
    (invitation, user): (&Invitation, &User),
    status: StatusCode,
    fault: Option<Text>,
) -> HttpResponse {
    let action = state.public.path(&format!("{INVITATION_PAGE}/{token}"));
    let page = pages::Invitation { action, fault, ..page(state, invitation, user) };
    let drawing = Drawing { csrf: csrf::token(&state.prf, FORM, token), ..Drawing::default() };
    answer::page(state, req, status, &Page::Invitation(page), drawing)
}

/// On to the application that they were invited to, or to the portal: there they sign in.
fn done(state: &State, req: &HttpRequest, invitation: &Invitation, user: &User) -> HttpResponse {
    let portal = || Link { href: state.public.path("/portal"), name: state.public.host.clone() };
    let app = application(state, invitation.about.client.as_ref());
    let back = app.and_then(|(name, uri)| uri.map(|href| Link { href, name })).unwrap_or_else(portal);
    let page = pages::Invitation { done: true, back: Some(back), ..page(state, invitation, user) };
    answer::page(state, req, StatusCode::OK, &Page::Invitation(page), Drawing::default())
}
