//! `/`: what somebody sees who types the server's address.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};

use crate::{
    answer::{self, Drawing},
    http::cookies::SESSION,
    pages::{Landing, Page},
    state::State,
};

/// `GET /`: the portal; in development a page that shows what there is.
pub async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    if state.dev.is_none() {
        return answer::see_other(&state.public.path("/portal"));
    }
    let reference = state.cookies.read(&req, SESSION).and_then(|cookie| state.engine.session_ref(&cookie));
    let user = match reference {
        // A database that does not answer is no reason not to greet.
        Some(reference) => state.engine.session(reference).await.ok().flatten().map(|(_, user)| (&user).into()),
        None => None,
    };
    let page = Page::Landing(Landing { user, dev: true });
    answer::page(&state, &req, StatusCode::OK, &page, Drawing::default())
}
