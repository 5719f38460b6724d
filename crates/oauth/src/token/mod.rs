//! The token endpoint (RFC 6749, section 3.2): the client is authenticated, then each grant type is a file.
//!
//! One exchange is one write transaction, and signing is outside of it. What a refusal must change (a replayed code takes
//! its grant along) is changed in that transaction, so the transaction succeeds and what it returns is the refusal.

mod authorization_code;
mod client_credentials;
mod refresh_token;

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use vestibule_core::{engine::RequestContext, id::ClientId};

use crate::{
    access_token::AccessClaims,
    audit::{self, Facts},
    client_auth,
    deps::Deps,
    errors::TokenError,
    id_token,
    may_act::Dead,
    model::{Client, Grant, GrantId, GrantType},
    params::Params,
    refresh::RefreshToken,
};

impl GrantType {
    /// Every grant type.
    pub const ALL: [Self; 3] = [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials];

    /// Its registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// What a client sent to the token endpoint (or to revocation or introspection, which read the same).
#[derive(Clone, Copy, Debug)]
pub struct TokenRequest<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The body. Never the query: a secret there would be in every log.
    pub form: &'a Params,
    /// Where it came from.
    pub cx: &'a RequestContext,
}

/// What the client gets (RFC 6749, section 5.1).
#[derive(Debug)]
pub struct TokenAnswer {
    /// Who gets it; no part of the answer.
    pub client: ClientId,
    /// The access token.
    pub access_token: SecretString,
    /// For how many seconds it is good.
    pub expires_in: i64,
    /// The refresh token.
    pub refresh_token: Option<SecretString>,
    /// The ID token.
    pub id_token: Option<SecretString>,
    /// What was granted, separated by spaces.
    pub scope: String,
}

impl TokenAnswer {
    /// The JSON body. To be sent with `Cache-Control: no-store`.
    pub fn body(&self) -> Value {
        let mut body = json!({
            "access_token": self.access_token.expose_secret(),
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "scope": self.scope,
        });
        for (name, token) in [("refresh_token", &self.refresh_token), ("id_token", &self.id_token)] {
            if let (Some(token), Some(body)) = (token, body.as_object_mut()) {
                body.insert(name.to_owned(), token.expose_secret().into());
            }
        }
        body
    }
}

/// Why a code or a refresh token gives nothing. On the wire all of them are one `invalid_grant`.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// Nobody was given that code.
    #[error("there is no such code")]
    UnknownCode,
    /// The code is another client's; its owner can still spend it.
    #[error("the code of grant {grant} is client `{expected}`'s, and client `{actual}` showed it")]
    CodeOfOtherClient {
        /// What it gives.
        grant: GrantId,
        /// To whom alone.
        expected: ClientId,
        /// Who showed it.
        actual: ClientId,
    },
    /// The code was spent before; its grant is revoked.
    #[error("the code of grant {0} was spent before")]
    CodeReplayed(GrantId),
    /// The code is too old.
    #[error("the code of grant {0} expired")]
    CodeExpired(GrantId),
    /// The redirect URI is not the one of the authorization request (RFC 6749, section 4.1.3).
    #[error("the redirect_uri for grant {0} is another one or missing")]
    RedirectUri(GrantId),
    /// The verifier is missing, malformed or wrong, or was sent without a challenge before.
    #[error("the code_verifier for grant {grant} is {what}")]
    Verifier {
        /// What the code gives.
        grant: GrantId,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The grant gives nothing any more.
    #[error("grant {grant}: {why}")]
    Dead {
        /// Which.
        grant: GrantId,
        /// Why.
        why: Dead,
    },
    /// We did not make that refresh token, or its grant is long gone.
    #[error("there is no such refresh token")]
    UnknownRefreshToken,
    /// The refresh token is another client's; its owner is not harmed.
    #[error("the refresh token of grant {grant} is client `{expected}`'s, and client `{actual}` showed it")]
    RefreshTokenOfOtherClient {
        /// Its family.
        grant: GrantId,
        /// Whose it is.
        expected: ClientId,
        /// Who showed it.
        actual: ClientId,
    },
    /// The refresh token was used before; its family is revoked.
    #[error("refresh token {generation} of grant {grant} was used before")]
    RefreshTokenReplayed {
        /// Its family.
        grant: GrantId,
        /// Its place in it.
        generation: i64,
    },
}

/// The token endpoint.
///
/// # Errors
/// [`TokenError`]: a registered code for the client, everything else for the log.
pub async fn token(deps: &Deps<'_>, request: TokenRequest<'_>) -> Result<TokenAnswer, TokenError> {
    let form = request.form;
    if let Some(name) = form.repeated() {
        return Err(TokenError::Request(format!("`{name}` was sent more than once")));
    }
    let client = client_auth::authenticate(deps, request.authorization, form, request.cx).await?;
    let answer = match grant_type(form, &client) {
        Ok(GrantType::AuthorizationCode) => authorization_code::exchange(deps, request, &client).await,
        Ok(GrantType::RefreshToken) => refresh_token::rotate(deps, request, &client).await,
        Ok(GrantType::ClientCredentials) => client_credentials::issue(deps, form, &client),
        Err(refused) => Err(refused),
    };
    if let Err(error) = &answer {
        note(deps, request.cx, &client, error).await;
    }
    answer
}

/// Which grant type is used, if it exists and the client may use it.
fn grant_type(form: &Params, client: &Client) -> Result<GrantType, TokenError> {
    let asked = form.get("grant_type").ok_or_else(|| TokenError::Request("grant_type is missing".to_owned()))?;
    let known = GrantType::ALL.into_iter().find(|known| known.as_str() == asked);
    let known = known.ok_or_else(|| TokenError::UnsupportedGrantType(asked.chars().take(64).collect()))?;
    if client.grant_types.contains(&known) {
        Ok(known)
    } else {
        Err(TokenError::Unauthorized { client: client.id.clone(), what: known.as_str() })
    }
}

/// One event for a refusal. A replay has one of its own, in the transaction that revoked what was replayed; our own trouble
/// is no refusal.
async fn note(deps: &Deps<'_>, cx: &RequestContext, client: &Client, error: &TokenError) {
    let replay =
        matches!(error, TokenError::Grant(GrantError::CodeReplayed(_) | GrantError::RefreshTokenReplayed { .. }));
    if error.status() < 500 && !replay {
        let facts = Facts::of(&client.id).with("error", error.code()).with("why", error);
        audit::note_refusal(deps, cx, "token.refused", facts).await;
    }
}

/// What is issued for a grant.
struct Issue<'a> {
    grant: &'a Grant,
    client: &'a Client,
    /// The scopes of the access token, all of the grant's or fewer.
    scope: String,
    /// What the ID token says beside what the grant knows.
    asked: id_token::Asked<'a>,
    /// The generation of the refresh token.
    generation: Option<i64>,
}

/// Signs what a grant gives.
fn issue(deps: &Deps<'_>, issue: Issue<'_>) -> Result<TokenAnswer, TokenError> {
    let Issue { grant, client, scope, asked, generation } = issue;
    let now = deps.now();
    let claims = AccessClaims::of_grant(grant, client, scope, deps.snapshot, now, deps.random);
    let access_token = claims.sign(deps.snapshot)?;
    let openid = claims.scopes().any(|scope| scope == "openid");
    let id_token = if openid {
        Some(id_token::sign(grant, client, asked, &access_token, deps.snapshot, now)?.into())
    } else {
        None
    };
    let refresh_token =
        generation.map(|generation| RefreshToken { grant: grant.id, generation }.to_text(deps.prf).into());
    Ok(TokenAnswer {
        client: client.id.clone(),
        access_token: access_token.into(),
        expires_in: claims.exp.saturating_sub(claims.iat),
        refresh_token,
        id_token,
        scope: claims.scope,
    })
}
