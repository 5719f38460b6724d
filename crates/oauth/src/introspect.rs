//! Introspection (RFC 7662): what a token is good for, told to the client that it was given to, or that it is for.

use std::sync::Arc;

use serde_json::{Value, json};
use vestibule_core::store::{StoreExt as _, StoreResult};

use crate::{
    access_token::{self, joined},
    client_auth,
    deps::Deps,
    errors::TokenError,
    may_act,
    model::RefreshState,
    refresh::RefreshToken,
    snapshot::Registered,
    store::Tx,
    token::TokenRequest,
};

/// The endpoint. A token that is bad, unknown, revoked, or none of the asking client's business is `{"active":false}`, and
/// nothing tells which (section 2.2). Public clients may not ask: anybody could in their name (section 2.1).
///
/// # Errors
/// [`TokenError`] when the client does not authenticate, sends no token, or the database fails.
pub async fn introspect(deps: &Deps<'_>, request: TokenRequest<'_>) -> Result<Value, TokenError> {
    let form = request.form;
    if let Some(name) = form.repeated() {
        return Err(TokenError::Request(format!("`{name}` was sent more than once")));
    }
    let client = client_auth::authenticate_confidential(deps, request.authorization, form, request.cx).await?;
    let token = form.get("token").ok_or_else(|| TokenError::Request("token is missing".to_owned()))?;
    // The hint is not looked at: the two kinds cannot be mistaken for each other.
    let found = match RefreshToken::from_text(token, deps.prf) {
        Some(token) => refresh_token(deps, token, &client).await?,
        None => access_token(deps, token, &client).await?,
    };
    Ok(found.unwrap_or_else(|| json!({ "active": false })))
}

async fn access_token(deps: &Deps<'_>, token: &str, asking: &Registered) -> StoreResult<Option<Value>> {
    let Some(living) = access_token::living(deps, token).await? else { return Ok(None) };
    let claims = &living.claims;
    if living.client.id != asking.id && !claims.aud.contains(asking.id.as_str()) {
        return Ok(None);
    }
    let mut said = serde_json::to_value(&**claims).unwrap_or_default();
    if let Some(said) = said.as_object_mut() {
        said.remove("grant");
        said.insert("active".to_owned(), true.into());
        said.insert("token_type".to_owned(), "Bearer".into());
        if let Some(user) = &living.user {
            said.insert("username".to_owned(), user.username.as_str().into());
        }
    }
    Ok(Some(said))
}

async fn refresh_token(deps: &Deps<'_>, token: RefreshToken, asking: &Arc<Registered>) -> StoreResult<Option<Value>> {
    let (now, asking, issuer) = (deps.now(), Arc::clone(asking), deps.snapshot.issuer().clone());
    let look = move |tx: &mut (dyn Tx + 'static)| {
        let Some(grant) = tx.grant(token.grant)?.filter(|grant| grant.client == asking.id) else { return Ok(None) };
        let RefreshState { generation, rotated_at } = grant.refresh;
        let again = token.generation.checked_add(1) == Some(generation) && now.since(rotated_at) <= RefreshState::GRACE;
        if token.generation != generation && !again {
            return Ok(None);
        }
        let Ok(user) = may_act::living(tx, &grant, &asking, now)? else { return Ok(None) };
        Ok(Some(json!({
            "active": true,
            "iss": issuer,
            "client_id": grant.client,
            "sub": grant.user,
            "username": user.username,
            "scope": joined(&grant.scopes),
            "iat": grant.created_at.unix_seconds(),
            "exp": grant.expires_at.unix_seconds(),
        })))
    };
    deps.store.read(look).await
}
