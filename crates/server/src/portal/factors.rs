//! `/portal/factors`: the ways to sign in that one has, and setting up another.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use vestibule_authn_password::Password;
use vestibule_authn_smsotp::SmsOtp;
use vestibule_core::{
    authenticator::label,
    engine::FRESH,
    id::AuthenticatorName,
    interaction::Errand,
    prompt::Text,
    store::{StoreExt as _, StoreResult},
    user::{Credential, User},
};

use super::{FACTORS, PASSWORD, door, home::masked};
use crate::{
    admin::users::PHONE_FACTOR,
    answer,
    http::form,
    insider::Visitor,
    pages::{Cause, Done, Enrol, FactorRow, Factors, Page},
    state::{State, Transaction},
};

/// The parameter that names what was just set up.
const ADDED: &str = "added";

/// `GET /portal/factors`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let visitor = match door::enter(&state, &req).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let rows = match rows(&state, &visitor.user).await {
        Ok(rows) => rows,
        Err(error) => return answer::store_error(&state, &req, &error),
    };
    let enrol = |name: AuthenticatorName| Enrol {
        action: state.public.path(&format!("{FACTORS}/add/{name}")),
        label: label(&name),
    };
    let page = Page::Factors(Factors {
        factors: rows,
        ways: ways(&state).into_iter().map(enrol).collect(),
        notice: notice(&state, &req, &visitor),
        paths: door::paths(&state),
    });
    door::show(&state, &req, &visitor, StatusCode::OK, &page)
}

/// What was just done. The address alone says nothing: that something was set up is told when it was proved a moment ago.
fn notice(state: &State, req: &HttpRequest, visitor: &Visitor) -> Option<Done> {
    let params = form::query(req).ok()?;
    if let Some(added) = params.get(ADDED) {
        let recent = |name: &str| {
            let mut given = visitor.session.evidence.iter();
            given.any(|given| given.authenticator.as_str() == name && given.fresh(FRESH, state.clock.now()))
        };
        let which = Some(label(&AuthenticatorName::from(added)));
        return recent(added).then(|| Done { text: Text::new("factors.added"), which });
    }
    let text = match params.get("done")? {
        "removed" => "factors.removed",
        "renamed" => "factors.renamed",
        _ => return None,
    };
    Some(Done { text: Text::new(text), which: None })
}

/// `POST /portal/factors/add/{authenticator}`: to the errand of setting one up, and back.
pub(super) async fn add(req: HttpRequest, state: Data<State>, name: Path<String>, payload: Payload) -> HttpResponse {
    let (visitor, _) = match door::admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    let Some(authenticator) = ways(&state).into_iter().find(|known| known.as_str() == name.as_str()) else {
        return answer::error(&state, &req, Cause::NotFound);
    };
    let to = format!("{FACTORS}?{ADDED}={authenticator}");
    door::insider(&state).send_on(&state, &req, &visitor, Errand::Enrol { authenticator }, &to).await
}

/// Every authenticator of which one can be set up here: with a connection, where it needs one.
pub(super) fn ways(state: &State) -> Vec<AuthenticatorName> {
    let configuration = state.engine.configuration();
    let connected = |kind: &str| configuration.connections.iter().any(|known| known.kind == kind && !known.disabled);
    let registry = state.engine.registry().iter().filter(|known| known.enrolment().is_some());
    let able = registry.map(|known| known.descriptor()).filter(|known| known.connection.is_none_or(connected));
    able.map(|known| known.name.clone()).collect()
}

/// The ways to sign in that somebody has, the password first.
async fn rows(state: &State, user: &User) -> StoreResult<Vec<FactorRow>> {
    let id = user.id;
    let mut credentials = state.store.read(move |tx: &mut Transaction| tx.credentials_of(id)).await?;
    credentials.sort_by_key(|own| own.authenticator.as_str() != Password::NAME);
    let number = number(state, user);
    let at = credentials.iter().take_while(|own| own.authenticator.as_str() == Password::NAME).count();
    let mut rows: Vec<FactorRow> = credentials.iter().map(|own| row(state, own)).collect();
    rows.splice(at..at, number);
    Ok(rows)
}

/// A credential, for its owner.
pub(super) fn row(state: &State, own: &Credential) -> FactorRow {
    let password = own.authenticator.as_str() == Password::NAME;
    let href = if password { PASSWORD.to_owned() } else { format!("{FACTORS}/{}", own.id) };
    FactorRow {
        label: label(&own.authenticator),
        name: own.label.clone(),
        about: state.engine.registry().get(&own.authenticator).and_then(|authenticator| authenticator.about(own)),
        since: Some(own.created_at.into()),
        usable: true,
        href: state.public.path(&href),
    }
}

/// The phone number, which is a way to sign in and no credential.
pub(super) fn number(state: &State, user: &User) -> Option<FactorRow> {
    Some(FactorRow {
        label: label(&AuthenticatorName::from(SmsOtp::NAME)),
        name: Some(masked(user.phone_number.as_deref()?)),
        about: None,
        since: None,
        usable: user.phone_number_verified,
        href: state.public.path(&format!("{FACTORS}/{PHONE_FACTOR}")),
    })
}
