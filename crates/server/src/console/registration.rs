//! `/admin/registration`: whether people may create their own account, and who lately did.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload, ServiceConfig, get, post, resource},
};
use vestibule_core::{audit::page::AuditFilter, prompt::Text};

use super::{Desk, Place, audit as log, desk::Base, form};
use crate::{
    admin::{
        AdminError, Permission,
        audit::{self, AuditView},
        registration::{self, OpenRegistration, RegistrationView},
    },
    pages::{
        Tone,
        console::{Block, Fact, Form, Say, Screen},
    },
    state::State,
};

const HERE: Place = Place::Users;
pub(super) const PATH: &str = "/admin/registration";
/// So many events are shown.
const SHOWN: usize = 20;

pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(resource(PATH).route(get().to(show)).route(post().to(switch)));
}

/// `GET /admin/registration`.
async fn show(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let desk = match Desk::open(req, state).await {
        Ok(desk) => desk,
        Err(answer) => return answer,
    };
    match load(&desk).await {
        Ok((found, events)) => {
            let may = desk.may(Permission::UsersWrite);
            desk.show(HERE, screen(&found, events.as_deref(), may, &desk.base()))
        }
        Err(error) => desk.refused(HERE, &error),
    }
}

async fn load(desk: &Desk) -> Result<(RegistrationView, Option<Vec<AuditView>>), AdminError> {
    let found = registration::get(&desk.state, &desk.actor).await?;
    if !desk.may(Permission::AuditRead) {
        return Ok((found, None));
    }
    let filter = AuditFilter { kind: Some("user.registered".to_owned()), ..AuditFilter::default() };
    Ok((found, Some(audit::list(&desk.state, &desk.actor, &filter, None, SHOWN).await?.items)))
}

/// `POST /admin/registration`.
async fn switch(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let open = form::ticked(&params, "open");
    match registration::set(&desk.state, &desk.actor, OpenRegistration { open }).await {
        Ok(_) => desk.go(PATH, "saved"),
        Err(error) => desk.refused(HERE, &error),
    }
}

pub(super) fn screen(found: &RegistrationView, events: Option<&[AuditView]>, may: bool, base: &Base) -> Screen {
    let standing = match (found.allowed, found.open) {
        (false, _) => "console.registration.off",
        (true, true) => "console.registration.open",
        (true, false) => "console.registration.closed",
    };
    let words = |words: &[String]| words.iter().map(|word| Say::from(word.as_str())).collect::<Vec<_>>();
    let contact = if found.contact == "phone" { "console.registration.phone" } else { "console.registration.email" };
    let mut facts = vec![
        Fact::new("console.registration.standing", [Say::key(standing)]),
        Fact::new("console.registration.contact", [Say::key(contact)]),
    ];
    if !found.domains.is_empty() {
        facts.push(Fact::new("console.registration.domains", words(&found.domains)));
    }
    if !found.groups.is_empty() {
        facts.push(Fact::new("console.users.groups", words(&found.groups)));
    }
    facts.push(Fact::new("console.registration.per_network", [Say::from(found.per_network.to_string().as_str())]));
    let mut screen = Screen::new(Text::new("console.registration.title"))
        .lead("console.registration.lead")
        .crumb(base.to("/admin/users"), Say::key("console.users.title"))
        .with(Block::Facts { facts });
    if !found.allowed {
        let says = vec![Say::key("console.registration.how")];
        screen = screen.with(Block::Note { tone: Tone::Plain, says });
    } else if may {
        let (word, open) = if found.open { ("close", "") } else { ("reopen", "yes") };
        let form = Form::new("switch", base.to(PATH), &format!("console.registration.{word}")).plain();
        screen = screen.with(form.hidden("open", open));
    }
    if let Some(events) = events {
        let heading = Block::Heading { id: "latest", text: Text::new("console.registration.latest") };
        screen = screen.with(heading).with(log::events(events, base));
    }
    screen
}
