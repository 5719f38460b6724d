//! Whom the client expects: an ID token that we gave it, however old (OpenID Connect Core, section 3.1.2.1). Another user
//! than that one is `login_required`; what is not our ID token for this client is no hint but a mistake.
//!
//! One whose key is gone was perhaps ours: keys are deleted long before a client forgets its users. It is taken at its word, since
//! all that a hint can do is to narrow who will do. Passed over, as logout does, which then asks the person, it would let
//! somebody else sign in for the user whom the client named, and that the specification forbids.

use vestibule_core::{id::UserId, time::Time};
use vestibule_jose::VerifyError;

use crate::{errors::Problem, id_token, model::Client, params::Params, snapshot::Snapshot};

pub(super) fn check(
    params: &Params,
    client: &Client,
    snapshot: &Snapshot,
    now: Time,
) -> Result<Option<UserId>, Problem> {
    let Some(hint) = params.get("id_token_hint") else { return Ok(None) };
    let bad = || Problem::invalid("id_token_hint is not an ID token of this server for this client");
    let claims = match id_token::read_hint(hint, snapshot, now) {
        Err(VerifyError::UnknownKey) => id_token::unverified_hint(hint, snapshot).ok_or_else(bad)?,
        read => read.map_err(|_| bad())?,
    };
    if !claims.aud.contains(client.id.as_str()) {
        return Err(bad());
    }
    claims.sub.parse().map(Some).map_err(|_| bad())
}
