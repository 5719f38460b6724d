//! `/set-password/{token}` and `/reset-password/{token}`: somebody chooses their password by a link that an admin made for them, or
//! that was mailed to them since they had forgotten theirs. Opening the page uses nothing up, since whoever scans mail opens links
//! too; the password that is posted does.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use secrecy::{ExposeSecret as _, SecretString};
use vestibule_authn_password::{HashError, Password, must_change, names_of};
use vestibule_core::{
    audit::AuditEvent,
    crypto::Prf,
    engine::may_act,
    id::{AuthenticatorName, CredentialId},
    prompt::Text,
    store::{StoreExt as _, StoreResult},
    user::{Credential, User},
};
use vestibule_oauth::sign_out;

use crate::{
    admin::users::{PASSWORD_LINK, PASSWORD_PAGE, link_hash, password_purpose},
    answer::{self, Drawing},
    context,
    http::{csrf, form, gate::request_id},
    pages::{Cause, Link, NewPassword, Page},
    passwords, reset,
    state::{State, Transaction},
};

const FORM: &str = "set-password";

/// Whose word a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// An admin's, who made it.
    Admin,
    /// The mailbox's, to which it was sent.
    Mail,
}

/// A link, as it was opened.
struct Opened {
    by: By,
    /// Its secret.
    token: String,
    /// How it is known.
    hash: String,
}

impl By {
    const fn page(self) -> &'static str {
        match self {
            Self::Admin => PASSWORD_PAGE,
            Self::Mail => reset::PAGE,
        }
    }

    const fn link(self) -> &'static str {
        match self {
            Self::Admin => PASSWORD_LINK,
            Self::Mail => reset::LINK,
        }
    }

    const fn kind_of_event(self) -> &'static str {
        match self {
            Self::Admin => "password.set",
            Self::Mail => "password.reset",
        }
    }

    /// What a link for this user has to be for, as they stand now.
    fn purpose(self, tx: &mut Transaction, prf: &Prf, user: &User) -> StoreResult<Option<String>> {
        match self {
            Self::Admin => Ok(Some(password_purpose(user))),
            Self::Mail => reset::purpose(tx, prf, user),
        }
    }

    fn opened(self, state: &State, token: &str) -> Opened {
        Opened { by: self, token: token.to_owned(), hash: link_hash(&state.prf, self.link(), token) }
    }
}

/// `GET /set-password/{token}`.
pub async fn get(req: HttpRequest, state: Data<State>, token: Path<String>) -> HttpResponse {
    open(&req, &state, By::Admin.opened(&state, &token)).await
}

/// `POST /set-password/{token}`.
pub async fn post(req: HttpRequest, state: Data<State>, token: Path<String>, payload: Payload) -> HttpResponse {
    choose(&req, &state, By::Admin.opened(&state, &token), payload).await
}

/// `GET /reset-password/{token}`.
pub async fn get_mailed(req: HttpRequest, state: Data<State>, token: Path<String>) -> HttpResponse {
    open(&req, &state, By::Mail.opened(&state, &token)).await
}

/// `POST /reset-password/{token}`.
pub async fn post_mailed(req: HttpRequest, state: Data<State>, token: Path<String>, payload: Payload) -> HttpResponse {
    choose(&req, &state, By::Mail.opened(&state, &token), payload).await
}

async fn open(req: &HttpRequest, state: &State, link: Opened) -> HttpResponse {
    match whose(state, &link).await {
        Ok(Some(user)) => ask(state, req, &link, &user, StatusCode::OK, None),
        Ok(None) => answer::error(state, req, Cause::Gone),
        Err(error) => answer::store_error(state, req, &error),
    }
}

async fn choose(req: &HttpRequest, state: &State, link: Opened, payload: Payload) -> HttpResponse {
    let params = match form::read(state, req, payload).await {
        Ok(params) => params,
        Err(error) => return answer::form_error(state, req, error),
    };
    let given = params.get(csrf::FIELD).unwrap_or_default();
    if !csrf::same_site(req, &state.public.origin) || !csrf::right(&state.prf, FORM, &link.token, given) {
        return answer::error(state, req, Cause::Forbidden);
    }
    // Before anything that costs: a hash is made for who has a link, and for nobody else.
    let user = match whose(state, &link).await {
        Ok(Some(user)) => user,
        Ok(None) => return answer::error(state, req, Cause::Gone),
        Err(error) => return answer::store_error(state, req, &error),
    };
    let again = |status, why: Text| ask(state, req, &link, &user, status, Some(why));
    let password = SecretString::from(params.get("password").unwrap_or_default());
    if let Err(refused) = state.passwords.check(&password, &names_of(&user)).await {
        return again(StatusCode::UNPROCESSABLE_ENTITY, passwords::words(refused));
    }
    match known(state, &user, &password).await {
        Ok(Ok(false)) => {}
        Ok(Ok(true)) => return again(StatusCode::UNPROCESSABLE_ENTITY, Text::new("new-password.known")),
        Ok(Err(error)) => {
            tracing::warn!(%error, request_id = request_id(req), "a password could not be compared");
            return again(StatusCode::SERVICE_UNAVAILABLE, Text::new("new-password.busy"));
        }
        Err(error) => return answer::store_error(state, req, &error),
    }
    let phc = match state.hash_pool.hash(&password).await {
        Ok(phc) => SecretString::from(phc),
        Err(HashError::Busy) => return again(StatusCode::SERVICE_UNAVAILABLE, Text::new("new-password.busy")),
        Err(error) => {
            tracing::error!(%error, request_id = request_id(req), "a password could not be hashed");
            return answer::error(state, req, Cause::Internal);
        }
    };
    match set(state, req, &link, &user, phc).await {
        Ok(true) => done(state, req, &user),
        Ok(false) => answer::error(state, req, Cause::Gone),
        Err(error) => answer::store_error(state, req, &error),
    }
}

/// Whether it is the present one, and others may know that.
async fn known(state: &State, user: &User, password: &SecretString) -> StoreResult<Result<bool, HashError>> {
    let (id, name) = (user.id, AuthenticatorName::from(Password::NAME));
    let own = state.store.read(move |tx: &mut Transaction| tx.credentials(id, &name)).await?;
    let Some(own) = own.last().filter(|own| must_change(own.secret.expose_secret())) else {
        return Ok(Ok(false));
    };
    Ok(state.hash_pool.verify(password, own.secret.expose_secret()).await)
}

/// Whose password a link sets, as long as it works.
async fn whose(state: &State, link: &Opened) -> StoreResult<Option<User>> {
    let (now, by, hash, prf) = (state.clock.now(), link.by, link.hash.clone(), state.prf.clone());
    let read = move |tx: &mut Transaction| {
        let living = tx.link(&hash)?.filter(|link| link.consumed_at.is_none() && now < link.expires_at);
        let Some(link) = living else { return Ok(None) };
        let Some(user) = tx.user(link.user)?.filter(may_act) else { return Ok(None) };
        Ok((by.purpose(tx, &prf, &user)? == Some(link.purpose)).then_some(user))
    };
    state.store.read(read).await
}

/// Uses the link up, sets the password, and signs everybody out of the account: all of it or nothing.
async fn set(state: &State, req: &HttpRequest, link: &Opened, user: &User, phc: SecretString) -> StoreResult<bool> {
    let (by, hash, prf) = (link.by, link.hash.clone(), state.prf.clone());
    let (now, id, name) = (state.clock.now(), user.id, AuthenticatorName::from(Password::NAME));
    let credential = Credential {
        id: CredentialId::new(now, &*state.random),
        user: id,
        authenticator: name.clone(),
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
        ..AuditEvent::new(by.kind_of_event(), now, &*state.random)
    };
    let work = move |tx: &mut Transaction| {
        let Some(user) = tx.user(id)?.filter(may_act) else { return Ok(false) };
        let Some(purpose) = by.purpose(tx, &prf, &user)? else { return Ok(false) };
        if !tx.consume_link(&hash, &purpose, now)? {
            return Ok(false);
        }
        for old in tx.credentials(id, &name)? {
            tx.delete_credential(old.id)?;
        }
        tx.insert_credential(&credential)?;
        sign_out::everywhere(tx, id, now)?;
        tx.append_audit(&event)?;
        Ok(true)
    };
    state.store.write(work).await
}

fn ask(
    state: &State,
    req: &HttpRequest,
    link: &Opened,
    user: &User,
    status: StatusCode,
    fault: Option<Text>,
) -> HttpResponse {
    let page = NewPassword {
        action: state.public.path(&format!("{}/{}", link.by.page(), link.token)),
        username: user.username.to_string(),
        minimum: state.passwords.minimum(),
        fault,
        done: false,
        back: None,
    };
    let drawing = Drawing { csrf: csrf::token(&state.prf, FORM, &link.token), ..Drawing::default() };
    answer::page(state, req, status, &Page::NewPassword(page), drawing)
}

fn done(state: &State, req: &HttpRequest, user: &User) -> HttpResponse {
    let page = NewPassword {
        action: String::new(),
        username: user.username.to_string(),
        minimum: state.passwords.minimum(),
        fault: None,
        done: true,
        back: Some(Link { href: state.public.path("/portal"), name: state.public.host.clone() }),
    };
    answer::page(state, req, StatusCode::OK, &Page::NewPassword(page), Drawing::default())
}
