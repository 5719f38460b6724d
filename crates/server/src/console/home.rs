//! `/admin`: what happened lately and what wants attention, and signing out.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use vestibule_core::{Time, prompt::Text};

use super::{Desk, Place, desk::Base};
use crate::{
    admin::{
        Permission,
        overview::{self, Concern, Hour, Overview},
    },
    answer::{self, Drawing},
    context,
    http::{cookies::SESSION, csrf, form},
    insider::Insider,
    pages::{
        Cause, Page, SignedOut, Tone,
        console::{Action, Block, Chart, Fact, Say, Screen},
    },
    state::State,
};

/// `GET /admin`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    if !desk.may(Permission::AuditRead) {
        return desk.show(Place::Home, plain());
    }
    match overview::get(&desk.state, &desk.actor).await {
        Ok(seen) => desk.show(Place::Home, screen(&seen, &desk.base())),
        Err(error) => desk.refused(Place::Home, &error),
    }
}

/// For those who may not read what happened.
pub(super) fn plain() -> Screen {
    Screen::new(Text::new("console.home.title")).lead("console.home.plain")
}

pub(super) fn screen(seen: &Overview, base: &Base) -> Screen {
    let mut screen = Screen::new(Text::new("console.home.title"));
    for concern in &seen.concerns {
        screen = screen.with(Block::Note { tone: Tone::Plain, says: vec![says(concern)] });
        if *concern == Concern::ConsoleOneStep {
            let chain = base.to(&format!("/admin/chains/{}", super::CHAIN));
            screen = screen.with(Block::Actions { actions: vec![Action::plain(chain, "console.home.second_step")] });
        }
    }
    if seen.concerns.contains(&Concern::NoClient) {
        let actions = vec![Action::main(base.to("/admin/clients/new"), "console.home.connect")];
        screen = screen.with(Block::Actions { actions });
    }
    let number = |name: &str, number: u64| Fact::new(name, [number.to_string()]);
    let counted = |name: &str, number: usize| Fact::new(name, [number.to_string()]);
    let bars = seen.hours.iter().map(|Hour { at, passed, failed }| (Say::from(*at), *passed, *failed));
    let mut screen = screen
        .with(Block::Heading { id: "lately", text: Text::new("console.home.lately") })
        .with(Block::Chart(Chart::new("logins", "console.home.chart", bars)))
        .with(Block::Facts {
            facts: vec![
                number("console.home.passed", seen.funnel.passed),
                number("console.home.failed", seen.funnel.failed),
                number("console.home.sent", seen.funnel.sent),
                number("console.home.unsent", seen.funnel.unsent),
            ],
        });
    if seen.cut {
        screen = screen.with(Block::Paragraph { says: Say::key("console.home.cut") });
    }
    screen.with(Block::Heading { id: "things", text: Text::new("console.home.things") }).with(Block::Facts {
        facts: vec![
            counted("console.place.clients", seen.clients),
            counted("console.place.connections", seen.connections),
            counted("console.place.chains", seen.chains),
        ],
    })
}

fn says(concern: &Concern) -> Say {
    match concern {
        Concern::ConsoleOneStep => Say::key("console.home.concern.one_step"),
        Concern::NoClient => Say::key("console.home.concern.no_client"),
        Concern::ConnectionOff { connection } => {
            Text::new("console.home.concern.off").with("connection", connection).into()
        }
        Concern::SecretEnds { client, at } => {
            Text::new("console.home.concern.secret").with("client", client).with("at", date(at.0)).into()
        }
    }
}

fn date(at: Time) -> String {
    chrono::DateTime::from_timestamp(at.unix_seconds(), 0).unwrap_or_default().format("%F %H:%M UTC").to_string()
}

/// `POST /admin/sign-out`: out of this browser. Who has no role signs out here, too, so no desk is asked for.
pub(super) async fn sign_out(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    if !csrf::same_site(&req, &state.public.origin) {
        return answer::error(&state, &req, Cause::Forbidden);
    }
    let params = match form::read(&state, &req, payload).await {
        Ok(params) => params,
        Err(error) => return answer::form_error(&state, &req, error),
    };
    let visitor = match Insider::CONSOLE.visitor(&state, &req).await {
        Ok(Some(visitor)) => visitor,
        Ok(None) => return answer::see_other(&state.public.path(Insider::CONSOLE.home)),
        Err(error) => return answer::store_error(&state, &req, &error),
    };
    let given = params.get(csrf::FIELD).unwrap_or_default();
    if !csrf::right(&state.prf, super::desk::FORM, &visitor.cookie, given) {
        return answer::error(&state, &req, Cause::Forbidden);
    }
    if let Err(error) = state.engine.end_session(visitor.session.id, &context::of(&state, &req)).await {
        return answer::engine_error(&state, &req, &error, None);
    }
    let page = Page::SignedOut(SignedOut { back: None });
    let mut response = answer::page(&state, &req, StatusCode::OK, &page, Drawing::default());
    for cookie in [state.cookies.remove(Insider::CONSOLE.cookie), state.cookies.remove(SESSION)] {
        if let Err(error) = response.add_cookie(&cookie) {
            tracing::error!(%error, "a cookie could not be removed");
        }
    }
    response
}
