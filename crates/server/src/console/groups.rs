//! `/admin/groups`: groups, and how many are in each.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, ServiceConfig, get, resource},
};
use vestibule_core::prompt::Text;

use super::{Desk, Place, desk::Base};
use crate::{
    admin::{
        groups::{self, GroupView},
        paging::Listing,
    },
    http::form::to_query,
    pages::console::{Cell, Screen, Table},
    state::State,
};

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource("/admin/groups").route(get().to(list)));
}

/// `GET /admin/groups`.
async fn list(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    let page = desk.page();
    match groups::list(&desk.state, &desk.actor, &page).await {
        Ok(found) => desk.show(Place::Groups, screen(&found, page.after.is_some(), &desk.base())),
        Err(error) => desk.refused(Place::Groups, &error),
    }
}

pub(super) fn screen(found: &Listing<GroupView>, later: bool, base: &Base) -> Screen {
    let row = |group: &GroupView| {
        let href = base.to(&format!("/admin/users?{}", to_query([("group", group.name.as_str())].into_iter())));
        vec![Cell::link(href, group.name.as_str()), Cell::say(group.members.to_string())]
    };
    let next = found.next.as_deref();
    let next = next.map(|next| base.after("/admin/groups", next));
    Screen::new(Text::new("console.groups.title")).lead("console.groups.lead").with(
        Table::new("groups", "console.groups", &["name", "members"])
            .rows(found.items.iter().map(row))
            .pages(next, later.then(|| base.to("/admin/groups"))),
    )
}
