//! What for. A scope that the client may not have is passed over, as OpenID Connect asks (Core, section 3.1.2.1), and the
//! token answer says what is left (RFC 6749, section 3.3); only when nothing is left is it an error.

use std::collections::BTreeSet;

use crate::{
    errors::{ErrorCode, Problem},
    model::{Client, GrantType},
    params::Params,
};

pub(super) fn check(params: &Params, client: &Client) -> Result<BTreeSet<String>, Problem> {
    let refreshes = client.grant_types.contains(&GrantType::RefreshToken);
    let may_have = |scope: &&str| client.scopes.contains(*scope) && (refreshes || *scope != "offline_access");
    let scopes: BTreeSet<String> = params.words("scope").filter(may_have).map(str::to_owned).collect();
    if scopes.is_empty() && params.get("scope").is_some() {
        return Err(Problem::new(ErrorCode::InvalidScope, "the client may have none of these scopes"));
    }
    Ok(scopes)
}
