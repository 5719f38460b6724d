//! The first entry: a link that is used once, made on the machine by `vestibule admin link`, behind which an owner chooses a
//! password. Then they sign in as everybody does.
//!
//! Opening the link changes nothing, since mail scanners and previews open links; the form behind it spends it. The page says
//! the same of a link that never was, one that is over and one that was used.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::SecretString;
use vestibule_authn_password::names_of;
use vestibule_core::{
    audit::AuditEvent,
    crypto::Prf,
    directory::OneTimeLink,
    id::{AuthenticatorName, CredentialId, UserId},
    prompt::Text,
    random::{Random, RandomExt as _},
    store::{StoreError, StoreExt as _, StoreResult},
    time::Time,
    user::{Credential, LoginName, User},
};
use vestibule_oauth::sign_out;

use crate::{
    admin::{
        AdminError, FieldFault, Role,
        record::{By, Told},
        transact,
    },
    answer::{self, Drawing},
    declare::told,
    http::{csrf, form},
    pages::{
        Cause, Page, Tone,
        console::{Console, Field, Form, Kind, Say, Screen, Shell},
    },
    state::{State, Transaction},
};

/// What such a link is for.
const PURPOSE: &str = "console";
/// For how long one works.
pub const LIFE: Duration = Duration::from_secs(15 * 60);

/// A link, shown once.
pub struct EntryLink {
    /// Its path; whoever opens it becomes an owner.
    pub path: SecretString,
    /// For whom.
    pub username: LoginName,
    /// When it ends.
    pub expires_at: Time,
}

/// Makes a link for `username`, who is made when there is nobody of that name, and becomes an owner by using it.
///
/// # Errors
/// When the store fails, or the user is disabled.
pub fn make_link(
    tx: &mut Transaction,
    username: &LoginName,
    by: &By,
    prf: &Prf,
    random: &dyn Random,
    now: Time,
) -> StoreResult<EntryLink> {
    let user = match tx.user_by_login(username)? {
        Some(user) if user.disabled => return Err(StoreError::Conflict("this user is disabled".to_owned())),
        Some(user) => user,
        None => {
            let user = User::new(UserId::new(now, random), username.clone(), now);
            tx.insert_user(&user)?;
            told::user(tx, by, None, &user, None, random, now)?;
            user
        }
    };
    let secret = URL_SAFE_NO_PAD.encode(random.bytes::<32>());
    let link = OneTimeLink {
        hash: hash(prf, &secret),
        purpose: PURPOSE.to_owned(),
        user: user.id,
        created_at: now,
        expires_at: now + LIFE,
        consumed_at: None,
    };
    tx.insert_link(&link)?;
    let object = user.username.to_string();
    by.record(tx, Told { what: "entry.link_made", object, user: Some(user.id), changes: Vec::new() }, random, now)?;
    let path = SecretString::from(format!("/admin/enter/{secret}"));
    Ok(EntryLink { path, username: user.username, expires_at: link.expires_at })
}

fn hash(prf: &Prf, secret: &str) -> String {
    prf.text("one-time link", &[PURPOSE.as_bytes(), secret.as_bytes()])
}

/// Whom a link is for, as long as it works.
fn holder(tx: &mut Transaction, hash: &str, now: Time) -> StoreResult<Option<User>> {
    let alive = |link: &OneTimeLink| link.purpose == PURPOSE && link.consumed_at.is_none() && now < link.expires_at;
    let Some(link) = tx.link(hash)?.filter(alive) else { return Ok(None) };
    Ok(tx.user(link.user)?.filter(|user| !user.disabled))
}

/// `GET /admin/enter/{secret}`: who chooses a password here. It changes nothing.
pub(super) async fn get(req: HttpRequest, state: Data<State>, path: Path<String>) -> HttpResponse {
    let (secret, now) = (path.into_inner(), state.clock.now());
    let hashed = hash(&state.prf, &secret);
    match state.store.read(move |tx: &mut Transaction| holder(tx, &hashed, now)).await {
        Ok(Some(user)) => show(&state, &req, StatusCode::OK, asked(&state, &user, &secret), &secret),
        Ok(None) => show(&state, &req, StatusCode::GONE, over(), &secret),
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

/// `POST /admin/enter/{secret}`: spends the link, sets the password, and makes the user an owner.
pub(super) async fn post(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (secret, now) = (path.into_inner(), state.clock.now());
    if !csrf::same_site(&req, &state.public.origin) {
        return answer::error(&state, &req, Cause::Forbidden);
    }
    let params = match form::read(&state, &req, payload).await {
        Ok(params) => params,
        Err(error) => return answer::form_error(&state, &req, error),
    };
    if !csrf::right(&state.prf, PURPOSE, &secret, params.get(csrf::FIELD).unwrap_or_default()) {
        return answer::error(&state, &req, Cause::Forbidden);
    }
    let hashed = hash(&state.prf, &secret);
    let known = hashed.clone();
    let user = match state.store.read(move |tx: &mut Transaction| holder(tx, &known, now)).await {
        Ok(Some(user)) => user,
        Ok(None) => return show(&state, &req, StatusCode::GONE, over(), &secret),
        Err(error) => return answer::store_error(&state, &req, &error),
    };
    let (password, again) = (params.get("password").unwrap_or_default(), params.get("again").unwrap_or_default());
    let faults = faults(&state, &user, password, again).await;
    if !faults.is_empty() {
        let mut screen = asked(&state, &user, &secret);
        screen.alarmed = true;
        screen.blocks = vec![password_form(&state, &secret).refused(&faults).into()];
        return show(&state, &req, StatusCode::UNPROCESSABLE_ENTITY, screen, &secret);
    }
    let Ok(phc) = state.hash_pool.hash(&SecretString::from(password)).await else {
        return failed(&state, &req, AdminError::Busy);
    };
    let (random, phc) = (std::sync::Arc::clone(&state.random), SecretString::from(phc));
    let entered = transact::write(&state, move |tx| {
        let Some(user) = holder(tx, &hashed, now)? else { return Ok(false) };
        if !tx.consume_link(&hashed, PURPOSE, now)? {
            return Ok(false);
        }
        enter(tx, user, &phc, &*random, now)?;
        Ok(true)
    });
    match entered.await {
        Ok(true) => answer::see_other(&state.public.path("/admin")),
        Ok(false) => show(&state, &req, StatusCode::GONE, over(), &secret),
        Err(error) => failed(&state, &req, error),
    }
}

/// The password that was, and whoever is signed in with it, are gone: whoever makes a link is the machine's owner, and mostly
/// does so because somebody else has the account or nobody knows the password.
fn enter(tx: &mut Transaction, user: User, phc: &SecretString, random: &dyn Random, now: Time) -> StoreResult<()> {
    let authenticator = AuthenticatorName::from("password");
    for old in tx.credentials(user.id, &authenticator)? {
        tx.delete_credential(old.id)?;
    }
    tx.insert_credential(&Credential {
        id: CredentialId::new(now, random),
        user: user.id,
        authenticator,
        label: None,
        secret: phc.clone(),
        version: 1,
        created_at: now,
    })?;
    sign_out::everywhere(tx, user.id, now)?;
    let id = user.id;
    if !user.roles.iter().any(|role| role == Role::Owner.name()) {
        let mut roles = user.roles.clone();
        roles.push(Role::Owner.name().to_owned());
        tx.update_user(&User { roles, updated_at: now.max(user.updated_at), ..user })?;
    }
    tx.append_audit(&AuditEvent { user: Some(id), ..AuditEvent::new("admin.entry.used", now, random) })
}

async fn faults(state: &State, user: &User, password: &str, again: &str) -> Vec<FieldFault> {
    let mut faults = Vec::new();
    let weak = state.dev.is_some();
    match state.passwords.check(&SecretString::from(password), &names_of(user)).await {
        Err(refused) if !weak || password.is_empty() => faults.push(FieldFault::new("/password", refused.to_string())),
        _ => {}
    }
    if password != again {
        faults.push(FieldFault::new("/again", "this is another password"));
    }
    faults
}

fn asked(state: &State, user: &User, secret: &str) -> Screen {
    entry_screen(user.username.as_str(), password_form(state, secret))
}

pub(super) fn entry_screen(username: &str, form: Form) -> Screen {
    let mut screen = Screen::new(Text::new("console.entry.title").with("username", username));
    screen.lead = Some(Text::new("console.entry.lead"));
    screen.with(form)
}

fn password_form(state: &State, secret: &str) -> Form {
    form_to(state.public.path(&format!("/admin/enter/{secret}")))
}

pub(super) fn form_to(action: String) -> Form {
    let field =
        |name: &str, label: &str| Field::new(Kind::Password, name, label, "").required().autocomplete("new-password");
    Form::new("entry", action, "console.entry.submit")
        .field(field("password", "console.entry.password"))
        .field(field("again", "console.entry.again"))
}

pub(super) fn over() -> Screen {
    Screen::new(Text::new("console.entry.over.title"))
        .lead("console.entry.over.lead")
        .flash(Tone::Bad, Say::key("console.entry.over.why"))
}

fn show(state: &State, req: &HttpRequest, status: StatusCode, screen: Screen, secret: &str) -> HttpResponse {
    let shell = Shell { home: state.public.path("/admin"), ..Shell::default() };
    let drawing = Drawing { csrf: csrf::token(&state.prf, PURPOSE, secret), ..Drawing::default() };
    answer::page(state, req, status, &Page::Console(Console { shell, screen }), drawing)
}

fn failed(state: &State, req: &HttpRequest, error: AdminError) -> HttpResponse {
    match error {
        AdminError::Store(error) => answer::store_error(state, req, &error),
        _ => answer::error(state, req, Cause::Unavailable),
    }
}
