//! `/admin/connections`: what authenticators need outside. A gateway may be a vendor that is known, or the line that the
//! seed product calls its SMS URL, pasted as it is. Everything that can be declared of one can be set here as well.

mod fields;
mod given;
mod health;
mod receipts;
mod rows;
mod secrets;
#[cfg(test)]
mod tests;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use serde_json::{Map, Value, json};
use vestibule_core::{channel::SendOutcome, prompt::Text};
use vestibule_oauth::Params;

use self::{
    fields::{GATEWAY, MAIN, ROUTE, Source},
    given::{ROUTES, settings},
};
pub(super) use self::{receipts::told, secrets::field as secret_field};
use super::{
    Desk, Place,
    desk::{Base, part},
    form, mail_server,
};
use crate::{
    admin::{
        AdminError, FieldFault, Permission, Versioned,
        connections::{self, ConnectionView, HealthView, TestView},
        paging::Listing,
    },
    pages::{
        Tone,
        console::{Action, Block, Cell, Fact, Field, Form, Kind, Say, Screen, Table},
    },
    state::State,
};

const HERE: Place = Place::Connections;
/// The vendors, and the secrets that each wants.
const PRESETS: [(&str, &[&str]); 5] = [
    ("vonage", &["api_key", "api_secret"]),
    ("twilio", &["account_sid", "auth_token"]),
    ("clickatell", &["token"]),
    ("plivo", &["auth_id", "auth_token"]),
    ("bulksms", &["username", "password"]),
];

/// `GET /admin/connections`.
pub(super) async fn list(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    let page = desk.page();
    match connections::list(&desk.state, &desk.actor, &page).await {
        Ok(found) => {
            let may = desk.may(Permission::ConnectionsWrite);
            let known = |view: &ConnectionView| connections::known_health(&desk.state, &view.name);
            let health: Vec<_> = found.items.iter().map(known).collect();
            desk.show(HERE, list_screen(&found, &health, page.after.is_some(), may, &desk.base()))
        }
        Err(error) => desk.refused(HERE, &error),
    }
}

pub(super) fn list_screen(
    found: &Listing<ConnectionView>,
    health: &[HealthView],
    later: bool,
    may: bool,
    base: &Base,
) -> Screen {
    let next = found.next.as_deref().map(|next| base.after("/admin/connections", next));
    let row = |(at, view): (usize, &ConnectionView)| {
        let name = Cell::link(here(&view.name, base), view.name.as_str());
        let name = if view.disabled { name.tag(Say::key("console.off")) } else { name };
        let name = health.get(at).into_iter().flat_map(health::tags).fold(name, Cell::tag);
        vec![
            name,
            Cell::say(view.kind.as_str()).code(),
            Cell::say(vendor(view)).code(),
            Cell::tags(view.used_by.iter().map(String::as_str)),
        ]
    };
    let screen = Screen::new(Text::new("console.connections.title")).lead("console.connections.lead");
    let screen = if may {
        let action = |kind: &str| {
            let (href, key) = (base.to(&format!("/admin/connections/new?preset={kind}")), title_of(kind));
            if kind == "generic" { Action::main(href, &key) } else { Action::plain(href, &key) }
        };
        let vendors = PRESETS.iter().map(|(name, _)| *name);
        let all = ["generic", ROUTES, mail_server::KIND].into_iter().chain(vendors).map(action);
        screen.with(Block::Actions { actions: all.collect() })
    } else {
        screen
    };
    screen.with(
        Table::new("connections", "console.connections", &["name", "kind", "preset", "used"])
            .rows(found.items.iter().enumerate().map(row))
            .pages(next, later.then(|| base.to("/admin/connections"))),
    )
}

/// What a connection is by: a vendor, a route, a URL.
fn vendor(view: &ConnectionView) -> &str {
    let usual = if view.kind == mail_server::KIND { "smtp" } else { "generic" };
    if view.settings.contains_key("via") {
        return ROUTES;
    }
    view.settings.get("preset").and_then(Value::as_str).unwrap_or(usual)
}

fn title_of(preset: &str) -> String {
    format!("console.connections.new.{preset}")
}

fn here(name: &str, base: &Base) -> String {
    base.to(&format!("/admin/connections/{}", part(name)))
}

/// The secrets that a vendor wants.
fn secrets_of(preset: &str) -> &'static [&'static str] {
    PRESETS.iter().find(|(name, _)| *name == preset).map_or(&[], |(_, secrets)| secrets)
}

/// `GET /admin/connections/new`.
pub(super) async fn new(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    match desk.actor.needs(Permission::ConnectionsWrite) {
        Ok(()) => {
            let (query, gateways) = (desk.query(), gateways(&desk, ""));
            desk.show(HERE, new_screen(&query, &gateways, &[], &desk.base()))
        }
        Err(error) => desk.refused(HERE, &error),
    }
}

/// The gateways that a route may go by.
fn gateways(desk: &Desk, own: &str) -> Vec<String> {
    connections::gateways(&desk.state).into_iter().filter(|name| name != own).collect()
}

pub(super) fn new_screen(typed: &Params, gateways: &[String], faults: &[FieldFault], base: &Base) -> Screen {
    let faults = pointed(faults);
    let preset = match typed.get("preset") {
        Some(mail_server::KIND) => return mail_server::new_screen(typed, &faults, base),
        Some(ROUTES) => ROUTES,
        preset => preset.filter(|name| !secrets_of(name).is_empty()).unwrap_or("generic"),
    };
    let name = typed.get("name").unwrap_or("SMSOTP");
    let form = Form::new("connection", base.to("/admin/connections/new"), "console.connections.create")
        .hidden("preset", preset)
        .field(Field::text("name", "console.connections.name", name).required().hint("console.connections.name.hint"));
    let nothing = Map::new();
    let form = body(form, &Source { settings: &nothing, typed: Some(typed) }, preset, gateways, &faults);
    let mut screen = Screen::new(Text::new(&title_of(preset)))
        .crumb(base.to("/admin/connections"), Say::key("console.connections.title"));
    screen.alarmed = !faults.is_empty();
    screen.with(form.refused(&faults))
}

/// The fields of a route or of a gateway, with what its vendor leaves open first.
fn body(form: Form, source: &Source<'_>, preset: &str, gateways: &[String], faults: &[FieldFault]) -> Form {
    if preset == ROUTES {
        let form = rows::via(source, gateways).into_iter().fold(form, Form::field);
        let after = source.field(&("after_unknown", fields::How::Tick, true));
        return source.groups(form.field(after), ROUTE);
    }
    let known = !["generic", ""].contains(&preset);
    let main = MAIN.iter().filter(|(name, ..)| !known || *name == "from");
    let form = main.fold(form, |form, setting| {
        let field = source.field(setting);
        form.field(if setting.0 == "url" { field.required() } else { field })
    });
    let form = secrets::group(form, source, secrets_of(preset), faults);
    let kept = source.there("secrets.receipts").is_some();
    let form = if kept { form.hidden("receipts.kept", "yes") } else { form };
    let were = source.there("prices").and_then(Value::as_object).into_iter().flat_map(Map::keys);
    let were: Vec<_> = were.map(String::as_str).collect();
    let form = if were.is_empty() { form } else { form.hidden("prices.were", were.join("\n")) };
    source.groups(form, GATEWAY)
}

/// Faults of settings stand at the settings' fields.
fn pointed(faults: &[FieldFault]) -> Vec<FieldFault> {
    let inner = |pointer: &str| pointer.strip_prefix("/settings").unwrap_or(pointer).to_owned();
    faults.iter().map(|fault| FieldFault::new(inner(&fault.pointer), fault.detail.clone())).collect()
}

/// `POST /admin/connections/new`.
pub(super) async fn create(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let (kind, settings) = match params.get("preset") {
        Some(mail_server::KIND) => (mail_server::KIND, mail_server::settings(&params, false)),
        _ => ("sms", receipts::with_secret(settings(&params), &params, &*desk.state.random)),
    };
    let secret = receipts::secret_of(&settings);
    let given = json!({ "name": form::line(&params, "name"), "kind": kind, "settings": settings });
    let given = given.as_object().cloned().unwrap_or_default();
    match connections::create(&desk.state, &desk.actor, &given).await {
        Ok(made) => match secret {
            Some(secret) => desk.show(HERE, receipts::screen(&made.value.name, &desk, &secret)),
            None => desk.go(&format!("/admin/connections/{}", part(&made.value.name)), "created"),
        },
        Err(AdminError::Invalid(faults)) => {
            let screen = new_screen(&params, &gateways(&desk, ""), &faults, &desk.base());
            desk.show_as(StatusCode::UNPROCESSABLE_ENTITY, HERE, screen)
        }
        Err(AdminError::Taken(fault)) => {
            let screen = new_screen(&params, &gateways(&desk, ""), &[fault], &desk.base());
            desk.show_as(StatusCode::CONFLICT, HERE, screen)
        }
        Err(error) => desk.refused(HERE, &error),
    }
}

/// `GET /admin/connections/{name}`.
pub(super) async fn detail(req: HttpRequest, state: Data<State>, path: Path<String>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    show(&desk, &path, StatusCode::OK, &Extra::default()).await
}

/// What a connection's page shows beside the connection.
#[derive(Default)]
pub(super) struct Extra<'a> {
    pub(super) typed: Option<&'a Params>,
    pub(super) faults: &'a [FieldFault],
    pub(super) to_faults: &'a [FieldFault],
    pub(super) tested: Option<&'a TestView>,
}

/// What is around a connection's page.
pub(super) struct Around<'a> {
    pub(super) base: &'a Base,
    /// The issuer, which addresses for vendors begin with.
    pub(super) issuer: &'a str,
    pub(super) may: bool,
    pub(super) gateways: &'a [String],
    pub(super) health: &'a HealthView,
}

async fn show(desk: &Desk, name: &str, status: StatusCode, extra: &Extra<'_>) -> HttpResponse {
    match connections::get(&desk.state, &desk.actor, name).await {
        Ok(found) => {
            let around = Around {
                base: &desk.base(),
                issuer: &desk.state.public.url(""),
                may: desk.may(Permission::ConnectionsWrite),
                gateways: &gateways(desk, name),
                health: &connections::known_health(&desk.state, name),
            };
            desk.show_as(status, HERE, detail_screen(&found, extra, &around))
        }
        Err(error) => desk.refused(HERE, &error),
    }
}

pub(super) fn detail_screen(found: &Versioned<ConnectionView>, extra: &Extra<'_>, around: &Around<'_>) -> Screen {
    let (base, may) = (around.base, around.may);
    let (view, etag, own) = (&found.value, found.etag.0.as_str(), here(&found.value.name, base));
    let mut screen = Screen::new(Text::new("console.connection.title").with("name", &view.name))
        .crumb(base.to("/admin/connections"), Say::key("console.connections.title"));
    screen.alarmed = !extra.faults.is_empty() || !extra.to_faults.is_empty();
    if let Some(tested) = extra.tested {
        screen = screen.with_all(outcome(tested));
    }
    if let Some(file) = &view.managed_by {
        let says = vec![Text::new("console.refused.managed").with("file", file).into()];
        screen = screen.with(Block::Note { tone: Tone::Plain, says });
    }
    if !view.advice.is_empty() {
        let says = view.advice.iter().map(|why| Say::Plain(why.clone())).collect();
        screen = screen.with(Block::Note { tone: Tone::Plain, says });
    }
    screen = screen.with(facts(view, around.issuer));
    // Nobody looks at mail servers.
    if view.kind != mail_server::KIND {
        screen = screen.with_all(health::blocks(around.health));
    }
    if may && !view.disabled {
        let to = extra.typed.map(|typed| form::line(typed, "to")).unwrap_or_default();
        let field = if view.kind == mail_server::KIND {
            Field::text("to", "console.connection.to.mail", to).required()
        } else {
            Field::new(Kind::Tel, "to", "console.connection.to", to).required().hint("console.users.phone.hint")
        };
        let form = Form::new("test", format!("{own}/test"), "console.connection.test").plain().field(field);
        screen = screen.with(heading("try", "console.connection.try")).with(form.refused(extra.to_faults));
    }
    if may && view.managed_by.is_none() {
        let (typed, faults) = (extra.typed.filter(|_| extra.tested.is_none()), pointed(extra.faults));
        let form = edit_form(view, &own, etag, typed, &faults, around.gateways);
        screen = screen.with(heading("edit", "console.connection.edit")).with(form.refused(&faults));
        let sure = Field::check("sure", "console.connection.sure", false).hint("console.connection.delete.hint");
        let form = Form::new("delete", format!("{own}/delete"), "console.connection.delete").danger();
        screen = screen.with(heading("danger", "console.danger")).with(form.hidden("etag", etag).field(sure));
    }
    screen
}

fn heading(id: &'static str, key: &str) -> Block {
    Block::Heading { id, text: Text::new(key) }
}

fn facts(view: &ConnectionView, issuer: &str) -> Block {
    let state = Say::key(if view.disabled { "console.off" } else { "console.on" });
    let settings = view.settings.iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name}: {text}"),
        other => format!("{name}: {other}"),
    });
    let mut facts = vec![
        Fact::new("console.state", [state]),
        Fact::new("console.connections.column.kind", [view.kind.as_str()]).code(),
        Fact::new("console.connection.settings", settings.collect::<Vec<_>>()).code(),
        Fact::new("console.connections.column.used", view.used_by.iter().map(String::as_str).collect::<Vec<_>>()),
    ];
    if view.settings.contains_key("receipts") {
        let address = receipts::address(issuer, &view.name, connections::MASK);
        facts.push(Fact::new("console.connection.receipts", [address]).code());
    }
    Block::Facts { facts }
}

fn edit_form(
    view: &ConnectionView,
    own: &str,
    etag: &str,
    typed: Option<&Params>,
    faults: &[FieldFault],
    gateways: &[String],
) -> Form {
    let source = Source { settings: &view.settings, typed };
    let preset = view.settings.get("preset").and_then(Value::as_str).unwrap_or_default();
    let form = Form::new("connection", own, "console.save").hidden("etag", etag);
    let form = match () {
        () if view.kind == mail_server::KIND => {
            let text = |name: &str| match view.settings.get(name) {
                Some(Value::String(text)) => text.clone(),
                Some(Value::Number(number)) => number.to_string(),
                _ => String::new(),
            };
            let value = |name: &str| typed.map_or_else(|| text(name), |typed| form::line(typed, name));
            let form = form.hidden("preset", mail_server::KIND);
            if preset == "outbox" { form } else { mail_server::fields(form, &value) }
        }
        // It has no settings of its own.
        () if preset == "outbox" => form.hidden("preset", preset),
        () if view.settings.contains_key("via") => {
            body(form.hidden("preset", ROUTES), &source, ROUTES, gateways, faults)
        }
        () => body(form, &source, preset, gateways, faults),
    };
    let disabled = typed.map_or(view.disabled, |typed| form::ticked(typed, "disabled"));
    form.field(Field::check("disabled", "console.connections.disabled", disabled))
}

/// How a test went.
fn outcome(tested: &TestView) -> Vec<Block> {
    let (tone, says) = match &tested.outcome {
        SendOutcome::Accepted { reference } => {
            let reference = reference.as_deref().unwrap_or("–");
            (Tone::Good, Text::new("console.connection.accepted").with("reference", reference))
        }
        SendOutcome::Refused { why } => (Tone::Bad, Text::new("console.connection.refused").with("why", why)),
        SendOutcome::Unknown { why } => (Tone::Bad, Text::new("console.connection.unknown").with("why", why)),
    };
    let took = Text::new("console.connection.took").with("ms", tested.took_ms);
    let copy = |id: &str, key: &str, text: &Option<String>| {
        let text = text.clone()?;
        Some(Block::Copy { id: id.to_owned(), label: Text::new(key), text })
    };
    let mut blocks = vec![Block::Note { tone, says: vec![says.into(), took.into()] }];
    blocks.extend(copy("request", "console.connection.request", &tested.request));
    blocks.extend(copy("answer", "console.connection.answer", &tested.answer));
    blocks
}

/// `POST /admin/connections/{name}`.
pub(super) async fn update(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let settings = match params.get("preset") {
        Some(mail_server::KIND) => mail_server::settings(&params, true),
        Some("outbox") => Map::new(),
        _ => receipts::with_secret(settings(&params), &params, &*desk.state.random),
    };
    let secret = receipts::secret_of(&settings);
    let patch = json!({ "settings": settings, "disabled": form::ticked(&params, "disabled") });
    let patch = patch.as_object().cloned().unwrap_or_default();
    match connections::update(&desk.state, &desk.actor, &path, &patch, form::etag(&params).as_ref()).await {
        Ok(_) => match secret {
            Some(secret) => desk.show(HERE, receipts::screen(&path, &desk, &secret)),
            None => desk.go(&format!("/admin/connections/{}", part(&path)), "saved"),
        },
        Err(AdminError::Invalid(faults)) => {
            let extra = Extra { typed: Some(&params), faults: &faults, ..Extra::default() };
            show(&desk, &path, StatusCode::UNPROCESSABLE_ENTITY, &extra).await
        }
        Err(error) => desk.refused_form(HERE, &error, &params),
    }
}

/// `POST /admin/connections/{name}/test`: what came of it is the answer. To do it again is to press the button again.
pub(super) async fn test(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    match connections::test(&desk.state, &desk.actor, &path, &form::line(&params, "to")).await {
        Ok(tested) => {
            let extra = Extra { typed: Some(&params), tested: Some(&tested), ..Extra::default() };
            show(&desk, &path, StatusCode::OK, &extra).await
        }
        Err(AdminError::Invalid(faults)) => {
            let extra = Extra { to_faults: &faults, ..Extra::default() };
            show(&desk, &path, StatusCode::UNPROCESSABLE_ENTITY, &extra).await
        }
        Err(error) => desk.refused(HERE, &error),
    }
}

/// `POST /admin/connections/{name}/delete`.
pub(super) async fn delete(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    if !form::ticked(&params, "sure") {
        return desk.refused(HERE, &AdminError::Refused("nothing was deleted: the box was not ticked".to_owned()));
    }
    match connections::delete(&desk.state, &desk.actor, &path, form::etag(&params).as_ref()).await {
        Ok(()) => desk.go("/admin/connections", "deleted"),
        Err(error) => desk.refused_form(HERE, &error, &params),
    }
}
