//! `/admin/settings`: the settings, each with its source.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use vestibule_core::prompt::Text;

use super::{Desk, Place};
use crate::{
    admin::settings::{self, SettingView},
    pages::console::{Cell, Say, Screen, Table},
    state::State,
};

/// `GET /admin/settings`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    match settings::list(&desk.state, &desk.actor) {
        Ok(all) => desk.show(Place::Settings, screen(&all)),
        Err(error) => desk.refused(Place::Settings, &error),
    }
}

pub(super) fn screen(all: &[SettingView]) -> Screen {
    let row = |setting: &SettingView| {
        let value = setting.value.clone().map_or(Say::key("console.settings.unset"), Say::Plain);
        let source =
            if setting.set { Say::Plain(setting.source.clone()) } else { Say::key("console.settings.default") };
        vec![Cell::say(setting.key.as_str()).code(), Cell::say(value), Cell::tags([source])]
    };
    Screen::new(Text::new("console.settings.title"))
        .lead("console.settings.lead")
        .with(Table::new("settings", "console.settings", &["key", "value", "source"]).rows(all.iter().map(row)))
}
