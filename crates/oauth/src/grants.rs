//! What the engine calls when the last due step has passed: consent, then the grant and its code, in the same transaction.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde::Deserialize as _;
use serde_json::Value;
use vestibule_core::{
    crypto::Prf,
    engine::{Completion, Finish, Finished},
    id::{SessionId, UserId},
    interaction::Request,
    plan::Denial,
    random::Random,
    store::{StoreError, StoreResult},
    time::Time,
};

use crate::{
    audit::{self, Facts},
    authorize::Frozen,
    code,
    consent::{self, Decision},
    errors::{ClientAnswer, ErrorCode, Problem},
    may_act::{Dead, may_act},
    model::{AuthorizationCode, Client, Grant, GrantId, GrantType, RefreshState},
    redirect_uri, sign_out,
    snapshot::{Current, Registered},
    store::Tx,
    trial::Outcome,
};

/// Makes grants. A grant needs a [`Completed`](vestibule_core::Completed), which only the engine's plan can make.
pub struct Grants {
    current: Arc<Current>,
    prf: Prf,
    random: Arc<dyn Random>,
}

impl Grants {
    /// What makes grants to the clients of `current`.
    pub fn new(current: Arc<Current>, prf: Prf, random: Arc<dyn Random>) -> Self {
        Self { current, prf, random }
    }

    /// The client, if it may still be answered there: the request was checked when it came, which was a while ago.
    fn client(&self, completion: &Completion<'_>, frozen: &Frozen) -> Result<Arc<Registered>, Problem> {
        let gone = |description| Problem::new(ErrorCode::UnauthorizedClient, description);
        let snapshot = self.current.get();
        let client = snapshot.client(completion.request.client.as_str()).ok_or_else(|| gone("the client is gone"))?;
        let may_use = client.grant_types.contains(&GrantType::AuthorizationCode);
        if !may_use || !client.redirect_uris.iter().any(|uri| redirect_uri::matches(uri, &frozen.redirect_uri)) {
            return Err(gone("the client was changed"));
        }
        Ok(Arc::clone(client))
    }

    /// Refuses for somebody who proved who they are, and gives nothing all the same.
    fn turn_away(
        &self,
        tx: &mut dyn Tx,
        completion: &Completion<'_>,
        frozen: &Frozen,
        dead: Dead,
    ) -> StoreResult<Finished> {
        let facts = Facts { user: Some(completion.user.id), ..Facts::of(&completion.request.client) };
        let mut event = audit::event("grant.refused", facts.with("why", &dead), completion.now, &*self.random);
        event.network = Some(completion.session.network.clone());
        tx.append_audit(&event)?;
        // Nothing that the person did is wrong, and many applications say no more than that it failed: so a page says it.
        let denial = (dead == Dead::Group).then_some(Denial::NotAdmitted);
        let problem = denial.as_ref().map_or_else(
            || Problem::new(ErrorCode::AccessDenied, "the client or the user may not act any more"),
            Problem::from,
        );
        Ok(Finished::Refuse { answer: frozen.refuse(problem), denial })
    }

    /// The scopes that are granted; `None` while the person has to be asked.
    fn agreed(
        &self,
        tx: &mut dyn Tx,
        completion: &Completion<'_>,
        client: &Client,
        frozen: &Frozen,
    ) -> StoreResult<Result<Option<BTreeSet<String>>, Problem>> {
        let user = completion.user.id;
        // What the client lost since it asked, it is not given.
        let scopes = completion.request.scopes.iter();
        let asked: BTreeSet<String> = scopes.filter(|scope| client.scopes.contains(*scope)).cloned().collect();
        // A decision that cannot be read is none: ask again.
        let decision = completion.decision.and_then(|decision| Decision::deserialize(decision).ok());
        let Some(decision) = decision else {
            let due = consent::due(tx, user, client, &asked, frozen.ask_consent)?;
            return Ok(Ok((!due).then_some(asked)));
        };
        let granted = decision.granted(&asked);
        // Who agrees to nothing of what was asked for has not agreed: a token without any scope would say otherwise.
        if !decision.allow || granted.is_empty() && !asked.is_empty() {
            return Ok(Err(Problem::new(ErrorCode::AccessDenied, "the user did not agree")));
        }
        if frozen.trial.is_none() {
            consent::remember(tx, user, &client.id, &granted, completion.now)?;
        }
        Ok(Ok(Some(granted)))
    }

    fn insert(
        &self,
        tx: &mut dyn Tx,
        completion: &Completion<'_>,
        client: &Client,
        frozen: &Frozen,
        scopes: BTreeSet<String>,
    ) -> StoreResult<GrantId> {
        if frozen.trial.is_some() {
            // The second lock on that door.
            return Err(StoreError::Damaged("a trial was about to be granted something".to_owned()));
        }
        let Completion { completed, now, .. } = *completion;
        let grant = Grant {
            id: GrantId::new(now, &*self.random),
            client: client.id.clone(),
            user: completed.user(),
            session: completion.session.id,
            scopes,
            acr: completed.acr().map(str::to_owned),
            amr: completed.amr().clone(),
            auth_time: completed.auth_time(),
            created_at: now,
            expires_at: now + life(client),
            revoked_at: None,
            refresh: RefreshState::default(),
        };
        tx.insert_grant(&grant)?;
        tx.insert_code(&AuthorizationCode {
            hash: code::hash(&code::text(grant.id, &self.prf), &self.prf),
            grant: grant.id,
            client: client.id.clone(),
            redirect_uri: frozen.redirect_uri.clone(),
            code_challenge: frozen.code_challenge.clone(),
            nonce: frozen.nonce.clone(),
            id_token_claims: frozen.id_token_claims.clone(),
            expires_at: now + code::LIFE,
            consumed_at: None,
        })?;
        let facts = Facts { user: Some(grant.user), ..Facts::of(&client.id) }.with("grant", &grant.id);
        let mut event = audit::event("grant.made", facts, now, &*self.random);
        event.network = Some(completion.session.network.clone());
        tx.append_audit(&event)?;
        Ok(grant.id)
    }
}

/// How long a grant gives anything: as long as it may be refreshed, or as long as one access token of it lives.
pub(crate) fn life(client: &Client) -> Duration {
    let access = code::LIFE + Duration::from(client.access_token_life);
    let refreshes = client.grant_types.contains(&GrantType::RefreshToken);
    if refreshes { access.max(client.refresh_token_life.into()) } else { access }
}

impl Finish<dyn Tx> for Grants {
    fn finish(&self, tx: &mut (dyn Tx + 'static), completion: &Completion<'_>) -> StoreResult<Finished> {
        let frozen = Frozen::of(completion.request)
            .ok_or_else(|| StoreError::Damaged(format!("the request of interaction {}", completion.interaction)))?;
        let refuse = |problem| Ok(Finished::Refuse { answer: frozen.refuse(problem), denial: None });
        // A proof for somebody else is a proof of nothing.
        if completion.completed.user() != completion.user.id || completion.session.user != completion.user.id {
            return refuse(Problem::new(ErrorCode::ServerError, "the server contradicts itself"));
        }
        let client = match self.client(completion, &frozen) {
            Ok(client) => client,
            Err(problem) => return refuse(problem),
        };
        if let Err(dead) = may_act(completion.user, &client) {
            return self.turn_away(tx, completion, &frozen, dead);
        }
        match self.agreed(tx, completion, &client, &frozen)? {
            Err(problem) => refuse(problem),
            Ok(None) => Ok(Finished::Hold),
            Ok(Some(scopes)) if frozen.trial.is_some() => {
                Ok(Finished::Answer(Outcome::passed(completion.completed, scopes).to_value()))
            }
            Ok(Some(scopes)) => {
                let grant = self.insert(tx, completion, &client, &frozen, scopes)?;
                let answer = ClientAnswer::code(&frozen.redirect_uri, frozen.state.as_deref(), grant);
                Ok(Finished::Answer(answer.to_value()))
            }
        }
    }

    fn is_trial(&self, request: &Request) -> bool {
        // A payload that cannot be read is no trial, and no grant is made of it either.
        Frozen::of(request).is_some_and(|frozen| frozen.trial.is_some())
    }

    fn refuse(&self, request: &Request, denial: &Denial) -> Value {
        // Without its payload nobody can be told; the record is then no answer, and the person gets an error page.
        Frozen::of(request).map(|frozen| frozen.refuse(denial.into())).unwrap_or_default()
    }

    fn session_ended(&self, tx: &mut (dyn Tx + 'static), session: SessionId, now: Time) -> StoreResult<()> {
        tx.revoke_session_grants(session, now).map(|_| ())
    }

    fn taken_back(&self, tx: &mut (dyn Tx + 'static), user: UserId, now: Time) -> StoreResult<()> {
        sign_out::take_back(tx, user, now)
    }
}
