//! What asks an admin to prove a moment ago that it is them: whatever makes a secret by which somebody signs in and shows it, takes
//! a factor of somebody away, or gives a role of this server. Whoever finds a console left open, or stole its cookie, gets no
//! further by it than that.
//!
//! The way to the proof is a button, and what was asked for is not done by coming back from it: what was typed is not carried along,
//! and the admin does it again. To keep what was asked for and do it upon the return was the road not taken: a click would then do
//! something that nobody sees on the page. The API asks for none, as a token is held by no browser.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use vestibule_core::prompt::Text;

use super::{Desk, Place, desk::Base};
use crate::{
    answer,
    insider::Insider,
    pages::{
        Tone,
        console::{Action, Block, Form, Say, Screen},
    },
    state::State,
};

/// Where the button goes.
pub(super) const PATH: &str = "/admin/confirm";

/// Lets an admin go on who proved a moment ago that it is them; who did not is asked to, and comes back to the page `back`.
pub(super) async fn fresh(desk: &Desk, place: Place, back: &str) -> Result<(), HttpResponse> {
    match desk.visitor.proved_now(&desk.state).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(desk.show_as(StatusCode::FORBIDDEN, place, screen(back, &desk.base()))),
        Err(error) => Err(answer::engine_error(&desk.state, &desk.req, &error, None)),
    }
}

/// `POST /admin/confirm`: to the proof, and then to the path `to`.
pub(super) async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (desk, params) = match Desk::open_form(req, state, payload).await {
        Ok(opened) => opened,
        Err(answer) => return answer,
    };
    let to = params.get("to").unwrap_or(Insider::CONSOLE.home);
    Insider::CONSOLE.confirm(&desk.state, &desk.req, &desk.visitor, to).await
}

pub(super) fn screen(back: &str, base: &Base) -> Screen {
    let form = Form::new("confirm", base.to(PATH), "console.proof.confirm");
    Screen::new(Text::new("console.proof.title"))
        .lead("console.proof.lead")
        .flash(Tone::Plain, Say::key("console.proof.not_done"))
        .with(form.hidden("to", format!("{back}?done=proved")))
        .with(Block::Actions { actions: vec![Action::plain(base.to(back), "console.back")] })
}
