//! `/admin/audit`: the audit log. What is looked for stands in the address, so that it can be shared.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use vestibule_core::{
    audit::{Change, page::AuditFilter},
    prompt::Text,
    time::Time,
};
use vestibule_oauth::Params;

use super::{Desk, Place, desk::Base, form, live};
use crate::{
    admin::{
        AdminError, FieldFault, Permission,
        access::Permissions,
        audit::{
            self, AuditList, AuditView, Still,
            export::{Export, Format},
            health::{self, Health},
            tail::Tail,
        },
    },
    http::{csrf, form::to_query},
    insider::Insider,
    pages::{
        Tone,
        console::{Block, Cell, Choice, Fact, Field, Form, Say, Screen, Table},
    },
    state::State,
    stream,
};

const FIELDS: [&str; 5] = ["kind", "user", "client", "since", "request_id"];
const PAGE: usize = 50;
/// Events that wait longer than this to be sealed, in microseconds, want somebody's attention.
const LONG: i64 = 60_000_000;

/// `GET /admin/audit`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    match load(&desk).await {
        Ok((found, health)) => {
            let now = desk.state.clock.now();
            desk.show(Place::Audit, screen(&found, &health, &desk.query(), now, &desk.base()))
        }
        Err(error) => desk.refused(Place::Audit, &error),
    }
}

/// How far the log is sealed is asked first: what is sealed while the page is read stands on it, and is known to the tail.
async fn load(desk: &Desk) -> Result<(AuditList, Health), AdminError> {
    let query = desk.query();
    let health = health::health(&desk.state, &desk.actor).await?;
    let found = audit::list(&desk.state, &desk.actor, &filter(&query), query.get("after"), PAGE).await?;
    Ok((found, health))
}

/// `GET /admin/audit/tail`: what is sealed from now on. A stream leads nowhere, so who is not signed in is refused.
pub(super) async fn tail(req: HttpRequest, state: Data<State>) -> HttpResponse {
    if !csrf::same_site(&req, &state.public.origin) {
        return HttpResponse::Forbidden().finish();
    }
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) if answer.status().is_redirection() => return HttpResponse::Unauthorized().finish(),
        Err(answer) => return answer,
    };
    match begin(&desk).await {
        Ok(tail) => {
            let base = desk.base();
            let show = Box::new(move |view: &AuditView| live::line(view, &base));
            stream::tail(desk.state.clone(), tail, still(&desk), show)
        }
        Err(error) => desk.refused(Place::Audit, &error),
    }
}

async fn begin(desk: &Desk) -> Result<Tail, AdminError> {
    let query = desk.query();
    let after = stream::stands_at(&desk.req, query.get("after"))?;
    Tail::begin(&desk.state, &desk.actor, filter(&query), after).await
}

/// `POST /admin/audit/export`: what was looked for, as a file. A POST, since the log tells of it.
pub(super) async fn export(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(open) => open,
        Err(answer) => return answer,
    };
    let wrong = || AdminError::Invalid(vec![FieldFault::new("/format", "this is ndjson or csv")]);
    let format = params.get("format").and_then(Format::of).ok_or_else(wrong);
    let begun = match format {
        Ok(format) => Export::begin(&desk.state, &desk.actor, filter(&params), format).await,
        Err(error) => Err(error),
    };
    match begun {
        Ok(export) => stream::export(desk.state.clone(), export, still(&desk)),
        Err(error) => desk.refused(Place::Audit, &error),
    }
}

/// Whether who sits here is still signed in, and still has a role that may read the log.
fn still(desk: &Desk) -> Still {
    let (state, req) = (desk.state.clone(), desk.req.clone());
    Box::new(move || {
        let (state, req) = (state.clone(), req.clone());
        Box::pin(async move {
            let visitor = Insider::CONSOLE.visitor(&state, &req).await.ok().flatten();
            visitor.is_some_and(|visitor| Permissions::of_roles(&visitor.user.roles).has(Permission::AuditRead))
        })
    })
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

pub(super) fn screen(found: &AuditList, health: &Health, query: &Params, now: Time, base: &Base) -> Screen {
    let search = FIELDS.iter().fold(Form::asking("search", base.to("/admin/audit"), "console.search"), |form, name| {
        form.field(Field::text(*name, &format!("console.audit.{name}"), form::line(query, name)))
    });
    let kept: Vec<_> = query.iter().filter(|(name, value)| FIELDS.contains(name) && !value.is_empty()).collect();
    let place = |path: &str, name: &str, value: Option<&str>| {
        let more = value.map(|value| (name, value));
        base.to(&format!("{path}?{}", to_query(kept.iter().copied().chain(more))))
    };
    let page = |after: Option<&str>| place("/admin/audit", "after", after);
    let first = query.get("after").map(|_| page(None));
    let mut screen = Screen::new(Text::new("console.audit.title")).lead("console.audit.lead");
    screen.blocks.extend(alarm(health, now));
    screen = screen.with(search);
    // What is new belongs above what is newest.
    if first.is_none() {
        let sealed = health.sealed.map(|sealed| sealed.to_string());
        let known = found.items.iter().filter(|view| view.seq.is_none_or(|seq| Some(seq) > health.sealed));
        let known = known.map(|view| view.event.id.to_string()).collect();
        let address = place("/admin/audit/tail", "after", sealed.as_deref());
        screen = screen.with(live::Live::new(address, page(None), known).block());
        screen.scripts.push("live-tail.js");
    }
    let choices = Format::ALL.map(|format| {
        Choice::new(format.word(), Say::key(&format!("console.audit.{}", format.word())), format == Format::Csv)
    });
    let export = Form::new("export", base.to("/admin/audit/export"), "console.audit.export").plain();
    let export = kept.iter().fold(export, |form, (name, value)| form.hidden(*name, *value));
    screen
        .with(events(&found.items, base).pages(found.next.as_deref().map(|next| page(Some(next))), first))
        .with(Block::Heading { id: "take", text: Text::new("console.audit.take") })
        .with(export.field(Field::select("format", "console.audit.format", choices)))
        .with(Block::Heading { id: "health", text: Text::new("console.audit.health") })
        .with(Block::Facts { facts: facts(health) })
        .with(Block::Paragraph { says: Say::key("console.audit.verify") })
}

/// What is wrong with the log.
fn alarm(health: &Health, now: Time) -> Option<Block> {
    let late = health.waiting_since.filter(|since| now.0.saturating_sub(since.0.0) > LONG);
    let says = match (&health.finding, late) {
        (Some(finding), _) => Text::new("console.audit.damaged").with("finding", finding).into(),
        (None, Some(_)) => Say::key("console.audit.late"),
        (None, None) => return None,
    };
    Some(Block::Note { tone: Tone::Bad, says: vec![says] })
}

fn facts(health: &Health) -> Vec<Fact> {
    let number = |number: i64| number.to_string();
    let sealed = health.sealed.map(|sealed| Text::new("console.audit.sealed_to").with("number", number(sealed)));
    let end = if health.finding.is_none() { "console.audit.whole" } else { "console.audit.broken" };
    let mut facts = vec![
        Fact::new("console.audit.sealed", sealed),
        Fact::new("console.audit.end", [Say::key(end)]),
        Fact::new("console.audit.waiting", health.waiting_since),
    ];
    let sink = |sink: &health::SinkHealth| {
        let key = if sink.behind > 0 { "console.audit.sink.behind" } else { "console.audit.sink.served" };
        let told = Text::new(key).with("sink", &sink.name).with("served", number(sink.served));
        Say::from(told.with("behind", number(sink.behind)))
    };
    let sinks: Vec<Say> = health.sinks.iter().map(sink).collect();
    let none = vec![Say::key("console.audit.sinks.none")];
    facts.push(Fact::new("console.audit.sinks", if sinks.is_empty() { none } else { sinks }));
    facts
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
        let told = Cell { says: details(view).into_iter().map(Say::Plain).collect(), ..Cell::default() };
        vec![Cell::say(event.at), Cell::say(event.kind.as_str()).code(), user, who, client, told]
    };
    Table::new("events", "console.audit", &["at", "kind", "user", "actor", "client", "details"])
        .rows(items.iter().map(row))
}

/// What more an event tells, and not too much of it.
pub(super) fn details(AuditView { event, .. }: &AuditView) -> Vec<String> {
    let mut details: Vec<_> = event.details.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    details.extend(event.changes.iter().map(change));
    if details.len() > 12 {
        details.truncate(12);
        details.push("…".to_owned());
    }
    details
}

fn change(change: &Change) -> String {
    let shown = |value: &Option<serde_json::Value>| match value {
        None => "–".to_owned(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    format!("{}: {} → {}", change.field, shown(&change.before), shown(&change.after))
}
