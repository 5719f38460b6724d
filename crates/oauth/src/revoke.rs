//! Revocation (RFC 7009): a client gives a token back. A refresh token takes its whole grant along, an access token dies
//! alone. What is unknown or another client's is answered like a success, and nothing happens (section 2.2).

use std::sync::Arc;

use vestibule_core::{
    store::{StoreExt as _, StoreResult},
    time::Time,
};

use crate::{
    access_token,
    audit::{self, Facts},
    client_auth,
    deps::Deps,
    errors::TokenError,
    refresh::RefreshToken,
    snapshot::Registered,
    store::Tx,
    token::TokenRequest,
};

/// The endpoint. Success means that the token is dead, durably; when the database fails it says so (503), never 200.
///
/// # Errors
/// [`TokenError`] when the client does not authenticate, sends no token, or the database fails.
pub async fn revoke(deps: &Deps<'_>, request: TokenRequest<'_>) -> Result<(), TokenError> {
    let form = request.form;
    if let Some(name) = form.repeated() {
        return Err(TokenError::Request(format!("`{name}` was sent more than once")));
    }
    let client = client_auth::authenticate(deps, request.authorization, form, request.cx).await?;
    let token = form.get("token").ok_or_else(|| TokenError::Request("token is missing".to_owned()))?;
    let Some(target) = target(deps, token, &client) else { return Ok(()) };
    let facts = Facts::of(&client.id).with("token", target.name());
    let event = audit::of_request(deps, request.cx, "token.revoked", facts);
    let now = deps.now();
    let work = move |tx: &mut (dyn Tx + 'static)| {
        if target.revoke(tx, &client, now)? {
            tx.append_audit(&event)?;
        }
        Ok(())
    };
    Ok(deps.store.write(work).await?)
}

/// What is to be revoked.
enum Target {
    Refresh(RefreshToken),
    Access { jti: String, expires_at: Time },
}

/// Our own token, of that client as far as the token itself says.
fn target(deps: &Deps<'_>, token: &str, client: &Registered) -> Option<Target> {
    if let Some(token) = RefreshToken::from_text(token, deps.prf) {
        return Some(Target::Refresh(token));
    }
    let claims = access_token::read(deps, token).filter(|claims| claims.client_id == client.id.as_str())?;
    Some(Target::Access { jti: claims.jti.clone(), expires_at: Time::from_unix_seconds(claims.exp) })
}

impl Target {
    fn name(&self) -> &'static str {
        match self {
            Self::Refresh(_) => "refresh_token",
            Self::Access { .. } => "access_token",
        }
    }

    /// Whether anything changed.
    fn revoke(&self, tx: &mut dyn Tx, client: &Arc<Registered>, now: Time) -> StoreResult<bool> {
        match self {
            // Any generation will do: whoever gives an old one back wants the family dead.
            Self::Refresh(token) => {
                let own = tx.grant(token.grant)?.is_some_and(|grant| grant.client == client.id);
                if own { tx.revoke_grant(token.grant, now) } else { Ok(false) }
            }
            Self::Access { jti, expires_at } => {
                if tx.token_revoked(jti)? {
                    return Ok(false);
                }
                tx.revoke_token(jti, *expires_at)?;
                Ok(true)
            }
        }
    }
}
