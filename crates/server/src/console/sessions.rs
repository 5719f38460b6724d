//! `/admin/sessions`: who is signed in where, and signing one browser out.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload, ServiceConfig, get, post, resource},
};
use vestibule_core::prompt::Text;

use super::{Desk, Place, desk::Base};
use crate::{
    admin::{
        AdminError, Permission,
        paging::Listing,
        sessions::{self, SessionView},
    },
    pages::console::{Button, Cell, Say, Screen, Table},
    state::State,
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/admin/sessions").route(get().to(list)).route(post().to(end)));
}

/// `GET /admin/sessions`.
async fn list(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    let page = desk.page();
    match sessions::list(&desk.state, &desk.actor, &page).await {
        Ok(found) => {
            let may = desk.may(Permission::SessionsWrite);
            desk.show(Place::Sessions, screen(&found, page.after.is_some(), may, &desk.base()))
        }
        Err(error) => desk.refused(Place::Sessions, &error),
    }
}

/// `POST /admin/sessions`.
async fn end(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let Some(id) = params.get("id").and_then(|id| id.parse().ok()) else {
        return desk.refused(Place::Sessions, &AdminError::NotFound("session"));
    };
    match sessions::end(&desk.state, &desk.actor, id).await {
        Ok(_) => desk.go("/admin/sessions", "ended"),
        Err(error) => desk.refused(Place::Sessions, &error),
    }
}

pub(super) fn screen(found: &Listing<SessionView>, later: bool, may: bool, base: &Base) -> Screen {
    let next = found.next.as_deref();
    let next = next.map(|next| base.after("/admin/sessions", next));
    Screen::new(Text::new("console.sessions.title"))
        .lead("console.sessions.lead")
        .with(table(&found.items, may, base).pages(next, later.then(|| base.to("/admin/sessions"))))
}

/// Sessions as a table; a user's page has one, too.
pub(super) fn table(sessions: &[SessionView], may: bool, base: &Base) -> Table {
    let row = |session: &SessionView| {
        let browser = crate::portal::browser(session.user_agent.as_deref().unwrap_or_default());
        let mut cells = vec![
            Cell::link(base.to(&format!("/admin/users/{}", session.user)), session.username.as_str()),
            Cell::say(browser),
            Cell::say(session.network.as_str()),
            Cell::tags(session.proved.iter().map(|name| Say::Plain(name.clone()))),
            Cell::say(session.renewed_at),
        ];
        if may {
            let about = session.username.as_str();
            let hidden = [("id", session.id.as_str())];
            cells.push(Cell::button(Button::new(base.to("/admin/sessions"), "console.sessions.end", about, &hidden)));
        }
        cells
    };
    let columns: &[&str] = &["user", "browser", "network", "proved", "renewed", "do"];
    let columns = if may { columns } else { columns.get(..5).unwrap_or(columns) };
    Table::new("sessions", "console.sessions", columns).rows(sessions.iter().map(row))
}
