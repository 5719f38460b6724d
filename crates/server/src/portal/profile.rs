//! `/portal/profile`: the name that is shown, and the language. Everything else that is known of somebody is shown here and changed
//! elsewhere: an address and a number by proving the new one, the rest by an admin.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use vestibule_authn_emailotp::EmailOtp;
use vestibule_authn_smsotp::SmsOtp;
use vestibule_core::{
    engine::may_act,
    id::AuthenticatorName,
    prompt::Text,
    store::{StoreError, StoreExt as _, StoreResult},
    user::User,
};
use vestibule_oauth::{Params, managed::ObjectKind};

use super::{FACTORS, PROFILE, door, factors, home::masked, signal};
use crate::{
    admin::profile::faults,
    answer,
    http::{csrf, form},
    insider::Visitor,
    pages::{Cause, Enrol, Language, Page, Profile, locale::LOCALES},
    state::{State, Transaction},
};

/// What a person may change here. A form that says anything else is none of ours.
const OWN: [&str; 2] = ["display_name", "locale"];

/// `GET /portal/profile`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let visitor = match door::enter(&state, &req).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let done = form::query(&req).is_ok_and(|params| params.get("done") == Some("saved"));
    show(&state, &req, &visitor, done, None).await
}

/// `POST /portal/profile`.
pub(super) async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (visitor, params) = match door::admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    if params.iter().any(|(name, _)| name != csrf::FIELD && !OWN.contains(&name)) {
        return answer::error(&state, &req, Cause::Forbidden);
    }
    let wanted = wanted(&visitor.user, &params);
    if let Some(fault) = fault(&visitor.user, &wanted) {
        return show(&state, &req, &visitor, false, Some((StatusCode::UNPROCESSABLE_ENTITY, fault, wanted))).await;
    }
    match save(&state, &req, &visitor, wanted.clone()).await {
        Ok(true) => answer::see_other(&state.public.path(&format!("{PROFILE}?done=saved"))),
        Ok(false) => {
            let fault = (StatusCode::CONFLICT, Text::new("profile.managed"), wanted);
            show(&state, &req, &visitor, false, Some(fault)).await
        }
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

/// The user as they want to be shown. What is empty does not come along in a form that is read as the protocol reads its own, so
/// what is not said is taken away.
fn wanted(user: &User, params: &Params) -> User {
    let text = |name: &str| params.get(name).map(|typed| typed.trim().to_owned()).filter(|typed| !typed.is_empty());
    User { display_name: text("display_name"), locale: text("locale"), ..user.clone() }
}

/// What is wrong with it. A language of before stays, whatever it is; a new one is one of those that there are pages in.
fn fault(user: &User, wanted: &User) -> Option<Text> {
    let known = |tag: &String| LOCALES.contains(&tag.as_str());
    if wanted.locale != user.locale && !wanted.locale.as_ref().is_none_or(known) {
        return Some(Text::new("profile.locale_wrong"));
    }
    let named = faults(wanted).into_iter().any(|fault| fault.pointer == "/display_name");
    named.then(|| Text::new("profile.name_wrong"))
}

/// Saves it, as long as no file says how this account is; whether it did.
async fn save(state: &State, req: &HttpRequest, visitor: &Visitor, wanted: User) -> StoreResult<bool> {
    let (now, id, here) = (state.clock.now(), visitor.user.id, visitor.session.id);
    let event = door::event(state, req, visitor, "profile.changed");
    let work = move |tx: &mut Transaction| {
        let living = tx.session(here)?.is_some_and(|session| session.alive(now));
        let Some(user) = tx.user(id)?.filter(|user| living && may_act(user)) else {
            return Err(StoreError::Conflict("signed out meanwhile".to_owned()));
        };
        if tx.managed(ObjectKind::User, user.username.as_str())?.is_some() {
            return Ok(false);
        }
        let (display_name, locale) = (wanted.display_name.clone(), wanted.locale.clone());
        let changed = [display_name != user.display_name, locale != user.locale];
        let fields: Vec<&str> =
            OWN.into_iter().zip(changed).filter(|(_, changed)| *changed).map(|(name, _)| name).collect();
        if fields.is_empty() {
            return Ok(true);
        }
        tx.update_user(&User { display_name, locale, updated_at: now.max(user.updated_at), ..user })?;
        let mut event = event.clone();
        event.details.insert("fields".to_owned(), fields.join(" "));
        tx.append_audit(&event)?;
        Ok(true)
    };
    state.store.write(work).await
}

async fn show(
    state: &State,
    req: &HttpRequest,
    visitor: &Visitor,
    done: bool,
    fault: Option<(StatusCode, Text, User)>,
) -> HttpResponse {
    let name = visitor.user.username.to_string();
    let managed = move |tx: &mut Transaction| tx.managed(ObjectKind::User, &name);
    let managed = match state.store.read(managed).await {
        Ok(managed) => managed.is_some(),
        Err(error) => return answer::store_error(state, req, &error),
    };
    let (status, fault, shown) = match fault {
        Some((status, fault, typed)) => (status, Some(fault), typed),
        None => (StatusCode::OK, None, visitor.user.clone()),
    };
    let page = Page::Profile(Profile {
        username: shown.username.to_string(),
        display_name: shown.display_name.clone().unwrap_or_default(),
        email: shown.email.clone(),
        email_verified: shown.email_verified,
        phone: shown.phone_number.as_deref().map(masked),
        phone_verified: shown.phone_number_verified,
        locales: languages(shown.locale.as_deref()),
        changes: changes(state),
        managed,
        fault: fault.filter(|_| !managed),
        done,
        named: done.then(|| signal::named(state, &visitor.user)),
        paths: door::paths(state),
    });
    door::show(state, req, visitor, status, &page)
}

/// The languages of the pages, and the one that somebody has beside them.
fn languages(chosen: Option<&str>) -> Vec<Language> {
    let named = |tag: &str| match tag {
        "en" => "English".to_owned(),
        "de" => "Deutsch".to_owned(),
        other => other.to_owned(),
    };
    let other = chosen.filter(|tag| !LOCALES.contains(tag));
    let known = LOCALES.iter().copied().chain(other);
    let known =
        known.map(|tag| Language { value: tag.to_owned(), name: Some(named(tag)), chosen: chosen == Some(tag) });
    let none = Language { value: String::new(), name: None, chosen: chosen.is_none() };
    [none].into_iter().chain(known).collect()
}

/// Where a new address or number is given, and proved on the way.
fn changes(state: &State) -> Vec<Enrol> {
    let words = [(EmailOtp::NAME, "profile.change_email"), (SmsOtp::NAME, "profile.change_phone")];
    let ways = factors::ways(state);
    let known = words.into_iter().filter(|(name, _)| ways.contains(&AuthenticatorName::from(*name)));
    let enrol =
        |(name, text)| Enrol { action: state.public.path(&format!("{FACTORS}/add/{name}")), label: Text::new(text) };
    known.map(enrol).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_that_somebody_has_is_chosen_whatever_it_is() {
        for (has, count) in [(None, 3), (Some("de"), 3), (Some("pt-BR"), 4)] {
            let shown = languages(has);
            let chosen: Vec<_> = shown.iter().filter(|one| one.chosen).map(|one| one.value.as_str()).collect();
            assert_eq!((shown.len(), chosen), (count, vec![has.unwrap_or_default()]));
        }
    }
}
