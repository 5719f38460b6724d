//! Chains in the console: the list, the editor with its simulator, publication and history.
//!
//! The editor is plain forms: each press of a button posts one act with the version that it was made from, the draft is saved,
//! and the next page is a GET. So reload and back are harmless, somebody else's edit is seen and not overwritten, and the
//! keyboard can do whatever the mouse can.

mod edit;
pub(super) mod samples;
mod screens;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload, ServiceConfig, get, post, resource},
};
use vestibule_core::{id::ChainName, store::StoreExt as _};
use vestibule_oauth::Params;

use self::{
    edit::{Go, Refused, Workbench},
    screens::{Editor, Moved, Typed},
};
use super::{Desk, Place, desk, form};
use crate::{
    admin::{
        AdminError, FieldFault, Permission,
        chains::{self, NewChain, Opened, PlanRequest, Publish, SaveDraft, diff, templates::Template},
    },
    answer, declare,
    pages::{
        Tone,
        console::{Say, Screen},
    },
    state::{State, Transaction},
};

const HOME: &str = "/admin/chains";

/// The routes of chains.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/admin/chains").route(get().to(list)))
        .service(resource("/admin/chains/new").route(get().to(new)).route(post().to(create)))
        .service(resource("/admin/chains/{name}").route(get().to(detail)))
        .service(resource("/admin/chains/{name}/draft").route(post().to(draft)))
        .service(resource("/admin/chains/{name}/steps/{number}").route(get().to(step)))
        .service(resource("/admin/chains/{name}/publish").route(get().to(preview)).route(post().to(publish)))
        .service(resource("/admin/chains/{name}/history").route(get().to(history)).route(post().to(restore)))
        .service(resource("/admin/chains/{name}/discard").route(get().to(ask_discard)).route(post().to(discard)))
        .service(resource("/admin/chains/{name}/delete").route(get().to(ask_delete)).route(post().to(delete)));
}

async fn list(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let query = desk.page();
    match chains::list(&desk.state, &desk.actor, &query).await {
        Ok(found) => {
            let may = desk.may(Permission::ChainsWrite);
            desk.show(Place::Chains, screens::list(&desk.path(HOME), &found, may, query.after.is_some()))
        }
        Err(error) => desk.refused(Place::Chains, &error),
    }
}

async fn new(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    if let Err(error) = desk.actor.needs(Permission::ChainsWrite) {
        return desk.refused(Place::Chains, &error);
    }
    let template = desk.query().get("template").and_then(Template::of);
    desk.show(Place::Chains, screens::new(&desk.path(HOME), "", template, &[]))
}

async fn create(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(open) => open,
        Err(response) => return response,
    };
    let name = form::line(&params, "name");
    let template = params.get("template").and_then(Template::of);
    let document = match template {
        Some(template) => match desk.state.store.read(|tx: &mut Transaction| tx.connections()).await {
            Ok(connections) => template.document(&connections),
            Err(error) => return desk.refused(Place::Chains, &error.into()),
        },
        None => Default::default(),
    };
    let again = |faults: &[FieldFault]| screens::new(&desk.path(HOME), &name, template, faults);
    match chains::create(&desk.state, &desk.actor, NewChain { name: name.clone(), document }).await {
        Ok(_) => desk.go(&format!("{HOME}/{name}"), "created"),
        Err(AdminError::Invalid(faults)) => {
            desk.show_as(StatusCode::UNPROCESSABLE_ENTITY, Place::Chains, again(&faults))
        }
        Err(AdminError::Taken(fault)) => desk.show_as(StatusCode::CONFLICT, Place::Chains, again(&[fault])),
        Err(error) => desk.refused(Place::Chains, &error),
    }
}

/// A chain at a desk.
struct Seat {
    desk: Desk,
    name: ChainName,
    opened: Opened,
    /// Where the policy's floor is set, for whoever may read the settings.
    floor_set_in: Option<String>,
}

impl Seat {
    async fn open(desk: Desk, name: &str) -> Result<Self, HttpResponse> {
        let name = ChainName::from(name);
        match chains::open(&desk.state, &desk.actor, &name).await {
            Ok(opened) => {
                let set = desk.state.sources.iter().find(|setting| setting.key == "policy.floor");
                let set = set.filter(|_| desk.may(Permission::SettingsRead)).map(|set| set.place.to_string());
                Ok(Self { desk, name, opened, floor_set_in: set })
            }
            Err(error) => Err(desk.refused(Place::Chains, &error)),
        }
    }

    async fn get(req: HttpRequest, state: Data<State>, name: &str) -> Result<Self, HttpResponse> {
        Self::open(Desk::open(req, state).await?, name).await
    }

    async fn post(
        req: HttpRequest,
        state: Data<State>,
        payload: Payload,
        name: &str,
    ) -> Result<(Self, Params), HttpResponse> {
        let (desk, params) = Desk::open_form(req, state, payload).await?;
        Ok((Self::open(desk, name).await?, params))
    }

    /// The same chain as it is by now.
    async fn again(self) -> Result<Self, HttpResponse> {
        let Self { desk, name, .. } = self;
        Self::open(desk, name.as_str()).await
    }

    fn editor(&self) -> Editor<'_> {
        Editor {
            view: &self.opened.view,
            registry: self.desk.state.engine.registry(),
            connections: &self.opened.connections,
            longest: &self.opened.longest,
            home: self.desk.path(HOME),
            may: self.desk.may(Permission::ChainsWrite),
            floor: &self.desk.state.policy.floor,
            floor_set_in: self.floor_set_in.as_deref(),
        }
    }

    fn show(&self, status: StatusCode, screen: Screen) -> HttpResponse {
        self.desk.show_as(status, Place::Chains, screen)
    }

    fn refused(&self, error: &AdminError) -> HttpResponse {
        self.desk.refused(Place::Chains, error)
    }

    fn path(&self, rest: &str) -> String {
        format!("{HOME}/{}{rest}", self.name)
    }
}

async fn detail(req: HttpRequest, state: Data<State>, name: Path<String>) -> HttpResponse {
    let seat = match Seat::get(req, state, &name).await {
        Ok(seat) => seat,
        Err(response) => return response,
    };
    let query = seat.desk.query();
    let toml = match seat.opened.view.managed_by {
        Some(_) => toml(&seat).await,
        None => None,
    };
    let screen = seat.editor().overview(&seat.opened.problems, moved(&query), toml);
    let (faults, result) = simulated(&seat, &query).await;
    let simulator = seat.editor().simulator(&query, &faults, result.as_ref());
    seat.show(StatusCode::OK, screen.with_all(simulator))
}

/// What a managed chain looks like in its file.
async fn toml(seat: &Seat) -> Option<String> {
    let name = seat.name.clone();
    let read = move |tx: &mut Transaction| declare::toml_of(tx, declare::Kind::Chain, name.as_str());
    seat.desk.state.store.read(read).await.ok().flatten()
}

fn moved(query: &Params) -> Option<Moved> {
    let step = query.get("moved")?.parse().ok()?;
    Some(Moved { step, up: query.get("by") == Some("up") })
}

/// The simulator's answer, when it was asked.
async fn simulated(seat: &Seat, query: &Params) -> (Vec<FieldFault>, Option<chains::Simulated>) {
    if query.get("try").is_none() {
        return (Vec::new(), None);
    }
    let ip = form::some(query, "ip");
    let address = ip.as_ref().map(|ip| ip.parse());
    if let Some(Err(_)) = address {
        return (vec![FieldFault::new("/ip", "An address is written 192.0.2.17 or 2001:db8::17.")], None);
    }
    let request = PlanRequest {
        user: form::some(query, "user"),
        client: form::some(query, "client"),
        ip: address.and_then(Result::ok),
        known_device: form::ticked(query, "known"),
        acr_values: form::some(query, "acr").into_iter().collect(),
        time: form::some(query, "time"),
        ..PlanRequest::default()
    };
    match chains::plan_of(&seat.desk.state, &seat.desk.actor, &seat.opened, &request).await {
        Ok(result) => (Vec::new(), Some(result)),
        Err(AdminError::Invalid(faults)) => (faults, None),
        Err(error) => (vec![FieldFault::new("", error.to_string())], None),
    }
}

async fn step(req: HttpRequest, state: Data<State>, path: Path<(String, usize)>) -> HttpResponse {
    let (name, number) = path.into_inner();
    let seat = match Seat::get(req, state, &name).await {
        Ok(seat) => seat,
        Err(response) => return response,
    };
    let changes = seat.desk.actor.needs(Permission::ChainsWrite);
    let managed = seat.opened.view.managed_by.clone().map_or(Ok(()), |file| Err(AdminError::Managed(file)));
    if let Err(error) = changes.and(managed) {
        return seat.refused(&error);
    }
    let query = seat.desk.query();
    let position = number.checked_sub(1);
    let screen = position.and_then(|at| seat.editor().step(at, &seat.opened.problems, query.get("kind"), None));
    match screen {
        Some(screen) => seat.show(StatusCode::OK, screen),
        None => seat.refused(&AdminError::NotFound("step")),
    }
}

/// Every act of the editor: what it does to the draft is `edit`'s, here is what follows.
async fn draft(req: HttpRequest, state: Data<State>, payload: Payload, name: Path<String>) -> HttpResponse {
    let (seat, params) = match Seat::post(req, state, payload, &name).await {
        Ok(open) => open,
        Err(response) => return response,
    };
    let expected = form::etag(&params);
    if expected.as_ref().is_some_and(|expected| *expected != seat.opened.view.etag()) {
        return seat.show(StatusCode::CONFLICT, seat.editor().conflict(&params));
    }
    let document = seat.opened.view.editable();
    let (save, go) = if params.get("act") == Some("rebase") {
        let base = params.get("base").and_then(|base| base.parse().ok());
        (SaveDraft { document, base }, Go::Chain)
    } else {
        let bench = Workbench { registry: seat.desk.state.engine.registry(), connections: &seat.opened.connections };
        match bench.apply(&document, &params) {
            Ok(edited) => (SaveDraft { document: edited.document, base: None }, edited.go),
            Err(Refused::Gone) => return seat.refused(&AdminError::NotFound("step")),
            Err(Refused::Wrong(wrong)) => return again(&seat, Typed { params: &params, wrong: &wrong }),
        }
    };
    match chains::save_draft(&seat.desk.state, &seat.desk.actor, &seat.name, expected.as_ref(), save).await {
        Ok(_) => onward(&seat, go),
        Err(AdminError::Stale { .. }) => match seat.again().await {
            Ok(seat) => seat.show(StatusCode::CONFLICT, seat.editor().conflict(&params)),
            Err(response) => response,
        },
        Err(error) => seat.refused(&error),
    }
}

fn onward(seat: &Seat, go: Go) -> HttpResponse {
    match go {
        Go::Chain => seat.desk.go(&seat.path(""), "saved"),
        Go::Step(position) => seat.desk.go(&seat.path(&format!("/steps/{}", position.saturating_add(1))), "saved"),
        Go::Moved(position, up) => {
            // Without the card's anchor: where an address names a place, browsers do not put the focus where the page wants it.
            let by = if up { "up" } else { "down" };
            let place = seat.path(&format!("?moved={position}&by={by}"));
            answer::see_other(&seat.desk.path(&place))
        }
    }
}

/// The form again, with what was typed and what is wrong with it.
fn again(seat: &Seat, typed: Typed<'_>) -> HttpResponse {
    let position = typed.params.get("step").and_then(|step| step.parse().ok());
    let editor = seat.editor();
    let step = position.and_then(|position| editor.step(position, &seat.opened.problems, None, Some(typed)));
    let screen = step.unwrap_or_else(|| editor.overview_again(&seat.opened.problems, typed));
    seat.show(StatusCode::UNPROCESSABLE_ENTITY, screen)
}

async fn preview(req: HttpRequest, state: Data<State>, name: Path<String>) -> HttpResponse {
    match Seat::get(req, state, &name).await {
        Ok(seat) => about_to_publish(seat, StatusCode::OK, "", &[], None).await,
        Err(response) => response,
    }
}

/// What publishing would change; or, after somebody else published, both ways.
async fn about_to_publish(
    seat: Seat,
    status: StatusCode,
    note: &str,
    faults: &[FieldFault],
    says: Option<Say>,
) -> HttpResponse {
    let view = &seat.opened.view;
    let Some(draft) = &view.draft else { return seat.refused(&AdminError::NotFound("draft")) };
    let published = view.published.as_ref().map(|published| &published.document);
    if view.overtaken() {
        let base = chains::revision_of(&seat.desk.state, view, draft.base).await.ok();
        let base = base.as_ref().map(|base| &base.revision.document);
        let theirs = published.cloned().unwrap_or_default();
        let screen = seat.editor().overtaken(&diff(base, &draft.document), &diff(base, &theirs));
        return seat.show(StatusCode::CONFLICT, screen);
    }
    match chains::check_of(&seat.desk.state, &seat.opened, view.editable()).await {
        Ok(checked) => {
            let screen = seat.editor().publish(&diff(published, &draft.document), &checked, note, faults);
            let screen = match says {
                Some(says) => screen.flash(Tone::Bad, says),
                None => screen,
            };
            seat.show(status, screen)
        }
        Err(error) => seat.refused(&error),
    }
}

async fn publish(req: HttpRequest, state: Data<State>, payload: Payload, name: Path<String>) -> HttpResponse {
    let (seat, params) = match Seat::post(req, state, payload, &name).await {
        Ok(open) => open,
        Err(response) => return response,
    };
    let (expected, note) = (form::etag(&params), form::line(&params, "note"));
    let publication = Publish { note: Some(note.clone()) };
    let done = chains::publish(&seat.desk.state, &seat.desk.actor, &seat.name, expected.as_ref(), publication).await;
    let error = match done {
        Ok(_) => return seat.desk.go(&seat.path(""), "published"),
        Err(error) => error,
    };
    let faults = match &error {
        AdminError::Invalid(faults) => faults.iter().filter(|fault| fault.pointer == "/note").cloned().collect(),
        AdminError::Stale { .. } | AdminError::LocksOut(_) => Vec::new(),
        error => return seat.refused(error),
    };
    let (status, says) = (desk::status(&error), super::denied::says(&error));
    match seat.again().await {
        Ok(seat) => about_to_publish(seat, status, &note, &faults, Some(says)).await,
        Err(response) => response,
    }
}

async fn history(req: HttpRequest, state: Data<State>, name: Path<String>) -> HttpResponse {
    let seat = match Seat::get(req, state, &name).await {
        Ok(seat) => seat,
        Err(response) => return response,
    };
    let (desk, query) = (&seat.desk, seat.desk.page());
    let found = match chains::history_of(&desk.state, &seat.opened.view, &query).await {
        Ok(found) => found,
        Err(error) => return seat.refused(&error),
    };
    let number = desk.query().get("revision").and_then(|number| number.parse().ok());
    let shown = match number {
        None => None,
        Some(number) => match chains::revision_of(&desk.state, &seat.opened.view, number).await {
            Ok(shown) => Some(shown),
            Err(error) => return seat.refused(&error),
        },
    };
    seat.show(StatusCode::OK, seat.editor().history(&found, query.after.is_some(), shown.as_ref()))
}

async fn restore(req: HttpRequest, state: Data<State>, payload: Payload, name: Path<String>) -> HttpResponse {
    let (seat, params) = match Seat::post(req, state, payload, &name).await {
        Ok(open) => open,
        Err(response) => return response,
    };
    let number = params.get("revision").and_then(|number| number.parse().ok()).unwrap_or(0);
    let (desk, expected) = (&seat.desk, form::etag(&params));
    match chains::restore(&desk.state, &desk.actor, &seat.name, number, expected.as_ref()).await {
        Ok(_) => desk.go(&seat.path(""), "saved"),
        Err(error) => desk.refused_form(Place::Chains, &error, &params),
    }
}

async fn ask_discard(req: HttpRequest, state: Data<State>, name: Path<String>) -> HttpResponse {
    ask(req, state, &name, "discard").await
}

async fn ask_delete(req: HttpRequest, state: Data<State>, name: Path<String>) -> HttpResponse {
    ask(req, state, &name, "delete").await
}

async fn ask(req: HttpRequest, state: Data<State>, name: &str, what: &'static str) -> HttpResponse {
    match Seat::get(req, state, name).await {
        Ok(seat) => match seat.desk.actor.needs(Permission::ChainsWrite) {
            Ok(()) => seat.show(StatusCode::OK, seat.editor().sure(what)),
            Err(error) => seat.refused(&error),
        },
        Err(response) => response,
    }
}

async fn discard(req: HttpRequest, state: Data<State>, payload: Payload, name: Path<String>) -> HttpResponse {
    let (seat, params) = match Seat::post(req, state, payload, &name).await {
        Ok(open) => open,
        Err(response) => return response,
    };
    let desk = &seat.desk;
    match chains::discard_draft(&desk.state, &desk.actor, &seat.name, form::etag(&params).as_ref()).await {
        Ok(()) if seat.opened.view.published.is_some() => desk.go(&seat.path(""), "removed"),
        Ok(()) => desk.go(HOME, "removed"),
        Err(error) => desk.refused_form(Place::Chains, &error, &params),
    }
}

async fn delete(req: HttpRequest, state: Data<State>, payload: Payload, name: Path<String>) -> HttpResponse {
    let (seat, params) = match Seat::post(req, state, payload, &name).await {
        Ok(open) => open,
        Err(response) => return response,
    };
    let desk = &seat.desk;
    match chains::delete(&desk.state, &desk.actor, &seat.name, form::etag(&params).as_ref()).await {
        Ok(()) => desk.go(HOME, "deleted"),
        Err(error) => desk.refused_form(Place::Chains, &error, &params),
    }
}
