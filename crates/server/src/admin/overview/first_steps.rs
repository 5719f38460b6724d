//! What to do first in a new house. Nothing is stored for it: whether a step is done is seen in the house itself, so it is ticked
//! however it was done, and undone when it is undone.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use vestibule_authn_smsotp::SmsOtp;
use vestibule_core::{
    audit::page::AuditFilter,
    directory::UserSearch,
    id::{ChainName, ClientId},
    store::StoreExt as _,
};

use super::Keepers;
use crate::{
    admin::AdminError,
    console,
    state::{State, Transaction},
};

/// A step, and whether it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FirstStep {
    /// Which.
    pub step: Step,
    /// Whether it is done.
    pub done: bool,
}

/// What to do first, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Something besides a password for whoever asks.
    OwnSecondFactor,
    /// A connection that sends text messages.
    Connection,
    /// A service provider.
    Client,
    /// A chain of two steps that one of the service providers has.
    Chain,
    /// Somebody else who can sign in.
    User,
    /// A login at a service provider.
    Tried,
}

impl Step {
    /// Each, in order.
    pub const ALL: [Self; 6] =
        [Self::OwnSecondFactor, Self::Connection, Self::Client, Self::Chain, Self::User, Self::Tried];

    /// How it is called among the messages.
    pub fn word(self) -> &'static str {
        match self {
            Self::OwnSecondFactor => "own_second_factor",
            Self::Connection => "connection",
            Self::Client => "client",
            Self::Chain => "chain",
            Self::User => "user",
            Self::Tried => "tried",
        }
    }
}

/// The service providers that an admin registered.
fn clients(state: &State) -> Vec<(ClientId, ChainName)> {
    let snapshot = state.live.snapshot();
    let built_in = |id: &str| [state.portal_client.as_str(), console::CLIENT].contains(&id);
    let own = snapshot.clients().filter(|client| !built_in(client.id.as_str()));
    own.map(|client| (client.id.clone(), snapshot.chain(client))).collect()
}

/// Whether there is anything to sign in to but the portal and the console.
pub(super) fn has_client(state: &State) -> bool {
    !clients(state).is_empty()
}

/// What of it is done. `logins` are those of each service provider lately; where there are none, the log is asked about one.
pub(super) async fn look(
    state: &State,
    keepers: &Keepers,
    logins: &BTreeMap<String, u64>,
) -> Result<Vec<FirstStep>, AdminError> {
    let clients = clients(state);
    let configuration = state.engine.configuration();
    let sms = |kind: &str| kind == SmsOtp::CONNECTION_KIND;
    let connection = configuration.connections.iter().any(|one| !one.disabled && sms(&one.kind));
    let long = |name: &ChainName| {
        configuration.chains.iter().any(|chain| chain.chain == *name && chain.document.steps.len() > 1)
    };
    let chain = clients.iter().any(|(_, chain)| long(chain));
    let mut tried = clients.iter().any(|(id, _)| logins.get(id.as_str()).is_some_and(|number| *number > 0));
    let several = keepers.several();
    let asked = clients.first().map(|(id, _)| id.to_string()).filter(|_| !tried);
    let read = move |tx: &mut Transaction| {
        let others = several || tx.find_users(&UserSearch::default(), None, 2)?.len() > 1;
        let filter = |client| AuditFilter {
            client: Some(client),
            kind: Some("login.completed".to_owned()),
            ..Default::default()
        };
        let before = match asked.clone() {
            Some(client) => !tx.audit_page(&filter(client), None, 1)?.entries.is_empty(),
            None => false,
        };
        Ok((others, before))
    };
    let (user, before) = state.store.read(read).await?;
    tried |= before;
    let done = |step| match step {
        Step::OwnSecondFactor => keepers.i_have_more(),
        Step::Connection => connection,
        Step::Client => !clients.is_empty(),
        Step::Chain => chain,
        Step::User => user,
        Step::Tried => tried,
    };
    // A program has no factors of its own.
    let asked = Step::ALL.into_iter().filter(|step| keepers.person_asks() || *step != Step::OwnSecondFactor);
    Ok(asked.map(|step| FirstStep { step, done: done(step) }).collect())
}
