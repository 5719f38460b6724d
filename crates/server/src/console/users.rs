//! `/admin/users`: people — looking for them, making them, and all that concerns one.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload, ServiceConfig, get, post, resource},
};
use vestibule_authn_password::Password;
use vestibule_core::{audit::page::AuditFilter, authenticator::label, id::UserId, prompt::Text};
use vestibule_oauth::Params;

use super::{
    Desk, Place, audit as log,
    desk::{Base, role_text, status},
    form, import, proof, registration, sessions,
};
use crate::{
    admin::{
        AdminError, Etag, FieldFault, Permission, Role, Versioned,
        audit::{self, AuditView},
        bypass::{self, BypassCode, NewBypass},
        compromise,
        invitations::{self, InvitationView, NewInvitation, Standing},
        paging::{Listing, PageQuery},
        sessions::SessionView,
        users::{self, FactorView, NewUser, OwnRoles, PasswordLink, UserChange, UserQuery, UserView},
    },
    http::form::to_query,
    pages::{
        Tone,
        console::{Action, Block, Button, Cell, Choice, Fact, Field, Form, Kind, Say, Screen, Table},
    },
    state::State,
};

const HERE: Place = Place::Users;
/// So many events are on a user's page.
const TIMELINE: usize = 20;

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/admin/users").route(get().to(list)))
        .service(resource("/admin/users/import").route(get().to(import::new)).route(post().to(import::post)))
        .service(resource("/admin/users/new").route(get().to(new)).route(post().to(create)))
        .service(resource("/admin/users/{id}").route(get().to(detail)).route(post().to(update)))
        .service(resource("/admin/users/{id}/roles").route(post().to(set_roles)))
        .service(resource("/admin/users/{id}/factors").route(post().to(remove_factor)))
        .service(resource("/admin/users/{id}/password-link").route(post().to(password_link)))
        .service(resource("/admin/users/{id}/password-change").route(post().to(require_password)))
        .service(resource("/admin/users/{id}/bypass-code").route(post().to(bypass_code)))
        .service(resource("/admin/users/{id}/invitation").route(post().to(invite)))
        .service(resource("/admin/users/{id}/invitation/revoke").route(post().to(revoke_invitation)))
        .service(resource("/admin/users/{id}/sign-out").route(post().to(sign_out)))
        .service(resource("/admin/users/{id}/delete").route(post().to(delete)));
}

/// What a user's page shows.
#[derive(Clone, Debug)]
pub(super) struct Detail {
    pub(super) user: Versioned<UserView>,
    pub(super) factors: Vec<FactorView>,
    pub(super) invitation: Option<InvitationView>,
    pub(super) sessions: Option<Vec<SessionView>>,
    pub(super) timeline: Option<Vec<AuditView>>,
}

/// What the visitor may do to a user.
#[derive(Clone, Copy, Debug)]
pub(super) struct May {
    pub(super) write: bool,
    pub(super) roles: bool,
    pub(super) factors: bool,
    pub(super) sessions: bool,
}

impl May {
    pub(super) const ALL: Self = Self { write: true, roles: true, factors: true, sessions: true };

    fn of(desk: &Desk) -> Self {
        Self {
            write: desk.may(Permission::UsersWrite),
            roles: desk.may(Permission::RolesWrite),
            factors: desk.may(Permission::FactorsWrite),
            sessions: desk.may(Permission::SessionsWrite),
        }
    }
}

/// `GET /admin/users`.
async fn list(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    let params = desk.query();
    let query = UserQuery {
        q: form::some(&params, "q"),
        group: form::some(&params, "group"),
        role: form::some(&params, "role"),
        disabled: form::some(&params, "disabled").map(|text| text == "yes"),
        second_factor: form::ticked(&params, "no_second_factor").then_some(false),
        signed_in: form::ticked(&params, "never_signed_in").then_some(false),
        page: PageQuery { limit: None, after: form::some(&params, "after") },
    };
    match users::list(&desk.state, &desk.actor, &query).await {
        Ok(found) => desk.show(HERE, list_screen(&found, &params, May::of(&desk), &desk.base())),
        Err(error) => desk.refused(HERE, &error),
    }
}

pub(super) fn list_screen(found: &Listing<UserView>, params: &Params, may: May, base: &Base) -> Screen {
    let looked_for = ["q", "group", "role", "disabled", "no_second_factor", "never_signed_in"];
    let now = form::line(params, "disabled");
    let choice = |value: &str, label: &str| Choice::new(value, Say::key(label), now == value);
    let states = [
        choice("", "console.users.state.any"),
        choice("no", "console.users.state.active"),
        choice("yes", "console.users.state.locked"),
    ];
    let search = Form::asking("search", base.to("/admin/users"), "console.search")
        .field(Field::text("q", "console.users.q", form::line(params, "q")))
        .field(Field::text("group", "console.users.group", form::line(params, "group")))
        .field(Field::text("role", "console.users.role", form::line(params, "role")))
        .field(Field::select("disabled", "console.users.state", states))
        .field(check(params, "no_second_factor"))
        .field(check(params, "never_signed_in"));
    let kept: Vec<_> = params.iter().filter(|(name, value)| looked_for.contains(name) && !value.is_empty()).collect();
    let page = |after: Option<&str>| {
        let more = after.map(|after| ("after", after));
        base.to(&format!("/admin/users?{}", to_query(kept.iter().copied().chain(more))))
    };
    let row = |user: &UserView| {
        let name = Cell::link(base.to(&format!("/admin/users/{}", user.id)), user.username.as_str());
        let name = if user.disabled { name.tag(Say::key("console.users.locked")) } else { name };
        vec![
            name,
            user.display_name.as_deref().map_or_else(Cell::default, Cell::say),
            user.email.as_deref().map_or_else(Cell::default, Cell::say),
            Cell::tags(user.groups.iter().map(String::as_str)),
            Cell::tags(user.roles.iter().map(String::as_str)),
        ]
    };
    let table = Table::new("users", "console.users", &["username", "name", "email", "groups", "roles"])
        .rows(found.items.iter().map(row))
        .pages(found.next.as_deref().map(|next| page(Some(next))), params.get("after").map(|_| page(None)));
    let screen = Screen::new(Text::new("console.users.title"));
    let screen = if may.write {
        let actions = vec![
            Action::main(base.to("/admin/users/new"), "console.users.new"),
            Action::plain(base.to("/admin/users/import"), "console.import.title"),
            Action::plain(base.to(registration::PATH), "console.registration.title"),
        ];
        screen.with(Block::Actions { actions })
    } else {
        screen
    };
    screen.with(search).with(table)
}

/// A box of the search.
fn check(params: &Params, name: &str) -> Field {
    Field::check(name, &format!("console.users.{name}"), form::ticked(params, name))
}

/// `GET /admin/users/new`.
async fn new(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    match desk.actor.needs(Permission::UsersWrite) {
        Ok(()) => {
            let params: Params = [("phone_number_verified", "yes")].into_iter().collect();
            desk.show(HERE, new_screen(&params, &[], May::of(&desk), &desk.base()))
        }
        Err(error) => desk.refused(HERE, &error),
    }
}

pub(super) fn new_screen(typed: &Params, faults: &[FieldFault], may: May, base: &Base) -> Screen {
    let form = Form::new("user", base.to("/admin/users/new"), "console.users.create");
    let form = fields(form, &|name| form::line(typed, name));
    let form = if may.roles { form.field(own_roles(&form::all(typed, "own_roles").collect::<Vec<_>>())) } else { form };
    let mut screen =
        Screen::new(Text::new("console.users.new")).crumb(base.to("/admin/users"), Say::key("console.users.title"));
    screen.alarmed = !faults.is_empty();
    screen.with(form.refused(faults))
}

fn fields(form: Form, value: &dyn Fn(&str) -> String) -> Form {
    let line = |name: &str, label: &str| Field::text(name, label, value(name));
    form.field(line("username", "console.users.username").required())
        .field(line("display_name", "console.users.name"))
        .field(line("email", "console.users.email"))
        .field(
            Field::new(Kind::Tel, "phone_number", "console.users.phone", value("phone_number"))
                .hint("console.users.phone.hint"),
        )
        .field(Field::check(
            "phone_number_verified",
            "console.users.vouched",
            !value("phone_number_verified").is_empty(),
        ))
        .field(line("groups", "console.users.groups").hint("console.users.words"))
        .field(line("roles", "console.users.roles").hint("console.users.words"))
}

fn own_roles(chosen: &[&str]) -> Field {
    let choice = |role: &Role| Choice::new(role.name(), role_text(*role), chosen.contains(&role.name()));
    Field::checks("own_roles", "console.users.own_roles", Role::ALL.iter().rev().map(choice))
        .hint("console.users.own_roles.hint")
}

/// `POST /admin/users/new`. The roles of this server need a permission of their own, and are given in the same transaction.
async fn create(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let wanted = NewUser {
        username: form::line(&params, "username"),
        display_name: form::some(&params, "display_name"),
        email: form::some(&params, "email"),
        phone_number: form::some(&params, "phone_number"),
        phone_number_verified: Some(form::ticked(&params, "phone_number_verified")),
        groups: form::words(&params, "groups").into_iter().collect(),
        roles: form::words(&params, "roles").into_iter().collect(),
        ..NewUser::default()
    };
    let own = OwnRoles { roles: form::all(&params, "own_roles").map(str::to_owned).collect() };
    if !own.roles.is_empty()
        && let Err(answer) = proof::fresh(&desk, HERE, "/admin/users/new").await
    {
        return answer;
    }
    match users::create_with(&desk.state, &desk.actor, wanted, own).await {
        Ok(made) => desk.go(&format!("/admin/users/{}", made.value.id), "created"),
        Err(error) => again(&desk, &error, |faults| new_screen(&params, faults, May::of(&desk), &desk.base())),
    }
}

/// The form once more with what is wrong, or the refusal.
fn again(desk: &Desk, error: &AdminError, screen: impl FnOnce(&[FieldFault]) -> Screen) -> HttpResponse {
    match error {
        AdminError::Invalid(faults) => desk.show_as(status(error), HERE, screen(faults)),
        AdminError::Taken(fault) => desk.show_as(status(error), HERE, screen(std::slice::from_ref(fault))),
        other => desk.refused(HERE, other),
    }
}

async fn load(desk: &Desk, id: UserId) -> Result<Detail, AdminError> {
    let (state, actor) = (&*desk.state, &desk.actor);
    let user = users::get(state, actor, id).await?;
    let factors = users::factors(state, actor, id).await?;
    let invitation = invitations::find(state, actor, id).await?;
    let sessions =
        if desk.may(Permission::SessionsRead) { Some(users::sessions(state, actor, id).await?) } else { None };
    let timeline = if desk.may(Permission::AuditRead) {
        let filter = AuditFilter { user: Some(id), ..AuditFilter::default() };
        Some(audit::list(state, actor, &filter, None, TIMELINE).await?.items)
    } else {
        None
    };
    Ok(Detail { user, factors, invitation, sessions, timeline })
}

/// `GET /admin/users/{id}`.
async fn detail(req: HttpRequest, state: Data<State>, path: Path<String>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    match named(&path) {
        Ok(id) => show(&desk, id, StatusCode::OK, None, &[]).await,
        Err(error) => desk.refused(HERE, &error),
    }
}

async fn show(
    desk: &Desk,
    id: UserId,
    status: StatusCode,
    typed: Option<&Params>,
    faults: &[FieldFault],
) -> HttpResponse {
    match load(desk, id).await {
        Ok(found) => desk.show_as(status, HERE, detail_screen(&found, typed, faults, May::of(desk), &desk.base())),
        Err(error) => desk.refused(HERE, &error),
    }
}

pub(super) fn detail_screen(
    found: &Detail,
    typed: Option<&Params>,
    faults: &[FieldFault],
    may: May,
    base: &Base,
) -> Screen {
    let (user, etag) = (&found.user.value, found.user.etag.0.as_str());
    let here = base.to(&format!("/admin/users/{}", user.id));
    let to = |rest: &str| format!("{here}/{rest}");
    let mut screen = Screen::new(Text::new("console.user.title").with("username", &user.username))
        .crumb(base.to("/admin/users"), Say::key("console.users.title"))
        .with(facts(user));
    screen.alarmed = !faults.is_empty();
    if may.write {
        let value = |name: &str| typed.map_or_else(|| current(user, name), |typed| form::line(typed, name));
        let edit = Form::new("user", here.as_str(), "console.save").hidden("etag", etag).hidden("edit", "yes");
        screen = screen.with(heading("edit", "console.user.edit")).with(fields(edit, &value).refused(faults));
    }
    if may.roles {
        let roles: Vec<_> = user.roles.iter().map(String::as_str).collect();
        let form = Form::new("own", to("roles"), "console.user.set_roles").plain().hidden("etag", etag);
        screen = screen.with(heading("roles", "console.users.own_roles")).with(form.field(own_roles(&roles)));
    }
    screen = screen.with(heading("factors", "console.user.factors")).with(factors(&found.factors, may, &to));
    screen = screen.with_all(invitation_blocks(found, may, &to));
    if may.factors {
        screen = screen.with(Form::new("link", to("password-link"), "console.user.link").plain());
        if found.factors.iter().any(|own| own.authenticator == Password::NAME) {
            screen = screen
                .with(Form::new("compromised", to("password-change"), "console.user.compromised").plain())
                .with(Block::Paragraph { says: Say::key("console.user.compromised.hint") });
        }
        screen = screen.with(bypass_form(to("bypass-code")));
    }
    if let Some(found) = &found.sessions {
        screen =
            screen.with(heading("where", "console.user.sessions")).with(sessions::table(found, may.sessions, base));
        if may.sessions && !found.is_empty() {
            screen = screen.with(Form::new("out", to("sign-out"), "console.user.sign_out").plain());
        }
    }
    if let Some(events) = &found.timeline {
        screen = screen.with(heading("timeline", "console.user.timeline")).with(log::events(events, base));
    }
    if may.write {
        let (word, to_be) = if user.disabled { ("console.user.unlock", "no") } else { ("console.user.lock", "yes") };
        let lock = Form::new("lock", here.as_str(), word).plain().hidden("etag", etag).hidden("disabled", to_be);
        let delete = Form::new("delete", to("delete"), "console.user.delete").danger().hidden("etag", etag);
        let sure = Field::check("sure", "console.user.sure", false).hint("console.user.delete.hint");
        screen = screen.with(heading("danger", "console.danger")).with(lock).with(delete.field(sure));
    }
    screen
}

fn heading(id: &'static str, key: &str) -> Block {
    Block::Heading { id, text: Text::new(key) }
}

fn facts(user: &UserView) -> Block {
    let mut state = Vec::new();
    state.push(Say::key(if user.disabled { "console.users.state.locked" } else { "console.users.state.active" }));
    let liked = user.preferred.iter().map(|name| Say::Text(label(&name.as_str().into())));
    let preferred = (!user.preferred.is_empty()).then(|| Fact::new("console.user.preferred", liked));
    Block::Facts {
        facts: vec![
            Fact::new("console.users.state", state),
            Fact::new("console.user.id", [user.id.as_str()]).code(),
            Fact::new("console.user.made", [user.created_at]),
            Fact::new("console.user.changed", [user.updated_at]),
        ]
        .into_iter()
        .chain(preferred)
        .collect(),
    }
}

fn factors(found: &[FactorView], may: May, to: &dyn Fn(&str) -> String) -> Table {
    let row = |factor: &FactorView| {
        let name = Cell::say(factor.authenticator.as_str()).code();
        let name = if factor.usable { name } else { name.tag(Say::key("console.user.unusable")) };
        let name = if factor.must_change { name.tag(Say::key("console.user.must_change")) } else { name };
        let named = factor.label.as_deref().map_or_else(Cell::default, Cell::say);
        let named = match &factor.about {
            Some(about) => named.tag(Say::Text(about.clone())),
            None => named,
        };
        let mut cells = vec![name, named, factor.created_at.map_or_else(Cell::default, Cell::say)];
        if may.factors {
            let hidden = [("factor", factor.id.as_str())];
            let about = factor.authenticator.as_str();
            cells.push(Cell::button(Button::new(to("factors"), "console.user.remove", about, &hidden)));
        }
        cells
    };
    let columns: &[&str] = &["factor", "label", "made", "do"];
    let columns = if may.factors { columns } else { columns.get(..3).unwrap_or(columns) };
    Table::new("factors-table", "console.factors", columns).rows(found.iter().map(row))
}

/// A field of a user, as it stands in the form. The roles of this server have a form of their own.
fn current(user: &UserView, name: &str) -> String {
    let ours = |role: &&String| Role::of(role).is_none();
    match name {
        "username" => user.username.clone(),
        "display_name" => user.display_name.clone().unwrap_or_default(),
        "email" => user.email.clone().unwrap_or_default(),
        "phone_number" => user.phone_number.clone().unwrap_or_default(),
        "phone_number_verified" if user.phone_number_verified || user.phone_number.is_none() => "yes".to_owned(),
        "groups" => user.groups.join(", "),
        "roles" => user.roles.iter().filter(ours).cloned().collect::<Vec<_>>().join(", "),
        _ => String::new(),
    }
}

/// `POST /admin/users/{id}`: the fields, or whether the user is locked.
async fn update(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, params, id) = match opened(req, state, &path, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let editing = form::ticked(&params, "edit");
    let disabled = form::some(&params, "disabled").map(|text| text == "yes");
    let change = if editing { edited(&params) } else { UserChange { disabled, ..UserChange::default() } };
    let here = format!("/admin/users/{id}");
    match users::update(&desk.state, &desk.actor, id, form::etag(&params).as_ref(), change).await {
        Ok(_) if editing => desk.go(&here, "saved"),
        Ok(now) => desk.go(&here, if now.value.disabled { "locked" } else { "unlocked" }),
        Err(AdminError::Invalid(faults)) => {
            show(&desk, id, StatusCode::UNPROCESSABLE_ENTITY, Some(&params), &faults).await
        }
        Err(AdminError::Taken(fault)) => show(&desk, id, StatusCode::CONFLICT, Some(&params), &[fault]).await,
        Err(error) => desk.refused_form(HERE, &error, &params),
    }
}

fn edited(params: &Params) -> UserChange {
    UserChange {
        username: Some(form::line(params, "username")),
        display_name: Some(form::some(params, "display_name")),
        email: Some(form::some(params, "email")),
        phone_number: Some(form::some(params, "phone_number")),
        phone_number_verified: form::some(params, "phone_number")
            .map(|_| form::ticked(params, "phone_number_verified")),
        groups: Some(form::words(params, "groups").into_iter().collect()),
        roles: Some(form::words(params, "roles").into_iter().collect()),
        ..UserChange::default()
    }
}

/// `POST /admin/users/{id}/roles`.
async fn set_roles(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, params, id) = match proven(req, state, &path, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let roles = OwnRoles { roles: form::all(&params, "own_roles").map(str::to_owned).collect() };
    let done = users::set_roles(&desk.state, &desk.actor, id, form::etag(&params).as_ref(), roles).await;
    match done {
        Ok(_) => desk.go(&format!("/admin/users/{id}"), "saved"),
        Err(error) => desk.refused_form(HERE, &error, &params),
    }
}

/// `POST /admin/users/{id}/factors`.
async fn remove_factor(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, params, id) = match proven(req, state, &path, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    match users::remove_factor(&desk.state, &desk.actor, id, params.get("factor").unwrap_or_default()).await {
        Ok(()) => desk.go(&format!("/admin/users/{id}"), "removed"),
        Err(error) => desk.refused(HERE, &error),
    }
}

/// `POST /admin/users/{id}/password-link`: the link is the answer, since it stands in no address and in no cookie. Reload makes
/// another.
async fn password_link(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, _, id) = match proven(req, state, &path, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    match users::password_link(&desk.state, &desk.actor, id).await {
        Ok(link) => desk.show(HERE, link_screen(&link, &format!("/admin/users/{id}"), &desk.base())),
        Err(error) => desk.refused(HERE, &error),
    }
}

pub(super) fn link_screen(link: &PasswordLink, user: &str, base: &Base) -> Screen {
    Screen::new(Text::new("console.link.title"))
        .lead("console.link.lead")
        .crumb(base.to("/admin/users"), Say::key("console.users.title"))
        .flash(Tone::Good, Say::key("console.link.made"))
        .with(Block::Copy { id: "link".to_owned(), label: Text::new("console.link.label"), text: link.url.clone() })
        .with(Block::Facts { facts: vec![Fact::new("console.link.until", [link.expires_at])] })
        .with(Block::Actions { actions: vec![Action::main(base.to(user), "console.back")] })
}

/// How a user's invitation stands, and the form that makes one where they have nothing to sign in with.
fn invitation_blocks(found: &Detail, may: May, to: &dyn Fn(&str) -> String) -> Vec<Block> {
    // A number is no credential: whoever has nothing else has no first step.
    let bare = found.factors.iter().all(|factor| factor.id == users::PHONE_FACTOR) && !found.user.value.disabled;
    let mut blocks: Vec<Block> = found.invitation.iter().map(standing).collect();
    let open = found.invitation.as_ref().is_some_and(|invitation| invitation.standing == Standing::Open);
    if may.factors && open {
        blocks.push(Form::new("revoke", to("invitation/revoke"), "console.invitation.revoke").plain().into());
    }
    if may.factors && bare {
        let form = Form::new(
            "invite",
            to("invitation"),
            if open { "console.invitation.again" } else { "console.invitation.invite" },
        );
        let form = form
            .plain()
            .field(Field::text("client", "console.invitation.client", "").hint("console.invitation.client.hint"));
        blocks.push(
            form.field(Field::check("show", "console.invitation.show", false).hint("console.invitation.show.hint"))
                .into(),
        );
    }
    if !blocks.is_empty() {
        blocks.insert(0, heading("invitation", "console.invitation.title"));
    }
    blocks
}

fn standing(invitation: &InvitationView) -> Block {
    let word = match invitation.standing {
        Standing::Open => "console.invitation.open",
        Standing::Accepted => "console.invitation.accepted",
        Standing::Revoked => "console.invitation.revoked",
        Standing::Ended => "console.invitation.ended",
    };
    let mut facts = vec![
        Fact::new("console.users.state", [Say::key(word)]),
        Fact::new("console.invitation.by", [invitation.by.as_str()]),
        Fact::new("console.invitation.at", [invitation.created_at]),
        Fact::new("console.link.until", [invitation.expires_at]),
    ];
    facts.extend(invitation.sent_to.as_deref().map(|to| Fact::new("console.invitation.sent_to", [to])));
    facts.extend(invitation.client.as_deref().map(|client| Fact::new("console.invitation.client", [client]).code()));
    facts.extend(invitation.accepted_at.map(|at| Fact::new("console.invitation.accepted", [at])));
    facts.extend(invitation.revoked_at.map(|at| Fact::new("console.invitation.revoked", [at])));
    Block::Facts { facts }
}

/// `POST /admin/users/{id}/invitation`: a link that is shown is the answer, as a password link is. Reload makes another, and
/// ends this one.
async fn invite(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, params, id) = match opened(req, state, &path, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let new = NewInvitation { client: form::some(&params, "client"), show: form::ticked(&params, "show") };
    let here = format!("/admin/users/{id}");
    // One that is sent is for whoever has the mailbox; one that is shown is for whoever sits here.
    if new.show
        && let Err(answer) = proof::fresh(&desk, HERE, &here).await
    {
        return answer;
    }
    match invitations::invite(&desk.state, &desk.actor, id, &new).await {
        Ok(invitations::Made { url: Some(url), expires_at, .. }) => {
            desk.show(HERE, invited_screen(&PasswordLink { url, expires_at }, &here, &desk.base()))
        }
        Ok(_) => desk.go(&here, "invited"),
        Err(error) => desk.refused(HERE, &error),
    }
}

pub(super) fn invited_screen(link: &PasswordLink, user: &str, base: &Base) -> Screen {
    Screen::new(Text::new("console.invited.title"))
        .lead("console.invited.lead")
        .crumb(base.to("/admin/users"), Say::key("console.users.title"))
        .flash(Tone::Good, Say::key("console.link.made"))
        .with(Block::Copy { id: "link".to_owned(), label: Text::new("console.link.label"), text: link.url.clone() })
        .with(Block::Facts { facts: vec![Fact::new("console.link.until", [link.expires_at])] })
        .with(Block::Actions { actions: vec![Action::main(base.to(user), "console.back")] })
}

/// `POST /admin/users/{id}/invitation/revoke`.
async fn revoke_invitation(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, _, id) = match opened(req, state, &path, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    match invitations::revoke(&desk.state, &desk.actor, id).await {
        Ok(()) => desk.go(&format!("/admin/users/{id}"), "revoked"),
        Err(error) => desk.refused(HERE, &error),
    }
}

/// The form that makes a bypass code.
fn bypass_form(action: String) -> Form {
    let lives =
        [("900", "console.bypass.minutes_15"), ("3600", "console.bypass.hour"), ("28800", "console.bypass.hours_8")];
    let choice = |(life, label): (&str, &str)| Choice::new(life, Text::new(label), life == "3600");
    Form::new("bypass", action, "console.user.bypass")
        .plain()
        .field(Field::select("life", "console.bypass.life", lives.map(choice)).hint("console.bypass.hint"))
}

/// `POST /admin/users/{id}/bypass-code`: the code is the answer, as the link is. Reload makes another, and ends this one.
async fn bypass_code(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, params, id) = match proven(req, state, &path, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let new = NewBypass { life: params.get("life").and_then(|life| life.parse().ok()) };
    match bypass::make(&desk.state, &desk.actor, id, new).await {
        Ok(made) => desk.show(HERE, bypass_screen(&made, &format!("/admin/users/{id}"), &desk.base())),
        Err(error) => desk.refused(HERE, &error),
    }
}

pub(super) fn bypass_screen(made: &BypassCode, user: &str, base: &Base) -> Screen {
    Screen::new(Text::new("console.bypass.title"))
        .lead("console.bypass.lead")
        .crumb(base.to("/admin/users"), Say::key("console.users.title"))
        .flash(Tone::Good, Say::key("console.bypass.made"))
        .with(Block::Copy { id: "code".to_owned(), label: Text::new("console.bypass.code"), text: made.code.clone() })
        .with(Block::Facts { facts: vec![Fact::new("console.link.until", [made.expires_at])] })
        .with(Block::Actions { actions: vec![Action::main(base.to(user), "console.back")] })
}

/// `POST /admin/users/{id}/password-change`.
async fn require_password(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, _, id) = match opened(req, state, &path, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    match compromise::require(&desk.state, &desk.actor, id).await {
        Ok(_) => desk.go(&format!("/admin/users/{id}"), "password-change"),
        Err(error) => desk.refused(HERE, &error),
    }
}

/// `POST /admin/users/{id}/sign-out`.
async fn sign_out(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, _, id) = match opened(req, state, &path, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    match users::sign_out(&desk.state, &desk.actor, id).await {
        Ok(_) => desk.go(&format!("/admin/users/{id}"), "signed-out"),
        Err(error) => desk.refused(HERE, &error),
    }
}

/// `POST /admin/users/{id}/delete`.
async fn delete(req: HttpRequest, state: Data<State>, path: Path<String>, payload: Payload) -> HttpResponse {
    let (desk, params, id) = match opened(req, state, &path, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    if !form::ticked(&params, "sure") {
        return desk.refused(HERE, &AdminError::Refused("nothing was deleted: the box was not ticked".to_owned()));
    }
    let etag: Option<Etag> = form::etag(&params);
    match users::delete(&desk.state, &desk.actor, id, etag.as_ref()).await {
        Ok(()) => desk.go("/admin/users", "deleted"),
        Err(error) => desk.refused_form(HERE, &error, &params),
    }
}

async fn opened(
    req: HttpRequest,
    state: Data<State>,
    path: &str,
    payload: Payload,
) -> Result<(Desk, Params, UserId), HttpResponse> {
    let (desk, params) = Desk::open_form(req, state, payload).await?;
    match named(path) {
        Ok(id) => Ok((desk, params, id)),
        Err(error) => Err(desk.refused(HERE, &error)),
    }
}

/// The same for what asks for a proof of a moment ago.
async fn proven(
    req: HttpRequest,
    state: Data<State>,
    path: &str,
    payload: Payload,
) -> Result<(Desk, Params, UserId), HttpResponse> {
    let (desk, params, id) = opened(req, state, path, payload).await?;
    proof::fresh(&desk, HERE, &format!("/admin/users/{id}")).await?;
    Ok((desk, params, id))
}

fn named(id: &str) -> Result<UserId, AdminError> {
    id.parse().map_err(|_| AdminError::NotFound("user"))
}
