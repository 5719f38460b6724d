//! `/admin/connections`: what authenticators need outside. A gateway may be a vendor that is known, or the line that the
//! seed product calls its SMS URL, pasted as it is.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use serde_json::{Map, Value, json};
use vestibule_core::{channel::SendOutcome, prompt::Text};
use vestibule_oauth::Params;

use super::{
    Desk, Place,
    desk::{Base, part},
    form, mail_server,
};
use crate::{
    admin::{
        AdminError, FieldFault, Permission, Versioned,
        connections::{self, ConnectionView, MASK, TestView},
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
            desk.show(HERE, list_screen(&found, page.after.is_some(), may, &desk.base()))
        }
        Err(error) => desk.refused(HERE, &error),
    }
}

pub(super) fn list_screen(found: &Listing<ConnectionView>, later: bool, may: bool, base: &Base) -> Screen {
    let next = found.next.as_deref().map(|next| base.after("/admin/connections", next));
    let row = |view: &ConnectionView| {
        let name = Cell::link(here(&view.name, base), view.name.as_str());
        let name = if view.disabled { name.tag(Say::key("console.off")) } else { name };
        let usual = if view.kind == mail_server::KIND { "smtp" } else { "generic" };
        let preset = view.settings.get("preset").and_then(Value::as_str).unwrap_or(usual);
        vec![
            name,
            Cell::say(view.kind.as_str()).code(),
            Cell::say(preset).code(),
            Cell::tags(view.used_by.iter().map(String::as_str)),
        ]
    };
    let screen = Screen::new(Text::new("console.connections.title")).lead("console.connections.lead");
    let screen = if may {
        let action = |kind: &str, key: &str| {
            let href = base.to(&format!("/admin/connections/new?preset={kind}"));
            if kind == "generic" { Action::main(href, key) } else { Action::plain(href, key) }
        };
        let all = [
            action("generic", "console.connections.new.generic"),
            action(mail_server::KIND, "console.connections.new.mail"),
            action("vonage", "console.connections.new.vonage"),
            action("twilio", "console.connections.new.twilio"),
        ];
        screen.with(Block::Actions { actions: all.into() })
    } else {
        screen
    };
    screen.with(
        Table::new("connections", "console.connections", &["name", "kind", "preset", "used"])
            .rows(found.items.iter().map(row))
            .pages(next, later.then(|| base.to("/admin/connections"))),
    )
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
        Ok(()) => desk.show(HERE, new_screen(&desk.query(), &[], &desk.base())),
        Err(error) => desk.refused(HERE, &error),
    }
}

pub(super) fn new_screen(typed: &Params, faults: &[FieldFault], base: &Base) -> Screen {
    if typed.get("preset") == Some(mail_server::KIND) {
        return mail_server::new_screen(typed, &pointed(faults), base);
    }
    let preset = typed.get("preset").filter(|name| !secrets_of(name).is_empty()).unwrap_or("generic");
    let name = typed.get("name").unwrap_or("SMSOTP");
    let form = Form::new("connection", base.to("/admin/connections/new"), "console.connections.create")
        .hidden("preset", preset)
        .field(Field::text("name", "console.connections.name", name).required().hint("console.connections.name.hint"));
    let form = if preset == "generic" {
        form.field(url_field(form::line(typed, "url")).required())
    } else {
        let secret = |form: Form, name: &&str| form.field(secret_field(name).required());
        let form = secrets_of(preset).iter().fold(form, secret);
        form.field(Field::text("from", "console.connections.from", form::line(typed, "from")))
    };
    let form = if preset == "generic" { plain_http(form, form::ticked(typed, "allow_plain_http")) } else { form };
    let mut screen = Screen::new(Text::new(&format!("console.connections.new.{}", known(preset))))
        .crumb(base.to("/admin/connections"), Say::key("console.connections.title"));
    screen.alarmed = !faults.is_empty();
    screen.with(form.refused(&pointed(faults)))
}

/// The vendors that have a word of their own.
fn known(preset: &str) -> &str {
    if ["vonage", "twilio", "generic"].contains(&preset) { preset } else { "other" }
}

fn url_field(value: String) -> Field {
    Field::area("url", "console.connections.url", value).hint("console.connections.url.hint")
}

fn plain_http(form: Form, now: bool) -> Form {
    form.field(Field::check("allow_plain_http", "console.connections.plain", now))
}

pub(super) fn secret_field(name: &str) -> Field {
    let mut field = Field::new(Kind::Password, format!("secrets.{name}"), "console.connections.secret", "");
    field.label = Text::new("console.connections.secret").with("name", name);
    field.autocomplete("new-password")
}

/// Faults of settings stand at the settings' fields.
fn pointed(faults: &[FieldFault]) -> Vec<FieldFault> {
    let inner = |pointer: &str| pointer.strip_prefix("/settings").unwrap_or(pointer).to_owned();
    faults.iter().map(|fault| FieldFault::new(inner(&fault.pointer), fault.detail.clone())).collect()
}

/// The settings of a form. A secret that was left empty is left out, so that it stays.
fn settings(params: &Params) -> Map<String, Value> {
    let mut settings = Map::new();
    let mut secrets = Map::new();
    for (name, value) in params.iter().filter(|(_, value)| !value.trim().is_empty()) {
        match name {
            "url" | "from" => {
                settings.insert(name.to_owned(), value.trim().into());
            }
            "preset" if value != "generic" => {
                settings.insert(name.to_owned(), value.into());
            }
            _ => {
                if let Some(secret) = name.strip_prefix("secrets.") {
                    secrets.insert(secret.to_owned(), value.into());
                }
            }
        }
    }
    if form::ticked(params, "allow_plain_http") {
        settings.insert("allow_plain_http".to_owned(), true.into());
    }
    if !secrets.is_empty() {
        settings.insert("secrets".to_owned(), secrets.into());
    }
    settings
}

/// `POST /admin/connections/new`.
pub(super) async fn create(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let (kind, settings) = match params.get("preset") {
        Some(mail_server::KIND) => (mail_server::KIND, mail_server::settings(&params, false)),
        _ => ("sms", settings(&params)),
    };
    let given = json!({ "name": form::line(&params, "name"), "kind": kind, "settings": settings });
    let given = given.as_object().cloned().unwrap_or_default();
    match connections::create(&desk.state, &desk.actor, &given).await {
        Ok(made) => desk.go(&format!("/admin/connections/{}", part(&made.value.name)), "created"),
        Err(AdminError::Invalid(faults)) => {
            desk.show_as(StatusCode::UNPROCESSABLE_ENTITY, HERE, new_screen(&params, &faults, &desk.base()))
        }
        Err(AdminError::Taken(fault)) => {
            desk.show_as(StatusCode::CONFLICT, HERE, new_screen(&params, &[fault], &desk.base()))
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

async fn show(desk: &Desk, name: &str, status: StatusCode, extra: &Extra<'_>) -> HttpResponse {
    match connections::get(&desk.state, &desk.actor, name).await {
        Ok(found) => {
            let may = desk.may(Permission::ConnectionsWrite);
            desk.show_as(status, HERE, detail_screen(&found, extra, may, &desk.base()))
        }
        Err(error) => desk.refused(HERE, &error),
    }
}

pub(super) fn detail_screen(found: &Versioned<ConnectionView>, extra: &Extra<'_>, may: bool, base: &Base) -> Screen {
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
    screen = screen.with(facts(view));
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
        let form = edit_form(view, &own, etag, extra.typed.filter(|_| extra.tested.is_none()));
        screen = screen.with(heading("edit", "console.connection.edit")).with(form.refused(&pointed(extra.faults)));
        let sure = Field::check("sure", "console.connection.sure", false).hint("console.connection.delete.hint");
        let form = Form::new("delete", format!("{own}/delete"), "console.connection.delete").danger();
        screen = screen.with(heading("danger", "console.danger")).with(form.hidden("etag", etag).field(sure));
    }
    screen
}

fn heading(id: &'static str, key: &str) -> Block {
    Block::Heading { id, text: Text::new(key) }
}

fn facts(view: &ConnectionView) -> Block {
    let state = Say::key(if view.disabled { "console.off" } else { "console.on" });
    let settings = view.settings.iter().map(|(name, value)| match value {
        Value::String(text) => format!("{name}: {text}"),
        other => format!("{name}: {other}"),
    });
    Block::Facts {
        facts: vec![
            Fact::new("console.state", [state]),
            Fact::new("console.connections.column.kind", [view.kind.as_str()]).code(),
            Fact::new("console.connection.settings", settings.collect::<Vec<_>>()).code(),
            Fact::new("console.connections.column.used", view.used_by.iter().map(String::as_str).collect::<Vec<_>>()),
        ],
    }
}

fn edit_form(view: &ConnectionView, own: &str, etag: &str, typed: Option<&Params>) -> Form {
    let text = |name: &str| match view.settings.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let value = |name: &str| typed.map_or_else(|| text(name), |typed| form::line(typed, name));
    let disabled = typed.map_or(view.disabled, |typed| form::ticked(typed, "disabled"));
    let form = Form::new("connection", own, "console.save").hidden("etag", etag);
    if view.kind == mail_server::KIND {
        let form = form.hidden("preset", mail_server::KIND);
        let form = if text("preset") == "outbox" { form } else { mail_server::fields(form, &value) };
        return form.field(Field::check("disabled", "console.connections.disabled", disabled));
    }
    let form = if view.settings.contains_key("preset") { form } else { form.field(url_field(value("url"))) };
    let form = if text("preset") == "outbox" {
        form
    } else {
        form.field(Field::text("from", "console.connections.from", value("from")))
    };
    let secrets = view.settings.get("secrets").and_then(Value::as_object);
    let secret = |form: Form, name: &String| form.field(secret_field(name).hint("console.connections.secret.hint"));
    let form = secrets.into_iter().flat_map(Map::keys).fold(form, secret);
    let plain = view.settings.get("allow_plain_http").and_then(Value::as_bool).unwrap_or(false);
    let form = if text("preset").is_empty() { plain_http(form, plain) } else { form };
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
        _ => with_emptied(settings(&params), &params),
    };
    let patch = json!({ "settings": settings, "disabled": form::ticked(&params, "disabled") });
    let patch = patch.as_object().cloned().unwrap_or_default();
    match connections::update(&desk.state, &desk.actor, &path, &patch, form::etag(&params).as_ref()).await {
        Ok(_) => desk.go(&format!("/admin/connections/{}", part(&path)), "saved"),
        Err(AdminError::Invalid(faults)) => {
            let extra = Extra { typed: Some(&params), faults: &faults, ..Extra::default() };
            show(&desk, &path, StatusCode::UNPROCESSABLE_ENTITY, &extra).await
        }
        Err(error) => desk.refused_form(HERE, &error, &params),
    }
}

/// What the form has and was emptied goes; dots stay what they stand for.
fn with_emptied(mut settings: Map<String, Value>, params: &Params) -> Map<String, Value> {
    for name in ["url", "from", "allow_plain_http"] {
        let emptied = params.iter().any(|(given, _)| given == name) || name == "allow_plain_http";
        if emptied && !settings.contains_key(name) {
            settings.insert(name.to_owned(), Value::Null);
        }
    }
    settings.retain(|_, value| value != MASK);
    settings
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
