//! `/admin/clients`: service providers — the applications that people sign in to.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};
use vestibule_core::{prompt::Text, store::StoreExt as _};
use vestibule_oauth::{
    Params,
    model::{Client, ClientAuthMethod, ConsentPolicy, GrantType},
};

use super::{
    Desk, Place,
    desk::{Base, part, status},
    form, snippets, trials,
};
use crate::{
    admin::{
        AdminError, FieldFault, Permission, Versioned,
        clients::{self, ClientView, WithSecret},
        paging::Listing,
    },
    pages::{
        Tone,
        console::{Action, Block, Cell, Choice, Fact, Field, Form, Say, Screen, Table},
    },
    state::{State, Transaction},
};

const HERE: Place = Place::Clients;
const AUTH: [&str; 4] = ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"];
const GRANTS: [&str; 3] = ["authorization_code", "refresh_token", "client_credentials"];
const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];
/// How long an old secret may work on, in hours.
const OVERLAPS: [&str; 4] = ["0", "24", "168", "720"];
/// Where addresses are checked while they are typed.
const CHECK: &str = "/admin/clients/new/check";
/// What asks there.
const SCRIPT: &str = "redirects.js";

/// `GET /admin/clients`.
pub(super) async fn list(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    let page = desk.page();
    match clients::list(&desk.state, &desk.actor, &page).await {
        Ok(found) => {
            let may = desk.may(Permission::ClientsWrite);
            desk.show(HERE, list_screen(&found, page.after.is_some(), may, &desk.base()))
        }
        Err(error) => desk.refused(HERE, &error),
    }
}

pub(super) fn list_screen(found: &Listing<ClientView>, later: bool, may: bool, base: &Base) -> Screen {
    let next = found.next.as_deref().map(|next| base.after("/admin/clients", next));
    let row = |view: &ClientView| {
        let client = &view.client;
        let mut name = Cell::link(here(client.id.as_str(), base), client.name.as_str());
        if view.built_in {
            name = name.tag(Say::key("console.clients.built_in"));
        }
        if client.disabled {
            name = name.tag(Say::key("console.off"));
        }
        let chain = client.chain.as_ref().map_or_else(|| Say::key("console.clients.default"), |c| c.as_str().into());
        vec![name, Cell::say(client.id.as_str()).code(), Cell::say(Say::key(auth_key(client.auth))), Cell::say(chain)]
    };
    let screen = Screen::new(Text::new("console.clients.title")).lead("console.clients.lead");
    let screen = if may {
        screen
            .with(Block::Actions { actions: vec![Action::main(base.to("/admin/clients/new"), "console.clients.new")] })
    } else {
        screen
    };
    screen.with(
        Table::new("clients", "console.clients", &["name", "id", "auth", "chain"])
            .rows(found.items.iter().map(row))
            .pages(next, later.then(|| base.to("/admin/clients"))),
    )
}

fn here(id: &str, base: &Base) -> String {
    base.to(&format!("/admin/clients/{}", part(id)))
}

fn auth_key(auth: ClientAuthMethod) -> &'static str {
    match auth {
        ClientAuthMethod::ClientSecretBasic => "console.clients.auth.client_secret_basic",
        ClientAuthMethod::ClientSecretPost => "console.clients.auth.client_secret_post",
        ClientAuthMethod::PrivateKeyJwt => "console.clients.auth.private_key_jwt",
        ClientAuthMethod::None => "console.clients.auth.none",
    }
}

/// `GET /admin/clients/new`.
pub(super) async fn new(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    match desk.actor.needs(Permission::ClientsWrite) {
        Ok(()) => desk.show(HERE, new_screen(&Params::default(), &[], &chains(&desk).await, &desk.base())),
        Err(error) => desk.refused(HERE, &error),
    }
}

/// The published chains, to choose from.
async fn chains(desk: &Desk) -> Vec<String> {
    let read = |tx: &mut Transaction| Ok(tx.published_chains()?.iter().map(|c| c.chain.to_string()).collect());
    desk.state.store.read(read).await.unwrap_or_default()
}

pub(super) fn new_screen(typed: &Params, faults: &[FieldFault], chains: &[String], base: &Base) -> Screen {
    let value = |name: &str| form::line(typed, name);
    let auth = typed.get("auth").unwrap_or("client_secret_basic").to_owned();
    let form = Form::new("client", base.to("/admin/clients/new"), "console.clients.create")
        .field(Field::text("id", "console.clients.id", value("id")).required().hint("console.clients.id.hint"))
        .field(Field::text("name", "console.clients.name", value("name")).required())
        .field(auth_field(&auth))
        .field(
            Field::area("redirect_uris", "console.clients.redirects", value("redirect_uris"))
                .hint("console.clients.redirects.hint")
                .checked_at(base.to(CHECK)),
        )
        .field(chain_field(&value("chain"), chains));
    let mut screen = Screen::new(Text::new("console.clients.new"))
        .lead("console.clients.new.lead")
        .crumb(base.to("/admin/clients"), Say::key("console.clients.title"));
    screen.alarmed = !faults.is_empty();
    screen.scripts.push(SCRIPT);
    screen.with(form.refused(faults))
}

fn auth_field(now: &str) -> Field {
    let choice = |name: &&str| Choice::new(*name, Say::key(&format!("console.clients.auth.{name}")), *name == now);
    Field::select("auth", "console.clients.auth", AUTH.iter().map(choice))
}

fn chain_field(now: &str, chains: &[String]) -> Field {
    let default = Choice::new("", Say::key("console.clients.default"), now.is_empty());
    let all = chains.iter().map(|name| Choice::new(name.as_str(), name.as_str(), name == now));
    Field::select("chain", "console.clients.chain", std::iter::once(default).chain(all))
        .hint("console.clients.chain.hint")
}

/// `POST /admin/clients/new`: the answer shows the secret, once; a reload finds the id taken.
pub(super) async fn create(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let mut given = Map::new();
    for name in ["id", "name", "auth"] {
        given.insert(name.to_owned(), form::line(&params, name).into());
    }
    given.insert("redirect_uris".to_owned(), form::lines(&params, "redirect_uris").into());
    if let Some(chain) = form::some(&params, "chain") {
        given.insert("chain".to_owned(), chain.into());
    }
    match clients::create(&desk.state, &desk.actor, &given).await {
        Ok(WithSecret { client, secret: Some(secret) }) => {
            let issuer = desk.state.public.issuer.as_str();
            desk.show(HERE, secret_screen(&client.value.client, secret.expose_secret(), issuer, &desk.base()))
        }
        Ok(made) => desk.go(&format!("/admin/clients/{}", part(made.client.value.client.id.as_str())), "created"),
        Err(AdminError::Invalid(faults)) => {
            let screen = new_screen(&params, &faults, &chains(&desk).await, &desk.base());
            desk.show_as(StatusCode::UNPROCESSABLE_ENTITY, HERE, screen)
        }
        Err(AdminError::Taken(fault)) => {
            let screen = new_screen(&params, &[fault], &chains(&desk).await, &desk.base());
            desk.show_as(StatusCode::CONFLICT, HERE, screen)
        }
        Err(error) => desk.refused(HERE, &error),
    }
}

/// A secret, shown once.
pub(super) fn secret_screen(client: &Client, secret: &str, issuer: &str, base: &Base) -> Screen {
    let copy = |id: &str, label: &str, text: &str| Block::Copy {
        id: id.to_owned(),
        label: Text::new(label),
        text: text.to_owned(),
    };
    let environment = snippets::environment(client, issuer, Some(secret));
    Screen::new(Text::new("console.secret.title").with("name", &client.name))
        .crumb(base.to("/admin/clients"), Say::key("console.clients.title"))
        .crumb(here(client.id.as_str(), base), client.name.as_str())
        .flash(Tone::Good, Say::key("console.secret.once"))
        .with(copy("secret", "console.secret.label", secret))
        .with(copy("environment", "console.secret.environment", &environment))
        .with(Block::Actions { actions: vec![Action::main(here(client.id.as_str(), base), "console.secret.stored")] })
}

/// What a service provider's page is drawn with.
pub(super) struct Around<'a> {
    pub(super) chains: &'a [String],
    pub(super) issuer: &'a str,
    pub(super) may: bool,
    /// Whether the actor may read the audit log.
    pub(super) log: bool,
    /// A test sign-in that was not begun: what was typed, and what is wrong with it.
    pub(super) trial: Option<(&'a Params, &'a [FieldFault])>,
}

/// `GET /admin/clients/{id}`.
pub(super) async fn detail(req: HttpRequest, state: Data<State>, path: Path<String>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    show(&desk, &path, StatusCode::OK, None, &[], None).await
}

/// The page again, with what is wrong with a test sign-in beside its form.
pub(super) async fn show_refused_trial(desk: &Desk, id: &str, typed: &Params, faults: &[FieldFault]) -> HttpResponse {
    show(desk, id, StatusCode::UNPROCESSABLE_ENTITY, None, &[], Some((typed, faults))).await
}

async fn show(
    desk: &Desk,
    id: &str,
    status: StatusCode,
    typed: Option<&Params>,
    faults: &[FieldFault],
    trial: Option<(&Params, &[FieldFault])>,
) -> HttpResponse {
    let found = match clients::get(&desk.state, &desk.actor, id).await {
        Ok(found) => found,
        Err(error) => return desk.refused(HERE, &error),
    };
    let around = Around {
        chains: &chains(desk).await,
        issuer: desk.state.public.issuer.as_str(),
        may: desk.may(Permission::ClientsWrite),
        log: desk.may(Permission::AuditRead),
        trial,
    };
    desk.show_as(status, HERE, detail_screen(&found, typed, faults, &around, &desk.base()))
}

pub(super) fn detail_screen(
    found: &Versioned<ClientView>,
    typed: Option<&Params>,
    faults: &[FieldFault],
    around: &Around<'_>,
    base: &Base,
) -> Screen {
    let (view, etag) = (&found.value, found.etag.0.as_str());
    let client = &view.client;
    let own = here(client.id.as_str(), base);
    let mut screen = Screen::new(Text::new("console.client.title").with("name", &client.name))
        .crumb(base.to("/admin/clients"), Say::key("console.clients.title"))
        .with(facts(view, around));
    screen.alarmed = !faults.is_empty() || around.trial.is_some();
    screen.scripts.push(SCRIPT);
    if let Some(file) = &view.managed_by {
        let says = vec![Text::new("console.refused.managed").with("file", file).into()];
        screen = screen.with(Block::Note { tone: Tone::Plain, says });
    }
    screen = screen.with_all(activity(client, around, base));
    screen = screen.with(heading("quick-start", "console.client.quick_start"));
    screen = screen.with_all(snippets::all(client, around.issuer));
    if around.may && client.grant_types.contains(&GrantType::AuthorizationCode) {
        screen = screen.with(heading("trial-heading", "console.client.test")).with(trial(client, around, &own));
    }
    let editable = around.may && view.managed_by.is_none();
    if editable {
        let form = Form::new("client", own.as_str(), "console.save").hidden("etag", etag);
        let form = edit_fields(form, client, typed, around.chains, base);
        screen = screen.with(heading("edit", "console.client.edit")).with(form.refused(faults));
    }
    if view.secrets.is_empty() && !has_secret(client) {
        return deletion(screen, view, editable, &own, etag);
    }
    let row = |secret: &clients::SecretView| {
        let until = secret.expires_at.map_or_else(|| Say::key("console.client.secret.stays"), Say::from);
        vec![Cell::say("•••••••• "), Cell::say(until)]
    };
    let table =
        Table::new("secrets", "console.client.secrets", &["secret", "until"]).rows(view.secrets.iter().map(row));
    screen = screen.with(heading("secret", "console.client.secret")).with(table);
    if editable && has_secret(client) {
        let choice =
            |hours: &&str| Choice::new(*hours, Say::key(&format!("console.client.overlap.{hours}")), *hours == "24");
        let form = Form::new("rotate", format!("{own}/secrets"), "console.client.rotate").plain().hidden("etag", etag);
        let overlap = Field::select("overlap", "console.client.overlap", OVERLAPS.iter().map(choice));
        screen = screen.with(form.field(overlap));
    }
    deletion(screen, view, editable, &own, etag)
}

fn deletion(screen: Screen, view: &ClientView, editable: bool, own: &str, etag: &str) -> Screen {
    if !editable || view.built_in {
        return screen;
    }
    let form = Form::new("delete", format!("{own}/delete"), "console.client.delete").danger().hidden("etag", etag);
    let sure = Field::check("sure", "console.client.sure", false).hint("console.client.delete.hint");
    screen.with(heading("danger", "console.danger")).with(form.field(sure))
}

fn heading(id: &'static str, key: &str) -> Block {
    Block::Heading { id, text: Text::new(key) }
}

fn has_secret(client: &Client) -> bool {
    matches!(client.auth, ClientAuthMethod::ClientSecretBasic | ClientAuthMethod::ClientSecretPost)
}

fn facts(view: &ClientView, around: &Around<'_>) -> Block {
    let client = &view.client;
    let state = Say::key(if client.disabled { "console.off" } else { "console.on" });
    Block::Facts {
        facts: vec![
            Fact::new("console.clients.id", [client.id.as_str()]).code(),
            Fact::new("console.client.issuer", [around.issuer]).code(),
            Fact::new("console.state", [state]),
        ],
    }
}

/// The form of a test sign-in, or why there is none.
fn trial(client: &Client, around: &Around<'_>, own: &str) -> Block {
    if client.disabled {
        return Block::Paragraph { says: Say::key("console.trial.disabled") };
    }
    let (typed, faults) = around.trial.map_or((None, [].as_slice()), |(typed, faults)| (Some(typed), faults));
    trials::form(client, typed, faults, own).into()
}

/// Where to read what it did.
fn activity(client: &Client, around: &Around<'_>, base: &Base) -> Option<Block> {
    let query = crate::http::form::to_query([("client", client.id.as_str())].into_iter());
    let action = Action::plain(base.to(&format!("/admin/audit?{query}")), "console.client.activity");
    around.log.then(|| Block::Actions { actions: vec![action] })
}

fn edit_fields(form: Form, client: &Client, typed: Option<&Params>, chains: &[String], base: &Base) -> Form {
    let now = serde_json::to_value(client).unwrap_or_default();
    let value =
        |name: &str| typed.map_or_else(|| shown(&now, name), |typed| typed.get(name).unwrap_or_default().to_owned());
    let chosen = |name: &str, one: &str| match typed {
        Some(typed) => form::all(typed, name).any(|chosen| chosen == one),
        None => now.get(name).and_then(Value::as_array).is_some_and(|all| all.iter().any(|given| given == one)),
    };
    let choices = |name: &str, all: &[&str]| {
        all.iter().map(|one| Choice::new(*one, Say::Plain((*one).to_owned()), chosen(name, one))).collect::<Vec<_>>()
    };
    let algorithm = value("id_token_signed_response_alg");
    let algorithms = ALGORITHMS.iter().map(|name| Choice::new(*name, *name, *name == algorithm));
    let line = |name: &str, label: &str| Field::text(name, label, value(name));
    form.field(line("name", "console.clients.name").required())
        .field(line("client_uri", "console.client.home"))
        .field(Field::check("disabled", "console.client.disabled", !value("disabled").is_empty()))
        .field(auth_field(&value("auth")))
        .field(
            Field::area("redirect_uris", "console.clients.redirects", value("redirect_uris"))
                .hint("console.clients.redirects.hint")
                .checked_at(base.to(CHECK)),
        )
        .field(
            Field::area("post_logout_redirect_uris", "console.client.logout", value("post_logout_redirect_uris"))
                .checked_at(base.to(CHECK)),
        )
        .field(chain_field(&value("chain"), chains))
        .field(line("groups", "console.client.groups").hint("console.client.groups.hint"))
        .field(Field::check(
            "ask",
            "console.client.consent",
            typed.map_or(client.consent == ConsentPolicy::Ask, |typed| form::ticked(typed, "ask")),
        ))
        .field(Field::checks("grant_types", "console.client.grants", choices("grant_types", &GRANTS)))
        .field(line("scopes", "console.client.scopes").hint("console.client.scopes.hint"))
        .field(line("audiences", "console.client.audiences").hint("console.client.audiences.hint"))
        .field(Field::check("require_pkce", "console.client.pkce", !value("require_pkce").is_empty()))
        .field(Field::select("id_token_signed_response_alg", "console.client.algorithm", algorithms))
        .field(line("access_token_life", "console.client.access_life"))
        .field(line("refresh_token_life", "console.client.refresh_life"))
        .field(Field::area("jwks", "console.client.jwks", value("jwks")).hint("console.client.jwks.hint"))
}

/// A field of a service provider, as it stands in the form.
fn shown(client: &Value, name: &str) -> String {
    let joint = if name.ends_with("_uris") { "\n" } else { " " };
    match client.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::Bool(yes)) => if *yes { "yes" } else { "" }.to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(joint),
        Some(other) => other.to_string(),
    }
}

/// `POST /admin/clients/{id}`.
pub(super) async fn update(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let patch = match patch(&params) {
        Ok(patch) => patch,
        Err(faults) => return show(&desk, &path, StatusCode::UNPROCESSABLE_ENTITY, Some(&params), &faults, None).await,
    };
    match clients::update(&desk.state, &desk.actor, &path, &patch, form::etag(&params).as_ref()).await {
        Ok(_) => desk.go(&format!("/admin/clients/{}", part(&path)), "saved"),
        Err(error @ AdminError::Invalid(_)) => {
            let code = status(&error);
            let AdminError::Invalid(faults) = error else { return desk.refused(HERE, &AdminError::Busy) };
            show(&desk, &path, code, Some(&params), &faults, None).await
        }
        Err(error) => desk.refused_form(HERE, &error, &params),
    }
}

/// `POST /admin/clients/new/check`: what is wrong with the addresses of a form, while they are typed. What is sent beside is passed
/// over; a service provider that is half typed is wrong elsewhere, too.
pub(super) async fn check(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let mut given = Map::new();
    if let Some(auth) = params.get("auth").filter(|auth| AUTH.contains(auth)) {
        given.insert("auth".to_owned(), auth.into());
    }
    for name in ["redirect_uris", "post_logout_redirect_uris"] {
        given.insert(name.to_owned(), form::lines(&params, name).into());
    }
    match clients::check_addresses(&desk.actor, &given) {
        Ok(faults) => {
            let faults: Vec<_> = faults.into_iter().map(|fault| fault.detail).collect();
            HttpResponse::Ok().json(json!({ "faults": faults }))
        }
        Err(error) => desk.refused(HERE, &error),
    }
}

/// The whole form as a merge patch: what is empty goes back to its default.
fn patch(params: &Params) -> Result<Map<String, Value>, Vec<FieldFault>> {
    let mut patch = Map::new();
    let mut faults = Vec::new();
    let mut put = |name: &str, value: Value| {
        patch.insert(name.to_owned(), value);
    };
    for name in ["name", "auth", "id_token_signed_response_alg"] {
        put(name, form::line(params, name).into());
    }
    for name in ["client_uri", "chain"] {
        put(name, form::some(params, name).map_or(Value::Null, Value::from));
    }
    for name in ["redirect_uris", "post_logout_redirect_uris"] {
        put(name, form::lines(params, name).into());
    }
    for name in ["groups", "scopes", "audiences"] {
        put(name, form::words(params, name).into_iter().collect::<Vec<_>>().into());
    }
    for name in ["disabled", "require_pkce"] {
        put(name, form::ticked(params, name).into());
    }
    put("grant_types", form::all(params, "grant_types").map(str::to_owned).collect::<Vec<_>>().into());
    put("consent", if form::ticked(params, "ask") { "ask" } else { "skip" }.into());
    for name in ["access_token_life", "refresh_token_life"] {
        match form::line(params, name).parse::<u32>() {
            Ok(seconds) => put(name, seconds.into()),
            Err(_) => faults.push(FieldFault::new(format!("/{name}"), "a number of seconds is expected")),
        }
    }
    match form::some(params, "jwks").map(|text| serde_json::from_str::<Value>(&text)) {
        None => put("jwks", Value::Null),
        Some(Ok(keys)) => put("jwks", keys),
        Some(Err(error)) => faults.push(FieldFault::new("/jwks", format!("this is no JSON: {error}"))),
    }
    if faults.is_empty() { Ok(patch) } else { Err(faults) }
}

/// `POST /admin/clients/{id}/secrets`: the answer shows the secret, once. A reload posts the version of before, which makes no
/// other.
pub(super) async fn rotate(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let hours = params.get("overlap").filter(|hours| OVERLAPS.contains(hours)).and_then(|hours| hours.parse().ok());
    let overlap = Duration::from_secs(hours.unwrap_or(0_u64).saturating_mul(3600));
    match clients::rotate_secret(&desk.state, &desk.actor, &path, overlap, form::etag(&params).as_ref()).await {
        Ok(WithSecret { client, secret }) => {
            let secret = secret.as_ref().map_or("", |secret| secret.expose_secret());
            let issuer = desk.state.public.issuer.as_str();
            desk.show(HERE, secret_screen(&client.value.client, secret, issuer, &desk.base()))
        }
        Err(error) => desk.refused_form(HERE, &error, &params),
    }
}

/// `POST /admin/clients/{id}/delete`.
pub(super) async fn delete(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    if !form::ticked(&params, "sure") {
        return desk.refused(HERE, &AdminError::Refused("nothing was deleted: the box was not ticked".to_owned()));
    }
    match clients::delete(&desk.state, &desk.actor, &path, form::etag(&params).as_ref()).await {
        Ok(()) => desk.go("/admin/clients", "deleted"),
        Err(error) => desk.refused_form(HERE, &error, &params),
    }
}
