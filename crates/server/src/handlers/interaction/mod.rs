//! `/interaction/{id}`: the pages of one run of a chain, and the same run as JSON.
//!
//! GET shows and changes nothing. POST does one thing and answers 303, to the page again or to the client, so that reload
//! and back never post twice. What could not even be judged (too many tries, too much to do) is answered at once by the status
//! that says so: nothing happened that a reload could do twice. The JSON face is the same two operations: what was posted is
//! read into one `Submission`, whichever way it was written.

mod json;
mod submission;

use actix_web::{
    HttpRequest, HttpResponse,
    cookie::time::Duration,
    http::{
        StatusCode,
        header::{HeaderValue, RETRY_AFTER},
    },
    web::{Data, Path, Payload},
};
use serde_json::Value;
use vestibule_core::{
    Rejection, Time,
    device::DeviceGiven,
    engine::{Acted, Body, Choose, EngineError, RequestContext, StepView, View, Wish},
    id::{ChallengeId, InteractionId},
    interaction::Notice,
    session::SessionRef,
};
use vestibule_oauth::{answer_url, consent};

use self::submission::{Act, Refused, Submission};
use crate::{
    admin::trials,
    answer::{self, Drawing, wants_json},
    context::{self, device_cookie},
    handlers::forgot_password,
    http::{
        cookies::{Cookies, SESSION},
        csrf,
        gate::{about, request_id},
        headers,
    },
    insider::Insider,
    joining,
    pages::{
        Cause,
        interaction::{Beside, page_of, path},
    },
    reset,
    state::State,
};

/// The query of a page that says that the one before was answered already. It only adds the notice.
const MOVED: &str = "moved=1";
/// For so long a finished interaction gives its answer again; then its cookie may go.
const COOKIE_AFTERLIFE: Duration = Duration::seconds(60);
/// A queue of hashes is empty again after this.
const BUSY_SECONDS: u64 = 2;

/// `GET /interaction/{id}`.
pub async fn get(req: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let Ok(id) = id.parse::<InteractionId>() else { return answer::error(&state, &req, Cause::NotFound) };
    let binding = state.cookies.read(&req, &Cookies::interaction(id));
    let shown = state.engine.view(id, binding.as_deref(), &context::of(&state, &req)).await;
    match shown {
        Ok(view) => show(&state, &req, &view, binding.as_deref().unwrap_or_default()),
        Err(EngineError::WrongBrowser) if linked(&req).is_some() => answer::error(&state, &req, Cause::OtherBrowser),
        Err(error) => answer::engine_error(&state, &req, &error, None),
    }
}

/// The code that a link in a message brings along. It is filled in and no more: whoever opens the address, be it a program that looks
/// at mails, uses nothing up. What is no code is not shown.
fn linked(req: &HttpRequest) -> Option<String> {
    let code = req.query_string().strip_prefix("code=")?;
    let plain = (4..=10).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plain.then(|| code.to_owned())
}

/// `POST /interaction/{id}`.
pub async fn post(req: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let Ok(id) = id.parse::<InteractionId>() else { return answer::error(&state, &req, Cause::NotFound) };
    if !csrf::same_site(&req, &state.public.origin) {
        return answer::error(&state, &req, Cause::Forbidden);
    }
    let submission = match submission::read(&state, &req, payload).await {
        Ok(submission) => submission,
        Err(Refused::Form(error)) => return answer::form_error(&state, &req, error),
        Err(Refused::WrongType(field)) => return json::wrong_type(&field, &request_id(&req)),
    };
    let Some(binding) = state.cookies.read(&req, &Cookies::interaction(id)) else {
        return answer::engine_error(&state, &req, &EngineError::WrongBrowser, None);
    };
    if !csrf::right(&state.prf, &form_name(id), &binding, &submission.csrf) {
        return answer::error(&state, &req, Cause::Forbidden);
    }
    let posted = submission.challenge;
    let cx = context::of(&state, &req);
    let acted = match act(&state, id, &binding, submission, &cx).await {
        Ok(acted) => acted,
        Err(error) => return answer::engine_error(&state, &req, &error, None),
    };
    match acted {
        // The way of every login: nothing is read again only to be thrown away with the 303.
        Acted::Open { client } if !wants_json(&req) => {
            about(&req, &client);
            answer::see_other(&path(id))
        }
        Acted::Closed { client, answer, session, device } if !wants_json(&req) => {
            about(&req, &client);
            leave(&state, &req, id, &answer, (Some(session), device))
        }
        acted => match state.engine.after(&acted, id, Some(&binding), &cx).await {
            Ok(view) if wants_json(&req) => show(&state, &req, &view, &binding),
            Ok(view) => go_on(&state, &req, &view, posted),
            Err(error) => answer::engine_error(&state, &req, &error, None),
        },
    }
}

async fn act(
    state: &State,
    id: InteractionId,
    binding: &str,
    submission: Submission,
    cx: &RequestContext,
) -> Result<Acted, EngineError> {
    let (engine, binding) = (&state.engine, Some(binding));
    let Submission { version, act, .. } = submission;
    match act {
        Act::Choose(alternative) => engine.choose(id, binding, Choose { version, alternative }, cx).await,
        Act::Wish(alternative) => engine.wish(id, binding, Wish { version, alternative }, cx).await,
        Act::Resend => engine.resend(id, binding, version, cx).await,
        Act::Decide(decision) => engine.conclude(id, binding, decision.to_value(), cx).await,
        Act::Answer(answer) => engine.answer(id, binding, answer, cx).await,
    }
}

/// The name of an interaction's forms, for their token.
fn form_name(id: InteractionId) -> String {
    format!("interaction/{id}")
}

/// What to show now: a page, JSON, or the way to the client.
fn show(state: &State, req: &HttpRequest, view: &View, binding: &str) -> HttpResponse {
    about(req, &view.request.client);
    let csrf = csrf::token(&state.prf, &form_name(view.id), binding);
    if wants_json(req) {
        let mut response = json::answer(state, req, view, &csrf);
        if let Body::Closed { session, device, .. } = &view.body {
            sign_in(state, view.id, (*session, *device), &mut response);
        }
        tell_what_helps(&mut response, &view.body, state.clock.now());
        return response;
    }
    let snapshot = state.live.snapshot();
    let client = snapshot.client(view.request.client.as_str());
    let host = consent::view(&view.request).map(|consent| consent.host);
    let back = match &view.body {
        Body::Denied { answer, .. } => client_url(state, view.id, answer),
        _ => client.and_then(|client| client.client_uri.clone()),
    };
    let reference = request_id(req);
    let beside = Beside { host: host.as_deref(), back: back.as_deref(), reference: &reference, now: state.clock.now() };
    let Some(page) = page_of(view, beside) else { return go_on(state, req, view, None) };
    let page = if req.query_string() == MOVED { page.moved() } else { page };
    let page = if reset::offered(state) { page.with_reset(&state.public.path(forgot_password::PATH)) } else { page };
    let page = match linked(req) {
        Some(code) => page.with_code(&code),
        None => page,
    };
    // The console is not for those who come by themselves.
    let joins = snapshot.registration() && view.request.client.as_str() != Insider::CONSOLE.client;
    let page = if joins { page.with_join(&joining::path_from(state, view.id)) } else { page };
    let drawing = Drawing { csrf, ui_locales: &view.request.locales };
    let mut response = answer::page(state, req, status(&view.body), &page, drawing);
    let places = client.into_iter().flat_map(|client| client.redirect_uris.iter().chain(&client.client_uri));
    let mut sources: Vec<_> = places.filter_map(|uri| headers::form_action_source(uri)).collect();
    sources.sort_unstable();
    sources.dedup();
    headers::allow_forms_to(&mut response, &sources);
    tell_what_helps(&mut response, &view.body, state.clock.now());
    response
}

/// Whether the present step is another than that of the form. The same challenge is the same step: its own page says what
/// happened to it.
fn is_another(present: &StepView, posted: Option<ChallengeId>) -> bool {
    posted.is_none() || posted != present.challenge.as_ref().map(|challenge| challenge.id)
}

fn status(body: &Body) -> StatusCode {
    if matches!(body, Body::Expired) { StatusCode::GONE } else { StatusCode::OK }
}

/// What was posted came to nothing, and waiting or another answer helps: the status says so, to programs and to whoever
/// counts. It is that of the page after the POST, so that back and reload post nothing again.
fn tell_what_helps(response: &mut HttpResponse, body: &Body, now: Time) {
    let Body::Step(step) = body else { return };
    let wait = |at: &Time| at.since(now).as_secs().saturating_add(1);
    let (status, retry_after) = match &step.notice {
        Some(Notice::Limited { retry_at: Some(at), .. }) if now >= *at => return,
        Some(Notice::Limited { retry_at, .. }) => (StatusCode::TOO_MANY_REQUESTS, retry_at.as_ref().map(wait)),
        Some(Notice::Trouble { busy: true, .. }) => (StatusCode::SERVICE_UNAVAILABLE, Some(BUSY_SECONDS)),
        Some(Notice::Rejected { why: Rejection::Malformed | Rejection::NotAllowed, .. }) => {
            (StatusCode::UNPROCESSABLE_ENTITY, None)
        }
        _ => return,
    };
    *response.status_mut() = status;
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// Where the browser goes after a POST: to the client when the interaction is over, else to the page.
fn go_on(state: &State, req: &HttpRequest, view: &View, posted: Option<ChallengeId>) -> HttpResponse {
    about(req, &view.request.client);
    match &view.body {
        Body::Closed { answer, session, device } => leave(state, req, view.id, answer, (*session, *device)),
        Body::Denied { answer, denial: None } => to_client(state, req, view.id, answer),
        Body::Step(step) if view.stale && is_another(step, posted) => {
            answer::see_other(&format!("{}?{MOVED}", path(view.id)))
        }
        _ => answer::see_other(&path(view.id)),
    }
}

/// What the browser keeps of a login.
type Kept = (Option<SessionRef>, Option<DeviceGiven>);

/// Sends the browser to the client, signed in.
fn leave(state: &State, req: &HttpRequest, id: InteractionId, answer: &Value, kept: Kept) -> HttpResponse {
    let mut response = to_client(state, req, id, answer);
    // Nobody is signed in by a trial, and what came of it can be looked at for longer.
    if !trials::is_of_trial(answer) {
        sign_in(state, id, kept, &mut response);
    }
    response
}

fn to_client(state: &State, req: &HttpRequest, id: InteractionId, answer: &Value) -> HttpResponse {
    match client_url(state, id, answer) {
        Some(url) => answer::see_other(&url),
        None => answer::error(state, req, Cause::Internal),
    }
}

/// The address that tells the client how it ended; of a trial, that of the page that tells the admin.
fn client_url(state: &State, id: InteractionId, answer: &Value) -> Option<String> {
    if trials::is_of_trial(answer) {
        return Some(state.public.path(&trials::path(id)));
    }
    match answer_url(answer, &state.prf, &state.public.issuer) {
        Ok(url) => Some(url.into()),
        Err(error) => {
            tracing::error!(%error, "a stored answer cannot be read");
            None
        }
    }
}

/// Once an interaction is over, the browser gets its session and forgets the interaction, a little later: its answer may have
/// been lost, and is then given again.
fn sign_in(state: &State, id: InteractionId, (session, device): Kept, response: &mut HttpResponse) {
    let mut cookie = state.cookies.make(&Cookies::interaction(id), state.engine.binding(id));
    cookie.set_max_age(COOKIE_AFTERLIFE);
    add(response, &cookie);
    if let Some(session) = session {
        add(response, &state.cookies.make(SESSION, state.engine.session_cookie(session)));
    }
    if let Some(device) = device {
        add(response, &device_cookie(state, device));
    }
}

fn add(response: &mut HttpResponse, cookie: &actix_web::cookie::Cookie<'_>) {
    if let Err(error) = response.add_cookie(cookie) {
        tracing::error!(%error, "a cookie could not be set");
    }
}
