//! Rotation (RFC 6749, section 6; RFC 9700, section 4.14.2).
//!
//! Each use gives a successor. The token before is answered with the same successor again, for 30 seconds and as long as
//! that was not used: the answer may have been lost, or the client may have asked twice at once. Anything older is a theft,
//! of which nobody can tell who the thief is, and the family dies.

use std::{collections::BTreeSet, sync::Arc};

use vestibule_core::{
    audit::AuditEvent,
    store::{StoreError, StoreExt as _, StoreResult},
    time::Time,
};

use super::{GrantError, Issue, TokenAnswer, TokenRequest, issue};
use crate::{
    access_token::joined,
    audit::{self, Facts},
    deps::Deps,
    errors::TokenError,
    id_token, may_act,
    model::{Grant, RefreshState},
    params::Params,
    refresh::RefreshToken,
    snapshot::Registered,
    store::Tx,
};

pub(super) async fn rotate(
    deps: &Deps<'_>,
    request: TokenRequest<'_>,
    client: &Arc<Registered>,
) -> Result<TokenAnswer, TokenError> {
    let form = request.form;
    let sent = form.get("refresh_token");
    let sent = sent.ok_or_else(|| TokenError::Request("refresh_token is missing".to_owned()))?;
    let token = RefreshToken::from_text(sent, deps.prf).ok_or(GrantError::UnknownRefreshToken)?;
    let rotation = Rotation {
        token,
        client: Arc::clone(client),
        asked: asked(form),
        replayed: audit::of_request(deps, request.cx, "refresh.replayed", Facts::of(&client.id)),
        now: deps.now(),
    };
    let (grant, scopes) = match deps.store.write(move |tx| rotation.run(tx)).await? {
        Ok(rotated) => rotated,
        Err(Refused::Grant(refused)) => return Err(refused.into()),
        Err(Refused::Scope(scope)) => return Err(TokenError::Scope { client: client.id.clone(), scope }),
    };
    let generation = Some(grant.refresh.generation);
    // What was asked for was for the first ID token: a refreshed one says who and how, and UserInfo the rest.
    let asked = id_token::Asked::default();
    issue(deps, Issue { grant: &grant, client, scope: joined(&scopes), asked, generation })
}

/// The scopes asked for; `None` means all that were granted.
fn asked(form: &Params) -> Option<BTreeSet<String>> {
    form.get("scope").map(|_| form.words("scope").map(str::to_owned).collect())
}

/// What the transaction needs.
struct Rotation {
    token: RefreshToken,
    client: Arc<Registered>,
    asked: Option<BTreeSet<String>>,
    replayed: AuditEvent,
    now: Time,
}

type Rotated = Result<(Grant, BTreeSet<String>), Refused>;

enum Refused {
    Grant(GrantError),
    Scope(String),
}

impl Rotation {
    fn run(&self, tx: &mut dyn Tx) -> StoreResult<Rotated> {
        // Whoever loses a race finds the family moved on when it looks again, and gets the winner's successor.
        for _ in 0..2 {
            if let Some(rotated) = self.attempt(tx)? {
                return Ok(rotated);
            }
        }
        Err(StoreError::Conflict(format!("refresh family {}", self.token.grant)))
    }

    /// `None` when somebody else rotated since the grant was read.
    fn attempt(&self, tx: &mut dyn Tx) -> StoreResult<Option<Rotated>> {
        let refused = |error| Ok(Some(Err(Refused::Grant(error))));
        let Some(grant) = tx.grant(self.token.grant)? else { return refused(GrantError::UnknownRefreshToken) };
        if grant.client != self.client.id {
            let (expected, actual) = (grant.client, self.client.id.clone());
            return refused(GrantError::RefreshTokenOfOtherClient { grant: grant.id, expected, actual });
        }
        if let Err(why) = may_act::living(tx, &grant, &self.client, self.now)? {
            return refused(GrantError::Dead { grant: grant.id, why });
        }
        // Before the token is spent: a refusal for a scope costs the client nothing.
        let scopes = match self.scopes(&grant) {
            Ok(scopes) => scopes,
            Err(scope) => return Ok(Some(Err(Refused::Scope(scope)))),
        };
        match self.place(&grant) {
            Place::Valid => {
                let after = RefreshState { generation: grant.refresh.generation + 1, rotated_at: self.now };
                let rotated = tx.rotate_refresh(grant.id, grant.refresh, after)?;
                Ok(rotated.then_some(Ok((Grant { refresh: after, ..grant }, scopes))))
            }
            Place::Again => Ok(Some(Ok((grant, scopes)))),
            Place::Used => {
                self.replay(tx, &grant)?;
                refused(GrantError::RefreshTokenReplayed { grant: grant.id, generation: self.token.generation })
            }
        }
    }

    /// The scopes of the new access token: never more than were granted (RFC 6749, section 6).
    fn scopes(&self, grant: &Grant) -> Result<BTreeSet<String>, String> {
        let Some(asked) = &self.asked else { return Ok(grant.scopes.clone()) };
        match asked.difference(&grant.scopes).next() {
            Some(wider) => Err(wider.clone()),
            None => Ok(asked.clone()),
        }
    }

    fn place(&self, grant: &Grant) -> Place {
        let RefreshState { generation, rotated_at } = grant.refresh;
        let before = self.token.generation.checked_add(1) == Some(generation);
        match () {
            () if self.token.generation == generation => Place::Valid,
            () if before && self.now.since(rotated_at) <= RefreshState::GRACE => Place::Again,
            () => Place::Used,
        }
    }

    fn replay(&self, tx: &mut dyn Tx, grant: &Grant) -> StoreResult<()> {
        tx.revoke_grant(grant.id, self.now)?;
        let mut event = self.replayed.clone();
        event.user = Some(grant.user);
        event.details.insert("grant".to_owned(), grant.id.to_string());
        event.details.insert("generation".to_owned(), self.token.generation.to_string());
        tx.append_audit(&event)
    }
}

/// Where a token stands in its family.
enum Place {
    /// It is the latest.
    Valid,
    /// It is the one before, a moment ago, and its successor was not used.
    Again,
    /// It was used.
    Used,
}
