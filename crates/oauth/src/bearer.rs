//! Access tokens of this server, shown to a resource of its own: RFC 6750, the header alone. What the token allows there is for
//! the resource to say.

use std::sync::Arc;

use vestibule_core::user::User;

use crate::{
    access_token::{self, AccessClaims},
    deps::Deps,
    snapshot::Registered,
    userinfo::{BearerError, bearer as shown},
};

/// A token that is good at this instant, for one of the audiences asked for.
pub struct Bearer {
    /// What it says.
    pub claims: Arc<AccessClaims>,
    /// To whom it was given.
    pub client: Arc<Registered>,
    /// The person; `None` when the client acts for itself.
    pub user: Option<User>,
}

impl Bearer {
    /// The scopes that it carries and that its client may still have.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.claims.scopes().filter(|scope| self.client.scopes.contains(*scope))
    }
}

/// The token in the header, if it is ours, lives, and is for one of `audiences`.
///
/// # Errors
/// [`BearerError`].
pub async fn bearer(deps: &Deps<'_>, authorization: Option<&str>, audiences: &[&str]) -> Result<Bearer, BearerError> {
    let token = shown(authorization)?;
    let living = access_token::living(deps, token).await?.ok_or(BearerError::Invalid)?;
    if !audiences.iter().any(|audience| living.claims.aud.contains(audience)) {
        // RFC 9068, section 4: for somebody else, so here it is no token at all.
        return Err(BearerError::Invalid);
    }
    Ok(Bearer { claims: living.claims, client: living.client, user: living.user })
}
