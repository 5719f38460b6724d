//! `/forgot-password`: asks who has forgotten their password. The answer is the same for whoever that is, and for nobody: the same
//! status, headers, bytes and time ([`crate::reset`]).

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{HeaderValue, RETRY_AFTER},
    },
    web::{Data, Payload},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use vestibule_core::{budget::Limited, prompt::Text, random::RandomExt as _, user::LoginName};

use crate::{
    answer::{self, Drawing},
    context,
    http::{csrf, form, gate::request_id},
    pages::{Cause, ForgotPassword, Page},
    reset::{self, Asked},
    state::State,
};

/// Where it is.
pub const PATH: &str = "/forgot-password";
const FORM: &str = "forgot-password";
/// The cookie that the form is bound to.
const COOKIE: &str = "vestibule-forgot";
/// The queue is empty again after this.
const BUSY_SECONDS: u64 = 5;

/// `GET /forgot-password`. The name is filled in where the page before knew it.
pub async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    if !state.resets.is_on() {
        return answer::error(&state, &req, Cause::NotFound);
    }
    let params = form::query(&req).unwrap_or_default();
    let name = LoginName::parse(params.get("username").unwrap_or_default());
    let (held, fresh) = match held(&state, &req) {
        Some(held) => (held, false),
        None => (URL_SAFE_NO_PAD.encode(state.random.bytes::<32>()), true),
    };
    let mut response = show(&state, &req, &held, StatusCode::OK, page(&state, name.as_ref()));
    if fresh && let Err(error) = response.add_cookie(&state.cookies.make(COOKIE, held)) {
        tracing::error!(%error, "a cookie could not be set");
    }
    response
}

/// What the browser holds that its form is bound to. It says nothing of anybody.
fn held(state: &State, req: &HttpRequest) -> Option<String> {
    state.cookies.read(req, COOKIE).filter(|held| held.len() == 43)
}

/// `POST /forgot-password`.
pub async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    if !state.resets.is_on() {
        return answer::error(&state, &req, Cause::NotFound);
    }
    let params = match form::read(&state, &req, payload).await {
        Ok(params) => params,
        Err(error) => return answer::form_error(&state, &req, error),
    };
    let Some(held) = held(&state, &req) else { return answer::error(&state, &req, Cause::WrongBrowser) };
    let given = params.get(csrf::FIELD).unwrap_or_default();
    if !csrf::same_site(&req, &state.public.origin) || !csrf::right(&state.prf, FORM, &held, given) {
        return answer::error(&state, &req, Cause::Forbidden);
    }
    let Some(name) = LoginName::parse(params.get("username").unwrap_or_default()) else {
        return wrong(&state, &req, &held, StatusCode::UNPROCESSABLE_ENTITY, None, "forgot-password.empty");
    };
    let network = context::of(&state, &req).network();
    match reset::count(&state, &name, &network).await {
        Ok(Ok(())) => {}
        Ok(Err(limited)) => return wait(&state, &req, &held, &name, limited),
        Err(error) => return answer::store_error(&state, &req, &error),
    }
    if !state.resets.hand_over(Asked { name: name.clone(), network, request_id: request_id(&req) }) {
        let mut response =
            wrong(&state, &req, &held, StatusCode::SERVICE_UNAVAILABLE, Some(&name), "forgot-password.busy");
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(BUSY_SECONDS));
        return response;
    }
    show(&state, &req, &held, StatusCode::OK, ForgotPassword { asked: true, ..page(&state, None) })
}

fn wait(state: &State, req: &HttpRequest, held: &str, name: &LoginName, limited: Limited) -> HttpResponse {
    let fault = Some(Text::new("forgot-password.limited"));
    let page = ForgotPassword { fault, at: limited.retry_at.map(Into::into), ..page(state, Some(name)) };
    let mut response = show(state, req, held, StatusCode::TOO_MANY_REQUESTS, page);
    if let Some(at) = limited.retry_at {
        let seconds = at.since(state.clock.now()).as_secs().saturating_add(1);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

fn wrong(
    state: &State,
    req: &HttpRequest,
    held: &str,
    status: StatusCode,
    name: Option<&LoginName>,
    why: &str,
) -> HttpResponse {
    show(state, req, held, status, ForgotPassword { fault: Some(Text::new(why)), ..page(state, name) })
}

fn page(state: &State, name: Option<&LoginName>) -> ForgotPassword {
    ForgotPassword {
        action: state.public.path(PATH),
        username: name.map(ToString::to_string).unwrap_or_default(),
        minutes: reset::LIFE.as_secs() / 60,
        fault: None,
        at: None,
        asked: false,
    }
}

fn show(state: &State, req: &HttpRequest, held: &str, status: StatusCode, page: ForgotPassword) -> HttpResponse {
    let drawing = Drawing { csrf: csrf::token(&state.prf, FORM, held), ..Drawing::default() };
    answer::page(state, req, status, &Page::ForgotPassword(page), drawing)
}
