//! `/register`: people who create their own account, where that is switched on.
//!
//! Three pages: who one is and where one is reached; the code that was sent there; the password. What is under way stands in a
//! row of its own ([`Registration`]) that the browser's cookie finds, and the user comes to be in one transaction at the end.
//! What was proved here is no evidence: whoever has an account now signs in with it, through the chain of the service provider
//! that they came from, like anybody else. Why it is no run of the engine: `docs/decisions/0017`.
//!
//! Nobody learns here who has an account. An address that somebody signs in with gets another message, and nothing else
//! differs: the same row is written, the same page is shown, and the message leaves after the answer.

mod account;
mod begin;
mod code;
mod name;
mod words;

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::Cookie,
    http::StatusCode,
    web::{Payload, ServiceConfig, get, post, resource},
};
use vestibule_authn_emailotp::{Mail, parse_address};
use vestibule_authn_smsotp::{SmsOtp, parse_number};
use vestibule_core::{
    authenticator::Contact,
    channel::Connection,
    id::InteractionId,
    joining::Registration,
    prompt::Text,
    store::{StoreExt as _, StoreResult},
};
use vestibule_oauth::Params;

use crate::{
    answer::{self, Drawing},
    config::Proves,
    http::{cookies::Cookies, csrf, form},
    pages::{Cause, Fault, Page, Register, Stage, interaction},
    state::{State, Transaction},
};

/// Where it begins.
pub(crate) const PATH: &str = "/register";
const CODE: &str = "/register/code";
const ACCOUNT: &str = "/register/account";

/// The plain name of the cookie that finds the registration.
const COOKIE: &str = "vestibule-registration";
/// The name of the forms, for their token.
const FORM: &str = "register";
/// For so long a registration waits.
const LIFE: Duration = Duration::from_secs(30 * 60);
/// So often something wrong may be typed as the code of one.
const CODE_TRIES: u32 = 5;
/// So often something wrong may be typed at all: names that are taken are no list to be read.
const TRIES: u32 = 15;

/// The pages. They are there on every server, and answer where registration is open.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource(PATH).route(get().to(begin::get)).route(post().to(begin::post)))
        .service(resource(CODE).route(get().to(code::get)).route(post().to(code::post)))
        .service(resource(ACCOUNT).route(get().to(account::get)).route(post().to(account::post)));
}

/// Where somebody at the sign-in page of a run begins.
pub(crate) fn path_from(state: &State, run: InteractionId) -> String {
    state.public.path(&format!("{PATH}?run={run}"))
}

/// Whether it is open; else the answer of whatever is not there.
#[expect(clippy::result_large_err, reason = "an answer is as large as it is, and this is asked once a request")]
fn open(state: &State, req: &HttpRequest) -> Result<(), HttpResponse> {
    if state.live.snapshot().registration() { Ok(()) } else { Err(answer::error(state, req, Cause::NotFound)) }
}

/// What the browser holds of a registration.
struct Held {
    /// The value of its cookie.
    secret: String,
}

impl Held {
    fn of(state: &State, req: &HttpRequest) -> Option<Self> {
        let secret = state.cookies.read(req, COOKIE).filter(|secret| secret.len() == 43)?;
        Some(Self { secret })
    }

    fn new(state: &State) -> Self {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        use vestibule_core::random::RandomExt as _;
        Self { secret: URL_SAFE_NO_PAD.encode(state.random.bytes::<32>()) }
    }

    /// The key of its row.
    fn key(&self, state: &State) -> String {
        state.prf.text("registration", &[self.secret.as_bytes()])
    }

    fn cookie(&self, state: &State) -> Cookie<'static> {
        state.cookies.make(COOKIE, self.secret.clone())
    }

    fn csrf(&self, state: &State) -> String {
        csrf::token(&state.prf, FORM, &self.secret)
    }
}

/// A form of one of these pages, posted in the browser that holds it.
async fn posted(state: &State, req: &HttpRequest, payload: Payload) -> Result<(Held, Params), HttpResponse> {
    open(state, req)?;
    if !csrf::same_site(req, &state.public.origin) {
        return Err(answer::error(state, req, Cause::Forbidden));
    }
    let params = form::read(state, req, payload).await.map_err(|error| answer::form_error(state, req, error))?;
    let Some(held) = Held::of(state, req) else { return Err(answer::error(state, req, Cause::WrongBrowser)) };
    let given = params.get(csrf::FIELD).unwrap_or_default();
    if !csrf::right(&state.prf, FORM, &held.secret, given) {
        return Err(answer::error(state, req, Cause::Forbidden));
    }
    Ok((held, params))
}

/// The registration that the browser holds, as long as something can come of it.
async fn under_way(state: &State, held: &Held) -> StoreResult<Option<Registration>> {
    let (key, now) = (held.key(state), state.clock.now());
    let found = state.store.read(move |tx: &mut Transaction| tx.registration(&key)).await?;
    Ok(found.filter(|registration| registration.alive(now)))
}

/// The run that somebody came from, if it is one of this browser.
fn run_of(state: &State, req: &HttpRequest, id: &str) -> Option<InteractionId> {
    let id = id.parse::<InteractionId>().ok()?;
    let shown = state.cookies.read(req, &Cookies::interaction(id))?;
    vestibule_core::crypto::same_secret(shown.as_bytes(), state.engine.binding(id).as_bytes()).then_some(id)
}

/// Where to sign in: in the run that somebody came from, or at the portal.
fn sign_in(state: &State, run: Option<InteractionId>) -> String {
    run.map_or_else(|| state.public.path("/portal"), |run| state.public.path(&interaction::path(run)))
}

/// Where to begin (again).
fn beginning(state: &State, run: Option<InteractionId>) -> String {
    run.map_or_else(|| state.public.path(PATH), |run| path_from(state, run))
}

/// The connection that codes go by: the one that is named, or the first of its kind that works.
fn connection(state: &State) -> Option<Connection> {
    let kind = match state.registration.contact {
        Proves::Email => Mail::KIND,
        Proves::Phone => SmsOtp::CONNECTION_KIND,
    };
    let configuration = state.engine.configuration();
    let fits = |connection: &&Connection| {
        let named = state.registration.connection.as_ref().is_none_or(|name| *name == connection.name);
        let works = configuration.channels.contains_key(&connection.name);
        named && connection.kind == kind && !connection.disabled && works
    };
    configuration.connections.iter().find(fits).cloned()
}

/// Where a contact is reached.
fn destination(contact: &Contact) -> &str {
    match contact {
        Contact::Email(to) | Contact::PhoneNumber(to) => to,
    }
}

/// The same as the log has it.
fn masked(contact: &Contact) -> String {
    match contact {
        Contact::Email(to) => parse_address(to).map(|address| address.masked()).unwrap_or_default(),
        Contact::PhoneNumber(to) => parse_number(to, None).map(|number| number.masked()).unwrap_or_default(),
    }
}

/// A page of nothing but its stage.
fn blank(state: &State, stage: Stage, run: Option<InteractionId>) -> Register {
    Register {
        stage,
        action: String::new(),
        app: None,
        fault: None,
        name: String::new(),
        contact: String::new(),
        phone: state.registration.contact == Proves::Phone,
        terms: Vec::new(),
        minutes: 0,
        again_at: None,
        username: String::new(),
        needs_username: false,
        minimum: state.passwords.minimum(),
        next: beginning(state, run),
    }
}

fn fault(key: &str, field: &'static str) -> Fault {
    Fault { text: Text::new(key), field, at: None }
}

fn draw(state: &State, req: &HttpRequest, status: StatusCode, page: Register, csrf: String) -> HttpResponse {
    answer::page(state, req, status, &Page::Register(page), Drawing { csrf, ..Drawing::default() })
}

/// Nothing can come of it any more.
fn over(state: &State, req: &HttpRequest) -> HttpResponse {
    draw(state, req, StatusCode::GONE, blank(state, Stage::Over, None), String::new())
}

fn set(response: &mut HttpResponse, cookie: &Cookie<'_>) {
    if let Err(error) = response.add_cookie(cookie) {
        tracing::error!(%error, "a cookie could not be set");
    }
}
