//! The PKCE challenge (RFC 7636): S256 alone, 43 characters of base64url, which is what a SHA-256 digest has.

use crate::{errors::Problem, model::Client, params::Params};

/// The challenge methods that exist here.
pub const CODE_CHALLENGE_METHODS: &[&str] = &["S256"];

pub(super) fn check(params: &Params, client: &Client) -> Result<Option<String>, Problem> {
    let method = params.get("code_challenge_method");
    let Some(challenge) = params.get("code_challenge") else {
        return match method {
            None if !client.require_pkce => Ok(None),
            _ => Err(Problem::invalid("code_challenge is missing")),
        };
    };
    // RFC 7636, section 4.3: no method means `plain`, which is refused.
    if !method.is_some_and(|method| CODE_CHALLENGE_METHODS.contains(&method)) {
        return Err(Problem::invalid("the only code_challenge_method is S256"));
    }
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if challenge.len() != 43 || !challenge.bytes().all(base64url) {
        return Err(Problem::invalid("code_challenge is not 43 characters of base64url"));
    }
    Ok(Some(challenge.to_owned()))
}
