//! An interaction as JSON: the same as the page shows, for programs and for pages of one's own.

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};
use vestibule_core::engine::{Body, ChallengeView, StepView, View};

use crate::{http::gate::request_id, state::State};

/// What is to be shown. `redirect_to` is there when the browser has to go on to the client.
pub(super) fn answer(state: &State, req: &HttpRequest, view: &View, csrf: &str) -> HttpResponse {
    let mut body = json!({
        "id": view.id,
        "version": view.version,
        "csrf": csrf,
        "client": { "id": view.request.client, "name": view.request.client_name },
    });
    let (state_name, more) = match &view.body {
        Body::Step(step) if step.prompt.is_none() => ("choose", step_json(step)),
        Body::Step(step) => ("step", step_json(step)),
        Body::Held { user, .. } => ("consent", json!({ "user": user.username, "scopes": view.request.scopes })),
        Body::Closed { answer, .. } => ("closed", json!({ "redirect_to": super::client_url(state, view.id, answer) })),
        Body::Denied { answer, .. } => {
            let reference = request_id(req);
            ("denied", json!({ "redirect_to": super::client_url(state, view.id, answer), "reference": reference }))
        }
        Body::Expired => ("expired", json!({})),
    };
    if let (Value::Object(body), Value::Object(more)) = (&mut body, more) {
        body.insert("state".to_owned(), state_name.into());
        body.extend(more);
    }
    HttpResponse::build(super::status(&view.body)).json(body)
}

fn step_json(step: &StepView) -> Value {
    let ways = step.alternatives.iter().map(|way| {
        json!({
            "alternative": way.index,
            "authenticator": way.authenticator,
            "label": way.label,
            "target": way.target,
            "chosen": way.chosen,
        })
    });
    let besides = step
        .besides
        .iter()
        .map(|way| json!({ "besides": way.index, "authenticator": way.authenticator, "label": way.label }));
    json!({
        "step": step.number,
        "of": step.of,
        "enrolling": step.enrolling,
        "prompt": step.prompt,
        "beside": step.beside,
        "username": step.username,
        "user": step.user.as_ref().map(|user| &user.username),
        "challenge": step.challenge.as_ref().map(challenge_json),
        "alternatives": ways.collect::<Vec<_>>(),
        "besides": besides.collect::<Vec<_>>(),
        "wished": step.wished,
        "later": step.later.iter().map(|way| json!({ "label": way.label, "from": way.from.unix_seconds() })).collect::<Vec<_>>(),
        "remember": step.remember.map(|remember| json!({ "seconds": remember.life, "wished": remember.wished })),
        "notice": step.notice,
    })
}

/// Times are seconds since the Unix epoch, as in tokens.
fn challenge_json(challenge: &ChallengeView) -> Value {
    // Why a gateway refused is for the admin's eyes.
    let outcome = serde_json::to_value(&challenge.sent).unwrap_or_default();
    json!({
        "id": challenge.id,
        "to": challenge.masked,
        "sent": outcome.get("outcome"),
        "tries_left": challenge.tries_left,
        "expired": challenge.expired,
        "expires_at": challenge.expires_at.unix_seconds(),
        "resend_at": challenge.resend_at.map(|at| at.unix_seconds()),
    })
}

/// 422: a member is not of the type that it must be.
pub(super) fn wrong_type(member: &str, reference: &str) -> HttpResponse {
    HttpResponse::UnprocessableEntity().json(json!({
        "error": "wrong_type",
        "member": member,
        "reference": reference,
    }))
}
