//! The temporary bypass code: what an admin hands to somebody who has lost their phone or key. It is good for one step that
//! lists `recovery`, once and for a while; the admin sets no password, and every other step is due as before.

use std::time::Duration;

use schemars::JsonSchema;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vestibule_authn_recovery::{self as recovery, Bypass, Recovery};
use vestibule_core::{
    id::{AuthenticatorName, CredentialId, UserId},
    time::Timestamp,
    user::Credential,
};

use super::{
    Actor, AdminError, Permission,
    error::FieldFault,
    record::Change,
    transact::{self, Work},
    users::touched,
};
use crate::state::State;

/// How long a code may be good.
const LIFE: std::ops::RangeInclusive<u32> = 5 * 60..=24 * 3600;
/// How long it is good when nobody says.
const USUAL: u32 = 3600;

/// A bypass code that is to be made.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBypass {
    /// For how long it is good, in seconds: 300 to 86400, an hour when nothing is said.
    #[serde(default)]
    pub life: Option<u32>,
}

/// A bypass code, shown once.
#[derive(Clone, Serialize, JsonSchema)]
pub struct BypassCode {
    /// The code. It passes one step that lists `recovery`, once.
    pub code: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// `users.bypass_code`. A code that was made before for the same user ends.
///
/// # Errors
/// Without permission, for somebody above the actor, for a life out of range, for a disabled user, and when there is no such user.
pub async fn make(state: &State, actor: &Actor, id: UserId, new: NewBypass) -> Result<BypassCode, AdminError> {
    actor.needs(Permission::FactorsWrite)?;
    let life = new.life.unwrap_or(USUAL);
    if !LIFE.contains(&life) {
        let (from, to) = (LIFE.start(), LIFE.end());
        let fault = FieldFault::new("/life", format!("must be from {from} to {to} seconds"));
        return Err(AdminError::Invalid(vec![fault]));
    }
    let work = Work::new(state, actor);
    let expires_at = work.now + Duration::from_secs(life.into());
    let (prf, credential) = (state.prf.clone(), CredentialId::new(work.now, &*state.random));
    let code = transact::write(state, move |tx| {
        let user = touched(tx, &work, id)?;
        if user.disabled {
            return Err(AdminError::Refused("this user is disabled, and could not sign in with a code".to_owned()));
        }
        let authenticator = AuthenticatorName::from(Recovery::NAME);
        for earlier in tx.credentials(id, &authenticator)?.iter().filter(|own| recovery::is_bypass(own)) {
            tx.delete_credential(earlier.id)?;
        }
        let created_at = work.now;
        let made = recovery::bypass(&prf, &user, &*work.random, expires_at);
        let Bypass { code, secret } = made.map_err(|error| AdminError::Refused(error.to_string()))?;
        tx.insert_credential(&Credential {
            id: credential,
            user: id,
            authenticator,
            label: None,
            secret,
            version: 1,
            created_at,
        })?;
        let view = json!({ "expires_at": Timestamp(expires_at) });
        work.record(tx, &Change::new("user.bypass_code", &user.username, &Value::Null, &view).about(id))?;
        Ok(code)
    })
    .await?;
    Ok(BypassCode { code: code.expose_secret().to_owned(), expires_at: expires_at.into() })
}
