//! What only a development server has: the outbox, and the gallery of all pages.
//!
//! These routes are not there under `serve`. They answer only to a loopback name in `Host`, since a page of some other site
//! could have its own name lead to this machine and read the codes here.

pub mod leftovers;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::HOST},
    web::{Data, Path},
};
use serde_json::{Value, json};
use vestibule_authn_smsotp::OutboxMessage;

use crate::{
    answer::{self, Drawing},
    config::is_loopback,
    http::form,
    pages::{Cause, Moment, Outbox, OutboxRow, Page, gallery},
    state::State,
};

/// `GET /dev/outbox`.
pub async fn outbox(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let Some(messages) = messages(&state, &req) else { return answer::error(&state, &req, Cause::NotFound) };
    let row = |message: OutboxMessage| OutboxRow {
        at: Moment::from(message.at),
        code: message.code,
        to: message.to,
        subject: message.subject,
        body: message.body,
    };
    let page = Page::Outbox(Outbox { messages: messages.into_iter().rev().map(row).collect() });
    answer::page(&state, &req, StatusCode::OK, &page, Drawing::default())
}

/// `GET /dev/outbox.json`: the messages, oldest first.
pub async fn outbox_json(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let Some(messages) = messages(&state, &req) else { return answer::error(&state, &req, Cause::NotFound) };
    let row = |message: &OutboxMessage| {
        json!({
            "id": message.id,
            "kind": if message.subject.is_some() { "mail" } else { "sms" },
            "to": message.to,
            "subject": message.subject,
            "body": message.body,
            "code": message.code,
            "at": message.at.unix_seconds(),
        })
    };
    HttpResponse::Ok().json(Value::from_iter(messages.iter().map(row)))
}

/// `GET /dev/gallery`.
pub async fn gallery(req: HttpRequest, state: Data<State>) -> HttpResponse {
    answer::page(&state, &req, StatusCode::OK, &gallery::index(), Drawing::default())
}

/// `GET /dev/gallery/{page}/{state}`.
pub async fn gallery_page(req: HttpRequest, state: Data<State>, path: Path<(String, String)>) -> HttpResponse {
    let wanted = form::query(&req).ok().and_then(|params| params.get("lang").map(str::to_owned));
    let ui_locales: Vec<String> = wanted.into_iter().collect();
    match gallery::find(&path.0, &path.1) {
        Some(page) => {
            let drawing = Drawing { ui_locales: &ui_locales, ..Drawing::default() };
            answer::page(&state, &req, StatusCode::OK, &page, drawing)
        }
        None => answer::error(&state, &req, Cause::NotFound),
    }
}

fn messages(state: &State, req: &HttpRequest) -> Option<Vec<OutboxMessage>> {
    let host = req.headers().get(HOST)?.to_str().ok()?;
    let local = url::Url::parse(&format!("http://{host}/")).is_ok_and(|url| is_loopback(&url));
    local.then_some(())?;
    Some(state.dev.as_ref()?.outbox.messages())
}
