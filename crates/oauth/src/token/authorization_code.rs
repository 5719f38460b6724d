//! A code for tokens (RFC 6749, section 4.1.3; PKCE: RFC 7636, section 4.6).
//!
//! A code is spent once, by a conditional update. Shown again by its client, it takes its grant and all that came of it along
//! (RFC 6749, section 4.1.2); shown by another client it is as if it were unknown, and its owner can still spend it.

use std::sync::Arc;

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use vestibule_core::{
    audit::AuditEvent,
    crypto::same_secret,
    store::{StoreExt as _, StoreResult},
    time::Time,
    user::User,
};

use super::{GrantError, Issue, TokenAnswer, TokenRequest, issue};
use crate::{
    access_token::joined,
    audit::{self, Facts},
    claims, code,
    deps::Deps,
    errors::TokenError,
    id_token, may_act,
    model::{AuthorizationCode, Client, Grant, GrantType, RefreshState},
    snapshot::Registered,
    store::Tx,
};

pub(super) async fn exchange(
    deps: &Deps<'_>,
    request: TokenRequest<'_>,
    client: &Arc<Registered>,
) -> Result<TokenAnswer, TokenError> {
    let form = request.form;
    let sent = form.get("code").ok_or_else(|| TokenError::Request("code is missing".to_owned()))?;
    let spend = Spend {
        hash: code::hash(sent, deps.prf),
        client: Arc::clone(client),
        redirect_uri: form.get("redirect_uri").map(str::to_owned),
        verifier: form.get("code_verifier").map(str::to_owned),
        replayed: audit::of_request(deps, request.cx, "code.replayed", Facts::of(&client.id)),
        now: deps.now(),
    };
    let Spent { grant, code, user } = deps.store.write(move |tx| spend.run(tx)).await??;
    let generation = (grant.refresh.generation > 0).then_some(grant.refresh.generation);
    let scope = joined(&grant.scopes);
    let about = claims::about_as_asked(&user, &grant.scopes, &code.id_token_claims);
    let asked = id_token::Asked { nonce: code.nonce.as_deref(), about };
    issue(deps, Issue { grant: &grant, client, scope, asked, generation })
}

/// What the transaction needs.
struct Spend {
    hash: String,
    client: Arc<Registered>,
    redirect_uri: Option<String>,
    verifier: Option<String>,
    replayed: AuditEvent,
    now: Time,
}

/// A code that was spent just now, what it gives, and whose it is.
struct Spent {
    grant: Grant,
    code: AuthorizationCode,
    user: User,
}

impl Spend {
    fn run(&self, tx: &mut dyn Tx) -> StoreResult<Result<Spent, GrantError>> {
        let Some(code) = tx.code(&self.hash)? else { return Ok(Err(GrantError::UnknownCode)) };
        if let Err(refused) = self.check_owner(&code) {
            return Ok(Err(refused));
        }
        if code.consumed_at.is_some() {
            return self.replay(tx, &code);
        }
        if let Err(refused) = self.check(&code) {
            return Ok(Err(refused));
        }
        let unknown = Ok(Err(GrantError::UnknownCode));
        let Some(mut grant) = tx.grant(code.grant)?.filter(|grant| grant.client == self.client.id) else {
            return unknown;
        };
        let user = match may_act::living(tx, &grant, &self.client, self.now)? {
            Ok(user) => user,
            Err(why) => return Ok(Err(GrantError::Dead { grant: grant.id, why })),
        };
        if !tx.consume_code(&self.hash, self.now)? {
            return self.replay(tx, &code);
        }
        if self.client.grant_types.contains(&GrantType::RefreshToken) {
            let first = RefreshState { generation: 1, rotated_at: self.now };
            if !tx.rotate_refresh(grant.id, grant.refresh, first)? {
                return self.replay(tx, &code);
            }
            grant.refresh = first;
        }
        Ok(Ok(Spent { grant, code, user }))
    }

    fn check_owner(&self, code: &AuthorizationCode) -> Result<(), GrantError> {
        if code.client == self.client.id {
            return Ok(());
        }
        let (expected, actual) = (code.client.clone(), self.client.id.clone());
        Err(GrantError::CodeOfOtherClient { grant: code.grant, expected, actual })
    }

    fn check(&self, code: &AuthorizationCode) -> Result<(), GrantError> {
        if self.now >= code.expires_at {
            return Err(GrantError::CodeExpired(code.grant));
        }
        if self.redirect_uri.as_deref() != Some(code.redirect_uri.as_str()) {
            return Err(GrantError::RedirectUri(code.grant));
        }
        check_verifier(&self.client, code.code_challenge.as_deref(), self.verifier.as_deref())
            .map_err(|what| GrantError::Verifier { grant: code.grant, what })
    }

    fn replay(&self, tx: &mut dyn Tx, code: &AuthorizationCode) -> StoreResult<Result<Spent, GrantError>> {
        // Written once: whoever repeats the replay writes no more.
        if tx.revoke_grant(code.grant, self.now)? {
            let mut event = self.replayed.clone();
            event.details.insert("grant".to_owned(), code.grant.to_string());
            tx.append_audit(&event)?;
        }
        Ok(Err(GrantError::CodeReplayed(code.grant)))
    }
}

/// Whether the verifier fits the challenge. One that was sent without a challenge is refused too: somebody may have taken
/// the challenge out of the authorization request (RFC 9700, section 2.1.1).
fn check_verifier(client: &Client, challenge: Option<&str>, verifier: Option<&str>) -> Result<(), &'static str> {
    let (challenge, verifier) = match (challenge, verifier) {
        (None, None) if !client.require_pkce => return Ok(()),
        (None, _) => return Err("without a challenge"),
        (Some(_), None) => return Err("missing"),
        (Some(challenge), Some(verifier)) => (challenge, verifier),
    };
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(unreserved) {
        return Err("malformed");
    }
    let digest = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, verifier.as_bytes()));
    if same_secret(digest.as_bytes(), challenge.as_bytes()) { Ok(()) } else { Err("wrong") }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn client(require_pkce: bool) -> Client {
        serde_json::from_value(serde_json::json!({ "id": "shop", "name": "Shop", "require_pkce": require_pkce }))
            .unwrap()
    }

    #[test]
    fn a_022_the_verifier_fits_the_challenge() {
        let strict = client(true);
        assert_eq!(check_verifier(&strict, Some(CHALLENGE), Some(VERIFIER)), Ok(()));
        assert_eq!(check_verifier(&strict, Some(CHALLENGE), None), Err("missing"));
        assert_eq!(check_verifier(&strict, Some(CHALLENGE), Some(CHALLENGE)), Err("wrong"));
        assert_eq!(check_verifier(&strict, Some(CHALLENGE), Some("short")), Err("malformed"));
        assert_eq!(check_verifier(&strict, Some(CHALLENGE), Some(&"a".repeat(129))), Err("malformed"));
        assert_eq!(check_verifier(&strict, Some(CHALLENGE), Some(&format!("{VERIFIER} "))), Err("malformed"));
        assert_eq!(check_verifier(&strict, None, None), Err("without a challenge"));
    }

    #[test]
    fn a_022_a_verifier_without_a_challenge_is_refused() {
        assert_eq!(check_verifier(&client(false), None, Some(VERIFIER)), Err("without a challenge"));
        assert_eq!(check_verifier(&client(false), None, None), Ok(()));
    }
}
