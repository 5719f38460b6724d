//! Where an admin sits: who they are and what they may, asked anew at every request, and the pages that every screen shares.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode},
    web::{Data, Payload},
};
use vestibule_core::prompt::Text;
use vestibule_oauth::Params;

use super::denied;
use crate::{
    admin::{Actor, AdminError, Permission, Role, Via, Who, access::Permissions, paging::PageQuery},
    answer::{self, Drawing},
    context,
    http::{
        csrf,
        form::{self, to_query},
        multipart,
    },
    insider::{Insider, Visitor},
    pages::{
        Cause, Page, Tone,
        console::{self, Console, NavItem, Say, Screen, Shell},
    },
    state::State,
};

/// What tokens of the console's forms are bound to, beside the cookie.
pub(super) const FORM: &str = "console";
/// What can be told after a redirect: the messages `console.done.…`.
pub(super) const DONE: &[&str] = &[
    "created",
    "saved",
    "deleted",
    "locked",
    "unlocked",
    "signed-out",
    "password-change",
    "invited",
    "revoked",
    "ended",
    "rotated",
    "removed",
    "published",
    "imported",
    "lifted",
    "proved",
];

/// A place in the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The overview.
    Home,
    /// People.
    Users,
    /// Their groups.
    Groups,
    /// Where they are signed in.
    Sessions,
    /// Applications.
    Clients,
    /// SMS gateways and the like.
    Connections,
    /// What became of messages.
    Messages,
    /// Chains.
    Chains,
    /// Signing keys.
    Keys,
    /// The audit log.
    Audit,
    /// The settings.
    Settings,
    /// Whether all is as it should be.
    Doctor,
}

impl Place {
    /// All of them, with their paths and what they need.
    const ALL: [(Self, &str, &str, Option<Permission>); 12] = [
        (Self::Home, "/admin", "console.place.home", None),
        (Self::Users, "/admin/users", "console.place.users", Some(Permission::UsersRead)),
        (Self::Groups, "/admin/groups", "console.place.groups", Some(Permission::UsersRead)),
        (Self::Sessions, "/admin/sessions", "console.place.sessions", Some(Permission::SessionsRead)),
        (Self::Clients, "/admin/clients", "console.place.clients", Some(Permission::ClientsRead)),
        (Self::Connections, "/admin/connections", "console.place.connections", Some(Permission::ConnectionsRead)),
        (Self::Messages, "/admin/messages", "console.place.messages", Some(Permission::AuditRead)),
        (Self::Chains, "/admin/chains", "console.place.chains", Some(Permission::ChainsRead)),
        (Self::Keys, "/admin/keys", "console.place.keys", Some(Permission::KeysRead)),
        (Self::Audit, "/admin/audit", "console.place.audit", Some(Permission::AuditRead)),
        (Self::Settings, "/admin/settings", "console.place.settings", Some(Permission::SettingsRead)),
        (Self::Doctor, "/admin/doctor", "doctor.title", Some(Permission::SettingsRead)),
    ];

    /// What somebody with this role sees of the navigation.
    pub(super) fn nav(self, permissions: &Permissions, path: impl Fn(&str) -> String) -> Vec<NavItem> {
        let seen = Self::ALL.iter().filter(|(.., needs)| needs.is_none_or(|needs| permissions.has(needs)));
        let item = |(place, href, label, _): &(Self, &str, &str, _)| NavItem {
            href: path(href),
            label: Text::new(label),
            current: *place == self,
        };
        seen.map(item).collect()
    }
}

/// What paths of this server begin with: the path of the issuer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Base(pub(crate) String);

impl Base {
    /// A path of this server.
    pub(crate) fn to(&self, path: &str) -> String {
        format!("{}{path}", self.0)
    }

    /// The page of a list that begins at a token.
    pub(crate) fn after(&self, path: &str, token: &str) -> String {
        self.to(&format!("{path}?{}", to_query([("after", token)].into_iter())))
    }
}

/// A name as a part of a path.
pub(crate) fn part(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// Somebody at the console, at one request.
pub(crate) struct Desk {
    pub(crate) state: Data<State>,
    pub(crate) req: HttpRequest,
    pub(crate) actor: Actor,
    /// The name that the actor is shown by.
    name: String,
    /// Who sits here, and what they proved.
    pub(super) visitor: Visitor,
}

impl Desk {
    /// Who sits here; otherwise the way to the login, or what to ask for.
    pub(crate) async fn open(req: HttpRequest, state: Data<State>) -> Result<Self, HttpResponse> {
        let found = Insider::CONSOLE.visitor(&state, &req).await;
        let visitor = found.map_err(|error| answer::store_error(&state, &req, &error))?;
        let Some(visitor) = visitor else { return Err(Self::sign_in(&state, &req)) };
        Self::seated(req, state, visitor)
    }

    /// The same for a form: one of ours, posted in this browser.
    pub(crate) async fn open_form(
        req: HttpRequest,
        state: Data<State>,
        payload: Payload,
    ) -> Result<(Self, Params), HttpResponse> {
        if !csrf::same_site(&req, &state.public.origin) {
            return Err(answer::error(&state, &req, Cause::Forbidden));
        }
        let read = form::read(&state, &req, payload).await;
        let params = read.map_err(|error| answer::form_error(&state, &req, error))?;
        let desk = Self::open(req, state).await?;
        let given = params.get(csrf::FIELD).unwrap_or_default();
        if !csrf::right(&desk.state.prf, FORM, &desk.visitor.cookie, given) {
            return Err(answer::error(&desk.state, &desk.req, Cause::Forbidden));
        }
        Ok((desk, params))
    }

    /// The same for a form that brings a file, of up to `most` bytes in all.
    pub(crate) async fn open_upload(
        req: HttpRequest,
        state: Data<State>,
        payload: Payload,
        most: usize,
    ) -> Result<(Self, Params), HttpResponse> {
        if !csrf::same_site(&req, &state.public.origin) {
            return Err(answer::error(&state, &req, Cause::Forbidden));
        }
        // Who sits here is asked first: nobody else sends so much.
        let desk = Self::open(req, state).await?;
        let read = multipart::read(&desk.state, &desk.req, payload, most).await;
        let params = read.map_err(|error| answer::form_error(&desk.state, &desk.req, error))?;
        let given = params.get(csrf::FIELD).unwrap_or_default();
        if !csrf::right(&desk.state.prf, FORM, &desk.visitor.cookie, given) {
            return Err(answer::error(&desk.state, &desk.req, Cause::Forbidden));
        }
        Ok((desk, params))
    }

    /// A GET comes back to where it was; a POST is not done later by itself.
    fn sign_in(state: &State, req: &HttpRequest) -> HttpResponse {
        let path = req.path().strip_prefix(state.public.issuer.path()).unwrap_or(req.path());
        let query = req.query_string();
        let to = match () {
            () if req.method() != Method::GET => Insider::CONSOLE.home.to_owned(),
            () if query.is_empty() => path.to_owned(),
            () => format!("{path}?{query}"),
        };
        // A cookie has to hold it.
        let to = if to.len() > 512 { Insider::CONSOLE.home } else { &to };
        Insider::CONSOLE.begin(state, to, &[])
    }

    #[expect(clippy::result_large_err, reason = "an answer is as large as it is, and this is asked once a request")]
    fn seated(req: HttpRequest, state: Data<State>, visitor: Visitor) -> Result<Self, HttpResponse> {
        let user = &visitor.user;
        let name = user.display_name.clone().unwrap_or_else(|| user.username.to_string());
        let Some(role) = Role::strongest(&user.roles) else {
            return Err(denied::no_role(&state, &req, &name, &csrf::token(&state.prf, FORM, &visitor.cookie)));
        };
        let permissions = Permissions::of_roles(&user.roles);
        let who = Who::Person { user: user.id, username: user.username.clone(), role };
        let actor = Actor { who, permissions, via: Via::Console, cx: context::of(&state, &req) };
        Ok(Self { state, req, actor, name, visitor })
    }

    /// What paths of this server begin with.
    pub(crate) fn base(&self) -> Base {
        Base(self.state.public.path(""))
    }

    /// A path of this server.
    pub(crate) fn path(&self, path: &str) -> String {
        self.state.public.path(path)
    }

    /// Whether the actor may.
    pub(crate) fn may(&self, permission: Permission) -> bool {
        self.actor.permissions.has(permission)
    }

    /// The query of this request; nothing of one that cannot be read.
    pub(crate) fn query(&self) -> Params {
        form::query(&self.req).unwrap_or_default()
    }

    /// The page of a list that this request asks for.
    pub(crate) fn page(&self) -> PageQuery {
        PageQuery { limit: None, after: self.query().get("after").map(str::to_owned) }
    }

    /// A screen.
    pub(crate) fn show(&self, place: Place, screen: Screen) -> HttpResponse {
        self.show_as(StatusCode::OK, place, screen)
    }

    /// A screen with another status.
    pub(crate) fn show_as(&self, status: StatusCode, place: Place, mut screen: Screen) -> HttpResponse {
        if let Some(done) = self.query().get("done").filter(|done| DONE.contains(done))
            && self.req.method() == Method::GET
            && screen.flash.is_none()
        {
            screen = screen.flash(Tone::Good, Say::key(&format!("console.done.{done}")));
        }
        let role = match &self.actor.who {
            Who::Person { role, .. } => *role,
            Who::Program(_) => Role::Auditor,
        };
        let shell = Shell {
            home: self.path("/admin"),
            nav: place.nav(&self.actor.permissions, |path| self.path(path)),
            visitor: Some(console::Visitor {
                name: self.name.clone(),
                role: role_text(role),
                logout: self.path("/admin/sign-out"),
            }),
        };
        let drawing = Drawing { csrf: csrf::token(&self.state.prf, FORM, &self.visitor.cookie), ..Drawing::default() };
        answer::page(&self.state, &self.req, status, &Page::Console(Console { shell, screen }), drawing)
    }

    /// To a page of the console, saying what was done.
    pub(crate) fn go(&self, path: &str, done: &str) -> HttpResponse {
        let joint = if path.contains('?') { '&' } else { '?' };
        answer::see_other(&self.path(&format!("{path}{joint}done={done}")))
    }

    /// What was not done, where there is no form to say it in.
    pub(crate) fn refused(&self, place: Place, error: &AdminError) -> HttpResponse {
        if let AdminError::Store(error) = error {
            return answer::store_error(&self.state, &self.req, error);
        }
        // There is no form to be corrected: the address is wrong, such as the token of a page.
        let asked = self.req.method() == Method::GET && matches!(error, AdminError::Invalid(_));
        let status = if asked { StatusCode::BAD_REQUEST } else { status(error) };
        self.show_as(status, place, denied::refusal(error))
    }

    /// What was not done with a form: a conflict shows both versions and lets the admin choose.
    pub(crate) fn refused_form(&self, place: Place, error: &AdminError, params: &Params) -> HttpResponse {
        match error {
            AdminError::Stale { etag, current } => {
                let screen = denied::conflict(self.req.path(), &etag.0, current, params);
                self.show_as(StatusCode::CONFLICT, place, screen)
            }
            other => self.refused(place, other),
        }
    }
}

/// How a role is called.
pub(super) fn role_text(role: Role) -> Text {
    Text::new(match role {
        Role::Auditor => "console.role.auditor",
        Role::Helpdesk => "console.role.helpdesk",
        Role::Admin => "console.role.admin",
        Role::Owner => "console.role.owner",
    })
}

/// The status that a refusal is answered with.
pub(super) fn status(error: &AdminError) -> StatusCode {
    match error {
        AdminError::Forbidden(_) | AdminError::Above => StatusCode::FORBIDDEN,
        AdminError::NotFound(_) => StatusCode::NOT_FOUND,
        AdminError::Invalid(_) | AdminError::VersionWanted => StatusCode::UNPROCESSABLE_ENTITY,
        AdminError::Taken(_)
        | AdminError::Stale { .. }
        | AdminError::LocksOut(_)
        | AdminError::Managed(_)
        | AdminError::Refused(_) => StatusCode::CONFLICT,
        AdminError::Limited { .. } => StatusCode::TOO_MANY_REQUESTS,
        AdminError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        AdminError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
