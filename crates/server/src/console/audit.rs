//! `/admin/audit`: the audit log. What is looked for stands in the address, so that it can be shared.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use vestibule_core::{
    audit::{Change, page::AuditFilter},
    prompt::Text,
    time::Time,
};
use vestibule_oauth::Params;

use super::{Desk, Place, desk::Base, form};
use crate::{
    admin::audit::{self, AuditList, AuditView},
    http::form::to_query,
    pages::console::{Cell, Field, Form, Say, Screen, Table},
    state::State,
};

const FIELDS: [&str; 5] = ["kind", "user", "client", "since", "request_id"];
const PAGE: usize = 50;

/// `GET /admin/audit`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    let query = desk.query();
    let found = audit::list(&desk.state, &desk.actor, &filter(&query), query.get("after"), PAGE).await;
    match found {
        Ok(found) => desk.show(Place::Audit, screen(&found, &query, &desk.base())),
        Err(error) => desk.refused(Place::Audit, &error),
    }
}

/// What cannot be read as what it should be finds nothing, rather than everything.
fn filter(query: &Params) -> AuditFilter {
    let user = form::some(query, "user");
    let since = form::some(query, "since");
    let day = |text: &str| {
        let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0)?;
        Some(Time::from_unix_seconds(day.and_utc().timestamp()))
    };
    AuditFilter {
        kind: form::some(query, "kind"),
        user: user.map(|text| text.parse().unwrap_or(vestibule_core::id::UserId(uuid::Uuid::nil()))),
        client: form::some(query, "client"),
        since: since.map(|text| day(&text).unwrap_or(Time(i64::MAX))),
        request_id: form::some(query, "request_id"),
        ..AuditFilter::default()
    }
}

pub(super) fn screen(found: &AuditList, query: &Params, base: &Base) -> Screen {
    let search = FIELDS.iter().fold(Form::asking("search", base.to("/admin/audit"), "console.search"), |form, name| {
        form.field(Field::text(*name, &format!("console.audit.{name}"), form::line(query, name)))
    });
    let kept: Vec<_> = query.iter().filter(|(name, value)| FIELDS.contains(name) && !value.is_empty()).collect();
    let page = |after: Option<&str>| {
        let more = after.map(|after| ("after", after));
        base.to(&format!("/admin/audit?{}", to_query(kept.iter().copied().chain(more))))
    };
    let first = query.get("after").map(|_| page(None));
    Screen::new(Text::new("console.audit.title"))
        .lead("console.audit.lead")
        .with(search)
        .with(events(&found.items, base).pages(found.next.as_deref().map(|next| page(Some(next))), first))
}

/// Events as a table; the timeline of a user is one, too.
pub(super) fn events(items: &[AuditView], base: &Base) -> Table {
    let row = |view: &AuditView| {
        let event = &view.event;
        let user = event.user.map_or_else(Cell::default, |user| {
            Cell::link(base.to(&format!("/admin/users/{user}")), Say::key("console.audit.whom"))
        });
        let who = event.actor.as_ref().map_or_else(Cell::default, |actor| Cell::say(actor.username.as_str()));
        let client = event.client.as_deref().map_or_else(Cell::default, Cell::say);
        let mut details: Vec<_> = event.details.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        details.extend(event.changes.iter().map(change));
        let mut told = Cell { says: details.into_iter().map(Say::Plain).collect(), ..Cell::default() };
        if told.says.len() > 12 {
            told.says.truncate(12);
            told.says.push("…".into());
        }
        vec![Cell::say(event.at), Cell::say(event.kind.as_str()).code(), user, who, client, told]
    };
    Table::new("events", "console.audit", &["at", "kind", "user", "actor", "client", "details"])
        .rows(items.iter().map(row))
}

fn change(change: &Change) -> String {
    let shown = |value: &Option<serde_json::Value>| match value {
        None => "–".to_owned(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    format!("{}: {} → {}", change.field, shown(&change.before), shown(&change.after))
}
