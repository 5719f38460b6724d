//! Somebody else may know a user's password: they have to choose another at their next sign-in.
//!
//! It is for evidence of a compromise and for nothing else (NIST SP 800-63B-4, section 3.1.1.2): whoever is asked to change a password
//! every some months chooses worse ones. Whoever is signed in is signed out, since it may be somebody else. Where a password is all that
//! is asked for, whoever knows it could be the one who changes it: there a link is better, and the console says so.

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use vestibule_authn_password::{Password, marked, must_change};
use vestibule_core::{
    id::{AuthenticatorName, CredentialId, UserId},
    user::Credential,
};
use vestibule_oauth::sign_out;

use super::{
    Actor, AdminError, Permission,
    record::Change,
    transact::{self, Work},
    users::{SignedOut, touched},
};
use crate::state::State;

/// `users.require_password`.
///
/// # Errors
/// Without permission, for somebody above the actor, and when there is no such user or they have no password.
pub async fn require(state: &State, actor: &Actor, id: UserId) -> Result<SignedOut, AdminError> {
    actor.needs(Permission::FactorsWrite)?;
    let (work, random) = (Work::new(state, actor), state.random.clone());
    transact::write(state, move |tx| {
        let user = touched(tx, &work, id)?;
        let own = tx.credentials(id, &AuthenticatorName::from(Password::NAME))?.pop();
        let own = own.ok_or_else(|| AdminError::Refused("this user has no password".to_owned()))?;
        let stored = own.secret.expose_secret();
        if !must_change(stored) {
            // By another id: what was proved with it in a run that is under way counts no more, either.
            let new = CredentialId::new(work.now, &*random);
            let marked = Credential { id: new, secret: marked(stored).into(), version: 1, ..own.clone() };
            if !tx.delete_credential(own.id)? {
                return Err(AdminError::Refused("the password was changed at this moment".to_owned()));
            }
            tx.insert_credential(&marked)?;
        }
        let signed_out = SignedOut { sessions: sign_out::everywhere(tx, id, work.now)? };
        let view = json!({ "sessions": signed_out.sessions });
        work.record(tx, &Change::new("user.password_compromised", &user.username, &Value::Null, &view).about(id))?;
        Ok(signed_out)
    })
    .await
}
