//! The last page: a name if one is wanted, and the password. With it the user comes to be, all of it in one transaction.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use secrecy::SecretString;
use vestibule_authn_password::{HashError, Password, names_of};
use vestibule_core::{
    audit::AuditEvent,
    authenticator::Contact,
    id::{AuthenticatorName, CredentialId, UserId},
    joining::Registration,
    prompt::Text,
    store::{StoreError, StoreExt as _, StoreResult},
    time::Time,
    user::{Credential, LoginName, User},
};
use vestibule_oauth::Params;

use super::{
    ACCOUNT, CODE, COOKIE, Held, TRIES, blank, code::advance, destination, draw, fault, name, open, over, posted, set,
    sign_in, under_way, words,
};
use crate::{
    answer,
    http::gate::request_id,
    pages::{Cause, Fault, Register, Stage},
    passwords,
    state::{State, Transaction},
};

/// `GET /register/account`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    if let Err(answer) = open(&state, &req) {
        return answer;
    }
    let Some(held) = Held::of(&state, &req) else { return over(&state, &req) };
    match under_way(&state, &held).await {
        Ok(Some(registration)) if registration.proved_at.is_none() => answer::see_other(&state.public.path(CODE)),
        Ok(Some(registration)) => show(&state, &req, &held, &registration, "", None),
        Ok(None) => over(&state, &req),
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

/// `POST /register/account`.
pub(super) async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (held, params) = match posted(&state, &req, payload).await {
        Ok(posted) => posted,
        Err(answer) => return answer,
    };
    let registration = match under_way(&state, &held).await {
        // Before anything that costs: who has tried too many names has nothing hashed any more.
        Ok(Some(registration)) if registration.proved_at.is_some() && registration.tries >= TRIES => {
            return over(&state, &req);
        }
        Ok(Some(registration)) if registration.proved_at.is_some() => registration,
        Ok(Some(_)) => return answer::see_other(&state.public.path(CODE)),
        Ok(None) => return over(&state, &req),
        Err(error) => return answer::store_error(&state, &req, &error),
    };
    let username = params.get("username").unwrap_or_default();
    match create(&state, &req, &registration, &params).await {
        Ok(user) => done(&state, &req, &registration, &user),
        Err(NotMade::Fault(status, fault)) => show(&state, &req, &held, &registration, username, Some((status, fault))),
        Err(NotMade::Over) => over(&state, &req),
        Err(NotMade::Broken) => answer::error(&state, &req, Cause::Internal),
        Err(NotMade::Store(error)) => answer::store_error(&state, &req, &error),
    }
}

/// Why no account came to be.
enum NotMade {
    Fault(StatusCode, Fault),
    Over,
    Broken,
    Store(StoreError),
}

impl From<StoreError> for NotMade {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn unfit(key: &str, field: &'static str) -> NotMade {
    NotMade::Fault(StatusCode::UNPROCESSABLE_ENTITY, fault(key, field))
}

/// The list: a name that may be one, a password that may be one, its hash, and the user.
async fn create(
    state: &State,
    req: &HttpRequest,
    registration: &Registration,
    params: &Params,
) -> Result<User, NotMade> {
    let (now, typed) = (state.clock.now(), params.get("username").unwrap_or_default().trim());
    let username = username(registration, typed).ok_or_else(|| unfit("register.fault.username", "username"))?;
    let user = user(state, registration, username, now);
    let password = SecretString::from(params.get("password").unwrap_or_default());
    let refused = |text| NotMade::Fault(StatusCode::UNPROCESSABLE_ENTITY, Fault { text, field: "password", at: None });
    let checked = state.passwords.check(&password, &names_of(&user)).await;
    checked.map_err(|why| refused(passwords::words(why)))?;
    let phc = state.hash_pool.hash(&password).await.map_err(|error| match error {
        HashError::Busy => {
            let text = Text::new("new-password.busy");
            NotMade::Fault(StatusCode::SERVICE_UNAVAILABLE, Fault { text, field: "", at: None })
        }
        error => {
            tracing::error!(%error, request_id = request_id(req), "a password could not be hashed");
            NotMade::Broken
        }
    })?;
    let credential = Credential {
        id: CredentialId::new(now, &*state.random),
        user: user.id,
        authenticator: AuthenticatorName::from(Password::NAME),
        label: None,
        secret: phc.into(),
        version: 1,
        created_at: now,
    };
    let event = AuditEvent { user: Some(user.id), ..words::event(state, req, "user.registered") };
    let (key, made) = (registration.key.clone(), user.clone());
    let work = move |tx: &mut Transaction| write_down(tx, &key, &made, &credential, &event, now);
    match state.store.write(work).await? {
        Written::Made => Ok(user),
        Written::Taken => Err(NotMade::Fault(StatusCode::CONFLICT, fault("register.fault.taken", "username"))),
        Written::Over => Err(NotMade::Over),
    }
}

/// The name to sign in with: the one that was chosen, or the address.
fn username(registration: &Registration, typed: &str) -> Option<LoginName> {
    match &registration.contact {
        Contact::Email(address) if typed.is_empty() => LoginName::parse(address),
        _ => name::parse(typed),
    }
}

/// The user that is to be: what was proved, what they are called, the groups of the settings, and nothing else.
fn user(state: &State, registration: &Registration, username: LoginName, now: Time) -> User {
    let mut user = User {
        display_name: registration.display_name.clone(),
        locale: Some(registration.locale.clone()),
        groups: state.registration.groups.clone(),
        ..User::new(UserId::new(now, &*state.random), username, now)
    };
    match &registration.contact {
        Contact::Email(address) => (user.email, user.email_verified) = (Some(address.clone()), true),
        Contact::PhoneNumber(number) => {
            (user.phone_number, user.phone_number_verified) = (Some(number.clone()), true);
        }
    }
    user
}

enum Written {
    Made,
    Taken,
    Over,
}

/// The registration is spent and the user made, or neither.
fn write_down(
    tx: &mut Transaction,
    key: &str,
    user: &User,
    credential: &Credential,
    event: &AuditEvent,
    now: Time,
) -> StoreResult<Written> {
    let proved = |known: &Registration| known.alive(now) && known.proved_at.is_some() && known.tries < TRIES;
    let Some(registration) = tx.registration(key)?.filter(proved) else { return Ok(Written::Over) };
    // Another browser was faster with the same address: its account is there.
    if let Some(address) = user.email.as_deref().and_then(LoginName::parse)
        && tx.user_by_login(&address)?.is_some()
    {
        return Ok(Written::Over);
    }
    if tx.user_by_login(&user.username)?.is_some() {
        advance(tx, Registration { tries: registration.tries.saturating_add(1), ..registration })?;
        return Ok(Written::Taken);
    }
    advance(tx, Registration { done: Some((now, user.id)), ..registration })?;
    tx.insert_user(user)?;
    tx.insert_credential(credential)?;
    tx.append_audit(event)?;
    Ok(Written::Made)
}

fn show(
    state: &State,
    req: &HttpRequest,
    held: &Held,
    registration: &Registration,
    username: &str,
    fault: Option<(StatusCode, Fault)>,
) -> HttpResponse {
    let (status, fault) = fault.map_or((StatusCode::OK, None), |(status, fault)| (status, Some(fault)));
    let page = Register {
        action: state.public.path(ACCOUNT),
        fault,
        contact: destination(&registration.contact).to_owned(),
        username: username.to_owned(),
        needs_username: matches!(registration.contact, Contact::PhoneNumber(_)),
        ..blank(state, Stage::Account, registration.run)
    };
    draw(state, req, status, page, held.csrf(state))
}

fn done(state: &State, req: &HttpRequest, registration: &Registration, user: &User) -> HttpResponse {
    let page = Register {
        username: user.username.to_string(),
        next: sign_in(state, registration.run),
        ..blank(state, Stage::Done, registration.run)
    };
    let mut response = draw(state, req, StatusCode::OK, page, String::new());
    set(&mut response, &state.cookies.remove(COOKIE));
    response
}
