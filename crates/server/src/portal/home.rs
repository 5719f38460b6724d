//! `/portal`: is my account safe, who am I, where am I signed in.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use vestibule_authn_smsotp::parse_number;

use super::{door, safety, sessions};
use crate::{
    answer, context,
    insider::Visitor,
    pages::{Home, Page},
    state::State,
};

/// `GET /portal`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let visitor = match door::enter(&state, &req).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    match home(&state, &req, &visitor).await {
        Ok(page) => door::show(&state, &req, &visitor, StatusCode::OK, &page),
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

async fn home(state: &State, req: &HttpRequest, visitor: &Visitor) -> vestibule_core::store::StoreResult<Page> {
    let mut living = sessions::sessions(state, visitor).await?;
    let devices = sessions::devices(state, visitor).await?;
    let this = context::of(state, req).device.map(|device| device.id);
    // The present browser first; the others stay newest first.
    living.sort_by_key(|session| session.id != visitor.session.id);
    let user = &visitor.user;
    Ok(Page::Home(Home {
        user: user.into(),
        checks: safety::checks(state, visitor).await?,
        email: user.email.clone(),
        phone: user.phone_number.as_deref().map(masked),
        sessions: living.iter().map(|session| sessions::row(session, visitor.session.id)).collect(),
        devices: devices.iter().map(|device| sessions::device_row(device, this)).collect(),
        notice: None,
        paths: door::paths(state),
    }))
}

/// A number that its owner recognizes and nobody learns, as the page that asks for a code shows it.
pub(super) fn masked(number: &str) -> String {
    parse_number(number, None).map_or_else(|_| "•••".to_owned(), |number| number.masked())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_not_told_whole() {
        assert_eq!(masked("+12025550142"), "+1 ••• ••• ••42");
        assert_eq!(masked("+442079460018"), "+44 ••• ••• ••18");
        assert_eq!(masked("no number"), "•••");
    }
}
