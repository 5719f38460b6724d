//! What the answer holds: a code, and nothing else (OAuth 2.1 has no implicit grant).

use crate::{
    errors::{ErrorCode, Problem},
    model::{Client, GrantType},
    params::Params,
};

/// The response types that exist here.
pub const RESPONSE_TYPES: &[&str] = &["code"];

pub(super) fn check(params: &Params, client: &Client) -> Result<(), Problem> {
    let asked = params.get("response_type").ok_or_else(|| Problem::invalid("response_type is missing"))?;
    if !RESPONSE_TYPES.contains(&asked) {
        return Err(Problem::new(ErrorCode::UnsupportedResponseType, "the only response_type is code"));
    }
    if !client.grant_types.contains(&GrantType::AuthorizationCode) {
        return Err(Problem::new(ErrorCode::UnauthorizedClient, "the client may not use authorization codes"));
    }
    Ok(())
}
