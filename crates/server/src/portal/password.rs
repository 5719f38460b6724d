//! `/portal/password`: another password, with the present one and a proof of a moment ago. Everybody else who is signed in to the
//! account is signed out.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use secrecy::SecretString;
use vestibule_authn_password::{HashError, Password, names_of};
use vestibule_core::{
    Rejection,
    engine::{EngineError, Tried, may_act},
    id::{AuthenticatorName, CredentialId},
    prompt::{Fields, Text},
    store::{StoreExt as _, StoreResult},
    time::Time,
    user::Credential,
};
use vestibule_oauth::{Params, sign_out};

use super::door;
use crate::{
    answer, context,
    http::gate::request_id,
    insider::Visitor,
    pages::{ChangePassword, Page},
    passwords,
    state::{State, Transaction},
};

/// What is wrong with what was posted: the status, the words, and when it may be tried again.
struct Fault(StatusCode, Text, Option<Time>);

/// Why it was not done.
enum NotDone {
    Fault(Fault),
    Engine(EngineError),
}

impl From<EngineError> for NotDone {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<Fault> for NotDone {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// `GET /portal/password`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let visitor = match door::enter(&state, &req).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    ask(&state, &req, &visitor, None).await
}

/// `POST /portal/password`.
pub(super) async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (visitor, params) = match door::admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    match change(&state, &req, &visitor, &params).await {
        Ok(()) => door::show(&state, &req, &visitor, StatusCode::OK, &page(&state, &visitor, true)),
        Err(NotDone::Fault(fault)) => ask(&state, &req, &visitor, Some(fault)).await,
        Err(NotDone::Engine(error)) => answer::engine_error(&state, &req, &error, None),
    }
}

/// The list: a proof of a moment ago, a password that may be one, the present one, and only then the change.
async fn change(state: &State, req: &HttpRequest, visitor: &Visitor, params: &Params) -> Result<(), NotDone> {
    if !visitor.proved_now(state).await? {
        return Err(Fault(StatusCode::FORBIDDEN, Text::new("change-password.prove_first"), None).into());
    }
    let text = |name: &str| params.get(name).unwrap_or_default();
    let (current, password) = (text("current"), SecretString::from(text("password")));
    let unfit = |words| Fault(StatusCode::UNPROCESSABLE_ENTITY, words, None);
    let checked = state.passwords.check(&password, &names_of(&visitor.user)).await;
    checked.map_err(|refused| unfit(passwords::words(refused)))?;
    if has_password(state, visitor).await.map_err(EngineError::from)? {
        if current == text("password") {
            return Err(unfit(Text::new("change-password.same")).into());
        }
        right(state, req, visitor, current).await?;
    }
    let phc = state.hash_pool.hash(&password).await.map_err(|error| match error {
        HashError::Busy => Fault(StatusCode::SERVICE_UNAVAILABLE, Text::new("new-password.busy"), None),
        error => {
            tracing::error!(%error, request_id = request_id(req), "a password could not be hashed");
            Fault(StatusCode::INTERNAL_SERVER_ERROR, Text::new("change-password.trouble"), None)
        }
    })?;
    Ok(set(state, req, visitor, phc.into()).await.map_err(EngineError::from)?)
}

/// The present password, within the budgets of a sign-in.
async fn right(state: &State, req: &HttpRequest, visitor: &Visitor, current: &str) -> Result<(), NotDone> {
    let fields = Fields::from_iter([("password", current)]);
    let name = AuthenticatorName::from(Password::NAME);
    let tried = state.engine.try_alone(&visitor.user, &name, &fields, &context::of(state, req)).await?;
    let fault = |status, words| Fault(status, Text::new(words), None);
    Err(match tried {
        Tried::Right => return Ok(()),
        Tried::Wrong(Rejection::Malformed) => fault(StatusCode::UNPROCESSABLE_ENTITY, "new-password.long"),
        Tried::Wrong(_) => fault(StatusCode::UNPROCESSABLE_ENTITY, "change-password.wrong"),
        Tried::Limited(limited) => {
            let words = if limited.retry_at.is_some() { "change-password.limited" } else { "change-password.stopped" };
            Fault(StatusCode::TOO_MANY_REQUESTS, Text::new(words), limited.retry_at)
        }
        Tried::Trouble { busy: true } => fault(StatusCode::SERVICE_UNAVAILABLE, "new-password.busy"),
        Tried::Trouble { busy: false } => fault(StatusCode::INTERNAL_SERVER_ERROR, "change-password.trouble"),
    }
    .into())
}

/// Sets it, and signs everybody else out: all of it or nothing.
async fn set(state: &State, req: &HttpRequest, visitor: &Visitor, phc: SecretString) -> StoreResult<()> {
    let (now, user, here) = (state.clock.now(), visitor.user.id, visitor.session.id);
    let name = AuthenticatorName::from(Password::NAME);
    let credential = Credential {
        id: CredentialId::new(now, &*state.random),
        user,
        authenticator: name.clone(),
        label: None,
        secret: phc,
        version: 1,
        created_at: now,
    };
    let event = door::event(state, req, visitor, "password.changed");
    let work = move |tx: &mut Transaction| {
        let living = tx.session(here)?.is_some_and(|session| session.alive(now));
        if !living || !tx.user(user)?.is_some_and(|user| may_act(&user)) {
            return Err(vestibule_core::store::StoreError::Conflict("signed out meanwhile".to_owned()));
        }
        for old in tx.credentials(user, &name)? {
            tx.delete_credential(old.id)?;
        }
        tx.insert_credential(&credential)?;
        sign_out::elsewhere(tx, user, here, now)?;
        tx.append_audit(&event)
    };
    state.store.write(work).await
}

async fn has_password(state: &State, visitor: &Visitor) -> StoreResult<bool> {
    let (user, name) = (visitor.user.id, AuthenticatorName::from(Password::NAME));
    Ok(!state.store.read(move |tx: &mut Transaction| tx.credentials(user, &name)).await?.is_empty())
}

fn page(state: &State, visitor: &Visitor, done: bool) -> Page {
    Page::ChangePassword(ChangePassword {
        username: visitor.user.username.to_string(),
        minimum: state.passwords.minimum(),
        has_password: true,
        fresh: true,
        fault: None,
        at: None,
        done,
        paths: door::paths(state),
    })
}

async fn ask(state: &State, req: &HttpRequest, visitor: &Visitor, fault: Option<Fault>) -> HttpResponse {
    let fresh = match visitor.proved_now(state).await {
        Ok(fresh) => fresh,
        Err(error) => return answer::engine_error(state, req, &error, None),
    };
    let has_password = match has_password(state, visitor).await {
        Ok(has) => has,
        Err(error) => return answer::store_error(state, req, &error),
    };
    let (status, words, at) = match fault {
        Some(Fault(status, words, at)) => (status, Some(words), at),
        None => (StatusCode::OK, None, None),
    };
    let page = Page::ChangePassword(ChangePassword {
        username: visitor.user.username.to_string(),
        minimum: state.passwords.minimum(),
        has_password,
        fresh,
        fault: words,
        at: at.map(Into::into),
        done: false,
        paths: door::paths(state),
    });
    door::show(state, req, visitor, status, &page)
}
