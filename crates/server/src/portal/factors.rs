//! `/portal/factors`: the ways to sign in that one has, and setting up another.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use vestibule_authn_password::Password;
use vestibule_authn_recovery::Recovery;
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

use super::{FACTORS, PASSWORD, door, home::masked, order, signal};
use crate::{
    admin::users::PHONE_FACTOR,
    answer,
    http::form,
    insider::Visitor,
    pages::{Cause, Done, Enrol, FactorRow, Factors, Moment, Page},
    state::{State, Transaction},
};

/// The parameter that names what was just set up.
const ADDED: &str = "added";
/// The parameter that names what was just tried out.
pub(super) const TESTED: &str = "tested";

/// `GET /portal/factors`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let visitor = match door::enter(&state, &req).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let credentials = match credentials(&state, &visitor.user).await {
        Ok(credentials) => credentials,
        Err(error) => return answer::store_error(&state, &req, &error),
    };
    let enrol = |name: AuthenticatorName| Enrol {
        action: state.public.path(&format!("{FACTORS}/add/{name}")),
        label: label(&name),
    };
    let page = Page::Factors(Factors {
        factors: rows(&state, &visitor.user, &credentials),
        order: order::ways(&visitor.user, &credentials)
            .into_iter()
            .map(|name| Enrol { label: label(&name), action: name.to_string() })
            .collect(),
        reorder: state.public.path(&format!("{FACTORS}/order")),
        ordered: !visitor.user.preferred.is_empty(),
        ways: offered(&state, &visitor.user, &credentials).into_iter().map(enrol).collect(),
        notice: notice(&state, &req, &visitor),
        accepted: signal::accepted(&state, &visitor.user, &credentials),
        paths: door::paths(&state),
    });
    door::show(&state, &req, &visitor, StatusCode::OK, &page)
}

/// What was just done. The address alone says nothing: that something was set up, or works, is told when it was proved a moment
/// ago.
fn notice(state: &State, req: &HttpRequest, visitor: &Visitor) -> Option<Done> {
    let params = form::query(req).ok()?;
    for (parameter, text) in [(ADDED, "factors.added"), (TESTED, "factors.tested")] {
        let Some(named) = params.get(parameter) else { continue };
        let recent = |name: &str| {
            let mut given = visitor.session.evidence.iter();
            given.any(|given| given.authenticator.as_str() == name && given.fresh(FRESH, state.clock.now()))
        };
        let which = Some(label(&AuthenticatorName::from(named)));
        return recent(named).then(|| Done { text: Text::new(text), which });
    }
    let text = match params.get("done")? {
        "removed" => "factors.removed",
        "renamed" => "factors.renamed",
        "ordered" => "factors.ordered",
        "asked" => "factors.asked",
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
    let credentials = match credentials(&state, &visitor.user).await {
        Ok(credentials) => credentials,
        Err(error) => return answer::store_error(&state, &req, &error),
    };
    let offered = offered(&state, &visitor.user, &credentials);
    let Some(authenticator) = offered.into_iter().find(|known| known.as_str() == name.as_str()) else {
        return answer::error(&state, &req, Cause::NotFound);
    };
    let to = format!("{FACTORS}?{ADDED}={authenticator}");
    door::insider(&state).send_on(&state, &req, &visitor, Errand::Enrol { authenticator }, &to).await
}

/// Every authenticator of which one can be set up here: with a connection, where it needs one.
pub(super) fn ways(state: &State) -> Vec<AuthenticatorName> {
    let able = state.engine.registry().iter().filter(|known| known.enrolment().is_some());
    able.map(|known| &known.descriptor().name).filter(|name| connected(state, name)).cloned().collect()
}

/// Whether there is an authenticator of that name, with a connection where it needs one.
pub(super) fn connected(state: &State, name: &AuthenticatorName) -> bool {
    let configuration = state.engine.configuration();
    let there = |kind: &str| configuration.connections.iter().any(|known| known.kind == kind && !known.disabled);
    state.engine.registry().get(name).is_some_and(|known| known.descriptor().connection.is_none_or(there))
}

/// What somebody can set up now. Codes on paper take the place of something that was lost: as the only way beside a password
/// they would soon be used up, and nothing would be left.
fn offered(state: &State, user: &User, credentials: &[Credential]) -> Vec<AuthenticatorName> {
    let (registry, now) = (state.engine.registry(), state.clock.now());
    let lasts = |own: &Credential| {
        registry.beyond_knowledge(&own.authenticator)
            && registry.get(&own.authenticator).is_some_and(|known| known.uses_left(own, now).is_none())
    };
    let more = user.phone_number_verified || credentials.iter().any(lasts);
    ways(state).into_iter().filter(|name| more || name.as_str() != Recovery::NAME).collect()
}

async fn credentials(state: &State, user: &User) -> StoreResult<Vec<Credential>> {
    let id = user.id;
    state.store.read(move |tx: &mut Transaction| tx.credentials_of(id)).await
}

/// The ways to sign in that somebody has, the password first.
fn rows(state: &State, user: &User, credentials: &[Credential]) -> Vec<FactorRow> {
    let mut credentials: Vec<&Credential> = credentials.iter().collect();
    credentials.sort_by_key(|own| own.authenticator.as_str() != Password::NAME);
    let number = number(state, user);
    let at = credentials.iter().take_while(|own| own.authenticator.as_str() == Password::NAME).count();
    let mut rows: Vec<FactorRow> = credentials.iter().map(|own| row(state, own)).collect();
    rows.splice(at..at, number);
    rows
}

/// A credential, for its owner.
pub(super) fn row(state: &State, own: &Credential) -> FactorRow {
    let password = own.authenticator.as_str() == Password::NAME;
    let href = if password { PASSWORD.to_owned() } else { format!("{FACTORS}/{}", own.id) };
    let known = state.engine.registry().get(&own.authenticator);
    FactorRow {
        left: known.and_then(|known| known.uses_left(own, state.clock.now())),
        label: label(&own.authenticator),
        name: own.label.clone(),
        about: state.engine.registry().get(&own.authenticator).and_then(|authenticator| authenticator.about(own)),
        since: Some(own.created_at.into()),
        usable: true,
        href: state.public.path(&href),
    }
}

/// That the number came in the place of another so short a time ago that some service providers do not take codes to it yet.
fn not_yet_everywhere(state: &State, user: &User) -> Option<Text> {
    let configuration = state.engine.configuration();
    let takes = |step: &&vestibule_core::chain::Step| {
        step.alternatives.iter().any(|way| way.authenticator.as_str() == SmsOtp::NAME)
    };
    let steps = configuration.chains.iter().flat_map(|chain| &chain.document.steps).filter(takes);
    let from = steps.filter_map(|step| step.takes_from(user.phone_number_changed_at, state.clock.now())).max()?;
    Some(Text::new("factors.number_changed").with("from", Moment::from(from).date))
}

/// The phone number, which is a way to sign in and no credential.
pub(super) fn number(state: &State, user: &User) -> Option<FactorRow> {
    Some(FactorRow {
        label: label(&AuthenticatorName::from(SmsOtp::NAME)),
        name: Some(masked(user.phone_number.as_deref()?)),
        about: not_yet_everywhere(state, user),
        since: None,
        usable: user.phone_number_verified,
        left: None,
        href: state.public.path(&format!("{FACTORS}/{PHONE_FACTOR}")),
    })
}
