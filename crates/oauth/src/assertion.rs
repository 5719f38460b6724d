//! Client assertions: `private_key_jwt` (RFC 7523; OpenID Connect Core, section 9).

use std::time::Duration;

use serde::Deserialize;
use vestibule_core::{
    store::{StoreExt as _, StoreResult},
    time::Time,
};
use vestibule_jose::{Algorithm, Expect, Typ, VerifyError};

use crate::{deps::Deps, snapshot::Registered};

/// The `client_assertion_type` (RFC 7523, section 2.2).
pub(crate) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far the client's clock may be off.
const LEEWAY: Duration = Duration::from_secs(30);
/// How far ahead it may expire: for so long its `jti` is remembered.
const LONGEST: Duration = Duration::from_secs(300);

/// Why an assertion is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// The client has registered no keys.
    #[error("the client has no usable keys")]
    NoKeys,
    /// It is not a good token for us.
    #[error(transparent)]
    Token(#[from] VerifyError),
    /// It speaks about somebody else.
    #[error("iss and sub are not both the client")]
    Subject,
    /// It lives too long.
    #[error("it expires more than five minutes ahead")]
    TooLong,
    /// Its `jti` is empty or too long.
    #[error("its jti is empty or too long")]
    Jti,
    /// It was used before.
    #[error("it was used before")]
    Replayed,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    jti: String,
    exp: f64,
}

/// Whether `jwt` is an assertion of `client` for us, used for the first time.
pub(crate) async fn check(deps: &Deps<'_>, client: &Registered, jwt: &str) -> StoreResult<Result<(), AssertionError>> {
    let now = deps.now();
    let claims = match read(deps, client, jwt, now) {
        Ok(claims) => claims,
        Err(refused) => return Ok(Err(refused)),
    };
    // Until nobody would accept it any more.
    let remembered = now + LONGEST + LEEWAY + LEEWAY;
    let (id, jti) = (client.id.clone(), claims.jti);
    let fresh = deps.store.write(move |tx| tx.use_assertion(&id, &jti, remembered)).await?;
    Ok(if fresh { Ok(()) } else { Err(AssertionError::Replayed) })
}

fn read(deps: &Deps<'_>, client: &Registered, jwt: &str, now: Time) -> Result<Claims, AssertionError> {
    let keys = client.keys().ok_or(AssertionError::NoKeys)?;
    let expect = Expect {
        typ: Typ::PlainOr("client-authentication+jwt"),
        issuer: client.id.as_str(),
        audience: Some(&[deps.snapshot.issuer().as_str(), &deps.snapshot.endpoints().token]),
        now: now.0,
        leeway: LEEWAY,
        accept_expired: false,
    };
    let claims: Claims = keys.verify(jwt, &Algorithm::ALL, &expect)?;
    if claims.sub != client.id.as_str() {
        return Err(AssertionError::Subject);
    }
    let latest = (now + LONGEST + LEEWAY).unix_seconds();
    // Compared as a float, so that a huge one needs no conversion. What is no number is no JSON.
    if claims.exp > latest as f64 {
        return Err(AssertionError::TooLong);
    }
    if claims.jti.is_empty() || claims.jti.len() > 256 {
        return Err(AssertionError::Jti);
    }
    Ok(claims)
}
