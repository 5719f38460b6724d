//! What the browser of somebody who is signed in is told of their passkeys (Web Authentication, Level 3, section 5.1.10): which are
//! still good, and under which name to keep them. What it does with that is its own affair.
//!
//! A browser forgets what it is told is gone. So nothing is said where it is not sure: of a passkey that cannot be read one does not
//! know the id, and an incomplete list would take it away.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use vestibule_authn_passkey::{Key, Passkeys};
use vestibule_core::user::{Credential, User};

use crate::state::State;

/// Their passkeys, all of them.
pub(super) fn accepted(state: &State, user: &User, credentials: &[Credential]) -> Option<String> {
    accepted_at(&state.public.host, user, credentials)
}

fn accepted_at(party: &str, user: &User, credentials: &[Credential]) -> Option<String> {
    let own = credentials.iter().filter(|own| own.authenticator.as_str() == Passkeys::NAME);
    let ids: Result<Vec<String>, _> = own.map(|own| Key::read(&own.secret).map(|key| key.id())).collect();
    let told = json!({ "rpId": party, "userId": handle(user), "allAcceptedCredentialIds": ids.ok()? });
    Some(told.to_string())
}

/// How they are called now.
pub(super) fn named(state: &State, user: &User) -> String {
    let name = user.username.as_str();
    let shown = user.display_name.as_deref().filter(|name| !name.trim().is_empty()).unwrap_or(name);
    json!({ "rpId": state.public.host, "userId": handle(user), "name": name, "displayName": shown }).to_string()
}

/// The user handle of their passkeys.
fn handle(user: &User) -> String {
    URL_SAFE_NO_PAD.encode(user.id.0.as_bytes())
}

#[cfg(test)]
mod tests {
    use vestibule_core::{
        Time,
        id::{CredentialId, UserId},
        user::LoginName,
    };

    use super::*;

    const NOW: Time = Time::from_unix_seconds(1_795_442_570);

    fn own(authenticator: &str, secret: &str) -> Credential {
        Credential {
            id: CredentialId(uuid::Uuid::nil()),
            user: UserId(uuid::Uuid::nil()),
            authenticator: authenticator.into(),
            label: None,
            secret: secret.to_owned().into(),
            version: 1,
            created_at: NOW,
        }
    }

    #[test]
    fn what_is_not_known_for_sure_is_not_said() {
        let user = User::new(UserId(uuid::Uuid::nil()), LoginName::parse("ada").unwrap(), NOW);
        let told = |own: &[Credential]| accepted_at("login.example.com", &user, own);
        let none = r#"{"allAcceptedCredentialIds":[],"rpId":"login.example.com","userId":"AAAAAAAAAAAAAAAAAAAAAA"}"#;
        let none: serde_json::Value = serde_json::from_str(none).unwrap();
        let of = |told: Option<String>| serde_json::from_str::<serde_json::Value>(&told.unwrap()).unwrap();
        assert_eq!(of(told(&[])), none);
        assert_eq!(of(told(&[own("password", "x"), own("totp", "x")])), none, "of passkeys alone");
        assert_eq!(told(&[own("passkey", "broken")]), None);
    }
}
