//! `/admin/keys`: the signing keys, and making the next one.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use vestibule_core::prompt::Text;

use super::{Desk, Place, desk::Base};
use crate::{
    admin::{
        AdminError, Permission,
        keys::{self, KeyView, KeyWord},
        paging::Listing,
    },
    pages::console::{Block, Button, Cell, Say, Screen, Table},
    state::State,
};

/// `GET /admin/keys`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    let page = desk.page();
    match keys::list(&desk.state, &desk.actor, &page).await {
        Ok(found) => {
            let may = desk.may(Permission::KeysWrite);
            desk.show(Place::Keys, screen(&found, page.after.is_some(), may, &desk.base()))
        }
        Err(error) => desk.refused(Place::Keys, &error),
    }
}

/// `POST /admin/keys`.
pub(super) async fn rotate(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let algorithm = params.get("algorithm").unwrap_or_default();
    match keys::rotate(&desk.state, &desk.actor, algorithm).await {
        Ok(_) => desk.go("/admin/keys", "rotated"),
        Err(AdminError::Invalid(_)) => desk.refused(Place::Keys, &AdminError::NotFound("key")),
        Err(error) => desk.refused(Place::Keys, &error),
    }
}

pub(super) fn screen(found: &Listing<KeyView>, later: bool, may: bool, base: &Base) -> Screen {
    let next = found.next.as_deref().map(|next| base.after("/admin/keys", next));
    let row = |key: &KeyView| {
        let word = match key.state {
            KeyWord::Current => "console.keys.current",
            KeyWord::Next => "console.keys.next",
            KeyWord::Previous => "console.keys.previous",
            KeyWord::Retired => "console.keys.retired",
        };
        let mut cells = vec![
            Cell::say(key.algorithm.as_str()).code(),
            Cell::say(key.id.as_str()).code(),
            Cell::tags([Say::key(word)]),
            Cell::say(key.activates_at),
        ];
        if may {
            let button = Button::new(
                base.to("/admin/keys"),
                "console.keys.rotate",
                key.algorithm.as_str(),
                &[("algorithm", key.algorithm.as_str())],
            );
            cells.push(if key.state == KeyWord::Current { Cell::button(button) } else { Cell::default() });
        }
        cells
    };
    let columns: &[&str] = &["algorithm", "id", "state", "since", "do"];
    let columns = if may { columns } else { columns.get(..4).unwrap_or(columns) };
    Screen::new(Text::new("console.keys.title"))
        .lead("console.keys.lead")
        .with(
            Table::new("keys", "console.keys", columns)
                .rows(found.items.iter().map(row))
                .pages(next, later.then(|| base.to("/admin/keys"))),
        )
        .with(Block::Paragraph { says: Say::key("console.keys.how") })
}
