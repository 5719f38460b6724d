//! `/portal/factors/{id}`: one way to sign in, to be renamed or taken away.
//!
//! It is taken away only by whoever proved a moment ago that it is them, by more than a password if they have more: who stole a
//! password or a session must not clear the way. And never the last one by which they, or any owner, could get in.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use vestibule_authn_password::Password;
use vestibule_authn_smsotp::SmsOtp;
use vestibule_core::{
    id::{AuthenticatorName, CredentialId},
    interaction::Errand,
    prompt::Text,
    reach::Reach,
    store::StoreExt as _,
    user::{Credential, User},
};

use super::{FACTORS, door, factors};
use crate::{
    admin::{
        AdminError,
        guard::Guard,
        transact,
        users::{self, PHONE_FACTOR},
    },
    answer,
    insider::Visitor,
    pages::{Cause, Factor, FactorRow, Page},
    post::Desk,
    state::{State, Transaction},
};

/// The longest name that one gives a device, in characters.
const LONGEST_LABEL: usize = 64;

/// `GET /portal/factors/{id}`.
pub(super) async fn get(req: HttpRequest, state: Data<State>, id: Path<String>) -> HttpResponse {
    let visitor = match door::enter(&state, &req).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    shown(&state, &req, &visitor, &id, StatusCode::OK, None).await
}

/// `POST /portal/factors/{id}/rename`.
pub(super) async fn rename(req: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (visitor, params) = match door::admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    let Some(id) = id.parse::<CredentialId>().ok() else { return answer::error(&state, &req, Cause::NotFound) };
    let typed = params.get("label").unwrap_or_default();
    let label: String = typed.trim().chars().filter(|c| !c.is_control()).take(LONGEST_LABEL).collect();
    let label = Some(label).filter(|label| !label.is_empty());
    let user = visitor.user.id;
    let mut event = door::event(&state, &req, &visitor, "factor.renamed");
    let work = move |tx: &mut Transaction| {
        let Some(own) = tx.credentials_of(user)?.into_iter().find(|own| own.id == id) else { return Ok(false) };
        tx.delete_credential(id)?;
        tx.insert_credential(&Credential { label: label.clone(), ..own.clone() })?;
        event.details.insert("authenticator".to_owned(), own.authenticator.to_string());
        tx.append_audit(&event)?;
        Ok(true)
    };
    match state.store.write(work).await {
        Ok(true) => answer::see_other(&state.public.path(&format!("{FACTORS}?done=renamed"))),
        Ok(false) => answer::error(&state, &req, Cause::NotFound),
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

/// `POST /portal/factors/{id}/test`: to the errand of using it once, and back.
pub(super) async fn test(req: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (visitor, _) = match door::admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    match find(&state, &visitor.user, &id).await {
        Ok(Some((_, Some(authenticator)))) => {
            let to = format!("{FACTORS}?{}={authenticator}", factors::TESTED);
            door::insider(&state).send_on(&state, &req, &visitor, Errand::Test { authenticator }, &to).await
        }
        Ok(_) => answer::error(&state, &req, Cause::NotFound),
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

/// `POST /portal/factors/{id}/remove`.
pub(super) async fn remove(req: HttpRequest, state: Data<State>, id: Path<String>, payload: Payload) -> HttpResponse {
    let (visitor, _) = match door::admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    match visitor.proved_now(&state).await {
        Ok(true) => {}
        Ok(false) => {
            return shown(&state, &req, &visitor, &id, StatusCode::FORBIDDEN, Some("factor.prove_first")).await;
        }
        Err(error) => return answer::engine_error(&state, &req, &error, None),
    }
    match take_away(&state, &req, &visitor, &id).await {
        Ok(()) => answer::see_other(&state.public.path(&format!("{FACTORS}?done=removed"))),
        Err(AdminError::NotFound(_)) => answer::error(&state, &req, Cause::NotFound),
        Err(AdminError::LocksOut(_)) => {
            shown(&state, &req, &visitor, &id, StatusCode::CONFLICT, Some("factor.last_owner")).await
        }
        Err(AdminError::Refused(_)) => {
            shown(&state, &req, &visitor, &id, StatusCode::CONFLICT, Some("factor.last")).await
        }
        Err(AdminError::Store(error)) => answer::store_error(&state, &req, &error),
        Err(_) => answer::error(&state, &req, Cause::Internal),
    }
}

/// Takes it away in one transaction, unless somebody would be locked out by that. Browsers that were remembered by it are not any
/// more, and what was proved with it counts no more: what is gone is held by nobody.
async fn take_away(state: &State, req: &HttpRequest, visitor: &Visitor, id: &str) -> Result<(), AdminError> {
    let (guard, now, user, id) = (Guard::new(state), state.clock.now(), visitor.user.id, id.to_owned());
    let (reaches, desk) = (Reaching::of(state), Desk::of(state));
    let event = door::event(state, req, visitor, "factor.removed");
    transact::write(state, move |tx| {
        let before = tx.user(user)?.ok_or(AdminError::NotFound("user"))?;
        let had = tx.credentials_of(user)?;
        // The password is changed, and not taken away.
        if had.iter().any(|own| own.id.to_string() == id && own.authenticator.as_str() == Password::NAME) {
            return Err(AdminError::NotFound("factor"));
        }
        let guarded = guard.before(tx)?;
        let removed = users::take_away(tx, &desk, &before, &id, now)?;
        guard.hold(tx, guarded)?;
        let after = tx.user(user)?.ok_or(AdminError::NotFound("user"))?;
        if reaches.finishes(&before, &had) && !reaches.finishes(&after, &tx.credentials_of(user)?) {
            return Err(AdminError::Refused("this is the last way to sign in".to_owned()));
        }
        let mut event = event.clone();
        event.details.insert("authenticator".to_owned(), removed.authenticator);
        tx.append_audit(&event)?;
        Ok(())
    })
    .await
}

/// Whether somebody could sign in to the portal.
struct Reaching {
    configuration: std::sync::Arc<vestibule_core::engine::Configuration>,
    chain: Option<vestibule_core::chain::ChainRevision>,
    registry: vestibule_core::Registry,
    client: vestibule_core::id::ClientId,
    prf: vestibule_core::crypto::Prf,
    random: std::sync::Arc<dyn vestibule_core::random::Random>,
    now: vestibule_core::Time,
}

impl Reaching {
    fn of(state: &State) -> Self {
        let (configuration, snapshot) = (state.engine.configuration(), state.live.snapshot());
        let name = snapshot.client(&state.portal_client).map(|client| snapshot.chain(client));
        let chain = configuration.chains.iter().find(|known| Some(&known.chain) == name.as_ref()).cloned();
        Self {
            chain,
            configuration,
            registry: state.engine.registry().clone(),
            client: state.portal_client.as_str().into(),
            prf: state.prf.clone(),
            random: std::sync::Arc::clone(&state.random),
            now: state.clock.now(),
        }
    }

    fn finishes(&self, user: &User, credentials: &[Credential]) -> bool {
        let Some(chain) = &self.chain else { return false };
        let reach = Reach {
            registry: &self.registry,
            chain,
            connections: &self.configuration.connections,
            client: &self.client,
            scopes: &["openid".to_owned()],
            prf: &self.prf,
            random: &*self.random,
            now: self.now,
            lasting: true,
        };
        reach.finishes(user, credentials).is_ok()
    }
}

/// The page of one of the visitor's own.
async fn shown(
    state: &State,
    req: &HttpRequest,
    visitor: &Visitor,
    id: &str,
    status: StatusCode,
    fault: Option<&str>,
) -> HttpResponse {
    let (row, tried) = match find(state, &visitor.user, id).await {
        Ok(Some(found)) => found,
        Ok(None) => return answer::error(state, req, Cause::NotFound),
        Err(error) => return answer::store_error(state, req, &error),
    };
    let fresh = match visitor.proved_now(state).await {
        Ok(fresh) => fresh,
        Err(error) => return answer::engine_error(state, req, &error, None),
    };
    let page = Page::Factor(Factor {
        rename: (id != PHONE_FACTOR).then(|| format!("{}/rename", row.href)),
        test: tried.map(|_| format!("{}/test", row.href)),
        remove: format!("{}/remove", row.href),
        factor: row,
        fresh,
        fault: fault.map(Text::new),
        paths: door::paths(state),
    });
    door::show(state, req, visitor, status, &page)
}

/// One of somebody's own, and by which authenticator it can be tried out; a password has a page of another kind. What a try would
/// use up is not tried out.
async fn find(
    state: &State,
    user: &User,
    id: &str,
) -> vestibule_core::store::StoreResult<Option<(FactorRow, Option<AuthenticatorName>)>> {
    let tried = |row: &FactorRow, name: AuthenticatorName| {
        Some(name).filter(|name| row.usable && row.left.is_none() && factors::connected(state, name))
    };
    if id == PHONE_FACTOR {
        let row = factors::number(state, user);
        return Ok(row.map(|row| (row.clone(), tried(&row, SmsOtp::NAME.into()))));
    }
    let Ok(id) = id.parse::<CredentialId>() else { return Ok(None) };
    let owner = user.id;
    let own = state.store.read(move |tx: &mut Transaction| tx.credentials_of(owner)).await?;
    let own = own.into_iter().find(|own| own.id == id && own.authenticator.as_str() != Password::NAME);
    Ok(own.map(|own| {
        let row = factors::row(state, &own);
        let tried = tried(&row, own.authenticator);
        (row, tried)
    }))
}
