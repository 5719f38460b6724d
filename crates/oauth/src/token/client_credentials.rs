//! A client for itself (RFC 6749, section 4.4). Nothing is stored and nothing is read: the token is its own proof.

use super::TokenAnswer;
use crate::{
    access_token::AccessClaims,
    claims,
    deps::Deps,
    errors::TokenError,
    model::{Client, ClientAuthMethod, GrantType},
    params::Params,
    snapshot::Registered,
};

pub(super) fn issue(deps: &Deps<'_>, form: &Params, client: &Registered) -> Result<TokenAnswer, TokenError> {
    if client.auth == ClientAuthMethod::None {
        // RFC 6749, section 4.4: confidential clients only, whatever was registered.
        let what = GrantType::ClientCredentials.as_str();
        return Err(TokenError::Unauthorized { client: client.id.clone(), what });
    }
    let scope = scope(form, client)?;
    let claims = AccessClaims::own(client, scope, deps.snapshot, deps.now(), deps.random);
    Ok(TokenAnswer {
        client: client.id.clone(),
        access_token: claims.sign(deps.snapshot)?.into(),
        expires_in: claims.exp.saturating_sub(claims.iat),
        refresh_token: None,
        id_token: None,
        scope: claims.scope,
    })
}

/// The scopes asked for, all of which the client must have; or all that it has. Never one about a person: there is none.
fn scope(form: &Params, client: &Client) -> Result<String, TokenError> {
    let may_have = |scope: &str| client.scopes.contains(scope) && !claims::is_about_a_person(scope);
    if form.get("scope").is_none() {
        let all = client.scopes.iter().map(String::as_str).filter(|scope| may_have(scope));
        return Ok(all.collect::<Vec<_>>().join(" "));
    }
    match form.words("scope").find(|scope| !may_have(scope)) {
        Some(scope) => Err(TokenError::Scope { client: client.id.clone(), scope: scope.to_owned() }),
        None => Ok(form.words("scope").collect::<Vec<_>>().join(" ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_037_only_scopes_of_its_own() {
        let client: Client = serde_json::from_value(serde_json::json!({
            "id": "job", "name": "Job", "scopes": ["openid", "offline_access", "email", "stock.read", "stock.write"]
        }))
        .unwrap();
        let ask = |form: &str| scope(&Params::parse(form.as_bytes()).unwrap(), &client);
        assert_eq!(ask("").unwrap(), "stock.read stock.write");
        assert_eq!(ask("scope=stock.read").unwrap(), "stock.read");
        for refused in ["openid", "offline_access", "email", "profile", "admin:users.read", "stock.read+admin:*"] {
            assert!(matches!(ask(&format!("scope={refused}")), Err(TokenError::Scope { .. })), "{refused}");
        }
    }
}
