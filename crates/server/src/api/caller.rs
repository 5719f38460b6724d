//! Who calls: whoever shows an access token of this server. What they may do is what the token carries and what the person's
//! roles give now; a program has what it is registered with (client credentials). A cookie opens nothing here.

use actix_web::{HttpRequest, http::header::AUTHORIZATION};
use vestibule_core::{budget::Network, engine::RequestContext};
use vestibule_oauth::{
    bearer::{Bearer, bearer},
    userinfo::BearerError,
};

use super::{
    BASE,
    problem::{Kind, Problem},
    rate::Left,
};
use crate::{
    admin::{Actor, AdminError, Permission, Role, Via, Who, access::Permissions, guard::CONSOLE},
    context,
    http::csrf,
    state::State,
};

/// Who calls, if they may do this.
pub(super) async fn caller(state: &State, req: &HttpRequest, needs: Permission) -> Result<Actor, Problem> {
    allowed(&shown(state, req).await?, context::of(state, req), needs)
}

/// The same, if they do not ask too often. `left` is what they may ask after this.
pub(super) async fn counted(
    state: &State,
    req: &HttpRequest,
    needs: Permission,
    left: &mut Option<Left>,
) -> Result<Actor, Problem> {
    let cx = context::of(state, req);
    let (network, now) = (Network::of(cx.ip), state.clock.now());
    let shown = shown(state, req).await;
    let rest = match &shown {
        Ok(shown) => Some(state.api_rates.caller(&name(shown), &network, now)),
        // It is not theirs that the database does not answer.
        Err(problem) if problem.kind.status() >= 500 => None,
        Err(_) => Some(state.api_rates.stranger(&network, now)),
    };
    *left = rest;
    if let Some(refusal) = rest.and_then(|rest| rest.refusal()) {
        return Err(refusal);
    }
    allowed(&shown?, cx, needs)
}

fn allowed(shown: &Bearer, cx: RequestContext, needs: Permission) -> Result<Actor, Problem> {
    let actor = actor(shown, cx, needs)?;
    actor.needs(needs)?;
    Ok(actor)
}

/// Whose budget a request is of.
fn name(shown: &Bearer) -> String {
    match &shown.user {
        Some(user) => format!("user/{}", user.id),
        None => format!("client/{}", shown.client.id),
    }
}

/// The token that is shown, if it is one for us.
async fn shown(state: &State, req: &HttpRequest) -> Result<Bearer, Problem> {
    if !csrf::same_site(req, &state.public.origin) {
        return Err(Problem::new(Kind::CrossSite, "the browser says that this comes from a page of another site"));
    }
    let header = |value: &actix_web::http::header::HeaderValue| value.to_str().map(str::to_owned).ok();
    let authorization = req.headers().get(AUTHORIZATION).and_then(header);
    if authorization.is_none() && req.headers().contains_key(actix_web::http::header::COOKIE) {
        return Err(Problem::new(Kind::CrossSite, "a cookie opens nothing here: send an access token"));
    }
    if req.headers().get_all(AUTHORIZATION).count() > 1 {
        return Err(Problem::new(Kind::Malformed, "there is more than one Authorization header"));
    }
    let snapshot = state.live.snapshot();
    let (issuer, own) = (state.public.issuer.to_string(), state.public.url(BASE));
    let shown = bearer(&state.deps(&snapshot), authorization.as_deref(), &[&issuer, &own]).await?;
    // A token that somebody else gets to see as well could be shown here by them: for us is for us alone, or by our name.
    if !shown.claims.aud.contains(&own) && shown.claims.aud.0 != [issuer] {
        return Err(BearerError::Invalid.into());
    }
    // What the console asks of people is asked for here too: a service provider that asks for less would be a way around it.
    let console = snapshot.client(CONSOLE).map(|console| snapshot.chain(console));
    if shown.user.is_some() && console.as_ref() != Some(&snapshot.chain(&shown.client)) {
        let chain = console.map(|chain| chain.to_string()).unwrap_or_default();
        let why = format!(
            "for this API people sign in by the chain of the console, `{chain}`: set it for the service provider"
        );
        return Err(Problem::new(Kind::Forbidden, why));
    }
    Ok(shown)
}

fn actor(shown: &Bearer, cx: RequestContext, needs: Permission) -> Result<Actor, Problem> {
    let carried = Permissions::of_scopes(shown.scopes());
    let (who, permissions) = match &shown.user {
        None => (Who::Program(shown.client.id.clone()), carried),
        Some(user) => {
            let role = Role::strongest(&user.roles).ok_or(AdminError::Forbidden(needs))?;
            let who = Who::Person { user: user.id, username: user.username.clone(), role };
            (who, carried.and(&Permissions::of_roles(&user.roles)))
        }
    };
    Ok(Actor { who, permissions, via: Via::Api, cx })
}
