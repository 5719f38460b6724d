//! `/portal/apps`: the applications that one let in, what they may see, and shutting one out.
//!
//! It asks for no proof: it takes away and gives nothing.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use url::Url;
use vestibule_core::{
    Time,
    id::{ClientId, UserId},
    store::{StoreExt as _, StoreResult},
};
use vestibule_oauth::{Snapshot, consent, model::ConsentPolicy};

use super::{APPS, door};
use crate::{
    answer, console,
    http::form,
    insider::Visitor,
    pages::{AppRow, Apps, Cause, Page, Scope},
    state::{State, Transaction},
};

/// What an application may see and do, and since when.
pub(super) struct LetIn {
    pub(super) client: ClientId,
    pub(super) scopes: std::collections::BTreeSet<String>,
    pub(super) since: Time,
}

/// `GET /portal/apps`.
pub(super) async fn get(req: HttpRequest, state: Data<State>) -> HttpResponse {
    let visitor = match door::enter(&state, &req).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let params = form::query(&req).unwrap_or_default();
    match page(&state, &visitor, params.get("done") == Some("withdrawn")).await {
        Ok(page) => door::show(&state, &req, &visitor, StatusCode::OK, &page),
        Err(error) => answer::store_error(&state, &req, &error),
    }
}

async fn page(state: &State, visitor: &Visitor, withdrawn: bool) -> StoreResult<Page> {
    let (now, user) = (state.clock.now(), visitor.user.id);
    let let_in = state.store.read(move |tx: &mut Transaction| of(tx, user, now)).await?;
    let snapshot = state.live.snapshot();
    let ours = own(state);
    let mut apps: Vec<AppRow> =
        let_in.iter().filter(|app| !ours.contains(&app.client.as_str())).map(|app| row(app, &snapshot)).collect();
    apps.sort_by_key(|app| app.name.to_lowercase());
    Ok(Page::Apps(Apps { apps, withdrawn, paths: door::paths(state) }))
}

/// The portal and the console are this server itself: they are shut out by signing out.
fn own(state: &State) -> [&str; 2] {
    [&state.portal_client, console::CLIENT]
}

/// Everything that somebody let in: what they agreed to, and what was given without asking them.
pub(super) fn of(tx: &mut Transaction, user: UserId, now: Time) -> StoreResult<Vec<LetIn>> {
    let agreed = tx.consents_of(user)?.into_iter().map(|given| (given.client, given.scopes, given.at));
    let granted = tx.newest_grants(user, now)?.into_iter().map(|given| (given.client, given.scopes, given.created_at));
    let mut apps: BTreeMap<ClientId, LetIn> = BTreeMap::new();
    for (client, scopes, at) in agreed.chain(granted) {
        let app = LetIn { client: client.clone(), scopes: [].into(), since: at };
        let app = apps.entry(client).or_insert(app);
        app.scopes.extend(scopes);
        app.since = app.since.min(at);
    }
    Ok(apps.into_values().collect())
}

fn row(app: &LetIn, snapshot: &Snapshot) -> AppRow {
    let client = snapshot.client(app.client.as_str());
    let host = client.and_then(|client| Url::parse(client.client_uri.as_deref()?).ok()?.host_str().map(str::to_owned));
    AppRow {
        id: app.client.to_string(),
        name: client.map_or_else(|| app.client.to_string(), |client| client.name.clone()),
        host,
        scopes: app.scopes.iter().map(|scope| Scope::new(scope)).collect(),
        since: app.since.into(),
        vouched: client.is_some_and(|client| client.consent == ConsentPolicy::Skip),
    }
}

/// `POST /portal/apps`: shuts an application out. What it was given ends, refresh tokens and all.
pub(super) async fn post(req: HttpRequest, state: Data<State>, payload: Payload) -> HttpResponse {
    let (visitor, params) = match door::admitted(&state, &req, payload).await {
        Ok(admitted) => admitted,
        Err(refusal) => return refusal,
    };
    let Some(client) = params.get("client").map(ClientId::from) else {
        return answer::error(&state, &req, Cause::BadRequest);
    };
    if own(&state).contains(&client.as_str()) {
        return answer::error(&state, &req, Cause::NotFound);
    }
    let (now, user, random) = (state.clock.now(), visitor.user.id, std::sync::Arc::clone(&state.random));
    let work = move |tx: &mut Transaction| {
        // Only what is there is told: nobody fills the log with names.
        let there = of(tx, user, now)?.iter().any(|app| app.client == client);
        if there {
            consent::withdraw(tx, user, &client, now, &*random)?;
        }
        Ok(there)
    };
    match state.store.write(work).await {
        Ok(true) => answer::see_other(&state.public.path(&format!("{APPS}?done=withdrawn"))),
        Ok(false) => answer::error(&state, &req, Cause::NotFound),
        Err(error) => answer::store_error(&state, &req, &error),
    }
}
