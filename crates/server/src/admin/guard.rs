//! The last owner is never locked out: after a change, somebody who is an owner and may act must be able to finish the chain
//! of the console. Asked inside the transaction that changes something, of what it leaves behind.
//!
//! Counting those with the role was the road not taken: an owner without the phone that the chain asks for is none. Nor is one
//! who has a bypass code alone, which is good for an hour and once; but as long as nobody has more, that is not taken away either.

use std::sync::Arc;

use vestibule_core::{
    Registry,
    chain::ChainRevision,
    channel::Connection,
    crypto::Prf,
    directory::UserSearch,
    id::{ChainName, UserId},
    plan::Denial,
    random::Random,
    reach::Reach,
    store::StoreResult,
    time::Time,
    user::{Credential, User},
};
use vestibule_oauth::{may_act::may_act, model::Client};

use super::{AdminError, Role};
use crate::{
    declare::Workshop,
    state::{State, Transaction},
};

/// The id of the service provider that the console is.
pub const CONSOLE: &str = crate::console::CLIENT;

/// So many owners are read at once.
const PAGE: usize = 100;

/// What the question needs inside a transaction.
#[derive(Clone)]
pub struct Guard {
    registry: Registry,
    prf: Prf,
    random: Arc<dyn Random>,
    usual: ChainName,
    now: Time,
}

/// Whether somebody could sign in to the console as an owner before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "ask again after the change: Guard::hold"]
pub struct Before(Way);

/// The best way in that an owner has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    None,
    /// Once more, such as by a bypass code.
    Once,
    Lasting,
}

impl Guard {
    /// A guard for one change.
    pub fn new(state: &State) -> Self {
        Self {
            registry: state.engine.registry().clone(),
            prf: state.prf.clone(),
            random: Arc::clone(&state.random),
            usual: state.live.snapshot().default_chain().clone(),
            now: state.clock.now(),
        }
    }

    /// The same where there is no server, only its store: for commands. `usual` is the chain of service providers that name none.
    pub fn of(workshop: &Workshop, usual: ChainName) -> Self {
        Self {
            registry: workshop.registry.clone(),
            prf: workshop.prf.clone(),
            random: Arc::clone(&workshop.random),
            usual,
            now: workshop.clock.now(),
        }
    }

    /// Asked before a change: a server that nobody has entered yet has nobody to lock out.
    ///
    /// # Errors
    /// When the store fails.
    pub fn before(&self, tx: &mut Transaction) -> StoreResult<Before> {
        Ok(Before(match () {
            () if self.look(tx)?.is_ok() => Way::Lasting,
            () if self.look_for(tx, false)?.is_ok() => Way::Once,
            () => Way::None,
        }))
    }

    /// Asked after a change, in the same transaction.
    ///
    /// # Errors
    /// [`AdminError::LocksOut`] when there was somebody and is nobody now, with what stops the last one who was asked.
    pub fn hold(&self, tx: &mut Transaction, before: Before) -> Result<(), AdminError> {
        match before.0 {
            Way::None => Ok(()),
            Way::Once => self.look_for(tx, false)?.map_err(AdminError::LocksOut),
            Way::Lasting => self.look(tx)?.map_err(AdminError::LocksOut),
        }
    }

    /// Whether an owner can sign in to the console, and not only once more; why the last one who was asked cannot.
    ///
    /// # Errors
    /// When the store fails.
    pub fn look(&self, tx: &mut Transaction) -> StoreResult<Result<(), String>> {
        self.look_for(tx, true)
    }

    fn look_for(&self, tx: &mut Transaction, lasting: bool) -> StoreResult<Result<(), String>> {
        let Some(client) = tx.clients()?.into_iter().find(|client| client.id.as_str() == CONSOLE) else {
            return Ok(Err("the console's service provider is not there".to_owned()));
        };
        let name = client.chain.clone().unwrap_or_else(|| self.usual.clone());
        let Some(chain) = tx.published_chains()?.into_iter().find(|chain| chain.chain == name) else {
            return Ok(Err(format!("the chain `{name}` of the console is not there")));
        };
        let connections = tx.connections()?;
        let mut verdicts = self.judge(tx, &client, &[chain], &connections, lasting)?;
        Ok(verdicts.pop().unwrap_or_else(|| Err(String::new())))
    }

    /// The same for each of these chains, if the console were this service provider and its chain that one. The owners are read
    /// once for all of them.
    ///
    /// # Errors
    /// When the store fails.
    pub fn look_through(
        &self,
        tx: &mut Transaction,
        client: &Client,
        chains: &[ChainRevision],
        connections: &[Connection],
    ) -> StoreResult<Vec<Result<(), String>>> {
        self.judge(tx, client, chains, connections, true)
    }

    fn judge(
        &self,
        tx: &mut Transaction,
        client: &Client,
        chains: &[ChainRevision],
        connections: &[Connection],
        lasting: bool,
    ) -> StoreResult<Vec<Result<(), String>>> {
        let scopes: Vec<String> = client.scopes.iter().cloned().collect();
        let reach = |chain| Reach {
            registry: &self.registry,
            chain,
            connections,
            client: &client.id,
            scopes: &scopes,
            prf: &self.prf,
            random: &*self.random,
            now: self.now,
            lasting,
        };
        let search = UserSearch { role: Some(Role::Owner.name().to_owned()), ..UserSearch::default() };
        let mut verdicts = vec![Err("nobody has the role of an owner".to_owned()); chains.len()];
        let mut after = None;
        loop {
            let page = tx.find_users(&search, after.as_ref(), PAGE)?;
            let full = page.len() == PAGE;
            let ids: Vec<UserId> = page.iter().map(|(_, owner)| owner.id).collect();
            let credentials = tx.credentials_of_all(&ids)?;
            for (place, owner) in page {
                let own: Vec<_> = credentials.iter().filter(|one| one.user == owner.id).cloned().collect();
                for (chain, verdict) in chains.iter().zip(&mut verdicts).filter(|(_, verdict)| verdict.is_err()) {
                    let entered = enters(&reach(chain), client, &owner, &own);
                    *verdict = entered.map_err(|denial| format!("{}: {denial}", owner.username));
                }
                after = Some(place);
            }
            if !full || verdicts.iter().all(Result::is_ok) {
                return Ok(verdicts);
            }
        }
    }
}

/// Whether this owner may act and can finish.
fn enters(reach: &Reach<'_>, client: &Client, owner: &User, credentials: &[Credential]) -> Result<(), Denial> {
    if may_act(owner, client).is_err() {
        return Err(Denial::MayNotAct);
    }
    reach.finishes(owner, credentials)
}
